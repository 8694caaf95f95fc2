/* SPDX-License-Identifier: MIT
 *
 * queue.h - what the files of the queue share: queue.c has the ring and the plain operations, queue_many.c
 * those of many messages, queue_room.c what keeps room in the ring, lease.c what is leased, returned, settled and joined, dead.c the way of a message to its
 * dead-letter queue, queue_calls.c the library's calls.
 *
 * A message is in the ring's index, or it has left it. Of those that have left, some are claims: leased to a
 * consumer, or given back and waiting at the front for the next one. The bytes of a claim stay in the ring.
 */
#ifndef IPCFS_QUEUE_H
#define IPCFS_QUEUE_H

#include "claim.h"
#include "ring.h"

enum { QUEUE_MAXSIZE, QUEUE_CAPACITY, QUEUE_ATTEMPTS }; /* places in the shape */

/* The commit word is the ring's, and: */
#define QUEUE_CLOSED (1ull << 31)
#define QUEUE_CLAIMS (1ull << 62) /* there are claims, of messages of this queue */
#define QUEUE_OTHER (1ull << 63)  /* which of control->taken[] says how many have left the ring */

/* Kinds of claim: the low byte of its state; above it the attempts that have begun. */
enum {
	QUEUE_LEASED = 1, /* a: number of the message, b and c: place and length in the ring */
	QUEUE_READY,	  /* given back: the next to be had. The same; its owner means nothing */
	QUEUE_DOOMED,	  /* given back too often: to be moved to the dead-letter queue */
	QUEUE_MOVING,	  /* the move has begun; d: id of the dead-letter queue */
	QUEUE_NOTE,	  /* in the dead-letter queue: it has message b of queue a, leased at c */
};
#define QUEUE_KIND 0xffull
#define QUEUE_ATTEMPT 8
/* More are not counted. */
#define QUEUE_ATTEMPTS_END UINT32_MAX

static inline uint64_t queue_kind(struct claim *c)
{
	return LOAD(c->state) & QUEUE_KIND;
}

/* What the committed word, the slots and the claims say, checked. */
struct queue_view {
	uint64_t word;
	struct ring_view ring;		/* first and end: with all claims */
	uint32_t leased, ready, doomed; /* claims; doomed: MOVING as well */
	int oldest;			/* READY with the lowest number */
	uint64_t held, back;		/* bytes of all claims; of those that are not LEASED */
};

/* ---- queue.c ---- */
int queue_look(struct ipcfs_object *o, struct queue_view *v);

/* The word that the view has become. */
static inline uint64_t queue_word(const struct queue_view *v)
{
	return (v->word & (QUEUE_OTHER | QUEUE_CLAIMS | QUEUE_CLOSED)) | ring_word(&v->ring);
}

/* Messages that ever left the ring, by the view's word. */
static inline uint64_t queue_taken(struct ipcfs_object *o, const struct queue_view *v)
{
	return LOAD(o->control->taken[v->word / QUEUE_OTHER]);
}

/* The view's oldest n messages (of at most count) leave the ring; with the next commit of queue_word(). */
static inline void queue_take(struct ipcfs_object *o, struct queue_view *v, uint32_t n)
{
	uint64_t taken = queue_taken(o, v);

	ring_drop(&o->queue, &v->ring, n);
	v->word ^= QUEUE_OTHER;
	STORE(o->control->taken[v->word / QUEUE_OTHER], taken + n);
}

/* Fills bytes and slot behind the view, which then counts the message. Nobody sees it yet.
 * -EAGAIN, -EMSGSIZE, -ENOSPC, -EDQUOT. */
int queue_append(struct ipcfs_object *o, struct queue_view *v, const struct iovec *msg, int n);

/* ---- queue_many.c ---- */
int queue_put_many(struct ipcfs_object *o, struct ipcfs_op *op);
int queue_get_many(struct ipcfs_object *o, struct ipcfs_op *op);

/* ---- queue_room.c ---- */
/* Before a put of len bytes: where old claims hold back what is free behind them, they move together. */
void queue_make_room(struct ipcfs_object *o, struct queue_view *v, uint64_t len);

/* ---- lease.c ---- */
/* Adds the claims to the view. -EUCLEAN. */
int lease_survey(struct ipcfs_object *o, struct queue_view *v);
/* A get where there are claims, or that is to make one; a look at what it would give. */
int lease_get(struct ipcfs_object *o, struct ipcfs_op *op, struct queue_view *v);
int lease_peek(struct ipcfs_object *o, struct ipcfs_op *op, struct queue_view *v);
/* Drops all but what is leased. How many. whole: false where the view is of what does not fit together. */
uint64_t lease_clear(struct ipcfs_object *o, struct queue_view *v, bool whole);
/* The verbs that queue.c does not know. */
int lease_try(struct ipcfs_object *o, struct ipcfs_op *op);
/* Is there nothing to be had, now or from another's lease? */
bool lease_drained(struct ipcfs_object *o, const struct queue_view *v, const struct ipcfs_op *op);
/* Takes back what the dead have leased, if it is time to ask. How many, or -EUCLEAN; *v is up to date then. */
int lease_look_for_dead(struct ipcfs_object *o, struct queue_view *v);
/* Messages put and not yet done. */
uint64_t lease_unfinished(struct ipcfs_object *o, const struct queue_view *v);
/* Tells whom it matters to that n messages are done, or dropped. What control->length becomes then. */
uint64_t lease_tell_done(struct ipcfs_object *o, const struct queue_view *v, uint64_t n);
uint64_t lease_state(uint64_t kind, uint64_t attempts);
/* Commits what is staged and the view, which has its counts of claims up to date. */
void lease_commit(struct ipcfs_object *o, struct queue_view *v, uint64_t done);
/* ipcfs_kind_ops.holding. */
bool lease_holding(struct ipcfs_object *o, struct claim *c, uint64_t state,
		   struct ipcfs_holding *h);
/* Without the lock: adds what the dead have leased to the messages. */
void lease_count_dead(struct ipcfs_object *o, struct ipcfs_stat *st);

/* ---- dead.c ---- */
/* Should a message that was given back after so many attempts go to the dead-letter queue? */
bool dead_due(struct ipcfs_object *o, uint64_t attempts);
/* ipcfs_kind_ops.pay: moves all that is doomed, or gives it back where that cannot be. */
void dead_pay(struct ipcfs_object *o);

#endif
