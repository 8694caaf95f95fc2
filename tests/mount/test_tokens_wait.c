/* SPDX-License-Identifier: MIT
 *
 * test_tokens_wait.c - contract, semaphores, view `tokens`: who waits, and how that ends; many, and deaths.
 */
#include "agent.h"

#include <sched.h>
#include <signal.h>

#include "hold.h"

#include "tokens.h"

/* ---- who waits --------------------------------------------------------------------------------- */

static void the_next_waiter_has_it(void **state)
{
	(void)state;
	const char *s = make("next", 1, 1);

	for (int i = 0; i < t_count(20, 200); i++) {
		struct agent a = reader(s);
		struct t_io next = t_reader(tokens(s), O_RDONLY);
		t_wait_stat(s, "waiters", 1);
		kill(a.pid, SIGKILL);
		t_io_got(&next, "+");
		wait_units(s, 1);
		t_kill(a.pid);
	}
}

static int acquire_by_library(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *sem = t_attach_child(&store, IPCFS_SEMAPHORE, arg);

	return !sem || ipcfs_semaphore_acquire(sem, 1, IPCFS_FOREVER) != 0;
}

static bool sleeps(pid_t pid)
{
	return t_run("grep -q futex /proc/%d/wchan", (int)pid)->status == 0;
}

static void a_program_of_the_library_has_it(void **state)
{
	(void)state;
	static char name[] = "lib";
	const char *s = make(name, 1, 1);

	struct agent a = reader(s);
	pid_t child = t_spawn(acquire_by_library, name);
	t_until(sleeps(child));
	kill(a.pid, SIGKILL);
	t_is(t_wait(child), 0);
	t_is(t_echo(s, "1"), 0);
	/* and where the server has died */
	reader(s);
	child = t_spawn(acquire_by_library, name);
	t_until(sleeps(child));
	t_kill_server();
	t_is(t_wait(child), 0);
	t_mount(NULL);
	units(s, "0\n");
}

static void a_wait_ends_and_nothing_is_held(void **state)
{
	(void)state;
	const char *s = make("wait", 0, 2);

	struct agent a = agent_open(tokens(s), O_RDWR);
	agent_post(&a, AGENT_GET, 1);
	t_wait_stat(s, "waiters", 1);
	kill(a.pid, SIGUSR1);
	t_is(agent_result(&a), -EINTR);
	struct t_io killed = t_reader(tokens(s), O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	t_kill(killed.pid);
	t_wait_stat(s, "waiters", 0);
	struct agent timed = agent_open(t_format("%s,tokens,timeout=50ms", s), O_RDWR);
	t_is(agent_gets(&timed, 1), -ETIMEDOUT);
	t_is(t_echo(s, "1"), 0);
	units(s, "1\n");
	t_is(t_stat(s, "holder"), -ENODATA);
	struct agent b = agent_open(tokens(s), O_RDWR);
	t_is(agent_gets(&b, 1), 1);
	agent_post(&b, AGENT_GET, 1);
	t_wait_stat(s, "waiters", 1);
	t_is(t_sys(unlink(s)), 0);
	t_is(agent_result(&b), -EIDRM);
	t_is(agent_says(&b, "+"), -EIDRM);
	/* another one of that name has nothing to do with it */
	t_is(t_touch(t_format("%s,value=1,max=1", s)), 0);
	t_kill(b.pid);
	units(s, "1\n");
}

static void the_end_of_the_server(void **state)
{
	(void)state;
	const char *s = make("end", 1, 1);
	struct agent a = reader(s), b = agent_open(tokens(s), O_RDWR);

	agent_post(&b, AGENT_GET, 1);
	t_wait_stat(s, "waiters", 1);
	t_umount();
	t_is(agent_result(&b), -ESHUTDOWN);
	t_mount(NULL);
	struct agent c = reader(s); /* what the old server's readers had is free */
	units(s, "0\n");
	t_kill(a.pid);
	t_kill(c.pid);
	wait_units(s, 1);
}

static void a_death_is_not_lost_where_the_lock_is_busy(void **state)
{
	(void)state;
	const char *s = make("busy", 2, 2);

	struct agent a = reader(s), b = reader(s);
	pid_t stopped = t_hold(IPCFS_SEMAPHORE, "busy");
	t_kill(a.pid);
	agent_leaves(&b);
	struct t_io next = t_reader(t_format("%s,n=2", s), O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	t_let_go(stopped);
	t_io_got(&next, "2\n");
}

/* Whose process cannot be seen from the server, his tokens are the open file's. */
static void of_another_pid_namespace(void **state)
{
	(void)state;
	const char *mnt = t_format("%s/inner", t_base), *store = t_format("%s.inner", t_store);

	/* A server in a namespace of its own sees nobody of ours. */
	t_is(t_sys(mkdir(mnt, 0755)), 0);
	pid_t server = t_shell(NULL, "exec unshare -fp --kill-child $IPCFS mount -f -o store=%s %s",
			       store, mnt);
	t_until(t_exists(t_format("%s/semaphores", mnt)) == 0);
	const char *s = t_format("%s/semaphores/far", mnt);
	t_is(t_touch(t_format("%s,value=2,max=2", s)), 0);
	struct agent a = reader(s);
	t_is(agent_gets(&a, 1), 1);
	units(s, "0\n");
	t_is(agent_says(&a, "+"), 1);
	units(s, "1\n");
	t_kill(a.pid);
	wait_units(s, 2);
	t_runs(0, "$IPCFS umount --force %s", mnt);
	t_is(t_wait(server), 0);
	t_runs(0, "rm -rf %s; rmdir %s", store, mnt);
}

/* ---- many, and deaths -------------------------------------------------------------------------- */

static int take_and_give(void *arg)
{
	_Atomic long *rounds = arg;
	char buf[2];
	int fd = t_open(t_path("semaphores/storm,tokens"), O_RDWR);

	for (;;) {
		long n = t_get(fd, buf, sizeof(buf));

		if (n < 1)
			return 1;
		++*rounds;
		if (*rounds % 5 == 0)
			sched_yield();
		if (t_again(t_sys(write(fd, buf, (size_t)n))) != n)
			return 2;
	}
}

static void random_deaths_lose_nothing(void **state)
{
	(void)state;
	enum { KIDS = 6 };
	const char *s = make("storm", 4, 4);
	_Atomic long *rounds = t_shared(sizeof(*rounds));
	pid_t kids[KIDS];

	t_limit(t_count(T_TEST_S, 1200));
	for (int i = 0; i < KIDS; i++)
		kids[i] = t_spawn(take_and_give, (void *)rounds);
	for (int i = 0; i < t_count(100, 2000); i++) {
		long before = *rounds;

		t_until(*rounds > before + 10);
		t_kill(kids[i % KIDS]);
		kids[i % KIDS] = t_spawn(take_and_give, (void *)rounds);
	}
	for (int i = 0; i < KIDS; i++)
		t_kill(kids[i]);
	wait_units(s, 4);
	t_is(t_stat(s, "holder"), -ENODATA);
	int fd = t_open(tokens(s), O_RDWR);
	t_is(t_put(fd, "+"), -EOVERFLOW);
}

static long server_descriptors(void)
{
	return t_number(t_run("echo n $(ls /proc/%d/fd | wc -l)", (int)t_server())->out, "n");
}

static void the_server_keeps_nothing_of_the_dead(void **state)
{
	(void)state;
	const char *s = make("leak", 50, 50);
	struct agent a[20];

	long before = server_descriptors();
	for (int i = 0; i < 20; i++)
		a[i] = reader(s);
	t_is(server_descriptors(), before + 20);
	for (int i = 0; i < 10; i++)
		t_kill(a[i].pid);
	wait_units(s, 40);
	t_is(server_descriptors(), before + 10);
	t_is(t_sys(unlink(s)), 0);
	t_until(server_descriptors() == before);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(the_next_waiter_has_it),
		T_TEST(a_program_of_the_library_has_it),
		T_TEST(a_wait_ends_and_nothing_is_held),
		T_TEST(the_end_of_the_server),
		T_TEST(a_death_is_not_lost_where_the_lock_is_busy),
		T_TEST(of_another_pid_namespace),
		T_TEST(random_deaths_lose_nothing),
		T_TEST(the_server_keeps_nothing_of_the_dead),
	};

	return T_RUN(tests, argc, argv);
}
