/* SPDX-License-Identifier: MIT
 *
 * mq_names.c - the names of POSIX message queues: as the kernel knows them and as files show them, and the mount of the
 * kernel's mqueue file system, which nobody else sees, through which they are found and listed. Where it may
 * not be mounted they can still be opened, but not listed.
 */
#include "mq.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool started;
static int root = -ENOSYS; /* the mount; -errno where it may not be */

/* ---- names ------------------------------------------------------------------------------------- */

/* Two hexadecimal digits at s that stand for a character which must not appear as it is; -1. */
static int coded(const char *s, bool first)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *high = s[0] ? strchr(digits, s[0]) : NULL;
	const char *low = high && s[1] ? strchr(digits, s[1]) : NULL;
	int c = low ? (int)((high - digits) * 16 + (low - digits)) : -1;

	return c == ',' || c == '%' || c == 0x7f || (c > 0 && c < 0x20) || (c == '.' && first) ? c :
												 -1;
}

int mq_name_show(const char *name, char *shown, size_t size)
{
	size_t n = 0;

	for (const char *s = name; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool hide = c == ',' || c < 0x20 || c == 0x7f || (c == '.' && s == name) ||
			    (c == '%' && coded(s + 1, s == name) >= 0);

		if (n + (hide ? 3 : 1) >= size)
			return -ENAMETOOLONG;
		if (hide)
			n += (size_t)snprintf(shown + n, size - n, "%%%02X", c);
		else
			shown[n++] = (char)c;
	}
	shown[n] = '\0';
	return 0;
}

/* What mq_open calls it, with its slash. */
int mq_name_real(const char *shown, char name[MQ_NAME_SIZE])
{
	size_t n = 0;

	name[n++] = '/';
	for (const char *s = shown; *s; s++) {
		int c = *s == '%' ? coded(s + 1, s == shown) : -1;

		if (n + 1 >= MQ_NAME_SIZE)
			return -ENAMETOOLONG;
		name[n++] = c >= 0 ? (char)c : *s;
		if (c >= 0)
			s += 2;
	}
	name[n] = '\0';
	return n == 1 || !strcmp(name, "/.") || !strcmp(name, "/..") || strchr(name + 1, '/') ?
		       -EINVAL :
		       0;
}

/* ---- the mount --------------------------------------------------------------------------------- */

static void start(void)
{
	if (started)
		return;
	started = true;
	root = sys_mount_mqueue();
}

bool mq_listed(void)
{
	start();
	return root >= 0;
}

void mq_unmount(void)
{
	if (started)
		sys_close(root);
	started = false;
	root = -ENOSYS;
}

/* ---- what there is ----------------------------------------------------------------------------- */

int mq_file(const char *shown, struct stat *st)
{
	char name[MQ_NAME_SIZE];
	int fd, rc = mq_name_real(shown, name);

	if (rc < 0)
		return rc == -EINVAL ? -ENOENT : rc;
	start();
	fd = root >= 0 ? sys_open_beneath(root, name + 1, O_PATH | O_NOFOLLOW, 0) :
			 mq_open_existing(name);
	if (fd < 0)
		return fd;
	rc = sys_fstat(fd, st);
	if (rc < 0)
		sys_close(fd);
	return rc < 0 ? rc : fd;
}

int mq_lookup(struct ipcfs_store *store, const char *shown, struct stat *st)
{
	int fd = mq_file(shown, st);

	if (fd < 0)
		return fd;
	sys_close(fd);
	st->st_mode = S_IFREG | (st->st_mode & 0777);
	if (mq_marked(store, shown) == st->st_ino)
		st->st_mode |= S_ISVTX;
	return 0;
}

int mq_list(struct ipcfs_store *store, enum ipcfs_kind kind, const char *folder,
	    int (*each)(void *arg, const char *name, bool is_folder), void *arg)
{
	char shown[NAME_MAX + 1];
	const struct dirent *entry;
	DIR *stream;
	int rc;

	(void)store;
	(void)kind;
	if (folder && *folder)
		return -ENOTDIR;
	start();
	if (root < 0)
		return 0;
	rc = sys_open_folder(root, ".", &stream);
	if (rc < 0)
		return rc;
	while (rc == 0 && (entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    mq_name_show(entry->d_name, shown, sizeof(shown)) == 0)
			rc = each(arg, shown, false);
	closedir(stream);
	return rc;
}
