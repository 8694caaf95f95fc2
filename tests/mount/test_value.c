/* SPDX-License-Identifier: MIT
 *
 * test_value.c - contract, row values and section 5: text of every type, its limits; views, properties.
 */
#include "t.h"

#include <math.h>

#include "value.h"

/* ---- text -------------------------------------------------------------------------------------- */

/* What is written to a new value of the type, the result, and what is read then. */
struct row {
	const char *type, *written;
	long result;
	const char *read;
};

static void check_rows(const struct row *rows, size_t count, const char *folder)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		const char *v = make(t_format("%s%zu", folder, i), r->type);
		long got = t_echo(v, r->written);
		char text[512] = "";
		t_cat(v, text, sizeof(text));
		if (got != r->result || strcmp(text, r->read) != 0)
			t_fail("type %s, written '%s': %s, then '%s', not %s, '%s'", r->type,
			       r->written, got < 0 ? strerrorname_np((int)-got) : "0", text,
			       r->result < 0 ? strerrorname_np((int)-r->result) : "0", r->read);
	}
}

static void integers(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"b", "127", 0, "127\n"},
		{"b", "128", -ERANGE, "0\n"},
		{"b", "-128", 0, "-128\n"},
		{"b", "-129", -ERANGE, "0\n"},
		{"B", "255", 0, "255\n"},
		{"B", "256", -ERANGE, "0\n"},
		{"B", "-1", -ERANGE, "0\n"},
		{"h", "32767", 0, "32767\n"},
		{"h", "32768", -ERANGE, "0\n"},
		{"h", "-32768", 0, "-32768\n"},
		{"h", "-32769", -ERANGE, "0\n"},
		{"H", "65535", 0, "65535\n"},
		{"H", "65536", -ERANGE, "0\n"},
		{"i", "2147483647", 0, "2147483647\n"},
		{"i", "2147483648", -ERANGE, "0\n"},
		{"i", "-2147483648", 0, "-2147483648\n"},
		{"i", "-2147483649", -ERANGE, "0\n"},
		{"I", "4294967295", 0, "4294967295\n"},
		{"I", "4294967296", -ERANGE, "0\n"},
		{"l", "9223372036854775807", 0, "9223372036854775807\n"},
		{"l", "9223372036854775808", -ERANGE, "0\n"},
		{"l", "-9223372036854775808", 0, "-9223372036854775808\n"},
		{"L", "18446744073709551615", 0, "18446744073709551615\n"},
		{"L", "18446744073709551616", -ERANGE, "0\n"},
		{"q", "9223372036854775807", 0, "9223372036854775807\n"},
		{"q", "9223372036854775808", -ERANGE, "0\n"},
		{"q", "-9223372036854775808", 0, "-9223372036854775808\n"},
		{"q", "-9223372036854775809", -ERANGE, "0\n"},
		{"Q", "18446744073709551615", 0, "18446744073709551615\n"},
		{"Q", "18446744073709551616", -ERANGE, "0\n"},
		{"Q", "-1", -ERANGE, "0\n"},
		{"?", "1", 0, "1\n"},
		{"?", "0", 0, "0\n"},
		{"?", "true", -EINVAL, "0\n"},
		{"q", "+5", 0, "5\n"},
		{"q", "007", 0, "7\n"},
		{"q", " \t 42 \n", 0, "42\n"},
		{"q", "42\n", 0, "42\n"},
		{"q", "-0", 0, "0\n"},
		{"q", "abc", -EINVAL, "0\n"},
		{"q", "\n", -EINVAL, "0\n"},
		{"q", "1 2", -EINVAL, "0\n"},
		{"q", "1\n2\n", -EINVAL, "0\n"},
		{"q", "1.5", -EINVAL, "0\n"},
		{"q", "1e3", -EINVAL, "0\n"},
		{"q", "0x10", -EINVAL, "0\n"},
		{"q", "--1", -EINVAL, "0\n"},
		{"q", "+", -EINVAL, "0\n"},
		{"q", "5x", -EINVAL, "0\n"},
		{"q", "1k", -EINVAL, "0\n"},
		{"q", "99999999999999999999999999999999999999999999999999999999999999", -ERANGE,
		 "0\n"},
	};
	check_rows(rows, sizeof(rows) / sizeof(*rows), "int");
	t_is_either(t_echo(make("bool", "?"), "2"), -ERANGE, -EINVAL);
	t_is(t_sys(write(t_open(t_path("values/bool"), O_WRONLY), "1\0", 2)), -EINVAL);
	t_shows(t_path("values/bool"), "0\n");
}

static void floats(void **state)
{
	(void)state;
	static const struct {
		const char *type, *written;
		long result;
		double value;
	} rows[] = {
		{"d", "0.1", 0, 0.1},
		{"d", "1.5\n", 0, 1.5},
		{"d", "3", 0, 3},
		{"d", "-2.5e-3", 0, -2.5e-3},
		{"d", "1e22", 0, 1e22},
		{"d", "1E5", 0, 1e5},
		{"d", ".5", 0, .5},
		{"d", "5.", 0, 5},
		{"d", "1.7976931348623157e308", 0, 1.7976931348623157e308},
		{"d", "5e-324", 0, 5e-324},
		{"d", "inf", 0, INFINITY},
		{"d", "-inf", 0, -INFINITY},
		{"d", "nan", 0, NAN},
		{"d", "1e-999", 0, 0}, /* underflow is stored */
		{"d", "1e999", -ERANGE, 0},
		{"d", "-1e999", -ERANGE, 0},
		{"d", "abc", -EINVAL, 0},
		{"d", "1.5.2", -EINVAL, 0},
		{"d", "1,5", -EINVAL, 0},
		{"d", "1e", -EINVAL, 0},
		{"d", "0x1p3", -EINVAL, 0},
		{"d", "1 2", -EINVAL, 0},
		{"f", "0.1", 0, 0.1f},
		{"f", "3.4028235e38", 0, 3.4028235e38f},
		{"f", "1e39", -ERANGE, 0},
		{"f", "1e-60", 0, 0},
		{"f", "16777217", 0, 16777216},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *v = make(t_format("float%zu", i), rows[i].type);
		char text[128] = "";
		t_is(t_echo(v, rows[i].written), rows[i].result);
		t_check(t_cat(v, text, sizeof(text)) > 1);
		bool is_f = *rows[i].type == 'f';
		double got = is_f ? strtof(text, NULL) : strtod(text, NULL);
		if (got != rows[i].value && !(isnan(got) && isnan(rows[i].value)))
			t_fail("%s '%s' reads '%s'", rows[i].type, rows[i].written, text);
		t_is(text[strlen(text) - 1], '\n');
	}
}

/* Floats print so that they read back exactly. */
static void floats_read_back_exactly(void **state)
{
	(void)state;
	const char *d = make("exact_d", "d"), *f = make("exact_f", "f");
	int fd = t_open(d, O_RDWR), ff = t_open(f, O_RDWR);
	uint64_t random = 88172645463325252ull;

	for (int i = 0; i < t_count(3000, 100000); i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		double value, back;
		memcpy(&value, &random, sizeof(value));
		char text[128] = "", number[64];
		if (!isfinite(value))
			continue;
		snprintf(number, sizeof(number), "%.17g\n", value);
		t_is(t_put(fd, number), (long)strlen(number));
		t_check(t_get(fd, text, sizeof(text) - 1) > 0);
		back = strtod(text, NULL);
		if (memcmp(&back, &value, sizeof(value)) != 0)
			t_fail("%s reads %s", number, text);

		uint32_t bits = (uint32_t)random;
		float single, single_back;
		memcpy(&single, &bits, sizeof(single));
		if (!isfinite(single))
			continue;
		snprintf(number, sizeof(number), "%.9g\n", (double)single);
		t_is(t_put(ff, number), (long)strlen(number));
		memset(text, 0, sizeof(text));
		t_check(t_get(ff, text, sizeof(text) - 1) > 0);
		single_back = strtof(text, NULL);
		if (memcmp(&single_back, &single, sizeof(single)) != 0)
			t_fail("%s reads %s", number, text);
	}
}

static void strings_and_characters(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"s", "hello\n", 0, "hello\n"},
		{"s", "hello", 0, "hello\n"},
		{"s", "  two words  \n", 0, "  two words  \n"}, /* blanks stay */
		{"s", "one\n\n", 0, "one\n\n"},			/* only one newline is dropped */
		{"s", "a\nb\n", 0, "a\nb\n"},
		{"s", "\n", 0, "\n"},
		{"s", "add 1", 0, "add 1\n"}, /* numbers alone have operations */
		{"s", "5", 0, "5\n"},
		{"s", "\xff\xfe", 0, "\xff\xfe\n"},
		{"s,len=5", "hello\n", 0, "hello\n"},
		{"s,len=5", "hello!", -ERANGE, "\n"},
		{"s,len=1", "x", 0, "x\n"},
		{"c", "A", 0, "A\n"},
		{"c", "A\n", 0, "A\n"},
		{"c", " ", 0, " \n"},
		{"u", "A", 0, "A\n"},
		{"u", "\xc3\xa9\n", 0, "\xc3\xa9\n"},
		{"u", "\xf0\x9f\x98\x80", 0, "\xf0\x9f\x98\x80\n"},
	};
	check_rows(rows, sizeof(rows) / sizeof(*rows), "text");

	const char *c = make("two_c", "c"), *u = make("two_u", "u");
	t_is(t_echo(c, "A"), 0);
	t_is_either(t_echo(c, "AB"), -ERANGE, -EINVAL);
	t_shows(c, "A\n");
	t_is(t_echo(u, "A"), 0);
	t_is_either(t_echo(u, "AB"), -ERANGE, -EINVAL);
	t_is_either(t_echo(u, "\xff"), -EINVAL, -ERANGE);
	t_shows(u, "A\n");

	const char *s = make("longest", "s,len=65535");
	char *text = malloc(65537);
	assert_non_null(text);
	memset(text, 'x', 65536);
	t_is(t_echo_bytes(s, text, 65536), -ERANGE);
	t_shows(s, "\n");
	t_is(t_echo_bytes(s, text, 65535), 0);
	char *got = malloc(70000);
	assert_non_null(got);
	t_is(t_cat(s, got, 70000), 65536);
	t_check(memcmp(got, text, 65535) == 0 && got[65535] == '\n');
	free(text);
	free(got);
}

static void without_type_the_first_write_decides(void **state)
{
	(void)state;
	static const struct {
		const char *written, *type;
	} rows[] = {
		{"5\n", "q"},
		{"-5", "q"},
		{"+5", "q"},
		{" 5 \n", "q"},
		{"1.5", "d"},
		{"1e3", "d"},
		{"-2E-3", "d"},
		{"hello", "s"},
		{"5 apples", "s"},
		{"-", "s"},
		{"1.5.2", "s"},
		{"0x10", "s"},
		{"9223372036854775807", "q"},
		{"two\nlines\n", "s"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *v = t_path("values/guess%zu", i);
		t_is(t_echo(v, rows[i].written), 0);
		if (!t_stat_has(v, t_format("type %s", rows[i].type)))
			t_fail("'%s' is not of type %s", rows[i].written, rows[i].type);
	}
	t_shows(t_path("values/guess0"), "5\n");
	t_is(t_stat(t_path("values/guess7"), "len"), 255);
	t_shows(t_path("values/guess7"), "hello\n");
	/* once decided, it stays */
	t_is(t_echo(t_path("values/guess0"), "1.5"), -EINVAL);
	t_is(t_echo(t_path("values/guess0"), "hello"), -EINVAL);
	t_is(t_echo(t_path("values/guess7"), "7"), 0);
	t_check(t_stat_has(t_path("values/guess7"), "type s"));
}

static void until_then_the_name_is_pending(void **state)
{
	(void)state;
	const char *v = t_path("values/pending");

	t_is(t_touch(v), 0);
	t_is(t_exists(v), 0);
	t_runs(0, "ls $M/values | grep -qx pending");
	t_shows(v, "");
	t_shows(t_format("%s,peek", v), "");
	t_is(t_exists(t_path("shm/values/pending")), -ENOENT);
	t_is(t_echo(v, "9223372036854775808"), -ERANGE); /* [+-]digits past int64 */
	t_shows(v, "");
	t_is(t_touch(v), 0);
	t_is(t_echo(v, "7"), 0);
	t_shows(v, "7\n");
	t_is(t_exists(t_path("shm/values/pending")), 0);

	v = t_path("values/pending2"); /* one handle: read, write, read */
	int fd = t_open(v, O_RDWR | O_CREAT);
	t_gets(fd, "");
	t_is(t_put(fd, "2.5"), 3);
	t_gets(fd, "2.5\n");

	v = t_path("values/pending3");
	t_is(t_touch(v), 0);
	t_is(t_sys(unlink(v)), 0);
	t_is(t_exists(v), -ENOENT);
	t_is(t_touch(v), 0);
	t_is(t_sys(rename(v, t_path("values/pending4"))), 0);
	t_is(t_echo(t_path("values/pending4"), "abc"), 0);
	t_shows(t_path("values/pending4"), "abc\n");
}

/* ---- views, properties ------------------------------------------------------------------------- */

static void peek_is_the_same_as_read(void **state)
{
	(void)state;
	const char *v = make("peek", "q");

	t_is(t_echo(v, "5"), 0);
	t_shows(t_format("%s,peek", v), "5\n");
	t_shows(t_format("%s,timeout=1", v), "5\n");
	int fd = t_open(t_format("%s,peek", v), O_RDONLY | O_NONBLOCK);
	t_gets(fd, "5\n");
	t_gets(fd, "");
}

static void watch(void **state)
{
	(void)state;
	const char *v = make("watch", "q");

	t_is(t_echo(v, "5"), 0);
	int fd = t_open(t_format("%s,watch", v), O_RDONLY);
	t_gets(fd, "5\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_echo(v, "6"), 0);
	t_is(t_echo(v, "7"), 0);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "7\n"); /* the latest state */
	t_is(t_poll(fd, POLLIN, 0), 0);

	struct t_io reader = t_reader(t_format("%s,watch", v), O_RDONLY);
	t_io_got(&reader, "7\n");
	t_is(t_put(t_open(v, O_WRONLY), "add 1"), 5);
	t_gets(fd, "8\n");
	char buf[8];
	int nonblock = t_open(t_format("%s,watch", v), O_RDONLY | O_NONBLOCK);
	t_gets(nonblock, "8\n");
	t_is(t_get(nonblock, buf, sizeof(buf)), -EAGAIN);
	int timed = t_open(t_format("%s,watch,timeout=100ms", v), O_RDONLY);
	t_gets(timed, "8\n");
	t_is(t_get(timed, buf, sizeof(buf)), -ETIMEDOUT);
}

static int watch_one_change(void *arg)
{
	int fd = t_open(arg, O_RDONLY);
	char buf[32];

	if (t_get(fd, buf, sizeof(buf)) <= 0)
		return 1;
	return t_get(fd, buf, sizeof(buf)) == 3 && memcmp(buf, "42\n", 3) == 0 ? 0 : 2;
}

static void watchers_wait(void **state)
{
	(void)state;
	const char *v = make("watchers", "q");
	pid_t child[10];

	for (int i = 0; i < 10; i++)
		child[i] = t_spawn(watch_one_change, (void *)(uintptr_t)t_format("%s,watch", v));
	t_wait_stat(v, "waiters", 10);
	t_is(t_echo(v, "42"), 0);
	for (int i = 0; i < 10; i++)
		t_is(t_wait(child[i]), 0);

	/* the library's changes too */
	struct ipcfs_object *value = t_attach(IPCFS_VALUE, "watchers", NULL);
	t_is(t_echo(v, "41"), 0);
	child[0] = t_spawn(watch_one_change, (void *)(uintptr_t)t_format("%s,watch", v));
	t_wait_stat(v, "waiters", 1);
	t_is(ipcfs_value_op(value, IPCFS_ADD, (union ipcfs_number){.i = 1}, NULL), 0);
	t_is(t_wait(child[0]), 0);
}

static void properties(void **state)
{
	(void)state;
	const char *v = make("props", "i");

	t_check(t_stat_has(v, "type i"));
	t_is(t_echo(v, "-12"), 0);
	t_check(t_stat_has(v, "value -12"));
	t_is(t_touch(t_format("%s,type=i", v)), 0);
	t_is(t_touch(t_format("%s,type=q", v)), -EEXIST);
	v = make("propss", "s,len=10");
	t_is(t_stat(v, "len"), 10);
	t_is(t_touch(t_format("%s,len=10", v)), 0);
	t_is(t_touch(t_format("%s,len=11", v)), -EEXIST);
	t_is(t_touch(t_path("values/p1,type=z")), -EINVAL);
	t_is(t_touch(t_path("values/p2,type=")), -EINVAL);
	t_is(t_touch(t_path("values/p3,type=ii")), -EINVAL);
	t_is(t_touch(t_path("values/p4,type")), -EINVAL);
	t_is(t_touch(t_path("values/p5,type=s,len=65536")), -EINVAL);
	t_is(t_touch(t_path("values/p6,type=i,len=5")), -EINVAL);
	t_is(t_touch(t_path("values/p7,maxsize=5")), -EINVAL);
	t_is(t_touch(t_path("values/p8,type=s,len=x")), -EINVAL);
	for (int i = 1; i < 9; i++)
		t_is(t_exists(t_path("values/p%d", i)), -ENOENT);
	t_is(t_open(t_format("%s,at=0", v), O_RDONLY), -EINVAL); /* views of other kinds */
	t_is(t_open(t_format("%s,n=1", v), O_RDONLY), -EINVAL);
}

static void temp_and_rm(void **state)
{
	(void)state;
	const char *v = t_path("values/temp");

	int fd = t_open(t_format("%s,type=q,temp", v), O_RDWR | O_CREAT);
	t_is(t_put(fd, "5"), 1);
	t_shows(v, "5\n");
	int other = t_open(v, O_RDWR);
	close(fd);
	t_until(t_exists(v) == -ENOENT);
	char buf[8];
	t_is(t_get(other, buf, sizeof(buf)), -EIDRM);
	t_is(t_put(other, "6"), -EIDRM);
	t_check(t_poll(other, POLLIN, 0) & POLLERR);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(integers),
		T_TEST(floats),
		T_TEST(floats_read_back_exactly),
		T_TEST(strings_and_characters),
		T_TEST(without_type_the_first_write_decides),
		T_TEST(until_then_the_name_is_pending),
		T_TEST(peek_is_the_same_as_read),
		T_TEST(watch),
		T_TEST(watchers_wait),
		T_TEST(properties),
		T_TEST(temp_and_rm),
	};

	return T_RUN(tests, argc, argv);
}
