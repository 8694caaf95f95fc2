/* SPDX-License-Identifier: MIT
 *
 * heap.c - see heap.h. Free blocks of one size are a list, linked by the first 4 bytes of each (offset / 8),
 * which nobody else ever uses: so a block that was taken from its list can be filled, and one that is
 * given up be linked, before the commit, and only the words of the bank are staged. Blocks are not split or joined.
 *
 * There are two banks. Where many words of the bank change, or all, the other one is written, as nobody
 * looks at it, and the word that says which one counts is staged. Since heap_renew() drops all blocks while new ones
 * are filled, these are put where nothing lies: into the gap, if they fit, else behind the top.
 * What is on the one side of them is the next gap, on the other side the top.
 */
#include "heap.h"
#include "sys.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum { DATA = 2 * SEG_PAGE }; /* offset of the first block */

#define KEEP ((uint64_t)1 << 20) /* bytes of memory that an emptied heap may keep */

static struct heap_area *area_of(struct ipcfs_object *o)
{
	return (struct heap_area *)(void *)(o->base + SEG_PAGE);
}

void heap_layout(struct ipcfs_object *o, uint64_t bytes)
{
	o->heap_bytes = bytes;
	o->size = DATA + bytes;
}

/* ---- sizes ------------------------------------------------------------------------------------ */

static unsigned class_of(uint64_t bytes)
{
	unsigned octave;

	if (bytes <= HEAP_LEAST)
		return 0;
	octave = 63 - (unsigned)__builtin_clzll(bytes - 1); /* 5: 33 to 64 */
	return (octave - 5) * HEAP_STEPS + (unsigned)((bytes - 1) >> (octave - 2)) - 3;
}

static uint64_t bytes_of(unsigned class)
{
	unsigned octave = 5 + class / HEAP_STEPS;

	return ((uint64_t)HEAP_STEPS + class % HEAP_STEPS) << (octave - 2);
}

uint64_t heap_room(uint64_t bytes)
{
	return bytes_of(class_of(bytes));
}

/* ---- places ------------------------------------------------------------------------------------ */

static bool inside(const struct ipcfs_object *o, uint64_t at, uint64_t bytes)
{
	return at >= DATA && at % 8 == 0 && at <= o->size && bytes <= o->size - at;
}

void *heap_at(struct ipcfs_object *o, uint64_t at, uint64_t bytes)
{
	return inside(o, at, bytes) ? o->base + at : NULL;
}

uint64_t heap_root(unsigned i)
{
	assert(i < HEAP_ROOTS);
	return SEG_PAGE + offsetof(struct heap_area, root) + i * sizeof(uint64_t);
}

uint64_t heap_root_now(struct ipcfs_object *o, unsigned i)
{
	return LOAD(area_of(o)->root[i]);
}

static _Atomic uint64_t *word_at(struct ipcfs_object *o, uint64_t at)
{
	return (_Atomic uint64_t *)(void *)(o->base + at);
}

/* The heap's own part of a block. */
static _Atomic uint32_t *link_of(struct ipcfs_object *o, uint64_t at)
{
	return (_Atomic uint32_t *)(void *)(o->base + at);
}

/* ---- the words of a change ------------------------------------------------------------------------ */

void heap_set(struct heap_change *c, uint64_t at, uint64_t value)
{
	unsigned i = 0;

	while (i < c->count && c->words[i].at != at)
		i++;
	assert(i < HEAP_REDO);
	c->words[i].at = at;
	c->words[i].value = value;
	if (i == c->count)
		c->count++;
}

uint64_t heap_get(const struct heap_change *c, uint64_t at)
{
	for (unsigned i = 0; i < c->count; i++)
		if (c->words[i].at == at)
			return c->words[i].value;
	return LOAD(*word_at(c->o, at));
}

static uint64_t place_of(const struct heap_change *c, _Atomic uint64_t *word)
{
	return (uint64_t)((uint8_t *)word - c->o->base);
}

static uint64_t bank_get(const struct heap_change *c, _Atomic uint64_t *word)
{
	return c->apart ? LOAD(*word) : heap_get(c, place_of(c, word));
}

static void bank_set(struct heap_change *c, _Atomic uint64_t *word, uint64_t value)
{
	if (c->apart)
		STORE(*word, value);
	else
		heap_set(c, place_of(c, word), value);
}

/* ---- beginning ------------------------------------------------------------------------------------ */

int heap_begin(struct heap_change *c, struct ipcfs_object *o)
{
	struct heap_area *area = area_of(o);
	uint64_t which = LOAD(area->bank);

	if (which > 1)
		return -EUCLEAN;
	c->o = o;
	c->bank = &area->banks[which];
	c->apart = c->renewed = c->freed = false;
	c->end = o->heap_bytes;
	c->count = 0;
	return 0;
}

/* To the other bank, which has what the one that counts has. */
static void go_apart(struct heap_change *c, bool empty)
{
	struct heap_area *area = area_of(c->o);
	struct heap_bank *to = &area->banks[c->bank == &area->banks[0]];

	if (empty)
		memset((void *)to, 0, sizeof(*to));
	else
		memcpy((void *)to, (void *)c->bank, sizeof(*to));
	c->bank = to;
	c->apart = true;
	heap_set(c, SEG_PAGE + offsetof(struct heap_area, bank), to == &area->banks[1]);
}

int heap_begin_many(struct heap_change *c, struct ipcfs_object *o)
{
	int rc = heap_begin(c, o);

	if (rc == 0)
		go_apart(c, false);
	return rc;
}

/* The bank's gap and top; false: they cannot be. */
static bool look(const struct heap_change *c, uint64_t *top, uint64_t *gap, uint64_t *gap_end)
{
	*top = bank_get(c, &c->bank->top);
	*gap = bank_get(c, &c->bank->gap);
	*gap_end = bank_get(c, &c->bank->gap_end);
	return *top <= c->o->heap_bytes && *top % 8 == 0 && *gap_end <= *top && *gap <= *gap_end &&
	       *gap % 8 == 0 && *gap_end % 8 == 0;
}

uint64_t heap_extent(const struct heap_change *c)
{
	return bank_get(c, &c->bank->top);
}

static int reserve(struct heap_change *c, uint64_t need)
{
	return seg_reserve(c->o, DATA, c->o->heap_bytes, &c->o->control->reserved[0], need);
}

int heap_renew(struct heap_change *c, uint64_t bytes)
{
	uint64_t top, gap, gap_end, from;
	int rc;

	assert(!c->apart && !c->count);
	if (!look(c, &top, &gap, &gap_end))
		return -EUCLEAN;
	from = bytes == 0 ? 0 : gap_end - gap >= bytes ? gap : top;
	if (bytes > c->o->heap_bytes - from)
		return -ENOSPC;
	rc = reserve(c, from + bytes);
	if (rc < 0)
		return rc;
	go_apart(c, true);
	STORE(c->bank->top, from);
	STORE(c->bank->gap_end, from);
	c->renewed = true;
	c->end = from + bytes;
	return 0;
}

/* ---- blocks ---------------------------------------------------------------------------------------- */

/* The first block of its list. */
static int64_t pop(struct heap_change *c, unsigned class, uint64_t first)
{
	if (!inside(c->o, first, bytes_of(class)))
		return -EUCLEAN;
	bank_set(c, &c->bank->free[class], (uint64_t)LOAD(*link_of(c->o, first)) * 8);
	return (int64_t)first;
}

/* A place where no block ever was. */
static int64_t grow(struct heap_change *c, uint64_t bytes)
{
	uint64_t top, gap, gap_end;
	int rc;

	if (!look(c, &top, &gap, &gap_end) || top > c->end)
		return -EUCLEAN;
	if (!c->renewed && gap_end - gap >= bytes) {
		bank_set(c, &c->bank->gap, gap + bytes);
		return (int64_t)(DATA + gap);
	}
	if (bytes > c->end - top)
		return -ENOSPC;
	rc = reserve(c, top + bytes);
	if (rc < 0)
		return rc;
	bank_set(c, &c->bank->top, top + bytes);
	return (int64_t)(DATA + top);
}

int64_t heap_alloc(struct heap_change *c, uint64_t bytes)
{
	unsigned class;
	uint64_t first;

	assert(!c->freed);
	if (bytes > HEAP_BYTES_MAX)
		return -EMSGSIZE;
	class = class_of(bytes);
	first = bank_get(c, &c->bank->free[class]);
	return first ? pop(c, class, first) : grow(c, bytes_of(class));
}

int heap_free(struct heap_change *c, uint64_t at, uint64_t bytes)
{
	unsigned class;

	if (bytes > HEAP_BYTES_MAX)
		return -EUCLEAN;
	class = class_of(bytes);
	if (!inside(c->o, at, bytes_of(class)))
		return -EUCLEAN;
	STORE(*link_of(c->o, at), (uint32_t)(bank_get(c, &c->bank->free[class]) / 8));
	bank_set(c, &c->bank->free[class], at);
	c->freed = true;
	return 0;
}

/* ---- the commit -------------------------------------------------------------------------------------- */

/* Gives back the memory behind the top. A killed one leaves some that is not needed. */
static void trim(struct heap_change *c)
{
	struct seg_control *control = c->o->control;
	uint64_t have = LOAD(control->reserved[0]), keep = LOAD(c->bank->top) + KEEP;

	keep &= ~(uint64_t)(SEG_PAGE - 1);
	if (have % SEG_PAGE || have > c->o->heap_bytes || have <= keep)
		return;
	STORE(control->reserved[0], keep);
	sys_advise(c->o->base + DATA + keep, have - keep, MADV_REMOVE);
}

void heap_commit(struct heap_change *c)
{
	struct heap_area *area = area_of(c->o);

	for (unsigned i = 0; i < c->count && c->count > 1; i++) {
		STORE(area->redo[i].at, c->words[i].at);
		STORE(area->redo[i].value, c->words[i].value);
	}
	if (c->count > 1)
		STORE(c->o->control->redo_on,
		      c->count); /* the commit; of one word it is the word itself */
	for (unsigned i = 0; i < c->count; i++)
		STORE(*word_at(c->o, c->words[i].at), c->words[i].value);
	STORE(c->o->control->redo_on, 0);
	if (c->renewed)
		trim(c);
}

/* May a log change that word? */
static bool is_word(const struct ipcfs_object *o, uint64_t at)
{
	uint64_t first = heap_root(0), end = SEG_PAGE + sizeof(struct heap_area);

	return at % 8 == 0 && ((at >= first && at < end) || inside(o, at, 8));
}

void heap_repair(struct ipcfs_object *o)
{
	struct heap_area *area = area_of(o);
	uint64_t n = LOAD(o->control->redo_on);

	for (unsigned i = 0; i < n && n <= HEAP_REDO; i++) {
		uint64_t at = LOAD(area->redo[i].at);

		if (is_word(o, at))
			STORE(*word_at(o, at), LOAD(area->redo[i].value));
	}
	STORE(o->control->redo_on, 0);
}
