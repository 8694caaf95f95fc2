/* SPDX-License-Identifier: MIT
 *
 * test_full.c - a store that is full: ENOSPC, nothing half there, and on it goes once there is room.
 * Each test runs in a child with a small tmpfs of its own; skipped where that may not be mounted.
 */
#include "t_core.h"

#if defined(IPCFS_VALGRIND)
#include <valgrind/valgrind.h>
#endif

#define Q IPCFS_QUEUE
#define A IPCFS_ARRAY

static int (*inside)(void);
static const char *mount_options;
static struct ipcfs_store *small; /* the store in it */

static int mount_and_run(void *arg)
{
	char dir[300];

	(void)arg;
#if defined(IPCFS_VALGRIND)
	/* It reads all that is mapped, and a hole in a file has no page in a full store. */
	VALGRIND_CLO_CHANGE("--leak-check=no");
#endif
	if (t_private_tmpfs(t_path("small"), mount_options) < 0)
		return 77;
	snprintf(dir, sizeof(dir), "%s/store", t_path("small"));
	t_is(ipcfs_store_open(dir, &small), 0);
	return inside();
}

static void run_inside(const char *options, int (*function)(void))
{
	inside = function;
	mount_options = options;
	t_is(mkdir(t_path("small"), 0755), 0);
	int rc = t_wait(t_fork(mount_and_run, NULL));
	if (rc == 77)
		skip();
	t_is(rc, 0);
}

static struct ipcfs_object *make(enum ipcfs_kind kind, const char *name,
				 const struct ipcfs_properties *p)
{
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(small, kind, name, IPCFS_CREATE, 0600, p, &o), 0);
	return o;
}

static int create_array(const char *name, uint64_t len, struct ipcfs_object **o)
{
	struct ipcfs_properties p = {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'b', .len = len};

	return ipcfs_open(small, A, name, IPCFS_CREATE, 0600, &p, o);
}

/* Until there is not one page left; gives how many files it took. */
static int fill_up(void)
{
	struct ipcfs_object *o = NULL;
	char name[32];
	int n = 0;

	for (uint64_t len = 1 << 16; len; len >>= 1) {
		int rc;

		do {
			snprintf(name, sizeof(name), "fill%d", n++);
			rc = create_array(name, len, &o);
			if (rc == 0)
				ipcfs_close(o);
		} while (rc == 0);
		t_is(rc, -ENOSPC);
		t_is(ipcfs_open(small, A, name, 0, 0, NULL, &o), -ENOENT);
		n--;
	}
	/* an array takes two pages at least, an event one */
	if (ipcfs_open(small, IPCFS_EVENT, "last", IPCFS_CREATE, 0600, NULL, &o) == 0)
		ipcfs_close(o);
	return n;
}

static void make_room(int n)
{
	char name[32];

	ipcfs_unlink(small, IPCFS_EVENT, "last");
	while (n-- > 0) {
		snprintf(name, sizeof(name), "fill%d", n);
		t_is(ipcfs_unlink(small, A, name), 0);
	}
}

static int count_one(void *arg, const char *name, bool is_folder)
{
	(void)name;
	(void)is_folder;
	(*(int *)arg)++;
	return 0;
}

static int creation_inside(void)
{
	struct ipcfs_object *e = make(IPCFS_EVENT, "e", NULL);
	int n = fill_up(), listed = 0, fds = t_fds();

	t_check(n > 3);
	t_is(ipcfs_list(small, A, NULL, count_one, &listed), 0);
	t_is(listed, n);
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_properties p = {.given = IPCFS_P_TYPE, .type = 's', .len = 3};
		struct ipcfs_object *o = NULL;

		if (kind == A)
			p.given |= IPCFS_P_LEN;
		else if (kind != IPCFS_VALUE)
			p.given = 0;
		if (kind == IPCFS_BARRIER)
			p = (struct ipcfs_properties){.given = IPCFS_P_PARTIES, .parties = 2};
		t_is(ipcfs_open(small, kind, "none", IPCFS_CREATE, 0600, &p, &o), -ENOSPC);
		t_is(ipcfs_open(small, kind, "none", 0, 0, NULL, &o), -ENOENT);
		t_is(ipcfs_unlink(small, kind, "none"), -ENOENT);
	}
	t_is(t_fds(), fds);
	make_room(n);
	t_is(ipcfs_event_set(e), 0);
	t_check(abs(fill_up() - n) <= 1); /* all of the room came back, but for the member's page */
	return 0;
}

static void creation(void)
{
	run_inside("size=512k", creation_inside);
}

static int put_inside(void)
{
	struct ipcfs_properties p = {.given = IPCFS_P_CAPACITY, .capacity = 1 << 30};
	struct ipcfs_object *q = make(Q, "q", &p);
	static char out[5000], in[5000];
	int puts = 0, gets = 0, rc, n;
	struct ipcfs_stat st;

	do {
		memset(in, puts, sizeof(in));
		rc = ipcfs_queue_put(q, in, (size_t)(1000 + puts % 7), 0);
		puts += rc == 0;
	} while (rc == 0);
	t_is(rc, -ENOSPC);
	t_is(ipcfs_queue_put(q, in, 5000, IPCFS_FOREVER), -ENOSPC); /* does not wait */
	t_check(puts > 100);
	t_stat_of(q, &st);
	t_is(st.messages, puts);
	/* none is half there, and there is room again where they were */
	for (gets = 0; gets < puts; gets++) {
		memset(in, gets, sizeof(in));
		t_is(ipcfs_queue_get(q, out, sizeof(out), 0), 1000 + gets % 7);
		t_is(memcmp(in, out, (size_t)(1000 + gets % 7)), 0);
	}
	t_is(ipcfs_queue_get(q, out, sizeof(out), 0), -EAGAIN);
	for (gets = 0; gets < puts; gets++)
		t_is(ipcfs_queue_put(q, in, 1000, 0), 0);
	t_is(ipcfs_queue_clear(q), puts);
	n = fill_up();
	/* more than ever: there is none for it, until something goes */
	static char large[200000];
	t_is(ipcfs_queue_put(q, large, sizeof(large), 0), 0); /* has it from before */
	t_is(ipcfs_queue_put(q, large, sizeof(large), 0), -ENOSPC);
	make_room(n);
	t_is(ipcfs_queue_clear(q), 1);
	return 0;
}

static void put(void)
{
	run_inside("size=400k", put_inside);
}

static int batch_inside(void)
{
	struct ipcfs_object *q = make(Q, "q", NULL);
	static char bytes[4096];
	struct iovec v[100];
	int total = 0, rc;

	for (int i = 0; i < 100; i++)
		v[i] = (struct iovec){.iov_base = bytes, .iov_len = 3000};
	fill_up();
	t_is(ipcfs_unlink(small, A, "fill0"), 0); /* 64 KiB and two pages */
	do {
		rc = ipcfs_queue_put_many(q, v, 100, 0);
		total += rc > 0 ? rc : 0;
	} while (rc > 0);
	t_is(rc, -ENOSPC);
	t_check(total > 10 && total < 40);
	t_is(ipcfs_queue_get_many(q, v, 100, 0), total);
	return 0;
}

/* As many as fit into what memory there is. */
static void batch(void)
{
	run_inside("size=400k", batch_inside);
}

static int list_inside(void)
{
	struct ipcfs_object *l = make(IPCFS_LIST, "l", NULL);
	static char item[3000], out[3000];
	struct iovec v[40], *items;
	size_t len = 1000;
	int n = 0, rc, filled;

	for (int i = 0; i < 40; i++)
		v[i] = (struct iovec){item, 3000};
	while ((rc = ipcfs_list_append(l, memset(item, n, sizeof(item)), len)) == 0) {
		len++;
		n++;
	}
	t_is(rc, -ENOSPC);
	t_check(n > 100);
	t_is(ipcfs_list_extend(l, v, 40, NULL), -ENOSPC);
	t_is(ipcfs_list_replace(l, v, 40, NULL), -ENOSPC); /* both have no room */
	t_is(ipcfs_list_count(l), n);
	t_is(ipcfs_list_items(l, &items, NULL), n);
	for (int i = 0; i < n; i++) {
		t_is(items[i].iov_len, 1000 + i);
		t_is(memcmp(items[i].iov_base, memset(out, i, 1000), 1000), 0);
	}
	free(items);
	/* what goes makes room for as much */
	t_is(ipcfs_list_pop(l, 0, out, sizeof(out), 0), 1000);
	t_is(ipcfs_list_append(l, item, 1000), 0);
	t_is(ipcfs_list_clear(l), n);
	filled = fill_up();
	t_is(ipcfs_list_append(l, item, 3000), 0); /* it has some of its memory left */
	while ((rc = ipcfs_list_extend(l, v, 40, NULL)) == 0)
		;
	t_is(rc, -ENOSPC);
	make_room(filled);
	t_is(ipcfs_list_clear(l) % 40, 1);
	return 0;
}

static void list(void)
{
	run_inside("size=400k", list_inside);
}

static int cells_inside(void)
{
	struct ipcfs_properties text = {
		.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 60000};
	struct ipcfs_object *v = make(IPCFS_VALUE, "v", &text), *a = NULL;
	static char bytes[60000], out[60000];
	int n;

	memset(bytes, 'x', sizeof(bytes));
	t_is(create_array("a", 60000, &a), 0);
	t_is(ipcfs_array_set(a, 5, 1, "y"), 0);
	n = fill_up();
	/* the first one of more than 8 bytes needs room beside, to be all or nothing */
	t_is(ipcfs_value_set(v, bytes, 60000), -ENOSPC);
	t_is(ipcfs_value_set(v, bytes, 3), -ENOSPC);
	t_is(ipcfs_value_get(v, out, sizeof(out), NULL), 0);
	t_is(ipcfs_array_set(a, 0, 60000, bytes), -ENOSPC);
	t_is(ipcfs_array_op(a, 0, 60000, IPCFS_ADD, (union ipcfs_number){.i = 1}), -ENOSPC);
	t_is(ipcfs_array_get(a, 0, 60000, out, sizeof(out), NULL), 60000);
	t_is(out[4] + out[5] + out[6], 'y');
	t_is(ipcfs_array_set(a, 6, 1, "z"), 0); /* one element needs none */
	make_room(n);
	t_is(ipcfs_value_set(v, bytes, 60000), 0);
	t_is(ipcfs_array_set(a, 0, 60000, bytes), 0);
	fill_up();
	t_is(ipcfs_value_set(v, bytes, 59999), 0); /* has it now */
	t_is(ipcfs_array_op(a, 0, 60000, IPCFS_SUB, (union ipcfs_number){.i = 1}), 0);
	t_is(ipcfs_value_get(v, out, sizeof(out), NULL), 59999);
	t_is(memcmp(out, bytes, 59999), 0);
	return 0;
}

static void cells(void)
{
	run_inside("size=640k", cells_inside);
}

static int dict_inside(void)
{
	struct ipcfs_object *d = make(IPCFS_DICT, "d", NULL);
	static char value[1000], out[1000];
	char name[16];
	int n = 0, rc;

	do {
		snprintf(name, sizeof(name), "k%d", n);
		memset(value, n, sizeof(value));
		rc = ipcfs_dict_set(d, name, value, sizeof(value));
		n += rc == 0;
	} while (rc == 0);
	t_is(rc, -ENOSPC);
	t_check(n > 100);
	t_is(ipcfs_dict_count(d), n);
	for (int i = 0; i < n; i++) { /* none is half there */
		snprintf(name, sizeof(name), "k%d", i);
		memset(value, i, sizeof(value));
		t_is(ipcfs_dict_get(d, name, out, sizeof(out), NULL), sizeof(out));
		t_is(memcmp(value, out, sizeof(out)), 0);
		t_is(ipcfs_dict_remove(d, name), 0);
	}
	for (int i = 0; i < n; i++) { /* and there is room again where they were */
		snprintf(name, sizeof(name), "k%d", i);
		t_is(ipcfs_dict_set(d, name, value, sizeof(value)), 0);
	}
	t_is(ipcfs_dict_clear(d), n);
	return 0;
}

static void dict(void)
{
	run_inside("size=400k", dict_inside);
}

static int newcomer(void *arg)
{
	struct ipcfs_store *store = NULL;
	struct ipcfs_object *q = NULL;
	char buf[10];

	t_is(ipcfs_store_open(ipcfs_store_dir(small), &store), 0);
	t_is(ipcfs_open(store, Q, "q", 0, 0, NULL, &q), 0);
	t_is(ipcfs_queue_get(q, buf, 10, 0), *(int *)arg);
	return 0;
}

/* The first claim needs a page. */
static int hold_inside(void)
{
	struct ipcfs_properties p = {.given = IPCFS_P_VALUE, .value = 3};
	struct ipcfs_object *s = make(IPCFS_SEMAPHORE, "s", &p);

	t_is(ipcfs_semaphore_acquire(s, 1, 0), 0); /* we are a member now */
	int n = fill_up();
	t_is(ipcfs_semaphore_hold(s, 1, 0), -ENOSPC);
	t_is(ipcfs_semaphore_value(s), 2);
	t_is(ipcfs_semaphore_acquire(s, 1, 0), 0);
	t_is(ipcfs_semaphore_release(s, 2), 0);
	make_room(n);
	t_is(ipcfs_semaphore_hold(s, 3, 0), 0);
	t_is(ipcfs_semaphore_value(s), 0);
	t_is(ipcfs_semaphore_release(s, 3), 0);
	return 0;
}

static void hold(void)
{
	run_inside("size=400k", hold_inside);
}

static int newcomer_inside(void)
{
	struct ipcfs_object *q = make(Q, "q", NULL);
	int full = -ENOSPC, three = 3;

	t_is(ipcfs_queue_put(q, "one", 3, 0), 0);
	int n = fill_up();
	/* to become a member takes a page */
	t_is(t_wait(t_fork(newcomer, &full)), 0);
	make_room(n);
	t_is(t_wait(t_fork(newcomer, &three)), 0);
	return 0;
}

static void a_newcomer_to_a_full_store(void)
{
	run_inside("size=256k", newcomer_inside);
}

/* Files run out before bytes do. */
static int inodes_inside(void)
{
	struct ipcfs_object *o = NULL;
	char name[32];
	int n = 0, rc;

	t_is(ipcfs_event_set(make(IPCFS_EVENT, "e", NULL)), 0);
	do {
		snprintf(name, sizeof(name), "q%d", n++);
		rc = ipcfs_open(small, Q, name, IPCFS_CREATE, 0600, NULL, &o);
		if (rc == 0)
			ipcfs_close(o);
	} while (rc == 0);
	t_is(rc, -ENOSPC);
	t_is(ipcfs_open(small, Q, name, 0, 0, NULL, &o), -ENOENT);
	t_is(ipcfs_mkdir(small, Q, "folder", 0700), -ENOSPC);
	t_is(ipcfs_unlink(small, Q, "q0"), 0);
	t_is(ipcfs_open(small, Q, name, IPCFS_CREATE, 0600, NULL, &o), 0);
	t_is(ipcfs_queue_put(o, "x", 1, 0), 0);
	return 0;
}

static void no_more_files(void)
{
	run_inside("size=1m,nr_inodes=40", inodes_inside);
}

/* A store that is full now and has room in the next moment is no damage. */
static int come_and_go(void *arg)
{
	struct ipcfs_store *store = NULL;
	struct ipcfs_object *o = NULL;

	(void)arg;
	t_is(ipcfs_store_open(ipcfs_store_dir(small), &store), 0);
	small = store;
	for (;;) {
		int rc = create_array("room", 150000, &o);

		if (rc == 0)
			ipcfs_close(o);
		else
			t_is(rc, -ENOSPC);
		rc = ipcfs_unlink(small, A, "room");
		t_check(rc == 0 || rc == -ENOENT);
	}
}

static int which_is_it_inside(void)
{
	static char bytes[32000];
	int stored = 0, full = 0;

	t_fork(come_and_go, NULL);
	for (int i = t_count(3000); i > 0; i--) {
		struct ipcfs_object *q = make(Q, "q", NULL);
		char buf[1];

		t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
		int rc = ipcfs_queue_put(q, bytes, 32000, 0);
		stored += rc == 0;
		full += rc == -ENOSPC;
		if (rc != 0)
			t_is(rc, -ENOSPC);
		t_is(ipcfs_queue_get(q, buf, 1, 0), 1);
		t_is(ipcfs_unlink(small, Q, "q"), 0);
		ipcfs_close(q);
	}
	t_check(stored > 0 && full > 0);
	return 0;
}

static void full_is_not_damaged(void)
{
	run_inside("size=200k", which_is_it_inside);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(creation),      T_TEST(put),
		T_TEST(batch),	       T_TEST(list),
		T_TEST(cells),	       T_TEST(dict),
		T_TEST(hold),	       T_TEST(a_newcomer_to_a_full_store),
		T_TEST(no_more_files), T_TEST(full_is_not_damaged),
	};

	return T_RUN(tests);
}
