/* SPDX-License-Identifier: MIT
 *
 * sys_mq.c - see sys.h: the system calls for POSIX message queues, and for being told of them.
 */
#include "sys_call.h"

#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <unistd.h>

int sys_mount_mqueue(void)
{
	int root, fs;

	FAULT("mount");
	fs = result(fsopen("mqueue", FSOPEN_CLOEXEC));
	if (fs < 0)
		return fs;
	root = result(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	if (root == 0)
		root = result(fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
	close(fs);
	return root;
}

int sys_mq_open(const char *name, int flags, mode_t mode, struct mq_attr *attr)
{
	FAULT("mq_open");
	return result(mq_open(name, flags | O_CLOEXEC, mode, attr));
}

int sys_mq_unlink(const char *name)
{
	FAULT("mq_unlink");
	return result(mq_unlink(name));
}

int sys_mq_attr(int fd, struct mq_attr *attr)
{
	FAULT("mq_getattr");
	return result(mq_getattr(fd, attr));
}

static int of_way(int r)
{
	return r == -EBADF ? -EACCES : r;
}

int sys_mq_send(int fd, const void *bytes, size_t len, unsigned prio)
{
	FAULT("mq_send");
	return of_way(result(mq_send(fd, bytes, len, prio)));
}

ssize_t sys_mq_receive(int fd, void *bytes, size_t size, unsigned *prio)
{
	FAULT("mq_receive");
	return of_way(result(mq_receive(fd, bytes, size, prio)));
}

int sys_epoll(void)
{
	FAULT("epoll_create");
	return result(epoll_create1(EPOLL_CLOEXEC));
}

int sys_epoll_add(int epoll, int fd, uint32_t events, void *ptr)
{
	struct epoll_event event = {.events = events, .data.ptr = ptr};

	FAULT("epoll_ctl");
	return result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

int sys_epoll_look(int epoll, struct epoll_event *events, int n)
{
	return result(epoll_wait(epoll, events, n, 0));
}

short sys_poll(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}
