/* SPDX-License-Identifier: MIT
 *
 * test_condition_wait.c - conditions: the oldest are notified first, and what the dead and those who give up have not fetched goes to
 * the next.
 */
#include "t_core.h"
#include "ticket.h"

#include "t_condition.h"

/* ---- processes and threads --------------------------------------------------------------------- */

static void sleepers_are_woken(void)
{
	enum { N = 40 }; /* more than there are bits of a wake-up */
	struct ipcfs_object *c = t_object(C, "c", NULL);
	struct t_call *calls[N];

	for (int i = 0; i < N; i++)
		calls[i] = a_waiter();
	t_is(waiting(c), N);
	for (int i = 0; i < 5; i++) {
		t_is(ipcfs_condition_notify(c, 1), 1);
		t_ends_with(calls[i], 0);
	}
	t_is(calls[5]->result, T_UNDECIDED);
	t_is(ipcfs_condition_notify(c, 5), 5);
	for (int i = 5; i < 10; i++)
		t_ends_with(calls[i], 0);
	t_is(ipcfs_condition_notify_all(c), N - 10);
	for (int i = 10; i < N; i++)
		t_ends_with(calls[i], 0);
}

static void a_waiter_woken_for_nothing_waits_on(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	struct t_call *call = a_waiter();

	for (int i = 0; i < 100; i++) {
		atomic_fetch_add(&c->control->seq[IPCFS_C_READ], 1);
		sys_futex_wake(&c->control->seq[IPCFS_C_READ], 100);
	}
	t_until(t_asleep(call->pid));
	t_is(call->result, T_UNDECIDED);
	t_is(ipcfs_condition_notify(c, 1), 1);
	t_ends_with(call, 0);
}

static void the_dead_are_not_notified(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	struct t_call *calls[10];

	for (int i = 0; i < 10; i++)
		calls[i] = a_waiter();
	for (int i = 0; i < 10; i += 2)
		t_kill(calls[i]->pid);
	t_is(ipcfs_condition_notify(c, 2), 2);
	t_ends_with(calls[1], 0);
	t_ends_with(calls[3], 0);
	t_is(ipcfs_condition_notify_all(c), 3);
	for (int i = 5; i < 10; i += 2)
		t_ends_with(calls[i], 0);
	t_is(waiting(c), 0);
}

static int arm_and_stay(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *c = NULL;

	(void)arg;
	t_is(ipcfs_open(store, C, "c", 0, 0, NULL, &c), 0);
	*child_ticket = armed(c);
	for (;;)
		pause();
	return 0;
}

static pid_t an_armed_child(void)
{
	pid_t pid;

	if (!child_ticket)
		child_ticket = t_shared(sizeof(*child_ticket));
	*child_ticket = 0;
	pid = t_fork(arm_and_stay, NULL);
	t_until(*child_ticket);
	return pid;
}

static void a_notification_of_the_dead_goes_to_the_next(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	pid_t child = an_armed_child();
	struct t_call *call = a_waiter(); /* looks each second */
	uint64_t ticket = armed(c);

	t_is(ipcfs_condition_notify(c, 1), 1);
	t_is(ipcfs_condition_wait(c, ticket, 0), -EAGAIN);
	t_kill(child);
	t_ends_with(call, 0);
	t_is(ipcfs_condition_wait(c, ticket, 0), -EAGAIN); /* once */
}

static void a_death_is_found_by_who_waits_alone(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	pid_t child = an_armed_child();
	uint64_t ticket = armed(c);

	t_is(ipcfs_condition_notify(c, 1), 1);
	t_kill(child);
	t_is(ipcfs_condition_wait(c, ticket, ipcfs_after(T_LIMIT_MS * T_MS)), 0);
}

static int close_it(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *c = NULL;

	(void)arg;
	t_is(ipcfs_open(store, C, "c", 0, 0, NULL, &c), 0);
	armed(c);
	*child_ticket = armed(c);
	t_until(*child_ticket == 1); /* notified meanwhile */
	ipcfs_close(c);
	*child_ticket = 2;
	for (;;)
		pause();
	return 0;
}

static void a_close_passes_on(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);

	if (!child_ticket)
		child_ticket = t_shared(sizeof(*child_ticket));
	*child_ticket = 0;
	t_fork(close_it, NULL);
	t_until(*child_ticket);
	uint64_t ticket = armed(c), other = armed(c);
	t_is(ipcfs_condition_notify(c, 1), 1);
	t_is(waiting(c), 3);
	*child_ticket = 1;
	t_until(*child_ticket == 2);
	t_is(ipcfs_condition_wait(c, ticket, 0), 0);
	t_is(ipcfs_condition_wait(c, other, 0), -EAGAIN);
	t_is(waiting(c), 1);
}

static int use_parents_ticket(void *arg)
{
	struct ipcfs_object *c = arg;

	t_is(ipcfs_condition_wait(c, *child_ticket, 0), -EPERM);
	t_is(ipcfs_condition_disarm(c, *child_ticket), -EPERM);
	ipcfs_close(c); /* gives back nothing of the parent's */
	return 0;
}

static void a_ticket_is_not_inherited(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);

	if (!child_ticket)
		child_ticket = t_shared(sizeof(*child_ticket));
	*child_ticket = armed(c);
	t_is(t_wait(t_fork(use_parents_ticket, c)), 0);
	t_is(ipcfs_condition_notify(c, 1), 1);
	t_is(ipcfs_condition_wait(c, *child_ticket, 0), 0);
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

/* 0: it came with the ticket that was interrupted. */
static long wait_on_after_eintr(struct ipcfs_object *o, long arg, int64_t deadline_ns)
{
	uint64_t ticket = armed(o);

	(void)arg;
	t_is(ipcfs_condition_wait(o, ticket, deadline_ns), -EINTR);
	*child_ticket = ticket;
	return ipcfs_condition_wait(o, ticket, deadline_ns);
}

static void interrupted(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	struct t_call given = {.kind = C,
			       .name = "c",
			       .function = wait_call,
			       .timeout_ns = -1,
			       .before = handle_signals};
	struct t_call *call = t_start_waiting(given);

	kill(call->pid, SIGUSR1);
	t_ends_with(call, -EINTR);
	t_is(waiting(c), 0);
	if (!child_ticket)
		child_ticket = t_shared(sizeof(*child_ticket));
	*child_ticket = 0;
	given.function = wait_on_after_eintr;
	call = t_start_waiting(given);
	kill(call->pid, SIGUSR1);
	t_until(*child_ticket);
	t_is(ipcfs_condition_notify(c, 1), 1); /* before it waits again, or after */
	t_ends_with(call, 0);
}

struct thread {
	struct ipcfs_object *c;
	_Atomic pid_t tid;
	long result;
};

static void *wait_in_thread(void *arg)
{
	struct thread *thread = arg;

	thread->tid = (pid_t)syscall(SYS_gettid);
	thread->result = ipcfs_condition_wait(thread->c, 0, IPCFS_FOREVER);
	return NULL;
}

static void threads_of_one_process_wait_each_for_its_own(void)
{
	enum { N = 8 };
	struct ipcfs_object *c = t_object(C, "c", NULL);
	struct thread threads[N];
	pthread_t ids[N];

	for (int i = 0; i < N; i++) {
		threads[i] = (struct thread){.c = c, .result = T_UNDECIDED};
		t_is(pthread_create(&ids[i], NULL, wait_in_thread, &threads[i]), 0);
		t_until(waiting(c) == i + 1);
	}
	for (int i = 0; i < N; i++) {
		t_is(ipcfs_condition_notify(c, 1), 1);
		pthread_join(ids[i], NULL);
		t_is(threads[i].result, 0);
	}
}

/* ---- many rounds ------------------------------------------------------------------------------- */

struct game {
	_Atomic long armed, got;
	long rounds;
	uint64_t seed;
};

/* Arms, tells, and waits after a moment that differs. */
static int wait_again_and_again(void *arg)
{
	struct game *game = arg;
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *c = NULL;

	t_is(ipcfs_open(store, C, "c", 0, 0, NULL, &c), 0);
	for (long i = 1; i <= game->rounds; i++) {
		uint64_t ticket = 0;

		t_is(t_again(ipcfs_condition_arm(c, &ticket)), 0);
		game->armed = i;
		for (uint64_t n = t_random_of(&game->seed) % 3; n > 0; n--)
			sched_yield();
		t_is(ipcfs_condition_wait(c, ticket, ipcfs_after(T_LIMIT_MS * T_MS)), 0);
		game->got = i;
	}
	return 0;
}

/* As t_until, without its sleeps. */
static void is_soon(_Atomic long *number, long value)
{
	for (int64_t end = t_now_ms() + T_LIMIT_MS; *number != value; sched_yield())
		if (t_now_ms() > end)
			t_fail("never came: %ld", value);
}

static void nothing_is_lost_between_arm_and_wait(void)
{
	struct game *game = t_shared(sizeof(*game));
	struct ipcfs_object *c = t_object(C, "c", NULL);
	pid_t pid;

	*game = (struct game){.rounds = t_count(10000), .seed = 1};
	pid = t_fork(wait_again_and_again, game);
	for (long i = 1; i <= game->rounds; i++) {
		is_soon(&game->armed, i);
		t_is(t_again(ipcfs_condition_notify(c, 1)), 1);
		is_soon(&game->got, i);
	}
	t_is(t_wait(pid), 0);
	munmap(game, sizeof(*game));
}

/* What a server does when somebody has died. */
static void sweep(struct ipcfs_object *c)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READY};

	t_is(ipcfs_engine_shm.try(c, &op), 0);
}

/* Several wait, killed and replaced; each notification that was told to be given reaches somebody who lives, or
 * died with it. */
static void waiters_that_are_killed_take_nothing_along(void)
{
	enum { N = 4 };
	struct ipcfs_object *c = t_object(C, "c", NULL);
	struct t_call *calls[N + 1];

	for (int round = 0; round < t_count(5); round++) {
		for (int i = 0; i < N; i++)
			calls[i] = a_waiter();
		pid_t child = an_armed_child(); /* the last in line */
		uint64_t last = armed(c);

		for (int i = 0; i < N; i++)
			kill(calls[i]->pid, SIGSTOP);
		t_is(ipcfs_condition_notify(c, N), N);
		for (int i = 0; i < N; i++)
			t_kill(calls[i]->pid);
		/* four notifications, and only two are left */
		t_is(ipcfs_condition_wait(c, last, ipcfs_after(T_LIMIT_MS * T_MS)), 0);
		t_kill(child);
		sweep(c); /* nobody is there to whom the child's could go: it is gone, too */
		t_is(ipcfs_condition_notify_all(c), 0);
		t_is(waiting(c), 0);
		t.call_count = 0;
	}
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(sleepers_are_woken),
		T_TEST(a_waiter_woken_for_nothing_waits_on),
		T_TEST(the_dead_are_not_notified),
		T_TEST(a_notification_of_the_dead_goes_to_the_next),
		T_TEST(a_death_is_found_by_who_waits_alone),
		T_TEST(a_close_passes_on),
		T_TEST(a_ticket_is_not_inherited),
		T_TEST(interrupted),
		T_TEST(threads_of_one_process_wait_each_for_its_own),
		T_TEST(nothing_is_lost_between_arm_and_wait),
		T_TEST(waiters_that_are_killed_take_nothing_along),
	};

	return T_RUN(tests);
}
