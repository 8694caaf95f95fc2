/* SPDX-License-Identifier: MIT
 *
 * test_lock_threads.c - the inner lock: threads, and fork beside them.
 */
#include "t_core.h"

#include "t_inner_lock.h"

/* ---- threads ----------------------------------------------------------------------------------- */

/* A thread that holds it while this one waits: as busy as another process. */
static struct {
	struct ipcfs_object *o;
	_Atomic int held, let_go;
} holder;

enum { THREADS = 8 };

struct team {
	struct ipcfs_object *o;
	int rounds;
	long plain; /* changed under the lock alone */
};

static void *locking_thread(void *arg)
{
	struct team *team = arg;

	for (int i = 0; i < team->rounds; i++) {
		t_is(obj_lock(team->o, IPCFS_FOREVER, false), 0);
		team->plain++;
		t_is(obj_unlock(team->o, 0), 0);
	}
	return NULL;
}

static void threads_exclude_each_other(void)
{
	struct team team = {.o = t_queue("q", 0, 10), .rounds = t_count(20000)};
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		t_is(pthread_create(&threads[i], NULL, locking_thread, &team), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	t_is(team.plain, THREADS * team.rounds);
}

/* Two handles of the store in one process are two members. */
static void threads_of_two_members_exclude_each_other(void)
{
	struct team one = {.o = t_queue("q", 0, 10), .rounds = t_count(20000)}, two = one;
	struct ipcfs_store *other;
	pthread_t threads[2];

	open_as(Q, "q", &other, &two.o);
	t_check(one.o != two.o);
	t_is(pthread_create(&threads[0], NULL, locking_thread, &one), 0);
	t_is(pthread_create(&threads[1], NULL, locking_thread, &two), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	t_is(one.plain + two.plain, 2L * one.rounds);
	ipcfs_close(two.o);
	ipcfs_store_close(other);
}

static void *holding_thread(void *arg)
{
	(void)arg;
	t_is(obj_lock(holder.o, IPCFS_FOREVER, false), 0);
	holder.held = 1;
	while (!holder.let_go)
		usleep(300);
	t_is(obj_unlock(holder.o, 0), 0);
	return NULL;
}

static pthread_t start_holder(struct ipcfs_object *o)
{
	pthread_t thread;

	holder.o = o;
	holder.held = holder.let_go = 0;
	t_is(pthread_create(&thread, NULL, holding_thread, NULL), 0);
	t_until(holder.held);
	return thread;
}

static void another_thread_holds_it(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);
	pthread_t thread = start_holder(q);
	int64_t before = sys_now_ns();

	t_is(ipcfs_queue_put(q, "x", 1, 0), -EBUSY);
	t_check(sys_now_ns() - before >= 100 * T_MS);
	before = sys_now_ns();
	t_is(ipcfs_queue_put(q, "x", 1, ipcfs_after(200 * T_MS)), -EBUSY);
	t_check(sys_now_ns() - before >= 200 * T_MS);
	struct ipcfs_op op = {.verb = IPCFS_V_PUT, .flags = IPCFS_OP_TRYLOCK};
	t_is(ipcfs_engine_shm.try(q, &op), -EBUSY);
	holder.let_go = 1;
	t_is(ipcfs_queue_put(q, "x", 1, IPCFS_FOREVER), 0);
	pthread_join(thread, NULL);
	t_is(ipcfs_queue_clear(q), 1);
}

/* ---- fork beside threads ----------------------------------------------------------------------- */

static _Atomic int *refused;

static int child_of_a_holder(void *arg)
{
	struct ipcfs_object *q = arg;

	/* the thread is not here, but the parent lives and it goes on there */
	t_is(ipcfs_queue_put(q, "x", 1, 0), -EBUSY);
	*refused = 1;
	t_is(ipcfs_queue_put(q, "x", 1, IPCFS_FOREVER), 0);
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	return 0;
}

static void fork_while_another_thread_holds_it(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);

	refused = t_shared(sizeof(*refused));
	for (int i = 0; i < 3; i++) {
		pthread_t thread = start_holder(q);

		*refused = 0;
		pid_t pid = t_fork(child_of_a_holder, q);
		t_until(*refused && t_asleep(pid));
		holder.let_go = 1;
		pthread_join(thread, NULL);
		t_is(t_wait(pid), 0);
		t_is(ipcfs_queue_clear(q), 2);
	}
	munmap(refused, sizeof(*refused));
}

struct beside {
	struct ipcfs_object *o;
	_Atomic bool stop;
	_Atomic long puts, cleared;
};

static void *put_and_clear(void *arg)
{
	struct beside *b = arg;
	int64_t n;

	while (!b->stop) {
		t_is(ipcfs_queue_put(b->o, "y", 1, IPCFS_FOREVER), 0);
		if (++b->puts % 1000)
			continue;
		do /* it must not fill up */
			n = ipcfs_queue_clear(b->o);
		while (n == -EBUSY);
		t_check(n >= 0);
		b->cleared += n;
	}
	return NULL;
}

static int use_inherited(void *arg)
{
	struct ipcfs_object *q = arg;

	for (int i = 0; i < 10; i++)
		t_is(ipcfs_queue_put(q, "x", 1, IPCFS_FOREVER), 0);
	return 0;
}

/* At any moment of the other threads' calls. */
static void fork_at_any_moment(void)
{
	struct beside b = {.o = t_queue("q", 0, 1 << 24)};
	pthread_t threads[3];
	int children = t_count(200);
	struct ipcfs_stat st;

	t_is(ipcfs_queue_put(b.o, "x", 1, 0), 0);
	for (int i = 0; i < 3; i++)
		t_is(pthread_create(&threads[i], NULL, put_and_clear, &b), 0);
	for (int i = 0; i < children; i++)
		t_is(t_wait(t_fork(use_inherited, b.o)), 0);
	b.stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	t_stat_of(b.o, &st);
	t_is(st.messages + (uint64_t)b.cleared, 1 + b.puts + 10L * children);
}

/* The same where each child dies at once, in the midst of its calls. */
static int use_until_killed(void *arg)
{
	for (;;)
		if (ipcfs_queue_put(arg, "x", 1, IPCFS_FOREVER) < 0)
			return 1;
}

static void children_killed_beside_threads(void)
{
	struct beside b = {.o = t_queue("q", 0, 1 << 26)};
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		t_is(pthread_create(&threads[i], NULL, put_and_clear, &b), 0);
	for (int i = 0; i < t_count(100); i++) {
		pid_t pid = t_fork(use_until_killed, b.o);

		usleep((useconds_t)t_below(2000));
		t_kill(pid);
		long before = b.puts;
		t_until(b.puts > before); /* they go on */
	}
	b.stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(threads_exclude_each_other),
		T_TEST(threads_of_two_members_exclude_each_other),
		T_TEST(another_thread_holds_it),
		T_TEST(fork_while_another_thread_holds_it),
		T_TEST(fork_at_any_moment),
		T_TEST(children_killed_beside_threads),
	};

	return T_RUN(tests);
}
