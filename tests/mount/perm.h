/* SPDX-License-Identifier: MIT
 *
 * perm.h - what the tests of permissions and limits share: calls as another user. "nobody" and "other" are users who own
 * nothing of what root makes.
 */
#ifndef PERM_H
#define PERM_H

#include "t.h"

static inline long as_read(const char *path)
{
	char buf[4096];
	int fd = t_open(path, O_RDONLY | O_NONBLOCK);

	return fd < 0 ? fd : t_get(fd, buf, sizeof(buf));
}

static inline long as_write_1(const char *path)
{
	int fd = t_open(path, O_WRONLY | O_NONBLOCK);

	return fd < 0 ? fd : t_put(fd, "1");
}

static inline long as_create(const char *path)
{
	return t_touch(path);
}

static inline long as_unlink(const char *path)
{
	return t_sys(unlink(path));
}

static inline long as_mkdir(const char *path)
{
	return t_sys(mkdir(path, 0755));
}

static inline long as_rmdir(const char *path)
{
	return t_sys(rmdir(path));
}

#endif
