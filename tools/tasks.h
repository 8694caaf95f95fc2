/* SPDX-License-Identifier: MIT
 *
 * tasks.h - queues as queues of tasks: each message is one, its number in the queue (IPCFS_ITEM) is its name. What
 * became of a task is the key of that name in a dict beside the queue: dicts/NAME-results/NUMBER.
 *
 * A result is lines `key value`, an empty line, the bytes of the task's standard output, those of its standard error:
 *
 *   status 0       its exit status; or `signal 9`: it was killed; or `lost`: no worker has survived it
 *   attempt 1      the how many-th it was
 *   queue 4711     id of the queue (as in `stat`): another of the same name begins at number 0 again
 *   output 12      bytes of standard output
 *   error 0        bytes of standard error
 *   dead failed    only if the queue has moved it to its dead-letter queue: which
 *
 * A key without bytes is a result that somebody waits for.
 */
#ifndef TASKS_H
#define TASKS_H

#include <sys/stat.h>

#include "args.h"
#include "core/ipcfs.h"

/* Bytes of one result, less than a key can have. */
enum { RESULT_MAX = (1 << 26) - 4096 };

/* ---- the queue ------------------------------------------------------------------------------- */

struct tasks {
	struct object queue;
	char results[PATH_MAX]; /* folder of the results */
	bool temp;		/* both go with who has made them; the folder is not made anew */
	/* tasks_open: */
	uint64_t id;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	/* tasks_look: */
	uint64_t attempts; /* property, 0: not given */
	uint64_t put;
	char dead[IPCFS_NAME_MAX + 1];
};

/* tasks_find: a queue by its name, which may have properties. 0, or an exit status after it has said why not. */
int tasks_find(const struct args *a, const char *name, struct tasks *t);
/* tasks_open: opens it, with the view if one is named; made if it is not there and `make`. The descriptor, -errno. */
int tasks_open(struct tasks *t, const char *view, int flags, bool make);
/* tasks_look: what its `stat` says. -errno. */
int tasks_look(struct tasks *t);
/* tasks_make_results: makes the dict, for those for whom the queue is. -errno; it may be there, but not a stranger's to
 * the queue: -EPERM. */
int tasks_make_results(const struct tasks *t);
/* Writes "close" or another command to its `ctl`. -errno. */
int tasks_command(struct tasks *t, const char *command);

/* ---- results --------------------------------------------------------------------------------- */

enum result_end { RESULT_EXITED, RESULT_KILLED, RESULT_LOST };

struct result {
	enum result_end end;
	int code; /* exit status, signal */
	uint64_t attempt, queue;
	size_t output, error; /* bytes */
	char dead[IPCFS_NAME_MAX + 1];
	char *bytes; /* output, then error; malloc'd */
};

/* result_store: replaces the result of task `number`. -errno. */
int result_store(const struct tasks *t, uint64_t number, const struct result *r);
/* result_watch: a descriptor from which result_read reads; poll(2) says when. -errno. */
int result_watch(const struct tasks *t, uint64_t number);
/* result_read: 1: r is it, free r->bytes; else they are NULL, and -EAGAIN: none yet; -EBADMSG: it is something else;
 * -EIDRM, -errno. */
int result_read(const struct tasks *t, int fd, struct result *r);
/* As object_fail, of the results. */
int results_fail(const struct tasks *t, int error);
/* Is there one? -errno. */
int result_is_there(const struct tasks *t, uint64_t number);
/* -errno; 0 too if there is none. */
int result_remove(const struct tasks *t, uint64_t number);

#endif
