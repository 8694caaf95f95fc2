/* SPDX-License-Identifier: MIT
 *
 * test_lease.c - contract, row queues: the view `ack`, `done` and `back`, what becomes of leases when handles close and
 * processes die.
 */
#include "t.h"

#include <signal.h>
#include <sys/wait.h>

#include "lease.h"

static char buf[1024];

/* ---- done and back ----------------------------------------------------------------------------- */

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
	t_check(t_errors_say("leased nothing", ""));
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
	t_check(t_errors_say("neither", ""));
	t_is(t_stat(q, "unfinished"), 1);
	t_check(leased_to(q, getpid(), 1));
	t_is(t_echo(t_format("%s,ack", q), "task"), -EINVAL); /* it is no way to put */
	t_is(t_echo(t_format("%s,ack", q), "done"), -EPERM);
	t_is(t_put(fd, "done"), 4);
}

/* ---- items that are longer than a read --------------------------------------------------------- */

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

/* ---- who dies ---------------------------------------------------------------------------------- */

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

/* ---- many workers ------------------------------------------------------------------------------ */

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
		T_TEST(killed_workers_lose_no_task),
	};

	return T_RUN(tests, argc, argv);
}
