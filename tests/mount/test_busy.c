/* SPDX-License-Identifier: MIT
 *
 * test_busy.c - a program that uses the library stops while it holds an object's inner lock: what looks or
 * removes is answered at once, reads that may wait do, all else is EBUSY, but not before 100 ms.
 */
#include "t.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "core/object.h"

enum { GIVEN_MS = 100, TRIES = 50 };

struct hold {
	enum ipcfs_kind kind;
	const char *name;
	_Atomic int state; /* 1: held, 2: let go soon, 3: let go */
};

/* Takes the lock, and lets it go 20 ms after it is told to. */
static int hold(void *arg)
{
	struct hold *h = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, h->kind, h->name);

	if (!o || obj_lock(o, 0, false) < 0)
		return 1;
	for (h->state = 1; h->state == 1;)
		usleep(300);
	usleep(20000);
	obj_unlock(o, 0);
	h->state = 3;
	pause();
	return 0;
}

static pid_t start(struct hold *h, enum ipcfs_kind kind, const char *name)
{
	h->kind = kind;
	h->name = name;
	h->state = 0;
	pid_t pid = t_spawn(hold, h);
	t_until(h->state == 1);
	return pid;
}

static pid_t stop_with_lock(enum ipcfs_kind kind, const char *name)
{
	struct hold *h = t_shared(sizeof(*h));
	pid_t pid = start(h, kind, name);
	int status;

	t_is(t_sys(kill(pid, SIGSTOP)), 0);
	t_is(waitpid(pid, &status, WUNTRACED), pid);
	return pid;
}

static long cat(const char *path)
{
	char buf[100];
	long n = t_cat(path, buf, sizeof(buf));

	return n < 0 ? n : 0;
}

static long put(const char *path)
{
	return t_echo(path, "1");
}

static long put_line(const char *path)
{
	return t_echo(path, "1\n");
}

static long clear(const char *path)
{
	return t_echo(path, "clear");
}

static long truncated(const char *path)
{
	return t_sys(truncate(path, 0));
}

static long replaced(const char *path)
{
	const char *source = t_format("%s.new", path);
	long rc = t_echo(source, "7");

	return rc < 0 ? rc : t_sys(rename(source, path));
}

static long opens(const char *path)
{
	int fd = t_open(path, O_RDWR | O_NONBLOCK);

	return fd < 0 ? fd : t_sys(close(fd));
}

static const struct {
	const char *path;
	long (*call)(const char *path);
} rows[] = {
	{"queues/held", put},	    {"queues/held,peek", cat},	{"queues/held,ctl", clear},
	{"queues/held", truncated}, {"semaphores/held", put},	{"events/held", put},
	{"values/held", cat},	    {"values/held,peek", cat},	{"values/held,raw", cat},
	{"values/held", put},	    {"values/held", replaced},	{"arrays/held", cat},
	{"arrays/held,at=0", cat},  {"arrays/held,at=0", put},	{"pipes/held,a", opens},
	{"pipes/held,ctl", clear},  {"topics/held", put},	{"topics/held", opens},
	{"topics/held,peek", cat},  {"topics/held", truncated}, {"lists/held", put_line},
	{"lists/held", cat},	    {"lists/held,at=0", cat},	{"lists/held,at=0", put},
	{"lists/held,insert", put}, {"lists/held,ctl", clear},	{"lists/held", truncated},
	{"lists/held", replaced},   {"signals/held", put},
};

static void make_all(void)
{
	t_is(t_echo(t_path("queues/held"), "1"), 0);
	t_is(t_echo(t_path("semaphores/held,value=1"), "1"), 0);
	t_is(t_echo(t_path("events/held"), "1"), 0);
	t_is(t_echo(t_path("values/held"), "1"), 0);
	t_is(t_echo(t_path("arrays/held"), "1 2 3"), 0);
	t_is(t_touch(t_path("pipes/held")), 0);
	t_is(t_echo(t_path("topics/held"), "1"), 0);
	t_is(t_echo(t_path("lists/held"), "1"), 0);
	t_is(t_touch(t_path("signals/held")), 0);
}

static enum ipcfs_kind kind_of(const char *path)
{
	char kind[32];

	snprintf(kind, sizeof(kind), "%.*s", (int)strcspn(path, "/"), path);
	return (enum ipcfs_kind)ipcfs_kind_of(kind);
}

static void all_else_is_ebusy_after_100_ms(void **state)
{
	char words[T_TEXT];

	(void)state;
	make_all();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = stop_with_lock(kind_of(rows[i].path), "held");
		int64_t since = t_now_ms();
		long rc = rows[i].call(t_path("%s", rows[i].path));

		if (rc != -EBUSY || t_now_ms() - since < GIVEN_MS)
			t_fail("%s, row %zu: %s after %ld ms", rows[i].path, i, t_result(rc),
			       (long)(t_now_ms() - since));
		t_fails(t_cat(t_path("values/none"), words, sizeof(words)));
		t_check(t_cat(t_path("errors"), words, sizeof(words)) > 0);
		t_check(strstr(words, "inner lock for 100 ms"));
		t_kill(pid);
		t_is(rows[i].call(t_path("%s", rows[i].path)), 0); /* taken over from the dead */
	}
}

/* Whoever lets it go in time is waited for. */
static void a_lock_let_go_in_time_is_waited_for(void **state)
{
	struct hold *h = t_shared(sizeof(*h));

	(void)state;
	make_all();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long rc = -EBUSY;

		/* Again where this machine is too slow for 20 of 100 ms. */
		for (int n = 0; rc == -EBUSY && n < TRIES; n++) {
			pid_t pid = start(h, kind_of(rows[i].path), "held");
			int64_t since = t_now_ms();
			h->state = 2;
			rc = rows[i].call(t_path("%s", rows[i].path));
			if (rc == -EBUSY)
				t_check(t_now_ms() - since >= GIVEN_MS);
			t_kill(pid);
		}
		if (rc != 0)
			t_fail("%s, row %zu: %s", rows[i].path, i, t_result(rc));
	}
}

/* A pending array that the library makes and locks while its words are gathered. */
static void a_close_waits_too(void **state)
{
	struct ipcfs_properties p = {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'q', .len = 3};
	struct hold *h = t_shared(sizeof(*h));
	long rc = -EBUSY;

	(void)state;
	for (int n = 0; rc == -EBUSY && n < TRIES; n++) {
		const char *name = t_format("gathered%d", n), *path = t_path("arrays/%s", name);
		int fd = t_open(path, O_WRONLY | O_CREAT);

		t_is(t_put(fd, "1 2 3\n"), 6);
		t_attach(IPCFS_ARRAY, name, &p);
		pid_t pid = start(h, IPCFS_ARRAY, name);
		int64_t since = t_now_ms();
		h->state = 2;
		rc = t_sys(close(fd));
		if (rc == -EBUSY)
			t_check(t_now_ms() - since >= GIVEN_MS);
		else
			t_shows(path, "1\n2\n3\n");
		t_kill(pid);
	}
	t_is(rc, 0);
}

/* What a closed handle left is not lost for a lock that is held for long. */
static void what_is_left_waits_too(void **state)
{
	const char *q = t_path("queues/held"), *lines = t_format("%s,lines", q);

	(void)state;
	make_all();
	t_is(t_echo(t_format("%s,ctl", q), "clear"), 0);
	pid_t pid = stop_with_lock(IPCFS_QUEUE, "held");
	int fd = t_open(lines, O_WRONLY), other = t_open(lines, O_WRONLY);
	t_is(t_put(fd, "left"), 4);
	t_is(t_sys(close(fd)), 0);
	t_is(t_stat(q, "writers"), 1);
	t_is(t_put(other, "more"), 4);
	for (int i = 0; i < 3; i++) /* longer than what others are given */
		t_is_either(t_sys(fsync(other)), -EBUSY, -ETIMEDOUT);
	t_is(t_stat(q, "writers"), 1);
	struct t_io behind = t_writer(q, O_WRONLY, "behind");
	t_wait_stat(q, "writers", 2);
	t_kill(pid);
	t_shows(q, "left");
	t_is(t_io_result(&behind), 6);
	t_shows(q, "behind");
}

static void reads_that_may_wait_wait(void **state)
{
	static const char *const paths[] = {"queues/held", "semaphores/held", "events/held"};

	(void)state;
	make_all();
	for (size_t i = 0; i < 3; i++) {
		const char *path = t_path("%s", paths[i]);
		pid_t pid = stop_with_lock(kind_of(paths[i]), "held");
		struct t_io reader = t_reader(path, O_RDONLY);

		t_wait_stat(path, "waiters", 1);
		t_is(cat(t_format("%s,timeout=0.3", path)), -ETIMEDOUT);
		t_is(t_stat(path, "waiters"), 1);
		t_kill(pid);
		t_check(t_io_result(&reader) > 0);
	}
}

/* None of these needs the lock. */
static void who_looks_or_removes_is_answered_at_once(void **state)
{
	static const char *const paths[] = {"queues/held", "semaphores/held", "events/held",
					    "values/held", "arrays/held"};
	pid_t pids[5];

	(void)state;
	make_all();
	for (size_t i = 0; i < 5; i++)
		pids[i] = stop_with_lock(kind_of(paths[i]), "held");
	for (size_t i = 0; i < 5; i++) {
		const char *path = t_path("%s", paths[i]);

		t_check(t_stat(path, "id") > 0);
		t_is(t_sys(chmod(path, 0666)), 0);
		t_runs(0, "ls -l %s; touch %s; mv %s %s.moved; mv %s.moved %s", path, path, path,
		       path, path, path);
		t_is(t_sys(unlink(path)), 0);
		t_is(t_exists(path), -ENOENT);
		t_is(t_touch(path), 0); /* another one of that name is free */
		t_is(put(path), 0);
		t_kill(pids[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(all_else_is_ebusy_after_100_ms),
		T_TEST(a_lock_let_go_in_time_is_waited_for),
		T_TEST(a_close_waits_too),
		T_TEST(what_is_left_waits_too),
		T_TEST(reads_that_may_wait_wait),
		T_TEST(who_looks_or_removes_is_answered_at_once),
	};

	return T_RUN(tests, argc, argv);
}
