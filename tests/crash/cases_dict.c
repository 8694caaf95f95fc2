/* SPDX-License-Identifier: MIT
 *
 * cases_dict.c - what changes a dict: see cases_dict.h.
 */
#include "cases_dict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cases.h"
#include "core/engine.h"
#include "tests/unit/t_dict.h"

static char text[4096];

/* ---- before ----------------------------------------------------------------------------------------- */

/* So that keys fall into the same buckets each time. */
static void secret(struct ipcfs_object *o)
{
	for (int i = 0; i < 2; i++)
		o->shape[SHAPE_SECRET + i] = o->control->shape[SHAPE_SECRET + i] = (uint64_t)i + 1;
}

void keys_four(struct ipcfs_object *o)
{
	secret(o);
	ipcfs_dict_set(o, "a", "1", 1);
	memset(text, 'x', 300);
	ipcfs_dict_set(o, "b", text, 300);
	ipcfs_dict_set(o, "c", "", 0);
	ipcfs_dict_set(o, "d", "5\n", 2);
}

void keys_sixteen(struct ipcfs_object *o)
{
	char name[8];

	secret(o);
	for (int i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		ipcfs_dict_set(o, name, "1", 1);
	}
}

static void new_b(struct heap_change *c, const struct dict_place *place, int64_t block)
{
	memcpy(c->o->base + block + HEAP_HEADER, "new", 3);
	heap_set(c, DICT_WORD(place->at, value), (uint64_t)block);
	heap_set(c, DICT_WORD(place->at, extent), 3 | 28ull << 32);
}

void keys_half_set(struct ipcfs_object *o)
{
	struct heap_area *area = (void *)(o->base + SEG_PAGE);
	struct dict_place place;
	struct dict_record *r;
	struct heap_change c;
	int64_t block;

	keys_four(o);
	if (obj_lock(o, 0, false) < 0 || dict_find(o, "b", 1, &place) < 0 || heap_begin(&c, o) < 0)
		return;
	r = dict_record(o, place.at);
	block = heap_alloc(&c, HEAP_HEADER + 3);
	new_b(&c, &place, block);
	heap_free(&c, LOAD(r->value), HEAP_HEADER + (LOAD(r->extent) >> 32));
	for (unsigned i = 0; i < c.count; i++) {
		STORE(area->redo[i].at, c.words[i].at);
		STORE(area->redo[i].value, c.words[i].value);
	}
	STORE(o->control->redo_on, c.count);
	obj_unlock(o, 0);
	STORE(o->control->lock, 77 << 1); /* whoever that was, he is dead */
}

/* ---- operations -------------------------------------------------------------------------------------- */

void keys_set_new(struct ipcfs_object *o)
{
	ipcfs_dict_set(o, "new", "value", 5);
}

void keys_set(struct ipcfs_object *o)
{
	ipcfs_dict_set(o, "b", "new", 3);
}

void keys_append(struct ipcfs_object *o)
{
	ipcfs_dict_append(o, "b", text, 200);
}

/* The first makes the room. */
void keys_append_in_room(struct ipcfs_object *o)
{
	ipcfs_dict_append(o, "a", text, 20);
	ipcfs_dict_append(o, "a", "yz", 2);
}

void keys_remove(struct ipcfs_object *o)
{
	ipcfs_dict_remove(o, "b");
}

void keys_remove_first(struct ipcfs_object *o)
{
	ipcfs_dict_remove(o, "a");
}

void keys_pop_last(struct ipcfs_object *o)
{
	ipcfs_dict_pop(o, "d", text, sizeof(text));
}

void keys_cas(struct ipcfs_object *o)
{
	uint64_t changes;

	if (ipcfs_dict_get(o, "b", text, sizeof(text), &changes) >= 0)
		ipcfs_dict_cas(o, "b", "new", 3, &changes);
}

void keys_add_number(struct ipcfs_object *o)
{
	union ipcfs_number n = {.i = 7};
	char type = 'q';

	ipcfs_dict_op(o, "d", IPCFS_ADD, &type, &n);
}

void keys_rename(struct ipcfs_object *o)
{
	ipcfs_dict_rename(o, "b", "a-longer-name");
}

/* mv of d onto b. */
void keys_replace(struct ipcfs_object *o)
{
	struct ipcfs_part part = {.name = "d", .name_len = 1, .to = "b", .to_len = 1};
	struct ipcfs_op op = {.verb = IPCFS_V_RENAME, .flags = IPCFS_OP_REPLACE, .part = &part};

	obj_run(o, &op, 0);
}

void keys_clear(struct ipcfs_object *o)
{
	ipcfs_dict_clear(o);
}

void keys_chmod(struct ipcfs_object *o)
{
	struct ipcfs_part part = {.name = "b",
				  .name_len = 1,
				  .mode = 0400,
				  .uid = 5,
				  .set = IPCFS_PART_MODE | IPCFS_PART_UID};
	struct ipcfs_op op = {.verb = IPCFS_V_CHMOD, .part = &part};

	obj_run(o, &op, 0);
}

/* ---- what became of it ----------------------------------------------------------------------------------- */

/* "a=1 b=300x c=0 d=5 ": keys in order, a number, or how many bytes of which letter. */
static const char *describe(struct ipcfs_object *o)
{
	static char all[1024];
	struct ipcfs_key key = {.number = 0};
	char value[1024];
	size_t n = 0;

	all[0] = '\0';
	while (ipcfs_dict_next(o, &key) == 1) {
		ssize_t len = ipcfs_dict_get(o, key.name, value, sizeof(value), NULL);

		if (len < 0)
			return "?";
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s=", key.name);
		if (len > 10)
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%zd%c ", len,
					      value[len - 1]);
		else
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%.*s ",
					      (int)len - (len && value[len - 1] == '\n'), value);
		if (key.mode == 0400 && key.uid == 5)
			n += (size_t)snprintf(all + n, sizeof(all) - n, "theirs ");
	}
	return all;
}

/* Whoever looks has the lock, and so what was committed is there. */
static int whole(struct ipcfs_object *o)
{
	int n = obj_lock(o, 0, false);

	if (n == 0) {
		n = dict_look(o);
		obj_unlock(o, 0);
	}
	return n;
}

/* One of three states; and it can be used. */
static int one_of_three(struct ipcfs_object *o, const char *before, const char *between,
			const char *after)
{
	const char *is;
	int n = whole(o), state;

	if (n < 0)
		return -1;
	is = describe(o);
	state = !strcmp(is, after) ? 1 : !strcmp(is, before) || !strcmp(is, between) ? 0 : -2;
	for (int i = 0; i < 20; i++) {
		char name[8];

		snprintf(name, sizeof(name), "m%d", i);
		if (ipcfs_dict_set(o, name, name, strlen(name)) != 0 || whole(o) != n + i + 1)
			return -3;
	}
	return state;
}

static int one_of(struct ipcfs_object *o, const char *before, const char *after)
{
	return one_of_three(o, before, before, after);
}

#define FOUR "a=1 b=300x c= d=5 "
#define SIXTEEN                                                                                    \
	"k0=1 k1=1 k2=1 k3=1 k4=1 k5=1 k6=1 k7=1 k8=1 k9=1 k10=1 k11=1 k12=1 k13=1 k14=1 k15=1 "

int keys_are_set_new(struct ipcfs_object *o)
{
	return one_of(o, FOUR, FOUR "new=value ");
}

int keys_are_set_seventeenth(struct ipcfs_object *o)
{
	return one_of(o, SIXTEEN, SIXTEEN "new=value ");
}

int keys_are_set(struct ipcfs_object *o)
{
	return one_of(o, FOUR, "a=1 b=new c= d=5 ");
}

/* It was committed before the client came: what it does comes on top. */
int keys_are_set_once(struct ipcfs_object *o)
{
	return one_of(o, "a=1 b=new c= d=5 ", "a=1 b=new c= d=5 new=value ");
}

int keys_are_appended(struct ipcfs_object *o)
{
	return one_of(o, FOUR, "a=1 b=500x c= d=5 ");
}

int keys_are_appended_twice(struct ipcfs_object *o)
{
	return one_of_three(o, FOUR, "a=21x b=300x c= d=5 ", "a=23z b=300x c= d=5 ");
}

int keys_are_removed(struct ipcfs_object *o)
{
	return one_of(o, FOUR, "a=1 c= d=5 ");
}

int keys_are_removed_first(struct ipcfs_object *o)
{
	return one_of(o, FOUR, "b=300x c= d=5 ");
}

int keys_are_popped(struct ipcfs_object *o)
{
	return one_of(o, FOUR, "a=1 b=300x c= ");
}

int keys_are_added(struct ipcfs_object *o)
{
	return one_of(o, FOUR, "a=1 b=300x c= d=12 ");
}

int keys_are_renamed(struct ipcfs_object *o)
{
	return one_of(o, FOUR, "a=1 a-longer-name=300x c= d=5 ");
}

int keys_are_replaced(struct ipcfs_object *o)
{
	return one_of(o, FOUR, "a=1 b=5 c= ");
}

int keys_are_cleared(struct ipcfs_object *o)
{
	return one_of(o, FOUR, "");
}

int keys_are_chmoded(struct ipcfs_object *o)
{
	return one_of(o, FOUR, "a=1 b=300x theirs c= d=5 ");
}
