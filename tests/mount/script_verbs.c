/* SPDX-License-Identifier: MIT
 *
 * script_verbs.c - verbs of rows, those that look at more than the handle, or need another process:
 *   poll:in|out|inout[hup|err]   told:COUNT (signals of notify=RTMIN since it was looked at last)
 *   ctl:WORDS (through another handle)   remove (the plain name)   release (see script_unlock)
 *   reader (a process reads, and waits)   later:TEXT (another writes it to the plain name as soon as one waits)
 *   held:TEXT heard:PATTERN drop (what `before` opened first: writes, reads; what it opened last: closes)
 *   mmap   record (a record lock)
 *   short:PATTERN (reads two bytes)   puts:COUNT:TEXT (a write takes so many bytes)   token:first|same|more (a read, and what it gives)
 *   seek:OFFSET   size:BYTES (st_size)   make:PATH   gives:PATH=PATTERN   unmake:PATH (others below the mount)
 */
#include "script.h"

#include <signal.h>
#include <sys/mman.h>

#include "t.h"

/* ---- signals ------------------------------------------------------------------------------------ */

static sigset_t told_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	return set;
}

/* Those that are pending, taken. Real-time ones do not coalesce. */
static int take_pending(void)
{
	const struct timespec none = {0};
	sigset_t set = told_set();
	int n = 0;

	while (sigtimedwait(&set, NULL, &none) == SIGRTMIN)
		n++;
	return n;
}

/* What was answered is followed by its signals before the next request is: so by a request of our own. */
static long do_told(struct script_run *r, const char *word)
{
	(void)r;
	t_status("pid");
	return script_seen(word, t_format("%d", take_pending()), 0);
}

/* ---- the handle ------------------------------------------------------------------------------------ */

static long do_poll(struct script_run *r, const char *word)
{
	int got = t_poll(r->fd, POLLIN | POLLOUT, 0);

	return script_seen(word,
			   t_format("%s%s%s%s", got & POLLIN ? "in" : "",
				    got & POLLOUT ? "out" : "", got & POLLHUP ? "hup" : "",
				    got & POLLERR ? "err" : ""),
			   0);
}

static long do_short(struct script_run *r, const char *word)
{
	char text[3] = "";
	long n = t_get(r->fd, text, 2);

	return script_seen(word, text, n);
}

static long do_puts(struct script_run *r, const char *word)
{
	char *text;
	long want = strtol(word, &text, 10);
	long n = t_put(r->fd, text + 1);

	return n < 0 || n == want ? n : script_seen(t_format("%ld", want), t_result(n), 0);
}

/* A number, no more than that, and a larger one. */
static bool is_more(const char *text, const char *than)
{
	return strcmp(text + strspn(text, "0123456789"), "\n") == 0 && atoll(text) > atoll(than);
}

static long do_token(struct script_run *r, const char *word)
{
	char text[sizeof(r->last)] = "";
	long n = t_get(r->fd, text, sizeof(text) - 1);
	bool right = !strcmp(word, "same") ? !strcmp(text, r->last) : is_more(text, r->last);

	if (n < 0)
		return n;
	if (!right)
		return script_seen(word, t_format("%s after %s", text, r->last), -ENOMSG);
	memcpy(r->last, text, sizeof(text));
	return 0;
}

static long do_seek(struct script_run *r, const char *word)
{
	return t_sys(lseek(r->fd, strtol(word, NULL, 10), SEEK_SET));
}

static long do_size(struct script_run *r, const char *word)
{
	struct stat st;
	long rc = t_sys(fstat(r->fd, &st));

	return rc < 0 ? rc : script_seen(word, t_format("%lld", (long long)st.st_size), 0);
}

/* ---- others, and other processes -------------------------------------------------------------------- */

static long full(long n, const char *text)
{
	return n < 0 || n == (long)strlen(text) ? n : -EIO;
}

static long do_ctl(struct script_run *r, const char *word)
{
	return full(script_write(t_format("%s,ctl", r->plain), word), word);
}

static long do_remove(struct script_run *r, const char *word)
{
	(void)word;
	return t_sys(unlink(r->plain));
}

static long do_release(struct script_run *r, const char *word)
{
	(void)r;
	(void)word;
	script_unlock();
	return 0;
}

static long do_reader(struct script_run *r, const char *word)
{
	(void)word;
	script_reader(r->plain);
	t_wait_stat(r->plain, "readers", 1);
	return 0;
}

/* A process of the row. */
static struct job {
	const char *path, *text;
	_Atomic int done;
	pid_t pid;
} * later;

static int write_later(void *arg)
{
	const struct job *job = arg;
	long waiters;

	while ((waiters = t_stat(job->path, "waiters")) == 0)
		usleep(500);
	return waiters >= 0 && full(script_write(job->path, job->text), job->text) < 0;
}

static void await_later(void)
{
	if (later)
		t_is(t_wait(later->pid), 0);
	later = NULL;
}

static long do_later(struct script_run *r, const char *word)
{
	await_later();
	later = t_shared(sizeof(*later));
	later->path = r->plain;
	later->text = t_format("%s", word);
	later->pid = t_spawn(write_later, later);
	return 0;
}

static int read_and_stay(void *arg)
{
	struct job *job = arg;
	char text[100];
	int fd = t_open(job->path, O_RDWR);

	if (fd < 0 || t_get(fd, text, sizeof(text)) <= 0)
		return 1;
	job->done = 1;
	for (;;)
		pause();
}

void script_killed(const char *path)
{
	struct job *job = t_shared(sizeof(*job));

	job->path = path;
	job->pid = t_spawn(read_and_stay, job);
	t_until(job->done);
	t_kill(job->pid);
}

void script_begin(void)
{
	sigset_t set = told_set();

	sigprocmask(SIG_BLOCK, &set, NULL);
	later = NULL;
}

void script_end(void)
{
	await_later();
	take_pending();
}

/* ---- other objects ------------------------------------------------------------------------------------ */

static long do_make(struct script_run *r, const char *word)
{
	(void)r;
	return t_touch(t_path("%s", word));
}

static long do_gives(struct script_run *r, const char *word)
{
	const char *equals = strchr(word, '=');
	char text[1024] = "";
	long n = t_cat(t_path("%.*s", (int)(equals - word), word), text, sizeof(text));

	(void)r;
	return n < 0 ? n : script_seen(equals + 1, text, n);
}

static long do_unmake(struct script_run *r, const char *word)
{
	(void)r;
	return t_sys(unlink(t_path("%s", word)));
}

/* ---- what no handle can ------------------------------------------------------------------------ */

static long do_record(struct script_run *r, const char *word)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	(void)word;
	return t_sys(fcntl(r->fd, F_SETLK, &lock));
}

static long do_mmap(struct script_run *r, const char *word)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, r->fd, 0);

	(void)word;
	return at == MAP_FAILED ? -errno : munmap(at, 4096);
}

/* ---- what `before` opened ---------------------------------------------------------------------- */

static long do_held(struct script_run *r, const char *word)
{
	(void)r;
	return t_put(script_held(), word);
}

static long do_heard(struct script_run *r, const char *word)
{
	char text[100] = "";
	long n = t_get(script_held(), text, sizeof(text) - 1);

	(void)r;
	return script_seen(word, text, n);
}

static long do_drop(struct script_run *r, const char *word)
{
	(void)r;
	(void)word;
	script_drop();
	return 0;
}

const struct script_verb script_more_verbs[] = {
	{"told", do_told},	 {"poll", do_poll},	{"short", do_short},
	{"puts", do_puts},	 {"token", do_token},	{"seek", do_seek},
	{"size", do_size},	 {"ctl", do_ctl},	{"remove", do_remove},
	{"release", do_release}, {"reader", do_reader}, {"later", do_later},
	{"make", do_make},	 {"gives", do_gives},	{"unmake", do_unmake},
	{"held", do_held},	 {"heard", do_heard},	{"drop", do_drop},
	{"mmap", do_mmap},	 {"record", do_record}, {NULL, NULL},
};
