/* SPDX-License-Identifier: MIT
 *
 * test_pipe.c - contract, row pipes: duplex pipes through their ends `a` and `b`: who has an end open, who waits at it,
 * what becomes of it when processes are killed, the server among them; with the library at the other end.
 */
#include "t.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "core/object.h"

#define NB (O_RDWR | O_NONBLOCK)

static const char *make(const char *name)
{
	const char *path = t_path("pipes/%s", name);

	t_is(t_touch(t_format("%s,capacity=10", path)), 0);
	return path;
}

static const char *end_of(const char *path, char end)
{
	return t_format("%s,%c", path, end);
}

static int open_end(const char *path, char end, int flags)
{
	int fd = t_open(end_of(path, end), flags);

	t_check(fd >= 0);
	return fd;
}

#define t_ends_are(path, a, b) ends_are_(path, a, b, __FILE__, __LINE__)
static void ends_are_(const char *path, const char *a, const char *b, const char *file, int line)
{
	if (!t_stat_has(path, t_format("a %s", a)) || !t_stat_has(path, t_format("b %s", b)))
		t_fail_(file, line, "the ends are not %s, %s: %s", a, b,
			t_run("cat %s,stat", path)->out);
}

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

/* ---- with the library at the other end ---------------------------------------------------------- */

struct talker {
	const char *name;
	_Atomic int state; /* 1: has it open */
	_Atomic long result;
};

/* Opens b, reads one, and stays. */
static int read_by_library(void *arg)
{
	struct talker *t = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *p = t_attach_child(&store, IPCFS_PIPE, t->name);
	char buf[16];

	if (!p || ipcfs_pipe_open(p, IPCFS_END_B) != 0)
		return 1;
	t->state = 1;
	t->result = ipcfs_pipe_get(p, IPCFS_END_B, buf, sizeof(buf), IPCFS_FOREVER);
	t->state = 2;
	return pause();
}

/* Before descriptors of the other end are there: it would inherit them. */
static struct talker *start_talker(const char *name, pid_t *pid)
{
	struct talker *t = t_shared(sizeof(*t));

	t->name = name;
	*pid = t_spawn(read_by_library, t);
	t_until(t->state == 1);
	return t;
}

static void the_library_at_the_other_end(void **state)
{
	(void)state;
	const char *path = make("lib");
	struct ipcfs_object *p = t_attach(IPCFS_PIPE, "lib", NULL);
	int a = open_end(path, 'a', NB);
	char buf[16];
	pid_t pid;
	struct talker *t = start_talker("lib", &pid);

	t_is(t_put(a, "four"), 4);
	t_until(t->state == 2);
	t_is(t->result, 4);
	struct t_io reader = t_reader(end_of(path, 'a'), O_RDWR);
	t_wait_stat(path, "waiters", 1);
	t_is(ipcfs_pipe_open(p, IPCFS_END_B), 0);
	t_is(t_again(ipcfs_pipe_put(p, IPCFS_END_B, "reply", 5, 0)), 0);
	t_io_got(&reader, "reply");
	t_is(t_again(ipcfs_pipe_close(p, IPCFS_END_B)), 0);
	t_is(t_get(a, buf, 1), -EAGAIN); /* the other one is there still */
	t_ends_are(path, "open", "open");
	reader = t_reader(end_of(path, 'a'), O_RDONLY);
	t_wait_stat(path, "waiters", 1);
	t_kill(pid);
	t_is(t_io_result(&reader), -ENODATA); /* told at once, not by and by */
	t_is(t_put(a, "x"), -EPIPE);
	ipcfs_close(p);
}

static void a_closed_file_wakes_the_library(void **state)
{
	(void)state;
	const char *path = make("wake");
	pid_t pid;
	struct talker *t = start_talker("wake", &pid);

	close(open_end(path, 'a', NB));
	t_until(t->state == 2);
	t_is(t->result, -ENODATA);
}

static void a_killed_server_has_closed_its_ends(void **state)
{
	(void)state;
	const char *path = make("server");
	pid_t pid;
	struct talker *t = start_talker("server", &pid);
	int a = open_end(path, 'a', NB);

	t_ends_are(path, "open", "open");
	t_kill_server();
	t_until(t->state == 2); /* it looks again within a second */
	t_is(t->result, -ENODATA);
	t_mount(NULL);
	t_ends_are(path, "closed", "open");
	close(a);
	a = open_end(path, 'a', NB);
	t_is(t_put(a, "anew"), 4);
	t_kill(pid);
	t_until(t_stat_has(path, "b closed"));
	t_restart();
	t_is(t_stat(path, "messages"), 1);
	int b = open_end(path, 'b', NB); /* all that had it open are dead: it begins anew */
	t_ends_are(path, "never", "open");
	t_gets(b, "anew");
	char c;
	t_is(t_get(b, &c, 1), -EAGAIN);
	close(a);
}

/* The object's inner lock is held by somebody who does not run: who closes does not wait, and what he closes is
 * closed as soon as it can be. */
static int stop_inside(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *p = t_attach_child(&store, IPCFS_PIPE, arg);
	sigset_t go;
	int number;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	if (!p || sigwait(&go, &number) != 0 || obj_lock(p, IPCFS_FOREVER, false) != 0)
		return 1;
	raise(SIGSTOP);
	obj_unlock(p, 0);
	return pause();
}

static void a_close_is_never_lost(void **state)
{
	(void)state;
	const char *path = make("busy");
	sigset_t go;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigprocmask(SIG_BLOCK, &go, NULL); /* for the child to wait for */
	pid_t pid = t_spawn(stop_inside, (void *)"busy");
	sigprocmask(SIG_UNBLOCK, &go, NULL);
	int a = open_end(path, 'a', NB), b = open_end(path, 'b', NB), status;
	char c;

	t_is(t_sys(kill(pid, SIGUSR1)), 0);
	t_is(waitpid(pid, &status, WUNTRACED), pid);
	t_check(WIFSTOPPED(status));
	t_is(t_open(end_of(path, 'a'), NB), -EBUSY);
	t_is(t_sys(close(a)), 0);
	t_is(t_sys(kill(pid, SIGCONT)), 0);
	t_until(t_get(b, &c, 1) == 0);
	t_ends_are(path, "closed", "open");
}

static void no_more_than_there_is_room_for(void **state)
{
	(void)state;
	const char *path = make("room");
	struct ipcfs_object *p = t_attach(IPCFS_PIPE, "room", NULL);

	for (int i = 0; i < 4096; i++)
		t_is(t_again(ipcfs_pipe_open(p, IPCFS_END_A)), 0);
	t_is(t_open(end_of(path, 'b'), NB), -EUSERS);
	t_runs(0, "tail -n 1 $M/errors | grep 'EUSERS pipes/room: its ends are open too often "
		  "already'");
	t_is(t_again(ipcfs_pipe_close(p, IPCFS_END_A)), 0);
	close(open_end(path, 'b', NB));
	ipcfs_close(p);
	t_until(t_stat_has(path, "a never"));
}

/* ---- much --------------------------------------------------------------------------------------- */

struct flood {
	const char *path;
	char end;
	int count;
};

/* Writes and reads as it comes, so that neither end waits for ever. */
static int flood(void *arg)
{
	const struct flood *f = arg;
	int fd = t_open(end_of(f->path, f->end), NB), sent = 0, seen = 0;
	char message[200], want[200];

	while (sent < f->count || seen < f->count) {
		size_t len = 1 + (size_t)sent % 199;
		long n = -EAGAIN;

		memset(message, sent, len);
		if (sent < f->count)
			n = t_sys(write(fd, message, len));
		sent += n > 0;
		if (n < 0 && n != -EAGAIN)
			return 1;
		n = t_get(fd, message, sizeof(message));
		if (n == -EAGAIN) {
			t_poll(fd, sent < f->count ? POLLIN | POLLOUT : POLLIN, 1000);
			continue;
		}
		len = 1 + (size_t)seen % 199;
		memset(want, seen++, len);
		if (n != (long)len || memcmp(want, message, len) != 0)
			return 2;
	}
	return 0;
}

static void both_ways_at_once(void **state)
{
	(void)state;
	const char *path = t_path("pipes/flood");
	struct flood f[2] = {{path, 'a', t_count(3000, 100000)},
			     {path, 'b', t_count(3000, 100000)}};
	pid_t pids[2];

	t_is(t_touch(t_format("%s,capacity=1000", path)), 0);
	/* Who is done first must not cut the other off. */
	int keep[2] = {open_end(path, 'a', NB), open_end(path, 'b', NB)};
	for (int i = 0; i < 2; i++)
		pids[i] = t_spawn(flood, &f[i]);
	for (int i = 0; i < 2; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(t_stat(path, "messages"), 0);
	for (int i = 0; i < 2; i++)
		close(keep[i]);
}

static int write_many(void *arg)
{
	const struct flood *f = arg;
	int fd = t_open(end_of(f->path, 'a'), O_WRONLY);
	char message[300];

	memset(message, f->end, sizeof(message));
	for (int i = 0; i < f->count; i++)
		if (write(fd, message, 1 + (size_t)i % 300) < 0)
			return 1;
	return 0;
}

static void two_writers_at_once(void **state)
{
	(void)state;
	const char *path = t_path("pipes/writers");
	struct flood f[2] = {{path, 'x', 1000}, {path, 'y', 1000}};
	int next[2] = {0}, b;
	char buf[301];
	pid_t pids[2];
	long n;

	t_is(t_touch(t_format("%s,capacity=1000", path)), 0);
	b = open_end(path, 'b', O_RDWR);
	for (int i = 0; i < 2; i++)
		pids[i] = t_spawn(write_many, &f[i]);
	while ((n = t_get(b, buf, sizeof(buf))) > 0) {
		int from = buf[0] - 'x';

		t_check(from == 0 || from == 1);
		t_is(n, 1 + next[from]++ % 300);
		for (long k = 1; k < n; k++)
			t_is(buf[k], buf[0]);
	}
	t_is(n, 0);
	t_is(next[0], 1000);
	t_is(next[1], 1000);
	for (int i = 0; i < 2; i++)
		t_is(t_wait(pids[i]), 0);
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
		T_TEST(the_library_at_the_other_end),
		T_TEST(a_closed_file_wakes_the_library),
		T_TEST(a_killed_server_has_closed_its_ends),
		T_TEST(a_close_is_never_lost),
		T_TEST(no_more_than_there_is_room_for),
		T_TEST(both_ways_at_once),
		T_TEST(two_writers_at_once),
		T_TEST(an_end_has_the_pipes_mode),
	};
	return T_RUN(tests, argc, argv);
}
