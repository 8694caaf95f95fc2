/* SPDX-License-Identifier: MIT
 *
 * test_many.c - 20,000 queues in a tmpfs of 256 MB, with 1,024 descriptors: created, listed, used. And more
 * folders than inotify numbers were once counted on.
 */
#include "t.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

enum { MANY = 20000 };

static bool seen[MANY];

/* Every name is listed once. */
static void list(const char *folder, int count)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int n = 0;

	t_check(dir);
	memset(seen, 0, sizeof(seen));
	/* cppcheck-suppress readdirCalled ; one thread */
	while ((entry = readdir(dir))) {
		int i;
		if (entry->d_name[0] == '.')
			continue;
		if (sscanf(entry->d_name, "q%d", &i) != 1 || i < 0 || i >= MANY || seen[i])
			t_fail("listed: %s", entry->d_name);
		seen[i] = true;
		t_check(entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN);
		n++;
	}
	closedir(dir);
	t_is(n, count);
}

static void twenty_thousand_queues(void **state)
{
	(void)state;
	const char *folder = t_path("queues");
	struct rlimit limit, few = {1024, 1024};
	struct statvfs vfs;
	long created;

	/* the server inherits it; ours stays */
	t_umount();
	t_is(t_sys(mount("none", t_store, "tmpfs", 0, "size=256m,mode=0755")), 0);
	t_is(t_sys(getrlimit(RLIMIT_NOFILE, &limit)), 0);
	few.rlim_max = limit.rlim_max;
	t_is(t_sys(setrlimit(RLIMIT_NOFILE, &few)), 0);
	t_mount(NULL);
	t_is(t_sys(setrlimit(RLIMIT_NOFILE, &limit)), 0);
	t_runs(0, "prlimit --pid %d --nofile=1024:1024",
	       (int)t_server()); /* also if it raised its own */

	for (int i = 0; i < MANY; i++) {
		long rc = t_touch(t_format("%s/q%d", folder, i));
		if (rc < 0)
			t_fail("creation of queue %d: %s", i, t_result(rc));
	}
	t_is(t_status("objects"), MANY);
	t_is(t_sys(statvfs(t_store, &vfs)), 0);
	created = (long)((vfs.f_blocks - vfs.f_bfree) * vfs.f_frsize);
	print_message("%ld bytes of store a queue that was created\n", created / MANY);
	list(folder, MANY);

	/* used: a message through each, held by all at once */
	for (int i = 0; i < MANY; i++)
		t_is(t_echo(t_format("%s/q%d", folder, i), "message"), 0);
	t_is(t_sys(statvfs(t_store, &vfs)), 0);
	long used = (long)((vfs.f_blocks - vfs.f_bfree) * vfs.f_frsize);
	print_message("%ld bytes of store a queue that holds a message\n", used / MANY);
	t_check(used / MANY <= 3 * 4096 + 64); /* at most three pages each */
	list(folder, MANY);
	for (int i = MANY - 1; i >= 0; i--)
		t_shows(t_format("%s/q%d", folder, i), "message");
	/* and the first ones again, by the library: whatever the server still has mapped */
	for (int i = 0; i < 100; i++) {
		struct ipcfs_store *store;
		struct ipcfs_object *queue;
		t_is(ipcfs_store_open(t_store, &store), 0);
		t_is(ipcfs_open(store, IPCFS_QUEUE, t_format("q%d", i * 199), 0, 0, NULL, &queue),
		     0);
		t_is(ipcfs_queue_put(queue, "lib", 3, 0), 0);
		t_shows(t_format("%s/q%d", folder, i * 199), "lib");
		ipcfs_close(queue);
		ipcfs_store_close(store);
	}

	/* waiters on some of them */
	struct t_io reader[100];
	for (int i = 0; i < 100; i++) {
		reader[i] = t_reader(t_format("%s/q%d", folder, i * 200), O_RDONLY);
		t_wait_stat(t_format("%s/q%d", folder, i * 200), "waiters", 1);
	}
	for (int i = 0; i < 5000; i++) /* others in between, so that theirs could be evicted */
		t_is(t_stat(t_format("%s/q%d", folder, i * 4 + 1), "messages"), 0);
	for (int i = 0; i < 100; i++)
		t_is(t_echo(t_format("%s/q%d", folder, i * 200), "woken"), 0);
	for (int i = 0; i < 100; i++)
		t_io_got(&reader[i], "woken");

	t_restart();
	t_is(t_status("objects"), MANY);
	list(folder, MANY);
	t_is(t_echo(t_format("%s/q%d", folder, MANY - 1), "again"), 0);
	t_shows(t_format("%s/q%d", folder, MANY - 1), "again");

	for (int i = 0; i < MANY; i += 2)
		t_is(t_sys(unlink(t_format("%s/q%d", folder, i))), 0);
	t_is(t_status("objects"), MANY / 2);
	list(folder, MANY / 2);
	t_umount();
	t_is(t_sys(umount2(t_store, MNT_DETACH)), 0);
	t_mount(NULL);
}

/* Entries come and go while the folder is listed: those that stay are listed once. */
static void listing_beside_changes(void **state)
{
	(void)state;
	t_is(t_sys(mkdir(t_path("events/busy"), 0755)), 0);
	for (int i = 0; i < 1000; i++)
		t_is(t_touch(t_path("events/busy/q%d", i)), 0);
	pid_t child = t_shell(NULL, "exec 2>/dev/null; while :; do for i in {1..50}; do "
				    ": > $M/events/busy/.x$i; : > $M/events/busy/new$i; "
				    "rm -f $M/events/busy/new$i; done; done");
	for (int round = 0; round < 50; round++) {
		DIR *dir = opendir(t_path("events/busy"));
		struct dirent *entry;
		int n = 0, i;
		t_check(dir);
		memset(seen, 0, sizeof(seen));
		/* cppcheck-suppress readdirCalled ; one thread */
		while ((entry = readdir(dir))) {
			if (sscanf(entry->d_name, "q%d", &i) != 1)
				continue;
			t_check(i >= 0 && i < 1000 && !seen[i]);
			seen[i] = true;
			n++;
		}
		closedir(dir);
		t_is(n, 1000);
	}
	t_kill(child);
}

/* inotify numbers its watches upwards and uses no number twice: whatever is kept by number must not end at one. */
static void a_raw_rm_is_noticed_after_many_folders(void **state)
{
	enum { FOLDERS = 66000 };
	char path[512];

	(void)state;
	t_limit(240);
	for (int i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s/queues/f%d", t_mnt, i);
		if (mkdir(path, 0755) < 0 || rmdir(path) < 0)
			t_fail("folder %d: %s", i, t_result(-errno));
	}
	t_is(t_sys(mkdir(t_path("queues/late"), 0755)), 0);
	const char *q = t_path("queues/late/q");
	t_is(t_touch(q), 0);
	struct t_io reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(t_sys(unlink(t_in_store("queues/late/q"))), 0);
	t_is(t_io_result(&reader), -EIDRM);
	t_is(t_sys(rmdir(t_path("queues/late"))), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(twenty_thousand_queues),
		T_TEST(listing_beside_changes),
		T_TEST(a_raw_rm_is_noticed_after_many_folders),
	};

	return T_RUN(tests, argc, argv);
}
