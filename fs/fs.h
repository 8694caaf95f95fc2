/* SPDX-License-Identifier: MIT
 *
 * fs.h - what the files of the server share. One thread, one loop; nothing here is locked.
 *
 *   name.c    names and options           item.c    what is in the store
 *   node.c    inode numbers for look-ups  attach.c  which objects are mapped
 *   handle.c  open files                  park.c    requests that wait, who is served when
 *   retry.c   requests that met a busy lock
 *   reply.c   the only fuse_reply_*       view.c    reads and writes, common views
 *   view_*.c  one a kind: its text        cells.c   elements of values and arrays as text (cells.h)
 *   view_frame.c  queues: lines, blocks
 *   raw.c     their bytes                 pending.c values and arrays without a type yet
 *   stat.c    the view `stat`             text.c    a text that grows
 *   notify.c  the view `notify`           signal.c  signals, and who may send them to whom
 *   deadlock.c who waits for each other   waits.c   who waits for what, and who holds it
 *   died.c    what the dead have held     walk.c    through the store
 *   ops.c     the table of requests       dir.c     look-up, listing
 *   create.c  new objects and folders     rename.c  removal, renaming
 *   root.c    README, status, errors      quota.c   what each user may have
 *   tokens.c  the job server's view of semaphores
 *   parts.c   objects that are folders
 *   dict.c    names of keys               draft.c   a key's next value, until close
 *   fast.c    the short way of some       loop.c    what is waited for
 *   main.c    options, mount
 */
#ifndef IPCFS_FS_H
#define IPCFS_FS_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <ev.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "../core/engine.h"

enum {
	FS_MAX_IO = 1 << 20,		 /* one request's data */
	FS_MAX_WRITE = FS_MAX_IO - 4096, /* one write(2): see name of EMSGSIZE in the manual */
	FS_PATH = IPCFS_PATH_MAX + 32,	 /* kind/folders/name in the store */
	FS_NAME_MAX = 255,		 /* of an mq; other kinds: IPCFS_NAME_MAX */
	FS_TEXT_MAX = 64 << 20,		 /* a shown text; more is EFBIG */
	FS_WORDS = 200,
	FS_SYNC_MS = 100,     /* the longest that fsync(2) waits for room */
	FS_POLL_BYTES = 4096, /* POLLOUT: so long a write would not wait */
	FS_BUSY_MS = 100, /* what a program that has an object's inner lock is given before EBUSY */
	FS_ERRORS = 100,
};

/* ---- name.c ------------------------------------------------------------------------ */

enum fs_view { /* the main view: at most one */
	       FS_PLAIN,
	       FS_PEEK,
	       FS_WATCH,
	       FS_STAT,
	       FS_CTL,
	       FS_RAW,
};

enum { /* options beside it, as bits of fs_leaf.options */
       FS_O_TIMEOUT = 1 << 0,
       FS_O_STREAM = 1 << 1,
       FS_O_AT = 1 << 2,
       FS_O_CAS = 1 << 3,
       FS_O_N = 1 << 4,
       FS_O_SHARED = 1 << 5,
       FS_O_LINES = 1 << 6,
       FS_O_BLOCK = 1 << 7,
       FS_O_ACK = 1 << 8,
       FS_O_JOIN = 1 << 9,
       FS_O_HOLD = 1 << 10,
       FS_O_TOKENS = 1 << 11,
       FS_O_NOTIFY = 1 << 12,
       FS_O_PRIO = 1 << 13,
       FS_O_POP = 1 << 14,
       FS_O_INSERT = 1 << 15,
       FS_O_NUM = 1 << 16,
};

#define FS_INDEX_END INT64_MAX /* insert: behind the last item */

/* A name with its options, parsed. Zeroed before it is filled, so that equal ones are equal bytes. */
struct fs_leaf {
	char name[FS_NAME_MAX + 1];
	enum fs_view view;
	uint32_t options;
	int64_t timeout_ns;
	uint64_t n;
	uint64_t block; /* bytes; 0: all until fsync or close */
	int notify;	/* signal */
	unsigned prio;
	uint64_t at_first, at_last; /* [first, last); last UINT64_MAX: to the end */
	int64_t index;		    /* lists: of at, insert, pop; negative from the end */
	struct ipcfs_properties p;
};

/* Of what an object that is a folder has in it: a kind to the grammar. */
#define FS_KEY ((enum ipcfs_kind)IPCFS_KIND_COUNT)
/* -EINVAL, -ENAMETOOLONG, with words. */
int fs_name_parse(enum ipcfs_kind kind, const char *text, struct fs_leaf *leaf);
bool fs_leaf_is_view(const struct fs_leaf *leaf); /* has a view: does not create */
/* Appends ",option=value"... of the leaf's views, for messages. */
int fs_parse_range(const char *s, size_t len, uint64_t *first, uint64_t *last, bool *slice);
/* "3", "-1": -EINVAL, -ERANGE. */
int fs_parse_index(const char *s, size_t len, int64_t *index);
/* Properties as "type=d len=4" and back, for pending names. */
int fs_properties_format(const struct ipcfs_properties *p, char *buf, size_t size);
int fs_properties_parse(enum ipcfs_kind kind, const char *text, struct ipcfs_properties *p);

/* ---- item.c ------------------------------------------------------------------------- */

enum fs_type {
	FS_ROOT,
	FS_README,
	FS_STATUS,
	FS_ERRORS_FILE,
	FS_DEADLOCKS,
	FS_SHM,
	FS_DIR,
	FS_OBJECT
};

struct fs_request;
struct fs_leaving;
struct fs_handle;
struct fs_bearer;
TAILQ_HEAD(fs_requests, fs_request);
LIST_HEAD(fs_handles, fs_handle);
struct fs_notify;

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
	bool removed;
	bool permanent;
	int wd;			     /* folder: inotify's number */
	struct stat last;	     /* attributes last seen, for handles of what is removed */
	struct ipcfs_object *object; /* attached, or NULL */
	TAILQ_ENTRY(fs_item) attached_link;
	LIST_ENTRY(fs_item) hash_link;
	LIST_ENTRY(fs_item) name_link;	/* by folder and name */
	LIST_ENTRY(fs_item) watch_link; /* folder */
	LIST_HEAD(, fs_node) nodes;
	struct fs_requests parked[IPCFS_C_COUNT];
	unsigned parked_count;
	SLIST_HEAD(, fs_leaving) leaving; /* operations that found the lock busy */
	LIST_HEAD(, fs_bearer) bearers;	  /* processes that may hold tokens */
	SLIST_HEAD(, fs_handle) closing;  /* released, what they hold not yet given back */
	struct fs_handles polls;
	LIST_HEAD(, fs_notify) notifies;
	LIST_HEAD(, fs_item)
	parts_waiting; /* parts of it that are in the list of items with anything parked */
	LIST_ENTRY(fs_item) part_link;
	uint64_t own_changes; /* of its object, by this server */
	unsigned handles;
	bool dirty;
	bool busy_timer;
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
/* Attributes of the file in the store now. */
int fs_item_stat(struct fs_item *item, struct stat *st);
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
/* The object of that inode number, if it is known. */
struct fs_item *fs_item_of(uint64_t ino);
void fs_item_names(void *arg, int wd, const char *name);
unsigned fs_item_objects(void);

/* ---- attach.c ------------------------------------------------------------------------ */

/* Makes item->object: 0, -EIDRM, -EUCLEAN, -ENODATA (pending, still without type), ... */
int fs_item_attach(struct fs_item *item);
void fs_item_detach(struct fs_item *item);
/* The item's file is another now (a pending one got its type). */
void fs_item_became(struct fs_item *item, struct ipcfs_object *object);
void fs_item_detach_all(void);
/* Folders or queues were renamed: where a queue's dead letters go is noted when it is attached. */
void fs_item_detach_dead(void);

/* ---- node.c -------------------------------------------------------------------------- */

/* What a node id means. Entries of a table; the id is index and generation, so a successor that has
 * the table understands it, whatever became of lookup counts. */
struct fs_node {
	uint32_t index, generation;
	enum fs_type type;
	bool used;
	uint64_t lookups;
	int64_t looked_up_ns; /* last */
	struct fs_item *item;
	struct fs_leaf leaf;
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

/* ---- handle.c ------------------------------------------------------------------------ */

enum fs_ending { FS_LIVES, FS_EXITS, FS_KILLED };

/* lines, block: the message that is not finished yet. */
struct fs_frame {
	char *bytes;
	size_t len, room;
	struct fs_request *last; /* for its place in line, should it be left at close */
	pid_t pid;		 /* the thread that wrote last */
};

struct fs_draft;
struct fs_handle {
	uint32_t index, generation;
	bool used;
	uint32_t next_free;
	enum fs_type type;
	struct fs_item *item; /* NULL for the root's files */
	struct fs_leaf leaf;
	int flags; /* of open(2) */
	uid_t uid;
	int64_t timeout_ns;
	bool temp;
	/* Taken kinds, events and watch: what is left of the item, and whether an end of file is due. */
	bool one_item;
	bool ended;
	char *rest;
	size_t rest_len, rest_at;
	/* Shown kinds: the snapshot. Folders: the entries, and in rest_at where the last answer ended. */
	char *text;
	size_t text_len;
	off_t text_base; /* the offset at which it begins */
	bool has_text;
	bool written; /* since the snapshot */
	bool fresh;   /* the snapshot was taken by a write: its base is the next read's offset */
	/* cas: the object's changes at this handle's last read or own write. */
	uint64_t changes;
	bool has_changes;
	/* watch: the changes that were shown last. */
	uint64_t seen;
	bool has_seen;
	/* A pending array: what was written until close. */
	char *gathered;
	size_t gathered_len;
	struct fs_frame frame;
	bool replaces; /* opened with O_TRUNC: its first lines replace all */
	bool tried;    /* a write came, whatever became of it */
	/* A key that it replaces as a whole. */
	struct fs_draft *draft;
	bool popped; /* what it took was the item itself */
	uint64_t listed_at,
		listed_number; /* folders that are objects: the part that was listed last */
	/* What it holds of its object, under which name; whose the last close of its descriptors was. */
	struct ipcfs_holder holder;
	pid_t asker; /* the thread whose process holder.pid is */
	bool holds;
	uint64_t ticket; /* condition: it is armed, and no read has begun to wait for that */
	int lock;	 /* locks: LOCK_EX, LOCK_SH, 0 */
	bool by_flock;
	enum fs_ending closer;
	bool closing; /* in item->closing */
	SLIST_ENTRY(fs_handle) closing_link;
	pid_t opener;			 /* the thread */
	pid_t lock_process, lock_thread; /* locks: who acquired; process 0: not known any more */
	struct fs_notify *notify;
	struct fuse_pollhandle *poll;
	LIST_ENTRY(fs_handle) poll_link;
};

/* -ENFILE, -EUSERS. */
int fs_handle_new(enum fs_type type, struct fs_item *item, const struct fs_leaf *leaf, int flags,
		  uid_t uid, struct fs_handle **out);
struct fs_handle *fs_handle_of(uint64_t fh);
uint64_t fs_handle_id(const struct fs_handle *h);
void fs_handle_free(struct fs_handle *h);
/* It is closed, but what it leaves behind still needs it: its number means nothing any more. */
void fs_handle_retire(struct fs_handle *h);
unsigned fs_handle_count(void);
/* FOPEN_* flags for its open reply. */
uint32_t fs_handle_open_flags(const struct fs_handle *h);
void fs_handle_forget_text(struct fs_handle *h);
/* Under which name the handle holds what this thread takes through it. */
const struct ipcfs_holder *fs_handle_holder(struct fs_handle *h, pid_t thread);
/* A descriptor of it was closed by this thread. */
void fs_handle_closed_by(struct fs_handle *h, pid_t thread);
/* The last one: gives back what it holds, and ends the handle; at once, or as soon as the object's lock can be
 * had. */
void fs_handle_leave(struct fs_handle *h);
/* What is left of an item that was taken is for nobody any more. */
void fs_handle_forget_rest(struct fs_handle *h);

/* ---- process.c ------------------------------------------------------------------------ */

/* The process of a thread; the same number where /proc does not say. */
pid_t fs_process_of(pid_t thread);
/* Is the thread ending, and was it killed? */
enum fs_ending fs_process_ending(pid_t thread);
/* What its `status` says; pid 0: there is none. */
struct fs_process {
	pid_t pid;
	unsigned threads;
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;
};
struct fs_process fs_process_look(pid_t thread);
/* Has it a file with that inode number open? Of very many not all are looked at. */
bool fs_process_has(pid_t pid, uint64_t ino);

/* ---- signal.c ------------------------------------------------------------------------- */

/* "USR1", "SIGUSR1", "RTMIN+3", "10" -> 10; -EINVAL. */
int fs_signal_parse(const char *text, size_t len, int *signal);
/* Sends it to the process `pid`, pinned by the descriptor, if `sender` may, as kill(2) would judge now, and if it
 * runs no set-id program. -ESRCH: it is gone. -EPERM. */
int fs_signal_send(int pidfd, pid_t pid, const struct fs_process *sender, int signal);

/* ---- notify.c -------------------------------------------------------------------------- */

/* A handle with the view `notify` is opened by the thread. */
int fs_notify_open(struct fs_handle *h, pid_t thread);
void fs_notify_close(struct fs_handle *h);
/* The handle has been read: what it waits for next may be there already. */
void fs_notify_read(struct fs_handle *h);
/* The item may have changed: tells whom that concerns. */
void fs_notify_item(struct fs_item *item);

/* ---- park.c -------------------------------------------------------------------------- */

/* A READ, WRITE or flock(2) under way. States: new -> (parked <-> tried)* -> answered, once. */
struct fs_request {
	fuse_req_t req; /* NULL: not in libfuse's hands, answered by unique */
	uint64_t unique;
	struct fs_handle *handle;
	struct fs_item *item;
	pid_t pid;	  /* the thread that asks */
	pid_t process;	  /* its process, once anybody has asked for it */
	int flock;	  /* LOCK_EX, LOCK_SH, LOCK_UN; 0: no flock(2) */
	size_t size;	  /* READ: at most; WRITE: bytes of data */
	size_t taken;	  /* WRITE: bytes that are done; what is answered if it ends early */
	size_t commanded; /* WRITE to ctl: bytes whose commands have been done */
	const char *data; /* WRITE */
	char *copy;	  /* WRITE: the data, once parked */
	off_t offset;
	int64_t busy_until;	/* monotonic; 0: the object's lock was not found busy */
	unsigned busy_tries;	/* since then */
	enum ipcfs_class class; /* what it would wait for */
	enum ipcfs_class line;	/* where it is parked */
	bool write;
	bool sync;   /* with write: fsync(2), which puts what is gathered */
	bool orphan; /* with write: left at close, nobody is answered; req is NULL */
	bool nonblock;
	bool append;
	bool parked;
	bool interrupted;
	bool answered;
	bool timed;		      /* the timer counts as a deadline */
	uint64_t ticket;	      /* condition, barrier: the claim by which it waits */
	bool of_handle;		      /* the ticket was the handle's */
	bool first;		      /* of those with tickets that are tried now */
	bool nobody;		      /* there is nothing for any of them */
	int error;		      /* with which it ends */
	bool ending;		      /* as soon as the object's lock can be had */
	TAILQ_ENTRY(fs_request) link; /* in item->parked[line] */
	TAILQ_ENTRY(fs_request) cancel_link;
	ev_timer timer;
};

int fs_park_start(void);
/* Tries it; answers it or parks it. `r` is the caller's, copied if it must wait. */
void fs_park_run(struct fs_request *r);
/* Something about the item changed: serve who waits, when this request is done. */
void fs_park_changed(struct fs_item *item);
/* To be called by the loop after each request read: interrupts, and whom changes have made ready. */
void fs_park_settle(void);
/* What a handle had gathered at its close is put, as if its writer still waited; the request is park's from now on.
 * True: it waits, and the handle ends when it does. */
bool fs_park_orphan(struct fs_request *r);
/* Does an operation that must not get lost, as soon as the object's lock can be had. Where memory is short it may be
 * lost all the same; a handle's own LEAVE (fs_handle_leave) is not. */
void fs_park_leave(struct fs_item *item, const struct ipcfs_op *op);
/* One try of it, behind those that wait for the lock. False: it is busy, or something else that passes. */
bool fs_park_try_leave(struct fs_item *item, struct ipcfs_op *op);
/* Has fs_handle_leave called again. */
void fs_park_closing(struct fs_handle *h);
/* Would an unparked flock(2) or read have to stand behind others? */
bool fs_park_line(const struct fs_request *r);
/* Everybody who waits gets the error. */
void fs_park_fail_all(int error);
unsigned fs_park_count(void);
/* Those of them that closed handles have left. */
unsigned fs_park_left(void);
/* Is any timer of libev set? */
bool fs_park_timers(void);
/* Everything that met a busy lock is tried again in a millisecond. */
void fs_park_mind_busy(void);
void fs_park_busy_words(void);
/* The items on which anybody waits or polls. */
struct fs_item *fs_park_first(void);
struct fs_item *fs_park_next(struct fs_item *item);
/* The item is about to be freed. */
void fs_park_forget(struct fs_item *item);
/* Somebody wants to be told of the item's changes, or no longer. */
void fs_park_note(struct fs_item *item);
void fs_park_count_of(const struct fs_item *item, unsigned *readers, unsigned *writers);
/* Would the handle's next read, or write, stand behind others? */
bool fs_park_behind(const struct fs_handle *h, enum ipcfs_class class);
void fs_park_poll(fuse_req_t req, struct fs_handle *h, struct fuse_pollhandle *ph);
extern bool fs_park_stopping; /* ESHUTDOWN instead of waiting */

/* ---- retry.c --------------------------------------------------------------------------- */

/* A request other than READ and WRITE, for `call` to handle again. */
struct fs_retry {
	void (*call)(struct fs_retry *r);
	fuse_req_t req;
	fuse_ino_t ino, new_ino;
	char name[FS_PATH], new_name[FS_PATH];
	struct stat attr;
	int flags;
	uint64_t fh;
	int64_t until_ns;
	TAILQ_ENTRY(fs_retry) link;
};

/* To a handler that got -EBUSY: true, it will be called again, and has nothing to answer now; false, its time is
 * over. */
bool fs_retry(const struct fs_retry *request);
/* The same for one on a name. */
bool fs_retry_name(void (*call)(struct fs_retry *r), fuse_req_t req, fuse_ino_t parent,
		   const char *name, mode_t mode, int flags);
void fs_retry_all(void);

/* ---- reply.c ---------------------------------------------------------------------------- */

/* A request begins: no words yet. */
void fs_reply_begin(void);
/* Words for the next error, printf-like; fs_fail gives the error, too. */
void fs_words(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define fs_fail(error, ...) (fs_words(__VA_ARGS__), (error))
/* Words for content: cut and escaped. */
const char *fs_quote(const char *s, size_t len);
/* Answers with -error (negative), noting it in the log of failures. what: may be NULL. */
void fs_reply_error(fuse_req_t req, int error, const char *path);
void fs_reply_handle_error(fuse_req_t req, int error, const struct fs_handle *h);
void fs_reply_ok(fuse_req_t req);
int fs_reply_data(fuse_req_t req, const void *data, size_t len);
/* The answers of READ and WRITE. A read's data, FS_MAX_IO bytes at most, is not copied if it is in the room. */
char *fs_reply_room(void);
int fs_reply_read(const struct fs_request *r, const void *data, size_t len);
void fs_reply_written(const struct fs_request *r, size_t len);
void fs_reply_locked(const struct fs_request *r);
/* Nobody is answered: what was left at a close is lost, which the log of failures tells. */
void fs_reply_lost(const struct fs_request *r, int error);
void fs_reply_entry(fuse_req_t req, const struct fuse_entry_param *e);
void fs_reply_attr(fuse_req_t req, const struct stat *st, double timeout);
void fs_reply_open(fuse_req_t req, const struct fs_handle *h);
void fs_reply_create(fuse_req_t req, const struct fuse_entry_param *e, const struct fs_handle *h);
/* Those of the short way, by the request's number. */
void fs_answer_entry(uint64_t unique, const struct fuse_entry_param *e);
void fs_answer_open(uint64_t unique, const struct fs_handle *h);
void fs_answer_ok(uint64_t unique);
void fs_reply_statfs(fuse_req_t req, const struct statvfs *st);
void fs_reply_link(fuse_req_t req, const char *to);
void fs_reply_poll(fuse_req_t req, unsigned events);
void fs_reply_ioctl(fuse_req_t req);
void fs_reply_none(fuse_req_t req);
uint64_t fs_reply_count(void);
/* The text of the file `errors` for a user. malloc'd. */
char *fs_errors_text(uid_t uid, size_t *len);

/* ---- text.c ------------------------------------------------------------------------------ */

/* A text that grows. */
struct fs_text {
	char *bytes;
	size_t len, size;
	bool failed; /* no memory, or past FS_TEXT_MAX */
};
void fs_text_add(struct fs_text *t, const void *bytes, size_t len);
void fs_text_printf(struct fs_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- view.c ------------------------------------------------------------------------------ */

/* What a kind shows and takes; every function may return -EBUSY (lock held: tried again). */
struct fs_kind {
	bool write_waits;	  /* its names are minted: each look-up gives a new node */
	bool read_waits;	  /* plain reads may wait */
	uint32_t read_waits_with; /* they may through handles with one of these options alone */
	uint32_t
		write_only_readers; /* through names with these only they may read who may write, too */
	bool lines; /* plain writes are lines: one that is unfinished is gathered; O_TRUNC replaces all */
	bool clears;	 /* IPCFS_V_CLEAR */
	bool each_alone; /* who waits in a line does not keep those behind waiting */
	bool joins; /* who waits is part of the object from then on: once parked, it is tried again */
	bool flushes; /* it matters who closes a descriptor: each close is told */
	/* What the handle's reads or writes wait for: those for a change or a join are in no order. NULL: to
	 * take, to give. */
	enum ipcfs_class (*line)(const struct fs_handle *h, bool write);
	/* A plain read that waits: -EAGAIN, or answers through fs_view_give*. */
	int (*take)(struct fs_request *r);
	/* What `peek` shows, or a plain read of what is shown. -ENODATA: nothing (end of file). */
	int (*show)(struct fs_handle *h, struct fs_text *t);
	/* A plain write of r->data: 0 or error. -EAGAIN waits. */
	int (*write)(struct fs_request *r);
	/* Objects of the kind are shown as folders: what is in them. NULL: as files. */
	const struct fs_parts *parts;
	/* It was opened; made: and its item made by that. 0 or an error. NULL: nothing to do. */
	int (*opened)(struct fs_handle *h, bool made, const struct ipcfs_maker *maker);
	/* fsync(2). -EAGAIN waits, briefly. NULL: there is nothing to do. */
	int (*sync)(struct fs_request *r);
	/* Needs it nothing that those in line wait for? NULL: never. */
	bool (*aside)(const struct fs_request *r);
	/* flock(2), r->flock. -EAGAIN waits. NULL: the kind has none. */
	int (*flock)(struct fs_request *r);
	/* Has the handle what its next read would give? Then it does not stand in line. NULL: never. */
	bool (*holds)(const struct fs_handle *h);
	/* It is about to be parked: 0, or the error with which it ends instead. NULL: it may wait. */
	int (*may_wait)(struct fs_request *r);
	/* r->error: its time is over, or it was interrupted. 0: it is answered after all; -EBUSY: to be asked again; or the
	 * error to end with. NULL: that it is. */
	int (*last)(struct fs_request *r);
	/* A request that waited has ended without success. NULL: nothing to undo. */
	void (*withdraw)(struct fs_request *r);
	/* May it be opened so? NULL: yes. */
	int (*check_open)(struct fs_item *item, const struct fs_leaf *leaf, int flags);
	/* The last close; before what is gathered is put. It must not wait. NULL: nothing to do. */
	void (*close)(struct fs_handle *h);
	/* mv onto another: its content becomes that of `from`, in one operation. NULL: cannot be. */
	int (*replace)(struct fs_item *from, struct fs_item *to);
	/* Words for an error of creation. NULL: the common ones. */
	void (*explain)(int error, const struct ipcfs_properties *p);
	/* Lines of `stat` behind the common ones. */
	void (*stat)(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t);
	/* One command of ctl: -EINVAL. All of a write are looked at (act false) before any is done. */
	int (*command)(struct fs_handle *h, const char *word, size_t len, bool act);
};
extern const struct fs_kind fs_queue_kind, fs_semaphore_kind, fs_event_kind, fs_value_kind,
	fs_array_kind, fs_lock_kind, fs_condition_kind, fs_barrier_kind, fs_list_kind, fs_dict_kind,
	fs_mq_kind;
/* The same entries as files of the store have, for parts of an object. All but `stat` may return -EBUSY. */
struct fs_parts {
	/* As fs_item_lookup(). */
	int (*lookup)(struct fs_item *whole, const char *name, struct fs_item **out);
	/* Makes a part for open(2) with these flags. -EEXIST. */
	int (*make)(struct fs_item *whole, const char *name, const struct ipcfs_maker *maker,
		    int flags, struct fs_item **out);
	int (*remove)(struct fs_item *part);
	/* Within the whole. replace: also onto another part, which gets its content. */
	int (*move)(struct fs_item *part, const char *name, struct fs_item *replace);
	/* As fs_item_stat(); of a whole, how the folder is shown. */
	int (*stat)(struct fs_item *item, struct stat *st);
	/* Mode, owner, times, as SETATTR has them. */
	int (*set)(struct fs_item *part, const struct stat *attr, int to_set);
	/* Truncates to nothing. */
	int (*clear)(struct fs_item *part);
};
const struct fs_kind *fs_kind_of(enum ipcfs_kind kind);
const struct ipcfs_engine *fs_engine_of(enum ipcfs_kind kind);
/* What is in it, if it is an object that is shown as a folder; NULL. */
const struct fs_parts *fs_parts_of(const struct fs_item *item);
/* Of what it is a part; NULL. */
const struct fs_parts *fs_part_of(const struct fs_item *item);

/* Tries the request: 0 answered (or r->answered), -EAGAIN must wait in r->class, -EBUSY, or an error. */
int fs_view_try(struct fs_request *r);
/* In which line the handle's reads or writes wait; does it have an order? */
enum ipcfs_class fs_view_line(const struct fs_handle *h, bool write);
bool fs_view_ordered(enum ipcfs_class line);
/* May a read through the handle wait for an item or a change? */
bool fs_view_waits(const struct fs_handle *h);
/* What poll(2) would say now; with `arm` the object's changes are asked for. */
unsigned fs_view_ready(struct fs_handle *h, bool arm);
/* For notify: is there an item, or a change to show, that a read of the handle need not wait for? And the object's
 * number of changes just then (not with `watch`). Asks to be told of the next change. -EBUSY; -ENODATA: it
 * has no type yet; or as a read would fail. */
int fs_view_look(struct fs_handle *h, bool *ready, uint64_t *changes);
/* Answers a read with an item: what does not fit stays for the next read. -errno: not answered. */
int fs_view_give(struct fs_request *r, const void *bytes, size_t len);
/* One engine operation on the handle's object, or on the part of it. */
int fs_view_engine(struct fs_request *r, struct ipcfs_op *op);
int fs_view_engine_item(struct fs_item *item, struct ipcfs_op *op);
/* withdraw of kinds whose waiters may have the turnstile: gives it back. */
void fs_view_quit(struct fs_request *r);
/* command of kinds that have none. */
int fs_view_no_command(struct fs_handle *h, const char *word, size_t len, bool act);
/* A close: what a pending array gathered. */
int fs_view_flush(struct fs_handle *h);
int fs_view_clear(struct fs_item *item);

/* ---- view_frame.c -------------------------------------------------------------------------- */
/* Does a write through the handle go through `lines` or `block`? */
bool fs_frame_is(const struct fs_handle *h);
/* -EINVAL: a block that the queue can never hold. */
int fs_frame_check_open(struct fs_item *item, const struct fs_leaf *leaf);
int fs_frame_write(struct fs_request *r);
int fs_frame_sync(struct fs_request *r);
bool fs_frame_aside(const struct fs_request *r);
/* Bytes that must fit so that a write of FS_POLL_BYTES need not wait. */
uint64_t fs_frame_need(const struct fs_handle *h);
/* Must a newline follow these bytes of a message? */
bool fs_frame_no_newline(const struct fs_handle *h, const char *bytes, size_t len);
/* Does a plain write through the handle leave lines that are not finished in it? */
bool fs_frame_gathers(const struct fs_handle *h);
/* Room for so many bytes, and a place in line for them at close: -EDQUOT, -EUSERS, -ENOMEM. Then bytes that have room. */
int fs_frame_reserve(struct fs_handle *h, size_t need);
void fs_frame_add(struct fs_handle *h, const char *bytes, size_t len, pid_t pid);
/* Any close; the last one, true if what it leaves must wait; the end. */
int fs_frame_flush(struct fs_handle *h);
bool fs_frame_close(struct fs_handle *h);
void fs_frame_drop(struct fs_handle *h);

/* ---- view_lease.c -------------------------------------------------------------------------- */
/* Of queues: line; a get, leased where the view says so; join; a write of `ack`; commands. */
enum ipcfs_class fs_lease_line(const struct fs_handle *h, bool write);
int fs_lease_get(struct fs_request *r, struct ipcfs_op *op);
int fs_lease_join(struct fs_request *r);
int fs_lease_write(struct fs_request *r);
int fs_lease_command(struct fs_handle *h, const char *word, size_t len, bool act);
/* ---- tokens.c ------------------------------------------------------------------------------ */
/* Reads and writes of semaphores' view `tokens`. */
int fs_tokens_take(struct fs_request *r);
int fs_tokens_give(struct fs_request *r);
/* The object is gone. */
void fs_tokens_forget(struct fs_item *item);

/* ---- parts.c ------------------------------------------------------------------------------- */
/* Makes the status of an object's file that of the folder as which it is shown, or of one of its views. */
void fs_parts_dress(enum fs_type type, struct fs_item *item, struct stat *st);
/* Entries of the folder from the offset on, as many as fit; *n bytes. */
int fs_parts_list(fuse_req_t req, struct fs_handle *h, char *buf, size_t size, off_t off,
		  size_t *n);

/* ---- dict.c -------------------------------------------------------------------------------- */
extern const struct fs_parts fs_dict_parts;

/* ---- draft.c ------------------------------------------------------------------------------- */
/* What a handle writes to a key that it replaces as a whole. maker: the key is not there yet. -ENOMEM. */
int fs_draft_begin(struct fs_handle *h, const struct ipcfs_maker *maker, bool truncated);
int fs_draft_write(struct fs_request *r);
int fs_draft_read(struct fs_request *r);
int fs_draft_truncate(struct fs_handle *h, uint64_t len);
uint64_t fs_draft_len(const struct fs_handle *h);
/* It becomes the key's value. -EBUSY, -EIDRM, -ENOSPC, ... */
int fs_draft_put(struct fs_handle *h);
/* A descriptor was closed by that thread; the last one was: false, if the object's lock is busy. */
int fs_draft_flush(struct fs_handle *h, pid_t thread);
bool fs_draft_close(struct fs_handle *h);
void fs_draft_drop(struct fs_handle *h);

/* ---- raw.c --------------------------------------------------------------------------------- */
int fs_raw_read(struct fs_request *r);
int fs_raw_write(struct fs_request *r);
/* The size that `stat` and `ls` see. */
uint64_t fs_raw_bytes(struct fs_item *item);

/* ---- pending.c ----------------------------------------------------------------------------- */
/* Do these properties leave open what the first content decides? */
bool fs_pending_is(enum ipcfs_kind kind, const struct ipcfs_properties *p);
/* A value without a type, an array without type or length. */
int fs_pending_make(struct fs_item *folder, const struct fs_leaf *leaf,
		    const struct ipcfs_maker *maker);
/* -EEXIST where its properties are others. */
int fs_pending_check(struct fs_item *item, const struct ipcfs_properties *p);

/* ---- stat.c -------------------------------------------------------------------------------- */
/* Needs no lock, and shows what it can of what is damaged. */
int fs_stat_text(struct fs_handle *h, struct fs_text *t);

/* ---- deadlock.c, waits.c ------------------------------------------------------------------- */
/* The text of the file `deadlocks` for a user. */
int fs_deadlock_text(uid_t uid, struct fs_text *t);
/* Would this request for a lock, which is to wait, wait for itself? -EDEADLK, with words. */
int fs_deadlock_check(struct fs_request *r);

/* ---- root.c -------------------------------------------------------------------------------- */
int fs_root_text(enum fs_type type, uid_t uid, struct fs_text *t);

/* ---- died.c -------------------------------------------------------------------------------- */
/* Who has died may have had claims on the object of that inode number. */
void fs_died(void *arg, uint64_t ino);
/* Finds those of them that the server does not know. */
void fs_died_settle(void);

/* ---- walk.c -------------------------------------------------------------------------------- */
struct dirent;
/* Calls `each` for all that is below the kind's folder. True: it ends the walk. */
void fs_walk(enum ipcfs_kind kind, bool (*each)(int dirfd, const struct dirent *entry));

/* ---- quota.c --------------------------------------------------------------------------------- */
/* Folders have the same limit as objects. */
enum fs_quota {
	FS_Q_OBJECTS,
	FS_Q_FOLDERS,
	FS_Q_BYTES,
	FS_Q_PARKED,
	FS_Q_HANDLES,
	FS_Q_GATHERED,
	FS_Q_MQ,
	FS_Q_NOTIFIED,
	FS_Q_COUNT
};
/* Adds n (may be negative) to what the user has. -EUSERS or -EDQUOT past his limit. Root has none. */
int fs_quota_add(uid_t uid, enum fs_quota what, int64_t n);
/* Counts the store anew. */
void fs_quota_scan(void);
/* The same, removing temp objects: their handles went with the last server. */
void fs_quota_remove_temp(void);
/* Objects of the store, by a walk not older than a second. */
uint64_t fs_quota_objects(void);
int fs_quota_reserve(void *arg, struct ipcfs_object *o, uint64_t bytes);

/* ---- main.c ------------------------------------------------------------------------------------ */
struct fs_server {
	struct ipcfs_store *store;
	const struct ipcfs_engine *engine;
	int dirfd;	 /* of the store */
	int watch_fd;	 /* of the engine: it has something to say */
	int mq_watch_fd; /* of the other one, for message queues */
	char mountpoint[4096];
	char store_dir[4096];
	struct fuse_session *session;
	int fuse_fd; /* the session's */
	struct ev_loop *loop;
	uid_t uid; /* who runs it */
	int64_t started_ns;
	uint64_t limits[FS_Q_COUNT];
	unsigned mappings_max;
	uint64_t requests; /* read since the start */
	bool stopping;
	bool deadlock_error; /* -o deadlock=error */
};
extern struct fs_server fs;
extern const struct fuse_lowlevel_ops fs_ops;
int64_t fs_now_ns(void);

/* ---- loop.c ---- */
int fs_loop_start(void);
/* Serves until the mount is over or a signal ends it; then everybody who waits is answered. */
void fs_loop_run(void);
/* Has libev call `call` when the descriptor is readable. 0 or -errno. */
int fs_loop_listen(ev_io *io, void (*call)(struct ev_loop *, ev_io *, int), int fd);
/* No longer; before it is closed. */
void fs_loop_ignore(ev_io *io);

/* ---- ops.c ---- */
/* As open(2) and the last close(2): an error has changed nothing. h may be NULL. */
int fs_open(const struct fs_node *node, int flags, uid_t uid, pid_t thread, struct fs_handle **out);
void fs_close(struct fs_handle *h);

/* ---- fast.c ---- */
/* A request as it was read: answers it and returns true if it is one of those with a short way, and need
 * not wait, and does not fail; else libfuse takes it. */
bool fs_fast(const void *request, size_t len);

/* ---- dir.c ---------------------------------------------------------------------------- */
void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		   struct fuse_file_info *fi);
void fs_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
/* Is it shown as a folder, or is it a file with that name? */
enum fs_type fs_dir_type(const struct fs_item *item, const struct fs_leaf *leaf);
/* Attributes as /ipc shows them. */
int fs_attr_of(const struct fs_node *node, struct stat *st);
void fs_attr_root(enum fs_type type, struct stat *st);
double fs_attr_timeout(enum fs_type type);
/* The folder of a request's parent; NULL for the root. */
struct fs_item *fs_dir_folder(fuse_ino_t parent);
/* For messages: as people write it. */
void fs_dir_path(const struct fs_item *folder, const char *name, char path[FS_PATH]);
/* fs_name_parse() of a name in that folder. */
int fs_dir_parse(const struct fs_item *folder, const char *name, struct fs_leaf *leaf);
/* Parses and finds: on success *item is referenced. */
int fs_dir_find(struct fs_item *folder, const char *name, struct fs_leaf *leaf,
		struct fs_item **item);
/* May the user do what `want` (of rwx) says? */
bool fs_dir_may(fuse_req_t req, const struct stat *st, mode_t want);
/* The node that a name means now, counted as looked up. Not in the root. */
int fs_dir_lookup(struct fs_item *folder, const char *name, struct fs_node **node);
void fs_dir_entry(const struct fs_node *node, struct fuse_entry_param *e);
/* Answers with the node; NULL: -ENOMEM. */
void fs_dir_reply(fuse_req_t req, const struct fs_node *node);

/* ---- create.c ------------------------------------------------------------------------- */
void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi);
void fs_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void fs_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
/* Checks an open's properties against the object: -EEXIST. */
int fs_check_properties(struct fs_item *item, const struct ipcfs_properties *p);

/* ---- rename.c ------------------------------------------------------------------------- */
void fs_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
		  const char *newname, unsigned flags);
/* A temp object's handle has closed. */
void fs_remove_temp(struct fs_item *item);

#endif
