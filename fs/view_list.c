/* SPDX-License-Identifier: MIT
 *
 * view_list.c - lists as files. The bare name is a text, an item a line: a read shows all of them, a write appends or
 * replaces (view_lines.c). Through `at`, `insert` and `pop` one item is meant, its exact bytes.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "../core/object.h"
#include "../core/text.h"

/* ---- words ------------------------------------------------------------------------------------------ */

/* For an error of an operation on the item of that index. */
int fs_list_explain(struct fs_item *item, int rc, int64_t index)
{
	struct ipcfs_stat st;
	bool known = rc < 0 && item->object && fs.engine->stat(item->object, &st) == 0;

	if (rc == -ERANGE && known)
		fs_words("the list has %llu item%s, there is no %lld",
			 (unsigned long long)st.messages, st.messages == 1 ? "" : "s",
			 (long long)index);
	else if (rc == -ENOSPC && known && st.properties.capacity)
		fs_words("the list has %llu bytes of capacity=%llu, or the store is full",
			 (unsigned long long)st.bytes, (unsigned long long)st.properties.capacity);
	else if (rc == -EMSGSIZE)
		fs_words("an item is longer than the list can hold, or than %u bytes",
			 IPCFS_ITEM_MAX);
	else if (rc == -ECANCELED)
		fs_words("it has changed since this handle's last read");
	return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static int add(void *arg, const struct iovec *bytes, int n)
{
	(void)n;
	fs_text_add(arg, bytes->iov_base, bytes->iov_len);
	return 0;
}

/* The item as a line. A text that is too long ends the walk. */
static int add_line(void *arg, const struct iovec *bytes, int n)
{
	const char *at = bytes->iov_base, *end = at + bytes->iov_len;
	struct fs_text *t = arg;

	(void)n;
	while (at < end) {
		size_t plain = 0;

		while (at + plain < end && at[plain] != '\n' && at[plain] != '\\')
			plain++;
		fs_text_add(t, at, plain);
		at += plain;
		if (at < end)
			fs_text_add(t, *at++ == '\n' ? "\\n" : "\\\\", 2);
	}
	fs_text_add(t, "\n", 1);
	return t->failed ? -EFBIG : 0;
}

static int show(struct fs_handle *h, struct fs_text *t)
{
	bool one = h->leaf->options & (FS_O_AT | FS_O_POP);
	struct ipcfs_op op = {.verb = one ? IPCFS_V_READ : IPCFS_V_PEEK,
			      .first = (uint64_t)h->leaf->index,
			      .sink = one ? add : add_line,
			      .sink_arg = t};
	int rc = fs_view_engine_item(h->item, &op);

	if (rc == 0) {
		h->changes = op.changes;
		h->has_changes = true;
	}
	if (rc == -ERANGE && h->leaf->options & FS_O_POP)
		return -ENODATA; /* there is nothing that could be taken */
	return t->failed ? 0 : fs_list_explain(h->item, rc, h->leaf->index);
}

/* Under the object's lock: answered, then taken. Copied before: somebody may cut the segment short just then. */
static int answer(void *arg, const struct iovec *bytes, int n)
{
	(void)n;
	if (bytes->iov_len)
		memcpy(fs_reply_room(), bytes->iov_base, bytes->iov_len);
	return fs_view_give(arg, fs_reply_room(), bytes->iov_len);
}

static int take(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET,
			      .first = (uint64_t)r->handle->leaf->index,
			      .sink = answer,
			      .sink_arg = r};

	return fs_list_explain(r->item, fs_view_engine(r, &op), r->handle->leaf->index);
}

/* ---- writing one item ------------------------------------------------------------------------------------ */

/* Of a handle with `cas`: only if nothing has changed. */
int fs_list_change(struct fs_request *r, struct ipcfs_op *op)
{
	struct fs_handle *h = r->handle;
	int rc = fs_view_cas(h, op);

	if (rc < 0)
		return rc;
	rc = fs_list_explain(r->item, fs_view_engine(r, op), h->leaf->index);
	if (rc == 0)
		fs_view_cas_done(h, op);
	return rc;
}

static int write_item(struct fs_request *r)
{
	const struct fs_leaf *leaf = r->handle->leaf;
	struct ipcfs_op op = {.verb = leaf->options & FS_O_AT	  ? IPCFS_V_WRITE :
				      leaf->index == FS_INDEX_END ? IPCFS_V_PUT :
								    IPCFS_V_INSERT,
			      .first = (uint64_t)leaf->index,
			      .in = r->data,
			      .in_len = r->size};

	return fs_list_change(r, &op);
}

static int write_request(struct fs_request *r)
{
	uint32_t options = r->handle->leaf->options;

	if (options & FS_O_POP)
		return fs_fail(-EINVAL, "\"pop\" is for reading");
	return options & (FS_O_AT | FS_O_INSERT) ? write_item(r) : fs_lines_write(r);
}

/* ---- all else ------------------------------------------------------------------------------------------------- */

/* Those in line wait for an item to pop. */
static bool aside(const struct fs_request *r)
{
	return r->write || !(r->handle->leaf->options & FS_O_POP);
}

static int check_open(struct fs_item *item, const struct fs_leaf *leaf, int flags)
{
	int mode = flags & O_ACCMODE;

	(void)item;
	if (leaf->options & FS_O_POP && mode == O_WRONLY)
		return fs_fail(-EINVAL, "\"pop\" is for reading");
	if (leaf->options & FS_O_INSERT && mode != O_WRONLY)
		return fs_fail(-EINVAL, "\"insert\" is for writing");
	return 0;
}

static int replace(struct fs_item *from, struct fs_item *to)
{
	struct ipcfs_op all = {.verb = IPCFS_V_PEEK}, put = {.verb = IPCFS_V_PUT_MANY};
	void *room = NULL;
	int rc;

	while ((rc = fs_view_engine_item(from, &all)) == -EMSGSIZE && !room) {
		uint64_t count = all.count, bytes = all.out_len;

		if (count > FS_TEXT_MAX / sizeof(struct iovec) || bytes > FS_TEXT_MAX)
			return fs_fail(-EFBIG, "at most %d MiB can be moved onto another list",
				       FS_TEXT_MAX >> 20);
		room = malloc(count * sizeof(struct iovec) + bytes + 1);
		if (!room)
			return -ENOMEM;
		all = (struct ipcfs_op){.verb = IPCFS_V_PEEK,
					.vec = room,
					.count = count,
					.out = (struct iovec *)room + count,
					.out_size = bytes};
	}
	if (rc == -EMSGSIZE) /* it has grown just now */
		rc = -EBUSY;
	put.vec = room;
	put.count = all.count;
	put.flags = IPCFS_OP_REPLACE;
	if (rc == 0)
		rc = fs_list_explain(to, fs_view_engine_item(to, &put), 0);
	if (rc == 0)
		fs_park_changed(to);
	free(room);
	return rc;
}

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	(void)h;
	fs_text_printf(t, "items %llu\nbytes %llu\nchanges %llu\n",
		       (unsigned long long)st->messages, (unsigned long long)st->bytes,
		       (unsigned long long)st->changes);
}

/* "del 3", "del -1" */
static int delete (struct fs_handle *h, const char *word, size_t len, bool act)
{
	struct ipcfs_op op = {.verb = IPCFS_V_DELETE};
	int64_t index = 0;
	int rc;

	word = ipcfs_trim(word, &len);
	rc = fs_parse_index(word, len, &index);
	if (rc == -ERANGE)
		return fs_fail(rc, "%s is no index", fs_quote(word, len));
	if (rc < 0 || !act)
		return rc;
	op.first = (uint64_t)index;
	rc = fs_list_explain(h->item, fs_view_engine_item(h->item, &op), index);
	if (rc == 0)
		fs_park_changed(h->item);
	return rc;
}

static int command(struct fs_handle *h, const char *word, size_t len, bool act)
{
	if (len > 4 && !memcmp(word, "del ", 4))
		return delete (h, word + 4, len - 4, act);
	if (len == 5 && !memcmp(word, "clear", 5))
		return act ? fs_view_clear(h->item) : 0;
	return -EINVAL;
}

const struct fs_kind fs_list_kind = {
	.waits_with = FS_O_POP,
	.taking_with = FS_O_POP,
	.lines = true,
	.clears = 1,
	.take = take,
	.show = show,
	.write = write_request,
	.sync = fs_lines_sync,
	.aside = aside,
	.check_open = check_open,
	.close = fs_lines_close,
	.replace = replace,
	.stat = stat_lines,
	.command = command,
};
