/* SPDX-License-Identifier: MIT
 *
 * t.c - the harness: see t.h. What must outlive a crash of the program (pids, mounts, the time
 * limit) stands in memory shared with the guard process, which cleans up when the program is gone.
 */
#include "t.h"

#include <ftw.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { KIDS = 8192, SERVERS = 64, ATTACHED = 64, MAPPINGS = 8192 };

static struct shared {
	pid_t main;
	_Atomic pid_t kids[KIDS]; /* leaders of the children's process groups; 0: free */
	_Atomic pid_t servers[SERVERS];
	_Atomic int64_t deadline_ms; /* of the running test; 0: none runs */
	_Atomic bool clean;	     /* nothing is left to the guard */
	char test[128];
} * shared;

char t_base[128], t_mnt[160], t_store[160], t_ipcfs[4096];
static char mount_options[256];
static struct ipcfs_store *library;
static struct ipcfs_object *attached[ATTACHED];
static unsigned attached_count;
static struct {
	void *at;
	size_t bytes;
} mappings[MAPPINGS];
static unsigned mapping_count;
static int first_fd; /* descriptors from here on belong to the running test */
static pid_t server_at_begin;

/* ---- small things -------------------------------------------------------------- */

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
	shared->deadline_ms = t_now_ms() + seconds * 1000;
}

/* Texts for this file's own use, valid for the next 32 calls. */
static char *slot(void)
{
	static char slots[32][4096];
	static unsigned next;

	return slots[next++ % 32];
}

__attribute__((format(printf, 1, 2))) static const char *brief(const char *format, ...)
{
	char *text = slot();
	va_list args;

	va_start(args, format);
	vsnprintf(text, 4096, format, args);
	va_end(args);
	return text;
}

/* Texts for the tests: valid until the test's end. */
static struct text {
	struct text *next;
	char bytes[];
} * texts;

__attribute__((format(printf, 2, 0))) static const char *keep(const char *prefix,
							      const char *format, va_list args)
{
	char *rest = NULL;

	if (vasprintf(&rest, format, args) < 0)
		t_fail("no memory");
	size_t size = strlen(prefix) + 1 + strlen(rest) + 1;
	struct text *text = malloc(sizeof(*text) + size);
	if (!text)
		t_fail("no memory");
	snprintf(text->bytes, size, "%s%s%s", prefix, *prefix ? "/" : "", rest);
	free(rest);
	text->next = texts;
	texts = text;
	return text->bytes;
}

static void drop_texts(void)
{
	while (texts) {
		struct text *text = texts;
		texts = text->next;
		free(text);
	}
}

const char *t_format(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const char *text = keep("", format, args);
	va_end(args);
	return text;
}

const char *t_path(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const char *path = keep(t_mnt, format, args);
	va_end(args);
	return path;
}

const char *t_in_store(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const char *path = keep(t_store, format, args);
	va_end(args);
	return path;
}

const char *t_result(long result)
{
	const char *name = result < 0 ? strerrorname_np((int)-result) : NULL;

	return name ? brief("-%s", name) : brief("%ld", result);
}

/* ---- expectations --------------------------------------------------------------- */

void t_fail_(const char *file, int line, const char *format, ...)
{
	char text[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (getpid() != shared->main) { /* a child: cmocka's state is not ours */
		fprintf(stderr, "%s:%d: in a child: %s\n", file, line, text);
		_exit(99);
	}
	print_error("%s\n", text);
	_fail(file, line);
	abort(); /* not reached */
}

void t_is_(const char *what, long got, long want, const char *file, int line)
{
	if (got != want)
		t_fail_(file, line, "%s is %s, not %s", what, t_result(got), t_result(want));
}

void t_is_either_(const char *what, long got, long want, long or, const char *file, int line)
{
	if (got != want && got != or)
		t_fail_(file, line, "%s is %s, neither %s nor %s", what, t_result(got),
			t_result(want), t_result(or));
}

void t_fails_(const char *what, long got, const char *file, int line)
{
	if (got >= 0)
		t_fail_(file, line, "%s is %s, not an error", what, t_result(got));
}

/* At most 200 bytes, printable. */
static const char *quote(const char *bytes, size_t len)
{
	char *text = slot();
	size_t n = 0;

	text[n++] = '"';
	for (size_t i = 0; i < len && i < 200; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c == '\n')
			n += (size_t)sprintf(text + n, "\\n");
		else if (c < ' ' || c >= 127)
			n += (size_t)sprintf(text + n, "\\x%02x", c);
		else
			text[n++] = (char)c;
	}
	sprintf(text + n, "\"%s", len > 200 ? "..." : "");
	return text;
}

static void compare(const char *what, const char *got, long len, const char *want, size_t want_len,
		    const char *file, int line)
{
	if (len < 0)
		t_fail_(file, line, "%s is %s, not %s", what, t_result(len), quote(want, want_len));
	if ((size_t)len != want_len || memcmp(got, want, want_len) != 0)
		t_fail_(file, line, "%s is %s (%ld bytes), not %s (%zu)", what,
			quote(got, (size_t)len), len, quote(want, want_len), want_len);
}

void t_shows_(const char *path, const char *want, size_t len, const char *file, int line)
{
	static char got[T_TEXT];

	compare(path, got, t_cat(path, got, sizeof(got)), want, len, file, line);
}

void t_gets_(int fd, const char *want, size_t len, const char *file, int line)
{
	static char got[T_TEXT];

	compare("a read", got, t_get(fd, got, sizeof(got)), want, len, file, line);
}

/* ---- calls -------------------------------------------------------------------- */

long t_sys(long result)
{
	return result < 0 ? -(long)errno : result;
}

int t_open(const char *path, int flags)
{
	return (int)t_sys(open(path, flags | O_CLOEXEC, 0666));
}

long t_get(int fd, void *buf, size_t size)
{
	return t_sys(read(fd, buf, size));
}

long t_put(int fd, const char *text)
{
	return t_sys(write(fd, text, strlen(text)));
}

long t_echo_bytes(const char *path, const void *bytes, size_t len)
{
	int fd = t_open(path, O_WRONLY | O_CREAT | O_TRUNC);

	if (fd < 0)
		return fd;
	long n = t_sys(write(fd, bytes, len));
	long closed = t_sys(close(fd));
	if (n >= 0 && (size_t)n != len)
		return -EIO; /* short */
	return n < 0 ? n : closed;
}

long t_echo(const char *path, const char *text)
{
	return t_echo_bytes(path, text, strlen(text));
}

long t_cat(const char *path, char *buf, size_t size)
{
	int fd = t_open(path, O_RDONLY);
	long got = 0, n;

	if (fd < 0)
		return fd;
	do {
		n = t_get(fd, buf + got, size - 1 - (size_t)got);
		got += n > 0 ? n : 0;
	} while (n > 0 && (size_t)got < size - 1);
	close(fd);
	buf[got] = 0;
	return n < 0 ? n : got;
}

long t_touch(const char *path)
{
	int fd = t_open(path, O_WRONLY | O_CREAT);

	return fd < 0 ? fd : t_sys(close(fd));
}

long t_exists(const char *path)
{
	struct stat st;

	return t_sys(lstat(path, &st));
}

int t_poll(int fd, short events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n = poll(&p, 1, timeout_ms);

	return n < 0 ? -errno : n == 0 ? 0 : p.revents;
}

/* ---- stat and status -------------------------------------------------------------- */

long t_number(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtol(line + len + 1, NULL, 10);
	}
	return -ENODATA;
}

long t_stat(const char *path, const char *key)
{
	static char text[T_TEXT];
	long n = t_cat(brief("%s,stat", path), text, sizeof(text));

	return n < 0 ? n : t_number(text, key);
}

bool t_stat_has(const char *path, const char *line)
{
	static char text[T_TEXT];
	long n = t_cat(brief("%s,stat", path), text, sizeof(text));
	size_t len = strlen(line);

	if (n < 0)
		return false;
	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && (at[len] == '\n' || !at[len]))
			return true;
	return false;
}

void t_wait_stat(const char *path, const char *key, long want)
{
	int64_t end = t_now_ms() + T_LIMIT_MS;
	long got = 0;

	while (t_now_ms() < end) {
		got = t_stat(path, key);
		if (got == want)
			return;
		usleep(500);
	}
	t_fail("%s,stat: `%s` stays %s, wanted %s", path, key, t_result(got), t_result(want));
}

long t_status(const char *key)
{
	static char text[T_TEXT];
	long n = t_cat(brief("%s/status", t_mnt), text, sizeof(text));

	return n < 0 ? n : t_number(text, key);
}

pid_t t_server(void)
{
	return (pid_t)t_status("pid");
}

long t_server_memory(void)
{
	static char text[T_TEXT];

	if (t_cat(brief("/proc/%d/status", (int)t_server()), text, sizeof(text)) < 0)
		return -1;
	const char *line = strstr(text, "RssAnon:");
	return line ? strtol(line + 8, NULL, 10) * 1024 : -1;
}

/* ---- processes ------------------------------------------------------------------- */

static bool gone(pid_t pid)
{
	char text[512];
	long n = t_cat(brief("/proc/%d/stat", (int)pid), text, sizeof(text));
	const char *name_end = n > 0 ? strrchr(text, ')') : NULL;

	return !name_end || name_end[2] == 'Z' || name_end[2] == 'X';
}

static void note_kid(pid_t pid)
{
	for (unsigned i = 0; i < KIDS; i++) {
		if (shared->kids[i])
			continue;
		shared->kids[i] = pid;
		return;
	}
}

static void forget_kid(pid_t pid)
{
	for (unsigned i = 0; i < KIDS; i++)
		if (shared->kids[i] == pid)
			shared->kids[i] = 0;
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

static bool ended(pid_t pid, int limit_ms)
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

	if (!ended(pid, limit_ms))
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

static struct t_run *run(const char *const argv[], int limit_ms)
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
	return run((const char *[]){"bash", "-c", command, NULL}, T_AT_ONCE_MS);
}

void t_runs_(int want, const char *file, int line, const char *format, ...)
{
	char command[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	struct t_run *r = run((const char *[]){"bash", "-c", command, NULL}, T_AT_ONCE_MS);
	if (r->status == -ETIME)
		t_fail_(file, line, "`%s` hangs", command);
	if (r->status != want)
		t_fail_(file, line, "`%s` exits with %d, not %d: %s", command, r->status, want,
			r->out);
}

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

/* ---- one operation in a child -------------------------------------------------------- */

struct io_arg {
	struct t_io_note *note;
	const char *path, *text;
	int flags;
};

static int do_io(void *arg)
{
	struct io_arg *a = arg;
	struct t_io_note *note = a->note;

	close_range((unsigned)first_fd, ~0u, 0); /* it holds no handle but its own */
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
	compare("the child's read", io->note->data, t_io_result(io), want, strlen(want), file,
		line);
}

/* ---- another user ------------------------------------------------------------------- */

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

/* ---- the library ------------------------------------------------------------------------ */

struct ipcfs_store *t_lib(void)
{
	if (!library)
		t_is(ipcfs_store_open(t_store, &library), 0);
	return library;
}

struct ipcfs_object *t_attach(enum ipcfs_kind kind, const char *name,
			      const struct ipcfs_properties *p)
{
	struct ipcfs_object *object;
	int rc = ipcfs_open(t_lib(), kind, name, IPCFS_CREATE, 0666, p, &object);

	if (rc < 0 || attached_count == ATTACHED)
		t_fail("ipcfs_open %s: %s", name, t_result(rc));
	attached[attached_count++] = object;
	return object;
}

struct ipcfs_object *t_attach_child(struct ipcfs_store **store, enum ipcfs_kind kind,
				    const char *name)
{
	struct ipcfs_object *object;

	if (ipcfs_store_open(t_store, store) < 0 ||
	    ipcfs_open(*store, kind, name, 0, 0, NULL, &object) < 0)
		return NULL;
	return object;
}

/* ---- the mount ----------------------------------------------------------------------------- */

static void note_server(const char *mnt)
{
	char text[4096];
	long pid = -1;

	if (t_cat(brief("%s/status", mnt), text, sizeof(text)) > 0)
		pid = t_number(text, "pid");
	for (unsigned i = 0; pid > 0 && i < SERVERS; i++) {
		if (shared->servers[i] && !gone(shared->servers[i]))
			continue;
		shared->servers[i] = (pid_t)pid;
		return;
	}
}

int t_try_mount(const char *store, const char *mnt, const char *options, char *words)
{
	const char *o = brief("store=%s%s%s", store, options ? "," : "", options ? options : "");

	mkdir(mnt, 0755);
	struct t_run *r = run((const char *[]){t_ipcfs, "mount", "-o", o, mnt, NULL}, T_LIMIT_MS);
	if (words)
		memcpy(words, r->out, sizeof(r->out));
	int status = r->status;
	if (status == 0)
		note_server(mnt);
	else if (!words)
		print_error("ipcfs mount -o %s: status %d: %s", o, status, r->out);
	return status;
}

void t_mount(const char *options)
{
	snprintf(mount_options, sizeof(mount_options), "%s", options ? options : "");
	if (t_try_mount(t_store, t_mnt, *mount_options ? mount_options : NULL, NULL) != 0)
		t_fail("cannot mount");
	if (t_server() <= 0)
		t_fail("status has no pid");
	server_at_begin = t_server();
}

/* Of ours: its command line names our folder. */
static bool our_server(pid_t pid)
{
	char text[4096];
	long n = t_cat(brief("/proc/%d/cmdline", (int)pid), text, sizeof(text));

	return n > 0 && memmem(text, (size_t)n, t_base, strlen(t_base));
}

/* A process is gone, all its threads and descriptors with it. */
static void await_end(pid_t pid)
{
	if (pid > 0)
		ended(pid, T_AT_ONCE_MS);
}

void t_umount(void)
{
	pid_t pid = t_server();
	struct t_run *r = run((const char *[]){t_ipcfs, "umount", "--force", t_mnt, NULL},
			      T_AT_ONCE_MS);

	if (r->status != 0)
		t_fail("umount --force: status %d: %s", r->status, r->out);
	await_end(pid);
	if (pid > 0 && !gone(pid))
		t_fail("unmounted, and the server is still there");
	server_at_begin = 0;
}

void t_kill_server(void)
{
	pid_t pid = t_server();

	if (pid <= 0)
		t_fail("status has no pid");
	kill(pid, SIGKILL);
	await_end(pid);
	umount2(t_mnt, MNT_DETACH);
	server_at_begin = 0;
}

void t_restart(void)
{
	char options[sizeof(mount_options)];

	memcpy(options, mount_options, sizeof(options));
	t_kill_server();
	t_mount(*options ? options : NULL);
}

/* ---- cleaning up ------------------------------------------------------------------------------ */

static void kill_kids(void)
{
	for (unsigned i = 0; i < KIDS; i++)
		if (shared->kids[i])
			kill(-shared->kids[i], SIGKILL);
}

/* Every mount below our folder, the newest first. */
static void detach_all(void)
{
	static char text[1 << 20];
	int fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	size_t got = 0;
	long n;

	while ((n = read(fd, text + got, sizeof(text) - 1 - got)) > 0)
		got += (size_t)n;
	close(fd);
	text[got] = 0;
	char *line;
	while ((line = strrchr(text, '\n'))) { /* the last line first */
		*line = 0;
		line = strrchr(text, '\n');
		char *at = strchr(line ? line + 1 : text, ' ');
		char *end = at ? strchr(at + 1, ' ') : NULL;
		if (!end)
			continue;
		*end = 0;
		size_t len = strlen(t_base);
		if (strncmp(at + 1, t_base, len) == 0 && at[1 + len] == '/')
			umount2(at + 1, MNT_DETACH);
		*end = ' ';
		if (line)
			line[0] = '\n';
	}
}

static void end_servers(int signal_number)
{
	for (unsigned i = 0; i < SERVERS; i++) {
		pid_t pid = shared->servers[i];
		if (pid && !gone(pid) && our_server(pid))
			kill(pid, signal_number);
	}
	for (unsigned i = 0; i < SERVERS; i++)
		await_end(shared->servers[i]);
}

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
	kill_kids();
	end_servers(SIGTERM);
	end_servers(SIGKILL);
	detach_all();
	if (getenv("T_KEEP"))
		fprintf(stderr, "kept: %s\n", t_base);
	else if (*t_base)
		nftw(t_base, remove_one, 64, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	shared->clean = true;
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
		int64_t deadline = shared->deadline_ms, now = t_now_ms();
		if (!deadline || now < deadline) {
			warned = false;
			continue;
		}
		if (!warned)
			fprintf(stderr, "guard: %s does not end: killing its server\n",
				shared->test);
		warned = true;
		kill_kids();
		end_servers(SIGKILL);
		detach_all();
		if (now > deadline + T_LIMIT_MS)
			kill(shared->main, SIGKILL);
	}
	if (!shared->clean)
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
	if (getpid() == shared->main)
		clean();
}

/* ---- the program ---------------------------------------------------------------------------------- */

int t_begin(void **state)
{
	snprintf(shared->test, sizeof(shared->test), "%s", (const char *)*state);
	t_limit(T_TEST_S);
	umask(022);
	first_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server_at_begin = t_server();
	return server_at_begin > 0 ? 0 : -1;
}

static void reap_all(void)
{
	int64_t end = t_now_ms() + T_AT_ONCE_MS;

	kill_kids();
	for (unsigned i = 0; i < KIDS; i++) {
		pid_t pid = shared->kids[i];
		if (pid && t_wait_for(pid, (int)(end > t_now_ms() ? end - t_now_ms() : 0)) < 0)
			print_error("child %d does not go away\n", (int)pid);
	}
}

int t_end(void **state)
{
	const char *name = *state;
	int rc = 0;

	while (attached_count)
		ipcfs_close(attached[--attached_count]);
	close_range((unsigned)first_fd, ~0u, 0);
	shared->deadline_ms = t_now_ms() + T_LIMIT_MS;
	reap_all();
	drop_texts();
	while (mapping_count) {
		mapping_count--;
		munmap(mappings[mapping_count].at, mappings[mapping_count].bytes);
	}
	if (!server_at_begin || t_server() != server_at_begin) {
		print_error("%s: the server is gone\n", name);
		rc = -1;
		detach_all();
		end_servers(SIGKILL);
		t_try_mount(t_store, t_mnt, *mount_options ? mount_options : NULL, NULL);
	}
	shared->deadline_ms = 0;
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

	if (len > 64 || (len && access(brief("%.*s", len, given), W_OK) < 0))
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
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 1;
	shared->main = getpid();
	make_base();
	start_guard();
	atexit(at_exit);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return _cmocka_run_group_tests(program_invocation_short_name, tests, count, mount_first,
				       NULL) != 0;
}
