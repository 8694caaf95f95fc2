/* SPDX-License-Identifier: MIT
 *
 * handle.c - open files: entries of a table, numbered by index and generation, so that a number says
 * which entry is meant and whether it still is.
 */
#include "render.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

#include "../core/object.h"

enum { CHUNK = 256, CHUNKS = 16384 };
#define NONE UINT32_MAX

static struct fs_handle *chunks[CHUNKS]; /* entries never move */
static uint32_t used_entries, free_head = NONE, open_count;

static struct fs_handle *entry(uint32_t index)
{
	return &chunks[index / CHUNK][index % CHUNK];
}

static struct fs_handle *allocate(void)
{
	struct fs_handle *h;

	if (free_head != NONE) {
		h = entry(free_head);
		free_head = h->next_free;
		return h;
	}
	if (used_entries == CHUNK * CHUNKS)
		return NULL;
	if (!chunks[used_entries / CHUNK]) {
		chunks[used_entries / CHUNK] = calloc(CHUNK, sizeof(struct fs_handle));
		if (!chunks[used_entries / CHUNK])
			return NULL;
	}
	h = entry(used_entries);
	h->index = used_entries++;
	return h;
}

/* Is an end of file told between two items? Decided at open. */
static bool one_item(const struct fs_leaf *leaf, int flags)
{
	return (flags & O_ACCMODE) == O_RDONLY && !(flags & O_NONBLOCK) &&
	       !(leaf->options & (FS_O_STREAM | FS_O_TOKENS));
}

int fs_handle_new(enum fs_type type, struct fs_item *item, const struct fs_leaf *leaf, int flags,
		  uid_t uid, struct fs_handle **out)
{
	const struct fs_leaf *shared;
	struct fs_handle *h;
	uint32_t index, generation;
	int rc = fs_quota_add(uid, FS_Q_HANDLES, 1);

	if (rc < 0)
		return rc;
	shared = fs_leaf_get(item, leaf);
	h = shared ? allocate() : NULL;
	if (!h) {
		fs_leaf_put(shared);
		fs_quota_add(uid, FS_Q_HANDLES, -1);
		return fs_fail(-ENFILE, "the server has no room for another open file");
	}
	index = h->index;
	generation = h->generation + 1;
	memset(h, 0, sizeof(*h));
	h->index = index;
	h->generation = generation & 0x7fffffff;
	h->used = true;
	h->type = type;
	h->item = item;
	h->leaf = shared;
	h->flags = flags;
	h->uid = uid;
	h->timeout_ns = -1;
	h->holder = (struct ipcfs_holder){
		.member = fs.store->session, .handle = fs_handle_id(h), .uid = uid};
	if (leaf) {
		/* An event is not taken: its text always has an end. */
		h->one_item = (one_item(leaf, flags) || (item && item->kind == IPCFS_EVENT)) &&
			      !(item && type == FS_OBJECT && fs_kind_of(item->kind)->streams);
		h->replaces = flags & O_TRUNC && fs_frame_gathers(h);
		if (leaf->options & FS_O_TIMEOUT)
			h->timeout_ns = leaf->timeout_ns;
	}
	if (item) {
		fs_item_ref(item);
		item->handles++;
	}
	open_count++;
	*out = h;
	return 0;
}

void fs_handle_move(struct fs_handle *h, struct fs_item *item)
{
	struct fs_item *from = h->item;

	fs_item_ref(item);
	item->handles++;
	h->item = item;
	from->handles--;
	fs_item_put(from);
}

uint64_t fs_handle_id(const struct fs_handle *h)
{
	return (uint64_t)h->generation << 32 | h->index;
}

struct fs_handle *fs_handle_of(uint64_t fh)
{
	uint32_t index = (uint32_t)fh;
	struct fs_handle *h = index < used_entries ? entry(index) : NULL;

	return h && h->used && h->generation == fh >> 32 ? h : NULL;
}

unsigned fs_handle_count(void)
{
	return open_count;
}

/* ---- what it keeps in memory, for which its user is charged ---------------------------------------- */

static int keep(struct fs_handle *h, size_t *kept, size_t n)
{
	int rc = n == *kept ? 0 : fs_quota_add(h->uid, FS_Q_KEPT, (int64_t)n - (int64_t)*kept);

	if (rc == 0)
		*kept = n;
	return rc;
}

static void free_text(struct fs_handle *h)
{
	free(h->text);
	fs_render_free(h->render);
	h->text = NULL;
	h->render = NULL;
	h->text_len = 0;
	h->has_text = h->fresh = false;
}

void fs_handle_forget_text(struct fs_handle *h)
{
	free_text(h);
	keep(h, &h->text_kept, 0);
}

int fs_handle_take_text(struct fs_handle *h, struct fs_text *t)
{
	int rc = keep(h, &h->text_kept, t->len + (t->render ? fs_render_bytes(t->render) : 0));

	if (rc < 0) {
		free(t->bytes);
		fs_render_free(t->render);
		return rc;
	}
	free_text(h);
	h->text = t->bytes;
	h->text_len = t->len;
	h->render = t->render;
	h->has_text = true;
	return 0;
}

void fs_handle_take_fresh(struct fs_handle *h, struct fs_text *t)
{
	h->fresh = fs_handle_take_text(h, t) == 0 && !t->failed;
	h->has_text = h->fresh;
}

int fs_handle_keep_rest(struct fs_handle *h, size_t n)
{
	return keep(h, &h->rest_kept, n);
}

void fs_handle_drop_rest(struct fs_handle *h)
{
	free(h->rest);
	h->rest = NULL;
	h->rest_len = h->rest_at = 0;
	keep(h, &h->rest_kept, 0);
}

void fs_handle_retire(struct fs_handle *h)
{
	if (h->poll) {
		LIST_REMOVE(h, poll_link);
		fuse_pollhandle_destroy(h->poll);
		h->poll = NULL;
	}
	h->used = false;
	open_count--;
}

void fs_handle_free(struct fs_handle *h)
{
	if (h->used)
		fs_handle_retire(h);
	if (h->type == FS_OBJECT && fs_kind_of(h->item->kind)->end)
		fs_kind_of(h->item->kind)->end(h);
	fs_frame_drop(h);
	fs_draft_drop(h);
	fs_handle_forget_text(h);
	fs_handle_drop_rest(h);
	fs_pending_drop(h);
	h->closing = false;
	fs_quota_add(h->uid, FS_Q_HANDLES, -1);
	fs_leaf_put(h->leaf);
	h->leaf = &fs_leaf_none;
	if (h->item) {
		if (--h->item->handles == 0 && h->item->removed && !h->item->parked_count)
			fs_item_detach(h->item);
		fs_item_put(h->item);
	}
	h->item = NULL;
	h->next_free = free_head;
	free_head = h->index;
}

int fs_handle_begin(struct fs_handle *h, bool made, const struct ipcfs_maker *maker)
{
	const struct fs_kind *kind = h->type == FS_OBJECT ? fs_kind_of(h->item->kind) : NULL;
	int rc = kind && kind->begin ? kind->begin(h) : 0;

	if (rc == 0 && h->leaf->options & FS_O_NOTIFY)
		rc = fs_notify_open(h, h->opener);
	if (rc == 0 && kind && kind->open)
		rc = kind->open(h, made, maker);
	if (rc == 0)
		fs_notify_begin(h);
	else
		fs_notify_close(h);
	return rc;
}

/* A handle whose read can wait must not hold the file position's lock while it does, and has no
 * offset; one whose write can wait must let other writers of its inode pass. A close asks the server
 * (FLUSH) only where it can fail. */
uint32_t fs_handle_open_flags(const struct fs_handle *h)
{
	const struct fs_kind *kind;
	uint32_t flags = FOPEN_DIRECT_IO | FOPEN_NOFLUSH;

	if (h->type != FS_OBJECT)
		return flags;
	kind = fs_kind_of(h->item->kind);
	if (fs_view_waits(h))
		flags |= FOPEN_STREAM;
	if (h->leaf->view == FS_PLAIN && kind->write_waits)
		flags |= FOPEN_PARALLEL_DIRECT_WRITES;
	if (kind->flushes || fs_frame_is(h) || fs_frame_gathers(h) || h->draft ||
	    (h->item->pending && h->item->kind == IPCFS_ARRAY &&
	     (h->flags & O_ACCMODE) != O_RDONLY))
		flags &= ~(uint32_t)FOPEN_NOFLUSH;
	return flags;
}

/* ---- what it holds ------------------------------------------------------------------------------ */

const struct ipcfs_holder *fs_handle_holder(struct fs_handle *h, pid_t thread)
{
	if (h->asker != thread) { /* /proc is asked once */
		h->asker = thread;
		h->holder.pid = fs_process_of(thread);
	}
	return &h->holder;
}

void fs_handle_closed_by(struct fs_handle *h, pid_t thread)
{
	if (!h->holds && !fs_frame_gathers(h))
		return;
	h->closer = fs_process_ending(thread);
	/* Who has acquired for others and ends, as flock(1): then it is whoever opened the file. */
	if (h->closer != FS_LIVES && h->lock_process == fs_process_of(thread))
		h->lock_process = h->opener == thread ? 0 : fs_process_of(h->opener);
}

/* flock(1) ends by itself while it holds the lock, and that is all right. */
void fs_handle_leave(struct fs_handle *h)
{
	bool ended = h->closer == FS_KILLED || (h->closer == FS_EXITS && !h->by_flock);
	struct ipcfs_op op = {
		.verb = IPCFS_V_LEAVE, .holder = &h->holder, .flags = ended ? IPCFS_OP_ENDED : 0};

	if (h->draft && !fs_draft_close(h)) {
		fs_park_closing(h);
		return;
	}
	if (h->holds && !fs_park_try_leave(h->item, &op)) {
		fs_park_closing(h);
		return;
	}
	if (h->holds)
		fs_park_changed(h->item);
	fs_handle_free(h);
}

void fs_handle_forget_rest(struct fs_handle *h)
{
	fs_handle_drop_rest(h);
	h->ended = false;
}
