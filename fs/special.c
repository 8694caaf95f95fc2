/* SPDX-License-Identifier: MIT
 *
 * special.c - files that are the kernel's: FIFOs among the pipes, bound sockets among the sockets. In the store
 * each is such a file as well, whose name, owner, mode and times /ipc shows; nothing else is done with it.
 * Whoever opens or connects to one below the mount meets the kernel's own inode of it: its
 * bytes never come here, so of the views there is `stat` alone. Others write in the store's folders, so a FIFO
 * in them is never opened but for its name (O_PATH), and where a kind has no such files it is damage.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/object.h"
#include "../core/sys.h"

#define HALF_MADE                                                                                  \
	".." /* nothing else is called so: no name begins with a dot, a pending one with one */

enum { NAME_TRIES = 100 };

enum fs_type fs_special_type(enum ipcfs_kind kind, mode_t mode)
{
	mode_t special = ipcfs_kinds[kind]->special;

	if (S_ISDIR(mode))
		return FS_DIR;
	return special && (mode & S_IFMT) == special ? FS_SPECIAL : FS_OBJECT;
}

mode_t fs_special_mode(const struct fs_leaf *leaf, mode_t mode)
{
	bool bare = !leaf || leaf->view == FS_PLAIN;

	return (bare ? mode & S_IFMT : S_IFREG) | (mode & 0777);
}

int fs_special_check(const struct fs_leaf *leaf)
{
	if (leaf->p.given)
		return fs_fail(-EEXIST, "it is a file of the kernel's, which has no properties");
	if (fs_leaf_is_view(leaf) && leaf->view != FS_STAT)
		return fs_fail(-EINVAL, "it is a file of the kernel's: of the views it has "
					"\"stat\" alone");
	return 0;
}

/* ---- making ------------------------------------------------------------------------------------ */

bool fs_special_is_half_made(const char *name)
{
	return !strncmp(name, HALF_MADE, strlen(HALF_MADE)) && strlen(name) > strlen(HALF_MADE);
}

/* Under a name that is not shown. */
static int make_hidden(struct fs_item *folder, mode_t type, char path[FS_PATH])
{
	uint64_t random;
	int rc = fs_item_path(folder, path);
	size_t len = strnlen(path, FS_PATH);

	for (int i = 0; (rc == 0 || rc == -EEXIST) && i < NAME_TRIES; i++) {
		rc = sys_random(&random, sizeof(random));
		if (rc < 0)
			return rc;
		snprintf(path + len, FS_PATH - len, "/" HALF_MADE "%016llx",
			 (unsigned long long)random);
		rc = sys_mknod_at(fs.dirfd, path, type);
		if (rc != -EEXIST)
			return rc;
	}
	return rc;
}

/* The folder may be a user's, who has put another file in its place since. */
static int is_ours(int fd, mode_t type)
{
	struct stat st;
	int rc = sys_fstat(fd, &st);

	if (rc < 0)
		return rc;
	return (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() && st.st_nlink == 1 ?
		       0 :
		       -ENOENT;
}

int fs_special_make(struct fs_item *folder, const struct fs_leaf *leaf,
		    const struct ipcfs_maker *maker)
{
	char hidden[FS_PATH], path[FS_PATH];
	int fd, rc = fs_item_path_in(folder, leaf->name, false, path);

	if (rc == 0)
		rc = make_hidden(folder, maker->mode & S_IFMT, hidden);
	if (rc < 0)
		return rc;
	fd = sys_open_beneath(fs.dirfd, hidden, O_PATH | O_NOFOLLOW, 0);
	rc = fd < 0 ? fd : is_ours(fd, maker->mode & S_IFMT);
	if (rc == 0)
		rc = sys_owner_path(fd, maker->uid, maker->gid, maker->mode & 0777);
	sys_close(fd);
	if (rc == 0)
		rc = sys_rename_new(fs.dirfd, hidden, path);
	if (rc < 0)
		sys_unlink_at(fs.dirfd, hidden, 0);
	return rc;
}

/* ---- showing ----------------------------------------------------------------------------------- */

int fs_special_text(struct fs_handle *h, struct fs_text *t)
{
	fs_text_printf(t, "kind %s\nid %llu\n%s 1\n", ipcfs_kind_name(h->item->kind),
		       (unsigned long long)h->item->ino,
		       S_ISFIFO(h->item->last.st_mode) ? "fifo" : "socket");
	return 0;
}
