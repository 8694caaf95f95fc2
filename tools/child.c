/* SPDX-License-Identifier: MIT
 *
 * child.c - see child.h.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"

_Noreturn void child_become(char *const argv[])
{
	int error;

	execvp(argv[0], argv);
	error = errno;
	args_fail(argv[0], "%s", strerror(error));
	_exit(error == ENOENT || error == ENOTDIR ? CHILD_NOT_FOUND : CHILD_NOT_RUN);
}

static int attend(pid_t child, const sigset_t *set)
{
	siginfo_t info;
	int status;

	for (;;) {
		int signal = sigwaitinfo(set, &info);

		if (signal == SIGCHLD && waitpid(child, &status, WNOHANG) == child)
			return status;
		if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
			kill(child, signal);
	}
}

int child_run(char *const argv[], int *status)
{
	static const int passed_on[] = {SIGHUP,	 SIGINT,  SIGQUIT, SIGALRM,
					SIGTERM, SIGUSR1, SIGUSR2};
	struct sigaction deflt = {.sa_handler = SIG_DFL}, on_child;
	sigset_t set, mask;
	pid_t child;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&set, passed_on[i]);
	sigaction(SIGCHLD, &deflt, &on_child); /* ignored, it would take the exit status away */
	sigprocmask(SIG_BLOCK, &set, &mask);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		sigaction(SIGCHLD, &on_child, NULL);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		child_become(argv);
	}
	if (child < 0)
		return args_fail(NULL, "fork: %s", strerror(errno));
	*status = attend(child, &set);
	return 0;
}

/* Of a signal, without a second core file. */
int child_end(int status)
{
	struct sigaction deflt = {.sa_handler = SIG_DFL};
	sigset_t set;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	sigaction(WTERMSIG(status), &deflt, NULL);
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
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
	return pid > 0 && status == 0 ? 0 : -1; /* 0 too where SIGCHLD is ignored */
}
