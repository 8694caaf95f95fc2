/* SPDX-License-Identifier: MIT
 *
 * claim.h - who has what of an object: held locks and units, leased messages, places in a barrier. A table
 * of entries at the end of the segment, each naming its owner: a member (a process) or, for the open files
 * of a mount, the server's session and the file's handle.
 *
 * A change of claims is staged and then committed as a whole, together with the kind's commit word, by one
 * store: redo_on. Whoever takes the object's lock over from the dead finishes a change that was
 * committed and drops one that was not. (The idea is a database's redo log.) Claims of the dead
 * stay until somebody looks who would otherwise wait, and takes them back (claim_dead).
 *
 * All functions are called under the object's lock, unless they say otherwise.
 */
#ifndef IPCFS_CLAIM_H
#define IPCFS_CLAIM_H

#include "object.h"

enum {
	CLAIM_BYTES = 128,
	CLAIMS_MAX = 4096, /* of one object */
	CLAIM_NONE = -1,
};

/* Written under the lock; looked at without it, too. An entry with state 0 is free. */
struct claim {
	_Atomic uint64_t state;	     /* the kind's, changed by claim_commit alone; 0: free */
	_Atomic uint64_t next;	     /* what state becomes */
	_Atomic uint64_t staged;     /* 1: it does with the change under way */
	_Atomic uint64_t member;     /* the owner: a process, or a server's session */
	_Atomic uint64_t handle;     /* of the session: which open file; 0: the process itself */
	_Atomic uint64_t who;	     /* pid << 32 | uid, for people */
	_Atomic uint64_t since;	     /* CLOCK_REALTIME, ns */
	_Atomic uint64_t order;	     /* grows from claim to claim: the oldest has the least */
	_Atomic uint64_t a, b, c, d; /* the kind's */
	uint64_t spare[4];
};
_Static_assert(sizeof(struct claim) == CLAIM_BYTES, "claim size");

/* Bytes of the table in the file. */
#define CLAIMS_BYTES ((size_t)CLAIMS_MAX * CLAIM_BYTES)

/* How many entries there may be: all behind were never used. */
unsigned claim_count(struct ipcfs_object *o);
/* Entry i < claim_count(). */
struct claim *claim_at(struct ipcfs_object *o, unsigned i);

/* The owner for whom the operation is done: op->holder, else this process. */
struct ipcfs_holder claim_holder(struct ipcfs_object *o, const struct ipcfs_op *op);
/* Is it this owner's? */
bool claim_is(struct claim *c, const struct ipcfs_holder *h);
/* The first entry of the owner at or behind `from` that is in use; CLAIM_NONE. */
int claim_find(struct ipcfs_object *o, const struct ipcfs_holder *h, unsigned from);
/* A free entry with the owner's data, staged to become `state`. Nothing is changed before
 * claim_commit(). -EAGAIN: all are in use. -ENOSPC, -EDQUOT, -EUCLEAN. */
int claim_new(struct ipcfs_object *o, const struct ipcfs_holder *h, uint64_t state);
/* The same for entry i, whose owner has no meaning in its present state. a to d stay. */
void claim_again(struct ipcfs_object *o, unsigned i, const struct ipcfs_holder *h, uint64_t state);
/* Entry i becomes `state` with the next commit; 0 frees it. */
void claim_stage(struct ipcfs_object *o, unsigned i, uint64_t state);
/* Drops what is staged. */
void claim_unstage(struct ipcfs_object *o);
/* Commits what is staged, the commit word and control->length, in one store. obj_change() comes before. */
void claim_commit(struct ipcfs_object *o, uint64_t word, uint64_t length);
/* Finishes or drops the change of a dead owner of the lock: ipcfs_kind_ops.repair. */
void claim_repair(struct ipcfs_object *o);
/* The first entry at or behind `from` whose owner is dead; CLAIM_NONE. Asks the kernel, once a member. */
int claim_dead(struct ipcfs_object *o, unsigned from);
/* Is it worth it to ask that for this operation, which would wait else? A server that tries what is parked again
 * and again asks after a death that it noticed, and once a second; all others ask each time. */
bool claim_due(struct ipcfs_object *o, const struct ipcfs_op *op);

/* Does its owner live? Without the lock. */
bool claim_alive(struct ipcfs_object *o, struct claim *c);

/* ---- the turnstile (turn.c): nobody who wants much starves behind those who want little --------
 * Who waits and must not be overtaken takes the turn, if it is free; others then wait even where they would not
 * have to. A server's parked requests and the programs that wait in the library also stand behind each other, one
 * of each kind, so that they take turns. A place is given back with the acquisition or when the wait ends, and
 * lost when its owner is dead or has not looked for two seconds (stopped, say). */

/* Whose turn it is; 0: nobody's. Who has lost his place is put away, and those behind him are woken. */
uint64_t turn_owner(struct ipcfs_object *o);
/* Has another one the turn? */
bool turn_blocks(struct ipcfs_object *o);
/* Takes or renews it, or the place behind it. True: we stand in one of the two. */
bool turn_take(struct ipcfs_object *o);
/* Gives back what is ours, because we have acquired or wait no longer. Was anything? */
bool turn_pass(struct ipcfs_object *o);
/* The same, and lets all the others look. */
void turn_drop(struct ipcfs_object *o);

#endif
