/* SPDX-License-Identifier: MIT
 *
 * dict.h - dicts and keys for the tests of them.
 */
#ifndef DICT_H
#define DICT_H

#include "t.h"

#include <dirent.h>

/* A new dict; the path of one of its keys. */
static inline const char *dict_make(const char *name)
{
	const char *d = t_path("dicts/%s", name);

	t_is(t_sys(mkdir(d, 0777)), 0);
	return d;
}

static inline const char *dict_key(const char *dict, const char *name)
{
	return t_format("%s/%s", dict, name);
}

static inline void dict_put(const char *dict, const char *name, const char *value)
{
	t_is(t_echo(dict_key(dict, name), value), 0);
}

/* The names in order, each with a blank behind it. */
static inline const char *dict_listed(const char *dict)
{
	static char all[T_TEXT];
	DIR *dir = opendir(dict);
	const struct dirent *entry;
	size_t n = 0;

	t_check(dir);
	all[0] = '\0';
	/* cppcheck-suppress readdirCalled ; one thread */
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s ", entry->d_name);
	closedir(dir);
	return all;
}

#define dict_lists(dict, want) t_check(!strcmp(dict_listed(dict), want))

#endif
