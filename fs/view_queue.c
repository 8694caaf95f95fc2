/* SPDX-License-Identifier: MIT
 *
 * view_queue.c - queues as files: a read gets a message, a write puts one (through `lines` and `block`:
 * view_frame.c).
 */
#include "fs.h"

#include <errno.h>
#include <string.h>

static int take(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET, .sink = fs_message_answer, .sink_arg = r};

	if (r->handle->leaf->options & FS_O_JOIN)
		return fs_lease_join(r);
	return fs_lease_get(r, &op);
}

static int show(struct fs_handle *h, struct fs_text *t)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PEEK, .sink = fs_message_add, .sink_arg = t};
	int rc = fs_view_engine_item(h->item, &op);

	if (rc == 0 && fs_frame_no_newline(h, t->bytes, t->len))
		fs_text_add(t, "\n", 1);
	return rc;
}

static int put(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .in = r->data, .in_len = r->size};
	int rc;

	if (r->handle->leaf->options & FS_O_ACK)
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
	.clears = 1,
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
