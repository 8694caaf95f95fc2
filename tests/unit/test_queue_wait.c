/* SPDX-License-Identifier: MIT
 *
 * test_queue_wait.c - queues: waiting and being woken, interrupts.
 */
#include "t_core.h"

/* ---- waiting ----------------------------------------------------------------------------------- */

static void deadlines(void)
{
	struct ipcfs_object *q = t_queue("q", 1, 10);
	char buf[10];
	int64_t before;

	t_is(ipcfs_queue_get(q, buf, 10, 0), -EAGAIN);
	t_is(ipcfs_queue_get(q, buf, 10, 1), -ETIMEDOUT); /* long past */
	before = sys_now_ns();
	t_is(ipcfs_queue_get(q, buf, 10, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 20 * T_MS);
	t_is(ipcfs_queue_put(q, "x", 1, 1), 0); /* what need not wait does not look at it */
	t_is(ipcfs_queue_put(q, "x", 1, 0), -EAGAIN);
	t_is(ipcfs_queue_put(q, "x", 1, 1), -ETIMEDOUT);
	before = sys_now_ns();
	t_is(ipcfs_queue_put(q, "x", 1, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 20 * T_MS);
	t_is(ipcfs_queue_get(q, buf, 10, 1), 1);
}

static char room[1000];

static long get_call(struct ipcfs_object *o, long size, int64_t deadline_ns)
{
	return ipcfs_queue_get(o, room, (size_t)size, deadline_ns);
}

static long put_call(struct ipcfs_object *o, long len, int64_t deadline_ns)
{
	return ipcfs_queue_put(o, room, (size_t)len, deadline_ns);
}

/* A child that waits in get or put for ever. */
static struct t_call *getter(const char *name, long size)
{
	struct t_call call = {.function = get_call, .arg = size, .timeout_ns = -1};

	snprintf(call.name, sizeof(call.name), "%s", name);
	return t_start_waiting(call);
}

static struct t_call *putter(const char *name, long len)
{
	struct t_call call = {.function = put_call, .arg = len, .timeout_ns = -1};

	snprintf(call.name, sizeof(call.name), "%s", name);
	return t_start_waiting(call);
}

static void a_get_waits_for_a_put(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);
	struct t_call *w = getter("q", 10);

	t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	t_ends_with(w, 3);
	w = getter("q", 10);
	t_is(ipcfs_queue_put_many(q, &(struct iovec){.iov_base = "x", .iov_len = 1}, 1, 0), 1);
	t_ends_with(w, 1);
}

static void a_put_waits_for_room(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 10);
	char buf[10];
	struct t_call *w;

	for (int i = 0; i < 3; i++) {
		struct iovec v = {.iov_base = buf, .iov_len = sizeof(buf)};

		t_is(ipcfs_queue_put(q, "01234567", 8, 0), 0);
		w = putter("q", 4);
		if (i == 0)
			t_is(ipcfs_queue_get(q, buf, 10, 0), 8);
		else if (i == 1)
			t_is(ipcfs_queue_get_many(q, &v, 1, 0), 1);
		else
			t_is(ipcfs_queue_clear(q), 1);
		t_ends_with(w, 0);
		t_is(ipcfs_queue_get(q, buf, 10, 0), 4);
	}
}

/* One that needs more room must not keep one that needs less from being served. */
static void writers_differ_in_what_fits(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 10);
	char buf[10];

	t_is(ipcfs_queue_put(q, "012345678", 9, 0), 0);
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	struct t_call *large = putter("q", 10), *little = putter("q", 3);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 9);
	t_ends_with(little, 0);
	t_is(large->result, T_UNDECIDED);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 1);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 3);
	t_ends_with(large, 0);
}

/* A wake-up that cannot be used is passed on. */
static void readers_differ_in_what_they_can_take(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);

	for (int order = 0; order < 2; order++) {
		struct t_call *first = getter("q", order ? 100 : 2),
			      *second = getter("q", order ? 2 : 100);

		t_is(ipcfs_queue_put(q, "01234", 5, 0), 0);
		t_ends_with(order ? first : second, 5);
		/* the other was told so, or waits still */
		struct t_call *other = order ? second : first;
		if (order == 1)
			t_is(ipcfs_queue_put(q, "01", 2, 0), 0);
		if (order == 0)
			t_ends_with(other, -EMSGSIZE);
		else
			t_is(t_wait(other->pid), 0);
		ipcfs_queue_clear(q);
	}
}

static void each_put_wakes_one_who_gets_it(void)
{
	enum { READERS = 20 };
	struct ipcfs_object *q = t_queue("q", 0, 1000);
	struct t_call *w[READERS];
	struct ipcfs_stat st;
	uint64_t sum = 0;

	for (int i = 0; i < READERS; i++)
		w[i] = getter("q", 100);
	for (int i = 0; i < READERS; i++)
		t_is(ipcfs_queue_put(q, "0123456789012345678901", (size_t)i + 1, 0), 0);
	for (int i = 0; i < READERS; i++) {
		t_is(t_wait(w[i]->pid), 0);
		sum += (uint64_t)w[i]->result;
	}
	t_is(sum, READERS * (READERS + 1) / 2);
	t_stat_of(q, &st);
	t_is(st.messages, 0);
}

static void a_batch_wakes_as_many_as_it_has_messages(void)
{
	enum { READERS = 10 };
	struct ipcfs_object *q = t_queue("q", 0, 1000);
	struct t_call *w[READERS];
	struct iovec v[READERS];

	for (int i = 0; i < READERS; i++) {
		w[i] = getter("q", 100);
		v[i] = (struct iovec){.iov_base = "0123456789", .iov_len = (size_t)i};
	}
	t_is(ipcfs_queue_put_many(q, v, READERS, 0), READERS);
	for (int i = 0; i < READERS; i++)
		t_is(t_wait(w[i]->pid), 0);
}

static void killed_waiters_take_nothing(void)
{
	enum { READERS = 20 };
	struct ipcfs_object *q = t_queue("q", 0, 1000);
	struct t_call *w[READERS];
	struct ipcfs_stat st;

	for (int i = 0; i < READERS; i++)
		w[i] = getter("q", 100);
	for (int i = 0; i < READERS; i += 2)
		t_kill(w[i]->pid);
	for (int i = 0; i < READERS / 2; i++)
		t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	for (int i = 1; i < READERS; i += 2)
		t_ends_with(w[i], 3);
	t_stat_of(q, &st);
	t_is(st.messages, 0);
}

static void a_wait_that_times_out_takes_nothing(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 10);
	struct ipcfs_stat st;

	for (int i = 0; i < 20; i++)
		t_ends_with(t_start((struct t_call){.name = "q",
						    .function = get_call,
						    .arg = 10,
						    .timeout_ns = 2 * T_MS}),
			    -ETIMEDOUT);
	t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	t_stat_of(q, &st);
	t_is(st.messages, 1);
}

/* ---- signals ----------------------------------------------------------------------------------- */

static void nothing(int sig)
{
	(void)sig;
}

static void handle(void)
{
	struct sigaction action = {.sa_handler = nothing};

	sigaction(SIGUSR1, &action, NULL);
}

static void handle_and_restart(void)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};

	sigaction(SIGUSR1, &action, NULL);
}

static void a_signal_handler_ends_the_wait(void)
{
	struct ipcfs_object *q = t_queue("q", 1, 10);
	struct ipcfs_stat st;

	for (int i = 0; i < 4; i++) {
		if (i == 2)
			t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
		struct t_call *call = t_start_waiting(
			(struct t_call){.name = "q",
					.function = i < 2 ? get_call : put_call,
					.before = i % 2 ? handle : handle_and_restart,
					.arg = 4,
					.timeout_ns = -1});
		/* one that comes just before the sleep is not noticed */
		t_until(kill(call->pid, SIGUSR1) == 0 && call->result == -EINTR);
		t_ends_with(call, -EINTR);
	}
	t_stat_of(q, &st);
	t_is(st.messages, 1);
}

static void stopping_and_continuing_is_no_interruption(void)
{
	struct ipcfs_object *q = t_queue("q", 1, 10);
	struct t_call *call = getter("q", 4);

	kill(call->pid, SIGSTOP);
	t_wait_stopped(call->pid);
	kill(call->pid, SIGCONT);
	t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	t_ends_with(call, 3);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(deadlines),
		T_TEST(a_get_waits_for_a_put),
		T_TEST(a_put_waits_for_room),
		T_TEST(writers_differ_in_what_fits),
		T_TEST(readers_differ_in_what_they_can_take),
		T_TEST(each_put_wakes_one_who_gets_it),
		T_TEST(a_batch_wakes_as_many_as_it_has_messages),
		T_TEST(killed_waiters_take_nothing),
		T_TEST(a_wait_that_times_out_takes_nothing),
		T_TEST(a_signal_handler_ends_the_wait),
		T_TEST(stopping_and_continuing_is_no_interruption),
	};

	return T_RUN(tests);
}
