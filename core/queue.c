/* SPDX-License-Identifier: MIT
 *
 * queue.c - messages of bytes, first in first out: an index of slots over a ring of bytes. The commit
 * word is {slot of the oldest message, how many}, so that counts are never kept twice; a put
 * fills bytes, then a slot, then stores the word. Positions in the ring only grow, until the queue
 * is empty: then both start at 0 again, so that a queue which never holds much never uses much.
 */
#include "object.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

struct slot {
	uint64_t start; /* position of the first byte; modulo capacity in the ring */
	uint64_t len;
};
/* The same in shared memory, where it is also looked at without the lock. */
struct shared_slot {
	_Atomic uint64_t start, len;
};

enum { SHAPE_MAXSIZE, SHAPE_CAPACITY };
enum { RESERVED_INDEX, RESERVED_RING };

/* What the committed word and the slots say, checked. */
struct view {
	uint32_t head, count;
	uint64_t first, end; /* positions: of the oldest byte, behind the newest */
};

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	out[SHAPE_MAXSIZE] = p->given & IPCFS_P_MAXSIZE ? p->maxsize : 0;
	out[SHAPE_CAPACITY] = p->given & IPCFS_P_CAPACITY ? p->capacity : IPCFS_CAPACITY_DEFAULT;
	if (out[SHAPE_MAXSIZE] > IPCFS_MAXSIZE_MAX || out[SHAPE_CAPACITY] > IPCFS_CAPACITY_MAX ||
	    out[SHAPE_CAPACITY] == 0)
		return -ERANGE;
	return 0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY;
	p->maxsize = in[SHAPE_MAXSIZE];
	p->capacity = in[SHAPE_CAPACITY];
}

static size_t page_up(uint64_t n)
{
	return (n + SEG_PAGE - 1) & ~(uint64_t)(SEG_PAGE - 1);
}

static int layout(struct ipcfs_object *o)
{
	uint64_t maxsize = o->shape[SHAPE_MAXSIZE], capacity = o->shape[SHAPE_CAPACITY];

	if (maxsize > IPCFS_MAXSIZE_MAX || capacity == 0 || capacity > IPCFS_CAPACITY_MAX)
		return -EUCLEAN;
	o->queue.capacity = capacity;
	o->queue.slots = maxsize ? maxsize : capacity;
	if (o->queue.slots > IPCFS_MAXSIZE_MAX)
		o->queue.slots = IPCFS_MAXSIZE_MAX;
	o->queue.index = SEG_PAGE;
	o->queue.ring = o->queue.index + page_up(o->queue.slots * sizeof(struct shared_slot));
	o->size = o->queue.ring + page_up(capacity);
	return 0;
}

/* ---- looking ------------------------------------------------------------------------ */

static struct shared_slot *slot_at(struct ipcfs_object *o, uint64_t i)
{
	struct shared_slot *index = (void *)(o->base + o->queue.index);

	return index + (i < o->queue.slots ? i : i - o->queue.slots);
}

static struct slot slot_read(struct ipcfs_object *o, uint64_t i)
{
	struct shared_slot *s = slot_at(o, i);

	return (struct slot){.start = LOAD(s->start), .len = LOAD(s->len)};
}

static bool slot_fits(struct ipcfs_object *o, struct slot s)
{
	return s.len <= o->queue.capacity && s.start <= UINT64_MAX - s.len;
}

static int look_at(struct ipcfs_object *o, uint64_t word, struct view *v)
{
	struct slot first, last;

	v->head = (uint32_t)(word >> 32);
	v->count = (uint32_t)word;
	v->first = v->end = 0;
	if (v->head >= o->queue.slots || v->count > o->queue.slots)
		return -EUCLEAN;
	if (v->count == 0)
		return 0;
	first = slot_read(o, v->head);
	last = slot_read(o, (uint64_t)v->head + v->count - 1);
	if (!slot_fits(o, first) || !slot_fits(o, last) || first.start > last.start ||
	    last.start + last.len - first.start > o->queue.capacity)
		return -EUCLEAN;
	v->first = first.start;
	v->end = last.start + last.len;
	return 0;
}

static int look(struct ipcfs_object *o, struct view *v)
{
	return look_at(o, LOAD(o->control->word), v);
}

static bool fits(struct ipcfs_object *o, const struct view *v, uint64_t len)
{
	return v->count < o->queue.slots && v->end - v->first + len <= o->queue.capacity;
}

static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	struct view v;
	uint64_t len = o->queue.capacity < 4096 ? o->queue.capacity : 4096;

	(void)op;
	if (look(o, &v) < 0)
		return 1u << IPCFS_C_READ | 1u << IPCFS_C_WRITE; /* an error does not wait */
	return (v.count ? 1u << IPCFS_C_READ : 0) | (fits(o, &v, len) ? 1u << IPCFS_C_WRITE : 0);
}

/* ---- put ------------------------------------------------------------------------------ */

/* Where in the ring a position is. */
static uint64_t place(struct ipcfs_object *o, uint64_t position)
{
	assert(o->queue.capacity > 0); /* layout() saw to it */
	return position < o->queue.capacity ? position : position % o->queue.capacity;
}

/* The bytes [start, start + len) of the ring, in one or two pieces. */
static int pieces_of(struct ipcfs_object *o, uint64_t start, uint64_t len, struct iovec v[2])
{
	uint8_t *ring = o->base + o->queue.ring;
	uint64_t capacity = o->queue.capacity, at = place(o, start);
	uint64_t whole = len < capacity - at ? len : capacity - at;

	v[0] = (struct iovec){.iov_base = ring + at, .iov_len = whole};
	v[1] = (struct iovec){.iov_base = ring, .iov_len = len - whole};
	return len > whole ? 2 : 1;
}

static int reserve(struct ipcfs_object *o, uint64_t slot, uint64_t start, uint64_t len)
{
	uint64_t capacity = o->queue.capacity, at = place(o, start);
	uint64_t need = at + len <= capacity ? at + len : capacity;
	int rc;

	if (slot >= o->queue.slots)
		slot -= o->queue.slots;
	rc = seg_reserve(o, o->queue.index, o->queue.slots * sizeof(struct shared_slot),
			 &o->control->reserved[RESERVED_INDEX],
			 (slot + 1) * sizeof(struct shared_slot));
	if (rc == 0)
		rc = seg_reserve(o, o->queue.ring, capacity, &o->control->reserved[RESERVED_RING],
				 need);
	return rc;
}

/* Fills bytes and slot behind the view, which then counts the message. Nobody sees it yet. */
static int append(struct ipcfs_object *o, struct view *v, const void *msg, uint64_t len)
{
	struct iovec to[2];
	uint64_t slot = (uint64_t)v->head + v->count;
	int n, rc;

	if (len > o->queue.capacity)
		return -EMSGSIZE;
	if (!fits(o, v, len))
		return -EAGAIN;
	rc = reserve(o, slot, v->end, len);
	if (rc < 0)
		return rc;
	if (len) {
		n = pieces_of(o, v->end, len, to);
		memcpy(to[0].iov_base, msg, to[0].iov_len);
		if (n == 2)
			memcpy(to[1].iov_base, (const char *)msg + to[0].iov_len, to[1].iov_len);
	}
	STORE(slot_at(o, slot)->start, v->end);
	STORE(slot_at(o, slot)->len, len);
	v->end += len;
	v->count++;
	return 0;
}

static void commit(struct ipcfs_object *o, uint32_t head, uint32_t count)
{
	STORE(o->control->word, count ? (uint64_t)head << 32 | count : 0);
}

static int put(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct view v;
	int rc = look(o, &v);

	if (rc == 0)
		rc = append(o, &v, op->in, op->in_len);
	if (rc < 0)
		return rc;
	obj_change(o, IPCFS_C_READ, 1);
	commit(o, v.head, v.count);
	return 0;
}

static int put_many(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct view v;
	uint64_t done = 0;
	int rc = look(o, &v);

	while (rc == 0 && done < op->count) {
		rc = append(o, &v, op->vec[done].iov_base, op->vec[done].iov_len);
		done += rc == 0;
	}
	if (done == 0)
		return rc;
	obj_change(o, IPCFS_C_READ, 1); /* each get wakes the next */
	commit(o, v.head, v.count);
	op->count = done;
	return 0;
}

/* ---- get ------------------------------------------------------------------------------ */

static int message(struct ipcfs_object *o, uint64_t i, struct iovec from[2], uint64_t *len)
{
	struct slot s = slot_read(o, i);

	if (!slot_fits(o, s))
		return -EUCLEAN;
	*len = s.len;
	return pieces_of(o, s.start, s.len, from);
}

static void copy_out(void *to, uint64_t room, const struct iovec *from, int n)
{
	for (int i = 0; i < n && room; i++) {
		uint64_t len = from[i].iov_len < room ? from[i].iov_len : room;

		memcpy(to, from[i].iov_base, len);
		to = (char *)to + len;
		room -= len;
	}
}

static int take(struct ipcfs_object *o, struct view *v, uint32_t n)
{
	uint64_t head = (uint64_t)v->head + n; /* n is at most count, that at most slots */

	v->count -= n;
	v->head = (uint32_t)(head < o->queue.slots ? head : head - o->queue.slots);
	commit(o, v->head, v->count);
	return 0;
}

static int get(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct view v;
	struct iovec from[2];
	uint64_t len;
	int n, rc = look(o, &v);

	if (rc < 0)
		return rc;
	if (v.count == 0)
		return -EAGAIN;
	n = message(o, v.head, from, &len);
	if (n < 0)
		return n;
	op->out_len = len;
	if (!op->sink && len > op->out_size) {
		obj_wake(o, IPCFS_C_READ, 1); /* a wake-up that we cannot use */
		return -EMSGSIZE;
	}
	if (!op->sink && len)
		copy_out(op->out, op->out_size, from, n);
	obj_change(o, IPCFS_C_WRITE, INT_MAX); /* writers differ in what fits */
	if (v.count > 1)
		obj_wake(o, IPCFS_C_READ, 1);
	rc = op->sink ? op->sink(op->sink_arg, from, n) : 0;
	return rc < 0 ? rc : take(o, &v, 1);
}

static int get_many(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct view v;
	struct iovec from[2];
	uint64_t len, done = 0;
	int n, rc = look(o, &v);

	if (rc < 0)
		return rc;
	if (v.count == 0)
		return -EAGAIN;
	while (rc == 0 && done < op->count && done < v.count) {
		n = message(o, v.head + done, from, &len);
		if (n < 0)
			return n;
		if (len > op->vec[done].iov_len) {
			rc = -EMSGSIZE;
			break;
		}
		if (len)
			copy_out(op->vec[done].iov_base, len, from, n);
		op->vec[done++].iov_len = len;
	}
	if (done == 0) {
		obj_wake(o, IPCFS_C_READ, 1);
		return rc;
	}
	obj_change(o, IPCFS_C_WRITE, INT_MAX);
	if (v.count > done)
		obj_wake(o, IPCFS_C_READ, 1);
	op->count = done;
	return take(o, &v, (uint32_t)done);
}

static int peek(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct view v;
	struct iovec from[2];
	uint64_t len;
	int n, rc = look(o, &v);

	if (rc < 0)
		return rc;
	if (v.count == 0)
		return -ENODATA;
	n = message(o, v.head, from, &len);
	if (n < 0)
		return n;
	op->out_len = len;
	if (op->sink)
		return op->sink(op->sink_arg, from, n);
	if (len)
		copy_out(op->out, op->out_size, from, n);
	return 0;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct view v;
	int rc;

	switch (op->verb) {
	case IPCFS_V_PUT:
		return put(o, op);
	case IPCFS_V_GET:
		return get(o, op);
	case IPCFS_V_PUT_MANY:
		return put_many(o, op);
	case IPCFS_V_GET_MANY:
		return get_many(o, op);
	case IPCFS_V_PEEK:
		return peek(o, op);
	case IPCFS_V_CLEAR:
		rc = look(o, &v);
		op->count = rc < 0 ? 0 : v.count;
		/* Also the way out of an index that does not fit together. */
		obj_change(o, IPCFS_C_WRITE, INT_MAX);
		commit(o, 0, 0);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Without the lock: what was read belongs together if nothing changed meanwhile. */
static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	enum { TRIES = 1000 };
	struct view v;

	for (int i = 0; i < TRIES; i++) {
		uint64_t changes = LOAD(o->control->changes), word = LOAD(o->control->word);
		int rc = look_at(o, word, &v);

		if (LOAD(o->control->changes) != changes || LOAD(o->control->word) != word)
			continue;
		if (rc == 0) {
			st->messages = v.count;
			st->bytes = v.end - v.first;
		}
		return;
	}
	st->messages = (uint32_t)LOAD(o->control->word); /* it alone is never torn */
}

const struct ipcfs_kind_ops ipcfs_queue_ops = {
	.name = "queues",
	.properties = IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY,
	.taking = true,
	.shape = shape,
	.properties_of = properties_of,
	.layout = layout,
	.try = try,
	.ready = ready,
	.stat = counts,
};

/* ---- the library's calls ----------------------------------------------------------------- */

static int run(struct ipcfs_object *o, struct ipcfs_op *op, int64_t deadline_ns)
{
	return o->kind == IPCFS_QUEUE ? obj_run(o, op, deadline_ns) : -EINVAL;
}

int ipcfs_queue_put(struct ipcfs_object *queue, const void *msg, size_t len, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .in = msg, .in_len = len};

	return run(queue, &op, deadline_ns);
}

ssize_t ipcfs_queue_get(struct ipcfs_object *queue, void *buf, size_t size, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET, .out = buf, .out_size = size};
	int rc = run(queue, &op, deadline_ns);

	return rc < 0 ? rc : (ssize_t)op.out_len;
}

ssize_t ipcfs_queue_peek(struct ipcfs_object *queue, void *buf, size_t size)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PEEK, .out = buf, .out_size = size};
	int rc = run(queue, &op, 0);

	return rc < 0 ? rc : (ssize_t)op.out_len;
}

int ipcfs_queue_put_many(struct ipcfs_object *queue, const struct iovec *msgs, unsigned count,
			 int64_t deadline_ns)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_PUT_MANY, .vec = (struct iovec *)(uintptr_t)msgs, .count = count};
	int rc = count && count <= IPCFS_BATCH_MAX ? run(queue, &op, deadline_ns) : -EINVAL;

	return rc < 0 ? rc : (int)op.count;
}

int ipcfs_queue_get_many(struct ipcfs_object *queue, struct iovec *bufs, unsigned count,
			 int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET_MANY, .vec = bufs, .count = count};
	int rc = count && count <= IPCFS_BATCH_MAX ? run(queue, &op, deadline_ns) : -EINVAL;

	return rc < 0 ? rc : (int)op.count;
}

ssize_t ipcfs_queue_clear(struct ipcfs_object *queue)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLEAR};
	int rc = run(queue, &op, 0);

	return rc < 0 ? rc : (ssize_t)op.count;
}
