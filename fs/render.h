/* SPDX-License-Identifier: MIT
 *
 * render.h - a large array's snapshot, which becomes text as it is read (render.c).
 */
#ifndef IPCFS_FS_RENDER_H
#define IPCFS_FS_RENDER_H

#include "cells.h"

/* Of elements that become a line each. Owns cells->bytes from now on; NULL: no memory, and it does not. */
struct fs_render *fs_render_new(const struct fs_cells *cells);
void fs_render_free(struct fs_render *p);
/* How many bytes its elements have. */
size_t fs_render_bytes(const struct fs_render *p);
/* The text from the offset `at` on: `size` bytes or more, less at its end. *bytes is good until the next call.
 * -EBUSY: to be called again, when others have had their turn; -ENOMEM. */
int fs_render_read(struct fs_render *p, size_t at, size_t size, const char **bytes, size_t *len);

#endif
