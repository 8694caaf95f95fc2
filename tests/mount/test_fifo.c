/* SPDX-License-Identifier: MIT
 *
 * test_fifo.c - contract, row pipes: FIFOs made by mkfifo. The kernel serves them; the store keeps their names, and a
 * FIFO or a socket in another folder of it is harmless.
 */
#include "t.h"

#include <dirent.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static const char *fifo(const char *name)
{
	const char *path = t_path("pipes/%s", name);

	t_is(t_sys(mkfifo(path, 0666)), 0);
	return path;
}

/* ---- what it carries ------------------------------------------------------------------------- */

static void bytes_one_way(void **state)
{
	(void)state;
	const char *path = fifo("bytes");

	t_runs(0, "[ \"$(cat %s & echo hello > %s; wait)\" = hello ]", path, path);
	t_runs(0, "seq 100000 > %s & sum=$(cksum < %s); [ \"$sum\" = \"$(seq 100000 | cksum)\" ]",
	       path, path);
}

static void as_any_fifo(void **state)
{
	(void)state;
	const char *path = fifo("any");
	char buf[16];
	int both, n = 0;

	t_is(t_open(path, O_WRONLY | O_NONBLOCK), -ENXIO); /* nobody reads */
	both = t_open(path, O_RDWR | O_NONBLOCK);
	t_is(t_get(both, buf, sizeof(buf)), -EAGAIN);
	t_is(t_put(both, "one"), 3);
	t_is(t_put(both, "two"), 3);
	t_is(t_sys(ioctl(both, FIONREAD, &n)), 0);
	t_is(n, 6);
	t_is(t_poll(both, POLLIN, 0), POLLIN);
	t_gets(both, "onetwo"); /* bytes, no messages */
	close(both);
	int reader = t_open(path, O_RDONLY | O_NONBLOCK), writer = t_open(path, O_WRONLY);
	signal(SIGPIPE, SIG_IGN);
	t_is(t_get(reader, buf, sizeof(buf)), -EAGAIN);
	close(writer);
	t_is(t_get(reader, buf, sizeof(buf)), 0);
	writer = t_open(path, O_WRONLY);
	close(reader);
	t_is(t_put(writer, "x"), -EPIPE);
	signal(SIGPIPE, SIG_DFL);
}

static int write_lines(void *arg)
{
	char line[200];
	int fd = t_open(*(const char **)arg, O_WRONLY);

	memset(line, (int)('a' + getpid() % 2), sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 500; i++)
		if (write(fd, line, sizeof(line)) != sizeof(line))
			return 1;
	return 0;
}

static void two_writers_at_once(void **state)
{
	(void)state;
	const char *path = fifo("writers");
	const char *lines = t_format("%s/lines", t_base);
	pid_t reader = t_shell(NULL, "sort < %s | uniq -c > %s", path, lines), pids[2];

	for (int i = 0; i < 2; i++)
		pids[i] = t_spawn(write_lines, &path);
	for (int i = 0; i < 2; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(t_wait(reader), 0);
	/* As many whole lines as were written, of at most two kinds. */
	t_runs(0,
	       "awk '{ if (length($2) != 199) exit 1; n += $1 } END { exit !(n == 1000 && NR <= 2) "
	       "}' "
	       "%s",
	       lines);
}

/* ---- its name -------------------------------------------------------------------------------- */

static void made_with_the_users_ids_and_mode(void **state)
{
	(void)state;
	struct stat st, in_store;
	mode_t mask = umask(022);

	t_is(t_sys(mkfifo(t_path("pipes/strict"), 0666)), 0);
	umask(002);
	t_is(t_sys(mkfifo(t_path("pipes/group"), 0666)), 0);
	umask(mask);
	t_is(t_sys(lstat(t_path("pipes/strict"), &st)), 0);
	t_is(st.st_mode, S_IFIFO | 0600); /* who may not write may not drain it either */
	t_is(st.st_size, 0);
	t_is(t_sys(lstat(t_in_store("pipes/strict"), &in_store)), 0);
	t_is(in_store.st_mode, S_IFIFO | 0600);
	t_is(in_store.st_ino, st.st_ino);
	t_is(t_sys(lstat(t_path("pipes/group"), &st)), 0);
	t_is(st.st_mode, S_IFIFO | 0660);
	t_is(t_sys(mkfifo(t_path("pipes/strict"), 0666)), -EEXIST);
	t_is(t_touch(t_path("pipes/duplex")), 0);
	t_is(t_sys(mkfifo(t_path("pipes/duplex"), 0666)), -EEXIST);
	t_is(t_sys(mkdir(t_path("pipes/team"), 0755)), 0);
	t_is(t_sys(mkfifo(t_path("pipes/team/x"), 0600)), 0);
	t_runs(0,
	       "[ -p $M/pipes/strict ] && ! [ -p $M/pipes/duplex ] && find $M/pipes/team -type p | "
	       "grep -q 'team/x$'");
}

static void listed_as_a_fifo(void **state)
{
	(void)state;
	DIR *folder;
	const struct dirent *entry;
	int seen = 0;

	fifo("listed");
	t_is(t_touch(t_path("pipes/segment")), 0);
	folder = opendir(t_path("pipes"));
	t_check(folder != NULL);
	while ((entry = readdir(folder))) {
		if (strcmp(entry->d_name, "listed") == 0)
			seen += entry->d_type == DT_FIFO;
		if (strcmp(entry->d_name, "segment") == 0)
			seen += entry->d_type == DT_REG;
	}
	closedir(folder);
	t_is(seen, 2);
}

static void of_the_views_stat_alone(void **state)
{
	(void)state;
	const char *path = fifo("views");
	static const char *const none[] = {",a",	 ",b",		 ",ctl",
					   ",timeout=1", ",stream",	 ",peek",
					   ",a,stream",	 ",notify=USR1", ",a,timeout=0"};
	char text[T_TEXT];
	struct stat st;

	t_is(t_cat(t_format("%s,stat", path), text, sizeof(text)) > 0, 1);
	t_check(strncmp(text, "kind pipes\nid ", 14) == 0 && strstr(text, "\nfifo 1\n"));
	t_is(t_sys(stat(t_format("%s,stat", path), &st)), 0);
	t_check(S_ISREG(st.st_mode));
	t_is(t_open(t_format("%s,stat", path), O_RDWR), -EINVAL);
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		t_is(t_open(t_format("%s%s", path, none[i]), O_RDWR | O_NONBLOCK), -EINVAL);
	t_is(t_open(t_format("%s,capacity=1k", path), O_RDWR | O_NONBLOCK), -EEXIST);
	t_is(t_touch(t_format("%s,temp", path)), -EEXIST);
	t_is(t_sys(mkfifo(t_path("pipes/p,capacity=1k"), 0600)), -EINVAL);
	t_is(t_sys(mkfifo(t_path("pipes/p,temp"), 0600)), -EINVAL);
	t_is(t_sys(mkfifo(t_path("pipes/p,a"), 0600)), -ENOENT);
	t_is(t_sys(mkfifo(t_path("pipes/p,stat"), 0600)), -ENOENT);
	t_is(t_sys(mkfifo(t_path("pipes/.hidden"), 0600)), -EINVAL);
	t_is(t_exists(t_path("pipes/p")), -ENOENT);
	t_is(t_sys(unlink(t_format("%s,stat", path))), -EPERM);
}

static void moved_and_removed(void **state)
{
	(void)state;
	const char *path = fifo("here"), *other = fifo("other");
	int both = t_open(path, O_RDWR | O_NONBLOCK);

	t_is(t_touch(t_path("pipes/seg")), 0);
	t_is(t_sys(rename(path, other)), -EEXIST);
	t_is(t_sys(rename(path, t_path("pipes/seg"))), -EEXIST);
	t_is(t_sys(rename(t_path("pipes/seg"), path)), -EEXIST);
	t_is(t_sys(rename(path, t_path("queues/here"))), -EPERM);
	t_is(t_sys(rename(path, t_path("pipes/there"))), 0);
	t_is(t_exists(path), -ENOENT);
	t_is(t_exists(t_in_store("pipes/there")), 0);
	t_is(t_put(both, "still"), 5);
	t_is(t_sys(link(t_path("pipes/there"), t_path("pipes/link"))), -EPERM);
	t_is(t_sys(unlink(t_path("pipes/there"))), 0);
	t_is(t_exists(t_path("pipes/there")), -ENOENT);
	t_is(t_exists(t_in_store("pipes/there")), -ENOENT);
	t_gets(both, "still"); /* who has it open goes on: there is no EIDRM */
	t_is(t_put(both, "more"), 4);
	t_gets(both, "more");
	/* A new one of that name has nothing to do with it. */
	fifo("there");
	int fresh = t_open(t_path("pipes/there"), O_RDWR | O_NONBLOCK);
	t_is(t_put(both, "old"), 3);
	char c;
	t_is(t_get(fresh, &c, 1), -EAGAIN);
	/* A raw rm in the store is seen. */
	t_is(t_sys(unlink(t_in_store("pipes/other"))), 0);
	t_until(t_exists(other) == -ENOENT);
}

static long open_both(const char *path)
{
	int fd = t_open(path, O_RDWR | O_NONBLOCK);

	return fd < 0 ? fd : t_sys(close(fd));
}

static long remove_it(const char *path)
{
	return t_sys(unlink(path));
}

static void owner_and_mode_decide(void **state)
{
	(void)state;
	mode_t mask = umask(022);
	const char *path = fifo("mine");

	umask(mask);
	t_is(t_as(T_NOBODY, open_both, path), -EACCES);
	t_is(t_as(T_NOBODY, remove_it, path), -EPERM);
	t_is(t_sys(chmod(path, 0666)), 0);
	t_is(t_as(T_NOBODY, open_both, path), 0);
	t_is(t_as(T_NOBODY, remove_it, path), -EPERM);
	t_is(t_sys(chmod(path, 0600)), 0);
	t_is(t_as(T_NOBODY, open_both, path), -EACCES);
	t_is(t_sys(chown(path, T_NOBODY, T_NOBODY)), 0);
	t_is(t_as(T_NOBODY, open_both, path), 0);
	t_is(t_as(T_OTHER, open_both, path), -EACCES);
	t_is(t_as(T_NOBODY, remove_it, path), 0);
	t_is(t_exists(path), -ENOENT);
}

static long make_many(const char *path)
{
	long made = 0;

	while (made < 100 && mkfifo(t_format("%s%ld", path, made), 0600) == 0)
		made++;
	return errno == EDQUOT ? made : -errno;
}

static void counts_as_an_object(void **state)
{
	(void)state;
	t_umount();
	t_mount("max_objects=10");
	t_is(t_as(T_OTHER, make_many, t_path("pipes/many")), 10);
	t_runs(0, "rm $M/pipes/many*");
	t_is(t_as(T_OTHER, make_many, t_path("pipes/again")), 10);
	t_umount();
	t_mount(NULL);
}

static void survives_a_restart(void **state)
{
	(void)state;
	const char *path = fifo("stays");
	struct stat before, after;
	int both;

	t_is(t_sys(chmod(path, 0642)), 0);
	t_is(t_sys(chown(path, 7, 8)), 0);
	t_is(t_sys(lstat(path, &before)), 0);
	t_is(t_sys(mkfifo(t_in_store("pipes/..0123456789abcdef"), 0)), 0); /* half made */
	t_runs(0, "! ls -A $M/pipes | grep 0123456789abcdef");
	t_restart();
	t_is(t_sys(lstat(path, &after)), 0);
	t_is(after.st_mode, S_IFIFO | 0642);
	t_is(after.st_uid, 7);
	t_is(after.st_gid, 8);
	t_is(after.st_ino, before.st_ino);
	t_is(t_exists(t_in_store("pipes/..0123456789abcdef")), -ENOENT);
	both = t_open(path, O_RDWR | O_NONBLOCK);
	t_is(t_put(both, "anew"), 4);
	t_gets(both, "anew");
}

/* ---- where it does not belong ------------------------------------------------------------------ */

static void no_other_kinds_have_any(void **state)
{
	(void)state;
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++) {
		const char *path = t_path("%s/fifo", ipcfs_kind_name(kind));

		if (kind == IPCFS_PIPE)
			continue;
		t_is(t_sys(mkfifo(path, 0600)), -EPERM);
		t_is(t_exists(path), -ENOENT);
	}
	t_is(t_sys(mkfifo(t_path("fifo"), 0600)), -EPERM);
	t_is(t_sys(mknod(t_path("pipes/socket"), S_IFSOCK | 0600, 0)), -EPERM);
	t_is(t_sys(mknod(t_path("pipes/null"), S_IFCHR | 0600, makedev(1, 3))), -EPERM);
	t_is(t_sys(mknod(t_path("pipes/disk"), S_IFBLK | 0600, makedev(7, 0))), -EPERM);
}

static void is_damage(const char *path)
{
	char text[T_TEXT];
	struct stat st;

	t_is(t_sys(lstat(path, &st)), 0);
	t_check(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
	t_check(t_cat(t_format("%s,stat", path), text, sizeof(text)) > 0);
	t_check(strstr(text, "\ndamaged 1\n") || strstr(text, "\npending 1\n"));
	if (strstr(text, "\ndamaged 1\n") && S_ISREG(st.st_mode))
		t_is(t_cat(path, text, sizeof(text)), strstr(path, "/pipes/") ? -EINVAL : -EUCLEAN);
	t_is(t_sys(S_ISDIR(st.st_mode) ? rmdir(path) : unlink(path)), 0);
	t_is(t_exists(path), -ENOENT);
}

/* Made by somebody who writes in the store himself. Were one opened as other files are, the server would hang. */
static void in_the_stores_other_folders_it_is_harmless(void **state)
{
	(void)state;
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		const char *name = ipcfs_kind_name(kind);

		t_is(t_sys(mknod(t_in_store("%s/socket", name), S_IFSOCK | 0600, 0)), 0);
		is_damage(t_path("%s/socket", name));
		if (kind == IPCFS_PIPE)
			continue;
		t_is(t_sys(mkfifo(t_in_store("%s/fifo", name), 0600)), 0);
		is_damage(t_path("%s/fifo", name));
	}
	t_is(t_sys(mkfifo(t_in_store("members/fifo"), 0600)), 0);
	t_restart();
	t_is(t_echo(t_path("queues/lives"), "x"), 0);
}

/* The data of one below the mount never touch the store's. */
static void the_stores_own_is_another(void **state)
{
	(void)state;
	const char *path = fifo("two");
	int raw = t_open(t_in_store("pipes/two"), O_RDWR | O_NONBLOCK);
	int both = t_open(path, O_RDWR | O_NONBLOCK);
	char c;

	t_is(t_put(raw, "raw"), 3);
	t_is(t_get(both, &c, 1), -EAGAIN);
	t_is(t_put(both, "mount"), 5);
	t_gets(raw, "raw");
	t_gets(both, "mount");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(bytes_one_way),
		T_TEST(as_any_fifo),
		T_TEST(two_writers_at_once),
		T_TEST(made_with_the_users_ids_and_mode),
		T_TEST(listed_as_a_fifo),
		T_TEST(of_the_views_stat_alone),
		T_TEST(moved_and_removed),
		T_TEST(owner_and_mode_decide),
		T_TEST(counts_as_an_object),
		T_TEST(survives_a_restart),
		T_TEST(no_other_kinds_have_any),
		T_TEST(in_the_stores_other_folders_it_is_harmless),
		T_TEST(the_stores_own_is_another),
	};
	return T_RUN(tests, argc, argv);
}
