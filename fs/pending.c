/* SPDX-License-Identifier: MIT
 *
 * pending.c - names that are pending: a value or array whose type or length the first content decides.
 * A pending name is a hidden file .NAME in the store that holds the properties given so far.
 */
#include "cells.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "../core/object.h"
#include "../core/sys.h"
#include "../core/text.h"

bool fs_pending_is(enum ipcfs_kind kind, const struct ipcfs_properties *p)
{
	if (kind == IPCFS_VALUE)
		return !(p->given & (IPCFS_P_TYPE | IPCFS_P_LEN)); /* len= is for strings alone */
	return kind == IPCFS_ARRAY &&
	       (p->given & (IPCFS_P_TYPE | IPCFS_P_LEN)) != (IPCFS_P_TYPE | IPCFS_P_LEN);
}

/* A value without a type, an array without type or length. */
int fs_pending_make(struct fs_item *folder, const struct fs_leaf *leaf,
		    const struct ipcfs_maker *maker)
{
	char path[FS_PATH], parent[FS_PATH], text[128];
	int fd, n, rc = fs_item_path_in(folder, leaf->name, true, path);

	if (rc == 0)
		rc = fs_item_path(folder, parent);
	if (rc != 0)
		return rc;
	n = fs_properties_format(&leaf->p, text, sizeof(text));
	fd = sys_open_beneath(fs.dirfd, parent, O_RDWR | O_TMPFILE, 0600);
	if (fd < 0)
		return fd;
	rc = (int)sys_pwrite_all(fd, text, (size_t)n, 0);
	if (rc >= 0)
		rc = sys_owner(fd, maker->uid, maker->gid, maker->mode);
	if (rc == 0)
		rc = sys_link_fd(fd, fs.dirfd, path);
	sys_close(fd);
	return rc;
}

static int pending_properties(struct fs_item *item, struct ipcfs_properties *p,
			      struct ipcfs_maker *maker)
{
	char path[FS_PATH], text[128] = "";
	struct stat st;
	int fd, rc = fs_item_path(item, path);

	memset(p, 0, sizeof(*p));
	if (rc < 0)
		return rc;
	fd = sys_open_beneath(fs.dirfd, path, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd == -ENOENT ? -EIDRM : fd;
	rc = sys_fstat(fd, &st);
	if (rc == 0 && sys_pread(fd, text, sizeof(text) - 1, 0) > 0)
		fs_properties_parse(item->kind, text, p);
	sys_close(fd);
	p->given &= IPCFS_P_TYPE | IPCFS_P_LEN;
	*maker = (struct ipcfs_maker){st.st_uid, st.st_gid, st.st_mode & 01777};
	return rc;
}

int fs_pending_properties(struct fs_item *item, struct ipcfs_properties *p)
{
	struct ipcfs_maker maker;

	return pending_properties(item, p, &maker);
}

int fs_pending_check(struct fs_item *item, const struct ipcfs_properties *p)
{
	struct ipcfs_properties is;
	struct ipcfs_maker maker;
	int rc = pending_properties(item, &is, &maker);

	if (rc < 0)
		return rc;
	if ((p->given & IPCFS_P_TYPE && (!(is.given & IPCFS_P_TYPE) || is.type != p->type)) ||
	    (p->given & IPCFS_P_LEN && (!(is.given & IPCFS_P_LEN) || is.len != p->len)))
		return fs_fail(-EEXIST, "it exists with other properties: see its view stat");
	return 0;
}

/* q, d or s for all the words of an array. */
static int guess_all(const char *s, size_t len, char *type)
{
	const char *at = s, *word;
	char each;
	size_t n;
	int rc = 0;

	*type = 'q';
	while (rc == 0 && *type != 's' && fs_cells_next('q', &at, s + len, &word, &n)) {
		rc = ipcfs_guess_type(word, n, &each);
		if (rc == 0 && each != 'q')
			*type = each;
	}
	return rc;
}

static int settle_properties(struct fs_item *item, const char *s, size_t len,
			     struct ipcfs_properties *p)
{
	int rc = 0;

	if (!(p->given & IPCFS_P_TYPE)) {
		rc = item->kind == IPCFS_ARRAY ? guess_all(s, len, &p->type) :
						 ipcfs_guess_type(s, len, &p->type);
		p->given |= IPCFS_P_TYPE;
	}
	if (rc < 0) {
		s = ipcfs_trim(s, &len);
		return fs_fail(rc, "%s does not fit an int64", fs_quote(s, len));
	}
	if (item->kind == IPCFS_ARRAY && !(p->given & IPCFS_P_LEN)) {
		p->len = p->type == 'c' ? fs_cells_drop_newline(s, len) :
					  fs_cells_count(p->type, s, len);
		if (p->type == 'u') {
			p->len = 0;
			for (size_t i = 0; i < fs_cells_drop_newline(s, len); i++)
				p->len += ((unsigned char)s[i] & 0xc0) != 0x80;
		}
		p->given |= IPCFS_P_LEN;
		if (p->len == 0)
			return fs_fail(-EINVAL, "there is no element");
	}
	return 0;
}

/* Would the text do? Asked before there is an object. */
static int rehearse(struct fs_item *item, const struct ipcfs_properties *p, const char *s,
		    size_t len)
{
	struct fs_cells c = {.type = p->type, .element = ipcfs_type_size(p->type)};
	int rc;

	if (p->type == 's')
		c.element = IPCFS_STRING_DEFAULT;
	if (item->kind == IPCFS_ARRAY)
		rc = fs_cells_parse(&c, s, len, p->len, false);
	else if (p->type == 's')
		rc = fs_cells_drop_newline(s, len) > (p->given & IPCFS_P_LEN ? p->len : c.element) ?
			     fs_fail(-ERANGE, "%s is longer than the %zu bytes of a string",
				     fs_quote(s, len), c.element) :
			     0;
	else if ((c.bytes = calloc(1, 8)))
		rc = fs_cells_parse_one(&c, s, len);
	else
		rc = -ENOMEM;
	free(c.bytes);
	return rc;
}

void fs_pending_forget(struct fs_item *item)
{
	if (item->words)
		fs_quota_add(item->words_uid, FS_Q_GATHERED, -(int64_t)item->words_len);
	free(item->words);
	item->words = NULL;
}

/* Numbers may have been meant as words of a string, which mv is about to make them: 007 is not 7 there. */
static void remember(struct fs_item *item, const char *s, size_t len, uid_t uid)
{
	if (len > FS_MAX_IO || fs_quota_add(uid, FS_Q_GATHERED, (int64_t)len) < 0)
		return;
	item->words = malloc(len);
	item->words_len = len;
	item->words_uid = uid;
	if (item->words)
		memcpy(item->words, s, len);
	else
		fs_quota_add(uid, FS_Q_GATHERED, -(int64_t)len);
}

int fs_pending_settle(struct fs_item *item, const char *s, size_t len)
{
	struct fs_target t = {.item = item, .last = UINT64_MAX};
	struct ipcfs_properties p;
	struct ipcfs_maker maker;
	struct ipcfs_object *object;
	char path[FS_PATH];
	int rc = pending_properties(item, &p, &maker);
	bool guessed = !(p.given & IPCFS_P_TYPE);

	if (rc == 0)
		rc = settle_properties(item, s, len, &p);
	if (rc == 0)
		rc = rehearse(item, &p, s, len);
	if (rc == 0)
		rc = fs_item_path_in(item->parent, item->name, false, path);
	if (rc < 0)
		return rc;
	rc = fs_engine_of(item->kind)
		     ->open(fs.store, item->kind, strchr(path, '/') + 1, IPCFS_CREATE | IPCFS_EXCL,
			    &maker, &p, &object);
	if (rc < 0)
		return rc == -EEXIST ? -EBUSY : rc; /* the library was faster: again, as usual */
	fs_item_became(item, object);
	rc = fs_cells_write(&t, s, len);
	if (rc == 0 && guessed && p.type != 's')
		remember(item, s, len, maker.uid);
	return rc;
}

/* A pending array's words, kept until the handle closes. Whole words that cannot be are refused now. */
int fs_pending_gather(struct fs_handle *h, const char *s, size_t len)
{
	struct ipcfs_properties p;
	struct ipcfs_maker maker;
	char *grown;
	int rc = pending_properties(h->item, &p, &maker);
	bool whole = len && isspace((unsigned char)s[len - 1]) &&
		     (!h->gathered || !h->gathered_len ||
		      isspace((unsigned char)h->gathered[h->gathered_len - 1]));

	if (rc == 0 && whole && p.given & IPCFS_P_TYPE && !fs_cells_is_text(p.type)) {
		struct fs_cells c = {.type = p.type, .element = ipcfs_type_size(p.type)};

		rc = fs_cells_count(p.type, s, len) ? fs_cells_parse(&c, s, len, 0, false) : 0;
		free(c.bytes);
	}
	if (rc < 0)
		return rc;
	if (len > FS_TEXT_MAX - h->gathered_len)
		return fs_fail(-EFBIG, "the text is over %d MiB: give len= and write slices",
			       FS_TEXT_MAX >> 20);
	rc = fs_quota_add(h->uid, FS_Q_GATHERED, (int64_t)len);
	if (rc < 0)
		return rc;
	grown = realloc(h->gathered, h->gathered_len + len);
	if (!grown) {
		fs_quota_add(h->uid, FS_Q_GATHERED, -(int64_t)len);
		return -ENOMEM;
	}
	memcpy(grown + h->gathered_len, s, len);
	h->gathered = grown;
	h->gathered_len += len;
	return 0;
}

void fs_pending_drop(struct fs_handle *h)
{
	if (!h->gathered)
		return;
	fs_quota_add(h->uid, FS_Q_GATHERED, -(int64_t)h->gathered_len);
	free(h->gathered);
	h->gathered = NULL;
	h->gathered_len = 0;
}
