/* SPDX-License-Identifier: MIT
 *
 * test_store.c - the store: which folder, modes, permissions, folders.
 */
#include "t_core.h"

#define Q IPCFS_QUEUE
#define S IPCFS_SEMAPHORE
#define E IPCFS_EVENT
#define V IPCFS_VALUE
#define A IPCFS_ARRAY

/* ---- which folder ----------------------------------------------------------------------- */

static void a_store_is_made_where_its_parent_is(void)
{
	struct ipcfs_store *store = NULL;
	struct stat st;

	t_is(ipcfs_store_open(t_path("made"), &store), 0);
	t_is(strcmp(ipcfs_store_dir(store), t_path("made")), 0);
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++) {
		t_is(stat(t_path("made/%s", ipcfs_kind_name(kind)), &st), 0);
		t_is(st.st_mode & 07777, geteuid() == 0 ? 01777 : 0700);
	}
	t_is(stat(t_path("made"), &st), 0);
	t_is(st.st_mode & 07777, geteuid() == 0 ? 0755 : 0700);
	ipcfs_store_close(store);
	ipcfs_store_close(NULL);
	t_is(ipcfs_store_open(t_path("no/such"), &store), -ENOENT);
	t_is(ipcfs_store_open("", &store), -ENOENT);
	t_check(access(t_path("no"), F_OK) < 0);
}

static void the_umask_does_not_narrow_the_stores_folders(void)
{
	struct ipcfs_store *store = NULL;
	struct stat st;
	mode_t mask = umask(077);
	int rc = ipcfs_store_open(t_path("narrow"), &store);

	umask(mask);
	t_is(rc, 0);
	ipcfs_store_close(store);
	t_is(stat(t_path("narrow/queues"), &st), 0);
	t_is(st.st_mode & 07777, geteuid() == 0 ? 01777 : 0700);
	t_is(stat(t_path("narrow"), &st), 0);
	t_is(st.st_mode & 07777, geteuid() == 0 ? 0755 : 0700);
}

static void a_store_is_a_folder_in_a_tmpfs(void)
{
	static const char *const others[] = {"/var/tmp", "/tmp", "."};
	struct ipcfs_store *store = NULL;
	char dir[200];
	int fd = open(t_path("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600), tried = 0;

	close(fd);
	t_is(ipcfs_store_open(t_path("file"), &store), -ENOTDIR);
	t_is(mkfifo(t_path("fifo"), 0600), 0);
	t_is(ipcfs_store_open(t_path("fifo"), &store), -ENOTDIR);
	t_is(symlink(t.dir, t_path("link")), 0);
	t_check(ipcfs_store_open(t_path("link"), &store) < 0);
	for (int i = 0; i < 3; i++) {
		fd = open(others[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		int tmpfs = sys_is_tmpfs(fd);
		close(fd);
		snprintf(dir, sizeof(dir), "%s/ipcfs-unit.%d", others[i], getpid());
		if (tmpfs || mkdir(dir, 0700) < 0)
			continue;
		t_is(ipcfs_store_open(dir, &store), -EMEDIUMTYPE);
		t_is(rmdir(dir), 0);
		t_is(ipcfs_store_open(dir, &store), -EMEDIUMTYPE);
		t_check(access(dir, F_OK) < 0); /* what it made is gone again */
		tried++;
	}
	t_check(tried > 0);
}

static int open_it(void *arg)
{
	struct ipcfs_store *store = NULL;
	int rc = ipcfs_store_open(arg, &store);

	ipcfs_store_close(store);
	return -rc;
}

static void a_strangers_folder_is_refused(void)
{
	struct ipcfs_store *store = NULL;
	char dir[300];

	if (geteuid() != 0)
		skip();
	snprintf(dir, sizeof(dir), "%s", t_path("theirs"));
	t_is(mkdir(dir, 0755), 0);
	t_is(chown(dir, T_NOBODY, T_NOBODY), 0);
	t_is(ipcfs_store_open(dir, &store), -EPERM);
	t_is(t_as(T_OTHER, open_it, dir), EPERM);
	t_check(access(t_path("theirs/queues"), F_OK) < 0);
	t_is(t_as(T_NOBODY, open_it, dir), 0);
	t_is(access(t_path("theirs/queues"), F_OK), 0);
	/* root's is everybody's, but a folder may keep people out */
	t_is(t_as(T_NOBODY, open_it, t.dir), 0);
	t_is(chmod(t.dir, 0700), 0);
	t_is(t_as(T_NOBODY, open_it, t.dir), EACCES);
	t_is(chmod(t.dir, 0755), 0);
}

static void a_folder_below_a_closed_one(void)
{
	char dir[300];

	if (geteuid() != 0)
		skip();
	snprintf(dir, sizeof(dir), "%s", t_path("mine/store"));
	t_is(mkdir(t_path("mine"), 0755), 0);
	t_is(t_as(T_NOBODY, open_it, dir), EACCES);
}

static void the_environment_names_the_store(void)
{
	struct ipcfs_store *store = NULL;
	const char *was = getenv("IPCFS_STORE");
	char *kept = was ? strdup(was) : NULL, path[5000];

	setenv("IPCFS_STORE", t_path("env"), 1);
	t_is(ipcfs_store_open(NULL, &store), 0);
	t_is(strcmp(ipcfs_store_dir(store), t_path("env")), 0);
	ipcfs_store_close(store);
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	setenv("IPCFS_STORE", path, 1);
	t_is(ipcfs_store_open(NULL, &store), -ENAMETOOLONG);
	t_is(ipcfs_store_open(path, &store), -ENAMETOOLONG);
	if (kept)
		setenv("IPCFS_STORE", kept, 1);
	else
		unsetenv("IPCFS_STORE");
	free(kept);
}

static int default_is(const char *want)
{
	struct ipcfs_store *store = NULL;

	t_is(ipcfs_store_open(NULL, &store), 0);
	t_is(strcmp(ipcfs_store_dir(store), want), 0);
	ipcfs_store_close(store);
	return 0;
}

static int default_of_user(void *arg)
{
	return default_is(arg);
}

static int in_a_private_shm(void *arg)
{
	struct t_user nobody = {T_NOBODY, default_of_user, "/dev/shm/ipcfs-65534"};
	int rc = t_private_tmpfs("/dev/shm", "mode=1777,size=4m");

	(void)arg;
	if (rc < 0)
		return 77;
	unsetenv("IPCFS_STORE");
	t_is(t_wait(t_fork(t_become, &nobody)), 0);
	setenv("IPCFS_STORE", "", 1); /* as if it were not set */
	default_is("/dev/shm/ipcfs");
	/* root's is there now */
	nobody.arg = "/dev/shm/ipcfs";
	t_is(t_wait(t_fork(t_become, &nobody)), 0);
	return 0;
}

static void without_a_name_it_is_roots_or_ones_own(void)
{
	if (geteuid() != 0)
		skip();
	int rc = t_wait(t_fork(in_a_private_shm, NULL));

	if (rc == 77)
		skip();
	t_is(rc, 0);
}

static void the_working_folder_may_change(void)
{
	struct ipcfs_store *store = NULL;
	struct ipcfs_object *o = NULL;
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	t_is(chdir(t.dir), 0);
	int rc = ipcfs_store_open("relative", &store);
	t_is(fchdir(here), 0);
	close(here);
	t_is(rc, 0);
	t_is(ipcfs_open(store, IPCFS_EVENT, "e", IPCFS_CREATE, 0600, NULL, &o), 0);
	ipcfs_close(o);
	ipcfs_store_close(store);
	t_is(access(t_path("relative/events/e"), F_OK), 0);
}

/* ---- modes ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	mode_t mask, mode, taking, other, folder;
} modes[] = {
	{.name = "022", .mask = 022, .mode = 0666, .taking = 0600, .other = 0644, .folder = 0600},
	{.name = "002", .mask = 002, .mode = 0666, .taking = 0660, .other = 0664, .folder = 0660},
	{.name = "0", .mask = 0, .mode = 0666, .taking = 0666, .other = 0666, .folder = 0666},
	{.name = "077", .mask = 077, .mode = 0666, .taking = 0600, .other = 0600, .folder = 0600},
	{.name = "read alone",
	 .mask = 0,
	 .mode = 0644,
	 .taking = 0600,
	 .other = 0644,
	 .folder = 0600},
	{.name = "write for others",
	 .mask = 0,
	 .mode = 0622,
	 .taking = 0622,
	 .other = 0622,
	 .folder = 0600},
	{.name = "more than there is",
	 .mask = 0,
	 .mode = 07777,
	 .taking = 0777,
	 .other = 0777,
	 .folder = 0666},
	{.name = "nothing", .mask = 0, .mode = 0, .taking = 0, .other = 0, .folder = 0600},
};

static void modes_by_umask(void)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
			struct ipcfs_properties p = {.given = IPCFS_P_TYPE, .type = 'i', .len = 2};
			struct ipcfs_object *o = NULL;
			struct stat st;
			bool taking = ipcfs_kinds[kind]->taking;
			mode_t mask;
			int rc;

			if (kind == A)
				p.given |= IPCFS_P_LEN;
			else if (kind != V)
				p.given = 0;
			if (kind == IPCFS_BARRIER) {
				p.given = IPCFS_P_PARTIES;
				p.parties = 2;
			}
			mask = umask(modes[i].mask);
			rc = ipcfs_open(t.store, kind, "m", IPCFS_CREATE, modes[i].mode, &p, &o);
			umask(mask);
			t_row(modes[i].name, rc, 0);
			ipcfs_close(o);
			t_is(stat(t_path("%s/m", ipcfs_kind_name(kind)), &st), 0);
			t_row(modes[i].name, st.st_mode & 07777,
			      kind == IPCFS_DICT ? modes[i].folder :
			      taking		 ? modes[i].taking :
						   modes[i].other);
			t_is(st.st_uid, geteuid());
			t_is(st.st_gid, getegid());
			t_is(ipcfs_unlink(t.store, kind, "m"), 0);
		}
}

static int try_open(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;

	return -ipcfs_open(store, IPCFS_EVENT, arg, 0, 0, NULL, &o);
}

static int try_create(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;

	return -ipcfs_open(store, IPCFS_EVENT, arg, IPCFS_CREATE, 0600, NULL, &o);
}

static int try_unlink(void *arg)
{
	return -ipcfs_unlink(t_open_store(), IPCFS_EVENT, arg);
}

static int try_mkdir(void *arg)
{
	return -ipcfs_mkdir(t_open_store(), IPCFS_EVENT, arg, 0700);
}

static struct ipcfs_object *event(const char *name, mode_t mode)
{
	struct ipcfs_object *o = t_object(E, name, NULL);

	t_is(chmod(t_path("events/%s", name), mode), 0);
	return o;
}

static void both_permissions_are_needed(void)
{
	if (geteuid() != 0)
		skip();
	event("rw", 0666);
	event("r", 0644);
	event("w", 0622);
	event("none", 0600);
	t_is(t_as(T_NOBODY, try_open, "rw"), 0);
	t_is(t_as(T_NOBODY, try_open, "r"), EACCES);
	t_is(t_as(T_NOBODY, try_open, "w"), EACCES);
	t_is(t_as(T_NOBODY, try_open, "none"), EACCES);
	t_is(t_as(T_NOBODY, try_create, "none"), EACCES);
	t_is(t_as(T_NOBODY, try_create, "own"), 0);
	t_is(t_as(T_OTHER, try_open, "own"), EACCES);
	t_is(chmod(t_path("events"), 0755), 0);
	t_is(t_as(T_NOBODY, try_create, "closed"), EACCES);
	t_is(t_as(T_NOBODY, try_mkdir, "closed"), EACCES);
}

static void removal_is_for_owners(void)
{
	if (geteuid() != 0)
		skip();
	struct ipcfs_object *rw = event("rw", 0666), *none_at_all = event("none", 0600);

	t_is(t_as(T_NOBODY, try_unlink, "rw"), EPERM);
	t_is(t_as(T_NOBODY, try_unlink, "none"), EPERM);
	t_is(ipcfs_event_set(rw), 0); /* a removal that fails has changed nothing */
	t_is(ipcfs_event_set(none_at_all), 0);
	t_is(t_as(T_NOBODY, try_create, "own"), 0);
	t_is(t_as(T_OTHER, try_unlink, "own"), EPERM);
	t_is(t_as(T_NOBODY, try_unlink, "own"), 0);
	t_is(t_as(T_NOBODY, try_create, "own"), 0);
	t_is(ipcfs_unlink(t.store, E, "own"), 0); /* root may */
}

/* In other folders what the folder's mode says. */
static void removal_in_a_folder_one_may_not_write(void)
{
	if (geteuid() != 0)
		skip();
	t_is(ipcfs_mkdir(t.store, E, "team", 0755), 0);
	struct ipcfs_object *o = event("team/rw", 0666);
	t_is(t_as(T_NOBODY, try_unlink, "team/rw"), EACCES);
	t_is(ipcfs_event_set(o), 0); /* it is as it was */
	t_is(chmod(t_path("events/team"), 01777), 0);
	t_is(t_as(T_NOBODY, try_unlink, "team/rw"), EPERM);
	t_is(ipcfs_event_set(o), 0);
	t_is(chmod(t_path("events/team"), 0777), 0);
	t_is(t_as(T_NOBODY, try_unlink, "team/rw"), 0);
	t_is(ipcfs_event_set(o), -EIDRM);
}

/* Who removed it died half-way, and this user may open it but not remove the name. */
static void a_half_removed_object_of_another_is_absent(void)
{
	if (geteuid() != 0)
		skip();
	struct ipcfs_object *o = event("half", 0666);

	atomic_fetch_or(&o->control->state, SEG_REMOVED);
	t_is(t_as(T_NOBODY, try_open, "half"), ENOENT);
}

static int none(void *arg, const char *name, bool is_folder)
{
	(void)arg;
	(void)name;
	(void)is_folder;
	return 0;
}

static void links_lead_nowhere(void)
{
	struct ipcfs_object *o = NULL;
	int fd;

	t_is(mkdir(t_path("outside"), 0777), 0);
	t_is(mkdir(t_path("outside/folder"), 0777), 0);
	fd = open(t_path("outside/victim"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	t_is(symlink("../outside", t_path("events/out")), 0);
	t_is(symlink("../outside/victim", t_path("events/file")), 0);
	t_check(ipcfs_open(t.store, E, "out/victim", 0, 0, NULL, &o) < 0);
	t_check(ipcfs_open(t.store, E, "out/new", IPCFS_CREATE, 0600, NULL, &o) < 0);
	t_check(ipcfs_open(t.store, E, "file", IPCFS_CREATE, 0600, NULL, &o) < 0);
	t_check(ipcfs_list(t.store, E, "out", none, NULL) < 0);
	t_check(access(t_path("outside/new"), F_OK) < 0);
	t_check(ipcfs_mkdir(t.store, E, "out/made", 0700) < 0);
	t_check(access(t_path("outside/made"), F_OK) < 0);
	t_check(ipcfs_rmdir(t.store, E, "out/folder") < 0);
	t_is(access(t_path("outside/folder"), F_OK), 0);
	t_check(ipcfs_unlink(t.store, E, "out/victim") < 0);
	t_is(access(t_path("outside/victim"), F_OK), 0);
	/* the link itself may go */
	t_is(ipcfs_unlink(t.store, E, "file"), 0);
	t_is(access(t_path("outside/victim"), F_OK), 0);
}

/* ---- folders ---------------------------------------------------------------------------------- */

struct found {
	char names[16][64];
	int n, stop_at;
};

static int note(void *arg, const char *name, bool is_folder)
{
	struct found *f = arg;

	t_check(f->n < 16);
	snprintf(f->names[f->n++], 64, "%s%s", name, is_folder ? "/" : "");
	return f->n == f->stop_at ? 42 : 0;
}

static bool has(const struct found *f, const char *name)
{
	int n = 0;

	for (int i = 0; i < f->n; i++)
		n += strcmp(f->names[i], name) == 0;
	return n == 1;
}

static void folders_and_lists(void)
{
	struct found f = {.n = 0};

	t_is(ipcfs_list(t.store, E, NULL, note, &f), 0);
	t_is(f.n, 0);
	t_is(ipcfs_mkdir(t.store, E, "team", 0700), 0);
	t_is(ipcfs_mkdir(t.store, E, "team", 0700), -EEXIST);
	t_is(ipcfs_mkdir(t.store, E, "team/deep", 0700), 0);
	t_object(E, "one", NULL);
	t_object(E, "team/two", NULL);
	t_object(E, "team/deep/three", NULL);
	close(open(t_path("events/.hidden"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	t_is(ipcfs_list(t.store, E, NULL, note, &f), 0);
	t_is(f.n, 2);
	t_check(has(&f, "one") && has(&f, "team/"));
	f.n = 0;
	t_is(ipcfs_list(t.store, E, "", note, &f), 0);
	t_is(f.n, 2);
	f.n = 0;
	t_is(ipcfs_list(t.store, E, "team", note, &f), 0);
	t_is(f.n, 2);
	t_check(has(&f, "two") && has(&f, "deep/"));
	f = (struct found){.stop_at = 1};
	t_is(ipcfs_list(t.store, E, "team", note, &f), 42);
	t_is(f.n, 1);
	t_is(ipcfs_list(t.store, S, "team", note, &f), -ENOENT);
	t_is(ipcfs_rmdir(t.store, E, "team/deep"), -ENOTEMPTY);
	t_is(ipcfs_unlink(t.store, E, "team/deep"), -EISDIR);
	t_is(ipcfs_unlink(t.store, E, "team/deep/three"), 0);
	t_is(ipcfs_rmdir(t.store, E, "team/deep"), 0);
	t_is(ipcfs_rmdir(t.store, E, "team/deep"), -ENOENT);
}

static void a_folder_has_the_mode_asked_for(void)
{
	struct stat st;
	mode_t mask = umask(022);
	int rc = ipcfs_mkdir(t.store, Q, "folder", 0777);

	umask(mask);
	t_is(rc, 0);
	t_is(stat(t_path("queues/folder"), &st), 0);
	t_is(st.st_mode & 0777, 0755);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(a_store_is_made_where_its_parent_is),
		T_TEST(the_umask_does_not_narrow_the_stores_folders),
		T_TEST(a_store_is_a_folder_in_a_tmpfs),
		T_TEST(a_strangers_folder_is_refused),
		T_TEST(a_folder_below_a_closed_one),
		T_TEST(the_environment_names_the_store),
		T_TEST(without_a_name_it_is_roots_or_ones_own),
		T_TEST(the_working_folder_may_change),
		T_TEST(modes_by_umask),
		T_TEST(both_permissions_are_needed),
		T_TEST(removal_is_for_owners),
		T_TEST(removal_in_a_folder_one_may_not_write),
		T_TEST(a_half_removed_object_of_another_is_absent),
		T_TEST(links_lead_nowhere),
		T_TEST(folders_and_lists),
		T_TEST(a_folder_has_the_mode_asked_for),
	};

	return T_RUN(tests);
}
