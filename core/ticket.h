/* SPDX-License-Identifier: MIT
 *
 * ticket.h - claims of those who wait for something of their own: a notification, the others at a barrier. A claim
 * in state TICKET_WAITS waits; in any other it has been told something that its owner has yet to fetch. How
 * many there are of these is control->length. One owner may have many, so each has a ticket.
 *
 * All functions are called under the object's lock, unless they say otherwise.
 */
#ifndef IPCFS_TICKET_H
#define IPCFS_TICKET_H

#include "claim.h"

enum { TICKET_WAITS = 1 };

/* The ticket of entry i: which one it is, and its order, so that no other ever has the same. Never 0. */
uint64_t ticket_of(struct ipcfs_object *o, unsigned i);
/* The owner's entry of that ticket; CLAIM_NONE: it is not his, or used up. */
int ticket_find(struct ipcfs_object *o, const struct ipcfs_holder *h, uint64_t ticket);
/* A claim that waits, staged; CLAIM_NONE never. When the table is full, `bury` takes away what the dead have, but
 * not more often than once a second. Errors as claim_new(). */
int ticket_new(struct ipcfs_object *o, const struct ipcfs_holder *h,
	       bool (*bury)(struct ipcfs_object *o));
/* Without the lock, which the owner cannot get: he gives it up, and it is as if he were dead. */
void ticket_forsake(struct ipcfs_object *o, uint64_t ticket);
/* Is its owner dead, or has he forsaken it? *alive remembers who was not, so that a member is asked for once. */
bool ticket_gone(struct ipcfs_object *o, struct claim *c, uint64_t *alive);
/* The wake-ups (op->bits) that are for entry i. */
uint32_t ticket_bits(unsigned i);

/* How many wait; also without the lock. */
unsigned ticket_waiting(struct ipcfs_object *o);
/* The same without those who are gone, which the kernel is asked for. */
unsigned ticket_living(struct ipcfs_object *o);

/* Those who wait, a heap with the oldest first. Owners may scribble while it is used: the order suffers then. */
struct ticket_line {
	unsigned n;
	uint16_t at[CLAIMS_MAX];
};
/* All that wait and are not staged to become something else. */
void ticket_line(struct ipcfs_object *o, struct ticket_line *line);
/* The oldest, taken out of the line; CLAIM_NONE. */
int ticket_next(struct ipcfs_object *o, struct ticket_line *line);

/* What is going to be committed together. */
struct ticket_change {
	uint64_t pending; /* told, and not fetched yet */
	uint32_t bits;	  /* whom to wake */
	bool ring;	  /* a server, too */
	bool any;
};
void ticket_begin(struct ipcfs_object *o, struct ticket_change *change);
/* Entry i is told: it becomes `state`. */
void ticket_tell(struct ipcfs_object *o, struct ticket_change *change, unsigned i, uint64_t state);
/* Entry i is freed. */
void ticket_end(struct ipcfs_object *o, struct ticket_change *change, unsigned i);
/* Wakes whom it concerns, and commits with the kind's word. */
void ticket_commit(struct ipcfs_object *o, const struct ticket_change *change, uint64_t word);
/* Entry i, which was told, is fetched by op, which has sink and holder: answered, then freed and committed. */
int ticket_fetch(struct ipcfs_object *o, struct ipcfs_op *op, unsigned i);

#endif
