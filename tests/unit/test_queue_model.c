/* SPDX-License-Identifier: MIT
 *
 * test_queue_model.c - queues: against a simple model; what others see meanwhile.
 */
#include "t_core.h"

/* ---- a model: messages in a list --------------------------------------------------------------- */

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

/* ---- what others see meanwhile ----------------------------------------------------------------- */

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
		T_TEST(stat_beside_changes_is_not_torn),
	};

	return T_RUN(tests);
}
