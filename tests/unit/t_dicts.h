/* SPDX-License-Identifier: MIT
 *
 * t_dicts.h - dicts for the unit tests of them.
 */
#ifndef T_DICTS_H
#define T_DICTS_H

#include "t_core.h"

#include "t_dict.h"

#define D IPCFS_DICT

static inline struct ipcfs_object *dict_of(const char *name, uint64_t capacity)
{
	struct ipcfs_properties p = {.given = IPCFS_P_CAPACITY, .capacity = capacity};

	return t_object(D, name, capacity ? &p : NULL);
}

static inline const char *got(struct ipcfs_object *d, const char *key)
{
	static char buf[2][256];
	static int turn;
	char *to = buf[turn++ % 2];
	ssize_t n = ipcfs_dict_get(d, key, to, sizeof(buf[0]) - 1, NULL);

	if (n < 0)
		return t_result(n);
	to[n] = '\0';
	return to;
}

#define t_has(d, key, value) t_check(!strcmp(got(d, key), value))

#endif
