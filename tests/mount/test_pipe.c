/* SPDX-License-Identifier: MIT
 *
 * test_pipe.c - contract, row pipes: duplex pipes through their ends `a` and `b`: who has an end open, who waits at it,
 * and what both are told.
 */
#include "pipe.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- who has an end open --------------------------------------------------------------------- */

static int talk(void *arg)
{
	const char *path = arg;
	char buf[16];
	int fd = t_open(end_of(path, 'b'), O_RDWR);

	for (int i = 0; i < 100; i++) {
		long n = t_get(fd, buf, sizeof(buf));

		if (n <= 0 || write(fd, buf, (size_t)n) != n)
			return 1;
	}
	return 0;
}

static void parent_and_child(void **state)
{
	(void)state;
	const char *path = make("family");
	int fd = open_end(path, 'a', O_RDWR);
	pid_t child = t_spawn(talk, (void *)(uintptr_t)path);

	for (int i = 0; i < 100; i++) {
		const char *message = t_format("%d", i);

		t_is(t_put(fd, message), (long)strlen(message));
		t_gets(fd, message);
	}
	t_is(t_wait(child), 0);
	t_gets(fd, ""); /* it has ended */
	t_gets(fd, "");
	t_is(t_put(fd, "x"), -EPIPE);
}

/* Every process that has inherited the descriptor has the end open. */
static int keep_open(void *arg)
{
	(void)arg;
	return pause();
}

static void inherited_descriptors(void **state)
{
	(void)state;
	const char *path = make("heirs");
	int a = open_end(path, 'a', NB), b = open_end(path, 'b', NB), copy = dup(a);
	pid_t heir = t_spawn(keep_open, NULL);
	char c;

	close(a);
	close(copy);
	t_is(t_get(b, &c, 1), -EAGAIN);
	t_ends_are(path, "open", "open");
	t_kill(heir);
	t_until(t_get(b, &c, 1) == 0);
	t_ends_are(path, "closed", "open");
}

static void reopened_it_goes_on(void **state)
{
	(void)state;
	const char *path = make("again");
	int a = open_end(path, 'a', NB), b = open_end(path, 'b', NB);

	t_is(t_put(b, "kept"), 4);
	close(a);
	t_gets(b, "");
	t_is(t_put(b, "x"), -EPIPE);
	a = open_end(path, 'a', NB);
	char c;
	t_is(t_get(b, &c, 1), -EAGAIN);
	t_gets(a, "kept");
	t_is(t_put(b, "x"), 1);
	t_gets(a, "x");
	close(a);
	close(b);
	t_ends_are(path, "never", "never");
}

static void who_only_looks_has_nothing_open(void **state)
{
	(void)state;
	const char *path = make("lookers");
	int bare = t_open(path, O_RDWR), look = t_open(t_format("%s,stat", path), O_RDONLY),
	    ctl = t_open(t_format("%s,ctl", path), O_WRONLY);
	char c;

	t_check(bare >= 0 && look >= 0 && ctl >= 0);
	t_ends_are(path, "never", "never");
	t_is(t_stat(path, "holder"), -ENODATA);
	int a = open_end(path, 'a', NB);
	t_ends_are(path, "open", "never");
	close(a);
	t_is(t_get(bare, &c, 1), -EINVAL);
}

static void read_only_and_write_only(void **state)
{
	(void)state;
	const char *path = make("modes");
	int in = open_end(path, 'a', O_RDONLY), out = open_end(path, 'a', O_WRONLY);
	int b = open_end(path, 'b', NB);
	char buf[8];

	t_is(t_put(out, "one"), 3);
	t_is(t_put(in, "x"), -EBADF);
	t_is(t_get(out, buf, 1), -EBADF);
	close(out);
	t_gets(b, "one");
	t_is(t_get(b, buf, 1), -EAGAIN); /* who reads there is there */
	t_is(t_put(b, "two"), 3);
	t_gets(in, "two");
	t_gets(in, ""); /* one item, and its end */
	close(b);
	t_is(t_get(in, buf, sizeof(buf)), -ENODATA); /* not the same as that end */
}

/* ---- waiting ------------------------------------------------------------------------------------ */

/* Those at one end do not keep those at the other waiting. */
static void readers_at_both_ends(void **state)
{
	(void)state;
	const char *path = make("both");
	int keep[2] = {open_end(path, 'a', NB), open_end(path, 'b', NB)};
	struct t_io at_a = t_reader(end_of(path, 'a'), O_RDONLY);

	t_wait_stat(path, "waiters", 1);
	struct t_io at_b = t_reader(end_of(path, 'b'), O_RDONLY);
	t_wait_stat(path, "waiters", 2);
	struct t_io also_at_b = t_reader(end_of(path, 'b'), O_RDONLY);
	t_wait_stat(path, "waiters", 3);
	t_is(t_put(keep[0], "1st"), 3);
	t_io_got(&at_b, "1st");
	t_is(t_put(keep[0], "2nd"), 3);
	t_io_got(&also_at_b, "2nd");
	t_wait_stat(path, "waiters", 1);
	t_is(t_put(keep[1], "back"), 4);
	t_io_got(&at_a, "back");
}

static void writers_in_order_of_arrival(void **state)
{
	(void)state;
	const char *path = make("order");
	int a = open_end(path, 'a', NB), b = open_end(path, 'b', NB);

	t_is(t_put(a, "12345678"), 8);
	struct t_io large = t_writer(end_of(path, 'a'), O_WRONLY, "largest!!!");
	t_wait_stat(path, "waiters", 1);
	struct t_io small = t_writer(end_of(path, 'a'), O_WRONLY, "s");
	t_wait_stat(path, "waiters", 2);
	t_is(t_put(a, "x"), -EAGAIN); /* it would fit, but nobody overtakes */
	t_is(t_put(b, "back"), 4);    /* those at the other end are another line */
	t_is(t_poll(a, POLLOUT, 0), 0);
	t_gets(a, "back");
	t_gets(b, "12345678");
	t_is(t_io_result(&large), 10);
	t_is(t_stat(path, "waiters"), 1);
	t_gets(b, "largest!!!");
	t_is(t_io_result(&small), 1);
	t_gets(b, "s");
}

static void the_end_comes_to_who_waits(void **state)
{
	(void)state;
	const char *path = make("end");
	int b = open_end(path, 'b', NB);
	struct t_io one = t_reader(end_of(path, 'a'), O_RDONLY),
		    more = t_reader(end_of(path, 'a'), O_RDWR);

	t_wait_stat(path, "waiters", 2);
	close(b);
	t_is(t_io_result(&one), -ENODATA);
	t_is(t_io_result(&more), 0);

	b = open_end(path, 'b', NB);
	int a = open_end(path, 'a', NB);
	t_is(t_put(a, "0123456789"), 10);
	struct t_io writer = t_writer(end_of(path, 'a'), O_WRONLY, "more");
	t_wait_stat(path, "waiters", 1);
	close(b);
	t_is(t_io_result(&writer), -EPIPE);
}

static void killed_is_closed(void **state)
{
	(void)state;
	const char *path = make("killed");
	int b = open_end(path, 'b', NB);
	struct t_io killed = t_reader(end_of(path, 'a'), O_RDWR);
	struct t_io reader = t_reader(end_of(path, 'b'), O_RDWR);

	t_wait_stat(path, "waiters", 2);
	t_kill(killed.pid);
	t_is(t_io_result(&reader), 0);
	t_gets(b, "");
	t_is(t_put(b, "x"), -EPIPE);
	t_is(t_stat(path, "waiters"), 0);
}

static void poll_and_epoll(void **state)
{
	(void)state;
	const char *path = make("poll");
	int a = open_end(path, 'a', NB), b = open_end(path, 'b', NB), ep = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN}, got;

	t_is(t_sys(epoll_ctl(ep, EPOLL_CTL_ADD, b, &event)), 0);
	t_is(epoll_wait(ep, &got, 1, 0), 0);
	t_is(t_put(a, "hi"), 2);
	t_is(epoll_wait(ep, &got, 1, T_LIMIT_MS), 1);
	t_is(got.events, EPOLLIN);
	t_gets(b, "hi");
	t_is(epoll_wait(ep, &got, 1, 0), 0);
	t_is(t_poll(a, POLLOUT, 0), POLLOUT);
	t_is(t_put(a, "0123456789"), 10);
	t_is(t_poll(a, POLLOUT, 0), 0);
	t_gets(b, "0123456789");
	t_is(t_poll(a, POLLOUT, T_LIMIT_MS), POLLOUT);
	close(a);
	t_is(epoll_wait(ep, &got, 1, T_LIMIT_MS), 1);
	t_is(got.events, EPOLLIN | EPOLLHUP);
	t_is(t_poll(b, POLLOUT, 0) & POLLOUT, POLLOUT); /* it fails at once */
	close(ep);
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
	(void)number;
	signals = signals + 1;
}

static void notify_tells_of_messages_and_the_end(void **state)
{
	(void)state;
	const char *path = make("notify");
	int a = open_end(path, 'a', NB);

	signals = 0;
	signal(SIGUSR1, on_signal);
	int b = t_open(t_format("%s,b,notify=USR1", path), NB);
	t_check(b >= 0);
	t_is(t_put(a, "hi"), 2);
	t_until(signals == 1);
	t_gets(b, "hi");
	char c;
	t_is(t_get(b, &c, 1), -EAGAIN);
	t_is(t_put(b, "back"), 4); /* no news at this end */
	t_gets(a, "back");
	close(a);
	t_until(signals == 2);
	t_gets(b, "");
	close(b);
	signal(SIGUSR1, SIG_DFL);
}

enum { PINNED = 1024 }; /* processes that the server watches for one user */

static int flags_of_open;

/* Where the server watches so many processes already that it cannot watch this one. Those of a time before may not
 * be forgotten yet. */
static long opens_unwatched(const char *path)
{
	pid_t pids[PINNED];
	int rc;

	for (int i = 0; i < PINNED; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			pause();
			_exit(0);
		}
		t_until(t_open(t_path("signals/%d", pids[i]), O_RDONLY) >= 0);
	}
	rc = t_open(path, flags_of_open);
	for (int i = 0; i < PINNED; i++)
		kill(pids[i], SIGKILL);
	return rc;
}

/* The end was never open, the value is the old one. */
static void an_open_that_fails_changes_nothing(void **state)
{
	(void)state;
	const char *path = make("fails"), *key = t_path("dicts/fails/k");
	int a = open_end(path, 'a', NB);
	char c;

	t_is(t_sys(chmod(path, 0666)), 0);
	flags_of_open = NB;
	t_is(t_as(T_NOBODY, opens_unwatched, t_format("%s,b,notify=USR1", path)), -EUSERS);
	t_ends_are(path, "open", "never");
	t_is(t_get(a, &c, 1), -EAGAIN);
	close(a);
	t_is(t_sys(mkdir(t_path("dicts/fails"), 0755)), 0);
	t_is(t_echo(key, "old"), 0);
	t_is(t_sys(chmod(key, 0666)), 0);
	flags_of_open = O_RDWR | O_TRUNC;
	t_is(t_as(T_NOBODY, opens_unwatched, t_format("%s,notify=USR1", key)), -EUSERS);
	t_shows(key, "old");
}

/* ---- permission --------------------------------------------------------------------------------- */

static long opens(const char *path)
{
	int fd = t_open(path, NB);

	return fd < 0 ? fd : t_sys(close(fd));
}

static void an_end_has_the_pipes_mode(void **state)
{
	(void)state;
	const char *path = make("perm");

	t_is(t_sys(chmod(path, 0600)), 0);
	t_is(t_as(T_NOBODY, opens, end_of(path, 'a')), -EACCES);
	t_is(t_sys(chmod(path, 0666)), 0);
	t_is(t_as(T_NOBODY, opens, end_of(path, 'a')), 0);
	t_ends_are(path, "never", "never");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(parent_and_child),
		T_TEST(inherited_descriptors),
		T_TEST(reopened_it_goes_on),
		T_TEST(who_only_looks_has_nothing_open),
		T_TEST(read_only_and_write_only),
		T_TEST(readers_at_both_ends),
		T_TEST(writers_in_order_of_arrival),
		T_TEST(the_end_comes_to_who_waits),
		T_TEST(killed_is_closed),
		T_TEST(poll_and_epoll),
		T_TEST(notify_tells_of_messages_and_the_end),
		T_TEST(an_open_that_fails_changes_nothing),
		T_TEST(an_end_has_the_pipes_mode),
	};
	return T_RUN(tests, argc, argv);
}
