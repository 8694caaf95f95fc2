/* SPDX-License-Identifier: MIT
 *
 * view_topic.c - topics as files: a write publishes a message, and every handle reads all that were published since
 * it was opened. h->ticket is the number of the last one that it has read, or has lost.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>

/* It sees what is published from now on. */
static int subscribe(struct fs_handle *h, bool made, const struct ipcfs_maker *maker)
{
	bool reads = h->leaf->view == FS_PLAIN && (h->flags & O_ACCMODE) != O_WRONLY;
	struct ipcfs_op op = {.verb = IPCFS_V_OPEN};
	int rc = reads && !made ? fs_view_engine_item(h->item, &op) : 0;

	(void)maker;

	h->ticket = op.token;
	return rc == -EIDRM ? -ENOENT : rc;
}

static int take(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_NEXT,
			      .token = r->handle->ticket,
			      .sink = fs_message_answer,
			      .sink_arg = r};
	int rc = fs_view_engine(r, &op);

	if (rc == 0 ||
	    r->req) /* the short way answers no errors, and must have changed nothing then */
		r->handle->ticket = op.token;
	if (rc == -ENOBUFS)
		fs_words("%llu messages have gone that this handle has not read",
			 (unsigned long long)op.count);
	return rc;
}

static int show(struct fs_handle *h, struct fs_text *t)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PEEK, .sink = fs_message_add, .sink_arg = t};

	return fs_view_engine_item(h->item, &op);
}

static int publish(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .in = r->data, .in_len = r->size};
	int rc = fs_view_engine(r, &op);

	if (rc == -EMSGSIZE)
		fs_words("%zu bytes are more than the topic can ever hold", r->size);
	return rc;
}

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	(void)h;
	fs_text_printf(t, "messages %llu\nbytes %llu\npublished %llu\n",
		       (unsigned long long)st->messages, (unsigned long long)st->bytes,
		       (unsigned long long)st->value);
}

const struct fs_kind fs_topic_kind = {
	.read_waits = true,
	.each_alone = true,
	.clears = 1,
	.open = subscribe,
	.take = take,
	.show = show,
	.write = publish,
	.stat = stat_lines,
	.command = fs_view_clear_command,
};
