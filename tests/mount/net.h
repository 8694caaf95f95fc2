/* SPDX-License-Identifier: MIT
 *
 * net.h - the other side of connections below the mount: plain sockets on the loopback.
 */
#ifndef NET_H
#define NET_H

#include <stdint.h>

/* The mount has `-o tcp`. To be called first in each test. */
void net_begin(void);
/* A listening socket on 127.0.0.1 at a port that the kernel chose, and the file that connects to it. */
int net_listen(uint16_t *port);
const char *net_tcp(uint16_t port);
/* The next connection, waited for; there is none, -EAGAIN. */
int net_accept(int listener);
int net_accept_now(int listener);
/* A connection to 127.0.0.1, or -errno. */
int net_connect(uint16_t port);
/* What the next read gives, waited for. */
#define net_gets(fd, want) net_gets_(fd, want, __FILE__, __LINE__)
void net_gets_(int fd, const char *want, const char *file, int line);
void net_puts(int fd, const char *text);
/* Nothing more comes: end of file. */
void net_ends(int fd);
/* Closes with a reset. */
void net_reset(int fd);

#endif
