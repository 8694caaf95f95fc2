/* SPDX-License-Identifier: MIT
 *
 * test_array.c - arrays: elements and slices in one step, and a label that makes the file a .npy.
 */
#include "t_core.h"

#define A IPCFS_ARRAY

/* Every type, and how NumPy calls it. */
static const struct {
	const char *name;
	char type;
	size_t size;
	const char *descr;
} types[] = {
	{.name = "bool", .type = '?', .size = 1, .descr = "|b1"},
	{.name = "int8", .type = 'b', .size = 1, .descr = "|i1"},
	{.name = "uint8", .type = 'B', .size = 1, .descr = "|u1"},
	{.name = "int16", .type = 'h', .size = 2, .descr = "<i2"},
	{.name = "uint16", .type = 'H', .size = 2, .descr = "<u2"},
	{.name = "int32", .type = 'i', .size = 4, .descr = "<i4"},
	{.name = "uint32", .type = 'I', .size = 4, .descr = "<u4"},
	{.name = "long", .type = 'l', .size = 8, .descr = "<i8"},
	{.name = "ulong", .type = 'L', .size = 8, .descr = "<u8"},
	{.name = "int64", .type = 'q', .size = 8, .descr = "<i8"},
	{.name = "uint64", .type = 'Q', .size = 8, .descr = "<u8"},
	{.name = "float32", .type = 'f', .size = 4, .descr = "<f4"},
	{.name = "float64", .type = 'd', .size = 8, .descr = "<f8"},
	{.name = "bytes1", .type = 'c', .size = 1, .descr = "|S1"},
	{.name = "unicode1", .type = 'u', .size = 4, .descr = "<U1"},
	{.name = "string", .type = 's', .size = IPCFS_STRING_DEFAULT, .descr = "|S255"},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

static void slices_of_each_type(void)
{
	enum { LEN = 100 };
	static uint8_t in[LEN * IPCFS_STRING_DEFAULT], out[sizeof(in) + 1], is[sizeof(in)];

	for (int i = 0; i < TYPES; i++) {
		const char *row = types[i].name;
		size_t size = types[i].size;
		struct ipcfs_object *a = t_cells(A, row, types[i].type, LEN);

		memset(is, 0, sizeof(is));
		t_row(row, ipcfs_array_get(a, 0, LEN, out, sizeof(out), NULL), (long)(LEN * size));
		t_row(row, memcmp(out, is, LEN * size), 0); /* it begins as 0 */
		for (int round = 0; round < t_count(300); round++) {
			uint64_t first = t_below(LEN), count = 1 + t_below(LEN - first);
			size_t bytes = count * size;

			if (round % 3 == 0)
				count = 1, bytes = size;
			for (size_t k = 0; k < bytes; k++)
				in[k] = (uint8_t)t_random();
			t_row(row, ipcfs_array_set(a, first, count, in), 0);
			memcpy(is + first * size, in, bytes);
			memset(out, 0xee, sizeof(out));
			t_row(row, ipcfs_array_get(a, first, count, out, bytes, NULL), (long)bytes);
			t_row(row, memcmp(out, in, bytes), 0);
			t_row(row, out[bytes], 0xee);
			t_row(row, memcmp(ipcfs_cells(a), is, LEN * size), 0);
		}
	}
}

static void ranges(void)
{
	struct ipcfs_object *a = t_cells(A, "a", 'i', 10);
	int32_t buf[20] = {0};
	uint64_t seen = 0;
	union ipcfs_number one = {.i = 1};
	static const struct {
		const char *name;
		uint64_t first, count;
		int rc;
	} rows[] = {
		{.name = "all", .first = 0, .count = 10, .rc = 0},
		{.name = "the last", .first = 9, .count = 1, .rc = 0},
		{.name = "one past the end", .first = 10, .count = 1, .rc = -ERANGE},
		{.name = "across the end", .first = 9, .count = 2, .rc = -ERANGE},
		{.name = "more than all", .first = 0, .count = 11, .rc = -ERANGE},
		{.name = "none", .first = 0, .count = 0, .rc = -EINVAL},
		{.name = "far", .first = UINT64_MAX, .count = 1, .rc = -ERANGE},
		{.name = "wrapping", .first = 5, .count = UINT64_MAX - 2, .rc = -ERANGE},
		{.name = "wrapping in bytes",
		 .first = 1,
		 .count = UINT64_C(1) << 62,
		 .rc = -ERANGE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *row = rows[i].name;
		uint64_t first = rows[i].first, count = rows[i].count;
		int rc = rows[i].rc;

		t_row(row, ipcfs_array_get(a, first, count, buf, sizeof(buf), &seen),
		      rc ? rc : (long)count * 4);
		t_row(row, ipcfs_array_set(a, first, count, buf), rc);
		t_row(row, ipcfs_array_op(a, first, count, IPCFS_ADD, one), rc);
		t_is(ipcfs_array_get(a, 0, 1, buf, sizeof(buf), &seen), 4);
		t_row(row, ipcfs_array_cas(a, first, count, buf, &seen), rc);
	}
	memset(buf, 0xee, sizeof(buf));
	t_is(ipcfs_array_get(a, 0, 10, buf, 39, NULL), -EMSGSIZE);
	t_is(ipcfs_array_get(a, 0, 1, buf, 0, NULL), -EMSGSIZE);
	t_is(buf[0], (int32_t)0xeeeeeeee);
}

static void other_kinds_are_no_arrays(void)
{
	uint64_t seen = 0;
	char buf[8] = "";

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == A)
			continue;
		t_is(ipcfs_array_get(o, 0, 1, buf, 8, NULL), -EINVAL);
		t_is(ipcfs_array_set(o, 0, 1, buf), -EINVAL);
		t_is(ipcfs_array_cas(o, 0, 1, buf, &seen), -EINVAL);
		t_is(ipcfs_array_op(o, 0, 1, IPCFS_ADD, (union ipcfs_number){.i = 0}), -EINVAL);
	}
}

/* ---- operations on slices ---------------------------------------------------------------------- */

static void an_operation_on_a_slice_is_all_or_nothing(void)
{
	enum { LEN = 1000 };
	struct ipcfs_object *a = t_cells(A, "a", 'b', LEN);
	int8_t is[LEN], out[LEN];
	union ipcfs_number ten = {.i = 10}, one = {.i = 1};

	for (int i = 0; i < LEN; i++)
		is[i] = (int8_t)(i % 100);
	t_is(ipcfs_array_set(a, 0, LEN, is), 0);
	t_is(ipcfs_array_op(a, 100, 300, IPCFS_ADD, ten), 0);
	for (int i = 100; i < 400; i++)
		is[i] = (int8_t)(is[i] + 10);
	t_is(ipcfs_array_get(a, 0, LEN, out, LEN, NULL), LEN);
	t_is(memcmp(out, is, LEN), 0);
	is[700] = 127;
	t_is(ipcfs_array_set(a, 700, 1, &is[700]), 0);
	t_is(ipcfs_array_op(a, 0, LEN, IPCFS_ADD, one), -ERANGE); /* one of them does not fit */
	t_is(ipcfs_array_get(a, 0, LEN, out, LEN, NULL), LEN);
	t_is(memcmp(out, is, LEN), 0);
	t_is(ipcfs_array_op(a, 700, 1, IPCFS_ADD, one), -ERANGE);
	t_is(ipcfs_array_op(a, 700, 1, IPCFS_SUB, one), 0);
	t_is(ipcfs_array_op(a, 0, LEN, IPCFS_ADD, one), 0);
	t_is(ipcfs_array_op(a, 0, LEN, (enum ipcfs_arith)99, one), -EINVAL);
}

static void operations_that_a_type_has_not(void)
{
	static const char none[] = "cus", floats[] = "fd";
	union ipcfs_number one = {.i = 1};

	for (int i = 0; none[i]; i++) {
		struct ipcfs_object *a = t_cells(A, (char[]){none[i], 0}, none[i], 5);

		for (int op = IPCFS_ADD; op <= IPCFS_XOR; op++) {
			t_is(ipcfs_array_op(a, 0, 5, op, one), -EINVAL);
			t_is(ipcfs_array_op(a, 0, 1, op, one), -EINVAL);
		}
	}
	for (int i = 0; floats[i]; i++) {
		struct ipcfs_object *a = t_cells(A, (char[]){floats[i], 0}, floats[i], 5);

		for (int op = IPCFS_AND; op <= IPCFS_XOR; op++)
			t_is(ipcfs_array_op(a, 0, 5, op, (union ipcfs_number){.f = 1}), -EINVAL);
		t_is(ipcfs_array_op(a, 0, 5, IPCFS_ADD, (union ipcfs_number){.f = 1.5}), 0);
	}
}

static void compare_and_set(void)
{
	struct ipcfs_object *a = t_cells(A, "a", 'q', 10);
	int64_t one[10] = {1, 1, 1}, two[10] = {2, 2, 2}, out[10];
	uint64_t seen, later;

	t_is(ipcfs_array_get(a, 0, 3, out, sizeof(out), &seen), 24);
	later = seen;
	t_is(ipcfs_array_cas(a, 0, 3, one, &later), 0);
	t_check(later > seen);
	t_is(ipcfs_array_cas(a, 0, 3, two, &seen), -ECANCELED);
	t_is(ipcfs_array_get(a, 0, 3, out, sizeof(out), NULL), 24);
	t_is(memcmp(out, one, 24), 0);
	/* a change anywhere in the array counts, and one back as well */
	t_is(ipcfs_array_set(a, 9, 1, two), 0);
	t_is(ipcfs_array_set(a, 9, 1, one + 9), 0);
	t_is(ipcfs_array_cas(a, 0, 3, two, &later), -ECANCELED);
	t_is(ipcfs_array_get(a, 5, 1, out, sizeof(out), &later), 8);
	t_is(ipcfs_array_cas(a, 0, 3, two, &later), 0);
	t_is(ipcfs_array_cas(a, 0, 1, one, &later), 0);
	t_is(ipcfs_array_get(a, 0, 3, out, sizeof(out), NULL), 24);
	t_is(out[0], 1);
	t_is(out[1], 2);
}

/* What the server uses. */
static void fill_and_raw_bytes(void)
{
	struct ipcfs_object *a = t_cells(A, "a", 'i', 10);
	int32_t seven = 7, out[10], want[10] = {0, 0, 7, 7, 7, 7, 0, 0, 0, 0};
	struct ipcfs_op fill = {.verb = IPCFS_V_WRITE,
				.flags = IPCFS_OP_FILL,
				.first = 2,
				.count = 4,
				.in = &seven,
				.in_len = 4};

	t_is(ipcfs_engine_shm.try(a, &fill), 0);
	t_is(ipcfs_array_get(a, 0, 10, out, 40, NULL), 40);
	t_is(memcmp(out, want, 40), 0);
	fill.in_len = 8;
	t_is(ipcfs_engine_shm.try(a, &fill), -EINVAL);
	fill.in_len = 4;
	fill.count = 1;
	fill.first = 10;
	t_is(ipcfs_engine_shm.try(a, &fill), -ERANGE);
	/* bytes at any place */
	struct ipcfs_op raw = {.verb = IPCFS_V_WRITE_RAW, .first = 7, .in = "abcdef", .in_len = 6};
	memcpy((char *)want + 7, "abcdef", 6);
	t_is(ipcfs_engine_shm.try(a, &raw), 0);
	t_is(memcmp(ipcfs_cells(a), want, 40), 0);
	raw.first = 35;
	t_is(ipcfs_engine_shm.try(a, &raw), -ERANGE);
	raw.first = UINT64_MAX;
	t_is(ipcfs_engine_shm.try(a, &raw), -ERANGE);
	raw.first = 34;
	t_is(ipcfs_engine_shm.try(a, &raw), 0);
	char bytes[6];
	struct ipcfs_op read = {.verb = IPCFS_V_READ_RAW, .first = 34, .out = bytes, .out_size = 6};
	t_is(ipcfs_engine_shm.try(a, &read), 0);
	t_is(memcmp(bytes, "abcdef", 6), 0);
	read.first = 35;
	t_is(ipcfs_engine_shm.try(a, &read), -ERANGE);
}

/* ---- a slice is never seen half-written ------------------------------------------------------------ */

static long write_slices(struct ipcfs_object *a, long n, int64_t deadline_ns)
{
	union ipcfs_number one = {.i = 1};
	int64_t all[600];

	(void)deadline_ns;
	for (long i = 0; i < n; i++) {
		for (int k = 0; k < 600; k++)
			all[k] = i;
		long rc = i % 2 ? t_again(ipcfs_array_set(a, 0, 600, all)) :
				  t_again(ipcfs_array_op(a, 0, 600, IPCFS_ADD, one));
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void a_slice_is_never_seen_half_written(void)
{
	struct ipcfs_object *a = t_cells(A, "a", 'q', 600);
	struct t_call *calls[2];
	int64_t all[600];

	for (int i = 0; i < 2; i++)
		calls[i] = t_start((struct t_call){
			.kind = A, .name = "a", .function = write_slices, .arg = t_count(5000)});
	while (calls[0]->result == T_UNDECIDED) {
		t_is(t_again(ipcfs_array_get(a, 0, 600, all, sizeof(all), NULL)), sizeof(all));
		for (int i = 1; i < 600; i++)
			t_is(all[i], all[0]);
	}
	for (int i = 0; i < 2; i++)
		t_ends_with(calls[i], 0);
}

/* ---- the file -------------------------------------------------------------------------------------- */

static void read_label(enum ipcfs_kind kind, const char *name, char page[4097])
{
	int fd = t_file(kind, name);

	t_is(pread(fd, page, 4096, 0), 4096);
	page[4096] = '\0';
	close(fd);
}

/* As NumPy's format 1.0 says: magic, version, length, a dict, blanks, a newline. */
static void label_is(const char *row, const char page[4097], const char *descr, const char *dims)
{
	char want[4097], text[200];
	int n = snprintf(text, sizeof(text),
			 "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, dims);

	memset(want, ' ', 4096);
	memcpy(want, "\x93NUMPY\x01\x00\xf6\x0f", 10); /* 4096 - 10 */
	memcpy(want + 10, text, (size_t)n);
	want[4095] = '\n';
	t_row(row, memcmp(page, want, 4096), 0);
}

static void the_label_is_a_npy_header(void)
{
	char page[4097], descr[16];

	for (int i = 0; i < TYPES; i++) {
		const char *row = types[i].name;

		t_cells(A, row, types[i].type, 7);
		read_label(A, row, page);
		label_is(row, page, types[i].descr, "(7,)");
		t_cells(IPCFS_VALUE, row, types[i].type, types[i].type == 's' ? 33 : 0);
		read_label(IPCFS_VALUE, row, page);
		snprintf(descr, sizeof(descr), "%s",
			 types[i].type == 's' ? "|S33" : types[i].descr);
		label_is(row, page, descr, "()");
	}
	t_cells(A, "large", 'b', 100000000 / 16);
	read_label(A, "large", page);
	label_is("large", page, "|i1", "(6250000,)");
}

static void other_labels_are_text(void)
{
	char page[4097];

	t_queue("q", 3, 4000);
	read_label(IPCFS_QUEUE, "q", page);
	t_is(strcmp(page, "ipcfs 2\nkind queues\nmaxsize 3\ncapacity 4000\n"), 0);
	t_semaphore("s", 3, 5);
	read_label(IPCFS_SEMAPHORE, "s", page);
	t_is(strcmp(page, "ipcfs 2\nkind semaphores\nvalue 3\nmax 5\n"), 0);
	t_object(IPCFS_EVENT, "e", NULL);
	read_label(IPCFS_EVENT, "e", page);
	t_is(strcmp(page, "ipcfs 2\nkind events\nset 0\n"), 0);
}

/* With NumPy itself, where Debian's python3 has it: reads all of them, and writes through a mapping. */
static const char script[] = "import sys\n"
			     "try:\n"
			     "    import numpy\n"
			     "except ImportError:\n"
			     "    sys.exit(77)\n"
			     "for line in sys.stdin:\n"
			     "    path, dtype, shape, text = line.rstrip('\\n').split('|')\n"
			     "    a = numpy.load(path, mmap_mode='r+')\n"
			     "    assert a.dtype == numpy.dtype(dtype), (path, a.dtype)\n"
			     "    assert repr(a.shape) == shape, (path, a.shape)\n"
			     "    assert a.offset == 4096, (path, a.offset)\n"
			     "    assert repr(a.tolist()) == text, (path, a.tolist())\n"
			     "    if a.shape and a.dtype.kind == 'i':\n"
			     "        a[1] = 42\n"
			     "        a.flush()\n";

static int run_numpy(void *arg)
{
	int fd = open(arg, O_RDONLY | O_CLOEXEC);

	dup2(fd, 0);
	execl("/usr/bin/python3", "python3", "-c", script, (char *)NULL);
	_exit(77);
}

static void numpy_loads_it(void)
{
	struct ipcfs_object *i = t_cells(A, "i", 'i', 3), *d = t_cells(A, "d", 'd', 2),
			    *s = t_cells(A, "s", 's', 2), *u = t_cells(A, "u", 'u', 2),
			    *c = t_cells(A, "c", 'c', 2), *b = t_cells(A, "b", '?', 2),
			    *v = t_cells(IPCFS_VALUE, "v", 'h', 0),
			    *t5 = t_cells(IPCFS_VALUE, "s", 's', 5);
	static char strings[2 * IPCFS_STRING_DEFAULT] = "one";
	char list[300];
	int32_t element = 0;

	snprintf(list, sizeof(list), "%s", t_path("list"));
	t_is(ipcfs_array_set(i, 0, 3, (int32_t[]){1, -2, 3}), 0);
	t_is(ipcfs_array_set(d, 0, 2, (double[]){0.1, -1e300}), 0);
	memcpy(strings + IPCFS_STRING_DEFAULT, "two", 4);
	t_is(ipcfs_array_set(s, 0, 2, strings), 0);
	t_is(ipcfs_array_set(u, 0, 2, (uint32_t[]){'x', 0x20ac}), 0);
	t_is(ipcfs_array_set(c, 0, 2, "xy"), 0);
	t_is(ipcfs_array_set(b, 0, 2, "\1\0"), 0);
	t_is(ipcfs_value_set(v, &(int16_t){-5}, 2), 0);
	t_is(ipcfs_value_set(t5, "hey", 3), 0);
	FILE *file = fopen(list, "we");
	t_check(file != NULL);
	fprintf(file, "%s|<i4|(3,)|[1, -2, 3]\n", t_path("arrays/i"));
	fprintf(file, "%s|<f8|(2,)|[0.1, -1e+300]\n", t_path("arrays/d"));
	fprintf(file, "%s|S255|(2,)|[b'one', b'two']\n", t_path("arrays/s"));
	fprintf(file, "%s|<U1|(2,)|['x', '\xe2\x82\xac']\n", t_path("arrays/u"));
	fprintf(file, "%s|S1|(2,)|[b'x', b'y']\n", t_path("arrays/c"));
	fprintf(file, "%s|bool|(2,)|[True, False]\n", t_path("arrays/b"));
	fprintf(file, "%s|<i2|()|-5\n", t_path("values/v"));
	fprintf(file, "%s|S5|()|b'hey'\n", t_path("values/s"));
	fclose(file);
	int rc = t_wait(t_fork(run_numpy, list));
	if (rc == 77)
		skip();
	t_is(rc, 0);
	t_is(ipcfs_array_get(i, 1, 1, &element, 4, NULL), 4);
	t_is(element, 42);
}

/* Anybody may map the elements: none of them may meet a full store there. */
static void elements_have_memory_from_the_start(void)
{
	struct stat st;

	t_cells(A, "a", 'd', 100000);
	t_is(stat(t_path("arrays/a"), &st), 0);
	t_check(st.st_blocks * 512 >= 800000);
	t_check(st.st_blocks * 512 <= 800000 + 5 * 4096); /* the redo area has none yet */
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(slices_of_each_type),
		T_TEST(ranges),
		T_TEST(other_kinds_are_no_arrays),
		T_TEST(an_operation_on_a_slice_is_all_or_nothing),
		T_TEST(operations_that_a_type_has_not),
		T_TEST(compare_and_set),
		T_TEST(fill_and_raw_bytes),
		T_TEST(a_slice_is_never_seen_half_written),
		T_TEST(the_label_is_a_npy_header),
		T_TEST(other_labels_are_text),
		T_TEST(numpy_loads_it),
		T_TEST(elements_have_memory_from_the_start),
	};

	return T_RUN(tests);
}
