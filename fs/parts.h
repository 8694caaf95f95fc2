/* SPDX-License-Identifier: MIT
 *
 * parts.h - objects that are shown as folders, and what is in them: dicts and their keys.
 */
#ifndef IPCFS_FS_PARTS_H
#define IPCFS_FS_PARTS_H

#include "park.h"

/* The same entries as files of the store have, for parts of an object. All but `stat` may return -EBUSY. */
struct fs_parts {
	/* As fs_item_lookup(). */
	int (*lookup)(struct fs_item *whole, const char *name, struct fs_item **out);
	/* Makes a part for open(2) with these flags. -EEXIST. */
	int (*make)(struct fs_item *whole, const char *name, const struct ipcfs_maker *maker,
		    int flags, struct fs_item **out);
	int (*remove)(struct fs_item *part);
	/* Within the whole. replace: also onto another part, which gets its content. */
	int (*move)(struct fs_item *part, const char *name, struct fs_item *replace);
	/* As fs_item_stat(); of a whole, how the folder is shown. */
	int (*stat)(struct fs_item *item, struct stat *st);
	/* Mode, owner, times, as SETATTR has them. */
	int (*set)(struct fs_item *part, const struct stat *attr, int to_set);
	/* Truncates to nothing. */
	int (*clear)(struct fs_item *part);
};

/* ---- parts.c --------------------------------------------------------------------------------- */

/* What is in it, if it is an object that is shown as a folder; NULL. */
const struct fs_parts *fs_parts_of(const struct fs_item *item);
/* Of what it is a part; NULL. */
const struct fs_parts *fs_part_of(const struct fs_item *item);
/* Makes the status of an object's file that of the folder as which it is shown, or of one of its views. */
void fs_parts_dress(enum fs_type type, struct fs_item *item, struct stat *st);
/* Entries of the folder from the offset on, as many as fit; *n bytes. */
int fs_parts_list(fuse_req_t req, struct fs_handle *h, char *buf, size_t size, off_t off,
		  size_t *n);

/* ---- dict.c ---------------------------------------------------------------------------------- */

extern const struct fs_parts fs_dict_parts;

/* ---- draft.c --------------------------------------------------------------------------------- */

/* What a handle writes to a key that it replaces as a whole. maker: the key is not there yet. -ENOMEM. */
int fs_draft_begin(struct fs_handle *h, const struct ipcfs_maker *maker, bool truncated);
int fs_draft_write(struct fs_request *r);
int fs_draft_read(struct fs_request *r);
int fs_draft_truncate(struct fs_handle *h, uint64_t len);
uint64_t fs_draft_len(const struct fs_handle *h);
/* The key was given that time, which a draft that nobody writes to any more does not change, unless it was just the
 * time then. */
void fs_draft_touch(struct fs_item *item, int64_t mtime_ns, bool now);
/* It becomes the key's value. -EBUSY, -EIDRM, -ENOSPC, ... */
int fs_draft_put(struct fs_handle *h);
/* A descriptor was closed by that thread; the last one was: false, if the object's lock is busy. */
int fs_draft_flush(struct fs_handle *h, pid_t thread);
bool fs_draft_close(struct fs_handle *h);
void fs_draft_drop(struct fs_handle *h);

#endif
