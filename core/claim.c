/* SPDX-License-Identifier: MIT
 *
 * claim.c - see claim.h. Everything in the table can be written by anybody who may write the object: numbers
 * are bounded, and an entry only ever says who owns a part of this object.
 */
#include "claim.h"
#include "sys.h"

#include <errno.h>
#include <unistd.h>

#define ASK_NS 1000000000 /* the dead whose death was not noticed are found after that */

/* ---- the table ------------------------------------------------------------------------------- */

unsigned claim_count(struct ipcfs_object *o)
{
	uint64_t n = LOAD(o->control->claims);

	return n <= CLAIMS_MAX ? (unsigned)n : CLAIMS_MAX;
}

struct claim *claim_at(struct ipcfs_object *o, unsigned i)
{
	return (struct claim *)(void *)(o->base + o->claims) + i;
}

struct ipcfs_holder claim_holder(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	int64_t self;

	if (op->holder)
		return *op->holder;
	self = member_self(o->store);
	return (struct ipcfs_holder){
		.member = self > 0 ? (uint64_t)self : 0, .pid = getpid(), .uid = geteuid()};
}

bool claim_is(struct claim *c, const struct ipcfs_holder *h)
{
	return LOAD(c->member) == h->member && LOAD(c->handle) == h->handle;
}

int claim_find(struct ipcfs_object *o, const struct ipcfs_holder *h, unsigned from)
{
	for (unsigned i = from, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);

		if (LOAD(c->state) && claim_is(c, h))
			return (int)i;
	}
	return CLAIM_NONE;
}

/* A free entry that has memory. */
static int allocate(struct ipcfs_object *o)
{
	unsigned i, n = claim_count(o);
	int rc;

	for (i = 0; i < n; i++) {
		struct claim *c = claim_at(o, i);

		if (!LOAD(c->state) && !LOAD(c->staged))
			return (int)i;
	}
	if (n == CLAIMS_MAX)
		return -EAGAIN;
	rc = seg_reserve(o, o->claims, CLAIMS_BYTES, &o->control->claims_reserved,
			 (uint64_t)(n + 1) * CLAIM_BYTES);
	if (rc < 0)
		return rc;
	STORE(o->control->claims, n + 1);
	return (int)n;
}

void claim_again(struct ipcfs_object *o, unsigned i, const struct ipcfs_holder *h, uint64_t state)
{
	uint64_t order = LOAD(o->control->claim_order) + 1;
	struct claim *c = claim_at(o, i);

	STORE(c->member, h->member);
	STORE(c->handle, h->handle);
	STORE(c->who, (uint64_t)(uint32_t)h->pid << 32 | h->uid);
	STORE(c->since, (uint64_t)sys_realtime_ns());
	STORE(c->order, order);
	STORE(o->control->claim_order, order);
	if (!h->handle)
		member_note(o); /* our death names the object to a server */
	claim_stage(o, i, state);
}

int claim_new(struct ipcfs_object *o, const struct ipcfs_holder *h, uint64_t state)
{
	int i = allocate(o);
	struct claim *c;

	if (i < 0)
		return i;
	c = claim_at(o, (unsigned)i);
	STORE(c->a, 0);
	STORE(c->b, 0);
	STORE(c->c, 0);
	STORE(c->d, 0);
	claim_again(o, (unsigned)i, h, state);
	return i;
}

/* ---- changes --------------------------------------------------------------------------------- */

void claim_stage(struct ipcfs_object *o, unsigned i, uint64_t state)
{
	struct claim *c = claim_at(o, i);

	STORE(c->next, state);
	STORE(c->staged, 1);
	if (o->staged_to == 0 || i < o->staged_from)
		o->staged_from = i;
	if (i >= o->staged_to)
		o->staged_to = i + 1;
}

void claim_unstage(struct ipcfs_object *o)
{
	for (unsigned i = o->staged_from; i < o->staged_to; i++)
		STORE(claim_at(o, i)->staged, 0);
	o->staged_from = o->staged_to = 0;
}

/* May be killed anywhere and done again. */
static void apply(struct ipcfs_object *o)
{
	struct seg_control *control = o->control;

	for (unsigned i = o->staged_from; i < o->staged_to; i++) {
		struct claim *c = claim_at(o, i);

		if (LOAD(c->staged))
			STORE(c->state, LOAD(c->next));
	}
	STORE(control->word, LOAD(control->redo_word));
	STORE(control->length, LOAD(control->redo_length));
	STORE(control->redo_on, 0);
	claim_unstage(o);
}

/* What was used once and is free costs no look any more. */
static void trim(struct ipcfs_object *o)
{
	unsigned n = claim_count(o), used = n;

	while (used && !LOAD(claim_at(o, used - 1)->state))
		used--;
	if (used < n)
		STORE(o->control->claims, used);
}

void claim_commit(struct ipcfs_object *o, uint64_t word, uint64_t length)
{
	STORE(o->control->redo_word, word);
	STORE(o->control->redo_length, length);
	STORE(o->control->redo_on, 1); /* the commit */
	apply(o);
	trim(o);
}

void claim_repair(struct ipcfs_object *o)
{
	o->staged_from = 0;
	o->staged_to = claim_count(o);
	if (LOAD(o->control->redo_on))
		apply(o);
	else
		claim_unstage(o);
}

bool claim_alive(struct ipcfs_object *o, struct claim *c)
{
	uint64_t member = LOAD(c->member);

	return (member &&
		(member == o->store->session || member == LOAD(o->store->self->number))) ||
	       member_alive(o->store, member);
}

bool claim_due(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	int64_t now;

	if (!o->store->server || !(op->flags & IPCFS_OP_PARK))
		return true;
	now = sys_now_ns();
	if (o->asked_deaths == o->store->deaths && now - o->asked_ns < ASK_NS)
		return false;
	o->asked_deaths = o->store->deaths;
	o->asked_ns = now;
	return true;
}

int claim_dead(struct ipcfs_object *o, unsigned from)
{
	uint64_t alive = 0;

	for (unsigned i = from, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);

		if (!LOAD(c->state) || (alive && LOAD(c->member) == alive))
			continue;
		if (!claim_alive(o, c))
			return (int)i;
		alive = LOAD(c->member);
	}
	return CLAIM_NONE;
}
