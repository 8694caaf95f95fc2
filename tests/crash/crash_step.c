/* SPDX-License-Identifier: MIT
 *
 * crash_step.c - for every operation that changes an object, a client is single-stepped and killed at an
 * instruction between call and return. Each time another process must find the object whole at once: the
 * operation done or not done, nothing else, no lock left, and ready for more. LONG=1: at every
 * instruction; else at every few, at another place each run of an operation. x86-64 alone.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/engine.h"
#include "core/object.h"
#include "crash.h"

static struct ipcfs_store *store;
static struct ipcfs_object *warm; /* the client registers itself by an operation on this one */

struct step_case {
	const char *name;
	enum ipcfs_kind kind;
	struct ipcfs_properties p;
	void (*prepare)(struct ipcfs_object *o);
	void (*act)(struct ipcfs_object *o);
	/* 0: not done, 1: done, negative: neither. It may change the object. */
	int (*look)(struct ipcfs_object *o);
	bool announced; /* somebody waits and a server is parked: the wake-up is stepped through too */
};

/* ---- queues -------------------------------------------------------------------------------- */

static char text[64];

static int drain(struct ipcfs_object *o, char *all)
{
	int n = 0;
	ssize_t len;

	while ((len = ipcfs_queue_get(o, text, sizeof(text), 0)) >= 0) {
		memcpy(all, text, (size_t)len);
		all += len;
		*all++ = ' ';
		n++;
	}
	*all = 0;
	return len == -EAGAIN ? n : -1;
}

static int one_of(struct ipcfs_object *o, const char *before, const char *after)
{
	char all[1024];

	if (drain(o, all) < 0 || ipcfs_queue_put(o, "more", 4, 0) != 0 ||
	    ipcfs_queue_get(o, text, sizeof(text), 0) != 4)
		return -1;
	return !strcmp(all, before) ? 0 : !strcmp(all, after) ? 1 : -2;
}

static void two(struct ipcfs_object *o)
{
	ipcfs_queue_put(o, "first", 5, 0);
	ipcfs_queue_put(o, "second", 6, 0);
}

/* The ring's end is in the middle of the next message. */
static void at_the_end(struct ipcfs_object *o)
{
	ipcfs_queue_put(o, "0123456789abc", 13, 0);
	ipcfs_queue_put(o, "first", 5, 0);
	ipcfs_queue_get(o, text, sizeof(text), 0);
	ipcfs_queue_put(o, "sec", 3, 0);
}

static void put(struct ipcfs_object *o)
{
	ipcfs_queue_put(o, "third", 5, 0);
}

static void get(struct ipcfs_object *o)
{
	ipcfs_queue_get(o, text, sizeof(text), 0);
}

static void put_many(struct ipcfs_object *o)
{
	struct iovec v[2] = {{(void *)"x", 1}, {(void *)"yy", 2}};

	ipcfs_queue_put_many(o, v, 2, 0);
}

static void get_many(struct ipcfs_object *o)
{
	static char a[16], b[16];
	struct iovec v[2] = {{a, 16}, {b, 16}};

	ipcfs_queue_get_many(o, v, 2, 0);
}

static void clear(struct ipcfs_object *o)
{
	ipcfs_queue_clear(o);
}

static int put_done(struct ipcfs_object *o)
{
	return one_of(o, "first second ", "first second third ");
}

static int put_done_at_the_end(struct ipcfs_object *o)
{
	return one_of(o, "first sec ", "first sec third ");
}

static int put_done_empty(struct ipcfs_object *o)
{
	return one_of(o, "", "third ");
}

static int get_done(struct ipcfs_object *o)
{
	return one_of(o, "first second ", "second ");
}

static int get_done_at_the_end(struct ipcfs_object *o)
{
	return one_of(o, "first sec ", "sec ");
}

static int put_many_done(struct ipcfs_object *o)
{
	return one_of(o, "first second ", "first second x yy ");
}

static int all_gone(struct ipcfs_object *o)
{
	return one_of(o, "first second ", "");
}

/* ---- semaphores, events ----------------------------------------------------------------------- */

static void three_units(struct ipcfs_object *o)
{
	ipcfs_semaphore_release(o, 3);
}

static void acquire(struct ipcfs_object *o)
{
	ipcfs_semaphore_acquire(o, 2, 0);
}

static void release(struct ipcfs_object *o)
{
	ipcfs_semaphore_release(o, 4);
}

static int acquired(struct ipcfs_object *o)
{
	int64_t value = ipcfs_semaphore_value(o);

	if (ipcfs_semaphore_release(o, 1) != 0 || ipcfs_semaphore_acquire(o, 1, 0) != 0)
		return -1;
	return value == 3 ? 0 : value == 1 ? 1 : -2;
}

static int released(struct ipcfs_object *o)
{
	int64_t value = ipcfs_semaphore_value(o);

	if (ipcfs_semaphore_acquire(o, 1, 0) != 0)
		return -1;
	return value == 3 ? 0 : value == 7 ? 1 : -2;
}

static void set(struct ipcfs_object *o)
{
	ipcfs_event_set(o);
}

static void unset(struct ipcfs_object *o)
{
	ipcfs_event_clear(o);
}

static int is_set(struct ipcfs_object *o)
{
	int value = ipcfs_event_is_set(o);

	return ipcfs_event_set(o) != 0 || ipcfs_event_clear(o) != 0 ? -1 : value;
}

static int is_clear(struct ipcfs_object *o)
{
	int value = is_set(o);

	return value < 0 ? value : !value;
}

/* ---- values, arrays ------------------------------------------------------------------------------- */

static void number(struct ipcfs_object *o)
{
	ipcfs_value_set(o, &(int64_t){1000}, 8);
}

static void add(struct ipcfs_object *o)
{
	ipcfs_value_op(o, IPCFS_ADD, (union ipcfs_number){.i = 5}, NULL);
}

static void assign(struct ipcfs_object *o)
{
	ipcfs_value_set(o, &(int64_t){1005}, 8);
}

static void exchange(struct ipcfs_object *o)
{
	uint64_t changes;
	int64_t v;

	ipcfs_value_get(o, &v, sizeof(v), &changes);
	ipcfs_value_cas(o, &(int64_t){1005}, 8, &changes);
}

static int number_changed(struct ipcfs_object *o)
{
	int64_t v = 0;

	if (ipcfs_value_get(o, &v, sizeof(v), NULL) != 8 ||
	    ipcfs_value_op(o, IPCFS_ADD, (union ipcfs_number){.i = 1}, NULL) != 0)
		return -1;
	return v == 1000 ? 0 : v == 1005 ? 1 : -2;
}

static void word(struct ipcfs_object *o)
{
	ipcfs_value_set(o, "before all", 10);
}

static void assign_word(struct ipcfs_object *o)
{
	ipcfs_value_set(o, "after", 5);
}

static int word_changed(struct ipcfs_object *o)
{
	char buf[64];
	ssize_t n = ipcfs_value_get(o, buf, sizeof(buf), NULL);

	if (n == 10 && !memcmp(buf, "before all", 10))
		return 0;
	return n == 5 && !memcmp(buf, "after", 5) ? 1 : -2;
}

enum { ELEMENTS = 8 };

static void numbers(struct ipcfs_object *o)
{
	int32_t v[ELEMENTS] = {0, 1, 2, 3, 4, 5, 6, 7};

	ipcfs_array_set(o, 0, ELEMENTS, v);
}

static void set_slice(struct ipcfs_object *o)
{
	int32_t v[4] = {102, 103, 104, 105};

	ipcfs_array_set(o, 2, 4, v);
}

static void add_to_slice(struct ipcfs_object *o)
{
	ipcfs_array_op(o, 2, 4, IPCFS_ADD, (union ipcfs_number){.i = 100});
}

static int slice_changed(struct ipcfs_object *o)
{
	int32_t v[ELEMENTS];
	int changed = 0;

	if (ipcfs_array_get(o, 0, ELEMENTS, v, sizeof(v), NULL) != sizeof(v))
		return -1;
	for (int i = 0; i < ELEMENTS; i++) {
		if (v[i] != i && !(i >= 2 && i < 6 && v[i] == i + 100))
			return -2;
		changed += v[i] != i;
	}
	return changed == 0 ? 0 : changed == 4 ? 1 : -3;
}

/* ---- stepping ------------------------------------------------------------------------------------------ */

/* The client: registers, stops, acts, stops again. */
static void client(const struct step_case *c, struct ipcfs_object *o)
{
	ipcfs_event_set(warm);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	c->act(o);
	raise(SIGSTOP);
	_exit(0);
}

/* Steps `steps` instructions (negative: to the end) and kills. Returns how many were stepped. */
static long step_and_kill(const struct step_case *c, struct ipcfs_object *o, long steps)
{
	pid_t child = fork();
	long done = 0;
	int status;

	if (child == 0)
		client(c, o);
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return -1;
	while (steps < 0 || done < steps) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0 ||
		    waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
			break;
		if (WSTOPSIG(status) == SIGSTOP)
			break; /* the second raise: it has returned */
		done++;
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return done;
}

static struct ipcfs_object *fresh(const struct step_case *c)
{
	struct ipcfs_object *o = crash_object(store, c->kind, "o", c->p.given ? &c->p : NULL);

	if (c->prepare)
		c->prepare(o);
	if (c->announced)
		for (int class = 0; class < IPCFS_C_COUNT; class ++)
			atomic_fetch_or(&o->control->flags, SEG_WAITERS(class) | SEG_PARKED(class));
	return o;
}

static void run_case(const struct step_case *c, long budget)
{
	struct ipcfs_object *o = fresh(c);
	long all = step_and_kill(c, o, -1), tried = 0, stride, states[2] = {0, 0};
	int state = c->look(o);

	ipcfs_close(o);
	if (all <= 0 || state != 1) {
		crash_result(false, c->name, "the operation itself: %ld steps, state %d", all,
			     state);
		return;
	}
	/* Stepping to k costs k: the strides spend the budget of steps. */
	stride = budget ? all * all / 2 / budget + 1 : 1;
	for (long k = all % stride; k <= all; k += stride, tried++) {
		o = fresh(c);
		step_and_kill(c, o, k);
		state = c->look(o);
		ipcfs_close(o);
		if (state < 0 || (k == all && state != 1)) {
			crash_result(false, c->name,
				     "killed after %ld of %ld instructions: state %d", k, all,
				     state);
			return;
		}
		states[state]++;
	}
	crash_result(true, c->name, "%ld boundaries of %ld: not done %ld, done %ld", tried, all + 1,
		     states[0], states[1]);
}

#define INT32_ARRAY                                                                                \
	{                                                                                          \
		.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'i', .len = ELEMENTS                  \
	}
#define TYPED(t)                                                                                   \
	{                                                                                          \
		.given = IPCFS_P_TYPE, .type = (t)                                                 \
	}
#define SMALL                                                                                      \
	{                                                                                          \
		.given = IPCFS_P_CAPACITY, .capacity = 20                                          \
	}

static const struct step_case cases[] = {
	{"queue_put", IPCFS_QUEUE, {0}, two, put, put_done, false},
	{"queue_put_first", IPCFS_QUEUE, {0}, NULL, put, put_done_empty, false},
	{"queue_put_wrapped", IPCFS_QUEUE, SMALL, at_the_end, put, put_done_at_the_end, false},
	{"queue_put_waking", IPCFS_QUEUE, {0}, two, put, put_done, true},
	{"queue_get", IPCFS_QUEUE, {0}, two, get, get_done, false},
	{"queue_get_wrapped", IPCFS_QUEUE, SMALL, at_the_end, get, get_done_at_the_end, false},
	{"queue_get_waking", IPCFS_QUEUE, {0}, two, get, get_done, true},
	{"queue_put_many", IPCFS_QUEUE, {0}, two, put_many, put_many_done, false},
	{"queue_get_many", IPCFS_QUEUE, {0}, two, get_many, all_gone, false},
	{"queue_clear", IPCFS_QUEUE, {0}, two, clear, all_gone, true},
	{"semaphore_acquire", IPCFS_SEMAPHORE, {0}, three_units, acquire, acquired, false},
	{"semaphore_release_waking", IPCFS_SEMAPHORE, {0}, three_units, release, released, true},
	{"event_set_waking", IPCFS_EVENT, {0}, NULL, set, is_set, true},
	{"event_clear", IPCFS_EVENT, {0}, set, unset, is_clear, false},
	{"value_set", IPCFS_VALUE, TYPED('q'), number, assign, number_changed, false},
	{"value_add_waking", IPCFS_VALUE, TYPED('q'), number, add, number_changed, true},
	{"value_cas", IPCFS_VALUE, TYPED('q'), number, exchange, number_changed, false},
	{"value_string", IPCFS_VALUE, TYPED('s'), word, assign_word, word_changed, false},
	{"array_slice", IPCFS_ARRAY, INT32_ARRAY, numbers, set_slice, slice_changed, false},
	{"array_add_waking", IPCFS_ARRAY, INT32_ARRAY, numbers, add_to_slice, slice_changed, true},
};

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define STEPS true
#else
#define STEPS false
#endif

int main(void)
{
	long budget = getenv("LONG") ? 0 : 40000;

	if (!STEPS) {
		printf("skip crash_step single-stepping is for plain x86-64 builds\n");
		return 77;
	}
	store = crash_store();
	warm = crash_object(store, IPCFS_EVENT, "warm", NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(&cases[i], budget);
	return crash_end();
}
