/* SPDX-License-Identifier: MIT
 *
 * test_condition.c - conditions: armed waiters lose nothing, a full table, an inner lock that is not given back.
 */
#include "t_core.h"
#include "ticket.h"

#include "t_condition.h"

/* ---- one process ------------------------------------------------------------------------------- */

static void notified_between_arm_and_wait(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	uint64_t ticket = armed(c);

	t_is(ipcfs_condition_wait(c, ticket, 0), -EAGAIN);
	t_is(ipcfs_condition_notify(c, 1), 1);
	t_is(ipcfs_condition_wait(c, ticket, IPCFS_FOREVER), 0);
	t_is(ipcfs_condition_wait(c, ticket, 0), -EPERM); /* it is used up */
	t_is(ipcfs_condition_disarm(c, ticket), -EPERM);
}

static void with_nobody_waiting_it_is_lost(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);

	t_is(ipcfs_condition_notify(c, 5), 0);
	t_is(ipcfs_condition_notify_all(c), 0);
	t_is(ipcfs_condition_wait(c, armed(c), 0), -EAGAIN);
}

static void the_oldest_first(void)
{
	enum { N = 100 };
	struct ipcfs_object *c = t_object(C, "c", NULL);
	uint64_t tickets[N];

	for (int i = 0; i < N; i++)
		tickets[i] = armed(c);
	/* holes in the table: order is not place */
	for (int i = 0; i < N; i += 3) {
		t_is(ipcfs_condition_disarm(c, tickets[i]), 0);
		tickets[i] = 0;
	}
	for (int i = 0; i < N; i += 3)
		tickets[i] = armed(c);
	t_is(waiting(c), N);
	t_is(ipcfs_condition_notify(c, 40), 40);
	t_is(waiting(c), N - 40);
	for (int i = 0, old = 0; i < N; i++) {
		bool told = i % 3 && old < 40;

		old += i % 3 != 0;
		t_is(ipcfs_condition_wait(c, tickets[i], 0), told ? 0 : -EAGAIN);
	}
	t_is(ipcfs_condition_notify(c, N), N - 40);
}

static void all_are_notified(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	uint64_t tickets[20];

	for (int i = 0; i < 20; i++)
		tickets[i] = armed(c);
	t_is(ipcfs_condition_notify_all(c), 20);
	t_is(waiting(c), 0);
	uint64_t late = armed(c);
	for (int i = 0; i < 20; i++)
		t_is(ipcfs_condition_wait(c, tickets[i], 0), 0);
	t_is(ipcfs_condition_wait(c, late, 0), -EAGAIN);
}

static void a_time_out_ends_the_waiter(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	uint64_t ticket = armed(c);

	t_is(ipcfs_condition_wait(c, ticket, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_is(waiting(c), 0);
	t_is(ipcfs_condition_wait(c, ticket, 0), -EPERM);
	t_is(ipcfs_condition_wait(c, 0, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_is(waiting(c), 0);
	t_is(ipcfs_condition_wait(c, 0, 0), -EAGAIN);
	t_is(waiting(c), 0); /* who does not wait is not armed either */
	t_is(ipcfs_condition_notify(c, 1), 0);
}

/* A deadline that is past when the notification is there already: the look comes first. */
static void a_notification_beats_a_past_deadline(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	uint64_t ticket = armed(c);

	t_is(ipcfs_condition_notify(c, 1), 1);
	t_is(ipcfs_condition_wait(c, ticket, 1), 0);
}

static void a_notification_given_back_goes_to_the_next(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	uint64_t first = armed(c), second = armed(c), third = armed(c);

	t_is(ipcfs_condition_notify(c, 1), 1);
	t_is(ipcfs_condition_disarm(c, first), 0);
	t_is(ipcfs_condition_wait(c, third, 0), -EAGAIN);
	t_is(ipcfs_condition_disarm(c, second), 0);
	t_is(ipcfs_condition_wait(c, third, 0), 0);
	/* with nobody behind, it is gone */
	first = armed(c);
	t_is(ipcfs_condition_notify(c, 1), 1);
	t_is(ipcfs_condition_disarm(c, first), 0);
	t_is(ipcfs_condition_wait(c, armed(c), 0), -EAGAIN);
	/* one who has none leaves none */
	first = armed(c);
	t_is(ipcfs_condition_disarm(c, first), 0);
	t_is(waiting(c), 1);
}

static void what_was_for_all_is_not_passed_on(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	uint64_t first = armed(c), second = armed(c);

	t_is(ipcfs_condition_notify_all(c), 2);
	uint64_t late = armed(c);
	t_is(ipcfs_condition_disarm(c, first), 0);
	t_is(ipcfs_condition_wait(c, late, 0), -EAGAIN);
	t_is(ipcfs_condition_wait(c, second, 0), 0);
}

static void bad_arguments(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL), *other = t_object(C, "d", NULL);
	uint64_t ticket = armed(c);

	t_is(ipcfs_condition_notify(c, 0), -EINVAL);
	t_is(ipcfs_condition_disarm(c, 0), -EPERM);
	t_is(ipcfs_condition_wait(c, ticket + 1, 0), -EPERM);
	t_is(ipcfs_condition_wait(c, ticket + CLAIMS_MAX, 0), -EPERM);
	t_is(ipcfs_condition_wait(c, UINT64_MAX, 0), -EPERM);
	t_is(ipcfs_condition_wait(other, ticket, 0), -EPERM);
	t_is(waiting(c), 1);
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == C)
			continue;
		t_is(ipcfs_condition_arm(o, &ticket), -EINVAL);
		t_is(ipcfs_condition_wait(o, 1, 0), -EINVAL);
		t_is(ipcfs_condition_disarm(o, 1), -EINVAL);
		t_is(ipcfs_condition_notify(o, 1), -EINVAL);
		t_is(ipcfs_condition_notify_all(o), -EINVAL);
	}
}

static void changes_are_seen(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	uint64_t changes = 0, ticket = armed(c);

	t_is(ipcfs_wait_change(c, &changes, 0), 0);
	t_is(ipcfs_wait_change(c, &changes, 0), -EAGAIN);
	t_is(ipcfs_condition_notify(c, 1), 1);
	t_is(ipcfs_wait_change(c, &changes, 0), 0);
	t_is(ipcfs_condition_wait(c, ticket, 0), 0); /* as many wait after as before */
	t_is(ipcfs_wait_change(c, &changes, 0), -EAGAIN);
	t_is(ipcfs_condition_notify(c, 1), 0);
	t_is(ipcfs_wait_change(c, &changes, 0), -EAGAIN);
}

/* ---- a full table ------------------------------------------------------------------------------ */

static int fill_the_table(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *c = NULL;
	uint64_t ticket;
	int rc;

	(void)arg;
	t_is(ipcfs_open(store, C, "c", 0, 0, NULL, &c), 0);
	while ((rc = ipcfs_condition_arm(c, &ticket)) == 0)
		;
	t_is(rc, -EAGAIN);
	*child_ticket = ticket;
	for (;;)
		pause();
	return 0;
}

static void a_full_table(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	uint64_t ticket = armed(c), other;
	struct t_call *call;
	pid_t pid;

	if (!child_ticket)
		child_ticket = t_shared(sizeof(*child_ticket));
	*child_ticket = 0;
	pid = t_fork(fill_the_table, NULL);
	t_until(*child_ticket);
	t_is(waiting(c), IPCFS_PARTIES_MAX);
	t_is(ipcfs_condition_arm(c, &other), -EAGAIN);
	t_is(ipcfs_condition_wait(c, 0, ipcfs_after(10 * T_MS)), -ETIMEDOUT);
	/* one who waits for a place has it when one goes */
	call = a_waiter();
	t_is(ipcfs_condition_disarm(c, ticket), 0);
	t_until(waiting(c) == IPCFS_PARTIES_MAX);
	/* the dead make room, and are in nobody's way */
	t_kill(pid);
	t_is(ipcfs_condition_notify(c, 1), 1);
	t_ends_with(call, 0);
	t_is(waiting(c), 0);
	pid = t_fork(fill_the_table, NULL);
	t_until(waiting(c) == IPCFS_PARTIES_MAX);
	t_kill(pid);
	t_until(ipcfs_condition_arm(c, &other) == 0);
	t_is(waiting(c), 1);
	t_is(ipcfs_condition_notify_all(c), 1);
}

/* ---- an inner lock that is not given back ------------------------------------------------------ */

static int stop_inside(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *c = NULL;

	(void)arg;
	t_is(ipcfs_open(store, C, "c", 0, 0, NULL, &c), 0);
	t_is(obj_lock(c, IPCFS_FOREVER, false), 0);
	raise(SIGSTOP);
	obj_unlock(c, 0);
	return 0;
}

/* Who cannot even give up is as good as dead. */
static void given_up_without_the_lock(void)
{
	struct ipcfs_object *c = t_object(C, "c", NULL);
	struct t_call *call = t_start_waiting((struct t_call){
		.kind = C, .name = "c", .function = wait_call, .timeout_ns = 900 * T_MS});
	uint64_t ticket = armed(c);
	pid_t pid = t_fork(stop_inside, NULL);

	t_wait_stopped(pid);
	t_until(call->result != T_UNDECIDED);
	t_check(call->result == -EBUSY || call->result == -ETIMEDOUT);
	kill(pid, SIGCONT);
	t_is(t_wait(pid), 0);
	t_is(waiting(c), 1); /* its ticket is there still, but counts no more */
	t_is(ipcfs_condition_notify(c, 1), 1);
	t_is(ipcfs_condition_wait(c, ticket, 0), 0);
	t_is(waiting(c), 0);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(notified_between_arm_and_wait),
		T_TEST(with_nobody_waiting_it_is_lost),
		T_TEST(the_oldest_first),
		T_TEST(all_are_notified),
		T_TEST(a_time_out_ends_the_waiter),
		T_TEST(a_notification_beats_a_past_deadline),
		T_TEST(a_notification_given_back_goes_to_the_next),
		T_TEST(what_was_for_all_is_not_passed_on),
		T_TEST(bad_arguments),
		T_TEST(changes_are_seen),
		T_TEST(a_full_table),
		T_TEST(given_up_without_the_lock),
	};

	return T_RUN(tests);
}
