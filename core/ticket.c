/* SPDX-License-Identifier: MIT
 *
 * ticket.c - see ticket.h.
 */
#include "ticket.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>

#define CLEAR_NS 1000000000

/* ---- tickets: {order, entry} --------------------------------------------------------------------- */

uint64_t ticket_of(struct ipcfs_object *o, unsigned i)
{
	return LOAD(claim_at(o, i)->order) * CLAIMS_MAX + i;
}

int ticket_find(struct ipcfs_object *o, const struct ipcfs_holder *h, uint64_t ticket)
{
	unsigned i = ticket % CLAIMS_MAX;
	struct claim *c;

	if (!ticket || i >= claim_count(o))
		return CLAIM_NONE;
	c = claim_at(o, i);
	return LOAD(c->state) && ticket_of(o, i) == ticket && claim_is(c, h) ? (int)i : CLAIM_NONE;
}

int ticket_new(struct ipcfs_object *o, const struct ipcfs_holder *h,
	       bool (*bury)(struct ipcfs_object *o))
{
	int i = claim_new(o, h, TICKET_WAITS);
	int64_t now = i == -EAGAIN ? sys_now_ns() : 0;

	if (i != -EAGAIN || now - o->tickets.cleared_ns < CLEAR_NS)
		return i;
	o->tickets.cleared_ns = now;
	return bury(o) ? claim_new(o, h, TICKET_WAITS) : -EAGAIN;
}

/* d: the owner's own word, which claim_new() clears. */
void ticket_forsake(struct ipcfs_object *o, uint64_t ticket)
{
	unsigned i = ticket % CLAIMS_MAX;

	if (ticket && i < claim_count(o) && ticket_of(o, i) == ticket)
		STORE(claim_at(o, i)->d, 1);
}

bool ticket_gone(struct ipcfs_object *o, struct claim *c, uint64_t *alive)
{
	uint64_t member = LOAD(c->member);

	if (LOAD(c->d))
		return true;
	if (*alive && member == *alive)
		return false;
	if (!claim_alive(o, c))
		return true;
	*alive = member;
	return false;
}

uint32_t ticket_bits(unsigned i)
{
	return 1u << i % 32;
}

unsigned ticket_waiting(struct ipcfs_object *o)
{
	unsigned count = 0;

	for (unsigned i = 0, n = claim_count(o); i < n; i++)
		count += LOAD(claim_at(o, i)->state) == TICKET_WAITS;
	return count;
}

unsigned ticket_living(struct ipcfs_object *o)
{
	uint64_t alive = 0;
	unsigned count = 0;

	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);

		count += LOAD(c->state) == TICKET_WAITS && !ticket_gone(o, c, &alive);
	}
	return count;
}

/* ---- those who wait, oldest first: a binary heap ---------------------------------------------------- */

static bool older(struct ipcfs_object *o, unsigned a, unsigned b)
{
	return LOAD(claim_at(o, a)->order) < LOAD(claim_at(o, b)->order);
}

static void sink_down(struct ipcfs_object *o, struct ticket_line *line, unsigned i)
{
	for (;;) {
		unsigned child = 2 * i + 1;
		uint16_t swapped = line->at[i];

		if (child >= line->n)
			return;
		if (child + 1 < line->n && older(o, line->at[child + 1], line->at[child]))
			child++;
		if (!older(o, line->at[child], line->at[i]))
			return;
		line->at[i] = line->at[child];
		line->at[child] = swapped;
		i = child;
	}
}

void ticket_line(struct ipcfs_object *o, struct ticket_line *line)
{
	line->n = 0;
	for (unsigned i = 0, n = claim_count(o); i < n; i++)
		if (LOAD(claim_at(o, i)->state) == TICKET_WAITS && !LOAD(claim_at(o, i)->staged))
			line->at[line->n++] = (uint16_t)i;
	for (unsigned i = line->n / 2; i-- > 0;)
		sink_down(o, line, i);
}

int ticket_next(struct ipcfs_object *o, struct ticket_line *line)
{
	int first = line->n ? line->at[0] : CLAIM_NONE;

	if (line->n) {
		line->at[0] = line->at[--line->n];
		sink_down(o, line, 0);
	}
	return first;
}

/* ---- changes ---------------------------------------------------------------------------------------- */

void ticket_begin(struct ipcfs_object *o, struct ticket_change *change)
{
	*change = (struct ticket_change){.pending = LOAD(o->control->length)};
}

void ticket_tell(struct ipcfs_object *o, struct ticket_change *change, unsigned i, uint64_t state)
{
	if (LOAD(claim_at(o, i)->handle))
		change->ring = true;
	else
		change->bits |= ticket_bits(i);
	change->pending++;
	change->any = true;
	claim_stage(o, i, state);
}

void ticket_end(struct ipcfs_object *o, struct ticket_change *change, unsigned i)
{
	if (LOAD(claim_at(o, i)->state) != TICKET_WAITS && change->pending)
		change->pending--;
	change->any = true;
	claim_stage(o, i, 0);
}

void ticket_commit(struct ipcfs_object *o, const struct ticket_change *change, uint64_t word)
{
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	obj_wake_bits(o, IPCFS_C_READ, change->bits);
	if (change->ring)
		obj_wake(o, IPCFS_C_READ, 0);
	claim_commit(o, word, change->pending);
}

/* No change that anybody watches for; but somebody may want its place. */
int ticket_fetch(struct ipcfs_object *o, struct ipcfs_op *op, unsigned i)
{
	int rc = op->sink ? op->sink(op->sink_arg, NULL, 0) : 0;
	struct ticket_change change;

	if (rc < 0)
		return rc;
	ticket_begin(o, &change);
	ticket_end(o, &change, i);
	if (claim_count(o) == CLAIMS_MAX)
		obj_wake(o, IPCFS_C_CHANGE, INT_MAX);
	claim_commit(o, LOAD(o->control->word), change.pending);
	return 0;
}
