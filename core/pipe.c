/* SPDX-License-Identifier: MIT
 *
 * pipe.c - the kind `pipes`, of those that are segments: messages both ways between the ends a and b, a ring each
 * way, each with a commit word of its own. Who has an end open is a claim, whose state is the end, and
 * control->length says of each end whether it is open and whether it ever was, so that no operation
 * need count claims: opening and closing commit claims and length together. The dead have closed what
 * they had open, as soon as somebody looks: who would wait, or who opens.
 *
 * (FIFOs, which have the same folder, are the kernel's and never seen here.)
 */
#include "claim.h"
#include "ring.h"
#include "sys.h"

#include <limits.h>

/* Between two looks for the dead: of one who need not wait, of one who waits and is woken often. */
#define BURY_EVERY_NS 100000000
#define BURY_AGAIN_NS 50000000

/* Bits of control->length for end 1 or 2. When nobody has either end open any more, none are set. */
#define EVER_OPEN(end) (1ull << (end))
#define IS_OPEN(end) (16ull << (end))

static int layout(struct ipcfs_object *o)
{
	uint64_t capacity = o->shape[0];
	size_t at;

	if (capacity == 0 || capacity > IPCFS_CAPACITY_MAX)
		return -EUCLEAN;
	at = ring_layout(&o->ways[0], SEG_PAGE, capacity, capacity,
			 offsetof(struct seg_control, word));
	o->claims = ring_layout(&o->ways[1], at, capacity, capacity,
				offsetof(struct seg_control, back));
	o->size = o->claims + CLAIMS_BYTES;
	return 0;
}

/* ---- the ends -------------------------------------------------------------------------------- */

static bool is_end(uint64_t end)
{
	return end == IPCFS_END_A || end == IPCFS_END_B;
}

static unsigned other(uint64_t end)
{
	return end == IPCFS_END_A ? IPCFS_END_B : IPCFS_END_A;
}

/* The ring of what is written at that end. */
static const struct ring *way_from(const struct ipcfs_object *o, uint64_t end)
{
	return &o->ways[end == IPCFS_END_A ? 0 : 1];
}

static _Atomic uint64_t *word_of(struct ipcfs_object *o, const struct ring *r)
{
	return (void *)((char *)o->control + r->state);
}

static bool is_open(struct ipcfs_object *o, uint64_t end)
{
	return LOAD(o->control->length) & IS_OPEN(end);
}

/* It was open, and has no handle left. */
static bool is_closed(struct ipcfs_object *o, uint64_t end)
{
	return (LOAD(o->control->length) & (IS_OPEN(end) | EVER_OPEN(end))) == EVER_OPEN(end);
}

/* What control->length becomes with what is staged. */
static uint64_t ends_after(struct ipcfs_object *o)
{
	uint64_t ever = EVER_OPEN(IPCFS_END_A) | EVER_OPEN(IPCFS_END_B), open = 0;

	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t state = LOAD(c->staged) ? LOAD(c->next) : LOAD(c->state);

		if (is_end(state))
			open |= IS_OPEN(state) | EVER_OPEN(state);
	}
	return open ? (LOAD(o->control->length) & ever) | open : 0;
}

/* What is staged is closed. Those at the other end may be told that nothing more comes, or is taken. */
static void commit_close(struct ipcfs_object *o)
{
	obj_change(o, IPCFS_C_READ, INT_MAX);
	obj_wake(o, IPCFS_C_WRITE, INT_MAX);
	claim_commit(o, LOAD(o->control->word), ends_after(o));
}

/* Had the dead anything open? */
static bool bury(struct ipcfs_object *o)
{
	int i = claim_dead(o, 0);

	STORE(o->buried_ns, sys_now_ns());
	if (i == CLAIM_NONE)
		return false;
	for (; i != CLAIM_NONE; i = claim_dead(o, (unsigned)i + 1))
		claim_stage(o, (unsigned)i, 0);
	commit_close(o);
	return true;
}

static bool is_due(struct ipcfs_object *o, const struct ipcfs_op *op, bool would_wait)
{
	int64_t since = sys_now_ns() - LOAD(o->buried_ns);

	if (!would_wait)
		return since >= BURY_EVERY_NS;
	return (!(op->flags & IPCFS_OP_WAITS) || since >= BURY_AGAIN_NS) && claim_due(o, op);
}

/* Is the end closed, if the dead have closed it as well? Who would wait asks for them just now. */
static bool is_gone(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t end,
		    bool would_wait)
{
	if (is_open(o, end) && is_due(o, op, would_wait))
		bury(o);
	return is_closed(o, end);
}

/* One of the holder's claims of the end. */
static int find(struct ipcfs_object *o, const struct ipcfs_holder *h, uint64_t end)
{
	int i = claim_find(o, h, 0);

	while (i != CLAIM_NONE && LOAD(claim_at(o, (unsigned)i)->state) != end)
		i = claim_find(o, h, (unsigned)i + 1);
	return i;
}

/* Has this process? A server's open file that has none does not come here. */
static bool may_use(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	struct ipcfs_holder self = {.member = LOAD(o->store->self->number)};

	return op->holder || find(o, &self, op->first) != CLAIM_NONE;
}

static int open_end(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i;

	bury(o); /* first: where all are dead it begins anew */
	i = claim_new(o, &h, op->first);
	if (i < 0)
		return i == -EAGAIN ? -EUSERS : i;
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	claim_commit(o, LOAD(o->control->word), ends_after(o));
	return 0;
}

static int close_end(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = find(o, &h, op->first);

	if (i == CLAIM_NONE)
		return -EPERM;
	claim_stage(o, (unsigned)i, 0);
	commit_close(o);
	return 0;
}

/* All that the holder has open. */
static int leave(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	struct ipcfs_holder h = claim_holder(o, op);
	int i = claim_find(o, &h, 0);

	if (i == CLAIM_NONE)
		return 0;
	for (; i != CLAIM_NONE; i = claim_find(o, &h, (unsigned)i + 1))
		claim_stage(o, (unsigned)i, 0);
	commit_close(o);
	return 0;
}

/* ---- messages -------------------------------------------------------------------------------- */

static int put(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	const struct ring *r = way_from(o, op->first);
	_Atomic uint64_t *word = word_of(o, r);
	struct ring_view v;
	int rc = ring_look(o, r, LOAD(*word), &v);

	if (rc < 0)
		return rc;
	if (is_gone(o, op, other(op->first), false))
		return -EPIPE;
	if (op->in_len > r->capacity)
		return -EMSGSIZE;
	if (!ring_fits(r, &v, op->in_len))
		return is_gone(o, op, other(op->first), true) ? -EPIPE : -EAGAIN;
	rc = ring_add(o, r, &v, op->in, op->in_len);
	if (rc < 0)
		return rc;
	/* All: those at the other end sleep with those at this one. */
	obj_change(o, IPCFS_C_READ, INT_MAX);
	STORE(*word, ring_word(&v));
	return 0;
}

static int get(struct ipcfs_object *o, struct ipcfs_op *op)
{
	const struct ring *r = way_from(o, other(op->first));
	_Atomic uint64_t *word = word_of(o, r);
	struct iovec from[2];
	struct ring_view v;
	uint64_t len;
	int n, rc = ring_look(o, r, LOAD(*word), &v);

	if (rc < 0)
		return rc;
	if (v.count == 0)
		return is_gone(o, op, other(op->first), true) ? -ENODATA : -EAGAIN;
	n = ring_message(o, r, v.head, from, &len);
	if (n < 0 || op->flags & IPCFS_OP_DRY)
		return n < 0 ? n : 0;
	op->out_len = len;
	if (!op->sink && len > op->out_size)
		return -EMSGSIZE;
	obj_change(o, IPCFS_C_WRITE, INT_MAX);
	rc = ring_give(op, from, n, len);
	if (rc < 0)
		return rc;
	ring_drop(r, &v, 1);
	STORE(*word, ring_word(&v));
	return 0;
}

/* What is to be read at the end; also the way out of an index that does not fit together. */
static int clear(struct ipcfs_object *o, struct ipcfs_op *op)
{
	const struct ring *r = way_from(o, other(op->first));
	_Atomic uint64_t *word = word_of(o, r);
	struct ring_view v;

	op->count = ring_look(o, r, LOAD(*word), &v) == 0 ? v.count : 0;
	obj_change(o, IPCFS_C_WRITE, INT_MAX);
	STORE(*word, 0);
	return 0;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	if (op->verb == IPCFS_V_LEAVE)
		return leave(o, op);
	if (!is_end(op->first))
		return -EINVAL;
	if ((op->verb == IPCFS_V_PUT || op->verb == IPCFS_V_GET) && !may_use(o, op))
		return -EPERM;
	switch (op->verb) {
	case IPCFS_V_OPEN:
		return open_end(o, op);
	case IPCFS_V_CLOSE:
		return close_end(o, op);
	case IPCFS_V_PUT:
		return put(o, op);
	case IPCFS_V_GET:
		return get(o, op);
	case IPCFS_V_CLEAR:
		return clear(o, op);
	default:
		return -EINVAL;
	}
}

/* ---- looking --------------------------------------------------------------------------------- */

static unsigned ready_to_read(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	const struct ring *r = way_from(o, other(op->first));
	struct ring_view v;
	int rc = ring_look(o, r, LOAD(*word_of(o, r)), &v);

	if (rc < 0 || v.count)
		return 1u << IPCFS_C_READ; /* an error does not wait */
	return is_gone(o, op, other(op->first), true) ? 1u << IPCFS_C_READ | IPCFS_READY_HUP : 0;
}

static unsigned ready_to_write(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	const struct ring *r = way_from(o, op->first);
	uint64_t len = op->in_len ? op->in_len : 4096;
	struct ring_view v;

	if (ring_look(o, r, LOAD(*word_of(o, r)), &v) < 0 ||
	    ring_fits(r, &v, len < r->capacity ? len : r->capacity))
		return 1u << IPCFS_C_WRITE;
	return is_gone(o, op, other(op->first), true) ? 1u << IPCFS_C_WRITE : 0;
}

/* Who asks for neither end wants the dead away. */
static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	if (is_end(op->first))
		return ready_to_read(o, op) | ready_to_write(o, op);
	bury(o);
	return 1u << IPCFS_C_READ | 1u << IPCFS_C_WRITE;
}

static int count_end(struct ipcfs_object *o, unsigned end, struct ipcfs_pipe_end *e)
{
	const struct ring *r = way_from(o, other(end));
	struct ring_view v;
	int rc = ring_look(o, r, LOAD(*word_of(o, r)), &v);

	if (rc < 0)
		return rc;
	*e = (struct ipcfs_pipe_end){.messages = v.count, .bytes = v.end - v.first};
	if (is_open(o, end))
		e->state = IPCFS_END_OPEN;
	else if (is_closed(o, end))
		e->state = IPCFS_END_CLOSED;
	return 0;
}

/* Without the lock: is the end open to somebody who lives? */
static bool has_living(struct ipcfs_object *o, unsigned end)
{
	uint64_t dead = 0;

	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t member = LOAD(c->member);

		if (LOAD(c->state) != end || (dead && member == dead))
			continue;
		if (claim_alive(o, c))
			return true;
		dead = member;
	}
	return false;
}

/* As the next one to look would find it, who takes away what the dead have open. */
static void count_living(struct ipcfs_object *o, struct ipcfs_pipe_end ends[2])
{
	for (unsigned end = IPCFS_END_A; end <= IPCFS_END_B; end++)
		if (ends[end - 1].state == IPCFS_END_OPEN && !has_living(o, end))
			ends[end - 1].state = IPCFS_END_CLOSED;
	if (ends[0].state != IPCFS_END_OPEN && ends[1].state != IPCFS_END_OPEN)
		ends[0].state = ends[1].state = IPCFS_END_NEVER;
}

/* Without the lock: what was read belongs together if nothing changed meanwhile. The living are looked for once:
 * each may cost a look at a file. */
static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	enum { TRIES = 1000 };

	for (int i = 0; i < TRIES; i++) {
		uint64_t changes = LOAD(o->control->changes);
		int rc = count_end(o, IPCFS_END_A, &st->ends[0]);

		if (rc == 0)
			rc = count_end(o, IPCFS_END_B, &st->ends[1]);
		if (rc == 0 && LOAD(o->control->changes) == changes)
			break;
	}
	count_living(o, st->ends);
	st->messages = st->ends[0].messages + st->ends[1].messages;
	st->bytes = st->ends[0].bytes + st->ends[1].bytes;
}

static bool holding(struct ipcfs_object *o, struct claim *c, uint64_t state,
		    struct ipcfs_holding *h)
{
	(void)o;
	(void)c;
	h->end = (unsigned)state;
	return is_end(state);
}

const struct ipcfs_kind_ops ipcfs_pipe_ops = {
	.name = "pipes",
	.properties = IPCFS_P_CAPACITY,
	.taking = true,
	.claims_ready = true,
	.special = S_IFIFO,
	.shape = ring_shape,
	.properties_of = ring_properties_of,
	.layout = layout,
	.repair = claim_repair,
	.try = try,
	.ready = ready,
	.stat = counts,
	.holding = holding,
};
