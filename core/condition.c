/* SPDX-License-Identifier: MIT
 *
 * condition.c - the kind `conditions`. Who waits for one is a claim from the moment that he is armed (TICKET_WAITS); a
 * notification turns the oldest claims to NOTIFIED, all that one call is for in one commit, and the owner
 * fetches it when he looks. So a notification between arm and wait is not lost, and one whose
 * receiver dies or gives up before he has fetched it goes to the next. One that was for all (TOLD) does
 * not: everybody whom it was for has his own.
 *
 * The commit word counts the notifications. The idea is that of the waiters' own locks in Python's
 * threading.Condition; tests/model/condition.pml has the protocol.
 */
#include "sys.h"
#include "ticket.h"

#include <errno.h>
#include <stdio.h>

enum { NOTIFIED = 2, TOLD = 3 }; /* states of a claim */

static int layout(struct ipcfs_object *o)
{
	o->claims = SEG_PAGE;
	o->size = SEG_PAGE + CLAIMS_BYTES;
	return 0;
}

/* ---- notifications -------------------------------------------------------------------------------- */

/* Stages that the n oldest who live become `state`, and the dead before them nothing. Returns how many. */
static uint64_t tell(struct ipcfs_object *o, struct ticket_change *change, uint64_t n,
		     uint64_t state)
{
	struct ticket_line line;
	uint64_t alive = 0, told = 0;
	int i;

	ticket_line(o, &line);
	while (told < n && (i = ticket_next(o, &line)) != CLAIM_NONE) {
		if (ticket_gone(o, claim_at(o, (unsigned)i), &alive)) {
			ticket_end(o, change, (unsigned)i);
		} else {
			ticket_tell(o, change, (unsigned)i, state);
			told++;
		}
	}
	return told;
}

/* `owed` notifications that their receivers have not fetched go to the next. Was there anything to commit? */
static bool pass_on(struct ipcfs_object *o, struct ticket_change *change, uint64_t owed)
{
	if (owed)
		tell(o, change, owed, NOTIFIED);
	if (change->any)
		ticket_commit(o, change, LOAD(o->control->word));
	return change->any;
}

/* Takes away the claims of the dead; of those who wait only with `all`. Were there any? */
static bool sweep(struct ipcfs_object *o, bool all)
{
	struct ticket_change change;
	uint64_t alive = 0, owed = 0;

	ticket_begin(o, &change);
	if (!all && !change.pending)
		return false;
	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t state = LOAD(c->state);

		if (!state || (state == TICKET_WAITS && !all) || !ticket_gone(o, c, &alive))
			continue;
		ticket_end(o, &change, i);
		owed += state == NOTIFIED;
	}
	return pass_on(o, &change, owed);
}

static bool bury(struct ipcfs_object *o)
{
	return sweep(o, true);
}

static int notify(struct ipcfs_object *o, struct ipcfs_op *op)
{
	bool all = op->count == UINT64_MAX;
	struct ticket_change change;

	if (op->count == 0)
		return -EINVAL;
	ticket_begin(o, &change);
	op->count = tell(o, &change, op->count, all ? TOLD : NOTIFIED);
	if (change.any)
		ticket_commit(o, &change, LOAD(o->control->word) + op->count);
	return 0;
}

/* ---- waiters ---------------------------------------------------------------------------------------- */

static int arm(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	struct ticket_change change;
	int i = ticket_new(o, &h, bury);

	if (i < 0)
		return i;
	op->token = ticket_of(o, (unsigned)i);
	ticket_begin(o, &change);
	ticket_commit(o, &change, LOAD(o->control->word));
	return 0;
}

/* The last look of one who has not been notified. */
static int give_up(struct ipcfs_object *o, unsigned i)
{
	struct ticket_change change;

	ticket_begin(o, &change);
	ticket_end(o, &change, i);
	ticket_commit(o, &change, LOAD(o->control->word));
	return -ETIMEDOUT;
}

/* It would wait, woken by these bits. */
static int not_yet(struct ipcfs_object *o, struct ipcfs_op *op, uint32_t bits)
{
	op->bits = bits;
	op->count = LOAD(o->control->length); /* 0: nobody at all has been notified */
	return -EAGAIN;
}

static int await(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = ticket_find(o, &h, op->token);
	uint64_t state;

	if (i == CLAIM_NONE)
		return op->token ? -EPERM : not_yet(o, op, 0);
	/* Who waits long looks whether one before him has died and left him something. */
	if (op->flags & IPCFS_OP_WAITS && LOAD(claim_at(o, (unsigned)i)->state) == TICKET_WAITS)
		sweep(o, false);
	state = LOAD(claim_at(o, (unsigned)i)->state);
	if (state == NOTIFIED || state == TOLD)
		return ticket_fetch(o, op, (unsigned)i);
	if (state != TICKET_WAITS)
		return -EUCLEAN;
	if (op->flags & IPCFS_OP_LAST)
		return give_up(o, (unsigned)i);
	return not_yet(o, op, ticket_bits((unsigned)i));
}

static int leave(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = op->token ? ticket_find(o, &h, op->token) : claim_find(o, &h, 0);
	struct ticket_change change;
	uint64_t owed = 0;

	if (i == CLAIM_NONE)
		return op->token ? -EPERM : 0;
	ticket_begin(o, &change);
	for (; i != CLAIM_NONE; i = op->token ? CLAIM_NONE : claim_find(o, &h, (unsigned)i + 1)) {
		owed += LOAD(claim_at(o, (unsigned)i)->state) == NOTIFIED;
		ticket_end(o, &change, (unsigned)i);
	}
	pass_on(o, &change, owed);
	return 0;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	switch (op->verb) {
	case IPCFS_V_ARM:
		return arm(o, op);
	case IPCFS_V_AWAIT:
		return await(o, op);
	case IPCFS_V_NOTIFY:
		return notify(o, op);
	case IPCFS_V_LEAVE:
		return leave(o, op);
	case IPCFS_V_PEEK:
		sweep(o, !op->holder);
		op->count = ticket_waiting(o);
		return 0;
	default:
		return -EINVAL;
	}
}

/* ---- looking ---------------------------------------------------------------------------------------- */

/* Who asks for nobody in particular wants the dead away, all of them. */
static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	int i;

	sweep(o, !op->holder);
	i = op->holder ? ticket_find(o, op->holder, op->token) : CLAIM_NONE;
	return (i != CLAIM_NONE && LOAD(claim_at(o, (unsigned)i)->state) != TICKET_WAITS ?
			1u << IPCFS_C_READ :
			0) |
	       1u << IPCFS_C_WRITE;
}

static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	st->value = ticket_living(o);
	st->notified = LOAD(o->control->length);
}

const struct ipcfs_kind_ops ipcfs_condition_ops = {
	.name = "conditions",
	.taking = true,
	.layout = layout,
	.repair = claim_repair,
	.try = try,
	.ready = ready,
	.stat = counts,
};

/* ---- the library's calls -------------------------------------------------------------------------------- */

int ipcfs_condition_arm(struct ipcfs_object *condition, uint64_t *ticket)
{
	struct ipcfs_op op = {.verb = IPCFS_V_ARM};
	int rc = condition->kind == IPCFS_CONDITION ? obj_run(condition, &op, 0) : -EINVAL;

	if (rc == 0)
		*ticket = op.token;
	return rc;
}

/* The time is over (rc says how): what has come just now is still fetched, else the waiter is none any more. */
static int look_last(struct ipcfs_object *condition, uint64_t ticket, int rc)
{
	struct ipcfs_op op = {.verb = IPCFS_V_AWAIT, .flags = IPCFS_OP_LAST, .token = ticket};
	int last = obj_run(condition, &op, 0);

	if (last == -EBUSY)
		ticket_forsake(condition, ticket);
	return last == -ETIMEDOUT || last == -EBUSY ? rc : last;
}

int ipcfs_condition_wait(struct ipcfs_object *condition, uint64_t ticket, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_ARM};
	bool own = ticket == 0 && deadline_ns != 0;
	int rc = condition->kind == IPCFS_CONDITION ? 0 : -EINVAL;

	if (rc == 0 && own)
		rc = obj_run(condition, &op, deadline_ns);
	if (rc < 0)
		return rc;
	ticket = own ? op.token : ticket;
	op = (struct ipcfs_op){.verb = IPCFS_V_AWAIT, .token = ticket};
	rc = obj_run(condition, &op, deadline_ns);
	if (rc == -ETIMEDOUT || (own && (rc == -EINTR || rc == -EBUSY)))
		rc = look_last(condition, ticket, rc);
	return rc;
}

int ipcfs_condition_disarm(struct ipcfs_object *condition, uint64_t ticket)
{
	struct ipcfs_op op = {.verb = IPCFS_V_LEAVE, .token = ticket};

	return condition->kind != IPCFS_CONDITION ? -EINVAL :
	       ticket == 0			  ? -EPERM :
						    obj_run(condition, &op, 0);
}

static int notify_many(struct ipcfs_object *condition, uint64_t n)
{
	struct ipcfs_op op = {.verb = IPCFS_V_NOTIFY, .count = n};
	int rc = condition->kind == IPCFS_CONDITION ? obj_run(condition, &op, 0) : -EINVAL;

	return rc < 0 ? rc : (int)op.count;
}

int ipcfs_condition_notify(struct ipcfs_object *condition, unsigned n)
{
	return notify_many(condition, n);
}

int ipcfs_condition_notify_all(struct ipcfs_object *condition)
{
	return notify_many(condition, UINT64_MAX);
}
