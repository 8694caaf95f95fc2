/* SPDX-License-Identifier: MIT
 *
 * script.h - rows that say what is done to an object of any kind and what must come of it. Each row has an object
 * of its own; a step that fails must leave it as it was, and say why in `errors`.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/ipcfs.h"

enum { /* kinds as bits */
       Q = 1 << IPCFS_QUEUE,
       S = 1 << IPCFS_SEMAPHORE,
       E = 1 << IPCFS_EVENT,
       V = 1 << IPCFS_VALUE,
       A = 1 << IPCFS_ARRAY,
       L = 1 << IPCFS_LOCK,
       C = 1 << IPCFS_CONDITION,
       B = 1 << IPCFS_BARRIER,
       I = 1 << IPCFS_LIST, /* items */
       P = 1 << IPCFS_PIPE,
       T = 1 << IPCFS_TOPIC,
       M = 1 << IPCFS_MQ,
       SG = 1 << IPCFS_SIGNAL,
       D = 1 << IPCFS_DICT, /* a key */
       CELLS = V | A,
       ALL = ((1 << IPCFS_KIND_COUNT) - 1) & ~(1 << IPCFS_SOCKET), /* a socket is none of these */
       PEEKS = ALL & ~P,		   /* that have `peek` and `watch` */
       PLAIN = ALL & ~P,		   /* that are read and written by their bare names */
       WAITS = ALL & ~(CELLS | I | D | P), /* whose plain reads may wait */
};

/* Of each kind: the properties with which a row's object is made, others that it does not have then, what is shown of
 * it then. */
struct script_kind {
	const char *properties, *other, *peek;
};
extern const struct script_kind script_kinds[IPCFS_KIND_COUNT];

/* A flag beside open(2)'s: the object is not there (nor is it where O_CREAT is asked for). */
#define ABSENT 0x40000000

struct script_row {
	unsigned kinds;
	/* What is done before, steps with | between: `=TEXT` writes; `<OPTIONS` opens the name with these and reads
	 * once, and stays open; `&` a process reads, and waits; `~OPTIONS` a process does as `<`, and is killed.
	 * `^OPTIONS` opens the name, and it stays open; `>OPTIONS TEXT` opens it, writes, and closes it.
	 * `+PROPERTIES` in front: it is made with these, not with the kind's. */
	const char *before;
	/* Behind the name; % stands for the kind's properties, # for the others. */
	const char *options;
	int flags;
	/* Then the file is opened, and of the steps, with | between, each does one thing:
	 *   !ERROR           what the open fails with, the only step then
	 *   >TEXT[!ERROR]    writes
	 *   <PATTERN, <!ERROR  reads: the pattern is that of fnmatch(3)
	 *   =TEXT[!ERROR]    another handle writes to the plain name
	 *   @VERB[:WORD][!ERROR]  see script.c and script_verbs.c */
	const char *steps;
	const char *words; /* in `errors` for the step that fails; NULL: not looked at */
};

/* A row being run. */
struct script_run {
	const struct script_row *row;
	enum ipcfs_kind kind;
	int number, fd;
	bool failed;
	const char *plain, *path; /* the latter with options */
	char last[64];		  /* what the verb `token` has read */
};

/* What @VERB does: a result, or -errno. `word` is what stands behind the colon. */
struct script_verb {
	const char *name;
	long (*run)(struct script_run *r, const char *word);
};
extern const struct script_verb script_more_verbs[]; /* ends with one without a name */

/* 0 where it went well and the text is as the pattern wants, else it is told. */
long script_seen(const char *pattern, const char *text, long result);
/* One write by a handle of its own, as it is there. */
long script_write(const char *path, const char *text);
/* A process opens it, reads once, and is killed. */
void script_killed(const char *path);
/* Around each row: signals that `notify=RTMIN` sends wait until the verb `told` looks. */
void script_begin(void);
void script_end(void);

/* The name of a new object of the kind, below the mount: "queues/r1". */
const char *script_name(enum ipcfs_kind kind);
/* Makes it so. Its path. */
const char *script_make(enum ipcfs_kind kind, const char *before);
/* The first handle that `before` opened; closes the last one. */
int script_held(void);
void script_drop(void);
/* The first handle that `before` opened lets go of its lock. */
void script_unlock(void);
/* A process reads, and is there until script_remove. */
void script_reader(const char *path);
/* Closes what `before` opened, removes the object if it is there. */
void script_remove(const char *path);
/* Runs each row for each of its kinds, in new objects. How many failed, which it has told. */
int script_run(const struct script_row *rows, size_t count);
/* Removes what a failed test has left outside of its store: message queues are the system's. */
int script_clean(void **state);

#define SCRIPT_TEST(f)                                                                             \
	{                                                                                          \
#f, f, t_begin, script_clean, (void *)#f                                           \
	}

#endif
