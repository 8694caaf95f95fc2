/* SPDX-License-Identifier: MIT
 *
 * waits.h - who waits for what, and who holds it: between waits.c, which asks the server's own requests and the
 * objects, waits_library.c, which asks the members, and deadlock.c, which looks for those who wait for each other.
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

/* A process of the library. Each user can make many of these. */
struct fs_member {
	uint64_t number;
	pid_t pid;
	uid_t uid;
	int is_his;		  /* is that really its pid? 0: not asked yet, 1, -1 */
	unsigned first, sleepers; /* its threads that sleep: where they begin, how many */
};

struct fs_sleeper {
	unsigned member;
	struct ipcfs_wait wait;
	bool again; /* was still so after the holders were asked */
};

struct fs_waits {
	struct fs_wait *waits; /* in the end sorted by process */
	unsigned wait_count;
	struct fs_thing *things;
	unsigned thing_count;
	struct fs_member *members; /* sorted by number */
	unsigned member_count;
	struct fs_sleeper *sleepers;
	unsigned sleeper_count;
	bool failed;		 /* no memory */
	unsigned buckets[32768]; /* things by id: 1 + the first; 0: none */
};

/* All who wait for a lock, or for units of a semaphore, that somebody holds. -ENOMEM. */
int fs_waits_all(struct fs_waits *g);
/* The request for a lock, and those who wait among those for whom it waits, and so on: files and library. */
int fs_waits_behind(struct fs_waits *g, struct fs_request *r);
void fs_waits_free(struct fs_waits *g);
/* The waits of a process: from *first on; how many. */
unsigned fs_waits_of(const struct fs_waits *g, pid_t pid, unsigned *first);

/* ---- waits_library.c ---- */
/* Room for one more element, zeroed; NULL: none. array: the pointer's address. */
void *fs_waits_grow(struct fs_waits *g, void *array, unsigned *count, size_t size);
/* The processes of the library and those of their threads that sleep. */
void fs_waits_ask(struct fs_waits *g);
/* Once more: who is still in the same sleep. */
void fs_waits_confirm(struct fs_waits *g);
/* Its pid, or 0. */
pid_t fs_waits_pid_of(struct fs_member *m);
pid_t fs_waits_pid_of_number(struct fs_waits *g, uint64_t number);

#endif
