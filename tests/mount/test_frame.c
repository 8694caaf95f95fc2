/* SPDX-License-Identifier: MIT
 *
 * test_frame.c - contract, framing on a queue: the views `lines` and `block`, wherever writes are cut; what is
 * left at fsync and close; full queues, interrupts, kills, removal, limits.
 */
#include "t.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/time.h>

enum { SYNC_MS = 100 };

static const char *lines_of(const char *q)
{
	return t_format("%s,lines", q);
}

static bool errors_say(const char *what, const char *where)
{
	char text[T_TEXT];
	long n = t_cat(t_path("errors"), text, sizeof(text) - 1);

	if (n < 0)
		return false;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strstr(line, what) && strstr(line, where))
			return true;
	return false;
}

/* Takes all there is: the messages, each followed by '|'. */
static const char *drain(const char *q)
{
	static char all[4096];
	int fd = t_open(q, O_RDONLY | O_NONBLOCK);
	size_t len = 0;
	long n;

	while ((n = t_get(fd, all + len, sizeof(all) - len - 2)) >= 0) {
		len += (size_t)n;
		all[len++] = '|';
	}
	t_is(n, -EAGAIN);
	all[len] = '\0';
	close(fd);
	return all;
}

#define t_drains(q, want)                                                                          \
	do {                                                                                       \
		const char *got_ = drain(q);                                                       \
		if (strcmp(got_, want) != 0)                                                       \
			t_fail("the messages are %s, not %s", got_, want);                         \
	} while (0)

/* ---- lines ------------------------------------------------------------------------------- */

static void each_line_is_a_message(void **state)
{
	(void)state;
	const char *q = t_path("queues/lines");

	t_is(t_touch(q), 0);
	t_is(t_echo(lines_of(q), "a\nbc\n\n\nd\n"), 0);
	t_is(t_stat(q, "messages"), 3);
	t_is(t_stat(q, "bytes"), 4);
	t_drains(q, "a|bc|d|");
	t_is(t_echo(lines_of(q), "\n\n\n"), 0); /* empty lines alone are nothing */
	t_is(t_stat(q, "messages"), 0);
}

/* Two writes, cut at each place; and byte by byte. */
static void wherever_writes_are_cut(void **state)
{
	static const char text[] = "one\n\ntwo\nthree\n\n\nfour";
	const char *q = t_path("queues/cut");
	long size = sizeof(text) - 1;

	(void)state;
	t_is(t_touch(q), 0);
	for (long at = 1; at < size; at++) {
		int fd = t_open(lines_of(q), O_WRONLY);
		t_is(t_sys(write(fd, text, (size_t)at)), at);
		t_is(t_sys(write(fd, text + at, (size_t)(size - at))), size - at);
		t_is(t_stat(q, "messages"), 3);
		t_is(t_sys(close(fd)), 0);
		t_drains(q, "one|two|three|four|");
	}
	int fd = t_open(lines_of(q), O_WRONLY);
	for (long at = 0; at < size; at++)
		t_is(t_sys(write(fd, text + at, 1)), 1);
	close(fd);
	t_drains(q, "one|two|three|four|");
}

static void an_unfinished_line_stays_in_its_handle(void **state)
{
	(void)state;
	const char *q = t_path("queues/two");

	t_is(t_touch(q), 0);
	int a = t_open(lines_of(q), O_WRONLY), b = t_open(lines_of(q), O_WRONLY | O_APPEND);
	t_is(t_put(a, "from "), 5);
	t_is(t_put(b, "and "), 4);
	t_is(t_put(a, "a\nnext"), 6);
	t_is(t_put(b, "b\n"), 2);
	t_is(t_stat(q, "messages"), 2);
	close(b); /* has nothing left */
	t_is(t_stat(q, "messages"), 2);
	close(a);
	t_drains(q, "from a|and b|next|");
}

static void reads_give_the_newline_back(void **state)
{
	(void)state;
	const char *q = t_path("queues/back"), *l = lines_of(q);
	struct ipcfs_object *queue = t_attach(IPCFS_QUEUE, "back", NULL);
	char c;

	t_is(t_echo(l, "one\ntwo\nthree\nfour"), 0);
	t_shows(t_format("%s,peek", l), "one\n");
	t_shows(t_format("%s,peek", q), "one");
	t_shows(l, "one\n");
	t_shows(q, "two");
	int fd = t_open(l, O_RDWR);
	for (const char *at = "three\n"; *at; at++) { /* as bash's `read` asks */
		t_is(t_get(fd, &c, 1), 1);
		t_is(c, *at);
	}
	t_gets(fd, "four\n");
	t_is(t_put(fd, "five\nsi"), 7); /* one handle for both */
	t_gets(fd, "five\n");
	t_is(t_put(fd, "x\n"), 2);
	t_gets(fd, "six\n");
	/* What was put otherwise: one newline, whatever it has. */
	t_is(t_echo(q, "with\n"), 0);
	t_is(t_echo(q, "a\nb"), 0);
	t_is(ipcfs_queue_put(queue, "", 0, 0), 0);
	t_gets(fd, "with\n");
	t_gets(fd, "a\nb\n");
	t_gets(fd, "\n");
	/* The library has no newline to drop. */
	char buf[16] = "";
	t_is(t_put(fd, "seven\n"), 6);
	t_is(ipcfs_queue_get(queue, buf, sizeof(buf), 0), 5);
	t_check(!strcmp(buf, "seven"));
	/* A message as long as what one answer can hold, and its newline. */
	char *big = t_shared(2 << 20);
	memset(big, 'x', 1 << 20);
	t_is(ipcfs_queue_put(queue, big, 1 << 20, 0), 0);
	t_is(t_cat(l, big, 2 << 20), (1 << 20) + 1);
	t_check(big[0] == 'x' && big[1 << 20] == '\n');
}

static void a_full_queue_takes_whole_lines(void **state)
{
	(void)state;
	const char *q = t_path("queues/short");

	t_is(t_touch(t_format("%s,maxsize=2", q)), 0);
	int fd = t_open(lines_of(q), O_WRONLY | O_NONBLOCK);
	t_is(t_put(fd, "a\n\nb\nc\nd"), 5); /* "a", nothing, "b" */
	t_is(t_put(fd, "c\nd"), -EAGAIN);
	t_is(t_put(fd, "c"), 1); /* only gathered */
	t_is(t_put(fd, "d\n"), -EAGAIN);
	t_drains(q, "a|b|");
	t_is(t_put(fd, "e\nf\ng\n"), 4);
	t_drains(q, "ce|f|");
	int zero = t_open(t_format("%s,timeout=0", lines_of(q)), O_WRONLY);
	t_is(t_put(zero, "1\n2\n3\n"), 4);
	t_is(t_put(zero, "3\n"), -EAGAIN);
	close(fd);
	close(zero);
	t_drains(q, "1|2|");
}

static void a_blocking_write_waits_for_the_rest(void **state)
{
	(void)state;
	const char *q = t_path("queues/rest");

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	struct t_io writer = t_writer(lines_of(q), O_WRONLY, "a\nb\nc\n\nrest");
	t_wait_stat(q, "writers", 1);
	t_shows(q, "a");
	t_shows(q, "b");
	t_is(t_io_result(&writer), 11);
	t_shows(q, "c");
	t_shows(q, "rest");
	t_is(t_stat(q, "waiters"), 0);
}

static void too_long_a_line_is_emsgsize(void **state)
{
	(void)state;
	const char *q = t_path("queues/long");

	t_is(t_touch(t_format("%s,capacity=10", q)), 0);
	int fd = t_open(lines_of(q), O_WRONLY);
	t_is(t_put(fd, "ab\n01234567890\ncd\n"), -EMSGSIZE);
	t_is(t_put(fd, "ab\n01234567890"), -EMSGSIZE);
	t_is(t_stat(q, "messages"), 0); /* nothing of it is taken */
	t_check(errors_say("EMSGSIZE", "queues/long: a line of over 10 bytes"));
	t_is(t_put(fd, "01234"), 5);
	t_is(t_put(fd, "567890\n"), -EMSGSIZE);
	t_is(t_put(fd, "567890"), -EMSGSIZE);
	t_is(t_put(fd, "56789\n"), 6); /* the handle is as it was */
	t_drains(q, "0123456789|");
}

/* The kernel cuts what is longer than 1 MiB; that does not matter here. */
static void long_writes(void **state)
{
	enum { SIZE = 3 << 20 };
	const char *q = t_path("queues/longwrite");
	char *text = t_shared(SIZE), *back = t_shared(SIZE + 1);

	(void)state;
	t_is(t_touch(t_format("%s,capacity=4M", q)), 0);
	memset(text, 'y', SIZE);
	for (int at = 99; at < SIZE; at += 100)
		text[at] = '\n';
	int fd = t_open(lines_of(q), O_WRONLY);
	t_is(t_sys(write(fd, text, SIZE)), SIZE);
	t_is(t_stat(q, "messages"), SIZE / 100);
	close(fd);
	t_is(t_stat(q, "messages"), SIZE / 100 + 1);
	t_is(t_echo(t_format("%s,ctl", q), "clear"), 0);
	fd = t_open(t_format("%s,block", q), O_WRONLY);
	t_is(t_sys(write(fd, text, SIZE)), SIZE);
	close(fd);
	t_is(t_stat(q, "messages"), 1);
	t_is(t_cat(q, back, SIZE + 1), SIZE);
	t_check(!memcmp(text, back, SIZE));
}

/* ---- block ------------------------------------------------------------------------------- */

static void blocks_of_a_size(void **state)
{
	static const char text[] = "abcdefghijklmnopqrstuvwxyz";
	const char *q = t_path("queues/blocks"), *b = t_format("%s,block=8", q);

	(void)state;
	t_is(t_touch(q), 0);
	for (size_t piece = 1; piece <= 26; piece++) {
		int fd = t_open(b, O_WRONLY);
		for (size_t at = 0; at < 26; at += piece) {
			size_t n = 26 - at < piece ? 26 - at : piece;
			t_is(t_sys(write(fd, text + at, n)), (long)n);
			t_is(t_stat(q, "messages"), (long)(at + n) / 8);
		}
		close(fd);
		t_drains(q, "abcdefgh|ijklmnop|qrstuvwx|yz|");
	}
	t_is(t_touch(t_format("%s.full,maxsize=1", q)), 0);
	int fd = t_open(t_format("%s.full,block=4", q), O_WRONLY | O_NONBLOCK);
	t_is(t_put(fd, "12345678"), 4);
	t_is(t_put(fd, "5678"), -EAGAIN);
	t_is(t_put(fd, "567"), 3);
	t_is(t_put(fd, "8"), -EAGAIN);
	t_shows(t_format("%s.full", q), "1234");
	t_is(t_put(fd, "8"), 1);
	t_shows(t_format("%s.full", q), "5678");
}

static void block_alone_is_one_message(void **state)
{
	(void)state;
	const char *q = t_path("queues/block"), *b = t_format("%s,block", q);

	t_is(t_touch(t_format("%s,capacity=10", q)), 0);
	int fd = t_open(b, O_WRONLY);
	t_is(t_put(fd, "a\nb"), 3);
	t_is(t_put(fd, "cdef\n"), 5);
	t_is(t_stat(q, "messages"), 0);
	t_is(t_put(fd, "ghi"), -EMSGSIZE);
	t_check(errors_say("EMSGSIZE", "queues/block"));
	t_is(t_put(fd, "gh"), 2);
	close(fd);
	t_drains(q, "a\nbcdef\ngh|");
	close(t_open(b, O_WRONLY)); /* nothing, no message */
	t_is(t_stat(q, "messages"), 0);
	t_is(t_echo(q, "plain"), 0);
	t_shows(b, "plain"); /* reading is as ever */
}

/* ---- fsync ------------------------------------------------------------------------------- */

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

/* ---- close ------------------------------------------------------------------------------- */

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
	t_until(errors_say("EIDRM", "queues/leftrm: 4 bytes"));
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
	t_check(errors_say("EIDRM", "queues/dup: what was gathered cannot be put: 3 bytes"));
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

/* ---- closed, leased ------------------------------------------------------------------------- */

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
	t_check(errors_say("EPIPE", "queues/closed: 4 bytes that were left at a close are lost"));
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

/* ---- how waits end -------------------------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
}

struct interrupted {
	const char *text;
	_Atomic int state;
	long result[2];
};

static int write_interrupted(void *arg)
{
	struct interrupted *in = arg;
	struct sigaction action = {.sa_handler = on_signal};
	int fd = t_open(t_path("queues/eintr,lines"), O_WRONLY);

	sigaction(SIGUSR1, &action, NULL);
	in->state = 1;
	in->result[0] = t_put(fd, in->text);
	in->state = 2;
	in->result[1] = t_put(fd, in->text + (in->result[0] > 0 ? in->result[0] : 0));
	return 0;
}

static void an_interrupted_write_says_what_it_put(void **state)
{
	(void)state;
	const char *q = t_path("queues/eintr");
	struct interrupted *in = t_shared(sizeof(*in));

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	in->text = "a\nb\nc";
	pid_t child = t_spawn(write_interrupted, in);
	t_wait_stat(q, "writers", 1);
	kill(child, SIGUSR1);
	t_until(in->state == 2);
	t_is(in->result[0], 2);
	t_wait_stat(q, "writers", 1); /* it goes on with "b\nc" */
	t_shows(q, "a");
	t_is(t_wait(child), 0);
	t_is(in->result[1], 3);
	t_shows(q, "b");
	t_shows(q, "c");
	/* Where nothing was put it is EINTR, and nothing was taken. */
	t_is(t_echo(q, "full"), 0);
	child = t_spawn(write_interrupted, in);
	t_wait_stat(q, "writers", 1);
	kill(child, SIGUSR1);
	t_until(in->state == 2);
	t_is(in->result[0], -EINTR);
	t_kill(child);
	t_wait_stat(q, "writers", 0);
	t_drains(q, "full|");
}

static void a_write_that_times_out(void **state)
{
	(void)state;
	const char *q = t_path("queues/late");

	t_is(t_touch(t_format("%s,maxsize=2", q)), 0);
	int fd = t_open(t_format("%s,lines,timeout=50ms", q), O_WRONLY);
	t_is(t_put(fd, "be"), 2);
	t_is(t_put(fd, "gun\nb\nc\n"), 6);
	t_is(t_put(fd, "c\n"), -ETIMEDOUT);
	t_drains(q, "begun|b|");
}

static void removal_ends_a_wait(void **state)
{
	(void)state;
	const char *q = t_path("queues/gone");

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	struct t_io some = t_writer(lines_of(q), O_WRONLY, "a\nb\n");
	t_wait_stat(q, "writers", 1);
	struct t_io none = t_writer(lines_of(q), O_WRONLY, "c\nd\n");
	t_wait_stat(q, "writers", 2);
	t_runs(0, "rm %s", q);
	t_is(t_io_result(&some), 2);
	t_is(t_io_result(&none), -EIDRM);
}

/* Writers under a storm of signals: what each write says is what it put. */
struct stormy {
	_Atomic int stop;
	int number, count;
};

static int write_under_signals(void *arg)
{
	struct stormy *s = arg;
	struct sigaction action = {.sa_handler = on_signal};
	struct itimerval often = {{0, 700}, {0, 700}};
	int fd = t_open(t_path("queues/storm,lines"), O_WRONLY);
	char text[4096];
	size_t len = 0, at = 0;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < s->count || at < len;) {
		while (i < s->count && len < sizeof(text) - 32)
			len += (size_t)sprintf(text + len, "%d %d\n", s->number, i++);
		/* Cut anywhere. */
		size_t piece = (size_t)(i * 37) % 300 + 1;
		long n = t_sys(write(fd, text + at, piece < len - at ? piece : len - at));
		if (n > 0)
			at += (size_t)n;
		else if (n != -EINTR)
			return 1;
		if (at > 2048 || at == len) {
			memmove(text, text + at, len - at);
			len -= at;
			at = 0;
		}
	}
	return 0;
}

static void lines_under_a_storm_of_signals(void **state)
{
	enum { WRITERS = 3 };
	const char *q = t_path("queues/storm");
	int count = t_count(2000, 20000), next[WRITERS] = {0};
	char line[64];

	(void)state;
	t_is(t_touch(t_format("%s,maxsize=5", q)), 0);
	for (int i = 0; i < WRITERS; i++) {
		struct stormy *s = t_shared(sizeof(*s));
		s->number = i;
		s->count = count;
		t_spawn(write_under_signals, s);
	}
	int fd = t_open(lines_of(q), O_RDWR);
	for (int i = 0; i < WRITERS * count; i++) {
		long n = t_get(fd, line, sizeof(line) - 1);
		int number, at, end = 0;
		t_check(n > 0);
		line[n] = '\0';
		if (sscanf(line, "%d %d\n%n", &number, &at, &end) != 2 || end != n)
			t_fail("no whole line: %s", line);
		t_check(number >= 0 && number < WRITERS);
		t_is(at, next[number]++); /* none lost, none doubled, in order */
	}
	t_is(t_stat(q, "messages"), 0);
}

/* ---- nothing hangs, poll ------------------------------------------------------------------- */

static void who_looks_is_answered_at_once(void **state)
{
	(void)state;
	const char *q = t_path("queues/looked");

	setenv("Q", q, 1);
	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	struct t_io writer = t_writer(lines_of(q), O_WRONLY, "a\nb\nc");
	t_wait_stat(q, "writers", 1);
	t_runs(0, "ls -lR $M/queues; chmod 600 $Q; touch $Q,lines; mv $Q $Q.moved; mv $Q.moved $Q");
	t_runs(0, "exec 3<$Q,lines 4>>$Q,block 5<>$Q,block=1; [ $(cat $Q,peek) = a ]");
	t_runs(0, "printf c > $Q,block & rm $Q; wait; :");
	t_is(t_io_result(&writer), 2);
}

static void poll_says_what_a_write_needs(void **state)
{
	(void)state;
	static char bytes[4096];
	const char *q = t_path("queues/poll");

	memset(bytes, 'z', sizeof(bytes));
	t_is(t_touch(t_format("%s,capacity=8192", q)), 0);
	int plain = t_open(q, O_WRONLY | O_NONBLOCK), lines = t_open(lines_of(q), O_WRONLY);
	int all = t_open(t_format("%s,block", q), O_WRONLY);
	int block = t_open(t_format("%s,block=6000", q), O_WRONLY);
	t_is(t_sys(write(plain, bytes, 4000)), 4000);
	for (int i = 0; i < 2; i++) {
		/* 4192 bytes are free; then `lines` has 100 of a line already. */
		t_is(t_poll(plain, POLLOUT, 0), POLLOUT);
		t_is(t_poll(lines, POLLOUT, 0), i ? 0 : POLLOUT);
		t_is(t_poll(all, POLLOUT, 0), POLLOUT);
		t_is(t_poll(block, POLLOUT, 0), i ? 0 : POLLOUT);
		t_is(t_sys(write(lines, bytes, 100)), 100);
		t_is(t_sys(write(block, bytes, 2000)), 2000);
		t_is(t_sys(write(all, bytes, 2000)), 2000);
	}
	t_is(t_sys(read(t_open(q, O_RDONLY), bytes, sizeof(bytes))), 4000);
	t_is(t_poll(lines, POLLOUT, 0), POLLOUT);
	t_is(t_poll(block, POLLOUT, 0), POLLOUT);
}

/* ---- bad input, limits --------------------------------------------------------------------- */

static void wrong_options(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"lines,block",	 "block,lines", "lines,lines", "lines=1",      "lines=",
		"block=0",	 "block=",	"block=x",     "block=-1",     "block=17G",
		"block=1,block", "block=1T",	"block,peek",  "peek,block=5", "block,watch",
		"stat,lines",	 "ctl,block",
	};
	const char *q = t_path("queues/options");

	t_is(t_open(lines_of(q), O_WRONLY | O_CREAT), -ENOENT); /* views do not create */
	t_is(t_open(t_format("%s,block", q), O_WRONLY), -ENOENT);
	t_is(t_touch(t_format("%s,capacity=10k", q)), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (t_open(t_format("%s,%s", q, bad[i]), O_RDWR) != -EINVAL)
			t_fail("%s is taken", bad[i]);
	t_is(t_open(t_format("%s,block=10241", q), O_WRONLY), -EINVAL);
	t_check(errors_say("EINVAL", "block=10241 is above the queue's capacity"));
	t_check(t_open(t_format("%s,block=10k,capacity=10k,timeout=1", q), O_WRONLY) >= 0);
	t_check(t_open(t_format("%s,lines,watch", q), O_RDONLY) >= 0);
	t_check(t_open(t_format("%s,stream,lines", q), O_RDONLY) >= 0);
	t_is(t_touch(t_path("semaphores/options")), 0);
	t_is(t_open(t_path("semaphores/options,lines"), O_WRONLY), -EINVAL);
	t_is(t_open(t_path("semaphores/options,block=4"), O_WRONLY), -EINVAL);
}

static void with_mount(const char *options)
{
	t_umount();
	t_mount(options);
}

static long gather_many(const char *path)
{
	static char bytes[1 << 15];
	int fd = t_open(path, O_WRONLY);
	long rc, n = 0;

	memset(bytes, 'g', sizeof(bytes));
	while ((rc = t_sys(write(fd, bytes, sizeof(bytes)))) == sizeof(bytes))
		n++;
	return rc == -EDQUOT ? n : rc;
}

static void max_gathered_is_edquot(void **state)
{
	(void)state;
	const char *q = t_path("queues/gathered");

	with_mount("max_gathered=128k");
	t_is(t_touch(q), 0);
	t_is(t_sys(chmod(q, 0666)), 0);
	/* Twice: what the first had is given back with its handle. */
	for (int i = 0; i < 2; i++) {
		t_is(t_as(T_NOBODY, gather_many, t_format("%s,block", q)), 4);
		t_is(t_stat(q, "bytes"), 128 << 10);
		t_is(t_sys(truncate(q, 0)), 0);
	}
	t_check(errors_say("EDQUOT", "bytes gathered for queues"));
	t_is(t_as(T_NOBODY, gather_many, lines_of(q)), 4);
	with_mount(NULL);
}

/* Each handle that has gathered something may have to wait with it. */
static long gather_in_handles(const char *path)
{
	long n = 0, rc;

	while ((rc = t_put(t_open(path, O_WRONLY), "x")) == 1)
		n++;
	return rc == -EUSERS ? n : rc;
}

static void what_may_be_left_counts_as_waiting(void **state)
{
	(void)state;
	const char *q = t_path("queues/places"), *l = lines_of(q);

	with_mount("max_parked=5");
	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_is(t_echo(q, "full"), 0);
	t_is(t_sys(chmod(q, 0666)), 0);
	t_is(t_as(T_NOBODY, gather_in_handles, l), 5);
	t_is(t_stat(q, "writers"), 5); /* its end has left them, and they have their places */
	t_is(t_as(T_NOBODY, gather_in_handles, l), 0);
	t_shows(q, "full");
	t_is(t_as(T_NOBODY, gather_in_handles, l), 1);
	for (int i = 0; i < 6; i++)
		t_shows(q, "x");
	t_is(t_stat(q, "waiters"), 0);
	t_is(t_as(T_NOBODY, gather_in_handles, l), 5);
	with_mount(NULL);
}

/* There is nobody left to tell, so the close does. */
static void close_tells_of_a_full_store(void **state)
{
	(void)state;
	static char bytes[1 << 16];
	const char *q = t_path("queues/nospace");

	t_umount();
	t_is(t_sys(mount("none", t_store, "tmpfs", 0, "size=2m,mode=0755")), 0);
	t_mount("max_bytes=0");
	t_is(t_touch(t_format("%s,capacity=16M", q)), 0);
	int fd = t_open(t_format("%s,block", q), O_WRONLY);
	for (int i = 0; i < 64; i++)
		t_is(t_sys(write(fd, bytes, sizeof(bytes))), sizeof(bytes));
	t_is(t_sys(fsync(fd)), -ENOSPC);
	t_is(t_sys(close(fd)), -ENOSPC);
	t_is(t_stat(q, "messages"), 0);
	t_check(errors_say("ENOSPC", "queues/nospace: what was gathered"));
	t_umount();
	t_is(t_sys(umount2(t_store, MNT_DETACH)), 0);
	t_mount(NULL);
}

/* What handles gathered and left is all given back. */
static void memory_is_given_back(void **state)
{
	enum { SIZE = 1 << 19, ROUNDS = 40 };
	const char *q = t_path("queues/memory"), *b = t_format("%s,block", q);
	char *bytes = t_shared(SIZE + 1);
	const char *mode = getenv("MODE");
	long before = 0;

	(void)state;
	if (mode && strcmp(mode, "release") != 0)
		skip(); /* sanitizers keep what is freed */
	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	memset(bytes, 'm', SIZE);
	for (int i = 0; i < ROUNDS; i++) {
		t_is(t_echo_bytes(b, bytes, SIZE), 0);
		t_is(t_echo_bytes(b, bytes, SIZE), 0); /* is left */
		t_is(t_stat(q, "waiters"), 1);
		t_is(t_cat(q, bytes, SIZE + 1), SIZE);
		t_is(t_cat(q, bytes, SIZE + 1), SIZE);
		t_is(t_stat(q, "waiters"), 0);
		if (i == ROUNDS / 4)
			before = t_server_memory();
	}
	t_check(t_server_memory() < before + 8 * SIZE);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(each_line_is_a_message),
		T_TEST(wherever_writes_are_cut),
		T_TEST(an_unfinished_line_stays_in_its_handle),
		T_TEST(reads_give_the_newline_back),
		T_TEST(a_full_queue_takes_whole_lines),
		T_TEST(a_blocking_write_waits_for_the_rest),
		T_TEST(too_long_a_line_is_emsgsize),
		T_TEST(long_writes),
		T_TEST(blocks_of_a_size),
		T_TEST(block_alone_is_one_message),
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
		T_TEST(an_interrupted_write_says_what_it_put),
		T_TEST(a_write_that_times_out),
		T_TEST(removal_ends_a_wait),
		T_TEST(lines_under_a_storm_of_signals),
		T_TEST(who_looks_is_answered_at_once),
		T_TEST(poll_says_what_a_write_needs),
		T_TEST(wrong_options),
		T_TEST(max_gathered_is_edquot),
		T_TEST(what_may_be_left_counts_as_waiting),
		T_TEST(close_tells_of_a_full_store),
		T_TEST(memory_is_given_back),
	};

	return T_RUN(tests, argc, argv);
}
