/* SPDX-License-Identifier: MIT
 *
 * died.c - a process has died that held something: whoever waits for it is to have it at once, not only who is
 * parked here but also who sleeps in the library. So the server takes back what the dead had; that wakes
 * them. An object that nobody has looked at through the mount is known by its inode number alone, and looked for in
 * the store. Such walks take a twentieth of the server's time at most: who dies in the pause after one is remembered
 * until the next. Of more deaths than can be remembered, those who wait look themselves, each second.
 */
#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "../core/object.h"

enum {
	UNKNOWN = 256,
	LOOKS = 4, /* at an object whose inner lock is busy */
	REST = 20, /* times as long as the last walk took, until the next */
	REST_LEAST_NS = 1000000,
};

static struct unknown {
	uint64_t ino;
	int looks;
} unknown[UNKNOWN];
static unsigned unknown_count;
static enum ipcfs_kind walked;
static int64_t rest_until_ns;
static ev_io rest_io;

/* To be ready, or not, the kind asks first whether those live who are in the way. */
static struct ipcfs_op question(void)
{
	return (struct ipcfs_op){.verb = IPCFS_V_READY, .count = 1u << IPCFS_C_READ};
}

static void remember(uint64_t ino)
{
	for (unsigned i = 0; i < unknown_count; i++) {
		if (unknown[i].ino != ino)
			continue;
		unknown[i].looks = 0;
		return;
	}
	if (unknown_count < UNKNOWN)
		unknown[unknown_count++] = (struct unknown){.ino = ino};
}

void fs_died(void *arg, uint64_t ino)
{
	struct fs_item *item = fs_item_of(ino);
	struct ipcfs_op op = question();

	(void)arg;
	if (!item)
		remember(ino);
	if (!item || !ipcfs_kinds[item->kind]->holding)
		return;
	fs_item_ref(item);
	fs_park_leave(item, &op);
	fs_item_put(item);
}

/* Whether it could be done. */
static bool look_at(int dirfd, const char *name)
{
	struct ipcfs_op op = question();

	return fs_walk_try(dirfd, name, walked, &op) != -EBUSY;
}

static unsigned to_look_for; /* the first of them */

/* Those that were looked at come to the end: they go after the walk, but where somebody was at them. */
static bool is_wanted(int dirfd, const struct dirent *entry)
{
	for (unsigned i = 0; i < to_look_for; i++) {
		struct unknown found = unknown[i];

		if (found.ino != entry->d_ino)
			continue;
		unknown[i] = unknown[--to_look_for];
		if (look_at(dirfd, entry->d_name))
			found.looks = LOOKS;
		unknown[to_look_for] = found;
		break;
	}
	return to_look_for == 0;
}

static void walk(void)
{
	unsigned kept = 0;

	to_look_for = unknown_count;
	for (walked = 0; walked < IPCFS_SEGMENT_COUNT && to_look_for; walked++)
		if (ipcfs_kinds[walked]->holding)
			fs_walk(ipcfs_kind_name(walked), is_wanted);
	/* Those before are in no folder. */
	for (unsigned i = to_look_for; i < unknown_count; i++)
		if (++unknown[i].looks < LOOKS)
			unknown[kept++] = unknown[i];
	unknown_count = kept;
}

void fs_died_settle(void)
{
	int64_t begin = fs_now_ns(), now = begin;

	if (!unknown_count)
		return;
	if (begin >= rest_until_ns) {
		walk();
		now = fs_now_ns();
		rest_until_ns = now + REST * (now - begin);
	}
	if (unknown_count)
		fs_loop_ring_at(&rest_io, rest_until_ns - now > REST_LEAST_NS ?
						  rest_until_ns :
						  now + REST_LEAST_NS);
}

static void on_rested(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	if (!fs_loop_rang(io))
		return;
	fs_died_settle();
	fs_park_settle();
}

int fs_died_start(void)
{
	return fs_loop_clock(&rest_io, on_rested);
}
