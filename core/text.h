/* SPDX-License-Identifier: MIT
 *
 * text.h - numbers, sizes and typed elements as text, both ways. Pure functions; no
 * locale, no allocation unless said. Errors: -EINVAL what is not of the form,
 * -ERANGE what is but does not fit; then nothing is stored. Blanks are part of no form
 * unless said, NULs of none but c, u and s.
 */
#ifndef IPCFS_TEXT_H
#define IPCFS_TEXT_H

#include "ipcfs.h"

/* A decimal number, [0-9]+, all of s[0..len). */
int ipcfs_parse_u64(const char *s, size_t len, uint64_t *out);
/* The same with an optional sign. */
int ipcfs_parse_i64(const char *s, size_t len, int64_t *out);
/* Bytes: digits and an optional k, M or G (powers of 1024). */
int ipcfs_parse_bytes(const char *s, size_t len, uint64_t *out);
/* A duration: digits with an optional fraction and an optional unit: ns us ms s m h
 * (s where none is given), to nanoseconds, rounded up. */
int ipcfs_parse_duration(const char *s, size_t len, int64_t *ns);

/* Cuts blanks (space, tab, CR, LF, VT, FF) around s[0..*len), moving s. */
const char *ipcfs_trim(const char *s, size_t *len);

/* One element of `type` (any code but s) from s[0..len) into the machine's format, written to
 * out (ipcfs_type_size bytes). Numbers: blanks around are ignored, else decimal digits with sign,
 * for f and d what strtod(3) takes in the C locale without hexadecimal: digits, point, exponent,
 * inf, nan; underflow is stored, overflow is -ERANGE. `?`: 0 or 1 (-ERANGE for other numbers).
 * c: exactly one byte after one final newline is dropped (or zero bytes: NUL); more: -ERANGE.
 * u: one UTF-8 character likewise (bad UTF-8: -EINVAL). */
int ipcfs_parse_element(char type, const char *s, size_t len, void *out);

/* The longest text of one number with its terminating NUL. */
#define IPCFS_NUMBER_TEXT 40

/* One element (any code but s: -EINVAL) as text without newline; returns its length; buf has
 * IPCFS_NUMBER_TEXT bytes and gets a NUL behind the text. Floats: the shortest form that reads
 * back exactly, as Python's repr ("1.5", "0.1", "1e+22", "3.0" prints as "3.0" so that it stays a
 * float; inf, -inf, nan). c: its byte; u: UTF-8, U+FFFD for what is no character. */
int ipcfs_format_element(char type, const void *in, char *buf);

/* The type that a first write decides: 'q' for [+-]digits, 'd' for a number with point or
 * exponent (also inf and nan), else 's'. Blanks around are ignored. -ERANGE: [+-]digits past
 * int64. */
int ipcfs_guess_type(const char *s, size_t len, char *type);

/* The widest form and back. get: *n from the element. put: -ERANGE where it does not fit. c u s
 * have none: get gives 0, put -EINVAL. */
void ipcfs_number_get(char type, const void *in, union ipcfs_number *n);
int ipcfs_number_put(char type, union ipcfs_number n, void *out);
/* a op b for the type's widest form, checked: -ERANGE on overflow of the type (for f, d: a result
 * that is infinite though both operands are finite), -EINVAL where the type has no such operation
 * (and or xor of f d; all of c u s). */
int ipcfs_number_op(char type, enum ipcfs_arith op, union ipcfs_number a, union ipcfs_number b,
		    union ipcfs_number *out);
/* A number of the type's widest form from text: as ipcfs_parse_element for numbers, but without the
 * type's own bounds (i for signed, u for unsigned: a minus sign there is -ERANGE). */
int ipcfs_parse_number(char type, const char *s, size_t len, union ipcfs_number *n);

/* Bytes made printable: control characters, backslash and bytes that are not UTF-8 escaped as
 * \n, \t, \\ or \xHH (lower case); cut to at most max bytes of input or to what dst has room for,
 * never inside a character or an escape, then "..." appended. dst has dst_size bytes, is always
 * terminated; returns its length. */
size_t ipcfs_escape(char *dst, size_t dst_size, const char *s, size_t len, size_t max);

#endif
