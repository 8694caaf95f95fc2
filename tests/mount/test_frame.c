/* SPDX-License-Identifier: MIT
 *
 * test_frame.c - contract, framing on a queue: the views `lines` and `block`, wherever writes are cut; bad input, limits.
 */
#include "t.h"

#include <sys/mount.h>

#include "frame.h"

/* ---- lines ------------------------------------------------------------------------------------- */

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
	t_check(t_errors_say("EMSGSIZE", "queues/long: a line of over 10 bytes"));
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

/* ---- block ------------------------------------------------------------------------------------- */

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
	t_check(t_errors_say("EMSGSIZE", "queues/block"));
	t_is(t_put(fd, "gh"), 2);
	close(fd);
	t_drains(q, "a\nbcdef\ngh|");
	close(t_open(b, O_WRONLY)); /* nothing, no message */
	t_is(t_stat(q, "messages"), 0);
	t_is(t_echo(q, "plain"), 0);
	t_shows(b, "plain"); /* reading is as ever */
}

/* ---- bad input, limits ------------------------------------------------------------------------- */

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
	t_check(t_errors_say("EINVAL", "block=10241 is above the queue's capacity"));
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
	t_check(t_errors_say("EDQUOT", "bytes gathered for a later close"));
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
	t_check(t_errors_say("ENOSPC", "queues/nospace: what was gathered"));
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
		T_TEST(wrong_options),
		T_TEST(max_gathered_is_edquot),
		T_TEST(what_may_be_left_counts_as_waiting),
		T_TEST(close_tells_of_a_full_store),
		T_TEST(memory_is_given_back),
	};

	return T_RUN(tests, argc, argv);
}
