/* SPDX-License-Identifier: MIT
 *
 * create.c - requests that make a name: objects (by open, or by mknod) and folders; and whether the
 * properties in a name are those of the object that is there.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/mq.h"
#include "../core/object.h"
#include "../core/sys.h"

/* *bit: what a folder inherits. */
static struct ipcfs_maker maker_of(const struct fuse_ctx *ctx, const struct fs_item *folder,
				   mode_t mode, mode_t *bit)
{
	struct ipcfs_maker maker = {
		.uid = fs.uid == 0 ? ctx->uid : fs.uid,
		.gid = fs.uid == 0 ? ctx->gid : getegid(),
		.mode = mode,
	};
	char path[FS_PATH];

	*bit = 0;
	if (folder->type == FS_DIR && fs_item_path(folder, path) == 0)
		maker.gid = store_group(fs.dirfd, path, maker.gid, bit);
	return maker;
}

static struct ipcfs_maker object_maker(const struct fuse_ctx *ctx, const struct fs_item *folder,
				       mode_t mode, bool temp)
{
	mode_t bit, bits = temp ? S_ISVTX : 0;

	return maker_of(ctx, folder, store_object_mode(folder->kind, mode) | bits, &bit);
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
	struct ipcfs_maker maker = object_maker(ctx, folder, mode, leaf->p.given & IPCFS_P_TEMP);
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
	if (fs_kind_of(folder->kind)->make) {
		rc = fs_kind_of(folder->kind)->make(folder, leaf, &maker);
	} else if (fs_pending_is(folder->kind, &p)) {
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
		fs_words("it exists with other properties: see its view stat");
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
		maker = object_maker(ctx, folder, mode, false);
		return fs_parts_of(folder)->make(folder, leaf->name, &maker, flags, item);
	}
	if (ipcfs_kinds[folder->kind]->folder && !leaf->p.given)
		return fs_fail(-EPERM, "%s are folders: mkdir makes them",
			       ipcfs_kind_name(folder->kind));
	/* Asked for as of a file: who may read it may enter it. */
	if (ipcfs_kinds[folder->kind]->folder)
		mode |= (mode & 0444) >> 2;
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
	if (item->type == FS_SPECIAL)
		return -ESTALE; /* the kernel looks again, and opens it */
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

/* An open file of the item. What is new has nothing that its handles would have to be told of. */
static int open_item(const struct fuse_ctx *ctx, struct fs_item *item, const struct fs_leaf *leaf,
		     mode_t mode, int flags, bool made, struct fs_handle **h)
{
	struct ipcfs_maker maker = object_maker(ctx, item, mode, false);
	int rc = fs_handle_new(FS_OBJECT, item, leaf, flags, ctx->uid, h);

	if (rc != 0)
		return rc;
	(*h)->temp = leaf->p.given & IPCFS_P_TEMP;
	(*h)->opener = ctx->pid;
	rc = fs_handle_begin(*h, made, &maker);
	if (rc != 0)
		fs_handle_free(*h);
	return rc;
}

static int create_and_open(fuse_req_t req, struct fs_item *folder, const struct fs_leaf *leaf,
			   mode_t mode, int flags)
{
	struct fuse_entry_param e;
	struct fs_handle *h = NULL;
	struct fs_item *item;
	struct fs_node *node;
	bool made;
	int rc = create(req, folder, leaf, mode, flags, &item, &made);

	if (rc != 0)
		return rc;
	rc = open_item(fuse_req_ctx(req), item, leaf, mode, flags, made, &h);
	if (rc == 0) {
		node = fs_node_get(FS_OBJECT, item, leaf);
		if (node) {
			fs_dir_entry(node, &e);
			fs_reply_create(req, &e, h);
		} else {
			fs_handle_free(h);
			rc = -ENOMEM;
		}
	}
	/* What was made for it is for nobody. */
	if (rc != 0 && made && !item->unmade)
		fs_remove_made(item);
	fs_item_put(item);
	return rc;
}

static void open_new(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, int flags);

static void open_new_again(struct fs_retry *r)
{
	open_new(r->req, r->ino, r->name, r->attr.st_mode, r->flags);
}

static void open_new(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, int flags)
{
	struct fs_item *folder = fs_dir_folder(parent);
	struct fs_leaf leaf;
	char path[FS_PATH];
	int rc;

	fs_dir_path(folder, name, path);
	rc = folder ? fs_dir_parse(folder, name, &leaf) :
		      fs_fail(-EPERM, "objects are made in the kinds' folders");
	if (rc == 0)
		rc = create_and_open(req, folder, &leaf, mode, flags);
	if (rc == 0 ||
	    (rc == -EBUSY && fs_retry_name(open_new_again, req, parent, name, mode, flags)))
		return;
	fs_reply_error(req, rc, path);
}

void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi)
{
	open_new(req, parent, name, mode, fi->flags);
}

static int make_special(const struct fuse_ctx *ctx, struct fs_item *folder,
			const struct fs_leaf *leaf, mode_t mode)
{
	struct ipcfs_maker maker = object_maker(ctx, folder, mode, false);
	int rc = fs_quota_add(maker.uid, FS_Q_OBJECTS, 1);

	maker.mode |= mode & S_IFMT;
	if (rc < 0)
		return rc;
	rc = fs_special_make(folder, leaf, &maker);
	if (rc < 0)
		fs_quota_add(maker.uid, FS_Q_OBJECTS, -1);
	return rc;
}

/* A FIFO or a socket where the kind has such. */
static int create_special(fuse_req_t req, struct fs_item *folder, const struct fs_leaf *leaf,
			  mode_t mode, struct fs_item **item)
{
	int rc = fs_item_lookup(folder, leaf->name, item);

	if (rc == 0) { /* also a pending name */
		fs_item_put(*item);
		return -EEXIST;
	}
	if (rc != -ENOENT)
		return rc;
	if (fs_leaf_is_view(leaf))
		return fs_fail(-ENOENT, "a view does not create: there is no %s", leaf->name);
	if (leaf->p.given)
		return fs_fail(-EINVAL, "a file of the kernel's has no properties");
	if (fs_kind_fixes(folder, leaf->name))
		return fs_fail(-EPERM, "that is the name of an address");
	rc = make_special(fuse_req_ctx(req), folder, leaf, mode);
	return rc < 0 ? rc : fs_item_lookup(folder, leaf->name, item);
}

/* An object of which nothing is open. */
static int create_closed(fuse_req_t req, struct fs_item *folder, const struct fs_leaf *leaf,
			 mode_t mode, struct fs_item **item)
{
	bool made;

	if (leaf->p.given & IPCFS_P_TEMP)
		return fs_fail(-EINVAL, "\"temp\" goes with the handle that makes it: open it");
	return create(req, folder, leaf, mode, O_EXCL, item, &made);
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
	int rc;

	(void)rdev;
	fs_dir_path(folder, name, path);
	if (!folder)
		rc = fs_fail(-EPERM, "objects are made in the kinds' folders");
	else if (!S_ISREG(mode) && fs_special_type(folder->kind, mode) != FS_SPECIAL)
		rc = fs_fail(-EPERM, "%s hold no such files", ipcfs_kind_name(folder->kind));
	else
		rc = fs_dir_parse(folder, name, &leaf);
	if (rc == 0)
		rc = S_ISREG(mode) ? create_closed(req, folder, &leaf, mode, &item) :
				     create_special(req, folder, &leaf, mode, &item);
	if (rc == -EBUSY && fs_retry_name(mknod_again, req, parent, name, mode, 0))
		return;
	if (rc != 0) {
		fs_reply_error(req, rc, path);
		return;
	}
	fs_dir_reply(req, fs_node_get(item->type, item, &leaf));
	fs_item_put(item);
}

static int make_folder(const char *path, const struct ipcfs_maker *maker)
{
	int fd, rc = fs_quota_add(maker->uid, FS_Q_FOLDERS, 1);

	if (rc < 0)
		return rc;
	rc = sys_mkdir_at(fs.dirfd, path, 0700);
	if (rc < 0) {
		fs_quota_add(maker->uid, FS_Q_FOLDERS, -1);
		return rc;
	}
	fd = sys_open_beneath(fs.dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	rc = fd < 0 ? fd : sys_owner(fd, maker->uid, maker->gid, maker->mode);
	sys_close(fd);
	return rc;
}

/* A folder for names, or an object that is one. */
static int make_directory(const struct fuse_ctx *ctx, struct fs_item *folder,
			  const struct fs_leaf *leaf, mode_t mode)
{
	struct ipcfs_maker maker;
	char path[FS_PATH];
	mode_t bit;
	int rc;

	if (fs_parts_of(folder))
		return fs_fail(-EPERM, "%s hold no folders", ipcfs_kind_name(folder->kind));
	if (fs_kind_fixes(folder, leaf->name))
		return fs_fail(-EPERM, "that is the name of an address");
	if (ipcfs_kinds[folder->kind]->folder)
		return make(ctx, folder, leaf, mode & 0777);
	rc = fs_item_path_in(folder, leaf->name, false, path);
	if (rc < 0)
		return rc;
	maker = maker_of(ctx, folder, mode & 01777, &bit);
	maker.mode |= bit;
	return make_folder(path, &maker);
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
