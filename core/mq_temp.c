/* SPDX-License-Identifier: MIT
 *
 * mq_temp.c - POSIX message queues that are `temp`. The kernel's files have no place for it. A file of the same name in
 * the store's folder `mq` says that the queue goes with the handle that made it, and which queue is meant:
 * "temp INODE". Only our own such files count: others may make files there, too.
 */
#include "mq.h"
#include "object.h"
#include "sys.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void marker_path(const char *shown, char *path, size_t size)
{
	snprintf(path, size, "mq/%s", shown);
}

int mq_mark(struct ipcfs_store *store, const char *shown, uint64_t ino)
{
	char path[NAME_MAX + 8], text[32];
	int dirfd = store_enter(store), fd, n;
	ssize_t rc;

	if (dirfd < 0)
		return dirfd;
	marker_path(shown, path, sizeof(path));
	n = snprintf(text, sizeof(text), "temp %llu\n", (unsigned long long)ino);
	sys_unlink_at(dirfd, path, 0); /* left over */
	fd = sys_open_beneath(dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	rc = fd < 0 ? fd : sys_pwrite_all(fd, text, (size_t)n, 0);
	sys_close(fd);
	store_leave(store, dirfd);
	return rc < 0 ? (int)rc : 0;
}

void mq_unmark(struct ipcfs_store *store, const char *shown)
{
	char path[NAME_MAX + 8];
	int dirfd = store_enter(store);

	if (dirfd < 0)
		return;
	marker_path(shown, path, sizeof(path));
	sys_unlink_at(dirfd, path, 0);
	store_leave(store, dirfd);
}

/* The inode number that the marker names; 0: there is none. */
uint64_t mq_marked(struct ipcfs_store *store, const char *shown)
{
	unsigned long long ino = 0;
	char path[NAME_MAX + 8], text[32];
	int dirfd = store_enter(store), fd;
	struct stat st;
	ssize_t n = 0;

	if (dirfd < 0)
		return 0;
	marker_path(shown, path, sizeof(path));
	fd = sys_open_beneath(dirfd, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd >= 0 && sys_fstat(fd, &st) == 0 && st.st_uid == geteuid())
		n = sys_pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "temp %llu", &ino) != 1)
		ino = 0;
	sys_close(fd);
	store_leave(store, dirfd);
	return ino;
}

static int remove_marked(void *arg, const char *shown)
{
	struct ipcfs_store *store = arg;
	uint64_t ino = mq_marked(store, shown);
	struct stat st;

	if (ino && mq_lookup(store, shown, &st) == 0 && st.st_ino == ino)
		mq_remove(store, IPCFS_MQ, shown);
	if (ino)
		mq_unmark(store, shown);
	return 0;
}

/* Those whose handles went with a killed server. */
void mq_remove_temp(struct ipcfs_store *store)
{
	const struct dirent *entry;
	DIR *stream;

	if (store_open_folder(store, "mq", &stream) < 0)
		return;
	while ((entry = readdir(stream)))
		if (entry->d_type == DT_REG)
			remove_marked(store, entry->d_name);
	closedir(stream);
}
