/* SPDX-License-Identifier: MIT
 *
 * heap.h - memory inside of a segment, for kinds that grow: blocks that are allocated and freed, words that are
 * changed together. What lists and dicts have in common.
 *
 * A **change** is one operation of the kind. It takes new blocks, fills them, stages the new values of words that
 * others can see, gives up old blocks, and is then committed as a whole: staged words are written to a redo log
 * and one store of its length commits; whoever takes the object's lock over from the dead applies a log that was
 * committed. The allocator's own words are staged likewise, so a process killed anywhere has done all of the
 * change or nothing, and no block is lost or has two owners. A change that is not committed needs no undoing.
 *
 * A block begins with 4 bytes that are the heap's; the rest is the kind's and holds anything. Offsets count from
 * the beginning of the segment, are multiples of 8, and 0 is none.
 *
 * All functions are called under the object's lock, unless they say otherwise. Offsets that come out of the
 * segment may be anything: heap_at() says whether one can be used.
 */
#ifndef IPCFS_HEAP_H
#define IPCFS_HEAP_H

#include "object.h"

enum {
	HEAP_REDO = 32,	  /* words of a change */
	HEAP_ROOTS = 32,  /* words of the kind */
	HEAP_STEPS = 4,	  /* sizes of blocks an octave: 32, 40, 48, 56, 64, 80, ... */
	HEAP_LEAST = 32,  /* bytes of the smallest block */
	HEAP_HEADER = 4,  /* bytes of a block that are the heap's */
	HEAP_OCTAVES = 29 /* the largest block has 28 GiB, so that any heap is smaller */
};
#define HEAP_CLASSES (HEAP_OCTAVES * HEAP_STEPS)
#define HEAP_BYTES_MAX ((uint64_t)1 << 34) /* of all blocks of a heap */

/* What is free: all behind `top`, all between `gap` and `gap_end` (bytes from the first block's place), and
 * in lists, one for each size of blocks. */
struct heap_bank {
	_Atomic uint64_t top, gap, gap_end;
	_Atomic uint64_t free[HEAP_CLASSES]; /* offset of the first free block; 0: none */
};

/* The page before the blocks. Zeros are an empty heap. */
struct heap_area {
	struct {
		_Atomic uint64_t at, value; /* the word at that offset becomes value */
	} redo[HEAP_REDO];		    /* control->redo_on of them are committed */
	_Atomic uint64_t root[HEAP_ROOTS];
	_Atomic uint64_t bank; /* which of the two counts */
	struct heap_bank banks[2];
};
_Static_assert(sizeof(struct heap_area) <= SEG_PAGE, "heap area");

struct heap_change {
	struct ipcfs_object *o;
	struct heap_bank *bank; /* that will count */
	bool apart;		/* it is the other one, which nobody looks at before the commit */
	bool renewed;		/* what lies in the old heap lies there until the commit */
	bool freed;		/* blocks may still be in use, so none is taken any more */
	uint64_t end;		/* of what may be taken at the top */
	unsigned count;
	struct {
		uint64_t at, value;
	} words[HEAP_REDO];
};

/* ipcfs_kind_ops.layout: a segment with a heap of so many bytes of blocks at the most (whole pages; sparse). */
void heap_layout(struct ipcfs_object *o, uint64_t bytes);
/* ipcfs_kind_ops.repair. */
void heap_repair(struct ipcfs_object *o);

/* The bytes [at, at + bytes) of the heap's blocks; NULL: they are not all in it. */
void *heap_at(struct ipcfs_object *o, uint64_t at, uint64_t bytes);
/* Offset of the kind's word i < HEAP_ROOTS; 0 in a new segment. */
uint64_t heap_root(unsigned i);
/* What it is now, without the lock. */
uint64_t heap_root_now(struct ipcfs_object *o, unsigned i);
/* How many bytes a block has that is asked for with so many. */
uint64_t heap_room(uint64_t bytes);

/* Begins a change. -EUCLEAN. */
int heap_begin(struct heap_change *c, struct ipcfs_object *o);
/* The same for any number of blocks: where a change without takes or gives up blocks of a few sizes, one with many
 * has no limit, and costs the copying of a kilobyte. */
int heap_begin_many(struct heap_change *c, struct ipcfs_object *o);
/* All blocks there are become free, those taken in this change from here on alone are left: so many bytes, the sum
 * of their heap_room(). Comes before the first heap_alloc(). -ENOSPC, -EDQUOT, -EUCLEAN. */
int heap_renew(struct heap_change *c, uint64_t bytes);
/* Offset of a block of at least so many bytes, HEAP_HEADER among them, which the caller fills at once: nobody sees
 * it before the commit. It must come before the change's first heap_free().
 * -EMSGSIZE: no block can be so long. -ENOSPC: the heap or the store is full. -EDQUOT, -EUCLEAN. */
int64_t heap_alloc(struct heap_change *c, uint64_t bytes);
/* Gives up the block that was taken with so many bytes; it stays as it is until the commit. -EUCLEAN. */
int heap_free(struct heap_change *c, uint64_t at, uint64_t bytes);
/* The word becomes `value` with the commit: a root, or one of a block in use. At most HEAP_REDO - 8 words. */
void heap_set(struct heap_change *c, uint64_t at, uint64_t value);
/* The word as it will be. It must be a root, or one for which heap_at() says that it is in the heap. */
uint64_t heap_get(const struct heap_change *c, uint64_t at);
/* How far the heap has grown: bytes. */
uint64_t heap_extent(const struct heap_change *c);
/* Commits. obj_change() comes before. */
void heap_commit(struct heap_change *c);

#endif
