/* SPDX-License-Identifier: MIT
 *
 * parts.c - objects that are shown as folders, and what is in them, whatever the kind: attributes, listing. Parts are told
 * as they are when they are asked for; an offset is what is before them, and the number of the part told last, which
 * only grows from part to part: so it stays right while parts come and go.
 */
#include "fs.h"

#include <errno.h>
#include <string.h>

const struct fs_parts *fs_parts_of(const struct fs_item *item)
{
	return item->type == FS_OBJECT && !item->is_part ? fs_kind_of(item->kind)->parts : NULL;
}

const struct fs_parts *fs_part_of(const struct fs_item *item)
{
	return item->is_part ? fs_kind_of(item->kind)->parts : NULL;
}

void fs_parts_dress(enum fs_type type, struct fs_item *item, struct stat *st)
{
	if (fs_parts_of(item)->stat(item, st) < 0)
		st->st_mode = 0700; /* what can be said of one that is damaged */
	st->st_mode = type == FS_DIR ? S_IFDIR | (st->st_mode & 01777) :
				       S_IFREG | (st->st_mode & 0777);
	st->st_nlink = type == FS_DIR && st->st_nlink ? 2 : st->st_nlink;
	st->st_size = 0;
	st->st_blksize = 4096;
}

/* ---- listing ------------------------------------------------------------------------------------ */

enum { BEFORE_PARTS = 2 /* . and .. */, BATCH = 8192 };

/* . and .. */
static size_t fill_head(fuse_req_t req, const struct fs_handle *h, char *buf, size_t size,
			off_t off)
{
	struct stat st = {.st_mode = S_IFDIR, .st_ino = h->item->ino};
	size_t n = 0;

	for (; off < BEFORE_PARTS; off++)
		n += fuse_add_direntry(req, buf + n, size - n, off ? ".." : ".", &st, off + 1);
	return n;
}

/* Of the entries in op->out as many as fit: all? */
static bool fill_entries(fuse_req_t req, struct fs_handle *h, const struct ipcfs_op *op, char *buf,
			 size_t size, size_t *n)
{
	const char *from = op->out, *end = from + op->out_len;
	struct ipcfs_entry entry;

	for (; from < end; from += entry.size) {
		struct stat st = {.st_mode = S_IFREG};
		char name[IPCFS_NAME_MAX + 1] = "";
		size_t used;

		memcpy(&entry, from, sizeof(entry));
		memcpy(name, from + offsetof(struct ipcfs_entry, name), entry.name_len);
		st.st_ino = fs_part_ino(h->item, entry.number);
		used = fuse_add_direntry(req, buf + *n, size - *n, name, &st,
					 (off_t)(entry.number + BEFORE_PARTS));
		if (used > size - *n)
			return false;
		*n += used;
		h->listed_number = entry.number;
		h->listed_at = entry.at;
	}
	return true;
}

int fs_parts_list(fuse_req_t req, struct fs_handle *h, char *buf, size_t size, off_t off, size_t *n)
{
	struct ipcfs_part part;
	struct ipcfs_op op = {.verb = IPCFS_V_KEYS, .part = &part};
	char room[BATCH];
	bool more;
	int rc;

	*n = fill_head(req, h, buf, size, off);
	op.first = off > BEFORE_PARTS ? (uint64_t)off - BEFORE_PARTS : 0;
	if (h->listed_number > op.first) /* the program went back */
		h->listed_number = 0;
	do {
		part = (struct ipcfs_part){.at = h->listed_at, .number = h->listed_number};
		op.out = room;
		op.out_size = sizeof(room);
		rc = fs_view_engine_item(h->item, &op);
		h->listed_at = part.at; /* also if it is not there yet */
		h->listed_number = part.number;
		more = rc == 0 && op.count && fill_entries(req, h, &op, buf, size, n);
		op.first = h->listed_number;
	} while (more);
	return rc == -EBUSY && *n ? 0 : rc;
}
