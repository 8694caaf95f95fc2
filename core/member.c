/* SPDX-License-Identifier: MIT
 *
 * member.c - who is alive. Each process that works on a store has one file, members/N,
 * with an open-file-description lock. Its descriptor is closed at once: the mapping keeps
 * the lock, which therefore survives close and closefrom and ends with munmap, exec and
 * every death, and is not shared with a forked child (MADV_DONTFORK). N is never used again: 31 bits of it are
 * random, 32 are the file's inode number, so that nobody who makes the name of the dead again in the folder, which
 * is open to all, passes for them. It is kept in a page that fork wipes, so any kind of child registers anew.
 *
 * The same file is the doorbell: who wants a server to look at an object notes the object's
 * id in its page and opens and closes its file for writing; the server watches the folder with
 * inotify (IN_CLOSE_WRITE), which also tells it of each death.
 */
#include "object.h"
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MEMBER_PATH = 48, ENROL_TRIES = 100, SWEEP_EVERY = 32, NOTED_NOWHERE = MEMBER_HOLDS + 1 };

static void member_path(char path[MEMBER_PATH], uint64_t number)
{
	snprintf(path, MEMBER_PATH, "members/%016llx", (unsigned long long)number);
}

static uint64_t number_of(uint32_t random, const struct stat *st)
{
	return (uint64_t)(random >> 1) << 32 | (uint32_t)st->st_ino;
}

static bool is_number_of(uint64_t number, const struct stat *st)
{
	return (uint32_t)number == (uint32_t)st->st_ino;
}

/* Makes the locked and mapped file under a temporary name and gives it its number as a name. The mapping
 * keeps the lock, or, where `keep` is given, that descriptor does and nothing stays mapped. */
static int publish(int dirfd, uint32_t random, uint64_t *number, struct member_page **out,
		   int *keep)
{
	char temporary[MEMBER_PATH], path[MEMBER_PATH];
	struct member_page *page = NULL;
	struct stat st;
	void *base;
	int fd, rc;

	snprintf(temporary, sizeof(temporary), "members/.new-%08x", random);
	fd = sys_open_beneath(dirfd, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
	if (fd < 0)
		return fd;
	rc = sys_fstat(fd, &st);
	if (rc == 0) {
		*number = number_of(random, &st);
		member_path(path, *number);
		rc = *number ? sys_ofd_lock(fd) : -EEXIST;
	}
	if (rc == 0)
		rc = sys_allocate(fd, 0, SEG_PAGE);
	if (rc == 0)
		rc = sys_owner(fd, geteuid(), getegid(), 0644);
	if (rc == 0)
		rc = sys_map(fd, SEG_PAGE, &base);
	if (rc == 0) {
		page = base;
		page->magic = SEG_MAGIC;
		page->number = *number;
		page->pid = getpid();
		page->uid = geteuid();
		rc = sys_advise(page, SEG_PAGE, MADV_DONTFORK);
	}
	if (rc == 0)
		rc = sys_rename_new(dirfd, temporary, path);
	if (page && (rc < 0 || keep)) {
		sys_unmap(page, SEG_PAGE);
		page = NULL;
	}
	if (rc == 0 && keep)
		*keep = fd;
	else
		sys_close(fd);
	if (rc < 0) {
		sys_unlink_at(dirfd, temporary, 0);
		return rc;
	}
	*out = page;
	return 0;
}

/* A number that nobody has had, published. A sweep may take the file away before it is locked: then again. */
static int publish_new(int dirfd, uint64_t *number, struct member_page **out, int *keep)
{
	uint32_t random;
	int rc = -EEXIST;

	for (int i = 0; i < ENROL_TRIES && (rc == -EEXIST || rc == -ENOENT); i++) {
		rc = sys_random(&random, sizeof(random));
		if (rc == 0)
			rc = publish(dirfd, random, number, out, keep);
	}
	return rc;
}

static int enrol(struct ipcfs_store *store)
{
	struct member_page *page = NULL;
	uint64_t number;
	int dirfd, rc;

	dirfd = store_enter(store);
	if (dirfd < 0)
		return dirfd;
	rc = publish_new(dirfd, &number, &page, NULL);
	store_leave(store, dirfd);
	if (rc < 0)
		return rc;
	seg_reset_locks(store);
	store->self->page = page;
	STORE(store->self->number, number);
	if ((number >> 32) % SWEEP_EVERY == 0)
		member_sweep(store); /* where no server runs, nobody else does */
	return 0;
}

int64_t member_self(struct ipcfs_store *store)
{
	struct store_self *self = store->self;
	uint64_t number = LOAD(self->number);
	int rc = 0;

	if (__builtin_expect(number != 0, 1))
		return (int64_t)number;
	while (atomic_exchange(&self->busy, 1)) /* another thread; a fork wipes this too */
		sched_yield();
	if (!LOAD(self->number))
		rc = enrol(store);
	number = LOAD(self->number);
	STORE(self->busy, 0);
	return rc < 0 ? rc : (int64_t)number;
}

int member_session(struct ipcfs_store *store)
{
	struct member_page *none;
	int dirfd = store_enter(store), rc;

	if (dirfd < 0)
		return dirfd;
	rc = publish_new(dirfd, &store->session, &none, &store->session_fd);
	store_leave(store, dirfd);
	if (rc < 0)
		store->session = 0;
	return rc;
}

static void end_session(struct ipcfs_store *store)
{
	char path[MEMBER_PATH];
	int dirfd = store->session ? store_enter(store) : -1;

	if (dirfd >= 0) {
		member_path(path, store->session);
		sys_unlink_at(dirfd, path, 0);
		store_leave(store, dirfd);
	}
	sys_close(store->session_fd);
	store->session_fd = -1;
	store->session = 0;
}

void member_leave(struct ipcfs_store *store)
{
	uint64_t number = LOAD(store->self->number);
	char path[MEMBER_PATH];
	int dirfd;

	end_session(store);
	if (!number)
		return;
	dirfd = store_enter(store);
	if (dirfd >= 0) {
		member_path(path, number);
		sys_unlink_at(dirfd, path, 0);
		store_leave(store, dirfd);
	}
	sys_unmap(store->self->page, SEG_PAGE);
	STORE(store->self->number, 0);
}

/* No file, another's, or nobody has it locked: dead. When the kernel will not say: alive. */
bool member_alive(struct ipcfs_store *store, uint64_t number)
{
	char path[MEMBER_PATH];
	struct stat st;
	int dirfd, fd, rc;

	dirfd = store_enter(store);
	if (dirfd < 0)
		return true;
	member_path(path, number);
	rc = sys_stat_at(dirfd, path, &st);
	if (rc == 0 && !is_number_of(number, &st))
		rc = -ENOENT;
	fd = rc < 0 ? rc : sys_open_beneath(dirfd, path, O_RDONLY | O_NOFOLLOW, 0);
	store_leave(store, dirfd);
	if (fd < 0)
		return fd != -ENOENT;
	rc = sys_ofd_locked(fd);
	sys_close(fd);
	return rc != 0;
}

_Atomic uint64_t *member_work(struct ipcfs_store *store)
{
	static _Atomic unsigned threads;
	static __thread unsigned slot;

	if (__builtin_expect(!slot, 0))
		slot = 1 + atomic_fetch_add(&threads, 1) % MEMBER_SLOTS;
	return &store->self->page->work[slot - 1];
}

void member_note(struct ipcfs_object *o)
{
	struct member_page *page = o->store->self->page;

	if (o->noted)
		return;
	for (unsigned i = 0; i < MEMBER_HOLDS; i++) {
		uint64_t none = 0;

		if (atomic_compare_exchange_strong(&page->holds[i], &none, o->id)) {
			o->noted = i + 1;
			return;
		}
	}
	o->noted = NOTED_NOWHERE;
	STORE(page->many, 1);
}

void member_unnote(struct ipcfs_object *o)
{
	if (o->noted && o->noted != NOTED_NOWHERE && LOAD(o->store->self->number))
		STORE(o->store->self->page->holds[o->noted - 1], 0);
	o->noted = 0;
}

void member_ring(struct ipcfs_store *store, uint64_t id)
{
	struct member_page *page = store->self->page;
	uint64_t at = atomic_fetch_add(&page->rings, 1);
	char path[MEMBER_PATH];
	int dirfd, fd;

	STORE(page->bell[at % MEMBER_BELLS], id);
	dirfd = store_enter(store);
	if (dirfd < 0)
		return; /* the server looks again within a second */
	member_path(path, LOAD(store->self->number));
	fd = sys_open_beneath(dirfd, path, O_WRONLY | O_NOFOLLOW, 0);
	sys_close(fd);
	store_leave(store, dirfd);
}

/* ---- the server's side ---- */

static void tell_work(struct ipcfs_store *store, const struct member_page *page)
{
	for (int i = 0; i < MEMBER_SLOTS; i++)
		if (page->work[i])
			store->changed(store->watch_arg, page->work[i]);
	for (int i = 0; i < MEMBER_HOLDS; i++) {
		if (!page->holds[i])
			continue;
		store->changed(store->watch_arg, page->holds[i]);
		if (store->died)
			store->died(store->watch_arg, page->holds[i]);
	}
	if (page->many)
		store->changed(store->watch_arg, 0);
}

/* Who is no server has taken the page away from one that may not have read it yet. One ring more than
 * there are slots says all. */
static void ring_work(struct ipcfs_store *store, const struct member_page *page)
{
	int left = MEMBER_BELLS + 1;

	for (int i = 0; i < MEMBER_SLOTS && left; i++)
		if (page->work[i] && left--)
			member_ring(store, page->work[i]);
	for (int i = 0; i < MEMBER_HOLDS && left; i++)
		if (page->holds[i] && left--)
			member_ring(store, page->holds[i]);
}

/* The dead: whatever it was working on, or held, is named, then its file goes. */
static void bury(struct ipcfs_store *store, int dirfd, const char *path, int fd)
{
	struct member_page page;

	store->deaths++;
	if (sys_pread(fd, &page, sizeof(page), 0) != (ssize_t)sizeof(page))
		memset(&page, 0, sizeof(page));
	if (store->changed)
		tell_work(store, &page);
	if (sys_unlink_at(dirfd, path, 0) == 0 && !store->server)
		ring_work(store, &page);
}

/* Ids stay in their slots, so one may be named again, which does no harm. More rings than slots since
 * the last look, as far as it is remembered: any object may have been meant. */
static void answer_bell(struct ipcfs_store *store, int fd)
{
	struct member_page page;
	struct member_rings *last;

	if (sys_pread(fd, &page, offsetof(struct member_page, work), 0) <
	    (ssize_t)offsetof(struct member_page, work))
		return;
	last = &store->rings[page.number % MEMBER_REMEMBERED];
	if (last->number != page.number)
		*last = (struct member_rings){.number = page.number};
	if (page.rings - last->rings > MEMBER_BELLS)
		store->changed(store->watch_arg, 0);
	last->rings = page.rings;
	for (int i = 0; i < MEMBER_BELLS; i++)
		if (page.bell[i])
			store->changed(store->watch_arg, page.bell[i]);
}

static void member_event(struct ipcfs_store *store, const char *name)
{
	char path[NAME_MAX + 16];
	int dirfd, fd, locked;

	dirfd = store_enter(store);
	if (dirfd < 0)
		return;
	snprintf(path, sizeof(path), "members/%s", name);
	fd = sys_open_beneath(dirfd, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd >= 0) {
		locked = sys_ofd_locked(fd);
		if (locked > 0 && store->changed)
			answer_bell(store, fd);
		else if (locked == 0)
			bury(store, dirfd, path, fd);
		sys_close(fd);
	}
	store_leave(store, dirfd);
}

int member_watch(struct ipcfs_store *store, void (*changed)(void *arg, uint64_t id), void *arg)
{
	char path[PATH_MAX];
	int wd;

	store->changed = changed;
	store->watch_arg = arg;
	store->rings = calloc(MEMBER_REMEMBERED, sizeof(*store->rings));
	if (!store->rings)
		return -ENOMEM;
	store->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (store->watch_fd < 0)
		return -errno;
	if (snprintf(path, sizeof(path), "%s/members", store->dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	wd = inotify_add_watch(store->watch_fd, path, IN_CLOSE_WRITE | IN_ONLYDIR);
	if (wd < 0)
		return -errno;
	store->watch_wd = wd;
	return store->watch_fd;
}

void member_dispatch(struct ipcfs_store *store)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(store->watch_fd, buf, sizeof(buf));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const void *)(buf + at);

		if (event->mask & IN_Q_OVERFLOW) {
			store->deaths++; /* or more, or none */
			store->changed(store->watch_arg, 0);
		} else if (event->wd == store->watch_wd && event->len)
			member_event(store, event->name);
		else if (event->len && store->names)
			store->names(store->watch_arg, event->wd, event->name);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
}

void member_sweep(struct ipcfs_store *store)
{
	struct dirent *entry;
	DIR *stream;
	int fd, dirfd = store_enter(store);

	if (dirfd < 0)
		return;
	fd = sys_open_beneath(dirfd, "members", O_RDONLY | O_DIRECTORY, 0);
	store_leave(store, dirfd);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		sys_close(fd);
		return;
	}
	while ((entry = readdir(stream)))
		if (entry->d_type == DT_REG)
			member_event(store, entry->d_name);
	closedir(stream);
}
