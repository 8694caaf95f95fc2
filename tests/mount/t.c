/* SPDX-License-Identifier: MIT
 *
 * t.c - the harness: see t.h. What must outlive a crash of the program (pids, mounts, the time
 * limit) stands in memory shared with the guard process, which cleans up when the program is gone.
 */
#include "t_inner.h"

#include <ftw.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

struct t_program *t_program;
char t_base[128], t_mnt[160], t_store[160], t_ipcfs[4096];
int t_first_fd;

/* ---- small things ------------------------------------------------------------------------------ */

int64_t t_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool t_long(void)
{
	const char *text = getenv("LONG");

	return text && *text && strcmp(text, "0") != 0;
}

int t_count(int in_short, int in_long)
{
	return t_long() ? in_long : in_short;
}

void t_limit(int seconds)
{
	t_program->deadline_ms = t_now_ms() + seconds * 1000;
}

/* ---- cleaning up ------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

static void clean(void)
{
	t_kill_kids();
	t_end_servers(SIGTERM);
	t_end_servers(SIGKILL);
	t_detach_all();
	if (getenv("T_KEEP"))
		fprintf(stderr, "kept: %s\n", t_base);
	else if (*t_base)
		nftw(t_base, remove_one, 64, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	t_program->clean = true;
}

/* Waits for the end of the program, or of the running test's time. */
static void guard(int main_pidfd)
{
	bool warned = false;

	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	while (t_poll(main_pidfd, POLLIN, 200) == 0) {
		int64_t deadline = t_program->deadline_ms, now = t_now_ms();
		if (!deadline || now < deadline) {
			warned = false;
			continue;
		}
		if (!warned)
			fprintf(stderr, "guard: %s does not end: killing its server\n",
				t_program->test);
		warned = true;
		t_kill_kids();
		t_end_servers(SIGKILL);
		t_detach_all();
		if (now > deadline + T_LIMIT_MS)
			kill(t_program->main, SIGKILL);
	}
	if (!t_program->clean)
		clean();
	_exit(0);
}

static void start_guard(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	fflush(NULL);
	if (fork() == 0)
		guard(pidfd);
	close(pidfd);
}

static void at_exit(void)
{
	if (getpid() == t_program->main)
		clean();
}

/* ---- the program ------------------------------------------------------------------------------- */

int t_begin(void **state)
{
	snprintf(t_program->test, sizeof(t_program->test), "%s", (const char *)*state);
	t_limit(T_TEST_S);
	umask(022);
	t_first_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return t_server_found() ? 0 : -1;
}

int t_end(void **state)
{
	const char *name = *state;
	int rc = 0;

	t_close_attached();
	close_range((unsigned)t_first_fd, ~0u, 0);
	t_program->deadline_ms = t_now_ms() + T_LIMIT_MS;
	t_reap_all();
	t_drop_texts();
	t_drop_shared();
	if (!t_server_kept()) {
		print_error("%s: the server is gone\n", name);
		rc = -1;
	}
	t_program->deadline_ms = 0;
	return rc;
}

static int mount_first(void **state)
{
	(void)state;
	return t_try_mount(t_store, t_mnt, NULL, NULL) == 0 && t_server() > 0 ? 0 : -1;
}

static void skip_all(const char *why)
{
	printf("skip: %s\n", why);
	exit(77);
}

/* A folder of our own in a tmpfs: where run.sh has made one, else in /dev/shm. */
static void make_base(void)
{
	const char *given = getenv("IPCFS_STORE");
	const char *end = given ? strrchr(given, '/') : NULL;
	int len = end && strncmp(given, "/dev/shm/", 9) == 0 ? (int)(end - given) : 0;

	if (len > 64 || (len && access(t_brief("%.*s", len, given), W_OK) < 0))
		len = 0;
	snprintf(t_base, sizeof(t_base), "%.*s/t-XXXXXX", len ? len : 8, len ? given : "/dev/shm");
	if (!mkdtemp(t_base)) {
		*t_base = 0;
		skip_all("no /dev/shm");
	}
	chmod(t_base, 0755);
	snprintf(t_mnt, sizeof(t_mnt), "%s/mnt", t_base);
	snprintf(t_store, sizeof(t_store), "%s/store", t_base);
	mkdir(t_mnt, 0755);
	mkdir(t_store, 0755);
	setenv("M", t_mnt, 1);
	setenv("STORE", t_store, 1);
}

int t_main(const struct CMUnitTest *tests, size_t count, int argc, char **argv)
{
	const char *ipcfs = getenv("IPCFS");

	if (geteuid() != 0)
		skip_all("only root can mount");
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		skip_all("no /dev/fuse");
	if (!realpath(ipcfs && *ipcfs ? ipcfs : "build/ipcfs", t_ipcfs)) {
		fprintf(stderr, "%s: %s\n", ipcfs ? ipcfs : "build/ipcfs", strerror(errno));
		return 1;
	}
	setenv("IPCFS", t_ipcfs, 1);
	umask(022);
	/* cppcheck-suppress invalidFunctionArg ; as above */
	t_program = mmap(NULL, sizeof(*t_program), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t_program == MAP_FAILED)
		return 1;
	t_program->main = getpid();
	make_base();
	start_guard();
	atexit(at_exit);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return _cmocka_run_group_tests(program_invocation_short_name, tests, count, mount_first,
				       NULL) != 0;
}
