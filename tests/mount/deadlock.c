/* SPDX-License-Identifier: MIT
 *
 * deadlock.c - see deadlock.h.
 */
#include "deadlock.h"

#include <sched.h>
#include <sys/file.h>

static struct ipcfs_store *actor_store;

long deadlock_take(enum means by, const char *name, bool shared)
{
	struct ipcfs_object *lock = NULL;
	struct ipcfs_grant grant;
	char buf[64];
	int fd;

	if (by == LIBRARY) {
		if (!actor_store && ipcfs_store_open(t_store, &actor_store) != 0)
			return -ENXIO;
		if (ipcfs_open(actor_store, IPCFS_LOCK, name, 0, 0, NULL, &lock) != 0)
			return -ENOENT;
		return ipcfs_lock_acquire(lock, shared ? IPCFS_SHARED : 0, IPCFS_FOREVER, &grant);
	}
	fd = t_open(t_path("locks/%s%s", name, shared && by == FILE_READ ? ",shared" : ""), O_RDWR);
	if (fd < 0)
		return fd;
	if (by == FILE_FLOCK)
		return t_sys(flock(fd, shared ? LOCK_SH : LOCK_EX));
	return t_get(fd, buf, sizeof(buf)) > 0 ? 0 : -errno;
}

static int act(void *arg)
{
	struct actor *a = arg;

	if (a->uid &&
	    (setresgid(a->uid, a->uid, a->uid) < 0 || setresuid(a->uid, a->uid, a->uid) < 0))
		return 97;
	if (a->first && deadlock_take(a->by[0], a->first, a->shared[0]) != 0)
		return 1;
	if (a->also && deadlock_take(a->by[0], a->also, a->shared[0]) != 0)
		return 1;
	a->step = 1;
	while (a->step == 1)
		usleep(200);
	a->result = deadlock_take(a->by[1], a->second, a->shared[1]);
	a->step = 3;
	for (;;)
		pause();
	return 0;
}

void deadlock_make(const char *name)
{
	const char *path = t_path("locks/%s", name);

	t_is(t_touch(path), 0);
	t_is(t_sys(chmod(path, 0666)), 0);
}

struct actor *deadlock_start(struct actor given)
{
	struct actor *a = t_shared(sizeof(*a));

	*a = given;
	a->pid = t_spawn(act, a);
	t_until(a->step == 1);
	return a;
}

const char *deadlock_text(void)
{
	static char text[T_TEXT];

	t_check(t_cat(t_path("deadlocks"), text, sizeof(text)) >= 0);
	return text;
}

void deadlock_tells(const char *want)
{
	t_until(strcmp(deadlock_text(), want) == 0);
}

const char *deadlock_circle(struct actor *const *actors, int n)
{
	const char *text = "";
	int least = 0;

	for (int i = 1; i < n; i++)
		if (actors[i]->pid < actors[least]->pid)
			least = i;
	for (int i = 0; i < n; i++) {
		const struct actor *a = actors[(least + i) % n];

		text = t_format("%s%d holds locks/%s waits locks/%s\n", text, a->pid, a->first,
				a->second);
	}
	return text;
}

bool deadlock_waits(const struct actor *a)
{
	if (a->step != 2)
		return false;
	if (a->by[1] != LIBRARY)
		return t_run("grep -q '^State:.[SD]' /proc/%d/status", (int)a->pid)->status == 0 &&
		       t_stat(t_path("locks/%s", a->second), "waiters") > 0;
	return t_run("grep -q '^202 ' /proc/%d/syscall", (int)a->pid)->status == 0;
}

void deadlock_go_on(struct actor *a)
{
	a->step = 2;
}

static long in_storm(struct storm *storm, const char *one, const char *two)
{
	struct ipcfs_object *locks[2];
	struct ipcfs_grant grants[2];
	char buf[64];
	int fd[2];
	long rc;

	if (storm->by != LIBRARY) {
		fd[0] = t_open(t_path("locks/%s", one), O_RDWR);
		fd[1] = t_open(t_path("locks/%s", two), O_RDWR);
		for (int i = 0; i < 2; i++) {
			rc = storm->by == FILE_FLOCK ? t_sys(flock(fd[i], LOCK_EX)) :
						       t_get(fd[i], buf, sizeof(buf));
			if (rc < 0)
				break;
		}
		close(fd[1]);
		close(fd[0]);
		return rc < 0 ? rc : 0;
	}
	if (!actor_store && ipcfs_store_open(t_store, &actor_store) != 0)
		return -ENXIO;
	if (ipcfs_open(actor_store, IPCFS_LOCK, one, 0, 0, NULL, &locks[0]) != 0 ||
	    ipcfs_open(actor_store, IPCFS_LOCK, two, 0, 0, NULL, &locks[1]) != 0)
		return -ENOENT;
	for (int i = 0; i < 2; i++)
		ipcfs_lock_acquire(locks[i], 0, IPCFS_FOREVER, &grants[i]);
	for (int i = 0; i < 2; i++)
		ipcfs_lock_release(locks[i], grants[i].token);
	ipcfs_close(locks[0]);
	ipcfs_close(locks[1]);
	return 0;
}

int deadlock_storm(void *arg)
{
	struct storm *storm = arg;
	static const char *const names[] = {"a", "b", "c"};
	unsigned seed = (unsigned)getpid();
	long rc;

	while (!storm->over) {
		int one = rand_r(&seed) % 3, two = (one + 1 + rand_r(&seed) % 2) % 3;
		bool swap = storm->ordered && one > two;

		rc = in_storm(storm, names[swap ? two : one], names[swap ? one : two]);
		if (rc == -EDEADLK && !storm->ordered)
			sched_yield();
		else if (rc != 0)
			return (int)-rc;
		else
			storm->rounds++;
	}
	return 0;
}

long deadlock_rounds(struct storm *const *storms)
{
	long least = storms[0]->rounds;

	for (int i = 1; i < STORMS; i++)
		least = storms[i]->rounds < least ? storms[i]->rounds : least;
	return least;
}

void deadlock_in_order(int looks)
{
	struct storm *storms[STORMS];
	pid_t child[STORMS];

	deadlock_make("a");
	deadlock_make("b");
	deadlock_make("c");
	for (int i = 0; i < STORMS; i++) {
		storms[i] = t_shared(sizeof(struct storm));
		*storms[i] = (struct storm){.by = (enum means)(i % MEANS), .ordered = true};
		child[i] = t_spawn(deadlock_storm, storms[i]);
	}
	for (int i = 0; i < looks; i++)
		if (*deadlock_text())
			t_fail("a circle where there is none: %s", deadlock_text());
	t_until(deadlock_rounds(storms) >= 10);
	for (int i = 0; i < STORMS; i++)
		storms[i]->over = true;
	for (int i = 0; i < STORMS; i++)
		t_is(t_wait(child[i]), 0);
}
