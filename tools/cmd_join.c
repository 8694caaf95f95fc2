/* SPDX-License-Identifier: MIT
 *
 * cmd_join.c - `ipcfs join`: a read of a queue's view `join`.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "commands.h"
#include "tasks.h"

static const char usage[] =
	"usage: ipcfs join [OPTION]... QUEUE\n"
	"Waits until every task that was put into a queue is done: by a worker, by `done`\n"
	"written to its view `ack`, or as `done N` to `ctl`.\n"
	"\n"
	"  --timeout DURATION  wait at most so long (2, 0.5, 200ms, 1m)\n"
	"  --nonblock          only look\n"
	"  --mount DIR         the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"Exit status: 0 all are done, 1 failed, 2 wrong usage, 3 timed out.\n";

static int join(const struct args *a, struct tasks *t)
{
	int64_t deadline = args_deadline(a);
	int fd = tasks_open(t, "join", O_RDONLY, false), r;
	char answer[8];
	ssize_t n;

	if (fd < 0)
		return object_fail(&t->queue, -fd);
	do {
		n = -1;
		if ((r = args_limit(fd, a, deadline)) < 0)
			errno = -r;
		else
			n = read(fd, answer, sizeof(answer));
	} while (n < 0 && errno == EINTR);
	r = n < 0 ? object_fail(&t->queue, args_limit_error(a, errno)) : ARGS_OK;
	close(fd);
	return r;
}

int cmd_join(int argc, char **argv)
{
	static const struct option longs[] = {
		{ARGS_HELP}, {ARGS_MOUNT}, {ARGS_TIMEOUT}, {ARGS_NONBLOCK}, {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":", .longs = longs};
	struct tasks t;
	int r;

	if (args_next(&a, argc, argv) != -1)
		return a.status;
	if (optind == argc)
		return args_usage("which queue?");
	if (optind + 1 < argc)
		return args_usage("one queue, not also %s", argv[optind + 1]);
	r = tasks_find(&a, argv[optind], &t);
	return r ? r : join(&a, &t);
}
