/* SPDX-License-Identifier: MIT
 *
 * view_frame.c - queues as files, the views `lines` and `block`: what is written is a stream that is cut into
 * messages, whole lines without their newlines or blocks of so many bytes, wherever the writes are cut. What is
 * not finished yet is gathered in the handle; fsync(2) or the last close makes a message of it.
 *
 * A write ends at a boundary between messages or at its own end: r->taken says how far it has come, so that one
 * which waited and must end early tells what it has put. Nothing is gathered but the last piece of a write, so bytes are
 * either in the queue, in the handle, or not taken.
 *
 * The place in the writers' line that the close may need is reserved when the first byte is gathered: where that
 * cannot be had it is the write that fails, since a close has nobody left to tell.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 256, MESSAGES = 64 /* put in one step */ };

bool fs_frame_is(const struct fs_handle *h)
{
	return h->type == FS_OBJECT && h->leaf->view == FS_PLAIN &&
	       h->leaf->options & (FS_O_LINES | FS_O_BLOCK) && !(h->leaf->options & FS_O_ACK) &&
	       (h->flags & O_ACCMODE) != O_RDONLY;
}

static bool by_lines(const struct fs_handle *h)
{
	return h->leaf->options & FS_O_LINES;
}

/* ---- reading -------------------------------------------------------------------------------------- */

/* Through `lines` a message is a line, with its newline again; what was put with one has it. */
bool fs_frame_no_newline(const struct fs_handle *h, const char *bytes, size_t len)
{
	return by_lines(h) && (len == 0 || bytes[len - 1] != '\n');
}

/* ---- what is gathered ----------------------------------------------------------------------------------- */

void fs_frame_drop(struct fs_handle *h)
{
	struct fs_frame *f = &h->frame;

	if (f->last)
		fs_quota_add(h->uid, FS_Q_PARKED, -1);
	if (f->room)
		fs_quota_add(h->uid, FS_Q_GATHERED, -(int64_t)f->room);
	free(f->last);
	free(f->bytes);
	*f = (struct fs_frame){0};
}

/* Room for so many bytes. */
static int grow(struct fs_handle *h, size_t need)
{
	struct fs_frame *f = &h->frame;
	size_t room = f->room ? f->room : ROOM_MIN;
	char *bytes;
	int rc;

	while (room < need)
		room *= 2;
	if (room == f->room)
		return 0;
	rc = fs_quota_add(h->uid, FS_Q_GATHERED, (int64_t)(room - f->room));
	if (rc < 0)
		return rc;
	bytes = realloc(f->bytes, room);
	if (!bytes) {
		fs_quota_add(h->uid, FS_Q_GATHERED, -(int64_t)(room - f->room));
		return -ENOMEM;
	}
	f->bytes = bytes;
	f->room = room;
	return 0;
}

/* The place in line that what is left at close may need. */
static int reserve_place(struct fs_handle *h)
{
	int rc;

	if (h->frame.last)
		return 0;
	rc = fs_quota_add(h->uid, FS_Q_PARKED, 1);
	if (rc < 0)
		return rc;
	h->frame.last = malloc(sizeof(*h->frame.last));
	if (!h->frame.last) {
		fs_quota_add(h->uid, FS_Q_PARKED, -1);
		return -ENOMEM;
	}
	return 0;
}

bool fs_frame_gathers(const struct fs_handle *h)
{
	return h->type == FS_OBJECT && h->leaf->view == FS_PLAIN &&
	       fs_kind_of(h->item->kind)->lines &&
	       !(h->leaf->options & (FS_O_AT | FS_O_INSERT | FS_O_POP | FS_O_CAS)) &&
	       (h->flags & O_ACCMODE) != O_RDONLY;
}

int fs_frame_reserve(struct fs_handle *h, size_t need)
{
	int rc = grow(h, need);

	return rc == 0 ? reserve_place(h) : rc;
}

void fs_frame_add(struct fs_handle *h, const char *bytes, size_t len, pid_t pid)
{
	struct fs_frame *f = &h->frame;

	memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
	f->pid = pid;
}

/* The end of a write, in which no message ends. */
static int gather(struct fs_request *r)
{
	struct fs_frame *f = &r->handle->frame;
	size_t n = r->size - r->taken;
	int rc;

	if (n == 0)
		return 0;
	rc = fs_frame_reserve(r->handle, f->len + n);
	if (rc < 0) {
		if (f->len == 0)
			fs_frame_drop(r->handle);
		return rc;
	}
	fs_frame_add(r->handle, r->data + r->taken, n, r->pid);
	r->taken = r->size;
	return 0;
}

/* ---- where messages end ------------------------------------------------------------------------------ */

/* A message of which `before` bytes are there already: its bytes among these, and where the next begins; 0: it is not
 * finished. */
static size_t message_end(const struct fs_handle *h, size_t before, const char *data, size_t size,
			  size_t *len)
{
	const char *newline;

	if (!by_lines(h)) {
		*len = h->leaf->block - before;
		return h->leaf->block && *len <= size ? *len : 0;
	}
	newline = size ? memchr(data, '\n', size) : NULL;
	*len = newline ? (size_t)(newline - data) : size;
	return newline ? *len + 1 : 0;
}

/* Is any of its messages, finished or not, longer than the queue can ever hold? */
static bool too_long(const struct fs_request *r, uint64_t capacity)
{
	const struct fs_handle *h = r->handle;
	size_t before = h->frame.len, at = 0, len, end;

	if (!by_lines(h) && h->leaf->block) /* a block fits: looked at when it was opened */
		return false;
	do {
		end = message_end(h, before, r->data + at, r->size - at, &len);
		if (!end)
			len = r->size - at;
		if (before + len > capacity)
			return true;
		before = 0;
		at += end;
	} while (end && at < r->size);
	return false;
}

static int look(struct fs_item *item, struct ipcfs_stat *st)
{
	int rc = fs_item_attach(item);

	return rc == 0 ? fs_engine_of(item->kind)->stat(item->object, st) : rc;
}

/* What can never be taken is refused as a whole. */
static int check(struct fs_request *r)
{
	struct ipcfs_stat st;
	int rc = look(r->item, &st);

	if (rc == 0 && st.closed)
		return fs_fail(-EPIPE, "the queue is closed");
	if (rc == 0 && r->taken == 0 && too_long(r, st.properties.capacity))
		rc = fs_fail(-EMSGSIZE, "a %s of over %llu bytes is more than the queue can hold",
			     by_lines(r->handle) ? "line" : "message",
			     (unsigned long long)st.properties.capacity);
	return rc;
}

int fs_frame_check_open(struct fs_item *item, const struct fs_leaf *leaf)
{
	struct ipcfs_stat st;

	if (!(leaf->options & FS_O_BLOCK) || leaf->block == 0 || look(item, &st) != 0 ||
	    leaf->block <= st.properties.capacity)
		return 0;
	return fs_fail(-EINVAL, "block=%llu is above the queue's capacity",
		       (unsigned long long)leaf->block);
}

/* ---- writing ---------------------------------------------------------------------------------------------- */

/* What is gathered and the piece that finishes it. Unless it is put the handle stays as it is. */
static int put_gathered(struct fs_request *r)
{
	struct fs_frame *f = &r->handle->frame;
	struct ipcfs_op op = {.verb = IPCFS_V_PUT};
	size_t len;
	size_t end = message_end(r->handle, f->len, r->data + r->taken, r->size - r->taken, &len);
	int rc;

	if (f->len == 0 || !end)
		return 0;
	rc = grow(r->handle, f->len + len);
	if (rc < 0)
		return rc;
	memcpy(f->bytes + f->len, r->data + r->taken, len);
	op.in = f->bytes;
	op.in_len = f->len + len;
	rc = fs_view_engine(r, &op);
	if (rc < 0)
		return rc;
	fs_lease_note(r->handle, &op);
	r->taken += end;
	fs_frame_drop(r->handle);
	return 0;
}

/* The messages that lie whole in the data from r->taken on. Empty lines before them are passed over. */
static unsigned cut(struct fs_request *r, struct iovec messages[MESSAGES], size_t ends[MESSAGES])
{
	size_t at = r->taken, len, end;
	unsigned n = 0;

	while (n < MESSAGES &&
	       (end = message_end(r->handle, 0, r->data + at, r->size - at, &len))) {
		if (len) {
			messages[n].iov_base = (void *)(uintptr_t)(r->data + at);
			messages[n].iov_len = len;
			ends[n++] = at + end;
		} else if (n == 0) {
			r->taken = at + end;
		}
		at += end;
	}
	return n;
}

/* All that are finished: 0, or why not, with r->taken behind the last that was put. */
static int put_finished(struct fs_request *r)
{
	struct iovec messages[MESSAGES];
	size_t ends[MESSAGES];
	int rc = put_gathered(r);
	unsigned n;

	if (rc < 0 || r->handle->frame.len)
		return rc;
	while (rc == 0 && (n = cut(r, messages, ends)) > 0) {
		struct ipcfs_op op = {.verb = IPCFS_V_PUT_MANY, .vec = messages, .count = n};

		rc = fs_view_engine(r, &op);
		if (rc < 0)
			break;
		fs_lease_note(r->handle, &op);
		r->taken = ends[op.count - 1];
	}
	return rc;
}

int fs_frame_write(struct fs_request *r)
{
	int rc = check(r);

	if (rc == 0)
		rc = put_finished(r);
	return rc == 0 ? gather(r) : rc;
}

static bool waits_itself(const struct fs_handle *h)
{
	const struct fs_request *r;

	TAILQ_FOREACH(r, &h->item->parked[IPCFS_C_WRITE], link)
	if (r->handle == h)
		return true;
	return false;
}

/* What is only gathered needs no place in line, but behind what waits of its own handle; nor does fsync(2) where
 * nothing is. */
bool fs_frame_aside(const struct fs_request *r)
{
	size_t len;

	if (r->sync)
		return r->handle->frame.len == 0;
	return r->write && !r->orphan && fs_frame_is(r->handle) &&
	       !message_end(r->handle, r->handle->frame.len, r->data, r->size, &len) &&
	       !waits_itself(r->handle);
}

uint64_t fs_frame_need(const struct fs_handle *h)
{
	size_t len = h->frame.len + FS_POLL_BYTES;

	if (!fs_frame_is(h))
		return FS_POLL_BYTES;
	if (!by_lines(h) && (h->leaf->block == 0 || len < h->leaf->block) && !waits_itself(h))
		return 0;
	return by_lines(h) || h->leaf->block == 0 ? len : h->leaf->block;
}

/* ---- fsync, close ----------------------------------------------------------------------------------------- */

int fs_frame_sync(struct fs_request *r)
{
	struct fs_frame *f = &r->handle->frame;
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .in = f->bytes, .in_len = f->len};
	int rc = f->len ? fs_view_engine(r, &op) : 0;

	if (rc == 0 && f->len)
		fs_lease_note(r->handle, &op);
	if (rc == 0)
		fs_frame_drop(r->handle);
	return rc;
}

/* One of its descriptors is closed, perhaps not the last: nothing ends, but it is said what would become of what is
 * gathered. That it would have to wait is none of the closer's business. */
int fs_frame_flush(struct fs_handle *h)
{
	struct fs_frame *f = &h->frame;
	struct ipcfs_op op = {.verb = IPCFS_V_PUT,
			      .flags = IPCFS_OP_DRY | (h->replaces ? IPCFS_OP_REPLACE : 0),
			      .in = f->bytes,
			      .in_len = f->len};
	int rc;

	if (!f->len)
		return 0;
	rc = h->item->removed ? -EIDRM : fs_view_engine_item(h->item, &op);
	if (rc == 0 || rc == -EAGAIN || rc == -EBUSY)
		return 0;
	return fs_fail(rc, "what was gathered cannot be put: %zu bytes", f->len);
}

bool fs_frame_close(struct fs_handle *h)
{
	struct fs_frame *f = &h->frame;
	struct fs_request *r = f->last;

	if (!f->len)
		return false;
	*r = (struct fs_request){.handle = h,
				 .item = h->item,
				 .pid = f->pid,
				 .class = IPCFS_C_WRITE,
				 .line = IPCFS_C_WRITE,
				 .write = true,
				 .orphan = true,
				 .data = f->bytes,
				 .copy = f->bytes,
				 .size = f->len};
	f->bytes =
		NULL; /* the request's, as its place is; the room is the handle's until it ends */
	f->last = NULL;
	f->len = 0;
	h->timeout_ns = -1;
	return fs_park_orphan(r);
}
