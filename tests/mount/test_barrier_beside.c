/* SPDX-License-Identifier: MIT
 *
 * test_barrier_beside.c - contract, row barriers: poll and watch; with the library, and many.
 */
#include "t.h"

#include "hold.h"

#include <signal.h>
#include <stdatomic.h>

#include "barrier.h"

/* ---- poll, watch ------------------------------------------------------------------------------- */

static void poll_tells_whether_one_would_be_the_last(void **state)
{
	(void)state;
	const char *b = make("poll", 3);
	struct ipcfs_object *barrier = t_attach(IPCFS_BARRIER, "poll", NULL);
	int fd = t_open(b, O_RDWR);

	t_is(t_poll(fd, POLLIN, 0), 0);
	t_check(t_poll(fd, POLLOUT, 0) & POLLOUT);
	struct t_io one = party(b, 1);
	t_is(t_poll(fd, POLLIN, 0), 0);
	struct t_io two = t_reader(b, O_RDONLY);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "2\n");
	t_io_got(&one, "0\n");
	t_io_got(&two, "1\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(ipcfs_barrier_abort(barrier), 0); /* it fails at once, which is not to wait */
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_is(ipcfs_barrier_reset(barrier), 0);
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_sys(unlink(b)), 0);
	t_check(t_poll(fd, POLLIN, 0) & POLLERR);
}

static int arrive_in_library(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *b = t_attach_child(&store, IPCFS_BARRIER, arg);

	return b ? ipcfs_barrier_wait(b, IPCFS_FOREVER) : 99;
}

static void poll_is_woken_by_the_library(void **state)
{
	(void)state;
	const char *b = make("libpoll", 2);
	int fd = t_open(b, O_RDWR);
	pid_t child = t_spawn(arrive_in_library, "libpoll");

	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "1\n");
	t_is(t_wait(child), 0);
}

static void watch(void **state)
{
	(void)state;
	const char *b = make("watch", 2);
	int fd = t_open(t_format("%s,watch", b), O_RDONLY);

	t_gets(fd, "0\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	struct t_io reader = t_reader(b, O_RDONLY);
	t_gets(fd, "1\n");
	t_is(try(b), 1);
	t_gets(fd, "0\n");
	t_io_got(&reader, "0\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
}

/* ---- with the library, and many ---------------------------------------------------------------- */

static void with_the_library(void **state)
{
	(void)state;
	const char *b = make("lib", 3);
	struct ipcfs_object *barrier = t_attach(IPCFS_BARRIER, "lib", NULL);

	for (int i = 0; i < 20; i++) {
		struct t_io reader = party(b, 1);
		pid_t child = t_spawn(arrive_in_library, "lib");

		t_wait_stat(b, "arrived", 2);
		if (i % 2)
			t_is(try(b), 2);
		else
			t_is(ipcfs_barrier_wait(barrier, 0), 2);
		t_io_got(&reader, "0\n");
		t_is(t_wait(child), 1);
	}
	/* one that dies there has not arrived */
	pid_t child = t_spawn(arrive_in_library, "lib");
	t_wait_stat(b, "arrived", 1);
	struct t_io reader = party(b, 2);
	t_kill(child);
	t_is(try(b), -EAGAIN);
	arrived(b, "1\n");
	child = t_spawn(arrive_in_library, "lib");
	t_wait_stat(b, "arrived", 2);
	t_is(try(b), 2);
	t_io_got(&reader, "0\n");
	t_is(t_wait(child), 1);
}

/* A program has the inner lock and does not run: a read that times out ends, and so does one that is interrupted, and
 * neither has arrived when the lock is free again. */
static void beside_a_stopped_program(void **state)
{
	(void)state;
	const char *b = make("stopped", 4);
	struct interrupted *in = t_shared(sizeof(*in));
	struct t_io patient = party(b, 1);

	in->path = b;
	pid_t child = t_spawn(read_once, in);
	t_wait_stat(b, "arrived", 2);
	pid_t program = t_hold(IPCFS_BARRIER, "stopped");
	kill(child, SIGUSR1);
	t_until(in->done);
	t_is(in->result, -EINTR);
	t_let_go(program);
	t_wait_stat(b, "arrived", 1);
	t_is(t_stat(b, "broken"), 0);
	/* the same at the end of its time: broken */
	struct t_io hasty = t_reader(t_format("%s,timeout=1", b), O_RDONLY);
	t_wait_stat(b, "arrived", 2);
	program = t_hold(IPCFS_BARRIER, "stopped");
	t_is(t_io_result(&hasty), -ETIMEDOUT);
	t_let_go(program);
	t_is(t_io_result(&patient), -ECANCELED);
	t_is(t_stat(b, "broken"), 1);
	arrived(b, "0\n");
}

static void many_parties(void **state)
{
	(void)state;
	int count = t_count(150, 1000);
	const char *b = make("many", count);
	struct t_io *reader = calloc((size_t)count, sizeof(*reader));

	t_limit(t_count(120, 600));
	for (int i = 0; i < count - 1; i++)
		reader[i] = party(b, i + 1);
	t_is(try(b), count - 1);
	for (int i = 0; i < count - 1; i++)
		t_io_got(&reader[i], t_format("%d\n", i));
	free(reader);
}

/* Rounds of processes, half through files and half by the library: nobody is a round ahead of who has not
 * come, and each index is given once a round. */
enum { RUNNERS = 4 };

struct race {
	long rounds;
	_Atomic long round[RUNNERS];
	_Atomic long indices[2][RUNNERS];
	struct runner {
		struct race *race;
		int number;
	} runners[RUNNERS];
};

static long pass(int fd, struct ipcfs_object *b)
{
	char buf[16] = "";
	long n;

	if (b)
		return ipcfs_barrier_wait(b, IPCFS_FOREVER);
	n = t_get(fd, buf, sizeof(buf) - 1);
	return n < 0 ? n : strtol(buf, NULL, 10);
}

static int run(void *arg)
{
	struct runner *me = arg;
	struct race *race = me->race;
	struct ipcfs_store *store;
	struct ipcfs_object *b = me->number % 2 ?
					 t_attach_child(&store, IPCFS_BARRIER, "race_many") :
					 NULL;
	int fd = t_open(t_path("barriers/race_many"), O_RDWR);

	for (long round = 1; round <= race->rounds; round++) {
		race->round[me->number] = round;
		long index = pass(fd, b);

		if (index < 0 || index >= RUNNERS)
			return 1;
		for (int i = 0; i < RUNNERS; i++)
			if (race->round[i] != round && race->round[i] != round + 1)
				return 2;
		if (atomic_exchange(&race->indices[round % 2][index], round) == round)
			return 3;
	}
	return 0;
}

static void many_rounds(void **state)
{
	(void)state;
	struct race *race = t_shared(sizeof(*race));
	const char *b = make("race_many", RUNNERS);
	pid_t child[RUNNERS];

	t_limit(t_count(200, 1000));
	race->rounds = t_count(1000, 20000);
	for (int i = 0; i < RUNNERS; i++) {
		race->runners[i] = (struct runner){race, i};
		child[i] = t_spawn(run, &race->runners[i]);
	}
	for (int i = 0; i < RUNNERS; i++)
		t_is(t_wait_for(child[i], t_count(150, 900) * 1000), 0);
	t_is(t_stat(b, "generation"), race->rounds);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(poll_tells_whether_one_would_be_the_last),
		T_TEST(poll_is_woken_by_the_library),
		T_TEST(watch),
		T_TEST(with_the_library),
		T_TEST(beside_a_stopped_program),
		T_TEST(many_parties),
		T_TEST(many_rounds),
	};

	return T_RUN(tests, argc, argv);
}
