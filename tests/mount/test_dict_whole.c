/* SPDX-License-Identifier: MIT
 *
 * test_dict_whole.c - contract, row dicts: a key opened with O_TRUNC changes once, whole, at close or fsync, whoever
 * writes through it and however he ends; what `notify` tells.
 */
#include "dict.h"

#include <signal.h>
#include <sys/wait.h>

#include "agent.h"

/* ---- once, at close ---------------------------------------------------------------------------------- */

static void only_the_last_close_counts(void **state)
{
	(void)state;
	const char *d = dict_make("close"), *k = dict_key(d, "k");

	t_is(t_echo(k, "old"), 0);
	int fd = t_open(k, O_WRONLY | O_TRUNC), again = dup(fd);
	t_is(t_put(fd, "ne"), 2);
	t_is(t_sys(close(fd)), 0);
	t_shows(k, "old");
	t_is(t_put(again, "w"), 1);
	t_shows(k, "old");
	t_is(t_sys(close(again)), 0);
	t_shows(k, "new");
}

/* Each of them inherits the file, and closes it as it ends. */
static void commands_of_a_group_write_one_value(void **state)
{
	(void)state;
	const char *d = dict_make("group"), *k = dict_key(d, "k");

	t_is(t_echo(k, "old"), 0);
	t_runs(0, "{ echo a; /bin/echo b; echo $(< %s); (echo c); echo d | cat; } > %s", k, k);
	t_shows(k, "a\nb\nold\nc\nd\n");
	t_runs(0, "sh -c 'date; exec cat' < /dev/null > %s/new; [ $(cat %s/new | wc -l) = 1 ]", d,
	       d);
	t_runs(0,
	       "exec 3> %s; echo 1 >&3; [ $(cat %s | wc -l) = 4 ]; echo 2 >&3; exec 3>&-; "
	       "[ \"$(cat %s)\" = '1\n2' ]",
	       k, k, k);
}

/* Its maker closes it, and it is another's from then on. */
static void handed_on_to_a_child(void **state)
{
	(void)state;
	const char *d = dict_make("child"), *k = dict_key(d, "k"), *go = t_path("events/go");

	t_is(t_touch(go), 0);
	pid_t pid = t_shell(NULL, "exec 3> %s; { cat %s >&3; } & exec 3>&-; wait", k, go);
	t_wait_stat(go, "waiters", 1);
	t_until(t_status("handles") == 3); /* the maker has closed: event, key, `status` itself */
	t_is(t_exists(k), -ENOENT);
	t_is(t_echo(go, "1"), 0);
	t_is(t_wait(pid), 0);
	t_until(t_exists(k) == 0);
	t_shows(k, "1\n");
}

/* close(2) has returned, so it is there, also for who does not ask the server. */
static void the_library_sees_it_after_close(void **state)
{
	(void)state;
	dict_make("after");
	struct ipcfs_object *o = t_attach(IPCFS_DICT, "after", NULL);
	char text[16], buf[16];

	for (int i = 0; i < t_count(500, 5000); i++) {
		long len = snprintf(text, sizeof(text), "%d", i);
		t_is(t_echo(t_path("dicts/after/k"), text), 0);
		t_is(ipcfs_dict_get(o, "k", buf, sizeof(buf), NULL), len);
		t_is(memcmp(buf, text, (size_t)len), 0);
	}
}

/* Before there is a key: it is made as it was changed. */
static void fchmod_before_the_first_close(void **state)
{
	(void)state;
	const char *d = dict_make("fchmod"), *k = dict_key(d, "k");
	int fd = t_open(k, O_WRONLY | O_CREAT | O_TRUNC);
	struct stat st;

	t_is(t_sys(fchmod(fd, 0600)), 0);
	t_is(t_sys(fstat(fd, &st)), 0);
	t_is(st.st_mode, S_IFREG | 0600);
	t_is(t_sys(fchown(fd, (uid_t)-1, T_OTHER)), 0);
	t_is(t_sys(fchown(fd, T_OTHER, (gid_t)-1)), -EOPNOTSUPP);
	t_is(t_put(fd, "secret"), 6);
	close(fd);
	t_is(t_sys(stat(k, &st)), 0);
	t_is(st.st_mode, S_IFREG | 0600);
	t_is(st.st_uid, geteuid());
	t_is(st.st_gid, T_OTHER);
	t_shows(k, "secret");
}

/* ---- who writes dies ----------------------------------------------------------------------------------- */

static void a_killed_writer_leaves_the_old_value(void **state)
{
	(void)state;
	const char *d = dict_make("killed");

	t_is(t_echo(dict_key(d, "k"), "old"), 0);
	static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV};
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		struct agent a = agent_open(dict_key(d, "k"), O_WRONLY | O_TRUNC);
		t_is(agent_says(&a, "half"), 4);
		kill(a.pid, signals[i]);
		t_is(t_wait(a.pid), 128 + signals[i]);
		t_until(t_status("handles") == 1); /* `status` itself */
		t_shows(dict_key(d, "k"), "old");
	}
	struct agent a = agent_open(dict_key(d, "new"), O_WRONLY | O_CREAT | O_TRUNC);
	t_is(agent_says(&a, "half"), 4);
	t_kill(a.pid);
	t_until(t_status("handles") == 1);
	t_is(t_exists(dict_key(d, "new")), -ENOENT);
	/* who ends by himself has written what he wanted */
	a = agent_open(dict_key(d, "k"), O_WRONLY | O_TRUNC);
	t_is(agent_says(&a, "all"), 3);
	agent_leaves(&a);
	t_until(t_status("handles") == 1);
	t_shows(dict_key(d, "k"), "all");
}

/* Makes the key and takes it away, for ever. */
static int make_and_take(void *arg)
{
	const char *key = arg;
	char buf[16];

	for (;;) {
		int fd = t_open(key, O_WRONLY | O_CREAT | O_TRUNC);

		if (fd < 0 || t_put(fd, "whole") != 5 || t_sys(close(fd)) < 0)
			return 1;
		fd = t_open(t_format("%s,pop", key), O_RDONLY);
		if (t_get(fd, buf, sizeof(buf)) != 5)
			return 1;
		close(fd);
	}
}

/* Also within open(2), when the server has answered that already. */
static void killed_anywhere_it_leaves_no_empty_key(void **state)
{
	(void)state;
	enum { ROUNDS = 300, US = 4000 };
	const char *d = dict_make("anywhere"), *k = dict_key(d, "k");
	char text[T_TEXT];

	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = t_spawn(make_and_take, (void *)(uintptr_t)k);
		long n;

		usleep((useconds_t)(i * US / ROUNDS));
		t_is(t_sys(kill(pid, SIGKILL)), 0);
		t_is(t_wait(pid), 128 + SIGKILL); /* it came that far without an error */
		n = t_cat(k, text, sizeof(text));
		t_check(n == -ENOENT || (n == 5 && !strcmp(text, "whole")));
	}
}

static void a_command_of_a_group_is_killed(void **state)
{
	(void)state;
	const char *d = dict_make("part"), *k = dict_key(d, "k");

	/* its shell goes on, and knows */
	t_runs(0,
	       "{ sh -c 'echo a; kill -9 $$'; echo $?; } > %s 2>/dev/null; [ \"$(cat %s)\" = "
	       "'a\n137' ]",
	       k, k);
}

static void a_killed_server_leaves_the_old_value(void **state)
{
	(void)state;
	const char *d = dict_make("server"), *k = dict_key(d, "k");

	t_is(t_echo(k, "old"), 0);
	int fd = t_open(k, O_WRONLY | O_TRUNC),
	    other = t_open(dict_key(d, "new"), O_WRONLY | O_CREAT | O_TRUNC);
	t_is(t_put(fd, "half"), 4);
	t_is(t_put(other, "half"), 4);
	t_restart();
	close(fd);
	close(other);
	t_shows(k, "old");
	t_is(t_exists(dict_key(d, "new")), -ENOENT);
}

/* ---- how it is written ------------------------------------------------------------------------------------ */

static void at_any_offset(void **state)
{
	(void)state;
	const char *d = dict_make("offsets"), *k = dict_key(d, "k");
	struct stat st;
	char buf[16];

	int fd = t_open(k, O_RDWR | O_CREAT | O_TRUNC);
	t_is(t_sys(fstat(fd, &st)), 0);
	t_is(st.st_size, 0);
	t_is(t_put(fd, "0123456789"), 10);
	t_is(t_sys(fstat(fd, &st)), 0);
	t_is(st.st_size, 0); /* of what is there */
	t_is(t_sys(lseek(fd, 0, SEEK_END)), 10);
	t_is(t_sys(pwrite(fd, "ab", 2, 3)), 2);
	t_is(t_sys(pread(fd, buf, 5, 2)), 5);
	t_is(memcmp(buf, "2ab56", 5), 0);
	t_is(t_sys(lseek(fd, 0, SEEK_END)), 10);
	t_is(t_sys(ftruncate(fd, 8)), 0);
	t_is(t_sys(lseek(fd, 0, SEEK_END)), 8);
	t_is(t_sys(pwrite(fd, "z", 1, 11)), 1);
	t_is(t_sys(ftruncate(fd, 13)), 0);
	t_is(t_exists(k), -ENOENT);
	t_is(t_sys(fsync(fd)), 0);
	t_shows_bytes(k, "012ab567\0\0\0z\0", 13);
	t_is(t_sys(stat(k, &st)), 0);
	t_is(st.st_size, 13);
	t_is(t_sys(ftruncate(fd, 0)), 0);
	close(fd);
	t_shows(k, "");
}

static void larger_than_one_write(void **state)
{
	(void)state;
	const char *d = dict_make("large");
	size_t most = IPCFS_DICT_VALUE_MAX;
	char *bytes = malloc(most + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i <= most; i++)
		bytes[i] = (char)(i * 7 + (i >> 9));
	int fd = t_open(dict_key(d, "k"), O_WRONLY | O_CREAT | O_TRUNC);
	for (size_t at = 0; at < most; at += 3 << 20)
		t_is(t_sys(write(fd, bytes + at, most - at < 3 << 20 ? most - at : 3 << 20)),
		     (long)(most - at < 3 << 20 ? most - at : 3 << 20));
	t_is(t_sys(close(fd)), 0);
	int in = t_open(dict_key(d, "k"), O_RDONLY);
	for (size_t at = 0; at < most; at += 1 << 20) {
		static char got[1 << 20];
		t_is(t_sys(read(in, got, sizeof(got))), sizeof(got));
		t_is(memcmp(got, bytes + at, sizeof(got)), 0);
	}
	close(in);
	/* one that replaces at each write takes no more than one write has */
	fd = t_open(dict_key(d, "k"), O_WRONLY);
	t_is(t_sys(write(fd, bytes, T_MSG_MAX + 1)), -EMSGSIZE);
	t_is(t_sys(write(fd, bytes, T_MSG_MAX)), T_MSG_MAX);
	close(fd);
	fd = t_open(dict_key(d, "k"), O_WRONLY | O_APPEND);
	t_is(t_sys(write(fd, bytes, T_MSG_MAX)), T_MSG_MAX);
	close(fd);
	struct stat st;
	t_is(t_sys(stat(dict_key(d, "k"), &st)), 0);
	t_is(st.st_size, 2 * T_MSG_MAX);
	free(bytes);
}

/* What of it was written before is not the value. */
static void a_write_that_fails_is_no_value(void **state)
{
	(void)state;
	const char *d = dict_make("failed"), *k = dict_key(d, "k"), *none = dict_key(d, "new");

	t_is(t_echo(k, "old"), 0);
	int fd = t_open(k, O_WRONLY | O_TRUNC), fresh = t_open(none, O_WRONLY | O_CREAT | O_TRUNC);
	t_is(t_put(fd, "some"), 4);
	t_is(t_put(fresh, "some"), 4);
	t_is(t_sys(pwrite(fd, "x", 1, IPCFS_DICT_VALUE_MAX)), -EMSGSIZE);
	t_is(t_sys(pwrite(fresh, "x", 1, IPCFS_DICT_VALUE_MAX)), -EMSGSIZE);
	t_is(t_put(fd, "more"), 4);
	t_is(t_sys(fsync(fd)), -EIO);
	t_check(t_errors_say("a write failed, so the value is not whole", "dicts/failed/k"));
	close(fd);
	close(fresh);
	t_shows(k, "old");
	t_is(t_exists(none), -ENOENT);
	t_check(t_run("head -c 70000000 /dev/zero > %s", k)->status != 0);
	t_shows(k, "old");
	/* unless it begins anew */
	fd = t_open(k, O_WRONLY | O_TRUNC);
	t_is(t_sys(pwrite(fd, "x", 1, IPCFS_DICT_VALUE_MAX)), -EMSGSIZE);
	t_is(t_sys(ftruncate(fd, 0)), 0);
	t_is(t_put(fd, "new"), 3);
	close(fd);
	t_shows(k, "new");
}

static void a_close_that_fails_says_so(void **state)
{
	(void)state;
	const char *d = t_path("dicts/full");
	static char bytes[200000];

	t_is(t_touch(t_format("%s,capacity=64k", d)), 0);
	t_is(t_echo(dict_key(d, "k"), "old"), 0);
	int fd = t_open(dict_key(d, "k"), O_WRONLY | O_TRUNC);
	t_is(t_sys(write(fd, bytes, sizeof(bytes))), sizeof(bytes));
	t_is(t_sys(fsync(fd)), -ENOSPC);
	t_is(t_sys(close(fd)), -ENOSPC);
	t_shows(dict_key(d, "k"), "old");
	fd = t_open(dict_key(d, "k"), O_WRONLY | O_TRUNC);
	t_is(t_put(fd, "new"), 3);
	t_is(t_sys(unlink(dict_key(d, "k"))), 0);
	t_is(t_sys(close(fd)), -EIDRM);
	t_is(t_exists(dict_key(d, "k")), -ENOENT);
}

static void two_of_them_the_last_wins(void **state)
{
	(void)state;
	const char *d = dict_make("two"), *k = dict_key(d, "k");

	int a = t_open(k, O_WRONLY | O_CREAT | O_TRUNC),
	    b = t_open(k, O_WRONLY | O_CREAT | O_TRUNC);
	t_is(t_put(a, "first"), 5);
	t_is(t_put(b, "second"), 6);
	t_is(t_sys(close(b)), 0);
	t_shows(k, "second");
	t_is(t_sys(close(a)), 0);
	t_shows(k, "first");
	/* one that must be new is, at once */
	a = t_open(dict_key(d, "x"), O_WRONLY | O_CREAT | O_TRUNC);
	t_is(t_put(a, "late"), 4);
	b = t_open(dict_key(d, "x"), O_WRONLY | O_CREAT | O_EXCL);
	t_check(b >= 0);
	t_is(t_open(dict_key(d, "x"), O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	t_is(t_put(b, "new"), 3);
	t_is(t_sys(close(b)), 0);
	t_shows(dict_key(d, "x"), "new");
	t_is(t_sys(close(a)), 0);
	t_shows(dict_key(d, "x"), "late");
}

static int theirs;

static long promises(const char *path)
{
	theirs = t_open(path, O_WRONLY | O_CREAT | O_TRUNC);
	if (theirs < 0 || t_put(theirs, "theirs") != 6)
		return -EIO;
	/* meanwhile, with the rights that the test has */
	return t_sys(raise(SIGSTOP));
}

static int promise_as_nobody(void *arg)
{
	if (setresgid(T_NOBODY, T_NOBODY, T_NOBODY) < 0 ||
	    setresuid(T_NOBODY, T_NOBODY, T_NOBODY) < 0)
		return 1;
	if (promises(arg) < 0)
		return 2;
	return close(theirs) < 0 ? errno : 0;
}

/* What a user has promised to make does not overwrite what another made meanwhile. */
static void another_user_was_faster(void **state)
{
	(void)state;
	const char *d = dict_make("faster"), *k = dict_key(d, "k");
	mode_t mask = umask(022);

	t_is(t_sys(chmod(d, 01777)), 0);
	pid_t pid = t_spawn(promise_as_nobody, (void *)(uintptr_t)k);
	int status;
	t_is(waitpid(pid, &status, WUNTRACED), pid);
	t_check(WIFSTOPPED(status));
	t_is(t_exists(k), -ENOENT);
	t_is(t_echo(k, "ours"), 0);
	kill(pid, SIGCONT);
	t_is(t_wait(pid), EACCES);
	t_shows(k, "ours");
	umask(mask);
}

static void limits_of_what_is_gathered(void **state)
{
	(void)state;
	t_umount();
	t_mount("max_gathered=1M");
	const char *d = dict_make("quota");

	t_is(t_sys(chmod(d, 0777)), 0);
	t_runs(0,
	       "cd %s && setpriv --reuid=%d --regid=%d --clear-groups sh -c '"
	       "head -c 900000 /dev/zero > a; head -c 900000 /dev/zero > b; "
	       "head -c 2000000 /dev/zero > c; echo $? >&2; [ ! -e c ]' 2>&1 | grep -q 'Disk "
	       "quota'",
	       d, T_NOBODY, T_NOBODY);
	t_runs(0, "cd %s && [ $(cat a b | wc -c) = 1800000 ]", d);
	t_umount();
	t_mount(NULL);
}

/* ---- notify -------------------------------------------------------------------------------------------------- */

static bool told(void)
{
	const struct timespec none = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	t_status(
		"pid"); /* a request that was answered is followed by its signals before the next one is */
	return sigtimedwait(&set, NULL, &none) == SIGUSR1;
}

static void notify_tells_of_each_change(void **state)
{
	(void)state;
	const char *d = dict_make("notify"), *k = dict_key(d, "k");
	struct ipcfs_object *o = t_attach(IPCFS_DICT, "notify", NULL);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	t_is(t_echo(k, "1"), 0);
	int fd = t_open(t_format("%s,notify=USR1", k), O_RDONLY);
	t_check(fd >= 0 && !told());
	t_is(t_echo(k, "2"), 0);
	t_check(told() && !told());
	t_is(t_echo(dict_key(d, "other"), "2"), 0);
	t_check(!told());
	t_is(ipcfs_dict_set(o, "other", "3", 1), 0);
	t_is(ipcfs_dict_set(o, "k", "3", 1), 0);
	t_until(told());
	t_is(t_sys(unlink(k)), 0);
	t_check(told());
	close(fd);
	fd = t_open(t_format("%s,notify=USR1", d), O_RDONLY);
	t_check(fd >= 0 && !told());
	t_is(t_echo(dict_key(d, "other"), "4"), 0);
	t_check(told() && !told());
	t_is(t_sys(unlink(dict_key(d, "other"))), 0);
	t_check(told() && !told());
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(only_the_last_close_counts),
		T_TEST(commands_of_a_group_write_one_value),
		T_TEST(handed_on_to_a_child),
		T_TEST(the_library_sees_it_after_close),
		T_TEST(fchmod_before_the_first_close),
		T_TEST(a_killed_writer_leaves_the_old_value),
		T_TEST(killed_anywhere_it_leaves_no_empty_key),
		T_TEST(a_command_of_a_group_is_killed),
		T_TEST(a_killed_server_leaves_the_old_value),
		T_TEST(at_any_offset),
		T_TEST(larger_than_one_write),
		T_TEST(a_write_that_fails_is_no_value),
		T_TEST(a_close_that_fails_says_so),
		T_TEST(two_of_them_the_last_wins),
		T_TEST(another_user_was_faster),
		T_TEST(limits_of_what_is_gathered),
		T_TEST(notify_tells_of_each_change),
	};
	return T_RUN(tests, argc, argv);
}
