/* SPDX-License-Identifier: MIT
 *
 * test_lease_join.c - contract, row queues: the view `join`, `close`, and who waits.
 */
#include "t.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "lease.h"

static char buf[1024];

/* ---- waiting ----------------------------------------------------------------------------------- */

static void returned_messages_go_to_who_waits(void **state)
{
	(void)state;
	const char *q = queue("waits");

	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	int fd = ack(q, O_RDWR);
	t_gets(fd, "a");
	t_gets(fd, "b");
	struct t_io first = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	struct t_io second = t_reader(t_format("%s,ack", q), O_RDONLY);
	t_wait_stat(q, "waiters", 2);
	int polled = ack(q, O_RDWR);
	t_is(t_poll(polled, POLLIN, 0), 0);
	close(fd);
	t_io_got(&first, "a"); /* first come, first served */
	t_io_got(&second, "b");
	t_check(t_poll(polled, POLLIN, T_LIMIT_MS) & POLLIN); /* it ended without `done` */
	t_is(t_stat(q, "messages"), 1);
	t_shows(q, "b");
}

/* Nobody's room is waited for. */
static void done_does_not_stand_in_line(void **state)
{
	(void)state;
	const char *q = t_path("queues/line");

	t_is(t_touch(t_format("%s,capacity=10", q)), 0);
	t_is(t_echo(q, "0123456789"), 0);
	int fd = ack(q, O_RDWR);
	t_check(t_poll(fd, POLLOUT, 0) & POLLOUT);
	t_gets(fd, "0123456789");
	struct t_io writer = t_writer(q, O_WRONLY, "more");
	t_wait_stat(q, "writers", 1);
	t_is(t_put(fd, "back"), 4);
	t_is(t_stat(q, "writers"), 1);
	t_gets(fd, "0123456789");
	t_is(t_put(fd, "done"), 4);
	t_is(t_io_result(&writer), 4);
	t_shows(q, "more");
}

static void waits_end(void **state)
{
	(void)state;
	const char *q = queue("ends");

	int fd = t_open(t_format("%s,ack", q), O_RDWR | O_NONBLOCK);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_cat(t_format("%s,ack,timeout=50ms", q), buf, sizeof(buf)), -ETIMEDOUT);
	t_is(t_cat(t_format("%s,join,timeout=50ms", q), buf, sizeof(buf)),
	     2); /* nothing to wait for */
	struct t_io killed = t_reader(t_format("%s,ack", q), O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_kill(killed.pid);
	t_wait_stat(q, "waiters", 0);
	t_is(t_echo(q, "a"), 0);
	t_is(t_stat(q, "messages"), 1); /* it has leased nothing */
	t_is(t_cat(t_format("%s,join,timeout=50ms", q), buf, sizeof(buf)), -ETIMEDOUT);
	t_is(t_cat(t_format("%s,join,timeout=0", q), buf, sizeof(buf)), -EAGAIN);
	struct t_io joiner = t_reader(t_format("%s,join", q), O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_kill(joiner.pid);
	t_wait_stat(q, "waiters", 0);
	joiner = t_reader(t_format("%s,join", q), O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	int leasing = ack(q, O_RDWR), polled = ack(q, O_RDWR);
	t_gets(leasing, "a");
	struct t_io leaser = t_reader(t_format("%s,ack", q), O_RDONLY);
	t_wait_stat(q, "waiters", 2);
	t_is(t_poll(polled, POLLIN, 0), 0);
	t_is(t_sys(unlink(q)), 0);
	t_is(t_io_result(&joiner), -EIDRM);
	t_is(t_io_result(&leaser), -EIDRM);
	t_check(t_poll(polled, POLLIN, T_LIMIT_MS) & POLLERR);
	t_is(t_put(leasing, "done"), -EIDRM);
	t_is(t_put(leasing, "back"), -EIDRM);
}

static void end_with_waiters(bool by_signal)
{
	const char *q = queue("shutdown"), *r = queue("shutdown2");

	t_is(t_echo(q, "a"), 0);
	struct t_io joiner = t_reader(t_format("%s,join", q), O_RDONLY),
		    leaser = t_reader(t_format("%s,ack", r), O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_wait_stat(r, "waiters", 1);
	if (by_signal)
		kill(t_server(), SIGTERM);
	else
		t_umount();
	t_is(t_io_result(&joiner), -ESHUTDOWN);
	t_is(t_io_result(&leaser), -ESHUTDOWN);
	t_until(t_exists(t_path("status")) != 0);
	umount2(t_mnt, MNT_DETACH); /* in case that it is still there */
	t_mount(NULL);
	t_shows(q, "a");
	t_is(t_sys(unlink(q)), 0);
	t_is(t_sys(unlink(r)), 0);
}

static void the_servers_end(void **state)
{
	(void)state;
	end_with_waiters(false);
	end_with_waiters(true);
}

/* ---- join -------------------------------------------------------------------------------------- */

static void join_waits_for_the_last_done(void **state)
{
	(void)state;
	const char *q = queue("join"), *join = t_format("%s,join", q);

	t_shows(join, "0\n");
	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	int polled = t_open(join, O_RDONLY);
	t_is(t_poll(polled, POLLIN, 0), 0);
	struct t_io joiner = t_reader(join, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_shows(q, "a");
	t_shows(q, "b"); /* who reads does not wait behind who joins */
	t_is(t_echo(t_format("%s,ctl", q), "done 1"), 0);
	t_is(joiner.note->state, 1);
	t_is(t_stat(q, "unfinished"), 1);
	t_is(t_echo(t_format("%s,ctl", q), "done 1"), 0);
	t_io_got(&joiner, "0\n");
	t_check(t_poll(polled, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(polled, "0\n");
	t_gets(polled, "");
	t_gets(polled, "0\n");
	t_is(t_open(join, O_WRONLY), -EINVAL);
	t_is(t_open(join, O_RDWR), -EINVAL);
}

static void readers_writers_and_joiners_wait_at_once(void **state)
{
	(void)state;
	const char *q = t_path("queues/classes");

	t_is(t_touch(t_format("%s,capacity=10", q)), 0);
	t_is(t_echo(q, "early"), 0);
	t_shows(q, "early");
	t_is(t_echo(q, "0123456789"), 0);
	int fd = ack(q, O_RDWR);
	t_gets(fd, "0123456789");
	struct t_io writer = t_writer(q, O_WRONLY, "abcdefghij"), reader = t_reader(q, O_RDONLY),
		    joiner = t_reader(t_format("%s,join", q), O_RDONLY),
		    watcher = t_reader(t_format("%s,watch", q), O_RDONLY);
	t_wait_stat(q, "waiters", 4);
	t_is(t_put(fd, "done"), 4); /* room: the writer puts, the reader has it */
	t_is(t_io_result(&writer), 10);
	t_io_got(&reader, "abcdefghij");
	t_is(joiner.note->state, 1);
	t_is(t_stat(q, "unfinished"), 2);
	t_is(t_echo(t_format("%s,ctl", q), "done 2"), 0);
	t_io_got(&joiner, "0\n");
	t_is(t_echo(q, "seen"), 0);
	t_io_got(&watcher, "seen");
}

enum { JOINERS = 50, TASKS_AT_ONCE = 4 };

struct joined {
	_Atomic int settled, early;
	int tasks;
};
static struct joined *joined;

static int join_and_look(void *arg)
{
	int fd = t_open(arg, O_RDONLY);

	if (t_get(fd, buf, sizeof(buf)) != 2)
		return 1;
	if (joined->settled != joined->tasks)
		joined->early++;
	return 0;
}

static int work(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	int fd = t_open(t_path("queues/joined,ack"), O_RDWR);

	while (t_get(fd, buf, sizeof(buf)) > 0) {
		usleep((useconds_t)rand_r(&seed) % 2000);
		if (rand_r(&seed) % 4 == 0) {
			if (t_put(fd, "back") != 4)
				return 1;
			continue;
		}
		joined->settled++; /* before: who is back from join must see it */
		if (t_put(fd, "done") != 4)
			return 2;
	}
	return 0;
}

static void join_is_neither_early_nor_late(void **state)
{
	(void)state;
	const char *q = queue("joined"), *join = t_format("%s,join", q);
	pid_t joiner[JOINERS], worker[TASKS_AT_ONCE];

	joined = t_shared(sizeof(*joined));
	joined->tasks = t_count(200, 2000);
	for (int i = 0; i < joined->tasks; i++)
		t_is(t_echo(q, "task"), 0);
	for (int i = 0; i < JOINERS; i++)
		joiner[i] = t_spawn(join_and_look, (void *)(uintptr_t)join);
	t_wait_stat(q, "waiters", JOINERS);
	for (int i = 0; i < TASKS_AT_ONCE; i++)
		worker[i] = t_spawn(work, (void *)(uintptr_t)(i + 1));
	for (int i = 0; i < JOINERS; i++)
		t_is(t_wait(joiner[i]), 0);
	t_is(joined->settled, joined->tasks);
	t_is(joined->early, 0);
	t_is(t_echo(t_format("%s,ctl", q), "close"), 0);
	for (int i = 0; i < TASKS_AT_ONCE; i++)
		t_is(t_wait(worker[i]), 0);
}

static void the_library_wakes_who_joins_through_a_file(void **state)
{
	(void)state;
	const char *q = queue("libjoin");
	struct ipcfs_object *o = t_attach(IPCFS_QUEUE, "libjoin", NULL);

	t_is(ipcfs_queue_put(o, "x", 1, 0), 0);
	struct t_io joiner = t_reader(t_format("%s,join", q), O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(ipcfs_queue_done(o, 1), 0);
	t_io_got(&joiner, "0\n");
}

static void done_by_number(void **state)
{
	(void)state;
	static const struct {
		const char *command;
		int want;
	} rows[] = {
		{"done 5", -EOVERFLOW},
		{"done 18446744073709551615", -EOVERFLOW},
		{"done 18446744073709551616", -EOVERFLOW},
		{"done 0", -EINVAL},
		{"done", -EINVAL},
		{"done x", -EINVAL},
		{"done -1", -EINVAL},
		{"done 1 1", -EINVAL},
		{"done1", -EINVAL},
		{"done 1\nnonsense", -EINVAL},
		{"done 2\n\ndone 1\n", 0},
		{"done 2", -EOVERFLOW},
		{"done\t1", 0},
		{"done 1", -EOVERFLOW},
	};
	const char *q = queue("number"), *ctl = t_format("%s,ctl", q);

	for (int i = 0; i < 4; i++)
		t_is(t_echo(q, "x"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (t_echo(ctl, rows[i].command) != rows[i].want)
			t_fail("%s is not %s", rows[i].command, t_result(rows[i].want));
	t_is(t_stat(q, "unfinished"), 0);
	t_check(t_errors_say("called too many times", ""));
	t_is(t_echo(ctl, "clear"), 0); /* these were done before */
	t_is(t_echo(q, "y"), 0);
	t_is(t_stat(q, "unfinished"), 1);
	t_is(t_sys(truncate(q, 0)), 0);
	t_is(t_stat(q, "unfinished"), 0);
}

/* ---- close ------------------------------------------------------------------------------------- */

static void a_closed_queue_is_drained(void **state)
{
	(void)state;
	const char *q = t_path("queues/closed");

	t_is(t_touch(t_format("%s,maxsize=2", q)), 0);
	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	int reader = t_open(q, O_RDONLY), both = t_open(q, O_RDWR);
	struct t_io writer = t_writer(q, O_WRONLY, "c");
	t_wait_stat(q, "writers", 1);
	t_is(t_stat(q, "closed"), -ENODATA);
	t_is(t_echo(t_format("%s,ctl", q), "close\n"), 0);
	t_is(t_io_result(&writer), -EPIPE);
	t_check(t_stat_has(q, "closed 1"));
	t_is(t_echo(q, "d"), -EPIPE);
	t_check(t_errors_say("the queue is closed", ""));
	t_is(t_echo(t_format("%s,ctl", q), "close"), 0); /* once is enough */
	t_check(!(t_poll(both, POLLIN, 0) & POLLHUP));
	t_gets(reader, "a");
	t_gets(reader, "");
	t_gets(both, "b");
	t_check(t_poll(both, POLLIN, 0) & POLLHUP);
	t_gets(both, ""); /* end of file, and again */
	t_gets(both, "");
	t_is(t_get(reader, buf, sizeof(buf)), -ENODATA);
	t_is(t_cat(q, buf, sizeof(buf)), -ENODATA);
	t_shows(t_format("%s,stream", q), "");
	t_shows(t_format("%s,peek", q), "");
	int nonblock = t_open(q, O_RDONLY | O_NONBLOCK);
	t_gets(nonblock, "");
	t_is(t_cat(t_format("%s,ack", q), buf, sizeof(buf)), -ENODATA);
	t_gets(ack(q, O_RDWR), "");
}

static void close_wakes_who_waits(void **state)
{
	(void)state;
	const char *q = queue("closewakes");
	struct t_io one = t_reader(q, O_RDONLY),
		    stream = t_reader(t_format("%s,stream", q), O_RDONLY),
		    leasing = t_reader(t_format("%s,ack", q), O_RDWR);
	int polled = t_open(q, O_RDWR);

	t_wait_stat(q, "waiters", 3);
	t_is(t_poll(polled, POLLIN, 0), 0);
	t_is(t_echo(t_format("%s,ctl", q), "close"), 0);
	t_is(t_io_result(&one), -ENODATA);
	t_is(t_io_result(&stream), 0);
	t_is(t_io_result(&leasing), 0);
	t_check(t_poll(polled, POLLIN, T_LIMIT_MS) & POLLHUP);
}

static void of_a_closed_queue_leases_are_waited_for(void **state)
{
	(void)state;
	const char *q = queue("closelease");

	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	int mine = ack(q, O_RDWR), polled = t_open(q, O_RDWR);
	t_gets(mine, "a");
	t_gets(mine, "b");
	t_is(t_echo(t_format("%s,ctl", q), "close"), 0);
	t_gets(mine, ""); /* what it has itself it does not wait for */
	t_is(t_poll(polled, POLLIN, 0), 0);
	struct t_io plain = t_reader(q, O_RDONLY),
		    leasing = t_reader(t_format("%s,ack", q), O_RDWR);
	t_wait_stat(q, "waiters", 2);
	t_is(t_put(mine, "back"), 4);
	/* each gets one; what the one leased comes back with his end, and nobody waits then */
	long sum = t_io_result(&plain) + t_io_result(&leasing);
	t_is(sum, 2);
	t_wait_stat(q, "messages", 1);
	t_gets(mine, leasing.note->data);
	plain = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(t_put(mine, "done"), 4);
	t_is(t_io_result(&plain), -ENODATA);
	t_check(t_poll(polled, POLLIN, 0) & POLLHUP);
}

static int read_nothing(void *arg)
{
	return t_get(*(int *)arg, buf, sizeof(buf)) == 0 ? 0 : 1;
}

/* Who waits for what he has leased must not keep him waiting. */
static void at_a_closed_queue_who_has_leases_stands_behind_nobody(void **state)
{
	(void)state;
	const char *q = queue("closeline");

	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	int mine = ack(q, O_RDWR), other = ack(q, O_RDWR);
	t_gets(mine, "a");
	t_gets(other, "b");
	struct t_io plain = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	pid_t before = t_spawn(read_nothing, &mine); /* before it is closed */
	t_wait_stat(q, "waiters", 2);
	t_is(t_echo(t_format("%s,ctl", q), "close"), 0);
	t_is(t_poll(mine, POLLIN, 0), 0);
	t_is(t_put(other, "done"), 4);
	t_is(t_wait(before), 0);
	t_check(t_poll(mine, POLLIN, 0) & POLLHUP);
	t_gets(mine, "");
	t_is(t_poll(other, POLLIN, 0), 0); /* it has none any more */
	t_is(t_stat(q, "waiters"), 1);
	t_is(t_put(mine, "back"), 4);
	t_io_got(&plain, "a");
	t_check(t_poll(mine, POLLIN, 0) & POLLHUP);
}

static void loops_over_a_queue_end(void **state)
{
	(void)state;
	const char *q = queue("loop");

	setenv("Q", q, 1);
	for (int i = 0; i < 3; i++)
		t_is(t_echo(q, t_format("%d\n", i)), 0);
	t_is(t_echo(t_format("%s,ctl", q), "close"), 0);
	struct t_run *r = t_run("while m=$(cat $Q 2>/dev/null); do echo got $m; done; echo end");
	t_is(strcmp(r->out, "got 0\ngot 1\ngot 2\nend\n"), 0);
	q = queue("loop2");
	setenv("Q", q, 1);
	for (int i = 0; i < 3; i++)
		t_is(t_echo(q, t_format("%d\n", i)), 0);
	t_is(t_echo(t_format("%s,ctl", q), "close"), 0);
	r = t_run("exec 3<>$Q,ack; while read -r -u3 m; do echo got $m; echo done >&3; done; echo "
		  "end");
	t_is(strcmp(r->out, "got 0\ngot 1\ngot 2\nend\n"), 0);
	t_is(t_stat(q, "unfinished"), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T_TEST(returned_messages_go_to_who_waits),
		T_TEST(done_does_not_stand_in_line),
		T_TEST(waits_end),
		T_TEST(the_servers_end),
		T_TEST(join_waits_for_the_last_done),
		T_TEST(readers_writers_and_joiners_wait_at_once),
		T_TEST(join_is_neither_early_nor_late),
		T_TEST(the_library_wakes_who_joins_through_a_file),
		T_TEST(done_by_number),
		T_TEST(a_closed_queue_is_drained),
		T_TEST(close_wakes_who_waits),
		T_TEST(of_a_closed_queue_leases_are_waited_for),
		T_TEST(at_a_closed_queue_who_has_leases_stands_behind_nobody),
		T_TEST(loops_over_a_queue_end),
	};

	return T_RUN(tests, argc, argv);
}
