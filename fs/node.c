/* SPDX-License-Identifier: MIT
 *
 * node.c - the numbers under which the kernel knows what it looked up. Three identifiers: the inode
 * number of the file in the store (shown as st_ino, the `id` of `stat`), the item (one for each such
 * file in use), the node (what one look-up answered). Kinds whose writes can wait get a new node at
 * each look-up: a parked write holds the kernel's lock of that inode, and so nobody else needs it. All
 * others get the same node for the same name as long as the kernel knows it.
 */
#include "fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256, CHUNKS = 65536, FIRST_NODE = 16 };
#define NONE UINT32_MAX
#define HELD_NS 100000000 /* a look-up's attributes: two ticks of a slow clock, and some */

static struct fs_node *chunks[CHUNKS];
static uint32_t used_nodes = FIRST_NODE, free_head = NONE;

static struct fs_node *entry(uint32_t index)
{
	return &chunks[index / CHUNK][index % CHUNK];
}

static struct fs_node *allocate(void)
{
	struct fs_node *node;

	if (free_head != NONE) {
		node = entry(free_head);
		free_head = node->next_free;
		return node;
	}
	if (used_nodes / CHUNK >= CHUNKS)
		return NULL;
	if (!chunks[used_nodes / CHUNK]) {
		chunks[used_nodes / CHUNK] = calloc(CHUNK, sizeof(struct fs_node));
		if (!chunks[used_nodes / CHUNK])
			return NULL;
	}
	node = entry(used_nodes);
	node->index = used_nodes++;
	return node;
}

fuse_ino_t fs_node_id(const struct fs_node *node)
{
	return (uint64_t)node->generation << 32 | node->index;
}

struct fs_node *fs_node_of(fuse_ino_t id)
{
	uint32_t index = (uint32_t)id;
	struct fs_node *node = index < used_nodes && chunks[index / CHUNK] ? entry(index) : NULL;

	return node && node->used && fs_node_id(node) == id ? node : NULL;
}

static struct fs_node *known(struct fs_item *item, const struct fs_leaf *leaf)
{
	struct fs_node *node;

	LIST_FOREACH(node, &item->nodes, item_link)
	if (!memcmp(node->leaf, leaf, sizeof(*leaf)))
		return node;
	return NULL;
}

struct fs_node *fs_node_get(enum fs_type type, struct fs_item *item, const struct fs_leaf *leaf)
{
	const struct fs_leaf *shared;
	struct fs_node *node;
	bool mint = type == FS_OBJECT && fs_kind_of(item->kind)->write_waits;

	if (!leaf)
		leaf = &fs_leaf_none;
	node = mint ? NULL : known(item, leaf);
	if (node) {
		node->lookups++;
		node->looked_up_ns = fs_now_ns();
		LIST_REMOVE(node, item_link);
		LIST_INSERT_HEAD(&item->nodes, node, item_link);
		return node;
	}
	shared = fs_leaf_get(item, leaf);
	node = shared ? allocate() : NULL;
	if (!node) {
		fs_leaf_put(shared);
		return NULL;
	}
	node->generation = (node->generation + 1) & 0x7fffffff;
	node->type = type;
	node->used = true;
	node->lookups = 1;
	node->looked_up_ns = fs_now_ns();
	node->item = item;
	node->leaf = shared;
	LIST_INSERT_HEAD(&item->nodes, node, item_link);
	fs_item_ref(item);
	return node;
}

void fs_node_forget(fuse_ino_t id, uint64_t lookups)
{
	struct fs_node *node = fs_node_of(id);

	if (!node || node->index < FIRST_NODE)
		return;
	node->lookups -= lookups < node->lookups ? lookups : node->lookups;
	if (node->lookups)
		return;
	LIST_REMOVE(node, item_link);
	fs_leaf_put(node->leaf);
	fs_item_put(node->item);
	node->leaf = &fs_leaf_none;
	node->item = NULL;
	node->used = false;
	node->next_free = free_head;
	free_head = node->index;
}

/* Attributes alone (offset -1): for that the kernel takes no lock which its caller might hold. */
void fs_node_stale(const struct fs_item *item, fuse_ino_t but)
{
	const struct fs_node *node;
	int64_t since = fs_now_ns() - HELD_NS;

	LIST_FOREACH(node, &item->nodes, item_link)
	{
		if (node->looked_up_ns < since)
			break;
		if (fs_node_id(node) != but)
			fuse_lowlevel_notify_inval_inode(fs.session, fs_node_id(node), -1, 0);
	}
}

/* The root's own files have fixed numbers. */
static void fixed(enum fs_type type)
{
	struct fs_node *node = entry(FUSE_ROOT_ID + (uint32_t)type);

	node->index = FUSE_ROOT_ID + (uint32_t)type;
	node->type = type;
	node->used = true;
	node->lookups = 1;
	node->leaf = &fs_leaf_none;
}

int fs_node_start(void)
{
	chunks[0] = calloc(CHUNK, sizeof(struct fs_node));
	if (!chunks[0])
		return -ENOMEM;
	for (enum fs_type type = FS_ROOT; type <= FS_SHM; type++)
		fixed(type);
	return 0;
}
