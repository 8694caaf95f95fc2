/* SPDX-License-Identifier: MIT
 *
 * cmd_result.c - `ipcfs result`: waits for a task's result as poll(2) tells of its key, and of the queue's view `join`:
 * where all tasks are done and this one has no result, it will never have one.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "tasks.h"

static const char usage[] =
	"usage: ipcfs result [OPTION]... [QUEUE] NUMBER\n"
	"Waits for the result of a task, which `ipcfs worker` stores: prints what its command\n"
	"printed, to standard output and standard error, removes the result, and ends with\n"
	"the command's exit status. NUMBER is what `ipcfs submit` has printed: tasks are\n"
	"counted from 0 in the order in which they were put. QUEUE may be left out where\n"
	"one queue alone has a task of that number.\n"
	"\n"
	"  --keep              leave the result there\n"
	"  --timeout DURATION  wait at most so long (2, 0.5, 200ms, 1m)\n"
	"  --nonblock          only look\n"
	"  --mount DIR         the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"Exit status: the command's, 128 + N if signal N killed it; 2 also wrong usage; 124\n"
	"timed out; 125 failed: there is no such task, it has no result, or no worker has\n"
	"survived it.\n"
	"  id=$(ipcfs submit queues/photos cat.jpg) && ipcfs result queues/photos \"$id\"\n";

enum { TIMED_OUT = 124, FAILED = 125, KILLED_BY = 128 };

struct wait {
	const struct args *a;
	struct tasks t;
	uint64_t number;
	bool keep;
	int key, join;
	int64_t deadline;
};

/* ---- waiting ----------------------------------------------------------------------------------- */

static int fail(const struct wait *w, const char *words)
{
	args_fail(w->t.queue.name, "task %llu %s", (unsigned long long)w->number, words);
	return FAILED;
}

static int fail_queue(const struct wait *w, int error)
{
	object_fail(&w->t.queue, error);
	return error == ETIMEDOUT || error == EAGAIN ? TIMED_OUT : FAILED;
}

static int fail_read(const struct wait *w, int error)
{
	if (error == EIDRM)
		return fail(w, "has a result that somebody else has taken");
	if (error == EBADMSG)
		return fail(w, "has no result, but something else under its number");
	results_fail(&w->t, error);
	return FAILED;
}

/* Until either may have something to tell. -ETIMEDOUT. */
static int look(const struct wait *w)
{
	struct pollfd p[] = {{.fd = w->key, .events = POLLIN}, {.fd = w->join, .events = POLLIN}};
	struct timespec ts, *limit;
	int64_t left;
	int n;

	do {
		left = args_left(w->a, w->deadline);
		ts = (struct timespec){left / 1000000000, left % 1000000000};
		limit = left < 0 ? NULL : &ts;
		n = ppoll(p, 2, limit, NULL);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : n < 0 ? -errno : w->a->timeout_ns ? -ETIMEDOUT : -EAGAIN;
}

/* Are all tasks done, or has the queue gone? */
static bool all_done(const struct wait *w)
{
	struct pollfd p = {.fd = w->join, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* Nobody will store it any more; so its key does not stay for nothing. */
static int nothing(const struct wait *w)
{
	struct stat st;
	bool removed = fstat(w->join, &st) == 0 && st.st_nlink == 0;

	result_remove(&w->t, w->number);
	return fail(w, removed ? "has no result, and its queue was removed" :
				 "is done and has no result: somebody else took it, or no "
				 "`ipcfs worker` did it");
}

/* 0: r is the result; else an exit status. */
static int await(const struct wait *w, struct result *r)
{
	bool done;
	int rc;

	for (;;) {
		done = all_done(w);
		rc = result_read(&w->t, w->key, r);
		if (rc != -EAGAIN)
			return rc == 1 ? 0 : fail_read(w, -rc);
		if (done)
			return nothing(w);
		if ((rc = look(w)) < 0)
			return fail_queue(w, -rc);
	}
}

/* ---- the result -------------------------------------------------------------------------------- */

static int exit_status(const struct result *r)
{
	return r->end == RESULT_EXITED ? r->code :
	       r->end == RESULT_KILLED ? KILLED_BY + r->code :
					 FAILED;
}

/* false: it has not come out whole, so it is not done with. */
static bool print(const struct wait *w, const struct result *r)
{
	const char *to = "standard output";
	bool printed = fwrite(r->bytes, 1, r->output, stdout) == r->output && fflush(stdout) == 0;

	if (printed) {
		to = "standard error";
		printed = fwrite(r->bytes + r->output, 1, r->error, stderr) == r->error;
	}
	if (!printed)
		args_fail(to, "%s", strerror(errno));
	else if (r->dead[0])
		args_fail(w->t.queue.name, "task %llu is in queues/%s now",
			  (unsigned long long)w->number, r->dead);
	return printed;
}

static int open_all(struct wait *w)
{
	int r = tasks_look(&w->t);

	if (r < 0)
		return fail_queue(w, -r);
	if (w->number >= w->t.put)
		return fail(w, "is not there: so many have not been put");
	w->join = tasks_open(&w->t, "join", O_RDONLY, false);
	if (w->join < 0)
		return fail_queue(w, -w->join);
	r = tasks_make_results(&w->t);
	w->key = r < 0 ? r : result_watch(&w->t, w->number);
	return w->key < 0 ? fail_read(w, -w->key) : 0;
}

static int run(struct wait *w, const char *queue)
{
	struct result r = {.bytes = NULL};
	int status = tasks_find(w->a, queue, &w->t);
	bool printed;

	umask(0); /* the result is for those for whom the queue is */
	if (status == 0)
		status = open_all(w);
	w->deadline = args_deadline(w->a);
	if (status == 0)
		status = await(w, &r);
	if (status)
		return status == ARGS_FAILED ? FAILED : status;
	printed = print(w, &r);
	if (!w->keep && printed)
		result_remove(&w->t, w->number);
	free(r.bytes);
	return printed ? exit_status(&r) : FAILED;
}

static int parse_number(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno)
		return args_usage("\"%s\" is no number of a task", text);
	return 0;
}

/* ---- which queue ------------------------------------------------------------------------------- */

/* What nftw(3) finds; one that has results comes before those that have none. */
static struct {
	const struct args *a;
	uint64_t number;
	size_t mount;			       /* bytes of paths before queues/NAME */
	char queue[PATH_MAX], other[PATH_MAX]; /* other: "", or why the first is not the one */
	bool results;
} which;

static int consider(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + which.mount;
	struct tasks t = {.put = 0};
	bool results;

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode) || tasks_find(which.a, name, &t) != 0 ||
	    tasks_look(&t) < 0 || which.number >= t.put)
		return 0;
	results = access(t.results, F_OK) == 0;
	if (which.queue[0] && which.results == results) {
		snprintf(which.other, sizeof(which.other), "%s", name);
	} else if (!which.queue[0] || results) {
		snprintf(which.queue, sizeof(which.queue), "%s", name);
		which.other[0] = '\0';
		which.results = results;
	}
	return 0;
}

/* The only queue with a task of that number. */
static int run_somewhere(struct wait *w, const char *number)
{
	struct args a = *w->a;
	struct object folder;
	int r;

	a.folders = true;
	r = object_find(&a, "queues", &folder);
	if (r)
		return r == ARGS_FAILED ? FAILED : r;
	which.a = w->a;
	which.number = w->number;
	which.mount = strlen(folder.path) - strlen("queues");
	nftw(folder.path, consider, 32, FTW_PHYS);
	if (!which.queue[0])
		return args_fail(NULL, "no queue has a task %s", number), FAILED;
	if (which.other[0])
		return args_usage("which queue? %s and %s have a task %s", which.queue, which.other,
				  number);
	return run(w, which.queue);
}

int cmd_result(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP},
					      {ARGS_MOUNT},
					      {ARGS_TIMEOUT},
					      {ARGS_NONBLOCK},
					      {"keep", no_argument, NULL, 'k'},
					      {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":", .longs = longs};
	struct wait w = {.a = &a, .key = -1, .join = -1};
	int c, r;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'k':
			w.keep = true;
			break;
		default:
			return a.status;
		}
	if (argc == optind)
		return args_usage("which task?");
	if (argc - optind > 2)
		return args_usage("one task, not also %s", argv[optind + 2]);
	r = parse_number(argv[argc - 1], &w.number);
	if (r)
		return r;
	return argc - optind == 2 ? run(&w, argv[optind]) : run_somewhere(&w, argv[optind]);
}
