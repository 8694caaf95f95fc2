/* SPDX-License-Identifier: MIT
 *
 * test_dict.c - contract, row dicts: a folder whose files are keys. Making, removing and renaming of both; order and
 * listing; owners and modes; the dict's own views; what the library does to it; many keys. How a key changes is
 * test_dict_whole.c's.
 */
#include "t.h"

#include <dirent.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "core/object.h"
#include "hold.h"

static const char *make(const char *name)
{
	const char *d = t_path("dicts/%s", name);

	t_is(t_sys(mkdir(d, 0777)), 0);
	return d;
}

static const char *key(const char *dict, const char *name)
{
	return t_format("%s/%s", dict, name);
}

static void put(const char *dict, const char *name, const char *value)
{
	t_is(t_echo(key(dict, name), value), 0);
}

/* The names in order, each with a blank behind it. */
static const char *listed(const char *dict)
{
	static char all[T_TEXT];
	DIR *dir = opendir(dict);
	const struct dirent *entry;
	size_t n = 0;

	t_check(dir);
	all[0] = '\0';
	/* cppcheck-suppress readdirCalled ; one thread */
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s ", entry->d_name);
	closedir(dir);
	return all;
}

#define lists(dict, want) t_check(!strcmp(listed(dict), want))

/* ---- the folder ------------------------------------------------------------------------------------ */

static void a_folder_of_keys(void **state)
{
	(void)state;
	const char *d = make("folder");
	struct stat st;

	t_is(t_sys(stat(d, &st)), 0);
	t_check(S_ISDIR(st.st_mode));
	t_is(st.st_nlink, 2);
	t_is(t_sys(mkdir(d, 0777)), -EEXIST);
	lists(d, "");
	t_is(t_exists(key(d, "a")), -ENOENT);
	t_fails(t_open(key(d, "a"), O_RDONLY));
	put(d, "a", "one");
	t_shows(key(d, "a"), "one");
	t_is(t_sys(stat(key(d, "a"), &st)), 0);
	t_check(S_ISREG(st.st_mode));
	t_is(st.st_size, 3);
	t_is(st.st_nlink, 1);
	t_is(t_sys(rmdir(d)), -ENOTEMPTY);
	t_is(t_sys(unlink(d)), -EISDIR);
	t_is(t_sys(rmdir(key(d, "a"))), -ENOTDIR);
	t_is(t_sys(unlink(key(d, "a"))), 0);
	t_is(t_sys(unlink(key(d, "a"))), -ENOENT);
	t_is(t_sys(rmdir(d)), 0);
	t_is(t_exists(d), -ENOENT);
	t_is(t_exists(t_in_store("dicts/folder")), -ENOENT);
}

static void what_cannot_be_made(void **state)
{
	(void)state;
	const char *d = make("cannot");

	t_is(t_echo(t_path("dicts/bare"), "x"), -EPERM);
	t_is(t_sys(mknod(t_path("dicts/bare"), S_IFREG | 0666, 0)), -EPERM);
	t_is(t_echo(d, "x"), -EISDIR);
	t_is(t_sys(mkdir(key(d, "sub"), 0777)), -EPERM);
	t_is(t_sys(mkdir(t_path("dicts/d,capacity=1M"), 0777)), -EINVAL);
	t_is(t_sys(mkfifo(key(d, "fifo"), 0666)), -EPERM);
	t_is(t_sys(symlink("x", key(d, "link"))), -EPERM);
	put(d, "a", "1");
	t_is(t_sys(link(key(d, "a"), key(d, "b"))), -EPERM);
	t_is(t_touch(key(d, "k,temp")), -EINVAL);
	t_is(t_touch(key(d, "k,capacity=1M")), -EINVAL);
	t_is(t_touch(key(d, "a\tb")), -EINVAL);
	t_is(t_touch(key(d, ".hidden")), 0);
	t_is(t_touch(key(d, "...")), 0);
	lists(d, "a .hidden ... ");
	t_runs(0, "grep -q 'dicts/bare: dicts are folders: mkdir makes them' $M/errors && "
		  "grep -q 'dicts/cannot/sub: dicts hold no folders' $M/errors");
}

static void made_with_a_capacity(void **state)
{
	(void)state;
	const char *d = t_path("dicts/cap");

	t_is(t_touch(t_format("%s,capacity=64k", d)), 0);
	t_is(t_stat(d, "capacity"), 65536);
	t_is(t_touch(t_format("%s,capacity=64k", d)), 0);
	t_is(t_touch(t_format("%s,capacity=65k", d)), -EEXIST);
	put(d, "a", "1");
	t_runs(1, "head -c 100000 /dev/zero > %s/big", d);
	t_is(t_exists(key(d, "big")), -ENOENT);
	t_runs(0, "grep -q 'ENOSPC dicts/cap/big: the dict, or the store, is full' $M/errors");
	t_shows(key(d, "a"), "1");
}

static void views_of_the_dict(void **state)
{
	(void)state;
	const char *d = make("views");
	struct stat st;

	put(d, "b", "1");
	put(d, "a", "22");
	t_is(t_sys(stat(t_format("%s,stat", d), &st)), 0);
	t_check(S_ISREG(st.st_mode));
	t_check(t_stat_has(d, "kind dicts"));
	t_is(t_stat(d, "keys"), 2);
	t_is(t_stat(d, "capacity"), 1l << 32);
	t_shows(t_format("%s,peek", d), "b\na\n");
	t_is(t_open(t_format("%s,peek", d), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,num", d), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,stream", d), O_RDWR), -EINVAL);
	t_is(t_sys(unlink(t_format("%s,stat", d))), -EPERM);
	t_is(t_sys(chmod(t_format("%s,stat", d), 0600)), -EPERM);
	t_is(t_put(t_open(t_format("%s,capacity=4G", d), O_WRONLY), "x"), -EINVAL);
	t_is(t_echo(t_format("%s,ctl", d), "clear"), 0);
	lists(d, "");
	t_is(t_echo(t_format("%s,ctl", d), "close"), -EINVAL);
}

/* Any key's change is one of the dict. */
static void the_dict_is_watched(void **state)
{
	(void)state;
	const char *d = make("watched");
	struct ipcfs_object *o = t_attach(IPCFS_DICT, "watched", NULL);
	int fd = t_open(t_format("%s,watch", d), O_RDONLY | O_NONBLOCK);

	t_is(t_get(fd, (char[8]){0}, 8), -EAGAIN);
	t_is(t_poll(fd, POLLIN, 0), 0);
	put(d, "a", "1");
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_gets(fd, "a\n");
	put(d, "a", "2");
	t_gets(fd, "a\n");
	t_is(t_get(fd, (char[8]){0}, 8), -EAGAIN);
	t_is(ipcfs_dict_set(o, "b", "1", 1), 0);
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_gets(fd, "a\nb\n");
	t_is(t_sys(unlink(key(d, "a"))), 0);
	t_gets(fd, "b\n");
	struct t_io io = t_reader(t_format("%s,watch", d), O_RDONLY);
	t_io_got(&io, "b\n");
	t_is(t_sys(unlink(key(d, "b"))), 0);
	t_is(t_sys(rmdir(d)), 0);
	t_is(t_get(fd, (char[8]){0}, 8), -EIDRM);
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLERR, POLLERR);
}

static void temp_goes_with_its_maker(void **state)
{
	(void)state;
	const char *d = t_path("dicts/temporary");
	int fd = t_open(t_format("%s,temp", d), O_RDWR | O_CREAT);

	t_check(fd >= 0);
	put(d, "a", "1");
	t_check(t_stat_has(d, "temp 1"));
	t_gets(fd, "a\n");
	int held = t_open(key(d, "a"), O_RDWR);
	close(fd);
	t_until(t_exists(d) == -ENOENT);
	t_is(t_get(held, (char[8]){0}, 8), -EIDRM);
	t_is(t_put(held, "2"), -EIDRM);

	pid_t pid = t_shell(NULL, "exec 3<>%s,temp; echo 1 > %s/a; kill -9 $$", d, d);
	t_is(t_wait(pid), 128 + SIGKILL);
	t_until(t_exists(d) == -ENOENT);
	t_is(t_exists(t_in_store("dicts/temporary")), -ENOENT);
}

/* ---- order, listing ---------------------------------------------------------------------------------- */

static void in_order_of_insertion(void **state)
{
	(void)state;
	const char *d = make("order");

	for (const char *k = "zebra"; *k; k++)
		put(d, (char[]){*k, 0}, "1");
	lists(d, "z e b r a ");
	put(d, "b", "2"); /* a key that is replaced keeps its place */
	t_is(t_sys(rename(key(d, "e"), key(d, "E"))), 0);
	lists(d, "z E b r a ");
	t_is(t_sys(unlink(key(d, "z"))), 0);
	put(d, "z", "1");
	lists(d, "E b r a z ");
	t_is(t_sys(rename(key(d, "r"), key(d, "a"))), 0); /* its content goes to what is there */
	lists(d, "E b a z ");
	t_runs(0, "[ \"$(ls -U %s | tr '\\n' ' ')\" = 'E b a z ' ]", d);
	t_restart();
	lists(d, "E b a z ");
}

enum { SOME = 1000 };

static void fill(const char *name, int n)
{
	struct ipcfs_object *o = t_attach(IPCFS_DICT, name, NULL);
	char k[16];

	for (int i = 0; i < n; i++) {
		snprintf(k, sizeof(k), "k%06d", i);
		t_is(ipcfs_dict_set(o, k, k, strlen(k)), 0);
	}
}

/* Places that telldir gave, and going back to them, while keys come and go. */
static void seeking_in_the_folder(void **state)
{
	(void)state;
	const char *d = make("seek");
	long places[SOME + 2] = {0};
	int n = 0;

	fill("seek", SOME);
	DIR *dir = opendir(d);
	const struct dirent *entry;
	t_check(dir);
	for (; n < SOME + 2; n++) {
		places[n] = telldir(dir);
		/* cppcheck-suppress readdirCalled ; one thread */
		t_check(readdir(dir));
	}
	t_check(!readdir(dir));
	for (int i = 0; i < 100; i++) {
		int at = 2 + (i * 7919) % (SOME - 10);
		seekdir(dir, places[at]);
		/* cppcheck-suppress readdirCalled ; one thread */
		entry = readdir(dir);
		t_check(entry && !strcmp(entry->d_name, t_format("k%06d", at - 2)));
	}
	/* what stood there is gone: the next one */
	for (int i = 500; i < 600; i++)
		t_is(t_sys(unlink(key(d, t_format("k%06d", i)))), 0);
	seekdir(dir, places[2 + 550]);
	entry = readdir(dir);
	t_check(entry && !strcmp(entry->d_name, "k000600"));
	rewinddir(dir);
	put(d, "new", "1");
	for (n = 0; readdir(dir); n++)
		;
	t_is(n, 2 + SOME - 100 + 1);
	closedir(dir);
}

static void keys_come_and_go_while_they_are_listed(void **state)
{
	(void)state;
	const char *d = make("churn");
	int stay = 0;

	fill("churn", SOME);
	DIR *dir = opendir(d);
	t_check(dir);
	const struct dirent *entry;
	/* cppcheck-suppress readdirCalled ; one thread */
	for (int i = 0; (entry = readdir(dir)); i++) {
		int number;
		if (sscanf(entry->d_name, "k%d", &number) != 1)
			continue;
		stay += number % 2 == 0;
		if (number % 2)
			t_is(t_sys(unlink(key(d, entry->d_name))), 0);
		if (i < 100)
			put(d, t_format("n%d", i), "1");
	}
	closedir(dir);
	t_is(stay, SOME / 2); /* who was there all the time is told once */
	t_is(t_stat(d, "keys"), SOME / 2 + 98);
	t_runs(0, "rm -r %s", d);
	t_is(t_exists(d), -ENOENT);
}

static void many_keys(void **state)
{
	(void)state;
	const char *d = make("many");
	int n = t_count(20000, 100000);
	char text[16];

	t_limit(t_count(T_TEST_S, 900));
	fill("many", n);
	t_is(t_stat(d, "keys"), n);
	t_runs(0,
	       "[ $(ls -U %s | wc -l) = %d ] && [ $(ls -U %s | sort -c | wc -l) = 0 ] && "
	       "[ $(find %s -type f | sort -u | wc -l) = %d ]",
	       d, n, d, d, n);
	for (int i = 0; i < n; i += 997) {
		snprintf(text, sizeof(text), "k%06d", i);
		t_shows(key(d, text), text);
	}
	put(d, "last", "1");
	t_shows(key(d, "last"), "1");
	t_is(t_echo(t_format("%s,ctl", d), "clear"), 0);
	lists(d, "");
	put(d, "again", "1");
	lists(d, "again ");
}

/* ---- names ------------------------------------------------------------------------------------------- */

static void a_key_that_is_renamed_stays_the_same(void **state)
{
	(void)state;
	const char *d = make("rename"), *a = key(d, "a"), *b = key(d, "b");
	struct stat before, after;

	put(d, "a", "1");
	t_is(t_sys(chmod(a, 0640)), 0);
	t_is(t_sys(stat(a, &before)), 0);
	int fd = t_open(a, O_RDWR), watch = t_open(t_format("%s,watch", a), O_RDONLY | O_NONBLOCK);
	t_gets(watch, "1");
	t_is(t_sys(rename(a, b)), 0);
	t_is(t_exists(a), -ENOENT);
	t_is(t_sys(stat(b, &after)), 0);
	t_is(after.st_ino, before.st_ino);
	t_is(after.st_mode, before.st_mode);
	t_is(t_put(fd, "2"), 1);
	t_shows(b, "2");
	t_gets(watch, "2");
	/* by the library as well */
	t_is(ipcfs_dict_rename(t_attach(IPCFS_DICT, "rename", NULL), "b", "a-longer-name"), 0);
	t_is(t_put(fd, "3"), 1);
	t_shows(key(d, "a-longer-name"), "3");
	t_gets(watch, "3");
	t_is(t_sys(rename(key(d, "a-longer-name"), t_path("dicts/other/x"))), -ENOENT);
	make("other");
	t_is(t_sys(rename(key(d, "a-longer-name"), t_path("dicts/other/x"))), -EPERM);
	t_is(t_sys(rename(key(d, "a-longer-name"), t_path("dicts/x"))), -EPERM);
	t_is(t_sys(rename(t_path("dicts/other"), key(d, "x"))), -EPERM);
	t_is(t_sys(rename(key(d, "a-longer-name"), t_path("queues/x"))), -EPERM);
}

static void onto_another_key_goes_its_content(void **state)
{
	(void)state;
	const char *d = make("onto"), *a = key(d, "a"), *b = key(d, "b");
	struct stat before, after;

	put(d, "a", "new");
	put(d, "b", "old");
	t_is(t_sys(chmod(b, 0640)), 0);
	t_is(t_sys(chown(b, T_NOBODY, T_NOBODY)), 0);
	t_is(t_sys(stat(b, &before)), 0);
	int from = t_open(a, O_RDWR), to = t_open(b, O_RDWR);
	t_gets(to, "old");
	t_is(t_sys(renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_NOREPLACE)), -EEXIST);
	t_is(t_sys(renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE)), -EINVAL);
	t_is(t_sys(rename(a, b)), 0);
	t_shows(b, "new");
	t_is(t_sys(stat(b, &after)), 0);
	t_is(after.st_ino, before.st_ino);
	t_is(after.st_mode, before.st_mode);
	t_is(after.st_uid, T_NOBODY);
	t_is(t_get(from, (char[8]){0}, 8), -EIDRM);
	t_is(t_sys(lseek(to, 0, SEEK_SET)), 0);
	t_gets(to, "new");
	lists(d, "b ");
}

static void a_dict_that_is_renamed(void **state)
{
	(void)state;
	const char *d = make("old-name"), *n = t_path("dicts/new-name");

	put(d, "a", "1");
	int fd = t_open(key(d, "a"), O_RDWR);
	t_is(t_sys(rename(d, n)), 0);
	t_is(t_exists(d), -ENOENT);
	t_shows(key(n, "a"), "1");
	t_is(t_put(fd, "2"), 1);
	t_shows(key(n, "a"), "2");
	make("old-name");
	t_is(t_sys(rename(t_path("dicts/old-name"), n)), -EEXIST);
}

static void a_key_that_goes_away(void **state)
{
	(void)state;
	const char *d = make("gone"), *a = key(d, "a");
	struct ipcfs_object *o = t_attach(IPCFS_DICT, "gone", NULL);
	struct stat st;

	put(d, "a", "1");
	int fd = t_open(a, O_RDWR);
	struct t_io io = t_reader(t_format("%s,watch", a), O_RDONLY);
	t_io_got(&io, "1");
	t_is(t_sys(unlink(a)), 0);
	t_is(t_put(fd, "2"), -EIDRM);
	t_is(t_sys(fstat(fd, &st)), 0);
	t_is(st.st_nlink, 0);
	put(d, "a", "another");
	t_is(t_get(fd, (char[8]){0}, 8), -EIDRM);
	t_shows(a, "another");
	/* behind the mount's back */
	int other = t_open(a, O_RDWR);
	t_is(ipcfs_dict_remove(o, "a"), 0);
	t_is(ipcfs_dict_set(o, "a", "a third", 7), 0);
	t_is(t_put(other, "2"), -EIDRM);
	t_shows(a, "a third");
	t_is(ipcfs_dict_clear(o), 1);
	t_is(t_exists(a), -ENOENT);
}

static void a_dict_that_goes_away(void **state)
{
	(void)state;
	const char *d = make("all-gone"), *a = key(d, "a");
	int notes;

	put(d, "a", "1");
	int fd = t_open(a, O_RDWR), watch = t_open(t_format("%s,watch", a), O_RDONLY);
	t_gets(watch, "1");
	pid_t waiter = t_shell(&notes, "exec 3<%s,watch; cat <&3", a);
	t_wait_stat(a, "waiters", 1);
	t_is(ipcfs_unlink(t_lib(), IPCFS_DICT, "all-gone"), 0);
	t_is(t_wait(waiter), 1); /* cat: Identifier removed */
	t_is(t_exists(d), -ENOENT);
	t_is(t_get(watch, (char[8]){0}, 8), -EIDRM);
	t_is(t_put(fd, "2"), -EIDRM);
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLERR, POLLERR);
	make("all-gone");
	lists(d, "");
}

/* ---- who may do what ----------------------------------------------------------------------------------- */

static long reads(const char *path)
{
	char buf[64];
	long n = t_cat(path, buf, sizeof(buf));

	return n < 0 ? n : 0;
}

static long writes(const char *path)
{
	return t_echo(path, "theirs");
}

static long removes(const char *path)
{
	return t_sys(unlink(path));
}

static long enters(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir)
		return -errno;
	closedir(dir);
	return 0;
}

static long attaches(const char *name)
{
	struct ipcfs_store *store;
	struct ipcfs_object *o;
	int rc = ipcfs_store_open(t_store, &store);

	return rc < 0 ? rc : ipcfs_open(store, IPCFS_DICT, name, 0, 0, NULL, &o);
}

static long clears(const char *path)
{
	return t_echo(path, "clear");
}

static long makes_a_dict(const char *path)
{
	return t_sys(mkdir(path, 0700));
}

static long removes_the_dict(const char *path)
{
	return t_sys(rmdir(path));
}

static void folder_and_key_have_modes(void **state)
{
	(void)state;
	const char *d = make("modes"), *a = key(d, "a");
	mode_t mask = umask(022);
	struct stat st;

	t_is(t_sys(chmod(d, 0755)), 0);
	put(d, "a", "mine");
	umask(mask);
	t_is(t_sys(stat(d, &st)), 0);
	t_is(st.st_mode & 07777, 0755);
	t_is(t_sys(stat(a, &st)), 0);
	t_is(st.st_mode & 07777, 0644);
	t_is(t_as(T_NOBODY, reads, a), 0);
	t_is(t_as(T_NOBODY, writes, a), -EACCES);
	t_is(t_as(T_NOBODY, removes, a), -EACCES);
	t_is(t_as(T_NOBODY, writes, key(d, "new")), -EACCES);
	t_is(t_as(T_NOBODY, enters, d), 0);
	t_is(t_as(T_NOBODY, attaches, "modes"), -EACCES);
	t_is(t_sys(chmod(a, 0600)), 0);
	t_is(t_as(T_NOBODY, reads, a), -EACCES);
	t_is(t_sys(chmod(a, 0644)), 0); /* who may read alone takes nothing */
	t_is(t_as(T_NOBODY, reads, t_format("%s,pop", a)), -EACCES);
	t_is(t_sys(chmod(a, 0600)), 0);
	/* the bytes of a key that is private are nobody's: the store's file is its owner's alone */
	t_is(t_sys(stat(t_in_store("dicts/modes"), &st)), 0);
	t_is(st.st_mode & 07777, 0600);
	t_is(t_sys(chmod(d, 0700)), 0);
	t_is(t_as(T_NOBODY, enters, d), -EACCES);
	t_is(t_as(T_NOBODY, reads, a), -EACCES);
	t_is(t_sys(chmod(d, 0777)), 0);
	t_is(t_as(T_NOBODY, writes, key(d, "theirs")), 0);
	t_is(t_sys(stat(key(d, "theirs"), &st)), 0);
	t_is(st.st_uid, T_NOBODY);
	t_is(t_as(T_NOBODY, writes, a), -EACCES);
	t_is(t_as(T_NOBODY, removes, a), 0); /* as the folder's mode says */
	t_is(t_as(T_NOBODY, attaches, "modes"), 0);
	t_is(t_sys(chmod(d, 01777)), 0);
	put(d, "a", "mine");
	t_is(t_as(T_NOBODY, removes, a), -EPERM);
	t_is(t_as(T_NOBODY, clears, t_format("%s,ctl", d)), -EPERM);
	t_is(t_as(T_NOBODY, removes, key(d, "theirs")), 0);
	t_is(t_as(T_NOBODY, attaches, "modes"), -EACCES);
	t_restart();
	t_is(t_sys(stat(d, &st)), 0);
	t_is(st.st_mode & 07777, 01777);
}

static void owners_and_times(void **state)
{
	(void)state;
	const char *d = make("owners"), *a = key(d, "a");
	const struct timespec times[2] = {{1000, 0}, {1234567890, 123456789}};
	struct stat st;

	put(d, "a", "1");
	t_is(t_sys(chown(a, T_OTHER, T_NOBODY)), 0);
	t_is(t_sys(utimensat(AT_FDCWD, a, times, 0)), 0);
	t_is(t_sys(stat(a, &st)), 0);
	t_is(st.st_uid, T_OTHER);
	t_is(st.st_gid, T_NOBODY);
	t_is(st.st_mtim.tv_sec, 1234567890);
	t_is(st.st_mtim.tv_nsec, 123456789);
	t_is(t_touch(a), 0);
	t_runs(0, "touch %s", a);
	t_is(t_sys(stat(a, &st)), 0);
	t_check(st.st_mtim.tv_sec > 1500000000);
	t_is(st.st_uid, T_OTHER);
	t_is(t_sys(chown(d, T_OTHER, T_OTHER)), 0);
	t_is(t_sys(stat(d, &st)), 0);
	t_is(st.st_uid, T_OTHER);
	t_is(t_sys(stat(t_in_store("dicts/owners"), &st)), 0);
	t_is(st.st_uid, T_OTHER);
}

static void the_top_folder_is_its_owners(void **state)
{
	(void)state;
	const char *theirs = t_path("dicts/theirs");

	t_is(t_as(T_NOBODY, makes_a_dict, theirs), 0);
	t_is(t_as(T_OTHER, removes_the_dict, theirs), -EPERM);
	t_is(t_as(T_NOBODY, writes, key(theirs, "a")), 0);
	t_is(t_as(T_NOBODY, removes_the_dict, theirs), -ENOTEMPTY);
	t_is(t_as(T_NOBODY, removes, key(theirs, "a")), 0);
	t_is(t_as(T_NOBODY, removes_the_dict, theirs), 0);
}

/* ---- a lock that is held, a segment that is damaged ------------------------------------------------------ */

static void a_program_holds_the_lock(void **state)
{
	(void)state;
	const char *d = make("held"), *a = key(d, "a");
	char buf[4096];

	put(d, "a", "1");
	put(d, "b", "1");
	int fd = t_open(a, O_RDWR), dir = t_open(d, O_RDONLY | O_DIRECTORY);
	pid_t pid = t_hold(IPCFS_DICT, "held");
	t_is(t_exists(a), -EBUSY);
	t_is(t_sys(unlink(a)), -EBUSY);
	t_is(t_get(fd, buf, sizeof(buf)), -EBUSY);
	t_is(t_put(fd, "2"), -EBUSY);
	t_is(t_echo(key(d, "new"), "1"), -EBUSY);
	t_is(t_sys(rename(a, key(d, "c"))), -EBUSY);
	t_is(t_sys(getdents64(dir, buf, sizeof(buf))), 48); /* . and .. */
	t_is(t_sys(getdents64(dir, buf, sizeof(buf))), -EBUSY);
	t_is(t_sys(rmdir(d)), -EBUSY);
	t_is(t_exists(d), 0); /* without the lock */
	t_is(t_stat(d, "keys"), 2);
	t_runs(0, "grep -q 'EBUSY dicts/held/a: a program has held' $M/errors");
	t_let_go(pid);
	t_shows(a, "1");
	lists(d, "a b ");
	close(dir);
}

static uint64_t next_random(void)
{
	static uint64_t seed = 88172645463325252ull;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* Whatever it does, it must do at once, and leave the others alone. */
static void use(const char *d)
{
	t_run("cd %s && { echo x > k1; echo y >> k2; cat k3; rm -f k4; mv k5 k6; ls -lU | head "
	      "-1000; "
	      "cat k7,pop; echo add 1 > k8,num; cat ../$(basename %s),stat; touch new; chmod 600 "
	      "k9; } "
	      ">/dev/null 2>&1",
	      d, d);
}

static void somebody_scribbles_over_it(void **state)
{
	(void)state;
	const char *bystander = make("bystander");
	int rounds = t_count(60, 2000);

	put(bystander, "a", "1");
	t_limit(t_count(T_TEST_S, 3600));
	for (int i = 0; i < rounds; i++) {
		const char *name = t_format("bad%d", i), *d = make(name);
		struct ipcfs_object *o = t_attach(IPCFS_DICT, name, NULL);
		uint64_t *words = (uint64_t *)(void *)o->base;
		size_t from = SEG_PAGE / 8, to = SEG_PAGE / 8 * 5;

		for (int k = 0; k < 40; k++)
			put(d, t_format("k%d", k), "value");
		for (int n = i % 3 ? 3 : 200; n > 0; n--) {
			size_t at = from + next_random() % (to - from);
			uint64_t old = words[at];
			words[at] = i & 1 ? next_random() :
				    i & 2 ? 2 * SEG_PAGE + next_random() % 8192 / 8 * 8 :
					    old ^ 1ull << next_random() % 64;
		}
		use(d);
		t_shows(key(bystander, "a"), "1");
		t_is(ipcfs_unlink(t_lib(), IPCFS_DICT, name), 0);
	}
	t_is(t_status("parked"), 0);
}

static void a_file_that_is_no_dict(void **state)
{
	(void)state;
	const char *d = t_path("dicts/junk");
	char text[4096];

	t_runs(0, "echo junk > %s && ls -l $M/dicts | grep -q junk", t_in_store("dicts/junk"));
	t_is(t_exists(d), 0);
	int dir = t_open(d, O_RDONLY | O_DIRECTORY);
	t_is(t_sys(getdents64(dir, text, sizeof(text))), -EUCLEAN);
	close(dir);
	t_is(t_echo(key(d, "a"), "1"), -EUCLEAN);
	t_is(t_sys(rmdir(d)), 0);
	t_is(t_exists(d), -ENOENT);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_folder_of_keys),
		T_TEST(what_cannot_be_made),
		T_TEST(made_with_a_capacity),
		T_TEST(views_of_the_dict),
		T_TEST(the_dict_is_watched),
		T_TEST(temp_goes_with_its_maker),
		T_TEST(in_order_of_insertion),
		T_TEST(seeking_in_the_folder),
		T_TEST(keys_come_and_go_while_they_are_listed),
		T_TEST(many_keys),
		T_TEST(a_key_that_is_renamed_stays_the_same),
		T_TEST(onto_another_key_goes_its_content),
		T_TEST(a_dict_that_is_renamed),
		T_TEST(a_key_that_goes_away),
		T_TEST(a_dict_that_goes_away),
		T_TEST(folder_and_key_have_modes),
		T_TEST(owners_and_times),
		T_TEST(the_top_folder_is_its_owners),
		T_TEST(a_program_holds_the_lock),
		T_TEST(somebody_scribbles_over_it),
		T_TEST(a_file_that_is_no_dict),
	};
	return T_RUN(tests, argc, argv);
}
