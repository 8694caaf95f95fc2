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
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

struct t_state {
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
};
extern struct t_state t;

/* How much of a count this build can do: sanitizers and valgrind are slow. LONG=1: ten times more. */
int t_count(int n);

/* ---- results ----------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4), noreturn)) void t_fail_(const char *file, int line,
							     const char *format, ...);
#define t_fail(...) t_fail_(__FILE__, __LINE__, __VA_ARGS__)

/* "5", "-EAGAIN"; valid for the next few calls of this thread. */
const char *t_result(long result);

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

void t_is_(const char *what, const char *row, long got, long want, const char *file, int line);
/* The call's result: a number or -errno, printed by name. */
#define t_is(call, want) t_is_(#call, "", (long)(call), (long)(want), __FILE__, __LINE__)
/* The same in a row of a table, whose name is printed as well. */
#define t_row(row, call, want) t_is_(#call, row, (long)(call), (long)(want), __FILE__, __LINE__)
#define t_check(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			t_fail("is not so: %s", #condition);                                       \
	} while (0)

int64_t t_now_ms(void);

#define t_until(condition)                                                                         \
	do {                                                                                       \
		int64_t t_end_ms = t_now_ms() + T_LIMIT_MS;                                        \
		while (!(condition)) {                                                             \
			if (t_now_ms() > t_end_ms)                                                 \
				t_fail("never came: %s", #condition);                              \
			usleep(300);                                                               \
		}                                                                                  \
	} while (0)

/* ---- random numbers: the same in every run ----------------------------------------------------- */

uint64_t t_random_of(uint64_t *seed);
uint64_t t_random(void);
/* 0 to n - 1. */
uint64_t t_below(uint64_t n);

/* ---- children: t_child.c -------------------------------------------------------------------- */

/* Runs function(arg) in a child that exits with its result. */
pid_t t_fork(int (*function)(void *arg), void *arg);
/* Its exit status, 128 + signal. */
int t_wait(pid_t pid);
/* What becomes another user, with no rights of this one's, before it runs; root alone can do that. */
struct t_user {
	uid_t uid;
	int (*function)(void *arg);
	void *arg;
};
int t_become(void *arg);
/* t_fork of it, and t_wait. */
int t_as(uid_t uid, int (*function)(void *arg), void *arg);
/* For a child: mounts a tmpfs of its own over the folder, seen by nobody else. 0, or -errno where
 * that is not permitted. */
int t_private_tmpfs(const char *at, const char *options);
/* kill -9, and gone for good. */
void t_kill(pid_t pid);
/* All children. */
void t_kill_kids(void);
/* Until it has stopped itself. */
void t_wait_stopped(pid_t pid);
/* The thread (of any process) sleeps where core's sys_futex_wait does, and nowhere else. */
bool t_asleep(pid_t tid);
/* Memory shared with children, zeroed. */
void *t_shared(size_t bytes);

/* ---- what a test may leave behind -------------------------------------------------------------- */

/* Lines of the file that have the text. */
int t_lines(const char *path, const char *with);
/* Open descriptors of this process. */
int t_fds(void);
/* Mappings of files in the file system of the store. */
int t_mappings(void);
/* "STORE/" and the formatted rest; valid for the next few calls. */
__attribute__((format(printf, 1, 2))) const char *t_path(const char *format, ...);
void t_remove_tree(const char *path);

/* ---- a store for each test --------------------------------------------------------------------- */

/* The child's own handle of the test's store, or another one of this process. Children need not
 * close it: it is remembered, and so no leak to valgrind. */
struct ipcfs_store *t_open_store(void);

/* ---- objects: t_objects.c ---------------------------------------------------------------------- */

/* Opens, creates if need be; the test fails if it cannot. Closed at the test's end. */
struct ipcfs_object *t_object(enum ipcfs_kind kind, const char *name,
			      const struct ipcfs_properties *p);
struct ipcfs_object *t_queue(const char *name, uint64_t maxsize, uint64_t capacity);
struct ipcfs_object *t_semaphore(const char *name, uint64_t value, uint64_t max);
struct ipcfs_object *t_barrier(const char *name, uint64_t parties);
struct ipcfs_object *t_list(const char *name, uint64_t capacity);
/* A pipe or a topic. */
struct ipcfs_object *t_messages(enum ipcfs_kind kind, const char *name, uint64_t capacity);
/* len 0: not given. */
struct ipcfs_object *t_cells(enum ipcfs_kind kind, const char *name, char type, uint64_t len);
/* One object of each kind, named after it, with a little in it. */
struct ipcfs_object *t_any(enum ipcfs_kind kind, const char *name);
/* A descriptor of the segment's file. The caller closes it. */
int t_file(enum ipcfs_kind kind, const char *name);
void t_stat_of(struct ipcfs_object *o, struct ipcfs_stat *st);

/* ---- one call in a child, which can be looked at and killed while it waits: t_child.c ------- */

struct t_call *t_start(struct t_call given);
/* The same, and it waits. */
struct t_call *t_start_waiting(struct t_call given);
void t_ends_with_(struct t_call *call, long result, const char *file, int line);
#define t_ends_with(call, result) t_ends_with_(call, result, __FILE__, __LINE__)

/* ---- the program ------------------------------------------------------------------------------- */

#define T_TEST(f)                                                                                  \
	{                                                                                          \
		.name = #f, .function = f                                                          \
	}
#define T_RUN(tests) t_main(tests, sizeof(tests) / sizeof((tests)[0]))

int t_main(const struct t_case *tests, size_t count);

#endif
