/* SPDX-License-Identifier: MIT
 *
 * test_doorbell.c - the doorbell: what rings a server.
 */
#include "t_core.h"

#include "t_member.h"

static struct ipcfs_object *servers_own(enum ipcfs_kind kind, const char *name)
{
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(server.store, kind, name, 0, 0, NULL, &o), 0);
	return o;
}

static int try_and_park(struct ipcfs_object *o, enum ipcfs_verb verb)
{
	char buf[100];
	struct ipcfs_op op = {.verb = verb,
			      .flags = IPCFS_OP_PARK | IPCFS_OP_TRYLOCK,
			      .in = "x",
			      .in_len = 1,
			      .out = buf,
			      .out_size = sizeof(buf),
			      .count = 1};
	struct ipcfs_stat st;

	t_stat_of(o, &st);
	op.changes = st.changes;
	return ipcfs_engine_shm.try(o, &op);
}

static void a_parked_server_is_rung(void)
{
	start_server();
	struct ipcfs_object *q = t_queue("q", 1, 10), *s = t_semaphore("s", 0, 1),
			    *e = t_object(IPCFS_EVENT, "e", NULL),
			    *v = t_cells(IPCFS_VALUE, "v", 'i', 0);
	struct ipcfs_object *mine[4] = {servers_own(Q, "q"), servers_own(IPCFS_SEMAPHORE, "s"),
					servers_own(IPCFS_EVENT, "e"),
					servers_own(IPCFS_VALUE, "v")};
	char buf[10];

	for (int round = 0; round < 3; round++) {
		t_is(try_and_park(mine[0], IPCFS_V_GET), -EAGAIN);
		t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
		t_until(heard(q->id));
		t_is(try_and_park(mine[0], IPCFS_V_PUT), -EAGAIN);
		forget();
		t_is(ipcfs_queue_get(q, buf, 10, 0), 1);
		t_until(heard(q->id));
		forget();
		t_is(try_and_park(mine[1], IPCFS_V_ACQUIRE), -EAGAIN);
		t_is(ipcfs_semaphore_release(s, 1), 0);
		t_until(heard(s->id));
		t_is(try_and_park(mine[1], IPCFS_V_ACQUIRE), 0);
		forget();
		t_is(try_and_park(mine[2], IPCFS_V_WAIT), -EAGAIN);
		t_is(ipcfs_event_set(e), 0);
		t_until(heard(e->id));
		forget();
		t_is(try_and_park(mine[2], IPCFS_V_CHANGED), -EAGAIN);
		t_is(ipcfs_event_clear(e), 0);
		t_until(heard(e->id));
		forget();
		t_is(try_and_park(mine[3], IPCFS_V_CHANGED), -EAGAIN);
		t_is(ipcfs_value_set(v, &round, 4), 0);
		t_until(heard(v->id));
		forget();
		/* nobody is parked: no bell, which costs system calls */
		uint64_t rings = LOAD(t.store->self->page->rings);
		t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
		t_is(ipcfs_queue_get(q, buf, 10, 0), 1);
		t_is(ipcfs_value_set(v, &round, 4), 0);
		t_is(LOAD(t.store->self->page->rings), rings);
	}
	for (int i = 0; i < 4; i++)
		ipcfs_close(mine[i]);
	stop_server();
}

static void a_server_that_asks_for_readiness_is_rung(void)
{
	start_server();
	struct ipcfs_object *q = t_queue("q", 0, 10000), *mine = servers_own(Q, "q");
	struct ipcfs_op op = {
		.verb = IPCFS_V_READY, .flags = IPCFS_OP_PARK, .count = 1u << IPCFS_C_READ};

	t_is(ipcfs_engine_shm.try(mine, &op), 0);
	t_is(op.count, 0);
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	t_until(heard(q->id));
	ipcfs_close(mine);
	stop_server();
}

static void a_removal_is_rung(void)
{
	start_server();
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL);
	uint64_t id = e->id;

	forget();
	t_is(ipcfs_unlink(t.store, IPCFS_EVENT, "e"), 0);
	t_until(heard(id));
	stop_server();
}

static void more_rings_than_slots(void)
{
	start_server();
	struct ipcfs_object *events[MEMBER_BELLS + 4];
	char name[16];

	t_check(member_self(t.store) > 0);
	for (int i = 0; i < MEMBER_BELLS + 4; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		events[i] = t_object(IPCFS_EVENT, name, NULL);
	}
	for (int n = MEMBER_BELLS; n <= MEMBER_BELLS + 4; n += 4) {
		forget();
		for (int i = 0; i < n; i++)
			member_ring(t.store, events[i]->id);
		for (int i = 0; i < n; i++)
			t_until(heard(events[i]->id));
	}
	stop_server();
}

/* The slots are another thread's just then: he may overwrite what is stored there, or is overwritten. */
static void rings_at_the_same_time(void)
{
	start_server();
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL);

	t_check(member_self(t.store) > 0);
	for (int i = 0; i < 3; i++) {
		forget();
		STORE(t.store->self->ringing, 1);
		member_ring(t.store, e->id);
		t_until(heard(e->id));
		t_check(server.all);
		forget();
		STORE(t.store->self->ringing, 0);
		member_ring(t.store, e->id);
		t_until(heard(e->id));
		t_check(!server.all);
	}
	stop_server();
}

static int ring_and_go(void *how)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(store, IPCFS_EVENT, "e", 0, 0, NULL, &o), 0);
	t_is(ipcfs_event_set(o), 0);
	if (how)
		kill(getpid(), SIGKILL);
	ipcfs_close(o);
	ipcfs_store_close(store);
	return 0;
}

/* The bell was rung, and the ringer is gone before the server looks. */
static void who_rang_and_went_is_heard(void)
{
	start_server();
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL),
			    *mine = servers_own(IPCFS_EVENT, "e");

	for (int killed = 0; killed < 2; killed++) {
		t_is(try_and_park(mine, IPCFS_V_WAIT), -EAGAIN);
		forget();
		t_is(t_wait(t_fork(ring_and_go, killed ? "killed" : NULL)),
		     killed ? 128 + SIGKILL : 0);
		t_until(heard(e->id));
		t_check(!server.all);
		t_is(members(), 1); /* the server's own; the ringer is buried */
		t_is(ipcfs_event_clear(mine), 0);
	}
	ipcfs_close(mine);
	stop_server();
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(a_parked_server_is_rung), T_TEST(a_server_that_asks_for_readiness_is_rung),
		T_TEST(a_removal_is_rung),	 T_TEST(more_rings_than_slots),
		T_TEST(rings_at_the_same_time),	 T_TEST(who_rang_and_went_is_heard),
	};

	return T_RUN(tests);
}
