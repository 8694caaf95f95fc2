/* SPDX-License-Identifier: MIT
 *
 * view.c - what a read and a write of any open file mean. Three ways of reading: an item is taken
 * (and may be waited for), a text is shown, a change is watched. What the items and texts are, each kind's own file
 * says; view_common.c has the views that all of them have.
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* clang-format off */
static const struct fs_kind *const kinds[IPCFS_KIND_COUNT] = {
	[IPCFS_QUEUE] = &fs_queue_kind,
	[IPCFS_SEMAPHORE] = &fs_semaphore_kind,
	[IPCFS_EVENT] = &fs_event_kind,
	[IPCFS_VALUE] = &fs_value_kind,
	[IPCFS_ARRAY] = &fs_array_kind,
	[IPCFS_LOCK] = &fs_lock_kind,
	[IPCFS_CONDITION] = &fs_condition_kind,
	[IPCFS_BARRIER] = &fs_barrier_kind,
	[IPCFS_LIST] = &fs_list_kind,
	[IPCFS_PIPE] = &fs_pipe_kind,
	[IPCFS_TOPIC] = &fs_topic_kind,
	[IPCFS_SIGNAL] = &fs_signal_kind,
	[IPCFS_DICT] = &fs_dict_kind,
	[IPCFS_MQ] = &fs_mq_kind,
	[IPCFS_SOCKET] = &fs_socket_kind,
};
/* clang-format on */

const struct fs_kind *fs_kind_of(enum ipcfs_kind kind)
{
	return kinds[kind];
}

const struct ipcfs_engine *fs_engine_of(enum ipcfs_kind kind)
{
	return kind == IPCFS_MQ ? &ipcfs_engine_mq : fs.engine;
}

bool fs_kind_fixes(const struct fs_item *folder, const char *name)
{
	const struct fs_kind *kind = fs_kind_of(folder->kind);

	return kind->is_fixed && kind->is_fixed(name);
}

/* ---- the engine -------------------------------------------------------------------------------- */

/* Parts have times of their own; where one goes, or is named anew, the whole has changed. */
static void note_time(struct fs_item *item, enum ipcfs_verb verb)
{
	if (!item->is_part || verb == IPCFS_V_DROP || verb == IPCFS_V_POP || verb == IPCFS_V_RENAME)
		clock_gettime(CLOCK_REALTIME_COARSE, &fs_item_whole(item)->changed);
}

int fs_view_engine_item(struct fs_item *item, struct ipcfs_op *op)
{
	struct ipcfs_part part = {.at = item->part_at, .number = item->part};
	struct ipcfs_part *named = op->part;
	int rc = fs_item_attach(item);

	if (rc < 0)
		return rc;
	if (item->is_part && !named)
		op->part = &part;
	op->flags |= IPCFS_OP_TRYLOCK;
	rc = fs_engine_of(item->kind)->try(fs_item_whole(item)->object, op);
	op->part = named;
	item->own_changes += op->made;
	if (op->made)
		note_time(item, op->verb);
	if (rc == -EIDRM)
		fs_item_gone(item);
	if (rc == -EUCLEAN)
		fs_words("the segment is damaged");
	return rc;
}

/* For a request: -EAGAIN makes the object's next change ring. */
int fs_view_engine(struct fs_request *r, struct ipcfs_op *op)
{
	int rc;

	if (!r->nonblock && r->handle->timeout_ns != 0)
		op->flags |= IPCFS_OP_PARK;
	rc = fs_view_engine_item(r->item, op);
	if (rc == -EAGAIN)
		r->class = ipcfs_op_class(op);
	else if (rc == 0)
		fs_park_changed(r->item);
	return rc;
}

int fs_view_clear(struct fs_item *item)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLEAR};
	int rc = 0;

	if (fs_part_of(item))
		return fs_part_of(item)->clear(item);
	while (rc == 0 && op.first < kinds[item->kind]->clears) {
		op.first++;
		rc = fs_view_engine_item(item, &op);
		if (rc == 0)
			fs_park_changed(item);
	}
	return rc;
}

/* The turnstile is the server's: whoever is parked still goes on having it. */
void fs_view_quit(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_QUIT};

	if (TAILQ_EMPTY(&r->item->parked[IPCFS_C_READ]))
		fs_park_leave(r->item, &op);
}

/* ---- what waits -------------------------------------------------------------------------------- */

enum ipcfs_class fs_view_line(const struct fs_handle *h, bool write)
{
	const struct fs_kind *kind = h->type == FS_OBJECT ? kinds[h->item->kind] : NULL;

	if (kind && kind->line && h->leaf->view == FS_PLAIN)
		return kind->line(h, write);
	return write ? IPCFS_C_WRITE : IPCFS_C_READ;
}

bool fs_view_ordered(enum ipcfs_class line)
{
	return line == IPCFS_C_READ || line == IPCFS_C_WRITE;
}

bool fs_view_waits(const struct fs_handle *h)
{
	return h->type == FS_OBJECT && (h->leaf->view == FS_WATCH ||
					(h->leaf->view == FS_PLAIN &&
					 (kinds[h->item->kind]->read_waits ||
					  h->leaf->options & kinds[h->item->kind]->waits_with)));
}

/* ---- answering --------------------------------------------------------------------------------- */

/* Whatever comes of it: libfuse has done with the request. */
static void answered(struct fs_request *r)
{
	r->answered = true;
	if (r->parked)
		fuse_req_interrupt_func(r->req, NULL, NULL);
}

/* What the request has no room for, `from` there to the end, for the handle's next reads. */
static int keep_rest(struct fs_handle *h, const char *bytes, size_t from, size_t len)
{
	int rc = fs_handle_keep_rest(h, len - from);
	char *rest;

	free(h->rest);
	h->rest = NULL;
	h->rest_at = h->rest_len = 0;
	if (rc == 0 && len == from)
		return 0;
	rest = rc == 0 ? malloc(len - from) : NULL;
	if (!rest) {
		fs_handle_drop_rest(h);
		return rc < 0 ? rc : -ENOMEM;
	}
	memcpy(rest, bytes + from, len - from);
	h->rest = rest;
	h->rest_len = len - from;
	return 0;
}

int fs_view_give(struct fs_request *r, const void *bytes, size_t len)
{
	struct fs_handle *h = r->handle;
	size_t now = len < r->size ? len : r->size;
	int rc;

	rc = keep_rest(h, bytes, now, len);
	if (rc < 0)
		return rc;
	answered(r);
	rc = fs_reply_read(r, bytes, now);
	if (rc < 0) {
		fs_handle_drop_rest(h);
		return rc;
	}
	/* An item without bytes is its own end of file. */
	h->ended = h->one_item && len > 0 && h->leaf->view != FS_WATCH;
	return 0;
}

static void give_rest(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	size_t n = h->rest_len < r->size ? h->rest_len : r->size;

	r->answered = true;
	fs_reply_read(r, h->rest + h->rest_at, n);
	h->rest_at += n;
	h->rest_len -= n;
	if (h->rest_len == 0)
		fs_handle_drop_rest(h);
}

static void give_nothing(struct fs_request *r)
{
	r->answered = true;
	fs_reply_read(r, NULL, 0);
}

/* ---- one try ----------------------------------------------------------------------------------- */

static int try_read(struct fs_request *r)
{
	struct fs_handle *h = r->handle;

	if (h->type == FS_OBJECT && h->item->removed && !(h->popped && (h->rest_len || h->ended)))
		return -EIDRM;
	if (h->draft)
		return fs_draft_read(r);
	if (h->type == FS_OBJECT && h->leaf->view == FS_RAW)
		return fs_raw_read(r);
	if (!fs_view_waits(h))
		return fs_view_shown(r);
	if (h->rest_len) {
		give_rest(r);
		return 0;
	}
	if (h->ended || r->offset > 0) { /* an offset: the second piece of one long read(2) */
		if (r->offset == 0)
			h->ended = false;
		give_nothing(r);
		return 0;
	}
	return h->leaf->view == FS_WATCH && !h->item->no_object ? fs_view_watch(r) :
								  kinds[h->item->kind]->take(r);
}

bool fs_view_piecewise(const struct fs_handle *h)
{
	return fs_frame_is(h) ||
	       (h->type == FS_OBJECT && h->leaf->view == FS_PLAIN && kinds[h->item->kind]->streams);
}

/* The kernel cuts a writev(2) of many buffers. On a handle without an offset its later pieces can be told, and are
 * refused: then what writev returns is what was one operation. Where a write is cut does not matter to `lines`,
 * `block` and streams of bytes. */
static bool is_later_piece(const struct fs_request *r)
{
	return r->offset > 0 && !r->append && fs_view_waits(r->handle) &&
	       !fs_view_piecewise(r->handle);
}

static int try_write(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	int rc;

	if (h->type != FS_OBJECT)
		return -EACCES;
	if (h->item->removed)
		return -EIDRM;
	if (is_later_piece(r))
		return fs_fail(-EMSGSIZE, "a writev of so many buffers is cut by the kernel");
	switch (h->leaf->view) {
	case FS_PLAIN:
		rc = kinds[h->item->kind]->write(r);
		break;
	case FS_CTL:
		rc = fs_view_commands(r);
		break;
	case FS_RAW:
		rc = fs_raw_write(r);
		break;
	default:
		rc = fs_fail(-EINVAL, "this view is for reading");
		break;
	}
	if (rc < 0)
		return rc;
	if (!h->fresh)
		fs_handle_forget_text(h);
	h->written = true;
	r->answered = true;
	if (r->orphan)
		return 0;
	if (r->parked)
		fuse_req_interrupt_func(r->req, NULL, NULL);
	fs_reply_written(r, r->size);
	return 0;
}

static int try_sync(struct fs_request *r)
{
	int rc = r->item->removed ? -EIDRM : kinds[r->item->kind]->sync(r);

	if (rc < 0)
		return rc;
	answered(r);
	fs_reply_ok(r->req);
	return 0;
}

static int try_flock(struct fs_request *r)
{
	const struct fs_kind *kind = r->handle->type == FS_OBJECT ? kinds[r->item->kind] : NULL;
	int rc;

	if (!kind || !kind->flock || r->handle->leaf->view != FS_PLAIN)
		return fs_fail(-EOPNOTSUPP, "this file has no flock(2)");
	if (r->item->removed)
		return -EIDRM;
	rc = kind->flock(r);
	if (rc < 0)
		return rc;
	answered(r);
	fs_reply_locked(r);
	return 0;
}

int fs_view_try(struct fs_request *r)
{
	int rc = r->flock ? try_flock(r) :
		 r->sync  ? try_sync(r) :
		 r->write ? try_write(r) :
			    try_read(r);

	return r->answered ? 0 : rc;
}
