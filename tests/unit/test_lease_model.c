/* SPDX-License-Identifier: MIT
 *
 * test_lease_model.c - leased messages: against a simple model; what holds the ring back.
 */
#include "t_core.h"

#include "t_lease.h"

/* ---- a model ----------------------------------------------------------------------------------- */

enum { MODEL_MESSAGES = 4096, MODEL_LEASES = 64 };

struct model_message {
	size_t len;
	uint64_t number, attempts;
};

struct model {
	uint64_t capacity, put, done;
	bool marked; /* there were leases since the queue was empty */
	struct model_message ready[MODEL_MESSAGES]; /* to be had, in order */
	size_t count;
	struct {
		struct model_message message;
		uint64_t id;
	} leased[MODEL_LEASES];
	unsigned leases;
};

static uint8_t *content(uint64_t number, size_t len)
{
	static uint8_t bytes[8192];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(number + i * 31 + (i >> 8));
	return bytes;
}

static uint64_t model_bytes(const struct model *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->count; i++)
		sum += m->ready[i].len;
	for (unsigned i = 0; i < m->leases; i++)
		sum += m->leased[i].message.len;
	return sum;
}

static void model_insert(struct model *m, struct model_message message)
{
	size_t at = m->count++;

	t_check(m->count < MODEL_MESSAGES);
	for (; at > 0 && m->ready[at - 1].number > message.number; at--)
		m->ready[at] = m->ready[at - 1];
	m->ready[at] = message;
}

static struct model_message model_first(struct model *m)
{
	struct model_message first = m->ready[0];

	memmove(m->ready, m->ready + 1, --m->count * sizeof(first));
	return first;
}

static void model_done(struct model *m, uint64_t n)
{
	m->done = m->done + n < m->put ? m->done + n : m->put;
}

static size_t some_length(const struct model *m)
{
	switch (t_below(8)) {
	case 0:
		return 0;
	case 1:
		return t_below(m->capacity + 1);
	case 2:
		return t_below(m->capacity / 3 + 1);
	default:
		return t_below(m->capacity / 20 + 2);
	}
}

/* Places between what is leased and the rest may make the ring look full, but never before it is half full. */
static void step_put(struct ipcfs_object *q, struct model *m)
{
	size_t len = some_length(m);
	bool fits = model_bytes(m) + len <= m->capacity && m->count < m->capacity;
	int rc;

	if (m->count > MODEL_MESSAGES / 2 || len > m->capacity)
		return;
	rc = ipcfs_queue_put(q, content(m->put, len), len, 0);
	if (rc == -EAGAIN && fits)
		t_check(m->marked && model_bytes(m) + len > m->capacity / 2);
	else
		t_is(rc, fits ? 0 : -EAGAIN);
	if (rc == 0)
		model_insert(m, (struct model_message){.len = len, .number = m->put++});
}

static void check_content(const struct model_message *message, ssize_t n)
{
	t_is(n, message->len);
	t_is(memcmp(buf, content(message->number, message->len), message->len), 0);
}

static void step_get(struct ipcfs_object *q, struct model *m)
{
	struct model_message first;
	ssize_t n = ipcfs_queue_get(q, buf, sizeof(buf), 0);

	if (!m->count) {
		t_is(n, -EAGAIN);
		return;
	}
	first = model_first(m);
	check_content(&first, n);
}

static void step_get_many(struct ipcfs_object *q, struct model *m)
{
	static uint8_t bytes[4][8192];
	struct iovec v[4];
	int n;

	for (int i = 0; i < 4; i++)
		v[i] = (struct iovec){bytes[i], sizeof(bytes[i])};
	n = ipcfs_queue_get_many(q, v, 4, 0);
	if (!m->count) {
		t_is(n, -EAGAIN);
		return;
	}
	t_check(n >= 1 && (size_t)n <= m->count);
	for (int i = 0; i < n; i++) {
		struct model_message first = model_first(m);

		memcpy(buf, bytes[i], v[i].iov_len);
		check_content(&first, (ssize_t)v[i].iov_len);
	}
}

static void step_lease(struct ipcfs_object *q, struct model *m)
{
	struct ipcfs_lease lease = {0};
	struct model_message first;
	ssize_t n;

	if (m->leases == MODEL_LEASES)
		return;
	n = ipcfs_queue_lease(q, buf, sizeof(buf), 0, &lease);
	if (!m->count) {
		t_is(n, -EAGAIN);
		return;
	}
	first = model_first(m);
	check_content(&first, n);
	t_is(lease.attempt, ++first.attempts);
	m->marked = true;
	m->leased[m->leases].message = first;
	m->leased[m->leases++].id = lease.id;
}

static void step_end_lease(struct ipcfs_object *q, struct model *m, bool settle)
{
	unsigned i;

	if (!m->leases)
		return;
	i = (unsigned)t_below(m->leases);
	if (settle) {
		t_is(ipcfs_queue_settle(q, m->leased[i].id), 0);
		model_done(m, 1);
	} else {
		t_is(ipcfs_queue_return(q, m->leased[i].id), 0);
		model_insert(m, m->leased[i].message);
	}
	m->leased[i] = m->leased[--m->leases];
}

static void step_clear(struct ipcfs_object *q, struct model *m)
{
	t_is(ipcfs_queue_clear(q), m->count);
	model_done(m, m->count);
	m->count = 0;
}

static void step_done(struct ipcfs_object *q, struct model *m)
{
	uint64_t n = 1 + t_below(3);

	t_is(ipcfs_queue_done(q, n), m->done + n <= m->put ? 0 : -EOVERFLOW);
	if (m->done + n <= m->put)
		m->done += n;
}

static void check_stat(struct ipcfs_object *q, const struct model *m)
{
	uint64_t bytes = 0;
	struct ipcfs_stat st;

	for (size_t i = 0; i < m->count; i++)
		bytes += m->ready[i].len;
	t_stat_of(q, &st);
	t_is(st.messages, m->count);
	t_is(st.bytes, bytes);
	t_is(st.unfinished, m->put - m->done);
	t_is(ipcfs_queue_join(q, 0), m->put == m->done ? 0 : -EAGAIN);
	if (m->count) {
		t_is(ipcfs_queue_peek(q, buf, sizeof(buf)), m->ready[0].len);
		check_content(&m->ready[0], (ssize_t)m->ready[0].len);
	} else {
		t_is(ipcfs_queue_peek(q, buf, sizeof(buf)), -ENODATA);
	}
}

/* Seldom few leases and often many messages, and the other way round. */
static void run_model(uint64_t capacity, int rounds)
{
	static struct model m;
	struct ipcfs_object *q;
	char name[32];

	snprintf(name, sizeof(name), "m%llu", (unsigned long long)capacity);
	q = queue_of(name, capacity);
	memset(&m, 0, sizeof(m));
	m.capacity = capacity;
	for (int i = 0; i < rounds; i++) {
		uint64_t which = t_below(100), puts = i / 500 % 2 ? 45 : 35;

		if (which < puts)
			step_put(q, &m);
		else if (which < 60)
			step_lease(q, &m);
		else if (which < 75)
			step_end_lease(q, &m, true);
		else if (which < 82)
			step_end_lease(q, &m, false);
		else if (which < 92)
			step_get(q, &m);
		else if (which < 97)
			step_get_many(q, &m);
		else if (which < 99)
			step_done(q, &m);
		else if (t_below(10) == 0)
			step_clear(q, &m);
		if (!m.count && !m.leases)
			m.marked = false;
		check_stat(q, &m);
	}
	while (m.leases)
		step_end_lease(q, &m, t_below(2));
	while (m.count)
		step_get(q, &m);
	check_stat(q, &m);
}

static void behaves_as_its_model(void)
{
	static const uint64_t capacities[] = {1, 7, 100, 1001, 4096, 8000};

	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++)
		run_model(capacities[i], t_count(6000));
}

/* ---- old leases and the ring ------------------------------------------------------------------- */

/* Fifty times what the ring has room for; `level`: messages that stay. */
static void flow_past(struct ipcfs_object *q, int level)
{
	char message[16];

	for (int i = 0; i < level; i++) {
		snprintf(message, sizeof(message), "%-10d", i);
		put(q, message);
	}
	for (int i = level; i < 1000; i++) {
		snprintf(message, sizeof(message), "%-10d", i);
		put(q, message);
		snprintf(message, sizeof(message), "%-10d", i - level);
		gets(q, message);
	}
	t_is(messages(q), level);
}

static void an_old_lease_does_not_hold_the_ring_back(void)
{
	static const int levels[] = {0, 1, 3, 6};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct ipcfs_object *q = queue_of("q", 200);
		uint64_t a, b, empty;

		put(q, "old lease 1");
		put(q, "");
		put(q, "lease 2");
		a = leases(q, "old lease 1", 1);
		empty = leases(q, "", 1);
		b = leases(q, "lease 2", 1);
		flow_past(q, levels[i]);
		t_is(ipcfs_queue_return(q, b), 0);
		t_is(ipcfs_queue_return(q, empty), 0);
		t_is(ipcfs_queue_return(q, a), 0);
		gets(q, "old lease 1");
		gets(q, "");
		leases(q, "lease 2", 2);
		t_is(messages(q), levels[i]);
		t_is(ipcfs_queue_clear(q), levels[i]);
		t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, "q"), 0);
	}
}

/* What is leased takes room till its end. */
static void leased_bytes_count(void)
{
	struct ipcfs_object *q = queue_of("q", 10);
	uint64_t id;

	put(q, "012345");
	id = leases(q, "012345", 1);
	put(q, "abcd");
	t_is(ipcfs_queue_put(q, "x", 1, 0), -EAGAIN);
	gets(q, "abcd");
	put(q, "efgh");
	t_is(ipcfs_queue_return(q, id), 0);
	t_is(ipcfs_queue_put(q, "x", 1, 0), -EAGAIN);
	id = leases(q, "012345", 2);
	t_is(ipcfs_queue_settle(q, id), 0);
	put(q, "ijklmn");
	gets(q, "efgh");
	gets(q, "ijklmn");
}

/* A message that was leased is no message of the queue; one that was given back is. */
static void leased_messages_and_maxsize(void)
{
	struct ipcfs_object *q = t_queue("q", 2, 100);
	uint64_t a;

	put(q, "a");
	put(q, "b");
	t_is(ipcfs_queue_put(q, "c", 1, 0), -EAGAIN);
	a = leases(q, "a", 1);
	put(q, "c");
	t_is(ipcfs_queue_put(q, "d", 1, 0), -EAGAIN);
	t_is(ipcfs_queue_return(q, a), 0); /* three now */
	gets(q, "a");
	t_is(ipcfs_queue_put(q, "d", 1, 0), -EAGAIN);
	gets(q, "b");
	put(q, "d");
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(behaves_as_its_model),
		T_TEST(an_old_lease_does_not_hold_the_ring_back),
		T_TEST(leased_bytes_count),
		T_TEST(leased_messages_and_maxsize),
	};

	return T_RUN(tests);
}
