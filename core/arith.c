/* SPDX-License-Identifier: MIT
 *
 * arith.c - the types of elements, their widest forms (union ipcfs_number) and arithmetic on those,
 * checked against the type's bounds.
 */
#include "forms.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* ---- types -------------------------------------------------------------------- */

static const struct text_type types[] = {
	{'?', 1, FORM_BOOL},
	{'b', sizeof(signed char), FORM_SIGNED},
	{'B', sizeof(unsigned char), FORM_UNSIGNED},
	{'h', sizeof(short), FORM_SIGNED},
	{'H', sizeof(unsigned short), FORM_UNSIGNED},
	{'i', sizeof(int), FORM_SIGNED},
	{'I', sizeof(unsigned int), FORM_UNSIGNED},
	{'l', sizeof(long), FORM_SIGNED},
	{'L', sizeof(unsigned long), FORM_UNSIGNED},
	{'q', sizeof(long long), FORM_SIGNED},
	{'Q', sizeof(unsigned long long), FORM_UNSIGNED},
	{'f', sizeof(float), FORM_FLOAT},
	{'d', sizeof(double), FORM_FLOAT},
	{'c', 1, FORM_BYTE},
	{'u', sizeof(uint32_t), FORM_CHARACTER},
};

/* NULL for s and for codes that do not exist. */
const struct text_type *text_type(char code)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].code == code)
			return &types[i];
	return NULL;
}

/* ---- widest forms --------------------------------------------------------------- */

/* One number in the machine's format. It may lie at any address. */
union cell {
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;
	float f;
	double d;
};

uint64_t text_load(const void *in, size_t size)
{
	union cell cell;

	memcpy(&cell, in, size);
	switch (size) {
	case 1:
		return cell.v8;
	case 2:
		return cell.v16;
	case 4:
		return cell.v32;
	default:
		return cell.v64;
	}
}

void text_store(uint64_t v, size_t size, void *out)
{
	union cell cell;

	switch (size) {
	case 1:
		cell.v8 = (uint8_t)v;
		break;
	case 2:
		cell.v16 = (uint16_t)v;
		break;
	case 4:
		cell.v32 = (uint32_t)v;
		break;
	default:
		cell.v64 = v;
	}
	memcpy(out, &cell, size);
}

static int64_t load_signed(const void *in, size_t size)
{
	uint64_t sign = UINT64_C(1) << (8 * size - 1);

	return (int64_t)((text_load(in, size) ^ sign) - sign);
}

static double load_float(const void *in, size_t size)
{
	union cell cell;

	memcpy(&cell, in, size);
	return size == sizeof(float) ? cell.f : cell.d;
}

static void store_float(double v, size_t size, void *out)
{
	union cell cell;

	if (size == sizeof(float))
		cell.f = (float)v;
	else
		cell.d = v;
	memcpy(out, &cell, size);
}

static bool fits(const struct text_type *t, union ipcfs_number n)
{
	int64_t top = INT64_MAX >> (64 - 8 * t->size);

	switch (t->form) {
	case FORM_BOOL:
		return n.i == 0 || n.i == 1;
	case FORM_SIGNED:
		return n.i <= top && n.i >= -top - 1;
	case FORM_UNSIGNED:
		return n.u <= UINT64_MAX >> (64 - 8 * t->size);
	case FORM_FLOAT:
		return t->size == sizeof(double) || !isfinite(n.f) || isfinite((float)n.f);
	default:
		return false;
	}
}

void ipcfs_number_get(char type, const void *in, union ipcfs_number *n)
{
	const struct text_type *t = text_type(type);

	n->u = 0;
	if (t == NULL)
		return;
	if (t->form == FORM_BOOL)
		n->i = text_load(in, t->size) != 0;
	else if (t->form == FORM_SIGNED)
		n->i = load_signed(in, t->size);
	else if (t->form == FORM_UNSIGNED)
		n->u = text_load(in, t->size);
	else if (t->form == FORM_FLOAT)
		n->f = load_float(in, t->size);
}

int ipcfs_number_put(char type, union ipcfs_number n, void *out)
{
	const struct text_type *t = text_type(type);

	if (t == NULL || t->form == FORM_BYTE || t->form == FORM_CHARACTER)
		return -EINVAL;
	if (!fits(t, n))
		return -ERANGE;
	if (t->form == FORM_FLOAT)
		store_float(n.f, t->size, out);
	else
		text_store(t->form == FORM_UNSIGNED ? n.u : (uint64_t)n.i, t->size, out);
	return 0;
}

/* ---- arithmetic ---------------------------------------------------------------- */

/* On two's complement the same for signed and unsigned. */
static int op_bits(enum ipcfs_arith op, uint64_t a, uint64_t b, uint64_t *out)
{
	if (op == IPCFS_AND)
		*out = a & b;
	else if (op == IPCFS_OR)
		*out = a | b;
	else if (op == IPCFS_XOR)
		*out = a ^ b;
	else
		return -EINVAL;
	return 0;
}

static int op_signed(enum ipcfs_arith op, int64_t a, int64_t b, union ipcfs_number *out)
{
	switch (op) {
	case IPCFS_ADD:
		return __builtin_add_overflow(a, b, &out->i) ? -ERANGE : 0;
	case IPCFS_SUB:
		return __builtin_sub_overflow(a, b, &out->i) ? -ERANGE : 0;
	case IPCFS_MUL:
		return __builtin_mul_overflow(a, b, &out->i) ? -ERANGE : 0;
	default:
		return op_bits(op, (uint64_t)a, (uint64_t)b, &out->u);
	}
}

static int op_unsigned(enum ipcfs_arith op, uint64_t a, uint64_t b, union ipcfs_number *out)
{
	switch (op) {
	case IPCFS_ADD:
		return __builtin_add_overflow(a, b, &out->u) ? -ERANGE : 0;
	case IPCFS_SUB:
		return __builtin_sub_overflow(a, b, &out->u) ? -ERANGE : 0;
	case IPCFS_MUL:
		return __builtin_mul_overflow(a, b, &out->u) ? -ERANGE : 0;
	default:
		return op_bits(op, a, b, &out->u);
	}
}

/* The result is what will be stored, for f rounded to a float as `x += y` in C does. */
static int op_float(enum ipcfs_arith op, double a, double b, bool narrow, double *out)
{
	double v;

	if (op == IPCFS_ADD)
		v = a + b;
	else if (op == IPCFS_SUB)
		v = a - b;
	else if (op == IPCFS_MUL)
		v = a * b;
	else
		return -EINVAL;
	if (narrow)
		v = (float)v;
	if (isinf(v) && isfinite(a) && isfinite(b))
		return -ERANGE;
	*out = v;
	return 0;
}

int ipcfs_number_op(char type, enum ipcfs_arith op, union ipcfs_number a, union ipcfs_number b,
		    union ipcfs_number *out)
{
	const struct text_type *t = text_type(type);
	union ipcfs_number v = {0};
	int r = -EINVAL;

	if (t == NULL)
		return r;
	if (t->form == FORM_BOOL || t->form == FORM_SIGNED)
		r = op_signed(op, a.i, b.i, &v);
	else if (t->form == FORM_UNSIGNED)
		r = op_unsigned(op, a.u, b.u, &v);
	else if (t->form == FORM_FLOAT)
		r = op_float(op, a.f, b.f, t->size == sizeof(float), &v.f);
	if (r < 0)
		return r;
	if (!fits(t, v))
		return -ERANGE;
	*out = v;
	return 0;
}
