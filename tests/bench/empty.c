/* SPDX-License-Identifier: MIT
 *
 * empty.c - see empty.h: the kernel's protocol as it is, one thread, no library, no state.
 */
#include "empty.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILE_ID = 2 };
static char in[(1 << 20) + 8192] __attribute__((aligned(8)));

static void answer(int fd, uint64_t unique, int error, const void *data, size_t len)
{
	struct fuse_out_header h = {
		.len = (uint32_t)(sizeof(h) + len), .error = error, .unique = unique};
	struct iovec v[2] = {{&h, sizeof(h)}, {(void *)(uintptr_t)data, len}};

	if (writev(fd, v, 2) < 0 && errno != ENOENT)
		exit(1);
}

static void fill(struct fuse_attr *a, uint64_t id)
{
	memset(a, 0, sizeof(*a));
	a->ino = id;
	a->nlink = 1;
	a->mode = id == FILE_ID ? S_IFREG | 0666 : S_IFDIR | 0755;
}

static void answer_init(int fd, const struct fuse_in_header *h)
{
	struct fuse_init_out out = {.major = 7,
				    .minor = 31,
				    .max_readahead = 0,
				    .max_write = 1 << 20,
				    .flags = FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_MAX_PAGES,
				    .max_pages = 256,
				    .max_background = 64};

	answer(fd, h->unique, 0, &out, sizeof(out));
}

static void answer_file(int fd, const struct fuse_in_header *h)
{
	static const char nothing[64];
	struct fuse_entry_out entry = {.nodeid = FILE_ID};
	struct fuse_attr_out attr = {0};
	struct fuse_open_out open_out = {.open_flags = FOPEN_DIRECT_IO | FOPEN_STREAM |
						       FOPEN_NOFLUSH |
						       FOPEN_PARALLEL_DIRECT_WRITES};
	struct fuse_write_out written = {0};

	switch (h->opcode) {
	case FUSE_LOOKUP:
		fill(&entry.attr, FILE_ID);
		answer(fd, h->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		fill(&attr.attr, h->nodeid);
		attr.attr_valid = h->nodeid == FILE_ID ? 0 : 86400;
		answer(fd, h->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer(fd, h->unique, 0, &open_out, sizeof(open_out));
		break;
	case FUSE_READ:
		answer(fd, h->unique, 0, nothing, sizeof(nothing));
		break;
	case FUSE_WRITE:
		written.size = ((const struct fuse_write_in *)(h + 1))->size;
		answer(fd, h->unique, 0, &written, sizeof(written));
		break;
	case FUSE_RELEASE:
	case FUSE_FLUSH:
		answer(fd, h->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(fd, h->unique, -ENOSYS, NULL, 0);
	}
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void serve(int fd, int spin_us)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t until = 0;

	if (spin_us)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	for (;;) {
		ssize_t n = read(fd, in, sizeof(in));
		const struct fuse_in_header *h = (const void *)in;

		if (n < 0 && errno == EAGAIN) {
			if (!until)
				until = now_us() + spin_us;
			else if (now_us() >= until)
				poll(&p, 1, -1);
			continue;
		}
		if (n < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (n < 0)
			exit(0); /* unmounted */
		until = 0;
		if (h->opcode == FUSE_INIT)
			answer_init(fd, h);
		else
			answer_file(fd, h);
	}
}

pid_t empty_start(const char *dir, int spin_us)
{
	char options[100];
	pid_t child;
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", fd);
	if (mount("empty", dir, "fuse.empty", MS_NOSUID | MS_NODEV, options) < 0) {
		close(fd);
		return -1;
	}
	child = fork();
	if (child == 0)
		serve(fd, spin_us);
	close(fd);
	return child;
}

void empty_stop(const char *dir, pid_t server)
{
	umount2(dir, MNT_DETACH);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}
