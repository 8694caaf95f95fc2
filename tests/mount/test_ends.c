/* SPDX-License-Identifier: MIT
 *
 * test_ends.c - how a wait ends: each operation of each kind that may wait, with each of what may end it. Whoever
 * ended without success has taken nothing: after him another gets what he waited for.
 */
#include "script.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "t.h"

enum deed {
	READ,
	WRITE,
	WATCH,
	ARMED, /* a read of a handle that was armed */
	FLOCK_EX,
	FLOCK_SH
};

/* An operation that waits: of which kind, on what, and what lets it go on and then is read by it. */
static const struct wait {
	const char *name;
	enum ipcfs_kind kind;
	const char *before; /* as in script.h */
	const char *options;
	enum deed deed;
	const char *text; /* WRITE */
	const char *
		go_on; /* NULL: the holder unlocks; "": a read, "<" with options; "&": another reads; else it is written, behind | if with options */
	const char *gives; /* READ, WATCH: what is read at last, a pattern */
} waits[] = {
	/* clang-format off */
	{"queue_get", IPCFS_QUEUE, "", "", READ, NULL, "m", "m"},
	{"queue_get_stream", IPCFS_QUEUE, "", ",stream", READ, NULL, "m", "m"},
	{"queue_get_line", IPCFS_QUEUE, "", ",lines", READ, NULL, "m", "m\n"},
	{"queue_get_beside_a_lease", IPCFS_QUEUE, "=m|<,ack", "", READ, NULL, "n", "n"},
	{"queue_lease", IPCFS_QUEUE, "", ",ack", READ, NULL, "m", "m"},
	{"queue_lease_stream", IPCFS_QUEUE, "", ",ack,stream", READ, NULL, "m", "m"},
	{"queue_join", IPCFS_QUEUE, "=a", ",join", READ, NULL, ",ctl|done 1", "0\n"},
	{"queue_put", IPCFS_QUEUE, "=a|=b", "", WRITE, "m", "", NULL},
	{"queue_put_line", IPCFS_QUEUE, "=a|=b", ",lines", WRITE, "m\n", "", NULL},
	{"queue_put_block", IPCFS_QUEUE, "=a|=b", ",block=2", WRITE, "mn", "", NULL},
	{"queue_watch_empty", IPCFS_QUEUE, "", ",watch", READ, NULL, "m", "m"},
	{"queue_watch", IPCFS_QUEUE, "=a|=b", ",watch", WATCH, NULL, "", "b"},
	{"mq_receive", IPCFS_MQ, "", "", READ, NULL, "m", "m"},
	{"mq_send", IPCFS_MQ, "=a|=b", "", WRITE, "m", "", NULL},
	{"mq_send_first", IPCFS_MQ, "=a|=b", ",prio=9", WRITE, "m", "", NULL},
	{"mq_watch", IPCFS_MQ, "", ",watch", WATCH, NULL, "m", "maxmsg 2\nmsgsize 8192\nmessages 1\n"},
	{"semaphore_acquire", IPCFS_SEMAPHORE, "", "", READ, NULL, "1", "1\n"},
	{"semaphore_acquire_n", IPCFS_SEMAPHORE, "=1", ",n=2", READ, NULL, "1", "2\n"},
	{"semaphore_hold", IPCFS_SEMAPHORE, "", ",hold", READ, NULL, "1", "1\n"},
	{"semaphore_hold_n", IPCFS_SEMAPHORE, "=1", ",hold,n=2", READ, NULL, "1", "2\n"},
	{"semaphore_tokens", IPCFS_SEMAPHORE, "", ",tokens", READ, NULL, "1", "+"},
	{"semaphore_watch", IPCFS_SEMAPHORE, "", ",watch", WATCH, NULL, "3", "3\n"},
	{"lock_acquire", IPCFS_LOCK, "<", "", READ, NULL, NULL, "[1-9]*\n"},
	{"lock_acquire_shared", IPCFS_LOCK, "<", ",shared", READ, NULL, NULL, "[1-9]*\n"},
	{"lock_acquire_beside_shared", IPCFS_LOCK, "<,shared", "", READ, NULL, NULL, "[1-9]*\n"},
	{"lock_flock", IPCFS_LOCK, "<", "", FLOCK_EX, NULL, NULL, NULL},
	{"lock_flock_shared", IPCFS_LOCK, "<", "", FLOCK_SH, NULL, NULL, NULL},
	{"lock_watch", IPCFS_LOCK, "<", ",watch", WATCH, NULL, NULL, "free\n"},
	{"event_wait", IPCFS_EVENT, "", "", READ, NULL, "1", "1\n"},
	{"event_watch", IPCFS_EVENT, "", ",watch", WATCH, NULL, "1", "1\n"},
	{"condition_wait", IPCFS_CONDITION, "", "", READ, NULL, "all", "1\n"},
	{"condition_stream", IPCFS_CONDITION, "", ",stream", READ, NULL, "1", "1\n"},
	{"condition_armed", IPCFS_CONDITION, "", "", ARMED, NULL, "1", "1\n"},
	{"condition_watch", IPCFS_CONDITION, "", ",watch", WATCH, NULL, "&", "1\n"},
	{"barrier_arrive", IPCFS_BARRIER, "", "", READ, NULL, "&", "0\n"},
	{"barrier_watch", IPCFS_BARRIER, "", ",watch", WATCH, NULL, "&", "1\n"},
	{"pipe_read", IPCFS_PIPE, "^,b", ",a", READ, NULL, ",b|m", "m"},
	{"pipe_read_of_one_never_open", IPCFS_PIPE, "", ",b", READ, NULL, ",a|m", "m"},
	{"pipe_read_stream", IPCFS_PIPE, "^,b", ",a,stream", READ, NULL, ",b|m", "m"},
	{"pipe_write", IPCFS_PIPE, "^,b|>,a 0123456789", ",a", WRITE, "m", "<,b", NULL},
	{"pipe_write_to_one_never_open", IPCFS_PIPE, ">,b 0123456789", ",b", WRITE, "m", "<,a", NULL},
	{"topic_read", IPCFS_TOPIC, "=a", "", READ, NULL, "m", "m"},
	{"topic_read_stream", IPCFS_TOPIC, "=a", ",stream", READ, NULL, "m", "m"},
	{"topic_watch", IPCFS_TOPIC, "=a", ",watch", WATCH, NULL, "m", "m"},
	{"topic_watch_empty", IPCFS_TOPIC, "", ",watch", READ, NULL, "m", "m"},
	{"value_watch_pending", IPCFS_VALUE, "+", ",watch", READ, NULL, "7", "7\n"},
	{"list_pop", IPCFS_LIST, "", ",pop", READ, NULL, "m\n", "m"},
	{"list_pop_first", IPCFS_LIST, "", ",pop=0", READ, NULL, "m\n", "m"},
	{"list_pop_stream", IPCFS_LIST, "", ",pop=0,stream", READ, NULL, "m\n", "m"},
	{"list_watch", IPCFS_LIST, "=a\n", ",watch", WATCH, NULL, "b\n", "a\nb\n"},
	{"list_watch_empty", IPCFS_LIST, "", ",watch", READ, NULL, "m\n", "m\n"},
	{"signal_wait", IPCFS_SIGNAL, "", "", READ, NULL, "USR1", "USR1\n"},
	{"signal_wait_stream", IPCFS_SIGNAL, "=TERM", ",stream", READ, NULL, "15", "TERM\n"},
	{"signal_wait_of_a_member", IPCFS_SIGNAL, "", ",join=URG", READ, NULL, "HUP", "HUP\n"},
	{"signal_watch_unfired", IPCFS_SIGNAL, "", ",watch", READ, NULL, "HUP", "HUP\n"},
	{"signal_watch", IPCFS_SIGNAL, "=TERM", ",watch", WATCH, NULL, "HUP", "HUP\n"},
	{"value_watch", IPCFS_VALUE, "", ",watch", WATCH, NULL, "7", "7\n"},
	{"array_watch", IPCFS_ARRAY, "", ",watch", WATCH, NULL, "1=7", "0\n7\n"},
	{"key_watch", IPCFS_DICT, "=a", ",watch", WATCH, NULL, "7", "7"},
	{"key_watch_empty", IPCFS_DICT, "", ",watch", READ, NULL, "7", "7"},
	/* clang-format on */
};
enum { WAITS_COUNT = sizeof(waits) / sizeof(*waits) };

/* ---- a process that waits ----------------------------------------------------------------------- */

struct process {
	const char *path;
	const struct wait *wait;
	int flags; /* beside those of the deed */
	int64_t limit_ns;
	struct note {
		_Atomic int state; /* 1: about to wait, 2: done */
		_Atomic long signals;
		long result;
		char text[200];
	} * note;
	pid_t pid;
};

static _Atomic long *signals_seen;

static void on_signal(int number)
{
	(void)number;
	++*signals_seen;
}

static long do_wait(const struct process *p, int fd)
{
	if (p->wait->deed == FLOCK_EX || p->wait->deed == FLOCK_SH)
		return t_sys(flock(fd, p->wait->deed == FLOCK_EX ? LOCK_EX : LOCK_SH));
	if (p->wait->deed == WRITE)
		return t_put(fd, p->wait->text);
	return t_get(fd, p->note->text, sizeof(p->note->text) - 1);
}

static int wait_there(void *arg)
{
	struct process *p = arg;
	bool locks = p->wait->deed == FLOCK_EX || p->wait->deed == FLOCK_SH;
	/* flock(2) alone is begun again by the kernel where the program wants that. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = locks ? 0 : SA_RESTART};
	char shown[200];
	static const int modes[] = {[WRITE] = O_WRONLY, [ARMED] = O_RDWR, [FLOCK_SH] = O_RDONLY};
	int fd = t_open(p->path, p->flags | modes[p->wait->deed]);
	long rc = fd;

	signals_seen = &p->note->signals;
	sigaction(SIGUSR1, &action, NULL);
	if (rc >= 0 && p->limit_ns >= 0)
		rc = t_sys(ioctl(fd, IPCFS_TIMEOUT, &p->limit_ns));
	if (rc >= 0 && p->wait->deed == WATCH)
		rc = t_get(fd, shown, sizeof(shown));
	if (rc >= 0 && p->wait->deed == ARMED)
		rc = t_put(fd, "arm");
	p->note->state = 1;
	p->note->result = rc < 0 ? rc : do_wait(p, fd);
	p->note->state = 2;
	return 0;
}

static void start(struct process *p, const struct wait *w, const char *path)
{
	p->wait = w;
	p->path = path;
	p->note = t_shared(sizeof(*p->note));
	p->pid = t_spawn(wait_there, p);
	t_until(p->note->state > 0);
}

static long result(struct process *p)
{
	t_wait(p->pid);
	t_is(p->note->state, 2);
	return p->note->result;
}

/* ---- one that waits, of each row ------------------------------------------------------------------ */

static struct process parked(const struct wait *w, const char *path)
{
	struct process p = {.limit_ns = -1};

	start(&p, w, t_format("%s%s", path, w->options));
	t_wait_stat(path, "waiters", 1);
	return p;
}

static void write_it(const char *path, const char *text)
{
	const char *bar = strchr(text, '|');
	int options = bar ? (int)(bar - text) : 0;
	int fd = t_open(t_format("%s%.*s", path, options, text), O_WRONLY);

	text = bar ? bar + 1 : text;
	t_is(t_put(fd, text), (long)strlen(text));
	close(fd);
}

static void go_on(const struct wait *w, const char *path)
{
	char text[100];

	if (!w->go_on)
		script_unlock();
	else if (!*w->go_on)
		t_check(t_cat(path, text, sizeof(text)) > 0);
	else if (*w->go_on == '<')
		t_check(t_cat(t_format("%s%s", path, w->go_on + 1), text, sizeof(text)) > 0);
	else if (*w->go_on == '&')
		script_reader(path);
	else
		write_it(path, w->go_on);
}

static void succeeds(struct process *p)
{
	const char *gives = p->wait->gives;
	long n = result(p);

	if (n < 0 || (gives && fnmatch(gives, p->note->text, 0) != 0))
		t_fail("%s: %s '%s'", p->wait->name, t_result(n), p->note->text);
}

/* Who ended without success does not count: another waits, and gets it. */
static void another_goes_on(const struct wait *w, const char *path)
{
	struct process next = parked(w, path);

	go_on(w, path);
	succeeds(&next);
}

static void ends(struct process *p, const char *path, long want)
{
	long n = result(p);

	if (n != want)
		t_fail("%s: %s, not %s", p->wait->name, t_result(n), t_result(want));
	t_wait_stat(path, "waiters", 0);
}

static const char *begin(const struct wait *w)
{
	print_message("    %s\n", w->name);
	return script_make(w->kind, w->before);
}

#define FOR_EACH_WAIT(w) for (const struct wait *w = waits; w < waits + WAITS_COUNT; w++)

/* ---- the ends ---------------------------------------------------------------------------------------- */

static void it_goes_on(void **state)
{
	(void)state;
	FOR_EACH_WAIT(w)
	{
		const char *path = begin(w);

		another_goes_on(w, path);
		script_remove(path);
	}
}

static void it_is_interrupted(void **state)
{
	(void)state;
	FOR_EACH_WAIT(w)
	{
		const char *path = begin(w);
		struct process p = parked(w, path);

		kill(p.pid, SIGUSR1);
		ends(&p, path, -EINTR);
		t_is(p.note->signals, 1);
		another_goes_on(w, path);
		script_remove(path);
	}
}

static void it_is_killed(void **state)
{
	(void)state;
	FOR_EACH_WAIT(w)
	{
		const char *path = begin(w);
		struct process p = parked(w, path);

		t_kill(p.pid);
		t_wait_stat(path, "waiters", 0);
		another_goes_on(w, path);
		script_remove(path);
	}
}

/* A barrier that is given up is broken. */
static void mend(const struct wait *w, const char *path)
{
	if (w->kind != IPCFS_BARRIER || w->deed != READ)
		return;
	t_is(t_stat(path, "broken"), 1);
	t_is(t_echo(path, "reset"), 0);
}

static void its_time_is_over(void **state)
{
	(void)state;
	FOR_EACH_WAIT(w)
	{
		const char *path = begin(w);
		struct process by_view = {.limit_ns = -1}, by_ioctl = {.limit_ns = 20000000};

		start(&by_view, w, t_format("%s%s,timeout=20ms", path, w->options));
		ends(&by_view, path, -ETIMEDOUT);
		mend(w, path);
		start(&by_ioctl, w, t_format("%s%s", path, w->options));
		ends(&by_ioctl, path, -ETIMEDOUT);
		mend(w, path);
		another_goes_on(w, path);
		script_remove(path);
	}
}

static void it_may_not_wait(void **state)
{
	(void)state;
	FOR_EACH_WAIT(w)
	{
		const char *path = begin(w), *view = t_format("%s%s", path, w->options);
		struct process by_open = {.flags = O_NONBLOCK, .limit_ns = -1}, by_ioctl = {0},
			       by_view = {.limit_ns = -1};

		if (w->deed != FLOCK_EX && w->deed != FLOCK_SH) { /* has a flag of its own */
			start(&by_open, w, view);
			ends(&by_open, path, -EAGAIN);
		}
		start(&by_ioctl, w, view);
		ends(&by_ioctl, path, -EAGAIN);
		start(&by_view, w, t_format("%s,timeout=0", view));
		ends(&by_view, path, -EAGAIN);
		another_goes_on(w, path);
		script_remove(path);
	}
}

static void it_is_removed(void **state)
{
	(void)state;
	FOR_EACH_WAIT(w)
	{
		const char *path = begin(w);
		struct process p = parked(w, path);

		t_is(t_sys(unlink(path)), 0);
		t_is(result(&p), -EIDRM);
		script_remove(path);
	}
}

/* `peek` first: where a server has been killed it takes the dead away, which `stat` does not. */
static const char *stat_of(const char *path)
{
	static char text[T_TEXT];

	t_cat(t_format("%s,peek", path), text, sizeof(text));
	t_check(t_cat(t_format("%s,stat", path), text, sizeof(text)) > 0);
	return t_format("%s", text);
}

static void terminate_server(void)
{
	pid_t pid = t_server();
	int fd = (int)t_sys(syscall(SYS_pidfd_open, pid, 0));

	t_check(fd >= 0);
	t_is(t_sys(kill(pid, SIGTERM)), 0);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) > 0);
	close(fd);
}

/* All at once: the server ends, and answers each, or dies, and the kernel does. What they waited for is there after
 * it. */
static void the_server_ends(void (*end)(void), long want)
{
	struct process p[WAITS_COUNT];
	const char *paths[WAITS_COUNT], *before[WAITS_COUNT];

	for (int i = 0; i < WAITS_COUNT; i++) {
		paths[i] = begin(&waits[i]);
		before[i] = stat_of(paths[i]);
		p[i] = parked(&waits[i], paths[i]);
	}
	end();
	for (int i = 0; i < WAITS_COUNT; i++)
		if (result(&p[i]) != want)
			t_fail("%s: %s", p[i].wait->name, t_result(p[i].note->result));
	t_mount(NULL);
	for (int i = 0; i < WAITS_COUNT; i++) {
		if (!strpbrk(waits[i].before, "<^")) { /* what handles held has gone with them */
			if (strcmp(before[i], stat_of(paths[i])) != 0)
				t_fail("%s: %s became %s", waits[i].name, before[i],
				       stat_of(paths[i]));
			another_goes_on(&waits[i], paths[i]);
		}
		script_remove(paths[i]);
	}
}

static void it_is_unmounted(void **state)
{
	(void)state;
	the_server_ends(t_umount, -ESHUTDOWN);
}

static void the_server_is_terminated(void **state)
{
	(void)state;
	the_server_ends(terminate_server, -ESHUTDOWN);
}

static void the_server_is_killed(void **state)
{
	(void)state;
	the_server_ends(t_kill_server, -ECONNABORTED);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SCRIPT_TEST(it_goes_on),	   SCRIPT_TEST(it_is_interrupted),
		SCRIPT_TEST(it_is_killed),	   SCRIPT_TEST(its_time_is_over),
		SCRIPT_TEST(it_may_not_wait),	   SCRIPT_TEST(it_is_removed),
		SCRIPT_TEST(it_is_unmounted),	   SCRIPT_TEST(the_server_is_terminated),
		SCRIPT_TEST(the_server_is_killed),
	};
	return T_RUN(tests, argc, argv);
}
