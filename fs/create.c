/* SPDX-License-Identifier: MIT
 *
 * create.c - requests that make a name: objects (by open, or by mknod) and folders; and whether the
 * properties in a name are those of the object that is there.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../core/mq.h"
#include "../core/object.h"
#include "../core/sys.h"

static struct ipcfs_maker maker_of(const struct fuse_ctx *ctx, enum ipcfs_kind kind, mode_t mode,
				   bool temp)
{
	return (struct ipcfs_maker){
		.uid = fs.uid == 0 ? ctx->uid : fs.uid,
		.gid = fs.uid == 0 ? ctx->gid : getegid(),
		.mode = store_object_mode(kind, mode) | (temp ? S_ISVTX : 0),
	};
}

/* What a new object costs its user, n = 1, or gives back, -1: bytes of the system's for message queues, which are not in
 * the store. */
static int account(uid_t uid, enum ipcfs_kind kind, const struct ipcfs_properties *p, int n)
{
	int64_t bytes = kind == IPCFS_MQ ? (int64_t)mq_bytes(p) : 0;

	return kind == IPCFS_MQ ? fs_quota_add(uid, FS_Q_MQ, n * bytes) :
				  fs_quota_add(uid, FS_Q_OBJECTS, n);
}

static int make(const struct fuse_ctx *ctx, struct fs_item *folder, const struct fs_leaf *leaf,
		mode_t mode)
{
	struct ipcfs_maker maker = maker_of(ctx, folder->kind, mode, leaf->p.given & IPCFS_P_TEMP);
	struct ipcfs_properties p = leaf->p;
	struct ipcfs_object *object;
	char path[FS_PATH];
	int rc;

	if (folder->kind == IPCFS_BARRIER && !(p.given & IPCFS_P_PARTIES))
		return fs_fail(-EINVAL, "a barrier is made with parties=N");
	rc = account(maker.uid, folder->kind, &leaf->p, 1);
	if (rc != 0)
		return rc;
	p.given &= ~(uint32_t)IPCFS_P_TEMP;
	if (p.given & IPCFS_P_DEAD && !(p.given & IPCFS_P_ATTEMPTS))
		fs_words("dead= wants attempts=");
	else if (p.given & IPCFS_P_DEAD && !strcmp(p.dead, leaf->name))
		fs_words("dead= is another queue");
	if (fs_pending_is(folder->kind, &p)) {
		rc = fs_pending_make(folder, leaf, &maker);
	} else {
		if (folder->kind == IPCFS_VALUE && !(p.given & IPCFS_P_TYPE)) {
			p.type = 's';
			p.given |= IPCFS_P_TYPE;
		}
		rc = fs_item_path_in(folder, leaf->name, false, path);
		if (rc == 0)
			rc = fs_engine_of(folder->kind)
				     ->open(fs.store, folder->kind, strchr(path, '/') + 1,
					    IPCFS_CREATE | IPCFS_EXCL, &maker, &p, &object);
		if (rc == 0)
			fs_engine_of(folder->kind)->close(object);
	}
	if (rc != 0)
		account(maker.uid, folder->kind, &leaf->p, -1);
	if (rc == -ERANGE)
		rc = fs_fail(-EINVAL, "a property is out of range");
	if (rc == -ENOSPC)
		fs_words("the store is full");
	if (rc < 0 && fs_kind_of(folder->kind)->explain)
		fs_kind_of(folder->kind)->explain(rc, &p);
	return rc;
}

int fs_check_properties(struct fs_item *item, const struct ipcfs_properties *p)
{
	struct ipcfs_properties wanted = *p;
	struct ipcfs_object *object;
	char path[FS_PATH];
	struct stat st;
	int rc;

	if (p->given & IPCFS_P_TEMP && fs_item_stat(item, &st) == 0 && !(st.st_mode & S_ISVTX))
		return fs_fail(-EEXIST, "it exists and is not temp");
	wanted.given &= ~(uint32_t)IPCFS_P_TEMP;
	if (!wanted.given)
		return 0;
	rc = fs_item_attach(item);
	if (rc == -ENODATA)
		return fs_pending_check(item, &wanted);
	if (rc == 0)
		rc = fs_item_path_in(item->parent, item->name, false, path);
	if (rc == 0)
		rc = fs_engine_of(item->kind)
			     ->open(fs.store, item->kind, strchr(path, '/') + 1, 0, NULL, &wanted,
				    &object);
	if (rc == 0)
		fs_engine_of(item->kind)->close(object);
	if (rc == -EEXIST)
		fs_words("it exists with other properties");
	return rc;
}

/* *item is referenced. */
static int make_item(fuse_req_t req, struct fs_item *folder, const struct fs_leaf *leaf,
		     mode_t mode, int flags, struct fs_item **item)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct ipcfs_maker maker;
	int rc;

	if (fs_parts_of(folder)) {
		maker = maker_of(ctx, folder->kind, mode, false);
		return fs_parts_of(folder)->make(folder, leaf->name, &maker, flags, item);
	}
	if (ipcfs_kinds[folder->kind]->folder && !leaf->p.given)
		return fs_fail(-EPERM, "%s are folders: mkdir makes them",
			       ipcfs_kind_name(folder->kind));
	rc = make(ctx, folder, leaf, mode);
	return rc == 0 ? fs_item_lookup(folder, leaf->name, item) : rc;
}

/* May it be opened, which was there? */
static int check_there(fuse_req_t req, struct fs_item *item, const struct fs_leaf *leaf, int flags)
{
	static const mode_t wanted[] = {[O_RDONLY] = 04, [O_WRONLY] = 02, [O_RDWR] = 06};
	struct stat st = item->last;
	int rc = 0;

	if (flags & O_EXCL)
		return -EEXIST;
	if (fs_dir_type(item, leaf) == FS_DIR)
		return -EISDIR;
	if (fs_parts_of(item))
		rc = fs_parts_of(item)->stat(item, &st);
	if (rc == 0 && !fs_dir_may(req, &st, wanted[flags & O_ACCMODE]))
		rc = -EACCES;
	return rc < 0 ? rc : fs_check_properties(item, &leaf->p);
}

/* Creates, or finds what another created just then. */
static int create(fuse_req_t req, struct fs_item *folder, const struct fs_leaf *leaf, mode_t mode,
		  int flags, struct fs_item **item, bool *made)
{
	int rc;

	*made = false;
	if (fs_leaf_is_view(leaf))
		return fs_fail(-ENOENT, "a view does not create: there is no %s", leaf->name);
	rc = fs_item_lookup(folder, leaf->name, item);
	if (rc == -ENOENT) {
		rc = make_item(req, folder, leaf, mode, flags, item);
		*made = rc == 0;
		if (rc == -EEXIST)
			rc = fs_item_lookup(folder, leaf->name, item);
	}
	if (rc != 0 || *made)
		return rc;
	rc = check_there(req, *item, leaf, flags);
	if (rc != 0)
		fs_item_put(*item);
	return rc;
}

/* The handle of what is there now, and what its kind has to do with it. */
static int open_created(fuse_req_t req, struct fs_item *item, const struct fs_leaf *leaf,
			mode_t mode, int flags, bool made, struct fs_handle **out)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct ipcfs_maker maker = maker_of(ctx, item->kind, mode, false);
	int rc = fs_handle_new(FS_OBJECT, item, leaf, flags, ctx->uid, out);

	if (rc != 0)
		return rc;
	(*out)->temp = leaf->p.given & IPCFS_P_TEMP;
	(*out)->opener = ctx->pid;
	if (fs_kind_of(item->kind)->opened)
		rc = fs_kind_of(item->kind)->opened(*out, made, &maker);
	if (rc != 0)
		fs_handle_free(*out);
	return rc;
}

static void create_again(struct fs_retry *r)
{
	struct fuse_file_info fi = {.flags = r->flags};

	fs_op_create(r->req, r->ino, r->name, r->attr.st_mode, &fi);
}

void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi)
{
	struct fs_item *folder = fs_dir_folder(parent), *item = NULL;
	struct fuse_entry_param e;
	struct fs_handle *h = NULL;
	struct fs_node *node;
	struct fs_leaf leaf;
	char path[FS_PATH];
	bool made;
	int rc;

	fs_dir_path(folder, name, path);
	rc = folder ? fs_dir_parse(folder, name, &leaf) :
		      fs_fail(-EPERM, "objects are made in the kinds' folders");
	if (rc == 0)
		rc = create(req, folder, &leaf, mode, fi->flags, &item, &made);
	if (rc == 0) {
		rc = open_created(req, item, &leaf, mode, fi->flags, made, &h);
		if (rc == 0) {
			node = fs_node_get(FS_OBJECT, item, &leaf);
			if (node) {
				fs_dir_entry(node, &e);
				fs_reply_create(req, &e, h);
			} else {
				fs_handle_free(h);
				rc = -ENOMEM;
			}
		}
		fs_item_put(item);
	}
	if (rc == -EBUSY && fs_retry_name(create_again, req, parent, name, mode, fi->flags))
		return;
	if (rc != 0)
		fs_reply_error(req, rc, path);
}

static void mknod_again(struct fs_retry *r)
{
	fs_op_mknod(r->req, r->ino, r->name, r->attr.st_mode, 0);
}

void fs_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct fs_item *folder = fs_dir_folder(parent), *item;
	struct fs_leaf leaf;
	char path[FS_PATH];
	bool made;
	int rc;

	(void)rdev;
	fs_dir_path(folder, name, path);
	if (!folder)
		rc = fs_fail(-EPERM, "objects are made in the kinds' folders");
	else if (!S_ISREG(mode))
		rc = fs_fail(-EPERM, "%s hold no such files", ipcfs_kind_name(folder->kind));
	else
		rc = fs_dir_parse(folder, name, &leaf);
	if (rc == 0)
		rc = create(req, folder, &leaf, mode, O_EXCL, &item, &made);
	if (rc == -EBUSY && fs_retry_name(mknod_again, req, parent, name, mode, 0))
		return;
	if (rc != 0) {
		fs_reply_error(req, rc, path);
		return;
	}
	fs_dir_reply(req, fs_node_get(FS_OBJECT, item, &leaf));
	fs_item_put(item);
}

static int make_folder(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	int fd, rc = fs_quota_add(uid, FS_Q_FOLDERS, 1);

	if (rc < 0)
		return rc;
	rc = sys_mkdir_at(fs.dirfd, path, 0700);
	if (rc < 0) {
		fs_quota_add(uid, FS_Q_FOLDERS, -1);
		return rc;
	}
	fd = sys_open_beneath(fs.dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	rc = fd < 0 ? fd : sys_owner(fd, uid, gid, mode & 01777);
	sys_close(fd);
	return rc;
}

/* A folder for names, or an object that is one. */
static int make_directory(const struct fuse_ctx *ctx, struct fs_item *folder,
			  const struct fs_leaf *leaf, mode_t mode)
{
	char path[FS_PATH];
	int rc;

	if (fs_parts_of(folder))
		return fs_fail(-EPERM, "%s hold no folders", ipcfs_kind_name(folder->kind));
	if (ipcfs_kinds[folder->kind]->folder)
		return make(ctx, folder, leaf, mode & 0777);
	rc = fs_item_path_in(folder, leaf->name, false, path);
	return rc < 0 ? rc :
			make_folder(path, fs.uid == 0 ? ctx->uid : fs.uid,
				    fs.uid == 0 ? ctx->gid : getegid(), mode);
}

void fs_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct fs_item *folder = fs_dir_folder(parent), *item;
	struct fs_leaf leaf;
	char path[FS_PATH];
	int rc;

	fs_dir_path(folder, name, path);
	rc = folder ? fs_dir_parse(folder, name, &leaf) :
		      fs_fail(-EPERM, "the root holds the kinds' folders alone");
	if (rc == 0 && strchr(name, ','))
		rc = fs_fail(-EINVAL, "a folder has no options");
	if (rc == 0 && fs_engine_of(folder->kind)->lookup)
		rc = fs_fail(-EPERM, "the kernel's message queues have no folders");
	if (rc == 0 && fs_item_lookup(folder, name, &item) == 0) {
		fs_item_put(item); /* also a pending name */
		rc = -EEXIST;
	}
	if (rc == 0)
		rc = make_directory(ctx, folder, &leaf, mode);
	if (rc == 0)
		rc = fs_item_lookup(folder, name, &item);
	if (rc != 0) {
		fs_reply_error(req, rc, path);
		return;
	}
	fs_dir_reply(req, fs_node_get(FS_DIR, item, NULL));
	fs_item_put(item);
}
