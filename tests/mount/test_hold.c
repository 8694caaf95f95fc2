/* SPDX-License-Identifier: MIT
 *
 * test_hold.c - contract, semaphores, view `hold`: what a handle acquired and did not release comes back when it
 * closes, however its process ended; what a release is charged to; who waits has it at once; several at
 * once are not starved; how a wait ends; what is refused.
 */
#include "agent.h"

#include <signal.h>
#include <sys/wait.h>

#include "hold.h"

static const char *make(const char *name, int value, int max)
{
	const char *s = t_path("semaphores/%s", name);

	t_is(t_touch(t_format("%s,value=%d,max=%d", s, value, max)), 0);
	return s;
}

static const char *hold(const char *s)
{
	return t_format("%s,hold", s);
}

#define units(s, want) t_shows(t_format("%s,peek", s), want)

static void wait_units(const char *s, long want)
{
	t_wait_stat(s, "value", want);
}

/* Units that are held, and by how many. */
static long held(const char *s, long *holders)
{
	static char text[T_TEXT];
	long sum = 0, units;

	*holders = 0;
	if (t_cat(t_format("%s,stat", s), text, sizeof(text)) < 0)
		return -1;
	for (const char *at = text; (at = strstr(at, "holder ")); at++)
		if (sscanf(at, "holder %*d %*d %*d %ld", &units) == 1) {
			sum += units;
			++*holders;
		}
	return sum;
}

/* The open file that holds one unit already. */
static struct agent holder(const char *s)
{
	struct agent a = agent_open(hold(s), O_RDWR);

	t_is(agent_gets(&a, 8), 2);
	return a;
}

/* ---- it comes back ------------------------------------------------------------------------------- */

static void at_close(void **state)
{
	(void)state;
	const char *s = make("close", 3, 3);
	long holders;

	int fd = t_open(hold(s), O_RDONLY);
	t_gets(fd, "1\n");
	t_gets(fd, ""); /* opened for reading alone, as ever */
	t_gets(fd, "1\n");
	units(s, "1\n");
	t_is(held(s, &holders), 2);
	t_is(holders, 1);
	close(fd);
	wait_units(s, 3);
	t_is(held(s, &holders), 0);
	t_shows(hold(s), "1\n"); /* cat closes it */
	wait_units(s, 3);
}

static void the_stat_line(void **state)
{
	(void)state;
	const char *s = make("line", 5, 5);
	char text[1024];
	long pid, uid, units;

	struct agent a = agent_open(t_format("%s,hold,n=3", s), O_RDWR);
	t_is(agent_gets(&a, 8), 2);
	t_is(a.note->text[0], '3');
	t_check(t_cat(t_format("%s,stat", s), text, sizeof(text)) > 0);
	t_check(strstr(text, "\nholder ") != NULL);
	t_is(sscanf(strstr(text, "\nholder ") + 1, "holder %ld %ld %*d %ld\n", &pid, &uid, &units),
	     3);
	t_is(pid, a.pid);
	t_is(uid, (long)getuid());
	t_is(units, 3);
	t_check(t_stat_has(s, "value 2"));
}

static void however_the_process_ends(void **state)
{
	(void)state;
	const char *s = make("ends", 2, 2);

	struct agent a = holder(s);
	agent_closes(&a);
	wait_units(s, 2);
	a = holder(s);
	agent_leaves(&a);
	wait_units(s, 2);
	static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV};
	for (int i = 0; i < 3; i++) {
		a = holder(s);
		units(s, "1\n");
		kill(a.pid, signals[i]);
		wait_units(s, 2);
	}
	/* what it becomes has the file still */
	a = holder(s);
	agent_execs(&a);
	units(s, "1\n");
	t_kill(a.pid);
	wait_units(s, 2);
}

static void who_inherits_it_holds_it(void **state)
{
	(void)state;
	const char *s = make("heirs", 1, 1);

	struct agent a = holder(s);
	pid_t child = (pid_t)agent_does(&a, AGENT_FORK, 0);
	kill(a.pid, SIGKILL);
	t_is(t_sys(waitid(P_PID, (id_t)a.pid, NULL, WEXITED | WNOWAIT)), 0); /* not his child */
	units(s, "0\n");
	struct t_io next = t_reader(s, O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	units(s, "0\n");
	kill(child, SIGKILL);
	t_io_got(&next, "1\n");
}

static void what_was_released_comes_not_back_again(void **state)
{
	(void)state;
	const char *s = make("again", 3, 5);
	long holders;

	int fd = t_open(t_format("%s,hold,n=2", s), O_RDWR);
	t_gets(fd, "2\n");
	t_is(t_put(fd, "1"), 1);
	units(s, "2\n");
	t_is(held(s, &holders), 1);
	t_is(t_put(fd, "1\n"), 2);
	t_is(held(s, &holders), 0);
	close(fd);
	wait_units(s, 3);
	t_is(t_echo(s, "2"), 0);
	units(s, "5\n");
}

static void a_plain_one_beside_it_belongs_to_nobody(void **state)
{
	(void)state;
	const char *s = make("plain", 2, 2);
	long holders;

	int fd = t_open(hold(s), O_RDWR);
	t_shows(s, "1\n");
	t_gets(fd, "1\n");
	t_is(held(s, &holders), 1);
	close(fd);
	wait_units(s, 1);
	t_is(t_echo(s, "1"), 0);
	units(s, "2\n");
}

/* ---- who has it next ------------------------------------------------------------------------------- */

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

/* ---- what a release is charged to --------------------------------------------------------------------- */

static void to_the_handle_itself(void **state)
{
	(void)state;
	const char *s = make("self", 4, 4);
	long holders;

	struct agent first = holder(s), second = holder(s);
	t_is(agent_says(&second, "1"), 1);
	t_is(held(s, &holders), 1);
	t_is(t_stat(s, "holder"), first.pid);
	agent_leaves(&second);
	units(s, "3\n");
	t_kill(first.pid);
	wait_units(s, 4);
}

static void by_who_holds_nothing_to_the_longest(void **state)
{
	(void)state;
	const char *s = make("longest", 3, 3);
	long holders;

	struct agent first = holder(s), second = holder(s), third = holder(s);
	t_is(held(s, &holders), 3);
	t_is(holders, 3);
	t_is(t_echo(s, "1"), 0);
	units(s, "1\n");
	t_is(t_stat(s, "holder"), second.pid);
	t_kill(first.pid); /* has nothing any more */
	units(s, "1\n");
	t_is(t_echo(s, "2"), 0);
	units(s, "3\n");
	t_is(held(s, &holders), 0);
	t_kill(second.pid);
	t_kill(third.pid);
	t_is(t_echo(s, "1"), -EOVERFLOW);
	units(s, "3\n");
}

static void past_max_changes_nothing(void **state)
{
	(void)state;
	const char *s = make("max", 3, 3);
	long holders;

	struct agent a = holder(s);
	t_is(agent_says(&a, "2"), -EOVERFLOW);
	t_is(t_echo(s, "2"), -EOVERFLOW);
	t_is(t_echo(s, "4294967295"), -EOVERFLOW);
	t_check(t_run("tail -n1 $M/errors")->status == 0);
	t_is(held(s, &holders), 1);
	units(s, "2\n");
	t_kill(a.pid);
	wait_units(s, 3);
}

/* ---- several at once ------------------------------------------------------------------------------------ */

/* Three programs of the library hand units to each other; all three are never free at once by chance for long. */
struct stream {
	_Atomic long rounds;
	_Atomic bool end;
};

static int come_and_go(void *arg)
{
	struct stream *stream = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *sem = t_attach_child(&store, IPCFS_SEMAPHORE, "several");

	while (sem && !stream->end) {
		if (ipcfs_semaphore_hold(sem, 1, IPCFS_FOREVER) != 0)
			return 1;
		stream->rounds++;
		if (t_again(ipcfs_semaphore_release(sem, 1)) != 0)
			return 2;
	}
	return !sem;
}

static void several_are_not_starved(void **state)
{
	(void)state;
	const char *s = make("several", 3, 3);
	struct stream *stream = t_shared(sizeof(*stream));
	pid_t kids[6];

	for (int i = 0; i < 6; i++)
		kids[i] = t_spawn(come_and_go, stream);
	t_until(stream->rounds > 100);
	int fd = t_open(t_format("%s,hold,n=3", s), O_RDWR);
	for (int i = 0; i < t_count(20, 200); i++) {
		t_gets(fd, "3\n");
		units(s, "0\n");
		t_is(t_again(t_put(fd, "3")), 1);
	}
	stream->end = true;
	for (int i = 0; i < 6; i++)
		t_is(t_wait(kids[i]), 0);
	close(fd);
	wait_units(s, 3);
}

/* ---- how a wait ends ---------------------------------------------------------------------------------------- */

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

/* ---- names ------------------------------------------------------------------------------------------------------ */

static void what_is_refused(void **state)
{
	(void)state;
	const char *s = make("names", 2, 2);

	t_is(t_open(t_format("%s,hold=1", s), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,hold,hold", s), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,hold,tokens", s), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,hold,stat", s), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,hold,n=3", s), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,hold,temp", s), O_RDWR | O_CREAT), -EINVAL);
	t_is(t_open(t_path("semaphores/absent,hold"), O_RDWR | O_CREAT), -ENOENT);
	t_is(t_touch(t_path("queues/q")), 0);
	t_is(t_open(t_path("queues/q,hold"), O_RDWR), -EINVAL);
	int fd = t_open(hold(s), O_RDWR);
	t_is(t_put(fd, "unlock"), -EINVAL);
	t_is(t_put(fd, "0"), -EINVAL);
	t_is(t_put(fd, "-1"), -EINVAL);
	units(s, "2\n");
}

/* ---- many, and deaths --------------------------------------------------------------------------------------------- */

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
		T_TEST(at_close),
		T_TEST(the_stat_line),
		T_TEST(however_the_process_ends),
		T_TEST(who_inherits_it_holds_it),
		T_TEST(what_was_released_comes_not_back_again),
		T_TEST(a_plain_one_beside_it_belongs_to_nobody),
		T_TEST(the_next_waiter_has_it),
		T_TEST(beside_the_library),
		T_TEST(the_servers_death_is_every_files),
		T_TEST(without_a_server_a_sleeper_looks_himself),
		T_TEST(poll_tells_of_a_holders_death),
		T_TEST(poll_promises_nobody_what_is_anothers),
		T_TEST(watch_shows_a_holders_death),
		T_TEST(to_the_handle_itself),
		T_TEST(by_who_holds_nothing_to_the_longest),
		T_TEST(past_max_changes_nothing),
		T_TEST(several_are_not_starved),
		T_TEST(a_wait_ends_and_nothing_is_held),
		T_TEST(removal),
		T_TEST(the_end_of_the_server),
		T_TEST(a_close_is_not_lost_where_the_lock_is_busy),
		T_TEST(what_is_refused),
		T_TEST(random_deaths_lose_nothing),
	};

	return T_RUN(tests, argc, argv);
}
