/* SPDX-License-Identifier: MIT
 *
 * mounts.c - see mounts.h. A path is opened with O_PATH only, which asks nothing of the file system
 * at its end; links in /proc are read and never followed.
 */
#include "mounts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- mounts ------------------------------------------------------------------------- */

/* The number behind "KEY:" in a file of /proc; -1: there is none. */
static long number_in(const char *path, const char *key)
{
	size_t len = strlen(key);
	long number = -1;
	char line[256];
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	while (number < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, key, len) == 0 && line[len] == ':')
			number = strtol(line + len + 1, NULL, 10);
	fclose(f);
	return number;
}

/* Undoes \040 and the like, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (*s == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	*to = '\0';
}

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS]... - TYPE SOURCE OPTIONS" of the mount m->id. */
static bool parse_line(char *line, struct mount *m)
{
	char *save, *word, *words[5] = {NULL};
	int n = 0;

	for (word = strtok_r(line, " ", &save); word && n < 5; word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	if (n < 5 || strtol(words[0], NULL, 10) != m->id)
		return false;
	while (word && strcmp(word, "-") != 0)
		word = strtok_r(NULL, " ", &save);
	word = word ? strtok_r(NULL, " \n", &save) : NULL;
	unescape(words[4]);
	snprintf(m->point, sizeof(m->point), "%s", words[4]);
	snprintf(m->type, sizeof(m->type), "%s", word ? word : "");
	word = strchr(words[2], ':');
	m->minor = word ? (unsigned)strtoul(word + 1, NULL, 10) : 0;
	return true;
}

static bool read_mountinfo(struct mount *m)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return false;
	while (!found && getline(&line, &size, f) > 0)
		found = parse_line(line, m);
	free(line);
	fclose(f);
	return found;
}

int mounts_find(const char *path, struct mount *m)
{
	char proc[64], real[PATH_MAX];
	int fd = open(path, O_PATH | O_CLOEXEC), r = -ENODEV;
	ssize_t n;

	if (fd < 0)
		return -errno;
	snprintf(proc, sizeof(proc), "/proc/self/fdinfo/%d", fd);
	m->id = (int)number_in(proc, "mnt_id");
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, real, sizeof(real) - 1);
	if (n < 0 || m->id < 0 || !read_mountinfo(m))
		goto out;
	real[n] = '\0';
	m->root = strcmp(real, m->point) == 0;
	r = 0;
out:
	close(fd);
	return r;
}

bool mounts_is_ipcfs(const struct mount *m)
{
	return strcmp(m->type, "fuse.ipcfs") == 0;
}

bool mounts_is_there(const struct mount *m)
{
	struct mount now = {.id = m->id};

	/* Numbers are given again, to other mounts, within moments. */
	return read_mountinfo(&now) && now.minor == m->minor && strcmp(now.type, m->type) == 0 &&
	       strcmp(now.point, m->point) == 0;
}

/* ---- processes ---------------------------------------------------------------------- */

/* Calls `each` for every process until it returns something but 0, and returns that. */
static int for_processes(int (*each)(void *arg, pid_t pid), void *arg)
{
	struct dirent *e;
	DIR *d = opendir("/proc");
	int r = 0;

	if (!d)
		return 0;
	while (r == 0 && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			r = each(arg, (pid_t)strtol(e->d_name, NULL, 10));
	closedir(d);
	return r;
}

/* The same for the process's open files, with their numbers and what their links say. */
static int for_files(pid_t pid, int (*each)(void *arg, pid_t pid, int fd, const char *to),
		     void *arg)
{
	char path[64], to[PATH_MAX];
	struct dirent *e;
	ssize_t n;
	DIR *d;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (!d)
		return -errno;
	while (r == 0 && (e = readdir(d))) {
		n = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);
		if (n <= 0)
			continue;
		to[n] = '\0';
		r = each(arg, pid, (int)strtol(e->d_name, NULL, 10), to);
	}
	closedir(d);
	return r;
}

struct search {
	const struct mount *m;
	bool sure; /* only where the kernel tells the connection */
	pid_t found;
};

static int is_fuse(void *arg, pid_t pid, int fd, const char *to)
{
	const struct search *s = arg;
	char path[64];
	long connection;

	if (strcmp(to, "/dev/fuse") != 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	connection = number_in(path, "fuse_connection");
	return connection < 0 ? !s->sure : connection == (long)s->m->minor;
}

int mounts_is_server(const struct mount *m, pid_t pid)
{
	struct search s = {.m = m};

	return for_files(pid, is_fuse, &s);
}

static int look_for_server(void *arg, pid_t pid)
{
	struct search *s = arg;

	if (for_files(pid, is_fuse, s) != 1)
		return 0;
	s->found = pid;
	return 1;
}

pid_t mounts_server(const struct mount *m)
{
	struct search s = {.m = m, .sure = true};

	for_processes(look_for_server, &s);
	return s.found;
}

/* ---- users -------------------------------------------------------------------------- */

struct users {
	const struct mount *m;
	FILE *to;
	int limit, count;
	char namespace[64]; /* ours: paths of another mean other files */
};

static void read_link(pid_t pid, const char *name, char *to, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	n = readlink(path, to, size - 1);
	to[n < 0 ? 0 : n] = '\0';
}

static bool lies_in(const struct mount *m, const char *path)
{
	size_t len = strlen(m->point);

	if (strncmp(path, m->point, len) != 0)
		return false;
	return path[len] == '/' || path[len] == '\0' || strcmp(path + len, " (deleted)") == 0;
}

static int file_lies_in(void *arg, pid_t pid, int fd, const char *to)
{
	(void)pid;
	(void)fd;
	return lies_in(arg, to);
}

static bool uses(const struct users *u, pid_t pid)
{
	char to[PATH_MAX];

	read_link(pid, "ns/mnt", to, sizeof(to));
	if (to[0] && strcmp(to, u->namespace) != 0)
		return false;
	read_link(pid, "cwd", to, sizeof(to));
	if (lies_in(u->m, to))
		return true;
	read_link(pid, "root", to, sizeof(to));
	return lies_in(u->m, to) || for_files(pid, file_lies_in, (void *)u->m) == 1;
}

static void print_user(FILE *to, pid_t pid)
{
	char path[64], command[200];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "re");
	if (f) {
		n = fread(command, 1, sizeof(command) - 1, f);
		fclose(f);
	}
	while (n > 0 && command[n - 1] == '\0')
		n--;
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)command[i]))
			command[i] = ' ';
	fprintf(to, "  %d %.*s\n", (int)pid, (int)n, command);
}

static int look_for_user(void *arg, pid_t pid)
{
	struct users *u = arg;

	if (pid == getpid() || !uses(u, pid))
		return 0;
	if (u->count++ < u->limit)
		print_user(u->to, pid);
	return 0;
}

int mounts_users(const struct mount *m, FILE *to, int limit)
{
	struct users u = {.m = m, .to = to, .limit = limit};

	read_link(getpid(), "ns/mnt", u.namespace, sizeof(u.namespace));
	for_processes(look_for_user, &u);
	return u.count;
}
