/* SPDX-License-Identifier: MIT
 *
 * view_pipe.c - duplex pipes as files: through the views `a` and `b` a read gets a message that was written at the
 * other end. An end is open while any handle of it is: from open(2) on, to its last close. (FIFOs, which are
 * pipes as well, are the kernel's: special.c.)
 */
#include "fs.h"

#include <errno.h>
#include <string.h>

static int no_end(void)
{
	return fs_fail(-EINVAL, "the bare name is no end: use NAME,a or NAME,b");
}

static int open_end(struct fs_handle *h, bool made, const struct ipcfs_maker *maker)
{
	bool is_end = h->leaf->view == FS_PLAIN && h->leaf->n;
	struct ipcfs_op op = {.verb = IPCFS_V_OPEN,
			      .first = h->leaf->n,
			      .holder = fs_handle_holder(h, h->opener)};
	int rc = is_end ? fs_view_engine_item(h->item, &op) : 0;

	(void)made;
	(void)maker;
	if (rc == -EUSERS)
		fs_words("its ends are open too often already");
	if (rc < 0 || !is_end)
		return rc == -EIDRM ? -ENOENT : rc;
	h->holds = true; /* its close closes the end */
	fs_park_changed(h->item);
	return 0;
}

/* Those at one end do not stand in line with those at the other. */
static unsigned lane(const struct fs_handle *h)
{
	return (unsigned)h->leaf->n;
}

/* The other end is closed and all is read: an end of file; where that comes between any two messages, an error. */
static int give_end(struct fs_request *r)
{
	if (r->handle->one_item)
		return fs_fail(-ENODATA, "the other end is closed, and nothing is left");
	return fs_view_give(r, NULL, 0);
}

static int take(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET,
			      .first = r->handle->leaf->n,
			      .holder = &r->handle->holder,
			      .sink = fs_message_answer,
			      .sink_arg = r};
	int rc = op.first ? fs_view_engine(r, &op) : no_end();

	return rc == -ENODATA ? give_end(r) : rc;
}

static int put(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_PUT,
			      .first = r->handle->leaf->n,
			      .holder = &r->handle->holder,
			      .in = r->data,
			      .in_len = r->size};
	int rc = op.first ? fs_view_engine(r, &op) : no_end();

	if (rc == -EPIPE)
		fs_words("the other end is closed");
	if (rc == -EMSGSIZE)
		fs_words("%zu bytes are more than the pipe can ever hold", r->size);
	return rc;
}

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	static const char *const states[] = {[IPCFS_END_NEVER] = "never",
					     [IPCFS_END_OPEN] = "open",
					     [IPCFS_END_CLOSED] = "closed"};

	(void)h;
	fs_text_printf(t, "messages %llu\nbytes %llu\n", (unsigned long long)st->messages,
		       (unsigned long long)st->bytes);
	for (int i = 0; i < 2; i++) {
		const struct ipcfs_pipe_end *e = &st->ends[i];
		char end = (char)('a' + i);

		fs_text_printf(t, "%c %s\n%c_messages %llu\n%c_bytes %llu\n", end, states[e->state],
			       end, (unsigned long long)e->messages, end,
			       (unsigned long long)e->bytes);
	}
}

const struct fs_kind fs_pipe_kind = {
	.write_waits = true,
	.read_waits = true,
	.clears = 2,
	.open = open_end,
	.lane = lane,
	.take = take,
	.write = put,
	.stat = stat_lines,
	.command = fs_view_clear_command,
};
