/* SPDX-License-Identifier: MIT
 *
 * work.c - see work.h. While it waits for a task it may be ended at once: a reader that dies has taken nothing, and what
 * it just got goes back. While a command runs, RUN_STOP is read from a descriptor.
 */
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

struct worker {
	const struct work *w;
	struct work_slot *slot;
	_Atomic bool *told;
	int queue;   /* its view `ack` */
	int signals; /* tells of RUN_STOP and RUN_KILL */
	char *text;  /* the task's, with room for a NUL */
	size_t len, room;
	struct ipcfs_item item;
};

/* ---- the queue --------------------------------------------------------------------------------- */

static _Noreturn void fail(const struct worker *w, const char *what, int error)
{
	if (!atomic_exchange(w->told, true))
		args_fail(what, "%s", strerror(error));
	_exit(WORK_FAILED);
}

/* Of the queue or the results. Who has made them for himself alone knows that they have gone, or is gone with them. */
static bool is_told(const struct worker *w, int error)
{
	return (w->w->tasks->temp && (error == EIDRM || error == ENOENT)) ||
	       atomic_exchange(w->told, true);
}

static _Noreturn void fail_queue(const struct worker *w, int error)
{
	if (!is_told(w, error))
		object_fail(&w->w->tasks->queue, error);
	_exit(WORK_FAILED);
}

static _Noreturn void fail_results(const struct worker *w, int error)
{
	if (!is_told(w, error))
		results_fail(w->w->tasks, error);
	_exit(WORK_FAILED);
}

static void allow_end(bool allowed)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, RUN_STOP);
	sigprocmask(allowed ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

/* What another does that holds the object's inner lock and is stopped, a signal: again. */
static bool passes(ssize_t n)
{
	return n < 0 && (errno == EINTR || errno == EBUSY);
}

static int grow(struct worker *w, size_t room)
{
	char *text = room < w->room ? w->text : realloc(w->text, room + 1);

	if (!text)
		return -ENOMEM;
	w->text = text;
	w->room = room > w->room ? room : w->room;
	return 0;
}

/* The rest of a message that a program of the library has put: longer than one read. */
static int read_rest(struct worker *w)
{
	ssize_t n;

	while (w->item.unread) {
		if (grow(w, w->len + w->item.unread) < 0)
			return -ENOMEM;
		n = read(w->queue, w->text + w->len, w->item.unread);
		if (n < 0 && !passes(n))
			return -errno;
		w->len += n > 0 ? (size_t)n : 0;
		if (ioctl(w->queue, IPCFS_ITEM, &w->item) < 0)
			return -errno;
	}
	return 0;
}

/* The next task. 1, 0: the queue is closed and empty, -errno. */
static int lease(struct worker *w)
{
	struct ipcfs_item before = w->item;
	ssize_t n;
	int r;

	allow_end(true);
	do
		n = read(w->queue, w->text, ARGS_MESSAGE_MAX + 4096);
	while (passes(n));
	r = n < 0 ? -errno : 0;
	allow_end(false);
	if (r < 0)
		return r;
	w->len = (size_t)n;
	if (ioctl(w->queue, IPCFS_ITEM, &w->item) < 0)
		return errno == ENODATA ? 0 : -errno;
	/* No bytes: an empty message, or the end. */
	if (n == 0 && w->item.number == before.number && w->item.attempt == before.attempt)
		return 0;
	r = read_rest(w);
	w->text[w->len] = '\0';
	return r < 0 ? r : 1;
}

/* "done" or "back". -errno. */
static int say(struct worker *w, const char *word)
{
	ssize_t n;

	do
		n = write(w->queue, word, strlen(word));
	while (passes(n));
	w->slot->running = false;
	return n < 0 ? -errno : 0;
}

static void settle(struct worker *w, const char *word)
{
	int r = say(w, word);

	if (r < 0)
		fail_queue(w, -r);
}

/* ---- the command ------------------------------------------------------------------------------- */

/* The task as a file. */
static int open_task(const struct worker *w)
{
	size_t len = w->len, at = 0;
	int fd = memfd_create("task", MFD_CLOEXEC);
	ssize_t n = 0;

	if (w->w->null && len && w->text[len - 1] == '\0')
		len--;
	for (; fd >= 0 && at < len && n >= 0; at += n > 0 ? (size_t)n : 0)
		n = write(fd, w->text + at, len - at);
	if (n < 0) {
		close(fd);
		return -1;
	}
	return fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 ? fd : -1;
}

/* In arguments and as a file's name it has no newline at its end. NULL: it cannot be that. */
static const char *cut_text(struct worker *w)
{
	size_t len = w->len;

	if (len && w->text[len - 1] == (w->w->null ? '\0' : '\n'))
		len--;
	w->text[len] = '\0';
	return strlen(w->text) == len ? w->text : NULL;
}

static int run(struct worker *w, struct result *to)
{
	struct run run = {.command = w->w->command,
			  .input = w->w->files ? -1 : open_task(w),
			  .number = w->item.number,
			  .attempt = w->item.attempt,
			  .mask = &w->w->mask,
			  .umask = w->w->umask};

	if (run.input < 0 && !w->w->files)
		return -errno;
	run.text = cut_text(w);
	if (w->w->files && !run.text)
		return run_not(to, ARGS_FAILED, "a file's name has no byte 0");
	run.file = run.text;
	return run_task(&run, w->signals, &w->slot->group, to);
}

/* ---- the result -------------------------------------------------------------------------------- */

/* One that is too large for what room there is fails its task alone. */
static void store(const struct worker *w, struct result *r)
{
	const struct tasks *t = w->w->tasks;
	int rc = result_store(t, w->item.number, r);

	if (rc == -ENOSPC || rc == -EDQUOT || rc == -EMSGSIZE || rc == -EFBIG) {
		free(r->bytes);
		if (run_not(r, 125, "its output of %zu bytes could not be stored: %s",
			    r->output + r->error, strerror(-rc)) == 0)
			rc = result_store(t, w->item.number, r);
	}
	free(r->bytes);
	if (rc < 0)
		fail_results(w, -rc);
}

int work_lost(const struct work *w, uint64_t number, uint64_t attempt, const char *dead)
{
	struct result r = {.attempt = attempt, .queue = w->tasks->id};
	int rc = run_not(&r, 0, "task %llu: no worker has survived it, in %llu attempts",
			 (unsigned long long)number, (unsigned long long)attempt);

	r.end = RESULT_LOST;
	if (dead)
		snprintf(r.dead, sizeof(r.dead), "%s", dead);
	if (rc == 0)
		rc = result_store(w->tasks, number, &r);
	free(r.bytes);
	return rc;
}

/* ---- one task ---------------------------------------------------------------------------------- */

/* Is it an attempt that is not to be made? Then what there is to say is said, and the task is done. */
static bool is_over(struct worker *w)
{
	int r = w->item.attempt > 1 ? result_is_there(w->w->tasks, w->item.number) : 0;

	/* An attempt before this one got so far, and was killed before it could say so. */
	if (r == 0 && w->item.attempt > w->w->attempts) {
		r = work_lost(w->w, w->item.number, w->item.attempt - 1, NULL);
		r = r < 0 ? r : 1;
	}
	if (r < 0)
		fail_results(w, -r);
	if (r)
		settle(w, "done");
	return r;
}

/* A failure that counts as an attempt. true: more of them may follow. */
static bool retried(struct worker *w, struct result *r)
{
	bool failed = r->end == RESULT_KILLED || r->code != 0;

	if (!w->w->retry || !failed)
		return false;
	if (w->item.attempt < w->w->attempts) {
		free(r->bytes);
		settle(w, "back");
		return true;
	}
	snprintf(r->dead, sizeof(r->dead), "%s", w->w->tasks->dead);
	return false;
}

static void do_task(struct worker *w)
{
	struct result r = {.attempt = w->item.attempt, .queue = w->w->tasks->id};
	int rc;

	w->slot->number = w->item.number;
	w->slot->attempt = w->item.attempt;
	w->slot->running = true;
	w->slot->begun++;
	if (is_over(w))
		return;
	rc = run(w, &r);
	if (rc < 0)
		fail(w, w->w->command[0], -rc);
	if (rc == RUN_STOPPED) {
		say(w, "back"); /* else its close does */
		_exit(WORK_STOPPED);
	}
	if (retried(w, &r))
		return;
	rc = r.dead[0] != '\0';
	store(w, &r);
	settle(w, rc ? "back" : "done");
}

/* ---- a worker ---------------------------------------------------------------------------------- */

static void open_all(struct worker *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, RUN_STOP);
	sigaddset(&set, RUN_KILL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals < 0 || grow(w, ARGS_MESSAGE_MAX + 4096) < 0)
		fail(w, "worker", w->signals < 0 ? errno : ENOMEM);
	w->queue = tasks_open(w->w->tasks, "ack", O_RDWR, false);
	if (w->queue < 0)
		fail_queue(w, -w->queue);
}

_Noreturn void work(const struct work *work, struct work_slot *slot, _Atomic bool *told)
{
	struct worker w = {.w = work, .slot = slot, .told = told};
	int r;

	umask(0); /* results are for those for whom the queue is */
	open_all(&w);
	while ((r = lease(&w)) > 0)
		do_task(&w);
	if (r < 0)
		fail_queue(&w, -r);
	_exit(WORK_ENDED);
}
