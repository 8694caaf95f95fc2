/* SPDX-License-Identifier: MIT
 *
 * test_hold_turns.c - units of a semaphore that are held: the turnstile, by which nobody starves; many who die.
 */
#include "t_core.h"

#include "claim.h"

#include "t_held.h"

/* ---- nobody starves ---------------------------------------------------------------------------- */

/* Those who take one unit hand over to each other: one gives his up only when another has one, so never are all
 * free at once. Those who take two do when another stands at the turnstile. Both after 300 ms at the latest. */
struct stream {
	_Atomic long taken[8];
	_Atomic int runners;
	_Atomic bool end;
};

static struct stream *stream;

static long total(void)
{
	long sum = 0;

	for (int i = 0; i < 8; i++)
		sum += stream->taken[i];
	return sum;
}

static long run_stream(struct ipcfs_object *s, long n, int64_t deadline_ns)
{
	int self = stream->runners++;

	while (!stream->end) {
		if (ipcfs_semaphore_acquire(s, (uint32_t)n, deadline_ns) < 0)
			return -1;
		long seen = total();
		stream->taken[self]++;
		for (int64_t until = t_now_ms() + 300;
		     !stream->end && t_now_ms() < until &&
		     (n == 1 ? total() == seen + 1 : LOAD(s->control->turn) == 0);)
			sched_yield();
		t_is(t_again(ipcfs_semaphore_release(s, (uint32_t)n)), 0);
	}
	return 0;
}

static void start_stream(int runners)
{
	stream = t_shared(sizeof(*stream));
	for (int i = 0; i < runners; i++)
		t_start((struct t_call){.kind = IPCFS_SEMAPHORE,
					.name = "s",
					.function = run_stream,
					.arg = 1,
					.timeout_ns = -1});
	t_until(total() > 10);
}

static void end_stream(void)
{
	stream->end = true;
	for (unsigned i = 0; i < t.call_count; i++)
		if (t.calls[i].function == run_stream)
			t_ends_with(&t.calls[i], 0);
	munmap(stream, sizeof(*stream));
}

static void several_are_not_starved_by_a_stream_of_single_ones(void)
{
	struct ipcfs_object *s = t_semaphore("s", 3, 3);

	start_stream(3);
	for (int i = 0; i < 5; i++) {
		t_is(ipcfs_semaphore_acquire(s, 3, ipcfs_after(T_LIMIT_MS * T_MS)), 0);
		t_is(ipcfs_semaphore_release(s, 3), 0);
	}
	t_is(ipcfs_semaphore_hold(s, 3, ipcfs_after(T_LIMIT_MS * T_MS)), 0);
	t_is(ipcfs_semaphore_release(s, 3), 0);
	end_stream();
	t_units(s, 3, 0);
}

static void *run_thread(void *s)
{
	run_stream(s, 1, IPCFS_FOREVER);
	return NULL;
}

/* The turnstile is a thread's, not its process's. */
static void nor_by_threads_of_the_same_process(void)
{
	struct ipcfs_object *s = t_semaphore("s", 3, 3);
	pthread_t threads[3];

	stream = t_shared(sizeof(*stream));
	for (int i = 0; i < 3; i++)
		t_is(pthread_create(&threads[i], NULL, run_thread, s), 0);
	t_until(total() > 10);
	for (int i = 0; i < 5; i++) {
		t_is(ipcfs_semaphore_acquire(s, 3, ipcfs_after(T_LIMIT_MS * T_MS)), 0);
		t_is(ipcfs_semaphore_release(s, 3), 0);
	}
	stream->end = true;
	for (int i = 0; i < 3; i++)
		t_is(pthread_join(threads[i], NULL), 0);
	munmap(stream, sizeof(*stream));
	t_is(ipcfs_semaphore_value(s), 3);
}

static bool is_held_back(struct ipcfs_object *s)
{
	int rc = ipcfs_semaphore_acquire(s, 1, 0);

	if (rc == 0)
		t_is(ipcfs_semaphore_release(s, 1), 0);
	return rc == -EAGAIN;
}

/* Who wants many holds the others back, but not for ever: not when he is killed, stopped or gives up. */
static void a_turnstile_comes_free(void)
{
	struct ipcfs_object *s = t_semaphore("s", 1, 3);
	struct t_call *many = acquirer(3, -1);

	t_until(is_held_back(s));
	killed(many);
	t_is(ipcfs_semaphore_acquire(s, 1, 0), 0);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	many = acquirer(3, 50 * T_MS);
	t_ends_with(many, -ETIMEDOUT);
	t_is(ipcfs_semaphore_acquire(s, 1, 0), 0);
	t_is(ipcfs_semaphore_release(s, 1), 0);
	many = acquirer(3, -1);
	kill(many->pid, SIGSTOP);
	t_wait_stopped(many->pid);
	t_is(ipcfs_semaphore_acquire(s, 1, ipcfs_after(T_LIMIT_MS * T_MS)), 0);
	kill(many->pid, SIGCONT);
	t_is(ipcfs_semaphore_release(s, 3), 0);
	t_ends_with(many, 0);
}

/* Nor does who wants one starve behind those who want several. */
static void single_ones_are_not_starved_by_several(void)
{
	struct ipcfs_object *s = t_semaphore("s", 2, 2);
	struct t_call *many[4];

	stream = t_shared(sizeof(*stream));
	for (int i = 0; i < 4; i++)
		many[i] = t_start((struct t_call){.kind = IPCFS_SEMAPHORE,
						  .name = "s",
						  .function = run_stream,
						  .arg = 2,
						  .timeout_ns = -1});
	for (int i = 0; i < 5; i++) {
		t_is(ipcfs_semaphore_acquire(s, 1, ipcfs_after(T_LIMIT_MS * T_MS)), 0);
		t_is(t_again(ipcfs_semaphore_release(s, 1)), 0);
	}
	stream->end = true;
	for (int i = 0; i < 4; i++)
		t_ends_with(many[i], 0);
	munmap(stream, sizeof(*stream));
	t_is(ipcfs_semaphore_value(s), 2);
}

/* ---- many, and deaths -------------------------------------------------------------------------- */

/* Holds one to three units for a moment, again and again. */
static int come_and_go(void *arg)
{
	uint64_t random = (uint64_t)(uintptr_t)arg;
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *s = NULL;

	t_is(ipcfs_open(store, IPCFS_SEMAPHORE, "s", 0, 0, NULL, &s), 0);
	while (t_now_ms() > 0) {
		uint32_t n = 1 + (uint32_t)(t_random_of(&random) % 3);

		t_is(ipcfs_semaphore_hold(s, n, IPCFS_FOREVER), 0);
		if (t_random_of(&random) % 2)
			sched_yield();
		t_is(t_again(ipcfs_semaphore_release(s, n)), 0);
		++*have;
	}
	return 1;
}

static void random_deaths_lose_nothing(void)
{
	enum { KIDS = 4, UNITS = 6 };
	struct ipcfs_object *s = t_semaphore("s", UNITS, UNITS);
	pid_t kids[KIDS];

	count_haves();
	for (uintptr_t i = 0; i < KIDS; i++)
		kids[i] = t_fork(come_and_go, (void *)i);
	for (int i = 0; i < t_count(100); i++) {
		int before = *have;
		uint64_t which = t_below(KIDS);

		t_until(*have > before + 20);
		t_kill(kids[which]);
		kids[which] = t_fork(come_and_go, (void *)(uintptr_t)(100 + i));
	}
	for (int i = 0; i < KIDS; i++)
		t_kill(kids[i]);
	t_units(s, UNITS, 0);
	t_is(ipcfs_semaphore_acquire(s, UNITS, 0), 0);
	t_is(ipcfs_semaphore_release(s, UNITS + 1), -EOVERFLOW);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(several_are_not_starved_by_a_stream_of_single_ones),
		T_TEST(nor_by_threads_of_the_same_process),
		T_TEST(a_turnstile_comes_free),
		T_TEST(single_ones_are_not_starved_by_several),
		T_TEST(random_deaths_lose_nothing),
	};

	return T_RUN(tests);
}
