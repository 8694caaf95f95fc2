/* SPDX-License-Identifier: MIT
 *
 * net.c - see net.h.
 */
#include "net.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "t.h"

void net_begin(void)
{
	if (t_exists(t_path("sockets/tcp:127.0.0.1:1")) == 0)
		return;
	t_umount();
	t_mount("tcp");
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int net_listen(uint16_t *port)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	t_is(t_sys(bind(fd, (struct sockaddr *)&a, len)), 0);
	t_is(t_sys(listen(fd, 128)), 0);
	t_is(t_sys(getsockname(fd, (struct sockaddr *)&a, &len)), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

const char *net_tcp(uint16_t port)
{
	return t_path("sockets/tcp:127.0.0.1:%u", port);
}

int net_accept_now(int listener)
{
	t_is(t_sys(fcntl(listener, F_SETFL, O_NONBLOCK)), 0);
	return (int)t_sys(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
}

int net_accept(int listener)
{
	t_is(t_poll(listener, POLLIN, T_LIMIT_MS), POLLIN);
	return net_accept_now(listener);
}

int net_connect(uint16_t port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = (int)t_sys(connect(fd, (struct sockaddr *)&a, sizeof(a)));

	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

void net_gets_(int fd, const char *want, const char *file, int line)
{
	t_is_("readable", t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN, POLLIN, file, line);
	t_gets_(fd, want, strlen(want), file, line);
}

void net_puts(int fd, const char *text)
{
	t_is(t_sys(send(fd, text, strlen(text), MSG_NOSIGNAL)), (long)strlen(text));
}

void net_ends(int fd)
{
	char byte;

	t_is(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN, POLLIN);
	t_is(t_get(fd, &byte, 1), 0);
}

void net_reset(int fd)
{
	struct linger now = {.l_onoff = 1};

	t_is(t_sys(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now))), 0);
	close(fd);
}
