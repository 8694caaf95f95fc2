/* SPDX-License-Identifier: MIT
 *
 * test_event.c - events: set or not, all who wait are woken, and what changes count.
 */
#include "t_core.h"

static long wait_call(struct ipcfs_object *o, long arg, int64_t deadline_ns)
{
	(void)arg;
	return ipcfs_event_wait(o, deadline_ns);
}

static long change_call(struct ipcfs_object *o, long seen, int64_t deadline_ns)
{
	uint64_t changes = (uint64_t)seen;
	long rc = ipcfs_wait_change(o, &changes, deadline_ns);

	return rc < 0 ? rc : (long)changes;
}

static void set_wait_clear(void)
{
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL);

	t_is(ipcfs_event_is_set(e), 0);
	t_is(ipcfs_event_wait(e, 0), -EAGAIN);
	t_is(ipcfs_event_wait(e, 1), -ETIMEDOUT);
	t_is(ipcfs_event_set(e), 0);
	t_is(ipcfs_event_is_set(e), 1);
	for (int i = 0; i < 3; i++) {
		t_is(ipcfs_event_wait(e, 0), 0); /* nothing is taken */
		t_is(ipcfs_event_wait(e, IPCFS_FOREVER), 0);
	}
	t_is(ipcfs_event_set(e), 0);
	t_is(ipcfs_event_clear(e), 0);
	t_is(ipcfs_event_clear(e), 0);
	t_is(ipcfs_event_is_set(e), 0);
	t_is(ipcfs_event_wait(e, 0), -EAGAIN);
}

static void created_set(void)
{
	struct ipcfs_properties p = {.given = IPCFS_P_SET, .set = true};
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", &p);

	t_is(ipcfs_event_wait(e, 0), 0);
	t_is(ipcfs_event_clear(e), 0);
	/* what it was created with stays its property */
	struct ipcfs_stat st;
	t_stat_of(e, &st);
	t_is(st.properties.set, 1);
	t_is(st.value, 0);
}

static void to_set_what_is_set_is_no_change(void)
{
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL);
	uint64_t changes = 0;

	t_is(ipcfs_event_clear(e), 0);
	t_is(ipcfs_wait_change(e, &changes, 0), -EAGAIN);
	t_is(ipcfs_event_set(e), 0);
	t_is(ipcfs_wait_change(e, &changes, 0), 0);
	t_is(ipcfs_event_set(e), 0);
	t_is(ipcfs_wait_change(e, &changes, 0), -EAGAIN);
	t_is(ipcfs_event_clear(e), 0);
	t_is(ipcfs_wait_change(e, &changes, 0), 0);
}

static void other_kinds_are_no_events(void)
{
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == IPCFS_EVENT)
			continue;
		t_is(ipcfs_event_set(o), -EINVAL);
		t_is(ipcfs_event_clear(o), -EINVAL);
		t_is(ipcfs_event_wait(o, 0), -EINVAL);
		t_is(ipcfs_event_is_set(o), -EINVAL);
	}
}

static void one_set_wakes_all(void)
{
	enum { WAITERS = 20 };
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL);
	struct t_call *calls[WAITERS],
		call = {.kind = IPCFS_EVENT, .name = "e", .function = wait_call, .timeout_ns = -1};

	for (int i = 0; i < WAITERS; i++)
		calls[i] = t_start_waiting(call);
	for (int i = 0; i < WAITERS; i += 5)
		t_kill(calls[i]->pid);
	t_is(ipcfs_event_set(e), 0);
	for (int i = 0; i < WAITERS; i++)
		if (i % 5)
			t_ends_with(calls[i], 0);
}

static void setting_and_clearing_are_both_seen_as_changes(void)
{
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL);
	struct t_call call = {
		.kind = IPCFS_EVENT, .name = "e", .function = change_call, .timeout_ns = -1};
	struct ipcfs_stat st;

	for (int i = 0; i < 6; i++) {
		t_stat_of(e, &st);
		call.arg = (long)st.changes;
		struct t_call *one = t_start_waiting(call), *two = t_start_waiting(call);

		t_is(i % 2 ? ipcfs_event_clear(e) : ipcfs_event_set(e), 0);
		t_ends_with(one, (long)st.changes + 1);
		t_ends_with(two, (long)st.changes + 1);
	}
}

static void a_waiter_woken_for_nothing_waits_on(void)
{
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL);
	struct t_call *call = t_start_waiting((struct t_call){
		.kind = IPCFS_EVENT, .name = "e", .function = wait_call, .timeout_ns = -1});

	for (int i = 0; i < 100; i++) {
		atomic_fetch_add(&e->control->seq[IPCFS_C_READ], 1);
		sys_futex_wake(&e->control->seq[IPCFS_C_READ], 100);
	}
	t_until(t_asleep(call->pid));
	t_is(call->result, T_UNDECIDED);
	t_is(ipcfs_event_set(e), 0);
	t_ends_with(call, 0);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(set_wait_clear),
		T_TEST(created_set),
		T_TEST(to_set_what_is_set_is_no_change),
		T_TEST(other_kinds_are_no_events),
		T_TEST(one_set_wakes_all),
		T_TEST(setting_and_clearing_are_both_seen_as_changes),
		T_TEST(a_waiter_woken_for_nothing_waits_on),
	};

	return T_RUN(tests);
}
