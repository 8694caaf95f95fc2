/* SPDX-License-Identifier: MIT
 *
 * test_queue.c - contract, row queues: what is written is one message, what is read is the oldest; ends of file by the
 * kind of handle; with the library.
 */
#include "t.h"

#include <sys/uio.h>

/* ---- messages ---------------------------------------------------------------------------------- */

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
	(void)!truncate(q, 10);				    /* changes nothing, whatever it says */
	t_is(t_sys(truncate(t_format("%s,ack", q), 0)), 0); /* whose writes are not messages */
	t_is(t_sys(truncate(t_format("%s,join", q), 0)), 0);
	t_is(t_stat(q, "messages"), 2);
	t_is(t_sys(truncate(q, 0)), 0);
	t_is(t_stat(q, "messages"), 0);
	t_is(t_echo(q, "c"), 0);
	t_shows(q, "c");
}

/* ---- ends of file ------------------------------------------------------------------------------ */

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

/* ---- beside the library ------------------------------------------------------------------------ */

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
		T_TEST(what_the_library_makes_is_shown),
		T_TEST(an_empty_message_reads_as_no_bytes),
		T_TEST(the_library_wakes_files),
		T_TEST(files_wake_the_library),
	};

	return T_RUN(tests, argc, argv);
}
