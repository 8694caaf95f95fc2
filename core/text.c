/* SPDX-License-Identifier: MIT
 *
 * text.c - elements from text and to text, characters, and bytes for people to read. Numbers are in
 * number.c and float.c, arithmetic is in arith.c. All is pure: it keeps no state and allocates nothing,
 * whatever the length of a text. An output is stored by success alone.
 */
#include "forms.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- UTF-8 ---------------------------------------------------------------------- */

/* The bytes of the character that s[0..len) begins with; 0: it begins with none. */
static size_t utf8_decode(const char *s, size_t len, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = len > 0 ? (unsigned char)s[0] : 0xff;
	size_t n = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (n == 0 || n > len || lead >= 0xf8)
		return 0;
	uint32_t v = n == 1 ? lead : lead & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (s[i] & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*code = v;
	return n;
}

/* What a mapping's user stored may be no character at all: then U+FFFD. */
static int utf8_encode(uint32_t code, char *buf)
{
	static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		code = 0xfffd;
	int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (int i = n - 1; i > 0; i--, code >>= 6)
		buf[i] = (char)(0x80 | (code & 0x3f));
	buf[0] = (char)(leads[n] | code);
	buf[n] = '\0';
	return n;
}

/* Bad UTF-8 anywhere goes before a second character. */
static int parse_character(struct text_span text, uint32_t *out)
{
	uint32_t code = 0, other;
	size_t at = utf8_decode(text.s, text.len, &code);

	if (at == 0 && text.len > 0)
		return -EINVAL;
	int r = at < text.len ? -ERANGE : 0;
	while (at < text.len) {
		size_t n = utf8_decode(text.s + at, text.len - at, &other);
		if (n == 0)
			return -EINVAL;
		at += n;
	}
	if (r == 0)
		*out = code;
	return r;
}

/* ---- elements ------------------------------------------------------------------- */

static int parse_number(const struct text_type *t, struct text_span text, bool narrow,
			union ipcfs_number *n)
{
	text.s = ipcfs_trim(text.s, &text.len);
	switch (t->form) {
	case FORM_BOOL:
	case FORM_SIGNED:
		return ipcfs_parse_i64(text.s, text.len, &n->i);
	case FORM_UNSIGNED:
		return text_parse_unsigned(text.s, text.len, &n->u);
	case FORM_FLOAT:
		return text_parse_float(text.s, text.len, narrow, &n->f);
	default:
		return -EINVAL;
	}
}

int ipcfs_parse_number(char type, const char *s, size_t len, union ipcfs_number *n)
{
	const struct text_type *t = text_type(type);
	struct text_span text = {s, len};

	return t == NULL ? -EINVAL : parse_number(t, text, false, n);
}

static int parse_byte(struct text_span text, char *out)
{
	if (text.len > 1)
		return -ERANGE;
	*out = text.len == 1 ? *text.s : '\0';
	return 0;
}

int ipcfs_parse_element(char type, const char *s, size_t len, void *out)
{
	const struct text_type *t = text_type(type);
	struct text_span text = {s, len};
	union ipcfs_number n;
	uint32_t code;

	if (t == NULL)
		return -EINVAL;
	if (t->form == FORM_BYTE || t->form == FORM_CHARACTER) {
		if (len > 0 && s[len - 1] == '\n')
			text.len--;
		if (t->form == FORM_BYTE)
			return parse_byte(text, out);
		int r = parse_character(text, &code);
		if (r == 0)
			text_store(code, t->size, out);
		return r;
	}
	int r = parse_number(t, text, t->size == sizeof(float), &n);
	return r < 0 ? r : ipcfs_number_put(type, n, out);
}

int ipcfs_format_element(char type, const void *in, char *buf)
{
	const struct text_type *t = text_type(type);
	union ipcfs_number n;

	if (t == NULL)
		return -EINVAL;
	ipcfs_number_get(type, in, &n);
	switch (t->form) {
	case FORM_BOOL:
	case FORM_SIGNED:
		return snprintf(buf, IPCFS_NUMBER_TEXT, "%" PRId64, n.i);
	case FORM_UNSIGNED:
		return snprintf(buf, IPCFS_NUMBER_TEXT, "%" PRIu64, n.u);
	case FORM_FLOAT:
		return text_format_float(n.f, t->size == sizeof(float), buf);
	case FORM_BYTE:
		memcpy(buf, in, 1);
		buf[1] = '\0';
		return 1;
	case FORM_CHARACTER:
		return utf8_encode((uint32_t)text_load(in, t->size), buf);
	}
	return -EINVAL;
}

static bool has_digit(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] >= '0' && s[i] <= '9')
			return true;
	return false;
}

int ipcfs_guess_type(const char *s, size_t len, char *type)
{
	int64_t i;

	s = ipcfs_trim(s, &len);
	int r = ipcfs_parse_i64(s, len, &i);
	if (r == -ERANGE)
		return r;
	/* inf and nan are words, too: they are numbers only where a number is wanted. */
	*type = r == 0 ? 'q' : text_is_float(s, len) && has_digit(s, len) ? 'd' : 's';
	return 0;
}

/* ---- text for people ------------------------------------------------------------ */

enum { ESCAPED_MAX = 2 * 4 + 1 }; /* a C1 control character: two bytes, each as \xHH */

/* One byte or character from s[0..len), printable, to `to`; returns how many bytes it took. */
static size_t escape_one(const char *s, size_t len, char to[ESCAPED_MAX])
{
	uint32_t code = 0;
	size_t n = utf8_decode(s, len, &code);
	const char *word = *s == '\n' ? "\\n" : *s == '\t' ? "\\t" : *s == '\\' ? "\\\\" : NULL;

	if (word != NULL) {
		snprintf(to, ESCAPED_MAX, "%s", word);
	} else if (n > 0 && code >= 0x20 && (code < 0x7f || code > 0x9f)) {
		memcpy(to, s, n);
		to[n] = '\0';
	} else {
		n = n == 0 ? 1 : n;
		for (size_t i = 0; i < n; i++)
			snprintf(to + 4 * i, ESCAPED_MAX - 4 * i, "\\x%02x", (unsigned char)s[i]);
	}
	return n;
}

size_t ipcfs_escape(char *dst, size_t dst_size, const char *s, size_t len, size_t max)
{
	static const char dots[] = "...";
	char one[ESCAPED_MAX];
	size_t at = 0, used = 0;
	size_t last = 0; /* the last end of a character at which there is room for dots */

	if (dst_size == 0)
		return 0;
	while (at < len) {
		size_t n = escape_one(s + at, len - at, one);
		size_t size = strlen(one);
		if (n > max - at || size >= dst_size - used)
			break;
		memcpy(dst + used, one, size);
		at += n;
		used += size;
		if (dst_size - used >= sizeof(dots))
			last = used;
	}
	if (at < len && dst_size >= sizeof(dots)) {
		memcpy(dst + last, dots, sizeof(dots) - 1);
		used = last + sizeof(dots) - 1;
	}
	dst[used] = '\0';
	return used;
}
