/* SPDX-License-Identifier: MIT
 *
 * test_rwlock.c - locks through the library: one holder or many who share, tokens that only grow, who waits and
 * how that ends, what a death, a fork and a close mean.
 */
#include "claim.h"
#include "t_core.h"

#define L IPCFS_LOCK

static struct ipcfs_object *a_lock(void)
{
	return t_object(L, "l", NULL);
}

/* Acquires at once. Gives the token. */
static uint64_t taken(struct ipcfs_object *l, unsigned flags)
{
	struct ipcfs_grant grant = {0};

	t_is(t_again(ipcfs_lock_acquire(l, flags, 0, &grant)), 0);
	t_check(grant.token != 0);
	return grant.token;
}

static long try(struct ipcfs_object *l, unsigned flags)
{
	struct ipcfs_grant grant;

	return t_again(ipcfs_lock_acquire(l, flags, 0, &grant));
}

static bool abandoned(struct ipcfs_object *l)
{
	struct ipcfs_stat st;

	t_stat_of(l, &st);
	return st.abandoned;
}

/* What children tell. */
struct notes {
	_Atomic uint64_t token;
	_Atomic bool abandoned, go;
	_Atomic int rounds, inside, wrong;
};

static struct notes *notes;

static struct notes *new_notes(void)
{
	notes = t_shared(sizeof(*notes));
	return notes;
}

/* ---- one process ------------------------------------------------------------------------------------- */

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

/* ---- waiting ------------------------------------------------------------------------------------------ */

/* Acquires, tells, and does no more. */
static long acquire_and_stay(struct ipcfs_object *l, long flags, int64_t deadline_ns)
{
	struct ipcfs_grant grant;
	int rc = ipcfs_lock_acquire(l, (unsigned)flags, deadline_ns, &grant);

	if (rc < 0)
		return rc;
	notes->abandoned = grant.abandoned;
	notes->token = grant.token;
	for (;;)
		pause();
	return 0;
}

static long acquire_and_release(struct ipcfs_object *l, long flags, int64_t deadline_ns)
{
	struct ipcfs_grant grant;
	int rc = ipcfs_lock_acquire(l, (unsigned)flags, deadline_ns, &grant);

	if (rc < 0)
		return rc;
	notes->abandoned = grant.abandoned;
	notes->token = grant.token;
	return ipcfs_lock_release(l, grant.token);
}

static struct t_call call_of(long (*function)(struct ipcfs_object *, long, int64_t), unsigned flags)
{
	return (struct t_call){
		.kind = L, .name = "l", .function = function, .arg = flags, .timeout_ns = -1};
}

static struct t_call *a_waiter(unsigned flags)
{
	return t_start_waiting(call_of(acquire_and_release, flags));
}

static struct t_call *a_holder(unsigned flags)
{
	notes->token = 0;
	struct t_call *call = t_start(call_of(acquire_and_stay, flags));
	t_until(notes->token);
	return call;
}

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

/* ---- nobody starves -------------------------------------------------------------------------------------- */

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

/* ---- deaths ------------------------------------------------------------------------------------------------ */

static void a_death_is_told_until_a_clean_release(void)
{
	struct ipcfs_object *l = a_lock();
	struct ipcfs_grant grant;

	new_notes();
	t_kill(a_holder(0)->pid);
	t_check(abandoned(l)); /* before anybody has taken it back, too */
	uint64_t token = notes->token;
	t_is(ipcfs_lock_acquire(l, IPCFS_SHARED, 0, &grant), 0);
	t_check(grant.token == token + 1 && grant.abandoned);
	t_is(ipcfs_lock_release(l, grant.token), 0); /* who only reads mends nothing */
	t_kill(a_holder(0)->pid);
	t_check(notes->abandoned);
	t_is(ipcfs_lock_acquire(l, 0, 0, &grant), 0);
	t_check(grant.abandoned);
	t_is(ipcfs_lock_release(l, grant.token), 0);
	t_check(!abandoned(l));
	t_is(ipcfs_lock_acquire(l, 0, 0, &grant), 0);
	t_check(!grant.abandoned);
}

/* No server runs: who waits finds out by himself. */
static void a_waiter_has_it_after_a_death(void)
{
	struct ipcfs_object *l = a_lock();

	new_notes();
	for (int shared = 0; shared < 2; shared++) {
		struct t_call *holder = a_holder(shared ? IPCFS_SHARED : 0);
		struct t_call *waiter = a_waiter(0);

		t_kill(holder->pid);
		t_ends_with(waiter, 0);
		t_is(notes->abandoned, !shared); /* a reader can have broken nothing */
	}
	t_is(try(l, 0), 0);
}

static long acquire_and_exit(struct ipcfs_object *l, long flags, int64_t deadline_ns)
{
	struct ipcfs_grant grant;

	return ipcfs_lock_acquire(l, (unsigned)flags, deadline_ns, &grant);
}

static void an_end_while_holding_is_a_death(void)
{
	struct ipcfs_object *l = a_lock();

	t_ends_with(t_start(call_of(acquire_and_exit, 0)), 0);
	struct ipcfs_grant grant;
	t_is(ipcfs_lock_acquire(l, 0, 0, &grant), 0);
	t_check(grant.abandoned);
}

static void the_dead_among_those_who_share(void)
{
	struct ipcfs_object *l = a_lock();
	struct t_call *calls[6];

	new_notes();
	for (int i = 0; i < 6; i++)
		calls[i] = a_holder(IPCFS_SHARED);
	struct t_call *writer = a_waiter(0);
	for (int i = 0; i < 6; i++) {
		t_is(writer->result, T_UNDECIDED);
		t_kill(calls[i]->pid);
	}
	t_ends_with(writer, 0);
	t_is(try(l, 0), 0);
}

/* ---- fork, threads, close ---------------------------------------------------------------------------------- */

struct inherited {
	struct ipcfs_object *l;
	uint64_t token;
};

static int use_parents_lock(void *arg)
{
	struct inherited *in = arg;
	struct ipcfs_grant grant;

	t_is(ipcfs_lock_release(in->l, in->token), -EPERM);
	t_is(ipcfs_lock_acquire(in->l, 0, 0, &grant), -EAGAIN);
	ipcfs_close(in->l); /* gives back nothing of the parent's */
	return 0;
}

static void a_forked_child_holds_nothing(void)
{
	struct inherited in = {.l = a_lock()};

	in.token = taken(in.l, 0);
	t_is(t_wait(t_fork(use_parents_lock, &in)), 0);
	t_is(try(in.l, 0), -EAGAIN);
	t_is(ipcfs_lock_release(in.l, in.token), 0);
	t_check(!abandoned(in.l));
}

static long close_and_stay(struct ipcfs_object *l, long twice, int64_t deadline_ns)
{
	struct ipcfs_object *again = NULL;
	struct ipcfs_grant grant;

	t_is(ipcfs_lock_acquire(l, 0, deadline_ns, &grant), 0);
	if (twice)
		t_is(ipcfs_open(l->store, L, "l", 0, 0, NULL, &again), 0);
	notes->token = grant.token;
	t_until(notes->go);
	ipcfs_close(l);
	notes->rounds = 1;
	t_until(!twice || !notes->go);
	if (twice)
		ipcfs_close(again);
	notes->rounds = 2;
	for (;;)
		pause();
	return 0;
}

static void the_last_close_releases(void)
{
	struct ipcfs_object *l = a_lock();

	for (int twice = 0; twice < 2; twice++) {
		struct t_call given = call_of(close_and_stay, (unsigned)twice);
		new_notes();
		struct t_call *call = t_start(given);
		t_until(notes->token);
		t_is(try(l, 0), -EAGAIN);
		notes->go = true;
		t_until(notes->rounds >= 1);
		if (twice)
			t_is(try(l, 0), -EAGAIN); /* it is open still */
		notes->go = false;
		t_until(notes->rounds == 2);
		uint64_t token = taken(l, 0);
		t_check(!abandoned(l)); /* who closes lives */
		t_is(ipcfs_lock_release(l, token), 0);
		t_kill(call->pid);
	}
}

/* The sum of plain additions is right only if nobody else was inside. */
struct part {
	struct ipcfs_object *l;
	long *plain;
	int rounds, index;
};

static void *add_in_turn(void *arg)
{
	const struct part *p = arg;
	struct ipcfs_grant grant;
	uint64_t last = 0;

	for (int i = 0; i < p->rounds; i++) {
		bool reads = (i + p->index) % 4 == 0;

		t_is(ipcfs_lock_acquire(p->l, reads ? IPCFS_SHARED : 0, IPCFS_FOREVER, &grant), 0);
		t_check(grant.token > last && !grant.abandoned);
		last = grant.token;
		long before = *p->plain;
		if (!reads)
			*p->plain = before + 1;
		else
			t_check(*p->plain == before);
		t_is(ipcfs_lock_release(p->l, grant.token), 0);
	}
	return NULL;
}

static int in_threads(void *arg)
{
	enum { THREADS = 4 };
	struct part parts[THREADS];
	pthread_t ids[THREADS];
	struct part *whole = arg;
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *l = NULL;

	t_is(ipcfs_open(store, L, "l", 0, 0, NULL, &l), 0);
	for (int i = 0; i < THREADS; i++) {
		parts[i] = *whole;
		parts[i].index = i;
		parts[i].l = l;
		t_is(pthread_create(&ids[i], NULL, add_in_turn, &parts[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	return 0;
}

static void threads_and_processes_exclude_each_other(void)
{
	enum { PROCESSES = 3 };
	int rounds = t_count(400) / 4 * 4;
	struct part part = {.l = a_lock(), .plain = t_shared(sizeof(long)), .rounds = rounds};
	pid_t pids[PROCESSES];

	for (int i = 0; i < PROCESSES; i++)
		pids[i] = t_fork(in_threads, &part);
	in_threads(&part);
	for (int i = 0; i < PROCESSES; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(*part.plain, (PROCESSES + 1) * 4 * (rounds / 4 * 3));
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
		T_TEST(a_death_is_told_until_a_clean_release),
		T_TEST(a_waiter_has_it_after_a_death),
		T_TEST(an_end_while_holding_is_a_death),
		T_TEST(the_dead_among_those_who_share),
		T_TEST(a_forked_child_holds_nothing),
		T_TEST(the_last_close_releases),
		T_TEST(threads_and_processes_exclude_each_other),
	};

	return T_RUN(tests);
}
