/* SPDX-License-Identifier: MIT
 *
 * test_list.c - lists as files: lines and where they end, what `>` replaces and when, one item by `at`, `insert` and
 * `pop`, mv onto a list.
 */
#include "list.h"

/* ---- lines ----------------------------------------------------------------------------------------- */

static void lines_in_and_out(void **state)
{
	(void)state;
	const char *l = list("lines");

	t_is(t_touch(l), 0);
	t_shows(l, "");
	t_is(append(l, "a\n"), 2);
	t_is(append(l, "b\n\nc\n"), 5);
	t_shows(l, "a\nb\n\nc\n");
	t_is(t_stat(l, "items"), 4);
	t_is(t_stat(l, "bytes"), 3);
	start_with(l, "x\ny\n");
	t_is(append(l, "z"), 1); /* unfinished: at the close */
	t_shows(l, "x\ny\nz\n");
	t_runs(0, "cd $M/lists && echo one > shell && printf 'two\\nthree' >> shell && cat shell | "
		  "tr '\\n' , | grep -qx 'one,two,three,'");
	t_runs(0, "cd $M/lists && seq 5 > numbers && sed -i s/3/three/ numbers && sort -r numbers "
		  "> numbers "
		  "&& cat numbers | tr '\\n' , | grep -qx 'three,5,4,2,1,'");
}

/* A newline and a backslash inside of an item do not end its line. */
static void what_is_escaped(void **state)
{
	(void)state;
	const char *l = list("escaped");
	static const char shown[] = "C:\\\\new\na\0\xff\\n\\\\n\\\\\\\\\t end\n";
	static const char bytes[] = "a\0\xff\n\\n\\\\\t end";

	t_is(t_echo(l, "C:\\new\n"), 0);
	t_shows(l, "C:\\\\new\n");
	t_shows(t_format("%s,at=0", l), "C:\\new");
	int fd = t_open(t_format("%s,insert", l), O_WRONLY);
	t_is(t_sys(write(fd, bytes, sizeof(bytes) - 1)), sizeof(bytes) - 1);
	close(fd);
	t_shows_bytes(t_format("%s,at=1", l), bytes, sizeof(bytes) - 1);
	t_shows_bytes(l, shown, sizeof(shown) - 1);
	t_shows_bytes(t_format("%s,pop", l), bytes, sizeof(bytes) - 1);
}

static void lines_over_several_writes(void **state)
{
	(void)state;
	const char *l = list("pieces");
	int fd = t_open(l, O_WRONLY | O_CREAT);

	t_is(t_put(fd, "on"), 2);
	t_is(t_put(fd, "e"), 1);
	t_shows(l, "");
	t_is(t_put(fd, "\ntwo\nth"), 7);
	t_shows(l, "one\ntwo\n");
	int other = t_open(l, O_WRONLY | O_APPEND);
	t_is(t_put(other, "other\nre"), 8);
	t_is(t_put(fd, "ree\n\n"), 5);
	t_shows(l, "one\ntwo\nother\nthree\n\n");
	close(fd);
	t_shows(l, "one\ntwo\nother\nthree\n\n");
	close(other);
	t_shows(l, "one\ntwo\nother\nthree\n\nre\n");
}

/* A close that is not the last one ends no line. */
static void several_descriptors(void **state)
{
	(void)state;
	const char *l = list("dup");
	int fd = t_open(l, O_WRONLY | O_CREAT), copy = dup(fd);

	t_is(t_put(fd, "on"), 2);
	t_is(t_sys(close(fd)), 0);
	t_shows(l, "");
	t_is(t_put(copy, "e\ntw"), 4);
	t_shows(l, "one\n");
	t_is(t_sys(fsync(copy)), 0);
	t_shows(l, "one\ntw\n");
	t_is(t_sys(fsync(copy)), 0);
	t_is(t_put(copy, "o\n"), 2);
	t_is(t_sys(close(copy)), 0);
	t_shows(l, "one\ntw\no\n");
	t_is(t_stat(l, "items"), 3);
}

/* ---- what `>` replaces, and when --------------------------------------------------------------------- */

static void truncating(void **state)
{
	(void)state;
	const char *l = list("trunc");

	start_with(l, "a\nb\n");
	int fd = t_open(l, O_WRONLY | O_TRUNC);
	t_shows(l, "a\nb\n"); /* until there is something instead */
	t_is(t_put(fd, "c"), 1);
	t_shows(l, "a\nb\n");
	t_is(t_put(fd, "c\nd"), 3);
	t_shows(l, "cc\n");
	t_is(t_put(fd, "d\n"), 2);
	t_shows(l, "cc\ndd\n");
	t_is(append(l, "e\n"), 2);
	t_is(t_put(fd, "f\n"), 2);
	close(fd);
	t_shows(l, "cc\ndd\ne\nf\n");
	t_runs(0, ": > $M/lists/trunc");
	t_shows(l, "");
	start_with(l, "a\n"); /* a write that fails leaves it as it was */
	t_is(t_echo(t_format("%s,capacity=5", list("trunc6")), "123\n"), 0);
	t_is(t_echo(list("trunc6"), "123456\n"), -EMSGSIZE);
	t_is(t_echo(list("trunc6"), "123\n456\n"), -ENOSPC);
	t_shows(list("trunc6"), "123\n");
	fd = t_open(l, O_WRONLY | O_TRUNC);
	t_is(t_put(fd, "b"), 1);
	t_is(t_sys(fsync(fd)), 0);
	t_shows(l, "b\n");
	close(fd);
	t_shows(l, "b\n");
	t_is(t_sys(truncate(l, 1)), 0);
	t_shows(l, "b\n");
	t_is(t_sys(truncate(l, 0)), 0);
	t_shows(l, "");
	start_with(l, "a\n");
	fd = t_open(l, O_RDWR);
	t_is(t_sys(ftruncate(fd, 0)), 0);
	t_is(t_put(fd, "n\n"), 2);
	close(fd);
	t_shows(l, "n\n");
	/* The views of one item are not the list's end. */
	static const char *const views[] = {"at=0", "insert", "insert=0", "pop", "pop=0"};
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
		t_is(t_sys(truncate(t_format("%s,%s", l, views[i]), 0)), 0);
	fd = t_open(t_format("%s,at=0", l), O_RDWR);
	t_is(t_sys(ftruncate(fd, 0)), 0);
	t_shows(l, "n\n");
	close(fd);
}

/* Who opens it with O_TRUNC and reads it sees what is there: so `sort x > x` works. */
static void what_reads_while_it_replaces(void **state)
{
	(void)state;
	const char *l = list("sorted");

	start_with(l, "b\nc\na\n");
	t_runs(0, "sort $M/lists/sorted > $M/lists/sorted");
	t_shows(l, "a\nb\nc\n");
	t_runs(0, "tac $M/lists/sorted | tee $M/lists/sorted >/dev/null; sleep 0");
	t_is(t_stat(l, "items"), 3);
}

/* Python's "r+" and the shell's `<>` append; nothing is overwritten. */
static void both_ways(void **state)
{
	(void)state;
	const char *l = list("both");

	start_with(l, "a\nb\n");
	int fd = t_open(l, O_RDWR);
	t_gets(fd, "a\nb\n");
	t_gets(fd, "");
	t_is(t_put(fd, "c\n"), 2);
	t_gets(fd, "a\nb\nc\n"); /* a new snapshot */
	t_is(t_sys(lseek(fd, 2, SEEK_SET)), 2);
	t_gets(fd, "b\nc\n");
	t_is(append(l, "d\n"), 2);
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "a\nb\nc\nd\n");
	close(fd);
}

/* ---- one item ------------------------------------------------------------------------------------------- */

static void items_by_view(void **state)
{
	(void)state;
	const char *l = list("views");
	char path[200];

	start_with(l, "a\nb\nc\n");
	t_shows(t_format("%s,at=0", l), "a");
	t_shows(t_format("%s,at=-1", l), "c");
	t_is(write_view(t_format("%s,at=1", l), "B\n"), 2); /* exact: the newline, too */
	t_shows(l, "a\nB\\n\nc\n");
	t_is(write_view(t_format("%s,insert=1", l), "x"), 1);
	t_is(write_view(t_format("%s,insert", l), "z"), 1);
	t_is(write_view(t_format("%s,insert=-1", l), "y"), 1);
	t_shows(l, "a\nx\nB\\n\nc\ny\nz\n");
	t_is(t_echo(t_format("%s,at=0", l), "A"), 0); /* O_TRUNC means nothing there */
	t_shows(t_format("%s,at=0", l), "A");
	t_shows(t_format("%s,pop", l), "z");
	t_shows(t_format("%s,pop=0", l), "A");
	t_shows(t_format("%s,pop=1", l), "B\n");
	t_shows(t_format("%s,pop=-2", l), "c");
	t_shows(l, "x\ny\n");
	t_is(t_cat(t_format("%s,at=2", l), path, sizeof(path)), -ERANGE);
	t_check(t_errors_say("ERANGE", "lists/views: the list has 2 items, there is no 2"));
	t_is(write_view(t_format("%s,at=-3", l), "n"), -ERANGE);
	t_is(write_view(t_format("%s,insert=3", l), "n"), -ERANGE);
	t_is(t_cat(t_format("%s,pop=2", l), path, sizeof(path)), -ERANGE);
	t_is(write_view(t_format("%s,ctl", l), "del 0\n"), 6);
	t_shows(l, "y\n");
	/* all of a write are looked at before any is done */
	t_is(write_view(t_format("%s,ctl", l), "clear\ndel x"), -EINVAL);
	t_shows(l, "y\n");
}

/* A snapshot has offsets, an item as well. */
/* No write says that nothing is to be left: ftruncate(2) does. */
static void emptied_if_unchanged(void **state)
{
	(void)state;
	const char *l = list("emptied");
	char text[64];

	start_with(l, "a\n");
	int fd = t_open(t_format("%s,cas", l), O_RDWR);
	t_is(t_sys(ftruncate(fd, 0)), -ECANCELED); /* nothing was read */
	t_is(t_sys(pread(fd, text, sizeof(text), 0)), 2);
	t_is(append(l, "b\n"), 2);
	t_is(t_sys(ftruncate(fd, 0)), -ECANCELED);
	t_shows(l, "a\nb\n");
	t_is(t_sys(pread(fd, text, sizeof(text), 0)), 4);
	t_is(t_sys(ftruncate(fd, 0)), 0);
	t_shows(l, "");
	t_is(t_put(fd, "c\n"), 2); /* its own change counts as a read */
	t_is(t_sys(ftruncate(fd, 0)), 0);
	t_is(append(l, "d\n"), 2);
	t_is(t_sys(ftruncate(fd, 0)), -ECANCELED);
	t_shows(l, "d\n");
	close(fd);
}

static void offsets(void **state)
{
	(void)state;
	const char *l = list("offsets");
	char buf[10] = "";

	start_with(l, "abcdef\nghi\n");
	int fd = t_open(l, O_RDONLY);
	t_is(t_get(fd, buf, 3), 3);
	t_is(append(l, "new\n"), 4);
	t_gets(fd, "def\nghi\n");
	t_gets(fd, "");
	t_is(t_sys(pread(fd, buf, 3, 4)), 3);
	assert_memory_equal(buf, "ef\n", 3);
	t_is(t_sys(lseek(fd, 0, SEEK_SET)), 0);
	t_gets(fd, "abcdef\nghi\nnew\n");
	close(fd);
	fd = t_open(t_format("%s,at=1", l), O_RDONLY);
	t_is(t_get(fd, buf, 1), 1);
	t_gets(fd, "hi");
	t_gets(fd, "");
	close(fd);
}

static void largest_items(void **state)
{
	(void)state;
	const char *l = list("large");
	static char big[T_MSG_MAX + 2], back[T_MSG_MAX + 2];

	memset(big, 'b', sizeof(big));
	t_is(t_touch(l), 0);
	int fd = t_open(t_format("%s,insert", l), O_WRONLY);
	t_is(t_sys(write(fd, big, T_MSG_MAX)), T_MSG_MAX);
	t_is(t_sys(write(fd, big, T_MSG_MAX + 1)), -EMSGSIZE);
	close(fd);
	t_is(t_cat(t_format("%s,at=0", l), back, sizeof(back)), T_MSG_MAX);
	assert_memory_equal(big, back, T_MSG_MAX);
	t_is(t_cat(t_format("%s,pop", l), back, sizeof(back)), T_MSG_MAX);
	assert_memory_equal(big, back, T_MSG_MAX);
	/* a line of several writes, likewise */
	fd = t_open(l, O_WRONLY);
	for (int i = 0; i < 4; i++)
		t_is(t_sys(write(fd, big, T_MSG_MAX / 4)), T_MSG_MAX / 4);
	t_is(t_put(fd, "x"), -EMSGSIZE);
	t_check(t_errors_say("EMSGSIZE", "lists/large: an item is longer than"));
	t_is(t_put(fd, "x\n"), -EMSGSIZE);
	t_is(t_put(fd, "\nx\n"), 3);
	close(fd);
	t_is(t_stat(l, "items"), 2);
	t_is(t_stat(l, "bytes"), T_MSG_MAX + 1);
}

/* ---- mv onto a list ---------------------------------------------------------------------------------------- */

static void renamed_onto(void **state)
{
	(void)state;
	const char *from = list("from"), *to = list("to");
	struct stat before, after;

	start_with(to, "old\n");
	t_is(t_sys(chmod(to, 0640)), 0);
	t_is(t_sys(stat(to, &before)), 0);
	t_is(t_touch(from), 0);
	t_is(write_view(t_format("%s,insert", from), "a\nb\\"), 4);
	t_is(append(from, "c\n"), 2);
	struct t_io waits = t_reader(t_format("%s,watch", to), O_RDONLY);
	t_io_got(&waits, "old\n");
	t_is(t_sys(rename(from, to)), 0);
	t_shows_bytes(t_format("%s,at=0", to), "a\nb\\", 4); /* bytes, not lines */
	t_shows(to, "a\\nb\\\\\nc\n");
	t_is(t_exists(from), -ENOENT);
	t_is(t_sys(stat(to, &after)), 0);
	t_check(before.st_ino == after.st_ino && after.st_mode == before.st_mode);
	/* what it has no room for changes neither */
	const char *small = list("small");
	t_is(t_touch(t_format("%s,capacity=4", small)), 0);
	t_is(append(small, "abc\n"), 4);
	t_is(t_sys(rename(to, small)), -ENOSPC);
	t_check(t_errors_say("ENOSPC", "lists/to"));
	t_shows(small, "abc\n");
	t_shows(t_format("%s,at=1", to), "c");
	/* those who wait for an item get one */
	t_is(t_touch(from), 0);
	start_with(list("more"), "x\n");
	waits = t_reader(t_format("%s,pop", from), O_RDONLY);
	t_wait_stat(from, "waiters", 1);
	t_is(t_sys(rename(list("more"), from)), 0);
	t_io_got(&waits, "x");
	/* and of what is moved away nothing is left */
	waits = t_reader(t_format("%s,pop", from), O_RDONLY);
	t_wait_stat(from, "waiters", 1);
	t_is(t_sys(rename(from, to)), 0);
	t_is(t_io_result(&waits), -EIDRM);
	t_shows(to, "");
	t_is(t_sys(rename(to, t_path("lists/elsewhere"))), 0);
	t_is(t_sys(rename(t_path("lists/elsewhere"), t_path("queues/elsewhere"))), -EPERM);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(lines_in_and_out),
		T_TEST(what_is_escaped),
		T_TEST(lines_over_several_writes),
		T_TEST(several_descriptors),
		T_TEST(truncating),
		T_TEST(what_reads_while_it_replaces),
		T_TEST(both_ways),
		T_TEST(items_by_view),
		T_TEST(emptied_if_unchanged),
		T_TEST(offsets),
		T_TEST(largest_items),
		T_TEST(renamed_onto),
	};
	return T_RUN(tests, argc, argv);
}
