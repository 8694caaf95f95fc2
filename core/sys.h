/* SPDX-License-Identifier: MIT
 *
 * sys.h - every system call that core makes, each returning -errno instead of -1.
 * errno is read nowhere else. A test may install a hook that makes calls fail.
 */
#ifndef IPCFS_SYS_H
#define IPCFS_SYS_H

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Tests: called before each system call with its name; a negative errno makes it fail. */
extern int (*ipcfs_sys_fault)(const char *name);

/* Opens below dirfd: no symlinks, no mount points, no `..` out of it, never a controlling
 * terminal, never waiting (a lease on the file gives -EAGAIN). */
int sys_open_beneath(int dirfd, const char *path, int flags, mode_t mode);
/* open(2), O_CLOEXEC added. */
int sys_open(const char *path, int flags, mode_t mode);
void sys_close(int fd);
/* Begins to read a folder below dirfd, opened as by sys_open_beneath. closedir() it. */
int sys_open_folder(int dirfd, const char *path, DIR **stream);
/* Those with dirfd follow no symlink, neither at the end of the path nor on the way below dirfd. */
int sys_stat_at(int dirfd, const char *path, struct stat *st);
int sys_may_write(int dirfd, const char *folder); /* 0, or -EACCES: with our effective ids */
int sys_fstat(int fd, struct stat *st);
/* 1 when the descriptor is in a tmpfs, else 0. */
int sys_is_tmpfs(int fd);
int sys_link_fd(int fd, int dirfd, const char *path); /* -EEXIST as linkat(2) */
int sys_unlink_at(int dirfd, const char *path, int flags);
int sys_touch_at(int dirfd, const char *path);			 /* sets its times to now */
int sys_rename_new(int dirfd, const char *from, const char *to); /* never replaces */
int sys_mkdir_at(int dirfd, const char *path, mode_t mode);
int sys_mknod_at(int dirfd, const char *path, mode_t mode);    /* no device */
int sys_owner(int fd, uid_t uid, gid_t gid, mode_t mode);      /* fchown if it differs, fchmod */
int sys_owner_path(int fd, uid_t uid, gid_t gid, mode_t mode); /* of a descriptor of O_PATH */
int sys_truncate(int fd, uint64_t size);
int sys_allocate(int fd, uint64_t offset, uint64_t len);
ssize_t sys_pwrite_all(int fd, const void *buf, size_t len, uint64_t offset);
ssize_t sys_pread(int fd, void *buf, size_t len, uint64_t offset);
int sys_map(int fd, size_t size, void **base); /* shared, read and write */
void sys_unmap(void *base, size_t size);
int sys_map_anonymous(void *at, size_t size); /* over what is there */
int sys_advise(void *base, size_t len, int advice);
/* Open-file-description lock on byte 0: take it for writing / 1 if somebody else has it, 0 if not. */
int sys_ofd_lock(int fd);
int sys_ofd_locked(int fd);
mode_t sys_umask(void);
uint64_t sys_pid_space(void);		  /* inode number of our pid namespace; 0: not known */
uint64_t sys_free_bytes(const char *dir); /* of its file system; 0 where it will not say */
int sys_random(void *buf, size_t len);
int64_t sys_now_ns(void);      /* CLOCK_MONOTONIC */
int64_t sys_realtime_ns(void); /* CLOCK_REALTIME */
int64_t sys_boottime_ns(
	void); /* CLOCK_BOOTTIME: never goes back while the machine, and so a tmpfs, lives */
/* Waits while *word == seen, until the absolute deadline. 0 woken or changed, -EINTR, -ETIMEDOUT. */
int sys_futex_wait(_Atomic uint32_t *word, uint32_t seen, int64_t deadline_ns);
int sys_futex_wake(_Atomic uint32_t *word, int n); /* how many woke */
/* The same, woken only by wake-ups of all and of one of these bits; and such a wake-up. */
int sys_futex_wait_bits(_Atomic uint32_t *word, uint32_t seen, int64_t deadline_ns, uint32_t bits);
void sys_futex_wake_bits(_Atomic uint32_t *word, uint32_t bits);

/* ---- sys_mq.c ---- */
/* The kernel's mqueue file system as a folder that is mounted nowhere; -EPERM and others where we may not. */
int sys_mount_mqueue(void);
/* mq_open(3) and the like; name with its slash, attr NULL but to create. A descriptor of the wrong way: -EACCES. */
struct mq_attr;
int sys_mq_open(const char *name, int flags, mode_t mode, struct mq_attr *attr);
int sys_mq_unlink(const char *name);
int sys_mq_attr(int fd, struct mq_attr *attr);
int sys_mq_send(int fd, const void *bytes, size_t len, unsigned prio);
ssize_t sys_mq_receive(int fd, void *bytes, size_t size, unsigned *prio);
struct epoll_event;
int sys_epoll(void);
int sys_epoll_add(int epoll, int fd, uint32_t events, void *ptr);
int sys_epoll_look(int epoll, struct epoll_event *events, int n); /* does not wait */
short sys_poll(int fd, short events);				  /* what holds now */

#endif
