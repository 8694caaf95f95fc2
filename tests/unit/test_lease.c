/* SPDX-License-Identifier: MIT
 *
 * test_lease.c - leased messages: one lease, and the ends of those who have it.
 */
#include "t_core.h"

#include "t_lease.h"

#include "core/queue.h"

/* ---- one lease --------------------------------------------------------------------------------- */

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

/* ---- ends of processes ------------------------------------------------------------------------- */

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

/* Leases whatever is next, and gives its number. */
static uint64_t number_of_next(struct ipcfs_object *q, uint64_t *id)
{
	struct ipcfs_lease lease = {0};

	t_check(ipcfs_queue_lease(q, buf, sizeof(buf), 0, &lease) >= 0);
	*id = lease.id;
	return lease.number;
}

static uint64_t ever_put(struct ipcfs_object *q)
{
	struct ipcfs_stat st;

	t_stat_of(q, &st);
	return st.put;
}

static void a_message_keeps_its_number(void)
{
	struct ipcfs_object *q = queue_of("q", 100);
	struct iovec more[] = {{"c", 1}, {"d", 1}};
	uint64_t a, b;

	t_is(ever_put(q), 0);
	put(q, "a");
	put(q, "b");
	t_is(ipcfs_queue_put_many(q, more, 2, 0), 2);
	t_is(ever_put(q), 4);
	t_is(number_of_next(q, &a), 0);
	t_is(number_of_next(q, &b), 1);
	t_is(ipcfs_queue_return(q, b), 0);
	t_is(ipcfs_queue_return(q, a), 0);
	t_is(number_of_next(q, &a), 0);
	t_is(number_of_next(q, &b), 1);
	t_is(ipcfs_queue_settle(q, a), 0);
	gets(q, "c");
	t_is(number_of_next(q, &a), 3);
	t_is(ever_put(q), 4);
	put(q, "e");
	t_is(ipcfs_queue_clear(q), 1); /* what is dropped has had its number */
	put(q, "f");
	t_is(number_of_next(q, &a), 5);
	t_is(ever_put(q), 6);
}

/* Before a put leases move together, as many bytes as there were when they were looked at: whoever writes other lengths
 * into them then does not have us copy for hours. */
static void leases_that_grow_behind_the_look(void)
{
	enum { CAPACITY = 1000, LEASES = 20 };
	struct ipcfs_object *q = t_queue("q", 0, CAPACITY);
	struct queue_view v;
	struct ipcfs_lease l;

	for (int i = 0; i < LEASES; i++)
		put(q, "a");
	for (int i = 0; i < LEASES; i++)
		t_is(ipcfs_queue_lease(q, buf, sizeof(buf), 0, &l), 1);
	t_is(queue_look(q, &v), 0);
	v.ring.end = CAPACITY - 1; /* as if much had been put and got */
	for (unsigned i = 0; i < LEASES; i++) {
		STORE(claim_at(q, i)->b, i);
		STORE(claim_at(q, i)->c, CAPACITY / 4);
	}
	queue_make_room(q, &v, 1);
	for (unsigned i = 0; i < LEASES; i++)
		t_is(LOAD(claim_at(q, i)->b), i);
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
		T_TEST(a_message_keeps_its_number),
		T_TEST(leases_that_grow_behind_the_look),
	};

	return T_RUN(tests);
}
