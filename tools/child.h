/* SPDX-License-Identifier: MIT
 *
 * child.h - commands that run another program.
 */
#ifndef CHILD_H
#define CHILD_H

#include <stddef.h>

enum child_status {
	CHILD_NOT_RUN = 126, /* is there, and cannot be executed */
	CHILD_NOT_FOUND = 127,
};

/* Runs argv until it ends, passing on the signals that would end us, and gives its exit status. Where a signal
 * killed it we die of the same; before that, and before the return, `before_end` is called (may be
 * NULL). Where it cannot be run, says why and gives a child_status. */
int child_run(char *const argv[], void (*before_end)(void *arg), void *arg);

/* Runs argv and keeps the beginning of what it prints, as a string. 0, or -1 where it fails. */
int child_output(char *const argv[], char *buf, size_t size);

#endif
