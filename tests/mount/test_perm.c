/* SPDX-License-Identifier: MIT
 *
 * test_perm.c - contract, section 9: who may do what.
 */
#include "t.h"

#include "perm.h"

static long as_rename(const char *path)
{
	return t_sys(rename(path, t_format("%s.renamed", path)));
}

static long as_chmod_777(const char *path)
{
	return t_sys(chmod(path, 0777));
}

static long as_chown_self(const char *path)
{
	return t_sys(chown(path, getuid(), getgid()));
}

static long as_list(const char *path)
{
	return t_open(path, O_RDONLY | O_DIRECTORY) < 0 ? -errno : 0;
}

static long as_truncate(const char *path)
{
	return t_sys(truncate(path, 0));
}

static long as_utime(const char *path)
{
	struct timespec times[2] = {{1, 0}, {2, 0}};

	return t_sys(utimensat(AT_FDCWD, path, times, 0));
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	t_is(t_sys(stat(path, &st)), 0);
	return st.st_mode & 07777;
}

/* ---- at creation ------------------------------------------------------------------------------- */

static void modes_at_creation(void **state)
{
	(void)state;
	static const struct {
		mode_t umask, taking, shown;
	} rows[] = {
		{022, 0600, 0644}, {002, 0660, 0664}, {077, 0600, 0600},
		{0, 0666, 0666},   {027, 0600, 0640}, {007, 0660, 0660},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		umask(rows[i].umask);
		t_is(t_touch(t_path("queues/mode%zu", i)), 0);
		t_is(t_touch(t_path("semaphores/mode%zu", i)), 0);
		t_is(t_touch(t_path("events/mode%zu", i)), 0);
		t_is(t_touch(t_path("values/mode%zu,type=q", i)), 0);
		t_is(t_echo(t_path("values/later%zu", i), "5"), 0);
		t_is(t_touch(t_path("arrays/mode%zu,type=q,len=2", i)), 0);
		t_is(t_echo(t_path("arrays/later%zu", i), "5 6"), 0);
		t_is(mode_of(t_path("queues/mode%zu", i)), rows[i].taking);
		t_is(mode_of(t_path("semaphores/mode%zu", i)), rows[i].taking);
		t_is(mode_of(t_path("events/mode%zu", i)), rows[i].shown);
		t_is(mode_of(t_path("values/mode%zu", i)), rows[i].shown);
		t_is(mode_of(t_path("values/later%zu", i)), rows[i].shown);
		t_is(mode_of(t_path("arrays/mode%zu", i)), rows[i].shown);
		t_is(mode_of(t_path("arrays/later%zu", i)), rows[i].shown);
	}
	umask(0);
	int fd = open(t_path("queues/asked"), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	t_check(fd >= 0);
	t_is(mode_of(t_path("queues/asked")), 0600);
	fd = open(t_path("queues/asked2"), O_RDWR | O_CREAT | O_CLOEXEC, 0622);
	t_check(fd >= 0);
	t_is(mode_of(t_path("queues/asked2")), 0622); /* others may give, not take */
	fd = open(t_path("events/asked"), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	t_check(fd >= 0);
	t_is(mode_of(t_path("events/asked")), 0640);
	t_is(t_sys(mkdir(t_path("queues/dirmode"), 0777)), 0);
	t_is(mode_of(t_path("queues/dirmode")), 0777);
	umask(022);
	t_is(t_sys(mkdir(t_path("queues/dirmode2"), 0777)), 0);
	t_is(mode_of(t_path("queues/dirmode2")), 0755);

	/* the library's objects alike */
	umask(022);
	t_attach(IPCFS_QUEUE, "libmode", NULL);
	t_is(mode_of(t_path("queues/libmode")), 0600);
}

static void ids_at_creation(void **state)
{
	(void)state;
	struct stat st;

	t_is(t_as(T_NOBODY, as_create, t_path("queues/ofnobody")), 0);
	t_is(t_sys(stat(t_path("queues/ofnobody"), &st)), 0);
	t_is(st.st_uid, T_NOBODY);
	t_is(st.st_gid, T_NOBODY);
	t_is(t_sys(stat(t_in_store("queues/ofnobody"), &st)), 0); /* the very file */
	t_is(st.st_uid, T_NOBODY);
	t_is(st.st_mode & 0777, 0600);
	t_is(t_as(T_NOBODY, as_mkdir, t_path("queues/dirofnobody")), 0);
	t_is(t_sys(stat(t_path("queues/dirofnobody"), &st)), 0);
	t_is(st.st_uid, T_NOBODY);
}

/* ---- use --------------------------------------------------------------------------------------- */

static void read_takes_write_gives(void **state)
{
	(void)state;
	const char *q = t_path("queues/use");
	static const struct {
		mode_t mode;
		long read, write;
	} rows[] = {
		{0600, -EACCES, -EACCES},
		{0602, -EACCES, 1},
		{0604, 1, -EACCES},
		{0606, 1, 1},
	};

	t_is(t_touch(q), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		t_is(t_sys(chmod(q, rows[i].mode)), 0);
		t_is(mode_of(q), rows[i].mode); /* chmod shares, as asked */
		t_is(t_echo(q, "x"), 0);
		t_is(t_as(T_NOBODY, as_read, q), rows[i].read);
		t_is(t_as(T_NOBODY, as_write_1, q), rows[i].write);
		t_is(t_sys(truncate(q, 0)), 0);
	}
	t_is(t_sys(chown(q, 0, T_NOBODY)), 0); /* by the group */
	t_is(t_sys(chmod(q, 0060)), 0);
	t_is(t_as(T_NOBODY, as_write_1, q), 1);
	t_is(t_as(T_OTHER, as_write_1, q), -EACCES);
	t_is(t_sys(chown(q, T_OTHER, -1)), 0); /* by the owner */
	t_is(t_sys(chmod(q, 0600)), 0);
	t_is(t_as(T_OTHER, as_read, q), 1);
	t_is(t_as(T_NOBODY, as_read, q), -EACCES);
	t_shows(t_format("%s,peek", q), ""); /* root may all */
}

static void views_have_the_objects_mode(void **state)
{
	(void)state;
	const char *q = t_path("queues/viewmode");

	t_is(t_echo(q, "x"), 0);
	static const char *const views[] = {"peek", "watch", "stat", "stream", "timeout=0"};
	for (int i = 0; i < 5; i++)
		t_is(t_as(T_NOBODY, as_read, t_format("%s,%s", q, views[i])), -EACCES);
	t_is(t_as(T_NOBODY, as_write_1, t_format("%s,ctl", q)), -EACCES);
	t_is(t_sys(chmod(q, 0604)), 0);
	t_is(t_as(T_NOBODY, as_read, t_format("%s,peek", q)), 1);
	t_is(t_as(T_NOBODY, as_write_1, t_format("%s,ctl", q)), -EACCES);
	const char *v = t_path("values/viewmode");
	t_is(t_echo(v, "5"), 0);
	t_is(t_as(T_NOBODY, as_read, v), 2); /* 0644 */
	t_is(t_as(T_NOBODY, as_read, t_format("%s,raw", v)), 8);
	t_is(t_as(T_NOBODY, as_write_1, v), -EACCES);
	t_is(t_as(T_NOBODY, as_write_1, t_format("%s,raw", v)), -EACCES);
	t_is(t_as(T_NOBODY, as_write_1, t_format("%s,cas", v)), -EACCES);
	t_shows(v, "5\n");
}

static void attributes_are_the_owners(void **state)
{
	(void)state;
	const char *q = t_path("queues/attributes");

	t_is(t_touch(q), 0);
	t_is(t_sys(chmod(q, 0666)), 0);
	t_is(t_as(T_NOBODY, as_chmod_777, q), -EPERM);
	t_is(t_as(T_NOBODY, as_chown_self, q), -EPERM);
	t_is(t_as(T_NOBODY, as_utime, q), -EPERM);
	t_is(mode_of(q), 0666);
	t_is(t_sys(chown(q, T_NOBODY, T_NOBODY)), 0);
	t_is(t_as(T_NOBODY, as_chmod_777, q), 0);
	t_is(mode_of(q), 0777);
	t_is(t_as(T_NOBODY, as_utime, q), 0);
	t_is(t_as(T_OTHER, as_chown_self, q), -EPERM);
	t_is(t_as(T_OTHER, as_truncate, q), 0); /* may write */
	t_is(t_sys(chmod(q, 0700)), 0);
	t_is(t_as(T_OTHER, as_truncate, q), -EACCES);
}

/* ---- names ------------------------------------------------------------------------------------- */

static void top_folders_belong_to_all(void **state)
{
	(void)state;
	static const char *const kinds[] = {"queues", "semaphores", "events", "values", "arrays"};

	for (int k = 0; k < 5; k++) {
		const char *path = t_path("%s/ofroot", kinds[k]);
		const char *theirs = t_path("%s/theirs", kinds[k]);
		t_is(t_touch(path), 0);
		t_is(t_sys(chmod(path, 0666)), 0);
		/* anyone may create; removing and renaming needs the owner */
		t_is(t_as(T_NOBODY, as_create, theirs), 0);
		t_is_either(t_as(T_NOBODY, as_unlink, path), -EPERM, -EACCES);
		t_is_either(t_as(T_NOBODY, as_rename, path), -EPERM, -EACCES);
		t_is_either(t_as(T_OTHER, as_unlink, theirs), -EPERM, -EACCES);
		t_is_either(t_as(T_OTHER, as_rename, theirs), -EPERM, -EACCES);
		t_is(t_exists(path), 0);
		t_is(t_exists(theirs), 0);
		t_is(t_as(T_NOBODY, as_rename, theirs), 0);
		t_is(t_as(T_NOBODY, as_unlink, t_format("%s.renamed", theirs)), 0);
		t_is(t_as(T_NOBODY, as_mkdir, theirs), 0);
		t_is_either(t_as(T_OTHER, as_rmdir, theirs), -EPERM, -EACCES);
		t_is(t_as(T_NOBODY, as_rmdir, theirs), 0);
		t_is(t_as(T_NOBODY, as_create, theirs), 0);
		t_is(t_sys(unlink(theirs)), 0); /* root may */
	}
}

static long as_rename_onto(const char *path)
{
	return t_sys(rename(path, t_path("values/target")));
}

static long as_write_7(const char *path)
{
	return t_echo(path, "7");
}

static void renaming_onto_anothers_value(void **state)
{
	(void)state;
	const char *target = t_path("values/target"), *from = t_path("values/source");

	t_is(t_echo(target, "5"), 0);
	t_is(t_as(T_NOBODY, as_create, t_format("%s,type=q", from)), 0);
	t_fails(t_as(T_NOBODY, as_rename_onto, from)); /* may not write it */
	t_shows(target, "5\n");
	t_is(t_exists(from), 0);

	/* any of his groups may */
	t_is(t_sys(chown(target, 0, 4711)), 0);
	t_is(t_sys(chmod(target, 0664)), 0);
	t_is(t_as(T_NOBODY, as_write_7, from), 0);
	t_runs(1, "setpriv --reuid=%d --regid=%d --groups=4712 mv %s %s", T_NOBODY, T_NOBODY, from,
	       target);
	t_shows(target, "5\n");
	t_runs(0, "setpriv --reuid=%d --regid=%d --groups=4712,4711 mv %s %s", T_NOBODY, T_NOBODY,
	       from, target);
	t_shows(target, "7\n");
	t_is(t_exists(from), -ENOENT);
}

static void folders_have_modes_as_anywhere(void **state)
{
	(void)state;
	const char *dir = t_path("queues/team"), *jobs = t_path("queues/team/jobs");

	t_is(t_as(T_NOBODY, as_mkdir, dir), 0); /* 0755 */
	t_is(t_as(T_NOBODY, as_create, jobs), 0);
	t_is(t_as(T_OTHER, as_create, t_format("%s/x", dir)), -EACCES);
	t_is(t_as(T_OTHER, as_unlink, jobs), -EACCES);
	t_is(t_as(T_OTHER, as_rename, jobs), -EACCES);
	t_is(t_as(T_OTHER, as_mkdir, t_format("%s/sub", dir)), -EACCES);
	t_is(t_as(T_OTHER, as_list, dir), 0);
	t_is(t_sys(chmod(dir, 0700)), 0);
	t_is(t_as(T_OTHER, as_list, dir), -EACCES);
	t_is(t_as(T_OTHER, as_read, jobs), -EACCES);
	t_is(t_as(T_OTHER, as_create, jobs), -EACCES);
	t_is(t_sys(chmod(dir, 0777)), 0); /* what the folder's mode says, not the owner */
	t_is(t_as(T_OTHER, as_create, t_format("%s/x", dir)), 0);
	t_is(t_as(T_OTHER, as_rename, jobs), 0);
	t_is(t_as(T_OTHER, as_unlink, t_format("%s.renamed", jobs)), 0);
	t_is(t_as(T_NOBODY, as_unlink, t_format("%s/x", dir)), 0);
}

static void a_folder_may_be_sticky(void **state)
{
	const char *made = t_path("values/made"), *set = t_path("values/set");
	const char *const folders[] = {made, set};
	struct stat st;

	(void)state;
	umask(0);
	t_is(t_sys(mkdir(made, 01777)), 0);
	t_is(t_sys(mkdir(set, 0700)), 0);
	umask(022);
	t_is(t_sys(chmod(set, 01777)), 0);
	for (int i = 0; i < 2; i++) {
		const char *x = t_format("%s/x", folders[i]);

		t_is(t_sys(stat(folders[i], &st)), 0);
		t_is(st.st_mode & 07777, 01777);
		t_is(t_as(T_NOBODY, as_create, x), 0);
		t_is(t_as(T_OTHER, as_unlink, x), -EPERM);
		t_is(t_as(T_OTHER, as_rename, x), -EPERM);
		t_is(t_as(T_NOBODY, as_unlink, x), 0);
		t_is(t_sys(chmod(folders[i], 0777)), 0);
		t_is(t_sys(stat(folders[i], &st)), 0);
		t_is(st.st_mode & 07777, 0777);
	}
}

static long lib_open(const char *name)
{
	struct ipcfs_store *store;
	struct ipcfs_object *object;
	int rc = ipcfs_store_open(t_store, &store);

	return rc < 0 ? rc : ipcfs_open(store, IPCFS_QUEUE, name, 0, 0, NULL, &object);
}

static long lib_put(const char *name)
{
	struct ipcfs_store *store;
	struct ipcfs_object *object = NULL;
	int rc = ipcfs_store_open(t_store, &store);

	if (rc == 0)
		rc = ipcfs_open(store, IPCFS_QUEUE, name, IPCFS_CREATE, 0666, NULL, &object);
	return rc < 0 ? rc : ipcfs_queue_put(object, "by library", 10, 0);
}

static long lib_unlink(const char *name)
{
	struct ipcfs_store *store;
	int rc = ipcfs_store_open(t_store, &store);

	return rc < 0 ? rc : ipcfs_unlink(store, IPCFS_QUEUE, name);
}

/* The library needs read and write on the segment. */
static void the_library_of_others(void **state)
{
	(void)state;
	const char *q = t_path("queues/libperm");

	t_is(t_touch(q), 0);
	t_is(t_as(T_NOBODY, lib_open, "libperm"), -EACCES);
	t_is(t_sys(chmod(q, 0604)), 0);
	t_is(t_as(T_NOBODY, lib_open, "libperm"), -EACCES);
	t_is(t_sys(chmod(q, 0606)), 0);
	t_is(t_as(T_NOBODY, lib_put, "libperm"), 0);
	t_shows(q, "by library");
	t_is_either(t_as(T_NOBODY, lib_unlink, "libperm"), -EPERM, -EACCES);
	t_is(t_as(T_NOBODY, lib_put, "libofnobody"), 0);
	struct stat st;
	t_is(t_sys(stat(t_path("queues/libofnobody"), &st)), 0);
	t_is(st.st_uid, T_NOBODY);
	t_shows(t_path("queues/libofnobody"), "by library");
	t_is(t_as(T_NOBODY, lib_unlink, "libofnobody"), 0);
	t_is(t_exists(t_path("queues/libofnobody")), -ENOENT);
}

/* A handle keeps what it was opened with: opens, tells so by a message, waits for the chmod. */
static long write_before_and_after(const char *path)
{
	int fd = t_open(path, O_WRONLY);

	if (fd < 0 || t_put(fd, "open") != 4)
		return -EIO;
	while (mode_of(path) != 0600)
		usleep(500);
	return t_put(fd, "still");
}

static int close_it_when_open(void *arg)
{
	t_until(t_stat(arg, "messages") == 1);
	return (int)-t_sys(chmod(arg, 0600));
}

static void an_open_handle_stays_open(void **state)
{
	(void)state;
	const char *q = t_path("queues/handle");

	t_is(t_touch(q), 0);
	t_is(t_sys(chmod(q, 0606)), 0);
	pid_t child = t_spawn(close_it_when_open, (void *)(uintptr_t)q);
	t_is(t_as(T_NOBODY, write_before_and_after, q), 5);
	t_is(t_wait(child), 0);
}

static void errors_show_ones_own(void **state)
{
	(void)state;
	const char *v = t_path("values/secret");

	t_is(t_echo(v, "5"), 0);
	t_is(t_echo(v, "rootsmistake"), -EINVAL);
	t_is(t_sys(chmod(v, 0666)), 0);
	t_is(t_as(T_NOBODY, as_write_1, t_format("%s,foo", v)), -EINVAL);
	char text[T_TEXT];
	t_check(t_cat(t_path("errors"), text, sizeof(text)) > 0); /* root sees all */
	t_check(strstr(text, "rootsmistake"));
	t_check(strstr(text, "foo"));
	struct t_run *r = t_run("setpriv --reuid=%d --regid=%d --clear-groups cat $M/errors",
				T_NOBODY, T_NOBODY);
	t_is(r->status, 0);
	t_check(!strstr(r->out, "rootsmistake"));
	t_check(strstr(r->out, "foo"));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(modes_at_creation),
		T_TEST(ids_at_creation),
		T_TEST(read_takes_write_gives),
		T_TEST(views_have_the_objects_mode),
		T_TEST(attributes_are_the_owners),
		T_TEST(top_folders_belong_to_all),
		T_TEST(renaming_onto_anothers_value),
		T_TEST(folders_have_modes_as_anywhere),
		T_TEST(a_folder_may_be_sticky),
		T_TEST(the_library_of_others),
		T_TEST(an_open_handle_stays_open),
		T_TEST(errors_show_ones_own),
	};

	return T_RUN(tests, argc, argv);
}
