/* SPDX-License-Identifier: MIT
 *
 * sleepers.c - which processes there are and what their threads sleep on, as their member pages say. A thread
 * notes it by plain stores before and after it sleeps (wait.c): it counts its sleeps, then names the object, and
 * takes the name back. So whoever has read the same count twice, and the name between the two, knows that the
 * thread slept when he read the name.
 */
#include "object.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(MEMBER_SLOTS ==
		       sizeof(((struct ipcfs_process *)0)->waits) / sizeof(struct ipcfs_wait),
	       "a place for each slot");

/* Its owner writes while we read: twice, and what differs is left out. */
static void read_waits(const struct member_page *a, const struct member_page *b,
		       struct ipcfs_process *p)
{
	for (int i = 0; i < MEMBER_SLOTS; i++) {
		const struct member_wait *x = &a->waits[i], *y = &b->waits[i];

		if (y->id && x->id == y->id && x->sleeps == y->sleeps)
			p->waits[p->waits_count++] = (struct ipcfs_wait){
				.thread = (unsigned)i,
				.id = y->id & ~MEMBER_SHARED,
				.sleep = y->sleeps,
				.shared = y->id & MEMBER_SHARED,
			};
	}
}

/* Whose file it is the kernel says, all else its owner. -ENOENT: nobody who lives. */
static int read_process(int fd, uint64_t number, uint64_t space, struct ipcfs_process *p)
{
	struct member_page pages[2];
	struct stat st;

	memset(p, 0, sizeof(*p));
	if (sys_fstat(fd, &st) < 0 || !member_is_number_of(number, &st) || sys_ofd_locked(fd) <= 0)
		return -ENOENT;
	for (int i = 0; i < 2; i++)
		if (sys_pread(fd, &pages[i], sizeof(pages[i]), 0) != (ssize_t)sizeof(pages[i]))
			return -ENOENT;
	p->member = number;
	p->uid = st.st_uid;
	if (space && pages[1].pid_space == space)
		p->pid = pages[1].pid;
	read_waits(&pages[0], &pages[1], p);
	return 0;
}

int member_processes(struct ipcfs_store *store,
		     int (*each)(void *arg, const struct ipcfs_process *process), void *arg)
{
	uint64_t space = sys_pid_space();
	const struct dirent *entry;
	struct ipcfs_process process;
	DIR *stream;
	int fd, rc = store_open_folder(store, "members", &stream);

	if (rc < 0)
		return rc;
	while (rc == 0 && (entry = readdir(stream))) {
		if (entry->d_type != DT_REG || entry->d_name[0] == '.')
			continue;
		fd = sys_open_beneath(dirfd(stream), entry->d_name, O_RDONLY | O_NOFOLLOW, 0);
		if (fd >= 0 &&
		    read_process(fd, strtoull(entry->d_name, NULL, 16), space, &process) == 0)
			rc = each(arg, &process);
		sys_close(fd);
	}
	closedir(stream);
	return rc;
}
