/* SPDX-License-Identifier: MIT
 *
 * cmd_worker.c - `ipcfs worker`: a crew that works for a queue until that is closed and empty, or a signal stops it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "commands.h"
#include "crew.h"

static const char usage[] =
	"usage: ipcfs worker [OPTION]... QUEUE [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"Runs COMMAND for each message of a queue, and stores in the file\n"
	"dicts/NAME-results/NUMBER below the mount what it printed, its exit status, and\n"
	"which attempt it was; `ipcfs result` waits for that. A task is done only then: one\n"
	"whose worker is killed is given to another. QUEUE is made if it is not there.\n"
	"\n"
	"COMMAND has the task on standard input, and in place of each {} of its arguments\n"
	"without its last newline; and in its environment IPCFS_TASK, the task's number,\n"
	"and IPCFS_ATTEMPT. Each runs in a process group of its own.\n"
	"\n"
	"  -j N, --jobs N   so many side by side (1)\n"
	"  --retry          a command that fails gives its task back, until its attempts\n"
	"                   are over; else a failure is a result\n"
	"  --attempts N     so many workers may be killed by one task, or, with --retry,\n"
	"                   fail it, before its result is that (5); a queue with the\n"
	"                   property attempts= has its own number\n"
	"  --mount DIR      the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"It ends when the queue is closed and nothing is left in it (`ipcfs close`). HUP,\n"
	"INT, QUIT and TERM end the commands that run, by TERM and after 5 seconds, or at\n"
	"the second signal, by KILL; their tasks go back.\n"
	"Exit status: 0 all is done, 1 failed, 2 wrong usage; of a signal it dies.\n"
	"  ipcfs worker queues/photos -j 4 -- convert {} -resize 50% {}.small.jpg\n";

/* The tasks' properties, and the dict for the results. */
static int prepare(struct tasks *t, struct work *w)
{
	int fd = tasks_open(t, "ack", O_RDWR, true), r;

	if (fd < 0)
		return object_fail(&t->queue, -fd);
	close(fd);
	r = tasks_look(t);
	if (r < 0)
		return object_fail(&t->queue, -r);
	if (t->attempts)
		w->attempts = t->attempts;
	r = tasks_make_results(t);
	return r < 0 ? results_fail(t, -r) : 0;
}

static int run(const struct args *a, const char *name, struct work *w, unsigned jobs)
{
	struct crew c;
	int r;

	r = tasks_find(a, name, w->tasks);
	if (r == 0)
		r = prepare(w->tasks, w);
	if (r == 0)
		r = crew_start(&c, w, jobs);
	if (r)
		return r;
	crew_join(&c);
	return c.stopped_by ? child_end(c.stopped_by) : c.failed;
}

static int option(struct work *w, int c, uint64_t *jobs)
{
	switch (c) {
	case 'j':
		return args_count("-j", optarg, CREW_MAX, jobs);
	case 'a':
		return args_count("--attempts", optarg, IPCFS_ATTEMPTS_MAX, &w->attempts);
	default:
		w->retry = true;
		return 0;
	}
}

/* Options stand before and behind QUEUE. */
static int parse(struct args *a, int argc, char **argv, struct work *w, uint64_t *jobs,
		 const char **name)
{
	int c, r;

	for (*name = NULL;; *name = argv[optind++]) {
		while ((c = args_next(a, argc, argv)) != -1)
			if (c == 0 || (r = option(w, c, jobs)))
				return c == 0 ? -1 : r;
		if (*name)
			break;
		if (optind == argc)
			return args_usage("which queue?");
	}
	w->command = argv + optind;
	return optind == argc ? args_usage("which command shall be run?") : 0;
}

int cmd_worker(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP},
					      {ARGS_MOUNT},
					      {"jobs", required_argument, NULL, 'j'},
					      {"attempts", required_argument, NULL, 'a'},
					      {"retry", no_argument, NULL, 'r'},
					      {ARGS_END}};
	struct args a = {.help = usage, .shorts = "+:j:", .longs = longs};
	struct tasks t = {.attempts = 0};
	struct work w = {.tasks = &t, .attempts = WORK_ATTEMPTS};
	uint64_t jobs = 1;
	const char *name;
	int r = parse(&a, argc, argv, &w, &jobs, &name);

	if (r)
		return r < 0 ? a.status : r;
	return run(&a, name, &w, (unsigned)jobs);
}
