/* SPDX-License-Identifier: MIT
 *
 * deadlock.c - the file `deadlocks` and -o deadlock=error: who waits for each other in a circle. First all who wait
 * are taken for stuck; then, again and again, those are let go whose object could be had if all that who is not
 * stuck may still release were released. What is left is stuck for ever (Holt, "Some deadlock properties of computer
 * systems", 1972); its circles are told. What a process holds it can release as long as one of its threads runs:
 * unless it is known that a thread which waits has taken it, all of them must wait.
 */
#include "waits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORK = 20000000 }; /* steps; more is not looked at */

struct held { /* a process, and something that it has of a thing */
	pid_t pid;
	unsigned thing;
};

struct search {
	struct fs_waits g;
	struct held *helds; /* sorted by process */
	unsigned held_count;
	unsigned *queue;
	unsigned searches;
	unsigned work;
};

/* ---- who is stuck ----------------------------------------------------------------------------- */

static unsigned threads_of(struct fs_wait *first)
{
	if (!first->threads)
		first->threads = fs_process_look(first->pid).threads;
	return first->threads;
}

/* Those of a process's waits that must end before the hold does; 0: it may be released at any time. */
static unsigned waits_before(struct search *s, const struct fs_hold *hold, unsigned *first)
{
	unsigned n = fs_waits_of(&s->g, hold->pid, first);

	s->work += 1 + n;
	for (unsigned i = *first; hold->thread && i < *first + n; i++)
		if (s->g.waits[i].thread == hold->thread) {
			*first = i;
			return 1;
		}
	return n && n >= threads_of(&s->g.waits[*first]) ? n : 0;
}

static bool hold_is_stuck(struct search *s, const struct fs_hold *hold)
{
	unsigned first, n = waits_before(s, hold, &first);

	for (unsigned i = first; i < first + n; i++)
		if (!s->g.waits[i].stuck)
			return false;
	return n > 0;
}

static bool is_in_the_way(const struct fs_thing *t, const struct fs_wait *w,
			  const struct fs_hold *hold)
{
	return t->kind == IPCFS_SEMAPHORE || !w->shared || !hold->shared;
}

/* Units that somebody without a name has, who may give them back at any time, let everybody hope. */
static bool lacks_units(struct search *s, const struct fs_thing *t, const struct fs_wait *w)
{
	uint64_t stuck = 0, all = t->free;

	for (unsigned i = 0; i < t->hold_count; i++) {
		all += t->holds[i].units;
		if (hold_is_stuck(s, &t->holds[i]))
			stuck += t->holds[i].units;
	}
	return all >= t->initial && all - stuck < w->units;
}

static bool must_wait(struct search *s, const struct fs_wait *w)
{
	const struct fs_thing *t = &s->g.things[w->thing];

	if (t->kind == IPCFS_SEMAPHORE)
		return lacks_units(s, t, w);
	for (unsigned i = 0; i < t->hold_count; i++)
		if (is_in_the_way(t, w, &t->holds[i]) && hold_is_stuck(s, &t->holds[i]))
			return true;
	return false;
}

static void let_go(struct search *s, unsigned wait, unsigned *count)
{
	if (s->g.waits[wait].stuck && !must_wait(s, &s->g.waits[wait])) {
		s->g.waits[wait].stuck = false;
		s->queue[(*count)++] = wait;
	}
}

static unsigned first_held(const struct search *s, pid_t pid)
{
	unsigned low = 0, high = s->held_count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (s->helds[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* False: too much to look at. */
static bool find_stuck(struct search *s)
{
	unsigned count = 0;

	for (unsigned i = 0; i < s->g.wait_count; i++)
		s->g.waits[i].stuck = true;
	for (unsigned i = 0; i < s->g.wait_count; i++)
		let_go(s, i, &count);
	for (unsigned done = 0; done < count && s->work < WORK; done++) {
		pid_t pid = s->g.waits[s->queue[done]].pid;

		for (unsigned i = first_held(s, pid); i < s->held_count && s->helds[i].pid == pid;
		     i++)
			for (int w = s->g.things[s->helds[i].thing].first; w >= 0;
			     w = s->g.waits[w].next)
				let_go(s, (unsigned)w, &count);
	}
	return s->work < WORK;
}

/* ---- circles -------------------------------------------------------------------------------------- */

/* Goes from a wait to those of whoever holds what it waits for. True: there is the one where the way began. */
static bool go_on(struct search *s, unsigned at, unsigned start, unsigned *count)
{
	const struct fs_wait *w = &s->g.waits[at];
	const struct fs_thing *t = &s->g.things[w->thing];

	for (unsigned i = 0; i < t->hold_count; i++) {
		unsigned first, n = waits_before(s, &t->holds[i], &first);

		if (!is_in_the_way(t, w, &t->holds[i]) || !hold_is_stuck(s, &t->holds[i]))
			continue;
		for (unsigned k = first; k < first + n; k++) {
			if (k == start)
				return true;
			if (s->g.waits[k].search == s->searches)
				continue;
			s->g.waits[k].search = s->searches;
			s->g.waits[k].from = at;
			s->queue[(*count)++] = k;
		}
	}
	return false;
}

/* The shortest way from a wait back to itself: its last wait, from which `from` leads to the first; -1: none. */
static int find_circle(struct search *s, unsigned start)
{
	unsigned count = 1;

	s->queue[0] = start;
	s->g.waits[start].search = ++s->searches;
	for (unsigned done = 0; done < count && s->work < WORK; done++)
		if (go_on(s, s->queue[done], start, &count))
			return (int)s->queue[done];
	return -1;
}

/* A process may have closed its last descriptor of what it took through a file, and left it to a child. If it waits
 * for that very thing, it has the file open at any rate: another one counts then. */
static bool has_it_still(const struct fs_wait *w, const struct fs_thing *t, bool waits_for_it)
{
	for (unsigned i = 0; i < t->hold_count; i++)
		if (t->holds[i].pid == w->pid && t->holds[i].by_file)
			return fs_process_has(w->pid, t->id, waits_for_it && w->sleeper < 0);
	return true;
}

struct circle {
	unsigned *waits; /* each waits for what the next one holds */
	unsigned count;
};

static bool collect(struct search *s, unsigned start, struct circle *c)
{
	int last = find_circle(s, start);

	c->count = 0;
	if (last < 0)
		return false;
	c->waits = s->queue; /* is done with */
	for (unsigned at = (unsigned)last;; at = s->g.waits[at].from) {
		c->count++;
		if (at == start)
			break;
	}
	for (unsigned i = c->count, at = (unsigned)last; i-- > 0; at = s->g.waits[at].from)
		c->waits[i] = at;
	for (unsigned i = 0; i < c->count; i++) {
		const struct fs_wait *before = &s->g.waits[c->waits[(i + c->count - 1) % c->count]];
		const struct fs_wait *w = &s->g.waits[c->waits[i]];

		if (!has_it_still(w, &s->g.things[before->thing], before->thing == w->thing))
			return false;
	}
	return true;
}

/* "PID holds locks/a waits locks/b" */
static void line_of(const struct search *s, const struct circle *c, unsigned i, struct fs_text *t)
{
	const struct fs_wait *w = &s->g.waits[c->waits[i]];
	const struct fs_wait *before = &s->g.waits[c->waits[(i + c->count - 1) % c->count]];

	fs_text_printf(t, "%d holds ", (int)w->pid);
	fs_text_add(t, s->g.things[before->thing].name, strlen(s->g.things[before->thing].name));
	fs_text_printf(t, " waits ");
	fs_text_add(t, s->g.things[w->thing].name, strlen(s->g.things[w->thing].name));
}

/* ---- both ------------------------------------------------------------------------------------------- */

static int by_process(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static bool add_helds(struct search *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->g.thing_count; i++)
		n += s->g.things[i].hold_count;
	s->queue = malloc((s->g.wait_count + 1) * sizeof(*s->queue));
	s->helds = malloc((n + 1) * sizeof(*s->helds));
	if (!s->queue || !s->helds)
		return false;
	for (unsigned i = 0; i < s->g.thing_count; i++)
		for (unsigned k = 0; k < s->g.things[i].hold_count; k++)
			s->helds[s->held_count++] = (struct held){s->g.things[i].holds[k].pid, i};
	qsort(s->helds, s->held_count, sizeof(*s->helds), by_process);
	return true;
}

static int begin(struct search *s)
{
	if (!add_helds(s))
		return -ENOMEM;
	return find_stuck(s) ? 0 : fs_fail(-EFBIG, "so many wait that it would take too long");
}

static void end(struct search *s)
{
	fs_waits_free(&s->g);
	free(s->queue);
	free(s->helds);
	free(s);
}

static bool is_seen_by(const struct search *s, const struct circle *c, uid_t uid)
{
	for (unsigned i = 0; i < c->count; i++)
		if (uid == 0 || s->g.waits[c->waits[i]].uid == uid)
			return true;
	return false;
}

static void show(struct search *s, const struct circle *c, struct fs_text *t)
{
	if (t->len)
		fs_text_add(t, "\n", 1);
	for (unsigned i = 0; i < c->count; i++) {
		line_of(s, c, i, t);
		fs_text_add(t, "\n", 1);
	}
}

int fs_deadlock_text(uid_t uid, struct fs_text *t)
{
	struct search *s = calloc(1, sizeof(*s));
	struct circle c;
	int rc = s ? fs_waits_all(&s->g) : -ENOMEM;

	if (!s)
		return rc;
	if (rc == 0)
		rc = begin(s);
	for (unsigned i = 0; rc == 0 && i < s->g.wait_count && s->work < WORK; i++) {
		if (!s->g.waits[i].stuck || s->g.waits[i].shown || !collect(s, i, &c))
			continue;
		for (unsigned k = 0; k < c.count; k++)
			s->g.waits[c.waits[k]].shown = true;
		if (is_seen_by(s, &c, uid))
			show(s, &c, t);
	}
	end(s);
	return rc;
}

/* Only now is a circle closed, so it is one of the request's own. What cannot be looked at is none. */
int fs_deadlock_check(struct fs_request *r)
{
	struct search *s = calloc(1, sizeof(*s));
	struct fs_text words = {0};
	struct circle c;
	int rc = 0;

	if (s && fs_waits_behind(&s->g, r) == 0 && begin(s) == 0)
		for (unsigned i = 0; i < s->g.wait_count; i++)
			if (s->g.waits[i].asks && s->g.waits[i].stuck && collect(s, i, &c))
				rc = -EDEADLK;
	for (unsigned i = 0; rc < 0 && i < c.count; i++) {
		if (i)
			fs_text_add(&words, ", ", 2);
		line_of(s, &c, i, &words);
	}
	if (rc < 0)
		fs_words("would wait for itself: %.*s", (int)words.len, words.bytes);
	else
		fs_words("%s", "");
	free(words.bytes);
	if (s)
		end(s);
	return rc;
}
