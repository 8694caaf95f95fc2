/* SPDX-License-Identifier: MIT
 *
 * list_cases.c - the operations on lists that crash_step.c kills a client in. A list must then be as it was, or as
 * it is after the operation, and every byte of its heap must have one owner: nothing leaks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "core/engine.h"
#include "tests/unit/t_list.h"

static void put(struct ipcfs_object *o, const char *item)
{
	ipcfs_list_append(o, item, strlen(item));
}

static char buf[20000];

/* "a b c " */
static bool is(struct ipcfs_object *o, const char *want)
{
	struct iovec *items = NULL;
	ssize_t n = ipcfs_list_items(o, &items, NULL);
	size_t len = 0;

	for (ssize_t i = 0; i < n && len + items[i].iov_len < sizeof(buf) - 2; i++) {
		if (items[i].iov_len)
			memcpy(buf + len, items[i].iov_base, items[i].iov_len);
		len += items[i].iov_len;
		buf[len++] = ' ';
	}
	buf[len] = '\0';
	free(items);
	return n >= 0 && !strcmp(buf, want);
}

static int look(struct ipcfs_object *o, const char *before, const char *after)
{
	int state = is(o, before) ? 0 : is(o, after) ? 1 : -2;

	if (!list_is_whole(o))
		return -3;
	put(o, "more");
	if (ipcfs_list_pop(o, -1, buf, sizeof(buf), 0) != 4 ||
	    ipcfs_list_insert(o, 0, "x", 1, NULL) != 0 || ipcfs_list_delete(o, 0, NULL) != 0 ||
	    !list_is_whole(o))
		return -1;
	return state;
}

/* ---- before ------------------------------------------------------------------------------------------ */

static void three(struct ipcfs_object *o)
{
	put(o, "a");
	put(o, "b");
	put(o, "c");
}

/* Blocks that are free, of the size that the next item wants. */
static void three_and_a_free_one(struct ipcfs_object *o)
{
	three(o);
	put(o, "d");
	ipcfs_list_delete(o, 3, NULL);
}

/* The index has no slot left, and begins in the middle. */
static void full_index(struct ipcfs_object *o)
{
	for (int i = 0; i < 20; i++)
		put(o, "x");
	ipcfs_list_clear(o);
	for (int i = 0; i < 3; i++)
		put(o, "x");
	for (int i = 0; i < 3; i++)
		ipcfs_list_delete(o, 0, NULL);
	for (int i = 0; i < 15; i++)
		put(o, "i");
}
#define FIFTEEN "i i i i i i i i i i i i i i i "

/* One item, and so much behind it that its end is everything's end. */
static void last_of_many(struct ipcfs_object *o)
{
	static char big[17000];

	put(o, "a");
	for (int i = 0; i < 8; i++)
		ipcfs_list_append(o, big, sizeof(big));
	for (int i = 0; i < 8; i++)
		ipcfs_list_delete(o, -1, NULL);
}

/* Somebody who is dead has the lock. */
static void three_and_a_death(struct ipcfs_object *o)
{
	three(o);
	STORE(o->control->lock, 77 << 1);
}

/* He had committed an append, and done half of it. */
static void half_appended(struct ipcfs_object *o)
{
	struct heap_area *area = (void *)(o->base + SEG_PAGE);
	struct list_change c;
	int64_t at;

	three(o);
	if (list_begin(&c, o, false) < 0 || (at = list_new_item(&c, "d", 1)) < 0)
		return;
	list_fill_slot(&c, c.v.count, (uint64_t)at);
	heap_set(&c.heap, heap_root(LIST_COUNT), c.v.count + 1);
	heap_set(&c.heap, heap_root(LIST_BYTES), c.v.bytes + 1);
	for (unsigned i = 0; i < c.heap.count; i++) {
		STORE(area->redo[i].at, c.heap.words[i].at);
		STORE(area->redo[i].value, c.heap.words[i].value);
	}
	STORE(o->control->redo_on, c.heap.count);
	STORE(area->root[LIST_COUNT], c.v.count + 1);
	STORE(o->control->lock, 77 << 1);
}

/* ---- operations ---------------------------------------------------------------------------------------- */

static void append(struct ipcfs_object *o)
{
	put(o, "d");
}

static void extend(struct ipcfs_object *o)
{
	struct iovec v[3] = {{(void *)"d", 1}, {(void *)"ee", 2}, {buf, 0}};

	ipcfs_list_extend(o, v, 3, NULL);
}

static void prepend(struct ipcfs_object *o)
{
	ipcfs_list_insert(o, 0, "0", 1, NULL);
}

static void insert(struct ipcfs_object *o)
{
	ipcfs_list_insert(o, 1, "1", 1, NULL);
}

static void set(struct ipcfs_object *o)
{
	ipcfs_list_set(o, 1, "an item of another size than that", 33, NULL);
}

static void pop(struct ipcfs_object *o)
{
	ipcfs_list_pop(o, -1, buf, sizeof(buf), 0);
}

static void shift(struct ipcfs_object *o)
{
	ipcfs_list_pop(o, 0, buf, sizeof(buf), 0);
}

static void delete (struct ipcfs_object *o)
{
	ipcfs_list_delete(o, 1, NULL);
}

static void replace(struct ipcfs_object *o)
{
	struct iovec v[2] = {{(void *)"xx", 2}, {(void *)"y", 1}};

	ipcfs_list_replace(o, v, 2, NULL);
}

static void clear(struct ipcfs_object *o)
{
	ipcfs_list_clear(o);
}

/* ---- after ----------------------------------------------------------------------------------------------- */

static int appended(struct ipcfs_object *o)
{
	return look(o, "a b c ", "a b c d ");
}

static int appended_to_one(struct ipcfs_object *o)
{
	return look(o, "", "d ");
}

static int extended(struct ipcfs_object *o)
{
	return look(o, "a b c ", "a b c d ee  ");
}

static int extended_full(struct ipcfs_object *o)
{
	return look(o, FIFTEEN, FIFTEEN "d ee  ");
}

static int appended_full(struct ipcfs_object *o)
{
	return look(o, FIFTEEN, FIFTEEN "d ");
}

static int prepended(struct ipcfs_object *o)
{
	return look(o, "a b c ", "0 a b c ");
}

static int prepended_full(struct ipcfs_object *o)
{
	return look(o, FIFTEEN, "0 " FIFTEEN);
}

static int inserted(struct ipcfs_object *o)
{
	return look(o, "a b c ", "a 1 b c ");
}

static int was_set(struct ipcfs_object *o)
{
	return look(o, "a b c ", "a an item of another size than that c ");
}

static int popped(struct ipcfs_object *o)
{
	return look(o, "a b c ", "a b ");
}

static int shifted(struct ipcfs_object *o)
{
	return look(o, "a b c ", "b c ");
}

static int deleted(struct ipcfs_object *o)
{
	return look(o, "a b c ", "a c ");
}

static int emptied(struct ipcfs_object *o)
{
	return look(o, "a ", "");
}

static int replaced(struct ipcfs_object *o)
{
	return look(o, "a b c ", "xx y ");
}

static int cleared(struct ipcfs_object *o)
{
	return look(o, "a b c ", "");
}

/* The append of the dead is there, and then the pop may be, too. */
static int popped_after_repair(struct ipcfs_object *o)
{
	return look(o, "a b c d ", "a b c ");
}

#define L IPCFS_LIST
const struct step_case step_list_cases[] = {
	{"list_append", L, {0}, three, append, appended, 0},
	{"list_append_waking", L, {0}, three, append, appended, ANNOUNCED},
	{"list_append_of_a_newcomer", L, {0}, three, append, appended, NEWCOMER},
	{"list_append_first", L, {0}, NULL, append, appended_to_one, 0},
	{"list_append_to_a_free_block", L, {0}, three_and_a_free_one, append, appended, 0},
	{"list_append_growing", L, {0}, full_index, append, appended_full, 0},
	{"list_append_after_a_death", L, {0}, three_and_a_death, append, appended, 0},
	{"list_extend", L, {0}, three, extend, extended, 0},
	{"list_extend_waking", L, {0}, three_and_a_free_one, extend, extended, ANNOUNCED},
	{"list_extend_growing", L, {0}, full_index, extend, extended_full, 0},
	{"list_prepend", L, {0}, three, prepend, prepended, 0},
	{"list_prepend_growing", L, {0}, full_index, prepend, prepended_full, 0},
	{"list_insert", L, {0}, three, insert, inserted, 0},
	{"list_insert_waking", L, {0}, three, insert, inserted, ANNOUNCED},
	{"list_set", L, {0}, three, set, was_set, 0},
	{"list_set_waking", L, {0}, three, set, was_set, ANNOUNCED},
	{"list_pop", L, {0}, three, pop, popped, 0},
	{"list_pop_waking", L, {0}, three, pop, popped, ANNOUNCED},
	{"list_pop_first", L, {0}, three, shift, shifted, 0},
	{"list_pop_last_of_many", L, {0}, last_of_many, pop, emptied, 0},
	{"list_pop_repairing", L, {0}, half_appended, pop, popped_after_repair, 0},
	{"list_delete", L, {0}, three, delete, deleted, 0},
	{"list_delete_waking", L, {0}, three, delete, deleted, ANNOUNCED},
	{"list_replace", L, {0}, three, replace, replaced, 0},
	{"list_replace_waking", L, {0}, three, replace, replaced, ANNOUNCED},
	{"list_clear", L, {0}, three, clear, cleared, 0},
	{"list_clear_waking", L, {0}, three, clear, cleared, ANNOUNCED},
};
const size_t step_list_case_count = sizeof(step_list_cases) / sizeof(step_list_cases[0]);
