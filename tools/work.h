/* SPDX-License-Identifier: MIT
 *
 * work.h - a worker: a process that leases one task after the other, runs a command for it, stores the result, and only
 * then declares the task done. Killed at any moment it leaves a task that the next worker gets.
 */
#ifndef WORK_H
#define WORK_H

#include <signal.h>
#include <stdatomic.h>

#include "tasks.h"

enum { WORK_ATTEMPTS = 5 };

/* What all workers of one command do. */
struct work {
	struct tasks *tasks;
	char *const *command;
	uint64_t attempts; /* so many workers may be killed by one task */
	bool retry;	   /* a command that fails is a failed attempt */
	bool files; /* the task is the name of a file, which is the command's standard input */
	bool null;  /* a task ends with a NUL, which is not part of it */
	void (*in_worker)(void *arg); /* called first in each worker, or NULL */
	void *arg;
	sigset_t mask; /* signal mask and umask of the commands */
	mode_t umask;
};

/* What a worker tells the one that started it, in memory that both have. */
struct work_slot {
	pid_t pid;		/* 0: none */
	volatile pid_t group;	/* process group of the command that runs */
	_Atomic uint64_t begun; /* tasks that it has taken */
	_Atomic bool running;	/* it has one: */
	_Atomic uint64_t number, attempt;
};

/* Exit statuses of a worker. */
enum { WORK_ENDED = 0, WORK_FAILED = 1, WORK_STOPPED = 3 };

/* work: in a process that was forked for it, with all signals blocked that must not end it. RUN_STOP and RUN_KILL of run.h stop it.
 * `told`: somebody has already said what is wrong. */
_Noreturn void work(const struct work *w, struct work_slot *slot, _Atomic bool *told);

/* Stores that no worker has survived the task. dead: in which queue it is now, "" or NULL. -errno. */
int work_lost(const struct work *w, uint64_t number, uint64_t attempt, const char *dead);

#endif
