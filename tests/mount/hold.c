/* SPDX-License-Identifier: MIT
 *
 * hold.c - see hold.h.
 */
#include "t.h"

#include <signal.h>

#include "core/object.h"
#include "hold.h"

struct held {
	enum ipcfs_kind kind;
	const char *name;
};

static int stop_inside(void *arg)
{
	const struct held *held = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, held->kind, held->name);

	if (!o || obj_lock(o, IPCFS_FOREVER, false) != 0)
		return 1;
	raise(SIGSTOP);
	return obj_unlock(o, 0) != 0;
}

static bool is_stopped(pid_t pid)
{
	return t_run("grep -q '^State:.T' /proc/%d/status", (int)pid)->status == 0;
}

pid_t t_hold(enum ipcfs_kind kind, const char *name)
{
	struct held held = {kind, name};
	pid_t pid = t_spawn(stop_inside, &held);

	t_until(is_stopped(pid));
	return pid;
}

void t_let_go(pid_t pid)
{
	kill(pid, SIGCONT);
	t_is(t_wait(pid), 0);
}
