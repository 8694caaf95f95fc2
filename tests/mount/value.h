/* SPDX-License-Identifier: MIT
 *
 * value.h - what the tests of values share.
 */
#ifndef VALUE_H
#define VALUE_H

#include "t.h"

static inline const char *make(const char *name, const char *type)
{
	const char *v = t_path("values/%s", name);

	t_is(t_touch(t_format("%s,type=%s", v, type)), 0);
	return v;
}

#endif
