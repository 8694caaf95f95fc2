/* SPDX-License-Identifier: MIT
 *
 * results.c - the results' half of tasks.h. A key is replaced whole at the close of the file, so whoever reads sees a
 * result or none. To wait for one is to watch its key: where there is none yet, the waiter makes it, without bytes.
 */
#include "tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(RESULT_MAX + 4096 <= IPCFS_DICT_VALUE_MAX, "a result fits a key");
enum { CHUNK = ARGS_MESSAGE_MAX, HEAD_MAX = 512 };

static int key_path(const struct tasks *t, uint64_t number, const char *view, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/%llu%s", t->results, (unsigned long long)number, view);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int results_fail(const struct tasks *t, int error)
{
	struct object o = t->queue;

	snprintf(o.path, sizeof(o.path), "%s", t->results);
	o.name = o.path;
	if (error == EPERM)
		return args_fail(o.name, "its owner may not write to the queue");
	if (error == EBADMSG)
		return args_fail(o.name, "there is something else in place of a result");
	return object_fail(&o, error);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static int write_head(char head[HEAD_MAX], const struct result *r)
{
	static const char *const ends[] = {
		[RESULT_EXITED] = "status", [RESULT_KILLED] = "signal", [RESULT_LOST] = "lost"};
	int n = snprintf(head, HEAD_MAX, "%s", ends[r->end]);

	if (r->end != RESULT_LOST)
		n += snprintf(head + n, (size_t)(HEAD_MAX - n), " %d", r->code);
	n += snprintf(head + n, (size_t)(HEAD_MAX - n),
		      "\nattempt %llu\nqueue %llu\noutput %zu\nerror %zu\n",
		      (unsigned long long)r->attempt, (unsigned long long)r->queue, r->output,
		      r->error);
	if (r->dead[0])
		n += snprintf(head + n, (size_t)(HEAD_MAX - n), "dead %s\n", r->dead);
	head[n++] = '\n';
	return n;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	for (; len; bytes += n, len -= (size_t)n) {
		n = write(fd, bytes, len < CHUNK ? len : CHUNK);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			n = 0;
	}
	return 0;
}

/* The key's file. The dict may have been removed by somebody who was done with it. */
static int open_key(const struct tasks *t, const char *path, int flags)
{
	int fd, r;

	flags |= O_WRONLY | O_CREAT | O_CLOEXEC;
	fd = open(path, flags, t->mode);
	if (fd < 0 && errno == ENOENT && !t->temp) {
		r = tasks_make_results(t);
		if (r < 0)
			return r;
		fd = open(path, flags, t->mode);
	}
	return fd < 0 ? -errno : fd;
}

static bool is_own(const struct tasks *t)
{
	return geteuid() == t->uid && getegid() == t->gid;
}

/* A result that is nobody's yet; it may be there. It is the queue's owner's; others than root can give it only to a group
 * of theirs. */
static int make_key(const struct tasks *t, const char *path)
{
	uid_t uid = geteuid() == 0 ? t->uid : (uid_t)-1;
	int fd = open_key(t, path, O_APPEND | O_EXCL);

	if (fd < 0)
		return fd == -EEXIST ? 0 : fd;
	close(fd);
	if (!is_own(t) && chown(path, uid, t->gid) < 0 && errno != EPERM && errno != ENOENT)
		return -errno;
	return 0;
}

int result_store(const struct tasks *t, uint64_t number, const struct result *r)
{
	char path[PATH_MAX], head[HEAD_MAX];
	int fd, rc = key_path(t, number, "", path);

	if (rc < 0)
		return rc;
	/* One that is replaced keeps its owner, and one that is not yet there cannot be given away. */
	rc = is_own(t) ? 0 : make_key(t, path);
	fd = rc < 0 ? rc : open_key(t, path, O_TRUNC);
	if (fd < 0)
		return fd;
	rc = write_all(fd, head, (size_t)write_head(head, r));
	if (rc == 0)
		rc = write_all(fd, r->bytes, r->output + r->error);
	if (rc < 0 && ftruncate(fd, 0) < 0) /* no part of a result */
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

int result_remove(const struct tasks *t, uint64_t number)
{
	char path[PATH_MAX];
	int r = key_path(t, number, "", path);

	if (r < 0)
		return r;
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* ---- reading ----------------------------------------------------------------------------------- */

int result_watch(const struct tasks *t, uint64_t number)
{
	char path[PATH_MAX], watch[PATH_MAX];
	int fd, r = key_path(t, number, "", path);

	if (r == 0)
		r = key_path(t, number, ",watch", watch);
	while (r == 0 && (fd = open(watch, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
		r = errno == ENOENT ? make_key(t, path) : -errno;
	return r < 0 ? r : fd;
}

/* The number behind a key of the head. */
static bool head_number(const char *head, const char *key, uint64_t *n)
{
	size_t len = strlen(key);
	const char *line = head;
	char *end;

	while (strncmp(line, key, len) != 0 || line[len] != ' ') {
		line = strchr(line, '\n');
		if (!line++)
			return false;
	}
	*n = strtoull(line + len + 1, &end, 10);
	return end > line + len + 1 && *end == '\n';
}

static bool read_end(const char *head, struct result *r)
{
	uint64_t code = 0;

	r->end = RESULT_LOST;
	if (strncmp(head, "status ", 7) == 0 && head_number(head, "status", &code))
		r->end = RESULT_EXITED;
	else if (strncmp(head, "signal ", 7) == 0 && head_number(head, "signal", &code))
		r->end = RESULT_KILLED;
	else if (strncmp(head, "lost\n", 5) != 0)
		return false;
	r->code = (int)code;
	return code <= 255;
}

/* The head of a result, of which `text` has the beginning. Where its bytes begin, 0: it is none. */
static size_t read_head(const char *text, size_t len, struct result *r)
{
	const char *end = memmem(text, len, "\n\n", 2), *dead;
	char head[HEAD_MAX];
	uint64_t output, error;

	*r = (struct result){.bytes = NULL};
	if (!end || end + 1 - text >= HEAD_MAX)
		return 0;
	snprintf(head, sizeof(head), "%.*s", (int)(end + 1 - text), text);
	if (!read_end(head, r) || !head_number(head, "attempt", &r->attempt) ||
	    !head_number(head, "queue", &r->queue) || !head_number(head, "output", &output) ||
	    !head_number(head, "error", &error) || output > RESULT_MAX || error > RESULT_MAX)
		return 0;
	r->output = output;
	r->error = error;
	dead = strstr(head, "\ndead ");
	if (dead)
		snprintf(r->dead, sizeof(r->dead), "%.*s", (int)strcspn(dead + 6, "\n"), dead + 6);
	return (size_t)(end + 2 - text);
}

/* What is shown has no end of file: the head says how long it is. */
static int read_rest(int fd, struct result *r, const char *from, size_t have)
{
	size_t total = r->output + r->error;
	ssize_t n;

	r->bytes = malloc(total + 1);
	if (!r->bytes)
		return -ENOMEM;
	if (have > total)
		return -EBADMSG;
	memcpy(r->bytes, from, have);
	for (; have < total; have += (size_t)n) {
		n = read(fd, r->bytes + have, total - have);
		if (n == 0)
			return -EBADMSG;
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -EBADMSG : -errno;
		if (n < 0)
			n = 0;
	}
	return 1;
}

int result_read(const struct tasks *t, int fd, struct result *r)
{
	static char text[1 << 20];
	ssize_t n;
	size_t at;
	int rc;

	do {
		do
			n = read(fd, text, sizeof(text));
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return n == 0 ? -EAGAIN : -errno;
		at = read_head(text, (size_t)n, r);
		rc = at ? read_rest(fd, r, text + at, (size_t)n - at) : -EBADMSG;
		if (rc == 1 && r->queue == t->id)
			return 1;
		free(r->bytes);
		r->bytes = NULL;
	} while (rc == 1); /* left from a queue that is gone */
	return rc;
}

int result_is_there(const struct tasks *t, uint64_t number)
{
	char path[PATH_MAX], text[HEAD_MAX];
	struct result r;
	ssize_t n;
	int fd, rc = key_path(t, number, "", path);

	if (rc < 0)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	n = read(fd, text, sizeof(text));
	rc = n < 0 ? -errno : n > 0 && read_head(text, (size_t)n, &r) && r.queue == t->id;
	close(fd);
	return rc == -EIDRM ? 0 : rc;
}
