/* SPDX-License-Identifier: MIT
 *
 * held.h - what the tests of `hold` share.
 */
#ifndef HELD_H
#define HELD_H

#include "agent.h"

#include "hold.h"

static inline const char *make(const char *name, int value, int max)
{
	const char *s = t_path("semaphores/%s", name);

	t_is(t_touch(t_format("%s,value=%d,max=%d", s, value, max)), 0);
	return s;
}

static inline const char *hold(const char *s)
{
	return t_format("%s,hold", s);
}

#define units(s, want) t_shows(t_format("%s,peek", s), want)

static inline void wait_units(const char *s, long want)
{
	t_wait_stat(s, "value", want);
}

/* Units that are held, and by how many. */
static inline long held(const char *s, long *holders)
{
	static char text[T_TEXT];
	long sum = 0, units;

	*holders = 0;
	if (t_cat(t_format("%s,stat", s), text, sizeof(text)) < 0)
		return -1;
	for (const char *at = text; (at = strstr(at, "holder ")); at++)
		if (sscanf(at, "holder %*d %*d %*d %ld", &units) == 1) {
			sum += units;
			++*holders;
		}
	return sum;
}

/* The open file that holds one unit already. */
static inline struct agent holder(const char *s)
{
	struct agent a = agent_open(hold(s), O_RDWR);

	t_is(agent_gets(&a, 8), 2);
	return a;
}

#endif
