/* SPDX-License-Identifier: MIT
 *
 * lock.h - what the tests of locks share.
 */
#ifndef LOCK_H
#define LOCK_H

#include "agent.h"
#include "hold.h"

static inline const char *make(const char *name)
{
	const char *l = t_path("locks/%s", name);

	t_is(t_touch(l), 0);
	return l;
}

static inline const char *shared(const char *l)
{
	return t_format("%s,shared", l);
}

#endif
