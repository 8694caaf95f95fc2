/* SPDX-License-Identifier: MIT
 *
 * t_lease.h - what the tests of leased messages share.
 */
#ifndef T_LEASE_H
#define T_LEASE_H

#include "t_core.h"

static char buf[8192];

static inline struct ipcfs_object *queue_of(const char *name, uint64_t capacity)
{
	return t_queue(name, 0, capacity);
}

static inline void put(struct ipcfs_object *q, const char *text)
{
	t_is(ipcfs_queue_put(q, text, strlen(text), 0), 0);
}

/* Gets exactly that. */
static inline void gets_(struct ipcfs_object *q, const char *text, int line)
{
	ssize_t n = ipcfs_queue_get(q, buf, sizeof(buf), 0);

	if (n != (ssize_t)strlen(text) || memcmp(buf, text, strlen(text)) != 0)
		t_fail("line %d: got %s \"%.*s\", not \"%s\"", line, t_result(n),
		       n > 0 ? (int)n : 0, buf, text);
}
#define gets(q, text) gets_(q, text, __LINE__)

/* Leases exactly that at that attempt; gives the lease. */
static inline uint64_t leases_(struct ipcfs_object *q, const char *text, uint64_t attempt, int line)
{
	struct ipcfs_lease lease = {0};
	ssize_t n = ipcfs_queue_lease(q, buf, sizeof(buf), 0, &lease);

	if (n != (ssize_t)strlen(text) || memcmp(buf, text, strlen(text)) != 0 ||
	    lease.attempt != attempt)
		t_fail("line %d: leased %s \"%.*s\" at attempt %lu, not \"%s\"", line, t_result(n),
		       n > 0 ? (int)n : 0, buf, (unsigned long)lease.attempt, text);
	return lease.id;
}
#define leases(q, text, attempt) leases_(q, text, attempt, __LINE__)

static inline uint64_t messages(struct ipcfs_object *q)
{
	struct ipcfs_stat st;

	t_stat_of(q, &st);
	return st.messages;
}

static inline uint64_t unfinished(struct ipcfs_object *q)
{
	struct ipcfs_stat st;

	t_stat_of(q, &st);
	return st.unfinished;
}

static inline long lease_call(struct ipcfs_object *o, long size, int64_t deadline_ns)
{
	struct ipcfs_lease lease = {0};
	ssize_t n = ipcfs_queue_lease(o, buf, (size_t)size, deadline_ns, &lease);

	return n < 0 ? n : (long)(lease.attempt * 1000) + n;
}

static inline long get_call(struct ipcfs_object *o, long size, int64_t deadline_ns)
{
	return ipcfs_queue_get(o, buf, (size_t)size, deadline_ns);
}

static inline struct t_call *waiting(long (*function)(struct ipcfs_object *, long, int64_t),
				     long arg)
{
	return t_start_waiting(
		(struct t_call){.name = "q", .function = function, .arg = arg, .timeout_ns = -1});
}

enum how { CLOSES, EXITS, IS_KILLED };
static _Atomic int *leased_now;

static inline int lease_and_end(void *arg)
{
	enum how how = *(enum how *)arg;
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *q = NULL;
	struct ipcfs_lease lease;

	t_is(ipcfs_open(store, IPCFS_QUEUE, "q", 0, 0, NULL, &q), 0);
	t_check(ipcfs_queue_lease(q, buf, 100, 0, &lease) > 0);
	t_check(ipcfs_queue_lease(q, buf, 100, 0, &lease) > 0);
	if (how == CLOSES)
		ipcfs_close(q);
	*leased_now = 1;
	if (how == IS_KILLED)
		for (;;)
			pause();
	return 0;
}

static inline unsigned ready(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READY,
			      .count = 1u << IPCFS_C_READ | 1u << IPCFS_C_WRITE |
				       1u << IPCFS_C_JOIN | IPCFS_READY_HUP};

	t_is(ipcfs_engine_shm.try(o, &op), 0);
	return (unsigned)op.count;
}

static inline struct ipcfs_object *queue_with_dead(const char *name, uint64_t attempts,
						   const char *dead)
{
	struct ipcfs_properties p = {.given = IPCFS_P_ATTEMPTS | IPCFS_P_DEAD,
				     .attempts = attempts};

	snprintf(p.dead, sizeof(p.dead), "%s", dead);
	return t_object(IPCFS_QUEUE, name, &p);
}

static inline void fail_once_more(struct ipcfs_object *q, const char *text, uint64_t attempt)
{
	t_is(ipcfs_queue_return(q, leases(q, text, attempt)), 0);
}

#endif
