/* SPDX-License-Identifier: MIT
 *
 * crew.c - see crew.h. Workers end with this process, as each command ends with its worker. What a killed worker's
 * command has started ends as well: its process group is killed before the number of it can be anybody else's, since
 * orphans are our children until we say that they are not.
 */
#include "crew.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

enum { FUTILE_MAX = 100 };

static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/* ---- workers ----------------------------------------------------------------------------------- */

static int start_worker(struct crew *c, struct work_slot *s)
{
	pid_t parent = getpid(), pid;

	*s = (struct work_slot){.pid = 0};
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, RUN_STOP);
		if (getppid() != parent)
			_exit(WORK_STOPPED);
		if (c->work->in_worker)
			c->work->in_worker(c->work->arg);
		work(c->work, s, c->told);
	}
	if (pid < 0)
		return args_fail(NULL, "fork: %s", strerror(errno));
	s->pid = pid;
	c->alive++;
	return 0;
}

/* The last attempt that its queue grants was this one: nobody else will tell. */
static void tell_lost(const struct crew *c, const struct work_slot *s)
{
	const struct tasks *t = c->work->tasks;

	if (s->running && t->dead[0] && s->attempt >= t->attempts &&
	    result_is_there(t, s->number) == 0)
		work_lost(c->work, s->number, s->attempt, t->dead);
}

/* A worker is killed, and no task was begun since the last one was: so may the next one be, and so on without an end. */
static void look_at_use(struct crew *c)
{
	uint64_t begun = c->begun_by_dead;

	for (unsigned i = 0; i < c->size; i++)
		begun += c->slots[i].begun;
	c->futile = begun == c->begun ? c->futile + 1 : 0;
	c->begun = begun;
	if (c->futile < FUTILE_MAX)
		return;
	c->failed = true;
	*c->told = true;
	args_fail(NULL, "%d workers in a row were killed, and none had a task", FUTILE_MAX);
}

static void worker_ended(struct crew *c, struct work_slot *s, int status)
{
	bool killed = WIFSIGNALED(status) || WEXITSTATUS(status) == WORK_STOPPED;

	c->alive--;
	s->pid = 0;
	if (s->group)
		kill(-s->group, SIGKILL);
	if (WIFSIGNALED(status))
		tell_lost(c, s);
	if (!killed && WEXITSTATUS(status) != WORK_ENDED)
		c->failed = true;
	if (killed && !c->stopping) {
		look_at_use(c);
		c->begun_by_dead += s->begun;
		if (!c->failed && start_worker(c, s) != 0) {
			c->failed = true;
			*c->told = true;
		}
	}
	if (c->failed && !c->stopping)
		crew_stop(c);
}

/* A child that has ended, ours by birth or an orphan of a worker, is still there while this looks at it. */
static void child_ended(struct crew *c, pid_t pid)
{
	struct work_slot *worker = NULL;
	int status;

	for (unsigned i = 0; i < c->size; i++) {
		if (c->slots[i].pid == pid)
			worker = &c->slots[i];
		if (c->slots[i].group == pid) { /* its worker is dead, as it is our child */
			kill(-pid, SIGKILL);
			c->slots[i].group = 0;
		}
	}
	if (waitpid(pid, &status, 0) == pid && worker)
		worker_ended(c, worker, status);
}

static void reap(struct crew *c)
{
	siginfo_t info = {.si_pid = 0};

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
		child_ended(c, info.si_pid);
		info.si_pid = 0;
	}
}

/* ---- signals ----------------------------------------------------------------------------------- */

void crew_stop(struct crew *c)
{
	int signal = c->stopping ? RUN_KILL : RUN_STOP;

	c->stopping = true;
	for (unsigned i = 0; i < c->size; i++)
		if (c->slots[i].pid)
			kill(c->slots[i].pid, signal);
}

void crew_heed(struct crew *c)
{
	struct signalfd_siginfo info;

	while (read(c->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (!c->stopped_by)
			c->stopped_by = (int)info.ssi_signo;
		crew_stop(c);
	}
	reap(c);
}

void crew_join(struct crew *c)
{
	struct pollfd p = {.fd = c->signals, .events = POLLIN};

	while (c->alive) {
		poll(&p, 1, -1);
		crew_heed(c);
	}
}

/* ---- start ------------------------------------------------------------------------------------- */

/* Those that are ignored stay so, as nohup(1) wants it. */
static int take_signals(struct crew *c)
{
	struct sigaction deflt = {.sa_handler = SIG_DFL}, now;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&set, ends[i]);
	sigaction(SIGCHLD, &deflt, NULL);  /* ignored, it would take the exit statuses away */
	sigaction(RUN_STOP, &deflt, NULL); /* it ends workers that have nothing to do */
	sigaddset(&set, RUN_STOP);
	c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	sigaddset(&set, SIGXFSZ); /* a file that becomes too large is an error as any other */
	sigprocmask(SIG_BLOCK, &set, &c->work->mask);
	return c->signals < 0 ? args_fail(NULL, "signalfd: %s", strerror(errno)) : 0;
}

int crew_start(struct crew *c, struct work *work, unsigned size)
{
	size_t bytes = size * sizeof(struct work_slot) + sizeof(*c->told);
	void *shared;
	int r;

	*c = (struct crew){.work = work, .size = size};
	shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return args_fail(NULL, "no memory");
	c->slots = shared;
	c->told = (_Atomic bool *)(c->slots + size);
	work->umask = umask(0); /* the commands' alone */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	r = take_signals(c);
	for (unsigned i = 0; i < size && r == 0; i++)
		r = start_worker(c, &c->slots[i]);
	if (r && c->alive) {
		crew_stop(c);
		crew_join(c);
	}
	return r;
}
