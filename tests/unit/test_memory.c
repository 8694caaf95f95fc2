/* SPDX-License-Identifier: MIT
 *
 * test_memory.c - what objects cost: pages of the store, descriptors, mappings; and that it stays so.
 */
#include "t_core.h"

#include <sys/resource.h>

#define Q IPCFS_QUEUE

static long pages_of(enum ipcfs_kind kind, const char *name)
{
	struct stat st;

	t_is(stat(t_path("%s/%s", ipcfs_kind_name(kind), name), &st), 0);
	return (long)st.st_blocks * 512 / SEG_PAGE;
}

static void a_new_object_costs_a_page_or_two(void)
{
	t_object(Q, "o", NULL);
	t_is(pages_of(Q, "o"), 1);
	t_object(IPCFS_SEMAPHORE, "o", NULL);
	t_is(pages_of(IPCFS_SEMAPHORE, "o"), 1);
	t_object(IPCFS_EVENT, "o", NULL);
	t_is(pages_of(IPCFS_EVENT, "o"), 1);
	t_cells(IPCFS_VALUE, "o", 'd', 0);
	t_is(pages_of(IPCFS_VALUE, "o"), 2);
	t_cells(IPCFS_VALUE, "s", 's', 0);
	t_is(pages_of(IPCFS_VALUE, "s"), 2);
	t_cells(IPCFS_ARRAY, "o", 'i', 100);
	t_is(pages_of(IPCFS_ARRAY, "o"), 2);
}

static void a_queue_that_holds_little_costs_little(void)
{
	static const struct {
		const char *name;
		uint64_t maxsize, capacity;
	} shapes[] = {
		{.name = "default", .maxsize = 0, .capacity = IPCFS_CAPACITY_DEFAULT},
		{.name = "small", .maxsize = 10, .capacity = 1000},
		{.name = "largest", .maxsize = IPCFS_MAXSIZE_MAX, .capacity = IPCFS_CAPACITY_MAX},
	};
	char buf[64] = "";

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const char *row = shapes[i].name;
		struct ipcfs_object *q = t_queue(row, shapes[i].maxsize, shapes[i].capacity);

		t_row(row, ipcfs_queue_put(q, buf, sizeof(buf), 0), 0);
		t_row(row, pages_of(Q, row) <= 3, 1);
		t_row(row, ipcfs_queue_get(q, buf, sizeof(buf), 0), 64);
		for (int k = 0; k < 10000; k++) {
			t_row(row, ipcfs_queue_put(q, buf, sizeof(buf), 0), 0);
			t_row(row, ipcfs_queue_get(q, buf, sizeof(buf), 0), 64);
		}
		t_row(row, pages_of(Q, row) <= 3, 1);
		/* some at a time, as long as it gets empty in between */
		for (int k = 0; k < 1000; k++) {
			for (int n = 0; n < 10; n++)
				t_row(row, ipcfs_queue_put(q, buf, sizeof(buf), 0), 0);
			for (int n = 0; n < 10; n++)
				t_row(row, ipcfs_queue_get(q, buf, sizeof(buf), 0), 64);
		}
		t_row(row, pages_of(Q, row) <= 3, 1);
	}
}

static void a_value_that_is_set_again_and_again(void)
{
	struct ipcfs_object *v = t_cells(IPCFS_VALUE, "v", 'q', 0),
			    *s = t_cells(IPCFS_VALUE, "s", 's', 0);

	for (int64_t i = 0; i < 1000; i++) {
		t_is(ipcfs_value_set(v, &i, 8), 0);
		t_is(ipcfs_value_set(s, "hello world", (size_t)i % 11), 0);
	}
	t_is(pages_of(IPCFS_VALUE, "v"), 2);
	t_is(pages_of(IPCFS_VALUE, "s"), 2);
}

/* Little waste: what a queue has is at most twice what it held, or a megabyte more. */
static void a_queue_grows_with_what_it_holds(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 1 << 26);
	static char kilobyte[1024];
	uint64_t bytes = 0;

	for (int i = 0; i < 8000; i++) {
		t_is(ipcfs_queue_put(q, kilobyte, sizeof(kilobyte), 0), 0);
		bytes += sizeof(kilobyte) + 16;
		if (i % 500)
			continue;
		uint64_t has = (uint64_t)pages_of(Q, "q") * SEG_PAGE;
		t_check(has <= 2 * bytes + 4 * SEG_PAGE || has <= bytes + (2 << 20));
		t_check(has >= bytes);
	}
}

static void many_queues_with_few_descriptors(void)
{
	int n = t_count(20000);
	struct rlimit limit = {1024, 1024}, was;
	struct ipcfs_object **all;
	char name[32], buf[8];
	struct stat st;
	int fds = t_fds();

	if (n > 20000)
		n = 20000;
	all = calloc((size_t)n, sizeof(struct ipcfs_object *));
	t_check(all != NULL);
	getrlimit(RLIMIT_NOFILE, &was);
	limit.rlim_max = was.rlim_max;
	t_is(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		t_is(ipcfs_open(t.store, Q, name, IPCFS_CREATE, 0600, NULL, &all[i]), 0);
		t_is(ipcfs_queue_put(all[i], &i, sizeof(i), 0), 0);
	}
	t_is(t_fds(), fds); /* they stay attached, and keep none open */
	uint64_t pages = 0;
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		t_is(stat(t_path("queues/%s", name), &st), 0);
		pages += (uint64_t)st.st_blocks * 512 / SEG_PAGE;
		t_is(ipcfs_queue_get(all[i], buf, sizeof(buf), 0), sizeof(int));
		t_is(memcmp(buf, &i, sizeof(i)), 0);
	}
	t_check(pages <= 3 * (uint64_t)n); /* 20,000 in 256 MB */
	for (int i = 0; i < n; i++)
		ipcfs_close(all[i]);
	t_is(setrlimit(RLIMIT_NOFILE, &was), 0);
	free((void *)all);
}

/* What is closed is given back. */
static void closing_gives_everything_back(void)
{
	int mapped = t_mappings(), fds = t_fds();

	for (int i = 0; i < t_count(1000); i++) {
		struct ipcfs_store *store = t_open_store();

		for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
			t_any(kind, "o");
			struct ipcfs_object *o = NULL;
			t_is(ipcfs_open(store, kind, "o", 0, 0, NULL, &o), 0);
			uint64_t changes = 1000;
			t_is(ipcfs_wait_change(o, &changes, 0), 0); /* a call that takes the lock */
			ipcfs_close(o);
			ipcfs_close(t.objects[--t.object_count]);
			t_is(ipcfs_unlink(t.store, kind, "o"), 0);
		}
		ipcfs_store_close(store);
	}
	t_is(t_mappings(), mapped + 1); /* the member's page of t.store */
	t_is(t_fds(), fds);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(a_new_object_costs_a_page_or_two),
		T_TEST(a_queue_that_holds_little_costs_little),
		T_TEST(a_value_that_is_set_again_and_again),
		T_TEST(a_queue_grows_with_what_it_holds),
		T_TEST(many_queues_with_few_descriptors),
		T_TEST(closing_gives_everything_back),
	};

	return T_RUN(tests);
}
