/* SPDX-License-Identifier: MIT
 *
 * test_list.c - lists as files: lines and where they end, what `>` replaces and when, one item by `at`, `insert` and
 * `pop`, waiting for one, mv, snapshots, and that a killed writer leaves whole items only.
 */
#include "t.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/uio.h>

#include "hold.h"

static bool errors_say(const char *what, const char *where)
{
	static char text[1 << 18];

	if (t_cat(t_path("errors"), text, sizeof(text)) < 0)
		return false;
	for (char *rest, *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (strstr(line, what) && strstr(line, where))
			return true;
	return false;
}

static const char *list(const char *name)
{
	return t_path("lists/%s", name);
}

/* As `>>` does it. */
static long append(const char *path, const char *text)
{
	int fd = t_open(path, O_WRONLY | O_CREAT | O_APPEND);
	long n = fd < 0 ? fd : t_put(fd, text);

	close(fd);
	return n;
}

/* Through a view: one write, and nothing else. */
static long write_view(const char *path, const char *text)
{
	int fd = t_open(path, O_WRONLY);
	long n = fd < 0 ? fd : t_put(fd, text);

	close(fd);
	return n;
}

static void start_with(const char *path, const char *text)
{
	t_is(t_echo(path, text), 0);
	t_shows(path, text);
}

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

/* ---- processes that are killed ------------------------------------------------------------------------- */

static int write_and_stay(void *arg)
{
	int fd = t_open(arg, O_WRONLY | O_APPEND);

	if (t_put(fd, "whole\nunfinish") < 0 || t_put(fd, "ed") < 0)
		return 1;
	for (;;)
		pause();
}

static int truncate_and_stay(void *arg)
{
	int fd = t_open(arg, O_WRONLY | O_TRUNC);

	if (t_put(fd, "unfinished") < 0)
		return 1;
	for (;;)
		pause();
}

static void a_killed_writer_leaves_whole_items(void **state)
{
	(void)state;
	const char *l = list("killed");

	start_with(l, "first\n");
	pid_t pid = t_spawn(write_and_stay, (void *)(uintptr_t)l);
	t_until(t_stat(l, "items") == 2);
	t_kill(pid);
	t_until(t_status("handles") == 1); /* the one that asks */
	t_shows(l, "first\nwhole\n");
	long before = t_stat(l, "changes");
	pid = t_spawn(truncate_and_stay, (void *)(uintptr_t)l);
	t_until(t_status("handles") == 2);
	t_kill(pid);
	t_until(t_status("handles") == 1);
	t_shows(l, "first\nwhole\n");
	t_is(t_stat(l, "changes"), before);
}

/* Who exits by himself has finished. */
static int write_and_exit(void *arg)
{
	int fd = t_open(arg, O_WRONLY | O_APPEND);

	return t_put(fd, "last") == 4 ? 0 : 1;
}

static void who_exits_leaves_his_last_line(void **state)
{
	(void)state;
	const char *l = list("exits");

	start_with(l, "first\n");
	t_is(t_wait(t_spawn(write_and_exit, (void *)(uintptr_t)l)), 0);
	t_until(t_stat(l, "items") == 2);
	t_shows(l, "first\nlast\n");
}

/* Lines of all lengths, cut wherever the buffer is full. */
static int write_for_ever(void *arg)
{
	FILE *file = fopen(arg, "a");
	char line[400];

	for (unsigned i = 0;; i++) {
		unsigned len = i * 7 % 390;

		memset(line, 'a' + (int)(len % 26), len);
		if (fprintf(file, "<%u:%.*s>\n", len, (int)len, line) < 0)
			return 1;
	}
}

static void check_line(const char *line)
{
	unsigned len = 0;
	int at = 0;

	if (sscanf(line, "<%u:%n", &len, &at) != 1 || !at || strlen(line) != at + len + 1 ||
	    line[at + len] != '>')
		t_fail("no whole line: %.80s", line);
	for (unsigned i = 0; i < len; i++)
		t_is(line[(unsigned)at + i], 'a' + (int)(len % 26));
}

static void killed_appenders_leave_whole_lines(void **state)
{
	(void)state;
	const char *l = list("appenders");
	static char text[1 << 22];

	t_is(t_touch(l), 0);
	for (int round = 0, n = t_count(30, 300); round < n; round++) {
		pid_t pids[3];
		long n_read;

		for (int i = 0; i < 3; i++)
			pids[i] = t_spawn(write_for_ever, (void *)(uintptr_t)l);
		t_until(t_stat(l, "items") > 30 + round);
		for (int i = 0; i < 3; i++)
			t_kill(pids[i]);
		t_until(t_status("handles") == 1);
		n_read = t_cat(l, text, sizeof(text));
		t_check(n_read > 0 && n_read < (long)sizeof(text) - 1);
		for (char *rest, *line = strtok_r(text, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest))
			check_line(line);
		t_is(t_sys(truncate(l, 0)), 0);
	}
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
	t_check(errors_say("ERANGE", "lists/views: the list has 2 items, there is no 2"));
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
	t_check(errors_say("EMSGSIZE", "lists/large: an item is longer than"));
	t_is(t_put(fd, "x\n"), -EMSGSIZE);
	t_is(t_put(fd, "\nx\n"), 3);
	close(fd);
	t_is(t_stat(l, "items"), 2);
	t_is(t_stat(l, "bytes"), T_MSG_MAX + 1);
}

/* ---- waiting for an item ------------------------------------------------------------------------------- */

static void pop_waits(void **state)
{
	(void)state;
	const char *l = list("waits"), *first = t_format("%s,pop=0", l);

	t_is(t_touch(l), 0);
	struct t_io a = t_reader(first, O_RDONLY);
	t_wait_stat(l, "waiters", 1);
	t_shows(l, ""); /* looks stand in no line */
	t_is(append(l, "one\ntwo\n"), 8);
	t_io_got(&a, "one");
	t_shows(l, "two\n");
	t_shows(t_format("%s,pop", l), "two");
	/* in order of arrival; a killed one takes nothing */
	struct t_io io[4];
	for (int i = 0; i < 4; i++) {
		io[i] = t_reader(first, O_RDONLY);
		t_wait_stat(l, "waiters", i + 1);
	}
	t_kill(io[1].pid);
	t_wait_stat(l, "waiters", 3);
	t_is(append(l, "1\n"), 2);
	t_io_got(&io[0], "1");
	t_is(append(l, "2\n3\n4\n"), 6);
	t_io_got(&io[2], "2");
	t_io_got(&io[3], "3");
	t_shows(l, "4\n");
	/* what is past the end of a list that is not empty any more */
	t_shows(t_format("%s,pop", l), "4");
	a = t_reader(t_format("%s,pop=1", l), O_RDONLY);
	t_wait_stat(l, "waiters", 1);
	t_is(write_view(t_format("%s,insert=0", l), "x"), 1);
	t_is(t_io_result(&a), -ERANGE);
	t_shows(l, "x\n");
}

static void pop_as_a_queue(void **state)
{
	(void)state;
	const char *l = list("queue");

	start_with(l, "a\nb\nc\nd\n");
	t_runs(0, "cd $M/lists && exec 3<> queue,pop=0 && read -t 60 -u 3 -N 1 x && test $x = a && "
		  "read -t 60 -u 3 -N 1 x && test $x = b");
	t_shows(l, "c\nd\n");
	int fd = t_open(t_format("%s,pop=0", l), O_RDONLY);
	t_gets(fd, "c");
	t_gets(fd, "");
	t_gets(fd, "d");
	t_gets(fd, "");
	close(fd);
	fd = t_open(t_format("%s,pop", l), O_RDONLY | O_NONBLOCK);
	char buf[10];
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_poll(fd, POLLIN, 0), 0);
	int epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	t_is(t_sys(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)), 0);
	t_is(epoll_wait(epoll, &event, 1, 0), 0);
	t_is(append(l, "e\n"), 2);
	t_is(epoll_wait(epoll, &event, 1, T_LIMIT_MS), 1);
	t_gets(fd, "e");
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	close(epoll);
	close(fd);
}

/* A rest that is not read is nobody's. */
static void short_buffers(void **state)
{
	(void)state;
	const char *l = list("short");
	char buf[3] = "";

	start_with(l, "abcde\nf\n");
	int fd = t_open(t_format("%s,pop=0", l), O_RDWR);
	t_is(t_get(fd, buf, 2), 2);
	t_shows(l, "f\n");
	t_gets(fd, "cde");
	t_gets(fd, "f");
	close(fd);
	start_with(l, "abcde\n");
	fd = t_open(t_format("%s,pop=0", l), O_RDWR);
	t_is(t_get(fd, buf, 2), 2);
	close(fd);
	t_is(t_stat(l, "items"), 0);
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
	t_check(errors_say("ENOSPC", "lists/to"));
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

/* ---- with programs of the library ----------------------------------------------------------------------------- */

static void the_library_meets(void **state)
{
	(void)state;
	const char *l = list("lib");
	struct ipcfs_object *o = t_attach(IPCFS_LIST, "lib", NULL);
	char buf[20];

	t_is(ipcfs_list_append(o, "a\nb", 3), 0);
	t_shows(l, "a\\nb\n");
	t_is(append(l, "c\n"), 2);
	t_is(ipcfs_list_pop(o, -1, buf, sizeof(buf), 0), 1);
	t_is(ipcfs_list_clear(o), 1);
	struct t_io waits = t_reader(t_format("%s,pop", l), O_RDONLY);
	t_wait_stat(l, "waiters", 1);
	t_is(ipcfs_list_append(o, "x", 1), 0);
	t_io_got(&waits, "x");
	int fd = t_open(t_format("%s,watch", l), O_RDONLY);
	t_is(ipcfs_list_append(o, "y", 1), 0);
	t_gets(fd, "y\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(ipcfs_list_set(o, 0, "z", 1, NULL), 0);
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_gets(fd, "z\n");
	close(fd);
	/* an item without bytes reads as its own end of file */
	t_is(ipcfs_list_replace(o, &(struct iovec){buf, 0}, 1, NULL), 0);
	t_shows(l, "\n");
	t_shows(t_format("%s,pop", l), "");
	t_is(t_stat(l, "items"), 0);
	ipcfs_close(o);
}

static _Atomic int signals_seen;

static void on_signal(int number)
{
	(void)number;
	signals_seen++;
}

static void signals_tell(void **state)
{
	(void)state;
	const char *l = list("notify");
	struct ipcfs_object *o = t_attach(IPCFS_LIST, "notify", NULL);
	char buf[20];

	signal(SIGUSR1, on_signal);
	signals_seen = 0;
	int all = t_open(t_format("%s,notify=USR1", l), O_RDONLY);
	t_is(append(l, "a\n"), 2);
	t_until(signals_seen == 1);
	t_is(ipcfs_list_append(o, "b", 1), 0); /* each change */
	t_until(signals_seen == 2);
	t_is(ipcfs_list_clear(o), 2);
	t_until(signals_seen == 3);
	close(all);
	int fd = t_open(t_format("%s,pop,notify=USR1", l), O_RDONLY | O_NONBLOCK);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(ipcfs_list_append(o, "c", 1), 0);
	t_until(signals_seen == 4);
	t_is(append(l, "d\n"), 2); /* there was one already */
	t_gets(fd, "d");
	t_is(t_stat(l, "items"), 1);
	t_is(signals_seen, 4);
	close(fd);
	signal(SIGUSR1, SIG_DFL);
	ipcfs_close(o);
}

/* A program has the lock and does not run: what may not wait gets EBUSY, and what is left at a close is put when it
 * lets go. */
static void a_busy_lock(void **state)
{
	(void)state;
	const char *l = list("busy");

	start_with(l, "a\n");
	start_with(list("over"), "x\n");
	pid_t held = t_hold(IPCFS_LIST, "busy"), other = t_hold(IPCFS_LIST, "over");
	int fd = t_open(l, O_WRONLY | O_APPEND), over = t_open(list("over"), O_WRONLY | O_TRUNC);
	t_is(t_put(fd, "rest"), 4); /* is only gathered */
	t_is(append(l, "b\n"), -EBUSY);
	t_is(t_sys(truncate(l, 0)), -EBUSY);
	t_is(t_sys(close(fd)), 0); /* at once */
	t_is(t_sys(close(over)), 0);
	t_until(t_status("left") == 1);
	t_let_go(held);
	t_until(t_stat(l, "items") == 2);
	t_shows(l, "a\nrest\n");
	t_let_go(other);
	t_until(t_stat(list("over"), "items") == 0);
	t_is(t_status("left"), 0);
}

/* ---- snapshots and many items ------------------------------------------------------------------------------------ */

static _Atomic int *over;

/* Replaces all, by 500 lines that are equal. */
static int replace_for_ever(void *arg)
{
	char text[500 * 3 + 1];

	for (int i = 0; !*over; i++) {
		for (int k = 0; k < 500; k++)
			memcpy(text + k * 3, (char[]){(char)('a' + i % 26), '.', '\n'}, 3);
		text[sizeof(text) - 1] = '\0';
		if (t_echo(arg, text) != 0)
			return 1;
	}
	return 0;
}

static void a_snapshot_is_of_one_moment(void **state)
{
	(void)state;
	const char *l = list("moment");
	static char text[4096];

	over = t_shared(sizeof(*over));
	t_is(t_touch(l), 0);
	pid_t pid = t_spawn(replace_for_ever, (void *)(uintptr_t)l);
	t_until(t_stat(l, "items") == 500);
	for (int i = 0; i < t_count(2000, 50000); i++) {
		t_is(t_cat(l, text, sizeof(text)), 1500);
		for (int k = 3; k < 1500; k++)
			t_is(text[k], text[k - 3]);
	}
	*over = 1;
	t_is(t_wait(pid), 0);
}

static void a_hundred_thousand_items(void **state)
{
	(void)state;
	const char *l = list("many");
	static char text[1 << 20];

	t_runs(0, "seq 100000 > $M/lists/many");
	t_is(t_stat(l, "items"), 100000);
	t_runs(0, "seq 100000 | cmp - $M/lists/many");
	t_is(append(l, "100001\n"), 7);
	t_shows(t_format("%s,pop", l), "100001");
	t_shows(t_format("%s,pop=0", l), "1");
	t_shows(t_format("%s,at=50000", l), "50002");
	t_is(write_view(t_format("%s,insert=50000", l), "middle"), 6);
	t_shows(t_format("%s,pop=50000", l), "middle");
	t_runs(0, "seq 2 100000 | cmp - $M/lists/many");
	t_is(t_sys(truncate(l, 0)), 0);
	t_is(t_cat(l, text, sizeof(text)), 0);
	/* one by one, as a program would */
	int fd = t_open(l, O_WRONLY | O_APPEND), pop = t_open(t_format("%s,pop=0", l), O_RDWR);
	for (int i = 0; i < 100000; i++)
		t_is(t_put(fd, t_format("%d\n", i)), (long)strlen(t_format("%d\n", i)));
	t_is(t_stat(l, "items"), 100000);
	for (int i = 0; i < 100000; i++)
		t_gets(pop, t_format("%d", i));
	close(pop);
	close(fd);
	t_is(t_stat(l, "items"), 0);
}

/* What is shown has a limit, what is stored another. */
static void too_long_a_text(void **state)
{
	(void)state;
	const char *l = list("long");
	struct ipcfs_object *o = t_attach(IPCFS_LIST, "long", NULL);
	static char big[1000000], back[1000001];

	for (int i = 0; i < 68; i++)
		t_is(ipcfs_list_append(o, big, sizeof(big)), 0);
	t_is(t_cat(l, back, sizeof(back)), -EFBIG);
	t_check(errors_say("EFBIG", "lists/long: the text is over 64 MiB: use at="));
	t_is(t_cat(t_format("%s,at=67", l), back, sizeof(back)), sizeof(big));
	t_is(t_touch(list("long2")), 0);
	t_is(t_sys(rename(l, list("long2"))), -EFBIG);
	t_is(t_stat(l, "items"), 68);
	t_is(t_cat(t_format("%s,pop=0", l), back, sizeof(back)), sizeof(big));
	ipcfs_close(o);
}

/* The kernel cuts a long write(2); then it is none. */
static void long_writes(void **state)
{
	(void)state;
	const char *l = list("writes");
	static char lines[1 << 21];

	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = i % 64 == 63 ? '\n' : 'l';
	int fd = t_open(l, O_WRONLY | O_CREAT);
	t_is(t_sys(write(fd, lines, sizeof(lines))), -EMSGSIZE);
	t_is(t_sys(write(fd, lines, T_MSG_MAX)), T_MSG_MAX);
	t_is(t_stat(l, "items"), T_MSG_MAX / 64);
	t_is(t_sys(write(fd, "\n\n\n", 3)), 3);
	t_is(t_stat(l, "items"), T_MSG_MAX / 64 + 3);
	close(fd);
}

/* ---- limits, permission, restart ----------------------------------------------------------------------------------- */

static long pop_it(const char *path)
{
	char buf[100];

	return t_cat(t_format("%s,pop,timeout=0", path), buf, sizeof(buf));
}

static long read_it(const char *path)
{
	char buf[100];

	return t_cat(path, buf, sizeof(buf));
}

static long clear_it(const char *path)
{
	return t_sys(truncate(path, 0));
}

static long append_it(const char *path)
{
	return append(path, "theirs\n");
}

/* Everybody may look at what is readable; to take away is to change. */
static void who_may_pop(void **state)
{
	(void)state;
	const char *l = list("perm");
	struct stat st;

	start_with(l, "a\nb\n");
	t_is(t_sys(chmod(l, 0644)), 0);
	t_is(t_as(T_NOBODY, read_it, l), 4);
	t_is(t_as(T_NOBODY, pop_it, l), -EACCES);
	t_is(t_as(T_NOBODY, append_it, l), -EACCES);
	t_is(t_as(T_NOBODY, clear_it, l), -EACCES);
	t_is(t_sys(stat(t_format("%s,pop", l), &st)), 0);
	t_is(st.st_mode & 0777, 0600);
	t_is(t_sys(chmod(l, 0622)), 0);
	t_is(t_as(T_NOBODY, pop_it, l), -EACCES);
	t_is(t_as(T_NOBODY, append_it, l), 7);
	t_is(t_sys(chmod(l, 0646)), 0);
	t_is(t_as(T_NOBODY, pop_it, l), 6);
	t_shows(l, "a\nb\n");
	t_is(t_sys(stat(t_format("%s,pop", l), &st)), 0);
	t_is(st.st_mode & 0777, 0606);
}

static void it_is_there_after_a_restart(void **state)
{
	(void)state;
	const char *l = list("restart");

	start_with(l, "a\nb\n");
	t_restart();
	t_shows(l, "a\nb\n");
	t_is(append(l, "c\n"), 2);
	t_shows(t_format("%s,pop=0", l), "a");
}

static long fill(const char *path)
{
	static char line[60001];
	long n;

	memset(line, 'x', 60000);
	line[59999] = '\n';
	do
		n = append(path, line);
	while (n > 0);
	return n;
}

static void limits_of_the_mount(void **state)
{
	(void)state;
	const char *l = list("quota");
	struct stat st;

	t_umount();
	t_mount("max_bytes=1M,max_gathered=64k");
	t_is(t_touch(l), 0);
	t_is(t_sys(chown(l, T_NOBODY, T_NOBODY)), 0);
	t_is(t_as(T_NOBODY, fill, l), -EDQUOT);
	long items = t_stat(l, "items");
	t_check(items > 10);
	t_is(t_sys(stat(t_in_store("lists/quota"), &st)), 0);
	t_check(st.st_blocks * 512 <= 1 << 20);
	t_is(t_as(T_NOBODY, clear_it, l), 0);
	t_is(t_as(T_NOBODY, fill, l), -EDQUOT);
	t_is(t_stat(l, "items"), items);
	t_umount();
	t_mount(NULL);
}

static void a_full_store(void **state)
{
	(void)state;
	const char *l = list("full");

	t_umount();
	t_is(t_sys(mount("none", t_store, "tmpfs", 0, "size=2m,mode=0755")), 0);
	t_mount("max_bytes=0");
	t_is(t_touch(l), 0);
	t_is(fill(l), -ENOSPC);
	long items = t_stat(l, "items");
	t_check(items > 10);
	t_check(t_server() > 0);
	t_is(t_echo(l, "instead\n"), 0); /* there is room for that little */
	t_shows(l, "instead\n");
	t_is(fill(l), -ENOSPC);
	t_is(t_sys(truncate(l, 0)), 0);
	t_is(fill(l), -ENOSPC);
	t_check(t_stat(l, "items") >= items);
	/* what cannot be put at the close is told there */
	int fd = t_open(l, O_WRONLY | O_APPEND);
	static char rest[50000];
	memset(rest, 'r', sizeof(rest));
	t_is(t_sys(write(fd, rest, sizeof(rest))), sizeof(rest));
	t_is(t_sys(close(fd)), -ENOSPC);
	t_umount();
	t_is(t_sys(umount2(t_store, MNT_DETACH)), 0);
	t_mount(NULL);
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
		T_TEST(a_killed_writer_leaves_whole_items),
		T_TEST(who_exits_leaves_his_last_line),
		T_TEST(killed_appenders_leave_whole_lines),
		T_TEST(items_by_view),
		T_TEST(offsets),
		T_TEST(largest_items),
		T_TEST(pop_waits),
		T_TEST(pop_as_a_queue),
		T_TEST(short_buffers),
		T_TEST(renamed_onto),
		T_TEST(the_library_meets),
		T_TEST(signals_tell),
		T_TEST(a_busy_lock),
		T_TEST(a_snapshot_is_of_one_moment),
		T_TEST(a_hundred_thousand_items),
		T_TEST(too_long_a_text),
		T_TEST(long_writes),
		T_TEST(who_may_pop),
		T_TEST(it_is_there_after_a_restart),
		T_TEST(limits_of_the_mount),
		T_TEST(a_full_store),
	};
	return T_RUN(tests, argc, argv);
}
