/* SPDX-License-Identifier: MIT
 *
 * t_held.h - what the tests of held units share.
 */
#ifndef T_HELD_H
#define T_HELD_H

#include "t_core.h"

#include "claim.h"

/* How often children have got what they wanted. */
static _Atomic int *have;

static inline int count_haves(void)
{
	if (!have)
		have = t_shared(sizeof(*have));
	return *have;
}

static inline long acquire_call(struct ipcfs_object *s, long n, int64_t deadline_ns)
{
	return ipcfs_semaphore_acquire(s, (uint32_t)n, deadline_ns);
}

static inline struct t_call *acquirer(long n, int64_t timeout_ns)
{
	return t_start_waiting((struct t_call){.kind = IPCFS_SEMAPHORE,
					       .name = "s",
					       .function = acquire_call,
					       .arg = n,
					       .timeout_ns = timeout_ns});
}

struct seen {
	int holders;
	uint64_t units;
	struct ipcfs_holding last;
};

static inline int see(void *arg, const struct ipcfs_holding *h)
{
	struct seen *seen = arg;

	seen->holders++;
	seen->units += h->units;
	seen->last = *h;
	return 0;
}

static inline uint64_t held(struct ipcfs_object *s)
{
	struct seen seen = {0};

	t_is(ipcfs_holders(s, see, &seen), 0);
	return seen.units;
}

/* Units that are free, and those that are held. */
#define t_units(s, want_free, want_held)                                                           \
	do {                                                                                       \
		t_is(ipcfs_semaphore_value(s), want_free);                                         \
		t_is(held(s), want_held);                                                          \
	} while (0)

static inline void killed(struct t_call *call)
{
	t_kill(call->pid);
}

#endif
