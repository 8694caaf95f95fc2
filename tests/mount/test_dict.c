/* SPDX-License-Identifier: MIT
 *
 * test_dict.c - contract, row dicts: a folder whose files are keys. Making and removing of both; order and listing;
 * the dict's own views; many keys. Names and modes are test_dict_names.c's; how a key changes is test_dict_whole.c's.
 */
#include "dict.h"

#include <signal.h>
#include <sys/ioctl.h>

/* ---- the folder ------------------------------------------------------------------------------------ */

static void a_folder_of_keys(void **state)
{
	(void)state;
	const char *d = dict_make("folder");
	struct stat st;

	t_is(t_sys(stat(d, &st)), 0);
	t_check(S_ISDIR(st.st_mode));
	t_is(st.st_nlink, 2);
	t_is(t_sys(mkdir(d, 0777)), -EEXIST);
	dict_lists(d, "");
	t_is(t_exists(dict_key(d, "a")), -ENOENT);
	t_fails(t_open(dict_key(d, "a"), O_RDONLY));
	dict_put(d, "a", "one");
	t_shows(dict_key(d, "a"), "one");
	t_is(t_sys(stat(dict_key(d, "a"), &st)), 0);
	t_check(S_ISREG(st.st_mode));
	t_is(st.st_size, 3);
	t_is(st.st_nlink, 1);
	t_is(t_sys(rmdir(d)), -ENOTEMPTY);
	t_is(t_sys(unlink(d)), -EISDIR);
	t_is(t_sys(rmdir(dict_key(d, "a"))), -ENOTDIR);
	t_is(t_sys(unlink(dict_key(d, "a"))), 0);
	t_is(t_sys(unlink(dict_key(d, "a"))), -ENOENT);
	t_is(t_sys(rmdir(d)), 0);
	t_is(t_exists(d), -ENOENT);
	t_is(t_exists(t_in_store("dicts/folder")), -ENOENT);
}

static void what_cannot_be_made(void **state)
{
	(void)state;
	const char *d = dict_make("cannot");

	t_is(t_echo(t_path("dicts/bare"), "x"), -EPERM);
	t_is(t_sys(mknod(t_path("dicts/bare"), S_IFREG | 0666, 0)), -EPERM);
	t_is(t_echo(d, "x"), -EISDIR);
	t_is(t_sys(mkdir(dict_key(d, "sub"), 0777)), -EPERM);
	t_is(t_sys(mkdir(t_path("dicts/d,capacity=1M"), 0777)), -EINVAL);
	t_is(t_sys(mkfifo(dict_key(d, "fifo"), 0666)), -EPERM);
	t_is(t_sys(symlink("x", dict_key(d, "link"))), -EPERM);
	dict_put(d, "a", "1");
	t_is(t_sys(link(dict_key(d, "a"), dict_key(d, "b"))), -EPERM);
	t_is(t_touch(dict_key(d, "k,temp")), -EINVAL);
	t_is(t_touch(dict_key(d, "k,capacity=1M")), -EINVAL);
	t_is(t_touch(dict_key(d, "a\tb")), -EINVAL);
	t_is(t_touch(dict_key(d, ".hidden")), 0);
	t_is(t_touch(dict_key(d, "...")), 0);
	dict_lists(d, "a .hidden ... ");
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
	dict_put(d, "a", "1");
	t_runs(1, "head -c 100000 /dev/zero > %s/big", d);
	t_is(t_exists(dict_key(d, "big")), -ENOENT);
	t_runs(0, "grep -q 'ENOSPC dicts/cap/big: the dict, or the store, is full' $M/errors");
	t_shows(dict_key(d, "a"), "1");
}

static void views_of_the_dict(void **state)
{
	(void)state;
	const char *d = dict_make("views");
	struct stat st;

	dict_put(d, "b", "1");
	dict_put(d, "a", "22");
	t_is(t_sys(chmod(d, 0750)), 0);
	t_is(t_sys(stat(t_format("%s,stat", d), &st)), 0);
	t_check(S_ISREG(st.st_mode));
	t_is(st.st_mode & 07777, 0750);
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
	dict_lists(d, "");
	t_is(t_echo(t_format("%s,ctl", d), "close"), -EINVAL);
}

/* Any key's change is one of the dict. */
static void the_dict_is_watched(void **state)
{
	(void)state;
	const char *d = dict_make("watched");
	struct ipcfs_object *o = t_attach(IPCFS_DICT, "watched", NULL);
	int fd = t_open(t_format("%s,watch", d), O_RDONLY | O_NONBLOCK);

	t_is(t_get(fd, (char[8]){0}, 8), -EAGAIN);
	t_is(t_poll(fd, POLLIN, 0), 0);
	dict_put(d, "a", "1");
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_gets(fd, "a\n");
	dict_put(d, "a", "2");
	t_gets(fd, "a\n");
	t_is(t_get(fd, (char[8]){0}, 8), -EAGAIN);
	t_is(ipcfs_dict_set(o, "b", "1", 1), 0);
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_gets(fd, "a\nb\n");
	t_is(t_sys(unlink(dict_key(d, "a"))), 0);
	t_gets(fd, "b\n");
	struct t_io io = t_reader(t_format("%s,watch", d), O_RDONLY);
	t_io_got(&io, "b\n");
	t_is(t_sys(unlink(dict_key(d, "b"))), 0);
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
	dict_put(d, "a", "1");
	t_check(t_stat_has(d, "temp 1"));
	t_gets(fd, "a\n");
	int held = t_open(dict_key(d, "a"), O_RDWR);
	close(fd);
	t_until(t_exists(d) == -ENOENT);
	t_is(t_get(held, (char[8]){0}, 8), -EIDRM);
	t_is(t_put(held, "2"), -EIDRM);

	pid_t pid = t_shell(NULL, "exec 3<>%s,temp; echo 1 > %s/a; kill -9 $$", d, d);
	t_is(t_wait(pid), 128 + SIGKILL);
	t_until(t_exists(d) == -ENOENT);
	t_is(t_exists(t_in_store("dicts/temporary")), -ENOENT);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	t_is(t_sys(stat(path, &st)), 0);
	return st.st_mode;
}

/* Not by mkdir, so with a file's mode: who may read may enter. */
static void made_as_a_file_it_can_be_entered(void **state)
{
	(void)state;
	const char *d = t_path("dicts/entered"), *big = t_path("dicts/entered-big");
	int fd = open(t_format("%s,temp", d), O_RDWR | O_CREAT | O_CLOEXEC, 0640);

	t_check(fd >= 0);
	t_is(mode_of(d), S_IFDIR | 0750);
	close(fd);
	t_is(t_touch(t_format("%s,capacity=1M", big)), 0);
	mode_t mode = mode_of(big);
	t_is(mode & 0111, (mode & 0444) >> 2);
	t_check(mode & 0100);
	t_is(t_sys(rmdir(big)), 0);
}

/* ---- order, listing ---------------------------------------------------------------------------------- */

static void in_order_of_insertion(void **state)
{
	(void)state;
	const char *d = dict_make("order");

	for (const char *k = "zebra"; *k; k++)
		dict_put(d, (char[]){*k, 0}, "1");
	dict_lists(d, "z e b r a ");
	dict_put(d, "b", "2"); /* a key that is replaced keeps its place */
	t_is(t_sys(rename(dict_key(d, "e"), dict_key(d, "E"))), 0);
	dict_lists(d, "z E b r a ");
	t_is(t_sys(unlink(dict_key(d, "z"))), 0);
	dict_put(d, "z", "1");
	dict_lists(d, "E b r a z ");
	t_is(t_sys(rename(dict_key(d, "r"), dict_key(d, "a"))),
	     0); /* its content goes to what is there */
	dict_lists(d, "E b a z ");
	t_runs(0, "[ \"$(ls -U %s | tr '\\n' ' ')\" = 'E b a z ' ]", d);
	t_restart();
	dict_lists(d, "E b a z ");
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
	const char *d = dict_make("seek");
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
		t_is(t_sys(unlink(dict_key(d, t_format("k%06d", i)))), 0);
	seekdir(dir, places[2 + 550]);
	entry = readdir(dir);
	t_check(entry && !strcmp(entry->d_name, "k000600"));
	rewinddir(dir);
	dict_put(d, "new", "1");
	for (n = 0; readdir(dir); n++)
		;
	t_is(n, 2 + SOME - 100 + 1);
	closedir(dir);
}

static void keys_come_and_go_while_they_are_listed(void **state)
{
	(void)state;
	const char *d = dict_make("churn");
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
			t_is(t_sys(unlink(dict_key(d, entry->d_name))), 0);
		if (i < 100)
			dict_put(d, t_format("n%d", i), "1");
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
	const char *d = dict_make("many");
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
		t_shows(dict_key(d, text), text);
	}
	dict_put(d, "last", "1");
	t_shows(dict_key(d, "last"), "1");
	t_is(t_echo(t_format("%s,ctl", d), "clear"), 0);
	dict_lists(d, "");
	dict_put(d, "again", "1");
	dict_lists(d, "again ");
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
		T_TEST(made_as_a_file_it_can_be_entered),
		T_TEST(in_order_of_insertion),
		T_TEST(seeking_in_the_folder),
		T_TEST(keys_come_and_go_while_they_are_listed),
		T_TEST(many_keys),
	};
	return T_RUN(tests, argc, argv);
}
