/* SPDX-License-Identifier: MIT
 *
 * cmd_put.c - `ipcfs put`: one write(2) a message, again when a signal cut its waiting short (a job
 * that was stopped and continued: bash's echo gives up there).
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
	"usage: ipcfs put [OPTION]... OBJECT [TEXT...]\n"
	"Writes TEXT, the words joined by blanks and no newline added, to an object in\n"
	"one operation; without TEXT all of standard input, as it is. Makes the object if\n"
	"it is not there, as `echo >` does. Options stand before OBJECT: what follows is\n"
	"text, whatever it begins with.\n"
	"\n"
	"  --lines             standard input, each line a message without its newline;\n"
	"                      empty ones are skipped\n"
	"  --timeout DURATION  wait at most so long for each message (2, 0.5, 200ms, 1m)\n"
	"  --nonblock          do not wait\n"
	"  --mount DIR         the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"Exit status: 0 written, 1 failed, 2 wrong usage, 3 it would have to wait, or\n"
	"timed out. The longest message is 1044480 bytes (1 MiB less a page); an empty\n"
	"one cannot be written to a file.\n"
	"  ipcfs put queues/jobs build the docs\n"
	"  ipcfs put semaphores/door 1; ipcfs put events/go 1; ipcfs put values/n add 5\n";

static int put(const struct args *a, const struct object *o, int fd, const char *bytes, size_t len)
{
	int64_t deadline = args_deadline(a);
	ssize_t n;
	int r;

	if (len == 0)
		return args_fail(o->name, "an empty message cannot be written to a file");
	if (len > ARGS_MESSAGE_MAX)
		return args_fail(o->name, "%s: more than %d bytes", strerror(EMSGSIZE),
				 (int)ARGS_MESSAGE_MAX);
	do {
		if ((r = args_limit(fd, a, deadline)) < 0)
			return object_fail(o, -r);
		n = write(fd, bytes, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return object_fail(o, args_limit_error(a, errno));
	if ((size_t)n < len)
		return args_fail(o->name, "only %zd of %zu bytes were taken", n, len);
	return ARGS_OK;
}

static int put_words(const struct args *a, const struct object *o, int fd, int count, char **words)
{
	size_t len = 0;
	char *text, *end;
	int r;

	for (int i = 0; i < count; i++)
		len += strlen(words[i]) + 1;
	text = end = malloc(len + 1);
	if (!text)
		return args_fail(NULL, "no memory");
	for (int i = 0; i < count; i++) {
		if (i)
			*end++ = ' ';
		end = stpcpy(end, words[i]);
	}
	r = put(a, o, fd, text, (size_t)(end - text));
	free(text);
	return r;
}

static int put_input(const struct args *a, const struct object *o, int fd)
{
	static char text[ARGS_MESSAGE_MAX + 1];
	size_t len = fread(text, 1, sizeof(text), stdin);

	if (ferror(stdin))
		return args_fail("standard input", "%s", strerror(errno));
	return put(a, o, fd, text, len);
}

static int put_lines(const struct args *a, const struct object *o, int fd)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int r = ARGS_OK;

	while (r == ARGS_OK && (len = getline(&line, &size, stdin)) > 0) {
		len -= line[len - 1] == '\n';
		if (len > 0)
			r = put(a, o, fd, line, (size_t)len);
	}
	if (r == ARGS_OK && ferror(stdin))
		r = args_fail("standard input", "%s", strerror(errno));
	free(line);
	return r;
}

static int run(const struct args *a, int count, char **words, bool lines)
{
	struct object o;
	int fd, r = object_find(a, words[0], &o);

	if (r)
		return r;
	/* First without O_CREAT: that fails on others' files where fs.protected_regular is set. */
	fd = open(o.path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		fd = open(o.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return object_fail(&o, errno);
	if (count > 1)
		r = put_words(a, &o, fd, count - 1, words + 1);
	else
		r = lines ? put_lines(a, &o, fd) : put_input(a, &o, fd);
	if (close(fd) < 0 && r == ARGS_OK)
		r = object_fail(&o, errno);
	return r;
}

int cmd_put(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP},
					      {ARGS_MOUNT},
					      {ARGS_TIMEOUT},
					      {ARGS_NONBLOCK},
					      {"lines", no_argument, NULL, 'l'},
					      {ARGS_END}};
	/* Options end at OBJECT: what follows is text, whatever it begins with. */
	struct args a = {.help = usage, .shorts = "+:", .longs = longs};
	bool lines = false;
	int c;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'l':
			lines = true;
			break;
		default:
			return a.status;
		}
	if (optind == argc)
		return args_usage("which object?");
	if (lines && optind + 1 < argc)
		return args_usage("--lines reads standard input: there cannot be a TEXT too");
	return run(&a, argc - optind, argv + optind, lines);
}
