/* SPDX-License-Identifier: MIT
 *
 * lock.c - the inner lock of an object: a word that names the member who holds it, taken over by
 * compare-and-swap from the dead. Threads of one process come one by one through the object's
 * mutex, so a word that names ourselves while we wait for it is left over and is taken over too.
 * Held for well under a microsecond, except by a process that is stopped or dies inside.
 */
#include "object.h"
#include "sys.h"

#include <errno.h>
#include <time.h>

enum {
	SPINS = 100,
	TRY_SPINS = 400,
	LOOKS = 8, /* at a busy owner at least; sleeps between them fill BUSY_NS */
};
#define BUSY_NS 100000000   /* what a busy owner is given at least */
#define FIRST_NS 500000	    /* first sleep, then doubled */
#define LONGEST_NS 50000000 /* between two looks whether the owner lives */

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* The half of the word that changes with every owner and with the waiting bit. */
static _Atomic uint32_t *futex_of(_Atomic uint64_t *word)
{
	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "low half comes first");
	return (_Atomic uint32_t *)word;
}

static bool spin(_Atomic uint64_t *word, uint64_t mine, int times)
{
	for (int i = 0; i < times; i++) {
		uint64_t seen = LOAD(*word);

		if (seen == 0 && atomic_compare_exchange_strong(word, &seen, mine))
			return true;
		pause_cpu();
	}
	return false;
}

/* Takes the word from an owner who is dead, or who is ourselves: exactly the word that was seen. */
static bool take_over(struct ipcfs_object *o, uint64_t seen, uint64_t mine)
{
	uint64_t owner = seen >> 1;

	if (owner != mine >> 1 && member_alive(o->store, owner))
		return false;
	if (!atomic_compare_exchange_strong(&o->control->lock, &seen, mine | 1))
		return false;
	if (o->ops->repair)
		o->ops->repair(o);
	return true;
}

/* Until when a caller with this deadline waits for a busy owner; negative: without end. */
static int64_t busy_limit(int64_t deadline_ns)
{
	int64_t least = sys_now_ns() + BUSY_NS;

	return deadline_ns < 0 || deadline_ns > least ? deadline_ns : least;
}

/* EBUSY only after LOOKS: where a machine is busy, the time may be over before the first, and the dead must not
 * be taken for busy. */
static int lock_slowly(struct ipcfs_object *o, uint64_t mine, int64_t deadline_ns)
{
	_Atomic uint64_t *word = &o->control->lock;
	int64_t limit_ns = busy_limit(deadline_ns), now, sleep_ns = FIRST_NS;

	for (int looks = 0;;) {
		uint64_t seen = LOAD(*word);

		if (seen <= 1) {
			/* Others may still wait: keep their bit. */
			if (atomic_compare_exchange_strong(word, &seen, mine | 1))
				return 0;
			continue;
		}
		if (looks > 0 || seen >> 1 == mine >> 1)
			if (take_over(o, seen, mine))
				return 0;
		if (!(seen & 1) && !atomic_compare_exchange_strong(word, &seen, seen | 1))
			continue;
		now = sys_now_ns();
		if (limit_ns >= 0 && now >= limit_ns && looks >= LOOKS)
			return -EBUSY;
		sys_futex_wait(futex_of(word), (uint32_t)(seen | 1), now + sleep_ns);
		looks++;
		if (sleep_ns < LONGEST_NS)
			sleep_ns *= 2;
	}
}

static int lock_word(struct ipcfs_object *o, uint64_t self, int64_t deadline_ns, bool try_only)
{
	_Atomic uint64_t *word = &o->control->lock, *work = member_work(o->store);
	uint64_t mine = self << 1, seen;
	int rc = 0;

	STORE(*work, o->id);
	if (__builtin_expect(spin(word, mine, try_only ? TRY_SPINS : SPINS), 1))
		return 0;
	if (try_only) {
		seen = LOAD(*word);
		if (seen <= 1 ? !atomic_compare_exchange_strong(word, &seen, mine | 1) :
				!take_over(o, seen, mine))
			rc = -EBUSY;
	} else {
		rc = lock_slowly(o, mine, deadline_ns);
	}
	if (rc < 0)
		STORE(*work, 0);
	return rc;
}

static void unlock_word(struct ipcfs_object *o)
{
	uint64_t old = atomic_exchange_explicit(&o->control->lock, 0, memory_order_release);

	if (old & 1)
		sys_futex_wake(futex_of(&o->control->lock), 1);
	STORE(*member_work(o->store), 0);
}

static int lock_threads(struct ipcfs_object *o, int64_t deadline_ns, bool try_only)
{
	struct timespec limit;

	if (o->store->server) /* has one thread */
		return 0;
	if (__builtin_expect(pthread_mutex_trylock(&o->mutex) == 0, 1))
		return 0;
	if (try_only)
		return -EBUSY;
	deadline_ns = busy_limit(deadline_ns);
	if (deadline_ns < 0)
		return -pthread_mutex_lock(&o->mutex);
	limit.tv_sec = (time_t)(deadline_ns / 1000000000);
	limit.tv_nsec = (long)(deadline_ns % 1000000000);
	return pthread_mutex_clocklock(&o->mutex, CLOCK_MONOTONIC, &limit) ? -EBUSY : 0;
}

static void unlock_threads(struct ipcfs_object *o)
{
	if (!o->store->server)
		pthread_mutex_unlock(&o->mutex);
}

static int state_of(struct ipcfs_object *o)
{
	uint32_t state = LOAD(o->control->state);

	if (__builtin_expect(LOAD(o->damaged) || state & SEG_DAMAGED, 0))
		return -EUCLEAN;
	return __builtin_expect(state & SEG_REMOVED, 0) ? -EIDRM : 0;
}

int obj_lock(struct ipcfs_object *o, int64_t deadline_ns, bool try_only)
{
	int64_t self = member_self(
		o->store); /* before the mutex, which a forked child resets there */
	int rc = self < 0 ? (int)self : state_of(o);

	if (rc == 0)
		rc = lock_threads(o, deadline_ns, try_only);
	if (rc < 0)
		return rc;
	rc = lock_word(o, (uint64_t)self, deadline_ns, try_only);
	if (rc == 0) {
		rc = state_of(o);
		if (rc == 0)
			return 0;
		unlock_word(o);
	}
	unlock_threads(o);
	return rc;
}

int obj_unlock(struct ipcfs_object *o, int rc)
{
	unlock_word(o);
	if (__builtin_expect(LOAD(o->damaged), 0))
		rc = -EUCLEAN;
	unlock_threads(o);
	return rc;
}
