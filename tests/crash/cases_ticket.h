/* SPDX-License-Identifier: MIT
 *
 * cases_ticket.h - what the cases of conditions and barriers are made of: see cases.h.
 */
#ifndef CASES_TICKET_H
#define CASES_TICKET_H

#include "ipcfs.h"

/* Who may come. */
void nobody_yet(struct ipcfs_object *o);

/* Three waiters: 0 and 2 are a program's, 1 a server's. */
void condition_three(struct ipcfs_object *o);
void condition_one_told(struct ipcfs_object *o);  /* the oldest of them is notified */
void condition_dead_told(struct ipcfs_object *o); /* and that one is dead */
void condition_half_told(
	struct ipcfs_object *o); /* who notified two died when that was committed */
void condition_arm(struct ipcfs_object *o);
void condition_notify_two(struct ipcfs_object *o);
void condition_notify_all(struct ipcfs_object *o);
void condition_notify_one(struct ipcfs_object *o);
void condition_fetch(struct ipcfs_object *o);
void condition_leave(struct ipcfs_object *o);
void condition_give_up(struct ipcfs_object *o);
void condition_sweep(struct ipcfs_object *o);
int condition_armed(struct ipcfs_object *o);
int condition_two_notified(struct ipcfs_object *o);
int condition_all_notified(struct ipcfs_object *o);
int condition_third_notified(struct ipcfs_object *o);
int condition_fetched(struct ipcfs_object *o);
int condition_passed_on(struct ipcfs_object *o);
int condition_given_up(struct ipcfs_object *o);
int condition_swept(struct ipcfs_object *o);

/* Of three parties two have arrived. */
void barrier_two(struct ipcfs_object *o);
void barrier_through(struct ipcfs_object *o); /* and the third */
void barrier_broken(struct ipcfs_object *o);
void barrier_arrive(struct ipcfs_object *o);
void barrier_pass(struct ipcfs_object *o);
void barrier_leave(struct ipcfs_object *o);
void barrier_time_out(struct ipcfs_object *o);
void barrier_abort(struct ipcfs_object *o);
void barrier_reset(struct ipcfs_object *o);
int barrier_arrived(struct ipcfs_object *o);
int barrier_completed(struct ipcfs_object *o);
int barrier_passed(struct ipcfs_object *o);
int barrier_left(struct ipcfs_object *o);
int barrier_timed_out(struct ipcfs_object *o);
int barrier_aborted(struct ipcfs_object *o);
int barrier_emptied(struct ipcfs_object *o);
int barrier_mended(struct ipcfs_object *o);

#endif
