/* SPDX-License-Identifier: MIT
 *
 * semaphore.c - a number of units, in the commit word. A plain acquisition belongs to nobody and is one store.
 * Units that are held are claims, one a holder, whose state is how many: they come back with him. What
 * is released is charged to who releases it, else to the longest holder, so the units that are free
 * and those that are held never are more together than max.
 */
#include "claim.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>

/* A waiter of the library that is woken often need not ask each time. */
#define BURY_AGAIN_NS 50000000

enum { SHAPE_VALUE, SHAPE_MAX };

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	out[SHAPE_VALUE] = p->given & IPCFS_P_VALUE ? p->value : 0;
	out[SHAPE_MAX] = p->given & IPCFS_P_MAX ? p->max : IPCFS_SEMAPHORE_MAX;
	if (out[SHAPE_MAX] > IPCFS_SEMAPHORE_MAX || out[SHAPE_MAX] == 0 ||
	    out[SHAPE_VALUE] > out[SHAPE_MAX])
		return -ERANGE;
	return 0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_VALUE | IPCFS_P_MAX;
	p->value = in[SHAPE_VALUE];
	p->max = in[SHAPE_MAX];
}

static int layout(struct ipcfs_object *o)
{
	o->claims = SEG_PAGE;
	o->size = SEG_PAGE + CLAIMS_BYTES;
	return o->shape[SHAPE_MAX] > IPCFS_SEMAPHORE_MAX ||
			       o->shape[SHAPE_VALUE] > o->shape[SHAPE_MAX] ?
		       -EUCLEAN :
		       0;
}

static uint64_t initial(const uint64_t in[5])
{
	return in[SHAPE_VALUE];
}

/* ---- what is held --------------------------------------------------------------------------------- */

/* Stages that n units of claim i are free again. */
static int give_back(struct ipcfs_object *o, unsigned i, uint64_t n, uint64_t *value)
{
	uint64_t held = LOAD(claim_at(o, i)->state);

	if (n > held || held > o->shape[SHAPE_MAX] || n > o->shape[SHAPE_MAX] - *value)
		return -EUCLEAN;
	claim_stage(o, i, held - n);
	*value += n;
	return 0;
}

/* Whose turn it is, else all: they differ in what they want. */
static void wake_next(struct ipcfs_object *o)
{
	if (__builtin_expect(LOAD(o->control->flags) == 0, 1))
		return;
	obj_wake(o, IPCFS_C_READ, turn_owner(o) ? 0 : INT_MAX);
	obj_wake(o, IPCFS_C_JOIN, INT_MAX);
}

static void commit_release(struct ipcfs_object *o, uint64_t value)
{
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	wake_next(o);
	if (o->staged_to)
		claim_commit(o, value, 0);
	else
		STORE(o->control->word, value);
}

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
	commit_release(o, now_free);
	*value = now_free;
	return 1;
}

/* For who would wait. Each owner is asked after in the kernel, and a release wakes all who wait: so who
 * sleeps in the library asks twenty times a second at the most. */
static int bury_now_and_then(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t *value)
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

static bool bury_for_watchers(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	uint64_t value = LOAD(o->control->word);

	return value <= o->shape[SHAPE_MAX] && bury_now_and_then(o, op, &value) > 0;
}

/* ---- acquire -------------------------------------------------------------------------------------- */

/* The holder's claim grows, or begins: staged. */
static int stage_hold(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t n)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = claim_find(o, &h, 0);
	uint64_t held;

	if (i == CLAIM_NONE) {
		i = claim_new(o, &h, n);
		return i < 0 ? i : 0;
	}
	held = LOAD(claim_at(o, (unsigned)i)->state);
	if (held > o->shape[SHAPE_MAX])
		return -EUCLEAN;
	claim_stage(o, (unsigned)i, held + n);
	return 0;
}

static int take(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t value)
{
	int rc = 0;

	if (op->flags & IPCFS_OP_SOME && op->count > value)
		op->count = value;
	if (op->flags & IPCFS_OP_HOLD)
		rc = stage_hold(o, op, op->count);
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
	if (least > o->shape[SHAPE_MAX])
		return -ERANGE;
	rc = least > value || turn_blocks(o) ? -EAGAIN : take(o, op, value);
	if (rc != -EAGAIN)
		return rc;
	/* Too few units, or no room for another claim. */
	found = bury_now_and_then(o, op, &value);
	if (found > 0)
		rc = least > value || turn_blocks(o) ? -EAGAIN : take(o, op, value);
	if (rc == -EAGAIN)
		stand_in_line(o, op);
	return found < 0 ? found : rc;
}

/* ---- release -------------------------------------------------------------------------------------- */

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
static int charge(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t *value,
		  uint64_t *left)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int rc = 0, i = claim_find(o, &h, 0);

	if (i == CLAIM_NONE)
		i = longest(o);
	while (rc == 0 && *left && i != CLAIM_NONE) {
		struct claim *c = claim_at(o, (unsigned)i);
		bool alive = claim_is(c, &h) || claim_alive(o, c);
		uint64_t held = LOAD(c->state), n = alive && *left < held ? *left : held;

		rc = give_back(o, (unsigned)i, n, value);
		*left -= alive ? n : 0;
		i = longest(o);
	}
	return rc;
}

static int release(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t value)
{
	uint64_t left = op->count, room;
	int rc = 0;

	if (op->count == 0)
		return -EINVAL;
	if (claim_count(o))
		rc = charge(o, op, &value, &left);
	room = o->shape[SHAPE_MAX] - value;
	if (rc == 0 && left > room && op->flags & IPCFS_OP_SOME && op->count > left - room) {
		op->count -= left - room;
		left = room;
	}
	if (rc == 0 && left > room)
		rc = -EOVERFLOW;
	if (rc == 0)
		commit_release(o, value + left);
	else
		claim_unstage(o);
	return rc;
}

/* All that the holder has. */
static int leave(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t value)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int rc = 0, i = claim_find(o, &h, 0);

	if (i == CLAIM_NONE)
		return 0;
	for (; rc == 0 && i != CLAIM_NONE; i = claim_find(o, &h, (unsigned)i + 1))
		rc = give_back(o, (unsigned)i, LOAD(claim_at(o, (unsigned)i)->state), &value);
	if (rc == 0)
		commit_release(o, value);
	else
		claim_unstage(o);
	return rc;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t value = LOAD(o->control->word);

	if (value > o->shape[SHAPE_MAX])
		return -EUCLEAN;
	switch (op->verb) {
	case IPCFS_V_ACQUIRE:
		return acquire(o, op, value);
	case IPCFS_V_RELEASE:
		return release(o, op, value);
	case IPCFS_V_LEAVE:
		return leave(o, op, value);
	default:
		return -EINVAL;
	}
}

/* ---- looking -------------------------------------------------------------------------------------- */

/* Is there room for the holder's claim? */
static bool may_hold(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	if (!(op->flags & IPCFS_OP_HOLD) || claim_count(o) < CLAIMS_MAX)
		return true;
	for (unsigned i = 0; i < CLAIMS_MAX; i++)
		if (!LOAD(claim_at(o, i)->state) ||
		    (op->holder && claim_is(claim_at(o, i), op->holder)))
			return true;
	return false;
}

static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	uint64_t value = LOAD(o->control->word), wanted = op->first ? op->first : 1;
	bool full = !may_hold(o, op), asked = !(op->flags & IPCFS_OP_PARK);

	/* Who has noticed a death asks so that it is taken back, for whomever that may help. */
	if ((wanted > value || full || asked) && value <= o->shape[SHAPE_MAX] &&
	    bury_now_and_then(o, op, &value) > 0)
		full = !may_hold(o, op);
	return (wanted <= value && !full && !turn_blocks(o) ? 1u << IPCFS_C_READ : 0) |
	       1u << IPCFS_C_WRITE;
}

/* Units that are still charged to the dead. */
static uint64_t held_by_the_dead(struct ipcfs_object *o)
{
	uint64_t units = 0, alive = 0;

	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t state = LOAD(c->state), member = LOAD(c->member);

		if (!state || state > o->shape[SHAPE_MAX] || (alive && member == alive))
			continue;
		if (claim_alive(o, c))
			alive = member;
		else
			units += state;
	}
	return units;
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
		dead = held_by_the_dead(o);
		if (!dead)
			return;
		if (whole && LOAD(o->control->changes) == changes)
			break;
	}
	if (st->value <= o->shape[SHAPE_MAX])
		st->value += dead < o->shape[SHAPE_MAX] - st->value ?
				     dead :
				     o->shape[SHAPE_MAX] - st->value;
}

static bool holding(struct ipcfs_object *o, struct claim *c, uint64_t state,
		    struct ipcfs_holding *h)
{
	(void)c;
	h->units = state;
	return state <= o->shape[SHAPE_MAX];
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
	.bury = bury_for_watchers,
	.try = try,
	.ready = ready,
	.stat = counts,
	.holding = holding,
};

/* ---- the library's calls -------------------------------------------------------------------------- */

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
