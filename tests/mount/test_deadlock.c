/* SPDX-License-Identifier: MIT
 *
 * test_deadlock.c - the file `deadlocks`: processes that wait for each other in a circle, through files (read and flock(2)) and
 * the library, and such as seem to and do not.
 */
#include "t.h"

#include <pthread.h>

#include "deadlock.h"

/* ---- circles ----------------------------------------------------------------------------------- */

static void two_by_all_means(void **state)
{
	(void)state;
	deadlock_make("a");
	deadlock_make("b");
	t_is(strlen(deadlock_text()), 0);
	for (int one = 0; one < MEANS * MEANS; one++)
		for (int two = 0; two < MEANS; two++) {
			struct actor *x = deadlock_start((struct actor){
				.by = {one % MEANS, one / MEANS}, .first = "a", .second = "b"});
			struct actor *y = deadlock_start(
				(struct actor){.by = {two, two}, .first = "b", .second = "a"});
			struct actor *both[] = {x, y};

			deadlock_go_on(x);
			t_until(deadlock_waits(x));
			t_is(strlen(deadlock_text()), 0); /* it waits, but not in a circle */
			deadlock_go_on(y);
			deadlock_tells(deadlock_circle(both, 2));
			t_kill(y->pid);
			t_until(x->step == 3);
			t_is(x->result, 0);
			deadlock_tells("");
			t_kill(x->pid);
		}
}

static void three_of_three_sorts(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "b", "c"};
	struct actor *actors[3];

	for (int i = 0; i < 3; i++)
		deadlock_make(names[i]);
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < 3; i++) {
			enum means by = (enum means)((i + turn) % MEANS);

			actors[i] = deadlock_start((struct actor){
				.by = {by, by}, .first = names[i], .second = names[(i + 1) % 3]});
		}
		deadlock_go_on(actors[0]);
		deadlock_go_on(actors[1]);
		t_until(deadlock_waits(actors[0]) && deadlock_waits(actors[1]));
		t_is(strlen(deadlock_text()), 0);
		deadlock_go_on(actors[2]);
		deadlock_tells(deadlock_circle(actors, 3));
		for (int i = 0; i < 3; i++)
			t_kill(actors[i]->pid);
		deadlock_tells("");
	}
}

/* A process that waits for what it holds itself, through another handle. */
static void one_alone(void **state)
{
	(void)state;
	deadlock_make("self");
	for (int by = 0; by < MEANS * MEANS; by++) {
		struct actor *x = deadlock_start((struct actor){
			.by = {by % MEANS, by / MEANS}, .first = "self", .second = "self"});

		deadlock_go_on(x);
		deadlock_tells(deadlock_circle(&x, 1));
		t_kill(x->pid);
		deadlock_tells("");
	}
}

static void two_circles(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "b", "c", "d"};
	struct actor *x[4];

	for (int i = 0; i < 4; i++) {
		deadlock_make(names[i]);
		x[i] = deadlock_start((struct actor){.first = names[i], .second = names[i ^ 1]});
	}
	for (int i = 0; i < 4; i++)
		deadlock_go_on(x[i]);
	struct actor *first[] = {x[0], x[1]}, *second[] = {x[2], x[3]};
	const char *one = deadlock_circle(first, 2), *two = deadlock_circle(second, 2);
	bool before = atol(one) < atol(two);

	deadlock_tells(before ? t_format("%s\n%s", one, two) : t_format("%s\n%s", two, one));
}

/* Who waits for a lock in a circle is stuck as well, but not in it. */
static void those_behind_a_circle(void **state)
{
	(void)state;
	deadlock_make("a");
	deadlock_make("b");
	struct actor *x = deadlock_start((struct actor){.first = "a", .second = "b"});
	struct actor *y = deadlock_start((struct actor){.first = "b", .second = "a"});
	struct actor *z = deadlock_start((struct actor){.second = "a"});
	struct actor *l = deadlock_start((struct actor){.second = "b", .by = {LIBRARY, LIBRARY}});
	struct actor *both[] = {x, y};

	deadlock_go_on(z);
	deadlock_go_on(l);
	t_until(deadlock_waits(z) && deadlock_waits(l));
	deadlock_go_on(x);
	deadlock_go_on(y);
	deadlock_tells(deadlock_circle(both, 2));
}

/* Exclusive waits for all who share, and so for the one of them who waits. */
static void among_those_who_share(void **state)
{
	(void)state;
	for (int by = 0; by < MEANS; by++) {
		enum means m = (enum means)by;

		deadlock_make("a");
		deadlock_make("b");
		struct actor *free_one = deadlock_start((struct actor){
			.by = {m, m}, .first = "a", .shared = {true}, .second = "b"});
		struct actor *x = deadlock_start((struct actor){
			.by = {m, m}, .first = "a", .shared = {true, true}, .second = "b"});
		struct actor *y = deadlock_start(
			(struct actor){.by = {m, m}, .first = "b", .second = "a"});
		struct actor *both[] = {x, y};

		deadlock_go_on(y);
		t_until(deadlock_waits(y));
		t_is(strlen(deadlock_text()), 0);
		deadlock_go_on(x);
		deadlock_tells(deadlock_circle(both, 2));
		t_kill(y->pid);
		t_until(x->step == 3);
		deadlock_tells("");
		t_kill(x->pid);
		t_kill(free_one->pid);
	}
}

/* Both share it, and neither waits for the other. */
static void those_who_share_do_not_wait(void **state)
{
	(void)state;
	deadlock_make("a");
	deadlock_make("b");
	struct actor *x = deadlock_start(
		(struct actor){.first = "a", .second = "b", .shared = {true, true}});
	struct actor *y = deadlock_start((struct actor){
		.by = {LIBRARY, LIBRARY}, .first = "b", .second = "a", .shared = {true, true}});

	deadlock_go_on(x);
	deadlock_go_on(y);
	t_until(x->step == 3 && y->step == 3);
	t_is(strlen(deadlock_text()), 0);
}

/* ---- no circles -------------------------------------------------------------------------------- */

struct thread_case {
	_Atomic int step;
};

static void *hold_and_run(void *arg)
{
	struct thread_case *c = arg;

	if (deadlock_take(FILE_READ, "a", false) == 0)
		c->step = 1;
	while (c->step < 3)
		usleep(300);
	deadlock_take(FILE_READ, "c", false); /* now it waits as well */
	return NULL;
}

static int two_threads(void *arg)
{
	struct thread_case *c = arg;
	pthread_t thread;

	if (pthread_create(&thread, NULL, hold_and_run, c) != 0)
		return 1;
	while (c->step == 0)
		usleep(300);
	c->step = 2;
	deadlock_take(FILE_READ, "b", false);
	pthread_join(thread, NULL);
	return 0;
}

/* The thread that has the lock runs: it will give it back. Until it waits, too. */
static void a_thread_that_runs(void **state)
{
	(void)state;
	struct thread_case *c = t_shared(sizeof(*c));

	deadlock_make("a");
	deadlock_make("b");
	deadlock_make("c");
	struct actor *y = deadlock_start((struct actor){.first = "b", .also = "c", .second = "a"});
	pid_t child = t_spawn(two_threads, c);
	t_wait_stat(t_path("locks/b"), "waiters", 1);
	deadlock_go_on(y);
	t_wait_stat(t_path("locks/a"), "waiters", 1);
	t_is(strlen(deadlock_text()), 0);
	c->step = 3;
	t_until(strlen(deadlock_text()) > 0);
	const char *mine = t_format("%d holds locks/a waits locks/c\n", child);
	const char *other = t_format("%d holds locks/c waits locks/a\n", y->pid);
	deadlock_tells(child < y->pid ? t_format("%s%s", mine, other) :
					t_format("%s%s", other, mine));
}

/* Takes a lock through a file that it has inherited, closes its own descriptor, and waits. */
static int take_and_close(void *arg)
{
	const int *fd = arg;
	char buf[64];

	if (t_get(*fd, buf, sizeof(buf)) <= 0)
		return 1;
	close(*fd);
	deadlock_take(FILE_READ, "b", false);
	return 0;
}

static void a_lock_that_another_can_release(void **state)
{
	(void)state;
	deadlock_make("a");
	deadlock_make("b");
	int fd = t_open(t_path("locks/a"), O_RDWR);
	struct actor *y = deadlock_start((struct actor){.first = "b", .second = "a"});
	t_spawn(take_and_close, &fd);
	t_wait_stat(t_path("locks/b"), "waiters", 1);
	deadlock_go_on(y);
	t_wait_stat(t_path("locks/a"), "waiters", 1);
	t_is(strlen(deadlock_text()), 0); /* we have it, and run */
	t_is(t_put(fd, "unlock"), 6);
	t_until(y->step == 3);
	t_is(y->result, 0);
	close(fd);
}

/* The same, and takes it once more. */
static int take_leave_and_take(void *arg)
{
	const int *fd = arg;
	char buf[64];

	if (t_get(*fd, buf, sizeof(buf)) <= 0)
		return 1;
	close(*fd);
	return deadlock_take(FILE_READ, "c", false) == 0 ? 0 : 2;
}

static void a_lock_that_was_left_to_another(void **state)
{
	(void)state;
	deadlock_make("c");
	int fd = t_open(t_path("locks/c"), O_RDWR);
	pid_t child = t_spawn(take_leave_and_take, &fd);
	t_wait_stat(t_path("locks/c"), "waiters", 1);
	t_is(strlen(deadlock_text()), 0); /* it waits for us */
	t_is(t_put(fd, "unlock"), 6);
	t_is(t_wait(child), 0);
	close(fd);
}

static void none_where_locks_are_taken_in_order(void **state)
{
	(void)state;
	t_limit(t_count(240, 1200));
	deadlock_in_order(t_count(3000, 50000));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(two_by_all_means),
		T_TEST(three_of_three_sorts),
		T_TEST(one_alone),
		T_TEST(two_circles),
		T_TEST(those_behind_a_circle),
		T_TEST(among_those_who_share),
		T_TEST(those_who_share_do_not_wait),
		T_TEST(a_thread_that_runs),
		T_TEST(a_lock_that_another_can_release),
		T_TEST(a_lock_that_was_left_to_another),
		T_TEST(none_where_locks_are_taken_in_order),
	};

	return T_RUN(tests, argc, argv);
}
