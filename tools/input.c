/* SPDX-License-Identifier: MIT
 *
 * input.c - see input.h.
 */
#include "input.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM_MIN = 1 << 16 };

ssize_t input_next(struct input *in, size_t max, const char **item)
{
	const char *from = in->bytes + in->at, *end;
	size_t have = in->len - in->at, len;

	if (have == 0)
		return 0;
	end = memchr(from + in->looked, in->ending, have - in->looked);
	len = end ? (size_t)(end + 1 - from) : have;
	if (len > max)
		return -EMSGSIZE;
	in->looked = end ? 0 : have;
	if (!end && !in->ended)
		return 0;
	*item = from;
	in->at += len;
	in->looked = 0;
	return (ssize_t)len;
}

int input_fill(struct input *in)
{
	ssize_t n;

	if (in->at) {
		memmove(in->bytes, in->bytes + in->at, in->len - in->at);
		in->len -= in->at;
		in->at = 0;
	}
	if (in->len == in->room) {
		size_t room = in->room ? 2 * in->room : ROOM_MIN;
		char *bytes = realloc(in->bytes, room);

		if (!bytes)
			return -ENOMEM;
		in->bytes = bytes;
		in->room = room;
	}
	do
		n = read(in->fd, in->bytes + in->len, in->room - in->len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	in->ended = n == 0;
	in->len += (size_t)n;
	return 0;
}

uint64_t input_count(const struct input *in, int stop)
{
	off_t at = lseek(in->fd, 0, SEEK_CUR);
	char buf[1 << 16], last = in->ending;
	struct pollfd stopped = {.fd = stop, .events = POLLIN};
	struct stat st;
	uint64_t count = 0;
	ssize_t n;

	if (at < 0 || fstat(in->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	while ((n = poll(&stopped, 1, 0) ? -1 : pread(in->fd, buf, sizeof(buf), at)) > 0) {
		for (const char *p = buf; (p = memchr(p, in->ending, (size_t)(buf + n - p))); p++)
			count++;
		last = buf[n - 1];
		at += n;
	}
	return n < 0 ? 0 : count + (last != in->ending);
}
