/* SPDX-License-Identifier: MIT
 *
 * item.c - what the server knows of the store while somebody looks at it: an item for each file of
 * the store that is in use, found by inode number and by folder and name. The store is the truth: an
 * item only remembers where its file was seen last. What others do to it, inotify tells.
 */
#include "fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "../core/object.h"
#include "../core/sys.h"

enum { BUCKETS = 16384, WATCHED = 1024 };

static LIST_HEAD(, fs_item) buckets[BUCKETS];
static LIST_HEAD(, fs_item) names[BUCKETS];
static struct fs_item *kinds[IPCFS_KIND_COUNT];
static unsigned item_count;
static LIST_HEAD(, fs_item) unnamed, outside; /* in place of the two above */
static LIST_HEAD(, fs_item) watched[WATCHED]; /* folders, by inotify's number, which only grows */

static uint64_t bucket(uint64_t ino)
{
	return (ino * 0x9e3779b97f4a7c15ull) >> 40 & (BUCKETS - 1);
}

static struct fs_item *find(uint64_t ino, enum ipcfs_kind kind)
{
	struct fs_item *item;

	LIST_FOREACH(item, &buckets[bucket(ino)], hash_link)
	if (item->ino == ino && item->kind == kind && !item->removed)
		return item;
	return NULL;
}

static uint64_t name_bucket(const struct fs_item *folder, const char *name)
{
	uint64_t hash = (uintptr_t)folder;

	while (*name)
		hash = (hash ^ (unsigned char)*name++) * 0x100000001b3ull;
	return hash >> 20 & (BUCKETS - 1);
}

static void watch_folder(struct fs_item *item)
{
	char path[4096 + FS_PATH], below[FS_PATH];
	int wd;

	item->wd = -1;
	/* What lies in the store for another engine is not its names. */
	if (fs_engine_of(item->kind)->lookup || fs.store->watch_fd < 0 ||
	    fs_item_path(item, below) < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", fs.store_dir, below);
	wd = inotify_add_watch(fs.store->watch_fd, path,
			       IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR);
	if (wd < 0)
		return;
	item->wd = wd;
	LIST_INSERT_HEAD(&watched[wd % WATCHED], item, watch_link);
}

static struct fs_item *make(enum fs_type type, enum ipcfs_kind kind, struct fs_item *parent,
			    const char *name, const struct stat *st)
{
	struct fs_item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->type = type;
	item->kind = kind;
	item->ino = st->st_ino;
	item->last = *st;
	item->parent = parent;
	item->wd = -1;
	snprintf(item->name, sizeof(item->name), "%s", name);
	for (int class = 0; class < IPCFS_C_COUNT; class ++)
		TAILQ_INIT(&item->parked[class]);
	LIST_INIT(&item->nodes);
	LIST_INIT(&item->leaves);
	LIST_INIT(&item->polls);
	SLIST_INIT(&item->leaving);
	LIST_INIT(&item->notifies);
	LIST_INIT(&item->joined);
	LIST_INIT(&item->owned);
	item->no_object = kind == IPCFS_SOCKET && type == FS_OBJECT;
	LIST_INIT(&item->parts_waiting);
	SLIST_INIT(&item->closing);
	if (parent)
		fs_item_ref(parent);
	LIST_INSERT_HEAD(&buckets[bucket(item->ino)], item, hash_link);
	LIST_INSERT_HEAD(&names[name_bucket(parent, name)], item, name_link);
	item_count++;
	if (type == FS_DIR)
		watch_folder(item);
	return item;
}

void fs_item_ref(struct fs_item *item)
{
	item->references++;
}

void fs_item_put(struct fs_item *item)
{
	while (item && --item->references == 0 && !item->permanent) {
		struct fs_item *parent = item->parent;

		fs_item_detach(item);
		if (item->wd >= 0) {
			LIST_REMOVE(item, watch_link);
			inotify_rm_watch(fs.store->watch_fd, item->wd);
		}
		LIST_REMOVE(item, hash_link);
		LIST_REMOVE(item, name_link);
		fs_park_forget(item);
		fs_leaf_leave(item);
		fs_pending_forget(item);
		if (item->of) {
			LIST_REMOVE(item, owned_link);
			fs_item_put(item->of);
		}
		free(item);
		item_count--;
		item = parent;
	}
}

unsigned fs_item_objects(void)
{
	return item_count;
}

struct fs_item *fs_item_kind(enum ipcfs_kind kind)
{
	return kinds[kind];
}

static bool append(char path[FS_PATH], size_t *n, const char *part)
{
	size_t len = strlen(part);

	if (*n + len >= FS_PATH)
		return false;
	memcpy(path + *n, part, len + 1);
	*n += len;
	return true;
}

int fs_item_path_in(const struct fs_item *folder, const char *name, bool hidden, char path[FS_PATH])
{
	const char *parts[FS_PATH / 2];
	int depth = 0;
	size_t n = 0;

	for (const struct fs_item *at = folder; at; at = at->parent) {
		if (depth == FS_PATH / 2)
			return -ENAMETOOLONG; /* a folder was moved, and what is in it is too deep now */
		parts[depth++] = at->name;
	}
	while (depth-- > 0)
		if (!append(path, &n, parts[depth]) || !append(path, &n, "/"))
			return -ENAMETOOLONG;
	if ((hidden && !append(path, &n, ".")) || !append(path, &n, name))
		return -ENAMETOOLONG;
	if (strlen(strchr(path, '/') + 1) > IPCFS_PATH_MAX + (size_t)hidden)
		return -ENAMETOOLONG;
	return 0;
}

int fs_item_path(const struct fs_item *item, char path[FS_PATH])
{
	if (!item->parent) {
		snprintf(path, FS_PATH, "%s", item->name);
		return 0;
	}
	return fs_item_path_in(item->parent, item->name, item->pending, path);
}

void fs_item_show(const struct fs_item *item, char *buf, size_t size)
{
	char path[FS_PATH];

	if (!item->parent || fs_item_path_in(item->parent, item->name, false, path) < 0)
		snprintf(path, sizeof(path), "%s", item->name);
	snprintf(buf, size, "%s", path);
}

int fs_item_look(enum ipcfs_kind kind, const char *path, struct stat *st)
{
	const struct ipcfs_engine *engine = fs_engine_of(kind);

	return engine->lookup ? engine->lookup(fs.store, strchr(path, '/') + 1, st) :
				sys_stat_at(fs.dirfd, path, st);
}

/* Of those that are not in the store, by its name alone. */
static struct fs_item *find_outside(struct fs_item *folder, const char *name)
{
	struct fs_item *item;

	LIST_FOREACH(item, &names[name_bucket(folder, name)], name_link)
	if (item->outside && item->parent == folder && !strcmp(item->name, name))
		break;
	if (item && !fs_kind_of(item->kind)->means(item)) {
		fs_item_unname(item);
		item = NULL;
	}
	return item;
}

void fs_item_unname(struct fs_item *item)
{
	LIST_REMOVE(item, name_link);
	LIST_INSERT_HEAD(&unnamed, item, name_link);
}

static struct fs_item *make_outside(struct fs_item *folder, const char *name, const struct stat *st)
{
	struct fs_item *item = make(FS_OBJECT, folder->kind, folder, name, st);

	if (!item)
		return NULL;
	item->outside = item->no_object = true;
	LIST_REMOVE(item, hash_link);
	LIST_INSERT_HEAD(&outside, item, hash_link);
	return item;
}

struct fs_item *fs_item_own(struct fs_item *of)
{
	struct fs_item *item = make_outside(of->parent, of->name, &of->last);

	if (!item)
		return NULL;
	fs_item_unname(item);
	fs_item_ref(of);
	item->of = of;
	LIST_INSERT_HEAD(&of->owned, item, owned_link);
	fs_item_ref(item);
	return item;
}

static int lookup_outside(struct fs_item *folder, const char *name, const struct stat *st,
			  struct fs_item **out)
{
	struct fs_item *item = find_outside(folder, name);

	if (!item) {
		item = make_outside(folder, name, st);
		if (!item)
			return -ENOMEM;
	}
	item->last = *st;
	fs_item_ref(item);
	*out = item;
	return 0;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The kernel counts no store through a mapping as a change of the file. */
static void attributes_now(struct fs_item *item, const struct stat *st)
{
	item->last = *st;
	if (is_later(&item->changed, &st->st_mtim))
		item->last.st_mtim = item->last.st_ctim = item->changed;
}

void fs_item_keep_times(struct fs_item *item)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, item->changed};
	char path[FS_PATH], self[40];
	struct stat st;
	int fd;

	if (item->removed || item->changed.tv_sec == 0 || fs_item_path(item, path) < 0)
		return;
	fd = sys_open_beneath(fs.dirfd, path, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (sys_fstat(fd, &st) == 0 && st.st_ino == item->ino &&
	    is_later(&item->changed, &st.st_mtim))
		utimensat(AT_FDCWD, self, times, 0);
	sys_close(fd);
	item->changed.tv_sec = 0;
}

int fs_item_lookup(struct fs_item *folder, const char *name, struct fs_item **out)
{
	char path[FS_PATH];
	struct fs_item *item;
	struct stat st;
	bool pending = false;
	int rc;

	if (fs_parts_of(folder))
		return fs_parts_of(folder)->lookup(folder, name, out);
	rc = fs_kind_of(folder->kind)->outside ?
		     fs_kind_of(folder->kind)->outside(folder, name, &st) :
		     0;
	if (rc != 0)
		return rc < 0 ? rc : lookup_outside(folder, name, &st, out);
	rc = fs_item_path_in(folder, name, false, path);
	if (rc == 0)
		rc = fs_item_look(folder->kind, path, &st);
	if (rc == -ENOENT && ipcfs_kinds[folder->kind]->npy) {
		rc = fs_item_path_in(folder, name, true, path);
		if (rc == 0)
			rc = sys_stat_at(fs.dirfd, path, &st);
		pending = rc == 0;
	}
	if (rc != 0)
		return rc;
	item = find(st.st_ino, folder->kind);
	if (item && (item->parent != folder || strcmp(item->name, name) != 0))
		fs_item_moved(item, folder, name); /* behind our back */
	if (!item)
		item = make(fs_special_type(folder->kind, st.st_mode), folder->kind, folder, name,
			    &st);
	if (!item)
		return -ENOMEM;
	item->pending = pending;
	attributes_now(item, &st);
	fs_item_ref(item);
	*out = item;
	return 0;
}

int fs_item_of_part(struct fs_item *whole, const char *name, uint64_t number, const struct stat *st,
		    struct fs_item **out)
{
	struct fs_item *item;

	LIST_FOREACH(item, &names[name_bucket(whole, name)], name_link)
	if (item->parent == whole && !strcmp(item->name, name) && !item->removed)
		break;
	if (item && !item->unmade && item->part != number) { /* another of that name */
		fs_item_gone(item);
		item = NULL;
	}
	if (!item)
		item = make(FS_OBJECT, whole->kind, whole, name, st);
	if (!item)
		return -ENOMEM;
	if (item->ino != st->st_ino)
		fs_item_rehash(item, st->st_ino);
	item->is_part = true;
	item->part = number;
	item->unmade = number == 0;
	item->last = *st;
	fs_item_ref(item);
	*out = item;
	return 0;
}

int fs_item_stat(struct fs_item *item, struct stat *st)
{
	char path[FS_PATH];
	int rc;

	if (item->outside) {
		*st = item->last;
		return 0;
	}
	if (fs_part_of(item))
		return fs_part_of(item)->stat(item, st);
	rc = item->removed ? -ENOENT : fs_item_path(item, path);
	if (rc == 0)
		rc = item->parent ? fs_item_look(item->kind, path, st) :
				    sys_stat_at(fs.dirfd, path, st);
	if (rc == 0 && st->st_ino == item->ino) {
		attributes_now(item, st);
		*st = item->last;
		return 0;
	}
	*st = item->last; /* a handle may still ask */
	st->st_nlink = 0;
	return 0;
}

void fs_item_rehash(struct fs_item *item, uint64_t ino)
{
	LIST_REMOVE(item, hash_link);
	item->ino = ino;
	LIST_INSERT_HEAD(&buckets[bucket(ino)], item, hash_link);
}

void fs_item_gone(struct fs_item *item)
{
	if (item->removed)
		return;
	item->removed = true;
	fs_node_stale(item, 0);
	if (fs_kind_of(item->kind)->gone)
		fs_kind_of(item->kind)->gone(item);
	/* Not now: one of those who wait may be the one whose try found it out. */
	fs_park_changed(item);
	if (!item->handles && !item->parked_count)
		fs_item_detach(
			item); /* its memory goes, though the kernel may still know the name */
}

void fs_item_moved(struct fs_item *item, struct fs_item *folder, const char *name)
{
	struct fs_item *old = item->parent;

	if (!old)
		return;
	for (const struct fs_item *at = folder; at; at = at->parent)
		if (at == item)
			return; /* moved about in the store just now: not into itself */
	fs_node_stale(item, 0);
	fs_leaf_renamed(item, name);
	fs_item_ref(folder);
	item->parent = folder;
	snprintf(item->name, sizeof(item->name), "%s", name);
	LIST_REMOVE(item, name_link);
	LIST_INSERT_HEAD(&names[name_bucket(folder, name)], item, name_link);
	if (item->kind == IPCFS_QUEUE)
		fs_item_detach_dead();
	fs_item_put(old);
}

/* ---- what others did ---------------------------------------------------------------------------- */

void fs_item_changed(void *arg, uint64_t ino)
{
	struct fs_item *item;

	(void)arg;
	if (ino == 0) {
		fs_park_changed(NULL);
		return;
	}
	LIST_FOREACH(item, &buckets[bucket(ino)], hash_link)
	if (item->ino == ino && item->type == FS_OBJECT)
		fs_park_changed(item);
}

/* Message queues of the system are numbered by another file system. */
struct fs_item *fs_item_of(uint64_t ino)
{
	struct fs_item *item;

	LIST_FOREACH(item, &buckets[bucket(ino)], hash_link)
	if (item->ino == ino && item->type == FS_OBJECT && !item->removed &&
	    fs_engine_of(item->kind) == fs.engine)
		return item;
	return NULL;
}

/* Does the item's file still stand where it was? */
static void verify(struct fs_item *item)
{
	char path[FS_PATH];
	struct stat st;

	if (item->removed || item->outside || item->type == FS_DIR || fs_item_path(item, path) < 0)
		return;
	if (sys_stat_at(fs.dirfd, path, &st) == 0 && st.st_ino == item->ino)
		return;
	if (item->pending) { /* has its type now, or is gone: attaching tells */
		if (fs_item_attach(item) == -ENODATA)
			fs_item_gone(item);
		return;
	}
	/* Where nobody moved it within the mount, it is gone. */
	if (item->object)
		atomic_fetch_or(&item->object->control->state, SEG_REMOVED);
	fs_item_gone(item);
}

void fs_item_names(void *arg, int wd, const char *name)
{
	struct fs_item *folder = wd < 0 ? NULL : LIST_FIRST(&watched[wd % WATCHED]), *item, *next;

	(void)arg;
	while (folder && folder->wd != wd)
		folder = LIST_NEXT(folder, watch_link);
	if (!folder)
		return;
	if (name[0] == '.')
		name++;
	for (item = LIST_FIRST(&names[name_bucket(folder, name)]); item; item = next) {
		next = LIST_NEXT(item, name_link);
		if (item->parent != folder || strcmp(item->name, name) != 0)
			continue;
		fs_item_ref(item); /* telling who waits may let go of it */
		verify(item);
		fs_item_put(item);
	}
}

int fs_item_start(void)
{
	struct stat st;

	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++) {
		const char *name = ipcfs_kind_name((enum ipcfs_kind)kind);
		int rc = sys_stat_at(fs.dirfd, name, &st);

		if (rc < 0)
			return rc;
		kinds[kind] = make(FS_DIR, (enum ipcfs_kind)kind, NULL, name, &st);
		if (!kinds[kind])
			return -ENOMEM;
		kinds[kind]->permanent = true;
	}
	return 0;
}
