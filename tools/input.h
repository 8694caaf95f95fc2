/* SPDX-License-Identifier: MIT
 *
 * input.h - a stream of items, each a line or ended by a NUL, read as it comes.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct input {
	int fd;
	char ending; /* '\n' or NUL */
	bool ended;
	/* Inner: what was read and not yet given is at [at, len). */
	char *bytes;
	size_t at, len, room;
	size_t looked; /* bytes of it that have no ending */
};

/* input_next: the next item with its ending, which only the last may lack; it is in place until input_fill. Its length,
 * 0: it has not been read yet, or it is the end. -EMSGSIZE: longer than `max`. */
ssize_t input_next(struct input *in, size_t max, const char **item);
/* input_fill: one read(2), which waits if there is nothing. -errno. */
int input_fill(struct input *in);
/* How many items the file has, if that can be told without reading it away; 0: it cannot, or there is something to be
 * read from `stop` first. */
uint64_t input_count(const struct input *in, int stop);

#endif
