/* SPDX-License-Identifier: MIT
 *
 * test_semaphore.c - semaphores: units taken at once or not at all, never past max, waiting.
 */
#include "t_core.h"

static long acquire_call(struct ipcfs_object *o, long n, int64_t deadline_ns)
{
	return ipcfs_semaphore_acquire(o, (uint32_t)n, deadline_ns);
}

static struct t_call *acquirer(long n)
{
	return t_start_waiting((struct t_call){.kind = IPCFS_SEMAPHORE,
					       .name = "s",
					       .function = acquire_call,
					       .arg = n,
					       .timeout_ns = -1});
}

static void all_units_at_once_or_none(void)
{
	struct ipcfs_object *s = t_semaphore("s", 5, 10);

	t_is(ipcfs_semaphore_value(s), 5);
	t_is(ipcfs_semaphore_acquire(s, 6, 0), -EAGAIN);
	t_is(ipcfs_semaphore_value(s), 5);
	t_is(ipcfs_semaphore_acquire(s, 3, 0), 0);
	t_is(ipcfs_semaphore_value(s), 2);
	t_is(ipcfs_semaphore_acquire(s, 3, 0), -EAGAIN);
	t_is(ipcfs_semaphore_acquire(s, 2, 0), 0);
	t_is(ipcfs_semaphore_acquire(s, 1, 0), -EAGAIN);
	t_is(ipcfs_semaphore_release(s, 10), 0);
	t_is(ipcfs_semaphore_value(s), 10);
	t_is(ipcfs_semaphore_acquire(s, 10, 0), 0);
	t_is(ipcfs_semaphore_value(s), 0);
}

static void limits(void)
{
	struct ipcfs_object *s = t_semaphore("s", 1, 3);

	t_is(ipcfs_semaphore_acquire(s, 0, 0), -EINVAL);
	t_is(ipcfs_semaphore_release(s, 0), -EINVAL);
	t_is(ipcfs_semaphore_acquire(s, 4, IPCFS_FOREVER), -ERANGE);
	t_is(ipcfs_semaphore_acquire(s, UINT32_MAX, IPCFS_FOREVER), -ERANGE);
	t_is(ipcfs_semaphore_release(s, 3), -EOVERFLOW);
	t_is(ipcfs_semaphore_release(s, UINT32_MAX), -EOVERFLOW);
	t_is(ipcfs_semaphore_value(s), 1);
	t_is(ipcfs_semaphore_release(s, 2), 0);
	t_is(ipcfs_semaphore_release(s, 1), -EOVERFLOW);
	t_is(ipcfs_semaphore_acquire(s, 3, 0), 0);
}

static void the_largest_number(void)
{
	struct ipcfs_object *s = t_semaphore("s", IPCFS_SEMAPHORE_MAX, IPCFS_SEMAPHORE_MAX);

	t_is(ipcfs_semaphore_value(s), 2147483647);
	t_is(ipcfs_semaphore_release(s, 1), -EOVERFLOW);
	t_is(ipcfs_semaphore_acquire(s, 2147483648u, IPCFS_FOREVER), -ERANGE);
	t_is(ipcfs_semaphore_acquire(s, 2147483647, 0), 0);
	t_is(ipcfs_semaphore_acquire(s, 1, 0), -EAGAIN);
	t_is(ipcfs_semaphore_release(s, 2147483647), 0);
	t_is(ipcfs_semaphore_value(s), 2147483647);
}

static void a_lock_that_anyone_may_release(void)
{
	struct ipcfs_object *s = t_semaphore("s", 1, 1);

	t_is(ipcfs_semaphore_acquire(s, 1, 0), 0);
	t_is(ipcfs_semaphore_acquire(s, 1, 0), -EAGAIN);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	t_is(ipcfs_semaphore_release(s, 1), -EOVERFLOW); /* released too many times */
	t_is(ipcfs_semaphore_acquire(s, 2, 0), -ERANGE);
}

static void other_kinds_are_no_semaphores(void)
{
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == IPCFS_SEMAPHORE)
			continue;
		t_is(ipcfs_semaphore_acquire(o, 1, 0), -EINVAL);
		t_is(ipcfs_semaphore_release(o, 1), -EINVAL);
		t_is(ipcfs_semaphore_value(o), -EINVAL);
	}
}

static void deadlines(void)
{
	struct ipcfs_object *s = t_semaphore("s", 0, 3);
	int64_t before = sys_now_ns();

	t_is(ipcfs_semaphore_acquire(s, 1, 1), -ETIMEDOUT);
	t_is(ipcfs_semaphore_acquire(s, 1, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 20 * T_MS);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	t_is(ipcfs_semaphore_acquire(s, 1, 1), 0);
}

static void changes_are_counted(void)
{
	struct ipcfs_object *s = t_semaphore("s", 1, 1);
	uint64_t changes = 0;

	t_is(ipcfs_wait_change(s, &changes, 0), -EAGAIN);
	t_is(ipcfs_semaphore_acquire(s, 1, 0), 0);
	t_is(ipcfs_wait_change(s, &changes, 0), 0);
	t_is(ipcfs_semaphore_acquire(s, 1, 0), -EAGAIN);
	t_is(ipcfs_wait_change(s, &changes, 0), -EAGAIN);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	t_is(ipcfs_wait_change(s, &changes, 0), 0);
}

static void who_waits_for_few_is_not_kept_by_who_waits_for_many(void)
{
	struct ipcfs_object *s = t_semaphore("s", 0, 10);
	struct t_call *many = acquirer(5), *few = acquirer(2), *other = acquirer(2);

	t_is(ipcfs_semaphore_release(s, 4), 0);
	t_ends_with(few, 0);
	t_ends_with(other, 0);
	t_is(many->result, T_UNDECIDED);
	t_is(ipcfs_semaphore_release(s, 4), 0);
	t_is(many->result, T_UNDECIDED);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	t_ends_with(many, 0);
	t_is(ipcfs_semaphore_value(s), 0);
}

static void each_unit_goes_to_one_waiter(void)
{
	enum { WAITERS = 20 };
	struct ipcfs_object *s = t_semaphore("s", 0, WAITERS);
	struct t_call *calls[WAITERS];

	for (int i = 0; i < WAITERS; i++)
		calls[i] = acquirer(1);
	for (int i = 0; i < WAITERS; i += 4)
		t_kill(calls[i]->pid);
	t_is(ipcfs_semaphore_release(s, WAITERS - WAITERS / 4 - 1), 0);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	for (int i = 0; i < WAITERS; i++)
		if (i % 4)
			t_ends_with(calls[i], 0);
	t_is(ipcfs_semaphore_value(s), 0);
}

static void nobodys_death_releases(void)
{
	struct ipcfs_object *s = t_semaphore("s", 1, 1);
	struct t_call *call = t_start((struct t_call){
		.kind = IPCFS_SEMAPHORE, .name = "s", .function = acquire_call, .arg = 1});

	t_ends_with(call, 0);
	t_is(ipcfs_semaphore_value(s), 0);
	t_is(ipcfs_semaphore_acquire(s, 1, 0), -EAGAIN);
}

/* ---- mutual exclusion ----------------------------------------------------------------------------- */

struct shelf {
	int rounds;
	_Atomic int inside, worst;
	long plain; /* changed without atomics by who is inside */
};

static struct shelf *shelf;

static long enter_and_leave(struct ipcfs_object *s, long most, int64_t deadline_ns)
{
	for (int i = 0; i < shelf->rounds; i++) {
		long rc = ipcfs_semaphore_acquire(s, 1, deadline_ns);

		if (rc < 0)
			return rc;
		int now = ++shelf->inside;
		if (now > most)
			shelf->worst = now;
		if (most == 1)
			shelf->plain++;
		if (i % 16 == 0)
			sched_yield();
		shelf->inside--;
		rc = t_again(ipcfs_semaphore_release(s, 1));
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void no_more_inside_than_units(void)
{
	enum { PROCESSES = 6 };
	shelf = t_shared(sizeof(*shelf));
	for (int most = 1; most <= 3; most += 2) {
		struct ipcfs_object *s = t_semaphore(most == 1 ? "one" : "three", (unsigned)most,
						     (unsigned)most);
		struct t_call *calls[PROCESSES], call = {.kind = IPCFS_SEMAPHORE,
							 .function = enter_and_leave,
							 .arg = most,
							 .timeout_ns = -1};

		snprintf(call.name, sizeof(call.name), "%s", most == 1 ? "one" : "three");
		shelf->rounds = t_count(5000);
		for (int i = 0; i < PROCESSES; i++)
			calls[i] = t_start(call);
		for (int i = 0; i < PROCESSES; i++)
			t_ends_with(calls[i], 0);
		t_is(shelf->worst, 0);
		t_is(shelf->inside, 0);
		t_is(ipcfs_semaphore_value(s), most);
	}
	t_is(shelf->plain, PROCESSES * shelf->rounds);
	munmap(shelf, sizeof(*shelf));
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(all_units_at_once_or_none),
		T_TEST(limits),
		T_TEST(the_largest_number),
		T_TEST(a_lock_that_anyone_may_release),
		T_TEST(other_kinds_are_no_semaphores),
		T_TEST(deadlines),
		T_TEST(changes_are_counted),
		T_TEST(who_waits_for_few_is_not_kept_by_who_waits_for_many),
		T_TEST(each_unit_goes_to_one_waiter),
		T_TEST(nobodys_death_releases),
		T_TEST(no_more_inside_than_units),
	};

	return T_RUN(tests);
}
