/* SPDX-License-Identifier: MIT
 *
 * test_widest.c - core/text.h: the widest form of each type.
 */
#include <setjmp.h>
#include <stdio.h>

#include "core/text.h"

#include "t_text.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_put_and_get_keep_to_bounds),
		cmocka_unit_test(number_put_rounds_to_float),
		cmocka_unit_test(bytes_and_characters_have_no_number),
		cmocka_unit_test(number_op_is_checked),
		cmocka_unit_test(number_op_may_give_nan),
		cmocka_unit_test(number_op_allows_one_place_for_all),
		cmocka_unit_test(parse_number_ignores_the_types_own_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
