/* SPDX-License-Identifier: MIT
 *
 * t_inner_lock.h - what the tests of the inner lock share.
 */
#ifndef T_INNER_LOCK_H
#define T_INNER_LOCK_H

#include "t_core.h"

#define Q IPCFS_QUEUE

static inline void open_as(enum ipcfs_kind kind, const char *name, struct ipcfs_store **store,
			   struct ipcfs_object **o)
{
	*store = t_open_store();
	t_is(ipcfs_open(*store, kind, name, 0, 0, NULL, o), 0);
}

#endif
