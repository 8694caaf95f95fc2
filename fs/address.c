/* SPDX-License-Identifier: MIT
 *
 * address.c - network addresses as text, both ways. No name server is asked here.
 */
#include "socket.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "../core/text.h"

int fs_address_parse(const char *text, char host[FS_NAME_MAX + 1], uint16_t *port)
{
	const char *colon = strrchr(text, ':'), *end = colon;
	bool brackets = text[0] == '[';
	uint64_t n = 0;

	if (!colon || colon == text || (brackets && colon[-1] != ']') ||
	    (!brackets && memchr(text, ':', (size_t)(colon - text))))
		return fs_fail(-EINVAL, "an address is HOST:PORT, an IPv6 address in brackets");
	if (brackets) {
		text++;
		end--;
	}
	if (ipcfs_parse_u64(colon + 1, strlen(colon + 1), &n) < 0 || n > UINT16_MAX)
		return fs_fail(-EINVAL, "a port is a number up to 65535");
	snprintf(host, FS_NAME_MAX + 1, "%.*s", (int)(end - text), text);
	*port = (uint16_t)n;
	if (brackets && !strchr(host, ':'))
		return fs_fail(-EINVAL, "in brackets stands an IPv6 address");
	return host[0] ? 0 : fs_fail(-EINVAL, "there is no host before the port");
}

int fs_address_numeric(const char *host, uint16_t port, struct fs_address *a)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				 .ai_socktype = SOCK_STREAM},
			*found;
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &found) != 0)
		return -EINVAL;
	memset(a, 0, sizeof(*a));
	memcpy(&a->sa, found->ai_addr, found->ai_addrlen);
	a->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

const char *fs_address_text(const struct fs_address *a)
{
	static char texts[2][FS_ADDRESS_TEXT];
	static unsigned turn;
	char *text = texts[turn++ % 2], host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo((const struct sockaddr *)&a->sa, a->len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(text, FS_ADDRESS_TEXT, "?");
	else
		snprintf(text, FS_ADDRESS_TEXT, strchr(host, ':') ? "[%.60s]:%.8s" : "%.60s:%.8s",
			 host, port);
	return text;
}
