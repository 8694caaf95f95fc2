/*
 * Claims and locks: a change of claims is staged, and committed with the word by one store; dead holders are taken
 * back by who would wait; the turnstile has two places.
 * (docs: architecture, "Claims"; core/claim.c, core/turn.c, core/rwlock.c)  Read lock.pml and wait.pml first.
 *
 * Modelled, one step for each store that others can see, of PROGRAMS programs that acquire (exclusively or shared,
 * each as it likes) and release ROUNDS times, a server that has REQUESTS requests parked, which do so once, in
 * order, and a clock:
 *   lock     free, or its owner is dead: then what he had committed is applied, what he had staged is
 *            dropped; the repair may be killed too, and is done again
 *   change   claims are staged one by one, whoever waits is woken, THEN redo_on = 1, which is the commit; the
 *            states and the word are stored, redo_on = 0, the stages cleared
 *   acquire  waits while another has it (shared: exclusively), or the turn. Before it waits the claims of the dead
 *            are freed, in a change of its own, by a server only if it has heard of a death; an exclusive one
 *            marks the word ABANDONED. Acquired: the turn is passed on, who shares wakes the next, then the change.
 *            The reader whom a server answers may have gone (one of GIVE_UPS): the turn is given back instead
 *   wait     a server, and who waits for readers or behind a turn, takes the turn if it is free, or the place
 *            behind it (a program behind a server, a server behind a program). A program notes seq of its class,
 *            JOIN if it has a place, else READ, gives the lock back, FUTEX_WAIT. A server sets PARKED
 *   release  if nobody else shares it: wakes all JOIN, one READ if there is no turn, rings the server if PARKED;
 *            then the change; an exclusive one clears ABANDONED
 *   convert  (CONVERT) a request that has it exclusively lets others share it: wakes as a release, then the change
 *   turn     of one who is dead: the next comes forward, and all are woken
 *   give up  GIVE_UPS times: a program, at a look or interrupted while asleep, gives its place back, and wakes all
 *            if it had one; a parked request is interrupted, and if it was the last the server does so
 *   kill     of anybody, KILLS times, before any step
 *   clock    when nothing moves, if one died who held it, had a place, was woken and had not looked yet, or was in
 *            the middle of a change: all look again (after a second, or because the server noticed the death).
 *            Whoever dies when his change is committed is none of these: then all have been told
 *
 * Abstracted: the table of claims has a place for everybody; the flags that somebody waits are always looked at as if
 * set, but PARKED (wait.pml); the lock is one step (lock.pml); a place that is lost after two seconds.
 *
 * Properties: at each commit there is one exclusive holder or any number of sharing ones; each token is above
 * the last; who acquires is told that it was abandoned if, and only if, an exclusive holder has died and
 * nobody has given it back since. At the end, when nothing can move: everybody who lives has had it as
 * often as he wanted, or given up.
 *
 * Mistakes that must fail:
 *   COMMIT_FIRST   commit, then wake
 *   NO_REDO        the staged states are stored one by one, the first is the commit
 *   NO_UNSTAGE     who takes the lock over leaves what was staged
 *   TRUST_DEAD     claims of the dead are not freed
 *   CLEAN_DEATH    ABANDONED is not set
 *   DEAD_TURN      the turn of one who is dead stays
 *   KEEP_TURN      who gives up keeps it
 *   QUIT_SILENT    he gives it back, and wakes nobody
 *   REFUSED_KEEPS  who had gone when he was answered keeps it
 *   LATE_SEQ       seq is noted after the lock was given back
 *   WAKE_READ      a release wakes one READ where there is a turn, too, and no JOIN
 *   NO_RING        a release does not ring
 */
#ifndef PROGRAMS
#define PROGRAMS 2
#endif
#ifndef REQUESTS
#define REQUESTS 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef GIVE_UPS
#define GIVE_UPS 1
#endif
#define SERVER PROGRAMS
#define CLOCK (PROGRAMS + 1)
#define CLAIMS (PROGRAMS + REQUESTS)	/* of each program, of each request */
#define OWNER(i) (i < PROGRAMS -> i : SERVER)

#define FREE 0
#define EXCLUSIVE 1
#define SHARED 2
#define NONE 3		/* nothing staged */

#define READ 1		/* classes of sleepers */
#define JOIN 2

/* Room for the largest configuration: what is not used stays as it is. */
byte state[4], next[4], mode[4];
bool redo_on, redo_abandoned, abandoned;
byte redo_number, number;
byte owner, turn, turn_next;	/* 0: nobody, else 1 + who */
bool dead[5], died, uses_wakeup[5], ready[4];
byte kills, give_ups, last_token;
bool committed;		/* what the lock's owner has done under it: nobody need be told any more */
bool parked, bell, told = true, broken;	/* broken: a holder has died, nobody has released it since */
byte class[3];
bool same[3], asleep[3];

#define CURRENT(i) (redo_on && next[i] != NONE -> next[i] : state[i])
#define HAVE(how) ((CURRENT(0) == how) + (CURRENT(1) == how) + (CURRENT(2) == how) + \
	(CURRENT(3) == how))
#define HAS(i, how) (OWNER(i) == me && CURRENT(i) == how)
#define I_HAVE(how) (HAS(0, how) || HAS(1, how) || HAS(2, how) || HAS(3, how))

inline die()
{
	kills++;
	dead[me] = true;
	broken = broken || I_HAVE(EXCLUSIVE);
	died = died || I_HAVE(EXCLUSIVE) || I_HAVE(SHARED) || turn == me + 1 ||
		turn_next == me + 1 || (owner == me + 1 && !committed) || uses_wakeup[me];
	if
	:: me < PROGRAMS -> same[me] = false; asleep[me] = false
	:: else
	fi
}

#define S(step) \
	if \
	:: step \
	:: d_step { kills < KILLS && me != CLOCK -> die() }; goto gone \
	fi

/* ---- the inner lock, and a change of claims ---- */

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
	APPLY(3);
	S(d_step { number = redo_number; abandoned = redo_abandoned });
	S(redo_on = false)
}

inline unstage()
{
	CLEAR(0);
	CLEAR(1);
	CLEAR(2);
	CLEAR(3)
}

inline lock()
{
	S(atomic {
		owner == 0 || dead[owner - 1] ->
		taken = owner != 0;
		committed = false;
		owner = me + 1 });
	if
	:: taken ->
		taken = false;
		if
		:: redo_on -> apply()
		:: else
		fi;
#ifndef NO_UNSTAGE
		unstage()
#endif
	:: else
	fi
}

#define UNLOCK S(owner = 0)

/* `what` is said with the commit: assertions, and how often it was done. */
#ifdef NO_REDO
#define COMMIT(what) \
	d_step { what; committed = true }; \
	apply(); \
	unstage()
#else
#define COMMIT(what) \
	S(d_step { redo_on = true; committed = true; what; \
		assert(HAVE(EXCLUSIVE) == 0 || (HAVE(EXCLUSIVE) == 1 && HAVE(SHARED) == 0)) }); \
	apply(); \
	unstage()
#endif

/* ---- waking ---- */

#define IF_CLASS(j, c, what) \
	if \
	:: class[j] == c -> what \
	:: else \
	fi

inline new_seq(c)
{
	S(d_step {
		IF_CLASS(0, c, same[0] = false);
		IF_CLASS(1, c, same[1] = false);
		IF_CLASS(2, c, same[2] = false) })
}

inline wake_all_of(c)
{
	new_seq(c);
	S(d_step {
		IF_CLASS(0, c, asleep[0] = false);
		IF_CLASS(1, c, asleep[1] = false);
		IF_CLASS(2, c, asleep[2] = false) })
}

#define SLEEPS(j, c) (asleep[j] && class[j] == c)
#define WAKE(j, c) SLEEPS(j, c) -> asleep[j] = false; uses_wakeup[j] = true
inline wake_one_of(c)
{
	new_seq(c);
	S(atomic {
		if
		:: WAKE(0, c)
		:: WAKE(1, c)
		:: WAKE(2, c)
		:: else
		fi })
}

inline ring()
{
	if
	:: parked && me != SERVER -> S(bell = true); S(parked = false)
	:: else
	fi
}

inline wake_everybody()
{
	wake_all_of(READ);
	ring();
	wake_all_of(JOIN)
}

/* ---- the turnstile ---- */

#define STANDS(who) (who != 0 && !dead[who - 1])

inline advance()
{
	if
	:: turn_next == turn || !STANDS(turn_next) -> S(d_step { turn = 0; committed = false })
	:: else -> S(d_step { turn = turn_next; committed = false })
	fi;
	S(turn_next = 0)
}

inline turn_owner()
{
	skip;
#ifndef DEAD_TURN
	if
	:: (turn != 0 || turn_next != 0) && !STANDS(turn) ->
		advance();
		wake_everybody()
	:: else
	fi
#endif
}

/* Takes the turn, or the place behind it, if it may. */
inline turn_take()
{
	has_place = false;
	turn_owner();
	if
	:: turn == 0 || turn == me + 1 -> S(turn = me + 1); has_place = true
	:: turn != 0 && turn != me + 1 ->
		if
		:: (me == SERVER || turn == SERVER + 1) &&
		   (turn_next == me + 1 || !STANDS(turn_next)) ->
			S(turn_next = me + 1);
			has_place = true
		:: else
		fi
	fi
}

inline turn_pass()
{
	has_place = turn == me + 1 || turn_next == me + 1;
	if
	:: turn_next == me + 1 -> S(turn_next = 0)
	:: else
	fi;
	if
	:: turn == me + 1 ->
		advance();
		if
		:: (me == SERVER && turn == 0) || (me != SERVER && turn == SERVER + 1) ->
			wake_one_of(READ)
		:: else
		fi
	:: else
	fi
}

/* Who waits no longer. */
inline turn_drop()
{
	skip;
#ifndef KEEP_TURN
	turn_pass();
	if
#ifndef QUIT_SILENT
	:: has_place -> wake_everybody()
#endif
	:: else
	fi
#endif
}

/* ---- locks ---- */

inline wake_next()
{
	turn_owner();
#ifdef WAKE_READ
	wake_one_of(READ);
	ring()
#else
	if
	:: turn == 0 -> wake_one_of(READ)
	:: else
	fi;
#ifndef NO_RING
	ring();
#endif
	wake_all_of(JOIN)
#endif
}

#define STAYS(i) (state[i] != FREE && next[i] == NONE)

/* Ends what is staged. */
#define COMMIT_RELEASE(what) \
	d_step { redo_number = number; \
		others = STAYS(0) || STAYS(1) || STAYS(2) || STAYS(3) }; \
	BEFORE_COMMIT \
	COMMIT(what) \
	AFTER_COMMIT

#define WAKE_WHO_CAN \
	if \
	:: others -> turn_owner() \
	:: else -> wake_next() \
	fi
#ifdef COMMIT_FIRST
#define BEFORE_COMMIT
#define AFTER_COMMIT ; WAKE_WHO_CAN
#else
#define BEFORE_COMMIT WAKE_WHO_CAN;
#define AFTER_COMMIT
#endif

#define IS_DEAD(i) (state[i] != FREE && dead[OWNER(i)])
#ifdef CLEAN_DEATH
#define TELLS false
#else
#define TELLS true
#endif
#define BURY(i) \
	if \
	:: IS_DEAD(i) -> \
		redo_abandoned = redo_abandoned || (TELLS && state[i] == EXCLUSIVE); \
		S(next[i] = FREE) \
	:: else \
	fi

/* Frees the claims of the dead. A server asks for them only when it has heard of a death. */
inline bury()
{
	if
	:: (me != SERVER || told) && (IS_DEAD(0) || IS_DEAD(1) || IS_DEAD(2) || IS_DEAD(3)) ->
		redo_abandoned = abandoned;
		BURY(0);
		BURY(1);
		BURY(2);
		BURY(3);
		COMMIT_RELEASE(skip)
	:: else
	fi;
	told = told && me != SERVER
}

#define IN_THE_WAY(c) (HAVE(EXCLUSIVE) || (mode[c] == EXCLUSIVE && HAVE(SHARED)))
inline must_wait(c)
{
	waits = IN_THE_WAY(c);
	if
	:: !waits -> turn_owner(); waits = turn != 0 && turn != me + 1
	:: else
	fi
}

inline stand_in_line(c)
{
	has_place = me == SERVER || (mode[c] == EXCLUSIVE && HAVE(SHARED));
	if
	:: !has_place -> turn_owner(); has_place = turn != 0
	:: else
	fi;
	if
	:: has_place -> turn_take()
	:: else
	fi
}

/* One try for claim c; `waits`: not acquired. A reader whom the server answers may have gone. */
inline try_acquire(c)
{
	must_wait(c);
#ifndef TRUST_DEAD
	if
	:: waits -> bury(); must_wait(c)
	:: else
	fi;
#endif
	if
	:: waits -> stand_in_line(c)
	:: !waits ->
		S(d_step { next[c] = mode[c]; redo_number = number + 1; redo_abandoned = abandoned });
		if
		:: true
		:: d_step { me == SERVER && give_ups < GIVE_UPS -> give_ups++; waits = true }
		fi;
		if
		:: waits ->
#ifndef REFUSED_KEEPS
			turn_drop();
#endif
			unstage();
			waits = false
		:: else ->
			turn_pass();
			if
			:: mode[c] == SHARED -> wake_next()
			:: else
			fi;
			COMMIT(assert(redo_number > last_token); last_token = redo_number;
				assert(redo_abandoned == broken))
		fi
	fi
}

#ifdef CONVERT
/* What one has exclusively, others may share. */
inline convert(c)
{
	wake_next();
	S(d_step { next[c] = SHARED; redo_number = number; redo_abandoned = false });
	COMMIT(broken = false)
}
#endif

inline release(c)
{
	d_step { next[c] = FREE;
		redo_abandoned = abandoned && state[c] == SHARED };
	COMMIT_RELEASE(broken = broken && state[c] == SHARED)
}

/* ---- who contends ---- */

/* Has the server anything, and what: the eldest. */
#if REQUESTS == 2
#define HOLDS (state[PROGRAMS] != FREE || state[PROGRAMS + 1] != FREE)
#define HELD (state[PROGRAMS] != FREE -> PROGRAMS : PROGRAMS + 1)
#else
#define HOLDS (state[PROGRAMS] != FREE)
#define HELD PROGRAMS
#endif

proctype program(byte me)
{
	bool taken, waits, others, has_place;
	byte rounds;

again:	lock();
	try_acquire(me);
	if
	:: !waits -> UNLOCK; goto inside
	:: else
	fi;
	d_step {
#ifndef LATE_SEQ
		same[me] = true;
#endif
		class[me] = (has_place -> JOIN : READ);
		uses_wakeup[me] = false };
	UNLOCK;
#ifdef LATE_SEQ
	S(same[me] = true);
#endif
	if
	:: true
	:: d_step { give_ups < GIVE_UPS -> give_ups++; same[me] = false }; goto quit
	fi;
	S(atomic {
		if
		:: same[me] -> asleep[me] = true
		:: else
		fi });
end:	if
	:: S(atomic { !asleep[me] -> same[me] = false })
	:: d_step { give_ups < GIVE_UPS && asleep[me] -> give_ups++; asleep[me] = false;
		same[me] = false }; goto quit
	fi;
	goto again;
inside:	uses_wakeup[me] = false;
	lock();
	release(me);
	UNLOCK;
	rounds++;
	if
	:: rounds < ROUNDS -> goto again
	:: else -> goto finished
	fi;
quit:	lock();
	turn_drop();
	UNLOCK;
finished:
	uses_wakeup[me] = false;
	ready[me] = true;
gone:	skip
}

/* Tries the first that is parked when it is rung for, and at once when it has answered another. */
proctype server(byte me)
{
	bool taken, waits, others, has_place;
	bool look = true;
	byte asks = PROGRAMS;

end:	do
	:: asks < CLAIMS && (look || bell) ->
		S(d_step { bell = false; look = false });
		lock();
		try_acquire(asks);
		if
		:: waits -> S(parked = true); UNLOCK
		:: else -> UNLOCK; asks++; look = true
		fi
	:: d_step { asks < CLAIMS && give_ups < GIVE_UPS -> give_ups++; asks++; look = true };
		/* interrupted; whoever is parked still keeps the turn */
		if
		:: asks == CLAIMS -> lock(); turn_drop(); UNLOCK
		:: else
		fi
	:: HOLDS -> /* gives it back; who is parked is looked at */
		lock();
		release(HELD);
		UNLOCK;
		look = true
#ifdef CONVERT
	:: HOLDS && state[HELD] == EXCLUSIVE ->
		lock();
		convert(HELD);
		UNLOCK;
		look = true
#endif
	:: asks == CLAIMS && !HOLDS -> break
	od;
	ready[me] = true;
gone:	skip
}

proctype clock(byte me)
{
end:	do
	:: d_step { timeout && died ->
		died = false;
		same[0] = false; same[1] = false; same[2] = false;
		asleep[0] = false; asleep[1] = false; asleep[2] = false;
		told = true; bell = true }
	od
}

#define CONTENT(i) assert(i > PROGRAMS || ready[i] || dead[i])

proctype monitor()
{
	d_step { timeout && !died ->
		CONTENT(0);
		CONTENT(1);
		CONTENT(2);
		CONTENT(3);
		assert(owner == 0 || dead[owner - 1]) }
}

init
{
	byte i;

	atomic {
		next[0] = NONE; next[1] = NONE; next[2] = NONE; next[3] = NONE;
		do
		:: i < CLAIMS ->
			if
			:: mode[i] = EXCLUSIVE
			:: mode[i] = SHARED
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < PROGRAMS -> run program(i); i++
		:: else -> break
		od;
		run server(SERVER);
		run clock(CLOCK);
		run monitor()
	}
}
