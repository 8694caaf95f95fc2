/* SPDX-License-Identifier: MIT
 *
 * quota.c - what one user may have, so that the others notice nothing of him. Root has no limits. Objects
 * and bytes are counted as they are made through the mount and counted anew, by a walk through
 * the store, before anybody is refused: clients of the library make and remove them as well.
 */
#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../core/mq.h"
#include "../core/object.h"

enum { BUCKETS = 256 };
#define RESCAN_NS 1000000000

struct user {
	uid_t uid;
	int64_t has[FS_Q_COUNT];
	struct user *next;
};

static struct user *users[BUCKETS];
static int64_t scanned_ns;

static struct user *user_of(uid_t uid)
{
	struct user **at = &users[uid % BUCKETS];

	while (*at && (*at)->uid != uid)
		at = &(*at)->next;
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (*at)
			(*at)->uid = uid;
	}
	return *at;
}

/* In the store, where clients of the library make and remove such, too. */
static bool is_stored(enum fs_quota what)
{
	return what <= FS_Q_BYTES || what == FS_Q_MQ;
}

static int refuse(enum fs_quota what)
{
	static const char *const names[FS_Q_COUNT] = {
		[FS_Q_OBJECTS] = "objects",
		[FS_Q_FOLDERS] = "folders",
		[FS_Q_BYTES] = "bytes in objects",
		[FS_Q_PARKED] = "waiting requests",
		[FS_Q_HANDLES] = "open files",
		[FS_Q_GATHERED] = "bytes gathered for a later close",
		[FS_Q_KEPT] = "bytes in the server's memory",
		[FS_Q_MQ] = "bytes in message queues",
		[FS_Q_PINNED] = "watched processes",
		[FS_Q_ALARMS] = "alarms",
		[FS_Q_SOCKETS] = "connections"};
	int error = what == FS_Q_MQ						  ? -EMFILE :
		    is_stored(what) || what == FS_Q_GATHERED || what == FS_Q_KEPT ? -EDQUOT :
										    -EUSERS;

	return fs_fail(error, "you have the %llu %s that the mount gives a user",
		       (unsigned long long)fs.limits[what], names[what]);
}

int fs_quota_add(uid_t uid, enum fs_quota what, int64_t n)
{
	struct user *user = user_of(uid);
	int64_t limit = (int64_t)fs.limits[what];

	if (!user)
		return -ENOMEM;
	if (n > 0 && uid != 0 && limit && user->has[what] + n > limit) {
		if (is_stored(what) && fs_now_ns() - scanned_ns > RESCAN_NS)
			fs_quota_scan();
		if (!is_stored(what) || user->has[what] + n > limit)
			return refuse(what);
	}
	user->has[what] += n;
	if (user->has[what] < 0)
		user->has[what] = 0;
	return 0;
}

int fs_quota_descriptor(int n)
{
	static unsigned descriptors;
	struct rlimit files;

	if (n > 0 && getrlimit(RLIMIT_NOFILE, &files) == 0 && descriptors >= files.rlim_cur / 2)
		return fs_fail(-ENFILE, "the server has no descriptor left for it");
	descriptors += (unsigned)n;
	return 0;
}

/* ---- the walk ---------------------------------------------------------------------------------- */

/* This walk removes what a killed server's handles were to remove, and the names of sockets, which were bound to
 * inodes of its mount. */
static bool remove_temp;

static bool count(int dirfd, const struct dirent *entry)
{
	struct user *user;
	struct stat st;

	if (fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (remove_temp && !S_ISDIR(st.st_mode) &&
	    (st.st_mode & S_ISVTX || S_ISSOCK(st.st_mode) ||
	     fs_special_is_half_made(entry->d_name))) {
		unlinkat(dirfd, entry->d_name, 0);
		return false;
	}
	user = user_of(st.st_uid);
	if (user && S_ISDIR(st.st_mode)) {
		user->has[FS_Q_FOLDERS]++;
	} else if (user) {
		user->has[FS_Q_OBJECTS]++;
		user->has[FS_Q_BYTES] += st.st_blocks * 512;
	}
	return false;
}

static int count_mq(void *arg, const char *name, bool is_folder)
{
	struct ipcfs_object *o;
	struct ipcfs_stat st;
	struct user *user;

	(void)arg;
	(void)is_folder;
	if (ipcfs_engine_mq.open(fs.store, IPCFS_MQ, name, 0, NULL, NULL, &o) < 0)
		return 0;
	user = user_of(o->owner);
	if (user && ipcfs_engine_mq.stat(o, &st) == 0)
		user->has[FS_Q_MQ] += (int64_t)mq_bytes(&st.properties);
	ipcfs_engine_mq.close(o);
	return 0;
}

void fs_quota_scan(void)
{
	for (int i = 0; i < BUCKETS; i++)
		for (struct user *user = users[i]; user; user = user->next)
			user->has[FS_Q_OBJECTS] = user->has[FS_Q_FOLDERS] = user->has[FS_Q_BYTES] =
				user->has[FS_Q_MQ] = 0;
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++)
		if (!fs_engine_of((enum ipcfs_kind)kind)->lookup)
			fs_walk(ipcfs_kind_name((enum ipcfs_kind)kind), count);
	ipcfs_engine_mq.list(fs.store, IPCFS_MQ, NULL, count_mq, NULL);
	scanned_ns = fs_now_ns();
}

int fs_quota_reserve(void *arg, struct ipcfs_object *o, uint64_t bytes)
{
	(void)arg;
	return fs_quota_add(o->owner, FS_Q_BYTES, (int64_t)bytes);
}

uint64_t fs_quota_objects(void)
{
	uint64_t n = 0;

	if (fs_now_ns() - scanned_ns > RESCAN_NS)
		fs_quota_scan();
	for (int i = 0; i < BUCKETS; i++)
		for (const struct user *user = users[i]; user; user = user->next)
			n += (uint64_t)user->has[FS_Q_OBJECTS];
	return n;
}

void fs_quota_remove_temp(void)
{
	remove_temp = true;
	fs_quota_scan();
	remove_temp = false;
}
