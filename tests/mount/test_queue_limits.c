/* SPDX-License-Identifier: MIT
 *
 * test_queue_limits.c - contract, row queues: how much goes in, properties.
 */
#include "t.h"

/* ---- how much ---------------------------------------------------------------------------------- */

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

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
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
	};

	return T_RUN(tests, argc, argv);
}
