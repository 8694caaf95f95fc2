/* SPDX-License-Identifier: MIT
 *
 * condition.h - what the tests of conditions share.
 */
#ifndef CONDITION_H
#define CONDITION_H

#include "t.h"

#include "hold.h"

static inline const char *make(const char *name)
{
	const char *c = t_path("conditions/%s", name);

	t_is(t_touch(c), 0);
	return c;
}

#define waiters(c, want) t_shows(t_format("%s,peek", c), want)

static inline int armed(const char *c)
{
	int fd = t_open(c, O_RDWR);

	t_is(t_put(fd, "arm\n"), 4);
	return fd;
}

/* Armed and without waiting from then on. */
static inline int armed_nonblock(const char *c)
{
	int fd = armed(c);

	t_is(t_sys(fcntl(fd, F_SETFL, O_NONBLOCK)), 0);
	return fd;
}

#endif
