/* SPDX-License-Identifier: MIT
 *
 * t_call.c - of the harness: calls on files, and what /ipc says of itself. See t.h.
 */
#include "t_inner.h"

/* ---- calls ------------------------------------------------------------------------------------- */

long t_sys(long result)
{
	return result < 0 ? -(long)errno : result;
}

int t_open(const char *path, int flags)
{
	return (int)t_sys(open(path, flags | O_CLOEXEC, 0666));
}

long t_get(int fd, void *buf, size_t size)
{
	return t_sys(read(fd, buf, size));
}

long t_put(int fd, const char *text)
{
	return t_sys(write(fd, text, strlen(text)));
}

long t_echo_bytes(const char *path, const void *bytes, size_t len)
{
	int fd = t_open(path, O_WRONLY | O_CREAT | O_TRUNC);

	if (fd < 0)
		return fd;
	long n = t_sys(write(fd, bytes, len));
	long closed = t_sys(close(fd));
	if (n >= 0 && (size_t)n != len)
		return -EIO; /* short */
	return n < 0 ? n : closed;
}

long t_echo(const char *path, const char *text)
{
	return t_echo_bytes(path, text, strlen(text));
}

long t_cat(const char *path, char *buf, size_t size)
{
	int fd = t_open(path, O_RDONLY);
	long got = 0, n;

	if (fd < 0)
		return fd;
	do {
		n = t_get(fd, buf + got, size - 1 - (size_t)got);
		got += n > 0 ? n : 0;
	} while (n > 0 && (size_t)got < size - 1);
	close(fd);
	buf[got] = 0;
	return n < 0 ? n : got;
}

long t_touch(const char *path)
{
	int fd = t_open(path, O_WRONLY | O_CREAT);

	return fd < 0 ? fd : t_sys(close(fd));
}

long t_exists(const char *path)
{
	struct stat st;

	return t_sys(lstat(path, &st));
}

int t_poll(int fd, short events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n = poll(&p, 1, timeout_ms);

	return n < 0 ? -errno : n == 0 ? 0 : p.revents;
}

/* ---- stat and status --------------------------------------------------------------------------- */

long t_number(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtol(line + len + 1, NULL, 10);
	}
	return -ENODATA;
}

long t_stat(const char *path, const char *key)
{
	static char text[T_TEXT];
	long n = t_cat(t_brief("%s,stat", path), text, sizeof(text));

	return n < 0 ? n : t_number(text, key);
}

bool t_stat_has(const char *path, const char *line)
{
	static char text[T_TEXT];
	long n = t_cat(t_brief("%s,stat", path), text, sizeof(text));
	size_t len = strlen(line);

	if (n < 0)
		return false;
	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && (at[len] == '\n' || !at[len]))
			return true;
	return false;
}

void t_wait_stat(const char *path, const char *key, long want)
{
	int64_t end = t_now_ms() + T_LIMIT_MS;
	long got = 0;

	while (t_now_ms() < end) {
		got = t_stat(path, key);
		if (got == want)
			return;
		usleep(500);
	}
	t_fail("%s,stat: `%s` stays %s, wanted %s", path, key, t_result(got), t_result(want));
}

long t_status(const char *key)
{
	static char text[T_TEXT];
	long n = t_cat(t_brief("%s/status", t_mnt), text, sizeof(text));

	return n < 0 ? n : t_number(text, key);
}

pid_t t_server(void)
{
	return (pid_t)t_status("pid");
}

long t_server_memory(void)
{
	static char text[T_TEXT];

	if (t_cat(t_brief("/proc/%d/status", (int)t_server()), text, sizeof(text)) < 0)
		return -1;
	const char *line = strstr(text, "RssAnon:");
	return line ? strtol(line + 8, NULL, 10) * 1024 : -1;
}

bool t_errors_say(const char *words, const char *path)
{
	static char text[1 << 18];

	if (t_cat(t_brief("%s/errors", t_mnt), text, sizeof(text)) < 0)
		return false;
	for (char *rest, *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (strstr(line, words) && strstr(line, path))
			return true;
	return false;
}
