/* SPDX-License-Identifier: MIT
 *
 * dict.h - what the files of dicts share: dict_table.c (where the keys are), dict.c (the kind), dict_change.c (operations
 * that change it), dict_calls.c (the library's calls).
 *
 * A key is a record in the object's heap (heap.h), which never moves while the key is there, and its value a block
 * of its own. A record is in two lists: the chain of its bucket, and the order in which keys were made. Offsets and
 * lengths that come out of the segment may be anything: every look goes through dict_record().
 */
#ifndef IPCFS_DICT_H
#define IPCFS_DICT_H

#include <stddef.h>

#include "heap.h"

enum { SHAPE_CAPACITY, SHAPE_SECRET /* two words */ };

/* Roots of the heap. Bucket b lies in the block of level 0 (b < DICT_FIRST), else of the level k of which
 * DICT_FIRST << (k - 1) <= b: a table that grows by one bucket at a time and never moves (Litwin's linear hashing
 * with Larson's segments). With no bucket at all the dict is empty, and the levels mean nothing. */
enum { ROOT_COUNT, ROOT_FIRST, ROOT_LAST, ROOT_NUMBERS, ROOT_BUCKETS, ROOT_LEVELS };
enum {
	DICT_LEVELS = HEAP_ROOTS - ROOT_LEVELS,
	DICT_FIRST = 16,
	DICT_CHAIN_MAX = 1024, /* with a secret hash far more than ever comes about */
};

#define DICT_NUMBER_MAX ((uint64_t)1 << 62)

/* Words of 8 bytes, each changed by a commit alone. The first 4 bytes are the heap's. */
struct dict_record {
	_Atomic uint64_t
		form; /* << 32: mode; << 41: bytes of the name; << 49: room for a name in the record */
	_Atomic uint64_t next;	 /* in its chain */
	_Atomic uint64_t before; /* made before it, after it */
	_Atomic uint64_t after;
	_Atomic uint64_t number;  /* grows from key to key, used once; never changes */
	_Atomic uint64_t value;	  /* block; 0: no bytes */
	_Atomic uint64_t extent;  /* bytes of the value; << 32: room for them in the block */
	_Atomic uint64_t changes; /* the object's number of changes when its value changed last */
	_Atomic uint64_t mtime;	  /* CLOCK_REALTIME, ns */
	_Atomic uint64_t owner;	  /* gid; << 32: uid */
	_Atomic uint64_t
		name; /* block with the name, where a longer one was given later; 0: it is here */
	char inline_name[];
};
_Static_assert(sizeof(struct dict_record) == 88, "record of a key");
#define DICT_WORD(at, member) ((at) + offsetof(struct dict_record, member))

static inline mode_t dict_mode(uint64_t form)
{
	return (mode_t)(form >> 32 & 0777);
}
static inline unsigned dict_name_len(uint64_t form)
{
	return form >> 41 & 0xff;
}
static inline unsigned dict_name_room(uint64_t form)
{
	return form >> 49 & 0xff;
}
static inline uint64_t dict_form(mode_t mode, size_t name_len, unsigned room)
{
	return (uint64_t)(mode & 0777) << 32 | (uint64_t)name_len << 41 | (uint64_t)room << 49;
}

/* Where a key is: its record, and the word that leads to it in its chain. */
struct dict_place {
	uint64_t at, link, bucket;
};

/* ---- dict_table.c ---- */
/* The record at that offset, if one can be there; NULL. */
struct dict_record *dict_record(struct ipcfs_object *o, uint64_t at);
/* Its name, *len bytes; NULL: it cannot be. */
const char *dict_name(struct ipcfs_object *o, struct dict_record *r, unsigned *len);
/* Bytes of its value, *len of them; with none NULL and 0. -EUCLEAN. */
int dict_value(struct ipcfs_object *o, struct dict_record *r, const uint8_t **bytes, size_t *len);
/* The key of that name. -ENOENT, -EUCLEAN. */
int dict_find(struct ipcfs_object *o, const char *name, size_t len, struct dict_place *place);
/* The key with that number, whose record is or was there. -EIDRM, -EUCLEAN. */
int dict_locate(struct ipcfs_object *o, uint64_t at, uint64_t number, struct dict_place *place);
/* The first key made after the wanted number: its record's offset, 0: none. *at and *number: a key not after it, at or near
 * it, or 0. -EBUSY: not found yet, go on from what *at and *number are now. -EUCLEAN. */
int64_t dict_after(struct ipcfs_object *o, uint64_t *at, uint64_t *number, uint64_t wanted);
/* Makes room in the table for one key more, in a change of its own. -ENOSPC, -EDQUOT, -EUCLEAN. */
int dict_grow(struct ipcfs_object *o);
/* Stage: the record, filled but for its links, is the last key; it leaves; it is in the chain of another name. */
int dict_enter(struct heap_change *c, uint64_t at, const char *name, size_t len);
int dict_leave(struct heap_change *c, const struct dict_place *place);
int dict_move(struct heap_change *c, const struct dict_place *place, const char *name, size_t len);

/* ---- dict.c ---- */
/* What is known of the key. */
void dict_tell(struct ipcfs_object *o, struct dict_record *r, struct ipcfs_part *part);
/* The key of which the operation is. -ENOENT, -EIDRM, -EINVAL, -EUCLEAN. */
int dict_part(struct ipcfs_object *o, const struct ipcfs_op *op, struct dict_place *place,
	      struct dict_record **r);
/* To where the operation wants it. */
int dict_give(struct ipcfs_op *op, const uint8_t *bytes, size_t len);

/* ---- dict_change.c ---- */
int dict_write(struct ipcfs_object *o, struct ipcfs_op *op);
int dict_clear(struct ipcfs_object *o, struct ipcfs_op *op);
int dict_pop(struct ipcfs_object *o, struct ipcfs_op *op, const struct dict_place *place,
	     struct dict_record *r);
int dict_rename(struct ipcfs_object *o, struct ipcfs_op *op, const struct dict_place *place,
		struct dict_record *r);
int dict_drop(struct ipcfs_object *o, const struct dict_place *place);
int dict_arith(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t at, struct dict_record *r);
int dict_chmod(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t at,
	       struct dict_record *r);

#endif
