/* SPDX-License-Identifier: MIT
 *
 * test_lock.c - the inner lock: taken from the dead, from words that mean nothing, not from the living.
 */
#include "t_core.h"

#include "t_inner_lock.h"

/* ---- from the dead ----------------------------------------------------------------------------- */

struct owner {
	enum ipcfs_kind kind;
	const char *name;
	void (*inside)(struct ipcfs_object *o); /* done while it holds the lock */
	int sig;				/* of what it sends itself then */
	_Atomic int step;
};

static int hold(void *arg)
{
	struct owner *owner = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *o;

	open_as(owner->kind, owner->name, &store, &o);
	t_is(obj_lock(o, 0, false), 0);
	if (owner->inside)
		owner->inside(o);
	owner->step = 1;
	kill(getpid(), owner->sig);
	t_is(obj_unlock(o, 0), 0);
	return 0;
}

static void leave_it_to_the_dead(enum ipcfs_kind kind, const char *name,
				 void (*inside)(struct ipcfs_object *o))
{
	struct owner owner = {.kind = kind, .name = name, .inside = inside, .sig = SIGKILL};

	t_is(t_wait(t_fork(hold, &owner)), 128 + SIGKILL);
}

static void every_kind_is_taken_over(void)
{
	int64_t numbers[100];
	char buf[100];

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++)
		t_any(kind, "o");
	for (int round = 0; round < 20; round++) {
		for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++)
			leave_it_to_the_dead(kind, "o", NULL);
		/* deadline 0: no patience is needed */
		t_is(ipcfs_queue_get(t.objects[0], buf, 100, 0), round % 2 ? 5 : 3);
		t_is(ipcfs_queue_put(t.objects[0], "one, five", round % 2 ? 5 : 3, 0), 0);
		t_is(ipcfs_semaphore_acquire(t.objects[1], 3, 0), 0);
		t_is(ipcfs_semaphore_release(t.objects[1], 3), 0);
		t_is(ipcfs_event_wait(t.objects[2], 0), 0);
		t_is(ipcfs_value_get(t.objects[3], buf, 100, NULL), 5);
		t_is(memcmp(buf, "hello", 5), 0);
		t_is(ipcfs_array_get(t.objects[4], 0, 100, numbers, sizeof(numbers), NULL), 800);
		t_is(numbers[0] + numbers[1] + numbers[2] + numbers[99], 6);
	}
}

static void pend_array(struct ipcfs_object *o)
{
	int64_t *redo = (void *)(o->base + o->cells.redo);

	for (int i = 0; i < 100; i++)
		redo[i] = 1000 + i;
	STORE(o->control->redo_offset, 80);
	STORE(o->control->redo_bytes, 400);
	STORE(o->control->redo_on, 1);
}

static void forget_array(struct ipcfs_object *o)
{
	pend_array(o);
	STORE(o->control->redo_on, 0);
}

static void half_copied_array(struct ipcfs_object *o)
{
	pend_array(o);
	memcpy(o->base + o->cells.payload + 80, o->base + o->cells.redo + 80, 133);
}

/* Committed is what redo_on says, wholly; the rest never was. */
static void what_the_dead_had_committed_is_done(void)
{
	static const struct {
		const char *name;
		void (*inside)(struct ipcfs_object *o);
		bool done;
	} rows[] = {
		{.name = "before the commit", .inside = forget_array, .done = false},
		{.name = "after the commit", .inside = pend_array, .done = true},
		{.name = "half copied", .inside = half_copied_array, .done = true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[8];
		int64_t is[100];

		snprintf(name, sizeof(name), "a%zu", i);
		struct ipcfs_object *a = t_cells(IPCFS_ARRAY, name, 'q', 100);
		for (int k = 0; k < 100; k++)
			is[k] = k;
		t_is(ipcfs_array_set(a, 0, 100, is), 0);
		leave_it_to_the_dead(IPCFS_ARRAY, name, rows[i].inside);
		t_is(ipcfs_array_get(a, 0, 100, is, sizeof(is), NULL), 800);
		for (int k = 0; k < 100; k++)
			t_row(rows[i].name, is[k],
			      rows[i].done && k >= 10 && k < 60 ? 1000 + k : k);
		t_is(LOAD(a->control->redo_on), 0);
	}
}

static void pend_string(struct ipcfs_object *o)
{
	memset(o->base + o->cells.redo, 'x', 20);
	STORE(o->control->redo_offset, 0);
	STORE(o->control->redo_bytes, 20);
	STORE(o->control->redo_length, 17);
	STORE(o->control->redo_on, 1);
}

static void a_string_of_the_dead_has_its_length(void)
{
	struct ipcfs_object *v = t_any(IPCFS_VALUE, "v");
	char buf[20];

	leave_it_to_the_dead(IPCFS_VALUE, "v", pend_string);
	t_is(ipcfs_value_get(v, buf, 20, NULL), 17);
	t_is(memcmp(buf, "xxxxxxxxxxxxxxxxx", 17), 0);
}

/* One after the other dies with the lock, and many are there to take it over. */
static long put_and_die(struct ipcfs_object *q, long arg, int64_t deadline_ns)
{
	(void)arg;
	for (int i = 0; i < 50; i++)
		if (ipcfs_queue_put(q, "x", 1, deadline_ns) < 0)
			return -1;
	t_is(obj_lock(q, deadline_ns, false), 0);
	kill(getpid(), SIGKILL);
	return 0;
}

static void many_die_one_after_another(void)
{
	enum { DEAD = 40 };
	struct ipcfs_object *q = t_queue("q", 0, 1 << 20);
	struct t_call *calls[DEAD];
	struct ipcfs_stat st;

	for (int i = 0; i < DEAD; i++)
		calls[i] = t_start((struct t_call){
			.kind = Q, .name = "q", .function = put_and_die, .timeout_ns = -1});
	for (int i = 0; i < DEAD; i++)
		t_is(t_wait(calls[i]->pid), 128 + SIGKILL);
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	t_stat_of(q, &st);
	t_is(st.messages, DEAD * 50 + 1);
}

/* ---- from words that mean nothing -------------------------------------------------------------- */

static void words_that_mean_nothing(void)
{
	static const uint64_t words[] = {1,	     2,
					 3,	     4,
					 5,	     0xffff,
					 UINT64_MAX, UINT64_MAX - 1,
					 1ull << 63, 1ull << 32,
					 0x7fffffff, 0xffffffff00000000ull,
					 INT64_MAX,  0xdeadbeefull << 20};
	struct ipcfs_object *q = t_queue("q", 0, 100);
	char buf[10];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		q->control->lock = words[i];
		t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
		t_is(LOAD(q->control->lock), 0);
		q->control->lock = words[i];
		t_is(ipcfs_queue_get(q, buf, 10, ipcfs_after(T_SECOND)), 1);
		q->control->lock = words[i];
		struct ipcfs_op op = {.verb = IPCFS_V_PUT, .flags = IPCFS_OP_TRYLOCK};
		t_is(ipcfs_engine_shm.try(q, &op), 0); /* a server as well */
		t_is(ipcfs_queue_clear(q), 1);
	}
	for (int i = 0; i < t_count(300); i++) {
		q->control->lock = t_random();
		t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
		t_is(ipcfs_queue_get(q, buf, 10, 0), 1);
	}
}

static void a_word_that_names_oneself(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);

	for (int i = 0; i < 4; i++) {
		q->control->lock = (uint64_t)member_self(t.store) << 1 | (unsigned)(i % 2);
		struct ipcfs_op op = {.verb = IPCFS_V_PUT, .flags = i < 2 ? IPCFS_OP_TRYLOCK : 0};
		t_is(ipcfs_engine_shm.try(q, &op), 0);
	}
	t_is(ipcfs_queue_clear(q), 4);
}

/* ---- from the living --------------------------------------------------------------------------- */

static struct owner *stopped_owner(const char *name, pid_t *pid)
{
	struct owner *owner = t_shared(sizeof(*owner));

	owner->kind = Q;
	owner->name = name;
	owner->sig = SIGSTOP;
	*pid = t_fork(hold, owner);
	t_wait_stopped(*pid);
	t_is(owner->step, 1);
	return owner;
}

static void a_stopped_owner_keeps_it(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);
	pid_t pid;
	struct owner *owner = stopped_owner("q", &pid);
	struct ipcfs_stat st;
	int64_t before;
	char buf[10];
	static const struct {
		const char *name;
		int64_t timeout_ns, least_ns;
	} rows[] = {
		{.name = "0", .timeout_ns = 0, .least_ns = 100 * T_MS},
		{.name = "30 ms", .timeout_ns = 30 * T_MS, .least_ns = 100 * T_MS},
		{.name = "300 ms", .timeout_ns = 300 * T_MS, .least_ns = 300 * T_MS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t timeout_ns = rows[i].timeout_ns;

		before = sys_now_ns();
		t_row(rows[i].name, ipcfs_queue_put(q, "x", 1, ipcfs_after(timeout_ns)), -EBUSY);
		t_check(sys_now_ns() - before >= rows[i].least_ns);
		before = sys_now_ns();
		t_row(rows[i].name, ipcfs_queue_get(q, buf, 10, ipcfs_after(timeout_ns)), -EBUSY);
		t_check(sys_now_ns() - before >= rows[i].least_ns);
	}
	t_is(ipcfs_queue_peek(q, buf, 10), -EBUSY);
	t_is(ipcfs_queue_clear(q), -EBUSY);
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .flags = IPCFS_OP_TRYLOCK};
	for (int i = 0; i < 20; i++)
		t_is(ipcfs_engine_shm.try(q, &op), -EBUSY);
	t_is(ipcfs_stat(q, &st), 0); /* needs no lock */
	t_is(st.messages, 0);
	/* who has all the time waits until it goes on */
	struct t_call *call = t_start(
		(struct t_call){.kind = Q, .name = "q", .function = put_and_die, .timeout_ns = -1});
	t_until(t_asleep(call->pid));
	kill(pid, SIGCONT);
	t_is(t_wait(pid), 0);
	t_is(t_wait(call->pid), 128 + SIGKILL);
	t_is(ipcfs_queue_clear(q), 50);
	munmap(owner, sizeof(*owner));
}

static void a_stopped_owner_that_is_killed_loses_it(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);
	pid_t pid;
	struct owner *owner = stopped_owner("q", &pid);

	t_is(ipcfs_queue_put(q, "x", 1, 0), -EBUSY);
	t_kill(pid);
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	munmap(owner, sizeof(*owner));
}

/* Removal takes no lock, and tells those who wait for it. */
static void a_busy_object_can_be_removed(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);
	pid_t pid;
	struct owner *owner = stopped_owner("q", &pid);

	t_is(ipcfs_unlink(t.store, Q, "q"), 0);
	t_is(ipcfs_queue_put(q, "x", 1, 0), -EIDRM);
	kill(pid, SIGCONT);
	t_is(t_wait(pid), 0);
	munmap(owner, sizeof(*owner));
}

static long plain_put(struct ipcfs_object *q, long arg, int64_t deadline_ns)
{
	(void)arg;
	return ipcfs_queue_put(q, "x", 1, deadline_ns);
}

static void one_who_waits_for_a_removed_objects_lock(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);
	pid_t pid;
	struct owner *owner = stopped_owner("q", &pid);
	struct t_call *call = t_start(
		(struct t_call){.kind = Q, .name = "q", .function = plain_put, .timeout_ns = -1});

	t_until(t_asleep(call->pid));
	t_is(ipcfs_unlink(t.store, Q, "q"), 0);
	kill(pid, SIGCONT);
	t_is(t_wait(pid), 0);
	t_ends_with(call, -EIDRM);
	t_is(ipcfs_queue_put(q, "x", 1, 0), -EIDRM);
	munmap(owner, sizeof(*owner));
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(every_kind_is_taken_over),
		T_TEST(what_the_dead_had_committed_is_done),
		T_TEST(a_string_of_the_dead_has_its_length),
		T_TEST(many_die_one_after_another),
		T_TEST(words_that_mean_nothing),
		T_TEST(a_word_that_names_oneself),
		T_TEST(a_stopped_owner_keeps_it),
		T_TEST(a_stopped_owner_that_is_killed_loses_it),
		T_TEST(a_busy_object_can_be_removed),
		T_TEST(one_who_waits_for_a_removed_objects_lock),
	};

	return T_RUN(tests);
}
