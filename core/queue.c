/* SPDX-License-Identifier: MIT
 *
 * queue.c - messages of bytes, first in first out: a ring (ring.h), whose word commits.
 *
 * How many messages have left the ring is in one of two places, and a bit of the word says in which: a get
 * writes the other one first. So the word that commits a get commits that number too, and all that was ever
 * put is the sum of both. Where messages are leased, the word has a bit for it, and lease.c goes on.
 */
#include "queue.h"

#include <errno.h>
#include <limits.h>

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	out[QUEUE_MAXSIZE] = p->given & IPCFS_P_MAXSIZE ? p->maxsize : 0;
	out[QUEUE_CAPACITY] = p->given & IPCFS_P_CAPACITY ? p->capacity : IPCFS_CAPACITY_DEFAULT;
	out[QUEUE_ATTEMPTS] = p->given & IPCFS_P_ATTEMPTS ? p->attempts : 0;
	if (out[QUEUE_MAXSIZE] > IPCFS_MAXSIZE_MAX || out[QUEUE_CAPACITY] > IPCFS_CAPACITY_MAX ||
	    out[QUEUE_CAPACITY] == 0 || out[QUEUE_ATTEMPTS] > IPCFS_ATTEMPTS_MAX ||
	    (p->given & IPCFS_P_ATTEMPTS && p->attempts == 0))
		return -ERANGE;
	return p->given & IPCFS_P_DEAD && !out[QUEUE_ATTEMPTS] ? -EINVAL : 0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY;
	p->maxsize = in[QUEUE_MAXSIZE];
	p->capacity = in[QUEUE_CAPACITY];
	p->attempts = in[QUEUE_ATTEMPTS];
	if (p->attempts)
		p->given |= IPCFS_P_ATTEMPTS;
}

static int layout(struct ipcfs_object *o)
{
	uint64_t maxsize = o->shape[QUEUE_MAXSIZE], capacity = o->shape[QUEUE_CAPACITY];

	if (maxsize > IPCFS_MAXSIZE_MAX || capacity == 0 || capacity > IPCFS_CAPACITY_MAX ||
	    o->shape[QUEUE_ATTEMPTS] > IPCFS_ATTEMPTS_MAX)
		return -EUCLEAN;
	o->claims = ring_layout(&o->queue, SEG_PAGE, maxsize ? maxsize : capacity, capacity,
				offsetof(struct seg_control, word));
	o->size = o->claims + CLAIMS_BYTES;
	return 0;
}

/* ---- looking ------------------------------------------------------------------------ */

static inline int look_at(struct ipcfs_object *o, uint64_t word, struct queue_view *v)
{
	int rc;

	*v = (struct queue_view){.word = word};
	rc = ring_look(o, &o->queue, word, &v->ring);
	return rc == 0 && __builtin_expect(word & QUEUE_CLAIMS, 0) ? lease_survey(o, v) : rc;
}

static inline int look(struct ipcfs_object *o, struct queue_view *v)
{
	return look_at(o, LOAD(o->control->word), v);
}

int queue_look(struct ipcfs_object *o, struct queue_view *v)
{
	return look(o, v);
}

static inline bool fits(struct ipcfs_object *o, const struct queue_view *v, uint64_t len)
{
	return (uint64_t)v->ring.count + v->ready + v->doomed < o->queue.slots &&
	       v->ring.end - v->ring.first + len <= o->queue.capacity;
}

static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	uint64_t len = op->in_len ? op->in_len : 4096;
	unsigned classes = 0;
	struct queue_view v;

	if (len > o->queue.capacity)
		len = o->queue.capacity;
	/* An error does not wait. */
	if (look(o, &v) < 0 || lease_look_for_dead(o, &v) < 0)
		return 1u << IPCFS_C_READ | 1u << IPCFS_C_WRITE | 1u << IPCFS_C_JOIN;
	if (v.ring.count || v.ready)
		classes |= 1u << IPCFS_C_READ;
	else if (v.word & QUEUE_CLOSED && lease_drained(o, &v, op))
		classes |= 1u << IPCFS_C_READ | IPCFS_READY_HUP;
	if (v.word & QUEUE_CLOSED || fits(o, &v, len))
		classes |= 1u << IPCFS_C_WRITE;
	if (lease_unfinished(o, &v) == 0)
		classes |= 1u << IPCFS_C_JOIN;
	return v.doomed ? classes | IPCFS_READY_OWES : classes;
}

/* ---- put ------------------------------------------------------------------------------ */

/* Room for a message behind the view's last one. */
static inline int make_place(struct ipcfs_object *o, struct queue_view *v, uint64_t len)
{
	if (len > o->queue.capacity)
		return -EMSGSIZE;
	if (__builtin_expect(v->word & QUEUE_CLAIMS, 0))
		queue_make_room(o, v, len);
	return fits(o, v, len) ? 0 : -EAGAIN;
}

static int append(struct ipcfs_object *o, struct queue_view *v, const void *msg, uint64_t len)
{
	int rc = make_place(o, v, len);

	return rc < 0 ? rc : ring_add(o, &o->queue, &v->ring, msg, len);
}

int queue_append(struct ipcfs_object *o, struct queue_view *v, const struct iovec *msg, int n)
{
	uint64_t len = msg[0].iov_len + (n == 2 ? msg[1].iov_len : 0);
	int rc = make_place(o, v, len);
	struct iovec to[2];

	if (rc == 0)
		rc = ring_reserve(o, &o->queue, &v->ring, len);
	if (rc < 0)
		return rc;
	ring_pieces(o, &o->queue, v->ring.end, len, to);
	ring_copy(to, msg, n);
	ring_add_slot(o, &o->queue, &v->ring, len);
	return 0;
}

static int put(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct queue_view v;
	int rc = look(o, &v);

	if (rc == 0)
		rc = v.word & QUEUE_CLOSED ? -EPIPE : append(o, &v, op->in, op->in_len);
	if (rc < 0 || op->flags & IPCFS_OP_DRY)
		return rc;
	obj_change(o, IPCFS_C_READ, 1);
	op->number = queue_taken(o, &v) + v.ring.count - 1;
	STORE(o->control->word, queue_word(&v));
	return 0;
}

/* ---- get ------------------------------------------------------------------------------ */

static int get(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct queue_view v;
	struct iovec from[2];
	uint64_t len;
	int n, rc = look(o, &v);

	if (rc < 0)
		return rc;
	if (__builtin_expect(v.word & QUEUE_CLAIMS || op->flags & IPCFS_OP_LEASE, 0))
		return lease_get(o, op, &v);
	if (v.ring.count == 0)
		return v.word & QUEUE_CLOSED ? -ENODATA : -EAGAIN;
	n = ring_message(o, &o->queue, v.ring.head, from, &len);
	if (n < 0)
		return n;
	if (!op->sink && len > op->out_size) {
		obj_wake(o, IPCFS_C_READ, 1); /* a wake-up that we cannot use */
		return -EMSGSIZE;
	}
	obj_change(o, IPCFS_C_WRITE, INT_MAX); /* writers differ in what fits */
	if (v.ring.count > 1)
		obj_wake(o, IPCFS_C_READ, 1);
	rc = ring_give(op, from, n, len);
	if (rc < 0)
		return rc;
	op->attempt = 1;
	op->number = queue_taken(o, &v);
	queue_take(o, &v, 1);
	STORE(o->control->word, queue_word(&v));
	return 0;
}

static int peek(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct queue_view v;
	struct iovec from[2];
	uint64_t len;
	int n, rc = look(o, &v);

	if (rc < 0)
		return rc;
	if (v.word & QUEUE_CLAIMS)
		return lease_peek(o, op, &v);
	if (v.ring.count == 0)
		return -ENODATA;
	n = ring_message(o, &o->queue, v.ring.head, from, &len);
	return n < 0 ? n : ring_give(op, from, n, len);
}

/* Also the way out of an index that does not fit together. */
static int clear(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct queue_view v;

	bool whole = look(o, &v) == 0;

	op->count = lease_clear(o, &v, whole);
	return 0;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	switch (op->verb) {
	case IPCFS_V_PUT:
		return put(o, op);
	case IPCFS_V_GET:
		return get(o, op);
	case IPCFS_V_PUT_MANY:
		return queue_put_many(o, op);
	case IPCFS_V_GET_MANY:
		return queue_get_many(o, op);
	case IPCFS_V_PEEK:
		return peek(o, op);
	case IPCFS_V_CLEAR:
		return clear(o, op);
	default:
		return lease_try(o, op);
	}
}

/* Of the ring's messages. */
static uint64_t bytes_of(struct ipcfs_object *o, const struct queue_view *v)
{
	uint64_t start, len;

	return v->ring.count && ring_slot(o, &o->queue, v->ring.head, &start, &len) == 0 ?
		       v->ring.end - start :
		       0;
}

/* Without the lock: what was read belongs together if nothing changed meanwhile. */
static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	enum { TRIES = 1000, PATIENT = 100 };
	struct queue_view v;

	for (int i = 0; i < TRIES; i++) {
		uint64_t changes = LOAD(o->control->changes), word = LOAD(o->control->word);
		int rc = look_at(o, word, &v);
		struct ipcfs_stat now = *st;

		if (rc == 0) {
			now.messages = (uint64_t)v.ring.count + v.ready + v.doomed;
			now.bytes = bytes_of(o, &v) + v.back;
			now.unfinished = lease_unfinished(o, &v);
			now.put = queue_taken(o, &v) + v.ring.count;
			now.closed = word & QUEUE_CLOSED;
		}
		if (LOAD(o->control->changes) != changes || LOAD(o->control->word) != word ||
		    (LOAD(o->control->redo_on) && i < PATIENT)) /* its owner may be dead */
			continue;
		*st = now;
		if (v.leased)
			lease_count_dead(o, st);
		return;
	}
	st->messages = LOAD(o->control->word) & RING_COUNT; /* it alone is never torn */
}

const struct ipcfs_kind_ops ipcfs_queue_ops = {
	.name = "queues",
	.properties = IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY | IPCFS_P_ATTEMPTS | IPCFS_P_DEAD,
	.taking = true,
	.shape = shape,
	.properties_of = properties_of,
	.layout = layout,
	.repair = claim_repair,
	.try = try,
	.pay = dead_pay,
	.ready = ready,
	.stat = counts,
	.holding = lease_holding,
};
