/* SPDX-License-Identifier: MIT
 *
 * tokens.h - what the tests of `tokens` share.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include "agent.h"

#include "hold.h"

static inline const char *make(const char *name, int value, int max)
{
	const char *s = t_path("semaphores/%s", name);

	t_is(t_touch(t_format("%s,value=%d,max=%d", s, value, max)), 0);
	return s;
}

static inline const char *tokens(const char *s)
{
	return t_format("%s,tokens", s);
}

#define units(s, want) t_shows(t_format("%s,peek", s), want)

static inline void wait_units(const char *s, long want)
{
	t_wait_stat(s, "value", want);
}

/* Who has read one token already. */
static inline struct agent reader(const char *s)
{
	struct agent a = agent_open(tokens(s), O_RDWR);

	t_is(agent_gets(&a, 1), 1);
	return a;
}

#endif
