/* SPDX-License-Identifier: MIT
 *
 * test_hold_wait.c - contract, semaphores, view `hold`: who waits has it at once; how a wait ends; many, and deaths.
 */
#include "agent.h"

#include <signal.h>
#include <sys/wait.h>

#include "hold.h"

#include "held.h"

/* ---- who has it next --------------------------------------------------------------------------- */

static void the_next_waiter_has_it(void **state)
{
	(void)state;
	const char *s = make("next", 1, 1);

	for (int i = 0; i < t_count(20, 200); i++) {
		struct agent a = holder(s);
		struct t_io next = t_reader(i % 2 ? hold(s) : s, O_RDONLY);
		t_wait_stat(s, "waiters", 1);
		kill(a.pid, SIGKILL);
		t_io_got(&next, "1\n");
		t_kill(a.pid);
		if (i % 2)
			wait_units(s, 1);
		else
			t_is(t_echo(s, "1"), 0);
	}
}

/* A program of the library held it, or waits for it. */
static int hold_and_stay(void *arg)
{
	_Atomic int *has = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *sem = t_attach_child(&store, IPCFS_SEMAPHORE, "lib");

	if (!sem || ipcfs_semaphore_hold(sem, 1, IPCFS_FOREVER) != 0)
		return 1;
	++*has;
	for (;;)
		pause();
}

static void beside_the_library(void **state)
{
	(void)state;
	const char *s = make("lib", 1, 1);
	_Atomic int *has = t_shared(sizeof(*has));

	for (int i = 0; i < 5; i++) {
		int before = *has;
		pid_t child = t_spawn(hold_and_stay, (void *)has);
		t_until(*has == before + 1);
		t_is(t_stat(s, "holder"), child);
		struct t_io next = t_reader(hold(s), O_RDONLY);
		t_wait_stat(s, "waiters", 1);
		kill(child, SIGKILL);
		t_io_got(&next, "1\n");
		wait_units(s, 1);
		t_kill(child);

		struct agent a = holder(s);
		child = t_spawn(hold_and_stay, (void *)has);
		t_wait_stat(s, "value", 0);
		kill(a.pid, SIGKILL);
		t_until(*has == before + 2);
		t_kill(child);
		wait_units(s, 1);
	}
}

/* No server runs, or another does: its files hold nothing. */
static void the_servers_death_is_every_files(void **state)
{
	(void)state;
	const char *s = make("server", 2, 2);
	struct ipcfs_object *sem = t_attach(IPCFS_SEMAPHORE, "server", NULL);

	struct agent a = agent_open(t_format("%s,hold,n=2", s), O_RDWR);
	t_is(agent_gets(&a, 8), 2);
	t_is(ipcfs_semaphore_acquire(sem, 1, 0), -EAGAIN);
	t_kill_server();
	t_is(ipcfs_semaphore_acquire(sem, 1, ipcfs_after(T_LIMIT_MS * 1000000ll)), 0);
	t_is((long)ipcfs_semaphore_value(sem), 1);
	t_is(ipcfs_semaphore_release(sem, 1), 0);
	t_mount(NULL);
	units(s, "2\n");
	a = holder(s);
	t_restart();
	t_shows(t_format("%s,n=2", s), "2\n");
	t_is(t_echo(s, "2"), 0);
}

static int acquire_one(void *arg)
{
	_Atomic int *has = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *sem = t_attach_child(&store, IPCFS_SEMAPHORE, "alone");

	if (!sem || ipcfs_semaphore_acquire(sem, 1, IPCFS_FOREVER) != 0)
		return 1;
	return --*has;
}

/* A sleeper of the library where nobody tells it. */
static void without_a_server_a_sleeper_looks_himself(void **state)
{
	(void)state;
	const char *s = make("alone", 1, 1);
	_Atomic int *has = t_shared(sizeof(*has));
	struct agent a = holder(s);

	*has = 1;
	pid_t child = t_spawn(acquire_one, (void *)has);
	t_until(t_run("grep -q futex /proc/%d/wchan", (int)child)->status == 0);
	t_kill_server();
	t_is(t_wait(child), 0);
	t_mount(NULL);
	units(s, "0\n");
	t_kill(a.pid);
}

static void poll_tells_of_a_holders_death(void **state)
{
	(void)state;
	const char *s = make("poll", 2, 2);

	struct agent a = agent_open(t_format("%s,hold,n=2", s), O_RDWR);
	t_is(agent_gets(&a, 8), 2);
	int one = t_open(s, O_RDWR), two = t_open(t_format("%s,n=2", s), O_RDWR);
	t_is(t_poll(one, POLLIN, 0), 0);
	t_is(t_poll(two, POLLIN, 0), 0);
	t_is(agent_says(&a, "1"), 1);
	t_check(t_poll(one, POLLIN, T_LIMIT_MS) & POLLIN);
	t_is(t_poll(two, POLLIN, 0), 0);
	kill(a.pid, SIGKILL);
	t_check(t_poll(two, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(two, "2\n");
}

/* What stands behind others is not promised: a read that may not wait would have nothing. */
static void poll_promises_nobody_what_is_anothers(void **state)
{
	(void)state;
	const char *s = make("inline", 0, 5);
	char buf[8];

	struct t_io three = t_reader(t_format("%s,n=3", s), O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	int fd = t_open(s, O_RDONLY | O_NONBLOCK);
	t_is(t_echo(s, "2"), 0);
	units(s, "2\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_kill(three.pid);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "1\n");
}

static void watch_shows_a_holders_death(void **state)
{
	(void)state;
	const char *s = make("watch", 1, 1);
	struct agent a = holder(s);
	int fd = t_open(t_format("%s,watch", s), O_RDONLY);

	t_gets(fd, "0\n");
	kill(a.pid, SIGKILL);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "1\n");
}

/* ---- how a wait ends --------------------------------------------------------------------------- */

static void a_wait_ends_and_nothing_is_held(void **state)
{
	(void)state;
	const char *s = make("wait", 0, 2);
	long holders;

	struct agent a = agent_open(hold(s), O_RDWR);
	agent_post(&a, AGENT_GET, 8);
	t_wait_stat(s, "waiters", 1);
	kill(a.pid, SIGUSR1);
	t_is(agent_result(&a), -EINTR);
	struct t_io killed = t_reader(hold(s), O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	t_kill(killed.pid);
	t_wait_stat(s, "waiters", 0);
	struct agent timed = agent_open(t_format("%s,hold,n=2,timeout=50ms", s), O_RDWR);
	t_is(agent_gets(&timed, 8), -ETIMEDOUT);
	struct agent never = agent_open(hold(s), O_RDWR | O_NONBLOCK);
	t_is(agent_gets(&never, 8), -EAGAIN);
	t_is(t_echo(s, "1"), 0);
	units(s, "1\n");
	t_is(held(s, &holders), 0);
	/* none of them has left the turnstile closed */
	struct ipcfs_object *sem = t_attach(IPCFS_SEMAPHORE, "wait", NULL);
	t_is(ipcfs_semaphore_acquire(sem, 1, 0), 0);
}

static void removal(void **state)
{
	(void)state;
	const char *s = make("rm", 1, 1);
	struct agent a = holder(s), b = agent_open(hold(s), O_RDWR);

	agent_post(&b, AGENT_GET, 8);
	t_wait_stat(s, "waiters", 1);
	t_is(t_sys(unlink(s)), 0);
	t_is(agent_result(&b), -EIDRM);
	t_is(agent_says(&a, "1"), -EIDRM);
	agent_leaves(&a);
	t_is(t_touch(t_format("%s,value=1", s)), 0); /* another one of that name */
	units(s, "1\n");
}

static void the_end_of_the_server(void **state)
{
	(void)state;
	const char *s = make("end", 1, 1);
	struct agent a = holder(s), b = agent_open(hold(s), O_RDWR);

	agent_post(&b, AGENT_GET, 8);
	t_wait_stat(s, "waiters", 1);
	t_umount();
	t_is(agent_result(&b), -ESHUTDOWN);
	t_mount(NULL);
	t_shows(hold(s), "1\n");
	t_kill(a.pid);
}

/* A program of the library has the inner lock just when a file closes. */
static void a_close_is_not_lost_where_the_lock_is_busy(void **state)
{
	(void)state;
	const char *s = make("busy", 2, 2);

	struct agent a = holder(s), b = holder(s);
	pid_t stopped = t_hold(IPCFS_SEMAPHORE, "busy");
	t_kill(a.pid);
	agent_leaves(&b);
	struct t_io next = t_reader(t_format("%s,n=2", s), O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	t_let_go(stopped);
	t_io_got(&next, "2\n");
}

/* ---- many, and deaths -------------------------------------------------------------------------- */

/* Nobody asks for more while he has any: all of it is released, or some, or none, and the rest at close. */
static int hold_again_and_again(void *arg)
{
	static const char *const released[] = {"2", "1", NULL};
	_Atomic long *rounds = arg;
	char buf[8];
	int fd = t_open(t_path("semaphores/storm,hold,n=2"), O_RDWR);

	while (t_get(fd, buf, sizeof(buf)) == 2) {
		long way = ++*rounds % 3;

		if (released[way] && t_again(t_put(fd, released[way])) != 1)
			return 1;
		if (way == 0)
			continue;
		close(fd);
		fd = t_open(t_path("semaphores/storm,hold,n=2"), O_RDWR);
	}
	return 2;
}

static void random_deaths_lose_nothing(void **state)
{
	(void)state;
	enum { KIDS = 6 };
	const char *s = make("storm", 5, 5);
	_Atomic long *rounds = t_shared(sizeof(*rounds));
	pid_t kids[KIDS];
	long holders;

	t_limit(t_count(T_TEST_S, 1200));
	for (int i = 0; i < KIDS; i++)
		kids[i] = t_spawn(hold_again_and_again, (void *)rounds);
	for (int i = 0; i < t_count(100, 2000); i++) {
		long before = *rounds;

		t_until(*rounds > before + 10);
		t_kill(kids[i % KIDS]);
		kids[i % KIDS] = t_spawn(hold_again_and_again, (void *)rounds);
	}
	for (int i = 0; i < KIDS; i++)
		t_kill(kids[i]);
	wait_units(s, 5);
	t_is(held(s, &holders), 0);
	t_is(t_echo(s, "1"), -EOVERFLOW);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(the_next_waiter_has_it),
		T_TEST(beside_the_library),
		T_TEST(the_servers_death_is_every_files),
		T_TEST(without_a_server_a_sleeper_looks_himself),
		T_TEST(poll_tells_of_a_holders_death),
		T_TEST(poll_promises_nobody_what_is_anothers),
		T_TEST(watch_shows_a_holders_death),
		T_TEST(a_wait_ends_and_nothing_is_held),
		T_TEST(removal),
		T_TEST(the_end_of_the_server),
		T_TEST(a_close_is_not_lost_where_the_lock_is_busy),
		T_TEST(random_deaths_lose_nothing),
	};

	return T_RUN(tests, argc, argv);
}
