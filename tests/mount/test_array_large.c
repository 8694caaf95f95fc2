/* SPDX-License-Identifier: MIT
 *
 * test_array_large.c - arrays whose text takes long to make: it is made as it is read, others are served meanwhile.
 */
#include "t.h"

#include "array.h"

enum { ELEMENTS = 1 << 19, PIECE = 1 << 19 };

/* Writes the bytes through `raw`. */
static void fill(const char *a, const char *bytes, size_t len)
{
	int fd = t_open(t_format("%s,raw", a), O_WRONLY);

	for (size_t at = 0; at < len; at += PIECE) {
		size_t n = len - at < PIECE ? len - at : PIECE;
		t_is(t_sys(pwrite(fd, bytes + at, n, (off_t)at)), (long)n);
	}
	close(fd);
}

/* An array of int64, and what it reads as. */
static const char *make_numbers(const char *name, char **text, size_t *len)
{
	const char *a = make(name, "q", ELEMENTS);
	int64_t *numbers = malloc(ELEMENTS * sizeof(*numbers));
	char *at = *text = malloc(ELEMENTS * 22ul);

	assert_non_null(numbers);
	assert_non_null(at);
	for (int64_t i = 0; i < ELEMENTS; i++) {
		numbers[i] = i % 3 ? i * i * i : -i;
		at += sprintf(at, "%lld\n", (long long)numbers[i]);
	}
	*len = (size_t)(at - *text);
	fill(a, (char *)numbers, ELEMENTS * sizeof(*numbers));
	free(numbers);
	return a;
}

static void the_text_is_whole(void **state)
{
	static const size_t sizes[] = {1, 4096, 131072, 1 << 20, 777};
	char *text, *got = malloc(1 << 20);
	size_t len, at = 0;

	(void)state;
	assert_non_null(got);
	const char *a = make_numbers("whole", &text, &len);
	int fd = t_open(a, O_RDONLY);
	for (unsigned i = 0; at < len; i++) {
		long n = t_get(fd, got, sizes[i % 5]);
		t_check(n > 0 && at + (size_t)n <= len && !memcmp(got, text + at, (size_t)n));
		at += (size_t)n;
	}
	t_gets(fd, "");
	/* anywhere, there and back */
	for (size_t i = 1; i < 100; i++) {
		at = i * 7919 * 7919 % (len + 1);
		size_t size = sizes[i % 5], want = len - at < size ? len - at : size;
		t_is(t_sys(pread(fd, got, size, (off_t)at)), (long)want);
		t_check(!memcmp(got, text + at, want));
	}
	t_is(t_sys(pread(fd, got, 10, (off_t)len + 5)), 0);
	free(text);
	free(got);
}

static void it_is_a_snapshot(void **state)
{
	char *text, *got;
	size_t len, at = 0;

	(void)state;
	const char *a = make_numbers("snapshot", &text, &len);
	int fd = t_open(a, O_RDONLY);
	got = malloc(len);
	assert_non_null(got);
	t_is(t_get(fd, got, 100), 100);
	t_is(t_echo(a, t_format("%d=5", ELEMENTS - 1)), 0);
	for (at = 100; at < len;) {
		long n = t_get(fd, got + at, len - at);
		t_check(n > 0);
		at += (size_t)n;
	}
	t_check(!memcmp(got, text, len));
	/* from the start: a new one */
	t_is(t_sys(pread(fd, got, 2, 0)), 2);
	long n = t_sys(pread(fd, got, len, (off_t)len - 20));
	t_check(n > 2 && !memcmp(got + n - 3, "\n5\n", 3));
	free(text);
	free(got);
}

static void what_was_written_is_read_back(void **state)
{
	(void)state;
	const char *a = make("back", "i", 20000);
	char *got = malloc(1 << 20);
	int fd = t_open(a, O_RDWR);

	assert_non_null(got);
	t_is(t_put(fd, ":=7"), 3);
	t_is(t_echo(a, ":=8"), 0);
	long n = 0, more;
	while ((more = t_get(fd, got + n, 10000)) > 0)
		n += more;
	t_is(n, 40000);
	for (long i = 0; i < n; i += 2)
		t_check(got[i] == '7' && got[i + 1] == '\n');
	free(got);
}

static int reads_far(void *arg)
{
	int fd = t_open(arg, O_RDONLY);
	char c;

	return pread(fd, &c, 1, 120000000) == 1 ? 0 : errno;
}

/* Millions of doubles, all different: that text takes seconds. */
static void others_are_served_meanwhile(void **state)
{
	const char *a = make("slow", "d", 8 << 20), *x = t_path("values/meanwhile");
	double *numbers = malloc(8ul << 20);

	(void)state;
	assert_non_null(numbers);
	for (int i = 0; i < 1 << 20; i++)
		numbers[i] = 1 / (i + 3.0);
	int fd = t_open(t_format("%s,raw", a), O_WRONLY);
	for (off_t at = 0; at < 64 << 20; at += PIECE)
		t_is(t_sys(pwrite(fd, (char *)numbers + at % (8 << 20), PIECE, at)), PIECE);
	free(numbers);
	pid_t child = t_spawn(reads_far, (void *)a);
	t_wait_stat(a, "waiters", 1);
	for (int i = 0; i < 10; i++) {
		t_is(t_echo(x, t_format("%d", i)), 0);
		t_shows(x, t_format("%d\n", i));
		t_is(t_echo(a, t_format("5=%d", i)), 0);
		t_shows(t_format("%s,at=5", a), t_format("%d.0\n", i));
	}
	t_is(t_stat(a, "waiters"), 1);
	t_kill(child);
	t_wait_stat(a, "waiters", 0);
	t_is(t_sys(unlink(a)), 0);
}

static void what_has_to_be_made_at_once_is_small(void **state)
{
	(void)state;
	const char *a = make("watched", "q", (1 << 17) + 1), *b = make("other", "q", 1 << 17);
	char buf[64];

	t_is(t_get(t_open(t_format("%s,watch", a), O_RDONLY), buf, sizeof(buf)), -EFBIG);
	t_check(t_errors_say("the text is too long to watch", "arrays/watched"));
	t_is(t_poll(t_open(t_format("%s,watch", a), O_RDONLY), POLLIN, 0), POLLIN); /* to fail */
	t_is(t_get(t_open(t_format("%s,watch", b), O_RDONLY), buf, 4), 4);
	t_is(t_sys(rename(a, b)), -EFBIG);
	t_check(t_errors_say("more than 1 MiB of elements", "arrays/watched"));
	t_is(t_exists(a), 0);
	t_is(t_sys(rename(b, t_path("arrays/another"))), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T_TEST(the_text_is_whole),
		T_TEST(it_is_a_snapshot),
		T_TEST(what_was_written_is_read_back),
		T_TEST(others_are_served_meanwhile),
		T_TEST(what_has_to_be_made_at_once_is_small),
	};

	return T_RUN(tests, argc, argv);
}
