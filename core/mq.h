/* SPDX-License-Identifier: MIT
 *
 * mq.h - POSIX message queues: what a server asks of the engine beside its table, and what its files share: mq.c has the
 * objects, mq_messages.c what is done with them, mq_names.c their names, mq_temp.c those that are `temp`.
 */
#ifndef IPCFS_MQ_H
#define IPCFS_MQ_H

#include "engine.h"

#include <limits.h>

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

/* ---- mq.c ---- */
/* For both ways if we may; who may only read or write a queue can still do that. A descriptor. */
int mq_open_existing(const char *name);
int mq_remove(struct ipcfs_store *store, enum ipcfs_kind kind, const char *shown);
/* Somebody will wait: from now on each message that comes or goes is told. Also what is so already. */
int mq_arm(struct ipcfs_object *o);

/* ---- mq_messages.c ---- */
int mq_try(struct ipcfs_object *o, struct ipcfs_op *op);
int mq_stat(struct ipcfs_object *o, struct ipcfs_stat *st);

/* ---- mq_names.c ---- */
enum { MQ_NAME_SIZE = NAME_MAX + 2 };
/* What mq_open calls it, with its slash. -EINVAL, -ENAMETOOLONG. */
int mq_name_real(const char *shown, char name[MQ_NAME_SIZE]);
/* A descriptor of the queue's file, for its attributes; they. -ENOENT. */
int mq_file(const char *shown, struct stat *st);
/* As the mount shows it. */
int mq_lookup(struct ipcfs_store *store, const char *shown, struct stat *st);
int mq_list(struct ipcfs_store *store, enum ipcfs_kind kind, const char *folder,
	    int (*each)(void *arg, const char *name, bool is_folder), void *arg);
void mq_unmount(void);

/* ---- mq_temp.c ---- */
/* The queue of that inode number is temp. */
int mq_mark(struct ipcfs_store *store, const char *shown, uint64_t ino);
void mq_unmark(struct ipcfs_store *store, const char *shown);
/* The inode number that is marked; 0: there is none. */
uint64_t mq_marked(struct ipcfs_store *store, const char *shown);
/* Those whose handles went with a killed server. */
void mq_remove_temp(struct ipcfs_store *store);

#endif
