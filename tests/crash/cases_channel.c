/* SPDX-License-Identifier: MIT
 *
 * cases_channel.c - a channel is fired, and the firer killed: the firing is there wholly or not at all, as those before
 * it are, for who looks at once and for who looks so late that it has left the ring.
 */
#include "cases_channel.h"

#include <errno.h>
#include <signal.h>

#include "core/object.h"

enum { RING = 2048, KEPT = RING - 1 };

void channel_once(struct ipcfs_object *o)
{
	ipcfs_channel_fire(o, SIGUSR1);
}

void channel_round(struct ipcfs_object *o)
{
	for (int i = 0; i < RING; i++)
		ipcfs_channel_fire(o, SIGUSR1);
}

/* What the dead owner of the lock had still to do, is done by the next one. */
void channel_half(struct ipcfs_object *o)
{
	channel_once(o);
	STORE(*(_Atomic uint64_t *)(void *)(o->base + SEG_PAGE + RING + 8 * SIGUSR1), 0);
	STORE(o->control->lock, (uint64_t)0x7fffff << 33 | 2); /* nobody has that number */
}

void channel_fire(struct ipcfs_object *o)
{
	ipcfs_channel_fire(o, SIGUSR2);
}

/* The signal behind firing `seen`, which must be the next one. */
static int next(struct ipcfs_object *o, uint64_t seen)
{
	uint64_t at = seen;
	int n = ipcfs_channel_wait(o, &at, 0);

	return n < 0 || at == seen + 1 ? n : -EPROTO;
}

/* Who has seen `seen` firings and looks when these and all up to the last of them have left the ring. */
static int late(struct ipcfs_object *o, uint64_t seen)
{
	struct ipcfs_stat st;

	do {
		if (ipcfs_channel_fire(o, SIGHUP) != 0 || ipcfs_stat(o, &st) != 0)
			return -EPROTO;
	} while (st.value < KEPT + seen + 10);
	return ipcfs_channel_wait(o, &seen, 0);
}

static int look(struct ipcfs_object *o, uint64_t before)
{
	int n = next(o, before), done = n == SIGUSR2;

	if ((n != SIGUSR2 && n != -EAGAIN) || (before && next(o, before - 1) != SIGUSR1))
		return -1;
	if (late(o, before) != (done ? SIGUSR2 : SIGHUP))
		return -2;
	if (before && late(o, before - 1) != SIGUSR1)
		return -3;
	return done;
}

int channel_fired(struct ipcfs_object *o)
{
	return look(o, 1);
}

int channel_fired_first(struct ipcfs_object *o)
{
	return look(o, 0);
}

/* The oldest that can be had is as it was, though the one before it may be overwritten. */
int channel_fired_round(struct ipcfs_object *o)
{
	struct ipcfs_stat st;

	if (ipcfs_stat(o, &st) != 0 || next(o, st.value - KEPT) != SIGUSR1)
		return -4;
	return look(o, RING);
}
