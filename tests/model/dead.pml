/*
 * The move of a message from one queue to another, its dead-letter queue, by two commits in two segments; whoever
 * makes it may be killed at each step.  (core/dead.c; docs: architecture, "Dead letters")
 *
 * Modelled, for two messages that are DOOMED here, one step for each store that others can see:
 *   pay      both locks; for each note there of a message of ours: its claim is gone here (3), then the note (4);
 *            then for each claim that is still to be moved:
 *              1. here   claim DOOMED -> MOVING
 *              2. there  the message and a note with its number, in one commit
 *              3. here   the claim is gone, one more message is done
 *              4. there  the note is gone
 *   keep     who cannot open the other queue (no right, no memory) looks here alone, and gives DOOMED out again:
 *            READY, but not MOVING
 *   others   take messages there, and READY ones here: in the other queue a message does not stay for those who look
 *   kill     of any mover between any two steps, KILLS times
 *
 * Abstracted: a commit is one step (lock.pml, lease.pml), and the lock is one that waits until it is free or its
 * owner is dead.
 *
 * Properties: each message is had once at the most, here or there; in the end, when somebody who is not killed has
 * looked, it was had once or can be; it is declared done here exactly if it went there.
 *
 * Mistakes that must fail:
 *   NO_NOTE      the message is put, and no note
 *   NOTE_LATE    the note is a commit of its own, after the message
 *   NOTE_EARLY   before it
 *   NOTE_DROPPED_FIRST   4 before 3
 *   NUMBERLESS   the note does not say which message it is of
 *   NO_INTENT    DOOMED until it is gone: who cannot look there gives it out again
 *   LOOK_THERE   no note: who comes after a kill looks whether the message is there
 */
#ifndef MOVERS
#define MOVERS 3        /* the last one is not killed, and comes when the others have ended */
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define M 2

#define GONE 0
#define DOOMED 1
#define MOVING 2
#define READY 3

byte claim[M];
byte there[M];          /* copies in the other queue */
bool note[M];
byte had[M];            /* by consumers, here and there */
byte moved[M];          /* declared done here by a move */
byte put[M];            /* ghost: ever put there */
byte owner_here, owner_there;   /* of the locks: mover + 1; 0: free */
bool dead[MOVERS];
byte ended, kills;

#define LAST (MOVERS - 1)
#define S(step) \
	if \
	:: step \
	:: atomic { me != LAST && kills < KILLS -> kills++; dead[me] = true; m = 0; goto gone } \
	fi

#define HELD(owner) (owner != 0 && !dead[owner - 1])
#define LOCK(owner) atomic { !HELD(owner) -> owner = me + 1 }

#define ONCE(m) assert(had[m] + there[m] + (claim[m] == READY -> 1 : 0) <= 1)

inline finish(x) { S(atomic { claim[x] = GONE; moved[x]++ }) }

#ifdef NUMBERLESS
#define NOTED(x) (note[0] || note[1])
#define FORGET(x) note[0] = false; note[1] = false
#else
#define NOTED(x) note[x]
#define FORGET(x) note[x] = false
#endif

inline resume(x)
{
#ifdef LOOK_THERE
	if
	:: claim[x] == MOVING && there[x] > 0 -> finish(x)
	:: else
	fi
#else
	if
	:: NOTED(x) ->
#ifdef NOTE_DROPPED_FIRST
		S(atomic { FORGET(x) });
#endif
		if
		:: claim[x] == MOVING || claim[x] == DOOMED -> finish(x)
		:: else
		fi;
		S(atomic { FORGET(x) })
	:: else
	fi
#endif
}

inline move(x)
{
	if
	:: claim[x] == DOOMED || claim[x] == MOVING ->
#ifndef NO_INTENT
		S(claim[x] = MOVING);                                           /* 1 */
#endif
#ifdef NOTE_EARLY
		S(note[x] = true);
#endif
#if defined(NO_NOTE) || defined(NOTE_LATE) || defined(NOTE_EARLY) || defined(LOOK_THERE)
		S(atomic { there[x]++; put[x]++ });
#else
		S(atomic { there[x]++; put[x]++; note[x] = true });             /* 2 */
#endif
#ifdef NOTE_LATE
		S(note[x] = true);
#endif
		ONCE(x);
#ifdef NOTE_DROPPED_FIRST
		S(note[x] = false);
#endif
		finish(x);                                                      /* 3 */
		S(note[x] = false)                                              /* 4 */
	:: else
	fi
}

inline keep(x)
{
	if
	:: claim[x] == DOOMED -> S(claim[x] = READY); ONCE(x)
	:: else
	fi
}

proctype mover(byte me)
{
	byte m;

	(me != LAST || ended + kills == MOVERS - 1);
	if
	:: me != LAST ->                /* cannot open the other queue */
		S(LOCK(owner_here));
		keep(0);
		keep(1);
		S(owner_here = 0)
	:: true ->
		S(LOCK(owner_there));
		S(LOCK(owner_here));
		resume(0);
		resume(1);
		move(0);
		move(1);
		S(owner_here = 0);
		S(owner_there = 0)
	fi;
	ended++;
gone:	skip
}

/* Takes what it finds; under the lock, in one step: it is not killed. */
proctype consumer()
{
end:	do
	:: atomic { !HELD(owner_there) && there[0] > 0 -> there[0]--; had[0]++; ONCE(0) }
	:: atomic { !HELD(owner_there) && there[1] > 0 -> there[1]--; had[1]++; ONCE(1) }
	:: atomic { !HELD(owner_here) && claim[0] == READY -> claim[0] = GONE; had[0]++; ONCE(0) }
	:: atomic { !HELD(owner_here) && claim[1] == READY -> claim[1] = GONE; had[1]++; ONCE(1) }
	od
}

init {
	byte p;

	atomic {
		claim[0] = DOOMED;
		claim[1] = DOOMED;
		run consumer();
		p = 0;
		do
		:: p < MOVERS -> run mover(p); p++
		:: else -> break
		od
	}
	timeout;
	assert(had[0] == 1 && had[1] == 1);
	assert(claim[0] == GONE && claim[1] == GONE);
	assert(moved[0] == put[0] && moved[1] == put[1])
}
