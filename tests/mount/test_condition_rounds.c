/* SPDX-License-Identifier: MIT
 *
 * test_condition_rounds.c - contract, row conditions: nothing is lost between arm and read, in many rounds.
 */
#include "t.h"

#include "hold.h"

#include <sched.h>

#include "condition.h"

/* A waiter that arms, says so, and reads after a moment that differs; now through a file, now by the library. The
 * notifier tells it once in each round, likewise. One notification lost, and it waits for ever. */
struct game {
	_Atomic long armed, got;
	long rounds;
};

static void moment(unsigned *seed)
{
	for (int n = rand_r(seed) % 4; n > 0; n--)
		sched_yield();
}

static int wait_in_turn(void *arg)
{
	struct game *game = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *c = t_attach_child(&store, IPCFS_CONDITION, "rounds");
	int fd = t_open(t_path("conditions/rounds,timeout=60"), O_RDWR);
	unsigned seed = 1;
	char buf[8];

	for (long i = 1; c && i <= game->rounds; i++) {
		uint64_t ticket = 0;
		bool file = i / 2 % 2;

		if (file ? t_put(fd, "arm") != 3 : ipcfs_condition_arm(c, &ticket) != 0)
			return 1;
		game->armed = i;
		moment(&seed);
		if (file ? t_get(fd, buf, sizeof(buf)) != 2 :
			   ipcfs_condition_wait(c, ticket, ipcfs_after(60000000000)) != 0)
			return 2;
		game->got = i;
	}
	return !c;
}

/* False: it never comes. */
static bool comes(_Atomic long *number, long value)
{
	for (int64_t end = t_now_ms() + T_LIMIT_MS; *number != value; sched_yield())
		if (t_now_ms() > end)
			return false;
	return true;
}

static void many_rounds_through_files_and_the_library(void **state)
{
	(void)state;
	struct game *game = t_shared(sizeof(*game));
	const char *c = make("rounds");
	struct ipcfs_object *condition = t_attach(IPCFS_CONDITION, "rounds", NULL);
	unsigned seed = 2;

	t_limit(t_count(200, 1400));
	game->rounds = t_count(4000, 100000);
	pid_t child = t_spawn(wait_in_turn, game);
	int fd = t_open(c, O_WRONLY);
	for (long i = 1; i <= game->rounds; i++) {
		t_check(comes(&game->armed, i));
		moment(&seed);
		if (i % 2)
			t_is(t_put(fd, "1"), 1);
		else
			t_is(ipcfs_condition_notify(condition, 1), 1);
		t_check(comes(&game->got, i));
	}
	t_is(t_wait(child), 0);
}

/* The pattern of the manual, with a lock: what is made is taken, all of it, by two who wait through files and two
 * by the library. */
enum { TAKERS = 4 };

struct shop {
	long goods, taken[TAKERS]; /* under the lock */
	_Atomic bool closed;
};

struct taker {
	struct shop *shop;
	int number;
};

/* arm, unlock, read, lock */
static int take_by_file(void *arg)
{
	struct taker *taker = arg;
	int lock = t_open(t_path("locks/shop"), O_RDWR);
	int c = t_open(t_path("conditions/shop,timeout=60"), O_RDWR);
	char buf[64];

	for (;;) {
		if (t_get(lock, buf, sizeof(buf)) <= 0)
			return 1;
		while (!taker->shop->goods && !taker->shop->closed)
			if (t_put(c, "arm") != 3 || t_put(lock, "unlock") != 6 ||
			    t_get(c, buf, sizeof(buf)) != 2 || t_get(lock, buf, sizeof(buf)) <= 0)
				return 2;
		if (!taker->shop->goods)
			break;
		taker->shop->goods--;
		taker->shop->taken[taker->number]++;
		if (t_put(lock, "unlock") != 6)
			return 3;
	}
	return t_put(lock, "unlock") != 6;
}

static int take_by_library(void *arg)
{
	struct taker *taker = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *lock = t_attach_child(&store, IPCFS_LOCK, "shop");
	struct ipcfs_object *c = lock ? t_attach_child(&store, IPCFS_CONDITION, "shop") : NULL;
	int64_t end = ipcfs_after(120000000000);
	struct ipcfs_grant grant;
	uint64_t ticket;

	while (c) {
		if (ipcfs_lock_acquire(lock, 0, end, &grant) != 0)
			return 1;
		while (!taker->shop->goods && !taker->shop->closed)
			if (ipcfs_condition_arm(c, &ticket) != 0 ||
			    ipcfs_lock_release(lock, grant.token) != 0 ||
			    ipcfs_condition_wait(c, ticket, end) != 0 ||
			    ipcfs_lock_acquire(lock, 0, end, &grant) != 0)
				return 2;
		if (!taker->shop->goods)
			return ipcfs_lock_release(lock, grant.token) != 0;
		taker->shop->goods--;
		taker->shop->taken[taker->number]++;
		if (ipcfs_lock_release(lock, grant.token) != 0)
			return 3;
	}
	return 4;
}

static void arm_unlock_read_lock(void **state)
{
	(void)state;
	struct shop *shop = t_shared(sizeof(*shop));
	struct taker *takers = t_shared(sizeof(*takers) * TAKERS);
	long count = t_count(1000, 20000), taken = 0;
	pid_t child[TAKERS];

	t_limit(t_count(200, 1000));
	make("shop");
	t_is(t_touch(t_path("locks/shop")), 0);
	for (int i = 0; i < TAKERS; i++) {
		takers[i] = (struct taker){shop, i};
		child[i] = t_spawn(i % 2 ? take_by_file : take_by_library, &takers[i]);
	}
	int lock = t_open(t_path("locks/shop"), O_RDWR);
	int c = t_open(t_path("conditions/shop"), O_WRONLY);
	char buf[64];
	for (long i = 0; i < count; i++) {
		t_check(t_get(lock, buf, sizeof(buf)) > 0);
		shop->goods++;
		t_is(t_put(c, "1"), 1);
		t_is(t_put(lock, "unlock"), 6);
	}
	t_check(t_get(lock, buf, sizeof(buf)) > 0);
	shop->closed = true;
	t_is(t_put(c, "all"), 3);
	t_is(t_put(lock, "unlock"), 6);
	for (int i = 0; i < TAKERS; i++) {
		t_is(t_wait(child[i]), 0);
		taken += shop->taken[i];
	}
	t_is(shop->goods, 0);
	t_is(taken, count);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(many_rounds_through_files_and_the_library),
		T_TEST(arm_unlock_read_lock),
	};

	return T_RUN(tests, argc, argv);
}
