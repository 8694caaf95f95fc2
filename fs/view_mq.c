/* SPDX-License-Identifier: MIT
 *
 * view_mq.c - POSIX message queues as files: a read receives, a write sends; `peek` shows the attributes, as
 * POSIX lets nobody look at messages.
 */
#include "fs.h"

#include <errno.h>

#include "../core/mq.h"
#include "../core/object.h"

static int answer(void *arg, const struct iovec *pieces, int n)
{
	(void)n; /* always one */
	return fs_view_give(arg, pieces[0].iov_base, pieces[0].iov_len);
}

/* Room for what may be left is there before it is received: what cannot be given goes back behind others. */
static int take(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET, .sink = answer, .sink_arg = r};
	uint64_t msgsize;
	int rc = fs_item_attach(r->item);

	if (rc < 0)
		return rc;
	msgsize = r->item->object->mq.msgsize;
	rc = fs_handle_keep_rest(r->handle, msgsize > r->size ? msgsize - r->size : 0);
	if (rc == 0)
		rc = fs_view_engine(r, &op);
	if (rc < 0)
		fs_handle_drop_rest(r->handle);
	return rc;
}

static int put(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT,
			      .in = r->data,
			      .in_len = r->size,
			      .first = r->handle->leaf->prio};
	int rc = fs_view_engine(r, &op);

	if (rc == -EMSGSIZE)
		fs_words("%zu bytes are more than the queue's msgsize", r->size);
	return rc;
}

static int show(struct fs_handle *h, struct fs_text *t)
{
	struct ipcfs_stat st;
	int rc = fs_item_attach(h->item);

	if (rc == 0)
		rc = ipcfs_engine_mq.stat(h->item->object, &st);
	if (rc == 0)
		fs_text_printf(t, "maxmsg %llu\nmsgsize %llu\nmessages %llu\n",
			       (unsigned long long)st.properties.maxmsg,
			       (unsigned long long)st.properties.msgsize,
			       (unsigned long long)st.messages);
	return rc;
}

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	(void)h;
	fs_text_printf(t, "messages %llu\n", (unsigned long long)st->messages);
}

/* Which of the system's limits it was. */
static void explain(int error, const struct ipcfs_properties *p)
{
	unsigned long long maxmsg = p->given & IPCFS_P_MAXMSG ? p->maxmsg : MQ_MAXMSG_DEFAULT;
	unsigned long long msgsize = p->given & IPCFS_P_MSGSIZE ? p->msgsize : MQ_MSGSIZE_DEFAULT;

	if (error == -EINVAL && maxmsg > mq_limit("msg_max"))
		fs_words("maxmsg=%llu is above the system's msg_max (%llu)", maxmsg,
			 (unsigned long long)mq_limit("msg_max"));
	else if (error == -EINVAL && msgsize > mq_limit("msgsize_max"))
		fs_words("msgsize=%llu is above the system's msgsize_max (%llu)", msgsize,
			 (unsigned long long)mq_limit("msgsize_max"));
	else if (error == -ENOSPC)
		fs_words("the system's queues_max (%llu) is reached",
			 (unsigned long long)mq_limit("queues_max"));
	else if (error == -EMFILE)
		fs_words("RLIMIT_MSGQUEUE, the bytes that a user's message queues may have, is "
			 "reached");
}

const struct fs_kind fs_mq_kind = {
	.write_waits = true,
	.read_waits = true,
	.take = take,
	.show = show,
	.write = put,
	.explain = explain,
	.stat = stat_lines,
	.command = fs_view_no_command,
};
