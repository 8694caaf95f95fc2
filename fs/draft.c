/* SPDX-License-Identifier: MIT
 *
 * draft.c - the next value of a key, which a handle writes piece by piece and which becomes the key's as a whole.
 *
 * When? A close is told twice: each close(2) of a descriptor asks (FLUSH), and the last one is told (RELEASE), after it
 * has returned and with nobody left to hear of an error. Nobody says at a FLUSH whether it is the last. So the value
 * is put by RELEASE, and each FLUSH tries it, for the errors, without doing it. But where whoever opened the file closes it
 * and has no other descriptor of it, that very likely is the last one, and it is put at once: then it is there
 * for programs of the library, too, when close(2) returns.
 *
 * A write that failed is not in it: so it is not whole, and is not put unless it is written anew, from nothing.
 *
 * If whoever opened it was killed, and nobody else has written since, it is left half-written: that is nobody's value.
 * The same where RELEASE comes without any FLUSH: who was killed or interrupted within open(2), behind our answer, never
 * had the file.
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fs_draft {
	char *bytes;
	size_t len, room;
	bool due;      /* it is to be put: the key is truncated, or was written to since */
	bool written;  /* at all */
	bool unmade;   /* the key was not there when it was opened */
	bool half;     /* its writer was killed */
	bool failed;   /* a write to it did */
	uint64_t step; /* the last that changed it */
	struct ipcfs_maker maker;
};

/* Changes of drafts, and times that keys were given, one after the other. */
static uint64_t steps;

int fs_draft_begin(struct fs_handle *h, const struct ipcfs_maker *maker, bool truncated)
{
	h->draft = calloc(1, sizeof(*h->draft));
	if (!h->draft)
		return -ENOMEM;
	h->draft->due = truncated;
	h->draft->step = ++steps;
	h->draft->unmade = maker != NULL;
	if (maker)
		h->draft->maker = *maker;
	return 0;
}

static int grow(struct fs_handle *h, size_t room)
{
	struct fs_draft *d = h->draft;
	char *grown;
	int rc;

	if (room <= d->room)
		return 0;
	if (room < 2 * d->room)
		room = 2 * d->room;
	rc = fs_quota_add(h->uid, FS_Q_GATHERED, (int64_t)(room - d->room));
	if (rc < 0)
		return rc;
	grown = realloc(d->bytes, room);
	if (!grown) {
		fs_quota_add(h->uid, FS_Q_GATHERED, (int64_t)d->room - (int64_t)room);
		return -ENOMEM;
	}
	d->bytes = grown;
	d->room = room;
	return 0;
}

static int extend(struct fs_handle *h, uint64_t len)
{
	struct fs_draft *d = h->draft;
	int rc;

	if (len > IPCFS_DICT_VALUE_MAX)
		return fs_fail(-EMSGSIZE, "a value has at most %llu bytes",
			       (unsigned long long)IPCFS_DICT_VALUE_MAX);
	rc = grow(h, len);
	if (rc < 0)
		return rc;
	if (len > d->len) {
		memset(d->bytes + d->len, 0, len - d->len);
		d->len = len;
	}
	return 0;
}

int fs_draft_write(struct fs_request *r)
{
	struct fs_draft *d = r->handle->draft;
	uint64_t at = r->append ? d->len : (uint64_t)r->offset;
	int rc = at > IPCFS_DICT_VALUE_MAX ? -EMSGSIZE : extend(r->handle, at + r->size);

	if (rc < 0) {
		d->failed = true;
		return rc;
	}
	memcpy(d->bytes + at, r->data, r->size);
	d->step = ++steps;
	d->due = d->written = true;
	d->half = false;
	return 0;
}

int fs_draft_read(struct fs_request *r)
{
	const struct fs_draft *d = r->handle->draft;
	size_t at = (uint64_t)r->offset < d->len ? (size_t)r->offset : d->len, n = d->len - at;

	r->answered = true;
	fs_reply_read(r, n ? d->bytes + at : NULL, n < r->size ? n : r->size);
	return 0;
}

int fs_draft_truncate(struct fs_handle *h, uint64_t len)
{
	struct fs_draft *d = h->draft;
	int rc = len > d->len ? extend(h, len) : 0;

	if (rc == 0) {
		d->len = len;
		d->step = ++steps;
		d->due = d->written = true;
		d->failed = d->failed && len > 0;
	}
	return rc;
}

uint64_t fs_draft_len(const struct fs_handle *h)
{
	return h->draft->len;
}

void fs_draft_touch(struct fs_item *item, int64_t mtime_ns, bool now)
{
	item->touched = now ? 0 : ++steps;
	item->touched_ns = mtime_ns;
}

/* ---- putting -------------------------------------------------------------------------------------- */

/* The time that the key was given after all that was written, as cp -p and tar do it before they close. */
static void give_time(struct fs_item *item)
{
	struct ipcfs_part part = {.at = item->part_at,
				  .number = item->part,
				  .set = IPCFS_PART_MTIME,
				  .mtime_ns = item->touched_ns};
	struct ipcfs_op op = {.verb = IPCFS_V_CHMOD, .part = &part};

	fs_view_engine_item(item, &op);
}

/* Another has made the key meanwhile: may it be written? */
static bool may_write(const struct fs_draft *d, const struct ipcfs_part *part)
{
	return d->maker.uid == 0 || d->maker.uid == part->uid || part->mode & 02 ||
	       (d->maker.gid == part->gid && part->mode & 020);
}

/* What its maker has made of mode and group since he opened it: the item knows, unless another user would make the
 * key, too. */
static void look_again(const struct fs_item *item, struct ipcfs_maker *maker)
{
	if (!item->unmade || item->last.st_uid != maker->uid)
		return;
	maker->mode = item->last.st_mode;
	maker->gid = item->last.st_gid;
}

/* A key that was not there: by its name. */
static int put_new(struct fs_handle *h, struct ipcfs_op *op)
{
	struct fs_draft *d = h->draft;
	struct fs_item *item = h->item;
	struct ipcfs_part part = {.name = item->name, .name_len = strlen(item->name)};
	struct ipcfs_op find = {.verb = IPCFS_V_FIND, .part = &part};
	int rc;

	look_again(item, &d->maker);
	part.mode = d->maker.mode & 0777;
	part.uid = d->maker.uid;
	part.gid = d->maker.gid;
	op->part = &part;
	op->flags |= IPCFS_OP_MAKE | IPCFS_OP_NEW;
	rc = fs_view_engine_item(item->parent, op);
	if (rc == -EEXIST) {
		rc = fs_view_engine_item(item->parent, &find);
		op->flags &= ~(unsigned)(IPCFS_OP_MAKE | IPCFS_OP_NEW);
		if (rc == 0 && !may_write(d, &part))
			rc = fs_fail(-EACCES, "another user has made the key meanwhile");
		if (rc == 0)
			rc = fs_view_engine_item(item->parent, op);
	}
	if (rc == 0 && !(op->flags & IPCFS_OP_DRY)) {
		item->unmade = false;
		item->part = part.number;
		item->part_at = part.at;
		fs_item_rehash(item, fs_part_ino(item->parent, part.number));
	}
	op->part = NULL;
	return rc;
}

static int put(struct fs_handle *h, unsigned flags)
{
	struct fs_draft *d = h->draft;
	struct ipcfs_op op = {
		.verb = IPCFS_V_WRITE, .in = d->bytes, .in_len = d->len, .flags = flags};
	int rc;

	if (h->item->removed)
		return -EIDRM;
	rc = d->unmade ? put_new(h, &op) : fs_view_engine_item(h->item, &op);
	if (rc == -ENOSPC)
		fs_words("the dict, or the store, is full");
	if (rc < 0 || flags & IPCFS_OP_DRY)
		return rc;
	d->due = d->unmade = false;
	if (h->item->touched > d->step)
		give_time(h->item);
	fs_node_stale(h->item, 0);
	fs_park_changed(h->item);
	return 0;
}

int fs_draft_put(struct fs_handle *h)
{
	if (h->draft->failed)
		return fs_fail(-EIO, "a write failed, so the value is not whole");
	return h->draft->due ? put(h, 0) : 0;
}

/* ---- closing -------------------------------------------------------------------------------------- */

/* The threads of a process have its files in common. */
static bool is_opener(const struct fs_handle *h, pid_t thread)
{
	if (thread <= 0) /* of another pid namespace: nobody knows */
		return false;
	return thread == h->opener || fs_process_of(thread) == fs_process_of(h->opener);
}

int fs_draft_flush(struct fs_handle *h, pid_t thread)
{
	struct fs_draft *d = h->draft;
	enum fs_ending ending;

	if (!d->due || d->half || d->failed)
		return 0;
	if (!is_opener(h, thread))
		return put(h, IPCFS_OP_DRY);
	ending = fs_process_ending(thread);
	if (ending == FS_KILLED) {
		d->half = true;
		return 0;
	}
	if (d->written && (ending == FS_EXITS || !fs_process_has(thread, h->item->ino, false)))
		return put(h, 0);
	return put(h, IPCFS_OP_DRY);
}

bool fs_draft_close(struct fs_handle *h)
{
	struct fs_request lost = {
		.handle = h, .item = h->item, .size = h->draft->len, .pid = h->opener};
	bool had = h->flushed || h->draft->written;
	int rc = h->draft->half || h->draft->failed || !had ? 0 : fs_draft_put(h);

	if (rc == -EBUSY)
		return false;
	if (rc < 0)
		fs_reply_lost(&lost, rc);
	h->draft->due = false;
	return true;
}

void fs_draft_drop(struct fs_handle *h)
{
	if (!h->draft)
		return;
	fs_quota_add(h->uid, FS_Q_GATHERED, -(int64_t)h->draft->room);
	free(h->draft->bytes);
	free(h->draft);
	h->draft = NULL;
}
