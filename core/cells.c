/* SPDX-License-Identifier: MIT
 *
 * cells.c - typed elements at byte 4096 of a .npy file, changed atomically. One element of at most 8
 * bytes is one store. More goes through the redo area, as large as the payload and with
 * memory only once it is used: new bytes there, where they belong, then one store commits, then they
 * are copied and the store is taken back. Who takes the lock over from the dead copies again.
 */
#include "cells.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

size_t ipcfs_type_size(char type)
{
	switch (type) {
	case '?':
	case 'b':
	case 'B':
	case 'c':
		return 1;
	case 'h':
	case 'H':
		return 2;
	case 'i':
	case 'I':
	case 'f':
	case 'u':
		return 4;
	case 'l':
	case 'L':
	case 'q':
	case 'Q':
	case 'd':
		return 8;
	default:
		return 0;
	}
}

bool cells_type_known(char type)
{
	return type == 's' || ipcfs_type_size(type) != 0;
}

static uint64_t page_up(uint64_t n)
{
	return (n + SEG_PAGE - 1) & ~(uint64_t)(SEG_PAGE - 1);
}

/* Label, payload, redo area, control block; the last three in one page where they fit. */
int cells_layout(struct ipcfs_object *o, char type, size_t element, uint64_t count, bool scalar)
{
	uint64_t bytes = element * count, room;

	if (element == 0 || count == 0 || count > IPCFS_ARRAY_BYTES_MAX / element)
		return -ERANGE;
	o->cells.type = type;
	o->cells.scalar = scalar;
	o->cells.element = element;
	o->cells.count = count;
	o->cells.bytes = bytes;
	o->cells.payload = SEG_PAGE;
	room = (bytes + 63) & ~(uint64_t)63;
	if (2 * room + SEG_CONTROL > SEG_PAGE)
		room = page_up(bytes); /* so that memory of the redo area is its own */
	o->cells.redo = SEG_PAGE + room;
	o->size = page_up(SEG_PAGE + 2 * room + SEG_CONTROL);
	return 0;
}

/* ---- the redo area ------------------------------------------------------------------ */

static void redo_apply(struct ipcfs_object *o)
{
	struct seg_control *control = o->control;
	uint64_t offset = LOAD(control->redo_offset), bytes = LOAD(control->redo_bytes);

	if (offset <= o->cells.bytes && bytes <= o->cells.bytes - offset)
		memcpy(o->base + o->cells.payload + offset, o->base + o->cells.redo + offset,
		       bytes);
	STORE(control->length, LOAD(control->redo_length));
	STORE(control->redo_on, 0);
}

void cells_repair(struct ipcfs_object *o)
{
	if (LOAD(o->control->redo_on))
		redo_apply(o);
}

/* Where [offset, offset + bytes) is prepared; has memory when this returns 0. */
static int redo_begin(struct ipcfs_object *o, uint64_t offset, uint64_t bytes, uint8_t **to)
{
	int rc = 0;

	if (o->cells.redo % SEG_PAGE == 0)
		rc = seg_reserve(o, o->cells.redo, o->cells.bytes, &o->control->reserved[0],
				 offset + bytes);
	*to = o->base + o->cells.redo + offset;
	return rc;
}

static int redo_commit(struct ipcfs_object *o, uint64_t offset, uint64_t bytes, uint64_t length)
{
	struct seg_control *control = o->control;

	STORE(control->redo_offset, offset);
	STORE(control->redo_bytes, bytes);
	STORE(control->redo_length, length);
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	STORE(control->redo_on, 1); /* the commit */
	redo_apply(o);
	return 0;
}

/* One aligned store of 1, 2, 4 or 8 bytes. */
static int store_one(struct ipcfs_object *o, uint64_t at, const void *from)
{
	void *to = o->base + o->cells.payload + at;
	uint64_t v = 0;

	memcpy(&v, from, o->cells.element);
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	switch (o->cells.element) {
	case 1:
		__atomic_store_n((uint8_t *)to, (uint8_t)v, __ATOMIC_RELEASE);
		break;
	case 2:
		__atomic_store_n((uint16_t *)to, (uint16_t)v, __ATOMIC_RELEASE);
		break;
	case 4:
		__atomic_store_n((uint32_t *)to, (uint32_t)v, __ATOMIC_RELEASE);
		break;
	default:
		__atomic_store_n((uint64_t *)to, v, __ATOMIC_RELEASE);
	}
	return 0;
}

/* ---- operations --------------------------------------------------------------------- */

static int in_range(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	if (op->count == 0)
		return -EINVAL;
	return op->first < o->cells.count && op->count <= o->cells.count - op->first ? 0 : -ERANGE;
}

static int read_string(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t length = LOAD(o->control->length);

	if (length > o->cells.bytes)
		return -EUCLEAN;
	op->out_len = length;
	if (op->out_size)
		memcpy(op->out, o->base + o->cells.payload,
		       length < op->out_size ? length : op->out_size);
	return 0;
}

static int read_cells(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t bytes = op->count * o->cells.element;

	if (o->cells.scalar && o->cells.type == 's')
		return read_string(o, op);
	op->out_len = bytes;
	if (o->cells.scalar && bytes > op->out_size)
		bytes = op->out_size;
	if (bytes > op->out_size)
		return -EMSGSIZE;
	if (bytes)
		memcpy(op->out, o->base + o->cells.payload + op->first * o->cells.element, bytes);
	return 0;
}

static int write_string(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint8_t *to;
	int rc;

	if (op->in_len > o->cells.bytes)
		return -ERANGE;
	rc = redo_begin(o, 0, o->cells.bytes, &to);
	if (rc < 0)
		return rc;
	if (op->in_len)
		memcpy(to, op->in, op->in_len);
	memset(to + op->in_len, 0, o->cells.bytes - op->in_len);
	return redo_commit(o, 0, o->cells.bytes, op->in_len);
}

static int write_cells(struct ipcfs_object *o, struct ipcfs_op *op)
{
	size_t element = o->cells.element;
	uint64_t at = op->first * element, bytes = op->count * element;
	bool fill = op->flags & IPCFS_OP_FILL;
	uint8_t *to;
	int rc;

	if (o->cells.scalar && o->cells.type == 's')
		return write_string(o, op);
	if (op->in_len != (fill ? element : bytes))
		return -EINVAL;
	if (op->count == 1 && element <= 8)
		return store_one(o, at, op->in);
	rc = redo_begin(o, at, bytes, &to);
	if (rc < 0)
		return rc;
	for (uint64_t i = 0; fill && i < op->count; i++)
		memcpy(to + i * element, op->in, element);
	if (!fill)
		memcpy(to, op->in, bytes);
	return redo_commit(o, at, bytes, 0);
}

/* Bytes of the payload at any place, within its end: what `raw` writes. in_len is their number, first the
 * offset. */
static int write_raw(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint8_t *to;
	uint64_t length = LOAD(o->control->length), end;
	int rc;

	if (op->first > o->cells.bytes || op->in_len > o->cells.bytes - op->first)
		return -ERANGE;
	end = op->first + op->in_len;
	rc = redo_begin(o, op->first, op->in_len, &to);
	if (rc < 0)
		return rc;
	memcpy(to, op->in, op->in_len);
	return redo_commit(o, op->first, op->in_len, length > end ? length : end);
}

static int arith_one(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t i, void *out)
{
	const uint8_t *from = o->base + o->cells.payload + (op->first + i) * o->cells.element;
	uint64_t copy = 0;
	union ipcfs_number n;
	int rc;

	memcpy(&copy, from, o->cells.element);
	ipcfs_number_get(o->cells.type, &copy, &n);
	rc = ipcfs_number_op(o->cells.type, op->arith, n, op->operand, &op->result);
	return rc < 0 ? rc : ipcfs_number_put(o->cells.type, op->result, out);
}

static int arith(struct ipcfs_object *o, struct ipcfs_op *op)
{
	size_t element = o->cells.element;
	uint64_t one = 0, at = op->first * element;
	uint8_t *to;
	int rc;

	if (strchr("cus", o->cells.type))
		return -EINVAL;
	if (op->count == 1) {
		rc = arith_one(o, op, 0, &one);
		return rc < 0 ? rc : store_one(o, at, &one);
	}
	rc = redo_begin(o, at, op->count * element, &to);
	for (uint64_t i = 0; rc == 0 && i < op->count; i++)
		rc = arith_one(o, op, i, to + i * element);
	return rc < 0 ? rc : redo_commit(o, at, op->count * element, 0);
}

static int dispatch(struct ipcfs_object *o, struct ipcfs_op *op)
{
	switch (op->verb) {
	case IPCFS_V_READ:
		return read_cells(o, op);
	case IPCFS_V_WRITE:
		return write_cells(o, op);
	case IPCFS_V_WRITE_RAW:
		return write_raw(o, op);
	case IPCFS_V_READ_RAW:
		if (op->first > o->cells.bytes || op->out_size > o->cells.bytes - op->first)
			return -ERANGE;
		memcpy(op->out, o->base + o->cells.payload + op->first, op->out_size);
		op->out_len = op->out_size;
		return 0;
	case IPCFS_V_ARITH:
		return arith(o, op);
	default:
		return -EINVAL;
	}
}

int cells_try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	bool raw = op->verb == IPCFS_V_WRITE_RAW || op->verb == IPCFS_V_READ_RAW;
	struct ipcfs_op back = {.verb = IPCFS_V_READ,
				.first = op->back_first,
				.count = op->back_count,
				.out = op->out,
				.out_size = op->out_size};
	int rc = raw ? 0 : in_range(o, op);

	if (rc == 0 && back.count)
		rc = in_range(o, &back);
	if (rc == 0)
		rc = dispatch(o, op);
	if (rc == 0 && back.count && read_cells(o, &back) == 0)
		op->out_len = back.out_len;
	return rc;
}

unsigned cells_ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	(void)o;
	(void)op;
	return 1u << IPCFS_C_READ | 1u << IPCFS_C_WRITE;
}

void cells_stat(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	st->bytes = o->cells.bytes;
}

void *ipcfs_cells(struct ipcfs_object *value_or_array)
{
	return value_or_array->ops->npy ? value_or_array->base + value_or_array->cells.payload :
					  NULL;
}
