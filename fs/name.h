/* SPDX-License-Identifier: MIT
 *
 * name.h - names and their options.
 */
#ifndef IPCFS_FS_NAME_H
#define IPCFS_FS_NAME_H

#include "../core/engine.h"

enum {
	FS_NAME_MAX = 255, /* of an mq; other kinds: IPCFS_NAME_MAX */
};

/* ---- name.c ---------------------------------------------------------------------------------- */

enum fs_view { /* the main view: at most one */
	       FS_PLAIN,
	       FS_PEEK,
	       FS_WATCH,
	       FS_STAT,
	       FS_CTL,
	       FS_RAW,
};

enum { /* options beside it, as bits of fs_leaf.options */
       FS_O_TIMEOUT = 1 << 0,
       FS_O_STREAM = 1 << 1,
       FS_O_AT = 1 << 2,
       FS_O_CAS = 1 << 3,
       FS_O_N = 1 << 4,
       FS_O_SHARED = 1 << 5,
       FS_O_LINES = 1 << 6,
       FS_O_BLOCK = 1 << 7,
       FS_O_ACK = 1 << 8,
       FS_O_JOIN = 1 << 9,
       FS_O_HOLD = 1 << 10,
       FS_O_TOKENS = 1 << 11,
       FS_O_NOTIFY = 1 << 12,
       FS_O_PRIO = 1 << 13,
       FS_O_POP = 1 << 14,
       FS_O_INSERT = 1 << 15,
       FS_O_A = 1 << 29,
       FS_O_B = 1 << 30,
       FS_O_MEMBER = 1 << 16, /* signals: join */
       FS_O_AFTER = 1 << 17,
       FS_O_NUM = 1 << 18,
};

#define FS_INDEX_END INT64_MAX /* insert: behind the last item */

/* A name with its options, parsed. Zeroed before it is filled, so that equal ones are equal bytes. */
struct fs_leaf {
	char name[FS_NAME_MAX + 1];
	enum fs_view view;
	uint32_t options;
	int64_t timeout_ns;
	uint64_t n;	/* semaphore: units; pipe: the end, 1 or 2 */
	uint64_t block; /* bytes; 0: all until fsync or close */
	int notify;	/* signal */
	int member;	/* likewise; 0: what is fired */
	int64_t after_ns;
	unsigned prio;
	uint64_t at_first, at_last; /* [first, last); last UINT64_MAX: to the end */
	int64_t index;		    /* lists: of at, insert, pop; negative from the end */
	struct ipcfs_properties p;
};

/* Of what an object that is a folder has in it: a kind to the grammar. */
#define FS_KEY ((enum ipcfs_kind)IPCFS_KIND_COUNT)
/* -EINVAL, -ENAMETOOLONG, with words. */
int fs_name_parse(enum ipcfs_kind kind, const char *text, struct fs_leaf *leaf);
/* name_check.c: do the options that were found go together? -EINVAL, with words. */
int fs_name_check(enum ipcfs_kind kind, const struct fs_leaf *leaf);
bool fs_leaf_is_view(const struct fs_leaf *leaf); /* has a view: does not create */
/* Appends ",option=value"... of the leaf's views, for messages. */
int fs_parse_range(const char *s, size_t len, uint64_t *first, uint64_t *last, bool *slice);
/* "3", "-1": -EINVAL, -ERANGE. */
int fs_parse_index(const char *s, size_t len, int64_t *index);
/* Properties as "type=d len=4" and back, for pending names. */
int fs_properties_format(const struct ipcfs_properties *p, char *buf, size_t size);
int fs_properties_parse(enum ipcfs_kind kind, const char *text, struct ipcfs_properties *p);

#endif
