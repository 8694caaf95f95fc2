/* SPDX-License-Identifier: MIT
 *
 * ring.h - messages of bytes in the order in which they were added: an index of slots over a ring of bytes, in an
 * area of a segment. Queues have one, pipes one each way, topics one of what came last. A ring is
 * committed by one store of a word {slot of the oldest message, how many}, so that counts are never kept twice;
 * its upper bits are the kind's. To add fills bytes, then a slot, behind what the word counts. Positions only
 * grow, until the ring is empty: then both start at 0 again, so that one which never holds much never uses much.
 *
 * Here and not in a .c file because to put and to get cost little more than the calls would.
 * All functions are called under the object's lock, unless they say otherwise.
 */
#ifndef IPCFS_RING_H
#define IPCFS_RING_H

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "object.h"

/* The word: messages, slot of the oldest (0 where there are none). Bits 31, 62 and 63 are the kind's. */
#define RING_COUNT 0x7fffffffull
#define RING_HEAD 32

/* In shared memory, also looked at without the lock. */
struct ring_slot {
	_Atomic uint64_t start; /* position of the first byte; modulo capacity in the ring */
	_Atomic uint64_t len;
};

/* What the word and the slots say, checked. */
struct ring_view {
	uint32_t head, count;
	uint64_t first, end; /* positions of the first byte and behind the last one */
};

/* ---- ring.c ---- */
/* Of kinds with the property `capacity` alone: their shape. */
int ring_shape(const struct ipcfs_properties *p, uint64_t out[5]);
void ring_properties_of(const uint64_t in[5], struct ipcfs_properties *p);
/* Puts a ring at that offset of the segment; where it ends. state: offset of its ring_state in the control block. */
size_t ring_layout(struct ring *r, size_t at, uint64_t slots, uint64_t capacity, size_t state);
/* Memory for a message of len bytes behind the view's last one. -ENOSPC, -EDQUOT. */
int ring_reserve(struct ipcfs_object *o, const struct ring *r, const struct ring_view *v,
		 uint64_t len);
/* Bytes in n pieces to one or two of the same length. */
void ring_copy(const struct iovec *to, const struct iovec *from, int n);

/* ---- looking ---- */

static inline struct ring_slot *ring_slot_at(struct ipcfs_object *o, const struct ring *r,
					     uint64_t i)
{
	struct ring_slot *index = (void *)(o->base + r->index);

	return index + (i < r->slots ? i : i - r->slots);
}

/* Message i, which may be counted past the last slot: its place and length. -EUCLEAN. */
static inline int ring_slot(struct ipcfs_object *o, const struct ring *r, uint64_t i,
			    uint64_t *start, uint64_t *len)
{
	struct ring_slot *s = ring_slot_at(o, r, i);

	*start = LOAD(s->start);
	*len = LOAD(s->len);
	return *len <= r->capacity && *start <= UINT64_MAX - *len ? 0 : -EUCLEAN;
}

static inline int ring_look(struct ipcfs_object *o, const struct ring *r, uint64_t word,
			    struct ring_view *v)
{
	uint32_t count = (uint32_t)(word & RING_COUNT),
		 head = (uint32_t)(word >> RING_HEAD) & (IPCFS_MAXSIZE_MAX - 1);
	uint64_t start, len;

	*v = (struct ring_view){.head = head, .count = count};
	if (head >= r->slots || count > r->slots)
		return -EUCLEAN;
	if (count == 0)
		return 0;
	if (ring_slot(o, r, head, &v->first, &len) < 0 ||
	    ring_slot(o, r, (uint64_t)head + count - 1, &start, &len) < 0 || v->first > start ||
	    start + len - v->first > r->capacity)
		return -EUCLEAN;
	v->end = start + len;
	return 0;
}

/* The word that the view has become. */
static inline uint64_t ring_word(const struct ring_view *v)
{
	return v->count ? (uint64_t)v->head << RING_HEAD | v->count : 0;
}

/* Where in the ring a position is. */
static inline uint64_t ring_place(const struct ring *r, uint64_t position)
{
	assert(r->capacity > 0); /* the kind's layout() saw to it */
	return position < r->capacity ? position : position % r->capacity;
}

/* The bytes [start, start + len) of the ring, in one or two pieces. */
static inline int ring_pieces(struct ipcfs_object *o, const struct ring *r, uint64_t start,
			      uint64_t len, struct iovec v[2])
{
	uint8_t *bytes = o->base + r->bytes;
	uint64_t at = ring_place(r, start);
	uint64_t whole = len < r->capacity - at ? len : r->capacity - at;

	v[0] = (struct iovec){.iov_base = bytes + at, .iov_len = whole};
	v[1] = (struct iovec){.iov_base = bytes, .iov_len = len - whole};
	return len > whole ? 2 : 1;
}

/* Message i in pieces: how many, or -EUCLEAN. */
static inline int ring_message(struct ipcfs_object *o, const struct ring *r, uint64_t i,
			       struct iovec from[2], uint64_t *len)
{
	uint64_t start;
	int rc = ring_slot(o, r, i, &start, len);

	return rc < 0 ? rc : ring_pieces(o, r, start, *len, from);
}

static inline bool ring_fits(const struct ring *r, const struct ring_view *v, uint64_t len)
{
	return v->count < r->slots && v->end - v->first + len <= r->capacity;
}

/* ---- changing: nobody sees it before the kind stores the word ---- */

/* Its bytes are there: the view counts it. */
static inline void ring_add_slot(struct ipcfs_object *o, const struct ring *r, struct ring_view *v,
				 uint64_t len)
{
	struct ring_slot *s = ring_slot_at(o, r, (uint64_t)v->head + v->count);

	STORE(s->start, v->end);
	STORE(s->len, len);
	v->end += len;
	v->count++;
}

/* Adds a message that fits. -ENOSPC, -EDQUOT. */
static inline int ring_add(struct ipcfs_object *o, const struct ring *r, struct ring_view *v,
			   const void *msg, uint64_t len)
{
	int n, rc = ring_reserve(o, r, v, len);
	struct iovec to[2];

	if (rc < 0)
		return rc;
	if (len) {
		n = ring_pieces(o, r, v->end, len, to);
		memcpy(to[0].iov_base, msg, to[0].iov_len);
		if (n == 2)
			memcpy(to[1].iov_base, (const char *)msg + to[0].iov_len, to[1].iov_len);
	}
	ring_add_slot(o, r, v, len);
	return 0;
}

/* Takes the oldest n of at most count away. */
static inline void ring_drop(const struct ring *r, struct ring_view *v, uint32_t n)
{
	uint64_t head = (uint64_t)v->head + n;

	v->count -= n;
	v->head = (uint32_t)(head < r->slots ? head : head - r->slots);
}

/* ---- giving ---- */

static inline void ring_copy_out(void *to, uint64_t room, const struct iovec *from, int n)
{
	for (int i = 0; i < n && room; i++) {
		uint64_t len = from[i].iov_len < room ? from[i].iov_len : room;

		memcpy(to, from[i].iov_base, len);
		to = (char *)to + len;
		room -= len;
	}
}

/* GET and PEEK: hands the message to op->sink or to op->out. */
static inline int ring_give(struct ipcfs_op *op, const struct iovec *pieces, int n, uint64_t len)
{
	op->out_len = len;
	if (op->sink)
		return op->sink(op->sink_arg, pieces, n);
	if (len)
		ring_copy_out(op->out, op->out_size, pieces, n);
	return 0;
}

#endif
