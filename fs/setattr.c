/* SPDX-License-Identifier: MIT
 *
 * setattr.c - chmod, chown, utimens, truncate: on the file in the store.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../core/object.h"
#include "../core/sys.h"

static struct timespec time_of(int to_set, int set, int now, const struct timespec *t)
{
	if (to_set & now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return to_set & set ? *t : (struct timespec){.tv_nsec = UTIME_OMIT};
}

/* On the file in the store, held by a descriptor of no access: mode, owner, times. */
static int set_file(int fd, const struct fs_item *item, const struct stat *attr, int to_set)
{
	char self[40];
	int rc = 0;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		rc = fchownat(fd, "", to_set & FUSE_SET_ATTR_UID ? attr->st_uid : (uid_t)-1,
			      to_set & FUSE_SET_ATTR_GID ? attr->st_gid : (gid_t)-1, AT_EMPTY_PATH);
	if (rc == 0 && to_set & FUSE_SET_ATTR_MODE) {
		/* A folder may be sticky, or give its group on; of an object in the store the sticky
		 * bit says `temp`. */
		mode_t bits = item->type == FS_DIR ? attr->st_mode & (S_ISVTX | S_ISGID) :
						     item->last.st_mode & S_ISVTX;

		rc = chmod(self, (attr->st_mode & 0777) | bits);
	}
	if (rc == 0 && to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
				 FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW)) {
		struct timespec times[2] = {
			time_of(to_set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW,
				&attr->st_atim),
			time_of(to_set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW,
				&attr->st_mtim),
		};

		rc = utimensat(AT_FDCWD, self, times, 0);
	}
	return rc < 0 ? -errno : 0;
}

/* Of an object that is shown as a folder, with a mode of its own: at no moment has the file one that gives more
 * than both the old and the new one. */
static int set_whole(int fd, struct fs_item *item, const struct stat *attr, int to_set)
{
	struct ipcfs_part part = {.set = IPCFS_PART_MODE, .mode = attr->st_mode & 01777};
	struct ipcfs_op op = {.verb = IPCFS_V_CHMOD, .part = &part};
	mode_t file = store_file_mode(part.mode);
	struct stat st = *attr;
	int rc;

	if (!(to_set & FUSE_SET_ATTR_MODE))
		return set_file(fd, item, attr, to_set);
	st.st_mode = file & item->last.st_mode;
	rc = set_file(fd, item, &st, FUSE_SET_ATTR_MODE);
	if (rc == 0)
		rc = fs_view_engine_item(item, &op);
	st.st_mode = file;
	return rc < 0 ? rc : set_file(fd, item, &st, to_set);
}

static int set_attributes(struct fs_item *item, const struct stat *attr, int to_set)
{
	char path[FS_PATH];
	struct stat st;
	int fd, rc;

	if (fs_part_of(item))
		return fs_part_of(item)->set(item, attr, to_set);
	rc = item->removed ? -EIDRM : fs_item_path(item, path);
	if (!item->parent)
		return fs_fail(-EPERM, "the kinds' folders stay as they are");
	if (item->outside)
		return fs_fail(-EPERM, "it is not in the store, and stays as it is");
	if (rc == 0)
		rc = fs_item_stat(item, &st);
	if (rc < 0)
		return rc;
	fd = fs_engine_of(item->kind)->file ?
		     fs_engine_of(item->kind)->file(item->name, &st) :
		     sys_open_beneath(fs.dirfd, path, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	rc = sys_fstat(fd, &st);
	if (rc == 0)
		rc = st.st_ino != item->ino ? -ENOENT :
		     fs_parts_of(item)	    ? set_whole(fd, item, attr, to_set) :
					      set_file(fd, item, attr, to_set);
	sys_close(fd);
	if (rc == 0 && to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW))
		item->changed = (struct timespec){0};
	return rc;
}

static void setattr_again(struct fs_retry *r)
{
	struct fuse_file_info fi = {.fh = r->fh};

	fs_op_setattr(r->req, r->ino, &r->attr, r->flags, &fi);
}

/* ftruncate(2) through `cas`, as no write can say "nothing": only if nothing has changed since the handle's last read. */
static int clear_unchanged(struct fs_handle *h)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_CLEAR, .first = 1, .flags = IPCFS_OP_CAS, .changes = h->changes};
	int rc = h->has_changes ? fs_view_engine_item(h->item, &op) : -ECANCELED;

	if (rc == -ECANCELED)
		return fs_fail(
			rc,
			"it has changed since this handle's last read, or nothing was read yet");
	if (rc == 0) {
		h->changes = op.changes;
		fs_park_changed(h->item);
	}
	return rc;
}

/* Truncated to nothing, is it empty? Not by a view of one item of it, or one whose writes say what becomes of others. */
static bool is_cleared(const struct fs_node *node)
{
	return node->type == FS_OBJECT && node->leaf->view == FS_PLAIN &&
	       !(node->leaf->options & (FS_O_AT | FS_O_INSERT | FS_O_POP | FS_O_ACK | FS_O_JOIN));
}

static int clear(struct fs_node *node, struct fs_handle *h)
{
	if (h && h->leaf->options & FS_O_CAS && !fs_part_of(node->item) &&
	    fs_kind_of(node->item->kind)->clears)
		return clear_unchanged(h);
	return fs_view_clear(node->item);
}

void fs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		   struct fuse_file_info *fi)
{
	struct fs_node *node = fs_node_of(ino);
	struct fs_handle *h = fi ? fs_handle_of(fi->fh) : NULL;
	char path[FS_PATH] = "/";
	struct stat st;
	int rc = !node ? -ESTALE : node->item ? 0 : fs_fail(-EPERM, "the root's files stay");

	if (rc == 0)
		fs_item_show(node->item, path, sizeof(path));
	/* As open(2) does, whose error touch(1) forgets if it can set the times. */
	if (rc == 0 && !h && node->type == FS_OBJECT && !node->item->removed)
		rc = fs_check_properties(node->item, &node->leaf->p);
	if (rc == 0 && h && h->draft && to_set & FUSE_SET_ATTR_SIZE) { /* ftruncate(2) */
		rc = fs_draft_truncate(h, (uint64_t)attr->st_size);
		to_set &= ~FUSE_SET_ATTR_SIZE;
	}
	if (rc == 0 && to_set & FUSE_SET_ATTR_MODE && node->type == FS_OBJECT &&
	    fs_parts_of(node->item))
		rc = fs_fail(-EPERM, "the folder has the mode, not its views");
	/* truncate(2) to nothing clears what can be cleared, and changes nothing else. */
	if (rc == 0 && to_set & FUSE_SET_ATTR_SIZE && attr->st_size == 0 && is_cleared(node))
		rc = clear(node, h);
	if (rc == 0 && to_set & ~FUSE_SET_ATTR_SIZE)
		rc = set_attributes(node->item, attr, to_set);
	if (rc == 0)
		rc = fs_attr_of(node, &st);
	if (rc == 0 && h && h->draft)
		st.st_size = (off_t)fs_draft_len(h);
	if (rc == -EBUSY && fs_retry(&(struct fs_retry){.call = setattr_again,
							.req = req,
							.ino = ino,
							.fh = fi ? fi->fh : 0,
							.attr = *attr,
							.flags = to_set}))
		return;
	if (rc < 0) {
		fs_reply_error(req, rc, path);
		return;
	}
	fs_node_stale(node->item, ino);
	fs_reply_attr(req, &st, fs_attr_timeout(node->type));
}
