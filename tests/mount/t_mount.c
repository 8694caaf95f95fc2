/* SPDX-License-Identifier: MIT
 *
 * t_mount.c - of the harness: the mount and its server, and the library beside it. See t.h.
 */
#include "t_inner.h"

#include <signal.h>
#include <sys/mount.h>

enum { ATTACHED = 64 };

static char mount_options[256];
static pid_t server_at_begin;
static struct ipcfs_store *library;
static struct ipcfs_object *attached[ATTACHED];
static unsigned attached_count;

/* ---- the mount --------------------------------------------------------------------------------- */

static void note_server(const char *mnt)
{
	char text[4096];
	long pid = -1;

	if (t_cat(t_brief("%s/status", mnt), text, sizeof(text)) > 0)
		pid = t_number(text, "pid");
	for (unsigned i = 0; pid > 0 && i < T_SERVERS; i++) {
		if (t_program->servers[i] && !t_gone(t_program->servers[i]))
			continue;
		t_program->servers[i] = (pid_t)pid;
		return;
	}
}

int t_try_mount(const char *store, const char *mnt, const char *options, char *words)
{
	const char *o = t_brief("store=%s%s%s", store, options ? "," : "", options ? options : "");

	mkdir(mnt, 0755);
	struct t_run *r = t_run_program((const char *[]){t_ipcfs, "mount", "-o", o, mnt, NULL},
					T_LIMIT_MS);
	if (words)
		memcpy(words, r->out, sizeof(r->out));
	int status = r->status;
	if (status == 0)
		note_server(mnt);
	else if (!words)
		print_error("ipcfs mount -o %s: status %d: %s", o, status, r->out);
	return status;
}

void t_mount(const char *options)
{
	snprintf(mount_options, sizeof(mount_options), "%s", options ? options : "");
	if (t_try_mount(t_store, t_mnt, *mount_options ? mount_options : NULL, NULL) != 0)
		t_fail("cannot mount");
	if (t_server() <= 0)
		t_fail("status has no pid");
	server_at_begin = t_server();
}

/* A process is gone, all its threads and descriptors with it. */
static void await_end(pid_t pid)
{
	if (pid > 0)
		t_ended(pid, T_AT_ONCE_MS);
}

void t_umount(void)
{
	pid_t pid = t_server();
	struct t_run *r = t_run_program((const char *[]){t_ipcfs, "umount", "--force", t_mnt, NULL},
					T_AT_ONCE_MS);

	if (r->status != 0)
		t_fail("umount --force: status %d: %s", r->status, r->out);
	await_end(pid);
	if (pid > 0 && !t_gone(pid))
		t_fail("unmounted, and the server is still there");
	server_at_begin = 0;
}

void t_kill_server(void)
{
	pid_t pid = t_server();

	if (pid <= 0)
		t_fail("status has no pid");
	kill(pid, SIGKILL);
	await_end(pid);
	umount2(t_mnt, MNT_DETACH);
	server_at_begin = 0;
}

void t_restart(void)
{
	char options[sizeof(mount_options)];

	memcpy(options, mount_options, sizeof(options));
	t_kill_server();
	t_mount(*options ? options : NULL);
}

bool t_server_found(void)
{
	server_at_begin = t_server();
	return server_at_begin > 0;
}

bool t_server_kept(void)
{
	if (server_at_begin && t_server() == server_at_begin)
		return true;
	t_detach_all();
	t_end_servers(SIGKILL);
	t_try_mount(t_store, t_mnt, *mount_options ? mount_options : NULL, NULL);
	return false;
}

/* ---- its end ----------------------------------------------------------------------------------- */

/* Of ours: its command line names our folder. */
static bool our_server(pid_t pid)
{
	char text[4096];
	long n = t_cat(t_brief("/proc/%d/cmdline", (int)pid), text, sizeof(text));

	return n > 0 && memmem(text, (size_t)n, t_base, strlen(t_base));
}

void t_end_servers(int signal_number)
{
	for (unsigned i = 0; i < T_SERVERS; i++) {
		pid_t pid = t_program->servers[i];
		if (pid && !t_gone(pid) && our_server(pid))
			kill(pid, signal_number);
	}
	for (unsigned i = 0; i < T_SERVERS; i++)
		await_end(t_program->servers[i]);
}

/* Every mount below our folder, the newest first. */
void t_detach_all(void)
{
	static char text[1 << 20];
	int fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	size_t got = 0;
	long n;

	while ((n = read(fd, text + got, sizeof(text) - 1 - got)) > 0)
		got += (size_t)n;
	close(fd);
	text[got] = 0;
	char *line;
	while ((line = strrchr(text, '\n'))) { /* the last line first */
		*line = 0;
		line = strrchr(text, '\n');
		char *at = strchr(line ? line + 1 : text, ' ');
		char *end = at ? strchr(at + 1, ' ') : NULL;
		if (!end)
			continue;
		*end = 0;
		size_t len = strlen(t_base);
		if (strncmp(at + 1, t_base, len) == 0 && at[1 + len] == '/')
			umount2(at + 1, MNT_DETACH);
		*end = ' ';
		if (line)
			line[0] = '\n';
	}
}

/* ---- the library ------------------------------------------------------------------------------- */

struct ipcfs_store *t_lib(void)
{
	if (!library)
		t_is(ipcfs_store_open(t_store, &library), 0);
	return library;
}

struct ipcfs_object *t_attach(enum ipcfs_kind kind, const char *name,
			      const struct ipcfs_properties *p)
{
	struct ipcfs_object *object;
	int rc = ipcfs_open(t_lib(), kind, name, IPCFS_CREATE, 0666, p, &object);

	if (rc < 0 || attached_count == ATTACHED)
		t_fail("ipcfs_open %s: %s", name, t_result(rc));
	attached[attached_count++] = object;
	return object;
}

struct ipcfs_object *t_attach_child(struct ipcfs_store **store, enum ipcfs_kind kind,
				    const char *name)
{
	struct ipcfs_object *object;

	if (ipcfs_store_open(t_store, store) < 0 ||
	    ipcfs_open(*store, kind, name, 0, 0, NULL, &object) < 0)
		return NULL;
	return object;
}

void t_close_attached(void)
{
	while (attached_count)
		ipcfs_close(attached[--attached_count]);
}
