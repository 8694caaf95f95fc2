/* SPDX-License-Identifier: MIT
 *
 * channel.c - the kind `signals`: channels, which are fired with a signal's number. Nothing is taken from one: who
 * waits says how many firings he has seen, and gets the next. The commit word counts the firings and has the newest's
 * signal in it. A page behind the control block has the signals of the last firings, by number, and when each signal
 * was fired last: who looks so late that some have left the ring gets each signal that was among them once, as
 * pending signals of a process are one.
 *
 * The ring's entry is written before the commit, over the oldest one, which therefore nobody reads any more; the table
 * of the last firings behind it, again by who takes the lock over from the dead.
 */
#include "object.h"
#include "sys.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

enum { RING = 2048, READABLE = RING - 1 };

struct record {
	_Atomic uint8_t ring[RING];
	_Atomic uint64_t last[IPCFS_SIGNAL_MAX + 1]; /* number of the firing; 0: none */
};
_Static_assert(sizeof(struct record) <= SEG_PAGE, "a channel's record");

static int layout(struct ipcfs_object *o)
{
	o->size = 2 * SEG_PAGE;
	return 0;
}

/* What begins with a digit is a process's number, and `self` the one who asks. */
static bool is_name(const char *name)
{
	const char *last = strrchr(name, '/');

	return !isdigit((unsigned char)(last ? last[1] : name[0])) && strcmp(name, "self") != 0;
}

static struct record *record(struct ipcfs_object *o)
{
	return (void *)(o->base + SEG_PAGE);
}

/* ---- the commit word: {firings, signal of the newest} --------------------------------------------- */

static uint64_t fired(uint64_t word)
{
	return word >> 8;
}

static unsigned newest(uint64_t word)
{
	return word & 0xff;
}

static bool is_signal(uint64_t n)
{
	return n >= 1 && n <= IPCFS_SIGNAL_MAX;
}

static void note_last(struct ipcfs_object *o, uint64_t word)
{
	STORE(record(o)->last[newest(word)], fired(word));
}

static void repair(struct ipcfs_object *o)
{
	uint64_t word = LOAD(o->control->word);

	if (fired(word) && is_signal(newest(word)))
		note_last(o, word);
}

/* ---- operations ------------------------------------------------------------------------------------ */

static int fire(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t count = fired(LOAD(o->control->word)), word = (count + 1) << 8 | op->count;
	int rc;

	if (!is_signal(op->count))
		return -EINVAL;
	rc = seg_reserve(o, SEG_PAGE, SEG_PAGE, &o->control->reserved[0], SEG_PAGE);
	if (rc < 0)
		return rc;
	STORE(record(o)->ring[count % RING], (uint8_t)op->count);
	obj_change(o, IPCFS_C_READ, INT_MAX);
	STORE(o->control->word, word);
	note_last(o, word);
	op->first = count + 1;
	return 0;
}

/* Of those that have left the ring, firings `seen` + 1 to `gone`: the signal whose last one came first; 0: all of them
 * have been fired again since. */
static unsigned missed(struct ipcfs_object *o, uint64_t seen, uint64_t gone, uint64_t *number)
{
	unsigned found = 0;

	for (unsigned n = 1; n <= IPCFS_SIGNAL_MAX; n++) {
		uint64_t last = LOAD(record(o)->last[n]);

		if (last > seen && last <= gone && (!found || last < *number)) {
			found = n;
			*number = last;
		}
	}
	return found;
}

static int next(struct ipcfs_object *o, struct ipcfs_op *op)
{
	uint64_t count = fired(LOAD(o->control->word)), number = op->first;
	uint64_t gone = count > READABLE ? count - READABLE : 0;
	unsigned n = 0;

	if (number > count)
		return -EINVAL;
	if (number == count)
		return -EAGAIN;
	if (number < gone) {
		n = missed(o, number, gone, &number);
		number = n ? number : gone;
	}
	if (!n)
		n = LOAD(record(o)->ring[number++ % RING]);
	if (!is_signal(n))
		return -EUCLEAN;
	op->first = number;
	op->count = n;
	return 0;
}

static int try(struct ipcfs_object *o, struct ipcfs_op *op)
{
	switch (op->verb) {
	case IPCFS_V_FIRE:
		return fire(o, op);
	case IPCFS_V_FIRED:
		return next(o, op);
	default:
		return -EINVAL;
	}
}

/* op->token: how many the handle has seen. */
static unsigned ready(struct ipcfs_object *o, const struct ipcfs_op *op)
{
	return (fired(LOAD(o->control->word)) > op->token ? 1u << IPCFS_C_READ : 0) |
	       1u << IPCFS_C_WRITE;
}

static void counts(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	uint64_t word = LOAD(o->control->word);

	st->value = fired(word);
	st->signal = fired(word) && is_signal(newest(word)) ? newest(word) : 0;
}

const struct ipcfs_kind_ops ipcfs_channel_ops = {
	.name = "signals",
	.is_name = is_name,
	.layout = layout,
	.repair = repair,
	.try = try,
	.ready = ready,
	.stat = counts,
};

/* ---- the library's calls ----------------------------------------------------------------------------- */

int ipcfs_channel_fire(struct ipcfs_object *channel, int signal)
{
	struct ipcfs_op op = {.verb = IPCFS_V_FIRE, .count = (uint64_t)signal};

	return channel->kind == IPCFS_SIGNAL ? obj_run(channel, &op, 0) : -EINVAL;
}

int ipcfs_channel_wait(struct ipcfs_object *channel, uint64_t *seen, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_FIRED, .first = *seen};
	int rc = channel->kind == IPCFS_SIGNAL ? obj_run(channel, &op, deadline_ns) : -EINVAL;

	if (rc < 0)
		return rc;
	*seen = op.first;
	return (int)op.count;
}
