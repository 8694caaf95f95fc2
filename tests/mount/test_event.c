/* SPDX-License-Identifier: MIT
 *
 * test_event.c - contract, row events: a read waits until it is set, `1` sets, `0` clears.
 */
#include "t.h"

#define is(e, want) t_shows(t_format("%s,peek", e), want)

static void a_read_waits_until_set(void **state)
{
	(void)state;
	const char *e = t_path("events/wait");

	t_is(t_touch(e), 0);
	is(e, "0\n");
	struct t_io reader = t_reader(e, O_RDONLY);
	t_wait_stat(e, "waiters", 1);
	t_is(t_echo(e, "1"), 0);
	t_io_got(&reader, "1\n");
	is(e, "1\n");
	t_shows(e, "1\n"); /* it is shown, not taken */
	t_shows(e, "1\n");
	is(e, "1\n");
}

/* Set and cleared at once: who waited by then goes on, each time. */
static void set_then_clear(void **state)
{
	(void)state;
	enum { READERS = 4 };
	const char *e = t_path("events/flash");
	struct t_io readers[READERS];

	t_is(t_touch(e), 0);
	int fd = t_open(e, O_WRONLY);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < READERS; i++)
			readers[i] = t_reader(e, O_RDONLY);
		t_wait_stat(e, "waiters", READERS);
		t_is(t_put(fd, "1"), 1);
		t_is(t_put(fd, "0"), 1);
		for (int i = 0; i < READERS; i++)
			t_io_got(&readers[i], "1\n");
		is(e, "0\n");
	}
}

static void zero_clears(void **state)
{
	(void)state;
	const char *e = t_path("events/clear");
	char buf[8];

	t_is(t_echo(e, "1\n"), 0);
	is(e, "1\n");
	t_is(t_echo(e, "0\n"), 0);
	is(e, "0\n");
	int fd = t_open(e, O_RDONLY | O_NONBLOCK);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_echo(e, " 1 \n"), 0);
	t_gets(fd, "1\n");
	t_is(t_echo(e, "1"), 0); /* again: no error */
	t_is(t_echo(e, "0"), 0);
	t_is(t_echo(e, "0"), 0);
	is(e, "0\n");
}

static void wrong_text(void **state)
{
	(void)state;
	const char *e = t_path("events/text");

	t_is(t_touch(e), 0);
	t_is_either(t_echo(e, "2"), -EINVAL, -ERANGE);
	t_is_either(t_echo(e, "-1"), -EINVAL, -ERANGE);
	t_is(t_echo(e, "set"), -EINVAL);
	t_is(t_echo(e, "\n"), -EINVAL);
	t_is(t_echo(e, "1 1"), -EINVAL);
	t_is(t_echo(e, "1.0"), -EINVAL);
	t_is_either(t_echo(e, "18446744073709551617"), -ERANGE, -EINVAL);
	is(e, "0\n");
}

static void one_set_wakes_all(void **state)
{
	(void)state;
	const char *e = t_path("events/all");
	struct t_io reader[50];

	t_is(t_touch(e), 0);
	for (int i = 0; i < 50; i++)
		reader[i] = t_reader(e, O_RDONLY);
	t_wait_stat(e, "waiters", 50);
	t_is(t_stat(e, "readers"), 50);
	t_is(t_echo(e, "1"), 0);
	for (int i = 0; i < 50; i++)
		t_io_got(&reader[i], "1\n");
	t_is(t_stat(e, "waiters"), 0);
}

static void text_end_text_again(void **state)
{
	(void)state;
	const char *e = t_path("events/eof");
	char c;

	t_is(t_echo(e, "1"), 0);
	int fd = t_open(e, O_RDONLY);
	t_gets(fd, "1\n");
	t_gets(fd, "");
	t_gets(fd, "1\n");
	t_gets(fd, "");
	t_is(t_get(fd, &c, 1), 1);
	t_is(c, '1');
	t_is(t_get(fd, &c, 1), 1);
	t_is(c, '\n');
	t_is(t_get(fd, &c, 1), 0);
	t_is(t_get(fd, &c, 1), 1);
	t_is(c, '1');
}

static void properties(void **state)
{
	(void)state;
	const char *e = t_path("events/props");

	t_is(t_touch(t_format("%s,set", e)), 0);
	is(e, "1\n");
	t_shows(e, "1\n");
	t_check(t_stat_has(e, "value 1"));
	t_is(t_echo(e, "0"), 0);
	t_check(t_stat_has(e, "value 0"));
	t_is(t_touch(t_format("%s,set", e)), 0); /* what it was created with, not its state */
	t_is(t_touch(t_path("events/unset")), 0);
	t_is(t_echo(t_path("events/unset"), "1"), 0);
	t_is(t_touch(t_path("events/unset,set")), -EEXIST);
	t_is(t_touch(t_path("events/p1,set=1")), -EINVAL);
	t_is(t_touch(t_path("events/p2,set=")), -EINVAL);
	t_is(t_touch(t_path("events/p3,value=1")), -EINVAL);
	t_is(t_touch(t_path("events/p4,set,set")), -EINVAL);
	for (int i = 1; i < 5; i++)
		t_is(t_exists(t_path("events/p%d", i)), -ENOENT);
	t_is(t_open(t_path("events/absent,peek"), O_RDONLY | O_CREAT), -ENOENT);
}

static void watch(void **state)
{
	(void)state;
	const char *e = t_path("events/watch");

	t_is(t_touch(e), 0);
	int fd = t_open(t_format("%s,watch", e), O_RDONLY);
	t_gets(fd, "0\n"); /* what peek shows, at once */
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_echo(e, "1"), 0);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "1\n");
	t_is(t_echo(e, "0"), 0);
	t_gets(fd, "0\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
}

static void timeouts(void **state)
{
	(void)state;
	const char *e = t_path("events/timeout");
	char buf[8];

	t_is(t_touch(e), 0);
	int fd = t_open(t_format("%s,timeout=100ms", e), O_RDONLY);
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	t_is(t_stat(e, "waiters"), 0);
	fd = t_open(t_format("%s,timeout=0", e), O_RDONLY);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_echo(e, "1"), 0);
	t_gets(fd, "1\n");
}

static void temp_rm_mv(void **state)
{
	(void)state;
	const char *e = t_path("events/temp"), *to = t_path("events/moved");

	int fd = t_open(t_format("%s,temp", e), O_RDWR | O_CREAT);
	struct t_io reader = t_reader(e, O_RDONLY);
	t_wait_stat(e, "waiters", 1);
	close(fd);
	t_is(t_io_result(&reader), -EIDRM);
	t_until(t_exists(e) == -ENOENT);

	t_is(t_touch(e), 0);
	fd = t_open(e, O_RDWR);
	reader = t_reader(e, O_RDONLY);
	t_wait_stat(e, "waiters", 1);
	t_is(t_sys(rename(e, to)), 0);
	t_is(t_stat(to, "waiters"), 1);
	t_is(t_touch(e), 0);
	t_is(t_sys(rename(e, to)), -EEXIST);
	t_is(t_put(fd, "1"), 1);
	t_io_got(&reader, "1\n");
	t_is(t_sys(unlink(to)), 0);
	char buf[8];
	t_is(t_get(fd, buf, sizeof(buf)), -EIDRM);
	t_is(t_put(fd, "1"), -EIDRM);
}

static void with_the_library(void **state)
{
	(void)state;
	const char *e = t_path("events/lib");
	struct ipcfs_object *event = t_attach(IPCFS_EVENT, "lib", NULL);

	is(e, "0\n");
	t_is(ipcfs_event_wait(event, 0), -EAGAIN);
	t_is(t_echo(e, "1"), 0);
	t_is(ipcfs_event_is_set(event), 1);
	t_is(ipcfs_event_wait(event, 0), 0);
	t_is(ipcfs_event_clear(event), 0);
	is(e, "0\n");
	struct t_io reader = t_reader(e, O_RDONLY);
	t_wait_stat(e, "waiters", 1);
	t_is(ipcfs_event_set(event), 0);
	t_io_got(&reader, "1\n");
}

/* Two take turns over two events, one over files and one over the library. */
static int customer(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *asked = t_attach_child(&store, IPCFS_EVENT, "asked");
	struct ipcfs_object *given = asked ? t_attach_child(&store, IPCFS_EVENT, "given") : NULL;
	const int *rounds = arg;

	for (int i = 0; given && i < *rounds; i++)
		if (t_again(ipcfs_event_set(asked)) || ipcfs_event_wait(given, IPCFS_FOREVER) ||
		    t_again(ipcfs_event_clear(given)))
			return 1;
	return !given;
}

static void taking_turns(void **state)
{
	(void)state;
	int rounds = t_count(1000, 10000);
	char buf[8];

	t_limit(t_count(T_TEST_S, 600));
	t_is(t_touch(t_path("events/asked")), 0);
	t_is(t_touch(t_path("events/given")), 0);
	pid_t child = t_spawn(customer, &rounds);
	int asked = t_open(t_path("events/asked,timeout=100"), O_RDWR);
	int given = t_open(t_path("events/given"), O_WRONLY);
	for (int i = 0; i < rounds; i++) {
		t_is(t_get(asked, buf, sizeof(buf)), 2);
		t_is(t_get(asked, buf, sizeof(buf)), 0);
		t_is(t_again(t_put(asked, "0")), 1);
		t_is(t_again(t_put(given, "1")), 1);
	}
	t_is(t_wait(child), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_read_waits_until_set),
		T_TEST(set_then_clear),
		T_TEST(zero_clears),
		T_TEST(wrong_text),
		T_TEST(one_set_wakes_all),
		T_TEST(text_end_text_again),
		T_TEST(properties),
		T_TEST(watch),
		T_TEST(timeouts),
		T_TEST(temp_rm_mv),
		T_TEST(with_the_library),
		T_TEST(taking_turns),
	};

	return T_RUN(tests, argc, argv);
}
