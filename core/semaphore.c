/* SPDX-License-Identifier: MIT
 *
 * semaphore.c - a number of units, in the commit word. A plain acquisition belongs to nobody.
 */
#include "object.h"

#include <errno.h>
#include <limits.h>

enum { SHAPE_VALUE, SHAPE_MAX };

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	out[SHAPE_VALUE] = p->given & IPCFS_P_VALUE ? p->value : 0;
	out[SHAPE_MAX] = p->given & IPCFS_P_MAX ? p->max : IPCFS_SEMAPHORE_MAX;
	if (out[SHAPE_MAX] > IPCFS_SEMAPHORE_MAX || out[SHAPE_MAX] == 0 ||
	    out[SHAPE_VALUE] > out[SHAPE_MAX])
		return -ERANGE;
	return 0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_VALUE | IPCFS_P_MAX;
	p->value = in[SHAPE_VALUE];
	p->max = in[SHAPE_MAX];
}

static int layout(struct ipcfs_object *o)
{
	o->size = SEG_PAGE;
	return o->shape[SHAPE_MAX] > IPCFS_SEMAPHORE_MAX ||
			       o->shape[SHAPE_VALUE] > o->shape[SHAPE_MAX] ?
		       -EUCLEAN :
		       0;
}

static uint64_t initial(const uint64_t in[5])
{
	return in[SHAPE_VALUE];
}

static int acquire(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t value)
{
	int rc;

	if (op->count == 0)
		return -EINVAL;
	if (op->count > o->shape[SHAPE_MAX])
		return -ERANGE;
	if (op->count > value)
		return -EAGAIN;
	obj_change(o, IPCFS_C_WRITE, INT_MAX);
	rc = op->sink ? op->sink(op->sink_arg, NULL, 0) : 0;
	if (rc == 0)
		STORE(o->control->word, value - op->count);
	return rc;
}

static int release(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t value)
{
	if (op->count == 0)
		return -EINVAL;
	if (op->count > o->shape[SHAPE_MAX] - value)
		return -EOVERFLOW;
	obj_change(o, IPCFS_C_READ, INT_MAX); /* waiters differ in what they want */
	STORE(o->control->word, value + op->count);
	return 0;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t value = LOAD(o->control->word);

	if (value > o->shape[SHAPE_MAX])
		return -EUCLEAN;
	switch (op->verb) {
	case IPCFS_V_ACQUIRE:
		return acquire(o, op, value);
	case IPCFS_V_RELEASE:
		return release(o, op, value);
	default:
		return -EINVAL;
	}
}

static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	uint64_t value = LOAD(o->control->word);

	return (value >= (op->first ? op->first : 1) ? 1u << IPCFS_C_READ : 0) |
	       1u << IPCFS_C_WRITE;
}

static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	st->value = LOAD(o->control->word);
}

const struct ipcfs_kind_ops ipcfs_semaphore_ops = {
	.name = "semaphores",
	.properties = IPCFS_P_VALUE | IPCFS_P_MAX,
	.taking = true,
	.shape = shape,
	.properties_of = properties_of,
	.layout = layout,
	.initial = initial,
	.try = try,
	.ready = ready,
	.stat = counts,
};

int ipcfs_semaphore_acquire(struct ipcfs_object *semaphore, uint32_t n, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_ACQUIRE, .count = n};

	return semaphore->kind == IPCFS_SEMAPHORE ? obj_run(semaphore, &op, deadline_ns) : -EINVAL;
}

int ipcfs_semaphore_release(struct ipcfs_object *semaphore, uint32_t n)
{
	struct ipcfs_op op = {.verb = IPCFS_V_RELEASE, .count = n};

	return semaphore->kind == IPCFS_SEMAPHORE ? obj_run(semaphore, &op, 0) : -EINVAL;
}

int64_t ipcfs_semaphore_value(struct ipcfs_object *semaphore)
{
	struct ipcfs_stat st;
	int rc = semaphore->kind == IPCFS_SEMAPHORE ? ipcfs_stat(semaphore, &st) : -EINVAL;

	if (rc == 0 && st.value > st.properties.max)
		rc = -EUCLEAN;
	return rc < 0 ? rc : (int64_t)st.value;
}
