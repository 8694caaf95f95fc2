/* SPDX-License-Identifier: MIT
 *
 * test_pipe.c - pipes: messages both ways, whole and in order; ends that nobody has open yet, or any more.
 */
#include "t_core.h"

#define P IPCFS_PIPE
#define A IPCFS_END_A
#define B IPCFS_END_B

static struct ipcfs_object *pipe_of(uint64_t capacity)
{
	return t_messages(P, "p", capacity);
}

static struct ipcfs_object *open_pipe(uint64_t capacity)
{
	struct ipcfs_object *p = pipe_of(capacity);

	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(ipcfs_pipe_open(p, B), 0);
	return p;
}

static int put(struct ipcfs_object *p, enum ipcfs_end end, const char *text)
{
	return (int)t_again(ipcfs_pipe_put(p, end, text, strlen(text), 0));
}

#define t_gets(p, end, text) t_gets_(p, end, text, __FILE__, __LINE__)
static void t_gets_(struct ipcfs_object *p, enum ipcfs_end end, const char *text, const char *file,
		    int line)
{
	char buf[64] = "";

	t_is_("get", text, t_again(ipcfs_pipe_get(p, end, buf, sizeof(buf), 0)), (long)strlen(text),
	      file, line);
	if (memcmp(buf, text, strlen(text)) != 0)
		t_fail_(file, line, "\"%.20s\", not \"%s\"", buf, text);
}

static long nothing(struct ipcfs_object *p, enum ipcfs_end end)
{
	char buf[8];

	return t_again(ipcfs_pipe_get(p, end, buf, sizeof(buf), 0));
}

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

/* ---- messages -------------------------------------------------------------------------------- */

static void both_ways_whole_and_in_order(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(put(p, A, "one"), 0);
	t_is(put(p, B, "uno"), 0);
	t_is(put(p, A, ""), 0);
	t_is(put(p, A, "three"), 0);
	t_is(put(p, B, "dos"), 0);
	t_gets(p, A, "uno");
	t_gets(p, B, "one");
	t_gets(p, B, "");
	t_gets(p, A, "dos");
	t_gets(p, B, "three");
	t_is(nothing(p, A), -EAGAIN);
	t_is(nothing(p, B), -EAGAIN);
}

static void each_way_has_its_own_room(void)
{
	struct ipcfs_object *p = open_pipe(10);

	t_is(put(p, A, "0123456789"), 0);
	t_is(put(p, A, "x"), -EAGAIN);
	t_is(put(p, B, "9876543210"), 0);
	t_is(put(p, B, "x"), -EAGAIN);
	t_is(put(p, A, "0123456789x"), -EMSGSIZE);
	t_gets(p, B, "0123456789");
	t_is(put(p, A, "x"), 0);
	t_is(put(p, B, "x"), -EAGAIN);
	t_gets(p, A, "9876543210");
	t_gets(p, B, "x");
	t_is(nothing(p, A), -EAGAIN);
}

static void rings_turn(void)
{
	struct ipcfs_object *p = open_pipe(1000);
	uint8_t message[300], buf[300];

	for (int round = 0; round < t_count(2000); round++) {
		size_t len[2] = {t_below(300), t_below(300)};

		for (int i = 0; i < 2; i++) {
			memset(message, round + i, len[i]);
			t_is(ipcfs_pipe_put(p, round % 2 ? B : A, message, len[i], 0), 0);
		}
		for (int i = 0; i < 2; i++) {
			t_is(ipcfs_pipe_get(p, round % 2 ? A : B, buf, sizeof(buf), 0), len[i]);
			memset(message, round + i, len[i]);
			t_check(memcmp(buf, message, len[i]) == 0);
		}
	}
}

static void too_long_for_the_buffer_stays(void)
{
	struct ipcfs_object *p = open_pipe(100);
	char buf[8];

	t_is(put(p, A, "12345"), 0);
	t_is(ipcfs_pipe_get(p, B, buf, 4, 0), -EMSGSIZE);
	t_gets(p, B, "12345");
}

static void poll_takes_nothing(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(ipcfs_pipe_poll(p, B, 0), -EAGAIN);
	t_is(ipcfs_pipe_poll(p, B, 1), -ETIMEDOUT);
	t_is(put(p, A, "one"), 0);
	t_is(ipcfs_pipe_poll(p, B, 0), 0);
	t_is(ipcfs_pipe_poll(p, B, IPCFS_FOREVER), 0);
	t_is(ipcfs_pipe_poll(p, A, 0), -EAGAIN);
	t_gets(p, B, "one");
	t_is(ipcfs_pipe_close(p, A), 0);
	t_is(ipcfs_pipe_poll(p, B, 0), 0);
	t_is(nothing(p, B), -ENODATA);
}

static void clear_is_of_one_way(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(put(p, A, "one"), 0);
	t_is(put(p, A, "two"), 0);
	t_is(put(p, B, "uno"), 0);
	t_is(ipcfs_pipe_clear(p, B), 2);
	t_is(ipcfs_pipe_clear(p, B), 0);
	t_is(nothing(p, B), -EAGAIN);
	t_gets(p, A, "uno");
	t_is(put(p, A, "again"), 0);
	t_gets(p, B, "again");
}

static void wrong_arguments(void)
{
	struct ipcfs_object *p = pipe_of(100);
	char buf[8];

	t_is(ipcfs_pipe_open(p, 0), -EINVAL);
	t_is(ipcfs_pipe_open(p, 3), -EINVAL);
	t_is(ipcfs_pipe_put(p, 3, "x", 1, 0), -EINVAL);
	t_is(ipcfs_pipe_get(p, 0, buf, 8, 0), -EINVAL);
	t_is(ipcfs_pipe_clear(p, 0), -EINVAL);
	t_is(ipcfs_pipe_close(p, A), -EPERM);
	t_is(put(p, A, "x"), -EPERM);
	t_is(nothing(p, A), -EPERM);
	t_is(ipcfs_pipe_poll(p, A, 0), -EPERM);
	t_is(ipcfs_pipe_open(p, B), 0);
	t_is(put(p, A, "x"), -EPERM);
	t_is(ipcfs_pipe_close(p, A), -EPERM);
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == P)
			continue;
		t_is(ipcfs_pipe_open(o, A), -EINVAL);
		t_is(ipcfs_pipe_close(o, A), -EINVAL);
		t_is(ipcfs_pipe_put(o, A, "x", 1, 0), -EINVAL);
		t_is(ipcfs_pipe_get(o, A, buf, 8, 0), -EINVAL);
		t_is(ipcfs_pipe_poll(o, A, 0), -EINVAL);
		t_is(ipcfs_pipe_clear(o, A), -EINVAL);
	}
}

/* ---- ends -------------------------------------------------------------------------------------- */

static void state_is(struct ipcfs_object *p, const char *a, const char *b, const char *file,
		     int line)
{
	static const char *const names[] = {"never", "open", "closed"};
	struct ipcfs_stat st;

	t_stat_of(p, &st);
	if (strcmp(names[st.ends[0].state], a) != 0 || strcmp(names[st.ends[1].state], b) != 0)
		t_fail_(file, line, "a is %s, b %s; not %s, %s", names[st.ends[0].state],
			names[st.ends[1].state], a, b);
}
#define t_state(p, a, b) state_is(p, a, b, __FILE__, __LINE__)

static void who_was_never_there_is_waited_for(void)
{
	struct ipcfs_object *p = pipe_of(4);

	t_state(p, "never", "never");
	t_is(ipcfs_pipe_open(p, A), 0);
	t_state(p, "open", "never");
	t_is(nothing(p, A), -EAGAIN);
	t_is(put(p, A, "full"), 0);
	t_is(put(p, A, "x"), -EAGAIN);
	t_is(ipcfs_pipe_open(p, B), 0);
	t_state(p, "open", "open");
	t_gets(p, B, "full");
}

static void the_end_comes_after_what_is_left(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(put(p, A, "one"), 0);
	t_is(put(p, A, "two"), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_state(p, "closed", "open");
	t_is(put(p, B, "x"), -EPIPE);
	t_gets(p, B, "one");
	t_gets(p, B, "two");
	t_is(nothing(p, B), -ENODATA);
	t_is(nothing(p, B), -ENODATA);
	t_is(ipcfs_pipe_close(p, B), 0);
}

static void a_closed_end_may_be_opened_again(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(put(p, B, "kept"), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_is(nothing(p, B), -ENODATA);
	t_is(ipcfs_pipe_open(p, A), 0);
	t_state(p, "open", "open");
	t_is(nothing(p, B), -EAGAIN);
	t_gets(p, A, "kept");
	t_is(put(p, B, "goes on"), 0);
	t_gets(p, A, "goes on");
}

static void it_begins_anew_when_nobody_is_there(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(put(p, A, "kept"), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_is(ipcfs_pipe_close(p, B), 0);
	t_state(p, "never", "never");
	t_is(ipcfs_pipe_open(p, B), 0);
	t_gets(p, B, "kept");
	t_is(nothing(p, B), -EAGAIN);
	t_is(put(p, B, "x"), 0);
}

static void opens_are_counted(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_state(p, "open", "open");
	t_is(put(p, B, "x"), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_is(ipcfs_pipe_close(p, A), -EPERM);
	t_state(p, "closed", "open");
	t_is(put(p, B, "x"), -EPIPE);
}

static void as_many_as_there_is_room_for(void)
{
	struct ipcfs_object *p = pipe_of(100);

	for (int i = 0; i < 4096; i++)
		t_is(ipcfs_pipe_open(p, i % 2 ? A : B), 0);
	t_is(ipcfs_pipe_open(p, A), -EUSERS);
	t_is(ipcfs_pipe_close(p, B), 0);
	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(put(p, A, "x"), 0);
	t_gets(p, B, "x");
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

static int has_none(void *arg)
{
	struct ipcfs_object *p = arg;
	char buf[8];

	t_is(ipcfs_pipe_put(p, A, "x", 1, 0), -EPERM);
	t_is(ipcfs_pipe_get(p, B, buf, 8, 0), -EPERM);
	t_is(ipcfs_pipe_close(p, A), -EPERM);
	t_is(ipcfs_pipe_open(p, B), 0);
	t_is(ipcfs_pipe_put(p, B, "child", 5, 0), 0);
	return 0;
}

static void a_forked_child_has_none_open(void)
{
	struct ipcfs_object *p = pipe_of(100);

	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(t_wait(t_fork(has_none, p)), 0);
	t_gets(p, A, "child");
	t_is(nothing(p, A), -ENODATA);
}

static int add_end(void *arg, const struct ipcfs_holding *h)
{
	char *ends = arg;

	ends[strlen(ends)] = (char)('a' + (h->end - IPCFS_END_A));
	return h->pid == getpid() && h->uid == geteuid() ? 0 : 1;
}

static void holders_and_counts(void)
{
	struct ipcfs_object *p = open_pipe(100);
	struct ipcfs_stat st;
	char ends[8] = "";

	t_is(ipcfs_pipe_open(p, B), 0);
	t_is(ipcfs_holders(p, add_end, ends), 0);
	t_check(strcmp(ends, "abb") == 0);
	t_is(put(p, A, "one"), 0);
	t_is(put(p, A, "two"), 0);
	t_is(put(p, B, "uno dos"), 0);
	t_stat_of(p, &st);
	t_is(st.ends[0].messages, 1);
	t_is(st.ends[0].bytes, 7);
	t_is(st.ends[1].messages, 2);
	t_is(st.ends[1].bytes, 6);
	t_is(st.messages, 3);
	t_is(st.bytes, 13);
	t_is(st.properties.capacity, 100);
}

static void changes_are_counted(void)
{
	struct ipcfs_object *p = pipe_of(100);
	uint64_t changes = 0;

	t_is(ipcfs_wait_change(p, &changes, 0), -EAGAIN);
	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(ipcfs_wait_change(p, &changes, 0), 0);
	t_is(put(p, A, "x"), 0);
	t_is(ipcfs_wait_change(p, &changes, 0), 0);
	t_is(nothing(p, A), -EAGAIN);
	t_is(ipcfs_wait_change(p, &changes, 0), -EAGAIN);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_is(ipcfs_wait_change(p, &changes, 0), 0);
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

/* ---- what is no segment ------------------------------------------------------------------------------ */

static int see_fifo(void *arg, const char *name, bool is_folder)
{
	*(int *)arg += strcmp(name, "fifo") == 0 && !is_folder;
	return 0;
}

static void a_fifo_is_the_kernels(void)
{
	struct ipcfs_object *o = NULL;
	int seen = 0;

	t_is(mkfifo(t_path("pipes/fifo"), 0600), 0);
	t_is(ipcfs_open(t.store, P, "fifo", 0, 0, NULL, &o), -EOPNOTSUPP);
	t_is(ipcfs_open(t.store, P, "fifo", IPCFS_CREATE, 0600, NULL, &o), -EOPNOTSUPP);
	t_is(ipcfs_open(t.store, P, "fifo", IPCFS_CREATE | IPCFS_EXCL, 0600, NULL, &o), -EEXIST);
	t_is(ipcfs_list(t.store, P, NULL, see_fifo, &seen), 0);
	t_is(seen, 1);
	t_is(ipcfs_unlink(t.store, P, "fifo"), 0);
	t_is(ipcfs_open(t.store, P, "fifo", 0, 0, NULL, &o), -ENOENT);
	t_is(mknod(t_path("pipes/socket"), S_IFSOCK | 0600, 0), 0);
	t_is(ipcfs_open(t.store, P, "socket", 0, 0, NULL, &o), -EUCLEAN);
	t_is(ipcfs_unlink(t.store, P, "socket"), 0);
	t_is(mkfifo(t_path("topics/fifo"), 0600), 0);
	t_is(ipcfs_open(t.store, IPCFS_TOPIC, "fifo", 0, 0, NULL, &o), -EUCLEAN);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(both_ways_whole_and_in_order),
		T_TEST(each_way_has_its_own_room),
		T_TEST(rings_turn),
		T_TEST(too_long_for_the_buffer_stays),
		T_TEST(poll_takes_nothing),
		T_TEST(clear_is_of_one_way),
		T_TEST(wrong_arguments),
		T_TEST(who_was_never_there_is_waited_for),
		T_TEST(the_end_comes_after_what_is_left),
		T_TEST(a_closed_end_may_be_opened_again),
		T_TEST(it_begins_anew_when_nobody_is_there),
		T_TEST(opens_are_counted),
		T_TEST(as_many_as_there_is_room_for),
		T_TEST(the_last_close_of_the_pipe_closes_its_ends),
		T_TEST(a_forked_child_has_none_open),
		T_TEST(holders_and_counts),
		T_TEST(changes_are_counted),
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
		T_TEST(a_fifo_is_the_kernels),
	};

	return T_RUN(tests);
}
