/* SPDX-License-Identifier: MIT
 *
 * step.c - see step.h.
 */
#include "step.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LONGEST = 1 << 20, /* instructions of one operation */
	BACK = 64,	   /* a breakpoint may stand so many instructions before */
	HASH = 1 << 16,
};

#if defined(__x86_64__)
#define REGISTER_AT offsetof(struct user_regs_struct, rip)
#define DEBUG_AT(n) (offsetof(struct user, u_debugreg) + (n) * sizeof(unsigned long))
#else
#define REGISTER_AT 0
#define DEBUG_AT(n) ((n) * sizeof(unsigned long))
#endif

/* Gets ready, stops, acts, stops again. */
static void client(const struct step_client *c)
{
	c->before(c->arg);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	c->act(c->arg);
	raise(SIGSTOP);
	_exit(0);
}

static pid_t start(const struct step_client *c)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		client(c);
	if (child > 0 && (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)))
		return -1;
	return child;
}

static void end(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	waitpid(child, &status, 0);
}

enum went { ON, RETURNED, LOST };

/* How: PTRACE_SINGLESTEP or PTRACE_CONT. */
static enum went go(pid_t child, int how)
{
	int status;

	if (ptrace(how, child, NULL, NULL) < 0 || waitpid(child, &status, 0) != child ||
	    !WIFSTOPPED(status))
		return LOST;
	return WSTOPSIG(status) == SIGSTOP ? RETURNED : ON; /* the second raise */
}

static uint64_t where(pid_t child)
{
	return (uint64_t)ptrace(PTRACE_PEEKUSER, child, (void *)REGISTER_AT, NULL);
}

/* ---- once through ------------------------------------------------------------------------------- */

static void count_visits(struct step_path *path)
{
	struct {
		uint64_t at;
		uint32_t visits;
	} *table = calloc(HASH, sizeof(*table));

	for (long i = 0; table && i < path->count; i++) {
		uint64_t slot = path->at[i] * 0x9e3779b97f4a7c15ull >> 48;

		while (table[slot % HASH].at && table[slot % HASH].at != path->at[i])
			slot++;
		table[slot % HASH].at = path->at[i];
		path->seen[i] = table[slot % HASH].visits++;
	}
	free(table);
}

bool step_record(const struct step_client *c, struct step_path *path)
{
	enum went went = ON;
	pid_t child;

	path->count = 0;
	path->at = calloc(LONGEST, sizeof(*path->at));
	path->seen = calloc(LONGEST, sizeof(*path->seen));
	child = path->at && path->seen ? start(c) : -1;
	if (child < 0)
		return false;
	while (went == ON && path->count < LONGEST) {
		path->at[path->count] = where(child);
		went = go(child, PTRACE_SINGLESTEP);
		path->count += went == ON;
	}
	end(child);
	count_visits(path);
	return went == RETURNED;
}

void step_forget(struct step_path *path)
{
	free(path->at);
	free(path->seen);
	path->at = NULL;
	path->seen = NULL;
}

/* ---- again -------------------------------------------------------------------------------------- */

/* The place for a breakpoint from which the fewest stops lead to instruction k. */
static long best_before(const struct step_path *path, long k)
{
	long best = 0, cost = k;

	for (long j = k; j > 0 && j > k - BACK && j < path->count; j--)
		if ((long)path->seen[j] + 1 + k - j < cost) {
			best = j;
			cost = (long)path->seen[j] + 1 + k - j;
		}
	return best;
}

static enum went run_to(pid_t child, uint64_t at, uint32_t times)
{
	enum went went = ON;

	if (ptrace(PTRACE_POKEUSER, child, (void *)DEBUG_AT(0), (void *)at) < 0 ||
	    ptrace(PTRACE_POKEUSER, child, (void *)DEBUG_AT(7), (void *)1) < 0)
		return LOST;
	for (uint32_t i = 0; i < times && went == ON; i++)
		went = go(child, PTRACE_CONT);
	ptrace(PTRACE_POKEUSER, child, (void *)DEBUG_AT(7), NULL);
	return went;
}

void step_kill_after(const struct step_client *c, const struct step_path *path, long steps)
{
	long from = steps < path->count ? best_before(path, steps) : steps;
	pid_t child = start(c);
	enum went went = ON;

	if (child < 0)
		return;
	if (steps >= path->count) {
		from = steps;
		went = go(child, PTRACE_CONT); /* to its end */
	} else if (from > 0) {
		went = run_to(child, path->at[from], path->seen[from] + 1);
	}
	for (; from < steps && went == ON; from++)
		went = go(child, PTRACE_SINGLESTEP);
	end(child);
}

void step_plan(long count, long most, long *start_at, long *stride)
{
	uint32_t random = 0;

	*start_at = 0;
	*stride = most ? count / most + 1 : 1;
	if (*stride > 1 && getrandom(&random, sizeof(random), 0) == (ssize_t)sizeof(random))
		*start_at = (long)random % *stride;
}
