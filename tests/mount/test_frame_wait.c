/* SPDX-License-Identifier: MIT
 *
 * test_frame_wait.c - contract, framing on a queue: full queues, interrupts, kills, removal; poll.
 */
#include "t.h"

#include <signal.h>
#include <sys/time.h>

#include "frame.h"

/* ---- how waits end ----------------------------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
}

struct interrupted {
	const char *text;
	_Atomic int state;
	long result[2];
};

static int write_interrupted(void *arg)
{
	struct interrupted *in = arg;
	struct sigaction action = {.sa_handler = on_signal};
	int fd = t_open(t_path("queues/eintr,lines"), O_WRONLY);

	sigaction(SIGUSR1, &action, NULL);
	in->state = 1;
	in->result[0] = t_put(fd, in->text);
	in->state = 2;
	in->result[1] = t_put(fd, in->text + (in->result[0] > 0 ? in->result[0] : 0));
	return 0;
}

static void an_interrupted_write_says_what_it_put(void **state)
{
	(void)state;
	const char *q = t_path("queues/eintr");
	struct interrupted *in = t_shared(sizeof(*in));

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	in->text = "a\nb\nc";
	pid_t child = t_spawn(write_interrupted, in);
	t_wait_stat(q, "writers", 1);
	kill(child, SIGUSR1);
	t_until(in->state == 2);
	t_is(in->result[0], 2);
	t_wait_stat(q, "writers", 1); /* it goes on with "b\nc" */
	t_shows(q, "a");
	t_is(t_wait(child), 0);
	t_is(in->result[1], 3);
	t_shows(q, "b");
	t_shows(q, "c");
	/* Where nothing was put it is EINTR, and nothing was taken. */
	t_is(t_echo(q, "full"), 0);
	child = t_spawn(write_interrupted, in);
	t_wait_stat(q, "writers", 1);
	kill(child, SIGUSR1);
	t_until(in->state == 2);
	t_is(in->result[0], -EINTR);
	t_kill(child);
	t_wait_stat(q, "writers", 0);
	t_drains(q, "full|");
}

static void a_write_that_times_out(void **state)
{
	(void)state;
	const char *q = t_path("queues/late");

	t_is(t_touch(t_format("%s,maxsize=2", q)), 0);
	int fd = t_open(t_format("%s,lines,timeout=50ms", q), O_WRONLY);
	t_is(t_put(fd, "be"), 2);
	t_is(t_put(fd, "gun\nb\nc\n"), 6);
	t_is(t_put(fd, "c\n"), -ETIMEDOUT);
	t_drains(q, "begun|b|");
}

static void removal_ends_a_wait(void **state)
{
	(void)state;
	const char *q = t_path("queues/gone");

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	struct t_io some = t_writer(lines_of(q), O_WRONLY, "a\nb\n");
	t_wait_stat(q, "writers", 1);
	struct t_io none = t_writer(lines_of(q), O_WRONLY, "c\nd\n");
	t_wait_stat(q, "writers", 2);
	t_runs(0, "rm %s", q);
	t_is(t_io_result(&some), 2);
	t_is(t_io_result(&none), -EIDRM);
}

/* Writers under a storm of signals: what each write says is what it put. */
struct stormy {
	_Atomic int stop;
	int number, count;
};

static int write_under_signals(void *arg)
{
	struct stormy *s = arg;
	struct sigaction action = {.sa_handler = on_signal};
	struct itimerval often = {{0, 700}, {0, 700}};
	int fd = t_open(t_path("queues/storm,lines"), O_WRONLY);
	char text[4096];
	size_t len = 0, at = 0;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < s->count || at < len;) {
		while (i < s->count && len < sizeof(text) - 32)
			len += (size_t)sprintf(text + len, "%d %d\n", s->number, i++);
		/* Cut anywhere. */
		size_t piece = (size_t)(i * 37) % 300 + 1;
		long n = t_sys(write(fd, text + at, piece < len - at ? piece : len - at));
		if (n > 0)
			at += (size_t)n;
		else if (n != -EINTR)
			return 1;
		if (at > 2048 || at == len) {
			memmove(text, text + at, len - at);
			len -= at;
			at = 0;
		}
	}
	return 0;
}

static void lines_under_a_storm_of_signals(void **state)
{
	enum { WRITERS = 3 };
	const char *q = t_path("queues/storm");
	int count = t_count(2000, 20000), next[WRITERS] = {0};
	char line[64];

	(void)state;
	t_is(t_touch(t_format("%s,maxsize=5", q)), 0);
	for (int i = 0; i < WRITERS; i++) {
		struct stormy *s = t_shared(sizeof(*s));
		s->number = i;
		s->count = count;
		t_spawn(write_under_signals, s);
	}
	int fd = t_open(lines_of(q), O_RDWR);
	for (int i = 0; i < WRITERS * count; i++) {
		long n = t_get(fd, line, sizeof(line) - 1);
		int number, at, end = 0;
		t_check(n > 0);
		line[n] = '\0';
		if (sscanf(line, "%d %d\n%n", &number, &at, &end) != 2 || end != n)
			t_fail("no whole line: %s", line);
		t_check(number >= 0 && number < WRITERS);
		t_is(at, next[number]++); /* none lost, none doubled, in order */
	}
	t_is(t_stat(q, "messages"), 0);
}

/* ---- nothing hangs, poll ----------------------------------------------------------------------- */

static void who_looks_is_answered_at_once(void **state)
{
	(void)state;
	const char *q = t_path("queues/looked");

	setenv("Q", q, 1);
	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	struct t_io writer = t_writer(lines_of(q), O_WRONLY, "a\nb\nc");
	t_wait_stat(q, "writers", 1);
	t_runs(0, "ls -lR $M/queues; chmod 600 $Q; touch $Q,lines; mv $Q $Q.moved; mv $Q.moved $Q");
	t_runs(0, "exec 3<$Q,lines 4>>$Q,block 5<>$Q,block=1; [ $(cat $Q,peek) = a ]");
	t_runs(0, "printf c > $Q,block & rm $Q; wait; :");
	t_is(t_io_result(&writer), 2);
}

static void poll_says_what_a_write_needs(void **state)
{
	(void)state;
	static char bytes[4096];
	const char *q = t_path("queues/poll");

	memset(bytes, 'z', sizeof(bytes));
	t_is(t_touch(t_format("%s,capacity=8192", q)), 0);
	int plain = t_open(q, O_WRONLY | O_NONBLOCK), lines = t_open(lines_of(q), O_WRONLY);
	int all = t_open(t_format("%s,block", q), O_WRONLY);
	int block = t_open(t_format("%s,block=6000", q), O_WRONLY);
	t_is(t_sys(write(plain, bytes, 4000)), 4000);
	for (int i = 0; i < 2; i++) {
		/* 4192 bytes are free; then `lines` has 100 of a line already. */
		t_is(t_poll(plain, POLLOUT, 0), POLLOUT);
		t_is(t_poll(lines, POLLOUT, 0), i ? 0 : POLLOUT);
		t_is(t_poll(all, POLLOUT, 0), POLLOUT);
		t_is(t_poll(block, POLLOUT, 0), i ? 0 : POLLOUT);
		t_is(t_sys(write(lines, bytes, 100)), 100);
		t_is(t_sys(write(block, bytes, 2000)), 2000);
		t_is(t_sys(write(all, bytes, 2000)), 2000);
	}
	t_is(t_sys(read(t_open(q, O_RDONLY), bytes, sizeof(bytes))), 4000);
	t_is(t_poll(lines, POLLOUT, 0), POLLOUT);
	t_is(t_poll(block, POLLOUT, 0), POLLOUT);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(an_interrupted_write_says_what_it_put),
		T_TEST(a_write_that_times_out),
		T_TEST(removal_ends_a_wait),
		T_TEST(lines_under_a_storm_of_signals),
		T_TEST(who_looks_is_answered_at_once),
		T_TEST(poll_says_what_a_write_needs),
	};

	return T_RUN(tests, argc, argv);
}
