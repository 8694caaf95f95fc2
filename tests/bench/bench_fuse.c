/* SPDX-License-Identifier: MIT
 *
 * bench_fuse.c - what a system call on an /ipc file costs, against the same call on FUSE servers that answer from
 * nothing (the best of four: by hand and by libfuse, sleeping in read and spinning first) and, for two
 * processes, against pipes. All servers are daemons, each in a session of its own, since some schedulers take a
 * session for a group, and to change groups costs. All take turns in one run. A machine that is busy shows in both.
 * Everything runs on one CPU, the servers too, so that the ratio is of work and not of where the scheduler happened
 * to put whom, which differs from run to run and is worth tens of microseconds; --unpinned shows that.
 */
#include "bench.h"
#include "empty.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 100, PONGS = 200, WARM = 3, SPIN_US = 50 };
enum { EMPTY = 4, SERVERS = 1 + EMPTY }; /* the first is ours */

static const struct {
	const char *name;
	enum empty_api api;
	int spin_us;
} kinds[EMPTY] = {
	{"empty, raw, sleeping", EMPTY_RAW, 0},
	{"empty, raw, spinning", EMPTY_RAW, SPIN_US},
	{"empty, libfuse, sleeping", EMPTY_LIBFUSE, 0},
	{"empty, libfuse, spinning", EMPTY_LIBFUSE, SPIN_US},
};
static struct bench_ipcfs ipcfs;
static char dirs[EMPTY][48];
static pid_t servers[EMPTY];
static int rounds;

/* ---- set up, clean up ----------------------------------------------------------------------- */

static void clean(void)
{
	bench_unmount(&ipcfs);
	for (int i = 0; i < EMPTY; i++) {
		if (servers[i] > 0)
			empty_stop(dirs[i], servers[i]);
		if (dirs[i][0])
			rmdir(dirs[i]);
	}
}

static void set_up(void)
{
	bench_mount(&ipcfs);
	for (int i = 0; i < EMPTY; i++) {
		strcpy(dirs[i], "/tmp/ipcfs-bench-XXXXXX");
		bench_must(mkdtemp(dirs[i]) ? 0 : -1, "mkdtemp");
		servers[i] = empty_start(dirs[i], kinds[i].api, kinds[i].spin_us);
		bench_must(servers[i], "the empty server");
	}
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* ---- one object at a time --------------------------------------------------------------------- */

/* What is done to one kind of object: a file of ipcfs, its like in the empty servers, and the bytes. */
struct subject {
	const char *kind, *path, *empty;
	const char *text; /* what is written; NULL: a message of EMPTY_BYTES */
	int preload;	  /* writes before the reads that take as many */
};

enum { WRITE, READ, OPEN, MEASURES };
struct held {
	char path[96];
	int fd;
	bool seekable;
};
static struct bench_series costs[MEASURES][SERVERS];

static void must_write(int fd, const struct subject *s)
{
	static const char message[EMPTY_BYTES];
	size_t len = s->text ? strlen(s->text) : sizeof(message);

	if (write(fd, s->text ? s->text : message, len) != (ssize_t)len)
		bench_must(-1, "write");
}

/* What is shown, not taken, begins anew at offset 0. */
static void must_read(const struct held *h)
{
	char buf[EMPTY_BYTES];
	ssize_t n = h->seekable ? pread(h->fd, buf, sizeof(buf), 0) : read(h->fd, buf, sizeof(buf));

	if (n <= 0)
		bench_must(-1, "read");
}

static void open_write_close(const struct held *h, const struct subject *s)
{
	int fd = open(h->path, O_WRONLY | O_TRUNC);

	bench_must(fd, h->path);
	must_write(fd, s);
	close(fd);
}

/* The first few, which also wake the server, are not counted. */
static void write_batch(const struct subject *s, const struct held *h, struct bench_series *to)
{
	double began = 0;

	for (int i = -WARM; i < BATCH; i++) {
		if (i == 0)
			began = bench_now_ns();
		must_write(h->fd, s);
	}
	bench_add(to, (bench_now_ns() - began) / BATCH);
}

static void read_batch(const struct held *h, struct bench_series *to)
{
	double began = 0;

	for (int i = -WARM; i < BATCH; i++) {
		if (i == 0)
			began = bench_now_ns();
		must_read(h);
	}
	bench_add(to, (bench_now_ns() - began) / BATCH);
}

static void open_batch(const struct subject *s, const struct held *h, struct bench_series *to)
{
	double began = 0;

	for (int i = -WARM; i < BATCH; i++) {
		if (i == 0)
			began = bench_now_ns();
		open_write_close(h, s);
	}
	bench_add(to, (bench_now_ns() - began) / BATCH);
}

static void round_of(const struct subject *s, const struct held held[SERVERS], int round)
{
	for (int i = 0; i < SERVERS; i++) {
		int t = (i + round) % SERVERS;

		write_batch(s, &held[t], &costs[WRITE][t]);
		read_batch(&held[t], &costs[READ][t]);
		open_batch(s, &held[t], &costs[OPEN][t]);
		for (int k = -WARM; t == 0 && s->preload && k < BATCH; k++)
			must_read(&held[t]);
	}
}

static void measure(const struct subject *s)
{
	static const char *const names[MEASURES] = {"write(2), held", "read(2), held",
						    "open, write, close"};
	const double now = s->preload ? 1.3 : 0; /* the issue speaks of queues */
	const double targets[MEASURES] = {now, now, 0}, later[MEASURES] = {1.1, 1.1, 1.15};
	struct held held[SERVERS] = {0};
	char what[64];
	int best;

	memset(costs, 0, sizeof(costs));
	for (int t = 0; t < SERVERS; t++) {
		snprintf(held[t].path, sizeof(held[t].path), "%s/%s", t ? dirs[t - 1] : ipcfs.dir,
			 t ? s->empty : s->path);
		held[t].fd = open(held[t].path, O_RDWR | (t ? 0 : O_CREAT), 0600);
		bench_must(held[t].fd, held[t].path);
		held[t].seekable = t == 0 && !s->preload;
		must_write(held[t].fd, s);
		must_read(&held[t]);
	}
	for (int i = 0; i < rounds; i++)
		round_of(s, held, i);
	for (int m = 0; m < MEASURES; m++) {
		const struct bench_series *floor = bench_best(&costs[m][1], EMPTY, &best);

		snprintf(what, sizeof(what), "%s: %s", s->kind, names[m]);
		bench_cost(what, &costs[m][0], kinds[best].name, floor, targets[m], later[m]);
	}
	for (int t = 0; t < SERVERS; t++)
		close(held[t].fd);
}

/* ---- two processes ------------------------------------------------------------------------------ */

/* One process writes a and reads b, the other answers. */
static double ping_pong(const int to[2], const int from[2])
{
	char byte = 1;
	pid_t child = fork();
	double began = 0;

	bench_must(child, "fork");
	if (child == 0) {
		for (int i = -WARM; i < PONGS; i++)
			if (read(to[0], &byte, 1) != 1 || write(from[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	for (int i = -WARM; i < PONGS; i++) {
		if (i == 0)
			began = bench_now_ns();
		if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
			bench_must(-1, "ping-pong");
	}
	began = (bench_now_ns() - began) / PONGS;
	waitpid(child, NULL, 0);
	return began;
}

static void measure_ping_pong(void)
{
	static struct bench_series ours, theirs;
	int pipes[2][2], queues[2][2];
	char path[128];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/queues/pong%d", ipcfs.dir, i);
		queues[i][0] = queues[i][1] = open(path, O_RDWR | O_CREAT, 0600);
		bench_must(queues[i][0], path);
		bench_must(pipe(pipes[i]), "pipe");
	}
	for (int i = 0; i < rounds; i++) {
		bench_add(&ours, ping_pong(queues[0], queues[1]));
		bench_add(&theirs, ping_pong(pipes[0], pipes[1]));
	}
	bench_cost("two queues: ping-pong, two processes", &ours, "pipes", &theirs, 0, 1.0);
}

static void work(void)
{
	static const struct subject subjects[] = {
		{"queue", "queues/q", "q", NULL, 1},
		{"value", "values/v", "c", "12345\n", 0},
		{"semaphore", "semaphores/s", "c", "1\n", 1},
	};

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		measure(&subjects[i]);
	measure_ping_pong();
}

int main(int argc, char **argv)
{
	rounds = bench_rounds(argc, argv, 61, 15);
	if (!bench_has(argc, argv, "--unpinned"))
		pin();
	return bench_run(set_up, work, clean, 600);
}
