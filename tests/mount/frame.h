/* SPDX-License-Identifier: MIT
 *
 * frame.h - what the tests of `lines` and `block` share.
 */
#ifndef FRAME_H
#define FRAME_H

#include "t.h"

static inline const char *lines_of(const char *q)
{
	return t_format("%s,lines", q);
}

/* Takes all there is: the messages, each followed by '|'. */
static inline const char *drain(const char *q)
{
	static char all[4096];
	int fd = t_open(q, O_RDONLY | O_NONBLOCK);
	size_t len = 0;
	long n;

	while ((n = t_get(fd, all + len, sizeof(all) - len - 2)) >= 0) {
		len += (size_t)n;
		all[len++] = '|';
	}
	t_is(n, -EAGAIN);
	all[len] = '\0';
	close(fd);
	return all;
}

#define t_drains(q, want)                                                                          \
	do {                                                                                       \
		const char *got_ = drain(q);                                                       \
		if (strcmp(got_, want) != 0)                                                       \
			t_fail("the messages are %s, not %s", got_, want);                         \
	} while (0)

#endif
