/* SPDX-License-Identifier: MIT
 *
 * t_items.h - the calls on lists with texts as items, and all items as one text.
 */
#ifndef T_ITEMS_H
#define T_ITEMS_H

#include "t_core.h"

#include "t_list.h"

#define L IPCFS_LIST

/* ---- items as one text ------------------------------------------------------------------------ */

/* "a,b,c" */
static inline const char *items_of(struct ipcfs_object *o)
{
	static char text[4096];
	struct iovec *items = NULL;
	ssize_t n = ipcfs_list_items(o, &items, NULL);
	size_t len = 0;

	t_check(n >= 0);
	t_is(ipcfs_list_count(o), n);
	for (ssize_t i = 0; i < n; i++) {
		t_check(len + items[i].iov_len + 2 < sizeof(text));
		if (items[i].iov_len)
			memcpy(text + len, items[i].iov_base, items[i].iov_len);
		len += items[i].iov_len;
		text[len++] = ',';
	}
	text[len ? len - 1 : 0] = '\0';
	free(items);
	t_check(list_is_whole(o));
	return text;
}

static inline void t_items_(struct ipcfs_object *o, const char *want, int line)
{
	const char *is = items_of(o);

	if (strcmp(is, want) != 0)
		t_fail_(__FILE__, line, "the items are \"%s\", not \"%s\"", is, want);
}
#define t_items(o, want) t_items_(o, want, __LINE__)

static inline void extend(struct ipcfs_object *o, const char *words)
{
	struct iovec v[100];
	uint64_t n = 0;

	while (n < 100) {
		size_t len = strcspn(words, ",");

		v[n++] = (struct iovec){(void *)(uintptr_t)words, len};
		if (!words[len])
			break;
		words += len + 1;
	}
	t_is(ipcfs_list_extend(o, v, n, NULL), 0);
}

static inline int insert(struct ipcfs_object *o, int64_t index, const char *item)
{
	return ipcfs_list_insert(o, index, item, strlen(item), NULL);
}

static inline int set(struct ipcfs_object *o, int64_t index, const char *item)
{
	return ipcfs_list_set(o, index, item, strlen(item), NULL);
}

static inline const char *pop(struct ipcfs_object *o, int64_t index)
{
	static char buf[200];
	ssize_t n = ipcfs_list_pop(o, index, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return t_result(n);
	buf[n] = '\0';
	return buf;
}
#define t_pops(o, index, want) assert_string_equal(pop(o, index), want)

static inline const char *get(struct ipcfs_object *o, int64_t index)
{
	static char buf[200];
	ssize_t n = ipcfs_list_get(o, index, buf, sizeof(buf) - 1, NULL);

	if (n < 0)
		return t_result(n);
	buf[n] = '\0';
	return buf;
}
#define t_gets(o, index, want) assert_string_equal(get(o, index), want)

#endif
