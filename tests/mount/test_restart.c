/* SPDX-License-Identifier: MIT
 *
 * test_restart.c - the server is killed and started again over the same store: every object is as it
 * was, C programs notice nothing, what was `temp` is gone.
 */
#include "t.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/wait.h>

static void objects_are_as_they_were(void **state)
{
	(void)state;
	char before[5][4096], after[4096];
	static const char *const objects[] = {"queues/q", "semaphores/s", "events/e", "values/v",
					      "arrays/a"};
	struct stat st[5], now;

	t_is(t_touch(t_path("queues/q,maxsize=5,capacity=10k")), 0);
	t_is(t_echo(t_path("queues/q"), "one"), 0);
	t_is(t_echo_bytes(t_path("queues/q"), "two\0\n", 5), 0);
	t_is(t_touch(t_path("semaphores/s,value=5,max=9")), 0);
	t_shows(t_path("semaphores/s"), "1\n");
	t_is(t_touch(t_path("events/e")), 0);
	t_is(t_echo(t_path("events/e"), "1"), 0);
	t_is(t_touch(t_path("values/v,type=d")), 0);
	t_is(t_echo(t_path("values/v"), "2.5"), 0);
	t_is(t_touch(t_path("arrays/a,type=h,len=3")), 0);
	t_is(t_echo(t_path("arrays/a"), "1 -2 3"), 0);
	for (int i = 0; i < 5; i++) {
		const char *path = t_path("%s", objects[i]);
		t_is(t_sys(chmod(path, 0642)), 0);
		t_is(t_sys(chown(path, 7, 8)), 0);
		t_check(t_cat(t_format("%s,stat", path), before[i], sizeof(before[i])) > 0);
		t_is(t_sys(stat(path, &st[i])), 0);
	}
	t_is(t_sys(mkdir(t_path("queues/team"), 0750)), 0);
	t_is(t_echo(t_path("queues/team/jobs"), "inside"), 0);

	pid_t old = t_server();
	t_restart();
	t_check(t_server() != old);
	for (int i = 0; i < 5; i++) {
		const char *path = t_path("%s", objects[i]);
		t_check(t_cat(t_format("%s,stat", path), after, sizeof(after)) > 0);
		if (strcmp(before[i], after) != 0)
			t_fail("%s: before: %s\nafter: %s", objects[i], before[i], after);
		t_is(t_sys(stat(path, &now)), 0);
		t_is(now.st_mode, st[i].st_mode);
		t_is(now.st_uid, 7);
		t_is(now.st_gid, 8);
		t_is(now.st_ino, st[i].st_ino);
		t_is(now.st_mtim.tv_sec, st[i].st_mtim.tv_sec);
	}
	t_shows(t_path("queues/q"), "one");
	t_shows_bytes(t_path("queues/q"), "two\0\n", 5);
	t_shows(t_path("semaphores/s,peek"), "4\n");
	t_shows(t_path("events/e,peek"), "1\n");
	t_shows(t_path("values/v"), "2.5\n");
	t_shows(t_path("arrays/a"), "1\n-2\n3\n");
	t_shows(t_path("queues/team/jobs"), "inside");
	struct stat dir;
	t_is(t_sys(stat(t_path("queues/team"), &dir)), 0);
	t_is(dir.st_mode & 07777, 0750);
	t_is(t_touch(t_path("queues/q,maxsize=5")), 0);
	t_is(t_touch(t_path("queues/q,maxsize=6")), -EEXIST);
	t_is(t_touch(t_path("semaphores/s,value=5")), 0); /* as created */
	t_is(t_status("objects"), 6);
}

static void an_orderly_end_keeps_all_too(void **state)
{
	(void)state;
	t_is(t_echo(t_path("queues/orderly"), "kept"), 0);
	t_umount();
	t_mount(NULL);
	t_shows(t_path("queues/orderly"), "kept");
}

static void temp_objects_are_gone(void **state)
{
	(void)state;
	int fd[5] = {
		t_open(t_path("queues/t,temp"), O_RDWR | O_CREAT),
		t_open(t_path("semaphores/t,value=1,temp"), O_RDWR | O_CREAT),
		t_open(t_path("events/t,temp"), O_RDWR | O_CREAT),
		t_open(t_path("values/t,type=q,temp"), O_RDWR | O_CREAT),
		t_open(t_path("arrays/t,type=q,len=2,temp"), O_RDWR | O_CREAT),
	};
	static const char *const kinds[] = {"queues", "semaphores", "events", "values", "arrays"};

	for (int k = 0; k < 5; k++) {
		t_check(fd[k] >= 0);
		t_is(t_exists(t_path("%s/t", kinds[k])), 0);
	}
	t_restart();
	for (int k = 0; k < 5; k++) {
		t_is(t_exists(t_path("%s/t", kinds[k])), -ENOENT);
		t_is(t_exists(t_in_store("%s/t", kinds[k])), -ENOENT);
		close(fd[k]);
	}
	t_is(t_touch(t_path("queues/t")), 0); /* the name is free, and not temp */
	t_is(t_exists(t_path("queues/t")), 0);
}

/* A name without a type is an object of the folder too. */
static void pending_names_stay(void **state)
{
	(void)state;
	t_is(t_touch(t_path("values/pending")), 0);
	t_is(t_touch(t_path("arrays/pending,type=h")), 0);
	t_restart();
	t_is(t_exists(t_path("values/pending")), 0);
	t_is(t_exists(t_path("arrays/pending")), 0);
	t_shows(t_path("values/pending"), "");
	t_is(t_echo(t_path("values/pending"), "5"), 0);
	t_shows(t_path("values/pending"), "5\n");
}

static void parked_ones_get_an_error_and_take_nothing(void **state)
{
	(void)state;
	const char *q = t_path("queues/parked");

	t_is(t_touch(q), 0);
	struct t_io reader[5];
	for (int i = 0; i < 5; i++)
		reader[i] = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 5);
	int fd = t_open(q, O_RDWR);
	t_kill_server();
	for (int i = 0; i < 5; i++)
		t_fails(t_io_result(&reader[i])); /* none of them hangs for ever */
	t_mount(NULL);
	t_is(t_stat(q, "waiters"), 0);
	t_is(t_echo(q, "kept"), 0);
	t_is(t_stat(q, "messages"), 1);
	t_shows(q, "kept");
	t_fails(t_put(fd, "x"));
}

/* ---- C programs do not notice ------------------------------------------------------------- */

struct work {
	_Atomic int stop, drain;
	_Atomic long put, got, added, released, acquired;
	_Atomic int wrong;
};

static int c_producer(void *arg)
{
	struct work *w = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *q = t_attach_child(&store, IPCFS_QUEUE, "work");
	uint64_t n;

	for (n = 0; q && !w->stop; n++) {
		int rc = ipcfs_queue_put(q, &n, sizeof(n), IPCFS_FOREVER);
		if (rc != 0)
			return -rc;
		w->put++;
	}
	return q ? 0 : 1;
}

static int c_consumer(void *arg)
{
	struct work *w = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *q = t_attach_child(&store, IPCFS_QUEUE, "work");
	uint64_t n, next = 0;

	while (q) {
		ssize_t len = ipcfs_queue_get(q, &n, sizeof(n),
					      ipcfs_after(w->drain ? 0 : 100000000));
		if (len == -ETIMEDOUT || len == -EBUSY)
			continue;
		if (len == -EAGAIN) /* drained */
			return 0;
		if (len != sizeof(n))
			return (int)-len;
		w->wrong += n != next;
		next = n + 1;
		w->got++;
	}
	return 1;
}

static int c_adder(void *arg)
{
	struct work *w = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *v = t_attach_child(&store, IPCFS_VALUE, "work");
	struct ipcfs_object *s = v ? t_attach_child(&store, IPCFS_SEMAPHORE, "work") : NULL;

	while (s && !w->stop) {
		int rc = ipcfs_semaphore_acquire(s, 1, IPCFS_FOREVER);
		if (rc == 0)
			rc = (int)t_again(
				ipcfs_value_op(v, IPCFS_ADD, (union ipcfs_number){.i = 1}, NULL));
		if (rc == 0)
			rc = (int)t_again(ipcfs_semaphore_release(s, 1));
		if (rc != 0)
			return -rc;
		w->added++;
	}
	return s ? 0 : 1;
}

static int c_waiter(void *arg)
{
	struct work *w = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *e = t_attach_child(&store, IPCFS_EVENT, "end");

	(void)w;
	return e ? -ipcfs_event_wait(e, IPCFS_FOREVER) : 1; /* sleeps all the time */
}

static void c_programs_never_notice(void **state)
{
	(void)state;
	struct work *w = t_shared(sizeof(*w));
	pid_t child[6];

	t_is(t_touch(t_path("queues/work,capacity=64k")), 0);
	t_is(t_touch(t_path("values/work,type=q")), 0);
	t_is(t_touch(t_path("semaphores/work,value=1,max=1")), 0);
	t_is(t_touch(t_path("events/end")), 0);
	child[0] = t_spawn(c_producer, w);
	child[1] = t_spawn(c_consumer, w);
	child[2] = t_spawn(c_adder, w);
	child[3] = t_spawn(c_adder, w);
	child[4] = t_spawn(c_waiter, w);
	child[5] = t_spawn(c_waiter, w);
	for (int i = 0; i < t_count(8, 100); i++) {
		long put = w->put, got = w->got, added = w->added;
		t_kill_server();
		t_until(w->put > put && w->got > got && w->added > added); /* without a server */
		t_mount(NULL);
		put = w->put, got = w->got, added = w->added;
		t_until(w->put > put && w->got > got &&
			w->added > added); /* and with the new one */
		char text[64];
		t_check(t_again(t_cat(t_path("values/work"), text, sizeof(text))) > 0);
		t_check(t_stat(t_path("queues/work"), "messages") >= 0);
	}
	t_is(t_echo(t_path("events/end"), "1"), 0); /* the new server wakes the old sleepers */
	t_is(t_wait(child[4]), 0);
	t_is(t_wait(child[5]), 0);
	w->stop = 1;
	t_is(t_wait(child[0]), 0);
	t_is(t_wait(child[2]), 0);
	t_is(t_wait(child[3]), 0);
	w->drain = 1;
	t_is(t_wait(child[1]), 0);
	t_is(w->got, w->put);
	t_is(w->wrong, 0);
	t_shows(t_path("values/work"), t_format("%ld\n", (long)w->added));
	t_shows(t_path("semaphores/work,peek"), "1\n");
}

/* What files had put and were told so stays; the server is killed under its writers. */
struct writer {
	_Atomic int stop, confirmed;
};

static int file_writer(void *arg)
{
	struct writer *w = arg;
	int fd = t_open(t_path("queues/confirmed"), O_WRONLY);

	for (int i = 0; fd >= 0; i++) {
		char text[32];
		int n = sprintf(text, "%d", i);
		if (t_put(fd, text) != n)
			return 0; /* the server died */
		w->confirmed = i + 1;
	}
	return 1;
}

static void confirmed_messages_are_not_lost(void **state)
{
	(void)state;
	struct writer *w = t_shared(sizeof(*w));
	const char *q = t_path("queues/confirmed");

	for (int round = 0; round < t_count(10, 200); round++) {
		t_is(t_touch(t_format("%s,capacity=64M", q)), 0);
		w->confirmed = 0;
		pid_t child = t_spawn(file_writer, w);
		int want = 100 + round * 37;
		t_until(w->confirmed >= want);
		t_kill_server();
		t_is(t_wait(child), 0);
		t_mount(NULL);
		long left = t_stat(q, "messages"), confirmed = w->confirmed;
		/* the one that was under way may be there or not */
		t_is_either(left, confirmed, confirmed + 1);
		int fd = t_open(q, O_RDWR);
		for (long i = 0; i < left; i++)
			t_gets(fd, t_format("%ld", i));
		close(fd);
		t_is(t_sys(unlink(q)), 0);
	}
}

/* Kills at any moment while files and the library use objects; each start must work. */
static void many_restarts_under_load(void **state)
{
	(void)state;
	static const char *const loops[] = {
		"while :; do echo x > $M/queues/load; done",
		"while :; do timeout 1 cat $M/queues/load; done",
		"while :; do echo add 1 > $M/values/load; done",
		"while :; do touch $M/events/load$RANDOM,temp; mkdir $M/queues/d$RANDOM; done",
		"while :; do ls -lR $M; rm -f $M/queues/load2; touch $M/queues/load2; done",
	};
	pid_t child[5];

	t_limit(t_count(T_TEST_S, 600));
	t_is(t_touch(t_path("values/load,type=q")), 0);
	for (int i = 0; i < 5; i++)
		child[i] = t_shell(NULL, "exec >/dev/null 2>&1; %s", loops[i]);
	for (int i = 0; i < t_count(10, 100); i++) {
		usleep((useconds_t)(20000 + i * 7919 % 80000)); /* a moment of any length */
		t_restart();
		t_is(t_touch(t_path("queues/load")), 0);
		t_is(t_touch(t_path("values/load,type=q")), 0);
	}
	for (int i = 0; i < 5; i++)
		t_kill(child[i]);
	t_runs(0,
	       "ls -lR $M > /dev/null && echo 5 > $M/values/load && [ $(cat $M/values/load) = 5 ]");
}

static void a_second_server_is_refused(void **state)
{
	(void)state;
	char words[T_TEXT];
	char mnt[256];

	snprintf(mnt, sizeof(mnt), "%s/mnt2", t_base);
	t_check(t_try_mount(t_store, mnt, NULL, words) > 0);
	t_check(strlen(words) > 10);
	t_is(t_sys(mkdir(t_format("%s/store2", t_base), 0755)), 0);
	t_check(t_try_mount(t_format("%s/store2", t_base), t_mnt, NULL, words) > 0); /* in use */
	t_check(strlen(words) > 10);
	t_is(t_touch(t_path("queues/lives")), 0);
	/* two stores side by side know nothing of each other */
	t_is(t_try_mount(t_format("%s/store2", t_base), mnt, NULL, words), 0);
	t_is(t_exists(t_format("%s/queues/lives", mnt)), -ENOENT);
	t_is(t_echo(t_format("%s/queues/x", mnt), "second"), 0);
	t_is(t_exists(t_path("queues/x")), -ENOENT);
	t_shows(t_format("%s/queues/x", mnt), "second");
	t_runs(0, "$IPCFS umount %s", mnt);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(objects_are_as_they_were),
		T_TEST(an_orderly_end_keeps_all_too),
		T_TEST(temp_objects_are_gone),
		T_TEST(pending_names_stay),
		T_TEST(parked_ones_get_an_error_and_take_nothing),
		T_TEST(c_programs_never_notice),
		T_TEST(confirmed_messages_are_not_lost),
		T_TEST(many_restarts_under_load),
		T_TEST(a_second_server_is_refused),
	};

	return T_RUN(tests, argc, argv);
}
