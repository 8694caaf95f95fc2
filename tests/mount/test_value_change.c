/* SPDX-License-Identifier: MIT
 *
 * test_value_change.c - contract, row values and section 5: operations, snapshots, cas, mv.
 */
#include "t.h"

#include "value.h"

/* ---- operations -------------------------------------------------------------------------------- */

static void arithmetic(void **state)
{
	(void)state;
	static const struct {
		const char *type, *before, *op;
		long result;
		const char *after;
	} rows[] = {
		{"q", "5", "add 3", 0, "8\n"},
		{"q", "5", "add 3\n", 0, "8\n"},
		{"q", "5", "+=3", 0, "8\n"},
		{"q", "5", "+= 3\n", 0, "8\n"},
		{"q", "5", "add -7", 0, "-2\n"},
		{"q", "5", "sub 7", 0, "-2\n"},
		{"q", "5", "mul -3", 0, "-15\n"},
		{"q", "12", "and 10", 0, "8\n"},
		{"q", "12", "or 3", 0, "15\n"},
		{"q", "12", "xor 10", 0, "6\n"},
		{"q", "12", "and -4", 0, "12\n"},
		{"q", "9223372036854775807", "add 1", -ERANGE, "9223372036854775807\n"},
		{"q", "-9223372036854775808", "sub 1", -ERANGE, "-9223372036854775808\n"},
		{"q", "9223372036854775807", "mul 2", -ERANGE, "9223372036854775807\n"},
		{"q", "-9223372036854775808", "mul -1", -ERANGE, "-9223372036854775808\n"},
		{"q", "5", "add 9223372036854775808", -ERANGE, "5\n"},
		{"b", "100", "add 27", 0, "127\n"},
		{"b", "100", "add 28", -ERANGE, "100\n"},
		{"b", "-100", "sub 29", -ERANGE, "-100\n"},
		{"B", "0", "sub 1", -ERANGE, "0\n"},
		{"B", "16", "mul 16", -ERANGE, "16\n"},
		{"i", "2147483647", "add 1", -ERANGE, "2147483647\n"},
		{"I", "4294967295", "add 1", -ERANGE, "4294967295\n"},
		{"Q", "18446744073709551614", "add 1", 0, "18446744073709551615\n"},
		{"Q", "18446744073709551615", "add 1", -ERANGE, "18446744073709551615\n"},
		{"Q", "0", "sub 1", -ERANGE, "0\n"},
		{"d", "1.5", "add 0.25", 0, "1.75\n"},
		{"d", "1.5", "mul 2", 0, "3.0\n"},
		{"d", "1e308", "mul 10", -ERANGE, "1e+308\n"},
		{"q", "5", "add", -EINVAL, "5\n"},
		{"q", "5", "add x", -EINVAL, "5\n"},
		{"q", "5", "add 1 2", -EINVAL, "5\n"},
		{"q", "5", "add 1.5", -EINVAL, "5\n"},
		{"q", "5", "div 2", -EINVAL, "5\n"},
		{"q", "5", "+=", -EINVAL, "5\n"},
		{"q", "5", "ADD 1", -EINVAL, "5\n"},
		{"q", "5", "add1", -EINVAL, "5\n"},
		{"d", "6", "and 3", -EINVAL, NULL},
		{"d", "6", "xor 3", -EINVAL, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *v = make(t_format("arith%zu", i), rows[i].type);
		char text[128] = "";
		t_is(t_echo(v, rows[i].before), 0);
		long got = t_echo(v, rows[i].op);
		t_cat(v, text, sizeof(text));
		bool same = !rows[i].after || strcmp(text, rows[i].after) == 0 ||
			    (*rows[i].type == 'd' &&
			     strtod(text, NULL) == strtod(rows[i].after, NULL));
		if (got != rows[i].result || !same)
			t_fail("type %s, %s, '%s': %s, then %s", rows[i].type, rows[i].before,
			       rows[i].op, got < 0 ? strerrorname_np((int)-got) : "0", text);
	}
}

/* ---- snapshots --------------------------------------------------------------------------------- */

static void a_read_shows_a_snapshot(void **state)
{
	(void)state;
	const char *v = make("snapshot", "q");
	char c;

	t_is(t_echo(v, "123"), 0);
	int fd = t_open(v, O_RDONLY);
	t_is(t_get(fd, &c, 1), 1);
	t_is(c, '1');
	t_is(t_echo(v, "987654"), 0);
	t_gets(fd, "23\n"); /* the rest of what was shown first */
	t_gets(fd, "");	    /* past its end: end of file, for good */
	t_gets(fd, "");
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "987654\n");
	t_is(t_sys(lseek(fd, 3, SEEK_SET)), 3); /* within it */
	t_gets(fd, "654\n");
	t_is(t_echo(v, "5"), 0);
	char buf[16];
	t_is(t_sys(pread(fd, buf, sizeof(buf), 3)), 4);
	t_check(memcmp(buf, "654\n", 4) == 0);
	t_is(t_sys(pread(fd, buf, sizeof(buf), 0)), 2); /* anew */
	t_check(memcmp(buf, "5\n", 2) == 0);
	t_is(t_sys(pread(fd, buf, sizeof(buf), 100)), 0);
}

static void a_read_after_a_write_shows_its_result(void **state)
{
	(void)state;
	const char *v = make("own", "q");
	int fd = t_open(v, O_RDWR);

	t_gets(fd, "0\n");
	t_is(t_put(fd, "add 1\n"), 6);
	t_gets(fd, "1\n");
	t_gets(fd, "");
	t_is(t_put(fd, "add 1\n"), 6);
	t_is(t_put(fd, "add 1\n"), 6);
	t_gets(fd, "3\n");
	t_is(t_put(fd, "100000000000\n"), 13);
	t_gets(fd, "100000000000\n");
	t_is(t_put(fd, "junk\n"), -EINVAL); /* changes nothing */
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "100000000000\n");
}

struct tickets {
	int rounds;
	unsigned char taken[1 << 17];
};

/* add 1, and read the result of one's own operation: nobody gets the same. */
static int draw(void *arg)
{
	struct tickets *t = arg;
	int fd = t_open(t_path("values/tickets"), O_RDWR);
	char buf[32];

	for (int i = 0; i < t->rounds; i++) {
		if (t_put(fd, "add 1\n") != 6)
			return 1;
		long n = t_get(fd, buf, sizeof(buf) - 1);
		if (n <= 0)
			return 2;
		buf[n] = 0;
		long number = strtol(buf, NULL, 10);
		if (number < 1 || number >= 1 << 17)
			return 3;
		if (__atomic_exchange_n(&t->taken[number], 1, __ATOMIC_SEQ_CST))
			return 4; /* twice */
	}
	return 0;
}

static void everyone_reads_his_own_result(void **state)
{
	(void)state;
	struct tickets *t = t_shared(sizeof(*t));
	pid_t child[4];

	make("tickets", "q");
	t->rounds = t_count(2000, 30000);
	t_limit(t_count(T_TEST_S, 600));
	for (int i = 0; i < 4; i++)
		child[i] = t_spawn(draw, t);
	for (int i = 0; i < 4; i++)
		t_is(t_wait_for(child[i], t_count(60, 300) * 1000), 0);
	t_shows(t_path("values/tickets"), t_format("%d\n", 4 * t->rounds));
}

static void truncate_changes_nothing(void **state)
{
	(void)state;
	const char *v = make("truncate", "q");

	t_is(t_echo(v, "5"), 0);
	t_is(t_sys(truncate(v, 0)), 0);
	t_shows(v, "5\n");
	int fd = t_open(v, O_WRONLY | O_TRUNC);
	close(fd);
	t_shows(v, "5\n");
	fd = t_open(v, O_WRONLY | O_APPEND);
	t_is(t_put(fd, "6"), 1); /* a write sets it, >> or not */
	t_shows(v, "6\n");
	t_is(t_sys(write(fd, "", 0)), 0);
	t_shows(v, "6\n");
	struct stat st;
	t_is(t_sys(stat(v, &st)), 0);
	t_is(st.st_size, 0);
}

static void too_long_a_write(void **state)
{
	(void)state;
	const char *v = make("toolong", "q");
	char *text = malloc(2 << 20);

	assert_non_null(text);
	memset(text, '0', 2 << 20);
	int fd = t_open(v, O_WRONLY);
	t_is(t_sys(write(fd, text, T_MSG_MAX + 1)), -EMSGSIZE);
	t_is(t_sys(write(fd, text, 2 << 20)), -EMSGSIZE);
	free(text);
	t_shows(v, "0\n");
}

/* ---- cas --------------------------------------------------------------------------------------- */

static void cas(void **state)
{
	(void)state;
	const char *v = make("cas", "q"), *cas_view = t_path("values/cas,cas");

	t_is(t_echo(v, "5"), 0);
	int fd = t_open(cas_view, O_RDWR);
	t_is(t_put(fd, "6"), -ECANCELED); /* before any read */
	t_shows(v, "5\n");
	t_gets(fd, "5\n");
	t_is(t_put(fd, "6"), 1);
	t_shows(v, "6\n");
	t_is(t_put(fd, "7"), 1); /* an own successful write counts as a read */
	t_is(t_echo(v, "8"), 0);
	t_is(t_put(fd, "9"), -ECANCELED);
	t_shows(v, "8\n");
	t_is(t_put(fd, "9"), -ECANCELED); /* still */
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "8\n");
	t_is(t_echo(v, "1"), 0);
	t_is(t_echo(v, "8"), 0); /* ABA */
	t_is(t_put(fd, "9"), -ECANCELED);
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "8\n");
	t_is(t_put(fd, "junk"), -EINVAL); /* has changed nothing */
	t_is(t_put(fd, "9"), 1);
	t_shows(v, "9\n");
	t_is(t_put(t_open(cas_view, O_WRONLY), "1"), -ECANCELED);
	t_shows(cas_view, "9\n");
	t_is(t_open(t_path("values/absent,cas"), O_RDWR | O_CREAT), -ENOENT);
}

static void cas_sees_the_library(void **state)
{
	(void)state;
	struct ipcfs_properties p = {.given = IPCFS_P_TYPE, .type = 'q'};
	struct ipcfs_object *value = t_attach(IPCFS_VALUE, "caslib", &p);
	const char *v = t_path("values/caslib");
	uint64_t changes;
	int64_t n = 5;

	int fd = t_open(t_format("%s,cas", v), O_RDWR);
	t_gets(fd, "0\n");
	t_is(ipcfs_value_set(value, &n, sizeof(n)), 0);
	t_is(t_put(fd, "9"), -ECANCELED);
	t_is(ipcfs_value_get(value, &n, sizeof(n), &changes), 8);
	t_is((long)n, 5);
	t_is(t_echo(v, "5"), 0);
	n = 6;
	t_is(ipcfs_value_cas(value, &n, sizeof(n), &changes), -ECANCELED);
	t_is(ipcfs_value_get(value, &n, sizeof(n), &changes), 8);
	n = 6;
	t_is(ipcfs_value_cas(value, &n, sizeof(n), &changes), 0);
	t_shows(v, "6\n");
}

static int add_by_cas(void *arg)
{
	const int *rounds = arg;
	int fd = t_open(t_path("values/cassum,cas"), O_RDWR);
	char buf[64];

	for (int i = 0; i < *rounds;) {
		if (lseek(fd, 0, SEEK_SET) != 0)
			return 1;
		long n = t_get(fd, buf, sizeof(buf) - 1);
		if (n <= 0)
			return 2;
		buf[n] = 0;
		sprintf(buf, "%ld\n", strtol(buf, NULL, 10) + 1);
		long put = t_put(fd, buf);
		if (put > 0)
			i++;
		else if (put != -ECANCELED)
			return 3;
	}
	return 0;
}

static void a_sum_by_cas(void **state)
{
	(void)state;
	int rounds = t_count(1000, 10000);
	pid_t child[4];

	t_limit(t_count(T_TEST_S, 600));
	make("cassum", "q");
	for (int i = 0; i < 4; i++)
		child[i] = t_spawn(add_by_cas, &rounds);
	for (int i = 0; i < 4; i++)
		t_is(t_wait_for(child[i], t_count(60, 300) * 1000), 0);
	t_shows(t_path("values/cassum"), t_format("%d\n", 4 * rounds));
}

/* ---- mv ---------------------------------------------------------------------------------------- */

static void mv_onto_a_value_writes_its_content(void **state)
{
	(void)state;
	const char *from = t_path("values/from"), *to = make("to", "i");

	t_is(t_echo(to, "1"), 0);
	t_is(t_sys(chmod(to, 0640)), 0);
	t_is(t_sys(chown(to, T_OTHER, T_OTHER)), 0);
	long id = t_stat(to, "id");
	int fd = t_open(to, O_RDWR), watching = t_open(t_format("%s,watch", to), O_RDONLY);
	t_gets(watching, "1\n");
	t_is(t_echo(from, "42"), 0); /* q */
	t_is(t_sys(rename(from, to)), 0);
	t_is(t_exists(from), -ENOENT);
	t_shows(to, "42\n");
	t_check(t_stat_has(to, "type i"));
	t_is(t_stat(to, "id"), id);
	struct stat st;
	t_is(t_sys(stat(to, &st)), 0);
	t_is(st.st_mode & 07777, 0640);
	t_is(st.st_uid, T_OTHER);
	t_gets(fd, "42\n");
	t_gets(watching, "42\n");

	t_is(t_echo(from, "hello"), 0); /* s */
	t_is(t_sys(rename(from, to)), -EINVAL);
	t_shows(from, "hello\n");
	t_shows(to, "42\n");
	const char *large = t_path("values/large");
	t_is(t_echo(large, "4294967296"), 0);
	t_is(t_sys(rename(large, to)), -ERANGE);
	t_shows(large, "4294967296\n");
	t_shows(to, "42\n");
	const char *string = t_path("values/string");
	t_is(t_echo(string, "text"), 0);
	t_is(t_sys(rename(large, string)), 0);
	t_shows(string, "4294967296\n");
}

static void mv_to_another_name(void **state)
{
	(void)state;
	const char *from = make("mv", "q"), *to = t_path("values/mv2");

	t_is(t_echo(from, "5"), 0);
	int fd = t_open(from, O_RDWR);
	t_is(t_sys(rename(from, to)), 0);
	t_is(t_exists(from), -ENOENT);
	t_shows(to, "5\n");
	t_is(t_put(fd, "add 1"), 5);
	t_shows(to, "6\n");
	t_is(t_exists(t_in_store("values/mv2")), 0);
	t_is(t_exists(t_in_store("values/mv")), -ENOENT);
}

/* As sed -i and editors do it. */
static void an_editor_saves(void **state)
{
	(void)state;
	const char *v = make("edited", "q");

	t_is(t_echo(v, "5"), 0);
	t_is(t_sys(chmod(v, 0600)), 0);
	t_runs(0, "sed -i 's/5/77/' $M/values/edited");
	t_shows(v, "77\n");
	t_check(t_stat_has(v, "type q"));
	struct stat st;
	t_is(t_sys(stat(v, &st)), 0);
	t_is(st.st_mode & 07777, 0600);
	t_runs(0, "[ $(ls $M/values | grep -c '^sed') = 0 ]");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(arithmetic),
		T_TEST(a_read_shows_a_snapshot),
		T_TEST(a_read_after_a_write_shows_its_result),
		T_TEST(everyone_reads_his_own_result),
		T_TEST(truncate_changes_nothing),
		T_TEST(too_long_a_write),
		T_TEST(cas),
		T_TEST(cas_sees_the_library),
		T_TEST(a_sum_by_cas),
		T_TEST(mv_onto_a_value_writes_its_content),
		T_TEST(mv_to_another_name),
		T_TEST(an_editor_saves),
	};

	return T_RUN(tests, argc, argv);
}
