/* SPDX-License-Identifier: MIT
 *
 * crash.h - what the crash tests share: a store of their own, and the lines that tests/run.sh reads.
 */
#ifndef CRASH_H
#define CRASH_H

#include "ipcfs.h"

extern int crash_passed, crash_failed;

/* A fresh store below /dev/shm, removed when the program ends, however it does. */
struct ipcfs_store *crash_store(void);
/* An object of the kind, made anew. */
struct ipcfs_object *crash_object(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name,
				  const struct ipcfs_properties *p);
/* "ok NAME" or "not ok NAME (why)". */
void crash_result(bool ok, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The closing line; the exit status. */
int crash_end(void);

#endif
