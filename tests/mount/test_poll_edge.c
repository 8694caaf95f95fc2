/* SPDX-License-Identifier: MIT
 *
 * test_poll_edge.c - poll and epoll: level and edge.
 */
#include "t.h"

#include <sys/epoll.h>

static void level_triggered(void **state)
{
	(void)state;
	const char *q = t_path("queues/level");
	int fd = t_open(q, O_RDWR | O_CREAT), ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN};

	t_is(t_sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)), 0);
	t_is(t_sys(epoll_wait(ep, &e, 1, 0)), 0);
	t_is(t_put(fd, "a"), 1);
	t_is(t_put(fd, "b"), 1);
	for (int i = 0; i < 3; i++) /* as long as there is something */
		t_is(t_sys(epoll_wait(ep, &e, 1, T_LIMIT_MS)), 1);
	t_gets(fd, "a");
	t_is(t_sys(epoll_wait(ep, &e, 1, T_LIMIT_MS)), 1);
	t_gets(fd, "b");
	t_is(t_sys(epoll_wait(ep, &e, 1, 0)), 0);
}

static void edge_triggered(void **state)
{
	(void)state;
	const char *q = t_path("queues/edge");
	int fd = t_open(q, O_RDWR | O_CREAT | O_NONBLOCK), ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN | EPOLLET};
	char buf[8];

	t_is(t_sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)), 0);
	t_is(t_sys(epoll_wait(ep, &e, 1, 0)), 0);
	for (int round = 0; round < 100; round++) {
		t_is(t_echo(q, "a"), 0);
		t_is(t_sys(epoll_wait(ep, &e, 1, T_LIMIT_MS)), 1);
		t_is(t_get(fd, buf, sizeof(buf)), 1);
		t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	}
}

static int put_many(void *arg)
{
	const int *count = arg;
	int fd = t_open(t_path("queues/many"), O_WRONLY);

	for (int i = 0; i < *count; i++)
		if (t_put(fd, "message") != 7)
			return 1;
	return 0;
}

/* No wake-up is lost, of thousands. */
static void drain_by_epoll(uint32_t flags)
{
	const char *q = t_path("queues/many");
	int count = t_count(10000, 100000), got = 0, ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN | flags};
	char buf[16];

	t_limit(t_count(T_TEST_S, 600));
	t_is(t_touch(t_format("%s,maxsize=7", q)), 0);
	int fd = t_open(q, O_RDONLY | O_NONBLOCK);
	t_is(t_sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)), 0);
	pid_t child = t_spawn(put_many, &count);
	while (got < count) {
		if (epoll_wait(ep, &e, 1, T_LIMIT_MS) != 1)
			t_fail("no wake-up after %d of %d", got, count);
		long n;
		while ((n = t_get(fd, buf, sizeof(buf))) == 7) {
			got++;
			if (!(flags & EPOLLET))
				break; /* level: one a wake-up */
		}
		if (n != 7)
			t_is(n, -EAGAIN);
	}
	t_is(t_wait(child), 0);
	t_is(t_sys(unlink(q)), 0);
}

static void no_wakeup_is_lost_by_level(void **state)
{
	(void)state;
	drain_by_epoll(0);
}

static void no_wakeup_is_lost_by_edge(void **state)
{
	(void)state;
	drain_by_epoll(EPOLLET);
}

/* One waits for any of many objects of all kinds. */
static void one_for_many_objects(void **state)
{
	(void)state;
	int ep = epoll_create1(EPOLL_CLOEXEC), n = 200;
	struct epoll_event e;

	for (int i = 0; i < n; i++) {
		static const char *const folders[] = {"queues", "semaphores", "events"};
		int fd = t_open(t_path("%s/any%d", folders[i % 3], i), O_RDWR | O_CREAT);
		t_check(fd >= 0);
		e = (struct epoll_event){.events = EPOLLIN, .data.u32 = (uint32_t)fd};
		t_is(t_sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)), 0);
	}
	t_is(t_sys(epoll_wait(ep, &e, 1, 0)), 0);
	t_is(t_echo(t_path("events/any%d", 80), "1"), 0);
	t_is(t_sys(epoll_wait(ep, &e, 1, T_LIMIT_MS)), 1);
	char buf[8];
	t_is(t_get((int)e.data.u32, buf, sizeof(buf)), 2);
	t_is(t_echo(t_path("events/any%d", 80), "0"), 0);
	t_is(t_get((int)e.data.u32, buf, sizeof(buf)), 0); /* its end of file */
	t_is(t_echo(t_path("semaphores/any%d", 199), "1"), 0);
	t_is(t_sys(epoll_wait(ep, &e, 1, T_LIMIT_MS)), 1);
	t_is(t_get((int)e.data.u32, buf, sizeof(buf)), 2);
	t_is(t_echo(t_path("queues/any%d", 0), "q"), 0);
	t_is(t_sys(epoll_wait(ep, &e, 1, T_LIMIT_MS)), 1);
	t_is(t_get((int)e.data.u32, buf, sizeof(buf)), 1);
	t_is(t_sys(epoll_wait(ep, &e, 1, 0)), 0);
}

/* Who polls for something to read is not woken by what makes room to write: epoll_wait does not ask again. */
static void told_of_what_was_asked_for(void **state)
{
	enum { ROUNDS = 50 };

	(void)state;
	t_is(t_touch(t_path("pipes/asked")), 0);
	int a = t_open(t_path("pipes/asked,a"), O_RDWR),
	    b = t_open(t_path("pipes/asked,b"), O_RDWR);
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN};

	for (int i = 0; i < ROUNDS; i++)
		t_is(t_put(a, "x"), 1);
	t_is(t_sys(epoll_ctl(ep, EPOLL_CTL_ADD, a, &e)), 0);
	t_is(t_sys(epoll_wait(ep, &e, 1, 0)), 0);
	long before = t_status("requests");
	for (int i = 0; i < ROUNDS; i++) {
		t_gets(b, "x");
		t_is(t_sys(epoll_wait(ep, &e, 1, 0)), 0);
	}
	t_check(t_status("requests") - before < ROUNDS + ROUNDS / 2);
	t_is(t_put(b, "y"), 1);
	t_is(t_sys(epoll_wait(ep, &e, 1, T_LIMIT_MS)), 1);
	t_is(e.events, EPOLLIN);
	/* and of an end that goes, always */
	t_gets(a, "y");
	t_is(t_sys(epoll_wait(ep, &e, 1, 0)), 0);
	close(b);
	t_is(t_sys(epoll_wait(ep, &e, 1, T_LIMIT_MS)), 1);
	t_check(e.events & EPOLLHUP);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(level_triggered),
		T_TEST(edge_triggered),
		T_TEST(no_wakeup_is_lost_by_level),
		T_TEST(no_wakeup_is_lost_by_edge),
		T_TEST(one_for_many_objects),
		T_TEST(told_of_what_was_asked_for),
	};

	return T_RUN(tests, argc, argv);
}
