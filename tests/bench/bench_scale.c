/* SPDX-License-Identifier: MIT
 *
 * bench_scale.c - what grows with the work: memory of the server for each parked reader and time to wake one of
 * 1 to 10,000; an operation on one of 10 to 20,000 objects, in a mount and in the library; what happens at the ends of
 * a list of 10 to 100,000 items. Each count takes turns with 10 of the same, in another queue, list or store.
 */
#include "bench.h"
#include "core/ipcfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { FEW, MANY, SIDES };
enum { BASE = 10, READERS = 10000, OBJECTS = 20000, STACK = 32 << 10, BATCH = 50 };

static struct bench_ipcfs mounts[SIDES];
static int rounds;
static bool quick;

static void set_up(void)
{
	for (int i = 0; i < SIDES; i++)
		bench_mount(&mounts[i]);
}

static void clean(void)
{
	for (int i = 0; i < SIDES; i++)
		bench_unmount(&mounts[i]);
}

/* ---- parked readers: a thread each, all in the first mount ---------------------------------------- */

static sem_t was_read;
static _Atomic int64_t read_at_ns;
static int fds[READERS];
static const char *const queue_names[SIDES] = {"few", "many"};

static void queue_path(char path[128], int side, const char *view)
{
	snprintf(path, 128, "%s/queues/%s%s", mounts[0].dir, queue_names[side], view);
}

static void *reader(void *arg)
{
	const int *fd = arg;
	char byte[8];

	while (read(*fd, byte, sizeof(byte)) > 0) {
		atomic_store(&read_at_ns, (int64_t)bench_now_ns());
		sem_post(&was_read);
	}
	return NULL;
}

static int open_queue(int side)
{
	char path[128];
	int fd;

	queue_path(path, side, "");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bench_must(fd, path);
	return fd;
}

static void start_reader(int *fd)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	bench_must(-pthread_create(&thread, &attr, reader, fd), "pthread_create");
	pthread_attr_destroy(&attr);
}

static long waiters(int side)
{
	char path[128], text[4096];
	const char *at;
	ssize_t n;
	int fd;

	queue_path(path, side, ",stat");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	bench_must(fd, path);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "\nwaiters ");
	return at ? strtol(at + 9, NULL, 10) : -1;
}

static void await_waiters(int side, long count)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	while (waiters(side) != count)
		nanosleep(&ms, NULL);
}

/* From before the write to the reader's first statement. All wait again afterwards. */
static double wake_one(int side, int fd, long count)
{
	double began = bench_now_ns();

	bench_must(write(fd, "1", 1), "write");
	while (sem_wait(&was_read) < 0)
		;
	began = (double)atomic_load(&read_at_ns) - began;
	await_waiters(side, count);
	return began;
}

static void measure_wake(const int fd[SIDES], int few, int many)
{
	static struct bench_series times[SIDES];
	char what[64], beside[32];

	memset(times, 0, sizeof(times));
	for (int i = 0; i < rounds; i++) {
		bench_add(&times[FEW], wake_one(FEW, fd[FEW], few));
		bench_add(&times[MANY], wake_one(MANY, fd[MANY], many));
	}
	snprintf(what, sizeof(what), "a write wakes one of %d readers", many);
	snprintf(beside, sizeof(beside), "one of %d", few);
	bench_cost(what, &times[MANY], beside, &times[FEW], 0, 1.2);
}

static void parked_readers(void)
{
	static const int counts[] = {1, 10, 100, 1000, READERS};
	static int few_fds[BASE];
	int started = 0, last = quick ? 4 : 5, fd[SIDES] = {open_queue(FEW), open_queue(MANY)};
	double begin, opened, parked;

	bench_must(sem_init(&was_read, 0, 0), "sem_init");
	for (int i = 0; i < BASE; i++) {
		few_fds[i] = open_queue(FEW);
		start_reader(&few_fds[i]);
	}
	await_waiters(FEW, BASE);
	for (int c = 0; c < last; c++) {
		int before = started, added = counts[c] - started;
		char what[64];

		begin = bench_server_memory(&mounts[0]);
		for (int i = before; i < counts[c]; i++)
			fds[i] = open_queue(MANY);
		opened = bench_server_memory(&mounts[0]);
		for (; started < counts[c]; started++)
			start_reader(&fds[started]);
		await_waiters(MANY, started);
		parked = bench_server_memory(&mounts[0]);
		measure_wake(fd, BASE, started);
		if (added < 500) /* pages are too coarse to see it */
			continue;
		snprintf(what, sizeof(what), "server memory: a parked read of %d", started);
		bench_bytes(what, (parked - opened) / added, 2048, 1024);
		snprintf(what, sizeof(what), "server memory: with its open file, %d", started);
		bench_bytes(what, (parked - begin) / added, 2048, 1024);
	}
}

/* ---- many objects ------------------------------------------------------------------------------------ */

static struct ipcfs_store *stores[SIDES];

static void name_of(char name[32], int i)
{
	snprintf(name, 32, "object-%d", i);
}

static void create_objects(int side, int from, int to)
{
	struct ipcfs_object *o;
	char name[32];

	for (int i = from; i < to; i++) {
		name_of(name, i);
		bench_must(
			ipcfs_open(stores[side], IPCFS_QUEUE, name, IPCFS_CREATE, 0600, NULL, &o),
			name);
		ipcfs_close(o);
	}
}

static int any_of(int count)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int)(state % (unsigned)count);
}

/* open, write, close and open, read, close of a file. */
static void through_mount(int side, int i)
{
	char path[160], byte[8];
	int fd;

	snprintf(path, sizeof(path), "%s/queues/object-%d", mounts[side].dir, i);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	bench_must(fd, path);
	bench_must(write(fd, "1", 1), path);
	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	bench_must(fd, path);
	bench_must(read(fd, byte, sizeof(byte)), path);
	close(fd);
}

static void through_library(int side, int i)
{
	struct ipcfs_object *o;
	char name[32], byte[8];

	name_of(name, i);
	bench_must(ipcfs_open(stores[side], IPCFS_QUEUE, name, 0, 0, NULL, &o), name);
	bench_must(ipcfs_queue_put(o, "1", 1, 0), name);
	bench_must(ipcfs_queue_get(o, byte, sizeof(byte), 0), name);
	ipcfs_close(o);
}

static double batch(void (*use)(int side, int i), int side, int count)
{
	double began = bench_now_ns();

	for (int i = 0; i < BATCH; i++)
		use(side, any_of(count));
	return (bench_now_ns() - began) / BATCH;
}

static void measure_objects(const char *what, void (*use)(int side, int i), int count)
{
	static struct bench_series times[SIDES];
	char text[64], beside[32];

	memset(times, 0, sizeof(times));
	for (int i = 0; i < BASE; i++)
		use(FEW, i);
	for (int i = 0; i < count; i++) /* the first use of an object reserves its memory */
		use(MANY, i);
	for (int i = 0; i < rounds; i++) {
		bench_add(&times[FEW], batch(use, FEW, BASE));
		bench_add(&times[MANY], batch(use, MANY, count));
	}
	snprintf(text, sizeof(text), "%s: any of %d", what, count);
	snprintf(beside, sizeof(beside), "any of %d", BASE);
	bench_cost(text, &times[MANY], beside, &times[FEW], 0, 1.2);
}

static void many_objects(void)
{
	static const int counts[] = {BASE, 100, 1000, 10000, OBJECTS};
	int last = quick ? 3 : 5, made = 0;

	for (int i = 0; i < SIDES; i++)
		bench_must(ipcfs_store_open(mounts[i].store, &stores[i]), mounts[i].store);
	create_objects(FEW, 0, BASE);
	for (int c = 0; c < last; c++) {
		create_objects(MANY, made, counts[c]);
		made = counts[c];
		measure_objects("files: open, put, open, get", through_mount, made);
		measure_objects("library: open, put, get, close", through_library, made);
	}
}

/* ---- lists of many items ------------------------------------------------------------------------------- */

enum { ITEMS = 100000, LIST_BATCH = 200 };

static struct ipcfs_object *lists[SIDES];
static int appends[SIDES], pops[SIDES]; /* open files of the same in the mount */

static void fill_list(int side, int from, int to)
{
	for (int i = from; i < to; i++)
		bench_must(ipcfs_list_append(lists[side], "an item", 7), "append");
}

/* At the end and at the front; the list is as it was. */
static double library_ends(int side)
{
	double began = bench_now_ns();
	char item[16];

	for (int i = 0; i < LIST_BATCH; i++) {
		bench_must(ipcfs_list_append(lists[side], "an item", 7), "append");
		bench_must(ipcfs_list_pop(lists[side], i % 2 - 1, item, sizeof(item), 0), "pop");
	}
	return (bench_now_ns() - began) / LIST_BATCH;
}

static double file_ends(int side)
{
	double began = bench_now_ns();
	char item[16];

	for (int i = 0; i < LIST_BATCH; i++) {
		bench_must(write(appends[side], "an item\n", 8), "append");
		bench_must(read(pops[side], item, sizeof(item)), "pop");
	}
	return (bench_now_ns() - began) / LIST_BATCH;
}

static void measure_list(const char *what, double (*ends)(int side), int items)
{
	static struct bench_series times[SIDES];
	char text[64], beside[32];

	memset(times, 0, sizeof(times));
	for (int i = 0; i < rounds; i++) {
		bench_add(&times[FEW], ends(FEW));
		bench_add(&times[MANY], ends(MANY));
	}
	snprintf(text, sizeof(text), "%s: list of %d items", what, items);
	snprintf(beside, sizeof(beside), "of %d", BASE);
	bench_cost(text, &times[MANY], beside, &times[FEW], 0, 1.2);
}

static void open_list(int side)
{
	char path[160];

	bench_must(ipcfs_open(stores[side], IPCFS_LIST, "list", IPCFS_CREATE, 0600, NULL,
			      &lists[side]),
		   "list");
	snprintf(path, sizeof(path), "%s/lists/list", mounts[side].dir);
	appends[side] = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	bench_must(appends[side], path);
	snprintf(path, sizeof(path), "%s/lists/list,pop=0", mounts[side].dir);
	pops[side] = open(path, O_RDWR | O_CLOEXEC);
	bench_must(pops[side], path);
}

static void many_items(void)
{
	static const int counts[] = {BASE, 1000, ITEMS};
	int made = 0;

	for (int i = 0; i < SIDES; i++)
		open_list(i);
	fill_list(FEW, 0, BASE);
	for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
		fill_list(MANY, made, counts[c]);
		made = counts[c];
		measure_list("library: append, pop", library_ends, made);
		measure_list("files: append, pop", file_ends, made);
	}
}

static void work(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	many_objects();
	many_items();
	parked_readers();
}

int main(int argc, char **argv)
{
	quick = bench_has(argc, argv, "--quick");
	rounds = quick ? 21 : 101;
	return bench_run(set_up, work, clean, 900);
}
