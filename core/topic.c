/* SPDX-License-Identifier: MIT
 *
 * topic.c - the kind `topics`: a ring of what was published last. Publishing never waits: what no longer fits into
 * the capacity goes, the oldest first. Nothing is taken; each reader keeps the number of the last message
 * that he has seen, and so learns how many he has lost if they went before he came.
 *
 * One store of the word drops and adds: the ring's area is twice the capacity, so that a message never lies where one
 * is that the word still counts. The oldest message's number is one more than how many have left the ring: one of
 * two fields, and a bit of the word says which, as in a queue.
 */
#include "object.h"
#include "ring.h"

#include <limits.h>

#define TOPIC_OTHER (1ull << 63) /* which of control->taken[] says how many have left the ring */

static int layout(struct ipcfs_object *o)
{
	uint64_t capacity = o->shape[0];

	if (capacity == 0 || capacity > IPCFS_CAPACITY_MAX)
		return -EUCLEAN;
	o->size = ring_layout(&o->topic, SEG_PAGE, capacity + 1, 2 * capacity,
			      offsetof(struct seg_control, word));
	return 0;
}

/* ---- looking --------------------------------------------------------------------------------- */

struct topic_view {
	uint64_t word, gone; /* gone: messages that have left the ring */
	struct ring_view ring;
};

static int look(struct ipcfs_object *o, struct topic_view *v)
{
	uint64_t word = LOAD(o->control->word);

	v->word = word & TOPIC_OTHER;
	v->gone = LOAD(o->control->taken[word / TOPIC_OTHER]);
	return ring_look(o, &o->topic, word, &v->ring);
}

/* The newest message's number; 0: nothing was ever published. */
static uint64_t newest(const struct topic_view *v)
{
	return v->gone + v->ring.count;
}

static void commit(struct ipcfs_object *o, struct topic_view *v, uint32_t dropped)
{
	if (dropped) {
		v->word ^= TOPIC_OTHER;
		STORE(o->control->taken[v->word / TOPIC_OTHER], v->gone + dropped);
		ring_drop(&o->topic, &v->ring, dropped);
	}
	STORE(o->control->word, v->word | ring_word(&v->ring));
}

/* ---- publishing ------------------------------------------------------------------------------ */

/* Would the rest fit, if the oldest n went? -EUCLEAN. */
static int fits_without(struct ipcfs_object *o, const struct ring_view *v, uint32_t n)
{
	uint64_t start, len;

	if (ring_slot(o, &o->topic, (uint64_t)v->head + n, &start, &len) < 0 || start < v->first ||
	    start > v->end)
		return -EUCLEAN;
	return v->count - n < o->topic.slots && v->end - start <= o->shape[0];
}

/* How many of the oldest are one too many. Mostly few; but it may be a million for one that is large, and whoever
 * wrote something else into the index must not keep us busy: places only grow, so steps that double, then halves. */
static int surplus(struct ipcfs_object *o, const struct ring_view *v, uint32_t *n)
{
	uint32_t low = 0, high = 0, last = v->count - 1, step = 1, middle;
	int rc = 0;

	while (high < last && (rc = fits_without(o, v, high)) == 0) {
		low = high + 1;
		high = last - high > step ? high + step : last; /* the newest alone always fits */
		step *= 2;
	}
	while (rc >= 0 && low < high) {
		middle = low + (high - low) / 2;
		rc = fits_without(o, v, middle);
		if (rc > 0)
			high = middle;
		else
			low = middle + 1;
	}
	*n = high;
	return rc < 0 ? rc : 0;
}

static int publish(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct topic_view v;
	uint32_t dropped = 0;
	int rc = look(o, &v);

	if (rc == 0 && op->in_len > o->shape[0])
		rc = -EMSGSIZE;
	if (rc == 0 && !ring_fits(&o->topic, &v.ring, op->in_len))
		rc = -EUCLEAN;
	if (rc == 0)
		rc = ring_add(o, &o->topic, &v.ring, op->in, op->in_len);
	if (rc == 0)
		rc = surplus(o, &v.ring, &dropped);
	if (rc < 0)
		return rc;
	obj_change(o, IPCFS_C_READ, INT_MAX);
	commit(o, &v, dropped);
	return 0;
}

/* The numbers go on. Also the way out of an index that does not fit together. */
static int clear(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct topic_view v;
	int rc = look(o, &v);

	op->count = rc == 0 ? v.ring.count : 0;
	if (rc < 0)
		v.ring = (struct ring_view){.count = v.ring.count};
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	commit(o, &v, v.ring.count);
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int give(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t slot)
{
	struct iovec from[2];
	uint64_t len;
	int n = ring_message(o, &o->topic, slot, from, &len);

	if (n < 0)
		return n;
	if (len > o->shape[0])
		return -EUCLEAN;
	op->out_len = len;
	if (!op->sink && op->verb == IPCFS_V_NEXT && len > op->out_size)
		return -EMSGSIZE;
	return ring_give(op, from, n, len);
}

static int next(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct topic_view v;
	int rc = look(o, &v);

	if (rc < 0)
		return rc;
	if (op->token >= newest(&v))
		return -EAGAIN;
	if (op->token < v.gone) {
		op->count = v.gone - op->token;
		op->token = v.gone;
		return -ENOBUFS;
	}
	rc = give(o, op, v.ring.head + (op->token - v.gone));
	if (rc == 0)
		op->token++;
	return rc;
}

static int peek(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct topic_view v;
	int rc = look(o, &v);

	if (rc < 0)
		return rc;
	return v.ring.count ? give(o, op, (uint64_t)v.ring.head + v.ring.count - 1) : -ENODATA;
}

static int begin(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct topic_view v;
	int rc = look(o, &v);

	if (rc == 0)
		op->token = newest(&v);
	return rc;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	switch (op->verb) {
	case IPCFS_V_PUT:
		return publish(o, op);
	case IPCFS_V_NEXT:
		return next(o, op);
	case IPCFS_V_PEEK:
		return peek(o, op);
	case IPCFS_V_OPEN:
		return begin(o, op);
	case IPCFS_V_CLEAR:
		return clear(o, op);
	default:
		return -EINVAL;
	}
}

static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	struct topic_view v;
	bool is = look(o, &v) < 0 || op->token < newest(&v); /* an error does not wait */

	return (is ? 1u << IPCFS_C_READ : 0) | 1u << IPCFS_C_WRITE;
}

/* Without the lock: what was read belongs together if nothing changed meanwhile. */
static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	enum { TRIES = 1000 };
	struct topic_view v;

	for (int i = 0; i < TRIES; i++) {
		uint64_t changes = LOAD(o->control->changes);
		int rc = look(o, &v);

		if (rc == 0) {
			st->messages = v.ring.count;
			st->bytes = v.ring.end - v.ring.first;
			st->value = newest(&v);
		}
		if (rc == 0 && LOAD(o->control->changes) == changes)
			break;
	}
}

const struct ipcfs_kind_ops ipcfs_topic_ops = {
	.name = "topics",
	.properties = IPCFS_P_CAPACITY,
	.shape = ring_shape,
	.properties_of = ring_properties_of,
	.layout = layout,
	.try = try,
	.ready = ready,
	.stat = counts,
};

/* ---- the library's calls --------------------------------------------------------------------- */

static int run(struct ipcfs_object *o, struct ipcfs_op *op, int64_t deadline_ns)
{
	return o->kind == IPCFS_TOPIC ? obj_run(o, op, deadline_ns) : -EINVAL;
}

int ipcfs_topic_publish(struct ipcfs_object *topic, const void *msg, size_t len)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .in = msg, .in_len = len};

	return run(topic, &op, 0);
}

int ipcfs_topic_subscribe(struct ipcfs_object *topic, struct ipcfs_cursor *cursor)
{
	struct ipcfs_op op = {.verb = IPCFS_V_OPEN};
	int rc = run(topic, &op, 0);

	if (rc == 0)
		*cursor = (struct ipcfs_cursor){.seen = op.token};
	return rc;
}

ssize_t ipcfs_topic_next(struct ipcfs_object *topic, struct ipcfs_cursor *cursor, void *buf,
			 size_t size, int64_t deadline_ns)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_NEXT, .token = cursor->seen, .out = buf, .out_size = size};
	int rc = run(topic, &op, deadline_ns);

	cursor->lost = rc == -ENOBUFS ? op.count : 0;
	cursor->seen = op.token;
	if (rc == -EMSGSIZE)
		cursor->length = op.out_len;
	return rc < 0 ? rc : (ssize_t)op.out_len;
}

ssize_t ipcfs_topic_peek(struct ipcfs_object *topic, void *buf, size_t size)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PEEK, .out = buf, .out_size = size};
	int rc = run(topic, &op, 0);

	return rc < 0 ? rc : (ssize_t)op.out_len;
}

ssize_t ipcfs_topic_clear(struct ipcfs_object *topic)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLEAR};
	int rc = run(topic, &op, 0);

	return rc < 0 ? rc : (ssize_t)op.count;
}
