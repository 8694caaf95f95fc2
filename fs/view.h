/* SPDX-License-Identifier: MIT
 *
 * view.h - what the reads and writes of each kind mean.
 */
#ifndef IPCFS_FS_VIEW_H
#define IPCFS_FS_VIEW_H

#include "parts.h"
#include "reply.h"

enum {
	FS_POLL_BYTES = 4096, /* POLLOUT: so long a write would not wait */
};

/* ---- a kind ---------------------------------------------------------------------------------- */

/* What a kind shows and takes; every function may return -EBUSY (lock held: tried again). */
struct fs_kind {
	bool write_waits;     /* its names are minted: each look-up gives a new node */
	bool read_waits;      /* plain reads may wait */
	bool lines;	      /* plain writes are lines: view_lines.c */
	uint32_t waits_with;  /* options: plain reads with one of these alone may wait */
	uint32_t taking_with; /* options: with one of these nobody reads who may not write */
	bool each_alone;      /* who waits in a line does not keep those behind waiting */
	bool joins; /* who waits is part of the object from then on: once parked, it is tried again */
	bool flushes; /* it matters who closes a descriptor: each close is told */
	bool streams; /* bytes: no item ends a read, a write may be done in part, a try is not for nothing */
	unsigned clears; /* how many IPCFS_V_CLEAR, each of a part (op->first, from 1), clear it */
	/* Names in the folder that are not in the store. 1: there is one, with these attributes; 0: it is none of
	 * those; -ESRCH and others: it is, and cannot be had. NULL: the kind has none. */
	int (*outside)(const struct fs_item *folder, const char *name, struct stat *st);
	/* Is what the item was made for what its name still means? */
	bool (*means)(const struct fs_item *item);
	/* Makes what has no object, as an engine's `open`. NULL: an engine does. */
	int (*make)(struct fs_item *folder, const struct fs_leaf *leaf,
		    const struct ipcfs_maker *maker);
	/* A name that says what is there: no folder, nothing of the kernel's, and nothing is renamed to or from it. NULL:
	 * there are none. */
	bool (*is_fixed)(const char *name);
	/* ioctl IPCFS_SHUTDOWN. NULL: -ENOTTY. */
	int (*shutdown)(struct fs_handle *h);
	/* Any handle, opened by the thread h->opener; it may move it to another item. Its end. NULL: nothing. */
	int (*begin)(struct fs_handle *h);
	void (*end)(struct fs_handle *h);
	/* Of items without object, in place of the engine: what poll(2) says now; the item is to be told as changed when that
	 * becomes more. */
	unsigned (*poll)(struct fs_handle *h);
	/* The object may have changed, and those who wait have been served; it is gone. NULL: nothing. */
	void (*changed)(struct fs_item *item);
	void (*gone)(struct fs_item *item);
	/* The same, behind that: what cannot be undone. made: its item is new; maker: of what it makes, NULL unless it
	 * creates. 0, or an error (-EBUSY) that has changed nothing. NULL: there is nothing to do. */
	int (*open)(struct fs_handle *h, bool made, const struct ipcfs_maker *maker);
	/* Handles with different numbers, 0 to 31, do not stand in one line. NULL: all do. */
	unsigned (*lane)(const struct fs_handle *h);
	/* What the handle's reads or writes wait for: those for a change or a join are in no order. NULL: to
	 * take, to give. */
	enum ipcfs_class (*line)(const struct fs_handle *h, bool write);
	/* A plain read that waits: -EAGAIN, or answers through fs_view_give. */
	int (*take)(struct fs_request *r);
	/* What `peek` shows, or a plain read of what is shown. -ENODATA: nothing (end of file). */
	int (*show)(struct fs_handle *h, struct fs_text *t);
	/* A plain write of r->data: 0 or error. -EAGAIN waits. */
	int (*write)(struct fs_request *r);
	/* Objects of the kind are shown as folders: what is in them. NULL: as files. */
	const struct fs_parts *parts;
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
	/* It has got another name, or is a folder that has. NULL: nothing. */
	void (*moved)(struct fs_item *item);
	/* Words for an error of creation. NULL: the common ones. */
	void (*explain)(int error, const struct ipcfs_properties *p);
	/* IPCFS_ITEM: which item the handle read or wrote last. NULL: the kind's items have no numbers. */
	int (*item)(const struct fs_handle *h, struct ipcfs_item *item);
	/* Lines of `stat` behind the common ones. Without object: st is NULL. */
	void (*stat)(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t);
	/* One command of ctl: -EINVAL. All of a write are looked at (act false) before any is done. */
	int (*command)(struct fs_handle *h, const char *word, size_t len, bool act);
};
extern const struct fs_kind fs_queue_kind, fs_semaphore_kind, fs_event_kind, fs_value_kind,
	fs_array_kind, fs_lock_kind, fs_condition_kind, fs_barrier_kind, fs_list_kind, fs_dict_kind,
	fs_pipe_kind, fs_topic_kind, fs_signal_kind, fs_mq_kind, fs_socket_kind;

/* ---- view.c ---------------------------------------------------------------------------------- */

const struct fs_kind *fs_kind_of(enum ipcfs_kind kind);
const struct ipcfs_engine *fs_engine_of(enum ipcfs_kind kind);
/* is_fixed of the folder's kind. */
bool fs_kind_fixes(const struct fs_item *folder, const char *name);

/* Tries the request: 0 answered (or r->answered), -EAGAIN must wait in r->class, -EBUSY, or an error. */
int fs_view_try(struct fs_request *r);
/* In which line the handle's reads or writes wait; does it have an order? */
enum ipcfs_class fs_view_line(const struct fs_handle *h, bool write);
bool fs_view_ordered(enum ipcfs_class line);
/* Is a write through the handle done in pieces, wherever it is cut? */
bool fs_view_piecewise(const struct fs_handle *h);
/* May a read through the handle wait for an item or a change? */
bool fs_view_waits(const struct fs_handle *h);
/* Answers a read with an item: what does not fit stays for the next read. -errno: not answered. */
int fs_view_give(struct fs_request *r, const void *bytes, size_t len);
/* One engine operation on the handle's object, or on the part of it. */
int fs_view_engine(struct fs_request *r, struct ipcfs_op *op);
int fs_view_engine_item(struct fs_item *item, struct ipcfs_op *op);
/* Takes out all that can be cleared, if the kind has that. */
int fs_view_clear(struct fs_item *item);
/* withdraw of kinds whose waiters may have the turnstile: gives it back. */
void fs_view_quit(struct fs_request *r);

/* ---- view_common.c --------------------------------------------------------------------------- */

/* A read of a text that is shown. */
int fs_view_shown(struct fs_request *r);
/* A read through `watch`: at once what there is, then each change. */
int fs_view_watch(struct fs_request *r);
/* A write to `ctl`. */
int fs_view_commands(struct fs_request *r);
/* show and stat of kinds that are a number. */
int fs_view_show_value(struct fs_handle *h, struct fs_text *t);
/* How many wait at it: barriers and conditions. */
int fs_view_show_waiting(struct fs_handle *h, struct fs_text *t);
void fs_view_stat_value(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t);
/* The view `cas`: the operation is to be done only if nothing has changed since the handle's last read; after it, that
 * its result counts as one. */
int fs_view_cas(struct fs_handle *h, struct ipcfs_op *op);
void fs_view_cas_done(struct fs_handle *h, const struct ipcfs_op *op);
/* command of kinds that have none. */
int fs_view_no_command(struct fs_handle *h, const char *word, size_t len, bool act);
/* command of kinds that have `clear` alone. */
int fs_view_clear_command(struct fs_handle *h, const char *word, size_t len, bool act);

/* ---- message.c ------------------------------------------------------------------------------- */

/* ipcfs_op.sink: answers the request `arg` with the message; adds it to the text `arg`. */
int fs_message_answer(void *arg, const struct iovec *pieces, int n);
int fs_message_add(void *arg, const struct iovec *pieces, int n);

/* ---- view_cells.c ---------------------------------------------------------------------------- */

/* A close: what a pending array gathered. */
int fs_view_flush(struct fs_handle *h);

/* ---- view_frame.c ---------------------------------------------------------------------------- */

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

/* ---- view_list.c, view_lines.c --------------------------------------------------------------- */

/* Words for the error of an operation on the item of that index; gives the error. */
int fs_list_explain(struct fs_item *item, int rc, int64_t index);
/* An operation that changes the list; of a handle with `cas`, if nothing else has. */
int fs_list_change(struct fs_request *r, struct ipcfs_op *op);
int fs_lines_write(struct fs_request *r);
int fs_lines_sync(struct fs_request *r);
void fs_lines_close(struct fs_handle *h);

/* ---- view_lease.c ---------------------------------------------------------------------------- */

/* Of queues: line; a get, leased where the view says so; join; a write of `ack`; commands. */
enum ipcfs_class fs_lease_line(const struct fs_handle *h, bool write);
int fs_lease_get(struct fs_request *r, struct ipcfs_op *op);
int fs_lease_join(struct fs_request *r);
/* The operation has got or put this message; which one the handle did last. */
void fs_lease_note(struct fs_handle *h, const struct ipcfs_op *op);
int fs_lease_item(const struct fs_handle *h, struct ipcfs_item *item);
int fs_lease_write(struct fs_request *r);
int fs_lease_command(struct fs_handle *h, const char *word, size_t len, bool act);

/* ---- tokens.c -------------------------------------------------------------------------------- */

/* Reads and writes of semaphores' view `tokens`. */
int fs_tokens_take(struct fs_request *r);
int fs_tokens_give(struct fs_request *r);
/* The object is gone. */
void fs_tokens_forget(struct fs_item *item);

/* ---- view_process.c -------------------------------------------------------------------------- */
/* signals/PID and signals/self: what fs_kind asks for. */
int fs_process_outside(const struct fs_item *folder, const char *name, struct stat *st);
bool fs_process_means(const struct fs_item *item);
int fs_process_open(struct fs_handle *h);
void fs_process_close(struct fs_handle *h);
unsigned fs_process_poll(struct fs_handle *h);
int fs_process_take(struct fs_request *r);
int fs_process_show(struct fs_handle *h, struct fs_text *t);
int fs_process_write(struct fs_request *r, int signal);
void fs_process_stat(struct fs_handle *h, struct fs_text *t);

/* ---- raw.c ----------------------------------------------------------------------------------- */

int fs_raw_read(struct fs_request *r);
int fs_raw_write(struct fs_request *r);
/* The size that `stat` and `ls` see. */
uint64_t fs_raw_bytes(struct fs_item *item);

/* ---- pending.c ------------------------------------------------------------------------------- */

/* Drops the words that gave the item its type. */
void fs_pending_forget(struct fs_item *item);
/* Do these properties leave open what the first content decides? */
bool fs_pending_is(enum ipcfs_kind kind, const struct ipcfs_properties *p);
/* A value without a type, an array without type or length. */
int fs_pending_make(struct fs_item *folder, const struct fs_leaf *leaf,
		    const struct ipcfs_maker *maker);
/* Those that it was given so far; -EIDRM: it is not pending any more. */
int fs_pending_properties(struct fs_item *item, struct ipcfs_properties *p);
/* -EEXIST where its properties are others. */
int fs_pending_check(struct fs_item *item, const struct ipcfs_properties *p);

/* ---- stat.c ---------------------------------------------------------------------------------- */

/* Needs no lock, and shows what it can of what is damaged. */
int fs_stat_text(struct fs_handle *h, struct fs_text *t);

#endif
