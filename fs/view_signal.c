/* SPDX-License-Identifier: MIT
 *
 * view_signal.c - signals as files: channels, which are objects, and processes (view_process.c). A write is a signal's
 * name or number: it is sent, or the channel fired with it, at once or (`after`) later. Each handle of a channel has
 * a place in the row of its firings, from its open on; a read gives the next one's name.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "../core/text.h"

/* ---- open files ----------------------------------------------------------------------------------- */

/* From which firing on. Whoever cannot read needs not know. */
static int begin(struct fs_handle *h)
{
	struct ipcfs_stat st;
	int rc;

	if ((h->flags & O_ACCMODE) == O_WRONLY || h->leaf->view != FS_PLAIN)
		return 0;
	rc = fs_item_attach(h->item);
	if (rc == 0)
		rc = fs.engine->stat(h->item->object, &st);
	if (rc == 0)
		h->ticket = st.value;
	return rc;
}

static int open_it(struct fs_handle *h)
{
	int rc = h->item->outside ? fs_process_open(h) : begin(h);

	return rc == 0 && h->leaf->options & FS_O_MEMBER ? fs_join_open(h) : rc;
}

static void close_it(struct fs_handle *h)
{
	if (h->item->outside)
		fs_process_close(h);
	fs_join_close(h);
}

/* ---- reading --------------------------------------------------------------------------------------- */

static int take(struct fs_request *r)
{
	struct ipcfs_op op = {.verb = IPCFS_V_FIRED, .first = r->handle->ticket};
	char text[FS_SIGNAL_NAME + 1];
	int rc, len;

	if (r->item->outside)
		return fs_process_take(r);
	rc = fs_view_engine(r, &op);
	if (rc == -EINVAL)
		rc = fs_fail(-EUCLEAN, "somebody has set back how often it was fired");
	if (rc < 0)
		return rc;
	len = snprintf(text, sizeof(text), "%s\n", fs_signal_name((int)op.count));
	rc = fs_view_give(r, text, (size_t)len);
	if (rc == 0) {
		r->handle->ticket = op.first;
		fs_notify_read(r->handle);
	}
	return rc;
}

/* Of a channel the last signal. */
static int show(struct fs_handle *h, struct fs_text *t)
{
	struct ipcfs_stat st;
	int rc;

	if (h->item->outside)
		return fs_process_show(h, t);
	rc = fs_item_attach(h->item);
	if (rc == 0)
		rc = fs.engine->stat(h->item->object, &st);
	if (rc != 0)
		return rc;
	if (!st.signal)
		return -ENODATA;
	fs_text_printf(t, "%s\n", fs_signal_name((int)st.signal));
	return 0;
}

static void stat_lines(struct fs_handle *h, const struct ipcfs_stat *st, struct fs_text *t)
{
	if (h->item->outside) {
		fs_process_stat(h, t);
		return;
	}
	fs_text_printf(t, "fired %llu\n", (unsigned long long)st->value);
	if (st->signal)
		fs_text_printf(t, "signal %s\n", fs_signal_name((int)st->signal));
	fs_text_printf(t, "alarms %u\n", fs_alarm_count(NULL, h->item));
	fs_join_list(h->item, t);
}

static unsigned poll_it(struct fs_handle *h)
{
	return fs_process_poll(h);
}

/* ---- writing --------------------------------------------------------------------------------------- */

static int fire(struct fs_request *r, int signal)
{
	struct ipcfs_op op = {.verb = IPCFS_V_FIRE, .count = (uint64_t)signal};
	struct fs_process sender = {.pid = r->pid};

	if (r->handle->leaf->options & FS_O_AFTER)
		return fs_alarm_set(NULL, r->item, &sender, r->handle->uid, signal,
				    r->handle->leaf->after_ns);
	return fs_view_engine(r, &op);
}

static int write_it(struct fs_request *r)
{
	size_t len = r->size;
	const char *s = ipcfs_trim(r->data, &len);
	int signal, rc = fs_signal_parse(s, len, &signal);

	if (rc < 0)
		return fs_fail(-EINVAL, "%s is no signal: TERM, SIGTERM or 15 is one",
			       fs_quote(s, len));
	return r->item->outside ? fs_process_write(r, signal) : fire(r, signal);
}

/* cancel: takes back what `after` has still to do, of one's own. */
static int command(struct fs_handle *h, const char *word, size_t len, bool act)
{
	if (len != strlen("cancel") || memcmp(word, "cancel", len) != 0)
		return -EINVAL;
	if (act)
		fs_alarm_cancel(h->pin, h->item, h->uid);
	return 0;
}

const struct fs_kind fs_signal_kind = {
	.read_waits = true,
	.each_alone = true,
	.outside = fs_process_outside,
	.means = fs_process_means,
	.begin = open_it,
	.end = close_it,
	.poll = poll_it,
	.changed = fs_join_tell,
	.gone = fs_alarm_gone,
	.take = take,
	.show = show,
	.write = write_it,
	.stat = stat_lines,
	.command = command,
};
