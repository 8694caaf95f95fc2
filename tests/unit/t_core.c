/* SPDX-License-Identifier: MIT
 *
 * t_core.c - the harness of the unit tests: see t_core.h.
 */
#include "t_core.h"

#include <ftw.h>
#include <stdarg.h>

struct t_state t;

int t_count(int n)
{
	const char *text = getenv("LONG");

#if defined(IPCFS_VALGRIND)
	n = n / 20 + 1;
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	n = n / 5 + 1;
#endif
	return text && *text && strcmp(text, "0") != 0 ? n * 10 : n;
}

#if defined(__SANITIZE_THREAD__)
/* libtsan 12 does not know this call, and would tell of an unlock of what never was locked. */
int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until)
{
	struct timespec now;

	for (;;) {
		int rc = pthread_mutex_trylock(mutex);

		clock_gettime(clock, &now);
		if (rc != EBUSY)
			return rc;
		if (now.tv_sec > until->tv_sec ||
		    (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec))
			return ETIMEDOUT;
		usleep(100);
	}
}
#endif

static void clean(void);

/* ---- results ----------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4), noreturn)) void t_fail_(const char *file, int line,
							     const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (getpid() != t.main) { /* a child: cmocka's state is not ours */
		fprintf(stderr, "%s:%d: in a child: %s\n", file, line, text);
		_exit(99);
	}
	if (syscall(SYS_gettid) != getpid()) {
		fprintf(stderr, "%s:%d: in a thread: %s\n", file, line, text);
		clean();
		_exit(99);
	}
	print_error("%s:%d: %s\n", file, line, text);
	_fail(file, line);
	abort(); /* not reached */
}

const char *t_result(long result)
{
	static __thread char texts[4][32];
	static __thread unsigned next;
	const char *name = result < 0 ? strerrorname_np((int)-result) : NULL;
	char *text = texts[next++ % 4];

	if (name)
		snprintf(text, 32, "-%s", name);
	else
		snprintf(text, 32, "%ld", result);
	return text;
}

void t_is_(const char *what, const char *row, long got, long want, const char *file, int line)
{
	if (got != want)
		t_fail_(file, line, "%s%s%s is %s, not %s", row, *row ? ": " : "", what,
			t_result(got), t_result(want));
}

int64_t t_now_ms(void)
{
	return sys_now_ns() / T_MS;
}

/* ---- random numbers ---------------------------------------------------------------------------- */

uint64_t t_random_of(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t t_random(void)
{
	return t_random_of(&t.seed);
}

uint64_t t_below(uint64_t n)
{
	return t_random() % n;
}

/* ---- what a test may leave behind -------------------------------------------------------------- */

int t_lines(const char *path, const char *with)
{
	char line[4600];
	FILE *file = fopen(path, "re");
	int n = 0;

	if (!file)
		t_fail("%s: %s", path, t_result(-errno));
	while (fgets(line, sizeof(line), file))
		n += strstr(line, with) != NULL;
	fclose(file);
	return n;
}

int t_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1100; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

int t_mappings(void)
{
	struct stat st;
	char device[32];

	if (stat(t.dir, &st) < 0)
		t_fail("no store");
	snprintf(device, sizeof(device), " %02x:%02x ", (unsigned)(st.st_dev >> 8) & 0xfff,
		 (unsigned)st.st_dev & 0xff);
	return t_lines("/proc/self/maps", device);
}

__attribute__((format(printf, 1, 2))) const char *t_path(const char *format, ...)
{
	static __thread char paths[4][1400];
	static __thread unsigned next;
	char *path = paths[next++ % 4];
	int n = snprintf(path, sizeof(paths[0]), "%s/", t.dir);
	va_list args;

	va_start(args, format);
	vsnprintf(path + n, sizeof(paths[0]) - (size_t)n, format, args);
	va_end(args);
	return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	remove(path);
	return 0;
}

void t_remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void clean(void)
{
	if (getpid() != t.main || !t.base[0])
		return;
	t_kill_kids();
	t_remove_tree(t.base);
	t.base[0] = '\0';
}

static void too_long(int sig)
{
	(void)sig;
	fprintf(stderr, "not ok %s ended within %d s\n", t.test->name, T_TEST_S);
	clean();
	_exit(99);
}

/* ---- a store for each test --------------------------------------------------------------------- */

/* Beside the store that the runner named, and removes, else in /dev/shm. */
static void make_base(void)
{
	const char *store = getenv("IPCFS_STORE"), *end = store ? strrchr(store, '/') : NULL;
	struct stat st;
	size_t len;

	if (end && end > store)
		snprintf(t.base, sizeof(t.base), "%.*s", (int)(end - store), store);
	if (!t.base[0] || stat(t.base, &st) < 0 || strlen(t.base) > 150)
		snprintf(t.base, sizeof(t.base), "/dev/shm");
	len = strlen(t.base);
	snprintf(t.base + len, sizeof(t.base) - len, "/ipcfs-unit.XXXXXX");
	if (!mkdtemp(t.base)) {
		fprintf(stderr, "%s: %s\n", t.base, strerror(errno));
		exit(1);
	}
	chmod(t.base, 0755);
	atexit(clean);
}

struct ipcfs_store *t_open_store(void)
{
	struct ipcfs_store *store = NULL;

	t_is(ipcfs_store_open(t.dir, &store), 0);
	if (getpid() != t.main)
		t.opened[t.opened_count++ % T_OBJECTS] = store;
	return store;
}

static int begin(void **state)
{
	t.test = *state;
	snprintf(t.dir, sizeof(t.dir), "%s/%u", t.base, t.test_count++);
	t.seed = t.test_count;
	t.fds_before = t_fds();
	t.store = t_open_store();
	signal(SIGALRM, too_long);
#if defined(IPCFS_VALGRIND)
	alarm(5 * T_TEST_S);
#else
	alarm(T_TEST_S);
#endif
	return 0;
}

static int end(void **state)
{
	(void)state;
	ipcfs_sys_fault = NULL;
	t_kill_kids();
	while (t.object_count)
		ipcfs_close(t.objects[--t.object_count]);
	ipcfs_store_close(t.store);
	t.store = NULL;
	t_remove_tree(t.dir);
	alarm(0);
	if (t.calls)
		munmap(t.calls, T_CALLS * sizeof(*t.calls));
	t.calls = NULL;
	t.call_count = 0;
	if (t_fds() != t.fds_before) {
		print_error("%d descriptors were open before, %d are now\n", t.fds_before, t_fds());
		return -1;
	}
	return 0;
}

/* ---- the program ------------------------------------------------------------------------------- */

static void run(void **state)
{
	const struct t_case *test = *state;

	sigaction(SIGBUS, &t.on_sigbus, NULL);
	test->function();
}

/* The first attach installs the handler. */
static void find_handler(void)
{
	struct ipcfs_store *store = NULL;
	struct ipcfs_object *o = NULL;
	char dir[220];

	make_base();
	snprintf(dir, sizeof(dir), "%s/first", t.base);
	if (ipcfs_store_open(dir, &store) < 0 ||
	    ipcfs_open(store, IPCFS_EVENT, "e", IPCFS_CREATE, 0600, NULL, &o) < 0)
		exit(1);
	ipcfs_close(o);
	ipcfs_store_close(store);
	t_remove_tree(dir);
	sigaction(SIGBUS, NULL, &t.on_sigbus);
}

int t_main(const struct t_case *tests, size_t count)
{
	struct CMUnitTest *table = calloc(count, sizeof(*table));

	t.main = getpid();
	find_handler();
	for (size_t i = 0; table && i < count; i++)
		table[i] = (struct CMUnitTest){tests[i].name, run, begin, end,
					       (void *)(uintptr_t)&tests[i]};
	int failed = table ? _cmocka_run_group_tests("tests", table, count, NULL, NULL) : 1;
	free(table);
	return failed;
}
