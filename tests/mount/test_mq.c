/* SPDX-License-Identifier: MIT
 *
 * test_mq.c - contract, row mq: every POSIX message queue of the system is a file, and a file that is made there is
 * one; priorities, limits, waiting on both sides, names. The queues are the system's: all here begin
 * with the number of this process, and are removed at the end of each test.
 */
#include "t.h"

#include <mqueue.h>
#include <signal.h>
#include <sys/epoll.h>

enum { MADE = 32 };
static char made[MADE][64];
static int made_count;

/* A name of our own, with its slash. */
static const char *name_of(const char *suffix)
{
	char *name = made[made_count++ % MADE];

	snprintf(name, sizeof(made[0]), "/ipcfs-%d-%s", (int)getpid(), suffix);
	return name;
}

static int remove_all(void **state)
{
	int rc = t_end(state);

	for (int i = 0; i < MADE; i++)
		if (made[i][0])
			mq_unlink(made[i]);
	memset(made, 0, sizeof(made));
	made_count = 0;
	return rc;
}

static const char *file_of(const char *name)
{
	return t_path("mq%s", name);
}

static mqd_t make(const char *name, long maxmsg, long msgsize)
{
	struct mq_attr attr = {.mq_maxmsg = maxmsg, .mq_msgsize = msgsize};
	mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);

	if (q < 0)
		t_fail("mq_open %s: %s", name, strerror(errno));
	return q;
}

/* ---- both sides meet ------------------------------------------------------------------------------- */

static void a_program_and_a_file_meet(void **state)
{
	(void)state;
	const char *name = name_of("meet"), *file = file_of(name);
	char buf[100] = "";
	unsigned prio;
	mqd_t q = make(name, 4, 64);

	t_is(t_exists(file), 0);
	t_is(t_echo(file, "by file"), 0);
	t_is(t_sys(mq_receive(q, buf, sizeof(buf), &prio)), 7);
	t_check(!memcmp(buf, "by file", 7) && prio == 0);
	t_is(t_sys(mq_send(q, "by call", 7, 3)), 0);
	t_shows(file, "by call");
	t_is(t_sys(mq_send(q, "", 0, 0)), 0); /* an empty message reads as no bytes */
	t_shows(file, "");
	t_is(t_stat(file, "messages"), 0);
	mq_close(q);
}

static void a_file_makes_a_queue(void **state)
{
	(void)state;
	const char *name = name_of("made"), *file = file_of(name);
	struct mq_attr attr;
	mqd_t q;

	t_is(t_echo(file, "first"), 0);
	q = mq_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	t_check(q >= 0);
	t_is(mq_getattr(q, &attr), 0);
	t_is(attr.mq_maxmsg, 10);
	t_is(attr.mq_msgsize, 8192);
	t_is(attr.mq_curmsgs, 1);
	mq_close(q);
	name = name_of("made-so");
	t_is(t_touch(t_format("%s,maxmsg=3,msgsize=1k", file_of(name))), 0);
	q = mq_open(name, O_RDONLY | O_CLOEXEC);
	t_is(mq_getattr(q, &attr), 0);
	t_is(attr.mq_maxmsg, 3);
	t_is(attr.mq_msgsize, 1024);
	mq_close(q);
	t_is(t_touch(t_format("%s,maxmsg=3", file_of(name))), 0);
	t_is(t_touch(t_format("%s,maxmsg=4", file_of(name))), -EEXIST);
	t_is(t_stat(file_of(name), "maxmsg"), 3);
	t_is(t_stat(file_of(name), "msgsize"), 1024);
}

static void it_is_listed_and_removed(void **state)
{
	(void)state;
	const char *name = name_of("listed"), *file = file_of(name);
	mqd_t q = make(name, 2, 10);

	t_runs(0, "ls %s | grep -qx -- %s", t_path("mq"), name + 1);
	t_runs(0, "grep -q '^mq listed' %s", t_path("status"));
	t_runs(0, "test \"$(stat -c '%%a %%s' %s)\" = '600 0'", file);
	t_is(t_sys(chmod(file, 0640)), 0);
	struct stat st;
	t_is(fstat((int)q, &st), 0);
	t_is(st.st_mode & 0777, 0640);
	t_is(t_sys(rename(file, t_format("%s-new", file))), -EPERM);
	t_is(t_sys(mkdir(t_path("mq/folder"), 0700)), -EPERM);
	t_is(t_sys(unlink(file)), 0);
	t_is(mq_open(name, O_RDONLY) < 0 ? -errno : 0, -ENOENT);
	t_is(t_exists(file), -ENOENT);
	mq_close(q);
}

static void names_that_files_cannot_have(void **state)
{
	(void)state;
	static const struct {
		const char *suffix, *shown;
	} rows[] = {
		{"a,b", "a%2Cb"}, {"100%", "100%"}, {"%2C", "%252C"}, {"tab\there", "tab%09here"},
		{"%20", "%20"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name = name_of(rows[i].suffix);
		const char *file = t_path("mq/ipcfs-%d-%s", (int)getpid(), rows[i].shown);
		mqd_t q = make(name, 2, 10);

		t_is(t_exists(file), 0);
		t_is(t_echo(file, rows[i].suffix), 0);
		t_shows(file, rows[i].suffix);
		t_is(t_sys(unlink(file)), 0);
		mq_close(q);
	}
	snprintf(made[made_count++], sizeof(made[0]), "/.ipcfs-%d", (int)getpid());
	mqd_t q = make(made[made_count - 1], 2, 10);
	t_shows(t_path("mq/%%2Eipcfs-%d,peek", (int)getpid()),
		"maxmsg 2\nmsgsize 10\nmessages 0\n");
	mq_close(q);
	char longest[300];
	memset(longest, 'x', sizeof(longest));
	longest[255] = '\0';
	t_is(t_exists(t_path("mq/%s", longest)), -ENOENT);
	longest[255] = 'x';
	longest[256] = '\0';
	t_is(t_exists(t_path("mq/%s", longest)), -ENAMETOOLONG);
}

/* ---- priorities, sizes ---------------------------------------------------------------------------------- */

static void the_highest_priority_comes_first(void **state)
{
	(void)state;
	const char *file = file_of(name_of("prio"));

	t_is(t_echo(file, "plain"), 0);
	t_is(t_echo(t_format("%s,prio=5", file), "five"), 0);
	t_is(t_echo(t_format("%s,prio=32767", file), "most"), 0);
	t_is(t_echo(t_format("%s,prio=5", file), "five again"), 0);
	t_is(t_echo(t_format("%s,prio=32768", file), "x"), -EINVAL);
	t_is(t_echo(t_format("%s,prio=", file), "x"), -EINVAL);
	t_shows(file, "most");
	t_shows(file, "five");
	t_shows(file, "five again");
	t_shows(file, "plain");
}

static void what_is_too_long(void **state)
{
	(void)state;
	const char *file = file_of(name_of("long"));

	t_is(t_touch(t_format("%s,msgsize=5", file)), 0);
	t_is(t_echo(file, "12345"), 0);
	t_is(t_echo(file, "123456"), -EMSGSIZE);
	t_is(t_stat(file, "messages"), 1);
	/* a short buffer gets the rest next */
	int fd = t_open(file, O_RDONLY);
	char buf[4];
	t_is(t_get(fd, buf, 3), 3);
	t_is(t_get(fd, buf, 3), 2);
	t_is(t_get(fd, buf, 3), 0);
	close(fd);
}

/* ---- waiting --------------------------------------------------------------------------------------------- */

static void a_reader_waits_for_either_side(void **state)
{
	(void)state;
	const char *name = name_of("wait"), *file = file_of(name);
	mqd_t q = make(name, 2, 64);

	for (int by_call = 0; by_call < 2; by_call++) {
		struct t_io reader = t_reader(file, O_RDONLY);

		t_wait_stat(file, "waiters", 1);
		t_is(by_call ? t_sys(mq_send(q, "come", 4, 0)) : t_echo(file, "come"), 0);
		t_io_got(&reader, "come");
	}
	mq_close(q);
}

static void a_writer_waits_for_either_side(void **state)
{
	(void)state;
	const char *name = name_of("full"), *file = file_of(name);
	char buf[64];
	mqd_t q = make(name, 1, 64);

	for (int by_call = 0; by_call < 2; by_call++) {
		t_is(t_echo(file, "there"), 0);
		struct t_io writer = t_writer(file, O_WRONLY, "next");
		t_wait_stat(file, "writers", 1);
		int fd = t_open(file, O_WRONLY | O_NONBLOCK);
		t_is(t_put(fd, "x"), -EAGAIN);
		close(fd);
		if (by_call)
			t_is(t_sys(mq_receive(q, buf, sizeof(buf), NULL)), 5);
		else
			t_shows(file, "there");
		t_is(t_io_result(&writer), 4);
		t_shows(file, "next");
	}
	mq_close(q);
}

static void waits_end(void **state)
{
	(void)state;
	const char *file = file_of(name_of("ends"));

	t_is(t_touch(file), 0);
	t_is(t_cat(t_format("%s,timeout=50ms", file), (char[8]){0}, 8), -ETIMEDOUT);
	t_is(t_cat(t_format("%s,timeout=0", file), (char[8]){0}, 8), -EAGAIN);
	struct t_io killed = t_reader(file, O_RDONLY);
	t_wait_stat(file, "waiters", 1);
	t_kill(killed.pid);
	t_wait_stat(file, "waiters", 0);
	t_is(t_echo(file, "kept"), 0);
	t_shows(file, "kept");
	struct t_io removed = t_reader(file, O_RDONLY);
	t_wait_stat(file, "waiters", 1);
	t_is(t_sys(unlink(file)), 0);
	t_is(t_io_result(&removed), -EIDRM);
}

/* Another program's mq_unlink is the end, too. */
static void who_waits_hears_of_mq_unlink(void **state)
{
	(void)state;
	const char *name = name_of("unlinked"), *file = file_of(name);

	t_is(t_touch(file), 0);
	struct t_io reader = t_reader(file, O_RDONLY);
	t_wait_stat(file, "waiters", 1);
	t_is(t_sys(mq_unlink(name)), 0);
	t_is(t_io_result(&reader), -EIDRM);
}

static void readers_are_served_in_order(void **state)
{
	(void)state;
	enum { READERS = 10 };
	const char *file = file_of(name_of("order"));
	struct t_io readers[READERS];
	char text[8];

	t_is(t_touch(file), 0);
	for (int i = 0; i < READERS; i++) {
		readers[i] = t_reader(file, O_RDONLY);
		t_wait_stat(file, "waiters", i + 1);
	}
	for (int i = 0; i < READERS; i++) {
		snprintf(text, sizeof(text), "m%d", i);
		t_is(t_echo(file, text), 0);
		t_io_got(&readers[i], text);
	}
}

static void poll_tells_what_would_not_wait(void **state)
{
	(void)state;
	const char *name = name_of("poll"), *file = file_of(name);
	mqd_t q = make(name, 1, 16);
	int fd = t_open(file, O_RDWR);
	struct epoll_event event = {.events = EPOLLIN};
	int e = epoll_create1(EPOLL_CLOEXEC);

	t_is(t_poll(fd, POLLIN | POLLOUT, 0), POLLOUT);
	t_is(epoll_ctl(e, EPOLL_CTL_ADD, fd, &event), 0);
	t_is(epoll_wait(e, &event, 1, 0), 0);
	t_is(t_sys(mq_send(q, "x", 1, 0)), 0);
	t_is(epoll_wait(e, &event, 1, T_LIMIT_MS), 1);
	t_is(t_poll(fd, POLLIN | POLLOUT, T_LIMIT_MS), POLLIN);
	t_gets(fd, "x");
	t_is(t_poll(fd, POLLIN | POLLOUT, T_LIMIT_MS), POLLOUT);
	close(e);
	close(fd);
	mq_close(q);
}

static void watch_shows_each_change(void **state)
{
	(void)state;
	const char *name = name_of("watch"), *file = file_of(name);
	mqd_t q = make(name, 4, 16);
	int fd = t_open(t_format("%s,watch", file), O_RDONLY);

	t_gets(fd, "maxmsg 4\nmsgsize 16\nmessages 0\n");
	t_is(t_sys(mq_send(q, "x", 1, 0)), 0);
	t_gets(fd, "maxmsg 4\nmsgsize 16\nmessages 1\n");
	close(fd);
	mq_close(q);
}

/* ---- limits ------------------------------------------------------------------------------------------------ */

static void limits_are_named(void **state)
{
	(void)state;
	const char *file = file_of(name_of("limits"));

	t_is(t_touch(t_format("%s,maxmsg=70000", file)), -EINVAL);
	t_runs(0, "tail -n 1 %s | grep -q 'maxmsg=70000 is above the system.s msg_max'",
	       t_path("errors"));
	t_is(t_touch(t_format("%s,msgsize=1G", file)), -EINVAL);
	t_runs(0, "tail -n 1 %s | grep -q 'above the system.s msgsize_max'", t_path("errors"));
	t_is(t_touch(t_format("%s,maxmsg=0", file)), -EINVAL);
	t_is(t_touch(t_format("%s,maxsize=1", file)), -EINVAL);
	t_is(t_exists(file), -ENOENT);
}

static long touch_more(const char *file)
{
	return t_touch(t_format("%s,maxmsg=11", file));
}

/* Who is not root is held to the system's limits as by mq_open(3), and to his bytes. */
static void a_user_has_his_limits(void **state)
{
	(void)state;
	const char *file = file_of(name_of("user"));
	long rc = 0;
	int n = 0;

	t_is(t_as(T_NOBODY, touch_more, file), -EINVAL);
	while (rc == 0 && n < 20)
		rc = t_as(T_NOBODY, t_touch, file_of(name_of(t_format("user%d", n++))));
	t_is(rc, -EMFILE);
	/* as many as with mq_open and 819200 bytes: nine; or fewer, where the server may not raise its own limit */
	t_check(n > 1 && n <= 10);
	t_runs(0,
	       "tail -n 1 %s | grep -Eq 'EMFILE .*(message queues that the mount "
	       "gives|RLIMIT_MSGQUEUE)'",
	       t_path("errors"));
}

static void temp_goes_with_its_maker(void **state)
{
	(void)state;
	const char *name = name_of("temp"), *file = file_of(name);
	int fd = t_open(t_format("%s,temp", file), O_RDWR | O_CREAT);

	t_check(fd >= 0);
	t_check(t_stat_has(file, "temp 1"));
	t_is(t_echo(file, "x"), 0);
	close(fd);
	t_until(t_exists(file) == -ENOENT);
	/* also when the server is killed */
	fd = t_open(t_format("%s,temp", file), O_RDWR | O_CREAT);
	t_check(fd >= 0);
	name = name_of("stays");
	t_is(t_echo(file_of(name), "kept"), 0);
	t_restart();
	close(fd);
	t_is(t_exists(file), -ENOENT);
	t_shows(file_of(name), "kept");
}

static void bad_words(void **state)
{
	(void)state;
	const char *file = file_of(name_of("bad"));

	t_is(t_touch(file), 0);
	t_is(t_exists(t_format("%s,n=2", file)), -EINVAL);
	t_is(t_exists(t_format("%s,raw", file)), -EINVAL);
	t_is(t_exists(t_format("%s,nonsense", file)), -EINVAL);
	t_is(t_echo(t_format("%s,ctl", file), "clear"), -EINVAL);
	t_is(t_echo(t_format("%s,peek", file), "x"), -EINVAL);
}

static long read_three(const char *path)
{
	int one = t_open(path, O_RDONLY), two = t_open(path, O_RDONLY);
	char buf[10];

	t_get(one, buf, sizeof(buf)); /* all but ten bytes are left */
	if (t_get(two, buf, sizeof(buf)) != -EDQUOT)
		return -EIO;
	close(one);
	return t_get(two, buf, sizeof(buf)) == sizeof(buf) ? buf[0] : -EIO;
}

/* Who may have no more in the server's memory is refused before anything is received, as that could only go back behind
 * the others. */
static void who_is_refused_has_received_nothing(void **state)
{
	(void)state;
	const char *name = name_of("kept"), *file = file_of(name);
	mqd_t q = make(name, 10, 8192);
	char bytes[8192];

	for (int c = 'a'; c < 'f'; c++) {
		memset(bytes, c, sizeof(bytes));
		t_is(mq_send(q, bytes, sizeof(bytes), 0), 0);
	}
	t_umount();
	t_mount("max_kept=12k");
	t_is(t_sys(chmod(file, 0666)), 0);
	t_is(t_as(T_NOBODY, read_three, file), 'b');
	mq_close(q);
	t_umount();
	t_mount(NULL);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[] = {
		T_TEST(a_program_and_a_file_meet),
		T_TEST(a_file_makes_a_queue),
		T_TEST(it_is_listed_and_removed),
		T_TEST(names_that_files_cannot_have),
		T_TEST(the_highest_priority_comes_first),
		T_TEST(what_is_too_long),
		T_TEST(a_reader_waits_for_either_side),
		T_TEST(a_writer_waits_for_either_side),
		T_TEST(waits_end),
		T_TEST(who_waits_hears_of_mq_unlink),
		T_TEST(readers_are_served_in_order),
		T_TEST(poll_tells_what_would_not_wait),
		T_TEST(watch_shows_each_change),
		T_TEST(limits_are_named),
		T_TEST(a_user_has_his_limits),
		T_TEST(temp_goes_with_its_maker),
		T_TEST(who_is_refused_has_received_nothing),
		T_TEST(bad_words),
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].teardown_func = remove_all;
	return T_RUN(tests, argc, argv);
}
