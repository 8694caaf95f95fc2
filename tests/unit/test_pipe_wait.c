/* SPDX-License-Identifier: MIT
 *
 * test_pipe_wait.c - pipes: who waits at an end, what he is told, and what becomes of those who are killed.
 */
#include "t_pipe.h"

/* ---- children -------------------------------------------------------------------------------- */

static long reads_at(struct ipcfs_object *p, long end, int64_t deadline_ns)
{
	char buf[64];

	t_is(ipcfs_pipe_open(p, (enum ipcfs_end)end), 0);
	return ipcfs_pipe_get(p, (enum ipcfs_end)end, buf, sizeof(buf), deadline_ns);
}

static long polls_at(struct ipcfs_object *p, long end, int64_t deadline_ns)
{
	t_is(ipcfs_pipe_open(p, (enum ipcfs_end)end), 0);
	return ipcfs_pipe_poll(p, (enum ipcfs_end)end, deadline_ns);
}

/* It is full. */
static long writes_at(struct ipcfs_object *p, long end, int64_t deadline_ns)
{
	t_is(ipcfs_pipe_open(p, (enum ipcfs_end)end), 0);
	return ipcfs_pipe_put(p, (enum ipcfs_end)end, "more", 4, deadline_ns);
}

/* Has it open, and waits to be killed. */
static long has_open(struct ipcfs_object *p, long end, int64_t deadline_ns)
{
	struct ipcfs_stat st;
	uint64_t changes;
	int rc;

	t_is(ipcfs_pipe_open(p, (enum ipcfs_end)end), 0);
	t_stat_of(p, &st);
	changes = st.changes;
	do
		rc = ipcfs_wait_change(p, &changes, deadline_ns);
	while (rc == 0);
	return rc;
}

static struct t_call *child(long (*function)(struct ipcfs_object *o, long arg, int64_t deadline_ns),
			    long end, int64_t timeout_ns)
{
	return t_start_waiting((struct t_call){.kind = P,
					       .name = "p",
					       .function = function,
					       .arg = end,
					       .timeout_ns = timeout_ns});
}

/* ---- waiting ------------------------------------------------------------------------------------- */

static void a_reader_is_woken_by_a_message_or_the_end(void)
{
	struct ipcfs_object *p = pipe_of(100);
	struct t_call *reader = child(reads_at, B, -1);

	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(reader->result, T_UNDECIDED);
	t_is(put(p, A, "hello"), 0);
	t_ends_with(reader, 5);
	reader = child(reads_at, B, -1);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_ends_with(reader, -ENODATA);
}

static void a_poller_is_woken_by_a_message_or_the_end(void)
{
	struct ipcfs_object *p = pipe_of(100);
	struct t_call *poller = child(polls_at, B, -1);

	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(put(p, A, "hello"), 0);
	t_ends_with(poller, 0);
	t_is(ipcfs_pipe_clear(p, B), 1);
	poller = child(polls_at, B, -1);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_ends_with(poller, 0);
}

static void a_writer_is_woken_by_room_or_the_end(void)
{
	struct ipcfs_object *p = open_pipe(4);
	struct t_call *writer;

	t_is(put(p, A, "full"), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	writer = child(writes_at, A, -1);
	t_gets(p, B, "full");
	t_ends_with(writer, 0);
	writer = child(writes_at, A, -1);
	t_is(ipcfs_pipe_close(p, B), 0);
	t_ends_with(writer, -EPIPE);
}

static void those_at_both_ends_wait_for_themselves(void)
{
	struct ipcfs_object *p = pipe_of(100);
	struct t_call *at_a = child(reads_at, A, -1), *at_b = child(reads_at, B, -1);

	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(ipcfs_pipe_open(p, B), 0);
	t_is(put(p, A, "four"), 0);
	t_ends_with(at_b, 4);
	t_is(at_a->result, T_UNDECIDED);
	t_is(put(p, B, "seven!!"), 0);
	t_ends_with(at_a, 7);
}

static void deadlines(void)
{
	struct ipcfs_object *p = open_pipe(4);
	int64_t before = sys_now_ns();
	char buf[8];

	t_is(ipcfs_pipe_get(p, A, buf, 8, 1), -ETIMEDOUT);
	t_is(ipcfs_pipe_get(p, A, buf, 8, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_is(put(p, A, "full"), 0);
	t_is(ipcfs_pipe_put(p, A, "x", 1, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 40 * T_MS);
	t_gets(p, B, "full");
	t_is(nothing(p, B), -EAGAIN);
}

static void the_last_close_of_the_pipe_closes_its_ends(void)
{
	struct ipcfs_object *p = pipe_of(100), *again = NULL;
	struct t_call *other = child(reads_at, B, -1);

	t_is(ipcfs_open(t.store, P, "p", 0, 0, NULL, &again), 0);
	t_is(ipcfs_pipe_open(p, A), 0);
	ipcfs_close(again);
	t_state(p, "open", "open");
	ipcfs_close(t.objects[--t.object_count]);
	t_ends_with(other, -ENODATA);
}

/* ---- deaths ---------------------------------------------------------------------------------------- */

static void killed_is_closed(void)
{
	struct ipcfs_object *p = pipe_of(100);
	struct t_call *writer = child(has_open, A, -1), *reader;

	t_is(ipcfs_pipe_open(p, B), 0);
	t_is(nothing(p, B), -EAGAIN);
	t_kill(writer->pid);
	t_is(nothing(p, B), -ENODATA);
	t_until(put(p, B, "x") == -EPIPE);
	t_state(p, "closed", "open");

	t_check(ipcfs_pipe_clear(p, A) >= 0);
	writer = child(has_open, A, -1);
	reader = child(reads_at, B, -1);
	t_kill(writer->pid);
	t_ends_with(reader, -ENODATA);
}

static void killed_while_it_was_full(void)
{
	struct ipcfs_object *p = open_pipe(4);
	struct t_call *reader, *writer;

	t_is(ipcfs_pipe_close(p, B), 0);
	reader = child(has_open, B, -1);
	t_is(put(p, A, "full"), 0);
	writer = child(writes_at, A, -1);
	t_kill(reader->pid);
	t_ends_with(writer, -EPIPE);
}

static void all_are_killed_and_it_begins_anew(void)
{
	struct ipcfs_object *p = pipe_of(100);
	struct t_call *a = child(has_open, A, -1), *b = child(has_open, B, -1);

	t_state(p, "open", "open");
	t_kill(a->pid);
	t_kill(b->pid);
	t_is(ipcfs_pipe_open(p, B), 0);
	t_state(p, "never", "open");
	t_is(nothing(p, B), -EAGAIN);
}

static void a_killed_waiter_has_taken_nothing(void)
{
	struct ipcfs_object *p = pipe_of(100);
	struct t_call *first = child(reads_at, B, -1), *second = child(reads_at, B, -1);

	t_is(ipcfs_pipe_open(p, A), 0);
	t_kill(first->pid);
	t_is(put(p, A, "whole"), 0);
	t_ends_with(second, 5);
}

static int one_of_two_writers(void *arg)
{
	struct ipcfs_object *p = NULL;
	struct ipcfs_store *store = t_open_store();
	char message[50];
	int which = *(int *)arg;

	t_is(ipcfs_open(store, P, "p", 0, 0, NULL, &p), 0);
	t_is(ipcfs_pipe_open(p, A), 0);
	memset(message, 'x' + which, sizeof(message));
	for (int i = 0; i < 1000; i++)
		t_is(ipcfs_pipe_put(p, A, message, 1 + (size_t)i % 50, IPCFS_FOREVER), 0);
	return 0;
}

/* Nothing is interleaved within a message, and each writer's come in order. */
static void two_writers_at_once(void)
{
	struct ipcfs_object *p = pipe_of(300);
	int which[2] = {0, 1}, next[2] = {0};
	char buf[64];
	pid_t pids[2];
	ssize_t n;

	t_is(ipcfs_pipe_open(p, B), 0);
	for (int i = 0; i < 2; i++)
		pids[i] = t_fork(one_of_two_writers, &which[i]);
	while ((n = ipcfs_pipe_get(p, B, buf, sizeof(buf), IPCFS_FOREVER)) > 0) {
		int from = buf[0] - 'x';

		t_check(from == 0 || from == 1);
		t_is(n, 1 + next[from]++ % 50);
		for (ssize_t k = 0; k < n; k++)
			t_is(buf[k], buf[0]);
	}
	t_is(n, -ENODATA);
	t_is(next[0], 1000);
	t_is(next[1], 1000);
	for (int i = 0; i < 2; i++)
		t_is(t_wait(pids[i]), 0);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(the_last_close_of_the_pipe_closes_its_ends),
		T_TEST(a_reader_is_woken_by_a_message_or_the_end),
		T_TEST(a_poller_is_woken_by_a_message_or_the_end),
		T_TEST(a_writer_is_woken_by_room_or_the_end),
		T_TEST(those_at_both_ends_wait_for_themselves),
		T_TEST(deadlines),
		T_TEST(killed_is_closed),
		T_TEST(killed_while_it_was_full),
		T_TEST(all_are_killed_and_it_begins_anew),
		T_TEST(a_killed_waiter_has_taken_nothing),
		T_TEST(two_writers_at_once),
	};

	return T_RUN(tests);
}
