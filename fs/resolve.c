/* SPDX-License-Identifier: MIT
 *
 * resolve.c - names of hosts, by the library c-ares, whose sockets hang in the loop: nobody waits for a name server but
 * who asked. Its clock is a timerfd, as a timer of libev would make the server wait in libev (loop.c).
 */
#include "socket.h"

#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { WATCHED = 64 }; /* sockets of the library: one or two a name server */

struct fs_query {
	fs_resolved *done; /* NULL: nobody waits */
	void *arg;
	uint16_t port;
	struct fs_query **place; /* where the asker keeps it, while fs_resolve() runs */
};

static ares_channel channel;
static ev_io watched[WATCHED], clock_io;
static bool is_watched[WATCHED];
static unsigned queries;
static struct timespec configured; /* resolv.conf's change when the channel was made */

/* ---- the library's sockets and clock ------------------------------------------------------------ */

static void set_clock(void)
{
	struct timeval room, *in = queries ? ares_timeout(channel, NULL, &room) : NULL;

	fs_loop_ring_at(&clock_io,
			in ? fs_now_ns() + in->tv_sec * 1000000000ll + in->tv_usec * 1000ll + 1 :
			     0);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	ares_process_fd(channel, events & EV_READ ? io->fd : ARES_SOCKET_BAD,
			events & EV_WRITE ? io->fd : ARES_SOCKET_BAD);
	set_clock();
	fs_park_settle();
}

static void on_clock(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	if (!fs_loop_rang(io))
		return;
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_clock();
	fs_park_settle();
}

static int place_of(ares_socket_t fd)
{
	int place = -1;

	for (int i = 0; i < WATCHED; i++)
		if (is_watched[i] && watched[i].fd == fd)
			return i;
		else if (!is_watched[i])
			place = i;
	return place;
}

/* What cannot be watched is looked at when its time is over. */
static void on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	int events = (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0), i = place_of(fd);

	(void)arg;
	if (i < 0)
		return;
	if (!is_watched[i])
		ev_io_init(&watched[i], on_socket, fd, 0);
	is_watched[i] = events != 0;
	fs_loop_want(&watched[i], events);
}

/* ---- asking --------------------------------------------------------------------------------------- */

/* Anew where the machine's name servers are others now, which the library does not see by itself. */
static int open_channel(void)
{
	struct ares_options options = {.sock_state_cb = on_state};
	struct stat st = {0};

	if (!ev_is_active(&clock_io) && (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS ||
					 fs_loop_clock(&clock_io, on_clock) < 0))
		return -ENOMEM;
	stat("/etc/resolv.conf", &st);
	if (channel && (queries || !memcmp(&st.st_mtim, &configured, sizeof(configured))))
		return 0;
	if (channel)
		ares_destroy(channel);
	channel = NULL;
	configured = st.st_mtim;
	return ares_init_options(&channel, &options, ARES_OPT_SOCK_STATE_CB) == ARES_SUCCESS ?
		       0 :
		       -ENOMEM;
}

static int error_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENOMEM:
		return -ENOMEM;
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
	case ARES_EBADNAME:
		return -ENXIO;
	default:
		return -EHOSTUNREACH;
	}
}

static unsigned collect(const struct ares_addrinfo *found, struct fs_address a[FS_ADDRESSES])
{
	unsigned n = 0;

	for (const struct ares_addrinfo_node *at = found ? found->nodes : NULL;
	     at && n < FS_ADDRESSES; at = at->ai_next) {
		if (at->ai_addrlen > sizeof(a[n].sa) ||
		    (at->ai_family != AF_INET && at->ai_family != AF_INET6))
			continue;
		memcpy(&a[n].sa, at->ai_addr, at->ai_addrlen);
		a[n++].len = at->ai_addrlen;
	}
	return n;
}

static void set_port(struct fs_address *a, uint16_t port)
{
	if (a->sa.ss_family == AF_INET)
		((struct sockaddr_in *)&a->sa)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)&a->sa)->sin6_port = htons(port);
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	struct fs_address addresses[FS_ADDRESSES] = {0};
	struct fs_query *q = arg;
	unsigned count = collect(found, addresses);
	int error = error_of(status);

	(void)timeouts;
	for (unsigned i = 0; i < count; i++)
		set_port(&addresses[i], q->port);
	queries--;
	if (q->place)
		*q->place = NULL;
	if (q->done)
		q->done(q->arg, error == 0 && count == 0 ? -ENXIO : error, addresses, count);
	if (found)
		ares_freeaddrinfo(found);
	free(q);
}

void fs_resolve(const char *host, uint16_t port, fs_resolved *done, void *arg,
		struct fs_query **query)
{
	struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct fs_query *q = open_channel() == 0 ? malloc(sizeof(*q)) : NULL;

	*query = q;
	if (!q) {
		done(arg, -ENOMEM, NULL, 0);
		return;
	}
	*q = (struct fs_query){.done = done, .arg = arg, .port = port, .place = query};
	queries++;
	ares_getaddrinfo(channel, host, NULL, &hints, on_answer, q);
	if (*query)
		q->place = NULL;
	set_clock();
}

void fs_resolve_forget(struct fs_query *query)
{
	if (query)
		query->done = NULL;
}
