/* SPDX-License-Identifier: MIT
 *
 * test_lease.c - contract, row queues: the views `ack` and `join`, `done` and `back`, what becomes of leases when
 * handles close and processes die, dead letters, `close`; with the library and over restarts of the server.
 */
#include "t.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static char buf[1024];

static const char *queue(const char *name)
{
	const char *q = t_path("queues/%s", name);

	t_is(t_touch(q), 0);
	return q;
}

static int ack(const char *q, int flags)
{
	int fd = t_open(t_format("%s,ack", q), flags);

	t_check(fd >= 0);
	return fd;
}

static bool errors_say(const char *words)
{
	static char text[T_TEXT];

	return t_cat(t_path("errors"), text, sizeof(text)) > 0 && strstr(text, words) != NULL;
}

static bool leased_to(const char *q, pid_t pid, int attempt)
{
	return t_stat_has(q, t_format("lease %d %d", (int)pid, attempt));
}

/* ---- done and back ---------------------------------------------------------------------------------- */

static void done_settles_all_that_was_read(void **state)
{
	(void)state;
	const char *q = queue("done");

	for (int i = 0; i < 4; i++)
		t_is(t_echo(q, t_format("task %d\n", i)), 0);
	int fd = ack(q, O_RDWR);
	t_gets(fd, "task 0\n");
	t_gets(fd, "task 1\n"); /* no end of file between them */
	t_is(t_stat(q, "messages"), 2);
	t_is(t_stat(q, "unfinished"), 4);
	t_check(leased_to(q, getpid(), 1));
	t_is(t_put(fd, "done\n"), 5);
	t_is(t_stat(q, "unfinished"), 2);
	t_is(t_stat(q, "lease"), -ENODATA);
	t_is(t_put(fd, "done"), -EPERM);
	t_check(errors_say("leased nothing"));
	t_gets(fd, "task 2\n");
	t_is(t_put(fd, "  done  "), 8);
	close(fd);
	t_shows(q, "task 3\n");
	t_is(t_stat(q, "unfinished"), 1); /* which a plain read leaves to `done 1` */
}

static void back_returns_all_that_was_read(void **state)
{
	(void)state;
	const char *q = queue("back");

	for (int i = 0; i < 4; i++)
		t_is(t_echo(q, t_format("%d", i)), 0);
	int fd = ack(q, O_RDWR);
	t_gets(fd, "0");
	t_gets(fd, "1");
	t_gets(fd, "2");
	t_is(t_put(fd, "back\n"), 5);
	t_is(t_stat(q, "messages"), 4);
	t_is(t_put(fd, "back\n"), -EPERM);
	t_shows(t_format("%s,peek", q), "0");
	t_gets(fd, "0");
	t_check(leased_to(q, getpid(), 2));
	t_shows(q, "1"); /* a plain read gets what was given back, too */
	t_is(t_put(fd, "done\n"), 5);
	t_shows(q, "2");
	t_shows(q, "3");
	t_is(t_stat(q, "messages"), 0);
}

static void a_close_without_done_returns(void **state)
{
	(void)state;
	const char *q = queue("close");

	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	for (int attempt = 1; attempt < 4; attempt++) {
		int fd = ack(q, O_RDONLY);
		t_gets(fd, "a");
		t_gets(fd, ""); /* one item, an end of file, as on any handle for reading alone */
		t_gets(fd, "b");
		t_check(leased_to(q, getpid(), attempt));
		close(fd);
		t_wait_stat(q, "messages", 2);
	}
	t_shows(q, "a");
	t_shows(q, "b");
}

static void what_came_later_comes_later(void **state)
{
	(void)state;
	const char *q = queue("order");
	int fd[4];

	for (int i = 0; i < 4; i++)
		t_is(t_echo(q, t_format("%d", i)), 0);
	for (int i = 0; i < 4; i++) {
		fd[i] = ack(q, O_RDWR);
		t_gets(fd[i], t_format("%d", i));
	}
	t_is(t_echo(q, "later"), 0);
	t_is(t_put(fd[2], "back"), 4);
	close(fd[0]);
	t_is(t_put(fd[1], "done"), 4);
	t_wait_stat(q, "messages", 3);
	close(fd[3]);
	t_wait_stat(q, "messages", 4);
	t_shows(q, "0");
	t_shows(q, "2");
	t_shows(q, "3");
	t_shows(q, "later");
}

static void other_words_do_nothing(void **state)
{
	(void)state;
	static const char *const words[] = {"don",  "done 1", "back back", "unlock",	"\n",
					    "DONE", "clear",  "task",	   "done\nback"};
	const char *q = queue("words");

	t_is(t_echo(q, "a"), 0);
	int fd = ack(q, O_RDWR);
	t_gets(fd, "a");
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		t_is(t_put(fd, words[i]), -EINVAL);
	t_check(errors_say("neither"));
	t_is(t_stat(q, "unfinished"), 1);
	t_check(leased_to(q, getpid(), 1));
	t_is(t_echo(t_format("%s,ack", q), "task"), -EINVAL); /* it is no way to put */
	t_is(t_echo(t_format("%s,ack", q), "done"), -EPERM);
	t_is(t_put(fd, "done"), 4);
}

/* ---- items that are longer than a read -------------------------------------------------------------------- */

static void the_rest_goes_with_its_message(void **state)
{
	(void)state;
	const char *q = queue("rest");
	char some[3];

	t_is(t_echo(q, "hello"), 0);
	t_is(t_echo(q, "world"), 0);
	int fd = ack(q, O_RDWR);
	t_is(t_get(fd, some, 3), 3);
	t_is(t_put(fd, "back"), 4);
	t_gets(fd, "hello"); /* from its beginning */
	t_is(t_put(fd, "back"), 4);
	t_is(t_get(fd, some, 2), 2);
	t_gets(fd, "llo");
	t_is(t_put(fd, "back"), 4);
	t_is(t_get(fd, some, 3), 3);
	t_is(t_put(fd, "done"), 4);
	t_is(t_get(fd, some, 3), 3); /* what was done is not read on */
	t_is(memcmp(some, "wor", 3), 0);
	close(fd); /* in the middle of it */
	t_wait_stat(q, "messages", 1);
	t_shows(q, "world");
}

static void long_messages(void **state)
{
	(void)state;
	const char *q = t_path("queues/long");
	static char big[900000], got[900000];

	t_is(t_touch(t_format("%s,capacity=2M", q)), 0);
	memset(big, 'x', sizeof(big));
	int in = t_open(q, O_WRONLY), fd = ack(q, O_RDWR);
	for (int i = 0; i < 20; i++) {
		big[0] = (char)('a' + i);
		t_is(t_sys(write(in, big, sizeof(big))), sizeof(big));
		for (size_t at = 0; at < sizeof(got);) {
			long n = t_get(fd, got + at, sizeof(got) - at);
			t_check(n > 0);
			at += (size_t)n;
		}
		t_is(memcmp(got, big, sizeof(big)), 0);
		t_is(t_put(fd, i % 3 ? "done" : "back"), 4);
		if (i % 3 == 0) {
			t_check(t_get(fd, got, sizeof(got)) > 0);
			t_is(t_put(fd, "done"), 4);
		}
	}
	t_is(t_stat(q, "unfinished"), 0);
}

/* ---- who dies ------------------------------------------------------------------------------------------------ */

static pid_t worker_shell(const char *q, const char *rest)
{
	return t_shell(NULL, "exec 3<>'%s,ack'; read -r -u3 task; %s", q, rest);
}

static void a_killed_worker_loses_nothing(void **state)
{
	(void)state;
	const char *q = queue("killed");

	t_is(t_echo(q, "task\n"), 0);
	t_is(t_echo(q, "next\n"), 0);
	pid_t worker = worker_shell(q, "while :; do sleep 1; done 3>&-");
	t_until(leased_to(q, worker, 1));
	struct t_io reader = t_reader(t_format("%s,ack", q), O_RDONLY);
	t_io_got(&reader, "next\n");
	t_wait_stat(q, "messages", 1);
	t_kill(worker);
	t_wait_stat(q, "messages", 2);
	int fd = ack(q, O_RDWR);
	t_gets(fd, "task\n");
	t_check(leased_to(q, getpid(), 2));
	t_gets(fd, "next\n");
	t_is(t_put(fd, "done"), 4);
}

/* As with flock: an heir of the descriptor is a holder until he too is gone. */
static void an_heir_keeps_the_lease(void **state)
{
	(void)state;
	const char *q = queue("heir");
	char text[16] = "";
	int out;

	t_is(t_echo(q, "task\n"), 0);
	pid_t worker = t_shell(&out,
			       "exec 3<>'%s,ack'; read -r -u3 task; "
			       "setsid sh -c 'echo $$; exec sleep 100' & wait",
			       q);
	t_check(t_get(out, text, sizeof(text) - 1) > 0);
	t_check(leased_to(q, worker, 1));
	t_kill(worker);
	t_is(t_stat(q, "messages"), 0);
	t_check(leased_to(q, worker, 1)); /* who took it, that is */
	t_is(t_sys(kill(atoi(text), SIGKILL)), 0);
	t_wait_stat(q, "messages", 1);
}

/* Of the library: with a server, who waits through a file has it at once. */
static int lease_in_library(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *q = t_attach_child(&store, IPCFS_QUEUE, arg);
	struct ipcfs_lease lease;

	if (!q || ipcfs_queue_lease(q, buf, sizeof(buf), ipcfs_after(20000000000), &lease) != 4)
		return 1;
	for (;;)
		pause();
}

static void library_and_files_share_leases(void **state)
{
	(void)state;
	const char *q = queue("both");
	struct ipcfs_object *o = t_attach(IPCFS_QUEUE, "both", NULL);
	struct ipcfs_lease lease;

	t_is(t_echo(q, "task"), 0);
	pid_t worker = t_spawn(lease_in_library, "both");
	t_until(leased_to(q, worker, 1));
	struct t_io reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_kill(worker);
	t_io_got(&reader, "task");
	t_is(t_echo(q, "task"), 0);
	int fd = ack(q, O_RDWR);
	t_gets(fd, "task");
	t_is(ipcfs_queue_lease(o, buf, sizeof(buf), 0, &lease), -EAGAIN);
	t_is(t_put(fd, "back"), 4);
	t_is(ipcfs_queue_lease(o, buf, sizeof(buf), 0, &lease), 4);
	t_is(lease.attempt, 2);
	reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(ipcfs_queue_return(o, lease.id), 0);
	t_io_got(&reader, "task");
}

static void a_killed_server_returns_what_its_handles_had(void **state)
{
	(void)state;
	const char *q = queue("restart");

	for (int i = 0; i < 3; i++)
		t_is(t_echo(q, t_format("%d", i)), 0);
	int fd = ack(q, O_RDWR);
	t_gets(fd, "0");
	t_gets(fd, "1");
	t_restart();
	t_is(t_stat(q, "messages"), 3);
	t_is(t_stat(q, "unfinished"), 3);
	int again = ack(q, O_RDWR);
	t_gets(again, "0");
	t_check(leased_to(q, getpid(), 2));
	t_gets(again, "1");
	t_gets(again, "2");
	t_check(leased_to(q, getpid(), 1));
	close(fd);
}

/* ---- waiting ------------------------------------------------------------------------------------------------------ */

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

/* ---- join ------------------------------------------------------------------------------------------------------------ */

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
	t_check(errors_say("called too many times"));
	t_is(t_echo(ctl, "clear"), 0); /* these were done before */
	t_is(t_echo(q, "y"), 0);
	t_is(t_stat(q, "unfinished"), 1);
	t_is(t_sys(truncate(q, 0)), 0);
	t_is(t_stat(q, "unfinished"), 0);
}

/* ---- dead letters ---------------------------------------------------------------------------------------------------- */

static void give_up(const char *q, const char *text)
{
	int fd = ack(q, O_RDWR);

	t_gets(fd, text);
	t_is(t_put(fd, "back"), 4);
	close(fd);
}

static void a_poisonous_task_ends_in_the_dead_queue(void **state)
{
	(void)state;
	const char *q = t_path("queues/attempts"), *dead = queue("letters");

	t_is(t_touch(t_format("%s,attempts=3,dead=letters", q)), 0);
	t_check(t_stat_has(q, "attempts 3") && t_stat_has(q, "dead letters"));
	t_is(t_echo(q, "poison\n"), 0);
	t_is(t_echo(q, "good\n"), 0);
	struct t_io waiting = t_reader(dead, O_RDONLY), joiner;
	t_wait_stat(dead, "waiters", 1);
	give_up(q, "poison\n");
	int fd = ack(q, O_RDWR);
	t_gets(fd, "poison\n");
	close(fd);
	t_wait_stat(q, "messages", 2);
	pid_t worker = worker_shell(q, "while :; do sleep 1; done 3>&-");
	t_until(leased_to(q, worker, 3));
	t_is(waiting.note->state, 1);
	t_kill(worker);
	t_io_got(&waiting, "poison\n"); /* put there, and gone here */
	t_wait_stat(q, "messages", 1);
	t_is(t_stat(q, "unfinished"), 1);
	t_is(t_stat(dead, "unfinished"), 1);
	joiner = t_reader(t_format("%s,join", q), O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	for (int i = 0; i < 3; i++)
		give_up(q, "good\n");
	t_io_got(&joiner, "0\n");
	t_shows(dead, "good\n");
}

static void where_it_cannot_go_it_stays(void **state)
{
	(void)state;
	const char *q = t_path("queues/stays"), *dead = t_path("queues/none");

	t_is(t_touch(t_format("%s,attempts=1,dead=none", q)), 0);
	t_is(t_echo(q, "poison"), 0);
	give_up(q, "poison");
	t_is(t_touch(t_format("%s,maxsize=1", dead)), 0);
	t_is(t_echo(dead, "full"), 0);
	give_up(q, "poison");
	struct t_io waiting = t_reader(q, O_RDONLY); /* is given out again */
	t_io_got(&waiting, "poison");
	t_is(t_echo(q, "second"), 0);
	int fd = ack(q, O_RDWR);
	t_gets(fd, "second");
	waiting = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(t_put(fd, "back"), 4);
	t_io_got(&waiting, "second");
	t_is(t_stat(dead, "messages"), 1);
}

/* A server of root's puts as the queue's owner. */
static long make_nobodys(const char *path)
{
	return t_touch(path);
}

static void others_queues_are_no_dead_queues(void **state)
{
	(void)state;
	const char *q = t_path("queues/nobodys"), *mine = queue("roots");

	t_is(t_as(T_NOBODY, make_nobodys, t_format("%s,attempts=1,dead=roots", q)), 0);
	t_is(t_echo(q, "poison"), 0);
	give_up(q, "poison");
	t_is(t_stat(mine, "messages"), 0);
	t_is(t_stat(q, "messages"), 1);
	t_is(t_sys(chmod(mine, 0622)), 0);
	give_up(q, "poison");
	t_is(t_stat(mine, "messages"), 1);
	t_is(t_stat(q, "messages"), 0);
}

static void dead_letters_stay_in_the_folder(void **state)
{
	(void)state;
	const char *top = queue("failed");

	t_is(t_sys(mkdir(t_path("queues/team"), 0755)), 0);
	t_is(t_sys(mkdir(t_path("queues/team2"), 0755)), 0);
	const char *one = queue("team/failed"), *two = queue("team2/failed");
	t_is(t_touch(t_path("queues/team/q,attempts=1,dead=failed")), 0);
	t_is(t_echo(t_path("queues/team/q"), "a"), 0);
	give_up(t_path("queues/team/q"), "a");
	t_shows(one, "a");
	/* where the queue is now */
	t_is(t_sys(rename(t_path("queues/team/q"), t_path("queues/team2/q"))), 0);
	t_is(t_echo(t_path("queues/team2/q"), "b"), 0);
	give_up(t_path("queues/team2/q"), "b");
	t_shows(two, "b");
	t_is(t_sys(rename(t_path("queues/team2"), t_path("queues/team3"))), 0);
	t_is(t_echo(t_path("queues/team3/q"), "c"), 0);
	give_up(t_path("queues/team3/q"), "c");
	t_shows(t_path("queues/team3/failed"), "c");
	t_is(t_stat(one, "messages"), 0);
	t_is(t_stat(top, "messages"), 0);
}

static void names(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		long want;
	} rows[] = {
		{"queues/n1,attempts=5,dead=other", 0},
		{"queues/n1,dead=other", 0},
		{"queues/n1,attempts=5", 0},
		{"queues/n1,attempts=6", -EEXIST},
		{"queues/n1,dead=another", -EEXIST},
		{"queues/n2,attempts=2147483647", 0},
		{"queues/n2,dead=other", -EEXIST},
		{"queues/n3,attempts=2147483648", -EINVAL},
		{"queues/n3,attempts=0", -EINVAL},
		{"queues/n3,attempts=-1", -EINVAL},
		{"queues/n3,attempts=", -EINVAL},
		{"queues/n3,attempts", -EINVAL},
		{"queues/n3,dead=other", -EINVAL},
		{"queues/n3,dead=", -EINVAL},
		{"queues/n3,dead", -EINVAL},
		{"queues/n3,attempts=1,dead=n3", -EINVAL},
		{"queues/n3,attempts=1,dead=.x", -EINVAL},
		{"queues/n3,attempts=1,dead=a\x01", -EINVAL},
		{"queues/n3,attempts=1,attempts=1", -EINVAL},
		{"queues/n3,attempts=1,dead=a,dead=a", -EINVAL},
		{"queues/n1,ack=1", -EINVAL},
		{"queues/n1,join=1", -EINVAL},
		{"queues/n1,ack,join", -EINVAL},
		{"queues/n1,ack,ack", -EINVAL},
		{"queues/n1,ack,peek", -EINVAL},
		{"queues/n1,ack,watch", -EINVAL},
		{"queues/n1,ack,stat", -EINVAL},
		{"queues/n1,ack,ctl", -EINVAL},
		{"queues/n1,join,peek", -EINVAL},
		{"queues/n1,join,watch", -EINVAL},
		{"queues/n1,join,stream", -EINVAL},
		{"queues/n1,ack,temp", -EINVAL},
		{"queues/n1,ack,attempts=6", -EEXIST},
		{"queues/absent,ack", -ENOENT},
		{"queues/absent,join", -ENOENT},
		{"semaphores/s,ack", -EINVAL},
		{"events/e,join", -EINVAL},
		{"values/v,attempts=5", -EINVAL},
		{"locks/l,dead=x", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (t_touch(t_path("%s", rows[i].name)) != rows[i].want)
			t_fail("%s is not %s", rows[i].name, t_result(rows[i].want));
	t_is(t_exists(t_path("queues/n3")), -ENOENT);
	t_is(t_exists(t_path("queues/absent")), -ENOENT);
	t_check(errors_say("dead= wants attempts="));
}

/* ---- close -------------------------------------------------------------------------------------------------------------- */

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
	t_check(errors_say("the queue is closed"));
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

/* ---- many workers -------------------------------------------------------------------------------------------------------- */

enum { WORKERS = 4, MOST_TASKS = 5000 };

struct tasks {
	_Atomic int done[MOST_TASKS]; /* how often it was declared done */
	_Atomic int has[WORKERS];     /* 1 + the live worker's task */
	_Atomic int wrong;	      /* times that another had it as well */
};
static struct tasks *tasks;

static int work_on(void *arg)
{
	int self = (int)(uintptr_t)arg, fd = t_open(t_path("queues/many,ack"), O_RDWR);

	for (;;) {
		long len = t_get(fd, buf, sizeof(buf) - 1);
		if (len <= 0)
			return len == 0 ? 0 : 1;
		buf[len] = '\0';
		int task = atoi(buf);
		tasks->has[self] = 1 + task;
		for (int other = 0; other < WORKERS; other++)
			tasks->wrong += other != self && tasks->has[other] == 1 + task;
		usleep(1000);
		tasks->has[self] = 0;
		tasks->done[task]++; /* before: the answer may not be seen */
		if (t_put(fd, "done") != 4)
			return 2;
	}
}

/* While it is stopped it still has its task, but does nothing with it any more. */
static pid_t replace(pid_t worker, int self)
{
	siginfo_t info = {0};

	kill(worker, SIGSTOP);
	t_until(waitid(P_PID, (id_t)worker, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid == worker);
	tasks->has[self] = 0;
	t_kill(worker);
	return t_spawn(work_on, (void *)(uintptr_t)self);
}

static void killed_workers_lose_no_task(void **state)
{
	(void)state;
	const char *q = queue("many");
	int count = t_count(800, MOST_TASKS), kills = 0;
	pid_t worker[WORKERS];

	t_limit(250);
	tasks = t_shared(sizeof(*tasks));
	for (int i = 0; i < count; i++)
		t_is(t_echo(q, t_format("%d", i)), 0);
	for (int i = 0; i < WORKERS; i++)
		worker[i] = t_spawn(work_on, (void *)(uintptr_t)i);
	for (unsigned seed = 1; t_stat(q, "unfinished") > 0; kills++) {
		int i = rand_r(&seed) % WORKERS;

		usleep(20000); /* the moment is the test */
		worker[i] = replace(worker[i], i);
	}
	t_is(t_echo(t_format("%s,ctl", q), "close"), 0);
	for (int i = 0; i < WORKERS; i++)
		t_is(t_wait(worker[i]), 0);
	for (int i = 0; i < count; i++)
		t_check(tasks->done[i] >= 1);
	t_is(tasks->wrong, 0);
	t_is(t_stat(q, "messages"), 0);
	t_check(kills > 3);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T_TEST(done_settles_all_that_was_read),
		T_TEST(back_returns_all_that_was_read),
		T_TEST(a_close_without_done_returns),
		T_TEST(what_came_later_comes_later),
		T_TEST(other_words_do_nothing),
		T_TEST(the_rest_goes_with_its_message),
		T_TEST(long_messages),
		T_TEST(a_killed_worker_loses_nothing),
		T_TEST(an_heir_keeps_the_lease),
		T_TEST(library_and_files_share_leases),
		T_TEST(a_killed_server_returns_what_its_handles_had),
		T_TEST(returned_messages_go_to_who_waits),
		T_TEST(done_does_not_stand_in_line),
		T_TEST(waits_end),
		T_TEST(the_servers_end),
		T_TEST(join_waits_for_the_last_done),
		T_TEST(readers_writers_and_joiners_wait_at_once),
		T_TEST(join_is_neither_early_nor_late),
		T_TEST(the_library_wakes_who_joins_through_a_file),
		T_TEST(done_by_number),
		T_TEST(a_poisonous_task_ends_in_the_dead_queue),
		T_TEST(where_it_cannot_go_it_stays),
		T_TEST(others_queues_are_no_dead_queues),
		T_TEST(dead_letters_stay_in_the_folder),
		T_TEST(names),
		T_TEST(a_closed_queue_is_drained),
		T_TEST(close_wakes_who_waits),
		T_TEST(of_a_closed_queue_leases_are_waited_for),
		T_TEST(loops_over_a_queue_end),
		T_TEST(killed_workers_lose_no_task),
	};

	return T_RUN(tests, argc, argv);
}
