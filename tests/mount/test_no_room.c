/* SPDX-License-Identifier: MIT
 *
 * test_no_room.c - no room in the store, no permission for it: each ends in an error that says so.
 */
#include "t.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

/* A tmpfs of that size as the store, instead of the usual one. */
static void mount_small(const char *size)
{
	t_umount();
	t_is(t_sys(mount("none", t_store, "tmpfs", 0, t_format("size=%s,mode=0755", size))), 0);
	t_mount("max_bytes=0");
}

static void unmount_small(void)
{
	t_umount();
	t_is(t_sys(umount2(t_store, MNT_DETACH)), 0);
	t_mount(NULL);
}

static void a_full_store_is_enospc(void **state)
{
	(void)state;
	static char block[16384];
	const char *q = t_path("queues/full"), *other = t_path("queues/other");

	mount_small("2m");
	t_is(t_touch(t_format("%s,capacity=16M", q)), 0);
	t_is(t_echo(other, "kept"), 0);
	int fd = t_open(q, O_RDWR | O_NONBLOCK);
	memset(block, 'x', sizeof(block));
	long put = 0, rc;
	while ((rc = t_sys(write(fd, block, sizeof(block)))) == sizeof(block))
		put++;
	t_is(rc, -ENOSPC);
	t_check(put >= 50 && put < 130);
	t_check(t_errors_say("ENOSPC", "queues/full"));
	t_is(t_stat(q, "messages"), put);
	t_is(t_sys(write(fd, block, sizeof(block))), -ENOSPC);
	t_is(t_stat(q, "messages"), put);
	/* what is there can be used */
	t_shows(other, "kept");
	t_is(t_get(fd, block, sizeof(block)), sizeof(block));
	t_is(t_stat(q, "messages"), put - 1);
	/* creation: no room, or nothing half-made */
	int made = 0;
	for (int i = 0; i < 2000; i++, made++) {
		rc = t_touch(t_path("semaphores/s%d", i));
		if (rc < 0)
			break;
	}
	t_is(rc, -ENOSPC);
	t_is(t_exists(t_path("semaphores/s%d", made)), -ENOENT);
	t_is(t_exists(t_in_store("semaphores/s%d", made)), -ENOENT);
	t_check(t_errors_say("ENOSPC", t_format("semaphores/s%d", made)));
	t_is(t_echo(t_path("values/new"), "5"), -ENOSPC);
	struct statvfs vfs;
	t_is(t_sys(statvfs(t_mnt, &vfs)), 0);
	t_check(vfs.f_bavail * vfs.f_frsize < 64 << 10);
	t_check(vfs.f_blocks * vfs.f_frsize == 2 << 20);
	/* rm makes room */
	t_is(t_sys(unlink(q)), 0);
	close(fd);
	t_until(t_echo(t_path("values/new"), "5") == 0);
	t_shows(t_path("values/new"), "5\n");
	t_restart();
	t_shows(t_path("values/new"), "5\n");
	unmount_small();
}

static void a_full_store_under_the_library(void **state)
{
	(void)state;
	struct ipcfs_store *store;
	struct ipcfs_object *queue;
	struct ipcfs_properties p = {.given = IPCFS_P_CAPACITY, .capacity = 16 << 20};
	static char block[16384];
	int rc;

	mount_small("2m");
	t_is(ipcfs_store_open(t_store, &store), 0);
	t_is(ipcfs_open(store, IPCFS_QUEUE, "lib", IPCFS_CREATE, 0666, &p, &queue), 0);
	long put = 0;
	while ((rc = ipcfs_queue_put(queue, block, sizeof(block), 0)) == 0)
		put++;
	t_is(rc, -ENOSPC);
	t_check(put >= 50);
	t_is(t_stat(t_path("queues/lib"), "messages"), put);
	for (long i = 0; i < put; i++)
		t_is(ipcfs_queue_get(queue, block, sizeof(block), 0), sizeof(block));
	t_is(ipcfs_queue_put(queue, block, sizeof(block), 0), 0);
	ipcfs_close(queue);
	ipcfs_store_close(store);
	unmount_small();
}

static void no_inodes_left_is_enospc(void **state)
{
	(void)state;
	mount_small("2m,nr_inodes=60");
	long rc = 0;
	int made = 0;
	for (; made < 100 && rc == 0; made++)
		rc = t_touch(t_path("events/e%d", made));
	t_is(rc, -ENOSPC);
	t_is(t_exists(t_path("events/e%d", made - 1)), -ENOENT);
	t_is(t_sys(unlink(t_path("events/e0"))), 0);
	t_is(t_touch(t_path("events/new")), 0);
	unmount_small();
}

static long free_bytes(void)
{
	struct statvfs vfs;

	t_is(t_sys(statvfs(t_mnt, &vfs)), 0);
	return (long)(vfs.f_bavail * vfs.f_frsize);
}

/* What is too large for the store fails, and takes the room of nobody else. */
static void what_fails_leaves_the_room(void **state)
{
	(void)state;
	const char *kept = t_path("dicts/d/kept");
	long room;

	mount_small("3m");
	t_is(t_sys(mkdir(t_path("dicts/d"), 0755)), 0);
	t_is(t_echo(kept, "kept"), 0);
	room = free_bytes();
	t_runs(1, "head -c 4M /dev/zero | tee $M/dicts/d/big > /dev/null");
	t_is(t_exists(t_path("dicts/d/big")), -ENOENT);
	t_is(free_bytes(), room);
	t_runs(0, "touch $M/arrays/a,type=B,len=1M");
	t_shows(kept, "kept");
	unmount_small();
}

/* A dict whose keys were removed one by one has their memory until it is cleared. */
static void clear_gives_back_what_removed_keys_had(void **state)
{
	(void)state;
	long room;

	mount_small("16m");
	t_is(t_sys(mkdir(t_path("dicts/d"), 0755)), 0);
	room = free_bytes();
	t_runs(0, "head -c 8M /dev/zero > $M/dicts/d/big && rm $M/dicts/d/big");
	t_check(free_bytes() <= room - (8 << 20));
	t_runs(0, "echo clear > $M/dicts/d,ctl");
	t_check(free_bytes() >= room - (2 << 20));
	t_runs(0, "echo again > $M/dicts/d/k && grep -q again $M/dicts/d/k");
	unmount_small();
}

/* Read-only: objects cannot be made or removed; what the kernel lets us do goes on. */
static void an_unwritable_store(void **state)
{
	(void)state;
	const char *q = t_path("queues/ro");

	mount_small("4m");
	t_is(t_echo(q, "before"), 0);
	t_is(t_stat(q, "messages"), 1);
	t_umount();
	t_is(t_sys(mount("none", t_store, "tmpfs", MS_REMOUNT | MS_RDONLY, "")), 0);
	char words[T_TEXT];
	int status = t_try_mount(t_store, t_mnt, NULL, words); /* refuses in words, or serves */
	if (status != 0)
		t_check(strlen(words) > 10);
	else {
		t_is(t_touch(t_path("queues/new")), -EROFS);
		t_check(t_errors_say("EROFS", "queues/new"));
		t_is(t_exists(t_path("queues/new")), -ENOENT);
		t_is(t_sys(unlink(q)), -EROFS);
		t_is(t_sys(mkdir(t_path("queues/d"), 0755)), -EROFS);
		t_is(t_sys(chmod(q, 0666)), -EROFS);
		t_runs(0, "ls -lR $M > /dev/null");
		t_umount();
	}
	t_is(t_sys(mount("none", t_store, "tmpfs", MS_REMOUNT, "")), 0);
	t_mount(NULL);
	t_shows(q, "before");
	unmount_small();
}

/* It becomes so while it is served. */
static void a_store_that_becomes_unwritable(void **state)
{
	(void)state;
	const char *q = t_path("queues/ro");

	mount_small("4m");
	t_is(t_echo(q, "before"), 0);
	if (mount("none", t_store, "tmpfs", MS_REMOUNT | MS_RDONLY, "") == 0) {
		t_is(t_touch(t_path("queues/new")), -EROFS);
		t_check(t_errors_say("EROFS", "queues/new"));
		t_is(t_sys(unlink(q)), -EROFS);
		t_is(t_sys(rename(q, t_path("queues/other"))), -EROFS);
		t_is(t_sys(mkdir(t_path("queues/d"), 0755)), -EROFS);
		t_is(t_sys(mount("none", t_store, "tmpfs", MS_REMOUNT, "")), 0);
	} /* else the kernel refuses: writable mappings */
	t_is(t_touch(t_path("queues/new")), 0);
	t_shows(q, "before");
	unmount_small();
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_full_store_is_enospc),
		T_TEST(a_full_store_under_the_library),
		T_TEST(no_inodes_left_is_enospc),
		T_TEST(an_unwritable_store),
		T_TEST(a_store_that_becomes_unwritable),
		T_TEST(what_fails_leaves_the_room),
		T_TEST(clear_gives_back_what_removed_keys_had),
	};

	return T_RUN(tests, argc, argv);
}
