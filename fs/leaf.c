/* SPDX-License-Identifier: MIT
 *
 * leaf.c - names with their options, as nodes and handles have them: large, mostly the same for all of an item, and
 * never changed. So those that are equal are one.
 */
#include "fs.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKS = 8 }; /* of many different ones, the newest */

struct fs_shared_leaf {
	struct fs_leaf leaf;
	unsigned references;
	bool listed;
	LIST_ENTRY(fs_shared_leaf) link;
};

const struct fs_leaf fs_leaf_none;

const struct fs_leaf *fs_leaf_get(struct fs_item *item, const struct fs_leaf *leaf)
{
	struct fs_shared_leaf *s;
	int looks = 0;

	if (!leaf || leaf == &fs_leaf_none)
		return &fs_leaf_none;
	LIST_FOREACH(s, &item->leaves, link)
	{
		if (memcmp(&s->leaf, leaf, sizeof(*leaf)) == 0) {
			s->references++;
			return &s->leaf;
		}
		if (++looks == LOOKS)
			break;
	}
	s = malloc(sizeof(*s));
	if (!s)
		return NULL;
	s->leaf = *leaf;
	s->references = 1;
	s->listed = true;
	LIST_INSERT_HEAD(&item->leaves, s, link);
	return &s->leaf;
}

void fs_leaf_put(const struct fs_leaf *leaf)
{
	struct fs_shared_leaf *s;

	if (!leaf || leaf == &fs_leaf_none)
		return;
	s = (void *)((char *)(uintptr_t)leaf - offsetof(struct fs_shared_leaf, leaf));
	if (--s->references)
		return;
	if (s->listed)
		LIST_REMOVE(s, link);
	free(s);
}

void fs_leaf_renamed(struct fs_item *item, const char *name)
{
	struct fs_shared_leaf *s;

	LIST_FOREACH(s, &item->leaves, link)
	if (s->leaf.name[0]) { /* not a folder's; equal leaves are equal bytes */
		memset(s->leaf.name, 0, sizeof(s->leaf.name));
		snprintf(s->leaf.name, sizeof(s->leaf.name), "%s", name);
	}
}

void fs_leaf_leave(struct fs_item *item)
{
	struct fs_shared_leaf *s;

	while ((s = LIST_FIRST(&item->leaves))) {
		LIST_REMOVE(s, link);
		s->listed = false;
	}
}
