/* SPDX-License-Identifier: MIT
 *
 * common.c - see crash.h. The store is removed by a process that outlives the test: it waits for the end
 * of a pipe, so a test that is killed leaves nothing either.
 */
#include "crash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int crash_passed, crash_failed;

static void remove_after(const char *dir)
{
	int end[2];
	char byte;
	pid_t child;

	if (pipe(end) < 0)
		abort();
	fflush(NULL);
	child = fork();
	if (child < 0)
		abort();
	if (child > 0) {
		close(end[0]); /* end[1] stays open, and in children of ours as well */
		return;
	}
	setsid(); /* whoever kills all of the test's group does not mean us */
	close(end[1]);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	while (read(end[0], &byte, 1) > 0)
		;
	execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
	_exit(127);
}

struct ipcfs_store *crash_store(void)
{
	static char dir[] = "/dev/shm/ipcfs-crash-XXXXXX";
	struct ipcfs_store *store;
	int rc;

	if (!mkdtemp(dir)) {
		perror(dir);
		exit(1);
	}
	remove_after(dir);
	rc = ipcfs_store_open(dir, &store);
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", dir, strerror(-rc));
		exit(1);
	}
	return store;
}

struct ipcfs_object *crash_object(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name,
				  const struct ipcfs_properties *p)
{
	struct ipcfs_object *o;
	int rc;

	ipcfs_unlink(store, kind, name);
	rc = ipcfs_open(store, kind, name, IPCFS_CREATE | IPCFS_EXCL, 0600, p, &o);
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", name, strerror(-rc));
		exit(1);
	}
	return o;
}

void crash_result(bool ok, const char *name, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf(ok ? "ok %s (" : "not ok %s (", name);
	vprintf(fmt, args);
	printf(")\n");
	va_end(args);
	fflush(stdout);
	*(ok ? &crash_passed : &crash_failed) += 1;
}

int crash_end(void)
{
	printf("%d passed, %d failed\n", crash_passed, crash_failed);
	return crash_failed || !crash_passed;
}
