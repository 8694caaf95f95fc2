/* SPDX-License-Identifier: MIT
 *
 * listen.c - addresses that are listened at: `touch sockets/listen:HOST:PORT` begins it, `rm` ends it. The file in the
 * store keeps name, owner and mode, so a server that is started anew listens there again. Those who want the next
 * connection stand in a line; while nobody does, connections wait with the kernel.
 */
#include "socket.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/sys.h"

enum { LOW_PORTS = 1024, WAITING = 512, TRIES = 16 };
#define PREFIX "listen:"

/* ---- addresses -------------------------------------------------------------------------------------- */

/* "*" is all that the machine has, by IPv4 and IPv6. No name server is asked, as nobody may wait. */
static int address_of(const char *host, uint16_t port, struct fs_address *a)
{
	if (!strcmp(host, "*"))
		return fs_address_numeric("::", port, a);
	if (!strcmp(host, "localhost"))
		return fs_address_numeric("127.0.0.1", port, a);
	if (fs_address_numeric(host, port, a) == 0)
		return 0;
	return fs_fail(-EINVAL, "listen: takes an address, localhost or *, not a host's name");
}

int fs_listen_check(const char *text, uid_t uid)
{
	char host[FS_NAME_MAX + 1];
	struct fs_address a;
	uint16_t port;
	int rc = fs_address_parse(text, host, &port);

	if (rc == 0)
		rc = address_of(host, port, &a);
	if (rc == 0 && port && port < LOW_PORTS && uid != 0)
		rc = fs_fail(-EACCES, "ports below %d are for root", LOW_PORTS);
	return rc;
}

/* ---- the line --------------------------------------------------------------------------------------- */

static int take_one(struct fs_listener *l, struct fs_socket *s)
{
	struct fs_address peer = {.len = sizeof(peer.sa)};
	int fd, rc = fs_quota_descriptor(1);

	if (rc < 0)
		return rc;
	for (int i = 0; i < TRIES; i++) {
		fd = accept4(l->io.fd, (struct sockaddr *)&peer.sa, &peer.len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		/* A connection that has failed meanwhile is none. */
		if (fd >= 0 || errno == EAGAIN || errno == EMFILE || errno == ENFILE ||
		    errno == ENOMEM || errno == ENOBUFS)
			break;
	}
	if (fd < 0) {
		fs_quota_descriptor(-1);
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS ?
			       -errno :
			       -EAGAIN;
	}
	fs_socket_accepted(s, fd, &peer);
	return 0;
}

void fs_listen_mind(struct fs_listener *l)
{
	fs_loop_want(&l->io, TAILQ_EMPTY(&l->line) ? 0 : EV_READ);
}

/* Where the server has no room for it just now, it is there at the next tick. */
static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
	struct fs_listener *l = io->data;
	struct fs_socket *s;
	int rc = 0;

	(void)loop;
	(void)events;
	while (rc == 0 && (s = TAILQ_FIRST(&l->line))) {
		rc = take_one(l, s);
		if (rc == 0)
			TAILQ_REMOVE(&l->line, s, accept_link);
	}
	if (rc == 0 || rc == -EAGAIN)
		fs_listen_mind(l);
	else
		fs_loop_want(io, 0);
	fs_park_settle();
}

int fs_listen_take(struct fs_listener *l, struct fs_socket *s)
{
	return TAILQ_EMPTY(&l->line) ? take_one(l, s) : -EAGAIN;
}

void fs_listen_enter(struct fs_listener *l, struct fs_socket *s)
{
	TAILQ_INSERT_TAIL(&l->line, s, accept_link);
	fs_listen_mind(l);
}

void fs_listen_leave(struct fs_listener *l, struct fs_socket *s)
{
	TAILQ_REMOVE(&l->line, s, accept_link);
	fs_listen_mind(l);
}

/* ---- listening -------------------------------------------------------------------------------------- */

static int bind_and_listen(int fd, const char *host, struct fs_address *a)
{
	int one = 1, only = strcmp(host, "*") != 0;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	if (bind(fd, (const struct sockaddr *)&a->sa, a->len) < 0 || listen(fd, WAITING) < 0)
		return -errno;
	a->len = sizeof(a->sa);
	return getsockname(fd, (struct sockaddr *)&a->sa, &a->len) < 0 ? -errno : 0;
}

static int open_at(const char *text, struct fs_address *a)
{
	char host[FS_NAME_MAX + 1];
	uint16_t port;
	int fd, rc = fs_address_parse(text, host, &port);

	if (rc == 0)
		rc = address_of(host, port, a);
	if (rc < 0)
		return rc;
	fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	rc = bind_and_listen(fd, host, a);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int fs_listen_open(const char *text, uid_t uid, struct fs_listener **out)
{
	struct fs_listener *l = calloc(1, sizeof(*l));
	int fd = -1, rc = l ? fs_listen_check(text, uid) : -ENOMEM;

	if (rc == 0)
		rc = fs_quota_add(uid, FS_Q_SOCKETS, 1);
	if (rc == 0) {
		rc = fs_quota_descriptor(1);
		fd = rc < 0 ? rc : open_at(text, &l->address);
		if (fd < 0 && rc == 0)
			fs_quota_descriptor(-1);
		if (fd < 0)
			fs_quota_add(uid, FS_Q_SOCKETS, -1);
		rc = fd < 0 ? fd : 0;
	}
	if (rc < 0) {
		free(l);
		return rc;
	}
	l->uid = uid;
	TAILQ_INIT(&l->line);
	ev_io_init(&l->io, on_connection, fd, 0);
	l->io.data = l;
	*out = l;
	return 0;
}

void fs_listen_attach(struct fs_listener *l, struct fs_item *item)
{
	l->item = item;
	item->listener = l;
	fs_item_ref(item); /* as long as it listens */
}

/* Who waits in the line learns from the item that it is gone. */
void fs_listen_close(struct fs_listener *l)
{
	struct fs_socket *s;

	while ((s = TAILQ_FIRST(&l->line)))
		fs_socket_give_up(s);
	fs_loop_want(&l->io, 0);
	close(l->io.fd);
	fs_quota_descriptor(-1);
	fs_quota_add(l->uid, FS_Q_SOCKETS, -1);
	if (l->item) {
		l->item->listener = NULL;
		fs_item_put(l->item);
	}
	free(l);
}

int fs_listen_of(struct fs_item *item, struct fs_listener **out)
{
	struct stat st;
	int rc = item->listener ? 0 : fs_item_stat(item, &st);

	if (rc == 0 && !item->listener) {
		struct fs_listener *l;

		rc = fs_listen_open(item->name + strlen(PREFIX), st.st_uid, &l);
		if (rc == 0)
			fs_listen_attach(l, item);
	}
	*out = item->listener;
	return rc;
}

/* ---- the server's start ------------------------------------------------------------------------------ */

/* What cannot be had now is tried again when somebody opens it. */
static bool listen_again(int dirfd, const struct dirent *entry)
{
	struct fs_item *folder = fs_item_kind(IPCFS_SOCKET), *item;
	struct fs_listener *l;

	(void)dirfd;
	if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
	    fs_item_lookup(folder, entry->d_name, &item) != 0)
		return false;
	if (item->type == FS_OBJECT)
		fs_listen_of(item, &l);
	fs_item_put(item);
	return false;
}

void fs_listen_start(void)
{
	if (fs.tcp)
		fs_walk(ipcfs_kind_name(IPCFS_SOCKET), listen_again);
}
