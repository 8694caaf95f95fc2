/* SPDX-License-Identifier: MIT
 *
 * cmd_submit.c - `ipcfs submit`: as put, and the number of each task is asked of the handle that put it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "input.h"
#include "tasks.h"

static const char usage[] =
	"usage: ipcfs submit [OPTION]... QUEUE [TEXT]...\n"
	"Puts tasks into a queue, each TEXT one, without a newline; without TEXT all of\n"
	"standard input is one, as it is. Prints the number of each, one a line, by which\n"
	"`ipcfs result` finds what became of it. Makes the queue if it is not there.\n"
	"Options stand before QUEUE: what follows is text, whatever it begins with.\n"
	"\n"
	"  --lines             each line of standard input is a task, without its newline;\n"
	"                      empty ones are skipped\n"
	"  -0, --null          each item of standard input that ends with a NUL is one\n"
	"  --files             each TEXT, line or item is the name of a file, whose content\n"
	"                      is the task\n"
	"  --timeout DURATION  wait at most so long for room for each (2, 0.5, 200ms, 1m)\n"
	"  --nonblock          do not wait\n"
	"  --mount DIR         the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"Exit status: 0 all were put, 1 failed, 2 wrong usage, 3 it would have to wait, or\n"
	"timed out. The longest task is 1044480 bytes (1 MiB less a page); an empty one\n"
	"cannot be written to a file.\n"
	"  ipcfs submit queues/photos *.jpg\n"
	"  find . -name '*.jpg' -print0 | ipcfs submit -0 queues/photos\n";

struct submit {
	const struct args *a;
	struct tasks t;
	int fd;
	bool lines, null, files;
};

static int print_number(const struct submit *s)
{
	struct ipcfs_item item;

	if (ioctl(s->fd, IPCFS_ITEM, &item) < 0)
		return object_fail(&s->t.queue, errno);
	printf("%llu\n", (unsigned long long)item.number);
	/* At once: who reads them may wait for a result. */
	return fflush(stdout) == 0 ? 0 : args_fail("standard output", "%s", strerror(errno));
}

/* what: for messages. */
static int put(const struct submit *s, const char *what, const char *bytes, size_t len)
{
	int64_t deadline = args_deadline(s->a);
	ssize_t n;
	int r;

	if (len == 0)
		return args_fail(what, "an empty task cannot be written to a file");
	if (len > ARGS_MESSAGE_MAX)
		return args_fail(what, "%s: more than %d bytes", strerror(EMSGSIZE),
				 (int)ARGS_MESSAGE_MAX);
	do {
		if ((r = args_limit(s->fd, s->a, deadline)) < 0)
			return object_fail(&s->t.queue, -r);
		n = write(s->fd, bytes, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return object_fail(&s->t.queue, args_limit_error(s->a, errno));
	return print_number(s);
}

/* All that can be read. */
static int put_stream(const struct submit *s, const char *what, int fd)
{
	static char text[ARGS_MESSAGE_MAX + 1];
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, sizeof(text) - len);
		if (n < 0 && errno != EINTR)
			return args_fail(what, "%s", strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && len < sizeof(text));
	return put(s, what, text, len);
}

static int put_file(const struct submit *s, const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return args_fail(name, "%s", strerror(errno));
	r = put_stream(s, name, fd);
	close(fd);
	return r;
}

/* A line or an item: with its ending, which is not part of it. */
static int put_item(const struct submit *s, char ending, const char *item, size_t len)
{
	char name[PATH_MAX];

	len -= item[len - 1] == ending;
	if (len == 0)
		return 0;
	if (!s->files)
		return put(s, "standard input", item, len);
	if (len >= sizeof(name) || memchr(item, '\0', len))
		return args_fail("standard input", "an item is no name of a file");
	snprintf(name, sizeof(name), "%.*s", (int)len, item);
	return put_file(s, name);
}

static int put_items(const struct submit *s)
{
	struct input in = {.fd = STDIN_FILENO, .ending = s->null ? '\0' : '\n'};
	const char *item;
	ssize_t n;
	int r = 0;

	while (r == 0 && (in.at < in.len || !in.ended)) {
		n = input_next(&in, ARGS_MESSAGE_MAX + 1, &item);
		if (n < 0)
			r = args_fail("standard input", "a task of more than %d bytes",
				      (int)ARGS_MESSAGE_MAX);
		else if (n > 0)
			r = put_item(s, in.ending, item, (size_t)n);
		else if ((r = input_fill(&in)) < 0)
			r = args_fail("standard input", "%s", strerror(-r));
	}
	free(in.bytes);
	return r;
}

static int run(struct submit *s, const char *queue, int count, char **texts)
{
	int r = tasks_find(s->a, queue, &s->t);

	if (r)
		return r;
	s->fd = tasks_open(&s->t, NULL, O_WRONLY, true);
	if (s->fd < 0)
		return object_fail(&s->t.queue, -s->fd);
	for (int i = 0; i < count && r == 0; i++)
		r = s->files ? put_file(s, texts[i]) : put(s, texts[i], texts[i], strlen(texts[i]));
	if (count == 0 && (s->lines || s->null || s->files))
		r = put_items(s);
	else if (count == 0)
		r = put_stream(s, "standard input", STDIN_FILENO);
	close(s->fd);
	return r;
}

int cmd_submit(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP},
					      {ARGS_MOUNT},
					      {ARGS_TIMEOUT},
					      {ARGS_NONBLOCK},
					      {"lines", no_argument, NULL, 'l'},
					      {"null", no_argument, NULL, '0'},
					      {"files", no_argument, NULL, 'f'},
					      {ARGS_END}};
	/* Options end at QUEUE: what follows is text, whatever it begins with. */
	struct args a = {.help = usage, .shorts = "+:0", .longs = longs};
	struct submit s = {.a = &a, .fd = -1};
	int c;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'l':
			s.lines = true;
			break;
		case '0':
			s.null = true;
			break;
		case 'f':
			s.files = true;
			break;
		default:
			return a.status;
		}
	if (optind == argc)
		return args_usage("which queue?");
	if (s.lines && s.null)
		return args_usage("one of --lines and --null");
	if ((s.lines || s.null) && optind + 1 < argc)
		return args_usage("--%s reads standard input: there cannot be a TEXT too",
				  s.lines ? "lines" : "null");
	return run(&s, argv[optind], argc - optind - 1, argv + optind + 1);
}
