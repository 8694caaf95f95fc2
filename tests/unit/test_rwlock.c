/* SPDX-License-Identifier: MIT
 *
 * test_rwlock.c - locks through the library: one holder or many who share, tokens that only grow, who waits and how that
 * ends.
 */
#include "claim.h"
#include "t_core.h"

#include "t_rwlock.h"

/* ---- one process ------------------------------------------------------------------------------- */

static void one_holder(void)
{
	struct ipcfs_object *l = a_lock();
	uint64_t token = taken(l, 0);
	struct ipcfs_grant grant = {.token = 5};

	t_is(ipcfs_lock_acquire(l, 0, 0, &grant), -EAGAIN); /* this process waits as any other */
	t_is(ipcfs_lock_acquire(l, IPCFS_SHARED, 0, &grant), -EAGAIN);
	t_is(grant.token, 5);
	t_is(ipcfs_lock_release(l, token), 0);
	t_is(ipcfs_lock_release(l, token), -EPERM);
	t_check(taken(l, 0) == token + 1);
	t_is(ipcfs_lock_release(l, token), -EPERM); /* an old token is none */
	t_is(ipcfs_lock_release(l, token + 1), 0);
}

static void many_share(void)
{
	struct ipcfs_object *l = a_lock();
	uint64_t tokens[50];

	for (int i = 0; i < 50; i++) {
		tokens[i] = taken(l, IPCFS_SHARED);
		t_check(i == 0 || tokens[i] == tokens[i - 1] + 1);
	}
	for (int i = 0; i < 50; i++) {
		t_is(try(l, 0), -EAGAIN);
		t_is(ipcfs_lock_release(l, tokens[49 - i]), 0);
		t_is(ipcfs_lock_release(l, tokens[49 - i]), -EPERM);
	}
	t_is(try(l, 0), 0);
}

static void bad_arguments(void)
{
	struct ipcfs_object *l = a_lock();
	struct ipcfs_grant grant;
	uint64_t token = taken(l, 0);

	t_is(ipcfs_lock_acquire(l, 2, 0, &grant), -EINVAL);
	t_is(ipcfs_lock_acquire(l, IPCFS_SHARED | 4, 0, &grant), -EINVAL);
	t_is(ipcfs_lock_acquire(l, 0, 0, NULL), -EINVAL);
	t_is(ipcfs_lock_release(l, 0), -EPERM);
	t_is(ipcfs_lock_release(l, token + 1), -EPERM);
	t_is(ipcfs_lock_release(l, UINT64_MAX), -EPERM);
	t_is(ipcfs_lock_release(l, token), 0);
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == L)
			continue;
		t_is(ipcfs_lock_acquire(o, 0, 0, &grant), -EINVAL);
		t_is(ipcfs_lock_release(o, token), -EINVAL);
	}
	struct ipcfs_properties p = {.given = IPCFS_P_VALUE, .value = 1};
	struct ipcfs_object *none = NULL;
	t_is(ipcfs_open(t.store, L, "p", IPCFS_CREATE, 0600, &p, &none), -EINVAL);
}

static void tokens_grow_over_removal(void)
{
	uint64_t last = 0;

	for (int i = 0; i < 200; i++) {
		struct ipcfs_object *l = a_lock();

		for (int k = 0; k < 5; k++) {
			uint64_t token = taken(l, k % 2 ? IPCFS_SHARED : 0);

			t_check(token > last);
			last = token;
			t_is(ipcfs_lock_release(l, token), 0);
		}
		t_is(ipcfs_unlink(t.store, L, "l"), 0);
		ipcfs_close(t.objects[--t.object_count]);
	}
}

static int count_holder(void *arg, const struct ipcfs_holding *holding)
{
	t_is(holding->pid, getpid());
	t_is(holding->uid, geteuid());
	t_check(holding->token != 0 && holding->since_ns > 0);
	((int *)arg)[holding->shared]++;
	return 0;
}

static void stat_and_holders(void)
{
	struct ipcfs_object *l = a_lock();
	int n[2] = {0, 0};
	struct ipcfs_stat st;

	t_is(ipcfs_holders(l, count_holder, n), 0);
	t_is(n[0] + n[1], 0);
	uint64_t token = taken(l, 0);
	t_stat_of(l, &st);
	t_check(st.value == token && !st.abandoned);
	t_is(ipcfs_holders(l, count_holder, n), 0);
	t_check(n[0] == 1 && n[1] == 0);
	t_is(ipcfs_lock_release(l, token), 0);
	for (int i = 0; i < 3; i++)
		taken(l, IPCFS_SHARED);
	t_is(ipcfs_holders(l, count_holder, n), 0);
	t_check(n[0] == 1 && n[1] == 3);
}

static void changes_are_seen(void)
{
	struct ipcfs_object *l = a_lock();
	uint64_t changes = 0;

	t_is(ipcfs_wait_change(l, &changes, 0), -EAGAIN);
	uint64_t token = taken(l, 0);
	t_is(ipcfs_wait_change(l, &changes, 0), 0);
	t_is(try(l, 0), -EAGAIN);
	t_is(ipcfs_wait_change(l, &changes, 0), -EAGAIN); /* nothing has happened */
	t_is(ipcfs_lock_release(l, token), 0);
	t_is(ipcfs_wait_change(l, &changes, 0), 0);
}

/* ---- waiting ----------------------------------------------------------------------------------- */

static void a_release_wakes_the_next(void)
{
	struct ipcfs_object *l = a_lock();

	new_notes();
	for (int i = 0; i < 50; i++) {
		uint64_t token = taken(l, 0);
		struct t_call *call = t_start(call_of(acquire_and_release, i % 2));

		if (i % 3)
			t_until(t_asleep(call->pid));
		t_is(ipcfs_lock_release(l, token), 0);
		t_ends_with(call, 0);
		t_check(notes->token == token + 1);
	}
}

static void all_waiters_have_their_turn(void)
{
	enum { N = 20 };
	struct ipcfs_object *l = a_lock();
	struct t_call *calls[N];

	new_notes();
	uint64_t token = taken(l, 0);
	for (int i = 0; i < N; i++)
		calls[i] = a_waiter(i % 3 == 0 ? IPCFS_SHARED : 0);
	t_is(ipcfs_lock_release(l, token), 0);
	for (int i = 0; i < N; i++)
		t_ends_with(calls[i], 0);
	t_check(taken(l, 0) == token + N + 1);
}

static void who_shares_lets_in_who_wants_to_share(void)
{
	struct ipcfs_object *l = a_lock();
	struct t_call *calls[5];

	new_notes();
	uint64_t token = taken(l, 0);
	for (int i = 0; i < 5; i++)
		calls[i] = t_start_waiting(call_of(acquire_and_stay, IPCFS_SHARED));
	t_is(ipcfs_lock_release(l, token), 0);
	struct ipcfs_stat st;
	t_until(ipcfs_stat(l, &st) == 0 && st.value == token + 5); /* all, and none releases */
	for (int i = 0; i < 5; i++)
		t_kill(calls[i]->pid);
	t_is(try(l, 0), 0);
}

static void a_time_out(void)
{
	struct ipcfs_object *l = a_lock();
	struct ipcfs_grant grant;
	uint64_t token = taken(l, IPCFS_SHARED);

	int64_t start = t_now_ms();
	t_is(ipcfs_lock_acquire(l, 0, ipcfs_after(50 * T_MS), &grant), -ETIMEDOUT);
	t_check(t_now_ms() - start >= 49);
	/* who has given up keeps nobody waiting */
	t_is(LOAD(l->control->turn), 0);
	t_is(try(l, IPCFS_SHARED), 0);
	t_is(ipcfs_lock_acquire(l, 0, 1, &grant), -ETIMEDOUT); /* past long since */
	t_is(ipcfs_lock_release(l, token), 0);
}

static void do_nothing(int sig)
{
	(void)sig;
}

static void handle_signals(void)
{
	struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};

	sigaction(SIGUSR1, &action, NULL);
}

static void interrupted(void)
{
	struct ipcfs_object *l = a_lock();
	struct t_call given = call_of(acquire_and_release, 0);
	uint64_t token = taken(l, IPCFS_SHARED);

	new_notes();
	given.before = handle_signals;
	struct t_call *call = t_start_waiting(given);
	t_until(LOAD(l->control->turn)); /* it keeps those behind it waiting */
	t_is(try(l, IPCFS_SHARED), -EAGAIN);
	kill(call->pid, SIGUSR1);
	t_ends_with(call, -EINTR);
	t_check(taken(l, IPCFS_SHARED) == token + 1); /* not any longer, and it took nothing */
}

static void removed(void)
{
	struct ipcfs_object *l = a_lock();
	struct ipcfs_grant grant;
	uint64_t token = taken(l, 0);

	new_notes();
	struct t_call *one = a_waiter(0), *two = a_waiter(IPCFS_SHARED);
	t_is(ipcfs_unlink(t.store, L, "l"), 0);
	t_ends_with(one, -EIDRM);
	t_ends_with(two, -EIDRM);
	t_is(ipcfs_lock_release(l, token), -EIDRM);
	t_is(ipcfs_lock_acquire(l, 0, 0, &grant), -EIDRM);
	t_check(taken(a_lock(), 0) > token);
}

static void a_killed_waiter(void)
{
	struct ipcfs_object *l = a_lock();
	uint64_t token = taken(l, IPCFS_SHARED);

	new_notes();
	for (int i = 0; i < 10; i++) {
		struct t_call *call = a_waiter(0);

		t_kill(call->pid);
		t_check(taken(l, IPCFS_SHARED) == ++token); /* its turn ended with it */
	}
	t_check(!abandoned(l));
}

/* ---- nobody starves ---------------------------------------------------------------------------- */

/* Readers of whom there is always one inside. */
static int share_again_and_again(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *l = NULL;
	struct ipcfs_grant grant;

	(void)arg;
	t_is(ipcfs_open(store, L, "l", 0, 0, NULL, &l), 0);
	for (;;) {
		t_is(ipcfs_lock_acquire(l, IPCFS_SHARED, IPCFS_FOREVER, &grant), 0);
		usleep(300);
		t_is(ipcfs_lock_release(l, grant.token), 0);
		notes->rounds++;
	}
	return 0;
}

static void no_writer_is_starved(void)
{
	struct ipcfs_object *l = a_lock();
	struct ipcfs_grant grant;

	new_notes();
	for (int i = 0; i < 6; i++)
		t_fork(share_again_and_again, NULL);
	t_until(notes->rounds > 100);
	for (int i = 0; i < t_count(30); i++) {
		t_is(ipcfs_lock_acquire(l, 0, ipcfs_after(T_LIMIT_MS * T_MS), &grant), 0);
		t_is(ipcfs_lock_release(l, grant.token), 0);
	}
	int before = notes->rounds;
	t_until(notes->rounds > before + 100); /* and readers go on */
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(one_holder),
		T_TEST(many_share),
		T_TEST(bad_arguments),
		T_TEST(tokens_grow_over_removal),
		T_TEST(stat_and_holders),
		T_TEST(changes_are_seen),
		T_TEST(a_release_wakes_the_next),
		T_TEST(all_waiters_have_their_turn),
		T_TEST(who_shares_lets_in_who_wants_to_share),
		T_TEST(a_time_out),
		T_TEST(interrupted),
		T_TEST(removed),
		T_TEST(a_killed_waiter),
		T_TEST(no_writer_is_starved),
	};

	return T_RUN(tests);
}
