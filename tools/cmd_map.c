/* SPDX-License-Identifier: MIT
 *
 * cmd_map.c - `ipcfs map`: a private queue and a private dict, a crew of workers, and the loop of map.c. Both objects are
 * temporary: whatever ends us removes them, and the workers end with us.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "commands.h"
#include "map.h"

static const char usage[] =
	"usage: ipcfs map [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"Runs COMMAND for each line of standard input, several side by side, and prints\n"
	"what they print in the order of the lines: of each its output, then its errors.\n"
	"\n"
	"COMMAND has the line on standard input, and in place of each {} of its arguments\n"
	"without the newline; and in its environment IPCFS_TASK, the line's number from 0,\n"
	"and IPCFS_ATTEMPT. Each runs in a process group of its own.\n"
	"\n"
	"  -j N, --jobs N  so many side by side (the CPUs that may be used)\n"
	"  --lines         each line is an item (the default)\n"
	"  -0, --null      items end with a NUL, which COMMAND does not see\n"
	"  --files         each item is the name of a file, which is COMMAND's standard\n"
	"                  input\n"
	"  --retry         an item whose command fails is done again, until its attempts are\n"
	"                  over\n"
	"  --attempts N    so many workers may be killed by one item, or, with --retry, fail\n"
	"                  it (5)\n"
	"  --progress      show how far it is also where standard error is no terminal;\n"
	"                  --no-progress: nor where it is one\n"
	"  --mount DIR     the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"An item whose worker is killed is given to another. A longest item has 1044480\n"
	"bytes. HUP, INT, QUIT and TERM end the commands that run, by TERM and after 5\n"
	"seconds, or at the second signal, by KILL.\n"
	"Exit status: 0 all commands have succeeded, 1 some have failed, or map has; 2 wrong\n"
	"usage; of a signal it dies.\n"
	"  ls *.jpg | ipcfs map -- convert {} -resize 50% small/{}\n"
	"  find . -name '*.log' -print0 | ipcfs map -0 --files -- wc -l\n";

enum { NAMES = 1000, WINDOW_MIN = 128, WINDOW_EACH = 32 };

struct private
{
	struct map *m;
	int temp[2]; /* the handles that the queue and the dict live as long as */
	struct sigaction on_pipe;
};

/* ---- the private objects ----------------------------------------------------------------------- */

/* The object of that name: o has its path, which is also what it is called then. */
static int find(const struct args *a, const char *name, struct object *o)
{
	int r = object_find(a, name, o);

	o->name = o->path;
	return r;
}

/* A name that nobody has: process numbers repeat from one pid namespace to the next. */
static int make_object(const struct args *a, const char *kind, const char *properties, int *fd,
		       struct object *o)
{
	char name[64], full[128];
	int r;

	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "%s/map-%d.%u", kind, (int)getpid(), i);
		snprintf(full, sizeof(full), "%s,%s", name, properties);
		if ((r = find(a, full, o)))
			return r;
		*fd = open(o->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (*fd >= 0)
			return find(a, name, o);
		if (errno != EEXIST)
			break;
	}
	return object_fail(o, errno);
}

static int make_objects(const struct args *a, struct private *p)
{
	struct tasks *t = &p->m->tasks;
	struct object dict;
	int r = make_object(a, "queues", "capacity=4M,temp", &p->temp[0], &t->queue);

	if (r == 0)
		r = make_object(a, "dicts", "temp", &p->temp[1], &dict);
	if (r)
		return r;
	snprintf(t->results, sizeof(t->results), "%s", dict.path);
	p->m->queue = tasks_open(t, NULL, O_WRONLY | O_NONBLOCK, false);
	return p->m->queue < 0 ? object_fail(&t->queue, -p->m->queue) : 0;
}

/* What they have of ours would make the objects live as long as they do. */
static void in_worker(void *arg)
{
	struct private *p = arg;

	close(p->temp[0]);
	close(p->temp[1]);
	close(p->m->queue);
	sigaction(SIGPIPE, &p->on_pipe, NULL);
}

/* ---- running ----------------------------------------------------------------------------------- */

static int end(struct map *m, int status)
{
	if (m->failed)
		args_fail(NULL, "%llu of %llu %s failed", (unsigned long long)m->failed,
			  (unsigned long long)m->done, m->done == 1 ? "command" : "commands");
	if (m->crew.stopped_by || m->deaf)
		return child_end(m->crew.stopped_by ? m->crew.stopped_by : SIGPIPE);
	return status ? status : m->failed ? ARGS_FAILED : ARGS_OK;
}

static int run(const struct args *a, struct map *m, unsigned jobs, int progress)
{
	struct private p = {.m = m, .temp = {-1, -1}};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	int r;

	r = make_objects(a, &p);
	if (r)
		return r;
	m->work.tasks = &m->tasks;
	m->tasks.temp = true;
	m->work.in_worker = in_worker;
	m->work.arg = &p;
	m->window = jobs * WINDOW_EACH > WINDOW_MIN ? jobs * WINDOW_EACH : WINDOW_MIN;
	sigaction(SIGPIPE, &ignore, &p.on_pipe); /* EPIPE: we end in order */
	r = crew_start(&m->crew, &m->work, jobs);
	if (r)
		return r;
	progress_start(&m->progress, progress);
	if (m->progress.on)
		m->progress.total = input_count(&m->input, m->crew.signals);
	r = map_run(m);
	close(p.temp[0]);
	close(p.temp[1]);
	return end(m, r);
}

/* ---- options ----------------------------------------------------------------------------------- */

struct options {
	uint64_t jobs;
	bool lines;
	int progress;
};

static int option(struct map *m, int c, struct options *o)
{
	switch (c) {
	case 'j':
		return args_count("-j", optarg, CREW_MAX, &o->jobs);
	case 'a':
		return args_count("--attempts", optarg, IPCFS_ATTEMPTS_MAX, &m->work.attempts);
	case 'l':
		o->lines = true;
		break;
	case '0':
		m->work.null = true;
		break;
	case 'f':
		m->work.files = true;
		break;
	case 'r':
		m->work.retry = true;
		break;
	default:
		o->progress = c == 'p';
	}
	return o->lines && m->work.null ? args_usage("one of --lines and --null") : 0;
}

int cmd_map(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP},
					      {ARGS_MOUNT},
					      {"jobs", required_argument, NULL, 'j'},
					      {"attempts", required_argument, NULL, 'a'},
					      {"lines", no_argument, NULL, 'l'},
					      {"null", no_argument, NULL, '0'},
					      {"files", no_argument, NULL, 'f'},
					      {"retry", no_argument, NULL, 'r'},
					      {"progress", no_argument, NULL, 'p'},
					      {"no-progress", no_argument, NULL, 'q'},
					      {ARGS_END}};
	static struct map m = {.work.attempts = WORK_ATTEMPTS};
	struct args a = {.help = usage, .shorts = "+:j:0", .longs = longs};
	struct options o = {.jobs = args_cpus(), .progress = -1};
	int c, r;

	while ((c = args_next(&a, argc, argv)) != -1)
		if (c == 0 || (r = option(&m, c, &o)))
			return c == 0 ? a.status : r;
	if (optind == argc)
		return args_usage("which command shall be run?");
	m.work.command = argv + optind;
	m.input = (struct input){.fd = STDIN_FILENO, .ending = m.work.null ? '\0' : '\n'};
	return run(&a, &m, (unsigned)o.jobs, o.progress);
}
