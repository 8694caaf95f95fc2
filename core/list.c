/* SPDX-License-Identifier: MIT
 *
 * list.c - items of bytes in an order, in a heap: taken and given at both ends at a cost that does not depend on how
 * many there are, put and taken in the middle by filling a new index, replaced as a whole. Each operation is one
 * change of the heap, and so done wholly or not at all.
 */
#include "list.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* An emptied list of more begins anew, and gives its memory back. */
#define EXTENT_KEPT ((uint64_t)64 << 10)
/* A heap's extent: without a capacity, the least one with a capacity, its part of the capacity. */
#define EXTENT_DEFAULT ((uint64_t)4 << 30)
#define EXTENT_LEAST ((uint64_t)2 << 20)
enum { EXTENT_FACTOR = 128 }; /* an item of one byte may take 32, and its slot 16 */

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	out[LIST_CAPACITY] = p->given & IPCFS_P_CAPACITY ? p->capacity : 0;
	return p->given & IPCFS_P_CAPACITY &&
			       (p->capacity == 0 || p->capacity > IPCFS_CAPACITY_MAX) ?
		       -ERANGE :
		       0;
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = in[LIST_CAPACITY] ? IPCFS_P_CAPACITY : 0;
	p->capacity = in[LIST_CAPACITY];
}

/* The file is sparse: the extent costs nothing but addresses. */
static uint64_t extent(uint64_t capacity)
{
	uint64_t n = EXTENT_LEAST + capacity * EXTENT_FACTOR;

	if (capacity == 0 || n > EXTENT_DEFAULT)
		n = EXTENT_DEFAULT;
	while (n / 4 < capacity && n < HEAP_BYTES_MAX)
		n *= 2;
	return n & ~(uint64_t)(SEG_PAGE - 1);
}

static int layout(struct ipcfs_object *o)
{
	if (o->shape[LIST_CAPACITY] > IPCFS_CAPACITY_MAX)
		return -EUCLEAN;
	heap_layout(o, extent(o->shape[LIST_CAPACITY]));
	return 0;
}

/* ---- where, and how much ------------------------------------------------------------------------ */

/* op->first, from the end if negative, as a place of `count`. */
static int place(const struct ipcfs_op *op, uint64_t count, uint64_t *i)
{
	int64_t n = (int64_t)op->first;

	*i = n < 0 ? count + (uint64_t)n : (uint64_t)n;
	return *i < count ? 0 : -ERANGE;
}

/* May there be `more` bytes beside `bytes`? */
static int room(struct ipcfs_object *o, uint64_t bytes, uint64_t more)
{
	uint64_t capacity = o->shape[LIST_CAPACITY];

	if (!capacity)
		return 0;
	if (more > capacity)
		return -EMSGSIZE;
	return bytes <= capacity && more <= capacity - bytes ? 0 : -ENOSPC;
}

static int check_item(struct ipcfs_object *o, uint64_t len)
{
	return len > IPCFS_ITEM_MAX ? -EMSGSIZE : room(o, 0, len);
}

/* What may be given to the heap's blocks of so many items. */
static int survey(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t *bytes,
		  uint64_t *room)
{
	*bytes = *room = 0;
	for (uint64_t i = 0; i < op->count; i++) {
		uint64_t len = op->vec[i].iov_len;
		int rc = check_item(o, len);

		if (rc < 0)
			return rc;
		*bytes += len;
		*room += list_item_room(len);
	}
	return op->count > IPCFS_ITEMS_MAX ? -ENOSPC : 0;
}

/* ---- giving --------------------------------------------------------------------------------------- */

static int add_items(struct list_change *c, const struct ipcfs_op *op)
{
	for (uint64_t i = 0; i < op->count; i++) {
		int64_t at = list_new_item(c, op->vec[i].iov_base, op->vec[i].iov_len);

		if (at < 0)
			return (int)at;
		list_fill_slot(c, c->v.count++, (uint64_t)at);
		c->v.bytes += op->vec[i].iov_len;
	}
	return 0;
}

/* Who waits for an item is woken one by one: who takes one wakes the next. */
static int commit(struct list_change *c, bool given)
{
	obj_change(c->heap.o, given ? IPCFS_C_READ : IPCFS_C_CHANGE, 1);
	return list_commit(c);
}

static int put_many(struct ipcfs_object *o, struct ipcfs_op *op)
{
	bool anew = op->flags & IPCFS_OP_REPLACE;
	struct list_change c;
	uint64_t bytes, blocks;
	int rc = op->count || anew ? survey(o, op, &bytes, &blocks) : -EINVAL;

	if (rc < 0)
		return rc;
	rc = anew ? list_begin_anew(&c, o, op->count, blocks) : list_begin(&c, o, op->count > 1);
	if (rc < 0)
		return rc;
	if (room(o, c.v.bytes, bytes) < 0)
		return -ENOSPC;
	rc = list_make_slots(&c, op->count);
	if (rc == 0)
		rc = add_items(&c, op);
	if (rc < 0 || op->flags & IPCFS_OP_DRY)
		return rc;
	return commit(&c, op->count > 0);
}

static int put(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct iovec item = {.iov_base = (void *)(uintptr_t)op->in, .iov_len = op->in_len};
	struct ipcfs_op one = {.flags = op->flags, .vec = &item, .count = 1};

	return put_many(o, &one);
}

static int insert(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct list_change c;
	uint64_t i = 0;
	int64_t at;
	int rc = check_item(o, op->in_len);

	if (rc == 0)
		rc = list_begin(&c, o, false);
	if (rc == 0 && place(op, c.v.count, &i) < 0) {
		rc = op->first == c.v.count ? 0 : -ERANGE; /* behind the last one */
		i = c.v.count;
	}
	if (rc == 0)
		rc = room(o, c.v.bytes, op->in_len);
	if (rc < 0)
		return rc;
	at = list_new_item(&c, op->in, op->in_len);
	rc = at < 0 ? (int)at : list_open_gap(&c, i, (uint64_t)at);
	if (rc < 0)
		return rc;
	c.v.bytes += op->in_len;
	return commit(&c, true);
}

static int set(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct list_change c;
	struct iovec was = {0};
	uint64_t i = 0, old = 0;
	int64_t at;
	int rc = check_item(o, op->in_len);

	if (rc == 0)
		rc = list_begin(&c, o, false);
	if (rc == 0)
		rc = place(op, c.v.count, &i);
	if (rc == 0)
		rc = list_item(o, &c.v, i, &old, &was);
	if (rc == 0)
		rc = room(o, c.v.bytes - was.iov_len, op->in_len);
	if (rc < 0)
		return rc;
	at = list_new_item(&c, op->in, op->in_len);
	if (at < 0)
		return (int)at;
	list_set_slot(&c, i, (uint64_t)at);
	c.v.bytes += op->in_len - was.iov_len;
	rc = heap_free(&c.heap, old, list_item_room(was.iov_len));
	return rc < 0 ? rc : commit(&c, false);
}

/* ---- taking --------------------------------------------------------------------------------------- */

/* Item i goes with the change. The last one of a large list takes everything with it. */
static int take_away(struct list_change *c, uint64_t i, uint64_t at, uint64_t len)
{
	struct ipcfs_object *o = c->heap.o;
	int rc;

	if (c->v.count == 1 && heap_extent(&c->heap) > EXTENT_KEPT)
		return list_begin_anew(c, o, 0, 0);
	rc = list_close_gap(c, i);
	c->v.bytes -= len;
	return rc < 0 ? rc : heap_free(&c->heap, at, list_item_room(len));
}

static int begin_taking(struct ipcfs_object *o, const struct ipcfs_op *op, struct list_change *c,
			struct iovec *bytes)
{
	uint64_t i = 0, at = 0;
	int rc = list_begin(c, o, false);

	if (rc < 0)
		return rc;
	if (c->v.count == 0)
		return op->verb == IPCFS_V_GET ? -EAGAIN : -ERANGE;
	rc = place(op, c->v.count, &i);
	if (rc == 0)
		rc = list_item(o, &c->v, i, &at, bytes);
	return rc == 0 ? take_away(c, i, at, bytes->iov_len) : rc;
}

static int give(struct ipcfs_op *op, const struct iovec *bytes)
{
	size_t n = bytes->iov_len < op->out_size ? bytes->iov_len : op->out_size;

	op->out_len = bytes->iov_len;
	if (op->sink)
		return op->sink(op->sink_arg, bytes, 1);
	if (n)
		memcpy(op->out, bytes->iov_base, n);
	return 0;
}

static int get(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct list_change c;
	struct iovec bytes;
	int rc = begin_taking(o, op, &c, &bytes);

	if (rc < 0 || (!op->sink && bytes.iov_len > op->out_size)) {
		if (rc != -EAGAIN)
			obj_wake(o, IPCFS_C_READ, 1); /* a wake-up that we cannot use */
		return rc < 0 ? rc : -EMSGSIZE;
	}
	if (c.v.count)
		obj_wake(o, IPCFS_C_READ, 1);
	obj_change(o, IPCFS_C_CHANGE, INT_MAX);
	rc = give(op, &bytes);
	return rc < 0 ? rc : list_commit(&c);
}

static int delete (struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct list_change c;
	struct iovec bytes;
	int rc = begin_taking(o, op, &c, &bytes);

	return rc < 0 ? rc : commit(&c, false);
}

static int clear(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct list_change c;
	struct list_view v;
	int rc = list_look(o, &v);

	op->count = v.count;
	if (rc < 0 || v.count == 0)
		return rc;
	rc = list_begin_anew(&c, o, 0, 0);
	return rc < 0 ? rc : commit(&c, false);
}

/* ---- looking -------------------------------------------------------------------------------------- */

static int read_one(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct iovec bytes = {0};
	struct list_view v;
	uint64_t i = 0, at;
	int rc = list_look(o, &v);

	if (rc == 0)
		rc = place(op, v.count, &i);
	if (rc == 0)
		rc = list_item(o, &v, i, &at, &bytes);
	return rc < 0 ? rc : give(op, &bytes);
}

/* All of them, to op->sink one by one, or to op->out one behind the other, their lengths to op->vec. Where these have
 * no room: -EMSGSIZE, and op->count and op->out_len say how much is needed. */
static int read_all(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct list_view v;
	uint64_t used = 0, room = op->count, at;
	int rc = list_look(o, &v);

	op->count = v.count;
	op->out_len = v.bytes;
	if (rc == 0 && !op->sink && (v.count > room || v.bytes > op->out_size))
		return -EMSGSIZE;
	for (uint64_t i = 0; rc == 0 && i < v.count; i++) {
		struct iovec bytes;

		rc = list_item(o, &v, i, &at, &bytes);
		if (rc == 0 && op->sink) {
			rc = op->sink(op->sink_arg, &bytes, 1);
		} else if (rc == 0 && bytes.iov_len > op->out_size - used) {
			rc = -EUCLEAN; /* together they have more than their sum */
		} else if (rc == 0) {
			op->vec[i].iov_base = (char *)op->out + used;
			op->vec[i].iov_len = bytes.iov_len;
			if (bytes.iov_len)
				memcpy(op->vec[i].iov_base, bytes.iov_base, bytes.iov_len);
			used += bytes.iov_len;
		}
	}
	return rc;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	switch (op->verb) {
	case IPCFS_V_PUT:
		return put(o, op);
	case IPCFS_V_PUT_MANY:
		return put_many(o, op);
	case IPCFS_V_INSERT:
		return insert(o, op);
	case IPCFS_V_WRITE:
		return set(o, op);
	case IPCFS_V_GET:
		return get(o, op);
	case IPCFS_V_DELETE:
		return delete (o, op);
	case IPCFS_V_CLEAR:
		return clear(o, op);
	case IPCFS_V_READ:
		return read_one(o, op);
	case IPCFS_V_PEEK:
		return read_all(o, op);
	default:
		return -EINVAL;
	}
}

static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	struct list_view v;

	(void)op;
	if (list_look(o, &v) < 0 || v.count) /* an error does not wait */
		return 1u << IPCFS_C_READ | 1u << IPCFS_C_WRITE;
	return 1u << IPCFS_C_WRITE;
}

/* Without the lock: what was read belongs together if nothing changed meanwhile. */
static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	enum { TRIES = 1000, PATIENT = 100 };

	for (int i = 0; i < TRIES; i++) {
		uint64_t changes = LOAD(o->control->changes);

		st->messages = heap_root_now(o, LIST_COUNT);
		st->bytes = heap_root_now(o, LIST_BYTES);
		if (LOAD(o->control->changes) == changes &&
		    (!LOAD(o->control->redo_on) || i >= PATIENT)) /* its owner may be dead */
			break;
	}
}

const struct ipcfs_kind_ops ipcfs_list_ops = {
	.name = "lists",
	.properties = IPCFS_P_CAPACITY,
	.shape = shape,
	.properties_of = properties_of,
	.layout = layout,
	.repair = heap_repair,
	.try = try,
	.ready = ready,
	.stat = counts,
};
