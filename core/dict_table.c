/* SPDX-License-Identifier: MIT
 *
 * dict_table.c - where the keys of a dict are: a hash table whose chains go through the records, and a list of all
 * keys in the order in which they were made. The table grows with the keys, one bucket at a time, so no operation
 * ever has to do with all keys. Everything is read from memory that others can write: offsets are looked at before
 * they are used, chains have a limit, and numbers in the list only grow.
 */
#include "dict.h"
#include "siphash.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum {
	MOVES_MAX = 16,		/* records that a new bucket may take: a change has so many words */
	SEARCHED_MAX = 1 << 16, /* keys that are passed at a time, on the way to a place */
};

/* ---- records ------------------------------------------------------------------------------------ */

struct dict_record *dict_record(struct ipcfs_object *o, uint64_t at)
{
	return heap_at(o, at, sizeof(struct dict_record));
}

const char *dict_name(struct ipcfs_object *o, struct dict_record *r, unsigned *len)
{
	uint64_t apart = LOAD(r->name), at = (uint64_t)((uint8_t *)r - o->base);

	*len = dict_name_len(LOAD(r->form));
	if (*len == 0 || *len > IPCFS_NAME_MAX)
		return NULL;
	if (apart) {
		const char *block = heap_at(o, apart, HEAP_HEADER + *len);

		return block ? block + HEAP_HEADER : NULL;
	}
	return heap_at(o, at, sizeof(*r) + *len) ? r->inline_name : NULL;
}

int dict_value(struct ipcfs_object *o, struct dict_record *r, const uint8_t **bytes, size_t *len)
{
	uint64_t at = LOAD(r->value);
	uint32_t n = (uint32_t)LOAD(r->extent);
	const uint8_t *block;

	*bytes = NULL;
	*len = 0;
	if (at == 0)
		return n ? -EUCLEAN : 0;
	block = n <= IPCFS_DICT_VALUE_MAX ? heap_at(o, at, HEAP_HEADER + (uint64_t)n) : NULL;
	if (!block)
		return -EUCLEAN;
	*bytes = block + HEAP_HEADER;
	*len = n;
	return 0;
}

/* ---- buckets ------------------------------------------------------------------------------------- */

static uint64_t hash_of(struct ipcfs_object *o, const char *name, size_t len)
{
	return siphash(&o->shape[SHAPE_SECRET], name, len);
}

static unsigned level_of(uint64_t bucket)
{
	return bucket < DICT_FIRST ? 0 : 60 - (unsigned)__builtin_clzll(bucket);
}

static uint64_t level_first(unsigned level)
{
	return level ? (uint64_t)DICT_FIRST << (level - 1) : 0;
}

static uint64_t level_size(unsigned level)
{
	return level ? level_first(level) : DICT_FIRST;
}

#define BUCKETS_MAX ((uint64_t)DICT_FIRST << (DICT_LEVELS - 1))

/* How many there are. -EUCLEAN. */
static int64_t buckets(struct ipcfs_object *o)
{
	uint64_t n = heap_root_now(o, ROOT_BUCKETS);

	return (n && n < DICT_FIRST) || n > BUCKETS_MAX ? -EUCLEAN : (int64_t)n;
}

/* Which of n > 0 buckets: those that have been split already have one bit more of the hash. */
static uint64_t bucket_of(uint64_t hash, uint64_t n)
{
	uint64_t whole = 1ull << (63 - __builtin_clzll(n)), b = hash & (2 * whole - 1);

	return b < n ? b : hash & (whole - 1);
}

/* Offset of its word. -EUCLEAN. */
static int64_t slot_of(struct ipcfs_object *o, uint64_t bucket)
{
	unsigned level = level_of(bucket);
	uint64_t at = heap_root_now(o, ROOT_LEVELS + level);

	if (!heap_at(o, at, 8 + 8 * level_size(level)))
		return -EUCLEAN;
	return (int64_t)(at + 8 + 8 * (bucket - level_first(level)));
}

static uint64_t word_now(struct ipcfs_object *o, uint64_t at)
{
	return LOAD(*(_Atomic uint64_t *)(void *)(o->base + at));
}

/* ---- finding ------------------------------------------------------------------------------------- */

/* The key of that name, or (at) the record there, in the name's chain. */
static int search(struct ipcfs_object *o, const char *name, size_t len, uint64_t at,
		  struct dict_place *place)
{
	int64_t n = buckets(o), slot;
	struct dict_record *r;
	const char *its;
	unsigned its_len;

	if (n <= 0)
		return n < 0 ? (int)n : -ENOENT;
	place->bucket = bucket_of(hash_of(o, name, len), (uint64_t)n);
	slot = slot_of(o, place->bucket);
	if (slot < 0)
		return (int)slot;
	place->link = (uint64_t)slot;
	for (int i = 0; i < DICT_CHAIN_MAX; i++) {
		place->at = word_now(o, place->link);
		if (place->at == 0)
			return -ENOENT;
		r = dict_record(o, place->at);
		its = r ? dict_name(o, r, &its_len) : NULL;
		if (!its)
			return -EUCLEAN;
		if (at ? place->at == at : its_len == len && !memcmp(its, name, len))
			return 0;
		place->link = DICT_WORD(place->at, next);
	}
	return -EUCLEAN;
}

int dict_find(struct ipcfs_object *o, const char *name, size_t len, struct dict_place *place)
{
	return search(o, name, len, 0, place);
}

/* What was a record may be anything now, a value that looks like one, too: it is one if its chain has it. */
int dict_locate(struct ipcfs_object *o, uint64_t at, uint64_t number, struct dict_place *place)
{
	struct dict_record *r = dict_record(o, at);
	const char *name;
	unsigned len;
	int rc;

	if (!r || LOAD(r->number) != number)
		return -EIDRM;
	name = dict_name(o, r, &len);
	rc = name ? search(o, name, len, at, place) : -EIDRM;
	return rc == -ENOENT ? -EIDRM : rc;
}

/* Of a place whose record is gone, from the first key on: so many at a time, as others wait for the lock. */
int64_t dict_after(struct ipcfs_object *o, uint64_t *at, uint64_t *number, uint64_t wanted)
{
	uint64_t next = heap_root_now(o, ROOT_FIRST), last = 0;
	struct dict_place place;
	struct dict_record *r;

	if (*number && *number <= wanted && dict_locate(o, *at, *number, &place) == 0) {
		next = LOAD(dict_record(o, *at)->after);
		last = *number;
	}
	for (int i = 0; next && i < SEARCHED_MAX; i++) {
		r = dict_record(o, next);
		if (!r || LOAD(r->number) <= last || LOAD(r->number) > DICT_NUMBER_MAX)
			return -EUCLEAN;
		last = LOAD(r->number);
		if (last > wanted)
			return (int64_t)next;
		*at = next;
		*number = last;
		next = LOAD(r->after);
	}
	return next ? -EBUSY : 0;
}

/* ---- growing ------------------------------------------------------------------------------------- */

/* The block of a level, without any key. */
static int new_level(struct heap_change *c, unsigned level)
{
	uint64_t bytes = 8 + 8 * level_size(level);
	int64_t at = heap_alloc(c, bytes);

	if (at < 0)
		return (int)at;
	memset(c->o->base + at + 8, 0, bytes - 8);
	heap_set(c, heap_root(ROOT_LEVELS + level), (uint64_t)at);
	return 0;
}

/* The records of the chain whose hash has the bit go to the chain that begins at `to`, in the same order. */
static int split(struct heap_change *c, uint64_t from, uint64_t to, uint64_t bit)
{
	uint64_t ends[2] = {from, to}, at = word_now(c->o, from);
	int steps = 0, which;

	for (; at && steps < MOVES_MAX; steps++) {
		struct dict_record *r = dict_record(c->o, at);
		const char *name;
		unsigned len;

		name = r ? dict_name(c->o, r, &len) : NULL;
		if (!name)
			return -EUCLEAN;
		which = (hash_of(c->o, name, len) & bit) != 0;
		if (word_now(c->o, ends[which]) != at)
			heap_set(c, ends[which], at);
		ends[which] = DICT_WORD(at, next);
		at = LOAD(r->next);
	}
	for (which = 0; which < 2; which++)
		if (word_now(c->o, ends[which]) != 0)
			heap_set(c, ends[which], 0);
	return at ? -EAGAIN : 0; /* so long a chain stays together */
}

static int add_bucket(struct heap_change *c, uint64_t n)
{
	uint64_t whole = 1ull << (63 - __builtin_clzll(n));
	unsigned level = level_of(n);
	int64_t from = slot_of(c->o, n - whole), to;
	int rc = from < 0 ? (int)from : n == level_first(level) ? new_level(c, level) : 0;

	if (rc < 0)
		return rc;
	to = (int64_t)heap_get(c, heap_root(ROOT_LEVELS + level));
	if (!heap_at(c->o, (uint64_t)to, 8 + 8 * level_size(level)))
		return -EUCLEAN;
	to += (int64_t)(8 + 8 * (n - level_first(level)));
	rc = split(c, (uint64_t)from, (uint64_t)to, whole);
	if (rc == 0)
		heap_set(c, heap_root(ROOT_BUCKETS), n + 1);
	return rc;
}

int dict_grow(struct ipcfs_object *o)
{
	struct heap_change c;
	int64_t n = buckets(o);
	int rc = n < 0 ? (int)n : 0;

	if (rc < 0 || (n && (heap_root_now(o, ROOT_COUNT) < (uint64_t)n || n == BUCKETS_MAX)))
		return rc;
	rc = heap_begin(&c, o);
	if (rc == 0 && n == 0) {
		rc = new_level(&c, 0);
		heap_set(&c, heap_root(ROOT_BUCKETS), DICT_FIRST);
	} else if (rc == 0) {
		rc = add_bucket(&c, (uint64_t)n);
	}
	if (rc == 0)
		heap_commit(&c);
	/* With fewer buckets than keys it goes on as well. */
	return n && rc != -EUCLEAN ? 0 : rc;
}

/* ---- changing ------------------------------------------------------------------------------------ */

static int slot_of_name(struct ipcfs_object *o, const char *name, size_t len, uint64_t *bucket,
			uint64_t *slot)
{
	int64_t n = buckets(o), at;

	if (n <= 0)
		return -EUCLEAN;
	*bucket = bucket_of(hash_of(o, name, len), (uint64_t)n);
	at = slot_of(o, *bucket);
	*slot = (uint64_t)at;
	return at < 0 ? (int)at : 0;
}

int dict_enter(struct heap_change *c, uint64_t at, const char *name, size_t len)
{
	struct dict_record *r = dict_record(c->o, at);
	uint64_t bucket, slot, last = heap_root_now(c->o, ROOT_LAST);
	int rc = slot_of_name(c->o, name, len, &bucket, &slot);

	if (rc < 0)
		return rc;
	if (last && !dict_record(c->o, last))
		return -EUCLEAN;
	STORE(r->next, word_now(c->o, slot));
	STORE(r->before, last);
	STORE(r->after, 0);
	STORE(r->number, heap_root_now(c->o, ROOT_NUMBERS) + 1);
	heap_set(c, slot, at);
	heap_set(c, last ? DICT_WORD(last, after) : heap_root(ROOT_FIRST), at);
	heap_set(c, heap_root(ROOT_LAST), at);
	heap_set(c, heap_root(ROOT_NUMBERS), LOAD(r->number));
	heap_set(c, heap_root(ROOT_COUNT), heap_root_now(c->o, ROOT_COUNT) + 1);
	return 0;
}

int dict_leave(struct heap_change *c, const struct dict_place *place)
{
	struct dict_record *r = dict_record(c->o, place->at);
	uint64_t before = LOAD(r->before), after = LOAD(r->after), count;

	count = heap_root_now(c->o, ROOT_COUNT);
	if ((before && !dict_record(c->o, before)) || (after && !dict_record(c->o, after)) ||
	    !count)
		return -EUCLEAN;
	heap_set(c, place->link, LOAD(r->next));
	heap_set(c, before ? DICT_WORD(before, after) : heap_root(ROOT_FIRST), after);
	heap_set(c, after ? DICT_WORD(after, before) : heap_root(ROOT_LAST), before);
	heap_set(c, heap_root(ROOT_COUNT), count - 1);
	return 0;
}

int dict_move(struct heap_change *c, const struct dict_place *place, const char *name, size_t len)
{
	struct dict_record *r = dict_record(c->o, place->at);
	uint64_t bucket, slot;
	int rc = slot_of_name(c->o, name, len, &bucket, &slot);

	if (rc < 0 || bucket == place->bucket)
		return rc;
	heap_set(c, place->link, LOAD(r->next));
	heap_set(c, DICT_WORD(place->at, next), word_now(c->o, slot));
	heap_set(c, slot, place->at);
	return 0;
}
