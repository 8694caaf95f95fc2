/* SPDX-License-Identifier: MIT
 *
 * test_array_views.c - contract, row arrays and section 5: single elements, slices, the views at, raw and cas; properties.
 */
#include "t.h"

#include "array.h"

/* ---- views ------------------------------------------------------------------------------------- */

static void at_one_or_a_slice(void **state)
{
	(void)state;
	const char *a = make("at", "i", 6);

	t_is(t_echo(a, "0 1 2 3 4 5"), 0);
	t_shows(t_format("%s,at=2", a), "2\n");
	t_shows(t_format("%s,at=0", a), "0\n");
	t_shows(t_format("%s,at=1:4", a), "1\n2\n3\n");
	t_shows(t_format("%s,at=0:6", a), same);
	t_is(t_echo(t_format("%s,at=2", a), "22\n"), 0);
	t_shows(a, "0\n1\n22\n3\n4\n5\n");
	t_is(t_echo(t_format("%s,at=3:5", a), "33 44\n"), 0);
	t_shows(a, "0\n1\n22\n33\n44\n5\n");
	t_is(t_echo(t_format("%s,at=3:5", a), "1 2 3"), -EINVAL);
	t_is(t_echo(t_format("%s,at=2", a), "1 2"), -EINVAL);
	t_is(t_echo(t_format("%s,at=2", a), "x"), -EINVAL);
	t_is(t_echo(t_format("%s,at=2", a), "2147483648"), -ERANGE);
	t_shows(a, "0\n1\n22\n33\n44\n5\n");
	int fd = t_open(t_format("%s,at=5", a), O_RDWR);
	t_gets(fd, "5\n");
	t_gets(fd, "");
	t_is(t_put(fd, "6"), 1);
	t_gets(fd, "6\n");
}

static void past_the_end_is_erange_at_the_read(void **state)
{
	(void)state;
	const char *a = make("past", "i", 3);
	static const char *const views[] = {"at=3", "at=2:4", "at=99", "at=3:5"};
	char buf[32];

	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		int fd = t_open(t_format("%s,%s", a, views[i]), O_RDWR);
		t_check(fd >= 0); /* at the read or write, not at open */
		t_is(t_get(fd, buf, sizeof(buf)), -ERANGE);
		t_is(t_put(fd, strchr(views[i], ':') ? "1 2" : "1"), -ERANGE);
	}
	static const char *const wrong[] = {"at",	"at=",	  "at=x",     "at=1:x",
					    "at=1:2:3", "at=1.5", "at=1,at=2"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		t_is(t_open(t_format("%s,%s", a, wrong[i]), O_RDWR), -EINVAL);
	t_shows(a, "0\n0\n0\n");
}

static void raw_is_the_exact_bytes(void **state)
{
	(void)state;
	const char *a = make("raw", "i", 1000), *raw = t_format("%s,raw", a);
	int32_t got[1000];
	struct stat st;

	t_is(t_sys(stat(raw, &st)), 0);
	t_is(st.st_size, 4000);
	t_is(t_sys(stat(a, &st)), 0);
	t_is(st.st_size, 0);
	int fd = t_open(raw, O_RDWR);
	t_is(t_echo(a, "7=258"), 0);
	t_is(t_sys(pread(fd, got, 4, 28)), 4);
	t_is(got[0], 258);
	got[0] = 5;
	got[1] = 6;
	t_is(t_sys(pwrite(fd, got, 8, 32)), 8);
	t_shows(t_format("%s,at=7:11", a), "258\n5\n6\n0\n");
	t_is(t_sys(pread(fd, got, sizeof(got), 0)), 4000);
	t_is(got[9], 6);
	t_is(t_sys(lseek(fd, 3996, SEEK_SET)), 3996);
	t_is(t_get(fd, got, sizeof(got)), 4);
	t_is(t_get(fd, got, sizeof(got)), 0);
	t_is(t_sys(pread(fd, got, sizeof(got), 4000)), 0);
	t_fails(t_sys(pwrite(fd, got, 4, 4000)));
	t_fails(t_sys(pwrite(fd, got, 8, 3996)));
	t_is(t_sys(pread(fd, got, 4, 3996)), 4);
	t_is(got[0], 0); /* all or nothing */
	t_runs(0, "printf '\\1\\0\\0\\0' | dd of=$M/arrays/raw,raw bs=1 seek=400 conv=notrunc");
	t_shows(t_format("%s,at=100", a), "1\n");
	t_runs(0, "[ $(dd if=$M/arrays/raw,raw bs=4 skip=7 count=1 | xxd -p) = 02010000 ]");
}

static void raw_of_a_large_array(void **state)
{
	(void)state;
	const char *a = make("large", "d", 1 << 20); /* 8 MiB */
	const char *raw = t_format("%s,raw", a);
	char *bytes = malloc(8 << 20), *got = malloc(8 << 20);

	assert_non_null(bytes);
	assert_non_null(got);
	for (int i = 0; i < 8 << 20; i++)
		bytes[i] = (char)(i * 13 + i / 255);
	int fd = t_open(raw, O_RDWR);
	for (long at = 0; at < 8 << 20; at += 1 << 19)
		t_is(t_sys(pwrite(fd, bytes + at, 1 << 19, at)), 1 << 19);
	long n = 0;
	while (n < 8 << 20) {
		long more = t_sys(pread(fd, got + n, (size_t)((8 << 20) - n), n));
		t_check(more > 0);
		n += more;
	}
	t_check(memcmp(bytes, got, 8 << 20) == 0);
	t_is(t_sys(pwrite(fd, bytes, T_MSG_MAX + 1, 0)), -EMSGSIZE);
	free(bytes);
	free(got);
}

/* What takes long is refused: the server has others to serve. */
static void one_write_changes_64_mib_at_most(void **state)
{
	const char *a = t_path("arrays/wide"), *c = t_path("arrays/wide_c");
	char buf[64];

	(void)state;
	t_is(t_touch(t_format("%s,type=q,len=1G", a)), -EINVAL);
	t_is(t_touch(t_format("%s,type=q,len=16M", a)), 0);
	t_is(t_echo(a, ":=0"), -EFBIG);
	t_is(t_echo(a, ":+=1"), -EFBIG);
	t_is(t_echo(t_format("%s,at=:", a), "add 1"), -EFBIG);
	t_is(t_echo(a, "7:8388616=5"), -EFBIG);
	t_is(t_stat(a, "changes"), 0);
	t_is(t_echo(a, "8:8388616=5"), 0);
	t_is(t_echo(a, "16777215=6"), 0);
	t_is(t_cat(t_format("%s,at=8388615:8388617", a), buf, sizeof(buf)), 4);
	t_check(!strcmp(buf, "5\n0\n"));
	t_is(t_touch(t_format("%s,type=c,len=4G", c)), 0);
	t_is(t_echo(c, "abc"), -EFBIG); /* the rest would be NULs */
	t_is(t_echo(c, "0=a"), 0);
	t_is(t_sys(unlink(a)), 0);
	t_is(t_sys(unlink(c)), 0);
}

static void cas(void **state)
{
	(void)state;
	const char *a = make("cas", "i", 3);
	int fd = t_open(t_format("%s,cas", a), O_RDWR);

	t_is(t_put(fd, "1 2 3"), -ECANCELED);
	t_gets(fd, "0\n0\n0\n");
	t_is(t_put(fd, "1 2 3"), 5);
	t_shows(a, "1\n2\n3\n");
	t_is(t_put(fd, "0=4"), 3);
	t_is(t_echo(a, "2=9"), 0); /* any element */
	t_is(t_put(fd, "0=5"), -ECANCELED);
	t_shows(a, "4\n2\n9\n");
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "4\n2\n9\n");
	t_is(t_put(fd, "0=5"), 3);
	t_shows(a, "5\n2\n9\n");
	int one = t_open(t_format("%s,at=1,cas", a), O_RDWR);
	t_gets(one, "2\n");
	t_is(t_put(one, "7"), 1);
	t_is(t_echo(a, "1=2"), 0);
	t_is(t_put(one, "8"), -ECANCELED);
	t_shows(a, "5\n2\n9\n");
}

static void watch(void **state)
{
	(void)state;
	const char *a = make("watch", "i", 2);
	int fd = t_open(t_format("%s,watch", a), O_RDONLY);

	t_gets(fd, "0\n0\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_echo(a, "1=5"), 0);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_gets(fd, "0\n5\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	struct ipcfs_object *array = t_attach(IPCFS_ARRAY, "watch", NULL);
	int32_t n = 7;
	t_is(ipcfs_array_set(array, 0, 1, &n), 0);
	t_gets(fd, "7\n5\n");
}

static void a_snapshot_has_offsets(void **state)
{
	(void)state;
	const char *a = make("snapshot", "i", 4);
	char buf[4];

	t_is(t_echo(a, "1 2 3 4"), 0);
	int fd = t_open(a, O_RDONLY);
	t_is(t_get(fd, buf, 4), 4);
	t_is(t_echo(a, "5 6 7 8"), 0);
	t_gets(fd, "3\n4\n"); /* consistent, not half of each */
	t_gets(fd, "");
	t_is(t_sys(lseek(fd, 2, SEEK_SET)), 2);
	t_gets(fd, "2\n3\n4\n");
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "5\n6\n7\n8\n");
}

/* ---- properties -------------------------------------------------------------------------------- */

static void properties(void **state)
{
	(void)state;
	const char *a = make("props", "h", 5);

	t_is(t_stat(a, "len"), 5);
	t_check(t_stat_has(a, "type h"));
	t_is(t_touch(t_format("%s,type=h", a)), 0);
	t_is(t_touch(t_format("%s,len=5", a)), 0);
	t_is(t_touch(t_format("%s,type=i", a)), -EEXIST);
	t_is(t_touch(t_format("%s,len=6", a)), -EEXIST);
	t_is(t_touch(t_path("arrays/p1,type=i,len=x")), -EINVAL);
	t_is(t_touch(t_path("arrays/p2,type=i,len=-1")), -EINVAL);
	t_is(t_touch(t_path("arrays/p3,type=z,len=1")), -EINVAL);
	t_is(t_touch(t_path("arrays/p4,type=b,len=4294967297")), -EINVAL);
	t_is(t_touch(t_path("arrays/p5,type=d,len=536870913")), -EINVAL);
	t_is(t_touch(t_path("arrays/p6,type=d,len=99999999999999999999")), -EINVAL);
	t_is(t_touch(t_path("arrays/p7,type=d,len=2305843009213693952")), -EINVAL); /* 2^64 bytes */
	t_is(t_touch(t_path("arrays/p8,type=i,len=5,value=1")), -EINVAL);
	for (int i = 1; i < 9; i++)
		t_is(t_exists(t_path("arrays/p%d", i)), -ENOENT);
	t_is(t_touch(t_path("arrays/most,type=b,len=4294967296")), 0);
	t_is(t_echo(t_path("arrays/most,at=4294967295"), "7"), 0);
	t_shows(t_path("arrays/most,at=4294967294:4294967296"), "0\n7\n");
	t_is(t_open(t_path("arrays/absent,at=0"), O_RDWR | O_CREAT), -ENOENT);
	t_is(t_open(t_format("%s,n=1", a), O_RDONLY), -EINVAL);
}

static void temp_rm_mv(void **state)
{
	(void)state;
	const char *a = t_path("arrays/temp"), *b = make("target", "i", 2);

	int fd = t_open(t_format("%s,type=i,len=2,temp", a), O_RDWR | O_CREAT);
	t_is(t_put(fd, "1 2"), 3);
	t_shows(a, "1\n2\n");
	int other = t_open(a, O_RDWR);
	close(fd);
	t_until(t_exists(a) == -ENOENT);
	t_is(t_put(other, "3 4"), -EIDRM);

	long id = t_stat(b, "id");
	t_is(t_echo(a, "7 8"), 0);
	t_is(t_sys(rename(a, b)), 0);
	t_shows(b, "7\n8\n");
	t_check(t_stat_has(b, "type i"));
	t_is(t_stat(b, "id"), id);
	t_is(t_echo(a, "1 2 3"), 0);
	t_is(t_sys(rename(a, b)), -EINVAL); /* as a write of three */
	t_shows(a, "1\n2\n3\n");
	t_shows(b, "7\n8\n");
	t_is(t_sys(rename(a, t_path("arrays/renamed"))), 0);
	t_shows(t_path("arrays/renamed"), "1\n2\n3\n");
}

static void mv_keeps_every_byte(void **state)
{
	static const struct {
		char type;
		size_t size;
	} rows[] = {{'c', 1}, {'u', 4}, {'s', 255}};
	uint8_t bytes[4 * 255], got[4 * 255];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *a = t_path("arrays/mv%zu", i), *b = t_format("%s.to", a);
		long len = 4 * (long)rows[i].size;

		t_is(t_touch(t_format("%s,type=%c,len=4", a, rows[i].type)), 0);
		t_is(t_touch(t_format("%s,type=%c,len=4", b, rows[i].type)), 0);
		memset(bytes, 0, sizeof(bytes));
		bytes[0] = 'x';
		bytes[rows[i].size] = '\n';
		bytes[3 * rows[i].size] = 'y'; /* behind an element of NULs */
		t_is(t_echo_bytes(t_format("%s,raw", a), bytes, (size_t)len), 0);
		t_is(t_sys(rename(a, b)), 0);
		t_is(t_get(t_open(t_format("%s,raw", b), O_RDONLY), got, sizeof(got)), len);
		t_check(!memcmp(got, bytes, (size_t)len));
		t_is(t_exists(a), -ENOENT);
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(at_one_or_a_slice),
		T_TEST(past_the_end_is_erange_at_the_read),
		T_TEST(raw_is_the_exact_bytes),
		T_TEST(raw_of_a_large_array),
		T_TEST(one_write_changes_64_mib_at_most),
		T_TEST(cas),
		T_TEST(watch),
		T_TEST(a_snapshot_has_offsets),
		T_TEST(properties),
		T_TEST(temp_rm_mv),
		T_TEST(mv_keeps_every_byte),
	};

	return T_RUN(tests, argc, argv);
}
