/* SPDX-License-Identifier: MIT
 *
 * test_barrier.c - contract, row barriers: a read arrives, waits for the others, and gives this arrival's index; who is
 * interrupted or killed has not arrived; abort, time-outs and reset.
 */
#include "t.h"

#include "hold.h"

#include <sched.h>
#include <signal.h>

#include "barrier.h"

/* ---- together ---------------------------------------------------------------------------------- */

static void indices_in_order_of_arrival(void **state)
{
	(void)state;
	const char *b = make("order", 4);
	struct t_io reader[3];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			reader[i] = party(b, i + 1);
		t_is(t_stat(b, "waiters"), 3);
		arrived(b, "3\n");
		t_shows(b, "3\n"); /* cat is the last */
		t_io_got(&reader[0], "0\n");
		t_io_got(&reader[1], "1\n");
		t_io_got(&reader[2], "2\n");
		arrived(b, "0\n");
		t_is(t_stat(b, "generation"), round + 1);
	}
	t_is(t_stat(b, "waiters"), 0);
}

static void of_one_party(void **state)
{
	(void)state;
	const char *b = make("one", 1);

	t_shows(b, "0\n");
	t_is(try(b), 0);
	int fd = t_open(b, O_RDWR);
	for (int i = 0; i < 3; i++)
		t_gets(fd, "0\n");
	t_is(t_stat(b, "generation"), 5);
}

static void who_does_not_wait_arrives_only_as_the_last(void **state)
{
	(void)state;
	const char *b = make("nonblock", 2);

	t_is(try(b), -EAGAIN);
	t_is(try(t_format("%s,timeout=0", b)), -EAGAIN);
	arrived(b, "0\n");
	struct t_io reader = party(b, 1);
	t_is(try(b), 1);
	t_io_got(&reader, "0\n");
}

static void one_and_end_of_file(void **state)
{
	(void)state;
	const char *b = make("eof", 2);
	char byte;
	int out;

	setenv("B", b, 1);
	pid_t shell = t_shell(&out,
			      "exec 3<$B; read -u3 a; ! read -u3 b && read -u3 c; echo $a-$b-$c");
	for (int i = 0; i < 2; i++) {
		t_wait_stat(b, "arrived", 1);
		t_is(try(b), 1);
	}
	t_is(t_wait(shell), 0);
	t_gets(out, "0--0\n");
	int fd = t_open(b, O_RDWR);
	struct t_io reader = party(b, 1);
	t_is(t_get(fd, &byte, 1), 1);
	t_is(byte, '1');
	t_is(t_get(fd, &byte, 1), 1);
	t_is(byte, '\n');
	t_io_got(&reader, "0\n");
}

static void properties(void **state)
{
	(void)state;
	const char *b = make("props", 3);

	t_check(t_stat_has(b, "parties 3"));
	t_check(t_stat_has(b, "broken 0"));
	t_is(t_touch(t_format("%s,parties=3", b)), 0);
	t_is(t_touch(t_format("%s,parties=4", b)), -EEXIST);
	t_is(t_touch(t_path("barriers/p0")), -EINVAL); /* how many? */
	t_runs(0, "grep -q 'EINVAL barriers/p0: .*parties' $M/errors");
	t_is(t_touch(t_path("barriers/p1,parties=0")), -EINVAL);
	t_is(t_touch(t_path("barriers/p2,parties=4097")), -EINVAL);
	t_is(t_touch(t_path("barriers/p3,parties=")), -EINVAL);
	t_is(t_touch(t_path("barriers/p4,parties")), -EINVAL);
	t_is(t_touch(t_path("barriers/p5,parties=-1")), -EINVAL);
	t_is(t_touch(t_path("barriers/p6,parties=2,parties=2")), -EINVAL);
	t_is(t_touch(t_path("barriers/p7,parties=2,value=1")), -EINVAL);
	t_is(t_echo(t_path("barriers/p8"), "reset"), -EINVAL);
	for (int i = 0; i < 9; i++)
		t_is(t_exists(t_path("barriers/p%d", i)), -ENOENT);
	t_is(t_touch(t_path("barriers/largest,parties=4096")), 0);
	t_is(t_open(t_path("barriers/absent,peek"), O_RDONLY | O_CREAT), -ENOENT);
	t_check(t_open(t_format("%s,stream", b), O_RDONLY) >= 0);
	struct stat st;
	t_is(t_sys(stat(b, &st)), 0);
	t_is(st.st_mode & 0777, 0600);
}

static void wrong_text(void **state)
{
	(void)state;
	const char *b = make("text", 2);
	struct t_io reader = party(b, 1);

	t_is(t_echo(b, "1"), -EINVAL);
	t_is(t_echo(b, "arrive"), -EINVAL);
	t_is(t_echo(b, "RESET"), -EINVAL);
	t_is(t_echo(b, "reset reset"), -EINVAL);
	t_is(t_echo(b, "\n"), -EINVAL);
	t_is(t_echo(b, "reset\n\nabort"), -EINVAL);
	t_is(t_echo(t_format("%s,ctl", b), "reset"), -EINVAL);
	arrived(b, "1\n");
	t_is(try(b), 1);
	t_io_got(&reader, "0\n");
}

/* ---- not together ------------------------------------------------------------------------------ */

static void a_time_out_breaks_it(void **state)
{
	(void)state;
	const char *b = make("timeout", 3);
	char buf[8];
	struct t_io reader = party(b, 1);
	int fd = t_open(t_format("%s,timeout=50ms", b), O_RDWR);

	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	t_is(t_io_result(&reader), -ECANCELED);
	t_is(t_stat(b, "broken"), 1);
	t_is(t_get(fd, buf, sizeof(buf)), -ECANCELED);
	t_is(try(b), -ECANCELED);
	t_runs(0, "tail -n 1 $M/errors | grep -q 'ECANCELED barriers/timeout: .*broken'");
	t_is(t_put(fd, "reset"), 5);
	t_is(t_stat(b, "broken"), 0);
	t_is(try(b), -EAGAIN);
	t_is(t_stat(b, "generation"), 0);
}

static void abort_breaks_it(void **state)
{
	(void)state;
	const char *b = make("abort", 3);
	struct t_io one = party(b, 1), two = party(b, 2);

	t_is(t_echo(b, " abort \n"), 0);
	t_is(t_io_result(&one), -ECANCELED);
	t_is(t_io_result(&two), -ECANCELED);
	t_is(try(b), -ECANCELED);
	t_is(t_echo(b, "abort"), 0);
	t_is(t_echo(b, "reset"), 0);
	t_is(t_echo(b, "reset"), 0);
	one = party(b, 1);
	two = party(b, 2);
	t_shows(b, "2\n");
	t_io_got(&one, "0\n");
	t_io_got(&two, "1\n");
}

static void reset_cancels_those_who_wait(void **state)
{
	(void)state;
	const char *b = make("reset", 3);
	struct t_io one = party(b, 1), two = party(b, 2);

	t_is(t_echo(b, "reset"), 0);
	t_is(t_io_result(&one), -ECANCELED);
	t_is(t_io_result(&two), -ECANCELED);
	t_is(t_stat(b, "broken"), 0);
	arrived(b, "0\n");
	t_is(try(b), -EAGAIN);
}

static void the_killed_have_not_arrived(void **state)
{
	(void)state;
	const char *b = make("killed", 4);
	struct t_io reader[3];

	for (int i = 0; i < 3; i++)
		reader[i] = party(b, i + 1);
	t_kill(reader[0].pid);
	t_wait_stat(b, "arrived", 2);
	t_is(t_stat(b, "broken"), 0);
	t_is(try(b), -EAGAIN);
	reader[0] = party(b, 3);
	t_is(try(b), 3);
	t_io_got(&reader[1], "0\n"); /* all have moved up by one */
	t_io_got(&reader[2], "1\n");
	t_io_got(&reader[0], "2\n");
}

static void the_interrupted_have_not_arrived(void **state)
{
	(void)state;
	const char *b = make("eintr", 3);
	struct interrupted *in = t_shared(sizeof(*in));
	struct t_io one = party(b, 1);

	in->path = b;
	pid_t child = t_spawn(read_once, in);
	t_wait_stat(b, "arrived", 2);
	kill(child, SIGUSR1);
	t_until(in->done);
	t_is(in->result, -EINTR);
	arrived(b, "1\n"); /* though its handle is open still */
	t_is(t_stat(b, "broken"), 0);
	struct t_io two = party(b, 2);
	t_is(try(b), 2);
	t_io_got(&one, "0\n");
	t_io_got(&two, "1\n");
}

/* Interrupted while all come together: it has passed, or it has not arrived; never one to itself and the other to
 * the rest. */
static void interrupted_while_the_last_one_comes(void **state)
{
	(void)state;
	const char *b = make("race", 2);
	struct interrupted *in = t_shared(sizeof(*in));
	long passed = 0;

	t_limit(t_count(100, 400));
	in->path = b;
	for (int i = 0; i < t_count(100, 2000); i++) {
		in->done = false;
		pid_t child = t_spawn(read_once, in);
		t_wait_stat(b, "arrived", 1);
		struct t_io last = t_reader(b, O_RDONLY | O_NONBLOCK);
		for (int n = i % 7 * 100; n > 0; n--)
			sched_yield();
		kill(child, SIGUSR1);
		long result = t_io_result(&last);
		t_until(in->done);
		if (result == 2)
			t_is(in->result, 2);
		else if (result == -EAGAIN)
			t_is(in->result, -EINTR);
		else
			t_fail("the last one: %s", t_result(result));
		passed += result == 2;
		t_is(t_stat(b, "generation"), passed);
		t_is(t_stat(b, "arrived"), 0);
		t_kill(child);
	}
}

static void rm_mv_temp(void **state)
{
	(void)state;
	const char *b = t_path("barriers/temp"), *to = t_path("barriers/moved");
	char buf[8];

	int fd = t_open(t_format("%s,parties=3,temp", b), O_RDWR | O_CREAT);
	struct t_io reader = party(b, 1);
	close(fd);
	t_is(t_io_result(&reader), -EIDRM);
	t_until(t_exists(b) == -ENOENT);

	make("temp", 3);
	fd = t_open(b, O_RDWR);
	reader = party(b, 1);
	t_is(t_sys(rename(b, to)), 0);
	t_is(t_stat(to, "arrived"), 1);
	make("temp", 3);
	t_is(t_sys(rename(b, to)), -EEXIST);
	struct t_io second = party(to, 2);
	t_is(try(to), 2);
	t_io_got(&reader, "0\n");
	t_io_got(&second, "1\n");
	reader = party(to, 1);
	t_is(t_sys(unlink(to)), 0);
	t_is(t_io_result(&reader), -EIDRM);
	t_is(t_get(fd, buf, sizeof(buf)), -EIDRM);
	t_is(t_put(fd, "reset"), -EIDRM);
}

static void the_end_of_the_server(void **state)
{
	(void)state;
	const char *b = make("end", 3);
	struct t_io reader = party(b, 1);

	t_umount();
	t_is(t_io_result(&reader), -ESHUTDOWN);
	t_mount(NULL);
	arrived(b, "0\n");
	reader = party(b, 1);
	t_restart(); /* killed */
	t_fails(t_io_result(&reader));
	t_is(t_stat(b, "arrived"), 0); /* the dead one does not count */
	reader = party(b, 1);
	struct t_io second = t_reader(b, O_RDONLY);
	t_wait_stat(b, "waiters", 2);
	arrived(b, "2\n");
	t_is(try(b), 2);
	t_io_got(&reader, "0\n");
	t_io_got(&second, "1\n");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(indices_in_order_of_arrival),
		T_TEST(of_one_party),
		T_TEST(who_does_not_wait_arrives_only_as_the_last),
		T_TEST(one_and_end_of_file),
		T_TEST(properties),
		T_TEST(wrong_text),
		T_TEST(a_time_out_breaks_it),
		T_TEST(abort_breaks_it),
		T_TEST(reset_cancels_those_who_wait),
		T_TEST(the_killed_have_not_arrived),
		T_TEST(the_interrupted_have_not_arrived),
		T_TEST(interrupted_while_the_last_one_comes),
		T_TEST(rm_mv_temp),
		T_TEST(the_end_of_the_server),
	};

	return T_RUN(tests, argc, argv);
}
