/* SPDX-License-Identifier: MIT
 *
 * test_limits.c - contract, section 9: the limits of each user.
 */
#include "t.h"

#include <signal.h>
#include <sys/wait.h>

#include "perm.h"

static long create_20(const char *path)
{
	for (int i = 0; i < 20; i++) {
		long rc = t_touch(t_format("%s%d", path, i));
		if (rc < 0)
			return rc == -EDQUOT ? i : rc;
	}
	return 20;
}

static long remove_20(const char *path)
{
	for (int i = 0; i < 20; i++)
		unlink(t_format("%s%d", path, i));
	return 0;
}

static void with_mount(const char *options)
{
	t_umount();
	t_mount(options);
}

static void max_objects_is_edquot(void **state)
{
	(void)state;
	const char *n = t_path("queues/n"), *o = t_path("events/o");

	with_mount("max_objects=10");
	/* objects of earlier tests count too: start from none */
	t_runs(0, "find $M -mindepth 2 '(' -user %d -o -user %d ')' -delete", T_NOBODY, T_OTHER);
	t_is(t_as(T_NOBODY, create_20, n), 10);
	char text[T_TEXT];
	t_check(t_cat(t_path("errors"), text, sizeof(text)) > 0);
	t_check(strstr(text, "EDQUOT"));
	t_is(t_as(T_OTHER, create_20, o), 10); /* others notice nothing */
	t_is(t_as(T_NOBODY, as_create, t_path("values/one,type=q")), -EDQUOT);
	t_is(t_as(T_NOBODY, as_unlink, t_format("%s0", n)), 0);
	t_is(t_as(T_NOBODY, as_create, t_path("values/one,type=q")), 0);
	t_is(t_as(T_NOBODY, as_create, t_path("values/two,type=q")), -EDQUOT);
	t_is(t_as(T_NOBODY, as_write_1, t_format("%s1", n)), 1); /* those there are work */
	t_is(t_as(T_NOBODY, remove_20, n), 0);
	t_is(t_as(T_NOBODY, create_20, t_path("queues/again")), 9);
	t_is(t_as(T_NOBODY, remove_20, t_path("queues/again")), 0);
	t_is(t_as(T_OTHER, remove_20, o), 0);
	/* counted anew after a restart */
	t_is(t_as(T_NOBODY, create_20, n), 9);
	t_restart();
	t_is(t_as(T_NOBODY, as_create, t_path("queues/more")), -EDQUOT);
	t_is(t_as(T_NOBODY, remove_20, n), 0);
	with_mount(NULL);
}

static long mkdir_20(const char *path)
{
	long rc = 0;
	int n = 0;

	while (n < 20 && (rc = as_mkdir(t_format("%s%d", path, n))) == 0)
		n++;
	return rc < 0 && rc != -EDQUOT ? rc : n;
}

static long rmdir_20(const char *path)
{
	for (int i = 0; i < 20; i++)
		rmdir(t_format("%s%d", path, i));
	return 0;
}

static void max_objects_limits_folders_too(void **state)
{
	const char *d = t_path("values/d"), *o = t_path("values/o");

	(void)state;
	with_mount("max_objects=10");
	t_runs(0, "find $M -mindepth 2 '(' -user %d -o -user %d ')' -delete", T_NOBODY, T_OTHER);
	t_is(t_as(T_NOBODY, mkdir_20, d), 10);
	t_is(t_as(T_OTHER, mkdir_20, o), 10); /* others notice nothing */
	t_is(t_as(T_NOBODY, as_rmdir, t_format("%s0", d)), 0);
	t_is(t_as(T_NOBODY, as_mkdir, t_format("%s0", d)), 0);
	t_restart(); /* counted anew */
	t_is(t_as(T_NOBODY, as_mkdir, t_path("values/more")), -EDQUOT);
	t_is(t_as(T_NOBODY, as_create, t_path("values/more,type=q")), 0);
	t_is(t_as(T_NOBODY, as_unlink, t_path("values/more")), 0);
	t_is(t_as(T_NOBODY, rmdir_20, d), 0);
	t_is(t_as(T_OTHER, rmdir_20, o), 0);
	with_mount(NULL);
}

static long fill_queue(const char *path)
{
	static char block[65536];
	int fd = t_open(path, O_WRONLY | O_CREAT | O_NONBLOCK);
	long put = 0;

	if (fd < 0)
		return fd;
	for (int i = 0; i < 256; i++) {
		long n = t_sys(write(fd, block, sizeof(block)));
		if (n < 0)
			return n == -EDQUOT ? put : n;
		put += n;
	}
	return put;
}

static void max_bytes_is_edquot(void **state)
{
	(void)state;
	const char *q = t_path("queues/bytes");

	with_mount("max_bytes=4M");
	long put = t_as(T_NOBODY, fill_queue, t_format("%s,capacity=64M", q));
	t_check(put >= 2 << 20 && put <= 4 << 20);
	t_is(t_stat(q, "bytes"), put);
	long other = t_as(T_OTHER, fill_queue, t_path("queues/bytes2,capacity=64M"));
	t_check(other >= 2 << 20);
	t_is(t_as(T_NOBODY, as_read, q), 4096); /* what is there can be taken */
	t_is(t_sys(unlink(q)), 0);
	t_check(t_as(T_NOBODY, fill_queue, t_format("%s,capacity=64M", q)) >= 2 << 20);
	t_is(t_sys(unlink(q)), 0);
	t_is(t_sys(unlink(t_path("queues/bytes2"))), 0);
	with_mount(NULL);
}

static long park_20(const char *path)
{
	long parked = 0;

	for (int i = 0; i < 20; i++) {
		int ends[2];
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		if (fork() == 0) {
			char buf[8];
			int fd = t_open(path, O_RDONLY);
			long n = fd < 0 ? fd : t_get(fd, buf, sizeof(buf));
			(void)!write(ends[1], &n, sizeof(n));
			_exit(0);
		}
		close(ends[1]);
		/* it parks, or is refused */
		for (;;) {
			long n = 0;
			if (t_poll(ends[0], POLLIN, 1) & POLLIN) {
				if (read(ends[0], &n, sizeof(n)) != sizeof(n) || n != -EUSERS)
					return n ? n : -EIO;
				return parked;
			}
			if (t_stat(path, "waiters") == i + 1)
				break;
		}
		parked++;
	}
	return parked;
}

static void max_parked_is_eusers(void **state)
{
	(void)state;
	const char *q = t_path("queues/parked");

	with_mount("max_parked=8");
	t_is(t_touch(q), 0);
	t_is(t_sys(chmod(q, 0666)), 0);
	t_is(t_as(T_NOBODY, park_20, q), 8);
	struct t_io reader = t_reader(q, O_RDONLY); /* another user: root */
	t_wait_stat(q, "waiters", 9);
	t_check(t_as(T_NOBODY, as_read, q) == -EAGAIN); /* who does not wait needs no place */
	t_is(t_sys(unlink(q)), 0);
	t_is(t_io_result(&reader), -EIDRM);
	with_mount(NULL);
}

static long open_20(const char *path)
{
	for (int i = 0; i < 20; i++) {
		int fd = i % 2 ? t_open(t_mnt, O_RDONLY | O_DIRECTORY) : t_open(path, O_RDWR);
		if (fd < 0)
			return fd == -EUSERS ? i : fd;
	}
	return 20;
}

static long fill_and_make(const char *path)
{
	int fds[8];

	for (int i = 0; i < 8; i++)
		fds[i] = t_open(t_path("queues/handles"), O_RDWR);
	t_check(fds[7] >= 0);
	return t_open(path, O_CREAT | O_RDWR);
}

/* A failed open(2) leaves nothing behind, least of all what was to go with its handle. */
static void without_a_handle_nothing_is_made(void **state)
{
	(void)state;
	static const char *const names[] = {"values/new", "queues/new,temp", "dicts/new,temp",
					    "dicts/d/new"};

	with_mount("max_handles=8");
	t_is(t_touch(t_path("queues/handles")), 0);
	t_is(t_sys(chmod(t_path("queues/handles"), 0666)), 0);
	t_is(t_sys(mkdir(t_path("dicts/d"), 0777)), 0);
	t_is(t_sys(chmod(t_path("dicts/d"), 0777)), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		t_until(t_as(T_NOBODY, open_20, t_path("queues/handles")) == 8);
		t_is(t_as(T_NOBODY, fill_and_make, t_path("%s", names[i])), -EUSERS);
	}
	t_runs(1, "cd $M && ls -d values/new queues/new dicts/new dicts/d/* 2>/dev/null | grep .");
	with_mount(NULL);
}

static void max_handles_is_eusers(void **state)
{
	(void)state;
	const char *q = t_path("queues/handles");

	with_mount("max_handles=8");
	t_is(t_touch(q), 0);
	t_is(t_sys(chmod(q, 0666)), 0);
	t_is(t_as(T_NOBODY, open_20, q), 8);
	t_until(t_as(T_NOBODY, open_20, q) == 8); /* they are closed with their process */
	t_check(t_open(q, O_RDWR) >= 0);
	with_mount(NULL);
}

/* ---- bytes that the server keeps in its memory ---- */

enum { LARGE = 600000 }; /* with max_kept=1M there is room for one */

/* Two open files that have read a little each: the second when the first is closed. */
static long read_two(const char *path)
{
	int one = t_open(path, O_RDONLY), two = t_open(path, O_RDONLY);
	char buf[10];
	long first = t_get(one, buf, sizeof(buf)), second = t_get(two, buf, sizeof(buf)), again;

	close(one);
	again = t_get(two, buf, sizeof(buf));
	close(two);
	return first != sizeof(buf) ? first : second != -EDQUOT ? -EIO : again;
}

static long read_one(const char *path)
{
	char buf[10];

	return t_get(t_open(path, O_RDONLY), buf, sizeof(buf));
}

/* Both shown texts and what is left of an item that was taken. */
static void what_is_kept_to_be_read_counts(void **state)
{
	(void)state;
	static char bytes[LARGE + 1];
	static const char *const shown[] = {"lists/kept", "lists/kept,watch", "queues/kept,peek",
					    "dicts/keep/kept"};
	const char *q = t_path("queues/kept");

	with_mount("max_kept=1M");
	memset(bytes, 'x', LARGE);
	t_is(t_sys(mkdir(t_path("dicts/keep"), 0755)), 0);
	t_is(t_echo(t_path("lists/kept"), bytes), 0);
	t_is(t_echo(t_path("dicts/keep/kept"), bytes), 0);
	t_is(t_touch(t_format("%s,capacity=2M", q)), 0);
	for (int i = 0; i < 2; i++)
		t_is(t_echo(q, bytes), 0);
	t_is(t_sys(chmod(q, 0666)), 0);
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		t_is(t_as(T_NOBODY, read_two, t_path("%s", shown[i])), 10);
	t_check(t_errors_say("EDQUOT", "bytes in the server's memory"));
	t_is(t_stat(q, "messages"), 2);
	t_is(t_as(T_NOBODY, read_two, q), 10); /* who was refused has taken nothing */
	t_is(t_stat(q, "messages"), 0);
	t_is(t_as(T_OTHER, read_one, t_path("lists/kept")), 10);
	t_is(read_one(t_path("lists/kept")), 10); /* root has no limit */
	with_mount(NULL);
}

/* A large array's elements, from which text is made as it is read. */
static void a_large_arrays_snapshot_counts(void **state)
{
	(void)state;
	const char *a = t_path("arrays/kept");

	with_mount("max_kept=1M");
	t_is(t_touch(t_format("%s,type=q,len=%d", a, LARGE / 8)), 0);
	t_is(t_as(T_NOBODY, read_two, a), 10);
	with_mount(NULL);
}

static long write_large(const char *path)
{
	static char bytes[LARGE];

	return t_sys(write(t_open(path, O_WRONLY), bytes, sizeof(bytes)));
}

static int write_large_as_nobody(void *path)
{
	return (int)-t_as(T_NOBODY, write_large, path);
}

static void what_waits_to_be_put_counts(void **state)
{
	(void)state;
	const char *q = t_path("queues/full");
	pid_t waits;

	with_mount("max_kept=1M");
	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_is(t_echo(q, "full"), 0);
	t_is(t_sys(chmod(q, 0666)), 0);
	waits = t_spawn(write_large_as_nobody, (void *)(uintptr_t)q);
	t_wait_stat(q, "writers", 1);
	t_is(t_as(T_NOBODY, write_large, q), -EDQUOT);
	t_kill(waits);
	t_wait_stat(q, "writers", 0);
	t_is(t_as(T_NOBODY, write_large, t_format("%s,timeout=1ms", q)), -ETIMEDOUT);
	with_mount(NULL);
}

static long gather_elements(const char *path)
{
	static char words[10000];
	int fd = t_open(path, O_WRONLY);
	long rc;
	int n = 0;

	memset(words, '7', sizeof(words));
	for (size_t i = 1; i < sizeof(words); i += 2)
		words[i] = ' ';
	while ((rc = t_sys(write(fd, words, sizeof(words)))) == sizeof(words) && n < 20)
		n++;
	close(fd);
	return rc == -EDQUOT ? n : rc;
}

/* Of an array whose length its first content decides. */
static void elements_are_gathered_up_to_a_limit(void **state)
{
	(void)state;
	const char *a = t_path("arrays/gathered");

	with_mount("max_gathered=64k");
	for (int i = 0; i < 2; i++) { /* it is given back with the handle */
		t_is(t_touch(a), 0);
		t_is(t_sys(chmod(a, 0666)), 0);
		t_is(t_as(T_NOBODY, gather_elements, a), 6);
		t_is(t_stat(a, "len"), 30000);
		t_is(t_sys(unlink(a)), 0);
	}
	with_mount(NULL);
}

static void wrong_mount_options(void **state)
{
	(void)state;
	static const char *const bad[] = {"max_objects=x", "max_objects=",   "max_parked=-1",
					  "nosuchoption",  "nosuchoption=1", "max_bytes=1x"};
	char words[T_TEXT];
	char mnt[256];

	snprintf(mnt, sizeof(mnt), "%s/mnt2", t_base);
	t_is(t_sys(mkdir(t_format("%s/store2", t_base), 0755)), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int status = t_try_mount(t_format("%s/store2", t_base), mnt, bad[i], words);
		if (status == 0)
			t_fail("mounted with -o %s", bad[i]);
		t_check(status > 0);
		t_check(strlen(words) > 10);
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(max_objects_is_edquot),
		T_TEST(max_objects_limits_folders_too),
		T_TEST(max_bytes_is_edquot),
		T_TEST(max_parked_is_eusers),
		T_TEST(max_handles_is_eusers),
		T_TEST(without_a_handle_nothing_is_made),
		T_TEST(what_is_kept_to_be_read_counts),
		T_TEST(a_large_arrays_snapshot_counts),
		T_TEST(what_waits_to_be_put_counts),
		T_TEST(elements_are_gathered_up_to_a_limit),
		T_TEST(wrong_mount_options),
	};

	return T_RUN(tests, argc, argv);
}
