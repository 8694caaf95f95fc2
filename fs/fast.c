/* SPDX-License-Identifier: MIT
 *
 * fast.c - the short way of the requests that matter: reading, writing, and what `echo x > q` asks beside it.
 * What can be answered at once never becomes one of libfuse's, whose allocations and locks cost about
 * as much as the operation. Whatever must wait, or fails, is left to libfuse, which calls the same
 * code again: a try that failed has changed nothing.
 */
#include "fs.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>

static bool in_line(const struct fs_request *r)
{
	enum ipcfs_class line = fs_view_line(r->handle, r->write);

	return fs_view_ordered(line) && fs_park_anybody(r->handle, line);
}

static bool fill(struct fs_request *r, const struct fuse_in_header *h, size_t len)
{
	const struct fuse_read_in *in = (const void *)(h + 1);
	const struct fuse_write_in *out = (const void *)(h + 1);
	uint32_t flags;

	if (h->opcode == FUSE_READ && len >= sizeof(*h) + sizeof(*in) && in->size <= FS_MAX_IO) {
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
	r->pid = (pid_t)h->pid;
	r->nonblock = flags & O_NONBLOCK;
	r->append = flags & O_APPEND;
	/* Of several commands some may have been done when one must wait: that has no second try. */
	return r->handle && r->handle->type == FS_OBJECT && r->handle->leaf->view != FS_CTL;
}

static bool transfer(const struct fuse_in_header *h, size_t len)
{
	struct fs_request r;

	if (!fill(&r, h, len))
		return false;
	r.item = r.handle->item;
	/* A write of many messages may have put some when it must wait: that has no second try. Of a stream no try has. */
	if (in_line(&r) || (r.write && fs_frame_is(r.handle)) || fs_kind_of(r.item->kind)->streams)
		return false;
	fs_view_try(&r);
	return r.answered;
}

static bool lookup(const struct fuse_in_header *h, size_t len)
{
	const char *name = (const char *)(h + 1);
	struct fs_item *folder = fs_dir_folder(h->nodeid);
	struct fuse_entry_param e;
	struct fs_node *node;

	if (!folder || !memchr(name, '\0', len - sizeof(*h)) ||
	    fs_dir_lookup(folder, name, &node) != 0)
		return false;
	fs_dir_entry(node, &e);
	fs_answer_entry(h->unique, &e);
	return true;
}

static bool open_file(const struct fuse_in_header *h, size_t len)
{
	const struct fuse_open_in *in = (const void *)(h + 1);
	struct fs_node *node = fs_node_of(h->nodeid);
	struct fs_handle *opened;

	if (len < sizeof(*h) + sizeof(*in) || !node ||
	    fs_open(node, (int)in->flags, h->uid, (pid_t)h->pid, &opened) != 0)
		return false;
	fs_answer_open(h->unique, opened);
	return true;
}

static bool release(const struct fuse_in_header *h, size_t len)
{
	const struct fuse_release_in *in = (const void *)(h + 1);

	if (len < sizeof(*h) + sizeof(*in))
		return false;
	fs_close(fs_handle_of(in->fh));
	fs_answer_ok(h->unique);
	return true;
}

/* Has no answer, as the next. */
static bool forget(const struct fuse_in_header *h, size_t len)
{
	const struct fuse_forget_in *in = (const void *)(h + 1);

	if (len < sizeof(*h) + sizeof(*in))
		return false;
	fs_node_forget(h->nodeid, in->nlookup);
	return true;
}

static bool forget_many(const struct fuse_in_header *h, size_t len)
{
	const struct fuse_batch_forget_in *in = (const void *)(h + 1);
	const struct fuse_forget_one *each = (const void *)(in + 1);

	if (len < sizeof(*h) + sizeof(*in) ||
	    (len - sizeof(*h) - sizeof(*in)) / sizeof(*each) < in->count)
		return false;
	for (uint32_t i = 0; i < in->count; i++)
		fs_node_forget(each[i].nodeid, each[i].nlookup);
	return true;
}

bool fs_fast(const void *request, size_t len)
{
	const struct fuse_in_header *h = request;

	if (len < sizeof(*h))
		return false;
	switch (h->opcode) {
	case FUSE_READ:
	case FUSE_WRITE:
		return transfer(h, len);
	case FUSE_LOOKUP:
		return lookup(h, len);
	case FUSE_OPEN:
		return open_file(h, len);
	case FUSE_RELEASE:
		return release(h, len);
	case FUSE_FORGET:
		return forget(h, len);
	case FUSE_BATCH_FORGET:
		return forget_many(h, len);
	default:
		return false;
	}
}
