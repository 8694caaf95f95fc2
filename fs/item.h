/* SPDX-License-Identifier: MIT
 *
 * item.h - what the server knows of the store, and under which numbers the kernel knows it.
 */
#ifndef IPCFS_FS_ITEM_H
#define IPCFS_FS_ITEM_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <sys/queue.h>
#include <sys/stat.h>

#include "name.h"

enum {
	FS_PATH = IPCFS_PATH_MAX + 32, /* kind/folders/name in the store */
};

/* ---- item.c ---------------------------------------------------------------------------------- */

enum fs_type {
	FS_ROOT,
	FS_README,
	FS_STATUS,
	FS_ERRORS_FILE,
	FS_DEADLOCKS,
	FS_SHM,
	FS_DIR,
	FS_OBJECT,
	FS_SPECIAL /* a FIFO or a socket: the kernel's */
};

struct fs_request;
struct fs_leaving;
struct fs_handle;
struct fs_bearer;
TAILQ_HEAD(fs_requests, fs_request);
LIST_HEAD(fs_handles, fs_handle);
LIST_HEAD(fs_items, fs_item);
struct fs_notify;
struct fs_joined;
struct fs_pin;
struct fs_listener;
struct fs_socket;
struct fs_text;

/* Something of the store, known while the kernel or a handle knows it: a folder, or an object. */
struct fs_item {
	enum fs_type type;
	enum ipcfs_kind kind;
	uint64_t ino;		/* of the file in the store */
	struct fs_item *parent; /* folder; NULL for a kind's own */
	char name[FS_NAME_MAX + 1];
	unsigned references;	/* nodes, handles, children */
	bool pending;		/* a value or array without a type yet: the file is .NAME */
	bool is_part;		/* of its parent, an object that is shown as a folder */
	bool unmade;		/* a part that is not there yet, a handle will make it */
	uint64_t part, part_at; /* its number in that object, and where it was found there */
	uint64_t touched; /* when among the steps of drafts the part was given a time; 0: never */
	int64_t touched_ns;
	bool removed;
	bool permanent;
	bool outside;		      /* not in the store: it stands for a process, an address */
	bool no_object;		      /* its kind answers for it, not an engine */
	struct fs_item *of;	      /* it is an open file's own, of that name */
	struct fs_pin *pin;	      /* signals/PID: the process, while it is open */
	struct fs_listener *listener; /* sockets/listen:... */
	struct fs_socket *socket;     /* of an open file's own */
	uint64_t changes;	      /* without object: what `watch` compares */
	int wd;			      /* folder: inotify's number */
	char *words; /* the first content of a value or array that had no type, as it was written */
	size_t words_len;
	uid_t words_uid;	     /* whose they are counted as */
	struct stat last;	     /* attributes last seen, for handles of what is removed */
	struct ipcfs_object *object; /* attached, or NULL */
	TAILQ_ENTRY(fs_item) attached_link;
	LIST_ENTRY(fs_item) hash_link;
	LIST_ENTRY(fs_item) name_link;	/* by folder and name */
	LIST_ENTRY(fs_item) watch_link; /* folder */
	LIST_HEAD(, fs_node) nodes;
	LIST_HEAD(, fs_shared_leaf) leaves; /* of its nodes and handles */
	struct fs_requests parked[IPCFS_C_COUNT];
	unsigned parked_count;
	SLIST_HEAD(, fs_leaving) leaving; /* operations that found the lock busy */
	LIST_HEAD(, fs_bearer) bearers;	  /* processes that may hold tokens */
	SLIST_HEAD(, fs_handle) closing;  /* released, what they hold not yet given back */
	struct fs_handles polls;
	LIST_HEAD(, fs_notify) notifies;
	LIST_HEAD(, fs_joined) joined; /* members of a channel */
	LIST_HEAD(, fs_item) owned;    /* items whose `of` it is */
	LIST_ENTRY(fs_item) owned_link;
	struct fs_items parts_waiting; /* those on which anybody waits */
	LIST_ENTRY(fs_item) part_link;
	uint64_t own_changes;	 /* of its object, by this server */
	struct timespec changed; /* the last of them; 0: the file in the store says it */
	unsigned handles;
	bool dirty;
	bool busy; /* a try of something on it met a busy lock */
	TAILQ_ENTRY(fs_item) dirty_link;
	TAILQ_ENTRY(fs_item) parked_link; /* in the list of items with anything parked */
	bool in_parked;
};

int fs_item_start(void);
struct fs_item *fs_item_kind(enum ipcfs_kind kind);
/* Looks the name up in the store. *item is referenced: fs_item_put it. -ENOENT. */
int fs_item_lookup(struct fs_item *folder, const char *name, struct fs_item **out);
void fs_item_ref(struct fs_item *item);
void fs_item_put(struct fs_item *item);
/* "queues/team/jobs" in the store (a pending one: its hidden name). */
int fs_item_path(const struct fs_item *item, char path[FS_PATH]);
/* The same below `folder` for any name. */
int fs_item_path_in(const struct fs_item *folder, const char *name, bool hidden,
		    char path[FS_PATH]);
/* As people write it. */
void fs_item_show(const struct fs_item *item, char *buf, size_t size);
/* Status of "kind/name" wherever the kind's names are. */
int fs_item_look(enum ipcfs_kind kind, const char *path, struct stat *st);
/* An item of an open file's own, which waits for what no other of that name waits for. Referenced; NULL: -ENOMEM. */
struct fs_item *fs_item_own(struct fs_item *of);
/* Its name means something else now; whoever has it open still has it. */
void fs_item_unname(struct fs_item *item);
/* Attributes of the file in the store now. */
int fs_item_stat(struct fs_item *item, struct stat *st);
/* Its file in the store gets the time of the last change. */
void fs_item_keep_times(struct fs_item *item);
/* Its inode number is another now. */
void fs_item_rehash(struct fs_item *item, uint64_t ino);
/* The item of the whole's part with that name and number; number 0: that is not there yet. Referenced. -ENOMEM. */
int fs_item_of_part(struct fs_item *whole, const char *name, uint64_t number, const struct stat *st,
		    struct fs_item **out);
/* The inode number under which the whole's part is shown. */
static inline uint64_t fs_part_ino(const struct fs_item *whole, uint64_t number)
{
	return 1ull << 63 | (whole->ino & 0x7fffffff) << 32 | (uint32_t)number;
}
/* The item of the whole object. */
static inline struct fs_item *fs_item_whole(struct fs_item *item)
{
	return item->is_part ? item->parent : item;
}
/* It is gone: everybody who waits gets EIDRM. */
void fs_item_gone(struct fs_item *item);
void fs_item_moved(struct fs_item *item, struct fs_item *folder, const char *name);
/* Calls fs_park_changed for the item(s) of that inode number; 0: all. */
void fs_item_changed(void *arg, uint64_t ino);
/* The segment of that inode number, if it is known. */
struct fs_item *fs_item_of(uint64_t ino);
void fs_item_names(void *arg, int wd, const char *name);
unsigned fs_item_objects(void);

/* ---- attach.c -------------------------------------------------------------------------------- */

/* Makes item->object: 0, -EIDRM, -EUCLEAN, -ENODATA (pending, still without type), ... */
int fs_item_attach(struct fs_item *item);
void fs_item_detach(struct fs_item *item);
/* The item's file is another now (a pending one got its type). */
void fs_item_became(struct fs_item *item, struct ipcfs_object *object);
void fs_item_detach_all(void);
/* Folders or queues were renamed: where a queue's dead letters go is noted when it is attached. */
void fs_item_detach_dead(void);

/* ---- leaf.c ---------------------------------------------------------------------------------- */

/* Of what has no name of its own. */
extern const struct fs_leaf fs_leaf_none;
/* A copy that the item's nodes and handles have in common with others (NULL: fs_leaf_none), to be given back. NULL: no
 * memory. */
const struct fs_leaf *fs_leaf_get(struct fs_item *item, const struct fs_leaf *leaf);
void fs_leaf_put(const struct fs_leaf *leaf); /* NULL: nothing */
/* Its nodes are those of the new name: a bound socket, a FIFO stays the inode that the kernel has. */
void fs_leaf_renamed(struct fs_item *item, const char *name);
/* The item goes; a handle that was moved to another one may still have a leaf of it. */
void fs_leaf_leave(struct fs_item *item);

/* ---- node.c ---------------------------------------------------------------------------------- */

/* What a node id means. Entries of a table; the id is index and generation, so a successor that has
 * the table understands it, whatever became of lookup counts. */
struct fs_node {
	uint32_t index, generation;
	enum fs_type type;
	bool used;
	uint64_t lookups;
	int64_t looked_up_ns; /* last */
	struct fs_item *item;
	const struct fs_leaf *leaf;    /* shared: fs_leaf_get */
	LIST_ENTRY(fs_node) item_link; /* in item->nodes, last looked up first */
	uint32_t next_free;
};

int fs_node_start(void);
struct fs_node *fs_node_of(fuse_ino_t id);
/* A node for the item and leaf (NULL for folders), counted as looked up once more. */
struct fs_node *fs_node_get(enum fs_type type, struct fs_item *item, const struct fs_leaf *leaf);
void fs_node_forget(fuse_ino_t id, uint64_t lookups);
/* The item's attributes are others now: the kernel, which holds those of a look-up for a moment, drops them;
 * but not of the node `but`. */
void fs_node_stale(const struct fs_item *item, fuse_ino_t but);
fuse_ino_t fs_node_id(const struct fs_node *node);

#endif
