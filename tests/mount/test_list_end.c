/* SPDX-License-Identifier: MIT
 *
 * test_list_end.c - lists as files: a killed writer leaves whole items only; snapshots, many items, limits, who may pop.
 */
#include "list.h"

#include <signal.h>
#include <sys/mount.h>

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

/* Lines of all lengths, cut wherever the buffer is full. Who finds no room any more waits to be killed. */
static int write_for_ever(void *arg)
{
	FILE *file = fopen(arg, "a");
	char line[400];

	for (unsigned i = 0;; i++) {
		unsigned len = i * 7 % 390;

		memset(line, 'a' + (int)(len % 26), len);
		if (fprintf(file, "<%u:%.*s>\n", len, (int)len, line) < 0)
			return pause();
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
	static char text[1 << 22]; /* more than a full list shows, however late the kill comes */

	t_is(t_touch(list("appenders,capacity=1M")), 0);
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
	t_check(t_errors_say("EFBIG", "lists/long: the text is over 64 MiB: use at="));
	t_is(t_cat(t_format("%s,at=67", l), back, sizeof(back)), sizeof(big));
	t_is(t_touch(list("long2")), 0);
	t_is(t_sys(rename(l, list("long2"))), -EFBIG);
	t_is(t_stat(l, "items"), 68);
	t_is(t_cat(t_format("%s,pop=0", l), back, sizeof(back)), sizeof(big));
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
		T_TEST(a_killed_writer_leaves_whole_items),
		T_TEST(who_exits_leaves_his_last_line),
		T_TEST(killed_appenders_leave_whole_lines),
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
