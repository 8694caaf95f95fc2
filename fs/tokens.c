/* SPDX-License-Identifier: MIT
 *
 * tokens.c - the view `tokens` of semaphores: the job server of GNU make, in which each byte that is read takes a
 * token and each that is written gives one back. A whole make shares one descriptor, so tokens belong to
 * the process that reads them: its end, which a pidfd tells, gives them back. Who has read once
 * is watched until he ends, or the semaphore goes.
 */
#include "fs.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/object.h"

enum { BEARERS_MAX = 16384 }; /* each has a descriptor of the server */
#define BEARER (1ull << 63)   /* holders with this bit are processes, not open files */

/* A process that may hold tokens of the item. */
struct fs_bearer {
	struct fs_item *item;
	struct ipcfs_holder holder; /* .pid: the process */
	uid_t uid;		    /* whose limits it counts for */
	ev_io death;		    /* .fd: the pidfd */
	LIST_ENTRY(fs_bearer) link; /* in item->bearers */
};

static unsigned bearer_count;

/* ---- the processes ------------------------------------------------------------------------------- */

static void forget(struct fs_bearer *b)
{
	LIST_REMOVE(b, link);
	fs_loop_ignore(&b->death);
	close(b->death.fd);
	fs_quota_add(b->uid, FS_Q_HANDLES, -1);
	bearer_count--;
	fs_item_put(b->item);
	free(b);
}

/* It has ended: what it held comes back. */
static void bury(struct fs_bearer *b)
{
	struct ipcfs_holder holder = b->holder;
	struct ipcfs_op op = {.verb = IPCFS_V_LEAVE, .holder = &holder, .flags = IPCFS_OP_ENDED};
	struct fs_item *item = b->item;

	fs_item_ref(item);
	forget(b); /* first: the object may turn out to be gone, which would forget it too */
	fs_park_leave(item, &op);
	fs_item_put(item);
}

static void on_death(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	bury(io->data);
	fs_park_settle();
}

static bool has_ended(const struct fs_bearer *b)
{
	return poll(&(struct pollfd){.fd = b->death.fd, .events = POLLIN}, 1, 0) > 0;
}

/* A number names a process only as long as that lives: the dead are buried when the loop tells of them. */
static struct fs_bearer *find(struct fs_item *item, pid_t pid)
{
	struct fs_bearer *b;

	LIST_FOREACH(b, &item->bearers, link)
	if (b->holder.pid == pid && !has_ended(b))
		break;
	return b;
}

/* Who asks is there until he is answered, so its number is still its own. -ESRCH: a process that cannot be seen
 * from here, in another pid namespace. */
static int watch(pid_t pid, uid_t uid, struct fs_item *item, struct fs_bearer **out)
{
	static uint64_t last;
	struct fs_bearer *b = calloc(1, sizeof(*b));
	int rc, fd;

	if (!b)
		return -ENOMEM;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	rc = fd < 0 ? -errno : fs_loop_listen(&b->death, on_death, fd);
	if (rc < 0) {
		if (fd >= 0)
			close(fd);
		free(b);
		return rc == -EINVAL ? -ESRCH :
		       rc == -EMFILE ? fs_fail(-ENFILE, "the server has no descriptor left") :
				       rc;
	}
	b->death.data = b;
	b->uid = uid;
	b->holder = (struct ipcfs_holder){
		.member = fs.store->session, .handle = BEARER | ++last, .pid = pid, .uid = uid};
	b->item = item;
	fs_item_ref(item);
	LIST_INSERT_HEAD(&item->bearers, b, link);
	bearer_count++;
	*out = b;
	return 0;
}

static int add(pid_t pid, const struct fs_request *r, struct fs_bearer **out)
{
	uid_t uid = r->handle->uid;
	int rc = fs_quota_add(uid, FS_Q_HANDLES, 1);

	if (rc < 0)
		return rc;
	rc = bearer_count == BEARERS_MAX ?
		     fs_fail(-ENFILE, "the server watches %d processes already", BEARERS_MAX) :
		     watch(pid, uid, r->item, out);
	if (rc < 0)
		fs_quota_add(uid, FS_Q_HANDLES, -1);
	return rc;
}

/* The bearer that the request's thread belongs to, or NULL; *pid: its process. The main thread has its process's
 * number, so /proc is not asked for who is known. */
static struct fs_bearer *bearer_of(const struct fs_request *r, pid_t *pid)
{
	struct fs_bearer *b = find(r->item, *pid = r->pid);

	if (!b && r->pid > 0) {
		*pid = fs_process_of(r->pid);
		b = *pid == r->pid ? NULL : find(r->item, *pid);
	}
	return b;
}

void fs_tokens_forget(struct fs_item *item)
{
	struct fs_bearer *b, *next;

	fs_item_ref(item);
	for (b = LIST_FIRST(&item->bearers); b; b = next) {
		next = LIST_NEXT(b, link);
		forget(b);
	}
	fs_item_put(item);
}

/* ---- reading and writing ---------------------------------------------------------------------------- */

struct grant {
	struct fs_request *r;
	struct ipcfs_op *op;
};

/* Under the object's lock: answered, then acquired. */
static int answer(void *arg, const struct iovec *pieces, int n)
{
	const struct grant *g = arg;
	char *room = fs_reply_room();

	(void)pieces;
	(void)n;
	memset(room, '+', g->op->count);
	return fs_view_give(g->r, room, g->op->count);
}

int fs_tokens_take(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	struct ipcfs_op op = {.verb = IPCFS_V_ACQUIRE,
			      .flags = IPCFS_OP_HOLD | IPCFS_OP_SOME,
			      .count = r->size,
			      .sink = answer};
	struct grant g = {r, &op};
	pid_t pid;
	struct fs_bearer *b = bearer_of(r, &pid);
	int rc = b ? 0 : pid > 0 ? add(pid, r, &b) : -ESRCH;

	if (rc < 0 && rc != -ESRCH)
		return rc;
	/* Whose end cannot be seen: his tokens are the open file's. */
	op.holder = b ? &b->holder : &h->holder;
	op.sink_arg = &g;
	rc = fs_view_engine(r, &op);
	if (rc == 0 && !b)
		h->holds = true;
	return rc;
}

int fs_tokens_give(struct fs_request *r)
{
	pid_t pid;
	struct fs_bearer *b = bearer_of(r, &pid);
	struct ipcfs_op op = {.verb = IPCFS_V_RELEASE,
			      .flags = IPCFS_OP_SOME,
			      .count = r->size,
			      .holder = b ? &b->holder : &r->handle->holder};
	int rc = fs_view_engine(r, &op);

	if (rc == 0)
		r->size = op.count;
	return rc;
}
