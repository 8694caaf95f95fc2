/* SPDX-License-Identifier: MIT
 *
 * mq.c - the kind `mq`: the POSIX message queues of the system. The kernel holds them, nothing is copied: an
 * object here is a descriptor, an operation mq_send or mq_receive without waiting. Their names are seen
 * through a mount of the kernel's mqueue file system that nobody else sees; where that may not be
 * mounted they can still be opened, but not listed.
 *
 * The only user of mq_* and of that mount. Changes come through an epoll of its own, edge-triggered: one
 * event for each message that came or went.
 */
#include "mq.h"
#include "object.h"
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <unistd.h>

enum { EVENTS = 64, NAME_SIZE = NAME_MAX + 2 };

static struct {
	bool started;
	int root;  /* the mount; -errno where it may not be */
	int epoll; /* all descriptors that anybody waits on */
	void (*changed)(void *arg, uint64_t id);
	void *arg;
} mq = {.root = -ENOSYS, .epoll = -1};

/* ---- names --------------------------------------------------------------------------------------- */

/* Two hexadecimal digits at s that stand for a character which must not appear as it is; -1. */
static int coded(const char *s, bool first)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *high = s[0] ? strchr(digits, s[0]) : NULL;
	const char *low = high && s[1] ? strchr(digits, s[1]) : NULL;
	int c = low ? (int)((high - digits) * 16 + (low - digits)) : -1;

	return c == ',' || c == '%' || c == 0x7f || (c > 0 && c < 0x20) || (c == '.' && first) ? c :
												 -1;
}

int mq_name_show(const char *name, char *shown, size_t size)
{
	size_t n = 0;

	for (const char *s = name; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool hide = c == ',' || c < 0x20 || c == 0x7f || (c == '.' && s == name) ||
			    (c == '%' && coded(s + 1, s == name) >= 0);

		if (n + (hide ? 3 : 1) >= size)
			return -ENAMETOOLONG;
		if (hide)
			n += (size_t)snprintf(shown + n, size - n, "%%%02X", c);
		else
			shown[n++] = (char)c;
	}
	shown[n] = '\0';
	return 0;
}

/* What mq_open calls it, with its slash. */
static int real_name(const char *shown, char name[NAME_SIZE])
{
	size_t n = 0;

	name[n++] = '/';
	for (const char *s = shown; *s; s++) {
		int c = *s == '%' ? coded(s + 1, s == shown) : -1;

		if (n + 1 >= NAME_SIZE)
			return -ENAMETOOLONG;
		name[n++] = c >= 0 ? (char)c : *s;
		if (c >= 0)
			s += 2;
	}
	name[n] = '\0';
	return n == 1 || !strcmp(name, "/.") || !strcmp(name, "/..") || strchr(name + 1, '/') ?
		       -EINVAL :
		       0;
}

/* ---- the mount -------------------------------------------------------------------------------------- */

static void start(void)
{
	if (mq.started)
		return;
	mq.started = true;
	mq.root = sys_mount_mqueue();
}

uint64_t mq_limit(const char *name)
{
	unsigned long long value = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/fs/mqueue/%s", name);
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu", &value) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

/* As the kernel counts it (man 2 setrlimit): messages, and a head and a node of a tree for each. */
uint64_t mq_bytes(const struct ipcfs_properties *p)
{
	enum { HEAD = 48, NODE = 48 };
	uint64_t maxmsg = p->given & IPCFS_P_MAXMSG ? p->maxmsg : MQ_MAXMSG_DEFAULT;
	uint64_t msgsize = p->given & IPCFS_P_MSGSIZE ? p->msgsize : MQ_MSGSIZE_DEFAULT;

	return maxmsg * (msgsize + HEAD) + (maxmsg < 32768 ? maxmsg : 32768) * NODE;
}

void mq_end(void)
{
	if (mq.started)
		sys_close(mq.root);
	sys_close(mq.epoll);
	mq.started = false;
	mq.root = -ENOSYS;
	mq.epoll = -1;
}

bool mq_listed(void)
{
	start();
	return mq.root >= 0;
}

/* ---- temp ---------------------------------------------------------------------------------------------
 * The kernel's files have no place for it. A file of the same name in the store's folder `mq` says that the queue
 * goes with the handle that made it, and which queue is meant: "temp INODE". Only our own such files
 * count: others may make files there, too. */

static void marker_path(const char *shown, char *path, size_t size)
{
	snprintf(path, size, "mq/%s", shown);
}

static int mark(struct ipcfs_store *store, const char *shown, uint64_t ino)
{
	char path[NAME_MAX + 8], text[32];
	int dirfd = store_enter(store), fd, n;
	ssize_t rc;

	if (dirfd < 0)
		return dirfd;
	marker_path(shown, path, sizeof(path));
	n = snprintf(text, sizeof(text), "temp %llu\n", (unsigned long long)ino);
	sys_unlink_at(dirfd, path, 0); /* left over */
	fd = sys_open_beneath(dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	rc = fd < 0 ? fd : sys_pwrite_all(fd, text, (size_t)n, 0);
	sys_close(fd);
	store_leave(store, dirfd);
	return rc < 0 ? (int)rc : 0;
}

static void unmark(struct ipcfs_store *store, const char *shown)
{
	char path[NAME_MAX + 8];
	int dirfd = store_enter(store);

	if (dirfd < 0)
		return;
	marker_path(shown, path, sizeof(path));
	sys_unlink_at(dirfd, path, 0);
	store_leave(store, dirfd);
}

/* The inode number that the marker names; 0: there is none. */
static uint64_t marked(struct ipcfs_store *store, const char *shown)
{
	unsigned long long ino = 0;
	char path[NAME_MAX + 8], text[32];
	int dirfd = store_enter(store), fd;
	struct stat st;
	ssize_t n = 0;

	if (dirfd < 0)
		return 0;
	marker_path(shown, path, sizeof(path));
	fd = sys_open_beneath(dirfd, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd >= 0 && sys_fstat(fd, &st) == 0 && st.st_uid == geteuid())
		n = sys_pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "temp %llu", &ino) != 1)
		ino = 0;
	sys_close(fd);
	store_leave(store, dirfd);
	return ino;
}

/* ---- objects -------------------------------------------------------------------------------------------- */

/* For both ways if we may; who may only read or write a queue can still do that. */
static int open_existing(const char *name)
{
	static const int ways[] = {O_RDWR, O_RDONLY, O_WRONLY};
	int fd = -EACCES;

	for (int i = 0; i < 3 && fd == -EACCES; i++)
		fd = sys_mq_open(name, ways[i] | O_NONBLOCK, 0, NULL);
	return fd;
}

static int count_name(void *arg, const char *name, bool is_folder)
{
	(void)name;
	(void)is_folder;
	(*(uint64_t *)arg)++;
	return 0;
}

static int list(struct ipcfs_store *store, enum ipcfs_kind kind, const char *folder,
		int (*each)(void *arg, const char *name, bool is_folder), void *arg);

/* What the kernel would tell the user whom we act for, but not root. */
static int check_limits(const struct ipcfs_maker *maker, const struct mq_attr *attr)
{
	uint64_t queues = 0;

	if (maker->uid == 0 || geteuid() != 0)
		return 0;
	if ((uint64_t)attr->mq_maxmsg > mq_limit("msg_max") ||
	    (uint64_t)attr->mq_msgsize > mq_limit("msgsize_max"))
		return -EINVAL;
	list(NULL, IPCFS_MQ, NULL, count_name, &queues);
	return queues >= mq_limit("queues_max") ? -ENOSPC : 0;
}

static int create(const char *name, const struct ipcfs_maker *maker,
		  const struct ipcfs_properties *p)
{
	struct mq_attr attr = {
		.mq_maxmsg = (long)(p && p->given & IPCFS_P_MAXMSG ? p->maxmsg : MQ_MAXMSG_DEFAULT),
		.mq_msgsize = (long)(p && p->given & IPCFS_P_MSGSIZE ? p->msgsize :
								       MQ_MSGSIZE_DEFAULT)};
	int fd = check_limits(maker, &attr);

	if (fd == 0)
		fd = sys_mq_open(name, O_RDWR | O_NONBLOCK | O_CREAT | O_EXCL, 0, &attr);
	int rc = fd < 0 ? fd : sys_owner(fd, maker->uid, maker->gid, maker->mode & 0777);

	if (fd >= 0 && rc < 0) {
		sys_close(fd);
		sys_mq_unlink(name);
	}
	return rc < 0 ? rc : fd;
}

static int attach(struct ipcfs_store *store, int fd, const struct ipcfs_properties *p,
		  struct ipcfs_object **out)
{
	struct ipcfs_object *o = calloc(1, sizeof(*o));
	struct mq_attr attr;
	struct stat st;
	int rc = o ? sys_mq_attr(fd, &attr) : -ENOMEM;

	if (rc == 0)
		rc = sys_fstat(fd, &st);
	if (rc == 0 && p &&
	    ((p->given & IPCFS_P_MAXMSG && p->maxmsg != (uint64_t)attr.mq_maxmsg) ||
	     (p->given & IPCFS_P_MSGSIZE && p->msgsize != (uint64_t)attr.mq_msgsize)))
		rc = -EEXIST;
	if (rc != 0) {
		free(o);
		return rc;
	}
	o->kind = IPCFS_MQ;
	o->store = store;
	o->id = st.st_ino;
	o->owner = st.st_uid;
	o->mq.fd = fd;
	o->mq.maxmsg = (uint64_t)attr.mq_maxmsg;
	o->mq.msgsize = (uint64_t)attr.mq_msgsize;
	*out = o;
	return 0;
}

static int open_object(struct ipcfs_store *store, enum ipcfs_kind kind, const char *shown,
		       int flags, const struct ipcfs_maker *maker, const struct ipcfs_properties *p,
		       struct ipcfs_object **object)
{
	char name[NAME_SIZE];
	int fd, rc = real_name(shown, name);
	bool made = false;

	(void)kind;
	if (rc < 0)
		return rc;
	fd = flags & IPCFS_EXCL ? -ENOENT : open_existing(name);
	if (fd == -ENOENT && flags & IPCFS_CREATE) {
		fd = create(name, maker, p);
		made = fd >= 0;
	}
	if (fd < 0)
		return fd;
	rc = attach(store, fd, p, object);
	if (rc == 0 && made && maker->mode & S_ISVTX)
		rc = mark(store, shown, (*object)->id);
	if (rc < 0) {
		sys_close(fd);
		if (made)
			sys_mq_unlink(name);
	}
	return rc;
}

static void close_object(struct ipcfs_object *o)
{
	sys_close(o->mq.fd); /* also leaves the epoll */
	free(o->mq.kept);
	free(o);
}

static int remove_name(struct ipcfs_store *store, enum ipcfs_kind kind, const char *shown)
{
	char name[NAME_SIZE];
	int rc = real_name(shown, name);

	(void)kind;
	if (rc == 0)
		rc = sys_mq_unlink(name);
	if (rc == 0)
		unmark(store, shown);
	return rc;
}

static int file_of(const char *shown, struct stat *st)
{
	char name[NAME_SIZE];
	int fd, rc = real_name(shown, name);

	if (rc < 0)
		return rc == -EINVAL ? -ENOENT : rc;
	start();
	fd = mq.root >= 0 ? sys_open_beneath(mq.root, name + 1, O_PATH | O_NOFOLLOW, 0) :
			    open_existing(name);
	if (fd < 0)
		return fd;
	rc = sys_fstat(fd, st);
	if (rc < 0)
		sys_close(fd);
	return rc < 0 ? rc : fd;
}

static int lookup(struct ipcfs_store *store, const char *shown, struct stat *st)
{
	int fd = file_of(shown, st);

	if (fd < 0)
		return fd;
	sys_close(fd);
	st->st_mode = S_IFREG | (st->st_mode & 0777);
	if (marked(store, shown) == st->st_ino)
		st->st_mode |= S_ISVTX;
	return 0;
}

static int list(struct ipcfs_store *store, enum ipcfs_kind kind, const char *folder,
		int (*each)(void *arg, const char *name, bool is_folder), void *arg)
{
	char shown[NAME_MAX + 1];
	const struct dirent *entry;
	DIR *stream;
	int fd, rc = 0;

	(void)store;
	(void)kind;
	if (folder && *folder)
		return -ENOTDIR;
	start();
	if (mq.root < 0)
		return 0;
	fd = sys_open_beneath(mq.root, ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	stream = fdopendir(fd);
	if (!stream) {
		sys_close(fd);
		return -ENOMEM;
	}
	while (rc == 0 && (entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    mq_name_show(entry->d_name, shown, sizeof(shown)) == 0)
			rc = each(arg, shown, false);
	closedir(stream);
	return rc;
}

/* ---- operations ------------------------------------------------------------------------------------------- */

/* Somebody will wait: from now on each message that comes or goes is told. Also what is so already. */
static int arm(struct ipcfs_object *o)
{
	int rc;

	if (o->mq.armed || mq.epoll < 0)
		return 0;
	rc = sys_epoll_add(mq.epoll, o->mq.fd, EPOLLIN | EPOLLOUT | EPOLLET, o);
	o->mq.armed = rc == 0;
	return rc;
}

static int send(struct ipcfs_object *o, const void *bytes, size_t len, unsigned prio)
{
	return len > o->mq.msgsize ? -EMSGSIZE : sys_mq_send(o->mq.fd, bytes, len, prio);
}

static int put(struct ipcfs_object *o, struct ipcfs_op *op)
{
	return send(o, op->in, op->in_len, (unsigned)op->first);
}

/* Taken before it could be given: POSIX has no other way. If it cannot be given it goes back, behind those of
 * its priority; where there is no room for it any more it is the next that is given here. */
static void give_back(struct ipcfs_object *o, char *bytes, size_t len, unsigned prio)
{
	if (send(o, bytes, len, prio) == 0) {
		free(bytes);
		return;
	}
	free(o->mq.kept);
	o->mq.kept = bytes;
	o->mq.kept_len = len;
	o->mq.kept_prio = prio;
}

static int receive(struct ipcfs_object *o, char **bytes, size_t *len, unsigned *prio)
{
	int n;

	if (o->mq.kept) {
		*bytes = o->mq.kept;
		*len = o->mq.kept_len;
		*prio = o->mq.kept_prio;
		o->mq.kept = NULL;
		return 0;
	}
	*bytes = malloc(o->mq.msgsize);
	if (!*bytes)
		return -ENOMEM;
	n = (int)sys_mq_receive(o->mq.fd, *bytes, o->mq.msgsize, prio);
	if (n < 0) {
		free(*bytes);
		return n;
	}
	*len = (size_t)n;
	return 0;
}

static int get(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct iovec piece;
	char *bytes = NULL;
	unsigned prio = 0;
	size_t len = 0;
	int rc = receive(o, &bytes, &len, &prio);

	if (rc < 0)
		return rc;
	piece = (struct iovec){bytes, len};
	rc = op->sink(op->sink_arg, &piece, 1);
	if (rc < 0) {
		give_back(o, bytes, len, prio);
		return rc;
	}
	free(bytes);
	return 0;
}

static int look(struct ipcfs_object *o, struct ipcfs_op *op)
{
	short events = sys_poll(o->mq.fd, POLLIN | POLLOUT);
	unsigned ready = (events & POLLIN || o->mq.kept ? 1u << IPCFS_C_READ : 0) |
			 (events & POLLOUT ? 1u << IPCFS_C_WRITE : 0);

	op->count &= ready;
	op->changes = o->mq.told;
	return 0;
}

static bool unlinked(struct ipcfs_object *o)
{
	struct stat st;

	return sys_fstat(o->mq.fd, &st) == 0 && st.st_nlink == 0;
}

/* A change is another number of messages than at the last look. */
static int refresh(struct ipcfs_object *o, struct mq_attr *attr)
{
	int rc = sys_mq_attr(o->mq.fd, attr);

	if (rc == 0 && o->mq.count != attr->mq_curmsgs) {
		o->mq.count = attr->mq_curmsgs;
		o->mq.changes++;
	}
	return rc;
}

static int dispatch_verb(struct ipcfs_object *o, struct ipcfs_op *op)
{
	struct mq_attr attr;

	switch (op->verb) {
	case IPCFS_V_PUT:
		return put(o, op);
	case IPCFS_V_GET:
		return get(o, op);
	case IPCFS_V_READY:
		return look(o, op);
	case IPCFS_V_CHANGED:
		refresh(o, &attr);
		if (o->mq.changes == op->changes)
			return -EAGAIN;
		op->changes = o->mq.changes;
		return 0;
	default:
		return -EINVAL;
	}
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	int rc;

	if (op->flags & IPCFS_OP_PARK) { /* before the look: what comes after it is told */
		rc = arm(o);
		if (rc < 0)
			return rc;
	}
	rc = dispatch_verb(o, op);
	return rc == -EAGAIN && unlinked(o) ? -EIDRM : rc;
}

static int stat_object(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	struct mq_attr attr;
	int rc = refresh(o, &attr);

	memset(st, 0, sizeof(*st));
	st->kind = IPCFS_MQ;
	st->id = o->id;
	st->properties.given = IPCFS_P_MAXMSG | IPCFS_P_MSGSIZE;
	st->properties.maxmsg = o->mq.maxmsg;
	st->properties.msgsize = o->mq.msgsize;
	st->changes = o->mq.changes;
	st->messages = rc == 0 ? (uint64_t)attr.mq_curmsgs + (o->mq.kept != NULL) : 0;
	return rc;
}

static int no_holders(struct ipcfs_object *o,
		      int (*each)(void *arg, const struct ipcfs_holding *holding), void *arg)
{
	(void)o;
	(void)each;
	(void)arg;
	return 0;
}

/* ---- being told --------------------------------------------------------------------------------------------- */

static int remove_marked(void *arg, const char *shown)
{
	struct ipcfs_store *store = arg;
	uint64_t ino = marked(store, shown);
	struct stat st;

	if (ino && lookup(store, shown, &st) == 0 && st.st_ino == ino)
		remove_name(store, IPCFS_MQ, shown);
	if (ino)
		unmark(store, shown);
	return 0;
}

/* Those whose handles went with a killed server. */
static void remove_temp(struct ipcfs_store *store)
{
	const struct dirent *entry;
	int dirfd = store_enter(store), fd;
	DIR *stream;

	if (dirfd < 0)
		return;
	fd = sys_open_beneath(dirfd, "mq", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	store_leave(store, dirfd);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		sys_close(fd);
		return;
	}
	while ((entry = readdir(stream)))
		if (entry->d_type == DT_REG)
			remove_marked(store, entry->d_name);
	closedir(stream);
}

static int watch(struct ipcfs_store *store, void (*changed)(void *arg, uint64_t id), void *arg)
{
	remove_temp(store);
	mq.changed = changed;
	mq.arg = arg;
	mq.epoll = sys_epoll();
	return mq.epoll;
}

static void dispatch(struct ipcfs_store *store)
{
	struct epoll_event events[EVENTS];
	int n = sys_epoll_look(mq.epoll, events, EVENTS);

	(void)store;
	for (int i = 0; i < n; i++) {
		struct ipcfs_object *o = events[i].data.ptr;

		o->mq.told += 2;
		mq.changed(mq.arg, o->id);
	}
}

/* Not a segment: what there is to know of the kind without an object. */
const struct ipcfs_kind_ops ipcfs_mq_ops = {
	.name = "mq",
	.properties = IPCFS_P_MAXMSG | IPCFS_P_MSGSIZE,
	.taking = true,
};

const struct ipcfs_engine ipcfs_engine_mq = {
	.name = "mq",
	.open = open_object,
	.close = close_object,
	.remove = remove_name,
	.list = list,
	.stat = stat_object,
	.holders = no_holders,
	.try = try,
	.watch = watch,
	.dispatch = dispatch,
	.lookup = lookup,
	.file = file_of,
};
