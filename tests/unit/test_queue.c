/* SPDX-License-Identifier: MIT
 *
 * test_queue.c - queues: each error, the edges, the engine's table.
 */
#include "t_core.h"

/* ---- edges ------------------------------------------------------------------------------------- */

static void a_message_longer_than_the_capacity(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 10);
	struct iovec v[2] = {{.iov_base = "0123456789", .iov_len = 10},
			     {.iov_base = "0123456789a", .iov_len = 11}};

	t_is(ipcfs_queue_put(q, "0123456789a", 11, 0), -EMSGSIZE);
	t_is(ipcfs_queue_put(q, "0123456789a", 11, IPCFS_FOREVER), -EMSGSIZE);
	t_is(ipcfs_queue_put(q, "0123456789a", SIZE_MAX, IPCFS_FOREVER), -EMSGSIZE);
	t_is(ipcfs_queue_put_many(q, v + 1, 1, IPCFS_FOREVER), -EMSGSIZE);
	t_is(ipcfs_queue_put_many(q, v, 2, IPCFS_FOREVER), 1);
	t_is(ipcfs_queue_put(q, "0123456789a", 11, 0), -EMSGSIZE); /* full or not */
	t_is(ipcfs_queue_clear(q), 1);
}

static void empty_messages(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 10);
	struct iovec v[20] = {{.iov_base = NULL, .iov_len = 0}};

	t_is(ipcfs_queue_put(q, NULL, 0, 0), 0);
	t_is(ipcfs_queue_peek(q, NULL, 0), 0);
	t_is(ipcfs_queue_get(q, NULL, 0, 0), 0);
	t_is(ipcfs_queue_get(q, NULL, 0, 0), -EAGAIN);
	/* they take no bytes, but a place */
	t_is(ipcfs_queue_put_many(q, v, 20, 0), 10);
	t_is(ipcfs_queue_put(q, "x", 1, 0), -EAGAIN);
	t_is(ipcfs_queue_get_many(q, v, 20, 0), 10);
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	t_is(ipcfs_queue_peek(q, NULL, 0), 1);
	t_is(ipcfs_queue_get(q, NULL, 0, 0), -EMSGSIZE);
}

static void batches_of_no_size(void)
{
	static struct iovec v[IPCFS_BATCH_MAX + 1];
	struct ipcfs_object *q = t_queue("q", 0, 1 << 20);

	t_is(ipcfs_queue_put_many(q, v, 0, 0), -EINVAL);
	t_is(ipcfs_queue_get_many(q, v, 0, 0), -EINVAL);
	t_is(ipcfs_queue_put_many(q, v, IPCFS_BATCH_MAX + 1, 0), -EINVAL);
	t_is(ipcfs_queue_get_many(q, v, IPCFS_BATCH_MAX + 1, 0), -EINVAL);
	t_is(ipcfs_queue_put_many(q, v, IPCFS_BATCH_MAX, 0), IPCFS_BATCH_MAX);
	t_is(ipcfs_queue_get_many(q, v, IPCFS_BATCH_MAX, 0), IPCFS_BATCH_MAX);
	t_is(ipcfs_queue_get_many(q, v, IPCFS_BATCH_MAX, 0), -EAGAIN);
}

static void other_kinds_are_no_queues(void)
{
	struct iovec v = {.iov_base = "x", .iov_len = 1};
	char buf[1];

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == IPCFS_QUEUE)
			continue;
		t_is(ipcfs_queue_put(o, "x", 1, 0), -EINVAL);
		t_is(ipcfs_queue_get(o, buf, 1, 0), -EINVAL);
		t_is(ipcfs_queue_peek(o, buf, 1), -EINVAL);
		t_is(ipcfs_queue_put_many(o, &v, 1, 0), -EINVAL);
		t_is(ipcfs_queue_get_many(o, &v, 1, 0), -EINVAL);
		t_is(ipcfs_queue_clear(o), -EINVAL);
	}
}

static void the_largest_shapes_work(void)
{
	static const struct {
		const char *name;
		uint64_t maxsize, capacity;
	} largest[] = {
		{.name = "maxsize", .maxsize = IPCFS_MAXSIZE_MAX, .capacity = 10},
		{.name = "capacity", .maxsize = 1, .capacity = IPCFS_CAPACITY_MAX},
#if !defined(IPCFS_VALGRIND) /* which has no room for 32 GB */
		{.name = "both", .maxsize = IPCFS_MAXSIZE_MAX, .capacity = IPCFS_CAPACITY_MAX},
		{.name = "as many as fit", .maxsize = 0, .capacity = IPCFS_CAPACITY_MAX},
#endif
	};
	char buf[10];

	for (size_t i = 0; i < sizeof(largest) / sizeof(largest[0]); i++) {
		const char *row = largest[i].name;
		struct ipcfs_object *q = t_queue(row, largest[i].maxsize, largest[i].capacity);

		t_row(row, ipcfs_queue_put(q, "0123456789", 10, 0), 0);
		t_row(row, ipcfs_queue_get(q, buf, 10, 0), 10);
		t_row(row, memcmp(buf, "0123456789", 10), 0);
	}
}

/* Positions in the ring only grow while the queue is not empty: nothing may go wrong late. */
static void positions_far_behind_the_ring(void)
{
	struct ipcfs_object *q = t_queue("q", 5, 10);
	_Atomic uint64_t *slot;
	char buf[10];

	t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	slot = (void *)(q->base + q->queue.index);
	slot[0] = (UINT64_C(1) << 62) + 7;
	for (int i = 0; i < 1000; i++) {
		t_is(ipcfs_queue_put(q, "defg", 4, 0), 0);
		t_is(ipcfs_queue_get(q, buf, 10, 0), i ? 4 : 3);
		t_check(i == 0 || memcmp(buf, "defg", 4) == 0);
	}
}

static void changes_are_counted(void)
{
	struct ipcfs_object *q = t_queue("q", 2, 10);
	struct ipcfs_stat a, b;
	uint64_t changes;
	char buf[10];

	t_stat_of(q, &a);
	changes = a.changes;
	t_is(ipcfs_wait_change(q, &changes, 0), -EAGAIN);
	t_is(ipcfs_wait_change(q, &changes, ipcfs_after(T_MS)), -ETIMEDOUT);
	t_is(changes, a.changes);
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	t_stat_of(q, &b);
	t_check(b.changes > a.changes);
	t_is(ipcfs_wait_change(q, &changes, 0), 0);
	t_is(changes, b.changes);
	/* what fails or only looks changes nothing */
	t_is(ipcfs_queue_peek(q, buf, 10), 1);
	t_is(ipcfs_queue_get(q, buf, 0, 0), -EMSGSIZE);
	t_is(ipcfs_queue_put(q, "0123456789", 10, 0), -EAGAIN);
	t_is(ipcfs_wait_change(q, &changes, 0), -EAGAIN);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 1);
	t_is(ipcfs_wait_change(q, &changes, 0), 0);
	t_is(ipcfs_queue_get(q, buf, 10, 0), -EAGAIN);
	t_is(ipcfs_wait_change(q, &changes, 0), -EAGAIN);
}

/* ---- the engine's table ------------------------------------------------------------------------ */

static int sink_result;
static char sunk[64];
static size_t sunk_len;

static int sink(void *arg, const struct iovec *pieces, int n)
{
	t_is(*(int *)arg, 7);
	sunk_len = 0;
	for (int i = 0; i < n; i++) {
		memcpy(sunk + sunk_len, pieces[i].iov_base, pieces[i].iov_len);
		sunk_len += pieces[i].iov_len;
	}
	return sink_result;
}

static void a_sink_takes_in_place_or_leaves(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 10);
	char buf[10];
	int seven = 7;

	t_is(ipcfs_queue_put(q, "abcdefg", 7, 0), 0);
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 7);
	t_is(ipcfs_queue_put(q, "ABCDE", 5, 0), 0); /* around the end of the ring */
	t_is(ipcfs_queue_get(q, buf, 10, 0), 1);
	struct ipcfs_op op = {.verb = IPCFS_V_GET, .sink = sink, .sink_arg = &seven};
	sink_result = -EFAULT;
	t_is(ipcfs_engine_shm.try(q, &op), -EFAULT);
	t_is(sunk_len, 5);
	sink_result = 0;
	op.verb = IPCFS_V_PEEK;
	t_is(ipcfs_engine_shm.try(q, &op), 0);
	op.verb = IPCFS_V_GET;
	t_is(ipcfs_engine_shm.try(q, &op), 0);
	t_is(sunk_len, 5);
	t_is(memcmp(sunk, "ABCDE", 5), 0);
	t_is(op.out_len, 5);
	t_is(ipcfs_engine_shm.try(q, &op), -EAGAIN);
	op.verb = IPCFS_V_PEEK;
	t_is(ipcfs_engine_shm.try(q, &op), -ENODATA);
}

/* Which of READ and WRITE would not wait. */
static unsigned ready(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READY,
			      .count = 1u << IPCFS_C_READ | 1u << IPCFS_C_WRITE};

	t_is(ipcfs_engine_shm.try(o, &op), 0);
	return (unsigned)op.count;
}

static void readiness(void)
{
	enum { R = 1 << IPCFS_C_READ, W = 1 << IPCFS_C_WRITE };
	struct ipcfs_object *q = t_queue("q", 2, 5000), *small = t_queue("small", 0, 10);
	static char page[4096];

	t_is(ready(q), W);
	t_is(ipcfs_queue_put(q, page, 905, 0), 0);
	t_is(ready(q), R); /* a write of 4096 bytes would wait */
	t_is(ipcfs_queue_clear(q), 1);
	t_is(ipcfs_queue_put(q, page, 904, 0), 0);
	t_is(ready(q), R | W);
	t_is(ipcfs_queue_put(q, page, 0, 0), 0);
	t_is(ready(q), R);     /* no place */
	t_is(ready(small), W); /* the largest possible */
	t_is(ipcfs_queue_put(small, page, 1, 0), 0);
	t_is(ready(small), R);
	t_is(ipcfs_queue_clear(small), 1);
	struct ipcfs_op op = {
		.verb = IPCFS_V_READY, .count = R | W, .in_len = 1000}; /* for so many */
	t_is(ipcfs_engine_shm.try(small, &op), 0);
	t_is(op.count, W);
	t_is(ipcfs_queue_put(small, page, 4, 0), 0);
	op.count = R | W;
	op.in_len = 6;
	t_is(ipcfs_engine_shm.try(small, &op), 0);
	t_is(op.count, R | W);
	op.count = R | W;
	op.in_len = 7;
	t_is(ipcfs_engine_shm.try(small, &op), 0);
	t_is(op.count, R);
	op.verb = IPCFS_V_SET;
	t_is(ipcfs_engine_shm.try(q, &op), -EINVAL);
}

/* Whether it could be put, and nothing else. */
static void a_dry_put_puts_nothing(void)
{
	struct ipcfs_object *q = t_queue("q", 2, 10);
	struct ipcfs_op op = {
		.verb = IPCFS_V_PUT, .flags = IPCFS_OP_DRY, .in = "0123456", .in_len = 7};
	struct ipcfs_stat before, st;
	char buf[10];

	t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	t_is(ipcfs_stat(q, &before), 0);
	t_is(ipcfs_engine_shm.try(q, &op), 0);
	t_is(ipcfs_engine_shm.try(q, &op), 0);
	t_is(ipcfs_stat(q, &st), 0);
	t_is(st.messages, 1);
	t_is(st.changes, before.changes);
	t_is(ipcfs_queue_put(q, "d", 1, 0), 0);
	t_is(ipcfs_engine_shm.try(q, &op), -EAGAIN);
	op.in_len = 11;
	t_is(ipcfs_engine_shm.try(q, &op), -EMSGSIZE);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 3);
	t_is(memcmp(buf, "abc", 3), 0);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 1);
	t_is(buf[0], 'd');
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(a_message_longer_than_the_capacity),
		T_TEST(empty_messages),
		T_TEST(batches_of_no_size),
		T_TEST(other_kinds_are_no_queues),
		T_TEST(the_largest_shapes_work),
		T_TEST(positions_far_behind_the_ring),
		T_TEST(changes_are_counted),
		T_TEST(a_sink_takes_in_place_or_leaves),
		T_TEST(readiness),
		T_TEST(a_dry_put_puts_nothing),
	};

	return T_RUN(tests);
}
