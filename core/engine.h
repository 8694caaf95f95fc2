/* SPDX-License-Identifier: MIT
 *
 * engine.h - the table between those who use objects (the library's calls, the
 * server) and what stores them. An engine's operation either does its work at once
 * and returns a result, or returns -EAGAIN and has changed nothing; whoever
 * called waits in his own way and tries again. An engine that answers later returns
 * -EINPROGRESS and calls op->done.
 */
#ifndef IPCFS_ENGINE_H
#define IPCFS_ENGINE_H

#include <sys/stat.h>

#include "ipcfs.h"

enum ipcfs_verb {
	IPCFS_V_PUT,	   /* queue: in, in_len */
	IPCFS_V_GET,	   /* queue: out/out_size or sink -> out_len */
	IPCFS_V_PEEK,	   /* queue: the same, takes nothing; -ENODATA. others: below */
	IPCFS_V_PUT_MANY,  /* queue: vec, count -> count */
	IPCFS_V_GET_MANY,  /* queue: vec, count -> count */
	IPCFS_V_CLEAR,	   /* queue -> count */
	IPCFS_V_ACQUIRE,   /* semaphore: count */
	IPCFS_V_RELEASE,   /* semaphore: count, charged to the holder first; -EOVERFLOW */
	IPCFS_V_SET,	   /* event */
	IPCFS_V_UNSET,	   /* event */
	IPCFS_V_WAIT,	   /* event */
	IPCFS_V_READ,	   /* cells: first, count -> out, out_len, changes */
	IPCFS_V_WRITE,	   /* cells: first, count, in, in_len; IPCFS_OP_FILL, IPCFS_OP_CAS */
	IPCFS_V_READ_RAW,  /* cells: bytes from offset first, out_size of them -> out */
	IPCFS_V_WRITE_RAW, /* cells: bytes in, in_len at offset first */
	IPCFS_V_ARITH,	   /* cells: first, count, arith, operand -> result; IPCFS_OP_CAS */
	IPCFS_V_LOCK,	   /* lock: holder, IPCFS_OP_SHARED -> token, abandoned */
	IPCFS_V_UNLOCK,	   /* lock: holder or token; -EPERM */
	IPCFS_V_RENEW,	   /* lock: it has a new name; its tokens go on as if it were made now */
	IPCFS_V_SETTLE,	   /* queue: the holder's leases (a process: token) are done; -EPERM */
	IPCFS_V_BACK,	   /* queue: the same go back */
	IPCFS_V_DONE,	   /* queue: count messages are done; -EOVERFLOW */
	IPCFS_V_JOIN,	   /* queue: -EAGAIN while messages are not done */
	IPCFS_V_CLOSE,	   /* queue: no more puts. pipe: the holder closes the end `first` */
	IPCFS_V_ARM,	   /* condition: the holder is a waiter from now on -> token */
	IPCFS_V_AWAIT,	   /* condition: -EAGAIN until the token's waiter is notified */
	IPCFS_V_NOTIFY,	   /* condition: count waiters, UINT64_MAX: all -> count */
	IPCFS_V_ARRIVE,	   /* barrier: the holder arrives -> token, or count; below */
	IPCFS_V_PASS,  /* barrier: -EAGAIN until all have arrived -> count: the index; -ECANCELED */
	IPCFS_V_RESET, /* barrier */
	IPCFS_V_ABORT, /* barrier */
	IPCFS_V_FIND, /* dict: part -> what is known of the key; without part: mode of the folder */
	IPCFS_V_DROP, /* dict: part; the key goes */
	IPCFS_V_POP,  /* dict: part -> out/out_size or sink, out_len; the key goes */
	IPCFS_V_RENAME, /* dict: part, part->to; IPCFS_OP_REPLACE: what is there gets its value; else -EEXIST */
	IPCFS_V_KEYS, /* dict: those after number `first` -> out: ipcfs_entry, count; part: below */
	IPCFS_V_CHMOD,	/* dict: part, part->set; without part: of the folder */
	IPCFS_V_RETIRE, /* dict: it is removed if it is empty; -ENOTEMPTY */
	IPCFS_V_INSERT, /* list: in, before item first */
	IPCFS_V_DELETE, /* list: item first */
	IPCFS_V_FIRE,	/* channel: count is the signal -> first: the how many-th firing */
	IPCFS_V_FIRED,	/* channel: the firing behind first -> first, count: its signal */
	IPCFS_V_LEAVE, /* any: the holder gives back all that it has of the object; IPCFS_OP_ENDED */
	IPCFS_V_QUIT,  /* any: the caller waits no longer, and gives the turnstile back */
	IPCFS_V_OPEN, /* pipe: the holder opens the end `first`. topic -> token: the newest message's */
	IPCFS_V_NEXT, /* topic: GET of the message after number token -> token; -ENOBUFS, below */
	IPCFS_V_CHANGED, /* any: -EAGAIN while the object's changes == op->changes */
	IPCFS_V_READY, /* any: count = events of interest -> count = those that hold, changes; never
			    -EAGAIN; with IPCFS_OP_PARK always announces */
	IPCFS_V_COUNT
};

/* Conditions and barriers: the token of ARM and ARRIVE is a ticket, by which AWAIT, PASS and LEAVE (without: all
 * that the holder has) know which of his waiters is meant; what ends a waiter uses it up.
 * The last to ARRIVE needs none: he is through at once, token 0, count his index. Without IPCFS_OP_WAITS
 * he arrives only as the last. AWAIT and PASS say with -EAGAIN in count: 0, nobody at all would get anything.
 * PEEK: who waits -> count. It and READY take away what the dead have left; without a holder of all the dead. */

/* Lists: `first` of INSERT, DELETE, GET, READ and WRITE is an int64_t, negative from the end. PUT_MANY puts all of
 * vec or nothing; with IPCFS_OP_REPLACE it is all that there is then, and so it is with PUT. READ: item first -> out
 * or sink. GET: -EAGAIN of an empty list alone. PEEK: all items, sink called for each; or out/out_size and vec/count ->
 * vec, count, out_len; -EMSGSIZE: count and out_len say what there must be room for. */
/* Pipes: PUT, GET, CLEAR and READY have the end in `first`, 1 or 2; without one READY takes away what the dead
 * have open. PUT and GET are of a holder who has it open.
 * NEXT: -ENOBUFS, count messages have gone that the reader has not seen; token is the last of them.
 * READY of topics: has the reader seen all up to token? */

/* NEXT: part names a key that is not after `first`, that very one at best, or none (number 0). -EBUSY: not found yet;
 * then it names another, nearer one, from which to go on. */

/* Events of IPCFS_V_READY, and the classes of waiters: bit c is class c. */
enum ipcfs_class {
	IPCFS_C_READ,	/* waits until something can be taken */
	IPCFS_C_WRITE,	/* waits until something can be given */
	IPCFS_C_CHANGE, /* waits until anything has changed */
	IPCFS_C_JOIN,	/* waits until all messages are done */
	IPCFS_C_COUNT
};
enum { IPCFS_READY_HUP = 1 << 8 };  /* READY, beside the classes: closed and drained */
enum { IPCFS_READY_OWES = 1 << 9 }; /* ipcfs_kind_ops.ready alone: call `pay` and ask again */

enum {
	IPCFS_OP_PARK = 1 << 0,	   /* a server asks: if -EAGAIN, ring its doorbell at a change */
	IPCFS_OP_TRYLOCK = 1 << 1, /* -EBUSY at once where the inner lock is held by the living */
	IPCFS_OP_CAS = 1 << 2,	   /* -ECANCELED unless the object's changes == op->changes */
	IPCFS_OP_FILL = 1 << 3,	   /* `in` holds one element, for all of the slice */
	IPCFS_OP_WAITS = 1 << 4,   /* the caller will wait: it may take the turnstile */
	IPCFS_OP_SHARED = 1 << 5,  /* LOCK: beside others who do the same */
	IPCFS_OP_ENDED = 1 << 6,   /* LEAVE: because the holder's process has ended */
	IPCFS_OP_LEASE = 1 << 7,   /* GET: the message is leased to the holder, not taken */
	IPCFS_OP_HOLD = 1 << 8,	   /* ACQUIRE: the units belong to the holder */
	IPCFS_OP_TURN =
		1 << 9, /* out: the caller has the turn, or the next; it sleeps in class JOIN */
	IPCFS_OP_CONVERT =
		1 << 10,	 /* LOCK shared: what the holder has exclusively becomes shared */
	IPCFS_OP_SOME = 1 << 11, /* ACQUIRE, RELEASE: as many as there are, or fit -> count */
	IPCFS_OP_KEPT = 1 << 12, /* ACQUIRE, inner: a turnstile has made it wait before */
	/* PUT, and GET of pipes: does nothing; says whether it would, and what is in the way */
	IPCFS_OP_DRY = 1 << 13,
	IPCFS_OP_LAST = 1 << 14,  /* AWAIT, PASS: who would wait still gives up: -ETIMEDOUT */
	IPCFS_OP_BREAK = 1 << 15, /* PASS with LAST, LEAVE: and the barrier is broken by it */
	IPCFS_OP_PAID = 1 << 16,  /* the second try, after ipcfs_kind_ops.pay */
	/* PUT, PUT_MANY of a list: instead of what there is. RENAME: also onto another */
	IPCFS_OP_REPLACE = 1 << 17,
	IPCFS_OP_MAKE = 1 << 18,   /* WRITE of a part: it is made if it is not there */
	IPCFS_OP_NEW = 1 << 19,	   /* and -EEXIST if it is */
	IPCFS_OP_APPEND = 1 << 20, /* WRITE of a part: behind what is there */
	/* GET, out: -EAGAIN, and all that may still come is what others have leased: the queue is closed */
	IPCFS_OP_CLOSED = 1 << 21,
};

/* Who holds: for a server, which open file of its session; else (op->holder NULL) the process itself. */
struct ipcfs_holder {
	uint64_t member, handle;
	pid_t pid;
	uid_t uid;
};

/* A part of an object, of which the operation is: a key of a dict. It is meant by its name or, where that is NULL, by
 * its number, with the place where it was found. What FIND tells, and MAKE and CHMOD give it (set: which). */
struct ipcfs_part {
	const char *name;
	size_t name_len;
	uint64_t at, number; /* out as well */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t mtime_ns;
	unsigned set; /* IPCFS_PART_* */
	uint64_t length;
	const char *to; /* RENAME */
	size_t to_len;
	char type; /* ARITH: q or d, of the operand; out: of the result */
};
enum {
	IPCFS_PART_MODE = 1 << 0,
	IPCFS_PART_UID = 1 << 1,
	IPCFS_PART_GID = 1 << 2,
	IPCFS_PART_MTIME = 1 << 3,
};

/* One of those that NEXT tells; they follow each other without gaps, sizes are multiples of 8. */
struct ipcfs_entry {
	uint64_t at, number;
	uint16_t size; /* of this entry */
	uint16_t name_len;
	char name[];
};

struct ipcfs_op {
	enum ipcfs_verb verb;
	unsigned flags;
	const void *in;
	size_t in_len;
	void *out;
	size_t out_size;
	size_t out_len;
	struct iovec *vec;
	uint64_t first, count;
	/* WRITE and ARITH with `out`: these elements are read back in the same step. */
	uint64_t back_first, back_count;
	uint64_t changes; /* in: expected (CAS, CHANGED); out: the number after the operation */
	uint64_t made;	  /* out: changes that the operation has made itself */
	const struct ipcfs_holder *holder;
	struct ipcfs_part *part; /* NULL: the object as a whole */
	uint64_t token;		 /* LOCK: out; UNLOCK of a process: in */
	uint32_t bits;	/* out, with -EAGAIN: wake-ups of the class that are for this one; 0: all */
	bool abandoned; /* LOCK: out */
	enum ipcfs_arith arith;
	union ipcfs_number operand, result;
	uint64_t attempt; /* GET: out; with LEASE token, too, for SETTLE and BACK */
	uint64_t
		number; /* out: the how many-th message of the queue, from 0, is had or (the last) put */
	/* ACQUIRE: called before it commits, without pieces. GET, PEEK, of dicts READ and POP: called under the
	 * object's lock with the message in place, in one or two pieces (out is not used then).
	 * Negative: nothing is taken, the operation returns that. What was asked for is taken after
	 * it returned 0. */
	int (*sink)(void *arg, const struct iovec *pieces, int n);
	void *sink_arg;
	/* Engines that answer -EINPROGRESS: called once with the result. */
	void (*done)(struct ipcfs_op *op, int result);
};

/* The class in which an operation that got -EAGAIN waits. */
enum ipcfs_class ipcfs_op_class(const struct ipcfs_op *op);

/* On whose behalf an object is made. */
struct ipcfs_maker {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* umask already taken off */
};

/* A process that works with the store without a server, and what its threads sleep on. */
struct ipcfs_process {
	uint64_t member; /* as in ipcfs_holding */
	pid_t pid;	 /* as it says itself; 0: in another pid namespace than the caller's */
	uid_t uid;
	unsigned waits_count;
	struct ipcfs_wait {
		unsigned thread;    /* tells the process's threads apart */
		uint64_t id, sleep; /* the object; which of that thread's sleeps it is */
		bool shared;
	} waits[64];
};

struct ipcfs_engine {
	const char *name;
	/* As ipcfs_open(); the maker owns what is created. */
	int (*open)(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name, int flags,
		    const struct ipcfs_maker *maker, const struct ipcfs_properties *p,
		    struct ipcfs_object **object);
	void (*close)(struct ipcfs_object *object);
	int (*remove)(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name);
	int (*list)(struct ipcfs_store *store, enum ipcfs_kind kind, const char *folder,
		    int (*each)(void *arg, const char *name, bool is_folder), void *arg);
	int (*stat)(struct ipcfs_object *object, struct ipcfs_stat *st);
	/* As ipcfs_holders(). */
	int (*holders)(struct ipcfs_object *object,
		       int (*each)(void *arg, const struct ipcfs_holding *holding), void *arg);
	/* Calls `each` for every process that lives. A sleep that two calls both tell of has lasted all the time
	 * between them. NULL: the engine does not know. */
	int (*processes)(struct ipcfs_store *store,
			 int (*each)(void *arg, const struct ipcfs_process *process), void *arg);
	/* Tries once. 0, -EAGAIN, -EBUSY, -EINPROGRESS or an error of the operation. */
	int (*try)(struct ipcfs_object *object, struct ipcfs_op *op);
	/* For a server: a descriptor that is readable when `dispatch` has something to say. It calls
	 * changed(arg, id) for each object that a client has changed, or that a
	 * dying client was working on; id 0: any may have changed. -errno. */
	int (*watch)(struct ipcfs_store *store, void (*changed)(void *arg, uint64_t id), void *arg);
	void (*dispatch)(struct ipcfs_store *store);
	/* Engines whose names are not in the store's folder; else NULL: what is the file's status, and the
	 * file itself as a descriptor, for its mode, owner and times. -ENOENT. */
	int (*lookup)(struct ipcfs_store *store, const char *name, struct stat *st);
	int (*file)(const char *name, struct stat *st);
};

extern const struct ipcfs_engine ipcfs_engine_shm, ipcfs_engine_mq;

#endif
