/* SPDX-License-Identifier: MIT
 *
 * t_dict.h - a look at the whole of a dict: the list of keys and the chains have the same records, each in the chain
 * of its name, and every byte of the heap has one owner.
 */
#ifndef T_DICT_H
#define T_DICT_H

#include "core/dict.h"
#include "t_heap.h"

static inline bool dict_note_level(struct ipcfs_object *o, struct heap_map *map, uint64_t buckets)
{
	for (uint64_t level = 0, first = 0; first < buckets; level++) {
		uint64_t size = level ? first : DICT_FIRST;

		if (!heap_note(map, heap_root_now(o, ROOT_LEVELS + (unsigned)level),
			       heap_room(8 + 8 * size)))
			return false;
		first += size;
	}
	return true;
}

static inline bool dict_note_key(struct heap_map *map, uint64_t at, struct dict_record *r)
{
	uint64_t form = LOAD(r->form), value = LOAD(r->value), name = LOAD(r->name);

	return heap_note(map, at, heap_room(sizeof(*r) + dict_name_room(form))) &&
	       (!value ||
		heap_note(map, value, heap_room(HEAP_HEADER + (LOAD(r->extent) >> 32)))) &&
	       (!name || heap_note(map, name, heap_room(HEAP_HEADER + dict_name_len(form))));
}

/* How many keys; -1: it is not whole. */
static inline int dict_look(struct ipcfs_object *o)
{
	struct heap_map *map = calloc(1, sizeof(*map));
	uint64_t at = heap_root_now(o, ROOT_FIRST), before = 0, number = 0;
	bool whole = map && dict_note_level(o, map, heap_root_now(o, ROOT_BUCKETS));
	int n = 0;

	for (; whole && at; n++) {
		struct dict_record *r = dict_record(o, at);
		struct dict_place place = {0};
		const uint8_t *bytes;
		const char *name;
		unsigned len;
		size_t value;

		name = r ? dict_name(o, r, &len) : NULL;
		whole = name && dict_find(o, name, len, &place) == 0 && place.at == at &&
			LOAD(r->before) == before && LOAD(r->number) > number &&
			dict_value(o, r, &bytes, &value) == 0 && dict_note_key(map, at, r);
		number = whole ? LOAD(r->number) : 0;
		before = at;
		at = whole ? LOAD(r->after) : 0;
	}
	whole = whole && heap_root_now(o, ROOT_LAST) == before &&
		heap_root_now(o, ROOT_COUNT) == (uint64_t)n &&
		heap_root_now(o, ROOT_NUMBERS) >= number && heap_is_whole(o, map);
	free(map);
	return whole ? n : -1;
}

#endif
