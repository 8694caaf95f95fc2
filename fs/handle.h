/* SPDX-License-Identifier: MIT
 *
 * handle.h - open files: what they hold, by whom they were opened, whom they tell.
 */
#ifndef IPCFS_FS_HANDLE_H
#define IPCFS_FS_HANDLE_H

#include <ev.h>

#include "item.h"

/* ---- handle.c -------------------------------------------------------------------------------- */

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
	struct fs_item *item;	    /* NULL for the root's files */
	const struct fs_leaf *leaf; /* shared: fs_leaf_get */
	int flags;		    /* of open(2) */
	uid_t uid;
	int64_t timeout_ns;
	bool temp;
	/* Taken kinds, events and watch: what is left of the item, and whether an end of file is due. */
	bool one_item;
	bool ended;
	char *rest;
	size_t rest_len, rest_at, rest_kept; /* kept: the bytes that its user is charged with */
	/* Queues: the message that it read or wrote last. */
	struct ipcfs_item message;
	bool has_message;
	/* Shown kinds: the snapshot. Folders: the entries, and in rest_at where the last answer ended. */
	char *text;
	size_t text_len, text_kept;
	struct fs_render *render; /* a large array's snapshot, in place of `text` */
	off_t text_base;	  /* the offset at which it begins */
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
	bool flushed;  /* a descriptor of it was closed: somebody had it */
	/* A key that it replaces as a whole. */
	struct fs_draft *draft;
	bool popped; /* what it took was the item itself */
	/* Folders that are objects: the part that was listed last. */
	uint64_t listed_at, listed_number;
	/* What it holds of its object, under which name; whose the last close of its descriptors was. */
	struct ipcfs_holder holder;
	pid_t asker; /* the thread whose process holder.pid is */
	bool holds;
	/* condition: it is armed, and no read has begun to wait for that; topic: the last message read;
	 * channel: the firings it has seen */
	uint64_t ticket;
	int lock; /* locks: LOCK_EX, LOCK_SH, 0 */
	bool by_flock;
	enum fs_ending closer;
	bool closing; /* in item->closing */
	SLIST_ENTRY(fs_handle) closing_link;
	pid_t opener;			 /* the thread */
	pid_t lock_process, lock_thread; /* locks: who acquired; process 0: not known any more */
	struct fs_notify *notify;
	struct fs_joined *joined;
	struct fs_pin *pin;	   /* signals/PID */
	struct fs_process *sender; /* the same: whose ids count; NULL: it cannot be written to */
	struct fuse_pollhandle *poll;
	unsigned polled_for; /* the events that all who wait through `poll` want */
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
/* What has to be done before it is open; made: its object is new. An error (-EBUSY) has changed nothing: the handle is to be
 * freed. */
int fs_handle_begin(struct fs_handle *h, bool made, const struct ipcfs_maker *maker);
/* It is an open file of another item. */
void fs_handle_move(struct fs_handle *h, struct fs_item *item);
/* FOPEN_* flags for its open reply. */
uint32_t fs_handle_open_flags(const struct fs_handle *h);
/* The snapshot is this text from now on. -EDQUOT: the user has too much, the text is freed, and the old one stays. */
int fs_handle_take_text(struct fs_handle *h, struct fs_text *t);
void fs_handle_forget_text(struct fs_handle *h);
/* The same with what a change gave back, for the handle's next read: where that cannot be kept, the read looks anew. */
void fs_handle_take_fresh(struct fs_handle *h, struct fs_text *t);
/* Charges its user with what will be left of an item, so many bytes, in place of what he was charged with for it
 * before. -EDQUOT. */
int fs_handle_keep_rest(struct fs_handle *h, size_t n);
/* What is left of an item is read, or for nobody: it goes. */
void fs_handle_drop_rest(struct fs_handle *h);
/* Under which name the handle holds what this thread takes through it. */
const struct ipcfs_holder *fs_handle_holder(struct fs_handle *h, pid_t thread);
/* A descriptor of it was closed by this thread. */
void fs_handle_closed_by(struct fs_handle *h, pid_t thread);
/* The last one: gives back what it holds, and ends the handle; at once, or as soon as the object's lock can be
 * had. */
void fs_handle_leave(struct fs_handle *h);
/* What is left of an item that was taken is for nobody any more. */
void fs_handle_forget_rest(struct fs_handle *h);

/* ---- process.c ------------------------------------------------------------------------------- */

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
	pid_t session;	/* these two of a sender alone */
	bool kills_all; /* has CAP_KILL where the server is */
};
struct fs_process fs_process_look(pid_t thread);
/* The same of one on whose behalf signals are sent. */
struct fs_process fs_process_sender(pid_t thread);
/* Is it in the server's network namespace? False where that cannot be seen. */
bool fs_process_shares_net(pid_t thread);
/* Does it know processes by other numbers than the server? */
bool fs_process_is_foreign(pid_t thread);
/* Is /proc mounted so that it shows users their own processes alone? */
bool fs_process_are_hidden(void);
/* Sets of signals: bit n - 1 is signal n. */
struct fs_signals {
	uint64_t blocked, ignored, caught, pending;
};
/* -ESRCH: there is no such process. */
int fs_process_signals(pid_t pid, struct fs_signals *s);
/* Its state as a letter, and its name, escaped as /proc does; 0: there is no such process. */
enum { FS_PROCESS_NAME = 80 };
char fs_process_state(pid_t pid, char name[FS_PROCESS_NAME]);
/* Has it the file with that inode number open, or, with `twice`, more than one open file of it? Of very many not all
 * are looked at. */
bool fs_process_has(pid_t pid, uint64_t ino, bool twice);

/* ---- pin.c ----------------------------------------------------------------------------------- */

struct fs_pin {
	pid_t pid;
	uid_t uid;	      /* whose limits it counts for */
	bool ended;	      /* that was told */
	struct fs_item *item; /* signals/PID while it is open, else NULL */
	unsigned references;
	ev_io death; /* .fd: the pidfd */
	LIST_ENTRY(fs_pin) link;
};
/* -ESRCH: there is no such process. -EUSERS, -ENFILE, -ENOMEM. */
int fs_pin_get(pid_t pid, uid_t uid, struct fs_pin **out);
struct fs_pin *fs_pin_ref(struct fs_pin *p);
void fs_pin_put(struct fs_pin *p);
/* It runs no more; and nobody has to wait for it any more either: its number may be another's. */
bool fs_pin_ended(const struct fs_pin *p);
bool fs_pin_gone(const struct fs_pin *p);
/* As the server may. */
int fs_pin_kill(const struct fs_pin *p, int signal);

/* ---- signal.c -------------------------------------------------------------------------------- */

/* "USR1", "SIGUSR1", "RTMIN+3", "10" -> 10; -EINVAL. */
int fs_signal_parse(const char *text, size_t len, int *signal);
/* "USR1"; what has no name is a number. Valid until the next call. */
enum { FS_SIGNAL_NAME = 16 };
const char *fs_signal_name(int signal);
/* May `sender` send it to the process, as kill(2) would judge now; sends it, if so; the last of them only if the
 * process runs no set-id program either. -ESRCH: it is gone. -EPERM. */
int fs_signal_may(const struct fs_pin *to, const struct fs_process *sender, int signal);
int fs_signal_kill(const struct fs_pin *to, const struct fs_process *sender, int signal);
int fs_signal_send(const struct fs_pin *to, const struct fs_process *sender, int signal);
/* The thread's process, which waits for its open(2): its ids, and itself, pinned on that user's account. */
int fs_signal_pin(pid_t thread, uid_t uid, struct fs_process *sender, struct fs_pin **pin);

/* ---- alarm.c --------------------------------------------------------------------------------- */

int fs_alarm_start(void);
/* Sends the signal to the process, or fires the item's channel with it, in so long. `to` and `item`: one of them NULL. */
int fs_alarm_set(struct fs_pin *to, struct fs_item *item, const struct fs_process *sender,
		 uid_t uid, int signal, int64_t ns);
/* The process has ended, the channel is gone: their alarms are for nothing. */
void fs_alarm_ended(const struct fs_pin *to);
void fs_alarm_gone(struct fs_item *item);
/* Takes those back that the user has set. */
void fs_alarm_cancel(const struct fs_pin *to, const struct fs_item *item, uid_t uid);
unsigned fs_alarm_count(const struct fs_pin *to, const struct fs_item *item);

/* ---- join.c ---------------------------------------------------------------------------------- */

/* A handle with the view `join` is opened, and closed. */
int fs_join_open(struct fs_handle *h);
void fs_join_close(struct fs_handle *h);
/* The channel may have been fired: sends its members what they have not got yet. */
void fs_join_tell(struct fs_item *item);
/* Lines of `stat`. */
void fs_join_list(const struct fs_item *item, struct fs_text *t);

/* ---- notify.c -------------------------------------------------------------------------------- */

/* A handle with the view `notify` is opened by the thread: whom to tell; from when on. */
int fs_notify_open(struct fs_handle *h, pid_t thread);
void fs_notify_begin(struct fs_handle *h);
void fs_notify_close(struct fs_handle *h);
/* The handle has been read: what it waits for next may be there already. */
void fs_notify_read(struct fs_handle *h);
/* The item may have changed: tells whom that concerns. */
void fs_notify_item(struct fs_item *item);

#endif
