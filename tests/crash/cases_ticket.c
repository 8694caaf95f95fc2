/* SPDX-License-Identifier: MIT
 *
 * cases_ticket.c - conditions and barriers: see cases.h. Those who wait live in the process that looks, so that
 * the death of the client who changes something is not theirs.
 */
#include "cases_ticket.h"

#include <errno.h>

#include "cases.h"
#include "core/engine.h"
#include "core/object.h"
#include "core/ticket.h"

enum { DEAD = 77 }; /* a member that never was */

static struct ipcfs_holder owners[3];
static uint64_t tickets[3];

/* An operation of owner i with his ticket. */
static int run(struct ipcfs_object *o, enum ipcfs_verb verb, unsigned flags, unsigned i,
	       uint64_t *count)
{
	struct ipcfs_op op = {
		.verb = verb, .flags = flags, .holder = &owners[i], .token = tickets[i]};
	int rc = ipcfs_engine_shm.try(o, &op);

	if (verb == IPCFS_V_ARM || verb == IPCFS_V_ARRIVE)
		tickets[i] = op.token;
	if (count)
		*count = op.count;
	return rc;
}

void nobody_yet(struct ipcfs_object *o)
{
	for (unsigned i = 0; i < 3; i++)
		owners[i] = (struct ipcfs_holder){.member = (uint64_t)member_self(o->store),
						  .handle = i == 1};
}

/* Behind whoever takes the lock, and so finishes what the dead had committed. */
static struct ipcfs_stat stat_of(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READY, .holder = &owners[0]};
	struct ipcfs_stat st = {0};

	ipcfs_engine_shm.try(o, &op);
	ipcfs_stat(o, &st);
	return st;
}

/* ---- conditions ------------------------------------------------------------------------------------ */

/* Which of the three are notified, as bits, which are waiters no more, from bit 3 on; -1: something else. */
static int told(struct ipcfs_object *o)
{
	int bits = 0;

	for (unsigned i = 0; i < 3; i++) {
		int rc = run(o, IPCFS_V_AWAIT, 0, i, NULL);

		if (rc == 0)
			bits |= 1 << i;
		else if (rc == -EPERM)
			bits |= 8 << i;
		else if (rc != -EAGAIN)
			return -1;
	}
	return bits;
}

/* The condition does what it should, and nobody is left: those who were not told are now. */
static bool condition_works(struct ipcfs_object *o)
{
	uint64_t ticket;

	return ipcfs_condition_notify_all(o) >= 0 && ipcfs_condition_arm(o, &ticket) == 0 &&
	       ipcfs_condition_notify(o, 3) == 1 && ipcfs_condition_wait(o, ticket, 0) == 0 &&
	       stat_of(o).value == 0;
}

static int one_of(struct ipcfs_object *o, int before, int after)
{
	int is = told(o);

	if (is < 0 || !condition_works(o))
		return -1;
	return is == before ? 0 : is == after ? 1 : -2;
}

void condition_three(struct ipcfs_object *o)
{
	nobody_yet(o);
	for (unsigned i = 0; i < 3; i++)
		run(o, IPCFS_V_ARM, 0, i, NULL);
}

void condition_one_told(struct ipcfs_object *o)
{
	condition_three(o);
	ipcfs_condition_notify(o, 1);
}

void condition_dead_told(struct ipcfs_object *o)
{
	condition_one_told(o);
	STORE(claim_at(o, tickets[0] % CLAIMS_MAX)->member, DEAD);
}

void condition_half_told(struct ipcfs_object *o)
{
	condition_three(o);
	for (unsigned i = 0; i < 2; i++) {
		struct claim *c = claim_at(o, tickets[i] % CLAIMS_MAX);

		STORE(c->next, 2);
		STORE(c->staged, 1);
	}
	STORE(o->control->redo_word, 2);
	STORE(o->control->redo_length, 2);
	STORE(o->control->redo_on, 1);
	STORE(o->control->lock, DEAD << 1);
}

void condition_arm(struct ipcfs_object *o)
{
	run(o, IPCFS_V_ARM, 0, 0, NULL);
}

void condition_notify_two(struct ipcfs_object *o)
{
	ipcfs_condition_notify(o, 2);
}

void condition_notify_all(struct ipcfs_object *o)
{
	ipcfs_condition_notify_all(o);
}

void condition_notify_one(struct ipcfs_object *o)
{
	ipcfs_condition_notify(o, 1);
}

void condition_fetch(struct ipcfs_object *o)
{
	run(o, IPCFS_V_AWAIT, 0, 0, NULL);
}

void condition_leave(struct ipcfs_object *o)
{
	run(o, IPCFS_V_LEAVE, 0, 0, NULL);
}

void condition_give_up(struct ipcfs_object *o)
{
	run(o, IPCFS_V_AWAIT, IPCFS_OP_LAST, 0, NULL);
}

void condition_sweep(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READY};

	ipcfs_engine_shm.try(o, &op);
}

int condition_armed(struct ipcfs_object *o)
{
	uint64_t armed = stat_of(o).value;

	if (ipcfs_condition_notify(o, 5) != (int)armed || !condition_works(o))
		return -1;
	return armed <= 1 ? (int)armed : -2;
}

/* Who sleeps in the library was woken as well. */
static int woken(struct ipcfs_object *o, int state)
{
	bool asleep = LOAD(o->control->flags) & SEG_WAITERS(IPCFS_C_READ);

	return state == 1 && asleep && !LOAD(o->control->seq[IPCFS_C_READ]) ? -3 : state;
}

int condition_two_notified(struct ipcfs_object *o)
{
	int was_woken = woken(o, 1), state = one_of(o, 0, 3);

	return state == 1 ? was_woken : state;
}

int condition_all_notified(struct ipcfs_object *o)
{
	int was_woken = woken(o, 1), state = one_of(o, 0, 7);

	return state == 1 ? was_woken : state;
}

/* The two were, whatever became of the third. */
int condition_third_notified(struct ipcfs_object *o)
{
	return one_of(o, 3, 7);
}

int condition_fetched(struct ipcfs_object *o)
{
	return one_of(o, 1, 8);
}

int condition_passed_on(struct ipcfs_object *o)
{
	return one_of(o, 1, 8 | 2);
}

int condition_given_up(struct ipcfs_object *o)
{
	return one_of(o, 0, 8);
}

/* The dead one's ticket is no longer ours to ask for. */
int condition_swept(struct ipcfs_object *o)
{
	return one_of(o, 8, 8 | 2);
}

/* ---- barriers --------------------------------------------------------------------------------------------- */

/* All that its parties can do, with nobody there before. */
static bool barrier_works(struct ipcfs_object *o)
{
	uint64_t count = 0;

	if (ipcfs_barrier_reset(o) != 0 || stat_of(o).value != 0 || stat_of(o).broken)
		return false;
	barrier_two(o);
	return run(o, IPCFS_V_ARRIVE, 0, 2, &count) == 0 && count == 2 &&
	       run(o, IPCFS_V_PASS, 0, 1, &count) == 0 && count == 1 &&
	       run(o, IPCFS_V_PASS, 0, 0, &count) == 0 && count == 0;
}

/* What the two who have arrived get: the same both, and nothing else is so. */
static int both(struct ipcfs_object *o, int before, int after)
{
	uint64_t count[2] = {0, 1};
	int rc[2];

	for (unsigned i = 0; i < 2; i++)
		rc[i] = run(o, IPCFS_V_PASS, 0, i, &count[i]);
	if (rc[0] != rc[1] || (rc[0] == 0 && (count[0] != 0 || count[1] != 1)))
		return -1;
	return rc[0] == before ? 0 : rc[0] == after ? 1 : -2;
}

static int and_works(struct ipcfs_object *o, int state, bool consistent)
{
	return !consistent ? -4 : barrier_works(o) ? state : -5;
}

void barrier_two(struct ipcfs_object *o)
{
	nobody_yet(o);
	for (unsigned i = 0; i < 2; i++)
		run(o, IPCFS_V_ARRIVE, IPCFS_OP_WAITS, i, NULL);
}

void barrier_through(struct ipcfs_object *o)
{
	barrier_two(o);
	ipcfs_barrier_wait(o, 0);
}

void barrier_broken(struct ipcfs_object *o)
{
	nobody_yet(o);
	ipcfs_barrier_abort(o);
}

void barrier_arrive(struct ipcfs_object *o)
{
	run(o, IPCFS_V_ARRIVE, IPCFS_OP_WAITS, 2, NULL);
}

void barrier_pass(struct ipcfs_object *o)
{
	run(o, IPCFS_V_PASS, 0, 0, NULL);
}

void barrier_leave(struct ipcfs_object *o)
{
	run(o, IPCFS_V_LEAVE, 0, 0, NULL);
}

void barrier_time_out(struct ipcfs_object *o)
{
	run(o, IPCFS_V_PASS, IPCFS_OP_LAST | IPCFS_OP_BREAK, 0, NULL);
}

void barrier_abort(struct ipcfs_object *o)
{
	ipcfs_barrier_abort(o);
}

void barrier_reset(struct ipcfs_object *o)
{
	ipcfs_barrier_reset(o);
}

int barrier_arrived(struct ipcfs_object *o)
{
	uint64_t arrived = stat_of(o).value;

	return and_works(o, (int)arrived, arrived <= 1);
}

int barrier_completed(struct ipcfs_object *o)
{
	int was_woken = woken(o, 1);
	struct ipcfs_stat st = stat_of(o);
	int state = both(o, -EAGAIN, 0);

	state = state == 1 ? was_woken : state;
	return and_works(o, state, state < 0 || st.generation == (uint64_t)state);
}

int barrier_passed(struct ipcfs_object *o)
{
	uint64_t count = 0;
	int rc = run(o, IPCFS_V_PASS, 0, 0, &count);

	return and_works(o, rc == -EPERM ? 1 : rc,
			 (rc == -EPERM || (rc == 0 && count == 0)) &&
				 run(o, IPCFS_V_PASS, 0, 1, &count) == 0 && count == 1);
}

int barrier_left(struct ipcfs_object *o)
{
	struct ipcfs_stat st = stat_of(o);
	int rc = run(o, IPCFS_V_PASS, 0, 0, NULL);
	bool there = rc == -EAGAIN;

	return and_works(o, !there,
			 (there || rc == -EPERM) && st.value == 1 + (uint64_t)there && !st.broken &&
				 run(o, IPCFS_V_PASS, 0, 1, NULL) == -EAGAIN);
}

int barrier_timed_out(struct ipcfs_object *o)
{
	struct ipcfs_stat st = stat_of(o);
	int rc = run(o, IPCFS_V_PASS, 0, 0, NULL), other = run(o, IPCFS_V_PASS, 0, 1, NULL);
	bool before = rc == -EAGAIN && other == -EAGAIN && st.value == 2 && !st.broken;
	bool after = rc == -EPERM && other == -ECANCELED && st.value == 0 && st.broken;

	return and_works(o, after, before || after);
}

int barrier_aborted(struct ipcfs_object *o)
{
	int was_woken = woken(o, 1);
	struct ipcfs_stat st = stat_of(o);
	int state = both(o, -EAGAIN, -ECANCELED);

	state = state == 1 ? was_woken : state;
	return and_works(o, state, state < 0 || st.broken == state);
}

int barrier_emptied(struct ipcfs_object *o)
{
	bool broken = stat_of(o).broken;

	return and_works(o, both(o, -EAGAIN, -ECANCELED), !broken);
}

int barrier_mended(struct ipcfs_object *o)
{
	return and_works(o, !stat_of(o).broken, true);
}
