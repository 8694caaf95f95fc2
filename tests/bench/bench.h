/* SPDX-License-Identifier: MIT
 *
 * bench.h - what the bench programs share: series of rounds and the rows made of two of them, a
 * mounted ipcfs, and a run that is always cleaned up after.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_ROUNDS = 512 };

/* Nanoseconds an operation, one number a round. Rounds of all contenders take turns, so that a
 * ratio is the median of ratios of neighbours: a busy moment of the machine shows in both. */
struct bench_series {
	int n;
	double v[BENCH_ROUNDS];
};

double bench_now_ns(void);
void bench_add(struct bench_series *s, double ns);
double bench_median(const struct bench_series *s);
/* The one with the least median. */
const struct bench_series *bench_best(const struct bench_series *s, int count, int *index);

/* A row of the table. Costs: ours / theirs must be at most `target` now and `later` at last (0:
 * none). Rates are the same series shown in operations a second; theirs / ours, at least. */
void bench_cost(const char *what, const struct bench_series *ours, const char *beside,
		const struct bench_series *theirs, double target, double later);
void bench_rate(const char *what, const struct bench_series *ours, const char *beside,
		const struct bench_series *theirs, double target, double later);
/* Bytes against a limit now and one later. */
void bench_bytes(const char *what, double bytes, double limit, double later);

/* --quick on the command line: `quick`, else `full`. */
int bench_rounds(int argc, char **argv, int full, int quick);
bool bench_has(int argc, char **argv, const char *option);
/* Ends the program where rc is negative; -1 is taken for a system call's, and told by errno. */
void bench_must(long rc, const char *what);

/* A mount of $IPCFS (build/ipcfs) over a store of its own. */
struct bench_ipcfs {
	char store[48], dir[48];
};
void bench_mount(struct bench_ipcfs *m);
void bench_unmount(struct bench_ipcfs *m);
/* VmRSS of its server, in bytes. */
double bench_server_memory(const struct bench_ipcfs *m);

/* Runs `set_up` here and `work` in a child, which with its own children forms a process group. When
 * it has ended, on a signal, or when limit_s seconds are past, what is left of the group is killed.
 * `clean` runs here at exit, however far it came. Returns an exit status. */
int bench_run(void (*set_up)(void), void (*work)(void), void (*clean)(void), int limit_s);

#ifdef __cplusplus
}
#endif
#endif
