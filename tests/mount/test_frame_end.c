/* SPDX-License-Identifier: MIT
 *
 * test_frame_end.c - contract, framing on a queue: what is left at fsync and close.
 */
#include "t.h"

#include "frame.h"

enum { SYNC_MS = 100 };

/* ---- fsync ------------------------------------------------------------------------------------- */

static void fsync_ends_line_and_block(void **state)
{
	(void)state;
	const char *q = t_path("queues/sync");

	t_is(t_touch(q), 0);
	int plain = t_open(q, O_WRONLY), lines = t_open(lines_of(q), O_WRONLY);
	int block = t_open(t_format("%s,block", q), O_WRONLY);
	t_is(t_sys(fsync(lines)), 0); /* nothing gathered */
	t_is(t_put(lines, "li"), 2);
	t_is(t_put(block, "blo"), 3);
	t_is(t_sys(fsync(lines)), 0);
	t_is(t_sys(fdatasync(block)), 0);
	t_is(t_sys(fsync(plain)), 0);
	t_is(t_put(lines, "ne\n"), 3);
	t_is(t_put(block, "ck"), 2);
	close(block);
	t_drains(q, "li|blo|ne|ck|");
}

static void fsync_waits_briefly(void **state)
{
	(void)state;
	const char *q = t_path("queues/syncfull");

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_is(t_echo(q, "full"), 0);
	int fd = t_open(lines_of(q), O_WRONLY), plain = t_open(q, O_WRONLY);
	t_is(t_put(fd, "rest"), 4);
	int64_t since = t_now_ms();
	t_is(t_sys(fsync(fd)), -ETIMEDOUT);
	t_check(t_now_ms() - since >= SYNC_MS);
	t_is(t_stat(q, "waiters"), 0);
	int zero = t_open(t_format("%s,timeout=0", lines_of(q)), O_WRONLY);
	t_is(t_put(zero, "zero"), 4);
	t_is(t_sys(fsync(zero)), -EAGAIN);
	/* Not before those in line; and who has nothing to put has nothing to wait for. */
	struct t_io writer = t_writer(q, O_WRONLY, "second");
	t_wait_stat(q, "writers", 1);
	t_is(t_sys(fsync(fd)), -ETIMEDOUT);
	t_is(t_sys(fsync(plain)), 0);
	t_shows(q, "full");
	t_is(t_io_result(&writer), 6);
	t_shows(q, "second");
	t_is(t_put(fd, " of it"), 6); /* it has stayed */
	t_is(t_sys(fsync(fd)), 0);
	t_shows(q, "rest of it");
	close(fd);
	t_is(t_stat(q, "messages"), 0);
	close(zero);
	t_shows(q, "zero");
}

static int sync_until_done(void *arg)
{
	_Atomic int *state = arg;
	int fd = t_open(t_path("queues/syncroom,lines"), O_WRONLY);
	long rc = t_put(fd, "rest");

	*state = 1;
	if (rc != 4)
		return 1;
	while ((rc = t_sys(fsync(fd))) == -ETIMEDOUT)
		;
	*state = 2;
	return rc == 0 ? 0 : 2;
}

static void fsync_is_done_when_there_is_room(void **state)
{
	(void)state;
	const char *q = t_path("queues/syncroom");
	_Atomic int *done = t_shared(sizeof(*done));

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_is(t_echo(q, "full"), 0);
	pid_t child = t_spawn(sync_until_done, (void *)done);
	t_wait_stat(q, "writers", 1);
	t_is(*done, 1);
	t_shows(q, "full");
	t_is(t_wait(child), 0);
	t_shows(q, "rest");
}

/* ---- close ------------------------------------------------------------------------------------- */

/* A full queue, and what a closed handle left for it. */
static const char *with_left(const char *name)
{
	const char *q = t_path("queues/%s", name);

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_is(t_echo(q, "first"), 0);
	int fd = t_open(lines_of(q), O_WRONLY);
	t_is(t_put(fd, "left"), 4);
	t_is(t_stat(q, "waiters"), 0);
	t_is(t_sys(close(fd)), 0);
	t_is(t_stat(q, "waiters"), 1);
	return q;
}

static void what_is_left_stands_in_line(void **state)
{
	(void)state;
	long handles = t_status("handles");
	const char *q = with_left("left");

	t_is(t_stat(q, "writers"), 1);
	t_is(t_stat(q, "messages"), 1);
	t_is(t_status("handles"), handles); /* it is no open file */
	struct t_io behind = t_writer(q, O_WRONLY, "behind");
	t_wait_stat(q, "writers", 2);
	int fd = t_open(t_format("%s,block", q), O_WRONLY);
	t_is(t_put(fd, "last"), 4);
	close(fd);
	t_is(t_stat(q, "writers"), 3);
	t_shows(q, "first");
	t_is(t_put(t_open(q, O_WRONLY | O_NONBLOCK), "overtakes"), -EAGAIN);
	t_shows(q, "left");
	t_shows(q, "behind");
	t_shows(q, "last");
	t_is(t_io_result(&behind), 6);
	t_is(t_stat(q, "waiters"), 0);
	t_is(t_stat(q, "messages"), 0);
}

/* A handle with an unread rest is no reason to pass the others. */
static void nobody_overtakes_by_a_rest(void **state)
{
	(void)state;
	const char *q = t_path("queues/unread");
	char c;

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	int both = t_open(q, O_RDWR | O_NONBLOCK);
	t_is(t_echo(q, "long"), 0);
	t_is(t_get(both, &c, 1), 1);
	t_is(t_echo(q, "first"), 0);
	struct t_io writer = t_writer(q, O_WRONLY, "0123456789");
	t_wait_stat(q, "writers", 1);
	t_is(t_put(both, "overtakes"), -EAGAIN);
	t_shows(q, "first");
	t_is(t_io_result(&writer), 10);
	t_gets(both, "ong");
}

static void what_is_left_goes_with_the_object(void **state)
{
	(void)state;
	const char *q = with_left("leftrm");

	t_is(t_sys(unlink(q)), 0);
	t_until(t_errors_say("EIDRM", "queues/leftrm: 4 bytes"));
	t_until(t_status("parked") == 0);
	q = with_left("lefttemp"); /* its name is free again, and the store whole */
	t_is(t_echo(t_format("%s,ctl", q), "clear"), 0);
	t_shows(q, "left");
	/* A temporary one goes with the handle that made it. */
	int fd = t_open(t_path("queues/lefttmp,temp,maxsize=1"), O_WRONLY | O_CREAT);
	t_is(t_put(fd, "full"), 4);
	int lines = t_open(t_path("queues/lefttmp,lines"), O_WRONLY);
	t_is(t_put(lines, "lost"), 4);
	close(lines);
	t_is(t_status("parked"), 1);
	close(fd);
	t_until(t_status("parked") == 0);
	t_is(t_exists(t_path("queues/lefttmp")), -ENOENT);
}

static void what_is_left_goes_with_the_server(void **state)
{
	(void)state;
	const char *q = with_left("leftend");

	t_umount();
	t_mount(NULL);
	t_is(t_stat(q, "waiters"), 0);
	t_shows(q, "first");
	t_is(t_stat(q, "messages"), 0);
}

static void what_is_left_moves_and_looks_as_any(void **state)
{
	(void)state;
	const char *q = with_left("leftany");

	setenv("Q", q, 1);
	t_runs(0, "chmod 660 $Q && touch $Q && ls -l $Q && mv $Q $Q.moved && mv $Q.moved $Q");
	t_is(t_stat(q, "waiters"), 1);
	t_shows(q, "first");
	t_shows(q, "left");
}

static int gather_and_pause(void *arg)
{
	_Atomic int *state = arg;
	int fd = t_open(t_path("queues/killed,lines"), O_WRONLY);

	if (t_put(fd, "a\nhal") != 5)
		return 1;
	*state = 1;
	pause();
	return 0;
}

/* As in a pipe, its half line is there. */
static void a_killed_writer(void **state)
{
	(void)state;
	const char *q = t_path("queues/killed");
	_Atomic int *ready = t_shared(sizeof(*ready));

	t_is(t_touch(t_format("%s,maxsize=2", q)), 0);
	pid_t child = t_spawn(gather_and_pause, (void *)ready);
	t_until(*ready);
	t_kill(child);
	t_drains(q, "a|hal|");
	/* One that waits: the lines that were put stay, the others were never taken. */
	struct t_io writer = t_writer(lines_of(q), O_WRONLY, "1\n2\n3\nrest");
	t_wait_stat(q, "writers", 1);
	t_kill(writer.pid);
	t_wait_stat(q, "writers", 0);
	t_drains(q, "1|2|");
}

static int close_inherited(void *arg)
{
	int *fd = arg;

	return close(*fd) == 0 ? 0 : errno;
}

/* Only the last of several descriptors ends a line; but each close tells what has gone wrong. */
static void many_descriptors(void **state)
{
	(void)state;
	const char *q = t_path("queues/dup");

	t_is(t_touch(q), 0);
	int fd = t_open(lines_of(q), O_WRONLY);
	t_is(t_put(fd, "one "), 4);
	t_is(t_wait(t_spawn(close_inherited, &fd)), 0);
	int copy = dup(fd);
	t_is(t_sys(close(copy)), 0);
	t_is(t_stat(q, "messages"), 0);
	t_is(t_put(fd, "line\nend"), 8);
	t_is(t_sys(unlink(q)), 0);
	t_is(t_wait(t_spawn(close_inherited, &fd)), EIDRM);
	t_is(t_put(fd, "more"), -EIDRM);
	t_is(t_sys(fsync(fd)), -EIDRM);
	t_is(t_sys(close(fd)), -EIDRM);
	t_check(t_errors_say("EIDRM", "queues/dup: what was gathered cannot be put: 3 bytes"));
}

/* While a write waits, another process that has the same open file can close it and end. */
static void a_close_beside_a_waiting_write(void **state)
{
	(void)state;
	const char *q = t_path("queues/beside");

	setenv("Q", q, 1);
	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_runs(0, "exec 3>$Q,lines; printf 'a\\nb\\nc' >&3 & "
		  "until grep -qx 'writers 1' $Q,stat; do :; done; exec 3>&-; exit 0");
	t_shows(q, "a");
	t_shows(q, "b");
	t_shows(q, "c");
}

/* ---- closed, leased ---------------------------------------------------------------------------- */

static void a_closed_queue(void **state)
{
	(void)state;
	const char *q = with_left("closed");

	int fd = t_open(lines_of(q), O_WRONLY), block = t_open(t_format("%s,block", q), O_WRONLY);
	t_is(t_put(fd, "begun"), 5);
	struct t_io writer = t_writer(lines_of(q), O_WRONLY, "a\n");
	t_wait_stat(q, "writers", 2);
	t_is(t_echo(t_format("%s,ctl", q), "close"), 0);
	t_is(t_io_result(&writer), -EPIPE);
	t_is(t_stat(q, "writers"), 0);
	t_check(t_errors_say("EPIPE", "queues/closed: 4 bytes that were left at a close are lost"));
	t_is(t_put(fd, "x"), -EPIPE);
	t_is(t_put(fd, "x\n"), -EPIPE);
	t_is(t_put(block, "x"), -EPIPE);
	t_is(t_sys(fsync(fd)), -EPIPE);
	t_is(t_sys(close(fd)), -EPIPE);
	t_is(t_sys(close(block)), 0);
	t_shows(q, "first");
	char c;
	t_is(t_get(t_open(lines_of(q), O_RDWR), &c, 1), 0); /* no newline of nothing */
}

static void lines_that_are_leased(void **state)
{
	(void)state;
	const char *q = t_path("queues/leased"), *tasks = t_format("%s,lines,ack", q);

	t_is(t_touch(q), 0);
	t_is(t_echo(lines_of(q), "one\ntwo\n"), 0);
	int fd = t_open(tasks, O_RDWR);
	t_gets(fd, "one\n");
	t_is(t_put(fd, "back\n"), 5); /* says what becomes of it, and is no line */
	t_gets(fd, "one\n");
	t_is(t_put(fd, "done"), 4);
	t_is(t_sys(fsync(fd)), 0);
	t_gets(fd, "two\n");
	close(fd);
	t_shows(lines_of(q), "two\n");
	t_is(t_stat(q, "messages"), 0);
	t_is(t_open(t_format("%s,block,ack", q), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,lines,join", q), O_RDONLY), -EINVAL);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(fsync_ends_line_and_block),
		T_TEST(fsync_waits_briefly),
		T_TEST(fsync_is_done_when_there_is_room),
		T_TEST(what_is_left_stands_in_line),
		T_TEST(nobody_overtakes_by_a_rest),
		T_TEST(what_is_left_goes_with_the_object),
		T_TEST(what_is_left_goes_with_the_server),
		T_TEST(what_is_left_moves_and_looks_as_any),
		T_TEST(a_killed_writer),
		T_TEST(many_descriptors),
		T_TEST(a_close_beside_a_waiting_write),
		T_TEST(a_closed_queue),
		T_TEST(lines_that_are_leased),
	};

	return T_RUN(tests, argc, argv);
}
