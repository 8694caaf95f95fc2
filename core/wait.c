/* SPDX-License-Identifier: MIT
 *
 * wait.c - waiting and waking. A waiter announces itself (a sticky flag, and the sequence number of
 * its class) under the object's lock and then sleeps on that number. A changer who sees the
 * flag makes the number grow, wakes, rings a server's bell, and only then commits and unlocks; who
 * was woken looks under the lock alone, and takes it over from the dead. So a changer killed before
 * its commit owes nothing, and after it has told everybody (tests/model/wait.pml).
 */
#include "claim.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>

/* A wake-up may have gone to a waiter that was killed before it took anything. */
#define LONGEST_SLEEP_NS 1000000000

enum ipcfs_class ipcfs_op_class(const struct ipcfs_op *op)
{
	switch (op->verb) {
	case IPCFS_V_PUT:
	case IPCFS_V_PUT_MANY:
		return IPCFS_C_WRITE;
	case IPCFS_V_CHANGED:
	case IPCFS_V_ARM: /* for a place in the table of claims */
	case IPCFS_V_ARRIVE:
		return IPCFS_C_CHANGE;
	case IPCFS_V_JOIN:
		return IPCFS_C_JOIN;
	default:
		return IPCFS_C_READ;
	}
}

static void announce(struct ipcfs_object *o, uint32_t bit)
{
	uint32_t flags = LOAD(o->control->flags);

	if (!(flags & bit))
		STORE(o->control->flags, flags | bit);
}

void obj_wake_sleepers(struct ipcfs_object *o, enum ipcfs_class class, int n)
{
	struct seg_control *control = o->control;
	uint32_t flags = LOAD(control->flags);

	if (__builtin_expect(!(flags & SEG_WAITERS(class)), 1) || n == 0)
		return;
	STORE(control->seq[class], LOAD(control->seq[class]) + 1);
	/* Fewer than asked: nobody sleeps any more, and who was about to sees the number. */
	if (sys_futex_wake(&control->seq[class], n) < n)
		STORE(control->flags, flags & ~SEG_WAITERS(class));
}

void obj_wake(struct ipcfs_object *o, enum ipcfs_class class, int n)
{
	struct seg_control *control = o->control;

	obj_wake_sleepers(o, class, n);
	if (__builtin_expect(LOAD(control->flags) & SEG_PARKED(class) && !o->store->server, 0)) {
		member_ring(o->store, o->id);
		/* The server sets it again when it has looked. */
		STORE(control->flags, LOAD(control->flags) & ~SEG_PARKED(class));
	}
}

void obj_wake_bits(struct ipcfs_object *o, enum ipcfs_class class, uint32_t bits)
{
	struct seg_control *control = o->control;

	if (!bits || !(LOAD(control->flags) & SEG_WAITERS(class)))
		return;
	STORE(control->seq[class], LOAD(control->seq[class]) + 1);
	sys_futex_wake_bits(&control->seq[class], bits);
}

void obj_change(struct ipcfs_object *o, enum ipcfs_class class, int n)
{
	struct seg_control *control = o->control;

	STORE(control->changes, LOAD(control->changes) + 1);
	if (__builtin_expect(LOAD(control->flags) == 0, 1))
		return;
	if (class != IPCFS_C_CHANGE)
		obj_wake(o, class, n);
	obj_wake(o, IPCFS_C_CHANGE, INT_MAX);
}

/* Of what the operation is of. */
static int changes_of(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t *changes)
{
	int rc = 0;

	if (op->part && o->ops->changes)
		rc = o->ops->changes(o, op, changes);
	else
		*changes = LOAD(o->control->changes);
	if (rc == -EUCLEAN)
		seg_damage(o);
	return rc;
}

static int try_ready(struct ipcfs_object *o, struct ipcfs_op *op)
{
	unsigned ready;

	for (int class = 0; class < IPCFS_C_COUNT; class ++)
		if (op->flags & IPCFS_OP_PARK && op->count & 1u << class)
			announce(o, SEG_PARKED(class));
	ready = o->ops->ready(o, op);
	if (ready & IPCFS_READY_OWES && !(op->flags & IPCFS_OP_PAID))
		return -ERESTART;
	op->count &= ready;
	return changes_of(o, op, &op->changes);
}

static int try_changed(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t now;
	int rc = changes_of(o, op, &now);

	/* A holder's death is a change, once it is seen. */
	if (rc == 0 && now == op->changes && (!o->ops->bury || !o->ops->bury(o, op)))
		return -EAGAIN;
	return rc < 0 ? rc : changes_of(o, op, &op->changes);
}

/* With the lock held. */
static int try_verb(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t now;
	int rc;

	if (op->verb == IPCFS_V_CHANGED)
		return try_changed(o, op);
	if (op->verb == IPCFS_V_READY)
		return try_ready(o, op);
	if (op->verb == IPCFS_V_QUIT) {
		turn_drop(o);
		return 0;
	}
	if (op->flags & IPCFS_OP_CAS) {
		rc = changes_of(o, op, &now);
		if (rc < 0 || now != op->changes)
			return rc < 0 ? rc : -ECANCELED;
	}
	rc = o->ops->try(o, op);
	if (__builtin_expect(o->staged_to != 0, 0))
		claim_unstage(o); /* it failed half-way */
	if (rc == -EUCLEAN)
		seg_damage(o);
	if (rc != 0 || changes_of(o, op, &op->changes) < 0) /* the part has gone */
		op->changes = LOAD(o->control->changes);
	return rc;
}

static int try_locked(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t before = LOAD(o->control->changes);
	int rc = try_verb(o, op);

	op->made = LOAD(o->control->changes) - before;
	return rc;
}

static int try_once(struct ipcfs_object *o, struct ipcfs_op *op)
{
	int rc = obj_lock(o, 0, op->flags & IPCFS_OP_TRYLOCK);

	op->made = 0;
	if (rc < 0)
		return rc;
	rc = try_locked(o, op);
	if (rc == -EAGAIN && op->flags & IPCFS_OP_PARK)
		announce(o, SEG_PARKED(ipcfs_op_class(op)));
	return obj_unlock(o, rc);
}

/* What -ERESTART asks for: work that cannot be done under the object's lock; then the operation again. */
static void pay(struct ipcfs_object *o, struct ipcfs_op *op)
{
	o->ops->pay(o);
	op->flags |= IPCFS_OP_PAID;
}

int obj_try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	int rc = try_once(o, op);

	if (__builtin_expect(rc != -ERESTART, 1))
		return rc;
	pay(o, op);
	rc = try_once(o, op);
	op->flags &= ~(unsigned)IPCFS_OP_PAID;
	return rc;
}

/* One round: tries; where it must wait, sleeps once. -EAGAIN: again. */
static int run_once(struct ipcfs_object *o, struct ipcfs_op *op, int64_t deadline_ns)
{
	enum ipcfs_class class;
	int64_t now, until;
	uint32_t seen = 0;
	int rc = obj_lock(o, deadline_ns, false);

	if (rc < 0)
		return rc;
	if (deadline_ns != 0)
		op->flags |= IPCFS_OP_WAITS;
	rc = try_locked(o, op);
	class = op->flags & IPCFS_OP_TURN ? IPCFS_C_JOIN : ipcfs_op_class(op);
	if (rc == -EAGAIN && deadline_ns != 0) {
		announce(o, SEG_WAITERS(class));
		seen = LOAD(o->control->seq[class]);
	}
	rc = obj_unlock(o, rc);
	if (rc != -EAGAIN || deadline_ns == 0)
		return rc;
	now = sys_now_ns();
	if (deadline_ns > 0 && now >= deadline_ns)
		return -ETIMEDOUT;
	until = now + LONGEST_SLEEP_NS;
	if (deadline_ns > 0 && until > deadline_ns)
		until = deadline_ns;
	member_sleeps(o, op->flags & IPCFS_OP_SHARED);
	rc = sys_futex_wait_bits(&o->control->seq[class], seen, until, op->bits ? op->bits : ~0u);
	member_wakes(o);
	return rc == -EINTR ? -EINTR : -EAGAIN;
}

/* Who gives up waiting may have the turnstile. */
static void quit(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_QUIT};

	run_once(o, &op, 0);
}

int obj_run(struct ipcfs_object *o, struct ipcfs_op *op, int64_t deadline_ns)
{
	uint64_t count = op->count;
	int rc;

	do {
		op->count = count;
		rc = run_once(o, op, deadline_ns);
		op->flags &= ~(unsigned)IPCFS_OP_PAID;
		if (rc == -ERESTART)
			pay(o, op);
	} while ((rc == -EAGAIN && deadline_ns != 0) || rc == -ERESTART);
	if (rc < 0 && deadline_ns != 0 && (LOAD(o->control->turn) || LOAD(o->control->turn_next)))
		quit(o);
	return rc;
}
