/* SPDX-License-Identifier: MIT
 *
 * test_semaphore.c - contract, row semaphores: a read acquires, a written number releases; the
 * view n; first come first served; properties and errors; with the library.
 */
#include "t.h"

static const char *make(const char *name, int value)
{
	const char *s = t_path("semaphores/%s", name);

	t_is(t_touch(t_format("%s,value=%d", s, value)), 0);
	return s;
}

/* Takes what is there without waiting. */
static long try(const char *path)
{
	char buf[32];
	int fd = t_open(path, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return fd;
	long n = t_get(fd, buf, sizeof(buf));
	close(fd);
	return n;
}

#define units(s, want) t_shows(t_format("%s,peek", s), want)

/* ---- acquire, release --------------------------------------------------------- */

static void a_read_acquires(void **state)
{
	(void)state;
	const char *s = make("acquire", 2);

	units(s, "2\n");
	t_shows(s, "1\n");
	units(s, "1\n");
	t_shows(s, "1\n");
	units(s, "0\n");
	t_is(try(s), -EAGAIN);
	units(s, "0\n");
}

static void a_bare_name_starts_at_zero(void **state)
{
	(void)state;
	const char *s = t_path("semaphores/zero");

	t_is(t_touch(s), 0);
	units(s, "0\n");
	t_is(t_stat(s, "max"), 2147483647);
}

static void a_write_releases(void **state)
{
	(void)state;
	const char *s = make("release", 0);

	t_is(t_echo(s, "1"), 0);
	units(s, "1\n");
	t_is(t_echo(s, "3\n"), 0);
	units(s, "4\n");
	t_is(t_echo(s, " \t 2 \n"), 0);
	units(s, "6\n");
	t_is(t_echo(t_path("semaphores/byecho"), "5\n"), 0); /* creates it, too */
	units(t_path("semaphores/byecho"), "5\n");
}

static void a_reader_waits(void **state)
{
	(void)state;
	const char *s = make("wait", 0);

	struct t_io reader = t_reader(s, O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	t_is(t_stat(s, "readers"), 1);
	t_is(t_echo(s, "1"), 0);
	t_io_got(&reader, "1\n");
	units(s, "0\n");
	t_is(t_stat(s, "waiters"), 0);
}

static void one_release_wakes_as_many_as_it_gives(void **state)
{
	(void)state;
	const char *s = make("wakes", 0);
	struct t_io reader[5];

	for (int i = 0; i < 5; i++) {
		reader[i] = t_reader(s, O_RDONLY);
		t_wait_stat(s, "waiters", i + 1);
	}
	t_is(t_echo(s, "3"), 0);
	for (int i = 0; i < 3; i++)
		t_io_got(&reader[i], "1\n");
	t_is(t_stat(s, "waiters"), 2);
	units(s, "0\n");
	t_is(t_echo(s, "3"), 0);
	for (int i = 3; i < 5; i++)
		t_io_got(&reader[i], "1\n");
	units(s, "1\n");
}

static void wrong_text(void **state)
{
	(void)state;
	const char *s = make("text", 1);

	t_is(t_echo(s, "abc"), -EINVAL);
	t_is(t_echo(s, "1 2"), -EINVAL);
	t_is(t_echo(s, "1.0"), -EINVAL);
	t_is(t_echo(s, "0x1"), -EINVAL);
	t_is(t_echo(s, "\n"), -EINVAL);
	t_is(t_echo(s, "1\n\n2"), -EINVAL);
	t_is_either(t_echo(s, "-1"), -EINVAL, -ERANGE);
	t_is_either(t_echo(s, "99999999999999999999"), -ERANGE, -EOVERFLOW);
	t_is_either(t_echo(s, "18446744073709551617"), -ERANGE, -EOVERFLOW); /* not 1 */
	t_is_either(t_echo(s, "4294967297"), -ERANGE, -EOVERFLOW);	     /* not 1 */
	t_is(t_sys(write(t_open(s, O_WRONLY), "1\0", 2)), -EINVAL);
	units(s, "1\n");
}

static void past_max_is_eoverflow(void **state)
{
	(void)state;
	const char *s = t_path("semaphores/max");

	t_is(t_touch(t_format("%s,value=1,max=3", s)), 0);
	t_is(t_echo(s, "3"), -EOVERFLOW);
	units(s, "1\n");
	t_is(t_echo(s, "2"), 0);
	t_is(t_echo(s, "1"), -EOVERFLOW);
	units(s, "3\n");

	s = t_path("semaphores/largest"); /* the default */
	t_is(t_touch(s), 0);
	t_is(t_echo(s, "2147483647"), 0);
	units(s, "2147483647\n");
	t_is(t_echo(s, "1"), -EOVERFLOW);
	units(s, "2147483647\n");
}

static void a_lock_of_multiprocessing(void **state)
{
	(void)state;
	const char *s = t_path("semaphores/lock");

	t_is(t_touch(t_format("%s,value=1,max=1", s)), 0);
	t_shows(s, "1\n");
	t_is(try(s), -EAGAIN);
	t_is(t_echo(s, "1"), 0);
	t_is(t_echo(s, "1"), -EOVERFLOW);
	t_shows(s, "1\n");
}

static void an_acquisition_belongs_to_nobody(void **state)
{
	(void)state;
	const char *s = make("nobody", 1);
	char buf[8];

	int fd = t_open(s, O_RDONLY);
	t_gets(fd, "1\n");
	close(fd);
	units(s, "0\n");
	t_is(t_echo(s, "1"), 0);
	struct t_io reader = t_reader(s, O_RDONLY);
	t_io_got(&reader, "1\n"); /* a process that has ended */
	units(s, "0\n");
	fd = t_open(s, O_RDONLY | O_NONBLOCK);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
}

/* ---- handles ------------------------------------------------------------------------- */

static void ends_of_file(void **state)
{
	(void)state;
	const char *s = make("eof", 10);

	int fd = t_open(s, O_RDONLY);
	t_gets(fd, "1\n");
	t_gets(fd, "");
	t_gets(fd, "1\n");
	t_gets(fd, "");
	units(s, "8\n");
	int both = t_open(s, O_RDWR);
	t_gets(both, "1\n");
	t_gets(both, "1\n");
	t_is(t_put(both, "1\n"), 2);
	t_gets(both, "1\n");
	units(s, "6\n");
	int stream = t_open(t_format("%s,stream", s), O_RDONLY);
	t_gets(stream, "1\n");
	t_gets(stream, "1\n");
	int nonblock = t_open(s, O_RDONLY | O_NONBLOCK);
	t_gets(nonblock, "1\n");
	t_gets(nonblock, "1\n");
	units(s, "2\n");
}

static void byte_by_byte(void **state)
{
	(void)state;
	const char *s = make("bytes", 3);
	char c;

	int fd = t_open(s, O_RDWR);
	for (int i = 0; i < 3; i++) {
		t_is(t_get(fd, &c, 1), 1);
		t_is(c, '1');
		units(s, t_format("%d\n", 2 - i));
		t_is(t_get(fd, &c, 1), 1);
		t_is(c, '\n');
	}
}

/* ---- several at once ------------------------------------------------------------------- */

static void n_acquires_all_or_none(void **state)
{
	(void)state;
	const char *s = make("n", 4);

	t_shows(t_format("%s,n=3", s), "3\n");
	units(s, "1\n");
	t_is(try(t_format("%s,n=3", s)), -EAGAIN);
	units(s, "1\n");
	struct t_io reader = t_reader(t_format("%s,n=3", s), O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	t_is(t_echo(s, "1"), 0);
	units(s, "2\n");
	t_is(t_stat(s, "waiters"), 1);
	t_is(t_echo(s, "1"), 0);
	t_io_got(&reader, "3\n");
	units(s, "0\n");
}

static void first_come_first_served(void **state)
{
	(void)state;
	const char *s = make("turn", 0);

	struct t_io three = t_reader(t_format("%s,n=3", s), O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	struct t_io one = t_reader(s, O_RDONLY);
	t_wait_stat(s, "waiters", 2);
	t_is(t_echo(s, "1"), 0);
	t_is(t_stat(s, "waiters"), 2); /* the one does not pass the three */
	t_is(try(s), -EAGAIN);	       /* nor does who does not wait */
	t_is(t_echo(s, "2"), 0);
	t_io_got(&three, "3\n");
	t_is(t_stat(s, "waiters"), 1);
	t_is(t_echo(s, "1"), 0);
	t_io_got(&one, "1\n");

	/* when the first of the line goes away, the next is served */
	three = t_reader(t_format("%s,n=3", s), O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	one = t_reader(s, O_RDONLY);
	t_wait_stat(s, "waiters", 2);
	t_is(t_echo(s, "1"), 0);
	t_kill(three.pid);
	t_io_got(&one, "1\n");
}

static void n_out_of_range(void **state)
{
	(void)state;
	const char *s = t_path("semaphores/range");

	t_is(t_touch(t_format("%s,value=2,max=3", s)), 0);
	t_is(t_open(t_format("%s,n=0", s), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,n=-1", s), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,n=", s), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,n", s), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,n=x", s), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,n=4294967297", s), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,n=4", s), O_RDONLY), -EINVAL); /* it never could */
	t_is(t_open(t_path("semaphores/absent,n=1"), O_RDONLY), -ENOENT);
	units(s, "2\n");
}

/* ---- views and properties ------------------------------------------------------------------ */

static void properties(void **state)
{
	(void)state;
	const char *s = t_path("semaphores/props");

	t_is(t_touch(t_format("%s,value=5,max=9", s)), 0);
	t_is(t_stat(s, "max"), 9);
	t_check(t_stat_has(s, "value 5"));
	t_shows(s, "1\n");
	t_check(t_stat_has(s, "value 4"));
	/* compared with what it was created with */
	t_is(t_touch(t_format("%s,value=5", s)), 0);
	t_is(t_touch(t_format("%s,value=4", s)), -EEXIST);
	t_is(t_touch(t_format("%s,max=9", s)), 0);
	t_is(t_touch(t_format("%s,max=10", s)), -EEXIST);

	t_is(t_touch(t_path("semaphores/p1,value=2147483647")), 0);
	t_is(t_touch(t_path("semaphores/p2,value=2147483648")), -EINVAL);
	t_is(t_touch(t_path("semaphores/p3,max=2147483648")), -EINVAL);
	t_is(t_touch(t_path("semaphores/p4,value=3,max=2")), -EINVAL);
	t_is(t_touch(t_path("semaphores/p5,value=-1")), -EINVAL);
	t_is(t_touch(t_path("semaphores/p6,value=1k")), -EINVAL);
	t_is(t_touch(t_path("semaphores/p7,maxsize=1")), -EINVAL);
	t_is(t_touch(t_path("semaphores/p8,set")), -EINVAL);
	for (int i = 2; i < 9; i++)
		t_is(t_exists(t_path("semaphores/p%d", i)), -ENOENT);
}

static void watch(void **state)
{
	(void)state;
	const char *s = make("watch", 2);

	int fd = t_open(t_format("%s,watch", s), O_RDONLY);
	t_gets(fd, "2\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_shows(s, "1\n");
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "1\n");
	struct t_io reader = t_reader(t_format("%s,watch", s), O_RDONLY);
	t_io_got(&reader, "1\n"); /* the first read shows at once */
	t_is(t_echo(s, "5"), 0);
	t_is(t_echo(s, "2"), 0);
	t_gets(fd, "8\n"); /* the latest */
	units(s, "8\n");
}

static void timeouts(void **state)
{
	(void)state;
	const char *s = make("timeout", 0);
	char buf[8];

	int fd = t_open(t_format("%s,timeout=100ms", s), O_RDONLY);
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	fd = t_open(t_format("%s,timeout=0", s), O_RDONLY);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	fd = t_open(t_format("%s,n=2,timeout=0.1", s), O_RDONLY);
	t_is(t_echo(s, "1"), 0);
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	units(s, "1\n");
	t_is(t_stat(s, "waiters"), 0);
}

static void temp(void **state)
{
	(void)state;
	const char *s = t_path("semaphores/temp");
	int fd = t_open(t_format("%s,value=1,temp", s), O_RDWR | O_CREAT);

	t_shows(s, "1\n");
	struct t_io reader = t_reader(s, O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	close(fd);
	t_is(t_io_result(&reader), -EIDRM);
	t_until(t_exists(s) == -ENOENT);
}

static void rm_and_mv(void **state)
{
	(void)state;
	const char *s = make("rm", 0), *to = t_path("semaphores/moved");

	struct t_io reader = t_reader(s, O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	int fd = t_open(s, O_RDWR);
	t_is(t_sys(rename(s, make("other", 1))), -EEXIST);
	t_is(t_sys(rename(s, to)), 0);
	t_is(t_stat(to, "waiters"), 1);
	t_is(t_put(fd, "1"), 1);
	t_io_got(&reader, "1\n");
	reader = t_reader(to, O_RDONLY);
	t_wait_stat(to, "waiters", 1);
	t_is(t_sys(unlink(to)), 0);
	t_is(t_io_result(&reader), -EIDRM);
	t_is(t_put(fd, "1"), -EIDRM);
}

/* ---- beside the library -------------------------------------------------------------------------- */

static void with_the_library(void **state)
{
	(void)state;
	const char *s = t_path("semaphores/lib");
	struct ipcfs_properties p = {.given = IPCFS_P_VALUE | IPCFS_P_MAX, .value = 2, .max = 4};
	struct ipcfs_object *sem = t_attach(IPCFS_SEMAPHORE, "lib", &p);

	units(s, "2\n");
	t_is(t_stat(s, "max"), 4);
	t_is(ipcfs_semaphore_acquire(sem, 1, 0), 0);
	t_shows(s, "1\n");
	t_is(ipcfs_semaphore_acquire(sem, 1, 0), -EAGAIN);
	t_is(t_echo(s, "3"), 0);
	t_is((long)ipcfs_semaphore_value(sem), 3);
	t_is(ipcfs_semaphore_release(sem, 2), -EOVERFLOW);
	t_is(ipcfs_semaphore_acquire(sem, 3, 0), 0);
	struct t_io reader = t_reader(s, O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	t_is(ipcfs_semaphore_release(sem, 1), 0);
	t_io_got(&reader, "1\n");
	t_is((long)ipcfs_semaphore_value(sem), 0);
}

/* Each round: take a unit, be inside with at most three, give it back. */
struct inside {
	_Atomic int now, failed;
	int rounds;
};

static int go_in_by_file(void *arg)
{
	struct inside *in = arg;
	int fd = t_open(t_path("semaphores/three"), O_RDWR);
	char buf[8];

	for (int i = 0; i < in->rounds; i++) {
		if (t_get(fd, buf, sizeof(buf)) != 2)
			return 1;
		int now = ++in->now;
		if (now > 3)
			in->failed++;
		in->now--;
		if (t_again(t_put(fd, "1\n")) != 2)
			return 1;
	}
	return 0;
}

static int go_in_by_library(void *arg)
{
	struct inside *in = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *sem = t_attach_child(&store, IPCFS_SEMAPHORE, "three");

	for (int i = 0; sem && i < in->rounds; i++) {
		if (ipcfs_semaphore_acquire(sem, 1, IPCFS_FOREVER) != 0)
			return 1;
		int now = ++in->now;
		if (now > 3)
			in->failed++;
		in->now--;
		if (t_again(ipcfs_semaphore_release(sem, 1)) != 0)
			return 1;
	}
	return !sem;
}

static void never_more_than_three_inside(void **state)
{
	(void)state;
	const char *s = make("three", 3);
	struct inside *in = t_shared(sizeof(*in));
	pid_t child[6];

	in->rounds = t_count(2000, 20000);
	t_limit(t_count(T_TEST_S, 600));
	for (int i = 0; i < 6; i++)
		child[i] = t_spawn(i % 2 ? go_in_by_library : go_in_by_file, in);
	for (int i = 0; i < 6; i++)
		t_is(t_wait_for(child[i], t_count(T_TEST_S, 600) * 1000), 0);
	t_is(in->failed, 0);
	units(s, "3\n");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_read_acquires),
		T_TEST(a_bare_name_starts_at_zero),
		T_TEST(a_write_releases),
		T_TEST(a_reader_waits),
		T_TEST(one_release_wakes_as_many_as_it_gives),
		T_TEST(wrong_text),
		T_TEST(past_max_is_eoverflow),
		T_TEST(a_lock_of_multiprocessing),
		T_TEST(an_acquisition_belongs_to_nobody),
		T_TEST(ends_of_file),
		T_TEST(byte_by_byte),
		T_TEST(n_acquires_all_or_none),
		T_TEST(first_come_first_served),
		T_TEST(n_out_of_range),
		T_TEST(properties),
		T_TEST(watch),
		T_TEST(timeouts),
		T_TEST(temp),
		T_TEST(rm_and_mv),
		T_TEST(with_the_library),
		T_TEST(never_more_than_three_inside),
	};

	return T_RUN(tests, argc, argv);
}
