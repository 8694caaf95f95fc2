/* SPDX-License-Identifier: MIT
 *
 * names.h - what the tests of names share.
 */
#ifndef NAMES_H
#define NAMES_H

#include "t.h"

static const char *const kinds[] = {"queues", "semaphores", "events", "values", "arrays"};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* Creates an object of the kind, whatever it needs for that. */
static inline const char *make(const char *kind, const char *name)
{
	const char *options = strcmp(kind, "values") == 0 ? ",type=q" :
			      strcmp(kind, "arrays") == 0 ? ",type=q,len=2" :
							    "";
	const char *path = t_path("%s/%s", kind, name);

	t_is(t_touch(t_format("%s%s", path, options)), 0);
	return path;
}

static inline const char *repeated(char c, size_t n)
{
	static char text[5000];

	memset(text, c, n);
	text[n] = 0;
	return text;
}

#endif
