/* SPDX-License-Identifier: MIT
 *
 * list_index.c - the index of a list: a ring, so that items come and go at both ends in one step. In the middle, and
 * where the ring is full, a new one is filled in another block, which the commit makes the list's.
 */
#include "list.h"

#include <errno.h>
#include <string.h>

enum { SLOTS_LEAST = 15, SLOT = sizeof(uint64_t) };
#define SLOTS_MAX (4 * IPCFS_ITEMS_MAX)

static uint64_t index_bytes(uint64_t slots)
{
	return sizeof(struct list_index) + slots * SLOT;
}

/* As many as the block of so many has. */
static uint64_t slots_for(uint64_t slots)
{
	if (slots < SLOTS_LEAST)
		slots = SLOTS_LEAST;
	return (heap_room(index_bytes(slots)) - sizeof(struct list_index)) / SLOT;
}

/* ---- looking ---------------------------------------------------------------------------------- */

static int check(struct ipcfs_object *o, struct list_view *v)
{
	if (v->at == 0)
		return v->slots || v->head || v->count || v->bytes ? -EUCLEAN : 0;
	if (v->slots == 0 || v->slots > SLOTS_MAX || v->head >= v->slots || v->count > v->slots ||
	    v->bytes > o->heap_bytes)
		return -EUCLEAN;
	v->index = heap_at(o, v->at, index_bytes(v->slots));
	return v->index ? 0 : -EUCLEAN;
}

int list_look(struct ipcfs_object *o, struct list_view *v)
{
	*v = (struct list_view){.at = heap_root_now(o, LIST_INDEX),
				.slots = heap_root_now(o, LIST_SLOTS),
				.head = heap_root_now(o, LIST_HEAD),
				.count = heap_root_now(o, LIST_COUNT),
				.bytes = heap_root_now(o, LIST_BYTES)};
	return check(o, v);
}

/* The slot of item i <= slots. */
static _Atomic uint64_t *slot(const struct list_view *v, uint64_t i)
{
	uint64_t n = v->head + i;

	return &v->index->slots[n < v->slots ? n : n - v->slots];
}

int list_item(struct ipcfs_object *o, const struct list_view *v, uint64_t i, uint64_t *at,
	      struct iovec *bytes)
{
	struct list_item *item;
	uint32_t len;

	*at = LOAD(*slot(v, i));
	item = heap_at(o, *at, sizeof(*item));
	if (!item)
		return -EUCLEAN;
	len = LOAD(item->len);
	if (len > IPCFS_ITEM_MAX || len > v->bytes || !heap_at(o, *at, list_item_room(len)))
		return -EUCLEAN;
	*bytes = (struct iovec){.iov_base = item->bytes, .iov_len = len};
	return 0;
}

/* ---- changing ----------------------------------------------------------------------------------- */

int list_begin(struct list_change *c, struct ipcfs_object *o, bool many)
{
	int rc = many ? heap_begin_many(&c->heap, o) : heap_begin(&c->heap, o);

	c->old_index = c->old_slots = 0;
	return rc == 0 ? list_look(o, &c->v) : rc;
}

int list_begin_anew(struct list_change *c, struct ipcfs_object *o, uint64_t n, uint64_t bytes)
{
	int rc = heap_begin(&c->heap, o);

	c->old_index = c->old_slots = 0;
	c->v = (struct list_view){.slots = 0};
	if (n)
		bytes += index_bytes(slots_for(n));
	if (rc == 0)
		rc = heap_renew(&c->heap, bytes);
	return rc == 0 && n ? list_make_slots(c, n) : rc;
}

uint64_t list_item_room(uint64_t len)
{
	return heap_room(sizeof(struct list_item) + len);
}

int64_t list_new_item(struct list_change *c, const void *bytes, uint64_t len)
{
	int64_t at = heap_alloc(&c->heap, sizeof(struct list_item) + len);
	struct list_item *item;

	if (at < 0)
		return at;
	item = heap_at(c->heap.o, (uint64_t)at, sizeof(*item) + len);
	STORE(item->len, (uint32_t)len);
	if (len)
		memcpy(item->bytes, bytes, len);
	return at;
}

/* Items [from, to) as they lie, to the slots from `out` on. Whoever has written into the heap may have the new index lie
 * where the old one does. */
static void copy_slots(const struct list_view *v, uint64_t from, uint64_t to, _Atomic uint64_t *out)
{
	uint64_t first = v->head + from, n = to - from;

	if (first >= v->slots)
		first -= v->slots;
	if (n > v->slots - first) {
		memmove((void *)out, (void *)&v->index->slots[first], (v->slots - first) * SLOT);
		out += v->slots - first;
		n -= v->slots - first;
		first = 0;
	}
	if (n)
		memmove((void *)out, (void *)&v->index->slots[first], n * SLOT);
}

/* An index of so many slots in a block of its own, that begins at its first slot. It is empty. */
static int new_index(struct list_change *c, uint64_t slots, struct list_view *v)
{
	int64_t at = heap_alloc(&c->heap, index_bytes(slots));

	if (at < 0)
		return (int)at;
	*v = c->v;
	v->at = (uint64_t)at;
	v->slots = slots;
	v->head = 0;
	v->index = heap_at(c->heap.o, v->at, index_bytes(slots));
	return 0;
}

static void take_index(struct list_change *c, const struct list_view *v)
{
	c->old_index = c->v.at;
	c->old_slots = c->v.slots;
	c->v = *v;
}

int list_make_slots(struct list_change *c, uint64_t n)
{
	uint64_t need = c->v.count + n, twice = 2 * c->v.slots;
	struct list_view v;
	int rc;

	if (need <= c->v.slots)
		return 0;
	if (need > IPCFS_ITEMS_MAX)
		return -ENOSPC;
	if (!c->heap.renewed && need < twice)
		need = twice;
	rc = new_index(c, slots_for(need), &v);
	if (rc < 0)
		return rc;
	copy_slots(&c->v, 0, c->v.count, v.index->slots);
	take_index(c, &v);
	return 0;
}

void list_fill_slot(struct list_change *c, uint64_t i, uint64_t item)
{
	STORE(*slot(&c->v, i), item);
}

void list_set_slot(struct list_change *c, uint64_t i, uint64_t item)
{
	heap_set(&c->heap, (uint64_t)((uint8_t *)slot(&c->v, i) - c->heap.o->base), item);
}

int list_close_gap(struct list_change *c, uint64_t i)
{
	struct list_view v;
	int rc;

	if (i == 0)
		c->v.head = c->v.head + 1 < c->v.slots ? c->v.head + 1 : 0;
	if (i > 0 && i < c->v.count - 1) {
		rc = new_index(c, c->v.slots, &v);
		if (rc < 0)
			return rc;
		copy_slots(&c->v, 0, i, v.index->slots);
		copy_slots(&c->v, i + 1, c->v.count, v.index->slots + i);
		take_index(c, &v);
	}
	c->v.count--;
	return 0;
}

/* The slot before the first one, and that behind the last, are nobody's. */
int list_open_gap(struct list_change *c, uint64_t i, uint64_t item)
{
	struct list_view v;
	int rc = 0;

	if (i == 0 || i == c->v.count) {
		rc = list_make_slots(c, 1);
		if (rc == 0 && i == 0)
			c->v.head = (c->v.head ? c->v.head : c->v.slots) - 1;
	} else {
		uint64_t slots = c->v.count < c->v.slots ? c->v.slots : slots_for(2 * c->v.slots);

		rc = c->v.count >= IPCFS_ITEMS_MAX ? -ENOSPC : new_index(c, slots, &v);
		if (rc == 0) {
			copy_slots(&c->v, 0, i, v.index->slots);
			copy_slots(&c->v, i, c->v.count, v.index->slots + i + 1);
			take_index(c, &v);
		}
	}
	if (rc < 0)
		return rc;
	c->v.count++;
	list_fill_slot(c, i, item);
	return 0;
}

static void set_root(struct list_change *c, unsigned root, uint64_t value)
{
	if (heap_get(&c->heap, heap_root(root)) != value)
		heap_set(&c->heap, heap_root(root), value);
}

int list_commit(struct list_change *c)
{
	int rc = 0;

	if (c->old_index)
		rc = heap_free(&c->heap, c->old_index, index_bytes(c->old_slots));
	if (rc < 0)
		return rc;
	set_root(c, LIST_INDEX, c->v.at);
	set_root(c, LIST_SLOTS, c->v.slots);
	set_root(c, LIST_HEAD, c->v.head);
	set_root(c, LIST_COUNT, c->v.count);
	set_root(c, LIST_BYTES, c->v.bytes);
	heap_commit(&c->heap);
	return 0;
}
