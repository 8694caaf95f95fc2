/* SPDX-License-Identifier: MIT
 *
 * run.c - see run.h. The command has ended when its process has: what it leaves running in the background may go on,
 * and is not waited for, unless the task is stopped. Where this process is killed the kernel kills the command's, and
 * whoever started us the rest of the group.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

enum { GRACE_MS = 5000, TOO_MUCH = 125, ROOM_MIN = 4096 };

/* A stream of the command. */
struct stream {
	int fd;
	char *bytes;
	size_t len, room;
};

struct running {
	struct stream streams[2]; /* standard output, standard error */
	pid_t pid;
	int pidfd;
	bool stopped, overflow;
	int64_t kill_at; /* when it is killed, if it was told to end */
};

/* ---- start ------------------------------------------------------------------------------------- */

/* The argument with each {} replaced; NULL: no memory. */
static char *fill(const char *argument, const char *text)
{
	size_t len = strlen(argument) + 1, more = strlen(text);
	const char *at, *from = argument;
	char *filled, *to;

	for (at = argument; (at = strstr(at, "{}")); at += 2)
		len += more;
	filled = to = malloc(len);
	while (filled && (at = strstr(from, "{}"))) {
		to = stpcpy(mempcpy(to, from, (size_t)(at - from)), text);
		from = at + 2;
	}
	if (filled)
		memcpy(to, from, strlen(from) + 1);
	return filled;
}

static char **arguments(const struct run *run)
{
	size_t n = 0;
	char **argv;

	while (run->command[n])
		n++;
	argv = calloc(n + 1, sizeof(*argv));
	for (size_t i = 0; argv && i < n; i++)
		if (!(argv[i] = fill(run->command[i], run->text ? run->text : ""))) {
			for (size_t j = 0; j < i; j++)
				free(argv[j]);
			free(argv);
			argv = NULL;
		}
	return argv;
}

static bool wants_text(const struct run *run)
{
	for (size_t i = 0; run->command[i]; i++)
		if (strstr(run->command[i], "{}"))
			return true;
	return false;
}

static void name_task(const struct run *run)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)run->number);
	setenv("IPCFS_TASK", text, 1);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)run->attempt);
	setenv("IPCFS_ATTEMPT", text, 1);
}

static int open_file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		_exit(args_fail(name, "%s", strerror(errno)));
	return fd;
}

/* In the new process. */
static _Noreturn void become(const struct run *run, const int ends[2], pid_t parent,
			     volatile pid_t *group)
{
	char **argv;

	setpgid(0, 0);
	*group = getpid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it was killed before that */
		_exit(CHILD_NOT_RUN);
	dup2(ends[0], STDOUT_FILENO);
	dup2(ends[1], STDERR_FILENO);
	sigprocmask(SIG_SETMASK, run->mask, NULL);
	dup2(run->input < 0 ? open_file(run->file) : run->input, STDIN_FILENO);
	name_task(run);
	argv = arguments(run);
	umask(run->umask);
	if (argv)
		child_become(argv);
	_exit(CHILD_NOT_RUN);
}

/* Two pipes; the command's ends go to `ends`. */
static int open_streams(struct running *r, int ends[2])
{
	int fds[2];

	for (int i = 0; i < 2; i++) {
		if (pipe2(fds, O_CLOEXEC) < 0)
			return -errno;
		r->streams[i].fd = fds[0];
		ends[i] = fds[1];
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

static int start(struct running *r, const struct run *run, volatile pid_t *group)
{
	int ends[2] = {-1, -1}, rc = open_streams(r, ends);
	pid_t parent = getpid();

	if (rc == 0) {
		r->pid = fork();
		if (r->pid == 0)
			become(run, ends, parent, group);
		rc = r->pid < 0 ? -errno : 0;
	}
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
	if (rc < 0)
		return rc;
	setpgid(r->pid, r->pid); /* whoever of the two comes first */
	*group = r->pid;
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	return r->pidfd < 0 ? -errno : 0;
}

/* ---- while it runs ------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void end_group(struct running *r, int signal)
{
	kill(-r->pid, signal);
	kill(-r->pid, SIGCONT);
	if (r->kill_at == 0)
		r->kill_at = now_ms() + GRACE_MS;
}

/* One read. false: nothing more is there now. */
static bool take(struct running *r, struct stream *s)
{
	size_t others = r->streams[0].len + r->streams[1].len - s->len;
	ssize_t n;

	if (s->len == s->room) {
		size_t room = s->room ? 2 * s->room : ROOM_MIN;
		char *bytes = realloc(s->bytes, room);

		if (!bytes) {
			r->overflow = true;
			return false;
		}
		s->bytes = bytes;
		s->room = room;
	}
	n = read(s->fd, s->bytes + s->len, s->room - s->len);
	if (n == 0) {
		close(s->fd);
		s->fd = -1;
	}
	if (n <= 0)
		return n < 0 && errno == EINTR;
	s->len += (size_t)n;
	if (s->len + others > RESULT_MAX)
		r->overflow = true;
	return !r->overflow;
}

/* What is there when it has ended; who goes on in the background may write without an end. */
static void drain(struct running *r)
{
	for (int i = 0; i < 2; i++) {
		struct stream *s = &r->streams[i];
		int left = 0;

		if (s->fd >= 0 && ioctl(s->fd, FIONREAD, &left) < 0)
			left = 0;
		for (size_t end = s->len + (size_t)left; s->len < end && s->fd >= 0;)
			if (!take(r, s))
				break;
	}
}

static void heed(struct running *r, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info) ||
	    (info.ssi_signo != RUN_STOP && info.ssi_signo != RUN_KILL))
		return;
	end_group(r, info.ssi_signo == RUN_KILL ? SIGKILL : SIGTERM);
	r->stopped = true;
}

/* It has written too much, and is told so twice. */
static void give_up(struct running *r)
{
	for (int i = 0; i < 2; i++) {
		if (r->streams[i].fd >= 0)
			close(r->streams[i].fd);
		r->streams[i].fd = -1;
	}
	if (r->kill_at == 0)
		end_group(r, SIGTERM);
}

/* Waits for something to happen. False: the command has ended. */
static bool attend(struct running *r, int signals)
{
	struct pollfd p[] = {{.fd = r->pidfd, .events = POLLIN},
			     {.fd = signals, .events = POLLIN},
			     {.fd = r->streams[0].fd, .events = POLLIN},
			     {.fd = r->streams[1].fd, .events = POLLIN}};
	int64_t left = r->kill_at ? r->kill_at - now_ms() : -1;

	if (r->kill_at && left <= 0) {
		end_group(r, SIGKILL);
		left = -1;
	}
	if (poll(p, 4, (int)left) < 0)
		return true; /* EINTR */
	if (p[1].revents)
		heed(r, signals);
	for (int i = 0; i < 2; i++)
		if (p[2 + i].revents && r->streams[i].fd >= 0)
			take(r, &r->streams[i]);
	if (r->overflow)
		give_up(r);
	return !p[0].revents;
}

/* ---- its end --------------------------------------------------------------------------------------- */

static int join(struct running *r, struct result *to)
{
	struct stream *out = &r->streams[0], *error = &r->streams[1];

	to->output = out->len;
	to->error = error->len;
	to->bytes = realloc(out->bytes, out->len + error->len + 1);
	if (!to->bytes)
		return -ENOMEM;
	out->bytes = NULL;
	if (error->len)
		memcpy(to->bytes + out->len, error->bytes, error->len);
	return 0;
}

static void reap(struct running *r, volatile pid_t *group, struct result *to)
{
	int status = 0;

	if (r->stopped || r->overflow || r->pidfd < 0)
		kill(-r->pid, SIGKILL); /* what is left of it */
	*group = 0;			/* before its number can be another's */
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	to->end = WIFSIGNALED(status) ? RESULT_KILLED : RESULT_EXITED;
	to->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void tidy(struct running *r, const struct run *run)
{
	for (int i = 0; i < 2; i++) {
		if (r->streams[i].fd >= 0)
			close(r->streams[i].fd);
		free(r->streams[i].bytes);
	}
	if (r->pidfd >= 0)
		close(r->pidfd);
	if (run->input >= 0)
		close(run->input);
}

int run_task(const struct run *run, int signals, volatile pid_t *group, struct result *to)
{
	struct running r = {.streams = {{.fd = -1}, {.fd = -1}}, .pidfd = -1};
	int rc;

	if (!run->text && wants_text(run)) {
		tidy(&r, run);
		return run_not(to, CHILD_NOT_RUN,
			       "the task has a byte 0, which no argument can have");
	}
	rc = start(&r, run, group);
	if (rc == 0) {
		while (attend(&r, signals))
			;
		drain(&r);
	}
	if (r.pid > 0)
		reap(&r, group, to);
	if (rc == 0 && !r.overflow)
		rc = join(&r, to);
	tidy(&r, run);
	if (rc == 0 && r.overflow)
		rc = run_not(to, TOO_MUCH, "it wrote more than %d bytes", RESULT_MAX);
	return rc == 0 && r.stopped ? RUN_STOPPED : rc;
}

int run_not(struct result *to, int status, const char *fmt, ...)
{
	char words[256];
	va_list args;
	int n;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	to->end = RESULT_EXITED;
	to->code = status;
	to->output = 0;
	n = asprintf(&to->bytes, "ipcfs: %s: %s\n", args_command, words);
	to->error = n < 0 ? 0 : (size_t)n;
	if (n < 0)
		to->bytes = NULL;
	return n < 0 ? -ENOMEM : 0;
}
