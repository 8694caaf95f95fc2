/* SPDX-License-Identifier: MIT
 *
 * dead.c - dead letters: a message that was given back too often moves to another queue. Two queues change, each by
 * a commit of its own, and whoever does it may be killed between any two stores, so each step leaves
 * a mark by which the next one to look goes on (tests/model/dead.pml):
 *
 *   1. here: the claim is DOOMED, then MOVING: the move has begun
 *   2. there: the message and a NOTE {our id, its number}, in one commit
 *   3. here: the claim is gone, one more message is done
 *   4. there: the note is gone
 *
 * Both inner locks are held from 1 to 4. Who finds a claim DOOMED or MOVING looks for the note: it tells
 * whether 2 was done, whatever became of the message there. Without a look at that queue a claim that is DOOMED may
 * be given out again, one that is MOVING may not. A note that was left between 3 and 4 harms nobody, and goes with
 * the next move from here to there.
 */
#include "queue.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE_NS 100000000 /* with a queue whose lock is busy */

bool dead_due(struct ipcfs_object *o, uint64_t attempts)
{
	return o->dead && o->shape[QUEUE_ATTEMPTS] && attempts >= o->shape[QUEUE_ATTEMPTS];
}

static bool is_doomed(struct claim *c)
{
	uint64_t kind = queue_kind(c);

	return kind == QUEUE_DOOMED || kind == QUEUE_MOVING;
}

/* ---- the other queue --------------------------------------------------------------------------------- */

static bool may_write(const struct ipcfs_object *o, const struct stat *st)
{
	mode_t bit = st->st_uid == o->owner ? S_IWUSR : st->st_gid == o->group ? S_IWGRP : S_IWOTH;

	return o->owner == 0 || st->st_mode & bit;
}

/* -EPERM: the owner of ours may not put there. */
static int check_right(struct ipcfs_object *o, const struct ipcfs_object *other, const char *path)
{
	int rc, dirfd = store_enter(o->store);
	struct stat st;

	if (dirfd < 0)
		return dirfd;
	rc = sys_stat_at(dirfd, path, &st);
	store_leave(o->store, dirfd);
	if (rc < 0)
		return rc;
	if (st.st_ino != other->id)
		return -ENOENT;
	return may_write(o, &st) ? 0 : -EPERM;
}

static int open_other(struct ipcfs_object *o, struct ipcfs_object **other)
{
	char path[STORE_PATH_SIZE];
	int rc;

	if (!o->dead || !o->folder ||
	    snprintf(path, sizeof(path), "%s/%s", o->folder, o->dead) >= (int)sizeof(path))
		return -ENOENT;
	rc = ipcfs_engine_shm.open(o->store, IPCFS_QUEUE, strchr(path, '/') + 1, 0, NULL, NULL,
				   other);
	if (rc < 0)
		return rc;
	rc = (*other)->id == o->id ? -ENOENT : check_right(o, *other, path);
	if (rc < 0)
		ipcfs_engine_shm.close(*other);
	return rc;
}

/* The other's lock first; with it ours is only tried, so that two who move both ways do not wait for each other.
 * -EBUSY; *ours: the error is of our queue. */
static int lock_both(struct ipcfs_object *o, struct ipcfs_object *other, bool *ours)
{
	int64_t limit_ns = sys_now_ns() + PATIENCE_NS;
	int rc;

	do {
		*ours = false;
		rc = obj_lock(other, 0, o->store->server);
		if (rc < 0)
			return rc;
		rc = obj_lock(o, 0, true);
		if (rc == 0)
			return 0;
		*ours = true;
		obj_unlock(other, 0);
		sched_yield();
	} while (rc == -EBUSY && !o->store->server && sys_now_ns() < limit_ns);
	return rc;
}

static void unlock_both(struct ipcfs_object *o, struct ipcfs_object *other)
{
	obj_unlock(o, 0);
	STORE(*member_work(o->store), other->id); /* unlocking ours took it back */
	obj_unlock(other, 0);
}

/* ---- the steps ------------------------------------------------------------------------------------------ */

/* 1: nothing that others see has changed. */
static int begin(struct ipcfs_object *o, unsigned i, uint64_t other_id)
{
	struct claim *c = claim_at(o, i);
	struct queue_view v;
	int rc = queue_look(o, &v);

	if (rc < 0)
		return rc;
	STORE(c->d, other_id);
	claim_stage(o, i, lease_state(QUEUE_MOVING, LOAD(c->state) >> QUEUE_ATTEMPT));
	lease_commit(o, &v, LOAD(o->control->length));
	return 0;
}

/* 3 */
static int finish(struct ipcfs_object *o, unsigned i)
{
	struct queue_view v;
	int rc = queue_look(o, &v);

	if (rc < 0)
		return rc;
	claim_stage(o, i, 0);
	*(is_doomed(claim_at(o, i)) ? &v.doomed : &v.ready) -= 1;
	lease_commit(o, &v, lease_tell_done(o, &v, 1));
	return 0;
}

/* 4 */
static int forget(struct ipcfs_object *other, unsigned note)
{
	struct queue_view v;
	int rc = queue_look(other, &v);

	if (rc < 0)
		return rc;
	claim_stage(other, note, 0);
	lease_commit(other, &v, LOAD(other->control->length));
	return 0;
}

/* Stages message and note in the other queue; the view is what becomes of it. The note's entry. */
static int prepare(struct ipcfs_object *o, unsigned i, struct ipcfs_object *other,
		   struct queue_view *v)
{
	static const struct ipcfs_holder nobody = {.handle = UINT64_MAX};
	struct claim *c = claim_at(o, i), *note;
	uint64_t start = LOAD(c->b), len = LOAD(c->c);
	struct iovec from[2];
	int k, rc = queue_look(other, v);

	if (rc == 0 && v->word & QUEUE_CLOSED)
		rc = -EPIPE;
	if (rc == 0 && (len > o->queue.capacity || start > UINT64_MAX - len))
		rc = -EUCLEAN;
	if (rc == 0)
		rc = queue_append(other, v, from, ring_pieces(o, &o->queue, start, len, from));
	if (rc < 0)
		return rc;
	k = claim_new(other, &nobody, QUEUE_NOTE);
	if (k < 0)
		return k;
	note = claim_at(other, (unsigned)k);
	STORE(note->a, o->id);
	STORE(note->b, LOAD(c->a));
	STORE(note->c, LOAD(c->since));
	return k;
}

static int move(struct ipcfs_object *o, unsigned i, struct ipcfs_object *other)
{
	struct queue_view v;
	int rc, note = prepare(o, i, other, &v);

	if (note < 0)
		return note;
	rc = begin(o, i, other->id);
	if (rc < 0) {
		claim_unstage(other);
		return rc;
	}
	obj_change(other, IPCFS_C_READ, 1);
	lease_commit(other, &v, LOAD(other->control->length)); /* 2 */
	rc = finish(o, i);
	return rc < 0 ? rc : forget(other, (unsigned)note);
}

/* The claim that the note is of: its message, as it was leased last. */
static int find_noted(struct ipcfs_object *o, struct claim *note)
{
	for (unsigned i = 0, n = claim_count(o); i < n; i++) {
		struct claim *c = claim_at(o, i);

		if ((is_doomed(c) || queue_kind(c) == QUEUE_READY) && LOAD(c->a) == LOAD(note->b) &&
		    LOAD(c->since) == LOAD(note->c))
			return (int)i;
	}
	return CLAIM_NONE;
}

/* Moves whose doer was killed between 2 and 4. */
static int resume(struct ipcfs_object *o, struct ipcfs_object *other)
{
	int rc = 0;

	for (unsigned k = 0; k < claim_count(other) && rc >= 0; k++) {
		struct claim *note = claim_at(other, k);
		int i;

		if (queue_kind(note) != QUEUE_NOTE || LOAD(note->a) != o->id)
			continue;
		i = find_noted(o, note);
		rc = i == CLAIM_NONE ? 0 : finish(o, (unsigned)i);
		if (rc == 0)
			rc = forget(other, k);
	}
	return rc;
}

/* ---- what cannot be moved ---------------------------------------------------------------------------------- */

/* Back to the front, to be given out again. gone: there is no such queue, so that nothing can be in it.
 * Was there anything? */
static bool keep(struct ipcfs_object *o, bool gone)
{
	struct queue_view v;
	uint32_t n = 0;

	if (queue_look(o, &v) < 0)
		return false;
	for (unsigned i = 0, end = claim_count(o); i < end; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t state = LOAD(c->state), kind = state & QUEUE_KIND;

		if (kind != QUEUE_DOOMED && !(gone && kind == QUEUE_MOVING))
			continue;
		claim_stage(o, i, lease_state(QUEUE_READY, state >> QUEUE_ATTEMPT));
		n++;
	}
	if (!n)
		return false;
	v.doomed -= n;
	v.ready += n;
	obj_change(o, IPCFS_C_READ, (int)n);
	lease_commit(o, &v, LOAD(o->control->length));
	return true;
}

/* The message with the lowest number that is to be moved. */
static int next_doomed(struct ipcfs_object *o)
{
	int found = CLAIM_NONE;

	for (unsigned i = 0, n = claim_count(o); i < n; i++)
		if (is_doomed(claim_at(o, i)) &&
		    (found == CLAIM_NONE ||
		     LOAD(claim_at(o, i)->a) < LOAD(claim_at(o, (unsigned)found)->a)))
			found = (int)i;
	return found;
}

/* With both locks. */
static void move_all(struct ipcfs_object *o, struct ipcfs_object *other)
{
	int i, rc = resume(o, other);

	/* Once each: more than that somebody makes while we are at it. */
	for (unsigned n = 0; rc == 0 && n < CLAIMS_MAX && (i = next_doomed(o)) != CLAIM_NONE; n++)
		rc = move(o, (unsigned)i, other);
	/* After resume() what is MOVING has not been put, but in a queue that had this name before. */
	if (rc < 0)
		keep(o, true);
}

/* Its own changes do not ring a server's bell. */
static void tell_server(struct ipcfs_object *o, uint64_t id)
{
	if (o->store->server && o->store->changed)
		o->store->changed(o->store->watch_arg, id);
}

static void keep_all(struct ipcfs_object *o, bool gone)
{
	bool any;

	if (obj_lock(o, 0, o->store->server) < 0)
		return;
	any = keep(o, gone);
	obj_unlock(o, 0);
	if (any)
		tell_server(o, o->id);
}

void dead_pay(struct ipcfs_object *o)
{
	struct ipcfs_object *other;
	bool ours = false;
	int rc = open_other(o, &other);

	if (rc < 0) {
		keep_all(o, rc == -ENOENT);
		return;
	}
	rc = lock_both(o, other, &ours);
	if (rc == 0) {
		move_all(o, other);
		unlock_both(o, other);
		tell_server(o, other->id);
		tell_server(o, o->id);
	} else if (!ours && rc != -EBUSY) {
		keep_all(o, rc == -EIDRM);
	}
	ipcfs_engine_shm.close(other);
}
