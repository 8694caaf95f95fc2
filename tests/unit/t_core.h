/* SPDX-License-Identifier: MIT
 *
 * t_core.h - the harness of the unit tests: for each test a store of its own in /dev/shm, children
 * that do not outlive it, results as numbers (a count, or -errno), waiting for conditions.
 *
 * A program is a table of T_TEST(function) and, in main(), `return T_RUN(table)`. After each test its
 * children are killed, what t_object opened is closed, the store is closed and removed, and no
 * descriptor may be left over. Checks work in children and in threads too: there they end the
 * child, or the program.
 *
 * While a test runs cmocka has handlers of its own for SIGBUS and others. The library put its own there
 * once, long ago; so t_run puts it back for each test.
 */
#ifndef T_CORE_H
#define T_CORE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "object.h"
#include "sys.h"

enum {
	T_LIMIT_MS = 100000, /* a condition that has not come by then never comes */
	T_TEST_S = 280,	     /* nor does a test end that has not by then */
	T_KIDS = 256,
	T_OBJECTS = 256,
	T_CALLS = 64,	  /* t_start in one test */
	T_NOBODY = 65534, /* two users who own nothing */
	T_OTHER = 1,
};
#define T_MS INT64_C(1000000)
#define T_SECOND (1000 * T_MS)

struct t_case {
	const char *name;
	void (*function)(void);
};

#define T_UNDECIDED 12345

/* One call in a child: see t_start. */
struct t_call {
	enum ipcfs_kind kind;
	char name[16];
	long (*function)(struct ipcfs_object *o, long arg, int64_t deadline_ns);
	long arg;
	int64_t timeout_ns;
	void (*before)(void); /* in the child, may be NULL */
	pid_t pid;
	_Atomic long result; /* T_UNDECIDED until then */
};

static struct {
	pid_t main;
	const struct t_case *test;  /* the running one */
	struct sigaction on_sigbus; /* of the library */
	char base[200];		    /* all stores of this program; "": not made yet */
	char dir[220];		    /* the running test's store */
	struct ipcfs_store *store;  /* opened */
	struct ipcfs_object *objects[T_OBJECTS];
	struct ipcfs_store *volatile opened[T_OBJECTS]; /* by a child */
	unsigned object_count, opened_count, test_count;
	pid_t kids[T_KIDS];
	struct t_call *calls; /* shared with the children */
	unsigned call_count;
	int fds_before;
	uint64_t seed;
} t;

/* How much of a count this build can do: sanitizers and valgrind are slow. LONG=1: ten times more. */
static inline int t_count(int n)
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

/* ---- results ------------------------------------------------------------------------ */

static inline void t_clean(void);

__attribute__((format(printf, 3, 4), noreturn)) static inline void
t_fail_(const char *file, int line, const char *format, ...)
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
		t_clean();
		_exit(99);
	}
	print_error("%s:%d: %s\n", file, line, text);
	_fail(file, line);
	abort(); /* not reached */
}
#define t_fail(...) t_fail_(__FILE__, __LINE__, __VA_ARGS__)

/* "5", "-EAGAIN"; valid for the next few calls of this thread. */
static inline const char *t_result(long result)
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

/* Calls without a deadline give up after 100 ms where a process that has the lock does not run, as on a
 * machine with other work to do. */
#define t_again(call)                                                                              \
	({                                                                                         \
		long t_rc;                                                                         \
		do                                                                                 \
			t_rc = (long)(call);                                                       \
		while (t_rc == -EBUSY);                                                            \
		t_rc;                                                                              \
	})

static inline void t_is_(const char *what, const char *row, long got, long want, const char *file,
			 int line)
{
	if (got != want)
		t_fail_(file, line, "%s%s%s is %s, not %s", row, *row ? ": " : "", what,
			t_result(got), t_result(want));
}
/* The call's result: a number or -errno, printed by name. */
#define t_is(call, want) t_is_(#call, "", (long)(call), (long)(want), __FILE__, __LINE__)
/* The same in a row of a table, whose name is printed as well. */
#define t_row(row, call, want) t_is_(#call, row, (long)(call), (long)(want), __FILE__, __LINE__)
#define t_check(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			t_fail("is not so: %s", #condition);                                       \
	} while (0)

static inline int64_t t_now_ms(void)
{
	return sys_now_ns() / T_MS;
}

#define t_until(condition)                                                                         \
	do {                                                                                       \
		int64_t t_end_ms = t_now_ms() + T_LIMIT_MS;                                        \
		while (!(condition)) {                                                             \
			if (t_now_ms() > t_end_ms)                                                 \
				t_fail("never came: %s", #condition);                              \
			usleep(300);                                                               \
		}                                                                                  \
	} while (0)

/* ---- random numbers: the same in every run ---------------------------------------------- */

static inline uint64_t t_random_of(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline uint64_t t_random(void)
{
	return t_random_of(&t.seed);
}

/* 0 to n - 1. */
static inline uint64_t t_below(uint64_t n)
{
	return t_random() % n;
}

/* ---- children ----------------------------------------------------------------------------- */

/* Runs function(arg) in a child that exits with its result. */
static inline pid_t t_fork(int (*function)(void *arg), void *arg)
{
	pid_t pid, parent = getpid();

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		t_fail("fork: %s", t_result(-errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(98);
		_exit(function(arg));
	}
	for (int i = 0; getpid() == t.main && i < T_KIDS; i++) {
		if (t.kids[i])
			continue;
		t.kids[i] = pid;
		break;
	}
	return pid;
}

static inline void t_forget(pid_t pid)
{
	for (int i = 0; getpid() == t.main && i < T_KIDS; i++)
		if (t.kids[i] == pid)
			t.kids[i] = 0;
}

/* Its exit status, 128 + signal. */
static inline int t_wait(pid_t pid)
{
	int status = 0;

	t_until(waitpid(pid, &status, WNOHANG) == pid);
	t_forget(pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The same as another user, with no rights of this one's; root alone can do that. */
struct t_user {
	uid_t uid;
	int (*function)(void *arg);
	void *arg;
};

static inline int t_become(void *arg)
{
	struct t_user *user = arg;

	if (setgroups(0, NULL) < 0 || setresgid(user->uid, user->uid, user->uid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return 97;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* was lost with the ids */
	return user->function(user->arg);
}

static inline int t_as(uid_t uid, int (*function)(void *arg), void *arg)
{
	struct t_user user = {uid, function, arg};

	return t_wait(t_fork(t_become, &user));
}

/* For a child: mounts a tmpfs of its own over the folder, seen by nobody else. 0, or -errno where
 * that is not permitted. */
static inline int t_private_tmpfs(const char *at, const char *options)
{
	uid_t uid = geteuid();
	char map[64];
	int fd;

	if (unshare(CLONE_NEWNS) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			return -errno;
		fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
		snprintf(map, sizeof(map), "0 %u 1", uid);
		if (fd < 0 || write(fd, map, strlen(map)) < 0)
			return -errno;
		close(fd);
	}
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("ipcfs-unit", at, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
		return -errno;
	return 0;
}

/* kill -9, and gone for good. */
static inline void t_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	t_is(t_wait(pid), 128 + SIGKILL);
}

static inline void t_wait_stopped(pid_t pid)
{
	int status = 0;

	t_until(waitpid(pid, &status, WNOHANG | WUNTRACED) == pid);
	if (!WIFSTOPPED(status))
		t_forget(pid);
	t_check(WIFSTOPPED(status));
}

/* The thread (of any process) sleeps where core's sys_futex_wait does, and nowhere else. */
static inline bool t_asleep(pid_t tid)
{
	char path[64], text[128];
	unsigned long number, at, operation;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%lu %lx %lx", &number, &at, &operation) == 3 && number == SYS_futex &&
	       operation == 9; /* FUTEX_WAIT_BITSET, not private: no mutex of libc does that */
}

/* Memory shared with children, zeroed. */
static inline void *t_shared(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		t_fail("no memory");
	return at;
}

/* ---- what a test may leave behind ------------------------------------------------------------ */

static inline int t_lines(const char *path, const char *with)
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

/* Open descriptors of this process. */
static inline int t_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1100; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Mappings of files in the file system of the store. */
static inline int t_mappings(void)
{
	struct stat st;
	char device[32];

	if (stat(t.dir, &st) < 0)
		t_fail("no store");
	snprintf(device, sizeof(device), " %02x:%02x ", (unsigned)(st.st_dev >> 8) & 0xfff,
		 (unsigned)st.st_dev & 0xff);
	return t_lines("/proc/self/maps", device);
}

/* "STORE/" and the formatted rest; valid for the next few calls. */
__attribute__((format(printf, 1, 2))) static inline const char *t_path(const char *format, ...)
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

static inline int t_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	remove(path);
	return 0;
}

static inline void t_remove_tree(const char *path)
{
	nftw(path, t_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static inline void t_kill_kids(void)
{
	for (int i = 0; i < T_KIDS; i++) {
		if (!t.kids[i])
			continue;
		kill(t.kids[i], SIGKILL);
		waitpid(t.kids[i], NULL, 0);
		t.kids[i] = 0;
	}
}

static inline void t_clean(void)
{
	if (getpid() != t.main || !t.base[0])
		return;
	t_kill_kids();
	t_remove_tree(t.base);
	t.base[0] = '\0';
}

static inline void t_too_long(int sig)
{
	(void)sig;
	fprintf(stderr, "not ok %s ended within %d s\n", t.test->name, T_TEST_S);
	t_clean();
	_exit(99);
}

/* ---- a store for each test ---------------------------------------------------------------------- */

/* Beside the store that the runner named, and removes, else in /dev/shm. */
static inline void t_make_base(void)
{
	const char *store = getenv("IPCFS_STORE"), *end = store ? strrchr(store, '/') : NULL;
	struct stat st;

	if (end && end > store)
		snprintf(t.base, sizeof(t.base), "%.*s", (int)(end - store), store);
	if (!t.base[0] || stat(t.base, &st) < 0 || strlen(t.base) > 150)
		snprintf(t.base, sizeof(t.base), "/dev/shm");
	strcat(t.base, "/ipcfs-unit.XXXXXX");
	if (!mkdtemp(t.base)) {
		fprintf(stderr, "%s: %s\n", t.base, strerror(errno));
		exit(1);
	}
	chmod(t.base, 0755);
	atexit(t_clean);
}

/* The child's own handle of the test's store, or another one of this process. Children need not
 * close it: it is remembered, and so no leak to valgrind. */
static inline struct ipcfs_store *t_open_store(void)
{
	struct ipcfs_store *store = NULL;

	t_is(ipcfs_store_open(t.dir, &store), 0);
	if (getpid() != t.main)
		t.opened[t.opened_count++ % T_OBJECTS] = store;
	return store;
}

static inline int t_begin(void **state)
{
	t.test = *state;
	snprintf(t.dir, sizeof(t.dir), "%s/%u", t.base, t.test_count++);
	t.seed = t.test_count;
	t.fds_before = t_fds();
	t.store = t_open_store();
	signal(SIGALRM, t_too_long);
#if defined(IPCFS_VALGRIND)
	alarm(5 * T_TEST_S);
#else
	alarm(T_TEST_S);
#endif
	return 0;
}

static inline int t_end(void **state)
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

/* Opens, creates if need be; the test fails if it cannot. Closed at the test's end. */
static inline struct ipcfs_object *t_object(enum ipcfs_kind kind, const char *name,
					    const struct ipcfs_properties *p)
{
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(t.store, kind, name, IPCFS_CREATE, 0600, p, &o), 0);
	t_check(t.object_count < T_OBJECTS);
	t.objects[t.object_count++] = o;
	return o;
}

static inline struct ipcfs_object *t_queue(const char *name, uint64_t maxsize, uint64_t capacity)
{
	struct ipcfs_properties p = {.given = IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY,
				     .maxsize = maxsize,
				     .capacity = capacity};

	return t_object(IPCFS_QUEUE, name, &p);
}

static inline struct ipcfs_object *t_semaphore(const char *name, uint64_t value, uint64_t max)
{
	struct ipcfs_properties p = {
		.given = IPCFS_P_VALUE | IPCFS_P_MAX, .value = value, .max = max};

	return t_object(IPCFS_SEMAPHORE, name, &p);
}

static inline struct ipcfs_object *t_barrier(const char *name, uint64_t parties)
{
	struct ipcfs_properties p = {.given = IPCFS_P_PARTIES, .parties = parties};

	return t_object(IPCFS_BARRIER, name, &p);
}

static inline struct ipcfs_object *t_list(const char *name, uint64_t capacity)
{
	struct ipcfs_properties p = {.given = IPCFS_P_CAPACITY, .capacity = capacity};

	return t_object(IPCFS_LIST, name, &p);
}

/* len 0: not given. */
static inline struct ipcfs_object *t_cells(enum ipcfs_kind kind, const char *name, char type,
					   uint64_t len)
{
	struct ipcfs_properties p = {
		.given = IPCFS_P_TYPE | (len ? IPCFS_P_LEN : 0), .type = type, .len = len};

	return t_object(kind, name, &p);
}

/* One object of each kind, named after it, with a little in it. */
static inline struct ipcfs_object *t_any(enum ipcfs_kind kind, const char *name)
{
	struct ipcfs_object *o = NULL;
	int64_t numbers[100] = {1, 2, 3};

	switch (kind) {
	case IPCFS_QUEUE:
		o = t_queue(name, 10, 3000);
		t_is(ipcfs_queue_put(o, "one", 3, 0), 0);
		t_is(ipcfs_queue_put(o, "three", 5, 0), 0);
		break;
	case IPCFS_SEMAPHORE:
		o = t_semaphore(name, 3, 10);
		break;
	case IPCFS_EVENT:
		o = t_object(kind, name, NULL);
		t_is(ipcfs_event_set(o), 0);
		break;
	case IPCFS_VALUE:
		o = t_cells(kind, name, 's', 20);
		t_is(ipcfs_value_set(o, "hello", 5), 0);
		break;
	case IPCFS_ARRAY:
		o = t_cells(kind, name, 'q', 100);
		t_is(ipcfs_array_set(o, 0, 100, numbers), 0);
		break;
	case IPCFS_LOCK:
	case IPCFS_CONDITION:
		o = t_object(kind, name, NULL);
		break;
	case IPCFS_BARRIER:
		o = t_barrier(name, 3);
		break;
	case IPCFS_LIST:
		o = t_list(name, 3000);
		t_is(ipcfs_list_append(o, "one", 3), 0);
		t_is(ipcfs_list_append(o, "three", 5), 0);
		break;
	case IPCFS_DICT:
		o = t_object(
			kind, name,
			&(struct ipcfs_properties){.given = IPCFS_P_CAPACITY, .capacity = 20000});
		t_is(ipcfs_dict_set(o, "one", "1", 1), 0);
		t_is(ipcfs_dict_set(o, "two", "22", 2), 0);
		break;
	default:
		t_fail("no such kind");
	}
	return o;
}

/* A descriptor of the segment's file. The caller closes it. */
static inline int t_file(enum ipcfs_kind kind, const char *name)
{
	int fd = open(t_path("%s/%s", ipcfs_kind_name(kind), name), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		t_fail("%s: %s", name, t_result(-errno));
	return fd;
}

static inline void t_stat_of(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	t_is(ipcfs_stat(o, st), 0);
}

/* ---- one call in a child, which can be looked at and killed while it waits ------------------------- */

static inline int t_call_it(void *arg)
{
	struct t_call *call = arg;
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(store, call->kind, call->name, 0, 0, NULL, &o), 0);
	if (call->before)
		call->before();
	call->result = call->function(o, call->arg, ipcfs_after(call->timeout_ns));
	return 0;
}

static inline struct t_call *t_start(struct t_call given)
{
	struct t_call *call;

	if (!t.calls)
		t.calls = t_shared(T_CALLS * sizeof(*t.calls));
	t_check(t.call_count < T_CALLS);
	call = &t.calls[t.call_count++];
	*call = given;
	call->result = T_UNDECIDED;
	call->pid = t_fork(t_call_it, call);
	return call;
}

/* The same, and it waits. */
static inline struct t_call *t_start_waiting(struct t_call given)
{
	struct t_call *call = t_start(given);

	t_until(t_asleep(call->pid));
	return call;
}

static inline void t_ends_with_(struct t_call *call, long result, const char *file, int line)
{
	t_is_("end of the child", "", t_wait(call->pid), 0, file, line);
	t_is_("its call", "", call->result, result, file, line);
}
#define t_ends_with(call, result) t_ends_with_(call, result, __FILE__, __LINE__)

#define T_TEST(f)                                                                                  \
	{                                                                                          \
		.name = #f, .function = f                                                          \
	}
#define T_RUN(tests) t_main(tests, sizeof(tests) / sizeof((tests)[0]))

static inline void t_run(void **state)
{
	const struct t_case *test = *state;

	sigaction(SIGBUS, &t.on_sigbus, NULL);
	test->function();
}

/* The first attach installs the handler. */
static inline void t_find_handler(void)
{
	struct ipcfs_store *store = NULL;
	struct ipcfs_object *o = NULL;
	char dir[220];

	t_make_base();
	snprintf(dir, sizeof(dir), "%s/first", t.base);
	if (ipcfs_store_open(dir, &store) < 0 ||
	    ipcfs_open(store, IPCFS_EVENT, "e", IPCFS_CREATE, 0600, NULL, &o) < 0)
		exit(1);
	ipcfs_close(o);
	ipcfs_store_close(store);
	t_remove_tree(dir);
	sigaction(SIGBUS, NULL, &t.on_sigbus);
}

static inline int t_main(const struct t_case *tests, size_t count)
{
	struct CMUnitTest *table = calloc(count, sizeof(*table));

	t.main = getpid();
	t_find_handler();
	for (size_t i = 0; table && i < count; i++)
		table[i] = (struct CMUnitTest){tests[i].name, t_run, t_begin, t_end,
					       (void *)(uintptr_t)&tests[i]};
	int failed = table ? _cmocka_run_group_tests("tests", table, count, NULL, NULL) : 1;
	free(table);
	return failed;
}

#endif
