/* SPDX-License-Identifier: MIT
 *
 * cmd_wait.c - `ipcfs wait`: poll(2) over the files of many objects. Nothing is read, so nothing is
 * taken. All at one moment: a round looks at each of them, and then waits for those that were not
 * ready before it looks at all again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"

static const char usage[] =
	"usage: ipcfs wait --any|--all [OPTION]... OBJECT...\n"
	"Waits until a read of any, or of all, of the objects would not wait: a queue with\n"
	"a message, a lock that is free, a semaphore with units, an event that is set.\n"
	"Takes nothing, and prints the names of those that are ready, one a line.\n"
	"\n"
	"  --any               until at least one is ready\n"
	"  --all               until all are ready at the same moment; one that was ready\n"
	"                      and no longer is, a lock that was taken say, is waited for\n"
	"                      again\n"
	"  --timeout DURATION  wait at most so long (2, 0.5, 200ms, 1m)\n"
	"  --nonblock          only look\n"
	"  --mount DIR         the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"What is ready may have been taken by another before you read: then that read\n"
	"waits. A single OBJECT needs neither --any nor --all.\n"
	"Exit status: 0 ready, 1 timed out, 2 wrong usage, or an object that cannot be\n"
	"waited for: it is not there, may not be read, has been removed.\n"
	"  ipcfs wait --any --timeout 5 queues/jobs events/stop\n"
	"  ipcfs wait --all events/disk-ready events/net-ready && start-service\n";

enum { WAIT_READY = 0, WAIT_TIMED_OUT = 1, WAIT_FAILED = 2 };

struct wait {
	const struct args *a;
	char **names;
	struct pollfd *all;  /* for each name */
	struct pollfd *late; /* the same, but asks only of those that were not ready yet */
	nfds_t count;
	int64_t deadline;
};

static bool is_ready(const struct pollfd *p)
{
	return p->revents & (POLLIN | POLLHUP);
}

static int fail(const struct wait *w, nfds_t i, int error)
{
	struct object o;

	if (object_find(w->a, w->names[i], &o) == 0)
		object_fail(&o, error);
	return WAIT_FAILED;
}

/* Of the files to look at: none is removed, and their server lives. Else WAIT_FAILED. */
static int check(const struct wait *w, const struct pollfd *polls)
{
	struct stat st;

	for (nfds_t i = 0; i < w->count; i++)
		if (polls[i].revents & (POLLERR | POLLNVAL))
			return fail(w, i, fstat(w->all[i].fd, &st) < 0 ? errno : EIDRM);
	return 0;
}

/* poll(2), for as long as is left. How many have something to tell, 0: timed out. */
static int look(const struct wait *w, struct pollfd *polls, bool may_wait)
{
	struct timespec ts = {0, 0}, *limit;
	int64_t left;
	int n;

	do {
		left = may_wait ? args_left(w->a, w->deadline) : 0;
		ts = (struct timespec){left / 1000000000, left % 1000000000};
		limit = left < 0 ? NULL : &ts;
		n = ppoll(polls, w->count, limit, NULL);
	} while (n < 0 && errno == EINTR);
	return n;
}

static int timed_out(const struct wait *w, const struct pollfd *polls)
{
	nfds_t i = 0;

	while (i + 1 < w->count && is_ready(&polls[i]))
		i++;
	args_fail(w->names[i], w->a->timeout_ns ? "timed out, it is not ready" : "it is not ready");
	return WAIT_TIMED_OUT;
}

static int cannot_poll(void)
{
	args_fail(NULL, "poll: %s", strerror(errno));
	return WAIT_FAILED;
}

static int wait_any(const struct wait *w)
{
	int n = look(w, w->all, true);

	if (n < 0)
		return cannot_poll();
	for (nfds_t i = 0; i < w->count; i++)
		if (is_ready(&w->all[i]) && !(w->all[i].revents & POLLERR))
			return WAIT_READY;
	return n == 0 ? timed_out(w, w->all) : check(w, w->all);
}

/* It has been ready: from now on only its removal is told. What poll tells without being asked is not. */
static void mute(struct pollfd *p)
{
	if (p->revents & POLLHUP)
		p->fd = -1;
	p->events = 0;
}

/* Until each of those that were not ready has been. */
static int wait_late(const struct wait *w)
{
	nfds_t missing = w->count;
	int n, r;

	memcpy(w->late, w->all, w->count * sizeof(*w->all));
	for (;;) {
		for (nfds_t i = 0; i < w->count; i++)
			if (w->late[i].events && is_ready(&w->late[i])) {
				mute(&w->late[i]);
				missing--;
			}
		if (missing == 0)
			return WAIT_READY;
		n = look(w, w->late, true);
		if (n <= 0)
			return n < 0 ? cannot_poll() : WAIT_TIMED_OUT;
		if ((r = check(w, w->late)))
			return r;
	}
}

static int wait_all(const struct wait *w)
{
	nfds_t ready;
	int r;

	for (;;) {
		if (look(w, w->all, false) < 0)
			return cannot_poll();
		if ((r = check(w, w->all)))
			return r;
		ready = 0;
		for (nfds_t i = 0; i < w->count; i++)
			ready += is_ready(&w->all[i]);
		if (ready == w->count)
			return WAIT_READY;
		if (args_left(w->a, w->deadline) == 0)
			return timed_out(w, w->all);
		r = wait_late(w);
		if (r == WAIT_FAILED)
			return r;
	}
}

/* Each object is an open file. */
static int allow_files(nfds_t count)
{
	enum { OTHERS = 16 };
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= count + OTHERS)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max >= count + OTHERS && setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return 0;
	args_fail(NULL, "%s: %lu objects, and ulimit -n is %lu", strerror(EMFILE),
		  (unsigned long)count, (unsigned long)limit.rlim_max);
	return WAIT_FAILED;
}

static int open_all(struct wait *w)
{
	struct object o;

	if (allow_files(w->count) != 0)
		return WAIT_FAILED;
	for (nfds_t i = 0; i < w->count; i++) {
		if (object_find(w->a, w->names[i], &o) != 0)
			return WAIT_FAILED;
		w->all[i].fd = open(o.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		w->all[i].events = POLLIN;
		if (w->all[i].fd < 0) {
			object_fail(&o, errno);
			return WAIT_FAILED;
		}
	}
	return 0;
}

static int print(const struct wait *w)
{
	for (nfds_t i = 0; i < w->count; i++)
		if (is_ready(&w->all[i]) && !(w->all[i].revents & POLLERR))
			puts(w->names[i]);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return WAIT_READY;
	args_fail("standard output", "%s", strerror(errno));
	return WAIT_FAILED;
}

static int run(struct wait *w, bool any)
{
	int r;

	w->all = calloc(w->count, sizeof(*w->all));
	w->late = calloc(w->count, sizeof(*w->late));
	if (!w->all || !w->late) {
		args_fail(NULL, "no memory");
		r = WAIT_FAILED;
	} else if ((r = open_all(w)) == 0) {
		w->deadline = args_deadline(w->a);
		r = any ? wait_any(w) : wait_all(w);
	}
	if (r == WAIT_READY)
		r = print(w);
	free(w->all);
	free(w->late);
	return r;
}

int cmd_wait(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP},
					      {ARGS_MOUNT},
					      {ARGS_TIMEOUT},
					      {ARGS_NONBLOCK},
					      {"any", no_argument, NULL, 'o'},
					      {"all", no_argument, NULL, 'a'},
					      {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":", .longs = longs};
	bool any = false, all = false;
	struct wait w = {.a = &a};
	int c;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'o':
			any = true;
			break;
		case 'a':
			all = true;
			break;
		default:
			return a.status;
		}
	if (optind == argc)
		return args_usage("which objects?");
	w.names = argv + optind;
	w.count = (nfds_t)(argc - optind);
	if (any == all && (any || w.count > 1))
		return args_usage("one of --any and --all");
	return run(&w, any);
}
