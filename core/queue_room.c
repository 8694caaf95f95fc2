/* SPDX-License-Identifier: MIT
 *
 * queue_room.c - room in a queue's ring. Bytes of claims stay where they were put while the ring goes on
 * behind them; where one that is old keeps much from being used again, all claims move up to the ring's messages.
 */
#include "queue.h"

#include <stdlib.h>

/* A claim's bytes in the ring. */
struct piece {
	uint64_t start, len;
	unsigned claim;
};

static int by_place(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->start < y->start ? 1 : -(x->start > y->start); /* the last one first */
}

/* Together no more bytes than were there at the look: somebody may write others since, and copying takes time. */
static unsigned collect(struct ipcfs_object *o, const struct queue_view *v, struct piece *pieces,
			unsigned room)
{
	uint64_t left = v->held;
	unsigned n = 0, end = claim_count(o);

	for (unsigned i = 0; i < end && n < room; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t kind = queue_kind(c), start = LOAD(c->b), len = LOAD(c->c);

		if (!kind || kind == QUEUE_NOTE || !len || len > left)
			continue;
		pieces[n++] = (struct piece){start, len, i};
		left -= len;
	}
	qsort(pieces, n, sizeof(*pieces), by_place);
	return n;
}

/* Up to what lies behind it, if there is as much free between them as it has. One store of its place commits. */
static void slide(struct ipcfs_object *o, struct piece *p, uint64_t limit)
{
	struct iovec from[2], to[2];
	int n;

	if (limit < p->len || limit - p->len < p->start || limit - p->len - p->start < p->len)
		return;
	n = ring_pieces(o, &o->queue, p->start, p->len, from);
	p->start = limit - p->len;
	ring_pieces(o, &o->queue, p->start, p->len, to);
	ring_copy(to, from, n);
	STORE(claim_at(o, p->claim)->b, p->start);
}

/* Where the ring's messages begin: all claims lie before them. */
static uint64_t ring_start(struct ipcfs_object *o, const struct queue_view *v)
{
	uint64_t start, len;

	return v->ring.count && ring_slot(o, &o->queue, v->ring.head, &start, &len) == 0 ?
		       start :
		       v->ring.end;
}

/* When more than half of the ring is in use and more of that is free than copying costs; or when the message
 * would not fit else. After it less is free between them than the claims have: what is leased for long
 * costs at most twice its bytes. */
void queue_make_room(struct ipcfs_object *o, struct queue_view *v, uint64_t len)
{
	uint64_t span = v->ring.end - v->ring.first, limit = ring_start(o, v), free_bytes;
	bool fits = span + len <= o->queue.capacity;
	struct piece *pieces;
	unsigned n;

	if ((fits && span <= o->queue.capacity / 2) || limit < v->ring.first + v->held)
		return;
	free_bytes = limit - v->ring.first - v->held;
	if (free_bytes == 0 || (fits && free_bytes < v->held))
		return;
	n = claim_count(o);
	pieces = n ? malloc(n * sizeof(*pieces)) : NULL;
	if (!pieces)
		return;
	n = collect(o, v, pieces, n);
	for (unsigned i = 0; i < n; limit = pieces[i++].start)
		slide(o, &pieces[i], limit);
	if (n && limit > v->ring.first)
		v->ring.first = limit;
	free(pieces);
}
