/* SPDX-License-Identifier: MIT
 *
 * view_barrier.c - barriers as files: a read arrives, waits for the others and gives this arrival's index; `reset`
 * and `abort` are written. A read that is not the last to arrive is an arrival as soon as it is parked, until it ends.
 */
#include "fs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../core/text.h"

struct passage {
	struct fs_request *r;
	struct ipcfs_op *op;
};

/* Under the object's lock: answered, then passed. */
static int answer(void *arg, const struct iovec *pieces, int n)
{
	const struct passage *p = arg;
	char text[24];
	int len = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)p->op->count);

	(void)pieces;
	(void)n;
	return fs_view_give(p->r, text, (size_t)len);
}

/* The arrival is none any more, whether it has passed or not. */
static void leave(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_LEAVE,
			      .flags = r->error == -ETIMEDOUT ? IPCFS_OP_BREAK : 0,
			      .holder = &r->handle->holder,
			      .token = r->ticket};

	if (r->ticket)
		fs_park_leave(r->item, &op);
	r->ticket = 0;
}

static int arrive(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	bool waits = r->parked && !r->nonblock && h->timeout_ns != 0;
	struct ipcfs_op op = {.verb = IPCFS_V_ARRIVE,
			      .flags = waits ? IPCFS_OP_WAITS : 0,
			      .holder = fs_handle_holder(h, r->pid),
			      .sink = answer};
	struct passage p = {r, &op};
	int rc;

	op.sink_arg = &p;
	rc = fs_view_engine(r, &op);
	if (rc == -ECANCELED)
		fs_words("the barrier is broken, by abort or a time-out, until it is reset");
	if (rc == 0 && op.token) {
		r->ticket = op.token;
		h->holds = true;
	}
	return rc;
}

static int pass(struct fs_request *r, unsigned flags)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PASS,
			      .flags = flags,
			      .holder = &r->handle->holder,
			      .token = r->ticket,
			      .sink = answer};
	struct passage p = {r, &op};
	int rc;

	op.sink_arg = &p;
	rc = fs_view_engine(r, &op);
	if (rc == -EAGAIN)
		r->nobody = op.count == 0;
	else if (r->answered && rc < 0)
		leave(r); /* it has passed, and nobody was there any more to be told */
	else if (rc != -EBUSY)
		r->ticket = 0;
	if (rc == -ECANCELED)
		fs_words("the barrier was reset, or broken by abort or a time-out");
	return rc == -EPERM ? fs_fail(-EUCLEAN, "somebody has removed this arrival") : rc;
}

static int take(struct fs_request *r)
{
	int rc = r->ticket ? 0 : arrive(r);

	if (rc < 0 || r->answered)
		return rc;
	return pass(r, r->first ? IPCFS_OP_WAITS : 0);
}

/* Its time is over, or it was interrupted: either it has passed all the same, or it has not arrived. */
static int last(struct fs_request *r)
{
	int rc;

	if (!r->ticket || r->item->removed)
		return r->error;
	rc = pass(r, IPCFS_OP_LAST | (r->error == -ETIMEDOUT ? IPCFS_OP_BREAK : 0));
	return r->answered ? 0 : rc == -ETIMEDOUT ? r->error : rc;
}

static int write_word(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_RESET};
	size_t len = r->size;
	const char *s = ipcfs_trim(r->data, &len);

	if (len == 5 && !memcmp(s, "abort", 5))
		op.verb = IPCFS_V_ABORT;
	else if (len != 5 || memcmp(s, "reset", 5) != 0)
		return fs_fail(-EINVAL, "%s is neither \"reset\" nor \"abort\"", fs_quote(s, len));
	return fs_view_engine(r, &op);
}

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	(void)h;
	fs_text_printf(t, "arrived %llu\ngeneration %llu\nbroken %d\n",
		       (unsigned long long)st->value, (unsigned long long)st->generation,
		       st->broken);
}

const struct fs_kind fs_barrier_kind = {
	.read_waits = true,
	.each_alone = true,
	.joins = true,
	.take = take,
	.show = fs_view_show_waiting,
	.write = write_word,
	.last = last,
	.withdraw = leave,
	.stat = stat_lines,
	.command = fs_view_no_command,
};
