/* SPDX-License-Identifier: MIT
 *
 * value.c - one typed element: a .npy file with a 0-dimensional array.
 */
#include "cells.h"

#include <errno.h>

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	if (!(p->given & IPCFS_P_TYPE) || !cells_type_known(p->type))
		return -EINVAL;
	out[SHAPE_TYPE] = (unsigned char)p->type;
	out[SHAPE_LEN] = 1;
	if (p->given & IPCFS_P_LEN && p->type != 's')
		return -EINVAL;
	if (p->type == 's')
		out[SHAPE_LEN] = p->given & IPCFS_P_LEN ? p->len : IPCFS_STRING_DEFAULT;
	return out[SHAPE_LEN] == 0 || out[SHAPE_LEN] > IPCFS_STRING_MAX ? -ERANGE : 0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_TYPE | (in[SHAPE_TYPE] == 's' ? IPCFS_P_LEN : 0);
	p->type = (char)in[SHAPE_TYPE];
	p->len = in[SHAPE_LEN];
}

static int layout(struct ipcfs_object *o)
{
	char type = (char)o->shape[SHAPE_TYPE];

	if (o->shape[SHAPE_TYPE] > 127 || !cells_type_known(type) ||
	    o->shape[SHAPE_LEN] > IPCFS_STRING_MAX)
		return -EUCLEAN;
	return cells_layout(o, type, type == 's' ? o->shape[SHAPE_LEN] : ipcfs_type_size(type), 1,
			    true);
}

const struct ipcfs_kind_ops ipcfs_value_ops = {
	.name = "values",
	.properties = IPCFS_P_TYPE | IPCFS_P_LEN,
	.npy = true,
	.shape = shape,
	.properties_of = properties_of,
	.layout = layout,
	.repair = cells_repair,
	.try = cells_try,
	.ready = cells_ready,
	.stat = cells_stat,
};

static int run(struct ipcfs_object *o, struct ipcfs_op *op)
{
	op->count = 1;
	return o->kind == IPCFS_VALUE ? obj_run(o, op, 0) : -EINVAL;
}

ssize_t ipcfs_value_get(struct ipcfs_object *value, void *buf, size_t size, uint64_t *changes)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READ, .out = buf, .out_size = size};
	int rc = run(value, &op);

	if (rc < 0)
		return rc;
	if (changes)
		*changes = op.changes;
	return (ssize_t)op.out_len;
}

int ipcfs_value_set(struct ipcfs_object *value, const void *buf, size_t len)
{
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE, .in = buf, .in_len = len};

	return run(value, &op);
}

int ipcfs_value_cas(struct ipcfs_object *value, const void *buf, size_t len, uint64_t *changes)
{
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE,
			      .flags = IPCFS_OP_CAS,
			      .in = buf,
			      .in_len = len,
			      .changes = *changes};
	int rc = run(value, &op);

	if (rc == 0)
		*changes = op.changes;
	return rc;
}

int ipcfs_value_op(struct ipcfs_object *value, enum ipcfs_arith op, union ipcfs_number operand,
		   union ipcfs_number *result)
{
	struct ipcfs_op arith = {.verb = IPCFS_V_ARITH, .arith = op, .operand = operand};
	int rc = run(value, &arith);

	if (rc == 0 && result)
		*result = arith.result;
	return rc;
}
