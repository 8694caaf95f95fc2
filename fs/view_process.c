/* SPDX-License-Identifier: MIT
 *
 * view_process.c - signals/PID and signals/self: a read waits until that process has ended, a write sends it a signal.
 * They are not in the store. The process is pinned at open, so a signal never reaches a later one of its number; whose
 * ids count is the one who opened. A number means what it means to the server: who counts processes otherwise, in
 * another pid namespace, has only `self`.
 */
#include "fs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PID_MAX = 1 << 22, FIRST_INO = 0x40000000 };
enum { SHOWN = 1, TOLD = 2 }; /* what a handle with `watch` has given */

/* ---- names ------------------------------------------------------------------------------------- */

static bool is_self(const char *name)
{
	return !strcmp(name, "self");
}

/* 0: it is no number that a process can have. */
static pid_t pid_of(const char *name)
{
	size_t len = strspn(name, "0123456789");
	long pid = len && len < 8 && !name[len] && name[0] != '0' ? atol(name) : 0;

	return pid <= PID_MAX ? (pid_t)pid : 0;
}

static int look(pid_t pid, struct stat *st)
{
	struct stat found;
	char path[32];

	*st = (struct stat){
		.st_ino = FIRST_INO + (ino_t)pid, .st_mode = S_IFREG | 0666, .st_nlink = 1};
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (stat(path, &found) < 0) /* who has other numbers is told so at open */
		return fs_process_is_foreign(fs.caller) ?
			       1 :
			       fs_fail(-ESRCH, "there is no process %d", (int)pid);
	st->st_uid = found.st_uid;
	st->st_gid = found.st_gid;
	st->st_atim = st->st_mtim = st->st_ctim = found.st_mtim;
	return 1;
}

int fs_process_outside(const struct fs_item *folder, const char *name, struct stat *st)
{
	bool self = is_self(name) && !folder->parent;
	pid_t pid;

	if (!isdigit((unsigned char)name[0]) && !self)
		return 0;
	if (self)
		return look(fs.caller > 0 ? fs_process_of(fs.caller) : 0, st);
	pid = folder->parent ? 0 : pid_of(name);
	return pid ? look(pid, st) :
		     fs_fail(-EINVAL, "what begins with a digit is a process's number, as 1234");
}

bool fs_process_means(const struct fs_item *item)
{
	return !item->pin || !fs_pin_gone(item->pin);
}

/* ---- open files ---------------------------------------------------------------------------------- */

static int pin(struct fs_handle *h)
{
	struct fs_item *item = h->item;
	pid_t pid = pid_of(item->name);
	int rc = 0;

	if (item->pin && fs_pin_gone(item->pin))
		rc = -ESRCH;
	else if (item->pin)
		h->pin = fs_pin_ref(item->pin);
	else
		rc = fs_pin_get(pid, h->uid, &h->pin);
	if (rc == -ESRCH)
		return fs_fail(rc, "process %d is gone", (int)pid);
	if (rc == -EINVAL || rc == -ENOENT)
		return fs_fail(-ESRCH, "%d is a thread of process %d", (int)pid,
			       (int)fs_process_of(pid));
	if (rc == 0) {
		item->pin = h->pin;
		h->pin->item = item;
	}
	return rc;
}

/* The opener's own. */
static int become_self(struct fs_handle *h)
{
	struct fs_item *item;
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "%d", (int)fs_process_of(h->opener));
	rc = fs_item_lookup(h->item->parent, name, &item);
	if (rc < 0)
		return rc;
	fs_handle_move(h, item);
	fs_item_put(item);
	return 0;
}

static int note_sender(struct fs_handle *h)
{
	struct fs_process sender = fs_process_sender(h->opener);

	if (!sender.pid)
		return fs_fail(-EOPNOTSUPP, "/proc does not show the process that opens it");
	h->sender = malloc(sizeof(*h->sender));
	if (!h->sender)
		return -ENOMEM;
	*h->sender = sender;
	return 0;
}

/* What /proc does not show to the opener he is not shown here either. */
static int check_look(const struct fs_handle *h)
{
	struct fs_process opener;

	if (h->leaf->view == FS_PLAIN || h->leaf->view == FS_CTL || !fs_process_are_hidden())
		return 0;
	opener = fs_process_sender(h->opener);
	return fs_signal_may(h->pin, &opener, 0) == -EPERM ?
		       fs_fail(-EPERM, "/proc hides that process from you") :
		       0;
}

int fs_process_open(struct fs_handle *h)
{
	bool self = is_self(h->item->name);
	int rc = 0;

	if (h->leaf->options & FS_O_MEMBER)
		return fs_fail(-EINVAL, "a channel is joined, not a process");
	if (h->opener <= 0 || (!self && fs_process_is_foreign(h->opener)))
		return fs_fail(-EOPNOTSUPP,
			       "you are in another pid namespace than the server, which does not "
			       "know processes by your numbers");
	h->one_item = !(h->leaf->options & FS_O_STREAM);
	if (self)
		rc = become_self(h);
	if (rc == 0)
		rc = pin(h);
	if (rc == 0)
		rc = check_look(h);
	if (rc == 0 && (h->flags & O_ACCMODE) != O_RDONLY)
		rc = note_sender(h);
	return rc;
}

void fs_process_close(struct fs_handle *h)
{
	free(h->sender);
	h->sender = NULL;
	if (!h->pin)
		return;
	if (h->item->handles == 1) {
		h->item->pin = NULL;
		h->pin->item = NULL;
	}
	fs_pin_put(h->pin);
	h->pin = NULL;
}

/* ---- reading --------------------------------------------------------------------------------------- */

static bool is_ready(const struct fs_handle *h)
{
	if (h->leaf->view == FS_WATCH && h->seen != SHOWN)
		return h->seen == 0;
	return fs_pin_ended(h->pin);
}

unsigned fs_process_poll(struct fs_handle *h)
{
	return (is_ready(h) ? POLLIN | POLLRDNORM : 0) | POLLOUT | POLLWRNORM;
}

static int show_first(struct fs_request *r)
{
	struct fs_text t = {0};
	int rc = fs_process_show(r->handle, &t);

	if (rc == 0)
		rc = t.failed ? -ENOMEM : fs_view_give(r, t.bytes, t.len);
	if (rc == 0)
		r->handle->seen = SHOWN;
	free(t.bytes);
	return rc;
}

int fs_process_take(struct fs_request *r)
{
	struct fs_handle *h = r->handle;
	int rc;

	r->class = IPCFS_C_READ;
	if (!is_ready(h))
		return -EAGAIN;
	if (h->leaf->view == FS_WATCH && !fs_pin_ended(h->pin))
		return show_first(r);
	rc = fs_view_give(r, "gone\n", 5);
	if (rc == 0 && h->leaf->view == FS_WATCH)
		h->seen = TOLD;
	return rc;
}

static void list(struct fs_text *t, const char *what, uint64_t set)
{
	fs_text_printf(t, "%s", what);
	for (int n = 1; n <= IPCFS_SIGNAL_MAX; n++)
		if (set & 1ull << (n - 1))
			fs_text_printf(t, " %s", fs_signal_name(n));
	fs_text_printf(t, "\n");
}

int fs_process_show(struct fs_handle *h, struct fs_text *t)
{
	struct fs_signals s;
	int rc = fs_process_signals(h->pin->pid, &s);

	if (fs_pin_gone(h->pin)) /* what was read may be another's */
		rc = -ESRCH;
	if (rc < 0)
		return fs_fail(rc, "process %d is gone", (int)h->pin->pid);
	list(t, "blocked", s.blocked);
	list(t, "ignored", s.ignored);
	list(t, "caught", s.caught);
	list(t, "pending", s.pending);
	return 0;
}

void fs_process_stat(struct fs_handle *h, struct fs_text *t)
{
	char name[FS_PROCESS_NAME], state = fs_process_state(h->pin->pid, name);
	struct fs_process p = fs_process_look(h->pin->pid);

	fs_text_printf(t, "pid %d\n", (int)h->pin->pid);
	if (!fs_pin_gone(h->pin) && p.pid && state)
		fs_text_printf(t, "name %s\nuid %u\nstate %c\nthreads %u\n", name, p.uid, state,
			       p.threads);
	fs_text_printf(t, "ended %d\nalarms %u\n", fs_pin_ended(h->pin),
		       fs_alarm_count(h->pin, NULL));
}

/* ---- writing --------------------------------------------------------------------------------------- */

static int set_alarm(struct fs_handle *h, int signal)
{
	int rc = fs_signal_may(h->pin, h->sender, signal);

	return rc < 0 ? rc :
			fs_alarm_set(h->pin, NULL, h->sender, h->uid, signal, h->leaf->after_ns);
}

int fs_process_write(struct fs_request *r, int signal)
{
	struct fs_handle *h = r->handle;
	int rc;

	if (fs_pin_gone(h->pin))
		rc = -ESRCH;
	else if (h->leaf->options & FS_O_AFTER)
		rc = set_alarm(h, signal);
	else
		rc = fs_signal_kill(h->pin, h->sender, signal);
	if (rc == -ESRCH)
		fs_words("process %d is gone", (int)h->pin->pid);
	if (rc == -EPERM)
		fs_words("you may not send a signal to process %d", (int)h->pin->pid);
	return rc;
}
