/* SPDX-License-Identifier: MIT
 *
 * cases_lock.c - locks: see cases.h. A client who acquires dies with what he has: who looks must have it at once,
 * and be told whether it was abandoned. What is released belongs to one who lives: an open file of the
 * process that looks.
 */
#include "cases_lock.h"

#include <errno.h>

#include "cases.h"
#include "core/claim.h"
#include "core/engine.h"
#include "core/object.h"

enum { DEAD = 77, EXCLUSIVE = 1, SHARED = 2 };

static struct ipcfs_holder owner, other; /* two open files */

/* An operation of one of them; the number of an acquisition: 1, 2, ... */
static int run(struct ipcfs_object *o, enum ipcfs_verb verb, unsigned flags,
	       const struct ipcfs_holder *h, uint64_t *number, bool *abandoned)
{
	struct ipcfs_op op = {.verb = verb, .flags = flags, .holder = h};
	int rc = ipcfs_engine_shm.try(o, &op);

	if (number)
		*number = op.token - o->shape[0];
	if (abandoned)
		*abandoned = op.abandoned;
	return rc;
}

static int simply(struct ipcfs_object *o, enum ipcfs_verb verb, unsigned flags,
		  const struct ipcfs_holder *h)
{
	return run(o, verb, flags, h, NULL, NULL);
}

void lock_free_one(struct ipcfs_object *o)
{
	owner = other = (struct ipcfs_holder){.member = (uint64_t)member_self(o->store)};
	owner.handle = 1;
	other.handle = 2;
}

void lock_held(struct ipcfs_object *o)
{
	lock_free_one(o);
	simply(o, IPCFS_V_LOCK, 0, &owner);
}

void lock_shared_by_one(struct ipcfs_object *o)
{
	lock_free_one(o);
	simply(o, IPCFS_V_LOCK, IPCFS_OP_SHARED, &owner);
}

/* As a process of the library has several. */
void lock_shared_by_three(struct ipcfs_object *o)
{
	lock_free_one(o);
	owner.handle = 0;
	for (int i = 0; i < 3; i++)
		simply(o, IPCFS_V_LOCK, IPCFS_OP_SHARED, &owner);
}

void lock_held_by_the_dead(struct ipcfs_object *o)
{
	lock_held(o);
	STORE(claim_at(o, 0)->member, DEAD);
}

void lock_half_held(struct ipcfs_object *o)
{
	lock_held(o);
	STORE(claim_at(o, 0)->state, 0);
	STORE(claim_at(o, 0)->next, EXCLUSIVE);
	STORE(claim_at(o, 0)->staged, 1);
	STORE(o->control->redo_word, LOAD(o->control->word));
	STORE(o->control->word, 0);
	STORE(o->control->redo_on, 1);
	STORE(o->control->lock, DEAD << 1);
}

/* ---- the operations --------------------------------------------------------------------------- */

void lock_acquire(struct ipcfs_object *o)
{
	struct ipcfs_grant grant;

	ipcfs_lock_acquire(o, 0, 0, &grant);
}

void lock_share(struct ipcfs_object *o)
{
	struct ipcfs_grant grant;

	ipcfs_lock_acquire(o, IPCFS_SHARED, 0, &grant);
}

/* As one who waits does it before he sleeps. */
void lock_stand_in_line(struct ipcfs_object *o)
{
	simply(o, IPCFS_V_LOCK, IPCFS_OP_WAITS, NULL);
}

void lock_release(struct ipcfs_object *o)
{
	simply(o, IPCFS_V_UNLOCK, 0, &owner);
}

void lock_convert(struct ipcfs_object *o)
{
	simply(o, IPCFS_V_LOCK, IPCFS_OP_SHARED | IPCFS_OP_CONVERT, &owner);
}

void lock_end(struct ipcfs_object *o)
{
	simply(o, IPCFS_V_LEAVE, IPCFS_OP_ENDED, &owner);
}

void lock_leave_all(struct ipcfs_object *o)
{
	simply(o, IPCFS_V_LEAVE, 0, &owner);
}

void lock_bury(struct ipcfs_object *o)
{
	simply(o, IPCFS_V_READY, 0, &other);
}

/* ---- what is left -------------------------------------------------------------------------------- */

/* Nobody who lives has it: it can be had, given back, shared, and had again. */
static bool works(struct ipcfs_object *o)
{
	bool abandoned = false;

	return simply(o, IPCFS_V_LOCK, 0, &other) == 0 &&
	       simply(o, IPCFS_V_LOCK, 0, &owner) == -EAGAIN &&
	       simply(o, IPCFS_V_UNLOCK, 0, &other) == 0 &&
	       simply(o, IPCFS_V_LOCK, IPCFS_OP_SHARED, &owner) == 0 &&
	       run(o, IPCFS_V_LOCK, IPCFS_OP_SHARED, &other, NULL, &abandoned) == 0 && !abandoned &&
	       simply(o, IPCFS_V_LEAVE, 0, &owner) == 0 &&
	       simply(o, IPCFS_V_LEAVE, 0, &other) == 0 && claim_count(o) == 0;
}

/* Acquires: which acquisition it is, and after a death? */
static int had(struct ipcfs_object *o, uint64_t *number, bool *abandoned)
{
	int rc = run(o, IPCFS_V_LOCK, 0, &owner, number, abandoned);

	if (rc == 0)
		rc = simply(o, IPCFS_V_UNLOCK, 0, &owner);
	return rc < 0 || !works(o) ? -1 : 0;
}

int lock_acquired(struct ipcfs_object *o)
{
	uint64_t number;
	bool abandoned;

	if (had(o, &number, &abandoned) < 0)
		return -1;
	return number == 1 && !abandoned ? 0 : number == 2 && abandoned ? 1 : -2;
}

int lock_taken_from_the_dead(struct ipcfs_object *o)
{
	uint64_t number;
	bool abandoned;

	if (had(o, &number, &abandoned) < 0)
		return -1;
	return !abandoned ? -2 : number == 2 ? 0 : number == 3 ? 1 : -3;
}

int lock_is_shared_by_two(struct ipcfs_object *o)
{
	uint64_t number;
	bool abandoned;

	if (simply(o, IPCFS_V_LOCK, 0, &other) != -EAGAIN ||
	    run(o, IPCFS_V_LOCK, IPCFS_OP_SHARED, &other, &number, &abandoned) != 0 || abandoned ||
	    simply(o, IPCFS_V_UNLOCK, 0, &other) != 0 ||
	    simply(o, IPCFS_V_UNLOCK, 0, &owner) != 0 || !works(o))
		return -1;
	return number == 2 ? 0 : number == 3 ? 1 : -2;
}

/* The one who stood there is dead: he is in nobody's way. */
int lock_has_a_line(struct ipcfs_object *o)
{
	bool line = LOAD(o->control->turn) != 0;

	if (simply(o, IPCFS_V_LOCK, IPCFS_OP_SHARED, &other) != 0 || LOAD(o->control->turn) ||
	    simply(o, IPCFS_V_UNLOCK, 0, &other) != 0 ||
	    simply(o, IPCFS_V_UNLOCK, 0, &owner) != 0 || !works(o))
		return -1;
	return line;
}

/* Has the owner not got it any more, given back as it should be? */
static int given_back(struct ipcfs_object *o, bool after_a_death)
{
	bool abandoned;
	int rc = run(o, IPCFS_V_LOCK, 0, &other, NULL, &abandoned);
	bool back = rc == 0;

	if (back ? abandoned != after_a_death : rc != -EAGAIN)
		return -1;
	if (simply(o, IPCFS_V_UNLOCK, 0, back ? &other : &owner) != 0 || !works(o))
		return -2;
	return back;
}

int lock_released(struct ipcfs_object *o)
{
	return given_back(o, false);
}

int lock_ended(struct ipcfs_object *o)
{
	return given_back(o, true);
}

int lock_converted(struct ipcfs_object *o)
{
	int rc = simply(o, IPCFS_V_LOCK, IPCFS_OP_SHARED, &other);

	if ((rc != 0 && rc != -EAGAIN) || simply(o, IPCFS_V_UNLOCK, 0, &owner) != 0 ||
	    simply(o, IPCFS_V_LEAVE, 0, &other) != 0 || !works(o))
		return -1;
	return rc == 0;
}

/* How many hold it, whoever has to finish the change of the dead. */
static int holders(struct ipcfs_object *o)
{
	uint64_t changes = 0;
	int n = 0;

	ipcfs_wait_change(o, &changes, 0); /* takes the inner lock */
	for (unsigned i = 0; i < claim_count(o); i++)
		n += LOAD(claim_at(o, i)->state) != 0;
	return n;
}

int lock_left(struct ipcfs_object *o)
{
	int n = holders(o);

	if ((n != 0 && n != 3) || simply(o, IPCFS_V_LEAVE, 0, &owner) != 0)
		return -1;
	owner.handle = 1;
	return works(o) ? n == 0 : -2;
}

int lock_buried(struct ipcfs_object *o)
{
	int n = holders(o);

	return n > 1 || lock_taken_from_the_dead(o) != 0 ? -1 : n == 0;
}
