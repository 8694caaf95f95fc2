/* SPDX-License-Identifier: MIT
 *
 * test_channel.c - channels: each firing is told to all who wait, in order; who comes late is told of each signal once.
 */
#include "t_core.h"

enum { KEPT = 2047 }; /* firings that can be told one by one */

static long wait_call(struct ipcfs_object *o, long seen, int64_t deadline_ns)
{
	uint64_t at = (uint64_t)seen;
	long n = ipcfs_channel_wait(o, &at, deadline_ns);

	return n < 0 ? n : n * 1000 + (long)at;
}

static struct ipcfs_object *channel(void)
{
	return t_object(IPCFS_SIGNAL, "c", NULL);
}

static void fire(struct ipcfs_object *c, int signal, int times)
{
	while (times--)
		t_is(ipcfs_channel_fire(c, signal), 0);
}

static void each_firing_in_order(void)
{
	struct ipcfs_object *c = channel();
	struct ipcfs_stat st;
	uint64_t seen = 0, other = 0;

	t_is(ipcfs_channel_wait(c, &seen, 0), -EAGAIN);
	t_is(ipcfs_channel_wait(c, &seen, 1), -ETIMEDOUT);
	t_stat_of(c, &st);
	t_is((long)st.value, 0);
	t_is(st.signal, 0);
	for (int n = 1; n <= IPCFS_SIGNAL_MAX; n++)
		t_is(ipcfs_channel_fire(c, n), 0);
	t_stat_of(c, &st);
	t_is((long)st.value, IPCFS_SIGNAL_MAX);
	t_is(st.signal, IPCFS_SIGNAL_MAX);
	for (int n = 1; n <= IPCFS_SIGNAL_MAX; n++) {
		t_is(ipcfs_channel_wait(c, &seen, 0), n);
		t_is((long)seen, n);
	}
	t_is(ipcfs_channel_wait(c, &seen, 0), -EAGAIN);
	t_is(ipcfs_channel_wait(c, &other, 0), 1); /* nothing was taken */
	seen = IPCFS_SIGNAL_MAX - 1;
	t_is(ipcfs_channel_wait(c, &seen, 0), IPCFS_SIGNAL_MAX);
}

static void wrong_arguments(void)
{
	struct ipcfs_object *c = channel();
	uint64_t seen = 1;
	struct ipcfs_stat st;

	t_is(ipcfs_channel_fire(c, 0), -EINVAL);
	t_is(ipcfs_channel_fire(c, -1), -EINVAL);
	t_is(ipcfs_channel_fire(c, IPCFS_SIGNAL_MAX + 1), -EINVAL);
	t_is(ipcfs_channel_wait(c, &seen, IPCFS_FOREVER), -EINVAL);
	t_is((long)seen, 1);
	t_stat_of(c, &st);
	t_is((long)st.value, 0);
	t_is((long)st.changes, 0);
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == IPCFS_SIGNAL)
			continue;
		seen = 0;
		t_is(ipcfs_channel_fire(o, SIGTERM), -EINVAL);
		t_is(ipcfs_channel_wait(o, &seen, 0), -EINVAL);
	}
}

static void names_that_are_no_channels(void)
{
	static const struct {
		const char *name;
		int rc;
	} names[] = {{"1", -EINVAL},	  {"12ab", -EINVAL}, {"self", -EINVAL},
		     {"team/7", -EINVAL}, {"self2", 0},	     {"team/self", 0},
		     {"a1", 0},		  {"-1", 0},	     {"team2/x", -ENOENT}};

	t_is(ipcfs_mkdir(t.store, IPCFS_SIGNAL, "team", 0700), 0);
	t_is(ipcfs_mkdir(t.store, IPCFS_SIGNAL, "1team", 0700), -EINVAL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ipcfs_object *o = NULL;
		int rc = ipcfs_open(t.store, IPCFS_SIGNAL, names[i].name, IPCFS_CREATE, 0600, NULL,
				    &o);

		t_row(names[i].name, rc, names[i].rc);
		ipcfs_close(o);
	}
}

static void one_firing_wakes_all(void)
{
	enum { WAITERS = 20 };
	struct ipcfs_object *c = channel();
	struct t_call *calls[WAITERS],
		call = {.kind = IPCFS_SIGNAL, .name = "c", .function = wait_call, .timeout_ns = -1};

	for (int i = 0; i < WAITERS; i++)
		calls[i] = t_start_waiting(call);
	for (int i = 0; i < WAITERS; i += 5)
		t_kill(calls[i]->pid);
	fire(c, SIGUSR1, 1);
	for (int i = 0; i < WAITERS; i++)
		if (i % 5)
			t_ends_with(calls[i], SIGUSR1 * 1000 + 1);
}

/* The ring, to its last entry and past it. */
static void late_comers(void)
{
	struct ipcfs_object *c = channel();
	uint64_t seen = 0;

	fire(c, SIGTERM, 3);
	fire(c, SIGUSR1, KEPT - 3);
	t_is(ipcfs_channel_wait(c, &seen, 0), SIGTERM); /* all are still there */
	t_is((long)seen, 1);
	fire(c, SIGUSR1, 2); /* firings 1 and 2 are gone, but not the third */
	seen = 0;
	t_is(ipcfs_channel_wait(c, &seen, 0), SIGTERM);
	t_is((long)seen, 3);
	seen = 1;
	fire(c, SIGUSR2, 10);
	t_is(ipcfs_channel_wait(c, &seen, 0), SIGTERM);
	t_is((long)seen, 3);
	t_is(ipcfs_channel_wait(c, &seen, 0), SIGUSR1); /* some of these are */
	t_is((long)seen, 13);
	for (int i = 14; i <= KEPT + 2; i++)
		t_is(ipcfs_channel_wait(c, &seen, 0), SIGUSR1);
	for (int i = 0; i < 10; i++)
		t_is(ipcfs_channel_wait(c, &seen, 0), SIGUSR2);
	t_is(ipcfs_channel_wait(c, &seen, 0), -EAGAIN);
}

/* Whoever looks however late misses no signal, and is told of none that was not fired since. */
static void no_signal_is_missed(void)
{
	struct ipcfs_object *c = channel();

	for (int round = 0; round < t_count(40); round++) {
		uint64_t begin, seen, fired = 0, told = 0;
		struct ipcfs_stat st;
		int n;

		t_stat_of(c, &st);
		begin = seen = st.value;
		for (int i = (int)t_below(3 * KEPT); i >= 0; i--) {
			n = 1 + (int)t_below(round % 2 ? 64 : 2);
			fire(c, n, 1);
			fired |= 1ull << (n - 1);
		}
		while ((n = ipcfs_channel_wait(c, &seen, 0)) > 0) {
			t_check(seen > begin);
			begin = seen;
			told |= 1ull << (n - 1);
		}
		t_is(n, -EAGAIN);
		t_check(told == fired);
	}
}

/* One fires, another listens; nothing comes twice, nothing but what was fired. */
static int listen_to(void *arg)
{
	const int *count = arg;
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *c;
	uint64_t seen = 0;

	t_is(ipcfs_open(store, IPCFS_SIGNAL, "c", 0, 0, NULL, &c), 0);
	while (seen < (uint64_t)*count) {
		uint64_t before = seen;
		int n = ipcfs_channel_wait(c, &seen, IPCFS_FOREVER);

		t_check(n > 0 && seen > before);
		t_is(n, 1 + (int)(seen - 1) % 64);
	}
	return 0;
}

static void many_listen_while_one_fires(void)
{
	int count = t_count(20000);
	struct ipcfs_object *c = channel();
	pid_t kids[3];

	for (int i = 0; i < 3; i++)
		kids[i] = t_fork(listen_to, &count);
	for (int i = 0; i < count; i++)
		fire(c, 1 + i % 64, 1);
	for (int i = 0; i < 3; i++)
		t_is(t_wait(kids[i]), 0);
}

/* Its page of firings has no memory before the first. */
static void its_memory_comes_with_the_first_firing(void)
{
	struct ipcfs_object *c = channel();
	struct stat st;

	t_is(stat(t_path("signals/c"), &st), 0);
	t_is(st.st_blocks, 8);
	fire(c, SIGUSR1, 1);
	t_is(stat(t_path("signals/c"), &st), 0);
	t_is(st.st_blocks, 16);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(each_firing_in_order),
		T_TEST(wrong_arguments),
		T_TEST(names_that_are_no_channels),
		T_TEST(one_firing_wakes_all),
		T_TEST(late_comers),
		T_TEST(no_signal_is_missed),
		T_TEST(many_listen_while_one_fires),
		T_TEST(its_memory_comes_with_the_first_firing),
	};

	return T_RUN(tests);
}
