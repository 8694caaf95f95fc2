/* SPDX-License-Identifier: MIT
 *
 * test_pipe_beside.c - duplex pipes with the library at the other end, with servers that are killed, objects that are
 * busy, and much to write.
 */
#include "pipe.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "core/object.h"

/* ---- with the library at the other end ---------------------------------------------------------- */

struct talker {
	const char *name;
	_Atomic int state; /* 1: has it open */
	_Atomic long result;
};

/* Opens b, reads one, and stays. */
static int read_by_library(void *arg)
{
	struct talker *t = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *p = t_attach_child(&store, IPCFS_PIPE, t->name);
	char buf[16];

	if (!p || ipcfs_pipe_open(p, IPCFS_END_B) != 0)
		return 1;
	t->state = 1;
	t->result = ipcfs_pipe_get(p, IPCFS_END_B, buf, sizeof(buf), IPCFS_FOREVER);
	t->state = 2;
	return pause();
}

/* Before descriptors of the other end are there: it would inherit them. */
static struct talker *start_talker(const char *name, pid_t *pid)
{
	struct talker *t = t_shared(sizeof(*t));

	t->name = name;
	*pid = t_spawn(read_by_library, t);
	t_until(t->state == 1);
	return t;
}

static void the_library_at_the_other_end(void **state)
{
	(void)state;
	const char *path = make("lib");
	struct ipcfs_object *p = t_attach(IPCFS_PIPE, "lib", NULL);
	int a = open_end(path, 'a', NB);
	char buf[16];
	pid_t pid;
	struct talker *t = start_talker("lib", &pid);

	t_is(t_put(a, "four"), 4);
	t_until(t->state == 2);
	t_is(t->result, 4);
	struct t_io reader = t_reader(end_of(path, 'a'), O_RDWR);
	t_wait_stat(path, "waiters", 1);
	t_is(ipcfs_pipe_open(p, IPCFS_END_B), 0);
	t_is(t_again(ipcfs_pipe_put(p, IPCFS_END_B, "reply", 5, 0)), 0);
	t_io_got(&reader, "reply");
	t_is(t_again(ipcfs_pipe_close(p, IPCFS_END_B)), 0);
	t_is(t_get(a, buf, 1), -EAGAIN); /* the other one is there still */
	t_ends_are(path, "open", "open");
	reader = t_reader(end_of(path, 'a'), O_RDONLY);
	t_wait_stat(path, "waiters", 1);
	t_kill(pid);
	t_is(t_io_result(&reader), -ENODATA); /* told at once, not by and by */
	t_is(t_put(a, "x"), -EPIPE);
}

static void a_closed_file_wakes_the_library(void **state)
{
	(void)state;
	const char *path = make("wake");
	pid_t pid;
	struct talker *t = start_talker("wake", &pid);

	close(open_end(path, 'a', NB));
	t_until(t->state == 2);
	t_is(t->result, -ENODATA);
}

static void a_killed_server_has_closed_its_ends(void **state)
{
	(void)state;
	const char *path = make("server");
	pid_t pid;
	struct talker *t = start_talker("server", &pid);
	int a = open_end(path, 'a', NB);

	t_ends_are(path, "open", "open");
	t_kill_server();
	t_until(t->state == 2); /* it looks again within a second */
	t_is(t->result, -ENODATA);
	t_mount(NULL);
	t_ends_are(path, "closed", "open");
	close(a);
	a = open_end(path, 'a', NB);
	t_is(t_put(a, "anew"), 4);
	t_kill(pid);
	t_until(t_stat_has(path, "b closed"));
	t_restart();
	t_is(t_stat(path, "messages"), 1);
	int b = open_end(path, 'b', NB); /* all that had it open are dead: it begins anew */
	t_ends_are(path, "never", "open");
	t_gets(b, "anew");
	char c;
	t_is(t_get(b, &c, 1), -EAGAIN);
	close(a);
}

/* The object's inner lock is held by somebody who does not run: who closes does not wait, and what he closes is
 * closed as soon as it can be. */
static int stop_inside(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *p = t_attach_child(&store, IPCFS_PIPE, arg);
	sigset_t go;
	int number;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	if (!p || sigwait(&go, &number) != 0 || obj_lock(p, IPCFS_FOREVER, false) != 0)
		return 1;
	raise(SIGSTOP);
	obj_unlock(p, 0);
	return pause();
}

static void a_close_is_never_lost(void **state)
{
	(void)state;
	const char *path = make("busy");
	sigset_t go;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigprocmask(SIG_BLOCK, &go, NULL); /* for the child to wait for */
	pid_t pid = t_spawn(stop_inside, (void *)"busy");
	sigprocmask(SIG_UNBLOCK, &go, NULL);
	int a = open_end(path, 'a', NB), b = open_end(path, 'b', NB), status;
	char c;

	t_is(t_sys(kill(pid, SIGUSR1)), 0);
	t_is(waitpid(pid, &status, WUNTRACED), pid);
	t_check(WIFSTOPPED(status));
	t_is(t_open(end_of(path, 'a'), NB), -EBUSY);
	t_is(t_sys(close(a)), 0);
	t_is(t_sys(kill(pid, SIGCONT)), 0);
	t_until(t_get(b, &c, 1) == 0);
	t_ends_are(path, "closed", "open");
}

static void no_more_than_there_is_room_for(void **state)
{
	(void)state;
	const char *path = make("room");
	struct ipcfs_object *p = NULL;

	t_is(ipcfs_open(t_lib(), IPCFS_PIPE, "room", 0, 0, NULL, &p), 0);
	for (int i = 0; i < 4096; i++)
		t_is(t_again(ipcfs_pipe_open(p, IPCFS_END_A)), 0);
	t_is(t_open(end_of(path, 'b'), NB), -EUSERS);
	t_runs(0, "tail -n 1 $M/errors | grep 'EUSERS pipes/room: its ends are open too often "
		  "already'");
	t_is(t_again(ipcfs_pipe_close(p, IPCFS_END_A)), 0);
	close(open_end(path, 'b', NB));
	ipcfs_close(p);
	t_until(t_stat_has(path, "a never"));
}

/* ---- much --------------------------------------------------------------------------------------- */

struct flood {
	const char *path;
	char end;
	int count;
};

/* Writes and reads as it comes, so that neither end waits for ever. */
static int flood(void *arg)
{
	const struct flood *f = arg;
	int fd = t_open(end_of(f->path, f->end), NB), sent = 0, seen = 0;
	char message[200], want[200];

	while (sent < f->count || seen < f->count) {
		size_t len = 1 + (size_t)sent % 199;
		long n = -EAGAIN;

		memset(message, sent, len);
		if (sent < f->count)
			n = t_sys(write(fd, message, len));
		sent += n > 0;
		if (n < 0 && n != -EAGAIN)
			return 1;
		n = t_get(fd, message, sizeof(message));
		if (n == -EAGAIN) {
			t_poll(fd, sent < f->count ? POLLIN | POLLOUT : POLLIN, 1000);
			continue;
		}
		len = 1 + (size_t)seen % 199;
		memset(want, seen++, len);
		if (n != (long)len || memcmp(want, message, len) != 0)
			return 2;
	}
	return 0;
}

static void both_ways_at_once(void **state)
{
	(void)state;
	const char *path = t_path("pipes/flood");
	struct flood f[2] = {{path, 'a', t_count(3000, 100000)},
			     {path, 'b', t_count(3000, 100000)}};
	pid_t pids[2];

	t_is(t_touch(t_format("%s,capacity=1000", path)), 0);
	/* Who is done first must not cut the other off. */
	int keep[2] = {open_end(path, 'a', NB), open_end(path, 'b', NB)};
	for (int i = 0; i < 2; i++)
		pids[i] = t_spawn(flood, &f[i]);
	for (int i = 0; i < 2; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(t_stat(path, "messages"), 0);
	for (int i = 0; i < 2; i++)
		close(keep[i]);
}

static int write_many(void *arg)
{
	const struct flood *f = arg;
	int fd = t_open(end_of(f->path, 'a'), O_WRONLY);
	char message[300];

	memset(message, f->end, sizeof(message));
	for (int i = 0; i < f->count; i++)
		if (write(fd, message, 1 + (size_t)i % 300) < 0)
			return 1;
	return 0;
}

static void two_writers_at_once(void **state)
{
	(void)state;
	const char *path = t_path("pipes/writers");
	struct flood f[2] = {{path, 'x', 1000}, {path, 'y', 1000}};
	int next[2] = {0}, b;
	char buf[301];
	pid_t pids[2];
	long n;

	t_is(t_touch(t_format("%s,capacity=1000", path)), 0);
	b = open_end(path, 'b', O_RDWR);
	for (int i = 0; i < 2; i++)
		pids[i] = t_spawn(write_many, &f[i]);
	while ((n = t_get(b, buf, sizeof(buf))) > 0) {
		int from = buf[0] - 'x';

		t_check(from == 0 || from == 1);
		t_is(n, 1 + next[from]++ % 300);
		for (long k = 1; k < n; k++)
			t_is(buf[k], buf[0]);
	}
	t_is(n, 0);
	t_is(next[0], 1000);
	t_is(next[1], 1000);
	for (int i = 0; i < 2; i++)
		t_is(t_wait(pids[i]), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(the_library_at_the_other_end),
		T_TEST(a_closed_file_wakes_the_library),
		T_TEST(a_killed_server_has_closed_its_ends),
		T_TEST(a_close_is_never_lost),
		T_TEST(no_more_than_there_is_room_for),
		T_TEST(both_ways_at_once),
		T_TEST(two_writers_at_once),
	};
	return T_RUN(tests, argc, argv);
}
