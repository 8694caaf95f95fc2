/* SPDX-License-Identifier: MIT
 *
 * test_store.c - the store: which folder, names, properties, modes, folders, creation and removal.
 */
#include "t_core.h"

/* ---- which folder ----------------------------------------------------------------------- */

static void a_store_is_made_where_its_parent_is(void **state)
{
	(void)state;
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

static void the_umask_does_not_narrow_the_stores_folders(void **state)
{
	(void)state;
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

static void a_store_is_a_folder_in_a_tmpfs(void **state)
{
	(void)state;
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

static void a_strangers_folder_is_refused(void **state)
{
	(void)state;
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

static void a_folder_below_a_closed_one(void **state)
{
	(void)state;
	char dir[300];

	if (geteuid() != 0)
		skip();
	snprintf(dir, sizeof(dir), "%s", t_path("mine/store"));
	t_is(mkdir(t_path("mine"), 0755), 0);
	t_is(t_as(T_NOBODY, open_it, dir), EACCES);
}

static void the_environment_names_the_store(void **state)
{
	(void)state;
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

static void without_a_name_it_is_roots_or_ones_own(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	int rc = t_wait(t_fork(in_a_private_shm, NULL));

	if (rc == 77)
		skip();
	t_is(rc, 0);
}

static void the_working_folder_may_change(void **state)
{
	(void)state;
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

/* ---- names ------------------------------------------------------------------------------- */

static char long_200[201], long_201[202], deep_1024[1025], deep_1025[1026], deep_201[260];

static const struct {
	const char *name, *text;
	int rc; /* of looking it up: -ENOENT is a name that may be */
} names[] = {
	{.name = "one letter", .text = "a", .rc = -ENOENT},
	{.name = "blanks and quotes", .text = " it's \"x\" ", .rc = -ENOENT},
	{.name = "bytes that are no UTF-8", .text = "\xff\xfe\x80", .rc = -ENOENT},
	{.name = "percent", .text = "%2C", .rc = -ENOENT},
	{.name = "a dot later", .text = "a.b.", .rc = -ENOENT},
	{.name = "minus", .text = "-rf", .rc = -ENOENT},
	{.name = "200 bytes", .text = long_200, .rc = -ENOENT},
	{.name = "201 bytes", .text = long_201, .rc = -ENAMETOOLONG},
	{.name = "nothing", .text = "", .rc = -EINVAL},
	{.name = "a leading dot", .text = ".a", .rc = -EINVAL},
	{.name = "dot", .text = ".", .rc = -EINVAL},
	{.name = "dot dot", .text = "..", .rc = -EINVAL},
	{.name = "a comma", .text = "a,peek", .rc = -EINVAL},
	{.name = "a newline", .text = "a\n", .rc = -EINVAL},
	{.name = "control 1", .text = "\x01", .rc = -EINVAL},
	{.name = "control 31", .text = "a\x1f", .rc = -EINVAL},
	{.name = "delete", .text = "a\x7f", .rc = -EINVAL},
	{.name = "a slash first", .text = "/a", .rc = -EINVAL},
	{.name = "a slash last", .text = "a/", .rc = -EINVAL},
	{.name = "two slashes", .text = "a//b", .rc = -EINVAL},
	{.name = "up", .text = "a/../b", .rc = -EINVAL},
	{.name = "a dot in a folder", .text = "a/.b", .rc = -EINVAL},
	{.name = "no such folder", .text = "no/such", .rc = -ENOENT},
	{.name = "201 bytes in a folder", .text = deep_201, .rc = -ENAMETOOLONG},
	{.name = "1024 bytes", .text = deep_1024, .rc = -ENOENT},
	{.name = "1025 bytes", .text = deep_1025, .rc = -ENAMETOOLONG},
};

static void fill_names(void)
{
	memset(long_200, 'x', 200);
	memset(long_201, 'x', 201);
	memset(deep_1025, 'y', 1025);
	for (int i = 128; i < 1025; i += 128)
		deep_1025[i] = '/';
	deep_1025[1024] = 'y'; /* 128 * 8 = 1024 would be one */
	memcpy(deep_1024, deep_1025, 1024);
	memset(deep_201, 'z', 203);
	deep_201[1] = '/';
}

static int none(void *arg, const char *name, bool is_folder)
{
	(void)arg;
	(void)name;
	(void)is_folder;
	return 0;
}

static void names_are_checked_alike_by_all_calls(void **state)
{
	(void)state;
	struct ipcfs_object *o;

	fill_names();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *row = names[i].name, *text = names[i].text;
		bool bad = names[i].rc != -ENOENT;

		for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++) {
			o = NULL;
			t_row(row, ipcfs_open(t.store, kind, text, 0, 0, NULL, &o), names[i].rc);
			t_check(o == NULL);
			t_row(row, ipcfs_unlink(t.store, kind, text), names[i].rc);
			t_row(row, ipcfs_rmdir(t.store, kind, text), names[i].rc);
			if (*text) /* the kind's top */
				t_row(row, ipcfs_list(t.store, kind, text, none, NULL),
				      names[i].rc);
		}
		if (bad) {
			t_row(row, ipcfs_open(t.store, 0, text, IPCFS_CREATE, 0600, NULL, &o),
			      names[i].rc);
			t_row(row, ipcfs_mkdir(t.store, 0, text, 0700), names[i].rc);
		} else if (!strchr(text, '/')) {
			t_row(row, ipcfs_open(t.store, 0, text, IPCFS_CREATE, 0600, NULL, &o), 0);
			ipcfs_close(o);
			t_row(row, ipcfs_rmdir(t.store, 0, text), -ENOTDIR);
			t_row(row, ipcfs_list(t.store, 0, text, none, NULL), -ENOTDIR);
			t_row(row, ipcfs_mkdir(t.store, 0, text, 0700), -EEXIST);
			t_row(row, ipcfs_unlink(t.store, 0, text), 0);
			t_row(row, ipcfs_mkdir(t.store, 0, text, 0700), 0);
			t_row(row, ipcfs_unlink(t.store, 0, text), -EISDIR);
			t_row(row, ipcfs_open(t.store, 0, text, IPCFS_CREATE, 0600, NULL, &o),
			      -EISDIR);
			t_row(row, ipcfs_rmdir(t.store, 0, text), 0);
		}
	}
}

static void a_name_of_1024_bytes_works(void **state)
{
	(void)state;
	struct ipcfs_object *o = NULL;
	char part[1025];

	fill_names();
	for (int i = 128; i < 1024; i += 128) {
		memcpy(part, deep_1024, 1025);
		part[i] = '\0';
		t_is(ipcfs_mkdir(t.store, IPCFS_QUEUE, part, 0700), 0);
	}
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, deep_1024, IPCFS_CREATE, 0600, NULL, &o), 0);
	t_is(ipcfs_queue_put(o, "x", 1, 0), 0);
	ipcfs_close(o);
	t_is(ipcfs_rmdir(t.store, IPCFS_QUEUE, part), -ENOTEMPTY);
	t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, deep_1024), 0);
	t_is(ipcfs_rmdir(t.store, IPCFS_QUEUE, part), 0);
}

static void no_such_kind_and_wrong_flags(void **state)
{
	(void)state;
	struct ipcfs_object *o = NULL;
	static const int kinds[] = {-1, IPCFS_KIND_COUNT, 1000};

	for (int i = 0; i < 3; i++) {
		enum ipcfs_kind kind = (enum ipcfs_kind)kinds[i];

		t_check(ipcfs_kind_name(kind) == NULL);
		t_is(ipcfs_open(t.store, kind, "a", IPCFS_CREATE, 0600, NULL, &o), -EINVAL);
		t_is(ipcfs_unlink(t.store, kind, "a"), -EINVAL);
		t_is(ipcfs_mkdir(t.store, kind, "a", 0700), -EINVAL);
		t_is(ipcfs_rmdir(t.store, kind, "a"), -EINVAL);
		t_is(ipcfs_list(t.store, kind, NULL, none, NULL), -EINVAL);
	}
	t_is(ipcfs_open(t.store, IPCFS_EVENT, NULL, IPCFS_CREATE, 0600, NULL, &o), -EINVAL);
	t_is(ipcfs_open(t.store, IPCFS_EVENT, "a", 4, 0600, NULL, &o), -EINVAL);
	t_is(ipcfs_open(t.store, IPCFS_EVENT, "a", -1, 0600, NULL, &o), -EINVAL);
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++)
		t_is(ipcfs_kind_of(ipcfs_kind_name(kind)), kind);
	t_is(ipcfs_kind_of("queue"), -1);
	t_is(ipcfs_kind_of(""), -1);
}

static void deadlines_from_durations(void **state)
{
	(void)state;
	int64_t now = sys_now_ns();

	t_is(ipcfs_after(0), 0);
	t_is(ipcfs_after(-1), IPCFS_FOREVER);
	t_is(ipcfs_after(INT64_MIN), IPCFS_FOREVER);
	t_is(ipcfs_after(INT64_MAX), IPCFS_FOREVER);
	t_check(ipcfs_after(1) > now);
	t_check(ipcfs_after(5 * T_SECOND) >= now + 5 * T_SECOND);
}

/* ---- properties ---------------------------------------------------------------------------- */

#define G30 (UINT64_C(1) << 30)
#define G32 (UINT64_C(1) << 32)
#define G34 (UINT64_C(1) << 34)

#define Q IPCFS_QUEUE
#define S IPCFS_SEMAPHORE
#define E IPCFS_EVENT
#define V IPCFS_VALUE
#define A IPCFS_ARRAY

static const struct {
	const char *name;
	enum ipcfs_kind kind;
	int rc; /* of creation */
	struct ipcfs_properties p;
} shapes[] = {
	{"queue: maxsize 0", Q, 0, {.given = IPCFS_P_MAXSIZE}},
	{"queue: maxsize largest", Q, 0, {.given = IPCFS_P_MAXSIZE, .maxsize = G30}},
	{"queue: maxsize past it", Q, -ERANGE, {.given = IPCFS_P_MAXSIZE, .maxsize = G30 + 1}},
	{"queue: maxsize far past it", Q, -ERANGE, {.given = IPCFS_P_MAXSIZE, .maxsize = -1ull}},
	{"queue: capacity 0", Q, -ERANGE, {.given = IPCFS_P_CAPACITY}},
	{"queue: capacity 1", Q, 0, {.given = IPCFS_P_CAPACITY, .capacity = 1}},
	{"queue: capacity largest", Q, 0, {.given = IPCFS_P_CAPACITY, .capacity = G34}},
	{"queue: capacity past it", Q, -ERANGE, {.given = IPCFS_P_CAPACITY, .capacity = G34 + 1}},
	{"queue: value", Q, -EINVAL, {.given = IPCFS_P_VALUE}},
	{"queue: max", Q, -EINVAL, {.given = IPCFS_P_MAX}},
	{"queue: set", Q, -EINVAL, {.given = IPCFS_P_SET}},
	{"queue: type", Q, -EINVAL, {.given = IPCFS_P_TYPE, .type = 'i'}},
	{"queue: len", Q, -EINVAL, {.given = IPCFS_P_LEN, .len = 1}},
	{"queue: temp", Q, -EINVAL, {.given = IPCFS_P_TEMP}},
	{"queue: unknown", Q, -EINVAL, {.given = 1 << 20}},
	{"semaphore: value 0", S, 0, {.given = IPCFS_P_VALUE}},
	{"semaphore: value largest", S, 0, {.given = IPCFS_P_VALUE, .value = 2147483647}},
	{"semaphore: value past it", S, -ERANGE, {.given = IPCFS_P_VALUE, .value = 2147483648}},
	{"semaphore: max 0", S, -ERANGE, {.given = IPCFS_P_MAX}},
	{"semaphore: max 1", S, 0, {.given = IPCFS_P_MAX, .max = 1}},
	{"semaphore: max largest", S, 0, {.given = IPCFS_P_MAX, .max = 2147483647}},
	{"semaphore: max past it", S, -ERANGE, {.given = IPCFS_P_MAX, .max = 2147483648}},
	{"semaphore: value is max", S, 0,
	 {.given = IPCFS_P_VALUE | IPCFS_P_MAX, .value = 5, .max = 5}},
	{"semaphore: value past max", S, -ERANGE,
	 {.given = IPCFS_P_VALUE | IPCFS_P_MAX, .value = 6, .max = 5}},
	{"semaphore: maxsize", S, -EINVAL, {.given = IPCFS_P_MAXSIZE}},
	{"semaphore: len", S, -EINVAL, {.given = IPCFS_P_LEN}},
	{"event: set", E, 0, {.given = IPCFS_P_SET, .set = true}},
	{"event: not set", E, 0, {.given = IPCFS_P_SET}},
	{"event: value", E, -EINVAL, {.given = IPCFS_P_VALUE}},
	{"value: no type", V, -EINVAL, {.given = 0}},
	{"value: type x", V, -EINVAL, {.given = IPCFS_P_TYPE, .type = 'x'}},
	{"value: type NUL", V, -EINVAL, {.given = IPCFS_P_TYPE}},
	{"value: type past ASCII", V, -EINVAL, {.given = IPCFS_P_TYPE, .type = (char)200}},
	{"value: number with len", V, -EINVAL,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'i', .len = 1}},
	{"value: string", V, 0, {.given = IPCFS_P_TYPE, .type = 's'}},
	{"value: string of 0", V, -ERANGE, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's'}},
	{"value: string of 1", V, 0,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 1}},
	{"value: string largest", V, 0,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 65535}},
	{"value: string past it", V, -ERANGE,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 65536}},
	{"value: capacity", V, -EINVAL, {.given = IPCFS_P_TYPE | IPCFS_P_CAPACITY, .type = 'i'}},
	{"array: nothing", A, -EINVAL, {.given = 0}},
	{"array: no len", A, -EINVAL, {.given = IPCFS_P_TYPE, .type = 'i'}},
	{"array: no type", A, -EINVAL, {.given = IPCFS_P_LEN, .len = 1}},
	{"array: len 0", A, -ERANGE, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'i'}},
	{"array: len 1", A, 0, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'i', .len = 1}},
	{"array: bytes past the largest", A, -ERANGE,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'b', .len = G32 + 1}},
	{"array: doubles past it", A, -ERANGE,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'd', .len = G32 / 8 + 1}},
	{"array: strings past it", A, -ERANGE,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = G32 / 255 + 1}},
	{"array: a product that wraps", A, -ERANGE,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'd', .len = UINT64_C(1) << 61}},
	{"array: strings", A, 0, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 3}},
};

static void properties_at_and_past_their_limits(void **state)
{
	(void)state;
	struct ipcfs_object *o;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const char *row = shapes[i].name;
		struct ipcfs_stat st;

		o = NULL;
		t_row(row,
		      ipcfs_open(t.store, shapes[i].kind, "shape", IPCFS_CREATE, 0600, &shapes[i].p,
				 &o),
		      shapes[i].rc);
		if (shapes[i].rc < 0) {
			t_row(row, ipcfs_unlink(t.store, shapes[i].kind, "shape"), -ENOENT);
			continue;
		}
		t_row(row, ipcfs_stat(o, &st), 0);
		t_is(st.kind, shapes[i].kind);
		t_row(row, (st.properties.given & shapes[i].p.given) == shapes[i].p.given, 1);
		/* what stat says opens it again, elsewhere too */
		struct ipcfs_store *other = t_open_store();
		struct ipcfs_object *again = NULL;

		t_row(row,
		      ipcfs_open(other, shapes[i].kind, "shape", 0, 0, &st.properties, &again), 0);
		ipcfs_close(again);
		ipcfs_store_close(other);
		ipcfs_close(o);
		t_row(row, ipcfs_unlink(t.store, shapes[i].kind, "shape"), 0);
	}
}

/* A segment of that size is not wanted here: it is enough that memory is asked for. */
static int no_memory(const char *name)
{
	return strcmp(name, "allocate") == 0 ? -ENOSPC : 0;
}

static void the_largest_arrays_are_no_error(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		char type;
		uint64_t len;
	} largest[] = {
		{.name = "bytes", .type = 'B', .len = G32},
		{.name = "doubles", .type = 'd', .len = G32 / 8},
		{.name = "strings", .type = 's', .len = G32 / 255},
	};

	ipcfs_sys_fault = no_memory;
	for (size_t i = 0; i < sizeof(largest) / sizeof(largest[0]); i++) {
		struct ipcfs_properties p = {.given = IPCFS_P_TYPE | IPCFS_P_LEN,
					     .type = largest[i].type,
					     .len = largest[i].len};
		struct ipcfs_object *o = NULL;

		t_row(largest[i].name, ipcfs_open(t.store, A, "large", IPCFS_CREATE, 0600, &p, &o),
		      -ENOSPC);
	}
	ipcfs_sys_fault = NULL;
}

static void defaults(void **state)
{
	(void)state;
	struct ipcfs_stat st;

	t_stat_of(t_object(Q, "q", NULL), &st);
	t_is(st.properties.given, IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY);
	t_is(st.properties.maxsize, 0);
	t_is(st.properties.capacity, 1 << 20);
	t_is(st.messages + st.bytes + st.changes, 0);
	t_stat_of(t_object(S, "s", NULL), &st);
	t_is(st.properties.given, IPCFS_P_VALUE | IPCFS_P_MAX);
	t_is(st.properties.value, 0);
	t_is(st.properties.max, 2147483647);
	t_is(st.value, 0);
	t_stat_of(t_object(E, "e", NULL), &st);
	t_is(st.properties.given, IPCFS_P_SET);
	t_is(st.properties.set, 0);
	t_is(st.value, 0);
	t_stat_of(t_cells(V, "v", 's', 0), &st);
	t_is(st.properties.given, IPCFS_P_TYPE | IPCFS_P_LEN);
	t_is(st.properties.len, 255);
	t_stat_of(t_cells(V, "n", 'i', 0), &st);
	t_is(st.properties.given, IPCFS_P_TYPE);
	struct ipcfs_properties p = {.given = IPCFS_P_SET, .set = true};
	t_stat_of(t_object(E, "set", &p), &st);
	t_is(st.value, 1);
}

/* What each property of an existing object is compared with. */
static const struct {
	const char *name;
	enum ipcfs_kind kind;
	int rc;
	struct ipcfs_properties p;
} matches[] = {
	{"queue: nothing", Q, 0, {.given = 0}},
	{"queue: same maxsize", Q, 0, {.given = IPCFS_P_MAXSIZE, .maxsize = 10}},
	{"queue: other maxsize", Q, -EEXIST, {.given = IPCFS_P_MAXSIZE, .maxsize = 11}},
	{"queue: maxsize 0", Q, -EEXIST, {.given = IPCFS_P_MAXSIZE}},
	{"queue: same capacity", Q, 0, {.given = IPCFS_P_CAPACITY, .capacity = 3000}},
	{"queue: other capacity", Q, -EEXIST, {.given = IPCFS_P_CAPACITY, .capacity = 2999}},
	{"queue: one of two differs", Q, -EEXIST,
	 {.given = IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY, .maxsize = 10, .capacity = 2999}},
	{"queue: not given, not compared", Q, 0, {.given = IPCFS_P_MAXSIZE, .maxsize = 10}},
	{"queue: not its own", Q, -EINVAL, {.given = IPCFS_P_TYPE, .type = 'q'}},
	{"semaphore: same value", S, 0, {.given = IPCFS_P_VALUE, .value = 3}},
	{"semaphore: value of now", S, -EEXIST, {.given = IPCFS_P_VALUE, .value = 2}},
	{"semaphore: same max", S, 0, {.given = IPCFS_P_MAX, .max = 10}},
	{"semaphore: other max", S, -EEXIST, {.given = IPCFS_P_MAX, .max = 11}},
	{"semaphore: not its own", S, -EINVAL, {.given = IPCFS_P_CAPACITY, .capacity = 3000}},
	{"event: as created", E, 0, {.given = IPCFS_P_SET}},
	{"event: as now", E, -EEXIST, {.given = IPCFS_P_SET, .set = true}},
	{"event: not its own", E, -EINVAL, {.given = IPCFS_P_MAX, .max = 1}},
	{"value: same type", V, 0, {.given = IPCFS_P_TYPE, .type = 's'}},
	{"value: other type", V, -EEXIST, {.given = IPCFS_P_TYPE, .type = 'i'}},
	{"value: same len", V, 0, {.given = IPCFS_P_LEN, .len = 20}},
	{"value: other len", V, -EEXIST, {.given = IPCFS_P_LEN, .len = 21}},
	{"value: not its own", V, -EINVAL, {.given = IPCFS_P_SET}},
	{"array: same", A, 0, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'q', .len = 100}},
	{"array: other type", A, -EEXIST, {.given = IPCFS_P_TYPE, .type = 'Q'}},
	{"array: other len", A, -EEXIST, {.given = IPCFS_P_LEN, .len = 99}},
	{"array: not its own", A, -EINVAL, {.given = IPCFS_P_MAXSIZE}},
};

static void properties_of_what_exists_are_compared(void **state)
{
	(void)state;
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++)
		t_any(kind, "is");
	t_is(ipcfs_semaphore_acquire(t.objects[S], 1, 0), 0);
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
		for (int flags = 0; flags <= IPCFS_CREATE; flags += IPCFS_CREATE) {
			struct ipcfs_object *o = NULL;

			t_row(matches[i].name,
			      ipcfs_open(t.store, matches[i].kind, "is", flags, 0600, &matches[i].p,
					 &o),
			      matches[i].rc);
			t_check(o == (matches[i].rc ? NULL : t.objects[matches[i].kind]));
			ipcfs_close(o);
		}
}

static void a_number_has_no_len(void **state)
{
	(void)state;
	struct ipcfs_properties p = {.given = IPCFS_P_LEN, .len = 1};
	struct ipcfs_object *o = NULL;

	t_cells(V, "n", 'i', 0);
	t_check(ipcfs_open(t.store, V, "n", 0, 0, &p, &o) < 0);
}

static void excl(void **state)
{
	(void)state;
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++) {
		struct ipcfs_properties p = {.given = 0};
		struct ipcfs_object *o = NULL;

		if (kind == V || kind == A)
			p.given = IPCFS_P_TYPE;
		if (kind == A)
			p.given |= IPCFS_P_LEN;
		p.type = 'd';
		p.len = 3;
		t_is(ipcfs_open(t.store, kind, "x", 0, 0, &p, &o), -ENOENT);
		t_is(ipcfs_open(t.store, kind, "x", IPCFS_EXCL, 0, &p, &o), -ENOENT);
		t_is(ipcfs_open(t.store, kind, "x", IPCFS_CREATE | IPCFS_EXCL, 0600, &p, &o), 0);
		t_check(o != NULL);
		ipcfs_close(o);
		o = NULL;
		t_is(ipcfs_open(t.store, kind, "x", IPCFS_CREATE | IPCFS_EXCL, 0600, &p, &o),
		     -EEXIST);
		t_check(o == NULL);
		t_is(ipcfs_open(t.store, kind, "x", IPCFS_CREATE, 0600, &p, &o), 0);
		ipcfs_close(o);
		t_is(ipcfs_unlink(t.store, kind, "x"), 0);
		t_is(ipcfs_unlink(t.store, kind, "x"), -ENOENT);
	}
}

static void opens_of_one_object_share_an_attachment(void **state)
{
	(void)state;
	struct ipcfs_object *a = t_any(Q, "one"), *b = NULL, *c = NULL;
	int mapped = t_mappings();

	for (int i = 0; i < 100; i++) {
		t_is(ipcfs_open(t.store, Q, "one", 0, 0, NULL, &b), 0);
		t_check(a == b);
	}
	t_is(t_mappings(), mapped);
	for (int i = 0; i < 100; i++)
		ipcfs_close(b);
	t_is(t_mappings(), mapped);
	t_is(ipcfs_queue_put(a, "x", 1, 0), 0);
	/* another handle of the store has one of its own */
	struct ipcfs_store *other = t_open_store();
	t_is(ipcfs_open(other, Q, "one", 0, 0, NULL, &c), 0);
	t_check(c != a);
	t_is(ipcfs_queue_put(c, "x", 1, 0), 0);
	ipcfs_close(c);
	ipcfs_store_close(other);
	ipcfs_close(NULL);
	t_is(t_mappings(), mapped);
}

/* ---- modes ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	mode_t mask, mode, taking, other;
} modes[] = {
	{.name = "022", .mask = 022, .mode = 0666, .taking = 0600, .other = 0644},
	{.name = "002", .mask = 002, .mode = 0666, .taking = 0660, .other = 0664},
	{.name = "0", .mask = 0, .mode = 0666, .taking = 0666, .other = 0666},
	{.name = "077", .mask = 077, .mode = 0666, .taking = 0600, .other = 0600},
	{.name = "read alone", .mask = 0, .mode = 0644, .taking = 0600, .other = 0644},
	{.name = "write for others", .mask = 0, .mode = 0622, .taking = 0622, .other = 0622},
	{.name = "more than there is", .mask = 0, .mode = 07777, .taking = 0777, .other = 0777},
	{.name = "nothing", .mask = 0, .mode = 0, .taking = 0, .other = 0},
};

static void modes_by_umask(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++) {
			struct ipcfs_properties p = {.given = IPCFS_P_TYPE, .type = 'i', .len = 2};
			struct ipcfs_object *o = NULL;
			struct stat st;
			bool taking = kind == Q || kind == S;
			mode_t mask;
			int rc;

			if (kind == A)
				p.given |= IPCFS_P_LEN;
			else if (kind != V)
				p.given = 0;
			mask = umask(modes[i].mask);
			rc = ipcfs_open(t.store, kind, "m", IPCFS_CREATE, modes[i].mode, &p, &o);
			umask(mask);
			t_row(modes[i].name, rc, 0);
			ipcfs_close(o);
			t_is(stat(t_path("%s/m", ipcfs_kind_name(kind)), &st), 0);
			t_row(modes[i].name, st.st_mode & 07777,
			      taking ? modes[i].taking : modes[i].other);
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

static void both_permissions_are_needed(void **state)
{
	(void)state;
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

static void removal_is_for_owners(void **state)
{
	(void)state;
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
static void removal_in_a_folder_one_may_not_write(void **state)
{
	(void)state;
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

static void links_lead_nowhere(void **state)
{
	(void)state;
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

static void folders_and_lists(void **state)
{
	(void)state;
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

static void a_folder_has_the_mode_asked_for(void **state)
{
	(void)state;
	struct stat st;
	mode_t mask = umask(022);
	int rc = ipcfs_mkdir(t.store, Q, "folder", 0777);

	umask(mask);
	t_is(rc, 0);
	t_is(stat(t_path("queues/folder"), &st), 0);
	t_is(st.st_mode & 0777, 0755);
}

/* ---- removal ----------------------------------------------------------------------------------- */

/* A call of each kind on an object. */
static long use(struct ipcfs_object *o)
{
	uint64_t n;
	char buf[1000];

	switch (o->kind) {
	case IPCFS_QUEUE:
		return ipcfs_queue_put(o, "x", 1, 0);
	case IPCFS_SEMAPHORE:
		return ipcfs_semaphore_release(o, 1);
	case IPCFS_EVENT:
		return ipcfs_event_set(o);
	case IPCFS_VALUE:
		return ipcfs_value_set(o, "x", 1);
	default:
		return ipcfs_array_get(o, 0, 1, buf, sizeof(buf), &n) == 8 ? 0 : -EIDRM;
	}
}

static void later_calls_get_eidrm(void **state)
{
	(void)state;
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "gone"), *new = NULL;
		struct ipcfs_stat st;
		uint64_t changes = 0;

		t_is(use(o), 0);
		t_is(ipcfs_unlink(t.store, kind, "gone"), 0);
		t_is(use(o), -EIDRM);
		t_is(ipcfs_stat(o, &st), -EIDRM);
		t_is(ipcfs_wait_change(o, &changes, 0), -EIDRM);
		t_is(ipcfs_open(t.store, kind, "gone", 0, 0, NULL, &new), -ENOENT);
		/* another one of that name has nothing to do with it */
		new = t_any(kind, "gone");
		t_check(new != o);
		t_is(use(new), 0);
		t_is(use(o), -EIDRM);
	}
	char buf[8];

	t_is(ipcfs_queue_get(t.objects[0], buf, 8, IPCFS_FOREVER), -EIDRM);
	t_is(ipcfs_queue_peek(t.objects[0], buf, 8), -EIDRM);
	t_is(ipcfs_queue_clear(t.objects[0]), -EIDRM);
}

struct waiter {
	int which;
	enum ipcfs_kind kind; /* which object it opens */
	_Atomic pid_t tid;
	_Atomic int result;
	struct ipcfs_object *o;
};

/* Five ways to wait for something that never comes. */
static const struct {
	const char *name;
	enum ipcfs_kind kind;
} waits[] = {
	{.name = "get", .kind = Q},    {.name = "put", .kind = Q},	{.name = "acquire", .kind = S},
	{.name = "event", .kind = E},  {.name = "change", .kind = V}, {.name = "change", .kind = A},
	{.name = "put_many", .kind = Q}, {.name = "get_many", .kind = Q},
};
enum { WAITS = sizeof(waits) / sizeof(waits[0]) };

static const char *wait_name(int which)
{
	static __thread char name[16];

	snprintf(name, sizeof(name), "w%d", which);
	return name;
}

static struct ipcfs_object *make_waited(int which)
{
	struct ipcfs_object *o;
	const char *name = wait_name(which);

	switch (waits[which].kind) {
	case IPCFS_QUEUE:
		o = t_queue(name, 1, 10);
		if (waits[which].name[0] == 'p')
			t_is(ipcfs_queue_put(o, "full", 4, 0), 0);
		return o;
	case IPCFS_VALUE:
	case IPCFS_ARRAY:
		return t_cells(waits[which].kind, name, 'i', waits[which].kind == A ? 4 : 0);
	default:
		return t_object(waits[which].kind, name, NULL);
	}
}

static int wait_for_ever(struct ipcfs_object *o, const char *how)
{
	uint64_t changes = 0;
	char buf[16];
	struct iovec v = {.iov_base = buf, .iov_len = sizeof(buf)};
	struct ipcfs_stat st;

	if (strcmp(how, "get") == 0)
		return (int)ipcfs_queue_get(o, buf, sizeof(buf), IPCFS_FOREVER);
	if (strcmp(how, "put") == 0)
		return ipcfs_queue_put(o, "x", 1, IPCFS_FOREVER);
	if (strcmp(how, "put_many") == 0)
		return ipcfs_queue_put_many(o, &(struct iovec){.iov_base = "x", .iov_len = 1}, 1,
					    IPCFS_FOREVER);
	if (strcmp(how, "get_many") == 0)
		return ipcfs_queue_get_many(o, &v, 1, IPCFS_FOREVER);
	if (strcmp(how, "acquire") == 0)
		return ipcfs_semaphore_acquire(o, 1, IPCFS_FOREVER);
	if (strcmp(how, "event") == 0)
		return ipcfs_event_wait(o, IPCFS_FOREVER);
	ipcfs_stat(o, &st);
	changes = st.changes;
	return ipcfs_wait_change(o, &changes, IPCFS_FOREVER);
}

static void *waiting_thread(void *arg)
{
	struct waiter *w = arg;

	w->tid = (pid_t)syscall(SYS_gettid);
	w->result = wait_for_ever(w->o, waits[w->which].name);
	return NULL;
}

static int waiting_child(void *arg)
{
	struct waiter *w = arg;
	struct ipcfs_store *store = t_open_store();

	t_is(ipcfs_open(store, waits[w->which].kind, wait_name(w->which), 0, 0, NULL, &w->o), 0);
	waiting_thread(w);
	return 0;
}

static void waiters_in_threads_and_processes_get_eidrm(void **state)
{
	(void)state;
	struct waiter *thread = t_shared(sizeof(struct waiter[2 * WAITS])), *child = thread + WAITS;
	pthread_t threads[WAITS];
	pid_t pids[WAITS];

	for (int i = 0; i < WAITS; i++) {
		thread[i].which = child[i].which = i;
		thread[i].o = make_waited(i);
		pids[i] = t_fork(waiting_child, &child[i]);
	}
	for (int i = 0; i < WAITS; i++)
		t_is(pthread_create(&threads[i], NULL, waiting_thread, &thread[i]), 0);
	for (int i = 0; i < 2 * WAITS; i++)
		t_until(thread[i].tid && t_asleep(thread[i].tid));
	for (int i = 0; i < WAITS; i++)
		t_is(ipcfs_unlink(t.store, waits[i].kind, wait_name(i)), 0);
	for (int i = 0; i < WAITS; i++) {
		pthread_join(threads[i], NULL);
		t_row(waits[i].name, thread[i].result, -EIDRM);
		t_is(t_wait(pids[i]), 0);
		t_row(waits[i].name, child[i].result, -EIDRM);
	}
	munmap(thread, sizeof(struct waiter[2 * WAITS]));
}

/* The label says so, and who attaches anew is refused; who is attached already never reads it. */
static void waiters_on_a_damaged_segment_get_eidrm(void **state)
{
	(void)state;
	struct waiter *w = t_shared(sizeof(*w));
	struct ipcfs_store *other = t_open_store();
	struct ipcfs_object *o = NULL;
	int fd;
	pid_t pid;

	w->which = 0;
	t_is(ipcfs_open(t.store, Q, "w0", IPCFS_CREATE, 0600, NULL, &o), 0);
	fd = t_file(Q, "w0");
	pid = t_fork(waiting_child, w);
	t_until(w->tid && t_asleep(w->tid));
	ipcfs_close(o); /* so that removal has to attach */
	t_is(pwrite(fd, "DAMAGE", 6, 0), 6);
	close(fd);
	t_is(ipcfs_open(other, Q, "w0", 0, 0, NULL, &o), -EUCLEAN);
	t_is(ipcfs_unlink(other, Q, "w0"), 0);
	t_is(t_wait(pid), 0);
	t_check(w->result == -EIDRM || w->result == -EUCLEAN);
	ipcfs_store_close(other);
	munmap(w, sizeof(*w));
}

static void a_damaged_segment_can_be_removed(void **state)
{
	(void)state;
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++)
		for (int attached = 0; attached < 2; attached++)
			for (int how = 0; how < 4; how++) {
				struct ipcfs_object *o = t_any(kind, "bad"), *new = NULL;
				int fd = t_file(kind, "bad");
				char rubbish[4096];

				memset(rubbish, 0xa5, sizeof(rubbish));
				if (!attached)
					ipcfs_close(t.objects[--t.object_count]);
				if (how == 0)
					t_is(pwrite(fd, rubbish, 4096, 0), 4096);
				else if (how == 1)
					t_is(ftruncate(fd, 0), 0);
				else if (how == 2)
					t_is(ftruncate(fd, 100), 0);
				else if (attached)
					atomic_fetch_or(&o->control->state, SEG_DAMAGED);
				close(fd);
				t_is(ipcfs_unlink(t.store, kind, "bad"), 0);
				t_is(ipcfs_open(t.store, kind, "bad", 0, 0, NULL, &new), -ENOENT);
				if (attached) {
					t_check(use(o) < 0);
					ipcfs_close(t.objects[--t.object_count]);
				}
			}
}

static void a_removal_begun_by_the_dead_is_finished(void **state)
{
	(void)state;
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "half"), *new = NULL;

		atomic_fetch_or(&o->control->state, SEG_REMOVED);
		t_is(access(t_path("%s/half", ipcfs_kind_name(kind)), F_OK), 0);
		t_is(ipcfs_open(t.store, kind, "half", 0, 0, NULL, &new), -ENOENT);
		t_check(access(t_path("%s/half", ipcfs_kind_name(kind)), F_OK) < 0);
		o = t_any(kind, "half");
		atomic_fetch_or(&o->control->state, SEG_REMOVED);
		new = t_any(kind, "half"); /* creation makes a new one at once */
		t_check(new != o);
		t_is(use(new), 0);
		atomic_fetch_or(&new->control->state, SEG_REMOVED);
		t_is(ipcfs_unlink(t.store, kind, "half"), 0);
	}
}

/* The same for somebody who may open it but not remove the name. */
static void a_half_removed_object_of_another_is_absent(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	struct ipcfs_object *o = event("half", 0666);

	atomic_fetch_or(&o->control->state, SEG_REMOVED);
	t_is(t_as(T_NOBODY, try_open, "half"), ENOENT);
}

static void what_is_no_segment_can_be_removed(void **state)
{
	(void)state;
	struct ipcfs_object *o = NULL;

	t_is(mkfifo(t_path("events/fifo"), 0600), 0);
	t_is(mknod(t_path("events/socket"), S_IFSOCK | 0600, 0), 0);
	t_is(symlink("nowhere", t_path("events/link")), 0);
	close(open(t_path("events/empty"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	static const char *const all[] = {"fifo", "socket", "link", "empty"};
	for (int i = 0; i < 4; i++) {
		t_row(all[i], ipcfs_open(t.store, E, all[i], 0, 0, NULL, &o), -EUCLEAN);
		t_row(all[i], ipcfs_open(t.store, E, all[i], IPCFS_CREATE, 0600, NULL, &o),
		      -EUCLEAN);
		t_row(all[i], ipcfs_unlink(t.store, E, all[i]), 0);
		t_row(all[i], ipcfs_open(t.store, E, all[i], 0, 0, NULL, &o), -ENOENT);
	}
}

/* ---- creation is complete or absent -------------------------------------------------------------- */

static struct {
	struct ipcfs_store *store; /* of the onlooker */
	enum ipcfs_kind kind;
	int calls, absent, whole;
	bool busy;
} onlooker;

/* Before each system call of a creation: is the name there, and is it a whole object then? */
static int look_on(const char *name)
{
	struct ipcfs_object *o = NULL;

	(void)name;
	if (onlooker.busy)
		return 0;
	onlooker.busy = true;
	onlooker.calls++;
	int rc = ipcfs_open(onlooker.store, onlooker.kind, "slow", 0, 0, NULL, &o);
	if (rc == 0) {
		t_is(use(o), 0);
		ipcfs_close(o);
		onlooker.whole++;
	} else {
		t_is(rc, -ENOENT);
		onlooker.absent++;
	}
	onlooker.busy = false;
	return 0;
}

static void creation_is_complete_or_absent(void **state)
{
	(void)state;
	onlooker.store = t_open_store();
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++) {
		struct ipcfs_properties p = {
			.given = kind == A   ? IPCFS_P_TYPE | IPCFS_P_LEN :
				 kind == V ? IPCFS_P_TYPE :
					     0,
			.type = kind == V ? 's' : 'q',
			.len = 100,
		};
		struct ipcfs_object *o = NULL;

		onlooker.kind = kind;
		onlooker.calls = onlooker.absent = onlooker.whole = 0;
		ipcfs_sys_fault = look_on;
		int rc = ipcfs_open(t.store, kind, "slow", IPCFS_CREATE, 0600, &p, &o);
		ipcfs_sys_fault = NULL;
		t_is(rc, 0);
		t_check(onlooker.calls > 5 && onlooker.absent > 3 && onlooker.whole > 0);
		t_is(use(o), 0);
		ipcfs_close(o);
		struct found f = {.n = 0};
		t_is(ipcfs_list(t.store, kind, NULL, note, &f), 0);
		t_is(f.n, 1); /* and nothing else was made */
	}
	ipcfs_store_close(onlooker.store);
}

enum { CREATORS = 8 };

struct race {
	_Atomic int ready, go, made, exists, other;
	_Atomic int seen[CREATORS];
	int rounds;
};

static void create_all(struct ipcfs_store *store, struct race *race, int flags)
{
	char name[32];

	for (int i = 0; i < race->rounds; i++) {
		struct ipcfs_object *o = NULL;

		race->ready++;
		while (race->go <= i)
			sched_yield();
		snprintf(name, sizeof(name), "race%d", i);
		int rc = ipcfs_open(store, i % 2 ? S : Q, name, flags, 0600, NULL, &o);
		if (rc == 0)
			race->made++;
		else if (rc == -EEXIST)
			race->exists++;
		else
			race->other = rc;
		if (rc == 0 && i % 2)
			t_is(ipcfs_semaphore_release(o, 1), 0);
		else if (rc == 0)
			t_is(ipcfs_queue_put(o, "x", 1, 0), 0);
		ipcfs_close(o);
	}
}

static int creating_child(void *arg)
{
	create_all(t_open_store(), arg, IPCFS_CREATE | IPCFS_EXCL);
	return 0;
}

static int opening_child(void *arg)
{
	create_all(t_open_store(), arg, IPCFS_CREATE);
	return 0;
}

static void *creating_thread(void *arg)
{
	create_all(t.store, arg, IPCFS_CREATE | IPCFS_EXCL);
	return NULL;
}

static void start_rounds(struct race *race, int runners)
{
	for (int i = 0; i < race->rounds; i++) {
		t_until(race->ready == (i + 1) * runners);
		race->go = i + 1;
	}
}

static void eight_processes_create_one_name(void **state)
{
	(void)state;
	struct race *race = t_shared(sizeof(*race));
	pid_t pids[CREATORS];

	race->rounds = t_count(200);
	for (int i = 0; i < CREATORS; i++)
		pids[i] = t_fork(creating_child, race);
	start_rounds(race, CREATORS);
	for (int i = 0; i < CREATORS; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(race->other, 0);
	t_is(race->made, race->rounds);
	t_is(race->exists, (CREATORS - 1) * race->rounds);
	munmap(race, sizeof(*race));
}

static void two_threads_create_one_name(void **state)
{
	(void)state;
	struct race *race = t_shared(sizeof(*race));
	pthread_t threads[2];

	race->rounds = t_count(200);
	for (int i = 0; i < 2; i++)
		t_is(pthread_create(&threads[i], NULL, creating_thread, race), 0);
	start_rounds(race, 2);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	t_is(race->other, 0);
	t_is(race->made, race->rounds);
	t_is(race->exists, race->rounds);
	munmap(race, sizeof(*race));
}

/* Without EXCL all of them get it, and it is one object. */
static void eight_processes_open_or_create_one_name(void **state)
{
	(void)state;
	struct race *race = t_shared(sizeof(*race));
	pid_t pids[CREATORS];
	char name[32];

	race->rounds = t_count(200);
	for (int i = 0; i < CREATORS; i++)
		pids[i] = t_fork(opening_child, race);
	start_rounds(race, CREATORS);
	for (int i = 0; i < CREATORS; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(race->other, 0);
	t_is(race->made, CREATORS * race->rounds);
	for (int i = 0; i < race->rounds; i++) {
		struct ipcfs_object *o = NULL;
		struct ipcfs_stat st;

		snprintf(name, sizeof(name), "race%d", i);
		t_is(ipcfs_open(t.store, i % 2 ? S : Q, name, 0, 0, NULL, &o), 0);
		t_stat_of(o, &st);
		t_is(i % 2 ? st.value : st.messages, CREATORS);
		ipcfs_close(o);
	}
	munmap(race, sizeof(*race));
}

/* One name is made and removed again and again: no other answers than the documented ones. */
struct churn {
	_Atomic int rounds, opened, absent, other;
};

static int churning_child(void *arg)
{
	struct churn *churn = arg;
	struct ipcfs_store *store = t_open_store();

	while (churn->rounds-- > 0) {
		struct ipcfs_object *o = NULL;
		int rc = ipcfs_open(store, E, "churn", IPCFS_CREATE, 0600, NULL, &o);

		if (rc == 0) {
			int used = ipcfs_event_set(o);

			if (used != 0 && used != -EIDRM)
				churn->other = used;
			churn->opened++;
			ipcfs_close(o);
		} else {
			churn->other = rc;
		}
		rc = ipcfs_unlink(store, E, "churn");
		if (rc != 0 && rc != -ENOENT)
			churn->other = rc;
		churn->absent += rc == -ENOENT;
	}
	return 0;
}

static void made_and_removed_again_and_again(void **state)
{
	(void)state;
	struct churn *churn = t_shared(sizeof(*churn));
	struct ipcfs_object *o = NULL;
	pid_t pids[4];

	churn->rounds = t_count(10000);
	for (int i = 0; i < 4; i++)
		pids[i] = t_fork(churning_child, churn);
	for (int i = 0; i < 4; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(churn->other, 0);
	t_check(churn->opened > 0);
	t_is(ipcfs_open(t.store, E, "churn", 0, 0, NULL, &o), -ENOENT);
	t_is(t_lines("/proc/self/mounts", "no such line"), 0);
	munmap(churn, sizeof(*churn));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_store_is_made_where_its_parent_is),
		T_TEST(the_umask_does_not_narrow_the_stores_folders),
		T_TEST(a_store_is_a_folder_in_a_tmpfs),
		T_TEST(a_strangers_folder_is_refused),
		T_TEST(a_folder_below_a_closed_one),
		T_TEST(the_environment_names_the_store),
		T_TEST(without_a_name_it_is_roots_or_ones_own),
		T_TEST(the_working_folder_may_change),
		T_TEST(names_are_checked_alike_by_all_calls),
		T_TEST(a_name_of_1024_bytes_works),
		T_TEST(no_such_kind_and_wrong_flags),
		T_TEST(deadlines_from_durations),
		T_TEST(properties_at_and_past_their_limits),
		T_TEST(the_largest_arrays_are_no_error),
		T_TEST(defaults),
		T_TEST(properties_of_what_exists_are_compared),
		T_TEST(a_number_has_no_len),
		T_TEST(excl),
		T_TEST(opens_of_one_object_share_an_attachment),
		T_TEST(modes_by_umask),
		T_TEST(both_permissions_are_needed),
		T_TEST(removal_is_for_owners),
		T_TEST(removal_in_a_folder_one_may_not_write),
		T_TEST(links_lead_nowhere),
		T_TEST(folders_and_lists),
		T_TEST(a_folder_has_the_mode_asked_for),
		T_TEST(later_calls_get_eidrm),
		T_TEST(waiters_in_threads_and_processes_get_eidrm),
		T_TEST(waiters_on_a_damaged_segment_get_eidrm),
		T_TEST(a_damaged_segment_can_be_removed),
		T_TEST(a_removal_begun_by_the_dead_is_finished),
		T_TEST(a_half_removed_object_of_another_is_absent),
		T_TEST(what_is_no_segment_can_be_removed),
		T_TEST(creation_is_complete_or_absent),
		T_TEST(eight_processes_create_one_name),
		T_TEST(two_threads_create_one_name),
		T_TEST(eight_processes_open_or_create_one_name),
		T_TEST(made_and_removed_again_and_again),
	};

	return T_RUN(tests);
}
