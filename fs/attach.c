/* SPDX-License-Identifier: MIT
 *
 * attach.c - which items have their objects mapped: as many as a process may map; the least used give
 * way, but those on which somebody waits.
 */
#include "fs.h"

#include <errno.h>
#include <string.h>

#include "../core/object.h"
#include "../core/sys.h"

static TAILQ_HEAD(, fs_item) attached = TAILQ_HEAD_INITIALIZER(attached); /* least used first */
static unsigned attached_count;

static bool may_detach(const struct fs_item *item)
{
	return !item->parked_count && LIST_EMPTY(&item->polls) && LIST_EMPTY(&item->notifies) &&
	       LIST_EMPTY(&item->joined) && LIST_EMPTY(&item->parts_waiting);
}

static void make_room(void)
{
	struct fs_item *item, *next;

	for (item = TAILQ_FIRST(&attached); item && attached_count >= fs.mappings_max;
	     item = next) {
		next = TAILQ_NEXT(item, attached_link);
		if (may_detach(item))
			fs_item_detach(item);
	}
}

static void attach(struct fs_item *item, struct ipcfs_object *object)
{
	item->object = object;
	TAILQ_INSERT_TAIL(&attached, item, attached_link);
	attached_count++;
}

void fs_item_detach(struct fs_item *item)
{
	if (!item->object)
		return;
	fs_item_keep_times(item);
	TAILQ_REMOVE(&attached, item, attached_link);
	attached_count--;
	fs_engine_of(item->kind)->close(item->object);
	item->object = NULL;
}

void fs_item_became(struct fs_item *item, struct ipcfs_object *object)
{
	char path[FS_PATH];

	if (fs_item_path(item, path) == 0)
		sys_unlink_at(fs.dirfd, path, 0); /* the hidden name */
	item->pending = false;
	fs_item_rehash(item, object->id);
	make_room();
	attach(item, object);
	fs_park_changed(item);
}

/* Has its whole attached. */
static int attach_part(struct fs_item *item)
{
	int rc = item->unmade ? -ENODATA : fs_item_attach(item->parent);

	if (rc == -EIDRM)
		fs_item_gone(item);
	return rc;
}

int fs_item_attach(struct fs_item *item)
{
	char path[FS_PATH];
	struct ipcfs_object *object;
	int rc;

	if (item->removed)
		return -EIDRM;
	if (item->no_object)
		return fs_fail(-EOPNOTSUPP, "it is no object of the store");
	if (item->is_part)
		return attach_part(item);
	if (item->object) {
		if (TAILQ_NEXT(item, attached_link)) {
			TAILQ_REMOVE(&attached, item, attached_link);
			TAILQ_INSERT_TAIL(&attached, item, attached_link);
		}
		return 0;
	}
	rc = fs_item_path_in(item->parent, item->name, false, path);
	if (rc < 0)
		return rc;
	rc = fs_engine_of(item->kind)
		     ->open(fs.store, item->kind, strchr(path, '/') + 1, 0, NULL, NULL, &object);
	if (rc == -ENOENT)
		return item->pending ? -ENODATA : -EIDRM;
	if (rc == -EUCLEAN || rc == -EISDIR)
		return fs_fail(-EUCLEAN, "this is no whole segment of this version and kind");
	if (rc < 0)
		return rc;
	if (item->pending) { /* the library gave it its type */
		fs_item_became(item, object);
		return 0;
	}
	if (object->id != item->ino) {
		fs_engine_of(item->kind)->close(object);
		return -EIDRM;
	}
	make_room();
	attach(item, object);
	return 0;
}

void fs_item_detach_dead(void)
{
	struct fs_item *item, *next;

	for (item = TAILQ_FIRST(&attached); item; item = next) {
		next = TAILQ_NEXT(item, attached_link);
		if (item->object->dead)
			fs_item_detach(item);
	}
}

void fs_item_detach_all(void)
{
	struct fs_item *item, *next;

	for (item = TAILQ_FIRST(&attached); item; item = next) {
		next = TAILQ_NEXT(item, attached_link);
		fs_item_detach(item);
	}
}
