/* SPDX-License-Identifier: MIT
 *
 * lock.c - the inner lock of an object: a word that names the member who holds it, taken over by
 * compare-and-swap from the dead. Threads of one process come one by one through a word of the
 * attachment, so a lock that names ourselves while we wait for it is left over and is taken over too.
 * Held for well under a microsecond, except by a process that is stopped or dies inside.
 */
#include "object.h"
#include "sys.h"

#include <errno.h>
#include <sys/single_threaded.h>

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

static int wait_word(struct ipcfs_object *o, uint64_t mine, int64_t deadline_ns, bool try_only)
{
	_Atomic uint64_t *word = &o->control->lock;
	uint64_t seen;

	if (spin(word, mine, try_only ? TRY_SPINS : SPINS))
		return 0;
	if (!try_only)
		return lock_slowly(o, mine, deadline_ns);
	seen = LOAD(*word);
	if (seen <= 1)
		return atomic_compare_exchange_strong(word, &seen, mine | 1) ? 0 : -EBUSY;
	return take_over(o, seen, mine) ? 0 : -EBUSY;
}

static void unlock_word(struct ipcfs_object *o)
{
	uint64_t old = atomic_exchange_explicit(&o->control->lock, 0, memory_order_release);

	if (old & 1)
		sys_futex_wake(futex_of(&o->control->lock), 1);
	STORE(*member_work(o->store), 0);
}

/* ---- threads of this process ------------------------------------------------------- */

enum { FREE, HELD, AWAITED }; /* o->thread */

/* Then plain stores do, at a third of the price. */
static bool alone(const struct ipcfs_object *o)
{
	return __libc_single_threaded || o->store->server; /* a server works in one thread */
}

static bool try_threads(struct ipcfs_object *o)
{
	uint32_t seen = LOAD(o->thread);

	if (seen != FREE)
		return false;
	if (!alone(o))
		return atomic_compare_exchange_strong(&o->thread, &seen, HELD);
	STORE(o->thread, HELD);
	return true;
}

static int wait_threads(struct ipcfs_object *o, int64_t deadline_ns)
{
	int64_t limit_ns = busy_limit(deadline_ns), now, until;

	while (atomic_exchange(&o->thread, AWAITED) != FREE) {
		now = sys_now_ns();
		if (limit_ns >= 0 && now >= limit_ns)
			return -EBUSY;
		until = now + LONGEST_NS;
		if (limit_ns >= 0 && limit_ns < until)
			until = limit_ns;
		sys_futex_wait(&o->thread, AWAITED, until);
	}
	return 0;
}

static void unlock_threads(struct ipcfs_object *o)
{
	if (alone(o))
		STORE(o->thread, FREE);
	else if (atomic_exchange(&o->thread, FREE) == AWAITED)
		sys_futex_wake(&o->thread, 1);
}

/* ---- both ---------------------------------------------------------------------------- */

static int state_of(struct ipcfs_object *o)
{
	uint32_t state = LOAD(o->control->state);

	if (__builtin_expect(LOAD(o->damaged) || state & SEG_DAMAGED, 0))
		return -EUCLEAN;
	return __builtin_expect(state & SEG_REMOVED, 0) ? -EIDRM : 0;
}

/* Not taken at the first try; thread: but this process's other threads are kept out. */
static __attribute__((noinline)) int lock_busy(struct ipcfs_object *o, uint64_t self, bool thread,
					       int64_t deadline_ns, bool try_only)
{
	int rc = state_of(o);

	if (rc == 0 && !thread) {
		rc = try_only ? -EBUSY : wait_threads(o, deadline_ns);
		thread = rc == 0;
	}
	if (rc == 0) {
		STORE(*member_work(o->store), o->id);
		rc = wait_word(o, self << 1, deadline_ns, try_only);
	}
	if (rc < 0) {
		STORE(*member_work(o->store), 0);
		if (thread)
			unlock_threads(o);
	}
	return rc;
}

int obj_lock(struct ipcfs_object *o, int64_t deadline_ns, bool try_only)
{
	int64_t self = member_self(o->store); /* first: there a forked child resets o->thread */
	uint64_t seen = 0;
	bool thread;
	int rc;

	if (__builtin_expect(self < 0, 0))
		return (int)self;
	thread = try_threads(o);
	if (__builtin_expect(thread, 1))
		STORE(*member_work(o->store), o->id);
	if (__builtin_expect(!thread || !atomic_compare_exchange_strong(&o->control->lock, &seen,
									(uint64_t)self << 1),
			     0)) {
		rc = lock_busy(o, (uint64_t)self, thread, deadline_ns, try_only);
		if (rc < 0)
			return rc;
	}
	rc = state_of(o);
	return __builtin_expect(rc == 0, 1) ? 0 : obj_unlock(o, rc);
}

int obj_unlock(struct ipcfs_object *o, int rc)
{
	unlock_word(o);
	if (__builtin_expect(LOAD(o->damaged), 0))
		rc = -EUCLEAN;
	unlock_threads(o);
	return rc;
}
