/* SPDX-License-Identifier: MIT
 *
 * test_parked_end.c - requests that wait: how a wait ends: by a kill, a timeout, removal, the server's end; a thousand at once.
 */
#include "t.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* ---- kills ------------------------------------------------------------------------------------- */

static void a_killed_waiter_has_taken_nothing(void **state)
{
	(void)state;
	const char *q = t_path("queues/kill"), *s = t_path("semaphores/kill"),
		   *e = t_path("events/kill"), *v = t_path("values/kill");

	t_is(t_touch(q), 0);
	t_is(t_touch(s), 0);
	t_is(t_touch(e), 0);
	for (int i = 0; i < 20; i++) {
		struct t_io reader = t_reader(q, O_RDONLY);
		t_wait_stat(q, "waiters", 1);
		t_kill(reader.pid);
		t_wait_stat(q, "waiters", 0);
		t_is(t_echo(q, "kept"), 0);
		t_is(t_stat(q, "messages"), 1);
		t_shows(q, "kept");

		reader = t_reader(t_format("%s,n=2", s), O_RDONLY);
		t_wait_stat(s, "waiters", 1);
		t_kill(reader.pid);
		t_wait_stat(s, "waiters", 0);

		reader = t_reader(e, O_RDONLY);
		t_wait_stat(e, "waiters", 1);
		t_kill(reader.pid);
		t_wait_stat(e, "waiters", 0);
	}
	t_is(t_echo(s, "1"), 0);
	t_shows(t_format("%s,peek", s), "1\n");

	t_is(t_touch(t_format("%s,type=q", v)), 0);
	pid_t watcher = t_shell(NULL, "exec cat '%s,watch'", v);
	t_wait_stat(v, "waiters", 1);
	t_kill(watcher);
	t_wait_stat(v, "waiters", 0);
}

/* ---- removal ----------------------------------------------------------------------------------- */

static void rm_wakes_all_with_eidrm(void **state)
{
	(void)state;
	static const struct {
		const char *create, *name, *view, *put;
	} rows[] = {
		{"queues/gone", "queues/gone", "", NULL},
		{"queues/gone", "queues/gone", ",stream", NULL},
		{"queues/gone", "queues/gone", ",ack", NULL},
		{"queues/gone", "queues/gone", ",watch", NULL},
		{"queues/gone", "queues/gone", ",timeout=1m", NULL},
		{"queues/gone,maxsize=1", "queues/gone", "", "x"},
		{"semaphores/gone", "semaphores/gone", "", NULL},
		{"semaphores/gone", "semaphores/gone", ",n=3", NULL},
		{"events/gone", "events/gone", "", NULL},
		{"conditions/gone", "conditions/gone", "", NULL},
		{"barriers/gone,parties=5", "barriers/gone", "", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *object = t_path("%s", rows[i].name);
		const char *view = t_format("%s%s", object, rows[i].view);
		t_is(t_touch(t_path("%s", rows[i].create)), 0);
		if (rows[i].put)
			t_is(t_echo(object, rows[i].put), 0);
		int idle = t_open(view, O_RDWR);
		struct t_io parked[3];
		for (int j = 0; j < 3; j++)
			parked[j] = rows[i].put ? t_writer(view, O_WRONLY, rows[i].put) :
						  t_reader(view, O_RDONLY);
		t_wait_stat(object, "waiters", 3);
		t_is(t_sys(unlink(object)), 0);
		for (int j = 0; j < 3; j++)
			t_is(t_io_result(&parked[j]), -EIDRM);
		char buf[8];
		if (idle >= 0) { /* and so is any later operation on an open handle */
			t_is(t_get(idle, buf, sizeof(buf)), -EIDRM);
			t_check(t_poll(idle, POLLIN | POLLOUT, 0) & POLLERR);
			close(idle);
		}
		t_is(t_exists(object), -ENOENT);
	}
}

static int watch_until_gone(void *arg)
{
	int fd = t_open(arg, O_RDONLY);
	char buf[64];

	if (t_get(fd, buf, sizeof(buf)) <= 0)
		return 1;
	return t_get(fd, buf, sizeof(buf)) == -EIDRM ? 0 : 2;
}

static void rm_wakes_watchers(void **state)
{
	(void)state;
	static const char *const create[] = {"semaphores/wgone", "events/wgone",
					     "values/wgone,type=q", "arrays/wgone,type=q,len=2"};

	for (int i = 0; i < 4; i++) {
		t_is(t_touch(t_path("%s", create[i])), 0);
		const char *object = t_path("%.*s", (int)strcspn(create[i], ","), create[i]);
		pid_t child = t_spawn(watch_until_gone,
				      (void *)(uintptr_t)t_format("%s,watch", object));
		t_wait_stat(object, "waiters", 1);
		t_is(t_sys(unlink(object)), 0);
		t_is(t_wait(child), 0);
	}
}

static void later_operations_are_eidrm(void **state)
{
	(void)state;
	static const char *const create[] = {"queues/late", "semaphores/late,value=3",
					     "events/late,set", "values/late,type=q",
					     "arrays/late,type=q,len=1"};
	static const char *const views[] = {"", ",peek", ",watch", ",timeout=1"};
	char buf[64];

	for (int i = 0; i < 5; i++) {
		for (int j = 0; j < 4; j++) {
			t_is(t_touch(t_path("%s", create[i])), 0);
			const char *object = t_path("%.*s", (int)strcspn(create[i], ","),
						    create[i]);
			int fd = t_open(t_format("%s%s", object, views[j]), O_RDONLY);
			int other = t_open(object, O_RDWR),
			    nonblock = t_open(object, O_RDWR | O_NONBLOCK);
			t_is(t_sys(unlink(object)), 0);
			t_is(t_get(fd, buf, sizeof(buf)), -EIDRM);
			t_is(t_put(other, "1"), -EIDRM);
			t_is(t_get(other, buf, sizeof(buf)), -EIDRM);
			t_is(t_get(nonblock, buf, sizeof(buf)), -EIDRM);
			t_check(t_poll(fd, POLLIN, 0) & POLLERR);
			t_check(t_poll(other, POLLOUT, 0) & POLLERR);
			close(fd);
			close(other);
			close(nonblock);
		}
	}
}

/* ---- time -------------------------------------------------------------------------------------- */

static void each_has_its_own_deadline(void **state)
{
	(void)state;
	const char *q = t_path("queues/deadlines");
	struct t_io reader[20];

	t_is(t_touch(q), 0);
	for (int i = 0; i < 20; i++) /* the later the shorter */
		reader[i] = t_reader(t_format("%s,timeout=%dms", q, 2000 - 90 * i), O_RDONLY);
	for (int i = 19; i >= 0; i--) {
		t_is(t_io_result(&reader[i]), -ETIMEDOUT);
		t_check(reader[i].note->took_ms >= 2000 - 90 * i - 1);
	}
	t_is(t_stat(q, "waiters"), 0);
	t_is(t_echo(q, "kept"), 0);
	t_is(t_stat(q, "messages"), 1);
}

static void a_served_one_does_not_time_out(void **state)
{
	(void)state;
	const char *q = t_path("queues/served");

	t_is(t_touch(q), 0);
	struct t_io timed = t_reader(t_format("%s,timeout=100ms", q), O_RDONLY);
	struct t_io patient = t_reader(q, O_RDONLY);
	t_is(t_io_result(&timed), -ETIMEDOUT);
	t_wait_stat(q, "waiters", 1);
	t_is(t_echo(q, "x"), 0);
	t_io_got(&patient, "x");
}

/* ---- a thousand -------------------------------------------------------------------------------- */

static void a_thousand_readers(void **state)
{
	(void)state;
	const char *q = t_path("queues/thousand");
	static struct t_io reader[1000];

	t_is(t_touch(q), 0);
	for (int i = 0; i < 1000; i++) {
		reader[i] = t_reader(q, O_RDONLY);
		t_wait_stat(q, "readers", i + 1); /* so that the order is known */
	}
	t_is(t_stat(q, "waiters"), 1000);
	t_check(t_status("parked") >= 1000);
	for (int i = 0; i < 1000; i++)
		t_is(t_echo(q, t_format("%d", i)), 0);
	for (int i = 0; i < 1000; i++)
		t_io_got(&reader[i], t_format("%d", i)); /* once each, first come first served */
	t_is(t_stat(q, "waiters"), 0);
	t_is(t_stat(q, "messages"), 0);
}

static void half_of_a_thousand_are_killed(void **state)
{
	(void)state;
	const char *q = t_path("queues/half");
	static struct t_io reader[1000];

	t_is(t_touch(q), 0);
	for (int i = 0; i < 1000; i++) {
		reader[i] = t_reader(q, O_RDONLY);
		t_wait_stat(q, "readers", i + 1);
	}
	for (int i = 0; i < 1000; i++)
		if (i % 4 < 2)
			kill(reader[i].pid, SIGKILL);
	for (int i = 0; i < 1000; i++)
		if (i % 4 < 2)
			t_is(t_wait(reader[i].pid), 128 + SIGKILL);
	t_wait_stat(q, "waiters", 500);
	for (int i = 0; i < 500; i++)
		t_is(t_echo(q, t_format("%d", i)), 0);
	for (int i = 0, n = 0; i < 1000; i++)
		if (i % 4 >= 2)
			t_io_got(&reader[i], t_format("%d", n++));
	t_is(t_stat(q, "waiters"), 0);
	t_is(t_stat(q, "messages"), 0);
}

/* The same, the messages coming while they are being killed: none is lost but with a reader that had
 * got its answer. */
static void killed_while_messages_come(void **state)
{
	(void)state;
	const char *q = t_path("queues/race");
	static struct t_io reader[200];
	int n = 200, done = 0;

	t_is(t_touch(q), 0);
	for (int i = 0; i < n; i++)
		reader[i] = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", n);
	for (int i = 0; i < n; i++) {
		if (i % 2)
			kill(reader[i].pid, SIGKILL);
		t_is(t_echo(q, t_format("%d", i)), 0);
	}
	for (int i = 0; i < n; i++) {
		int status = t_wait(reader[i].pid);
		t_check(i % 2 || status == 0);
		done += reader[i].note->state == 2 && reader[i].note->result > 0;
	}
	/* a killed one may have been answered before it could note it: its message is gone with it */
	long left = t_stat(q, "messages");
	t_check(left >= 0 && left <= n - done && left + done >= n - n / 2);
	t_check(done >= n / 2);
	t_is(t_stat(q, "waiters"), 0);
}

/* A parked request costs under 2 KiB in the server. */
static void *read_one(void *arg)
{
	char buf[8];
	long n = t_get(*(int *)arg, buf, sizeof(buf));

	return n > 0 ? arg : NULL;
}

struct crowd {
	const char *path;
	int count;
	_Atomic int got;
};

static int read_by_threads(void *arg)
{
	struct crowd *crowd = arg;
	pthread_t *threads = calloc((size_t)crowd->count, sizeof(*threads));
	int fd = t_open(crowd->path, O_RDWR);
	pthread_attr_t attr;
	void *answer;

	if (!threads)
		return 1;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (int i = 0; i < crowd->count; i++)
		if (pthread_create(&threads[i], &attr, read_one, &fd) != 0)
			return 1;
	for (int i = 0; i < crowd->count; i++) {
		pthread_join(threads[i], &answer);
		crowd->got += answer != NULL;
	}
	free(threads);
	return 0;
}

static void a_parked_request_costs_less_than_2_kib(void **state)
{
	(void)state;
	const char *q = t_path("queues/cost");
	struct crowd *few = t_shared(sizeof(*few)), *many = t_shared(sizeof(*many));
	const char *mode = getenv("MODE");
	int n = 4000;

	if (mode && strcmp(mode, "release") != 0)
		skip(); /* sanitizers have their own prices */
	t_is(t_touch(q), 0);
	*few = (struct crowd){q, 100, 0};
	*many = (struct crowd){q, n, 0};
	pid_t first = t_spawn(read_by_threads, few);
	t_wait_stat(q, "waiters", 100);
	long before = t_server_memory();
	pid_t second = t_spawn(read_by_threads, many);
	t_wait_stat(q, "waiters", 100 + n);
	long after = t_server_memory();
	print_message("%ld bytes a parked request\n", (after - before) / n);
	t_check(before > 0 && after - before < n * 2048L);
	int fd = t_open(q, O_WRONLY);
	for (int i = 0; i < n + 100; i++)
		t_is(t_put(fd, "x"), 1);
	t_is(t_wait(first), 0);
	t_is(t_wait(second), 0);
	t_is(few->got, 100);
	t_is(many->got, n);
}

/* ---- the server's end -------------------------------------------------------------------------- */

static void umount_refuses_while_handles_are_open(void **state)
{
	(void)state;
	const char *q = t_path("queues/busy");

	t_is(t_echo(q, "x"), 0);
	int fd = t_open(q, O_RDWR);
	struct t_run *r = t_run("$IPCFS umount $M");
	t_check(r->status > 0);
	t_check(strlen(r->out) > 10); /* in words */
	t_gets(fd, "x");
	close(fd);
	struct t_io reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	r = t_run("$IPCFS umount $M");
	t_check(r->status > 0);
	t_check(strlen(r->out) > 10);
	t_is(t_echo(q, "y"), 0);
	t_io_got(&reader, "y");
}

/* Parked ones on every kind, then the end, by SIGTERM or umount --force: ESHUTDOWN to each. */
static void end_with_parked(bool by_signal)
{
	const char *q = t_path("queues/end"), *f = t_path("queues/endfull"),
		   *s = t_path("semaphores/end"), *e = t_path("events/end");
	struct t_io parked[40];

	t_is(t_touch(q), 0);
	t_is(t_touch(t_format("%s,maxsize=1", f)), 0);
	t_is(t_echo(f, "x"), 0);
	t_is(t_touch(s), 0);
	t_is(t_touch(e), 0);
	for (int i = 0; i < 40; i += 4) {
		parked[i] = t_reader(q, O_RDONLY);
		parked[i + 1] = t_writer(f, O_WRONLY, "y");
		parked[i + 2] = t_reader(t_format("%s,timeout=1m", s), O_RDONLY);
		parked[i + 3] = t_reader(e, O_RDONLY);
	}
	t_wait_stat(q, "waiters", 10);
	t_wait_stat(f, "waiters", 10);
	t_wait_stat(s, "waiters", 10);
	t_wait_stat(e, "waiters", 10);
	if (by_signal) {
		pid_t server = t_server();
		kill(server, SIGTERM);
	} else
		t_umount();
	for (int i = 0; i < 40; i++)
		t_is(t_io_result(&parked[i]), -ESHUTDOWN);
	t_until(t_exists(t_path("status")) != 0);
	umount2(t_mnt, MNT_DETACH); /* in case that it is still there */
	t_mount(NULL);
	t_is(t_stat(q, "waiters"), 0);
	t_is(t_stat(f, "messages"), 1);
	t_shows(f, "x");
	t_is(t_sys(unlink(q)), 0);
	t_is(t_sys(unlink(f)), 0);
	t_is(t_sys(unlink(s)), 0);
	t_is(t_sys(unlink(e)), 0);
}

static void sigterm_is_eshutdown_for_all(void **state)
{
	(void)state;
	end_with_parked(true);
}

static void umount_force_is_eshutdown_for_all(void **state)
{
	(void)state;
	end_with_parked(false);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_killed_waiter_has_taken_nothing),
		T_TEST(rm_wakes_all_with_eidrm),
		T_TEST(rm_wakes_watchers),
		T_TEST(later_operations_are_eidrm),
		T_TEST(each_has_its_own_deadline),
		T_TEST(a_served_one_does_not_time_out),
		T_TEST(a_thousand_readers),
		T_TEST(half_of_a_thousand_are_killed),
		T_TEST(killed_while_messages_come),
		T_TEST(a_parked_request_costs_less_than_2_kib),
		T_TEST(umount_refuses_while_handles_are_open),
		T_TEST(sigterm_is_eshutdown_for_all),
		T_TEST(umount_force_is_eshutdown_for_all),
	};

	return T_RUN(tests, argc, argv);
}
