/* SPDX-License-Identifier: MIT
 *
 * socket.h - what the files of the kind `sockets` share: addresses, connections, listening.
 *
 *   view_socket.c  names, reads and writes        socket.c   one connection, from its beginning to its end
 *   listen.c       addresses that are listened at  resolve.c  names of hosts
 *   address.c      addresses as text
 */
#ifndef IPCFS_SOCKET_H
#define IPCFS_SOCKET_H

#include <sys/socket.h>

#include "fs.h"

enum { FS_ADDRESSES = 8, FS_ADDRESS_TEXT = 80 };

struct fs_address {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* ---- address.c ---- */
/* HOST:PORT, an IPv6 address in brackets. -EINVAL, with words. */
int fs_address_parse(const char *text, char host[FS_NAME_MAX + 1], uint16_t *port);
/* The address that the host is, without asking anybody. -EINVAL: it is a name. */
int fs_address_numeric(const char *host, uint16_t port, struct fs_address *a);
/* "127.0.0.1:80", "[::1]:80"; valid until the next call but one. */
const char *fs_address_text(const struct fs_address *a);

/* ---- resolve.c ---- */
struct fs_query;
/* Asks for a host's addresses. `done` is called later, or before this returns, in which case *query is NULL: with
 * error 0 and count of them, 1 or more; or with -ENXIO: there is no such host, -EHOSTUNREACH: nobody could
 * be asked, -ENOMEM. */
typedef void fs_resolved(void *arg, int error, const struct fs_address *addresses, unsigned count);
void fs_resolve(const char *host, uint16_t port, fs_resolved *done, void *arg,
		struct fs_query **query);
/* Nobody waits for it any more. */
void fs_resolve_forget(struct fs_query *query);

/* ---- socket.c ---- */
enum fs_socket_state {
	FS_S_IDLE,     /* not used yet */
	FS_S_RESOLVES, /* tcp: asks for the host's addresses, */
	FS_S_CONNECTS, /*      waits for one of them; */
	FS_S_ACCEPTS,  /* listen: waits for the next connection */
	FS_S_OPEN,
	FS_S_FAILED, /* with `error`, for good */
};

/* That of one open file. */
struct fs_socket {
	struct fs_item *item; /* the handle's own */
	enum fs_socket_state state;
	int error;
	const char *why; /* of FAILED; NULL: what the error says */
	ev_io io;	 /* .fd: the socket; -1: none */
	bool has_room;	 /* counts among the user's connections */
	uid_t uid;	 /* whose it is */
	pid_t pid;	 /* who opened it */
	struct fs_query *query;
	struct fs_address *addresses; /* those of the host, while they are tried */
	unsigned address_count, tried;
	struct fs_address peer;
	TAILQ_ENTRY(fs_socket) accept_link; /* in the listener's line */
};
TAILQ_HEAD(fs_sockets, fs_socket);

struct fs_socket *fs_socket_new(struct fs_handle *h);
void fs_socket_free(struct fs_socket *s);
/* Begins what is not begun, and says how far it is: 0 it is open, -EAGAIN: not yet, or the error for good. waits:
 * somebody will, so it stands in line for a connection. */
int fs_socket_advance(struct fs_socket *s, bool waits);
/* The line's connection has come: it is the socket's. */
void fs_socket_accepted(struct fs_socket *s, int fd, const struct fs_address *peer);
/* Nobody waits for a connection through it any more. */
void fs_socket_give_up(struct fs_socket *s);
/* It is to be told (fs_park_changed of its item) of what the socket is ready for, too. */
void fs_socket_want(struct fs_socket *s, int events);
int fs_socket_room(struct fs_socket *s);

/* ---- listen.c ---- */
struct fs_listener {
	struct fs_item *item;
	ev_io io;
	uid_t uid;
	struct fs_address address; /* with the port that it really is */
	struct fs_sockets line;	   /* who wants the next connection, first come first served */
};

/* May the user listen there? -EACCES, with words. */
int fs_listen_check(const char *text, uid_t uid);
/* Listens at the address that the text says, a file `listen:TEXT` that the user owns. */
int fs_listen_open(const char *text, uid_t uid, struct fs_listener **out);
void fs_listen_close(struct fs_listener *l);
/* The listener is that item's from now on. */
void fs_listen_attach(struct fs_listener *l, struct fs_item *item);
/* The item's, which is opened if the server could not do so at its start. */
int fs_listen_of(struct fs_item *item, struct fs_listener **out);
/* Takes a connection for the socket. -EAGAIN: there is none, or others come first. */
int fs_listen_take(struct fs_listener *l, struct fs_socket *s);
void fs_listen_enter(struct fs_listener *l, struct fs_socket *s);
/* While anybody stands in the line it is told of connections. */
void fs_listen_mind(struct fs_listener *l);
void fs_listen_leave(struct fs_listener *l, struct fs_socket *s);

#endif
