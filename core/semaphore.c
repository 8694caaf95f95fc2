/* SPDX-License-Identifier: MIT
 *
 * semaphore.c - a number of units, in the commit word. A plain acquisition belongs to nobody and is one store.
 * Units that are held are claims (semaphore_hold.c). What is released is charged to those who hold some, so
 * the units that are free and those that are held never are more together than max.
 */
#include "semaphore.h"

#include <errno.h>
#include <limits.h>

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	out[SEMAPHORE_VALUE] = p->given & IPCFS_P_VALUE ? p->value : 0;
	out[SEMAPHORE_MAX] = p->given & IPCFS_P_MAX ? p->max : IPCFS_SEMAPHORE_MAX;
	if (out[SEMAPHORE_MAX] > IPCFS_SEMAPHORE_MAX || out[SEMAPHORE_MAX] == 0 ||
	    out[SEMAPHORE_VALUE] > out[SEMAPHORE_MAX])
		return -ERANGE;
	return 0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_VALUE | IPCFS_P_MAX;
	p->value = in[SEMAPHORE_VALUE];
	p->max = in[SEMAPHORE_MAX];
}

static int layout(struct ipcfs_object *o)
{
	o->claims = SEG_PAGE;
	o->size = SEG_PAGE + CLAIMS_BYTES;
	return o->shape[SEMAPHORE_MAX] > IPCFS_SEMAPHORE_MAX ||
			       o->shape[SEMAPHORE_VALUE] > o->shape[SEMAPHORE_MAX] ?
		       -EUCLEAN :
		       0;
}

static uint64_t initial(const uint64_t in[5])
{
	return in[SEMAPHORE_VALUE];
}

/* ---- acquire ----------------------------------------------------------------------------------- */

static int take(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t value)
{
	int rc = 0;

	if (op->flags & IPCFS_OP_SOME && op->count > value)
		op->count = value;
	if (op->flags & IPCFS_OP_HOLD)
		rc = semaphore_stage_hold(o, op, op->count);
	if (rc < 0)
		return rc;
	obj_change(o, IPCFS_C_WRITE, INT_MAX);
	rc = op->sink ? op->sink(op->sink_arg, NULL, 0) : 0;
	turn_drop(o); /* also of one who is not there any more */
	if (rc < 0) {
		claim_unstage(o);
		return rc;
	}
	if (o->staged_to)
		claim_commit(o, value - op->count, 0);
	else
		STORE(o->control->word, value - op->count);
	return 0;
}

/* Parked requests keep their order; who wants several is not starved by those who want one; nor is who wants
 * one by those, once they have made him wait. */
static void stand_in_line(struct ipcfs_object *o, struct ipcfs_op *op)
{
	bool several = op->count > 1 && !(op->flags & IPCFS_OP_SOME);

	if (turn_blocks(o))
		op->flags |= IPCFS_OP_KEPT;
	if (op->flags & IPCFS_OP_PARK ||
	    (op->flags & IPCFS_OP_WAITS && (several || op->flags & IPCFS_OP_KEPT)))
		op->flags |= turn_take(o) ? IPCFS_OP_TURN : 0;
}

static int acquire(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t value)
{
	uint64_t least = op->flags & IPCFS_OP_SOME ? 1 : op->count;
	int rc, found;

	op->flags &= ~(unsigned)IPCFS_OP_TURN;
	if (op->count == 0)
		return -EINVAL;
	if (least > o->shape[SEMAPHORE_MAX])
		return -ERANGE;
	rc = least > value || turn_blocks(o) ? -EAGAIN : take(o, op, value);
	if (rc != -EAGAIN)
		return rc;
	/* Too few units, or no room for another claim. */
	found = semaphore_bury(o, op, &value);
	if (found > 0)
		rc = least > value || turn_blocks(o) ? -EAGAIN : take(o, op, value);
	if (rc == -EAGAIN)
		stand_in_line(o, op);
	return found < 0 ? found : rc;
}

/* ---- release ----------------------------------------------------------------------------------- */

/* Whose turn it is, else all: they differ in what they want. */
static void wake_next(struct ipcfs_object *o)
{
	if (__builtin_expect(LOAD(o->control->flags) == 0, 1))
		return;
	obj_wake(o, IPCFS_C_READ, turn_owner(o) ? 0 : INT_MAX);
	obj_wake(o, IPCFS_C_JOIN, INT_MAX);
}

void semaphore_commit(struct ipcfs_object *o, uint64_t value)
{
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	wake_next(o);
	if (o->staged_to)
		claim_commit(o, value, 0);
	else
		STORE(o->control->word, value);
}

static int release(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t value)
{
	uint64_t left = op->count, room;
	int rc = 0;

	if (op->count == 0)
		return -EINVAL;
	if (claim_count(o))
		rc = semaphore_charge(o, op, &value, &left);
	room = o->shape[SEMAPHORE_MAX] - value;
	if (rc == 0 && left > room && op->flags & IPCFS_OP_SOME && op->count > left - room) {
		op->count -= left - room;
		left = room;
	}
	if (rc == 0 && left > room)
		rc = -EOVERFLOW;
	if (rc == 0)
		semaphore_commit(o, value + left);
	else
		claim_unstage(o);
	return rc;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t value = LOAD(o->control->word);

	if (value > o->shape[SEMAPHORE_MAX])
		return -EUCLEAN;
	switch (op->verb) {
	case IPCFS_V_ACQUIRE:
		return acquire(o, op, value);
	case IPCFS_V_RELEASE:
		return release(o, op, value);
	case IPCFS_V_LEAVE:
		return semaphore_leave(o, op, value);
	default:
		return -EINVAL;
	}
}

/* ---- looking ----------------------------------------------------------------------------------- */

static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	uint64_t value = LOAD(o->control->word), wanted = op->first ? op->first : 1;
	bool full = !semaphore_may_hold(o, op), asked = !(op->flags & IPCFS_OP_PARK);

	/* Who has noticed a death asks so that it is taken back, for whomever that may help. */
	if ((wanted > value || full || asked) && value <= o->shape[SEMAPHORE_MAX] &&
	    semaphore_bury(o, op, &value) > 0)
		full = !semaphore_may_hold(o, op);
	return (wanted <= value && !full && !turn_blocks(o) ? 1u << IPCFS_C_READ : 0) |
	       1u << IPCFS_C_WRITE;
}

/* Units that the dead held are free, though nobody may have needed them yet. Without the lock: word and claims
 * belong together if nobody had the lock before, and nothing has changed after. */
static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	enum { LOOKS = 3 };
	uint64_t changes, dead;
	bool whole;

	for (int i = 0; i < LOOKS; i++) {
		changes = LOAD(o->control->changes);
		whole = LOAD(o->control->lock) <= 1;
		st->value = LOAD(o->control->word);
		dead = semaphore_of_the_dead(o);
		if (!dead)
			return;
		if (whole && LOAD(o->control->changes) == changes)
			break;
	}
	if (st->value <= o->shape[SEMAPHORE_MAX])
		st->value += dead < o->shape[SEMAPHORE_MAX] - st->value ?
				     dead :
				     o->shape[SEMAPHORE_MAX] - st->value;
}

const struct ipcfs_kind_ops ipcfs_semaphore_ops = {
	.name = "semaphores",
	.properties = IPCFS_P_VALUE | IPCFS_P_MAX,
	.taking = true,
	.shape = shape,
	.properties_of = properties_of,
	.layout = layout,
	.initial = initial,
	.repair = claim_repair,
	.bury = semaphore_bury_for_watchers,
	.try = try,
	.ready = ready,
	.stat = counts,
	.holding = semaphore_holding,
};

/* ---- the library's calls ----------------------------------------------------------------------- */

int ipcfs_semaphore_acquire(struct ipcfs_object *semaphore, uint32_t n, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_ACQUIRE, .count = n};

	return semaphore->kind == IPCFS_SEMAPHORE ? obj_run(semaphore, &op, deadline_ns) : -EINVAL;
}

int ipcfs_semaphore_hold(struct ipcfs_object *semaphore, uint32_t n, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_ACQUIRE, .count = n, .flags = IPCFS_OP_HOLD};

	return semaphore->kind == IPCFS_SEMAPHORE ? obj_run(semaphore, &op, deadline_ns) : -EINVAL;
}

int ipcfs_semaphore_release(struct ipcfs_object *semaphore, uint32_t n)
{
	struct ipcfs_op op = {.verb = IPCFS_V_RELEASE, .count = n};

	return semaphore->kind == IPCFS_SEMAPHORE ? obj_run(semaphore, &op, 0) : -EINVAL;
}

int64_t ipcfs_semaphore_value(struct ipcfs_object *semaphore)
{
	struct ipcfs_stat st;
	int rc = semaphore->kind == IPCFS_SEMAPHORE ? ipcfs_stat(semaphore, &st) : -EINVAL;

	if (rc == 0 && st.value > st.properties.max)
		rc = -EUCLEAN;
	return rc < 0 ? rc : (int64_t)st.value;
}
