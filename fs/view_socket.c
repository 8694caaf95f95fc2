/* SPDX-License-Identifier: MIT
 *
 * view_socket.c - sockets as files. What bind(2) makes is the kernel's (special.c). `tcp:HOST:PORT` is a name of
 * no file: an open of it is a connection, made at its first read, write or poll. `listen:HOST:PORT` is a file of the
 * store: an open of it takes the next connection that comes, then. A connection is a stream of bytes with a real
 * end; each open file of such a name has an item of its own, in whose lines its requests wait.
 */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/object.h"
#include "../core/sys.h"

#define TCP "tcp:"
#define LISTEN "listen:"
enum { FIRST_INO = 0x20000000 };

/* ---- names ------------------------------------------------------------------------------------------ */

static bool begins(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static bool is_fixed(const char *name)
{
	return begins(name, TCP) || begins(name, LISTEN);
}

static int check_name(const char *name)
{
	char host[FS_NAME_MAX + 1];
	uint16_t port;
	int rc;

	if (!fs.tcp)
		return fs_fail(-EOPNOTSUPP,
			       "tcp: and listen: are off here: the mount wants -o tcp");
	if (begins(name, LISTEN))
		return fs_listen_check(name + strlen(LISTEN), 0);
	rc = fs_address_parse(name + strlen(TCP), host, &port);
	return rc == 0 && port == 0 ? fs_fail(-EINVAL, "nobody listens at port 0") : rc;
}

static int outside(const struct fs_item *folder, const char *name, struct stat *st)
{
	static ino_t last;
	int rc;

	if (!is_fixed(name))
		return 0;
	if (folder->parent)
		return fs_fail(-EINVAL, "tcp: and listen: are names in the top folder alone");
	rc = check_name(name);
	if (rc < 0 || begins(name, LISTEN))
		return rc;
	*st = (struct stat){.st_ino = FIRST_INO + last++ % FIRST_INO,
			    .st_mode = S_IFREG | 0666,
			    .st_nlink = 1,
			    .st_uid = fs.uid};
	clock_gettime(CLOCK_REALTIME, &st->st_mtim);
	st->st_atim = st->st_ctim = st->st_mtim;
	return 1;
}

static bool means(const struct fs_item *item)
{
	(void)item;
	return true;
}

/* Whose network it is that a connection goes through. */
static int check_caller(pid_t thread)
{
	return fs_process_shares_net(thread) ?
		       0 :
		       fs_fail(-EOPNOTSUPP, "you are in another network namespace than the server, "
					    "or it cannot see "
					    "yours");
}

/* ---- listening -------------------------------------------------------------------------------------- */

/* Whoever may not write takes no connections either. */
static mode_t listen_mode(mode_t mode)
{
	for (int shift = 0; shift <= 6; shift += 3)
		if (!(mode & (mode_t)(02 << shift)))
			mode &= ~(mode_t)(04 << shift);
	return mode;
}

/* There whole or not at all. */
static int make_file(struct fs_item *folder, const char *name, const struct ipcfs_maker *maker)
{
	char path[FS_PATH], in[FS_PATH];
	int fd, rc = fs_item_path_in(folder, name, false, path);

	if (rc == 0)
		rc = fs_item_path(folder, in);
	if (rc < 0)
		return rc;
	fd = sys_open_beneath(fs.dirfd, in, O_RDWR | O_TMPFILE, 0600);
	if (fd < 0)
		return fd;
	rc = sys_owner(fd, maker->uid, maker->gid, listen_mode(maker->mode));
	if (rc == 0)
		rc = sys_link_fd(fd, fs.dirfd, path);
	sys_close(fd);
	return rc;
}

static int make(struct fs_item *folder, const struct fs_leaf *leaf, const struct ipcfs_maker *maker)
{
	struct fs_listener *l;
	struct fs_item *item;
	int rc;

	if (!begins(leaf->name, LISTEN))
		return fs_fail(-EINVAL, "a socket is made by bind(2), or as listen:HOST:PORT");
	rc = check_caller(fs.caller);
	if (rc == 0)
		rc = fs_listen_open(leaf->name + strlen(LISTEN), maker->uid, &l);
	if (rc != 0)
		return rc;
	rc = make_file(folder, leaf->name, maker);
	if (rc == 0)
		rc = fs_item_lookup(folder, leaf->name, &item);
	if (rc != 0) {
		fs_listen_close(l);
		return rc;
	}
	fs_listen_attach(l, item);
	fs_item_put(item);
	return 0;
}

/* Connections that are there stay; who has none yet gets none. */
static void gone(struct fs_item *item)
{
	struct fs_item *own, *next;

	if (item->of)
		return;
	if (item->listener)
		fs_listen_close(item->listener);
	for (own = LIST_FIRST(&item->owned); own; own = next) {
		next = LIST_NEXT(own, owned_link);
		if (!own->socket || own->socket->state != FS_S_OPEN)
			fs_item_gone(own);
	}
}

/* ---- open files ------------------------------------------------------------------------------------- */

static int open_it(struct fs_handle *h)
{
	struct fs_listener *l;
	struct fs_item *own;
	int rc = is_fixed(h->item->name) ?
			 0 :
			 fs_fail(-EUCLEAN, "this is no address: it lies in the store for nothing");

	if (rc < 0 || h->leaf->view != FS_PLAIN)
		return rc;
	rc = check_caller(h->opener);
	if (rc == 0 && !h->item->outside)
		rc = fs_listen_of(h->item, &l);
	if (rc < 0)
		return rc;
	own = fs_item_own(h->item);
	if (!own)
		return -ENOMEM;
	fs_handle_move(h, own);
	fs_item_put(own);
	own->socket = fs_socket_new(h);
	return own->socket ? 0 : -ENOMEM;
}

static void close_it(struct fs_handle *h)
{
	if (h->item->socket)
		fs_socket_free(h->item->socket);
	h->item->socket = NULL;
}

/* Does anybody go on waiting when this try has been for nothing? */
static bool will_wait(const struct fs_request *r)
{
	const struct fs_handle *h = r->handle;

	return h->poll || h->notify || (!r->nonblock && h->timeout_ns != 0);
}

static void withdraw(struct fs_request *r)
{
	const struct fs_handle *h = r->handle;

	if (h->item->socket && !h->poll && !h->notify && !r->item->parked_count)
		fs_socket_give_up(h->item->socket);
}

static int shut(struct fs_handle *h)
{
	if (!h->item->socket || h->item->socket->state != FS_S_OPEN)
		return fs_fail(-ENOTCONN, "there is no connection yet");
	return shutdown(h->item->socket->io.fd, SHUT_WR) < 0 ? -errno : 0;
}

/* ---- the stream ------------------------------------------------------------------------------------- */

/* It is taken from the socket when the kernel has accepted the answer. */
static int receive(struct fs_request *r)
{
	struct fs_socket *s = r->item->socket;
	size_t size = r->size < FS_MAX_IO ? r->size : FS_MAX_IO;
	char *room = fs_reply_room();
	ssize_t n = recv(s->io.fd, room, size, MSG_PEEK | MSG_DONTWAIT);
	int rc;

	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n < 0) {
		fs_socket_want(s, EV_READ);
		return -EAGAIN;
	}
	rc = fs_view_give(r, room, (size_t)n);
	if (rc < 0)
		return rc;
	if (n > 0)
		recv(s->io.fd, NULL, (size_t)n, MSG_TRUNC | MSG_DONTWAIT);
	fs_notify_read(r->handle);
	return 0;
}

static int watch(struct fs_request *r);

static int take(struct fs_request *r)
{
	int rc;

	r->class = IPCFS_C_READ;
	if (r->handle->leaf->view == FS_WATCH)
		return watch(r);
	rc = fs_socket_advance(r->item->socket, will_wait(r));
	return rc < 0 ? rc : receive(r);
}

/* All of it, in as many pieces as it takes. */
static int send_it(struct fs_request *r)
{
	struct fs_socket *s = r->item->socket;
	int rc = fs_socket_advance(s, will_wait(r));

	r->class = IPCFS_C_WRITE;
	while (rc == 0 && r->taken < r->size) {
		ssize_t n = send(s->io.fd, r->data + r->taken, r->size - r->taken,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0)
			r->taken += (size_t)n;
		else
			rc = -errno;
	}
	if (rc == -EAGAIN)
		fs_socket_want(s, EV_WRITE);
	return rc;
}

static unsigned readiness(struct fs_socket *s)
{
	struct pollfd p = {.fd = s->io.fd, .events = POLLIN | POLLOUT};
	unsigned ready = poll(&p, 1, 0) > 0 ? (unsigned)p.revents : 0;

	fs_socket_want(s, (ready & POLLIN ? 0 : EV_READ) | (ready & POLLOUT ? 0 : EV_WRITE));
	return ready;
}

static unsigned poll_watch(const struct fs_handle *h)
{
	bool shown = h->has_seen && h->seen == h->item->changes;

	return !shown && (h->has_seen || !LIST_EMPTY(&h->item->owned)) ? POLLIN : 0;
}

static unsigned poll_it(struct fs_handle *h)
{
	unsigned ready;
	int rc;

	if (h->leaf->view == FS_WATCH)
		ready = poll_watch(h);
	else if ((rc = fs_socket_advance(h->item->socket, h->poll || h->notify)) == 0)
		ready = readiness(h->item->socket);
	else
		ready = rc == -EAGAIN ? 0 : POLLIN | POLLOUT | POLLERR;
	return ready | (ready & POLLIN ? POLLRDNORM : 0) | (ready & POLLOUT ? POLLWRNORM : 0);
}

/* ---- looking ---------------------------------------------------------------------------------------- */

/* The peers, a line each: address, pid and user of who has the connection. */
static int show(struct fs_handle *h, struct fs_text *t)
{
	const struct fs_item *own;

	LIST_FOREACH(own, &h->item->owned, owned_link)
	{
		const struct fs_socket *s = own->socket;

		if (s && s->state == FS_S_OPEN)
			fs_text_printf(t, "%s %d %u\n", fs_address_text(&s->peer), (int)s->pid,
				       s->uid);
	}
	return 0;
}

/* At once what there is, if there is anything; then each change. */
static int watch(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	struct fs_text t = {0};
	int rc;

	if (h->has_seen && h->seen == h->item->changes)
		return -EAGAIN;
	rc = show(h, &t);
	if (rc == 0 && t.failed)
		rc = -ENOMEM;
	if (rc == 0 && !h->has_seen && t.len == 0) {
		h->has_seen = true;
		h->seen = h->item->changes;
		rc = -EAGAIN;
	}
	if (rc == 0)
		rc = fs_view_give(r, t.bytes, t.len);
	if (rc == 0) {
		h->has_seen = true;
		h->seen = h->item->changes;
		fs_notify_read(h);
	}
	free(t.bytes);
	return rc;
}

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	static const char *const states[] = {
		[FS_S_IDLE] = "idle",	      [FS_S_RESOLVES] = "resolves",
		[FS_S_CONNECTS] = "connects", [FS_S_ACCEPTS] = "accepts",
		[FS_S_OPEN] = "open",	      [FS_S_FAILED] = "failed"};
	const struct fs_item *own;
	unsigned count[FS_S_FAILED + 1] = {0};

	(void)st;
	if (!h->item->outside)
		fs_text_printf(t, "listens %d\n", h->item->listener != NULL);
	if (h->item->listener)
		fs_text_printf(t, "address %s\n", fs_address_text(&h->item->listener->address));
	LIST_FOREACH(own, &h->item->owned, owned_link)
	if (own->socket)
		count[own->socket->state]++;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		fs_text_printf(t, "%s %u\n", states[i], count[i]);
}

const struct fs_kind fs_socket_kind = {
	.write_waits = true,
	.read_waits = true,
	.streams = true,
	.outside = outside,
	.means = means,
	.is_fixed = is_fixed,
	.make = make,
	.gone = gone,
	.begin = open_it,
	.end = close_it,
	.poll = poll_it,
	.shutdown = shut,
	.take = take,
	.show = show,
	.write = send_it,
	.withdraw = withdraw,
	.stat = stat_lines,
	.command = fs_view_no_command,
};
