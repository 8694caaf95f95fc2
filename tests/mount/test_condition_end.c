/* SPDX-License-Identifier: MIT
 *
 * test_condition_end.c - contract, row conditions: how a wait ends otherwise; with the library. What somebody did not use goes to
 * the next.
 */
#include "t.h"

#include "hold.h"

#include <sched.h>
#include <signal.h>

#include "condition.h"

/* ---- how a wait ends otherwise ----------------------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
}

struct interrupted {
	const char *path;
	bool arm;
	_Atomic int step;
	long results[2];
};

/* A read that is interrupted, and after a word another one. */
static int read_twice(void *arg)
{
	struct interrupted *in = arg;
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int fd = t_open(in->path, O_RDWR);
	char buf[8];

	sigaction(SIGUSR1, &action, NULL);
	if (in->arm && t_put(fd, "arm") != 3)
		return 1;
	in->results[0] = t_get(fd, buf, sizeof(buf));
	in->step = 1;
	while (in->step != 2)
		sched_yield();
	if (in->arm)
		in->results[1] = t_get(fd, buf, sizeof(buf));
	in->step = 3;
	return 0;
}

static void an_interrupted_read_waits_no_longer(void **state)
{
	(void)state;
	const char *c = make("eintr");
	struct interrupted *in = t_shared(sizeof(*in));

	in->path = c;
	pid_t child = t_spawn(read_twice, in);
	t_wait_stat(c, "waiters", 1);
	kill(child, SIGUSR1);
	t_until(in->step == 1);
	t_is(in->results[0], -EINTR);
	waiters(c, "0\n");
	int next = armed(c);
	t_is(t_echo(c, "1"), 0);
	t_gets(next, "1\n");
	in->step = 2;
	t_is(t_wait(child), 0);
}

static void an_armed_handle_stays_armed_when_its_read_is_interrupted(void **state)
{
	(void)state;
	const char *c = make("eintr_armed");
	struct interrupted *in = t_shared(sizeof(*in));

	in->path = c;
	in->arm = true;
	pid_t child = t_spawn(read_twice, in);
	t_wait_stat(c, "waiters", 1);
	kill(child, SIGUSR1);
	t_until(in->step == 1);
	t_is(in->results[0], -EINTR);
	waiters(c, "1\n");
	t_is(t_echo(c, "1"), 0); /* while nobody reads */
	in->step = 2;
	t_is(t_wait(child), 0);
	t_is(in->results[1], 2);
}

static void a_killed_reader_takes_nothing(void **state)
{
	(void)state;
	const char *c = make("kill");
	struct t_io reader[10];

	for (int i = 0; i < 10; i++) {
		reader[i] = t_reader(c, O_RDONLY);
		t_wait_stat(c, "armed", i + 1);
	}
	for (int i = 0; i < 10; i += 2)
		t_kill(reader[i].pid);
	t_wait_stat(c, "waiters", 5);
	waiters(c, "5\n");
	t_is(t_echo(c, "2"), 0);
	t_io_got(&reader[1], "1\n");
	t_io_got(&reader[3], "1\n");
	t_is(t_echo(c, "all"), 0);
	for (int i = 5; i < 10; i += 2)
		t_io_got(&reader[i], "1\n");
}

static void programs_that_are_stopped_and_timed_out(void **state)
{
	(void)state;
	const char *c = make("programs");

	setenv("C", c, 1);
	t_runs(124, "timeout 0.1 cat $C");
	t_runs(1, "cat $C,timeout=0.1");
	waiters(c, "0\n");
	int out;
	pid_t cat = t_shell(&out, "exec cat $C");
	t_wait_stat(c, "armed", 1);
	kill(cat, SIGSTOP); /* which ends its read, to the kernel and to us */
	t_wait_stat(c, "armed", 0);
	kill(cat, SIGCONT);
	t_wait_stat(c, "armed", 1);
	t_is(t_echo(c, "1"), 0);
	t_is(t_wait(cat), 0);
	char text[8] = "";
	t_is(t_get(out, text, sizeof(text)), 2);
}

static void rm_mv_temp(void **state)
{
	(void)state;
	const char *c = t_path("conditions/temp"), *to = t_path("conditions/moved");
	char buf[8];

	int fd = t_open(t_format("%s,temp", c), O_RDWR | O_CREAT);
	struct t_io reader = t_reader(c, O_RDONLY);
	t_wait_stat(c, "armed", 1);
	close(fd);
	t_is(t_io_result(&reader), -EIDRM);
	t_until(t_exists(c) == -ENOENT);

	t_is(t_touch(c), 0);
	fd = armed(c);
	reader = t_reader(c, O_RDONLY);
	t_wait_stat(c, "armed", 2);
	t_is(t_sys(rename(c, to)), 0);
	t_is(t_touch(c), 0);
	t_is(t_sys(rename(c, to)), -EEXIST);
	t_is(t_echo(to, "all"), 0);
	t_io_got(&reader, "1\n");
	t_gets(fd, "1\n");
	reader = t_reader(to, O_RDONLY);
	t_wait_stat(to, "armed", 1);
	t_is(t_sys(unlink(to)), 0);
	t_is(t_io_result(&reader), -EIDRM);
	t_is(t_put(fd, "arm"), -EIDRM);
	t_is(t_put(fd, "1"), -EIDRM);
	t_is(t_get(fd, buf, sizeof(buf)), -EIDRM);
}

static void the_end_of_the_server(void **state)
{
	(void)state;
	const char *c = make("end");
	struct t_io reader = t_reader(c, O_RDONLY);

	t_wait_stat(c, "armed", 1);
	t_umount();
	t_is(t_io_result(&reader), -ESHUTDOWN);
	t_mount(NULL);
	waiters(c, "0\n");
	/* what the killed server's handles had goes on to who lives */
	struct ipcfs_object *condition = t_attach(IPCFS_CONDITION, "end", NULL);
	uint64_t ticket;
	int fd = armed(c);
	t_restart();
	close(fd);
	t_is(t_stat(c, "armed"), 0);
	fd = armed(c);
	t_is(ipcfs_condition_arm(condition, &ticket), 0);
	t_is(t_echo(c, "1"), 0);
	t_is(ipcfs_condition_wait(condition, ticket, 0), -EAGAIN);
	t_restart();
	close(fd);
	t_is(ipcfs_condition_wait(condition, ticket, ipcfs_after(30000000000)), 0);
	waiters(c, "0\n");
}

/* ---- with the library -------------------------------------------------------------------------- */

static void with_the_library(void **state)
{
	(void)state;
	const char *c = make("lib");
	struct ipcfs_object *condition = t_attach(IPCFS_CONDITION, "lib", NULL);
	uint64_t ticket;
	struct t_io reader = t_reader(c, O_RDONLY);

	t_wait_stat(c, "armed", 1);
	t_is(ipcfs_condition_arm(condition, &ticket), 0);
	waiters(c, "2\n");
	t_is(ipcfs_condition_notify(condition, 1), 1);
	t_io_got(&reader, "1\n");
	t_is(ipcfs_condition_wait(condition, ticket, 0), -EAGAIN);
	t_is(t_echo(c, "1"), 0);
	t_is(ipcfs_condition_wait(condition, ticket, 0), 0);
	waiters(c, "0\n");
}

static int arm_in_library(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *c = t_attach_child(&store, IPCFS_CONDITION, "libdead");
	uint64_t ticket;

	(void)arg;
	if (!c || ipcfs_condition_arm(c, &ticket) != 0)
		return 1;
	for (;;)
		pause();
	return 0;
}

/* A program of the library that dies with a notification, or while it waits. */
static void a_program_that_dies_passes_it_on(void **state)
{
	(void)state;
	const char *c = make("libdead");
	pid_t one = t_spawn(arm_in_library, NULL);

	t_wait_stat(c, "armed", 1);
	pid_t two = t_spawn(arm_in_library, NULL);
	t_wait_stat(c, "armed", 2);
	struct t_io reader = t_reader(c, O_RDONLY);
	t_wait_stat(c, "armed", 3);
	t_kill(two);
	t_until(t_run("[ $(cat %s,peek) = 2 ]", c)->status == 0);
	t_is(t_echo(c, "1"), 0);
	t_is(t_stat(c, "waiters"), 1);
	t_kill(one);
	t_io_got(&reader, "1\n");
}

static int fill_in_library(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *c = t_attach_child(&store, IPCFS_CONDITION, "full");
	uint64_t ticket;

	(void)arg;
	while (c && ipcfs_condition_arm(c, &ticket) == 0)
		;
	for (;;)
		pause();
	return 0;
}

static void a_full_table(void **state)
{
	(void)state;
	const char *c = make("full");
	struct ipcfs_object *condition = t_attach(IPCFS_CONDITION, "full", NULL);
	uint64_t ticket;
	int fd = t_open(c, O_RDWR);

	t_is(ipcfs_condition_arm(condition, &ticket), 0);
	pid_t child = t_spawn(fill_in_library, NULL);
	t_wait_stat(c, "armed", IPCFS_PARTIES_MAX);
	t_is(t_put(fd, "arm"), -EUSERS);
	struct t_io reader = t_reader(c, O_RDONLY); /* waits for a place, then as the last */
	t_wait_stat(c, "waiters", 1);
	t_is(ipcfs_condition_disarm(condition, ticket), 0);
	t_wait_stat(c, "armed", IPCFS_PARTIES_MAX);
	t_is(t_echo(c, "4095"), 0);
	t_is(t_stat(c, "armed"), 1);
	t_is(t_stat(c, "waiters"), 1);
	t_is(t_echo(c, "1"), 0);
	t_io_got(&reader, "1\n");
	t_kill(child);
	t_until(t_put(fd, "arm") == 3); /* where the dead have made room */
	t_is(t_echo(c, "1"), 0);
	t_gets(fd, "1\n");
}

/* A program has the inner lock and does not run: who is interrupted or times out goes all the same, and is
 * no waiter when the lock is free again. */
static void beside_a_stopped_program(void **state)
{
	(void)state;
	const char *c = make("stopped");
	char buf[8];
	int armed_fd = armed_nonblock(c);
	struct t_io reader = t_reader(c, O_RDONLY);

	t_wait_stat(c, "armed", 2);
	int fd = t_open(t_format("%s,timeout=50ms", c), O_RDWR);
	pid_t program = t_hold(IPCFS_CONDITION, "stopped");
	t_kill(reader.pid);
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	t_is(t_echo(c, "1"), -EBUSY);
	t_let_go(program);
	t_until(t_stat(c, "armed") == 1 && t_stat(c, "waiters") == 0);
	t_is(t_echo(c, "2"), 0);
	t_gets(armed_fd, "1\n");
	waiters(c, "0\n");
	t_is(t_stat(c, "notified"), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(an_interrupted_read_waits_no_longer),
		T_TEST(an_armed_handle_stays_armed_when_its_read_is_interrupted),
		T_TEST(a_killed_reader_takes_nothing),
		T_TEST(programs_that_are_stopped_and_timed_out),
		T_TEST(rm_mv_temp),
		T_TEST(the_end_of_the_server),
		T_TEST(with_the_library),
		T_TEST(a_program_that_dies_passes_it_on),
		T_TEST(a_full_table),
		T_TEST(beside_a_stopped_program),
	};

	return T_RUN(tests, argc, argv);
}
