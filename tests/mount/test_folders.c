/* SPDX-License-Identifier: MIT
 *
 * test_folders.c - contract, section 2: folders, and views as names: owner, mode, number.
 */
#include "t.h"

#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "names.h"

/* ---- views: owner, mode, number ---------------------------------------------------------------- */

static void views_share_the_objects_attributes(void **state)
{
	(void)state;
	struct stat object, view;

	for (int k = 0; k < KINDS; k++) {
		const char *path = make(kinds[k], "shared");
		t_is(t_sys(chmod(path, 0640)), 0);
		t_is(t_sys(chown(path, 7, 8)), 0);
		t_is(t_sys(stat(path, &object)), 0);
		static const char *const views[] = {"peek", "watch", "stat", "ctl", "timeout=1"};
		for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
			t_is(t_sys(stat(t_format("%s,%s", path, views[i]), &view)), 0);
			t_is(view.st_ino, object.st_ino);
			t_is(view.st_uid, 7);
			t_is(view.st_gid, 8);
			t_is(view.st_mode, object.st_mode);
			t_is(view.st_mtim.tv_sec, object.st_mtim.tv_sec);
			t_is(view.st_mtim.tv_nsec, object.st_mtim.tv_nsec);
		}
		int fd = t_open(path, O_RDWR);
		t_is(t_sys(fstat(fd, &view)), 0);
		t_is(view.st_ino, object.st_ino);
	}
}

static struct stat attributes(int fd)
{
	struct stat st;

	t_is(t_sys(fstat(fd, &st)), 0);
	return st;
}

/* The kernel holds a look-up's attributes for a moment, so ask within that. */
static void open_handles_show_changes_at_once(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++)
		for (int i = 0; i < 20; i++) {
			const char *path = make(kinds[k], "fresh"), *moved = t_format("%s2", path);
			int plain = t_open(path, O_RDWR),
			    view = t_open(t_format("%s,stat", path), O_RDONLY);
			t_check(plain >= 0 && view >= 0);
			t_is(t_sys(chmod(path, 0640)), 0);
			t_is(attributes(plain).st_mode & 0777, 0640);
			t_is(attributes(view).st_mode & 0777, 0640);
			t_is(t_sys(chown(t_format("%s,stat", path), 7, 8)), 0);
			t_is(attributes(plain).st_uid, 7);
			close(view);
			view = t_open(t_format("%s,stat", path), O_RDONLY);
			t_is(t_sys(rename(path, moved)), 0);
			t_is(attributes(view).st_nlink, 1);
			t_is(t_sys(fchmod(plain, 0600)), 0);
			t_is(attributes(view).st_mode & 0777, 0600);
			t_is(t_sys(unlink(moved)), 0);
			t_is(attributes(plain).st_nlink, 0);
			t_is(attributes(view).st_nlink, 0);
			t_is(t_sys(fchmod(plain, 0600)), -EIDRM);
			t_is(t_sys(fchown(view, 7, 8)), -EIDRM);
			t_is(t_sys(futimens(plain, NULL)), -EIDRM);
			close(plain);
			close(view);
		}
}

static time_t modified(const char *path)
{
	struct stat st;

	t_is(t_sys(stat(path, &st)), 0);
	return st.st_mtim.tv_sec;
}

/* As of any file that is written, also after the server's end. */
static void the_time_is_that_of_the_last_change(void **state)
{
	(void)state;
	static const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	static const char *const writes[KINDS][2] = {
		{"a", "b"}, {"1", "1"}, {"1", "0"}, {"1", "1"}, {"1 2", "3 4"}};
	const char *paths[KINDS + 1], *d = t_path("dicts/times"), *key = t_format("%s/key", d);

	for (int k = 0; k < KINDS; k++) {
		paths[k] = make(kinds[k], "times");
		t_is(t_sys(utimensat(AT_FDCWD, paths[k], old, 0)), 0);
		t_is(t_stat(paths[k], "waiters"), 0);
		t_is(modified(paths[k]), 1000);
		for (int i = 0; i < 2; i++) {
			t_is(t_sys(utimensat(AT_FDCWD, paths[k], old, 0)), 0);
			t_is(modified(paths[k]), 1000);
			t_is(t_echo(paths[k], writes[k][i]), 0);
			t_check(modified(paths[k]) > 1000);
		}
		t_is(modified(t_format("%s,stat", paths[k])), modified(paths[k]));
	}
	paths[KINDS] = d;
	t_is(t_sys(mkdir(d, 0755)), 0);
	t_is(t_echo(key, "a"), 0);
	t_is(t_sys(utimensat(AT_FDCWD, d, old, 0)), 0);
	t_is(t_echo(key, "b"), 0);
	t_is(modified(d), 1000); /* as of a folder */
	t_is(t_sys(unlink(key)), 0);
	t_check(modified(d) > 1000);
	t_umount();
	t_mount(NULL);
	for (int k = 0; k <= KINDS; k++)
		t_check(modified(paths[k]) > 1000);
}

static void views_are_not_listed(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		t_is(t_sys(mkdir(t_path("%s/listing", kinds[k]), 0755)), 0);
		const char *path = make(kinds[k], "listing/one");
		int fd = t_open(t_format("%s,stat", path), O_RDONLY);
		t_check(fd >= 0);
		make(kinds[k], "listing/two");
		t_runs(0, "[ \"$(ls -A $M/%s/listing | tr '\\n' ' ')\" = 'one two ' ]", kinds[k]);
		t_runs(0,
		       "[ \"$(ls -i $M/%s/listing/one)\" = \"$(stat -c '%%i %%n' "
		       "$M/%s/listing/one)\" ]",
		       kinds[k], kinds[k]);
	}
	t_is(t_touch(t_path("queues/listing/three,maxsize=3")), 0);
	t_runs(0, "[ \"$(ls -A $M/queues/listing | tr '\\n' ' ')\" = 'one three two ' ]");
}

static bool lists(DIR *dir, const char *name)
{
	const struct dirent *entry;
	bool found = false;

	/* cppcheck-suppress readdirCalled ; one thread */
	while ((entry = readdir(dir)))
		found |= !strcmp(entry->d_name, name);
	return found;
}

static void a_rewound_folder_shows_what_is_there_now(void **state)
{
	(void)state;
	t_is(t_sys(mkdir(t_path("queues/rewound"), 0755)), 0);
	t_is(t_touch(t_path("queues/rewound/old")), 0);
	DIR *dir = opendir(t_path("queues/rewound"));
	t_check(dir && lists(dir, "old"));
	t_is(t_touch(t_path("queues/rewound/new")), 0);
	t_is(t_sys(unlink(t_path("queues/rewound/old"))), 0);
	rewinddir(dir);
	t_check(lists(dir, "new"));
	rewinddir(dir);
	t_check(!lists(dir, "old"));
	closedir(dir);
}

/* Entries at any offset that lseek takes, also at none that a listing has told: never anything else. */
static void any_offset_of_a_folder(void **state)
{
	static const off_t offsets[] = {
		0, 1, 2, 3, 4, 5, 7, 20, 100, 4095, 4096, 1 << 20, 1ll << 31, 1ll << 40, INT64_MAX};
	long names;

	(void)state;
	t_is(t_sys(mkdir(t_path("queues/offsets"), 0755)), 0);
	for (int i = 0; i < 3; i++)
		t_is(t_touch(t_path("queues/offsets/name%d", i)), 0);
	int fd = t_open(t_path("queues/offsets"), O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		char buf[65536];
		long n;

		if (lseek(fd, offsets[i], SEEK_SET) < 0)
			continue;
		names = 0;
		while ((n = t_sys(syscall(SYS_getdents64, fd, buf, sizeof(buf)))) > 0)
			for (long at = 0; at < n; names++) {
				const struct dirent64 *entry = (const void *)(buf + at);

				t_check(!strncmp(entry->d_name, "name", 4) ||
					!strcmp(entry->d_name, ".") ||
					!strcmp(entry->d_name, ".."));
				at += entry->d_reclen;
			}
		t_is(n, 0);
		t_check(names <= 5 && (offsets[i] > 0 || names == 5) &&
			(offsets[i] < 4096 || names == 0));
	}
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &(int64_t){0})), -ENOTTY);
	t_check(t_server() > 0);
}

static void views_cannot_be_removed_or_renamed(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		const char *path = make(kinds[k], "views"), *to = t_path("%s/views2", kinds[k]);
		static const char *const views[] = {"peek", "stat", "ctl", "timeout=1"};
		for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
			const char *view = t_format("%s,%s", path, views[i]);
			t_is(t_sys(unlink(view)), -EPERM);
			t_is(t_sys(rename(view, to)), -EPERM);
			t_is(t_sys(rename(view, path)), -EPERM);
			t_fails(t_sys(rename(path, view)));
			t_fails(t_sys(rename(path, t_format("%s,%s", to, views[i]))));
		}
		t_is(t_exists(path), 0);
		t_is(t_exists(to), -ENOENT);
	}
}

/* ---- folders ----------------------------------------------------------------------------------- */

/* The names of one getdents64(2) at that offset, each with a blank behind. -errno, or how many. */
static long list_from(int fd, off_t offset, off_t *next, char names[T_TEXT])
{
	static _Alignas(struct dirent64) char buf[8192];
	struct dirent64 *entry;
	long n, count = 0;
	size_t len = 0;

	names[0] = '\0';
	t_is(t_sys(lseek(fd, offset, SEEK_SET)), offset);
	n = t_sys(getdents64(fd, buf, sizeof(buf)));
	for (long at = 0; at < n; at += entry->d_reclen, count++) {
		entry = (void *)(buf + at);
		len += (size_t)snprintf(names + len, T_TEXT - len, "%s ", entry->d_name);
		t_check(len < T_TEXT);
		if (count == 0 && next)
			*next = entry->d_off;
	}
	return n < 0 ? n : count;
}

/* A program may seek to where no entry begins: it finds whole ones, the last of all or none. */
static void listings_from_anywhere(void **state)
{
	(void)state;
	char all[T_TEXT], names[T_TEXT];
	off_t offset = 0, next = 0;

	t_is(t_sys(mkdir(t_path("queues/seek"), 0755)), 0);
	for (int i = 0; i < 8; i++)
		t_is(t_touch(t_path("queues/seek/%d", i)), 0);
	int fd = t_open(t_path("queues/seek"), O_RDONLY | O_DIRECTORY);
	t_check(fd >= 0);
	t_is(list_from(fd, 0, NULL, all), 10);
	for (int left = 10; left > 0; left--, offset = next) {
		t_is(list_from(fd, offset, &next, names), left);
		for (off_t at = offset + 1; at <= next; at++)
			t_is(list_from(fd, at, NULL, names), left - 1);
		const char *rest = all + strlen(all) - strlen(names);
		if (strcmp(rest, names) != 0)
			t_fail("\"%s\" behind offset %ld, not \"%s\"", names, (long)offset, rest);
	}
	t_is(list_from(fd, 1000000, NULL, names), 0);
	t_is(list_from(fd, INT64_MAX, NULL, names), 0);
}

static void folders(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		const char *team = t_path("%s/team", kinds[k]);
		struct stat st;
		t_is(t_touch(t_format("%s/jobs", team)), -ENOENT);
		t_is(t_sys(mkdir(team, 0750)), 0);
		t_is(t_sys(mkdir(team, 0755)), -EEXIST);
		t_is(t_sys(stat(team, &st)), 0);
		t_check(S_ISDIR(st.st_mode));
		t_is(st.st_mode & 07777, 0750);
		const char *jobs = make(kinds[k], "team/jobs");
		t_is(t_stat(jobs, "waiters"), 0);
		t_is(t_sys(mkdir(t_format("%s/sub", team), 0755)), 0);
		const char *deep = make(kinds[k], "team/sub/deep");
		t_is(t_exists(deep), 0);
		t_is(t_sys(rmdir(team)), -ENOTEMPTY);
		t_is(t_sys(rmdir(jobs)), -ENOTDIR);
		t_is_either(t_sys(unlink(t_format("%s/sub", team))), -EISDIR, -EPERM);
		t_is(t_sys(unlink(deep)), 0);
		t_is(t_sys(rmdir(t_format("%s/sub", team))), 0);
		t_is(t_sys(mkdir(jobs, 0755)), -EEXIST); /* an object's name is taken */
		t_is(t_sys(unlink(jobs)), 0);
		t_is(t_sys(rmdir(team)), 0);
		t_is(t_exists(team), -ENOENT);
		t_is(t_sys(rmdir(team)), -ENOENT);
		t_is(t_sys(mkdir(team, 0755)), 0);
		t_fails(t_touch(team)); /* and a folder's, too: EISDIR */
		t_is(t_sys(rmdir(team)), 0);
	}
}

static void objects_move_between_folders(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		const char *path = make(kinds[k], "mobile"), *dir = t_path("%s/home", kinds[k]);
		long id = t_stat(path, "id");
		t_is(t_sys(mkdir(dir, 0755)), 0);
		const char *inside = t_format("%s/mobile", dir);
		t_is(t_sys(rename(path, inside)), 0);
		t_is(t_exists(path), -ENOENT);
		t_is(t_stat(inside, "id"), id);
		t_is(t_sys(rename(inside, path)), 0);
		t_is(t_stat(path, "id"), id);
	}
}

static void folders_can_be_renamed(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		t_is(t_sys(mkdir(t_path("%s/old", kinds[k]), 0755)), 0);
		const char *path = make(kinds[k], "old/object");
		long id = t_stat(path, "id");
		int fd = t_open(path, O_RDWR);
		t_is(t_sys(rename(t_path("%s/old", kinds[k]), t_path("%s/new", kinds[k]))), 0);
		t_is(t_exists(path), -ENOENT);
		t_is(t_stat(t_path("%s/new/object", kinds[k]), "id"), id);
		t_is(t_sys(unlink(t_path("%s/new/object", kinds[k]))), 0);
		t_is(t_put(fd, "1"), -EIDRM);
	}
}

/* What the library makes below the folder of the kind. */
static void make_by_library(const char *name)
{
	struct ipcfs_store *store;
	struct ipcfs_object *object;

	t_is(ipcfs_store_open(t_store, &store), 0);
	t_is(ipcfs_open(store, IPCFS_QUEUE, name, IPCFS_CREATE, 0666, NULL, &object), 0);
	ipcfs_close(object);
	ipcfs_store_close(store);
}

static gid_t group(const char *path)
{
	struct stat st;

	t_is(t_sys(stat(path, &st)), 0);
	return st.st_gid;
}

/* A folder that a group shares: chmod g+s, and all that is made in it is the group's. */
static void folders_that_give_their_group_on(void **state)
{
	(void)state;
	struct stat st;

	for (int k = 0; k < KINDS; k++) {
		const char *team = t_path("%s/group", kinds[k]);

		t_is(t_sys(mkdir(team, 0755)), 0);
		t_is(t_sys(chown(team, 0, 8)), 0);
		t_is(group(make(kinds[k], "group/before")), 0);
		t_is(t_sys(chmod(team, 03775)), 0);
		t_is(t_sys(stat(team, &st)), 0);
		t_is(st.st_mode & 07777, 03775);
		t_is(group(make(kinds[k], "group/object")), 8);
		t_is(t_sys(mkdir(t_format("%s/sub", team), 0755)), 0);
		t_is(t_sys(stat(t_format("%s/sub", team), &st)), 0);
		t_is(st.st_gid, 8);
		t_is(st.st_mode & 07777, 02755);
		t_is(group(make(kinds[k], "group/sub/object")), 8);
		t_is(t_sys(chmod(t_format("%s/sub", team), 0755)), 0);
		t_is(group(make(kinds[k], "group/sub/again")), 0);
	}
	make_by_library("group/library");
	t_is(group(t_path("queues/group/library")), 8);
	t_is(t_touch(t_path("values/group/pending")), 0);
	t_is(group(t_path("values/group/pending")), 8);
	/* What chgrp says stays when it gets its type. */
	t_is(t_sys(chown(t_path("values/group/pending"), 0, 9)), 0);
	t_is(t_echo(t_path("values/group/pending"), "5"), 0);
	t_is(group(t_path("values/group/pending")), 9);
	t_is(t_sys(mkdir(t_path("pipes/group"), 02755)), 0);
	t_is(t_sys(chown(t_path("pipes/group"), 0, 8)), 0);
	t_is(t_sys(chmod(t_path("pipes/group"), 02755)), 0);
	t_is(t_sys(mkfifo(t_path("pipes/group/fifo"), 0666)), 0);
	t_is(group(t_path("pipes/group/fifo")), 8);
}

static void deep_folders_have_a_limit(void **state)
{
	(void)state;
	const char *dir = t_path("queues");
	int depth = 0;

	/* IPCFS_PATH_MAX bytes of a name with its folders: five of 200 and one of 19 */
	for (; depth < 5; depth++) {
		dir = t_format("%s/%s", dir, repeated((char)('a' + depth), 200));
		t_is(t_sys(mkdir(dir, 0755)), 0);
	}
	const char *longest = t_format("%s/%s", dir, repeated('z', 19));
	t_is(t_echo(longest, "deep"), 0);
	t_shows(longest, "deep");
	t_is(t_echo(t_format("%s/%s", dir, repeated('z', 20)), "x"), -ENAMETOOLONG);
	t_is(t_sys(mkdir(t_format("%s/%s", dir, repeated('y', 20)), 0755)), -ENAMETOOLONG);
	for (int i = 0; i < 3; i++) /* the server lives */
		t_is(t_touch(t_path("queues/lives%d", i)), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(views_share_the_objects_attributes),
		T_TEST(open_handles_show_changes_at_once),
		T_TEST(the_time_is_that_of_the_last_change),
		T_TEST(views_are_not_listed),
		T_TEST(a_rewound_folder_shows_what_is_there_now),
		T_TEST(any_offset_of_a_folder),
		T_TEST(views_cannot_be_removed_or_renamed),
		T_TEST(listings_from_anywhere),
		T_TEST(folders),
		T_TEST(objects_move_between_folders),
		T_TEST(folders_can_be_renamed),
		T_TEST(folders_that_give_their_group_on),
		T_TEST(deep_folders_have_a_limit),
	};

	return T_RUN(tests, argc, argv);
}
