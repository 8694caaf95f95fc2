/* SPDX-License-Identifier: MIT
 *
 * test_threads.c - many threads on one object, and what they count adds up. Under ThreadSanitizer too.
 */
#include "t_core.h"

enum { THREADS = 8 };

/* Which of how many thread is. */
struct part {
	pthread_t thread;
	int index, rounds;
	struct ipcfs_object *o;
	_Atomic int *seen; /* how often each message came */
	int last[THREADS]; /* of each producer, in this thread */
	long got;
};

static void run(struct part *parts, int n, void *(*function)(void *))
{
	for (int i = 0; i < n; i++) {
		parts[i].index = i;
		t_is(pthread_create(&parts[i].thread, NULL, function, &parts[i]), 0);
	}
	for (int i = 0; i < n; i++)
		pthread_join(parts[i].thread, NULL);
}

/* ---- a queue: half of them put, half get --------------------------------------------------------- */

static void produce(struct part *p)
{
	for (int i = 0; i < p->rounds;) {
		int32_t messages[8][2];
		struct iovec v[8];
		unsigned n = i % 3 == 0 ? 8 : 1;

		if (n > (unsigned)(p->rounds - i))
			n = (unsigned)(p->rounds - i);
		for (unsigned k = 0; k < n; k++) {
			messages[k][0] = p->index;
			messages[k][1] = i + (int)k;
			v[k] = (struct iovec){.iov_base = messages[k], .iov_len = 8};
		}
		int rc = n == 1 ? ipcfs_queue_put(p->o, messages, 8, IPCFS_FOREVER) :
				  ipcfs_queue_put_many(p->o, v, n, IPCFS_FOREVER);
		t_check(rc >= 0);
		i += n == 1 ? 1 : rc;
	}
}

static bool note(struct part *p, const int32_t message[2], ssize_t len)
{
	t_is(len, 8);
	if (message[0] < 0)
		return false;
	/* what one consumer gets of one producer is in order */
	t_check(message[1] > p->last[message[0]]);
	p->last[message[0]] = message[1];
	p->seen[message[0] * p->rounds + message[1]]++;
	p->got++;
	return true;
}

static void consume(struct part *p)
{
	bool more = true;

	for (int i = 0; i < THREADS; i++)
		p->last[i] = -1;
	while (more) {
		int32_t messages[4][2];
		struct iovec v[4];

		if (p->got % 3) {
			ssize_t len = ipcfs_queue_get(p->o, messages, 8, IPCFS_FOREVER);
			more = note(p, messages[0], len);
			continue;
		}
		for (int k = 0; k < 4; k++)
			v[k] = (struct iovec){.iov_base = messages[k], .iov_len = 8};
		int n = ipcfs_queue_get_many(p->o, v, 4, IPCFS_FOREVER);
		t_check(n > 0);
		for (int k = 0; k < n; k++)
			if (!note(p, messages[k], (ssize_t)v[k].iov_len)) {
				more = false;
				/* those behind are for others to end by */
				for (k++; k < n; k++)
					t_is(ipcfs_queue_put(p->o, messages[k], 8, IPCFS_FOREVER),
					     0);
			}
	}
}

static void *produce_or_consume(void *arg)
{
	struct part *p = arg;

	if (p->index < THREADS / 2)
		produce(p);
	else
		consume(p);
	return NULL;
}

static void each_message_comes_once(struct ipcfs_object *q, struct ipcfs_object *other)
{
	struct part parts[THREADS] = {0};
	int rounds = t_count(20000), messages = THREADS / 2 * rounds;
	_Atomic int *seen = calloc((size_t)messages, sizeof(*seen));

	t_check(seen != NULL);
	for (int i = 0; i < THREADS; i++) {
		parts[i].index = i;
		parts[i].o = i % 2 ? q : other;
		parts[i].rounds = rounds;
		parts[i].seen = seen;
		t_is(pthread_create(&parts[i].thread, NULL, produce_or_consume, &parts[i]), 0);
	}
	for (int i = 0; i < THREADS / 2; i++)
		pthread_join(parts[i].thread, NULL);
	for (int i = 0; i < THREADS / 2; i++) /* an end for each who gets */
		t_is(ipcfs_queue_put(q, (int32_t[]){-1, 0}, 8, IPCFS_FOREVER), 0);
	for (int i = THREADS / 2; i < THREADS; i++)
		pthread_join(parts[i].thread, NULL);
	for (int i = 0; i < messages; i++)
		t_is(seen[i], 1);
	free((void *)seen);
}

static void a_queue_with_room_for_few(void)
{
	struct ipcfs_object *q = t_queue("q", 10, 1000);

	each_message_comes_once(q, q);
}

static void a_queue_with_room_for_many(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 1 << 20);

	each_message_comes_once(q, q);
}

static void a_queue_through_two_handles_of_the_store(void)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *q = t_queue("q", 0, 500), *other = NULL;

	t_is(ipcfs_open(store, IPCFS_QUEUE, "q", 0, 0, NULL, &other), 0);
	each_message_comes_once(q, other);
	ipcfs_close(other);
	ipcfs_store_close(store);
}

/* ---- a semaphore ---------------------------------------------------------------------------------- */

static _Atomic int inside, too_many;
static long plain; /* changed by who is inside alone: the semaphore orders memory as a lock does */

static void *enter_and_leave(void *arg)
{
	struct part *p = arg;

	for (int i = 0; i < p->rounds; i++) {
		t_is(ipcfs_semaphore_acquire(p->o, 1, IPCFS_FOREVER), 0);
		if (++inside > 1)
			too_many++;
		plain++;
		inside--;
		t_is(t_again(ipcfs_semaphore_release(p->o, 1)), 0);
	}
	return NULL;
}

static void a_semaphore_excludes(void)
{
	struct part parts[THREADS] = {0};
	int rounds = t_count(5000);

	for (int i = 0; i < THREADS; i++) {
		parts[i].o = i ? parts[0].o : t_semaphore("s", 1, 1);
		parts[i].rounds = rounds;
	}
	plain = 0;
	run(parts, THREADS, enter_and_leave);
	t_is(too_many, 0);
	t_is(plain, (long)THREADS * rounds);
	t_is(ipcfs_semaphore_value(parts[0].o), 1);
}

static void *give_or_take(void *arg)
{
	struct part *p = arg;

	for (int i = 0; i < p->rounds; i++) {
		uint32_t n = 1 + (uint32_t)i % 3;

		if (p->index % 2)
			t_is(ipcfs_semaphore_acquire(p->o, n, IPCFS_FOREVER), 0);
		else
			t_is(t_again(ipcfs_semaphore_release(p->o, n)), 0);
	}
	return NULL;
}

static void units_given_and_taken_add_up(void)
{
	struct part parts[THREADS] = {0};

	for (int i = 0; i < THREADS; i++) {
		parts[i].o = i ? parts[0].o : t_semaphore("s", 7, IPCFS_SEMAPHORE_MAX);
		parts[i].rounds = t_count(10000);
	}
	run(parts, THREADS, give_or_take);
	t_is(ipcfs_semaphore_value(parts[0].o), 7);
}

/* ---- an event ---------------------------------------------------------------------------------------- */

static struct ipcfs_object *ping, *pong;

static void *play(void *arg)
{
	struct part *p = arg;

	for (int i = 0; i < p->rounds; i++) {
		struct ipcfs_object *mine = p->index ? pong : ping,
				    *theirs = p->index ? ping : pong;

		t_is(ipcfs_event_wait(mine, IPCFS_FOREVER), 0);
		t_is(t_again(ipcfs_event_clear(mine)), 0);
		plain++;
		t_is(t_again(ipcfs_event_set(theirs)), 0);
	}
	return NULL;
}

static void ping_pong_of_events(void)
{
	struct part parts[2] = {{.rounds = t_count(5000)}, {.rounds = t_count(5000)}};

	ping = t_object(IPCFS_EVENT, "ping", NULL);
	pong = t_object(IPCFS_EVENT, "pong", NULL);
	plain = 0;
	t_is(ipcfs_event_set(ping), 0);
	run(parts, 2, play);
	t_is(plain, 2L * parts[0].rounds);
}

/* ---- values and arrays --------------------------------------------------------------------------------- */

static void *add(void *arg)
{
	struct part *p = arg;

	for (int i = 0; i < p->rounds; i++) {
		union ipcfs_number one = {.i = 1}, result;
		uint64_t seen;
		int64_t is;
		long rc;

		if (p->index % 2) {
			t_is(t_again(ipcfs_value_op(p->o, IPCFS_ADD, one, &result)), 0);
			continue;
		}
		do {
			t_is(t_again(ipcfs_value_get(p->o, &is, 8, &seen)), 8);
			is++;
			rc = t_again(ipcfs_value_cas(p->o, &is, 8, &seen));
		} while (rc == -ECANCELED);
		t_is(rc, 0);
	}
	return NULL;
}

static void a_value_adds_up(void)
{
	struct part parts[THREADS] = {0};
	int64_t sum = 0;

	for (int i = 0; i < THREADS; i++) {
		parts[i].o = i ? parts[0].o : t_cells(IPCFS_VALUE, "v", 'q', 0);
		parts[i].rounds = t_count(5000);
	}
	run(parts, THREADS, add);
	t_is(ipcfs_value_get(parts[0].o, &sum, 8, NULL), 8);
	t_is(sum, (int64_t)THREADS * parts[0].rounds);
}

static void *add_to_slices(void *arg)
{
	struct part *p = arg;
	int32_t all[50];

	for (int i = 0; i < p->rounds; i++) {
		uint64_t first = (uint64_t)(i + p->index) % 40;
		union ipcfs_number one = {.i = 1};

		t_is(t_again(ipcfs_array_op(p->o, first, 10, IPCFS_ADD, one)), 0);
		if (i % 8)
			continue;
		long sum = 0;
		t_is(t_again(ipcfs_array_get(p->o, 0, 50, all, sizeof(all), NULL)), sizeof(all));
		for (int k = 0; k < 50; k++)
			sum += all[k];
		t_is(sum % 10, 0); /* never one of them alone */
	}
	return NULL;
}

static void slices_add_up(void)
{
	struct part parts[THREADS] = {0};
	int32_t all[50];
	long sum = 0;

	for (int i = 0; i < THREADS; i++) {
		parts[i].o = i ? parts[0].o : t_cells(IPCFS_ARRAY, "a", 'i', 50);
		parts[i].rounds = t_count(5000);
	}
	run(parts, THREADS, add_to_slices);
	t_is(ipcfs_array_get(parts[0].o, 0, 50, all, sizeof(all), NULL), sizeof(all));
	for (int i = 0; i < 50; i++)
		sum += all[i];
	t_is(sum, 10L * THREADS * parts[0].rounds);
}

/* ---- opening and closing --------------------------------------------------------------------------------- */

static void *open_and_close(void *arg)
{
	struct part *p = arg;
	char name[16];

	for (int i = 0; i < p->rounds; i++) {
		struct ipcfs_object *o = NULL;
		long rc;

		snprintf(name, sizeof(name), "e%d", i % 5);
		rc = ipcfs_open(t.store, IPCFS_EVENT, name, IPCFS_CREATE, 0600, NULL, &o);
		t_is(rc, 0);
		rc = t_again(ipcfs_event_set(o));
		t_check(rc == 0 || rc == -EIDRM);
		if (p->index == 0 && i % 7 == 0) {
			rc = ipcfs_unlink(t.store, IPCFS_EVENT, name);
			t_check(rc == 0 || rc == -ENOENT);
		}
		ipcfs_close(o);
	}
	return NULL;
}

static void objects_opened_closed_and_removed_beside_each_other(void)
{
	struct part parts[THREADS] = {0};
	int mapped = t_mappings();

	for (int i = 0; i < THREADS; i++)
		parts[i].rounds = t_count(3000);
	run(parts, THREADS, open_and_close);
	t_is(t_mappings(), mapped + 1); /* the member's page */
}

/* Cut short under many at once: all of them are told, none of them dies. */
static _Atomic int damaged;

static void *use_until_damaged(void *arg)
{
	struct part *p = arg;
	char buf[200] = "";
	int rc;

	do {
		rc = ipcfs_queue_put(p->o, buf, 100, 0);
		if (rc >= 0 || rc == -EAGAIN)
			rc = (int)ipcfs_queue_get(p->o, buf, sizeof(buf), 0);
	} while (rc >= 0 || rc == -EAGAIN || rc == -EBUSY);
	t_is(rc, -EUCLEAN);
	damaged++;
	return NULL;
}

static void cut_short_under_many_threads(void)
{
#if defined(__SANITIZE_THREAD__) /* to which the page that is put there is a race */
	skip();
#endif
	for (int round = 0; round < t_count(20); round++) {
		struct part parts[THREADS] = {0};
		char name[16];

		snprintf(name, sizeof(name), "q%d", round);
		damaged = 0;
		for (int i = 0; i < THREADS; i++) {
			parts[i].o = i ? parts[0].o : t_queue(name, 0, 100000);
			parts[i].index = i;
			t_is(pthread_create(&parts[i].thread, NULL, use_until_damaged, &parts[i]),
			     0);
		}
		int fd = t_file(IPCFS_QUEUE, name);
		t_is(ftruncate(fd, round % 2 ? 0 : SEG_PAGE), 0);
		close(fd);
		for (int i = 0; i < THREADS; i++)
			pthread_join(parts[i].thread, NULL);
		t_is(damaged, THREADS);
		t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, name), 0);
		ipcfs_close(t.objects[--t.object_count]);
	}
}

/* A thread that is cancelled inside of a call would leave the object's lock to nobody: it is cancelled behind it. Here
 * each call is made by a thread that is to end at the first point where it can. */
enum { CALLS = 5 };

static int make_call(int which)
{
	struct ipcfs_object *o = NULL;
	struct ipcfs_store *store = NULL;
	struct ipcfs_grant grant;
	int rc;

	switch (which) {
	case 0: /* rings a server's bell */
		return ipcfs_queue_put(t.objects[0], "x", 1, 0);
	case 1: /* asks whether the holder lives */
		return ipcfs_lock_acquire(t.objects[1], 0, 0, &grant);
	case 2:
		return ipcfs_array_set(t.objects[2], 0, 100, (int64_t[100]){0});
	case 3:
		rc = ipcfs_open(t.store, IPCFS_DICT, "new", IPCFS_CREATE, 0600, NULL, &o);
		ipcfs_close(o);
		return rc;
	default:
		rc = ipcfs_store_open(t.dir, &store);
		if (rc == 0)
			rc = ipcfs_open(store, IPCFS_QUEUE, "q", 0, 0, NULL, &o);
		if (rc == 0)
			rc = ipcfs_queue_put(o, "x", 1, 0);
		ipcfs_close(o);
		ipcfs_store_close(store);
		return rc;
	}
}

static void *cancelled(void *arg)
{
	struct part *p = arg;

	pthread_cancel(pthread_self());
	p->rounds = make_call(p->index);
	p->got = 1;
	pthread_testcancel();
	p->got = 2; /* it was not to be cancelled */
	return NULL;
}

static int hold_and_die(void *arg)
{
	struct ipcfs_grant grant;

	(void)arg;
	t_is(ipcfs_lock_acquire(t.objects[1], 0, 0, &grant), 0);
	_exit(0);
}

static void a_thread_is_cancelled_behind_the_call(void)
{
	struct part parts[CALLS] = {0};
	struct ipcfs_object *q = t_queue("q", 0, 1000);
	struct ipcfs_object *lock = t_object(IPCFS_LOCK, "l", NULL);

	t_cells(IPCFS_ARRAY, "a", 'q', 100);
	t_is(t_wait(t_fork(hold_and_die, NULL)), 0);
	STORE(q->control->flags, SEG_PARKED(IPCFS_C_READ));
	for (int i = 0; i < CALLS; i++) {
		parts[i].index = i;
		t_is(pthread_create(&parts[i].thread, NULL, cancelled, &parts[i]), 0);
		pthread_join(parts[i].thread, NULL);
		t_is(parts[i].got, 1);
		t_is(parts[i].rounds, 0);
	}
	t_is(LOAD(q->control->lock), 0);
	t_is(LOAD(lock->control->lock), 0);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(a_queue_with_room_for_few),
		T_TEST(a_queue_with_room_for_many),
		T_TEST(a_queue_through_two_handles_of_the_store),
		T_TEST(a_semaphore_excludes),
		T_TEST(units_given_and_taken_add_up),
		T_TEST(ping_pong_of_events),
		T_TEST(a_value_adds_up),
		T_TEST(slices_add_up),
		T_TEST(objects_opened_closed_and_removed_beside_each_other),
		T_TEST(cut_short_under_many_threads),
		T_TEST(a_thread_is_cancelled_behind_the_call),
	};

	return T_RUN(tests);
}
