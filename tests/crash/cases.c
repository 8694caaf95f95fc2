/* SPDX-License-Identifier: MIT
 *
 * cases.c - the operations that crash_step.c kills a client in: what is there before, the operation, and a
 * look at what is left, which says whether it was done.
 */
#include "cases.h"

#include <errno.h>
#include <string.h>

#include "cases_channel.h"
#include "cases_dict.h"
#include "cases_hold.h"
#include "cases_lock.h"
#include "cases_ticket.h"
#include "core/engine.h"
#include "core/object.h"

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

/* The next message needs pages that the queue does not have yet. */
static char page[4000];

static void page_full(struct ipcfs_object *o)
{
	ipcfs_queue_put(o, page, sizeof(page), 0);
}

static void put_page(struct ipcfs_object *o)
{
	ipcfs_queue_put(o, page, sizeof(page), 0);
}

static int put_page_done(struct ipcfs_object *o)
{
	struct ipcfs_stat st;

	if (ipcfs_stat(o, &st) != 0 || ipcfs_queue_put(o, page, sizeof(page), 0) != 0 ||
	    ipcfs_queue_clear(o) != (ssize_t)st.messages + 1)
		return -1;
	return st.messages == 1 ? 0 : st.messages == 2 ? 1 : -2;
}

/* Somebody who is dead has the lock: the takeover is stepped through. */
static void two_and_a_death(struct ipcfs_object *o)
{
	two(o);
	STORE(o->control->lock, 77 << 1);
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

static void exchange_slice(struct ipcfs_object *o)
{
	int32_t v[4] = {102, 103, 104, 105}, is[ELEMENTS];
	uint64_t changes;

	ipcfs_array_get(o, 0, ELEMENTS, is, sizeof(is), &changes);
	ipcfs_array_cas(o, 2, 4, v, &changes);
}

static void fill_slice(struct ipcfs_object *o)
{
	int32_t seven = 7;
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE,
			      .flags = IPCFS_OP_FILL,
			      .count = ELEMENTS,
			      .in = &seven,
			      .in_len = 4};

	ipcfs_engine_shm.try(o, &op);
}

static int slice_filled(struct ipcfs_object *o)
{
	int32_t v[ELEMENTS];
	int filled = 0;

	if (ipcfs_array_get(o, 0, ELEMENTS, v, sizeof(v), NULL) != sizeof(v))
		return -1;
	for (int i = 0; i < ELEMENTS; i++)
		filled += v[i] == 7;
	return filled == 1 ? 0 : filled == ELEMENTS ? 1 : -2; /* element 7 was 7 before */
}

/* Somebody died after he had committed a slice, before he copied it. */
static void pending_slice(struct ipcfs_object *o)
{
	int32_t *redo = (void *)(o->base + o->cells.redo);

	numbers(o);
	for (int i = 2; i < 6; i++)
		redo[i] = i + 100;
	STORE(o->control->redo_offset, 8);
	STORE(o->control->redo_bytes, 16);
	STORE(o->control->redo_on, 1);
	STORE(o->control->lock, 77 << 1);
}

static void get_slice(struct ipcfs_object *o)
{
	int32_t v[ELEMENTS];

	ipcfs_array_get(o, 0, ELEMENTS, v, sizeof(v), NULL);
}

/* It was committed: whenever who repairs it is killed, it is there. */
static int slice_changed_once(struct ipcfs_object *o)
{
	return slice_changed(o) == 1 ? 1 : -1;
}

static void set_last(struct ipcfs_object *o)
{
	ipcfs_array_set(o, ELEMENTS - 1, 1, &(int32_t){1007});
}

static int last_after_repair(struct ipcfs_object *o)
{
	int32_t last = 0;

	if (ipcfs_array_get(o, ELEMENTS - 1, 1, &last, sizeof(last), NULL) != sizeof(last) ||
	    ipcfs_array_set(o, ELEMENTS - 1, 1, &(int32_t){ELEMENTS - 1}) != 0 ||
	    slice_changed(o) != 1)
		return -1;
	return last == ELEMENTS - 1 ? 0 : last == 1007 ? 1 : -2;
}

/* ---- names ------------------------------------------------------------------------------------------- */

static void create(struct ipcfs_object *o)
{
	ipcfs_open(o->store, IPCFS_QUEUE, "made", IPCFS_CREATE, 0600, NULL, &o);
}

/* Whole or not at all. */
static int created(struct ipcfs_object *o)
{
	struct ipcfs_object *made = NULL;
	int rc = ipcfs_open(o->store, IPCFS_QUEUE, "made", 0, 0, NULL, &made);
	char all[16];

	if (rc == -ENOENT)
		return 0;
	if (rc < 0 || ipcfs_queue_put(made, "x", 1, 0) != 0 || drain(made, all) != 1)
		return -1;
	ipcfs_close(made);
	return ipcfs_unlink(o->store, IPCFS_QUEUE, "made") == 0 ? 1 : -2;
}

static void take_away(struct ipcfs_object *o)
{
	ipcfs_unlink(o->store, IPCFS_EVENT, STEP_OBJECT);
}

/* As it was, or gone for everybody. */
static int taken_away(struct ipcfs_object *o)
{
	struct ipcfs_object *again = NULL;
	int used = ipcfs_event_set(o);
	int rc = ipcfs_open(o->store, IPCFS_EVENT, STEP_OBJECT, 0, 0, NULL, &again);

	ipcfs_close(again);
	if (used == 0 && rc == 0 && again == o)
		return 0;
	return used == -EIDRM && rc == -ENOENT ? 1 : -2;
}

/* ---- the table --------------------------------------------------------------------------------------- */

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

#define THREE                                                                                      \
	{                                                                                          \
		.given = IPCFS_P_PARTIES, .parties = 3                                             \
	}

const struct step_case step_cases[] = {
	{"queue_put", IPCFS_QUEUE, {0}, two, put, put_done, 0},
	{"queue_put_first", IPCFS_QUEUE, {0}, NULL, put, put_done_empty, 0},
	{"queue_put_wrapped", IPCFS_QUEUE, SMALL, at_the_end, put, put_done_at_the_end, 0},
	{"queue_put_waking", IPCFS_QUEUE, {0}, two, put, put_done, ANNOUNCED},
	{"queue_get", IPCFS_QUEUE, {0}, two, get, get_done, 0},
	{"queue_get_wrapped", IPCFS_QUEUE, SMALL, at_the_end, get, get_done_at_the_end, 0},
	{"queue_get_waking", IPCFS_QUEUE, {0}, two, get, get_done, ANNOUNCED},
	{"queue_put_many", IPCFS_QUEUE, {0}, two, put_many, put_many_done, 0},
	{"queue_get_many", IPCFS_QUEUE, {0}, two, get_many, all_gone, 0},
	{"queue_put_many_waking", IPCFS_QUEUE, {0}, two, put_many, put_many_done, ANNOUNCED},
	{"queue_put_of_a_newcomer", IPCFS_QUEUE, {0}, two, put, put_done, NEWCOMER},
	{"queue_put_growing", IPCFS_QUEUE, {0}, page_full, put_page, put_page_done, 0},
	{"queue_get_after_a_death", IPCFS_QUEUE, {0}, two_and_a_death, get, get_done, 0},
	{"queue_clear_quietly", IPCFS_QUEUE, {0}, two, clear, all_gone, 0},
	{"queue_clear", IPCFS_QUEUE, {0}, two, clear, all_gone, ANNOUNCED},
	{"semaphore_acquire", IPCFS_SEMAPHORE, {0}, three_units, acquire, acquired, 0},
	{"semaphore_release_waking",
	 IPCFS_SEMAPHORE,
	 {0},
	 three_units,
	 release,
	 released,
	 ANNOUNCED},
	{"semaphore_release", IPCFS_SEMAPHORE, {0}, three_units, release, released, 0},
	{"semaphore_hold", IPCFS_SEMAPHORE, {0}, held_four_free, held_hold_two, held_two, 0},
	{"semaphore_hold_waking",
	 IPCFS_SEMAPHORE,
	 {0},
	 held_four_free,
	 held_hold_two,
	 held_two,
	 ANNOUNCED},
	{"semaphore_hold_of_a_newcomer",
	 IPCFS_SEMAPHORE,
	 {0},
	 held_four_free,
	 held_hold_two,
	 held_two,
	 NEWCOMER},
	{"semaphore_hold_beside",
	 IPCFS_SEMAPHORE,
	 {0},
	 held_by_a_file,
	 held_hold_one,
	 held_one_more,
	 0},
	{"semaphore_hold_again",
	 IPCFS_SEMAPHORE,
	 {0},
	 held_four_free,
	 held_hold_again,
	 held_again,
	 0},
	{"semaphore_hold_burying",
	 IPCFS_SEMAPHORE,
	 {0},
	 held_by_the_dead,
	 held_hold_four,
	 held_four,
	 0},
	{"semaphore_hold_repairing",
	 IPCFS_SEMAPHORE,
	 {0},
	 held_pending,
	 held_hold_one,
	 held_after_repair,
	 0},
	{"semaphore_release_charged",
	 IPCFS_SEMAPHORE,
	 {0},
	 held_by_many,
	 held_release_three,
	 held_charged_to_many,
	 0},
	{"semaphore_release_charged_waking",
	 IPCFS_SEMAPHORE,
	 {0},
	 held_by_many,
	 held_release_three,
	 held_charged_to_many,
	 ANNOUNCED},
	{"semaphore_release_held",
	 IPCFS_SEMAPHORE,
	 {0},
	 held_four_free,
	 held_hold_and_release,
	 held_and_released,
	 0},
	{"semaphore_leave",
	 IPCFS_SEMAPHORE,
	 {0},
	 held_four_free,
	 held_hold_and_leave,
	 held_and_left,
	 0},
	{"event_set", IPCFS_EVENT, {0}, NULL, set, is_set, 0},
	{"event_set_waking", IPCFS_EVENT, {0}, NULL, set, is_set, ANNOUNCED},
	{"event_clear", IPCFS_EVENT, {0}, set, unset, is_clear, 0},
	{"value_set", IPCFS_VALUE, TYPED('q'), number, assign, number_changed, 0},
	{"value_add_waking", IPCFS_VALUE, TYPED('q'), number, add, number_changed, ANNOUNCED},
	{"value_cas", IPCFS_VALUE, TYPED('q'), number, exchange, number_changed, 0},
	{"value_string", IPCFS_VALUE, TYPED('s'), word, assign_word, word_changed, 0},
	{"array_slice", IPCFS_ARRAY, INT32_ARRAY, numbers, set_slice, slice_changed, 0},
	{"array_cas", IPCFS_ARRAY, INT32_ARRAY, numbers, exchange_slice, slice_changed, 0},
	{"array_fill", IPCFS_ARRAY, INT32_ARRAY, numbers, fill_slice, slice_filled, 0},
	{"array_repair", IPCFS_ARRAY, INT32_ARRAY, pending_slice, get_slice, slice_changed_once, 0},
	{"array_set_after_a_death", IPCFS_ARRAY, INT32_ARRAY, pending_slice, set_last,
	 last_after_repair, 0},
	{"value_string_waking", IPCFS_VALUE, TYPED('s'), word, assign_word, word_changed,
	 ANNOUNCED},
	{"create", IPCFS_EVENT, {0}, NULL, create, created, 0},
	{"unlink", IPCFS_EVENT, {0}, NULL, take_away, taken_away, REMOVES},
	{"unlink_waking", IPCFS_EVENT, {0}, NULL, take_away, taken_away, ANNOUNCED | REMOVES},
	{"array_add_waking", IPCFS_ARRAY, INT32_ARRAY, numbers, add_to_slice, slice_changed,
	 ANNOUNCED},
	{"condition_arm",
	 IPCFS_CONDITION,
	 {0},
	 nobody_yet,
	 condition_arm,
	 condition_armed,
	 ANNOUNCED},
	{"condition_notify",
	 IPCFS_CONDITION,
	 {0},
	 condition_three,
	 condition_notify_two,
	 condition_two_notified,
	 0},
	{"condition_notify_waking",
	 IPCFS_CONDITION,
	 {0},
	 condition_three,
	 condition_notify_two,
	 condition_two_notified,
	 ANNOUNCED},
	{"condition_notify_all_waking",
	 IPCFS_CONDITION,
	 {0},
	 condition_three,
	 condition_notify_all,
	 condition_all_notified,
	 ANNOUNCED},
	{"condition_notify_after_a_death",
	 IPCFS_CONDITION,
	 {0},
	 condition_half_told,
	 condition_notify_one,
	 condition_third_notified,
	 0},
	{"condition_fetch",
	 IPCFS_CONDITION,
	 {0},
	 condition_one_told,
	 condition_fetch,
	 condition_fetched,
	 0},
	{"condition_leave_passing_on",
	 IPCFS_CONDITION,
	 {0},
	 condition_one_told,
	 condition_leave,
	 condition_passed_on,
	 ANNOUNCED},
	{"condition_give_up",
	 IPCFS_CONDITION,
	 {0},
	 condition_three,
	 condition_give_up,
	 condition_given_up,
	 0},
	{"condition_sweep",
	 IPCFS_CONDITION,
	 {0},
	 condition_dead_told,
	 condition_sweep,
	 condition_swept,
	 ANNOUNCED},
	{"barrier_arrive", IPCFS_BARRIER, THREE, nobody_yet, barrier_arrive, barrier_arrived,
	 ANNOUNCED},
	{"barrier_complete", IPCFS_BARRIER, THREE, barrier_two, barrier_arrive, barrier_completed,
	 0},
	{"barrier_complete_waking", IPCFS_BARRIER, THREE, barrier_two, barrier_arrive,
	 barrier_completed, ANNOUNCED},
	{"barrier_pass", IPCFS_BARRIER, THREE, barrier_through, barrier_pass, barrier_passed, 0},
	{"barrier_leave", IPCFS_BARRIER, THREE, barrier_two, barrier_leave, barrier_left,
	 ANNOUNCED},
	{"barrier_time_out", IPCFS_BARRIER, THREE, barrier_two, barrier_time_out, barrier_timed_out,
	 ANNOUNCED},
	{"barrier_abort_waking", IPCFS_BARRIER, THREE, barrier_two, barrier_abort, barrier_aborted,
	 ANNOUNCED},
	{"barrier_reset", IPCFS_BARRIER, THREE, barrier_two, barrier_reset, barrier_emptied, 0},
	{"barrier_reset_of_a_broken_one", IPCFS_BARRIER, THREE, barrier_broken, barrier_reset,
	 barrier_mended, ANNOUNCED},
	{"channel_fire_first", IPCFS_SIGNAL, {0}, NULL, channel_fire, channel_fired_first, 0},
	{"channel_fire_first_new",
	 IPCFS_SIGNAL,
	 {0},
	 NULL,
	 channel_fire,
	 channel_fired_first,
	 NEWCOMER},
	{"channel_fire", IPCFS_SIGNAL, {0}, channel_once, channel_fire, channel_fired, 0},
	{"channel_fire_waking",
	 IPCFS_SIGNAL,
	 {0},
	 channel_once,
	 channel_fire,
	 channel_fired,
	 ANNOUNCED},
	{"channel_fire_round",
	 IPCFS_SIGNAL,
	 {0},
	 channel_round,
	 channel_fire,
	 channel_fired_round,
	 0},
	{"channel_fire_behind_the_dead",
	 IPCFS_SIGNAL,
	 {0},
	 channel_half,
	 channel_fire,
	 channel_fired,
	 0},
	{"lock_acquire", IPCFS_LOCK, {0}, lock_free_one, lock_acquire, lock_acquired, 0},
	{"lock_acquire_waking",
	 IPCFS_LOCK,
	 {0},
	 lock_free_one,
	 lock_acquire,
	 lock_acquired,
	 ANNOUNCED},
	{"lock_acquire_after_a_death",
	 IPCFS_LOCK,
	 {0},
	 lock_held_by_the_dead,
	 lock_acquire,
	 lock_taken_from_the_dead,
	 ANNOUNCED},
	{"lock_share",
	 IPCFS_LOCK,
	 {0},
	 lock_shared_by_one,
	 lock_share,
	 lock_is_shared_by_two,
	 ANNOUNCED},
	{"lock_stand_in_line",
	 IPCFS_LOCK,
	 {0},
	 lock_shared_by_one,
	 lock_stand_in_line,
	 lock_has_a_line,
	 0},
	{"lock_release", IPCFS_LOCK, {0}, lock_held, lock_release, lock_released, 0},
	{"lock_release_waking", IPCFS_LOCK, {0}, lock_held, lock_release, lock_released, ANNOUNCED},
	{"lock_release_after_a_death",
	 IPCFS_LOCK,
	 {0},
	 lock_half_held,
	 lock_release,
	 lock_released,
	 ANNOUNCED},
	{"lock_convert", IPCFS_LOCK, {0}, lock_held, lock_convert, lock_converted, ANNOUNCED},
	{"lock_end_of_the_holder", IPCFS_LOCK, {0}, lock_held, lock_end, lock_ended, ANNOUNCED},
	{"lock_leave_all",
	 IPCFS_LOCK,
	 {0},
	 lock_shared_by_three,
	 lock_leave_all,
	 lock_left,
	 ANNOUNCED},
	{"lock_bury", IPCFS_LOCK, {0}, lock_held_by_the_dead, lock_bury, lock_buried, ANNOUNCED},
	{"dict_set_new", IPCFS_DICT, {0}, keys_four, keys_set_new, keys_are_set_new, 0},
	{"dict_set_new_waking",
	 IPCFS_DICT,
	 {0},
	 keys_four,
	 keys_set_new,
	 keys_are_set_new,
	 ANNOUNCED},
	{"dict_set_new_bucket",
	 IPCFS_DICT,
	 {0},
	 keys_sixteen,
	 keys_set_new,
	 keys_are_set_seventeenth,
	 0},
	{"dict_set", IPCFS_DICT, {0}, keys_four, keys_set, keys_are_set, 0},
	{"dict_set_waking", IPCFS_DICT, {0}, keys_four, keys_set, keys_are_set, ANNOUNCED},
	{"dict_set_after_a_death",
	 IPCFS_DICT,
	 {0},
	 keys_half_set,
	 keys_set_new,
	 keys_are_set_once,
	 0},
	{"dict_append", IPCFS_DICT, {0}, keys_four, keys_append, keys_are_appended, 0},
	{"dict_append_in_room",
	 IPCFS_DICT,
	 {0},
	 keys_four,
	 keys_append_in_room,
	 keys_are_appended_twice,
	 0},
	{"dict_remove", IPCFS_DICT, {0}, keys_four, keys_remove, keys_are_removed, ANNOUNCED},
	{"dict_remove_first",
	 IPCFS_DICT,
	 {0},
	 keys_four,
	 keys_remove_first,
	 keys_are_removed_first,
	 0},
	{"dict_pop_last", IPCFS_DICT, {0}, keys_four, keys_pop_last, keys_are_popped, 0},
	{"dict_cas", IPCFS_DICT, {0}, keys_four, keys_cas, keys_are_set, 0},
	{"dict_add", IPCFS_DICT, {0}, keys_four, keys_add_number, keys_are_added, 0},
	{"dict_rename", IPCFS_DICT, {0}, keys_four, keys_rename, keys_are_renamed, ANNOUNCED},
	{"dict_replace", IPCFS_DICT, {0}, keys_four, keys_replace, keys_are_replaced, 0},
	{"dict_clear", IPCFS_DICT, {0}, keys_four, keys_clear, keys_are_cleared, ANNOUNCED},
	{"dict_chmod", IPCFS_DICT, {0}, keys_four, keys_chmod, keys_are_chmoded, 0},
};
const size_t step_case_count = sizeof(step_cases) / sizeof(step_cases[0]);
