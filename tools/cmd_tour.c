/* SPDX-License-Identifier: MIT
 *
 * cmd_tour.c - `ipcfs tour`: runs tour.sh, which lies in ../share/ipcfs beside the folder of this
 * program, or in ../tools in the tree that it was built in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"

static const char usage[] =
	"usage: ipcfs tour [--keep] [--mount DIR] [FILE...]\n"
	"Shows the objects at work. Four workers, two in shell and two in Python, count\n"
	"the words of texts (those in /usr/share/common-licenses if no FILE is named) by\n"
	"their length; the result is checked against one process alone. Others are killed\n"
	"over a lock, a task, a line of map and the tokens of a job server. Lists, dicts,\n"
	"pipes, topics, signals, sockets and the Python package are shown in a line or two\n"
	"each, and who waits for whom. Prints each command that it runs. Takes some seconds.\n"
	"\n"
	"  --keep       leave its objects there to look at; they begin with tour-\n"
	"  --mount DIR  the mount to use ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"Exit status: 0 all is right, 1 something went wrong, 2 wrong usage.\n";

/* The folder that the running program lies in, and its path. */
static int find_self(char program[PATH_MAX], char folder[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", program, PATH_MAX - 1);

	if (n < 0)
		return -errno;
	program[n] = '\0';
	memcpy(folder, program, (size_t)n + 1);
	*strrchr(folder, '/') = '\0';
	return 0;
}

static int find_script(const char *folder, char *script, size_t size)
{
	/* The last is for a build with MODE=asan and the like, in build/MODE. */
	static const char *const places[] = {"../share/ipcfs/tour.sh", "../tools/tour.sh",
					     "../../tools/tour.sh"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(script, size, "%s/%s", folder, places[i]) < (int)size &&
		    access(script, R_OK) == 0)
			return 0;
	return -ENOENT;
}

static int set_environment(const char *program, const char *mount, bool keep)
{
	return setenv("TOUR_IPCFS", program, 1) < 0 || setenv("IPCFS_MOUNT", mount, 1) < 0 ||
			       setenv("TOUR_KEEP", keep ? "1" : "", 1) < 0 ?
		       -errno :
		       0;
}

static int run(const char *mount, bool keep, int count, char **files)
{
	char program[PATH_MAX], folder[PATH_MAX], script[PATH_MAX];
	char **argv;

	if (find_self(program, folder) < 0 || find_script(folder, script, sizeof(script)) < 0)
		return args_fail("tour.sh", "is neither in %s/../share/ipcfs nor in ../tools",
				 folder);
	argv = calloc((size_t)count + 3, sizeof(*argv));
	if (!argv)
		return args_fail(NULL, "no memory");
	argv[0] = "bash";
	argv[1] = script;
	memcpy(argv + 2, files, (size_t)count * sizeof(*argv));
	if (set_environment(program, mount, keep) == 0)
		execvp(argv[0], argv);
	args_fail(argv[0], "%s", strerror(errno));
	free(argv);
	return ARGS_FAILED;
}

int cmd_tour(int argc, char **argv)
{
	static const struct option longs[] = {
		{ARGS_HELP}, {ARGS_MOUNT}, {"keep", no_argument, NULL, 'k'}, {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":", .longs = longs};
	bool keep = false;
	struct object o;
	int c, r;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'k':
			keep = true;
			break;
		default:
			return a.status;
		}
	/* Only to see that there is a mount. */
	r = object_find(&a, "queues/tour", &o);
	return r ? r : run(o.mount, keep, argc - optind, argv + optind);
}
