/* SPDX-License-Identifier: MIT
 *
 * list_calls.c - the library's calls on lists.
 */
#include "list.h"

#include <errno.h>
#include <stdlib.h>

static int run(struct ipcfs_object *o, struct ipcfs_op *op, int64_t deadline_ns)
{
	return o->kind == IPCFS_LIST ? obj_run(o, op, deadline_ns) : -EINVAL;
}

/* changes: NULL, or what they must be, and then what they are. */
static int change(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t *changes)
{
	int rc;

	if (changes) {
		op->flags |= IPCFS_OP_CAS;
		op->changes = *changes;
	}
	rc = run(o, op, 0);
	if (rc == 0 && changes)
		*changes = op->changes;
	return rc;
}

int ipcfs_list_append(struct ipcfs_object *list, const void *item, size_t len)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .in = item, .in_len = len};

	return run(list, &op, 0);
}

static int put_many(struct ipcfs_object *list, const struct iovec *items, uint64_t count,
		    unsigned flags, uint64_t *changes)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT_MANY,
			      .flags = flags,
			      .vec = (struct iovec *)(uintptr_t)items,
			      .count = count};

	return change(list, &op, changes);
}

int ipcfs_list_extend(struct ipcfs_object *list, const struct iovec *items, uint64_t count,
		      uint64_t *changes)
{
	return put_many(list, items, count, 0, changes);
}

int ipcfs_list_replace(struct ipcfs_object *list, const struct iovec *items, uint64_t count,
		       uint64_t *changes)
{
	return put_many(list, items, count, IPCFS_OP_REPLACE, changes);
}

int ipcfs_list_insert(struct ipcfs_object *list, int64_t index, const void *item, size_t len,
		      uint64_t *changes)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_INSERT, .first = (uint64_t)index, .in = item, .in_len = len};

	return change(list, &op, changes);
}

int ipcfs_list_set(struct ipcfs_object *list, int64_t index, const void *item, size_t len,
		   uint64_t *changes)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_WRITE, .first = (uint64_t)index, .in = item, .in_len = len};

	return change(list, &op, changes);
}

int ipcfs_list_delete(struct ipcfs_object *list, int64_t index, uint64_t *changes)
{
	struct ipcfs_op op = {.verb = IPCFS_V_DELETE, .first = (uint64_t)index};

	return change(list, &op, changes);
}

ssize_t ipcfs_list_get(struct ipcfs_object *list, int64_t index, void *buf, size_t size,
		       uint64_t *changes)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_READ, .first = (uint64_t)index, .out = buf, .out_size = size};
	int rc = run(list, &op, 0);

	if (rc == 0 && changes)
		*changes = op.changes;
	return rc < 0 ? rc : (ssize_t)op.out_len;
}

ssize_t ipcfs_list_pop(struct ipcfs_object *list, int64_t index, void *buf, size_t size,
		       int64_t deadline_ns)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_GET, .first = (uint64_t)index, .out = buf, .out_size = size};
	int rc = run(list, &op, deadline_ns);

	return rc < 0 ? rc : (ssize_t)op.out_len;
}

ssize_t ipcfs_list_clear(struct ipcfs_object *list)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLEAR};
	int rc = run(list, &op, 0);

	return rc < 0 ? rc : (ssize_t)op.count;
}

int64_t ipcfs_list_count(struct ipcfs_object *list)
{
	struct ipcfs_stat st;
	int rc = list->kind == IPCFS_LIST ? ipcfs_stat(list, &st) : -EINVAL;

	return rc < 0 ? rc : (int64_t)st.messages;
}

/* Room is made without the lock, so it may be too little when it is asked for again. */
ssize_t ipcfs_list_items(struct ipcfs_object *list, struct iovec **items, uint64_t *changes)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PEEK};
	struct iovec *all = NULL;
	int rc;

	while ((rc = run(list, &op, 0)) == -EMSGSIZE) {
		uint64_t count = op.count + op.count / 8 + 1, bytes = op.out_len + op.out_len / 8;

		free(all);
		if (count > IPCFS_ITEMS_MAX || bytes > SIZE_MAX / 2)
			return -EUCLEAN;
		all = malloc(count * sizeof(*all) + bytes);
		if (!all)
			return -ENOMEM;
		op = (struct ipcfs_op){.verb = IPCFS_V_PEEK,
				       .vec = all,
				       .count = count,
				       .out = all + count,
				       .out_size = bytes};
	}
	if (rc < 0) {
		free(all);
		return rc;
	}
	if (changes)
		*changes = op.changes;
	*items = all;
	return (ssize_t)op.count;
}
