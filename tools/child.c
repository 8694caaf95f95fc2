/* SPDX-License-Identifier: MIT
 *
 * child.c - see child.h.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"

/* Those that are passed on. A terminal sends its own to the child as well. */
static const int passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

static int cannot(const char *name, int error)
{
	args_fail(name, "%s", strerror(error));
	return error == ENOENT || error == ENOTDIR ? CHILD_NOT_FOUND : CHILD_NOT_RUN;
}

/* Blocks what waiting takes in. */
static void take_signals(sigset_t *taken, sigset_t *before)
{
	sigemptyset(taken);
	sigaddset(taken, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaddset(taken, passed[i]);
	sigprocmask(SIG_BLOCK, taken, before);
}

/* Until it has ended: its status as of wait(2). */
static int wait_for(pid_t pid, const sigset_t *taken)
{
	siginfo_t info;
	int status, sig;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		sig = sigwaitinfo(taken, &info);
		if (sig > 0 && sig != SIGCHLD && info.si_code <= 0)
			kill(pid, sig);
	}
	return status;
}

/* As the child did; without a second core file. */
static void die_of(int sig)
{
	sigset_t set;

	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
}

int child_run(char *const argv[], void (*before_end)(void *arg), void *arg)
{
	sigset_t taken, before;
	int status;
	pid_t pid;

	signal(SIGCHLD, SIG_DFL); /* ignored, it would leave nothing to wait for */
	take_signals(&taken, &before);
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		execvp(argv[0], argv);
		_exit(cannot(argv[0], errno));
	}
	status = pid < 0 ? cannot(argv[0], errno) << 8 : wait_for(pid, &taken);
	if (before_end)
		before_end(arg);
	if (WIFSIGNALED(status)) {
		die_of(WTERMSIG(status));
		return 128 + WTERMSIG(status);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return WEXITSTATUS(status);
}

static size_t read_all(int fd, char *buf, size_t size)
{
	char rest[4096];
	size_t len = 0;
	ssize_t n;

	do {
		n = len < size - 1 ? read(fd, buf + len, size - 1 - len) :
				     read(fd, rest, sizeof(rest));
		if (n > 0 && len < size - 1)
			len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return len;
}

int child_output(char *const argv[], char *buf, size_t size)
{
	int fds[2], status = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(CHILD_NOT_FOUND);
	}
	close(fds[1]);
	buf[pid > 0 ? read_all(fds[0], buf, size) : 0] = '\0';
	close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && status == 0 ? 0 : -1;
}
