/* SPDX-License-Identifier: MIT
 *
 * view_list.c - lists as files. The bare name is a text, an item a line: a read shows all of them, a write appends its
 * lines, or, the first one through a handle opened with O_TRUNC, replaces all by them. A line that is not
 * finished yet is gathered in the handle (view_frame.c); the next write goes on with it, fsync(2) or the last close
 * makes an item of it. Through `at`, `insert` and `pop` one item is meant, its exact bytes.
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
static int explain(struct fs_item *item, int rc, int64_t index)
{
	struct ipcfs_stat st;
	bool known = rc < 0 && item->object && fs.engine->stat(item->object, &st) == 0;

	if (rc == -ERANGE && known)
		fs_words("the list has %llu items, there is no %lld",
			 (unsigned long long)st.messages, (long long)index);
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
	bool one = h->leaf.options & (FS_O_AT | FS_O_POP);
	struct ipcfs_op op = {.verb = one ? IPCFS_V_READ : IPCFS_V_PEEK,
			      .first = (uint64_t)h->leaf.index,
			      .sink = one ? add : add_line,
			      .sink_arg = t};
	int rc = fs_view_engine_item(h->item, &op);

	if (rc == 0) {
		h->changes = op.changes;
		h->has_changes = true;
	}
	if (rc == -ERANGE && h->leaf.options & FS_O_POP)
		return -ENODATA; /* there is nothing that could be taken */
	return t->failed ? 0 : explain(h->item, rc, h->leaf.index);
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
			      .first = (uint64_t)r->handle->leaf.index,
			      .sink = answer,
			      .sink_arg = r};

	return explain(r->item, fs_view_engine(r, &op), r->handle->leaf.index);
}

/* ---- writing one item ------------------------------------------------------------------------------------ */

/* Of a handle with `cas`: only if nothing has changed. */
static int change(struct fs_request *r, struct ipcfs_op *op)
{
	struct fs_handle *h = r->handle;
	int rc;

	if (h->leaf.options & FS_O_CAS) {
		if (!h->has_changes)
			return fs_fail(-ECANCELED,
				       "\"cas\" has nothing to compare with before a read");
		op->flags |= IPCFS_OP_CAS;
		op->changes = h->changes;
	}
	rc = explain(r->item, fs_view_engine(r, op), h->leaf.index);
	if (rc == 0) {
		h->changes = op->changes;
		h->has_changes = true;
	}
	return rc;
}

static int write_item(struct fs_request *r)
{
	const struct fs_leaf *leaf = &r->handle->leaf;
	struct ipcfs_op op = {.verb = leaf->options & FS_O_AT	  ? IPCFS_V_WRITE :
				      leaf->index == FS_INDEX_END ? IPCFS_V_PUT :
								    IPCFS_V_INSERT,
			      .first = (uint64_t)leaf->index,
			      .in = r->data,
			      .in_len = r->size};

	return change(r, &op);
}

/* ---- writing lines ----------------------------------------------------------------------------------------- */

/* The lines of a write: the first may go on with what was gathered. */
struct lines {
	struct iovec *items;
	uint64_t count;
	const char *rest; /* not finished */
	size_t rest_len;
};

static uint64_t count_newlines(const char *s, size_t len)
{
	const char *end = s + len;
	uint64_t n = 0;

	while (s < end && (s = memchr(s, '\n', (size_t)(end - s)))) {
		s++;
		n++;
	}
	return n;
}

/* With one more item for a last line that is finished by the end (whole). */
static int cut(const char *s, size_t len, bool whole, struct lines *l)
{
	const char *end = s + len, *newline;

	*l = (struct lines){.items = malloc((count_newlines(s, len) + 1) * sizeof(*l->items))};
	if (!l->items)
		return -ENOMEM;
	while (s < end && (newline = memchr(s, '\n', (size_t)(end - s)))) {
		l->items[l->count++] = (struct iovec){(void *)(uintptr_t)s, (size_t)(newline - s)};
		s = newline + 1;
	}
	l->rest = s;
	l->rest_len = (size_t)(end - s);
	if (whole && l->rest_len)
		l->items[l->count++] = (struct iovec){(void *)(uintptr_t)s, l->rest_len};
	return 0;
}

static int put(struct fs_request *r, struct iovec *items, uint64_t count, bool anew)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT_MANY,
			      .flags = anew ? IPCFS_OP_REPLACE : 0,
			      .vec = items,
			      .count = count};

	return change(r, &op);
}

/* The first line is behind what is gathered; unless it is put, the handle stays as it is. */
static int join_first(struct fs_handle *h, struct lines *l)
{
	struct iovec *first = &l->items[0];
	int rc;

	if (!h->frame.len)
		return 0;
	rc = fs_frame_reserve(h, h->frame.len + first->iov_len);
	if (rc < 0)
		return rc;
	memcpy(h->frame.bytes + h->frame.len, first->iov_base, first->iov_len);
	*first = (struct iovec){h->frame.bytes, h->frame.len + first->iov_len};
	return 0;
}

static int put_lines(struct fs_request *r, struct lines *l)
{
	struct fs_handle *h = r->handle;
	int rc = 0;

	/* Room for the rest first: nothing may fail once the lines are put. */
	if (l->rest_len)
		rc = fs_frame_reserve(h, l->rest_len);
	if (rc == 0)
		rc = join_first(h, l);
	if (rc == 0)
		rc = put(r, l->items, l->count, h->replaces);
	if (rc < 0)
		return rc;
	h->replaces = false;
	h->frame.len = 0;
	if (l->rest_len)
		fs_frame_add(h, l->rest, l->rest_len, r->pid);
	else
		fs_frame_drop(h);
	return 0;
}

/* No line ends in it. */
static int gather(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	int rc = h->frame.len + r->size > IPCFS_ITEM_MAX ? -EMSGSIZE : 0;

	if (rc == 0)
		rc = fs_frame_reserve(h, h->frame.len + r->size);
	if (rc == 0)
		fs_frame_add(h, r->data, r->size, r->pid);
	else if (h->frame.len == 0)
		fs_frame_drop(h);
	return explain(r->item, rc, 0);
}

/* With `cas` a write is whole: it says what the list is to be, or, with O_APPEND, what comes to it. */
static int write_lines(struct fs_request *r)
{
	bool cas = r->handle->leaf.options & FS_O_CAS;
	struct lines l;
	int rc;

	r->handle->tried = true;
	rc = cut(r->data, r->size, cas || r->orphan, &l);

	if (rc == 0 && cas)
		rc = put(r, l.items, l.count, !(r->handle->flags & O_APPEND));
	else if (rc == 0 && r->orphan)
		rc = put(r, l.items, l.count, r->handle->replaces);
	else if (rc == 0)
		rc = l.count ? put_lines(r, &l) : gather(r);
	free(l.items);
	return rc;
}

static int write_request(struct fs_request *r)
{
	uint32_t options = r->handle->leaf.options;

	if (options & FS_O_POP)
		return fs_fail(-EINVAL, "\"pop\" is for reading");
	return options & (FS_O_AT | FS_O_INSERT) ? write_item(r) : write_lines(r);
}

static int sync_request(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	struct iovec item = {h->frame.bytes, h->frame.len};
	int rc = h->frame.len ? put(r, &item, 1, h->replaces) : 0;

	if (rc == 0 && h->frame.len)
		h->replaces = false;
	if (rc == 0)
		fs_frame_drop(h);
	return rc;
}

/* `>` without a write empties the list, as any file; one that failed has left it as it was. Who was killed had not
 * finished: neither his line, nor what was to come instead of what is there. */
static void close_handle(struct fs_handle *h)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLEAR};

	if (h->closer == FS_KILLED)
		fs_frame_drop(h);
	else if (h->replaces && !h->tried)
		fs_park_leave(h->item, &op);
}

/* ---- all else ------------------------------------------------------------------------------------------------- */

/* Those in line wait for an item to pop. */
static bool aside(const struct fs_request *r)
{
	return r->write || !(r->handle->leaf.options & FS_O_POP);
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
		rc = explain(to, fs_view_engine_item(to, &put), 0);
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
	rc = explain(h->item, fs_view_engine_item(h->item, &op), index);
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
	.read_waits_with = FS_O_POP,
	.write_only_readers = FS_O_POP,
	.lines = true,
	.clears = true,
	.take = take,
	.show = show,
	.write = write_request,
	.sync = sync_request,
	.aside = aside,
	.check_open = check_open,
	.close = close_handle,
	.replace = replace,
	.stat = stat_lines,
	.command = command,
};
