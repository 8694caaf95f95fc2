/* SPDX-License-Identifier: MIT
 *
 * park.h - a request, and what becomes of it where it cannot be answered at once.
 */
#ifndef IPCFS_FS_PARK_H
#define IPCFS_FS_PARK_H

#include <ev.h>

#include "handle.h"

enum {
	FS_SYNC_MS = 100, /* the longest that fsync(2) waits for room */
	FS_BUSY_MS = 100, /* what a program that has an object's inner lock is given before EBUSY */
};

/* ---- a request ------------------------------------------------------------------------------- */

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
	size_t kept;	  /* WRITE: bytes of the copy, with which its user is charged */
	size_t commanded; /* WRITE to ctl: bytes whose commands have been done */
	const char *data; /* WRITE */
	char *copy;	  /* WRITE: the data, once parked */
	off_t offset;
	int64_t busy_until;	/* monotonic; 0: the object's lock was not found busy */
	unsigned busy_tries;	/* since then */
	enum ipcfs_class class; /* what it would wait for */
	enum ipcfs_class line;	/* where it is parked */
	bool write;
	bool shown;  /* READ: its snapshot is taken, but is not text yet */
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
	bool for_leases;	      /* waits for nothing but the end of what others have leased */
	int error;		      /* with which it ends */
	bool ending;		      /* as soon as the object's lock can be had */
	TAILQ_ENTRY(fs_request) link; /* in item->parked[line] */
	TAILQ_ENTRY(fs_request) cancel_link;
	ev_timer timer;
};

/* ---- park_line.c ----------------------------------------------------------------------------- */

/* Tries it; answers it or parks it. `r` is the caller's, copied if it must wait. */
void fs_park_run(struct fs_request *r);
/* What a handle had gathered at its close is put, as if its writer still waited; the request is park's from now on.
 * True: it waits, and the handle ends when it does. */
bool fs_park_orphan(struct fs_request *r);
/* Would the handle's next read, or write, stand behind others? */
bool fs_park_behind(const struct fs_handle *h, enum ipcfs_class class);
/* Does anybody stand in the line in which the handle would? */
bool fs_park_anybody(const struct fs_handle *h, enum ipcfs_class class);
/* Would an unparked flock(2) or read have to stand behind others? */
bool fs_park_line(const struct fs_request *r);
/* Everybody who waits gets the error. */
void fs_park_fail_all(int error);

/* ---- park.c ---------------------------------------------------------------------------------- */

/* How many wait. */
unsigned fs_park_count(void);
/* Those of them that closed handles have left. */
unsigned fs_park_left(void);
void fs_park_count_of(const struct fs_item *item, unsigned *readers, unsigned *writers);
/* The words of EBUSY. */
void fs_park_busy_words(void);
extern bool fs_park_stopping; /* ESHUTDOWN instead of waiting */

/* ---- park_items.c ---------------------------------------------------------------------------- */

int fs_park_start(void);
/* Something about the item changed: serve who waits, when this request is done. */
void fs_park_changed(struct fs_item *item);
/* To be called by the loop after each request read: interrupts, and whom changes have made ready. */
void fs_park_settle(void);
/* Somebody wants to be told of the item's changes, or no longer. */
void fs_park_note(struct fs_item *item);
/* The items on which anybody waits or polls. */
struct fs_item *fs_park_first(void);
struct fs_item *fs_park_next(struct fs_item *item);
/* The item is about to be freed. */
void fs_park_forget(struct fs_item *item);
/* What met the busy lock of the item's object is tried again in a millisecond (NULL: a request of retry.c). */
void fs_park_mind_busy(struct fs_item *item);
/* Is any timer of libev set? */
bool fs_park_timers(void);

/* ---- park_leave.c ---------------------------------------------------------------------------- */

/* Does an operation that must not get lost, as soon as the object's lock can be had. Where memory is short it may be
 * lost all the same; a handle's own LEAVE (fs_handle_leave) is not. */
void fs_park_leave(struct fs_item *item, const struct ipcfs_op *op);
/* One try of it, behind those that wait for the lock. False: it is busy, or something else that passes. */
bool fs_park_try_leave(struct fs_item *item, struct ipcfs_op *op);
/* Has fs_handle_leave called again. */
void fs_park_closing(struct fs_handle *h);

/* ---- poll.c ---------------------------------------------------------------------------------- */

/* Answers a POLL with what holds now; with `ph` the kernel is told once when some of `events` hold. */
void fs_poll(fuse_req_t req, struct fs_handle *h, struct fuse_pollhandle *ph, unsigned events);
/* For notify: is there an item, or a change to show, that a read of the handle need not wait for? And the object's
 * number of changes just then (not with `watch`). Asks to be told of the next change. -EBUSY; -ENODATA: it
 * has no type yet; or as a read would fail. */
int fs_poll_look(struct fs_handle *h, bool *ready, uint64_t *changes);

/* ---- retry.c --------------------------------------------------------------------------------- */

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

/* ---- between park*.c and poll.c -------------------------------------------------------------- */

/* Keeps a copy of the request, which is then the last of its line; or takes in one that was kept before. */
int fs_park_begin(const struct fs_request *r, struct fs_request **out);
void fs_park_enter(struct fs_request *r);
void fs_park_change_line(struct fs_request *r, enum ipcfs_class class);
/* It met a busy lock: -EAGAIN, it is to be tried again; -EBUSY, its time is over. */
int fs_park_busy(struct fs_request *r, bool nonblock);
/* Its one end, with an error, or with 0 if it is answered. False: not yet. */
bool fs_park_end(struct fs_request *r, int error);
/* All that were interrupted. */
void fs_park_end_interrupted(void);
/* What belongs to the end of one that was not kept: its kind is told that it does not wait any longer; the answer. */
void fs_park_withdraw(struct fs_request *r);
void fs_park_answer_error(struct fs_request *r, int error);
/* How many have a deadline. */
unsigned fs_park_deadlines(void);
/* The item has changed: whoever waits on it is looked at; of these, what is to be left, and polls. */
void fs_park_serve(struct fs_item *item);
void fs_park_leave_again(struct fs_item *item);
void fs_poll_notify(struct fs_item *item);

#endif
