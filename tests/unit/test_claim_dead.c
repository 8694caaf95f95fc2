/* SPDX-License-Identifier: MIT
 *
 * test_claim_dead.c - the table of claims: the dead are told from the living; it may be full, or full of nonsense.
 */
#include "claim.h"
#include "t_core.h"

#include "t_claim.h"

/* ---- the dead ---------------------------------------------------------------------------------- */

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

/* ---- full, or full of nonsense ----------------------------------------------------------------- */

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

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(the_dead_are_found),
		T_TEST(nobody_is_dead),
		T_TEST(a_server_asks_after_a_death),
		T_TEST(a_full_table),
		T_TEST(the_dead_make_room_in_a_full_table),
		T_TEST(states_that_cannot_be),
		T_TEST(nonsense),
	};

	return T_RUN(tests);
}
