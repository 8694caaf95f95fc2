/*
 * Semaphores and events: one word that carries WAITERS and PARKED beside the number, with a fast path
 * that takes no lock.  (docs: architecture, section 4, rule 4)  Read wait.pml first.
 *
 * Modelled, one step for each instruction that others can see:
 *   fast path  load the word; while no flag is set: CAS number +-1.  Else, or with nothing to take:
 *   post       lock; load; if W: seq + 1, FUTEX_WAKE(1); if P: ring; THEN one CAS from exactly the
 *              word loaded: number + 1, W off if nobody was woken, P off (fails: load again); unlock
 *   take       lock; load; nothing: CAS W on (fails: load again), s = seq, unlock, FUTEX_WAIT, from
 *              the start; something: the chain if some remains and W is set, THEN the CAS; unlock
 *   server     one parked take, always with the lock; P instead of W; doorbell and deaths wake it
 *   kill       of a poster (with KILL_WAITER of a taker), KILLS times, before any step; with SWEEP the
 *              server answers a death by FUTEX_WAKE(all)
 *
 * Abstracted as in wait.pml: the lock, seq, no time-out.
 *
 * Properties: as in wait.pml: nobody living sleeps while there is something; each store or CAS leaves
 * the number that the operations committed so far make; confirmed operations were committed; no cycle.
 *
 * Mistakes that must fail:
 *   FAST_ANYWAY    the fast CAS carries the flags along instead of being forbidden by them
 *   PLAIN_COMMIT   a plain store commits under the lock: it overwrites a fast CAS
 *   PLAIN_FLAG     WAITERS is set by a plain store of the word seen: likewise
 *   COMMIT_FIRST   CAS, then wake
 *   LOOK_WITHOUT_LOCK  a woken taker that sees 0 sleeps again without having held the lock
 */
#ifndef POSTERS
#define POSTERS 2
#endif
#ifndef TAKERS
#define TAKERS 2
#endif
#ifndef POSTS
#define POSTS 1         /* of each poster */
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define LIB (POSTERS + TAKERS)
#ifdef KILL_WAITER
#define MAY_DIE(m) (m < LIB)
#else
#define MAY_DIE(m) (m < POSTERS)
#endif

#define W 1
#define P 2

byte number, flags;     /* the word */
byte owner;
bool same[LIB + 1], asleep[LIB + 1], dead[LIB + 1];
bool bell, died;
byte kills, total;
byte committed[LIB + 1], confirmed[LIB + 1];

#define CAS(d, f)       number == n && flags == was -> number = n + (d); flags = f
#define COMMITTED(m, d) total = total + (d); committed[m]++; assert(number == total)
#define CLEAN           n = 0; was = 0; will = 0; woke = false

#define S(step) \
	if \
	:: step \
	:: atomic { kills < KILLS && MAY_DIE(me) -> \
		kills++; dead[me] = true; died = true; same[me] = false; asleep[me] = false; \
		CLEAN; goto gone } \
	fi
#define LOCK S(atomic { owner == 0 || dead[owner - 1] -> owner = me + 1 })
#define UNLOCK S(owner = 0)
#define LOAD S(atomic { n = number; was = flags; will = flags; woke = false })

#define WAKE(i) asleep[i] -> asleep[i] = false
inline wake_one()
{
	woke = true;
	if
	:: WAKE(0)
	:: WAKE(1)
#if LIB > 2
	:: WAKE(2)
#endif
#if LIB > 3
	:: WAKE(3)
#endif
	:: else -> woke = false
	fi
}

inline next_seq()
{
	same[0] = false;
	same[1] = false;
#if LIB > 2
	same[2] = false;
#endif
#if LIB > 3
	same[3] = false;
#endif
	skip
}

inline wake_all()
{
	asleep[0] = false;
	asleep[1] = false;
#if LIB > 2
	asleep[2] = false;
#endif
#if LIB > 3
	asleep[3] = false;
#endif
	skip
}

inline serve()
{
	if
	:: was & W ->
		S(d_step { next_seq() });
		S(atomic { wake_one() });
		if
		:: !woke -> will = will & P
		:: else
		fi
	:: else
	fi;
	if
	:: was & P -> S(bell = true); will = will & W
	:: else
	fi
}

inline commit(who, d)
{
#ifdef PLAIN_COMMIT
	S(atomic { number = n + (d); flags = will; COMMITTED(who, d) })
#else
	S(atomic {
		if
		:: CAS(d, will); COMMITTED(who, d)
		:: else -> goto look
		fi })
#endif
}

#ifdef FAST_ANYWAY
#define NO_FLAGS true
#else
#define NO_FLAGS (was == 0)
#endif
inline fast(d)
{
	S(atomic {
		if
		:: CAS(d, was); COMMITTED(me, d); CLEAN
		:: else -> CLEAN; goto again
		fi });
	goto done
}

proctype poster(byte me)
{
	byte n, was, will;
	bool woke;

	do
	:: confirmed[me] == POSTS -> break
	:: else ->
again:		LOAD;
		if
		:: NO_FLAGS -> fast(1)
		:: else
		fi;
		CLEAN;
		LOCK;
look:		LOAD;
#ifdef COMMIT_FIRST
		commit(me, 1);
#endif
		serve();
#ifndef COMMIT_FIRST
		commit(me, 1);
#endif
		CLEAN;
		UNLOCK;
done:		S(confirmed[me]++)
	od;
gone:	skip
}

proctype taker(byte me)
{
	byte n, was, will;
	bool woke;

again:	LOAD;
	if
	:: n > 0 && NO_FLAGS -> fast(-1)
	:: else
	fi;
	CLEAN;
	LOCK;
look:	LOAD;
	if
	:: n == 0 ->
#ifdef PLAIN_FLAG
		S(atomic { number = n; flags = was | W });
#else
		S(atomic {
			if
			:: CAS(0, was | W)
			:: else -> goto look
			fi });
#endif
		CLEAN;
		same[me] = true;
		UNLOCK;
#ifdef LOOK_WITHOUT_LOCK
sleep:
#endif
		S(atomic {
			if
			:: same[me] -> asleep[me] = true
			:: else
			fi });
end:		S(atomic { !asleep[me] -> same[me] = false });
#ifdef LOOK_WITHOUT_LOCK
		if
		:: number == 0 && (flags & W) -> same[me] = true; goto sleep
		:: else
		fi;
#endif
		goto again
	:: n > 1 -> serve()
	:: n == 1
	fi;
	commit(me, -1);
	CLEAN;
	UNLOCK;
done:	S(confirmed[me]++);
gone:	skip
}

proctype server(byte me)
{
	byte n, was, will;
	bool woke;

	goto try;
end:	atomic { bell || died ->
		bell = false;
#ifdef SWEEP
		if
		:: died -> wake_all()
		:: else
		fi;
#endif
		died = false };
	if
	:: confirmed[me] -> goto end
	:: else
	fi;
try:	LOCK;
look:	LOAD;
	if
	:: n == 0 ->
		atomic {
			if
			:: CAS(0, was | P)
			:: else -> goto look
			fi };
		CLEAN;
		UNLOCK;
		goto end
	:: n > 1 -> serve()
	:: n == 1
	fi;
	commit(me, -1);
	CLEAN;
	UNLOCK;
	confirmed[me]++;
	goto end;
gone:	skip
}

#define CONTENT(i) assert(!asleep[i] || number == 0); \
	assert(committed[i] == confirmed[i] || (committed[i] == confirmed[i] + 1 && dead[i]))

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
		assert(confirmed[LIB] || number == 0);
		assert(confirmed[LIB] == committed[LIB])
	}
}

init
{
	byte i;

	atomic {
		do
		:: i < POSTERS -> run poster(i); i++
		:: i >= POSTERS && i < LIB -> run taker(i); i++
		:: i == LIB -> break
		od;
		run server(LIB);
		run monitor()
	}
}
