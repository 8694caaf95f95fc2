/* SPDX-License-Identifier: MIT
 *
 * queue_calls.c - the library's calls on queues: each fills an operation and runs it.
 */
#include "queue.h"

#include <errno.h>

static int run(struct ipcfs_object *o, struct ipcfs_op *op, int64_t deadline_ns)
{
	return o->kind == IPCFS_QUEUE ? obj_run(o, op, deadline_ns) : -EINVAL;
}

int ipcfs_queue_put(struct ipcfs_object *queue, const void *msg, size_t len, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .in = msg, .in_len = len};

	return run(queue, &op, deadline_ns);
}

ssize_t ipcfs_queue_get(struct ipcfs_object *queue, void *buf, size_t size, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET, .out = buf, .out_size = size};
	int rc = run(queue, &op, deadline_ns);

	return rc < 0 ? rc : (ssize_t)op.out_len;
}

ssize_t ipcfs_queue_peek(struct ipcfs_object *queue, void *buf, size_t size)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PEEK, .out = buf, .out_size = size};
	int rc = run(queue, &op, 0);

	return rc < 0 ? rc : (ssize_t)op.out_len;
}

int ipcfs_queue_put_many(struct ipcfs_object *queue, const struct iovec *msgs, unsigned count,
			 int64_t deadline_ns)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_PUT_MANY, .vec = (struct iovec *)(uintptr_t)msgs, .count = count};
	int rc = count && count <= IPCFS_BATCH_MAX ? run(queue, &op, deadline_ns) : -EINVAL;

	return rc < 0 ? rc : (int)op.count;
}

int ipcfs_queue_get_many(struct ipcfs_object *queue, struct iovec *bufs, unsigned count,
			 int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET_MANY, .vec = bufs, .count = count};
	int rc = count && count <= IPCFS_BATCH_MAX ? run(queue, &op, deadline_ns) : -EINVAL;

	return rc < 0 ? rc : (int)op.count;
}

ssize_t ipcfs_queue_clear(struct ipcfs_object *queue)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLEAR};
	int rc = run(queue, &op, 0);

	return rc < 0 ? rc : (ssize_t)op.count;
}

ssize_t ipcfs_queue_lease(struct ipcfs_object *queue, void *buf, size_t size, int64_t deadline_ns,
			  struct ipcfs_lease *lease)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_GET, .flags = IPCFS_OP_LEASE, .out = buf, .out_size = size};
	int rc = run(queue, &op, deadline_ns);

	if (rc < 0)
		return rc;
	*lease = (struct ipcfs_lease){.id = op.token, .attempt = op.attempt, .number = op.number};
	return (ssize_t)op.out_len;
}

int ipcfs_queue_settle(struct ipcfs_object *queue, uint64_t lease)
{
	struct ipcfs_op op = {.verb = IPCFS_V_SETTLE, .token = lease};

	return run(queue, &op, 0);
}

int ipcfs_queue_return(struct ipcfs_object *queue, uint64_t lease)
{
	struct ipcfs_op op = {.verb = IPCFS_V_BACK, .token = lease};

	return run(queue, &op, 0);
}

int ipcfs_queue_done(struct ipcfs_object *queue, uint64_t count)
{
	struct ipcfs_op op = {.verb = IPCFS_V_DONE, .count = count};

	return run(queue, &op, 0);
}

int ipcfs_queue_join(struct ipcfs_object *queue, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_JOIN};

	return run(queue, &op, deadline_ns);
}

int ipcfs_queue_close(struct ipcfs_object *queue)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLOSE};

	return run(queue, &op, 0);
}
