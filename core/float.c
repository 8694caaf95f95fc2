/* SPDX-License-Identifier: MIT
 *
 * float.c - floats from text and to text.
 *
 * No locale may decide how a value reads, and setlocale(3) in another thread must do no harm.
 * So strtod(3) is never shown a decimal point, and the one that printf(3) writes is never looked
 * at: every float passes through struct decimal, its digits and a power of ten, as in "15e-1".
 */
#include "forms.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- floats from text ----------------------------------------------------------- */

/* No double, and no point half-way between two, has more than 768 digits: of those past
 * DECIMAL_DIGITS it only matters whether all are 0, and one digit more can tell that. */
enum {
	DECIMAL_DIGITS = 800,
	DECIMAL_TEXT = DECIMAL_DIGITS + 32, /* sign, that digit, exponent, NUL */
};
#define EXPONENT_FAR INT64_C(100000000000000000) /* more than a text's length makes up for */

/* digits[0..n) times 10^exponent, without leading zeros (n is 0 for 0), or a name. */
struct decimal {
	bool negative;
	const char *name; /* "inf", "nan" or NULL */
	int64_t exponent;
	size_t n;
	char digits[DECIMAL_DIGITS + 1];
};

static const char *take_name(struct text_span *text)
{
	static const char *const names[] = {"inf", "nan"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t k = 0;
		while (k < 3 && k < text->len && (text->s[k] | 0x20) == names[i][k])
			k++;
		if (k < 3)
			continue;
		text->s += k;
		text->len -= k;
		return names[i];
	}
	return NULL;
}

/* Stays within EXPONENT_FAR * 10, where a number is 0 or infinite anyway. */
static int take_exponent(struct text_span *text, int64_t *exponent)
{
	bool negative = text_take_sign(text);
	struct text_span digits = text_take_digits(text);
	int64_t v = 0;

	if (digits.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < digits.len && v < EXPONENT_FAR; i++)
		v = v * 10 + (digits.s[i] - '0');
	*exponent = negative ? -v : v;
	return 0;
}

/* Appends digits; true where some that matter found no room. */
static bool add_digits(struct decimal *d, struct text_span digits)
{
	bool lost = false;

	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.s[i];
		if (d->n == 0 && c == '0')
			continue;
		if (d->n < DECIMAL_DIGITS) {
			d->digits[d->n++] = c;
		} else {
			d->exponent++;
			lost = lost || c != '0';
		}
	}
	return lost;
}

static int scan_float(const char *s, size_t len, struct decimal *d)
{
	struct text_span text = {s, len};
	struct text_span fraction = {NULL, 0};

	d->n = 0;
	d->exponent = 0;
	d->negative = text_take_sign(&text);
	d->name = take_name(&text);
	if (d->name != NULL)
		return text.len > 0 ? -EINVAL : 0;
	struct text_span whole = text_take_digits(&text);
	if (text_take(&text, '.'))
		fraction = text_take_digits(&text);
	if (whole.len == 0 && fraction.len == 0)
		return -EINVAL;
	if ((text_take(&text, 'e') || text_take(&text, 'E')) &&
	    take_exponent(&text, &d->exponent) < 0)
		return -EINVAL;
	if (text.len > 0)
		return -EINVAL;
	d->exponent -= (int64_t)fraction.len;
	bool lost_whole = add_digits(d, whole);
	if (add_digits(d, fraction) || lost_whole) {
		d->digits[d->n++] = '1';
		d->exponent--;
	}
	return 0;
}

/* The nearest double, or with `narrow` the nearest float: by way of a double some would be
 * rounded twice, to the wrong one. Infinite where it is too large. */
static double decimal_value(const struct decimal *d, bool narrow)
{
	char text[DECIMAL_TEXT];
	size_t at = 0;
	int exponent = d->exponent > 9999 ? 9999 : d->exponent < -9999 ? -9999 : (int)d->exponent;

	if (d->negative)
		text[at++] = '-';
	if (d->name == NULL) {
		memcpy(text + at, d->digits, d->n);
		at += d->n;
		snprintf(text + at, sizeof(text) - at, "%se%d", d->n == 0 ? "0" : "", exponent);
	} else {
		snprintf(text + at, sizeof(text) - at, "%s", d->name);
	}
	return narrow ? (double)strtof(text, NULL) : strtod(text, NULL);
}

int text_parse_float(const char *s, size_t len, bool narrow, double *out)
{
	struct decimal d;
	int r = scan_float(s, len, &d);

	if (r < 0)
		return r;
	double v = decimal_value(&d, narrow);
	if (isinf(v) && d.name == NULL)
		return -ERANGE;
	*out = v;
	return 0;
}

bool text_is_float(const char *s, size_t len)
{
	struct decimal d;

	return scan_float(s, len, &d) == 0;
}

/* ---- floats to text ------------------------------------------------------------- */

/* The decimal of so many digits that is nearest to x, which is finite and not negative. */
static void nearest_decimal(double x, int digits, struct decimal *d)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*e", digits - 1, x);
	const char *e = strrchr(text, 'e');
	d->negative = false;
	d->name = NULL;
	d->exponent = strtol(e + 1, NULL, 10) - (digits - 1);
	d->n = 1;
	d->digits[0] = text[0];
	for (const char *p = text + 1; p < e; p++)
		if (text_is_digit(*p))
			d->digits[d->n++] = *p;
}

/* Finds a decimal of so many digits that reads back as x. The nearest one does, if any does, but
 * at powers of two: what reads as x reaches twice as far up from there as down. Then the next one
 * up may; not past a 9, since that one is shorter and was tried before. */
static bool find_decimal(double x, int digits, bool narrow, struct decimal *d)
{
	int power;

	nearest_decimal(x, digits, d);
	if (decimal_value(d, narrow) == x)
		return true;
	if (frexp(x, &power) != 0.5 || d->digits[d->n - 1] == '9')
		return false;
	d->digits[d->n - 1]++;
	return decimal_value(d, narrow) == x;
}

/* The shortest one that reads back as x. A normal number that has one of FLT_DIG or DBL_DIG
 * digits at the most gets it at that length, with zeros behind; a subnormal may not. */
static void shortest_decimal(double x, bool narrow, struct decimal *d)
{
	bool normal = narrow ? isnormal((float)x) : isnormal(x);
	int most = narrow ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;
	int digits = !normal ? 1 : narrow ? FLT_DIG : DBL_DIG;

	while (!find_decimal(x, digits, narrow, d) && digits < most)
		digits++;
	while (d->n > 1 && d->digits[d->n - 1] == '0') {
		d->n--;
		d->exponent++;
	}
}

/* As Python's repr: with an exponent below 1e-4 and from 1e16 on, else with a point. */
static int lay_out(const struct decimal *d, char *buf, size_t size)
{
	static const char zeros[] = "0000000000000000";
	const char *digits = d->digits;
	int n = (int)d->n;
	int point = n + (int)d->exponent; /* digits before the decimal point */

	if (point <= -4 || point > 16)
		return snprintf(buf, size, "%.1s%s%.*se%+03d", digits, n > 1 ? "." : "", n - 1,
				digits + 1, point - 1);
	if (point <= 0)
		return snprintf(buf, size, "0.%.*s%.*s", -point, zeros, n, digits);
	if (point >= n)
		return snprintf(buf, size, "%.*s%.*s.0", n, digits, point - n, zeros);
	return snprintf(buf, size, "%.*s.%.*s", point, digits, n - point, digits + point);
}

int text_format_float(double x, bool narrow, char *buf)
{
	const char *sign = signbit(x) ? "-" : "";
	struct decimal d;

	if (isnan(x))
		return snprintf(buf, IPCFS_NUMBER_TEXT, "nan");
	if (isinf(x))
		return snprintf(buf, IPCFS_NUMBER_TEXT, "%sinf", sign);
	shortest_decimal(fabs(x), narrow, &d);
	int len = snprintf(buf, IPCFS_NUMBER_TEXT, "%s", sign);
	return len + lay_out(&d, buf + len, IPCFS_NUMBER_TEXT - (size_t)len);
}
