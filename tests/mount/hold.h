/* SPDX-License-Identifier: MIT
 *
 * hold.h - a program of the library that has taken an object's inner lock and does not run.
 */
#ifndef HOLD_H
#define HOLD_H

#include "core/ipcfs.h"

#include <sys/types.h>

/* Returns when it is stopped inside. */
pid_t t_hold(enum ipcfs_kind kind, const char *name);
/* It goes on, lets go of the lock, and has ended. */
void t_let_go(pid_t pid);

#endif
