/* SPDX-License-Identifier: MIT
 *
 * test_number.c - core/text.h: integers, sizes, durations: every form, every error, the bounds.
 */
#include <setjmp.h>
#include <stdio.h>

#include "core/text.h"

#include "t_text.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_u64_takes_digits_alone),
		cmocka_unit_test(parse_u64_reads_len_bytes_alone),
		cmocka_unit_test(parse_i64_takes_a_sign),
		cmocka_unit_test(parse_bytes_takes_powers_of_1024),
		cmocka_unit_test(parse_duration_gives_nanoseconds),
		cmocka_unit_test(trim_cuts_blanks_at_both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
