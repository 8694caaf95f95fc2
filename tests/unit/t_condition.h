/* SPDX-License-Identifier: MIT
 *
 * t_condition.h - what the tests of conditions share.
 */
#ifndef T_CONDITION_H
#define T_CONDITION_H

#include "t_core.h"
#include "ticket.h"

#define C IPCFS_CONDITION

static inline uint64_t armed(struct ipcfs_object *c)
{
	uint64_t ticket = 0;

	t_is(ipcfs_condition_arm(c, &ticket), 0);
	t_check(ticket != 0);
	return ticket;
}

static inline long waiting(struct ipcfs_object *c)
{
	struct ipcfs_stat st;

	t_stat_of(c, &st);
	return (long)st.value;
}

static inline long wait_call(struct ipcfs_object *o, long arg, int64_t deadline_ns)
{
	(void)arg;
	return ipcfs_condition_wait(o, 0, deadline_ns);
}

/* A child that waits without limit. */
static inline struct t_call *a_waiter(void)
{
	return t_start_waiting(
		(struct t_call){.kind = C, .name = "c", .function = wait_call, .timeout_ns = -1});
}

/* Arms, says so, and does no more. */
static _Atomic uint64_t *child_ticket;

#endif
