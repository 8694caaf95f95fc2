/* SPDX-License-Identifier: MIT
 *
 * t_list.h - is a list whole? Its items are where its index says, they have as many bytes as it says, and every byte
 * of its heap has one owner: an item, the index, or what is free.
 */
#ifndef T_LIST_H
#define T_LIST_H

#include "t_heap.h"

#include "core/list.h"

static inline bool list_note_items(struct ipcfs_object *o, struct heap_map *map)
{
	struct list_view v;
	struct iovec bytes;
	uint64_t at, sum = 0;

	if (list_look(o, &v) < 0)
		return false;
	if (v.at && !heap_note(map, v.at, heap_room(8 + 8 * v.slots)))
		return false;
	for (uint64_t i = 0; i < v.count; i++) {
		if (list_item(o, &v, i, &at, &bytes) < 0 ||
		    !heap_note(map, at, list_item_room(bytes.iov_len)))
			return false;
		sum += bytes.iov_len;
	}
	return sum == v.bytes;
}

/* Nobody else uses it, and whoever died with its lock has been taken care of. */
static inline bool list_is_whole(struct ipcfs_object *o)
{
	struct heap_map *map = calloc(1, sizeof(*map));
	bool whole = map && list_note_items(o, map) && heap_is_whole(o, map);

	free(map);
	return whole;
}

#endif
