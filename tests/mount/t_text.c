/* SPDX-License-Identifier: MIT
 *
 * t_text.c - of the harness: texts, and what a test expects. See t.h.
 */
#include "t_inner.h"

/* ---- texts ------------------------------------------------------------------------------------- */

/* Texts for this file's own use, valid for the next 32 calls. */
static char *slot(void)
{
	static char slots[32][4096];
	static unsigned next;

	return slots[next++ % 32];
}

const char *t_brief(const char *format, ...)
{
	char *text = slot();
	va_list args;

	va_start(args, format);
	vsnprintf(text, 4096, format, args);
	va_end(args);
	return text;
}

/* Texts for the tests: valid until the test's end. */
static struct text {
	struct text *next;
	char bytes[];
} * texts;

__attribute__((format(printf, 2, 0))) static const char *keep(const char *prefix,
							      const char *format, va_list args)
{
	char *rest = NULL;

	if (vasprintf(&rest, format, args) < 0)
		t_fail("no memory");
	size_t size = strlen(prefix) + 1 + strlen(rest) + 1;
	struct text *text = malloc(sizeof(*text) + size);
	if (!text)
		t_fail("no memory");
	snprintf(text->bytes, size, "%s%s%s", prefix, *prefix ? "/" : "", rest);
	free(rest);
	text->next = texts;
	texts = text;
	return text->bytes;
}

void t_drop_texts(void)
{
	while (texts) {
		struct text *text = texts;
		texts = text->next;
		free(text);
	}
}

const char *t_format(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const char *text = keep("", format, args);
	va_end(args);
	return text;
}

const char *t_path(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const char *path = keep(t_mnt, format, args);
	va_end(args);
	return path;
}

const char *t_in_store(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const char *path = keep(t_store, format, args);
	va_end(args);
	return path;
}

const char *t_result(long result)
{
	const char *name = result < 0 ? strerrorname_np((int)-result) : NULL;

	return name ? t_brief("-%s", name) : t_brief("%ld", result);
}

/* ---- expectations ------------------------------------------------------------------------------ */

void t_fail_(const char *file, int line, const char *format, ...)
{
	char text[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (getpid() != t_program->main) { /* a child: cmocka's state is not ours */
		fprintf(stderr, "%s:%d: in a child: %s\n", file, line, text);
		_exit(99);
	}
	print_error("%s\n", text);
	_fail(file, line);
	abort(); /* not reached */
}

void t_is_(const char *what, long got, long want, const char *file, int line)
{
	if (got != want)
		t_fail_(file, line, "%s is %s, not %s", what, t_result(got), t_result(want));
}

void t_is_either_(const char *what, long got, long want, long or, const char *file, int line)
{
	if (got != want && got != or)
		t_fail_(file, line, "%s is %s, neither %s nor %s", what, t_result(got),
			t_result(want), t_result(or));
}

void t_fails_(const char *what, long got, const char *file, int line)
{
	if (got >= 0)
		t_fail_(file, line, "%s is %s, not an error", what, t_result(got));
}

/* At most 200 bytes, printable. */
static const char *quote(const char *bytes, size_t len)
{
	char *text = slot();
	size_t n = 0;

	text[n++] = '"';
	for (size_t i = 0; i < len && i < 200; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c == '\n')
			n += (size_t)sprintf(text + n, "\\n");
		else if (c < ' ' || c >= 127)
			n += (size_t)sprintf(text + n, "\\x%02x", c);
		else
			text[n++] = (char)c;
	}
	sprintf(text + n, "\"%s", len > 200 ? "..." : "");
	return text;
}

void t_compare(const char *what, const char *got, long len, const char *want, size_t want_len,
	       const char *file, int line)
{
	if (len < 0)
		t_fail_(file, line, "%s is %s, not %s", what, t_result(len), quote(want, want_len));
	if ((size_t)len != want_len || memcmp(got, want, want_len) != 0)
		t_fail_(file, line, "%s is %s (%ld bytes), not %s (%zu)", what,
			quote(got, (size_t)len), len, quote(want, want_len), want_len);
}

void t_shows_(const char *path, const char *want, size_t len, const char *file, int line)
{
	static char got[T_TEXT];

	t_compare(path, got, t_cat(path, got, sizeof(got)), want, len, file, line);
}

void t_gets_(int fd, const char *want, size_t len, const char *file, int line)
{
	static char got[T_TEXT];

	t_compare("a read", got, t_get(fd, got, sizeof(got)), want, len, file, line);
}
