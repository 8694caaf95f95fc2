/* SPDX-License-Identifier: MIT
 *
 * test_elements.c - core/text.h: elements of every type as text and back, every error, the bounds.
 */
#include <setjmp.h>
#include <stdio.h>

#include "core/text.h"

#include "t_text.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_keep_to_their_bounds),
		cmocka_unit_test(integers_are_the_machines_own),
		cmocka_unit_test(parse_element_takes_integers),
		cmocka_unit_test(parse_element_takes_bytes),
		cmocka_unit_test(parse_element_takes_characters),
		cmocka_unit_test(format_element_shows_what_is_no_character),
		cmocka_unit_test(format_element_shows_any_bool_as_0_or_1),
		cmocka_unit_test(elements_of_other_types_are_einval),
		cmocka_unit_test(null_of_no_bytes_is_an_empty_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
