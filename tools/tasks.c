/* SPDX-License-Identifier: MIT
 *
 * tasks.c - the queue's half of tasks.h.
 */
#include "tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char queues[] = "queues/";

/* ---- names ------------------------------------------------------------------------------------- */

/* dicts/NAME-results. Dicts lie in no folders: a slash of the name is %2F there, and so a % is %25. */
static int results_path(struct tasks *t, const char *name)
{
	size_t len = strcspn(name, ","), n;

	n = (size_t)snprintf(t->results, sizeof(t->results), "%s/dicts/", t->queue.mount);
	for (size_t i = 0; i < len && n < sizeof(t->results); i++)
		n += (size_t)snprintf(t->results + n, sizeof(t->results) - n,
				      name[i] == '/' || name[i] == '%' ? "%%%02X" : "%c", name[i]);
	if (n < sizeof(t->results))
		n += (size_t)snprintf(t->results + n, sizeof(t->results) - n, "-results");
	return n < sizeof(t->results) ? 0 : -ENAMETOOLONG;
}

int tasks_find(const struct args *a, const char *name, struct tasks *t)
{
	char below[PATH_MAX];
	int r = object_find(a, name, &t->queue);

	if (r)
		return r;
	r = object_below(&t->queue, below);
	if (r == 0 && strncmp(below, queues, sizeof(queues) - 1) != 0)
		return args_usage("%s is no queue: queues/NAME is wanted", name);
	if (r == 0)
		r = results_path(t, below + sizeof(queues) - 1);
	return r < 0 ? args_fail(name, "%s", strerror(-r)) : 0;
}

/* ---- the queue --------------------------------------------------------------------------------- */

static int create(const struct tasks *t)
{
	int fd = open(t->queue.path, O_WRONLY | O_NONBLOCK | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int tasks_open(struct tasks *t, const char *view, int flags, bool make)
{
	char path[PATH_MAX];
	struct stat st;
	int fd, r;

	if (snprintf(path, sizeof(path), "%s%s%s", t->queue.path, view ? "," : "",
		     view ? view : "") >= (int)sizeof(path))
		return -ENAMETOOLONG;
	/* First without O_CREAT: that fails on others' files where fs.protected_regular is set. */
	while ((fd = open(path, flags | O_CLOEXEC)) < 0) {
		if (errno != ENOENT || !make)
			return -errno;
		if ((r = create(t)) < 0)
			return r;
	}
	if (fstat(fd, &st) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	t->id = st.st_ino;
	t->uid = st.st_uid;
	t->gid = st.st_gid;
	t->mode = st.st_mode & 0666;
	return fd;
}

static void note(struct tasks *t, const char *line)
{
	size_t key = strcspn(line, " ");
	const char *value = line[key] ? line + key + 1 : "";

	if (strncmp(line, "attempts ", 9) == 0)
		t->attempts = strtoull(value, NULL, 10);
	else if (strncmp(line, "put ", 4) == 0)
		t->put = strtoull(value, NULL, 10);
	else if (strncmp(line, "dead ", 5) == 0)
		snprintf(t->dead, sizeof(t->dead), "%.*s", (int)strcspn(value, "\n"), value);
}

int tasks_look(struct tasks *t)
{
	char line[512];
	int fd = tasks_open(t, "stat", O_RDONLY, false), r;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f)
		return fd < 0 ? fd : -ENOMEM;
	errno = 0;
	while (fgets(line, sizeof(line), f))
		note(t, line);
	r = ferror(f) ? -errno : 0;
	fclose(f);
	return r;
}

int tasks_command(struct tasks *t, const char *command)
{
	int fd = tasks_open(t, "ctl", O_WRONLY, false), r = 0;

	if (fd < 0)
		return fd;
	while (write(fd, command, strlen(command)) < 0 && (r = -errno) == -EINTR)
		r = 0;
	close(fd);
	return r;
}

/* Anybody may make a dict of that name, even before there is a queue. Results must not go to, nor come from, a
 * stranger to the queue: one who could not write to it either. */
static bool is_strangers(const struct tasks *t, const struct stat *st)
{
	return st->st_uid != t->uid && st->st_uid != 0 && !(t->mode & 0002) &&
	       !(t->mode & 0020 && st->st_gid == t->gid);
}

static int look_at_results(const struct tasks *t)
{
	struct stat st;

	if (stat(t->results, &st) < 0)
		return errno == ENOENT ? 0 : -errno; /* whoever needs it next makes it */
	return is_strangers(t, &st) ? -EPERM : 0;
}

/* To the queue's owner; others than root can give it only to a group of theirs. */
static int give_results(const struct tasks *t)
{
	uid_t uid = geteuid() == 0 ? t->uid : (uid_t)-1;
	struct stat st;

	if (chown(t->results, uid, t->gid) < 0 && errno != EPERM)
		return -errno;
	if (stat(t->results, &st) < 0)
		return -errno;
	if (!is_strangers(t, &st))
		return 0;
	rmdir(t->results);
	return -EPERM;
}

/* Who may take tasks may enter the folder. */
int tasks_make_results(const struct tasks *t)
{
	mode_t mode = t->mode | (t->mode & 0444) >> 2;
	int r = 0;

	if (mkdir(t->results, mode) < 0)
		return errno == EEXIST ? look_at_results(t) : -errno;
	/* The umask is not the queue's. */
	if (chmod(t->results, mode) < 0)
		r = -errno;
	if (r == 0)
		r = give_results(t);
	return r == -ENOENT ? 0 : r; /* another one has removed it */
}
