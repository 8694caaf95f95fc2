/* SPDX-License-Identifier: MIT
 *
 * test_floats.c - core/text.h: floats as text and back, whatever the locale. The locale test needs a
 * locale with another decimal point than "." and is skipped where none is installed (LOCPATH= names a folder with
 * one).
 */
#include <setjmp.h>
#include <stdio.h>

#include "core/text.h"

#include "t_text.h"

/* ---- elements ---------------------------------------------------------------------------------- */

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

/* ---- floats both ways -------------------------------------------------------------------------- */

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

/* ---- the locale -------------------------------------------------------------------------------- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_element_takes_floats),
		cmocka_unit_test(random_doubles_read_back),
		cmocka_unit_test(doubles_around_powers_of_two_read_back),
		cmocka_unit_test(random_floats_read_back),
		cmocka_unit_test(random_integers_read_back),
		cmocka_unit_test_teardown(floats_do_not_follow_the_locale, reset_locale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
