/* SPDX-License-Identifier: MIT
 *
 * list.h - what the tests of lists share.
 */
#ifndef LIST_H
#define LIST_H

#include "t.h"

static inline const char *list(const char *name)
{
	return t_path("lists/%s", name);
}

/* As `>>` does it. */
static inline long append(const char *path, const char *text)
{
	int fd = t_open(path, O_WRONLY | O_CREAT | O_APPEND);
	long n = fd < 0 ? fd : t_put(fd, text);

	close(fd);
	return n;
}

/* Through a view: one write, and nothing else. */
static inline long write_view(const char *path, const char *text)
{
	int fd = t_open(path, O_WRONLY);
	long n = fd < 0 ? fd : t_put(fd, text);

	close(fd);
	return n;
}

static inline void start_with(const char *path, const char *text)
{
	t_is(t_echo(path, text), 0);
	t_shows(path, text);
}

#endif
