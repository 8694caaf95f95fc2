/* SPDX-License-Identifier: MIT
 *
 * view_condition.c - conditions as files: a read waits for a notification, `N` and `all` notify, `arm` makes the
 * handle a waiter before it reads. A read of a handle that is not armed is a waiter as soon as it is parked,
 * until it ends. A ticket is always in one place: with the handle, or with the read that waits for it.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../core/text.h"

static bool is_word(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && !memcmp(s, word, len);
}

/* ---- waiting ---------------------------------------------------------------------------------- */

static int answer(void *arg, const struct iovec *pieces, int n)
{
	(void)pieces;
	(void)n;
	return fs_view_give(arg, "1\n", 2);
}

static int arm(struct fs_request *r, uint64_t *ticket)
{
	struct ipcfs_op op = {.verb = IPCFS_V_ARM, .holder = fs_handle_holder(r->handle, r->pid)};
	int rc = fs_view_engine(r, &op);

	if (rc == 0) {
		*ticket = op.token;
		r->handle->holds = true;
	}
	return rc;
}

/* A waiter no more: a notification that it has goes to the next. */
static void disarm(struct fs_handle *h, uint64_t ticket)
{
	struct ipcfs_op op = {.verb = IPCFS_V_LEAVE, .holder = &h->holder, .token = ticket};

	fs_park_leave(h->item, &op);
}

/* The read ends without the notification that it may have. A handle that was armed before stays so, since the
 * read may come again: it was interrupted, or nobody was there any more to take the answer. */
static void give_up(struct fs_request *r)
{
	struct fs_handle *h = r->handle;

	if (r->ticket && r->of_handle && !h->ticket && r->error != -ETIMEDOUT)
		h->ticket = r->ticket;
	else if (r->ticket)
		disarm(h, r->ticket);
	r->ticket = 0;
}

/* Who waits from now on has a ticket of his own: the handle's, else a new one. */
static int join(struct fs_request *r)
{
	struct fs_handle *h = r->handle;

	r->of_handle = h->ticket != 0;
	if (!r->of_handle)
		return arm(r, &r->ticket);
	r->ticket = h->ticket;
	h->ticket = 0;
	return 0;
}

static int take(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	bool waits = r->parked && !r->nonblock && h->timeout_ns != 0;
	struct ipcfs_op op = {.verb = IPCFS_V_AWAIT,
			      .flags = r->first ? IPCFS_OP_WAITS : 0,
			      .holder = &h->holder,
			      .sink = answer,
			      .sink_arg = r};
	int rc = waits && !r->ticket ? join(r) : 0;

	if (rc < 0)
		return rc;
	op.token = r->ticket ? r->ticket : h->ticket;
	rc = fs_view_engine(r, &op);
	if (rc == -EAGAIN) {
		r->nobody = op.count == 0;
		if (!op.token)
			r->class = IPCFS_C_CHANGE; /* there it is always tried */
	} else if (r->answered && rc < 0) {
		give_up(r);
	} else if (rc != -EBUSY && r->ticket) {
		r->ticket = 0;
	} else if (rc != -EBUSY) {
		h->ticket = 0;
	}
	return rc == -EPERM ? fs_fail(-EUCLEAN, "somebody has removed this waiter") : rc;
}

/* The time is over: a notification that has come just now is still given. */
static int last(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_AWAIT,
			      .flags = IPCFS_OP_LAST,
			      .holder = &r->handle->holder,
			      .token = r->ticket,
			      .sink = answer,
			      .sink_arg = r};
	int rc;

	if (!r->ticket || r->error != -ETIMEDOUT || r->item->removed)
		return r->error;
	rc = fs_view_engine_item(r->item, &op);
	if (rc == 0 || rc == -ETIMEDOUT)
		r->ticket = 0;
	else if (r->answered)
		give_up(r);
	return r->answered ? 0 : rc;
}

/* ---- notifying ---------------------------------------------------------------------------------- */

static int arm_handle(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	int rc;

	if ((h->flags & O_ACCMODE) == O_WRONLY)
		return fs_fail(-EINVAL, "only a handle that can read as well can wait: open it "
					"for both");
	if (h->ticket)
		return 0;
	rc = arm(r, &h->ticket);
	return rc == -EAGAIN ? fs_fail(-EUSERS, "%u wait for it already", IPCFS_PARTIES_MAX) : rc;
}

static int write_word(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_NOTIFY, .count = UINT64_MAX};
	size_t len = r->size;
	const char *s = ipcfs_trim(r->data, &len);
	int rc = 0;

	if (is_word(s, len, "arm"))
		return arm_handle(r);
	if (!is_word(s, len, "all"))
		rc = ipcfs_parse_u64(s, len, &op.count);
	if (rc < 0)
		return fs_fail(rc, "%s is neither \"arm\" nor \"all\" nor a number to notify",
			       fs_quote(s, len));
	if (op.count == 0)
		return fs_fail(-EINVAL, "0 is not a number of waiters to notify");
	return fs_view_engine(r, &op);
}

/* ---- looking ---------------------------------------------------------------------------------------- */

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	(void)h;
	fs_text_printf(t, "armed %llu\nnotified %llu\n", (unsigned long long)st->value,
		       (unsigned long long)st->notified);
}

const struct fs_kind fs_condition_kind = {
	.read_waits = true,
	.each_alone = true,
	.joins = true,
	.take = take,
	.show = fs_view_show_waiting,
	.write = write_word,
	.last = last,
	.withdraw = give_up,
	.stat = stat_lines,
	.command = fs_view_no_command,
};
