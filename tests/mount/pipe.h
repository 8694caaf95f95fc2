/* SPDX-License-Identifier: MIT
 *
 * pipe.h - duplex pipes below the mount: what their tests share.
 */
#ifndef PIPE_H
#define PIPE_H

#include "t.h"

#define NB (O_RDWR | O_NONBLOCK)

static inline const char *make(const char *name)
{
	const char *path = t_path("pipes/%s", name);

	t_is(t_touch(t_format("%s,capacity=10", path)), 0);
	return path;
}

static inline const char *end_of(const char *path, char end)
{
	return t_format("%s,%c", path, end);
}

static inline int open_end(const char *path, char end, int flags)
{
	int fd = t_open(end_of(path, end), flags);

	t_check(fd >= 0);
	return fd;
}

#define t_ends_are(path, a, b) ends_are_(path, a, b, __FILE__, __LINE__)
static inline void ends_are_(const char *path, const char *a, const char *b, const char *file,
			     int line)
{
	if (!t_stat_has(path, t_format("a %s", a)) || !t_stat_has(path, t_format("b %s", b)))
		t_fail_(file, line, "the ends are not %s, %s: %s", a, b,
			t_run("cat %s,stat", path)->out);
}

#endif
