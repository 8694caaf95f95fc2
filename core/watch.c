/* SPDX-License-Identifier: MIT
 *
 * watch.c - what a server hears of the members, by an inotify watch of their folder: a file that is touched
 * (IN_ATTRIB) is a bell that was rung; one that was open for writing and is closed (IN_CLOSE_WRITE) is a death,
 * since a member has no descriptor of its file, only a mapping. But the kernel tells that a file is closed a
 * moment before it gives up its lock. So whoever still seems to live then is looked at again, a few times within
 * 100 ms.
 */
#include "object.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	REMEMBERED = 1024, /* members whose rings a server counts */
	DOUBTED = 64,	   /* members to look at again; more: all are looked at */
	LOOKS = 4,	   /* at each of them: after 1, 4, 16 and 64 ms */
};

/* What a server knows of the members. */
struct member_watcher {
	int epoll_fd, again_fd, wd;
	/* How often a member had rung when it was last looked at. */
	struct {
		uint64_t number, rings;
	} last[REMEMBERED];
	struct {
		uint64_t number;
		int looks;
	} doubted[DOUBTED];
	int doubts;
	bool all, ticking;
};

/* Ids stay in their slots, so one may be named again, which does no harm. As many rings as slots since
 * the last look, as far as it is remembered: any object may have been meant. rings: the count after the page was
 * read, as slots may have been overwritten meanwhile. */
static void name_bells(struct ipcfs_store *store, const struct member_page *page, uint64_t rings,
		       uint64_t number)
{
	uint64_t *last_number = &store->watcher->last[number % REMEMBERED].number;
	uint64_t *last_rings = &store->watcher->last[number % REMEMBERED].rings;

	if (*last_number != number)
		*last_rings = 0;
	if (rings - *last_rings >= MEMBER_BELLS)
		store->changed(store->watch_arg, 0);
	*last_number = number;
	*last_rings = page->rings;
	for (int i = 0; i < MEMBER_BELLS; i++)
		if (page->bell[i])
			store->changed(store->watch_arg, page->bell[i]);
}

static void name_work(struct ipcfs_store *store, const struct member_page *page)
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

/* Who is no server takes the page away from one that may not have read it yet. As many rings as
 * there are slots say all. */
static void ring_work(struct ipcfs_store *store, const struct member_page *page)
{
	int left = MEMBER_BELLS;

	for (int i = 0; i < MEMBER_SLOTS && left; i++)
		if (page->work[i] && left--)
			member_ring(store, page->work[i]);
	for (int i = 0; i < MEMBER_HOLDS && left; i++)
		if (page->holds[i] && left--)
			member_ring(store, page->holds[i]);
}

/* The dead: what it rang for, maybe a moment ago, whatever it was working on, or held, is named; then its file goes. */
static void bury(struct ipcfs_store *store, int dirfd, const char *path, int fd, uint64_t number)
{
	struct member_page page;

	if (sys_pread(fd, &page, sizeof(page), 0) != (ssize_t)sizeof(page))
		memset(&page, 0, sizeof(page));
	if (store->watcher) {
		name_bells(store, &page, page.rings, number);
		name_work(store, &page);
	}
	if (sys_unlink_at(dirfd, path, 0) == 0 && !store->server)
		ring_work(store, &page);
}

static void answer_bell(struct ipcfs_store *store, int fd, uint64_t number)
{
	struct member_page page;
	uint64_t rings;

	if (sys_pread(fd, &page, sizeof(page), 0) == (ssize_t)sizeof(page) &&
	    sys_pread(fd, &rings, sizeof(rings), offsetof(struct member_page, rings)) ==
		    (ssize_t)sizeof(rings))
		name_bells(store, &page, rings, number);
}

/* Answers a member's bell, or buries it. Whether it seems to live. */
static bool look(struct ipcfs_store *store, const char *name)
{
	uint64_t number = strtoull(name, NULL, 16);
	char path[NAME_MAX + 16];
	int dirfd, fd, locked = 0;

	dirfd = store_enter(store);
	if (dirfd < 0)
		return false;
	snprintf(path, sizeof(path), "members/%s", name);
	fd = sys_open_beneath(dirfd, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd >= 0) {
		locked = sys_ofd_locked(fd);
		if (locked > 0 && store->watcher)
			answer_bell(store, fd, number);
		else if (locked == 0)
			bury(store, dirfd, path, fd, number);
		sys_close(fd);
	}
	if (locked == 0)
		store->deaths++; /* whoever has removed the file */
	store_leave(store, dirfd);
	return locked != 0;
}

/* ---- those who may be dying ---- */

static void tick(struct member_watcher *w, int looks)
{
	struct itimerspec in = {.it_value.tv_nsec = 1000000l << 2 * looks};

	if (!w->ticking)
		w->ticking = timerfd_settime(w->again_fd, 0, &in, NULL) == 0;
}

static void doubt(struct member_watcher *w, uint64_t number)
{
	int i = 0;

	while (i < w->doubts && w->doubted[i].number != number)
		i++;
	w->all = w->all || i == DOUBTED;
	if (i < DOUBTED) {
		w->doubted[i].number = number;
		w->doubted[i].looks = 0;
		w->doubts += i == w->doubts;
	}
	tick(w, 0);
}

static void look_again(struct ipcfs_store *store)
{
	struct member_watcher *w = store->watcher;
	int kept = 0, least = LOOKS;
	char path[MEMBER_PATH];
	uint64_t ticks;

	if (read(w->again_fd, &ticks, sizeof(ticks)) < 0)
		return;
	w->ticking = false;
	for (int i = 0; i < w->doubts; i++) {
		int looks = ++w->doubted[i].looks;

		member_path(path, w->doubted[i].number);
		if (!look(store, strchr(path, '/') + 1) || looks == LOOKS)
			continue;
		least = looks < least ? looks : least;
		w->doubted[kept++] = w->doubted[i];
	}
	w->doubts = kept;
	if (w->all)
		member_sweep(store);
	w->all = false;
	if (kept)
		tick(w, least);
}

/* ---- what is told ---- */

int member_watch(struct ipcfs_store *store, void (*changed)(void *arg, uint64_t id), void *arg)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct member_watcher *w = calloc(1, sizeof(*w));
	char path[PATH_MAX];

	if (!w)
		return -ENOMEM;
	w->again_fd = w->epoll_fd = -1;
	store->watcher = w;
	store->changed = changed;
	store->watch_arg = arg;
	if (snprintf(path, sizeof(path), "%s/members", store->dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	store->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w->again_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (store->watch_fd < 0 || w->again_fd < 0 || w->epoll_fd < 0)
		return -errno;
	w->wd = inotify_add_watch(store->watch_fd, path, IN_ATTRIB | IN_CLOSE_WRITE | IN_ONLYDIR);
	if (w->wd < 0 || epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, store->watch_fd, &event) < 0 ||
	    epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->again_fd, &event) < 0)
		return -errno;
	return w->epoll_fd;
}

void member_unwatch(struct ipcfs_store *store)
{
	struct member_watcher *w = store->watcher;

	sys_close(store->watch_fd);
	store->watch_fd = -1;
	if (w) {
		sys_close(w->again_fd);
		sys_close(w->epoll_fd);
	}
	free(w);
	store->watcher = NULL;
}

static void told(struct ipcfs_store *store, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW) {
		store->changed(store->watch_arg, 0);
		store->watcher->all = true; /* who died is not told either */
		tick(store->watcher, 0);
	} else if (event->wd == store->watcher->wd && event->len) {
		if (look(store, event->name) && event->mask & IN_CLOSE_WRITE)
			doubt(store->watcher, strtoull(event->name, NULL, 16));
	} else if (event->len && store->names) {
		store->names(store->watch_arg, event->wd, event->name);
	}
}

void member_dispatch(struct ipcfs_store *store)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(store->watch_fd, buf, sizeof(buf));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event = (const void *)(buf + at);

		told(store, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	look_again(store);
}

void member_sweep(struct ipcfs_store *store)
{
	struct dirent *entry;
	DIR *stream;

	if (store_open_folder(store, "members", &stream) < 0)
		return;
	while ((entry = readdir(stream)))
		if (entry->d_type == DT_REG)
			look(store, entry->d_name);
	closedir(stream);
}
