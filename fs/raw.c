/* SPDX-License-Identifier: MIT
 *
 * raw.c - the view `raw`: the bytes of a value or array, as they are in memory.
 */
#include "cells.h"

#include <errno.h>
#include <stdlib.h>

#include "../core/object.h"

uint64_t fs_raw_bytes(struct fs_item *item)
{
	const struct ipcfs_object *o;
	uint64_t length;

	if (fs_item_attach(item) < 0)
		return 0;
	o = item->object;
	if (!o->cells.scalar || o->cells.type != 's')
		return o->cells.bytes;
	length = LOAD(o->control->length); /* a string's own bytes */
	return length < o->cells.bytes ? length : o->cells.bytes;
}

static int read_bytes(struct fs_item *item, uint64_t offset, size_t len, char **out)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READ_RAW, .first = offset, .out_size = len};
	int rc;

	*out = op.out = malloc(len + 1);
	if (!op.out)
		return -ENOMEM;
	rc = fs_view_engine_item(item, &op);
	if (rc < 0)
		free(*out);
	return rc;
}

/* A snapshot, but of what is larger than one read: that is read as it is. */
int fs_raw_read(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	uint64_t bytes, at = (uint64_t)r->offset, n;
	char *copy;
	int rc = fs_item_attach(r->item);

	if (rc < 0 && rc != -ENODATA)
		return rc;
	bytes = fs_raw_bytes(r->item);
	n = at < bytes ? bytes - at : 0;
	n = n < r->size ? n : r->size;
	if (bytes <= FS_MAX_IO && (!h->has_text || at == 0)) {
		rc = bytes ? read_bytes(r->item, 0, bytes, &copy) : 0;
		if (rc < 0)
			return rc;
		rc = fs_handle_take_text(
			h, &(struct fs_text){.bytes = bytes ? copy : NULL, .len = bytes});
		if (rc < 0)
			return rc;
	}
	if (bytes <= FS_MAX_IO) {
		n = at < h->text_len ? h->text_len - at :
				       0; /* of the snapshot, not of what is there now */
		n = n < r->size ? n : r->size;
		r->answered = true;
		fs_reply_read(r, n ? h->text + at : NULL, n);
		return 0;
	}
	rc = read_bytes(r->item, at, n, &copy);
	if (rc < 0)
		return rc;
	r->answered = true;
	fs_reply_read(r, copy, n);
	free(copy);
	return 0;
}

int fs_raw_write(struct fs_request *r)
{
	struct fs_target t = {.item = r->item, .handle = r->handle, .last = UINT64_MAX};
	struct ipcfs_op op = {.verb = IPCFS_V_WRITE_RAW,
			      .first = (uint64_t)r->offset,
			      .in = r->data,
			      .in_len = r->size};
	uint64_t bytes;
	int rc = fs_item_attach(r->item);

	if (rc == -ENODATA)
		return fs_fail(-EINVAL, "it has no type yet");
	if (rc < 0)
		return rc;
	bytes = r->item->object->cells.bytes;
	if (r->size > bytes)
		return fs_fail(-EMSGSIZE, "it has %llu bytes", (unsigned long long)bytes);
	rc = fs_cells_run(&t, &op);
	if (rc == -ERANGE)
		fs_words("it ends at byte %llu", (unsigned long long)bytes);
	return rc;
}
