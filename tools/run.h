/* SPDX-License-Identifier: MIT
 *
 * run.h - one command that is run for one task, in a process group of its own, with its output kept.
 */
#ifndef RUN_H
#define RUN_H

#include <signal.h>
#include <sys/types.h>

#include "tasks.h"

/* What its command gets. */
struct run {
	char *const *command; /* each {} in its arguments becomes `text` */
	const char *text;     /* ends with a NUL; NULL: it has a NUL in it */
	int input;	      /* standard input, closed by run_task; -1: the file is that */
	const char *file; /* opened by the command's process: that may wait, and then be ended */
	uint64_t number, attempt;
	const sigset_t *mask; /* signal mask and umask of the command */
	mode_t umask;
};

enum { RUN_ENDED, RUN_STOPPED };

/* Signals to the process that runs it. */
enum { RUN_STOP = SIGTERM, RUN_KILL = SIGUSR1 };

/* run_task: runs it. RUN_STOP and RUN_KILL must be blocked, and are read from `signals`: the command is sent SIGTERM and,
 * after some seconds, SIGKILL; or that at once. *group is its process group until it has ended,
 * for others to see. RUN_ENDED: `to` has end, code, output and error. RUN_STOPPED: what it did does not count.
 * -errno: it could not be run. */
int run_task(const struct run *run, int signals, volatile pid_t *group, struct result *to);

/* The result of a command that has not been run: status and words, in place of its standard error. -ENOMEM. */
int run_not(struct result *to, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
