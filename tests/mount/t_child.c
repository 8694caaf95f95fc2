/* SPDX-License-Identifier: MIT
 *
 * t_child.c - of the harness: children and programs, and memory shared with them. See t.h.
 */
#include "t_inner.h"

#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { MAPPINGS = 8192 };

static struct {
	void *at;
	size_t bytes;
} mappings[MAPPINGS];
static unsigned mapping_count;

bool t_gone(pid_t pid)
{
	char text[512];
	long n = t_cat(t_brief("/proc/%d/stat", (int)pid), text, sizeof(text));
	const char *name_end = n > 0 ? strrchr(text, ')') : NULL;

	return !name_end || name_end[2] == 'Z' || name_end[2] == 'X';
}

static void note_kid(pid_t pid)
{
	for (unsigned i = 0; i < T_KIDS; i++) {
		if (t_program->kids[i])
			continue;
		t_program->kids[i] = pid;
		return;
	}
}

static void forget_kid(pid_t pid)
{
	for (unsigned i = 0; i < T_KIDS; i++)
		if (t_program->kids[i] == pid)
			t_program->kids[i] = 0;
}

static void become_child(pid_t parent)
{
	static const int of_cmocka[] = {SIGFPE, SIGILL, SIGSEGV, SIGSYS};

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(98);
	for (unsigned i = 0; i < sizeof(of_cmocka) / sizeof(*of_cmocka); i++)
		signal(of_cmocka[i], SIG_DFL);
}

/* fork() for all children: the parent gets the pid. */
static pid_t make_child(void)
{
	pid_t parent = getpid();

	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		become_child(parent);
	else if (pid < 0)
		t_fail("fork: %s", strerror(errno));
	else {
		setpgid(pid, pid); /* whoever comes first */
		note_kid(pid);
	}
	return pid;
}

pid_t t_spawn(int (*function)(void *arg), void *arg)
{
	pid_t pid = make_child();

	if (pid == 0) {
		int status = function(arg);
		fflush(NULL);
		_exit(status);
	}
	return pid;
}

pid_t t_spawn_pipe(int (*function)(void *arg), void *arg, int *out)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		t_fail("pipe: %s", strerror(errno));
	pid_t pid = make_child();
	if (pid == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		int status = function(arg);
		fflush(NULL);
		_exit(status);
	}
	close(ends[1]);
	*out = ends[0];
	return pid;
}

/* ---- their ends -------------------------------------------------------------------------------- */

bool t_ended(pid_t pid, int limit_ms)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return errno == ESRCH;
	int events = t_poll(fd, POLLIN, limit_ms);
	close(fd);
	return events > 0;
}

int t_wait_for(pid_t pid, int limit_ms)
{
	int status;

	if (!t_ended(pid, limit_ms))
		return -ETIME;
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	forget_kid(pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int t_wait(pid_t pid)
{
	int status = t_wait_for(pid, T_LIMIT_MS);

	if (status == -ETIME)
		t_fail("child %d has not ended", (int)pid);
	return status;
}

void t_kill(pid_t pid)
{
	kill(-pid, SIGKILL);
	if (t_wait_for(pid, T_AT_ONCE_MS) == -ETIME)
		t_fail("child %d was killed and is still there", (int)pid);
}

void t_kill_kids(void)
{
	for (unsigned i = 0; i < T_KIDS; i++)
		if (t_program->kids[i])
			kill(-t_program->kids[i], SIGKILL);
}

void t_reap_all(void)
{
	int64_t end = t_now_ms() + T_AT_ONCE_MS;

	t_kill_kids();
	for (unsigned i = 0; i < T_KIDS; i++) {
		pid_t pid = t_program->kids[i];
		if (pid && t_wait_for(pid, (int)(end > t_now_ms() ? end - t_now_ms() : 0)) < 0)
			print_error("child %d does not go away\n", (int)pid);
	}
}

/* ---- programs ---------------------------------------------------------------------------------- */

/* Becomes the program: no descriptors but the three, `out` as output and error. */
static void become_program(const char *const argv[], int out, bool keep_error)
{
	int null = open("/dev/null", O_RDONLY);

	dup2(null, 0);
	if (out >= 0) {
		dup2(out, 1);
		if (!keep_error)
			dup2(out, 2);
	}
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

pid_t t_shell(int *out, const char *format, ...)
{
	char command[8192];
	int ends[2] = {-1, -1};
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (out && pipe2(ends, O_CLOEXEC) < 0)
		t_fail("pipe: %s", strerror(errno));
	pid_t pid = make_child();
	if (pid == 0)
		become_program((const char *[]){"bash", "-c", command, NULL}, ends[1], true);
	if (out) {
		close(ends[1]);
		*out = ends[0];
	}
	return pid;
}

struct t_run *t_run_program(const char *const argv[], int limit_ms)
{
	static struct t_run result;
	int out = memfd_create("out", MFD_CLOEXEC);
	pid_t pid = make_child();

	if (pid == 0)
		become_program(argv, out, false);
	result.status = t_wait_for(pid, limit_ms);
	if (result.status == -ETIME) {
		kill(-pid, SIGKILL);
		t_wait_for(pid, 1000);
	}
	long n = pread(out, result.out, sizeof(result.out) - 1, 0);
	result.out[n < 0 ? 0 : n] = 0;
	close(out);
	return &result;
}

struct t_run *t_run(const char *format, ...)
{
	char command[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return t_run_program((const char *[]){"bash", "-c", command, NULL}, T_AT_ONCE_MS);
}

void t_runs_(int want, const char *file, int line, const char *format, ...)
{
	char command[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	struct t_run *r = t_run_program((const char *[]){"bash", "-c", command, NULL},
					T_AT_ONCE_MS);
	if (r->status == -ETIME)
		t_fail_(file, line, "`%s` hangs", command);
	if (r->status != want)
		t_fail_(file, line, "`%s` exits with %d, not %d: %s", command, r->status, want,
			r->out);
}

/* ---- memory ------------------------------------------------------------------------------------ */

void *t_shared(size_t bytes)
{
	/* cppcheck-suppress invalidFunctionArg ; -1 is what an anonymous mapping has */
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || mapping_count == MAPPINGS)
		t_fail("no memory");
	mappings[mapping_count].at = at;
	mappings[mapping_count++].bytes = bytes;
	return at;
}

void t_drop_shared(void)
{
	while (mapping_count) {
		mapping_count--;
		munmap(mappings[mapping_count].at, mappings[mapping_count].bytes);
	}
}

/* ---- one operation in a child ------------------------------------------------------------------ */

struct io_arg {
	struct t_io_note *note;
	const char *path, *text;
	int flags;
};

static int do_io(void *arg)
{
	struct io_arg *a = arg;
	struct t_io_note *note = a->note;

	close_range((unsigned)t_first_fd, ~0u, 0); /* it holds no handle but its own */
	int fd = t_open(a->path, a->flags);

	if (fd < 0) {
		note->result = fd;
		note->state = 2;
		return 0;
	}
	int64_t start = t_now_ms();
	note->state = 1;
	note->result = a->text ? t_put(fd, a->text) : t_get(fd, note->data, sizeof(note->data) - 1);
	note->took_ms = t_now_ms() - start;
	note->state = 2;
	return 0;
}

static struct t_io start_io(const char *path, int flags, const char *text)
{
	struct io_arg arg = {t_shared(sizeof(struct t_io_note)), path, text, flags};
	struct t_io io = {t_spawn(do_io, &arg), arg.note};

	t_until(io.note->state > 0);
	return io;
}

struct t_io t_reader(const char *path, int flags)
{
	return start_io(path, flags, NULL);
}

struct t_io t_writer(const char *path, int flags, const char *text)
{
	return start_io(path, flags, text);
}

long t_io_result(struct t_io *io)
{
	t_wait(io->pid);
	if (io->note->state != 2)
		t_fail("the child died");
	return io->note->result;
}

void t_io_got_(struct t_io *io, const char *want, const char *file, int line)
{
	t_compare("the child's read", io->note->data, t_io_result(io), want, strlen(want), file,
		  line);
}

/* ---- another user ------------------------------------------------------------------------------ */

struct as_arg {
	long (*function)(const char *path);
	const char *path;
	uid_t uid;
	long *result;
};

static int do_as(void *arg)
{
	struct as_arg *a = arg;

	if (setgroups(0, NULL) < 0 || setresgid(a->uid, a->uid, a->uid) < 0 ||
	    setresuid(a->uid, a->uid, a->uid) < 0)
		return 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	*a->result = a->function(a->path);
	return 0;
}

long t_as(uid_t uid, long (*function)(const char *path), const char *path)
{
	struct as_arg arg = {function, path, uid, t_shared(sizeof(long))};

	if (t_wait(t_spawn(do_as, &arg)) != 0)
		t_fail("as user %u: the child failed", (unsigned)uid);
	return *arg.result;
}
