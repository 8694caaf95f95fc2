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

/* This process becomes argv; where it cannot be run, it says why and ends with a child_status. */
_Noreturn void child_become(char *const argv[]);

/* Runs argv until it ends, passing on the signals that would end us, but not those of a terminal, which it has got
 * itself. 0: *status is as of wait(2), and that of a child_status where argv cannot be run; else an exit status,
 * after it has said why. */
int child_run(char *const argv[], int *status);

/* Ends as the child did: gives its exit status, or dies of the signal that killed it. */
int child_end(int status);

/* Runs argv and keeps the beginning of what it prints, as a string. 0, or -1 where it fails. */
int child_output(char *const argv[], char *buf, size_t size);

#endif
