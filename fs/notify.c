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
#include <stdlib.h>

struct fs_notify {
	struct fs_handle *handle;
	struct fs_pin *opener;	  /* NULL: it is gone */
	struct fs_process sender; /* the opener's ids, when it opened */
	bool ready;		  /* at the last look */
	bool has_type;
	uint64_t changes, own_changes;
	LIST_ENTRY(fs_notify) link;
};

/* ---- looking ----------------------------------------------------------------------------------- */

static void send(struct fs_notify *n)
{
	int rc = fs_signal_send(n->opener, &n->sender, n->handle->leaf->notify);

	if (rc == -ESRCH) {
		fs_pin_put(n->opener);
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

	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	rc = fs_signal_pin(thread, h->uid, &n->sender, &n->opener);
	if (rc < 0) {
		free(n);
		return rc;
	}
	h->notify = n;
	return 0;
}

void fs_notify_begin(struct fs_handle *h)
{
	struct fs_notify *n = h->notify;

	if (!n)
		return;
	n->handle = h;
	LIST_INSERT_HEAD(&h->item->notifies, n, link);
	fs_park_note(h->item);
	look(n); /* what is there already is no news */
}

void fs_notify_close(struct fs_handle *h)
{
	struct fs_notify *n = h->notify;

	if (!n)
		return;
	h->notify = NULL;
	if (n->handle) {
		LIST_REMOVE(n, link);
		fs_park_note(h->item);
	}
	fs_pin_put(n->opener);
	free(n);
}
