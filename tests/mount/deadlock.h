/* SPDX-License-Identifier: MIT
 *
 * deadlock.h - what the tests of deadlocks share: a process that takes one lock after the other, through files or the
 * library, and many that do so all the time.
 */
#ifndef DEADLOCK_H
#define DEADLOCK_H

#include "t.h"

enum means { FILE_READ, FILE_FLOCK, LIBRARY, MEANS };

/* A process that takes the locks of `first`, says so, and takes `second` when it is told to. */
struct actor {
	enum means by[2]; /* the first ones, the second */
	const char *first, *also, *second;
	bool shared[2];
	uid_t uid;
	pid_t pid;
	_Atomic int step;    /* 1: has the first ones, 2: told, 3: is through */
	_Atomic long result; /* of the second */
};

/* A lock that everybody may take. */
void deadlock_make(const char *name);
/* One of these processes, which has taken the first ones; it is told to take the second. */
struct actor *deadlock_start(struct actor given);
const char *deadlock_text(void);
/* The whole file is this. */
void deadlock_tells(const char *want);
/* What is told of these, who wait each for what the next one has first. */
const char *deadlock_circle(struct actor *const *actors, int n);
/* It waits for it: in the server, or where the library sleeps. */
bool deadlock_waits(const struct actor *a);
void deadlock_go_on(struct actor *a);
/* In a child: takes a lock and keeps it. 0 or -errno. */
long deadlock_take(enum means by, const char *name, bool shared);

/* Many processes that take two of the locks a, b and c, in their order or not, until it is over. */
struct storm {
	_Atomic bool over;
	_Atomic long rounds;
	enum means by;
	bool ordered;
};

enum { STORMS = 6 };

/* One of them, to be spawned; arg is its struct storm. */
int deadlock_storm(void *arg);
/* Of who has done the fewest. */
long deadlock_rounds(struct storm *const *storms);
/* Locks that are always taken in the same order make no circle: none may be seen, nor refused. */
void deadlock_in_order(int looks);

#endif
