/* SPDX-License-Identifier: MIT
 *
 * agent.h - a process that has an object open, as a file or (a lock) through the library, and does with it what the
 * test tells it, one deed after the other; while it waits it can be looked at, and killed. It closes what it has
 * inherited from the test.
 */
#ifndef AGENT_H
#define AGENT_H

#include "t.h"

enum agent_deed {
	AGENT_NONE,
	AGENT_READ,    /* a lock -> bytes; the token, abandoned */
	AGENT_GET,     /* arg: bytes at most; the text */
	AGENT_THREAD,  /* the same, by a thread that is not its first, and ends */
	AGENT_WRITE,   /* agent_says() the text */
	AGENT_FLOCK,   /* arg: LOCK_* */
	AGENT_CLOSE,   /* by close(2) */
	AGENT_LEAVE,   /* ends by itself, everything open */
	AGENT_FORK,    /* -> the pid of a child that has the file open and waits */
	AGENT_EXEC,    /* becomes another program, which waits; the last deed */
	AGENT_ACQUIRE, /* library; arg: IPCFS_SHARED or 0; the token, abandoned */
	AGENT_RELEASE, /* library, the newest token */
};

struct agent {
	pid_t pid;
	struct agent_note {
		_Atomic int deed; /* AGENT_NONE: done, ready for the next */
		long arg, result; /* count or -errno */
		int fd;
		unsigned long long token;
		bool abandoned;
		char text[T_TEXT];	 /* what it read last, and a NUL */
		_Atomic int64_t done_ms; /* when it had the result */
	} * note;
};

/* Opens the path. SIGUSR1 has a handler. */
struct agent agent_open(const char *path, int flags);
/* The same, O_RDWR and O_CREAT with flags. */
struct agent agent_start(const char *path, int flags);
/* Of the library: locks/NAME, which is there. */
struct agent agent_library(const char *name);
/* Says what to do. */
void agent_post(struct agent *a, enum agent_deed deed, long arg);
bool agent_waits(const struct agent *a);
/* The result, once it is there; T_LIMIT_MS. */
long agent_result(struct agent *a);
/* Both. */
long agent_does(struct agent *a, enum agent_deed deed, long arg);
long agent_says(struct agent *a, const char *text);
long agent_gets(struct agent *a, size_t size);
void agent_closes(struct agent *a);
/* Acquires, and the test fails if that is not done. Gives the token. */
unsigned long long agent_takes(struct agent *a);
/* Ends by itself, everything open. */
void agent_leaves(struct agent *a);
/* Becomes another program. */
void agent_execs(struct agent *a);

/* One try on an own handle, which is closed again: its token, 0 where it would wait; -errno. */
long long agent_try(const char *path, bool *abandoned);
/* Has anybody the lock? */
bool agent_is_free(const char *path);

#endif
