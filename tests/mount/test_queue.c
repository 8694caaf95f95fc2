/* SPDX-License-Identifier: MIT
 *
 * test_queue.c - contract, row queues: what is written is one message, what is read is the
 * oldest; ends of file by the kind of handle; properties, views and errors; with the library.
 */
#include "t.h"

#include <sys/ioctl.h>
#include <sys/uio.h>

/* ---- messages -------------------------------------------------------------------- */

static void what_is_written_is_one_message(void **state)
{
	(void)state;
	const char *q = t_path("queues/plain");

	t_is(t_echo(q, "hello\n"), 0);
	t_is(t_stat(q, "messages"), 1);
	t_is(t_stat(q, "bytes"), 6);
	t_shows(q, "hello\n");
	t_is(t_stat(q, "messages"), 0);
	t_is(t_stat(q, "bytes"), 0);
}

static void oldest_first(void **state)
{
	(void)state;
	const char *q = t_path("queues/order");

	for (int i = 0; i < 100; i++)
		t_is(t_echo(q, t_format("%d", i)), 0);
	for (int i = 0; i < 100; i++)
		t_shows(q, t_format("%d", i));
}

static void bytes_are_exact(void **state)
{
	(void)state;
	const char *q = t_path("queues/bytes");
	unsigned char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	t_is(t_echo_bytes(q, all, 256), 0);
	t_is(t_echo_bytes(q, "\0", 1), 0);
	t_is(t_echo_bytes(q, "\n\n", 2), 0);
	t_shows_bytes(q, (char *)all, 256);
	t_shows_bytes(q, "\0", 1);
	t_shows(q, "\n\n");
}

static void an_empty_write_puts_nothing(void **state)
{
	(void)state;
	const char *q = t_path("queues/empty");

	t_is(t_touch(q), 0);
	int fd = t_open(q, O_WRONLY);
	t_is(t_sys(write(fd, "", 0)), 0);
	t_is(t_stat(q, "messages"), 0);
}

/* The kernel cuts it: what it returns is what was one message. */
static void a_writev_of_many_buffers(void **state)
{
	enum { BUFFERS = 600 };
	const char *q = t_path("queues/vector");
	struct iovec v[BUFFERS];
	char bytes[3 * BUFFERS + 1];

	(void)state;
	for (int i = 0; i < BUFFERS; i++) {
		snprintf(bytes + 3 * i, 4, "%03d", i);
		v[i] = (struct iovec){bytes + 3 * i, 3};
	}
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		int fd = t_open(q, O_WRONLY | O_CREAT | flags);
		for (int n = 1; n <= BUFFERS; n += 199) {
			long rc = t_sys(writev(fd, v, n));
			t_check(rc == 3 * n || (rc > 256 && rc < 3 * n));
			t_is(t_stat(q, "messages"), 1);
			t_shows_bytes(q, bytes, (size_t)rc);
		}
		close(fd);
	}
}

static void flags_of_open_do_not_matter(void **state)
{
	(void)state;
	const char *q = t_path("queues/flags");

	t_is(t_echo(q, "one"), 0); /* O_TRUNC */
	t_is(t_echo(q, "two"), 0);
	int fd = t_open(q, O_WRONLY | O_APPEND);
	t_is(t_put(fd, "three"), 5);
	close(fd);
	t_is(t_stat(q, "messages"), 3);
	t_shows(q, "one");
	t_shows(q, "two");
	t_shows(q, "three");
	t_is(t_open(q, O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
}

static void size_is_zero(void **state)
{
	(void)state;
	const char *q = t_path("queues/size");
	struct stat st;

	t_is(t_echo(q, "hello"), 0);
	t_is(t_sys(stat(q, &st)), 0);
	t_is(st.st_size, 0);
	t_check(S_ISREG(st.st_mode));
}

static void truncate_clears(void **state)
{
	(void)state;
	const char *q = t_path("queues/truncate");

	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	(void)!truncate(q, 10); /* changes nothing, whatever it says */
	t_is(t_stat(q, "messages"), 2);
	t_is(t_sys(truncate(q, 0)), 0);
	t_is(t_stat(q, "messages"), 0);
	t_is(t_echo(q, "c"), 0);
	t_shows(q, "c");
}

/* ---- ends of file ------------------------------------------------------------------- */

static void reading_alone_one_item_then_end(void **state)
{
	(void)state;
	const char *q = t_path("queues/eof");

	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	int fd = t_open(q, O_RDONLY);
	t_gets(fd, "a");
	t_gets(fd, "");
	t_gets(fd, "b");
	t_gets(fd, "");
	t_is(t_stat(q, "messages"), 0);
}

static void read_and_write_has_no_end(void **state)
{
	(void)state;
	const char *q = t_path("queues/rdwr");
	int fd = t_open(q, O_RDWR | O_CREAT);

	t_is(t_put(fd, "a"), 1);
	t_is(t_put(fd, "b"), 1);
	t_gets(fd, "a");
	t_gets(fd, "b");
	t_is(t_put(fd, "c"), 1);
	t_gets(fd, "c");
}

static void nonblock_has_no_end(void **state)
{
	(void)state;
	const char *q = t_path("queues/nonblock");
	char buf[8];

	t_is(t_touch(q), 0);
	int fd = t_open(q, O_RDONLY | O_NONBLOCK);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	t_gets(fd, "a");
	t_gets(fd, "b");
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
}

static void the_view_stream_has_no_end(void **state)
{
	(void)state;
	const char *q = t_path("queues/stream");

	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	int fd = t_open(t_format("%s,stream", q), O_RDONLY);
	t_gets(fd, "a");
	t_gets(fd, "b");
	struct t_io reader = t_reader(t_format("%s,stream", q), O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(t_echo(q, "c"), 0);
	t_io_got(&reader, "c");
}

static void ends_of_file_are_decided_at_open(void **state)
{
	(void)state;
	const char *q = t_path("queues/decided");
	char buf[8];

	t_is(t_echo(q, "a"), 0);
	int fd = t_open(q, O_RDONLY);
	t_is(t_sys(fcntl(fd, F_SETFL, O_NONBLOCK)), 0);
	t_gets(fd, "a");
	t_gets(fd, "");
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);

	int other = t_open(q, O_RDONLY | O_NONBLOCK);
	t_is(t_sys(fcntl(other, F_SETFL, 0)), 0);
	t_is(t_echo(q, "b"), 0);
	t_is(t_echo(q, "c"), 0);
	t_gets(other, "b");
	t_gets(other, "c");
}

static void a_short_buffer_gets_the_rest_first(void **state)
{
	(void)state;
	const char *q = t_path("queues/short");
	char buf[3];

	t_is(t_echo(q, "hello"), 0);
	t_is(t_echo(q, "world"), 0);
	int fd = t_open(q, O_RDONLY);
	t_is(t_get(fd, buf, 3), 3);
	t_check(memcmp(buf, "hel", 3) == 0);
	t_is(t_stat(q, "messages"), 1); /* it is taken, whole */
	t_is(t_get(fd, buf, 3), 2);
	t_check(memcmp(buf, "lo", 2) == 0);
	t_is(t_get(fd, buf, 3), 0);
	t_is(t_get(fd, buf, 3), 3);
	t_check(memcmp(buf, "wor", 3) == 0);

	int both = t_open(q, O_RDWR);
	t_is(t_put(both, "abcd"), 4);
	t_is(t_put(both, "efg"), 3);
	t_is(t_get(both, buf, 3), 3);
	t_is(t_get(both, buf, 3), 1); /* never of two messages */
	t_check(buf[0] == 'd');
	t_gets(both, "efg");
	t_is(t_get(fd, buf, 3), 2); /* the other handle's rest is its own */
	t_check(memcmp(buf, "ld", 2) == 0);
}

static void byte_by_byte(void **state)
{
	(void)state;
	const char *q = t_path("queues/bytewise");
	char c;

	t_is(t_echo(q, "xyz"), 0);
	int fd = t_open(q, O_RDONLY);
	for (int i = 0; i < 3; i++) {
		t_is(t_get(fd, &c, 1), 1);
		t_is(c, "xyz"[i]);
	}
	t_is(t_get(fd, &c, 1), 0);
}

static void a_rest_unread_at_close_is_dropped(void **state)
{
	(void)state;
	const char *q = t_path("queues/rest");
	char c;

	t_is(t_echo(q, "hello"), 0);
	t_is(t_echo(q, "next"), 0);
	int fd = t_open(q, O_RDONLY);
	t_is(t_get(fd, &c, 1), 1);
	close(fd);
	t_shows(q, "next");
	t_is(t_stat(q, "messages"), 0);
}

/* ---- how much ---------------------------------------------------------------------------- */

static void maxsize_is_the_most_messages(void **state)
{
	(void)state;
	const char *q = t_path("queues/two");

	t_is(t_touch(t_format("%s,maxsize=2", q)), 0);
	int fd = t_open(q, O_WRONLY | O_NONBLOCK);
	t_is(t_put(fd, "a"), 1);
	t_is(t_put(fd, "b"), 1);
	t_is(t_put(fd, "c"), -EAGAIN);
	t_is(t_stat(q, "messages"), 2);
	t_shows(q, "a");
	t_is(t_put(fd, "c"), 1);
	t_shows(q, "b");
	t_shows(q, "c");
}

static void a_full_queue_makes_a_writer_wait(void **state)
{
	(void)state;
	const char *q = t_path("queues/full");

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_is(t_echo(q, "a"), 0);
	struct t_io writer = t_writer(q, O_WRONLY, "b");
	t_wait_stat(q, "waiters", 1);
	t_is(t_stat(q, "writers"), 1);
	t_is(t_stat(q, "readers"), 0);
	t_is(t_stat(q, "messages"), 1);
	t_shows(q, "a");
	t_is(t_io_result(&writer), 1);
	t_is(t_stat(q, "waiters"), 0);
	t_shows(q, "b");
}

static void an_empty_queue_makes_a_reader_wait(void **state)
{
	(void)state;
	const char *q = t_path("queues/waits");

	t_is(t_touch(q), 0);
	struct t_io reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(t_stat(q, "readers"), 1);
	t_is(t_stat(q, "writers"), 0);
	t_is(t_echo(q, "x"), 0);
	t_io_got(&reader, "x");
	t_is(t_stat(q, "waiters"), 0);
}

static void readers_are_served_in_order(void **state)
{
	(void)state;
	const char *q = t_path("queues/line");
	struct t_io reader[10];

	t_is(t_touch(q), 0);
	for (int i = 0; i < 10; i++) {
		reader[i] = t_reader(q, O_RDONLY);
		t_wait_stat(q, "readers", i + 1);
	}
	for (int i = 0; i < 10; i++)
		t_is(t_echo(q, t_format("%d", i)), 0);
	for (int i = 0; i < 10; i++)
		t_io_got(&reader[i], t_format("%d", i));
}

static void writers_are_served_in_order(void **state)
{
	(void)state;
	const char *q = t_path("queues/writers");
	struct t_io writer[10];

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_is(t_echo(q, "first"), 0);
	for (int i = 0; i < 10; i++) {
		writer[i] = t_writer(q, O_WRONLY, t_format("%d", i));
		t_wait_stat(q, "writers", i + 1);
	}
	t_shows(q, "first");
	for (int i = 0; i < 10; i++) {
		t_is(t_io_result(&writer[i]), 1);
		t_shows(q, t_format("%d", i));
	}
}

/* A short message must not pass one that waits for more room. */
static void a_short_message_waits_behind_a_long_one(void **state)
{
	(void)state;
	const char *q = t_path("queues/turnstile");
	char long_text[91];

	memset(long_text, 'L', 90);
	long_text[90] = 0;
	t_is(t_touch(t_format("%s,capacity=100", q)), 0);
	t_is(t_echo(q, "0123456789012345678901234567890123456789"), 0);
	struct t_io first = t_writer(q, O_WRONLY, long_text);
	t_wait_stat(q, "writers", 1);
	struct t_io second = t_writer(q, O_WRONLY, "s");
	t_wait_stat(q, "writers", 2);
	t_is(t_stat(q, "messages"), 1);
	t_shows(q, "0123456789012345678901234567890123456789");
	t_is(t_io_result(&first), 90);
	t_is(t_io_result(&second), 1);
	t_shows(q, long_text);
	t_shows(q, "s");
}

static void capacity_counts_payload_alone(void **state)
{
	(void)state;
	const char *q = t_path("queues/hundred");
	char text[101];

	memset(text, 'x', 100);
	text[100] = 0;
	t_is(t_touch(t_format("%s,capacity=100", q)), 0);
	int fd = t_open(q, O_WRONLY | O_NONBLOCK);
	t_is(t_put(fd, text), 100);
	t_is(t_stat(q, "bytes"), 100);
	t_is(t_put(fd, "x"), -EAGAIN);
	t_shows(q, text);
	for (int round = 0; round < 50; round++) { /* around the ring, at every place */
		text[37] = 0;
		t_is(t_put(fd, text), 37);
		t_is(t_put(fd, text), 37);
		t_is(t_put(fd, text), -EAGAIN);
		t_is(t_sys(write(fd, text, 26)), 26);
		t_is(t_put(fd, "x"), -EAGAIN);
		t_shows(q, text);
		t_shows(q, text);
		t_shows_bytes(q, text, 26);
		text[37] = 'x';
	}
	for (int i = 0; i < 100; i++) /* as many messages as fit */
		t_is(t_put(fd, "1"), 1);
	t_is(t_put(fd, "1"), -EAGAIN);
	t_is(t_stat(q, "messages"), 100);
}

static void longer_than_it_can_hold_is_emsgsize(void **state)
{
	(void)state;
	const char *q = t_path("queues/small");
	char text[102];

	memset(text, 'x', 101);
	text[101] = 0;
	t_is(t_touch(t_format("%s,capacity=100", q)), 0);
	int fd = t_open(q, O_WRONLY);
	t_is(t_put(fd, text), -EMSGSIZE);
	t_is(t_stat(q, "messages"), 0);
	t_is(t_echo(q, "x"), 0);
	t_is(t_put(fd, text), -EMSGSIZE); /* not EAGAIN, nor a wait, also when it is not empty */
	t_is(t_stat(q, "messages"), 1);
}

static char *pattern(size_t len)
{
	char *bytes = malloc(len);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	return bytes;
}

static void largest_through_a_file(void **state)
{
	(void)state;
	const char *q = t_path("queues/large");
	char *sent = pattern(4 << 20), *got = malloc(4 << 20);

	assert_non_null(got);
	t_is(t_touch(t_format("%s,capacity=8M", q)), 0);
	int fd = t_open(q, O_RDWR);
	t_is(t_sys(write(fd, sent, T_MSG_MAX)), T_MSG_MAX);
	t_is(t_sys(write(fd, sent + 1, T_MSG_MAX)), T_MSG_MAX); /* from no page's begin */
	static const size_t too_long[] = {T_MSG_MAX + 1, T_MSG_MAX + 4095, 1 << 20,
					  (1 << 20) + 1, 2 << 20,	   (3 << 20) + 5};
	for (size_t i = 0; i < sizeof(too_long) / sizeof(*too_long); i++)
		for (int shift = 0; shift < 3; shift++)
			t_is(t_sys(write(fd, sent + shift * 2001, too_long[i])), -EMSGSIZE);
	t_is(t_stat(q, "messages"), 2);
	t_is(t_stat(q, "bytes"), 2 * T_MSG_MAX);
	t_is(t_get(fd, got, 4 << 20), T_MSG_MAX); /* read(2) of more than a request can carry */
	t_check(memcmp(got, sent, T_MSG_MAX) == 0);
	t_is(t_get(fd, got, T_MSG_MAX), T_MSG_MAX);
	t_check(memcmp(got, sent + 1, T_MSG_MAX) == 0);
	free(sent);
	free(got);
}

static void the_default_capacity_holds_the_largest(void **state)
{
	(void)state;
	const char *q = t_path("queues/default");
	char *sent = pattern(T_MSG_MAX), *got = malloc(T_MSG_MAX + 1);

	assert_non_null(got);
	t_is(t_echo_bytes(q, sent, T_MSG_MAX), 0);
	t_is(t_cat(q, got, T_MSG_MAX + 1), T_MSG_MAX);
	t_check(memcmp(got, sent, T_MSG_MAX) == 0);
	free(sent);
	free(got);
}

/* A message of the library may be longer than a read can ask for at once. */
static void a_longer_one_of_the_library_comes_in_pieces(void **state)
{
	(void)state;
	const char *q = t_path("queues/pieces");
	const size_t len = (3 << 20) + 17;
	char *sent = pattern(len), *got = malloc(4 << 20);
	struct ipcfs_properties p = {.given = IPCFS_P_CAPACITY, .capacity = 8 << 20};
	struct ipcfs_object *queue = t_attach(IPCFS_QUEUE, "pieces", &p);

	assert_non_null(got);
	t_is(ipcfs_queue_put(queue, sent, len, 0), 0);
	t_is(ipcfs_queue_put(queue, "next", 4, 0), 0);
	t_is(t_cat(q, got, 4 << 20), (long)len);
	t_check(memcmp(got, sent, len) == 0);
	t_shows(q, "next");
	free(sent);
	free(got);
}

/* ---- properties -------------------------------------------------------------------------------- */

static void properties_are_shown(void **state)
{
	(void)state;
	const char *q = t_path("queues/props");
	struct stat st;

	t_is(t_touch(t_format("%s,maxsize=10,capacity=4k", q)), 0);
	t_is(t_stat(q, "maxsize"), 10);
	t_is(t_stat(q, "capacity"), 4096);
	t_is(t_sys(stat(q, &st)), 0);
	t_is(t_stat(q, "id"), (long)st.st_ino);
	t_is(t_stat(q, "messages"), 0);
	t_is(t_stat(q, "bytes"), 0);
	t_is(t_stat(q, "waiters"), 0);

	q = t_path("queues/plainprops");
	t_is(t_touch(q), 0);
	t_is(t_stat(q, "maxsize"), 0);
	t_is(t_stat(q, "capacity"), 1 << 20);
}

static void sizes_have_units(void **state)
{
	(void)state;
	t_is(t_touch(t_path("queues/unit1,capacity=3k")), 0);
	t_is(t_stat(t_path("queues/unit1"), "capacity"), 3 << 10);
	t_is(t_touch(t_path("queues/unit2,capacity=2M")), 0);
	t_is(t_stat(t_path("queues/unit2"), "capacity"), 2 << 20);
	t_is(t_touch(t_path("queues/unit3,capacity=1G")), 0);
	t_is(t_stat(t_path("queues/unit3"), "capacity"), 1 << 30);
}

static void an_open_compares_what_is_named(void **state)
{
	(void)state;
	const char *q = t_path("queues/same");

	t_is(t_touch(t_format("%s,maxsize=10", q)), 0);
	t_is(t_touch(t_format("%s,maxsize=10", q)), 0);
	t_is(t_touch(q), 0);
	t_is(t_touch(t_format("%s,capacity=1M", q)), 0); /* the default that it has */
	t_is(t_touch(t_format("%s,capacity=1048576,maxsize=10", q)), 0);
	t_is(t_touch(t_format("%s,maxsize=11", q)), -EEXIST);
	t_is(t_open(t_format("%s,maxsize=0", q), O_RDONLY), -EEXIST);
	t_is(t_touch(t_format("%s,maxsize=10,capacity=2M", q)), -EEXIST);
	t_is(t_echo(t_format("%s,maxsize=10", q), "x"), 0);
	t_shows(t_format("%s,maxsize=10", q), "x");
	t_is(t_open(t_path("queues/absent,maxsize=10"), O_RDONLY), -ENOENT);
}

static void out_of_range_properties(void **state)
{
	(void)state;
	t_is(t_touch(t_path("queues/most,maxsize=%llu", (unsigned long long)IPCFS_MAXSIZE_MAX)), 0);
	t_is(t_touch(t_path("queues/more,maxsize=%llu", (unsigned long long)IPCFS_MAXSIZE_MAX + 1)),
	     -EINVAL);
	t_is(t_touch(t_path("queues/most2,capacity=%llu", (unsigned long long)IPCFS_CAPACITY_MAX)),
	     0);
	t_is(t_touch(t_path("queues/more2,capacity=%llu",
			    (unsigned long long)IPCFS_CAPACITY_MAX + 1)),
	     -EINVAL);
	t_is(t_touch(t_path("queues/more3,maxsize=99999999999999999999999")), -EINVAL);
	t_is(t_touch(t_path("queues/more4,capacity=99999999999999999999999")), -EINVAL);
	t_is(t_touch(t_path("queues/more5,capacity=18446744073709551615G")), -EINVAL);
	t_is(t_touch(t_path("queues/more6,maxsize=18446744073709551616")), -EINVAL);
	for (int i = 2; i < 7; i++)
		t_is(t_exists(t_path("queues/more%d", i)), -ENOENT);
	t_is(t_echo(t_path("queues/most"), "x"), 0);
	t_shows(t_path("queues/most"), "x");
	t_is(t_echo(t_path("queues/most2"), "x"), 0);
	t_shows(t_path("queues/most2"), "x");
}

/* ---- views ---------------------------------------------------------------------------------------- */

static void peek_takes_nothing(void **state)
{
	(void)state;
	const char *q = t_path("queues/peek"), *peek = t_path("queues/peek,peek");

	t_is(t_touch(q), 0);
	t_shows(peek, ""); /* empty: end of file, no wait */
	t_is(t_echo(q, "hello\n"), 0);
	t_is(t_echo(q, "second"), 0);
	t_shows(peek, "hello\n");
	t_shows(peek, "hello\n");
	t_is(t_stat(q, "messages"), 2);
	int fd = t_open(peek, O_RDONLY);
	t_gets(fd, "hello\n");
	t_gets(fd, "");
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "hello\n");
	t_shows(q, "hello\n");
	char buf[16];
	t_is(t_sys(pread(fd, buf, sizeof(buf), 0)), 6);
	t_check(memcmp(buf, "second", 6) == 0); /* anew at offset 0 */
}

static void watch_shows_then_waits_for_changes(void **state)
{
	(void)state;
	const char *q = t_path("queues/watch"), *watch = t_path("queues/watch,watch");

	t_is(t_echo(q, "a"), 0);
	int fd = t_open(watch, O_RDONLY);
	t_gets(fd, "a");
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_echo(q, "b"), 0);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "a"); /* the oldest is the same, and something has changed */
	t_shows(q, "a");
	t_gets(fd, "b");
	t_is(t_stat(q, "messages"), 1);
}

static void watch_waits_while_there_is_nothing(void **state)
{
	(void)state;
	const char *q = t_path("queues/watch0"), *watch = t_path("queues/watch0,watch");

	t_is(t_touch(q), 0);
	struct t_io reader = t_reader(watch, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(t_echo(q, "x"), 0);
	t_io_got(&reader, "x");
	t_is(t_stat(q, "messages"), 1);
}

static void timeout_ends_a_wait(void **state)
{
	(void)state;
	const char *q = t_path("queues/timeout");
	static const struct {
		const char *text;
		int ms;
	} rows[] = {{"0.1", 100}, {"150ms", 150}, {"200000us", 200}, {"1", 1000}};
	char buf[8];

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int fd = t_open(t_format("%s,timeout=%s", q, rows[i].text), O_RDONLY);
		int64_t start = t_now_ms();
		t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
		t_check(t_now_ms() - start >= rows[i].ms - 1);
		close(fd);
	}
	t_is(t_echo(q, "a"), 0);
	t_shows(t_format("%s,timeout=1m", q), "a");
	t_is(t_echo(q, "a"), 0);
	int fd = t_open(t_format("%s,timeout=100ms", q), O_WRONLY);
	t_is(t_put(fd, "b"), -ETIMEDOUT);
	t_is(t_stat(q, "messages"), 1);
	t_is(t_stat(q, "waiters"), 0);
	t_shows(q, "a");
	t_is(t_put(fd, "b"), 1);
}

static void timeout_zero_is_nonblock(void **state)
{
	(void)state;
	const char *q = t_path("queues/timeout0");
	char buf[8];

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	int fd = t_open(t_format("%s,timeout=0", q), O_RDWR);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_put(fd, "a"), 1);
	t_is(t_put(fd, "b"), -EAGAIN);
	t_gets(fd, "a");
}

static void the_ioctl_sets_the_timeout(void **state)
{
	(void)state;
	const char *q = t_path("queues/ioctl");
	int64_t ns = 100000000;
	char buf[8];

	t_check(IPCFS_TIMEOUT == 0x4008F501);
	t_is(t_touch(q), 0);
	int fd = t_open(q, O_RDWR);
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	int64_t start = t_now_ms();
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	t_check(t_now_ms() - start >= 99);
	ns = 0;
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_put(fd, "a"), 1);
	t_gets(fd, "a");
	t_fails(t_sys(ioctl(fd, _IO(0xF5, 99))));
	t_is(t_sys(ioctl(t_open(t_path("queues"), O_RDONLY), IPCFS_TIMEOUT, &ns)), -ENOTTY);

	/* -1: for ever, also where the view said less */
	fd = t_open(t_format("%s,timeout=0", q), O_RDONLY);
	ns = -1;
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	pid_t child = t_shell(
		NULL, "until grep -q '^waiters 1$' '%s,stat'; do :; done; printf late > '%s'", q,
		q);
	t_gets(fd, "late");
	t_wait(child);
}

static void ctl_clears(void **state)
{
	(void)state;
	const char *q = t_path("queues/ctl"), *ctl = t_path("queues/ctl,ctl");

	t_is(t_touch(t_format("%s,maxsize=2", q)), 0);
	t_is(t_echo(q, "a"), 0);
	t_is(t_echo(q, "b"), 0);
	struct t_io writer = t_writer(q, O_WRONLY, "c");
	t_wait_stat(q, "writers", 1);
	int fd = t_open(ctl, O_WRONLY);
	t_is(t_put(fd, "clear\n"), 6);
	t_is(t_io_result(&writer), 1); /* there is room now */
	t_shows(q, "c");
	t_is(t_put(fd, "clear"), 5); /* also without newline, also when empty, also two */
	t_is(t_put(fd, "clear\nclear\n"), 12);
}

static void ctl_refuses_other_words(void **state)
{
	(void)state;
	const char *q = t_path("queues/ctl2");
	char page[8192];

	t_is(t_echo(q, "a"), 0);
	int fd = t_open(t_format("%s,ctl", q), O_WRONLY);
	t_is(t_put(fd, "frobnicate\n"), -EINVAL);
	t_is(t_put(fd, "clear\nfrobnicate\n"), -EINVAL); /* all or nothing */
	t_is(t_put(fd, "clear 7\n"), -EINVAL);
	t_is(t_put(fd, "CLEAR\n"), -EINVAL);
	memset(page, '\n', sizeof(page));
	memcpy(page, "clear", 5);
	t_fails(t_sys(write(fd, page, sizeof(page)))); /* more than a page */
	t_is(t_stat(q, "messages"), 1);
	t_shows(q, "a");
}

static void views_go_together_with_properties(void **state)
{
	(void)state;
	const char *q = t_path("queues/mixed");

	t_is(t_touch(t_format("%s,maxsize=3", q)), 0);
	t_is(t_echo(q, "a"), 0);
	t_shows(t_format("%s,maxsize=3,peek", q), "a");
	t_shows(t_format("%s,peek,maxsize=3", q), "a");
	t_is(t_open(t_format("%s,peek,maxsize=4", q), O_RDONLY), -EEXIST);
	t_shows(t_format("%s,timeout=1,stream,peek", q), "a");
	int fd = t_open(t_format("%s,stream,timeout=100ms", q), O_RDONLY);
	char buf[8];
	t_gets(fd, "a");
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
}

/* ---- temp --------------------------------------------------------------------------------------------- */

static void temp_goes_with_its_handle(void **state)
{
	(void)state;
	const char *q = t_path("queues/temp");

	int fd = t_open(t_format("%s,temp", q), O_RDWR | O_CREAT);
	t_check(fd >= 0);
	t_is(t_exists(q), 0);
	int other = t_open(q, O_RDWR);
	t_is(t_put(other, "x"), 1);
	t_gets(fd, "x");
	struct t_io reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	int again = dup(fd);
	close(fd);
	t_is(t_exists(q), 0); /* the handle is still open */
	close(again);
	t_until(t_exists(q) == -ENOENT);
	t_is(t_io_result(&reader), -EIDRM);
	t_is(t_put(other, "x"), -EIDRM);
	t_is(t_touch(t_format("%s,temp", q)), 0);
	t_until(t_exists(q) == -ENOENT);
}

static int make_temp_and_pause(void *arg)
{
	if (t_open(arg, O_RDWR | O_CREAT) < 0)
		return 1;
	puts("made");
	fflush(stdout);
	pause();
	return 0;
}

static void temp_goes_with_a_killed_process(void **state)
{
	(void)state;
	const char *q = t_path("queues/temp2");
	char buf[8];
	int out;

	pid_t child = t_spawn_pipe(make_temp_and_pause, (void *)(uintptr_t)t_format("%s,temp", q),
				   &out);
	t_is(t_get(out, buf, sizeof(buf)), 5);
	t_is(t_exists(q), 0);
	t_kill(child);
	t_until(t_exists(q) == -ENOENT);
}

static void temp_is_a_property(void **state)
{
	(void)state;
	const char *q = t_path("queues/temp3");

	t_is(t_touch(q), 0);
	t_is(t_touch(t_format("%s,temp", q)), -EEXIST); /* it is not */
	t_is(t_exists(q), 0);
	t_is(t_open(t_path("queues/temp4,temp"), O_RDONLY), -ENOENT);
	t_is(t_touch(t_path("queues/temp4,temp=1")), -EINVAL);
}

/* ---- rm and mv -------------------------------------------------------------------------------------------- */

static void rm_makes_a_new_object_of_the_name(void **state)
{
	(void)state;
	const char *q = t_path("queues/again");
	char buf[8];

	t_is(t_echo(q, "old"), 0);
	int fd = t_open(q, O_RDWR);
	t_is(t_sys(unlink(q)), 0);
	t_is(t_exists(q), -ENOENT);
	t_is(t_get(fd, buf, sizeof(buf)), -EIDRM);
	t_is(t_put(fd, "x"), -EIDRM);
	t_is(t_echo(q, "new"), 0);
	t_is(t_get(fd, buf, sizeof(buf)), -EIDRM);
	t_shows(q, "new");
}

static void mv_keeps_all(void **state)
{
	(void)state;
	const char *from = t_path("queues/from"), *to = t_path("queues/to");

	t_is(t_touch(t_format("%s,maxsize=5", from)), 0);
	long id = t_stat(from, "id");
	struct t_io reader = t_reader(from, O_RDONLY);
	t_wait_stat(from, "waiters", 1);
	int fd = t_open(from, O_RDWR);
	t_is(t_sys(rename(from, to)), 0);
	t_is(t_exists(from), -ENOENT);
	t_is(t_stat(to, "id"), id);
	t_is(t_stat(to, "maxsize"), 5);
	t_is(t_stat(to, "waiters"), 1);
	t_is(t_put(fd, "a"), 1); /* an open handle goes with it */
	t_io_got(&reader, "a");
	t_is(t_echo(to, "b"), 0);
	t_gets(fd, "b");
}

static void mv_onto_a_queue_is_eexist(void **state)
{
	(void)state;
	const char *from = t_path("queues/mv1"), *to = t_path("queues/mv2");

	t_is(t_echo(from, "1"), 0);
	t_is(t_echo(to, "2"), 0);
	t_is(t_sys(rename(from, to)), -EEXIST);
	t_shows(from, "1");
	t_shows(to, "2");
}

/* ---- beside the library ---------------------------------------------------------------------------------------- */

static void what_the_library_makes_is_shown(void **state)
{
	(void)state;
	const char *q = t_path("queues/lib");
	struct ipcfs_properties p = {
		.given = IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY, .maxsize = 7, .capacity = 1000};
	struct ipcfs_object *queue = t_attach(IPCFS_QUEUE, "lib", &p);
	struct ipcfs_stat st;
	char buf[16];

	t_is(t_exists(q), 0);
	t_is(t_stat(q, "maxsize"), 7);
	t_is(t_stat(q, "capacity"), 1000);
	t_is(ipcfs_queue_put(queue, "from C", 6, 0), 0);
	t_shows(q, "from C");
	t_is(t_echo(q, "from a file"), 0);
	t_is(ipcfs_stat(queue, &st), 0);
	t_is((long)st.messages, 1);
	t_is((long)st.bytes, 11);
	t_is((long)st.id, t_stat(q, "id"));
	t_is(ipcfs_queue_get(queue, buf, sizeof(buf), 0), 11);
	t_check(memcmp(buf, "from a file", 11) == 0);
	t_is(ipcfs_queue_get(queue, buf, sizeof(buf), 0), -EAGAIN);
}

static void an_empty_message_reads_as_no_bytes(void **state)
{
	(void)state;
	const char *q = t_path("queues/nobytes");
	struct ipcfs_object *queue = t_attach(IPCFS_QUEUE, "nobytes", NULL);

	t_is(ipcfs_queue_put(queue, "", 0, 0), 0);
	t_is(ipcfs_queue_put(queue, "x", 1, 0), 0);
	t_is(t_stat(q, "messages"), 2);
	int fd = t_open(q, O_RDWR);
	t_gets(fd, "");
	t_is(t_stat(q, "messages"), 1);
	t_gets(fd, "x");
}

static void the_library_wakes_files(void **state)
{
	(void)state;
	const char *q = t_path("queues/libwakes");
	struct ipcfs_properties p = {.given = IPCFS_P_MAXSIZE, .maxsize = 1};
	struct ipcfs_object *queue = t_attach(IPCFS_QUEUE, "libwakes", &p);
	char buf[16];

	struct t_io reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(ipcfs_queue_put(queue, "wake", 4, 0), 0);
	t_io_got(&reader, "wake");
	t_is(ipcfs_queue_put(queue, "full", 4, 0), 0);
	struct t_io writer = t_writer(q, O_WRONLY, "after");
	t_wait_stat(q, "writers", 1);
	t_is(ipcfs_queue_get(queue, buf, sizeof(buf), 0), 4);
	t_is(t_io_result(&writer), 5);
	t_is(ipcfs_queue_get(queue, buf, sizeof(buf), 0), 5);
	reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(ipcfs_unlink(t_lib(), IPCFS_QUEUE, "libwakes"), 0);
	t_is(t_io_result(&reader), -EIDRM);
	t_is(t_exists(q), -ENOENT);
}

struct lib_wait {
	const char *name;
	_Atomic int started;
	long result;
	char data[16];
};

static int get_by_library(void *arg)
{
	struct lib_wait *w = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *queue = t_attach_child(&store, IPCFS_QUEUE, w->name);

	if (!queue)
		return 1;
	w->started = 1;
	w->result = ipcfs_queue_get(queue, w->data, sizeof(w->data), IPCFS_FOREVER);
	return 0;
}

static void files_wake_the_library(void **state)
{
	(void)state;
	const char *q = t_path("queues/filewakes");
	struct lib_wait *w = t_shared(sizeof(*w));

	t_is(t_touch(q), 0);
	for (int round = 0; round < 50; round++) {
		w->name = "filewakes";
		w->started = 0;
		pid_t child = t_spawn(get_by_library, w);
		t_until(w->started);
		t_is(t_echo(q, "up"), 0);
		t_is(t_wait(child), 0);
		t_is(w->result, 2);
	}
	w->started = 0;
	pid_t child = t_spawn(get_by_library, w);
	t_until(w->started);
	t_is(t_sys(unlink(q)), 0);
	t_is(t_wait(child), 0);
	t_is(w->result, -EIDRM);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(what_is_written_is_one_message),
		T_TEST(oldest_first),
		T_TEST(bytes_are_exact),
		T_TEST(an_empty_write_puts_nothing),
		T_TEST(a_writev_of_many_buffers),
		T_TEST(flags_of_open_do_not_matter),
		T_TEST(size_is_zero),
		T_TEST(truncate_clears),
		T_TEST(reading_alone_one_item_then_end),
		T_TEST(read_and_write_has_no_end),
		T_TEST(nonblock_has_no_end),
		T_TEST(the_view_stream_has_no_end),
		T_TEST(ends_of_file_are_decided_at_open),
		T_TEST(a_short_buffer_gets_the_rest_first),
		T_TEST(byte_by_byte),
		T_TEST(a_rest_unread_at_close_is_dropped),
		T_TEST(maxsize_is_the_most_messages),
		T_TEST(a_full_queue_makes_a_writer_wait),
		T_TEST(an_empty_queue_makes_a_reader_wait),
		T_TEST(readers_are_served_in_order),
		T_TEST(writers_are_served_in_order),
		T_TEST(a_short_message_waits_behind_a_long_one),
		T_TEST(capacity_counts_payload_alone),
		T_TEST(longer_than_it_can_hold_is_emsgsize),
		T_TEST(largest_through_a_file),
		T_TEST(the_default_capacity_holds_the_largest),
		T_TEST(a_longer_one_of_the_library_comes_in_pieces),
		T_TEST(properties_are_shown),
		T_TEST(sizes_have_units),
		T_TEST(an_open_compares_what_is_named),
		T_TEST(out_of_range_properties),
		T_TEST(peek_takes_nothing),
		T_TEST(watch_shows_then_waits_for_changes),
		T_TEST(watch_waits_while_there_is_nothing),
		T_TEST(timeout_ends_a_wait),
		T_TEST(timeout_zero_is_nonblock),
		T_TEST(the_ioctl_sets_the_timeout),
		T_TEST(ctl_clears),
		T_TEST(ctl_refuses_other_words),
		T_TEST(views_go_together_with_properties),
		T_TEST(temp_goes_with_its_handle),
		T_TEST(temp_goes_with_a_killed_process),
		T_TEST(temp_is_a_property),
		T_TEST(rm_makes_a_new_object_of_the_name),
		T_TEST(mv_keeps_all),
		T_TEST(mv_onto_a_queue_is_eexist),
		T_TEST(what_the_library_makes_is_shown),
		T_TEST(an_empty_message_reads_as_no_bytes),
		T_TEST(the_library_wakes_files),
		T_TEST(files_wake_the_library),
	};

	return T_RUN(tests, argc, argv);
}
