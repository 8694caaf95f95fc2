/* SPDX-License-Identifier: MIT
 *
 * test_deadlock_shown.c - the file `deadlocks`: what it shows, and to whom; -o deadlock=error.
 */
#include "deadlock.h"

#include <sys/file.h>

/* ---- what is shown ----------------------------------------------------------------------------- */

static void every_user_his_own(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "b", "c", "d"};
	struct actor *x[4];

	for (int i = 0; i < 4; i++) {
		deadlock_make(names[i]);
		x[i] = deadlock_start((struct actor){.first = names[i],
						     .second = names[i ^ 1],
						     .uid = i == 0 ? T_NOBODY :
							    i == 1 ? T_OTHER :
								     0});
	}
	for (int i = 0; i < 4; i++)
		deadlock_go_on(x[i]);
	struct actor *first[] = {x[0], x[1]}, *second[] = {x[2], x[3]};
	const char *theirs = deadlock_circle(first, 2), *roots = deadlock_circle(second, 2);
	t_until(strstr(deadlock_text(), theirs) && strstr(deadlock_text(), roots));
	for (int i = 0; i < 2; i++) {
		struct t_run *run = t_run("setpriv --reuid=%d --regid=%d --clear-groups cat %s",
					  i ? T_OTHER : T_NOBODY, i ? T_OTHER : T_NOBODY,
					  t_path("deadlocks"));
		t_is(run->status, 0);
		assert_string_equal(run->out, theirs);
	}
	struct t_run *run = t_run("setpriv --reuid=2 --regid=2 --clear-groups cat %s",
				  t_path("deadlocks"));
	t_is(run->status, 0);
	assert_string_equal(run->out, "");
	t_is(t_open(t_path("deadlocks"), O_WRONLY), -EACCES);
}

/* Locks that the server has never been asked for, in a folder, and by their present names. */
static void names_that_the_library_alone_uses(void **state)
{
	(void)state;
	t_is(t_sys(mkdir(t_path("locks/team"), 0755)), 0);
	t_attach(IPCFS_LOCK, "team/x", NULL);
	t_attach(IPCFS_LOCK, "team/y", NULL);
	struct actor *x = deadlock_start(
		(struct actor){.by = {LIBRARY, LIBRARY}, .first = "team/x", .second = "team/y"});
	struct actor *y = deadlock_start(
		(struct actor){.by = {LIBRARY, LIBRARY}, .first = "team/y", .second = "team/x"});
	struct actor *both[] = {x, y};

	deadlock_go_on(x);
	deadlock_go_on(y);
	deadlock_tells(deadlock_circle(both, 2));
	t_is(t_sys(rename(t_path("locks/team/x"), t_path("locks/renamed"))), 0);
	x->first = y->second = "renamed";
	deadlock_tells(deadlock_circle(both, 2));
	t_is(t_sys(unlink(t_path("locks/renamed"))), 0);
	deadlock_tells("");
	t_until(y->step == 3);
	t_is(y->result, -EIDRM);
}

/* Somebody gives up, is interrupted or is told that it is gone: no circle is left. */
static void a_circle_that_ends(void **state)
{
	(void)state;
	deadlock_make("a");
	deadlock_make("b");
	struct actor *x = deadlock_start((struct actor){.first = "a", .second = "b"});
	struct actor *y = deadlock_start((struct actor){.first = "b", .second = "a"});
	struct actor *both[] = {x, y};

	deadlock_go_on(x);
	deadlock_go_on(y);
	deadlock_tells(deadlock_circle(both, 2));
	t_is(t_sys(unlink(t_path("locks/b"))), 0);
	t_until(x->step == 3);
	t_is(x->result, -EIDRM);
	deadlock_tells("");
	t_is(y->step, 2);
}

/* ---- deadlock=error ---------------------------------------------------------------------------- */

static void with_error(const char *options)
{
	t_umount();
	t_mount(options);
}

static void has_words(const char *words)
{
	t_check(strstr(t_run("tail -n 1 %s", t_path("errors"))->out, words));
}

static void the_last_one_is_refused(void **state)
{
	(void)state;
	with_error("deadlock=error");
	deadlock_make("a");
	deadlock_make("b");
	for (int one = 0; one < MEANS; one++)
		for (int two = 0; two < LIBRARY; two++) {
			enum means by = (enum means)one, m = (enum means)two;
			struct actor *x = deadlock_start(
				(struct actor){.by = {by, by}, .first = "a", .second = "b"});
			struct actor *y = deadlock_start(
				(struct actor){.by = {m, m}, .first = "b", .second = "a"});

			deadlock_go_on(x);
			t_until(deadlock_waits(x));
			deadlock_go_on(y);
			t_until(y->step == 3);
			t_is(y->result, -EDEADLK);
			has_words(t_format(
				"EDEADLK locks/a: would wait for itself: %d holds locks/b waits "
				"locks/a, %d holds locks/a waits locks/b",
				y->pid, x->pid));
			t_is(x->step, 2); /* it waits on, and nothing was taken from anybody */
			t_is(strlen(deadlock_text()), 0);
			t_kill(y->pid);
			t_until(x->step == 3);
			t_is(x->result, 0);
			t_kill(x->pid);
		}
	with_error(NULL);
}

static void the_third_one_and_one_alone(void **state)
{
	(void)state;
	with_error("deadlock=error");
	deadlock_make("a");
	deadlock_make("b");
	deadlock_make("c");
	struct actor *x = deadlock_start((struct actor){.first = "a", .second = "b"});
	struct actor *y = deadlock_start(
		(struct actor){.by = {LIBRARY, LIBRARY}, .first = "b", .second = "c"});
	struct actor *z = deadlock_start(
		(struct actor){.by = {LIBRARY, FILE_FLOCK}, .first = "c", .second = "a"});
	deadlock_go_on(x);
	deadlock_go_on(y);
	t_until(deadlock_waits(x) && deadlock_waits(y));
	deadlock_go_on(z);
	t_until(z->step == 3);
	t_is(z->result, -EDEADLK);
	t_kill(z->pid);
	t_until(y->step == 3);
	t_kill(y->pid);
	t_until(x->step == 3);
	t_kill(x->pid);

	for (int by = 0; by < MEANS; by++) {
		x = deadlock_start((struct actor){
			.by = {(enum means)by, FILE_READ}, .first = "a", .second = "a"});
		deadlock_go_on(x);
		t_until(x->step == 3);
		t_is(x->result, -EDEADLK);
		t_kill(x->pid);
	}
	with_error(NULL);
}

/* Who does not wait is told so; who waits for a time is not kept for it. */
static void without_and_with_a_limit(void **state)
{
	(void)state;
	char buf[64];

	with_error("deadlock=error");
	deadlock_make("a");
	int holder = t_open(t_path("locks/a"), O_RDWR);
	t_check(t_get(holder, buf, sizeof(buf)) > 0);
	int fd = t_open(t_path("locks/a"), O_RDWR | O_NONBLOCK);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_sys(flock(fd, LOCK_EX | LOCK_NB)), -EAGAIN);
	close(fd);
	fd = t_open(t_path("locks/a,timeout=1000"), O_RDWR);
	t_is(t_get(fd, buf, sizeof(buf)), -EDEADLK);
	t_is(t_sys(flock(fd, LOCK_EX)), -EDEADLK);
	close(fd);
	fd = t_open(t_path("locks/a,watch"), O_RDONLY); /* is no acquisition */
	t_check(t_get(fd, buf, sizeof(buf)) > 0);
	close(fd);
	t_is(t_put(holder, "unlock"), 6);
	fd = t_open(t_path("locks/a"), O_RDWR);
	t_check(t_get(fd, buf, sizeof(buf)) > 0);
	close(fd);
	close(holder);
	with_error(NULL);
}

/* With the option nobody is refused wrongly, and a crowd that takes locks in any order does not come to rest. */
static void a_crowd_goes_on(void **state)
{
	(void)state;
	struct storm *storms[STORMS];
	pid_t child[STORMS];

	t_limit(t_count(240, 1200));
	with_error("deadlock=error");
	deadlock_in_order(t_count(500, 5000));
	for (int i = 0; i < STORMS; i++) {
		storms[i] = t_shared(sizeof(struct storm));
		*storms[i] = (struct storm){.by = (enum means)(i % LIBRARY)};
		child[i] = t_spawn(deadlock_storm, storms[i]);
	}
	t_until(deadlock_rounds(storms) >= t_count(50, 2000));
	for (int i = 0; i < STORMS; i++)
		storms[i]->over = true;
	for (int i = 0; i < STORMS; i++)
		t_is(t_wait(child[i]), 0);
	with_error(NULL);
}

static void wrong_values_of_the_option(void **state)
{
	(void)state;
	static const char *const bad[] = {"deadlock=maybe", "deadlock=", "deadlock"};
	char words[T_TEXT];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t_is(t_try_mount(t_format("%s/other", t_base), t_mnt, bad[i], words), 2);
		t_check(strstr(words, "deadlock"));
	}
	with_error("deadlock=none");
	with_error(NULL);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(every_user_his_own),
		T_TEST(names_that_the_library_alone_uses),
		T_TEST(a_circle_that_ends),
		T_TEST(the_last_one_is_refused),
		T_TEST(the_third_one_and_one_alone),
		T_TEST(without_and_with_a_limit),
		T_TEST(a_crowd_goes_on),
		T_TEST(wrong_values_of_the_option),
	};

	return T_RUN(tests, argc, argv);
}
