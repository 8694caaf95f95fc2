/* SPDX-License-Identifier: MIT
 *
 * join.c - members of channels: who has opened one with the view `join` is sent each signal that it is fired with, or
 * the one that he has asked for instead, until he closes it or ends. He has asked for it, so his ids are those that
 * count, at that moment; and as he may have become another program since, one that runs set-id gets none.
 *
 * A member has a place in the row of firings, as a reader has. So whoever fires, through a file or in the library,
 * whose doorbell is asked for at each look: each firing is sent to each member once.
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>

enum { AT_ONCE = 256 }; /* signals; then others get their turn */

struct fs_joined {
	struct fs_pin *member; /* NULL: it has ended */
	struct fs_process sender;
	uint64_t seen;
	int signal; /* 0: what is fired */
	LIST_ENTRY(fs_joined) link;
};

int fs_join_open(struct fs_handle *h)
{
	struct fs_joined *j = calloc(1, sizeof(*j));
	int rc = j ? fs_signal_pin(h->opener, h->uid, &j->sender, &j->member) : -ENOMEM;

	if (rc < 0) {
		free(j);
		return rc;
	}
	j->seen = h->ticket;
	j->signal = h->leaf->member;
	h->joined = j;
	LIST_INSERT_HEAD(&h->item->joined, j, link);
	fs_park_note(h->item);
	fs_join_tell(h->item); /* asks for the doorbell */
	return 0;
}

void fs_join_close(struct fs_handle *h)
{
	struct fs_joined *j = h->joined;

	if (!j)
		return;
	h->joined = NULL;
	LIST_REMOVE(j, link);
	fs_park_note(h->item);
	fs_pin_put(j->member);
	free(j);
}

/* The signal behind those that he has got; 0: none, or it cannot be had. */
static int next(struct fs_item *item, struct fs_joined *j)
{
	struct ipcfs_op op = {.verb = IPCFS_V_FIRED, .first = j->seen, .flags = IPCFS_OP_PARK};
	int rc = fs_view_engine_item(item, &op);

	if (rc == -EBUSY)
		fs_park_mind_busy(item);
	if (rc < 0)
		return 0;
	j->seen = op.first;
	return (int)op.count;
}

static void send(struct fs_joined *j, int signal)
{
	if (fs_signal_send(j->member, &j->sender, signal) != -ESRCH)
		return;
	fs_pin_put(j->member);
	j->member = NULL;
}

void fs_join_tell(struct fs_item *item)
{
	struct fs_joined *j;
	int left = AT_ONCE, signal;

	LIST_FOREACH(j, &item->joined, link)
	while (j->member && left && (signal = next(item, j))) {
		send(j, j->signal ? j->signal : signal);
		left--;
	}
	if (!left)
		fs_park_mind_busy(item); /* the rest in a millisecond */
}

void fs_join_list(const struct fs_item *item, struct fs_text *t)
{
	const struct fs_joined *j;
	unsigned n = 0;

	LIST_FOREACH(j, &item->joined, link)
	n += j->member && !fs_pin_ended(j->member);
	fs_text_printf(t, "members %u\n", n);
	LIST_FOREACH(j, &item->joined, link)
	if (j->member && !fs_pin_ended(j->member))
		fs_text_printf(t, "member %d %u\n", (int)j->member->pid, j->sender.uid);
}
