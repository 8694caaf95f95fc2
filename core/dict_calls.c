/* SPDX-License-Identifier: MIT
 *
 * dict_calls.c - the library's calls on dicts: each fills an operation and runs it.
 */
#include "dict.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int run(struct ipcfs_object *o, const char *key, struct ipcfs_op *op, int64_t deadline_ns)
{
	struct ipcfs_part part = {.name = key, .name_len = strlen(key)};
	int rc;

	if (o->kind != IPCFS_DICT)
		return -EINVAL;
	if (op->flags & IPCFS_OP_MAKE) {
		part.uid = geteuid();
		part.gid = getegid();
		part.mode = 0666 & ~sys_umask();
	}
	op->part = &part;
	rc = obj_run(o, op, deadline_ns);
	op->part = NULL;
	return rc;
}

/* Who it is that makes a key is asked for only where it is made: it costs more than all the rest. */
static int write_value(struct ipcfs_object *dict, const char *key, const void *value, size_t len,
		       unsigned flags)
{
	struct ipcfs_op there = {.verb = IPCFS_V_WRITE,
				 .flags = flags & ~(unsigned)IPCFS_OP_MAKE,
				 .in = value,
				 .in_len = len};
	int rc = flags & IPCFS_OP_NEW ? -ENOENT : run(dict, key, &there, 0);
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE, .flags = flags, .in = value, .in_len = len};

	return rc == -ENOENT ? run(dict, key, &op, 0) : rc;
}

int ipcfs_dict_set(struct ipcfs_object *dict, const char *key, const void *value, size_t len)
{
	return write_value(dict, key, value, len, IPCFS_OP_MAKE);
}

int ipcfs_dict_add(struct ipcfs_object *dict, const char *key, const void *value, size_t len)
{
	return write_value(dict, key, value, len, IPCFS_OP_MAKE | IPCFS_OP_NEW);
}

int ipcfs_dict_append(struct ipcfs_object *dict, const char *key, const void *bytes, size_t len)
{
	return write_value(dict, key, bytes, len, IPCFS_OP_MAKE | IPCFS_OP_APPEND);
}

ssize_t ipcfs_dict_get(struct ipcfs_object *dict, const char *key, void *buf, size_t size,
		       uint64_t *changes)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READ, .out = buf, .out_size = size};
	int rc = run(dict, key, &op, 0);

	if (rc < 0)
		return rc;
	if (changes)
		*changes = op.changes;
	return (ssize_t)op.out_len;
}

ssize_t ipcfs_dict_pop(struct ipcfs_object *dict, const char *key, void *buf, size_t size)
{
	struct ipcfs_op op = {.verb = IPCFS_V_POP, .out = buf, .out_size = size};
	int rc = run(dict, key, &op, 0);

	return rc < 0 ? rc : (ssize_t)op.out_len;
}

int ipcfs_dict_cas(struct ipcfs_object *dict, const char *key, const void *value, size_t len,
		   uint64_t *changes)
{
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE,
			      .flags = IPCFS_OP_CAS,
			      .in = value,
			      .in_len = len,
			      .changes = *changes};
	int rc = run(dict, key, &op, 0);

	if (rc == 0)
		*changes = op.changes;
	return rc;
}

int ipcfs_dict_op(struct ipcfs_object *dict, const char *key, enum ipcfs_arith op, char *type,
		  union ipcfs_number *number)
{
	struct ipcfs_part part = {.name = key, .name_len = strlen(key), .type = *type};
	struct ipcfs_op arith = {
		.verb = IPCFS_V_ARITH, .arith = op, .operand = *number, .part = &part};
	int rc = dict->kind == IPCFS_DICT && strchr("qd", *type) && *type ?
			 obj_run(dict, &arith, 0) :
			 -EINVAL;

	if (rc == 0) {
		*type = part.type;
		*number = arith.result;
	}
	return rc;
}

int ipcfs_dict_remove(struct ipcfs_object *dict, const char *key)
{
	struct ipcfs_op op = {.verb = IPCFS_V_DROP};

	return run(dict, key, &op, 0);
}

int ipcfs_dict_rename(struct ipcfs_object *dict, const char *key, const char *new_key)
{
	struct ipcfs_part part = {
		.name = key, .name_len = strlen(key), .to = new_key, .to_len = strlen(new_key)};
	struct ipcfs_op op = {.verb = IPCFS_V_RENAME, .part = &part};

	return dict->kind == IPCFS_DICT ? obj_run(dict, &op, 0) : -EINVAL;
}

ssize_t ipcfs_dict_clear(struct ipcfs_object *dict)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLEAR};
	int rc = dict->kind == IPCFS_DICT ? obj_run(dict, &op, 0) : -EINVAL;

	return rc < 0 ? rc : (ssize_t)op.count;
}

ssize_t ipcfs_dict_count(struct ipcfs_object *dict)
{
	struct ipcfs_stat st;
	int rc = dict->kind == IPCFS_DICT ? ipcfs_stat(dict, &st) : -EINVAL;

	return rc < 0 ? rc : (ssize_t)st.keys;
}

static void tell(const struct ipcfs_part *part, struct ipcfs_key *key)
{
	key->number = part->number;
	key->place = part->at;
	key->len = part->length;
	key->mtime_ns = part->mtime_ns;
	key->uid = part->uid;
	key->gid = part->gid;
	key->mode = part->mode;
}

/* The entry of the key after *key. 1, or 0: there is none. */
static int next_entry(struct ipcfs_object *dict, const struct ipcfs_key *key, void *room,
		      size_t size)
{
	struct ipcfs_part part = {.at = key->place, .number = key->number};
	struct ipcfs_op op = {.verb = IPCFS_V_KEYS, .part = &part, .first = key->number};
	uint64_t before;
	int rc;

	do {
		before = part.number;
		op.out = room;
		op.out_size = size;
		rc = obj_run(dict, &op, 0);
	} while (rc == -EBUSY && part.number != before); /* it is on its way */
	return rc < 0 ? rc : op.count != 0;
}

int ipcfs_dict_next(struct ipcfs_object *dict, struct ipcfs_key *key)
{
	char room[sizeof(struct ipcfs_entry) + IPCFS_NAME_MAX + 8] __attribute__((aligned(8)));
	const struct ipcfs_entry *entry = (const void *)room;
	struct ipcfs_part part;
	struct ipcfs_op find = {.verb = IPCFS_V_FIND, .part = &part};
	int rc;

	if (dict->kind != IPCFS_DICT)
		return -EINVAL;
	do {
		rc = next_entry(dict, key, room, sizeof(room));
		if (rc <= 0)
			return rc;
		memcpy(key->name, entry->name, entry->name_len);
		key->name[entry->name_len] = '\0';
		key->number = entry->number;
		key->place = entry->at;
		part = (struct ipcfs_part){.at = entry->at, .number = entry->number};
		rc = obj_run(dict, &find, 0);
	} while (rc == -EIDRM); /* gone in between, or all is: then the next entry says so */
	if (rc < 0)
		return rc;
	tell(&part, key);
	return 1;
}

int ipcfs_dict_stat(struct ipcfs_object *dict, const char *name, struct ipcfs_key *key)
{
	struct ipcfs_part part = {.name = name, .name_len = strlen(name)};
	struct ipcfs_op op = {.verb = IPCFS_V_FIND, .part = &part};
	int rc = dict->kind == IPCFS_DICT ? obj_run(dict, &op, 0) : -EINVAL;

	if (rc < 0)
		return rc;
	memcpy(key->name, name, part.name_len + 1);
	tell(&part, key);
	return 0;
}

int ipcfs_dict_wait(struct ipcfs_object *dict, const char *key, uint64_t *changes,
		    int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CHANGED, .changes = *changes};
	int rc = run(dict, key, &op, deadline_ns);

	if (rc == 0)
		*changes = op.changes;
	return rc;
}
