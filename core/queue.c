/* SPDX-License-Identifier: MIT
 *
 * queue.c - messages of bytes, first in first out: an index of slots over a ring of bytes. The commit
 * word is {slot of the oldest message, how many}, so that counts are never kept twice; a put
 * fills bytes, then a slot, then stores the word. Positions in the ring only grow, until the queue
 * is empty: then both start at 0 again, so that a queue which never holds much never uses much.
 *
 * How many messages have left the ring is in one of two places, and a bit of the word says in which: a get
 * writes the other one first. So the word that commits a get commits that number too, and all that was ever
 * put is the sum of both. Where messages are leased, the word has a bit for it, and lease.c goes on.
 */
#include "queue.h"

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

static size_t page_up(uint64_t n)
{
	return (n + SEG_PAGE - 1) & ~(uint64_t)(SEG_PAGE - 1);
}

static int layout(struct ipcfs_object *o)
{
	uint64_t maxsize = o->shape[QUEUE_MAXSIZE], capacity = o->shape[QUEUE_CAPACITY];

	if (maxsize > IPCFS_MAXSIZE_MAX || capacity == 0 || capacity > IPCFS_CAPACITY_MAX ||
	    o->shape[QUEUE_ATTEMPTS] > IPCFS_ATTEMPTS_MAX)
		return -EUCLEAN;
	o->queue.capacity = capacity;
	o->queue.slots = maxsize ? maxsize : capacity;
	if (o->queue.slots > IPCFS_MAXSIZE_MAX)
		o->queue.slots = IPCFS_MAXSIZE_MAX;
	o->queue.index = SEG_PAGE;
	o->queue.ring = o->queue.index + page_up(o->queue.slots * sizeof(struct shared_slot));
	o->claims = o->queue.ring + page_up(capacity);
	o->size = o->claims + CLAIMS_BYTES;
	return 0;
}

/* ---- looking ------------------------------------------------------------------------ */

static inline struct shared_slot *slot_at(struct ipcfs_object *o, uint64_t i)
{
	struct shared_slot *index = (void *)(o->base + o->queue.index);

	return index + (i < o->queue.slots ? i : i - o->queue.slots);
}

static inline struct slot slot_read(struct ipcfs_object *o, uint64_t i)
{
	struct shared_slot *s = slot_at(o, i);

	return (struct slot){.start = LOAD(s->start), .len = LOAD(s->len)};
}

static inline bool slot_fits(struct ipcfs_object *o, struct slot s)
{
	return s.len <= o->queue.capacity && s.start <= UINT64_MAX - s.len;
}

static inline int look_at(struct ipcfs_object *o, uint64_t word, struct queue_view *v)
{
	uint32_t count = (uint32_t)(word & QUEUE_COUNT),
		 head = (uint32_t)(word >> QUEUE_HEAD) & (IPCFS_MAXSIZE_MAX - 1);
	struct slot first, last;

	*v = (struct queue_view){.word = word, .head = head, .count = count};
	if (head >= o->queue.slots || count > o->queue.slots)
		return -EUCLEAN;
	if (count) {
		first = slot_read(o, head);
		last = slot_read(o, (uint64_t)head + count - 1);
		if (!slot_fits(o, first) || !slot_fits(o, last) || first.start > last.start ||
		    last.start + last.len - first.start > o->queue.capacity)
			return -EUCLEAN;
		v->first = first.start;
		v->end = last.start + last.len;
	}
	return __builtin_expect(word & QUEUE_CLAIMS, 0) ? lease_survey(o, v) : 0;
}

static inline int look(struct ipcfs_object *o, struct queue_view *v)
{
	return look_at(o, LOAD(o->control->word), v);
}

int queue_look(struct ipcfs_object *o, struct queue_view *v)
{
	return look(o, v);
}

int queue_slot(struct ipcfs_object *o, uint64_t i, uint64_t *start, uint64_t *len)
{
	struct slot s = slot_read(o, i);

	*start = s.start;
	*len = s.len;
	return slot_fits(o, s) ? 0 : -EUCLEAN;
}

static inline bool fits(struct ipcfs_object *o, const struct queue_view *v, uint64_t len)
{
	return (uint64_t)v->count + v->ready + v->doomed < o->queue.slots &&
	       v->end - v->first + len <= o->queue.capacity;
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
	if (v.count || v.ready)
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

/* Where in the ring a position is. */
static uint64_t place(struct ipcfs_object *o, uint64_t position)
{
	assert(o->queue.capacity > 0); /* layout() saw to it */
	return position < o->queue.capacity ? position : position % o->queue.capacity;
}

int queue_pieces(struct ipcfs_object *o, uint64_t start, uint64_t len, struct iovec v[2])
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
			 &o->control->reserved[QUEUE_RESERVED_INDEX],
			 (slot + 1) * sizeof(struct shared_slot));
	if (rc == 0)
		rc = seg_reserve(o, o->queue.ring, capacity,
				 &o->control->reserved[QUEUE_RESERVED_RING], need);
	return rc;
}

/* Room and memory for a message behind the view's last one. */
static inline int make_place(struct ipcfs_object *o, struct queue_view *v, uint64_t len)
{
	if (len > o->queue.capacity)
		return -EMSGSIZE;
	if (__builtin_expect(v->word & QUEUE_CLAIMS, 0))
		queue_make_room(o, v, len);
	if (!fits(o, v, len))
		return -EAGAIN;
	return reserve(o, (uint64_t)v->head + v->count, v->end, len);
}

/* Its bytes are there: the view counts it. Nobody sees it yet. */
static inline void add_slot(struct ipcfs_object *o, struct queue_view *v, uint64_t len)
{
	struct shared_slot *s = slot_at(o, (uint64_t)v->head + v->count);

	STORE(s->start, v->end);
	STORE(s->len, len);
	v->end += len;
	v->count++;
}

static int append(struct ipcfs_object *o, struct queue_view *v, const void *msg, uint64_t len)
{
	int n, rc = make_place(o, v, len);
	struct iovec to[2];

	if (rc < 0)
		return rc;
	if (len) {
		n = queue_pieces(o, v->end, len, to);
		memcpy(to[0].iov_base, msg, to[0].iov_len);
		if (n == 2)
			memcpy(to[1].iov_base, (const char *)msg + to[0].iov_len, to[1].iov_len);
	}
	add_slot(o, v, len);
	return 0;
}

int queue_append(struct ipcfs_object *o, struct queue_view *v, const struct iovec *msg, int n)
{
	uint64_t len = msg[0].iov_len + (n == 2 ? msg[1].iov_len : 0);
	int rc = make_place(o, v, len);
	struct iovec to[2];

	if (rc < 0)
		return rc;
	queue_pieces(o, v->end, len, to);
	queue_copy(to, msg, n);
	add_slot(o, v, len);
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
	op->number = queue_taken(o, &v) + v.count - 1;
	STORE(o->control->word, queue_word(&v));
	return 0;
}

/* ---- get ------------------------------------------------------------------------------ */

int queue_message(struct ipcfs_object *o, uint64_t i, struct iovec from[2], uint64_t *len)
{
	struct slot s = slot_read(o, i);

	if (!slot_fits(o, s))
		return -EUCLEAN;
	*len = s.len;
	return queue_pieces(o, s.start, s.len, from);
}

void queue_copy_out(void *to, uint64_t room, const struct iovec *from, int n)
{
	for (int i = 0; i < n && room; i++) {
		uint64_t len = from[i].iov_len < room ? from[i].iov_len : room;

		memcpy(to, from[i].iov_base, len);
		to = (char *)to + len;
		room -= len;
	}
}

int queue_give(struct ipcfs_op *op, const struct iovec *pieces, int n, uint64_t len)
{
	op->out_len = len;
	if (op->sink)
		return op->sink(op->sink_arg, pieces, n);
	if (len)
		queue_copy_out(op->out, op->out_size, pieces, n);
	return 0;
}

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
	if (v.count == 0)
		return v.word & QUEUE_CLOSED ? -ENODATA : -EAGAIN;
	n = queue_message(o, v.head, from, &len);
	if (n < 0)
		return n;
	if (!op->sink && len > op->out_size) {
		obj_wake(o, IPCFS_C_READ, 1); /* a wake-up that we cannot use */
		return -EMSGSIZE;
	}
	obj_change(o, IPCFS_C_WRITE, INT_MAX); /* writers differ in what fits */
	if (v.count > 1)
		obj_wake(o, IPCFS_C_READ, 1);
	rc = queue_give(op, from, n, len);
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
	if (v.count == 0)
		return -ENODATA;
	n = queue_message(o, v.head, from, &len);
	return n < 0 ? n : queue_give(op, from, n, len);
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

	return v->count && queue_slot(o, v->head, &start, &len) == 0 ? v->end - start : 0;
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
			now.messages = (uint64_t)v.count + v.ready + v.doomed;
			now.bytes = bytes_of(o, &v) + v.back;
			now.unfinished = lease_unfinished(o, &v);
			now.put = queue_taken(o, &v) + v.count;
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
	st->messages = LOAD(o->control->word) & QUEUE_COUNT; /* it alone is never torn */
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
