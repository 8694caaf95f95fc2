/* SPDX-License-Identifier: MIT
 *
 * turn.c - the turnstile, see claim.h: two places in the control block, whose turn it is and who comes next.
 * A server stands there for all its parked requests; TURN_SERVER tells it from a program that waits in the
 * library. Those two kinds of waiters would pass each other for ever: a program that releases and acquires
 * again is faster than any server, and a server goes from one parked request to the next without a pause. So
 * each may stand behind the other, and they take turns.
 */
#include "claim.h"
#include "sys.h"

#include <limits.h>

#define TURN_NS 2000000000 /* without a look of its owner: twice the longest sleep */
#define TURN_SERVER (1ull << 63)

static uint64_t mine(struct ipcfs_object *o)
{
	int64_t self = member_self(o->store);

	return (self > 0 ? (uint64_t)self : 0) | (o->store->server ? TURN_SERVER : 0);
}

static bool is_mine(struct ipcfs_object *o, uint64_t owner)
{
	return owner && owner == mine(o);
}

/* Is whoever stands there alive, and looks? */
static bool stands(struct ipcfs_object *o, uint64_t owner, uint64_t until)
{
	uint64_t now;

	if (!owner || is_mine(o, owner))
		return owner != 0;
	now = (uint64_t)sys_now_ns();
	return until > now && until - now <= TURN_NS &&
	       member_alive(o->store, owner & ~TURN_SERVER);
}

/* The next one comes forward. May be killed anywhere: it then stands in both places, which is once. */
static void advance(struct ipcfs_object *o)
{
	struct seg_control *c = o->control;
	uint64_t next = LOAD(c->turn_next), until = LOAD(c->next_until);

	if (next == LOAD(c->turn) || !stands(o, next, until))
		next = 0;
	STORE(c->turn_until, until);
	STORE(c->turn, next);
	STORE(c->turn_next, 0);
}

static void wake_all(struct ipcfs_object *o)
{
	obj_wake(o, IPCFS_C_READ, INT_MAX);
	obj_wake(o, IPCFS_C_JOIN, INT_MAX);
}

uint64_t turn_owner(struct ipcfs_object *o)
{
	uint64_t owner = LOAD(o->control->turn);

	if (__builtin_expect(!owner && !LOAD(o->control->turn_next), 1))
		return 0;
	if (stands(o, owner, LOAD(o->control->turn_until)))
		return owner;
	advance(o);
	wake_all(o); /* those whom it has kept waiting */
	return LOAD(o->control->turn);
}

bool turn_blocks(struct ipcfs_object *o)
{
	uint64_t owner = turn_owner(o);

	return owner && !is_mine(o, owner);
}

bool turn_take(struct ipcfs_object *o)
{
	struct seg_control *c = o->control;
	uint64_t owner = turn_owner(o), until = (uint64_t)sys_now_ns() + TURN_NS;

	if (!o->store->server)
		member_note(o); /* our death names the object to a server */
	if (!owner || is_mine(o, owner)) {
		STORE(c->turn_until, until);
		STORE(c->turn, mine(o));
		return true;
	}
	/* Programs behind a program: the order in which they sleep will do. */
	if (!o->store->server && !(owner & TURN_SERVER))
		return false;
	if (!is_mine(o, LOAD(c->turn_next)) && stands(o, LOAD(c->turn_next), LOAD(c->next_until)))
		return false;
	STORE(c->next_until, until);
	STORE(c->turn_next, mine(o));
	return true;
}

bool turn_pass(struct ipcfs_object *o)
{
	bool next = is_mine(o, LOAD(o->control->turn_next));

	if (next)
		STORE(o->control->turn_next, 0);
	if (!is_mine(o, LOAD(o->control->turn)))
		return next;
	advance(o);
	/* Between a server and programs: one of those who sleep comes and stands behind it. */
	if (o->store->server ? !LOAD(o->control->turn) : LOAD(o->control->turn) & TURN_SERVER)
		obj_wake_sleepers(o, IPCFS_C_READ, 1);
	return true;
}

void turn_drop(struct ipcfs_object *o)
{
	if (turn_pass(o))
		wake_all(o);
}
