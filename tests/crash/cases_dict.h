/* SPDX-License-Identifier: MIT
 *
 * cases_dict.h - of cases.c: what changes a dict. After each kill the whole of it is looked at: every key in the order
 * and in its chain, every byte of the heap somebody's.
 */
#ifndef CASES_DICT_H
#define CASES_DICT_H

#include "ipcfs.h"

/* Keys a to d, each with a value; b's is long. */
void keys_four(struct ipcfs_object *o);
/* As many as the table has buckets: the next one adds a bucket, whose keys are those of another. */
void keys_sixteen(struct ipcfs_object *o);
/* Somebody was killed between the commit of `b = new` and its end. */
void keys_half_set(struct ipcfs_object *o);

void keys_set_new(struct ipcfs_object *o);
void keys_set(struct ipcfs_object *o);
void keys_append(struct ipcfs_object *o);
void keys_append_in_room(struct ipcfs_object *o);
void keys_remove(struct ipcfs_object *o);
void keys_remove_first(struct ipcfs_object *o);
void keys_pop_last(struct ipcfs_object *o);
void keys_cas(struct ipcfs_object *o);
void keys_add_number(struct ipcfs_object *o);
void keys_rename(struct ipcfs_object *o);
void keys_replace(struct ipcfs_object *o);
void keys_clear(struct ipcfs_object *o);
void keys_chmod(struct ipcfs_object *o);

int keys_are_set_new(struct ipcfs_object *o);
int keys_are_set_seventeenth(struct ipcfs_object *o);
int keys_are_set(struct ipcfs_object *o);
int keys_are_set_once(struct ipcfs_object *o);
int keys_are_appended(struct ipcfs_object *o);
int keys_are_appended_twice(struct ipcfs_object *o);
int keys_are_removed(struct ipcfs_object *o);
int keys_are_removed_first(struct ipcfs_object *o);
int keys_are_popped(struct ipcfs_object *o);
int keys_are_added(struct ipcfs_object *o);
int keys_are_renamed(struct ipcfs_object *o);
int keys_are_replaced(struct ipcfs_object *o);
int keys_are_cleared(struct ipcfs_object *o);
int keys_are_chmoded(struct ipcfs_object *o);

#endif
