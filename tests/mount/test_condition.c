/* SPDX-License-Identifier: MIT
 *
 * test_condition.c - contract, row conditions and section 4: a read waits for a notification, `N` and `all` notify, `arm` makes the
 * handle a waiter before it reads.
 */
#include "t.h"

#include "hold.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "condition.h"

#define nothing(fd) t_is(t_get(fd, (char[8]){0}, 8), -EAGAIN)

/* ---- read and write ---------------------------------------------------------------------------- */

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

/* ---- arm --------------------------------------------------------------------------------------- */

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

/* ---- poll, watch ------------------------------------------------------------------------------- */

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

/* ---- many -------------------------------------------------------------------------------------- */

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
		T_TEST(poll_tells_of_this_handles_notification),
		T_TEST(epoll_is_woken_by_the_library),
		T_TEST(watch),
		T_TEST(many_readers),
		T_TEST(one_handle_for_many_readers),
	};

	return T_RUN(tests, argc, argv);
}
