/* SPDX-License-Identifier: MIT
 *
 * pipe_calls.c - the library's calls on pipes: each fills an operation and runs it.
 */
#include "object.h"

#include <errno.h>

static int run(struct ipcfs_object *o, struct ipcfs_op *op, enum ipcfs_end end, int64_t deadline_ns)
{
	op->first = end;
	return o->kind == IPCFS_PIPE ? obj_run(o, op, deadline_ns) : -EINVAL;
}

int ipcfs_pipe_open(struct ipcfs_object *pipe, enum ipcfs_end end)
{
	struct ipcfs_op op = {.verb = IPCFS_V_OPEN};

	return run(pipe, &op, end, 0);
}

int ipcfs_pipe_close(struct ipcfs_object *pipe, enum ipcfs_end end)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLOSE};

	return run(pipe, &op, end, 0);
}

int ipcfs_pipe_put(struct ipcfs_object *pipe, enum ipcfs_end end, const void *msg, size_t len,
		   int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .in = msg, .in_len = len};

	return run(pipe, &op, end, deadline_ns);
}

ssize_t ipcfs_pipe_get(struct ipcfs_object *pipe, enum ipcfs_end end, void *buf, size_t size,
		       int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET, .out = buf, .out_size = size};
	int rc = run(pipe, &op, end, deadline_ns);

	return rc < 0 ? rc : (ssize_t)op.out_len;
}

int ipcfs_pipe_poll(struct ipcfs_object *pipe, enum ipcfs_end end, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET, .flags = IPCFS_OP_DRY};
	int rc = run(pipe, &op, end, deadline_ns);

	return rc == -ENODATA ? 0 : rc;
}

ssize_t ipcfs_pipe_clear(struct ipcfs_object *pipe, enum ipcfs_end end)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLEAR};
	int rc = run(pipe, &op, end, 0);

	return rc < 0 ? rc : (ssize_t)op.count;
}
