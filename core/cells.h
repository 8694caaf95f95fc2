/* SPDX-License-Identifier: MIT
 *
 * cells.h - typed elements in a segment: what values and arrays have in common.
 */
#ifndef IPCFS_CELLS_H
#define IPCFS_CELLS_H

#include "object.h"

/* The shape of both kinds: type code; value of type s: bytes; array: elements. */
enum { SHAPE_TYPE, SHAPE_LEN };

/* Fills o->cells and o->size for `count` elements of `element` bytes. */
int cells_layout(struct ipcfs_object *o, char type, size_t element, uint64_t count, bool scalar);
void cells_repair(struct ipcfs_object *o);
int cells_try(struct ipcfs_object *o, struct ipcfs_op *op);
unsigned cells_ready(struct ipcfs_object *o, const struct ipcfs_op *op);
void cells_stat(struct ipcfs_object *o, struct ipcfs_stat *st);
bool cells_type_known(char type);

#endif
