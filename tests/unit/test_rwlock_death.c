/* SPDX-License-Identifier: MIT
 *
 * test_rwlock_death.c - locks through the library: what a death, a fork and a close mean.
 */
#include "claim.h"
#include "t_core.h"

#include "t_rwlock.h"

/* ---- waiting ----------------------------------------------------------------------------------- */

static struct t_call *a_holder(unsigned flags)
{
	notes->token = 0;
	struct t_call *call = t_start(call_of(acquire_and_stay, flags));
	t_until(notes->token);
	return call;
}

/* ---- deaths ------------------------------------------------------------------------------------ */

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

/* ---- fork, threads, close ---------------------------------------------------------------------- */

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
