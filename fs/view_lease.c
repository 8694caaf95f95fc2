/* SPDX-License-Identifier: MIT
 *
 * view_lease.c - queues as files, what is not putting and getting alone: the view `ack`, whose reads lease and whose
 * writes say what became of it; the view `join`; the commands `close` and `done`.
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../core/text.h"

enum ipcfs_class fs_lease_line(const struct fs_handle *h, bool write)
{
	if (h->leaf->options & FS_O_JOIN)
		return IPCFS_C_JOIN;
	if (write && h->leaf->options & FS_O_ACK)
		return IPCFS_C_CHANGE; /* `done` and `back` wait for nobody's room */
	return write ? IPCFS_C_WRITE : IPCFS_C_READ;
}

/* ---- reading --------------------------------------------------------------------------------------- */

/* Closed and drained: an end of file; where that comes between any two messages, an error. */
static int give_end(struct fs_request *r)
{
	if (r->handle->one_item)
		return fs_fail(-ENODATA, "the queue is closed and empty");
	return fs_view_give(r, NULL, 0);
}

int fs_lease_get(struct fs_request *r, struct ipcfs_op *op)
{
	struct fs_handle *h = r->handle;
	bool ack = h->leaf->options & FS_O_ACK;
	int rc;

	if (ack) {
		op->flags |= IPCFS_OP_LEASE;
		op->holder = fs_handle_holder(h, r->pid);
	}
	rc = fs_view_engine(r, op);
	r->for_leases = rc == -EAGAIN && op->flags & IPCFS_OP_CLOSED;
	if (rc == 0)
		fs_lease_note(h, op);
	if (rc == 0 && ack)
		h->holds = true; /* its close gives back what is left */
	return rc == -ENODATA ? give_end(r) : rc;
}

static int answer_joined(void *arg, const struct iovec *pieces, int n)
{
	(void)pieces;
	(void)n;
	return fs_view_give(arg, "0\n", 2);
}

int fs_lease_join(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_JOIN, .sink = answer_joined, .sink_arg = r};

	return fs_view_engine(r, &op);
}

/* ---- which message ------------------------------------------------------------------------------------ */

void fs_lease_note(struct fs_handle *h, const struct ipcfs_op *op)
{
	h->message = (struct ipcfs_item){.number = op->number,
					 .attempt = op->verb == IPCFS_V_GET ? op->attempt : 0};
	h->has_message = true;
}

int fs_lease_item(const struct fs_handle *h, struct ipcfs_item *item)
{
	if (!h->has_message)
		return fs_fail(-ENODATA, "this handle has neither read nor written a message");
	*item = h->message;
	item->unread = item->attempt ? h->rest_len : 0;
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------------- */

int fs_lease_write(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	struct ipcfs_op op = {.holder = fs_handle_holder(h, r->pid)};
	size_t len = r->size;
	const char *word = ipcfs_trim(r->data, &len);
	int rc;

	if (len == 4 && !memcmp(word, "done", 4))
		op.verb = IPCFS_V_SETTLE;
	else if (len == 4 && !memcmp(word, "back", 4))
		op.verb = IPCFS_V_BACK;
	else
		return fs_fail(-EINVAL, "%s is neither \"done\" nor \"back\"", fs_quote(word, len));
	rc = fs_view_engine(r, &op);
	if (rc == 0) /* of a message that is settled or has gone back nothing more is read */
		fs_handle_drop_rest(h);
	if (rc == 0 || rc == -EPERM)
		h->holds = false; /* all of its leases have ended */
	if (rc == -EPERM)
		fs_words("this handle has leased nothing: write to the open file that has read");
	return rc;
}

/* ---- commands ------------------------------------------------------------------------------------------ */

static int run(struct fs_item *item, enum ipcfs_verb verb, uint64_t count)
{
	struct ipcfs_op op = {.verb = verb, .count = count};
	int rc = fs_view_engine_item(item, &op);

	if (rc == 0)
		fs_park_changed(item);
	return rc;
}

static int too_many(void)
{
	return fs_fail(-EOVERFLOW, "called too many times: fewer messages are unfinished");
}

/* Looked at before: a write whose commands cannot all be done should do none of them. */
static int check_done(struct fs_item *item, uint64_t count)
{
	struct ipcfs_stat st;
	int rc = fs_item_attach(item);

	if (rc == 0)
		rc = fs.engine->stat(item->object, &st);
	if (rc != 0)
		return rc;
	return count > st.unfinished ? too_many() : 0;
}

static int done(struct fs_item *item, const char *text, size_t len, bool act)
{
	uint64_t count;
	int rc;

	text = ipcfs_trim(text, &len);
	rc = ipcfs_parse_u64(text, len, &count);
	if (rc == -ERANGE)
		return too_many();
	if (rc < 0 || count == 0)
		return -EINVAL;
	if (!act)
		return check_done(item, count);
	rc = run(item, IPCFS_V_DONE, count);
	return rc == -EOVERFLOW ? too_many() : rc;
}

int fs_lease_command(struct fs_handle *h, const char *word, size_t len, bool act)
{
	if (len == 5 && !memcmp(word, "close", 5))
		return act ? run(h->item, IPCFS_V_CLOSE, 0) : 0;
	if (len > 5 && !memcmp(word, "done", 4) && (word[4] == ' ' || word[4] == '\t'))
		return done(h->item, word + 5, len - 5, act);
	return -EINVAL;
}
