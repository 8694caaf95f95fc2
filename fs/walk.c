/* SPDX-License-Identifier: MIT
 *
 * walk.c - through the folders of the store, without recursion: a stack of descriptors, as deep as a path
 * can be.
 */
#include "fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "../core/object.h"
#include "../core/sys.h"

enum { DEPTH = 64 };

static bool is_folder(int dirfd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

void fs_walk(const char *folder, bool (*each)(int dirfd, const struct dirent *entry))
{
	DIR *stack[DEPTH];
	int depth = sys_open_folder(fs.dirfd, folder, stack) == 0 ? 0 : -1;
	bool enough = false;

	while (depth >= 0) {
		const struct dirent *entry = enough ? NULL : readdir(stack[depth]);

		if (!entry) {
			closedir(stack[depth--]);
			continue;
		}
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		enough = each(dirfd(stack[depth]), entry);
		if (enough || depth + 1 == DEPTH || !is_folder(dirfd(stack[depth]), entry))
			continue;
		if (sys_open_folder(dirfd(stack[depth]), entry->d_name, &stack[depth + 1]) == 0)
			depth++;
	}
}

int fs_walk_try(int dirfd, const char *name, enum ipcfs_kind kind, struct ipcfs_op *op)
{
	int fd = sys_open_beneath(dirfd, name, O_RDWR | O_NOFOLLOW, 0);
	struct ipcfs_object *o;
	int rc = 0;

	op->flags |= IPCFS_OP_TRYLOCK;
	if (fd >= 0 && seg_attach(fs.store, fd, kind, &o) == 0) {
		rc = fs.engine->try(o, op);
		seg_detach(o);
	}
	sys_close(fd);
	return rc;
}
