/* SPDX-License-Identifier: MIT
 *
 * test_settle.c - one object keeps the server from nothing else: neither one at which to look makes another look needed,
 * nor one whose inner lock is held for long; nor do many members.
 */
#include "t.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "core/object.h"

enum { OTHERS = 6000, ROUNDS = 8, MEMBERS = 400 };

/* The server's processor time, in ticks of 10 ms. */
static long ticks(void)
{
	const char *stat = t_format("/proc/%d/stat", (int)t_server());
	unsigned long user = 0, system = 0;
	FILE *f = fopen(stat, "re");

	t_check(f && fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			    &system) == 2);
	fclose(f);
	return (long)(user + system);
}

/* ---- what is looked at changes nothing ------------------------------------------------------------- */

static void watched_by_who_is_notified(void **state)
{
	static const char *const paths[] = {"queues/w",
					    "semaphores/w",
					    "locks/w",
					    "events/w",
					    "conditions/w",
					    "values/w,type=q",
					    "barriers/w,parties=2",
					    "mq/ipcfs-w",
					    "arrays/w,type=q,len=2"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		const char *path = t_path("%s", paths[i]);
		int fd = t_open(path, O_WRONLY | O_CREAT), told;

		t_check(fd >= 0);
		t_limit(T_HANG_S);
		told = t_open(
			t_path("%.*s,watch,notify=URG", (int)strcspn(paths[i], ","), paths[i]),
			O_RDONLY);
		t_check(told >= 0);
		t_check(t_status("pid") > 0); /* it answers */
		close(told);
		close(fd);
		t_is(t_sys(unlink(t_path("%.*s", (int)strcspn(paths[i], ","), paths[i]))), 0);
	}
}

/* ---- a lock that is held for long --------------------------------------------------------------------- */

struct hold {
	enum ipcfs_kind kind;
	const char *name;
	_Atomic int held;
};

static int hold(void *arg)
{
	struct hold *h = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, h->kind, h->name);

	if (!o || obj_lock(o, 0, false) < 0)
		return 1;
	h->held = 1;
	pause();
	return 0;
}

static pid_t hold_lock(enum ipcfs_kind kind, const char *name)
{
	struct hold *h = t_shared(sizeof(*h));
	pid_t pid;

	*h = (struct hold){.kind = kind, .name = name};
	pid = t_spawn(hold, h);
	t_until(h->held);
	return pid;
}

/* Of a barrier's lock: a time-out comes, and then a signal, while it is held. */
static long ticks_of_rounds(const char *path, bool interrupt)
{
	long all = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct t_io io = t_reader(t_format("%s,timeout=0.3", path), O_RDONLY);
		int64_t since;
		pid_t pid;
		long before;

		t_wait_stat(path, "waiters", 1);
		since = t_now_ms();
		pid = hold_lock(IPCFS_BARRIER, "late");
		before = ticks();
		while (t_now_ms() < since + 330)
			usleep(1000);
		if (interrupt)
			t_kill(io.pid);
		else
			t_fails(t_io_result(&io));
		t_wait_stat(path, "waiters", 0);
		all += ticks() - before;
		t_kill(pid);
		t_echo(path, "reset");
	}
	return all;
}

/* What is ending ends as soon as the lock can be had: a signal that comes then must not have it looked at without a
 * pause. */
static void interrupted_while_it_ends(void **state)
{
	const char *path = t_path("barriers/late");
	long without, with;

	(void)state;
	t_is(t_touch(t_format("%s,parties=2", path)), 0);
	without = ticks_of_rounds(path, false);
	with = ticks_of_rounds(path, true);
	if (with > 3 * without + ROUNDS)
		t_fail("%ld ticks of processor time, %ld without the signal", with, without);
}

/* Ticks in a second in which nothing happens but that the lock is tried. */
static long ticks_of_a_second(void)
{
	long before = ticks();

	usleep(1000000);
	return ticks() - before;
}

/* Asks to be told of so many queues, in which nothing comes. */
static int *ask_of_others(void)
{
	int *fds = t_shared(OTHERS * sizeof(*fds));
	struct rlimit files = {OTHERS + 100, OTHERS + 100};

	t_is(t_sys(setrlimit(RLIMIT_NOFILE, &files)), 0);
	for (int i = 0; i < OTHERS; i++) {
		t_is(t_touch(t_path("queues/other%d", i)), 0);
		fds[i] = t_open(t_path("queues/other%d,notify=URG", i), O_RDONLY | O_CLOEXEC);
		t_check(fds[i] >= 0);
	}
	return fds;
}

/* Those who wait for something else are not looked at each time that the lock is tried. */
static void others_wait_meanwhile(void **state)
{
	const char *held = t_path("queues/held");
	int *fds;
	long alone, beside;
	pid_t pid;

	(void)state;
	t_is(t_touch(held), 0);
	pid = hold_lock(IPCFS_QUEUE, "held");
	struct t_io reader = t_reader(held, O_RDONLY);
	t_wait_stat(held, "waiters", 1);
	alone = ticks_of_a_second();
	fds = ask_of_others();
	beside = ticks_of_a_second();
	t_kill(pid);
	t_is(t_echo(held, "x"), 0);
	t_is(t_io_result(&reader), 1);
	for (int i = 0; i < OTHERS; i++)
		close(fds[i]);
	/* They are looked at once a second. */
	if (beside > 3 * alone + 25)
		t_fail("%ld ticks in a second, %ld where nobody else waits", beside, alone);
}

/* ---- many members ------------------------------------------------------------------------------------------ */

struct crowd {
	int members;
	_Atomic int ready;
};

/* One program can be many members, and say that all its threads sleep. */
static int crowd(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < c->members; i++) {
		struct ipcfs_store *store;

		if (ipcfs_store_open(t_store, &store) < 0 || member_self(store) < 0)
			return 1;
		for (int k = 0; k < MEMBER_SLOTS; k++)
			STORE(store->self->page->waits[k].id, (uint64_t)i * MEMBER_SLOTS + k + 1);
	}
	c->ready = 1;
	pause();
	return 0;
}

/* The server's time for so many looks at who waits for whom. */
static long ticks_of_looks(int members, int looks)
{
	struct crowd *c = t_shared(sizeof(*c));
	char buf[100];
	long before;
	pid_t pid;

	c->members = members;
	pid = t_spawn(crowd, c);
	t_until(c->ready);
	before = ticks();
	for (int i = 0; i < looks; i++)
		t_is(t_cat(t_path("deadlocks"), buf, sizeof(buf)), 0);
	before = ticks() - before;
	t_kill(pid);
	return before;
}

/* Eight times as many take eight times as long, and not 64 times. */
static void deadlocks_among_many(void **state)
{
	long few, many;

	(void)state;
	few = ticks_of_looks(MEMBERS, 4);
	many = ticks_of_looks(8 * MEMBERS, 4);
	if (many > 24 * few + 50)
		t_fail("%ld ticks with %d members, %ld with %d", few, MEMBERS, many, 8 * MEMBERS);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(watched_by_who_is_notified),
		T_TEST(interrupted_while_it_ends),
		T_TEST(others_wait_meanwhile),
		T_TEST(deadlocks_among_many),
	};

	return T_RUN(tests, argc, argv);
}
