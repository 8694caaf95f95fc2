/* SPDX-License-Identifier: MIT
 *
 * crash_random.c - a client is killed (SIGKILL) at a random moment of its puts and gets, again and again; each
 * time the queue must work at once, and hold exactly the messages whose put was confirmed and whose get was
 * not; the one operation under way may be done or not. Some clients have called closefrom(3) before, some have
 * forked in between, some have exec'ed themselves. LONG=1: 10,000 kills a kind of client.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash.h"

/* Written by the client, read when it is dead. Messages are numbered from 1 on. */
struct log {
	_Atomic uint64_t putting, put, getting, got;
	_Atomic uint64_t wrong; /* something that the client saw itself */
};

enum {
	LONGEST = 300,	      /* bytes of a message */
	MOST = 40,	      /* messages in the queue */
	EARLY = 20,	      /* steps before a client forks or execs */
	MOST_WAITED_FOR = 60, /* operations of a client before it is killed; 0: while it starts */
	LATEST_NS = 500000,   /* and the moment after them */
	PATIENCE_S = 60,
};

static struct log *open_log(const char *path, int flags)
{
	int fd = open(path, flags | O_RDWR | O_CLOEXEC, 0600);
	void *log;

	if (fd < 0 || ftruncate(fd, sizeof(struct log)) < 0)
		exit(3);
	log = mmap(NULL, sizeof(struct log), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (log == MAP_FAILED)
		exit(3);
	close(fd);
	return log;
}

static size_t fill(char *buf, uint64_t number)
{
	size_t len = sizeof(number) + number * 37 % (LONGEST - sizeof(number));

	memset(buf, (int)(number & 0xff), len);
	memcpy(buf, &number, sizeof(number));
	return len;
}

/* The number of a whole message, 0 of a broken one. */
static uint64_t check(const char *buf, ssize_t len)
{
	char whole[LONGEST];
	uint64_t number;

	if (len < (ssize_t)sizeof(number))
		return 0;
	memcpy(&number, buf, sizeof(number));
	if ((size_t)len != fill(whole, number) || memcmp(whole, buf, (size_t)len) != 0)
		return 0;
	return number;
}

static void put_one(struct ipcfs_object *q, struct log *log)
{
	char buf[LONGEST];
	uint64_t number = log->put + 1;

	log->putting = number;
	if (ipcfs_queue_put(q, buf, fill(buf, number), 0) == 0)
		log->put = number;
	log->putting = 0;
}

static void get_one(struct ipcfs_object *q, struct log *log)
{
	char buf[LONGEST];
	uint64_t number = log->got + 1;
	ssize_t n;

	log->getting = number;
	n = ipcfs_queue_get(q, buf, sizeof(buf), 0);
	if (n >= 0 && check(buf, n) != number)
		log->wrong = number;
	if (n >= 0)
		log->got = number;
	log->getting = 0;
}

static void work(struct ipcfs_object *q, struct log *log, unsigned seed, int steps)
{
	for (int i = 0; steps < 0 || i < steps; i++) {
		if (rand_r(&seed) % 2 && log->put - log->got < MOST)
			put_one(q, log);
		else
			get_one(q, log);
	}
}

static void client(const char *how, const char *dir, const char *log_path, unsigned seed)
{
	struct log *log = open_log(log_path, 0);
	struct ipcfs_store *store;
	struct ipcfs_object *q;
	char self[64], number[32];

	if (ipcfs_store_open(dir, &store) < 0 ||
	    ipcfs_open(store, IPCFS_QUEUE, "q", 0, 0, NULL, &q) < 0)
		_exit(4);
	if (!strcmp(how, "closefrom"))
		close_range(3, ~0u, 0);
	if (!strcmp(how, "fork")) {
		work(q, log, seed, EARLY);
		if (fork() != 0)
			pause(); /* the child goes on, and is killed with our group */
	}
	if (!strcmp(how, "exec")) {
		work(q, log, seed, EARLY);
		snprintf(number, sizeof(number), "%u", seed + 1);
		snprintf(self, sizeof(self), "/proc/self/exe");
		execl(self, self, "plain", dir, log_path, number, (char *)NULL);
		_exit(5);
	}
	work(q, log, seed, -1);
}

/* What must be in the queue now. Empties it, and notes that. */
static const char *verify(struct ipcfs_object *q, struct log *log)
{
	uint64_t first = log->got + 1, last = log->put, number = 0, expected;
	char buf[LONGEST];
	ssize_t n;

	if (log->wrong)
		return "the client got a wrong message";
	for (expected = 0; (n = ipcfs_queue_get(q, buf, sizeof(buf), 0)) >= 0; expected++) {
		number = check(buf, n);
		if (expected == 0)
			expected = number == first + 1 && log->getting ? first + 1 : first;
		if (number != expected)
			return "a message is lost, doubled or broken";
	}
	if (n != -EAGAIN)
		return "the queue does not work";
	if (number == 0) { /* was empty */
		bool taken = log->getting && first == last;
		bool none = first > last;

		if (!taken && !none)
			return "confirmed messages are gone";
		number = last;
	} else if (number != last && !(log->putting && number == last + 1)) {
		return "the last confirmed message is lost";
	}
	log->put = log->got = number;
	log->putting = log->getting = 0;
	return NULL;
}

static uint64_t operations(const struct log *log)
{
	return log->put + log->got;
}

static pid_t start(const char *how, const char *program, const char *dir, const char *log_path,
		   unsigned seed)
{
	char number[32];
	pid_t child;

	snprintf(number, sizeof(number), "%u", seed);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		if (!strcmp(how, "fork") || !strcmp(how, "exec")) {
			execl(program, program, how, dir, log_path, number, (char *)NULL);
			_exit(5);
		}
		client(how, dir, log_path, seed);
		_exit(6);
	}
	if (child > 0)
		setpgid(child, child);
	return child;
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Waits until the client has done so many operations. False: it has ended, or does not get on. */
static bool wait_for(const struct log *log, uint64_t wanted, pid_t child)
{
	time_t end = seconds() + PATIENCE_S;
	siginfo_t info;

	while (operations(log) < wanted) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    info.si_pid != 0 || seconds() > end)
			return false;
		sched_yield();
	}
	return true;
}

/* The client and what it has forked, which is ours when it is dead (a subreaper's). */
static void end(pid_t child)
{
	kill(-child, SIGKILL);
	while (waitpid(-child, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Kills a client at a random moment after a random number of operations. What went wrong, or NULL. */
static const char *kill_at_random(const char *how, const char *program, const char *dir,
				  const char *log_path, const struct log *log, unsigned *seed)
{
	uint64_t wanted = operations(log) + (uint64_t)rand_r(seed) % MOST_WAITED_FOR;
	struct timespec moment = {.tv_nsec = rand_r(seed) % 2 ? rand_r(seed) % LATEST_NS : 0};
	pid_t child = start(how, program, dir, log_path, (unsigned)rand_r(seed));
	const char *why = NULL;

	if (child < 0)
		return "no process";
	if (!wait_for(log, wanted, child))
		why = "a client ended by itself, or does nothing";
	if (moment.tv_nsec)
		nanosleep(&moment, NULL); /* the moment is the test */
	end(child);
	return why;
}

static void try_how(const char *how, const char *program, struct ipcfs_store *store, int rounds)
{
	struct ipcfs_properties p = {.given = IPCFS_P_CAPACITY, .capacity = 3000};
	struct ipcfs_object *q = crash_object(store, IPCFS_QUEUE, "q", &p);
	const char *dir = ipcfs_store_dir(store), *why = NULL, *found;
	uint64_t done = 0;
	unsigned seed = 1;
	char log_path[200];
	struct log *log;
	int i;

	snprintf(log_path, sizeof(log_path), "%s/.log-%s", dir, how);
	log = open_log(log_path, O_CREAT);
	for (i = 0; i < rounds && !why; i++) {
		uint64_t before = operations(log);

		why = kill_at_random(how, program, dir, log_path, log, &seed);
		done += operations(log) - before;
		found = verify(q, log);
		why = found ? found : why;
	}
	crash_result(!why, how, "%d kills, %llu puts and gets%s%s", i, (unsigned long long)done,
		     why ? ": " : "", why ? why : "");
	ipcfs_close(q);
}

int main(int argc, char **argv)
{
	static const char *const how[] = {"plain", "closefrom", "fork", "exec"};
	bool thorough = getenv("LONG") != NULL;
	struct ipcfs_store *store;

	if (argc == 5) {
		client(argv[1], argv[2], argv[3], (unsigned)atoi(argv[4]));
		return 6;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return 1;
	store = crash_store();
	for (int i = 0; i < 4; i++)
		try_how(how[i], "/proc/self/exe", store, thorough ? 10000 : i == 0 ? 1000 : 300);
	ipcfs_store_close(store);
	return crash_end();
}
