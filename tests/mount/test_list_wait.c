/* SPDX-License-Identifier: MIT
 *
 * test_list_wait.c - lists as files: waiting for an item, meeting programs of the library, a busy lock.
 */
#include "list.h"

#include <signal.h>
#include <sys/epoll.h>

#include "hold.h"

/* ---- waiting for an item ------------------------------------------------------------------------------- */

static void pop_waits(void **state)
{
	(void)state;
	const char *l = list("waits"), *first = t_format("%s,pop=0", l);

	t_is(t_touch(l), 0);
	struct t_io a = t_reader(first, O_RDONLY);
	t_wait_stat(l, "waiters", 1);
	t_shows(l, ""); /* looks stand in no line */
	t_is(append(l, "one\ntwo\n"), 8);
	t_io_got(&a, "one");
	t_shows(l, "two\n");
	t_shows(t_format("%s,pop", l), "two");
	/* in order of arrival; a killed one takes nothing */
	struct t_io io[4];
	for (int i = 0; i < 4; i++) {
		io[i] = t_reader(first, O_RDONLY);
		t_wait_stat(l, "waiters", i + 1);
	}
	t_kill(io[1].pid);
	t_wait_stat(l, "waiters", 3);
	t_is(append(l, "1\n"), 2);
	t_io_got(&io[0], "1");
	t_is(append(l, "2\n3\n4\n"), 6);
	t_io_got(&io[2], "2");
	t_io_got(&io[3], "3");
	t_shows(l, "4\n");
	/* what is past the end of a list that is not empty any more */
	t_shows(t_format("%s,pop", l), "4");
	a = t_reader(t_format("%s,pop=1", l), O_RDONLY);
	t_wait_stat(l, "waiters", 1);
	t_is(write_view(t_format("%s,insert=0", l), "x"), 1);
	t_is(t_io_result(&a), -ERANGE);
	t_shows(l, "x\n");
}

static void pop_as_a_queue(void **state)
{
	(void)state;
	const char *l = list("queue");

	start_with(l, "a\nb\nc\nd\n");
	t_runs(0, "cd $M/lists && exec 3<> queue,pop=0 && read -t 60 -u 3 -N 1 x && test $x = a && "
		  "read -t 60 -u 3 -N 1 x && test $x = b");
	t_shows(l, "c\nd\n");
	int fd = t_open(t_format("%s,pop=0", l), O_RDONLY);
	t_gets(fd, "c");
	t_gets(fd, "");
	t_gets(fd, "d");
	t_gets(fd, "");
	close(fd);
	fd = t_open(t_format("%s,pop", l), O_RDONLY | O_NONBLOCK);
	char buf[10];
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_poll(fd, POLLIN, 0), 0);
	int epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	t_is(t_sys(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)), 0);
	t_is(epoll_wait(epoll, &event, 1, 0), 0);
	t_is(append(l, "e\n"), 2);
	t_is(epoll_wait(epoll, &event, 1, T_LIMIT_MS), 1);
	t_gets(fd, "e");
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	close(epoll);
	close(fd);
}

/* A rest that is not read is nobody's. */
static void short_buffers(void **state)
{
	(void)state;
	const char *l = list("short");
	char buf[3] = "";

	start_with(l, "abcde\nf\n");
	int fd = t_open(t_format("%s,pop=0", l), O_RDWR);
	t_is(t_get(fd, buf, 2), 2);
	t_shows(l, "f\n");
	t_gets(fd, "cde");
	t_gets(fd, "f");
	close(fd);
	start_with(l, "abcde\n");
	fd = t_open(t_format("%s,pop=0", l), O_RDWR);
	t_is(t_get(fd, buf, 2), 2);
	close(fd);
	t_is(t_stat(l, "items"), 0);
}

/* ---- with programs of the library ----------------------------------------------------------------------------- */

static void the_library_meets(void **state)
{
	(void)state;
	const char *l = list("lib");
	struct ipcfs_object *o = t_attach(IPCFS_LIST, "lib", NULL);
	char buf[20];

	t_is(ipcfs_list_append(o, "a\nb", 3), 0);
	t_shows(l, "a\\nb\n");
	t_is(append(l, "c\n"), 2);
	t_is(ipcfs_list_pop(o, -1, buf, sizeof(buf), 0), 1);
	t_is(ipcfs_list_clear(o), 1);
	struct t_io waits = t_reader(t_format("%s,pop", l), O_RDONLY);
	t_wait_stat(l, "waiters", 1);
	t_is(ipcfs_list_append(o, "x", 1), 0);
	t_io_got(&waits, "x");
	int fd = t_open(t_format("%s,watch", l), O_RDONLY);
	t_is(ipcfs_list_append(o, "y", 1), 0);
	t_gets(fd, "y\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(ipcfs_list_set(o, 0, "z", 1, NULL), 0);
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_gets(fd, "z\n");
	close(fd);
	/* an item without bytes reads as its own end of file */
	t_is(ipcfs_list_replace(o, &(struct iovec){buf, 0}, 1, NULL), 0);
	t_shows(l, "\n");
	t_shows(t_format("%s,pop", l), "");
	t_is(t_stat(l, "items"), 0);
}

static _Atomic int signals_seen;

static void on_signal(int number)
{
	(void)number;
	signals_seen++;
}

static void signals_tell(void **state)
{
	(void)state;
	const char *l = list("notify");
	struct ipcfs_object *o = t_attach(IPCFS_LIST, "notify", NULL);
	char buf[20];

	signal(SIGUSR1, on_signal);
	signals_seen = 0;
	int all = t_open(t_format("%s,notify=USR1", l), O_RDONLY);
	t_is(append(l, "a\n"), 2);
	t_until(signals_seen == 1);
	t_is(ipcfs_list_append(o, "b", 1), 0); /* each change */
	t_until(signals_seen == 2);
	t_is(ipcfs_list_clear(o), 2);
	t_until(signals_seen == 3);
	close(all);
	int fd = t_open(t_format("%s,pop,notify=USR1", l), O_RDONLY | O_NONBLOCK);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(ipcfs_list_append(o, "c", 1), 0);
	t_until(signals_seen == 4);
	t_is(append(l, "d\n"), 2); /* there was one already */
	t_gets(fd, "d");
	t_is(t_stat(l, "items"), 1);
	t_is(signals_seen, 4);
	close(fd);
	signal(SIGUSR1, SIG_DFL);
}

/* A program has the lock and does not run: what may not wait gets EBUSY, and what is left at a close is put when it
 * lets go. */
static void a_busy_lock(void **state)
{
	(void)state;
	const char *l = list("busy");

	start_with(l, "a\n");
	start_with(list("over"), "x\n");
	pid_t held = t_hold(IPCFS_LIST, "busy"), other = t_hold(IPCFS_LIST, "over");
	int fd = t_open(l, O_WRONLY | O_APPEND), over = t_open(list("over"), O_WRONLY | O_TRUNC);
	t_is(t_put(fd, "rest"), 4); /* is only gathered */
	t_is(append(l, "b\n"), -EBUSY);
	t_is(t_sys(truncate(l, 0)), -EBUSY);
	t_is(t_sys(close(fd)), 0); /* at once */
	t_is(t_sys(close(over)), 0);
	t_until(t_status("left") == 1);
	t_let_go(held);
	t_until(t_stat(l, "items") == 2);
	t_shows(l, "a\nrest\n");
	t_let_go(other);
	t_until(t_stat(list("over"), "items") == 0);
	t_is(t_status("left"), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(pop_waits),	   T_TEST(pop_as_a_queue), T_TEST(short_buffers),
		T_TEST(the_library_meets), T_TEST(signals_tell),   T_TEST(a_busy_lock),
	};
	return T_RUN(tests, argc, argv);
}
