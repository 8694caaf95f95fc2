/* SPDX-License-Identifier: MIT
 *
 * fast.c - the short way of the two requests that matter: a READ or WRITE of an object that can be answered at
 * once never becomes one of libfuse's, whose allocations and locks cost about as much as the
 * operation. Whatever must wait, or fails, is left to libfuse, which calls the same code again: a
 * try that failed has changed nothing.
 */
#include "fs.h"

#include <fcntl.h>
#include <linux/fuse.h>

static bool in_line(const struct fs_request *r)
{
	return !TAILQ_EMPTY(&r->item->parked[r->write ? IPCFS_C_WRITE : IPCFS_C_READ]);
}

static bool fill(struct fs_request *r, const struct fuse_in_header *h, size_t len)
{
	const struct fuse_read_in *in = (const void *)(h + 1);
	const struct fuse_write_in *out = (const void *)(h + 1);
	uint32_t flags;

	if (h->opcode == FUSE_READ && len >= sizeof(*h) + sizeof(*in)) {
		*r = (struct fs_request){.handle = fs_handle_of(in->fh),
					 .size = in->size,
					 .offset = (off_t)in->offset};
		flags = in->flags;
	} else if (h->opcode == FUSE_WRITE && len >= sizeof(*h) + sizeof(*out) + out->size &&
		   out->size <= FS_MAX_WRITE) {
		*r = (struct fs_request){.handle = fs_handle_of(out->fh),
					 .size = out->size,
					 .offset = (off_t)out->offset,
					 .data = (const char *)(out + 1),
					 .write = true};
		flags = out->flags;
	} else {
		return false;
	}
	r->unique = h->unique;
	r->nonblock = flags & O_NONBLOCK;
	r->append = flags & O_APPEND;
	return r->handle && r->handle->type == FS_OBJECT;
}

bool fs_fast(const void *request, size_t len)
{
	const struct fuse_in_header *h = request;
	struct fs_request r;

	if (len < sizeof(*h) || !fill(&r, h, len))
		return false;
	r.item = r.handle->item;
	if (in_line(&r))
		return false;
	fs_view_try(&r);
	return r.answered;
}
