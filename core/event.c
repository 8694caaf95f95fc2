/* SPDX-License-Identifier: MIT
 *
 * event.c - set or not, in the commit word.
 */
#include "object.h"

#include <errno.h>
#include <limits.h>

enum { SHAPE_SET };

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	out[SHAPE_SET] = p->given & IPCFS_P_SET && p->set;
	return 0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_SET;
	p->set = in[SHAPE_SET] != 0;
}

static int layout(struct ipcfs_object *o)
{
	o->size = SEG_PAGE;
	return o->shape[SHAPE_SET] > 1 ? -EUCLEAN : 0;
}

static uint64_t initial(const uint64_t in[5])
{
	return in[SHAPE_SET];
}

static int store(struct ipcfs_object *o, uint64_t now, uint64_t wanted)
{
	if (now == wanted)
		return 0;
	obj_change(o, wanted ? IPCFS_C_READ : IPCFS_C_CHANGE, INT_MAX);
	STORE(o->control->word, wanted);
	return 0;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t set = LOAD(o->control->word);

	if (set > 1)
		return -EUCLEAN;
	switch (op->verb) {
	case IPCFS_V_SET:
		return store(o, set, 1);
	case IPCFS_V_UNSET:
		return store(o, set, 0);
	case IPCFS_V_WAIT:
		return set ? 0 : -EAGAIN;
	default:
		return -EINVAL;
	}
}

static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	(void)op;
	return (LOAD(o->control->word) ? 1u << IPCFS_C_READ : 0) | 1u << IPCFS_C_WRITE;
}

static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	st->value = LOAD(o->control->word) != 0;
}

const struct ipcfs_kind_ops ipcfs_event_ops = {
	.name = "events",
	.properties = IPCFS_P_SET,
	.shape = shape,
	.properties_of = properties_of,
	.layout = layout,
	.initial = initial,
	.try = try,
	.ready = ready,
	.stat = counts,
};

static int run(struct ipcfs_object *o, enum ipcfs_verb verb, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = verb};

	return o->kind == IPCFS_EVENT ? obj_run(o, &op, deadline_ns) : -EINVAL;
}

int ipcfs_event_set(struct ipcfs_object *event)
{
	return run(event, IPCFS_V_SET, 0);
}

int ipcfs_event_clear(struct ipcfs_object *event)
{
	return run(event, IPCFS_V_UNSET, 0);
}

int ipcfs_event_wait(struct ipcfs_object *event, int64_t deadline_ns)
{
	return run(event, IPCFS_V_WAIT, deadline_ns);
}

int ipcfs_event_is_set(struct ipcfs_object *event)
{
	struct ipcfs_stat st;
	int rc = event->kind == IPCFS_EVENT ? ipcfs_stat(event, &st) : -EINVAL;

	return rc < 0 ? rc : (int)st.value;
}
