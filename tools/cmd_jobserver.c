/* SPDX-License-Identifier: MIT
 *
 * cmd_jobserver.c - `ipcfs jobserver`: a semaphore whose view `tokens` is the job server of all makes, compilers
 * and linkers below one command. It is temporary: whatever ends us removes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "child.h"
#include "commands.h"
#include "core/ipcfs.h"
#include "makeflags.h"

static const char usage[] =
	"usage: ipcfs jobserver [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"Runs COMMAND with a job server of GNU make: all makes below it, and what else knows\n"
	"the protocol (gcc -flto=jobserver, cargo), run N jobs together. A process that is\n"
	"killed gives back what it took.\n"
	"\n"
	"  -j N, --jobs N     so many jobs (default: the CPUs that may be used)\n"
	"  --style=fifo       MAKEFLAGS names a file, for make 4.4 and later\n"
	"  --style=fds        it names two open descriptors, as before 4.4\n"
	"                     (default: by the version of make)\n"
	"  --mount DIR        the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"COMMAND is not to have a -j of its own: make would leave the job server.\n"
	"Exit status: COMMAND's; 126 or 127 where it cannot be run; before that 1 failed,\n"
	"2 wrong usage.\n"
	"  ipcfs jobserver -j 8 -- make\n";

enum style { STYLE_AUTO, STYLE_FIFO, STYLE_FDS };

struct server {
	struct args *a;
	unsigned jobs;
	enum style style;
	struct object o;
	char name[64];
	int temp;   /* the handle that the semaphore lives as long as */
	int fds[2]; /* STYLE_FDS: for reading, for writing; inherited */
};

/* ---- options --------------------------------------------------------------------------- */

static int parse_jobs(const char *text, unsigned *jobs)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || n == 0 || n > IPCFS_SEMAPHORE_MAX)
		return args_usage("-j: \"%s\" is no number of jobs", text);
	*jobs = (unsigned)n;
	return 0;
}

static int parse_style(const char *text, enum style *style)
{
	*style = !strcmp(text, "fifo") ? STYLE_FIFO : !strcmp(text, "fds") ? STYLE_FDS : STYLE_AUTO;
	return *style == STYLE_AUTO && strcmp(text, "auto") != 0 ?
		       args_usage("--style: \"%s\" is none of fifo, fds, auto", text) :
		       0;
}

/* By the make that is run, else by the one that is found. */
static enum style style_of(char *command)
{
	static char make[] = "make", version[] = "--version";
	const char *slash = strrchr(command, '/'), *name = slash ? slash + 1 : command;
	bool is_make = !strcmp(name, "make") || !strcmp(name, "gmake");
	char *argv[] = {is_make ? command : make, version, NULL};
	unsigned major = 0, minor = 0;
	char text[256];

	if (child_output(argv, text, sizeof(text)) < 0 ||
	    sscanf(text, "GNU Make %u.%u", &major, &minor) != 2)
		return STYLE_FDS;
	return major > 4 || (major == 4 && minor >= 4) ? STYLE_FIFO : STYLE_FDS;
}

/* ---- the semaphore -------------------------------------------------------------------------- */

/* A name that nobody has: process numbers repeat from one pid namespace to the next. */
static int make_semaphore(struct server *s)
{
	unsigned tokens = s->jobs - 1;
	int r;

	for (unsigned i = 0; i < 1000; i++) {
		char full[128];

		snprintf(s->name, sizeof(s->name), "semaphores/jobserver-%d.%u", (int)getpid(), i);
		snprintf(full, sizeof(full), "%s,value=%u,max=%u,temp", s->name, tokens,
			 tokens ? tokens : 1);
		if ((r = object_find(s->a, full, &s->o)))
			return r;
		s->temp = open(s->o.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (s->temp >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	s->o.name = s->name;
	return object_fail(&s->o, errno);
}

/* Its tokens, by a name or by descriptors; *auth as MAKEFLAGS has it. */
static int open_tokens(struct server *s, char **auth)
{
	static const int modes[] = {O_RDONLY, O_WRONLY};
	char name[80], whole[PATH_MAX];
	char *path;
	int r;

	snprintf(name, sizeof(name), "%s,tokens", s->name);
	if ((r = object_find(s->a, name, &s->o)))
		return r;
	for (int i = 0; i < 2 && s->style == STYLE_FDS; i++)
		if ((s->fds[i] = open(s->o.path, modes[i])) < 0)
			return object_fail(&s->o, errno);
	if (!realpath(s->o.path, whole)) /* a make may be in another folder */
		return object_fail(&s->o, errno);
	path = s->style == STYLE_FIFO ? makeflags_quote(whole) : NULL;
	if (s->style == STYLE_FDS)
		r = asprintf(auth, "%d,%d", s->fds[0], s->fds[1]);
	else
		r = path ? asprintf(auth, "fifo:%s", path) : -1;
	free(path);
	return r < 0 ? args_fail(NULL, "%s", strerror(ENOMEM)) : 0;
}

static int set_makeflags(const struct server *s, const char *auth)
{
	char *flags = makeflags(getenv("MAKEFLAGS"), s->jobs, auth);
	int r = flags && setenv("MAKEFLAGS", flags, 1) == 0 ? 0 : ENOMEM;

	free(flags);
	return r ? args_fail(NULL, "%s", strerror(r)) : 0;
}

static int run(struct server *s, char **argv)
{
	char *auth = NULL;
	int status, r = make_semaphore(s);

	if (r == 0)
		r = open_tokens(s, &auth);
	if (r == 0)
		r = set_makeflags(s, auth);
	free(auth);
	if (r == 0)
		r = child_run(argv, &status);
	if (r)
		return r;
	close(s->temp); /* it goes before we do */
	return child_end(status);
}

int cmd_jobserver(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP},
					      {ARGS_MOUNT},
					      {"jobs", required_argument, NULL, 'j'},
					      {"style", required_argument, NULL, 's'},
					      {ARGS_END}};
	struct args a = {.help = usage, .shorts = "+:j:", .longs = longs};
	struct server s = {.a = &a, .jobs = args_cpus()};
	int c, r = 0;

	while (r == 0 && (c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'j':
			r = parse_jobs(optarg, &s.jobs);
			break;
		case 's':
			r = parse_style(optarg, &s.style);
			break;
		default:
			return a.status;
		}
	if (r)
		return r;
	if (optind == argc)
		return args_usage("which command?");
	if (s.style == STYLE_AUTO)
		s.style = style_of(argv[optind]);
	return run(&s, argv + optind);
}
