/* SPDX-License-Identifier: MIT
 *
 * store.c - the store's folder: finding and making it, names, folders, listing. No descriptor
 * is kept (a client may call closefrom); a server keeps one.
 */
#include "object.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* clang-format off */
const struct ipcfs_kind_ops *const ipcfs_kinds[IPCFS_KIND_COUNT] = {
	[IPCFS_QUEUE] = &ipcfs_queue_ops,
	[IPCFS_SEMAPHORE] = &ipcfs_semaphore_ops,
	[IPCFS_EVENT] = &ipcfs_event_ops,
	[IPCFS_VALUE] = &ipcfs_value_ops,
	[IPCFS_ARRAY] = &ipcfs_array_ops,
	[IPCFS_LOCK] = &ipcfs_lock_ops,
	[IPCFS_CONDITION] = &ipcfs_condition_ops,
	[IPCFS_BARRIER] = &ipcfs_barrier_ops,
	[IPCFS_LIST] = &ipcfs_list_ops,
	[IPCFS_PIPE] = &ipcfs_pipe_ops,
	[IPCFS_TOPIC] = &ipcfs_topic_ops,
	[IPCFS_SIGNAL] = &ipcfs_channel_ops,
	[IPCFS_DICT] = &ipcfs_dict_ops,
	[IPCFS_MQ] = &ipcfs_mq_ops,
	[IPCFS_SOCKET] = &ipcfs_socket_ops,
};
/* clang-format on */

const char *ipcfs_kind_name(enum ipcfs_kind kind)
{
	return (unsigned)kind < IPCFS_KIND_COUNT ? ipcfs_kinds[kind]->name : NULL;
}

int ipcfs_kind_of(const char *name)
{
	for (int i = 0; i < IPCFS_KIND_COUNT; i++)
		if (!strcmp(name, ipcfs_kinds[i]->name))
			return i;
	return -1;
}

/* ---- names ---- */

static int check_bytes(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == ',')
			return -EINVAL;
	return len > IPCFS_NAME_MAX ? -ENAMETOOLONG : 0;
}

int store_check_name(const char *name, size_t len)
{
	return len == 0 || name[0] == '.' ? -EINVAL : check_bytes(name, len);
}

int store_check_key(const char *name, size_t len)
{
	if (len == 0 || memchr(name, '/', len) || (len == 1 && name[0] == '.') ||
	    (len == 2 && !memcmp(name, "..", 2)))
		return -EINVAL;
	return check_bytes(name, len);
}

int store_path(enum ipcfs_kind kind, const char *name, char *path)
{
	const char *kind_name = ipcfs_kind_name(kind), *at = name;

	if (!kind_name || !name || kind >= IPCFS_SEGMENT_COUNT)
		return -EINVAL;
	if (strlen(name) > IPCFS_PATH_MAX)
		return -ENAMETOOLONG;
	for (;;) {
		size_t len = strcspn(at, "/");
		int rc = store_check_name(at, len);

		if (rc < 0)
			return rc;
		if (!at[len])
			break;
		at += len + 1;
	}
	if (ipcfs_kinds[kind]->is_name && !ipcfs_kinds[kind]->is_name(name))
		return -EINVAL;
	snprintf(path, STORE_PATH_SIZE, "%s/%s", kind_name, name);
	return 0;
}

mode_t store_taking_mode(mode_t mode)
{
	for (int shift = 0; shift <= 6; shift += 3)
		if (!(mode & (mode_t)(02 << shift)))
			mode &= ~(mode_t)(04 << shift);
	return mode;
}

mode_t store_object_mode(enum ipcfs_kind kind, mode_t mode)
{
	mode &= 0777;
	return ipcfs_kinds[kind]->taking ? store_taking_mode(mode) : mode;
}

/* Who has the file may do anything with what is in it. So a class of users has it only if it may make and remove
 * names in the folder, too. Its owner always. */
mode_t store_file_mode(mode_t shown)
{
	mode_t mode = 0600;

	for (int shift = 0; shift <= 3 && !(shown & S_ISVTX); shift += 3)
		if ((shown >> shift & 07) == 07)
			mode |= (mode_t)(06 << shift);
	return mode;
}

gid_t store_group(int dirfd, const char *folder, gid_t gid, mode_t *bit)
{
	struct stat st;
	int fd = -1;

	*bit = 0;
	if (strchr(folder, '/')) /* the kinds' folders are everybody's */
		fd = sys_open_beneath(dirfd, folder, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return gid;
	if (sys_fstat(fd, &st) == 0 && st.st_mode & S_ISGID) {
		*bit = S_ISGID;
		gid = st.st_gid;
	}
	sys_close(fd);
	return gid;
}

/* ---- the folder ---- */

int store_enter(struct ipcfs_store *store)
{
	if (store->dirfd >= 0)
		return store->dirfd;
	return sys_open(store->dir, O_PATH | O_DIRECTORY, 0);
}

void store_leave(struct ipcfs_store *store, int fd)
{
	if (fd != store->dirfd)
		sys_close(fd);
}

const char *ipcfs_store_dir(const struct ipcfs_store *store)
{
	return store->dir;
}

static int default_dir(char *dir, size_t size)
{
	const char *env = getenv("IPCFS_STORE");
	struct stat st;

	if (env && *env)
		return snprintf(dir, size, "%s", env) < (int)size ? 0 : -ENAMETOOLONG;
	if (geteuid() == 0 || (sys_stat_at(AT_FDCWD, "/dev/shm/ipcfs", &st) == 0 &&
			       S_ISDIR(st.st_mode) && st.st_uid == 0))
		snprintf(dir, size, "/dev/shm/ipcfs");
	else
		snprintf(dir, size, "/dev/shm/ipcfs-%u", (unsigned)geteuid());
	return 0;
}

/* One folder of the store that everybody may make names in. */
static int make_shared(int dirfd, const char *name, bool ours)
{
	mode_t mode = ours ? 01777 : 0700;
	int fd, rc = sys_mkdir_at(dirfd, name, mode);

	if (rc < 0)
		return rc == -EEXIST ? 0 : rc;
	fd = sys_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	rc = fd < 0 ? fd : sys_owner(fd, geteuid(), getegid(), mode); /* the umask does not count */
	sys_close(fd);
	if (rc < 0) /* whole or not at all: the next one tries again */
		sys_unlink_at(dirfd, name, AT_REMOVEDIR);
	return rc;
}

/* Fills what is missing in the folder; only its owner does. */
static int furnish(int dirfd)
{
	int rc = make_shared(dirfd, "members", geteuid() == 0);

	for (int i = 0; rc == 0 && i < IPCFS_KIND_COUNT; i++)
		rc = make_shared(dirfd, ipcfs_kinds[i]->name, geteuid() == 0);
	return rc;
}

static int check_folder(const char *dir, uid_t *owner)
{
	struct stat st;
	int fd, rc, made;

	made = sys_mkdir_at(AT_FDCWD, dir, geteuid() == 0 ? 0755 : 0700);
	if (made < 0 && made != -EEXIST)
		return made;
	fd = sys_open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	rc = sys_is_tmpfs(fd);
	if (rc >= 0)
		rc = rc ? sys_fstat(fd, &st) : -EMEDIUMTYPE;
	if (rc == 0 && st.st_uid != 0 && st.st_uid != geteuid())
		rc = -EPERM;
	if (rc == 0 && made == 0)
		rc = sys_owner(fd, geteuid(), getegid(), geteuid() == 0 ? 0755 : 0700);
	if (rc == 0 && st.st_uid == geteuid())
		rc = furnish(fd);
	sys_close(fd);
	if (rc < 0 && made == 0)
		sys_unlink_at(AT_FDCWD, dir, AT_REMOVEDIR);
	*owner = rc == 0 ? st.st_uid : 0;
	return rc;
}

int ipcfs_store_open(const char *dir, struct ipcfs_store **out)
{
	char path[PATH_MAX];
	struct ipcfs_store *store;
	void *self;
	int rc = 0;

	if (!dir)
		rc = default_dir(path, sizeof(path));
	else if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		rc = -ENAMETOOLONG;
	if (rc < 0)
		return rc;
	store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->dirfd = store->watch_fd = store->session_fd = -1;
	rc = check_folder(path, &store->owner);
	if (rc == 0) {
		store->dir = realpath(path, NULL); /* the caller may change his folder */
		if (!store->dir)
			rc = -ENOMEM;
	}
	if (rc == 0) {
		self = mmap(NULL, SEG_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
		if (self == MAP_FAILED)
			rc = -ENOMEM;
		else
			store->self = self;
	}
	if (rc == 0)
		rc = sys_advise(store->self, SEG_PAGE, MADV_WIPEONFORK);
	if (rc < 0) {
		if (store->self)
			sys_unmap(store->self, SEG_PAGE);
		free(store->dir);
		free(store);
		return rc;
	}
	*out = store;
	return 0;
}

void ipcfs_store_close(struct ipcfs_store *store)
{
	if (!store)
		return;
	member_leave(store);
	sys_unmap(store->self, SEG_PAGE);
	member_unwatch(store);
	sys_close(store->dirfd);
	free(store->dir);
	free(store);
}

int store_open_folder(struct ipcfs_store *store, const char *path, DIR **stream)
{
	int rc, dirfd = store_enter(store);

	if (dirfd < 0)
		return dirfd;
	rc = sys_open_folder(dirfd, path, stream);
	store_leave(store, dirfd);
	return rc;
}

/* ---- folders of names ---- */

/* The path of a folder or name, and the store's folder. */
static int enter_for(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name,
		     char path[STORE_PATH_SIZE])
{
	int rc = store_path(kind, name, path);

	return rc < 0 ? rc : store_enter(store);
}

int ipcfs_mkdir(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name, mode_t mode)
{
	char path[STORE_PATH_SIZE];
	int rc, dirfd = enter_for(store, kind, name, path);

	if (dirfd < 0)
		return dirfd;
	rc = sys_mkdir_at(dirfd, path, mode);
	store_leave(store, dirfd);
	return rc;
}

int ipcfs_rmdir(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name)
{
	char path[STORE_PATH_SIZE];
	int rc, dirfd = enter_for(store, kind, name, path);

	if (dirfd < 0)
		return dirfd;
	rc = sys_unlink_at(dirfd, path, AT_REMOVEDIR);
	store_leave(store, dirfd);
	return rc;
}

static int walk(DIR *stream, int (*each)(void *arg, const char *name, bool is_folder), void *arg)
{
	const struct dirent *entry;
	struct stat st;
	int rc = 0;

	while (rc == 0 && (entry = readdir(stream))) {
		bool is_folder = entry->d_type == DT_DIR;

		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type == DT_UNKNOWN)
			is_folder = sys_stat_at(dirfd(stream), entry->d_name, &st) == 0 &&
				    S_ISDIR(st.st_mode);
		rc = each(arg, entry->d_name, is_folder);
	}
	closedir(stream);
	return rc;
}

int ipcfs_list(struct ipcfs_store *store, enum ipcfs_kind kind, const char *folder,
	       int (*each)(void *arg, const char *name, bool is_folder), void *arg)
{
	char path[STORE_PATH_SIZE];
	DIR *stream;
	int rc = 0;

	if (!ipcfs_kind_name(kind) || kind >= IPCFS_SEGMENT_COUNT)
		return -EINVAL;
	if (folder && *folder)
		rc = store_path(kind, folder, path);
	else
		snprintf(path, sizeof(path), "%s", ipcfs_kind_name(kind));
	if (rc == 0)
		rc = store_open_folder(store, path, &stream);
	return rc != 0 ? rc : walk(stream, each, arg);
}

/* ---- removal ---- */

/* Of those who would remove one name, only who has the file's lock does; it ends with his death.
 * Somebody hostile may keep that lock, so after a while it is done without. */
int store_unlink_exact(int dirfd, const char *path, int fd, bool try_only)
{
	struct stat ours, now;
	int64_t limit = sys_now_ns() + 20000000;
	int rc;

	rc = sys_fstat(fd, &ours);
	while (rc == 0 && sys_ofd_lock(fd) == -EAGAIN && !try_only && sys_now_ns() < limit)
		sched_yield();
	if (rc == 0)
		rc = sys_stat_at(dirfd, path, &now);
	if (rc == -ENOENT)
		return 0;
	if (rc != 0 || now.st_ino != ours.st_ino)
		return rc;
	rc = sys_unlink_at(dirfd, path, 0);
	return rc == -ENOENT ? 0 : rc; /* without that lock another may have been faster */
}
