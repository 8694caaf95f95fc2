/* SPDX-License-Identifier: MIT
 *
 * test_dict_names.c - dicts and keys that are renamed and removed, by files and by the library; owners and modes; a lock that
 * somebody holds, a segment that somebody scribbles over.
 */
#include "dict.h"

#include <signal.h>

#include "core/object.h"
#include "hold.h"

/* ---- names ------------------------------------------------------------------------------------------- */

static void a_key_that_is_renamed_stays_the_same(void **state)
{
	(void)state;
	const char *d = dict_make("rename"), *a = dict_key(d, "a"), *b = dict_key(d, "b");
	struct stat before, after;

	dict_put(d, "a", "1");
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
	t_shows(dict_key(d, "a-longer-name"), "3");
	t_gets(watch, "3");
	t_is(t_sys(rename(dict_key(d, "a-longer-name"), t_path("dicts/other/x"))), -ENOENT);
	dict_make("other");
	t_is(t_sys(rename(dict_key(d, "a-longer-name"), t_path("dicts/other/x"))), -EPERM);
	t_is(t_sys(rename(dict_key(d, "a-longer-name"), t_path("dicts/x"))), -EPERM);
	t_is(t_sys(rename(t_path("dicts/other"), dict_key(d, "x"))), -EPERM);
	t_is(t_sys(rename(dict_key(d, "a-longer-name"), t_path("queues/x"))), -EPERM);
}

static void onto_another_key_goes_its_content(void **state)
{
	(void)state;
	const char *d = dict_make("onto"), *a = dict_key(d, "a"), *b = dict_key(d, "b");
	struct stat before, after;

	dict_put(d, "a", "new");
	dict_put(d, "b", "old");
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
	dict_lists(d, "b ");
}

static void a_dict_that_is_renamed(void **state)
{
	(void)state;
	const char *d = dict_make("old-name"), *n = t_path("dicts/new-name");

	dict_put(d, "a", "1");
	int fd = t_open(dict_key(d, "a"), O_RDWR);
	t_is(t_sys(rename(d, n)), 0);
	t_is(t_exists(d), -ENOENT);
	t_shows(dict_key(n, "a"), "1");
	t_is(t_put(fd, "2"), 1);
	t_shows(dict_key(n, "a"), "2");
	dict_make("old-name");
	t_is(t_sys(rename(t_path("dicts/old-name"), n)), -EEXIST);
}

static void a_key_that_goes_away(void **state)
{
	(void)state;
	const char *d = dict_make("gone"), *a = dict_key(d, "a");
	struct ipcfs_object *o = t_attach(IPCFS_DICT, "gone", NULL);
	struct stat st;

	dict_put(d, "a", "1");
	int fd = t_open(a, O_RDWR);
	struct t_io io = t_reader(t_format("%s,watch", a), O_RDONLY);
	t_io_got(&io, "1");
	t_is(t_sys(unlink(a)), 0);
	t_is(t_put(fd, "2"), -EIDRM);
	t_is(t_sys(fstat(fd, &st)), 0);
	t_is(st.st_nlink, 0);
	dict_put(d, "a", "another");
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
	const char *d = dict_make("all-gone"), *a = dict_key(d, "a");
	int notes;

	dict_put(d, "a", "1");
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
	dict_make("all-gone");
	dict_lists(d, "");
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
	const char *d = dict_make("modes"), *a = dict_key(d, "a");
	mode_t mask = umask(022);
	struct stat st;

	t_is(t_sys(chmod(d, 0755)), 0);
	dict_put(d, "a", "mine");
	umask(mask);
	t_is(t_sys(stat(d, &st)), 0);
	t_is(st.st_mode & 07777, 0755);
	t_is(t_sys(stat(a, &st)), 0);
	t_is(st.st_mode & 07777, 0644);
	t_is(t_as(T_NOBODY, reads, a), 0);
	t_is(t_as(T_NOBODY, writes, a), -EACCES);
	t_is(t_as(T_NOBODY, removes, a), -EACCES);
	t_is(t_as(T_NOBODY, writes, dict_key(d, "new")), -EACCES);
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
	t_is(t_as(T_NOBODY, writes, dict_key(d, "theirs")), 0);
	t_is(t_sys(stat(dict_key(d, "theirs"), &st)), 0);
	t_is(st.st_uid, T_NOBODY);
	t_is(t_as(T_NOBODY, writes, a), -EACCES);
	t_is(t_as(T_NOBODY, removes, a), 0); /* as the folder's mode says */
	t_is(t_as(T_NOBODY, attaches, "modes"), 0);
	t_is(t_sys(chmod(d, 01777)), 0);
	dict_put(d, "a", "mine");
	t_is(t_as(T_NOBODY, removes, a), -EPERM);
	t_is(t_as(T_NOBODY, clears, t_format("%s,ctl", d)), -EPERM);
	t_is(t_as(T_NOBODY, removes, dict_key(d, "theirs")), 0);
	t_is(t_as(T_NOBODY, attaches, "modes"), -EACCES);
	t_restart();
	t_is(t_sys(stat(d, &st)), 0);
	t_is(st.st_mode & 07777, 01777);
}

static void owners_and_times(void **state)
{
	(void)state;
	const char *d = dict_make("owners"), *a = dict_key(d, "a");
	const struct timespec times[2] = {{1000, 0}, {1234567890, 123456789}};
	struct stat st;

	dict_put(d, "a", "1");
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
	t_is(t_as(T_NOBODY, writes, dict_key(theirs, "a")), 0);
	t_is(t_as(T_NOBODY, removes_the_dict, theirs), -ENOTEMPTY);
	t_is(t_as(T_NOBODY, removes, dict_key(theirs, "a")), 0);
	t_is(t_as(T_NOBODY, removes_the_dict, theirs), 0);
}

/* ---- a lock that is held, a segment that is damaged ------------------------------------------------------ */

static void a_program_holds_the_lock(void **state)
{
	(void)state;
	const char *d = dict_make("held"), *a = dict_key(d, "a");
	char buf[4096];

	dict_put(d, "a", "1");
	dict_put(d, "b", "1");
	int fd = t_open(a, O_RDWR), dir = t_open(d, O_RDONLY | O_DIRECTORY);
	pid_t pid = t_hold(IPCFS_DICT, "held");
	t_is(t_exists(a), -EBUSY);
	t_is(t_sys(unlink(a)), -EBUSY);
	t_is(t_get(fd, buf, sizeof(buf)), -EBUSY);
	t_is(t_put(fd, "2"), -EBUSY);
	t_is(t_echo(dict_key(d, "new"), "1"), -EBUSY);
	t_is(t_sys(rename(a, dict_key(d, "c"))), -EBUSY);
	t_is(t_sys(getdents64(dir, buf, sizeof(buf))), 48); /* . and .. */
	t_is(t_sys(getdents64(dir, buf, sizeof(buf))), -EBUSY);
	t_is(t_sys(rmdir(d)), -EBUSY);
	t_is(t_exists(d), 0); /* without the lock */
	t_is(t_stat(d, "keys"), 2);
	t_runs(0, "grep -q 'EBUSY dicts/held/a: a program has held' $M/errors");
	t_let_go(pid);
	t_shows(a, "1");
	dict_lists(d, "a b ");
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
	const char *bystander = dict_make("bystander");
	int rounds = t_count(60, 2000);

	dict_put(bystander, "a", "1");
	t_limit(t_count(T_TEST_S, 3600));
	for (int i = 0; i < rounds; i++) {
		const char *name = t_format("bad%d", i), *d = dict_make(name);
		struct ipcfs_object *o;
		t_is(ipcfs_open(t_lib(), IPCFS_DICT, name, 0, 0, NULL, &o), 0);
		uint64_t *words = (uint64_t *)(void *)o->base;
		size_t from = SEG_PAGE / 8, to = SEG_PAGE / 8 * 5;

		for (int k = 0; k < 40; k++)
			dict_put(d, t_format("k%d", k), "value");
		for (int n = i % 3 ? 3 : 200; n > 0; n--) {
			size_t at = from + next_random() % (to - from);
			uint64_t old = words[at];
			words[at] = i & 1 ? next_random() :
				    i & 2 ? 2 * SEG_PAGE + next_random() % 8192 / 8 * 8 :
					    old ^ 1ull << next_random() % 64;
		}
		use(d);
		t_shows(dict_key(bystander, "a"), "1");
		ipcfs_close(o);
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
	t_is(t_echo(dict_key(d, "a"), "1"), -EUCLEAN);
	t_is(t_sys(rmdir(d)), 0);
	t_is(t_exists(d), -ENOENT);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
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
