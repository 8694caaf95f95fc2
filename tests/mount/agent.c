/* SPDX-License-Identifier: MIT
 *
 * agent.c - see agent.h.
 */
#include "agent.h"

#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

struct start {
	struct agent_note *note;
	const char *path, *name;
	int flags;
};

static void on_signal(int number)
{
	(void)number;
}

static void note_token(struct agent_note *note, const char *text)
{
	int end = 0;

	if (sscanf(text, "%llu%n", &note->token, &end) != 1)
		note->result = -EBADMSG;
	else if (!strcmp(text + end, " abandoned\n"))
		note->abandoned = true;
	else if (!strcmp(text + end, "\n"))
		note->abandoned = false;
	else
		note->result = -EBADMSG;
}

static void read_token(struct agent_note *note)
{
	char text[64];

	note->result = t_get(note->fd, text, sizeof(text) - 1);
	if (note->result > 0) {
		text[note->result] = '\0';
		note_token(note, text);
	}
}

static void *get(void *arg)
{
	struct agent_note *note = arg;

	note->result = t_get(note->fd, note->text, (size_t)note->arg);
	note->text[note->result > 0 ? note->result : 0] = '\0';
	return NULL;
}

static void get_by_thread(struct agent_note *note)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, get, note) != 0 || pthread_join(thread, NULL) != 0)
		_exit(98);
}

static long fork_one(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return t_sys(pid);
}

static void acquire(struct agent_note *note, struct ipcfs_object *lock)
{
	struct ipcfs_grant grant;

	note->result = ipcfs_lock_acquire(lock, (unsigned)note->arg, IPCFS_FOREVER, &grant);
	if (note->result == 0) {
		note->token = grant.token;
		note->abandoned = grant.abandoned;
	}
}

/* False: it is to end. */
static bool act(struct agent_note *note, struct ipcfs_object *lock)
{
	switch ((enum agent_deed)note->deed) {
	case AGENT_READ:
		read_token(note);
		break;
	case AGENT_GET:
		get(note);
		break;
	case AGENT_THREAD:
		get_by_thread(note);
		break;
	case AGENT_WRITE:
		note->result = t_put(note->fd, note->text);
		break;
	case AGENT_FLOCK:
		note->result = t_sys(flock(note->fd, (int)note->arg));
		break;
	case AGENT_CLOSE:
		note->result = t_sys(close(note->fd));
		break;
	case AGENT_FORK:
		note->result = fork_one();
		break;
	case AGENT_EXEC:
		execl("/bin/sleep", "sleep", "100000", (char *)NULL);
		_exit(97);
	case AGENT_ACQUIRE:
		acquire(note, lock);
		break;
	case AGENT_RELEASE:
		note->result = ipcfs_lock_release(lock, note->token);
		break;
	default:
		return false;
	}
	return true;
}

static int be_agent(void *arg)
{
	const struct start *start = arg;
	struct agent_note *note = start->note;
	struct sigaction action = {.sa_handler = on_signal};
	struct ipcfs_object *lock = NULL;
	struct ipcfs_store *store;

	sigaction(SIGUSR1, &action, NULL);
	close_range(3, ~0u, 0); /* it has no handle but its own */
	if (start->name)
		lock = t_attach_child(&store, IPCFS_LOCK, start->name);
	else /* it is open in what the agent becomes, too */
		note->fd = (int)t_sys(open(start->path, start->flags, 0666));
	note->result = start->name ? (lock ? 0 : -ENOENT) : note->fd;
	do {
		note->done_ms = t_now_ms();
		note->deed = AGENT_NONE;
		while (note->deed == AGENT_NONE)
			usleep(200);
	} while (act(note, lock));
	return 0;
}

static struct agent start(struct start how)
{
	how.note = t_shared(sizeof(*how.note));
	how.note->deed = AGENT_LEAVE; /* until it is there */
	struct agent a = {t_spawn(be_agent, &how), how.note};

	if (agent_result(&a) < 0)
		t_fail("%s: %s", how.path ? how.path : how.name, t_result(a.note->result));
	return a;
}

struct agent agent_open(const char *path, int flags)
{
	return start((struct start){.path = path, .flags = flags});
}

struct agent agent_start(const char *path, int flags)
{
	return agent_open(path, O_RDWR | O_CREAT | flags);
}

struct agent agent_library(const char *name)
{
	return start((struct start){.name = name});
}

void agent_post(struct agent *a, enum agent_deed deed, long arg)
{
	t_check(!agent_waits(a));
	a->note->arg = arg;
	a->note->deed = (int)deed;
}

bool agent_waits(const struct agent *a)
{
	return a->note->deed != AGENT_NONE;
}

long agent_result(struct agent *a)
{
	t_until(!agent_waits(a));
	return a->note->result;
}

long agent_does(struct agent *a, enum agent_deed deed, long arg)
{
	agent_post(a, deed, arg);
	return agent_result(a);
}

long agent_says(struct agent *a, const char *text)
{
	snprintf(a->note->text, sizeof(a->note->text), "%s", text);
	return agent_does(a, AGENT_WRITE, 0);
}

long agent_gets(struct agent *a, size_t size)
{
	return agent_does(a, AGENT_GET, (long)size);
}

void agent_closes(struct agent *a)
{
	t_is(agent_does(a, AGENT_CLOSE, 0), 0);
}

unsigned long long agent_takes(struct agent *a)
{
	long rc = agent_does(a, AGENT_READ, 0);

	if (rc <= 0)
		t_fail("the lock is not taken: %s", t_result(rc));
	return a->note->token;
}

void agent_leaves(struct agent *a)
{
	agent_post(a, AGENT_LEAVE, 0);
	t_is(t_wait(a->pid), 0);
}

void agent_execs(struct agent *a)
{
	agent_post(a, AGENT_EXEC, 0);
	t_until(t_run("grep -qx sleep /proc/%d/comm", (int)a->pid)->status == 0);
}

long long agent_try(const char *path, bool *abandoned)
{
	struct agent_note note = {.fd = t_open(path, O_RDWR | O_NONBLOCK)};

	if (note.fd < 0)
		return note.fd;
	read_token(&note);
	close(note.fd);
	if (abandoned)
		*abandoned = note.abandoned;
	return note.result == -EAGAIN ? 0 : note.result < 0 ? note.result : (long long)note.token;
}

bool agent_is_free(const char *path)
{
	char text[256];

	return t_cat(t_format("%s,peek", path), text, sizeof(text)) >= 0 && !strcmp(text, "free\n");
}
