/* SPDX-License-Identifier: MIT
 *
 * message_cases.c - operations on pipes and topics that a client is killed in: see cases.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cases.h"
#include "core/claim.h"
#include "core/engine.h"

static char text[64];

/* ---- pipes: the ends are those of open files, which outlive the client -------------------------- */

enum { DEAD = 77 }; /* a member who is not there */

static struct ipcfs_holder holder_of(struct ipcfs_object *o, uint64_t member, uint64_t handle)
{
	static uint64_t ours; /* the client is another process, and acts for this one's files */

	if (!ours)
		ours = (uint64_t)member_self(o->store);
	return (struct ipcfs_holder){.member = member ? member : ours, .handle = handle};
}

static int run(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t member, enum ipcfs_end end)
{
	struct ipcfs_holder h = holder_of(o, member, end);

	op->first = end;
	op->holder = &h;
	return ipcfs_engine_shm.try(o, op);
}

static void open_as(struct ipcfs_object *o, uint64_t member, enum ipcfs_end end)
{
	struct ipcfs_op op = {.verb = IPCFS_V_OPEN};

	run(o, &op, member, end);
}

static void leave_as(struct ipcfs_object *o, enum ipcfs_end end)
{
	struct ipcfs_op op = {.verb = IPCFS_V_LEAVE};

	run(o, &op, 0, end);
}

static int put(struct ipcfs_object *o, enum ipcfs_end end, const char *message)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .in = message, .in_len = strlen(message)};

	return run(o, &op, 0, end);
}

static ssize_t get(struct ipcfs_object *o, enum ipcfs_end end)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET, .out = text, .out_size = sizeof(text)};
	int rc = run(o, &op, 0, end);

	return rc < 0 ? rc : (ssize_t)op.out_len;
}

static void both_open(struct ipcfs_object *o)
{
	open_as(o, 0, IPCFS_END_A);
	open_as(o, 0, IPCFS_END_B);
}

static void pipe_two(struct ipcfs_object *o)
{
	both_open(o);
	put(o, IPCFS_END_A, "first");
	put(o, IPCFS_END_B, "uno");
	put(o, IPCFS_END_A, "second");
	put(o, IPCFS_END_B, "dos");
}

/* The end of the ring from b is in the middle of the next message. */
static void pipe_at_the_end(struct ipcfs_object *o)
{
	both_open(o);
	put(o, IPCFS_END_A, "first");
	put(o, IPCFS_END_A, "second");
	put(o, IPCFS_END_B, "0123456789abcd");
	put(o, IPCFS_END_B, "uno");
	get(o, IPCFS_END_A);
}

static void pipe_put(struct ipcfs_object *o)
{
	put(o, IPCFS_END_A, "third");
}

static void pipe_put_back(struct ipcfs_object *o)
{
	put(o, IPCFS_END_B, "tres");
}

static void pipe_get(struct ipcfs_object *o)
{
	get(o, IPCFS_END_B);
}

static void pipe_get_back(struct ipcfs_object *o)
{
	get(o, IPCFS_END_A);
}

static void pipe_clear(struct ipcfs_object *o)
{
	ipcfs_pipe_clear(o, IPCFS_END_B);
}

static bool drains(struct ipcfs_object *o, enum ipcfs_end end, char *all)
{
	ssize_t len;

	while ((len = get(o, end)) >= 0) {
		memcpy(all, text, (size_t)len);
		all += len;
		*all++ = ' ';
	}
	*all = 0;
	return len == -EAGAIN;
}

/* What is to be read at b and at a, before and after. */
static int pipe_is(struct ipcfs_object *o, const char *at_b, const char *at_a, const char *after_b,
		   const char *after_a)
{
	char b[256], a[256];

	if (!drains(o, IPCFS_END_B, b) || !drains(o, IPCFS_END_A, a) ||
	    put(o, IPCFS_END_A, "more") != 0 || put(o, IPCFS_END_B, "mas") != 0 ||
	    get(o, IPCFS_END_B) != 4 || get(o, IPCFS_END_A) != 3)
		return -1;
	if (!strcmp(b, at_b) && !strcmp(a, at_a))
		return 0;
	return !strcmp(b, after_b) && !strcmp(a, after_a) ? 1 : -2;
}

static int pipe_put_done(struct ipcfs_object *o)
{
	return pipe_is(o, "first second ", "uno dos ", "first second third ", "uno dos ");
}

static int pipe_put_back_done(struct ipcfs_object *o)
{
	return pipe_is(o, "first second ", "uno dos ", "first second ", "uno dos tres ");
}

static int pipe_put_wrapped_done(struct ipcfs_object *o)
{
	return pipe_is(o, "first second ", "uno ", "first second ", "uno tres ");
}

static int pipe_put_first_done(struct ipcfs_object *o)
{
	return pipe_is(o, "", "", "third ", "");
}

static int pipe_get_done(struct ipcfs_object *o)
{
	return pipe_is(o, "first second ", "uno dos ", "second ", "uno dos ");
}

static int pipe_get_back_done(struct ipcfs_object *o)
{
	return pipe_is(o, "first second ", "uno dos ", "first second ", "dos ");
}

static int pipe_clear_done(struct ipcfs_object *o)
{
	return pipe_is(o, "first second ", "uno dos ", "", "uno dos ");
}

/* ---- pipes: opening and closing --------------------------------------------------------------------- */

#define EVER_OPEN(end) (1ull << (end))
#define IS_OPEN(end) (16ull << (end))

/* How many claims each end has, and what control->length says of them: legal, and of which state? */
struct ends {
	unsigned a, b;
	bool a_ever, b_ever, done;
};

/* Looking takes the lock, so what was committed is there. */
static int look_at_ends(struct ipcfs_object *o, struct ends *is)
{
	int rc = obj_lock(o, 0, false);

	*is = (struct ends){0};
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < claim_count(o); i++) {
		is->a += LOAD(claim_at(o, i)->state) == IPCFS_END_A;
		is->b += LOAD(claim_at(o, i)->state) == IPCFS_END_B;
	}
	is->a_ever = LOAD(o->control->length) & EVER_OPEN(IPCFS_END_A);
	is->b_ever = LOAD(o->control->length) & EVER_OPEN(IPCFS_END_B);
	if (!(LOAD(o->control->length) & IS_OPEN(IPCFS_END_A)) != !is->a ||
	    !(LOAD(o->control->length) & IS_OPEN(IPCFS_END_B)) != !is->b)
		rc = -1; /* kept twice, and different */
	obj_unlock(o, 0);
	return rc;
}

/* One of n states. And then, when all that is open is closed, it begins anew. */
static int ends_are(struct ipcfs_object *o, const struct ends *legal, int n)
{
	struct ends is;
	int state = -2;

	if (look_at_ends(o, &is) != 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (legal[i].a == is.a && legal[i].b == is.b && legal[i].a_ever == is.a_ever &&
		    legal[i].b_ever == is.b_ever)
			state = legal[i].done;
	leave_as(o, IPCFS_END_A);
	leave_as(o, IPCFS_END_B);
	open_as(o, 0, IPCFS_END_B); /* here the dead go as well */
	if (look_at_ends(o, &is) != 0 || is.a || is.b != 1 || is.a_ever)
		return -3;
	return get(o, IPCFS_END_B) == -EAGAIN && put(o, IPCFS_END_B, "x") == 0 ? state : -4;
}
#define ENDS_ARE(o, ...)                                                                           \
	ends_are(o, (const struct ends[]){__VA_ARGS__},                                            \
		 sizeof((const struct ends[]){__VA_ARGS__}) / sizeof(struct ends))

static void b_open(struct ipcfs_object *o)
{
	open_as(o, 0, IPCFS_END_B);
}

static void pipe_open(struct ipcfs_object *o)
{
	ipcfs_pipe_open(o, IPCFS_END_A);
}

static int pipe_opened(struct ipcfs_object *o)
{
	return ENDS_ARE(o, {0, 1, false, true, false}, {1, 1, true, true, true});
}

static void b_open_a_dead(struct ipcfs_object *o)
{
	open_as(o, DEAD, IPCFS_END_A);
	obj_lock(o, 0, false); /* what follows would bury him at once */
	claim_at(o, 0)->member = (uint64_t)member_self(o->store);
	obj_unlock(o, 0);
	open_as(o, 0, IPCFS_END_B);
	STORE(claim_at(o, 0)->member, DEAD);
}

/* To close what the dead have open is a commit of its own, before that of the opening. */
static int pipe_opened_after_a_death(struct ipcfs_object *o)
{
	return ENDS_ARE(o, {1, 1, true, true, false}, {0, 1, true, true, false},
			{1, 1, true, true, true});
}

static int pipe_opened_or_not(struct ipcfs_object *o)
{
	struct ends is;
	bool dead = false;

	if (look_at_ends(o, &is) != 0)
		return -1;
	for (unsigned i = 0; i < claim_count(o); i++)
		dead |= LOAD(claim_at(o, i)->member) == DEAD && LOAD(claim_at(o, i)->state);
	if (dead && is.a != 1) /* he goes before another comes */
		return -5;
	int state = pipe_opened_after_a_death(o);

	return state < 0 ? state : !dead && is.a == 1;
}

static void pipe_close(struct ipcfs_object *o)
{
	leave_as(o, IPCFS_END_A);
}

static int pipe_closed(struct ipcfs_object *o)
{
	return ENDS_ARE(o, {1, 1, true, true, false}, {0, 1, true, true, true});
}

static void a_open(struct ipcfs_object *o)
{
	both_open(o);
	leave_as(o, IPCFS_END_B);
}

static int pipe_is_left(struct ipcfs_object *o)
{
	return ENDS_ARE(o, {1, 0, true, true, false}, {0, 0, false, false, true});
}

static void pipe_look(struct ipcfs_object *o)
{
	get(o, IPCFS_END_B);
}

/* Somebody died after he had committed the closing of a, before he applied it. */
static void pipe_close_pending(struct ipcfs_object *o)
{
	both_open(o);
	claim_stage(o, 0, 0);
	claim_stage(o, 1, IPCFS_END_B);
	o->staged_from = o->staged_to = 0;
	STORE(o->control->redo_length,
	      EVER_OPEN(IPCFS_END_A) | EVER_OPEN(IPCFS_END_B) | IS_OPEN(IPCFS_END_B));
	STORE(o->control->redo_on, 1);
	STORE(o->control->lock, DEAD << 1);
}

static int pipe_closed_by_repair(struct ipcfs_object *o)
{
	return ENDS_ARE(o, {0, 1, true, true, false}, {1, 1, true, true, true});
}

/* ---- topics ------------------------------------------------------------------------------------------- */

static void topic_two(struct ipcfs_object *o)
{
	ipcfs_topic_publish(o, "first", 5);
	ipcfs_topic_publish(o, "second", 6);
}

/* Its ring's end is in the middle of the next message, for which one or two must go. */
static void topic_at_the_end(struct ipcfs_object *o)
{
	ipcfs_topic_publish(o, "0123456789012345678", 19);
	ipcfs_topic_publish(o, "first", 5);
	ipcfs_topic_publish(o, "second", 6);
	ipcfs_topic_publish(o, "thirds", 6);
}

static void topic_publish(struct ipcfs_object *o)
{
	ipcfs_topic_publish(o, "of twelve by", 12);
}

static void topic_clear(struct ipcfs_object *o)
{
	ipcfs_topic_clear(o);
}

/* "2 lost, first second " */
static bool listens(struct ipcfs_object *o, char *all)
{
	struct ipcfs_cursor cursor = {0};
	uint64_t lost = 0;
	ssize_t len;

	*all = 0;
	while ((len = ipcfs_topic_next(o, &cursor, text, sizeof(text) - 1, 0)) != -EAGAIN) {
		if (len == -ENOBUFS)
			lost += cursor.lost;
		else if (len < 0)
			return false;
		else
			sprintf(all + strlen(all), "%.*s ", (int)len, text);
	}
	sprintf(all + strlen(all), "%d lost", (int)lost);
	return true;
}

static int topic_is(struct ipcfs_object *o, const char *before, const char *after)
{
	struct ipcfs_cursor cursor;
	char all[256];

	if (!listens(o, all) || ipcfs_topic_subscribe(o, &cursor) != 0 ||
	    ipcfs_topic_publish(o, "more", 4) != 0 ||
	    ipcfs_topic_next(o, &cursor, text, sizeof(text), 0) != 4)
		return -1;
	return !strcmp(all, before) ? 0 : !strcmp(all, after) ? 1 : -2;
}

static int topic_published(struct ipcfs_object *o)
{
	return topic_is(o, "first second 0 lost", "first second of twelve by 0 lost");
}

static int topic_published_first(struct ipcfs_object *o)
{
	return topic_is(o, "0 lost", "of twelve by 0 lost");
}

static int topic_published_dropping(struct ipcfs_object *o)
{
	return topic_is(o, "first second thirds 1 lost", "thirds of twelve by 3 lost");
}

static int topic_cleared(struct ipcfs_object *o)
{
	return topic_is(o, "first second 0 lost", "2 lost");
}

#define SMALL                                                                                      \
	{                                                                                          \
		.given = IPCFS_P_CAPACITY, .capacity = 20                                          \
	}
#define P IPCFS_PIPE
#define T IPCFS_TOPIC

const struct step_case step_message_cases[] = {
	{"pipe_put", P, {0}, pipe_two, pipe_put, pipe_put_done, 0},
	{"pipe_put_waking", P, {0}, pipe_two, pipe_put, pipe_put_done, ANNOUNCED},
	{"pipe_put_back_waking", P, {0}, pipe_two, pipe_put_back, pipe_put_back_done, ANNOUNCED},
	{"pipe_put_wrapped", P, SMALL, pipe_at_the_end, pipe_put_back, pipe_put_wrapped_done, 0},
	{"pipe_put_first", P, {0}, both_open, pipe_put, pipe_put_first_done, 0},
	{"pipe_put_of_a_newcomer", P, {0}, pipe_two, pipe_put, pipe_put_done, NEWCOMER},
	{"pipe_get", P, {0}, pipe_two, pipe_get, pipe_get_done, 0},
	{"pipe_get_back_waking", P, {0}, pipe_two, pipe_get_back, pipe_get_back_done, ANNOUNCED},
	{"pipe_clear_waking", P, {0}, pipe_two, pipe_clear, pipe_clear_done, ANNOUNCED},
	{"pipe_open", P, {0}, b_open, pipe_open, pipe_opened, 0},
	{"pipe_open_waking", P, {0}, b_open, pipe_open, pipe_opened, ANNOUNCED},
	{"pipe_open_after_a_death", P, {0}, b_open_a_dead, pipe_open, pipe_opened_or_not, 0},
	{"pipe_close", P, {0}, both_open, pipe_close, pipe_closed, 0},
	{"pipe_close_waking", P, {0}, both_open, pipe_close, pipe_closed, ANNOUNCED},
	{"pipe_close_the_last", P, {0}, a_open, pipe_close, pipe_is_left, ANNOUNCED},
	{"pipe_get_after_a_death", P, {0}, b_open_a_dead, pipe_look, pipe_closed, ANNOUNCED},
	{"pipe_open_repairing", P, {0}, pipe_close_pending, pipe_open, pipe_closed_by_repair, 0},
	{"topic_publish", T, {0}, topic_two, topic_publish, topic_published, 0},
	{"topic_publish_waking", T, {0}, topic_two, topic_publish, topic_published, ANNOUNCED},
	{"topic_publish_first", T, {0}, NULL, topic_publish, topic_published_first, 0},
	{"topic_publish_dropping", T, SMALL, topic_at_the_end, topic_publish,
	 topic_published_dropping, 0},
	{"topic_publish_dropping_waking", T, SMALL, topic_at_the_end, topic_publish,
	 topic_published_dropping, ANNOUNCED},
	{"topic_clear_waking", T, {0}, topic_two, topic_clear, topic_cleared, ANNOUNCED},
};
const size_t step_message_case_count = sizeof(step_message_cases) / sizeof(step_message_cases[0]);
