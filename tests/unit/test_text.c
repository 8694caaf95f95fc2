/* SPDX-License-Identifier: MIT
 *
 * test_text.c - core/text.h: every form, every error, the bounds of every type, floats both ways.
 *
 * Every text is parsed from memory of exactly its length and every output lies among guard bytes,
 * so that a byte read or written past the end shows, under ASan and without. Rows of tables carry
 * a name, which a failure prints. The locale test needs a locale with another decimal point
 * than "." and is skipped where none is installed (LOCPATH= names a folder with one).
 */
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TEXT(literal) literal, sizeof(literal) - 1

enum { GUARD = 0xa5, RANDOM_ROUNDS = 20000 };

/* ---- helpers ------------------------------------------------------------------ */

static void same_int(const char *name, const char *what, intmax_t got, intmax_t want)
{
	if (got != want)
		fail_msg("%s: %s is %jd, not %jd", name, what, got, want);
}

static void same_uint(const char *name, const char *what, uintmax_t got, uintmax_t want)
{
	if (got != want)
		fail_msg("%s: %s is %ju, not %ju", name, what, got, want);
}

static void same_text(const char *name, const char *got, size_t got_len, const char *want,
		      size_t want_len)
{
	if (got_len != want_len || memcmp(got, want, want_len) != 0)
		fail_msg("%s: \"%.*s\" (%zu), not \"%s\" (%zu)", name, (int)got_len, got, got_len,
			 want, want_len);
}

/* A copy that ends where the text ends. */
static char *exact(const char *s, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, s, len);
	return copy;
}

static char *repeat(char c, size_t count)
{
	char *s = malloc(count > 0 ? count : 1);

	assert_non_null(s);
	memset(s, c, count);
	return s;
}

struct cell {
	unsigned char bytes[24];
};

static bool guards_are_whole(const struct cell *cell, size_t from)
{
	for (size_t i = from; i < sizeof(cell->bytes); i++)
		if (cell->bytes[i] != GUARD)
			return false;
	return true;
}

static size_t size_of(char type)
{
	switch (type) {
	case 'h':
	case 'H':
		return sizeof(short);
	case 'i':
	case 'I':
		return sizeof(int);
	case 'l':
	case 'L':
		return sizeof(long);
	case 'q':
	case 'Q':
		return sizeof(long long);
	case 'f':
		return sizeof(float);
	case 'd':
		return sizeof(double);
	case 'u':
		return sizeof(uint32_t);
	default:
		return 1;
	}
}

/* Parses to an address that is aligned for nothing; an error must store nothing. */
static int parse(const char *name, char type, const char *s, size_t len, void *out)
{
	struct cell cell;
	char *text = exact(s, len);

	memset(&cell, GUARD, sizeof(cell));
	int r = ipcfs_parse_element(type, text, len, cell.bytes + 1);
	free(text);
	if (cell.bytes[0] != GUARD || !guards_are_whole(&cell, r == 0 ? 1 + size_of(type) : 0))
		fail_msg("%s: stored more than its element", name);
	if (r == 0)
		memcpy(out, cell.bytes + 1, size_of(type));
	return r;
}

/* Formats from an address that is aligned for nothing. */
static int format(const char *name, char type, const void *in, char *buf)
{
	struct cell cell;

	memset(&cell, GUARD, sizeof(cell));
	memcpy(cell.bytes + 1, in, size_of(type));
	memset(buf, GUARD, IPCFS_NUMBER_TEXT);
	int n = ipcfs_format_element(type, cell.bytes + 1, buf);
	if (n >= 0 && (n >= IPCFS_NUMBER_TEXT || buf[n] != '\0'))
		fail_msg("%s: no NUL after %d bytes", name, n);
	return n;
}

/* xorshift64, the same numbers in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- integers, sizes, durations ------------------------------------------------- */

static void parse_u64_takes_digits_alone(void **state)
{
	static const struct {
		const char *name, *s;
		size_t len;
		int r;
		uint64_t v;
	} rows[] = {
		{"zero", TEXT("0"), 0, 0},
		{"leading zeros", TEXT("000000000000000000000000000007"), 0, 7},
		{"largest", TEXT("18446744073709551615"), 0, UINT64_MAX},
		{"one more", TEXT("18446744073709551616"), -ERANGE, 0},
		{"ten times", TEXT("18446744073709551610"), 0, UINT64_MAX - 5},
		{"21 digits", TEXT("184467440737095516150"), -ERANGE, 0},
		{"wraps to small", TEXT("36893488147419103233"), -ERANGE, 0},
		{"empty", TEXT(""), -EINVAL, 0},
		{"plus", TEXT("+1"), -EINVAL, 0},
		{"minus", TEXT("-1"), -EINVAL, 0},
		{"blank before", TEXT(" 1"), -EINVAL, 0},
		{"blank after", TEXT("1 "), -EINVAL, 0},
		{"newline", TEXT("1\n"), -EINVAL, 0},
		{"letter after", TEXT("1a"), -EINVAL, 0},
		{"too large, letter after", TEXT("99999999999999999999999x"), -EINVAL, 0},
		{"hexadecimal", TEXT("0x10"), -EINVAL, 0},
		{"point", TEXT("1.0"), -EINVAL, 0},
		{"NUL after", TEXT("1\0"), -EINVAL, 0},
		{"NUL inside", TEXT("1\0002"), -EINVAL, 0},
		{"NUL alone", TEXT("\0"), -EINVAL, 0},
		{"before 0", TEXT("/"), -EINVAL, 0},
		{"after 9", TEXT(":"), -EINVAL, 0},
		{"other script's digit", TEXT("\xd9\xa1"), -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t v = 4711;
		char *text = exact(rows[i].s, rows[i].len);
		same_int(rows[i].name, "result", ipcfs_parse_u64(text, rows[i].len, &v), rows[i].r);
		same_uint(rows[i].name, "number", v, rows[i].r == 0 ? rows[i].v : 4711);
		free(text);
	}
}

static void parse_u64_reads_len_bytes_alone(void **state)
{
	uint64_t v = 0;

	(void)state;
	assert_int_equal(ipcfs_parse_u64("12345", 2, &v), 0);
	assert_int_equal(v, 12);
}

static void parse_i64_takes_a_sign(void **state)
{
	static const struct {
		const char *name, *s;
		size_t len;
		int r;
		int64_t v;
	} rows[] = {
		{"zero", TEXT("0"), 0, 0},
		{"minus zero", TEXT("-0"), 0, 0},
		{"plus", TEXT("+42"), 0, 42},
		{"minus", TEXT("-42"), 0, -42},
		{"largest", TEXT("9223372036854775807"), 0, INT64_MAX},
		{"largest with plus", TEXT("+9223372036854775807"), 0, INT64_MAX},
		{"one more", TEXT("9223372036854775808"), -ERANGE, 0},
		{"least", TEXT("-9223372036854775808"), 0, INT64_MIN},
		{"one less", TEXT("-9223372036854775809"), -ERANGE, 0},
		{"past u64", TEXT("-18446744073709551617"), -ERANGE, 0},
		{"past u64, letter after", TEXT("-18446744073709551617e"), -EINVAL, 0},
		{"empty", TEXT(""), -EINVAL, 0},
		{"plus alone", TEXT("+"), -EINVAL, 0},
		{"minus alone", TEXT("-"), -EINVAL, 0},
		{"two signs", TEXT("+-1"), -EINVAL, 0},
		{"two minuses", TEXT("--1"), -EINVAL, 0},
		{"blank after sign", TEXT("- 1"), -EINVAL, 0},
		{"blank before", TEXT(" 1"), -EINVAL, 0},
		{"NUL after", TEXT("-1\0"), -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t v = 4711;
		char *text = exact(rows[i].s, rows[i].len);
		same_int(rows[i].name, "result", ipcfs_parse_i64(text, rows[i].len, &v), rows[i].r);
		same_int(rows[i].name, "number", v, rows[i].r == 0 ? rows[i].v : 4711);
		free(text);
	}
}

static void parse_bytes_takes_powers_of_1024(void **state)
{
	static const struct {
		const char *name, *s;
		size_t len;
		int r;
		uint64_t v;
	} rows[] = {
		{"zero", TEXT("0"), 0, 0},
		{"plain", TEXT("4096"), 0, 4096},
		{"kilo", TEXT("3k"), 0, 3072},
		{"mega", TEXT("1M"), 0, 1048576},
		{"giga", TEXT("16G"), 0, UINT64_C(17179869184)},
		{"zero giga", TEXT("0G"), 0, 0},
		{"largest", TEXT("18446744073709551615"), 0, UINT64_MAX},
		{"one more", TEXT("18446744073709551616"), -ERANGE, 0},
		{"most kilo", TEXT("18014398509481983k"), 0, UINT64_MAX - 1023},
		{"too many kilo", TEXT("18014398509481984k"), -ERANGE, 0},
		{"most mega", TEXT("17592186044415M"), 0, UINT64_MAX - 1048575},
		{"too many mega", TEXT("17592186044416M"), -ERANGE, 0},
		{"most giga", TEXT("17179869183G"), 0, UINT64_MAX - 1073741823},
		{"too many giga", TEXT("17179869184G"), -ERANGE, 0},
		{"too many by far", TEXT("99999999999999999999999k"), -ERANGE, 0},
		{"too many, bad unit", TEXT("99999999999999999999999T"), -EINVAL, 0},
		{"empty", TEXT(""), -EINVAL, 0},
		{"unit alone", TEXT("k"), -EINVAL, 0},
		{"large K", TEXT("1K"), -EINVAL, 0},
		{"small m", TEXT("1m"), -EINVAL, 0},
		{"small g", TEXT("1g"), -EINVAL, 0},
		{"two units", TEXT("1kk"), -EINVAL, 0},
		{"two different units", TEXT("1kM"), -EINVAL, 0},
		{"kB", TEXT("1kB"), -EINVAL, 0},
		{"fraction", TEXT("1.5k"), -EINVAL, 0},
		{"blank between", TEXT("1 k"), -EINVAL, 0},
		{"minus", TEXT("-1k"), -EINVAL, 0},
		{"NUL after", TEXT("1k\0"), -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t v = 4711;
		char *text = exact(rows[i].s, rows[i].len);
		same_int(rows[i].name, "result", ipcfs_parse_bytes(text, rows[i].len, &v),
			 rows[i].r);
		same_uint(rows[i].name, "number", v, rows[i].r == 0 ? rows[i].v : 4711);
		free(text);
	}
}

static void parse_duration_gives_nanoseconds(void **state)
{
	static const struct {
		const char *name, *s;
		size_t len;
		int r;
		int64_t ns;
	} rows[] = {
		{"seconds by default", TEXT("2"), 0, INT64_C(2000000000)},
		{"zero", TEXT("0"), 0, 0},
		{"zero with all", TEXT("0.000h"), 0, 0},
		{"half", TEXT("0.5"), 0, 500000000},
		{"ns", TEXT("7ns"), 0, 7},
		{"us", TEXT("10us"), 0, 10000},
		{"ms", TEXT("200ms"), 0, 200000000},
		{"s", TEXT("3s"), 0, INT64_C(3000000000)},
		{"m", TEXT("1m"), 0, INT64_C(60000000000)},
		{"h", TEXT("1h"), 0, INT64_C(3600000000000)},
		{"fraction of m", TEXT("1.5m"), 0, INT64_C(90000000000)},
		{"fraction of h", TEXT("0.25h"), 0, INT64_C(900000000000)},
		{"fraction to the ns", TEXT("0.123456789"), 0, 123456789},
		{"fraction past the ns", TEXT("0.1234567891"), 0, 123456790},
		{"rounded up from almost 0", TEXT("0.00000000000000000000000000001ns"), 0, 1},
		{"zeros past the ns", TEXT("0.12345678900000000000000000"), 0, 123456789},
		{"almost one", TEXT("0.99999999999999999999999999"), 0, 1000000000},
		{"half a ns", TEXT("2.5ns"), 0, 3},
		{"third of an h", TEXT("0.333333333333333333h"), 0, INT64_C(1200000000000)},
		{"leading zeros", TEXT("0000000000000000000000000000000001"), 0, 1000000000},
		{"most ns", TEXT("9223372036854775807ns"), 0, INT64_MAX},
		{"one ns more", TEXT("9223372036854775808ns"), -ERANGE, 0},
		{"fraction of a ns more", TEXT("9223372036854775807.1ns"), -ERANGE, 0},
		{"most us", TEXT("9223372036854775.807us"), 0, INT64_MAX},
		{"most seconds", TEXT("9223372036.854775807"), 0, INT64_MAX},
		{"one ns past seconds", TEXT("9223372036.854775808s"), -ERANGE, 0},
		{"seconds past", TEXT("9223372037"), -ERANGE, 0},
		{"minutes past", TEXT("153722868m"), -ERANGE, 0},
		{"most whole minutes", TEXT("153722867m"), 0, INT64_C(9223372020000000000)},
		{"hours past", TEXT("2562048h"), -ERANGE, 0},
		{"most whole hours", TEXT("2562047h"), 0, INT64_C(9223369200000000000)},
		{"past u64", TEXT("18446744073709551616ns"), -ERANGE, 0},
		{"past u64, fraction", TEXT("18446744073709551616.5"), -ERANGE, 0},
		{"past u64, bad unit", TEXT("18446744073709551616d"), -EINVAL, 0},
		{"past u64, no fraction", TEXT("18446744073709551616."), -EINVAL, 0},
		{"empty", TEXT(""), -EINVAL, 0},
		{"unit alone", TEXT("ms"), -EINVAL, 0},
		{"minus", TEXT("-1"), -EINVAL, 0},
		{"minus zero", TEXT("-0"), -EINVAL, 0},
		{"plus", TEXT("+1"), -EINVAL, 0},
		{"no digits before", TEXT(".5"), -EINVAL, 0},
		{"no digits after", TEXT("5."), -EINVAL, 0},
		{"no digits after, unit", TEXT("5.s"), -EINVAL, 0},
		{"two points", TEXT("1.2.3"), -EINVAL, 0},
		{"comma", TEXT("0,5"), -EINVAL, 0},
		{"exponent", TEXT("1e3"), -EINVAL, 0},
		{"unknown unit", TEXT("1d"), -EINVAL, 0},
		{"unit's beginning", TEXT("1n"), -EINVAL, 0},
		{"unit and more", TEXT("1mss"), -EINVAL, 0},
		{"large unit", TEXT("1S"), -EINVAL, 0},
		{"blank before unit", TEXT("1 s"), -EINVAL, 0},
		{"blank after", TEXT("1s "), -EINVAL, 0},
		{"newline", TEXT("1\n"), -EINVAL, 0},
		{"NUL after", TEXT("1\0"), -EINVAL, 0},
		{"NUL after unit", TEXT("1s\0"), -EINVAL, 0},
		{"inf", TEXT("inf"), -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t ns = 4711;
		char *text = exact(rows[i].s, rows[i].len);
		same_int(rows[i].name, "result", ipcfs_parse_duration(text, rows[i].len, &ns),
			 rows[i].r);
		same_int(rows[i].name, "duration", ns, rows[i].r == 0 ? rows[i].ns : 4711);
		free(text);
	}
}

static void trim_cuts_blanks_at_both_ends(void **state)
{
	static const struct {
		const char *name, *s;
		size_t len;
		const char *want;
		size_t want_len;
	} rows[] = {
		{"nothing to cut", TEXT("ab"), TEXT("ab")},
		{"before", TEXT(" \t\r\n\v\fab"), TEXT("ab")},
		{"after", TEXT("ab \t\r\n\v\f"), TEXT("ab")},
		{"both", TEXT("\nab\n"), TEXT("ab")},
		{"inside stays", TEXT(" a b "), TEXT("a b")},
		{"blanks alone", TEXT(" \t\r\n\v\f"), TEXT("")},
		{"empty", TEXT(""), TEXT("")},
		{"NUL stays", TEXT(" \0 "), TEXT("\0")},
		{"backspace stays", TEXT("\b1\b"), TEXT("\b1\b")},
		{"shift out stays", TEXT("\x0e"), TEXT("\x0e")},
		{"no-break space stays", TEXT("\xc2\xa0"), TEXT("\xc2\xa0")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = rows[i].len;
		char *text = exact(rows[i].s, len);
		const char *got = ipcfs_trim(text, &len);
		same_text(rows[i].name, got, len, rows[i].want, rows[i].want_len);
		free(text);
	}
}

/* ---- elements ------------------------------------------------------------------- */

static const struct bounds {
	size_t size;
	bool is_signed;
	const char *below, *least, *most, *above;
} all_bounds[] = {
	{1, true, "-129", "-128", "127", "128"},
	{1, false, "-1", "0", "255", "256"},
	{2, true, "-32769", "-32768", "32767", "32768"},
	{2, false, "-1", "0", "65535", "65536"},
	{4, true, "-2147483649", "-2147483648", "2147483647", "2147483648"},
	{4, false, "-1", "0", "4294967295", "4294967296"},
	{8, true, "-9223372036854775809", "-9223372036854775808", "9223372036854775807",
	 "9223372036854775808"},
	{8, false, "-1", "0", "18446744073709551615", "18446744073709551616"},
};

static const struct bounds *bounds_of(char type)
{
	for (size_t i = 0; i < COUNT(all_bounds); i++)
		if (all_bounds[i].size == size_of(type) && all_bounds[i].is_signed == (type >= 'a'))
			return &all_bounds[i];
	fail_msg("no bounds of %c", type);
	return NULL;
}

static void integers_keep_to_their_bounds(void **state)
{
	(void)state;
	for (const char *type = "bBhHiIlLqQ"; *type != '\0'; type++) {
		const struct bounds *b = bounds_of(*type);
		char name[] = {*type, '\0'};
		char buf[IPCFS_NUMBER_TEXT];
		struct cell cell;

		same_int(name, "below", parse(name, *type, b->below, strlen(b->below), &cell),
			 -ERANGE);
		same_int(name, "above", parse(name, *type, b->above, strlen(b->above), &cell),
			 -ERANGE);
		same_int(name, "least", parse(name, *type, b->least, strlen(b->least), &cell), 0);
		int n = format(name, *type, &cell, buf);
		same_text(name, buf, (size_t)n, b->least, strlen(b->least));
		same_int(name, "most", parse(name, *type, b->most, strlen(b->most), &cell), 0);
		n = format(name, *type, &cell, buf);
		same_text(name, buf, (size_t)n, b->most, strlen(b->most));
	}
}

static void integers_are_the_machines_own(void **state)
{
	struct cell cell;
	int8_t b = -2;
	uint16_t big_h = 0x1234;
	int i = -123456;
	unsigned long long big_q = 0x0123456789abcdef;

	(void)state;
	assert_int_equal(parse("b", 'b', TEXT("-2"), &cell), 0);
	assert_memory_equal(&cell, &b, sizeof(b));
	assert_int_equal(parse("H", 'H', TEXT("4660"), &cell), 0);
	assert_memory_equal(&cell, &big_h, sizeof(big_h));
	assert_int_equal(parse("i", 'i', TEXT("-123456"), &cell), 0);
	assert_memory_equal(&cell, &i, sizeof(i));
	assert_int_equal(parse("Q", 'Q', TEXT("81985529216486895"), &cell), 0);
	assert_memory_equal(&cell, &big_q, sizeof(big_q));
}

/* A row fails with r, or formats back as want. */
struct element {
	const char *name;
	char type;
	int r;
	const char *s;
	size_t len;
	const char *want;
	size_t want_len;
};
#define FROM(text) .s = (text), .len = sizeof(text) - 1
#define GIVES(text) .want = (text), .want_len = sizeof(text) - 1
#define FAILS(error) .r = -(error)

static void check_elements(const struct element *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct element *row = &rows[i];
		struct cell cell;
		char buf[IPCFS_NUMBER_TEXT];

		same_int(row->name, "result", parse(row->name, row->type, row->s, row->len, &cell),
			 row->r);
		if (row->r < 0)
			continue;
		int n = format(row->name, row->type, &cell, buf);
		same_text(row->name, buf, (size_t)n, row->want, row->want_len);
	}
}

static void parse_element_takes_integers(void **state)
{
	static const struct element rows[] = {
		{"blanks around", 'i', FROM(" \t\r\n\v\f42 \t\r\n\v\f"), GIVES("42")},
		{"newline", 'q', FROM("42\n"), GIVES("42")},
		{"two newlines", 'q', FROM("42\n\n"), GIVES("42")},
		{"plus", 'q', FROM("+42"), GIVES("42")},
		{"minus zero", 'q', FROM("-0"), GIVES("0")},
		{"leading zeros", 'b', FROM("0000000000000000000000000000127"), GIVES("127")},
		{"unsigned plus", 'B', FROM("+5"), GIVES("5")},
		{"unsigned minus", 'Q', FROM("-5"), FAILS(ERANGE)},
		{"unsigned minus, not a number", 'Q', FROM("-5x"), FAILS(EINVAL)},
		{"unsigned minus alone", 'Q', FROM("-"), FAILS(EINVAL)},
		{"empty", 'i', FROM(""), FAILS(EINVAL)},
		{"blanks alone", 'i', FROM(" \n"), FAILS(EINVAL)},
		{"two numbers", 'i', FROM("1 2"), FAILS(EINVAL)},
		{"word", 'i', FROM("abc"), FAILS(EINVAL)},
		{"hexadecimal", 'i', FROM("0x1f"), FAILS(EINVAL)},
		{"point", 'i', FROM("1.0"), FAILS(EINVAL)},
		{"exponent", 'i', FROM("1e3"), FAILS(EINVAL)},
		{"underscore", 'i', FROM("1_000"), FAILS(EINVAL)},
		{"inf", 'i', FROM("inf"), FAILS(EINVAL)},
		{"NUL after", 'i', FROM("1\0"), FAILS(EINVAL)},
		{"NUL, newline", 'i', FROM("1\0\n"), FAILS(EINVAL)},
		{"NUL before", 'i', FROM("\0001"), FAILS(EINVAL)},
		{"very large", 'q', FROM("123456789012345678901234567890"), FAILS(ERANGE)},
		{"very small", 'q', FROM("-123456789012345678901234567890"), FAILS(ERANGE)},
		{"bool 0", '?', FROM("0"), GIVES("0")},
		{"bool 1", '?', FROM(" 1\n"), GIVES("1")},
		{"bool +01", '?', FROM("+01"), GIVES("1")},
		{"bool 2", '?', FROM("2"), FAILS(ERANGE)},
		{"bool -1", '?', FROM("-1"), FAILS(ERANGE)},
		{"bool 256", '?', FROM("256"), FAILS(ERANGE)},
		{"bool true", '?', FROM("true"), FAILS(EINVAL)},
		{"bool 1.0", '?', FROM("1.0"), FAILS(EINVAL)},
		{"bool empty", '?', FROM(""), FAILS(EINVAL)},
	};

	(void)state;
	check_elements(rows, COUNT(rows));
}

static const struct element floats[] = {
	{"integral", 'd', FROM("3"), GIVES("3.0")},
	{"integral with point", 'd', FROM("3."), GIVES("3.0")},
	{"no digit before", 'd', FROM(".5"), GIVES("0.5")},
	{"one and a half", 'd', FROM("1.5"), GIVES("1.5")},
	{"a tenth", 'd', FROM("0.1"), GIVES("0.1")},
	{"a third", 'd', FROM("0.333333333333333333333333"), GIVES("0.3333333333333333")},
	{"sum of tenths", 'd', FROM("0.30000000000000004"), GIVES("0.30000000000000004")},
	{"zero", 'd', FROM("0"), GIVES("0.0")},
	{"minus zero", 'd', FROM("-0.0"), GIVES("-0.0")},
	{"zero with exponent", 'd', FROM("0e999999999999999999999999"), GIVES("0.0")},
	{"plus", 'd', FROM("+1.25"), GIVES("1.25")},
	{"minus", 'd', FROM("-1.25"), GIVES("-1.25")},
	{"blanks", 'd', FROM(" \t-1.25\r\n"), GIVES("-1.25")},
	{"exponent", 'd', FROM("1e22"), GIVES("1e+22")},
	{"large E", 'd', FROM("1E+22"), GIVES("1e+22")},
	{"exponent with fraction", 'd', FROM("12.5e-1"), GIVES("1.25")},
	{"exponent with zeros", 'd', FROM("1e0000000000000000000000000002"), GIVES("100.0")},
	{"last with a point", 'd', FROM("1e15"), GIVES("1000000000000000.0")},
	{"sixteen digits", 'd', FROM("9999999999999998"), GIVES("9999999999999998.0")},
	{"first with exponent", 'd', FROM("1e16"), GIVES("1e+16")},
	{"least with a point", 'd', FROM("0.0001"), GIVES("0.0001")},
	{"small with exponent", 'd', FROM("0.00001"), GIVES("1e-05")},
	{"small, many digits", 'd', FROM("0.0001234567890123456"), GIVES("0.0001234567890123456")},
	{"2**53 + 1 to even", 'd', FROM("9007199254740993"), GIVES("9007199254740992.0")},
	{"a bit more than half", 'd', FROM("9007199254740993.00000000000000000000000001"),
	 GIVES("9007199254740994.0")},
	{"power of two, neighbour shorter", 'd', FROM("7.1202363472230444e-307"),
	 GIVES("7.120236347223045e-307")},
	{"2**-44", 'd', FROM("5.684341886080801486968994140625e-14"),
	 GIVES("5.684341886080802e-14")},
	{"1e23", 'd', FROM("1e23"), GIVES("1e+23")},
	{"largest", 'd', FROM("1.7976931348623157e308"), GIVES("1.7976931348623157e+308")},
	{"rounds down to largest", 'd', FROM("1.797693134862315807e308"),
	 GIVES("1.7976931348623157e+308")},
	{"rounds up past largest", 'd', FROM("1.797693134862315808e308"), FAILS(ERANGE)},
	{"overflow", 'd', FROM("1e999"), FAILS(ERANGE)},
	{"overflow below", 'd', FROM("-1e999"), FAILS(ERANGE)},
	{"overflow by far", 'd', FROM("1e99999999999999999999999999"), FAILS(ERANGE)},
	{"least normal", 'd', FROM("2.2250738585072014e-308"), GIVES("2.2250738585072014e-308")},
	{"least", 'd', FROM("5e-324"), GIVES("5e-324")},
	{"least, longer", 'd', FROM("4.9406564584124654e-324"), GIVES("5e-324")},
	{"underflow", 'd', FROM("1e-400"), GIVES("0.0")},
	{"minus underflow", 'd', FROM("-1e-400"), GIVES("-0.0")},
	{"underflow by far", 'd', FROM("1e-99999999999999999999999999"), GIVES("0.0")},
	{"inf", 'd', FROM("inf"), GIVES("inf")},
	{"+inf", 'd', FROM("+inf"), GIVES("inf")},
	{"-inf", 'd', FROM("-inf"), GIVES("-inf")},
	{"Inf", 'd', FROM("Inf\n"), GIVES("inf")},
	{"nan", 'd', FROM("nan"), GIVES("nan")},
	{"-nan", 'd', FROM("-nan"), GIVES("nan")},
	{"NaN", 'd', FROM("NaN"), GIVES("nan")},
	{"infinity", 'd', FROM("infinity"), FAILS(EINVAL)},
	{"nan with digits", 'd', FROM("nan(1)"), FAILS(EINVAL)},
	{"in", 'd', FROM("in"), FAILS(EINVAL)},
	{"inf, NUL", 'd', FROM("inf\0"), FAILS(EINVAL)},
	{"inf with exponent", 'd', FROM("infe1"), FAILS(EINVAL)},
	{"hexadecimal", 'd', FROM("0x10"), FAILS(EINVAL)},
	{"hexadecimal float", 'd', FROM("0x1p3"), FAILS(EINVAL)},
	{"0x", 'd', FROM("0x"), FAILS(EINVAL)},
	{"empty", 'd', FROM(""), FAILS(EINVAL)},
	{"blanks alone", 'd', FROM(" \n"), FAILS(EINVAL)},
	{"point alone", 'd', FROM("."), FAILS(EINVAL)},
	{"sign alone", 'd', FROM("-"), FAILS(EINVAL)},
	{"exponent alone", 'd', FROM("e5"), FAILS(EINVAL)},
	{"point, exponent", 'd', FROM(".e5"), FAILS(EINVAL)},
	{"exponent without digits", 'd', FROM("1e"), FAILS(EINVAL)},
	{"exponent of a sign", 'd', FROM("1e+"), FAILS(EINVAL)},
	{"exponent with point", 'd', FROM("1e1.5"), FAILS(EINVAL)},
	{"two points", 'd', FROM("1.2.3"), FAILS(EINVAL)},
	{"two signs", 'd', FROM("--1"), FAILS(EINVAL)},
	{"comma", 'd', FROM("1,5"), FAILS(EINVAL)},
	{"suffix", 'd', FROM("1.5f"), FAILS(EINVAL)},
	{"overflow, suffix", 'd', FROM("1e999f"), FAILS(EINVAL)},
	{"blank inside", 'd', FROM("1 .5"), FAILS(EINVAL)},
	{"NUL after", 'd', FROM("1.5\0"), FAILS(EINVAL)},
	{"NUL inside", 'd', FROM("1\0.5"), FAILS(EINVAL)},

	{"f: a tenth", 'f', FROM("0.1"), GIVES("0.1")},
	{"f: integral", 'f', FROM("16777217"), GIVES("16777216.0")},
	{"f: a third", 'f', FROM("0.3333333333333333"), GIVES("0.33333334")},
	{"f: largest", 'f', FROM("3.4028235e38"), GIVES("3.4028235e+38")},
	{"f: rounds down to largest", 'f', FROM("3.40282356779733661637e38"),
	 GIVES("3.4028235e+38")},
	{"f: rounds up past largest", 'f', FROM("3.40282356779733661638e38"), FAILS(ERANGE)},
	{"f: overflow", 'f', FROM("1e39"), FAILS(ERANGE)},
	{"f: overflow below", 'f', FROM("-1e39"), FAILS(ERANGE)},
	{"f: overflow of d too", 'f', FROM("1e999"), FAILS(ERANGE)},
	{"f: least", 'f', FROM("1e-45"), GIVES("1e-45")},
	{"f: underflow", 'f', FROM("1e-46"), GIVES("0.0")},
	{"f: minus underflow", 'f', FROM("-1e-300"), GIVES("-0.0")},
	{"f: power of two, neighbour shorter", 'f', FROM("1.23794004e27"), GIVES("1.2379401e+27")},
	/* By way of a double this would be the tie, and so 1.0. */
	{"f: rounded once", 'f', FROM("1.000000059604644775390625000000000001"),
	 GIVES("1.0000001")},
	{"f: inf", 'f', FROM("inf"), GIVES("inf")},
	{"f: -inf", 'f', FROM("-inf"), GIVES("-inf")},
	{"f: nan", 'f', FROM("nan"), GIVES("nan")},
	{"f: word", 'f', FROM("abc"), FAILS(EINVAL)},
};

static void parse_element_takes_floats(void **state)
{
	(void)state;
	check_elements(floats, COUNT(floats));
}

static void parse_element_takes_bytes(void **state)
{
	static const struct element rows[] = {
		{"letter", 'c', FROM("x"), GIVES("x")},
		{"newline dropped", 'c', FROM("x\n"), GIVES("x")},
		{"nothing is NUL", 'c', FROM(""), GIVES("\0")},
		{"newline alone is NUL", 'c', FROM("\n"), GIVES("\0")},
		{"two newlines are one", 'c', FROM("\n\n"), GIVES("\n")},
		{"NUL", 'c', FROM("\0"), GIVES("\0")},
		{"NUL, newline", 'c', FROM("\0\n"), GIVES("\0")},
		{"blank stays", 'c', FROM(" "), GIVES(" ")},
		{"blank, newline", 'c', FROM(" \n"), GIVES(" ")},
		{"high", 'c', FROM("\xff"), GIVES("\xff")},
		{"two", 'c', FROM("xy"), FAILS(ERANGE)},
		{"two with newline", 'c', FROM("xy\n"), FAILS(ERANGE)},
		{"letter, two newlines", 'c', FROM("x\n\n"), FAILS(ERANGE)},
		{"carriage return", 'c', FROM("x\r\n"), FAILS(ERANGE)},
		{"two bytes of UTF-8", 'c', FROM("\xc3\xa9"), FAILS(ERANGE)},
	};

	(void)state;
	check_elements(rows, COUNT(rows));
}

static void parse_element_takes_characters(void **state)
{
	static const struct element rows[] = {
		{"letter", 'u', FROM("x"), GIVES("x")},
		{"newline dropped", 'u', FROM("x\n"), GIVES("x")},
		{"nothing is NUL", 'u', FROM(""), GIVES("\0")},
		{"newline alone is NUL", 'u', FROM("\n"), GIVES("\0")},
		{"two newlines are one", 'u', FROM("\n\n"), GIVES("\n")},
		{"NUL", 'u', FROM("\0"), GIVES("\0")},
		{"blank stays", 'u', FROM(" "), GIVES(" ")},
		{"last of one byte", 'u', FROM("\x7f"), GIVES("\x7f")},
		{"first of two", 'u', FROM("\xc2\x80"), GIVES("\xc2\x80")},
		{"e acute", 'u', FROM("\xc3\xa9\n"), GIVES("\xc3\xa9")},
		{"last of two", 'u', FROM("\xdf\xbf"), GIVES("\xdf\xbf")},
		{"first of three", 'u', FROM("\xe0\xa0\x80"), GIVES("\xe0\xa0\x80")},
		{"euro", 'u', FROM("\xe2\x82\xac"), GIVES("\xe2\x82\xac")},
		{"before the surrogates", 'u', FROM("\xed\x9f\xbf"), GIVES("\xed\x9f\xbf")},
		{"after the surrogates", 'u', FROM("\xee\x80\x80"), GIVES("\xee\x80\x80")},
		{"last of three", 'u', FROM("\xef\xbf\xbf"), GIVES("\xef\xbf\xbf")},
		{"first of four", 'u', FROM("\xf0\x90\x80\x80"), GIVES("\xf0\x90\x80\x80")},
		{"last of all", 'u', FROM("\xf4\x8f\xbf\xbf"), GIVES("\xf4\x8f\xbf\xbf")},
		{"past the last", 'u', FROM("\xf4\x90\x80\x80"), FAILS(EINVAL)},
		{"far past the last", 'u', FROM("\xf7\xbf\xbf\xbf"), FAILS(EINVAL)},
		{"five bytes' lead, four bytes", 'u', FROM("\xf8\x90\x80\x80"), FAILS(EINVAL)},
		{"five bytes", 'u', FROM("\xf8\x88\x80\x80\x80"), FAILS(EINVAL)},
		{"first surrogate", 'u', FROM("\xed\xa0\x80"), FAILS(EINVAL)},
		{"last surrogate", 'u', FROM("\xed\xbf\xbf"), FAILS(EINVAL)},
		{"overlong NUL", 'u', FROM("\xc0\x80"), FAILS(EINVAL)},
		{"overlong two", 'u', FROM("\xc1\xbf"), FAILS(EINVAL)},
		{"overlong three", 'u', FROM("\xe0\x9f\xbf"), FAILS(EINVAL)},
		{"overlong four", 'u', FROM("\xf0\x8f\xbf\xbf"), FAILS(EINVAL)},
		{"continuation alone", 'u', FROM("\x80"), FAILS(EINVAL)},
		{"cut after one", 'u', FROM("\xe2"), FAILS(EINVAL)},
		{"cut after two", 'u', FROM("\xe2\x82"), FAILS(EINVAL)},
		{"cut by the newline", 'u', FROM("\xe2\x82\n"), FAILS(EINVAL)},
		{"bad continuation", 'u', FROM("\xe2\x28\xac"), FAILS(EINVAL)},
		{"never a byte of UTF-8", 'u', FROM("\xff"), FAILS(EINVAL)},
		{"two", 'u', FROM("xy"), FAILS(ERANGE)},
		{"two with newline", 'u', FROM("\xe2\x82\xac\xc3\xa9\n"), FAILS(ERANGE)},
		{"good, then bad", 'u', FROM("x\xff"), FAILS(EINVAL)},
		{"good, good, then cut", 'u', FROM("xy\xe2\x82"), FAILS(EINVAL)},
	};

	(void)state;
	check_elements(rows, COUNT(rows));
}

static void format_element_shows_what_is_no_character(void **state)
{
	static const uint32_t codes[] = {0xd800, 0xdfff, 0x110000, 0xffffffff};
	char buf[IPCFS_NUMBER_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		int n = format("bad character", 'u', &codes[i], buf);
		same_text("bad character", buf, (size_t)n, TEXT("\xef\xbf\xbd"));
	}
}

static void format_element_shows_any_bool_as_0_or_1(void **state)
{
	char buf[IPCFS_NUMBER_TEXT];
	unsigned char byte = 2;

	(void)state;
	assert_int_equal(format("bool 2", '?', &byte, buf), 1);
	assert_string_equal(buf, "1");
}

static void elements_of_other_types_are_einval(void **state)
{
	static const char codes[] = {'s', 'x', 'z', ' ', '\0', '\xff'};
	char buf[IPCFS_NUMBER_TEXT] = "";
	union ipcfs_number n = {0};
	struct cell cell;

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		char name[] = {'t', 'y', 'p', 'e', ' ', codes[i], '\0'};
		union ipcfs_number got = {.u = 5};

		same_int(name, "parse", parse(name, codes[i], TEXT("1"), &cell), -EINVAL);
		same_int(name, "format", ipcfs_format_element(codes[i], &n, buf), -EINVAL);
		same_int(name, "put", ipcfs_number_put(codes[i], n, &cell), -EINVAL);
		same_int(name, "op", ipcfs_number_op(codes[i], IPCFS_ADD, n, n, &n), -EINVAL);
		same_int(name, "number", ipcfs_parse_number(codes[i], TEXT("1"), &n), -EINVAL);
		ipcfs_number_get(codes[i], &cell, &got);
		same_uint(name, "get", got.u, 0);
	}
}

static void null_of_no_bytes_is_an_empty_text(void **state)
{
	size_t len = 0;
	union ipcfs_number n;
	uint32_t code = 1;
	uint64_t u;
	int64_t i;
	double d;
	char c = 'x', type;

	(void)state;
	assert_int_equal(ipcfs_parse_u64(NULL, 0, &u), -EINVAL);
	assert_int_equal(ipcfs_parse_i64(NULL, 0, &i), -EINVAL);
	assert_int_equal(ipcfs_parse_bytes(NULL, 0, &u), -EINVAL);
	assert_int_equal(ipcfs_parse_duration(NULL, 0, &i), -EINVAL);
	assert_null(ipcfs_trim(NULL, &len));
	assert_int_equal(ipcfs_parse_element('q', NULL, 0, &i), -EINVAL);
	assert_int_equal(ipcfs_parse_element('Q', NULL, 0, &u), -EINVAL);
	assert_int_equal(ipcfs_parse_element('d', NULL, 0, &d), -EINVAL);
	assert_int_equal(ipcfs_parse_element('c', NULL, 0, &c), 0);
	assert_int_equal(c, 0);
	assert_int_equal(ipcfs_parse_element('u', NULL, 0, &code), 0);
	assert_int_equal(code, 0);
	assert_int_equal(ipcfs_parse_number('d', NULL, 0, &n), -EINVAL);
	assert_int_equal(ipcfs_guess_type(NULL, 0, &type), 0);
	assert_int_equal(type, 's');
	assert_int_equal(ipcfs_escape(&c, 1, NULL, 0, 10), 0);
}

/* ---- long texts ----------------------------------------------------------------- */

enum { LONG_TEXT = 1 << 21, LONG_TIE = 800 };

static void many_digits_are_erange_for_integers_alone(void **state)
{
	char *nines = repeat('9', LONG_TEXT);
	struct cell cell;
	int64_t ns;
	double d;
	char type;

	(void)state;
	for (const char *t = "?bBhHiIlLqQ"; *t != '\0'; t++)
		same_int("nines", t, parse("nines", *t, nines, LONG_TEXT, &cell), -ERANGE);
	same_int("nines", "d", parse("nines", 'd', nines, LONG_TEXT, &d), -ERANGE);
	assert_int_equal(ipcfs_parse_duration(nines, LONG_TEXT, &ns), -ERANGE);
	assert_int_equal(ipcfs_guess_type(nines, LONG_TEXT, &type), -ERANGE);
	nines[LONG_TEXT - 1] = 'x';
	assert_int_equal(parse("nines, x", 'q', nines, LONG_TEXT, &cell), -EINVAL);
	assert_int_equal(parse("nines, x", 'd', nines, LONG_TEXT, &d), -EINVAL);
	nines[1] = '.';
	nines[LONG_TEXT - 1] = '9';
	assert_int_equal(parse("9.99...", 'd', nines, LONG_TEXT, &d), 0);
	assert_true(d == 10.0);
	assert_int_equal(ipcfs_parse_duration(nines, LONG_TEXT, &ns), 0);
	assert_int_equal(ns, INT64_C(10000000000));
	free(nines);
}

/* Two million zeros and the exponent that makes up for them. */
static void far_exponents_are_exact(void **state)
{
	static const struct {
		const char *name, *before, *after;
		double want;
	} rows[] = {
		{"0.000...25e+N", "0.", "25e2097153", 2.5},
		{"5000...0e-N", "5", "e-2097152", 5.0},
		{"000...7", "0", "7", 7.0},
		{"7.000...0", "7.", "0", 7.0},
		{"-0.000...0e5", "-0.", "0e5", -0.0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t before = strlen(rows[i].before), after = strlen(rows[i].after);
		size_t len = before + LONG_TEXT + after;
		char *text = repeat('0', len);
		double d = 99;

		memcpy(text, rows[i].before, before);
		memcpy(text + before + LONG_TEXT, rows[i].after, after);
		same_int(rows[i].name, "result", parse(rows[i].name, 'd', text, len, &d), 0);
		if (d != rows[i].want || signbit(d) != signbit(rows[i].want))
			fail_msg("%s: %.17g, not %.17g", rows[i].name, d, rows[i].want);
		free(text);
	}
}

/* The point half-way from x to the next double, exactly: digits, which end in 5, times 10^-k. */
static size_t halfway(double x, char digits[LONG_TIE], int *k)
{
	int exponent;
	uint64_t odd = (uint64_t)ldexp(frexp(x, &exponent), 53);
	size_t n;

	exponent -= 53;
	for (; exponent < -1074; exponent++)
		odd >>= 1;
	odd = 2 * odd + 1;
	*k = 1 - exponent;
	n = (size_t)snprintf(digits, LONG_TIE, "%0*" PRIu64, LONG_TIE - 1, odd);
	for (int i = 0; i < *k; i++) {
		int carry = 0;
		for (size_t at = n; at > 0; at--) {
			carry += (digits[at - 1] - '0') * 5;
			digits[at - 1] = (char)('0' + carry % 10);
			carry /= 10;
		}
	}
	return n;
}

/* Half-way between two doubles, told from its neighbours by the last of up to 768 digits or by
 * one that comes long after it. */
static void ties_are_decided_by_the_last_digit(void **state)
{
	static const double lows[] = {0x1p-1074, 0x1.fffffffffffffp-1022, 0x1.234p-500, 0.1, 1.0,
				      0x1.8p52};

	(void)state;
	for (size_t i = 0; i < COUNT(lows); i++) {
		double low = lows[i], high = nextafter(low, INFINITY), d = 0;
		char digits[LONG_TIE], text[2 * LONG_TIE], name[32];
		uint64_t bits;
		int k;
		size_t n = halfway(low, digits, &k);

		memcpy(&bits, &low, sizeof(bits));
		snprintf(name, sizeof(name), "above %a", low);
		snprintf(text, sizeof(text), "%se-%d", digits, k);
		same_int(name, "tie", parse(name, 'd', text, strlen(text), &d), 0);
		if (d != (bits % 2 == 0 ? low : high))
			fail_msg("tie %s: %a is not the even one", name, d);
		snprintf(text, sizeof(text), "%s%0*de-%d", digits, 700, 1, k + 700);
		same_int(name, "more", parse(name, 'd', text, strlen(text), &d), 0);
		if (d != high)
			fail_msg("more than the tie %s: %a, not %a", name, d, high);
		digits[n - 1]--;
		snprintf(text, sizeof(text), "%s9e-%d", digits, k + 1);
		same_int(name, "less", parse(name, 'd', text, strlen(text), &d), 0);
		if (d != low)
			fail_msg("less than the tie %s: %a, not %a", name, d, low);
	}
}

/* ---- floats both ways ----------------------------------------------------------- */

/* From the first to the last that is not 0, before an exponent. */
static int significant_digits(const char *s)
{
	int seen = 0, last = 0;

	for (; *s != '\0' && *s != 'e'; s++) {
		if (*s < '0' || *s > '9' || (seen == 0 && *s == '0'))
			continue;
		seen++;
		if (*s != '0')
			last = seen;
	}
	return last;
}

static void check_double(double x)
{
	char name[64], buf[IPCFS_NUMBER_TEXT], shorter[64];
	double back = 0;

	snprintf(name, sizeof(name), "%a", x);
	int n = format(name, 'd', &x, buf);
	same_int(name, "read back", parse(name, 'd', buf, (size_t)n, &back), 0);
	if (x != back || signbit(x) != signbit(back))
		fail_msg("%s: %s reads back as %a", name, buf, back);
	if (strpbrk(buf, ".en") == NULL)
		fail_msg("%s: %s looks like an integer", name, buf);
	/* By printf(3)'s own rounding there is none that is shorter. */
	for (int digits = 1; digits < 17 && isfinite(x); digits++) {
		snprintf(shorter, sizeof(shorter), "%.*e", digits - 1, x);
		if (strtod(shorter, NULL) != x)
			continue;
		if (significant_digits(buf) > digits)
			fail_msg("%s: %s is longer than %s", name, buf, shorter);
		break;
	}
}

static void check_float(float x)
{
	char name[64], buf[IPCFS_NUMBER_TEXT];
	float back = 0;

	snprintf(name, sizeof(name), "%a", (double)x);
	int n = format(name, 'f', &x, buf);
	same_int(name, "read back", parse(name, 'f', buf, (size_t)n, &back), 0);
	if (x != back || signbit(x) != signbit(back))
		fail_msg("%s: %s reads back as %a", name, buf, (double)back);
	if (n > 16 + 2 + 1)
		fail_msg("%s: %s is longer than a float needs", name, buf);
}

static void random_doubles_read_back(void **state)
{
	uint64_t seed = 0x1234567, bits;
	double x;

	(void)state;
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		bits = next_random(&seed);
		memcpy(&x, &bits, sizeof(x));
		if (!isnan(x))
			check_double(x);
		check_double((double)(int64_t)next_random(&seed) / 1e6);
		check_double((double)(next_random(&seed) % 100000) / 1000);
	}
}

static void doubles_around_powers_of_two_read_back(void **state)
{
	(void)state;
	for (int e = -1074; e < 1024; e++) {
		double x = ldexp(1, e);
		check_double(x);
		check_double(-x);
		check_double(nextafter(x, 0));
		check_double(nextafter(x, DBL_MAX));
	}
	check_double(DBL_MAX);
	check_double(-DBL_MAX);
	check_double(INFINITY);
	check_double(-INFINITY);
}

static void random_floats_read_back(void **state)
{
	uint64_t seed = 0x7654321;
	float x;

	(void)state;
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		uint32_t bits = (uint32_t)next_random(&seed);
		memcpy(&x, &bits, sizeof(x));
		if (!isnan(x))
			check_float(x);
		check_float((float)(next_random(&seed) % 100000) / 1000);
	}
	for (int e = -149; e < 128; e++) {
		x = ldexpf(1, e);
		check_float(x);
		check_float(nextafterf(x, 0));
		check_float(nextafterf(x, FLT_MAX));
	}
	check_float(FLT_MAX);
	check_float(-FLT_MAX);
	check_float(INFINITY);
}

static void random_integers_read_back(void **state)
{
	uint64_t seed = 0xfeed;
	char buf[IPCFS_NUMBER_TEXT];

	(void)state;
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		uint64_t v = next_random(&seed) >> (i % 64), back = 0;
		for (const char *t = "bBhHiIlLqQ"; *t != '\0'; t++) {
			char name[] = {*t, '\0'};
			int n = format(name, *t, &v, buf);
			same_int(name, "result", parse(name, *t, buf, (size_t)n, &back), 0);
			if (memcmp(&v, &back, size_of(*t)) != 0)
				fail_msg("%s: %s reads back as something else", name, buf);
		}
	}
}

/* ---- the locale ----------------------------------------------------------------- */

static bool set_foreign_locale(void)
{
	static const char *const names[] = {"",	     "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8",
					    "de_DE", "fr_FR"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (setlocale(LC_ALL, names[i]) != NULL &&
		    strcmp(localeconv()->decimal_point, ".") != 0)
			return true;
	(void)setlocale(LC_ALL, "C");
	return false;
}

static void floats_do_not_follow_the_locale(void **state)
{
	char type = '\0';
	int64_t ns = 0;

	(void)state;
	if (!set_foreign_locale()) {
		print_message("no locale with another decimal point is installed\n");
		skip();
	}
	check_elements(floats, COUNT(floats));
	check_double(1.5);
	check_double(-1.2345678901234567e-300);
	assert_int_equal(ipcfs_guess_type(TEXT("1,5"), &type), 0);
	assert_int_equal(type, 's');
	assert_int_equal(ipcfs_guess_type(TEXT("1.5"), &type), 0);
	assert_int_equal(type, 'd');
	assert_int_equal(ipcfs_parse_duration(TEXT("0.5"), &ns), 0);
	assert_int_equal(ns, 500000000);
}

/* After a failure too, the next tests are in the C locale. */
static int reset_locale(void **state)
{
	(void)state;
	return setlocale(LC_ALL, "C") == NULL ? -1 : 0;
}

/* ---- guessed types -------------------------------------------------------------- */

static void guess_type_decides_by_form(void **state)
{
	static const struct {
		const char *name, *s;
		size_t len;
		int r;
		char type;
	} rows[] = {
		{"digits", TEXT("42"), 0, 'q'},
		{"plus", TEXT("+42"), 0, 'q'},
		{"minus", TEXT("-42\n"), 0, 'q'},
		{"blanks", TEXT(" \t42\r\n"), 0, 'q'},
		{"leading zeros", TEXT("007"), 0, 'q'},
		{"largest", TEXT("9223372036854775807"), 0, 'q'},
		{"one more", TEXT("9223372036854775808"), -ERANGE, 0},
		{"least", TEXT("-9223372036854775808"), 0, 'q'},
		{"one less", TEXT("-9223372036854775809"), -ERANGE, 0},
		{"past u64", TEXT("99999999999999999999999\n"), -ERANGE, 0},
		{"point", TEXT("1.5"), 0, 'd'},
		{"point at the end", TEXT("1."), 0, 'd'},
		{"point at the start", TEXT("-.5"), 0, 'd'},
		{"exponent", TEXT("1e3"), 0, 'd'},
		{"past int64 with a point", TEXT("9223372036854775808.0"), 0, 'd'},
		{"past double", TEXT("1e999"), 0, 'd'},
		{"inf", TEXT("inf\n"), 0, 's'},
		{"-INF", TEXT("-INF"), 0, 's'},
		{"nan", TEXT("nan"), 0, 's'},
		{"word", TEXT("hello"), 0, 's'},
		{"word with nan", TEXT("nano"), 0, 's'},
		{"infinity", TEXT("infinity"), 0, 's'},
		{"empty", TEXT(""), 0, 's'},
		{"blanks alone", TEXT(" \n"), 0, 's'},
		{"sign alone", TEXT("-"), 0, 's'},
		{"point alone", TEXT("."), 0, 's'},
		{"two numbers", TEXT("1 2"), 0, 's'},
		{"date", TEXT("2024-01-01"), 0, 's'},
		{"version", TEXT("1.2.3"), 0, 's'},
		{"hexadecimal", TEXT("0x10"), 0, 's'},
		{"past int64, then letters", TEXT("99999999999999999999abc"), 0, 's'},
		{"NUL after", TEXT("1\0"), 0, 's'},
		{"NUL alone", TEXT("\0"), 0, 's'},
		{"not UTF-8", TEXT("\xff\xfe"), 0, 's'},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char type = '#';
		char *text = exact(rows[i].s, rows[i].len);
		same_int(rows[i].name, "result", ipcfs_guess_type(text, rows[i].len, &type),
			 rows[i].r);
		same_int(rows[i].name, "type", type, rows[i].r == 0 ? rows[i].type : '#');
		free(text);
	}
}

/* ---- widest forms --------------------------------------------------------------- */

#define I(v) ((union ipcfs_number){.i = (v)})
#define U(v) ((union ipcfs_number){.u = (v)})
#define F(v) ((union ipcfs_number){.f = (v)})

static void number_put_and_get_keep_to_bounds(void **state)
{
	struct row {
		const char *name;
		char type;
		int r;
		union ipcfs_number n;
	};
	const struct row rows[] = {
		{"? 0", '?', 0, I(0)},
		{"? 1", '?', 0, I(1)},
		{"? 2", '?', -ERANGE, I(2)},
		{"? -1", '?', -ERANGE, I(-1)},
		{"b least", 'b', 0, I(INT8_MIN)},
		{"b below", 'b', -ERANGE, I(INT8_MIN - 1)},
		{"b most", 'b', 0, I(INT8_MAX)},
		{"b above", 'b', -ERANGE, I(INT8_MAX + 1)},
		{"b INT64_MIN", 'b', -ERANGE, I(INT64_MIN)},
		{"B most", 'B', 0, U(UINT8_MAX)},
		{"B above", 'B', -ERANGE, U(UINT8_MAX + 1)},
		{"h least", 'h', 0, I(INT16_MIN)},
		{"h below", 'h', -ERANGE, I(INT16_MIN - 1)},
		{"h most", 'h', 0, I(INT16_MAX)},
		{"h above", 'h', -ERANGE, I(INT16_MAX + 1)},
		{"H most", 'H', 0, U(UINT16_MAX)},
		{"H above", 'H', -ERANGE, U(UINT16_MAX + 1)},
		{"i least", 'i', 0, I(INT32_MIN)},
		{"i below", 'i', -ERANGE, I((int64_t)INT32_MIN - 1)},
		{"i most", 'i', 0, I(INT32_MAX)},
		{"i above", 'i', -ERANGE, I((int64_t)INT32_MAX + 1)},
		{"I most", 'I', 0, U(UINT32_MAX)},
		{"I above", 'I', -ERANGE, U((uint64_t)UINT32_MAX + 1)},
		{"l least", 'l', 0, I(LONG_MIN)},
		{"l most", 'l', 0, I(LONG_MAX)},
		{"L most", 'L', 0, U(ULONG_MAX)},
		{"q least", 'q', 0, I(INT64_MIN)},
		{"q most", 'q', 0, I(INT64_MAX)},
		{"Q least", 'Q', 0, U(0)},
		{"Q most", 'Q', 0, U(UINT64_MAX)},
		{"d", 'd', 0, F(0.1)},
		{"d most", 'd', 0, F(DBL_MAX)},
		{"d -inf", 'd', 0, F(-INFINITY)},
		{"f", 'f', 0, F(0.5)},
		{"f most", 'f', 0, F(FLT_MAX)},
		{"f above", 'f', -ERANGE, F(3.5e38)},
		{"f DBL_MAX", 'f', -ERANGE, F(-DBL_MAX)},
		{"f inf", 'f', 0, F(INFINITY)},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct cell cell;
		union ipcfs_number back = {0};

		memset(&cell, GUARD, sizeof(cell));
		int r = ipcfs_number_put(row->type, row->n, cell.bytes + 1);
		same_int(row->name, "put", r, row->r);
		if (cell.bytes[0] != GUARD ||
		    !guards_are_whole(&cell, r == 0 ? 1 + size_of(row->type) : 0))
			fail_msg("%s: stored more than its element", row->name);
		if (r < 0)
			continue;
		ipcfs_number_get(row->type, cell.bytes + 1, &back);
		same_uint(row->name, "get", back.u, row->n.u);
	}
}

static void number_put_rounds_to_float(void **state)
{
	union ipcfs_number n;
	float f = 0;

	(void)state;
	assert_int_equal(ipcfs_number_put('f', F(0.1), &f), 0);
	assert_true(f == 0.1f);
	ipcfs_number_get('f', &f, &n);
	assert_true(n.f == (double)0.1f);
	assert_int_equal(ipcfs_number_put('f', F(NAN), &f), 0);
	assert_true(isnan(f));
}

static void bytes_and_characters_have_no_number(void **state)
{
	static const char codes[] = {'c', 'u'};
	union ipcfs_number n, out = U(5);
	struct cell cell;

	(void)state;
	memset(&cell, GUARD, sizeof(cell));
	for (size_t i = 0; i < COUNT(codes); i++) {
		n = U(7);
		ipcfs_number_get(codes[i], &cell, &n);
		assert_int_equal(n.u, 0);
		assert_int_equal(ipcfs_number_put(codes[i], U(1), &cell), -EINVAL);
		assert_int_equal(ipcfs_parse_number(codes[i], TEXT("1"), &n), -EINVAL);
		assert_int_equal(ipcfs_number_op(codes[i], IPCFS_XOR, n, n, &out), -EINVAL);
	}
	assert_true(guards_are_whole(&cell, 0));
	assert_int_equal(out.u, 5);
}

static void number_op_is_checked(void **state)
{
	struct row {
		const char *name;
		char type;
		enum ipcfs_arith op;
		union ipcfs_number a, b;
		int r;
		union ipcfs_number want;
	};
	const struct row rows[] = {
		{"q add", 'q', IPCFS_ADD, I(40), I(2), 0, I(42)},
		{"q add past", 'q', IPCFS_ADD, I(INT64_MAX), I(1), -ERANGE, I(0)},
		{"q add below", 'q', IPCFS_ADD, I(INT64_MIN), I(-1), -ERANGE, I(0)},
		{"q sub", 'q', IPCFS_SUB, I(40), I(42), 0, I(-2)},
		{"q sub below", 'q', IPCFS_SUB, I(INT64_MIN), I(1), -ERANGE, I(0)},
		{"q sub least", 'q', IPCFS_SUB, I(0), I(INT64_MIN), -ERANGE, I(0)},
		{"q mul", 'q', IPCFS_MUL, I(-6), I(7), 0, I(-42)},
		{"q mul past", 'q', IPCFS_MUL, I(INT64_MIN), I(-1), -ERANGE, I(0)},
		{"q and", 'q', IPCFS_AND, I(-2), I(7), 0, I(6)},
		{"q or", 'q', IPCFS_OR, I(-8), I(3), 0, I(-5)},
		{"q xor", 'q', IPCFS_XOR, I(-1), I(5), 0, I(-6)},
		{"b add to most", 'b', IPCFS_ADD, I(126), I(1), 0, I(127)},
		{"b add past", 'b', IPCFS_ADD, I(127), I(1), -ERANGE, I(0)},
		{"b add far operand", 'b', IPCFS_ADD, I(-100), I(200), 0, I(100)},
		{"b sub below", 'b', IPCFS_SUB, I(-128), I(1), -ERANGE, I(0)},
		{"b mul past", 'b', IPCFS_MUL, I(64), I(2), -ERANGE, I(0)},
		{"b mul to least", 'b', IPCFS_MUL, I(64), I(-2), 0, I(-128)},
		{"b and past", 'b', IPCFS_AND, I(-1), I(255), -ERANGE, I(0)},
		{"b xor", 'b', IPCFS_XOR, I(-128), I(-1), 0, I(127)},
		{"h add past", 'h', IPCFS_ADD, I(32767), I(1), -ERANGE, I(0)},
		{"i add past", 'i', IPCFS_ADD, I(INT32_MAX), I(1), -ERANGE, I(0)},
		{"i sub below", 'i', IPCFS_SUB, I(INT32_MIN), I(1), -ERANGE, I(0)},
		{"l add past", 'l', IPCFS_ADD, I(LONG_MAX), I(1), -ERANGE, I(0)},
		{"Q add", 'Q', IPCFS_ADD, U(UINT64_MAX - 1), U(1), 0, U(UINT64_MAX)},
		{"Q add past", 'Q', IPCFS_ADD, U(UINT64_MAX), U(1), -ERANGE, U(0)},
		{"Q sub", 'Q', IPCFS_SUB, U(5), U(5), 0, U(0)},
		{"Q sub below", 'Q', IPCFS_SUB, U(5), U(6), -ERANGE, U(0)},
		{"Q mul past", 'Q', IPCFS_MUL, U(UINT64_C(1) << 32), U(UINT64_C(1) << 32), -ERANGE,
		 U(0)},
		{"Q and", 'Q', IPCFS_AND, U(UINT64_MAX), U(12), 0, U(12)},
		{"Q or", 'Q', IPCFS_OR, U(UINT64_C(1) << 63), U(1), 0,
		 U(UINT64_C(9223372036854775809))},
		{"Q xor", 'Q', IPCFS_XOR, U(UINT64_MAX), U(UINT64_MAX), 0, U(0)},
		{"B add past", 'B', IPCFS_ADD, U(255), U(1), -ERANGE, U(0)},
		{"B sub below", 'B', IPCFS_SUB, U(0), U(1), -ERANGE, U(0)},
		{"B or past", 'B', IPCFS_OR, U(0), U(256), -ERANGE, U(0)},
		{"H mul past", 'H', IPCFS_MUL, U(256), U(256), -ERANGE, U(0)},
		{"I add past", 'I', IPCFS_ADD, U(UINT32_MAX), U(1), -ERANGE, U(0)},
		{"L add past", 'L', IPCFS_ADD, U(ULONG_MAX), U(1), -ERANGE, U(0)},
		{"? add", '?', IPCFS_ADD, I(0), I(1), 0, I(1)},
		{"? add past", '?', IPCFS_ADD, I(1), I(1), -ERANGE, I(0)},
		{"? sub below", '?', IPCFS_SUB, I(0), I(1), -ERANGE, I(0)},
		{"? xor", '?', IPCFS_XOR, I(1), I(1), 0, I(0)},
		{"? or", '?', IPCFS_OR, I(0), I(1), 0, I(1)},
		{"d add", 'd', IPCFS_ADD, F(0.1), F(0.2), 0, F(0.1 + 0.2)},
		{"d sub", 'd', IPCFS_SUB, F(1), F(3), 0, F(-2)},
		{"d mul", 'd', IPCFS_MUL, F(1.5), F(-2), 0, F(-3)},
		{"d add past", 'd', IPCFS_ADD, F(DBL_MAX), F(DBL_MAX), -ERANGE, F(0)},
		{"d mul below", 'd', IPCFS_MUL, F(-DBL_MAX), F(2), -ERANGE, F(0)},
		{"d underflow", 'd', IPCFS_MUL, F(DBL_MIN), F(DBL_MIN), 0, F(0)},
		{"d inf and one", 'd', IPCFS_ADD, F(INFINITY), F(1), 0, F(INFINITY)},
		{"d one and -inf", 'd', IPCFS_ADD, F(1), F(-INFINITY), 0, F(-INFINITY)},
		{"d and", 'd', IPCFS_AND, F(1), F(1), -EINVAL, F(0)},
		{"d or", 'd', IPCFS_OR, F(1), F(1), -EINVAL, F(0)},
		{"d xor", 'd', IPCFS_XOR, F(1), F(1), -EINVAL, F(0)},
		{"f add is rounded", 'f', IPCFS_ADD, F(0), F(0.1), 0, F((double)0.1f)},
		{"f add past", 'f', IPCFS_ADD, F(FLT_MAX), F(FLT_MAX), -ERANGE, F(0)},
		{"f far operand", 'f', IPCFS_ADD, F(0), F(1e300), -ERANGE, F(0)},
		{"f less than half more", 'f', IPCFS_ADD, F(FLT_MAX), F(1), 0, F(FLT_MAX)},
		{"f inf", 'f', IPCFS_MUL, F(-INFINITY), F(2), 0, F(-INFINITY)},
		{"f xor", 'f', IPCFS_XOR, F(1), F(1), -EINVAL, F(0)},
		{"q no such", 'q', (enum ipcfs_arith)99, I(1), I(1), -EINVAL, I(0)},
		{"Q no such", 'Q', (enum ipcfs_arith)99, U(1), U(1), -EINVAL, U(0)},
		{"d no such", 'd', (enum ipcfs_arith)99, F(1), F(1), -EINVAL, F(0)},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		union ipcfs_number out = U(4711);

		same_int(row->name, "result",
			 ipcfs_number_op(row->type, row->op, row->a, row->b, &out), row->r);
		same_uint(row->name, "number", out.u, row->r == 0 ? row->want.u : 4711);
	}
}

static void number_op_may_give_nan(void **state)
{
	const union ipcfs_number inf = F(INFINITY), zero = F(0);
	union ipcfs_number out = zero;

	(void)state;
	assert_int_equal(ipcfs_number_op('d', IPCFS_SUB, inf, inf, &out), 0);
	assert_true(isnan(out.f));
	assert_int_equal(ipcfs_number_op('f', IPCFS_MUL, inf, zero, &out), 0);
	assert_true(isnan(out.f));
}

/* The result may take an operand's place. */
static void number_op_allows_one_place_for_all(void **state)
{
	union ipcfs_number n = I(21);

	(void)state;
	assert_int_equal(ipcfs_number_op('q', IPCFS_ADD, n, n, &n), 0);
	assert_int_equal(n.i, 42);
}

static void parse_number_ignores_the_types_own_bounds(void **state)
{
	struct row {
		const char *name;
		char type;
		int r;
		const char *s;
		size_t len;
		union ipcfs_number want;
	};
	const struct row rows[] = {
		{"b past b", 'b', 0, TEXT(" 1000\n"), I(1000)},
		{"b below b", 'b', 0, TEXT("-1000"), I(-1000)},
		{"? past ?", '?', 0, TEXT("5"), I(5)},
		{"h most of all", 'h', 0, TEXT("9223372036854775807"), I(INT64_MAX)},
		{"h past all", 'h', -ERANGE, TEXT("9223372036854775808"), I(0)},
		{"i least of all", 'i', 0, TEXT("-9223372036854775808"), I(INT64_MIN)},
		{"q point", 'q', -EINVAL, TEXT("1.0"), I(0)},
		{"q empty", 'q', -EINVAL, TEXT(""), I(0)},
		{"B past B", 'B', 0, TEXT("+1000"), U(1000)},
		{"H most of all", 'H', 0, TEXT("18446744073709551615"), U(UINT64_MAX)},
		{"I past all", 'I', -ERANGE, TEXT("18446744073709551616"), U(0)},
		{"Q minus", 'Q', -ERANGE, TEXT("-1"), U(0)},
		{"Q minus zero", 'Q', -ERANGE, TEXT("-0"), U(0)},
		{"Q minus, word", 'Q', -EINVAL, TEXT("-x"), U(0)},
		{"L word", 'L', -EINVAL, TEXT("x"), U(0)},
		{"f past f", 'f', 0, TEXT("1e39"), F(1e39)},
		{"f as a double", 'f', 0, TEXT("0.1"), F(0.1)},
		{"f past d", 'f', -ERANGE, TEXT("1e999"), F(0)},
		{"d", 'd', 0, TEXT("\t-2.5e3 "), F(-2500)},
		{"d inf", 'd', 0, TEXT("inf"), F(INFINITY)},
		{"d NUL", 'd', -EINVAL, TEXT("1\0"), F(0)},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		union ipcfs_number n = U(4711);
		char *text = exact(row->s, row->len);

		same_int(row->name, "result", ipcfs_parse_number(row->type, text, row->len, &n),
			 row->r);
		same_uint(row->name, "number", n.u, row->r == 0 ? row->want.u : 4711);
		free(text);
	}
}

/* ---- escapes -------------------------------------------------------------------- */

static void escape_makes_bytes_printable(void **state)
{
	static const struct {
		const char *name, *s;
		size_t len, size, max;
		const char *want;
	} rows[] = {
		{"plain", TEXT("abc 123"), 64, 60, "abc 123"},
		{"empty", TEXT(""), 64, 60, ""},
		{"newline, tab, backslash", TEXT("a\nb\tc\\"), 64, 60, "a\\nb\\tc\\\\"},
		{"NUL", TEXT("a\0b"), 64, 60, "a\\x00b"},
		{"carriage return", TEXT("\r"), 64, 60, "\\x0d"},
		{"escape", TEXT("\x1b[1m"), 64, 60, "\\x1b[1m"},
		{"delete", TEXT("\x7f"), 64, 60, "\\x7f"},
		{"tilde", TEXT("~"), 64, 60, "~"},
		{"quotes", TEXT("\"'"), 64, 60, "\"'"},
		{"UTF-8", TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 64, 60,
		 "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"C1 control", TEXT("\xc2\x9b"), 64, 60, "\\xc2\\x9b"},
		{"first C1 control", TEXT("\xc2\x80"), 64, 60, "\\xc2\\x80"},
		{"last C1 control", TEXT("\xc2\x9f"), 64, 60, "\\xc2\\x9f"},
		{"no-break space", TEXT("\xc2\xa0"), 64, 60, "\xc2\xa0"},
		{"not UTF-8", TEXT("\xff\xfe"), 64, 60, "\\xff\\xfe"},
		{"cut UTF-8", TEXT("a\xe2\x82"), 64, 60, "a\\xe2\\x82"},
		{"surrogate", TEXT("\xed\xa0\x80"), 64, 60, "\\xed\\xa0\\x80"},
		{"overlong", TEXT("\xc0\xaf"), 64, 60, "\\xc0\\xaf"},
		{"max is len", TEXT("abc"), 64, 3, "abc"},
		{"max is less", TEXT("abcd"), 64, 3, "abc..."},
		{"max is 0", TEXT("abc"), 64, 0, "..."},
		{"max and len are 0", TEXT(""), 64, 0, ""},
		{"no max", TEXT("abc"), 64, SIZE_MAX, "abc"},
		{"max inside a character", TEXT("a\xe2\x82\xac"), 64, 3, "a..."},
		{"max after a character", TEXT("a\xe2\x82\xac!"), 64, 4, "a\xe2\x82\xac..."},
		{"max counts input", TEXT("\n\n\n"), 64, 2, "\\n\\n..."},
		{"dst just fits", TEXT("abcdef"), 7, 60, "abcdef"},
		{"dst is short", TEXT("abcdefg"), 7, 60, "abc..."},
		{"dst is short, escapes", TEXT("a\n\n\n"), 7, 60, "a\\n..."},
		{"dst of dots", TEXT("abcd"), 4, 60, "..."},
		{"dst too short for dots", TEXT("abcd"), 3, 60, "ab"},
		{"dst of a NUL", TEXT("abcd"), 1, 60, ""},
		{"dst too short for an escape", TEXT("\x01"), 4, 60, "..."},
		{"dst too short for two", TEXT("ab\x01"), 6, 60, "ab..."},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *text = exact(rows[i].s, rows[i].len);
		char *dst = repeat('#', rows[i].size);
		size_t n = ipcfs_escape(dst, rows[i].size, text, rows[i].len, rows[i].max);

		same_text(rows[i].name, dst, n, rows[i].want, strlen(rows[i].want));
		same_int(rows[i].name, "byte after it", dst[n], '\0');
		free(dst);
		free(text);
	}
}

static void escape_to_nowhere_writes_nothing(void **state)
{
	char c = '#';

	(void)state;
	assert_int_equal(ipcfs_escape(&c, 0, "abc", 3, 60), 0);
	assert_int_equal(c, '#');
}

/* Whatever the bytes and sizes: terminated, within dst, printable, nothing cut in two. */
static void escape_holds_for_random_bytes(void **state)
{
	uint64_t seed = 0xe5c;

	(void)state;
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		size_t len = next_random(&seed) % 24, size = 1 + next_random(&seed) % 64;
		char *text = repeat('\0', len), *dst = repeat('#', size);

		for (size_t k = 0; k < len; k++)
			text[k] = (char)(next_random(&seed) >> 13);
		size_t n = ipcfs_escape(dst, size, text, len, next_random(&seed) % 32);
		assert_true(n < size);
		assert_int_equal(strlen(dst), n);
		for (size_t k = 0; k < n; k++)
			assert_true((unsigned char)dst[k] >= 0x20 && dst[k] != 0x7f);
		free(dst);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_u64_takes_digits_alone),
		cmocka_unit_test(parse_u64_reads_len_bytes_alone),
		cmocka_unit_test(parse_i64_takes_a_sign),
		cmocka_unit_test(parse_bytes_takes_powers_of_1024),
		cmocka_unit_test(parse_duration_gives_nanoseconds),
		cmocka_unit_test(trim_cuts_blanks_at_both_ends),
		cmocka_unit_test(integers_keep_to_their_bounds),
		cmocka_unit_test(integers_are_the_machines_own),
		cmocka_unit_test(parse_element_takes_integers),
		cmocka_unit_test(parse_element_takes_floats),
		cmocka_unit_test(parse_element_takes_bytes),
		cmocka_unit_test(parse_element_takes_characters),
		cmocka_unit_test(format_element_shows_what_is_no_character),
		cmocka_unit_test(format_element_shows_any_bool_as_0_or_1),
		cmocka_unit_test(elements_of_other_types_are_einval),
		cmocka_unit_test(null_of_no_bytes_is_an_empty_text),
		cmocka_unit_test(many_digits_are_erange_for_integers_alone),
		cmocka_unit_test(far_exponents_are_exact),
		cmocka_unit_test(ties_are_decided_by_the_last_digit),
		cmocka_unit_test(random_doubles_read_back),
		cmocka_unit_test(doubles_around_powers_of_two_read_back),
		cmocka_unit_test(random_floats_read_back),
		cmocka_unit_test(random_integers_read_back),
		cmocka_unit_test_teardown(floats_do_not_follow_the_locale, reset_locale),
		cmocka_unit_test(guess_type_decides_by_form),
		cmocka_unit_test(number_put_and_get_keep_to_bounds),
		cmocka_unit_test(number_put_rounds_to_float),
		cmocka_unit_test(bytes_and_characters_have_no_number),
		cmocka_unit_test(number_op_is_checked),
		cmocka_unit_test(number_op_may_give_nan),
		cmocka_unit_test(number_op_allows_one_place_for_all),
		cmocka_unit_test(parse_number_ignores_the_types_own_bounds),
		cmocka_unit_test(escape_makes_bytes_printable),
		cmocka_unit_test(escape_to_nowhere_writes_nothing),
		cmocka_unit_test(escape_holds_for_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
