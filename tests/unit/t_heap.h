/* SPDX-License-Identifier: MIT
 *
 * t_heap.h - a heap without a kind, in memory that children share, and a look at the whole of it: every byte
 * below the top belongs to one block, in use or free, or to the gap.
 *
 * The kind of these tests is a stack: root 0 is the newest block, root 1 how many there are, and a block is
 * { the heap's 4 bytes, its size, the next one, filling }.
 */
#ifndef T_HEAP_H
#define T_HEAP_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/heap.h"

struct stack_block {
	_Atomic uint32_t link;
	uint32_t size;
	uint64_t next;
	uint8_t filling[];
};

enum { HEAP_PIECES = 20000 };

static inline struct ipcfs_object *heap_fake(struct ipcfs_store *store, uint64_t bytes)
{
	struct ipcfs_object *o = calloc(1, sizeof(*o));
	void *base;

	if (!o)
		abort();
	heap_layout(o, bytes);
	base = mmap(NULL, o->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		abort();
	o->store = store;
	o->base = base;
	o->control = (void *)(o->base + SEG_PAGE - SEG_CONTROL);
	return o;
}

static inline void heap_fake_end(struct ipcfs_object *o)
{
	munmap(o->base, o->size);
	free(o);
}

/* ---- the whole of it ---------------------------------------------------------------------------------- */

struct heap_piece {
	uint64_t at, bytes;
};

struct heap_map {
	struct heap_piece pieces[HEAP_PIECES];
	unsigned count;
	uint64_t used, top, gap; /* bytes */
};

static inline int heap_piece_order(const void *a, const void *b)
{
	const struct heap_piece *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static inline bool heap_note(struct heap_map *map, uint64_t at, uint64_t bytes)
{
	if (map->count == HEAP_PIECES)
		return false;
	map->pieces[map->count++] = (struct heap_piece){at, bytes};
	return true;
}

static inline struct heap_bank *heap_bank_of(struct ipcfs_object *o)
{
	struct heap_area *area = (void *)(o->base + SEG_PAGE);

	return &area->banks[LOAD(area->bank)];
}

static inline bool heap_note_free(struct ipcfs_object *o, struct heap_map *map)
{
	struct heap_bank *bank = heap_bank_of(o);

	for (unsigned class = 0; class < HEAP_CLASSES; class ++) {
		uint64_t bytes = (uint64_t)(4 + class % 4) << (3 + class / 4), at;

		for (at = LOAD(bank->free[class]); at;) {
			_Atomic uint32_t *link = heap_at(o, at, bytes);

			if (!link || !heap_note(map, at, bytes))
				return false;
			at = (uint64_t)LOAD(*link) * 8;
		}
	}
	return true;
}

/* Are the pieces noted (those in use by the caller) and all that is free the whole? */
static inline bool heap_is_whole(struct ipcfs_object *o, struct heap_map *map)
{
	struct heap_bank *bank = heap_bank_of(o);
	uint64_t at = 2 * SEG_PAGE, gap = LOAD(bank->gap), gap_end = LOAD(bank->gap_end);

	for (unsigned i = 0; i < map->count; i++)
		map->used += map->pieces[i].bytes;
	map->top = LOAD(bank->top);
	map->gap = gap_end - gap;
	if (gap > gap_end || gap_end > map->top || !heap_note_free(o, map) ||
	    (map->gap && !heap_note(map, at + gap, map->gap)))
		return false;
	qsort(map->pieces, map->count, sizeof(map->pieces[0]), heap_piece_order);
	for (unsigned i = 0; i < map->count; i++) {
		if (map->pieces[i].at != at)
			return false;
		at += map->pieces[i].bytes;
	}
	return at == 2 * SEG_PAGE + map->top && LOAD(o->control->redo_on) == 0;
}

/* ---- the stack ------------------------------------------------------------------------------------------ */

static inline int stack_push_in(struct heap_change *c, uint32_t size)
{
	int64_t at = heap_alloc(c, size);
	struct stack_block *b;

	if (at < 0)
		return (int)at;
	b = heap_at(c->o, (uint64_t)at, size);
	b->size = size;
	b->next = heap_get(c, heap_root(0));
	memset(b->filling, (int)(size & 0xff), size - sizeof(*b));
	heap_set(c, heap_root(0), (uint64_t)at);
	heap_set(c, heap_root(1), heap_get(c, heap_root(1)) + 1);
	return 0;
}

static inline int stack_push(struct ipcfs_object *o, uint32_t size)
{
	struct heap_change c;
	int rc = heap_begin(&c, o);

	if (rc == 0)
		rc = stack_push_in(&c, size);
	if (rc == 0)
		heap_commit(&c);
	return rc;
}

/* n blocks at once; -ENODATA is told as -1. */
static inline int stack_pop(struct ipcfs_object *o, unsigned n)
{
	struct heap_change c;
	struct stack_block *b;
	int rc = n == 1 ? heap_begin(&c, o) : heap_begin_many(&c, o);

	while (rc == 0 && n--) {
		uint64_t at = heap_get(&c, heap_root(0));

		b = heap_at(o, at, sizeof(*b));
		if (!b)
			return -1;
		heap_set(&c, heap_root(0), b->next);
		heap_set(&c, heap_root(1), heap_get(&c, heap_root(1)) - 1);
		rc = heap_free(&c, at, b->size);
	}
	if (rc == 0)
		heap_commit(&c);
	return rc;
}

/* The blocks become n new ones. */
static inline int stack_replace(struct ipcfs_object *o, unsigned n, uint32_t size)
{
	struct heap_change c;
	int rc = heap_begin(&c, o);

	if (rc == 0)
		rc = heap_renew(&c, n * heap_room(size));
	heap_set(&c, heap_root(0), 0);
	heap_set(&c, heap_root(1), 0);
	while (rc == 0 && n--)
		rc = stack_push_in(&c, size);
	if (rc == 0)
		heap_commit(&c);
	return rc;
}

/* How many blocks; their sizes, newest first; -1: not whole. */
static inline int stack_look(struct ipcfs_object *o, uint32_t *sizes, int room, uint64_t *top)
{
	struct heap_map *map = calloc(1, sizeof(*map));
	uint64_t at = heap_root_now(o, 0);
	bool whole = map != NULL;
	int n = 0;

	while (whole && at) {
		struct stack_block *b = heap_at(o, at, sizeof(*b));

		whole = b && b->size >= sizeof(*b) && heap_at(o, at, b->size) &&
			heap_note(map, at, heap_room(b->size));
		for (uint32_t i = 0; whole && i < b->size - sizeof(*b); i++)
			whole = b->filling[i] == (b->size & 0xff);
		if (whole && n < room)
			sizes[n] = b->size;
		n++;
		at = whole ? b->next : 0;
	}
	whole = whole && heap_is_whole(o, map) && heap_root_now(o, 1) == (uint64_t)n;
	if (top && map)
		*top = map->top;
	free(map);
	return whole ? n : -1;
}

#endif
