/* SPDX-License-Identifier: MIT
 *
 * test_hold.c - units of a semaphore that are held: they come back with who holds them, however he ends; what a release is
 * charged to; a full table.
 */
#include "t_core.h"

#include "claim.h"

#include "t_held.h"

static long hold_and_stay(struct ipcfs_object *s, long n, int64_t deadline_ns)
{
	long rc = ipcfs_semaphore_hold(s, (uint32_t)n, deadline_ns);

	if (rc < 0)
		return rc;
	++*have;
	for (;;)
		pause();
}

static long hold_call(struct ipcfs_object *s, long n, int64_t deadline_ns)
{
	return ipcfs_semaphore_hold(s, (uint32_t)n, deadline_ns);
}

/* A child that holds n units of "s", at once, and stays. */
static struct t_call *holder(long n)
{
	int before = count_haves();
	struct t_call *call = t_start((struct t_call){
		.kind = IPCFS_SEMAPHORE, .name = "s", .function = hold_and_stay, .arg = n});
	t_until(*have > before || call->result != T_UNDECIDED);
	t_is(call->result, T_UNDECIDED);
	return call;
}

/* ---- they come back ---------------------------------------------------------------------------- */

static void one_claim_a_process(void)
{
	struct ipcfs_object *s = t_semaphore("s", 5, 9);
	struct seen seen = {0};

	t_units(s, 5, 0);
	t_is(ipcfs_semaphore_hold(s, 2, 0), 0);
	t_units(s, 3, 2);
	t_is(ipcfs_semaphore_hold(s, 1, 0), 0);
	t_units(s, 2, 3);
	t_is(ipcfs_holders(s, see, &seen), 0);
	t_is(seen.holders, 1);
	t_is(seen.last.pid, getpid());
	t_is(seen.last.uid, geteuid());
	t_check(seen.last.since_ns > 0 && seen.last.since_ns <= sys_realtime_ns());
	t_is(ipcfs_semaphore_acquire(s, 1, 0), 0); /* beside it, nobody's */
	t_units(s, 1, 3);
	t_is(ipcfs_semaphore_release(s, 3), 0);
	t_units(s, 4, 0);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	t_units(s, 5, 0);
}

static void arguments(void)
{
	struct ipcfs_object *s = t_semaphore("s", 1, 3);

	t_is(ipcfs_semaphore_hold(s, 0, 0), -EINVAL);
	t_is(ipcfs_semaphore_hold(s, 4, IPCFS_FOREVER), -ERANGE);
	t_is(ipcfs_semaphore_hold(s, UINT32_MAX, IPCFS_FOREVER), -ERANGE);
	t_is(ipcfs_semaphore_hold(s, 2, 0), -EAGAIN);
	t_is(ipcfs_semaphore_hold(s, 2, 1), -ETIMEDOUT);
	t_units(s, 1, 0);
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++)
		if (kind != IPCFS_SEMAPHORE)
			t_is(ipcfs_semaphore_hold(t_any(kind, "o"), 1, 0), -EINVAL);
}

static void a_killed_holder_gives_back(void)
{
	struct ipcfs_object *s = t_semaphore("s", 4, 4);
	struct t_call *two = holder(2), *one = holder(1);

	t_units(s, 1, 3);
	t_is(ipcfs_semaphore_acquire(s, 2, 0), -EAGAIN);
	killed(two);
	t_units(s, 3, 1); /* though nobody has needed them yet */
	t_is(ipcfs_semaphore_acquire(s, 4, 0), -EAGAIN);
	t_is(ipcfs_semaphore_acquire(s, 3, 0), 0);
	killed(one);
	t_units(s, 1, 0);
	t_is(ipcfs_semaphore_hold(s, 1, 0), 0);
	t_units(s, 0, 1);
}

static long hold_and_exit(struct ipcfs_object *s, long n, int64_t deadline_ns)
{
	long rc = ipcfs_semaphore_hold(s, (uint32_t)n, deadline_ns);

	*have += rc == 0;
	_exit(0);
}

static long hold_and_exec(struct ipcfs_object *s, long n, int64_t deadline_ns)
{
	long rc = ipcfs_semaphore_hold(s, (uint32_t)n, deadline_ns);

	*have += rc == 0;
	execl("/bin/sleep", "sleep", "1000", (char *)NULL);
	return -errno;
}

/* A child that it forked goes on, and holds nothing. */
static long hold_and_fork(struct ipcfs_object *s, long n, int64_t deadline_ns)
{
	long rc = ipcfs_semaphore_hold(s, (uint32_t)n, deadline_ns);

	if (fork() == 0) {
		*have += rc == 0;
		while (access(t.dir, F_OK) == 0 && ipcfs_semaphore_value(s) >= 0)
			usleep(1000);
		_exit(0);
	}
	_exit(0);
}

/* Its mappings go with it. */
static long hold_and_close(struct ipcfs_object *s, long n, int64_t deadline_ns)
{
	long rc = ipcfs_semaphore_hold(s, (uint32_t)n, deadline_ns);

	ipcfs_close(s);
	*have += rc == 0;
	return pause();
}

static void however_it_ends(void)
{
	static const struct {
		const char *name;
		long (*function)(struct ipcfs_object *s, long n, int64_t deadline_ns);
	} rows[] = {{"exit", hold_and_exit},
		    {"exec", hold_and_exec},
		    {"fork", hold_and_fork},
		    {"close", hold_and_close}};
	struct ipcfs_object *s = t_semaphore("s", 3, 3);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int before = count_haves();

		t_start((struct t_call){.kind = IPCFS_SEMAPHORE,
					.name = "s",
					.function = rows[i].function,
					.arg = 2});
		t_until(*have > before);
		t_until(ipcfs_semaphore_value(s) == 3 && held(s) == 0);
		t_row(rows[i].name, ipcfs_semaphore_acquire(s, 3, 0), 0);
		t_row(rows[i].name, ipcfs_semaphore_release(s, 3), 0);
	}
}

static void a_fork_holds_nothing(void)
{
	struct ipcfs_object *s = t_semaphore("s", 2, 2);

	t_is(ipcfs_semaphore_hold(s, 2, 0), 0);
	struct t_call *child = t_start((struct t_call){
		.kind = IPCFS_SEMAPHORE, .name = "s", .function = hold_call, .arg = 1});
	t_ends_with(child, -EAGAIN);
	t_units(s, 0, 2); /* its end gave nothing back */
	t_is(ipcfs_semaphore_release(s, 2), 0);
}

static void the_last_close_gives_back(void)
{
	struct ipcfs_object *s = t_semaphore("s", 2, 2), *again = NULL;
	struct ipcfs_store *other = t_open_store();

	t_is(ipcfs_open(other, IPCFS_SEMAPHORE, "s", 0, 0, NULL, &again), 0);
	t_is(ipcfs_semaphore_hold(again, 1, 0), 0);
	t_is(ipcfs_semaphore_hold(again, 1, 0), 0);
	t_units(s, 0, 2);
	ipcfs_close(again);
	t_units(s, 2, 0);
	ipcfs_store_close(other);
}

/* The number of ms from `act` until the call has a result. */
static int64_t until_done(struct t_call *call, void (*act)(void *arg), void *arg)
{
	int64_t start = t_now_ms();

	act(arg);
	t_until(call->result != T_UNDECIDED);
	return t_now_ms() - start;
}

static void release_one(void *s)
{
	t_is(t_again(ipcfs_semaphore_release(s, 1)), 0);
}

static void kill_it(void *call)
{
	killed(call);
}

/* Without a server: it looks again each second. How slow the machine is, a plain release tells. */
static void the_next_waiter_has_it_within_a_second(void)
{
	struct ipcfs_object *s = t_semaphore("s", 0, 1);
	struct t_call *waiter = acquirer(1, -1);
	int64_t plain_ms = until_done(waiter, release_one, s);

	t_ends_with(waiter, 0);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	struct t_call *owner = holder(1);
	waiter = acquirer(1, -1);
	int64_t took_ms = until_done(waiter, kill_it, owner);
	t_ends_with(waiter, 0);
	t_check(took_ms <= 1100 + 50 * plain_ms);
	t_units(s, 0, 0);
}

static long change_call(struct ipcfs_object *s, long arg, int64_t deadline_ns)
{
	uint64_t changes = LOAD(s->control->changes);

	(void)arg;
	return ipcfs_wait_change(s, &changes, deadline_ns);
}

static void a_death_is_a_change(void)
{
	t_semaphore("s", 1, 1);
	struct t_call *owner = holder(1);
	struct t_call *watcher = t_start_waiting((struct t_call){
		.kind = IPCFS_SEMAPHORE, .name = "s", .function = change_call, .timeout_ns = -1});

	t_is(watcher->result, T_UNDECIDED);
	killed(owner);
	t_ends_with(watcher, 0);
}

static void a_waiter_that_is_killed_holds_nothing(void)
{
	struct ipcfs_object *s = t_semaphore("s", 0, 1);
	struct t_call *waiter = t_start_waiting((struct t_call){.kind = IPCFS_SEMAPHORE,
								.name = "s",
								.function = hold_call,
								.arg = 1,
								.timeout_ns = -1});

	killed(waiter);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	t_units(s, 1, 0);
}

/* ---- what a release is charged to -------------------------------------------------------------- */

static void to_oneself_first(void)
{
	struct ipcfs_object *s = t_semaphore("s", 4, 4);
	struct t_call *other = holder(2); /* longer than we */

	t_is(ipcfs_semaphore_hold(s, 2, 0), 0);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	t_units(s, 1, 3);
	killed(other);
	t_units(s, 3, 1); /* two were the other's still */
}

static void to_the_longest_holder(void)
{
	struct ipcfs_object *s = t_semaphore("s", 6, 6);
	struct t_call *first = holder(2), *second = holder(3);

	t_is(ipcfs_semaphore_release(s, 1), 0);
	t_units(s, 2, 4);
	killed(first); /* has one left */
	t_units(s, 3, 3);
	killed(second);
	t_units(s, 6, 0);
}

static void to_several_and_beyond(void)
{
	struct ipcfs_object *s = t_semaphore("s", 6, 6);
	struct t_call *first = holder(1), *second = holder(1), *third = holder(2);

	t_is(ipcfs_semaphore_acquire(s, 2, 0), 0);
	t_units(s, 0, 4);
	t_is(ipcfs_semaphore_hold(s, 1, 0), -EAGAIN);
	t_is(ipcfs_semaphore_release(s, 3), 0); /* the first two, and one of the third */
	t_units(s, 3, 1);
	killed(first);
	killed(second);
	t_units(s, 3, 1);
	t_is(ipcfs_semaphore_release(s, 3),
	     0); /* the third's last, and the two that were nobody's */
	t_units(s, 6, 0);
	killed(third);
	t_units(s, 6, 0);
	t_is(ipcfs_semaphore_release(s, 1), -EOVERFLOW);
}

static void own_units_then_those_of_others(void)
{
	struct ipcfs_object *s = t_semaphore("s", 4, 4);
	struct t_call *other = holder(2);

	t_is(ipcfs_semaphore_hold(s, 1, 0), 0);
	t_is(ipcfs_semaphore_release(s, 2), 0);
	t_units(s, 3, 1);
	killed(other);
	t_units(s, 4, 0);
}

/* What they held is free again by itself; a release is not taken from that. */
static void the_dead_pay_for_nothing(void)
{
	struct ipcfs_object *s = t_semaphore("s", 4, 4);
	struct t_call *first = holder(1), *second = holder(1);

	t_is(ipcfs_semaphore_acquire(s, 1, 0), 0);
	killed(first);
	t_is(ipcfs_semaphore_release(s, 1), 0); /* the second's */
	t_units(s, 3, 0);
	killed(second);
	t_units(s, 3, 0);
}

static void past_max_changes_nothing(void)
{
	struct ipcfs_object *s = t_semaphore("s", 2, 4);
	struct t_call *other = holder(1);

	t_is(ipcfs_semaphore_hold(s, 1, 0), 0);
	t_units(s, 0, 2);
	t_is(ipcfs_semaphore_release(s, 5), -EOVERFLOW);
	t_units(s, 0, 2);
	t_is(ipcfs_semaphore_release(s, 0), -EINVAL);
	t_is(ipcfs_semaphore_release(s, UINT32_MAX), -EOVERFLOW);
	t_units(s, 0, 2);
	killed(other);
	t_is(ipcfs_semaphore_release(s, 4), -EOVERFLOW); /* one is the dead one's */
	t_units(s, 1, 1);
	t_is(ipcfs_semaphore_release(s, 3), 0);
	t_units(s, 4, 0);
}

/* As many as there are, as many as fit: what the view `tokens` needs. */
static void some(void)
{
	struct ipcfs_object *s = t_semaphore("s", 3, 5);
	struct ipcfs_op op = {.verb = IPCFS_V_ACQUIRE, .count = 100, .flags = IPCFS_OP_SOME};

	t_is(ipcfs_engine_shm.try(s, &op), 0);
	t_is(op.count, 3);
	op.count = 1;
	t_is(ipcfs_engine_shm.try(s, &op), -EAGAIN);
	op = (struct ipcfs_op){.verb = IPCFS_V_RELEASE, .count = 4, .flags = IPCFS_OP_SOME};
	t_is(ipcfs_engine_shm.try(s, &op), 0);
	t_is(op.count, 4);
	t_is(ipcfs_engine_shm.try(s, &op), 0);
	t_is(op.count, 1);
	t_is(ipcfs_semaphore_value(s), 5);
	op.count = 1;
	t_is(ipcfs_engine_shm.try(s, &op), -EOVERFLOW);
	/* the dead one's three come back, so one fits */
	t_is(ipcfs_semaphore_acquire(s, 1, 0), 0);
	killed(holder(3));
	op.count = 2;
	t_is(ipcfs_engine_shm.try(s, &op), 0);
	t_is(op.count, 1);
	t_units(s, 5, 0);
}

/* ---- the table --------------------------------------------------------------------------------- */

static int as_handle(struct ipcfs_object *s, enum ipcfs_verb verb, uint64_t handle)
{
	struct ipcfs_holder h = {.member = (uint64_t)member_self(t.store), .handle = handle};
	struct ipcfs_op op = {
		.verb = verb, .count = 1, .holder = &h, .flags = IPCFS_OP_HOLD | IPCFS_OP_TRYLOCK};

	return ipcfs_engine_shm.try(s, &op);
}

static void more_holders_than_there_is_room_for(void)
{
	struct ipcfs_object *s = t_semaphore("s", 2 * CLAIMS_MAX, 2 * CLAIMS_MAX);
	struct t_call *dead = holder(1);

	for (uint64_t i = 1; i < CLAIMS_MAX; i++)
		t_is(as_handle(s, IPCFS_V_ACQUIRE, i), 0);
	t_is(held(s), CLAIMS_MAX);
	t_is(as_handle(s, IPCFS_V_ACQUIRE, CLAIMS_MAX), -EAGAIN);
	t_is(as_handle(s, IPCFS_V_ACQUIRE, 7), 0); /* who has a claim may have more */
	t_is(ipcfs_semaphore_acquire(s, 1, 0), 0); /* nobody's need none */
	killed(dead);
	t_is(as_handle(s, IPCFS_V_ACQUIRE, CLAIMS_MAX), 0); /* the dead make room */
	t_is(as_handle(s, IPCFS_V_ACQUIRE, CLAIMS_MAX + 1), -EAGAIN);
	t_is(as_handle(s, IPCFS_V_LEAVE, 7), 0);
	t_is(as_handle(s, IPCFS_V_ACQUIRE, CLAIMS_MAX + 1), 0);
	t_is(as_handle(s, IPCFS_V_LEAVE, 7), 0); /* nothing to give back */
	t_units(s, 2 * CLAIMS_MAX - 1 - CLAIMS_MAX, CLAIMS_MAX);
	t_is(ipcfs_semaphore_release(s, CLAIMS_MAX), 0); /* charged to all of them */
	t_units(s, 2 * CLAIMS_MAX - 1, 0);
}

/* Claims of more units than there can be, as only a scribbler makes them. */
static void claims_that_cannot_be(void)
{
	static const uint64_t states[] = {5, UINT32_MAX, UINT64_MAX, 1ull << 63};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		char name[8];

		snprintf(name, sizeof(name), "s%zu", i);
		struct ipcfs_object *s = t_semaphore(name, 4, 4);
		t_is(ipcfs_semaphore_hold(s, 1, 0), 0);
		STORE(claim_at(s, 0)->state, states[i]);
		t_is(i % 2 ? ipcfs_semaphore_release(s, 1) : as_handle(s, IPCFS_V_LEAVE, 0),
		     -EUCLEAN);
		t_is(ipcfs_semaphore_acquire(s, 1, 0), -EUCLEAN);
		t_is(ipcfs_unlink(t.store, IPCFS_SEMAPHORE, name), 0);
	}
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(one_claim_a_process),
		T_TEST(arguments),
		T_TEST(a_killed_holder_gives_back),
		T_TEST(however_it_ends),
		T_TEST(a_fork_holds_nothing),
		T_TEST(the_last_close_gives_back),
		T_TEST(the_next_waiter_has_it_within_a_second),
		T_TEST(a_death_is_a_change),
		T_TEST(a_waiter_that_is_killed_holds_nothing),
		T_TEST(to_oneself_first),
		T_TEST(to_the_longest_holder),
		T_TEST(to_several_and_beyond),
		T_TEST(own_units_then_those_of_others),
		T_TEST(the_dead_pay_for_nothing),
		T_TEST(past_max_changes_nothing),
		T_TEST(some),
		T_TEST(more_holders_than_there_is_room_for),
		T_TEST(claims_that_cannot_be),
	};

	return T_RUN(tests);
}
