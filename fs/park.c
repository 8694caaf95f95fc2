/* SPDX-License-Identifier: MIT
 *
 * park.c - requests that must wait: one line for each object and class, first come first served; their
 * deadlines, interrupts, and how each ends exactly once. Knows nothing of kinds: it tries a request
 * again (fs_view_try) when its object has changed. States and ends: docs/architecture.md.
 *
 * libfuse may call the interrupt callback while it is being registered, and uses the request after it
 * returns, so the callback only puts the request on a list; fs_park_settle() answers.
 */
#include "fs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	BUSY_MS = 1,	  /* between two tries while an object's lock is busy */
	BUSY_TRIES = 20,  /* before EBUSY: on a busy machine the time may be over at once */
	LOOK_AGAIN_S = 1, /* all that wait, whatever was or was not heard of them */
};

static struct fs_requests cancelled = TAILQ_HEAD_INITIALIZER(cancelled);
static TAILQ_HEAD(items, fs_item) dirty = TAILQ_HEAD_INITIALIZER(dirty);
static struct items waiting = TAILQ_HEAD_INITIALIZER(waiting); /* items with parked or polls */
static struct ev_loop *loop;
static ev_timer busy_timer;
/* A timerfd and not libev's timer: that would make every epoll_wait set a timer up. */
static ev_io again_io;
static int again_fd = -1;
static unsigned parked_total, left_total, deadlines;
bool fs_park_stopping;

/* Ticks while anybody waits. */
static void tick(bool wanted)
{
	static bool ticking;
	struct itimerspec every = {{wanted ? LOOK_AGAIN_S : 0, 0}, {wanted ? LOOK_AGAIN_S : 0, 0}};

	if (wanted != ticking)
		timerfd_settime(again_fd, 0, &every, NULL);
	ticking = wanted;
}

/* ---- which items anybody waits on ----------------------------------------------------------- */

static void note_waiting(struct fs_item *item)
{
	bool wanted = item->parked_count || !LIST_EMPTY(&item->polls) ||
		      !SLIST_EMPTY(&item->leaving) || !SLIST_EMPTY(&item->closing) ||
		      !LIST_EMPTY(&item->notifies);

	if (wanted && !item->in_parked)
		TAILQ_INSERT_TAIL(&waiting, item, parked_link);
	else if (!wanted && item->in_parked)
		TAILQ_REMOVE(&waiting, item, parked_link);
	if (item->is_part && wanted && !item->in_parked)
		LIST_INSERT_HEAD(&item->parent->parts_waiting, item, part_link);
	else if (item->is_part && !wanted && item->in_parked)
		LIST_REMOVE(item, part_link);
	item->in_parked = wanted;
	if (wanted)
		tick(true);
}

void fs_park_note(struct fs_item *item)
{
	note_waiting(item);
}

struct fs_item *fs_park_first(void)
{
	return TAILQ_FIRST(&waiting);
}

struct fs_item *fs_park_next(struct fs_item *item)
{
	return TAILQ_NEXT(item, parked_link);
}

void fs_park_forget(struct fs_item *item)
{
	if (item->dirty)
		TAILQ_REMOVE(&dirty, item, dirty_link);
	if (item->in_parked)
		TAILQ_REMOVE(&waiting, item, parked_link);
	if (item->in_parked && item->is_part)
		LIST_REMOVE(item, part_link);
	item->dirty = item->in_parked = false;
}

static void mark(struct fs_item *item)
{
	if (item->dirty || !item->in_parked)
		return;
	item->dirty = true;
	TAILQ_INSERT_TAIL(&dirty, item, dirty_link);
}

/* A part's change is one of the whole, and any part may have changed with the whole. */
void fs_park_changed(struct fs_item *item)
{
	struct fs_item *each;

	if (!item) {
		TAILQ_FOREACH(each, &waiting, parked_link)
		mark(each);
		return;
	}
	mark(item);
	if (item->is_part)
		mark(item->parent);
	LIST_FOREACH(each, &item->parts_waiting, part_link)
	mark(each);
}

/* ---- one request -------------------------------------------------------------------------------- */

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
	ev_timer_stop(loop, &r->timer);
	fs_quota_add(r->handle->uid, FS_Q_PARKED, -1);
	item->parked_count--;
	parked_total--;
	left_total -= r->orphan;
	r->parked = false;
	note_waiting(item);
}

/* It was told to wait, and does not any longer. */
static void withdraw(struct fs_request *r)
{
	if (r->item && fs_kind_of(r->item->kind)->withdraw)
		fs_kind_of(r->item->kind)->withdraw(r);
}

/* Waits for something else now. */
static void change_line(struct fs_request *r, enum ipcfs_class class)
{
	TAILQ_REMOVE(&r->item->parked[r->line], r, link);
	r->line = class;
	TAILQ_INSERT_TAIL(&r->item->parked[r->line], r, link);
}

void fs_park_mind_busy(void)
{
	if (!ev_is_active(&busy_timer)) {
		ev_now_update(loop);
		ev_timer_set(&busy_timer, BUSY_MS / 1e3, 0.);
		ev_timer_start(loop, &busy_timer);
	}
}

void fs_park_busy_words(void)
{
	fs_words("a program has held the object's inner lock for %d ms", FS_BUSY_MS);
}

/* Until FS_BUSY_MS are over; but a read that may wait for anything waits for a busy lock too, and so does what nobody
 * would hear of. */
static int busy(struct fs_request *r, bool nonblock)
{
	bool waits = r->orphan || (!nonblock && !r->write && fs_view_waits(r->handle));
	int64_t now = fs_now_ns();

	fs_park_mind_busy();
	if (!r->busy_until)
		r->busy_until = now + FS_BUSY_MS * 1000000ll;
	r->busy_tries++;
	if (now < r->busy_until || r->busy_tries < BUSY_TRIES || waits)
		return -EAGAIN;
	fs_park_busy_words();
	return -EBUSY;
}

/* Its end has come, but the object's lock is busy: it is looked at again soon, whoever stands before it. */
static void put_off(struct fs_request *r)
{
	if (r->interrupted)
		TAILQ_REMOVE(&cancelled, r, cancel_link);
	r->interrupted = false;
	r->ending = true;
	r->busy_until = 0;
	ev_timer_stop(loop, &r->timer);
	change_line(r, IPCFS_C_CHANGE);
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
	return busy(r, true) == -EAGAIN && !fs_park_stopping ? 1 : error;
}

/* Answers an error; but a write that has done a part says how much. */
static void answer_error(struct fs_request *r, int error)
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
static bool finish(struct fs_request *r, int error)
{
	struct fs_item *item = r->item;

	r->error = error;
	error = look_last(r, error);
	if (error > 0)
		return false;
	unpark(r);
	if (error < 0 && !r->answered) {
		withdraw(r);
		fs_park_changed(item); /* who stood behind may go on */
		if (!r->orphan)
			fuse_req_interrupt_func(r->req, NULL, NULL);
		answer_error(r, error);
	}
	free(r->copy);
	if (r->orphan)
		fs_handle_free(r->handle);
	free(r);
	fs_item_put(item);
	return true;
}

static void on_interrupt(fuse_req_t req, void *arg)
{
	struct fs_request *r = arg;

	(void)req;
	if (r->interrupted)
		return;
	r->interrupted = true;
	TAILQ_INSERT_TAIL(&cancelled, r, cancel_link);
}

static void on_deadline(struct ev_loop *l, ev_timer *timer, int events)
{
	(void)l;
	(void)events;
	finish(timer->data, -ETIMEDOUT);
}

static struct fs_request *keep(const struct fs_request *r)
{
	struct fs_request *kept = malloc(sizeof(*kept));

	if (!kept)
		return NULL;
	*kept = *r;
	if (r->size && r->write) {
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

/* The last place in its line. */
static void enter(struct fs_request *r)
{
	r->parked = true;
	r->line = r->class;
	fs_item_ref(r->item);
	TAILQ_INSERT_TAIL(&r->item->parked[r->line], r, link);
	r->item->parked_count++;
	parked_total++;
	left_total += r->orphan;
	note_waiting(r->item);
	ev_init(&r->timer, on_deadline);
	r->timer.data = r;
}

/* How long it may wait; negative: for ever. */
static int64_t limit(const struct fs_request *r)
{
	int64_t ns = r->handle->timeout_ns, brief = FS_SYNC_MS * 1000000ll;

	return r->sync && (ns < 0 || ns > brief) ? brief : ns;
}

static int park(const struct fs_request *r, struct fs_request **out)
{
	struct fs_request *kept;
	int rc = fs_park_stopping ? -ESHUTDOWN : fs_quota_add(r->handle->uid, FS_Q_PARKED, 1);

	if (rc < 0)
		return rc;
	kept = keep(r);
	if (!kept) {
		fs_quota_add(r->handle->uid, FS_Q_PARKED, -1);
		return -ENOMEM;
	}
	enter(kept);
	if (limit(kept) > 0) {
		ev_now_update(loop);
		ev_timer_set(&kept->timer, (double)limit(kept) / 1e9, 0.);
		ev_timer_start(loop, &kept->timer);
		kept->timed = true;
		deadlines++;
	}
	/* Last: it may call back at once. */
	fuse_req_interrupt_func(kept->req, on_interrupt, kept);
	*out = kept;
	return 0;
}

/* ---- service -------------------------------------------------------------------------------------- */

/* Tries one parked request again: whether it ended. */
static bool serve(struct fs_request *r)
{
	bool nonblock = r->nonblock || r->handle->timeout_ns == 0;
	int rc;

	r->nobody = false;
	if (r->interrupted) /* its answer is EINTR, soon; it takes nothing */
		return false;
	if (r->ending)
		return finish(r, r->error);
	rc = fs_view_try(r);
	if (rc == -EBUSY) {
		r->nobody = true;
		rc = busy(r, nonblock);
	} else if (rc == -EAGAIN && nonblock) { /* waited for the lock alone */
		return finish(r, -EAGAIN);
	}
	if (rc == -EAGAIN && r->class != r->line)
		change_line(r, r->class);
	return rc != -EAGAIN && finish(r, rc);
}

/* Does it stand in line for an item? Others in the line wait for a busy lock alone. */
static bool in_turn(const struct fs_request *r)
{
	return r->handle->leaf.view == FS_PLAIN && !r->nonblock && r->handle->timeout_ns != 0;
}

/* One pass over a line: the first who must wait keeps those behind him waiting, but in those without an
 * order, or where each waits for something of his own. Of these (who have tickets) the first may learn that there is
 * nothing for anybody. Whether anybody was served. */
static bool serve_line(struct fs_item *item, enum ipcfs_class class)
{
	bool served = false, alone = !fs_view_ordered(class) || fs_kind_of(item->kind)->each_alone;
	bool first = true, nobody = false;
	struct fs_request *r, *next;

	for (r = TAILQ_FIRST(&item->parked[class]); r; r = next) {
		bool has_ticket = r->ticket;

		next = TAILQ_NEXT(r, link);
		if (nobody && has_ticket && class == IPCFS_C_READ)
			continue;
		r->first = first && has_ticket;
		first = first && !has_ticket;
		if (serve(r))
			served = true;
		else if (!alone && !r->interrupted && in_turn(r))
			break;
		else
			nobody = nobody || (has_ticket && r->nobody);
	}
	return served;
}

static void notify_polls(struct fs_item *item)
{
	struct fs_handle *h, *next;

	for (h = LIST_FIRST(&item->polls); h; h = next) {
		next = LIST_NEXT(h, poll_link);
		if (!fs_view_ready(h, true))
			continue;
		LIST_REMOVE(h, poll_link);
		fuse_lowlevel_notify_poll(h->poll);
		fuse_pollhandle_destroy(h->poll);
		h->poll = NULL;
	}
	note_waiting(item);
}

/* ---- what must not get lost ------------------------------------------------------------------ */

struct fs_leaving {
	struct ipcfs_op op;
	struct ipcfs_holder holder;
	SLIST_ENTRY(fs_leaving) link;
};

static bool leave(struct fs_item *item, struct ipcfs_op *op)
{
	int rc = item->removed ? 0 : fs_view_engine_item(item, op);

	if (rc == -EBUSY)
		fs_park_mind_busy();
	/* With no memory or descriptor to look at the object: at the next tick. */
	return rc != -EBUSY && rc != -ENOMEM && rc != -EMFILE && rc != -ENFILE;
}

/* The item's caller has a reference, too. */
static void leave_queued(struct fs_item *item)
{
	struct fs_leaving *l;

	while ((l = SLIST_FIRST(&item->leaving)) && leave(item, &l->op)) {
		SLIST_REMOVE_HEAD(&item->leaving, link);
		free(l);
		fs_item_put(item);
	}
}

bool fs_park_try_leave(struct fs_item *item, struct ipcfs_op *op)
{
	leave_queued(item);
	return SLIST_EMPTY(&item->leaving) && leave(item, op);
}

static void leave_again(struct fs_item *item)
{
	SLIST_HEAD(, fs_handle) closing = SLIST_HEAD_INITIALIZER(closing);
	struct fs_handle *h;

	leave_queued(item);
	SLIST_FIRST(&closing) = SLIST_FIRST(&item->closing);
	SLIST_INIT(&item->closing);
	while ((h = SLIST_FIRST(&closing))) {
		SLIST_REMOVE_HEAD(&closing, closing_link);
		fs_handle_leave(h);
	}
}

/* Behind those that are there: a handle's last LEAVE must not come before what one of its reads has to say. */
static void leave_later(struct fs_item *item, const struct ipcfs_op *op)
{
	struct fs_leaving *l = malloc(sizeof(*l)), *last;

	if (!l)
		return;
	l->op = *op;
	if (op->holder) {
		l->holder = *op->holder;
		l->op.holder = &l->holder;
	}
	fs_item_ref(item);
	SLIST_FOREACH(last, &item->leaving, link)
	if (!SLIST_NEXT(last, link))
		break;
	if (last)
		SLIST_INSERT_AFTER(last, l, link);
	else
		SLIST_INSERT_HEAD(&item->leaving, l, link);
	note_waiting(item);
}

void fs_park_leave(struct fs_item *item, const struct ipcfs_op *op)
{
	struct ipcfs_op now = *op;

	if (!fs_park_try_leave(item, &now))
		leave_later(item, op);
	fs_park_changed(item);
}

void fs_park_closing(struct fs_handle *h)
{
	h->closing = true;
	SLIST_INSERT_HEAD(&h->item->closing, h, closing_link);
	note_waiting(h->item);
}

static void serve_item(struct fs_item *item)
{
	bool served;

	fs_item_ref(item);
	leave_again(item);
	do {
		served = serve_line(item, IPCFS_C_READ);
		served |= serve_line(item, IPCFS_C_WRITE);
	} while (served);
	serve_line(item, IPCFS_C_JOIN);
	serve_line(item, IPCFS_C_CHANGE);
	notify_polls(item);
	fs_notify_item(item);
	fs_item_put(item);
}

bool fs_park_behind(const struct fs_handle *h, enum ipcfs_class class)
{
	const struct fs_kind *kind = h->item ? fs_kind_of(h->item->kind) : NULL;

	return kind && !kind->each_alone && fs_view_ordered(class) &&
	       !(kind->holds && kind->holds(h)) && h->leaf.view == FS_PLAIN &&
	       (class == IPCFS_C_WRITE || (!h->rest_len && !h->ended)) &&
	       !TAILQ_EMPTY(&h->item->parked[class]);
}

/* Is it one who must not overtake those that wait? */
static bool joins_line(const struct fs_request *r)
{
	const struct fs_handle *h = r->handle;
	const struct fs_kind *kind = fs_kind_of(r->item->kind);

	return !(kind->holds && kind->holds(h)) && !(kind->aside && kind->aside(r)) &&
	       r->flock != LOCK_UN && h->leaf.view == FS_PLAIN &&
	       (r->write || (!h->rest_len && !h->ended));
}

/* Nobody overtakes those in line, not even who would not wait. */
static bool others_first(const struct fs_request *r)
{
	if (!r->item || fs_kind_of(r->item->kind)->each_alone || !fs_view_ordered(r->class) ||
	    !joins_line(r) || TAILQ_EMPTY(&r->item->parked[r->class]))
		return false;
	serve_item(r->item);
	return !TAILQ_EMPTY(&r->item->parked[r->class]);
}

bool fs_park_line(const struct fs_request *r)
{
	return !r->parked && !TAILQ_EMPTY(&r->item->parked[IPCFS_C_READ]);
}

/* It waits. Where that makes it part of the object it could not do so before: the one who undoes it must know it. */
static int wait(struct fs_request *r)
{
	const struct fs_kind *kind = r->item ? fs_kind_of(r->item->kind) : NULL;
	struct fs_request *kept;
	int rc = kind && kind->may_wait ? kind->may_wait(r) : 0;

	if (rc == 0)
		rc = park(r, &kept);
	if (rc == 0 && kind && kind->joins)
		serve(kept);
	if (rc < 0)
		withdraw(r);
	return rc;
}

/* The same for the object's lock alone. Who overtakes those in line must not get stuck behind them now: a holder who
 * asks for his token again, say, when they wait for him. Where any change is waited for he is always tried. */
static int wait_for_lock(struct fs_request *r)
{
	if (r->item && !fs_kind_of(r->item->kind)->each_alone && !joins_line(r))
		r->class = IPCFS_C_CHANGE;
	return wait(r);
}

void fs_park_run(struct fs_request *r)
{
	bool nonblock = r->nonblock || r->handle->timeout_ns == 0;
	int rc;

	r->class = fs_view_line(r->handle, r->write);
	rc = others_first(r) ? -EAGAIN : fs_view_try(r);
	if (rc == -EBUSY) {
		rc = busy(r, nonblock);
		if (rc == -EAGAIN)
			rc = wait_for_lock(r);
	} else if (rc == -EAGAIN && !nonblock) {
		rc = wait(r);
	}
	if (rc < 0 && !r->answered)
		answer_error(r, rc);
}

bool fs_park_orphan(struct fs_request *r)
{
	int rc = others_first(r) ? -EAGAIN : fs_view_try(r);

	if (rc == -EBUSY)
		fs_park_mind_busy();
	if ((rc == -EAGAIN || rc == -EBUSY) && !fs_park_stopping) {
		enter(r);
		return true;
	}
	fs_quota_add(r->handle->uid, FS_Q_PARKED, -1);
	free(r->copy);
	free(r);
	return false;
}

void fs_park_settle(void)
{
	struct fs_request *r;
	struct fs_item *item;

	while ((r = TAILQ_FIRST(&cancelled)))
		finish(r, -EINTR);
	while ((item = TAILQ_FIRST(&dirty))) {
		TAILQ_REMOVE(&dirty, item, dirty_link);
		item->dirty = false;
		serve_item(item);
	}
}

static void fail_item(struct fs_item *item, int error)
{
	struct fs_request *r, *next;

	fs_item_ref(item);
	for (int class = 0; class < IPCFS_C_COUNT; class ++)
		for (r = TAILQ_FIRST(&item->parked[class]); r; r = next) {
			next = TAILQ_NEXT(r, link);
			finish(r, r->interrupted ? -EINTR : error);
		}
	notify_polls(item);
	fs_item_put(item);
}

void fs_park_fail_all(int error)
{
	struct fs_item *item;

	do {
		TAILQ_FOREACH(item, &waiting, parked_link)
		if (item->parked_count)
			break;
		if (item)
			fail_item(item, error);
	} while (item);
}

/* ---- timers ------------------------------------------------------------------------------------------ */

static void look_again(struct ev_loop *l, ev_timer *timer, int events)
{
	(void)l;
	(void)timer;
	(void)events;
	fs_retry_all();
	fs_park_changed(NULL);
	fs_park_settle();
}

static void on_tick(struct ev_loop *l, ev_io *io, int events)
{
	uint64_t ticks;

	(void)l;
	(void)events;
	if (read(io->fd, &ticks, sizeof(ticks)) < 0)
		return;
	fs_park_changed(NULL);
	fs_park_settle();
	tick(!TAILQ_EMPTY(&waiting));
}

int fs_park_start(void)
{
	loop = fs.loop;
	ev_init(&busy_timer, look_again);
	again_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (again_fd < 0)
		return -errno;
	fs_loop_listen(&again_io, on_tick, again_fd);
	return 0;
}

bool fs_park_timers(void)
{
	return deadlines || ev_is_active(&busy_timer);
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
	const struct fs_request *r;

	*readers = *writers = 0;
	for (int class = 0; class < IPCFS_C_COUNT; class ++)
		TAILQ_FOREACH(r, &item->parked[class], link)
	(*(r->write ? writers : readers))++;
}

/* ---- poll ----------------------------------------------------------------------------------------------- */

void fs_park_poll(fuse_req_t req, struct fs_handle *h, struct fuse_pollhandle *ph)
{
	unsigned ready;

	if (ph && h->poll) {
		fuse_pollhandle_destroy(h->poll); /* the kernel's newest is the one to use */
		h->poll = ph;
	} else if (ph && h->item) {
		h->poll = ph;
		LIST_INSERT_HEAD(&h->item->polls, h, poll_link);
		note_waiting(h->item);
	} else if (ph) {
		fuse_pollhandle_destroy(ph);
	}
	ready = fs_view_ready(h, true);
	fs_reply_poll(req, ready);
}
