/* SPDX-License-Identifier: MIT
 *
 * test_list.c - lists: against a simple model, each error, both ends and the middle, everything at once, waiting and
 * being woken, memory, and that what happens at an end costs the same with many items as with few.
 */
#include "t_core.h"

#include <sys/resource.h>

#include "t_list.h"

#define L IPCFS_LIST

/* ---- items as one text ------------------------------------------------------------------------ */

/* "a,b,c" */
static const char *items_of(struct ipcfs_object *o)
{
	static char text[4096];
	struct iovec *items = NULL;
	ssize_t n = ipcfs_list_items(o, &items, NULL);
	size_t len = 0;

	t_check(n >= 0);
	t_is(ipcfs_list_count(o), n);
	for (ssize_t i = 0; i < n; i++) {
		t_check(len + items[i].iov_len + 2 < sizeof(text));
		if (items[i].iov_len)
			memcpy(text + len, items[i].iov_base, items[i].iov_len);
		len += items[i].iov_len;
		text[len++] = ',';
	}
	text[len ? len - 1 : 0] = '\0';
	free(items);
	t_check(list_is_whole(o));
	return text;
}

static void t_items_(struct ipcfs_object *o, const char *want, int line)
{
	const char *is = items_of(o);

	if (strcmp(is, want) != 0)
		t_fail_(__FILE__, line, "the items are \"%s\", not \"%s\"", is, want);
}
#define t_items(o, want) t_items_(o, want, __LINE__)

static void extend(struct ipcfs_object *o, const char *words)
{
	struct iovec v[100];
	uint64_t n = 0;

	while (n < 100) {
		size_t len = strcspn(words, ",");

		v[n++] = (struct iovec){(void *)(uintptr_t)words, len};
		if (!words[len])
			break;
		words += len + 1;
	}
	t_is(ipcfs_list_extend(o, v, n, NULL), 0);
}

static int insert(struct ipcfs_object *o, int64_t index, const char *item)
{
	return ipcfs_list_insert(o, index, item, strlen(item), NULL);
}

static int set(struct ipcfs_object *o, int64_t index, const char *item)
{
	return ipcfs_list_set(o, index, item, strlen(item), NULL);
}

static const char *pop(struct ipcfs_object *o, int64_t index)
{
	static char buf[200];
	ssize_t n = ipcfs_list_pop(o, index, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return t_result(n);
	buf[n] = '\0';
	return buf;
}
#define t_pops(o, index, want) assert_string_equal(pop(o, index), want)

static const char *get(struct ipcfs_object *o, int64_t index)
{
	static char buf[200];
	ssize_t n = ipcfs_list_get(o, index, buf, sizeof(buf) - 1, NULL);

	if (n < 0)
		return t_result(n);
	buf[n] = '\0';
	return buf;
}
#define t_gets(o, index, want) assert_string_equal(get(o, index), want)

/* ---- each call ---------------------------------------------------------------------------------- */

static void ends(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);

	t_items(o, "");
	t_is(ipcfs_list_append(o, "a", 1), 0);
	t_is(ipcfs_list_append(o, "", 0), 0);
	t_is(ipcfs_list_append(o, "ccc", 3), 0);
	t_items(o, "a,,ccc");
	t_pops(o, -1, "ccc");
	t_pops(o, 0, "a");
	t_items(o, "");
	t_is(ipcfs_list_count(o), 1);
	t_pops(o, 0, "");
	t_is(ipcfs_list_count(o), 0);
	t_pops(o, 0, "-EAGAIN");
	t_pops(o, -1, "-EAGAIN");
	t_pops(o, 5, "-EAGAIN"); /* it may be there, once there is one */
}

static void indices(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);

	extend(o, "a,b,c,d");
	t_gets(o, 0, "a");
	t_gets(o, 3, "d");
	t_gets(o, -1, "d");
	t_gets(o, -4, "a");
	t_gets(o, 4, "-ERANGE");
	t_gets(o, -5, "-ERANGE");
	t_gets(o, INT64_MAX, "-ERANGE");
	t_gets(o, INT64_MIN, "-ERANGE");
	t_is(set(o, 1, "B"), 0);
	t_is(set(o, -1, "a longer one than before, so that its block is another"), 0);
	t_is(set(o, 4, "x"), -ERANGE);
	t_is(set(o, -5, "x"), -ERANGE);
	t_items(o, "a,B,c,a longer one than before, so that its block is another");
	t_is(ipcfs_list_delete(o, 4, NULL), -ERANGE);
	t_is(ipcfs_list_delete(o, -5, NULL), -ERANGE);
	t_is(ipcfs_list_delete(o, 3, NULL), 0);
	t_is(ipcfs_list_delete(o, -2, NULL), 0);
	t_items(o, "a,c");
	t_is(ipcfs_list_delete(o, 0, NULL), 0);
	t_is(ipcfs_list_delete(o, 0, NULL), 0);
	t_is(ipcfs_list_delete(o, 0, NULL), -ERANGE);
	t_gets(o, 0, "-ERANGE");
	t_items(o, "");
}

static void inserting(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);

	t_is(insert(o, 1, "x"), -ERANGE);
	t_is(insert(o, -1, "x"), -ERANGE);
	t_is(insert(o, 0, "c"), 0);
	t_is(insert(o, 0, "a"), 0);
	t_is(insert(o, 1, "b"), 0);
	t_is(insert(o, 3, "e"), 0);
	t_is(insert(o, -1, "d"), 0); /* before the last, as in Python */
	t_is(insert(o, 6, "x"), -ERANGE);
	t_is(insert(o, -6, "x"), -ERANGE);
	t_is(insert(o, INT64_MIN, "x"), -ERANGE);
	t_items(o, "a,b,c,d,e");
	t_is(insert(o, -5, "0"), 0);
	t_items(o, "0,a,b,c,d,e");
	t_pops(o, 2, "b");
	t_pops(o, -2, "d");
	t_pops(o, 4, "-ERANGE");
	t_pops(o, -5, "-ERANGE");
	t_items(o, "0,a,c,e");
}

static void all_at_once(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	struct iovec v[2] = {{(void *)"x", 1}, {(void *)"yy", 2}};

	t_is(ipcfs_list_extend(o, v, 0, NULL), -EINVAL);
	t_is(ipcfs_list_replace(o, v, 2, NULL), 0);
	t_items(o, "x,yy");
	extend(o, "a,b,c");
	t_items(o, "x,yy,a,b,c");
	t_is(ipcfs_list_replace(o, v, 1, NULL), 0);
	t_items(o, "x");
	t_is(ipcfs_list_replace(o, NULL, 0, NULL), 0);
	t_items(o, "");
	extend(o, "a,b,c");
	t_is(ipcfs_list_clear(o), 3);
	t_is(ipcfs_list_clear(o), 0);
	t_items(o, "");
	extend(o, "d");
	t_items(o, "d");
}

static void compare(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	struct iovec v = {(void *)"x", 1};
	struct ipcfs_stat st;
	uint64_t changes, old;
	struct iovec *items;

	extend(o, "a,b");
	t_stat_of(o, &st);
	changes = st.changes;
	t_is(ipcfs_list_insert(o, 1, "1", 1, &changes), 0);
	old = changes;
	t_is(ipcfs_list_set(o, 0, "2", 1, &changes), 0);
	t_check(changes > old);
	t_is(ipcfs_list_set(o, 0, "no", 2, &old), -ECANCELED);
	t_is(ipcfs_list_insert(o, 0, "no", 2, &old), -ECANCELED);
	t_is(ipcfs_list_delete(o, 0, &old), -ECANCELED);
	t_is(ipcfs_list_extend(o, &v, 1, &old), -ECANCELED);
	t_is(ipcfs_list_replace(o, &v, 1, &old), -ECANCELED);
	t_items(o, "2,1,b");
	t_is(ipcfs_list_delete(o, -1, &changes), 0);
	t_is(ipcfs_list_extend(o, &v, 1, &changes), 0);
	t_items(o, "2,1,x");
	t_is(ipcfs_list_items(o, &items, &old), 3);
	free(items);
	t_check(old == changes);
	t_is(ipcfs_list_get(o, 0, NULL, 0, &old), 1);
	t_check(old == changes);
	t_is(ipcfs_list_replace(o, &v, 1, &changes), 0);
	t_items(o, "x");
	t_is(ipcfs_list_set(o, 3, "no", 2, &changes), -ERANGE); /* is no change */
	t_is(ipcfs_list_set(o, 0, "y", 1, &changes), 0);
}

static void buffers(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	char buf[8] = "........";

	extend(o, "abcdef");
	t_is(ipcfs_list_get(o, 0, buf, 3, NULL), 6);
	assert_memory_equal(buf, "abc.....", 8);
	t_is(ipcfs_list_pop(o, 0, buf, 5, 0), -EMSGSIZE);
	t_items(o, "abcdef");
	t_is(ipcfs_list_pop(o, 0, buf, 6, 0), 6);
	assert_memory_equal(buf, "abcdef..", 8);
}

static void limits(void)
{
	struct ipcfs_object *o = t_list("l", 10), *other = t_object(IPCFS_EVENT, "e", NULL);
	struct iovec v[3] = {{(void *)"123456", 6}, {(void *)"123456", 6}, {(void *)"1", 1}};
	static char big[IPCFS_ITEM_MAX + 1];
	struct iovec *items;

	t_is(ipcfs_list_append(o, "12345678901", 11), -EMSGSIZE);
	t_is(ipcfs_list_extend(o, v, 2, NULL), -ENOSPC);
	t_is(ipcfs_list_replace(o, v, 2, NULL), -ENOSPC);
	t_items(o, "");
	t_is(ipcfs_list_append(o, "1234567890", 10), 0);
	t_is(ipcfs_list_append(o, "", 0), 0);
	t_is(ipcfs_list_append(o, "1", 1), -ENOSPC);
	t_is(insert(o, 0, "1"), -ENOSPC);
	t_is(set(o, 0, "12345678901"), -EMSGSIZE);
	t_is(set(o, 1, "1"), -ENOSPC);
	t_is(set(o, 0, "123456789"), 0);
	t_is(set(o, 1, "1"), 0);
	t_is(ipcfs_list_replace(o, v + 1, 2, NULL), 0);
	t_items(o, "123456,1");
	o = t_object(L, "big", NULL);
	t_is(ipcfs_list_append(o, big, IPCFS_ITEM_MAX + 1), -EMSGSIZE);
	t_is(ipcfs_list_insert(o, 0, big, IPCFS_ITEM_MAX + 1, NULL), -EMSGSIZE);
	v[1] = (struct iovec){big, IPCFS_ITEM_MAX + 1};
	t_is(ipcfs_list_extend(o, v, 3, NULL), -EMSGSIZE);
	t_is(ipcfs_list_replace(o, v, 3, NULL), -EMSGSIZE);
	t_is(ipcfs_list_append(o, big, IPCFS_ITEM_MAX), 0);
	t_is(ipcfs_list_get(o, 0, NULL, 0, NULL), IPCFS_ITEM_MAX);
	t_is(ipcfs_list_set(o, 0, big, IPCFS_ITEM_MAX + 1, NULL), -EMSGSIZE);
	t_is(ipcfs_list_append(other, "x", 1), -EINVAL);
	t_is(ipcfs_list_items(other, &items, NULL), -EINVAL);
	t_is(ipcfs_list_count(other), -EINVAL);
	t_is(ipcfs_event_set(o), -EINVAL);
	t_is(ipcfs_queue_put(o, "x", 1, 0), -EINVAL);
}

static void stat_tells(void)
{
	struct ipcfs_object *o = t_list("l", 1000);
	struct ipcfs_stat st;

	extend(o, "a,bb,ccc");
	t_stat_of(o, &st);
	t_is(st.messages, 3);
	t_is(st.bytes, 6);
	t_is(st.properties.given, IPCFS_P_CAPACITY);
	t_is(st.properties.capacity, 1000);
	t_pops(o, 1, "bb");
	t_is(set(o, 0, "aaaa"), 0);
	t_stat_of(o, &st);
	t_is(st.messages, 2);
	t_is(st.bytes, 7);
	o = t_object(L, "none", NULL);
	t_stat_of(o, &st);
	t_is(st.properties.given, 0);
}

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

/* ---- waiting ----------------------------------------------------------------------------------- */

static long pop_call(struct ipcfs_object *o, long index, int64_t deadline_ns)
{
	char buf[64];
	ssize_t n = ipcfs_list_pop(o, index, buf, sizeof(buf), deadline_ns);

	return n < 0 ? n : buf[0];
}

static void waiting(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	struct t_call *first, *last, *past;

	first = t_start_waiting((struct t_call){
		.kind = L, .name = "l", .function = pop_call, .timeout_ns = 100 * T_SECOND});
	t_is(ipcfs_list_append(o, "a", 1), 0);
	t_ends_with(first, 'a');
	last = t_start_waiting((struct t_call){.kind = L,
					       .name = "l",
					       .function = pop_call,
					       .arg = -1,
					       .timeout_ns = 100 * T_SECOND});
	extend(o, "x,y,z");
	t_ends_with(last, 'z');
	t_items(o, "x,y");
	t_is(ipcfs_list_clear(o), 2);
	past = t_start_waiting((struct t_call){.kind = L,
					       .name = "l",
					       .function = pop_call,
					       .arg = 1,
					       .timeout_ns = 100 * T_SECOND});
	t_is(insert(o, 0, "only"), 0);
	t_ends_with(past, -ERANGE);
	t_items(o, "only");
	t_pops(o, 0, "only");
	t_ends_with(t_start((struct t_call){
			    .kind = L, .name = "l", .function = pop_call, .timeout_ns = 5 * T_MS}),
		    -ETIMEDOUT);
}

/* Several at once, each gets one. */
static void all_are_woken(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	struct t_call *calls[5];
	long sum = 0;

	for (int i = 0; i < 5; i++)
		calls[i] = t_start_waiting((struct t_call){.kind = L,
							   .name = "l",
							   .function = pop_call,
							   .timeout_ns = 100 * T_SECOND});
	extend(o, "a,b,c,d,e,f");
	for (int i = 0; i < 5; i++) {
		t_is(t_wait(calls[i]->pid), 0);
		sum += calls[i]->result;
	}
	t_is(sum, 'a' + 'b' + 'c' + 'd' + 'e');
	t_items(o, "f");
	/* One who cannot use what woke him passes it on. */
	t_pops(o, 0, "f");
	calls[0] = t_start_waiting((struct t_call){.kind = L,
						   .name = "l",
						   .function = pop_call,
						   .arg = 3,
						   .timeout_ns = 100 * T_SECOND});
	calls[1] = t_start_waiting((struct t_call){
		.kind = L, .name = "l", .function = pop_call, .timeout_ns = 100 * T_SECOND});
	extend(o, "g");
	t_ends_with(calls[0], -ERANGE);
	t_ends_with(calls[1], 'g');
}

static void ended_waits(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	struct t_call *killed, *removed;

	killed = t_start_waiting((struct t_call){
		.kind = L, .name = "l", .function = pop_call, .timeout_ns = 100 * T_SECOND});
	t_kill(killed->pid);
	extend(o, "a");
	t_items(o, "a");
	t_pops(o, 0, "a");
	removed = t_start_waiting((struct t_call){
		.kind = L, .name = "l", .function = pop_call, .timeout_ns = 100 * T_SECOND});
	t_is(ipcfs_unlink(t.store, L, "l"), 0);
	t_ends_with(removed, -EIDRM);
	t_is(ipcfs_list_append(o, "a", 1), -EIDRM);
}

/* ---- with others ------------------------------------------------------------------------------- */

enum { APPENDERS = 4 };

static int appender(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;
	int who = (int)(intptr_t)arg, n = t_count(5000);
	char item[16];

	t_is(ipcfs_open(store, L, "l", 0, 0, NULL, &o), 0);
	for (int i = 0; i < n; i++) {
		int len = snprintf(item, sizeof(item), "%d %d", who, i);

		t_is(t_again(ipcfs_list_append(o, item, (size_t)len)), 0);
	}
	return 0;
}

/* Each one's items come in his order, and none is lost, though one is killed now and then. */
static void appended_by_many(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	int next[APPENDERS] = {0}, who, i, left = APPENDERS;
	pid_t pids[APPENDERS];
	char buf[17];

	for (int k = 0; k < APPENDERS; k++)
		pids[k] = t_fork(appender, (void *)(intptr_t)k);
	for (int k = 0; k < APPENDERS; k++)
		t_is(t_wait(pids[k]), 0);
	while (left) {
		ssize_t n = ipcfs_list_pop(o, 0, buf, 16, 0);

		t_check(n > 0);
		buf[n] = '\0';
		t_check(sscanf(buf, "%d %d", &who, &i) == 2 && who >= 0 && who < APPENDERS);
		t_is(i, next[who]++);
		left -= next[who] == t_count(5000);
	}
	t_is(ipcfs_list_count(o), 0);
}

static _Atomic int *progress;

static int endless(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;
	struct iovec v[3] = {{(void *)"aaa", 3}, {(void *)"bb", 2}, {(void *)"c", 1}};
	char buf[16];

	(void)arg;
	t_is(ipcfs_open(store, L, "l", 0, 0, NULL, &o), 0);
	for (;;) {
		ipcfs_list_extend(o, v, 3, NULL);
		ipcfs_list_insert(o, 1, "bb", 2, NULL);
		ipcfs_list_set(o, 0, "c", 1, NULL);
		ipcfs_list_pop(o, -1, buf, sizeof(buf), 0);
		ipcfs_list_pop(o, 0, buf, sizeof(buf), 0);
		if (ipcfs_list_count(o) > 40)
			ipcfs_list_replace(o, v, 3, NULL);
		(*progress)++;
	}
	return 0;
}

static void killed_in_the_middle(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);

	progress = t_shared(sizeof(*progress));
	for (int i = 0, n = t_count(300); i < n; i++) {
		pid_t pids[2] = {t_fork(endless, NULL), t_fork(endless, NULL)};
		int seen = *progress;

		t_until(*progress > seen + 3);
		t_kill(pids[0]);
		t_kill(pids[1]);
		t_is(ipcfs_list_append(o, "bb", 2), 0);
		for (const char *at = items_of(o); *at; at++)
			t_check(strchr("abc,", *at));
	}
	munmap(progress, sizeof(*progress));
}

static const struct t_case tests[] = {
	T_TEST(ends),
	T_TEST(indices),
	T_TEST(inserting),
	T_TEST(all_at_once),
	T_TEST(compare),
	T_TEST(buffers),
	T_TEST(limits),
	T_TEST(stat_tells),
	T_TEST(like_the_model),
	T_TEST(many),
	T_TEST(ends_cost_the_same),
	T_TEST(steady),
	T_TEST(full_extent),
	T_TEST(waiting),
	T_TEST(all_are_woken),
	T_TEST(ended_waits),
	T_TEST(appended_by_many),
	T_TEST(killed_in_the_middle),
};

int main(void)
{
	return T_RUN(tests);
}
