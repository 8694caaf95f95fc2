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
 * id in its page and touches its file. watch.c hears it.
 */
#include "object.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ENROL_TRIES = 100, SWEEP_EVERY = 32, NOTED_NOWHERE = MEMBER_HOLDS + 1 };

void member_path(char path[MEMBER_PATH], uint64_t number)
{
	snprintf(path, MEMBER_PATH, "members/%016llx", (unsigned long long)number);
}

static uint64_t number_of(uint32_t random, const struct stat *st)
{
	return (uint64_t)(random >> 1) << 32 | (uint32_t)st->st_ino;
}

bool member_is_number_of(uint64_t number, const struct stat *st)
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
		page->pid_space = sys_pid_space();
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

int64_t member_register(struct ipcfs_store *store)
{
	struct store_self *self = store->self;
	uint64_t number;
	int rc = 0;

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

/* Who has rung may not have been heard yet: his page stays for the sweep of the dead. */
void member_leave(struct ipcfs_store *store)
{
	uint64_t number = LOAD(store->self->number);
	char path[MEMBER_PATH];
	int dirfd = -1;

	end_session(store);
	if (!number)
		return;
	if (LOAD(store->self->page->rings) == 0)
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
	if (rc == 0 && !member_is_number_of(number, &st))
		rc = -ENOENT;
	fd = rc < 0 ? rc : sys_open_beneath(dirfd, path, O_RDONLY | O_NOFOLLOW, 0);
	store_leave(store, dirfd);
	if (fd < 0)
		return fd != -ENOENT;
	rc = sys_ofd_locked(fd);
	sys_close(fd);
	return rc != 0;
}

__thread unsigned member_slot;

unsigned member_new_slot(void)
{
	static _Atomic unsigned threads;

	member_slot = 1 + atomic_fetch_add(&threads, 1) % MEMBER_SLOTS;
	return member_slot;
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

/* A slot is overwritten only when the count has grown by as many as there are since. That holds while one thread
 * alone stores; who comes in between says that any object may be meant (tests/model/bell.pml). */
static void note_ring(struct store_self *self, uint64_t id)
{
	struct member_page *page = self->page;
	uint64_t at;

	if (atomic_exchange(&self->ringing, 1)) {
		atomic_fetch_add(&page->rings, MEMBER_BELLS);
		return;
	}
	at = atomic_fetch_add(&page->rings, 1);
	STORE(page->bell[at % MEMBER_BELLS], id);
	STORE(self->ringing, 0);
}

void member_ring(struct ipcfs_store *store, uint64_t id)
{
	char path[MEMBER_PATH];
	int dirfd;

	note_ring(store->self, id);
	dirfd = store_enter(store);
	if (dirfd < 0)
		return; /* the server looks again within a second */
	member_path(path, LOAD(store->self->number));
	sys_touch_at(dirfd, path);
	store_leave(store, dirfd);
}
