/* SPDX-License-Identifier: MIT
 *
 * socket.c - a TCP connection, that of one open file. It begins at the file's first read, write or poll: one of `tcp:`
 * asks for its host's addresses and connects to the first of them that answers; one of `listen:` stands in line
 * for the next connection. Nothing here waits: what the socket is ready for, the loop tells, once for each time
 * that it was asked, and the item counts as changed.
 */
#include "socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void connect_next(struct fs_socket *s);

/* ---- what is watched ------------------------------------------------------------------------------ */

static void fail(struct fs_socket *s, int error, const char *why)
{
	s->state = FS_S_FAILED;
	s->error = error;
	s->why = why;
}

static void became_open(struct fs_socket *s, const struct fs_address *peer)
{
	int one = 1;

	s->state = FS_S_OPEN;
	s->peer = *peer;
	free(s->addresses);
	s->addresses = NULL;
	/* What is written is meant to be sent, as it is by a pipe. */
	setsockopt(s->io.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	s->item->of->changes++;
	fs_park_changed(s->item->of);
}

static void drop_fd(struct fs_socket *s)
{
	if (s->io.fd < 0)
		return;
	fs_loop_want(&s->io, 0);
	close(s->io.fd);
	fs_quota_descriptor(-1);
	s->io.fd = -1;
}

/* A port that nobody listens at may be the one that the kernel has given our own end. */
static bool is_own_end(int fd, const struct fs_address *peer)
{
	struct fs_address own = {.len = sizeof(own.sa)};

	return getsockname(fd, (struct sockaddr *)&own.sa, &own.len) == 0 && own.len == peer->len &&
	       !memcmp(&own.sa, &peer->sa, own.len);
}

static void connected(struct fs_socket *s)
{
	const struct fs_address *peer = &s->addresses[s->tried - 1];
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(s->io.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error == 0 && is_own_end(s->io.fd, peer))
		error = ECONNREFUSED;
	if (error == 0) {
		became_open(s, peer);
		return;
	}
	drop_fd(s);
	s->error = -error;
	connect_next(s);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct fs_socket *s = io->data;

	(void)loop;
	/* Until it is asked for again. */
	fs_loop_want(io, io->events & (EV_READ | EV_WRITE) & ~events);
	if (s->state == FS_S_CONNECTS)
		connected(s);
	fs_park_changed(s->item);
	fs_park_settle();
}

void fs_socket_want(struct fs_socket *s, int events)
{
	if (s->io.fd >= 0)
		fs_loop_want(&s->io,
			     (ev_is_active(&s->io) ? s->io.events & (EV_READ | EV_WRITE) : 0) |
				     events);
}

static void take_fd(struct fs_socket *s, int fd)
{
	ev_io_init(&s->io, on_io, fd, 0);
	s->io.data = s;
}

/* ---- connecting ------------------------------------------------------------------------------------ */

static int open_one(struct fs_socket *s, const struct fs_address *to)
{
	int fd, rc = fs_quota_descriptor(1);

	if (rc < 0)
		return rc;
	fd = socket(to->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		fs_quota_descriptor(-1);
		return -errno;
	}
	take_fd(s, fd);
	if (connect(fd, (const struct sockaddr *)&to->sa, to->len) == 0 || errno == EINPROGRESS) {
		fs_socket_want(s, EV_WRITE);
		return 0;
	}
	rc = -errno;
	drop_fd(s);
	return rc;
}

/* The next of the host's addresses; the error of the last one is told. */
static void connect_next(struct fs_socket *s)
{
	int rc = -1;

	while (rc < 0 && s->tried < s->address_count) {
		rc = open_one(s, &s->addresses[s->tried++]);
		if (rc < 0)
			s->error = rc;
	}
	if (rc == 0)
		s->state = FS_S_CONNECTS;
	else
		fail(s, s->error, NULL);
}

static void connect_to(struct fs_socket *s, const struct fs_address *addresses, unsigned count)
{
	s->addresses = malloc(count * sizeof(*addresses));
	if (!s->addresses) {
		fail(s, -ENOMEM, NULL);
		return;
	}
	memcpy(s->addresses, addresses, count * sizeof(*addresses));
	s->address_count = count;
	s->tried = 0;
	connect_next(s);
}

static void resolved(void *arg, int error, const struct fs_address *addresses, unsigned count)
{
	struct fs_socket *s = arg;

	s->query = NULL;
	if (error < 0)
		fail(s, error,
		     error == -ENXIO	    ? "there is no host of that name" :
		     error == -EHOSTUNREACH ? "no name server has answered" :
					      NULL);
	else
		connect_to(s, addresses, count);
	fs_park_changed(s->item);
}

static void begin(struct fs_socket *s)
{
	char host[FS_NAME_MAX + 1];
	struct fs_address a;
	uint16_t port;
	int rc = fs_address_parse(strchr(s->item->name, ':') + 1, host, &port);

	if (rc == 0)
		rc = fs_socket_room(s);
	if (rc < 0) {
		fail(s, rc, NULL);
		return;
	}
	if (fs_address_numeric(host, port, &a) == 0) {
		connect_to(s, &a, 1);
		return;
	}
	s->state = FS_S_RESOLVES;
	fs_resolve(host, port, resolved, s, &s->query);
}

/* ---- accepting ------------------------------------------------------------------------------------- */

void fs_socket_accepted(struct fs_socket *s, int fd, const struct fs_address *peer)
{
	take_fd(s, fd);
	became_open(s, peer);
	fs_park_changed(s->item);
}

/* Out of the line: whoever waited has given up. */
void fs_socket_give_up(struct fs_socket *s)
{
	if (s->state != FS_S_ACCEPTS)
		return;
	if (s->item->of->listener)
		fs_listen_leave(s->item->of->listener, s);
	s->state = FS_S_IDLE;
}

static int accept_one(struct fs_socket *s, bool waits)
{
	struct fs_listener *l;
	int rc = fs_socket_room(s);

	if (rc == 0)
		rc = fs_listen_of(s->item->of, &l);
	if (rc != 0)
		return rc;
	rc = fs_listen_take(l, s);
	if (rc == -EAGAIN && waits) {
		s->state = FS_S_ACCEPTS;
		fs_listen_enter(l, s);
	}
	return rc;
}

/* ---- the whole ------------------------------------------------------------------------------------- */

int fs_socket_room(struct fs_socket *s)
{
	int rc = s->has_room ? 0 : fs_quota_add(s->uid, FS_Q_SOCKETS, 1);

	s->has_room = rc == 0;
	return rc;
}

int fs_socket_advance(struct fs_socket *s, bool waits)
{
	if (s->state == FS_S_IDLE && !s->item->of->outside)
		return accept_one(s, waits);
	if (s->state == FS_S_IDLE)
		begin(s);
	else if (s->state == FS_S_ACCEPTS && s->item->of->listener)
		fs_listen_mind(s->item->of->listener);
	if (s->state == FS_S_FAILED && s->why)
		fs_words("%s", s->why);
	return s->state == FS_S_OPEN ? 0 : s->state == FS_S_FAILED ? s->error : -EAGAIN;
}

struct fs_socket *fs_socket_new(struct fs_handle *h)
{
	struct fs_socket *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->item = h->item;
	s->uid = h->uid;
	s->pid = fs_process_of(h->opener);
	s->io.fd = -1;
	return s;
}

void fs_socket_free(struct fs_socket *s)
{
	fs_socket_give_up(s);
	fs_resolve_forget(s->query);
	drop_fd(s);
	if (s->has_room)
		fs_quota_add(s->uid, FS_Q_SOCKETS, -1);
	if (s->state == FS_S_OPEN) {
		s->item->of->changes++;
		fs_park_changed(s->item->of);
	}
	free(s->addresses);
	free(s);
}
