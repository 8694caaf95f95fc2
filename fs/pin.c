/* SPDX-License-Identifier: MIT
 *
 * pin.c - processes that are pinned: a pidfd names one process whatever becomes of its number, tells its end, and a
 * signal sent by it reaches nobody else. One descriptor a process, shared by all for whom it is pinned: handles with
 * `notify` or `join`, those of signals/PID, alarms.
 */
#include "fs.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BUCKETS = 1024 };
static LIST_HEAD(, fs_pin) pins[BUCKETS];

bool fs_pin_ended(const struct fs_pin *p)
{
	return p->ended || poll(&(struct pollfd){.fd = p->death.fd, .events = POLLIN}, 1, 0) > 0;
}

static void on_death(struct ev_loop *loop, ev_io *io, int events)
{
	struct fs_pin *p = io->data;

	(void)loop;
	(void)events;
	fs_loop_ignore(io); /* it stays readable */
	p->ended = true;
	if (p->item)
		fs_park_changed(p->item);
	fs_alarm_ended(p); /* which may be the last who had it */
	fs_park_settle();
}

static int open_pidfd(pid_t pid, struct fs_pin *p)
{
	int rc, fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return errno == EMFILE ? -ENFILE : -errno;
	rc = fs_loop_listen(&p->death, on_death, fd);
	if (rc < 0)
		close(fd);
	p->death.data = p;
	return rc;
}

static int pin(pid_t pid, uid_t uid, struct fs_pin **out)
{
	int rc = fs_quota_add(uid, FS_Q_PINNED, 1);
	struct fs_pin *p;

	if (rc < 0)
		return rc;
	p = calloc(1, sizeof(*p));
	if (!p)
		rc = -ENOMEM;
	else
		rc = fs_quota_descriptor(1);
	if (rc == 0) {
		rc = open_pidfd(pid, p);
		if (rc < 0)
			fs_quota_descriptor(-1);
	}
	if (rc < 0) {
		fs_quota_add(uid, FS_Q_PINNED, -1);
		free(p);
		return rc;
	}
	p->pid = pid;
	p->uid = uid;
	LIST_INSERT_HEAD(&pins[(unsigned)pid % BUCKETS], p, link);
	*out = p;
	return 0;
}

int fs_pin_get(pid_t pid, uid_t uid, struct fs_pin **out)
{
	struct fs_pin *p;
	int rc = 0;

	LIST_FOREACH(p, &pins[(unsigned)pid % BUCKETS], link)
	if (p->pid == pid && !fs_pin_gone(p))
		break;
	if (!p)
		rc = pin(pid, uid, &p);
	if (rc < 0)
		return rc;
	p->references++;
	*out = p;
	return 0;
}

struct fs_pin *fs_pin_ref(struct fs_pin *p)
{
	p->references++;
	return p;
}

void fs_pin_put(struct fs_pin *p)
{
	if (!p || --p->references)
		return;
	LIST_REMOVE(p, link);
	fs_quota_descriptor(-1);
	fs_quota_add(p->uid, FS_Q_PINNED, -1);
	if (!p->ended)
		fs_loop_ignore(&p->death);
	close(p->death.fd);
	free(p);
}

/* Who has ended and is waited for still has his number. */
bool fs_pin_gone(const struct fs_pin *p)
{
	return fs_pin_ended(p) && fs_pin_kill(p, 0) == -ESRCH;
}

int fs_pin_kill(const struct fs_pin *p, int signal)
{
	return syscall(SYS_pidfd_send_signal, p->death.fd, signal, NULL, 0) < 0 ? -errno : 0;
}
