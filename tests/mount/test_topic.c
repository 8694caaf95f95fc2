/* SPDX-License-Identifier: MIT
 *
 * test_topic.c - contract, row topics: every handle reads all that was published since it was opened; publishing never
 * waits; who is too slow is told so once.
 */
#include "t.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#define NB (O_RDWR | O_NONBLOCK)

static const char *make(const char *name)
{
	const char *path = t_path("topics/%s", name);

	t_is(t_touch(t_format("%s,capacity=100", path)), 0);
	return path;
}

static void every_handle_reads_all(void **state)
{
	(void)state;
	const char *path = make("all");
	int early = t_open(path, NB), late;
	char c;

	t_is(t_echo(path, "one"), 0);
	late = t_open(path, NB);
	t_is(t_echo(path, "two"), 0);
	t_gets(early, "one");
	t_gets(late, "two");
	t_gets(early, "two");
	t_is(t_get(early, &c, 1), -EAGAIN);
	t_is(t_put(early, "three"), 5); /* its own as well */
	t_gets(early, "three");
	t_gets(late, "three");
	t_is(t_stat(path, "messages"), 3);
	t_is(t_stat(path, "published"), 3);
}

/* One item and its end, as of what is taken; a new handle sees nothing of the old. */
static void cat_reads_the_next_one(void **state)
{
	(void)state;
	const char *path = make("cat");

	t_is(t_echo(path, "old"), 0);
	struct t_io reader = t_reader(path, O_RDONLY);
	t_wait_stat(path, "waiters", 1);
	t_is(t_echo(path, "new"), 0);
	t_io_got(&reader, "new");
	t_runs(0, "exec 3< %s; echo a > %s; echo b > %s; [ \"$(cat <&3)$(cat <&3)\" = ab ]", path,
	       path, path);
	t_runs(0,
	       "(read -r x; read -r y; echo \"$x$y\") < %s,stream > %s/out & "
	       "until grep -q 'readers 1' %s,stat; do :; done; echo a > %s; echo b > %s; wait; "
	       "grep -qx ab %s/out",
	       path, t_base, path, path, path, t_base);
}

static void all_who_wait_get_it(void **state)
{
	(void)state;
	const char *path = make("wait");
	struct t_io readers[50];

	for (int i = 0; i < 50; i++)
		readers[i] = t_reader(path, i % 2 ? O_RDONLY : O_RDWR);
	t_wait_stat(path, "waiters", 50);
	t_kill(readers[7].pid);
	t_wait_stat(path, "waiters", 49);
	t_is(t_echo(path, "news"), 0);
	for (int i = 0; i < 50; i++)
		if (i != 7)
			t_io_got(&readers[i], "news");
	t_is(t_stat(path, "waiters"), 0);
}

static void the_slow_are_told_once(void **state)
{
	(void)state;
	const char *path = make("slow");
	int slow = t_open(path, O_RDWR), one_item = t_open(path, O_RDONLY);
	char message[41], buf[64];

	for (int i = 0; i < 10; i++) {
		snprintf(message, sizeof(message), "%040d", i);
		t_is(t_echo(path, message), 0);
	}
	t_is(t_get(slow, buf, sizeof(buf)), -ENOBUFS);
	t_runs(0, "tail -n 1 $M/errors | "
		  "grep 'ENOBUFS topics/slow: 8 messages have gone that this handle has not read'");
	t_gets(slow, t_format("%040d", 8));
	t_gets(slow, t_format("%040d", 9));
	t_is(t_get(one_item, buf, sizeof(buf)), -ENOBUFS);
	t_gets(one_item, t_format("%040d", 8));
	t_gets(one_item, "");
	t_gets(one_item, t_format("%040d", 9));
}

/* What a handle has begun to read is its own. */
static void a_rest_stays(void **state)
{
	(void)state;
	const char *path = make("rest");
	int fd = t_open(path, NB);
	char c;

	t_is(t_echo(path, "ab"), 0);
	t_is(t_get(fd, &c, 1), 1);
	t_is(c, 'a');
	t_is(t_echo(t_format("%s,ctl", path), "clear"), 0);
	t_is(t_echo(path, "next"), 0);
	t_gets(fd, "b");
	t_gets(fd, "next");
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
	(void)number;
	signals = signals + 1;
}

static void poll_epoll_and_notify(void **state)
{
	(void)state;
	const char *path = make("poll");
	int fd = t_open(path, NB), ep = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN}, got;

	t_is(t_sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event)), 0);
	t_is(epoll_wait(ep, &got, 1, 0), 0);
	signals = 0;
	signal(SIGUSR1, on_signal);
	int told = t_open(t_format("%s,notify=USR1", path), O_RDWR | O_NONBLOCK);
	t_is(t_echo(path, "hi"), 0);
	t_until(signals == 1);
	t_is(epoll_wait(ep, &got, 1, T_LIMIT_MS), 1);
	t_gets(fd, "hi");
	t_is(epoll_wait(ep, &got, 1, 0), 0);
	t_gets(told, "hi");
	t_is(t_echo(path, "again"), 0);
	t_until(signals == 2);
	t_is(epoll_wait(ep, &got, 1, T_LIMIT_MS), 1);
	close(told);
	close(ep);
	signal(SIGUSR1, SIG_DFL);
}

static int publish_by_library(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, IPCFS_TOPIC, arg);

	for (int i = 0; o && i < 1000; i++) {
		char message[8];

		snprintf(message, sizeof(message), "%d", i);
		if (ipcfs_topic_publish(o, message, strlen(message)) != 0)
			return 1;
	}
	return !o;
}

/* A file that listens hears of it by the doorbell; what it misses it is told. */
static void the_library_publishes(void **state)
{
	(void)state;
	const char *path = make("lib");
	int fd = t_open(path, O_RDWR), seen = 0, next = 0, lost = 0;
	struct ipcfs_object *o = t_attach(IPCFS_TOPIC, "lib", NULL);
	struct ipcfs_cursor cursor;
	char buf[16];

	t_is(t_again(ipcfs_topic_subscribe(o, &cursor)), 0);
	pid_t pid = t_spawn(publish_by_library, (void *)"lib");
	while (next < 1000) {
		long n = t_get(fd, buf, sizeof(buf) - 1);

		if (n == -ENOBUFS) {
			lost++;
			continue;
		}
		t_check(n > 0);
		buf[n] = '\0';
		t_check(atoi(buf) >= next);
		next = atoi(buf) + 1;
		seen++;
	}
	t_check(seen == 1000 || lost > 0);
	t_is(t_wait(pid), 0);
	t_is(t_echo(path, "from a file"), 0);
	while (t_again(ipcfs_topic_next(o, &cursor, buf, sizeof(buf), 0)) != 11)
		;
}

static int publish_ten(void *arg)
{
	for (int i = 0; i < 500; i++)
		if (t_echo(arg, "0123456789") != 0)
			return 1;
	return 0;
}

static void publishers_at_once(void **state)
{
	(void)state;
	const char *path = t_path("topics/many");
	pid_t pids[3];

	t_is(t_touch(t_format("%s,capacity=1M", path)), 0);
	int fd = t_open(path, O_RDONLY);
	for (int i = 0; i < 3; i++)
		pids[i] = t_spawn(publish_ten, (void *)(uintptr_t)path);
	for (int i = 0; i < 1500; i++) {
		t_gets(fd, "0123456789");
		t_gets(fd, "");
	}
	for (int i = 0; i < 3; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(t_stat(path, "published"), 1500);
}

static void what_is_there_survives_a_restart(void **state)
{
	(void)state;
	const char *path = make("restart");

	t_is(t_echo(path, "one"), 0);
	t_is(t_echo(path, "two"), 0);
	t_restart();
	t_is(t_stat(path, "published"), 2);
	t_is(t_stat(path, "messages"), 2);
	t_shows(t_format("%s,peek", path), "two");
	int fd = t_open(path, NB);
	t_is(t_echo(path, "three"), 0);
	t_gets(fd, "three");
}

static long reads(const char *path)
{
	int fd = t_open(path, O_RDONLY | O_NONBLOCK);

	return fd < 0 ? fd : t_sys(close(fd));
}

static long publishes(const char *path)
{
	int fd = t_open(path, O_WRONLY);

	return fd < 0 ? fd : t_put(fd, "x");
}

/* Reading takes nothing, so umask 022 leaves it to everybody. */
static void anybody_may_listen(void **state)
{
	(void)state;
	mode_t mask = umask(022);
	const char *path = make("open");
	struct stat st;

	umask(mask);
	t_is(t_sys(stat(path, &st)), 0);
	t_is(st.st_mode, S_IFREG | 0644);
	t_is(t_as(T_NOBODY, reads, path), 0);
	t_is(t_as(T_NOBODY, publishes, path), -EACCES);
	t_is(t_sys(chmod(path, 0600)), 0);
	t_is(t_as(T_NOBODY, reads, path), -EACCES);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(every_handle_reads_all),
		T_TEST(cat_reads_the_next_one),
		T_TEST(all_who_wait_get_it),
		T_TEST(the_slow_are_told_once),
		T_TEST(a_rest_stays),
		T_TEST(poll_epoll_and_notify),
		T_TEST(the_library_publishes),
		T_TEST(publishers_at_once),
		T_TEST(what_is_there_survives_a_restart),
		T_TEST(anybody_may_listen),
	};
	return T_RUN(tests, argc, argv);
}
