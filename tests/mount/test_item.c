/* SPDX-License-Identifier: MIT
 *
 * test_item.c - IPCFS_ITEM: which message a handle read or wrote last.
 */
#include "t.h"

#include <sys/ioctl.h>

#include "lease.h"

static char buf[1 << 21];

static void item_is_(int fd, uint64_t number, uint64_t attempt, uint64_t unread, int line)
{
	struct ipcfs_item item = {0};
	long rc = t_sys(ioctl(fd, IPCFS_ITEM, &item));

	if (rc != 0 || item.number != number || item.attempt != attempt || item.unread != unread)
		fail_msg("line %d: %ld: number %lu attempt %lu unread %lu", line, rc,
			 (unsigned long)item.number, (unsigned long)item.attempt,
			 (unsigned long)item.unread);
}
#define item_is(fd, number, attempt, unread) item_is_(fd, number, attempt, unread, __LINE__)

static long ask(int fd)
{
	struct ipcfs_item item;

	return t_sys(ioctl(fd, IPCFS_ITEM, &item));
}

static void messages_are_numbered_as_they_are_put(void **state)
{
	(void)state;
	const char *q = queue("numbered");
	int a = t_open(q, O_WRONLY), b = t_open(q, O_RDWR), get = t_open(q, O_RDONLY);

	t_check(IPCFS_ITEM == 0x8018f503);
	t_is(ask(a), -ENODATA);
	t_is(ask(get), -ENODATA);
	t_check(t_errors_say("neither read nor written a message", "numbered"));
	t_is(t_put(a, "first"), 5);
	item_is(a, 0, 0, 0);
	t_is(t_put(b, "second"), 6);
	item_is(b, 1, 0, 0);
	item_is(a, 0, 0, 0);
	t_gets(get, "first");
	item_is(get, 0, 1, 0);
	t_is(t_get(get, buf, sizeof(buf)), 0); /* the end of file is none */
	item_is(get, 0, 1, 0);
	t_gets(b, "second");
	item_is(b, 1, 1, 0);
	t_is(t_put(a, "third"), 5);
	item_is(a, 2, 0, 0);
	t_is(t_stat(q, "put"), 3);
}

static void a_write_that_fails_is_none(void **state)
{
	(void)state;
	const char *q = t_path("queues/fails");
	int fd;

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	fd = t_open(q, O_RDWR | O_NONBLOCK);
	t_is(t_put(fd, "a"), 1);
	t_is(t_put(fd, "b"), -EAGAIN);
	item_is(fd, 0, 0, 0);
	t_gets(fd, "a");
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	item_is(fd, 0, 1, 0);
	t_is(t_put(fd, "c"), 1);
	item_is(fd, 1, 0, 0);
}

static void what_waited_is_told_too(void **state)
{
	(void)state;
	const char *q = t_path("queues/waited");
	int fd;

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	fd = t_open(q, O_RDWR);
	t_is(t_put(fd, "a"), 1);
	pid_t child = t_shell(
		NULL, "until grep -q '^waiters 1$' '%s,stat'; do :; done; cat '%s' >/dev/null", q,
		q);
	t_is(t_put(fd, "b"), 1);
	item_is(fd, 1, 0, 0);
	t_is(t_wait(child), 0);
	t_gets(fd, "b");
	child = t_shell(NULL, "until grep -q '^waiters 1$' '%s,stat'; do :; done; printf c > '%s'",
			q, q);
	t_gets(fd, "c");
	item_is(fd, 2, 1, 0);
	t_is(t_wait(child), 0);
}

static void attempts_are_told(void **state)
{
	(void)state;
	const char *q = queue("attempts");
	int fd = ack(q, O_RDWR);

	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	t_gets(fd, "a");
	item_is(fd, 0, 1, 0);
	t_is(t_put(fd, "back"), 4);
	item_is(fd, 0, 1, 0); /* no message was written */
	t_gets(fd, "a");
	item_is(fd, 0, 2, 0);
	t_gets(fd, "b");
	item_is(fd, 1, 1, 0);
	close(fd);
	fd = t_open(q, O_RDONLY | O_NONBLOCK); /* a plain read gets what was given back */
	t_gets(fd, "a");
	item_is(fd, 0, 3, 0);
	t_gets(fd, "b");
	item_is(fd, 1, 2, 0);
}

static void what_is_unread_is_told(void **state)
{
	(void)state;
	const char *q = t_path("queues/unread");
	size_t len = (1 << 20) + 1000; /* longer than one read */
	int fd, get;

	t_is(t_touch(t_format("%s,capacity=4M", q)), 0);
	fd = t_open(t_format("%s,block", q), O_WRONLY);
	for (int i = 0; i < 2; i++) {
		memset(buf, 'a' + i, len);
		for (size_t at = 0; at < len; at += 1000)
			t_check(write(fd, buf + at, 1000 < len - at ? 1000 : len - at) > 0);
		t_is(t_sys(fsync(fd)), 0);
		item_is(fd, (uint64_t)i, 0, 0);
	}
	get = ack(q, O_RDWR);
	t_is(t_get(get, buf, 10), 10);
	item_is(get, 0, 1, len - 10);
	t_is(t_get(get, buf, 20), 20);
	item_is(get, 0, 1, len - 30);
	t_is(t_get(get, buf, len - 30), (long)len - 30);
	item_is(get, 0, 1, 0);
	t_is(t_get(get, buf, 1), 1);
	t_is(buf[0], 'b');
	item_is(get, 1, 1, len - 1);
	t_is(t_put(get, "done"), 4); /* drops the rest */
	item_is(get, 1, 1, 0);
}

static void of_lines_and_blocks_the_last(void **state)
{
	(void)state;
	const char *q = queue("framed");
	int fd = t_open(t_format("%s,lines", q), O_WRONLY);

	t_is(t_put(fd, "unfinished"), 10);
	t_is(ask(fd), -ENODATA);
	t_is(t_put(fd, "\n"), 1);
	item_is(fd, 0, 0, 0);
	t_is(t_put(fd, "a\n\nb\nc"), 6);
	item_is(fd, 2, 0, 0);
	t_is(t_sys(fsync(fd)), 0);
	item_is(fd, 3, 0, 0);
	t_is(t_sys(fsync(fd)), 0); /* there is nothing left */
	item_is(fd, 3, 0, 0);
}

static void others_have_none(void **state)
{
	(void)state;
	static const char *const views[] = {"peek", "stat", "join", "watch"};
	const char *q = queue("others");

	t_is(t_echo(q, "a"), 0);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		int fd = t_open(t_format("%s,%s", q, views[i]), O_RDONLY | O_NONBLOCK);

		t_get(fd, buf, sizeof(buf));
		t_is(ask(fd), -ENODATA);
	}
	t_is(t_touch(t_path("events/e")), 0);
	t_is(ask(t_open(t_path("events/e"), O_RDONLY)), -ENOTTY);
	t_is(ask(t_open(t_path("queues"), O_RDONLY)), -ENOTTY);
	t_is(ask(t_open(t_path("status"), O_RDONLY)), -ENOTTY);
}

static void numbers_outlive_the_server(void **state)
{
	(void)state;
	const char *q = queue("outlive");
	int fd;

	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	t_shows(q, "a");
	t_restart();
	fd = t_open(q, O_RDWR);
	t_gets(fd, "b");
	item_is(fd, 1, 1, 0);
	t_is(t_put(fd, "c"), 1);
	item_is(fd, 2, 0, 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(messages_are_numbered_as_they_are_put),
		T_TEST(a_write_that_fails_is_none),
		T_TEST(what_waited_is_told_too),
		T_TEST(attempts_are_told),
		T_TEST(what_is_unread_is_told),
		T_TEST(of_lines_and_blocks_the_last),
		T_TEST(others_have_none),
		T_TEST(numbers_outlive_the_server),
	};

	return T_RUN(tests, argc, argv);
}
