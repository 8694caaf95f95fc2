/* SPDX-License-Identifier: MIT
 *
 * makeflags.c - see makeflags.h. The variable holds words as a command line has them, with blanks escaped by
 * backslashes: first, without a dash, letters of options that take no argument, then others, then `--` and
 * the definitions of variables.
 */
#include "makeflags.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n"

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (s[n] && !strchr(BLANKS, s[n]))
		n += s[n] == '\\' && s[n + 1] ? 2 : 1;
	return n;
}

static bool begins(const char *s, size_t len, const char *with)
{
	return len >= strlen(with) && !strncmp(s, with, strlen(with));
}

/* Does it say how many jobs there are, or by which server? */
static bool is_of_jobs(const char *s, size_t len)
{
	return begins(s, len, "-j") || begins(s, len, "--jobs") ||
	       begins(s, len, "--jobserver-auth") || begins(s, len, "--jobserver-fds");
}

static bool is_letters(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]))
			return false;
	return len > 0;
}

/* "kj8w" without its j8. */
static void add_letters(FILE *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] != 'j')
			fputc(s[i], out);
		else
			while (i + 1 < len && isdigit((unsigned char)s[i + 1]))
				i++;
}

static void add_words(FILE *out, const char *s)
{
	bool options = true;
	size_t len;

	for (s += strspn(s, BLANKS); *s; s += len, s += strspn(s, BLANKS)) {
		len = word_length(s);
		options = options && !(len == 2 && !strncmp(s, "--", 2));
		if (options && is_of_jobs(s, len)) {
			/* `-j 8` has its number in the next word. */
			if (len == 2 && isdigit((unsigned char)s[len + strspn(s + len, BLANKS)])) {
				s += len + strspn(s + len, BLANKS);
				len = word_length(s);
			}
			continue;
		}
		fprintf(out, " %.*s", (int)len, s);
	}
}

char *makeflags(const char *before, unsigned jobs, const char *auth)
{
	const char *s = before ? before + strspn(before, BLANKS) : "";
	char *text = NULL;
	size_t size, len = word_length(s);
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (is_letters(s, len)) {
		add_letters(out, s, len);
		s += len;
	}
	fprintf(out, " -j%u --jobserver-auth=%s", jobs, auth);
	add_words(out, s);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

char *makeflags_quote(const char *path)
{
	char *text = malloc(2 * strlen(path) + 1), *to = text;

	for (; text && *path; path++) {
		if (*path == '$')
			*to++ = '$'; /* make expands it */
		else if (*path == '\\' || strchr(BLANKS, *path))
			*to++ = '\\';
		*to++ = *path;
	}
	if (text)
		*to = '\0';
	return text;
}
