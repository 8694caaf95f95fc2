/* SPDX-License-Identifier: MIT
 *
 * message.c - messages of queues, pipes and topics as answers: what the kinds' engine hands over in pieces, under
 * the object's lock (ipcfs_op.sink).
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A message is copied before it is answered: a hostile owner may cut the segment short just then. With room for a
 * newline. */
static int collect(const struct iovec *pieces, int n, char **bytes, size_t *len)
{
	size_t total = 0, at = 0;

	for (int i = 0; i < n; i++)
		total += pieces[i].iov_len;
	*bytes = total < FS_MAX_IO ? fs_reply_room() : malloc(total + 1);
	if (!*bytes)
		return -ENOMEM;
	for (int i = 0; i < n; at += pieces[i++].iov_len)
		if (pieces[i].iov_len)
			memcpy(*bytes + at, pieces[i].iov_base, pieces[i].iov_len);
	*len = total;
	return 0;
}

int fs_message_answer(void *arg, const struct iovec *pieces, int n)
{
	struct fs_request *r = arg;
	char *bytes;
	size_t len;
	int rc = collect(pieces, n, &bytes, &len);

	if (rc < 0)
		return rc;
	if (fs_frame_no_newline(r->handle, bytes, len))
		bytes[len++] = '\n';
	rc = fs_view_give(r, bytes, len);
	if (bytes != fs_reply_room())
		free(bytes);
	return rc;
}

int fs_message_add(void *arg, const struct iovec *pieces, int n)
{
	for (int i = 0; i < n; i++)
		fs_text_add(arg, pieces[i].iov_base, pieces[i].iov_len);
	return 0;
}
