/* SPDX-License-Identifier: MIT
 *
 * object.h - what the files of the shared-memory engine share: the control block of a segment,
 * the attachment of a process to it, and the table that each kind fills.
 *
 * The segment format is described in docs/formats.md; a change of it is a change of
 * SEG_VERSION. Everything in a segment can be written by anybody who may write the
 * object: it is read once into a local, checked against the shape noted at
 * attach, and never trusted.
 */
#ifndef IPCFS_OBJECT_H
#define IPCFS_OBJECT_H

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "engine.h"

#define LOAD(x) atomic_load_explicit(&(x), memory_order_acquire)
#define STORE(x, v) atomic_store_explicit(&(x), (v), memory_order_release)

enum {
	SEG_PAGE = 4096,
	SEG_CONTROL = 512, /* bytes of the control block */
	SEG_VERSION = 2,
};
#define SEG_MAGIC 0x31736663706955ull /* "Uipcfs1" */

/* Bits of seg_control.state: set by one atomic or, never cleared. */
enum {
	SEG_REMOVED = 1 << 0,
	SEG_DAMAGED = 1 << 1,
};

/* Bits of seg_control.flags, for each class of waiters. Sticky; changed under the lock. */
#define SEG_WAITERS(class) (1u << (class))	/* somebody may sleep on seq[class] */
#define SEG_PARKED(class) (1u << (8 + (class))) /* a server wants its doorbell rung */

/* A ring of messages: its commit word, and bytes of index and ring that have memory. */
struct ring_state {
	_Atomic uint64_t word, reserved_index, reserved_bytes;
};

/* At the end of the first page, or of the file where the label is a .npy header. */
struct seg_control {
	uint64_t magic;
	uint32_t version;
	uint32_t kind;
	uint64_t size;	       /* of the file */
	uint64_t shape[5];     /* fixed at creation; per kind */
	_Atomic uint64_t lock; /* offset 64: member << 1 | somebody waits for the lock; 0: free */
	_Atomic uint32_t state;
	_Atomic uint32_t flags;
	_Atomic uint32_t seq[4];  /* per class: grows when its waiters are woken */
	_Atomic uint64_t changes; /* grows before each commit */
	_Atomic uint64_t word;	  /* the kind's commit word */
	/* queue: bytes of index and ring that have memory. cells: bytes of redo area that have. heap: of blocks. */
	_Atomic uint64_t reserved[2];
	/* cells: what to copy again if the lock's owner died: bytes at the redo area belong at
	 * payload + redo_offset; redo_on is the commit. length: of a string value. heap: redo_on alone. */
	_Atomic uint64_t redo_on, redo_offset, redo_bytes, redo_length;
	_Atomic uint64_t length;
	/* claims: entries ever used, bytes of the table that have memory, the newest's order; redo_word: what
	 * `word` becomes with redo_on (claim.h). */
	_Atomic uint64_t claims, claims_reserved, claim_order, redo_word;
	_Atomic uint64_t turn,
		turn_until; /* the turnstile: whose, until when (CLOCK_MONOTONIC ns) */
	/* queue: messages that have left the ring: the number that `word` names, and the next. length: messages
	 * declared done. */
	_Atomic uint64_t taken[2];
	_Atomic uint64_t turn_next,
		next_until;	/* who has the turn next; until when he is waited for */
	struct ring_state back; /* pipe: of the way from b; word and reserved are of that from a */
	uint8_t spare[SEG_CONTROL - 272];
};
_Static_assert(sizeof(struct seg_control) == SEG_CONTROL, "control block size");
_Static_assert(offsetof(struct seg_control, lock) == 64, "lock offset");
_Static_assert(offsetof(struct seg_control, word) == 104, "word offset");
_Static_assert(offsetof(struct seg_control, reserved) == 112, "word and reserved are a ring_state");

struct ipcfs_object;
struct claim;

/* A kind: its data and operations. */
struct ipcfs_kind_ops {
	const char *name;    /* folder */
	uint32_t properties; /* IPCFS_P_* that it has */
	bool npy;	     /* label is a .npy header */
	bool taking;	     /* reading takes: who may not write may not read */
	bool folder; /* is shown as a folder, with the mode in `word`; that of the file: store_file_mode() */
	bool claims_ready; /* the first page of claims has memory from creation */
	/* May an object be called so? NULL: what any may be called. */
	bool (*is_name)(const char *name);
	mode_t special; /* S_IFIFO, S_IFSOCK: such files in its folder are the kernel's, and no segments */
	/* Properties, as given, to a shape: -EINVAL, -ERANGE. NULL: there are none, the shape is all zeros. */
	int (*shape)(const struct ipcfs_properties *p, uint64_t shape[5]);
	/* The shape's properties, all given. NULL: as above. */
	void (*properties_of)(const uint64_t shape[5], struct ipcfs_properties *p);
	/* Lines of the label that are no properties. NULL: none. */
	int (*describe)(const uint64_t shape[5], char *text, size_t size);
	/* Offsets and sizes from o->shape into *o: -EUCLEAN for a shape that cannot be. */
	int (*layout)(struct ipcfs_object *o);
	/* Values of a new control block: the commit word. NULL: 0. */
	uint64_t (*initial)(const uint64_t shape[5]);
	/* Ends what the dead owner of the lock had committed. May be killed and repeated. NULL: nothing. */
	void (*repair)(struct ipcfs_object *o);
	/* Takes back what the dead hold: did they hold anything? NULL: their deaths are told otherwise. */
	bool (*bury)(struct ipcfs_object *o, const struct ipcfs_op *op);
	/* One operation under the lock. -ERESTART: call `pay`, then try again with IPCFS_OP_PAID. */
	int (*try)(struct ipcfs_object *o, struct ipcfs_op *op);
	/* Without the lock. NULL: `try` never asks for it. */
	void (*pay)(struct ipcfs_object *o);
	/* Under the lock: which classes (bits) need not wait. op->first: units wanted; op->holder. */
	unsigned (*ready)(struct ipcfs_object *o, const struct ipcfs_op *op);
	void (*stat)(struct ipcfs_object *o, struct ipcfs_stat *st);
	/* Under the lock: how often that of which op is has changed: op->part. NULL: the kind has no parts. */
	int (*changes)(struct ipcfs_object *o, const struct ipcfs_op *op, uint64_t *changes);
	/* Kinds with claims, without the lock: what a claim of that state means; false: not a holding. NULL: none
	 * is, to wait is to hold nothing. */
	bool (*holding)(struct ipcfs_object *o, struct claim *c, uint64_t state,
			struct ipcfs_holding *holding);
};

extern const struct ipcfs_kind_ops ipcfs_queue_ops, ipcfs_semaphore_ops, ipcfs_event_ops,
	ipcfs_value_ops, ipcfs_array_ops, ipcfs_lock_ops, ipcfs_condition_ops, ipcfs_barrier_ops,
	ipcfs_list_ops, ipcfs_dict_ops, ipcfs_pipe_ops, ipcfs_topic_ops, ipcfs_channel_ops,
	ipcfs_mq_ops, ipcfs_socket_ops;
extern const struct ipcfs_kind_ops *const ipcfs_kinds[IPCFS_KIND_COUNT];

/* Where a ring of messages is (ring.h). */
struct ring {
	uint64_t capacity, slots;
	size_t index, bytes, state; /* offsets; of its ring_state in the control block */
};

/* One process's attachment to one segment, shared by all its opens. */
struct ipcfs_object {
	const struct ipcfs_kind_ops *ops;
	enum ipcfs_kind kind;
	struct ipcfs_store *store;
	uint8_t *base; /* whole file */
	size_t size;
	struct seg_control *control;
	uint64_t shape[5]; /* noted at attach */
	uint64_t id;	   /* inode number */
	dev_t dev;
	uid_t owner;
	unsigned references;	   /* under the registry's lock */
	struct ipcfs_object *next; /* registry's hash chain */
	unsigned slot;		   /* in the table that the SIGBUS handler reads */
	_Atomic bool damaged;	   /* set by the SIGBUS handler */
	_Atomic uint32_t thread;   /* does one of this process's work? outside the segment's lock */
	size_t claims;		   /* offset of the table of claims; 0: the kind has none */
	unsigned staged_from, staged_to; /* claims that may be staged; under the lock */
	unsigned
		noted; /* 1 + our place in the member's `holds` (MEMBER_HOLDS: none was left); 0: not noted */
	const void *turn_thread; /* which of our threads stands in the turnstile; under the lock */
	/* A server's last question whether the owners of claims live: see claim_due(). */
	uint64_t asked_deaths;
	int64_t asked_ns;
	char *dead;   /* queue: name of its dead-letter queue, noted at attach; NULL: it has none */
	char *folder; /* where that is: "queues/team", noted at open */
	gid_t group;
	_Atomic int64_t buried_ns; /* queue, semaphore: when the dead were last looked for */
	uint64_t heap_bytes;	   /* of all blocks, in kinds that have a heap (heap.h); else 0 */
	/* per kind, from layout() */
	union {
		struct ring queue, topic;
		struct ring ways[2]; /* pipe: from a, from b */
		struct {
			char type;
			bool scalar; /* a value */
			size_t element;
			uint64_t count, bytes;
			size_t payload, redo; /* offsets */
		} cells;
		struct {
			int fd;
			bool armed; /* its changes are told */
			uint64_t maxmsg, msgsize, changes;
			uint64_t
				told; /* twice as often as its changes were told of: each may be several */
			long count; /* messages at the last look */
			char *kept; /* a message that could be neither given nor sent back */
			size_t kept_len;
			unsigned kept_prio;
		} mq;
		struct {
			int64_t cleared_ns; /* when a full table was last searched for the dead */
		} tickets;
	};
};

struct member_page;
struct member_watcher; /* of a server, watch.c */

/* In a page that a fork wipes: a child sees zeros and registers anew. */
struct store_self {
	_Atomic uint64_t number;  /* member number, 0: not registered */
	_Atomic uint32_t busy;	  /* a thread is registering */
	_Atomic uint32_t ringing; /* a thread stores in `bell` */
	struct member_page *page;
};

struct ipcfs_store {
	char *dir;
	uid_t owner; /* of the folder */
	struct store_self *self;
	bool server; /* rings nobody: it is the one */
	int dirfd;   /* a server keeps one open; else -1 */
	/* Server: the member that owns what the open files of its mount have; its lock is a descriptor's. */
	uint64_t session;
	int session_fd;
	/* Server: asked before a segment of `owner` gets more memory; -EDQUOT refuses. */
	int (*reserve_hook)(void *arg, struct ipcfs_object *o, uint64_t bytes);
	void *reserve_arg;
	/* Server: doorbell. */
	int watch_fd; /* inotify */
	struct member_watcher *watcher;
	uint64_t deaths; /* noticed */
	void (*changed)(void *arg, uint64_t id);
	/* Server: who has died had, or may have had, claims on the object (may be NULL). */
	void (*died)(void *arg, uint64_t id);
	/* Server: a name in the store appeared or went behind our back (may be NULL). */
	void (*names)(void *arg, int wd, const char *name);
	void *watch_arg;
};

/* ---- store.c ---- */
/* The store's folder as a descriptor, O_PATH; -errno. Give it back with store_leave. */
int store_enter(struct ipcfs_store *store);
void store_leave(struct ipcfs_store *store, int fd);
/* Begins to read a folder in the store. closedir() it. */
int store_open_folder(struct ipcfs_store *store, const char *path, DIR **stream);
/* "kind/name" with the name checked: -EINVAL, -ENAMETOOLONG. path: IPCFS_PATH_MAX + 32 bytes. */
int store_path(enum ipcfs_kind kind, const char *name, char *path);
/* Checks one component of a name: as store_path. */
int store_check_name(const char *name, size_t len);
/* The same of a key of a dict, which may begin with a dot. */
int store_check_key(const char *name, size_t len);
/* The mode of a new object of the kind: see ipcfs_open. */
mode_t store_object_mode(enum ipcfs_kind kind, mode_t mode);
/* The same of what is taken by reading: who may not write may not read. */
mode_t store_taking_mode(mode_t mode);
/* The mode of the file of an object that is shown as a folder with that mode. */
mode_t store_file_mode(mode_t shown);
/* The group of what is made in that folder: the folder's own, where that is set-group-ID, as anywhere; else `gid`. A
 * folder that is made there inherits that bit, too: *bit. */
gid_t store_group(int dirfd, const char *folder, gid_t gid, mode_t *bit);
/* Removes the name `path` if it still is the file open as fd. 0 also if it was not. try_only: does not wait for
 * another who is removing it. */
int store_unlink_exact(int dirfd, const char *path, int fd, bool try_only);

/* ---- segment.c ---- */
#define STORE_PATH_SIZE (IPCFS_PATH_MAX + 32)
/* Makes the segment of `shape` and links it as path: complete or not at all. Gives an open descriptor.
 * dead: as o->dead. */
int seg_create(struct ipcfs_store *store, int dirfd, const char *path, enum ipcfs_kind kind,
	       const uint64_t shape[5], const char *dead, const struct ipcfs_maker *maker);
/* Attaches the open file: -EUCLEAN when it is no segment of the kind. */
int seg_attach(struct ipcfs_store *store, int fd, enum ipcfs_kind kind, struct ipcfs_object **out);
void seg_detach(struct ipcfs_object *o);
/* Notes the folder of the path by which it was opened, if it has not been noted yet. -ENOMEM. */
int seg_note_folder(struct ipcfs_object *o, const char *path);
/* Makes sure that bytes [0, need) of an area have memory; *high is the control block's note of
 * how many have. -ENOSPC, -EDQUOT. */
int seg_reserve(struct ipcfs_object *o, size_t area, uint64_t area_bytes, _Atomic uint64_t *high,
		uint64_t need);
void seg_damage(struct ipcfs_object *o);
/* Sets REMOVED and wakes everybody. */
void seg_remove(struct ipcfs_object *o);
/* The same for a file that cannot be attached: who waits on it sees it within a second. */
void seg_condemn(int fd, enum ipcfs_kind kind);
/* After fork: locks of the parent's threads are not ours. */
void seg_reset_locks(struct ipcfs_store *store);

/* ---- label.c ---- */
/* The label page of a segment. dead: may be NULL. */
void label_write(enum ipcfs_kind kind, const uint64_t shape[5], const char *dead,
		 char page[SEG_PAGE]);
/* The dead-letter queue that a label names, copied to name[IPCFS_NAME_MAX + 1]. 0: it names none. */
bool label_dead(const char page[SEG_PAGE], char *name);

/* ---- member.c ---- */
enum { MEMBER_SLOTS = 64, MEMBER_BELLS = 16, MEMBER_PATH = 48, MEMBER_HOLDS = 256 };
#define MEMBER_SHARED (1ull << 63)
/* A thread that sleeps: on which object (and MEMBER_SHARED), 0: on none; `sleeps` grows before. */
struct member_wait {
	_Atomic uint64_t id, sleeps;
};
struct member_page {
	uint64_t magic;
	uint64_t number;
	int32_t pid;
	uint32_t uid;
	_Atomic uint64_t rings; /* how often the bell was rung; MEMBER_BELLS more: for any object */
	_Atomic uint64_t bell[MEMBER_BELLS]; /* ids of objects that a server should look at */
	_Atomic uint64_t work[MEMBER_SLOTS]; /* ids of objects that are being locked, or removed */
	_Atomic uint64_t many; /* 1: there were more to hold than `holds` has room for */
	_Atomic uint64_t holds[MEMBER_HOLDS]; /* ids of objects on which we have, or had, claims */
	uint64_t pid_space; /* the pid namespace in which pid is ours: inode number; 0: not known */
	struct member_wait waits[MEMBER_SLOTS];
};
_Static_assert(sizeof(struct member_page) <= SEG_PAGE, "member page");
/* This process's number, registering it first if need be; -errno as int64_t. */
int64_t member_register(struct ipcfs_store *store);
static inline int64_t member_self(struct ipcfs_store *store)
{
	uint64_t number = LOAD(store->self->number);

	return __builtin_expect(number != 0, 1) ? (int64_t)number : member_register(store);
}
bool member_alive(struct ipcfs_store *store, uint64_t number);
/* Is this the file of that member, and not one that somebody has made under its name? */
bool member_is_number_of(uint64_t number, const struct stat *st);
void member_ring(struct ipcfs_store *store, uint64_t id);
/* Where this thread notes the object that it works on. 0: it has no slot yet. */
extern __thread unsigned member_slot
	__attribute__((visibility("hidden"), tls_model("initial-exec")));
unsigned member_new_slot(void);
static inline _Atomic uint64_t *member_work(struct ipcfs_store *store)
{
	unsigned slot = __builtin_expect(member_slot != 0, 1) ? member_slot : member_new_slot();

	return &store->self->page->work[slot - 1];
}
/* This thread is about to sleep on the object, and is awake again. */
static inline void member_sleeps(struct ipcfs_object *o, bool shared)
{
	struct member_wait *wait = &o->store->self->page->waits[member_slot - 1];

	STORE(wait->sleeps, LOAD(wait->sleeps) + 1);
	STORE(wait->id, o->id | (shared ? MEMBER_SHARED : 0));
}
static inline void member_wakes(struct ipcfs_object *o)
{
	STORE(o->store->self->page->waits[member_slot - 1].id, 0);
}
/* Notes in our page that we may have claims on the object: our death names it. Kept until detach. */
void member_note(struct ipcfs_object *o);
void member_unnote(struct ipcfs_object *o);
/* As `processes` of ipcfs_engine. */
int member_processes(struct ipcfs_store *store,
		     int (*each)(void *arg, const struct ipcfs_process *process), void *arg);
/* Server: opens the session. 0 or -errno. */
int member_session(struct ipcfs_store *store);
void member_leave(struct ipcfs_store *store);
/* "members/N" */
void member_path(char path[MEMBER_PATH], uint64_t number);

/* ---- watch.c ---- */
/* As watch and dispatch of ipcfs_engine; what the first made goes with the second of these. */
int member_watch(struct ipcfs_store *store, void (*changed)(void *arg, uint64_t id), void *arg);
void member_unwatch(struct ipcfs_store *store);
void member_dispatch(struct ipcfs_store *store);
/* Removes the files of the dead; a server does at its start, others now and then. */
void member_sweep(struct ipcfs_store *store);

/* ---- lock.c ---- */
/* Takes the object's lock. deadline_ns: as ipcfs.h, but at least 100 ms are given to a busy
 * owner; try_only: gives -EBUSY after a moment's spinning. -EIDRM, -EUCLEAN by the object's state. */
int obj_lock(struct ipcfs_object *o, int64_t deadline_ns, bool try_only);
/* rc, or -EUCLEAN if the segment broke meanwhile. */
int obj_unlock(struct ipcfs_object *o, int rc);

/* ---- wait.c ---- */
/* Called under the lock before the store that commits: counts the change, wakes at most n waiters
 * of `class` and all that wait for any change, rings a server's bell. */
void obj_change(struct ipcfs_object *o, enum ipcfs_class class, int n);
/* Wakes without counting a change: a wake-up passed on. n 0: rings the server alone. */
void obj_wake(struct ipcfs_object *o, enum ipcfs_class class, int n);
/* The same for those who sleep in the library alone. */
void obj_wake_sleepers(struct ipcfs_object *o, enum ipcfs_class class, int n);
/* The same for those of them who sleep with one of these bits (op->bits). */
void obj_wake_bits(struct ipcfs_object *o, enum ipcfs_class class, uint32_t bits);
/* One try, as engine.h says. */
int obj_try(struct ipcfs_object *o, struct ipcfs_op *op);
/* Tries until done or the deadline. */
int obj_run(struct ipcfs_object *o, struct ipcfs_op *op, int64_t deadline_ns);

#endif
