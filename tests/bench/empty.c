/* SPDX-License-Identifier: MIT
 *
 * empty.c - see empty.h: the kernel's protocol as it is, one thread, no library, no state but the last
 * minted node id.
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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char in[(1 << 20) + 8192] __attribute__((aligned(4096)));
static const char *mounted_on;

/* ---- the folder, also for empty_libfuse.c ------------------------------------------------ */

uint64_t empty_lookup(const char *name, unsigned *valid_s)
{
	static uint64_t minted = EMPTY_FIRST_MINTED;

	*valid_s = name[0] == 'c';
	if (!name[0] || name[1])
		return 0;
	return name[0] == 'q' ? minted++ :
	       name[0] == 'v' ? EMPTY_STABLE :
	       name[0] == 'c' ? EMPTY_CACHED :
				0;
}

unsigned empty_valid_s(uint64_t id)
{
	return id == EMPTY_ROOT ? EMPTY_FOREVER : id == EMPTY_CACHED;
}

mode_t empty_mode(uint64_t id)
{
	return id == EMPTY_ROOT ? S_IFDIR | 0755 : S_IFREG | 0666;
}

int64_t empty_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* ---- requests ------------------------------------------------------------------------------ */

/* In one piece, which is cheaper than two. */
static void answer(int fd, uint64_t unique, int error, const void *data, size_t len)
{
	static struct {
		struct fuse_out_header header;
		char data[sizeof(struct fuse_entry_out)]; /* the longest */
	} out __attribute__((aligned(4096)));

	_Static_assert((int)EMPTY_BYTES <= (int)sizeof(out.data), "room for a read");
	out.header.len = (uint32_t)(sizeof(out.header) + len);
	out.header.error = error;
	out.header.unique = unique;
	if (len)
		memcpy(out.data, data, len);
	if (write(fd, &out, out.header.len) < 0 && errno != ENOENT)
		_exit(1);
}

static void fill(struct fuse_attr *a, uint64_t id)
{
	a->ino = id < EMPTY_FIRST_MINTED ? id : EMPTY_FIRST_MINTED;
	a->nlink = 1;
	a->mode = empty_mode(id);
}

static void answer_init(int fd, const struct fuse_in_header *h)
{
	struct fuse_init_out out = {.major = 7,
				    .minor = 31,
				    .max_write = 1 << 20,
				    .flags = FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |
					     FUSE_MAX_PAGES | FUSE_PARALLEL_DIROPS,
				    .max_pages = 256,
				    .max_background = 64};

	answer(fd, h->unique, 0, &out, sizeof(out));
}

static void answer_lookup(int fd, const struct fuse_in_header *h)
{
	struct fuse_entry_out out = {0};
	unsigned valid_s;

	out.nodeid = empty_lookup((const char *)(h + 1), &valid_s);
	out.entry_valid = out.attr_valid = valid_s;
	out.attr_valid_nsec =
		1000; /* a tick or two: the rest of the walk and its open ask for nothing */
	fill(&out.attr, out.nodeid);
	answer(fd, h->unique, out.nodeid ? 0 : -ENOENT, &out, out.nodeid ? sizeof(out) : 0);
}

static void answer_attributes(int fd, const struct fuse_in_header *h)
{
	struct fuse_attr_out out = {.attr_valid = empty_valid_s(h->nodeid)};

	fill(&out.attr, h->nodeid);
	answer(fd, h->unique, 0, &out, sizeof(out));
}

static void answer_open(int fd, const struct fuse_in_header *h)
{
	struct fuse_open_out out = {.open_flags = FOPEN_DIRECT_IO | FOPEN_STREAM | FOPEN_NOFLUSH |
						  FOPEN_PARALLEL_DIRECT_WRITES};

	answer(fd, h->unique, 0, &out, sizeof(out));
}

static void answer_request(int fd, const struct fuse_in_header *h)
{
	static const char nothing[EMPTY_BYTES];
	struct fuse_write_out written = {0};
	struct fuse_statfs_out statfs = {.st = {.bsize = 4096, .namelen = 255}};

	switch (h->opcode) {
	case FUSE_READ:
		answer(fd, h->unique, 0, nothing, sizeof(nothing));
		break;
	case FUSE_WRITE:
		written.size = ((const struct fuse_write_in *)(h + 1))->size;
		answer(fd, h->unique, 0, &written, sizeof(written));
		break;
	case FUSE_LOOKUP:
		answer_lookup(fd, h);
		break;
	case FUSE_GETATTR:
		answer_attributes(fd, h);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer_open(fd, h);
		break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		answer(fd, h->unique, 0, NULL, 0);
		break;
	case FUSE_STATFS:
		answer(fd, h->unique, 0, &statfs, sizeof(statfs));
		break;
	case FUSE_INIT:
		answer_init(fd, h);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(fd, h->unique, -ENOSYS, NULL, 0);
	}
}

/* ---- the loop --------------------------------------------------------------------------------- */

static int serve_raw(int fd, int spin_us)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t until = 0;

	for (;;) {
		ssize_t n = read(fd, in, sizeof(in));

		if (n < 0 && errno == EAGAIN) {
			if (!until)
				until = empty_now_us() + spin_us;
			else if (empty_now_us() >= until)
				poll(&p, 1, -1);
			continue;
		}
		if (n < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (n < 0)
			return errno == ENODEV ? 0 : 1; /* unmounted */
		until = 0;
		answer_request(fd, (const void *)in);
	}
}

static void on_term(int sig)
{
	(void)sig;
	umount2(mounted_on, MNT_DETACH);
	_exit(0);
}

static int serve(const char *dir, enum empty_api api, int fd, int spin_us)
{
	struct sigaction act = {.sa_handler = on_term};

	mounted_on = dir;
	setsid(); /* a daemon, as ours: a session may be a group of the scheduler, and to change it costs */
	sigaction(SIGTERM, &act, NULL);
	signal(SIGINT, SIG_IGN); /* whoever started us says when */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (spin_us)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	return api == EMPTY_RAW ? serve_raw(fd, spin_us) : empty_serve_libfuse(fd, spin_us);
}

pid_t empty_start(const char *dir, enum empty_api api, int spin_us)
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
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(serve(dir, api, fd, spin_us));
	close(fd);
	return child;
}

void empty_stop(const char *dir, pid_t server)
{
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	umount2(dir, MNT_DETACH); /* if it could not any more */
}
