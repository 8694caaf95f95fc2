/* SPDX-License-Identifier: MIT
 *
 * args.h - what the commands share: their options, durations, messages, and the way from an OBJECT
 * as people type it to its file below the mount. Only cmd_*.c, main() and the calls *_fail and *_usage
 * print.
 */
#ifndef ARGS_H
#define ARGS_H

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum args_status {
	ARGS_OK = 0,
	ARGS_FAILED = 1,
	ARGS_USAGE = 2,
	ARGS_WAIT = 3, /* it would have to wait, or waited in vain: EAGAIN, ETIMEDOUT */
};

/* The longest message that one write(2) on a file can carry. */
enum { ARGS_MESSAGE_MAX = (1 << 20) - 4096 };

/* args_keep_streams: before anything is opened, which must not become a standard stream that is closed: what is printed
 * would go into an object. Of such a stream the use still fails with EBADF, and commands that are run have it closed. */
void args_keep_streams(void);

/* ---- options ------------------------------------------------------------------------ */

/* Long options that args_next() knows itself, as entries of `longs`: {ARGS_HELP}. */
enum { ARGS_O_HELP = 1000, ARGS_O_MOUNT, ARGS_O_TIMEOUT, ARGS_O_NONBLOCK };

#define ARGS_HELP "help", no_argument, NULL, ARGS_O_HELP
#define ARGS_MOUNT "mount", required_argument, NULL, ARGS_O_MOUNT
#define ARGS_TIMEOUT "timeout", required_argument, NULL, ARGS_O_TIMEOUT
#define ARGS_NONBLOCK "nonblock", no_argument, NULL, ARGS_O_NONBLOCK
#define ARGS_END NULL, 0, NULL, 0

/* One command line. Set what stands before `mount`, the rest zero. */
struct args {
	const char *help;
	const char *shorts; /* as for getopt_long(3), starting with ':' or "+:" */
	const struct option *longs;
	bool folders;	   /* a KIND alone may stand for an object: `ls` */
	const char *mount; /* --mount, or NULL */
	bool limited;	   /* --timeout or --nonblock was given */
	int64_t timeout_ns;
	int status; /* what to exit with when args_next() returned 0 */
};

/* The word of the command under way, for messages; NULL before it is known. */
extern const char *args_command;

/* args_next: the next option's letter, -1 after the last (operands from argv[optind] on), 0 when
 * the command must end with a->status: help was printed, or what is wrong. */
int args_next(struct args *a, int argc, char **argv);

/* A duration as in the view `timeout=`: 2, 0.5, 200ms; units ns us ms s m h. -EINVAL, -ERANGE. */
int args_duration(const char *text, int64_t *ns);

/* The value of an option that is a number from 1 to max. 0, or ARGS_USAGE after it has said why not. */
int args_count(const char *option, const char *text, uint64_t max, uint64_t *n);
/* How many CPUs this process may use. */
unsigned args_cpus(void);

/* Prints "ipcfs: COMMAND: words" and where help is to be had; returns ARGS_USAGE. */
int args_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints "ipcfs: COMMAND: NAME: words"; returns ARGS_FAILED. name may be NULL. */
int args_fail(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- objects ------------------------------------------------------------------------ */

struct object {
	const char *name;     /* as it was typed */
	char path[PATH_MAX];  /* of its file */
	char mount[PATH_MAX]; /* mount point that it is below */
};

/* The mount point that the commands work on: --mount, $IPCFS_MOUNT, /ipc. */
const char *args_mount(const struct args *a);

/* object_find: makes paths of `name` (KIND/NAME[,OPTION]..., or an absolute path). The object need
 * not be there, the mount must. Returns 0, or an exit status after it has said why. */
int object_find(const struct args *a, const char *name, struct object *o);

/* object_below: its path below the mount, KIND/NAME[,OPTION]..., in one spelling: an absolute path may lead there in
 * many ways, none of which need be below the mount. 0, -errno; "" where it is not below. */
int object_below(const struct object *o, char below[PATH_MAX]);

/* Is it, being a folder, a dict? Only that has views. */
bool object_is_dict(const struct object *o);

/* object_fail: says why a call on the object has failed, in the words that the mount's file `errors`
 * has for it. Returns the exit status: ARGS_WAIT for EAGAIN and ETIMEDOUT, else ARGS_FAILED. */
int object_fail(const struct object *o, int error);

/* ---- waiting ------------------------------------------------------------------------ */

/* The clock's time at which an operation that begins now must be given up; -1: never. */
int64_t args_deadline(const struct args *a);
/* What is left of that time, 0 when it is over; -1: for ever. */
int64_t args_left(const struct args *a, int64_t deadline_ns);
/* Tells the handle how long its next read or write may wait. Again before each repetition: what is
 * left, maybe nothing. 0 or -errno. */
int args_limit(int fd, const struct args *a, int64_t deadline_ns);
/* The error of that read or write, for object_fail: EAGAIN is ETIMEDOUT where time was given and none was left. */
int args_limit_error(const struct args *a, int error);

#endif
