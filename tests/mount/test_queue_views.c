/* SPDX-License-Identifier: MIT
 *
 * test_queue_views.c - contract, row queues: views; `temp`; what rm and mv do.
 */
#include "t.h"

#include <sys/ioctl.h>

/* ---- views ------------------------------------------------------------------------------------- */

static void peek_takes_nothing(void **state)
{
	(void)state;
	const char *q = t_path("queues/peek"), *peek = t_path("queues/peek,peek");

	t_is(t_touch(q), 0);
	t_shows(peek, ""); /* empty: end of file, no wait */
	t_is(t_echo(q, "hello\n"), 0);
	t_is(t_echo(q, "second"), 0);
	t_shows(peek, "hello\n");
	t_shows(peek, "hello\n");
	t_is(t_stat(q, "messages"), 2);
	int fd = t_open(peek, O_RDONLY);
	t_gets(fd, "hello\n");
	t_gets(fd, "");
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "hello\n");
	t_shows(q, "hello\n");
	char buf[16];
	t_is(t_sys(pread(fd, buf, sizeof(buf), 0)), 6);
	t_check(memcmp(buf, "second", 6) == 0); /* anew at offset 0 */
}

static void watch_shows_then_waits_for_changes(void **state)
{
	(void)state;
	const char *q = t_path("queues/watch"), *watch = t_path("queues/watch,watch");

	t_is(t_echo(q, "a"), 0);
	int fd = t_open(watch, O_RDONLY);
	t_gets(fd, "a");
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_echo(q, "b"), 0);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "a"); /* the oldest is the same, and something has changed */
	t_shows(q, "a");
	t_gets(fd, "b");
	t_is(t_stat(q, "messages"), 1);
}

static void watch_waits_while_there_is_nothing(void **state)
{
	(void)state;
	const char *q = t_path("queues/watch0"), *watch = t_path("queues/watch0,watch");

	t_is(t_touch(q), 0);
	struct t_io reader = t_reader(watch, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(t_echo(q, "x"), 0);
	t_io_got(&reader, "x");
	t_is(t_stat(q, "messages"), 1);
}

static void timeout_ends_a_wait(void **state)
{
	(void)state;
	const char *q = t_path("queues/timeout");
	static const struct {
		const char *text;
		int ms;
	} rows[] = {{"0.1", 100}, {"150ms", 150}, {"200000us", 200}, {"1", 1000}};
	char buf[8];

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int fd = t_open(t_format("%s,timeout=%s", q, rows[i].text), O_RDONLY);
		int64_t start = t_now_ms();
		t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
		t_check(t_now_ms() - start >= rows[i].ms - 1);
		close(fd);
	}
	t_is(t_echo(q, "a"), 0);
	t_shows(t_format("%s,timeout=1m", q), "a");
	t_is(t_echo(q, "a"), 0);
	int fd = t_open(t_format("%s,timeout=100ms", q), O_WRONLY);
	t_is(t_put(fd, "b"), -ETIMEDOUT);
	t_is(t_stat(q, "messages"), 1);
	t_is(t_stat(q, "waiters"), 0);
	t_shows(q, "a");
	t_is(t_put(fd, "b"), 1);
}

static void timeout_zero_is_nonblock(void **state)
{
	(void)state;
	const char *q = t_path("queues/timeout0");
	char buf[8];

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	int fd = t_open(t_format("%s,timeout=0", q), O_RDWR);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_put(fd, "a"), 1);
	t_is(t_put(fd, "b"), -EAGAIN);
	t_gets(fd, "a");
}

static void the_ioctl_sets_the_timeout(void **state)
{
	(void)state;
	const char *q = t_path("queues/ioctl");
	int64_t ns = 100000000;
	char buf[8];

	t_check(IPCFS_TIMEOUT == 0x4008F501);
	t_is(t_touch(q), 0);
	int fd = t_open(q, O_RDWR);
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	int64_t start = t_now_ms();
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	t_check(t_now_ms() - start >= 99);
	ns = 0;
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_put(fd, "a"), 1);
	t_gets(fd, "a");
	t_fails(t_sys(ioctl(fd, _IO(0xF5, 99))));
	t_is(t_sys(ioctl(t_open(t_path("queues"), O_RDONLY), IPCFS_TIMEOUT, &ns)), -ENOTTY);

	/* -1: for ever, also where the view said less */
	fd = t_open(t_format("%s,timeout=0", q), O_RDONLY);
	ns = -1;
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	pid_t child = t_shell(
		NULL, "until grep -q '^waiters 1$' '%s,stat'; do :; done; printf late > '%s'", q,
		q);
	t_gets(fd, "late");
	t_wait(child);
}

static void ctl_clears(void **state)
{
	(void)state;
	const char *q = t_path("queues/ctl"), *ctl = t_path("queues/ctl,ctl");

	t_is(t_touch(t_format("%s,maxsize=2", q)), 0);
	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	struct t_io writer = t_writer(q, O_WRONLY, "c");
	t_wait_stat(q, "writers", 1);
	int fd = t_open(ctl, O_WRONLY);
	t_is(t_put(fd, "clear\n"), 6);
	t_is(t_io_result(&writer), 1); /* there is room now */
	t_shows(q, "c");
	t_is(t_put(fd, "clear"), 5); /* also without newline, also when empty, also two */
	t_is(t_put(fd, "clear\nclear\n"), 12);
}

static void ctl_refuses_other_words(void **state)
{
	(void)state;
	const char *q = t_path("queues/ctl2");
	char page[8192];

	t_is(t_echo(q, "a"), 0);
	int fd = t_open(t_format("%s,ctl", q), O_WRONLY);
	t_is(t_put(fd, "frobnicate\n"), -EINVAL);
	t_is(t_put(fd, "clear\nfrobnicate\n"), -EINVAL); /* all or nothing */
	t_is(t_put(fd, "clear 7\n"), -EINVAL);
	t_is(t_put(fd, "CLEAR\n"), -EINVAL);
	memset(page, '\n', sizeof(page));
	memcpy(page, "clear", 5);
	t_fails(t_sys(write(fd, page, sizeof(page)))); /* more than a page */
	t_is(t_stat(q, "messages"), 1);
	t_shows(q, "a");
}

static void views_go_together_with_properties(void **state)
{
	(void)state;
	const char *q = t_path("queues/mixed");

	t_is(t_touch(t_format("%s,maxsize=3", q)), 0);
	t_is(t_echo(q, "a"), 0);
	t_shows(t_format("%s,maxsize=3,peek", q), "a");
	t_shows(t_format("%s,peek,maxsize=3", q), "a");
	t_is(t_open(t_format("%s,peek,maxsize=4", q), O_RDONLY), -EEXIST);
	t_shows(t_format("%s,timeout=1,stream,peek", q), "a");
	int fd = t_open(t_format("%s,stream,timeout=100ms", q), O_RDONLY);
	char buf[8];
	t_gets(fd, "a");
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
}

/* ---- temp -------------------------------------------------------------------------------------- */

static void temp_goes_with_its_handle(void **state)
{
	(void)state;
	const char *q = t_path("queues/temp");

	int fd = t_open(t_format("%s,temp", q), O_RDWR | O_CREAT);
	t_check(fd >= 0);
	t_is(t_exists(q), 0);
	int other = t_open(q, O_RDWR);
	t_is(t_put(other, "x"), 1);
	t_gets(fd, "x");
	struct t_io reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	int again = dup(fd);
	close(fd);
	t_is(t_exists(q), 0); /* the handle is still open */
	close(again);
	t_until(t_exists(q) == -ENOENT);
	t_is(t_io_result(&reader), -EIDRM);
	t_is(t_put(other, "x"), -EIDRM);
	t_is(t_touch(t_format("%s,temp", q)), 0);
	t_until(t_exists(q) == -ENOENT);
}

static int make_temp_and_pause(void *arg)
{
	if (t_open(arg, O_RDWR | O_CREAT) < 0)
		return 1;
	puts("made");
	fflush(stdout);
	pause();
	return 0;
}

static void temp_goes_with_a_killed_process(void **state)
{
	(void)state;
	const char *q = t_path("queues/temp2");
	char buf[8];
	int out;

	pid_t child = t_spawn_pipe(make_temp_and_pause, (void *)(uintptr_t)t_format("%s,temp", q),
				   &out);
	t_is(t_get(out, buf, sizeof(buf)), 5);
	t_is(t_exists(q), 0);
	t_kill(child);
	t_until(t_exists(q) == -ENOENT);
}

static void temp_is_a_property(void **state)
{
	(void)state;
	const char *q = t_path("queues/temp3");

	t_is(t_touch(q), 0);
	t_is(t_touch(t_format("%s,temp", q)), -EEXIST); /* it is not */
	t_is(t_exists(q), 0);
	t_is(t_open(t_path("queues/temp4,temp"), O_RDONLY), -ENOENT);
	t_is(t_touch(t_path("queues/temp4,temp=1")), -EINVAL);
}

/* ---- rm and mv --------------------------------------------------------------------------------- */

static void rm_makes_a_new_object_of_the_name(void **state)
{
	(void)state;
	const char *q = t_path("queues/again");
	char buf[8];

	t_is(t_echo(q, "old"), 0);
	int fd = t_open(q, O_RDWR);
	t_is(t_sys(unlink(q)), 0);
	t_is(t_exists(q), -ENOENT);
	t_is(t_get(fd, buf, sizeof(buf)), -EIDRM);
	t_is(t_put(fd, "x"), -EIDRM);
	t_is(t_echo(q, "new"), 0);
	t_is(t_get(fd, buf, sizeof(buf)), -EIDRM);
	t_shows(q, "new");
}

static void mv_keeps_all(void **state)
{
	(void)state;
	const char *from = t_path("queues/from"), *to = t_path("queues/to");

	t_is(t_touch(t_format("%s,maxsize=5", from)), 0);
	long id = t_stat(from, "id");
	struct t_io reader = t_reader(from, O_RDONLY);
	t_wait_stat(from, "waiters", 1);
	int fd = t_open(from, O_RDWR);
	t_is(t_sys(rename(from, to)), 0);
	t_is(t_exists(from), -ENOENT);
	t_is(t_stat(to, "id"), id);
	t_is(t_stat(to, "maxsize"), 5);
	t_is(t_stat(to, "waiters"), 1);
	t_is(t_put(fd, "a"), 1); /* an open handle goes with it */
	t_io_got(&reader, "a");
	t_is(t_echo(to, "b"), 0);
	t_gets(fd, "b");
}

static void mv_onto_a_queue_is_eexist(void **state)
{
	(void)state;
	const char *from = t_path("queues/mv1"), *to = t_path("queues/mv2");

	t_is(t_echo(from, "1"), 0);
	t_is(t_echo(to, "2"), 0);
	t_is(t_sys(rename(from, to)), -EEXIST);
	t_shows(from, "1");
	t_shows(to, "2");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(peek_takes_nothing),
		T_TEST(watch_shows_then_waits_for_changes),
		T_TEST(watch_waits_while_there_is_nothing),
		T_TEST(timeout_ends_a_wait),
		T_TEST(timeout_zero_is_nonblock),
		T_TEST(the_ioctl_sets_the_timeout),
		T_TEST(ctl_clears),
		T_TEST(ctl_refuses_other_words),
		T_TEST(views_go_together_with_properties),
		T_TEST(temp_goes_with_its_handle),
		T_TEST(temp_goes_with_a_killed_process),
		T_TEST(temp_is_a_property),
		T_TEST(rm_makes_a_new_object_of_the_name),
		T_TEST(mv_keeps_all),
		T_TEST(mv_onto_a_queue_is_eexist),
	};

	return T_RUN(tests, argc, argv);
}
