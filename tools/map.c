/* SPDX-License-Identifier: MIT
 *
 * map.c - see map.h. One loop that waits in poll(2) alone: for input while there is room for another task, for the
 * result whose turn it is, for room where its output goes, for signals. So a signal is heard whatever is stuck, and
 * memory is bounded: no more tasks are read while as many as the window are not printed.
 */
#include "map.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIGNALS, HEAD, INPUT, OUTPUT, QUEUE, POLLED };

static int fail(struct map *m, const char *what, int error)
{
	progress_hide(&m->progress);
	return args_fail(what, "%s", strerror(error));
}

/* A worker may have said already what is wrong with the queue or the results. */
static bool is_told(struct map *m)
{
	progress_hide(&m->progress);
	return atomic_exchange(m->crew.told, true);
}

static int fail_queue(struct map *m, int error)
{
	return is_told(m) ? ARGS_FAILED : object_fail(&m->tasks.queue, error);
}

static int fail_results(struct map *m, int error)
{
	return is_told(m) ? ARGS_FAILED : results_fail(&m->tasks, error);
}

/* The queue has gone, or the results have, or the server of both. */
static int fail_gone(struct map *m)
{
	struct stat st;

	if (fstat(m->queue, &st) < 0)
		return fail_queue(m, errno);
	return st.st_nlink ? fail_results(m, EIDRM) : fail_queue(m, EIDRM);
}

/* ---- tasks ------------------------------------------------------------------------------------- */

static bool has_room(const struct map *m)
{
	return !m->full && m->put - m->done < m->window;
}

static bool wants_input(const struct map *m)
{
	return has_room(m) && !m->input.ended;
}

/* One task. 0: it has no room now, and stays in the input. */
static int put(struct map *m, const char *item, size_t len)
{
	ssize_t n;

	do
		n = write(m->queue, item, len);
	while (n < 0 && (errno == EINTR || errno == EBUSY));
	if (n < 0 && errno != EAGAIN)
		return -errno;
	m->full = n < 0;
	m->put += n > 0;
	return n > 0;
}

/* All tasks that were read and have room. */
static int feed(struct map *m)
{
	const char *item;
	ssize_t n = 0;
	int r;

	while (has_room(m) && (n = input_next(&m->input, ARGS_MESSAGE_MAX, &item)) > 0) {
		r = put(m, item, (size_t)n);
		if (r < 0)
			return fail_queue(m, -r);
		if (r == 0)
			m->input.at -= (size_t)n;
	}
	if (n < 0) {
		progress_hide(&m->progress);
		return args_fail("standard input", "item %llu is longer than %d bytes",
				 (unsigned long long)m->put + 1, (int)ARGS_MESSAGE_MAX);
	}
	if (m->input.ended && m->input.at == m->input.len)
		m->progress.total = m->put;
	return 0;
}

/* ---- results ----------------------------------------------------------------------------------- */

static int watch(struct map *m)
{
	if (m->head >= 0 || m->result.bytes || m->done == m->put)
		return 0;
	m->head = result_watch(&m->tasks, m->done);
	return m->head < 0 ? fail_results(m, -m->head) : 0;
}

/* The result whose turn it is, if it has come. */
static int collect(struct map *m)
{
	int r = m->head < 0 ? -EAGAIN : result_read(&m->tasks, m->head, &m->result);

	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return fail_results(m, -r);
	close(m->head);
	m->head = -1;
	m->printed = 0;
	r = result_remove(&m->tasks, m->done);
	return r < 0 ? fail_results(m, -r) : 0;
}

/* What the command itself could not say. */
static void tell_failure(struct map *m)
{
	const struct result *r = &m->result;
	unsigned long long number = (unsigned long long)m->done + 1;

	m->progress.failed = ++m->failed;
	if (r->end == RESULT_EXITED)
		return;
	progress_hide(&m->progress);
	if (r->end == RESULT_KILLED)
		args_fail(NULL, "item %llu: killed by signal %d (%s)", number, r->code,
			  strsignal(r->code));
	else
		args_fail(NULL, "item %llu: no worker has survived it, in %llu attempts", number,
			  (unsigned long long)r->attempt);
	progress_printed(&m->progress, STDERR_FILENO, '\n');
}

static void next(struct map *m)
{
	if (m->result.end != RESULT_EXITED || m->result.code != 0)
		tell_failure(m);
	free(m->result.bytes);
	m->result.bytes = NULL;
	m->full = false;
	m->progress.done = ++m->done;
}

/* ---- printing ---------------------------------------------------------------------------------- */

/* Where the next byte goes: standard output has its part, then standard error. */
static int goes_to(const struct map *m)
{
	return m->printed < m->result.output ? STDOUT_FILENO : STDERR_FILENO;
}

/* Of a lost task the words are ours. */
static size_t to_print(const struct map *m)
{
	return m->result.end == RESULT_LOST ? 0 : m->result.output + m->result.error;
}

/* A pipe that poll(2) says has room has it for PIPE_BUF bytes: so this does not wait. */
static int print_some(struct map *m)
{
	int fd = goes_to(m);
	size_t end = fd == STDOUT_FILENO ? m->result.output : to_print(m), len = end - m->printed;
	struct stat st;
	ssize_t n;

	progress_hide(&m->progress);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		len = len < PIPE_BUF ? len : PIPE_BUF;
	n = write(fd, m->result.bytes + m->printed, len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno == EPIPE)
		m->deaf = true;
	if (n < 0)
		return m->deaf ? ARGS_FAILED :
				 fail(m, fd == STDOUT_FILENO ? "standard output" : "standard error",
				      errno);
	if (n > 0)
		progress_printed(&m->progress, fd, m->result.bytes[m->printed + (size_t)n - 1]);
	m->printed += (size_t)n;
	return 0;
}

/* ---- the loop ---------------------------------------------------------------------------------- */

/* Waits until something can be done: which things, in p. */
static int await(struct map *m, struct pollfd p[POLLED])
{
	bool printing = m->result.bytes;

	p[SIGNALS] = (struct pollfd){.fd = m->crew.signals, .events = POLLIN};
	p[HEAD] = (struct pollfd){.fd = m->head, .events = POLLIN};
	p[INPUT] = (struct pollfd){.fd = wants_input(m) ? m->input.fd : -1, .events = POLLIN};
	/* While there is nothing to print it tells only that nobody reads any more. */
	p[OUTPUT] = (struct pollfd){.fd = printing ? goes_to(m) : STDOUT_FILENO,
				    .events = printing ? POLLOUT : 0};
	/* Else it tells only that it was removed. What still fills it, where all results are there, is done a second
	 * time. */
	p[QUEUE] = (struct pollfd){.fd = m->queue,
				   .events = m->full && m->put == m->done ? POLLOUT : 0};
	if (poll(p, POLLED, progress_due(&m->progress)) >= 0)
		return 0;
	memset(p, 0, POLLED * sizeof(*p));
	return errno == EINTR ? 0 : fail(m, "poll", errno);
}

static int handle(struct map *m, const struct pollfd p[POLLED])
{
	int r = 0;

	if (p[SIGNALS].revents)
		crew_heed(&m->crew);
	if (!m->crew.alive && !m->crew.stopping)
		r = fail(m, m->tasks.queue.path, EPIPE); /* somebody has closed it */
	else if (p[QUEUE].revents & POLLERR)
		r = fail_gone(m);
	if (p[QUEUE].revents & POLLOUT)
		m->full = false;
	if (r == 0 && p[HEAD].revents)
		r = collect(m);
	if (r == 0 && p[INPUT].revents && (r = input_fill(&m->input)) < 0)
		r = fail(m, "standard input", -r);
	if (r == 0 && m->result.bytes && to_print(m) > m->printed && p[OUTPUT].revents & POLLOUT)
		r = print_some(m);
	if (p[OUTPUT].revents & (POLLERR | POLLHUP)) {
		m->deaf = true;
		r = ARGS_FAILED;
	}
	return r;
}

static bool all_printed(const struct map *m)
{
	return m->input.ended && m->input.at == m->input.len && m->done == m->put;
}

/* Until something is wrong, or there is nothing left to do. */
static int loop(struct map *m)
{
	struct pollfd p[POLLED];
	int r = 0;

	while (r == 0 && !m->crew.stopping) {
		while (m->result.bytes && m->printed >= to_print(m))
			next(m);
		r = feed(m);
		if (r == 0 && all_printed(m))
			break;
		if (r == 0)
			r = watch(m);
		progress_show(&m->progress, false);
		if (r == 0)
			r = await(m, p);
		if (r == 0)
			r = handle(m, p);
	}
	return r;
}

int map_run(struct map *m)
{
	int r;

	m->head = -1;
	r = loop(m);
	if (!m->crew.stopping)
		crew_stop(&m->crew);
	progress_show(&m->progress, true);
	crew_join(&m->crew);
	if (r == 0 && m->crew.failed)
		r = fail_gone(m); /* the worker may have left that to us */
	free(m->result.bytes);
	free(m->input.bytes);
	return r;
}
