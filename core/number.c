/* SPDX-License-Identifier: MIT
 *
 * number.c - integers, byte counts and durations from text.
 */
#include "forms.h"

#include <errno.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

const char *ipcfs_trim(const char *s, size_t *len)
{
	while (*len > 0 && is_blank(s[*len - 1]))
		(*len)--;
	while (*len > 0 && is_blank(*s)) {
		s++;
		(*len)--;
	}
	return s;
}

/* Takes all digits even where they are too many, so that the caller can see whether what comes
 * after them is of the form: -EINVAL goes before -ERANGE. */
static int take_u64(struct text_span *text, uint64_t *out)
{
	struct text_span digits = text_take_digits(text);
	uint64_t v = 0;

	if (digits.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < digits.len; i++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (unsigned)(digits.s[i] - '0'), &v))
			return -ERANGE;
	*out = v;
	return 0;
}

int ipcfs_parse_u64(const char *s, size_t len, uint64_t *out)
{
	struct text_span text = {s, len};
	uint64_t v = 0;
	int r = take_u64(&text, &v);

	if (text.len > 0)
		return -EINVAL;
	if (r == 0)
		*out = v;
	return r;
}

int ipcfs_parse_i64(const char *s, size_t len, int64_t *out)
{
	struct text_span text = {s, len};
	bool negative = text_take_sign(&text);
	uint64_t v = 0;
	int r = ipcfs_parse_u64(text.s, text.len, &v);

	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*out = (int64_t)(negative ? 0 - v : v);
	return 0;
}

/* A minus is of the form, but no unsigned number has one. */
int text_parse_unsigned(const char *s, size_t len, uint64_t *out)
{
	struct text_span text = {s, len};
	bool negative = text_take_sign(&text);
	uint64_t v = 0;
	int r = ipcfs_parse_u64(text.s, text.len, &v);

	if (r < 0)
		return r;
	if (negative)
		return -ERANGE;
	*out = v;
	return 0;
}

int ipcfs_parse_bytes(const char *s, size_t len, uint64_t *out)
{
	struct text_span text = {s, len};
	uint64_t v = 0;
	int r = take_u64(&text, &v);
	int shift = text_take(&text, 'k') ? 10 :
		    text_take(&text, 'M') ? 20 :
		    text_take(&text, 'G') ? 30 :
					    0;

	if (text.len > 0)
		return -EINVAL;
	if (r < 0)
		return r;
	if (v > UINT64_MAX >> shift)
		return -ERANGE;
	*out = v << shift;
	return 0;
}

/* Nanoseconds of a unit, 0: no such unit. */
static uint64_t duration_unit_ns(struct text_span name)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"", 1000000000},
		{"ns", 1},
		{"us", 1000},
		{"ms", 1000000},
		{"s", 1000000000},
		{"m", UINT64_C(60000000000)},
		{"h", UINT64_C(3600000000000)},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (name.len == strlen(units[i].name) &&
		    (name.len == 0 || memcmp(name.s, units[i].name, name.len) == 0))
			return units[i].ns;
	return 0;
}

/* unit_ns times 0.digits, rounded up: a wait may end late, not early, and what is not 0 must not
 * turn into "do not wait". Rounding at each digit, last one first, is exact for rounding up. */
static uint64_t fraction_ns(uint64_t unit_ns, struct text_span digits)
{
	uint64_t ns = 0;

	for (size_t i = digits.len; i > 0; i--)
		ns = (unit_ns * (unsigned)(digits.s[i - 1] - '0') + ns + 9) / 10;
	return ns;
}

int ipcfs_parse_duration(const char *s, size_t len, int64_t *ns)
{
	struct text_span text = {s, len};
	struct text_span fraction = {NULL, 0};
	uint64_t whole = 0;
	int r = take_u64(&text, &whole);

	if (r == -EINVAL)
		return r;
	if (text_take(&text, '.')) {
		fraction = text_take_digits(&text);
		if (fraction.len == 0)
			return -EINVAL;
	}
	uint64_t unit_ns = duration_unit_ns(text);
	if (unit_ns == 0)
		return -EINVAL;
	uint64_t part_ns = fraction_ns(unit_ns, fraction);
	if (r < 0 || whole > ((uint64_t)INT64_MAX - part_ns) / unit_ns)
		return -ERANGE;
	*ns = (int64_t)(whole * unit_ns + part_ns);
	return 0;
}
