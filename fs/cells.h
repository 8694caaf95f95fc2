/* SPDX-License-Identifier: MIT
 *
 * cells.h - what the files of values and arrays share: cells.c (elements as text), pending.c (names
 * without a type yet), view_cells.c (writes and reads of text), raw.c (bytes).
 */
#ifndef IPCFS_FS_CELLS_H
#define IPCFS_FS_CELLS_H

#include "fs.h"

/* ---- cells.c -------------------------------------------------------------------------- */

/* Elements as they lie in memory, of one type. */
struct fs_cells {
	char type;
	size_t element;
	uint64_t count; /* elements in bytes */
	char *bytes;	/* malloc'd */
};

/* "an int64", for messages. */
const char *fs_cells_words(char type);
/* Of characters or bytes: no arithmetic. */
bool fs_cells_is_text(char type);
/* Elements of it are characters of one text, and no lines. */
bool fs_cells_is_run(char type);
/* The length without one final newline. */
size_t fs_cells_drop_newline(const char *s, size_t len);
/* The next word (numbers) or line (strings); false at the end. */
bool fs_cells_next(char type, const char **at, const char *end, const char **s, size_t *len);
uint64_t fs_cells_count(char type, const char *text, size_t len);
/* Appends one element; there is room in c->bytes. */
int fs_cells_parse_one(struct fs_cells *c, const char *s, size_t len);
/* Text for `want` elements: as many, or with `fill` one for all (c->count tells); 0: as many as there
 * are. c->bytes is to be freed, whatever is returned. */
int fs_cells_parse(struct fs_cells *c, const char *text, size_t len, uint64_t want, bool fill);
/* Adds them as text. */
void fs_cells_add(struct fs_text *t, const struct fs_cells *c);

/* ---- view_cells.c --------------------------------------------------------------------- */

/* "add 5", "+=5": which operation; *s and *len become the operand. -ENOENT: none. */
int fs_cells_operation(const char **s, size_t *len, enum ipcfs_arith *op);
/* Where a write goes, and on what condition. */
struct fs_target {
	struct fs_item *item;
	struct fs_handle *handle; /* NULL: mv */
	uint64_t first, last;
	bool slice; /* named by range or `at`: one element may stand for all */
};

/* One operation that writes; notes what `cas` compares with. */
int fs_cells_run(struct fs_target *t, struct ipcfs_op *op);
/* Elements as text to where `t` says. */
int fs_cells_write(struct fs_target *t, const char *s, size_t len);

/* ---- pending.c ------------------------------------------------------------------------ */

/* A pending array's words, kept until the handle closes. Whole words that cannot be are refused now. */
int fs_pending_gather(struct fs_handle *h, const char *s, size_t len);
/* Drops what it has gathered. */
void fs_pending_drop(struct fs_handle *h);
/* Gives a pending name its type and first content. */
int fs_pending_settle(struct fs_item *item, const char *s, size_t len);

#endif
