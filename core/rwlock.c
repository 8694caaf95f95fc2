/* SPDX-License-Identifier: MIT
 *
 * rwlock.c - the kind `locks`: held by one, or shared by many. Who holds it are claims; the commit word
 * is {acquisitions so far, abandoned}. The fencing token of an acquisition is its number on top of the time
 * at which the object was made: nanoseconds since boot, which grow faster than anybody can acquire, so that a
 * name made again goes on where it was; and so does a name that a lock gets later. (Not to be confused with lock.c, the
 * inner lock of any object.)
 */
#include "claim.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

enum { SHAPE_BASE };
enum { EXCLUSIVE = 1, SHARED = 2 }; /* states of a claim; a: its token */
#define ABANDONED 1ull		    /* bit of the word, below the number */

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	(void)p;
	out[SHAPE_BASE] = (uint64_t)sys_boottime_ns();
	return 0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	(void)in;
	p->given = 0;
}

static int describe(const uint64_t in[5], char *text, size_t size)
{
	return snprintf(text, size, "tokens %llu\n", (unsigned long long)in[SHAPE_BASE]);
}

static int layout(struct ipcfs_object *o)
{
	o->claims = SEG_PAGE;
	o->size = SEG_PAGE + CLAIMS_BYTES;
	return o->shape[SHAPE_BASE] > INT64_MAX ? -EUCLEAN : 0;
}

/* ---- who holds it --------------------------------------------------------------------------------- */

struct holders {
	unsigned exclusive, shared;
};

/* -EUCLEAN: what cannot be. */
static int look(struct ipcfs_object *o, struct holders *h)
{
	*h = (struct holders){0, 0};
	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		uint64_t state = LOAD(claim_at(o, i)->state);

		h->exclusive += state == EXCLUSIVE;
		h->shared += state == SHARED;
		if (state > SHARED)
			return -EUCLEAN;
	}
	return h->exclusive > 1 || (h->exclusive && h->shared) ? -EUCLEAN : 0;
}

static void end_claim(struct ipcfs_object *o, unsigned i, bool died, uint64_t *word)
{
	if (LOAD(claim_at(o, i)->state) == EXCLUSIVE)
		*word = died ? *word | ABANDONED : *word & ~ABANDONED;
	claim_stage(o, i, 0);
}

/* Whose turn it is, or one of the others: he who shares wakes the next. */
static void wake_next(struct ipcfs_object *o)
{
	obj_wake(o, IPCFS_C_READ, turn_owner(o) ? 0 : 1);
	obj_wake(o, IPCFS_C_JOIN, INT_MAX);
}

/* Ends what is staged, `ended` of all holdings. While others share it, nobody can go whom these kept waiting,
 * unless there was no room for more. */
static void commit_release(struct ipcfs_object *o, unsigned ended, uint64_t word)
{
	struct holders h;

	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	if (look(o, &h) < 0 || h.exclusive + h.shared <= ended || h.shared == CLAIMS_MAX)
		wake_next(o);
	else
		turn_owner(o); /* one who is dead keeps nobody waiting */
	claim_commit(o, word, 0);
}

/* Takes back what the dead held. Did they hold anything? */
static bool bury(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	uint64_t word = LOAD(o->control->word);
	unsigned ended = 0;
	int i = claim_due(o, op) ? claim_dead(o, 0) : CLAIM_NONE;

	if (i == CLAIM_NONE)
		return false;
	for (; i != CLAIM_NONE; i = claim_dead(o, (unsigned)i + 1), ended++)
		end_claim(o, (unsigned)i, true, &word);
	commit_release(o, ended, word);
	return true;
}

/* ---- acquire ---------------------------------------------------------------------------------------- */

static int must_wait(struct ipcfs_object *o, bool shared)
{
	struct holders h;
	int rc = look(o, &h);

	return rc < 0 ? rc : h.exclusive || (h.shared && !shared) || turn_blocks(o);
}

static int answer(struct ipcfs_op *op)
{
	return op->sink ? op->sink(op->sink_arg, NULL, 0) : 0;
}

/* The exclusive holder lets others share it, without a moment in between in which it is free. */
static void commit_convert(struct ipcfs_object *o, unsigned i)
{
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	wake_next(o);
	claim_stage(o, i, SHARED);
	claim_commit(o, LOAD(o->control->word) & ~ABANDONED, 0);
}

/* A handle that has it already is told so. 0: it has not; 1: answered. */
static int again(struct ipcfs_object *o, struct ipcfs_op *op, const struct ipcfs_holder *h)
{
	uint64_t wanted = op->flags & IPCFS_OP_SHARED ? SHARED : EXCLUSIVE;
	int rc, i = h->handle ? claim_find(o, h, 0) : CLAIM_NONE;
	struct claim *c;

	if (i == CLAIM_NONE)
		return 0;
	c = claim_at(o, (unsigned)i);
	if (LOAD(c->state) != wanted && !(wanted == SHARED && op->flags & IPCFS_OP_CONVERT))
		return -EDEADLK; /* it would wait for itself */
	op->token = LOAD(c->a);
	op->abandoned = LOAD(o->control->word) & ABANDONED;
	rc = answer(op);
	if (rc < 0)
		return rc;
	if (LOAD(c->state) != wanted)
		commit_convert(o, (unsigned)i);
	return 1;
}

static int commit_acquire(struct ipcfs_object *o, struct ipcfs_op *op, const struct ipcfs_holder *h)
{
	bool shared = op->flags & IPCFS_OP_SHARED;
	uint64_t word = LOAD(o->control->word), number = (word >> 1) + 1;
	int rc, i = claim_new(o, h, shared ? SHARED : EXCLUSIVE);

	if (i < 0)
		return i;
	op->token = o->shape[SHAPE_BASE] + number;
	op->abandoned = word & ABANDONED;
	STORE(claim_at(o, (unsigned)i)->a, op->token);
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	rc = answer(op);
	if (rc < 0) {
		turn_drop(o); /* who is not there any more keeps nobody waiting */
		return rc;
	}
	turn_pass(o);
	if (shared)
		wake_next(o);
	claim_commit(o, number << 1 | (word & ABANDONED), 0);
	return 0;
}

static int try_acquire(struct ipcfs_object *o, struct ipcfs_op *op, const struct ipcfs_holder *h)
{
	int rc = must_wait(o, op->flags & IPCFS_OP_SHARED);

	return rc < 0 ? rc : rc > 0 ? -EAGAIN : commit_acquire(o, op, h);
}

/* Parked requests keep their order; and a writer is not starved by readers, nor anybody by those who are
 * parked. */
static void stand_in_line(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct holders h;
	bool behind_readers = !(op->flags & IPCFS_OP_SHARED) && look(o, &h) == 0 && h.shared;

	/* A turn: another's, behind which we stand, or ours already. */
	if (op->flags & IPCFS_OP_PARK ||
	    (op->flags & IPCFS_OP_WAITS && (behind_readers || turn_owner(o))))
		op->flags |= turn_take(o) ? IPCFS_OP_TURN : 0;
}

static int acquire(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int rc = again(o, op, &h);

	op->flags &= ~(unsigned)IPCFS_OP_TURN;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = try_acquire(o, op, &h);
	if (rc == -EAGAIN && bury(o, op))
		rc = try_acquire(o, op, &h);
	if (rc == -EAGAIN)
		stand_in_line(o, op);
	return rc;
}

/* ---- release ------------------------------------------------------------------------------------------ */

/* The claim that is meant: the handle's, or the process's with that token. */
static int claim_meant(struct ipcfs_object *o, const struct ipcfs_op *op,
		       const struct ipcfs_holder *h)
{
	int i = claim_find(o, h, 0);

	while (i != CLAIM_NONE && !h->handle && LOAD(claim_at(o, (unsigned)i)->a) != op->token)
		i = claim_find(o, h, (unsigned)i + 1);
	return i;
}

static int release(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	uint64_t word = LOAD(o->control->word);
	int i = claim_meant(o, op, &h);

	if (i == CLAIM_NONE)
		return -EPERM;
	end_claim(o, (unsigned)i, false, &word);
	commit_release(o, 1, word);
	return 0;
}

/* All that the holder has. */
static int leave(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	uint64_t word = LOAD(o->control->word);
	unsigned ended = 0;
	int i = claim_find(o, &h, 0);

	if (i == CLAIM_NONE)
		return 0;
	for (; i != CLAIM_NONE; i = claim_find(o, &h, (unsigned)i + 1), ended++)
		end_claim(o, (unsigned)i, op->flags & IPCFS_OP_ENDED, &word);
	commit_release(o, ended, word);
	return 0;
}

/* As if it were made now. */
static int renew(struct ipcfs_object *o)
{
	uint64_t now = (uint64_t)sys_boottime_ns(), word = LOAD(o->control->word);

	if (now > o->shape[SHAPE_BASE] + (word >> 1))
		STORE(o->control->word, (now - o->shape[SHAPE_BASE]) << 1 | (word & ABANDONED));
	return 0;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	switch (op->verb) {
	case IPCFS_V_LOCK:
		return acquire(o, op);
	case IPCFS_V_UNLOCK:
		return release(o, op);
	case IPCFS_V_RENEW:
		return renew(o);
	case IPCFS_V_LEAVE:
		return leave(o, op);
	default:
		return -EINVAL;
	}
}

/* ---- looking -------------------------------------------------------------------------------------------- */

/* What cannot be is told by the try. */
static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	bool shared = op->flags & IPCFS_OP_SHARED;
	bool has = op->holder && claim_find(o, op->holder, 0) != CLAIM_NONE;
	bool waits;

	/* One who is dead keeps nobody waiting behind those who share it, whoever asks. */
	turn_owner(o);
	waits = !has && must_wait(o, shared) > 0 && !(bury(o, op) && must_wait(o, shared) <= 0);

	return (waits ? 0 : 1u << IPCFS_C_READ) | 1u << IPCFS_C_WRITE;
}

/* Did the exclusive holder die, and nobody has taken it back yet? */
static bool is_orphan(struct ipcfs_object *o)
{
	for (unsigned i = 0, n = claim_count(o); i < n; i++)
		if (LOAD(claim_at(o, i)->state) == EXCLUSIVE)
			return !claim_alive(o, claim_at(o, i));
	return false;
}

static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	uint64_t word = LOAD(o->control->word);

	st->value = o->shape[SHAPE_BASE] + (word >> 1);
	st->abandoned = word & ABANDONED || is_orphan(o);
}

static bool holding(struct ipcfs_object *o, struct claim *c, uint64_t state,
		    struct ipcfs_holding *h)
{
	(void)o;
	h->shared = state == SHARED;
	h->token = LOAD(c->a);
	return state == EXCLUSIVE || state == SHARED;
}

const struct ipcfs_kind_ops ipcfs_lock_ops = {
	.name = "locks",
	.taking = true,
	.claims_ready = true,
	.shape = shape,
	.properties_of = properties_of,
	.describe = describe,
	.layout = layout,
	.repair = claim_repair,
	.bury = bury,
	.try = try,
	.ready = ready,
	.stat = counts,
	.holding = holding,
};

/* ---- the library's calls ---------------------------------------------------------------------------------- */

int ipcfs_lock_acquire(struct ipcfs_object *lock, unsigned flags, int64_t deadline_ns,
		       struct ipcfs_grant *grant)
{
	struct ipcfs_op op = {.verb = IPCFS_V_LOCK,
			      .flags = flags & IPCFS_SHARED ? IPCFS_OP_SHARED : 0};
	int rc;

	if (lock->kind != IPCFS_LOCK || flags & ~(unsigned)IPCFS_SHARED || !grant)
		return -EINVAL;
	rc = obj_run(lock, &op, deadline_ns);
	if (rc == 0)
		*grant = (struct ipcfs_grant){.token = op.token, .abandoned = op.abandoned};
	return rc;
}

int ipcfs_lock_release(struct ipcfs_object *lock, uint64_t token)
{
	struct ipcfs_op op = {.verb = IPCFS_V_UNLOCK, .token = token};

	return lock->kind == IPCFS_LOCK ? obj_run(lock, &op, 0) : -EINVAL;
}
