/* SPDX-License-Identifier: MIT
 *
 * waits.c - see waits.h. Requests that are parked here do not change while we look. Those who sleep in the library
 * say so in their member pages: they are asked before and after the holders, and only who has slept all the
 * time counts. So what is told was so at one moment.
 */
#include "waits.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../core/object.h"

enum {
	BEHIND = 256, /* waits that a request for a lock looks at */
	REST = 20,    /* times as long as the last walk through the store took, until the next */
};

/* ---- objects ----------------------------------------------------------------------------------------- */

static unsigned *bucket(struct fs_waits *g, uint64_t id)
{
	return &g->buckets[id % (sizeof(g->buckets) / sizeof(g->buckets[0]))];
}

/* -1: none. */
static int find_thing(struct fs_waits *g, uint64_t id)
{
	unsigned at = *bucket(g, id);

	while (at && g->things[at - 1].id != id)
		at = g->things[at - 1].chain;
	return (int)at - 1;
}

/* Without a name it is only known that somebody sleeps on it. */
static int add_thing(struct fs_waits *g, uint64_t id)
{
	struct fs_thing *t = fs_waits_grow(g, &g->things, &g->thing_count, sizeof(*t));
	unsigned *head = bucket(g, id);

	if (!t)
		return -1;
	t->id = id;
	t->first = -1;
	t->chain = *head;
	*head = g->thing_count;
	return (int)g->thing_count - 1;
}

static void name_thing(struct fs_waits *g, int thing, enum ipcfs_kind kind, const char *path)
{
	g->things[thing].kind = kind;
	g->things[thing].name = strdup(path);
	g->failed |= !g->things[thing].name;
}

static bool is_wanted(enum ipcfs_kind kind)
{
	return kind == IPCFS_LOCK || kind == IPCFS_SEMAPHORE;
}

static int thing_of_item(struct fs_waits *g, const struct fs_item *item)
{
	char path[FS_PATH];
	int i = find_thing(g, item->ino);

	if (i >= 0 || !is_wanted(item->kind) || item->removed || fs_item_path(item, path) < 0)
		return i;
	i = add_thing(g, item->ino);
	if (i >= 0)
		name_thing(g, i, item->kind, path);
	return i;
}

/* Who may write the segment can write any pid into it: of locks the handle says who it was. */
static struct fs_hold of_handle(const struct fs_thing *t, const struct ipcfs_holding *holding)
{
	const struct fs_handle *h = fs_handle_of(holding->handle);
	struct fs_hold hold = {.by_file = true};

	/* One that is closed gives all back as soon as the object's lock can be had. */
	if (!h || h->closing || !h->item || h->item->ino != t->id)
		return hold;
	hold.pid = t->kind == IPCFS_LOCK ? h->lock_process : holding->pid;
	hold.thread = t->kind == IPCFS_LOCK ? h->lock_thread : 0;
	return hold;
}

struct looking {
	struct fs_waits *g;
	struct fs_thing *t;
};

static int add_hold(void *arg, const struct ipcfs_holding *holding)
{
	const struct looking *l = arg;
	struct fs_hold *hold = fs_waits_grow(l->g, &l->t->holds, &l->t->hold_count, sizeof(*hold));

	if (!hold)
		return -ENOMEM;
	if (holding->member == fs.store->session)
		*hold = of_handle(l->t, holding);
	else
		hold->pid = fs_waits_pid_of_number(l->g, holding->member);
	hold->shared = holding->shared;
	hold->units = holding->units;
	return 0;
}

/* Who holds it. */
static void look(struct fs_waits *g, unsigned thing)
{
	struct fs_thing *t = &g->things[thing];
	struct looking l = {g, t};
	struct ipcfs_object *object;
	struct ipcfs_stat st;

	if (t->looked || !t->name || g->failed)
		return;
	t->looked = true;
	if (fs.engine->open(fs.store, t->kind, strchr(t->name, '/') + 1, 0, NULL, NULL, &object) <
	    0)
		return;
	if (object->id == t->id && fs.engine->stat(object, &st) == 0 &&
	    fs.engine->holders(object, add_hold, &l) == 0) {
		t->free = st.value;
		t->initial = st.properties.value;
	}
	fs.engine->close(object);
}

/* ---- objects that nobody has looked at through the mount: found by a walk ------------------------------- */

static struct fs_waits *walks_for;
static enum ipcfs_kind walked;
static int64_t rest_until_ns;

/* Where the folder is in the store: "locks/team". */
static bool path_of(int dirfd, const char *name, char path[FS_PATH])
{
	char link[40], root[4096], folder[4096 + FS_PATH];
	ssize_t n, len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fs.dirfd);
	n = readlink(link, root, sizeof(root) - 1);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	len = readlink(link, folder, sizeof(folder) - 1);
	if (n <= 0 || len <= n || memcmp(folder, root, (size_t)n) != 0 || folder[n] != '/')
		return false;
	folder[len] = '\0';
	return snprintf(path, FS_PATH, "%s/%s", folder + n + 1, name) < FS_PATH;
}

static bool note_name(int dirfd, const struct dirent *entry)
{
	struct fs_waits *g = walks_for;
	char path[FS_PATH];

	int thing = find_thing(g, entry->d_ino);

	if (thing >= 0 && !g->things[thing].name && entry->d_name[0] != '.' &&
	    path_of(dirfd, entry->d_name, path))
		name_thing(g, thing, walked, path);
	return false;
}

/* Sleepers' objects of all kinds are looked for, as nobody knows which are locks; but not without a pause. */
static void find_names(struct fs_waits *g)
{
	int64_t begin = fs_now_ns();
	bool unknown = false;

	for (unsigned i = 0; i < g->sleeper_count; i++) {
		uint64_t id = g->sleepers[i].wait.id;
		const struct fs_item *item = fs_item_of(id);

		if (item)
			thing_of_item(g, item);
		else if (find_thing(g, id) < 0)
			unknown |= add_thing(g, id) >= 0;
	}
	if (!unknown || begin < rest_until_ns)
		return;
	walks_for = g;
	for (walked = 0; walked < IPCFS_KIND_COUNT; walked++)
		if (is_wanted(walked))
			fs_walk(ipcfs_kind_name(walked), note_name);
	rest_until_ns = fs_now_ns() + REST * (fs_now_ns() - begin);
}

/* ---- waits -------------------------------------------------------------------------------------------- */

static bool acquires(const struct fs_request *r)
{
	return r->handle->leaf->view == FS_PLAIN && !r->write && r->flock != LOCK_UN &&
	       !r->nonblock && r->handle->timeout_ns != 0 && !r->interrupted && !r->ending;
}

static pid_t process_of(struct fs_request *r)
{
	if (!r->process)
		r->process = fs_process_of(r->pid);
	return r->process;
}

static struct fs_wait *add_wait(struct fs_waits *g, int thing)
{
	struct fs_wait *w = fs_waits_grow(g, &g->waits, &g->wait_count, sizeof(*w));

	if (w) {
		w->thing = (unsigned)thing;
		w->sleeper = -1;
	}
	return w;
}

static void add_request(struct fs_waits *g, struct fs_request *r, int thing, bool asks)
{
	const struct fs_leaf *leaf = r->handle->leaf;
	struct fs_wait *w = add_wait(g, thing);

	if (!w)
		return;
	w->pid = process_of(r);
	w->thread = r->pid;
	w->uid = fuse_req_ctx(r->req)->uid;
	w->shared = r->flock ? r->flock == LOCK_SH : leaf->options & FS_O_SHARED;
	w->units = leaf->options & FS_O_N ? leaf->n : 1;
	w->asks = asks;
}

static void add_sleeper(struct fs_waits *g, unsigned i)
{
	struct fs_sleeper *s = &g->sleepers[i];
	struct fs_member *m = &g->members[s->member];
	int thing = find_thing(g, s->wait.id);
	bool known = thing >= 0 && g->things[thing].name && fs_waits_pid_of(m);
	struct fs_wait *w = known ? add_wait(g, thing) : NULL;

	if (!w)
		return;
	w->pid = m->pid;
	w->uid = m->uid;
	w->shared = s->wait.shared;
	w->units = 1; /* at least */
	w->sleeper = (int)i;
}

/* What is parked on the item, by one process or (0) by any. */
static void add_parked(struct fs_waits *g, struct fs_item *item, pid_t pid)
{
	struct fs_request *r;
	int thing = -1;

	TAILQ_FOREACH(r, &item->parked[IPCFS_C_READ], link)
	{
		if (!acquires(r) || (pid && process_of(r) != pid))
			continue;
		if (thing < 0)
			thing = thing_of_item(g, item);
		if (thing < 0)
			return;
		look(g, (unsigned)thing);
		if (g->things[thing].hold_count)
			add_request(g, r, thing, false);
	}
}

static int by_process(const void *a, const void *b)
{
	const struct fs_wait *x = a, *y = b;

	return x->pid != y->pid ? (x->pid < y->pid ? -1 : 1) : (int)x->thing - (int)y->thing;
}

/* Who slept all the time is in; sorted, and hung on their objects. */
static int finish(struct fs_waits *g)
{
	unsigned kept = 0;

	if (g->sleeper_count)
		fs_waits_confirm(g);
	for (unsigned i = 0; i < g->wait_count; i++)
		if (g->waits[i].sleeper < 0 || g->sleepers[g->waits[i].sleeper].again)
			g->waits[kept++] = g->waits[i];
	g->wait_count = kept;
	if (kept)
		qsort(g->waits, kept, sizeof(*g->waits), by_process);
	for (unsigned i = kept; i-- > 0;) {
		struct fs_thing *t = &g->things[g->waits[i].thing];

		g->waits[i].next = t->first;
		t->first = (int)i;
	}
	return g->failed ? -ENOMEM : 0;
}

int fs_waits_all(struct fs_waits *g)
{
	struct fs_item *item;

	memset(g, 0, sizeof(*g));
	fs_waits_ask(g);
	for (item = fs_park_first(); item; item = fs_park_next(item))
		if (is_wanted(item->kind))
			add_parked(g, item, 0);
	find_names(g);
	for (unsigned i = 0; i < g->sleeper_count; i++)
		add_sleeper(g, i);
	for (unsigned i = 0; i < g->thing_count; i++)
		look(g, i);
	return finish(g);
}

/* ---- the waits behind one ------------------------------------------------------------------------------- */

static bool has_waits(const struct fs_waits *g, pid_t pid)
{
	for (unsigned i = 0; i < g->wait_count; i++)
		if (g->waits[i].pid == pid && !g->waits[i].asks)
			return true;
	return false;
}

static void add_waits_of(struct fs_waits *g, pid_t pid)
{
	struct fs_item *item;

	if (!pid || has_waits(g, pid))
		return;
	for (item = fs_park_first(); item; item = fs_park_next(item))
		if (item->kind == IPCFS_LOCK)
			add_parked(g, item, pid);
	for (unsigned i = 0; i < g->member_count; i++)
		for (unsigned k = 0; g->members[i].pid == pid && k < g->members[i].sleepers; k++)
			add_sleeper(g, g->members[i].first + k);
}

int fs_waits_behind(struct fs_waits *g, struct fs_request *r)
{
	int thing;

	memset(g, 0, sizeof(*g));
	thing = thing_of_item(g, r->item);
	if (thing < 0)
		return 0;
	fs_waits_ask(g);
	find_names(g);
	add_request(g, r, thing, true);
	for (unsigned i = 0; i < g->wait_count && g->wait_count < BEHIND; i++) {
		struct fs_thing *t = &g->things[g->waits[i].thing];

		if (t->kind != IPCFS_LOCK)
			continue;
		look(g, g->waits[i].thing);
		for (unsigned k = 0; k < g->things[g->waits[i].thing].hold_count; k++)
			add_waits_of(g, g->things[g->waits[i].thing].holds[k].pid);
	}
	return finish(g);
}

unsigned fs_waits_of(const struct fs_waits *g, pid_t pid, unsigned *first)
{
	unsigned low = 0, high = g->wait_count, n = 0;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (g->waits[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	*first = low;
	while (low + n < g->wait_count && g->waits[low + n].pid == pid)
		n++;
	return pid ? n : 0;
}

void fs_waits_free(struct fs_waits *g)
{
	for (unsigned i = 0; i < g->thing_count; i++) {
		free(g->things[i].name);
		free(g->things[i].holds);
	}
	free(g->things);
	free(g->waits);
	free(g->members);
	free(g->sleepers);
}
