/* SPDX-License-Identifier: MIT
 *
 * view_common.c - the views that all kinds have: texts that are shown (`peek`, `stat`, the root's files, what values
 * and arrays read as), a snapshot with offsets; `watch`, which shows each change; `cas`; and the commands of `ctl`.
 */
#include "render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../core/text.h"

/* ---- a text is shown --------------------------------------------------------------------------- */

static int make_text(struct fs_handle *h, struct fs_text *t)
{
	int rc;

	switch (h->type == FS_OBJECT ? h->leaf->view : FS_STAT) {
	case FS_STAT:
		rc = h->type == FS_OBJECT  ? fs_stat_text(h, t) :
		     h->type == FS_SPECIAL ? fs_special_text(h, t) :
					     fs_root_text(h->type, h->uid, t);
		break;
	case FS_CTL:
		rc = fs_fail(-EINVAL, "\"ctl\" takes commands, it shows nothing");
		break;
	default:
		rc = fs_kind_of(h->item->kind)->show(h, t);
		break;
	}
	if (rc == -ENODATA)
		rc = 0; /* nothing there: end of file */
	if (rc == 0 && t->failed)
		rc = fs_fail(-EFBIG, "the text is over %d MiB: use at= or raw", FS_TEXT_MAX >> 20);
	return rc;
}

/* What the snapshot has from the request's offset on. Nobody stands behind one whose text is being made, and it has as
 * long as that takes: -EBUSY. */
static int look_up(struct fs_request *r, const char **bytes, size_t *n)
{
	const struct fs_handle *h = r->handle;
	size_t at = (size_t)(r->offset - h->text_base);
	int rc = 0;

	if (h->render) {
		rc = fs_render_read(h->render, at, r->size, bytes, n);
	} else {
		*n = at < h->text_len ? h->text_len - at : 0;
		*bytes = *n ? h->text + at : NULL;
	}
	if (rc == -EBUSY) {
		r->shown = true;
		r->class = IPCFS_C_CHANGE;
		r->busy_until = 0;
		r->busy_tries = 0;
	}
	return rc;
}

/* A snapshot is taken by the first read after open, after a write, and at offset 0. After a write it begins
 * where the file's position then is, so that what is written and read in turn through one
 * descriptor needs no seeking. */
int fs_view_shown(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	const char *bytes;
	size_t n;
	int rc;

	if (h->fresh && r->offset != 0) {
		h->text_base = r->offset;
	} else if (!h->has_text || (r->offset == 0 && !r->shown) || r->offset < h->text_base) {
		struct fs_text t = {.later = true};

		rc = make_text(h, &t);
		if (rc < 0) {
			free(t.bytes);
			return rc;
		}
		rc = fs_handle_take_text(h, &t);
		if (rc < 0)
			return rc;
		h->text_base = h->written ? r->offset : 0;
	}
	h->fresh = h->written = false;
	rc = look_up(r, &bytes, &n);
	if (rc < 0)
		return rc;
	r->answered = true;
	fs_reply_read(r, bytes, n < r->size ? n : r->size);
	return 0;
}

/* ---- a change is watched ----------------------------------------------------------------------- */

/* The changes that a look which comes next will show at least; of a part that look itself tells. */
static uint64_t changes_of(struct fs_item *item)
{
	struct ipcfs_stat st;

	if (item->is_part)
		return 0;
	return fs_engine_of(item->kind)->stat(item->object, &st) == -EIDRM ? 0 : st.changes;
}

/* At once what there is, then each change. Where peek shows nothing it waits for the next. */
int fs_view_watch(struct fs_request *r)
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
	rc = fs_kind_of(h->item->kind)->show(h, &t);
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
		if (rc == 0) { /* else it is to be shown again */
			h->seen = seen;
			h->has_seen = true;
			fs_notify_read(h);
		}
	}
	free(t.bytes);
	return rc;
}

/* ---- commands ---------------------------------------------------------------------------------- */

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
			rc = fs_kind_of(r->item->kind)->command(r->handle, word, len, act);
			found++;
		}
		if (rc == -EINVAL)
			fs_words("%s have no command %s", ipcfs_kind_name(r->item->kind),
				 fs_quote(word, len));
		at = newline ? newline + 1 : end;
		/* A later one may have to wait, or fail where these have changed things. */
		if (act && rc == 0)
			r->commanded = r->taken = (size_t)(at - r->data);
	}
	return rc == 0 && found == 0 ? fs_fail(-EINVAL, "there is no command") : rc;
}

int fs_view_commands(struct fs_request *r)
{
	int rc;

	if (r->size > 4096)
		return fs_fail(-EMSGSIZE, "at most one page of commands");
	rc = r->commanded ? 0 : commands(r, false);
	return rc < 0 ? rc : commands(r, true);
}

/* ---- for kinds that are a number ---------------------------------------------------------- */

int fs_view_show_value(struct fs_handle *h, struct fs_text *t)
{
	struct ipcfs_stat st;
	int rc = fs_item_attach(h->item);

	if (rc == 0)
		rc = fs.engine->stat(h->item->object, &st);
	if (rc == 0)
		fs_text_printf(t, "%llu\n", (unsigned long long)st.value);
	return rc;
}

/* The dead are all looked for, but not at each change. */
int fs_view_show_waiting(struct fs_handle *h, struct fs_text *t)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PEEK,
			      .holder = h->leaf->view == FS_PEEK ? NULL : &h->holder};
	int rc = fs_view_engine_item(h->item, &op);

	if (rc == 0)
		fs_text_printf(t, "%llu\n", (unsigned long long)op.count);
	if (op.made)
		fs_park_changed(h->item); /* what the dead had may be another's now */
	return rc;
}

void fs_view_stat_value(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	(void)h;
	fs_text_printf(t, "value %llu\n", (unsigned long long)st->value);
}

/* ---- only if nothing has changed ---------------------------------------------------------- */

int fs_view_cas(struct fs_handle *h, struct ipcfs_op *op)
{
	if (!(h->leaf->options & FS_O_CAS))
		return 0;
	if (!h->has_changes)
		return fs_fail(-ECANCELED, "\"cas\" has nothing to compare with before a read");
	op->flags |= IPCFS_OP_CAS;
	op->changes = h->changes;
	return 0;
}

void fs_view_cas_done(struct fs_handle *h, const struct ipcfs_op *op)
{
	h->changes = op->changes;
	h->has_changes = true;
}

/* ---- for kinds without commands ----------------------------------------------------------- */

int fs_view_no_command(struct fs_handle *h, const char *word, size_t len, bool act)
{
	(void)h;
	(void)word;
	(void)len;
	(void)act;
	return -EINVAL;
}

int fs_view_clear_command(struct fs_handle *h, const char *word, size_t len, bool act)
{
	if (len != 5 || memcmp(word, "clear", 5) != 0)
		return -EINVAL;
	return act ? fs_view_clear(h->item) : 0;
}
