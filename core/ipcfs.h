/* SPDX-License-Identifier: MIT
 *
 * ipcfs.h - libipcfs: queues, semaphores, locks, events, conditions, barriers, values, arrays, lists, dicts, pipes,
 * topics and channels that live in a folder of tmpfs (the store), are shared by name between unrelated processes of
 * any language, and survive kill -9 of any of them.
 *
 * The same objects are files under a mount of the ipcfs server; both kinds of
 * client may use one object at the same time. No server is needed for this
 * library, and no file descriptor is kept open by it.
 *
 * Conventions
 *   Errors     Every call returns 0 or a count on success and -errno otherwise.
 *              A call that fails has changed nothing, unless it says otherwise.
 *   Deadlines  Absolute CLOCK_MONOTONIC nanoseconds (as in skalibs, every call
 *              that can wait takes one): IPCFS_FOREVER waits without limit, 0
 *              never waits (-EAGAIN instead). ipcfs_after() makes one.
 *   Threads    Every call may be made from any thread. None may be made from a
 *              signal handler.
 *   Fork       A child may go on using the handles that it inherited. closefrom()
 *              does no harm, exec() ends them.
 *   Kills      A process killed inside a call has done the operation wholly or
 *              not at all; the next caller finds the object whole and free.
 *   SIGBUS     The first attach installs a SIGBUS handler, which serves faults in
 *              segments that somebody else cut short (the call then returns
 *              -EUCLEAN) and passes all others to the handler found before it.
 *
 * Errors that any call on an object may return
 *   -EIDRM     the object has been removed (ipcfs_unlink, rm)
 *   -EUCLEAN   its segment is damaged: the bytes contradict the shape it was
 *              created with. It can still be removed.
 *   -EBUSY     a process that is alive but does not run (stopped, say) has held
 *              the object's inner lock for 100 ms, and the deadline is past
 *   -ENOSPC    the store is full
 *   -EINVAL    a wrong argument: another kind of object, a count of 0, ...
 *   -EINTR     a signal handler ran while the call waited
 *   -ETIMEDOUT the deadline passed;  -EAGAIN  it would wait and deadline was 0
 */
#ifndef IPCFS_H
#define IPCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* ipcfs_stat is a struct and a call, as stat is */
#endif

#define IPCFS_VERSION "0.1.0"

/* ioctl(2) on a file below the mount: the longest wait of this handle's reads
 * and writes, in nanoseconds; 0 is O_NONBLOCK, -1 for ever. */
#define IPCFS_TIMEOUT _IOW(0xF5, 1, int64_t)

/* On a connection below the mount: no more is written to it, the other side gets end of file. */
#define IPCFS_SHUTDOWN _IO(0xF5, 2)

/* On a handle of a queue: which message it read or wrote last; through `lines` and `block`, the last that was
 * finished. -ENODATA: none yet. Its number is the same for all who have it, and no other message's of this queue ever:
 * so it names a task. */
struct ipcfs_item {
	uint64_t number; /* the how many-th that was put into the queue, from 0 */
	uint64_t
		attempt; /* read: the how many-th time that somebody has got it, from 1. Written: 0 */
	uint64_t unread; /* read: bytes of it that the handle has not given yet */
};
#define IPCFS_ITEM _IOR(0xF5, 3, struct ipcfs_item)

#define IPCFS_FOREVER ((int64_t)-1)

/* Limits. */
enum {
	IPCFS_NAME_MAX = 200,	  /* bytes of one name, folders each likewise; of an mq 255 */
	IPCFS_PATH_MAX = 1024,	  /* bytes of a name with its folders */
	IPCFS_STRING_MAX = 65535, /* len= of a value of type s */
	IPCFS_STRING_DEFAULT = 255,
	IPCFS_BATCH_MAX = 1024, /* messages of one put_many or get_many */
	IPCFS_SIGNAL_MAX = 64,	/* the highest signal's number */
};
#define IPCFS_ITEM_MAX ((1u << 20) - 4096u) /* bytes of a list's item */
#define IPCFS_ITEMS_MAX (1u << 26)	    /* of a list */
#define IPCFS_CAPACITY_DEFAULT ((uint64_t)1 << 20)
#define IPCFS_CAPACITY_MAX ((uint64_t)1 << 34) /* bytes of a queue's payload, a list's, a dict's */
#define IPCFS_DICT_VALUE_MAX ((uint64_t)1 << 26) /* bytes of one value of a dict */
#define IPCFS_MAXSIZE_MAX ((uint64_t)1 << 30)	 /* messages of a queue */
#define IPCFS_ATTEMPTS_MAX 2147483647u
#define IPCFS_SEMAPHORE_MAX 2147483647u
#define IPCFS_PARTIES_MAX 4096u			  /* of a barrier; as many wait for a condition */
#define IPCFS_ARRAY_BYTES_MAX ((uint64_t)1 << 32) /* bytes of all elements */

enum ipcfs_kind {
	IPCFS_QUEUE,
	IPCFS_SEMAPHORE,
	IPCFS_EVENT,
	IPCFS_VALUE,
	IPCFS_ARRAY,
	IPCFS_LOCK,
	IPCFS_CONDITION,
	IPCFS_BARRIER,
	IPCFS_LIST,
	IPCFS_PIPE,
	IPCFS_TOPIC,
	IPCFS_SIGNAL, /* a channel */
	IPCFS_DICT,
	IPCFS_SEGMENT_COUNT,		/* those above are segments in the store */
	IPCFS_MQ = IPCFS_SEGMENT_COUNT, /* files alone: a program uses mq_open(3) */
	IPCFS_SOCKET,			/* files alone: it uses socket(2) */
	IPCFS_KIND_COUNT
};

struct ipcfs_store;
struct ipcfs_object;

/* ---- properties: what an object is, fixed at its creation ------------------ */

enum {
	IPCFS_P_MAXSIZE = 1 << 0,
	IPCFS_P_CAPACITY = 1 << 1,
	IPCFS_P_VALUE = 1 << 2,
	IPCFS_P_MAX = 1 << 3,
	IPCFS_P_SET = 1 << 4,
	IPCFS_P_TYPE = 1 << 5,
	IPCFS_P_LEN = 1 << 6,
	IPCFS_P_TEMP = 1 << 7, /* files only: removed with its creating handle */
	IPCFS_P_ATTEMPTS = 1 << 8,
	IPCFS_P_DEAD = 1 << 9,
	IPCFS_P_PARTIES = 1 << 10,
	IPCFS_P_MAXMSG = 1 << 11,
	IPCFS_P_MSGSIZE = 1 << 12,
};

/* The members that `given` names are given; the others have no meaning. At
 * creation they replace the defaults; at open of an object that exists they are
 * compared (value and set with what it was created with), -EEXIST where they
 * differ. A property that the kind does not have is -EINVAL. */
struct ipcfs_properties {
	uint32_t given;		       /* IPCFS_P_* */
	bool set;		       /* event: created set */
	char type;		       /* value, array: one of ?bBhHiIlLqQfdcus */
	uint64_t maxsize;	       /* queue: messages at the most; 0: as many as fit */
	uint64_t capacity;	       /* bytes of payload at the most; pipe: each way */
	uint64_t value;		       /* semaphore: units at the start */
	uint64_t max;		       /* semaphore: units at the most */
	uint64_t len;		       /* value of type s: bytes; array: elements */
	uint64_t attempts;	       /* queue: leases of a message before it goes to `dead` */
	uint64_t parties;	       /* barrier */
	uint64_t maxmsg;	       /* mq: messages at the most */
	uint64_t msgsize;	       /* mq: bytes of a message at the most */
	char dead[IPCFS_NAME_MAX + 1]; /* queue: another one in the same folder */
};

/* ---- the store -------------------------------------------------------------- */

/* ipcfs_store_open: opens the store in the folder `dir`; NULL means $IPCFS_STORE,
 * else /dev/shm/ipcfs where root made it or the caller is root, else
 * /dev/shm/ipcfs-UID. A default store that is not there is made, one that was named
 * too, if its parent folder exists. The handle belongs to the caller until
 * ipcfs_store_close(), which must come after the last ipcfs_close().
 *   -EMEDIUMTYPE  the folder is not in a tmpfs
 *   -EPERM        the folder belongs neither to root nor to the caller
 *   -ENOTDIR, -EACCES, -ENOENT, -ENOMEM as for open(2) */
int ipcfs_store_open(const char *dir, struct ipcfs_store **out);
void ipcfs_store_close(struct ipcfs_store *store);

/* The store's folder, valid until ipcfs_store_close(). */
const char *ipcfs_store_dir(const struct ipcfs_store *store);

/* ---- objects ---------------------------------------------------------------- */

enum {
	IPCFS_CREATE = 1 << 0, /* make it if it is not there */
	IPCFS_EXCL = 1 << 1,   /* with IPCFS_CREATE: -EEXIST if it is there */
};

/* ipcfs_open: attaches the object `name` of the kind ("jobs", "team/jobs").
 * `mode` is masked with the umask; of queues and semaphores, whose
 * reading takes, a class of users that may not write may not read either.
 * `p` may be NULL. Needs read and write permission on the segment. Opens of one
 * object in one process share one attachment; each needs its own ipcfs_close().
 * A value or array that is created needs a type, an array its len too (-EINVAL).
 *   -ENOENT        not there, or no such folder;  -EEXIST  see above
 *   -ENAMETOOLONG  a name over IPCFS_NAME_MAX bytes
 *   -EINVAL        a name with ',' or a control character or a leading dot, an
 *                  empty one; properties that the kind does not have
 *   -ERANGE        a property out of its limits
 *   -EOPNOTSUPP    a FIFO among the pipes: open(2) it below a mount
 *   -EACCES, -ENOMEM, -ENOSPC */
int ipcfs_open(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name, int flags,
	       mode_t mode, const struct ipcfs_properties *p, struct ipcfs_object **object);
void ipcfs_close(struct ipcfs_object *object);

/* ipcfs_unlink: removes the name; waiters and later calls get -EIDRM. Takes no
 * lock and so works on damaged and on busy objects. -ENOENT, -EACCES, -EPERM. */
int ipcfs_unlink(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name);

/* Folders for names, as mkdir(2) and rmdir(2), with their errors. */
int ipcfs_mkdir(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name, mode_t mode);
int ipcfs_rmdir(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name);

/* ipcfs_list: calls `each` for every entry of a folder ("" or NULL: the kind's top),
 * in no order; `is_folder` tells folders. A value other than 0 that `each`
 * returns ends the walk and is returned. -ENOENT, -ENOTDIR, -EACCES. */
int ipcfs_list(struct ipcfs_store *store, enum ipcfs_kind kind, const char *folder,
	       int (*each)(void *arg, const char *name, bool is_folder), void *arg);

/* The ends of a pipe. */
enum ipcfs_end { IPCFS_END_A = 1, IPCFS_END_B = 2 };

struct ipcfs_pipe_end {
	enum { IPCFS_END_NEVER, IPCFS_END_OPEN, IPCFS_END_CLOSED } state;
	uint64_t messages, bytes; /* that are to be read at it */
};

/* What is known of an object without waiting and without its lock. */
struct ipcfs_stat {
	enum ipcfs_kind kind;
	struct ipcfs_properties properties; /* all that the kind has, given or default */
	uint64_t id;			    /* inode number of the segment */
	uint64_t changes;		    /* grows with every change */
	/* topic: that are still there; pipe: both ways; queue: that can be had, or will without their
	 * consumer's doing; list: items */
	uint64_t messages, bytes;
	uint64_t unfinished; /* queue: put, and not yet declared done */
	uint64_t put;	     /* queue: that were ever put */
	bool closed;	     /* queue */
	/* semaphore: units; event: 0 or 1; lock: newest token; condition: who waits; barrier: who has arrived,
	 * both with the dead whom nobody has missed yet; topic: the number of the newest message */
	uint64_t value;
	bool abandoned;	   /* lock: see ipcfs_grant */
	uint64_t notified; /* condition: waiters that have been notified and have not looked yet */
	uint64_t generation; /* barrier: how often all have come together */
	bool broken;	     /* barrier */
	/* pipe: a and b */
	struct ipcfs_pipe_end ends[2];
	unsigned signal; /* channel: the last one fired, 0: none; value: how many were */
	uint64_t keys;	 /* dict */
	mode_t mode;	 /* dict: of the folder as which it is shown */
};
int ipcfs_stat(struct ipcfs_object *object, struct ipcfs_stat *st);

/* Who holds something of an object: a lock, units of a semaphore, a leased message, an open end of a pipe. */
struct ipcfs_holding {
	uint64_t member; /* who: a process of the store, handle 0; */
	uint64_t handle; /* or an open file of a server */
	pid_t pid;	 /* of the process that took it, in its own pid namespace */
	uid_t uid;
	int64_t since_ns; /* CLOCK_REALTIME */
	uint64_t order;	  /* the longest holder has the least */
	bool shared;	  /* lock */
	uint64_t units;	  /* semaphore */
	uint64_t attempt; /* queue: of a leased message, from 1 */
	uint64_t token;	  /* lock */
	unsigned end;	  /* pipe: enum ipcfs_end */
};
/* ipcfs_holders: calls `each` for every holder who lives, in no order, without waiting and without the
 * object's lock. A value other than 0 that `each` returns ends the walk and is returned. */
int ipcfs_holders(struct ipcfs_object *object,
		  int (*each)(void *arg, const struct ipcfs_holding *holding), void *arg);

/* ipcfs_wait_change: waits until `changes` is no longer what the caller saw last
 * (ipcfs_stat), for any kind, and stores the new number. -EAGAIN, -ETIMEDOUT, -EINTR. */
int ipcfs_wait_change(struct ipcfs_object *object, uint64_t *changes, int64_t deadline_ns);

/* "queues", "semaphores", ...: the kinds' folder names; NULL and -1 for no such kind. */
const char *ipcfs_kind_name(enum ipcfs_kind kind);
int ipcfs_kind_of(const char *name);

/* Now plus timeout_ns as a deadline; IPCFS_FOREVER for a negative one, 0 for 0. */
int64_t ipcfs_after(int64_t timeout_ns);

/* ---- queues: messages of bytes, first in first out --------------------------- */

/* ipcfs_queue_put: appends one message of len bytes (0 is allowed), waits while
 * it does not fit. -EMSGSIZE: longer than the capacity. -EPIPE: the queue is closed. */
int ipcfs_queue_put(struct ipcfs_object *queue, const void *msg, size_t len, int64_t deadline_ns);

/* ipcfs_queue_get: takes the oldest message, waits while there is none. Returns
 * its length. -EMSGSIZE: longer than size; it stays (ipcfs_queue_peek tells its length).
 * -ENODATA: the queue is closed, and nothing is left in it. */
ssize_t ipcfs_queue_get(struct ipcfs_object *queue, void *buf, size_t size, int64_t deadline_ns);

/* ipcfs_queue_peek: copies at most size bytes of the oldest message, takes nothing and
 * never waits. Returns the message's whole length, -ENODATA from an empty queue. */
ssize_t ipcfs_queue_peek(struct ipcfs_object *queue, void *buf, size_t size);

/* ipcfs_queue_put_many: appends the first k of count messages under one lock and one
 * commit, k >= 1, as many as fit; waits while the first does not. Returns k.
 * ipcfs_queue_get_many: takes up to count messages likewise; bufs[i].iov_len is the
 * size of a buffer before and the length of its message after the call. It
 * stops before a message that is longer than its buffer (the first: -EMSGSIZE).
 * count is 1 to IPCFS_BATCH_MAX. */
int ipcfs_queue_put_many(struct ipcfs_object *queue, const struct iovec *msgs, unsigned count,
			 int64_t deadline_ns);
int ipcfs_queue_get_many(struct ipcfs_object *queue, struct iovec *bufs, unsigned count,
			 int64_t deadline_ns);

/* ipcfs_queue_clear: drops every message that is not leased, in one step. Returns how many. */
ssize_t ipcfs_queue_clear(struct ipcfs_object *queue);

/* Leases: a message that is leased is not gone, but in this process's hands until it says what became of it. One that
 * goes back is the next to be had, before all that was put after it, in the old order.
 *
 * ipcfs_queue_lease: as ipcfs_queue_get, but the message is leased. The lease is this process's, not the thread's.
 * It ends with ipcfs_queue_settle() or ipcfs_queue_return(); with the last ipcfs_close() of the queue in
 * this process, or with the process, however that ends, the message goes back. A forked child has no leases.
 * Waits as well while 4096 messages are leased.
 * ipcfs_queue_settle: the message is done.  ipcfs_queue_return: it goes back, which is one failed attempt, as is any
 * end of a lease but settling. Where the queue has the properties `attempts` and `dead`, a message that has failed so
 * often is moved to that queue instead, as put by this one's owner, if he may and it has room.
 *   -EPERM  this process has no such lease */
struct ipcfs_lease {
	uint64_t id;
	uint64_t attempt; /* the how many-th of this message, from 1 */
	uint64_t number;  /* the message is the how many-th that was put into the queue, from 0 */
};
ssize_t ipcfs_queue_lease(struct ipcfs_object *queue, void *buf, size_t size, int64_t deadline_ns,
			  struct ipcfs_lease *lease);
int ipcfs_queue_settle(struct ipcfs_object *queue, uint64_t lease);
int ipcfs_queue_return(struct ipcfs_object *queue, uint64_t lease);

/* ipcfs_queue_done: declares count (1 or more) messages done, whichever they are; -EOVERFLOW: more than were put.
 * Settling, clearing and the move to the dead-letter queue declare their messages done, too.
 * ipcfs_queue_join: waits until all that was ever put is done. */
int ipcfs_queue_done(struct ipcfs_object *queue, uint64_t count);
int ipcfs_queue_join(struct ipcfs_object *queue, int64_t deadline_ns);

/* ipcfs_queue_close: puts, waiting ones too, fail with -EPIPE from now on. Gets take what is left; then, when
 * nobody else has a message leased that could come back, they fail with -ENODATA. */
int ipcfs_queue_close(struct ipcfs_object *queue);

/* ---- semaphores -------------------------------------------------------------- */

/* ipcfs_semaphore_acquire: takes n units at once or none, waits while there are fewer; who wants several is
 * not overtaken for ever by those who want fewer. The units then belong to nobody. -ERANGE: n
 * is over the semaphore's max.
 * ipcfs_semaphore_hold: the same, and the units belong to this process: those that it has not released come
 * back with its last ipcfs_close() of the object, or with its end, however it ends. A forked child holds
 * nothing. At most 4096 processes and open files hold units of one semaphore; more wait. */
int ipcfs_semaphore_acquire(struct ipcfs_object *semaphore, uint32_t n, int64_t deadline_ns);
int ipcfs_semaphore_hold(struct ipcfs_object *semaphore, uint32_t n, int64_t deadline_ns);

/* ipcfs_semaphore_release: gives n units, waking who waits. They are charged to what this process holds, then to
 * the longest holders; what is more than all hold belonged to nobody. -EOVERFLOW: free and held units
 * would be more than max; nothing is changed. */
int ipcfs_semaphore_release(struct ipcfs_object *semaphore, uint32_t n);

/* The units now: 0 to IPCFS_SEMAPHORE_MAX. Those of holders who have died count as free. */
int64_t ipcfs_semaphore_value(struct ipcfs_object *semaphore);

/* ---- locks: one at a time, or many that only read --------------------------------- */

enum { IPCFS_SHARED = 1 << 0 };

struct ipcfs_grant {
	uint64_t
		token; /* fencing token: grows with every acquisition while the store lives, also when
			   the name is removed and made again (Lamport, Chubby's sequencers) */
	bool abandoned; /* the last exclusive holder's process ended while it held the lock, and nobody
			   has released it since: what it protects may be half-changed */
};

/* ipcfs_lock_acquire: takes the lock, exclusively or (IPCFS_SHARED) beside other shared holders, and waits
 * while it must. Each acquisition is one holding of its own, of this process, not of the thread: a
 * second one in the same process waits as any other. It ends with ipcfs_lock_release(), with the last
 * ipcfs_close() of the object in this process, or with the process, however that ends; a forked child
 * holds nothing. A shared acquisition waits while somebody waits for an exclusive one.
 * -EAGAIN, -ETIMEDOUT, -EINTR; -EAGAIN also where 4096 hold it already and deadline_ns is 0. -ENOSPC,
 * -EDQUOT: more than 32 share it, and there is no memory for another. */
int ipcfs_lock_acquire(struct ipcfs_object *lock, unsigned flags, int64_t deadline_ns,
		       struct ipcfs_grant *grant);

/* ipcfs_lock_release: -EPERM: this process does not hold the lock with that token. */
int ipcfs_lock_release(struct ipcfs_object *lock, uint64_t token);

/* ---- events ------------------------------------------------------------------ */

int ipcfs_event_set(struct ipcfs_object *event);
int ipcfs_event_clear(struct ipcfs_object *event);
int ipcfs_event_wait(struct ipcfs_object *event, int64_t deadline_ns);
int ipcfs_event_is_set(struct ipcfs_object *event); /* 0 or 1 */

/* ---- conditions: told that something may have changed ------------------------------ */

/* Who waits for a condition is a waiter from the moment that he is armed, so nothing is lost between the unlock of
 * what he looked at and the wait:
 *   lock; while what you wait for is not so { arm; unlock; wait; lock } ...; unlock
 *
 * ipcfs_condition_arm: makes the caller a waiter. The ticket, never 0, tells his threads' waiters apart; it is
 * the process's, good for one notification, and not inherited by a fork. A waiter that dies or gives up
 * passes an unused notification on to the one behind him (not one of notify_all, which all have got), as does
 * the last ipcfs_close() of the object. -EAGAIN: IPCFS_PARTIES_MAX wait already.
 * ipcfs_condition_wait: waits until the ticket's waiter is notified, which uses it up; so does a time-out,
 * but not -EINTR, nor -EAGAIN of deadline 0: wait again. Ticket 0 arms just then, and with -EINTR no longer.
 *   -EPERM  the ticket is not this process's, or used up
 * ipcfs_condition_disarm: gives the ticket back, unused. -EPERM likewise. */
int ipcfs_condition_arm(struct ipcfs_object *condition, uint64_t *ticket);
int ipcfs_condition_wait(struct ipcfs_object *condition, uint64_t ticket, int64_t deadline_ns);
int ipcfs_condition_disarm(struct ipcfs_object *condition, uint64_t ticket);

/* ipcfs_condition_notify: notifies the n waiters, n > 0, that were armed first, those of the mount included, or as
 * many as there are. Returns how many; with nobody waiting, 0: it is lost. */
int ipcfs_condition_notify(struct ipcfs_object *condition, unsigned n);
int ipcfs_condition_notify_all(struct ipcfs_object *condition);

/* ---- barriers: all arrive, then all go on -------------------------------------------- */

/* ipcfs_barrier_wait: arrives and waits until as many as the property `parties` have; returns this arrival's
 * index, 0 for the first to parties - 1. Then the next generation may arrive. With deadline 0
 * only the last one arrives. A waiter that is interrupted or killed has not arrived; one whose
 * deadline passes breaks the barrier.
 *   -ECANCELED  it is broken, or was reset while this one waited */
int ipcfs_barrier_wait(struct ipcfs_object *barrier, int64_t deadline_ns);

/* ipcfs_barrier_abort: breaks it: those who wait, and all who arrive, get -ECANCELED until it is reset.
 * ipcfs_barrier_reset: makes it whole and empty; those who wait get -ECANCELED. */
int ipcfs_barrier_abort(struct ipcfs_object *barrier);
int ipcfs_barrier_reset(struct ipcfs_object *barrier);

/* ---- values and arrays: typed cells ------------------------------------------- */

/* Types are the codes of Python's ctypes: ? b B h H i I l L q Q f d, c (one byte),
 * u (one character, four bytes), s (a string of bytes, len= at the most; in an
 * array IPCFS_STRING_DEFAULT). Buffers below hold elements in the machine's own
 * format, ipcfs_type_size() bytes each; a value is an array of one element,
 * but a value of type s is as long as its string. */
size_t ipcfs_type_size(char type); /* 0: no such type, or s */

enum ipcfs_arith { IPCFS_ADD, IPCFS_SUB, IPCFS_MUL, IPCFS_AND, IPCFS_OR, IPCFS_XOR };

/* A number in the widest form of its type: i for ? b h i l q, u for B H I L Q, f for f d. */
union ipcfs_number {
	int64_t i;
	uint64_t u;
	double f;
};

/* ipcfs_value_get: copies the value, at most size bytes; returns its whole length. `changes`,
 * if not NULL, gets the number that ipcfs_value_cas and ipcfs_wait_change take.
 * ipcfs_value_set: stores a value of len bytes: exactly the type's size, -EINVAL;
 * for s at most the property len, -ERANGE.
 * ipcfs_value_cas: the same if nothing changed since `changes`, else -ECANCELED; a
 * success stores the new number there. Safe against ABA: it counts changes, not contents. */
ssize_t ipcfs_value_get(struct ipcfs_object *value, void *buf, size_t size, uint64_t *changes);
int ipcfs_value_set(struct ipcfs_object *value, const void *buf, size_t len);
int ipcfs_value_cas(struct ipcfs_object *value, const void *buf, size_t len, uint64_t *changes);

/* ipcfs_value_op: value = value op operand, atomically; *result (may be NULL) gets the new one.
 * -ERANGE: the result does not fit the type; -EINVAL: the type has no such operation. */
int ipcfs_value_op(struct ipcfs_object *value, enum ipcfs_arith op, union ipcfs_number operand,
		   union ipcfs_number *result);

/* The same for `count` elements from `first` on, all in one step; -ERANGE past the
 * end. get returns bytes copied, size must hold them all (-EMSGSIZE). `op` applies one operand to
 * each. */
ssize_t ipcfs_array_get(struct ipcfs_object *array, uint64_t first, uint64_t count, void *buf,
			size_t size, uint64_t *changes);
int ipcfs_array_set(struct ipcfs_object *array, uint64_t first, uint64_t count, const void *buf);
int ipcfs_array_cas(struct ipcfs_object *array, uint64_t first, uint64_t count, const void *buf,
		    uint64_t *changes);
int ipcfs_array_op(struct ipcfs_object *array, uint64_t first, uint64_t count, enum ipcfs_arith op,
		   union ipcfs_number operand);

/* The payload in shared memory, for programs that do their own atomics; valid
 * until ipcfs_close(). What is stored through it is seen at once by all, but wakes nobody
 * and is not counted in `changes`. */
void *ipcfs_cells(struct ipcfs_object *value_or_array);

/* ---- lists: items of bytes in an order ------------------------------------------------- */

/* An item has 0 to IPCFS_ITEM_MAX bytes (-EMSGSIZE), a list at most IPCFS_ITEMS_MAX items and, where it has the property
 * `capacity`, so many bytes in all items (an item longer than that: -EMSGSIZE). A list that would be above
 * these, or above the extent of its segment (4 GiB, unless a capacity makes it another), is full: -ENOSPC, as in a
 * store that is full. Nobody waits for room.
 * An index counts from 0 or, negative, from the end: -1 is the last item. One that is past the end is -ERANGE.
 * What is put or taken at either end costs the same however many items there are; in the middle it costs the
 * copying of 8 bytes an item. Each call changes the list in one step.
 * `changes` may be NULL. Else the call is done only if nothing has changed since that number (of ipcfs_list_get,
 * ipcfs_list_items, ipcfs_stat), -ECANCELED, and a success stores the new number there.
 *
 * ipcfs_list_append: puts one item behind the last.  ipcfs_list_extend: puts count items there, all or none; count 0
 * is -EINVAL.  ipcfs_list_replace: they become all that there is; count 0: nothing.
 * ipcfs_list_insert: puts an item before that of the index, or behind the last, if the index is their number.
 * ipcfs_list_set: gives the item another content.  ipcfs_list_delete: takes it away. */
int ipcfs_list_append(struct ipcfs_object *list, const void *item, size_t len);
int ipcfs_list_extend(struct ipcfs_object *list, const struct iovec *items, uint64_t count,
		      uint64_t *changes);
int ipcfs_list_replace(struct ipcfs_object *list, const struct iovec *items, uint64_t count,
		       uint64_t *changes);
int ipcfs_list_insert(struct ipcfs_object *list, int64_t index, const void *item, size_t len,
		      uint64_t *changes);
int ipcfs_list_set(struct ipcfs_object *list, int64_t index, const void *item, size_t len,
		   uint64_t *changes);
int ipcfs_list_delete(struct ipcfs_object *list, int64_t index, uint64_t *changes);

/* ipcfs_list_get: copies at most size bytes of an item; returns its whole length. Never waits.
 * ipcfs_list_pop: takes an item, and waits while the list is empty. Returns its length. -EMSGSIZE: it is longer
 * than size, and stays. -ERANGE: the list is not empty, but the index is past its end. */
ssize_t ipcfs_list_get(struct ipcfs_object *list, int64_t index, void *buf, size_t size,
		       uint64_t *changes);
ssize_t ipcfs_list_pop(struct ipcfs_object *list, int64_t index, void *buf, size_t size,
		       int64_t deadline_ns);

/* ipcfs_list_items: copies all items, as they are at one moment. Returns how many; (*items)[i] says where item
 * i is and how long, until *items is given to free(3) (NULL of an empty list). -ENOMEM. */
ssize_t ipcfs_list_items(struct ipcfs_object *list, struct iovec **items, uint64_t *changes);

/* ipcfs_list_count: how many items.  ipcfs_list_clear: removes all in one step; returns how many there were. */
int64_t ipcfs_list_count(struct ipcfs_object *list);
ssize_t ipcfs_list_clear(struct ipcfs_object *list);

/* ---- dicts: values by key, in order of insertion ---------------------------------- */

/* A key is 1 to IPCFS_NAME_MAX bytes as a name has them, but it may begin with a dot ("." and ".." are none). Its
 * value is any bytes, IPCFS_DICT_VALUE_MAX at the most; it changes whole: who reads sees the old or the new
 * one. A key takes 88 bytes and its name's, 8 of the table's, and its value 4 more than it has, each of the first two
 * rounded up to the next of 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, ... bytes; all of them together have the
 * property capacity, 4 GiB where it is not given, and memory as they grow.
 *
 * A dict is one segment: who may open it here may do anything with all its keys, whatever their modes say; those
 * bind who uses files. So ipcfs_open() makes it for its owner alone, and for classes of users that `mode` gives read
 * and write (and, by that, as of a folder, execute). No call waits but ipcfs_dict_wait().
 *
 * Errors, beside those of all calls:
 *   -ENOENT    there is no such key
 *   -EINVAL    no key can be called that;  -ENAMETOOLONG  it is over IPCFS_NAME_MAX bytes
 *   -EMSGSIZE  the value would be over IPCFS_DICT_VALUE_MAX bytes
 *   -ENOSPC    the dict's capacity is used up, or the store is full */

/* ipcfs_dict_set: the key has the value from now on; a key that is not there is made, the last one in order, with mode
 * 0666 masked with the umask.
 * ipcfs_dict_add: makes the key with the value; -EEXIST if it is there.
 * ipcfs_dict_append: the bytes come behind the value of the key, which is made if it is not there. */
int ipcfs_dict_set(struct ipcfs_object *dict, const char *key, const void *value, size_t len);
int ipcfs_dict_add(struct ipcfs_object *dict, const char *key, const void *value, size_t len);
int ipcfs_dict_append(struct ipcfs_object *dict, const char *key, const void *bytes, size_t len);

/* ipcfs_dict_get: copies the value, at most size bytes; returns its whole length. `changes`, if not NULL, gets the
 * number that ipcfs_dict_cas and ipcfs_dict_wait take.
 * ipcfs_dict_pop: the same, and the key is gone, in one step. -EMSGSIZE: longer than size; it stays. */
ssize_t ipcfs_dict_get(struct ipcfs_object *dict, const char *key, void *buf, size_t size,
		       uint64_t *changes);
ssize_t ipcfs_dict_pop(struct ipcfs_object *dict, const char *key, void *buf, size_t size);

/* ipcfs_dict_cas: sets the value if the key is there and has not changed since `changes`, else -ECANCELED; a success
 * stores the new number there. Safe against ABA, also if the key was removed and made again. */
int ipcfs_dict_cas(struct ipcfs_object *dict, const char *key, const void *value, size_t len,
		   uint64_t *changes);

/* ipcfs_dict_op: for values that are a number as text (none at all is 0): value = value op number, atomically. *type is
 * q (number->i) or d (number->f); both get what the result is: of two integers one, else floating-point.
 * -EINVAL: the value is no number, or d has no such operation. -ERANGE: the result does not fit. */
int ipcfs_dict_op(struct ipcfs_object *dict, const char *key, enum ipcfs_arith op, char *type,
		  union ipcfs_number *number);

/* ipcfs_dict_remove: removes the key.
 * ipcfs_dict_rename: gives the key another name and leaves it in its place; -EEXIST if that one is there.
 * ipcfs_dict_clear: removes all keys, in one step. Returns how many. */
int ipcfs_dict_remove(struct ipcfs_object *dict, const char *key);
int ipcfs_dict_rename(struct ipcfs_object *dict, const char *key, const char *new_key);
ssize_t ipcfs_dict_clear(struct ipcfs_object *dict);

/* How many keys there are, without waiting and without the lock. */
ssize_t ipcfs_dict_count(struct ipcfs_object *dict);

/* What is known of a key. */
struct ipcfs_key {
	char name[IPCFS_NAME_MAX + 1];
	uint64_t
		number; /* the how many-th that was made in this dict: grows in order of insertion, never used again */
	uint64_t place;	  /* inner; goes with the number */
	uint64_t len;	  /* bytes of its value */
	int64_t mtime_ns; /* when it changed last: CLOCK_REALTIME */
	uid_t uid;
	gid_t gid;
	mode_t mode;
};
/* ipcfs_dict_next: the key that was made next after *key, of which the number and place count, into *key; from a key
 * all of zeros on these are all keys in order of insertion, while others come and go. Returns 1, or 0 after the last.
 * ipcfs_dict_stat: what is known of the key of that name. */
int ipcfs_dict_next(struct ipcfs_object *dict, struct ipcfs_key *key);
int ipcfs_dict_stat(struct ipcfs_object *dict, const char *name, struct ipcfs_key *key);

/* ipcfs_dict_wait: waits until the key's value has changed since `changes`, and stores the new number there.
 * -ENOENT: it has been removed. -EAGAIN, -ETIMEDOUT, -EINTR. */
int ipcfs_dict_wait(struct ipcfs_object *dict, const char *key, uint64_t *changes,
		    int64_t deadline_ns);

/* ---- pipes: messages both ways between two ends --------------------------------------- */

/* What is put at one end is got at the other, whole, in order. A process opens the end at which it works; a forked
 * child opens its own. An end that was open and that nobody, no process and no file of a mount, has open any
 * longer is closed: the other one gets what is left, and can put no more. One that never was open is waited for.
 * A closed end may be opened again, and the pipe goes on. When nobody has either end open any more, the
 * pipe begins anew: both count as never opened; messages that nobody has got stay.
 * (FIFOs, which appear among the pipes of a mount, are the kernel's: ipcfs_open gives -EOPNOTSUPP.)
 *
 * ipcfs_pipe_open: opens the end for this process, once more if it has it open already. Does not wait. At most 4096
 * opens of a pipe's ends are there at one time, else -EUSERS.
 * ipcfs_pipe_close: takes one of them back; so do the last ipcfs_close() of the pipe in this process, of all, and the
 * process's end, however it ends. -EPERM: this process does not have that end open. */
int ipcfs_pipe_open(struct ipcfs_object *pipe, enum ipcfs_end end);
int ipcfs_pipe_close(struct ipcfs_object *pipe, enum ipcfs_end end);

/* ipcfs_pipe_put: puts one message of len bytes (0 is allowed) at the end, waits while it does not fit. len is at most
 * the pipe's capacity, which each way has for itself.
 *   -EMSGSIZE longer than the capacity;  -EPIPE the other end is closed;  -EPERM as above
 * ipcfs_pipe_get: takes the oldest message that was put at the other end, waits while there is none. Returns its length.
 *   -EMSGSIZE longer than size: it stays (ipcfs_stat tells how many bytes there are);
 *   -ENODATA  the other end is closed, and nothing is left;  -EPERM as above */
int ipcfs_pipe_put(struct ipcfs_object *pipe, enum ipcfs_end end, const void *msg, size_t len,
		   int64_t deadline_ns);
ssize_t ipcfs_pipe_get(struct ipcfs_object *pipe, enum ipcfs_end end, void *buf, size_t size,
		       int64_t deadline_ns);

/* ipcfs_pipe_poll: waits until ipcfs_pipe_get at the end would not wait, be it for a message or for -ENODATA. -EPERM.
 * ipcfs_pipe_clear: drops what is to be got at the end, in one step. Returns how many. The end need not be open. */
int ipcfs_pipe_poll(struct ipcfs_object *pipe, enum ipcfs_end end, int64_t deadline_ns);
ssize_t ipcfs_pipe_clear(struct ipcfs_object *pipe, enum ipcfs_end end);

/* ---- topics: what is published, to all who listen -------------------------------------- */

/* A subscriber: which messages it has seen. The caller's own memory; it needs no closing, and nobody waits for it. */
struct ipcfs_cursor {
	uint64_t seen;	 /* number of the last one */
	uint64_t lost;	 /* after -ENOBUFS: how many it has missed */
	uint64_t length; /* after -EMSGSIZE: of the message */
};

/* ipcfs_topic_publish: adds one message of len bytes (0 is allowed). Never waits: what is more than the property
 * `capacity` goes, the oldest first, whether all have seen it or not. -EMSGSIZE: longer than the capacity.
 *
 * ipcfs_topic_subscribe: the cursor is to see all that is published from now on.
 * ipcfs_topic_next: copies the message after those that the cursor has seen, waits while there is none. Returns its length.
 * Each cursor sees each message, in the same order. One cursor is for one thread at a time; a copy is another one.
 *   -ENOBUFS  cursor->lost messages went before they were seen; the next call has the oldest that is there
 *   -EMSGSIZE longer than size: it is next still, cursor->length bytes long
 * ipcfs_topic_peek: copies at most size bytes of the newest message, never waits. Returns the message's whole
 * length, -ENODATA where there is none.
 * ipcfs_topic_clear: drops all that is there, in one step; who has not seen it has lost it. Returns how many. */
int ipcfs_topic_publish(struct ipcfs_object *topic, const void *msg, size_t len);
int ipcfs_topic_subscribe(struct ipcfs_object *topic, struct ipcfs_cursor *cursor);
ssize_t ipcfs_topic_next(struct ipcfs_object *topic, struct ipcfs_cursor *cursor, void *buf,
			 size_t size, int64_t deadline_ns);
ssize_t ipcfs_topic_peek(struct ipcfs_object *topic, void *buf, size_t size);
ssize_t ipcfs_topic_clear(struct ipcfs_object *topic);

/* ---- channels: signals by name, to all who listen --------------------------------------- */

/* A channel is an object of the kind IPCFS_SIGNAL. Its name does not begin with a digit.
 *
 * ipcfs_channel_fire: fires it with the signal, 1 to IPCFS_SIGNAL_MAX: all who wait are told which, and where a server
 * runs, each process that is a member through the mount (the view `join`) is sent it, soon. Does not wait.
 * ipcfs_channel_wait: waits for the first firing behind the *seen th, stores its number in *seen, and returns its signal.
 * Where to begin says ipcfs_stat() in `value`: so many there were. Nothing is lost between two calls: of
 * firings more than 2047 old, each signal that was among them is told once.
 *   -EINVAL  so many there have not been; no such signal */
int ipcfs_channel_fire(struct ipcfs_object *channel, int signal);
int ipcfs_channel_wait(struct ipcfs_object *channel, uint64_t *seen, int64_t deadline_ns);

#ifdef __cplusplus
#pragma GCC diagnostic pop
}
#endif
#endif
