/* SPDX-License-Identifier: MIT
 *
 * dir.c - requests on names: look-up, listing, creation, removal, renaming. The kernel has checked
 * modes (default_permissions); what it cannot know is checked here: who may remove and rename in the kinds'
 * top folders, and that views are no files of their own. Nothing here waits.
 */
#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/object.h"
#include "../core/sys.h"

#define FOREVER 86400.0

static const struct {
	const char *name;
	enum fs_type type;
} root_files[] = {
	{"README", FS_README},
	{"status", FS_STATUS},
	{"errors", FS_ERRORS_FILE},
	{"shm", FS_SHM},
};

/* ---- attributes ------------------------------------------------------------------------------ */

void fs_attr_root(enum fs_type type, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = FUSE_ROOT_ID + (ino_t)type;
	st->st_mode = type == FS_ROOT ? S_IFDIR | 0755 :
		      type == FS_SHM  ? S_IFLNK | 0777 :
					S_IFREG | 0444;
	st->st_nlink = type == FS_ROOT ? 2 + IPCFS_KIND_COUNT : 1;
	st->st_uid = fs.uid;
	st->st_size = type == FS_SHM ? (off_t)strlen(fs.store_dir) : 0;
	st->st_blksize = 4096;
	clock_gettime(CLOCK_REALTIME, &st->st_mtim);
	st->st_atim = st->st_ctim = st->st_mtim;
}

static void dress(struct fs_item *item, const struct fs_leaf *leaf, struct stat *st)
{
	st->st_dev = 0;
	if (item->type == FS_DIR) {
		/* Anybody makes names in the kinds' folders; not sticky (fs.protected_regular): the
		 * rule of removal is ours. */
		if (!item->parent)
			st->st_mode = S_IFDIR | (fs.uid == 0 ? 0777 : 0700);
		return;
	}
	st->st_mode = S_IFREG | (st->st_mode & 0777);
	st->st_size = leaf && leaf->view == FS_RAW ? (off_t)fs_cells_bytes(item) : 0;
	st->st_blksize = 4096;
}

int fs_attr_of(const struct fs_node *node, struct stat *st)
{
	int rc;

	if (!node->item) {
		fs_attr_root(node->type, st);
		return 0;
	}
	rc = fs_item_stat(node->item, st);
	if (rc == 0)
		dress(node->item, &node->leaf, st);
	return rc;
}

double fs_attr_timeout(enum fs_type type)
{
	return type == FS_ROOT || type == FS_SHM ? FOREVER : type == FS_DIR ? 1. : 0.;
}

/* The kernel judges by mode when it can; a creation that meets a file which appeared meanwhile is ours. */
static bool may(const struct fuse_ctx *ctx, const struct stat *st, mode_t want)
{
	int shift = ctx->uid == st->st_uid ? 6 : ctx->gid == st->st_gid ? 3 : 0;

	return ctx->uid == 0 || (st->st_mode >> shift & want) == want;
}

/* In a kind's top folder: its owner or root. Elsewhere the folder's mode was judged by the kernel. */
static int may_remove(const struct fuse_ctx *ctx, const struct fs_item *item)
{
	if (item->parent && !item->parent->parent && ctx->uid != 0 && ctx->uid != item->last.st_uid)
		return fs_fail(-EPERM, "only its owner or root may remove or rename it");
	return 0;
}

/* ---- look-up ------------------------------------------------------------------------------------ */

static void entry_of(const struct fs_node *node, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = fs_node_id(node);
	e->generation = 1;
	fs_attr_of(node, &e->attr);
	e->attr_timeout = fs_attr_timeout(node->type);
	e->entry_timeout = !node->item || (node->type == FS_DIR && !node->item->parent) ? FOREVER :
											  0.;
}

static void reply_node(fuse_req_t req, const struct fs_node *node)
{
	struct fuse_entry_param e;

	if (!node) {
		fs_reply_error(req, -ENOMEM, NULL);
		return;
	}
	entry_of(node, &e);
	fs_reply_entry(req, &e);
}

static void lookup_root(fuse_req_t req, const char *name)
{
	int kind = ipcfs_kind_of(name);

	if (kind >= 0) {
		reply_node(req, fs_node_get(FS_DIR, fs_item_kind((enum ipcfs_kind)kind), NULL));
		return;
	}
	for (size_t i = 0; i < sizeof(root_files) / sizeof(root_files[0]); i++)
		if (!strcmp(root_files[i].name, name)) {
			struct fs_node *node = fs_node_of(FUSE_ROOT_ID +
							  (uint64_t)root_files[i].type);

			node->lookups++;
			reply_node(req, node);
			return;
		}
	fs_reply_error(req, -ENOENT, NULL);
}

/* The folder of a request's parent; NULL for the root. */
static struct fs_item *folder_of(fuse_ino_t parent)
{
	struct fs_node *node = fs_node_of(parent);

	return node ? node->item : NULL;
}

static void path_of(const struct fs_item *folder, const char *name, char path[FS_PATH])
{
	if (!folder || fs_item_path_in(folder, name, false, path) < 0)
		snprintf(path, FS_PATH, "%s", name);
}

/* Parses and finds: on success *item is referenced. */
static int find(struct fs_item *folder, const char *name, struct fs_leaf *leaf,
		struct fs_item **item)
{
	int rc = fs_name_parse(folder->kind, name, leaf);

	if (rc == 0)
		rc = fs_item_lookup(folder, leaf->name, item);
	if (rc == 0 && (*item)->type == FS_DIR && strchr(name, ',')) {
		fs_item_put(*item);
		rc = fs_fail(-EINVAL, "a folder has no options");
	}
	return rc;
}

void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_item *folder = folder_of(parent), *item;
	char path[FS_PATH];
	struct fs_leaf leaf;
	int rc;

	if (parent == FUSE_ROOT_ID) {
		lookup_root(req, name);
		return;
	}
	path_of(folder, name, path);
	if (!folder || folder->type != FS_DIR) {
		fs_reply_error(req, -ENOTDIR, path);
		return;
	}
	if (name[0] == '.') { /* nothing is called so, and programs do ask */
		fs_reply_error(req, -ENOENT, NULL);
		return;
	}
	rc = find(folder, name, &leaf, &item);
	if (rc != 0) {
		fs_reply_error(req, rc, path);
		return;
	}
	reply_node(req, fs_node_get(item->type, item, item->type == FS_DIR ? NULL : &leaf));
	fs_item_put(item);
}

/* ---- listing: taken whole at opendir, the text of the folder's handle --------------------------------- */

/* An entry is: type byte, inode number, name, NUL. */
static const char *entry_name(const char *entry)
{
	return entry + 1 + sizeof(uint64_t);
}

static size_t entry_size(const char *entry)
{
	return (size_t)(entry_name(entry) - entry) + strlen(entry_name(entry)) + 1;
}

static void list_add(struct fs_text *list, char type, uint64_t ino, const char *name)
{
	fs_text_add(list, &type, 1);
	fs_text_add(list, &ino, sizeof(ino));
	fs_text_add(list, name, strlen(name) + 1);
}

static void list_root(struct fs_text *list)
{
	for (size_t i = 0; i < sizeof(root_files) / sizeof(root_files[0]); i++)
		list_add(list, root_files[i].type == FS_SHM ? DT_LNK : DT_REG,
			 FUSE_ROOT_ID + (uint64_t)root_files[i].type, root_files[i].name);
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++)
		list_add(list, DT_DIR, fs_item_kind((enum ipcfs_kind)kind)->ino,
			 ipcfs_kind_name((enum ipcfs_kind)kind));
}

/* A pending name is shown without its dot, unless it has its type and the server died in between. */
static bool shown(int fd, bool npy, const struct dirent *entry, const char **name)
{
	struct stat st;

	*name = entry->d_name + (entry->d_name[0] == '.');
	if (store_check_name(*name, strlen(*name)) < 0)
		return false; /* somebody put it there who did not know what names are */
	return *name == entry->d_name ||
	       (npy && entry->d_type == DT_REG && sys_stat_at(fd, *name, &st) == -ENOENT);
}

static int list_folder(struct fs_text *list, const struct fs_item *folder)
{
	bool npy = ipcfs_kinds[folder->kind]->npy;
	const struct dirent *entry;
	char path[FS_PATH];
	const char *name;
	DIR *stream;
	int fd, rc = fs_item_path(folder, path);

	if (rc != 0)
		return rc;
	fd = sys_open_beneath(fs.dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	stream = fdopendir(fd);
	if (!stream) {
		sys_close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(stream)))
		if (shown(fd, npy, entry, &name))
			list_add(list, (char)(entry->d_type == DT_DIR ? DT_DIR : DT_REG),
				 entry->d_ino, name);
	closedir(stream);
	return 0;
}

static int list(const struct fs_node *node, fuse_ino_t ino, struct fs_text *names)
{
	list_add(names, DT_DIR, ino, ".");
	list_add(names, DT_DIR, FUSE_ROOT_ID, "..");
	if (!node || (node->item && node->item->type != FS_DIR))
		return -ENOTDIR;
	if (node->item)
		return list_folder(names, node->item);
	list_root(names);
	return 0;
}

void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_node *node = fs_node_of(ino);
	struct fs_text names = {0};
	struct fs_handle *h;
	int rc = list(node, ino, &names);

	if (rc == 0 && names.failed)
		rc = -ENOMEM;
	if (rc == 0)
		rc = fs_handle_new(node->type, node->item, NULL, fi->flags, fuse_req_ctx(req)->uid,
				   &h);
	if (rc != 0) {
		free(names.bytes);
		fs_reply_error(req, rc, NULL);
		return;
	}
	h->text = names.bytes;
	h->text_len = names.len;
	fi->fh = fs_handle_id(h);
	fi->cache_readdir = 0;
	fuse_reply_open(req, fi);
}

/* Where the entry at that offset begins, or the next one: a program may seek to anywhere. */
static size_t entry_at(const struct fs_handle *h, off_t off)
{
	size_t wanted = (size_t)off, at = wanted == h->rest_at ? wanted : 0;

	while (at < wanted && at < h->text_len)
		at += entry_size(h->text + at);
	return at;
}

void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		   struct fuse_file_info *fi)
{
	struct fs_handle *h = fs_handle_of(fi->fh);
	char *buf = h ? malloc(size ? size : 1) : NULL;
	size_t at, n = 0;

	(void)ino;
	if (!buf) {
		fs_reply_error(req, h ? -ENOMEM : -EBADF, NULL);
		return;
	}
	for (at = entry_at(h, off); at < h->text_len; at += entry_size(h->text + at)) {
		const char *entry = h->text + at;
		struct stat st = {.st_mode = (mode_t)DTTOIF(entry[0])};
		size_t used;

		memcpy(&st.st_ino, entry + 1, sizeof(uint64_t));
		used = fuse_add_direntry(req, buf + n, size - n, entry_name(entry), &st,
					 (off_t)(at + entry_size(entry)));
		if (used > size - n)
			break;
		n += used;
	}
	h->rest_at = at;
	fs_reply_data(req, buf, n);
	free(buf);
}

void fs_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_handle *h = fs_handle_of(fi->fh);

	(void)ino;
	if (h)
		fs_handle_free(h);
	fs_reply_ok(req);
}

/* ---- creation ------------------------------------------------------------------------------------------ */

static struct ipcfs_maker maker_of(const struct fuse_ctx *ctx, enum ipcfs_kind kind, mode_t mode,
				   bool temp)
{
	return (struct ipcfs_maker){
		.uid = fs.uid == 0 ? ctx->uid : fs.uid,
		.gid = fs.uid == 0 ? ctx->gid : getegid(),
		.mode = store_object_mode(kind, mode) | (temp ? S_ISVTX : 0),
	};
}

/* A value without a type, an array without type or length. */
static int make_pending(struct fs_item *folder, const struct fs_leaf *leaf,
			const struct ipcfs_maker *maker)
{
	char path[FS_PATH], parent[FS_PATH], text[128];
	int fd, n, rc = fs_item_path_in(folder, leaf->name, true, path);

	if (rc == 0)
		rc = fs_item_path(folder, parent);
	if (rc != 0)
		return rc;
	n = fs_properties_format(&leaf->p, text, sizeof(text));
	fd = sys_open_beneath(fs.dirfd, parent, O_RDWR | O_TMPFILE, 0600);
	if (fd < 0)
		return fd;
	rc = (int)sys_pwrite_all(fd, text, (size_t)n, 0);
	if (rc >= 0)
		rc = sys_owner(fd, maker->uid, maker->gid, maker->mode);
	if (rc == 0)
		rc = sys_link_fd(fd, fs.dirfd, path);
	sys_close(fd);
	return rc;
}

static bool is_pending(enum ipcfs_kind kind, const struct ipcfs_properties *p)
{
	if (kind == IPCFS_VALUE)
		return !(p->given & (IPCFS_P_TYPE | IPCFS_P_LEN)); /* len= is for strings alone */
	return kind == IPCFS_ARRAY &&
	       (p->given & (IPCFS_P_TYPE | IPCFS_P_LEN)) != (IPCFS_P_TYPE | IPCFS_P_LEN);
}

static int make(const struct fuse_ctx *ctx, struct fs_item *folder, const struct fs_leaf *leaf,
		mode_t mode)
{
	struct ipcfs_maker maker = maker_of(ctx, folder->kind, mode, leaf->p.given & IPCFS_P_TEMP);
	struct ipcfs_properties p = leaf->p;
	struct ipcfs_object *object;
	char path[FS_PATH];
	int rc = fs_quota_add(maker.uid, FS_Q_OBJECTS, 1);

	if (rc != 0)
		return rc;
	p.given &= ~(uint32_t)IPCFS_P_TEMP;
	if (is_pending(folder->kind, &p)) {
		rc = make_pending(folder, leaf, &maker);
	} else {
		if (folder->kind == IPCFS_VALUE && !(p.given & IPCFS_P_TYPE)) {
			p.type = 's';
			p.given |= IPCFS_P_TYPE;
		}
		rc = fs_item_path_in(folder, leaf->name, false, path);
		if (rc == 0)
			rc = fs.engine->open(fs.store, folder->kind, strchr(path, '/') + 1,
					     IPCFS_CREATE | IPCFS_EXCL, &maker, &p, &object);
		if (rc == 0)
			fs.engine->close(object);
	}
	if (rc != 0)
		fs_quota_add(maker.uid, FS_Q_OBJECTS, -1);
	if (rc == -ERANGE)
		rc = fs_fail(-EINVAL, "a property is out of range");
	if (rc == -ENOSPC)
		fs_words("the store is full");
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
		return fs_check_pending(item, &wanted);
	if (rc == 0)
		rc = fs_item_path_in(item->parent, item->name, false, path);
	if (rc == 0)
		rc = fs.engine->open(fs.store, item->kind, strchr(path, '/') + 1, 0, NULL, &wanted,
				     &object);
	if (rc == 0)
		fs.engine->close(object);
	if (rc == -EEXIST)
		fs_words("it exists with other properties");
	return rc;
}

/* Creates, or finds what another created just then. */
static int create(const struct fuse_ctx *ctx, struct fs_item *folder, const struct fs_leaf *leaf,
		  mode_t mode, int flags, struct fs_item **item)
{
	bool made = false;
	int rc;

	if (fs_leaf_is_view(leaf))
		return fs_fail(-ENOENT, "a view does not create: there is no %s", leaf->name);
	rc = fs_item_lookup(folder, leaf->name, item);
	if (rc == -ENOENT) {
		rc = make(ctx, folder, leaf, mode);
		made = rc == 0;
		if (rc == 0 || rc == -EEXIST)
			rc = fs_item_lookup(folder, leaf->name, item);
	}
	if (rc != 0 || made)
		return rc;
	if (flags & O_EXCL)
		rc = -EEXIST;
	else if ((*item)->type == FS_DIR)
		rc = -EISDIR;
	else if (!may(ctx, &(*item)->last,
		      (mode_t)((flags & O_ACCMODE) == O_RDONLY ? 04 :
			       (flags & O_ACCMODE) == O_WRONLY ? 02 :
								 06)))
		rc = -EACCES;
	else
		rc = fs_check_properties(*item, &leaf->p);
	if (rc != 0)
		fs_item_put(*item);
	return rc;
}

void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct fs_item *folder = folder_of(parent), *item = NULL;
	struct fuse_entry_param e;
	struct fs_handle *h = NULL;
	struct fs_node *node;
	struct fs_leaf leaf;
	char path[FS_PATH];
	int rc;

	path_of(folder, name, path);
	rc = folder ? fs_name_parse(folder->kind, name, &leaf) :
		      fs_fail(-EPERM, "objects are made in the kinds' folders");
	if (rc == 0)
		rc = create(ctx, folder, &leaf, mode, fi->flags, &item);
	if (rc == 0) {
		rc = fs_handle_new(FS_OBJECT, item, &leaf, fi->flags, ctx->uid, &h);
		if (rc == 0) {
			h->temp = leaf.p.given & IPCFS_P_TEMP;
			node = fs_node_get(FS_OBJECT, item, &leaf);
			if (node) {
				entry_of(node, &e);
				fs_reply_create(req, &e, h);
			} else {
				fs_handle_free(h);
				rc = -ENOMEM;
			}
		}
		fs_item_put(item);
	}
	if (rc != 0)
		fs_reply_error(req, rc, path);
}

void fs_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct fs_item *folder = folder_of(parent), *item;
	struct fs_leaf leaf;
	char path[FS_PATH];
	int rc;

	(void)rdev;
	path_of(folder, name, path);
	if (!folder)
		rc = fs_fail(-EPERM, "objects are made in the kinds' folders");
	else if (!S_ISREG(mode))
		rc = fs_fail(-EPERM, "%s hold no such files", ipcfs_kind_name(folder->kind));
	else
		rc = fs_name_parse(folder->kind, name, &leaf);
	if (rc == 0)
		rc = create(ctx, folder, &leaf, mode, O_EXCL, &item);
	if (rc != 0) {
		fs_reply_error(req, rc, path);
		return;
	}
	reply_node(req, fs_node_get(FS_OBJECT, item, &leaf));
	fs_item_put(item);
}

void fs_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct fs_item *folder = folder_of(parent), *item;
	struct fs_leaf leaf;
	char path[FS_PATH];
	int fd, rc;

	path_of(folder, name, path);
	rc = folder ? fs_name_parse(folder->kind, name, &leaf) :
		      fs_fail(-EPERM, "the root holds the kinds' folders alone");
	if (rc == 0 && strchr(name, ','))
		rc = fs_fail(-EINVAL, "a folder has no options");
	if (rc == 0 && fs_item_lookup(folder, name, &item) == 0) {
		fs_item_put(item); /* also a pending name */
		rc = -EEXIST;
	}
	if (rc == 0)
		rc = sys_mkdir_at(fs.dirfd, path, 0700);
	if (rc == 0) {
		fd = sys_open_beneath(fs.dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		rc = fd < 0 ? fd :
			      sys_owner(fd, fs.uid == 0 ? ctx->uid : fs.uid,
					fs.uid == 0 ? ctx->gid : getegid(), mode & 0777);
		sys_close(fd);
	}
	if (rc == 0)
		rc = fs_item_lookup(folder, name, &item);
	if (rc != 0) {
		fs_reply_error(req, rc, path);
		return;
	}
	reply_node(req, fs_node_get(FS_DIR, item, NULL));
	fs_item_put(item);
}

/* ---- removal -------------------------------------------------------------------------------------------- */

static int remove_object(struct fs_item *item)
{
	char path[FS_PATH];
	int rc = fs_item_path(item, path);

	if (rc == 0)
		rc = item->pending ? sys_unlink_at(fs.dirfd, path, 0) :
				     fs.engine->remove(fs.store, item->kind, strchr(path, '/') + 1);
	if (rc == 0 || rc == -ENOENT) {
		fs_quota_add(item->last.st_uid, FS_Q_OBJECTS, -1);
		fs_quota_add(item->last.st_uid, FS_Q_BYTES, -(int64_t)item->last.st_blocks * 512);
		fs_item_gone(item);
	}
	return rc;
}

void fs_remove_temp(struct fs_item *item)
{
	struct stat st;

	if (!item->removed && fs_item_stat(item, &st) == 0 && st.st_nlink)
		remove_object(item);
}

void fs_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_item *folder = folder_of(parent), *item = NULL;
	struct fs_leaf leaf;
	char path[FS_PATH];
	int rc;

	path_of(folder, name, path);
	if (!folder)
		rc = fs_fail(-EPERM, "the root's files stay");
	else
		rc = find(folder, name, &leaf, &item);
	if (rc == 0 && item->type == FS_DIR)
		rc = -EISDIR;
	else if (rc == 0 && fs_leaf_is_view(&leaf))
		rc = fs_fail(-EPERM, "a view cannot be removed");
	if (rc == 0)
		rc = may_remove(fuse_req_ctx(req), item);
	if (rc == 0)
		rc = fs_check_properties(item, &leaf.p) == -EEXIST ? -ENOENT : remove_object(item);
	if (rc != 0)
		fs_reply_error(req, rc, path);
	else
		fs_reply_ok(req);
	if (item)
		fs_item_put(item);
}

void fs_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_item *folder = folder_of(parent), *item = NULL;
	struct fs_leaf leaf;
	char path[FS_PATH];
	int rc;

	path_of(folder, name, path);
	if (!folder)
		rc = fs_fail(-EPERM, "the kinds' folders stay");
	else
		rc = find(folder, name, &leaf, &item);
	if (rc == 0)
		rc = item->type == FS_DIR ? may_remove(fuse_req_ctx(req), item) : -ENOTDIR;
	if (rc == 0)
		rc = sys_unlink_at(fs.dirfd, path, AT_REMOVEDIR);
	if (rc == 0)
		item->removed = true;
	if (rc != 0)
		fs_reply_error(req, rc, path);
	else
		fs_reply_ok(req);
	if (item)
		fs_item_put(item);
}

/* ---- renaming --------------------------------------------------------------------------------------------- */

/* Onto an existing value or array: its content changes, as one operation, and the source goes. */
static int replace(const struct fuse_ctx *ctx, struct fs_item *from, struct fs_item *to)
{
	int rc;

	if (from == to)
		return 0;
	if (!ipcfs_kinds[to->kind]->npy || to->type != FS_OBJECT || from->type != FS_OBJECT)
		return fs_fail(-EEXIST, "only values and arrays can be written by mv");
	if (!may(ctx, &to->last, 02) || !may(ctx, &from->last, 04))
		return -EACCES;
	rc = fs_cells_replace(from, to);
	return rc < 0 ? rc : remove_object(from);
}

static int move(struct fs_item *item, struct fs_item *folder, const char *name)
{
	char from[FS_PATH], to[FS_PATH];
	int rc = fs_item_path(item, from);

	if (rc == 0)
		rc = fs_item_path_in(folder, name, item->pending, to);
	if (rc == 0)
		rc = sys_rename_new(fs.dirfd, from, to);
	if (rc == 0)
		fs_item_moved(item, folder, name);
	return rc;
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
	rc = find(folder, name, &leaf, &item);
	if (rc != 0)
		return rc;
	rc = fs_name_parse(new_folder->kind, new_name, &new_leaf);
	if (rc == 0 &&
	    (fs_leaf_is_view(&leaf) || fs_leaf_is_view(&new_leaf) || strchr(new_name, ',')))
		rc = fs_fail(-EPERM, "views and properties cannot be renamed");
	if (rc == 0)
		rc = may_remove(ctx, item);
	if (rc == 0 && fs_item_lookup(new_folder, new_leaf.name, &target) == 0) {
		rc = flags & 1 ? -EEXIST : replace(ctx, item, target);
		fs_item_put(target);
	} else if (rc == 0) {
		rc = move(item, new_folder, new_leaf.name);
	}
	fs_item_put(item);
	return rc;
}

void fs_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
		  const char *newname, unsigned flags)
{
	struct fs_item *folder = folder_of(parent);
	char path[FS_PATH];
	int rc = rename_item(req, folder, name, folder_of(newparent), newname, flags);

	path_of(folder, name, path);
	if (rc != 0)
		fs_reply_error(req, rc, path);
	else
		fs_reply_ok(req);
}
