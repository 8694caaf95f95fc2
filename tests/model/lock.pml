/*
 * The lock of an object, with takeover from the dead.  (docs: architecture, section 4, rules 1, 2, 5)
 *
 * Modelled, one step for each instruction that others can see:
 *   word      {owner: member number, 0 is free | LW: somebody waits for the lock}
 *   acquire   CAS 0 -> {me}; if that fails: is the owner alive? (one question to the kernel)
 *             dead:  CAS exactly the word seen -> {me, LW}, then repair
 *             alive: CAS the word seen -> {.., LW}, FUTEX_WAIT on it, from the start again;
 *                    who has slept once takes a free lock with LW set (others may sleep still)
 *   release   xchg 0; FUTEX_WAKE(1) if LW was set
 *   operation on an object of two words: bytes into the redo area, redo_on = 1 (the commit),
 *             copy, copy, redo_on = 0.  Repair: if redo_on, copy, copy, redo_on = 0.
 *   kill      of any process between any two steps, KILLS times.  The kernel drops the dead one's
 *             member lock (alive is false from then on) and takes it out of the futex queue.
 *   late      the last process is started at any time, also after a death.
 *
 * Abstracted: memory is sequentially consistent.  Which sleeper FUTEX_WAKE picks is left open.
 * A sleep is bounded; a time-out that finds nothing changed sleeps again, which is no step at all,
 * so the model lets a sleeper time out only when the word differs or its owner is dead.
 *
 * Properties:
 *   - mutual exclusion among the living (assert in ENTER);
 *   - who holds the lock sees every committed operation whole and no other (assert in SEES_WHOLE);
 *   - every living process that wants the lock gets it: no invalid end state, and no cycle in the
 *     state space (checked with -DNP and pan -l: there is no progress label, so any cycle is an
 *     error), so each run ends, and ends with all the survivors done.
 *
 * Mistakes that must fail:
 *   REUSE_NUMBER    a later process gets the number of a dead one
 *   NO_REPAIR       takeover without repair
 *   REPAIR_BACKWARD repair clears redo_on before it copies
 *   COMMIT_EARLY    redo_on = 1 before the bytes are there
 *   BLIND_TAKEOVER  takeover by a plain exchange instead of a CAS of the word seen
 *   NO_TIMEOUT      sleep for ever: a wake-up that dies with its sender or receiver is lost
 *   NO_KILL NO_TIMEOUT FORGET_LW   a woken process takes the lock without LW: the next sleeper is
 *                   left to its time-out, though nobody was killed
 *   NO_TIMEOUT SWEEP SWEEP_HELD    the server's sweep frees a lock held by the dead but wakes nobody
 *                   where the lock is free already
 * Must hold: NO_KILL NO_TIMEOUT (wake-ups alone are enough while nobody dies) and NO_TIMEOUT SWEEP
 * (the sweep takes the lock over if the dead holds it AND always wakes one sleeper of the word: then
 * time-outs are needed only where no server runs).
 */
#ifndef NP
#define NP 3            /* processes */
#endif
#ifndef OPS
#define OPS 2           /* operations of each */
#endif
#ifdef NO_KILL
#define KILLS 0
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define LW 16
#define OWNER(w) ((w) & 15)

byte word;
byte a, b, redo;        /* the object's two words; both get the redo area's value */
bool redo_on;

bool alive[NP + 2];     /* the kernel's fact, by member number; 0 is nobody */
bool dead[NP];          /* was killed, by process */
bool asleep[NP];        /* in the futex queue of the word */
byte number[NP];        /* the member number of each process */
byte kills;
#ifdef SWEEP
bool died[NP];          /* a death notification the server has not handled */
#endif

byte committed;         /* what the object must hold */
byte inside;            /* process + 1 that is in the critical section */

#define ENTER   assert(inside == 0 || dead[inside - 1]); inside = me + 1
#define LEAVE   inside = 0
#define SEES_WHOLE assert(!redo_on && a == committed && b == committed)

#ifdef SWEEP
#define NOTIFY died[me] = true
#else
#define NOTIFY skip
#endif

/* One step, before which the process may be killed instead. */
#define S(step) \
	if \
	:: step \
	:: atomic { kills < KILLS -> kills++; \
		dead[me] = true; asleep[me] = false; alive[number[me]] = false; NOTIFY; \
		w = 0; v = 0; lw = 0; ops = 0; goto gone } \
	fi

inline wake_one()
{
	if
	:: asleep[0] -> asleep[0] = false
	:: asleep[1] -> asleep[1] = false
#if NP > 2
	:: asleep[2] -> asleep[2] = false
#endif
#if NP > 3
	:: asleep[3] -> asleep[3] = false
#endif
	:: else
	fi
}

proctype process(byte me)
{
	byte w, v, ops;
	byte lw;		/* LW once this acquire has slept */

	atomic {
		number[me] = me + 1;
#ifdef REUSE_NUMBER
		if
		:: me == NP - 1 && dead[0] -> number[me] = number[0]
		:: else
		fi;
#endif
		alive[number[me]] = true
	}
	do
	:: ops == OPS -> break
	:: else ->
again:		S(atomic { w = word;
			if
			:: w == 0 -> word = number[me] | lw; ENTER; goto mine
			:: else
			fi });
		S(atomic {
			if
			:: alive[OWNER(w)]
			:: else -> goto takeover
			fi });
		if
		:: w & LW
		:: else -> S(atomic {
				if
				:: word == w -> w = w | LW; word = w
				:: else -> w = 0; goto again
				fi })
		fi;
		S(atomic {
			if
			:: word == w -> asleep[me] = true
			:: else -> w = 0; goto again
			fi });
		S(atomic {
#ifdef NO_TIMEOUT
			!asleep[me] ->
#else
			!asleep[me] || word != w || !alive[OWNER(w)] ->
#endif
			asleep[me] = false; w = 0;
#ifndef FORGET_LW
			lw = LW;
#endif
			goto again });

takeover:	S(atomic {
			if
#ifdef BLIND_TAKEOVER
			:: true -> word = number[me] | LW; ENTER
#else
			:: word == w -> word = number[me] | LW; ENTER
			:: else -> w = 0; goto again
#endif
			fi });
#ifndef NO_REPAIR
		if
		:: redo_on ->
#ifdef REPAIR_BACKWARD
			S(redo_on = false);
#endif
			S(a = redo);
			S(b = redo);
			S(redo_on = false)
		:: else
		fi;
#endif

mine:		atomic { SEES_WHOLE; w = 0; lw = 0; v = a + 1 }
#ifdef COMMIT_EARLY
		S(atomic { redo_on = true; committed = v });
		S(redo = v);
#else
		S(redo = v);
		S(atomic { redo_on = true; committed = v });	/* the commit */
#endif
		S(a = v);
		S(b = v);
		S(atomic { redo_on = false; v = 0 });

		S(atomic { w = word; word = 0; LEAVE });
		if
		:: w & LW -> S(atomic { wake_one(); w = 0; ops++ })
		:: else -> atomic { w = 0; ops++ }
		fi
	od;
gone:	skip
}

#ifdef SWEEP
/* The server: on each death take the lock over if the dead held it, let it go, wake one sleeper. */
proctype server()
{
	byte w, i;

end:	do
	:: atomic {
		if
		:: died[0] -> i = 0
		:: died[1] -> i = 1
#if NP > 2
		:: died[2] -> i = 2
#endif
		fi;
		died[i] = false }
look:		w = word;
		if
		:: w != 0 && OWNER(w) == number[i] ->
			atomic {
				if
				:: word == w -> word = (NP + 1) | LW; assert(inside == 0 || dead[inside - 1]); inside = 0
#ifdef SWEEP_ONCE
				:: else -> goto not_held
#else
				:: else -> goto look	/* a waiter has set LW: still the dead one's */
#endif
				fi
			}
			if
			:: redo_on -> a = redo; b = redo; redo_on = false
			:: else
			fi;
			atomic { SEES_WHOLE; word = 0; inside = 0 }
			atomic { wake_one() }
			goto done
		:: else
		fi;
not_held:
#ifndef SWEEP_HELD
		atomic { wake_one() }
#endif
done:		atomic { i = 0; w = 0 }
	od
}
#endif

init
{
	byte i;

	atomic {
#ifdef SWEEP
		alive[NP + 1] = true;
		run server();
#endif
		do
		:: i < NP -> run process(i); i++
		:: else -> break
		od
	}
}
