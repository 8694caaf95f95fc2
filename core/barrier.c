/* SPDX-License-Identifier: MIT
 *
 * barrier.c - the kind `barriers`. Who has arrived and waits is a claim (TICKET_WAITS). The one who makes them as many
 * as `parties` needs none: in one commit he turns all to PASSED, with their indices, and goes on; the next
 * generation may arrive while the slow ones of this one have yet to look. Before that he asks whether all of
 * them live; so one who is killed has not arrived. abort, reset and a time-out turn them to CANCELED.
 *
 * The commit word is {generation, broken}. Its states are those of Python's threading.Barrier, but that
 * who has passed has passed: nothing that comes after takes it back.
 */
#include "sys.h"
#include "ticket.h"

#include <errno.h>
#include <stdio.h>

enum { SHAPE_PARTIES };
enum { PASSED = 2, CANCELED = 3, STATE = 0xff, INDEX_SHIFT = 8 }; /* states of a claim */
#define BROKEN 1ull						  /* bit of the word */
#define ONE_GENERATION 2ull

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	if (!(p->given & IPCFS_P_PARTIES))
		return -EINVAL;
	out[SHAPE_PARTIES] = p->parties;
	return p->parties == 0 || p->parties > IPCFS_PARTIES_MAX ? -ERANGE : 0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_PARTIES;
	p->parties = in[SHAPE_PARTIES];
}

static int layout(struct ipcfs_object *o)
{
	uint64_t parties = o->shape[SHAPE_PARTIES];

	o->claims = SEG_PAGE;
	o->size = SEG_PAGE + CLAIMS_BYTES;
	return parties == 0 || parties > IPCFS_PARTIES_MAX ? -EUCLEAN : 0;
}

/* ---- who is there -------------------------------------------------------------------------------------- */

/* Would one more be the last? */
static bool last_is_missing(struct ipcfs_object *o)
{
	return ticket_waiting(o) + 1 >= o->shape[SHAPE_PARTIES];
}

/* Takes away the claims of the dead; of those who wait only with `all`. Were there any? */
static bool sweep(struct ipcfs_object *o, bool all)
{
	struct ticket_change change;
	uint64_t alive = 0;

	ticket_begin(o, &change);
	if (!all && !change.pending)
		return false;
	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t state = LOAD(c->state);

		if (state && (state != TICKET_WAITS || all) && ticket_gone(o, c, &alive))
			ticket_end(o, &change, i);
	}
	if (change.any)
		ticket_commit(o, &change, LOAD(o->control->word));
	return change.any;
}

static bool bury(struct ipcfs_object *o)
{
	return sweep(o, true);
}

/* Those who wait wait in vain. */
static void cancel(struct ipcfs_object *o, struct ticket_change *change)
{
	for (unsigned i = 0, n = claim_count(o); i < n; i++)
		if (LOAD(claim_at(o, i)->state) == TICKET_WAITS && !LOAD(claim_at(o, i)->staged))
			ticket_tell(o, change, i, CANCELED);
}

/* ---- arrival ---------------------------------------------------------------------------------------------- */

/* The last one has come. */
static int complete(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ticket_change change;
	struct ticket_line line;
	uint64_t index = 0;
	int i, rc;

	ticket_begin(o, &change);
	ticket_line(o, &line);
	if (line.n >= o->shape[SHAPE_PARTIES])
		return -EUCLEAN;
	while ((i = ticket_next(o, &line)) != CLAIM_NONE)
		ticket_tell(o, &change, (unsigned)i, PASSED | index++ << INDEX_SHIFT);
	op->token = 0;
	op->count = index;
	rc = op->sink ? op->sink(op->sink_arg, NULL, 0) : 0;
	if (rc < 0)
		claim_unstage(o);
	else
		ticket_commit(o, &change, LOAD(o->control->word) + ONE_GENERATION);
	return rc;
}

static int arrive(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	struct ticket_change change;
	int i;

	if (LOAD(o->control->word) & BROKEN)
		return -ECANCELED;
	if (last_is_missing(o) && (!bury(o) || last_is_missing(o)))
		return complete(o, op);
	if (!(op->flags & IPCFS_OP_WAITS))
		return -EAGAIN;
	i = ticket_new(o, &h, bury);
	if (i < 0)
		return i;
	op->token = ticket_of(o, (unsigned)i);
	ticket_begin(o, &change);
	/* If now one more would be the last, an arrival would not wait: polls are told. */
	change.ring = ticket_waiting(o) + 2 >= o->shape[SHAPE_PARTIES];
	ticket_commit(o, &change, LOAD(o->control->word));
	return 0;
}

/* Stages that entry i goes away, and with IPCFS_OP_BREAK takes the others' hope along. Returns the new word. */
static uint64_t withdraw(struct ipcfs_object *o, struct ticket_change *change, unsigned i,
			 unsigned flags)
{
	uint64_t word = LOAD(o->control->word);
	bool waited = LOAD(claim_at(o, i)->state) == TICKET_WAITS;

	ticket_end(o, change, i);
	if (!waited || !(flags & IPCFS_OP_BREAK))
		return word;
	cancel(o, change);
	return word | BROKEN;
}

/* The last look of one who has not passed. */
static int give_up(struct ipcfs_object *o, unsigned i, unsigned flags)
{
	struct ticket_change change;
	uint64_t word;

	ticket_begin(o, &change);
	word = withdraw(o, &change, i, flags);
	ticket_commit(o, &change, word);
	return -ETIMEDOUT;
}

static int pass(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = ticket_find(o, &h, op->token), rc;
	uint64_t state;

	if (i == CLAIM_NONE)
		return -EPERM;
	state = LOAD(claim_at(o, (unsigned)i)->state);
	if ((state & STATE) == PASSED) {
		op->count = state >> INDEX_SHIFT;
		return op->count < o->shape[SHAPE_PARTIES] ? ticket_fetch(o, op, (unsigned)i) :
							     -EUCLEAN;
	}
	if (state == CANCELED) {
		op->sink = NULL; /* an error is no answer */
		rc = ticket_fetch(o, op, (unsigned)i);
		return rc < 0 ? rc : -ECANCELED;
	}
	if (state != TICKET_WAITS)
		return -EUCLEAN;
	if (op->flags & IPCFS_OP_LAST)
		return give_up(o, (unsigned)i, op->flags);
	if (op->flags & IPCFS_OP_WAITS)
		sweep(o, false);
	op->bits = ticket_bits((unsigned)i);
	op->count = LOAD(o->control->length); /* 0: nobody at all has been told anything */
	return -EAGAIN;
}

static int leave(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = op->token ? ticket_find(o, &h, op->token) : claim_find(o, &h, 0);
	struct ticket_change change;
	uint64_t word = LOAD(o->control->word);

	if (i == CLAIM_NONE)
		return op->token ? -EPERM : 0;
	ticket_begin(o, &change);
	for (; i != CLAIM_NONE; i = op->token ? CLAIM_NONE : claim_find(o, &h, (unsigned)i + 1))
		word |= withdraw(o, &change, (unsigned)i, op->token ? op->flags : 0);
	ticket_commit(o, &change, word);
	return 0;
}

/* ---- reset, abort -------------------------------------------------------------------------------------------- */

static int end_all(struct ipcfs_object *o, uint64_t word)
{
	struct ticket_change change;

	ticket_begin(o, &change);
	cancel(o, &change);
	/* Whether an arrival would wait is another matter now: polls are told. */
	change.ring = true;
	if (change.any || word != LOAD(o->control->word))
		ticket_commit(o, &change, word);
	return 0;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	switch (op->verb) {
	case IPCFS_V_ARRIVE:
		return arrive(o, op);
	case IPCFS_V_PASS:
		return pass(o, op);
	case IPCFS_V_RESET:
		return end_all(o, LOAD(o->control->word) & ~BROKEN);
	case IPCFS_V_ABORT:
		return end_all(o, LOAD(o->control->word) | BROKEN);
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

/* ---- looking ---------------------------------------------------------------------------------------------------- */

/* Who asks for nobody in particular wants the dead away, all of them. */
static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	bool through = LOAD(o->control->word) & BROKEN;

	sweep(o, !op->holder);
	if (!through && last_is_missing(o))
		through = !bury(o) || last_is_missing(o);
	return (through ? 1u << IPCFS_C_READ : 0) | 1u << IPCFS_C_WRITE;
}

static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	uint64_t word = LOAD(o->control->word);

	st->value = ticket_living(o);
	st->generation = word / ONE_GENERATION;
	st->broken = word & BROKEN;
}

const struct ipcfs_kind_ops ipcfs_barrier_ops = {
	.name = "barriers",
	.properties = IPCFS_P_PARTIES,
	.taking = true,
	.shape = shape,
	.properties_of = properties_of,
	.layout = layout,
	.repair = claim_repair,
	.try = try,
	.ready = ready,
	.stat = counts,
};

/* ---- the library's calls ------------------------------------------------------------------------------------------ */

/* The time is over (rc says how): who has passed just now has, else he leaves. */
static int look_last(struct ipcfs_object *barrier, uint64_t ticket, int rc)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PASS,
			      .flags = IPCFS_OP_LAST | (rc == -EINTR ? 0 : IPCFS_OP_BREAK),
			      .token = ticket};
	int last = obj_run(barrier, &op, 0);

	if (last == -EBUSY)
		ticket_forsake(barrier, ticket);
	return last == 0 ? (int)op.count : last == -ETIMEDOUT ? rc : last;
}

int ipcfs_barrier_wait(struct ipcfs_object *barrier, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_ARRIVE};
	int rc = barrier->kind == IPCFS_BARRIER ? obj_run(barrier, &op, deadline_ns) : -EINVAL;
	uint64_t ticket = op.token;

	if (rc < 0 || !ticket)
		return rc < 0 ? rc : (int)op.count;
	op = (struct ipcfs_op){.verb = IPCFS_V_PASS, .token = ticket};
	rc = obj_run(barrier, &op, deadline_ns);
	if (rc == -ETIMEDOUT || rc == -EINTR || rc == -EBUSY)
		return look_last(barrier, ticket, rc);
	return rc < 0 ? rc : (int)op.count;
}

static int run(struct ipcfs_object *o, enum ipcfs_verb verb)
{
	struct ipcfs_op op = {.verb = verb};

	return o->kind == IPCFS_BARRIER ? obj_run(o, &op, 0) : -EINVAL;
}

int ipcfs_barrier_abort(struct ipcfs_object *barrier)
{
	return run(barrier, IPCFS_V_ABORT);
}

int ipcfs_barrier_reset(struct ipcfs_object *barrier)
{
	return run(barrier, IPCFS_V_RESET);
}
