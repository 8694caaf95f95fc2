/* SPDX-License-Identifier: MIT
 *
 * process.c - what /proc says of the processes that send requests.
 */
#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	FILES = 4096, /* of one process that are looked at */
	STATUS = 16384,
};
#define PF_EXITING 0x4u /* linux/sched.h, which user space does not get */

/* Reads /proc/PID/NAME into buf, as a string. */
static bool slurp(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[96];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Its `status`, of one who is in many groups too. */
static bool slurp_status(pid_t pid, char buf[STATUS])
{
	return pid > 0 && slurp(pid, "status", buf, STATUS);
}

pid_t fs_process_of(pid_t thread)
{
	char status[1024];
	const char *at;

	if (!slurp(thread, "status", status, sizeof(status)))
		return thread;
	at = strstr(status, "\nTgid:");
	return at ? (pid_t)strtol(at + 6, NULL, 10) : thread;
}

/* The numbers behind a key of /proc/PID/status; how many there are. */
static int numbers(const char *status, const char *key, unsigned long *out, int most)
{
	const char *at = strstr(status, key);
	char *end;
	int n = 0;

	for (at = at ? at + strlen(key) : NULL; at && n < most && *at != '\n'; at = end, n++) {
		out[n] = strtoul(at, &end, 10);
		if (end == at)
			break;
	}
	return n;
}

struct fs_process fs_process_look(pid_t thread)
{
	unsigned long pid, threads, uids[3], gids[3];
	char status[STATUS];

	if (!slurp_status(thread, status) || numbers(status, "\nTgid:", &pid, 1) != 1 ||
	    numbers(status, "\nThreads:", &threads, 1) != 1 ||
	    numbers(status, "\nUid:", uids, 3) != 3 || numbers(status, "\nGid:", gids, 3) != 3)
		return (struct fs_process){0};
	return (struct fs_process){
		.pid = (pid_t)pid,
		.threads = (unsigned)threads,
		.uid = (uid_t)uids[0],
		.euid = (uid_t)uids[1],
		.suid = (uid_t)uids[2],
		.gid = (gid_t)gids[0],
		.egid = (gid_t)gids[1],
		.sgid = (gid_t)gids[2],
	};
}

static const char *line_of(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? at + strlen(key) : NULL;
}

/* In the user namespace that the server is in: there alone its capabilities are what they are here. */
static bool is_of_our_users(pid_t pid)
{
	struct stat ours, its;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return stat("/proc/self/ns/user", &ours) == 0 && stat(path, &its) == 0 &&
	       ours.st_ino == its.st_ino && ours.st_dev == its.st_dev;
}

bool fs_process_shares_net(pid_t thread)
{
	struct stat ours, its;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)thread);
	return thread > 0 && stat("/proc/self/ns/net", &ours) == 0 && stat(path, &its) == 0 &&
	       ours.st_ino == its.st_ino && ours.st_dev == its.st_dev;
}

static bool has_kill(const char *status)
{
	const char *line = line_of(status, "\nCapEff:");

	return line && strtoull(line, NULL, 16) & 1ull << CAP_KILL;
}

struct fs_process fs_process_sender(pid_t thread)
{
	struct fs_process p = fs_process_look(thread);
	char status[STATUS];

	if (!p.pid)
		return p;
	p.session = getsid(p.pid);
	p.kills_all = slurp_status(thread, status) && has_kill(status) && is_of_our_users(p.pid);
	return p;
}

bool fs_process_is_foreign(pid_t thread)
{
	unsigned long pids[2];
	char status[STATUS], self[16] = "";

	/* A /proc that shows another namespace's processes does not know them by our numbers. */
	if (readlink("/proc/self", self, sizeof(self) - 1) < 0 || atoi(self) != (int)getpid())
		return true;
	return !slurp_status(thread, status) || numbers(status, "\nNSpid:", pids, 2) != 1;
}

bool fs_process_are_hidden(void)
{
	char line[4096];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool hidden = false;

	/* The last mount there is the one that is seen. */
	while (f && fgets(line, sizeof(line), f)) {
		const char *option = strstr(line, "hidepid=");

		if (strstr(line, " / /proc "))
			hidden = option && option[strlen("hidepid=")] != '0' &&
				 strncmp(option, "hidepid=off", strlen("hidepid=off")) != 0;
	}
	if (f)
		fclose(f);
	return hidden;
}

int fs_process_signals(pid_t pid, struct fs_signals *s)
{
	static const char *const keys[] = {
		"\nSigBlk:", "\nSigIgn:", "\nSigCgt:", "\nSigPnd:", "\nShdPnd:"};
	uint64_t sets[5];
	char status[STATUS];

	if (!slurp_status(pid, status))
		return -ESRCH;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *line = line_of(status, keys[i]);

		if (!line)
			return -EOPNOTSUPP;
		sets[i] = strtoull(line, NULL, 16);
	}
	*s = (struct fs_signals){sets[0], sets[1], sets[2], sets[3] | sets[4]};
	return 0;
}

char fs_process_state(pid_t pid, char name[FS_PROCESS_NAME])
{
	char status[STATUS];
	const char *line = slurp_status(pid, status) ? line_of(status, "\nState:\t") : NULL;

	snprintf(name, FS_PROCESS_NAME, "%.*s",
		 line ? (int)strcspn(status + strlen("Name:\t"), "\n") : 0,
		 status + (line ? strlen("Name:\t") : 0));
	return line ? *line : '\0';
}

/* Terminals, pipes and sockets are not asked for their number, which costs more than their name. */
static bool may_be_ours(int fds, const char *fd)
{
	char name[12] = "";

	if (fd[0] == '.')
		return false;
	if (readlinkat(fds, fd, name, sizeof(name) - 1) <= 0)
		return true;
	return name[0] == '/' && strncmp(name, "/dev/null", 9) != 0 &&
	       strncmp(name, "/dev/pts/", 9) != 0;
}

/* Descriptors of one open file are alike; where the kernel does not say, they are not. */
static bool is_another(pid_t pid, int a, int b)
{
	return syscall(SYS_kcmp, pid, pid, KCMP_FILE, (long)a, (long)b) != 0;
}

bool fs_process_has(pid_t pid, uint64_t ino, bool twice)
{
	char path[48], name[64], info[512];
	const struct dirent *entry;
	unsigned long found;
	bool has = false;
	int first = -1;
	DIR *stream;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	stream = opendir(path);
	for (int n = 0; stream && !has && n < FILES && (entry = readdir(stream)); n++) {
		snprintf(name, sizeof(name), "fdinfo/%.20s", entry->d_name);
		if (!may_be_ours(dirfd(stream), entry->d_name) ||
		    !slurp(pid, name, info, sizeof(info)) ||
		    numbers(info, "\nino:", &found, 1) != 1 || found != ino)
			continue;
		has = !twice || (first >= 0 && is_another(pid, first, atoi(entry->d_name)));
		if (first < 0)
			first = atoi(entry->d_name);
	}
	if (stream)
		closedir(stream);
	return has;
}

enum fs_ending fs_process_ending(pid_t thread)
{
	enum { FLAGS = 9, EXIT_CODE = 52 }; /* fields, counted from 1 */
	char text[2048], *at, *save, *word;
	long code = 0;

	/* `stat` waits for a lock which a process that executes a program holds while it closes its descriptors,
	 * and so waits for us. `statm` does not, and who has memory is not ending: that goes first. */
	if (thread <= 0 || !slurp(thread, "statm", text, sizeof(text)) ||
	    strpbrk(text, "123456789") || !slurp(thread, "stat", text, sizeof(text)))
		return FS_LIVES;
	at = strrchr(text, ')'); /* the name before it may hold anything */
	word = at ? strtok_r(at + 1, " \n", &save) : NULL;
	for (int field = 3; word; field++, word = strtok_r(NULL, " \n", &save)) {
		if (field == FLAGS && !(strtoul(word, NULL, 10) & PF_EXITING))
			return FS_LIVES;
		if (field == EXIT_CODE)
			code = strtol(word, NULL, 10);
	}
	return code & 0x7f ? FS_KILLED : FS_EXITS;
}
