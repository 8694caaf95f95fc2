/* SPDX-License-Identifier: MIT
 *
 * view_cells.c - values and arrays as files: what a write of text means (elements, slices, arithmetic)
 * and what a read shows. Elements as text are in cells.c, what has no type yet is in pending.c.
 */
#include "render.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "../core/object.h"
#include "../core/text.h"

enum { AT_ONCE = 32 << 10 }; /* bytes of elements: more become text as they are read */

static bool is_lines(const struct ipcfs_object *o)
{
	return !o->cells.scalar && !fs_cells_is_run(o->cells.type);
}

/* What op has read. op->out may become the text's. */
static void add(struct fs_text *t, const struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct fs_cells c = {o->cells.type, o->cells.element, op->out_len / o->cells.element,
			     op->out};

	if (o->cells.scalar && c.type == 's') {
		fs_text_add(t, c.bytes, op->out_len);
		fs_text_add(t, "\n", 1);
	} else if (t->later && is_lines(o) && op->out_len > AT_ONCE) {
		t->render = fs_render_new(&c);
		t->failed = !t->render;
		if (t->render)
			op->out = NULL;
	} else {
		fs_cells_add(t, &c);
	}
}

/* ---- writing -------------------------------------------------------------------------------------- */

static int range_of(struct fs_target *t, uint64_t *first, uint64_t *count);
static struct fs_target target_of(struct fs_handle *h);

/* A handle that also reads will read the result of its own operation: what it shows is read back in the
 * same step, if that is not much. */
static void want_back(struct fs_target *t, struct ipcfs_op *op)
{
	struct fs_handle *h = t->handle;
	struct fs_target whole;

	if (!h || (h->flags & O_ACCMODE) != O_RDWR || op->verb == IPCFS_V_WRITE_RAW)
		return;
	whole = target_of(h);
	if (range_of(&whole, &op->back_first, &op->back_count) < 0)
		return;
	op->out_size = op->back_count * t->item->object->cells.element;
	op->out = op->out_size <= FS_MAX_IO ? malloc(op->out_size + 8) : NULL;
	if (!op->out)
		op->back_count = 0;
}

static void keep_back(struct fs_handle *h, struct ipcfs_op *op)
{
	struct fs_text text = {.later = true};

	add(&text, h->item->object, op);
	fs_handle_take_fresh(h, &text);
}

int fs_cells_run(struct fs_target *t, struct ipcfs_op *op)
{
	struct fs_handle *h = t->handle;
	int rc = h ? fs_view_cas(h, op) : 0;

	if (rc < 0)
		return rc;
	want_back(t, op);
	rc = fs_view_engine_item(t->item, op);
	if (rc == -ECANCELED)
		fs_words("it has changed since this handle's last read");
	if (rc == 0) {
		fs_pending_forget(t->item);
		fs_park_changed(t->item);
		if (h && op->out)
			keep_back(h, op);
		if (h)
			fs_view_cas_done(h, op);
	}
	free(op->out);
	return rc;
}

static int range_of(struct fs_target *t, uint64_t *first, uint64_t *count)
{
	uint64_t n = t->item->object->cells.count;
	uint64_t last = t->last == UINT64_MAX ? n : t->last;

	if (t->first >= n || last > n)
		return fs_fail(-ERANGE, "the array has %llu elements", (unsigned long long)n);
	*first = t->first;
	*count = last - t->first;
	return 0;
}

/* Of a larger slice the server's one thread would be busy for too long, and its memory full. */
static int range_to_write(struct fs_target *t, uint64_t *first, uint64_t *count)
{
	int rc = range_of(t, first, count);

	if (rc == 0 && *count > FS_TEXT_MAX / t->item->object->cells.element)
		return fs_fail(-EFBIG, "one write changes at most %d MiB of elements",
			       FS_TEXT_MAX >> 20);
	return rc;
}

int fs_cells_operation(const char **s, size_t *len, enum ipcfs_arith *op)
{
	static const char *const words[] = {
		[IPCFS_ADD] = "add", [IPCFS_SUB] = "sub", [IPCFS_MUL] = "mul",
		[IPCFS_AND] = "and", [IPCFS_OR] = "or",	  [IPCFS_XOR] = "xor",
	};
	size_t n;

	if (*len >= 2 && !memcmp(*s, "+=", 2)) {
		*op = IPCFS_ADD;
		*s += 2;
		*len -= 2;
		return 0;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		n = strlen(words[i]);
		if (*len > n && !memcmp(*s, words[i], n) && isblank((unsigned char)(*s)[n])) {
			*op = (enum ipcfs_arith)i;
			*s += n + 1;
			*len -= n + 1;
			return 0;
		}
	}
	return -ENOENT;
}

static int write_arith(struct fs_target *t, enum ipcfs_arith arith, const char *s, size_t len)
{
	char type = t->item->object->cells.type;
	struct ipcfs_op op = {.verb = IPCFS_V_ARITH, .arith = arith};
	int rc = range_to_write(t, &op.first, &op.count);

	if (rc < 0)
		return rc;
	s = ipcfs_trim(s, &len);
	rc = ipcfs_parse_number(type, s, len, &op.operand);
	if (rc < 0)
		return fs_fail(rc, "%s is not %s", fs_quote(s, len), fs_cells_words(type));
	rc = fs_cells_run(t, &op);
	if (rc == -ERANGE)
		fs_words("the result does not fit %s", fs_cells_words(type));
	if (rc == -EINVAL)
		fs_words("%s has no such operation", fs_cells_words(type));
	return rc;
}

/* A string value: its bytes but one final newline. */
static int write_string(struct fs_target *t, const char *s, size_t len)
{
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE,
			      .count = 1,
			      .in = s,
			      .in_len = fs_cells_drop_newline(s, len)};
	int rc = fs_cells_run(t, &op);

	if (rc == -ERANGE)
		fs_words("%s is longer than %zu bytes", fs_quote(s, op.in_len),
			 t->item->object->cells.element);
	return rc;
}

int fs_cells_write(struct fs_target *t, const char *s, size_t len)
{
	struct ipcfs_object *o = t->item->object;
	struct fs_cells c = {.type = o->cells.type, .element = o->cells.element};
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE};
	int rc;

	if (o->cells.scalar && c.type == 's')
		return write_string(t, s, len);
	rc = range_to_write(t, &op.first, &op.count);
	if (rc == 0 && o->cells.scalar) { /* the whole text is one element: "1 2" is no number */
		c.bytes = calloc(1, 8);
		rc = c.bytes ? fs_cells_parse_one(&c, s, len) : -ENOMEM;
	} else if (rc == 0) {
		rc = fs_cells_parse(&c, s, len, op.count, t->slice);
	}
	if (rc == 0) {
		if (c.count < op.count)
			op.flags |= IPCFS_OP_FILL;
		op.in = c.bytes;
		op.in_len = c.count * c.element;
		rc = fs_cells_run(t, &op);
	}
	free(c.bytes);
	return rc;
}

/* "3=", "1:4=", ":+=": the range; *s and *len become what follows, with += kept. False: none. */
static bool assignment(const char **s, size_t *len, const char **range, size_t *range_len)
{
	const char *at = ipcfs_trim(*s, &(size_t){*len}), *end = *s + *len, *p = at;

	while (p < end && (isdigit((unsigned char)*p) || *p == ':'))
		p++;
	*range = at;
	*range_len = (size_t)(p - at);
	if (p == at)
		return false;
	while (p < end && isblank((unsigned char)*p))
		p++;
	if (p < end && *p == '=')
		p++;
	else if (end - p < 2 || p[0] != '+' || p[1] != '=')
		return false;
	*len = (size_t)(end - p);
	*s = p;
	return true;
}

static int write_text(struct fs_target *t, const char *s, size_t len)
{
	bool scalar = t->item->object->cells.scalar;
	char type = t->item->object->cells.type;
	enum ipcfs_arith arith;
	const char *range, *text;
	size_t range_len, text_len;
	int rc;

	if (!scalar && !t->slice && assignment(&s, &len, &range, &range_len)) {
		rc = fs_parse_range(range, range_len, &t->first, &t->last, NULL);
		if (rc < 0)
			return fs_fail(rc, "%s is not a range of elements",
				       fs_quote(range, range_len));
		t->slice = true;
	}
	text_len = len;
	text = ipcfs_trim(s, &text_len);
	if (!fs_cells_is_text(type) && (scalar || t->slice) &&
	    fs_cells_operation(&text, &text_len, &arith) == 0)
		return write_arith(t, arith, text, text_len);
	return fs_cells_write(t, s, len);
}

static struct fs_target target_of(struct fs_handle *h)
{
	struct fs_target t = {.item = h->item, .handle = h, .last = UINT64_MAX};

	if (h->leaf->options & FS_O_AT) {
		t.first = h->leaf->at_first;
		t.last = h->leaf->at_last;
		t.slice = true;
	}
	return t;
}

int fs_view_flush(struct fs_handle *h)
{
	struct fs_target t = {.item = h->item, .handle = h, .last = UINT64_MAX};
	int rc;

	if (!h->gathered)
		return 0;
	rc = fs_item_attach(h->item);
	if (rc == 0)
		rc = write_text(&t, h->gathered, h->gathered_len);
	else if (rc == -ENODATA)
		rc = fs_pending_settle(h->item, h->gathered, h->gathered_len);
	if (rc == -EBUSY)
		return rc; /* the words stay for another try */
	fs_pending_drop(h);
	return rc;
}

static int write_request(struct fs_request *r)
{
	struct fs_target t = target_of(r->handle);
	int rc = r->handle->gathered ? -ENODATA : fs_item_attach(r->item);

	if (rc == -ENODATA && (t.slice || r->handle->leaf->options & FS_O_CAS))
		return fs_fail(-EINVAL, "it has no type yet: the first plain write decides");
	if (rc == -ENODATA)
		return r->item->kind == IPCFS_ARRAY ?
			       fs_pending_gather(r->handle, r->data, r->size) :
			       fs_pending_settle(r->item, r->data, r->size);
	return rc < 0 ? rc : write_text(&t, r->data, r->size);
}

static bool same_shape(struct fs_item *a, struct fs_item *b)
{
	const struct ipcfs_object *x = a->object, *y = b->object;

	if (!x || !y ||
	    (x->cells.scalar && x->cells.type == 's')) /* which has a length of its own */
		return false;
	return x->cells.type == y->cells.type && x->cells.count == y->cells.count &&
	       x->cells.bytes <= FS_TEXT_MAX;
}

/* The very bytes: text does not show what lies behind a NUL, nor which newline ends a string. */
static int copy(struct fs_item *from, struct fs_target *to)
{
	const struct ipcfs_object *o = from->object;
	struct ipcfs_op op = {.verb = IPCFS_V_READ,
			      .count = o->cells.count,
			      .out = malloc(o->cells.bytes),
			      .out_size = o->cells.bytes};
	struct ipcfs_op put = {.verb = IPCFS_V_WRITE,
			       .count = o->cells.count,
			       .in = op.out,
			       .in_len = o->cells.bytes};
	int rc = op.out ? fs_view_engine_item(from, &op) : -ENOMEM;

	if (rc == 0)
		rc = fs_cells_run(to, &put);
	free(op.out);
	return rc;
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

static int show(struct fs_handle *h, struct fs_text *t)
{
	struct fs_target target = target_of(h);
	struct ipcfs_op op = {.verb = IPCFS_V_READ};
	struct ipcfs_object *o;
	int rc = fs_item_attach(h->item);

	if (rc == 0)
		rc = range_of(&target, &op.first, &op.count);
	if (rc < 0)
		return rc;
	o = h->item->object;
	op.out_size = op.count * o->cells.element;
	if (op.out_size > (is_lines(o) && !t->later ? FS_MAX_IO : FS_TEXT_MAX)) {
		t->failed = true;
		return 0;
	}
	op.out = malloc(op.out_size + 8);
	if (!op.out)
		return -ENOMEM;
	rc = fs_view_engine_item(h->item, &op);
	if (rc == 0) {
		add(t, o, &op);
		h->changes = op.changes;
		h->has_changes = true;
	}
	free(op.out);
	return rc;
}

/* What nothing has changed since it got its type by it is moved as it was written. */
static void as_written(struct fs_item *from, const struct fs_handle *source, struct fs_text *text)
{
	char *words = from->words && source->changes == 1 ? malloc(from->words_len) : NULL;

	if (!words)
		return;
	free(text->bytes);
	text->bytes = memcpy(words, from->words, from->words_len);
	text->len = from->words_len;
	text->failed = false;
}

static int replace(struct fs_item *from, struct fs_item *to)
{
	struct fs_handle source = {.type = FS_OBJECT, .item = from, .leaf = &fs_leaf_none};
	struct fs_target t = {.item = to, .last = UINT64_MAX};
	struct fs_text text = {0};
	int rc = fs_item_attach(to);

	if (rc == 0)
		rc = fs_item_attach(from);
	if (rc == 0 && same_shape(from, to))
		return copy(from, &t);
	rc = show(&source, &text);
	if (rc == -ENODATA)
		rc = fs_fail(-EINVAL, "the source has no value yet");
	if (rc == 0)
		as_written(from, &source, &text);
	if (rc == 0 && text.failed)
		rc = fs_fail(-EFBIG,
			     "more than %d MiB of elements go onto one of the same type "
			     "and length only",
			     FS_MAX_IO >> 20);
	if (rc == 0) {
		rc = fs_item_attach(to);
		if (rc == -ENODATA)
			rc = fs_pending_settle(to, text.bytes, text.len);
		else if (rc == 0)
			rc = fs_cells_write(&t, text.bytes, text.len);
	}
	free(text.bytes);
	return rc;
}

/* ---- the kinds --------------------------------------------------------------------------------------------------- */

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	struct fs_handle plain = {.type = FS_OBJECT, .item = h->item, .leaf = &fs_leaf_none};
	struct fs_text text = {0};

	fs_text_printf(t, "bytes %llu\nchanges %llu\n", (unsigned long long)st->bytes,
		       (unsigned long long)st->changes);
	/* A value in one line; where its lock is busy, none. */
	if (h->item->kind == IPCFS_VALUE && show(&plain, &text) == 0 && text.len) {
		char line[1024];

		ipcfs_escape(line, sizeof(line), text.bytes, text.len - 1, IPCFS_STRING_DEFAULT);
		fs_text_printf(t, "value %s\n", line);
	}
	free(text.bytes);
}

static int command(struct fs_handle *h, const char *word, size_t len, bool act)
{
	(void)h;
	(void)word;
	(void)len;
	(void)act;
	return -EINVAL;
}

const struct fs_kind fs_value_kind = {
	.show = show,
	.write = write_request,
	.replace = replace,
	.stat = stat_lines,
	.command = command,
};

const struct fs_kind fs_array_kind = {
	.show = show,
	.write = write_request,
	.replace = replace,
	.stat = stat_lines,
	.command = command,
};
