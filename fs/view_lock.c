/* SPDX-License-Identifier: MIT
 *
 * view_lock.c - locks as files: a read acquires and gives the fencing token, `unlock` and the close
 * release; flock(2) is the same lock.
 */
#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "../core/text.h"

struct grant {
	struct fs_request *r;
	struct ipcfs_op *op;
};

/* Under the object's lock: answered, then acquired. */
static int answer(void *arg, const struct iovec *pieces, int n)
{
	const struct grant *g = arg;
	char text[40];
	int len = snprintf(text, sizeof(text), "%llu%s\n", (unsigned long long)g->op->token,
			   g->op->abandoned ? " abandoned" : "");

	(void)pieces;
	(void)n;
	return fs_view_give(g->r, text, (size_t)len);
}

static int lock(struct fs_request *r, bool shared)
{
	struct fs_handle *h = r->handle;
	struct ipcfs_op op = {.verb = IPCFS_V_LOCK,
			      .flags = shared ? IPCFS_OP_SHARED : 0,
			      .holder = fs_handle_holder(h, r->pid)};
	struct grant g = {r, &op};
	int rc;

	if (r->flock) {
		op.flags |= IPCFS_OP_CONVERT;
	} else {
		op.sink = answer;
		op.sink_arg = &g;
	}
	rc = fs_view_engine(r, &op);
	if (rc == -EDEADLK)
		fs_words("this handle holds the lock %s already",
			 h->lock == LOCK_SH ? "shared" : "exclusively");
	if (rc == 0 && !h->lock) {
		h->holds = true;
		h->by_flock = r->flock;
		h->lock_process = op.holder->pid;
		h->lock_thread = r->pid;
	}
	if (rc == 0)
		h->lock = shared ? LOCK_SH : LOCK_EX;
	return rc;
}

static int take(struct fs_request *r)
{
	return lock(r, r->handle->leaf->options & FS_O_SHARED);
}

/* -o deadlock=error */
static int may_wait(struct fs_request *r)
{
	const struct fs_handle *h = r->handle;
	bool acquires = h->leaf->view == FS_PLAIN && !r->write && r->flock != LOCK_UN;

	if (!fs.deadlock_error || !acquires || r->nonblock || h->timeout_ns == 0)
		return 0;
	return fs_deadlock_check(r);
}

static int unlock(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	struct ipcfs_op op = {.verb = IPCFS_V_UNLOCK, .holder = fs_handle_holder(h, r->pid)};
	int rc = fs_view_engine(r, &op);

	if (rc == 0 || rc == -EPERM) {
		h->holds = h->by_flock = false;
		h->lock = 0;
		fs_handle_forget_rest(h); /* who reads a token must hold it */
	}
	return rc;
}

static int write_word(struct fs_request *r)
{
	size_t len = r->size;
	const char *s = ipcfs_trim(r->data, &len);
	int rc;

	if (len != 6 || memcmp(s, "unlock", 6) != 0)
		return fs_fail(-EINVAL, "%s is not \"unlock\"", fs_quote(s, len));
	rc = unlock(r);
	if (rc == -EPERM)
		fs_words(
			"this handle does not hold the lock: write to the open file that has read");
	return rc;
}

/* As flock(2): from shared to exclusive it is given back first, and is lost where that would wait and may not.
 * From exclusive to shared it is kept, which flock(2) does not promise. */
static int flock_of(struct fs_request *r)
{
	bool upgrade = r->flock == LOCK_EX && r->handle->lock == LOCK_SH;
	int rc = 0;

	if (r->flock == LOCK_UN || upgrade)
		rc = unlock(r);
	if (rc == -EPERM)
		rc = 0; /* nothing to give back */
	if (rc < 0 || r->flock == LOCK_UN)
		return rc;
	r->class = IPCFS_C_READ;
	return upgrade && fs_park_line(r) ? -EAGAIN : lock(r, r->flock == LOCK_SH);
}

static bool holds(const struct fs_handle *h)
{
	return h->lock != 0;
}

static int show_holder(void *arg, const struct ipcfs_holding *holding)
{
	fs_text_printf(arg, "%llu %d %u %lld%s\n", (unsigned long long)holding->token,
		       (int)holding->pid, holding->uid, (long long)(holding->since_ns / 1000000000),
		       holding->shared ? " shared" : "");
	return 0;
}

static int show(struct fs_handle *h, struct fs_text *t)
{
	struct ipcfs_stat st;
	int rc = fs_item_attach(h->item);

	if (rc == 0)
		rc = fs.engine->stat(h->item->object, &st);
	if (rc == -EUCLEAN)
		fs_words("the segment is damaged");
	if (rc == 0)
		rc = fs.engine->holders(h->item->object, show_holder, t);
	if (rc == 0 && t->len == 0)
		fs_text_printf(t, "free\n");
	return rc;
}

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	(void)h;
	fs_text_printf(t, "token %llu\nabandoned %d\n", (unsigned long long)st->value,
		       st->abandoned);
}

/* ---- another name -------------------------------------------------------------------------------------- */

static bool renew(int dirfd, const struct dirent *entry)
{
	struct ipcfs_op op = {.verb = IPCFS_V_RENEW};

	fs_walk_try(dirfd, entry->d_name, IPCFS_LOCK, &op);
	return false;
}

/* A lock that is gone, or was moved away, may have had that name, and given tokens under it since this one was made. */
static void moved(struct fs_item *item)
{
	struct ipcfs_op op = {.verb = IPCFS_V_RENEW};
	char path[FS_PATH];

	if (item->type != FS_DIR)
		fs_park_leave(item, &op);
	else if (fs_item_path(item, path) == 0)
		fs_walk(path, renew);
}

const struct fs_kind fs_lock_kind = {
	.read_waits = true,
	.flushes = true,
	.take = take,
	.show = show,
	.write = write_word,
	.flock = flock_of,
	.holds = holds,
	.may_wait = may_wait,
	.withdraw = fs_view_quit,
	.moved = moved,
	.stat = stat_lines,
	.command = fs_view_no_command,
};
