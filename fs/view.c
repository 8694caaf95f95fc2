/* SPDX-License-Identifier: MIT
 *
 * view.c - what a read and a write of any open file mean. Three ways of reading: an item is taken
 * (and may be waited for), a text is shown (a snapshot, with offsets), a change is watched. What
 * the items and texts are, each kind's own file says.
 */
#include "fs.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "../core/text.h"

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
	[IPCFS_DICT] = &fs_dict_kind,
	[IPCFS_MQ] = &fs_mq_kind,
};

const struct fs_kind *fs_kind_of(enum ipcfs_kind kind)
{
	return kinds[kind];
}

const struct ipcfs_engine *fs_engine_of(enum ipcfs_kind kind)
{
	return kind == IPCFS_MQ ? &ipcfs_engine_mq : fs.engine;
}

const struct fs_parts *fs_parts_of(const struct fs_item *item)
{
	return item->type == FS_OBJECT && !item->is_part ? kinds[item->kind]->parts : NULL;
}

const struct fs_parts *fs_part_of(const struct fs_item *item)
{
	return item->is_part ? kinds[item->kind]->parts : NULL;
}

/* ---- the engine -------------------------------------------------------------------------------- */

int fs_view_engine_item(struct fs_item *item, struct ipcfs_op *op)
{
	struct ipcfs_part part = {.at = item->part_at, .number = item->part};
	bool by_item = item->is_part && !op->part;
	int rc = fs_item_attach(item);

	if (rc < 0)
		return rc;
	if (by_item)
		op->part = &part;
	op->flags |= IPCFS_OP_TRYLOCK;
	rc = fs_engine_of(item->kind)->try(fs_item_whole(item)->object, op);
	if (by_item)
		op->part = NULL;
	item->own_changes += op->made;
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

/* The turnstile is the server's: whoever is parked still goes on having it. */
void fs_view_quit(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_QUIT};

	if (TAILQ_EMPTY(&r->item->parked[IPCFS_C_READ]))
		fs_park_leave(r->item, &op);
}

int fs_view_no_command(struct fs_handle *h, const char *word, size_t len, bool act)
{
	(void)h;
	(void)word;
	(void)len;
	(void)act;
	return -EINVAL;
}

/* ---- answering a read ------------------------------------------------------------------------------- */

int fs_view_give(struct fs_request *r, const void *bytes, size_t len)
{
	struct fs_handle *h = r->handle;
	size_t now = len < r->size ? len : r->size;
	char *rest = NULL;
	int rc;

	if (len > now) {
		rest = malloc(len - now);
		if (!rest)
			return -ENOMEM;
		memcpy(rest, (const char *)bytes + now, len - now);
	}
	r->answered = true; /* whatever comes of it: libfuse has done with the request */
	if (r->parked)
		fuse_req_interrupt_func(r->req, NULL, NULL);
	rc = fs_reply_read(r, bytes, now);
	if (rc < 0) {
		free(rest);
		return rc;
	}
	free(h->rest);
	h->rest = rest;
	h->rest_at = 0;
	h->rest_len = len - now;
	/* An item without bytes is its own end of file. */
	h->ended = h->one_item && len > 0 && h->leaf.view != FS_WATCH;
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
	if (h->rest_len == 0) {
		free(h->rest);
		h->rest = NULL;
	}
}

static void give_nothing(struct fs_request *r)
{
	r->answered = true;
	fs_reply_read(r, NULL, 0);
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

static int make_text(struct fs_handle *h, struct fs_text *t)
{
	int rc;

	switch (h->type == FS_OBJECT ? h->leaf.view : FS_STAT) {
	case FS_STAT:
		rc = h->type == FS_OBJECT ? fs_stat_text(h, t) : fs_root_text(h->type, h->uid, t);
		break;
	case FS_CTL:
		rc = fs_fail(-EINVAL, "\"ctl\" takes commands, it shows nothing");
		break;
	default:
		rc = kinds[h->item->kind]->show(h, t);
		break;
	}
	if (rc == -ENODATA)
		rc = 0; /* nothing there: end of file */
	if (rc == 0 && t->failed)
		rc = fs_fail(-EFBIG, "the text is over %d MiB: use at= or raw", FS_TEXT_MAX >> 20);
	return rc;
}

/* A snapshot is taken by the first read after open, after a write, and at offset 0. After a write it begins
 * where the file's position then is, so that what is written and read in turn through one
 * descriptor needs no seeking. */
static int read_shown(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	size_t at, n;
	int rc;

	if (h->fresh && r->offset != 0) {
		h->text_base = r->offset;
	} else if (!h->has_text || r->offset == 0 || r->offset < h->text_base) {
		struct fs_text t = {0};

		rc = make_text(h, &t);
		if (rc < 0) {
			free(t.bytes);
			return rc;
		}
		free(h->text);
		h->text = t.bytes;
		h->text_len = t.len;
		h->text_base = h->written ? r->offset : 0;
		h->has_text = true;
	}
	h->fresh = h->written = false;
	at = (size_t)(r->offset - h->text_base);
	n = at < h->text_len ? h->text_len - at : 0;
	r->answered = true;
	fs_reply_read(r, n ? h->text + at : NULL, n < r->size ? n : r->size);
	return 0;
}

/* The changes that a look which comes next will show at least; of a part that look itself tells. */
static uint64_t changes_of(struct fs_item *item)
{
	struct ipcfs_stat st;

	if (item->is_part)
		return 0;
	return fs_engine_of(item->kind)->stat(item->object, &st) == -EIDRM ? 0 : st.changes;
}

/* At once what there is, then each change. Where peek shows nothing it waits for the next. */
static int read_watch(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	struct ipcfs_op op = {.verb = IPCFS_V_CHANGED};
	struct fs_text t = {0};
	uint64_t seen;
	int rc = fs_item_attach(h->item);

	r->class = IPCFS_C_CHANGE;
	if (rc == -ENODATA)
		return -EAGAIN; /* has no type yet */
	if (rc < 0)
		return rc;
	if (h->has_seen) {
		op.changes = h->seen;
		rc = fs_view_engine(r, &op);
		if (rc < 0)
			return rc;
	}
	seen = changes_of(h->item); /* before the look: what changes after it is shown again */
	rc = kinds[h->item->kind]->show(h, &t);
	if (h->item->is_part)
		seen = h->changes;
	if (rc == 0 && t.failed)
		rc = fs_fail(-EFBIG, "the text is too long to watch");
	if (rc == -ENODATA || (rc == 0 && t.len == 0)) {
		h->seen = op.changes = seen;
		h->has_seen = true;
		rc = fs_view_engine(r, &op); /* asks to be told of the next */
		rc = rc == 0 ? -EBUSY : rc;  /* changed between: again */
	} else if (rc == 0) {
		rc = fs_view_give(r, t.bytes, t.len);
		h->seen = seen;
		h->has_seen = true;
		fs_notify_read(h);
	}
	free(t.bytes);
	return rc;
}

enum ipcfs_class fs_view_line(const struct fs_handle *h, bool write)
{
	const struct fs_kind *kind = h->type == FS_OBJECT ? kinds[h->item->kind] : NULL;

	if (kind && kind->line && h->leaf.view == FS_PLAIN)
		return kind->line(h, write);
	return write ? IPCFS_C_WRITE : IPCFS_C_READ;
}

bool fs_view_ordered(enum ipcfs_class line)
{
	return line == IPCFS_C_READ || line == IPCFS_C_WRITE;
}

bool fs_view_waits(const struct fs_handle *h)
{
	return h->type == FS_OBJECT &&
	       (h->leaf.view == FS_WATCH ||
		(h->leaf.view == FS_PLAIN &&
		 (kinds[h->item->kind]->read_waits ||
		  h->leaf.options & kinds[h->item->kind]->read_waits_with)));
}

static int try_read(struct fs_request *r)
{
	struct fs_handle *h = r->handle;

	if (h->type == FS_OBJECT && h->item->removed && !(h->popped && (h->rest_len || h->ended)))
		return -EIDRM;
	if (h->draft)
		return fs_draft_read(r);
	if (h->type == FS_OBJECT && h->leaf.view == FS_RAW)
		return fs_raw_read(r);
	if (!fs_view_waits(h))
		return read_shown(r);
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
	return h->leaf.view == FS_WATCH ? read_watch(r) : kinds[h->item->kind]->take(r);
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

/* All lines of ctl, looked at or done. */
static int commands(struct fs_request *r, bool act)
{
	const char *at = r->data + (act ? r->commanded : 0), *end = r->data + r->size;
	int rc = 0, found = (int)r->commanded;

	while (rc == 0 && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);
		const char *word = ipcfs_trim(at, &len);

		if (len) {
			rc = kinds[r->item->kind]->command(r->handle, word, len, act);
			found++;
		}
		if (rc == -EINVAL)
			fs_words("%s have no command %s", ipcfs_kind_name(r->item->kind),
				 fs_quote(word, len));
		at = newline ? newline + 1 : end;
		if (act && rc == 0) /* a later one may have to wait */
			r->commanded = (size_t)(at - r->data);
	}
	return rc == 0 && found == 0 ? fs_fail(-EINVAL, "there is no command") : rc;
}

static int write_commands(struct fs_request *r)
{
	int rc;

	if (r->size > 4096)
		return fs_fail(-EMSGSIZE, "at most one page of commands");
	rc = r->commanded ? 0 : commands(r, false);
	return rc < 0 ? rc : commands(r, true);
}

/* The kernel cuts a writev(2) of many buffers. On a handle without an offset its later pieces can be told, and are
 * refused: then what writev returns is what was one operation. Where a write is cut does not matter to `lines` and
 * `block`. */
static bool is_later_piece(const struct fs_request *r)
{
	return r->offset > 0 && !r->append && fs_view_waits(r->handle) && !fs_frame_is(r->handle);
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
	switch (h->leaf.view) {
	case FS_PLAIN:
		rc = kinds[h->item->kind]->write(r);
		break;
	case FS_CTL:
		rc = write_commands(r);
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
	r->answered = true;
	if (r->parked)
		fuse_req_interrupt_func(r->req, NULL, NULL);
	fs_reply_ok(r->req);
	return 0;
}

static int try_flock(struct fs_request *r)
{
	const struct fs_kind *kind = r->handle->type == FS_OBJECT ? kinds[r->item->kind] : NULL;
	int rc;

	if (!kind || !kind->flock || r->handle->leaf.view != FS_PLAIN)
		return fs_fail(-EOPNOTSUPP, "this file has no flock(2)");
	if (r->item->removed)
		return -EIDRM;
	rc = kind->flock(r);
	if (rc < 0)
		return rc;
	r->answered = true;
	if (r->parked)
		fuse_req_interrupt_func(r->req, NULL, NULL);
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

/* ---- poll --------------------------------------------------------------------------------------------------------- */

static struct ipcfs_op question(struct fs_handle *h, unsigned classes, bool arm)
{
	return (struct ipcfs_op){.verb = IPCFS_V_READY,
				 .first = h->leaf.n,
				 .in_len = fs_frame_need(h),
				 .count = classes,
				 .holder = &h->holder,
				 .token = h->ticket,
				 .flags = (arm ? IPCFS_OP_PARK : 0) |
					  (h->leaf.options & FS_O_SHARED ? IPCFS_OP_SHARED : 0) |
					  (h->leaf.options & FS_O_HOLD ? IPCFS_OP_HOLD : 0)};
}

static unsigned engine_ready(struct fs_handle *h, unsigned classes, bool arm)
{
	struct ipcfs_op op = question(h, classes, arm);
	int rc = fs_view_engine_item(h->item, &op);

	if (rc == -EBUSY)
		return 0; /* looked at again within a second */
	return rc < 0 ? classes & ~(unsigned)IPCFS_READY_HUP : (unsigned)op.count;
}

static bool watch_ready(struct fs_handle *h, bool arm)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_CHANGED, .changes = h->seen, .flags = arm ? IPCFS_OP_PARK : 0};
	struct fs_text t = {0};
	int rc = fs_item_attach(h->item);

	if (rc < 0)
		return rc != -ENODATA;
	if (h->has_seen)
		return fs_view_engine_item(h->item, &op) != -EAGAIN;
	rc = kinds[h->item->kind]->show(h, &t);
	free(t.bytes);
	if (rc == 0 && t.len)
		return true;
	engine_ready(h, 1u << IPCFS_C_CHANGE, arm);
	return rc < 0 && rc != -ENODATA;
}

unsigned fs_view_ready(struct fs_handle *h, bool arm)
{
	unsigned in = POLLIN | POLLRDNORM, out = POLLOUT | POLLWRNORM, ready, reads, writes;

	if (h->type != FS_OBJECT)
		return in;
	if (h->item->removed)
		return in | out | POLLERR;
	if (h->leaf.view == FS_WATCH) {
		ready = h->rest_len || watch_ready(h, arm) ? in : 0;
		return h->item->removed ? in | out | POLLERR : ready;
	}
	if (!fs_view_waits(h))
		return in | out;
	reads = 1u << fs_view_line(h, false);
	writes = 1u << fs_view_line(h, true);
	ready = engine_ready(h, reads | writes | IPCFS_READY_HUP, arm);
	if (h->item->removed)
		return in | out | POLLERR;
	if (fs_park_behind(h, fs_view_line(h, false)))
		ready &= ~reads;
	if (fs_park_behind(h, fs_view_line(h, true)))
		ready &= ~writes;
	return (ready & reads || h->rest_len || h->ended ? in : 0) |
	       (ready & writes || fs_frame_need(h) == 0 || writes == 1u << IPCFS_C_CHANGE ? out :
											    0) |
	       (ready & IPCFS_READY_HUP ? POLLHUP : 0);
}

/* ---- notify ------------------------------------------------------------------------------------------------------- */

/* A handle with `watch`: has anything changed since it was read? Before that it shows what there is. */
static int look_watch(struct fs_handle *h, bool *ready)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CHANGED, .changes = h->seen, .flags = IPCFS_OP_PARK};
	struct fs_text t = {0};
	int rc;

	if (h->has_seen) {
		rc = fs_view_engine_item(h->item, &op);
		*ready = rc != -EAGAIN;
		return rc == -EAGAIN ? 0 : rc;
	}
	op = question(h, 1u << IPCFS_C_CHANGE, true);
	rc = fs_view_engine_item(h->item, &op);
	if (rc == 0)
		rc = kinds[h->item->kind]->show(h, &t);
	*ready = rc == 0 && t.len;
	free(t.bytes);
	return rc == -ENODATA ? 0 : rc;
}

int fs_view_look(struct fs_handle *h, bool *ready, uint64_t *changes)
{
	unsigned reads = 1u << fs_view_line(h, false);
	struct ipcfs_op op = question(h, reads | 1u << IPCFS_C_CHANGE, true);
	int rc = fs_item_attach(h->item);

	*ready = false;
	*changes = 0;
	if (rc == 0 && h->leaf.view == FS_WATCH)
		return look_watch(h, ready);
	if (rc == 0)
		rc = fs_view_engine_item(h->item, &op);
	*ready = rc == 0 && op.count & reads;
	*changes = op.changes;
	return rc;
}

int fs_view_clear(struct fs_item *item)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CLEAR};
	int rc;

	if (fs_part_of(item))
		return fs_part_of(item)->clear(item);
	if (!kinds[item->kind]->clears)
		return 0; /* nothing that can be cleared */
	rc = fs_view_engine_item(item, &op);
	if (rc == 0)
		fs_park_changed(item);
	return rc;
}
