/* SPDX-License-Identifier: MIT
 *
 * ops.c - the table of requests, and those on files. Only READ and WRITE may wait, and FSYNC for a moment. Every other is
 * answered before its handler returns: libfuse serialises look-ups and listings, and `ls` or
 * `rm` would hang behind them.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../core/sys.h"

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				  FUSE_CAP_SPLICE_MOVE | FUSE_CAP_READDIRPLUS |
				  FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_WRITEBACK_CACHE |
				  FUSE_CAP_AUTO_INVAL_DATA);
	conn->want |= conn->capable & FUSE_CAP_ATOMIC_O_TRUNC;
	conn->max_write = FS_MAX_IO;
	conn->max_background = 65535;
	conn->congestion_threshold = 65535;
	conn->time_gran = 1;
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	fs_node_forget(ino, lookups);
	fs_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		fs_node_forget(forgets[i].ino, forgets[i].nlookup);
	fs_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_node *node = fs_node_of(ino);
	const struct fs_handle *h = fi ? fs_handle_of(fi->fh) : NULL;
	struct stat st;
	int rc = node ? fs_attr_of(node, &st) : -ESTALE;

	if (rc == 0 && h && h->draft) /* lseek(2) to the end: of what it has written so far */
		st.st_size = (off_t)fs_draft_len(h);
	if (rc < 0)
		fs_reply_error(req, rc, NULL);
	else
		fs_reply_attr(req, &st, fs_attr_timeout(node->type));
}

/* ---- links ----------------------------------------------------------------------------------- */

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	if (ino == FUSE_ROOT_ID + (fuse_ino_t)FS_SHM)
		fs_reply_link(req, fs.store_dir);
	else
		fs_reply_error(req, -EINVAL, NULL);
}

static void refuse_link(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_node *node = fs_node_of(parent);
	char path[FS_PATH];

	if (!node || !node->item || fs_item_path_in(node->item, name, false, path) < 0)
		snprintf(path, sizeof(path), "%s", name);
	fs_reply_error(req, fs_fail(-EPERM, "there are no links"), path);
}

static void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link;
	refuse_link(req, parent, name);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	(void)ino;
	refuse_link(req, newparent, newname);
}

/* ---- open files ---------------------------------------------------------------------------------- */

static int check_open(const struct fs_node *node, int flags)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY, reads = (flags & O_ACCMODE) != O_WRONLY;
	struct ipcfs_stat st;
	int rc;

	if (!node->item)
		return writes ? fs_fail(-EACCES, "the files at the root are for reading") : 0;
	if (node->item->removed)
		return -ENOENT;
	if (node->leaf->view == FS_CTL && reads && !writes)
		return fs_fail(-EINVAL, "\"ctl\" takes commands, it shows nothing");
	if (writes && (node->leaf->view == FS_PEEK || node->leaf->view == FS_WATCH ||
		       node->leaf->view == FS_STAT || node->leaf->options & FS_O_JOIN))
		return fs_fail(-EINVAL, "this view is for reading");
	if (node->leaf->options & FS_O_NOTIFY && !reads)
		return fs_fail(-EINVAL, "\"notify\" tells of reads: open it for reading");
	if (node->leaf->options & FS_O_MEMBER && !reads)
		return fs_fail(-EINVAL, "who may read may \"join\": open it for reading");
	if (node->leaf->options & FS_O_AFTER && !writes)
		return fs_fail(-EINVAL, "\"after\" is for signals that are written");
	if (node->leaf->options & FS_O_N && fs_item_attach(node->item) == 0 &&
	    fs.engine->stat(node->item->object, &st) == 0 && node->leaf->n > st.properties.max)
		return fs_fail(-EINVAL, "n=%llu is above the semaphore's max",
			       (unsigned long long)node->leaf->n);
	rc = fs_frame_check_open(node->item, node->leaf);
	if (rc == 0 && node->type == FS_OBJECT && fs_kind_of(node->item->kind)->check_open)
		rc = fs_kind_of(node->item->kind)->check_open(node->item, node->leaf, flags);
	return rc < 0 ? rc : fs_check_properties(node->item, &node->leaf->p);
}

int fs_open(const struct fs_node *node, int flags, uid_t uid, pid_t thread, struct fs_handle **out)
{
	int rc = check_open(node, flags);

	if (rc == 0)
		rc = fs_handle_new(node->type, node->item, node->item ? node->leaf : NULL, flags,
				   uid, out);
	if (rc != 0)
		return rc;
	(*out)->opener = thread;
	rc = fs_handle_begin(*out, false, NULL);
	if (rc != 0)
		fs_handle_free(*out);
	return rc;
}

static void open_file(fuse_req_t req, fuse_ino_t ino, int flags);

static void open_again(struct fs_retry *r)
{
	open_file(r->req, r->ino, r->flags);
}

static void open_file(fuse_req_t req, fuse_ino_t ino, int flags)
{
	struct fs_node *node = fs_node_of(ino);
	char path[FS_PATH] = "/";
	struct fs_handle *h;
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	int rc = node ? fs_open(node, flags, ctx->uid, ctx->pid, &h) : -ESTALE;

	if (rc == -EBUSY && fs_retry(&(struct fs_retry){
				    .call = open_again, .req = req, .ino = ino, .flags = flags}))
		return;
	if (rc != 0) {
		if (node && node->item)
			fs_item_show(node->item, path, sizeof(path));
		fs_reply_error(req, rc, path);
		return;
	}
	fs_reply_open(req, h);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	open_file(req, ino, fi->flags);
}

static void flush(fuse_req_t req, uint64_t fh);

static void flush_again(struct fs_retry *r)
{
	flush(r->req, r->fh);
}

/* Idempotent: a close may be told twice. */
static void flush(fuse_req_t req, uint64_t fh)
{
	struct fs_handle *h = fs_handle_of(fh);
	int rc = h ? fs_view_flush(h) : 0;

	if (rc == 0 && h)
		rc = fs_frame_flush(h);
	if (rc == 0 && h && h->draft)
		rc = fs_draft_flush(h, fuse_req_ctx(req)->pid);
	if (rc == -EBUSY && fs_retry(&(struct fs_retry){.call = flush_again, .req = req, .fh = fh}))
		return;
	if (rc < 0)
		fs_reply_handle_error(req, rc, h);
	else
		fs_reply_ok(req);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs_handle *h = fs_handle_of(fi->fh);

	(void)ino;
	if (h) { /* now: the closer waits, and can be looked at */
		h->flushed = true;
		fs_handle_closed_by(h, fuse_req_ctx(req)->pid);
	}
	flush(req, fi->fh);
}

void fs_close(struct fs_handle *h)
{
	if (!h || h->closing)
		return; /* may be told twice */
	fs_notify_close(h);
	fs_view_flush(h);
	if (h->temp)
		fs_remove_made(h->item->of ? h->item->of : h->item);
	if (h->type == FS_OBJECT && fs_kind_of(h->item->kind)->close)
		fs_kind_of(h->item->kind)->close(h);
	if (fs_frame_close(h))
		fs_handle_retire(h);
	else
		fs_handle_leave(h);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fs_close(fs_handle_of(fi->fh));
	fs_reply_ok(req);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct fs_request r = {.req = req,
			       .handle = fs_handle_of(fi->fh),
			       .pid = fuse_req_ctx(req)->pid,
			       .write = true,
			       .sync = true};

	(void)ino;
	(void)datasync;
	r.item = r.handle ? r.handle->item : NULL;
	if (r.item && r.handle->type == FS_OBJECT && r.handle->leaf->view == FS_PLAIN &&
	    fs_kind_of(r.item->kind)->sync)
		fs_park_run(&r);
	else
		fs_reply_ok(req);
}

/* A READ, WRITE or flock(2) as it has come. */
static void run(struct fs_request *r)
{
	if (r->handle) {
		r->item = r->handle->item;
		fs_park_run(r);
	} else {
		fs_reply_error(r->req, -EBADF, NULL);
	}
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct fs_request r = {.req = req,
			       .handle = fs_handle_of(fi->fh),
			       .pid = fuse_req_ctx(req)->pid,
			       .size = size,
			       .offset = off,
			       .nonblock = fi->flags & O_NONBLOCK};

	(void)ino;
	run(&r);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	struct fs_request r = {.req = req,
			       .handle = fs_handle_of(fi->fh),
			       .pid = fuse_req_ctx(req)->pid,
			       .size = size,
			       .data = data,
			       .offset = off,
			       .write = true,
			       .nonblock = fi->flags & O_NONBLOCK,
			       .append = fi->flags & O_APPEND};

	(void)ino;
	/* A longer write(2) comes in pieces; its first shows it. */
	if (r.handle && size > FS_MAX_WRITE && !r.handle->draft && !fs_view_piecewise(r.handle)) {
		fs_reply_handle_error(
			req, fs_fail(-EMSGSIZE, "one write has at most %d bytes", FS_MAX_WRITE),
			r.handle);
		return;
	}
	run(&r);
}

static void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		    struct fuse_pollhandle *ph)
{
	struct fs_handle *h = fs_handle_of(fi->fh);

	(void)ino;
	if (!h) {
		if (ph)
			fuse_pollhandle_destroy(ph);
		fs_reply_error(req, -EBADF, NULL);
		return;
	}
	fs_poll(req, h, ph, fi->poll_events);
}

/* Which item the handle had last: is that asked of a kind that knows? Then it is answered. */
static bool told_item(fuse_req_t req, const struct fs_handle *h, unsigned cmd, size_t room)
{
	const struct fs_kind *kind = h && h->type == FS_OBJECT ? fs_kind_of(h->item->kind) : NULL;
	struct ipcfs_item item;
	int rc;

	if (!kind || !kind->item || cmd != IPCFS_ITEM || room < sizeof(item))
		return false;
	rc = kind->item(h, &item);
	if (rc < 0)
		fs_reply_handle_error(req, rc, h);
	else
		fs_reply_ioctl_item(req, &item);
	return true;
}

static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
		     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_size,
		     size_t out_size)
{
	/* A folder's number is none of these. */
	struct fs_handle *h = flags & FUSE_IOCTL_DIR ? NULL : fs_handle_of(fi->fh);
	const struct fs_kind *kind = h && h->type == FS_OBJECT ? fs_kind_of(h->item->kind) : NULL;
	int64_t ns;
	int rc;

	(void)ino;
	(void)arg;
	if (kind && kind->shutdown && cmd == IPCFS_SHUTDOWN) {
		rc = kind->shutdown(h);
		if (rc < 0)
			fs_reply_handle_error(req, rc, h);
		else
			fs_reply_ioctl(req);
		return;
	}
	if (told_item(req, h, cmd, out_size))
		return;
	if (!h || flags & FUSE_IOCTL_DIR || cmd != IPCFS_TIMEOUT || in_size < sizeof(ns)) {
		/* Programs ask terminals' questions of any file: no failure to tell of. */
		fuse_reply_err(req, ENOTTY);
		return;
	}
	memcpy(&ns, in, sizeof(ns));
	if (ns < -1) {
		fs_reply_handle_error(req, fs_fail(-EINVAL, "a timeout is -1 or more"), h);
		return;
	}
	h->timeout_ns = ns;
	fs_reply_ioctl(req);
}

static void op_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op)
{
	struct fs_request r = {.req = req,
			       .handle = fs_handle_of(fi->fh),
			       .pid = fuse_req_ctx(req)->pid,
			       .flock = op & ~LOCK_NB,
			       .nonblock = op & LOCK_NB};

	(void)ino;
	run(&r);
}

/* Record locks would exclude nobody. */
static void refuse_record_lock(fuse_req_t req, const struct fuse_file_info *fi)
{
	struct fs_handle *h = fs_handle_of(fi->fh);

	if (h)
		fs_reply_handle_error(req, fs_fail(-EOPNOTSUPP, "there are no record locks"), h);
	else
		fs_reply_error(req, -EOPNOTSUPP, NULL);
}

static void op_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock)
{
	(void)ino;
	(void)lock;
	refuse_record_lock(req, fi);
}

static void op_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock,
		     int sleep)
{
	(void)ino;
	(void)lock;
	(void)sleep;
	refuse_record_lock(req, fi);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	if (statvfs(fs.store_dir, &st) < 0) {
		fs_reply_error(req, -errno, NULL);
		return;
	}
	st.f_namemax = IPCFS_NAME_MAX;
	fs_reply_statfs(req, &st);
}

const struct fuse_lowlevel_ops fs_ops = {
	.init = op_init,
	.lookup = fs_op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = fs_op_setattr,
	.readlink = op_readlink,
	.mknod = fs_op_mknod,
	.mkdir = fs_op_mkdir,
	.unlink = fs_op_unlink,
	.rmdir = fs_op_rmdir,
	.symlink = op_symlink,
	.rename = fs_op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = fs_op_opendir,
	.readdir = fs_op_readdir,
	.releasedir = fs_op_releasedir,
	.statfs = op_statfs,
	.create = fs_op_create,
	.getlk = op_getlk,
	.setlk = op_setlk,
	.flock = op_flock,
	.ioctl = op_ioctl,
	.poll = op_poll,
};
