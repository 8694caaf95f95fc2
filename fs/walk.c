/* SPDX-License-Identifier: MIT
 *
 * walk.c - through the folders of the store, without recursion: a stack of descriptors, as deep as a path
 * can be.
 */
#include "fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH = 64 };

static bool is_folder(int dirfd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static DIR *enter(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream && fd >= 0)
		close(fd);
	return stream;
}

void fs_walk(enum ipcfs_kind kind, bool (*each)(int dirfd, const struct dirent *entry))
{
	DIR *stack[DEPTH] = {enter(fs.dirfd, ipcfs_kind_name(kind))};
	int depth = stack[0] ? 0 : -1;
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
		stack[depth + 1] = enter(dirfd(stack[depth]), entry->d_name);
		depth += stack[depth + 1] != NULL;
	}
}
