/* SPDX-License-Identifier: MIT
 *
 * array.h - what the tests of arrays share.
 */
#ifndef ARRAY_H
#define ARRAY_H

#include "t.h"

static inline const char *make(const char *name, const char *type, long len)
{
	const char *a = t_path("arrays/%s", name);

	t_is(t_touch(t_format("%s,type=%s,len=%ld", a, type, len)), 0);
	return a;
}

static const char same[] = "0\n1\n2\n3\n4\n5\n";

#endif
