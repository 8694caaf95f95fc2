/* SPDX-License-Identifier: MIT
 *
 * mq.h - what a server asks of the engine for POSIX message queues beside its table.
 */
#ifndef IPCFS_MQ_H
#define IPCFS_MQ_H

#include "engine.h"

enum { MQ_MAXMSG_DEFAULT = 10, MQ_MSGSIZE_DEFAULT = 8192 };

/* A queue's name (without its slash) as a file's: what a file's cannot have is written %2C (a comma), %2E (a
 * dot in front), %XX (control characters), and a per cent sign in front of such digits %25.
 * -ENAMETOOLONG. */
int mq_name_show(const char *name, char *shown, size_t size);

/* A number of /proc/sys/fs/mqueue; 0 where it cannot be read. */
uint64_t mq_limit(const char *name);
/* What RLIMIT_MSGQUEUE counts for a queue of these properties. */
uint64_t mq_bytes(const struct ipcfs_properties *p);

/* Gives up the mount and what was watched; all objects are closed. */
void mq_end(void);

/* Can they be listed? Not where the mqueue file system may not be mounted. */
bool mq_listed(void);

#endif
