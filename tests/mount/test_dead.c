/* SPDX-License-Identifier: MIT
 *
 * test_dead.c - contract, row queues: dead letters, also beside the library and over restarts of the server.
 */
#include "t.h"

#include "lease.h"

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
	t_check(t_errors_say("dead= wants attempts=", ""));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T_TEST(a_poisonous_task_ends_in_the_dead_queue),
		T_TEST(where_it_cannot_go_it_stays),
		T_TEST(others_queues_are_no_dead_queues),
		T_TEST(dead_letters_stay_in_the_folder),
		T_TEST(names),
	};

	return T_RUN(tests, argc, argv);
}
