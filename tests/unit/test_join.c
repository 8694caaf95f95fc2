/* SPDX-License-Identifier: MIT
 *
 * test_join.c - done, join and close of queues, and who waits for them.
 */
#include "t_core.h"

#include "t_lease.h"

/* ---- one lease --------------------------------------------------------------------------------- */

static long put_call(struct ipcfs_object *o, long len, int64_t deadline_ns)
{
	return ipcfs_queue_put(o, buf, (size_t)len, deadline_ns);
}

static long join_call(struct ipcfs_object *o, long arg, int64_t deadline_ns)
{
	(void)arg;
	return ipcfs_queue_join(o, deadline_ns);
}

/* ---- done and join ----------------------------------------------------------------------------- */

static void done_is_not_declared_too_often(void)
{
	struct ipcfs_object *q = queue_of("q", 100);

	t_is(ipcfs_queue_join(q, 0), 0); /* nothing was ever put */
	t_is(ipcfs_queue_done(q, 1), -EOVERFLOW);
	t_is(ipcfs_queue_done(q, 0), -EINVAL);
	put(q, "a");
	put(q, "b");
	t_is(ipcfs_queue_done(q, 3), -EOVERFLOW);
	t_is(ipcfs_queue_done(q, UINT64_MAX), -EOVERFLOW);
	t_is(ipcfs_queue_join(q, 0), -EAGAIN);
	t_is(ipcfs_queue_done(q, 1), 0);
	gets(q, "a");
	gets(q, "b");
	t_is(ipcfs_queue_join(q, 1), -ETIMEDOUT);
	t_is(ipcfs_queue_done(q, 1), 0);
	t_is(ipcfs_queue_done(q, 1), -EOVERFLOW);
	t_is(ipcfs_queue_join(q, 0), 0);
	put(q, "c");
	t_is(ipcfs_queue_join(q, 0), -EAGAIN);
	t_is(ipcfs_queue_clear(q), 1); /* what is dropped is done */
	t_is(ipcfs_queue_join(q, 0), 0);
	put(q, "d");
	t_is(ipcfs_queue_done(q, 1), 0);
	t_is(ipcfs_queue_clear(q), 1); /* but not twice */
	t_is(unfinished(q), 0);
	put(q, "e");
	t_is(ipcfs_queue_done(q, 1), 0);
	t_is(ipcfs_queue_settle(q, leases(q, "e", 1)), 0);
	put(q, "f");
	t_is(unfinished(q), 1);
}

/* Readers, writers and joiners wait at one queue, and each class is woken by what it waits for. */
static void several_classes_wait_at_once(void)
{
	struct ipcfs_object *q = queue_of("q", 10);
	uint64_t id;

	put(q, "early");
	gets(q, "early"); /* never done before the end */
	put(q, "0123456789");
	id = leases(q, "0123456789", 1);
	struct t_call *reader = waiting(lease_call, 100), *writer = waiting(put_call, 10),
		      *joiner = waiting(join_call, 0), *other = waiting(get_call, 100);
	t_is(ipcfs_queue_settle(q, id), 0); /* room: the writer puts, one reader has it */
	t_ends_with(writer, 0);
	t_until(reader->result != T_UNDECIDED || other->result != T_UNDECIDED);
	t_is(joiner->result, T_UNDECIDED);
	if (reader->result != T_UNDECIDED) { /* it ended without `done`: the other has it */
		t_ends_with(reader, 1010);
		t_ends_with(other, 10);
	} else {
		t_ends_with(other, 10);
		t_is(reader->result, T_UNDECIDED);
	}
	t_is(joiner->result, T_UNDECIDED);
	t_is(ipcfs_queue_done(q, 2), 0);
	t_ends_with(joiner, 0);
}

enum { JOINERS = 50, WORKERS = 4 };

static struct joined {
	_Atomic int settled, tasks;
	_Atomic int early; /* joiners that came back before */
} * joined;

static long join_and_look(struct ipcfs_object *o, long arg, int64_t deadline_ns)
{
	int rc = ipcfs_queue_join(o, deadline_ns);

	(void)arg;
	if (rc == 0 && joined->settled != joined->tasks)
		joined->early++;
	return rc;
}

static int work(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *q = NULL;
	struct ipcfs_lease lease;

	t.seed = (uint64_t)(uintptr_t)arg;
	t_is(ipcfs_open(store, IPCFS_QUEUE, "q", 0, 0, NULL, &q), 0);
	while (ipcfs_queue_lease(q, buf, sizeof(buf), 0, &lease) > 0) {
		usleep((useconds_t)t_below(300));
		if (t_below(4) == 0) {
			t_is(t_again(ipcfs_queue_return(q, lease.id)), 0);
			continue;
		}
		joined->settled++; /* before: who is back from join must see it */
		t_is(t_again(ipcfs_queue_settle(q, lease.id)), 0);
	}
	return 0;
}

static void join_is_neither_early_nor_late(void)
{
	struct ipcfs_object *q = queue_of("q", 100000);
	struct t_call *w[JOINERS];
	pid_t workers[WORKERS];

	joined = t_shared(sizeof(*joined));
	joined->tasks = t_count(400);
	for (int i = 0; i < joined->tasks; i++)
		put(q, "task");
	for (int i = 0; i < JOINERS; i++)
		w[i] = t_start(
			(struct t_call){.name = "q", .function = join_and_look, .timeout_ns = -1});
	for (int i = 0; i < JOINERS; i++)
		t_until(t_asleep(w[i]->pid));
	for (int i = 0; i < WORKERS; i++)
		workers[i] = t_fork(work, (void *)(uintptr_t)(100 + i));
	for (int i = 0; i < WORKERS; i++)
		t_is(t_wait(workers[i]), 0);
	t_is(unfinished(q), 0);
	for (int i = 0; i < JOINERS; i++)
		t_ends_with(w[i], 0);
	t_is(joined->settled, joined->tasks);
	t_is(joined->early, 0);
}

/* Each end of the last message's way tells those who join. */
static void whatever_ends_the_last_one_ends_the_join(void)
{
	struct ipcfs_object *failed = queue_of("failed", 100),
			    *q = queue_with_dead("q", 1, "failed");

	t_check(failed);
	for (int how = 0; how < 4; how++) {
		put(q, "a");
		put(q, "b");
		struct t_call *w = waiting(join_call, 0);
		t_is(ipcfs_queue_settle(q, leases(q, "a", 1)), 0);
		if (how == 0)
			t_is(ipcfs_queue_settle(q, leases(q, "b", 1)), 0);
		else if (how == 1)
			t_is(ipcfs_queue_done(q, 1), 0);
		else if (how == 2)
			t_is(ipcfs_queue_clear(q), 1);
		else
			fail_once_more(q, "b", 1);
		t_ends_with(w, 0);
		ipcfs_queue_clear(q);
	}
}

/* ---- close ------------------------------------------------------------------------------------- */

static void a_closed_queue_is_drained(void)
{
	struct ipcfs_object *q = t_queue("q", 2, 100);
	struct iovec v = {buf, 10};
	struct ipcfs_stat st;
	struct ipcfs_lease lease;

	put(q, "a");
	put(q, "b");
	struct t_call *w = waiting(put_call, 10);
	t_is(ipcfs_queue_close(q), 0);
	t_ends_with(w, -EPIPE);
	t_is(ipcfs_queue_put(q, "c", 1, IPCFS_FOREVER), -EPIPE);
	t_is(ipcfs_queue_put_many(q, &v, 1, IPCFS_FOREVER), -EPIPE);
	t_is(ipcfs_queue_close(q), 0); /* once is enough */
	t_stat_of(q, &st);
	t_is(st.closed, true);
	t_is(st.messages, 2);
	gets(q, "a");
	gets(q, "b");
	t_is(ipcfs_queue_get(q, buf, 10, IPCFS_FOREVER), -ENODATA);
	t_is(ipcfs_queue_lease(q, buf, 10, IPCFS_FOREVER, &lease), -ENODATA);
	t_is(ipcfs_queue_get_many(q, &v, 1, IPCFS_FOREVER), -ENODATA);
	t_is(ipcfs_queue_peek(q, buf, 10), -ENODATA);
	t_is(ipcfs_queue_clear(q), 0);
	t_is(ipcfs_queue_done(q, 2), 0);
	t_is(ipcfs_queue_join(q, 0), 0);
}

static void close_tells_all_who_wait(void)
{
	enum { READERS = 10 };
	struct ipcfs_object *q = queue_of("q", 100);
	struct t_call *w[READERS];

	for (int i = 0; i < READERS; i++)
		w[i] = waiting(i % 2 ? get_call : lease_call, 100);
	t_is(ipcfs_queue_close(q), 0);
	for (int i = 0; i < READERS; i++)
		t_ends_with(w[i], -ENODATA);
}

/* What another has leased may come back. */
static void of_a_closed_queue_leases_are_waited_for(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	uint64_t a, b;

	put(q, "a");
	put(q, "bb");
	a = leases(q, "a", 1);
	b = leases(q, "bb", 1);
	t_is(ipcfs_queue_close(q), 0);
	struct t_call *first = waiting(lease_call, 100), *second = waiting(get_call, 100);
	t_is(ipcfs_queue_get(q, buf, 10, IPCFS_FOREVER),
	     -ENODATA); /* ours come back through us alone */
	t_is(ipcfs_queue_settle(q, b), 0);
	t_is(first->result, T_UNDECIDED);
	t_is(second->result, T_UNDECIDED);
	t_is(ipcfs_queue_return(q, a), 0);
	t_is(t_wait(first->pid),
	     0); /* if it has it, it ends with it, and so gives it to the other */
	t_is(t_wait(second->pid), 0);
	t_is(second->result, 1);
	t_check(first->result == -ENODATA || first->result == 2001);
	t_is(ipcfs_queue_get(q, buf, 10, 0), -ENODATA);
}

static void readiness(void)
{
	enum { R = 1 << IPCFS_C_READ, W = 1 << IPCFS_C_WRITE, J = 1 << IPCFS_C_JOIN };
	struct ipcfs_object *q = queue_of("q", 10000);
	uint64_t id;

	t_is(ready(q), W | J);
	put(q, "a");
	t_is(ready(q), R | W);
	id = leases(q, "a", 1);
	t_is(ready(q), W);
	t_is(ipcfs_queue_return(q, id), 0);
	t_is(ready(q), R | W);
	id = leases(q, "a", 2);
	t_is(ipcfs_queue_close(q), 0);
	t_is(ready(q), R | W | IPCFS_READY_HUP); /* a put fails at once */
	t_is(ipcfs_queue_settle(q, id), 0);
	t_is(ready(q), R | W | J | IPCFS_READY_HUP);
}

/* ---- waiting ----------------------------------------------------------------------------------- */

static void a_lease_waits_for_a_put(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	struct t_call *w = waiting(lease_call, 100);

	put(q, "abc");
	t_ends_with(w, 1003);
	t_is(messages(q), 1); /* it ended without `done` */
	leases(q, "abc", 2);
}

static void deadlines(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	struct ipcfs_lease lease;
	int64_t before = sys_now_ns();

	t_is(ipcfs_queue_lease(q, buf, 10, 0, &lease), -EAGAIN);
	t_is(ipcfs_queue_lease(q, buf, 10, ipcfs_after(20 * T_MS), &lease), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 20 * T_MS);
	put(q, "a");
	before = sys_now_ns();
	t_is(ipcfs_queue_join(q, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 20 * T_MS);
}

static void killed_waiters_lease_nothing(void)
{
	enum { READERS = 20 };
	struct ipcfs_object *q = queue_of("q", 1000);
	struct t_call *w[READERS];

	for (int i = 0; i < READERS; i++)
		w[i] = waiting(lease_call, 100);
	for (int i = 0; i < READERS; i++)
		if (i != 7)
			t_kill(w[i]->pid);
	put(q, "abc");
	t_ends_with(w[7], 1003);
	leases(q, "abc", 2); /* nobody else had it */
}

static void nothing(int number)
{
	(void)number;
}

static void handle_and_restart(void)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};

	sigaction(SIGUSR1, &action, NULL);
}

static void a_signal_handler_ends_the_wait(void)
{
	struct ipcfs_object *q = queue_of("q", 100);

	for (int i = 0; i < 2; i++) {
		if (i == 1)
			put(q, "a");
		struct t_call *call = t_start_waiting(
			(struct t_call){.name = "q",
					.function = i == 0 ? lease_call : join_call,
					.before = handle_and_restart,
					.arg = 100,
					.timeout_ns = -1});
		/* one that comes just before the sleep is not noticed */
		t_until(kill(call->pid, SIGUSR1) == 0 && call->result == -EINTR);
		t_ends_with(call, -EINTR);
	}
	leases(q, "a", 1); /* nobody had it before */
}

static void removal_ends_leases_and_joins(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	struct ipcfs_lease lease;
	uint64_t id;

	put(q, "a");
	id = leases(q, "a", 1);
	struct t_call *leaser = waiting(lease_call, 100), *joiner = waiting(join_call, 0);
	t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, "q"), 0);
	t_ends_with(leaser, -EIDRM);
	t_ends_with(joiner, -EIDRM);
	t_is(ipcfs_queue_settle(q, id), -EIDRM);
	t_is(ipcfs_queue_return(q, id), -EIDRM);
	t_is(ipcfs_queue_lease(q, buf, 10, 0, &lease), -EIDRM);
	t_is(ipcfs_queue_done(q, 1), -EIDRM);
	t_is(ipcfs_queue_join(q, 0), -EIDRM);
	t_is(ipcfs_queue_close(q), -EIDRM);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(done_is_not_declared_too_often),
		T_TEST(several_classes_wait_at_once),
		T_TEST(join_is_neither_early_nor_late),
		T_TEST(whatever_ends_the_last_one_ends_the_join),
		T_TEST(a_closed_queue_is_drained),
		T_TEST(close_tells_all_who_wait),
		T_TEST(of_a_closed_queue_leases_are_waited_for),
		T_TEST(readiness),
		T_TEST(a_lease_waits_for_a_put),
		T_TEST(deadlines),
		T_TEST(killed_waiters_lease_nothing),
		T_TEST(a_signal_handler_ends_the_wait),
		T_TEST(removal_ends_leases_and_joins),
	};

	return T_RUN(tests);
}
