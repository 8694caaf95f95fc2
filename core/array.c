/* SPDX-License-Identifier: MIT
 *
 * array.c - typed elements: a .npy file with a 1-dimensional array.
 */
#include "cells.h"

#include <errno.h>

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	if (!(p->given & IPCFS_P_TYPE) || !cells_type_known(p->type) || !(p->given & IPCFS_P_LEN))
		return -EINVAL;
	out[SHAPE_TYPE] = (unsigned char)p->type;
	out[SHAPE_LEN] = p->len;
	return p->len == 0 || p->len > IPCFS_ARRAY_BYTES_MAX ? -ERANGE : 0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_TYPE | IPCFS_P_LEN;
	p->type = (char)in[SHAPE_TYPE];
	p->len = in[SHAPE_LEN];
}

static int layout(struct ipcfs_object *o)
{
	char type = (char)o->shape[SHAPE_TYPE];

	if (o->shape[SHAPE_TYPE] > 127 || !cells_type_known(type))
		return -EUCLEAN;
	return cells_layout(o, type, type == 's' ? IPCFS_STRING_DEFAULT : ipcfs_type_size(type),
			    o->shape[SHAPE_LEN], false);
}

const struct ipcfs_kind_ops ipcfs_array_ops = {
	.name = "arrays",
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
	if (o->kind != IPCFS_ARRAY)
		return -EINVAL;
	if (op->first >= o->cells.count || op->count > o->cells.count - op->first)
		return -ERANGE;
	op->in_len = op->count * o->cells.element;
	return obj_run(o, op, 0);
}

ssize_t ipcfs_array_get(struct ipcfs_object *array, uint64_t first, uint64_t count, void *buf,
			size_t size, uint64_t *changes)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_READ, .first = first, .count = count, .out = buf, .out_size = size};
	int rc = run(array, &op);

	if (rc < 0)
		return rc;
	if (changes)
		*changes = op.changes;
	return (ssize_t)op.out_len;
}

int ipcfs_array_set(struct ipcfs_object *array, uint64_t first, uint64_t count, const void *buf)
{
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE, .first = first, .count = count, .in = buf};

	return run(array, &op);
}

int ipcfs_array_cas(struct ipcfs_object *array, uint64_t first, uint64_t count, const void *buf,
		    uint64_t *changes)
{
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE,
			      .flags = IPCFS_OP_CAS,
			      .first = first,
			      .count = count,
			      .in = buf,
			      .changes = *changes};
	int rc = run(array, &op);

	if (rc == 0)
		*changes = op.changes;
	return rc;
}

int ipcfs_array_op(struct ipcfs_object *array, uint64_t first, uint64_t count, enum ipcfs_arith op,
		   union ipcfs_number operand)
{
	struct ipcfs_op arith = {.verb = IPCFS_V_ARITH,
				 .first = first,
				 .count = count,
				 .arith = op,
				 .operand = operand};

	return run(array, &arith);
}
