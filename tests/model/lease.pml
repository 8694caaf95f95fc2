/*
 * Leases of a queue: claims staged, then committed with the queue's word by one store; workers that may be killed
 * at each step; what the dead had is given back.  (docs: architecture, "Claims", "Leases")
 *
 * Modelled, one step for each instruction that others can see, of a queue with M messages:
 *   lease     lock; who is dead among the owners? his claims become READY (a commit of its own); the READY one
 *             with the lowest number, else the ring's oldest: owner and message into the claim, its next state
 *             and `staged` beside its state; the next word into redo_word; redo_on = 1 (the commit); state = next,
 *             word = redo_word, redo_on = 0, staged = 0; unlock
 *   settle    lock; the claim is staged to be free; the same commit; unlock
 *   takeover  of the lock from the dead: redo_on: apply again, else unstage
 *   kill      of any worker between any two steps, KILLS times
 *
 * Abstracted: the lock is one step that waits until it is free or its owner is dead (lock.pml).  A worker who finds
 * nothing waits until something has changed (wait.pml).
 *
 * Properties:
 *   - who holds the lock sees exactly what was committed (SEES_WHOLE): each message in one place;
 *   - only its owner settles a lease, only a dead one's is given back, what is given back is leased before what is
 *     in the ring, in the old order (asserted at each commit);
 *   - in the end all messages are done, if anybody survives.
 *
 * Mistakes that must fail:
 *   NO_REDO       each claim and the word are stored as they come
 *   REPAIR_DROPS  takeover unstages what was committed
 *   OWNER_LATE    the owner is written after the commit
 *   BURY_LIVING   a lease is given back whoever has it
 *   NO_BURY       nobody looks for the dead
 *   ANY_READY     not the lowest number first
 */
#ifndef NP
#define NP 3            /* workers */
#endif
#ifndef M
#define M 2             /* messages */
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define NONE 9

#define FREE 0
#define LEASED 1
#define READY 2
/* ghosts: where a message is by the commits so far; LEASED by process p: 10 + p */
#define IN_RING 0
#define BACK 1
#define DONE 2

byte owner;             /* of the lock: process + 1, 0 is free */
byte head;              /* the word: messages from here on are in the ring */
byte st[M], nx[M], own[M], msg[M];      /* claims */
bool sg[M];
bool redo_on;
byte redo_head;
bool dead[NP], ended[NP];
byte kills;
byte ghost[M];

#define MAY_DIE (kills < KILLS && kills < NP - 1)
#define S(step) \
	if \
	:: step \
	:: atomic { MAY_DIE -> kills++; dead[me] = true; c = 0; i = 0; had = NONE; gm = NONE; goto gone } \
	fi

#define CLAIM_IS(x, m, s) (st[x] == s && msg[x] == m)
#define PLACE(m) (ghost[m] == IN_RING -> (head <= m && !CLAIMED(m)) : \
		  (ghost[m] == DONE -> (head > m && !CLAIMED(m)) : \
		   (ghost[m] == BACK -> (head > m && CLAIMED_AS(m, READY)) : \
		    (head > m && CLAIMED_AS(m, LEASED)))))
#define CLAIMED(m) ((st[0] != FREE && msg[0] == m) || (st[1] != FREE && msg[1] == m))
#define CLAIMED_AS(m, s) ((CLAIM_IS(0, m, s) && !(CLAIM_IS(1, m, s))) || (CLAIM_IS(1, m, s) && !(CLAIM_IS(0, m, s))))
#define SEES_WHOLE assert(!redo_on && PLACE(0) && PLACE(1))

inline apply()
{
	S(skip);
	S(if :: sg[0] -> st[0] = nx[0] :: else fi);
	S(if :: sg[1] -> st[1] = nx[1] :: else fi);
	S(head = redo_head);
	S(redo_on = false);
	S(sg[0] = false);
	S(sg[1] = false)
}

/* gm becomes gs (a ghost). */
inline commit(word)
{
#ifdef NO_REDO
	S(atomic { if :: sg[0] -> st[0] = nx[0]; sg[0] = false :: else fi; if :: gm != NONE -> ghost[gm] = gs :: else fi });
	S(if :: sg[1] -> st[1] = nx[1]; sg[1] = false :: else fi);
	S(head = word)
#else
	S(redo_head = word);
	S(atomic { redo_on = true; if :: gm != NONE -> ghost[gm] = gs :: else fi });
	apply()
#endif
}

inline lock()
{
	if
	:: atomic { owner == 0 -> owner = me + 1 }
	:: atomic { owner != 0 && dead[owner - 1] -> owner = me + 1 };
		if
#ifndef REPAIR_DROPS
		:: redo_on -> apply()
		:: else ->
#else
		:: true -> S(redo_on = false);
#endif
			S(sg[0] = false); S(sg[1] = false)
		fi
	fi;
	SEES_WHOLE
}

inline stage(x, s)
{
	S(nx[x] = s);
	S(sg[x] = true)
}

/* What the dead had, claim by claim. */
inline bury()
{
	i = 0;
	do
	:: i < 2 ->
		if
#ifdef BURY_LIVING
		:: st[i] == LEASED && own[i] != me + 1 ->
#else
		:: st[i] == LEASED && dead[own[i] - 1] ->
#endif
			d_step { gm = msg[i]; gs = BACK; assert(ghost[gm] >= 10 && dead[ghost[gm] - 10]) };
			stage(i, READY);
			commit(head)
		:: else
		fi;
		i++
	:: else -> break
	od
}

/* c: the claim to lease; NONE: nothing to be had. */
inline choose()
{
	d_step {
		c = NONE;
		if
		:: st[0] == READY && st[1] == READY ->
#ifdef ANY_READY
			c = (msg[0] < msg[1] -> 1 : 0)
#else
			c = (msg[0] < msg[1] -> 0 : 1)
#endif
		:: st[0] == READY && st[1] != READY -> c = 0
		:: st[0] != READY && st[1] == READY -> c = 1
		:: st[0] != READY && st[1] != READY && head < M -> c = (st[0] == FREE -> 0 : 1)
		:: else
		fi
	}
}

#define LOWEST(m) ((m == 0) || ghost[0] != BACK)
#define ALL_DONE (ghost[0] == DONE && ghost[1] == DONE)
/* Is there anything that a worker without a lease could do? */
#ifdef NO_BURY
#define ORPHAN(x) false
#else
#define ORPHAN(x) (st[x] == LEASED && dead[own[x] - 1])
#endif
#define SOMETHING (head < M || st[0] == READY || st[1] == READY || ORPHAN(0) || ORPHAN(1) || \
		   (owner != 0 && dead[owner - 1]))

proctype worker(byte me)
{
	byte c, i, had = NONE, gm = NONE, gs, was, w;

	do
	:: ALL_DONE && owner == 0 -> break
	:: SOMETHING ->
		lock();
#ifndef NO_BURY
		bury();
#endif
		choose();
		if
		:: c == NONE -> S(owner = 0)
		:: else ->
			d_step { was = st[c]; had = (was == READY -> msg[c] : head); gm = had; gs = 10 + me };
			assert(LOWEST(had) && (was == READY || ghost[had] == IN_RING));
#ifndef OWNER_LATE
			S(own[c] = me + 1);
#endif
			S(if :: was != READY -> msg[c] = had :: else fi);
			stage(c, LEASED);
			w = (was == READY -> head : head + 1);
			commit(w);
#ifdef OWNER_LATE
			S(own[c] = me + 1);
#endif
			S(owner = 0);
			gm = NONE;
			S(skip);                        /* works on it */
			lock();
			assert(ghost[had] == 10 + me);
			c = (CLAIM_IS(0, had, LEASED) -> 0 : 1);
			assert(CLAIM_IS(c, had, LEASED) && own[c] == me + 1);
			d_step { gm = had; gs = DONE };
			stage(c, FREE);
			commit(head);
			S(owner = 0);
			d_step { gm = NONE; had = NONE }
		fi
	od;
	ended[me] = true;
gone:	skip
}

init {
	byte p;

	atomic {
		p = 0;
		do
		:: p < NP -> run worker(p); p++
		:: else -> break
		od
	}
	/* When nothing moves any more. */
	timeout -> assert(ALL_DONE)
}
