/* SPDX-License-Identifier: MIT
 *
 * t_child.c - children of the unit tests: see t_core.h.
 */
#include "t_core.h"

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

pid_t t_fork(int (*function)(void *arg), void *arg)
{
	pid_t pid, parent = getpid();

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		t_fail("fork: %s", t_result(-errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(98);
		_exit(function(arg));
	}
	for (int i = 0; getpid() == t.main && i < T_KIDS; i++) {
		if (t.kids[i])
			continue;
		t.kids[i] = pid;
		break;
	}
	return pid;
}

static void forget(pid_t pid)
{
	for (int i = 0; getpid() == t.main && i < T_KIDS; i++)
		if (t.kids[i] == pid)
			t.kids[i] = 0;
}

int t_wait(pid_t pid)
{
	int status = 0;

	t_until(waitpid(pid, &status, WNOHANG) == pid);
	forget(pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int t_become(void *arg)
{
	struct t_user *user = arg;

	if (setgroups(0, NULL) < 0 || setresgid(user->uid, user->uid, user->uid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return 97;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* was lost with the ids */
	return user->function(user->arg);
}

int t_as(uid_t uid, int (*function)(void *arg), void *arg)
{
	struct t_user user = {uid, function, arg};

	return t_wait(t_fork(t_become, &user));
}

int t_private_tmpfs(const char *at, const char *options)
{
	uid_t uid = geteuid();
	char map[64];
	int fd;

	if (unshare(CLONE_NEWNS) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			return -errno;
		fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
		snprintf(map, sizeof(map), "0 %u 1", uid);
		if (fd < 0 || write(fd, map, strlen(map)) < 0)
			return -errno;
		close(fd);
	}
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("ipcfs-unit", at, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
		return -errno;
	return 0;
}

void t_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	t_is(t_wait(pid), 128 + SIGKILL);
}

void t_kill_kids(void)
{
	for (int i = 0; i < T_KIDS; i++) {
		if (!t.kids[i])
			continue;
		kill(t.kids[i], SIGKILL);
		waitpid(t.kids[i], NULL, 0);
		t.kids[i] = 0;
	}
}

void t_wait_stopped(pid_t pid)
{
	int status = 0;

	t_until(waitpid(pid, &status, WNOHANG | WUNTRACED) == pid);
	if (!WIFSTOPPED(status))
		forget(pid);
	t_check(WIFSTOPPED(status));
}

bool t_asleep(pid_t tid)
{
	char path[64], text[128];
	unsigned long number, at, operation;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%lu %lx %lx", &number, &at, &operation) == 3 && number == SYS_futex &&
	       operation == 9; /* FUTEX_WAIT_BITSET, not private: no mutex of libc does that */
}

void *t_shared(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		t_fail("no memory");
	return at;
}

/* ---- one call in a child ----------------------------------------------------------------------- */

static int call_it(void *arg)
{
	struct t_call *call = arg;
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(store, call->kind, call->name, 0, 0, NULL, &o), 0);
	if (call->before)
		call->before();
	call->result = call->function(o, call->arg, ipcfs_after(call->timeout_ns));
	return 0;
}

struct t_call *t_start(struct t_call given)
{
	struct t_call *call;

	if (!t.calls)
		t.calls = t_shared(T_CALLS * sizeof(*t.calls));
	t_check(t.call_count < T_CALLS);
	call = &t.calls[t.call_count++];
	*call = given;
	call->result = T_UNDECIDED;
	call->pid = t_fork(call_it, call);
	return call;
}

struct t_call *t_start_waiting(struct t_call given)
{
	struct t_call *call = t_start(given);

	t_until(t_asleep(call->pid));
	return call;
}

void t_ends_with_(struct t_call *call, long result, const char *file, int line)
{
	t_is_("end of the child", "", t_wait(call->pid), 0, file, line);
	t_is_("its call", "", call->result, result, file, line);
}
