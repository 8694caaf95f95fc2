/* SPDX-License-Identifier: MIT
 *
 * test_claim.c - the table of claims: a change is seen as a whole or not at all, wherever its maker is killed, and wherever
 * who repairs it is.
 */
#include "claim.h"
#include "t_core.h"

#include "t_claim.h"

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

/* ---- one change -------------------------------------------------------------------------------- */

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

/* ---- killed in the middle ---------------------------------------------------------------------- */

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

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(what_is_staged_is_not_seen), T_TEST(a_commit_changes_all_of_it),
		T_TEST(an_entry_says_whose_it_is),  T_TEST(the_table_shrinks),
		T_TEST(killed_at_every_store),	    T_TEST(repair_killed_at_every_store),
	};

	return T_RUN(tests);
}
