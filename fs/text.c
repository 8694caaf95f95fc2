/* SPDX-License-Identifier: MIT
 *
 * text.c - a text that grows. Nobody looks at each addition: one that found no room marks the text,
 * and whoever has made it looks at that once.
 */
#include "fs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool text_room(struct fs_text *t, size_t len)
{
	size_t size = t->size ? t->size : 256;
	char *grown;

	if (t->failed || len > FS_TEXT_MAX - t->len) {
		t->failed = true;
		return false;
	}
	if (t->len + len + 1 <= t->size)
		return true;
	while (size < t->len + len + 1)
		size *= 2;
	grown = realloc(t->bytes, size);
	if (!grown) {
		t->failed = true;
		return false;
	}
	t->bytes = grown;
	t->size = size;
	return true;
}

void fs_text_add(struct fs_text *t, const void *bytes, size_t len)
{
	if (len == 0 || !text_room(t, len))
		return;
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

void fs_text_printf(struct fs_text *t, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	fs_text_add(t, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
}
