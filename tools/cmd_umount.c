/* SPDX-License-Identifier: MIT
 *
 * cmd_umount.c - `ipcfs umount`. Nothing here waits for a server that may hang: what asks the mount
 * does so in a child, for two seconds at most.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "mounts.h"

enum { ANSWER_MS = 2000, END_MS = 10000, USERS_SHOWN = 10 };

static const char usage[] =
	"usage: ipcfs umount [--force] MOUNTPOINT\n"
	"Unmounts an ipcfs; what is in its store stays. Refuses while files below it are\n"
	"open, and says by whom, and while what such files have left waits for room in a\n"
	"queue. A mount whose server has died is always unmounted.\n"
	"\n"
	"  -f, --force  end the server: all who wait get ESHUTDOWN, open files become\n"
	"               useless; one that does not answer within 2 s is killed\n";

struct server {
	enum { ANSWERS, SILENT, DEAD, UNKNOWN } state;
	pid_t pid;
	int pidfd; /* -1: not known */
	long left; /* messages that wait without a writer: they would go with it */
};

/* ---- asking the server -------------------------------------------------------------- */

/* In the child: copies the file `status` to `to`; exits with the errno of opening or reading it. */
static void copy_status(const struct mount *m, int to)
{
	char path[PATH_MAX + 8], buf[4096];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/status", m->point);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			break;
	_exit(fd < 0 || n < 0 ? errno : 0);
}

/* Reads all that comes within ANSWER_MS; false if the end did not come. */
static bool read_answer(int fd, char *buf, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n = 0;
	bool ended = false;

	while (!ended && poll(&p, 1, ANSWER_MS) > 0) {
		n = read(fd, buf + len, size - 1 - len);
		if (n > 0)
			len += (size_t)n;
		ended = n <= 0 || len == size - 1;
	}
	buf[len] = '\0';
	return ended;
}

/* The number behind "\nkey ", of a line that is not the first; 0 if it is not there. */
static long number_in(const char *status, const char *key)
{
	const char *line = strstr(status, key);

	return line ? strtol(line + strlen(key), NULL, 10) : 0;
}

/* Kills it. One that hangs in the server is left behind; it ends when the mount is cut off. */
static void end_child(pid_t child)
{
	struct pollfd p = {.fd = pidfd_open(child, 0), .events = POLLIN};

	kill(child, SIGKILL);
	if (p.fd >= 0 && poll(&p, 1, ANSWER_MS) == 1)
		waitpid(child, NULL, 0);
	if (p.fd >= 0)
		close(p.fd);
}

static void ask(const struct mount *m, struct server *s)
{
	int pipes[2], status = 0;
	bool answered;
	char buf[8192];
	pid_t child;

	*s = (struct server){.state = UNKNOWN, .pidfd = -1};
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return;
	child = fork();
	if (child == 0)
		copy_status(m, pipes[1]);
	close(pipes[1]);
	answered = child > 0 && read_answer(pipes[0], buf, sizeof(buf));
	close(pipes[0]);
	if (child < 0)
		return;
	if (!answered) {
		s->state = SILENT;
		end_child(child);
	} else if (waitpid(child, &status, 0) == child && WIFEXITED(status)) {
		status = WEXITSTATUS(status);
		s->state = status == 0					? ANSWERS :
			   status == ENOTCONN || status == ECONNABORTED ? DEAD :
									  UNKNOWN;
		s->pid = status == 0 ? (pid_t)number_in(buf, "\npid ") : 0;
		s->left = status == 0 ? number_in(buf, "\nleft ") : 0;
	}
	if (s->pid <= 0)
		s->pid = mounts_server(m);
	if (s->pid > 0)
		s->pidfd = pidfd_open(s->pid, 0);
	/* A pid that is told in another pid name space, say, is nobody's here that we may end. */
	if (s->pidfd >= 0 && mounts_is_server(m, s->pid) == 0) {
		close(s->pidfd);
		s->pidfd = -1;
	}
}

static bool has_ended(const struct server *s)
{
	struct pollfd p = {.fd = s->pidfd, .events = POLLIN};

	return s->pidfd >= 0 && poll(&p, 1, END_MS) == 1;
}

/* ---- unmounting --------------------------------------------------------------------- */

/* As a user: fusermount3 is allowed what we are not. */
static int by_fusermount(const struct mount *m, bool lazy)
{
	char *argv[] = {"fusermount3", "-u", "-q", "--", (char *)m->point, NULL};
	char *lazily[] = {"fusermount3", "-u", "-q", "-z", "--", (char *)m->point, NULL};
	int status, r;
	pid_t pid;

	r = posix_spawnp(&pid, argv[0], NULL, NULL, lazy ? lazily : argv, environ);
	if (r != 0)
		return -r;
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	if (status == 0)
		return 0;
	return mounts_is_there(m) ? -EBUSY : 0;
}

static int unmount(const struct mount *m, int flags)
{
	int r = umount2(m->point, flags | UMOUNT_NOFOLLOW) == 0 ? 0 : -errno;

	if (r == -EINVAL && !mounts_is_there(m))
		return 0; /* its server has just done it */
	return r == -EPERM ? by_fusermount(m, flags & MNT_DETACH) : r;
}

static int say_busy(const struct mount *m)
{
	int n;

	args_fail(m->point, "in use; open files or working folders there have:");
	n = mounts_users(m, stderr, USERS_SHOWN);
	if (n > USERS_SHOWN)
		fprintf(stderr, "  and %d more\n", n - USERS_SHOWN);
	if (n == 0)
		fprintf(stderr, "  nobody whom you may see; is another mount below it?\n");
	fprintf(stderr, "Let them end, or use --force.\n");
	return ARGS_FAILED;
}

static int finish(const struct mount *m, int r)
{
	return r == 0 ? ARGS_OK : args_fail(m->point, "%s", strerror(-r));
}

static int say_left(const struct mount *m, long left)
{
	args_fail(m->point, "%ld message%s that closed files have left wait%s for room in a queue",
		  left, left == 1 ? "" : "s", left == 1 ? "s" : "");
	fprintf(stderr,
		"Let readers make room (stat says `writers`), or lose them with --force.\n");
	return ARGS_FAILED;
}

static int gently(const struct mount *m, const struct server *s)
{
	int r;

	if (s->left > 0)
		return say_left(m, s->left);
	r = unmount(m, 0);
	if (r == -EBUSY)
		return say_busy(m);
	/* Its store is free to be served again when this command has ended. */
	if (r == 0 && s->state != SILENT)
		has_ended(s);
	else if (r == 0 && s->pidfd >= 0)
		args_fail(
			m->point,
			"unmounted; but its server, pid %d, did not answer and may be there still",
			(int)s->pid);
	return finish(m, r);
}

/* Ends every request that waits, takes the mount away, and kills who did not serve it. */
static int cut_off(const struct mount *m, const struct server *s)
{
	int r = unmount(m, MNT_FORCE | MNT_DETACH);

	if (r == 0 && s->pidfd >= 0 && pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0) == 0)
		has_ended(s);
	if (r == 0)
		args_fail(m->point,
			  s->pidfd >= 0 ? "the server (pid %d) did not answer: killed" :
					  "the server did not answer: cut off",
			  (int)s->pid);
	return r == 0 ? ARGS_OK : finish(m, r);
}

static int forced(const struct mount *m, const struct server *s)
{
	if (s->state == SILENT || s->pidfd < 0)
		return cut_off(m, s);
	if (pidfd_send_signal(s->pidfd, SIGTERM, NULL, 0) < 0 && errno != ESRCH)
		return args_fail(m->point, "its server, pid %d: %s", (int)s->pid, strerror(errno));
	if (!has_ended(s))
		return cut_off(m, s);
	return mounts_is_there(m) ? finish(m, unmount(m, MNT_DETACH)) : ARGS_OK;
}

static int run(const char *path, bool force)
{
	struct server s;
	struct mount m;
	int r = mounts_find(path, &m);

	if (r < 0 && r != -ENODEV)
		return args_fail(path, "%s", strerror(-r));
	if (r < 0 || !m.root)
		return args_fail(path, "it is not a mount point");
	if (!mounts_is_ipcfs(&m))
		return args_fail(path, "what is mounted there is %s, not ipcfs", m.type);
	/* The mount's path is known now, and this process must not be who keeps it busy. */
	if (chdir("/") < 0)
		return args_fail("/", "%s", strerror(errno));
	ask(&m, &s);
	if (s.state == DEAD)
		return finish(&m, unmount(&m, MNT_DETACH));
	return force ? forced(&m, &s) : gently(&m, &s);
}

int cmd_umount(int argc, char **argv)
{
	static const struct option longs[] = {
		{ARGS_HELP}, {"force", no_argument, NULL, 'f'}, {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":f", .longs = longs};
	bool force = false;
	int c;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'f':
			force = true;
			break;
		default:
			return a.status;
		}
	if (optind == argc)
		return args_usage("which mount point?");
	if (optind + 1 < argc)
		return args_usage("one mount point, not also %s", argv[optind + 1]);
	return run(argv[optind], force);
}
