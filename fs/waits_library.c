/* SPDX-License-Identifier: MIT
 *
 * waits_library.c - see waits.h: the processes of the library, and those of their threads that sleep, as their member
 * pages say. Members are found by number in a sorted array: there may be many, and each user can make more.
 */
#include "waits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../core/object.h"

void *fs_waits_grow(struct fs_waits *g, void *array, unsigned *count, size_t size)
{
	void **at = array;
	unsigned n = *count;
	/* Doubled at each power of two. */
	void *grown = n & (n - 1) ? *at : realloc(*at, (n ? 2 * (size_t)n : 1) * size);

	if (!grown) {
		g->failed = true;
		return NULL;
	}
	*at = grown;
	*count = n + 1;
	return memset((char *)grown + n * size, 0, size);
}

/* ---- who they are ------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct fs_member *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* NULL: there was none when they were asked. */
static struct fs_member *find_member(const struct fs_waits *g, uint64_t number)
{
	struct fs_member key = {.number = number};

	return g->member_count ?
		       bsearch(&key, g->members, g->member_count, sizeof(key), by_number) :
		       NULL;
}

static void sort_members(struct fs_waits *g)
{
	if (g->member_count)
		qsort(g->members, g->member_count, sizeof(*g->members), by_number);
	for (unsigned i = 0; i < g->member_count; i++)
		for (unsigned k = 0; k < g->members[i].sleepers; k++)
			g->sleepers[g->members[i].first + k].member = i;
}

/* The pid is what the process says; so nobody may speak for another user's. */
pid_t fs_waits_pid_of(struct fs_member *m)
{
	if (!m->is_his) {
		struct fs_process p = fs_process_look(m->pid);

		m->is_his = p.pid == m->pid && (p.uid == m->uid || p.euid == m->uid ||
						p.suid == m->uid) ?
				    1 :
				    -1;
	}
	return m->is_his > 0 ? m->pid : 0;
}

pid_t fs_waits_pid_of_number(struct fs_waits *g, uint64_t number)
{
	struct fs_member *m = find_member(g, number);

	return m ? fs_waits_pid_of(m) : 0;
}

/* ---- who sleeps --------------------------------------------------------------------------------------- */

static int add_member(void *arg, const struct ipcfs_process *p)
{
	struct fs_waits *g = arg;
	struct fs_member *m;

	if (!p->pid || p->member == fs.store->session)
		return 0;
	m = fs_waits_grow(g, &g->members, &g->member_count, sizeof(*m));
	if (!m)
		return -ENOMEM;
	*m = (struct fs_member){
		.number = p->member, .pid = p->pid, .uid = p->uid, .first = g->sleeper_count};
	for (unsigned i = 0; i < p->waits_count; i++) {
		struct fs_sleeper *s = fs_waits_grow(g, &g->sleepers, &g->sleeper_count,
						     sizeof(*s));

		if (!s)
			return -ENOMEM;
		s->wait = p->waits[i];
		m->sleepers++;
	}
	return 0;
}

static int confirm(void *arg, const struct ipcfs_process *p)
{
	struct fs_waits *g = arg;
	const struct fs_member *m = find_member(g, p->member);

	for (unsigned i = 0; m && i < m->sleepers; i++) {
		struct fs_sleeper *s = &g->sleepers[m->first + i];

		for (unsigned k = 0; k < p->waits_count; k++)
			s->again |= s->wait.thread == p->waits[k].thread &&
				    s->wait.id == p->waits[k].id &&
				    s->wait.sleep == p->waits[k].sleep;
	}
	return 0;
}

void fs_waits_ask(struct fs_waits *g)
{
	if (fs.engine->processes)
		fs.engine->processes(fs.store, add_member, g);
	sort_members(g);
}

void fs_waits_confirm(struct fs_waits *g)
{
	if (fs.engine->processes)
		fs.engine->processes(fs.store, confirm, g);
}
