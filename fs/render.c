/* SPDX-License-Identifier: MIT
 *
 * render.c - a large array's snapshot, which becomes text as it is read: a double takes longer to write than a
 * client's whole request should, and the server has others to serve. So one request makes text for a few
 * milliseconds, then it is tried again, behind the others. Of the text only what lies around the last read is kept,
 * with marks, by which an element's text is found again when somebody reads elsewhere.
 */
#include "render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	STEP = 64,		/* elements between two looks at the clock */
	MARK_EVERY = 1 << 12,	/* elements; a multiple of STEP */
	KEEP = 1 << 20,		/* bytes of text before what is read */
	SLICE_NS = 5 * 1000000, /* one request's turn */
};

struct fs_render {
	struct fs_cells cells;
	struct fs_text window; /* text of the elements before `next` */
	size_t begin;	       /* where in the whole text it begins */
	uint64_t next;	       /* a multiple of STEP, or the number of elements */
	unsigned marked;
	size_t mark[]; /* where in the whole text element i * MARK_EVERY begins */
};

struct fs_render *fs_render_new(const struct fs_cells *cells)
{
	uint64_t marks = cells->count / MARK_EVERY + 1;
	struct fs_render *p = calloc(1, sizeof(*p) + marks * sizeof(p->mark[0]));

	if (p)
		p->cells = *cells;
	return p;
}

void fs_render_free(struct fs_render *p)
{
	if (!p)
		return;
	free(p->cells.bytes);
	free(p->window.bytes);
	free(p);
}

size_t fs_render_bytes(const struct fs_render *p)
{
	return p->cells.count * p->cells.element;
}

static size_t end(const struct fs_render *p)
{
	return p->begin + p->window.len;
}

static bool reaches(const struct fs_render *p, size_t upto)
{
	return end(p) >= upto || p->next == p->cells.count;
}

/* To the last mark that is not behind `at`, unless the window is better already. */
static void go_to(struct fs_render *p, size_t at)
{
	uint64_t element;
	unsigned i = p->marked;

	while (i > 0 && p->mark[i - 1] > at)
		i--;
	if (i == 0)
		return; /* nothing was made yet */
	element = (uint64_t)(i - 1) * MARK_EVERY;
	if (at >= p->begin && element <= p->next)
		return;
	p->next = element;
	p->begin = p->mark[i - 1];
	p->window.len = 0;
}

static void forget_before(struct fs_render *p, size_t at)
{
	size_t drop;

	if (at < p->begin + 2 * KEEP)
		return;
	drop = at - KEEP - p->begin;
	drop = drop < p->window.len ? drop : p->window.len;
	memmove(p->window.bytes, p->window.bytes + drop, p->window.len - drop);
	p->window.len -= drop;
	p->begin += drop;
}

static void add(struct fs_render *p)
{
	uint64_t left = p->cells.count - p->next;
	struct fs_cells some = p->cells;

	if (p->next == (uint64_t)p->marked * MARK_EVERY)
		p->mark[p->marked++] = end(p);
	some.bytes += p->next * p->cells.element;
	some.count = left < STEP ? left : STEP;
	fs_cells_add(&p->window, &some);
	p->next += some.count;
}

int fs_render_read(struct fs_render *p, size_t at, size_t size, const char **bytes, size_t *len)
{
	int64_t until = fs_now_ns() + SLICE_NS;

	go_to(p, at);
	while (!reaches(p, at + size) && !p->window.failed) {
		add(p);
		forget_before(p, at);
		if (!reaches(p, at + size) && fs_now_ns() >= until)
			return -EBUSY;
	}
	if (p->window.failed)
		return -ENOMEM;
	*bytes = at < end(p) ? p->window.bytes + (at - p->begin) : NULL;
	*len = at < end(p) ? end(p) - at : 0;
	return 0;
}
