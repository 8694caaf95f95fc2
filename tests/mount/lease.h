/* SPDX-License-Identifier: MIT
 *
 * lease.h - what the tests of leases share.
 */
#ifndef LEASE_H
#define LEASE_H

#include "t.h"

static inline const char *queue(const char *name)
{
	const char *q = t_path("queues/%s", name);

	t_is(t_touch(q), 0);
	return q;
}

static inline int ack(const char *q, int flags)
{
	int fd = t_open(t_format("%s,ack", q), flags);

	t_check(fd >= 0);
	return fd;
}

static inline bool leased_to(const char *q, pid_t pid, int attempt)
{
	return t_stat_has(q, t_format("lease %d %d", (int)pid, attempt));
}

static inline pid_t worker_shell(const char *q, const char *rest)
{
	return t_shell(NULL, "exec 3<>'%s,ack'; read -r -u3 task; %s", q, rest);
}

#endif
