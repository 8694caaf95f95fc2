/* SPDX-License-Identifier: MIT
 *
 * test_list.c - lists: each call, each error, both ends and the middle, everything at once.
 */
#include "t_items.h"

/* ---- each call ---------------------------------------------------------------------------------- */

static void ends(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);

	t_items(o, "");
	t_is(ipcfs_list_append(o, "a", 1), 0);
	t_is(ipcfs_list_append(o, "", 0), 0);
	t_is(ipcfs_list_append(o, "ccc", 3), 0);
	t_items(o, "a,,ccc");
	t_pops(o, -1, "ccc");
	t_pops(o, 0, "a");
	t_items(o, "");
	t_is(ipcfs_list_count(o), 1);
	t_pops(o, 0, "");
	t_is(ipcfs_list_count(o), 0);
	t_pops(o, 0, "-EAGAIN");
	t_pops(o, -1, "-EAGAIN");
	t_pops(o, 5, "-EAGAIN"); /* it may be there, once there is one */
}

static void indices(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);

	extend(o, "a,b,c,d");
	t_gets(o, 0, "a");
	t_gets(o, 3, "d");
	t_gets(o, -1, "d");
	t_gets(o, -4, "a");
	t_gets(o, 4, "-ERANGE");
	t_gets(o, -5, "-ERANGE");
	t_gets(o, INT64_MAX, "-ERANGE");
	t_gets(o, INT64_MIN, "-ERANGE");
	t_is(set(o, 1, "B"), 0);
	t_is(set(o, -1, "a longer one than before, so that its block is another"), 0);
	t_is(set(o, 4, "x"), -ERANGE);
	t_is(set(o, -5, "x"), -ERANGE);
	t_items(o, "a,B,c,a longer one than before, so that its block is another");
	t_is(ipcfs_list_delete(o, 4, NULL), -ERANGE);
	t_is(ipcfs_list_delete(o, -5, NULL), -ERANGE);
	t_is(ipcfs_list_delete(o, 3, NULL), 0);
	t_is(ipcfs_list_delete(o, -2, NULL), 0);
	t_items(o, "a,c");
	t_is(ipcfs_list_delete(o, 0, NULL), 0);
	t_is(ipcfs_list_delete(o, 0, NULL), 0);
	t_is(ipcfs_list_delete(o, 0, NULL), -ERANGE);
	t_gets(o, 0, "-ERANGE");
	t_items(o, "");
}

static void inserting(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);

	t_is(insert(o, 1, "x"), -ERANGE);
	t_is(insert(o, -1, "x"), -ERANGE);
	t_is(insert(o, 0, "c"), 0);
	t_is(insert(o, 0, "a"), 0);
	t_is(insert(o, 1, "b"), 0);
	t_is(insert(o, 3, "e"), 0);
	t_is(insert(o, -1, "d"), 0); /* before the last, as in Python */
	t_is(insert(o, 6, "x"), -ERANGE);
	t_is(insert(o, -6, "x"), -ERANGE);
	t_is(insert(o, INT64_MIN, "x"), -ERANGE);
	t_items(o, "a,b,c,d,e");
	t_is(insert(o, -5, "0"), 0);
	t_items(o, "0,a,b,c,d,e");
	t_pops(o, 2, "b");
	t_pops(o, -2, "d");
	t_pops(o, 4, "-ERANGE");
	t_pops(o, -5, "-ERANGE");
	t_items(o, "0,a,c,e");
}

static void all_at_once(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	struct iovec v[2] = {{(void *)"x", 1}, {(void *)"yy", 2}};

	t_is(ipcfs_list_extend(o, v, 0, NULL), -EINVAL);
	t_is(ipcfs_list_replace(o, v, 2, NULL), 0);
	t_items(o, "x,yy");
	extend(o, "a,b,c");
	t_items(o, "x,yy,a,b,c");
	t_is(ipcfs_list_replace(o, v, 1, NULL), 0);
	t_items(o, "x");
	t_is(ipcfs_list_replace(o, NULL, 0, NULL), 0);
	t_items(o, "");
	extend(o, "a,b,c");
	t_is(ipcfs_list_clear(o), 3);
	t_is(ipcfs_list_clear(o), 0);
	t_items(o, "");
	extend(o, "d");
	t_items(o, "d");
}

static void compare(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	struct iovec v = {(void *)"x", 1};
	struct ipcfs_stat st;
	uint64_t changes, old;
	struct iovec *items;

	extend(o, "a,b");
	t_stat_of(o, &st);
	changes = st.changes;
	t_is(ipcfs_list_insert(o, 1, "1", 1, &changes), 0);
	old = changes;
	t_is(ipcfs_list_set(o, 0, "2", 1, &changes), 0);
	t_check(changes > old);
	t_is(ipcfs_list_set(o, 0, "no", 2, &old), -ECANCELED);
	t_is(ipcfs_list_insert(o, 0, "no", 2, &old), -ECANCELED);
	t_is(ipcfs_list_delete(o, 0, &old), -ECANCELED);
	t_is(ipcfs_list_extend(o, &v, 1, &old), -ECANCELED);
	t_is(ipcfs_list_replace(o, &v, 1, &old), -ECANCELED);
	t_items(o, "2,1,b");
	t_is(ipcfs_list_delete(o, -1, &changes), 0);
	t_is(ipcfs_list_extend(o, &v, 1, &changes), 0);
	t_items(o, "2,1,x");
	t_is(ipcfs_list_items(o, &items, &old), 3);
	free(items);
	t_check(old == changes);
	t_is(ipcfs_list_get(o, 0, NULL, 0, &old), 1);
	t_check(old == changes);
	t_is(ipcfs_list_replace(o, &v, 1, &changes), 0);
	t_items(o, "x");
	t_is(ipcfs_list_set(o, 3, "no", 2, &changes), -ERANGE); /* is no change */
	t_is(ipcfs_list_set(o, 0, "y", 1, &changes), 0);
}

static void buffers(void)
{
	struct ipcfs_object *o = t_object(L, "l", NULL);
	char buf[8] = "........";

	extend(o, "abcdef");
	t_is(ipcfs_list_get(o, 0, buf, 3, NULL), 6);
	assert_memory_equal(buf, "abc.....", 8);
	t_is(ipcfs_list_pop(o, 0, buf, 5, 0), -EMSGSIZE);
	t_items(o, "abcdef");
	t_is(ipcfs_list_pop(o, 0, buf, 6, 0), 6);
	assert_memory_equal(buf, "abcdef..", 8);
}

static void limits(void)
{
	struct ipcfs_object *o = t_list("l", 10), *other = t_object(IPCFS_EVENT, "e", NULL);
	struct iovec v[3] = {{(void *)"123456", 6}, {(void *)"123456", 6}, {(void *)"1", 1}};
	static char big[IPCFS_ITEM_MAX + 1];
	struct iovec *items;

	t_is(ipcfs_list_append(o, "12345678901", 11), -EMSGSIZE);
	t_is(ipcfs_list_extend(o, v, 2, NULL), -ENOSPC);
	t_is(ipcfs_list_replace(o, v, 2, NULL), -ENOSPC);
	t_items(o, "");
	t_is(ipcfs_list_append(o, "1234567890", 10), 0);
	t_is(ipcfs_list_append(o, "", 0), 0);
	t_is(ipcfs_list_append(o, "1", 1), -ENOSPC);
	t_is(insert(o, 0, "1"), -ENOSPC);
	t_is(set(o, 0, "12345678901"), -EMSGSIZE);
	t_is(set(o, 1, "1"), -ENOSPC);
	t_is(set(o, 0, "123456789"), 0);
	t_is(set(o, 1, "1"), 0);
	t_is(ipcfs_list_replace(o, v + 1, 2, NULL), 0);
	t_items(o, "123456,1");
	o = t_object(L, "big", NULL);
	t_is(ipcfs_list_append(o, big, IPCFS_ITEM_MAX + 1), -EMSGSIZE);
	t_is(ipcfs_list_insert(o, 0, big, IPCFS_ITEM_MAX + 1, NULL), -EMSGSIZE);
	v[1] = (struct iovec){big, IPCFS_ITEM_MAX + 1};
	t_is(ipcfs_list_extend(o, v, 3, NULL), -EMSGSIZE);
	t_is(ipcfs_list_replace(o, v, 3, NULL), -EMSGSIZE);
	t_is(ipcfs_list_append(o, big, IPCFS_ITEM_MAX), 0);
	t_is(ipcfs_list_get(o, 0, NULL, 0, NULL), IPCFS_ITEM_MAX);
	t_is(ipcfs_list_set(o, 0, big, IPCFS_ITEM_MAX + 1, NULL), -EMSGSIZE);
	t_is(ipcfs_list_append(other, "x", 1), -EINVAL);
	t_is(ipcfs_list_items(other, &items, NULL), -EINVAL);
	t_is(ipcfs_list_count(other), -EINVAL);
	t_is(ipcfs_event_set(o), -EINVAL);
	t_is(ipcfs_queue_put(o, "x", 1, 0), -EINVAL);
}

static void stat_tells(void)
{
	struct ipcfs_object *o = t_list("l", 1000);
	struct ipcfs_stat st;

	extend(o, "a,bb,ccc");
	t_stat_of(o, &st);
	t_is(st.messages, 3);
	t_is(st.bytes, 6);
	t_is(st.properties.given, IPCFS_P_CAPACITY);
	t_is(st.properties.capacity, 1000);
	t_pops(o, 1, "bb");
	t_is(set(o, 0, "aaaa"), 0);
	t_stat_of(o, &st);
	t_is(st.messages, 2);
	t_is(st.bytes, 7);
	o = t_object(L, "none", NULL);
	t_stat_of(o, &st);
	t_is(st.properties.given, 0);
}

static const struct t_case tests[] = {
	T_TEST(ends),	 T_TEST(indices), T_TEST(inserting), T_TEST(all_at_once),
	T_TEST(compare), T_TEST(buffers), T_TEST(limits),    T_TEST(stat_tells),
};

int main(void)
{
	return T_RUN(tests);
}
