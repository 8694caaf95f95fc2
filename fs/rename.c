/* SPDX-License-Identifier: MIT
 *
 * rename.c - requests that remove or rename a name, and the renaming of a value, array, list or key onto another,
 * which writes that one.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "../core/object.h"
#include "../core/sys.h"

/* In a kind's top folder: its owner or root. Elsewhere the folder's mode was judged by the kernel. */
static int may_remove(const struct fuse_ctx *ctx, const struct fs_item *item)
{
	if (item->outside)
		return fs_fail(-EPERM, "it is not in the store, and stays as it is");
	if (item->parent && !item->parent->parent && ctx->uid != 0 && ctx->uid != item->last.st_uid)
		return fs_fail(-EPERM, "only its owner or root may remove or rename it");
	return 0;
}

/* A name with properties is that of an object which has them. */
static int has_named(struct fs_item *item, const struct fs_leaf *leaf)
{
	return fs_check_properties(item, &leaf->p) == -EEXIST ? -ENOENT : 0;
}

/* ---- removal -------------------------------------------------------------------------------------------- */

static int remove_part(struct fs_item *part)
{
	int rc = fs_part_of(part)->remove(part);

	if (rc == 0 || rc == -EIDRM)
		fs_item_gone(part);
	return rc == -EIDRM ? -ENOENT : rc;
}

static int remove_object(struct fs_item *item)
{
	char path[FS_PATH];
	int rc;

	if (item->is_part)
		return remove_part(item);
	rc = fs_item_path(item, path);
	if (rc == 0)
		rc = item->pending || item->type == FS_SPECIAL || item->no_object ?
			     sys_unlink_at(fs.dirfd, path, 0) :
			     fs_engine_of(item->kind)
				     ->remove(fs.store, item->kind, strchr(path, '/') + 1);
	if (rc == 0 || rc == -ENOENT) {
		/* What message queues take is counted anew when there is not enough. */
		if (item->kind != IPCFS_MQ) {
			fs_quota_add(item->last.st_uid, FS_Q_OBJECTS, -1);
			fs_quota_add(item->last.st_uid, FS_Q_BYTES,
				     -(int64_t)item->last.st_blocks * 512);
		}
		fs_item_gone(item);
	}
	return rc;
}

void fs_remove_made(struct fs_item *item)
{
	struct stat st;

	if (!item->removed && fs_item_stat(item, &st) == 0 && st.st_nlink)
		remove_object(item);
}

/* The end of a request on a name, and of the item if it was found: it is answered, or called again. */
static void answer(fuse_req_t req, fuse_ino_t parent, const char *name, int rc,
		   struct fs_item *item, void (*again)(struct fs_retry *r))
{
	char path[FS_PATH];

	fs_dir_path(fs_dir_folder(parent), name, path);
	if (item)
		fs_item_put(item);
	if (rc == -EBUSY && fs_retry_name(again, req, parent, name, 0, 0))
		return;
	if (rc != 0)
		fs_reply_error(req, rc, path);
	else
		fs_reply_ok(req);
}

static void unlink_again(struct fs_retry *r)
{
	fs_op_unlink(r->req, r->ino, r->name);
}

void fs_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_item *folder = fs_dir_folder(parent), *item = NULL;
	struct fs_leaf leaf;
	int rc;

	if (!folder)
		rc = fs_fail(-EPERM, "the root's files stay");
	else
		rc = fs_dir_find(folder, name, &leaf, &item);
	if (rc == 0 && fs_leaf_is_view(&leaf))
		rc = fs_fail(-EPERM, "a view cannot be removed");
	else if (rc == 0 && (item->type == FS_DIR || fs_parts_of(item)))
		rc = -EISDIR;
	if (rc == 0)
		rc = may_remove(fuse_req_ctx(req), item);
	if (rc == 0)
		rc = has_named(item, &leaf);
	if (rc == 0)
		rc = remove_object(item);
	answer(req, parent, name, rc, item, unlink_again);
}

/* A folder for names, or an object that is one and that has nothing in it. */
static int remove_directory(struct fs_item *item)
{
	struct ipcfs_op op = {.verb = IPCFS_V_RETIRE};
	char path[FS_PATH];
	int rc;

	if (fs_parts_of(item)) {
		rc = fs_view_engine_item(item, &op);
		/* One that is damaged has nothing in it that anybody could have. */
		return rc == 0 || rc == -EIDRM || rc == -EUCLEAN ? remove_object(item) : rc;
	}
	rc = fs_item_path(item, path);
	if (rc == 0)
		rc = sys_unlink_at(fs.dirfd, path, AT_REMOVEDIR);
	if (rc == 0) {
		fs_quota_add(item->last.st_uid, FS_Q_FOLDERS, -1);
		item->removed = true;
	}
	return rc;
}

static void rmdir_again(struct fs_retry *r)
{
	fs_op_rmdir(r->req, r->ino, r->name);
}

void fs_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_item *folder = fs_dir_folder(parent), *item = NULL;
	struct fs_leaf leaf;
	int rc;

	if (!folder)
		rc = fs_fail(-EPERM, "the kinds' folders stay");
	else
		rc = fs_dir_find(folder, name, &leaf, &item);
	if (rc == 0)
		rc = fs_dir_type(item, &leaf) == FS_DIR ? may_remove(fuse_req_ctx(req), item) :
							  -ENOTDIR;
	if (rc == 0)
		rc = remove_directory(item);
	answer(req, parent, name, rc, item, rmdir_again);
}

/* ---- renaming --------------------------------------------------------------------------------------------- */

/* Onto an existing value, array, list or key: its content changes, as one operation, and the source goes. */
static int replace(fuse_req_t req, struct fs_item *from, struct fs_item *to)
{
	int rc;

	if (from == to)
		return 0;
	if (fs_part_of(from) &&
	    (!fs_dir_may(req, &to->last, 02) || !fs_dir_may(req, &from->last, 04)))
		return -EACCES;
	if (fs_part_of(from))
		return fs_part_of(from)->move(from, to->name, to);
	if (!fs_kind_of(to->kind)->replace || to->type != FS_OBJECT || from->type != FS_OBJECT)
		return fs_fail(-EEXIST, "only values, arrays, lists and keys can be written by mv");
	if (!fs_dir_may(req, &to->last, 02) || !fs_dir_may(req, &from->last, 04))
		return -EACCES;
	rc = fs_kind_of(to->kind)->replace(from, to);
	return rc < 0 ? rc : remove_object(from);
}

static int move(struct fs_item *item, struct fs_item *folder, const char *name)
{
	char from[FS_PATH], to[FS_PATH];
	int rc;

	if (fs_part_of(item))
		return fs_part_of(item)->move(item, name, NULL);
	rc = fs_item_path(item, from);
	if (fs_engine_of(item->kind)->lookup)
		return fs_fail(-EPERM, "the kernel cannot rename message queues");
	if (rc == 0)
		rc = fs_item_path_in(folder, name, item->pending, to);
	if (rc == 0)
		rc = sys_rename_new(fs.dirfd, from, to);
	if (rc < 0)
		return rc;
	fs_item_moved(item, folder, name);
	if (fs_kind_of(item->kind)->moved)
		fs_kind_of(item->kind)->moved(item);
	return 0;
}

static int rename_item(fuse_req_t req, struct fs_item *folder, const char *name,
		       struct fs_item *new_folder, const char *new_name, unsigned flags)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct fs_item *item = NULL, *target = NULL;
	struct fs_leaf leaf, new_leaf;
	int rc;

	if (flags & ~1u) /* RENAME_NOREPLACE alone */
		return fs_fail(-EINVAL, "names cannot be exchanged");
	if (!folder || !new_folder || folder->kind != new_folder->kind)
		return fs_fail(-EPERM, "an object stays in its kind");
	if (folder != new_folder && (fs_parts_of(folder) || fs_parts_of(new_folder)))
		return fs_fail(-EPERM, "a key stays in its dict: cp, then rm");
	rc = fs_dir_find(folder, name, &leaf, &item);
	if (rc != 0)
		return rc;
	rc = fs_dir_parse(new_folder, new_name, &new_leaf);
	if (rc == 0 &&
	    (fs_leaf_is_view(&leaf) || fs_leaf_is_view(&new_leaf) || strchr(new_name, ',')))
		rc = fs_fail(-EPERM, "views and properties cannot be renamed");
	if (rc == 0)
		rc = may_remove(ctx, item);
	if (rc == 0)
		rc = has_named(item, &leaf);
	if (rc == 0 &&
	    (fs_kind_fixes(folder, leaf.name) || fs_kind_fixes(new_folder, new_leaf.name)))
		rc = fs_fail(-EPERM, "an address keeps its name");
	if (rc == 0) {
		rc = fs_item_lookup(new_folder, new_leaf.name, &target);
		if (rc == 0) {
			rc = flags & 1 ? -EEXIST : replace(req, item, target);
			fs_item_put(target);
		} else if (rc == -ENOENT) {
			rc = move(item, new_folder, new_leaf.name);
		}
	}
	fs_item_put(item);
	return rc;
}

static void rename_again(struct fs_retry *r)
{
	fs_op_rename(r->req, r->ino, r->name, r->new_ino, r->new_name, (unsigned)r->flags);
}

/* False: its time is over, or there is no room. */
static bool later(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		  const char *new_name, unsigned flags)
{
	struct fs_retry r = {.call = rename_again,
			     .req = req,
			     .ino = parent,
			     .new_ino = new_parent,
			     .flags = (int)flags};

	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.new_name, sizeof(r.new_name), "%s", new_name);
	return fs_retry(&r);
}

void fs_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
		  const char *newname, unsigned flags)
{
	struct fs_item *folder = fs_dir_folder(parent);
	char path[FS_PATH];
	int rc = rename_item(req, folder, name, fs_dir_folder(newparent), newname, flags);

	fs_dir_path(folder, name, path);
	if (rc == -EBUSY && later(req, parent, name, newparent, newname, flags))
		return;
	if (rc != 0)
		fs_reply_error(req, rc, path);
	else
		fs_reply_ok(req);
}
