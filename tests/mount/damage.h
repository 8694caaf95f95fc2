/* SPDX-License-Identifier: MIT
 *
 * damage.h - what the tests of damage share.
 */
#ifndef DAMAGE_H
#define DAMAGE_H

#include "t.h"

/* The words are in `errors` as root sees them. */
static inline bool errors_say(const char *words, const char *path)
{
	static char text[1 << 18];

	if (t_cat(t_path("errors"), text, sizeof(text)) < 0)
		return false;
	for (char *rest, *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (strstr(line, words) && strstr(line, path))
			return true;
	return false;
}

#endif
