/* SPDX-License-Identifier: MIT
 *
 * test_value.c - values: each type, strings, arithmetic at its limits, compare and set.
 */
#include "t_core.h"

#include <float.h>
#include <math.h>

#define V IPCFS_VALUE

static const char all_types[] = "?bBhHiIlLqQfdcu";

static void each_type_has_its_size(void)
{
	static const size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 4, 8, 1, 4};

	for (int i = 0; all_types[i]; i++)
		t_is(ipcfs_type_size(all_types[i]), sizes[i]);
	for (int c = 0; c < 256; c++)
		if (!c || !strchr(all_types, c))
			t_is(ipcfs_type_size((char)c), 0);
}

static void get_and_set_of_each_type(void)
{
	char name[2] = "";

	for (int i = 0; all_types[i]; i++) {
		size_t size = ipcfs_type_size(all_types[i]);
		uint8_t in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[9], zero[8] = {0};
		struct ipcfs_object *v;

		name[0] = (char)('a' + i);
		v = t_cells(V, name, all_types[i], 0);
		memset(out, 0xee, sizeof(out));
		t_is(ipcfs_value_get(v, out, 8, NULL), (long)size);
		t_is(memcmp(out, zero, size), 0); /* it begins as 0 */
		t_is(out[size], 0xee);
		t_is(ipcfs_value_set(v, in, size), 0);
		t_is(ipcfs_value_get(v, out, size, NULL), (long)size);
		t_is(memcmp(out, in, size), 0);
		t_is(ipcfs_value_set(v, in, size + 1), -EINVAL);
		t_is(ipcfs_value_set(v, in, size - 1), -EINVAL);
		t_is(ipcfs_value_set(v, in, 0), -EINVAL);
		/* a short buffer gets what it has room for, and the whole length */
		memset(out, 0xee, sizeof(out));
		t_is(ipcfs_value_get(v, out, size - 1, NULL), (long)size);
		t_is(memcmp(out, in, size - 1), 0);
		t_is(out[size - 1], 0xee);
		t_is(ipcfs_value_get(v, NULL, 0, NULL), (long)size);
		/* and it is where a mapping finds it */
		t_is(memcmp(ipcfs_cells(v), in, size), 0);
		t_is((char *)ipcfs_cells(v) - (char *)v->base, 4096);
	}
}

static void strings_of_any_length(void)
{
	static char bytes[65536], out[65536];

	for (int i = 0; i < 65536; i++)
		bytes[i] = (char)(i * 7 + (i >> 8));
	static const uint64_t lens[] = {1, 8, 255, 1600, 1728, 1792, 1793, 4096, 5000, 65535};
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		char name[16];
		uint64_t len = lens[i];

		snprintf(name, sizeof(name), "s%u", (unsigned)len);
		struct ipcfs_object *v = t_cells(V, name, 's', len);
		t_is(ipcfs_value_get(v, out, sizeof(out), NULL), 0);
		t_is(ipcfs_value_set(v, bytes, len + 1), -ERANGE);
		t_is(ipcfs_value_get(v, NULL, 0, NULL), 0);
		for (int round = 0; round < 20; round++) {
			size_t n = round == 0 ? len : round == 1 ? 0 : t_below(len + 1);

			t_is(ipcfs_value_set(v, bytes + round, n), 0);
			memset(out, 0xee, sizeof(out));
			t_is(ipcfs_value_get(v, out, sizeof(out), NULL), (long)n);
			t_is(memcmp(out, bytes + round, n), 0);
			t_check((uint8_t)out[n] == 0xee);
			t_is(ipcfs_value_get(v, out, n / 2, NULL), (long)n);
			/* nothing of a longer one before is left in memory */
			for (uint64_t k = n; k < len; k++)
				t_check(((char *)ipcfs_cells(v))[k] == 0);
		}
	}
}

/* ---- arithmetic -------------------------------------------------------------------------------- */

#define N(x)                                                                                       \
	{                                                                                          \
		.i = (x)                                                                           \
	}
#define U(x)                                                                                       \
	{                                                                                          \
		.u = (x)                                                                           \
	}
#define F(x)                                                                                       \
	{                                                                                          \
		.f = (x)                                                                           \
	}

static const struct {
	const char *name;
	char type;
	enum ipcfs_arith op;
	int rc;
	union ipcfs_number is, operand, becomes;
} sums[] = {
	{"bool 0 + 1", '?', IPCFS_ADD, 0, N(0), N(1), N(1)},
	{"bool 1 + 1", '?', IPCFS_ADD, -ERANGE, N(1), N(1), N(0)},
	{"bool 1 - 1", '?', IPCFS_SUB, 0, N(1), N(1), N(0)},
	{"bool 0 - 1", '?', IPCFS_SUB, -ERANGE, N(0), N(1), N(0)},
	{"bool 1 & 0", '?', IPCFS_AND, 0, N(1), N(0), N(0)},
	{"bool 0 | 1", '?', IPCFS_OR, 0, N(0), N(1), N(1)},
	{"bool 1 ^ 1", '?', IPCFS_XOR, 0, N(1), N(1), N(0)},
	{"b 126 + 1", 'b', IPCFS_ADD, 0, N(126), N(1), N(127)},
	{"b 127 + 1", 'b', IPCFS_ADD, -ERANGE, N(127), N(1), N(0)},
	{"b -128 - 1", 'b', IPCFS_SUB, -ERANGE, N(-128), N(1), N(0)},
	{"b -1 * -128", 'b', IPCFS_MUL, -ERANGE, N(-128), N(-1), N(0)},
	{"b 127 + -255", 'b', IPCFS_ADD, 0, N(127), N(-255), N(-128)},
	{"b -1 & 15", 'b', IPCFS_AND, 0, N(-1), N(15), N(15)},
	{"b 0 | 128", 'b', IPCFS_OR, -ERANGE, N(0), N(128), N(0)},
	{"B 255 + 1", 'B', IPCFS_ADD, -ERANGE, U(255), U(1), U(0)},
	{"B 0 - 1", 'B', IPCFS_SUB, -ERANGE, U(0), U(1), U(0)},
	{"B 15 * 17", 'B', IPCFS_MUL, 0, U(15), U(17), U(255)},
	{"B 16 * 16", 'B', IPCFS_MUL, -ERANGE, U(16), U(16), U(0)},
	{"B 170 ^ 255", 'B', IPCFS_XOR, 0, U(170), U(255), U(85)},
	{"h 32767 + 1", 'h', IPCFS_ADD, -ERANGE, N(32767), N(1), N(0)},
	{"h -32768 + 0", 'h', IPCFS_ADD, 0, N(-32768), N(0), N(-32768)},
	{"H 65535 + 1", 'H', IPCFS_ADD, -ERANGE, U(65535), U(1), U(0)},
	{"H 65534 + 1", 'H', IPCFS_ADD, 0, U(65534), U(1), U(65535)},
	{"i max + 1", 'i', IPCFS_ADD, -ERANGE, N(INT32_MAX), N(1), N(0)},
	{"i min - 1", 'i', IPCFS_SUB, -ERANGE, N(INT32_MIN), N(1), N(0)},
	{"i 46341 squared", 'i', IPCFS_MUL, -ERANGE, N(46341), N(46341), N(0)},
	{"i 46340 squared", 'i', IPCFS_MUL, 0, N(46340), N(46340), N(2147395600)},
	{"I max + 1", 'I', IPCFS_ADD, -ERANGE, U(UINT32_MAX), U(1), U(0)},
	{"I max + 0", 'I', IPCFS_ADD, 0, U(UINT32_MAX), U(0), U(UINT32_MAX)},
	{"l max + 1", 'l', IPCFS_ADD, -ERANGE, N(INT64_MAX), N(1), N(0)},
	{"q max + 1", 'q', IPCFS_ADD, -ERANGE, N(INT64_MAX), N(1), N(0)},
	{"q min - 1", 'q', IPCFS_SUB, -ERANGE, N(INT64_MIN), N(1), N(0)},
	{"q min * -1", 'q', IPCFS_MUL, -ERANGE, N(INT64_MIN), N(-1), N(0)},
	{"q min + max", 'q', IPCFS_ADD, 0, N(INT64_MIN), N(INT64_MAX), N(-1)},
	{"q min - min", 'q', IPCFS_SUB, 0, N(INT64_MIN), N(INT64_MIN), N(0)},
	{"q -1 ^ 1", 'q', IPCFS_XOR, 0, N(-1), N(1), N(-2)},
	{"L max + 1", 'L', IPCFS_ADD, -ERANGE, U(UINT64_MAX), U(1), U(0)},
	{"Q max + 1", 'Q', IPCFS_ADD, -ERANGE, U(UINT64_MAX), U(1), U(0)},
	{"Q 0 - 1", 'Q', IPCFS_SUB, -ERANGE, U(0), U(1), U(0)},
	{"Q max * 1", 'Q', IPCFS_MUL, 0, U(UINT64_MAX), U(1), U(UINT64_MAX)},
	{"Q 2^32 squared", 'Q', IPCFS_MUL, -ERANGE, U(1ull << 32), U(1ull << 32), U(0)},
	{"Q max & max", 'Q', IPCFS_AND, 0, U(UINT64_MAX), U(UINT64_MAX), U(UINT64_MAX)},
	{"f 0.5 + 0.25", 'f', IPCFS_ADD, 0, F(0.5), F(0.25), F(0.75)},
	{"f max * 2", 'f', IPCFS_MUL, -ERANGE, F(FLT_MAX), F(2), F(0)},
	{"f 1 & 1", 'f', IPCFS_AND, -EINVAL, F(1), F(1), F(0)},
	{"d 1.5 * -2", 'd', IPCFS_MUL, 0, F(1.5), F(-2), F(-3)},
	{"d max * 2", 'd', IPCFS_MUL, -ERANGE, F(DBL_MAX), F(2), F(0)},
	{"d max - -max", 'd', IPCFS_SUB, -ERANGE, F(DBL_MAX), F(-DBL_MAX), F(0)},
	{"d inf - 1", 'd', IPCFS_SUB, 0, F(INFINITY), F(1), F(INFINITY)},
	{"d tiny underflows", 'd', IPCFS_MUL, 0, F(DBL_MIN), F(DBL_MIN), F(0)},
	{"d 1 | 1", 'd', IPCFS_OR, -EINVAL, F(1), F(1), F(0)},
	{"d 1 ^ 1", 'd', IPCFS_XOR, -EINVAL, F(1), F(1), F(0)},
	{"c + 1", 'c', IPCFS_ADD, -EINVAL, N('a'), N(1), N(0)},
	{"u + 1", 'u', IPCFS_ADD, -EINVAL, N('a'), N(1), N(0)},
	{"no such operation", 'q', (enum ipcfs_arith)17, -EINVAL, N(1), N(1), N(0)},
};

static void to_bytes(char type, union ipcfs_number n, void *bytes)
{
	float f = (float)n.f;

	if (type == 'f')
		memcpy(bytes, &f, 4);
	else /* little-endian: the low bytes of any width */
		memcpy(bytes, &n, 8);
}

static void arithmetic_and_its_limits(void)
{
	struct ipcfs_object *v;

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		const char *row = sums[i].name;
		size_t size = ipcfs_type_size(sums[i].type);
		union ipcfs_number result = {.i = 4711};
		uint8_t before[8] = {0}, want[8] = {0}, found[8] = {0};

		v = t_cells(V, "v", sums[i].type, 0);
		to_bytes(sums[i].type, sums[i].is, before);
		to_bytes(sums[i].type, sums[i].rc ? sums[i].is : sums[i].becomes, want);
		t_row(row, ipcfs_value_set(v, before, size), 0);
		t_row(row, ipcfs_value_op(v, sums[i].op, sums[i].operand, &result), sums[i].rc);
		t_row(row, ipcfs_value_get(v, found, 8, NULL), (long)size);
		t_row(row, memcmp(found, want, size), 0);
		t_row(row, result.i, sums[i].rc ? 4711 : sums[i].becomes.i);
		t_row(row, ipcfs_value_set(v, before, size), 0);
		t_row(row, ipcfs_value_op(v, sums[i].op, sums[i].operand, NULL), sums[i].rc);
		ipcfs_close(t.objects[--t.object_count]);
		t_row(row, ipcfs_unlink(t.store, V, "v"), 0);
	}
	v = t_cells(V, "s", 's', 0);
	t_is(ipcfs_value_op(v, IPCFS_ADD, sums[0].operand, NULL), -EINVAL);
}

/* ---- compare and set ------------------------------------------------------------------------------- */

static void cas_once(struct ipcfs_object *v, const void *a, const void *b, size_t len)
{
	uint64_t seen = 0, later;
	char out[64] = "";

	t_is(ipcfs_value_set(v, a, len), 0);
	t_check(ipcfs_value_get(v, out, sizeof(out), &seen) >= 0);
	later = seen;
	t_is(ipcfs_value_cas(v, b, len, &later), 0);
	t_check(later > seen);
	t_is(ipcfs_value_cas(v, a, len, &seen), -ECANCELED);
	t_check(ipcfs_value_get(v, out, sizeof(out), NULL) >= 0);
	t_is(memcmp(out, b, len), 0);
	/* an own success counts as a read */
	t_is(ipcfs_value_cas(v, a, len, &later), 0);
	/* back to what it was: it has changed all the same */
	seen = later;
	t_is(ipcfs_value_set(v, b, len), 0);
	t_is(ipcfs_value_set(v, a, len), 0);
	later = seen;
	t_is(ipcfs_value_cas(v, b, len, &later), -ECANCELED);
	t_is(later, seen);
	/* even a set to what it is counts */
	t_check(ipcfs_value_get(v, out, sizeof(out), &seen) >= 0);
	t_is(ipcfs_value_set(v, a, len), 0);
	t_is(ipcfs_value_cas(v, b, len, &seen), -ECANCELED);
}

static void compare_and_set(void)
{
	int64_t one = 1, two = 2;
	struct ipcfs_object *q = t_cells(V, "q", 'q', 0), *s = t_cells(V, "s", 's', 50);
	uint64_t seen;

	cas_once(q, &one, &two, 8);
	cas_once(s, "hello", "world", 5);
	t_check(ipcfs_value_get(q, &one, 8, &seen) == 8);
	t_is(ipcfs_value_cas(q, &one, 4, &seen), -EINVAL);
	t_is(ipcfs_value_cas(q, &one, 8, &seen), 0); /* what was wrong changed nothing */
	t_check(ipcfs_value_get(q, &one, 8, &seen) == 8);
	t_is(ipcfs_value_op(q, IPCFS_ADD, (union ipcfs_number){.i = 0}, NULL), 0);
	t_is(ipcfs_value_cas(q, &one, 8, &seen), -ECANCELED);
	t_check(ipcfs_value_get(q, &one, 8, &seen) == 8);
	t_is(ipcfs_value_op(q, IPCFS_ADD, (union ipcfs_number){.i = INT64_MAX}, NULL), -ERANGE);
	t_is(ipcfs_value_cas(q, &one, 8, &seen), 0);
}

static void other_kinds_are_no_values(void)
{
	uint64_t seen = 0;
	char buf[8] = "";

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		t_check((ipcfs_cells(o) != NULL) == ipcfs_kinds[kind]->npy);
		if (kind == V)
			continue;
		t_is(ipcfs_value_get(o, buf, 8, NULL), -EINVAL);
		t_is(ipcfs_value_set(o, buf, 8), -EINVAL);
		t_is(ipcfs_value_cas(o, buf, 8, &seen), -EINVAL);
		t_is(ipcfs_value_op(o, IPCFS_ADD, (union ipcfs_number){.i = 0}, NULL), -EINVAL);
	}
}

/* ---- from several processes -------------------------------------------------------------------------- */

static long add_ones(struct ipcfs_object *v, long n, int64_t deadline_ns)
{
	(void)deadline_ns;
	for (long i = 0; i < n; i++) {
		union ipcfs_number one = {.i = 1};
		long rc = t_again(ipcfs_value_op(v, IPCFS_ADD, one, NULL));

		if (rc < 0)
			return rc;
	}
	return 0;
}

static long cas_ones(struct ipcfs_object *v, long n, int64_t deadline_ns)
{
	(void)deadline_ns;
	for (long i = 0; i < n; i++) {
		uint64_t seen;
		int64_t is;
		long rc;

		do {
			if (t_again(ipcfs_value_get(v, &is, 8, &seen)) != 8)
				return -EIO;
			is++;
			rc = t_again(ipcfs_value_cas(v, &is, 8, &seen));
		} while (rc == -ECANCELED);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void eight_processes_add_up(void)
{
	enum { PROCESSES = 8 };
	struct ipcfs_object *v = t_cells(V, "sum", 'q', 0);
	struct t_call *calls[PROCESSES];
	int64_t sum = 0;
	long n = t_count(10000);

	for (int i = 0; i < PROCESSES; i++)
		calls[i] = t_start((struct t_call){.kind = V,
						   .name = "sum",
						   .function = i % 2 ? add_ones : cas_ones,
						   .arg = n});
	for (int i = 0; i < PROCESSES; i++)
		t_ends_with(calls[i], 0);
	t_is(ipcfs_value_get(v, &sum, 8, NULL), 8);
	t_is(sum, PROCESSES * n);
}

/* Strings are never seen half-written: each consists of one letter. */
static long write_letters(struct ipcfs_object *v, long n, int64_t deadline_ns)
{
	char text[200];

	(void)deadline_ns;
	for (long i = 0; i < n; i++) {
		memset(text, 'a' + (int)(i % 26), sizeof(text));
		long rc = t_again(ipcfs_value_set(v, text, (size_t)(1 + i * 37 % 200)));
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void a_string_is_never_seen_half_written(void)
{
	struct ipcfs_object *v = t_cells(V, "s", 's', 200);
	struct t_call *calls[3];
	char text[200];

	for (int i = 0; i < 3; i++)
		calls[i] = t_start((struct t_call){
			.kind = V, .name = "s", .function = write_letters, .arg = t_count(10000)});
	while (calls[0]->result == T_UNDECIDED) {
		ssize_t n = t_again(ipcfs_value_get(v, text, sizeof(text), NULL));

		t_check(n >= 0 && n <= 200);
		for (ssize_t i = 1; i < n; i++)
			t_check(text[i] == text[0]);
	}
	for (int i = 0; i < 3; i++)
		t_ends_with(calls[i], 0);
}

static long await_change(struct ipcfs_object *v, long seen, int64_t deadline_ns)
{
	uint64_t changes = (uint64_t)seen;
	int rc = ipcfs_wait_change(v, &changes, deadline_ns);

	return rc < 0 ? rc : (long)changes;
}

static void each_change_wakes_those_who_watch(void)
{
	struct ipcfs_object *v = t_cells(V, "v", 'q', 0);
	int64_t seven = 7;

	for (int i = 0; i < 3; i++) {
		struct ipcfs_stat st;
		struct t_call *calls[3];
		uint64_t seen;

		t_stat_of(v, &st);
		seen = st.changes;
		for (int k = 0; k < 3; k++)
			calls[k] = t_start_waiting((struct t_call){.kind = V,
								   .name = "v",
								   .function = await_change,
								   .arg = (long)seen,
								   .timeout_ns = -1});
		if (i == 0)
			t_is(ipcfs_value_set(v, &seven, 8), 0);
		else if (i == 1)
			t_is(ipcfs_value_op(v, IPCFS_OR, (union ipcfs_number){.i = 8}, NULL), 0);
		else
			t_is(ipcfs_value_cas(v, &seven, 8, &seen), 0);
		for (int k = 0; k < 3; k++)
			t_ends_with(calls[k], (long)st.changes + 1);
	}
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(each_type_has_its_size),
		T_TEST(get_and_set_of_each_type),
		T_TEST(strings_of_any_length),
		T_TEST(arithmetic_and_its_limits),
		T_TEST(compare_and_set),
		T_TEST(other_kinds_are_no_values),
		T_TEST(eight_processes_add_up),
		T_TEST(a_string_is_never_seen_half_written),
		T_TEST(each_change_wakes_those_who_watch),
	};

	return T_RUN(tests);
}
