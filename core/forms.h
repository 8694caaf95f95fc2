/* SPDX-License-Identifier: MIT
 *
 * forms.h - what the files behind text.h share: text.c (elements, characters), number.c, float.c and
 * arith.c.
 */
#ifndef IPCFS_FORMS_H
#define IPCFS_FORMS_H

#include "text.h"

/* ---- what is left of a text ------------------------------------------------------- */

/* It may be NULL and 0, so it is never added to without need. */
struct text_span {
	const char *s;
	size_t len;
};

static inline bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool text_take(struct text_span *text, char c)
{
	if (text->len == 0 || *text->s != c)
		return false;
	text->s++;
	text->len--;
	return true;
}

/* True for a minus. */
static inline bool text_take_sign(struct text_span *text)
{
	return !text_take(text, '+') && text_take(text, '-');
}

static inline struct text_span text_take_digits(struct text_span *text)
{
	struct text_span digits = {text->s, 0};

	while (text->len > 0 && text_is_digit(*text->s)) {
		text->s++;
		text->len--;
		digits.len++;
	}
	return digits;
}

/* ---- number.c --------------------------------------------------------------------- */

/* A minus is of the form, but no unsigned number has one: -ERANGE. */
int text_parse_unsigned(const char *s, size_t len, uint64_t *out);

/* ---- float.c ---------------------------------------------------------------------- */

bool text_is_float(const char *s, size_t len);
/* The nearest double, or with `narrow` the nearest float. */
int text_parse_float(const char *s, size_t len, bool narrow, double *out);
/* buf has IPCFS_NUMBER_TEXT bytes. */
int text_format_float(double x, bool narrow, char *buf);

/* ---- arith.c ---------------------------------------------------------------------- */

enum text_form { FORM_BOOL, FORM_SIGNED, FORM_UNSIGNED, FORM_FLOAT, FORM_BYTE, FORM_CHARACTER };

struct text_type {
	char code;
	unsigned char size;
	enum text_form form;
};

/* NULL for s and for codes that do not exist. */
const struct text_type *text_type(char code);
/* The bits of one number in the machine's format, at any address. */
uint64_t text_load(const void *in, size_t size);
void text_store(uint64_t v, size_t size, void *out);

#endif
