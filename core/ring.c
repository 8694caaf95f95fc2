/* SPDX-License-Identifier: MIT
 *
 * ring.c - of rings (ring.h), what is not done for each message, or costs more than its call.
 */
#include "ring.h"

#include <errno.h>

static size_t page_up(uint64_t n)
{
	return (n + SEG_PAGE - 1) & ~(uint64_t)(SEG_PAGE - 1);
}

int ring_shape(const struct ipcfs_properties *p, uint64_t out[5])
{
	out[0] = p->given & IPCFS_P_CAPACITY ? p->capacity : IPCFS_CAPACITY_DEFAULT;
	return out[0] == 0 || out[0] > IPCFS_CAPACITY_MAX ? -ERANGE : 0;
}

void ring_properties_of(const uint64_t in[5], struct ipcfs_properties *p)
{
	p->given = IPCFS_P_CAPACITY;
	p->capacity = in[0];
}

size_t ring_layout(struct ring *r, size_t at, uint64_t slots, uint64_t capacity, size_t state)
{
	r->slots = slots < IPCFS_MAXSIZE_MAX ? slots : IPCFS_MAXSIZE_MAX;
	r->capacity = capacity;
	r->index = at;
	r->bytes = at + page_up(r->slots * sizeof(struct ring_slot));
	r->state = state;
	return r->bytes + page_up(capacity);
}

int ring_reserve(struct ipcfs_object *o, const struct ring *r, const struct ring_view *v,
		 uint64_t len)
{
	struct ring_state *state = (void *)((char *)o->control + r->state);
	uint64_t at = ring_place(r, v->end), slot = (uint64_t)v->head + v->count;
	uint64_t need = at + len <= r->capacity ? at + len : r->capacity;
	int rc;

	if (slot >= r->slots)
		slot -= r->slots;
	rc = seg_reserve(o, r->index, r->slots * sizeof(struct ring_slot), &state->reserved_index,
			 (slot + 1) * sizeof(struct ring_slot));
	if (rc == 0)
		rc = seg_reserve(o, r->bytes, r->capacity, &state->reserved_bytes, need);
	return rc;
}

void ring_copy(const struct iovec *to, const struct iovec *from, int n)
{
	size_t at = 0, turn = to[0].iov_len;

	for (int i = 0; i < n; at += from[i++].iov_len) {
		const char *bytes = from[i].iov_base;
		size_t len = from[i].iov_len, head = at >= turn	     ? 0 :
						     turn - at < len ? turn - at :
								       len;

		/* Within one ring: places that somebody has written may be the same. */
		if (head)
			memmove((char *)to[0].iov_base + at, bytes, head);
		if (head < len)
			memmove((char *)to[1].iov_base + (at + head - turn), bytes + head,
				len - head);
	}
}
