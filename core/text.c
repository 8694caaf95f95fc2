/* SPDX-License-Identifier: MIT
 *
 * text.c - numbers, sizes, durations and elements, from text and to text. Pure: it keeps no state
 * and allocates nothing, whatever the length of a text. An output is stored by success alone.
 *
 * No locale may decide how a value reads, and setlocale(3) in another thread must do no harm.
 * So strtod(3) is never shown a decimal point, and the one that printf(3) writes is never looked
 * at: every float passes through struct decimal, its digits and a power of ten, as in "15e-1".
 */
#include "text.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- types -------------------------------------------------------------------- */

enum form { FORM_BOOL, FORM_SIGNED, FORM_UNSIGNED, FORM_FLOAT, FORM_BYTE, FORM_CHARACTER };

struct type {
	char code;
	unsigned char size;
	enum form form;
};

static const struct type types[] = {
	{'?', 1, FORM_BOOL},
	{'b', sizeof(signed char), FORM_SIGNED},
	{'B', sizeof(unsigned char), FORM_UNSIGNED},
	{'h', sizeof(short), FORM_SIGNED},
	{'H', sizeof(unsigned short), FORM_UNSIGNED},
	{'i', sizeof(int), FORM_SIGNED},
	{'I', sizeof(unsigned int), FORM_UNSIGNED},
	{'l', sizeof(long), FORM_SIGNED},
	{'L', sizeof(unsigned long), FORM_UNSIGNED},
	{'q', sizeof(long long), FORM_SIGNED},
	{'Q', sizeof(unsigned long long), FORM_UNSIGNED},
	{'f', sizeof(float), FORM_FLOAT},
	{'d', sizeof(double), FORM_FLOAT},
	{'c', 1, FORM_BYTE},
	{'u', sizeof(uint32_t), FORM_CHARACTER},
};

/* NULL for s and for codes that do not exist. */
static const struct type *find_type(char code)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].code == code)
			return &types[i];
	return NULL;
}

/* ---- scanning ----------------------------------------------------------------- */

/* What is left of a text. It may be NULL and 0, so it is never added to without need. */
struct span {
	const char *s;
	size_t len;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take(struct span *text, char c)
{
	if (text->len == 0 || *text->s != c)
		return false;
	text->s++;
	text->len--;
	return true;
}

/* True for a minus. */
static bool take_sign(struct span *text)
{
	return !take(text, '+') && take(text, '-');
}

static struct span take_digits(struct span *text)
{
	struct span digits = {text->s, 0};

	while (text->len > 0 && is_digit(*text->s)) {
		text->s++;
		text->len--;
		digits.len++;
	}
	return digits;
}

/* Takes all digits even where they are too many, so that the caller can see whether what comes
 * after them is of the form: -EINVAL goes before -ERANGE. */
static int take_u64(struct span *text, uint64_t *out)
{
	struct span digits = take_digits(text);
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

/* ---- integers, sizes, durations ------------------------------------------------- */

int ipcfs_parse_u64(const char *s, size_t len, uint64_t *out)
{
	struct span text = {s, len};
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
	struct span text = {s, len};
	bool negative = take_sign(&text);
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
static int parse_unsigned(const char *s, size_t len, uint64_t *out)
{
	struct span text = {s, len};
	bool negative = take_sign(&text);
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
	struct span text = {s, len};
	uint64_t v = 0;
	int r = take_u64(&text, &v);
	int shift = take(&text, 'k') ? 10 : take(&text, 'M') ? 20 : take(&text, 'G') ? 30 : 0;

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
static uint64_t duration_unit_ns(struct span name)
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
static uint64_t fraction_ns(uint64_t unit_ns, struct span digits)
{
	uint64_t ns = 0;

	for (size_t i = digits.len; i > 0; i--)
		ns = (unit_ns * (unsigned)(digits.s[i - 1] - '0') + ns + 9) / 10;
	return ns;
}

int ipcfs_parse_duration(const char *s, size_t len, int64_t *ns)
{
	struct span text = {s, len};
	struct span fraction = {NULL, 0};
	uint64_t whole = 0;
	int r = take_u64(&text, &whole);

	if (r == -EINVAL)
		return r;
	if (take(&text, '.')) {
		fraction = take_digits(&text);
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

static const char *take_name(struct span *text)
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
static int take_exponent(struct span *text, int64_t *exponent)
{
	bool negative = take_sign(text);
	struct span digits = take_digits(text);
	int64_t v = 0;

	if (digits.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < digits.len && v < EXPONENT_FAR; i++)
		v = v * 10 + (digits.s[i] - '0');
	*exponent = negative ? -v : v;
	return 0;
}

/* Appends digits; true where some that matter found no room. */
static bool add_digits(struct decimal *d, struct span digits)
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
	struct span text = {s, len};
	struct span fraction = {NULL, 0};

	d->n = 0;
	d->exponent = 0;
	d->negative = take_sign(&text);
	d->name = take_name(&text);
	if (d->name != NULL)
		return text.len > 0 ? -EINVAL : 0;
	struct span whole = take_digits(&text);
	if (take(&text, '.'))
		fraction = take_digits(&text);
	if (whole.len == 0 && fraction.len == 0)
		return -EINVAL;
	if ((take(&text, 'e') || take(&text, 'E')) && take_exponent(&text, &d->exponent) < 0)
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

static int parse_float(const char *s, size_t len, bool narrow, double *out)
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
		if (is_digit(*p))
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

static int format_float(double x, bool narrow, char *buf)
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
static int parse_character(struct span text, uint32_t *out)
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

/* ---- widest forms --------------------------------------------------------------- */

/* One number in the machine's format. It may lie at any address. */
union cell {
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;
	float f;
	double d;
};

static uint64_t load(const void *in, size_t size)
{
	union cell cell;

	memcpy(&cell, in, size);
	switch (size) {
	case 1:
		return cell.v8;
	case 2:
		return cell.v16;
	case 4:
		return cell.v32;
	default:
		return cell.v64;
	}
}

static void store(uint64_t v, size_t size, void *out)
{
	union cell cell;

	switch (size) {
	case 1:
		cell.v8 = (uint8_t)v;
		break;
	case 2:
		cell.v16 = (uint16_t)v;
		break;
	case 4:
		cell.v32 = (uint32_t)v;
		break;
	default:
		cell.v64 = v;
	}
	memcpy(out, &cell, size);
}

static int64_t load_signed(const void *in, size_t size)
{
	uint64_t sign = UINT64_C(1) << (8 * size - 1);

	return (int64_t)((load(in, size) ^ sign) - sign);
}

static double load_float(const void *in, size_t size)
{
	union cell cell;

	memcpy(&cell, in, size);
	return size == sizeof(float) ? cell.f : cell.d;
}

static void store_float(double v, size_t size, void *out)
{
	union cell cell;

	if (size == sizeof(float))
		cell.f = (float)v;
	else
		cell.d = v;
	memcpy(out, &cell, size);
}

static bool fits(const struct type *t, union ipcfs_number n)
{
	int64_t top = INT64_MAX >> (64 - 8 * t->size);

	switch (t->form) {
	case FORM_BOOL:
		return n.i == 0 || n.i == 1;
	case FORM_SIGNED:
		return n.i <= top && n.i >= -top - 1;
	case FORM_UNSIGNED:
		return n.u <= UINT64_MAX >> (64 - 8 * t->size);
	case FORM_FLOAT:
		return t->size == sizeof(double) || !isfinite(n.f) || isfinite((float)n.f);
	default:
		return false;
	}
}

void ipcfs_number_get(char type, const void *in, union ipcfs_number *n)
{
	const struct type *t = find_type(type);

	n->u = 0;
	if (t == NULL)
		return;
	if (t->form == FORM_BOOL)
		n->i = load(in, t->size) != 0;
	else if (t->form == FORM_SIGNED)
		n->i = load_signed(in, t->size);
	else if (t->form == FORM_UNSIGNED)
		n->u = load(in, t->size);
	else if (t->form == FORM_FLOAT)
		n->f = load_float(in, t->size);
}

int ipcfs_number_put(char type, union ipcfs_number n, void *out)
{
	const struct type *t = find_type(type);

	if (t == NULL || t->form == FORM_BYTE || t->form == FORM_CHARACTER)
		return -EINVAL;
	if (!fits(t, n))
		return -ERANGE;
	if (t->form == FORM_FLOAT)
		store_float(n.f, t->size, out);
	else
		store(t->form == FORM_UNSIGNED ? n.u : (uint64_t)n.i, t->size, out);
	return 0;
}

/* On two's complement the same for signed and unsigned. */
static int op_bits(enum ipcfs_arith op, uint64_t a, uint64_t b, uint64_t *out)
{
	if (op == IPCFS_AND)
		*out = a & b;
	else if (op == IPCFS_OR)
		*out = a | b;
	else if (op == IPCFS_XOR)
		*out = a ^ b;
	else
		return -EINVAL;
	return 0;
}

static int op_signed(enum ipcfs_arith op, int64_t a, int64_t b, union ipcfs_number *out)
{
	switch (op) {
	case IPCFS_ADD:
		return __builtin_add_overflow(a, b, &out->i) ? -ERANGE : 0;
	case IPCFS_SUB:
		return __builtin_sub_overflow(a, b, &out->i) ? -ERANGE : 0;
	case IPCFS_MUL:
		return __builtin_mul_overflow(a, b, &out->i) ? -ERANGE : 0;
	default:
		return op_bits(op, (uint64_t)a, (uint64_t)b, &out->u);
	}
}

static int op_unsigned(enum ipcfs_arith op, uint64_t a, uint64_t b, union ipcfs_number *out)
{
	switch (op) {
	case IPCFS_ADD:
		return __builtin_add_overflow(a, b, &out->u) ? -ERANGE : 0;
	case IPCFS_SUB:
		return __builtin_sub_overflow(a, b, &out->u) ? -ERANGE : 0;
	case IPCFS_MUL:
		return __builtin_mul_overflow(a, b, &out->u) ? -ERANGE : 0;
	default:
		return op_bits(op, a, b, &out->u);
	}
}

/* The result is what will be stored, for f rounded to a float as `x += y` in C does. */
static int op_float(enum ipcfs_arith op, double a, double b, bool narrow, double *out)
{
	double v;

	if (op == IPCFS_ADD)
		v = a + b;
	else if (op == IPCFS_SUB)
		v = a - b;
	else if (op == IPCFS_MUL)
		v = a * b;
	else
		return -EINVAL;
	if (narrow)
		v = (float)v;
	if (isinf(v) && isfinite(a) && isfinite(b))
		return -ERANGE;
	*out = v;
	return 0;
}

int ipcfs_number_op(char type, enum ipcfs_arith op, union ipcfs_number a, union ipcfs_number b,
		    union ipcfs_number *out)
{
	const struct type *t = find_type(type);
	union ipcfs_number v = {0};
	int r = -EINVAL;

	if (t == NULL)
		return r;
	if (t->form == FORM_BOOL || t->form == FORM_SIGNED)
		r = op_signed(op, a.i, b.i, &v);
	else if (t->form == FORM_UNSIGNED)
		r = op_unsigned(op, a.u, b.u, &v);
	else if (t->form == FORM_FLOAT)
		r = op_float(op, a.f, b.f, t->size == sizeof(float), &v.f);
	if (r < 0)
		return r;
	if (!fits(t, v))
		return -ERANGE;
	*out = v;
	return 0;
}

/* ---- elements ------------------------------------------------------------------- */

static int parse_number(const struct type *t, struct span text, bool narrow, union ipcfs_number *n)
{
	text.s = ipcfs_trim(text.s, &text.len);
	switch (t->form) {
	case FORM_BOOL:
	case FORM_SIGNED:
		return ipcfs_parse_i64(text.s, text.len, &n->i);
	case FORM_UNSIGNED:
		return parse_unsigned(text.s, text.len, &n->u);
	case FORM_FLOAT:
		return parse_float(text.s, text.len, narrow, &n->f);
	default:
		return -EINVAL;
	}
}

int ipcfs_parse_number(char type, const char *s, size_t len, union ipcfs_number *n)
{
	const struct type *t = find_type(type);
	struct span text = {s, len};

	return t == NULL ? -EINVAL : parse_number(t, text, false, n);
}

static int parse_byte(struct span text, char *out)
{
	if (text.len > 1)
		return -ERANGE;
	*out = text.len == 1 ? *text.s : '\0';
	return 0;
}

int ipcfs_parse_element(char type, const char *s, size_t len, void *out)
{
	const struct type *t = find_type(type);
	struct span text = {s, len};
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
			store(code, t->size, out);
		return r;
	}
	int r = parse_number(t, text, t->size == sizeof(float), &n);
	return r < 0 ? r : ipcfs_number_put(type, n, out);
}

int ipcfs_format_element(char type, const void *in, char *buf)
{
	const struct type *t = find_type(type);
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
		return format_float(n.f, t->size == sizeof(float), buf);
	case FORM_BYTE:
		memcpy(buf, in, 1);
		buf[1] = '\0';
		return 1;
	case FORM_CHARACTER:
		return utf8_encode((uint32_t)load(in, t->size), buf);
	}
	return -EINVAL;
}

int ipcfs_guess_type(const char *s, size_t len, char *type)
{
	struct decimal d;
	int64_t i;

	s = ipcfs_trim(s, &len);
	int r = ipcfs_parse_i64(s, len, &i);
	if (r == -ERANGE)
		return r;
	*type = r == 0 ? 'q' : scan_float(s, len, &d) == 0 ? 'd' : 's';
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
