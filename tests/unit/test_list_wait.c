/* SPDX-License-Identifier: MIT
 *
 * test_list_wait.c - lists: waiting for an item and being woken, many programs at once, some of them killed.
 */
#include "t_items.h"

/* Each has a capacity, so a segment that is not large: valgrind reads all of it when a child ends. */

/* ---- waiting ----------------------------------------------------------------------------------- */

static long pop_call(struct ipcfs_object *o, long index, int64_t deadline_ns)
{
	char buf[64];
	ssize_t n = ipcfs_list_pop(o, index, buf, sizeof(buf), deadline_ns);

	return n < 0 ? n : buf[0];
}

static void waiting(void)
{
	struct ipcfs_object *o = t_list("l", 20000);
	struct t_call *first, *last, *past;

	first = t_start_waiting((struct t_call){
		.kind = L, .name = "l", .function = pop_call, .timeout_ns = 100 * T_SECOND});
	t_is(ipcfs_list_append(o, "a", 1), 0);
	t_ends_with(first, 'a');
	last = t_start_waiting((struct t_call){.kind = L,
					       .name = "l",
					       .function = pop_call,
					       .arg = -1,
					       .timeout_ns = 100 * T_SECOND});
	extend(o, "x,y,z");
	t_ends_with(last, 'z');
	t_items(o, "x,y");
	t_is(ipcfs_list_clear(o), 2);
	past = t_start_waiting((struct t_call){.kind = L,
					       .name = "l",
					       .function = pop_call,
					       .arg = 1,
					       .timeout_ns = 100 * T_SECOND});
	t_is(insert(o, 0, "only"), 0);
	t_ends_with(past, -ERANGE);
	t_items(o, "only");
	t_pops(o, 0, "only");
	t_ends_with(t_start((struct t_call){
			    .kind = L, .name = "l", .function = pop_call, .timeout_ns = 5 * T_MS}),
		    -ETIMEDOUT);
}

/* Several at once, each gets one. */
static void all_are_woken(void)
{
	struct ipcfs_object *o = t_list("l", 20000);
	struct t_call *calls[5];
	long sum = 0;

	for (int i = 0; i < 5; i++)
		calls[i] = t_start_waiting((struct t_call){.kind = L,
							   .name = "l",
							   .function = pop_call,
							   .timeout_ns = 100 * T_SECOND});
	extend(o, "a,b,c,d,e,f");
	for (int i = 0; i < 5; i++) {
		t_is(t_wait(calls[i]->pid), 0);
		sum += calls[i]->result;
	}
	t_is(sum, 'a' + 'b' + 'c' + 'd' + 'e');
	t_items(o, "f");
	/* One who cannot use what woke him passes it on. */
	t_pops(o, 0, "f");
	calls[0] = t_start_waiting((struct t_call){.kind = L,
						   .name = "l",
						   .function = pop_call,
						   .arg = 3,
						   .timeout_ns = 100 * T_SECOND});
	calls[1] = t_start_waiting((struct t_call){
		.kind = L, .name = "l", .function = pop_call, .timeout_ns = 100 * T_SECOND});
	extend(o, "g");
	t_ends_with(calls[0], -ERANGE);
	t_ends_with(calls[1], 'g');
}

static void ended_waits(void)
{
	struct ipcfs_object *o = t_list("l", 20000);
	struct t_call *killed, *removed;

	killed = t_start_waiting((struct t_call){
		.kind = L, .name = "l", .function = pop_call, .timeout_ns = 100 * T_SECOND});
	t_kill(killed->pid);
	extend(o, "a");
	t_items(o, "a");
	t_pops(o, 0, "a");
	removed = t_start_waiting((struct t_call){
		.kind = L, .name = "l", .function = pop_call, .timeout_ns = 100 * T_SECOND});
	t_is(ipcfs_unlink(t.store, L, "l"), 0);
	t_ends_with(removed, -EIDRM);
	t_is(ipcfs_list_append(o, "a", 1), -EIDRM);
}

/* ---- with others ------------------------------------------------------------------------------- */

enum { APPENDERS = 4 };

static int appender(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;
	int who = (int)(intptr_t)arg, n = t_count(5000);
	char item[16];

	t_is(ipcfs_open(store, L, "l", 0, 0, NULL, &o), 0);
	for (int i = 0; i < n; i++) {
		int len = snprintf(item, sizeof(item), "%d %d", who, i);

		t_is(t_again(ipcfs_list_append(o, item, (size_t)len)), 0);
	}
	return 0;
}

/* Each one's items come in his order, and none is lost, though one is killed now and then. */
static void appended_by_many(void)
{
	struct ipcfs_object *o = t_list("l", 2000000);
	int next[APPENDERS] = {0}, who, i, left = APPENDERS;
	pid_t pids[APPENDERS];
	char buf[17];

	for (int k = 0; k < APPENDERS; k++)
		pids[k] = t_fork(appender, (void *)(intptr_t)k);
	for (int k = 0; k < APPENDERS; k++)
		t_is(t_wait(pids[k]), 0);
	while (left) {
		ssize_t n = ipcfs_list_pop(o, 0, buf, 16, 0);

		t_check(n > 0);
		buf[n] = '\0';
		t_check(sscanf(buf, "%d %d", &who, &i) == 2 && who >= 0 && who < APPENDERS);
		t_is(i, next[who]++);
		left -= next[who] == t_count(5000);
	}
	t_is(ipcfs_list_count(o), 0);
}

static _Atomic int *progress;

static int endless(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;
	struct iovec v[3] = {{(void *)"aaa", 3}, {(void *)"bb", 2}, {(void *)"c", 1}};
	char buf[16];

	(void)arg;
	t_is(ipcfs_open(store, L, "l", 0, 0, NULL, &o), 0);
	for (;;) {
		ipcfs_list_extend(o, v, 3, NULL);
		ipcfs_list_insert(o, 1, "bb", 2, NULL);
		ipcfs_list_set(o, 0, "c", 1, NULL);
		ipcfs_list_pop(o, -1, buf, sizeof(buf), 0);
		ipcfs_list_pop(o, 0, buf, sizeof(buf), 0);
		if (ipcfs_list_count(o) > 40)
			ipcfs_list_replace(o, v, 3, NULL);
		(*progress)++;
	}
	return 0;
}

static void killed_in_the_middle(void)
{
	struct ipcfs_object *o = t_list("l", 20000);

	progress = t_shared(sizeof(*progress));
	for (int i = 0, n = t_count(300); i < n; i++) {
		pid_t pids[2] = {t_fork(endless, NULL), t_fork(endless, NULL)};
		int seen = *progress;

		t_until(*progress > seen + 3);
		t_kill(pids[0]);
		t_kill(pids[1]);
		t_is(ipcfs_list_append(o, "bb", 2), 0);
		for (const char *at = items_of(o); *at; at++)
			t_check(strchr("abc,", *at));
	}
	munmap(progress, sizeof(*progress));
}

static const struct t_case tests[] = {
	T_TEST(waiting),	  T_TEST(all_are_woken),	T_TEST(ended_waits),
	T_TEST(appended_by_many), T_TEST(killed_in_the_middle),
};

int main(void)
{
	return T_RUN(tests);
}
