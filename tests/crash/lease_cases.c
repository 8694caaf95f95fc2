/* SPDX-License-Identifier: MIT
 *
 * lease_cases.c - as cases.c: leases of a queue, their ends, and the move to the dead-letter queue. What a killed
 * client had leased has come back when somebody looks, at its next attempt.
 */
#include "cases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/queue.h"

static char text[64];
static struct ipcfs_lease kept; /* by the process that looks */

static void two(struct ipcfs_object *o)
{
	ipcfs_queue_put(o, "first", 5, 0);
	ipcfs_queue_put(o, "second", 6, 0);
}

/* All that can be had now, each followed by a blank. Negative: an error. */
static int drain(struct ipcfs_object *o, char *all)
{
	ssize_t len;

	while ((len = ipcfs_queue_get(o, text, sizeof(text), 0)) >= 0) {
		memcpy(all, text, (size_t)len);
		all[len] = ' ';
		all += len + 1;
	}
	*all = 0;
	return len == -EAGAIN || len == -ENODATA ? 0 : (int)len;
}

static bool is(struct ipcfs_object *o, const char *want)
{
	char all[1024];

	return drain(o, all) == 0 && !strcmp(all, want);
}

static uint64_t unfinished(struct ipcfs_object *o)
{
	struct ipcfs_stat st;

	return ipcfs_stat(o, &st) == 0 ? st.unfinished : UINT64_MAX;
}

/* The attempt at which the message can be leased now; 0: it cannot. It goes back. */
static uint64_t attempt_of(struct ipcfs_object *o, const char *message)
{
	struct ipcfs_lease lease = {0};
	ssize_t n = ipcfs_queue_lease(o, text, sizeof(text), 0, &lease);

	if (n < 0)
		return 0;
	if (ipcfs_queue_return(o, lease.id) != 0 || n != (ssize_t)strlen(message) ||
	    memcmp(text, message, (size_t)n) != 0)
		return 0;
	return lease.attempt;
}

/* ---- leases ------------------------------------------------------------------------------------- */

static void lease(struct ipcfs_object *o)
{
	struct ipcfs_lease l;

	ipcfs_queue_lease(o, text, sizeof(text), 0, &l);
}

static void lease_and_settle(struct ipcfs_object *o)
{
	struct ipcfs_lease l = {0};

	ipcfs_queue_lease(o, text, sizeof(text), 0, &l);
	ipcfs_queue_settle(o, l.id);
}

static void lease_and_return(struct ipcfs_object *o)
{
	struct ipcfs_lease l = {0};

	ipcfs_queue_lease(o, text, sizeof(text), 0, &l);
	ipcfs_queue_return(o, l.id);
}

static void lease_and_close(struct ipcfs_object *o)
{
	lease(o);
	ipcfs_close(o); /* the client's own */
}

static int leased_before(struct ipcfs_object *o, uint64_t attempts)
{
	uint64_t attempt = attempt_of(o, "first");

	if (unfinished(o) != 2 || !is(o, "first second "))
		return -1;
	return attempt == attempts + 1 ? 0 : attempt == attempts + 2 ? 1 : -2;
}

static int was_leased(struct ipcfs_object *o)
{
	return leased_before(o, 0);
}

static void two_returned(struct ipcfs_object *o)
{
	two(o);
	lease_and_return(o);
}

static int was_leased_again(struct ipcfs_object *o)
{
	return leased_before(o, 1);
}

static int was_settled(struct ipcfs_object *o)
{
	uint64_t attempt = attempt_of(o, "first"), left = unfinished(o);

	if (left == 1)
		return !attempt && is(o, "second ") ? 1 : -1;
	return left == 2 && attempt && is(o, "first second ") ? 0 : -2;
}

static void get(struct ipcfs_object *o)
{
	ipcfs_queue_get(o, text, sizeof(text), 0);
}

static int was_got(struct ipcfs_object *o)
{
	char all[256];

	if (drain(o, all) < 0 || unfinished(o) != 2 || ipcfs_queue_put(o, "x", 1, 0) != 0 ||
	    !is(o, "x "))
		return -1;
	return !strcmp(all, "first second ") ? 0 : !strcmp(all, "second ") ? 1 : -2;
}

static void clear(struct ipcfs_object *o)
{
	ipcfs_queue_clear(o);
}

static int was_cleared(struct ipcfs_object *o)
{
	char all[256];
	int rc = drain(o, all);
	uint64_t left = unfinished(o); /* after it: what was committed has been finished */

	if (rc < 0)
		return -1;
	return left == 0 && !*all ? 1 : left == 2 && !strcmp(all, "first second ") ? 0 : -2;
}

/* ---- what dead ones left ------------------------------------------------------------------------------ */

/* Member 77 is dead, and had leased the first. */
static void two_and_a_dead_lease(struct ipcfs_object *o)
{
	struct ipcfs_lease l = {0};

	two(o);
	ipcfs_queue_lease(o, text, sizeof(text), 0, &l);
	STORE(claim_at(o, 0)->member, 77);
}

/* It died in the commit of a lease: after redo_on, before anything was applied. */
static void two_and_a_death_in_a_lease(struct ipcfs_object *o)
{
	static const struct ipcfs_holder dead = {.member = 77, .handle = 1};
	struct queue_view v;
	struct claim *c;

	two(o);
	queue_look(o, &v);
	c = claim_at(o, (unsigned)claim_new(o, &dead, lease_state(QUEUE_LEASED, 1)));
	STORE(c->a, 1);
	STORE(c->b, 0);
	STORE(c->c, 5);
	queue_take(o, &v, 1);
	STORE(o->control->redo_word, queue_word(&v) | QUEUE_CLAIMS);
	STORE(o->control->redo_length, 0);
	STORE(o->control->redo_on, 1);
	STORE(o->control->lock, 77 << 1);
	o->staged_from = o->staged_to = 0; /* we are another process now */
}

/* ---- room in the ring ----------------------------------------------------------------------------------- */

/* Of 20 bytes: "old" at 0, leased by the process that looks, nothing for 10, a message of 5. The next needs that. */
static void old_lease(struct ipcfs_object *o)
{
	ipcfs_queue_put(o, "old", 3, 0);
	ipcfs_queue_put(o, "0123456789", 10, 0);
	ipcfs_queue_put(o, "first", 5, 0);
	ipcfs_queue_lease(o, text, sizeof(text), 0, &kept);
	get(o);
}

static void put_third(struct ipcfs_object *o)
{
	ipcfs_queue_put(o, "third", 5, 0);
}

static int room_was_made(struct ipcfs_object *o)
{
	char all[256];

	if (drain(o, all) < 0 || ipcfs_queue_return(o, kept.id) != 0 || !is(o, "old "))
		return -1;
	return !strcmp(all, "first ") ? 0 : !strcmp(all, "first third ") ? 1 : -2;
}

/* ---- done, close -------------------------------------------------------------------------------------------- */

static void done(struct ipcfs_object *o)
{
	ipcfs_queue_done(o, 2);
}

static int was_done(struct ipcfs_object *o)
{
	uint64_t left = unfinished(o);

	if (!is(o, "first second ") || ipcfs_queue_join(o, 0) != (left ? -EAGAIN : 0))
		return -1;
	return left == 2 ? 0 : left == 0 ? 1 : -2;
}

static void close_queue(struct ipcfs_object *o)
{
	ipcfs_queue_close(o);
}

static int was_closed(struct ipcfs_object *o)
{
	int rc = ipcfs_queue_put(o, "x", 1, 0);

	return rc == 0 && is(o, "first second x ")    ? 0 :
	       rc == -EPIPE && is(o, "first second ") ? 1 :
							-1;
}

/* ---- dead letters ---------------------------------------------------------------------------------------------- */

static struct ipcfs_object *letters(struct ipcfs_object *o)
{
	struct ipcfs_object *other;

	if (ipcfs_open(o->store, IPCFS_QUEUE, "letters", IPCFS_CREATE, 0600, NULL, &other) < 0)
		abort();
	return other;
}

static void two_and_letters(struct ipcfs_object *o)
{
	ipcfs_unlink(o->store, IPCFS_QUEUE, "letters");
	ipcfs_close(letters(o));
	two(o);
}

/* The first is here or there, never both nor none, and what is counted says the same. */
static int was_moved(struct ipcfs_object *o)
{
	struct ipcfs_object *other;
	char here[256], there[256];
	int state = -1;

	/* In this order: whoever looks here finishes what was begun, and then it is there. */
	if (drain(o, here) < 0)
		return -3;
	other = letters(o);
	if (drain(other, there) < 0)
		state = -4;
	else if (!strcmp(here, "first second ") && !*there)
		state = unfinished(o) == 2 && unfinished(other) == 0 ? 0 : -5;
	else if (!strcmp(here, "second ") && !strcmp(there, "first "))
		state = unfinished(o) == 1 && unfinished(other) == 1 ? 1 : -6;
	ipcfs_close(other);
	return state;
}

/* Who moved the first was killed when it was there, and is not gone here. */
static void half_moved(struct ipcfs_object *o)
{
	static const struct ipcfs_holder nobody = {.handle = UINT64_MAX};
	struct ipcfs_lease l = {0};
	struct ipcfs_object *other;
	struct claim *c, *note;
	struct queue_view v;

	two_and_letters(o);
	other = letters(o);
	ipcfs_queue_lease(o, text, sizeof(text), 0, &l);
	ipcfs_queue_put(other, "first", 5, 0);
	c = claim_at(o, 0);
	STORE(c->d, other->id);
	STORE(c->state, lease_state(QUEUE_MOVING, 1));
	queue_look(other, &v);
	note = claim_at(other, (unsigned)claim_new(other, &nobody, QUEUE_NOTE));
	STORE(note->a, o->id);
	STORE(note->b, LOAD(c->a));
	STORE(note->c, LOAD(c->since));
	lease_commit(other, &v, 0);
	STORE(o->control->lock, 77 << 1);
	STORE(other->control->lock, 77 << 1);
	ipcfs_close(other);
}

/* The second may have been got by the client. The first is there, once. */
static int move_was_finished(struct ipcfs_object *o)
{
	struct ipcfs_object *other;
	char here[256];
	int state = 0;

	if (drain(o, here) < 0)
		return -1;
	other = letters(o);
	if (!is(other, "first ") || unfinished(o) != 1)
		state = -2;
	ipcfs_close(other);
	if (state == 0)
		state = !strcmp(here, "second ") ? 0 : !*here ? 1 : -3;
	return state;
}

/* It was begun, and the message was not put there. */
static void begun(struct ipcfs_object *o)
{
	struct ipcfs_lease l = {0};

	two_and_letters(o);
	ipcfs_queue_lease(o, text, sizeof(text), 0, &l);
	STORE(claim_at(o, 0)->state, lease_state(QUEUE_MOVING, 1));
	STORE(o->control->lock, 77 << 1);
}

#define SMALL                                                                                      \
	{                                                                                          \
		.given = IPCFS_P_CAPACITY, .capacity = 20                                          \
	}
#define ONE_ATTEMPT                                                                                \
	{                                                                                          \
		.given = IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, .attempts = 1, .dead = "letters"         \
	}
#define Q IPCFS_QUEUE

const struct step_case step_lease_cases[] = {
	{"queue_lease", Q, {0}, two, lease, was_leased, 0},
	{"queue_lease_waking", Q, {0}, two, lease, was_leased, ANNOUNCED},
	{"queue_lease_again", Q, {0}, two_returned, lease, was_leased_again, 0},
	{"queue_settle", Q, {0}, two, lease_and_settle, was_settled, 0},
	{"queue_settle_waking", Q, {0}, two, lease_and_settle, was_settled, ANNOUNCED},
	{"queue_return", Q, {0}, two, lease_and_return, was_leased, 0},
	{"queue_return_waking", Q, {0}, two, lease_and_return, was_leased, ANNOUNCED},
	{"queue_close_with_a_lease", Q, {0}, two, lease_and_close, was_leased, 0},
	{"queue_get_returned", Q, {0}, two_returned, get, was_got, 0},
	{"queue_get_returned_waking", Q, {0}, two_returned, get, was_got, ANNOUNCED},
	{"queue_clear_returned", Q, {0}, two_returned, clear, was_cleared, ANNOUNCED},
	{"queue_get_of_the_dead", Q, {0}, two_and_a_dead_lease, get, was_got, 0},
	{"queue_get_after_a_death_in_a_lease", Q, {0}, two_and_a_death_in_a_lease, get, was_got, 0},
	{"queue_put_making_room", Q, SMALL, old_lease, put_third, room_was_made, 0},
	{"queue_done", Q, {0}, two, done, was_done, ANNOUNCED},
	{"queue_close", Q, {0}, two, close_queue, was_closed, ANNOUNCED},
	{"queue_to_dead_letters", Q, ONE_ATTEMPT, two_and_letters, lease_and_return, was_moved, 0},
	{"queue_to_dead_letters_waking", Q, ONE_ATTEMPT, two_and_letters, lease_and_return,
	 was_moved, ANNOUNCED},
	{"queue_close_to_dead_letters", Q, ONE_ATTEMPT, two_and_letters, lease_and_close, was_moved,
	 0},
	{"queue_move_resumed", Q, ONE_ATTEMPT, half_moved, get, move_was_finished, 0},
	{"queue_move_done_again", Q, ONE_ATTEMPT, begun, get, move_was_finished, 0},
};
const size_t step_lease_case_count = sizeof(step_lease_cases) / sizeof(step_lease_cases[0]);
