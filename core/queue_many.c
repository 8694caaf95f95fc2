/* SPDX-License-Identifier: MIT
 *
 * queue_many.c - many messages in one operation: as many as there are, or as there is room for, with one commit.
 */
#include "queue.h"

#include <errno.h>
#include <limits.h>

int queue_put_many(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct queue_view v;
	uint64_t done = 0;
	int rc = queue_look(o, &v);

	if (rc == 0 && v.word & QUEUE_CLOSED)
		rc = -EPIPE;
	while (rc == 0 && done < op->count) {
		rc = queue_append(o, &v, &op->vec[done], 1);
		done += rc == 0;
	}
	if (done == 0)
		return rc;
	obj_change(o, IPCFS_C_READ, 1); /* each get wakes the next */
	op->number = queue_taken(o, &v) + v.ring.count - 1;
	STORE(o->control->word, queue_word(&v));
	op->count = done;
	return 0;
}

/* What was given back comes one by one. */
static int get_one_of_many(struct ipcfs_object *o, struct ipcfs_op *op, struct queue_view *v)
{
	struct ipcfs_op one = {.verb = IPCFS_V_GET,
			       .flags = op->flags,
			       .out = op->vec->iov_base,
			       .out_size = op->vec->iov_len};
	int rc = lease_get(o, &one, v);

	if (rc == 0) {
		op->vec->iov_len = one.out_len;
		op->count = 1;
	}
	return rc;
}

int queue_get_many(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct queue_view v;
	struct iovec from[2];
	uint64_t len, done = 0;
	int n, rc = queue_look(o, &v);

	if (rc < 0)
		return rc;
	if (v.word & QUEUE_CLAIMS)
		return get_one_of_many(o, op, &v);
	if (v.ring.count == 0)
		return v.word & QUEUE_CLOSED ? -ENODATA : -EAGAIN;
	while (rc == 0 && done < op->count && done < v.ring.count) {
		n = ring_message(o, &o->queue, v.ring.head + done, from, &len);
		if (n < 0)
			return n;
		if (len > op->vec[done].iov_len) {
			rc = -EMSGSIZE;
			break;
		}
		if (len)
			ring_copy_out(op->vec[done].iov_base, len, from, n);
		op->vec[done++].iov_len = len;
	}
	if (done == 0) {
		obj_wake(o, IPCFS_C_READ, 1);
		return rc;
	}
	obj_change(o, IPCFS_C_WRITE, INT_MAX);
	if (v.ring.count > done)
		obj_wake(o, IPCFS_C_READ, 1);
	op->count = done;
	queue_take(o, &v, (uint32_t)done);
	STORE(o->control->word, queue_word(&v));
	return 0;
}
