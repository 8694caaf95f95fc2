/* SPDX-License-Identifier: MIT
 *
 * message.c - messages of queues, pipes and topics as answers: what the kinds' engine hands over in pieces, under
 * the object's lock (ipcfs_op.sink).
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Before it is copied: what the library has put may be long, and what somebody has written into a segment even more. */
static int make_room(struct fs_request *r, size_t total)
{
	if (total > FS_MESSAGE_MAX)
		return fs_fail(-EFBIG,
			       "a message of over %d MiB can be had through the library alone",
			       FS_MESSAGE_MAX >> 20);
	return fs_handle_keep_rest(r->handle, total > r->size ? total - r->size : 0);
}

/* A message is copied before it is answered: a hostile owner may cut the segment short just then. With room for a
 * newline. */
static int collect(struct fs_request *r, const struct iovec *pieces, int n, char **bytes,
		   size_t *len)
{
	size_t total = 0, at = 0;
	int rc;

	for (int i = 0; i < n; i++)
		total += pieces[i].iov_len;
	rc = make_room(r, total);
	if (rc < 0)
		return rc;
	*bytes = total < FS_MAX_IO ? fs_reply_room() : malloc(total + 1);
	if (!*bytes) {
		fs_handle_drop_rest(r->handle);
		return -ENOMEM;
	}
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
	int rc = collect(r, pieces, n, &bytes, &len);

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
