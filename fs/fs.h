/* SPDX-License-Identifier: MIT
 *
 * fs.h - what the files of the server share: all of it; a header for each subject, and here the rest. One thread, one
 * loop; nothing in the server is locked.
 */
#ifndef IPCFS_FS_H
#define IPCFS_FS_H

#include "view.h"

/* ---- deadlock.c, waits.c --------------------------------------------------------------------- */

/* The text of the file `deadlocks` for a user. */
int fs_deadlock_text(uid_t uid, struct fs_text *t);
/* Would this request for a lock, which is to wait, wait for itself? -EDEADLK, with words. */
int fs_deadlock_check(struct fs_request *r);

/* ---- listen.c -------------------------------------------------------------------------------- */

/* Listens again at what the store says. */
void fs_listen_start(void);

/* ---- root.c ---------------------------------------------------------------------------------- */

int fs_root_text(enum fs_type type, uid_t uid, struct fs_text *t);

/* ---- died.c ---------------------------------------------------------------------------------- */

/* Who has died may have had claims on the object of that inode number. */
void fs_died(void *arg, uint64_t ino);
int fs_died_start(void);
/* Finds those of them that the server does not know. */
void fs_died_settle(void);

/* ---- walk.c ---------------------------------------------------------------------------------- */

struct dirent;
/* Calls `each` for all that is below that folder of the store, a kind's or one in it. True: it ends the walk. */
void fs_walk(const char *folder, bool (*each)(int dirfd, const struct dirent *entry));
/* In a walk: runs op on the object of that name, which need not be attached. Never waits for its lock: -EBUSY. 0 too
 * where there is no such object any more. */
int fs_walk_try(int dirfd, const char *name, enum ipcfs_kind kind, struct ipcfs_op *op);

/* ---- quota.c --------------------------------------------------------------------------------- */

/* Folders have the same limit as objects. */
enum fs_quota {
	FS_Q_OBJECTS,
	FS_Q_FOLDERS,
	FS_Q_BYTES,
	FS_Q_PARKED,
	FS_Q_HANDLES,
	FS_Q_GATHERED,
	FS_Q_KEPT,
	FS_Q_MQ,
	FS_Q_PINNED,
	FS_Q_ALARMS,
	FS_Q_SOCKETS,
	FS_Q_COUNT
};
/* Adds n (may be negative) to what the user has. -EUSERS or -EDQUOT past his limit. Root has none. */
int fs_quota_add(uid_t uid, enum fs_quota what, int64_t n);
/* One descriptor more, or fewer, that users make the server have. -ENFILE, with words: half of them are for other
 * things. */
int fs_quota_descriptor(int n);
/* Counts the store anew. */
void fs_quota_scan(void);
/* The same, removing temp objects: their handles went with the last server. */
void fs_quota_remove_temp(void);
/* Objects of the store, by a walk not older than a second. */
uint64_t fs_quota_objects(void);
int fs_quota_reserve(void *arg, struct ipcfs_object *o, uint64_t bytes);

/* ---- main.c ---------------------------------------------------------------------------------- */

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
	pid_t caller;	   /* the thread whose request is handled now */
	bool stopping;
	bool deadlock_error; /* -o deadlock=error */
	bool tcp;	     /* tcp: and listen: are on */
};
extern struct fs_server fs;
extern const struct fuse_lowlevel_ops fs_ops;
int64_t fs_now_ns(void);

/* ---- loop.c ---------------------------------------------------------------------------------- */

int fs_loop_start(void);
/* Serves until the mount is over or a signal ends it; then everybody who waits is answered. */
void fs_loop_run(void);
/* Has libev call `call` when the descriptor is readable. 0 or -errno. */
int fs_loop_listen(ev_io *io, void (*call)(struct ev_loop *, ev_io *, int), int fd);
/* From now on for these events (EV_READ, EV_WRITE) alone; 0: for none. */
void fs_loop_want(ev_io *io, int events);
/* No longer; before it is closed. */
void fs_loop_ignore(ev_io *io);
/* A clock, which calls once at a time. A timerfd: a timer of libev would make the worker sleep in libev. -errno. */
int fs_loop_clock(ev_io *io, void (*call)(struct ev_loop *, ev_io *, int));
/* At that time of fs_now_ns(), and no other; 0: not at all. */
void fs_loop_ring_at(const ev_io *io, int64_t ns);
/* To what it calls: has it rung, or is it set anew by now? */
bool fs_loop_rang(const ev_io *io);

/* ---- ops.c ----------------------------------------------------------------------------------- */

/* As open(2) and the last close(2): an error has changed nothing. h may be NULL. */
int fs_open(const struct fs_node *node, int flags, uid_t uid, pid_t thread, struct fs_handle **out);
void fs_close(struct fs_handle *h);

/* ---- setattr.c ---- */

void fs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		   struct fuse_file_info *fi);

/* ---- fast.c ---------------------------------------------------------------------------------- */

/* A request as it was read: answers it and returns true if it is one of those with a short way, and need
 * not wait, and does not fail; else libfuse takes it. */
bool fs_fast(const void *request, size_t len);

/* ---- dir.c ----------------------------------------------------------------------------------- */

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

/* ---- special.c ------------------------------------------------------------------------------- */

/* What a file of that mode in the folder of a kind is: a folder, an object, or the kernel's. */
enum fs_type fs_special_type(enum ipcfs_kind kind, mode_t mode);
/* Such a file as /ipc shows it, bare or through `stat`. */
mode_t fs_special_mode(const struct fs_leaf *leaf, mode_t mode);
/* May a file of the kernel's be called so? It has no properties, and of the views `stat`. -EINVAL, -EEXIST. */
int fs_special_check(const struct fs_leaf *leaf);
/* Makes one: there complete or not at all. maker->mode: with its type. */
int fs_special_make(struct fs_item *folder, const struct fs_leaf *leaf,
		    const struct ipcfs_maker *maker);
/* Is it the name of one that a server was making when it was killed? */
bool fs_special_is_half_made(const char *name);
/* The view `stat`. */
int fs_special_text(struct fs_handle *h, struct fs_text *t);

/* ---- create.c -------------------------------------------------------------------------------- */

void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi);
void fs_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void fs_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
/* Checks an open's properties against the object: -EEXIST. */
int fs_check_properties(struct fs_item *item, const struct ipcfs_properties *p);

/* ---- rename.c -------------------------------------------------------------------------------- */

void fs_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
		  const char *newname, unsigned flags);
/* A temp object's handle has closed, or one that would have been the first was not opened. */
void fs_remove_made(struct fs_item *item);

#endif
