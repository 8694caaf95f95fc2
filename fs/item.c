/* SPDX-License-Identifier: MIT
 *
 * item.c - what the server knows of the store while somebody looks at it, and the numbers under which
 * the kernel knows it. Three identifiers: the inode number of the file in the store (shown as
 * st_ino, the `id` of `stat`), the item (one for each such file in use), the node (what one
 * look-up answered). Kinds whose writes can wait get a new node at each look-up: a
 * parked write holds the kernel's lock of that inode, and so nobody else needs it. All others get the
 * same node for the same name as long as the kernel knows it. The store is the truth: an item
 * only remembers where its file was seen last.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "../core/object.h"
#include "../core/sys.h"

enum { BUCKETS = 16384, CHUNK = 256, CHUNKS = 65536, FIRST_NODE = 16, WATCHES = 65536 };
#define NONE UINT32_MAX

static LIST_HEAD(, fs_item) buckets[BUCKETS];
static LIST_HEAD(, fs_item) names[BUCKETS];
static struct fs_item *kinds[IPCFS_KIND_COUNT];
static TAILQ_HEAD(, fs_item) attached = TAILQ_HEAD_INITIALIZER(attached); /* least used first */
static unsigned attached_count, item_count;
static struct fs_item **watches; /* by inotify's number */

static struct fs_node *chunks[CHUNKS];
static uint32_t used_nodes = FIRST_NODE, free_head = NONE;

/* ---- items ------------------------------------------------------------------------------- */

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
	if (fs.store->watch_fd < 0 || fs_item_path(item, below) < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", fs.store_dir, below);
	wd = inotify_add_watch(fs.store->watch_fd, path,
			       IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR);
	if (wd < 0 || wd >= WATCHES)
		return;
	item->wd = wd;
	watches[wd] = item;
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
	LIST_INIT(&item->polls);
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
			watches[item->wd] = NULL;
			inotify_rm_watch(fs.store->watch_fd, item->wd);
		}
		LIST_REMOVE(item, hash_link);
		LIST_REMOVE(item, name_link);
		fs_park_forget(item);
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
	while (depth-- > 0) {
		n += (size_t)snprintf(path + n, FS_PATH - n, "%s/", parts[depth]);
		if (n >= FS_PATH)
			return -ENAMETOOLONG;
	}
	n += (size_t)snprintf(path + n, FS_PATH - n, "%s%s", hidden ? "." : "", name);
	if (n >= FS_PATH || strlen(strchr(path, '/') + 1) > IPCFS_PATH_MAX + (size_t)hidden)
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

int fs_item_lookup(struct fs_item *folder, const char *name, struct fs_item **out)
{
	char path[FS_PATH];
	struct fs_item *item;
	struct stat st;
	bool pending = false;
	int rc = fs_item_path_in(folder, name, false, path);

	if (rc == 0)
		rc = sys_stat_at(fs.dirfd, path, &st);
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
		item = make(S_ISDIR(st.st_mode) ? FS_DIR : FS_OBJECT, folder->kind, folder, name,
			    &st);
	if (!item)
		return -ENOMEM;
	item->pending = pending;
	item->last = st;
	fs_item_ref(item);
	*out = item;
	return 0;
}

int fs_item_stat(struct fs_item *item, struct stat *st)
{
	char path[FS_PATH];
	int rc = item->removed ? -ENOENT : fs_item_path(item, path);

	if (rc == 0)
		rc = sys_stat_at(fs.dirfd, path, st);
	if (rc == 0 && st->st_ino == item->ino) {
		item->last = *st;
		return 0;
	}
	*st = item->last; /* a handle may still ask */
	st->st_nlink = 0;
	return 0;
}

/* ---- attaching: as many as a process may map, the least used give way --------------------------- */

static bool may_detach(const struct fs_item *item)
{
	return !item->parked_count && LIST_EMPTY(&item->polls);
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
	TAILQ_REMOVE(&attached, item, attached_link);
	attached_count--;
	fs.engine->close(item->object);
	item->object = NULL;
}

static void rehash(struct fs_item *item, uint64_t ino)
{
	LIST_REMOVE(item, hash_link);
	item->ino = ino;
	LIST_INSERT_HEAD(&buckets[bucket(ino)], item, hash_link);
}

void fs_item_became(struct fs_item *item, struct ipcfs_object *object)
{
	char path[FS_PATH];

	if (fs_item_path(item, path) == 0)
		sys_unlink_at(fs.dirfd, path, 0); /* the hidden name */
	item->pending = false;
	rehash(item, object->id);
	make_room();
	attach(item, object);
	fs_park_changed(item);
}

int fs_item_attach(struct fs_item *item)
{
	char path[FS_PATH];
	struct ipcfs_object *object;
	int rc;

	if (item->removed)
		return -EIDRM;
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
	rc = fs.engine->open(fs.store, item->kind, strchr(path, '/') + 1, 0, NULL, NULL, &object);
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
		fs.engine->close(object);
		return -EIDRM;
	}
	make_room();
	attach(item, object);
	return 0;
}

void fs_item_gone(struct fs_item *item)
{
	if (item->removed)
		return;
	item->removed = true;
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
	fs_item_ref(folder);
	item->parent = folder;
	snprintf(item->name, sizeof(item->name), "%s", name);
	LIST_REMOVE(item, name_link);
	LIST_INSERT_HEAD(&names[name_bucket(folder, name)], item, name_link);
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

/* Does the item's file still stand where it was? */
static void verify(struct fs_item *item)
{
	char path[FS_PATH];
	struct stat st;

	if (item->removed || item->type != FS_OBJECT || fs_item_path(item, path) < 0)
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
	struct fs_item *folder = wd >= 0 && wd < WATCHES ? watches[wd] : NULL, *item, *next;

	(void)arg;
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

/* ---- nodes --------------------------------------------------------------------------------------- */

static struct fs_node *entry(uint32_t index)
{
	return &chunks[index / CHUNK][index % CHUNK];
}

static struct fs_node *allocate(void)
{
	struct fs_node *node;

	if (free_head != NONE) {
		node = entry(free_head);
		free_head = node->next_free;
		return node;
	}
	if (used_nodes / CHUNK >= CHUNKS)
		return NULL;
	if (!chunks[used_nodes / CHUNK]) {
		chunks[used_nodes / CHUNK] = calloc(CHUNK, sizeof(struct fs_node));
		if (!chunks[used_nodes / CHUNK])
			return NULL;
	}
	node = entry(used_nodes);
	node->index = used_nodes++;
	return node;
}

fuse_ino_t fs_node_id(const struct fs_node *node)
{
	return (uint64_t)node->generation << 32 | node->index;
}

struct fs_node *fs_node_of(fuse_ino_t id)
{
	uint32_t index = (uint32_t)id;
	struct fs_node *node = index < used_nodes && chunks[index / CHUNK] ? entry(index) : NULL;

	return node && node->used && fs_node_id(node) == id ? node : NULL;
}

struct fs_node *fs_node_get(enum fs_type type, struct fs_item *item, const struct fs_leaf *leaf)
{
	static const struct fs_leaf none;
	struct fs_node *node;
	bool mint = type == FS_OBJECT && fs_kind_of(item->kind)->write_waits;

	if (!leaf)
		leaf = &none;
	if (!mint)
		LIST_FOREACH(node, &item->nodes, item_link)
	if (!memcmp(&node->leaf, leaf, sizeof(*leaf))) {
		node->lookups++;
		return node;
	}
	node = allocate();
	if (!node)
		return NULL;
	node->generation = (node->generation + 1) & 0x7fffffff;
	node->type = type;
	node->used = true;
	node->lookups = 1;
	node->item = item;
	node->leaf = *leaf;
	LIST_INSERT_HEAD(&item->nodes, node, item_link);
	fs_item_ref(item);
	return node;
}

void fs_node_forget(fuse_ino_t id, uint64_t lookups)
{
	struct fs_node *node = fs_node_of(id);

	if (!node || node->index < FIRST_NODE)
		return;
	node->lookups -= lookups < node->lookups ? lookups : node->lookups;
	if (node->lookups)
		return;
	LIST_REMOVE(node, item_link);
	fs_item_put(node->item);
	node->item = NULL;
	node->used = false;
	node->next_free = free_head;
	free_head = node->index;
}

/* The root's own files have fixed numbers. */
static void fixed(enum fs_type type)
{
	struct fs_node *node = entry(FUSE_ROOT_ID + (uint32_t)type);

	node->index = FUSE_ROOT_ID + (uint32_t)type;
	node->type = type;
	node->used = true;
	node->lookups = 1;
}

int fs_item_start(void)
{
	struct stat st;

	chunks[0] = calloc(CHUNK, sizeof(struct fs_node));
	watches = calloc(WATCHES, sizeof(*watches));
	if (!chunks[0] || !watches)
		return -ENOMEM;
	for (enum fs_type type = FS_ROOT; type <= FS_SHM; type++)
		fixed(type);
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

void fs_item_stop(void)
{
	struct fs_item *item, *next;

	for (item = TAILQ_FIRST(&attached); item; item = next) {
		next = TAILQ_NEXT(item, attached_link);
		fs_item_detach(item);
	}
}
