/* SPDX-License-Identifier: MIT
 *
 * cases_hold.h - what the cases of held units are made of: see cases.h.
 */
#ifndef CASES_HOLD_H
#define CASES_HOLD_H

#include "ipcfs.h"

void held_four_free(struct ipcfs_object *o);
void held_hold_two(struct ipcfs_object *o);
int held_two(struct ipcfs_object *o);
void held_by_a_file(struct ipcfs_object *o);
void held_hold_one(struct ipcfs_object *o);
int held_one_more(struct ipcfs_object *o);
void held_hold_again(struct ipcfs_object *o);
int held_again(struct ipcfs_object *o);
void held_by_the_dead(struct ipcfs_object *o);
void held_hold_four(struct ipcfs_object *o);
int held_four(struct ipcfs_object *o);
void held_by_many(struct ipcfs_object *o);
void held_release_three(struct ipcfs_object *o);
int held_charged_to_many(struct ipcfs_object *o);
void held_hold_and_release(struct ipcfs_object *o);
int held_and_released(struct ipcfs_object *o);
void held_hold_and_leave(struct ipcfs_object *o);
int held_and_left(struct ipcfs_object *o);
void held_pending(struct ipcfs_object *o);
int held_after_repair(struct ipcfs_object *o);

#endif
