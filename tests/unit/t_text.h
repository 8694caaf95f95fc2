/* SPDX-License-Identifier: MIT
 *
 * t_text.h - what the tests of texts share: memory of exactly a text's length, guard bytes around an output, rows that are
 * named in failures.
 */
#ifndef T_TEXT_H
#define T_TEXT_H

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TEXT(literal) literal, sizeof(literal) - 1

enum { GUARD = 0xa5, RANDOM_ROUNDS = 20000 };

static inline void same_int(const char *name, const char *what, intmax_t got, intmax_t want)
{
	if (got != want)
		fail_msg("%s: %s is %jd, not %jd", name, what, got, want);
}

static inline void same_uint(const char *name, const char *what, uintmax_t got, uintmax_t want)
{
	if (got != want)
		fail_msg("%s: %s is %ju, not %ju", name, what, got, want);
}

static inline void same_text(const char *name, const char *got, size_t got_len, const char *want,
			     size_t want_len)
{
	if (got_len != want_len || memcmp(got, want, want_len) != 0)
		fail_msg("%s: \"%.*s\" (%zu), not \"%s\" (%zu)", name, (int)got_len, got, got_len,
			 want, want_len);
}

/* A copy that ends where the text ends. */
static inline char *exact(const char *s, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, s, len);
	return copy;
}

struct cell {
	unsigned char bytes[24];
};

static inline bool guards_are_whole(const struct cell *cell, size_t from)
{
	for (size_t i = from; i < sizeof(cell->bytes); i++)
		if (cell->bytes[i] != GUARD)
			return false;
	return true;
}

static inline size_t size_of(char type)
{
	switch (type) {
	case 'h':
	case 'H':
		return sizeof(short);
	case 'i':
	case 'I':
		return sizeof(int);
	case 'l':
	case 'L':
		return sizeof(long);
	case 'q':
	case 'Q':
		return sizeof(long long);
	case 'f':
		return sizeof(float);
	case 'd':
		return sizeof(double);
	case 'u':
		return sizeof(uint32_t);
	default:
		return 1;
	}
}

/* Parses to an address that is aligned for nothing; an error must store nothing. */
static inline int parse(const char *name, char type, const char *s, size_t len, void *out)
{
	struct cell cell;
	char *text = exact(s, len);

	memset(&cell, GUARD, sizeof(cell));
	int r = ipcfs_parse_element(type, text, len, cell.bytes + 1);
	free(text);
	if (cell.bytes[0] != GUARD || !guards_are_whole(&cell, r == 0 ? 1 + size_of(type) : 0))
		fail_msg("%s: stored more than its element", name);
	if (r == 0)
		memcpy(out, cell.bytes + 1, size_of(type));
	return r;
}

/* Formats from an address that is aligned for nothing. */
static inline int format(const char *name, char type, const void *in, char *buf)
{
	struct cell cell;

	memset(&cell, GUARD, sizeof(cell));
	memcpy(cell.bytes + 1, in, size_of(type));
	memset(buf, GUARD, IPCFS_NUMBER_TEXT);
	int n = ipcfs_format_element(type, cell.bytes + 1, buf);
	if (n >= 0 && (n >= IPCFS_NUMBER_TEXT || buf[n] != '\0'))
		fail_msg("%s: no NUL after %d bytes", name, n);
	return n;
}

/* xorshift64, the same numbers in every run. */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A row fails with r, or formats back as want. */
struct element {
	const char *name;
	char type;
	int r;
	const char *s;
	size_t len;
	const char *want;
	size_t want_len;
};
#define FROM(text) .s = (text), .len = sizeof(text) - 1
#define GIVES(text) .want = (text), .want_len = sizeof(text) - 1
#define FAILS(error) .r = -(error)

static inline void check_elements(const struct element *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct element *row = &rows[i];
		struct cell cell;
		char buf[IPCFS_NUMBER_TEXT];

		same_int(row->name, "result", parse(row->name, row->type, row->s, row->len, &cell),
			 row->r);
		if (row->r < 0)
			continue;
		int n = format(row->name, row->type, &cell, buf);
		same_text(row->name, buf, (size_t)n, row->want, row->want_len);
	}
}

#define I(v) ((union ipcfs_number){.i = (v)})
#define U(v) ((union ipcfs_number){.u = (v)})
#define F(v) ((union ipcfs_number){.f = (v)})

#endif
