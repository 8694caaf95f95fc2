/* SPDX-License-Identifier: MIT
 *
 * cases_hold.c - units of a semaphore that are held: see cases.h. However far a client came, all units are free
 * or held, and free again when those who hold them are gone.
 */
#include "cases_hold.h"

#include <errno.h>
#include <stdbool.h>

#include "cases.h"
#include "core/claim.h"
#include "core/engine.h"

void held_four_free(struct ipcfs_object *o)
{
	ipcfs_semaphore_release(o, 4);
}

/* By a member who is dead (77), or by open files of ours. */
static void hold_as(struct ipcfs_object *o, uint64_t member, uint64_t handle, uint64_t n)
{
	struct ipcfs_holder h = {.member = member ? member : (uint64_t)member_self(o->store),
				 .handle = handle};
	struct ipcfs_op op = {
		.verb = IPCFS_V_ACQUIRE, .flags = IPCFS_OP_HOLD, .count = n, .holder = &h};

	ipcfs_engine_shm.try(o, &op);
}

/* Free units, and those of all claims, dead holders' too: legal, and done or not. */
struct units {
	uint64_t free, held;
	bool done;
};

/* Looking takes the lock, so what was committed is there. */
static int look_at_units(struct ipcfs_object *o, struct units *u)
{
	int rc = obj_lock(o, 0, false);

	*u = (struct units){0};
	if (rc < 0)
		return rc;
	u->free = LOAD(o->control->word);
	for (unsigned i = 0; i < claim_count(o); i++)
		u->held += LOAD(claim_at(o, i)->state);
	return obj_unlock(o, 0);
}

/* One of n states; and then, when the files have closed, all units are free, no more and no fewer. */
static int units_are(struct ipcfs_object *o, const struct units *legal, int n)
{
	struct units is, then;
	int state = -2;

	if (look_at_units(o, &is) != 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (legal[i].free == is.free && legal[i].held == is.held)
			state = legal[i].done;
	for (uint64_t handle = 1; handle < 4; handle++) {
		struct ipcfs_holder h = {.member = (uint64_t)member_self(o->store),
					 .handle = handle};
		struct ipcfs_op leave = {.verb = IPCFS_V_LEAVE, .holder = &h};

		ipcfs_engine_shm.try(o, &leave);
	}
	if (ipcfs_semaphore_acquire(o, (uint32_t)(is.free + is.held) + 1, 0) != -EAGAIN ||
	    ipcfs_semaphore_acquire(o, (uint32_t)(is.free + is.held), 0) != 0)
		return -3;
	return look_at_units(o, &then) != 0 || then.free || then.held ? -4 : state;
}
#define UNITS_ARE(o, ...)                                                                          \
	units_are(o, (const struct units[]){__VA_ARGS__},                                          \
		  sizeof((const struct units[]){__VA_ARGS__}) / sizeof(struct units))

void held_hold_two(struct ipcfs_object *o)
{
	ipcfs_semaphore_hold(o, 2, 0);
}

int held_two(struct ipcfs_object *o)
{
	return UNITS_ARE(o, {4, 0, false}, {2, 2, true});
}

void held_by_a_file(struct ipcfs_object *o)
{
	held_four_free(o);
	hold_as(o, 0, 1, 1);
}

void held_hold_one(struct ipcfs_object *o)
{
	ipcfs_semaphore_hold(o, 1, 0);
}

int held_one_more(struct ipcfs_object *o)
{
	return UNITS_ARE(o, {3, 1, false}, {2, 2, true});
}

/* The second time the client's claim grows. */
void held_hold_again(struct ipcfs_object *o)
{
	ipcfs_semaphore_hold(o, 1, 0);
	ipcfs_semaphore_hold(o, 2, 0);
}

int held_again(struct ipcfs_object *o)
{
	return UNITS_ARE(o, {4, 0, false}, {3, 1, false}, {1, 3, true});
}

void held_by_the_dead(struct ipcfs_object *o)
{
	held_four_free(o);
	hold_as(o, 77, 0, 1);
}

void held_hold_four(struct ipcfs_object *o)
{
	ipcfs_semaphore_hold(o, 4, 0);
}

/* To take back what the dead held is a commit of its own, before that of the acquisition. */
int held_four(struct ipcfs_object *o)
{
	return UNITS_ARE(o, {3, 1, false}, {4, 0, false}, {0, 4, true});
}

/* Two are free; two files have one each, and so has one who is dead; one is nobody's. */
void held_by_many(struct ipcfs_object *o)
{
	ipcfs_semaphore_release(o, 6);
	hold_as(o, 0, 1, 1);
	hold_as(o, 77, 0, 1);
	hold_as(o, 0, 2, 1);
	ipcfs_semaphore_acquire(o, 1, 0);
}

void held_release_three(struct ipcfs_object *o)
{
	ipcfs_semaphore_release(o, 3);
}

int held_charged_to_many(struct ipcfs_object *o)
{
	return UNITS_ARE(o, {2, 3, false}, {6, 0, true});
}

void held_hold_and_release(struct ipcfs_object *o)
{
	ipcfs_semaphore_hold(o, 2, 0);
	ipcfs_semaphore_release(o, 1);
}

int held_and_released(struct ipcfs_object *o)
{
	return UNITS_ARE(o, {4, 0, false}, {2, 2, false}, {3, 1, true});
}

void held_hold_and_leave(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_LEAVE};

	ipcfs_semaphore_hold(o, 2, 0);
	ipcfs_semaphore_acquire(o, 1, 0);
	ipcfs_engine_shm.try(o, &op);
}

int held_and_left(struct ipcfs_object *o)
{
	return UNITS_ARE(o, {4, 0, false}, {2, 2, false}, {1, 2, false}, {3, 0, true});
}

/* Somebody died after he had committed a change of claims, before he applied it. */
void held_pending(struct ipcfs_object *o)
{
	held_by_a_file(o);
	claim_stage(o, 0, 3);
	STORE(o->control->redo_word, 1);
	STORE(o->control->redo_on, 1);
	STORE(o->control->lock, 77 << 1);
}

int held_after_repair(struct ipcfs_object *o)
{
	return UNITS_ARE(o, {1, 3, false}, {0, 4, true});
}
