/* SPDX-License-Identifier: MIT
 *
 * park_line.c - who is served when: one line for each object and class, first come first served. Knows nothing of
 * kinds: it tries a request (fs_view_try), has it wait (park.c), and tries it again when its object has changed.
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>

/* ---- those in line ----------------------------------------------------------------------------- */

/* Tries one parked request again: whether it ended. */
static bool serve(struct fs_request *r)
{
	bool nonblock = r->nonblock || r->handle->timeout_ns == 0;
	int rc;

	r->nobody = false;
	if (r->interrupted) /* its answer is EINTR, soon; it takes nothing */
		return false;
	if (r->ending)
		return fs_park_end(r, r->error);
	rc = fs_view_try(r);
	if (rc == -EBUSY) {
		r->nobody = true;
		rc = fs_park_busy(r, nonblock);
	} else if (rc == -EAGAIN && nonblock) { /* waited for the lock alone */
		return fs_park_end(r, -EAGAIN);
	}
	if (rc == -EAGAIN && r->class != r->line)
		fs_park_change_line(r, r->class);
	return rc != -EAGAIN && fs_park_end(r, rc);
}

/* Does it stand in line for an item? Others in the line wait for a busy lock alone. */
static bool in_turn(const struct fs_request *r)
{
	return r->handle->leaf->view == FS_PLAIN && !r->nonblock && r->handle->timeout_ns != 0;
}

/* One pass over a line: the first who must wait keeps those behind him waiting, but in those without an
 * order, or where each waits for something of his own. Of these (who have tickets) the first may learn that there is
 * nothing for anybody. And who waits for leases alone keeps nobody waiting who has some: he may be waited for.
 * Whether anybody was served. */
static bool serve_line(struct fs_item *item, enum ipcfs_class class)
{
	const struct fs_kind *kind = fs_kind_of(item->kind);
	bool served = false, alone = !fs_view_ordered(class) || kind->each_alone;
	bool first = true, nobody = false, for_leases = false;
	struct fs_request *r, *next;
	uint32_t stuck = 0; /* lanes */

	for (r = TAILQ_FIRST(&item->parked[class]); r; r = next) {
		bool has_ticket = r->ticket;

		next = TAILQ_NEXT(r, link);
		if ((nobody && has_ticket && class == IPCFS_C_READ) ||
		    (for_leases && !r->handle->holds) ||
		    (stuck && stuck & 1u << kind->lane(r->handle)))
			continue;
		r->first = first && has_ticket;
		first = first && !has_ticket;
		if (serve(r))
			served = true;
		else if (!alone && !r->interrupted && in_turn(r) && kind->lane)
			stuck |= 1u << kind->lane(r->handle);
		else if (!alone && !r->interrupted && in_turn(r) && r->for_leases)
			for_leases = true;
		else if (!alone && !r->interrupted && in_turn(r))
			break;
		else
			nobody = nobody || (has_ticket && r->nobody);
	}
	return served;
}

void fs_park_serve(struct fs_item *item)
{
	bool served;

	fs_item_ref(item);
	fs_park_leave_again(item);
	do {
		served = serve_line(item, IPCFS_C_READ);
		served |= serve_line(item, IPCFS_C_WRITE);
	} while (served);
	serve_line(item, IPCFS_C_JOIN);
	serve_line(item, IPCFS_C_CHANGE);
	fs_poll_notify(item);
	fs_notify_item(item);
	if (fs_kind_of(item->kind)->changed)
		fs_kind_of(item->kind)->changed(item);
	fs_item_put(item);
}

/* The first of the line in which the handle would stand, or NULL. */
static const struct fs_request *first_of(const struct fs_handle *h, enum ipcfs_class class)
{
	const struct fs_kind *kind = fs_kind_of(h->item->kind);
	const struct fs_request *r;

	TAILQ_FOREACH(r, &h->item->parked[class], link)
	if (!kind->lane || kind->lane(r->handle) == kind->lane(h))
		break;
	return r;
}

bool fs_park_anybody(const struct fs_handle *h, enum ipcfs_class class)
{
	return first_of(h, class) != NULL;
}

/* Does somebody keep the handle waiting who has come before? */
static bool is_behind(const struct fs_handle *h, enum ipcfs_class class)
{
	const struct fs_request *first = first_of(h, class);

	return first && !(first->for_leases && h->holds);
}

/* ---- those who come ---------------------------------------------------------------------------- */

/* Is it one who must not overtake those that wait? */
static bool joins_line(const struct fs_request *r)
{
	const struct fs_handle *h = r->handle;
	const struct fs_kind *kind = fs_kind_of(r->item->kind);

	return !(kind->holds && kind->holds(h)) && !(kind->aside && kind->aside(r)) &&
	       r->flock != LOCK_UN && h->leaf->view == FS_PLAIN &&
	       (r->write || (!h->rest_len && !h->ended));
}

/* Nobody overtakes those in line, not even who would not wait. */
static bool others_first(const struct fs_request *r)
{
	if (!r->item || fs_kind_of(r->item->kind)->each_alone || !fs_view_ordered(r->class) ||
	    !joins_line(r) || !fs_park_anybody(r->handle, r->class))
		return false;
	fs_park_serve(r->item);
	return is_behind(r->handle, r->class);
}

bool fs_park_behind(const struct fs_handle *h, enum ipcfs_class class)
{
	const struct fs_kind *kind = h->item ? fs_kind_of(h->item->kind) : NULL;

	return kind && !kind->each_alone && fs_view_ordered(class) &&
	       !(kind->holds && kind->holds(h)) && h->leaf->view == FS_PLAIN &&
	       (class == IPCFS_C_WRITE || (!h->rest_len && !h->ended)) && is_behind(h, class);
}

bool fs_park_line(const struct fs_request *r)
{
	return !r->parked && !TAILQ_EMPTY(&r->item->parked[IPCFS_C_READ]);
}

/* It waits. Where that makes it part of the object it could not do so before: the one who undoes it must know it. */
static int wait(struct fs_request *r)
{
	const struct fs_kind *kind = r->item ? fs_kind_of(r->item->kind) : NULL;
	struct fs_request *kept;
	int rc = kind && kind->may_wait ? kind->may_wait(r) : 0;

	if (rc == 0)
		rc = fs_park_begin(r, &kept);
	if (rc == 0 && kind && kind->joins)
		serve(kept);
	if (rc < 0)
		fs_park_withdraw(r);
	return rc;
}

/* The same for the object's lock alone. Who overtakes those in line must not get stuck behind them now: a holder who
 * asks for his token again, say, when they wait for him. Where any change is waited for he is always tried. */
static int wait_for_lock(struct fs_request *r)
{
	if (r->item && !fs_kind_of(r->item->kind)->each_alone && !joins_line(r))
		r->class = IPCFS_C_CHANGE;
	return wait(r);
}

void fs_park_run(struct fs_request *r)
{
	bool nonblock = r->nonblock || r->handle->timeout_ns == 0;
	int rc;

	r->class = fs_view_line(r->handle, r->write);
	rc = others_first(r) ? -EAGAIN : fs_view_try(r);
	if (rc == -EBUSY) {
		rc = fs_park_busy(r, nonblock);
		if (rc == -EAGAIN)
			rc = wait_for_lock(r);
	} else if (rc == -EAGAIN && !nonblock) {
		rc = wait(r);
	}
	if (rc < 0 && !r->answered)
		fs_park_answer_error(r, rc);
}

bool fs_park_orphan(struct fs_request *r)
{
	int rc = others_first(r) ? -EAGAIN : fs_view_try(r);

	if (rc == -EBUSY)
		fs_park_mind_busy(r->item);
	if ((rc == -EAGAIN || rc == -EBUSY) && !fs_park_stopping) {
		fs_park_enter(r);
		return true;
	}
	fs_quota_add(r->handle->uid, FS_Q_PARKED, -1);
	free(r->copy);
	free(r);
	return false;
}

/* ---- the end of all ---------------------------------------------------------------------------- */

static void fail_item(struct fs_item *item, int error)
{
	struct fs_request *r, *next;

	fs_item_ref(item);
	for (int class = 0; class < IPCFS_C_COUNT; class ++)
		for (r = TAILQ_FIRST(&item->parked[class]); r; r = next) {
			next = TAILQ_NEXT(r, link);
			fs_park_end(r, r->interrupted ? -EINTR : error);
		}
	fs_poll_notify(item);
	fs_item_put(item);
}

void fs_park_fail_all(int error)
{
	struct fs_item *item;

	do {
		for (item = fs_park_first(); item && !item->parked_count; item = fs_park_next(item))
			;
		if (item)
			fail_item(item, error);
	} while (item);
}
