/* SPDX-License-Identifier: MIT
 *
 * notify.c - the view `notify`: signals to those who opened a handle with it. Where a read of the handle may wait,
 * one whenever it would have waited and no longer would; where it never does, one at each change. They hang
 * on the item as polls do, are looked at after each change, and ask for the doorbell, so that changes by
 * the library are told of as well.
 *
 * Several changes by the library may be seen as one. If there was, before and after them, something to read, then
 * perhaps not in between, when the reader looked for the last time: he is sent a signal that may be one too
 * many. None is ever missing.
 */
#include "fs.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A process that has opened such handles, pinned. One descriptor each. */
struct opener {
	int pidfd;
	pid_t pid;
	uid_t uid; /* whose it counts as */
	unsigned references;
	LIST_ENTRY(opener) link;
};

struct fs_notify {
	struct fs_handle *handle;
	struct opener *opener;	  /* NULL: it is gone */
	struct fs_process sender; /* the opener's ids, when it opened */
	bool ready;		  /* at the last look */
	bool has_type;
	uint64_t changes, own_changes;
	LIST_ENTRY(fs_notify) link;
};

enum { BUCKETS = 1024 };
static LIST_HEAD(, opener) openers[BUCKETS];
static unsigned opener_count;

/* ---- processes ------------------------------------------------------------------------------- */

static bool has_ended(const struct opener *o)
{
	struct pollfd p = {.fd = o->pidfd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* Half of the server's descriptors are for other things. */
static bool too_many(void)
{
	struct rlimit files;

	return getrlimit(RLIMIT_NOFILE, &files) == 0 && opener_count >= files.rlim_cur / 2;
}

static int pin(pid_t pid, uid_t uid, struct opener **out)
{
	int rc = fs_quota_add(uid, FS_Q_NOTIFIED, 1);
	struct opener *o;

	if (rc < 0)
		return rc;
	o = calloc(1, sizeof(*o));
	if (!o)
		rc = -ENOMEM;
	else if (too_many())
		rc = fs_fail(-ENFILE, "the server has no room for another process with notify");
	else
		rc = o->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (rc == -1)
		rc = -errno;
	if (rc < 0) {
		fs_quota_add(uid, FS_Q_NOTIFIED, -1);
		free(o);
		return rc;
	}
	o->pid = pid;
	o->uid = uid;
	LIST_INSERT_HEAD(&openers[(unsigned)pid % BUCKETS], o, link);
	opener_count++;
	*out = o;
	return 0;
}

/* It waits for its open(2), so it lives, and the number is its own. */
static int pinned(pid_t pid, uid_t uid, struct opener **out)
{
	struct opener *o;
	int rc = 0;

	LIST_FOREACH(o, &openers[(unsigned)pid % BUCKETS], link)
	if (o->pid == pid && !has_ended(o))
		break;
	if (!o)
		rc = pin(pid, uid, &o);
	if (rc < 0)
		return rc;
	o->references++;
	*out = o;
	return 0;
}

static void unpin(struct opener *o)
{
	if (!o || --o->references)
		return;
	LIST_REMOVE(o, link);
	opener_count--;
	fs_quota_add(o->uid, FS_Q_NOTIFIED, -1);
	close(o->pidfd);
	free(o);
}

/* ---- looking ----------------------------------------------------------------------------------- */

static void send(struct fs_notify *n)
{
	int rc = fs_signal_send(n->opener->pidfd, n->opener->pid, &n->sender,
				n->handle->leaf.notify);

	if (rc == -ESRCH) {
		unpin(n->opener);
		n->opener = NULL;
	}
}

/* Was there a moment without anything to read, perhaps? Not if all that changed was one thing, nor if it was this
 * server that did all of it: nobody has looked in between. */
static bool may_have_been_empty(const struct fs_notify *n, uint64_t changes, uint64_t own)
{
	return changes >= n->changes + 2 && changes - n->changes != own - n->own_changes;
}

/* A read that fails does not wait either, and what was removed has changed. */
static bool look(struct fs_notify *n)
{
	struct fs_handle *h = n->handle;
	uint64_t changes = 0, own;
	bool ready, tell, waits = fs_view_waits(h);
	int rc = fs_poll_look(h, &ready, &changes);

	own = h->item->own_changes;
	if (rc == -EBUSY) {
		fs_park_mind_busy(h->item);
		return false;
	}
	if (rc < 0 && rc != -ENODATA)
		ready = true;
	else if (!waits)
		ready = false;
	tell = ready && (!n->ready || (waits && may_have_been_empty(n, changes, own)));
	if (!waits && !ready)
		tell = changes != n->changes || (rc == 0) != n->has_type;
	n->ready = ready;
	n->has_type = rc == 0;
	n->changes = changes;
	n->own_changes = own;
	return tell;
}

void fs_notify_item(struct fs_item *item)
{
	struct fs_notify *n;

	LIST_FOREACH(n, &item->notifies, link)
	if (n->opener && look(n))
		send(n);
}

void fs_notify_read(struct fs_handle *h)
{
	if (!h->notify)
		return;
	h->notify->ready = false;
	fs_park_changed(h->item);
}

/* ---- handles ----------------------------------------------------------------------------------- */

int fs_notify_open(struct fs_handle *h, pid_t thread)
{
	struct fs_notify *n;
	int rc;

	if (thread <= 0)
		return fs_fail(-EOPNOTSUPP,
			       "the server does not see processes of other pid namespaces");
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->sender = fs_process_look(thread);
	rc = n->sender.pid ? pinned(n->sender.pid, h->uid, &n->opener) :
			     fs_fail(-EOPNOTSUPP, "/proc does not show the process");
	if (rc < 0) {
		free(n);
		return rc;
	}
	n->handle = h;
	h->notify = n;
	LIST_INSERT_HEAD(&h->item->notifies, n, link);
	fs_park_note(h->item);
	look(n); /* what is there already is no news */
	return 0;
}

void fs_notify_close(struct fs_handle *h)
{
	struct fs_notify *n = h->notify;

	if (!n)
		return;
	h->notify = NULL;
	LIST_REMOVE(n, link);
	fs_park_note(h->item);
	unpin(n->opener);
	free(n);
}
