/* SPDX-License-Identifier: MIT
 *
 * cmd_get.c - `ipcfs get`. The handle is opened for reading alone, so a read gives one item, the
 * next an end of file, the next another item. The limit of time is set by ioctl: O_NONBLOCK would
 * change that rule.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"

static const char usage[] =
	"usage: ipcfs get [OPTION]... OBJECT\n"
	"Reads an object: takes a message from a queue or a unit of a semaphore and waits\n"
	"until there is one, waits until an event is set, shows a value, an array, a list\n"
	"or a key of a dict. Prints the exact bytes.\n"
	"\n"
	"  -n COUNT            so many messages, one after the other\n"
	"  --lines             print a newline behind each that does not end in one\n"
	"  --timeout DURATION  wait at most so long for each message (2, 0.5, 200ms, 1m)\n"
	"  --nonblock          do not wait\n"
	"  --mount DIR         the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"Exit status: 0 read, 1 failed, 2 wrong usage, 3 it would have to wait, or timed\n"
	"out (what came before is printed).\n"
	"  ipcfs get queues/jobs; ipcfs get --timeout 5 events/go\n"
	"  ipcfs get semaphores/door,n=2\n";

struct get {
	const struct args *a;
	struct object o;
	int fd;
	bool lines;
};

/* One read that repeats what a signal interrupts. The bytes, 0 at the end of the item, -errno. */
static ssize_t read_some(const struct get *g, char *buf, size_t size, int64_t deadline)
{
	ssize_t n;
	int r;

	do {
		if ((r = args_limit(g->fd, g->a, deadline)) < 0)
			return r;
		n = read(g->fd, buf, size);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -args_limit_error(g->a, errno) : n;
}

/* One item, to its end of file. *some: there was any. */
static int get(const struct get *g, bool *some)
{
	static char buf[1 << 20];
	int64_t deadline = args_deadline(g->a);
	char last = '\n';
	ssize_t n;

	*some = false;
	while ((n = read_some(g, buf, sizeof(buf), deadline)) > 0) {
		*some = true;
		last = buf[n - 1];
		/* At once: a view such as `watch` never ends. */
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n || fflush(stdout) != 0)
			return args_fail("standard output", "%s", strerror(errno));
	}
	if (n < 0)
		return object_fail(&g->o, (int)-n);
	if (g->lines && *some && last != '\n' && (putchar('\n') == EOF || fflush(stdout) != 0))
		return args_fail("standard output", "%s", strerror(errno));
	return ARGS_OK;
}

static int parse_count(const char *text, unsigned long *count)
{
	char *end;

	errno = 0;
	*count = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || *count == 0)
		return args_usage("-n: \"%s\" is no number of messages", text);
	return 0;
}

static int run(struct get *g, const char *name, unsigned long count)
{
	int r = object_find(g->a, name, &g->o);
	bool some = true;

	if (r)
		return r;
	g->fd = open(g->o.path, O_RDONLY | O_CLOEXEC);
	if (g->fd < 0)
		return object_fail(&g->o, errno);
	while (r == ARGS_OK && some && count-- > 0)
		r = get(g, &some);
	close(g->fd);
	return r;
}

int cmd_get(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP},
					      {ARGS_MOUNT},
					      {ARGS_TIMEOUT},
					      {ARGS_NONBLOCK},
					      {"lines", no_argument, NULL, 'l'},
					      {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":n:", .longs = longs};
	struct get g = {.a = &a};
	unsigned long count = 1;
	int c, r;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'l':
			g.lines = true;
			break;
		case 'n':
			if ((r = parse_count(optarg, &count)))
				return r;
			break;
		default:
			return a.status;
		}
	if (optind == argc)
		return args_usage("which object?");
	if (optind + 1 < argc)
		return args_usage("one object, not also %s", argv[optind + 1]);
	return run(&g, argv[optind], count);
}
