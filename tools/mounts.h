/* SPDX-License-Identifier: MIT
 *
 * mounts.h - what is mounted where, and who serves and uses it, told from /proc alone: none of these
 * calls sends a request into the mount itself, so a server that hangs or is dead holds none of them up.
 */
#ifndef MOUNTS_H
#define MOUNTS_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct mount {
	int id;
	unsigned minor; /* of its device number, the major is 0 */
	bool root;	/* the path asked for is the mount point itself */
	char point[PATH_MAX];
	char type[64];
};

/* mounts_find: the mount that the path lies in (whose top one, where several lie on each other).
 * -errno as for open(2), -ENODEV: a mount that this process does not see. */
int mounts_find(const char *path, struct mount *m);
bool mounts_is_ipcfs(const struct mount *m);
/* Is that mount still there? */
bool mounts_is_there(const struct mount *m);

/* Is the process a server of that mount: has it an open /dev/fuse, of this very connection where the
 * kernel tells? 1 yes, 0 no, -errno: may not be looked at. */
int mounts_is_server(const struct mount *m, pid_t pid);
/* The pid of the server; 0 where the kernel (before 6.8) does not tell whose a /dev/fuse is. */
pid_t mounts_server(const struct mount *m);

/* mounts_users: prints a line "  PID COMMAND" for each process with an open file or its working
 * folder in the mount, at most `limit`. Returns how many there are. */
int mounts_users(const struct mount *m, FILE *to, int limit);

#endif
