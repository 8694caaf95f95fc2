/* SPDX-License-Identifier: MIT
 *
 * t_member.h - what the tests of members share.
 */
#ifndef T_MEMBER_H
#define T_MEMBER_H

#include "t_core.h"

#include <dirent.h>
#include <poll.h>

#define Q IPCFS_QUEUE

/* What a child tells, and when it is told to go on. */
struct talk {
	_Atomic uint64_t number[4];
	_Atomic pid_t pid[4];
	_Atomic int step, result;
	int pipe[2]; /* closed writing end: go on, also after exec */
};

static struct talk *talk;

static inline void begin_talk(void)
{
	talk = t_shared(sizeof(*talk));
	t_is(pipe(talk->pipe), 0);
}

static inline void end_talk(void)
{
	close(talk->pipe[0]);
	if (talk->pipe[1] >= 0)
		close(talk->pipe[1]);
	munmap(talk, sizeof(*talk));
}

static inline bool alive(uint64_t number)
{
	return member_alive(t.store, number);
}

static inline int members(void)
{
	DIR *dir = opendir(t_path("members"));
	int n = 0;

	t_check(dir != NULL);
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		n += entry->d_type == DT_REG;
	closedir(dir);
	return n;
}

static struct server {
	struct ipcfs_store *store;
	int fd;
	uint64_t ids[1000];
	unsigned count;
	bool all; /* any may have changed */
} server;

static inline void hear(void *arg, uint64_t id)
{
	t_check(arg == &server);
	if (id == 0)
		server.all = true;
	else if (server.count < 1000)
		server.ids[server.count++] = id;
}

static inline void start_server(void)
{
	memset(&server, 0, sizeof(server));
	server.store = t_open_store();
	server.fd = ipcfs_engine_shm.watch(server.store, hear, &server);
	t_check(server.fd >= 0);
}

static inline void stop_server(void)
{
	ipcfs_store_close(server.store);
}

/* Listens until that object was named, or any may have changed. */
static inline bool heard(uint64_t id)
{
	struct pollfd poll_fd = {.fd = server.fd, .events = POLLIN};

	if (poll(&poll_fd, 1, 0) > 0)
		ipcfs_engine_shm.dispatch(server.store);
	for (unsigned i = 0; i < server.count; i++)
		if (server.ids[i] == id)
			return true;
	return server.all;
}

static inline void forget(void)
{
	while (poll(&(struct pollfd){.fd = server.fd, .events = POLLIN}, 1, 0) > 0)
		ipcfs_engine_shm.dispatch(server.store);
	server.count = 0;
	server.all = false;
}

#endif
