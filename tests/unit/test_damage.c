/* SPDX-License-Identifier: MIT
 *
 * test_damage.c - segments that somebody scribbled over or cut short, and what is no segment: every call
 * returns, with EUCLEAN or a result that could be, and the name can be removed.
 */
#include "t_core.h"

#define Q IPCFS_QUEUE

enum { LARGEST = 3000 }; /* message of the queues that t_any makes */

/* ---- every call once, none of them waits ---------------------------------------------------------- */

static void legal(const char *call, long rc, long most)
{
	static const int errors[] = {-EUCLEAN, -EIDRM,	   -EAGAIN,    -EMSGSIZE, -ERANGE,
				     -ENODATA, -EOVERFLOW, -ECANCELED, -EPERM,	  -EPIPE,
				     -ENOBUFS, -ENOENT,	   -EEXIST,    -ENOSPC};

	if (rc >= 0 && rc <= most)
		return;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (rc == errors[i])
			return;
	t_fail("%s is %s", call, t_result(rc));
}
#define LEGAL(call, most) legal(#call, call, most)

static void use_leases(struct ipcfs_object *q, char buf[LARGEST + 1])
{
	struct ipcfs_lease lease = {0};
	ssize_t n;

	LEGAL(ipcfs_queue_put(q, "five", 4, 0), 0);
	for (int i = 0; i < 3; i++) {
		n = ipcfs_queue_lease(q, buf, LARGEST, 0, &lease);
		legal("ipcfs_queue_lease", n, LARGEST);
		LEGAL(ipcfs_queue_peek(q, buf, LARGEST), LARGEST);
		LEGAL(ipcfs_queue_return(q, lease.id), 0);
		LEGAL(ipcfs_queue_settle(q, lease.id), 0);
	}
	LEGAL(ipcfs_queue_lease(q, buf, LARGEST, 0, &lease), LARGEST);
	LEGAL(ipcfs_queue_settle(q, lease.id), 0);
	LEGAL(ipcfs_queue_done(q, 1), 0);
	LEGAL(ipcfs_queue_join(q, 0), 0);
}

static void use_queue(struct ipcfs_object *q)
{
	static char buf[4][LARGEST + 1];
	struct iovec v[4];

	for (int i = 0; i < 4; i++) {
		buf[i][LARGEST] = 'c';
		v[i] = (struct iovec){.iov_base = buf[i], .iov_len = LARGEST};
	}
	LEGAL(ipcfs_queue_peek(q, buf[0], LARGEST), LARGEST);
	LEGAL(ipcfs_queue_put(q, "four", 4, 0), 0);
	LEGAL(ipcfs_queue_get(q, buf[0], LARGEST, 0), LARGEST);
	LEGAL(ipcfs_queue_put(q, buf[0], LARGEST, 0), 0);
	v[1].iov_len = 10;
	LEGAL(ipcfs_queue_put_many(q, v, 4, 0), 4);
	v[0].iov_len = v[1].iov_len = LARGEST;
	LEGAL(ipcfs_queue_get_many(q, v, 4, 0), 4);
	LEGAL(ipcfs_queue_get(q, buf[0], 2, 0), 2);
	use_leases(q, buf[0]);
	LEGAL(ipcfs_queue_clear(q), IPCFS_MAXSIZE_MAX);
	LEGAL(ipcfs_queue_put(q, "four", 4, 0), 0);
	LEGAL(ipcfs_queue_get(q, buf[0], LARGEST, 0), LARGEST);
	for (int i = 0; i < 4; i++)
		t_is(buf[i][LARGEST], 'c');
}

static void use_cells(struct ipcfs_object *o)
{
	static char buf[901];
	union ipcfs_number one = {.i = 1};
	uint64_t changes = 0;

	buf[900] = 'c';
	if (o->kind == IPCFS_VALUE) {
		LEGAL(ipcfs_value_get(o, buf, 20, &changes), 20);
		LEGAL(ipcfs_value_cas(o, "cas", 3, &changes), 0);
		LEGAL(ipcfs_value_set(o, "new", 3), 0);
		LEGAL(ipcfs_value_get(o, buf, 20, &changes), 20);
		return;
	}
	LEGAL(ipcfs_array_get(o, 0, 100, buf, 900, &changes), 800);
	LEGAL(ipcfs_array_cas(o, 0, 100, buf, &changes), 0);
	LEGAL(ipcfs_array_set(o, 90, 10, buf), 0);
	LEGAL(ipcfs_array_set(o, 3, 1, buf), 0);
	LEGAL(ipcfs_array_op(o, 0, 100, IPCFS_ADD, one), 0);
	LEGAL(ipcfs_array_op(o, 99, 1, IPCFS_XOR, one), 0);
	LEGAL(ipcfs_array_get(o, 99, 1, buf, 900, &changes), 8);
	t_is(buf[900], 'c');
}

static void use_lock(struct ipcfs_object *o)
{
	struct ipcfs_grant grant = {0};

	LEGAL(ipcfs_lock_acquire(o, IPCFS_SHARED, 0, &grant), 0);
	LEGAL(ipcfs_lock_release(o, grant.token), 0);
	LEGAL(ipcfs_lock_acquire(o, 0, 0, &grant), 0);
	LEGAL(ipcfs_lock_release(o, grant.token), 0);
}

static void use_condition(struct ipcfs_object *o)
{
	uint64_t ticket = 0, other = 0;

	LEGAL(ipcfs_condition_arm(o, &ticket), 0);
	LEGAL(ipcfs_condition_arm(o, &other), 0);
	LEGAL(ipcfs_condition_notify(o, 1), IPCFS_PARTIES_MAX);
	LEGAL(ipcfs_condition_wait(o, ticket, 0), 0);
	LEGAL(ipcfs_condition_disarm(o, other), 0);
	LEGAL(ipcfs_condition_notify_all(o), IPCFS_PARTIES_MAX);
	LEGAL(ipcfs_condition_wait(o, 0, 0), 0);
}

static void use_channel(struct ipcfs_object *o)
{
	uint64_t seen = 0;

	LEGAL(ipcfs_channel_wait(o, &seen, 0), IPCFS_SIGNAL_MAX);
	LEGAL(ipcfs_channel_fire(o, SIGUSR1), 0);
	LEGAL(ipcfs_channel_wait(o, &seen, 0), IPCFS_SIGNAL_MAX);
	for (int i = 0; i < 70; i++)
		LEGAL(ipcfs_channel_fire(o, 1 + i % 64), 0);
	LEGAL(ipcfs_channel_wait(o, &seen, 0), IPCFS_SIGNAL_MAX);
}

static void use_barrier(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_ARRIVE, .flags = IPCFS_OP_WAITS};
	struct ipcfs_op pass = {.verb = IPCFS_V_PASS};

	LEGAL(ipcfs_barrier_wait(o, 0), 2);
	LEGAL(ipcfs_engine_shm.try(o, &op), 0);
	pass.token = op.token;
	LEGAL(ipcfs_engine_shm.try(o, &op), 0);
	LEGAL(ipcfs_barrier_wait(o, 0), 2);
	LEGAL(ipcfs_engine_shm.try(o, &pass), 0);
	LEGAL(ipcfs_barrier_abort(o), 0);
	LEGAL(ipcfs_barrier_reset(o), 0);
}

/* Full is what its words say. */
static long full(long rc)
{
	return rc == -ENOSPC ? -EAGAIN : rc;
}

static void use_list_at_once(struct ipcfs_object *o)
{
	static char bytes[700];
	struct iovec v[3] = {{bytes, 10}, {bytes, 700}, {bytes, 0}}, *items = NULL;
	uint64_t changes = 0;
	unsigned sum = 0;

	LEGAL(full(ipcfs_list_extend(o, v, 3, NULL)), 0);
	long n = ipcfs_list_items(o, &items, &changes);
	LEGAL(n, IPCFS_ITEMS_MAX);
	for (long i = 0; i < n; i++) /* they are where it says: the sanitizer looks */
		for (size_t k = 0; k < items[i].iov_len; k++)
			sum += ((volatile char *)items[i].iov_base)[k];
	(void)sum;
	free(items);
	LEGAL(full(ipcfs_list_replace(o, v, 2, &changes)), 0);
	LEGAL(ipcfs_list_clear(o), IPCFS_ITEMS_MAX);
	LEGAL(full(ipcfs_list_append(o, "last", 4)), 0);
}

static void use_list(struct ipcfs_object *o)
{
	static char buf[LARGEST + 1];

	buf[LARGEST] = 'c';
	LEGAL(ipcfs_list_get(o, 0, buf, LARGEST, NULL), LARGEST);
	LEGAL(full(ipcfs_list_append(o, "four", 4)), 0);
	LEGAL(full(ipcfs_list_append(o, buf, 1000)), 0);
	LEGAL(ipcfs_list_pop(o, -1, buf, LARGEST, 0), LARGEST);
	LEGAL(full(ipcfs_list_insert(o, 1, buf, 100, NULL)), 0);
	LEGAL(full(ipcfs_list_insert(o, 0, buf, 33, NULL)), 0);
	LEGAL(full(ipcfs_list_set(o, 1, buf, 500, NULL)), 0);
	LEGAL(ipcfs_list_get(o, -1, buf, LARGEST, NULL), LARGEST);
	LEGAL(full(ipcfs_list_delete(o, 1, NULL)), 0);
	LEGAL(ipcfs_list_pop(o, 0, buf, LARGEST, 0), LARGEST);
	for (int i = 0; i < 20; i++) /* the index grows */
		LEGAL(full(ipcfs_list_append(o, "x", 1)), 0);
	LEGAL(ipcfs_list_count(o), INT64_MAX);
	use_list_at_once(o);
}

static void use_pipe(struct ipcfs_object *o)
{
	static char buf[LARGEST + 1];

	buf[LARGEST] = 'c';
	LEGAL(ipcfs_pipe_open(o, IPCFS_END_B), 0);
	LEGAL(ipcfs_pipe_open(o, IPCFS_END_A), 0);
	for (enum ipcfs_end end = IPCFS_END_A; end <= IPCFS_END_B; end++) {
		LEGAL(ipcfs_pipe_put(o, end, "four", 4, 0), 0);
		LEGAL(ipcfs_pipe_put(o, end, buf, LARGEST, 0), 0);
		LEGAL(ipcfs_pipe_get(o, end, buf, 2, 0), 2);
		LEGAL(ipcfs_pipe_get(o, end, buf, LARGEST, 0), LARGEST);
		LEGAL(ipcfs_pipe_get(o, end, buf, LARGEST, 0), LARGEST);
		LEGAL(ipcfs_pipe_poll(o, end, 0), 0);
		LEGAL(ipcfs_pipe_clear(o, end), IPCFS_MAXSIZE_MAX);
		LEGAL(ipcfs_pipe_close(o, end), 0);
	}
	t_is(buf[LARGEST], 'c');
}

static void use_topic(struct ipcfs_object *o)
{
	struct ipcfs_cursor cursor = {0}, late = {0};
	static char buf[LARGEST + 1];

	buf[LARGEST] = 'c';
	LEGAL(ipcfs_topic_peek(o, buf, LARGEST), LARGEST);
	LEGAL(ipcfs_topic_subscribe(o, &late), 0);
	LEGAL(ipcfs_topic_publish(o, "four", 4), 0);
	LEGAL(ipcfs_topic_next(o, &cursor, buf, 2, 0), 2);
	for (int i = 0; i < 3; i++) {
		LEGAL(ipcfs_topic_next(o, &cursor, buf, LARGEST, 0), LARGEST);
		LEGAL(ipcfs_topic_next(o, &late, buf, LARGEST, 0), LARGEST);
		LEGAL(ipcfs_topic_publish(o, buf, LARGEST), 0);
	}
	LEGAL(ipcfs_topic_peek(o, buf, LARGEST), LARGEST);
	LEGAL(ipcfs_topic_clear(o), IPCFS_MAXSIZE_MAX);
	LEGAL(ipcfs_topic_publish(o, "four", 4), 0);
	LEGAL(ipcfs_topic_peek(o, buf, LARGEST), LARGEST);
	t_is(buf[LARGEST], 'c');
}

static void use_dict(struct ipcfs_object *o)
{
	static char buf[20001];
	struct ipcfs_key key = {.number = 0};
	uint64_t changes = 0;
	char type = 'q';

	buf[20000] = 'c';
	LEGAL(ipcfs_dict_count(o), INT64_MAX);
	LEGAL(ipcfs_dict_get(o, "one", buf, 20000, &changes), 20000);
	LEGAL(ipcfs_dict_cas(o, "one", "cas", 3, &changes), 0);
	LEGAL(ipcfs_dict_set(o, "two", buf, 100), 0);
	LEGAL(ipcfs_dict_append(o, "two", buf, 100), 0);
	for (int i = 0; i < 1000 && ipcfs_dict_next(o, &key) == 1; i++)
		t_check(strlen(key.name) <= IPCFS_NAME_MAX);
	LEGAL(ipcfs_dict_rename(o, "two", "three"), 0);
	LEGAL(ipcfs_dict_add(o, "four", "4", 1), 0);
	LEGAL(ipcfs_dict_op(o, "four", IPCFS_ADD, &type, &(union ipcfs_number){.i = 1}), 0);
	LEGAL(ipcfs_dict_stat(o, "four", &key), 0);
	LEGAL(ipcfs_dict_wait(o, "four", &changes, 0), 0);
	LEGAL(ipcfs_dict_pop(o, "three", buf, 20000), 20000);
	LEGAL(ipcfs_dict_remove(o, "one"), 0);
	LEGAL(ipcfs_dict_clear(o), INT64_MAX);
	LEGAL(ipcfs_dict_set(o, "one", "1", 1), 0);
	t_is(buf[20000], 'c');
}

static void use(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READY, .flags = IPCFS_OP_PARK, .count = 7};
	struct ipcfs_stat st;

	LEGAL(ipcfs_stat(o, &st), 0);
	LEGAL(ipcfs_engine_shm.try(o, &op), 0);
	switch (o->kind) {
	case IPCFS_QUEUE:
		use_queue(o);
		break;
	case IPCFS_SEMAPHORE:
		LEGAL(ipcfs_semaphore_value(o), IPCFS_SEMAPHORE_MAX);
		LEGAL(ipcfs_semaphore_acquire(o, 2, 0), 0);
		LEGAL(ipcfs_semaphore_release(o, 2), 0);
		LEGAL(ipcfs_semaphore_hold(o, 1, 0), 0);
		LEGAL(ipcfs_semaphore_hold(o, 2, 0), 0);
		LEGAL(ipcfs_semaphore_release(o, 1), 0);
		LEGAL(ipcfs_semaphore_value(o), IPCFS_SEMAPHORE_MAX);
		break;
	case IPCFS_EVENT:
		LEGAL(ipcfs_event_is_set(o), 1);
		LEGAL(ipcfs_event_clear(o), 0);
		LEGAL(ipcfs_event_wait(o, 0), 0);
		LEGAL(ipcfs_event_set(o), 0);
		LEGAL(ipcfs_event_is_set(o), 1);
		break;
	case IPCFS_LOCK:
		use_lock(o);
		break;
	case IPCFS_CONDITION:
		use_condition(o);
		break;
	case IPCFS_BARRIER:
		use_barrier(o);
		break;
	case IPCFS_LIST:
		use_list(o);
		break;
	case IPCFS_PIPE:
		use_pipe(o);
		break;
	case IPCFS_TOPIC:
		use_topic(o);
		break;
	case IPCFS_SIGNAL:
		use_channel(o);
		break;
	case IPCFS_DICT:
		use_dict(o);
		break;
	default:
		use_cells(o);
	}
	uint64_t changes = ipcfs_stat(o, &st) == 0 ? st.changes : 0;
	LEGAL(ipcfs_wait_change(o, &changes, 0), 0);
}

/* By who is attached, by who attaches now; then it is removed. */
static void use_and_remove(struct ipcfs_object *o, struct ipcfs_store *other, const char *name)
{
	struct ipcfs_object *fresh = NULL;
	enum ipcfs_kind kind = o->kind;

	use(o);
	int rc = ipcfs_open(other, kind, name, 0, 0, NULL, &fresh);
	if (rc == 0) {
		use(fresh);
		ipcfs_close(fresh);
	} else {
		t_check(rc == -EUCLEAN || rc == -ENOENT);
	}
	if (rc != -ENOENT)
		t_is(ipcfs_unlink(other, kind, name), 0);
	t_is(ipcfs_open(t.store, kind, name, 0, 0, NULL, &fresh), -ENOENT);
	ipcfs_close(t.objects[--t.object_count]);
}

/* ---- scribbling --------------------------------------------------------------------------------------- */

#define FIELD(f)                                                                                   \
	{                                                                                          \
		.name = #f, .in_control = true, .at = offsetof(struct seg_control, f),             \
		.len = sizeof(((struct seg_control *)NULL)->f)                                     \
	}

struct region {
	const char *name;
	bool in_control; /* `at` counts from the control block on */
	uint64_t at, len;
};

/* The last ones are asked of the object. */
static const struct region fields[] = {
	FIELD(magic),
	FIELD(version),
	FIELD(kind),
	FIELD(size),
	FIELD(shape),
	FIELD(lock),
	FIELD(state),
	FIELD(flags),
	FIELD(seq),
	FIELD(changes),
	FIELD(word),
	FIELD(word),
	FIELD(word),
	FIELD(reserved),
	FIELD(redo_on),
	FIELD(length),
	FIELD(redo_on),
	FIELD(redo_offset),
	FIELD(redo_bytes),
	FIELD(redo_length),
	FIELD(back),
	FIELD(spare),
	FIELD(claims),
	FIELD(taken),
	{.name = "redo",
	 .in_control = true,
	 .at = offsetof(struct seg_control, redo_on),
	 .len = 40},
	{.name = "control", .in_control = true, .at = 0, .len = SEG_CONTROL},
	{.name = "label", .at = 0, .len = SEG_PAGE - SEG_CONTROL},
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static const struct ring *some_ring(struct ipcfs_object *o)
{
	switch (o->kind) {
	case IPCFS_QUEUE:
		return &o->queue;
	case IPCFS_PIPE:
		return &o->ways[t_below(2)];
	case IPCFS_TOPIC:
		return &o->topic;
	default:
		return NULL;
	}
}

static struct region some_region(struct ipcfs_object *o)
{
	uint64_t which = t_below(FIELDS + 4);
	const struct ring *ring;

	if (which < FIELDS)
		return fields[which];
	ring = some_ring(o);
	if (ring && o->claims && which == FIELDS)
		return (struct region){.name = "claims", .at = o->claims, .len = 3 * 128};
	if (ring && which % 2)
		return (struct region){
			.name = "index", .at = ring->index, .len = 10 * 2 * sizeof(uint64_t)};
	if (o->heap_bytes && which % 2) /* but for its log: words, and what is free */
		return (struct region){.name = "heap", .at = SEG_PAGE + 512, .len = 500};
	if (o->heap_bytes)
		return (struct region){
			.name = "log and blocks", .at = SEG_PAGE, .len = SEG_PAGE + 400};
	if (ring)
		return (struct region){.name = "ring", .at = ring->bytes, .len = 3000};
	return (struct region){.name = "all behind the label",
			       .at = SEG_PAGE - SEG_CONTROL,
			       .len = o->size - (SEG_PAGE - SEG_CONTROL)};
}

static uint64_t some_value(struct ipcfs_object *o)
{
	const uint64_t values[] = {0,
				   1,
				   2,
				   3,
				   9,
				   10,
				   11,
				   100,
				   2999,
				   3000,
				   3001,
				   4095,
				   4096,
				   4097,
				   o->size,
				   o->size - 1,
				   0x7fffffff,
				   0x80000000,
				   0xffffffff,
				   1ull << 32,
				   INT64_MAX,
				   1ull << 63,
				   UINT64_MAX,
				   UINT64_MAX - 2999,
				   9ull << 32 | 10,
				   1ull << 62, /* of claims, and states of them */
				   0x101,
				   0x202,
				   0x103,
				   0x104,
				   5,
				   9ull << 32 | 1,
				   10ull << 32 | 1,
				   1ull << 32 | 10,
				   800,
				   801,
				   8192,
				   8192 + 32,
				   8192 + 64,
				   8192 + 160,
				   15,
				   4608,
				   19,
				   20,
				   21};

	return values[t_below(sizeof(values) / sizeof(values[0]))];
}

static void scribble(struct ipcfs_object *o, int fd)
{
	struct region r = some_region(o);
	uint64_t at = r.at + (r.in_control ? (uint64_t)((uint8_t *)o->control - o->base) : 0);

	if (t_below(2)) { /* one chosen value */
		uint64_t value = some_value(o), slots = r.len / 8;

		at += slots ? t_below(slots) * 8 : 0;
		t_check(pwrite(fd, &value, r.len < 8 ? r.len : 8, (off_t)at) > 0);
		return;
	}
	uint64_t skip = t_below(2) ? 0 : t_below(r.len), len = 1 + t_below(r.len - skip);
	uint8_t *bytes = malloc(len);

	assert_non_null(bytes);
	for (uint64_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)t_random();
	t_is(pwrite(fd, bytes, len, (off_t)(at + skip)), (long)len);
	free(bytes);
}

static void random_bytes(enum ipcfs_kind kind)
{
	struct ipcfs_store *other = t_open_store();
	int rounds = t_count(1500);

	for (int round = 0; round < rounds; round++) {
		t.seed = (uint64_t)kind << 32 | (unsigned)round; /* so that one can be repeated */
		struct ipcfs_object *o = t_any(kind, "victim");
		int fd = t_file(kind, "victim");

		for (uint64_t n = 1 + t_below(3); n > 0; n--)
			scribble(o, fd);
		close(fd);
		use_and_remove(o, other, "victim");
	}
	ipcfs_store_close(other);
}

static void random_bytes_in_queues(void)
{
	random_bytes(Q);
}

static void random_bytes_in_semaphores(void)
{
	random_bytes(IPCFS_SEMAPHORE);
}

static void random_bytes_in_events(void)
{
	random_bytes(IPCFS_EVENT);
}

static void random_bytes_in_values(void)
{
	random_bytes(IPCFS_VALUE);
}

static void random_bytes_in_arrays(void)
{
	random_bytes(IPCFS_ARRAY);
}

static void random_bytes_in_lists(void)
{
	random_bytes(IPCFS_LIST);
}

static void random_bytes_in_pipes(void)
{
	random_bytes(IPCFS_PIPE);
}

static void random_bytes_in_topics(void)
{
	random_bytes(IPCFS_TOPIC);
}

/* The same while calls are under way. */
static _Atomic int *scribbling; /* which victim; 0: none yet; -1: enough */

static int scribble_on(void *arg)
{
	enum ipcfs_kind kind = *(enum ipcfs_kind *)arg;
	struct ipcfs_store *store = t_open_store();

	t.seed = 1000 + kind;
	for (int which = 1; *scribbling >= 0; which++) {
		struct ipcfs_object *o = NULL;
		char name[16];

		while (*scribbling >= 0 && *scribbling < which)
			sched_yield();
		if (*scribbling < 0)
			break;
		which = *scribbling;
		snprintf(name, sizeof(name), "v%d", which);
		if (ipcfs_open(store, kind, name, 0, 0, NULL, &o) < 0)
			continue;
		uint8_t *control = (uint8_t *)o->control;
		while (*scribbling == which) {
			uint64_t at = 64 + t_below((SEG_CONTROL - 64) / 8) * 8,
				 value = some_value(o);

			if (t_below(20) == 0)
				at = offsetof(struct seg_control, word);
			if (at == offsetof(struct seg_control, state)) /* else it ends at once */
				continue;
			if (t_below(4) == 0 && some_ring(o))
				memcpy(o->base + SEG_PAGE + t_below(20) * 8, &value, 8);
			else if (o->heap_bytes && t_below(4))
				memcpy(o->base + SEG_PAGE + t_below(t_below(2) ? 140 : 700) * 8,
				       &value, 8);
			else
				memcpy(control + at, &value, 8);
		}
		ipcfs_close(o);
	}
	return 0;
}

static void legal_or_busy(long rc, long most)
{
	if (rc != -EBUSY && rc != -ENOSPC)
		legal("a call beside the scribbler", rc, most);
}

static void scribbled_over_while_in_use(void)
{
	char name[16], buf[LARGEST + 1];

	buf[LARGEST] = 'c';
	scribbling = t_shared(sizeof(*scribbling));
	for (enum ipcfs_kind kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		*scribbling = 0;
		pid_t pid = t_fork(scribble_on, &kind);

		for (int which = 1; which <= t_count(100); which++) {
			snprintf(name, sizeof(name), "v%d", which);
			struct ipcfs_object *o = t_any(kind, name);
			*scribbling = which;
			for (int i = 0; i < 200; i++) {
				struct ipcfs_stat st;
				uint64_t changes = 0;

				legal_or_busy(ipcfs_stat(o, &st), 0);
				legal_or_busy(ipcfs_wait_change(o, &changes, 0), 0);
				if (kind == Q) {
					legal_or_busy(ipcfs_queue_put(o, buf, t_below(100), 0), 0);
					legal_or_busy(ipcfs_queue_get(o, buf, LARGEST, 0), LARGEST);
				} else if (kind == IPCFS_SEMAPHORE) {
					legal_or_busy(ipcfs_semaphore_release(o, 1), 0);
					legal_or_busy(ipcfs_semaphore_acquire(o, 1, 0), 0);
					legal_or_busy(ipcfs_semaphore_hold(o, 1, 0), 0);
				} else if (kind == IPCFS_EVENT) {
					legal_or_busy(ipcfs_event_set(o), 0);
					legal_or_busy(ipcfs_event_clear(o), 0);
				} else if (kind == IPCFS_VALUE) {
					legal_or_busy(ipcfs_value_set(o, buf, 20), 0);
					legal_or_busy(ipcfs_value_get(o, buf, 20, NULL), 20);
				} else if (kind == IPCFS_LOCK) {
					struct ipcfs_grant grant = {0};

					legal_or_busy(ipcfs_lock_acquire(o, i % 2, 0, &grant), 0);
					legal_or_busy(ipcfs_lock_release(o, grant.token), 0);
				} else if (kind == IPCFS_CONDITION) {
					uint64_t ticket = 0;

					legal_or_busy(ipcfs_condition_arm(o, &ticket), 0);
					legal_or_busy(ipcfs_condition_notify(o, 1), 4096);
					legal_or_busy(ipcfs_condition_wait(o, ticket, 0), 0);
				} else if (kind == IPCFS_LIST) {
					legal_or_busy(ipcfs_list_append(o, buf, t_below(100)), 0);
					legal_or_busy(ipcfs_list_pop(o, 0, buf, LARGEST, 0),
						      LARGEST);
					legal_or_busy(ipcfs_list_insert(o, 1, buf, 50, NULL), 0);
					legal_or_busy(ipcfs_list_set(o, -1, buf, 60, NULL), 0);
					if (i % 50 == 0)
						legal_or_busy(ipcfs_list_clear(o), IPCFS_ITEMS_MAX);
				} else if (kind == IPCFS_BARRIER) {
					int rc = ipcfs_barrier_wait(o, 1);

					legal_or_busy(rc == -ETIMEDOUT ? 0 : rc, 3);
					legal_or_busy(ipcfs_barrier_reset(o), 0);
				} else if (kind == IPCFS_PIPE) {
					legal_or_busy(ipcfs_pipe_put(o, 1, buf, t_below(100), 0),
						      0);
					legal_or_busy(ipcfs_pipe_open(o, 2), 0);
					legal_or_busy(ipcfs_pipe_get(o, 2, buf, LARGEST, 0),
						      LARGEST);
					legal_or_busy(ipcfs_pipe_close(o, 2), 0);
				} else if (kind == IPCFS_TOPIC) {
					struct ipcfs_cursor c = {0};

					legal_or_busy(ipcfs_topic_publish(o, buf, t_below(100)), 0);
					legal_or_busy(ipcfs_topic_next(o, &c, buf, LARGEST, 0),
						      LARGEST);
					legal_or_busy(ipcfs_topic_next(o, &c, buf, LARGEST, 0),
						      LARGEST);
				} else if (kind == IPCFS_SIGNAL) {
					uint64_t seen = 0;

					legal_or_busy(ipcfs_channel_fire(o, SIGTERM), 0);
					legal_or_busy(ipcfs_channel_wait(o, &seen, 0),
						      IPCFS_SIGNAL_MAX);
				} else if (kind == IPCFS_DICT) {
					legal_or_busy(ipcfs_dict_set(o, "one", buf, t_below(100)),
						      0);
					legal_or_busy(ipcfs_dict_get(o, "two", buf, LARGEST, NULL),
						      IPCFS_DICT_VALUE_MAX);
					legal_or_busy(ipcfs_dict_append(o, "three", buf, 9), 0);
					legal_or_busy(ipcfs_dict_rename(o, "three", "four"), 0);
					legal_or_busy(ipcfs_dict_remove(o, "four"), 0);
				} else {
					legal_or_busy(ipcfs_array_set(o, 0, 100, buf), 0);
					legal_or_busy(ipcfs_array_get(o, 0, 100, buf, 800, NULL),
						      800);
				}
			}
			t_is(buf[LARGEST], 'c');
			t_is(ipcfs_unlink(t.store, kind, name), 0);
			ipcfs_close(t.objects[--t.object_count]);
		}
		*scribbling = -1;
		t_is(t_wait(pid), 0);
	}
	munmap(scribbling, sizeof(*scribbling));
}

/* ---- cut short ------------------------------------------------------------------------------------------ */

static void cut_short_under_those_who_are_attached(void)
{
	struct ipcfs_store *other = t_open_store();

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		uint64_t size = t_any(kind, "size")->size;

		for (uint64_t cut = 0; cut < size;) {
			struct ipcfs_object *o = t_any(kind, "victim");
			int fd = t_file(kind, "victim");

			t_is(ftruncate(fd, (off_t)cut), 0);
			close(fd);
			use_and_remove(o, other, "victim");
			if (cut >= 16ull * SEG_PAGE && cut % SEG_PAGE == 0)
				cut += size / 4 & ~(SEG_PAGE - 1ull); /* all the same there */
			cut += cut % SEG_PAGE == 0 ? 1 :
			       cut % SEG_PAGE == 1 ? 3000 :
						     SEG_PAGE - 3001;
		}
	}
	ipcfs_store_close(other);
}

/* What does not need what is gone may work, but nothing that does may wait or tell of a full store. */
static void cut_short_where_memory_is_asked_for(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100000),
			    *v = t_cells(IPCFS_VALUE, "v", 's', 60000);
	static char bytes[60000];
	int fd = t_file(Q, "q");

	t_is(ftruncate(fd, SEG_PAGE), 0);
	close(fd);
	t_is(ipcfs_queue_put(q, bytes, 10, 0), -EUCLEAN);
	fd = t_file(IPCFS_VALUE, "v");
	t_is(ftruncate(fd, SEG_PAGE), 0);
	close(fd);
	t_is(ipcfs_value_set(v, bytes, 60000), -EUCLEAN);
	/* and behind what has memory already */
	q = t_queue("q2", 0, 100000);
	t_is(ipcfs_queue_put(q, bytes, 10, 0), 0);
	fd = t_file(Q, "q2");
	t_is(ftruncate(fd, (off_t)(q->queue.bytes + SEG_PAGE)), 0);
	close(fd);
	t_is(ipcfs_queue_put(q, bytes, 50000, 0), -EUCLEAN);
}

/* What is free, somebody has written, is the very block that is in use. AddressSanitizer sees whether bytes are copied over
 * themselves. */
static void a_block_in_use_is_said_to_be_free(void)
{
	enum { ROOTS = SEG_PAGE + 512, FREE = 4872 + 24, CLASS_OF_128 = 8, CLASS_OF_56 = 3 };
	struct ipcfs_object *l = t_list("l", 1 << 20), *d = t_any(IPCFS_DICT, "d");
	static const char bytes[40] = "value";
	uint64_t index, record, value;
	int fd = t_file(IPCFS_LIST, "l");

	for (int i = 0; i < 5; i++)
		t_is(ipcfs_list_append(l, "x", 1), 0);
	t_is(pread(fd, &index, sizeof(index), ROOTS), sizeof(index));
	t_is(pwrite(fd, &index, sizeof(index), FREE + 8 * CLASS_OF_128), sizeof(index));
	legal_or_busy(ipcfs_list_insert(l, 1, "y", 1, NULL), 0);
	close(fd);

	fd = t_file(IPCFS_DICT, "d");
	t_is(ipcfs_dict_clear(d) >= 0, 1);
	t_is(ipcfs_dict_set(d, "k", bytes, sizeof(bytes)), 0);
	t_is(pread(fd, &record, sizeof(record), ROOTS + 8), sizeof(record));
	t_is(pread(fd, &value, sizeof(value), (off_t)record + 40), sizeof(value));
	value += 8;
	for (int class = CLASS_OF_56; class < CLASS_OF_56 + 12; class ++)
		t_is(pwrite(fd, &value, sizeof(value), 4872 + 952 + 24 + 8 * class), sizeof(value));
	legal_or_busy(ipcfs_dict_append(d, "k", bytes, sizeof(bytes)), 0);
	close(fd);
}

/* A process may have so many mappings, and is killed by the next page that is gone: so they must not grow with the pages
 * that are looked at. Here each item of a list lies behind the end of the file, in a page of its own. */
static void cut_short_at_many_places(void)
{
	enum { ITEMS = 1000, INDEX = 2 * SEG_PAGE, FIRST = INDEX + 3 * SEG_PAGE };
	const uint64_t roots[] = {INDEX, ITEMS, 0, ITEMS, ITEMS};
	struct ipcfs_object *o = t_list("l", 1 << 20);
	struct iovec *items = NULL;
	static uint64_t places[ITEMS];
	int fd = t_file(IPCFS_LIST, "l"), before;

	for (uint64_t i = 0; i < ITEMS; i++)
		places[i] = FIRST + i * 2 * SEG_PAGE;
	t_is(pwrite(fd, places, sizeof(places), INDEX + 8), sizeof(places));
	t_is(pwrite(fd, roots, sizeof(roots), SEG_PAGE + 512), sizeof(roots));
	t_is(ftruncate(fd, FIRST), 0);
	close(fd);
	before = t_lines("/proc/self/maps", "");
	t_is(ipcfs_list_items(o, &items, NULL), -EUCLEAN);
	t_check(t_lines("/proc/self/maps", "") - before < 10);
}

static long get_for_ever(struct ipcfs_object *q, long arg, int64_t deadline_ns)
{
	char buf[10];

	(void)arg;
	return ipcfs_queue_get(q, buf, sizeof(buf), deadline_ns);
}

static void cut_short_under_a_sleeper(void)
{
	t_queue("q", 0, 100);
	struct t_call *call = t_start_waiting((struct t_call){
		.kind = Q, .name = "q", .function = get_for_ever, .timeout_ns = -1});
	int fd = t_file(Q, "q");

	t_is(ftruncate(fd, 0), 0);
	close(fd);
	t_ends_with(call, -EUCLEAN);
}

/* In the long form each, but of the largest segments one of a few. */
static void every_size_is_refused(void)
{
	struct ipcfs_store *other = t_open_store();

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "cut"), *fresh = NULL;
		int fd = t_file(kind, "cut");
		off_t step = 1 + (off_t)(o->size * 2) / t_count(20000) * 2;

		for (off_t size = (off_t)o->size * 2; size >= 0; size -= step) {
			if (size == (off_t)o->size)
				continue;
			t_is(ftruncate(fd, size), 0);
			t_is(ipcfs_open(other, kind, "cut", 0, 0, NULL, &fresh), -EUCLEAN);
		}
		close(fd);
		t_is(ipcfs_unlink(other, kind, "cut"), 0);
	}
	ipcfs_store_close(other);
}

/* ---- SIGBUS that is not ours -------------------------------------------------------------------------------- */

static sigjmp_buf jump;

static void jump_back(int sig)
{
	(void)sig;
	siglongjmp(jump, 1);
}

static void jump_back_info(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code == BUS_ADRERR)
		jump_back(sig);
}

/* In a program of its own: the handler found at the first attach is called; how 2: there is none. */
static int foreign_sigbus(const char *dir, const char *how)
{
	struct sigaction action = {.sa_handler = jump_back};
	struct ipcfs_store *store = NULL;
	struct ipcfs_object *o = NULL;
	char path[300];

	if (how[0] == '1') {
		action.sa_sigaction = jump_back_info;
		action.sa_flags = SA_SIGINFO;
	}
	if (how[0] != '2')
		sigaction(SIGBUS, &action, NULL);
	else
		signal(SIGBUS, SIG_DFL);
	if (ipcfs_store_open(dir, &store) < 0 ||
	    ipcfs_open(store, IPCFS_EVENT, "e", IPCFS_CREATE, 0600, NULL, &o) < 0)
		return 1;
	snprintf(path, sizeof(path), "%s/file", dir);
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	volatile char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (int i = 0; i < 3; i++) {
		if (sigsetjmp(jump, 1) == 0)
			at[0] = 1; /* an empty file */
		else if (i == 2)
			return 42;
	}
	return 2;
}

static int run_foreign_sigbus(void *arg)
{
	char program[4096] = "";

	signal(SIGBUS, SIG_DFL);
	/* by its name: valgrind's exec takes the link to be itself */
	t_check(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	execl(program, "test_damage", "foreign_sigbus", t.dir, arg, (char *)NULL);
	return 96;
}

static void other_sigbus_goes_to_the_handler_before(void)
{
	t_is(t_wait(t_fork(run_foreign_sigbus, "0")), 42);
	t_is(t_wait(t_fork(run_foreign_sigbus, "1")), 42);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they have one */
	t_is(t_wait(t_fork(run_foreign_sigbus, "2")), 128 + SIGBUS);
#endif
}

/* ---- no segments of that kind and version ---------------------------------------------------------------------- */

static void another_version(void)
{
	struct ipcfs_store *other = t_open_store();
	static const struct {
		const char *name;
		size_t at;
		uint32_t value;
	} rows[] = {
		{.name = "version 0", .at = offsetof(struct seg_control, version), .value = 0},
		{.name = "version 1", .at = offsetof(struct seg_control, version), .value = 1},
		{.name = "version 3", .at = offsetof(struct seg_control, version), .value = 3},
		{.name = "magic", .at = offsetof(struct seg_control, magic), .value = 0},
		{.name = "kind", .at = offsetof(struct seg_control, kind), .value = 99},
		{.name = "kind far", .at = offsetof(struct seg_control, kind), .value = 0xffffffff},
		{.name = "size", .at = offsetof(struct seg_control, size), .value = 4096 * 77},
		{.name = "shape", .at = offsetof(struct seg_control, shape), .value = 0xfffffff0},
		{.name = "damaged",
		 .at = offsetof(struct seg_control, state),
		 .value = SEG_DAMAGED},
	};

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct ipcfs_object *o = t_any(kind, "v"), *fresh = NULL;

			memcpy((uint8_t *)o->control + rows[i].at, &rows[i].value, 4);
			t_row(rows[i].name, ipcfs_open(other, kind, "v", 0, 0, NULL, &fresh),
			      -EUCLEAN);
			t_row(rows[i].name,
			      ipcfs_open(other, kind, "v", IPCFS_CREATE, 0600, NULL, &fresh),
			      -EUCLEAN);
			t_row(rows[i].name, ipcfs_unlink(other, kind, "v"), 0);
		}
	ipcfs_store_close(other);
}

static void a_segment_of_another_kind(void)
{
	struct ipcfs_store *other = t_open_store();
	struct ipcfs_object *fresh = NULL;

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		t_any(kind, "o");
		for (int wrong = 0; wrong < IPCFS_SEGMENT_COUNT; wrong++) {
			if (wrong == kind)
				continue;
			t_is(link(t_path("%s/o", ipcfs_kind_name(kind)),
				  t_path("%s/wrong", ipcfs_kind_name(wrong))),
			     0);
			/* attached as what it is, or not */
			t_is(ipcfs_open(t.store, wrong, "wrong", 0, 0, NULL, &fresh), -EUCLEAN);
			t_is(ipcfs_open(other, wrong, "wrong", 0, 0, NULL, &fresh), -EUCLEAN);
			t_is(ipcfs_unlink(other, wrong, "wrong"), 0);
		}
		use(t.objects[t.object_count - 1]);
	}
	ipcfs_store_close(other);
}

static void files_that_are_no_segments(void)
{
	static const size_t sizes[] = {0, 1, 511, 512, 4095, 4096, 8192, 1 << 20};
	static char bytes[1 << 20];
	struct ipcfs_object *o = NULL;

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++)
		for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
			int fd = open(t_path("%s/file", ipcfs_kind_name(kind)),
				      O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
			size_t size = sizes[i / 2];

			for (size_t k = 0; k < size; k++)
				bytes[k] = i % 2 ? (char)t_random() : 0;
			t_is(write(fd, bytes, size), (long)size);
			close(fd);
			t_is(ipcfs_open(t.store, kind, "file", 0, 0, NULL, &o), -EUCLEAN);
			t_is(ipcfs_open(t.store, kind, "file", IPCFS_CREATE, 0600, NULL, &o),
			     -EUCLEAN);
			t_is(ipcfs_unlink(t.store, kind, "file"), 0);
		}
}

int main(int argc, char **argv)
{
	static const struct t_case tests[] = {
		T_TEST(random_bytes_in_queues),
		T_TEST(random_bytes_in_semaphores),
		T_TEST(random_bytes_in_events),
		T_TEST(random_bytes_in_values),
		T_TEST(random_bytes_in_arrays),
		T_TEST(random_bytes_in_lists),
		T_TEST(random_bytes_in_pipes),
		T_TEST(random_bytes_in_topics),
		T_TEST(scribbled_over_while_in_use),
		T_TEST(cut_short_under_those_who_are_attached),
		T_TEST(cut_short_where_memory_is_asked_for),
		T_TEST(a_block_in_use_is_said_to_be_free),
		T_TEST(cut_short_at_many_places),
		T_TEST(cut_short_under_a_sleeper),
		T_TEST(every_size_is_refused),
		T_TEST(other_sigbus_goes_to_the_handler_before),
		T_TEST(another_version),
		T_TEST(a_segment_of_another_kind),
		T_TEST(files_that_are_no_segments),
	};

	if (argc == 4 && strcmp(argv[1], "foreign_sigbus") == 0)
		return foreign_sigbus(argv[2], argv[3]);
	return T_RUN(tests);
}
