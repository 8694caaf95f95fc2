/* SPDX-License-Identifier: MIT
 *
 * test_array.c - contract, row arrays and section 5: all elements, lengths; with the library.
 */
#include "t.h"

#include "array.h"

/* ---- all elements ------------------------------------------------------------------------------ */

static void all_elements_one_a_line(void **state)
{
	(void)state;
	const char *a = make("all", "i", 4);

	t_shows(a, "0\n0\n0\n0\n");
	t_is(t_echo(a, "1 2 3 4"), 0);
	t_shows(a, "1\n2\n3\n4\n");
	t_is(t_echo(a, "5\n6\n7\n8\n"), 0);
	t_shows(a, "5\n6\n7\n8\n");
	t_is(t_echo(a, "  9 \t 10\n\n-11\n 12  \n"), 0);
	t_shows(a, "9\n10\n-11\n12\n");
	t_shows(t_format("%s,peek", a), "9\n10\n-11\n12\n");
}

static void other_than_all_is_einval(void **state)
{
	(void)state;
	const char *a = make("count", "i", 4);

	t_is(t_echo(a, "1 2 3 4"), 0);
	t_is(t_echo(a, "1 2 3"), -EINVAL);
	t_is(t_echo(a, "1 2 3 4 5"), -EINVAL);
	t_is(t_echo(a, "7"), -EINVAL);
	t_is(t_echo(a, "\n"), -EINVAL);
	t_is(t_echo(a, "1 2 x 4"), -EINVAL);
	t_is(t_echo(a, "9 9 9 1.5"), -EINVAL);
	t_is(t_echo(a, "9 9 9 2147483648"), -ERANGE);
	t_is(t_echo(a, "9,9,9,9"), -EINVAL);
	t_shows(a, "1\n2\n3\n4\n"); /* all or nothing */
}

/* A case of a write: what it gives and what is read then, of 0 1 2 3 4 5 before. */
struct row {
	const char *written;
	long result;
	const char *read;
};

static void elements_and_slices(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"3=7", 0, "0\n1\n2\n7\n4\n5\n"},
		{"3=7\n", 0, "0\n1\n2\n7\n4\n5\n"},
		{" 3 = 7 \n", 0, "0\n1\n2\n7\n4\n5\n"},
		{"0=-1", 0, "-1\n1\n2\n3\n4\n5\n"},
		{"5=9", 0, "0\n1\n2\n3\n4\n9\n"},
		{"3+=1", 0, "0\n1\n2\n4\n4\n5\n"},
		{"3+=-10\n", 0, "0\n1\n2\n-7\n4\n5\n"},
		{"1:4=5 6 7", 0, "0\n5\n6\n7\n4\n5\n"},
		{"1:4=5\n6\n7\n", 0, "0\n5\n6\n7\n4\n5\n"},
		{"1:4=8", 0, "0\n8\n8\n8\n4\n5\n"}, /* one for all */
		{":=0", 0, "0\n0\n0\n0\n0\n0\n"},
		{":=5 4 3 2 1 0", 0, "5\n4\n3\n2\n1\n0\n"},
		{":2=8 9", 0, "8\n9\n2\n3\n4\n5\n"},
		{"4:=8 9", 0, "0\n1\n2\n3\n8\n9\n"},
		{"0:6=1", 0, "1\n1\n1\n1\n1\n1\n"},
		{"5:6=7", 0, "0\n1\n2\n3\n4\n7\n"},
		{"1:4=5 6", -EINVAL, same},
		{"1:4=5 6 7 8", -EINVAL, same},
		{":=1 2", -EINVAL, same},
		{"3=", -EINVAL, same},
		{"3=7 8", -EINVAL, same},
		{"=7", -EINVAL, same},
		{"3==7", -EINVAL, same},
		{"x=7", -EINVAL, same},
		{"3=x", -EINVAL, same},
		{"1:x=7", -EINVAL, same},
		{"1:2:3=7", -EINVAL, same},
		{"3*=2", -EINVAL, same},
		{"3+=x", -EINVAL, same},
		{"6=7", -ERANGE, same},
		{"6+=7", -ERANGE, same},
		{"99999999999999999999=7", -ERANGE, same},
		{"4:7=1 2 3", -ERANGE, same},
		{"3=2147483648", -ERANGE, same},
		{"3+=2147483647", -ERANGE, same},
		{"1:4=5 6 99999999999", -ERANGE, same},
	};
	const char *a = make("slices", "i", 6);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[256] = "";
		t_is(t_echo(a, "0 1 2 3 4 5"), 0);
		long got = t_echo(a, rows[i].written);
		t_cat(a, text, sizeof(text));
		if (got != rows[i].result || strcmp(text, rows[i].read) != 0)
			t_fail("'%s': %s, then %s", rows[i].written,
			       got < 0 ? strerrorname_np((int)-got) : "0", text);
	}
}

static void every_type(void **state)
{
	(void)state;
	static const struct {
		const char *type, *written, *read;
	} rows[] = {
		{"?", "1 0 1", "1\n0\n1\n"},
		{"b", "-128 0 127", "-128\n0\n127\n"},
		{"B", "0 128 255", "0\n128\n255\n"},
		{"h", "-32768 0 32767", "-32768\n0\n32767\n"},
		{"H", "0 1 65535", "0\n1\n65535\n"},
		{"i", "-2147483648 0 2147483647", "-2147483648\n0\n2147483647\n"},
		{"I", "0 1 4294967295", "0\n1\n4294967295\n"},
		{"l", "-9223372036854775808 0 1", "-9223372036854775808\n0\n1\n"},
		{"L", "0 1 18446744073709551615", "0\n1\n18446744073709551615\n"},
		{"q", "-9223372036854775808 0 1", "-9223372036854775808\n0\n1\n"},
		{"Q", "0 1 18446744073709551615", "0\n1\n18446744073709551615\n"},
		{"f", "1.5 -0.25 3", NULL},
		{"d", "1.5 -0.25 3", NULL},
	};
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *a = make(t_format("type%zu", i), rows[i].type, 3);
		t_is(t_echo(a, rows[i].written), 0);
		if (rows[i].read) {
			t_shows(a, rows[i].read);
			continue;
		}
		t_check(t_cat(a, text, sizeof(text)) > 0);
		double x = 0, y = 0, z = 0;
		t_is(sscanf(text, "%lf\n%lf\n%lf\n", &x, &y, &z), 3);
		t_check(x == 1.5 && y == -0.25 && z == 3);
	}
}

static void an_array_of_characters(void **state)
{
	(void)state;
	const char *a = make("chars", "c", 10);

	t_shows(a, "\n");
	int fd = t_open(t_format("%s,raw", a), O_RDWR);
	t_is(t_sys(pwrite(fd, "hello\0xyz", 9, 0)), 9);
	t_shows(a, "hello\n"); /* up to the first NUL: the .value of an Array of 'c' */
	t_is(t_sys(pwrite(fd, "0123456789", 10, 0)), 10);
	t_shows(a, "0123456789\n");
	t_is(t_echo(a, "ab cd efgh\n"), 0); /* blanks stay, one final newline is dropped */
	t_shows(a, "ab cd efgh\n");
	t_shows(t_format("%s,raw", a), "ab cd efgh");
}

/* As .value = b"hello" does it: shorter than the array ends with a NUL. */
static void a_shorter_text_for_an_array_of_characters(void **state)
{
	(void)state;
	const char *a = make("shortchars", "c", 10);

	t_is(t_echo(a, "0123456789"), 0);
	t_is(t_echo(a, "hello\n"), 0);
	t_shows(a, "hello\n");
	t_is_either(t_echo(a, "0123456789a"), -ERANGE, -EINVAL);
	t_shows(a, "hello\n");
}

/* A slice of characters as any other: as many as named, or one for all. */
static void a_slice_of_characters(void **state)
{
	const char *a = make("slicechars", "c", 5), *u = make("sliceu", "u", 3);

	(void)state;
	t_is(t_echo(a, ":=z"), 0);
	t_shows(a, "zzzzz\n");
	t_is(t_echo(a, "1:3=ab\n"), 0);
	t_shows(a, "zabzz\n");
	t_is(t_echo(a, "1:3=abc"), -EINVAL);
	t_is(t_echo(a, "1:4=ab"), -EINVAL);
	t_is(t_echo(t_format("%s,at=1:4", a), "ab"), -EINVAL);
	t_is(t_echo(t_format("%s,at=3:", a), "-\n"), 0);
	t_is(t_echo(t_format("%s,at=0", a), "Z"), 0);
	t_is(t_echo(a, "2="), -EINVAL);
	t_shows(a, "Zab--\n");
	t_is(t_echo(u, ":=ä"), 0);
	t_is(t_echo(u, "1:=öü"), 0);
	t_shows(u, "äöü\n");
}

/* ---- lengths ----------------------------------------------------------------------------------- */

static void without_len_as_long_as_what_is_written(void **state)
{
	(void)state;
	const char *a = t_path("arrays/three");

	t_is(t_echo(a, "1 2 3\n"), 0);
	t_shows(a, "1\n2\n3\n");
	t_is(t_stat(a, "len"), 3);
	t_check(t_stat_has(a, "type q"));
	t_is(t_echo(a, "4 5 6"), 0);
	t_is(t_echo(a, "4 5"), -EINVAL);
	t_shows(a, "4\n5\n6\n");

	a = t_path("arrays/floats");
	t_is(t_echo(a, "1.5 2 3\n"), 0);
	t_check(t_stat_has(a, "type d"));
	t_is(t_stat(a, "len"), 3);

	a = t_path("arrays/typed");
	t_is(t_echo(t_format("%s,type=h", a), "1\n2\n"), 0);
	t_check(t_stat_has(a, "type h"));
	t_is(t_stat(a, "len"), 2);

	a = t_path("arrays/several");
	int fd = t_open(a, O_WRONLY | O_CREAT);
	t_is(t_put(fd, "1 2\n"), 4);
	t_is(t_put(fd, "3 4\n"), 4);
	t_is(t_put(fd, "5\n"), 2);
	close(fd);
	t_shows(a, "1\n2\n3\n4\n5\n");
	t_is(t_stat(a, "len"), 5);
	t_runs(0, "seq 1000 > $M/arrays/seq && [ $(wc -l < $M/arrays/seq) = 1000 ]");
	t_is(t_stat(t_path("arrays/seq"), "len"), 1000);
	t_runs(0, "seq 20000 > $M/arrays/long && seq 20000 | cmp - $M/arrays/long");
}

static void nothing_of_use_written(void **state)
{
	(void)state;
	const char *a = t_path("arrays/junk");

	t_is(t_touch(a), 0);
	t_is(t_exists(a), 0);
	t_shows(a, ""); /* pending */
	t_check(t_stat_has(a, "pending 1") && t_stat(a, "len") == -ENODATA);
	t_is(t_exists(t_path("shm/arrays/junk")), -ENOENT);
	t_is(t_sys(unlink(a)), 0);
	t_is(t_touch(t_format("%s,len=3", a)), 0); /* what it was given shows */
	t_check(t_stat_has(a, "pending 1") && t_stat_has(a, "len 3"));
	t_is(t_sys(unlink(a)), 0);
	t_is(t_touch(t_format("%s,type=d", a)), 0);
	t_check(t_stat_has(a, "pending 1") && t_stat_has(a, "type d"));
	t_is(t_sys(unlink(a)), 0);
}

/* ---- beside the library ------------------------------------------------------------------------ */

static void with_the_library(void **state)
{
	(void)state;
	struct ipcfs_properties p = {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'd', .len = 4};
	struct ipcfs_object *array = t_attach(IPCFS_ARRAY, "lib", &p);
	const char *a = t_path("arrays/lib");
	double d[4] = {1.5, 2.5, -3.5, 4.5};
	uint64_t changes;

	t_is(t_stat(a, "len"), 4);
	t_is(ipcfs_array_set(array, 0, 4, d), 0);
	t_shows(a, "1.5\n2.5\n-3.5\n4.5\n");
	t_is(t_echo(a, "1=0.25"), 0);
	t_is(ipcfs_array_get(array, 0, 4, d, sizeof(d), &changes), 32);
	t_check(d[1] == 0.25);
	t_is(ipcfs_array_op(array, 0, 2, IPCFS_MUL, (union ipcfs_number){.f = 2}), 0);
	t_shows(a, "3.0\n0.5\n-3.5\n4.5\n");
	t_is(ipcfs_array_cas(array, 0, 4, d, &changes), -ECANCELED);
	((double *)ipcfs_cells(array))[3] = 9.5;
	t_shows(t_format("%s,at=3", a), "9.5\n");
}

/* A writer of all elements by file or library; readers never see half. */
static int write_all_the_same(void *arg)
{
	const _Atomic int *stop = arg;
	static char text[2][2001];
	int fd = t_open(t_path("arrays/whole"), O_WRONLY);

	for (int i = 0; i < 1000; i++)
		for (int j = 0; j < 2; j++)
			memcpy(text[j] + 2 * i, j ? "2 " : "1 ", 2);
	for (unsigned n = 0; !*stop; n++)
		if (t_again(t_put(fd, text[n % 2])) != 2000)
			return 1;
	return 0;
}

static int set_all_the_same(void *arg)
{
	const _Atomic int *stop = arg;
	static int32_t cells[2][1000];
	struct ipcfs_store *store;
	struct ipcfs_object *array = t_attach_child(&store, IPCFS_ARRAY, "whole");

	for (int i = 0; i < 2000; i++)
		cells[i / 1000][i % 1000] = 3 + i / 1000;
	for (unsigned n = 0; array && !*stop; n++)
		if (t_again(ipcfs_array_set(array, 0, 1000, cells[n % 2])) != 0)
			return 1;
	return !array;
}

static void readers_never_see_half(void **state)
{
	(void)state;
	const char *a = make("whole", "i", 1000);
	_Atomic int *stop = t_shared(sizeof(*stop));
	pid_t child[2] = {t_spawn(write_all_the_same, stop), t_spawn(set_all_the_same, stop)};
	struct ipcfs_object *array = t_attach(IPCFS_ARRAY, "whole", NULL);
	static char text[4096];
	static int32_t cells[1000];

	for (int round = 0; round < t_count(1000, 20000); round++) {
		t_is(t_again(t_cat(a, text, sizeof(text))), 2000);
		for (int i = 1; i < 1000; i++)
			if (text[2 * i] != text[0])
				t_fail("a read shows %c and %c", text[0], text[2 * i]);
		t_is(t_again(ipcfs_array_get(array, 0, 1000, cells, sizeof(cells), NULL)), 4000);
		for (int i = 1; i < 1000; i++)
			if (cells[i] != cells[0])
				t_fail("the library shows %d and %d", cells[0], cells[i]);
	}
	*stop = 1;
	t_is(t_wait(child[0]), 0);
	t_is(t_wait(child[1]), 0);
}

static int count_up(void *arg)
{
	const int *rounds = arg;
	int fd = t_open(t_path("arrays/counts"), O_WRONLY);

	for (int i = 0; i < *rounds; i++)
		if (t_put(fd, t_format("%d+=1\n", i % 7)) != 5)
			return 1;
	return 0;
}

static void adding_to_elements(void **state)
{
	(void)state;
	const char *a = make("counts", "q", 7);
	int rounds = t_count(2100, 21000);
	pid_t child[4];

	for (int i = 0; i < 4; i++)
		child[i] = t_spawn(count_up, &rounds);
	for (int i = 0; i < 4; i++)
		t_is(t_wait(child[i]), 0);
	int each = 4 * rounds / 7;
	t_shows(a,
		t_format("%d\n%d\n%d\n%d\n%d\n%d\n%d\n", each, each, each, each, each, each, each));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(all_elements_one_a_line), T_TEST(other_than_all_is_einval),
		T_TEST(elements_and_slices),	 T_TEST(every_type),
		T_TEST(an_array_of_characters),	 T_TEST(a_shorter_text_for_an_array_of_characters),
		T_TEST(a_slice_of_characters),	 T_TEST(without_len_as_long_as_what_is_written),
		T_TEST(nothing_of_use_written),	 T_TEST(with_the_library),
		T_TEST(readers_never_see_half),	 T_TEST(adding_to_elements),
	};

	return T_RUN(tests, argc, argv);
}
