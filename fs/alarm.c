/* SPDX-License-Identifier: MIT
 *
 * alarm.c - the view `after`: signals that are sent when a time is over, whatever has become of the handle. They are
 * the server's own, and end with it. Who may have one is judged when it is due. One timerfd for all: a
 * timer of libev would make the server wait in libev (loop.c).
 */
#include "fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct alarm {
	int64_t due_ns;
	struct fs_pin *to;    /* one of the two, else NULL */
	struct fs_item *item; /* a channel */
	struct fs_process sender;
	uid_t uid;
	int signal;
	TAILQ_ENTRY(alarm) link;
};

static TAILQ_HEAD(alarm_list, alarm) alarms =
	TAILQ_HEAD_INITIALIZER(alarms); /* what is due first comes first */
static ev_io due_io;

static void wind_up(void)
{
	const struct alarm *first = TAILQ_FIRST(&alarms);

	fs_loop_ring_at(&due_io, first ? first->due_ns : 0);
}

/* It is in the list no more. */
static void end(struct alarm *a)
{
	fs_quota_add(a->uid, FS_Q_ALARMS, -1);
	fs_pin_put(a->to);
	if (a->item)
		fs_item_put(a->item);
	free(a);
}

static void drop(struct alarm *a)
{
	TAILQ_REMOVE(&alarms, a, link);
	end(a);
}

/* ---- going off --------------------------------------------------------------------------------- */

static int fire(struct fs_item *item, int signal)
{
	struct ipcfs_op op = {.verb = IPCFS_V_FIRE, .count = (uint64_t)signal};
	int rc = item->removed ? 0 : fs_view_engine_item(item, &op);

	if (rc == -EBUSY) {
		fs_park_leave(item, &(struct ipcfs_op){.verb = IPCFS_V_FIRE, .count = op.count});
		return 0;
	}
	fs_park_changed(item);
	return rc;
}

/* Nobody waits for an answer: what fails is told in `errors`. */
static void go_off(const struct alarm *a)
{
	char path[FS_PATH];
	int rc;

	fs_reply_begin();
	rc = a->item ? fire(a->item, a->signal) : fs_signal_kill(a->to, &a->sender, a->signal);
	if (rc == 0 || rc == -ESRCH)
		return;
	if (a->item)
		fs_item_show(a->item, path, sizeof(path));
	else
		snprintf(path, sizeof(path), "signals/%d", (int)a->to->pid);
	fs_words("%s was due, and could not be sent", fs_signal_name(a->signal));
	fs_reply_failed(a->uid, a->sender.pid, rc, path);
}

static void on_due(struct ev_loop *loop, ev_io *io, int events)
{
	int64_t now = fs_now_ns();
	struct alarm *a;

	(void)loop;
	(void)events;
	if (!fs_loop_rang(io))
		return;
	while ((a = TAILQ_FIRST(&alarms)) && a->due_ns <= now) {
		/* First of all: its channel may turn out to be gone, and all alarms of it with it. */
		TAILQ_REMOVE(&alarms, a, link);
		go_off(a);
		end(a);
	}
	wind_up();
	fs_park_settle();
}

int fs_alarm_start(void)
{
	return fs_loop_clock(&due_io, on_due);
}

/* ---- setting ----------------------------------------------------------------------------------- */

/* Most are set in the order in which they are due. */
static void insert(struct alarm *a)
{
	struct alarm *before;

	TAILQ_FOREACH_REVERSE(before, &alarms, alarm_list, link)
	if (before->due_ns <= a->due_ns)
		break;
	if (before)
		TAILQ_INSERT_AFTER(&alarms, before, a, link);
	else
		TAILQ_INSERT_HEAD(&alarms, a, link);
	if (!before)
		wind_up();
}

int fs_alarm_set(struct fs_pin *to, struct fs_item *item, const struct fs_process *sender,
		 uid_t uid, int signal, int64_t ns)
{
	int64_t now = fs_now_ns();
	int rc = fs_quota_add(uid, FS_Q_ALARMS, 1);
	struct alarm *a = rc < 0 ? NULL : malloc(sizeof(*a));

	if (rc < 0)
		return rc;
	if (!a) {
		fs_quota_add(uid, FS_Q_ALARMS, -1);
		return -ENOMEM;
	}
	*a = (struct alarm){.due_ns = ns > INT64_MAX - now ? INT64_MAX : now + ns,
			    .to = to ? fs_pin_ref(to) : NULL,
			    .item = item,
			    .sender = *sender,
			    .uid = uid,
			    .signal = signal};
	if (item)
		fs_item_ref(item);
	insert(a);
	return 0;
}

/* ---- whose ------------------------------------------------------------------------------------- */

static bool is_for(const struct alarm *a, const struct fs_pin *to, const struct fs_item *item)
{
	return to ? a->to == to : a->item == item;
}

/* uid -1: everybody's. */
static void drop_all(const struct fs_pin *to, const struct fs_item *item, uid_t uid)
{
	struct alarm *a, *next;

	for (a = TAILQ_FIRST(&alarms); a; a = next) {
		next = TAILQ_NEXT(a, link);
		if (is_for(a, to, item) && (uid == (uid_t)-1 || uid == a->uid))
			drop(a);
	}
	wind_up();
}

void fs_alarm_ended(const struct fs_pin *to)
{
	drop_all(to, NULL, (uid_t)-1);
}

void fs_alarm_gone(struct fs_item *item)
{
	drop_all(NULL, item, (uid_t)-1);
}

void fs_alarm_cancel(const struct fs_pin *to, const struct fs_item *item, uid_t uid)
{
	drop_all(to, item, uid == 0 ? (uid_t)-1 : uid);
}

unsigned fs_alarm_count(const struct fs_pin *to, const struct fs_item *item)
{
	const struct alarm *a;
	unsigned n = 0;

	TAILQ_FOREACH(a, &alarms, link)
	n += is_for(a, to, item);
	return n;
}
