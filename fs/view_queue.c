/* SPDX-License-Identifier: MIT
 *
 * view_queue.c - queues as files: a read gets a message, a write puts one (through `lines` and `block`:
 * view_frame.c).
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A message is copied before it is answered: a hostile owner may cut the segment short just then. With room for a
 * newline. */
static int collect(const struct iovec *pieces, int n, char **bytes, size_t *len)
{
	size_t total = 0, at = 0;

	for (int i = 0; i < n; i++)
		total += pieces[i].iov_len;
	*bytes = total < FS_MAX_IO ? fs_reply_room() : malloc(total + 1);
	if (!*bytes)
		return -ENOMEM;
	for (int i = 0; i < n; at += pieces[i++].iov_len)
		if (pieces[i].iov_len)
			memcpy(*bytes + at, pieces[i].iov_base, pieces[i].iov_len);
	*len = total;
	return 0;
}

/* Under the object's lock: answered, then taken. */
static int answer(void *arg, const struct iovec *pieces, int n)
{
	struct fs_request *r = arg;
	char *bytes;
	size_t len;
	int rc = collect(pieces, n, &bytes, &len);

	if (rc < 0)
		return rc;
	if (fs_frame_no_newline(r->handle, bytes, len))
		bytes[len++] = '\n';
	rc = fs_view_give(r, bytes, len);
	if (bytes != fs_reply_room())
		free(bytes);
	return rc;
}

static int take(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET, .sink = answer, .sink_arg = r};

	if (r->handle->leaf.options & FS_O_JOIN)
		return fs_lease_join(r);
	return fs_lease_get(r, &op);
}

static int add(void *arg, const struct iovec *pieces, int n)
{
	for (int i = 0; i < n; i++)
		fs_text_add(arg, pieces[i].iov_base, pieces[i].iov_len);
	return 0;
}

static int show(struct fs_handle *h, struct fs_text *t)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PEEK, .sink = add, .sink_arg = t};
	int rc = fs_view_engine_item(h->item, &op);

	if (rc == 0 && fs_frame_no_newline(h, t->bytes, t->len))
		fs_text_add(t, "\n", 1);
	return rc;
}

static int put(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .in = r->data, .in_len = r->size};
	int rc;

	if (r->handle->leaf.options & FS_O_ACK)
		return fs_lease_write(r);
	if (fs_frame_is(r->handle) && !r->orphan)
		return fs_frame_write(r);
	rc = fs_view_engine(r, &op);
	if (rc == 0)
		fs_lease_note(r->handle, &op);
	if (rc == -EPIPE)
		fs_words("the queue is closed");
	if (rc == -EMSGSIZE)
		fs_words("%zu bytes are more than the queue can ever hold", r->size);
	return rc;
}

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	(void)h;
	fs_text_printf(t, "messages %llu\nbytes %llu\nunfinished %llu\nput %llu\n",
		       (unsigned long long)st->messages, (unsigned long long)st->bytes,
		       (unsigned long long)st->unfinished, (unsigned long long)st->put);
	if (st->closed)
		fs_text_printf(t, "closed 1\n");
}

static int command(struct fs_handle *h, const char *word, size_t len, bool act)
{
	if (len != 5 || memcmp(word, "clear", 5) != 0)
		return fs_lease_command(h, word, len, act);
	return act ? fs_view_clear(h->item) : 0;
}

const struct fs_kind fs_queue_kind = {
	.write_waits = true,
	.read_waits = true,
	.clears = true,
	.line = fs_lease_line,
	.take = take,
	.show = show,
	.write = put,
	.sync = fs_frame_sync,
	.aside = fs_frame_aside,
	.item = fs_lease_item,
	.stat = stat_lines,
	.command = command,
};
