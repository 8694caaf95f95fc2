/* SPDX-License-Identifier: MIT
 *
 * t_rwlock.h - what the tests of locks share.
 */
#ifndef T_RWLOCK_H
#define T_RWLOCK_H

#include "claim.h"
#include "t_core.h"

#define L IPCFS_LOCK

static inline struct ipcfs_object *a_lock(void)
{
	return t_object(L, "l", NULL);
}

/* Acquires at once. Gives the token. */
static inline uint64_t taken(struct ipcfs_object *l, unsigned flags)
{
	struct ipcfs_grant grant = {0};

	t_is(t_again(ipcfs_lock_acquire(l, flags, 0, &grant)), 0);
	t_check(grant.token != 0);
	return grant.token;
}

static inline long try(struct ipcfs_object *l, unsigned flags)
{
	struct ipcfs_grant grant;

	return t_again(ipcfs_lock_acquire(l, flags, 0, &grant));
}

static inline bool abandoned(struct ipcfs_object *l)
{
	struct ipcfs_stat st;

	t_stat_of(l, &st);
	return st.abandoned;
}

/* What children tell. */
struct notes {
	_Atomic uint64_t token;
	_Atomic bool abandoned, go;
	_Atomic int rounds, inside, wrong;
};

static struct notes *notes;

static inline struct notes *new_notes(void)
{
	notes = t_shared(sizeof(*notes));
	return notes;
}

/* Acquires, tells, and does no more. */
static inline long acquire_and_stay(struct ipcfs_object *l, long flags, int64_t deadline_ns)
{
	struct ipcfs_grant grant;
	int rc = ipcfs_lock_acquire(l, (unsigned)flags, deadline_ns, &grant);

	if (rc < 0)
		return rc;
	notes->abandoned = grant.abandoned;
	notes->token = grant.token;
	for (;;)
		pause();
	return 0;
}

static inline long acquire_and_release(struct ipcfs_object *l, long flags, int64_t deadline_ns)
{
	struct ipcfs_grant grant;
	int rc = ipcfs_lock_acquire(l, (unsigned)flags, deadline_ns, &grant);

	if (rc < 0)
		return rc;
	notes->abandoned = grant.abandoned;
	notes->token = grant.token;
	return ipcfs_lock_release(l, grant.token);
}

static inline struct t_call call_of(long (*function)(struct ipcfs_object *, long, int64_t),
				    unsigned flags)
{
	return (struct t_call){
		.kind = L, .name = "l", .function = function, .arg = flags, .timeout_ns = -1};
}

static inline struct t_call *a_waiter(unsigned flags)
{
	return t_start_waiting(call_of(acquire_and_release, flags));
}

#endif
