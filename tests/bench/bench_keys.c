/* SPDX-License-Identifier: MIT
 *
 * bench_keys.c - a dict as it grows: one key read and written among 10 to 100,000, as a file and in the library, and
 * the memory that a key takes. Each count takes turns with 10, in a dict beside it.
 */
#include "bench.h"
#include "core/ipcfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FEW, MANY, SIDES };
enum { BASE = 10, KEYS = 100000, BATCH = 50, NAME = 10, VALUE = 20 };

static struct bench_ipcfs mount;
static struct ipcfs_store *store;
static struct ipcfs_object *dicts[SIDES];
static const char *const names[SIDES] = {"few", "many"};
static int rounds;
static bool quick;

static void set_up(void)
{
	bench_mount(&mount);
}

static void clean(void)
{
	bench_unmount(&mount);
}

static void name_of(char name[NAME + 1], int i)
{
	snprintf(name, NAME + 1, "key-%06d", i);
}

static const char value[VALUE] = "a value of 20 bytes";

static int any_of(int count)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int)(state % (unsigned)count);
}

/* ---- one operation -------------------------------------------------------------------------------- */

static int open_key(int side, int i, int flags)
{
	char path[160], name[NAME + 1];
	int fd;

	name_of(name, i);
	snprintf(path, sizeof(path), "%s/dicts/%s/%s", mount.dir, names[side], name);
	fd = open(path, flags | O_CLOEXEC);
	bench_must(fd, path);
	return fd;
}

static void write_file(int side, int i)
{
	int fd = open_key(side, i, O_WRONLY | O_TRUNC);

	bench_must(write(fd, value, VALUE), "write");
	bench_must(close(fd), "close");
}

static void read_file(int side, int i)
{
	int fd = open_key(side, i, O_RDONLY);
	char buf[64];

	bench_must(read(fd, buf, sizeof(buf)), "read");
	close(fd);
}

static void set(int side, int i)
{
	char name[NAME + 1];

	name_of(name, i);
	bench_must(ipcfs_dict_set(dicts[side], name, value, VALUE), name);
}

static void get(int side, int i)
{
	char name[NAME + 1], buf[64];

	name_of(name, i);
	bench_must(ipcfs_dict_get(dicts[side], name, buf, sizeof(buf), NULL), name);
}

/* The key is the last one then; there are as many as before. */
static void remove_and_add(int side, int i)
{
	char name[NAME + 1];

	name_of(name, i);
	bench_must(ipcfs_dict_remove(dicts[side], name), name);
	bench_must(ipcfs_dict_add(dicts[side], name, value, VALUE), name);
}

static const struct {
	const char *what;
	void (*use)(int side, int i);
} rows[] = {
	{"files: echo VALUE > KEY", write_file},
	{"files: cat KEY", read_file},
	{"library: set", set},
	{"library: get", get},
	{"library: remove, add", remove_and_add},
};

/* ---- counts --------------------------------------------------------------------------------------- */

/* Ten keys, far from each other, so that what is measured is the dict and not the processor's cache. */
static double batch(void (*use)(int side, int i), int side, int count)
{
	double began = bench_now_ns();

	for (int i = 0; i < BATCH; i++)
		use(side, any_of(BASE) * (count / BASE));
	return (bench_now_ns() - began) / BATCH;
}

static void measure(size_t row, int count)
{
	static struct bench_series times[SIDES];
	char text[64], beside[32];

	memset(times, 0, sizeof(times));
	for (int i = 0; i < rounds; i++) {
		bench_add(&times[FEW], batch(rows[row].use, FEW, BASE));
		bench_add(&times[MANY], batch(rows[row].use, MANY, count));
	}
	snprintf(text, sizeof(text), "%s, of %d keys", rows[row].what, count);
	snprintf(beside, sizeof(beside), "of %d keys", BASE);
	bench_cost(text, &times[MANY], beside, &times[FEW], 0, 1.2);
}

static void measure_memory(int count)
{
	char path[160], text[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/dicts/%s", mount.store, names[MANY]);
	bench_must(stat(path, &st), path);
	snprintf(text, sizeof(text), "a key of %d: name %d, value %d bytes", count, NAME, VALUE);
	bench_bytes(text, (double)st.st_blocks * 512 / count, 170, 0);
}

static void work(void)
{
	static const int counts[] = {BASE, 1000, KEYS};
	int last = quick ? 2 : 3, made = 0;

	bench_must(ipcfs_store_open(mount.store, &store), mount.store);
	for (int i = 0; i < SIDES; i++)
		bench_must(ipcfs_open(store, IPCFS_DICT, names[i], IPCFS_CREATE, 0700, NULL,
				      &dicts[i]),
			   names[i]);
	for (int i = 0; i < BASE; i++)
		set(FEW, i);
	for (int c = 0; c < last; c++) {
		for (; made < counts[c]; made++)
			set(MANY, made);
		for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
			measure(row, made);
		if (made == KEYS) /* of few, what is reserved ahead shows */
			measure_memory(made);
	}
}

int main(int argc, char **argv)
{
	quick = bench_has(argc, argv, "--quick");
	rounds = quick ? 21 : 101;
	return bench_run(set_up, work, clean, 900);
}
