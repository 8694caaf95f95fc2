/* SPDX-License-Identifier: MIT
 *
 * actor.h - a process that has a file open and does with it what it is told, until it is told to end or killed. It
 * closes what it has inherited from the test.
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "t.h"

struct actor {
	pid_t pid;
	struct actor_note *note;
};

struct actor actor_start(const char *path, int flags);
/* One read or write; its result is awaited. */
long actor_read(struct actor *a, size_t size);
long actor_write(struct actor *a, const char *text);
/* A read that will have to wait, and its result later. */
void actor_begin_read(struct actor *a, size_t size);
long actor_result(struct actor *a);
/* What the last read gave, and a NUL. */
const char *actor_data(const struct actor *a);
/* It closes the file, and lives on; it returns from main; it becomes another program, which waits; it forks a
 * child, whose pid this gives, that has the file open and waits, and whose reads it then does no longer. */
void actor_close(struct actor *a);
void actor_exit(struct actor *a);
void actor_exec(struct actor *a);
pid_t actor_fork(struct actor *a);
/* A thread of it that is not its first reads, and ends. */
long actor_read_by_thread(struct actor *a, size_t size);

#endif
