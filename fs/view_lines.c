/* SPDX-License-Identifier: MIT
 *
 * view_lines.c - what is written to the bare name of a list: lines, each an item. They are appended, all those of a write
 * by one operation, or, the first ones through a handle opened with O_TRUNC, they replace all there is. A line that is
 * not finished yet is gathered in the handle (view_frame.c): the next write goes on with it, fsync(2) or the last
 * close makes an item of it.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* ---- cutting ----------------------------------------------------------------------------------------- */

/* The lines of a write: the first may go on with what was gathered. */
struct lines {
	struct iovec *items;
	uint64_t count;
	const char *rest; /* not finished */
	size_t rest_len;
};

static uint64_t count_newlines(const char *s, size_t len)
{
	const char *end = s + len;
	uint64_t n = 0;

	while (s < end && (s = memchr(s, '\n', (size_t)(end - s)))) {
		s++;
		n++;
	}
	return n;
}

/* With one more item for a last line that is finished by the end (whole). */
static int cut(const char *s, size_t len, bool whole, struct lines *l)
{
	const char *end = s + len, *newline;

	*l = (struct lines){.items = malloc((count_newlines(s, len) + 1) * sizeof(*l->items))};
	if (!l->items)
		return -ENOMEM;
	while (s < end && (newline = memchr(s, '\n', (size_t)(end - s)))) {
		l->items[l->count++] = (struct iovec){(void *)(uintptr_t)s, (size_t)(newline - s)};
		s = newline + 1;
	}
	l->rest = s;
	l->rest_len = (size_t)(end - s);
	if (whole && l->rest_len)
		l->items[l->count++] = (struct iovec){(void *)(uintptr_t)s, l->rest_len};
	return 0;
}

static int put(struct fs_request *r, struct iovec *items, uint64_t count, bool anew)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT_MANY,
			      .flags = anew ? IPCFS_OP_REPLACE : 0,
			      .vec = items,
			      .count = count};

	return fs_list_change(r, &op);
}

/* The first line is behind what is gathered; unless it is put, the handle stays as it is. */
static int join_first(struct fs_handle *h, struct lines *l)
{
	struct iovec *first = &l->items[0];
	int rc;

	if (!h->frame.len)
		return 0;
	rc = fs_frame_reserve(h, h->frame.len + first->iov_len);
	if (rc < 0)
		return rc;
	memcpy(h->frame.bytes + h->frame.len, first->iov_base, first->iov_len);
	*first = (struct iovec){h->frame.bytes, h->frame.len + first->iov_len};
	return 0;
}

static int put_lines(struct fs_request *r, struct lines *l)
{
	struct fs_handle *h = r->handle;
	int rc = 0;

	/* Room for the rest first: nothing may fail once the lines are put. */
	if (l->rest_len)
		rc = fs_frame_reserve(h, l->rest_len);
	if (rc == 0)
		rc = join_first(h, l);
	if (rc == 0)
		rc = put(r, l->items, l->count, h->replaces);
	if (rc < 0 && h->frame.len == 0)
		fs_frame_drop(h);
	if (rc < 0)
		return rc;
	h->replaces = false;
	h->frame.len = 0;
	if (l->rest_len)
		fs_frame_add(h, l->rest, l->rest_len, r->pid);
	else
		fs_frame_drop(h);
	return 0;
}

/* No line ends in it. */
static int gather(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	int rc = h->frame.len + r->size > IPCFS_ITEM_MAX ? -EMSGSIZE : 0;

	if (rc == 0)
		rc = fs_frame_reserve(h, h->frame.len + r->size);
	if (rc == 0)
		fs_frame_add(h, r->data, r->size, r->pid);
	else if (h->frame.len == 0)
		fs_frame_drop(h);
	return fs_list_explain(r->item, rc, 0);
}

/* With `cas` a write is whole: it says what the list is to be, or, with O_APPEND, what comes to it. */
int fs_lines_write(struct fs_request *r)
{
	bool cas = r->handle->leaf->options & FS_O_CAS;
	struct lines l;
	int rc;

	r->handle->tried = true;
	rc = cut(r->data, r->size, cas || r->orphan, &l);
	if (rc == 0 && cas)
		rc = put(r, l.items, l.count, !(r->handle->flags & O_APPEND));
	else if (rc == 0 && r->orphan)
		rc = put(r, l.items, l.count, r->handle->replaces);
	else if (rc == 0)
		rc = l.count ? put_lines(r, &l) : gather(r);
	free(l.items);
	return rc;
}

int fs_lines_sync(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	struct iovec item = {h->frame.bytes, h->frame.len};
	int rc = h->frame.len ? put(r, &item, 1, h->replaces) : 0;

	if (rc == 0 && h->frame.len)
		h->replaces = false;
	if (rc == 0)
		fs_frame_drop(h);
	return rc;
}

/* `>` without a write empties the list, as any file; one that failed has left it as it was. Who was killed had not
 * finished: neither his line, nor what was to come instead of what is there. Nor had who never had the file (draft.c). */
void fs_lines_close(struct fs_handle *h)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLEAR};

	if (h->closer == FS_KILLED)
		fs_frame_drop(h);
	else if (h->replaces && !h->tried && h->flushed)
		fs_park_leave(h->item, &op);
}
