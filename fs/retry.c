/* SPDX-License-Identifier: MIT
 *
 * retry.c - requests that must not wait and met an object whose inner lock another program has: they are
 * called again each millisecond, for 100 ms at the most, and get EBUSY then. Parked ones would hold the
 * kernel's lock of their folder, and everybody's `ls` with it; for so short a time nobody notices.
 */
#include "fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static TAILQ_HEAD(, fs_retry) waiting = TAILQ_HEAD_INITIALIZER(waiting);
static unsigned waiting_count;
static struct fs_retry *current; /* is being called again */
static bool kept;		 /* it must be once more */

static void keep(struct fs_retry *r)
{
	TAILQ_INSERT_TAIL(&waiting, r, link);
	waiting_count++;
	fs_park_mind_busy(NULL);
}

bool fs_retry(const struct fs_retry *request)
{
	struct fs_retry *r = current;
	int64_t now = fs_now_ns();

	if (!r) {
		r = malloc(sizeof(*r));
		if (!r)
			return false;
		*r = *request;
		r->until_ns = now + FS_BUSY_MS * 1000000ll;
	} else if (now >= r->until_ns || fs_park_stopping) {
		fs_park_busy_words();
		return false;
	} else {
		kept = true;
	}
	keep(r);
	return true;
}

bool fs_retry_name(void (*call)(struct fs_retry *r), fuse_req_t req, fuse_ino_t parent,
		   const char *name, mode_t mode, int flags)
{
	struct fs_retry r = {.call = call, .req = req, .ino = parent, .flags = flags};

	r.attr.st_mode = mode;
	snprintf(r.name, sizeof(r.name), "%s", name);
	return fs_retry(&r);
}

void fs_retry_all(void)
{
	for (unsigned n = waiting_count; n > 0; n--) {
		struct fs_retry *r = TAILQ_FIRST(&waiting);

		TAILQ_REMOVE(&waiting, r, link);
		waiting_count--;
		kept = false;
		current = r;
		fs_reply_begin();
		r->call(r);
		current = NULL;
		if (!kept)
			free(r);
	}
}
