/* SPDX-License-Identifier: MIT
 *
 * test_list_damage.c - lists whose heap somebody scribbles over: the server goes on, and the name can be removed.
 */
#include "list.h"

enum { CONTROL = 3584 }; /* docs/formats.md */

static const char *make(const char *name)
{
	t_is(t_touch(t_format("%s,capacity=1k", list(name))), 0);
	return list(name);
}

static uint64_t next_random(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* Writes over the file in the store. */
static void scribble(const char *file, long at, const void *bytes, size_t len)
{
	int fd = t_open(file, O_RDWR);

	t_check(fd >= 0);
	t_is(t_sys(pwrite(fd, bytes, len, at)), (long)len);
	close(fd);
}

/* Everything that can be done with it; the server goes on, and the name can be removed. */
static void use_list(const char *path)
{
	char buf[4096];
	int fd = t_open(path, O_RDWR | O_NONBLOCK);

	if (fd >= 0) {
		t_get(fd, buf, sizeof(buf));
		t_put(fd, "one\ntwo\nthree\n");
		t_get(fd, buf, sizeof(buf));
		close(fd);
	}
	t_cat(t_format("%s,at=-1", path), buf, sizeof(buf));
	t_cat(t_format("%s,pop=0,timeout=0", path), buf, sizeof(buf));
	t_echo(t_format("%s,insert=0", path), "y");
	t_echo(t_format("%s,at=0", path), "another one");
	t_echo(path, "z\n");
	t_cat(t_format("%s,stat", path), buf, sizeof(buf));
	t_is(t_sys(truncate(path, 0)) == 0 || errno == EUCLEAN, 1);
	t_check(t_server() > 0);
	t_is(t_sys(unlink(path)), 0);
}

static void every_word_of_a_lists_heap(void **state)
{
	(void)state;
	static const struct {
		long from, to;
	} parts[] = {{4096, 4160}, {4608, 4656}, {4864, 5000}, {5824, 5880}, {8192, 8500}};
	static const uint64_t odd[] = {0,
				       1,
				       8192,
				       8224,
				       8228,
				       4608,
				       0xffffffffull,
				       0x7ffffffffffffff8ull,
				       0xffffffffffffffffull,
				       2236416 - 8,
				       2236416};

	for (size_t part = 0; part < sizeof(parts) / sizeof(*parts); part++)
		for (long at = parts[part].from; at < parts[part].to; at += 8)
			for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
				const char *path = make("heap"), *file = t_in_store("lists/heap");
				static const uint64_t dead = 77 << 1, two = 2;

				t_is(t_echo(path, "a\nbb\nccc\n"), 0);
				scribble(file, at, &odd[i], sizeof(odd[i]));
				if (i % 2 ||
				    part == 0) { /* and its lock's owner died in a commit */
					scribble(file, CONTROL + 128, &two, sizeof(two));
					scribble(file, CONTROL + 64, &dead, sizeof(dead));
				}
				use_list(path);
			}
	t_is(t_echo(list("lives"), "on\n"), 0);
	t_shows(list("lives"), "on\n");
}

/* Somebody who may write it scribbles while the server uses it. */
static int scribble_for_ever(void *arg)
{
	int fd = t_open(arg, O_RDWR);
	uint64_t word;

	if (fd < 0)
		return 1;
	for (;;) {
		long at = 4096 + (long)(next_random() % 600) * 8;

		word = next_random() % 3 ? next_random() % 9000 : next_random();
		if (pwrite(fd, &word, sizeof(word), at) < 0)
			return 1;
	}
}

static void scribbled_while_it_is_used(void **state)
{
	(void)state;
	for (int i = 0; i < t_count(40, 1000); i++) {
		const char *path = make("scribbled");
		pid_t pid = t_spawn(scribble_for_ever,
				    (void *)(uintptr_t)t_in_store("lists/scribbled"));

		for (int k = 0; k < 20; k++) {
			t_echo(path, "a\nb\nc\n");
			t_echo(t_format("%s,insert=1", path), "d");
		}
		use_list(path);
		t_kill(pid);
	}
	t_is(t_echo(list("lives"), "on\n"), 0);
	t_shows(list("lives"), "on\n");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(every_word_of_a_lists_heap),
		T_TEST(scribbled_while_it_is_used),
	};
	return T_RUN(tests, argc, argv);
}
