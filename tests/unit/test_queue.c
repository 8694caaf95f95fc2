/* SPDX-License-Identifier: MIT
 *
 * test_queue.c - queues: against a simple model, each error, waiting and being woken.
 */
#include "t_core.h"

/* ---- a model: messages in a list ------------------------------------------------------------ */

enum { MODEL_MESSAGES = 4096, MODEL_LONGEST = 6000 };

struct model {
	uint64_t maxsize, capacity;
	struct {
		size_t len;
		uint64_t seed; /* of its bytes */
	} messages[MODEL_MESSAGES];
	size_t head, count, bytes;
};

static uint8_t *content(uint64_t seed, size_t len)
{
	static uint8_t bytes[MODEL_LONGEST];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(seed + i * 31 + (i >> 8));
	return bytes;
}

static bool model_fits(const struct model *m, size_t len)
{
	return (m->maxsize ? m->count < m->maxsize : m->count < m->capacity) &&
	       m->bytes + len <= m->capacity;
}

static void model_put(struct model *m, size_t len, uint64_t seed)
{
	size_t at = (m->head + m->count++) % MODEL_MESSAGES;

	t_check(m->count <= MODEL_MESSAGES);
	m->messages[at].len = len;
	m->messages[at].seed = seed;
	m->bytes += len;
}

static size_t model_get(struct model *m, uint64_t *seed)
{
	size_t at = m->head, len = m->messages[at].len;

	m->head = (m->head + 1) % MODEL_MESSAGES;
	m->count--;
	m->bytes -= len;
	*seed = m->messages[at].seed;
	return len;
}

static size_t some_length(const struct model *m)
{
	uint64_t largest = m->capacity < MODEL_LONGEST ? m->capacity : MODEL_LONGEST;

	switch (t_below(8)) {
	case 0:
		return 0;
	case 1:
		return largest;
	case 2:
		return t_below(largest + 1);
	default:
		return t_below(largest < 40 ? largest + 1 : largest / 4);
	}
}

static void step_put(struct ipcfs_object *q, struct model *m)
{
	size_t len = some_length(m);
	uint64_t seed = t_random();
	int rc = ipcfs_queue_put(q, content(seed, len), len, 0);

	t_is(rc, model_fits(m, len) ? 0 : -EAGAIN);
	if (rc == 0)
		model_put(m, len, seed);
}

static void step_put_many(struct ipcfs_object *q, struct model *m)
{
	static uint8_t bytes[8][MODEL_LONGEST];
	struct iovec v[8];
	uint64_t seeds[8];
	unsigned n = 1 + (unsigned)t_below(8), fit = 0;

	for (unsigned i = 0; i < n; i++) {
		v[i].iov_base = bytes[i];
		v[i].iov_len = some_length(m);
		seeds[i] = t_random();
		memcpy(bytes[i], content(seeds[i], v[i].iov_len), v[i].iov_len);
	}
	int rc = ipcfs_queue_put_many(q, v, n, 0);
	while (fit < n && model_fits(m, v[fit].iov_len)) {
		model_put(m, v[fit].iov_len, seeds[fit]);
		fit++;
	}
	t_is(rc, fit ? (int)fit : -EAGAIN);
}

static void step_get(struct ipcfs_object *q, struct model *m)
{
	uint8_t buf[MODEL_LONGEST];
	uint64_t seed = 0;

	if (m->count == 0) {
		t_is(ipcfs_queue_get(q, buf, sizeof(buf), 0), -EAGAIN);
		t_is(ipcfs_queue_peek(q, buf, sizeof(buf)), -ENODATA);
		return;
	}
	size_t len = m->messages[m->head].len, part = t_below(len + 1);

	memset(buf, 0xee, sizeof(buf));
	t_is(ipcfs_queue_peek(q, buf, part), (long)len);
	t_is(memcmp(buf, content(m->messages[m->head].seed, len), part), 0);
	t_is(buf[part], 0xee);
	if (len > 0)
		t_is(ipcfs_queue_get(q, buf, len - 1, 0), -EMSGSIZE);
	t_is(ipcfs_queue_get(q, buf, len, 0), (long)len);
	model_get(m, &seed);
	t_is(memcmp(buf, content(seed, len), len), 0);
}

static void step_get_many(struct ipcfs_object *q, struct model *m)
{
	static uint8_t bytes[8][MODEL_LONGEST];
	struct iovec v[8];
	size_t sizes[8];
	unsigned n = 1 + (unsigned)t_below(8), want = 0;

	for (unsigned i = 0; i < n; i++) {
		sizes[i] = t_below(4) ? MODEL_LONGEST : some_length(m);
		v[i] = (struct iovec){.iov_base = bytes[i], .iov_len = sizes[i]};
	}
	while (want < n && want < m->count &&
	       m->messages[(m->head + want) % MODEL_MESSAGES].len <= sizes[want])
		want++;
	int rc = ipcfs_queue_get_many(q, v, n, 0);
	t_is(rc, want ? (int)want : m->count ? -EMSGSIZE : -EAGAIN);
	for (unsigned i = 0; i < n; i++) {
		uint64_t seed;

		if (i >= want) {
			t_is(v[i].iov_len, sizes[i]);
			continue;
		}
		t_is(v[i].iov_len, model_get(m, &seed));
		t_is(memcmp(bytes[i], content(seed, v[i].iov_len), v[i].iov_len), 0);
	}
}

static void run_model(const char *name, uint64_t maxsize, uint64_t capacity, int steps)
{
	struct model *m = calloc(1, sizeof(*m));
	struct ipcfs_object *q = t_queue(name, maxsize, capacity);
	struct ipcfs_stat st;

	t_check(m != NULL);
	m->maxsize = maxsize;
	m->capacity = capacity;
	for (int i = 0; i < steps; i++) {
		/* filling and draining by turns */
		bool fill = (i / 300) % 2;

		switch (t_below(64)) {
		case 0:
			t_is(ipcfs_queue_clear(q), (long)m->count);
			m->count = m->bytes = 0;
			break;
		case 1 ... 8:
			step_put_many(q, m);
			break;
		case 9 ... 16:
			step_get_many(q, m);
			break;
		default:
			if (t_below(5) < (fill ? 3 : 2))
				step_put(q, m);
			else
				step_get(q, m);
		}
		t_stat_of(q, &st);
		t_is(st.messages, m->count);
		t_is(st.bytes, m->bytes);
	}
	free(m);
}

static void behaves_as_its_model(void)
{
	static const struct {
		const char *name;
		uint64_t maxsize, capacity;
	} shapes[] = {
		{.name = "one-byte", .maxsize = 0, .capacity = 1},
		{.name = "one-message", .maxsize = 1, .capacity = 100},
		{.name = "seven", .maxsize = 0, .capacity = 7},
		{.name = "three", .maxsize = 3, .capacity = 64},
		{.name = "odd", .maxsize = 0, .capacity = 1001},
		{.name = "page", .maxsize = 0, .capacity = 4096},
		{.name = "slots", .maxsize = 10, .capacity = 1 << 20},
		{.name = "index-of-two-pages", .maxsize = 300, .capacity = 5000},
		{.name = "nearly-three-pages", .maxsize = 4000, .capacity = 12287},
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		run_model(shapes[i].name, shapes[i].maxsize, shapes[i].capacity, t_count(10000));
}

/* ---- edges ------------------------------------------------------------------------------------ */

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

/* ---- the engine's table ---------------------------------------------------------------------- */

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

/* ---- waiting ------------------------------------------------------------------------------------ */

static void deadlines(void)
{
	struct ipcfs_object *q = t_queue("q", 1, 10);
	char buf[10];
	int64_t before;

	t_is(ipcfs_queue_get(q, buf, 10, 0), -EAGAIN);
	t_is(ipcfs_queue_get(q, buf, 10, 1), -ETIMEDOUT); /* long past */
	before = sys_now_ns();
	t_is(ipcfs_queue_get(q, buf, 10, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 20 * T_MS);
	t_is(ipcfs_queue_put(q, "x", 1, 1), 0); /* what need not wait does not look at it */
	t_is(ipcfs_queue_put(q, "x", 1, 0), -EAGAIN);
	t_is(ipcfs_queue_put(q, "x", 1, 1), -ETIMEDOUT);
	before = sys_now_ns();
	t_is(ipcfs_queue_put(q, "x", 1, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 20 * T_MS);
	t_is(ipcfs_queue_get(q, buf, 10, 1), 1);
}

static char room[1000];

static long get_call(struct ipcfs_object *o, long size, int64_t deadline_ns)
{
	return ipcfs_queue_get(o, room, (size_t)size, deadline_ns);
}

static long put_call(struct ipcfs_object *o, long len, int64_t deadline_ns)
{
	return ipcfs_queue_put(o, room, (size_t)len, deadline_ns);
}

/* A child that waits in get or put for ever. */
static struct t_call *getter(const char *name, long size)
{
	struct t_call call = {.function = get_call, .arg = size, .timeout_ns = -1};

	snprintf(call.name, sizeof(call.name), "%s", name);
	return t_start_waiting(call);
}

static struct t_call *putter(const char *name, long len)
{
	struct t_call call = {.function = put_call, .arg = len, .timeout_ns = -1};

	snprintf(call.name, sizeof(call.name), "%s", name);
	return t_start_waiting(call);
}

static void a_get_waits_for_a_put(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);
	struct t_call *w = getter("q", 10);

	t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	t_ends_with(w, 3);
	w = getter("q", 10);
	t_is(ipcfs_queue_put_many(q, &(struct iovec){.iov_base = "x", .iov_len = 1}, 1, 0), 1);
	t_ends_with(w, 1);
}

static void a_put_waits_for_room(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 10);
	char buf[10];
	struct t_call *w;

	for (int i = 0; i < 3; i++) {
		struct iovec v = {.iov_base = buf, .iov_len = sizeof(buf)};

		t_is(ipcfs_queue_put(q, "01234567", 8, 0), 0);
		w = putter("q", 4);
		if (i == 0)
			t_is(ipcfs_queue_get(q, buf, 10, 0), 8);
		else if (i == 1)
			t_is(ipcfs_queue_get_many(q, &v, 1, 0), 1);
		else
			t_is(ipcfs_queue_clear(q), 1);
		t_ends_with(w, 0);
		t_is(ipcfs_queue_get(q, buf, 10, 0), 4);
	}
}

/* One that needs more room must not keep one that needs less from being served. */
static void writers_differ_in_what_fits(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 10);
	char buf[10];

	t_is(ipcfs_queue_put(q, "012345678", 9, 0), 0);
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	struct t_call *large = putter("q", 10), *little = putter("q", 3);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 9);
	t_ends_with(little, 0);
	t_is(large->result, T_UNDECIDED);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 1);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 3);
	t_ends_with(large, 0);
}

/* A wake-up that cannot be used is passed on. */
static void readers_differ_in_what_they_can_take(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);

	for (int order = 0; order < 2; order++) {
		struct t_call *first = getter("q", order ? 100 : 2),
			      *second = getter("q", order ? 2 : 100);

		t_is(ipcfs_queue_put(q, "01234", 5, 0), 0);
		t_ends_with(order ? first : second, 5);
		/* the other was told so, or waits still */
		struct t_call *other = order ? second : first;
		if (order == 1)
			t_is(ipcfs_queue_put(q, "01", 2, 0), 0);
		if (order == 0)
			t_ends_with(other, -EMSGSIZE);
		else
			t_is(t_wait(other->pid), 0);
		ipcfs_queue_clear(q);
	}
}

static void each_put_wakes_one_who_gets_it(void)
{
	enum { READERS = 20 };
	struct ipcfs_object *q = t_queue("q", 0, 1000);
	struct t_call *w[READERS];
	struct ipcfs_stat st;
	uint64_t sum = 0;

	for (int i = 0; i < READERS; i++)
		w[i] = getter("q", 100);
	for (int i = 0; i < READERS; i++)
		t_is(ipcfs_queue_put(q, "0123456789012345678901", (size_t)i + 1, 0), 0);
	for (int i = 0; i < READERS; i++) {
		t_is(t_wait(w[i]->pid), 0);
		sum += (uint64_t)w[i]->result;
	}
	t_is(sum, READERS * (READERS + 1) / 2);
	t_stat_of(q, &st);
	t_is(st.messages, 0);
}

static void a_batch_wakes_as_many_as_it_has_messages(void)
{
	enum { READERS = 10 };
	struct ipcfs_object *q = t_queue("q", 0, 1000);
	struct t_call *w[READERS];
	struct iovec v[READERS];

	for (int i = 0; i < READERS; i++) {
		w[i] = getter("q", 100);
		v[i] = (struct iovec){.iov_base = "0123456789", .iov_len = (size_t)i};
	}
	t_is(ipcfs_queue_put_many(q, v, READERS, 0), READERS);
	for (int i = 0; i < READERS; i++)
		t_is(t_wait(w[i]->pid), 0);
}

static void killed_waiters_take_nothing(void)
{
	enum { READERS = 20 };
	struct ipcfs_object *q = t_queue("q", 0, 1000);
	struct t_call *w[READERS];
	struct ipcfs_stat st;

	for (int i = 0; i < READERS; i++)
		w[i] = getter("q", 100);
	for (int i = 0; i < READERS; i += 2)
		t_kill(w[i]->pid);
	for (int i = 0; i < READERS / 2; i++)
		t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	for (int i = 1; i < READERS; i += 2)
		t_ends_with(w[i], 3);
	t_stat_of(q, &st);
	t_is(st.messages, 0);
}

static void a_wait_that_times_out_takes_nothing(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 10);
	struct ipcfs_stat st;

	for (int i = 0; i < 20; i++)
		t_ends_with(t_start((struct t_call){.name = "q",
						    .function = get_call,
						    .arg = 10,
						    .timeout_ns = 2 * T_MS}),
			    -ETIMEDOUT);
	t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	t_stat_of(q, &st);
	t_is(st.messages, 1);
}

/* ---- signals ------------------------------------------------------------------------------------ */

static void nothing(int sig)
{
	(void)sig;
}

static void handle(void)
{
	struct sigaction action = {.sa_handler = nothing};

	sigaction(SIGUSR1, &action, NULL);
}

static void handle_and_restart(void)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};

	sigaction(SIGUSR1, &action, NULL);
}

static void a_signal_handler_ends_the_wait(void)
{
	struct ipcfs_object *q = t_queue("q", 1, 10);
	struct ipcfs_stat st;

	for (int i = 0; i < 4; i++) {
		if (i == 2)
			t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
		struct t_call *call = t_start_waiting(
			(struct t_call){.name = "q",
					.function = i < 2 ? get_call : put_call,
					.before = i % 2 ? handle : handle_and_restart,
					.arg = 4,
					.timeout_ns = -1});
		/* one that comes just before the sleep is not noticed */
		t_until(kill(call->pid, SIGUSR1) == 0 && call->result == -EINTR);
		t_ends_with(call, -EINTR);
	}
	t_stat_of(q, &st);
	t_is(st.messages, 1);
}

static void stopping_and_continuing_is_no_interruption(void)
{
	struct ipcfs_object *q = t_queue("q", 1, 10);
	struct t_call *call = getter("q", 4);

	kill(call->pid, SIGSTOP);
	t_wait_stopped(call->pid);
	kill(call->pid, SIGCONT);
	t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	t_ends_with(call, 3);
}

/* ---- what others see meanwhile ------------------------------------------------------------------ */

static int keep_busy(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *q = NULL;
	char buf[20];

	t_is(ipcfs_open(store, IPCFS_QUEUE, arg, 0, 0, NULL, &q), 0);
	for (;;) {
		size_t len = 1 + t_below(20);

		t_is(ipcfs_queue_put(q, "0123456789abcdefghij", len, IPCFS_FOREVER), 0);
		t_check(ipcfs_queue_get(q, buf, sizeof(buf), IPCFS_FOREVER) > 0);
	}
}

/* stat takes no lock, yet what it says was true at some moment: two messages or three. */
static void stat_beside_changes_is_not_torn(void)
{
	struct ipcfs_object *q = t_queue("q", 3, 60);

	t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	t_is(ipcfs_queue_put(q, "abc", 3, 0), 0);
	t_fork(keep_busy, "q");
	for (int i = t_count(2000000); i > 0; i--) {
		struct ipcfs_stat st;

		t_stat_of(q, &st);
		t_check(st.messages == 2 || st.messages == 3);
		t_check(st.bytes >= 2 && st.bytes <= 60);
	}
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(behaves_as_its_model),
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
		T_TEST(deadlines),
		T_TEST(a_get_waits_for_a_put),
		T_TEST(a_put_waits_for_room),
		T_TEST(writers_differ_in_what_fits),
		T_TEST(readers_differ_in_what_they_can_take),
		T_TEST(each_put_wakes_one_who_gets_it),
		T_TEST(a_batch_wakes_as_many_as_it_has_messages),
		T_TEST(killed_waiters_take_nothing),
		T_TEST(a_wait_that_times_out_takes_nothing),
		T_TEST(a_signal_handler_ends_the_wait),
		T_TEST(stopping_and_continuing_is_no_interruption),
		T_TEST(stat_beside_changes_is_not_torn),
	};

	return T_RUN(tests);
}
