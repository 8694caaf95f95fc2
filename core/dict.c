/* SPDX-License-Identifier: MIT
 *
 * dict.c - values by key: the kind, and the operations that change nothing. Those that do are dict_change.c's, where
 * the keys are is dict_table.c's.
 */
#include "dict.h"
#include "sys.h"

#include <errno.h>
#include <string.h>

#define CAPACITY_DEFAULT ((uint64_t)4 << 30)

/* ---- the kind ------------------------------------------------------------------------------------- */

static int shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	out[SHAPE_CAPACITY] = p->given & IPCFS_P_CAPACITY ? p->capacity : CAPACITY_DEFAULT;
	if (out[SHAPE_CAPACITY] == 0 || out[SHAPE_CAPACITY] > IPCFS_CAPACITY_MAX)
		return -ERANGE;
	return sys_random(&out[SHAPE_SECRET], 2 * sizeof(out[0]));
}

static void properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_CAPACITY;
	p->capacity = in[SHAPE_CAPACITY];
}

static int layout(struct ipcfs_object *o)
{
	uint64_t bytes = o->shape[SHAPE_CAPACITY];

	if (bytes == 0 || bytes > IPCFS_CAPACITY_MAX)
		return -EUCLEAN;
	heap_layout(o, (bytes + SEG_PAGE - 1) & ~(uint64_t)(SEG_PAGE - 1));
	return 0;
}

/* ---- parts ----------------------------------------------------------------------------------------- */

void dict_tell(struct ipcfs_object *o, struct dict_record *r, struct ipcfs_part *part)
{
	uint64_t owner = LOAD(r->owner);

	part->at = (uint64_t)((uint8_t *)r - o->base);
	part->number = LOAD(r->number);
	part->mode = dict_mode(LOAD(r->form));
	part->uid = (uid_t)(owner >> 32);
	part->gid = (gid_t)owner;
	part->mtime_ns = (int64_t)LOAD(r->mtime);
	part->length = (uint32_t)LOAD(r->extent);
}

/* The record that the operation is of. */
int dict_part(struct ipcfs_object *o, const struct ipcfs_op *op, struct dict_place *place,
	      struct dict_record **r)
{
	const struct ipcfs_part *part = op->part;
	int rc;

	*place = (struct dict_place){0};
	*r = NULL;
	if (!part)
		return -EINVAL;
	rc = part->name ? store_check_key(part->name, part->name_len) : 0;
	if (rc == 0)
		rc = part->name ? dict_find(o, part->name, part->name_len, place) :
				  dict_locate(o, part->at, part->number, place);
	*r = rc == 0 ? dict_record(o, place->at) : NULL;
	return rc;
}

static int changes(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t *out)
{
	struct dict_place place;
	struct dict_record *r;
	int rc;

	if (!op->part->name && op->part->number == 0) {
		*out = LOAD(o->control->changes);
		return 0;
	}
	rc = dict_part(o, op, &place, &r);
	if (rc == 0)
		*out = LOAD(r->changes);
	return rc;
}

/* ---- reading --------------------------------------------------------------------------------------- */

int dict_give(struct ipcfs_op *op, const uint8_t *bytes, size_t len)
{
	struct iovec piece = {(void *)(uintptr_t)bytes, len};

	op->out_len = len;
	if (op->sink)
		return op->sink(op->sink_arg, &piece, len ? 1 : 0);
	if (len > op->out_size)
		len = op->out_size;
	if (len)
		memcpy(op->out, bytes, len);
	return 0;
}

static int read_value(struct ipcfs_object *o, struct ipcfs_op *op, struct dict_record *r)
{
	const uint8_t *bytes;
	size_t len;
	int rc = dict_value(o, r, &bytes, &len);

	return rc < 0 ? rc : dict_give(op, bytes, len);
}

/* ---- all of them -------------------------------------------------------------------------------------- */

static bool add_entry(struct ipcfs_object *o, struct ipcfs_op *op, struct dict_record *r,
		      const char *name, unsigned len)
{
	size_t size = (sizeof(struct ipcfs_entry) + len + 7) & ~(size_t)7;
	struct ipcfs_entry entry = {.at = (uint64_t)((uint8_t *)r - o->base),
				    .number = LOAD(r->number),
				    .size = (uint16_t)size,
				    .name_len = (uint16_t)len};
	uint8_t *to = (uint8_t *)op->out + op->out_len;

	if (size > op->out_size - op->out_len)
		return false;
	memcpy(to, &entry, sizeof(entry));
	memcpy(to + offsetof(struct ipcfs_entry, name), name, len);
	op->out_len += size;
	op->count++;
	return true;
}

static int list(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_part *part = op->part;
	int64_t at = part ? dict_after(o, &part->at, &part->number, op->first) : -EINVAL;
	uint64_t last = op->first;

	op->count = op->out_len = 0;
	while (at > 0) {
		struct dict_record *r = dict_record(o, (uint64_t)at);
		const char *name;
		unsigned len;

		name = r ? dict_name(o, r, &len) : NULL;
		if (!name || store_check_key(name, len) < 0 || LOAD(r->number) <= last ||
		    LOAD(r->number) > DICT_NUMBER_MAX)
			return -EUCLEAN;
		if (!add_entry(o, op, r, name, len))
			break;
		last = LOAD(r->number);
		at = (int64_t)LOAD(r->after);
	}
	return at < 0 ? (int)at : 0;
}

/* ---- the folder ------------------------------------------------------------------------------------------ */

static int retire(struct ipcfs_object *o)
{
	if (heap_root_now(o, ROOT_COUNT))
		return -ENOTEMPTY;
	seg_remove(o);
	return 0;
}

static int chmod_folder(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	if (op->part->set & IPCFS_PART_MODE)
		STORE(o->control->word, op->part->mode & 01777);
	return 0;
}

/* Verbs of a key that is there. */
static int try_key(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct dict_place place;
	struct dict_record *r;
	int rc = dict_part(o, op, &place, &r);

	if (rc < 0)
		return rc;
	dict_tell(o, r, op->part);
	switch (op->verb) {
	case IPCFS_V_FIND:
		return 0;
	case IPCFS_V_READ:
		return read_value(o, op, r);
	case IPCFS_V_POP:
		return dict_pop(o, op, &place, r);
	case IPCFS_V_ARITH:
		return dict_arith(o, op, place.at, r);
	case IPCFS_V_DROP:
		return dict_drop(o, &place);
	case IPCFS_V_RENAME:
		return dict_rename(o, op, &place, r);
	default:
		return -EINVAL;
	}
}

/* What CHMOD brings must not be overwritten with what there is. */
static int try_chmod(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct dict_place place;
	struct dict_record *r;
	int rc;

	if (op->part && !op->part->name && !op->part->number)
		return chmod_folder(o, op);
	rc = dict_part(o, op, &place, &r);
	return rc < 0 ? rc : dict_chmod(o, op, place.at, r);
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	switch (op->verb) {
	case IPCFS_V_WRITE:
		return dict_write(o, op);
	case IPCFS_V_KEYS:
		return list(o, op);
	case IPCFS_V_CLEAR:
		return dict_clear(o, op);
	case IPCFS_V_CHMOD:
		return try_chmod(o, op);
	case IPCFS_V_RETIRE:
		return retire(o);
	case IPCFS_V_LEAVE:
		return 0;
	default:
		return try_key(o, op);
	}
}

static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	(void)o;
	(void)op;
	return 1u << IPCFS_C_READ | 1u << IPCFS_C_WRITE;
}

static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	st->keys = heap_root_now(o, ROOT_COUNT);
	st->mode = (mode_t)LOAD(o->control->word) & 01777;
}

const struct ipcfs_kind_ops ipcfs_dict_ops = {
	.name = "dicts",
	.properties = IPCFS_P_CAPACITY,
	.folder = true,
	.shape = shape,
	.properties_of = properties_of,
	.layout = layout,
	.repair = heap_repair,
	.try = try,
	.ready = ready,
	.changes = changes,
	.stat = counts,
};
