/* SPDX-License-Identifier: MIT
 *
 * died.c - a process has died that held something: whoever waits for it is to have it at once, not only who is
 * parked here but also who sleeps in the library. So the server takes back what the dead had; that wakes
 * them. An object that nobody has looked at through the mount is known by its inode number alone, and looked for in
 * the store, where that costs little; else those who wait for it look themselves, each second.
 */
#include "fs.h"

#include <dirent.h>
#include <fcntl.h>

#include "../core/object.h"
#include "../core/sys.h"

enum {
	UNKNOWN = 32,
	REST = 20, /* times as long as the last walk took, until the next */
};

static uint64_t unknown[UNKNOWN];
static unsigned unknown_count;
static enum ipcfs_kind walked;
static int64_t rest_until_ns;

/* To be ready, or not, the kind asks first whether those live who are in the way. */
static struct ipcfs_op question(void)
{
	return (struct ipcfs_op){.verb = IPCFS_V_READY, .count = 1u << IPCFS_C_READ};
}

void fs_died(void *arg, uint64_t ino)
{
	struct fs_item *item = fs_item_of(ino);
	struct ipcfs_op op = question();

	(void)arg;
	if (!item && unknown_count < UNKNOWN)
		unknown[unknown_count++] = ino;
	if (!item || !ipcfs_kinds[item->kind]->holding)
		return;
	fs_item_ref(item);
	fs_park_leave(item, &op);
	fs_item_put(item);
}

static void look_at(int dirfd, const char *name)
{
	struct ipcfs_op op = question();
	struct ipcfs_object *o;
	int fd = sys_open_beneath(dirfd, name, O_RDWR | O_NOFOLLOW, 0);

	if (fd >= 0 && seg_attach(fs.store, fd, walked, &o) == 0) {
		op.flags = IPCFS_OP_TRYLOCK;
		fs.engine->try(o, &op);
		seg_detach(o);
	}
	sys_close(fd);
}

static bool is_wanted(int dirfd, const struct dirent *entry)
{
	for (unsigned i = 0; i < unknown_count; i++) {
		if (unknown[i] != entry->d_ino)
			continue;
		look_at(dirfd, entry->d_name);
		unknown[i] = unknown[--unknown_count];
		break;
	}
	return unknown_count == 0;
}

void fs_died_settle(void)
{
	int64_t begin = fs_now_ns();

	if (unknown_count && begin >= rest_until_ns) {
		for (walked = 0; walked < IPCFS_SEGMENT_COUNT && unknown_count; walked++)
			if (ipcfs_kinds[walked]->holding)
				fs_walk(walked, is_wanted);
		rest_until_ns = fs_now_ns() + REST * (fs_now_ns() - begin);
	}
	unknown_count = 0;
}
