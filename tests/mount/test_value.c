/* SPDX-License-Identifier: MIT
 *
 * test_value.c - contract, row values and section 5: text of every type, its limits, operations,
 * cas, raw, mv, snapshots; with the library.
 */
#include "t.h"

#include <math.h>
#include <sys/mman.h>

static const char *make(const char *name, const char *type)
{
	const char *v = t_path("values/%s", name);

	t_is(t_touch(t_format("%s,type=%s", v, type)), 0);
	return v;
}

/* ---- text ----------------------------------------------------------------------------- */

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

/* ---- operations ----------------------------------------------------------------------------- */

static void arithmetic(void **state)
{
	(void)state;
	static const struct {
		const char *type, *before, *op;
		long result;
		const char *after;
	} rows[] = {
		{"q", "5", "add 3", 0, "8\n"},
		{"q", "5", "add 3\n", 0, "8\n"},
		{"q", "5", "+=3", 0, "8\n"},
		{"q", "5", "+= 3\n", 0, "8\n"},
		{"q", "5", "add -7", 0, "-2\n"},
		{"q", "5", "sub 7", 0, "-2\n"},
		{"q", "5", "mul -3", 0, "-15\n"},
		{"q", "12", "and 10", 0, "8\n"},
		{"q", "12", "or 3", 0, "15\n"},
		{"q", "12", "xor 10", 0, "6\n"},
		{"q", "12", "and -4", 0, "12\n"},
		{"q", "9223372036854775807", "add 1", -ERANGE, "9223372036854775807\n"},
		{"q", "-9223372036854775808", "sub 1", -ERANGE, "-9223372036854775808\n"},
		{"q", "9223372036854775807", "mul 2", -ERANGE, "9223372036854775807\n"},
		{"q", "-9223372036854775808", "mul -1", -ERANGE, "-9223372036854775808\n"},
		{"q", "5", "add 9223372036854775808", -ERANGE, "5\n"},
		{"b", "100", "add 27", 0, "127\n"},
		{"b", "100", "add 28", -ERANGE, "100\n"},
		{"b", "-100", "sub 29", -ERANGE, "-100\n"},
		{"B", "0", "sub 1", -ERANGE, "0\n"},
		{"B", "16", "mul 16", -ERANGE, "16\n"},
		{"i", "2147483647", "add 1", -ERANGE, "2147483647\n"},
		{"I", "4294967295", "add 1", -ERANGE, "4294967295\n"},
		{"Q", "18446744073709551614", "add 1", 0, "18446744073709551615\n"},
		{"Q", "18446744073709551615", "add 1", -ERANGE, "18446744073709551615\n"},
		{"Q", "0", "sub 1", -ERANGE, "0\n"},
		{"d", "1.5", "add 0.25", 0, "1.75\n"},
		{"d", "1.5", "mul 2", 0, "3.0\n"},
		{"d", "1e308", "mul 10", -ERANGE, "1e+308\n"},
		{"q", "5", "add", -EINVAL, "5\n"},
		{"q", "5", "add x", -EINVAL, "5\n"},
		{"q", "5", "add 1 2", -EINVAL, "5\n"},
		{"q", "5", "add 1.5", -EINVAL, "5\n"},
		{"q", "5", "div 2", -EINVAL, "5\n"},
		{"q", "5", "+=", -EINVAL, "5\n"},
		{"q", "5", "ADD 1", -EINVAL, "5\n"},
		{"q", "5", "add1", -EINVAL, "5\n"},
		{"d", "6", "and 3", -EINVAL, NULL},
		{"d", "6", "xor 3", -EINVAL, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *v = make(t_format("arith%zu", i), rows[i].type);
		char text[128] = "";
		t_is(t_echo(v, rows[i].before), 0);
		long got = t_echo(v, rows[i].op);
		t_cat(v, text, sizeof(text));
		bool same = !rows[i].after || strcmp(text, rows[i].after) == 0 ||
			    (*rows[i].type == 'd' &&
			     strtod(text, NULL) == strtod(rows[i].after, NULL));
		if (got != rows[i].result || !same)
			t_fail("type %s, %s, '%s': %s, then %s", rows[i].type, rows[i].before,
			       rows[i].op, got < 0 ? strerrorname_np((int)-got) : "0", text);
	}
}

/* ---- snapshots --------------------------------------------------------------------------------- */

static void a_read_shows_a_snapshot(void **state)
{
	(void)state;
	const char *v = make("snapshot", "q");
	char c;

	t_is(t_echo(v, "123"), 0);
	int fd = t_open(v, O_RDONLY);
	t_is(t_get(fd, &c, 1), 1);
	t_is(c, '1');
	t_is(t_echo(v, "987654"), 0);
	t_gets(fd, "23\n"); /* the rest of what was shown first */
	t_gets(fd, "");	    /* past its end: end of file, for good */
	t_gets(fd, "");
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "987654\n");
	t_is(t_sys(lseek(fd, 3, SEEK_SET)), 3); /* within it */
	t_gets(fd, "654\n");
	t_is(t_echo(v, "5"), 0);
	char buf[16];
	t_is(t_sys(pread(fd, buf, sizeof(buf), 3)), 4);
	t_check(memcmp(buf, "654\n", 4) == 0);
	t_is(t_sys(pread(fd, buf, sizeof(buf), 0)), 2); /* anew */
	t_check(memcmp(buf, "5\n", 2) == 0);
	t_is(t_sys(pread(fd, buf, sizeof(buf), 100)), 0);
}

static void a_read_after_a_write_shows_its_result(void **state)
{
	(void)state;
	const char *v = make("own", "q");
	int fd = t_open(v, O_RDWR);

	t_gets(fd, "0\n");
	t_is(t_put(fd, "add 1\n"), 6);
	t_gets(fd, "1\n");
	t_gets(fd, "");
	t_is(t_put(fd, "add 1\n"), 6);
	t_is(t_put(fd, "add 1\n"), 6);
	t_gets(fd, "3\n");
	t_is(t_put(fd, "100000000000\n"), 13);
	t_gets(fd, "100000000000\n");
	t_is(t_put(fd, "junk\n"), -EINVAL); /* changes nothing */
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "100000000000\n");
}

struct tickets {
	int rounds;
	unsigned char taken[1 << 17];
};

/* add 1, and read the result of one's own operation: nobody gets the same. */
static int draw(void *arg)
{
	struct tickets *t = arg;
	int fd = t_open(t_path("values/tickets"), O_RDWR);
	char buf[32];

	for (int i = 0; i < t->rounds; i++) {
		if (t_put(fd, "add 1\n") != 6)
			return 1;
		long n = t_get(fd, buf, sizeof(buf) - 1);
		if (n <= 0)
			return 2;
		buf[n] = 0;
		long number = strtol(buf, NULL, 10);
		if (number < 1 || number >= 1 << 17)
			return 3;
		if (__atomic_exchange_n(&t->taken[number], 1, __ATOMIC_SEQ_CST))
			return 4; /* twice */
	}
	return 0;
}

static void everyone_reads_his_own_result(void **state)
{
	(void)state;
	struct tickets *t = t_shared(sizeof(*t));
	pid_t child[4];

	make("tickets", "q");
	t->rounds = t_count(2000, 30000);
	t_limit(t_count(T_TEST_S, 600));
	for (int i = 0; i < 4; i++)
		child[i] = t_spawn(draw, t);
	for (int i = 0; i < 4; i++)
		t_is(t_wait_for(child[i], t_count(60, 300) * 1000), 0);
	t_shows(t_path("values/tickets"), t_format("%d\n", 4 * t->rounds));
}

static void truncate_changes_nothing(void **state)
{
	(void)state;
	const char *v = make("truncate", "q");

	t_is(t_echo(v, "5"), 0);
	t_is(t_sys(truncate(v, 0)), 0);
	t_shows(v, "5\n");
	int fd = t_open(v, O_WRONLY | O_TRUNC);
	close(fd);
	t_shows(v, "5\n");
	fd = t_open(v, O_WRONLY | O_APPEND);
	t_is(t_put(fd, "6"), 1); /* a write sets it, >> or not */
	t_shows(v, "6\n");
	t_is(t_sys(write(fd, "", 0)), 0);
	t_shows(v, "6\n");
	struct stat st;
	t_is(t_sys(stat(v, &st)), 0);
	t_is(st.st_size, 0);
}

static void too_long_a_write(void **state)
{
	(void)state;
	const char *v = make("toolong", "q");
	char *text = malloc(2 << 20);

	assert_non_null(text);
	memset(text, '0', 2 << 20);
	int fd = t_open(v, O_WRONLY);
	t_is(t_sys(write(fd, text, T_MSG_MAX + 1)), -EMSGSIZE);
	t_is(t_sys(write(fd, text, 2 << 20)), -EMSGSIZE);
	free(text);
	t_shows(v, "0\n");
}

/* ---- cas ---------------------------------------------------------------------------------------- */

static void cas(void **state)
{
	(void)state;
	const char *v = make("cas", "q"), *cas_view = t_path("values/cas,cas");

	t_is(t_echo(v, "5"), 0);
	int fd = t_open(cas_view, O_RDWR);
	t_is(t_put(fd, "6"), -ECANCELED); /* before any read */
	t_shows(v, "5\n");
	t_gets(fd, "5\n");
	t_is(t_put(fd, "6"), 1);
	t_shows(v, "6\n");
	t_is(t_put(fd, "7"), 1); /* an own successful write counts as a read */
	t_is(t_echo(v, "8"), 0);
	t_is(t_put(fd, "9"), -ECANCELED);
	t_shows(v, "8\n");
	t_is(t_put(fd, "9"), -ECANCELED); /* still */
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "8\n");
	t_is(t_echo(v, "1"), 0);
	t_is(t_echo(v, "8"), 0); /* ABA */
	t_is(t_put(fd, "9"), -ECANCELED);
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "8\n");
	t_is(t_put(fd, "junk"), -EINVAL); /* has changed nothing */
	t_is(t_put(fd, "9"), 1);
	t_shows(v, "9\n");
	t_is(t_put(t_open(cas_view, O_WRONLY), "1"), -ECANCELED);
	t_shows(cas_view, "9\n");
	t_is(t_open(t_path("values/absent,cas"), O_RDWR | O_CREAT), -ENOENT);
}

static void cas_sees_the_library(void **state)
{
	(void)state;
	struct ipcfs_properties p = {.given = IPCFS_P_TYPE, .type = 'q'};
	struct ipcfs_object *value = t_attach(IPCFS_VALUE, "caslib", &p);
	const char *v = t_path("values/caslib");
	uint64_t changes;
	int64_t n = 5;

	int fd = t_open(t_format("%s,cas", v), O_RDWR);
	t_gets(fd, "0\n");
	t_is(ipcfs_value_set(value, &n, sizeof(n)), 0);
	t_is(t_put(fd, "9"), -ECANCELED);
	t_is(ipcfs_value_get(value, &n, sizeof(n), &changes), 8);
	t_is((long)n, 5);
	t_is(t_echo(v, "5"), 0);
	n = 6;
	t_is(ipcfs_value_cas(value, &n, sizeof(n), &changes), -ECANCELED);
	t_is(ipcfs_value_get(value, &n, sizeof(n), &changes), 8);
	n = 6;
	t_is(ipcfs_value_cas(value, &n, sizeof(n), &changes), 0);
	t_shows(v, "6\n");
}

static int add_by_cas(void *arg)
{
	const int *rounds = arg;
	int fd = t_open(t_path("values/cassum,cas"), O_RDWR);
	char buf[64];

	for (int i = 0; i < *rounds;) {
		if (lseek(fd, 0, SEEK_SET) != 0)
			return 1;
		long n = t_get(fd, buf, sizeof(buf) - 1);
		if (n <= 0)
			return 2;
		buf[n] = 0;
		sprintf(buf, "%ld\n", strtol(buf, NULL, 10) + 1);
		long put = t_put(fd, buf);
		if (put > 0)
			i++;
		else if (put != -ECANCELED)
			return 3;
	}
	return 0;
}

static void a_sum_by_cas(void **state)
{
	(void)state;
	int rounds = t_count(1000, 10000);
	pid_t child[4];

	t_limit(t_count(T_TEST_S, 600));
	make("cassum", "q");
	for (int i = 0; i < 4; i++)
		child[i] = t_spawn(add_by_cas, &rounds);
	for (int i = 0; i < 4; i++)
		t_is(t_wait_for(child[i], t_count(60, 300) * 1000), 0);
	t_shows(t_path("values/cassum"), t_format("%d\n", 4 * rounds));
}

/* ---- raw, shm ---------------------------------------------------------------------------------------- */

static void raw_is_the_exact_bytes(void **state)
{
	(void)state;
	static const char types[] = "?bBhHiIlLqQfdcu";
	static const int sizes[] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 4, 8, 1, 4};
	struct stat st;

	for (int i = 0; types[i]; i++) {
		const char *v = make(t_format("raw%d", i), t_format("%c", types[i]));
		t_is(t_sys(stat(t_format("%s,raw", v), &st)), 0);
		t_is(st.st_size, sizes[i]);
		int fd = t_open(t_format("%s,raw", v), O_RDWR);
		t_is(t_sys(fstat(fd, &st)), 0);
		t_is(st.st_size, sizes[i]);
	}

	const char *v = make("raw", "i");
	int fd = t_open(t_format("%s,raw", v), O_RDWR);
	int32_t n = 0;
	t_is(t_echo(v, "258"), 0);
	t_is(t_sys(pread(fd, &n, 4, 0)), 4);
	t_is(n, 258);
	n = -7;
	t_is(t_sys(pwrite(fd, &n, 4, 0)), 4);
	t_shows(v, "-7\n");
	t_is(t_sys(pwrite(fd, "\x00", 1, 3)), 1); /* one byte at an offset */
	t_shows(v, "16777209\n");
	unsigned char bytes[2];
	t_is(t_sys(pread(fd, bytes, 2, 2)), 2);
	t_is(bytes[0], 0xff);
	t_is(bytes[1], 0);
	t_is(t_sys(pread(fd, bytes, 2, 4)), 0);
	t_fails(t_sys(pwrite(fd, "12345", 5, 0))); /* longer than it is */
	t_fails(t_sys(pwrite(fd, "1", 1, 4)));
	t_shows(v, "16777209\n");
}

static void raw_of_a_string(void **state)
{
	(void)state;
	const char *v = make("raws", "s");

	t_is(t_echo(v, "hello\n"), 0);
	t_shows(t_format("%s,raw", v), "hello"); /* no newline of ours */
	struct stat st;
	t_is(t_sys(stat(t_format("%s,raw", v), &st)), 0);
	t_is(st.st_size, 5);
}

static void the_store_has_the_data_at_4096(void **state)
{
	(void)state;
	const char *v = make("shm", "d");
	struct stat st;

	t_is(t_echo(v, "2.5"), 0);
	int fd = t_open(t_path("shm/values/shm"), O_RDWR);
	t_check(fd >= 0);
	t_is(t_sys(fstat(fd, &st)), 0);
	char *map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t_check(map != MAP_FAILED);
	t_check(memcmp(map, "\x93NUMPY", 6) == 0);
	double d;
	memcpy(&d, map + 4096, sizeof(d));
	t_check(d == 2.5);
	d = -0.5;
	memcpy(map + 4096, &d, sizeof(d));
	t_shows(v, "-0.5\n");
	t_is(t_echo(v, "7.25"), 0);
	memcpy(&d, map + 4096, sizeof(d));
	t_check(d == 7.25);
	munmap(map, (size_t)st.st_size);
	t_is(t_sys(stat(v, &st)), 0);
	struct stat in_store;
	t_is(t_sys(stat(t_in_store("values/shm"), &in_store)), 0);
	t_is((long)st.st_ino, (long)in_store.st_ino); /* id: the inode number of the segment */
}

/* ---- views, properties ---------------------------------------------------------------------------------- */

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

/* ---- mv -------------------------------------------------------------------------------------------------- */

static void mv_onto_a_value_writes_its_content(void **state)
{
	(void)state;
	const char *from = t_path("values/from"), *to = make("to", "i");

	t_is(t_echo(to, "1"), 0);
	t_is(t_sys(chmod(to, 0640)), 0);
	t_is(t_sys(chown(to, T_OTHER, T_OTHER)), 0);
	long id = t_stat(to, "id");
	int fd = t_open(to, O_RDWR), watching = t_open(t_format("%s,watch", to), O_RDONLY);
	t_gets(watching, "1\n");
	t_is(t_echo(from, "42"), 0); /* q */
	t_is(t_sys(rename(from, to)), 0);
	t_is(t_exists(from), -ENOENT);
	t_shows(to, "42\n");
	t_check(t_stat_has(to, "type i"));
	t_is(t_stat(to, "id"), id);
	struct stat st;
	t_is(t_sys(stat(to, &st)), 0);
	t_is(st.st_mode & 07777, 0640);
	t_is(st.st_uid, T_OTHER);
	t_gets(fd, "42\n");
	t_gets(watching, "42\n");

	t_is(t_echo(from, "hello"), 0); /* s */
	t_is(t_sys(rename(from, to)), -EINVAL);
	t_shows(from, "hello\n");
	t_shows(to, "42\n");
	const char *large = t_path("values/large");
	t_is(t_echo(large, "4294967296"), 0);
	t_is(t_sys(rename(large, to)), -ERANGE);
	t_shows(large, "4294967296\n");
	t_shows(to, "42\n");
	const char *string = t_path("values/string");
	t_is(t_echo(string, "text"), 0);
	t_is(t_sys(rename(large, string)), 0);
	t_shows(string, "4294967296\n");
}

static void mv_to_another_name(void **state)
{
	(void)state;
	const char *from = make("mv", "q"), *to = t_path("values/mv2");

	t_is(t_echo(from, "5"), 0);
	int fd = t_open(from, O_RDWR);
	t_is(t_sys(rename(from, to)), 0);
	t_is(t_exists(from), -ENOENT);
	t_shows(to, "5\n");
	t_is(t_put(fd, "add 1"), 5);
	t_shows(to, "6\n");
	t_is(t_exists(t_in_store("values/mv2")), 0);
	t_is(t_exists(t_in_store("values/mv")), -ENOENT);
}

/* As sed -i and editors do it. */
static void an_editor_saves(void **state)
{
	(void)state;
	const char *v = make("edited", "q");

	t_is(t_echo(v, "5"), 0);
	t_is(t_sys(chmod(v, 0600)), 0);
	t_runs(0, "sed -i 's/5/77/' $M/values/edited");
	t_shows(v, "77\n");
	t_check(t_stat_has(v, "type q"));
	struct stat st;
	t_is(t_sys(stat(v, &st)), 0);
	t_is(st.st_mode & 07777, 0600);
	t_runs(0, "[ $(ls $M/values | grep -c '^sed') = 0 ]");
}

/* ---- beside the library ---------------------------------------------------------------------------------- */

static void with_the_library(void **state)
{
	(void)state;
	struct ipcfs_properties p = {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 20};
	struct ipcfs_object *string = t_attach(IPCFS_VALUE, "libs", &p);
	char buf[32];

	t_shows(t_path("values/libs"), "\n");
	t_is(ipcfs_value_set(string, "from C", 6), 0);
	t_shows(t_path("values/libs"), "from C\n");
	t_is(t_echo(t_path("values/libs"), "from a file\n"), 0);
	t_is(ipcfs_value_get(string, buf, sizeof(buf), NULL), 11);
	t_check(memcmp(buf, "from a file", 11) == 0);

	p = (struct ipcfs_properties){.given = IPCFS_P_TYPE, .type = 'd'};
	struct ipcfs_object *number = t_attach(IPCFS_VALUE, "libd", &p);
	union ipcfs_number result;
	t_is(t_echo(t_path("values/libd"), "1.25"), 0);
	t_is(ipcfs_value_op(number, IPCFS_MUL, (union ipcfs_number){.f = 2}, &result), 0);
	t_check(result.f == 2.5);
	t_shows(t_path("values/libd"), "2.5\n");
}

struct sum {
	int rounds;
	char type;
};

static int add_by_file(void *arg)
{
	const struct sum *s = arg;
	int fd = t_open(t_path("values/sum"), O_WRONLY);

	for (int i = 0; i < s->rounds; i++)
		if (t_again(t_put(fd, "add 1\n")) != 6)
			return 1;
	return 0;
}

static int add_by_library(void *arg)
{
	const struct sum *s = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *value = t_attach_child(&store, IPCFS_VALUE, "sum");
	union ipcfs_number one = {.i = 1};

	if (s->type == 'd')
		one.f = 1;
	for (int i = 0; value && i < s->rounds; i++)
		if (t_again(ipcfs_value_op(value, IPCFS_ADD, one, NULL)) != 0)
			return 1;
	return !value;
}

/* The number: 8 processes times 10,000 add 1, mount and library mixed. */
static void eight_times_ten_thousand(void **state)
{
	(void)state;
	static const char types[] = "qQid";

	for (int t = 0; types[t]; t++) {
		struct sum s = {t == 0 || t_long() ? 10000 : 2000, types[t]};
		pid_t child[8];
		make("sum", t_format("%c", types[t]));
		for (int i = 0; i < 8; i++)
			child[i] = t_spawn(i % 2 ? add_by_library : add_by_file, &s);
		for (int i = 0; i < 8; i++)
			t_is(t_wait_for(child[i], 120000), 0);
		char text[64];
		t_check(t_cat(t_path("values/sum"), text, sizeof(text)) > 0);
		t_is((long)strtod(text, NULL), 8 * s.rounds);
		t_is(t_sys(unlink(t_path("values/sum"))), 0);
	}
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
		T_TEST(arithmetic),
		T_TEST(a_read_shows_a_snapshot),
		T_TEST(a_read_after_a_write_shows_its_result),
		T_TEST(everyone_reads_his_own_result),
		T_TEST(truncate_changes_nothing),
		T_TEST(too_long_a_write),
		T_TEST(cas),
		T_TEST(cas_sees_the_library),
		T_TEST(a_sum_by_cas),
		T_TEST(raw_is_the_exact_bytes),
		T_TEST(raw_of_a_string),
		T_TEST(the_store_has_the_data_at_4096),
		T_TEST(peek_is_the_same_as_read),
		T_TEST(watch),
		T_TEST(watchers_wait),
		T_TEST(properties),
		T_TEST(temp_and_rm),
		T_TEST(mv_onto_a_value_writes_its_content),
		T_TEST(mv_to_another_name),
		T_TEST(an_editor_saves),
		T_TEST(with_the_library),
		T_TEST(eight_times_ten_thousand),
	};

	return T_RUN(tests, argc, argv);
}
