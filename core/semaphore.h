/* SPDX-License-Identifier: MIT
 *
 * semaphore.h - what the files of the semaphore share: semaphore.c has the units, semaphore_hold.c those that are held.
 */
#ifndef IPCFS_SEMAPHORE_H
#define IPCFS_SEMAPHORE_H

#include "claim.h"

enum { SEMAPHORE_VALUE, SEMAPHORE_MAX }; /* places in the shape */

/* ---- semaphore.c ---- */
/* Commits a release: so many units are free. */
void semaphore_commit(struct ipcfs_object *o, uint64_t value);

/* ---- semaphore_hold.c ---- */
/* Stages that the holder has n units more. */
int semaphore_stage_hold(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t n);
/* Is there room for the holder's claim? */
bool semaphore_may_hold(struct ipcfs_object *o, const struct ipcfs_op *op);
/* Charges up to *left units to the holder himself, then to the longest holders: staged. */
int semaphore_charge(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t *value,
		     uint64_t *left);
/* LEAVE: gives back all that the holder has. */
int semaphore_leave(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t value);
/* For who would wait: takes back what the dead hold, if it is time to ask. 1: they held something, and *value is up to
 * date; 0; -EUCLEAN. */
int semaphore_bury(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t *value);
/* ipcfs_kind_ops.bury and .holding. */
bool semaphore_bury_for_watchers(struct ipcfs_object *o, const struct ipcfs_op *op);
bool semaphore_holding(struct ipcfs_object *o, struct claim *c, uint64_t state,
		       struct ipcfs_holding *h);
/* Without the lock: units that are still charged to the dead. */
uint64_t semaphore_of_the_dead(struct ipcfs_object *o);

#endif
