/* SPDX-License-Identifier: MIT
 *
 * park_leave.c - operations that nobody waits for and that must not get lost, such as giving back what a closed handle
 * holds: done as soon as the object's lock can be had.
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>

struct fs_leaving {
	struct ipcfs_op op;
	struct ipcfs_holder holder;
	SLIST_ENTRY(fs_leaving) link;
};

static bool leave(struct fs_item *item, struct ipcfs_op *op)
{
	int rc = item->removed ? 0 : fs_view_engine_item(item, op);

	if (rc == -EBUSY)
		fs_park_mind_busy(item);
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
	fs_park_note(item);
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
	fs_park_note(h->item);
}

void fs_park_leave_again(struct fs_item *item)
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
