/* SPDX-License-Identifier: MIT
 *
 * crash_lease.c - eight workers lease tasks, and one of them is killed (SIGKILL) every 50 ms and replaced. Every task
 * is done at least once, none is in two live workers at a time, none is lost, attempts are counted right, a
 * poisonous one ends in the dead-letter queue after its attempts, who joins comes back after the last
 * one; and what killed workers had comes back in the order in which it was put. LONG=1: 5,000 tasks.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash.h"

enum {
	WORKERS = 8,
	MOST = 5000,
	FEW = 1000,
	ATTEMPTS = 4,
	POISON = 50, /* every so many-th task */
	KILL_MS = 50,
	LIMIT_S = 200,
};

/* Shared with all children. */
static struct {
	_Atomic int done[MOST];	     /* how often */
	_Atomic int attempt[MOST];   /* the last one that a worker saw */
	_Atomic int has[WORKERS];    /* 1 + the live worker's task; 0: none */
	_Atomic int twice, attempts; /* what went wrong: two had it; an attempt that cannot be */
	_Atomic int joined, early;   /* join came back; too early */
	_Atomic int count;	     /* of tasks */
} * log_;

static const char *dir;

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000}, NULL);
}

static bool poisonous(int task)
{
	return task % POISON == POISON - 1;
}

/* Calls that may not wait give up where a worker was stopped that has the inner lock. */
#define AGAIN(call)                                                                                \
	({                                                                                         \
		int again_rc;                                                                      \
		do                                                                                 \
			again_rc = (call);                                                         \
		while (again_rc == -EBUSY);                                                        \
		again_rc;                                                                          \
	})

static struct ipcfs_object *open_queue(const char *name)
{
	struct ipcfs_store *store;
	struct ipcfs_object *q;

	if (ipcfs_store_open(dir, &store) < 0 ||
	    ipcfs_open(store, IPCFS_QUEUE, name, 0, 0, NULL, &q) < 0)
		_exit(4);
	return q;
}

/* ---- workers ------------------------------------------------------------------------------------- */

static void note_lease(int self, int task, uint64_t attempt)
{
	log_->has[self] = 1 + task;
	for (int other = 0; other < WORKERS; other++)
		if (other != self && log_->has[other] == 1 + task)
			log_->twice++;
	/* Who was killed before he came to note his own may have been another. */
	if (attempt > ATTEMPTS || (int)attempt <= log_->attempt[task])
		log_->attempts++;
	log_->attempt[task] = (int)attempt;
}

static void work(int self)
{
	struct ipcfs_object *q = open_queue("tasks");
	unsigned seed = (unsigned)getpid();
	struct ipcfs_lease lease;
	int task;

	while (ipcfs_queue_lease(q, &task, sizeof(task), IPCFS_FOREVER, &lease) == sizeof(task)) {
		note_lease(self, task, lease.attempt);
		sleep_us(rand_r(&seed) % 16000);
		log_->has[self] = 0;
		if (poisonous(task)) {
			AGAIN(ipcfs_queue_return(q, lease.id));
			continue;
		}
		log_->done[task]++; /* before: a kill in between makes it twice, never none */
		if (AGAIN(ipcfs_queue_settle(q, lease.id)) != 0)
			_exit(5);
	}
	_exit(0);
}

static pid_t start(int self)
{
	pid_t child = fork();

	if (child == 0)
		work(self);
	return child;
}

/* While it is stopped it has its task still and does nothing with it; what it had noted is taken back then. */
static pid_t replace(pid_t worker, int self)
{
	siginfo_t info;

	kill(worker, SIGSTOP);
	waitid(P_PID, (id_t)worker, &info, WSTOPPED | WEXITED | WNOWAIT);
	log_->has[self] = 0;
	kill(worker, SIGKILL);
	waitpid(worker, NULL, 0);
	return start(self);
}

static pid_t start_joiner(void)
{
	pid_t child = fork();
	struct ipcfs_object *q;

	if (child != 0)
		return child;
	q = open_queue("tasks");
	if (ipcfs_queue_join(q, IPCFS_FOREVER) != 0)
		_exit(5);
	for (int i = 0; i < log_->count; i++)
		if (!log_->done[i] && log_->attempt[i] < ATTEMPTS)
			log_->early++;
	log_->joined = 1;
	_exit(0);
}

/* ---- a run --------------------------------------------------------------------------------------------- */

static uint64_t unfinished(struct ipcfs_object *q)
{
	struct ipcfs_stat st;

	return ipcfs_stat(q, &st) == 0 ? st.unfinished : UINT64_MAX;
}

static int kill_and_wait(struct ipcfs_object *q, pid_t worker[WORKERS])
{
	time_t limit = time(NULL) + LIMIT_S;
	unsigned seed = 1;
	int kills = 0;

	while (unfinished(q) > 0 && time(NULL) < limit) {
		int i = rand_r(&seed) % WORKERS;

		sleep_us(KILL_MS * 1000);
		worker[i] = replace(worker[i], i);
		kills++;
	}
	return kills;
}

/* All that came to the dead-letter queue; each at most once. */
static const char *check_letters(struct ipcfs_object *letters, bool dead[MOST])
{
	ssize_t n;
	int task;

	while ((n = ipcfs_queue_get(letters, &task, sizeof(task), 0)) == sizeof(task)) {
		if (task < 0 || task >= log_->count || dead[task])
			return "a dead letter is doubled or broken";
		if (!poisonous(task) && log_->attempt[task] < ATTEMPTS)
			return "a task went to the dead letters before its attempts";
		dead[task] = true;
	}
	return n == -EAGAIN ? NULL : "the dead letters cannot be read";
}

/* A kill costs the attempt of one task at the most. */
static const char *check_tasks(const bool dead[MOST], int kills)
{
	int more = 0;

	for (int i = 0; i < log_->count; i++) {
		if (poisonous(i) ? !dead[i] : !dead[i] && !log_->done[i])
			return poisonous(i) ? "a poisonous task is not with the dead letters" :
					      "a task was never done";
		if (!poisonous(i))
			more += log_->attempt[i] - 1;
	}
	return more > kills ? "more attempts were counted than workers killed" : NULL;
}

static const char *verify(struct ipcfs_object *q, struct ipcfs_object *letters, int kills)
{
	static bool dead[MOST];
	const char *why = check_letters(letters, dead);
	int task;

	if (unfinished(q) != 0)
		return "tasks are left unfinished";
	if (ipcfs_queue_get(q, &task, sizeof(task), 0) != -ENODATA)
		return "something is left in the queue";
	if (!why)
		why = check_tasks(dead, kills);
	if (!why && log_->twice)
		why = "two live workers had one task";
	if (!why && log_->attempts)
		why = "an attempt was counted wrong";
	if (!why && (!log_->joined || log_->early))
		why = "join came back too early, or not at all";
	return why;
}

static void many_tasks(struct ipcfs_store *store, int count)
{
	struct ipcfs_properties p = {
		.given = IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, .attempts = ATTEMPTS, .dead = "letters"};
	struct ipcfs_object *letters = crash_object(store, IPCFS_QUEUE, "letters", NULL),
			    *q = crash_object(store, IPCFS_QUEUE, "tasks", &p);
	pid_t worker[WORKERS], joiner;
	const char *why;
	int kills;

	log_->count = count;
	for (int i = 0; i < count; i++)
		if (ipcfs_queue_put(q, &i, sizeof(i), 0) != 0)
			exit(3);
	joiner = start_joiner();
	for (int i = 0; i < WORKERS; i++)
		worker[i] = start(i);
	kills = kill_and_wait(q, worker);
	AGAIN(ipcfs_queue_close(q));
	for (int i = 0; i < WORKERS; i++)
		waitpid(worker[i], NULL, 0);
	if (unfinished(q) > 0)
		kill(joiner, SIGKILL);
	waitpid(joiner, NULL, 0);
	why = verify(q, letters, kills);
	crash_result(!why, "killed_workers_lose_no_task", "%d tasks, %d kills%s%s", count, kills,
		     why ? ": " : "", why ? why : "");
	ipcfs_close(q);
	ipcfs_close(letters);
}

/* ---- order ------------------------------------------------------------------------------------------------ */

enum { EACH = 3 };

static void lease_some(int self)
{
	struct ipcfs_object *q = open_queue("tasks");
	struct ipcfs_lease lease;
	int task;

	for (int i = 0; i < EACH; i++)
		if (ipcfs_queue_lease(q, &task, sizeof(task), IPCFS_FOREVER, &lease) < 0)
			_exit(5);
	log_->has[self] = 1;
	for (;;)
		pause();
}

/* By one who has not looked before: who has looks for the dead each 100 ms alone, while there is something else. */
static const char *drain(int all)
{
	struct ipcfs_store *store;
	struct ipcfs_object *q;
	int task, next = 0;

	if (ipcfs_store_open(dir, &store) < 0 ||
	    ipcfs_open(store, IPCFS_QUEUE, "tasks", 0, 0, NULL, &q) < 0)
		return "the queue cannot be opened";
	while (ipcfs_queue_get(q, &task, sizeof(task), 0) == sizeof(task) && task == next)
		next++;
	ipcfs_close(q);
	ipcfs_store_close(store);
	return next == all ? NULL : "what came back came in another order, or not";
}

/* The last ones are in the queue all the time, behind those that come back. */
static const char *one_round(struct ipcfs_object *q, unsigned *seed)
{
	pid_t worker[WORKERS];
	int all = WORKERS * EACH + 5;

	for (int i = 0; i < all; i++)
		ipcfs_queue_put(q, &i, sizeof(i), 0);
	for (int i = 0; i < WORKERS; i++) {
		log_->has[i] = 0;
		worker[i] = fork();
		if (worker[i] == 0)
			lease_some(i);
	}
	for (int i = 0; i < WORKERS; i++)
		while (!log_->has[i])
			sleep_us(200);
	for (int i = 0, left = WORKERS; left; i = rand_r(seed) % WORKERS) {
		if (!worker[i])
			continue;
		kill(worker[i], SIGKILL);
		waitpid(worker[i], NULL, 0);
		worker[i] = 0;
		left--;
	}
	return drain(all);
}

static void order(struct ipcfs_store *store, int rounds)
{
	struct ipcfs_object *q = crash_object(store, IPCFS_QUEUE, "tasks", NULL);
	const char *why = NULL;
	unsigned seed = 1;
	int i;

	for (i = 0; i < rounds && !why; i++) {
		why = one_round(q, &seed);
		if (ipcfs_queue_clear(q) > 0 && !why)
			why = "something was left";
	}
	crash_result(!why, "what_comes_back_comes_in_order", "%d rounds%s%s", i, why ? ": " : "",
		     why ? why : "");
	ipcfs_close(q);
}

int main(void)
{
	bool thorough = getenv("LONG") != NULL;
	struct ipcfs_store *store = crash_store();

	dir = ipcfs_store_dir(store);
	log_ = mmap(NULL, sizeof(*log_), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (log_ == MAP_FAILED)
		return 3;
	many_tasks(store, thorough ? MOST : FEW);
	order(store, thorough ? 300 : 20);
	ipcfs_store_close(store);
	return crash_end();
}
