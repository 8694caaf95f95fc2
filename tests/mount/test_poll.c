/* SPDX-License-Identifier: MIT
 *
 * test_poll.c - select, poll and epoll: POLLIN when a read would not wait, POLLOUT when a write of 4096 bytes (or the
 * largest possible) would not, POLLERR when removed; who waits in poll is woken.
 */
#include "t.h"

#include <sys/epoll.h>
#include <sys/select.h>

#define is_in(fd) t_check((t_poll(fd, POLLIN, T_LIMIT_MS) & (POLLIN | POLLERR)) == POLLIN)
#define not_in(fd) t_is(t_poll(fd, POLLIN, 0), 0)
#define is_out(fd) t_check((t_poll(fd, POLLOUT, T_LIMIT_MS) & (POLLOUT | POLLERR)) == POLLOUT)
#define not_out(fd) t_is(t_poll(fd, POLLOUT, 0), 0)

static void fill(char *text, size_t len)
{
	memset(text, 'x', len);
	text[len] = 0;
}

/* ---- when -------------------------------------------------------------------------------------- */

static void a_queue(void **state)
{
	(void)state;
	const char *q = t_path("queues/poll");
	int fd = t_open(q, O_RDWR | O_CREAT);
	char text[8192];

	not_in(fd);
	is_out(fd);
	t_is(t_put(fd, "a"), 1);
	is_in(fd);
	t_is(t_poll(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
	t_is(t_poll(fd, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM, 0),
	     POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
	t_gets(fd, "a");
	not_in(fd);

	fd = t_open(t_path("queues/poll2,maxsize=2"), O_RDWR | O_CREAT);
	is_out(fd);
	t_is(t_put(fd, "a"), 1);
	is_out(fd);
	t_is(t_put(fd, "b"), 1);
	not_out(fd);
	is_in(fd);
	t_gets(fd, "a");
	is_out(fd);

	/* a write of 4096 bytes */
	fd = t_open(t_path("queues/poll3,capacity=10000"), O_RDWR | O_CREAT);
	fill(text, 5904);
	t_is(t_put(fd, text), 5904);
	is_out(fd);
	t_is(t_put(fd, "x"), 1);
	not_out(fd); /* 4095 are left */
	t_is(t_sys(write(fd, text, 4095)), 4095);
	not_out(fd);
	t_is(t_get(fd, text, sizeof(text)), 5904);
	is_out(fd);

	/* or the largest possible, if less */
	fd = t_open(t_path("queues/poll4,capacity=100"), O_RDWR | O_CREAT);
	is_out(fd);
	t_is(t_put(fd, "x"), 1);
	not_out(fd);
	t_gets(fd, "x");
	is_out(fd);
}

static void a_rest_is_readable(void **state)
{
	(void)state;
	const char *q = t_path("queues/rest");
	char c;

	t_is(t_echo(q, "ab"), 0);
	int fd = t_open(q, O_RDONLY);
	is_in(fd);
	t_is(t_get(fd, &c, 1), 1);
	is_in(fd); /* the rest of the message */
	t_is(t_get(fd, &c, 1), 1);
	is_in(fd); /* the end of file, which does not wait either */
	t_is(t_get(fd, &c, 1), 0);
	not_in(fd);
	int both = t_open(q, O_RDWR);
	t_is(t_put(both, "ab"), 2);
	t_is(t_get(both, &c, 1), 1);
	is_in(both);
	not_in(fd); /* it is not his */
	t_is(t_get(both, &c, 1), 1);
	not_in(both);
}

static void a_semaphore(void **state)
{
	(void)state;
	const char *s = t_path("semaphores/poll");
	int fd = t_open(s, O_RDWR | O_CREAT), three = t_open(t_format("%s,n=3", s), O_RDONLY);

	not_in(fd);
	is_out(fd);
	not_in(three);
	t_is(t_put(fd, "2"), 1);
	is_in(fd);
	not_in(three);
	t_is(t_put(fd, "1"), 1);
	is_in(three);
	t_gets(fd, "1\n");
	is_in(fd);
	not_in(three);
}

static void an_event(void **state)
{
	(void)state;
	const char *e = t_path("events/poll");
	int fd = t_open(e, O_RDWR | O_CREAT);

	not_in(fd);
	is_out(fd);
	t_is(t_echo(e, "1"), 0);
	is_in(fd);
	t_gets(fd, "1\n");
	is_in(fd); /* the end of file, and then the text again */
	t_is(t_echo(e, "0"), 0);
	int other = t_open(e, O_RDONLY);
	not_in(other);
}

static void values_and_arrays(void **state)
{
	(void)state;
	const char *v = t_path("values/poll"), *a = t_path("arrays/poll");
	int fd = t_open(t_format("%s,type=q", v), O_RDWR | O_CREAT);

	t_is(t_poll(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT); /* neither ever waits */
	t_gets(fd, "0\n");
	t_is(t_poll(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
	fd = t_open(t_format("%s,type=q,len=2", a), O_RDWR | O_CREAT);
	t_is(t_poll(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
}

static void views_that_never_wait(void **state)
{
	(void)state;
	static const char *const objects[] = {"queues/views", "semaphores/views", "events/views"};

	for (int i = 0; i < 3; i++) {
		const char *object = t_path("%s", objects[i]);
		t_is(t_touch(object), 0);
		is_in(t_open(t_format("%s,peek", object), O_RDONLY));
		is_in(t_open(t_format("%s,stat", object), O_RDONLY));
		is_out(t_open(t_format("%s,ctl", object), O_WRONLY));
	}
	is_in(t_open(t_path("status"), O_RDONLY));
	is_in(t_open(t_path("errors"), O_RDONLY));
}

/* Readable at once where peek shows something, then at each change. */
static void watch_on_every_kind(void **state)
{
	(void)state;
	static const struct {
		const char *create, *change[2];
	} rows[] = {
		{"semaphores/watch", {"1", "2"}},
		{"events/watch", {"1", "0"}},
		{"values/watch,type=q", {"5", "add 1"}},
		{"arrays/watch,type=q,len=2", {"5 6", "0=9"}},
	};
	char buf[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		t_is(t_touch(t_path("%s", rows[i].create)), 0);
		const char *object = t_path("%.*s", (int)strcspn(rows[i].create, ","),
					    rows[i].create);
		int fd = t_open(t_format("%s,watch", object), O_RDONLY);
		for (int j = 0; j < 2; j++) {
			is_in(fd);
			t_check(t_get(fd, buf, sizeof(buf)) > 0);
			not_in(fd);
			t_is(t_echo(object, rows[i].change[j]), 0);
		}
		is_in(fd);
	}
	const char *q = t_path("queues/watch");
	t_is(t_touch(q), 0);
	int fd = t_open(t_format("%s,watch", q), O_RDONLY);
	not_in(fd); /* peek shows nothing */
	t_is(t_echo(q, "x"), 0);
	is_in(fd);
	t_gets(fd, "x");
	not_in(fd);
}

/* ---- who waits in poll is woken ---------------------------------------------------------------- */

struct poller {
	const char *path;
	short events;
	int how; /* 0 poll, 1 select, 2 epoll, 3 epoll edge-triggered */
	_Atomic int ready;
	int got;
};

static int poll_by_epoll(struct poller *p, int fd)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = (uint32_t)p->events | (p->how == 3 ? EPOLLET : 0)};

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
		return -errno;
	p->ready = 1;
	int n = epoll_wait(ep, &e, 1, T_LIMIT_MS);
	return n < 0 ? -errno : n == 0 ? 0 : (int)e.events;
}

static int poll_by_select(struct poller *p, int fd)
{
	struct timeval limit = {T_LIMIT_MS / 1000, 0};
	fd_set in, out;

	FD_ZERO(&in);
	FD_ZERO(&out);
	if (p->events & POLLIN)
		FD_SET(fd, &in);
	if (p->events & POLLOUT)
		FD_SET(fd, &out);
	p->ready = 1;
	int n = select(fd + 1, &in, &out, NULL, &limit);
	return n < 0 ? -errno :
		       (FD_ISSET(fd, &in) ? POLLIN : 0) | (FD_ISSET(fd, &out) ? POLLOUT : 0);
}

static int poll_once(void *arg)
{
	struct poller *p = arg;
	int fd = t_open(p->path, p->events & POLLOUT ? O_WRONLY : O_RDONLY);

	if (fd < 0)
		return 1;
	if (p->how >= 2)
		p->got = poll_by_epoll(p, fd);
	else if (p->how == 1)
		p->got = poll_by_select(p, fd);
	else {
		p->ready = 1;
		p->got = t_poll(fd, p->events, T_LIMIT_MS);
	}
	return 0;
}

/* It sleeps in its poll, not only is about to. */
static void await_sleep(pid_t pid)
{
	char text[256];

	for (;;) {
		long n = t_cat(t_format("/proc/%d/wchan", (int)pid), text, sizeof(text));
		if (n > 0 &&
		    (strstr(text, "poll") || strstr(text, "select") || strstr(text, "schedule")))
			return;
		if (n >= 0 && (n == 0 || strcmp(text, "0") == 0)) { /* it is not told here */
			usleep(50000);
			return;
		}
		usleep(500);
	}
}

static void wake_on(const char *object, const char *view, short events, int how,
		    void (*change)(const char *object), int want)
{
	struct poller *p = t_shared(sizeof(*p));

	*p = (struct poller){t_format("%s%s", object, view), events, how, 0, 0};
	pid_t child = t_spawn(poll_once, p);
	t_until(p->ready);
	await_sleep(child);
	change(object);
	t_is(t_wait(child), 0);
	if ((p->got & want) != want)
		t_fail("%s, way %d: %#x, not %#x", p->path, how, (unsigned)p->got, (unsigned)want);
}

static void put_one(const char *object)
{
	t_is(t_echo(object, "1"), 0);
}

static void take_one(const char *object)
{
	char buf[64];

	t_check(t_cat(object, buf, sizeof(buf)) > 0);
}

static void remove_it(const char *object)
{
	t_is(t_sys(unlink(object)), 0);
}

static void every_way_is_woken(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		const char *q = t_path("queues/wake%d", how), *s = t_path("semaphores/wake%d", how),
			   *e = t_path("events/wake%d", how);
		t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
		t_is(t_touch(s), 0);
		t_is(t_touch(e), 0);
		wake_on(q, "", POLLIN, how, put_one, POLLIN);
		wake_on(q, "", POLLOUT, how, take_one, POLLOUT);
		wake_on(q, ",watch", POLLIN, how, put_one, POLLIN);
		wake_on(s, "", POLLIN, how, put_one, POLLIN);
		wake_on(e, "", POLLIN, how, put_one, POLLIN);
	}
}

static void removal_wakes_pollers(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		const char *q = t_path("queues/err%d", how), *s = t_path("semaphores/err%d", how),
			   *e = t_path("events/err%d", how);
		t_is(t_touch(q), 0);
		t_is(t_touch(s), 0);
		t_is(t_touch(e), 0);
		int want = how == 1 ? POLLIN : POLLERR; /* select knows no error but readable */
		wake_on(q, "", POLLIN, how, remove_it, want);
		wake_on(s, "", POLLIN, how, remove_it, want);
		wake_on(e, "", POLLIN, how, remove_it, want);
	}
}

static void the_library_wakes_pollers(void **state)
{
	(void)state;
	struct ipcfs_object *queue = t_attach(IPCFS_QUEUE, "libpoll", NULL);
	struct poller *p = t_shared(sizeof(*p));

	for (int how = 0; how < 4; how++) {
		char buf[8];
		*p = (struct poller){t_path("queues/libpoll"), POLLIN, how, 0, 0};
		pid_t child = t_spawn(poll_once, p);
		t_until(p->ready);
		await_sleep(child);
		t_is(ipcfs_queue_put(queue, "x", 1, 0), 0);
		t_is(t_wait(child), 0);
		t_check(p->got & POLLIN);
		t_is(ipcfs_queue_get(queue, buf, sizeof(buf), 0), 1);
	}
}

/* 25 in poll and 25 in epoll, one put. */
static void fifty_pollers(void **state)
{
	(void)state;
	const char *q = t_path("queues/fifty");
	struct poller *p = t_shared(50 * sizeof(*p));
	pid_t child[50];

	t_is(t_touch(q), 0);
	for (int i = 0; i < 50; i++) {
		p[i] = (struct poller){q, POLLIN, i % 2 ? 2 : 0, 0, 0};
		child[i] = t_spawn(poll_once, &p[i]);
	}
	for (int i = 0; i < 50; i++) {
		t_until(p[i].ready);
		await_sleep(child[i]);
	}
	t_is(t_echo(q, "x"), 0);
	for (int i = 0; i < 50; i++) {
		t_is(t_wait(child[i]), 0);
		t_check(p[i].got & POLLIN);
	}
	t_is(t_stat(q, "messages"), 1); /* polling takes nothing */
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_queue),
		T_TEST(a_rest_is_readable),
		T_TEST(a_semaphore),
		T_TEST(an_event),
		T_TEST(values_and_arrays),
		T_TEST(views_that_never_wait),
		T_TEST(watch_on_every_kind),
		T_TEST(every_way_is_woken),
		T_TEST(removal_wakes_pollers),
		T_TEST(the_library_wakes_pollers),
		T_TEST(fifty_pollers),
	};

	return T_RUN(tests, argc, argv);
}
