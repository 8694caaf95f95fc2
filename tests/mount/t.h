/* SPDX-License-Identifier: MIT
 *
 * t.h - the harness of the mount tests: a store and a mount of its own for each program, children
 * that never outlive it, results as numbers (a count, or -errno), waiting for conditions.
 *
 * A test program is a table of T_TEST(function) and, in main(), `return T_RUN(table, argc, argv)`.
 * The mount is made before the first test, all is removed after the last one, however the program ends: a
 * guard process outlives it, kills its children, unmounts, removes the folder. The guard also
 * ends a test that takes longer than its limit, by killing the server: calls that hang in
 * the mount come back then, the test fails and the next one gets a new mount.
 *
 * Environment: IPCFS (build/ipcfs), LONG=1 (full counts), T_KEEP=1 (keep the folder). An
 * argument is a pattern of names of tests to run. Exit 77: not root, or no /dev/fuse.
 */
#ifndef T_H
#define T_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/ipcfs.h"

enum {
	T_LIMIT_MS = 100000,  /* a condition that has not come by then never comes */
	T_AT_ONCE_MS = 60000, /* what "answers at once", not hangs, may take on a busy machine */
	T_HANG_S = 60,	      /* the same in seconds, for t_limit around a call that may hang */
	T_TEST_S = 240,	      /* a test that has not ended by then never ends */
	T_TEXT = 1 << 16,     /* bytes of the longest text that t_cat and t_run keep */
	T_MSG_MAX = (1 << 20) - 4096, /* the largest write through a file */
	T_NOBODY = 65534,	      /* two users who own nothing */
	T_OTHER = 1,
};

#define T_TEST(f)                                                                                  \
	{                                                                                          \
#f, f, t_begin, t_end, (void *)#f                                                  \
	}
#define T_RUN(tests, argc, argv) t_main(tests, sizeof(tests) / sizeof(*(tests)), argc, argv)

int t_main(const struct CMUnitTest *tests, size_t count, int argc, char **argv);
int t_begin(void **state);
int t_end(void **state);

/* Allows the running test that many seconds (T_TEST_S if not called). */
void t_limit(int seconds);
/* The full counts are asked for. */
bool t_long(void);
int t_count(int in_short, int in_long);

/* ---- the mount ---- */
extern char t_base[128];   /* folder of all that follows, mode 0755 */
extern char t_mnt[160];	   /* the mount point */
extern char t_store[160];  /* the store's folder */
extern char t_ipcfs[4096]; /* the command */

/* Mounts t_store with more options ("max_objects=10", NULL: none); fails the test if it cannot. */
void t_mount(const char *options);
/* The same; gives the exit status, the command's words in *words (T_TEXT bytes, may be NULL). */
int t_try_mount(const char *store, const char *mnt, const char *options, char *words);
/* umount --force, and the end of the server. */
void t_umount(void);
/* kill -9, umount -l, and mount again with the same options. */
void t_restart(void);
void t_kill_server(void);
pid_t t_server(void); /* pid from /status */
/* The number behind "key " in a text of `key value` lines: -ENODATA if there is none. */
long t_number(const char *text, const char *key);
long t_status(const char *key); /* of /status */
/* A line of /errors, as root sees it, has both texts. */
bool t_errors_say(const char *words, const char *path);
/* Memory of the server in bytes: anonymous pages. */
long t_server_memory(void);

/* ---- paths ---- */
/* "MNT/" and the formatted rest; "STORE/" likewise. Texts are valid until the end of the test. */
const char *t_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *t_in_store(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *t_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- calls: a count or -errno ---- */
long t_sys(long result);		 /* result, or -errno if that is negative */
int t_open(const char *path, int flags); /* mode 0666 */
long t_get(int fd, void *buf, size_t size);
long t_put(int fd, const char *text);
/* As `echo -n text > path` does it: O_WRONLY|O_CREAT|O_TRUNC, one write, close; 0 or -errno. */
long t_echo(const char *path, const char *text);
long t_echo_bytes(const char *path, const void *bytes, size_t len);
/* As cat does it: O_RDONLY, reads to the end of file. Bytes or -errno; adds a NUL. */
long t_cat(const char *path, char *buf, size_t size);
long t_touch(const char *path);	 /* O_WRONLY|O_CREAT, close */
long t_exists(const char *path); /* 0 or -errno, of lstat */
/* revents, 0 when nothing came in time. */
int t_poll(int fd, short events, int timeout_ms);
int64_t t_now_ms(void);

/* A call that may not wait is EBUSY where a program has held the inner lock for 100 ms through the library. Where
 * the machine is busy, one that was interrupted there does: again. */
#define t_again(call)                                                                              \
	({                                                                                         \
		long t_rc_;                                                                        \
		do                                                                                 \
			t_rc_ = (long)(call);                                                      \
		while (t_rc_ == -EBUSY);                                                           \
		t_rc_;                                                                             \
	})

/* ---- what the view `stat` says ---- */
/* The number behind the key in "PATH,stat", -ENODATA if there is no such line, or -errno. */
long t_stat(const char *path, const char *key);
bool t_stat_has(const char *path, const char *line);
/* Waits until it is `want` (T_LIMIT_MS). */
void t_wait_stat(const char *path, const char *key, long want);

/* ---- expectations ---- */
/* The call's result: a number or -errno, printed by name. */
#define t_is(call, want) t_is_(#call, call, want, __FILE__, __LINE__)
#define t_is_either(call, want, or) t_is_either_(#call, call, want, or, __FILE__, __LINE__)
#define t_fails(call) t_fails_(#call, call, __FILE__, __LINE__)
/* What cat prints. */
#define t_shows(path, want) t_shows_(path, want, strlen(want), __FILE__, __LINE__)
#define t_shows_bytes(path, want, len) t_shows_(path, want, len, __FILE__, __LINE__)
/* What one read(2) of the descriptor gives. */
#define t_gets(fd, want) t_gets_(fd, want, strlen(want), __FILE__, __LINE__)
#define t_until(condition)                                                                         \
	do {                                                                                       \
		int64_t t_end_ = t_now_ms() + T_LIMIT_MS;                                          \
		while (!(condition)) {                                                             \
			if (t_now_ms() > t_end_)                                                   \
				t_fail_(__FILE__, __LINE__, "never came: %s", #condition);         \
			usleep(500);                                                               \
		}                                                                                  \
	} while (0)
#define t_fail(...) t_fail_(__FILE__, __LINE__, __VA_ARGS__)
#define t_check(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			t_fail_(__FILE__, __LINE__, "is not so: %s", #condition);                  \
	} while (0)
void t_is_(const char *what, long got, long want, const char *file, int line);
void t_is_either_(const char *what, long got, long want, long or, const char *file, int line);
void t_fails_(const char *what, long got, const char *file, int line);
void t_shows_(const char *path, const char *want, size_t len, const char *file, int line);
void t_gets_(int fd, const char *want, size_t len, const char *file, int line);
void t_fail_(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));
const char *t_result(long result); /* "5", "-EAGAIN" */

/* ---- children: in process groups of their own, killed at the end of the test ---- */
/* Runs function(arg) in a child that exits with its result (no cmocka in there). */
pid_t t_spawn(int (*function)(void *arg), void *arg);
/* The same, its standard output in *out. */
pid_t t_spawn_pipe(int (*function)(void *arg), void *arg, int *out);
/* Starts `bash -c` the formatted command; out may be NULL. */
pid_t t_shell(int *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Exit status, 128 + signal, or -ETIME when it has not ended in time. */
int t_wait_for(pid_t pid, int limit_ms);
int t_wait(pid_t pid); /* T_LIMIT_MS, then the test fails */
/* kill -9; the test fails when the process is not gone soon (D state). */
void t_kill(pid_t pid);

struct t_run {
	int status;	  /* as t_wait_for */
	char out[T_TEXT]; /* standard output and error, and a NUL */
};
/* Runs `bash -c` the formatted command to its end, at most T_AT_ONCE_MS; then kills it (-ETIME). */
struct t_run *t_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* It ends with this status, at once. */
#define t_runs(want, ...) t_runs_(want, __FILE__, __LINE__, __VA_ARGS__)
void t_runs_(int want, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Memory shared with children, zeroed, until the end of the test. */
void *t_shared(size_t bytes);

/* ---- one operation in a child of its own: what parks there can be looked at and killed ---- */
struct t_io {
	pid_t pid;
	struct t_io_note {
		_Atomic int state; /* 1: about to read or write, 2: done */
		long result;	   /* count or -errno */
		int64_t took_ms;
		char data[1024]; /* what was read, and a NUL */
	} * note;
};
/* open(path, flags), then one read; or one write of text, if not NULL. */
struct t_io t_reader(const char *path, int flags);
struct t_io t_writer(const char *path, int flags, const char *text);
/* Its result; the test fails when there is none in T_LIMIT_MS. */
long t_io_result(struct t_io *io);
/* It has read this. */
#define t_io_got(io, want) t_io_got_(io, want, __FILE__, __LINE__)
void t_io_got_(struct t_io *io, const char *want, const char *file, int line);

/* ---- as another user ---- */
/* Runs the function in a child with that uid and gid and no others; its result may be -errno. */
long t_as(uid_t uid, long (*function)(const char *path), const char *path);

/* ---- the library ---- */
struct ipcfs_store *t_lib(void); /* t_store, opened */
/* Opens the object, creates it if need be; the test fails if it cannot. */
struct ipcfs_object *t_attach(enum ipcfs_kind kind, const char *name,
			      const struct ipcfs_properties *p);
/* In a child: NULL if it cannot. */
struct ipcfs_object *t_attach_child(struct ipcfs_store **store, enum ipcfs_kind kind,
				    const char *name);

#endif
