/* SPDX-License-Identifier: MIT
 *
 * lease.c - queues whose messages are leased: had by a consumer, who says when he is done with them. A lease is a
 * claim (claim.h). It ends settled, or given back: then it is READY, before all that is in the ring, in the old
 * order, and is had again without being put again. What the dead have leased is given back by whoever looks.
 *
 * Also what else needs the number of messages that are not done: `done`, `join`; and `close`.
 */
#include "queue.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>

#define BURY_EVERY_NS                                                                              \
	100000000 /* between two looks for the dead, while there are messages to be had */

static uint64_t attempts_of(struct claim *c)
{
	return LOAD(c->state) >> QUEUE_ATTEMPT;
}

uint64_t lease_state(uint64_t kind, uint64_t attempts)
{
	return kind | (attempts < QUEUE_ATTEMPTS_END ? attempts : QUEUE_ATTEMPTS_END)
			      << QUEUE_ATTEMPT;
}

/* ---- looking ------------------------------------------------------------------------------------ */

/* One claim's bytes. An empty message needs no place. */
static int survey_place(struct ipcfs_object *o, struct claim *c, struct queue_view *v)
{
	uint64_t start = LOAD(c->b), len = LOAD(c->c);

	if (len > o->queue.capacity || start > UINT64_MAX - len)
		return -EUCLEAN;
	if (len == 0)
		return 0;
	v->held += len;
	if (v->ring.first == v->ring.end && v->ring.count == 0) { /* nothing before it */
		v->ring.first = start;
		v->ring.end = start + len;
	}
	if (start < v->ring.first)
		v->ring.first = start;
	if (start + len > v->ring.end)
		v->ring.end = start + len;
	return v->ring.end - v->ring.first > o->queue.capacity ? -EUCLEAN : 0;
}

static void survey_back(struct ipcfs_object *o, int i, struct queue_view *v)
{
	struct claim *c = claim_at(o, (unsigned)i);

	v->back += LOAD(c->c);
	if (queue_kind(c) != QUEUE_READY) {
		v->doomed++;
		return;
	}
	if (!v->ready++ || LOAD(c->a) < LOAD(claim_at(o, (unsigned)v->oldest)->a))
		v->oldest = i;
}

int lease_survey(struct ipcfs_object *o, struct queue_view *v)
{
	int rc = 0;

	v->oldest = CLAIM_NONE;
	v->leased = v->ready = v->doomed = 0;
	v->back = v->held = 0;
	for (unsigned i = 0, n = claim_count(o); i < n && rc == 0; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t kind = queue_kind(c);

		if (kind == 0 || kind == QUEUE_NOTE)
			continue;
		rc = kind <= QUEUE_MOVING ? survey_place(o, c, v) : -EUCLEAN;
		if (kind == QUEUE_LEASED)
			v->leased++;
		else if (rc == 0)
			survey_back(o, (int)i, v);
	}
	return rc;
}

uint64_t lease_unfinished(struct ipcfs_object *o, const struct queue_view *v)
{
	uint64_t put = queue_taken(o, v) + v->ring.count, done = LOAD(o->control->length);

	return put > done ? put - done : 0;
}

/* What control->length becomes when n more are done: never more than were put, since they may have been declared
 * done before. */
static uint64_t done_after(struct ipcfs_object *o, const struct queue_view *v, uint64_t n)
{
	uint64_t left = lease_unfinished(o, v);

	return LOAD(o->control->length) + (n < left ? n : left);
}

/* Whose leases cannot come back but by the caller himself. */
static uint32_t own_leases(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	uint32_t n = 0;

	for (int i = claim_find(o, &h, 0); i != CLAIM_NONE; i = claim_find(o, &h, (unsigned)i + 1))
		n += queue_kind(claim_at(o, (unsigned)i)) == QUEUE_LEASED;
	return n;
}

bool lease_drained(struct ipcfs_object *o, const struct queue_view *v, const struct ipcfs_op *op)
{
	return !v->ring.count && !v->ready && !v->doomed &&
	       (!v->leased || v->leased == own_leases(o, op));
}

bool lease_holding(struct ipcfs_object *o, struct claim *c, uint64_t state, struct ipcfs_holding *h)
{
	(void)o;
	(void)c;
	h->attempt = state >> QUEUE_ATTEMPT;
	return (state & QUEUE_KIND) == QUEUE_LEASED;
}

/* Leases of the dead, from entry `from` on. The kernel is asked once where one owner has many. */
struct asked {
	uint64_t member;
	bool alive;
};

static int find_dead(struct ipcfs_object *o, unsigned from, struct asked *asked)
{
	for (unsigned i = from, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t member = LOAD(c->member);

		if (queue_kind(c) != QUEUE_LEASED)
			continue;
		if (member != asked->member || !member)
			*asked = (struct asked){member, claim_alive(o, c)};
		if (!asked->alive)
			return (int)i;
	}
	return CLAIM_NONE;
}

void lease_count_dead(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	struct asked asked = {0};

	for (int i = find_dead(o, 0, &asked); i != CLAIM_NONE;
	     i = find_dead(o, (unsigned)i + 1, &asked)) {
		st->messages++;
		st->bytes += LOAD(claim_at(o, (unsigned)i)->c);
	}
}

/* ---- commits ------------------------------------------------------------------------------------- */

void lease_commit(struct ipcfs_object *o, struct queue_view *v, uint64_t done)
{
	v->word &= ~QUEUE_CLAIMS;
	if (v->leased || v->ready || v->doomed)
		v->word |= QUEUE_CLAIMS;
	claim_commit(o, queue_word(v), done);
}

/* Tells those for whom it matters that n messages are done, or dropped: who wants room, who waits for the last
 * one, who waits for what may come back to a closed queue. */
uint64_t lease_tell_done(struct ipcfs_object *o, const struct queue_view *v, uint64_t n)
{
	uint64_t left = lease_unfinished(o, v);

	obj_change(o, IPCFS_C_WRITE, INT_MAX);
	if (n >= left)
		obj_wake(o, IPCFS_C_JOIN, INT_MAX);
	if (v->word & QUEUE_CLOSED || claim_count(o) == CLAIMS_MAX)
		obj_wake(o, IPCFS_C_READ, INT_MAX);
	return done_after(o, v, n);
}

/* A lease ends without `done`. */
static void stage_back(struct ipcfs_object *o, unsigned i, struct queue_view *v)
{
	uint64_t attempts = attempts_of(claim_at(o, i));
	bool due = dead_due(o, attempts);

	claim_stage(o, i, lease_state(due ? QUEUE_DOOMED : QUEUE_READY, attempts));
	v->leased--;
	*(due ? &v->doomed : &v->ready) += 1;
}

static void commit_back(struct ipcfs_object *o, struct queue_view *v, uint32_t n)
{
	obj_change(o, IPCFS_C_READ, (int)n);
	lease_commit(o, v, LOAD(o->control->length));
}

static int bury(struct ipcfs_object *o, struct queue_view *v)
{
	struct asked asked = {0};
	uint32_t n = 0;
	int i = find_dead(o, 0, &asked);

	STORE(o->buried_ns, sys_now_ns());
	for (; i != CLAIM_NONE; i = find_dead(o, (unsigned)i + 1, &asked), n++)
		stage_back(o, (unsigned)i, v);
	if (n == 0)
		return 0;
	commit_back(o, v, n);
	i = queue_look(o, v);
	return i < 0 ? i : (int)n;
}

/* Where nothing is to be had, and now and then, so that what the dead had comes to the front. */
int lease_look_for_dead(struct ipcfs_object *o, struct queue_view *v)
{
	bool none = !v->ring.count && !v->ready;

	if (!v->leased || (!none && sys_now_ns() - LOAD(o->buried_ns) < BURY_EVERY_NS))
		return 0;
	return bury(o, v);
}

/* ---- get ----------------------------------------------------------------------------------------- */

/* The message that is next: a claim, or CLAIM_NONE for the ring's oldest. */
struct next {
	int claim;
	uint64_t number, start, len;
};

/* 0, -EAGAIN, -EUCLEAN. */
static int find_next(struct ipcfs_object *o, const struct queue_view *v, struct next *next)
{
	struct claim *c;

	next->claim = v->ready ? v->oldest : CLAIM_NONE;
	if (v->ready) {
		c = claim_at(o, (unsigned)v->oldest);
		next->number = LOAD(c->a);
		next->start = LOAD(c->b);
		next->len = LOAD(c->c);
		/* Looked at before, but anybody may have written it since. */
		return next->len > o->queue.capacity || next->start > UINT64_MAX - next->len ?
			       -EUCLEAN :
			       0;
	}
	if (!v->ring.count)
		return -EAGAIN;
	next->number = queue_taken(o, v) + 1;
	return ring_slot(o, &o->queue, v->ring.head, &next->start, &next->len);
}

/* Stages the lease of it. Nothing is changed before lease_commit(). */
static int stage_lease(struct ipcfs_object *o, struct ipcfs_op *op, struct queue_view *v,
		       const struct next *next)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = next->claim;
	struct claim *c;

	if (i != CLAIM_NONE) {
		claim_again(o, (unsigned)i, &h, lease_state(QUEUE_LEASED, op->attempt));
	} else {
		i = claim_new(o, &h, lease_state(QUEUE_LEASED, op->attempt));
	}
	if (i < 0)
		return i;
	c = claim_at(o, (unsigned)i);
	STORE(c->a, next->number);
	STORE(c->b, next->start);
	STORE(c->c, next->len);
	op->token = LOAD(c->order);
	v->leased++;
	return 0;
}

static void wake_for(struct ipcfs_object *o, const struct queue_view *v, const struct next *next,
		     bool lease)
{
	/* What is leased again was no message of the ring before, and keeps its bytes. */
	obj_change(o, lease && next->claim != CLAIM_NONE ? IPCFS_C_CHANGE : IPCFS_C_WRITE, INT_MAX);
	if (v->ring.count + v->ready > 1)
		obj_wake(o, IPCFS_C_READ, 1);
}

static int get_next(struct ipcfs_object *o, struct ipcfs_op *op, struct queue_view *v)
{
	bool lease = op->flags & IPCFS_OP_LEASE;
	struct iovec from[2];
	struct next next;
	int n, rc = find_next(o, v, &next);

	if (rc < 0)
		return rc;
	if (!op->sink && next.len > op->out_size) {
		op->out_len = next.len;
		obj_wake(o, IPCFS_C_READ, 1);
		return -EMSGSIZE;
	}
	op->number = next.number - 1; /* claims count from 1 */
	op->attempt = 1;
	if (next.claim != CLAIM_NONE)
		op->attempt += attempts_of(claim_at(o, (unsigned)next.claim));
	if (lease)
		rc = stage_lease(o, op, v, &next);
	else if (next.claim != CLAIM_NONE)
		claim_stage(o, (unsigned)next.claim, 0);
	if (rc < 0)
		return rc;
	n = ring_pieces(o, &o->queue, next.start, next.len, from);
	wake_for(o, v, &next, lease);
	rc = ring_give(op, from, n, next.len);
	if (rc < 0) {
		claim_unstage(o);
		return rc;
	}
	if (next.claim != CLAIM_NONE)
		v->ready--;
	else
		queue_take(o, v, 1);
	lease_commit(o, v, LOAD(o->control->length));
	return 0;
}

int lease_get(struct ipcfs_object *o, struct ipcfs_op *op, struct queue_view *v)
{
	int rc = lease_look_for_dead(o, v);

	if (rc < 0)
		return rc;
	if (v->doomed && !(op->flags & IPCFS_OP_PAID))
		return -ERESTART;
	if (v->ring.count || v->ready)
		return get_next(o, op, v);
	if (!(v->word & QUEUE_CLOSED))
		return -EAGAIN;
	op->flags |= IPCFS_OP_CLOSED;
	return lease_drained(o, v, op) ? -ENODATA : -EAGAIN;
}

int lease_peek(struct ipcfs_object *o, struct ipcfs_op *op, struct queue_view *v)
{
	struct iovec from[2];
	struct next next;
	int rc = lease_look_for_dead(o, v);

	if (rc >= 0)
		rc = find_next(o, v, &next);
	if (rc < 0)
		return rc == -EAGAIN ? -ENODATA : rc;
	return ring_give(op, from, ring_pieces(o, &o->queue, next.start, next.len, from), next.len);
}

/* ---- the ends of a lease ----------------------------------------------------------------------------- */

/* The caller's next lease at or behind `from`: any of an open file's, the one that is named of a process's. */
static int find_lease(struct ipcfs_object *o, const struct ipcfs_op *op,
		      const struct ipcfs_holder *h, unsigned from)
{
	int i = claim_find(o, h, from);
	struct claim *c;

	for (; i != CLAIM_NONE; i = claim_find(o, h, (unsigned)i + 1)) {
		c = claim_at(o, (unsigned)i);
		if (queue_kind(c) == QUEUE_LEASED &&
		    (h->handle || op->verb == IPCFS_V_LEAVE || LOAD(c->order) == op->token))
			break;
	}
	return i;
}

static int settle(struct ipcfs_object *o, struct ipcfs_op *op, struct queue_view *v)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = find_lease(o, op, &h, 0);
	uint32_t n = 0;

	for (; i != CLAIM_NONE; i = find_lease(o, op, &h, (unsigned)i + 1), n++)
		claim_stage(o, (unsigned)i, 0);
	if (n == 0)
		return -EPERM;
	v->leased -= n;
	lease_commit(o, v, lease_tell_done(o, v, n));
	return 0;
}

/* How many went back. */
static uint32_t give_back(struct ipcfs_object *o, const struct ipcfs_op *op, struct queue_view *v)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = find_lease(o, op, &h, 0);
	uint32_t n = 0;

	for (; i != CLAIM_NONE; i = find_lease(o, op, &h, (unsigned)i + 1), n++)
		stage_back(o, (unsigned)i, v);
	if (n)
		commit_back(o, v, n);
	return n;
}

static int back(struct ipcfs_object *o, const struct ipcfs_op *op, struct queue_view *v)
{
	if (op->flags & IPCFS_OP_PAID)
		return 0;
	if (give_back(o, op, v) == 0)
		return -EPERM;
	return v->doomed ? -ERESTART : 0;
}

/* -EBUSY: what is doomed could not be moved just now. */
static int leave(struct ipcfs_object *o, const struct ipcfs_op *op, struct queue_view *v)
{
	give_back(o, op, v);
	if (!v->doomed)
		return 0;
	return op->flags & IPCFS_OP_PAID ? -EBUSY : -ERESTART;
}

/* ---- done, join, close, clear -------------------------------------------------------------------------- */

static int done(struct ipcfs_object *o, const struct ipcfs_op *op, const struct queue_view *v)
{
	uint64_t left = lease_unfinished(o, v);

	if (op->count == 0)
		return -EINVAL;
	if (op->count > left)
		return -EOVERFLOW;
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	if (op->count == left)
		obj_wake(o, IPCFS_C_JOIN, INT_MAX);
	STORE(o->control->length, done_after(o, v, op->count));
	return 0;
}

static int join(struct ipcfs_object *o, const struct ipcfs_op *op, const struct queue_view *v)
{
	if (lease_unfinished(o, v) == 0)
		return op->sink ? op->sink(op->sink_arg, NULL, 0) : 0;
	return v->doomed && !(op->flags & IPCFS_OP_PAID) ? -ERESTART : -EAGAIN;
}

static int close_queue(struct ipcfs_object *o, struct queue_view *v)
{
	obj_change(o, IPCFS_C_WRITE, INT_MAX);
	obj_wake(o, IPCFS_C_READ, INT_MAX);
	v->word |= QUEUE_CLOSED;
	STORE(o->control->word, queue_word(v));
	return 0;
}

uint64_t lease_clear(struct ipcfs_object *o, struct queue_view *v, bool whole)
{
	uint64_t dropped = whole ? (uint64_t)v->ring.count + v->ready + v->doomed : 0, finished;

	if (!whole)
		v->ring.count = 0;
	finished = lease_tell_done(o, v, whole ? dropped : UINT64_MAX);
	v->leased = 0;
	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		uint64_t kind = queue_kind(claim_at(o, i));

		if (kind == QUEUE_LEASED && whole)
			v->leased++;
		else if (kind && kind != QUEUE_NOTE)
			claim_stage(o, i, 0);
	}
	queue_take(o, v, v->ring.count);
	v->ready = v->doomed = 0;
	lease_commit(o, v, finished);
	return dropped;
}

int lease_try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct queue_view v;
	int rc = queue_look(o, &v);

	if (rc < 0)
		return rc;
	switch (op->verb) {
	case IPCFS_V_SETTLE:
		return settle(o, op, &v);
	case IPCFS_V_BACK:
		return back(o, op, &v);
	case IPCFS_V_LEAVE:
		return leave(o, op, &v);
	case IPCFS_V_DONE:
		return done(o, op, &v);
	case IPCFS_V_JOIN:
		return join(o, op, &v);
	case IPCFS_V_CLOSE:
		return close_queue(o, &v);
	default:
		return -EINVAL;
	}
}
