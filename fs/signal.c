/* SPDX-License-Identifier: MIT
 *
 * signal.c - signals: their names, and whether one process may send one to another. A server that runs as root may
 * send to all, so it judges as the kernel would judge the process on whose behalf it sends. Whether the
 * receiver may have it is looked at just before: it may have changed its ids since the file was opened.
 */
#include "fs.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/text.h"

enum { SIGNAL_MAX = 64 }; /* of the kernel; libc's SIGRTMIN keeps some of them for itself */

static bool is(const char *text, size_t len, const char *name)
{
	return len == strlen(name) && !memcmp(text, name, len);
}

static int by_number(const char *text, size_t len)
{
	uint64_t n;

	return ipcfs_parse_u64(text, len, &n) == 0 && n >= 1 && n <= SIGNAL_MAX ? (int)n : -EINVAL;
}

/* "RTMIN", "RTMIN+3", "RTMAX-3": as bash writes them. */
static int real_time(const char *text, size_t len)
{
	bool max = len >= 5 && !memcmp(text, "RTMAX", 5);
	int base = max ? SIGRTMAX : SIGRTMIN, n = 0;

	if (len < 5 || (!max && memcmp(text, "RTMIN", 5) != 0))
		return -EINVAL;
	if (len > 5)
		n = text[5] == (max ? '-' : '+') ? by_number(text + 6, len - 6) : -EINVAL;
	if (n < 0 || n > SIGRTMAX - SIGRTMIN)
		return -EINVAL;
	return max ? base - n : base + n;
}

static int by_name(const char *text, size_t len)
{
	static const struct {
		const char *name;
		int signal;
	} others[] = {{"IO", SIGIO}, {"POLL", SIGPOLL}, {"CLD", SIGCHLD}, {"IOT", SIGIOT}};

	for (int n = 1; n < SIGRTMIN; n++) {
		const char *name = sigabbrev_np(n);

		if (name && is(text, len, name))
			return n;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (is(text, len, others[i].name))
			return others[i].signal;
	return real_time(text, len);
}

int fs_signal_parse(const char *text, size_t len, int *signal)
{
	int n;

	if (len && isdigit((unsigned char)*text))
		n = by_number(text, len);
	else if (len > 3 && !memcmp(text, "SIG", 3))
		n = by_name(text + 3, len - 3);
	else
		n = by_name(text, len);
	if (n > 0)
		*signal = n;
	return n < 0 ? n : 0;
}

static const char *name_of(int signal, char name[FS_SIGNAL_NAME])
{
	const char *known = signal < SIGRTMIN ? sigabbrev_np(signal) : NULL;

	if (known)
		snprintf(name, FS_SIGNAL_NAME, "%s", known);
	else if (signal == SIGRTMIN)
		snprintf(name, FS_SIGNAL_NAME, "RTMIN");
	else if (signal > SIGRTMIN && signal <= SIGRTMAX)
		snprintf(name, FS_SIGNAL_NAME, "RTMIN+%d", signal - SIGRTMIN);
	else
		snprintf(name, FS_SIGNAL_NAME, "%d", signal);
	return name;
}

const char *fs_signal_name(int signal)
{
	static char name[FS_SIGNAL_NAME];

	return name_of(signal, name);
}

/* ---- who may ------------------------------------------------------------------------------------ */

/* kill(2): the sender's real or effective user is the receiver's real or saved one; or he has the capability; or it
 * is to go on, in his own session: if it has a number here. Those begun outside our pid namespace all are 0. */
static bool may_kill(const struct fs_process *sender, const struct fs_process *to, int signal)
{
	return sender->euid == to->uid || sender->euid == to->suid || sender->uid == to->uid ||
	       sender->uid == to->suid ||
	       (signal == SIGCONT && sender->session > 0 && getsid(to->pid) == sender->session);
}

/* Has it ids that the sender does not have, because it runs a set-id program? kill(2) would not mind. */
static bool is_set_id(const struct fs_process *sender, const struct fs_process *to)
{
	return (to->euid != sender->uid && to->euid != sender->euid) ||
	       (to->suid != sender->uid && to->suid != sender->euid) ||
	       (to->egid != sender->gid && to->egid != sender->egid) ||
	       (to->sgid != sender->gid && to->sgid != sender->egid);
}

/* 0, -EPERM, or -ESRCH: it is gone. set_id: such a program may have it as well. */
static int judge(const struct fs_pin *to, const struct fs_process *sender, int signal, bool set_id)
{
	struct fs_process now;
	bool may;

	if (sender->kills_all)
		return fs_pin_kill(to, 0);
	now = fs_process_look(to->pid);
	may = may_kill(sender, &now, signal) && (set_id || !is_set_id(sender, &now));
	/* Still there: so it was its `status` that was read, and no later process's. */
	if (!now.pid || fs_pin_kill(to, 0) == -ESRCH)
		return -ESRCH;
	return may ? 0 : -EPERM;
}

int fs_signal_may(const struct fs_pin *to, const struct fs_process *sender, int signal)
{
	return judge(to, sender, signal, true);
}

int fs_signal_kill(const struct fs_pin *to, const struct fs_process *sender, int signal)
{
	int rc = judge(to, sender, signal, true);

	return rc < 0 ? rc : fs_pin_kill(to, signal);
}

int fs_signal_send(const struct fs_pin *to, const struct fs_process *sender, int signal)
{
	int rc = judge(to, sender, signal, false);

	return rc < 0 ? rc : fs_pin_kill(to, signal);
}

int fs_signal_pin(pid_t thread, uid_t uid, struct fs_process *sender, struct fs_pin **pin)
{
	if (thread <= 0)
		return fs_fail(-EOPNOTSUPP,
			       "the server does not see processes of other pid namespaces");
	*sender = fs_process_sender(thread);
	return sender->pid ? fs_pin_get(sender->pid, uid, pin) :
			     fs_fail(-EOPNOTSUPP, "/proc does not show the process");
}
