/* SPDX-License-Identifier: MIT
 *
 * dict_change.c - what changes a dict. Each operation is one change of the heap (heap.h): a new value is written to a
 * block that nobody refers to, and becomes the key's with the commit; so who reads under the lock sees a value whole.
 */
#include "dict.h"
#include "sys.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* ---- staging --------------------------------------------------------------------------------------- */

static int commit(struct heap_change *c)
{
	obj_change(c->o, IPCFS_C_CHANGE, INT_MAX);
	heap_commit(c);
	return 0;
}

/* A block with `len` bytes, and room for `room`: its offset, 0 for no room. */
static int64_t new_block(struct heap_change *c, const void *bytes, size_t len, size_t room)
{
	int64_t at = room ? heap_alloc(c, HEAP_HEADER + room) : 0;

	if (at > 0 && len)
		memmove(c->o->base + at + HEAP_HEADER, bytes,
			len); /* bytes may be another block's */
	return at;
}

/* How much room the block has that was taken for so much. */
static uint64_t room_of(size_t room)
{
	return room ? heap_room(HEAP_HEADER + room) - HEAP_HEADER : 0;
}

/* The key has a new value now. */
static void stage_time(struct heap_change *c, uint64_t at)
{
	heap_set(c, DICT_WORD(at, changes), LOAD(c->o->control->changes) + 1);
	heap_set(c, DICT_WORD(at, mtime), (uint64_t)sys_realtime_ns());
}

static void stage_value(struct heap_change *c, uint64_t at, uint64_t block, size_t len, size_t room)
{
	heap_set(c, DICT_WORD(at, value), block);
	heap_set(c, DICT_WORD(at, extent), len | room_of(room) << 32);
}

/* Gives up what the key's value lies in. */
static int free_value(struct heap_change *c, const struct dict_record *r)
{
	uint64_t at = LOAD(r->value);

	return at ? heap_free(c, at, HEAP_HEADER + (LOAD(r->extent) >> 32)) : 0;
}

static int free_name(struct heap_change *c, const struct dict_record *r)
{
	uint64_t at = LOAD(r->name);

	return at ? heap_free(c, at, HEAP_HEADER + dict_name_len(LOAD(r->form))) : 0;
}

/* The key goes; with_value: and its value. */
static int stage_drop(struct heap_change *c, const struct dict_place *place, bool with_value)
{
	const struct dict_record *r = dict_record(c->o, place->at);
	int rc = dict_leave(c, place);

	if (rc == 0 && with_value)
		rc = free_value(c, r);
	if (rc == 0)
		rc = free_name(c, r);
	if (rc == 0)
		rc = heap_free(c, place->at, sizeof(*r) + dict_name_room(LOAD(r->form)));
	return rc;
}

/* Answered, then taken. */
int dict_pop(struct ipcfs_object *o, struct ipcfs_op *op, const struct dict_place *place,
	     struct dict_record *r)
{
	struct heap_change c;
	const uint8_t *bytes;
	size_t len;
	int rc = dict_value(o, r, &bytes, &len);

	if (rc == 0 && !op->sink && len > op->out_size)
		rc = -EMSGSIZE;
	if (rc < 0)
		return rc;
	rc = heap_begin(&c, o);
	if (rc == 0)
		rc = stage_drop(&c, place, true);
	if (rc == 0)
		rc = dict_give(op, bytes, len);
	return rc ? rc : commit(&c);
}

/* ---- writing --------------------------------------------------------------------------------------- */

/* The name goes into the record, but its first bytes, which are the heap's. */
static void fill_record(struct dict_record *r, const struct ipcfs_part *part)
{
	uint64_t form = dict_form(part->mode, part->name_len, (unsigned)part->name_len);
	uint32_t upper = (uint32_t)(form >> 32);

	memcpy((uint8_t *)r + HEAP_HEADER, &upper, sizeof(upper));
	STORE(r->owner, (uint64_t)part->uid << 32 | part->gid);
	STORE(r->name, 0);
	memcpy(r->inline_name, part->name, part->name_len);
}

static int make(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct ipcfs_part *part = op->part;
	struct heap_change c;
	struct dict_record *r;
	int64_t block = 0, at = 0;
	int rc = op->in_len > IPCFS_DICT_VALUE_MAX ? -EMSGSIZE : dict_grow(o);

	if (rc == 0)
		rc = heap_begin(&c, o);
	if (rc < 0)
		return rc;
	block = new_block(&c, op->in, op->in_len, op->in_len);
	if (block >= 0)
		at = heap_alloc(&c, sizeof(*r) + part->name_len);
	if (block < 0 || at < 0)
		return (int)(block < 0 ? block : at);
	r = dict_record(o, (uint64_t)at);
	if (!r)
		return -EUCLEAN;
	fill_record(r, part);
	STORE(r->value, (uint64_t)block);
	STORE(r->extent, op->in_len | room_of(op->in_len) << 32);
	STORE(r->changes, LOAD(o->control->changes) + 1);
	STORE(r->mtime, (uint64_t)sys_realtime_ns());
	rc = dict_enter(&c, (uint64_t)at, part->name, part->name_len);
	if (rc < 0 || op->flags & IPCFS_OP_DRY)
		return rc;
	dict_tell(o, r, part);
	return commit(&c);
}

/* Its old value stays as it is until the commit. */
static int replace_value(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t at,
			 struct dict_record *r)
{
	struct heap_change c;
	int64_t block;
	int rc = op->in_len > IPCFS_DICT_VALUE_MAX ? -EMSGSIZE : heap_begin(&c, o);

	if (rc < 0)
		return rc;
	block = new_block(&c, op->in, op->in_len, op->in_len);
	if (block < 0)
		return (int)block;
	stage_value(&c, at, (uint64_t)block, op->in_len, op->in_len);
	stage_time(&c, at);
	rc = free_value(&c, r);
	return rc < 0 || op->flags & IPCFS_OP_DRY ? rc : commit(&c);
}

/* Into the room behind the value, which nobody looks at before the commit. False: there is not so much. */
static bool append_there(struct heap_change *c, const struct ipcfs_op *op, uint64_t at,
			 const struct dict_record *r, size_t len)
{
	uint64_t room = LOAD(r->extent) >> 32;
	uint8_t *block = heap_at(c->o, LOAD(r->value), HEAP_HEADER + room);

	if (!LOAD(r->value) || !block || len + op->in_len > room)
		return false;
	memcpy(block + HEAP_HEADER + len, op->in, op->in_len);
	heap_set(c, DICT_WORD(at, extent), (len + op->in_len) | room << 32);
	return true;
}

/* Half as much again, so that a value which grows piece by piece is not copied for each. */
static int append_anew(struct heap_change *c, const struct ipcfs_op *op, uint64_t at,
		       const struct dict_record *r, const uint8_t *bytes, size_t len)
{
	size_t all = len + op->in_len, room = len ? all + all / 2 : all;
	int64_t block = new_block(c, bytes, len, room);

	if (block < 0)
		return (int)block;
	memcpy(c->o->base + block + HEAP_HEADER + len, op->in, op->in_len);
	stage_value(c, at, (uint64_t)block, all, room);
	return free_value(c, r);
}

static int append(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t at,
		  struct dict_record *r)
{
	struct heap_change c;
	const uint8_t *bytes;
	size_t len;
	int rc = dict_value(o, r, &bytes, &len);

	if (rc == 0 && op->in_len > IPCFS_DICT_VALUE_MAX - len)
		rc = -EMSGSIZE;
	if (rc < 0 || op->in_len == 0)
		return rc;
	rc = heap_begin(&c, o);
	if (rc == 0 && !append_there(&c, op, at, r, len))
		rc = append_anew(&c, op, at, r, bytes, len);
	if (rc < 0 || op->flags & IPCFS_OP_DRY)
		return rc;
	stage_time(&c, at);
	return commit(&c);
}

int dict_write(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct dict_place place;
	struct dict_record *r;
	int rc = dict_part(o, op, &place, &r);

	if (rc == -ENOENT && op->flags & IPCFS_OP_MAKE)
		return make(o, op);
	if (rc == 0 && op->flags & IPCFS_OP_NEW)
		rc = -EEXIST;
	if (rc < 0)
		return rc;
	rc = op->flags & IPCFS_OP_APPEND ? append(o, op, place.at, r) :
					   replace_value(o, op, place.at, r);
	if (rc == 0)
		dict_tell(o, r, op->part);
	return rc;
}

/* ---- numbers --------------------------------------------------------------------------------------- */

/* The number that the text is; nothing is 0. */
static int number_of(const char *text, size_t len, char *type, union ipcfs_number *n)
{
	const char *s = ipcfs_trim(text, &len);
	int rc;

	*type = 'q';
	n->i = 0;
	if (len == 0)
		return 0;
	rc = ipcfs_guess_type(s, len, type);
	if (rc == 0 && *type == 's')
		rc = -EINVAL;
	return rc < 0 ? rc : ipcfs_parse_number(*type, s, len, n);
}

/* Both as floating-point numbers, unless both are integers. */
static void widen(char *a, union ipcfs_number *x, char *b, union ipcfs_number *y)
{
	int64_t integer = *a == 'q' ? x->i : y->i;

	if (*a == *b)
		return;
	if (*a == 'q')
		*x = (union ipcfs_number){.f = (double)integer};
	else
		*y = (union ipcfs_number){.f = (double)integer};
	*a = *b = 'd';
}

int dict_arith(struct ipcfs_object *o, struct ipcfs_op *op, uint64_t at, struct dict_record *r)
{
	char text[IPCFS_NUMBER_TEXT + 2], was = 'q', cell[8];
	union ipcfs_number now, operand = op->operand;
	struct ipcfs_op write = {.verb = IPCFS_V_WRITE, .in = text};
	const uint8_t *bytes;
	size_t len;
	int rc = dict_value(o, r, &bytes, &len);
	bool newline;

	if (rc < 0)
		return rc;
	if (len >= sizeof(text))
		return -EINVAL;
	if (len)
		memcpy(text, bytes, len);
	newline = !len || text[len - 1] == '\n';
	rc = number_of(text, len, &was, &now);
	if (rc < 0)
		return rc;
	widen(&was, &now, &op->part->type, &operand);
	rc = ipcfs_number_op(was, op->arith, now, operand, &op->result);
	if (rc == 0)
		rc = ipcfs_number_put(was, op->result, cell);
	if (rc < 0)
		return rc;
	write.in_len = (size_t)ipcfs_format_element(was, cell, text);
	if (newline)
		text[write.in_len++] = '\n';
	rc = replace_value(o, &write, at, r);
	if (rc == 0 && op->out)
		dict_give(op, (const uint8_t *)text, write.in_len);
	return rc;
}

/* ---- names ------------------------------------------------------------------------------------------ */

int dict_drop(struct ipcfs_object *o, const struct dict_place *place)
{
	struct heap_change c;
	int rc = heap_begin(&c, o);

	if (rc == 0)
		rc = stage_drop(&c, place, true);
	return rc ? rc : commit(&c);
}

/* The other key gets its value, and it goes. */
static int replace_key(struct ipcfs_object *o, const struct dict_place *place,
		       struct dict_record *r, const struct dict_place *other)
{
	struct dict_record *to = dict_record(o, other->at);
	struct heap_change c;
	int rc = heap_begin(&c, o);

	if (rc == 0)
		rc = stage_drop(&c, place, false);
	if (rc == 0)
		rc = free_value(&c, to);
	if (rc < 0)
		return rc;
	heap_set(&c, DICT_WORD(other->at, value), LOAD(r->value));
	heap_set(&c, DICT_WORD(other->at, extent), LOAD(r->extent));
	stage_time(&c, other->at);
	return commit(&c);
}

static int give_name(struct ipcfs_object *o, const struct dict_place *place, struct dict_record *r,
		     const char *name, size_t len)
{
	uint64_t form = LOAD(r->form);
	struct heap_change c;
	int64_t block;
	int rc = heap_begin(&c, o);

	if (rc < 0)
		return rc;
	block = new_block(&c, name, len, len);
	if (block < 0)
		return (int)block;
	rc = dict_move(&c, place, name, len);
	if (rc == 0)
		rc = free_name(&c, r);
	if (rc < 0)
		return rc;
	heap_set(&c, DICT_WORD(place->at, name), (uint64_t)block);
	heap_set(&c, DICT_WORD(place->at, form),
		 dict_form(dict_mode(form), len, dict_name_room(form)));
	return commit(&c);
}

int dict_rename(struct ipcfs_object *o, struct ipcfs_op *op, const struct dict_place *place,
		struct dict_record *r)
{
	const struct ipcfs_part *part = op->part;
	struct dict_place other = {0};
	int rc = store_check_key(part->to, part->to_len);

	if (rc == 0)
		rc = dict_find(o, part->to, part->to_len, &other);
	if (rc == -ENOENT)
		return give_name(o, place, r, part->to, part->to_len);
	if (rc < 0 || other.at == place->at)
		return rc;
	return op->flags & IPCFS_OP_REPLACE ? replace_key(o, place, r, &other) : -EEXIST;
}

/* Everything in one step, as the heap begins anew. */
int dict_clear(struct ipcfs_object *o, struct ipcfs_op *op)
{
	static const unsigned roots[] = {ROOT_COUNT, ROOT_FIRST, ROOT_LAST, ROOT_BUCKETS};
	struct heap_change c;
	int rc;

	op->count = heap_root_now(o, ROOT_COUNT);
	rc = heap_begin(&c, o);
	if (rc == 0 && !op->count && heap_extent(&c) == 0)
		return 0; /* without keys there is still the memory that they had */
	if (rc == 0)
		rc = heap_renew(&c, 0);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		heap_set(&c, heap_root(roots[i]), 0);
	return commit(&c);
}

int dict_chmod(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t at,
	       struct dict_record *r)
{
	const struct ipcfs_part *part = op->part;
	uint64_t form = LOAD(r->form), owner = LOAD(r->owner);
	struct heap_change c;
	int rc = heap_begin(&c, o);

	if (rc < 0)
		return rc;
	if (part->set & IPCFS_PART_UID)
		owner = (uint64_t)part->uid << 32 | (gid_t)owner;
	if (part->set & IPCFS_PART_GID)
		owner = owner >> 32 << 32 | part->gid;
	if (part->set & IPCFS_PART_MODE)
		form = dict_form(part->mode, dict_name_len(form), dict_name_room(form));
	heap_set(&c, DICT_WORD(at, owner), owner);
	heap_set(&c, DICT_WORD(at, form), form);
	if (part->set & IPCFS_PART_MTIME)
		heap_set(&c, DICT_WORD(at, mtime), (uint64_t)part->mtime_ns);
	heap_commit(&c);
	return 0;
}
