/* SPDX-License-Identifier: MIT
 *
 * test_condition.c - contract, row conditions and section 4: a read waits for a notification, `N` and `all`
 * notify, `arm` makes the handle a waiter before it reads; nothing is lost between arm and read, and what
 * somebody did not use goes to the next.
 */
#include "t.h"

#include "hold.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

static const char *make(const char *name)
{
	const char *c = t_path("conditions/%s", name);

	t_is(t_touch(c), 0);
	return c;
}

#define waiters(c, want) t_shows(t_format("%s,peek", c), want)

static int armed(const char *c)
{
	int fd = t_open(c, O_RDWR);

	t_is(t_put(fd, "arm\n"), 4);
	return fd;
}

/* Armed and without waiting from then on. */
static int armed_nonblock(const char *c)
{
	int fd = armed(c);

	t_is(t_sys(fcntl(fd, F_SETFL, O_NONBLOCK)), 0);
	return fd;
}

#define nothing(fd) t_is(t_get(fd, (char[8]){0}, 8), -EAGAIN)

/* ---- read and write ------------------------------------------------------------------------------ */

static void a_read_waits(void **state)
{
	(void)state;
	const char *c = make("wait");

	struct t_io reader = t_reader(c, O_RDONLY);
	t_wait_stat(c, "armed", 1);
	t_is(t_stat(c, "waiters"), 1);
	waiters(c, "1\n");
	t_is(t_echo(c, "1"), 0);
	t_io_got(&reader, "1\n");
	waiters(c, "0\n");
	t_is(t_stat(c, "waiters"), 0);
	t_is(t_stat(c, "notified"), 0);
}

static void with_nobody_waiting_it_is_lost(void **state)
{
	(void)state;
	const char *c = t_path("conditions/lost");
	int fd;

	t_is(t_echo(c, "1"), 0); /* creates it, too */
	t_is(t_echo(c, "all"), 0);
	fd = t_open(c, O_RDWR | O_NONBLOCK);
	nothing(fd);
	waiters(c, "0\n"); /* who does not wait is no waiter */
	t_is(t_put(fd, "arm"), 3);
	nothing(fd);
	waiters(c, "1\n");
}

static void a_number_wakes_so_many_in_order_of_arrival(void **state)
{
	(void)state;
	const char *c = make("order");
	struct t_io reader[6];

	for (int i = 0; i < 6; i++) {
		reader[i] = t_reader(c, O_RDONLY);
		t_wait_stat(c, "armed", i + 1);
	}
	t_is(t_echo(c, "1\n"), 0);
	t_io_got(&reader[0], "1\n");
	t_is(t_echo(c, " 2 \n"), 0);
	t_io_got(&reader[1], "1\n");
	t_io_got(&reader[2], "1\n");
	t_is(t_stat(c, "waiters"), 3);
	t_is(t_echo(c, "all\n"), 0);
	for (int i = 3; i < 6; i++)
		t_io_got(&reader[i], "1\n");
	t_is(t_echo(c, "1000000"), 0); /* as many as there are: none */
}

static void wrong_text(void **state)
{
	(void)state;
	const char *c = make("text");
	int fd = armed_nonblock(c);

	t_is(t_echo(c, "0"), -EINVAL);
	t_is_either(t_echo(c, "-1"), -EINVAL, -ERANGE);
	t_is(t_echo(c, "one"), -EINVAL);
	t_is(t_echo(c, "ALL"), -EINVAL);
	t_is(t_echo(c, "all of them"), -EINVAL);
	t_is(t_echo(c, "1 1"), -EINVAL);
	t_is(t_echo(c, "1.0"), -EINVAL);
	t_is(t_echo(c, "\n"), -EINVAL);
	t_is(t_echo(c, "armed"), -EINVAL);
	t_is(t_echo(c, "18446744073709551616"), -ERANGE);
	t_is(t_echo(t_format("%s,ctl", c), "clear"), -EINVAL);
	/* who cannot read cannot wait */
	t_is(t_echo(c, "arm"), -EINVAL);
	t_runs(0, "tail -n 1 $M/errors | grep -q 'EINVAL conditions/text: .*both'");
	waiters(c, "1\n");
	nothing(fd);
}

static void one_and_end_of_file(void **state)
{
	(void)state;
	const char *c = make("eof");
	char byte;

	setenv("C", c, 1);
	int out;
	pid_t shell = t_shell(&out,
			      "exec 3<$C; read -u3 a; ! read -u3 b && read -u3 c; echo $a-$b-$c");
	for (int i = 0; i < 2; i++) { /* one, then an end of file, then the next */
		t_wait_stat(c, "armed", 1);
		t_is(t_echo(c, "1"), 0);
	}
	t_is(t_wait(shell), 0);
	t_gets(out, "1--1\n");
	/* byte by byte, as dash reads, and no end of file for who reads and writes */
	int fd = armed(c);
	t_is(t_echo(c, "1"), 0);
	t_is(t_get(fd, &byte, 1), 1);
	t_is(byte, '1');
	t_is(t_get(fd, &byte, 1), 1);
	t_is(byte, '\n');
	t_is(t_put(fd, "arm"), 3);
	t_is(t_echo(c, "1"), 0);
	t_gets(fd, "1\n");
}

static void options(void **state)
{
	(void)state;
	const char *c = make("options");

	t_is(t_touch(t_path("conditions/p1,parties=2")), -EINVAL);
	t_is(t_touch(t_path("conditions/p2,value=1")), -EINVAL);
	t_is(t_touch(t_path("conditions/p3,set")), -EINVAL);
	for (int i = 1; i < 4; i++)
		t_is(t_exists(t_path("conditions/p%d", i)), -ENOENT);
	t_is(t_open(t_path("conditions/absent,peek"), O_RDONLY | O_CREAT), -ENOENT);
	t_is(t_open(t_format("%s,shared", c), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,raw", c), O_RDONLY), -EINVAL);
	int fd = t_open(t_format("%s,stream", c), O_RDONLY);
	t_check(fd >= 0);
	t_is(t_stat(c, "armed"), 0);
	t_is(t_stat(c, "notified"), 0);
	/* reading takes: who may not write may not read either */
	struct stat st;
	t_is(t_sys(stat(c, &st)), 0);
	t_is(st.st_mode & 0777, 0600);
}

/* ---- arm ------------------------------------------------------------------------------------------- */

static void nothing_is_lost_between_arm_and_read(void **state)
{
	(void)state;
	const char *c = make("arm");
	int fd = armed(c);

	waiters(c, "1\n");
	t_is(t_echo(c, "1"), 0);
	waiters(c, "0\n");
	t_is(t_stat(c, "notified"), 1);
	t_gets(fd, "1\n");
	t_is(t_stat(c, "notified"), 0);
	/* it is used up: the next read is another waiter */
	t_is(t_sys(fcntl(fd, F_SETFL, O_NONBLOCK)), 0);
	nothing(fd);
	waiters(c, "0\n");
}

static void to_arm_twice_is_to_arm_once(void **state)
{
	(void)state;
	const char *c = make("twice");
	int fd = armed_nonblock(c);

	t_is(t_put(fd, "arm"), 3);
	waiters(c, "1\n");
	t_is(t_echo(c, "2"), 0);
	t_gets(fd, "1\n");
	nothing(fd);
	t_is(t_put(fd, "arm"), 3); /* and then anew */
	waiters(c, "1\n");
	t_is(t_echo(c, "1"), 0);
	t_is(t_put(fd, "arm"), 3); /* notified already: that stays */
	waiters(c, "0\n");
	t_gets(fd, "1\n");
}

static void who_armed_first_is_notified_first(void **state)
{
	(void)state;
	const char *c = make("first");
	int one = armed_nonblock(c), two = armed(c), three = armed_nonblock(c);

	/* the second one reads, that makes him no later and no earlier */
	struct t_io late = t_reader(c, O_RDONLY);
	t_wait_stat(c, "armed", 4);
	t_is(t_echo(c, "2"), 0);
	nothing(three);
	t_gets(one, "1\n");
	t_gets(two, "1\n");
	t_is(t_echo(c, "all"), 0);
	t_gets(three, "1\n");
	t_io_got(&late, "1\n");
}

static void an_armed_handle_that_closes_passes_it_on(void **state)
{
	(void)state;
	const char *c = make("close");
	int one = armed(c), two = armed_nonblock(c);
	struct t_io reader = t_reader(c, O_RDONLY);

	t_wait_stat(c, "armed", 3);
	t_is(t_echo(c, "1"), 0);
	nothing(two);
	close(one);
	t_until(t_stat(c, "armed") == 1);
	close(two); /* which has it now, unread */
	t_io_got(&reader, "1\n");
	t_is(t_stat(c, "notified"), 0);
	/* with nobody behind, it is gone */
	one = armed(c);
	t_is(t_echo(c, "1"), 0);
	close(one);
	t_until(t_stat(c, "notified") == 0);
	one = armed(c);
	close(one); /* without one: nothing to pass on */
	t_until(t_stat(c, "armed") == 0);
}

static int arm_and_stay(void *arg)
{
	int fd = t_open(arg, O_RDWR);

	if (t_put(fd, "arm") != 3)
		return 1;
	for (;;)
		pause();
	return 0;
}

static void an_armed_process_that_is_killed_passes_it_on(void **state)
{
	(void)state;
	const char *c = make("killed");
	pid_t child = t_spawn(arm_and_stay, (void *)c);

	t_wait_stat(c, "armed", 1);
	struct t_io reader = t_reader(c, O_RDONLY);
	t_wait_stat(c, "armed", 2);
	t_is(t_echo(c, "1"), 0);
	t_is(t_stat(c, "armed"), 1);
	t_kill(child);
	t_io_got(&reader, "1\n");
}

static void a_time_out_disarms(void **state)
{
	(void)state;
	const char *c = make("timeout");
	char buf[8];
	int fd = t_open(t_format("%s,timeout=50ms", c), O_RDWR);

	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	waiters(c, "0\n");
	t_is(t_put(fd, "arm"), 3);
	waiters(c, "1\n");
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	waiters(c, "0\n");
	t_is(t_put(fd, "arm"), 3);
	t_is(t_echo(c, "1"), 0);
	t_gets(fd, "1\n");
	fd = t_open(t_format("%s,timeout=0", c), O_RDWR);
	nothing(fd);
	t_is(t_put(fd, "arm"), 3);
	nothing(fd);
	waiters(c, "1\n"); /* who did not wait is armed still */
	t_is(t_echo(c, "1"), 0);
	t_gets(fd, "1\n");
	int64_t ns = 20000000;
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
}

/* ---- how a wait ends otherwise -------------------------------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
}

struct interrupted {
	const char *path;
	bool arm;
	_Atomic int step;
	long results[2];
};

/* A read that is interrupted, and after a word another one. */
static int read_twice(void *arg)
{
	struct interrupted *in = arg;
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	int fd = t_open(in->path, O_RDWR);
	char buf[8];

	sigaction(SIGUSR1, &action, NULL);
	if (in->arm && t_put(fd, "arm") != 3)
		return 1;
	in->results[0] = t_get(fd, buf, sizeof(buf));
	in->step = 1;
	while (in->step != 2)
		sched_yield();
	if (in->arm)
		in->results[1] = t_get(fd, buf, sizeof(buf));
	in->step = 3;
	return 0;
}

static void an_interrupted_read_waits_no_longer(void **state)
{
	(void)state;
	const char *c = make("eintr");
	struct interrupted *in = t_shared(sizeof(*in));

	in->path = c;
	pid_t child = t_spawn(read_twice, in);
	t_wait_stat(c, "waiters", 1);
	kill(child, SIGUSR1);
	t_until(in->step == 1);
	t_is(in->results[0], -EINTR);
	waiters(c, "0\n");
	int next = armed(c);
	t_is(t_echo(c, "1"), 0);
	t_gets(next, "1\n");
	in->step = 2;
	t_is(t_wait(child), 0);
}

static void an_armed_handle_stays_armed_when_its_read_is_interrupted(void **state)
{
	(void)state;
	const char *c = make("eintr_armed");
	struct interrupted *in = t_shared(sizeof(*in));

	in->path = c;
	in->arm = true;
	pid_t child = t_spawn(read_twice, in);
	t_wait_stat(c, "waiters", 1);
	kill(child, SIGUSR1);
	t_until(in->step == 1);
	t_is(in->results[0], -EINTR);
	waiters(c, "1\n");
	t_is(t_echo(c, "1"), 0); /* while nobody reads */
	in->step = 2;
	t_is(t_wait(child), 0);
	t_is(in->results[1], 2);
}

static void a_killed_reader_takes_nothing(void **state)
{
	(void)state;
	const char *c = make("kill");
	struct t_io reader[10];

	for (int i = 0; i < 10; i++) {
		reader[i] = t_reader(c, O_RDONLY);
		t_wait_stat(c, "armed", i + 1);
	}
	for (int i = 0; i < 10; i += 2)
		t_kill(reader[i].pid);
	t_wait_stat(c, "waiters", 5);
	waiters(c, "5\n");
	t_is(t_echo(c, "2"), 0);
	t_io_got(&reader[1], "1\n");
	t_io_got(&reader[3], "1\n");
	t_is(t_echo(c, "all"), 0);
	for (int i = 5; i < 10; i += 2)
		t_io_got(&reader[i], "1\n");
}

static void programs_that_are_stopped_and_timed_out(void **state)
{
	(void)state;
	const char *c = make("programs");

	setenv("C", c, 1);
	t_runs(124, "timeout 0.1 cat $C");
	t_runs(1, "cat $C,timeout=0.1");
	waiters(c, "0\n");
	int out;
	pid_t cat = t_shell(&out, "exec cat $C");
	t_wait_stat(c, "armed", 1);
	kill(cat, SIGSTOP); /* which ends its read, to the kernel and to us */
	t_wait_stat(c, "armed", 0);
	kill(cat, SIGCONT);
	t_wait_stat(c, "armed", 1);
	t_is(t_echo(c, "1"), 0);
	t_is(t_wait(cat), 0);
	char text[8] = "";
	t_is(t_get(out, text, sizeof(text)), 2);
}

static void rm_mv_temp(void **state)
{
	(void)state;
	const char *c = t_path("conditions/temp"), *to = t_path("conditions/moved");
	char buf[8];

	int fd = t_open(t_format("%s,temp", c), O_RDWR | O_CREAT);
	struct t_io reader = t_reader(c, O_RDONLY);
	t_wait_stat(c, "armed", 1);
	close(fd);
	t_is(t_io_result(&reader), -EIDRM);
	t_until(t_exists(c) == -ENOENT);

	t_is(t_touch(c), 0);
	fd = armed(c);
	reader = t_reader(c, O_RDONLY);
	t_wait_stat(c, "armed", 2);
	t_is(t_sys(rename(c, to)), 0);
	t_is(t_touch(c), 0);
	t_is(t_sys(rename(c, to)), -EEXIST);
	t_is(t_echo(to, "all"), 0);
	t_io_got(&reader, "1\n");
	t_gets(fd, "1\n");
	reader = t_reader(to, O_RDONLY);
	t_wait_stat(to, "armed", 1);
	t_is(t_sys(unlink(to)), 0);
	t_is(t_io_result(&reader), -EIDRM);
	t_is(t_put(fd, "arm"), -EIDRM);
	t_is(t_put(fd, "1"), -EIDRM);
	t_is(t_get(fd, buf, sizeof(buf)), -EIDRM);
}

static void the_end_of_the_server(void **state)
{
	(void)state;
	const char *c = make("end");
	struct t_io reader = t_reader(c, O_RDONLY);

	t_wait_stat(c, "armed", 1);
	t_umount();
	t_is(t_io_result(&reader), -ESHUTDOWN);
	t_mount(NULL);
	waiters(c, "0\n");
	/* what the killed server's handles had goes on to who lives */
	struct ipcfs_object *condition = t_attach(IPCFS_CONDITION, "end", NULL);
	uint64_t ticket;
	int fd = armed(c);
	t_is(ipcfs_condition_arm(condition, &ticket), 0);
	t_is(t_echo(c, "1"), 0);
	t_is(ipcfs_condition_wait(condition, ticket, 0), -EAGAIN);
	t_restart();
	close(fd);
	t_is(ipcfs_condition_wait(condition, ticket, ipcfs_after(30000000000)), 0);
	waiters(c, "0\n");
}

/* ---- poll, watch ---------------------------------------------------------------------------------------------- */

static void poll_tells_of_this_handles_notification(void **state)
{
	(void)state;
	const char *c = make("poll");
	int fd = t_open(c, O_RDWR), other = armed(c);

	t_is(t_poll(fd, POLLIN, 0), 0); /* not armed: a read would wait */
	t_check(t_poll(fd, POLLOUT, 0) & POLLOUT);
	t_is(t_echo(c, "1"), 0);
	t_check(t_poll(other, POLLIN, 0) & POLLIN);
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_gets(other, "1\n");
	t_is(t_poll(other, POLLIN, 0), 0);
	t_is(t_put(fd, "arm"), 3);
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_echo(c, "1"), 0);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "1\n");
	t_is(t_sys(unlink(c)), 0);
	t_check(t_poll(fd, POLLIN, 0) & POLLERR);
}

static int notify_later(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *c = t_attach_child(&store, IPCFS_CONDITION, "epoll");

	(void)arg;
	usleep(50000);
	return !c || ipcfs_condition_notify(c, 1) != 1;
}

static void epoll_is_woken_by_the_library(void **state)
{
	(void)state;
	const char *c = make("epoll");
	int fd = armed_nonblock(c), epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};

	t_is(t_sys(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)), 0);
	t_is(t_sys(epoll_wait(epoll, &event, 1, 0)), 0);
	pid_t child = t_spawn(notify_later, NULL);
	t_is(t_sys(epoll_wait(epoll, &event, 1, T_LIMIT_MS)), 1);
	t_gets(fd, "1\n");
	t_is(t_wait(child), 0);
	close(epoll);
}

static void watch(void **state)
{
	(void)state;
	const char *c = make("watch");
	int fd = t_open(t_format("%s,watch", c), O_RDONLY);

	t_gets(fd, "0\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	int one = armed(c);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "1\n");
	t_is(t_echo(c, "1"), 0);
	t_gets(fd, "0\n");
	t_gets(one, "1\n"); /* changes nothing that is shown */
	t_is(t_poll(fd, POLLIN, 0), 0);
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

static void many_readers(void **state)
{
	(void)state;
	const char *c = make("many");
	int count = t_count(150, 1000);
	struct t_io *reader = calloc((size_t)count, sizeof(*reader));

	t_limit(t_count(120, 600));
	for (int i = 0; i < count; i++) {
		reader[i] = t_reader(c, O_RDONLY);
		t_wait_stat(c, "armed", i + 1);
	}
	int fd = t_open(c, O_WRONLY);
	for (int i = 0; i < count / 2; i++) {
		t_is(t_put(fd, "1"), 1);
		t_io_got(&reader[i], "1\n");
	}
	t_is(t_stat(c, "waiters"), count - count / 2);
	t_is(t_put(fd, "all"), 3);
	for (int i = count / 2; i < count; i++)
		t_io_got(&reader[i], "1\n");
	free(reader);
}

struct reading {
	int fd;
	_Atomic int got;
};

static int read_shared(void *arg)
{
	struct reading *reading = arg;
	char buf[8];

	reading->got += t_get(reading->fd, buf, sizeof(buf)) == 2;
	return 0;
}

/* Each read through a handle that several processes share is a waiter of its own. */
static void one_handle_for_many_readers(void **state)
{
	(void)state;
	const char *c = make("shared");
	struct reading *reading = t_shared(sizeof(*reading));
	pid_t child[5];

	reading->fd = t_open(c, O_RDWR);
	t_is(t_put(reading->fd, "arm"), 3); /* is for the one who reads first */
	for (int i = 0; i < 5; i++) {
		child[i] = t_spawn(read_shared, reading);
		t_wait_stat(c, "waiters", i + 1);
	}
	waiters(c, "5\n");
	t_is(t_put(reading->fd, "2"), 1); /* a write beside the reads */
	t_until(reading->got == 2);
	t_kill(child[4]);
	t_wait_stat(c, "waiters", 2);
	waiters(c, "2\n");
	t_is(t_put(reading->fd, "all"), 3);
	t_until(reading->got == 4);
	for (int i = 0; i < 4; i++)
		t_is(t_wait(child[i]), 0);
}

/* ---- with the library ---------------------------------------------------------------------------------------------- */

static void with_the_library(void **state)
{
	(void)state;
	const char *c = make("lib");
	struct ipcfs_object *condition = t_attach(IPCFS_CONDITION, "lib", NULL);
	uint64_t ticket;
	struct t_io reader = t_reader(c, O_RDONLY);

	t_wait_stat(c, "armed", 1);
	t_is(ipcfs_condition_arm(condition, &ticket), 0);
	waiters(c, "2\n");
	t_is(ipcfs_condition_notify(condition, 1), 1);
	t_io_got(&reader, "1\n");
	t_is(ipcfs_condition_wait(condition, ticket, 0), -EAGAIN);
	t_is(t_echo(c, "1"), 0);
	t_is(ipcfs_condition_wait(condition, ticket, 0), 0);
	waiters(c, "0\n");
}

static int arm_in_library(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *c = t_attach_child(&store, IPCFS_CONDITION, "libdead");
	uint64_t ticket;

	(void)arg;
	if (!c || ipcfs_condition_arm(c, &ticket) != 0)
		return 1;
	for (;;)
		pause();
	return 0;
}

/* A program of the library that dies with a notification, or while it waits. */
static void a_program_that_dies_passes_it_on(void **state)
{
	(void)state;
	const char *c = make("libdead");
	pid_t one = t_spawn(arm_in_library, NULL);

	t_wait_stat(c, "armed", 1);
	pid_t two = t_spawn(arm_in_library, NULL);
	t_wait_stat(c, "armed", 2);
	struct t_io reader = t_reader(c, O_RDONLY);
	t_wait_stat(c, "armed", 3);
	t_kill(two);
	t_until(t_run("[ $(cat %s,peek) = 2 ]", c)->status == 0);
	t_is(t_echo(c, "1"), 0);
	t_is(t_stat(c, "waiters"), 1);
	t_kill(one);
	t_io_got(&reader, "1\n");
}

static int fill_in_library(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *c = t_attach_child(&store, IPCFS_CONDITION, "full");
	uint64_t ticket;

	(void)arg;
	while (c && ipcfs_condition_arm(c, &ticket) == 0)
		;
	for (;;)
		pause();
	return 0;
}

static void a_full_table(void **state)
{
	(void)state;
	const char *c = make("full");
	struct ipcfs_object *condition = t_attach(IPCFS_CONDITION, "full", NULL);
	uint64_t ticket;
	int fd = t_open(c, O_RDWR);

	t_is(ipcfs_condition_arm(condition, &ticket), 0);
	pid_t child = t_spawn(fill_in_library, NULL);
	t_wait_stat(c, "armed", IPCFS_PARTIES_MAX);
	t_is(t_put(fd, "arm"), -EUSERS);
	struct t_io reader = t_reader(c, O_RDONLY); /* waits for a place, then as the last */
	t_wait_stat(c, "waiters", 1);
	t_is(ipcfs_condition_disarm(condition, ticket), 0);
	t_wait_stat(c, "armed", IPCFS_PARTIES_MAX);
	t_is(t_echo(c, "4095"), 0);
	t_is(t_stat(c, "armed"), 1);
	t_is(t_stat(c, "waiters"), 1);
	t_is(t_echo(c, "1"), 0);
	t_io_got(&reader, "1\n");
	t_kill(child);
	t_until(t_put(fd, "arm") == 3); /* where the dead have made room */
	t_is(t_echo(c, "1"), 0);
	t_gets(fd, "1\n");
}

/* A program has the inner lock and does not run: who is interrupted or times out goes all the same, and is
 * no waiter when the lock is free again. */
static void beside_a_stopped_program(void **state)
{
	(void)state;
	const char *c = make("stopped");
	char buf[8];
	int armed_fd = armed_nonblock(c);
	struct t_io reader = t_reader(c, O_RDONLY);

	t_wait_stat(c, "armed", 2);
	int fd = t_open(t_format("%s,timeout=50ms", c), O_RDWR);
	pid_t program = t_hold(IPCFS_CONDITION, "stopped");
	t_kill(reader.pid);
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	t_is(t_echo(c, "1"), -EBUSY);
	t_let_go(program);
	t_until(t_stat(c, "armed") == 1 && t_stat(c, "waiters") == 0);
	t_is(t_echo(c, "2"), 0);
	t_gets(armed_fd, "1\n");
	waiters(c, "0\n");
	t_is(t_stat(c, "notified"), 0);
}

/* ---- rounds ------------------------------------------------------------------------------------------------------------- */

/* A waiter that arms, says so, and reads after a moment that differs; now through a file, now by the library. The
 * notifier tells it once in each round, likewise. One notification lost, and it waits for ever. */
struct game {
	_Atomic long armed, got;
	long rounds;
};

static void moment(unsigned *seed)
{
	for (int n = rand_r(seed) % 4; n > 0; n--)
		sched_yield();
}

static int wait_in_turn(void *arg)
{
	struct game *game = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *c = t_attach_child(&store, IPCFS_CONDITION, "rounds");
	int fd = t_open(t_path("conditions/rounds,timeout=60"), O_RDWR);
	unsigned seed = 1;
	char buf[8];

	for (long i = 1; c && i <= game->rounds; i++) {
		uint64_t ticket = 0;
		bool file = i / 2 % 2;

		if (file ? t_put(fd, "arm") != 3 : ipcfs_condition_arm(c, &ticket) != 0)
			return 1;
		game->armed = i;
		moment(&seed);
		if (file ? t_get(fd, buf, sizeof(buf)) != 2 :
			   ipcfs_condition_wait(c, ticket, ipcfs_after(60000000000)) != 0)
			return 2;
		game->got = i;
	}
	return !c;
}

/* False: it never comes. */
static bool comes(_Atomic long *number, long value)
{
	for (int64_t end = t_now_ms() + T_LIMIT_MS; *number != value; sched_yield())
		if (t_now_ms() > end)
			return false;
	return true;
}

static void many_rounds_through_files_and_the_library(void **state)
{
	(void)state;
	struct game *game = t_shared(sizeof(*game));
	const char *c = make("rounds");
	struct ipcfs_object *condition = t_attach(IPCFS_CONDITION, "rounds", NULL);
	unsigned seed = 2;

	t_limit(t_count(200, 1400));
	game->rounds = t_count(4000, 100000);
	pid_t child = t_spawn(wait_in_turn, game);
	int fd = t_open(c, O_WRONLY);
	for (long i = 1; i <= game->rounds; i++) {
		t_check(comes(&game->armed, i));
		moment(&seed);
		if (i % 2)
			t_is(t_put(fd, "1"), 1);
		else
			t_is(ipcfs_condition_notify(condition, 1), 1);
		t_check(comes(&game->got, i));
	}
	t_is(t_wait(child), 0);
}

/* The pattern of the manual, with a lock: what is made is taken, all of it, by two who wait through files and two
 * by the library. */
enum { TAKERS = 4 };

struct shop {
	long goods, taken[TAKERS]; /* under the lock */
	_Atomic bool closed;
};

struct taker {
	struct shop *shop;
	int number;
};

/* arm, unlock, read, lock */
static int take_by_file(void *arg)
{
	struct taker *taker = arg;
	int lock = t_open(t_path("locks/shop"), O_RDWR);
	int c = t_open(t_path("conditions/shop,timeout=60"), O_RDWR);
	char buf[64];

	for (;;) {
		if (t_get(lock, buf, sizeof(buf)) <= 0)
			return 1;
		while (!taker->shop->goods && !taker->shop->closed)
			if (t_put(c, "arm") != 3 || t_put(lock, "unlock") != 6 ||
			    t_get(c, buf, sizeof(buf)) != 2 || t_get(lock, buf, sizeof(buf)) <= 0)
				return 2;
		if (!taker->shop->goods)
			break;
		taker->shop->goods--;
		taker->shop->taken[taker->number]++;
		if (t_put(lock, "unlock") != 6)
			return 3;
	}
	return t_put(lock, "unlock") != 6;
}

static int take_by_library(void *arg)
{
	struct taker *taker = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *lock = t_attach_child(&store, IPCFS_LOCK, "shop");
	struct ipcfs_object *c = lock ? t_attach_child(&store, IPCFS_CONDITION, "shop") : NULL;
	int64_t end = ipcfs_after(120000000000);
	struct ipcfs_grant grant;
	uint64_t ticket;

	while (c) {
		if (ipcfs_lock_acquire(lock, 0, end, &grant) != 0)
			return 1;
		while (!taker->shop->goods && !taker->shop->closed)
			if (ipcfs_condition_arm(c, &ticket) != 0 ||
			    ipcfs_lock_release(lock, grant.token) != 0 ||
			    ipcfs_condition_wait(c, ticket, end) != 0 ||
			    ipcfs_lock_acquire(lock, 0, end, &grant) != 0)
				return 2;
		if (!taker->shop->goods)
			return ipcfs_lock_release(lock, grant.token) != 0;
		taker->shop->goods--;
		taker->shop->taken[taker->number]++;
		if (ipcfs_lock_release(lock, grant.token) != 0)
			return 3;
	}
	return 4;
}

static void arm_unlock_read_lock(void **state)
{
	(void)state;
	struct shop *shop = t_shared(sizeof(*shop));
	struct taker *takers = t_shared(sizeof(*takers) * TAKERS);
	long count = t_count(1000, 20000), taken = 0;
	pid_t child[TAKERS];

	t_limit(t_count(200, 1000));
	make("shop");
	t_is(t_touch(t_path("locks/shop")), 0);
	for (int i = 0; i < TAKERS; i++) {
		takers[i] = (struct taker){shop, i};
		child[i] = t_spawn(i % 2 ? take_by_file : take_by_library, &takers[i]);
	}
	int lock = t_open(t_path("locks/shop"), O_RDWR);
	int c = t_open(t_path("conditions/shop"), O_WRONLY);
	char buf[64];
	for (long i = 0; i < count; i++) {
		t_check(t_get(lock, buf, sizeof(buf)) > 0);
		shop->goods++;
		t_is(t_put(c, "1"), 1);
		t_is(t_put(lock, "unlock"), 6);
	}
	t_check(t_get(lock, buf, sizeof(buf)) > 0);
	shop->closed = true;
	t_is(t_put(c, "all"), 3);
	t_is(t_put(lock, "unlock"), 6);
	for (int i = 0; i < TAKERS; i++) {
		t_is(t_wait(child[i]), 0);
		taken += shop->taken[i];
	}
	t_is(shop->goods, 0);
	t_is(taken, count);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_read_waits),
		T_TEST(with_nobody_waiting_it_is_lost),
		T_TEST(a_number_wakes_so_many_in_order_of_arrival),
		T_TEST(wrong_text),
		T_TEST(one_and_end_of_file),
		T_TEST(options),
		T_TEST(nothing_is_lost_between_arm_and_read),
		T_TEST(to_arm_twice_is_to_arm_once),
		T_TEST(who_armed_first_is_notified_first),
		T_TEST(an_armed_handle_that_closes_passes_it_on),
		T_TEST(an_armed_process_that_is_killed_passes_it_on),
		T_TEST(a_time_out_disarms),
		T_TEST(an_interrupted_read_waits_no_longer),
		T_TEST(an_armed_handle_stays_armed_when_its_read_is_interrupted),
		T_TEST(a_killed_reader_takes_nothing),
		T_TEST(programs_that_are_stopped_and_timed_out),
		T_TEST(rm_mv_temp),
		T_TEST(the_end_of_the_server),
		T_TEST(poll_tells_of_this_handles_notification),
		T_TEST(epoll_is_woken_by_the_library),
		T_TEST(watch),
		T_TEST(many_readers),
		T_TEST(one_handle_for_many_readers),
		T_TEST(with_the_library),
		T_TEST(a_program_that_dies_passes_it_on),
		T_TEST(a_full_table),
		T_TEST(beside_a_stopped_program),
		T_TEST(many_rounds_through_files_and_the_library),
		T_TEST(arm_unlock_read_lock),
	};

	return T_RUN(tests, argc, argv);
}
