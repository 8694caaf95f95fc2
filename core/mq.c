/* SPDX-License-Identifier: MIT
 *
 * mq.c - the kind `mq`: the POSIX message queues of the system. The kernel holds them, nothing is copied: an
 * object here is a descriptor, an operation mq_send or mq_receive without waiting (mq_messages.c). Changes come through
 * an epoll of its own, edge-triggered: one event for each message that came or went.
 */
#include "mq.h"
#include "object.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVENTS = 64 };

static struct {
	int epoll; /* all descriptors that anybody waits on */
	void (*changed)(void *arg, uint64_t id);
	void *arg;
} mq = {.epoll = -1};

/* ---- limits ------------------------------------------------------------------------------------ */

uint64_t mq_limit(const char *name)
{
	unsigned long long value = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/fs/mqueue/%s", name);
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu", &value) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

/* As the kernel counts it (man 2 setrlimit): messages, and a head and a node of a tree for each. */
uint64_t mq_bytes(const struct ipcfs_properties *p)
{
	enum { HEAD = 48, NODE = 48 };
	uint64_t maxmsg = p->given & IPCFS_P_MAXMSG ? p->maxmsg : MQ_MAXMSG_DEFAULT;
	uint64_t msgsize = p->given & IPCFS_P_MSGSIZE ? p->msgsize : MQ_MSGSIZE_DEFAULT;

	return maxmsg * (msgsize + HEAD) + (maxmsg < 32768 ? maxmsg : 32768) * NODE;
}

static int count_name(void *arg, const char *name, bool is_folder)
{
	(void)name;
	(void)is_folder;
	(*(uint64_t *)arg)++;
	return 0;
}

/* What the kernel would tell the user whom we act for, but not root. */
static int check_limits(const struct ipcfs_maker *maker, const struct mq_attr *attr)
{
	uint64_t queues = 0;

	if (maker->uid == 0 || geteuid() != 0)
		return 0;
	if ((uint64_t)attr->mq_maxmsg > mq_limit("msg_max") ||
	    (uint64_t)attr->mq_msgsize > mq_limit("msgsize_max"))
		return -EINVAL;
	mq_list(NULL, IPCFS_MQ, NULL, count_name, &queues);
	return queues >= mq_limit("queues_max") ? -ENOSPC : 0;
}

/* ---- objects ----------------------------------------------------------------------------------- */

/* For both ways if we may; who may only read or write a queue can still do that. */
int mq_open_existing(const char *name)
{
	static const int ways[] = {O_RDWR, O_RDONLY, O_WRONLY};
	int fd = -EACCES;

	for (int i = 0; i < 3 && fd == -EACCES; i++)
		fd = sys_mq_open(name, ways[i] | O_NONBLOCK, 0, NULL);
	return fd;
}

static int create(const char *name, const struct ipcfs_maker *maker,
		  const struct ipcfs_properties *p)
{
	struct mq_attr attr = {
		.mq_maxmsg = (long)(p && p->given & IPCFS_P_MAXMSG ? p->maxmsg : MQ_MAXMSG_DEFAULT),
		.mq_msgsize = (long)(p && p->given & IPCFS_P_MSGSIZE ? p->msgsize :
								       MQ_MSGSIZE_DEFAULT)};
	int fd = check_limits(maker, &attr);

	if (fd == 0)
		fd = sys_mq_open(name, O_RDWR | O_NONBLOCK | O_CREAT | O_EXCL, 0, &attr);
	int rc = fd < 0 ? fd : sys_owner(fd, maker->uid, maker->gid, maker->mode & 0777);

	if (fd >= 0 && rc < 0) {
		sys_close(fd);
		sys_mq_unlink(name);
	}
	return rc < 0 ? rc : fd;
}

static int attach(struct ipcfs_store *store, int fd, const struct ipcfs_properties *p,
		  struct ipcfs_object **out)
{
	struct ipcfs_object *o = calloc(1, sizeof(*o));
	struct mq_attr attr;
	struct stat st;
	int rc = o ? sys_mq_attr(fd, &attr) : -ENOMEM;

	if (rc == 0)
		rc = sys_fstat(fd, &st);
	if (rc == 0 && p &&
	    ((p->given & IPCFS_P_MAXMSG && p->maxmsg != (uint64_t)attr.mq_maxmsg) ||
	     (p->given & IPCFS_P_MSGSIZE && p->msgsize != (uint64_t)attr.mq_msgsize)))
		rc = -EEXIST;
	if (rc != 0) {
		free(o);
		return rc;
	}
	o->kind = IPCFS_MQ;
	o->store = store;
	o->id = st.st_ino;
	o->owner = st.st_uid;
	o->mq.fd = fd;
	o->mq.maxmsg = (uint64_t)attr.mq_maxmsg;
	o->mq.msgsize = (uint64_t)attr.mq_msgsize;
	*out = o;
	return 0;
}

static int open_object(struct ipcfs_store *store, enum ipcfs_kind kind, const char *shown,
		       int flags, const struct ipcfs_maker *maker, const struct ipcfs_properties *p,
		       struct ipcfs_object **object)
{
	char name[MQ_NAME_SIZE];
	int fd, rc = mq_name_real(shown, name);
	bool made = false;

	(void)kind;
	if (rc < 0)
		return rc;
	fd = flags & IPCFS_EXCL ? -ENOENT : mq_open_existing(name);
	if (fd == -ENOENT && flags & IPCFS_CREATE) {
		fd = create(name, maker, p);
		made = fd >= 0;
	}
	if (fd < 0)
		return fd;
	rc = attach(store, fd, p, object);
	if (rc == 0 && made && maker->mode & S_ISVTX)
		rc = mq_mark(store, shown, (*object)->id);
	if (rc < 0) {
		sys_close(fd);
		if (made)
			sys_mq_unlink(name);
	}
	return rc;
}

static void close_object(struct ipcfs_object *o)
{
	sys_close(o->mq.fd); /* also leaves the epoll */
	free(o->mq.kept);
	free(o);
}

int mq_remove(struct ipcfs_store *store, enum ipcfs_kind kind, const char *shown)
{
	char name[MQ_NAME_SIZE];
	int rc = mq_name_real(shown, name);

	(void)kind;
	if (rc == 0)
		rc = sys_mq_unlink(name);
	if (rc == 0)
		mq_unmark(store, shown);
	return rc;
}

static int no_holders(struct ipcfs_object *o,
		      int (*each)(void *arg, const struct ipcfs_holding *holding), void *arg)
{
	(void)o;
	(void)each;
	(void)arg;
	return 0;
}

/* ---- being told -------------------------------------------------------------------------------- */

static int watch(struct ipcfs_store *store, void (*changed)(void *arg, uint64_t id), void *arg)
{
	mq_remove_temp(store);
	mq.changed = changed;
	mq.arg = arg;
	mq.epoll = sys_epoll();
	return mq.epoll;
}

/* Somebody will wait: from now on each message that comes or goes is told. Also what is so already. */
int mq_arm(struct ipcfs_object *o)
{
	int rc;

	if (o->mq.armed || mq.epoll < 0)
		return 0;
	rc = sys_epoll_add(mq.epoll, o->mq.fd, EPOLLIN | EPOLLOUT | EPOLLET, o);
	o->mq.armed = rc == 0;
	return rc;
}

static void dispatch(struct ipcfs_store *store)
{
	struct epoll_event events[EVENTS];
	int n = sys_epoll_look(mq.epoll, events, EVENTS);

	(void)store;
	for (int i = 0; i < n; i++) {
		struct ipcfs_object *o = events[i].data.ptr;

		o->mq.told += 2;
		mq.changed(mq.arg, o->id);
	}
}

void mq_end(void)
{
	mq_unmount();
	sys_close(mq.epoll);
	mq.epoll = -1;
}

/* ---- the engine -------------------------------------------------------------------------------- */

/* Not a segment: what there is to know of the kind without an object. */
const struct ipcfs_kind_ops ipcfs_mq_ops = {
	.name = "mq",
	.properties = IPCFS_P_MAXMSG | IPCFS_P_MSGSIZE,
	.taking = true,
};

const struct ipcfs_engine ipcfs_engine_mq = {
	.name = "mq",
	.open = open_object,
	.close = close_object,
	.remove = mq_remove,
	.list = mq_list,
	.stat = mq_stat,
	.holders = no_holders,
	.try = mq_try,
	.watch = watch,
	.dispatch = dispatch,
	.lookup = mq_lookup,
	.file = mq_file,
};
