/* SPDX-License-Identifier: MIT
 *
 * list.h - what the files of the list share: list.c has the operations, list_index.c the index, list_calls.c the
 * library's calls.
 *
 * The index is a ring of slots in a block of the heap, each the offset of an item's block. Words of the heap say
 * where it is, which slot is the first item's, how many items there are, and of how many bytes.
 */
#ifndef IPCFS_LIST_H
#define IPCFS_LIST_H

#include "heap.h"

enum { LIST_CAPACITY }; /* places in the shape; 0: as much as fits */

/* Roots of the heap. */
enum { LIST_INDEX, LIST_SLOTS, LIST_HEAD, LIST_COUNT, LIST_BYTES };

struct list_index {
	_Atomic uint32_t heap; /* the heap's */
	uint32_t spare;
	_Atomic uint64_t slots[];
};

struct list_item {
	_Atomic uint32_t heap; /* the heap's */
	_Atomic uint32_t len;
	uint8_t bytes[];
};

/* What the words say, checked. */
struct list_view {
	uint64_t at; /* of the index; 0: there is none yet */
	struct list_index *index;
	uint64_t slots, head, count, bytes;
};

/* A change of the list under way: the view as it will be. */
struct list_change {
	struct heap_change heap;
	struct list_view v;
	uint64_t old_index, old_slots; /* given up with the commit; 0: none */
};

/* ---- list_index.c ---- */
/* -EUCLEAN. */
int list_look(struct ipcfs_object *o, struct list_view *v);
/* Item i < count: its block's offset, and its bytes. -EUCLEAN. */
int list_item(struct ipcfs_object *o, const struct list_view *v, uint64_t i, uint64_t *at,
	      struct iovec *bytes);
/* Begins a change; many: of any number of items. -EUCLEAN. */
int list_begin(struct list_change *c, struct ipcfs_object *o, bool many);
/* Begins one that drops everything for n items, whose blocks have so many bytes in all. */
int list_begin_anew(struct list_change *c, struct ipcfs_object *o, uint64_t n, uint64_t bytes);
/* Bytes of an item's block. */
uint64_t list_item_room(uint64_t len);
/* A new item's block, filled. Its offset, or -ENOSPC, -EDQUOT, -EUCLEAN. */
int64_t list_new_item(struct list_change *c, const void *bytes, uint64_t len);
/* Room for n more slots; all items keep their order. -ENOSPC, -EDQUOT, -EUCLEAN. */
int list_make_slots(struct list_change *c, uint64_t n);
/* Item i is that block. Before the commit nobody may see it: it is at or behind the old count, or a new index's. */
void list_fill_slot(struct list_change *c, uint64_t i, uint64_t item);
/* The same for an item there is, with the commit. */
void list_set_slot(struct list_change *c, uint64_t i, uint64_t item);
/* Item i < count goes, or, before it (i <= count), there comes a new one. */
int list_close_gap(struct list_change *c, uint64_t i);
int list_open_gap(struct list_change *c, uint64_t i, uint64_t item);
/* Commits. obj_change() comes before. */
int list_commit(struct list_change *c);

#endif
