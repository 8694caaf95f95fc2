/* SPDX-License-Identifier: MIT
 *
 * stat.c - the view `stat`: the lines that all kinds have. Behind them come the kind's own.
 */
#include "fs.h"

#include <errno.h>

static void show_properties(const struct ipcfs_properties *p, struct fs_text *t)
{
	if (p->given & IPCFS_P_MAXSIZE)
		fs_text_printf(t, "maxsize %llu\n", (unsigned long long)p->maxsize);
	if (p->given & IPCFS_P_CAPACITY)
		fs_text_printf(t, "capacity %llu\n", (unsigned long long)p->capacity);
	if (p->given & IPCFS_P_ATTEMPTS)
		fs_text_printf(t, "attempts %llu\n", (unsigned long long)p->attempts);
	if (p->given & IPCFS_P_DEAD)
		fs_text_printf(t, "dead %s\n", p->dead);
	if (p->given & IPCFS_P_MAX)
		fs_text_printf(t, "max %llu\n", (unsigned long long)p->max);
	if (p->given & IPCFS_P_VALUE)
		fs_text_printf(t, "initial %llu\n", (unsigned long long)p->value);
	if (p->given & IPCFS_P_PARTIES)
		fs_text_printf(t, "parties %llu\n", (unsigned long long)p->parties);
	if (p->given & IPCFS_P_SET)
		fs_text_printf(t, "set %d\n", p->set);
	if (p->given & IPCFS_P_MAXMSG)
		fs_text_printf(t, "maxmsg %llu\n", (unsigned long long)p->maxmsg);
	if (p->given & IPCFS_P_MSGSIZE)
		fs_text_printf(t, "msgsize %llu\n", (unsigned long long)p->msgsize);
	if (p->given & IPCFS_P_TYPE)
		fs_text_printf(t, "type %c\n", p->type);
	if (p->given & IPCFS_P_LEN)
		fs_text_printf(t, "len %llu\n", (unsigned long long)p->len);
}

static void show_pending(struct fs_item *item, struct fs_text *t)
{
	struct ipcfs_properties p;

	if (fs_pending_properties(item, &p) == 0)
		show_properties(&p, t);
	fs_text_printf(t, "pending 1\n");
}

static int show_holder(void *arg, const struct ipcfs_holding *h)
{
	long long since = (long long)(h->since_ns / 1000000000);

	if (h->attempt)
		fs_text_printf(arg, "lease %d %llu\n", (int)h->pid, (unsigned long long)h->attempt);
	else if (h->units)
		fs_text_printf(arg, "holder %d %u %lld %llu\n", (int)h->pid, h->uid, since,
			       (unsigned long long)h->units);
	else if (h->end)
		fs_text_printf(arg, "holder %d %u %lld %c\n", (int)h->pid, h->uid, since,
			       (char)('a' + (h->end - IPCFS_END_A)));
	else
		fs_text_printf(arg, "holder %d %u %lld\n", (int)h->pid, h->uid, since);
	return 0;
}

int fs_stat_text(struct fs_handle *h, struct fs_text *t)
{
	struct fs_item *item = h->item;
	struct ipcfs_stat st;
	struct stat file;
	unsigned readers, writers;
	int rc = item->no_object ? -EOPNOTSUPP : fs_item_attach(item);

	if (rc == -EIDRM)
		return rc;
	fs_text_printf(t, "kind %s\n", ipcfs_kind_name(item->kind));
	fs_text_printf(t, "id %llu\n", (unsigned long long)item->ino);
	if (rc == 0) {
		rc = fs_engine_of(item->kind)->stat(fs_item_whole(item)->object, &st);
		if ((rc == 0 || rc == -EUCLEAN) && !item->is_part)
			show_properties(&st.properties, t);
	}
	if (!item->is_part && fs_item_stat(item, &file) == 0 && file.st_mode & S_ISVTX)
		fs_text_printf(t, "temp 1\n");
	if (rc == -EUCLEAN)
		fs_text_printf(t, "damaged 1\n");
	else if (rc == -ENODATA)
		show_pending(item, t);
	else if (rc < 0 && !item->no_object)
		return rc;
	fs_park_count_of(item, &readers, &writers);
	fs_text_printf(t, "waiters %u\nreaders %u\nwriters %u\n", readers + writers, readers,
		       writers);
	if (item->no_object)
		fs_kind_of(item->kind)->stat(h, NULL, t);
	if (rc == 0) {
		fs_kind_of(item->kind)->stat(h, &st, t);
		fs_engine_of(item->kind)->holders(fs_item_whole(item)->object, show_holder, t);
	}
	return 0;
}
