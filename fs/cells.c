/* SPDX-License-Identifier: MIT
 *
 * cells.c - elements of values and arrays from text and to text: words of numbers, lines of strings,
 * characters without separators.
 */
#include "cells.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../core/object.h"
#include "../core/text.h"

/* ---- from text ------------------------------------------------------------------------------ */

const char *fs_cells_words(char type)
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

bool fs_cells_is_run(char type)
{
	return type == 'c' || type == 'u';
}

bool fs_cells_is_text(char type)
{
	return fs_cells_is_run(type) || type == 's';
}

size_t fs_cells_drop_newline(const char *s, size_t len)
{
	return len && s[len - 1] == '\n' ? len - 1 : len;
}

int fs_cells_parse_one(struct fs_cells *c, const char *s, size_t len)
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
			       fs_quote(s, len), fs_cells_words(c->type));
	}
	c->count++;
	return 0;
}

/* The next word (numbers) or line (strings); false at the end. */
bool fs_cells_next(char type, const char **at, const char *end, const char **s, size_t *len)
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

uint64_t fs_cells_count(char type, const char *text, size_t len)
{
	const char *at = text, *s;
	uint64_t n = 0;
	size_t l;

	while (fs_cells_next(type, &at, text + len, &s, &l))
		n++;
	return n;
}

/* Characters of c and u: no separators. The rest of `room` is NULs; but a slice wants as many, or one for all. */
static int parse_characters(struct fs_cells *c, const char *text, size_t len, uint64_t room,
			    bool slice)
{
	size_t at = 0;

	len = fs_cells_drop_newline(text, len);
	memset(c->bytes, 0, room * c->element);
	while (at < len) {
		size_t n = 1;
		int rc;

		while (c->type == 'u' && at + n < len &&
		       ((unsigned char)text[at + n] & 0xc0) == 0x80)
			n++;
		if (c->count == room)
			return fs_fail(slice ? -EINVAL : -ERANGE,
				       "%s is longer than %llu characters", fs_quote(text, len),
				       (unsigned long long)room);
		if (text[at] == '\n') /* alone it would count as the final newline */
			c->bytes[c->count++ * c->element] = '\n';
		else if ((rc = fs_cells_parse_one(c, text + at, n)) < 0)
			return rc;
		at += n;
	}
	if (!slice)
		c->count = room;
	else if (c->count != room && c->count != 1)
		return fs_fail(-EINVAL, "%llu characters are given for %llu",
			       (unsigned long long)c->count, (unsigned long long)room);
	return 0;
}

/* Text for `want` elements: as many, or one for all (c->count tells); 0: as many as there are. */
int fs_cells_parse(struct fs_cells *c, const char *text, size_t len, uint64_t want, bool fill)
{
	bool characters = fs_cells_is_run(c->type);
	uint64_t n = characters ? fs_cells_drop_newline(text, len) :
				  fs_cells_count(c->type, text, len);
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
		return parse_characters(c, text, len, n, fill);
	while (rc == 0 && fs_cells_next(c->type, &at, text + len, &s, &l))
		rc = fs_cells_parse_one(c, s, l);
	return rc;
}

/* ---- to text -------------------------------------------------------------------------------- */

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
void fs_cells_add(struct fs_text *t, const struct fs_cells *c)
{
	static const char nothing[8];
	bool characters = fs_cells_is_run(c->type);

	for (uint64_t i = 0; i < c->count && !t->failed; i++) {
		const char *at = c->bytes + i * c->element;

		if (characters && !memcmp(at, nothing, c->element))
			break;
		add_element(t, c->type, at, c->element);
		if (!characters)
			fs_text_add(t, "\n", 1);
	}
	if (characters)
		fs_text_add(t, "\n", 1);
}
