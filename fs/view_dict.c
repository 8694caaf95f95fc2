/* SPDX-License-Identifier: MIT
 *
 * view_dict.c - dicts as files: a key is read and written as its value's bytes; its views `num`, `cas` and `pop`; the
 * dict itself has the views that every object has. What a handle replaces as a whole is a draft until its close
 * (draft.c); names are dict.c's.
 */
#include "cells.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "../core/text.h"

enum { BATCH = 16384 };

/* ---- reading ------------------------------------------------------------------------------------- */

/* Of the dict: its keys, one a line. */
static int show_keys(struct fs_handle *h, struct fs_text *t)
{
	struct ipcfs_part part = {.at = 0};
	struct ipcfs_op op = {.verb = IPCFS_V_KEYS, .part = &part};
	struct ipcfs_entry entry;
	char room[BATCH];
	int rc;

	do {
		op.out = room;
		op.out_size = sizeof(room);
		rc = fs_view_engine_item(h->item, &op);
		for (size_t at = 0; rc == 0 && at < op.out_len; at += entry.size) {
			memcpy(&entry, room + at, sizeof(entry));
			fs_text_add(t, room + at + offsetof(struct ipcfs_entry, name),
				    entry.name_len);
			fs_text_add(t, "\n", 1);
			part.at = entry.at;
			op.first = part.number = entry.number;
		}
	} while (rc == 0 && op.count && !t->failed);
	return rc;
}

/* Copied: a hostile owner may cut the segment short just then. */
static int add(void *arg, const struct iovec *pieces, int n)
{
	for (int i = 0; i < n; i++)
		fs_text_add(arg, pieces[i].iov_base, pieces[i].iov_len);
	return 0;
}

/* The number that a value is; nothing is 0. */
static int as_number(struct fs_text *t)
{
	size_t len = t->len;
	const char *s = ipcfs_trim(t->bytes, &len);
	union ipcfs_number n;
	char type = 'q', text[IPCFS_NUMBER_TEXT], cell[8];
	int rc = len ? ipcfs_guess_type(s, len, &type) : 0;

	n.i = 0;
	if (rc == 0 && type == 's')
		rc = -EINVAL;
	if (rc == 0 && len)
		rc = ipcfs_parse_number(type, s, len, &n);
	if (rc < 0)
		return fs_fail(rc, "the value %s is not a number", fs_quote(s, len));
	ipcfs_number_put(type, n, cell);
	t->len = 0;
	fs_text_add(t, text, (size_t)ipcfs_format_element(type, cell, text));
	fs_text_add(t, "\n", 1);
	return 0;
}

static int show(struct fs_handle *h, struct fs_text *t)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READ, .sink = add, .sink_arg = t};
	int rc;

	if (!h->item->is_part)
		return show_keys(h, t);
	rc = fs_view_engine_item(h->item, &op);
	if (rc < 0)
		return rc;
	h->changes = op.changes;
	h->has_changes = true;
	return h->leaf->options & FS_O_NUM && h->leaf->view != FS_STAT ? as_number(t) : 0;
}

/* Under the object's lock: answered, then taken. */
static int answer(void *arg, const struct iovec *pieces, int n)
{
	struct fs_text t = {0};
	int rc;

	add(&t, pieces, n);
	rc = t.failed ? -ENOMEM : fs_view_give(arg, t.bytes, t.len);
	free(t.bytes);
	return rc;
}

static int take(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_POP, .sink = answer, .sink_arg = r};
	int rc = fs_view_engine(r, &op);

	if (rc == 0) {
		r->handle->popped = true;
		fs_item_gone(r->item);
	}
	return rc;
}

/* ---- writing -------------------------------------------------------------------------------------- */

/* A handle that also reads will read the result of its own operation. */
static void keep_back(struct fs_handle *h, const void *bytes, size_t len, bool newline)
{
	struct fs_text t = {0};

	if ((h->flags & O_ACCMODE) != O_RDWR)
		return;
	fs_text_add(&t, bytes, len);
	if (newline && len && ((const char *)bytes)[len - 1] != '\n')
		fs_text_add(&t, "\n", 1);
	fs_handle_take_fresh(h, &t);
}

static int run(struct fs_request *r, struct ipcfs_op *op)
{
	struct fs_handle *h = r->handle;
	int rc = fs_view_cas(h, op);

	if (rc < 0)
		return rc;
	rc = fs_view_engine_item(r->item, op);
	if (rc == -ECANCELED)
		fs_words("it has changed since this handle's last read");
	if (rc == -EMSGSIZE)
		fs_words("a value has at most %llu bytes",
			 (unsigned long long)IPCFS_DICT_VALUE_MAX);
	if (rc == -ENOSPC)
		fs_words("the dict, or the store, is full");
	if (rc < 0)
		return rc;
	fs_view_cas_done(h, op);
	fs_node_stale(r->item, 0);
	fs_park_changed(r->item);
	return 0;
}

static int write_arith(struct fs_request *r, enum ipcfs_arith arith, const char *s, size_t len)
{
	char text[IPCFS_NUMBER_TEXT + 2];
	struct ipcfs_part part = {.at = r->item->part_at, .number = r->item->part};
	struct ipcfs_op op = {.verb = IPCFS_V_ARITH,
			      .arith = arith,
			      .part = &part,
			      .out = text,
			      .out_size = sizeof(text)};
	int rc;

	s = ipcfs_trim(s, &len);
	rc = ipcfs_guess_type(s, len, &part.type);
	if (rc == 0)
		rc = part.type == 's' ? -EINVAL :
					ipcfs_parse_number(part.type, s, len, &op.operand);
	if (rc < 0)
		return fs_fail(rc, "%s is not a number", fs_quote(s, len));
	rc = run(r, &op);
	if (rc == -ERANGE)
		fs_words("the result is out of range");
	if (rc == -EINVAL)
		fs_words("the value is not a number that has this operation");
	if (rc == 0)
		keep_back(r->handle, text, op.out_len, true);
	return rc;
}

/* `num`: an operation, or the new number. */
static int write_number(struct fs_request *r)
{
	size_t len = r->size;
	const char *s = ipcfs_trim(r->data, &len);
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE, .in = r->data, .in_len = r->size};
	enum ipcfs_arith arith;
	union ipcfs_number n;
	char type;
	int rc;

	if (fs_cells_operation(&s, &len, &arith) == 0)
		return write_arith(r, arith, s, len);
	rc = ipcfs_guess_type(s, len, &type);
	if (rc == 0)
		rc = type == 's' ? -EINVAL : ipcfs_parse_number(type, s, len, &n);
	if (rc < 0)
		return fs_fail(rc, "%s is not a number", fs_quote(s, len));
	rc = run(r, &op);
	if (rc == 0)
		keep_back(r->handle, s, len, true);
	return rc;
}

static int write_key(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE, .in = r->data, .in_len = r->size};
	int rc;

	if (!r->item->is_part)
		return fs_fail(-EINVAL, "a dict is a folder, its keys are files");
	if (h->leaf->options & FS_O_POP)
		return fs_fail(-EINVAL, "\"pop\" is for reading");
	if (h->draft)
		return fs_draft_write(r);
	if (h->leaf->options & FS_O_NUM)
		return write_number(r);
	if (r->append)
		op.flags |= IPCFS_OP_APPEND;
	rc = run(r, &op);
	if (rc == 0 && !r->append)
		keep_back(h, r->data, r->size, false);
	return rc;
}

/* ---- open, close ------------------------------------------------------------------------------------ */

/* Who truncates or has made the key replaces it as a whole; a view does neither. */
static int open_key(struct fs_handle *h, bool made, const struct ipcfs_maker *maker)
{
	bool plain = h->item->is_part && h->leaf->view == FS_PLAIN &&
		     !(h->leaf->options & (FS_O_CAS | FS_O_POP | FS_O_NUM));
	bool whole = h->flags & O_TRUNC || (made && !(h->flags & O_APPEND));

	if (!plain || !whole || (h->flags & O_ACCMODE) == O_RDONLY)
		return 0;
	return fs_draft_begin(h, h->item->unmade ? maker : NULL, h->flags & O_TRUNC);
}

static int sync_key(struct fs_request *r)
{
	return r->handle->draft ? fs_draft_put(r->handle) : 0;
}

static int find(struct fs_handle *h, struct ipcfs_part *part, uint64_t *changes)
{
	struct ipcfs_op op = {.verb = IPCFS_V_FIND, .part = part};
	int rc;

	*part = (struct ipcfs_part){.at = h->item->part_at, .number = h->item->part};
	rc = fs_view_engine_item(h->item, &op);
	*changes = op.changes;
	return rc;
}

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	struct ipcfs_part part;
	uint64_t changes;

	if (!h->item->is_part)
		fs_text_printf(t, "keys %llu\nchanges %llu\n", (unsigned long long)st->keys,
			       (unsigned long long)st->changes);
	else if (find(h, &part, &changes) == 0) /* where its lock is busy, none */
		fs_text_printf(t, "bytes %llu\nnumber %llu\nchanges %llu\n",
			       (unsigned long long)part.length, (unsigned long long)part.number,
			       (unsigned long long)changes);
}

/* `clear`: the dict has no keys, the key no bytes. */
static int command(struct fs_handle *h, const char *word, size_t len, bool act)
{
	struct ipcfs_op op = {.verb = h->item->is_part ? IPCFS_V_WRITE : IPCFS_V_CLEAR};
	struct stat st = h->item->last;
	int rc;

	if (len != 5 || memcmp(word, "clear", 5) != 0)
		return -EINVAL;
	/* As with removing them one by one. */
	if (!h->item->is_part && fs_dict_parts.stat(h->item, &st) == 0 && st.st_mode & S_ISVTX &&
	    h->uid != 0 && h->uid != st.st_uid)
		return fs_fail(-EPERM,
			       "the dict is sticky: only its owner may remove others' keys");
	rc = act ? fs_view_engine_item(h->item, &op) : 0;
	if (rc == 0 && act)
		fs_park_changed(h->item);
	return rc;
}

const struct fs_kind fs_dict_kind = {
	.parts = &fs_dict_parts,
	.waits_with = FS_O_POP,
	.taking_with = FS_O_POP,
	.open = open_key,
	.take = take,
	.show = show,
	.write = write_key,
	.sync = sync_key,
	.stat = stat_lines,
	.command = command,
};
