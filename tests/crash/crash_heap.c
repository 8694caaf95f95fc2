/* SPDX-License-Identifier: MIT
 *
 * crash_heap.c - a process is led to an instruction inside of a change of a heap and killed there, as in
 * crash_step.c, but without a kind around it. After the repair the change must be there as a whole or not at
 * all, every byte of the heap must have one owner, and the heap must be ready for more. One case
 * kills who repairs. LONG=1: at every instruction.
 */
#include <stdio.h>
#include <stdlib.h>

#include "crash.h"
#include "step.h"
#include "tests/unit/t_heap.h"

enum { SOME = 200, SOME_STEPPED = 25, HEAP = 1 << 20 };

struct heap_case {
	const char *name;
	void (*act)(struct ipcfs_object *o);
	int before, after; /* blocks */
	uint32_t newest;   /* size of the newest block when it is done */
};

static struct ipcfs_store *store;
static const struct heap_case *running;
static struct ipcfs_object *heap;

/* Sizes 100 (three), 200, 3000, newest last; a free block of 100 and one of 500. */
static struct ipcfs_object *fresh(void)
{
	struct ipcfs_object *o = heap_fake(store, HEAP);

	stack_push(o, 100);
	stack_push(o, 100);
	stack_push(o, 500);
	stack_push(o, 100);
	stack_pop(o, 2);
	stack_push(o, 100);
	stack_push(o, 200);
	stack_push(o, 3000);
	return o;
}

static void push(struct ipcfs_object *o)
{
	stack_push(o, 480);
}

static void push_at_the_top(struct ipcfs_object *o)
{
	stack_push(o, 4000);
}

static void push_many(struct ipcfs_object *o)
{
	struct heap_change c;

	if (heap_begin_many(&c, o) == 0 && stack_push_in(&c, 100) == 0 &&
	    stack_push_in(&c, 500) == 0 && stack_push_in(&c, 100) == 0 &&
	    stack_push_in(&c, 64) == 0)
		heap_commit(&c);
}

static void pop(struct ipcfs_object *o)
{
	stack_pop(o, 1);
}

static void pop_many(struct ipcfs_object *o)
{
	stack_pop(o, 3);
}

static void replace(struct ipcfs_object *o)
{
	stack_replace(o, 2, 700);
}

static void clear(struct ipcfs_object *o)
{
	stack_replace(o, 0, 0);
}

/* Another one was killed between his commit and its end: a push of a block of 500 over the free one. */
static void pending(struct ipcfs_object *o)
{
	struct heap_area *area = (void *)(o->base + SEG_PAGE);
	struct heap_change c;

	if (heap_begin(&c, o) < 0 || stack_push_in(&c, 500) < 0)
		return;
	for (unsigned i = 0; i < c.count; i++) {
		STORE(area->redo[i].at, c.words[i].at);
		STORE(area->redo[i].value, c.words[i].value);
	}
	STORE(o->control->redo_on, c.count);
}

static const struct heap_case cases[] = {
	{"heap_push", push, 5, 6, 480},
	{"heap_push_at_the_top", push_at_the_top, 5, 6, 4000},
	{"heap_push_many", push_many, 5, 9, 64},
	{"heap_pop", pop, 5, 4, 200},
	{"heap_pop_many", pop_many, 5, 2, 100},
	{"heap_replace", replace, 5, 2, 700},
	{"heap_clear", clear, 5, 0, 0},
	{"heap_repair", heap_repair, 6, 6, 500},
};

static struct ipcfs_object *begin(void)
{
	struct ipcfs_object *o = fresh();

	if (running->act == heap_repair)
		pending(o);
	return o;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void act(void *arg)
{
	(void)arg;
	running->act(heap);
}

static const struct step_client client = {.before = nothing, .act = act};

/* Done, 1; not done, 0; neither. */
static int look(struct ipcfs_object *o)
{
	uint32_t newest = 0;
	int n, again;

	heap_repair(o);
	n = stack_look(o, &newest, 1, NULL);
	if (n < 0)
		return -1;
	if (stack_push(o, 100) < 0 || stack_push(o, 500) < 0 || stack_push(o, 7000) < 0)
		return -2;
	again = stack_look(o, NULL, 0, NULL);
	if (again != n + 3)
		return -3;
	if (n == running->after && newest == running->newest)
		return 1;
	return n == running->before && newest == 3000 ? 0 : -4;
}

static bool learn(struct step_path *path)
{
	bool done;

	heap = begin();
	done = step_record(&client, path) && look(heap) == 1;
	heap_fake_end(heap);
	return done;
}

static void run_case(const struct heap_case *c, long most)
{
	struct step_path path = {.count = 0};
	long *places = NULL, n = 0, states[2] = {0}, inside = 0;
	int state = 0;

	running = c;
	if (learn(&path))
		n = step_places(&path, most, &places);
	for (long i = 0; i < n && state >= 0; i++) {
		enum step_end ended;

		heap = begin();
		ended = step_kill_after(&client, &path, places[i]);
		state = ended == STEP_LOST ? -5 : look(heap);
		heap_fake_end(heap);
		inside += ended == STEP_THERE || ended == STEP_INSIDE;
		if (state >= 0)
			states[state]++;
	}
	crash_result(state >= 0 && inside > n / 2, c->name,
		     "killed at %ld of %ld instructions: not done %ld, done %ld, state %d", inside,
		     path.count, states[0], states[1], state);
	free(places);
	step_forget(&path);
}

int main(void)
{
	const char *why = step_check();
	long most = getenv("LONG") ? 0 : SOME;

	if (why) {
		printf("skip crash_heap %s\n", why);
		return 77;
	}
	if (!step_breakpoints)
		most = SOME_STEPPED;
	store = crash_store();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(&cases[i], most);
	return crash_end();
}
