/* SPDX-License-Identifier: MIT
 *
 * dir.c - requests on names that change nothing: attributes, look-up, listing; and what create.c and rename.c need for
 * names, too. The kernel has checked modes (default_permissions); what it cannot know is checked in these files: who may
 * remove and rename in the kinds' top folders, and that views are no files of their own. Nothing here waits.
 */
#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/object.h"
#include "../core/sys.h"

#define FOREVER 86400.0
/* Until the kernel's clock has ticked once or twice: the rest of a walk and its open. */
#define WALK 1e-6

static const struct {
	const char *name;
	enum fs_type type;
} root_files[] = {
	{"README", FS_README},	     {"status", FS_STATUS}, {"errors", FS_ERRORS_FILE},
	{"deadlocks", FS_DEADLOCKS}, {"shm", FS_SHM},
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

enum fs_type fs_dir_type(const struct fs_item *item, const struct fs_leaf *leaf)
{
	bool bare = !fs_leaf_is_view(leaf) && !leaf->p.given;

	return fs_parts_of(item) && bare ? FS_DIR : item->type;
}

static void dress(enum fs_type type, struct fs_item *item, const struct fs_leaf *leaf,
		  struct stat *st)
{
	st->st_dev = 0;
	if (fs_parts_of(item)) {
		fs_parts_dress(type, item, st);
		return;
	}
	if (item->type == FS_DIR) {
		/* Anybody makes names in the kinds' folders; not sticky (fs.protected_regular): the
		 * rule of removal is ours. */
		if (!item->parent)
			st->st_mode = S_IFDIR | (fs.uid == 0 ? 0777 : 0700);
		return;
	}
	st->st_mode = item->type == FS_SPECIAL ? fs_special_mode(leaf, st->st_mode) :
						 S_IFREG | (st->st_mode & 0777);
	/* By a view that takes, nobody reads who may not write. */
	if (leaf->options & fs_kind_of(item->kind)->taking_with)
		st->st_mode = S_IFREG | store_taking_mode(st->st_mode & 0777);
	if (!item->is_part || leaf->view != FS_PLAIN || leaf->options & (FS_O_POP | FS_O_NUM))
		st->st_size = leaf->view == FS_RAW ? (off_t)fs_raw_bytes(item) : 0;
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
		dress(node->type, node->item, node->leaf, st);
	return rc;
}

/* The same as of the look-up just made. */
static void attr_found(const struct fs_node *node, struct stat *st)
{
	if (!node->item) {
		fs_attr_root(node->type, st);
		return;
	}
	*st = node->item->last;
	dress(node->type, node->item, node->leaf, st);
}

double fs_attr_timeout(enum fs_type type)
{
	return type == FS_ROOT || type == FS_SHM ? FOREVER : type == FS_DIR ? 1. : 0.;
}

static bool also_in_group(fuse_req_t req, gid_t gid)
{
	static gid_t groups[NGROUPS_MAX];
	int n = fuse_req_getgroups(req, NGROUPS_MAX, groups);

	for (int i = 0; i < n && i < NGROUPS_MAX; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* The kernel judges by mode when it can; a creation that meets a file which appeared meanwhile is ours. */
bool fs_dir_may(fuse_req_t req, const struct stat *st, mode_t want)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	bool in_group = ctx->gid == st->st_gid;
	int shift;

	if (ctx->uid == 0)
		return true;
	if (ctx->uid != st->st_uid && !in_group)
		in_group = also_in_group(req, st->st_gid);
	shift = ctx->uid == st->st_uid ? 6 : in_group ? 3 : 0;
	return (st->st_mode >> shift & want) == want;
}

/* ---- look-up ------------------------------------------------------------------------------------ */

void fs_dir_entry(const struct fs_node *node, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = fs_node_id(node);
	e->generation = 1;
	attr_found(node, &e->attr);
	/* Else an open would ask for them again. Who changes them tells the kernel: fs_node_stale(). */
	e->attr_timeout = node->type == FS_OBJECT ? WALK : fs_attr_timeout(node->type);
	e->entry_timeout = !node->item || (node->type == FS_DIR && !node->item->parent) ? FOREVER :
											  0.;
}

void fs_dir_reply(fuse_req_t req, const struct fs_node *node)
{
	struct fuse_entry_param e;

	if (!node) {
		fs_reply_error(req, -ENOMEM, NULL);
		return;
	}
	fs_dir_entry(node, &e);
	fs_reply_entry(req, &e);
}

static void lookup_root(fuse_req_t req, const char *name)
{
	int kind = ipcfs_kind_of(name);

	if (kind >= 0) {
		fs_dir_reply(req, fs_node_get(FS_DIR, fs_item_kind((enum ipcfs_kind)kind), NULL));
		return;
	}
	for (size_t i = 0; i < sizeof(root_files) / sizeof(root_files[0]); i++)
		if (!strcmp(root_files[i].name, name)) {
			struct fs_node *node = fs_node_of(FUSE_ROOT_ID +
							  (uint64_t)root_files[i].type);

			node->lookups++;
			fs_dir_reply(req, node);
			return;
		}
	fs_reply_error(req, -ENOENT, NULL);
}

struct fs_item *fs_dir_folder(fuse_ino_t parent)
{
	struct fs_node *node = fs_node_of(parent);

	return node ? node->item : NULL;
}

void fs_dir_path(const struct fs_item *folder, const char *name, char path[FS_PATH])
{
	if (!folder || fs_item_path_in(folder, name, false, path) < 0)
		snprintf(path, FS_PATH, "%s", name);
}

int fs_dir_parse(const struct fs_item *folder, const char *name, struct fs_leaf *leaf)
{
	return fs_name_parse(fs_parts_of(folder) ? FS_KEY : folder->kind, name, leaf);
}

int fs_dir_find(struct fs_item *folder, const char *name, struct fs_leaf *leaf,
		struct fs_item **item)
{
	int rc = fs_dir_parse(folder, name, leaf);

	if (rc == 0)
		rc = fs_item_lookup(folder, leaf->name, item);
	if (rc != 0)
		return rc;
	if ((*item)->type == FS_DIR && strchr(name, ','))
		rc = fs_fail(-EINVAL, "a folder has no options");
	else if ((*item)->type == FS_SPECIAL)
		rc = fs_special_check(leaf);
	if (rc != 0)
		fs_item_put(*item);
	return rc;
}

int fs_dir_lookup(struct fs_item *folder, const char *name, struct fs_node **node)
{
	struct fs_item *item;
	struct fs_leaf leaf;
	enum fs_type type;
	int rc;

	if (folder->type != FS_DIR && !fs_parts_of(folder))
		return -ENOTDIR;
	if (name[0] == '.' && folder->type == FS_DIR)
		return -ENOENT; /* nothing is called so, and programs do ask */
	rc = fs_dir_find(folder, name, &leaf, &item);
	if (rc != 0)
		return rc;
	type = fs_dir_type(item, &leaf);
	*node = fs_node_get(type, item, type == FS_DIR ? NULL : &leaf);
	fs_item_put(item);
	return *node ? 0 : -ENOMEM;
}

static void lookup_again(struct fs_retry *r)
{
	fs_op_lookup(r->req, r->ino, r->name);
}

void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_item *folder = fs_dir_folder(parent);
	struct fs_node *node;
	char path[FS_PATH];
	int rc;

	if (parent == FUSE_ROOT_ID) {
		lookup_root(req, name);
		return;
	}
	rc = folder ? fs_dir_lookup(folder, name, &node) : -ENOTDIR;
	if (rc == -EBUSY && fs_retry_name(lookup_again, req, parent, name, 0, 0))
		return;
	if (rc != 0) {
		fs_dir_path(folder, name, path);
		fs_reply_error(req, rc, path);
		return;
	}
	fs_dir_reply(req, node);
}

/* ---- listing: taken whole at opendir and rewinddir, the text of the folder's handle ------------------------------ */

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

struct listed {
	struct fs_text *list;
	const struct fs_item *folder;
};

static int list_name(void *arg, const char *name, bool is_folder)
{
	const struct listed *l = arg;
	char path[FS_PATH];
	struct stat st;

	(void)is_folder;
	if (fs_item_path_in(l->folder, name, false, path) == 0 &&
	    fs_item_look(l->folder->kind, path, &st) == 0)
		list_add(l->list, DT_REG, st.st_ino, name);
	return 0;
}

static int list_engine(struct fs_text *list, const struct fs_item *folder)
{
	struct listed l = {list, folder};

	return fs_engine_of(folder->kind)->list(fs.store, folder->kind, NULL, list_name, &l);
}

static char listed_as(enum ipcfs_kind kind, unsigned char type)
{
	bool other = fs_special_type(kind, DTTOIF(type)) != FS_OBJECT;

	return (char)(other ? type : DT_REG);
}

static int list_folder(struct fs_text *list, const struct fs_item *folder)
{
	bool npy = ipcfs_kinds[folder->kind]->npy, folders = ipcfs_kinds[folder->kind]->folder;
	const struct dirent *entry;
	char path[FS_PATH];
	const char *name;
	DIR *stream;
	int rc = fs_item_path(folder, path);

	if (rc != 0 || fs_engine_of(folder->kind)->lookup)
		return rc ? rc : list_engine(list, folder);
	rc = sys_open_folder(fs.dirfd, path, &stream);
	if (rc < 0)
		return rc;
	while ((entry = readdir(stream)))
		if (shown(dirfd(stream), npy, entry, &name))
			list_add(list, folders ? DT_DIR : listed_as(folder->kind, entry->d_type),
				 entry->d_ino, name);
	closedir(stream);
	return 0;
}

static int list(const struct fs_node *node, fuse_ino_t ino, struct fs_text *names)
{
	int rc = 0;

	list_add(names, DT_DIR, ino, ".");
	list_add(names, DT_DIR, FUSE_ROOT_ID, "..");
	if (node && node->item && fs_parts_of(node->item))
		return node->item->removed ? -ENOENT : 0; /* and its parts as they are asked for */
	if (!node || (node->item && node->item->type != FS_DIR))
		return -ENOTDIR;
	if (node->item)
		rc = list_folder(names, node->item);
	else
		list_root(names);
	return rc == 0 && names->failed ? -ENOMEM : rc;
}

void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_node *node = fs_node_of(ino);
	struct fs_text names = {0};
	struct fs_handle *h;
	int rc = list(node, ino, &names);

	if (rc == 0)
		rc = fs_handle_new(node->type, node->item, NULL, fi->flags, fuse_req_ctx(req)->uid,
				   &h);
	if (rc != 0) {
		free(names.bytes);
		fs_reply_error(req, rc, NULL);
		return;
	}
	rc = fs_handle_take_text(h, &names);
	if (rc != 0) {
		fs_handle_free(h);
		fs_reply_error(req, rc, NULL);
		return;
	}
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

/* rewinddir(3) shows what is there now; where that cannot be had, what was. */
static void list_anew(struct fs_handle *h, fuse_ino_t ino)
{
	struct fs_text names = {0};

	if (list(fs_node_of(ino), ino, &names) < 0) {
		free(names.bytes);
		return;
	}
	fs_handle_take_text(h, &names);
}

/* The folder's text, into an answer of `size` bytes. */
static size_t fill_text(fuse_req_t req, struct fs_handle *h, char *buf, size_t size, off_t off)
{
	size_t at, n = 0;

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
	return n;
}

static void readdir_again(struct fs_retry *r)
{
	struct fuse_file_info fi = {.fh = r->fh};

	fs_op_readdir(r->req, r->ino, (size_t)r->attr.st_size, r->attr.st_blocks, &fi);
}

static bool readdir_later(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, uint64_t fh)
{
	struct fs_retry r = {.call = readdir_again, .req = req, .ino = ino, .fh = fh};

	r.attr.st_size = (off_t)size;
	r.attr.st_blocks = off;
	return fs_retry(&r);
}

void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		   struct fuse_file_info *fi)
{
	struct fs_handle *h = fs_handle_of(fi->fh);
	char *buf = h ? malloc(size ? size : 1) : NULL;
	size_t n = 0;
	int rc = 0;

	if (!buf) {
		fs_reply_error(req, h ? -ENOMEM : -EBADF, NULL);
		return;
	}
	if (h->item && fs_parts_of(h->item)) {
		rc = fs_parts_list(req, h, buf, size, off, &n);
	} else {
		if (off == 0 && h->rest_at > 0)
			list_anew(h, ino);
		n = fill_text(req, h, buf, size, off);
	}
	if (rc == -EBUSY && readdir_later(req, ino, size, off, fi->fh)) {
		free(buf);
		return;
	}
	if (rc < 0)
		fs_reply_handle_error(req, rc, h);
	else
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
