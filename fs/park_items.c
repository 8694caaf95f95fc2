/* SPDX-License-Identifier: MIT
 *
 * park_items.c - the items on which anybody waits, in whatever way: which there are, which of them have changed, and
 * when they are looked at whatever was heard: all each second, and in a millisecond those whose object's lock was busy.
 */
#include "fs.h"

enum {
	BUSY_MS = 1,	  /* between two tries while an object's lock is busy */
	LOOK_AGAIN_S = 1, /* all that wait, whatever was or was not heard of them */
	SETTLE_MS = 20,	  /* then whoever else asks gets his turn */
};

static TAILQ_HEAD(items, fs_item) dirty = TAILQ_HEAD_INITIALIZER(dirty);
static struct items waiting = TAILQ_HEAD_INITIALIZER(waiting);
static ev_timer busy_timer;
static ev_io again_io;
static bool ticking;

/* Ticks while anybody waits. */
static void tick(bool wanted)
{
	if (wanted != ticking)
		fs_loop_ring_at(&again_io, wanted ? fs_now_ns() + LOOK_AGAIN_S * 1000000000ll : 0);
	ticking = wanted;
}

/* In a millisecond: at those with `busy`, and at what is left to settle. */
static void look_soon(void)
{
	if (!ev_is_active(&busy_timer)) {
		ev_now_update(fs.loop);
		ev_timer_set(&busy_timer, BUSY_MS / 1e3, 0.);
		ev_timer_start(fs.loop, &busy_timer);
	}
}

/* ---- which they are ---------------------------------------------------------------------------- */

void fs_park_note(struct fs_item *item)
{
	bool wanted = item->parked_count || !LIST_EMPTY(&item->polls) ||
		      !SLIST_EMPTY(&item->leaving) || !SLIST_EMPTY(&item->closing) ||
		      !LIST_EMPTY(&item->notifies) || !LIST_EMPTY(&item->joined);

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

/* To serve one may change it again, or another: without an end where somebody writes into a segment all the time. */
void fs_park_settle(void)
{
	struct fs_item *item;
	int64_t until = 0;

	fs_park_end_interrupted();
	while ((item = TAILQ_FIRST(&dirty))) {
		if (until && fs_now_ns() >= until) {
			look_soon();
			return;
		}
		if (!until)
			until = fs_now_ns() + SETTLE_MS * 1000000ll;
		TAILQ_REMOVE(&dirty, item, dirty_link);
		item->dirty = false;
		fs_park_serve(item);
	}
}

/* ---- timers ------------------------------------------------------------------------------------ */

void fs_park_mind_busy(struct fs_item *item)
{
	if (item)
		item->busy = true;
	look_soon();
}

/* Only these: one whose lock is held for long must not cost a look at all the others each time. */
static void look_at_busy(void)
{
	struct fs_item *item;

	TAILQ_FOREACH(item, &waiting, parked_link)
	{
		if (item->busy)
			fs_park_changed(item);
		item->busy = false;
	}
}

static void look_again(struct ev_loop *l, ev_timer *timer, int events)
{
	(void)l;
	(void)timer;
	(void)events;
	fs_retry_all();
	look_at_busy();
	fs_park_settle();
}

static void on_tick(struct ev_loop *l, ev_io *io, int events)
{
	(void)l;
	(void)events;
	if (!fs_loop_rang(io))
		return;
	ticking = false;
	fs_park_changed(NULL);
	fs_park_settle();
	tick(!TAILQ_EMPTY(&waiting));
}

int fs_park_start(void)
{
	int rc;

	ev_init(&busy_timer, look_again);
	rc = fs_loop_clock(&again_io, on_tick);
	if (rc == 0)
		rc = fs_died_start();
	return rc < 0 ? rc : fs_alarm_start();
}

bool fs_park_timers(void)
{
	return fs_park_deadlines() || ev_is_active(&busy_timer);
}
