/* SPDX-License-Identifier: MIT
 *
 * test_value_bytes.c - contract, row values and section 5: raw bytes, the file in shm, the library beside files.
 */
#include "t.h"

#include <sys/mman.h>

#include "value.h"

/* ---- raw, shm ---------------------------------------------------------------------------------- */

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

/* ---- beside the library ------------------------------------------------------------------------ */

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
		T_TEST(raw_is_the_exact_bytes),		T_TEST(raw_of_a_string),
		T_TEST(the_store_has_the_data_at_4096), T_TEST(with_the_library),
		T_TEST(eight_times_ten_thousand),
	};

	return T_RUN(tests, argc, argv);
}
