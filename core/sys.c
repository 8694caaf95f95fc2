/* SPDX-License-Identifier: MIT
 *
 * sys.c - see sys.h. One function a system call; nothing is decided here. Those of message queues: sys_mq.c.
 */
#include "sys_call.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

int (*ipcfs_sys_fault)(const char *name);

int sys_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC |
					      (flags & O_PATH ? 0 : O_NONBLOCK | O_NOCTTY)),
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int r;

	FAULT("open");
	do
#ifdef IPCFS_VALGRIND /* which does not know openat2 */
		r = result(UNCANCELLED(
			openat(dirfd, path, (int)how.flags | O_NOFOLLOW, (mode_t)how.mode)));
#else
		r = result(syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
#endif
	while (r == -EINTR);
	return r;
}

/* Where the last component of the path is, reached without symlinks: a descriptor to give to done_with, and
 * *last. The first folder below dirfd is taken as it is: nobody but the store's owner can change it. */
static int parent_of(int dirfd, const char *path, const char **last)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	*last = path;
	if (dirfd == AT_FDCWD || !slash || slash == strchr(path, '/'))
		return dirfd;
	if (slash - path >= (ptrdiff_t)sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	*last = slash + 1;
	return sys_open_beneath(dirfd, folder, O_PATH | O_DIRECTORY, 0);
}

static int done_with(int at, int dirfd, int r)
{
	if (at != dirfd)
		sys_close(at);
	return r;
}

int sys_may_write(int dirfd, const char *folder)
{
	const char *last;
	int at = parent_of(dirfd, folder, &last);

	if (at < 0 && at != AT_FDCWD)
		return at;
	return done_with(at, dirfd, result(faccessat(at, last, W_OK | X_OK, AT_EACCESS)));
}

int sys_open(const char *path, int flags, mode_t mode)
{
	FAULT("open");
	return result(UNCANCELLED(open(path, flags | O_CLOEXEC, mode)));
}

void sys_close(int fd)
{
	if (fd >= 0)
		UNCANCELLED(close(fd));
}

int sys_stat_at(int dirfd, const char *path, struct stat *st)
{
	const char *last;
	int at;

	FAULT("stat");
	at = parent_of(dirfd, path, &last);
	if (at < 0 && at != AT_FDCWD)
		return at;
	return done_with(at, dirfd, result(fstatat(at, last, st, AT_SYMLINK_NOFOLLOW)));
}

int sys_open_folder(int dirfd, const char *path, DIR **stream)
{
	int fd = sys_open_beneath(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd;
	*stream = fdopendir(fd);
	if (*stream)
		return 0;
	sys_close(fd);
	return -ENOMEM;
}

int sys_fstat(int fd, struct stat *st)
{
	FAULT("fstat");
	return result(fstat(fd, st));
}

int sys_is_tmpfs(int fd)
{
	struct statfs fs;

	FAULT("statfs");
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == TMPFS_MAGIC;
}

int sys_link_fd(int fd, int dirfd, const char *path)
{
	const char *last;
	char self[40];
	int at, r;

	FAULT("link");
	at = parent_of(dirfd, path, &last);
	if (at < 0)
		return at;
	r = result(linkat(fd, "", at, last, AT_EMPTY_PATH));
	if (r == -ENOENT || r == -EINVAL) { /* before 6.10 that wants a capability */
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		r = result(linkat(AT_FDCWD, self, at, last, AT_SYMLINK_FOLLOW));
	}
	return done_with(at, dirfd, r);
}

int sys_unlink_at(int dirfd, const char *path, int flags)
{
	const char *last;
	int at;

	FAULT("unlink");
	at = parent_of(dirfd, path, &last);
	if (at < 0 && at != AT_FDCWD)
		return at;
	return done_with(at, dirfd, result(unlinkat(at, last, flags)));
}

int sys_touch_at(int dirfd, const char *path)
{
	const char *last;
	int at;

	FAULT("utime");
	at = parent_of(dirfd, path, &last);
	if (at < 0 && at != AT_FDCWD)
		return at;
	return done_with(at, dirfd, result(utimensat(at, last, NULL, AT_SYMLINK_NOFOLLOW)));
}

int sys_rename_new(int dirfd, const char *from, const char *to)
{
	const char *last_from, *last_to;
	int at_from, at_to, r;

	FAULT("rename");
	at_from = parent_of(dirfd, from, &last_from);
	if (at_from < 0)
		return at_from;
	at_to = parent_of(dirfd, to, &last_to);
	if (at_to < 0)
		return done_with(at_from, dirfd, at_to);
	r = result(renameat2(at_from, last_from, at_to, last_to, RENAME_NOREPLACE));
	return done_with(at_from, dirfd, done_with(at_to, dirfd, r));
}

int sys_mkdir_at(int dirfd, const char *path, mode_t mode)
{
	const char *last;
	int at;

	FAULT("mkdir");
	at = parent_of(dirfd, path, &last);
	if (at < 0 && at != AT_FDCWD)
		return at;
	return done_with(at, dirfd, result(mkdirat(at, last, mode)));
}

int sys_mknod_at(int dirfd, const char *path, mode_t mode)
{
	const char *last;
	int at;

	FAULT("mknod");
	at = parent_of(dirfd, path, &last);
	if (at < 0 && at != AT_FDCWD)
		return at;
	return done_with(at, dirfd, result(mknodat(at, last, mode, 0)));
}

int sys_owner(int fd, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;
	int r;

	FAULT("chown");
	r = result(fstat(fd, &st));
	if (r < 0)
		return r;
	if (st.st_uid != uid || st.st_gid != gid) {
		r = result(fchown(fd, uid, gid));
		if (r < 0)
			return r;
	}
	return result(fchmod(fd, mode));
}

int sys_owner_path(int fd, uid_t uid, gid_t gid, mode_t mode)
{
	char self[40];
	int r;

	FAULT("chown");
	r = result(fchownat(fd, "", uid, gid, AT_EMPTY_PATH));
	if (r < 0)
		return r;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return result(chmod(self, mode));
}

int sys_truncate(int fd, uint64_t size)
{
	FAULT("truncate");
	return result(ftruncate(fd, (off_t)size));
}

int sys_allocate(int fd, uint64_t offset, uint64_t len)
{
	int r;

	FAULT("allocate");
	do
		r = result(UNCANCELLED(fallocate(fd, 0, (off_t)offset, (off_t)len)));
	while (r == -EINTR);
	return r;
}

ssize_t sys_pwrite_all(int fd, const void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;

	FAULT("write");
	while (done < len) {
		ssize_t n = UNCANCELLED(
			pwrite(fd, (const char *)buf + done, len - done, (off_t)(offset + done)));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t sys_pread(int fd, void *buf, size_t len, uint64_t offset)
{
	ssize_t n;

	FAULT("read");
	do
		n = UNCANCELLED(pread(fd, buf, len, (off_t)offset));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int sys_map(int fd, size_t size, void **base)
{
	FAULT("mmap");
	*base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return *base == MAP_FAILED ? -errno : 0;
}

void sys_unmap(void *base, size_t size)
{
	munmap(base, size);
}

int sys_map_anonymous(void *at, size_t size)
{
	void *p = mmap(at, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? -errno : 0;
}

int sys_advise(void *base, size_t len, int advice)
{
	int r;

	FAULT("madvise");
	do
		r = result(madvise(base, len, advice));
	while (r == -EINTR);
	return r;
}

int sys_ofd_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};

	FAULT("lock");
	return result(fcntl(fd, F_OFD_SETLK, &lock));
}

int sys_ofd_locked(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};

	FAULT("getlk");
	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	return lock.l_type != F_UNLCK;
}

/* umask(2) can only be read by setting it, which another thread might notice: ask /proc first. */
mode_t sys_umask(void)
{
	char status[256];
	const char *at;
	unsigned mask;
	ssize_t n = -1;
	int fd = sys_open("/proc/self/status", O_RDONLY, 0);

	if (fd >= 0) {
		n = sys_pread(fd, status, sizeof(status) - 1, 0);
		sys_close(fd);
	}
	status[n > 0 ? n : 0] = '\0';
	at = strstr(status, "\nUmask:");
	if (at && sscanf(at, "\nUmask: %o", &mask) == 1)
		return mask;
	mask = umask(077);
	umask(mask);
	return mask;
}

uint64_t sys_pid_space(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) < 0 ? 0 : st.st_ino;
}

uint64_t sys_free_bytes(const char *dir)
{
	struct statfs sf;

	return statfs(dir, &sf) < 0 ? 0 : (uint64_t)sf.f_bavail * (uint64_t)sf.f_bsize;
}

int sys_random(void *buf, size_t len)
{
	FAULT("getrandom");
	return UNCANCELLED(getrandom(buf, len, 0)) == (long)len ? 0 : -EIO;
}

static int64_t now_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t sys_now_ns(void)
{
	return now_of(CLOCK_MONOTONIC);
}

int64_t sys_realtime_ns(void)
{
	return now_of(CLOCK_REALTIME);
}

int64_t sys_boottime_ns(void)
{
	return now_of(CLOCK_BOOTTIME);
}

int sys_futex_wait_bits(_Atomic uint32_t *word, uint32_t seen, int64_t deadline_ns, uint32_t bits)
{
	struct timespec ts = {
		.tv_sec = (time_t)(deadline_ns / 1000000000),
		.tv_nsec = (long)(deadline_ns % 1000000000),
	};
	/* WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC, WAIT a relative one. */
	int r = result(syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen, &ts, NULL, bits));

	return r == -EAGAIN ? 0 : r;
}

int sys_futex_wait(_Atomic uint32_t *word, uint32_t seen, int64_t deadline_ns)
{
	return sys_futex_wait_bits(word, seen, deadline_ns, FUTEX_BITSET_MATCH_ANY);
}

void sys_futex_wake_bits(_Atomic uint32_t *word, uint32_t bits)
{
	syscall(SYS_futex, word, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, bits);
}

int sys_futex_wake(_Atomic uint32_t *word, int n)
{
	int r = result(syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0));

	return r < 0 ? 0 : r;
}
