/* SPDX-License-Identifier: MIT
 *
 * dict.c - names of keys: what a folder that is a dict has in it. Each request is one operation on the dict, by
 * the key's name, or by its number once it is known. A key that `>` makes is there at the close of its handle, whole:
 * until then its item is unmade, and look-ups do not find it.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "../core/sys.h"

static struct timespec time_of(int64_t ns)
{
	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static void fill(const struct fs_item *whole, const struct ipcfs_part *part, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = fs_part_ino(whole, part->number);
	st->st_mode = S_IFREG | part->mode;
	st->st_nlink = 1;
	st->st_uid = part->uid;
	st->st_gid = part->gid;
	st->st_size = (off_t)part->length;
	st->st_blocks = (blkcnt_t)((part->length + 511) / 512);
	st->st_mtim = st->st_ctim = st->st_atim = time_of(part->mtime_ns);
}

static int item_of(struct fs_item *whole, const char *name, const struct ipcfs_part *part,
		   struct fs_item **out)
{
	struct stat st;
	int rc;

	fill(whole, part, &st);
	rc = fs_item_of_part(whole, name, part->number, &st, out);
	if (rc == 0)
		(*out)->part_at = part->at;
	return rc;
}

static int lookup(struct fs_item *whole, const char *name, struct fs_item **out)
{
	struct ipcfs_part part = {.name = name, .name_len = strlen(name)};
	struct ipcfs_op op = {.verb = IPCFS_V_FIND, .part = &part};
	int rc = fs_view_engine_item(whole, &op);

	if (rc == -EIDRM || rc == -EINVAL) /* no key is called "." */
		rc = -ENOENT;
	return rc < 0 ? rc : item_of(whole, name, &part, out);
}

/* It is there when its handle is closed. */
static int promise(struct fs_item *whole, const char *name, const struct ipcfs_maker *maker,
		   struct fs_item **out)
{
	static uint32_t promised;
	struct stat st = {.st_mode = S_IFREG | (maker->mode & 0777),
			  .st_nlink = 1,
			  .st_uid = maker->uid,
			  .st_gid = maker->gid,
			  .st_ino = fs_part_ino(whole, --promised)};

	clock_gettime(CLOCK_REALTIME, &st.st_mtim);
	st.st_atim = st.st_ctim = st.st_mtim;
	return fs_item_of_part(whole, name, 0, &st, out);
}

static int make(struct fs_item *whole, const char *name, const struct ipcfs_maker *maker, int flags,
		struct fs_item **out)
{
	struct ipcfs_part part = {.name = name,
				  .name_len = strlen(name),
				  .mode = maker->mode & 0777,
				  .uid = maker->uid,
				  .gid = maker->gid};
	struct ipcfs_op op = {
		.verb = IPCFS_V_WRITE, .flags = IPCFS_OP_MAKE | IPCFS_OP_NEW, .part = &part};
	int rc;

	if (flags & O_TRUNC && !(flags & O_EXCL) && (flags & O_ACCMODE) != O_RDONLY)
		return promise(whole, name, maker, out);
	rc = fs_view_engine_item(whole, &op);
	if (rc < 0)
		return rc;
	part.mtime_ns = sys_realtime_ns();
	fs_park_changed(whole);
	return item_of(whole, name, &part, out);
}

static int remove_key(struct fs_item *part)
{
	struct ipcfs_op op = {.verb = IPCFS_V_DROP};
	int rc = fs_view_engine_item(part, &op);

	if (rc == 0)
		fs_park_changed(part);
	return rc;
}

static int move(struct fs_item *item, const char *name, struct fs_item *replace)
{
	struct ipcfs_part part = {
		.at = item->part_at, .number = item->part, .to = name, .to_len = strlen(name)};
	struct ipcfs_op op = {
		.verb = IPCFS_V_RENAME, .flags = replace ? IPCFS_OP_REPLACE : 0, .part = &part};
	int rc = item->unmade ? -EIDRM : fs_view_engine_item(item, &op);

	if (rc == -EIDRM)
		return -ENOENT;
	if (rc < 0)
		return rc;
	if (replace) {
		fs_item_gone(item);
		fs_node_stale(replace, 0);
		fs_park_changed(replace);
	} else {
		fs_item_moved(item, item->parent, name);
		fs_park_changed(item);
	}
	return 0;
}

/* GETATTR does not wait, and does not fail: where the lock is busy it is as it was seen last. */
static int stat_key(struct fs_item *item, struct stat *st)
{
	struct ipcfs_part part = {.at = item->part_at, .number = item->part};
	struct ipcfs_op op = {.verb = IPCFS_V_FIND, .part = &part};
	int rc = item->removed || item->unmade ? -EIDRM : fs_view_engine_item(item, &op);

	if (rc == 0) {
		fill(item->parent, &part, &item->last);
		item->part_at = part.at;
	}
	*st = item->last;
	if (item->removed)
		st->st_nlink = 0;
	return 0;
}

static int stat_of(struct fs_item *item, struct stat *st)
{
	struct ipcfs_stat is;
	int rc;

	if (item->is_part)
		return stat_key(item, st);
	rc = fs_item_attach(item);
	if (rc == 0)
		rc = fs_engine_of(item->kind)->stat(item->object, &is);
	if (rc == 0)
		st->st_mode = is.mode;
	return rc;
}

/* Of what is not there yet: noted for whoever makes it (draft.c). */
static int promise_set(struct fs_item *item, const struct stat *attr, int to_set)
{
	if (to_set & FUSE_SET_ATTR_UID && attr->st_uid != item->last.st_uid)
		return fs_fail(-EOPNOTSUPP, "the key is not there before its first close");
	if (to_set & FUSE_SET_ATTR_MODE)
		item->last.st_mode = S_IFREG | (attr->st_mode & 0777);
	if (to_set & FUSE_SET_ATTR_GID)
		item->last.st_gid = attr->st_gid;
	return 0;
}

static int set(struct fs_item *item, const struct stat *attr, int to_set)
{
	struct ipcfs_part part = {.at = item->part_at,
				  .number = item->part,
				  .mode = attr->st_mode & 0777,
				  .uid = attr->st_uid,
				  .gid = attr->st_gid,
				  .mtime_ns = attr->st_mtim.tv_sec * 1000000000ll +
					      attr->st_mtim.tv_nsec};
	struct ipcfs_op op = {.verb = IPCFS_V_CHMOD, .part = &part};
	int rc;

	part.set = (to_set & FUSE_SET_ATTR_MODE ? IPCFS_PART_MODE : 0) |
		   (to_set & FUSE_SET_ATTR_UID ? IPCFS_PART_UID : 0) |
		   (to_set & FUSE_SET_ATTR_GID ? IPCFS_PART_GID : 0) |
		   (to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW) ? IPCFS_PART_MTIME :
									       0);
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		part.mtime_ns = sys_realtime_ns();
	rc = item->unmade ? promise_set(item, attr, to_set) : fs_view_engine_item(item, &op);
	if (rc == 0 && part.set & IPCFS_PART_MTIME) {
		item->last.st_mtim = time_of(part.mtime_ns);
		fs_draft_touch(item, part.mtime_ns, to_set & FUSE_SET_ATTR_MTIME_NOW);
	}
	return rc;
}

static int clear(struct fs_item *item)
{
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE};
	int rc = item->unmade ? 0 : fs_view_engine_item(item, &op);

	if (rc == 0)
		fs_park_changed(item);
	return rc;
}

const struct fs_parts fs_dict_parts = {
	.lookup = lookup,
	.make = make,
	.remove = remove_key,
	.move = move,
	.stat = stat_of,
	.set = set,
	.clear = clear,
};
