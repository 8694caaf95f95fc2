/* SPDX-License-Identifier: MIT
 *
 * t_inner.h - what the files of the harness share: t.c (the program, its guard), t_mount.c, t_child.c, t_call.c and
 * t_text.c. Tests include t.h alone.
 */
#ifndef T_INNER_H
#define T_INNER_H

#include "t.h"

#include <stdatomic.h>

enum { T_KIDS = 8192, T_SERVERS = 64 };

/* Shared with the guard. */
struct t_program {
	pid_t main;
	_Atomic pid_t kids[T_KIDS]; /* leaders of the children's process groups; 0: free */
	_Atomic pid_t servers[T_SERVERS];
	_Atomic int64_t deadline_ms; /* of the running test; 0: none runs */
	_Atomic bool clean;	     /* nothing is left to the guard */
	char test[128];
};
extern struct t_program *t_program;
extern int t_first_fd; /* descriptors from here on belong to the running test */

/* ---- t_text.c ---- */
/* A text for the harness's own use, valid for the next 32 calls. */
const char *t_brief(const char *format, ...) __attribute__((format(printf, 1, 2)));
void t_compare(const char *what, const char *got, long len, const char *want, size_t want_len,
	       const char *file, int line);
void t_drop_texts(void);

/* ---- t_child.c ---- */
bool t_gone(pid_t pid);
/* It ends in time, with all its threads and descriptors. */
bool t_ended(pid_t pid, int limit_ms);
struct t_run *t_run_program(const char *const argv[], int limit_ms);
void t_kill_kids(void);
/* The same, and waits for them. */
void t_reap_all(void);
void t_drop_shared(void);

/* ---- t_mount.c ---- */
/* At the begin of a test: there is a server. */
bool t_server_found(void);
/* At its end: there is the same. If not, there is a new one now. */
bool t_server_kept(void);
void t_end_servers(int signal_number);
/* Every mount below our folder, the newest first. */
void t_detach_all(void);
void t_close_attached(void);

#endif
