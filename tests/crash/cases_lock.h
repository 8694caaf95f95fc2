/* SPDX-License-Identifier: MIT
 *
 * cases_lock.h - what the cases of locks are made of: see cases.h.
 */
#ifndef CASES_LOCK_H
#define CASES_LOCK_H

#include "ipcfs.h"

/* Somebody who lives has it, as two open files of a server do. */
void lock_free_one(struct ipcfs_object *o);
void lock_held(struct ipcfs_object *o);
void lock_shared_by_one(struct ipcfs_object *o);
void lock_shared_by_three(struct ipcfs_object *o); /* all of them one holder's */
void lock_held_by_the_dead(struct ipcfs_object *o);
void lock_half_held(struct ipcfs_object *o); /* who gave it to him died when that was committed */
void lock_acquire(struct ipcfs_object *o);
void lock_share(struct ipcfs_object *o);
void lock_stand_in_line(struct ipcfs_object *o);
void lock_release(struct ipcfs_object *o);
void lock_convert(struct ipcfs_object *o);
void lock_end(struct ipcfs_object *o); /* the holder's process has ended */
void lock_leave_all(struct ipcfs_object *o);
void lock_bury(struct ipcfs_object *o);
int lock_acquired(struct ipcfs_object *o);
int lock_taken_from_the_dead(struct ipcfs_object *o);
int lock_is_shared_by_two(struct ipcfs_object *o);
int lock_has_a_line(struct ipcfs_object *o);
int lock_released(struct ipcfs_object *o);
int lock_converted(struct ipcfs_object *o);
int lock_ended(struct ipcfs_object *o);
int lock_left(struct ipcfs_object *o);
int lock_buried(struct ipcfs_object *o);

#endif
