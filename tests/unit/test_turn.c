/* SPDX-License-Identifier: MIT
 *
 * test_turn.c - the turnstile: who has the turn, who comes next, and who has lost his place.
 */
#include "claim.h"
#include "t_core.h"

#include "t_claim.h"

/* A program and a server look at one object: two members in one process. */
static struct {
	struct ipcfs_store *store;
	struct ipcfs_object *o;
} server;

static struct ipcfs_object *with_server(void)
{
	struct ipcfs_object *o = t_object(L, "o", NULL);

	server.store = t_open_store();
	server.store->server = true;
	t_is(ipcfs_open(server.store, L, "o", 0, 0, NULL, &server.o), 0);
	enter(server.o); /* makes it a member */
	leave(server.o);
	return o;
}

static void end_server(void)
{
	ipcfs_close(server.o);
	ipcfs_store_close(server.store);
}

#define UNDER(o, call)                                                                             \
	({                                                                                         \
		enter(o);                                                                          \
		long got_ = (long)(call);                                                          \
		leave(o);                                                                          \
		got_;                                                                              \
	})

static int turn_and_stay(void *arg)
{
	struct death *d = arg;

	if (!UNDER(d->o, turn_take(d->o)))
		return 1;
	STORE(d->o->control->length, 1);
	for (;;)
		pause();
	return 0;
}

/* Somebody else's turn. */
static pid_t a_child_with_the_turn(struct ipcfs_object *o)
{
	struct death d = {.o = o};
	pid_t pid;

	STORE(o->control->length, 0);
	pid = t_fork(turn_and_stay, &d);
	t_until(LOAD(o->control->length));
	return pid;
}

static void the_turn_keeps_others_waiting(void)
{
	struct ipcfs_object *o = t_object(L, "o", NULL);
	struct ipcfs_grant grant;

	t_is(UNDER(o, turn_owner(o)), 0);
	t_is(UNDER(o, turn_take(o)), 1);
	t_is(UNDER(o, turn_blocks(o)), 0); /* not oneself */
	t_is(UNDER(o, turn_take(o)), 1);
	t_is(UNDER(o, turn_pass(o)), 1);
	t_is(UNDER(o, turn_pass(o)), 0);
	pid_t child = a_child_with_the_turn(o);
	t_is(UNDER(o, turn_blocks(o)), 1);
	t_is(UNDER(o, turn_take(o)), 0); /* programs do not stand behind a program */
	t_is(UNDER(o, turn_pass(o)), 0); /* it is not ours to give */
	t_is(UNDER(o, turn_blocks(o)), 1);
	t_is(ipcfs_lock_acquire(o, 0, 0, &grant), -EAGAIN); /* nobody holds it */
	t_kill(child);
	t_is(ipcfs_lock_acquire(o, 0, 0, &grant), 0);
	t_is(LOAD(o->control->turn), 0);
}

/* Stopped, say: its place is lost when it has not looked for two seconds. What lies further ahead is nonsense. */
static void who_does_not_look_loses_his_turn(void)
{
	struct ipcfs_object *o = t_object(L, "o", NULL);
	pid_t child = a_child_with_the_turn(o);
	uint64_t now = (uint64_t)sys_now_ns();

	STORE(o->control->turn_until, now + T_SECOND);
	t_is(UNDER(o, turn_blocks(o)), 1);
	STORE(o->control->turn_until, now - 1);
	t_is(UNDER(o, turn_blocks(o)), 0);
	t_kill(child);
	child = a_child_with_the_turn(o);
	STORE(o->control->turn_until, UINT64_MAX);
	t_is(UNDER(o, turn_blocks(o)), 0);
	t_kill(child);
	STORE(o->control->turn, 77); /* nobody */
	STORE(o->control->turn_until, (uint64_t)sys_now_ns() + T_SECOND);
	t_is(UNDER(o, turn_blocks(o)), 0);
}

static void server_and_programs_take_turns(void)
{
	struct ipcfs_object *o = with_server();

	t_is(UNDER(o, turn_take(o)), 1);
	t_is(UNDER(server.o, turn_take(server.o)), 1); /* behind the program */
	t_is(UNDER(server.o, turn_blocks(server.o)), 1);
	for (int i = 0; i < 5; i++) {
		t_is(UNDER(o, turn_blocks(o)), 0);
		t_is(UNDER(o, turn_pass(o)), 1);
		t_is(UNDER(o, turn_blocks(o)), 1);
		t_is(UNDER(server.o, turn_blocks(server.o)), 0);
		t_is(UNDER(o, turn_take(o)), 1); /* behind the server */
		t_is(UNDER(o, turn_blocks(o)), 1);
		t_is(UNDER(server.o, turn_pass(server.o)), 1);
		t_is(UNDER(server.o, turn_take(server.o)), 1);
	}
	/* who stands behind may go away, too */
	t_is(UNDER(server.o, turn_pass(server.o)), 1);
	t_is(UNDER(o, turn_pass(o)), 1);
	t_is(UNDER(server.o, turn_owner(server.o)), 0);
	end_server();
}

static void the_dead_do_not_come_next(void)
{
	struct ipcfs_object *o = with_server();

	t_is(UNDER(server.o, turn_take(server.o)), 1);
	pid_t child = a_child_with_the_turn(o); /* behind the server */
	t_is(UNDER(o, turn_take(o)), 0);	/* that place is taken */
	t_kill(child);
	t_is(UNDER(o, turn_take(o)), 1); /* and now free */
	t_is(UNDER(o, turn_pass(o)), 1);
	child = a_child_with_the_turn(o);
	t_kill(child);
	t_is(UNDER(server.o, turn_pass(server.o)), 1);
	t_is(UNDER(o, turn_owner(o)), 0);
	end_server();
}

static int refuse(void *arg, const struct iovec *pieces, int n)
{
	(void)arg;
	(void)pieces;
	(void)n;
	return -ENOENT;
}

/* The reader has gone when he is answered. */
static void who_is_refused_gives_the_turn_back(void)
{
	static const struct {
		const char *name;
		enum ipcfs_verb acquire, release;
	} rows[] = {
		{"locks", IPCFS_V_LOCK, IPCFS_V_LEAVE},
		{"semaphores", IPCFS_V_ACQUIRE, IPCFS_V_RELEASE},
	};

	for (size_t i = 0; i < 2; i++) {
		struct ipcfs_object *o = i ? t_semaphore("o", 0, 9) : t_object(L, "o", NULL);
		struct ipcfs_op parked = {
			.verb = rows[i].acquire, .count = 1, .flags = IPCFS_OP_PARK};
		struct ipcfs_op release = {.verb = rows[i].release, .count = 1};
		struct ipcfs_op acquire = {.verb = rows[i].acquire, .count = 1};

		server.store = t_open_store();
		server.store->server = true;
		t_is(ipcfs_open(server.store, o->kind, "o", 0, 0, NULL, &server.o), 0);
		if (i == 0)
			t_is(ipcfs_engine_shm.try(o, &acquire), 0);
		t_row(rows[i].name, ipcfs_engine_shm.try(server.o, &parked), -EAGAIN);
		t_check(LOAD(o->control->turn) != 0);
		t_is(ipcfs_engine_shm.try(o, &release), 0);
		t_row(rows[i].name, ipcfs_engine_shm.try(o, &acquire), -EAGAIN);
		parked.sink = refuse;
		t_row(rows[i].name, ipcfs_engine_shm.try(server.o, &parked), -ENOENT);
		t_row(rows[i].name, LOAD(o->control->turn) != 0, 0);
		t_row(rows[i].name, ipcfs_engine_shm.try(o, &acquire), 0);
		end_server();
	}
}

/* From the second such call on: the first makes the caller a member. */
static int store_is_full(const char *name)
{
	static int calls;

	return strcmp(name, "madvise") == 0 && calls++ > 0 ? -ENOSPC : 0;
}

static void fill_the_store(void)
{
	ipcfs_sys_fault = store_is_full;
}

static long hold(struct ipcfs_object *o, long n, int64_t deadline_ns)
{
	return ipcfs_semaphore_hold(o, (uint32_t)n, deadline_ns);
}

/* He waited, had the turn, and then there was no memory for his claim. */
static void who_fails_gives_the_turn_back(void)
{
	struct ipcfs_object *o = t_semaphore("o", 0, 9);
	struct t_call *call = t_start_waiting((struct t_call){.kind = IPCFS_SEMAPHORE,
							      .name = "o",
							      .function = hold,
							      .arg = 2,
							      .timeout_ns = -1,
							      .before = fill_the_store});

	t_until(LOAD(o->control->turn));
	t_is(ipcfs_semaphore_release(o, 2), 0);
	t_ends_with(call, -ENOSPC);
	t_is(LOAD(o->control->turn) != 0, 0);
}

static long acquire(struct ipcfs_object *o, long flags, int64_t deadline_ns)
{
	struct ipcfs_grant grant;

	return ipcfs_lock_acquire(o, (unsigned)flags, deadline_ns, &grant);
}

/* A server that noticed the death asks: though others share the lock, who waits behind the dead goes on. */
static void the_dead_keep_nobody_behind_those_who_share(void)
{
	struct ipcfs_object *o = with_server();
	struct t_call writer = {.kind = L, .name = "o", .function = acquire, .timeout_ns = -1};
	struct t_call reader = writer, *calls[2];
	struct ipcfs_op question = {.verb = IPCFS_V_READY, .count = 1u << IPCFS_C_READ};
	struct ipcfs_grant grant;

	reader.arg = IPCFS_SHARED;
	t_is(ipcfs_lock_acquire(o, IPCFS_SHARED, 0, &grant), 0);
	calls[0] = t_start_waiting(writer);
	t_until(LOAD(o->control->turn));
	calls[1] = t_start_waiting(reader);
	t_kill(calls[0]->pid);
	t_is(ipcfs_engine_shm.try(server.o, &question), 0);
	t_is(LOAD(o->control->turn) != 0, 0); /* which woke the reader */
	t_ends_with(calls[1], 0);
	end_server();
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(the_turn_keeps_others_waiting),
		T_TEST(who_does_not_look_loses_his_turn),
		T_TEST(server_and_programs_take_turns),
		T_TEST(the_dead_do_not_come_next),
		T_TEST(who_is_refused_gives_the_turn_back),
		T_TEST(who_fails_gives_the_turn_back),
		T_TEST(the_dead_keep_nobody_behind_those_who_share),
	};

	return T_RUN(tests);
}
