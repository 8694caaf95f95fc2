/* SPDX-License-Identifier: MIT
 *
 * crash_step.c - for every operation that changes an object, a client is led to an instruction between call
 * and return and killed there. Each time another process must find the object whole at once: the operation
 * done or not done, nothing else, no lock left, and ready for more; and if it was done, who waits must have
 * been told. LONG=1: at every instruction (of a loop, 200 rounds); else at every few, at other places each run.
 *
 * The same operation takes another way now and then (random numbers, a lock that others look at): wherever
 * the client was killed, what is asked of it is the same. But most must have been killed inside of the operation.
 */
#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "cases.h"
#include "core/engine.h"
#include "core/object.h"
#include "crash.h"
#include "step.h"

enum {
	SOME = 200,	   /* places of an operation in the short form */
	SOME_STEPPED = 25, /* where each of them is single-stepped to from the start */
	RECORDS = 3,	   /* the shortest of so many ways is the usual one */
	UNTOLD = -10,	   /* states of our own: done, and those who wait were not told */
	UNDONE = -11,	   /* returned, and not done */
};

static const char *wanted; /* glob: the cases to run, the program's argument */
static struct ipcfs_store *store;
static struct ipcfs_object *warm; /* the client registers itself by an operation on this one */

/* ---- a server that listens for what waits on the object ------------------------------------------ */

static struct ipcfs_store *ear;
static int ear_fd;
static uint64_t expected;
static bool heard;

static void hear(void *arg, uint64_t id)
{
	(void)arg;
	if (id == expected || id == 0)
		heard = true;
}

static void listen_for(uint64_t id)
{
	expected = id;
	while (poll(&(struct pollfd){.fd = ear_fd, .events = POLLIN}, 1, 0) > 0)
		ipcfs_engine_shm.dispatch(ear);
}

static bool open_ear(const struct step_case *c)
{
	ear = NULL;
	if (!(c->how & ANNOUNCED))
		return true;
	if (ipcfs_store_open(ipcfs_store_dir(store), &ear) < 0)
		return false;
	ear_fd = ipcfs_engine_shm.watch(ear, hear, NULL);
	return ear_fd >= 0;
}

/* ---- the client ------------------------------------------------------------------------------------ */

static struct ipcfs_object *object; /* what it works on */
static const struct step_case *running;

static void get_ready(void *arg)
{
	(void)arg;
	if (!(running->how & NEWCOMER))
		ipcfs_event_set(warm);
}

static void act(void *arg)
{
	(void)arg;
	running->act(object);
}

static const struct step_client client = {.before = get_ready, .act = act};

static struct ipcfs_object *fresh(void)
{
	const struct step_case *c = running;
	struct ipcfs_object *o = crash_object(store, c->kind, STEP_OBJECT,
					      c->p.given ? &c->p : NULL);

	if (c->prepare)
		c->prepare(o);
	if (c->how & ANNOUNCED)
		for (int class = 0; class < IPCFS_C_COUNT; class ++)
			atomic_fetch_or(&o->control->flags, SEG_WAITERS(class) | SEG_PARKED(class));
	return o;
}

/* ---- one kill -------------------------------------------------------------------------------------- */

static uint32_t wakeups(const struct ipcfs_object *o)
{
	uint32_t sum = 0;

	for (int class = 0; class < IPCFS_C_COUNT; class ++)
		sum += LOAD(o->control->seq[class]);
	return sum;
}

/* Who sleeps must have been woken; only of a remover who was killed he learns it when he looks again. A server
 * must have been rung for, or learn it from the dead's page. */
static bool told(bool woken, enum step_end ended)
{
	bool looks_again = running->how & REMOVES && ended != STEP_RETURNED;

	return (woken || looks_again) && heard;
}

/* 0: not done, 1: done, negative: neither. */
static int kill_after(const struct step_path *path, long steps, enum step_end *ended)
{
	uint32_t before;
	bool woken;
	int state;

	object = fresh();
	before = wakeups(object);
	if (ear)
		listen_for(object->id);
	heard = false;
	*ended = step_kill_after(&client, path, steps);
	if (ear)
		listen_for(object->id);
	woken = wakeups(object) != before;
	state = running->look(object);
	if (state == 0 && *ended == STEP_RETURNED)
		state = UNDONE;
	if (state == 1 && running->how & ANNOUNCED && !told(woken, *ended))
		state = UNTOLD;
	ipcfs_close(object);
	return state;
}

/* ---- one operation --------------------------------------------------------------------------------- */

/* The usual way through it, which is not that of a member who sweeps, or who finds the lock taken. */
static bool learn(struct step_path *path)
{
	struct step_path other;
	bool whole = true;

	for (int i = 0; i < RECORDS && whole; i++) {
		object = fresh();
		whole = step_record(&client, &other) && running->look(object) == 1;
		ipcfs_close(object);
		if (!path->count || other.count < path->count) {
			step_forget(path);
			*path = other;
		} else {
			step_forget(&other);
		}
	}
	return whole;
}

struct tally {
	long tried, ended[STEP_LOST + 1], states[2];
	const char *why; /* NULL: all went well */
	long at;	 /* where it did not */
	int state;
};

static void kill_at_places(const struct step_path *path, const long *places, long n,
			   struct tally *t)
{
	enum step_end ended;
	long inside;

	for (; t->tried < n; t->tried++) {
		t->at = places[t->tried];
		t->state = kill_after(path, t->at, &ended);
		t->ended[ended]++;
		if (ended == STEP_LOST)
			t->why = "the client was lost";
		else if (t->state < 0)
			t->why = "the object is not whole";
		if (t->why)
			return;
		t->states[t->state]++;
	}
	inside = t->ended[STEP_THERE] + t->ended[STEP_INSIDE];
	if (inside == 0 || inside < n / 2)
		t->why = "most were not killed inside of the operation";
}

static void tell(const char *name, const struct step_path *path, const struct tally *t)
{
	char kills[160];

	snprintf(kills, sizeof(kills), "%ld of %ld instructions, %ld at another, %ld returned",
		 t->ended[STEP_THERE], path->count, t->ended[STEP_INSIDE], t->ended[STEP_RETURNED]);
	if (t->why)
		crash_result(false, name,
			     "%s: kill %ld, after %ld instructions, state %d; killed at %s", t->why,
			     t->tried, t->at, t->state, kills);
	else
		crash_result(true, name, "killed at %s: not done %ld, done %ld", kills,
			     t->states[0], t->states[1]);
}

static void run_case(const struct step_case *c, long most, const char *suffix)
{
	struct tally t = {.tried = 0};
	struct step_path path = {.count = 0};
	long *places = NULL, n;
	char name[100];

	running = c;
	snprintf(name, sizeof(name), "%s%s", c->name, suffix);
	if (open_ear(c) && learn(&path)) {
		n = step_places(&path, most, &places);
		kill_at_places(&path, places, n, &t);
	} else {
		t.why = "the operation itself";
	}
	tell(name, &path, &t);
	free(places);
	step_forget(&path);
	ipcfs_store_close(ear);
}

static void run_cases(const struct step_case *cases, size_t count, long most)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(wanted, cases[i].name, 0) == 0)
			run_case(&cases[i], most, "");
}

int main(int argc, char **argv)
{
	const char *why = step_check();
	long most = getenv("LONG") ? 0 : SOME;

	if (why) {
		printf("skip crash_step %s\n", why);
		return 77;
	}
	if (!step_breakpoints) {
		printf("no hardware breakpoints here: %d places an operation\n", SOME_STEPPED);
		most = SOME_STEPPED;
	}
	store = crash_store();
	warm = crash_object(store, IPCFS_EVENT, "warm", NULL);
	wanted = argc > 1 ? argv[1] : "*";
	run_cases(step_cases, step_case_count, most);
	run_cases(step_lease_cases, step_lease_case_count, most);
	run_cases(step_list_cases, step_list_case_count, most);
	run_cases(step_message_cases, step_message_case_count, most);
	/* The way that is taken where there are none is taken here too. */
	if (step_breakpoints) {
		step_breakpoints = false;
		run_case(&step_cases[0], SOME_STEPPED, "_stepped");
	}
	return crash_end();
}
