/* SPDX-License-Identifier: MIT
 *
 * test_claim.c - the table of claims: a change is seen as a whole or not at all, wherever its maker is killed, and
 * wherever who repairs it is; the dead are told from the living; the table may be full, or full of nonsense.
 * And the turnstile: who has the turn, who comes next, and who has lost his place.
 */
#include "claim.h"
#include "t_core.h"

#define L IPCFS_LOCK

static void enter(struct ipcfs_object *o)
{
	t_is(obj_lock(o, IPCFS_FOREVER, false), 0);
}

static void leave(struct ipcfs_object *o)
{
	t_is(obj_unlock(o, 0), 0);
}

static struct ipcfs_holder me(struct ipcfs_object *o)
{
	return claim_holder(o, &(struct ipcfs_op){.verb = IPCFS_V_LOCK});
}

/* Under the lock: stages a claim of this process. */
static int stage_new(struct ipcfs_object *o, uint64_t state)
{
	struct ipcfs_holder h = me(o);

	return claim_new(o, &h, state);
}

static uint64_t state_of(struct ipcfs_object *o, unsigned i)
{
	return LOAD(claim_at(o, i)->state);
}

static unsigned in_use(struct ipcfs_object *o)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CLAIMS_MAX; i++)
		n += state_of(o, i) != 0;
	return n;
}

/* ---- one change ------------------------------------------------------------------------------------ */

static void what_is_staged_is_not_seen(void)
{
	struct ipcfs_object *o = t_object(L, "o", NULL);

	enter(o);
	for (int i = 0; i < 3; i++)
		t_is(stage_new(o, 2), i); /* each an entry of its own, though none is committed */
	t_is(in_use(o), 0);
	claim_unstage(o);
	t_is(stage_new(o, 2), 0); /* they are free again */
	claim_unstage(o);
	leave(o);
	t_is(in_use(o), 0);
}

static void a_commit_changes_all_of_it(void)
{
	struct ipcfs_object *o = t_object(L, "o", NULL);

	enter(o);
	for (int i = 0; i < 3; i++)
		stage_new(o, 2);
	claim_commit(o, 10, 20);
	t_is(LOAD(o->control->word), 10);
	t_is(LOAD(o->control->length), 20);
	t_is(in_use(o), 3);
	claim_stage(o, 1, 0);
	claim_stage(o, 2, 1);
	t_is(stage_new(o, 5), 3);
	t_is(state_of(o, 1), 2);
	claim_commit(o, 11, 21);
	t_is(state_of(o, 0), 2);
	t_is(state_of(o, 1), 0);
	t_is(state_of(o, 2), 1);
	t_is(state_of(o, 3), 5);
	for (unsigned i = 0; i < 4; i++)
		t_is(LOAD(claim_at(o, i)->staged), 0);
	leave(o);
}

static void an_entry_says_whose_it_is(void)
{
	struct ipcfs_object *o = t_object(L, "o", NULL);
	struct ipcfs_holder h = me(o), other = h;
	int64_t before = sys_realtime_ns();
	uint64_t order = 0;

	other.handle = 7;
	enter(o);
	for (int i = 0; i < 6; i++) {
		t_is(claim_new(o, i % 2 ? &other : &h, 1), i);
		claim_commit(o, 0, 0);
	}
	for (unsigned i = 0; i < 6; i++) {
		struct claim *c = claim_at(o, i);

		t_is(claim_is(c, &h), i % 2 == 0);
		t_is(claim_is(c, &other), i % 2 == 1);
		t_is(LOAD(c->who) == ((uint64_t)getpid() << 32 | geteuid()), 1);
		t_check((int64_t)LOAD(c->since) >= before);
		t_check((int64_t)LOAD(c->since) <= sys_realtime_ns());
		t_check(LOAD(c->order) > order); /* the oldest has the least */
		order = LOAD(c->order);
		t_is(LOAD(c->a) | LOAD(c->b) | LOAD(c->c) | LOAD(c->d), 0);
	}
	t_is(claim_find(o, &other, 0), 1);
	t_is(claim_find(o, &other, 2), 3);
	t_is(claim_find(o, &other, 6), CLAIM_NONE);
	other.member++;
	t_is(claim_find(o, &other, 0), CLAIM_NONE);
	leave(o);
}

/* What is free at the end of the table costs no look, what is free in it is used first. */
static void the_table_shrinks(void)
{
	struct ipcfs_object *o = t_object(L, "o", NULL);

	enter(o);
	for (int i = 0; i < 100; i++)
		stage_new(o, 2);
	claim_commit(o, 0, 0);
	t_is(claim_count(o), 100);
	for (unsigned i = 1; i < 99; i++)
		claim_stage(o, i, 0);
	claim_commit(o, 0, 0);
	t_is(claim_count(o), 100);
	t_is(stage_new(o, 2), 1);
	claim_stage(o, 99, 0);
	claim_commit(o, 0, 0);
	t_is(claim_count(o), 2);
	leave(o);
}

/* ---- killed in the middle ------------------------------------------------------------------------- */

/* The change: entry 0 goes, entry 1 becomes 9, entry 2 is new; the word and the length become others. */
enum { WORD = 30, LENGTH = 40, NEW_WORD = 31, NEW_LENGTH = 41, ENTRIES = 3 };

static struct ipcfs_object *prepared(const char *name)
{
	struct ipcfs_object *o = t_object(L, name, NULL);

	enter(o);
	stage_new(o, 1);
	stage_new(o, 2);
	claim_commit(o, WORD, LENGTH);
	leave(o);
	return o;
}

struct death {
	struct ipcfs_object *o;
	int stores; /* until it dies */
	int undone; /* of a second one, who repairs and dies too */
};

static void may_die(struct death *d)
{
	if (d->stores-- == 0)
		raise(SIGKILL);
}

#define DO(d, step)                                                                                \
	do {                                                                                       \
		may_die(d);                                                                        \
		step;                                                                              \
	} while (0)

/* All that claim_commit() stores, in its order. */
static int change_and_die(void *arg)
{
	struct death *d = arg;
	struct ipcfs_object *o = d->o;
	struct seg_control *c = o->control;

	enter(o);
	DO(d, claim_stage(o, 0, 0));
	DO(d, claim_stage(o, 1, 9));
	DO(d, stage_new(o, 5));
	DO(d, STORE(c->redo_word, NEW_WORD));
	DO(d, STORE(c->redo_length, NEW_LENGTH));
	DO(d, STORE(c->redo_on, 1));
	for (unsigned i = 0; i < ENTRIES; i++)
		DO(d, STORE(claim_at(o, i)->state, LOAD(claim_at(o, i)->next)));
	DO(d, STORE(c->word, NEW_WORD));
	DO(d, STORE(c->length, NEW_LENGTH));
	DO(d, STORE(c->redo_on, 0));
	for (unsigned i = 0; i < ENTRIES; i++)
		DO(d, STORE(claim_at(o, i)->staged, 0));
	DO(d, STORE(c->claims, ENTRIES));
	may_die(d);
	return 1;
}

enum { COMMIT = 6, ALL_STORES = 16 };

static void is_whole(struct ipcfs_object *o, bool done, const char *row)
{
	enter(o); /* from the dead: repairs */
	t_row(row, state_of(o, 0), done ? 0 : 1);
	t_row(row, state_of(o, 1), done ? 9 : 2);
	t_row(row, state_of(o, 2), done ? 5 : 0);
	t_row(row, LOAD(o->control->word), done ? NEW_WORD : WORD);
	t_row(row, LOAD(o->control->length), done ? NEW_LENGTH : LENGTH);
	t_row(row, LOAD(o->control->redo_on), 0);
	for (unsigned i = 0; i < ENTRIES; i++)
		t_row(row, LOAD(claim_at(o, i)->staged), 0);
	/* and ready for more */
	t_row(row, stage_new(o, 2), done ? 0 : 2);
	claim_commit(o, WORD, LENGTH);
	t_row(row, in_use(o), 3);
	leave(o);
}

static void killed_at_every_store(void)
{
	for (int at = 0; at <= ALL_STORES; at++) {
		struct death d = {.stores = at};
		char row[32];

		snprintf(row, sizeof(row), "store %d", at);
		d.o = prepared(row);
		t_row(row, t_wait(t_fork(change_and_die, &d)), 128 + SIGKILL);
		is_whole(d.o, at >= COMMIT, row);
	}
}

/* What claim_repair() stores, in its order, of a change that was not committed, and of one that was. */
static int repair_and_die(void *arg)
{
	struct death *d = arg;
	struct seg_control *c = d->o->control;
	bool committed = LOAD(c->redo_on);

	d->stores = d->undone;
	STORE(c->lock, (uint64_t)member_self(d->o->store) << 1);
	for (unsigned i = 0; i < ENTRIES; i++)
		if (committed && LOAD(claim_at(d->o, i)->staged))
			DO(d, STORE(claim_at(d->o, i)->state, LOAD(claim_at(d->o, i)->next)));
	if (committed) {
		DO(d, STORE(c->word, NEW_WORD));
		DO(d, STORE(c->length, NEW_LENGTH));
		DO(d, STORE(c->redo_on, 0));
	}
	for (unsigned i = 0; i < ENTRIES; i++)
		DO(d, STORE(claim_at(d->o, i)->staged, 0));
	may_die(d);
	return 1;
}

static void repair_killed_at_every_store(void)
{
	for (int at = 0; at <= ALL_STORES; at++)
		for (int undone = 0; undone <= (at >= COMMIT && at < 12 ? 9 : 3); undone++) {
			struct death d = {.stores = at, .undone = undone};
			char row[32];

			snprintf(row, sizeof(row), "store %d repair %d", at, undone);
			d.o = prepared(row);
			t_row(row, t_wait(t_fork(change_and_die, &d)), 128 + SIGKILL);
			t_row(row, t_wait(t_fork(repair_and_die, &d)), 128 + SIGKILL);
			is_whole(d.o, at >= COMMIT, row);
			ipcfs_close(t.objects[--t.object_count]);
			t_row(row, ipcfs_unlink(t.store, L, row), 0);
		}
}

/* ---- the dead ------------------------------------------------------------------------------------------- */

static int claim_and_stay(void *arg)
{
	struct death *d = arg;

	enter(d->o);
	if (stage_new(d->o, 2) < 0)
		return 1;
	claim_commit(d->o, LOAD(d->o->control->word) + 1, 0);
	leave(d->o);
	for (;;)
		pause();
	return 0;
}

static pid_t a_child_with_a_claim(struct ipcfs_object *o)
{
	struct death d = {.o = o};
	uint64_t before = LOAD(o->control->word);
	pid_t pid = t_fork(claim_and_stay, &d);

	t_until(LOAD(o->control->word) == before + 1);
	return pid;
}

static void the_dead_are_found(void)
{
	enum { N = 9 };
	struct ipcfs_object *o = t_object(L, "o", NULL);
	pid_t kids[N];

	for (int i = 0; i < N; i++)
		kids[i] = a_child_with_a_claim(o);
	enter(o);
	stage_new(o, 2);
	claim_commit(o, 0, 0);
	t_is(claim_dead(o, 0), CLAIM_NONE);
	for (int i = 0; i < N; i += 2)
		t_kill(kids[i]);
	int at = -1;
	for (int i = 0; i < N; i++) {
		t_is(claim_alive(o, claim_at(o, (unsigned)i)), i % 2 == 1);
		if (i % 2 == 0)
			t_is(at = claim_dead(o, (unsigned)(at + 1)), i);
	}
	t_is(claim_dead(o, (unsigned)(at + 1)), CLAIM_NONE);
	t_is(claim_alive(o, claim_at(o, N)), 1); /* our own */
	leave(o);
}

/* A member's number is no pid: one that nobody has is dead, and so is 0. */
static void nobody_is_dead(void)
{
	static const uint64_t nobody[] = {0, 1, 77, UINT64_MAX, 1ull << 63, INT64_MAX};
	struct ipcfs_object *o = t_object(L, "o", NULL);
	struct ipcfs_holder h = me(o);

	enter(o);
	for (size_t i = 0; i < sizeof(nobody) / sizeof(*nobody); i++) {
		h.member = nobody[i];
		t_is(claim_new(o, &h, 2), (long)i);
		claim_commit(o, 0, 0);
		t_is(claim_dead(o, (unsigned)i), (long)i);
	}
	leave(o);
}

/* A server tries what is parked again and again, and asks the kernel who lives after a death that it noticed. */
static void ignore(void *arg, uint64_t id)
{
	(void)arg;
	(void)id;
}

static int be_a_member(void *arg)
{
	return member_self(((struct death *)arg)->o->store) <= 0;
}

static void a_server_asks_after_a_death(void)
{
	struct ipcfs_object *o = t_object(L, "o", NULL), *of_server = NULL;
	struct ipcfs_store *server = t_open_store();
	struct ipcfs_op parked = {.flags = IPCFS_OP_PARK}, other = {0};
	struct death d = {.o = o};

	t_check(ipcfs_engine_shm.watch(server, ignore, NULL) >= 0);
	t_is(ipcfs_open(server, L, "o", 0, 0, NULL, &of_server), 0);
	for (int i = 0; i < 3; i++) {
		t_check(claim_due(o, &parked)); /* who is no server always does */
		t_check(claim_due(of_server, &other));
	}
	t_until(!claim_due(of_server, &parked)); /* has just asked */
	uint64_t deaths = server->deaths;
	t_is(t_wait(t_fork(be_a_member, &d)), 0);
	while (server->deaths == deaths)
		ipcfs_engine_shm.dispatch(server);
	t_check(claim_due(of_server, &parked));
	of_server->asked_ns -= 2 * T_SECOND; /* or a second later */
	t_check(claim_due(of_server, &parked));
	ipcfs_close(of_server);
	ipcfs_store_close(server);
}

/* ---- full, or full of nonsense ----------------------------------------------------------------------- */

static void a_full_table(void)
{
	struct ipcfs_object *o = t_object(L, "o", NULL);
	struct ipcfs_grant grant = {0}, last = {0};

	for (int i = 0; i < CLAIMS_MAX; i++) {
		last = grant;
		t_is(ipcfs_lock_acquire(o, IPCFS_SHARED, 0, &grant), 0);
	}
	uint64_t changes = LOAD(o->control->changes), word = LOAD(o->control->word);
	struct ipcfs_grant none = {.token = 5};
	t_is(ipcfs_lock_acquire(o, IPCFS_SHARED, 0, &none), -EAGAIN);
	t_is(ipcfs_lock_acquire(o, IPCFS_SHARED, ipcfs_after(20 * T_MS), &none), -ETIMEDOUT);
	t_is(none.token, 5);
	t_is(LOAD(o->control->word) == word, 1); /* nothing has happened */
	t_is(LOAD(o->control->changes) == changes, 1);
	t_is(ipcfs_lock_release(o, last.token), 0);
	t_is(ipcfs_lock_acquire(o, IPCFS_SHARED, 0, &last), 0);
	t_check(last.token == grant.token + 1);
}

static int share_it(void *arg)
{
	struct ipcfs_grant grant;

	for (int i = 0; i < 100; i++)
		t_is(ipcfs_lock_acquire(((struct death *)arg)->o, IPCFS_SHARED, 0, &grant), 0);
	return 0; /* and ends, holding it all */
}

static void the_dead_make_room_in_a_full_table(void)
{
	struct ipcfs_object *o = t_object(L, "o", NULL);
	struct death d = {.o = o};
	struct ipcfs_grant grant;

	t_is(t_wait(t_fork(share_it, &d)), 0);
	for (int i = 0; i < CLAIMS_MAX; i++)
		t_is(ipcfs_lock_acquire(o, IPCFS_SHARED, 0, &grant), 0);
	t_is(ipcfs_lock_acquire(o, IPCFS_SHARED, 0, &grant), -EAGAIN);
}

/* Two exclusive holders, one beside a shared one, a state that there is not. */
static void states_that_cannot_be(void)
{
	static const uint64_t states[][2] = {{1, 1}, {1, 2}, {3, 0}, {2, 77}, {UINT64_MAX, 0}};
	struct ipcfs_grant grant;

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		struct ipcfs_object *o = t_object(L, "o", NULL);

		enter(o);
		for (int k = 0; k < 2; k++)
			if (states[i][k])
				stage_new(o, states[i][k]);
		claim_commit(o, 0, 0);
		leave(o);
		t_is(ipcfs_lock_acquire(o, 0, 0, &grant), -EUCLEAN);
		t_is(ipcfs_lock_acquire(o, 0, IPCFS_FOREVER, &grant), -EUCLEAN);
		t_is(ipcfs_lock_release(o, 1), -EUCLEAN); /* damaged for all, and for good */
		t_is(ipcfs_unlink(t.store, L, "o"), 0);
	}
}

static int take_a_note(void *arg, const struct ipcfs_holding *holding)
{
	(void)holding;
	*(unsigned *)arg += 1;
	return 0;
}

static void fill_with_nonsense(struct ipcfs_object *o)
{
	_Atomic uint64_t *const fields[] = {&o->control->claims,      &o->control->claims_reserved,
					    &o->control->claim_order, &o->control->redo_word,
					    &o->control->redo_on,     &o->control->redo_length,
					    &o->control->turn,	      &o->control->turn_until,
					    &o->control->turn_next,   &o->control->next_until};
	uint64_t *bytes = (uint64_t *)(void *)claim_at(o, 0);

	for (size_t i = 0; i < 200 * CLAIM_BYTES / 8; i++)
		bytes[i] = t_below(3) ? t_below(4) : t_random();
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (t_below(2))
			STORE(*fields[i], t_below(2) ? t_below(5000) : t_random());
	if (t_below(2))
		STORE(o->control->lock, 77 << 1); /* somebody died in it */
}

static bool is_one_of(long rc, const long *results)
{
	while (*results != 1 && *results != rc)
		results++;
	return *results != 1;
}

/* Whatever is there: an answer, at once, and nothing outside of the table is touched. */
static void nonsense(void)
{
	static const long may_be[] = {0, -EAGAIN, -EUCLEAN, -EPERM, -ETIMEDOUT, -ENOSPC, 1};
	struct ipcfs_object *other = t_object(L, "other", NULL);
	struct ipcfs_grant grant, held;

	t_is(ipcfs_lock_acquire(other, 0, 0, &held), 0);
	for (int i = 0; i < t_count(300); i++) {
		struct ipcfs_object *o = t_object(L, "o", NULL);
		struct ipcfs_op ready = {.verb = IPCFS_V_READY, .count = 15};
		unsigned holders = 0;
		struct ipcfs_stat st;

		fill_with_nonsense(o);
		t_check(ipcfs_holders(o, take_a_note, &holders) == 0 && holders <= CLAIMS_MAX);
		t_check(is_one_of(ipcfs_stat(o, &st), may_be));
		for (int k = 0; k < 8; k++) {
			grant.token = t_random();
			t_check(is_one_of(
				k % 3 == 0 ? ipcfs_lock_acquire(o, 0, 0, &grant) :
				k % 3 == 1 ? ipcfs_lock_acquire(o, IPCFS_SHARED, 0, &grant) :
					     ipcfs_lock_release(o, grant.token),
				may_be));
			t_check(is_one_of(ipcfs_engine_shm.try(o, &ready), may_be));
		}
		t_check(is_one_of(ipcfs_lock_acquire(o, 0, ipcfs_after(T_MS / 2), &grant), may_be));
		t_is(ipcfs_unlink(t.store, L, "o"), 0);
		ipcfs_close(t.objects[--t.object_count]);
	}
	t_is(ipcfs_lock_release(other, held.token), 0);
}

/* ---- the turnstile ------------------------------------------------------------------------------------- */

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
		T_TEST(what_is_staged_is_not_seen),
		T_TEST(a_commit_changes_all_of_it),
		T_TEST(an_entry_says_whose_it_is),
		T_TEST(the_table_shrinks),
		T_TEST(killed_at_every_store),
		T_TEST(repair_killed_at_every_store),
		T_TEST(the_dead_are_found),
		T_TEST(nobody_is_dead),
		T_TEST(a_server_asks_after_a_death),
		T_TEST(a_full_table),
		T_TEST(the_dead_make_room_in_a_full_table),
		T_TEST(states_that_cannot_be),
		T_TEST(nonsense),
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
