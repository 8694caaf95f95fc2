/* SPDX-License-Identifier: MIT
 *
 * cmd_with.c - `ipcfs with`, as flock(1): acquires through a handle, runs a command that inherits it,
 * waits. The lock is held until the last process that has the handle has closed it: the kill of this
 * one does not let anybody in beside a command that still runs, and a command that closes all its
 * descriptors (sudo does) is still inside while this one waits for it.
 *
 * A handle that a living process closes is a clean unlock, one that ends with its process is not. So
 * this one closes it when the command has ended by itself, and else leaves it to its own end: the next
 * holder is told `abandoned`.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "child.h"
#include "commands.h"

static const char usage[] =
	"usage: ipcfs with [OPTION]... OBJECT [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"Acquires a lock, or units of a semaphore, runs COMMAND, and gives them back when\n"
	"it has ended, however that was. OBJECT is locks/NAME, made if it is not there, or\n"
	"semaphores/NAME[,n=UNITS].\n"
	"\n"
	"  --shared            of a lock: beside others who hold it shared\n"
	"  --timeout DURATION  wait at most so long (2, 0.5, 200ms, 1m)\n"
	"  --nonblock          do not wait\n"
	"  --mount DIR         the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"COMMAND finds in its environment IPCFS_TOKEN, a lock's fencing token, and\n"
	"IPCFS_ABANDONED=1 if the holder before it ended while it held the lock. It and\n"
	"its children inherit the open file: the lock is held until the last of them has\n"
	"ended, also when this command is killed. HUP, INT, QUIT, ALRM, TERM, USR1 and\n"
	"USR2 are passed on to COMMAND.\n"
	"Exit status: COMMAND's, 128 + N if signal N killed it; 1 not acquired: failed, it\n"
	"would have to wait, or timed out; 2 wrong usage; 126 COMMAND cannot be run, 127\n"
	"it is not there.\n"
	"  ipcfs with locks/build -- make\n"
	"  ipcfs with --shared --timeout 5 locks/site rsync site/ /mnt\n";

enum { KILLED_BY = 128 };

struct with {
	const struct args *a;
	struct object o;
	bool shared, lock;
	int fd;
	char **command;
};

/* ---- the object ------------------------------------------------------------------------------ */

/* Is the word one of the name's options? */
static bool has_option(const char *path, const char *word)
{
	const char *at = strrchr(path, '/');
	size_t len = strlen(word);

	for (at = strchr(at ? at : path, ','); at; at = strchr(at, ','))
		if (strncmp(++at, word, len) == 0 && (at[len] == '\0' || at[len] == ','))
			return true;
	return false;
}

static int add_view(struct object *o, const char *view)
{
	size_t len = strlen(o->path), room = sizeof(o->path) - len;

	if (has_option(o->path, view))
		return 0;
	if (snprintf(o->path + len, room, ",%s", view) >= (int)room)
		return args_fail(o->name, "%s", strerror(ENAMETOOLONG));
	return 0;
}

static int check_kind(struct with *w)
{
	char below[PATH_MAX];
	int r = object_below(&w->o, below);
	bool lock = r == 0 && strncmp(below, "locks/", 6) == 0,
	     semaphore = r == 0 && strncmp(below, "semaphores/", 11) == 0;

	if (r < 0)
		return args_fail(w->o.name, "%s", strerror(-r));
	if (!lock && !semaphore)
		return args_usage("%s is no lock and no semaphore", w->o.name);
	if (!lock && w->shared)
		return args_usage("--shared is for locks, not %s", w->o.name);
	w->lock = lock;
	return 0;
}

/* The file whose read acquires. */
static int find(struct with *w, const char *name)
{
	static const char *const views[] = {"peek", "watch", "stat", "ctl", "tokens"};
	int r = object_find(w->a, name, &w->o);

	if (r == 0)
		r = check_kind(w);
	if (r)
		return r;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (has_option(w->o.path, views[i]))
			return args_usage("%s: through the view \"%s\" nothing is held", name,
					  views[i]);
	return w->lock && !w->shared ? 0 : add_view(&w->o, w->lock ? "shared" : "hold");
}

/* Makes the lock of that name. A view does not create, so it goes by the bare name. */
static int create(const struct object *o)
{
	struct object bare = *o;
	char *name = strrchr(bare.path, '/');
	int fd;

	if (name)
		name[strcspn(name, ",")] = '\0';
	fd = open(bare.path, O_RDONLY | O_NONBLOCK | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return object_fail(&bare, errno);
	close(fd);
	return 0;
}

/* Opens it as a descriptor that the command inherits: not one of the low ones, which scripts use. */
static int open_object(struct with *w)
{
	enum { LOWEST = 10 };
	/* What is there only as long as the handle that made it must be made by this one. */
	int temp = w->lock && has_option(w->o.path, "temp") ? O_CREAT : 0;
	int fd, r;

	while ((fd = open(w->o.path, O_RDONLY | O_CLOEXEC | temp, 0666)) < 0) {
		if (errno == ENOENT && !w->lock)
			return args_fail(w->o.name,
					 "%s: a semaphore is made by ipcfs create NAME,value=N",
					 strerror(errno));
		if (errno != ENOENT)
			return object_fail(&w->o, errno);
		if ((r = create(&w->o)))
			return r;
	}
	w->fd = fcntl(fd, F_DUPFD, LOWEST);
	close(fd);
	return w->fd < 0 ? args_fail(w->o.name, "%s", strerror(errno)) : 0;
}

/* ---- acquiring ------------------------------------------------------------------------------- */

static void export(struct with *w, char *answer)
{
	size_t digits = strspn(answer, "0123456789");
	bool abandoned = strstr(answer + digits, "abandoned") != NULL;

	answer[digits] = '\0';
	unsetenv("IPCFS_TOKEN"); /* of a lock around this one */
	unsetenv("IPCFS_ABANDONED");
	if (w->lock)
		setenv("IPCFS_TOKEN", answer, 1);
	if (abandoned)
		setenv("IPCFS_ABANDONED", "1", 1);
}

static int acquire(struct with *w)
{
	int64_t deadline = args_deadline(w->a);
	char answer[64] = "";
	ssize_t n;
	int r;

	do {
		if ((r = args_limit(w->fd, w->a, deadline)) < 0)
			return object_fail(&w->o, -r);
		n = read(w->fd, answer, sizeof(answer) - 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return object_fail(&w->o, args_limit_error(w->a, errno));
	if (!isdigit((unsigned char)answer[0]))
		return args_fail(w->o.name, "its read gave no token");
	export(w, answer);
	return 0;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int run(struct with *w)
{
	int status, r = child_run(w->command, &status);

	if (r)
		return r;
	if (WIFSIGNALED(status))
		return KILLED_BY +
		       WTERMSIG(status); /* still holding it: see the head of this file */
	close(w->fd);
	return WEXITSTATUS(status);
}

/* Options stand before and behind OBJECT. 0: `name` and the command are there. */
static int parse(struct with *w, struct args *a, int argc, char **argv, const char **name)
{
	int c;

	for (*name = NULL;; *name = argv[optind++]) {
		while ((c = args_next(a, argc, argv)) != -1) {
			if (c != 's')
				return -1;
			w->shared = true;
		}
		if (*name)
			break;
		if (optind == argc) {
			a->status = args_usage("which lock or semaphore?");
			return -1;
		}
	}
	if (optind == argc) {
		a->status = args_usage("which command shall be run?");
		return -1;
	}
	w->command = argv + optind;
	return 0;
}

int cmd_with(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP},
					      {ARGS_MOUNT},
					      {ARGS_TIMEOUT},
					      {ARGS_NONBLOCK},
					      {"shared", no_argument, NULL, 's'},
					      {ARGS_END}};
	struct args a = {.help = usage, .shorts = "+:", .longs = longs};
	struct with w = {.a = &a, .fd = -1};
	const char *name;
	int r;

	if (parse(&w, &a, argc, argv, &name) < 0)
		return a.status;
	r = find(&w, name);
	if (r == 0)
		r = open_object(&w);
	if (r == 0)
		r = acquire(&w);
	if (r)
		return r == ARGS_USAGE ? r : ARGS_FAILED;
	return run(&w);
}
