/* SPDX-License-Identifier: MIT
 *
 * mq_messages.c - what is done with a POSIX message queue that is open: messages, and looks at it.
 */
#include "mq.h"
#include "object.h"
#include "sys.h"

#include <errno.h>
#include <mqueue.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int send(struct ipcfs_object *o, const void *bytes, size_t len, unsigned prio)
{
	return len > o->mq.msgsize ? -EMSGSIZE : sys_mq_send(o->mq.fd, bytes, len, prio);
}

static int put(struct ipcfs_object *o, struct ipcfs_op *op)
{
	return send(o, op->in, op->in_len, (unsigned)op->first);
}

/* Taken before it could be given: POSIX has no other way. If it cannot be given it goes back, behind those of
 * its priority; where there is no room for it any more it is the next that is given here. */
static void give_back(struct ipcfs_object *o, char *bytes, size_t len, unsigned prio)
{
	if (send(o, bytes, len, prio) == 0) {
		free(bytes);
		return;
	}
	free(o->mq.kept);
	o->mq.kept = bytes;
	o->mq.kept_len = len;
	o->mq.kept_prio = prio;
}

static int receive(struct ipcfs_object *o, char **bytes, size_t *len, unsigned *prio)
{
	int n;

	if (o->mq.kept) {
		*bytes = o->mq.kept;
		*len = o->mq.kept_len;
		*prio = o->mq.kept_prio;
		o->mq.kept = NULL;
		return 0;
	}
	*bytes = malloc(o->mq.msgsize);
	if (!*bytes)
		return -ENOMEM;
	n = (int)sys_mq_receive(o->mq.fd, *bytes, o->mq.msgsize, prio);
	if (n < 0) {
		free(*bytes);
		return n;
	}
	*len = (size_t)n;
	return 0;
}

static int get(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct iovec piece;
	char *bytes = NULL;
	unsigned prio = 0;
	size_t len = 0;
	int rc = receive(o, &bytes, &len, &prio);

	if (rc < 0)
		return rc;
	piece = (struct iovec){bytes, len};
	rc = op->sink(op->sink_arg, &piece, 1);
	if (rc < 0) {
		give_back(o, bytes, len, prio);
		return rc;
	}
	free(bytes);
	return 0;
}

static int look(struct ipcfs_object *o, struct ipcfs_op *op)
{
	short events = sys_poll(o->mq.fd, POLLIN | POLLOUT);
	unsigned ready = (events & POLLIN || o->mq.kept ? 1u << IPCFS_C_READ : 0) |
			 (events & POLLOUT ? 1u << IPCFS_C_WRITE : 0);

	op->count &= ready;
	op->changes = o->mq.told;
	return 0;
}

static bool unlinked(struct ipcfs_object *o)
{
	struct stat st;

	return sys_fstat(o->mq.fd, &st) == 0 && st.st_nlink == 0;
}

/* A change is another number of messages than at the last look. */
static int refresh(struct ipcfs_object *o, struct mq_attr *attr)
{
	int rc = sys_mq_attr(o->mq.fd, attr);

	if (rc == 0 && o->mq.count != attr->mq_curmsgs) {
		o->mq.count = attr->mq_curmsgs;
		o->mq.changes++;
	}
	return rc;
}

static int dispatch_verb(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct mq_attr attr;

	switch (op->verb) {
	case IPCFS_V_PUT:
		return put(o, op);
	case IPCFS_V_GET:
		return get(o, op);
	case IPCFS_V_READY:
		return look(o, op);
	case IPCFS_V_CHANGED:
		refresh(o, &attr);
		if (o->mq.changes == op->changes)
			return -EAGAIN;
		op->changes = o->mq.changes;
		return 0;
	default:
		return -EINVAL;
	}
}

int mq_try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	int rc;

	if (op->flags & IPCFS_OP_PARK) { /* before the look: what comes after it is told */
		rc = mq_arm(o);
		if (rc < 0)
			return rc;
	}
	rc = dispatch_verb(o, op);
	return rc == -EAGAIN && unlinked(o) ? -EIDRM : rc;
}

int mq_stat(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	struct mq_attr attr;
	int rc = refresh(o, &attr);

	memset(st, 0, sizeof(*st));
	st->kind = IPCFS_MQ;
	st->id = o->id;
	st->properties.given = IPCFS_P_MAXMSG | IPCFS_P_MSGSIZE;
	st->properties.maxmsg = o->mq.maxmsg;
	st->properties.msgsize = o->mq.msgsize;
	st->changes = o->mq.changes;
	st->messages = rc == 0 ? (uint64_t)attr.mq_curmsgs + (o->mq.kept != NULL) : 0;
	return rc;
}
