/* SPDX-License-Identifier: MIT
 *
 * t_claim.h - what the tests of claims share.
 */
#ifndef T_CLAIM_H
#define T_CLAIM_H

#include "claim.h"
#include "t_core.h"

#define L IPCFS_LOCK

static inline void enter(struct ipcfs_object *o)
{
	t_is(obj_lock(o, IPCFS_FOREVER, false), 0);
}

static inline void leave(struct ipcfs_object *o)
{
	t_is(obj_unlock(o, 0), 0);
}

static inline struct ipcfs_holder me(struct ipcfs_object *o)
{
	return claim_holder(o, &(struct ipcfs_op){.verb = IPCFS_V_LOCK});
}

/* Under the lock: stages a claim of this process. */
static inline int stage_new(struct ipcfs_object *o, uint64_t state)
{
	struct ipcfs_holder h = me(o);

	return claim_new(o, &h, state);
}

struct death {
	struct ipcfs_object *o;
	int stores; /* until it dies */
	int undone; /* of a second one, who repairs and dies too */
};

#endif
