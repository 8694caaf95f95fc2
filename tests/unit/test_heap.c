/* SPDX-License-Identifier: MIT
 *
 * test_heap.c - memory inside of a segment: after each change every byte has one owner; what is free is used
 * again; a heap that is full, one that somebody scribbled over, a log that the dead have committed.
 */
#include "t_core.h"

#include "t_heap.h"

enum { HEAP = 1 << 20 };

static int blocks_of(struct ipcfs_object *o, uint64_t *top)
{
	return stack_look(o, NULL, 0, top);
}

static void sizes(void)
{
	t_is(heap_room(1), 32);
	t_is(heap_room(32), 32);
	t_is(heap_room(33), 40);
	t_is(heap_room(40), 40);
	t_is(heap_room(57), 64);
	t_is(heap_room(64), 64);
	t_is(heap_room(65), 80);
	t_is(heap_room(4097), 5120);
	t_is(heap_room(HEAP_BYTES_MAX), HEAP_BYTES_MAX);
	for (uint64_t n = 33; n < 1 << 20; n += 1 + n / 50) {
		t_check(heap_room(n) >= n && heap_room(n) % 8 == 0);
		t_check(heap_room(n) * 4 <= n * 5 + 4);
		t_is(heap_room(heap_room(n)), heap_room(n));
	}
}

static void places(void)
{
	struct ipcfs_object *o = heap_fake(t.store, HEAP);

	t_check(heap_at(o, 2 * SEG_PAGE, HEAP) == o->base + 2 * SEG_PAGE);
	t_check(!heap_at(o, 2 * SEG_PAGE, HEAP + 1));
	t_check(!heap_at(o, 0, 8));
	t_check(!heap_at(o, 2 * SEG_PAGE - 8, 8));
	t_check(!heap_at(o, 2 * SEG_PAGE + 4, 8));
	t_check(!heap_at(o, UINT64_MAX - 7, 8));
	t_check(!heap_at(o, 2 * SEG_PAGE + 8, UINT64_MAX));
	t_check(heap_at(o, 2 * SEG_PAGE + HEAP - 8, 8) != NULL);
	t_check(!heap_at(o, 2 * SEG_PAGE + HEAP, 8));
	heap_fake_end(o);
}

static void push_and_pop(void)
{
	struct ipcfs_object *o = heap_fake(t.store, HEAP);
	uint32_t is[4];
	uint64_t top;

	t_is(blocks_of(o, &top), 0);
	t_is(top, 0);
	t_is(stack_push(o, 100), 0);
	t_is(stack_push(o, 24), 0);
	t_is(stack_push(o, 5000), 0);
	t_is(stack_look(o, is, 4, &top), 3);
	t_check(is[0] == 5000 && is[1] == 24 && is[2] == 100);
	t_is(top, 112 + 32 + 5120);
	t_is(stack_pop(o, 1), 0);
	t_is(stack_pop(o, 1), 0);
	t_is(stack_look(o, is, 4, NULL), 1);
	t_is(stack_push(o, 5120), 0); /* where the first of that size was */
	t_is(stack_push(o, 32), 0);
	t_is(blocks_of(o, &top), 3);
	t_is(top, 112 + 32 + 5120);
	heap_fake_end(o);
}

static void many_at_once(void)
{
	struct ipcfs_object *o = heap_fake(t.store, HEAP);
	struct heap_change c;
	uint64_t top, again;

	for (int round = 0; round < 3; round++) {
		t_is(heap_begin_many(&c, o), 0);
		for (uint32_t i = 0; i < 1000; i++)
			t_is(stack_push_in(&c, 24 + i % 700), 0);
		t_is(blocks_of(o, NULL), 0); /* nobody has seen them */
		heap_commit(&c);
		t_is(blocks_of(o, &again), 1000);
		if (round)
			t_is(again, top);
		top = again;
		t_is(stack_pop(o, 400), 0);
		t_is(blocks_of(o, NULL), 600);
		t_is(stack_pop(o, 600), 0);
		t_is(blocks_of(o, NULL), 0);
	}
	heap_fake_end(o);
}

/* What is dropped needs no undoing. */
static void dropped(void)
{
	struct ipcfs_object *o = heap_fake(t.store, HEAP);
	struct heap_change c;
	uint64_t top;

	t_is(stack_push(o, 100), 0);
	t_is(stack_push(o, 100), 0);
	t_is(stack_pop(o, 1), 0);
	for (int many = 0; many < 2; many++) {
		t_is(many ? heap_begin_many(&c, o) : heap_begin(&c, o), 0);
		t_is(stack_push_in(&c, 100), 0); /* a free one, and a new one */
		t_is(stack_push_in(&c, 100), 0);
		t_is(blocks_of(o, &top), 1);
		t_is(top, 224);
	}
	t_is(heap_begin(&c, o), 0);
	t_is(heap_renew(&c, 1000), 0);
	t_is(blocks_of(o, &top), 1);
	heap_fake_end(o);
}

static void replaced(void)
{
	struct ipcfs_object *o = heap_fake(t.store, HEAP);
	uint64_t top;

	for (int i = 0; i < 10; i++)
		t_is(stack_push(o, 1024), 0);
	t_is(stack_replace(o, 5, 1024), 0); /* behind the top */
	t_is(blocks_of(o, &top), 5);
	t_is(top, 15 * 1024);
	t_is(stack_push(o, 1024), 0); /* the gap is used first */
	t_is(blocks_of(o, &top), 6);
	t_is(top, 15 * 1024);
	t_is(stack_replace(o, 9, 1024), 0); /* what is left of the gap is enough */
	t_is(blocks_of(o, &top), 9);
	t_is(top, 10 * 1024);
	t_is(stack_replace(o, 2, 1024), 0);
	t_is(stack_replace(o, 0, 0), 0);
	t_is(blocks_of(o, &top), 0);
	t_is(top, 0);
	heap_fake_end(o);
}

static uint64_t memory_of(struct ipcfs_object *o)
{
	static unsigned char there[16384];
	uint64_t n = 0;

	t_check(o->size / SEG_PAGE <= sizeof(there));
	t_is(mincore(o->base, o->size, there), 0);
	for (uint64_t i = 0; i < o->size / SEG_PAGE; i++)
		n += there[i] & 1;
	return n * SEG_PAGE;
}

static void memory_comes_back(void)
{
	struct ipcfs_object *o = heap_fake(t.store, 32 << 20);

	for (int i = 0; i < 20; i++)
		t_is(stack_push(o, 1 << 20), 0);
	t_check(memory_of(o) >= 20 << 20);
	t_is(stack_replace(o, 0, 0), 0);
	t_check(memory_of(o) <= 2 << 20);
	for (int i = 0; i < 20; i++)
		t_is(stack_push(o, 1 << 20), 0);
	t_is(blocks_of(o, NULL), 20);
	heap_fake_end(o);
}

static void full(void)
{
	struct ipcfs_object *o = heap_fake(t.store, HEAP);
	int n = 0, rc;

	while ((rc = stack_push(o, 10000)) == 0)
		n++;
	t_is(rc, -ENOSPC);
	t_is(n, HEAP / 10240);
	t_is(stack_push(o, 100), 0);
	t_is(stack_replace(o, n / 2, 10000), -ENOSPC);
	t_is(blocks_of(o, NULL), n + 1);
	t_is(stack_pop(o, 2), 0);
	t_is(stack_push(o, 10000), 0);
	t_is(stack_push(o, 10000), -ENOSPC);
	t_is(blocks_of(o, NULL), n);
	heap_fake_end(o);
}

static int refuse(void *arg, struct ipcfs_object *o, uint64_t bytes)
{
	(void)arg;
	(void)o;
	(void)bytes;
	return -EDQUOT;
}

static void refused(void)
{
	struct ipcfs_object *o = heap_fake(t.store, HEAP);
	uint64_t top;

	t_is(stack_push(o, 100), 0);
	t.store->reserve_hook = refuse;
	t_is(stack_push(o, 8000), -EDQUOT);
	t_is(stack_replace(o, 3, 8000), -EDQUOT);
	t_is(stack_push(o, 100), 0);
	t.store->reserve_hook = NULL;
	t_is(blocks_of(o, &top), 2);
	t_is(top, 224);
	heap_fake_end(o);
}

static void too_long(void)
{
	struct ipcfs_object *o = heap_fake(t.store, HEAP);
	struct heap_change c;

	t_is(heap_begin(&c, o), 0);
	t_is(heap_alloc(&c, HEAP_BYTES_MAX + 1), -EMSGSIZE);
	t_is(heap_alloc(&c, HEAP_BYTES_MAX), -ENOSPC);
	t_is(heap_alloc(&c, UINT64_MAX), -EMSGSIZE);
	t_is(heap_free(&c, 2 * SEG_PAGE, UINT64_MAX), -EUCLEAN);
	t_is(heap_free(&c, 0, 100), -EUCLEAN);
	t_is(heap_free(&c, 2 * SEG_PAGE + HEAP, 100), -EUCLEAN);
	heap_fake_end(o);
}

/* Random sizes, changes of every kind: never a byte with two owners, or with none. */
static void random_changes(void)
{
	struct ipcfs_object *o = heap_fake(t.store, HEAP);

	for (int i = 0, n = t_count(3000); i < n; i++) {
		uint64_t what = t_below(100), size = 16 + t_below(1u << t_below(13));
		uint64_t count = heap_root_now(o, 1);
		int rc = what < 60 ? stack_push(o, (uint32_t)size) :
			 what < 97 ? stack_pop(o, 1 + (unsigned)t_below(count / 4 + 1)) :
				     stack_replace(o, (unsigned)t_below(50), (uint32_t)size);

		t_check(rc == 0 || rc == -ENOSPC || (rc == -1 && count == 0));
		t_check(blocks_of(o, NULL) >= 0);
	}
	heap_fake_end(o);
}

/* ---- repair -------------------------------------------------------------------------------------------- */

static void log_of_the_dead(void)
{
	struct ipcfs_object *o = heap_fake(t.store, HEAP);
	struct heap_area *area = (void *)(o->base + SEG_PAGE);

	STORE(area->redo[0].at, heap_root(3));
	STORE(area->redo[0].value, 33);
	STORE(area->redo[1].at, heap_root(4));
	STORE(area->redo[1].value, 44);
	heap_repair(o); /* was not committed */
	t_is(heap_root_now(o, 3), 0);
	STORE(o->control->redo_on, 2);
	heap_repair(o);
	t_is(heap_root_now(o, 3), 33);
	t_is(heap_root_now(o, 4), 44);
	t_is(o->control->redo_on, 0);
	heap_fake_end(o);
}

/* A log may change the heap's words and nothing else. */
static void log_of_a_liar(void)
{
	static const uint64_t places[] = {0,
					  8,
					  SEG_PAGE - 8,
					  SEG_PAGE,
					  SEG_PAGE + 256,
					  SEG_PAGE + sizeof(struct heap_area),
					  2 * SEG_PAGE - 8,
					  2 * SEG_PAGE + 1,
					  2 * SEG_PAGE + HEAP,
					  2 * SEG_PAGE + HEAP - 4,
					  UINT64_MAX,
					  UINT64_MAX - 7,
					  1ull << 63};
	struct ipcfs_object *o = heap_fake(t.store, HEAP);
	struct heap_area *area = (void *)(o->base + SEG_PAGE);
	struct seg_control control = {.redo_on = 1};
	unsigned char first[SEG_PAGE];

	*o->control = control;
	memcpy(first, o->base, sizeof(first));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memset(o->base + SEG_PAGE, 0, SEG_PAGE);
		STORE(area->redo[0].at, places[i]);
		STORE(area->redo[0].value, 0x5a5a5a5a5a5a5a5a);
		STORE(o->control->redo_on, 1);
		heap_repair(o);
		STORE(o->control->redo_on, 1);
		t_check(!memcmp(first, o->base, sizeof(first)));
		for (size_t k = 16; k < SEG_PAGE; k++)
			t_is(o->base[SEG_PAGE + k], 0);
	}
	STORE(o->control->redo_on, UINT64_MAX);
	heap_repair(o);
	t_is(o->control->redo_on, 0);
	heap_fake_end(o);
}

/* ---- scribbled --------------------------------------------------------------------------------------------- */

static void try_all(struct ipcfs_object *o)
{
	struct heap_change c;
	int64_t at;

	stack_push(o, 100);
	stack_push(o, 3000);
	stack_replace(o, 2, 100);
	if (heap_begin_many(&c, o) == 0) {
		for (int i = 0; i < 50; i++) {
			at = heap_alloc(&c, 100);
			t_check(at < 0 || heap_at(o, (uint64_t)at, 100));
		}
		heap_free(&c, t_random(), t_random());
		heap_commit(&c);
	}
	stack_push(o, 40);
	heap_repair(o);
}

/* Whatever the words of the heap say, nothing outside of it is touched (the sanitizers look, too). */
static void scribbled(void)
{
	static const uint64_t words[] = {
		0,	    1,		8,	    7,		 4096,
		8192,	    8193,	HEAP,	    HEAP + 8192, HEAP + 8184,
		UINT32_MAX, 1ull << 40, 1ull << 63, UINT64_MAX,	 UINT64_MAX - 7};
	enum { WORDS = sizeof(words) / sizeof(words[0]) };
	unsigned char guard[SEG_PAGE - SEG_CONTROL] = {0};

	for (int i = 0, n = t_count(4000); i < n; i++) {
		struct ipcfs_object *o = heap_fake(t.store, HEAP);
		_Atomic uint64_t *area = (void *)(o->base + SEG_PAGE);

		for (int k = 0; k < 5; k++)
			t_is(stack_push(o, 100), 0);
		t_is(stack_pop(o, 3), 0);
		for (uint64_t k = 1 + t_below(4); k; k--) {
			uint64_t word = t_below(2) ? words[t_below(WORDS)] : t_random();

			STORE(area[t_below(2) ? 64 + t_below(16) + HEAP_ROOTS : t_below(512)],
			      word);
		}
		if (t_below(2))
			STORE(o->control->redo_on, t_below(3) ? t_below(40) : t_random());
		if (t_below(2))
			STORE(o->control->reserved[0], t_random());
		try_all(o);
		t_check(!memcmp(o->base, guard, sizeof(guard)));
		heap_fake_end(o);
	}
}

static const struct t_case tests[] = {
	T_TEST(sizes),
	T_TEST(places),
	T_TEST(push_and_pop),
	T_TEST(many_at_once),
	T_TEST(dropped),
	T_TEST(replaced),
	T_TEST(memory_comes_back),
	T_TEST(full),
	T_TEST(refused),
	T_TEST(too_long),
	T_TEST(random_changes),
	T_TEST(log_of_the_dead),
	T_TEST(log_of_a_liar),
	T_TEST(scribbled),
};

int main(void)
{
	return T_RUN(tests);
}
