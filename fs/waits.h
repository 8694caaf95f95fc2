/* SPDX-License-Identifier: MIT
 *
 * waits.h - who waits for what, and who holds it: between waits.c, which asks the server's own requests, the objects
 * and the members, and deadlock.c, which looks for those who wait for each other.
 */
#ifndef IPCFS_WAITS_H
#define IPCFS_WAITS_H

#include "fs.h"

/* A process has something of an object. */
struct fs_hold {
	pid_t pid;    /* 0: not known */
	pid_t thread; /* that took it; 0: not known */
	bool shared;
	bool by_file;
	uint64_t units;
};

/* An object for which somebody waits. */
struct fs_thing {
	uint64_t id;
	enum ipcfs_kind kind;
	char *name; /* "locks/a"; NULL: not found */
	bool looked;
	struct fs_hold *holds;
	unsigned hold_count;
	uint64_t free, initial; /* semaphore: units now, and at its creation */
	int first;		/* wait; -1: none */
	unsigned chain;		/* 1 + the next of its bucket; 0: none */
};

/* A thread of a process waits for an object. */
struct fs_wait {
	pid_t pid, thread; /* thread 0: not known */
	uid_t uid;
	unsigned threads; /* of the process; 0: not asked yet */
	unsigned thing;
	bool shared;
	bool asks; /* is the request that is about to wait */
	uint64_t units;
	int sleeper; /* in the library: of fs_waits.sleepers; -1 */
	bool stuck;  /* it cannot end by itself */
	bool shown;
	unsigned search, from; /* deadlock.c: the last search that came here, and from which wait */
	int next;	       /* of the same thing */
};

struct fs_waits {
	struct fs_wait *waits; /* in the end sorted by process */
	unsigned wait_count;
	struct fs_thing *things;
	unsigned thing_count;
	struct fs_member *members;
	unsigned member_count;
	struct fs_sleeper *sleepers;
	unsigned sleeper_count;
	bool failed;		/* no memory */
	unsigned buckets[4096]; /* things by id: 1 + the first; 0: none */
};

/* All who wait for a lock, or for units of a semaphore, that somebody holds. -ENOMEM. */
int fs_waits_all(struct fs_waits *g);
/* The request for a lock, and those who wait among those for whom it waits, and so on: files and library. */
int fs_waits_behind(struct fs_waits *g, struct fs_request *r);
void fs_waits_free(struct fs_waits *g);
/* The waits of a process: from *first on; how many. */
unsigned fs_waits_of(const struct fs_waits *g, pid_t pid, unsigned *first);

#endif
