/*
 * Conditions: armed waiters are claims; a notification, and one that is passed on, turns claims in one commit.
 * (docs: architecture, "Claims"; core/condition.c, core/ticket.c, core/claim.c)  Read lock.pml and wait.pml first.
 *
 * Modelled, one step for each store that others can see, of WAITERS waiters, NOTIFIERS notifiers and one who
 * looks for the dead when somebody has died (a server; or a waiter after its second of sleep):
 *   lock     free, or its owner is dead: then what he had committed is applied, what he had staged is
 *            dropped; the repair may be killed too, and is done again
 *   change   claims are staged one by one, those who sleep on them are woken, THEN redo_on = 1, which is
 *            the commit; the states are applied one by one, redo_on = 0
 *   arm      the claim becomes WAITING
 *   await    NOTIFIED: the claim becomes FREE, the notification is used. WAITING: seq is noted, the
 *            lock given back, FUTEX_WAIT on it, from the start
 *   give up  (a deadline, at any look) NOTIFIED: used all the same. WAITING: FREE
 *   leave    (the first waiter, an armed handle that closes) FREE; if it was NOTIFIED, the oldest living
 *            WAITING becomes NOTIFIED in the same change
 *   notify   the oldest living WAITING becomes NOTIFIED, the dead before it FREE, in one change
 *   sweep    claims of the dead become FREE; for each that was NOTIFIED the oldest living WAITING becomes
 *            NOTIFIED, in one change
 *   kill     of any waiter or notifier, KILLS times, before any step
 *
 * The oldest is the one with the least number: who armed when is not the protocol's matter.
 *
 * Properties: at each commit, notifications given = used + held by claims + left with nobody to have them;
 * and at the end, when nothing can move: nobody living sleeps on a claim that is NOTIFIED; no dead one holds a
 * notification while somebody living waits; who was told that he had notified one, had.
 *
 * Mistakes that must fail:
 *   COMMIT_FIRST   commit, then wake
 *   LEAVE_DROPS    who leaves takes his notification along
 *   PASS_IN_TWO    he frees his claim in one change and notifies the next in another
 *   NO_REDO        the staged states are stored one by one, the first is the commit
 *   TRUST_DEAD     notify does not ask whether the oldest lives, and nobody sweeps
 *   LATE_SEQ       the waiter notes seq after he has given the lock back
 */
#ifndef WAITERS
#define WAITERS 3
#endif
#ifndef NOTIFIERS
#define NOTIFIERS 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#define ALL (WAITERS + NOTIFIERS)
#define SWEEPER ALL

#define FREE 0
#define WAITING 1
#define NOTIFIED 2
#define NONE 3		/* nothing staged */

byte state[WAITERS], next[WAITERS];
bool redo_on;
byte owner;		/* 0: free, else 1 + who */
bool dead[ALL + 1], same[WAITERS], asleep[WAITERS];
bool died;
byte kills, given, used, left, confirmed;
bool hand;		/* mistakes alone: a notification that lies in no claim */
byte redo_given, redo_used, redo_left;	/* what the change under way does, for the properties */

#define HELD ((state[0] == NOTIFIED) + (state[1] == NOTIFIED) + (state[2] == NOTIFIED))
#define AFTER(i) (next[i] == NONE -> state[i] : next[i])
#define HELD_AFTER ((AFTER(0) == NOTIFIED) + (AFTER(1) == NOTIFIED) + (AFTER(2) == NOTIFIED))

#define S(step) \
	if \
	:: step \
	:: atomic { kills < KILLS && me != SWEEPER -> \
		kills++; dead[me] = true; died = true; \
		if :: me < WAITERS -> same[me] = false; asleep[me] = false :: else fi; \
		goto gone } \
	fi

#define APPLY(i) \
	if \
	:: next[i] != NONE -> S(state[i] = next[i]) \
	:: else \
	fi
#define CLEAR(i) \
	if \
	:: next[i] != NONE -> S(next[i] = NONE) \
	:: else \
	fi

inline apply()
{
	APPLY(0);
	APPLY(1);
	APPLY(2);
	S(redo_on = false)
}

inline unstage()
{
	CLEAR(0);
	CLEAR(1);
	CLEAR(2)
}

/* The owner's own word on what he is about to do goes with what is staged. */
inline nothing_yet()
{
	redo_given = 0;
	redo_used = 0;
	redo_left = 0
}

inline lock()
{
	S(atomic {
		owner == 0 || dead[owner - 1] ->
		taken = owner != 0;
		owner = me + 1 });
	if
	:: taken ->
		if
		:: redo_on -> apply()
		:: else
		fi;
		unstage();
		taken = false
	:: else
	fi;
	d_step { nothing_yet() }
}

#define UNLOCK S(owner = 0)

/* The notifications that there are lie with somebody, whatever moment this is. */
#define WHOLE assert(given + redo_given == used + redo_used + left + redo_left + HELD_AFTER + hand)

#define WAKE(i) \
	if \
	:: next[i] == NOTIFIED -> S(d_step { same[i] = false; asleep[i] = false }) \
	:: else \
	fi
inline wake()
{
	WAKE(0);
	WAKE(1);
	WAKE(2)
}

inline commit()
{
#ifndef COMMIT_FIRST
	wake();
#endif
#ifdef NO_REDO
	d_step { given = given + redo_given; used = used + redo_used; left = left + redo_left;
		nothing_yet() };
	apply();
#else
	S(d_step { WHOLE; redo_on = true; given = given + redo_given; used = used + redo_used;
		left = left + redo_left; nothing_yet() });
	apply();
#endif
#ifdef COMMIT_FIRST
	wake();
#endif
	unstage()
}

#define MAY_HAVE(i) (AFTER(i) == WAITING && (TRUSTED || !dead[i]))
#ifdef TRUST_DEAD
#define TRUSTED true
#else
#define TRUSTED false
#endif

/* Stages that the oldest becomes NOTIFIED; whether there is one, in `found`. */
inline tell()
{
	found = true;
	if
	:: MAY_HAVE(0) -> S(next[0] = NOTIFIED)
	:: !MAY_HAVE(0) && MAY_HAVE(1) -> S(next[1] = NOTIFIED)
	:: !MAY_HAVE(0) && !MAY_HAVE(1) && MAY_HAVE(2) -> S(next[2] = NOTIFIED)
	:: else -> found = false
	fi
}

/* One who frees entry i: his notification goes to the next, or is left. */
inline pass_on()
{
	tell();
	if
	:: !found -> redo_left++
	:: else
	fi
}

proctype waiter(byte me; bool leaves)
{
	bool taken, found, had;

	lock();
	S(next[me] = WAITING);
	commit();
	UNLOCK;
	if
	:: leaves -> goto leave
	:: true
	fi;
again:	lock();
	if
	:: state[me] == NOTIFIED ->
use:		S(next[me] = FREE);
		redo_used = 1;
		commit();
		UNLOCK;
		goto gone
	:: state[me] == WAITING && !leaves -> /* the time may be over at any look */
		S(next[me] = FREE);
		commit();
		UNLOCK;
		goto gone
	:: state[me] == WAITING ->
#ifndef LATE_SEQ
		same[me] = true;
#endif
		UNLOCK;
#ifdef LATE_SEQ
		S(same[me] = true);
#endif
		S(atomic {
			if
			:: same[me] -> asleep[me] = true
			:: else
			fi });
end:		S(atomic { !asleep[me] -> same[me] = false });
		goto again
	fi;
leave:	lock();
	had = state[me] == NOTIFIED;
	S(next[me] = FREE);
#ifdef LEAVE_DROPS
	hand = had;
#elif defined(PASS_IN_TWO)
	hand = had;
	commit();
	if
	:: had -> pass_on(); hand = false; commit()
	:: else
	fi;
	UNLOCK;
	goto gone;
#else
	if
	:: had -> pass_on()
	:: else
	fi;
#endif
	commit();
	UNLOCK;
gone:	skip
}

proctype notifier(byte me)
{
	bool taken, found;

	lock();
	tell();
	if
	:: found -> redo_given = 1; commit()
	:: else
	fi;
	UNLOCK;
	S(d_step { confirmed = confirmed + found; found = false });
gone:	skip
}

#define BURY(i) \
	if \
	:: dead[i] && state[i] != FREE -> \
		owed = owed + (state[i] == NOTIFIED); \
		S(next[i] = FREE) \
	:: else \
	fi

proctype sweeper(byte me)
{
	bool taken, found;
	byte owed;

end:	atomic { died -> died = false };
	lock();
	BURY(0);
	BURY(1);
	BURY(2);
	do
	:: owed > 0 -> pass_on(); owed--
	:: else -> break
	od;
	commit();
	UNLOCK;
	goto end;
gone:	skip
}

#define ALL_QUIET (owner == 0 || dead[owner - 1])
#define CONTENT(i) \
	assert(!(asleep[i] && !dead[i] && AFTER_ALL(i) == NOTIFIED)); \
	assert(!(dead[i] && AFTER_ALL(i) == NOTIFIED) || !SOMEBODY_WAITS)
/* What whoever takes the lock next will find. */
#define AFTER_ALL(i) (redo_on && next[i] != NONE -> next[i] : state[i])
#define WAITS(i) (!dead[i] && AFTER_ALL(i) == WAITING)
#define SOMEBODY_WAITS (WAITS(0) || WAITS(1) || WAITS(2))

proctype monitor()
{
	atomic { timeout ->
		assert(ALL_QUIET);
		CONTENT(0);
		CONTENT(1);
		CONTENT(2);
		assert(given == used + left + (AFTER_ALL(0) == NOTIFIED) +
			(AFTER_ALL(1) == NOTIFIED) + (AFTER_ALL(2) == NOTIFIED));
		assert(confirmed <= given)
	}
}

init
{
	byte i;

	atomic {
		do
		:: i < WAITERS -> next[i] = NONE; i++
		:: else -> break
		od;
		run waiter(0, true);
		run waiter(1, true);
		run waiter(2, false);
		do
		:: i < ALL -> run notifier(i); i++
		:: else -> break
		od;
#ifndef TRUST_DEAD
		run sweeper(SWEEPER);
#endif
		run monitor()
	}
}
