/* SPDX-License-Identifier: MIT
 *
 * test_barrier.c - barriers: all go on together, each with its index; who is killed or interrupted has not arrived;
 * abort, reset and time-outs; one generation after the other.
 */
#include "t_core.h"
#include "ticket.h"

#define B IPCFS_BARRIER

static long wait_call(struct ipcfs_object *o, long arg, int64_t deadline_ns)
{
	(void)arg;
	return ipcfs_barrier_wait(o, deadline_ns);
}

static struct t_call *a_party_for(int64_t timeout_ns)
{
	return t_start_waiting((struct t_call){
		.kind = B, .name = "b", .function = wait_call, .timeout_ns = timeout_ns});
}

/* A child that arrives and waits without limit. */
static struct t_call *a_party(void)
{
	return a_party_for(-1);
}

static struct ipcfs_stat stat_of(struct ipcfs_object *b)
{
	struct ipcfs_stat st;

	t_stat_of(b, &st);
	return st;
}

#define arrived(b) (long)stat_of(b).value

/* Steps of an arrival, for what a waiting call would hide. */
static uint64_t arrive(struct ipcfs_object *b)
{
	struct ipcfs_op op = {.verb = IPCFS_V_ARRIVE, .flags = IPCFS_OP_WAITS};

	t_is(ipcfs_engine_shm.try(b, &op), 0);
	t_check(op.token != 0);
	return op.token;
}

static long pass(struct ipcfs_object *b, uint64_t ticket)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PASS, .token = ticket};
	int rc = ipcfs_engine_shm.try(b, &op);

	return rc < 0 ? rc : (long)op.count;
}

/* ---- together ------------------------------------------------------------------------------------------- */

static void indices_in_order_of_arrival(void)
{
	struct ipcfs_object *b = t_barrier("b", 5);
	struct t_call *calls[4];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++) {
			calls[i] = a_party();
			t_is(arrived(b), i + 1);
		}
		t_is(stat_of(b).generation, round);
		t_is(ipcfs_barrier_wait(b, IPCFS_FOREVER), 4);
		for (int i = 0; i < 4; i++)
			t_ends_with(calls[i], i);
		t_is(arrived(b), 0);
		t_is(stat_of(b).generation, round + 1);
	}
}

static void of_one_party(void)
{
	struct ipcfs_object *b = t_barrier("b", 1);

	for (int i = 0; i < 3; i++) {
		t_is(ipcfs_barrier_wait(b, 0), 0);
		t_is(ipcfs_barrier_wait(b, IPCFS_FOREVER), 0);
	}
	t_is(stat_of(b).generation, 6);
}

static void who_does_not_wait_arrives_only_as_the_last(void)
{
	struct ipcfs_object *b = t_barrier("b", 2);

	t_is(ipcfs_barrier_wait(b, 0), -EAGAIN);
	t_is(arrived(b), 0);
	struct t_call *call = a_party();
	t_is(ipcfs_barrier_wait(b, 0), 1);
	t_ends_with(call, 0);
}

/* The next generation may arrive, and even complete, while slow ones have yet to look. */
static void the_next_generation_does_not_wait_for_the_slow(void)
{
	struct ipcfs_object *b = t_barrier("b", 3);
	uint64_t slow[3];

	for (int round = 0; round < 3; round++) {
		slow[round] = arrive(b);
		uint64_t quick = arrive(b);
		t_is(pass(b, slow[round]), -EAGAIN);
		t_is(ipcfs_barrier_wait(b, 0), 2);
		t_is(pass(b, quick), 1);
		t_is(pass(b, quick), -EPERM);
	}
	for (int round = 0; round < 3; round++)
		t_is(pass(b, slow[round]), 0);
	t_is(stat_of(b).generation, 3);
}

static void who_has_passed_has_passed(void)
{
	struct ipcfs_object *b = t_barrier("b", 2);
	uint64_t slow = arrive(b);

	t_is(ipcfs_barrier_wait(b, 0), 1);
	t_is(ipcfs_barrier_abort(b), 0);
	t_is(ipcfs_barrier_reset(b), 0);
	t_is(pass(b, slow), 0);
}

/* ---- not together ------------------------------------------------------------------------------------------ */

static void a_time_out_breaks_it(void)
{
	struct ipcfs_object *b = t_barrier("b", 4);
	struct t_call *patient = a_party(), *hasty = a_party_for(30 * T_MS);

	t_ends_with(hasty, -ETIMEDOUT);
	t_ends_with(patient, -ECANCELED);
	t_check(stat_of(b).broken);
	t_is(arrived(b), 0);
	t_is(ipcfs_barrier_wait(b, IPCFS_FOREVER), -ECANCELED);
	t_is(ipcfs_barrier_wait(b, 0), -ECANCELED);
	t_is(ipcfs_barrier_reset(b), 0);
	t_check(!stat_of(b).broken);
	t_is(ipcfs_barrier_wait(b, 0), -EAGAIN);
	t_is(stat_of(b).generation, 0);
}

static void abort_breaks_it(void)
{
	struct ipcfs_object *b = t_barrier("b", 3);
	struct t_call *one = a_party(), *two = a_party();

	t_is(ipcfs_barrier_abort(b), 0);
	t_ends_with(one, -ECANCELED);
	t_ends_with(two, -ECANCELED);
	t_is(ipcfs_barrier_wait(b, IPCFS_FOREVER), -ECANCELED);
	t_is(ipcfs_barrier_abort(b), 0); /* again: no error */
	t_check(stat_of(b).broken);
	t_is(ipcfs_barrier_reset(b), 0);
	one = a_party();
	two = a_party();
	t_is(ipcfs_barrier_wait(b, 0), 2);
	t_ends_with(one, 0);
	t_ends_with(two, 1);
}

static void reset_cancels_those_who_wait(void)
{
	struct ipcfs_object *b = t_barrier("b", 3);
	struct t_call *one = a_party();

	t_is(ipcfs_barrier_reset(b), 0);
	t_ends_with(one, -ECANCELED);
	t_check(!stat_of(b).broken);
	t_is(arrived(b), 0);
	one = a_party();
	struct t_call *two = a_party();
	t_is(ipcfs_barrier_wait(b, 0), 2);
	t_ends_with(one, 0);
	t_ends_with(two, 1);
}

static void reset_and_abort_change_only_what_is_to_be_changed(void)
{
	struct ipcfs_object *b = t_barrier("b", 3);
	uint64_t changes = stat_of(b).changes;

	t_is(ipcfs_barrier_reset(b), 0);
	t_is(ipcfs_wait_change(b, &changes, 0), -EAGAIN);
	t_is(ipcfs_barrier_abort(b), 0);
	t_is(ipcfs_wait_change(b, &changes, 0), 0);
	t_is(ipcfs_barrier_abort(b), 0);
	t_is(ipcfs_wait_change(b, &changes, 0), -EAGAIN);
}

static void the_killed_have_not_arrived(void)
{
	struct ipcfs_object *b = t_barrier("b", 4);
	struct t_call *calls[3];

	for (int i = 0; i < 3; i++)
		calls[i] = a_party();
	t_kill(calls[0]->pid);
	t_is(ipcfs_barrier_wait(b, 0), -EAGAIN); /* it would be the last, but for the death */
	t_is(arrived(b), 2);
	struct t_call *late = a_party();
	t_is(ipcfs_barrier_wait(b, 0), 3);
	t_ends_with(calls[1], 0); /* all have moved up by one */
	t_ends_with(calls[2], 1);
	t_ends_with(late, 2);
}

/* Killed after all had come, before he looked: the others are through, and he is in nobody's way. */
static void killed_on_the_way_out(void)
{
	struct ipcfs_object *b = t_barrier("b", 2);

	for (int i = 0; i < 10; i++) {
		struct t_call *call = a_party();

		kill(call->pid, SIGSTOP);
		t_is(ipcfs_barrier_wait(b, 0), 1);
		t_kill(call->pid);
		t_is(arrived(b), 0);
	}
	t_is(stat_of(b).generation, 10);
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

static void the_interrupted_have_not_arrived(void)
{
	struct ipcfs_object *b = t_barrier("b", 3);
	struct t_call *first = a_party();
	struct t_call *call = t_start_waiting((struct t_call){.kind = B,
							      .name = "b",
							      .function = wait_call,
							      .timeout_ns = -1,
							      .before = handle_signals});

	t_is(arrived(b), 2);
	kill(call->pid, SIGUSR1);
	t_ends_with(call, -EINTR);
	t_is(arrived(b), 1);
	t_check(!stat_of(b).broken);
	call = a_party();
	t_is(ipcfs_barrier_wait(b, 0), 2);
	t_ends_with(first, 0);
	t_ends_with(call, 1);
}

static void a_close_withdraws(void)
{
	struct ipcfs_object *b = t_barrier("b", 3), *again = NULL;
	struct ipcfs_store *store = t_open_store();

	t_is(ipcfs_open(store, B, "b", 0, 0, NULL, &again), 0);
	arrive(again);
	t_is(arrived(b), 1);
	ipcfs_close(again);
	t_is(arrived(b), 0);
	t_check(!stat_of(b).broken);
	ipcfs_store_close(store);
}

static void bad_arguments(void)
{
	struct ipcfs_object *b = t_barrier("b", 3);

	t_is(pass(b, 0), -EPERM);
	t_is(pass(b, UINT64_MAX), -EPERM);
	t_is(pass(b, arrive(b) + CLAIMS_MAX), -EPERM);
	t_is(arrived(b), 1);
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == B)
			continue;
		t_is(ipcfs_barrier_wait(o, 0), -EINVAL);
		t_is(ipcfs_barrier_abort(o), -EINVAL);
		t_is(ipcfs_barrier_reset(o), -EINVAL);
	}
}

/* An index that cannot be, or one arrival too many: somebody has scribbled. */
static void what_cannot_be_is_damage(void)
{
	struct ipcfs_object *b = t_barrier("b", 2);
	uint64_t ticket = arrive(b);

	STORE(claim_at(b, ticket % CLAIMS_MAX)->state, 2 | 7 << 8);
	t_is(pass(b, ticket), -EUCLEAN);
	b = t_barrier("c", 3);
	ticket = arrive(b);
	STORE(claim_at(b, ticket % CLAIMS_MAX)->state, 99);
	t_is(pass(b, ticket), -EUCLEAN);
}

static void the_largest(void)
{
	struct ipcfs_object *b = t_barrier("b", IPCFS_PARTIES_MAX);
	static uint64_t tickets[IPCFS_PARTIES_MAX];

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < IPCFS_PARTIES_MAX - 1; i++)
			tickets[i] = arrive(b);
		t_is(ipcfs_barrier_wait(b, 0), IPCFS_PARTIES_MAX - 1);
		for (unsigned i = 0; i < IPCFS_PARTIES_MAX - 1; i++)
			t_is(pass(b, tickets[i]), i);
	}
}

/* The table is full of those who have yet to look: who arrives waits for a place. */
static void no_place_to_arrive(void)
{
	struct ipcfs_object *b = t_barrier("b", IPCFS_PARTIES_MAX);
	static uint64_t tickets[IPCFS_PARTIES_MAX];

	for (unsigned i = 0; i < IPCFS_PARTIES_MAX - 1; i++)
		tickets[i] = arrive(b);
	t_is(ipcfs_barrier_wait(b, 0), IPCFS_PARTIES_MAX - 1);
	arrive(b);
	struct ipcfs_op op = {.verb = IPCFS_V_ARRIVE, .flags = IPCFS_OP_WAITS};
	t_is(ipcfs_engine_shm.try(b, &op), -EAGAIN);
	struct t_call *call = a_party();
	t_is(arrived(b), 1);
	t_is(pass(b, tickets[17]), 17);
	t_until(arrived(b) == 2);
	t_is(ipcfs_barrier_abort(b), 0);
	t_ends_with(call, -ECANCELED);
}

/* ---- many rounds ----------------------------------------------------------------------------------------------- */

enum { PARTIES = 5 };

struct race {
	long rounds;
	_Atomic long round[PARTIES];	  /* each one's, before it waits */
	_Atomic long indices[2][PARTIES]; /* who had which, by even and odd rounds */
};
static struct race *race;

static long run(struct ipcfs_object *b, int me)
{
	for (long round = 1; round <= race->rounds; round++) {
		race->round[me] = round;
		int index = ipcfs_barrier_wait(b, IPCFS_FOREVER);

		t_check(index >= 0 && index < PARTIES);
		/* all have come this far, and nobody further than one round */
		for (int i = 0; i < PARTIES; i++)
			t_check(race->round[i] == round || race->round[i] == round + 1);
		t_is(atomic_exchange(&race->indices[round % 2][index], round) != round, true);
	}
	return 0;
}

static int run_child(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *b = NULL;

	t_is(ipcfs_open(store, B, "b", 0, 0, NULL, &b), 0);
	return (int)run(b, *(int *)arg);
}

static void *run_thread(void *arg)
{
	run(t.objects[0], *(int *)arg);
	return NULL;
}

static void many_rounds_of_processes_and_threads(void)
{
	int numbers[PARTIES] = {0, 1, 2, 3, 4};
	pthread_t threads[2];
	pid_t pids[3];

	race = t_shared(sizeof(*race));
	race->rounds = t_count(1000);
	t_barrier("b", PARTIES);
	for (int i = 0; i < 3; i++)
		pids[i] = t_fork(run_child, &numbers[i]);
	for (int i = 0; i < 2; i++)
		t_is(pthread_create(&threads[i], NULL, run_thread, &numbers[3 + i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 3; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(stat_of(t.objects[0]).generation, race->rounds);
	munmap(race, sizeof(*race));
}

/* Two of three are killed at any moment and replaced: rounds go on, and never with fewer than three. */
static int arrive_for_ever(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *b = NULL;

	(void)arg;
	t_is(ipcfs_open(store, B, "b", 0, 0, NULL, &b), 0);
	for (;;)
		t_check(ipcfs_barrier_wait(b, IPCFS_FOREVER) >= 0);
	return 0;
}

static void killed_at_any_moment(void)
{
	struct ipcfs_object *b = t_barrier("b", 3);
	pid_t pids[2] = {t_fork(arrive_for_ever, NULL), t_fork(arrive_for_ever, NULL)};

	for (int i = 0; i < t_count(100); i++) {
		for (uint64_t n = t_below(20); n > 0; n--)
			t_check(ipcfs_barrier_wait(b, IPCFS_FOREVER) >= 0);
		t_kill(pids[i % 2]);
		pids[i % 2] = t_fork(arrive_for_ever, NULL);
	}
	t_kill(pids[0]);
	t_kill(pids[1]);
	t_is(ipcfs_barrier_wait(b, 0), -EAGAIN);
	struct ipcfs_op op = {.verb = IPCFS_V_READY}; /* as a server asks when somebody has died */
	t_is(ipcfs_engine_shm.try(b, &op), 0);
	t_is(arrived(b), 0);
	t_check(!stat_of(b).broken);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(indices_in_order_of_arrival),
		T_TEST(of_one_party),
		T_TEST(who_does_not_wait_arrives_only_as_the_last),
		T_TEST(the_next_generation_does_not_wait_for_the_slow),
		T_TEST(who_has_passed_has_passed),
		T_TEST(a_time_out_breaks_it),
		T_TEST(abort_breaks_it),
		T_TEST(reset_cancels_those_who_wait),
		T_TEST(reset_and_abort_change_only_what_is_to_be_changed),
		T_TEST(the_killed_have_not_arrived),
		T_TEST(killed_on_the_way_out),
		T_TEST(the_interrupted_have_not_arrived),
		T_TEST(a_close_withdraws),
		T_TEST(bad_arguments),
		T_TEST(what_cannot_be_is_damage),
		T_TEST(the_largest),
		T_TEST(no_place_to_arrive),
		T_TEST(many_rounds_of_processes_and_threads),
		T_TEST(killed_at_any_moment),
	};

	return T_RUN(tests);
}
