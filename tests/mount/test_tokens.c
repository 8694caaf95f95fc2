/* SPDX-License-Identifier: MIT
 *
 * test_tokens.c - contract, semaphores, view `tokens`: a byte a unit, as the job server of GNU make wants it; tokens belong to
 * the process that reads them, and come back when it dies.
 */
#include "agent.h"

#include <signal.h>
#include <sys/epoll.h>

#include "hold.h"

#include "tokens.h"

/* ---- bytes ------------------------------------------------------------------------------------- */

static void a_byte_a_unit(void **state)
{
	(void)state;
	const char *s = make("byte", 7, 7);
	char buf[64];

	int fd = t_open(tokens(s), O_RDWR);
	t_is(t_get(fd, buf, 1), 1);
	t_is(buf[0], '+');
	units(s, "6\n");
	t_is(t_get(fd, buf, 3), 3);
	t_is(memcmp(buf, "+++", 3), 0);
	units(s, "3\n");
	t_is(t_get(fd, buf, sizeof(buf)), 3); /* as many as there are */
	units(s, "0\n");
	t_is(t_put(fd, "+"), 1);
	t_is(t_put(fd, "ab"), 2); /* any byte, exactly */
	units(s, "3\n");
	t_is(t_sys(write(fd, "\0\n", 2)), 2);
	units(s, "5\n");
}

static void never_an_end_of_file(void **state)
{
	(void)state;
	const char *s = make("eof", 3, 3);
	char buf[8];

	int fd = t_open(tokens(s), O_RDONLY);
	for (int i = 0; i < 3; i++)
		t_is(t_get(fd, buf, 1), 1);
	struct agent a = agent_open(tokens(s), O_RDONLY);
	agent_post(&a, AGENT_GET, 1);
	t_wait_stat(s, "waiters", 1);
	int out = t_open(tokens(s), O_WRONLY);
	t_is(t_put(out, "+"), 1);
	t_is(agent_result(&a), 1);
}

/* Decided at each read, by the descriptor's flags then: make sets them as it goes. */
static void eagain_exactly_when_nonblocking_and_none(void **state)
{
	(void)state;
	const char *s = make("eagain", 2, 2);
	char buf[8];

	int fd = t_open(tokens(s), O_RDWR);
	t_is(t_sys(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK)), 0);
	t_is(t_get(fd, buf, 1), 1);
	t_is(t_get(fd, buf, 1), 1);
	for (int i = 0; i < 3; i++)
		t_is(t_get(fd, buf, 1), -EAGAIN);
	t_is(t_put(fd, "+"), 1);
	t_is(t_get(fd, buf, 1), 1);
	t_is(t_get(fd, buf, 1), -EAGAIN);
	struct agent a = agent_open(tokens(s), O_RDWR);
	agent_post(&a, AGENT_GET, 1);
	t_wait_stat(s, "waiters", 1);
	t_is(t_get(fd, buf, 1), -EAGAIN);
	t_is(t_put(fd, "+"), 1);
	t_is(agent_result(&a), 1);
	t_is(agent_says(&a, "+"), 1);
	t_is(t_sys(fcntl(fd, F_SETFL, O_RDWR)), 0);
	t_is(t_get(fd, buf, 1), 1);
}

static void short_at_a_boundary(void **state)
{
	(void)state;
	const char *s = make("short", 2, 5);

	int fd = t_open(tokens(s), O_RDWR);
	t_is(t_put(fd, "++++++"), 3); /* as on a pipe that is full */
	units(s, "5\n");
	t_is(t_put(fd, "+"), -EOVERFLOW);
	t_is(t_put(fd, "++"), -EOVERFLOW);
	t_runs(0, "grep -q 'EOVERFLOW.*semaphores/short' $M/errors");
	units(s, "5\n");
	struct agent a = agent_open(tokens(s), O_RDWR);
	t_is(agent_gets(&a, 2), 2); /* what is held counts as well */
	t_is(agent_says(&a, "+++"), 2);
	units(s, "5\n");
	t_is(agent_says(&a, "+"), -EOVERFLOW);
}

static void polling(void **state)
{
	(void)state;
	const char *s = make("poll", 1, 1);
	struct epoll_event event = {.events = EPOLLIN};
	char buf[8];

	int fd = t_open(tokens(s), O_RDWR), poll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct agent a = agent_open(tokens(s), O_RDWR);
	t_is(epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event), 0);
	t_check(t_poll(fd, POLLIN | POLLOUT, 0) == (POLLIN | POLLOUT));
	t_is(epoll_wait(poll_fd, &event, 1, 0), 1);
	t_is(agent_gets(&a, 1), 1);
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(epoll_wait(poll_fd, &event, 1, 0), 0);
	t_is(agent_says(&a, "+"), 1);
	t_is(epoll_wait(poll_fd, &event, 1, T_LIMIT_MS), 1);
	t_is(t_get(fd, buf, 1), 1);
	t_is(t_put(fd, "+"), 1);
	t_is(agent_gets(&a, 1), 1);
	t_is(t_poll(fd, POLLIN, 0), 0);
	kill(a.pid, SIGKILL);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_is(t_get(fd, buf, 1), 1);
}

/* ---- whose they are ---------------------------------------------------------------------------- */

static void they_come_back_from_the_dead(void **state)
{
	(void)state;
	const char *s = make("dead", 3, 3);
	static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV};

	for (int i = 0; i < 3; i++) {
		struct agent a = reader(s);
		t_is(agent_gets(&a, 1), 1);
		units(s, "1\n");
		t_is(t_stat(s, "holder"), a.pid);
		kill(a.pid, signals[i]);
		wait_units(s, 3);
		t_is(t_stat(s, "holder"), -ENODATA);
	}
	struct agent a = reader(s);
	agent_leaves(&a);
	wait_units(s, 3);
}

/* Not the open file's: that goes through a whole make. */
static void not_at_close(void **state)
{
	(void)state;
	const char *s = make("close", 2, 2);

	struct agent a = reader(s);
	agent_closes(&a);
	struct t_io next = t_reader(tokens(s), O_RDWR);
	t_io_got(&next, "+"); /* the other one */
	wait_units(s, 1);     /* which came back with that process */
	t_is(t_stat(s, "holder"), a.pid);
	t_kill(a.pid);
	wait_units(s, 2);
	/* the kernel forgets the file meanwhile, and the server what it knew */
	a = reader(s);
	agent_closes(&a);
	t_runs(0, "echo 2 >/proc/sys/vm/drop_caches");
	t_kill(a.pid);
	wait_units(s, 2);
}

static void not_a_childs(void **state)
{
	(void)state;
	const char *s = make("child", 1, 1);

	struct agent a = reader(s);
	pid_t child = (pid_t)agent_does(&a, AGENT_FORK, 0);
	kill(child, SIGKILL);
	struct t_io next = t_reader(tokens(s), O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	units(s, "0\n");
	t_is(t_stat(s, "holder"), a.pid);
	child = (pid_t)agent_does(&a, AGENT_FORK, 0);
	kill(a.pid, SIGKILL); /* the child has the file still */
	t_io_got(&next, "+");
	t_is(kill(child, 0), 0);
	kill(child, SIGKILL);
}

static void whatever_it_becomes(void **state)
{
	(void)state;
	const char *s = make("exec", 1, 1);

	struct agent a = reader(s);
	agent_execs(&a);
	units(s, "0\n");
	t_is(t_stat(s, "holder"), a.pid);
	t_kill(a.pid);
	wait_units(s, 1);
}

/* All threads of a process are one. */
static void a_threads_are_its_processes(void **state)
{
	(void)state;
	const char *s = make("thread", 3, 3);

	struct agent a = agent_open(tokens(s), O_RDWR);
	t_is(agent_does(&a, AGENT_THREAD, 1), 1);
	t_is(t_stat(s, "holder"), a.pid);
	units(s, "2\n"); /* that thread has ended */
	t_is(agent_gets(&a, 1), 1);
	t_check(t_run("[ $(grep -c ^holder %s,stat) = 1 ]", s)->status == 0);
	t_is(agent_says(&a, "++"), 2);
	t_is(t_stat(s, "holder"), -ENODATA);
	t_is(agent_does(&a, AGENT_THREAD, 1), 1);
	kill(a.pid, SIGKILL);
	wait_units(s, 3);
}

/* Through one open file, as a make and its children have it. */
struct family {
	int fd;
	_Atomic int took[3], die[3];
};

struct member {
	struct family *family;
	int i;
};

static int take_and_wait(void *arg)
{
	struct member *m = arg;
	char c;

	if (t_get(m->family->fd, &c, 1) != 1)
		return 1;
	m->family->took[m->i] = 1;
	while (!m->family->die[m->i])
		usleep(500);
	return 0;
}

static void one_open_file_many_processes(void **state)
{
	(void)state;
	const char *s = make("family", 3, 3);
	struct family *f = t_shared(sizeof(*f));
	pid_t pid[3];

	f->fd = t_open(tokens(s), O_RDWR);
	for (int i = 0; i < 3; i++) {
		pid[i] = t_spawn(take_and_wait, &(struct member){f, i});
		t_until(f->took[i]);
	}
	units(s, "0\n");
	kill(pid[1], SIGKILL);
	wait_units(s, 1);
	f->die[0] = 1;
	wait_units(s, 2);
	t_is(t_stat(s, "holder"), pid[2]);
	t_kill(pid[2]);
	wait_units(s, 3);
}

static void a_byte_of_who_holds_none(void **state)
{
	(void)state;
	const char *s = make("charge", 3, 3);

	struct agent first = reader(s), second = reader(s), none = agent_open(tokens(s), O_RDWR);
	t_is(t_stat(s, "holder"), first.pid);
	t_is(agent_says(&none, "+"), 1); /* the first has none any more */
	units(s, "2\n");
	t_is(t_stat(s, "holder"), second.pid);
	t_kill(first.pid);
	units(s, "2\n");
	t_is(agent_gets(&none, 1), 1);
	t_is(agent_says(&second, "+"), 1); /* its own first, though the other is there */
	t_is(t_stat(s, "holder"), none.pid);
	t_is(agent_says(&second, "+"), 1);
	t_is(t_stat(s, "holder"), -ENODATA);
	units(s, "3\n");
	t_kill(none.pid);
	units(s, "3\n");
}

static void beside_other_holders(void **state)
{
	(void)state;
	const char *s = make("beside", 3, 3);
	struct ipcfs_object *sem = t_attach(IPCFS_SEMAPHORE, "beside", NULL);

	struct agent token = reader(s), file = agent_open(t_format("%s,hold", s), O_RDWR);
	t_is(agent_gets(&file, 8), 2);
	t_is(ipcfs_semaphore_hold(sem, 1, 0), 0);
	units(s, "0\n");
	t_check(t_run("[ $(grep -c ^holder %s,stat) = 3 ]", s)->status == 0);
	t_kill(token.pid);
	wait_units(s, 1);
	t_kill(file.pid);
	wait_units(s, 2);
	t_is(ipcfs_semaphore_release(sem, 1), 0);
	units(s, "3\n");
}

/* A number names a process only as long as it lives: the next with that number holds nothing. */
static void numbers_come_again(void **state)
{
	(void)state;
	const char *s = make("reuse", 2, 2);

	t_runs(0, "cd $M/semaphores && exec unshare -fp --mount-proc bash -c '"
		  "take() { exec 3<>reuse,tokens; read -rN1 -u3; }; "
		  "for i in 1 2 3 4 5; do"
		  " echo 50 >/proc/sys/kernel/ns_last_pid;"
		  " (take; [ $BASHPID = 51 ]) || exit 1; done'");
	wait_units(s, 2);
}

/* ---- names, limits ----------------------------------------------------------------------------- */

static void what_is_refused(void **state)
{
	(void)state;
	const char *s = make("names", 2, 2);

	t_is(t_open(t_format("%s,tokens=1", s), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,tokens,tokens", s), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,tokens,n=2", s), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,tokens,hold", s), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,tokens,stream", s), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,tokens,stat", s), O_RDONLY), -EINVAL);
	t_is(t_open(t_path("semaphores/absent,tokens"), O_RDWR | O_CREAT), -ENOENT);
	t_is(t_touch(t_path("events/e")), 0);
	t_is(t_open(t_path("events/e,tokens"), O_RDWR), -EINVAL);
	t_runs(0, "tail -n1 $M/errors | grep -q 'tokens'");
	units(s, "2\n");
}

static long read_one_as(const char *path)
{
	char c;
	int fd = t_open(path, O_RDWR);

	return fd < 0 ? fd : t_get(fd, &c, 1);
}

static void others_want_permission_and_have_limits(void **state)
{
	(void)state;
	const char *s = make("other", 3, 3);

	t_is(t_as(T_NOBODY, read_one_as, tokens(s)), -EACCES);
	t_is(t_sys(chmod(s, 0666)), 0);
	t_is(t_as(T_NOBODY, read_one_as, tokens(s)), 1);
	wait_units(s, 3);
	t_umount();
	t_mount("max_handles=1");
	/* the open file is one; to be watched would be another */
	t_is(t_as(T_NOBODY, read_one_as, tokens(s)), -EUSERS);
	units(s, "3\n");
	t_umount();
	t_mount(NULL);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_byte_a_unit),
		T_TEST(never_an_end_of_file),
		T_TEST(eagain_exactly_when_nonblocking_and_none),
		T_TEST(short_at_a_boundary),
		T_TEST(polling),
		T_TEST(they_come_back_from_the_dead),
		T_TEST(not_at_close),
		T_TEST(not_a_childs),
		T_TEST(whatever_it_becomes),
		T_TEST(a_threads_are_its_processes),
		T_TEST(one_open_file_many_processes),
		T_TEST(a_byte_of_who_holds_none),
		T_TEST(beside_other_holders),
		T_TEST(numbers_come_again),
		T_TEST(what_is_refused),
		T_TEST(others_want_permission_and_have_limits),
	};

	return T_RUN(tests, argc, argv);
}
