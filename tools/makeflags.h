/* SPDX-License-Identifier: MIT
 *
 * makeflags.h - the variable by which make tells of its job server.
 */
#ifndef MAKEFLAGS_H
#define MAKEFLAGS_H

/* MAKEFLAGS with -jJOBS and --jobserver-auth=AUTH in place of what `before` (may be NULL) says of these; the
 * rest of it stays. malloc'd, or NULL. */
char *makeflags(const char *before, unsigned jobs, const char *auth);

/* The path as a word of it. malloc'd, or NULL. */
char *makeflags_quote(const char *path);

#endif
