/* SPDX-License-Identifier: MIT
 *
 * park.c - one request that waits: how it is kept, its deadline, its interrupt, and how it ends exactly once. Where it
 * stands and when it is tried again: park_line.c. States and ends: docs/architecture.md.
 *
 * libfuse may call the interrupt callback while it is being registered, and uses the request after it
 * returns, so the callback only puts the request on a list; fs_park_settle() answers.
 */
#include "fs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUSY_TRIES = 20, /* before EBUSY: on a busy machine the time may be over at once */
};

static struct fs_requests cancelled = TAILQ_HEAD_INITIALIZER(cancelled);
static unsigned parked_total, left_total, deadlines;
bool fs_park_stopping;

/* ---- its place --------------------------------------------------------------------------------- */

/* Out of every list and timer. */
static void unpark(struct fs_request *r)
{
	struct fs_item *item = r->item;

	assert(r->parked);
	TAILQ_REMOVE(&item->parked[r->line], r, link);
	if (r->interrupted)
		TAILQ_REMOVE(&cancelled, r, cancel_link);
	if (r->timed)
		deadlines--;
	r->timed = false;
	ev_timer_stop(fs.loop, &r->timer);
	fs_quota_add(r->handle->uid, FS_Q_PARKED, -1);
	item->parked_count--;
	parked_total--;
	left_total -= r->orphan;
	r->parked = false;
	fs_park_note(item);
}

/* Waits for something else now. */
void fs_park_change_line(struct fs_request *r, enum ipcfs_class class)
{
	TAILQ_REMOVE(&r->item->parked[r->line], r, link);
	r->line = class;
	TAILQ_INSERT_TAIL(&r->item->parked[r->line], r, link);
}

/* It was told to wait, and does not any longer. */
void fs_park_withdraw(struct fs_request *r)
{
	if (r->item && fs_kind_of(r->item->kind)->withdraw)
		fs_kind_of(r->item->kind)->withdraw(r);
}

/* ---- a busy lock ------------------------------------------------------------------------------- */

void fs_park_busy_words(void)
{
	fs_words("a program has held the object's inner lock for %d ms", FS_BUSY_MS);
}

/* Until FS_BUSY_MS are over; but a read that may wait for anything waits for a busy lock too, and so does what nobody
 * would hear of. */
int fs_park_busy(struct fs_request *r, bool nonblock)
{
	bool waits = r->orphan || (!nonblock && !r->write && fs_view_waits(r->handle));
	int64_t now = fs_now_ns();

	fs_park_mind_busy(r->item);
	if (!r->busy_until)
		r->busy_until = now + FS_BUSY_MS * 1000000ll;
	r->busy_tries++;
	if (now < r->busy_until || r->busy_tries < BUSY_TRIES || waits)
		return -EAGAIN;
	fs_park_busy_words();
	return -EBUSY;
}

/* ---- its end ----------------------------------------------------------------------------------- */

/* Its end has come, but the object's lock is busy: it is looked at again soon, whoever stands before it. */
static void put_off(struct fs_request *r)
{
	if (r->interrupted)
		TAILQ_REMOVE(&cancelled, r, cancel_link);
	r->interrupted = false;
	r->ending = true;
	r->busy_until = 0;
	ev_timer_stop(fs.loop, &r->timer);
	fs_park_change_line(r, IPCFS_C_CHANGE);
}

/* What its kind says of the error with which it is to end; 1: not yet. */
static int look_last(struct fs_request *r, int error)
{
	const struct fs_kind *kind = fs_kind_of(r->item->kind);
	bool over = error == -EINTR || error == -ETIMEDOUT;
	int rc = over && kind->last && !r->answered ? kind->last(r) : error;

	if (rc != -EBUSY || !over)
		return rc;
	if (!r->ending)
		put_off(r);
	return fs_park_busy(r, true) == -EAGAIN && !fs_park_stopping ? 1 : error;
}

/* Answers an error; but a write that has done a part says how much. */
void fs_park_answer_error(struct fs_request *r, int error)
{
	if (r->taken)
		fs_reply_written(r, r->taken);
	else if (r->orphan)
		fs_reply_lost(r, error);
	else
		fs_reply_handle_error(r->req, error, r->handle);
	fs_reply_begin(); /* the words were this one's */
}

/* The one end of a parked request, answered before (error 0) or here. False: not yet. */
bool fs_park_end(struct fs_request *r, int error)
{
	struct fs_item *item = r->item;

	r->error = error;
	error = look_last(r, error);
	if (error > 0)
		return false;
	unpark(r);
	if (error < 0 && !r->answered) {
		fs_park_withdraw(r);
		fs_park_changed(item); /* who stood behind may go on */
		if (!r->orphan)
			fuse_req_interrupt_func(r->req, NULL, NULL);
		fs_park_answer_error(r, error);
	}
	free(r->copy);
	fs_quota_add(r->handle->uid, FS_Q_KEPT, -(int64_t)r->kept);
	if (r->orphan)
		fs_handle_free(r->handle);
	free(r);
	fs_item_put(item);
	return true;
}

void fs_park_end_interrupted(void)
{
	struct fs_request *r;

	while ((r = TAILQ_FIRST(&cancelled)))
		fs_park_end(r, -EINTR);
}

/* ---- its beginning ----------------------------------------------------------------------------- */

static void on_interrupt(fuse_req_t req, void *arg)
{
	struct fs_request *r = arg;

	(void)req;
	if (r->interrupted ||
	    r->ending) /* it ends anyway, as soon as the object's lock can be had */
		return;
	r->interrupted = true;
	TAILQ_INSERT_TAIL(&cancelled, r, cancel_link);
}

static void on_deadline(struct ev_loop *l, ev_timer *timer, int events)
{
	(void)l;
	(void)events;
	fs_park_end(timer->data, -ETIMEDOUT);
}

/* The last place in its line. */
void fs_park_enter(struct fs_request *r)
{
	r->parked = true;
	r->line = r->class;
	fs_item_ref(r->item);
	TAILQ_INSERT_TAIL(&r->item->parked[r->line], r, link);
	r->item->parked_count++;
	parked_total++;
	left_total += r->orphan;
	fs_park_note(r->item);
	ev_init(&r->timer, on_deadline);
	r->timer.data = r;
}

static int64_t copied(const struct fs_request *r)
{
	return r->write ? (int64_t)r->size : 0;
}

static void discharge(const struct fs_request *r)
{
	fs_quota_add(r->handle->uid, FS_Q_PARKED, -1);
	fs_quota_add(r->handle->uid, FS_Q_KEPT, -copied(r));
}

static int charge(const struct fs_request *r)
{
	int rc = fs_quota_add(r->handle->uid, FS_Q_PARKED, 1);

	if (rc == 0 && copied(r)) {
		rc = fs_quota_add(r->handle->uid, FS_Q_KEPT, copied(r));
		if (rc < 0)
			fs_quota_add(r->handle->uid, FS_Q_PARKED, -1);
	}
	return rc;
}

static struct fs_request *keep(const struct fs_request *r)
{
	struct fs_request *kept = malloc(sizeof(*kept));

	if (!kept)
		return NULL;
	*kept = *r;
	if (r->size && r->write) {
		kept->kept = r->size;
		kept->copy = malloc(r->size);
		if (!kept->copy) {
			free(kept);
			return NULL;
		}
		memcpy(kept->copy, r->data, r->size);
		kept->data = kept->copy;
	}
	return kept;
}

/* How long it may wait; negative: for ever. */
static int64_t limit(const struct fs_request *r)
{
	int64_t ns = r->handle->timeout_ns, brief = FS_SYNC_MS * 1000000ll;

	return r->sync && (ns < 0 || ns > brief) ? brief : ns;
}

int fs_park_begin(const struct fs_request *r, struct fs_request **out)
{
	struct fs_request *kept;
	int rc = fs_park_stopping ? -ESHUTDOWN : charge(r);

	if (rc < 0)
		return rc;
	kept = keep(r);
	if (!kept) {
		discharge(r);
		return -ENOMEM;
	}
	fs_park_enter(kept);
	if (limit(kept) > 0) {
		ev_now_update(fs.loop);
		ev_timer_set(&kept->timer, (double)limit(kept) / 1e9, 0.);
		ev_timer_start(fs.loop, &kept->timer);
		kept->timed = true;
		deadlines++;
	}
	/* Last: it may call back at once. */
	fuse_req_interrupt_func(kept->req, on_interrupt, kept);
	*out = kept;
	return 0;
}

/* ---- how many ---------------------------------------------------------------------------------- */

unsigned fs_park_deadlines(void)
{
	return deadlines;
}

unsigned fs_park_count(void)
{
	return parked_total;
}

unsigned fs_park_left(void)
{
	return left_total;
}

void fs_park_count_of(const struct fs_item *item, unsigned *readers, unsigned *writers)
{
	const struct fs_item *own;
	const struct fs_request *r;
	unsigned more_readers, more_writers;

	*readers = *writers = 0;
	for (int class = 0; class < IPCFS_C_COUNT; class ++)
		TAILQ_FOREACH(r, &item->parked[class], link)
	(*(r->write ? writers : readers))++;
	LIST_FOREACH(own, &item->owned, owned_link)
	{
		fs_park_count_of(own, &more_readers, &more_writers);
		*readers += more_readers;
		*writers += more_writers;
	}
}
