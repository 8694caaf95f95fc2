/* SPDX-License-Identifier: MIT
 *
 * poll.c - what would not wait now: for poll(2), whose asker is told once when that changes, and for the view `notify`.
 */
#include "fs.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* ---- what holds now ---------------------------------------------------------------------------- */

static struct ipcfs_op question(struct fs_handle *h, unsigned classes, bool arm)
{
	return (struct ipcfs_op){.verb = IPCFS_V_READY,
				 .first = h->leaf->n,
				 .in_len = fs_frame_need(h),
				 .count = classes,
				 .holder = &h->holder,
				 .token = h->ticket,
				 .flags = (arm ? IPCFS_OP_PARK : 0) |
					  (h->leaf->options & FS_O_SHARED ? IPCFS_OP_SHARED : 0) |
					  (h->leaf->options & FS_O_HOLD ? IPCFS_OP_HOLD : 0)};
}

/* Nobody knows: looked at again in a millisecond. */
static bool is_busy(struct fs_handle *h, int rc)
{
	if (rc == -EBUSY)
		fs_park_mind_busy(h->item);
	return rc == -EBUSY;
}

static unsigned engine_ready(struct fs_handle *h, unsigned classes, bool arm)
{
	struct ipcfs_op op = question(h, classes, arm);
	int rc = fs_view_engine_item(h->item, &op);

	if (is_busy(h, rc))
		return 0;
	return rc < 0 ? classes & ~(unsigned)IPCFS_READY_HUP : (unsigned)op.count;
}

static bool watch_ready(struct fs_handle *h, bool arm)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_CHANGED, .changes = h->seen, .flags = arm ? IPCFS_OP_PARK : 0};
	struct fs_text t = {0};
	int rc = fs_item_attach(h->item);

	if (rc < 0)
		return rc != -ENODATA;
	if (h->has_seen) {
		rc = fs_view_engine_item(h->item, &op);
		return rc != -EAGAIN && !is_busy(h, rc);
	}
	rc = fs_kind_of(h->item->kind)->show(h, &t);
	free(t.bytes);
	if (rc == 0 && (t.len || t.failed)) /* a read fails at once */
		return true;
	engine_ready(h, 1u << IPCFS_C_CHANGE, arm);
	return rc < 0 && rc != -ENODATA && !is_busy(h, rc);
}

static unsigned poll_ready(struct fs_handle *h, bool arm)
{
	unsigned in = POLLIN | POLLRDNORM, out = POLLOUT | POLLWRNORM, ready, reads, writes;

	if (h->type != FS_OBJECT)
		return in;
	if (h->item->removed)
		return in | out | POLLERR;
	if (h->item->no_object && fs_view_waits(h))
		return fs_kind_of(h->item->kind)->poll(h) | (h->rest_len || h->ended ? in : 0);
	if (h->leaf->view == FS_WATCH) {
		ready = h->rest_len || watch_ready(h, arm) ? in : 0;
		return h->item->removed ? in | out | POLLERR : ready;
	}
	if (!fs_view_waits(h))
		return in | out;
	reads = 1u << fs_view_line(h, false);
	writes = 1u << fs_view_line(h, true);
	ready = engine_ready(h, reads | writes | IPCFS_READY_HUP, arm);
	if (h->item->removed)
		return in | out | POLLERR;
	if (fs_park_behind(h, fs_view_line(h, false)))
		ready &= ~reads;
	if (fs_park_behind(h, fs_view_line(h, true)))
		ready &= ~writes;
	return (ready & reads || h->rest_len || h->ended ? in : 0) |
	       (ready & writes || fs_frame_need(h) == 0 || writes == 1u << IPCFS_C_CHANGE ? out :
											    0) |
	       (ready & IPCFS_READY_HUP ? POLLHUP : 0);
}

/* ---- poll(2) ----------------------------------------------------------------------------------- */

void fs_poll(fuse_req_t req, struct fs_handle *h, struct fuse_pollhandle *ph, unsigned events)
{
	unsigned ready;

	if (ph && h->poll) {
		fuse_pollhandle_destroy(h->poll); /* the kernel's newest is the one to use */
		h->poll = ph;
	} else if (ph && h->item) {
		h->poll = ph;
		LIST_INSERT_HEAD(&h->item->polls, h, poll_link);
		fs_park_note(h->item);
	} else if (ph) {
		fuse_pollhandle_destroy(ph);
	}
	if (ph)
		h->polled_for |= events | POLLERR | POLLHUP;
	ready = poll_ready(h, true);
	fs_reply_poll(req, ready);
}

void fs_poll_notify(struct fs_item *item)
{
	struct fs_handle *h, *next;

	for (h = LIST_FIRST(&item->polls); h; h = next) {
		next = LIST_NEXT(h, poll_link);
		if (!(poll_ready(h, true) & h->polled_for))
			continue;
		LIST_REMOVE(h, poll_link);
		fuse_lowlevel_notify_poll(h->poll);
		fuse_pollhandle_destroy(h->poll);
		h->poll = NULL;
		h->polled_for = 0;
	}
	fs_park_note(item);
}

/* ---- for notify -------------------------------------------------------------------------------- */

/* A handle with `watch`: has anything changed since it was read? Before that it shows what there is. */
static int look_watch(struct fs_handle *h, bool *ready)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CHANGED, .changes = h->seen, .flags = IPCFS_OP_PARK};
	struct fs_text t = {0};
	int rc;

	if (h->has_seen) {
		rc = fs_view_engine_item(h->item, &op);
		*ready = rc != -EAGAIN;
		return rc == -EAGAIN ? 0 : rc;
	}
	op = question(h, 1u << IPCFS_C_CHANGE, true);
	rc = fs_view_engine_item(h->item, &op);
	if (rc == 0)
		rc = fs_kind_of(h->item->kind)->show(h, &t);
	*ready = rc == 0 && (t.len || t.failed);
	free(t.bytes);
	return rc == -ENODATA ? 0 : rc;
}

int fs_poll_look(struct fs_handle *h, bool *ready, uint64_t *changes)
{
	unsigned reads = 1u << fs_view_line(h, false);
	struct ipcfs_op op = question(h, reads | 1u << IPCFS_C_CHANGE, true);
	int rc = h->item->no_object ? 0 : fs_item_attach(h->item);

	*ready = false;
	*changes = 0;
	if (h->item->no_object) {
		*ready = fs_kind_of(h->item->kind)->poll(h) & POLLIN;
		*changes = *ready;
		return 0;
	}
	if (rc == 0 && h->leaf->view == FS_WATCH)
		return look_watch(h, ready);
	if (rc == 0)
		rc = fs_view_engine_item(h->item, &op);
	*ready = rc == 0 && op.count & reads;
	*changes = op.changes;
	return rc;
}
