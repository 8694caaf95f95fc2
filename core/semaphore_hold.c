/* SPDX-License-Identifier: MIT
 *
 * semaphore_hold.c - units of semaphores that are held: claims, one a holder, whose state is how many. They come back
 * with him: he gives them back, leaves, or is found dead. What is released is charged to who releases it,
 * else to the longest holder.
 */
#include "semaphore.h"
#include "sys.h"

#include <errno.h>

/* A waiter of the library that is woken often need not ask each time. */
#define BURY_AGAIN_NS 50000000

/* The holder's claim grows, or begins: staged. */
int semaphore_stage_hold(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t n)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = claim_find(o, &h, 0);
	uint64_t held;

	if (i == CLAIM_NONE) {
		i = claim_new(o, &h, n);
		return i < 0 ? i : 0;
	}
	held = LOAD(claim_at(o, (unsigned)i)->state);
	if (held > o->shape[SEMAPHORE_MAX])
		return -EUCLEAN;
	claim_stage(o, (unsigned)i, held + n);
	return 0;
}

/* Is there room for the holder's claim? */
bool semaphore_may_hold(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	if (!(op->flags & IPCFS_OP_HOLD) || claim_count(o) < CLAIMS_MAX)
		return true;
	for (unsigned i = 0; i < CLAIMS_MAX; i++)
		if (!LOAD(claim_at(o, i)->state) ||
		    (op->holder && claim_is(claim_at(o, i), op->holder)))
			return true;
	return false;
}

/* Stages that n units of claim i are free again. */
static int give_back(struct ipcfs_object *o, unsigned i, uint64_t n, uint64_t *value)
{
	uint64_t held = LOAD(claim_at(o, i)->state);

	if (n > held || held > o->shape[SEMAPHORE_MAX] || n > o->shape[SEMAPHORE_MAX] - *value)
		return -EUCLEAN;
	claim_stage(o, i, held - n);
	*value += n;
	return 0;
}

/* ---- the dead ---------------------------------------------------------------------------------- */

/* Takes back what the dead hold. 1: they held something; 0; -EUCLEAN. */
static int bury(struct ipcfs_object *o, uint64_t *value)
{
	uint64_t now_free = *value;
	int rc = 0, i = claim_dead(o, 0);

	if (i == CLAIM_NONE)
		return 0;
	for (; rc == 0 && i != CLAIM_NONE; i = claim_dead(o, (unsigned)i + 1))
		rc = give_back(o, (unsigned)i, LOAD(claim_at(o, (unsigned)i)->state), &now_free);
	if (rc < 0) {
		claim_unstage(o);
		return rc;
	}
	semaphore_commit(o, now_free);
	*value = now_free;
	return 1;
}

/* For who would wait. Each owner is asked after in the kernel, and a release wakes all who wait: so who
 * sleeps in the library asks twenty times a second at the most. */
int semaphore_bury(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t *value)
{
	int64_t now;

	if (claim_count(o) == 0 || !claim_due(o, op))
		return 0;
	if (op->flags & IPCFS_OP_WAITS) {
		now = sys_now_ns();
		if (now - LOAD(o->buried_ns) < BURY_AGAIN_NS)
			return 0;
		STORE(o->buried_ns, now);
	}
	return bury(o, value);
}

bool semaphore_bury_for_watchers(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	uint64_t value = LOAD(o->control->word);

	return value <= o->shape[SEMAPHORE_MAX] && semaphore_bury(o, op, &value) > 0;
}

/* Units that are still charged to the dead. */
uint64_t semaphore_of_the_dead(struct ipcfs_object *o)
{
	uint64_t units = 0, alive = 0;

	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t state = LOAD(c->state), member = LOAD(c->member);

		if (!state || state > o->shape[SEMAPHORE_MAX] || (alive && member == alive))
			continue;
		if (claim_alive(o, c))
			alive = member;
		else
			units += state;
	}
	return units;
}

/* ---- release ----------------------------------------------------------------------------------- */

/* The longest holder whose claim is not staged yet. */
static int longest(struct ipcfs_object *o)
{
	uint64_t least = UINT64_MAX;
	int found = CLAIM_NONE;

	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);

		if (LOAD(c->state) && !LOAD(c->staged) && LOAD(c->order) < least) {
			least = LOAD(c->order);
			found = (int)i;
		}
	}
	return found;
}

/* Charges up to *left units to the holder himself, then to the longest holders. What the dead among these held is
 * free again by itself, and pays for nothing. */
int semaphore_charge(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t *value,
		     uint64_t *left)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int rc = 0, i = claim_find(o, &h, 0);

	if (i == CLAIM_NONE)
		i = longest(o);
	/* Each once; somebody may take back that it is staged while we are at it. */
	for (unsigned n = 0; rc == 0 && *left && i != CLAIM_NONE && n < CLAIMS_MAX; n++) {
		struct claim *c = claim_at(o, (unsigned)i);
		bool alive = claim_is(c, &h) || claim_alive(o, c);
		uint64_t held = LOAD(c->state), paid = alive && *left < held ? *left : held;

		rc = give_back(o, (unsigned)i, paid, value);
		*left -= alive ? paid : 0;
		i = longest(o);
	}
	return rc;
}

/* All that the holder has. */
int semaphore_leave(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t value)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int rc = 0, i = claim_find(o, &h, 0);

	if (i == CLAIM_NONE)
		return 0;
	for (; rc == 0 && i != CLAIM_NONE; i = claim_find(o, &h, (unsigned)i + 1))
		rc = give_back(o, (unsigned)i, LOAD(claim_at(o, (unsigned)i)->state), &value);
	if (rc == 0)
		semaphore_commit(o, value);
	else
		claim_unstage(o);
	return rc;
}

bool semaphore_holding(struct ipcfs_object *o, struct claim *c, uint64_t state,
		       struct ipcfs_holding *h)
{
	(void)c;
	h->units = state;
	return state <= o->shape[SEMAPHORE_MAX];
}
