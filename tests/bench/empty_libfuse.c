/* SPDX-License-Identifier: MIT
 *
 * empty_libfuse.c - the empty server on libfuse's low-level API, with a loop of our own.
 */
#define FUSE_USE_VERSION 312
#include "empty.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stat attributes(uint64_t id)
{
	struct stat st = {.st_nlink = 1, .st_mode = empty_mode(id)};

	st.st_ino = id < EMPTY_FIRST_MINTED ? id : EMPTY_FIRST_MINTED;
	return st;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {0};
	unsigned valid_s;

	(void)parent;
	e.ino = empty_lookup(name, &valid_s);
	e.attr = attributes(e.ino);
	e.entry_timeout = valid_s;
	e.attr_timeout = valid_s + 1e-6;
	if (e.ino)
		fuse_reply_entry(req, &e);
	else
		fuse_reply_err(req, ENOENT);
}

static void getattr(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct stat st = attributes(id);

	(void)fi;
	fuse_reply_attr(req, &st, empty_valid_s(id));
}

/* fuse_reply_open() of 3.14 does not know FOPEN_STREAM and FOPEN_PARALLEL_DIRECT_WRITES. */
static void open_file(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct {
		uint64_t handle;
		uint32_t flags;
		int32_t backing;
	} out = {.flags = 1 << 0 | 1 << 4 | 1 << 5 | 1 << 6};

	(void)id;
	(void)fi;
	fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

static void read_file(fuse_req_t req, fuse_ino_t id, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	static const char nothing[EMPTY_BYTES];

	(void)id;
	(void)size;
	(void)off;
	(void)fi;
	fuse_reply_buf(req, nothing, sizeof(nothing));
}

static void write_file(fuse_req_t req, fuse_ino_t id, const char *buf, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)id;
	(void)buf;
	(void)off;
	(void)fi;
	fuse_reply_write(req, size);
}

static void succeed(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	(void)id;
	(void)fi;
	fuse_reply_err(req, 0);
}

static void forget(fuse_req_t req, fuse_ino_t id, uint64_t lookups)
{
	(void)id;
	(void)lookups;
	fuse_reply_none(req);
}

/* Sleeps where there is nothing to read, after spinning. */
static int receive(struct fuse_session *session, struct fuse_buf *buf, int spin_us)
{
	struct pollfd p = {.fd = fuse_session_fd(session), .events = POLLIN};
	int64_t until = 0;

	for (;;) {
		int n = fuse_session_receive_buf(session, buf);

		if (n == -EINTR || n == -ENOENT)
			continue;
		if (n != -EAGAIN)
			return n;
		if (!until)
			until = empty_now_us() + spin_us;
		else if (empty_now_us() >= until)
			poll(&p, 1, -1);
	}
}

int empty_serve_libfuse(int fd, int spin_us)
{
	static const struct fuse_lowlevel_ops ops = {
		.lookup = lookup,
		.getattr = getattr,
		.open = open_file,
		.read = read_file,
		.write = write_file,
		.flush = succeed,
		.release = succeed,
		.forget = forget,
	};
	char *argv[] = {"empty", NULL}, at[32];
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	struct fuse_buf buf = {.mem = NULL};

	snprintf(at, sizeof(at), "/dev/fd/%d", fd); /* is mounted already */
	if (!session || fuse_session_mount(session, at) < 0)
		return 1;
	while (!fuse_session_exited(session) && receive(session, &buf, spin_us) > 0)
		fuse_session_process_buf(session, &buf);
	fuse_session_destroy(session);
	free(buf.mem);
	return 0;
}
