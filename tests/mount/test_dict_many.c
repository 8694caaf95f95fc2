/* SPDX-License-Identifier: MIT
 *
 * test_dict_many.c - many at once, through files and the library: readers never see half a value, appended lines stay
 * whole, sums and keys that are taken are right.
 */
#include "dict.h"

/* ---- nobody sees half ------------------------------------------------------------------------------------ */

struct torn {
	_Atomic bool stop;
	_Atomic long reads;
};

/* One letter, of one length for each. */
static int write_whole_values(void *arg)
{
	struct torn *t = arg;
	char bytes[40000];

	for (int i = 0; !t->stop; i++) {
		int letter = 'a' + i % 26;
		size_t left = (size_t)(letter - 'a' + 1) * 9000;
		int fd = (int)t_again(t_open(t_path("dicts/torn/k"), O_WRONLY | O_TRUNC));
		memset(bytes, letter, sizeof(bytes));
		for (; fd >= 0 && left > 0; left -= left < 7777 ? left : 7777)
			if (write(fd, bytes, left < 7777 ? left : 7777) < 0)
				return 1;
		/* after EBUSY, too, it is put: as soon as the lock can be had */
		if (fd < 0 || (close(fd) < 0 && errno != EBUSY))
			return 2;
	}
	return 0;
}

static bool is_whole(const char *bytes, long n)
{
	if (n <= 0 || n != (bytes[0] - 'a' + 1) * 9000)
		return false;
	for (long i = 1; i < n; i++)
		if (bytes[i] != bytes[0])
			return false;
	return true;
}

static int read_whole_values(void *arg)
{
	static char bytes[300000];
	struct torn *t = arg;

	while (!t->stop) {
		int fd = (int)t_again(t_open(t_path("dicts/torn/k"), O_RDONLY));
		long n = 0, got;
		while ((got = t_again(t_get(fd, bytes + n, 5000))) > 0)
			n += got;
		close(fd);
		if (got < 0 || !is_whole(bytes, n))
			return 1;
		t->reads++;
	}
	return 0;
}

static int read_by_library(void *arg)
{
	static char bytes[300000];
	struct torn *t = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, IPCFS_DICT, "torn");

	while (!t->stop) {
		long n = t_again(ipcfs_dict_get(o, "k", bytes, sizeof(bytes), NULL));
		if (!is_whole(bytes, n))
			return 1;
		t->reads++;
	}
	return 0;
}

static void readers_never_see_half(void **state)
{
	(void)state;
	int (*const roles[])(void *) = {write_whole_values, write_whole_values, read_whole_values,
					read_whole_values, read_by_library};
	struct torn *t = t_shared(sizeof(*t));
	pid_t pid[5];

	dict_make("torn");
	t_runs(0, "head -c 9000 /dev/zero | tr '\\0' a > %s", t_path("dicts/torn/k"));
	for (int i = 0; i < 5; i++)
		pid[i] = t_spawn(roles[i], t);
	t_until(t->reads > t_count(3000, 100000));
	t->stop = true;
	for (int i = 0; i < 5; i++)
		t_is(t_wait(pid[i]), 0);
}

/* ---- many at once ------------------------------------------------------------------------------------------ */

enum { WORKERS = 4 };

struct work {
	int number, rounds;
};

static int append_lines(void *arg)
{
	struct work *w = arg;
	int fd = t_open(t_path("dicts/lines/log"), O_WRONLY | O_APPEND);
	char line[64];

	for (int i = 0; i < w->rounds; i++) {
		int len = snprintf(line, sizeof(line), "%d %d %.*s\n", w->number, i, i % 30,
				   "------------------------------");
		if (t_again(t_put(fd, line)) != len)
			return 1;
	}
	return 0;
}

static int append_by_library(void *arg)
{
	struct work *w = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, IPCFS_DICT, "lines");
	char line[64];

	for (int i = 0; i < w->rounds; i++) {
		int len = snprintf(line, sizeof(line), "%d %d %.*s\n", w->number, i, i % 30,
				   "------------------------------");
		if (t_again(ipcfs_dict_append(o, "log", line, (size_t)len)) < 0)
			return 1;
	}
	return 0;
}

static void run_all(int (*file)(void *), int (*library)(void *), int rounds)
{
	struct work work[WORKERS];
	pid_t pid[WORKERS];

	for (int i = 0; i < WORKERS; i++) {
		work[i] = (struct work){i, rounds};
		pid[i] = t_spawn(i == 0 ? library : file, &work[i]);
	}
	for (int i = 0; i < WORKERS; i++)
		t_is(t_wait(pid[i]), 0);
}

static void appended_lines_stay_whole(void **state)
{
	(void)state;
	const char *d = dict_make("lines");
	int rounds = t_count(1000, 20000), next[WORKERS] = {0};
	static char line[256];

	t_is(t_touch(dict_key(d, "log")), 0);
	run_all(append_lines, append_by_library, rounds);
	FILE *log = fopen(dict_key(d, "log"), "r");
	assert_non_null(log);
	while (fgets(line, sizeof(line), log)) {
		int who, number;
		t_is(sscanf(line, "%d %d", &who, &number), 2);
		t_check(who >= 0 && who < WORKERS);
		t_is(number, next[who]++);
		t_is(strspn(strrchr(line, ' ') + 1, "-"), number % 30);
	}
	fclose(log);
	for (int i = 0; i < WORKERS; i++)
		t_is(next[i], rounds);
}

static int add_by_file(void *arg)
{
	struct work *w = arg;
	int fd = t_open(t_path("dicts/sum/n,num"), O_WRONLY);

	for (int i = 0; i < w->rounds; i++)
		if (t_again(t_put(fd, "add 1")) != 5)
			return 1;
	return 0;
}

static int add_by_library(void *arg)
{
	struct work *w = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, IPCFS_DICT, "sum");

	for (int i = 0; i < w->rounds; i++) {
		union ipcfs_number n = {.i = 1};
		char type = 'q';
		if (t_again(ipcfs_dict_op(o, "n", IPCFS_ADD, &type, &n)) < 0)
			return 1;
	}
	return 0;
}

static void numbers_add_up(void **state)
{
	(void)state;
	const char *d = dict_make("sum");
	int rounds = t_count(2000, 50000);

	t_is(t_echo(dict_key(d, "n"), "0"), 0);
	run_all(add_by_file, add_by_library, rounds);
	t_shows(dict_key(d, "n"), t_format("%d", WORKERS * rounds));
}

struct pops {
	int keys;
	_Atomic int taken[2000];
};
static struct pops *pops;

static int pop_by_file(void *arg)
{
	char value[16];

	(void)arg;
	for (int i = 0; i < pops->keys; i++) {
		long n = t_again(t_cat(t_path("dicts/pops/k%d,pop", i), value, sizeof(value)));
		if (n > 0 && atoi(value) == i)
			pops->taken[i]++;
		else if (n != -ENOENT && n != -EIDRM)
			return 1;
	}
	return 0;
}

static int pop_by_library(void *arg)
{
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, IPCFS_DICT, "pops");
	char name[16], value[16] = "";

	(void)arg;
	for (int i = 0; i < pops->keys; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		long n = t_again(ipcfs_dict_pop(o, name, value, sizeof(value)));
		if (n > 0 && atoi(value) == i)
			pops->taken[i]++;
		else if (n != -ENOENT)
			return 1;
	}
	return 0;
}

static void each_key_is_popped_once(void **state)
{
	(void)state;
	const char *d = dict_make("pops");

	pops = t_shared(sizeof(*pops));
	pops->keys = 2000;
	struct ipcfs_object *o = t_attach(IPCFS_DICT, "pops", NULL);
	char name[16];
	for (int i = 0; i < pops->keys; i++) {
		int len = snprintf(name, sizeof(name), "k%d", i);
		t_is(ipcfs_dict_set(o, name, name + 1, (size_t)len), 0);
	}
	run_all(pop_by_file, pop_by_library, 0);
	for (int i = 0; i < pops->keys; i++)
		t_is(pops->taken[i], 1);
	t_is(t_stat(d, "keys"), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(readers_never_see_half),
		T_TEST(appended_lines_stay_whole),
		T_TEST(numbers_add_up),
		T_TEST(each_key_is_popped_once),
	};
	return T_RUN(tests, argc, argv);
}
