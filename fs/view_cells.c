/* SPDX-License-Identifier: MIT
 *
 * view_cells.c - values and arrays as files: elements as text, slices, arithmetic, raw bytes; and names
 * that are pending: a value or array whose type or length the first content decides. A pending
 * name is a hidden file .NAME in the store that holds the properties given so far.
 */
#include "fs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/object.h"
#include "../core/sys.h"
#include "../core/text.h"

/* ---- elements from text --------------------------------------------------------------------- */

static const char *type_words(char type)
{
	static const char *const words[128] = {
		['?'] = "a bool (0 or 1)", ['b'] = "an int8",  ['B'] = "a uint8",
		['h'] = "an int16",	   ['H'] = "a uint16", ['i'] = "an int32",
		['I'] = "a uint32",	   ['l'] = "an int64", ['L'] = "a uint64",
		['q'] = "an int64",	   ['Q'] = "a uint64", ['f'] = "a float32",
		['d'] = "a float64",	   ['c'] = "one byte", ['u'] = "one character",
		['s'] = "a string",
	};

	return words[type & 127];
}

static bool is_text(char type)
{
	return type == 'c' || type == 'u' || type == 's';
}

static size_t drop_newline(const char *s, size_t len)
{
	return len && s[len - 1] == '\n' ? len - 1 : len;
}

struct cells {
	char type;
	size_t element;
	uint64_t count; /* elements in bytes */
	char *bytes;	/* malloc'd */
};

static int parse_one(struct cells *c, const char *s, size_t len)
{
	char *to = c->bytes + c->count * c->element;
	int rc = 0;

	if (c->type == 's') {
		if (len > c->element)
			return fs_fail(-ERANGE, "%s is longer than %zu bytes", fs_quote(s, len),
				       c->element);
		memset(to, 0, c->element);
		memcpy(to, s, len);
	} else {
		rc = ipcfs_parse_element(c->type, s, len, to);
	}
	if (rc < 0) {
		s = ipcfs_trim(s, &len);
		return fs_fail(rc, rc == -ERANGE ? "%s does not fit %s" : "%s is not %s",
			       fs_quote(s, len), type_words(c->type));
	}
	c->count++;
	return 0;
}

/* The next word (numbers) or line (strings); false at the end. */
static bool next_token(char type, const char **at, const char *end, const char **s, size_t *len)
{
	const char *p = *at;

	while (type != 's' && p < end && isspace((unsigned char)*p))
		p++;
	if (p == end)
		return false;
	*s = p;
	while (p < end && (type == 's' ? *p != '\n' : !isspace((unsigned char)*p)))
		p++;
	*len = (size_t)(p - *s);
	*at = p < end ? p + 1 : p;
	return true;
}

static uint64_t count_tokens(char type, const char *text, size_t len)
{
	const char *at = text, *s;
	uint64_t n = 0;
	size_t l;

	while (next_token(type, &at, text + len, &s, &l))
		n++;
	return n;
}

/* Characters of c and u: no separators, the rest of `room` is NULs. */
static int parse_characters(struct cells *c, const char *text, size_t len, uint64_t room)
{
	size_t at = 0;

	len = drop_newline(text, len);
	memset(c->bytes, 0, room * c->element);
	while (at < len) {
		size_t n = 1;
		int rc;

		while (c->type == 'u' && at + n < len &&
		       ((unsigned char)text[at + n] & 0xc0) == 0x80)
			n++;
		if (c->count == room)
			return fs_fail(-ERANGE, "%s is longer than %llu characters",
				       fs_quote(text, len), (unsigned long long)room);
		if (text[at] == '\n') /* alone it would count as the final newline */
			c->bytes[c->count++ * c->element] = '\n';
		else if ((rc = parse_one(c, text + at, n)) < 0)
			return rc;
		at += n;
	}
	c->count = room;
	return 0;
}

/* Text for `want` elements: as many, or one for all (c->count tells); 0: as many as there are. */
static int parse_elements(struct cells *c, const char *text, size_t len, uint64_t want, bool fill)
{
	bool characters = c->type == 'c' || c->type == 'u';
	uint64_t n = characters ? drop_newline(text, len) : count_tokens(c->type, text, len);
	const char *at = text, *s;
	size_t l;
	int rc = 0;

	if (characters && want)
		n = want;
	if (n == 0)
		return fs_fail(-EINVAL, "there is no element");
	if (!characters && want && n != want && !(fill && n == 1))
		return fs_fail(-EINVAL, "%llu elements are given for %llu", (unsigned long long)n,
			       (unsigned long long)want);
	if (n > IPCFS_ARRAY_BYTES_MAX / c->element)
		return -ERANGE;
	c->bytes = malloc(n * c->element + 8);
	if (!c->bytes)
		return -ENOMEM;
	if (characters)
		return parse_characters(c, text, len, n);
	while (rc == 0 && next_token(c->type, &at, text + len, &s, &l))
		rc = parse_one(c, s, l);
	return rc;
}

/* ---- writing -------------------------------------------------------------------------------------- */

/* Where a write goes, and on what condition. */
struct target {
	struct fs_item *item;
	struct fs_handle *handle; /* NULL: mv */
	uint64_t first, last;
	bool slice; /* named by range or `at`: one element may stand for all */
};

static int range_of(struct target *t, uint64_t *first, uint64_t *count);
static struct target target_of(struct fs_handle *h);
static void add_cells(struct fs_text *t, const struct ipcfs_object *o, const char *bytes,
		      size_t len);

/* A handle that also reads will read the result of its own operation: what it shows is read back in the
 * same step, if that is not much. */
static void want_back(struct target *t, struct ipcfs_op *op)
{
	struct fs_handle *h = t->handle;
	struct target whole;

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

static void keep_back(struct fs_handle *h, const struct ipcfs_op *op)
{
	struct fs_text text = {0};

	add_cells(&text, h->item->object, op->out, op->out_len);
	fs_handle_forget_text(h);
	h->text = text.bytes;
	h->text_len = text.len;
	h->has_text = h->fresh = !text.failed;
}

static int run(struct target *t, struct ipcfs_op *op)
{
	struct fs_handle *h = t->handle;
	bool cas = h && h->leaf.options & FS_O_CAS;
	int rc;

	if (cas && !h->has_changes)
		return fs_fail(-ECANCELED, "\"cas\" has nothing to compare with before a read");
	if (cas) {
		op->flags |= IPCFS_OP_CAS;
		op->changes = h->changes;
	}
	want_back(t, op);
	rc = fs_view_engine_item(t->item, op);
	if (rc == -ECANCELED)
		fs_words("it has changed since this handle's last read");
	if (rc == 0) {
		fs_park_changed(t->item);
		if (h && op->out)
			keep_back(h, op);
		if (h) {
			h->changes = op->changes;
			h->has_changes = true;
		}
	}
	free(op->out);
	return rc;
}

static int range_of(struct target *t, uint64_t *first, uint64_t *count)
{
	uint64_t n = t->item->object->cells.count;
	uint64_t last = t->last == UINT64_MAX ? n : t->last;

	if (t->first >= n || last > n)
		return fs_fail(-ERANGE, "the array has %llu elements", (unsigned long long)n);
	*first = t->first;
	*count = last - t->first;
	return 0;
}

/* "add 5", "+=5": which operation; *s and *len become the operand. -ENOENT: none. */
static int operation(const char **s, size_t *len, enum ipcfs_arith *op)
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

static int write_arith(struct target *t, enum ipcfs_arith arith, const char *s, size_t len)
{
	char type = t->item->object->cells.type;
	struct ipcfs_op op = {.verb = IPCFS_V_ARITH, .arith = arith};
	int rc = range_of(t, &op.first, &op.count);

	if (rc < 0)
		return rc;
	s = ipcfs_trim(s, &len);
	rc = ipcfs_parse_number(type, s, len, &op.operand);
	if (rc < 0)
		return fs_fail(rc, "%s is not %s", fs_quote(s, len), type_words(type));
	rc = run(t, &op);
	if (rc == -ERANGE)
		fs_words("the result does not fit %s", type_words(type));
	if (rc == -EINVAL)
		fs_words("%s has no such operation", type_words(type));
	return rc;
}

/* A string value: its bytes but one final newline. */
static int write_string(struct target *t, const char *s, size_t len)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_WRITE, .count = 1, .in = s, .in_len = drop_newline(s, len)};
	int rc = run(t, &op);

	if (rc == -ERANGE)
		fs_words("%s is longer than %zu bytes", fs_quote(s, op.in_len),
			 t->item->object->cells.element);
	return rc;
}

static int write_elements(struct target *t, const char *s, size_t len)
{
	struct ipcfs_object *o = t->item->object;
	struct cells c = {.type = o->cells.type, .element = o->cells.element};
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE};
	int rc;

	if (o->cells.scalar && c.type == 's')
		return write_string(t, s, len);
	rc = range_of(t, &op.first, &op.count);
	if (rc == 0 && o->cells.scalar) { /* the whole text is one element: "1 2" is no number */
		c.bytes = calloc(1, 8);
		rc = c.bytes ? parse_one(&c, s, len) : -ENOMEM;
	} else if (rc == 0) {
		rc = parse_elements(&c, s, len, op.count, t->slice);
	}
	if (rc == 0) {
		if (c.count < op.count)
			op.flags |= IPCFS_OP_FILL;
		op.in = c.bytes;
		op.in_len = c.count * c.element;
		rc = run(t, &op);
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

static int write_text(struct target *t, const char *s, size_t len)
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
	if (!is_text(type) && (scalar || t->slice) && operation(&text, &text_len, &arith) == 0)
		return write_arith(t, arith, text, text_len);
	return write_elements(t, s, len);
}

static struct target target_of(struct fs_handle *h)
{
	struct target t = {.item = h->item, .handle = h, .last = UINT64_MAX};

	if (h->leaf.options & FS_O_AT) {
		t.first = h->leaf.at_first;
		t.last = h->leaf.at_last;
		t.slice = true;
	}
	return t;
}

/* ---- pending names ------------------------------------------------------------------------------------ */

static int pending_properties(struct fs_item *item, struct ipcfs_properties *p,
			      struct ipcfs_maker *maker)
{
	char path[FS_PATH], text[128] = "";
	struct stat st;
	int fd, rc = fs_item_path(item, path);

	memset(p, 0, sizeof(*p));
	if (rc < 0)
		return rc;
	fd = sys_open_beneath(fs.dirfd, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd == -ENOENT ? -EIDRM : fd;
	rc = sys_fstat(fd, &st);
	if (rc == 0 && sys_pread(fd, text, sizeof(text) - 1, 0) > 0)
		fs_properties_parse(item->kind, text, p);
	sys_close(fd);
	p->given &= IPCFS_P_TYPE | IPCFS_P_LEN;
	*maker = (struct ipcfs_maker){st.st_uid, st.st_gid, st.st_mode & 01777};
	return rc;
}

int fs_check_pending(struct fs_item *item, const struct ipcfs_properties *p)
{
	struct ipcfs_properties is;
	struct ipcfs_maker maker;
	int rc = pending_properties(item, &is, &maker);

	if (rc < 0)
		return rc;
	if ((p->given & IPCFS_P_TYPE && (!(is.given & IPCFS_P_TYPE) || is.type != p->type)) ||
	    (p->given & IPCFS_P_LEN && (!(is.given & IPCFS_P_LEN) || is.len != p->len)))
		return fs_fail(-EEXIST, "it exists with other properties");
	return 0;
}

/* q, d or s for all the words of an array. */
static int guess_all(const char *s, size_t len, char *type)
{
	const char *at = s, *word;
	char each;
	size_t n;
	int rc = 0;

	*type = 'q';
	while (rc == 0 && *type != 's' && next_token('q', &at, s + len, &word, &n)) {
		rc = ipcfs_guess_type(word, n, &each);
		if (rc == 0 && each != 'q')
			*type = each;
	}
	return rc;
}

static int settle_properties(struct fs_item *item, const char *s, size_t len,
			     struct ipcfs_properties *p)
{
	int rc = 0;

	if (!(p->given & IPCFS_P_TYPE)) {
		rc = item->kind == IPCFS_ARRAY ? guess_all(s, len, &p->type) :
						 ipcfs_guess_type(s, len, &p->type);
		p->given |= IPCFS_P_TYPE;
	}
	if (rc < 0) {
		s = ipcfs_trim(s, &len);
		return fs_fail(rc, "%s does not fit an int64", fs_quote(s, len));
	}
	if (item->kind == IPCFS_ARRAY && !(p->given & IPCFS_P_LEN)) {
		p->len = p->type == 'c' ? drop_newline(s, len) : count_tokens(p->type, s, len);
		if (p->type == 'u') {
			p->len = 0;
			for (size_t i = 0; i < drop_newline(s, len); i++)
				p->len += ((unsigned char)s[i] & 0xc0) != 0x80;
		}
		p->given |= IPCFS_P_LEN;
		if (p->len == 0)
			return fs_fail(-EINVAL, "there is no element");
	}
	return 0;
}

/* Would the text do? Asked before there is an object. */
static int rehearse(struct fs_item *item, const struct ipcfs_properties *p, const char *s,
		    size_t len)
{
	struct cells c = {.type = p->type, .element = ipcfs_type_size(p->type)};
	int rc;

	if (p->type == 's')
		c.element = IPCFS_STRING_DEFAULT;
	if (item->kind == IPCFS_ARRAY)
		rc = parse_elements(&c, s, len, p->len, false);
	else if (p->type == 's')
		rc = drop_newline(s, len) > (p->given & IPCFS_P_LEN ? p->len : c.element) ?
			     fs_fail(-ERANGE, "%s is longer than the %zu bytes of a string",
				     fs_quote(s, len), c.element) :
			     0;
	else if ((c.bytes = calloc(1, 8)))
		rc = parse_one(&c, s, len);
	else
		rc = -ENOMEM;
	free(c.bytes);
	return rc;
}

int fs_cells_settle(struct fs_item *item, const char *s, size_t len)
{
	struct target t = {.item = item, .last = UINT64_MAX};
	struct ipcfs_properties p;
	struct ipcfs_maker maker;
	struct ipcfs_object *object;
	char path[FS_PATH];
	int rc = pending_properties(item, &p, &maker);

	if (rc == 0)
		rc = settle_properties(item, s, len, &p);
	if (rc == 0)
		rc = rehearse(item, &p, s, len);
	if (rc == 0)
		rc = fs_item_path_in(item->parent, item->name, false, path);
	if (rc < 0)
		return rc;
	rc = fs.engine->open(fs.store, item->kind, strchr(path, '/') + 1, IPCFS_CREATE | IPCFS_EXCL,
			     &maker, &p, &object);
	if (rc < 0)
		return rc == -EEXIST ? -EBUSY : rc; /* the library was faster: again, as usual */
	fs_item_became(item, object);
	return write_elements(&t, s, len);
}

/* A pending array's words, kept until the handle closes. Whole words that cannot be are refused now. */
static int gather(struct fs_handle *h, const char *s, size_t len)
{
	struct ipcfs_properties p;
	struct ipcfs_maker maker;
	char *grown;
	int rc = pending_properties(h->item, &p, &maker);
	bool whole = len && isspace((unsigned char)s[len - 1]) &&
		     (!h->gathered || !h->gathered_len ||
		      isspace((unsigned char)h->gathered[h->gathered_len - 1]));

	if (rc == 0 && whole && p.given & IPCFS_P_TYPE && !is_text(p.type)) {
		struct cells c = {.type = p.type, .element = ipcfs_type_size(p.type)};

		rc = count_tokens(p.type, s, len) ? parse_elements(&c, s, len, 0, false) : 0;
		free(c.bytes);
	}
	if (rc < 0)
		return rc;
	if (len > FS_TEXT_MAX - h->gathered_len)
		return fs_fail(-EFBIG, "the text is over %d MiB: give len= and write slices",
			       FS_TEXT_MAX >> 20);
	grown = realloc(h->gathered, h->gathered_len + len);
	if (!grown)
		return -ENOMEM;
	memcpy(grown + h->gathered_len, s, len);
	h->gathered = grown;
	h->gathered_len += len;
	return 0;
}

int fs_view_flush(struct fs_handle *h)
{
	struct target t = {.item = h->item, .handle = h, .last = UINT64_MAX};
	int rc;

	if (!h->gathered)
		return 0;
	rc = fs_item_attach(h->item);
	if (rc == 0)
		rc = write_text(&t, h->gathered, h->gathered_len);
	else if (rc == -ENODATA)
		rc = fs_cells_settle(h->item, h->gathered, h->gathered_len);
	free(h->gathered);
	h->gathered = NULL;
	h->gathered_len = 0;
	return rc;
}

static int write_request(struct fs_request *r)
{
	struct target t = target_of(r->handle);
	int rc = r->handle->gathered ? -ENODATA : fs_item_attach(r->item);

	if (rc == -ENODATA && (t.slice || r->handle->leaf.options & FS_O_CAS))
		return fs_fail(-EINVAL, "it has no type yet: the first plain write decides");
	if (rc == -ENODATA)
		return r->item->kind == IPCFS_ARRAY ? gather(r->handle, r->data, r->size) :
						      fs_cells_settle(r->item, r->data, r->size);
	return rc < 0 ? rc : write_text(&t, r->data, r->size);
}

int fs_cells_replace(struct fs_item *from, struct fs_item *to)
{
	struct fs_handle source = {.type = FS_OBJECT, .item = from};
	struct target t = {.item = to, .last = UINT64_MAX};
	struct fs_text text = {0};
	int rc = fs_kind_of(from->kind)->show(&source, &text);

	if (rc == -ENODATA)
		rc = fs_fail(-EINVAL, "the source has no value yet");
	if (rc == 0 && text.failed)
		rc = -EFBIG;
	if (rc == 0) {
		rc = fs_item_attach(to);
		if (rc == -ENODATA)
			rc = fs_cells_settle(to, text.bytes, text.len);
		else if (rc == 0)
			rc = write_elements(&t, text.bytes, text.len);
	}
	free(text.bytes);
	return rc;
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

static void add_element(struct fs_text *t, char type, const char *at, size_t element)
{
	char text[IPCFS_NUMBER_TEXT];
	size_t len = element;

	if (type == 's') {
		while (len && !at[len - 1]) /* as NumPy does */
			len--;
		fs_text_add(t, at, len);
	} else {
		fs_text_add(t, text, (size_t)ipcfs_format_element(type, at, text));
	}
}

/* Elements as lines; those of c and u as one text, up to the first NUL. */
static void add_elements(struct fs_text *t, char type, const char *bytes, size_t element,
			 uint64_t count)
{
	static const char nothing[8];
	bool characters = type == 'c' || type == 'u';

	for (uint64_t i = 0; i < count && !t->failed; i++) {
		const char *at = bytes + i * element;

		if (characters && !memcmp(at, nothing, element))
			break;
		add_element(t, type, at, element);
		if (!characters)
			fs_text_add(t, "\n", 1);
	}
	if (characters)
		fs_text_add(t, "\n", 1);
}

static void add_cells(struct fs_text *t, const struct ipcfs_object *o, const char *bytes,
		      size_t len)
{
	if (o->cells.scalar && o->cells.type == 's') {
		fs_text_add(t, bytes, len);
		fs_text_add(t, "\n", 1);
	} else {
		add_elements(t, o->cells.type, bytes, o->cells.element, len / o->cells.element);
	}
}

static int show(struct fs_handle *h, struct fs_text *t)
{
	struct target target = target_of(h);
	struct ipcfs_op op = {.verb = IPCFS_V_READ};
	struct ipcfs_object *o;
	int rc = fs_item_attach(h->item);

	if (rc == 0)
		rc = range_of(&target, &op.first, &op.count);
	if (rc < 0)
		return rc;
	o = h->item->object;
	op.out_size = op.count * o->cells.element;
	if (op.out_size > FS_TEXT_MAX) {
		t->failed = true;
		return 0;
	}
	op.out = malloc(op.out_size + 8);
	if (!op.out)
		return -ENOMEM;
	rc = fs_view_engine_item(h->item, &op);
	if (rc == 0) {
		add_cells(t, o, op.out, op.out_len);
		h->changes = op.changes;
		h->has_changes = true;
	}
	free(op.out);
	return rc;
}

/* ---- raw ----------------------------------------------------------------------------------------------------- */

uint64_t fs_cells_bytes(struct fs_item *item)
{
	const struct ipcfs_object *o;
	uint64_t length;

	if (fs_item_attach(item) < 0)
		return 0;
	o = item->object;
	if (!o->cells.scalar || o->cells.type != 's')
		return o->cells.bytes;
	length = LOAD(o->control->length); /* a string's own bytes */
	return length < o->cells.bytes ? length : o->cells.bytes;
}

static int read_bytes(struct fs_item *item, uint64_t offset, size_t len, char **out)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READ_RAW, .first = offset, .out_size = len};
	int rc;

	*out = op.out = malloc(len + 1);
	if (!op.out)
		return -ENOMEM;
	rc = fs_view_engine_item(item, &op);
	if (rc < 0)
		free(*out);
	return rc;
}

/* A snapshot, but of what is larger than one read: that is read as it is. */
int fs_cells_raw_read(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	uint64_t bytes, at = (uint64_t)r->offset, n;
	char *copy;
	int rc = fs_item_attach(r->item);

	if (rc < 0 && rc != -ENODATA)
		return rc;
	bytes = fs_cells_bytes(r->item);
	n = at < bytes ? bytes - at : 0;
	n = n < r->size ? n : r->size;
	if (bytes <= FS_MAX_IO && (!h->has_text || at == 0)) {
		rc = bytes ? read_bytes(r->item, 0, bytes, &copy) : 0;
		if (rc < 0)
			return rc;
		fs_handle_forget_text(h);
		h->text = bytes ? copy : NULL;
		h->text_len = bytes;
		h->has_text = true;
	}
	if (bytes <= FS_MAX_IO) {
		n = at < h->text_len ? h->text_len - at :
				       0; /* of the snapshot, not of what is there now */
		n = n < r->size ? n : r->size;
		r->answered = true;
		fs_reply_read(r, n ? h->text + at : NULL, n);
		return 0;
	}
	rc = read_bytes(r->item, at, n, &copy);
	if (rc < 0)
		return rc;
	r->answered = true;
	fs_reply_read(r, copy, n);
	free(copy);
	return 0;
}

int fs_cells_raw_write(struct fs_request *r)
{
	struct target t = {.item = r->item, .handle = r->handle, .last = UINT64_MAX};
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE_RAW,
			      .first = (uint64_t)r->offset,
			      .in = r->data,
			      .in_len = r->size};
	uint64_t bytes;
	int rc = fs_item_attach(r->item);

	if (rc == -ENODATA)
		return fs_fail(-EINVAL, "it has no type yet");
	if (rc < 0)
		return rc;
	bytes = r->item->object->cells.bytes;
	if (r->size > bytes)
		return fs_fail(-EMSGSIZE, "it has %llu bytes", (unsigned long long)bytes);
	rc = run(&t, &op);
	if (rc == -ERANGE)
		fs_words("it ends at byte %llu", (unsigned long long)bytes);
	return rc;
}

/* ---- the kinds --------------------------------------------------------------------------------------------------- */

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	struct fs_handle plain = {.type = FS_OBJECT, .item = h->item};
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
	.stat = stat_lines,
	.command = command,
};

const struct fs_kind fs_array_kind = {
	.show = show,
	.write = write_request,
	.stat = stat_lines,
	.command = command,
};
