/* SPDX-License-Identifier: MIT
 *
 * test_list_model.c - lists against a simple model; what grows: memory, and that what happens at an end costs the same
 * with many items as with few.
 */
#include "t_items.h"

#include <sys/resource.h>

/* ---- against a model --------------------------------------------------------------------------- */

enum { MODEL = 400 };
static struct {
	size_t len[MODEL];
	uint64_t seed[MODEL];
	uint64_t count;
} model;

static uint8_t *content(uint64_t seed, size_t len)
{
	static uint8_t bytes[4][5000];
	static unsigned turn;
	uint8_t *to = bytes[turn++ % 4];

	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(seed + i * 31 + (i >> 8));
	return to;
}

static void model_insert(uint64_t i, size_t len, uint64_t seed)
{
	t_check(model.count < MODEL);
	memmove(model.len + i + 1, model.len + i, (model.count - i) * sizeof(model.len[0]));
	memmove(model.seed + i + 1, model.seed + i, (model.count - i) * sizeof(model.seed[0]));
	model.len[i] = len;
	model.seed[i] = seed;
	model.count++;
}

static void model_delete(uint64_t i)
{
	model.count--;
	memmove(model.len + i, model.len + i + 1, (model.count - i) * sizeof(model.len[0]));
	memmove(model.seed + i, model.seed + i + 1, (model.count - i) * sizeof(model.seed[0]));
}

static void model_compare(struct ipcfs_object *o)
{
	struct iovec *items = NULL;

	t_is(ipcfs_list_items(o, &items, NULL), model.count);
	for (uint64_t i = 0; i < model.count; i++) {
		t_is(items[i].iov_len, model.len[i]);
		t_check(!memcmp(items[i].iov_base, content(model.seed[i], model.len[i]),
				model.len[i]));
	}
	free(items);
	t_check(list_is_whole(o));
}

static size_t some_length(void)
{
	return t_below(1 + t_below(1 + t_below(5000)));
}

static void step_many(struct ipcfs_object *o, bool anew)
{
	struct iovec v[4];
	uint64_t n = 1 + t_below(3);

	if (anew)
		model.count = 0;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t seed = t_random();
		size_t len = some_length();

		v[i] = (struct iovec){content(seed, len), len};
		model_insert(model.count, len, seed);
	}
	t_is(anew ? ipcfs_list_replace(o, v, n, NULL) : ipcfs_list_extend(o, v, n, NULL), 0);
}

static void step_take(struct ipcfs_object *o, uint64_t i)
{
	static uint8_t buf[5000];

	if (t_below(2)) {
		t_is(ipcfs_list_delete(o, (int64_t)i, NULL), 0);
	} else {
		t_is(ipcfs_list_pop(o, (int64_t)i - (int64_t)model.count, buf, sizeof(buf), 0),
		     model.len[i]);
		t_check(!memcmp(buf, content(model.seed[i], model.len[i]), model.len[i]));
	}
	model_delete(i);
}

static void step(struct ipcfs_object *o)
{
	uint64_t seed = t_random(), what = t_below(100), i = t_below(model.count + 1);
	size_t len = some_length();

	if (what < 30 && model.count < MODEL - 10) {
		i = t_below(3) ? model.count : i;
		t_is(ipcfs_list_insert(o, (int64_t)i, content(seed, len), len, NULL), 0);
		model_insert(i, len, seed);
	} else if (what < 40 && model.count < MODEL - 10) {
		step_many(o, false);
	} else if (what < 55 && i < model.count) {
		t_is(ipcfs_list_set(o, (int64_t)i, content(seed, len), len, NULL), 0);
		model.len[i] = len;
		model.seed[i] = seed;
	} else if (what < 98 && model.count) {
		step_take(o, t_below(2) ? i % model.count : t_below(2) ? 0 : model.count - 1);
	} else if (what == 98) {
		step_many(o, true);
	} else if (t_below(4) == 0) {
		t_is(ipcfs_list_clear(o), model.count);
		model.count = 0;
	}
}

static void like_the_model(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);

	model.count = 0;
	for (int i = 0, n = t_count(10000); i < n; i++) {
		step(o);
		if (i % 8 == 0)
			model_compare(o);
	}
	model_compare(o);
}

/* ---- growing ------------------------------------------------------------------------------------ */

static uint64_t pages_of(const char *name)
{
	struct stat st;

	t_is(stat(t_path("lists/%s", name), &st), 0);
	return (uint64_t)st.st_blocks * 512 / SEG_PAGE;
}

static void append_numbers(struct ipcfs_object *o, int from, int to)
{
	char text[32];

	for (int i = from; i < to; i++) {
		int n = snprintf(text, sizeof(text), "item %d", i);

		t_is(ipcfs_list_append(o, text, (size_t)n), 0);
	}
}

static void many(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	int n = t_count(100000) > 100000 ? 1000000 : t_count(100000);
	struct iovec *items;
	char text[32];

	t_check(pages_of("l") <= 3);
	append_numbers(o, 0, n);
	t_is(ipcfs_list_count(o), n);
	t_is(ipcfs_list_items(o, &items, NULL), n);
	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "item %d", i);
		t_check(items[i].iov_len == strlen(text) &&
			!memcmp(items[i].iov_base, text, strlen(text)));
	}
	free(items);
	t_gets(o, n / 2, (snprintf(text, sizeof(text), "item %d", n / 2), text));
	for (int i = 0; i < n / 2; i++) {
		snprintf(text, sizeof(text), "item %d", i);
		t_pops(o, 0, text);
	}
	t_is(ipcfs_list_count(o), n - n / 2);
	t_is(ipcfs_list_clear(o), n - n / 2);
	t_check(pages_of("l") <= 1 << 9); /* its memory went back, but for a megabyte */
	t_pops(o, 0, "-EAGAIN");
	append_numbers(o, 0, 10);
	t_pops(o, -1, "item 9");
}

/* An operation that looked at all items would touch all pages, once they are out of our page tables. */
static long faults_of(struct ipcfs_object *o)
{
	struct rusage before, after;
	char buf[32];

	t_is(madvise(o->base, 2 * SEG_PAGE + LOAD(o->control->reserved[0]), MADV_DONTNEED), 0);
	t_is(getrusage(RUSAGE_SELF, &before), 0);
	for (int i = 0; i < 20; i++) {
		t_is(ipcfs_list_append(o, "one more", 8), 0);
		t_is(ipcfs_list_pop(o, -1, buf, sizeof(buf), 0), 8);
		t_is(ipcfs_list_insert(o, 0, "one more", 8, NULL), 0);
		t_is(ipcfs_list_pop(o, 0, buf, sizeof(buf), 0), 8);
		t_is(ipcfs_list_get(o, 3, buf, sizeof(buf), NULL), 6);
	}
	t_is(getrusage(RUSAGE_SELF, &after), 0);
	return after.ru_minflt - before.ru_minflt;
}

static void ends_cost_the_same(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	long few, lots;

	append_numbers(o, 0, 10);
	few = faults_of(o);
	append_numbers(o, 10, 100000);
	lots = faults_of(o);
	t_check(few > 0);
	if (lots > few + 20) /* of some 50, where the kernel maps 16 pages at each fault */
		t_fail("%ld faults, %ld with 100,000 items", few, lots);
}

/* A list that never holds much never uses much, whatever goes through it. */
static void steady(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	char buf[600];
	uint64_t before;

	for (int round = 0; round < 2; round++) {
		before = round ? pages_of("l") : 0;
		for (int i = 0; i < t_count(20000); i++) {
			size_t len = (size_t)(i * 7 % 500);

			t_is(ipcfs_list_append(o, content((uint64_t)i, len), len), 0);
			if (i % 50 == 49)
				extend(o, "a,b,c");
			while (ipcfs_list_count(o) > 20)
				t_check(ipcfs_list_pop(o, 0, buf, sizeof(buf), 0) >= 0);
		}
		if (round)
			t_is(pages_of("l"), before);
	}
	t_check(pages_of("l") < 100);
	t_check(list_is_whole(o));
}

static void full_extent(void)
{
	struct ipcfs_object *o = t_list("l", 100000);
	static char item[50000];
	int n = 0, rc;

	/* One after the other has its own size, so nothing that was free is used again; the list does not end. */
	for (n = 0; n < 2000; n++) {
		t_is(ipcfs_list_append(o, item, (size_t)(1000 + n * 20)), 0);
		rc = ipcfs_list_delete(o, 0, NULL);
		t_is(rc, 0);
	}
	t_is(ipcfs_list_count(o), 0);
	t_items(o, "");
}

static const struct t_case tests[] = {
	T_TEST(like_the_model), T_TEST(many),	     T_TEST(ends_cost_the_same),
	T_TEST(steady),		T_TEST(full_extent),
};

int main(void)
{
	return T_RUN(tests);
}
