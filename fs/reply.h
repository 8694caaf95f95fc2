/* SPDX-License-Identifier: MIT
 *
 * reply.h - answers, the words of errors, texts.
 */
#ifndef IPCFS_FS_REPLY_H
#define IPCFS_FS_REPLY_H

#include "park.h"

enum {
	FS_MAX_IO = 1 << 20,		 /* one request's data */
	FS_MAX_WRITE = FS_MAX_IO - 4096, /* one write(2): see name of EMSGSIZE in the manual */
	FS_MESSAGE_MAX = 1 << 30,	 /* a message that is read; more is EFBIG */
	FS_TEXT_MAX = 64 << 20,		 /* a shown text; more is EFBIG */
	FS_WORDS = 200,
	FS_ERRORS = 100,
};

/* ---- reply.c --------------------------------------------------------------------------------- */

/* A request begins: no words yet. */
void fs_reply_begin(void);
/* Words for the next error, printf-like; fs_fail gives the error, too. */
void fs_words(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define fs_fail(error, ...) (fs_words(__VA_ARGS__), (error))
/* Words for content: cut and escaped. */
const char *fs_quote(const char *s, size_t len);
/* Answers with -error (negative), noting it in the log of failures. what: may be NULL. */
void fs_reply_error(fuse_req_t req, int error, const char *path);
void fs_reply_handle_error(fuse_req_t req, int error, const struct fs_handle *h);
void fs_reply_ok(fuse_req_t req);
int fs_reply_data(fuse_req_t req, const void *data, size_t len);
/* The answers of READ and WRITE. A read's data, FS_MAX_IO bytes at most, is not copied if it is in the room. */
char *fs_reply_room(void);
int fs_reply_read(const struct fs_request *r, const void *data, size_t len);
void fs_reply_written(const struct fs_request *r, size_t len);
void fs_reply_locked(const struct fs_request *r);
/* Nobody is answered: what was done on that user's behalf has failed, which the log tells. */
void fs_reply_failed(uid_t uid, pid_t pid, int error, const char *path);
/* Nobody is answered: what was left at a close is lost, which the log of failures tells. */
void fs_reply_lost(const struct fs_request *r, int error);
void fs_reply_entry(fuse_req_t req, const struct fuse_entry_param *e);
void fs_reply_attr(fuse_req_t req, const struct stat *st, double timeout);
void fs_reply_open(fuse_req_t req, const struct fs_handle *h);
void fs_reply_create(fuse_req_t req, const struct fuse_entry_param *e, const struct fs_handle *h);
/* Those of the short way, by the request's number. */
void fs_answer_entry(uint64_t unique, const struct fuse_entry_param *e);
void fs_answer_open(uint64_t unique, const struct fs_handle *h);
void fs_answer_ok(uint64_t unique);
void fs_reply_statfs(fuse_req_t req, const struct statvfs *st);
void fs_reply_link(fuse_req_t req, const char *to);
void fs_reply_poll(fuse_req_t req, unsigned events);
void fs_reply_ioctl(fuse_req_t req);
void fs_reply_ioctl_item(fuse_req_t req, const struct ipcfs_item *item);
void fs_reply_none(fuse_req_t req);
uint64_t fs_reply_count(void);
/* The text of the file `errors` for a user. malloc'd. */
char *fs_errors_text(uid_t uid, size_t *len);

/* ---- text.c ---------------------------------------------------------------------------------- */

/* A text that grows. */
struct fs_text {
	char *bytes;
	size_t len, size;
	bool failed; /* no memory, or past FS_TEXT_MAX */
	bool later; /* who shows may give `render` instead, from which the text is made as it is read */
	struct fs_render *render;
};
void fs_text_add(struct fs_text *t, const void *bytes, size_t len);
void fs_text_printf(struct fs_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
