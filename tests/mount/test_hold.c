/* SPDX-License-Identifier: MIT
 *
 * test_hold.c - contract, semaphores, view `hold`: what a handle acquired and did not release comes back when it closes,
 * however its process ended; what a release is charged to; several at once; what is refused.
 */
#include "agent.h"

#include <signal.h>
#include <sys/wait.h>

#include "hold.h"

#include "held.h"

/* ---- it comes back ----------------------------------------------------------------------------- */

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

/* ---- what a release is charged to -------------------------------------------------------------- */

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

/* ---- several at once --------------------------------------------------------------------------- */

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

/* ---- names ------------------------------------------------------------------------------------- */

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

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(at_close),
		T_TEST(the_stat_line),
		T_TEST(however_the_process_ends),
		T_TEST(who_inherits_it_holds_it),
		T_TEST(what_was_released_comes_not_back_again),
		T_TEST(a_plain_one_beside_it_belongs_to_nobody),
		T_TEST(to_the_handle_itself),
		T_TEST(by_who_holds_nothing_to_the_longest),
		T_TEST(past_max_changes_nothing),
		T_TEST(several_are_not_starved),
		T_TEST(what_is_refused),
	};

	return T_RUN(tests, argc, argv);
}
