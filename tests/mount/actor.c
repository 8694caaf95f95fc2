/* SPDX-License-Identifier: MIT
 *
 * actor.c - see actor.h.
 */
#include "actor.h"

#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

enum { READ = 1, WRITE, CLOSE, EXIT, EXEC, FORK, THREAD };

struct actor_note {
	_Atomic int asked, done; /* how often */
	int what, flags;
	size_t size;
	long result;
	char path[4096];
	char data[T_TEXT];
};

/* ---- inside ----------------------------------------------------------------------------------- */

static int own_fd;

static void on_signal(int number)
{
	(void)number;
}

static void *read_now(void *arg)
{
	struct actor_note *n = arg;

	n->result = t_get(own_fd, n->data, n->size);
	n->data[n->result > 0 ? n->result : 0] = 0;
	return NULL;
}

static long fork_one(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void act(struct actor_note *n)
{
	pthread_t thread;

	switch (n->what) {
	case READ:
		read_now(n);
		break;
	case THREAD:
		if (pthread_create(&thread, NULL, read_now, n) != 0 ||
		    pthread_join(thread, NULL) != 0)
			_exit(98);
		break;
	case WRITE:
		n->result = t_put(own_fd, n->data);
		break;
	case CLOSE:
		n->result = t_sys(close(own_fd));
		break;
	case FORK:
		n->result = fork_one();
		break;
	case EXEC:
		execl("/bin/sleep", "sleep", "100000", (char *)NULL);
		_exit(97);
	default:
		_exit(0);
	}
}

static int run(void *arg)
{
	struct actor_note *n = arg;
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	syscall(SYS_close_range, 3u, ~0u, 0);
	sigaction(SIGUSR1, &action, NULL);
	own_fd = (int)t_sys(open(n->path, n->flags, 0666)); /* goes on in another program, too */
	n->result = own_fd;
	for (n->done = 1; own_fd >= 0; n->done++) {
		while (n->asked != n->done)
			usleep(200);
		act(n);
	}
	return 96;
}

/* ---- outside ------------------------------------------------------------------------------------ */

struct actor actor_start(const char *path, int flags)
{
	struct actor a = {.note = t_shared(sizeof(*a.note))};

	snprintf(a.note->path, sizeof(a.note->path), "%s", path);
	a.note->flags = flags;
	a.pid = t_spawn(run, a.note);
	t_until(a.note->done == 1);
	if (a.note->result < 0)
		t_fail("%s: open: %s", path, t_result(a.note->result));
	return a;
}

static void begin(struct actor *a, int what)
{
	a->note->what = what;
	a->note->asked++;
}

static long finish(struct actor *a)
{
	t_until(a->note->done == a->note->asked + 1);
	return a->note->result;
}

static long ask(struct actor *a, int what)
{
	begin(a, what);
	return finish(a);
}

void actor_begin_read(struct actor *a, size_t size)
{
	a->note->size = size;
	begin(a, READ);
}

long actor_result(struct actor *a)
{
	return finish(a);
}

long actor_read(struct actor *a, size_t size)
{
	actor_begin_read(a, size);
	return finish(a);
}

long actor_read_by_thread(struct actor *a, size_t size)
{
	a->note->size = size;
	return ask(a, THREAD);
}

long actor_write(struct actor *a, const char *text)
{
	snprintf(a->note->data, sizeof(a->note->data), "%s", text);
	return ask(a, WRITE);
}

const char *actor_data(const struct actor *a)
{
	return a->note->data;
}

void actor_close(struct actor *a)
{
	t_is(ask(a, CLOSE), 0);
}

pid_t actor_fork(struct actor *a)
{
	return (pid_t)ask(a, FORK);
}

void actor_exit(struct actor *a)
{
	begin(a, EXIT);
	t_is(t_wait(a->pid), 0);
}

void actor_exec(struct actor *a)
{
	begin(a, EXEC);
	t_until(t_run("grep -qx sleep /proc/%d/comm", (int)a->pid)->status == 0);
}
