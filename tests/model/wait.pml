/*
 * Wait and wake: library waiters on a futex, one request parked in the server, changers that may be
 * killed at each step.  (docs: architecture, section 4, rules 2, 3, 5, 7)
 *
 * Modelled, one step for each instruction that others can see, of an object that holds a number of
 * messages in one committed word:
 *   waiter   lock; look; nothing there: WAITERS = 1, s = seq, unlock, FUTEX_WAIT(seq == s), again
 *   changer  lock; look; for each class that it serves (E: waits while empty, F: waits while full):
 *            if WAITERS: seq + 1, FUTEX_WAKE(1), WAITERS = 0 if nobody was woken;
 *            if PARKED: ring the doorbell, PARKED = 0;
 *            THEN commit (one store), unlock.
 *            A get that leaves messages behind serves class E too (the chain), a put that leaves
 *            room serves F, so that a change of several units may wake one.
 *   server   one parked get.  Sleeps until the doorbell or the death of any member; takes the event,
 *            then the lock, tries; nothing there: PARKED = 1, unlock, sleep.  It never waits for the
 *            lock: where it is busy, the server tries again a little later by a timer (default), or
 *            with LOCK_PARKED sets LP in the lock word and sleeps; whoever lets go of the lock and
 *            finds LP rings.
 *   kill     of a putter (with KILL_WAITER of a getter too, with KILL_SERVER of the server), KILLS
 *            times, before any step.  The kernel tells the server of each death.
 *   sweep    (SWEEP) the server's answer to a death: FUTEX_WAKE(all) of both classes, without the
 *            lock; then its own parked request is tried.
 *
 * Abstracted: the lock is one step that waits until it is free or its owner is dead; lock.pml shows
 * that this holds, with repair.  seq is a bit for each waiter, "seq is still what I saw", so it never
 * wraps.  Library sleeps have NO time-out here, so each lost wake-up is seen; in reality they last 1 s
 * at most, which takes the place of the sweep where no server runs.  A dead server's successor (at
 * once; its requests come again; the intent record tells what was committed) starts by sweeping.
 *
 * Properties, judged by the monitor when nothing can move any more:
 *   - nobody living sleeps while there is what he waits for, the parked request included;
 *   - each store of the committed word is what the operations committed so far make it (nothing lost
 *     or doubled), a confirmed operation was committed, and one that was not confirmed is a killed
 *     process's, at most one;
 *   - WAITERS with nobody asleep is gone after one needless wake-up.
 * With -DNP and pan -l: no cycle at all, so each run ends (no endless waking of each other).
 *
 * Configurations: PUTTERS BATCH CAP (room), GETTERS, KILLS, and
 *   UNITS        the first getter takes two units at once, the others one
 *   WAKE_ALL     FUTEX_WAKE(all) instead of 1 and the chain
 *   REMOVER      the last putter removes the object instead: wake all of both classes, ring, THEN
 *                set REMOVED, unlock; who looks and sees REMOVED leaves
 *   DEADLINE     the first getter may give up, if its FUTEX_WAIT says that it was not woken
 *
 * Mistakes that must fail:
 *   COMMIT_FIRST       commit, then wake
 *   LOOK_WITHOUT_LOCK  a woken waiter looks without the lock (SERVER_LOOKS: the server)
 *   BUSY_SLEEPS        the server finds the lock busy and sleeps until the next event
 *   CLEAR_ALWAYS       WAITERS = 0 after each FUTEX_WAKE(1), though one was woken: others may sleep
 *   NO_SEQ             FUTEX_WAKE without seq + 1: misses who has not slept yet
 *   LATE_SEQ           the waiter reads seq after it has unlocked
 *   LATE_EVENT         the server looks first and takes the event away afterwards
 *   NO_CHAIN           a batch wakes one, and the get does not pass it on
 *   UNITS              with FUTEX_WAKE(1): it may wake one for whom it is not enough
 *   DEADLINE QUIT_WOKEN   a waiter that was woken gives up without a look
 *   KILL_WAITER        without SWEEP: a waiter takes the wake-up into its grave
 *   COUNT_WAITERS      a count of waiters instead of a sticky flag: it leaks with each kill
 *   REMOVER REMOVE_FIRST  rule 8 by the letter: set REMOVED, wake all, unlink
 */
#ifndef PUTTERS
#define PUTTERS 2
#endif
#ifndef GETTERS
#define GETTERS 1
#endif
#ifndef BATCH
#define BATCH 1
#endif
#ifndef CAP
#define CAP 4
#endif
#ifndef GETS
#define GETS 1          /* of each getter */
#endif
#ifndef PUTS
#define PUTS 1          /* of each putter */
#endif
#ifndef KILLS
#define KILLS 2
#endif

#define LIB (PUTTERS + GETTERS)         /* library processes: 0 .. LIB-1 */
#ifdef KILL_SERVER
#define ALL (LIB + 1 + KILLS)           /* then the server and its successors */
#else
#define ALL (LIB + 1)
#endif
#ifdef KILL_WAITER
#define MORTAL LIB
#else
#define MORTAL PUTTERS
#endif

#define E 0             /* class: waits while empty */
#define F 1             /* class: waits while full */

byte owner;             /* of the lock: process + 1, 0 is free */
bool lp;                /* LP in the lock word */
byte count;             /* the committed word */
byte waiters[2];        /* WAITERS (0 or 1, unless COUNT_WAITERS) */
bool parked[2];

byte same[ALL];         /* class + 1: seq of the class is still what this process saw */
byte asleep[ALL];       /* class + 1: in the futex queue of that class */
bool dead[ALL];
bool removed;           /* REMOVED in the committed word */
bool bell, died;        /* events for the server */
byte kills;

byte total;             /* what the word must be */
byte committed[LIB + 1], confirmed[LIB + 1];

#define CHANGE(m, d) count = n + (d); total = total + (d); committed[m]++; assert(count == total)

#ifdef KILL_SERVER
#define MAY_DIE(m) (m < MORTAL || m >= LIB)
#else
#define MAY_DIE(m) (m < MORTAL)
#endif

/* One step, before which the process may be killed instead. */
#define S(step) \
	if \
	:: step \
	:: atomic { kills < KILLS && MAY_DIE(me) -> \
		kills++; dead[me] = true; died = true; same[me] = 0; asleep[me] = 0; \
		n = 0; woke = false; ring = false; goto gone } \
	fi

#define LOCK atomic { owner == 0 || dead[owner - 1] -> owner = me + 1 }     /* keeps LP */

inline unlock()
{
#ifdef LOCK_PARKED
	S(atomic { owner = 0; ring = lp; lp = false });
	if
	:: ring -> S(atomic { bell = true; ring = false })
	:: else
	fi
#else
	S(owner = 0)
#endif
}

#define OTHER_SEQ(c, i) if :: same[i] == c + 1 -> same[i] = 0 :: else fi
inline next_seq(c)
{
#ifndef NO_SEQ
	OTHER_SEQ(c, 0);
	OTHER_SEQ(c, 1);
#if LIB > 2
	OTHER_SEQ(c, 2);
#endif
#if LIB > 3
	OTHER_SEQ(c, 3);
#endif
#endif
	skip
}

#define WAKE_IF(c, i) if :: asleep[i] == c + 1 -> asleep[i] = 0 :: else fi
inline wake_all(c)
{
	WAKE_IF(c, 0);
	WAKE_IF(c, 1);
#if LIB > 2
	WAKE_IF(c, 2);
#endif
#if LIB > 3
	WAKE_IF(c, 3);
#endif
	skip
}

inline wake_one(c)      /* woke: was anybody woken? */
{
	woke = true;
	if
	:: asleep[0] == c + 1 -> asleep[0] = 0
	:: asleep[1] == c + 1 -> asleep[1] = 0
#if LIB > 2
	:: asleep[2] == c + 1 -> asleep[2] = 0
#endif
#if LIB > 3
	:: asleep[3] == c + 1 -> asleep[3] = 0
#endif
	:: else -> woke = false
	fi
}

inline serve(c)         /* under the lock: wake and ring */
{
	if
	:: waiters[c] ->
		S(d_step { next_seq(c) });
#ifdef WAKE_ALL
		S(d_step { wake_all(c) });
#else
		S(atomic { wake_one(c) });
#endif
#ifndef COUNT_WAITERS
		if
#ifdef CLEAR_ALWAYS
		:: true -> S(waiters[c] = 0)
#else
		:: !woke -> S(waiters[c] = 0)
		:: else -> woke = false
#endif
		fi
#endif
	:: else
	fi;
	if
	:: parked[c] ->
		S(bell = true);
		S(parked[c] = false)
	:: else
	fi
}

/* With the lock held and nothing to do: announce, unlock, sleep; then everything again. */
inline sleep(c)
{
#ifdef COUNT_WAITERS
	S(waiters[c]++);
#else
	S(waiters[c] = 1);
#endif
#ifndef LATE_SEQ
	same[me] = c + 1;
#endif
	n = 0;
	unlock();
#ifdef LATE_SEQ
	S(same[me] = c + 1);
#endif
	S(atomic {
		if
		:: same[me] -> asleep[me] = c + 1
		:: else
		fi })
}

proctype putter(byte me)
{
	byte n;
	bool woke, ring;

	do
	:: confirmed[me] == PUTS -> break
	:: else ->
again:		S(LOCK);
		if
		:: removed -> unlock(); goto gone
		:: else -> n = count
		fi;
		if
		:: n + BATCH > CAP ->
			sleep(F);
end:			S(atomic { !asleep[me] -> same[me] = 0 });
#ifdef COUNT_WAITERS
			S(LOCK);
			S(waiters[F]--);
			unlock();
#endif
			goto again
		:: else
		fi;
#ifdef COMMIT_FIRST
		S(atomic { CHANGE(me, BATCH) });
#endif
		serve(E);
#ifndef NO_CHAIN
		if
		:: n + BATCH < CAP -> serve(F)
		:: else
		fi;
#endif
#ifndef COMMIT_FIRST
		S(atomic { CHANGE(me, BATCH) });
#endif
		n = 0;
		unlock();
		S(confirmed[me]++)
	od;
gone:	skip
}

#ifdef UNITS
#define NEED (me == PUTTERS -> 2 : 1)
#define NEED_OF(m) (m == PUTTERS -> 2 : 1)
#else
#define NEED 1
#define NEED_OF(m) 1
#endif

inline get(who, need)
{
#ifdef COMMIT_FIRST
	S(atomic { CHANGE(who, -(need)) });
#endif
#ifndef NO_CHAIN
	if
	:: n > need -> serve(E)
	:: else
	fi;
#endif
	serve(F);
#ifndef COMMIT_FIRST
	S(atomic { CHANGE(who, -(need)) });
#endif
	n = 0;
	unlock()
}

proctype getter(byte me)
{
	byte n;
	bool woke, ring;

	do
	:: confirmed[me] == GETS -> break
	:: else ->
again:		S(LOCK);
		if
		:: removed -> unlock(); goto gone
		:: else -> n = count
		fi;
		if
		:: n < NEED ->
			sleep(E);
#ifdef LOOK_WITHOUT_LOCK
end:			S(atomic { !asleep[me] ->
				if
				:: count >= NEED -> goto again
				:: else -> waiters[E] = 1; asleep[me] = E + 1; goto end
				fi });
#else
#ifdef DEADLINE
end:			S(atomic {
				if
				:: !asleep[me] -> same[me] = 0
#ifdef QUIT_WOKEN
				:: me == PUTTERS -> same[me] = 0; asleep[me] = 0; goto gone
#else
				:: me == PUTTERS && asleep[me] -> same[me] = 0; asleep[me] = 0; goto gone
#endif
				fi });
#else
end:			S(atomic { !asleep[me] -> same[me] = 0 });
#endif
#endif
#ifdef COUNT_WAITERS
			S(LOCK);
			S(waiters[E]--);
			unlock();
#endif
			goto again
		:: else
		fi;
		get(me, NEED);
		S(confirmed[me]++)
	od;
gone:	skip
}

#ifdef REMOVER
inline serve_all(c)
{
	if
	:: waiters[c] ->
		S(d_step { next_seq(c) });
		S(d_step { wake_all(c) });
		S(waiters[c] = 0)
	:: else
	fi;
	if
	:: parked[c] ->
		S(bell = true);
		S(parked[c] = false)
	:: else
	fi
}

proctype remover(byte me)
{
	byte n;
	bool woke, ring;

	S(LOCK);
#ifdef REMOVE_FIRST
	S(removed = true);
#endif
	serve_all(E);
	serve_all(F);
#ifndef REMOVE_FIRST
	S(removed = true);
#endif
	unlock();
gone:	skip
}
#endif

proctype server()
{
	byte n, me = LIB;
	bool woke, ring;

	goto try;
end:	S(atomic { bell || died ->
		skip;
#ifndef LATE_EVENT
		bell = false;
#endif
#ifdef SWEEP
		if
		:: died -> wake_all(E); wake_all(F)
		:: else
		fi;
#endif
		died = false });
	if
	:: confirmed[LIB] -> bell = false; goto end
	:: else
	fi;
#ifdef SERVER_LOOKS
	if
	:: count == 0 -> goto end
	:: else
	fi;
#endif
#ifdef BUSY_SLEEPS
try:	S(atomic {
		if
		:: owner == 0 || dead[owner - 1] -> owner = me + 1
		:: else -> goto end
		fi });
#else
#ifdef LOCK_PARKED
try:	S(atomic {
		if
		:: owner == 0 || dead[owner - 1] -> owner = me + 1
		:: else -> lp = true; goto end
		fi });
#else
try:	S(LOCK);
#endif
#endif
	if
	:: removed -> unlock(); confirmed[LIB]++; committed[LIB]++; goto end
	:: else -> n = count
	fi;
	if
	:: n == 0 ->
		S(parked[E] = true);
		unlock();
#ifdef LATE_EVENT
		bell = false;
#endif
		goto end
	:: else
	fi;
	get(LIB, 1);
	S(confirmed[LIB]++);
	goto end;
gone:
#ifdef KILL_SERVER
	/* The successor: its watch is new, so it sweeps once and tries everything. */
	atomic {
		me++;
		bell = false; died = false;
#ifdef SWEEP
		wake_all(E); wake_all(F);
#endif
		confirmed[LIB] = committed[LIB];
		if
		:: confirmed[LIB] -> goto end
		:: else -> goto try
		fi
	}
#else
	skip
#endif
}

#define ASLEEP(i, c) (i < LIB && asleep[i] == c + 1)
#define HONEST(i) assert(committed[i] == confirmed[i] || (committed[i] == confirmed[i] + 1 && dead[i]))
#define CONTENT(i) assert(!removed || !asleep[i]); assert(asleep[i] != E + 1 || count < NEED_OF(i)); \
	assert(asleep[i] != F + 1 || count + BATCH > CAP); HONEST(i)

proctype monitor()
{
	atomic { timeout ->
		assert(owner == 0 || dead[owner - 1]);
		CONTENT(0);
		CONTENT(1);
#if LIB > 2
		CONTENT(2);
#endif
#if LIB > 3
		CONTENT(3);
#endif
		assert(confirmed[LIB] || (count == 0 && !removed));
		assert(confirmed[LIB] == committed[LIB]);
#ifdef COUNT_WAITERS
		assert(waiters[E] == 0 || asleep[0] || asleep[1]
#if LIB > 2
			|| asleep[2]
#endif
#if LIB > 3
			|| asleep[3]
#endif
		)
#endif
	}
}

init
{
	byte i;

	atomic {
		do
#ifdef REMOVER
		:: i == PUTTERS - 1 -> run remover(i); i++
		:: i < PUTTERS - 1 -> run putter(i); i++
#else
		:: i < PUTTERS -> run putter(i); i++
#endif
		:: i >= PUTTERS && i < LIB -> run getter(i); i++
		:: i == LIB -> break
		od;
		run server();
		run monitor()
	}
}
