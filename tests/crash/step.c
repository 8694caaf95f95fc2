/* SPDX-License-Identifier: MIT
 *
 * step.c - see step.h.
 */
#include "step.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LONGEST = 1 << 20, /* instructions of one operation */
	PLACES = 64,	   /* looked at for a breakpoint before an instruction */
	VISITS = 8,	   /* of the same instruction that are worth a kill in a short run, */
	MANY_VISITS = 200, /* and in a long one */
	HASH = 1 << 16,
};

#if defined(__x86_64__)
#define REGISTER_AT offsetof(struct user_regs_struct, rip)
#define DEBUG_AT(n) (offsetof(struct user, u_debugreg) + (n) * sizeof(unsigned long))
#else
#define REGISTER_AT 0
#define DEBUG_AT(n) ((n) * sizeof(unsigned long))
#endif

bool step_breakpoints;

/* ---- one client --------------------------------------------------------------------------------- */

/* Few instructions, so that those that are counted are those of the operation. */
static inline __attribute__((always_inline)) void stop_oneself(long self)
{
#if defined(__x86_64__)
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "0"(SYS_kill), "D"(self), "S"(SIGSTOP)
			 : "rcx", "r11", "memory");
	(void)rc;
#else
	kill((pid_t)self, SIGSTOP);
#endif
}

/* Gets ready, stops, acts, stops again. */
static void client(const struct step_client *c)
{
	long self = getpid();

	c->before(c->arg);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(1);
	stop_oneself(self);
	c->act(c->arg);
	stop_oneself(self);
	_exit(0);
}

/* Waits until it stops: with which signal. 0: it has ended, and *child is not to be used any more. */
static int next_stop(pid_t *child)
{
	int status = 0;

	if (waitpid(*child, &status, 0) == *child && WIFSTOPPED(status))
		return WSTOPSIG(status);
	*child = 0;
	return 0;
}

/* 0: it could not be traced. */
static pid_t start(const struct step_client *c)
{
	pid_t child = fork();

	if (child == 0)
		client(c);
	if (child < 0 || next_stop(&child) != SIGSTOP)
		return 0;
	ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_EXITKILL); /* should we be killed */
	return child;
}

static void end(pid_t child)
{
	int status;

	if (!child)
		return;
	kill(child, SIGKILL);
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
		;
}

enum went { ON, RETURNED, LOST };

/* How: PTRACE_SINGLESTEP or PTRACE_CONT. Signals of its own are passed on. */
static enum went go(pid_t *child, int how)
{
	int signal = 0;

	do {
		if (ptrace(how, *child, NULL, (void *)(long)signal) < 0)
			return LOST;
		signal = next_stop(child);
		if (signal == 0)
			return LOST;
		if (signal == SIGSTOP)
			return RETURNED;
	} while (signal != SIGTRAP);
	return ON;
}

static uint64_t where(pid_t child)
{
	return (uint64_t)ptrace(PTRACE_PEEKUSER, child, (void *)REGISTER_AT, NULL);
}

/* ---- once through ------------------------------------------------------------------------------- */

/* A repeated string instruction is stepped round by round; a breakpoint stops before its first round alone. */
static bool again(const struct step_path *path, long i)
{
	return i > 0 && path->at[i] == path->at[i - 1];
}

static bool count_visits(struct step_path *path)
{
	struct {
		uint64_t at;
		uint32_t visits;
	} *table = calloc(HASH, sizeof(*table));

	if (!table)
		return false;
	for (long i = 0; i < path->count; i++) {
		uint64_t slot = path->at[i] * 0x9e3779b97f4a7c15ull >> 48;

		while (table[slot % HASH].at && table[slot % HASH].at != path->at[i])
			slot++;
		table[slot % HASH].at = path->at[i];
		path->seen[i] = again(path, i) ? path->seen[i - 1] : table[slot % HASH].visits++;
	}
	free(table);
	return true;
}

bool step_record(const struct step_client *c, struct step_path *path)
{
	enum went went = ON;
	pid_t child;

	path->count = 0;
	path->at = calloc(LONGEST, sizeof(*path->at));
	path->seen = calloc(LONGEST, sizeof(*path->seen));
	child = path->at && path->seen ? start(c) : 0;
	if (!child)
		return false;
	while (went == ON && path->count < LONGEST) {
		path->at[path->count] = where(child);
		went = go(&child, PTRACE_SINGLESTEP);
		path->count += went == ON;
	}
	end(child);
	return went == RETURNED && count_visits(path);
}

void step_forget(struct step_path *path)
{
	free(path->at);
	free(path->seen);
	path->at = NULL;
	path->seen = NULL;
}

/* ---- again -------------------------------------------------------------------------------------- */

/* The place for a breakpoint from which the fewest stops lead to instruction k. 0: none is better than to step
 * from the start. */
static long best_before(const struct step_path *path, long k)
{
	long best = 0, cost = k, places = PLACES;

	for (long j = k; j > 0 && places > 0; j--) {
		if (again(path, j))
			continue;
		places--;
		if ((long)path->seen[j] + 1 + k - j < cost) {
			best = j;
			cost = (long)path->seen[j] + 1 + k - j;
		}
	}
	return best;
}

static bool set_breakpoint(pid_t child, uint64_t at)
{
	return ptrace(PTRACE_POKEUSER, child, (void *)DEBUG_AT(0), (void *)at) == 0 &&
	       ptrace(PTRACE_POKEUSER, child, (void *)DEBUG_AT(7), (void *)1) == 0;
}

static enum went run_to_breakpoint(pid_t *child, uint32_t times)
{
	enum went went = ON;

	for (uint32_t i = 0; i < times && went == ON; i++)
		went = go(child, PTRACE_CONT);
	if (went == ON && ptrace(PTRACE_POKEUSER, *child, (void *)DEBUG_AT(7), NULL) < 0)
		return LOST;
	return went;
}

/* To before instruction `steps`. */
static enum went lead(pid_t *child, const struct step_path *path, long steps)
{
	long from = step_breakpoints ? best_before(path, steps) : 0;
	enum went went = ON;

	if (from > 0 && !set_breakpoint(*child, path->at[from])) /* all in use just now */
		from = 0;
	if (from > 0)
		went = run_to_breakpoint(child, path->seen[from] + 1);
	for (; from < steps && went == ON; from++)
		went = go(child, PTRACE_SINGLESTEP);
	return went;
}

enum step_end step_kill_after(const struct step_client *c, const struct step_path *path, long steps)
{
	bool whole = steps >= path->count;
	pid_t child = start(c);
	enum step_end ended;
	enum went went;

	if (!child)
		return STEP_LOST;
	went = whole ? go(&child, PTRACE_CONT) : lead(&child, path, steps);
	if (went == ON)
		ended = !whole && where(child) == path->at[steps] ? STEP_THERE : STEP_INSIDE;
	else
		ended = went == RETURNED ? STEP_RETURNED : STEP_LOST;
	end(child);
	return ended;
}

/* ---- where to kill ------------------------------------------------------------------------------ */

static bool worth(const struct step_path *path, long i, bool all)
{
	if (all)
		return path->seen[i] < MANY_VISITS;
	return path->seen[i] < VISITS && !(again(path, i) && again(path, i - 1));
}

static long random_below(long n)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return 0;
	return (long)random % n;
}

long step_places(const struct step_path *path, long most, long **places)
{
	long *p = calloc((size_t)path->count + 1, sizeof(*p)), n = 0, taken = 0, stride;

	*places = p;
	if (!p)
		return 0;
	for (long i = 0; i < path->count; i++)
		if (worth(path, i, !most))
			p[n++] = i;
	stride = most ? n / most + 1 : 1;
	for (long i = random_below(stride); i < n; i += stride)
		p[taken++] = p[i];
	p[taken++] = path->count;
	return taken;
}

/* ---- does it work here? ------------------------------------------------------------------------- */

enum { ROUNDS = 300 };

static void nothing(void *arg)
{
	(void)arg;
}

static void count_up(void *arg)
{
	volatile int *rounds = arg;

	for (int i = 0; i < ROUNDS; i++)
		*rounds = *rounds + 1;
}

/* How many rounds it had made when it was killed. */
static int rounds_at(const struct step_client *c, const struct step_path *path, long steps,
		     enum step_end *ended)
{
	*(volatile int *)c->arg = 0;
	*ended = step_kill_after(c, path, steps);
	return *(volatile int *)c->arg;
}

static const char *check_steps(const struct step_client *c, struct step_path *path)
{
	bool whole = step_record(c, path);
	enum step_end ended;
	int rounds;

	if (!whole && path->count == 0)
		return "ptrace(2) is not allowed here";
	if (!whole || path->count < ROUNDS)
		return "single-stepping does not work here";
	step_breakpoints = false;
	rounds = rounds_at(c, path, path->count / 2, &ended);
	if (ended != STEP_THERE || rounds == 0 || rounds == ROUNDS)
		return "single-stepping does not work here";
	step_breakpoints = true;
	step_breakpoints = rounds_at(c, path, path->count / 2, &ended) == rounds &&
			   ended == STEP_THERE;
	return NULL;
}

/* A step is a switch to the client and one back. Between two CPUs, where one is idle, they cost ten times more. */
static void stay_on_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	if (cpu >= 0 && cpu < CPU_SETSIZE) {
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
}

const char *step_check(void)
{
	struct step_client c = {.before = nothing, .act = count_up};
	struct step_path path = {.count = 0};
	const char *why;

#if !defined(__x86_64__)
	return "single-stepping is for x86-64";
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return "single-stepping is for builds without sanitizers";
#endif
	c.arg = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c.arg == MAP_FAILED)
		return "no memory";
	stay_on_one_cpu();
	why = check_steps(&c, &path);
	step_forget(&path);
	munmap(c.arg, sizeof(int));
	return why;
}
