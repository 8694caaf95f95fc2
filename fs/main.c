/* SPDX-License-Identifier: MIT
 *
 * main.c - options, checks, the mount, the start and the end of the server.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../core/mq.h"
#include "../core/object.h"
#include "../core/sys.h"
#include "../core/text.h"
#include "serve.h"

#define DEFAULT_MAPPINGS 8192

struct fs_server fs = {.engine = &ipcfs_engine_shm, .dirfd = -1, .fuse_fd = -1};

int64_t fs_now_ns(void)
{
	return sys_now_ns();
}

/* ---- words ------------------------------------------------------------------------------------- */

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "ipcfs: mount: %s: %s\n", what, why);
	return 1;
}

/* ---- options --------------------------------------------------------------------------------------- */

const char ipcfs_serve_options_help[] =
	"    store=DIR           the store's folder, in a tmpfs\n"
	"    max_objects=N       objects of one user, and folders (default 100000; 0: no limit)\n"
	"    max_bytes=N         bytes of one user's objects, k M G (default half of the store)\n"
	"    max_parked=N        waiting requests of one user (default 20000)\n"
	"    max_handles=N       open files and folders of one user (default 100000)\n"
	"    max_gathered=N      bytes of one user gathered for a later close (default 64M)\n"
	"    max_kept=N          bytes of one user in the server's memory: what waits to be put, "
	"texts\n"
	"                        that are shown (default 1G)\n"
	"    max_mq=N            bytes of one user's POSIX message queues (default 819200)\n"
	"    deadlock=error      a lock whose waiter would wait for himself fails EDEADLK\n"
	"                        (default deadlock=none: all wait, see the file deadlocks)\n"
	"    tcp                 sockets/tcp:... and listen:... on root's mount, for all users; on "
	"a\n"
	"                        user's own they are on\n"
	"    nodev nosuid noexec noatime default_permissions allow_other\n"
	"                        as for any mount; root's mount is always allow_other\n";

struct options {
	char *store;
	uint64_t limits[FS_Q_COUNT];
	bool given[FS_Q_COUNT];
	bool allow_other, deadlock_error, tcp;
};

static int parse_limit(const char *value, uint64_t *out)
{
	return ipcfs_parse_bytes(value, strlen(value), out);
}

static int parse_options(const char *text, struct options *o)
{
	static const char *const limits[FS_Q_COUNT] = {[FS_Q_OBJECTS] = "max_objects",
						       [FS_Q_BYTES] = "max_bytes",
						       [FS_Q_PARKED] = "max_parked",
						       [FS_Q_HANDLES] = "max_handles",
						       [FS_Q_GATHERED] = "max_gathered",
						       [FS_Q_KEPT] = "max_kept",
						       [FS_Q_MQ] = "max_mq"};
	static const char *const plain[] = {"rw",
					    "nodev",
					    "nosuid",
					    "noexec",
					    "noatime",
					    "relatime",
					    "default_permissions",
					    "allow_other",
					    "defaults",
					    "dev",
					    "suid",
					    "exec",
					    "tcp"};
	char *copy = strdup(text ? text : ""), *save, *word;
	int rc = copy ? 0 : -ENOMEM;

	for (word = rc == 0 ? strtok_r(copy, ",", &save) : NULL; rc == 0 && word;
	     word = strtok_r(NULL, ",", &save)) {
		char *value = strchr(word, '=');
		bool known = false;

		if (value)
			*value++ = '\0';
		for (size_t i = 0; !value && i < sizeof(plain) / sizeof(plain[0]); i++)
			known |= !strcmp(word, plain[i]);
		if (!strcmp(word, "allow_other"))
			o->allow_other = true;
		if (!strcmp(word, "tcp"))
			o->tcp = true;
		if (value && *value && !strcmp(word, "store")) {
			free(o->store);
			o->store = strdup(value);
			known = true;
		}
		if (value && !strcmp(word, "deadlock")) {
			o->deadlock_error = !strcmp(value, "error");
			known = o->deadlock_error || !strcmp(value, "none");
		}
		for (int i = 0; value && i < FS_Q_COUNT; i++)
			if (limits[i] && !strcmp(word, limits[i])) {
				known = parse_limit(value, &o->limits[i]) == 0;
				o->given[i] = true;
			}
		if (!known) {
			if (value)
				value[-1] = '=';
			complain(word, "no such option, or a value that it cannot have");
			rc = -EINVAL;
		}
	}
	free(copy);
	return rc;
}

/* ---- checks, in words ----------------------------------------------------------------------------------- */

/* Is anything mounted there already? mountinfo escapes blanks as \040. */
static bool mounted_at(const char *path)
{
	char line[8192], at[4096];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		size_t n = 0;

		if (sscanf(line, "%*s %*s %*s %*s %4095s", at) != 1)
			continue;
		for (const char *p = at; *p; n++) {
			unsigned c;

			if (*p == '\\' && sscanf(p + 1, "%3o", &c) == 1) {
				at[n] = (char)c;
				p += 4;
			} else {
				at[n] = *p++;
			}
		}
		at[n] = '\0';
		found = !strcmp(at, path);
	}
	if (f)
		fclose(f);
	return found;
}

static int check_mountpoint(const char *given)
{
	struct stat st;

	if (stat(given, &st) < 0) {
		if (errno == ENOTCONN)
			return complain(given, "the server of this mount is gone; ipcfs umount it");
		return complain(given, strerror(errno));
	}
	if (!S_ISDIR(st.st_mode))
		return complain(given, "not a folder");
	if (!realpath(given, fs.mountpoint))
		return complain(given, strerror(errno));
	if (mounted_at(fs.mountpoint)) {
		struct statvfs vfs; /* what stat says may be remembered, this is asked */

		return complain(given, statvfs(given, &vfs) < 0 && errno == ENOTCONN ?
					       "the server of this mount is gone; ipcfs umount it" :
					       "something is mounted there already");
	}
	return 0;
}

/* Where an administrator limits how long a request may take, waiting would abort the mount. */
static int check_kernel(void)
{
	static const char *const names[] = {"/proc/sys/fs/fuse/default_request_timeout",
					    "/proc/sys/fs/fuse/max_request_timeout"};

	for (size_t i = 0; i < 2; i++) {
		FILE *f = fopen(names[i], "re");
		int seconds = 0;

		if (f && fscanf(f, "%d", &seconds) != 1)
			seconds = 0;
		if (f)
			fclose(f);
		if (seconds)
			return complain(names[i], "is set: the kernel would end the mount as soon "
						  "as a request waits that long; set it to 0");
	}
	return 0;
}

/* A server whose mount has just been taken away may still be on its way out. */
static int lock_soon(int fd)
{
	const struct timespec moment = {.tv_nsec = 5000000};
	int64_t until = sys_now_ns() + 1000000000;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (sys_now_ns() > until)
			return -1;
		nanosleep(&moment, NULL);
	}
	return 0;
}

/* One server a store: it holds `.server` locked, and says in it who it is. */
static int claim_store(void)
{
	char who[4200] = "";
	int fd = openat(fs.dirfd, ".server", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return complain(fs.store_dir, strerror(errno));
	if (lock_soon(fd) < 0) {
		if (pread(fd, who, sizeof(who) - 1, 0) < 0)
			who[0] = '\0';
		who[strcspn(who, "\n")] = '\0';
		fprintf(stderr, "ipcfs: mount: %s: this store is served already (%s)\n",
			fs.store_dir, who);
		close(fd);
		return 1;
	}
	snprintf(who, sizeof(who), "pid %d, %s\n", (int)getpid(), fs.mountpoint);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, who, strlen(who), 0) < 0)
		return complain(fs.store_dir, strerror(errno));
	return 0; /* the descriptor stays open as long as we live */
}

static int open_store(const struct options *o)
{
	struct statvfs vfs;
	int rc = ipcfs_store_open(o->store, &fs.store);

	if (rc < 0)
		return complain(o->store ? o->store : "the store",
				rc == -EMEDIUMTYPE ? "a store must be in a tmpfs" :
				rc == -EPERM	   ? "belongs to somebody else" :
						     strerror(-rc));
	snprintf(fs.store_dir, sizeof(fs.store_dir), "%s", ipcfs_store_dir(fs.store));
	fs.dirfd = open(fs.store_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs.dirfd < 0)
		return complain(fs.store_dir, strerror(errno));
	fs.store->dirfd = dup(fs.dirfd);
	memcpy(fs.limits, o->limits, sizeof(fs.limits));
	fs.limits[FS_Q_FOLDERS] = fs.limits[FS_Q_OBJECTS];
	fs.deadlock_error = o->deadlock_error;
	fs.tcp = o->tcp || fs.uid != 0;
	if (!o->given[FS_Q_BYTES] && fstatvfs(fs.dirfd, &vfs) == 0)
		fs.limits[FS_Q_BYTES] = vfs.f_blocks * vfs.f_frsize / 2;
	return 0;
}

/* ---- start ----------------------------------------------------------------------------------------------------- */

static void raise_limits(void)
{
	struct rlimit files = {65536, 65536}, bytes = {RLIM_INFINITY, RLIM_INFINITY}, own;

	setrlimit(RLIMIT_MSGQUEUE, &bytes); /* charged to us, whoever makes a message queue */
	/* Segments are sparse files, which take far less than their size. Where the limit stays, what is larger fails. */
	setrlimit(RLIMIT_FSIZE, &bytes);
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 && getrlimit(RLIMIT_NOFILE, &own) == 0) {
		own.rlim_cur = own.rlim_max;
		setrlimit(RLIMIT_NOFILE, &own);
	}
}

static int make_session(const struct options *o)
{
	bool all = fs.uid == 0 || o->allow_other;
	char options[256];
	char *argv[] = {(char *)"ipcfs", (char *)"-o", options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

	snprintf(options, sizeof(options),
		 "fsname=ipcfs,subtype=ipcfs,nodev,nosuid,noexec,default_permissions%s",
		 all ? ",allow_other" : "");
	fs.session = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), NULL);
	fuse_opt_free_args(&args);
	if (!fs.session)
		return complain(fs.mountpoint, "libfuse gives no session");
	if (fuse_session_mount(fs.session, fs.mountpoint) < 0)
		return complain(fs.mountpoint, "cannot be mounted");
	fs.fuse_fd = fuse_session_fd(fs.session);
	return 0;
}

static int prepare(const struct options *o)
{
	int rc;

	fs.uid = geteuid();
	fs.started_ns = sys_now_ns();
	fs.mappings_max = DEFAULT_MAPPINGS;
	raise_limits();
	rc = open_store(o);
	if (rc == 0)
		rc = claim_store();
	if (rc)
		return rc;
	rc = fs.engine->watch(fs.store, fs_item_changed, NULL);
	fs.watch_fd = rc;
	if (rc >= 0)
		rc = fs_node_start();
	if (rc >= 0)
		rc = fs.mq_watch_fd = ipcfs_engine_mq.watch(fs.store, fs_item_changed, NULL);
	if (rc >= 0)
		rc = member_session(fs.store);
	if (rc >= 0)
		rc = fs_item_start();
	if (rc < 0)
		return complain(fs.store_dir, strerror(-rc));
	fs.store->names = fs_item_names;
	fs.store->died = fs_died;
	fs.store->reserve_hook = fs_quota_reserve;
	fs_quota_remove_temp();
	rc = fs_loop_start();
	if (rc < 0)
		return complain("the loop", strerror(-rc));
	fs_listen_start();
	return make_session(o);
}

/* The terminal and the folder go, the command line stays. Nothing is complained of from here on. */
static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0)
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			dup2(null, fd);
	if (chdir("/") == 0)
		setsid();
}

/* ready: written to once the mount answers; -1: nobody waits for it. */
static int serve(const struct options *o, int ready)
{
	int rc = prepare(o);

	if (rc)
		return rc;
	if (ready >= 0) {
		char byte = 0;

		/* Requests that come now wait in the kernel for a moment at the most. */
		if (write(ready, &byte, 1) < 0)
			return 1;
		close(ready);
		leave_terminal();
	}
	fs_loop_run();
	fuse_session_unmount(fs.session);
	fuse_session_destroy(fs.session);
	fs_item_detach_all();
	mq_end();
	ipcfs_store_close(fs.store);
	return 0;
}

static int serve_in_background(const struct options *o)
{
	int pipe_fd[2], status;
	char byte;
	pid_t child;
	ssize_t n;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return complain("pipe", strerror(errno));
	fflush(NULL);
	child = fork();
	if (child < 0)
		return complain("fork", strerror(errno));
	if (child == 0) {
		close(pipe_fd[0]);
		exit(serve(o, pipe_fd[1]));
	}
	close(pipe_fd[1]);
	do
		n = read(pipe_fd[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	close(pipe_fd[0]);
	if (n == 1) {
		struct stat st;

		/* The first answer: now it is usable. */
		return stat(fs.mountpoint, &st) < 0 ? complain(fs.mountpoint, strerror(errno)) : 0;
	}
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
		return complain("server", "it ended at once");
	return WEXITSTATUS(status);
}

int ipcfs_serve(const char *mountpoint, const char *options, bool foreground)
{
	struct options o = {.limits = {[FS_Q_OBJECTS] = 100000,
				       [FS_Q_PARKED] = 20000,
				       [FS_Q_HANDLES] = 100000,
				       [FS_Q_PINNED] = 1024,
				       [FS_Q_ALARMS] = 1024,
				       [FS_Q_SOCKETS] = 1024,
				       [FS_Q_GATHERED] = 64 << 20,
				       [FS_Q_KEPT] = 1 << 30,
				       [FS_Q_MQ] = 819200}};
	int rc = parse_options(options, &o) < 0 ? 2 : 0;

	if (rc == 0)
		rc = check_mountpoint(mountpoint);
	if (rc == 0)
		rc = check_kernel();
	if (rc == 0)
		rc = foreground ? serve(&o, -1) : serve_in_background(&o);
	free(o.store);
	return rc;
}
