/* SPDX-License-Identifier: MIT
 *
 * test_deadlock.c - the file `deadlocks` and -o deadlock=error: processes that wait for each other in a circle,
 * through files (read and flock(2)) and the library, and such as seem to and do not.
 */
#include "t.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>

enum means { FILE_READ, FILE_FLOCK, LIBRARY, MEANS };

/* A process that takes the locks of `first`, says so, and takes `second` when it is told to. */
struct actor {
	enum means by[2]; /* the first ones, the second */
	const char *first, *also, *second;
	bool shared[2];
	uid_t uid;
	pid_t pid;
	_Atomic int step;    /* 1: has the first ones, 2: told, 3: is through */
	_Atomic long result; /* of the second */
};

static struct ipcfs_store *actor_store;

static long take(enum means by, const char *name, bool shared)
{
	struct ipcfs_object *lock = NULL;
	struct ipcfs_grant grant;
	char buf[64];
	int fd;

	if (by == LIBRARY) {
		if (!actor_store && ipcfs_store_open(t_store, &actor_store) != 0)
			return -ENXIO;
		if (ipcfs_open(actor_store, IPCFS_LOCK, name, 0, 0, NULL, &lock) != 0)
			return -ENOENT;
		return ipcfs_lock_acquire(lock, shared ? IPCFS_SHARED : 0, IPCFS_FOREVER, &grant);
	}
	fd = t_open(t_path("locks/%s%s", name, shared && by == FILE_READ ? ",shared" : ""), O_RDWR);
	if (fd < 0)
		return fd;
	if (by == FILE_FLOCK)
		return t_sys(flock(fd, shared ? LOCK_SH : LOCK_EX));
	return t_get(fd, buf, sizeof(buf)) > 0 ? 0 : -errno;
}

static int act(void *arg)
{
	struct actor *a = arg;

	if (a->uid &&
	    (setresgid(a->uid, a->uid, a->uid) < 0 || setresuid(a->uid, a->uid, a->uid) < 0))
		return 97;
	if (a->first && take(a->by[0], a->first, a->shared[0]) != 0)
		return 1;
	if (a->also && take(a->by[0], a->also, a->shared[0]) != 0)
		return 1;
	a->step = 1;
	while (a->step == 1)
		usleep(200);
	a->result = take(a->by[1], a->second, a->shared[1]);
	a->step = 3;
	for (;;)
		pause();
	return 0;
}

static void make(const char *name)
{
	const char *path = t_path("locks/%s", name);

	t_is(t_touch(path), 0);
	t_is(t_sys(chmod(path, 0666)), 0);
}

static struct actor *start(struct actor given)
{
	struct actor *a = t_shared(sizeof(*a));

	*a = given;
	a->pid = t_spawn(act, a);
	t_until(a->step == 1);
	return a;
}

static const char *deadlocks(void)
{
	static char text[T_TEXT];

	t_check(t_cat(t_path("deadlocks"), text, sizeof(text)) >= 0);
	return text;
}

/* The whole file is this. */
static void tells(const char *want)
{
	t_until(strcmp(deadlocks(), want) == 0);
}

/* What is told of these, who wait each for what the next one has first. */
static const char *circle(struct actor *const *actors, int n)
{
	const char *text = "";
	int least = 0;

	for (int i = 1; i < n; i++)
		if (actors[i]->pid < actors[least]->pid)
			least = i;
	for (int i = 0; i < n; i++) {
		const struct actor *a = actors[(least + i) % n];

		text = t_format("%s%d holds locks/%s waits locks/%s\n", text, a->pid, a->first,
				a->second);
	}
	return text;
}

/* It waits for it: in the server, or where the library sleeps. */
static bool waits(const struct actor *a)
{
	if (a->step != 2)
		return false;
	if (a->by[1] != LIBRARY)
		return t_run("grep -q '^State:.[SD]' /proc/%d/status", (int)a->pid)->status == 0 &&
		       t_stat(t_path("locks/%s", a->second), "waiters") > 0;
	return t_run("grep -q '^202 ' /proc/%d/syscall", (int)a->pid)->status == 0;
}

static void go_on(struct actor *a)
{
	a->step = 2;
}

/* ---- circles ----------------------------------------------------------------------------------------- */

static void two_by_all_means(void **state)
{
	(void)state;
	make("a");
	make("b");
	t_is(strlen(deadlocks()), 0);
	for (int one = 0; one < MEANS * MEANS; one++)
		for (int two = 0; two < MEANS; two++) {
			struct actor *x = start((struct actor){
				.by = {one % MEANS, one / MEANS}, .first = "a", .second = "b"});
			struct actor *y = start(
				(struct actor){.by = {two, two}, .first = "b", .second = "a"});
			struct actor *both[] = {x, y};

			go_on(x);
			t_until(waits(x));
			t_is(strlen(deadlocks()), 0); /* it waits, but not in a circle */
			go_on(y);
			tells(circle(both, 2));
			t_kill(y->pid);
			t_until(x->step == 3);
			t_is(x->result, 0);
			tells("");
			t_kill(x->pid);
		}
}

static void three_of_three_sorts(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "b", "c"};
	struct actor *actors[3];

	for (int i = 0; i < 3; i++)
		make(names[i]);
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < 3; i++) {
			enum means by = (enum means)((i + turn) % MEANS);

			actors[i] = start((struct actor){
				.by = {by, by}, .first = names[i], .second = names[(i + 1) % 3]});
		}
		go_on(actors[0]);
		go_on(actors[1]);
		t_until(waits(actors[0]) && waits(actors[1]));
		t_is(strlen(deadlocks()), 0);
		go_on(actors[2]);
		tells(circle(actors, 3));
		for (int i = 0; i < 3; i++)
			t_kill(actors[i]->pid);
		tells("");
	}
}

/* A process that waits for what it holds itself, through another handle. */
static void one_alone(void **state)
{
	(void)state;
	make("self");
	for (int by = 0; by < MEANS * MEANS; by++) {
		struct actor *x = start((struct actor){
			.by = {by % MEANS, by / MEANS}, .first = "self", .second = "self"});

		go_on(x);
		tells(circle(&x, 1));
		t_kill(x->pid);
		tells("");
	}
}

static void two_circles(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "b", "c", "d"};
	struct actor *x[4];

	for (int i = 0; i < 4; i++) {
		make(names[i]);
		x[i] = start((struct actor){.first = names[i], .second = names[i ^ 1]});
	}
	for (int i = 0; i < 4; i++)
		go_on(x[i]);
	struct actor *first[] = {x[0], x[1]}, *second[] = {x[2], x[3]};
	const char *one = circle(first, 2), *two = circle(second, 2);
	bool before = atol(one) < atol(two);

	tells(before ? t_format("%s\n%s", one, two) : t_format("%s\n%s", two, one));
}

/* Who waits for a lock in a circle is stuck as well, but not in it. */
static void those_behind_a_circle(void **state)
{
	(void)state;
	make("a");
	make("b");
	struct actor *x = start((struct actor){.first = "a", .second = "b"});
	struct actor *y = start((struct actor){.first = "b", .second = "a"});
	struct actor *z = start((struct actor){.second = "a"});
	struct actor *l = start((struct actor){.second = "b", .by = {LIBRARY, LIBRARY}});
	struct actor *both[] = {x, y};

	go_on(z);
	go_on(l);
	t_until(waits(z) && waits(l));
	go_on(x);
	go_on(y);
	tells(circle(both, 2));
}

/* Exclusive waits for all who share, and so for the one of them who waits. */
static void among_those_who_share(void **state)
{
	(void)state;
	for (int by = 0; by < MEANS; by++) {
		enum means m = (enum means)by;

		make("a");
		make("b");
		struct actor *free_one = start((struct actor){
			.by = {m, m}, .first = "a", .shared = {true}, .second = "b"});
		struct actor *x = start((struct actor){
			.by = {m, m}, .first = "a", .shared = {true, true}, .second = "b"});
		struct actor *y = start((struct actor){.by = {m, m}, .first = "b", .second = "a"});
		struct actor *both[] = {x, y};

		go_on(y);
		t_until(waits(y));
		t_is(strlen(deadlocks()), 0);
		go_on(x);
		tells(circle(both, 2));
		t_kill(y->pid);
		t_until(x->step == 3);
		tells("");
		t_kill(x->pid);
		t_kill(free_one->pid);
	}
}

/* Both share it, and neither waits for the other. */
static void those_who_share_do_not_wait(void **state)
{
	(void)state;
	make("a");
	make("b");
	struct actor *x = start(
		(struct actor){.first = "a", .second = "b", .shared = {true, true}});
	struct actor *y = start((struct actor){
		.by = {LIBRARY, LIBRARY}, .first = "b", .second = "a", .shared = {true, true}});

	go_on(x);
	go_on(y);
	t_until(x->step == 3 && y->step == 3);
	t_is(strlen(deadlocks()), 0);
}

/* ---- no circles -------------------------------------------------------------------------------------- */

struct thread_case {
	_Atomic int step;
};

static void *hold_and_run(void *arg)
{
	struct thread_case *c = arg;

	if (take(FILE_READ, "a", false) == 0)
		c->step = 1;
	while (c->step < 3)
		usleep(300);
	take(FILE_READ, "c", false); /* now it waits as well */
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
	take(FILE_READ, "b", false);
	pthread_join(thread, NULL);
	return 0;
}

/* The thread that has the lock runs: it will give it back. Until it waits, too. */
static void a_thread_that_runs(void **state)
{
	(void)state;
	struct thread_case *c = t_shared(sizeof(*c));

	make("a");
	make("b");
	make("c");
	struct actor *y = start((struct actor){.first = "b", .also = "c", .second = "a"});
	pid_t child = t_spawn(two_threads, c);
	t_wait_stat(t_path("locks/b"), "waiters", 1);
	go_on(y);
	t_wait_stat(t_path("locks/a"), "waiters", 1);
	t_is(strlen(deadlocks()), 0);
	c->step = 3;
	t_until(strlen(deadlocks()) > 0);
	const char *mine = t_format("%d holds locks/a waits locks/c\n", child);
	const char *other = t_format("%d holds locks/c waits locks/a\n", y->pid);
	tells(child < y->pid ? t_format("%s%s", mine, other) : t_format("%s%s", other, mine));
}

/* Takes a lock through a file that it has inherited, closes its own descriptor, and waits. */
static int take_and_close(void *arg)
{
	const int *fd = arg;
	char buf[64];

	if (t_get(*fd, buf, sizeof(buf)) <= 0)
		return 1;
	close(*fd);
	take(FILE_READ, "b", false);
	return 0;
}

static void a_lock_that_another_can_release(void **state)
{
	(void)state;
	make("a");
	make("b");
	int fd = t_open(t_path("locks/a"), O_RDWR);
	struct actor *y = start((struct actor){.first = "b", .second = "a"});
	t_spawn(take_and_close, &fd);
	t_wait_stat(t_path("locks/b"), "waiters", 1);
	go_on(y);
	t_wait_stat(t_path("locks/a"), "waiters", 1);
	t_is(strlen(deadlocks()), 0); /* we have it, and run */
	t_is(t_put(fd, "unlock"), 6);
	t_until(y->step == 3);
	t_is(y->result, 0);
	close(fd);
}

/* Locks that are always taken in the same order make no circle: none may be seen, nor refused. */
struct storm {
	_Atomic bool over;
	_Atomic long rounds;
	enum means by;
	bool ordered;
};

static long in_storm(struct storm *storm, const char *one, const char *two)
{
	struct ipcfs_object *locks[2];
	struct ipcfs_grant grants[2];
	char buf[64];
	int fd[2];
	long rc;

	if (storm->by != LIBRARY) {
		fd[0] = t_open(t_path("locks/%s", one), O_RDWR);
		fd[1] = t_open(t_path("locks/%s", two), O_RDWR);
		for (int i = 0; i < 2; i++) {
			rc = storm->by == FILE_FLOCK ? t_sys(flock(fd[i], LOCK_EX)) :
						       t_get(fd[i], buf, sizeof(buf));
			if (rc < 0)
				break;
		}
		close(fd[1]);
		close(fd[0]);
		return rc < 0 ? rc : 0;
	}
	if (!actor_store && ipcfs_store_open(t_store, &actor_store) != 0)
		return -ENXIO;
	if (ipcfs_open(actor_store, IPCFS_LOCK, one, 0, 0, NULL, &locks[0]) != 0 ||
	    ipcfs_open(actor_store, IPCFS_LOCK, two, 0, 0, NULL, &locks[1]) != 0)
		return -ENOENT;
	for (int i = 0; i < 2; i++)
		ipcfs_lock_acquire(locks[i], 0, IPCFS_FOREVER, &grants[i]);
	for (int i = 0; i < 2; i++)
		ipcfs_lock_release(locks[i], grants[i].token);
	ipcfs_close(locks[0]);
	ipcfs_close(locks[1]);
	return 0;
}

static int take_in_storm(void *arg)
{
	struct storm *storm = arg;
	static const char *const names[] = {"a", "b", "c"};
	unsigned seed = (unsigned)getpid();
	long rc;

	while (!storm->over) {
		int one = rand_r(&seed) % 3, two = (one + 1 + rand_r(&seed) % 2) % 3;
		bool swap = storm->ordered && one > two;

		rc = in_storm(storm, names[swap ? two : one], names[swap ? one : two]);
		if (rc == -EDEADLK && !storm->ordered)
			sched_yield();
		else if (rc != 0)
			return (int)-rc;
		else
			storm->rounds++;
	}
	return 0;
}

enum { STORMS = 6 };

static long rounds(struct storm *const *storms)
{
	long least = storms[0]->rounds;

	for (int i = 1; i < STORMS; i++)
		least = storms[i]->rounds < least ? storms[i]->rounds : least;
	return least;
}

static void in_order(int looks)
{
	struct storm *storms[STORMS];
	pid_t child[STORMS];

	make("a");
	make("b");
	make("c");
	for (int i = 0; i < STORMS; i++) {
		storms[i] = t_shared(sizeof(struct storm));
		*storms[i] = (struct storm){.by = (enum means)(i % MEANS), .ordered = true};
		child[i] = t_spawn(take_in_storm, storms[i]);
	}
	for (int i = 0; i < looks; i++)
		if (*deadlocks())
			t_fail("a circle where there is none: %s", deadlocks());
	t_until(rounds(storms) >= 10);
	for (int i = 0; i < STORMS; i++)
		storms[i]->over = true;
	for (int i = 0; i < STORMS; i++)
		t_is(t_wait(child[i]), 0);
}

static void none_where_locks_are_taken_in_order(void **state)
{
	(void)state;
	t_limit(t_count(240, 1200));
	in_order(t_count(3000, 50000));
}

/* ---- what is shown ----------------------------------------------------------------------------------------- */

static void every_user_his_own(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "b", "c", "d"};
	struct actor *x[4];

	for (int i = 0; i < 4; i++) {
		make(names[i]);
		x[i] = start((struct actor){.first = names[i],
					    .second = names[i ^ 1],
					    .uid = i == 0 ? T_NOBODY :
						   i == 1 ? T_OTHER :
							    0});
	}
	for (int i = 0; i < 4; i++)
		go_on(x[i]);
	struct actor *first[] = {x[0], x[1]}, *second[] = {x[2], x[3]};
	const char *theirs = circle(first, 2), *roots = circle(second, 2);
	t_until(strstr(deadlocks(), theirs) && strstr(deadlocks(), roots));
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
	struct actor *x = start(
		(struct actor){.by = {LIBRARY, LIBRARY}, .first = "team/x", .second = "team/y"});
	struct actor *y = start(
		(struct actor){.by = {LIBRARY, LIBRARY}, .first = "team/y", .second = "team/x"});
	struct actor *both[] = {x, y};

	go_on(x);
	go_on(y);
	tells(circle(both, 2));
	t_is(t_sys(rename(t_path("locks/team/x"), t_path("locks/renamed"))), 0);
	x->first = y->second = "renamed";
	tells(circle(both, 2));
	t_is(t_sys(unlink(t_path("locks/renamed"))), 0);
	tells("");
	t_until(y->step == 3);
	t_is(y->result, -EIDRM);
}

/* Somebody gives up, is interrupted or is told that it is gone: no circle is left. */
static void a_circle_that_ends(void **state)
{
	(void)state;
	make("a");
	make("b");
	struct actor *x = start((struct actor){.first = "a", .second = "b"});
	struct actor *y = start((struct actor){.first = "b", .second = "a"});
	struct actor *both[] = {x, y};

	go_on(x);
	go_on(y);
	tells(circle(both, 2));
	t_is(t_sys(unlink(t_path("locks/b"))), 0);
	t_until(x->step == 3);
	t_is(x->result, -EIDRM);
	tells("");
	t_is(y->step, 2);
}

/* ---- deadlock=error -------------------------------------------------------------------------------------------- */

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
	make("a");
	make("b");
	for (int one = 0; one < MEANS; one++)
		for (int two = 0; two < LIBRARY; two++) {
			enum means by = (enum means)one, m = (enum means)two;
			struct actor *x = start(
				(struct actor){.by = {by, by}, .first = "a", .second = "b"});
			struct actor *y = start(
				(struct actor){.by = {m, m}, .first = "b", .second = "a"});

			go_on(x);
			t_until(waits(x));
			go_on(y);
			t_until(y->step == 3);
			t_is(y->result, -EDEADLK);
			has_words(t_format(
				"EDEADLK locks/a: would wait for itself: %d holds locks/b waits "
				"locks/a, %d holds locks/a waits locks/b",
				y->pid, x->pid));
			t_is(x->step, 2); /* it waits on, and nothing was taken from anybody */
			t_is(strlen(deadlocks()), 0);
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
	make("a");
	make("b");
	make("c");
	struct actor *x = start((struct actor){.first = "a", .second = "b"});
	struct actor *y = start(
		(struct actor){.by = {LIBRARY, LIBRARY}, .first = "b", .second = "c"});
	struct actor *z = start(
		(struct actor){.by = {LIBRARY, FILE_FLOCK}, .first = "c", .second = "a"});
	go_on(x);
	go_on(y);
	t_until(waits(x) && waits(y));
	go_on(z);
	t_until(z->step == 3);
	t_is(z->result, -EDEADLK);
	t_kill(z->pid);
	t_until(y->step == 3);
	t_kill(y->pid);
	t_until(x->step == 3);
	t_kill(x->pid);

	for (int by = 0; by < MEANS; by++) {
		x = start((struct actor){
			.by = {(enum means)by, FILE_READ}, .first = "a", .second = "a"});
		go_on(x);
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
	make("a");
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
	in_order(t_count(500, 5000));
	for (int i = 0; i < STORMS; i++) {
		storms[i] = t_shared(sizeof(struct storm));
		*storms[i] = (struct storm){.by = (enum means)(i % LIBRARY)};
		child[i] = t_spawn(take_in_storm, storms[i]);
	}
	t_until(rounds(storms) >= t_count(50, 2000));
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
		T_TEST(two_by_all_means),
		T_TEST(three_of_three_sorts),
		T_TEST(one_alone),
		T_TEST(two_circles),
		T_TEST(those_behind_a_circle),
		T_TEST(among_those_who_share),
		T_TEST(those_who_share_do_not_wait),
		T_TEST(a_thread_that_runs),
		T_TEST(a_lock_that_another_can_release),
		T_TEST(none_where_locks_are_taken_in_order),
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
