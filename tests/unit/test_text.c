/* SPDX-License-Identifier: MIT
 *
 * test_text.c - core/text.h: long texts, guessed types, escapes.
 */
#include <setjmp.h>
#include <stdio.h>

#include "core/text.h"

#include "t_text.h"

/* ---- helpers ----------------------------------------------------------------------------------- */

static char *repeat(char c, size_t count)
{
	char *s = malloc(count > 0 ? count : 1);

	assert_non_null(s);
	memset(s, c, count);
	return s;
}

/* ---- long texts -------------------------------------------------------------------------------- */

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

/* ---- guessed types ----------------------------------------------------------------------------- */

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

/* ---- escapes ----------------------------------------------------------------------------------- */

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
		cmocka_unit_test(many_digits_are_erange_for_integers_alone),
		cmocka_unit_test(far_exponents_are_exact),
		cmocka_unit_test(ties_are_decided_by_the_last_digit),
		cmocka_unit_test(guess_type_decides_by_form),
		cmocka_unit_test(escape_makes_bytes_printable),
		cmocka_unit_test(escape_to_nowhere_writes_nothing),
		cmocka_unit_test(escape_holds_for_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
