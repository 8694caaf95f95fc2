/* SPDX-License-Identifier: MIT
 *
 * view_event.c - events as files: a read waits until the event is set, 1 sets it, 0 clears it.
 */
#include "fs.h"

#include <errno.h>

#include "../core/text.h"

static int take(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_WAIT};
	int rc = fs_view_engine(r, &op);

	return rc < 0 ? rc : fs_view_give(r, "1\n", 2);
}

static int change(struct fs_request *r)
{
	size_t len = r->size;
	const char *s = ipcfs_trim(r->data, &len);
	struct ipcfs_op op = {.verb = IPCFS_V_SET};

	if (len != 1 || (*s != '0' && *s != '1'))
		return fs_fail(-EINVAL, "%s is neither 1 (set) nor 0 (clear)", fs_quote(s, len));
	if (*s == '0')
		op.verb = IPCFS_V_UNSET;
	return fs_view_engine(r, &op);
}

const struct fs_kind fs_event_kind = {
	.read_waits = true,
	.take = take,
	.show = fs_view_show_value,
	.write = change,
	.stat = fs_view_stat_value,
	.command = fs_view_no_command,
};
