/* SPDX-License-Identifier: MIT
 *
 * bench_fuse.c - what a system call on an /ipc file costs, against the same call on a FUSE server that answers from
 * nothing (the better of one that spins and one that sleeps in read) and, for two processes, against
 * pipes. All take turns in one run; ratios are of medians. A machine that is busy shows in both.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "empty.h"

enum { ROUNDS = 61, BATCH = 200, TARGETS = 3, PONGS = 300 };
enum { IPCFS_FILES, SLEEPING, SPINNING };

static char base[] = "/tmp/ipcfs-bench-XXXXXX", store[] = "/dev/shm/ipcfs-bench-XXXXXX";
static pid_t servers[TARGETS];
static char dirs[TARGETS][64], files[TARGETS][96];

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

__attribute__((format(printf, 1, 2))) static int command(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	return system(line);
}

static const char *program(void)
{
	const char *p = getenv("IPCFS");

	return p ? p : "build/ipcfs";
}

static void finish(void)
{
	static pid_t self;

	if (!self)
		self = getpid();
	if (self != getpid())
		return;
	command("%s umount --force %s >&2", program(), dirs[IPCFS_FILES]);
	for (int t = SLEEPING; t < TARGETS; t++)
		if (servers[t] > 0)
			empty_stop(dirs[t], servers[t]);
	command("rm -rf --one-file-system %s %s", base, store);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void start(void)
{
	if (!mkdtemp(base) || !mkdtemp(store))
		die("mkdtemp");
	for (int t = 0; t < TARGETS; t++) {
		snprintf(dirs[t], sizeof(dirs[t]), "%s/%d", base, t);
		if (command("mkdir %s", dirs[t]) != 0)
			die(dirs[t]);
		snprintf(files[t], sizeof(files[t]), "%s/%s", dirs[t], t ? "q" : "queues/q");
	}
	atexit(finish);
	if (command("%s mount -o store=%s %s", program(), store, dirs[0]) != 0)
		exit(1);
	servers[SLEEPING] = empty_start(dirs[SLEEPING], 0);
	servers[SPINNING] = empty_start(dirs[SPINNING], 30);
	if (servers[SLEEPING] < 0 || servers[SPINNING] < 0)
		die("the empty server");
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_size);
	return v[n / 2];
}

static double times[TARGETS][4][ROUNDS];

static void one_round(int round, const int fd[TARGETS])
{
	char message[64] = "message";

	for (int i = 0; i < TARGETS; i++) {
		int t = (i + round) % TARGETS;
		double began = now_us();

		for (int k = 0; k < BATCH; k++)
			if (write(fd[t], message, sizeof(message)) != sizeof(message))
				die("write");
		times[t][0][round] = (now_us() - began) / BATCH;
		began = now_us();
		for (int k = 0; k < BATCH; k++)
			if (read(fd[t], message, sizeof(message)) != sizeof(message))
				die("read");
		times[t][1][round] = (now_us() - began) / BATCH;
		began = now_us();
		for (int k = 0; k < BATCH / 2; k++) {
			int f = open(files[t], O_WRONLY | O_TRUNC);

			if (f < 0 || write(f, message, sizeof(message)) != sizeof(message) ||
			    close(f) < 0)
				die("open, write, close");
		}
		times[t][2][round] = (now_us() - began) / (BATCH / 2);
		for (int k = 0; k < BATCH / 2 && t == IPCFS_FILES; k++)
			if (read(fd[t], message, sizeof(message)) < 0)
				die("read");
	}
}

/* One process writes a and reads b, the other answers. */
static double ping_pong(const int to[2], const int from[2])
{
	char byte = 1;
	pid_t child = fork();
	double began;

	if (child == 0) {
		for (int i = 0; i < PONGS; i++)
			if (read(to[0], &byte, 1) != 1 || write(from[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	began = now_us();
	for (int i = 0; i < PONGS; i++)
		if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
			die("ping-pong");
	began = (now_us() - began) / PONGS;
	waitpid(child, NULL, 0);
	return began;
}

static void row(const char *what, double ours, const char *beside, double theirs, double target)
{
	printf("%-34s %9.2f us  %-24s %9.2f us  %5.2f  %s %.2f\n", what, ours, beside, theirs,
	       ours / theirs, ours / theirs <= target ? "ok, at most" : "MISSED:", target);
}

static void measure_ping_pong(int rounds)
{
	int pipes[2][2], queues[2][2];
	double ours[ROUNDS], theirs[ROUNDS];
	char path[128];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/queues/pong%d", dirs[0], i);
		queues[i][0] = queues[i][1] = open(path, O_RDWR | O_CREAT, 0600);
		if (queues[i][0] < 0 || pipe(pipes[i]) < 0)
			die(path);
	}
	for (int i = 0; i < rounds; i++) {
		ours[i] = ping_pong(queues[0], queues[1]);
		theirs[i] = ping_pong(pipes[0], pipes[1]);
	}
	row("ping-pong, two processes", median(ours, rounds), "pipe", median(theirs, rounds), 1.0);
}

/* Everything on one CPU, the servers too, so that the ratio is of work and not of where the scheduler happened
 * to put whom, which differs from run to run and is worth tens of microseconds. */
static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"write(2), held file", "read(2), held file",
					    "open, write, close"};
	static const double targets[] = {1.3, 1.3, 1.3};
	int rounds = ROUNDS, fd[TARGETS];
	bool free_to_move = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--quick"))
			rounds = 15;
		free_to_move |= !strcmp(argv[i], "--unpinned");
	}
	if (!free_to_move)
		pin();
	start();
	for (int t = 0; t < TARGETS; t++) {
		fd[t] = open(files[t], t ? O_RDWR : O_RDWR | O_CREAT, 0600);
		if (fd[t] < 0)
			die(files[t]);
	}
	for (int i = 0; i < rounds; i++)
		one_round(i, fd);
	for (int i = 0; i < 3; i++) {
		double ours = median(times[IPCFS_FILES][i], rounds);
		double sleeping = median(times[SLEEPING][i], rounds);
		double spinning = median(times[SPINNING][i], rounds);

		row(names[i], ours,
		    sleeping < spinning ? "empty server, sleeping" : "empty server, spinning",
		    sleeping < spinning ? sleeping : spinning, targets[i]);
	}
	measure_ping_pong(rounds);
	return 0;
}
