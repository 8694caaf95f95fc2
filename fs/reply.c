/* SPDX-License-Identifier: MIT
 *
 * reply.c - the only place that answers requests, and the log of failures behind the file `errors`:
 * the last 100 of each user, told in words.
 */
#include "fs.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../core/text.h"

enum { LOGS = 64, QUOTED = 60, SHOWN_PATH = 120, COPIED = 4096 };

struct failure {
	uint64_t number; /* counts all failures; 0: no entry */
	time_t time;
	pid_t pid;
	int error;
	char path[SHOWN_PATH];
	char words[FS_WORDS];
};

/* One user's. Where there are more users than logs, the one who failed longest ago gives his. */
struct log {
	bool used;
	uid_t uid;
	uint64_t last;
	unsigned next;
	struct failure failures[FS_ERRORS];
};

static struct log *logs[LOGS];
static uint64_t failures_count, replies;
static char words[FS_WORDS];

uint64_t fs_reply_count(void)
{
	return replies;
}

/* ---- words ------------------------------------------------------------------------------ */

void fs_reply_begin(void)
{
	words[0] = '\0';
}

void fs_words(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
}

const char *fs_quote(const char *s, size_t len)
{
	static char quoted[2][4 * QUOTED + 8];
	static unsigned turn;
	char *to = quoted[turn++ % 2];
	size_t n;

	to[0] = '"';
	n = ipcfs_escape(to + 1, sizeof(quoted[0]) - 2, s, len, QUOTED);
	to[n + 1] = '"';
	to[n + 2] = '\0';
	return to;
}

/* ---- the log ------------------------------------------------------------------------------ */

static struct log *log_of(uid_t uid)
{
	struct log *oldest = NULL;

	for (int i = 0; i < LOGS; i++) {
		if (!logs[i]) {
			logs[i] = calloc(1, sizeof(struct log));
			if (!logs[i])
				break;
		}
		if (logs[i]->used && logs[i]->uid == uid)
			return logs[i];
		if (!oldest || logs[i]->last < oldest->last)
			oldest = logs[i];
		if (!logs[i]->used)
			break;
	}
	if (!oldest)
		return NULL;
	memset(oldest, 0, sizeof(*oldest));
	oldest->used = true;
	oldest->uid = uid;
	return oldest;
}

static void note(const struct fuse_ctx *ctx, int error, const char *path)
{
	struct log *log = log_of(ctx->uid);
	struct failure *f;

	if (!log)
		return;
	f = &log->failures[log->next++ % FS_ERRORS];
	f->number = log->last = ++failures_count;
	f->time = time(NULL);
	f->pid = fs_process_of(ctx->pid);
	f->error = error;
	ipcfs_escape(f->path, sizeof(f->path), path ? path : "/", strlen(path ? path : "/"),
		     SHOWN_PATH - 8);
	snprintf(f->words, sizeof(f->words), "%s", words[0] ? words : strerror(error));
}

static int by_number(const void *a, const void *b)
{
	const struct failure *x = *(struct failure *const *)a, *y = *(struct failure *const *)b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void show(struct fs_text *t, const struct failure *f)
{
	struct tm tm;
	char when[32];

	localtime_r(&f->time, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S%z", &tm);
	fs_text_printf(t, "%s %d %s %s: %s\n", when, (int)f->pid, strerrorname_np(f->error),
		       f->path, f->words);
}

char *fs_errors_text(uid_t uid, size_t *len)
{
	static const struct failure *all[LOGS * FS_ERRORS];
	struct fs_text t = {0};
	size_t n = 0;

	for (int i = 0; i < LOGS && logs[i]; i++)
		for (int k = 0; logs[i]->used && (uid == 0 || logs[i]->uid == uid) && k < FS_ERRORS;
		     k++)
			if (logs[i]->failures[k].number)
				all[n++] = &logs[i]->failures[k];
	qsort(all, n, sizeof(all[0]), by_number);
	for (size_t i = n > FS_ERRORS ? n - FS_ERRORS : 0; i < n; i++)
		show(&t, all[i]);
	*len = t.len;
	return t.bytes;
}

/* ---- answers -------------------------------------------------------------------------------- */

void fs_reply_error(fuse_req_t req, int error, const char *path)
{
	/* What a caller expects to happen is no failure. */
	bool quiet = error == -EAGAIN || error == -EINTR || error == -ETIMEDOUT ||
		     error == -ESHUTDOWN || (error == -ENOENT && !words[0]);

	if (!quiet)
		note(fuse_req_ctx(req), -error, path);
	words[0] = '\0';
	replies++;
	fuse_reply_err(req, -error);
}

void fs_reply_failed(uid_t uid, pid_t pid, int error, const char *path)
{
	note(&(struct fuse_ctx){.uid = uid, .pid = pid}, -error, path);
	words[0] = '\0';
}

void fs_reply_handle_error(fuse_req_t req, int error, const struct fs_handle *h)
{
	char path[FS_PATH] = "/";

	if (h->item)
		fs_item_show(h->item, path, sizeof(path));
	fs_reply_error(req, error, path);
}

void fs_reply_ok(fuse_req_t req)
{
	replies++;
	words[0] = '\0';
	fuse_reply_err(req, 0);
}

int fs_reply_data(fuse_req_t req, const void *data, size_t len)
{
	replies++;
	return fuse_reply_buf(req, data, len);
}

/* A READ's or WRITE's answer as it is written: the kernel takes it up page by page and piece by piece, so it is
 * in one piece, unless that would mean to copy much, and begins a page. */
static struct {
	struct fuse_out_header header;
	char data[FS_MAX_IO];
} reply __attribute__((aligned(4096)));

char *fs_reply_room(void)
{
	return reply.data;
}

/* syscall(2), as write(2) is a point where a thread can be cancelled, which costs. */
static int send(const void *data, size_t len)
{
	struct iovec pieces[2] = {{&reply, sizeof(reply.header)}, {(void *)(uintptr_t)data, len}};
	long n;

	reply.header.len = (uint32_t)(sizeof(reply.header) + len);
	if (data != reply.data && len > COPIED) {
		n = syscall(SYS_writev, fs.fuse_fd, pieces, 2);
	} else {
		if (data != reply.data && len)
			memcpy(reply.data, data, len);
		n = syscall(SYS_write, fs.fuse_fd, &reply, reply.header.len);
	}
	return n < 0 ? -errno : 0;
}

/* What libfuse would write, without it. */
static int answer(uint64_t unique, const void *data, size_t len)
{
	int rc;

	reply.header.unique = unique;
	reply.header.error = 0;
	rc = send(data, len);
	if (__builtin_expect(rc < 0 && rc != -ENOENT, 0)) { /* somebody still waits for an answer */
		reply.header.error = -EIO;
		send(NULL, 0);
	}
	return rc;
}

int fs_reply_read(const struct fs_request *r, const void *data, size_t len)
{
	replies++;
	return r->req ? fuse_reply_buf(r->req, data, len) : answer(r->unique, data, len);
}

void fs_reply_written(const struct fs_request *r, size_t len)
{
	struct fuse_write_out written = {.size = (uint32_t)len};

	replies++;
	if (r->req) {
		fuse_reply_write(r->req, len);
		return;
	}
	answer(r->unique, &written, sizeof(written));
}

void fs_reply_locked(const struct fs_request *r)
{
	replies++;
	fuse_reply_err(r->req, 0);
}

void fs_reply_lost(const struct fs_request *r, int error)
{
	struct fuse_ctx ctx = {.uid = r->handle->uid, .pid = r->pid};
	char path[FS_PATH];

	if (error == -ESHUTDOWN)
		return;
	fs_item_show(r->item, path, sizeof(path));
	fs_words("%zu bytes that were left at a close are lost: %s", r->size, strerror(-error));
	note(&ctx, -error, path);
	words[0] = '\0';
}

void fs_reply_entry(fuse_req_t req, const struct fuse_entry_param *e)
{
	replies++;
	fuse_reply_entry(req, e);
}

void fs_reply_attr(fuse_req_t req, const struct stat *st, double timeout)
{
	replies++;
	fuse_reply_attr(req, st, timeout);
}

/* libfuse 3.14 knows neither FOPEN_STREAM nor FOPEN_PARALLEL_DIRECT_WRITES: answered as the kernel
 * reads it. */
static struct fuse_open_out open_out(const struct fs_handle *h)
{
	return (struct fuse_open_out){.fh = fs_handle_id(h), .open_flags = fs_handle_open_flags(h)};
}

void fs_reply_open(fuse_req_t req, const struct fs_handle *h)
{
	struct fuse_open_out out = open_out(h);

	replies++;
	fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

static void fill_attr(struct fuse_attr *attr, const struct stat *st)
{
	attr->ino = st->st_ino;
	attr->size = (uint64_t)st->st_size;
	attr->blocks = (uint64_t)st->st_blocks;
	attr->atime = (uint64_t)st->st_atim.tv_sec;
	attr->mtime = (uint64_t)st->st_mtim.tv_sec;
	attr->ctime = (uint64_t)st->st_ctim.tv_sec;
	attr->atimensec = (uint32_t)st->st_atim.tv_nsec;
	attr->mtimensec = (uint32_t)st->st_mtim.tv_nsec;
	attr->ctimensec = (uint32_t)st->st_ctim.tv_nsec;
	attr->mode = st->st_mode;
	attr->nlink = (uint32_t)st->st_nlink;
	attr->uid = st->st_uid;
	attr->gid = st->st_gid;
	attr->blksize = (uint32_t)st->st_blksize;
}

void fs_reply_create(fuse_req_t req, const struct fuse_entry_param *e, const struct fs_handle *h)
{
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = {
		.entry = {.nodeid = e->ino, .generation = e->generation},
		.open = open_out(h),
	};

	fill_attr(&out.entry.attr, &e->attr);
	replies++;
	fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

static void fill_time(double timeout, uint64_t *seconds, uint32_t *nanoseconds)
{
	*seconds = (uint64_t)timeout;
	*nanoseconds = (uint32_t)((timeout - (double)*seconds) * 1e9);
}

void fs_answer_entry(uint64_t unique, const struct fuse_entry_param *e)
{
	struct fuse_entry_out out = {.nodeid = e->ino, .generation = e->generation};

	fill_time(e->entry_timeout, &out.entry_valid, &out.entry_valid_nsec);
	fill_time(e->attr_timeout, &out.attr_valid, &out.attr_valid_nsec);
	fill_attr(&out.attr, &e->attr);
	replies++;
	answer(unique, &out, sizeof(out));
}

void fs_answer_open(uint64_t unique, const struct fs_handle *h)
{
	struct fuse_open_out out = open_out(h);

	replies++;
	answer(unique, &out, sizeof(out));
}

void fs_answer_ok(uint64_t unique)
{
	replies++;
	answer(unique, NULL, 0);
}

void fs_reply_statfs(fuse_req_t req, const struct statvfs *st)
{
	replies++;
	fuse_reply_statfs(req, st);
}

void fs_reply_link(fuse_req_t req, const char *to)
{
	replies++;
	fuse_reply_readlink(req, to);
}

void fs_reply_poll(fuse_req_t req, unsigned events)
{
	replies++;
	fuse_reply_poll(req, events);
}

void fs_reply_ioctl(fuse_req_t req)
{
	replies++;
	fuse_reply_ioctl(req, 0, NULL, 0);
}

void fs_reply_ioctl_item(fuse_req_t req, const struct ipcfs_item *item)
{
	replies++;
	fuse_reply_ioctl(req, 0, item, sizeof(*item));
}

void fs_reply_none(fuse_req_t req)
{
	fuse_reply_none(req);
}
