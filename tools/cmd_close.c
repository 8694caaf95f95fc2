/* SPDX-License-Identifier: MIT
 *
 * cmd_close.c - `ipcfs close`: the command `close` of a queue's view `ctl`.
 */
#include "commands.h"
#include "tasks.h"

static const char usage[] =
	"usage: ipcfs close [--mount DIR] QUEUE...\n"
	"Closes queues: no more can be put; what is left is taken, then readers get end of\n"
	"file, and `ipcfs worker` ends.\n"
	"\n"
	"  --mount DIR  the mount to work in ($IPCFS_MOUNT, else /ipc)\n";

static int close_queue(const struct args *a, const char *name)
{
	struct tasks t;
	int r = tasks_find(a, name, &t);

	if (r)
		return r;
	r = tasks_command(&t, "close\n");
	return r < 0 ? object_fail(&t.queue, -r) : ARGS_OK;
}

int cmd_close(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP}, {ARGS_MOUNT}, {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":", .longs = longs};
	int status = ARGS_OK, r;

	if (args_next(&a, argc, argv) != -1)
		return a.status;
	if (optind == argc)
		return args_usage("which queue?");
	for (int i = optind; i < argc; i++)
		if ((r = close_queue(&a, argv[i])) != ARGS_OK)
			status = r;
	return status;
}
