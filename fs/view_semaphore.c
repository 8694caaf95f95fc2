/* SPDX-License-Identifier: MIT
 *
 * view_semaphore.c - semaphores as files: a read acquires, a number written releases; units that the handle
 * holds come back with it. The view `tokens` is in tokens.c.
 */
#include "fs.h"

#include <errno.h>
#include <stdio.h>

#include "../core/text.h"

static uint64_t units(const struct fs_handle *h)
{
	return h->leaf->options & FS_O_N ? h->leaf->n : 1;
}

/* Under the object's lock: answered, then acquired. */
static int answer(void *arg, const struct iovec *pieces, int n)
{
	struct fs_request *r = arg;
	char text[24];
	int len = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)units(r->handle));

	(void)pieces;
	(void)n;
	return fs_view_give(r, text, (size_t)len);
}

static int take(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	bool hold = h->leaf->options & FS_O_HOLD;
	struct ipcfs_op op = {.verb = IPCFS_V_ACQUIRE,
			      .flags = hold ? IPCFS_OP_HOLD : 0,
			      .count = units(h),
			      .holder = hold ? fs_handle_holder(h, r->pid) : NULL,
			      .sink = answer,
			      .sink_arg = r};
	int rc = h->leaf->options & FS_O_TOKENS ? fs_tokens_take(r) : fs_view_engine(r, &op);

	if (rc == -ERANGE)
		fs_words("%llu are more than max", (unsigned long long)units(h));
	if (rc == 0 && hold)
		h->holds = true;
	return rc;
}

/* The handle pays for what it holds, or the longest holder does. */
static int release(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_RELEASE, .holder = &r->handle->holder};
	size_t len = r->size;
	const char *s = ipcfs_trim(r->data, &len);
	int rc = ipcfs_parse_u64(s, len, &op.count);

	if (rc < 0)
		return fs_fail(rc, "%s is not a number of units to release", fs_quote(s, len));
	if (op.count == 0)
		return fs_fail(-EINVAL, "0 is not a number of units to release");
	return fs_view_engine(r, &op);
}

static int give(struct fs_request *r)
{
	int rc = r->handle->leaf->options & FS_O_TOKENS ? fs_tokens_give(r) : release(r);

	if (rc == -EOVERFLOW)
		fs_words("semaphore or lock released too many times");
	return rc;
}

const struct fs_kind fs_semaphore_kind = {
	.read_waits = true,
	.gone = fs_tokens_forget,
	.take = take,
	.show = fs_view_show_value,
	.write = give,
	.withdraw = fs_view_quit,
	.stat = fs_view_stat_value,
	.command = fs_view_no_command,
};
