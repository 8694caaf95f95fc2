/* SPDX-License-Identifier: MIT
 *
 * test_lease.c - leased messages: against a simple model, what goes back and where, what becomes of those who
 * die; what holds the ring back; done and join; close.
 */
#include "t_core.h"

static char buf[8192];

static struct ipcfs_object *queue_of(const char *name, uint64_t capacity)
{
	return t_queue(name, 0, capacity);
}

static void put(struct ipcfs_object *q, const char *text)
{
	t_is(ipcfs_queue_put(q, text, strlen(text), 0), 0);
}

/* Gets exactly that. */
static void gets_(struct ipcfs_object *q, const char *text, int line)
{
	ssize_t n = ipcfs_queue_get(q, buf, sizeof(buf), 0);

	if (n != (ssize_t)strlen(text) || memcmp(buf, text, strlen(text)) != 0)
		t_fail("line %d: got %s \"%.*s\", not \"%s\"", line, t_result(n),
		       n > 0 ? (int)n : 0, buf, text);
}
#define gets(q, text) gets_(q, text, __LINE__)

/* Leases exactly that at that attempt; gives the lease. */
static uint64_t leases_(struct ipcfs_object *q, const char *text, uint64_t attempt, int line)
{
	struct ipcfs_lease lease = {0};
	ssize_t n = ipcfs_queue_lease(q, buf, sizeof(buf), 0, &lease);

	if (n != (ssize_t)strlen(text) || memcmp(buf, text, strlen(text)) != 0 ||
	    lease.attempt != attempt)
		t_fail("line %d: leased %s \"%.*s\" at attempt %lu, not \"%s\"", line, t_result(n),
		       n > 0 ? (int)n : 0, buf, (unsigned long)lease.attempt, text);
	return lease.id;
}
#define leases(q, text, attempt) leases_(q, text, attempt, __LINE__)

static uint64_t messages(struct ipcfs_object *q)
{
	struct ipcfs_stat st;

	t_stat_of(q, &st);
	return st.messages;
}

static uint64_t unfinished(struct ipcfs_object *q)
{
	struct ipcfs_stat st;

	t_stat_of(q, &st);
	return st.unfinished;
}

/* ---- one lease ------------------------------------------------------------------------------------ */

static void a_lease_is_settled_once(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	struct ipcfs_stat st;
	uint64_t id;

	put(q, "one");
	put(q, "three");
	id = leases(q, "one", 1);
	t_stat_of(q, &st);
	t_is(st.messages, 1); /* that can be had */
	t_is(st.bytes, 5);
	t_is(st.unfinished, 2);
	t_is(ipcfs_queue_settle(q, id), 0);
	t_is(unfinished(q), 1);
	t_is(ipcfs_queue_settle(q, id), -EPERM);
	t_is(ipcfs_queue_return(q, id), -EPERM);
	t_is(ipcfs_queue_settle(q, 0), -EPERM);
	gets(q, "three");
	t_is(ipcfs_queue_get(q, buf, 10, 0), -EAGAIN);
	t_is(unfinished(q), 1); /* a plain get says nothing of what became of it */
}

static void what_is_returned_comes_first_in_the_old_order(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	uint64_t a, b, c;

	for (const char *at = "abcde"; *at; at++)
		t_is(ipcfs_queue_put(q, at, 1, 0), 0);
	a = leases(q, "a", 1);
	b = leases(q, "b", 1);
	c = leases(q, "c", 1);
	t_is(ipcfs_queue_return(q, c), 0);
	t_is(ipcfs_queue_return(q, a), 0);
	t_is(messages(q), 4);
	t_is(ipcfs_queue_peek(q, buf, 10), 1);
	t_is(buf[0], 'a');
	a = leases(q, "a", 2);
	t_is(ipcfs_queue_return(q, b), 0);
	gets(q, "b"); /* a plain get gets it too */
	leases(q, "c", 2);
	gets(q, "d");
	t_is(ipcfs_queue_return(q, a), 0);
	a = leases(q, "a", 3);
	gets(q, "e");
	t_is(ipcfs_queue_get(q, buf, 10, 0), -EAGAIN);
	t_is(ipcfs_queue_settle(q, a), 0);
}

static void a_short_buffer_leases_nothing(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	struct ipcfs_lease lease;

	put(q, "hello");
	t_is(ipcfs_queue_lease(q, buf, 4, 0, &lease), -EMSGSIZE);
	t_is(messages(q), 1);
	t_is(ipcfs_queue_return(q, leases(q, "hello", 1)), 0);
	t_is(ipcfs_queue_lease(q, buf, 4, 0, &lease), -EMSGSIZE);
	leases(q, "hello", 2); /* that was no attempt */
}

static void empty_messages_are_leased(void)
{
	struct ipcfs_object *q = queue_of("q", 10);
	uint64_t id;

	put(q, "");
	put(q, "x");
	put(q, "");
	id = leases(q, "", 1);
	gets(q, "x");
	t_is(ipcfs_queue_return(q, id), 0);
	leases(q, "", 2);
	gets(q, "");
	put(q, "0123456789"); /* it takes no room */
	gets(q, "0123456789");
}

static void other_kinds_have_no_leases(void)
{
	struct ipcfs_lease lease;

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == IPCFS_QUEUE)
			continue;
		t_is(ipcfs_queue_lease(o, buf, 10, 0, &lease), -EINVAL);
		t_is(ipcfs_queue_settle(o, 1), -EINVAL);
		t_is(ipcfs_queue_return(o, 1), -EINVAL);
		t_is(ipcfs_queue_done(o, 1), -EINVAL);
		t_is(ipcfs_queue_join(o, 0), -EINVAL);
		t_is(ipcfs_queue_close(o), -EINVAL);
	}
}

/* The table has 4096 places; what was given back has one, and can be had all the same. */
static void as_many_leases_as_there_are_places(void)
{
	enum { ALL = 4096 };
	static uint64_t ids[ALL];
	struct ipcfs_object *q = queue_of("q", 8192);
	struct ipcfs_lease lease;

	for (int i = 0; i < ALL + 1; i++)
		put(q, "x");
	for (int i = 0; i < ALL; i++)
		ids[i] = leases(q, "x", 1);
	t_is(ipcfs_queue_lease(q, buf, 10, 0, &lease), -EAGAIN);
	t_is(messages(q), 1);
	t_is(ipcfs_queue_return(q, ids[7]), 0);
	ids[7] = leases(q, "x", 2);
	t_is(ipcfs_queue_lease(q, buf, 10, 0, &lease), -EAGAIN);
	gets(q, "x"); /* a plain get needs no place */
	put(q, "y");
	t_is(ipcfs_queue_settle(q, ids[9]), 0);
	leases(q, "y", 1);
	for (int i = 0; i < ALL; i++)
		t_is(ipcfs_queue_settle(q, ids[i]), i == 9 ? -EPERM : 0);
}

static long lease_call(struct ipcfs_object *o, long size, int64_t deadline_ns)
{
	struct ipcfs_lease lease = {0};
	ssize_t n = ipcfs_queue_lease(o, buf, (size_t)size, deadline_ns, &lease);

	return n < 0 ? n : (long)(lease.attempt * 1000) + n;
}

static long get_call(struct ipcfs_object *o, long size, int64_t deadline_ns)
{
	return ipcfs_queue_get(o, buf, (size_t)size, deadline_ns);
}

static long put_call(struct ipcfs_object *o, long len, int64_t deadline_ns)
{
	return ipcfs_queue_put(o, buf, (size_t)len, deadline_ns);
}

static long join_call(struct ipcfs_object *o, long arg, int64_t deadline_ns)
{
	(void)arg;
	return ipcfs_queue_join(o, deadline_ns);
}

static struct t_call *waiting(long (*function)(struct ipcfs_object *, long, int64_t), long arg)
{
	return t_start_waiting(
		(struct t_call){.name = "q", .function = function, .arg = arg, .timeout_ns = -1});
}

static void a_place_in_the_table_is_waited_for(void)
{
	enum { ALL = 4096 };
	struct ipcfs_object *q = queue_of("q", 8192);
	uint64_t id = 0;

	for (int i = 0; i < ALL + 1; i++)
		put(q, "x");
	for (int i = 0; i < ALL; i++)
		id = leases(q, "x", 1);
	struct t_call *w = waiting(lease_call, 100);
	t_is(ipcfs_queue_settle(q, id), 0);
	t_ends_with(w, 1001);
}

/* ---- ends of processes ------------------------------------------------------------------------------ */

enum how { CLOSES, EXITS, IS_KILLED };
static _Atomic int *leased_now;

static int lease_and_end(void *arg)
{
	enum how how = *(enum how *)arg;
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *q = NULL;
	struct ipcfs_lease lease;

	t_is(ipcfs_open(store, IPCFS_QUEUE, "q", 0, 0, NULL, &q), 0);
	t_check(ipcfs_queue_lease(q, buf, 100, 0, &lease) > 0);
	t_check(ipcfs_queue_lease(q, buf, 100, 0, &lease) > 0);
	if (how == CLOSES)
		ipcfs_close(q);
	*leased_now = 1;
	if (how == IS_KILLED)
		for (;;)
			pause();
	return 0;
}

static void the_dead_and_who_closes_give_back(void)
{
	leased_now = t_shared(sizeof(*leased_now));
	for (enum how how = CLOSES; how <= IS_KILLED; how++) {
		struct ipcfs_object *q = queue_of("q", 100);
		pid_t child;

		put(q, "a");
		put(q, "b");
		put(q, "c");
		*leased_now = 0;
		child = t_fork(lease_and_end, &how);
		t_until(*leased_now);
		if (how == IS_KILLED) {
			t_is(messages(q), 1);
			t_kill(child);
		} else {
			t_is(t_wait(child), 0);
		}
		t_is(messages(q), 3);
		t_is(unfinished(q), 3);
		leases(q, "a", 2);
		leases(q, "b", 2);
		gets(q, "c");
		t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, "q"), 0);
	}
}

/* It does not come last because there is always something else to be had. */
static void what_the_dead_had_overtakes_what_comes(void)
{
	struct ipcfs_object *q = queue_of("q", 1000);
	enum how how = IS_KILLED;
	struct ipcfs_lease lease;
	int64_t end = t_now_ms() + T_LIMIT_MS;
	pid_t child;

	leased_now = t_shared(sizeof(*leased_now));
	put(q, "a");
	put(q, "b");
	child = t_fork(lease_and_end, &how);
	t_until(*leased_now);
	put(q, "more");
	t_kill(child);
	do {
		t_check(t_now_ms() < end);
		put(q, "more");
		t_check(ipcfs_queue_lease(q, buf, 100, 0, &lease) > 0);
		t_is(ipcfs_queue_settle(q, lease.id), 0);
	} while (lease.attempt == 1);
	t_is(buf[0], 'a');
	leases(q, "b", 2);
}

static void a_waiting_get_has_what_the_dead_had(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	enum how how = IS_KILLED;
	pid_t child;

	leased_now = t_shared(sizeof(*leased_now));
	put(q, "a");
	put(q, "bb");
	child = t_fork(lease_and_end, &how);
	t_until(*leased_now);
	struct t_call *first = waiting(get_call, 100), *second = waiting(get_call, 100);
	t_kill(child);
	t_is(t_wait(first->pid), 0);
	t_is(t_wait(second->pid), 0);
	t_is(first->result + second->result, 1 + 2);
}

static int settle_parents(void *arg)
{
	struct ipcfs_object *q = t.objects[0];

	t_is(ipcfs_queue_settle(q, *(uint64_t *)arg), -EPERM);
	t_is(ipcfs_queue_return(q, *(uint64_t *)arg), -EPERM);
	ipcfs_close(q);
	return 0;
}

static void a_forked_child_has_no_leases(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	uint64_t id;

	put(q, "a");
	id = leases(q, "a", 1);
	t_is(t_wait(t_fork(settle_parents, &id)), 0);
	t_is(messages(q), 0);
	t_is(ipcfs_queue_settle(q, id), 0);
}

static int count_holder(void *arg, const struct ipcfs_holding *h)
{
	unsigned *seen = arg;

	t_is(h->pid, getpid());
	seen[h->attempt]++;
	return 0;
}

static void leases_are_shown(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	unsigned seen[4] = {0};
	uint64_t a;

	put(q, "a");
	put(q, "b");
	a = leases(q, "a", 1);
	leases(q, "b", 1);
	t_is(ipcfs_queue_return(q, a), 0);
	a = leases(q, "a", 2);
	t_is(ipcfs_holders(q, count_holder, seen), 0);
	t_is(seen[1], 1);
	t_is(seen[2], 1);
	t_is(ipcfs_queue_return(q, a), 0);
	t_is(ipcfs_holders(q, count_holder, seen), 0);
	t_is(seen[2], 1);
	t_is(seen[1], 2);
}

/* ---- a model ------------------------------------------------------------------------------------------ */

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

/* ---- old leases and the ring ------------------------------------------------------------------------------ */

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

/* ---- dead letters --------------------------------------------------------------------------------------------- */

static unsigned ready(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READY,
			      .count = 1u << IPCFS_C_READ | 1u << IPCFS_C_WRITE |
				       1u << IPCFS_C_JOIN | IPCFS_READY_HUP};

	t_is(ipcfs_engine_shm.try(o, &op), 0);
	return (unsigned)op.count;
}

static struct ipcfs_object *queue_with_dead(const char *name, uint64_t attempts, const char *dead)
{
	struct ipcfs_properties p = {.given = IPCFS_P_ATTEMPTS | IPCFS_P_DEAD,
				     .attempts = attempts};

	snprintf(p.dead, sizeof(p.dead), "%s", dead);
	return t_object(IPCFS_QUEUE, name, &p);
}

static void fail_once_more(struct ipcfs_object *q, const char *text, uint64_t attempt)
{
	t_is(ipcfs_queue_return(q, leases(q, text, attempt)), 0);
}

static void after_its_attempts_a_message_moves(void)
{
	struct ipcfs_object *failed = queue_of("failed", 100),
			    *q = queue_with_dead("q", 3, "failed");

	put(q, "poison");
	put(q, "good");
	fail_once_more(q, "poison", 1);
	fail_once_more(q, "poison", 2);
	t_is(unfinished(q), 2);
	fail_once_more(q, "poison", 3);
	t_is(unfinished(q), 1); /* it counts as done here, and as put there */
	t_is(messages(q), 1);
	t_is(messages(failed), 1);
	t_is(unfinished(failed), 1);
	t_is(LOAD(failed->control->claims), 0); /* no mark of the move is left, neither there */
	t_is(LOAD(q->control->claims), 0);	/* nor here */
	t_is(ipcfs_queue_settle(q, leases(q, "good", 1)), 0);
	t_is(ipcfs_queue_join(q, 0), 0);
	leases(failed, "poison", 1);
	t_is(ipcfs_queue_get(q, buf, 10, 0), -EAGAIN);
}

static void several_move_in_their_order(void)
{
	struct ipcfs_object *failed = queue_of("failed", 100),
			    *q = queue_with_dead("q", 1, "failed");
	enum how how = IS_KILLED;
	pid_t child;

	leased_now = t_shared(sizeof(*leased_now));
	put(q, "a");
	put(q, "b");
	put(q, "c");
	child = t_fork(lease_and_end, &how);
	t_until(*leased_now);
	t_kill(child);
	gets(q, "c"); /* whoever looks moves them */
	t_until(ipcfs_queue_get(q, buf, 10, 0) == -EAGAIN && messages(failed) == 2);
	gets(failed, "a");
	gets(failed, "b");
	t_is(unfinished(q), 1);
}

/* A server asks when it hears of a death, though nobody reads. */
static void who_asks_whether_it_is_ready_moves_them(void)
{
	struct ipcfs_object *failed = queue_of("failed", 100),
			    *q = queue_with_dead("q", 1, "failed");
	enum how how = IS_KILLED;
	pid_t child;

	leased_now = t_shared(sizeof(*leased_now));
	put(q, "a");
	put(q, "b");
	child = t_fork(lease_and_end, &how);
	t_until(*leased_now);
	t_kill(child);
	t_is(ready(q) & 1u << IPCFS_C_READ, 0);
	t_is(messages(failed), 2);
	t_is(unfinished(q), 0);
}

static int take_the_lock_and_stop(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(store, IPCFS_QUEUE, arg, 0, 0, NULL, &o), 0);
	t_is(obj_lock(o, IPCFS_FOREVER, false), 0);
	raise(SIGSTOP);
	return 0;
}

/* It is neither here nor there for those who read, until it can go. */
static void while_the_other_queue_is_busy_it_waits(void)
{
	struct ipcfs_object *failed = queue_of("failed", 100),
			    *q = queue_with_dead("q", 1, "failed");
	struct ipcfs_lease lease;
	pid_t child;

	put(q, "a");
	child = t_fork(take_the_lock_and_stop, (void *)(uintptr_t) "failed");
	t_wait_stopped(child);
	fail_once_more(q, "a", 1);
	t_is(ready(q) & 1u << IPCFS_C_READ, 0);
	t_is(ipcfs_queue_lease(q, buf, 10, 0, &lease), -EAGAIN);
	t_is(ipcfs_queue_join(q, 0), -EAGAIN);
	t_is(messages(failed), 0);
	t_is(unfinished(q), 1);
	t_kill(child);
	t_is(ipcfs_queue_join(q, IPCFS_FOREVER), 0);
	gets(failed, "a");
}

/* What cannot go stays at the front, and tries again at its next failure. */
static void where_it_cannot_move_it_stays(void)
{
	struct ipcfs_object *q = queue_with_dead("q", 1, "failed"), *failed;

	put(q, "poison");
	put(q, "next");
	fail_once_more(q, "poison", 1); /* no such queue */
	fail_once_more(q, "poison", 2);
	queue_of("failed", 3); /* can never hold it */
	fail_once_more(q, "poison", 3);
	t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, "failed"), 0);
	failed = queue_of("failed", 10);
	put(failed, "0123456789"); /* full */
	fail_once_more(q, "poison", 4);
	t_is(ipcfs_queue_clear(failed), 1);
	t_is(ipcfs_queue_close(failed), 0); /* closed */
	fail_once_more(q, "poison", 5);
	t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, "failed"), 0);
	t_is(ipcfs_mkdir(t.store, IPCFS_QUEUE, "failed", 0700), 0); /* no queue */
	fail_once_more(q, "poison", 6);
	t_is(ipcfs_rmdir(t.store, IPCFS_QUEUE, "failed"), 0);
	t_is(unfinished(q), 2);
	t_is(messages(q), 2);
	failed = queue_of("failed", 10);
	fail_once_more(q, "poison", 7);
	gets(failed, "poison");
	gets(q, "next");
	t_is(unfinished(q), 1);
}

/* In the folder of the queue itself. */
static void it_moves_within_its_folder(void)
{
	struct ipcfs_object *q, *top, *failed;

	t_is(ipcfs_mkdir(t.store, IPCFS_QUEUE, "team", 0700), 0);
	top = queue_of("failed", 100);
	failed = queue_of("team/failed", 100);
	q = queue_with_dead("team/q", 1, "failed");
	put(q, "poison");
	fail_once_more(q, "poison", 1);
	t_is(messages(top), 0);
	gets(failed, "poison");
}

static void owner_of(const char *name, uid_t uid, mode_t mode)
{
	t_is(chown(t_path("queues/%s", name), uid, uid), 0);
	t_is(chmod(t_path("queues/%s", name), mode), 0);
}

/* Root's process does it, but as the queue's owner. */
static void the_owner_must_be_allowed_to_put_there(void)
{
	struct ipcfs_properties p = {
		.given = IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, .attempts = 1, .dead = "failed"};
	struct ipcfs_object *q = NULL, *failed;
	uint64_t attempt = 1;

	if (geteuid() != 0) {
		skip();
		return;
	}
	failed = queue_of("failed", 100);
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", IPCFS_CREATE, 0600, &p, &q), 0);
	ipcfs_close(q);
	owner_of("q", T_NOBODY, 0600); /* who owns it is noted at open */
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, NULL, &q), 0);
	put(q, "poison");
	owner_of("failed", 0, 0644);
	fail_once_more(q, "poison", attempt++);
	owner_of("failed", T_NOBODY, 0466); /* the owner's bits count for the owner */
	fail_once_more(q, "poison", attempt++);
	t_is(chown(t_path("queues/failed"), 0, T_NOBODY), 0);
	t_is(chmod(t_path("queues/failed"), 0646), 0); /* and the group's for the group */
	fail_once_more(q, "poison", attempt++);
	t_is(messages(failed), 0);
	owner_of("failed", 0, 0622);
	fail_once_more(q, "poison", attempt++);
	t_is(messages(failed), 1);
	ipcfs_close(q);
}

static void two_queues_are_each_others_dead_letters(void)
{
	struct ipcfs_object *a = queue_with_dead("a", 1, "b"), *b = queue_with_dead("b", 1, "a");

	put(a, "ping");
	for (int i = 0; i < 10; i++) {
		fail_once_more(a, "ping", 1);
		fail_once_more(b, "ping", 1);
	}
	gets(a, "ping");
	t_is(unfinished(b), 0);
}

static void dead_letter_properties(void)
{
	static const struct {
		const char *name;
		uint32_t given;
		uint64_t attempts;
		const char *dead;
		int want;
	} rows[] = {
		{"both", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "other", 0},
		{"attempts alone", IPCFS_P_ATTEMPTS, 5, "", 0},
		{"the most attempts", IPCFS_P_ATTEMPTS, IPCFS_ATTEMPTS_MAX, "", 0},
		{"past it", IPCFS_P_ATTEMPTS, IPCFS_ATTEMPTS_MAX + 1ull, "", -ERANGE},
		{"none", IPCFS_P_ATTEMPTS, 0, "", -ERANGE},
		{"dead alone", IPCFS_P_DEAD, 0, "other", -EINVAL},
		{"its own", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "q", -EINVAL},
		{"no name", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "", -EINVAL},
		{"a path", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "a/b", -EINVAL},
		{"a dot", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, ".b", -EINVAL},
		{"a comma", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "a,b", -EINVAL},
		{"a newline", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "a\nb", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipcfs_properties p = {.given = rows[i].given, .attempts = rows[i].attempts};
		struct ipcfs_object *q = NULL;

		snprintf(p.dead, sizeof(p.dead), "%s", rows[i].dead);
		t_row(rows[i].name,
		      ipcfs_open(t.store, IPCFS_QUEUE, "q", IPCFS_CREATE, 0600, &p, &q),
		      rows[i].want);
		ipcfs_close(q);
		if (rows[i].want == 0)
			t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, "q"), 0);
	}
}

static void dead_letter_properties_are_compared(void)
{
	struct ipcfs_properties p = {.given = IPCFS_P_DEAD, .dead = "failed"};
	struct ipcfs_object *o = NULL, *q = queue_with_dead("q", 5, "failed"),
			    *plain = queue_of("plain", 10);
	struct ipcfs_stat st;

	t_check(plain);
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, &p, &o), 0);
	t_check(o == q);
	ipcfs_close(o);
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "plain", 0, 0, &p, &o), -EEXIST);
	snprintf(p.dead, sizeof(p.dead), "faile");
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, &p, &o), -EEXIST);
	memset(p.dead, 'x', sizeof(p.dead));
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, &p, &o), -ENAMETOOLONG);
	p = (struct ipcfs_properties){.given = IPCFS_P_ATTEMPTS, .attempts = 5};
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, &p, &o), 0);
	ipcfs_close(o);
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "plain", 0, 0, &p, &o), -EEXIST);
	p.attempts = 6;
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, &p, &o), -EEXIST);
	t_stat_of(q, &st);
	t_is(st.properties.attempts, 5);
	t_is(strcmp(st.properties.dead, "failed"), 0);
	t_check(st.properties.given & IPCFS_P_DEAD && st.properties.given & IPCFS_P_ATTEMPTS);
	memset(p.dead, 0, sizeof(p.dead));
	memset(p.dead, 'x', IPCFS_NAME_MAX); /* the longest */
	p.given |= IPCFS_P_DEAD;
	t_object(IPCFS_QUEUE, "long", &p);
}

/* ---- done and join -------------------------------------------------------------------------------------------- */

static void done_is_not_declared_too_often(void)
{
	struct ipcfs_object *q = queue_of("q", 100);

	t_is(ipcfs_queue_join(q, 0), 0); /* nothing was ever put */
	t_is(ipcfs_queue_done(q, 1), -EOVERFLOW);
	t_is(ipcfs_queue_done(q, 0), -EINVAL);
	put(q, "a");
	put(q, "b");
	t_is(ipcfs_queue_done(q, 3), -EOVERFLOW);
	t_is(ipcfs_queue_done(q, UINT64_MAX), -EOVERFLOW);
	t_is(ipcfs_queue_join(q, 0), -EAGAIN);
	t_is(ipcfs_queue_done(q, 1), 0);
	gets(q, "a");
	gets(q, "b");
	t_is(ipcfs_queue_join(q, 1), -ETIMEDOUT);
	t_is(ipcfs_queue_done(q, 1), 0);
	t_is(ipcfs_queue_done(q, 1), -EOVERFLOW);
	t_is(ipcfs_queue_join(q, 0), 0);
	put(q, "c");
	t_is(ipcfs_queue_join(q, 0), -EAGAIN);
	t_is(ipcfs_queue_clear(q), 1); /* what is dropped is done */
	t_is(ipcfs_queue_join(q, 0), 0);
	put(q, "d");
	t_is(ipcfs_queue_done(q, 1), 0);
	t_is(ipcfs_queue_clear(q), 1); /* but not twice */
	t_is(unfinished(q), 0);
	put(q, "e");
	t_is(ipcfs_queue_done(q, 1), 0);
	t_is(ipcfs_queue_settle(q, leases(q, "e", 1)), 0);
	put(q, "f");
	t_is(unfinished(q), 1);
}

/* Readers, writers and joiners wait at one queue, and each class is woken by what it waits for. */
static void several_classes_wait_at_once(void)
{
	struct ipcfs_object *q = queue_of("q", 10);
	uint64_t id;

	put(q, "early");
	gets(q, "early"); /* never done before the end */
	put(q, "0123456789");
	id = leases(q, "0123456789", 1);
	struct t_call *reader = waiting(lease_call, 100), *writer = waiting(put_call, 10),
		      *joiner = waiting(join_call, 0), *other = waiting(get_call, 100);
	t_is(ipcfs_queue_settle(q, id), 0); /* room: the writer puts, one reader has it */
	t_ends_with(writer, 0);
	t_until(reader->result != T_UNDECIDED || other->result != T_UNDECIDED);
	t_is(joiner->result, T_UNDECIDED);
	if (reader->result != T_UNDECIDED) { /* it ended without `done`: the other has it */
		t_ends_with(reader, 1010);
		t_ends_with(other, 10);
	} else {
		t_ends_with(other, 10);
		t_is(reader->result, T_UNDECIDED);
	}
	t_is(joiner->result, T_UNDECIDED);
	t_is(ipcfs_queue_done(q, 2), 0);
	t_ends_with(joiner, 0);
}

enum { JOINERS = 50, WORKERS = 4 };

static struct joined {
	_Atomic int settled, tasks;
	_Atomic int early; /* joiners that came back before */
} * joined;

static long join_and_look(struct ipcfs_object *o, long arg, int64_t deadline_ns)
{
	int rc = ipcfs_queue_join(o, deadline_ns);

	(void)arg;
	if (rc == 0 && joined->settled != joined->tasks)
		joined->early++;
	return rc;
}

static int work(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *q = NULL;
	struct ipcfs_lease lease;

	t.seed = (uint64_t)(uintptr_t)arg;
	t_is(ipcfs_open(store, IPCFS_QUEUE, "q", 0, 0, NULL, &q), 0);
	while (ipcfs_queue_lease(q, buf, sizeof(buf), 0, &lease) > 0) {
		usleep((useconds_t)t_below(300));
		if (t_below(4) == 0) {
			t_is(t_again(ipcfs_queue_return(q, lease.id)), 0);
			continue;
		}
		joined->settled++; /* before: who is back from join must see it */
		t_is(t_again(ipcfs_queue_settle(q, lease.id)), 0);
	}
	return 0;
}

static void join_is_neither_early_nor_late(void)
{
	struct ipcfs_object *q = queue_of("q", 10000);
	struct t_call *w[JOINERS];
	pid_t workers[WORKERS];

	joined = t_shared(sizeof(*joined));
	joined->tasks = t_count(400);
	for (int i = 0; i < joined->tasks; i++)
		put(q, "task");
	for (int i = 0; i < JOINERS; i++)
		w[i] = t_start(
			(struct t_call){.name = "q", .function = join_and_look, .timeout_ns = -1});
	for (int i = 0; i < JOINERS; i++)
		t_until(t_asleep(w[i]->pid));
	for (int i = 0; i < WORKERS; i++)
		workers[i] = t_fork(work, (void *)(uintptr_t)(100 + i));
	for (int i = 0; i < WORKERS; i++)
		t_is(t_wait(workers[i]), 0);
	t_is(unfinished(q), 0);
	for (int i = 0; i < JOINERS; i++)
		t_ends_with(w[i], 0);
	t_is(joined->settled, joined->tasks);
	t_is(joined->early, 0);
}

/* Each end of the last message's way tells those who join. */
static void whatever_ends_the_last_one_ends_the_join(void)
{
	struct ipcfs_object *failed = queue_of("failed", 100),
			    *q = queue_with_dead("q", 1, "failed");

	t_check(failed);
	for (int how = 0; how < 4; how++) {
		put(q, "a");
		put(q, "b");
		struct t_call *w = waiting(join_call, 0);
		t_is(ipcfs_queue_settle(q, leases(q, "a", 1)), 0);
		if (how == 0)
			t_is(ipcfs_queue_settle(q, leases(q, "b", 1)), 0);
		else if (how == 1)
			t_is(ipcfs_queue_done(q, 1), 0);
		else if (how == 2)
			t_is(ipcfs_queue_clear(q), 1);
		else
			fail_once_more(q, "b", 1);
		t_ends_with(w, 0);
		ipcfs_queue_clear(q);
	}
}

/* ---- close ---------------------------------------------------------------------------------------------------- */

static void a_closed_queue_is_drained(void)
{
	struct ipcfs_object *q = t_queue("q", 2, 100);
	struct iovec v = {buf, 10};
	struct ipcfs_stat st;
	struct ipcfs_lease lease;

	put(q, "a");
	put(q, "b");
	struct t_call *w = waiting(put_call, 10);
	t_is(ipcfs_queue_close(q), 0);
	t_ends_with(w, -EPIPE);
	t_is(ipcfs_queue_put(q, "c", 1, IPCFS_FOREVER), -EPIPE);
	t_is(ipcfs_queue_put_many(q, &v, 1, IPCFS_FOREVER), -EPIPE);
	t_is(ipcfs_queue_close(q), 0); /* once is enough */
	t_stat_of(q, &st);
	t_is(st.closed, true);
	t_is(st.messages, 2);
	gets(q, "a");
	gets(q, "b");
	t_is(ipcfs_queue_get(q, buf, 10, IPCFS_FOREVER), -ENODATA);
	t_is(ipcfs_queue_lease(q, buf, 10, IPCFS_FOREVER, &lease), -ENODATA);
	t_is(ipcfs_queue_get_many(q, &v, 1, IPCFS_FOREVER), -ENODATA);
	t_is(ipcfs_queue_peek(q, buf, 10), -ENODATA);
	t_is(ipcfs_queue_clear(q), 0);
	t_is(ipcfs_queue_done(q, 2), 0);
	t_is(ipcfs_queue_join(q, 0), 0);
}

static void close_tells_all_who_wait(void)
{
	enum { READERS = 10 };
	struct ipcfs_object *q = queue_of("q", 100);
	struct t_call *w[READERS];

	for (int i = 0; i < READERS; i++)
		w[i] = waiting(i % 2 ? get_call : lease_call, 100);
	t_is(ipcfs_queue_close(q), 0);
	for (int i = 0; i < READERS; i++)
		t_ends_with(w[i], -ENODATA);
}

/* What another has leased may come back. */
static void of_a_closed_queue_leases_are_waited_for(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	uint64_t a, b;

	put(q, "a");
	put(q, "bb");
	a = leases(q, "a", 1);
	b = leases(q, "bb", 1);
	t_is(ipcfs_queue_close(q), 0);
	struct t_call *first = waiting(lease_call, 100), *second = waiting(get_call, 100);
	t_is(ipcfs_queue_get(q, buf, 10, IPCFS_FOREVER),
	     -ENODATA); /* ours come back through us alone */
	t_is(ipcfs_queue_settle(q, b), 0);
	t_is(first->result, T_UNDECIDED);
	t_is(second->result, T_UNDECIDED);
	t_is(ipcfs_queue_return(q, a), 0);
	t_is(t_wait(first->pid),
	     0); /* if it has it, it ends with it, and so gives it to the other */
	t_is(t_wait(second->pid), 0);
	t_is(second->result, 1);
	t_check(first->result == -ENODATA || first->result == 2001);
	t_is(ipcfs_queue_get(q, buf, 10, 0), -ENODATA);
}

static void readiness(void)
{
	enum { R = 1 << IPCFS_C_READ, W = 1 << IPCFS_C_WRITE, J = 1 << IPCFS_C_JOIN };
	struct ipcfs_object *q = queue_of("q", 10000);
	uint64_t id;

	t_is(ready(q), W | J);
	put(q, "a");
	t_is(ready(q), R | W);
	id = leases(q, "a", 1);
	t_is(ready(q), W);
	t_is(ipcfs_queue_return(q, id), 0);
	t_is(ready(q), R | W);
	id = leases(q, "a", 2);
	t_is(ipcfs_queue_close(q), 0);
	t_is(ready(q), R | W | IPCFS_READY_HUP); /* a put fails at once */
	t_is(ipcfs_queue_settle(q, id), 0);
	t_is(ready(q), R | W | J | IPCFS_READY_HUP);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------- */

static void a_lease_waits_for_a_put(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	struct t_call *w = waiting(lease_call, 100);

	put(q, "abc");
	t_ends_with(w, 1003);
	t_is(messages(q), 1); /* it ended without `done` */
	leases(q, "abc", 2);
}

static void deadlines(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	struct ipcfs_lease lease;
	int64_t before = sys_now_ns();

	t_is(ipcfs_queue_lease(q, buf, 10, 0, &lease), -EAGAIN);
	t_is(ipcfs_queue_lease(q, buf, 10, ipcfs_after(20 * T_MS), &lease), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 20 * T_MS);
	put(q, "a");
	before = sys_now_ns();
	t_is(ipcfs_queue_join(q, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 20 * T_MS);
}

static void killed_waiters_lease_nothing(void)
{
	enum { READERS = 20 };
	struct ipcfs_object *q = queue_of("q", 1000);
	struct t_call *w[READERS];

	for (int i = 0; i < READERS; i++)
		w[i] = waiting(lease_call, 100);
	for (int i = 0; i < READERS; i++)
		if (i != 7)
			t_kill(w[i]->pid);
	put(q, "abc");
	t_ends_with(w[7], 1003);
	leases(q, "abc", 2); /* nobody else had it */
}

static void nothing(int number)
{
	(void)number;
}

static void handle_and_restart(void)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};

	sigaction(SIGUSR1, &action, NULL);
}

static void a_signal_handler_ends_the_wait(void)
{
	struct ipcfs_object *q = queue_of("q", 100);

	for (int i = 0; i < 2; i++) {
		if (i == 1)
			put(q, "a");
		struct t_call *call = t_start_waiting(
			(struct t_call){.name = "q",
					.function = i == 0 ? lease_call : join_call,
					.before = handle_and_restart,
					.arg = 100,
					.timeout_ns = -1});
		/* one that comes just before the sleep is not noticed */
		t_until(kill(call->pid, SIGUSR1) == 0 && call->result == -EINTR);
		t_ends_with(call, -EINTR);
	}
	leases(q, "a", 1); /* nobody had it before */
}

static void removal_ends_leases_and_joins(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	struct ipcfs_lease lease;
	uint64_t id;

	put(q, "a");
	id = leases(q, "a", 1);
	struct t_call *leaser = waiting(lease_call, 100), *joiner = waiting(join_call, 0);
	t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, "q"), 0);
	t_ends_with(leaser, -EIDRM);
	t_ends_with(joiner, -EIDRM);
	t_is(ipcfs_queue_settle(q, id), -EIDRM);
	t_is(ipcfs_queue_return(q, id), -EIDRM);
	t_is(ipcfs_queue_lease(q, buf, 10, 0, &lease), -EIDRM);
	t_is(ipcfs_queue_done(q, 1), -EIDRM);
	t_is(ipcfs_queue_join(q, 0), -EIDRM);
	t_is(ipcfs_queue_close(q), -EIDRM);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(a_lease_is_settled_once),
		T_TEST(what_is_returned_comes_first_in_the_old_order),
		T_TEST(a_short_buffer_leases_nothing),
		T_TEST(empty_messages_are_leased),
		T_TEST(other_kinds_have_no_leases),
		T_TEST(as_many_leases_as_there_are_places),
		T_TEST(a_place_in_the_table_is_waited_for),
		T_TEST(the_dead_and_who_closes_give_back),
		T_TEST(what_the_dead_had_overtakes_what_comes),
		T_TEST(a_waiting_get_has_what_the_dead_had),
		T_TEST(a_forked_child_has_no_leases),
		T_TEST(leases_are_shown),
		T_TEST(behaves_as_its_model),
		T_TEST(an_old_lease_does_not_hold_the_ring_back),
		T_TEST(leased_bytes_count),
		T_TEST(leased_messages_and_maxsize),
		T_TEST(after_its_attempts_a_message_moves),
		T_TEST(several_move_in_their_order),
		T_TEST(who_asks_whether_it_is_ready_moves_them),
		T_TEST(while_the_other_queue_is_busy_it_waits),
		T_TEST(where_it_cannot_move_it_stays),
		T_TEST(it_moves_within_its_folder),
		T_TEST(the_owner_must_be_allowed_to_put_there),
		T_TEST(two_queues_are_each_others_dead_letters),
		T_TEST(dead_letter_properties),
		T_TEST(dead_letter_properties_are_compared),
		T_TEST(done_is_not_declared_too_often),
		T_TEST(several_classes_wait_at_once),
		T_TEST(join_is_neither_early_nor_late),
		T_TEST(whatever_ends_the_last_one_ends_the_join),
		T_TEST(a_closed_queue_is_drained),
		T_TEST(close_tells_all_who_wait),
		T_TEST(of_a_closed_queue_leases_are_waited_for),
		T_TEST(readiness),
		T_TEST(a_lease_waits_for_a_put),
		T_TEST(deadlines),
		T_TEST(killed_waiters_lease_nothing),
		T_TEST(a_signal_handler_ends_the_wait),
		T_TEST(removal_ends_leases_and_joins),
	};

	return T_RUN(tests);
}
