/*
 * Members: registration, what a member's page tells the server, death, sweep, doorbell, fork.
 * (docs: architecture, "Members and the doorbell"; core/member.c, core/watch.c)
 *
 * Modelled, one step for each instruction or system call that others can see:
 *   register  make the file under a temporary name; lock it; rename it to N (fails if the server has
 *             cleaned the temporary name away: anew, with another N).  alive(N): the file stands under
 *             its name and its lock is held.
 *   work      page.work = object; take the object's lock, from the dead too (then repair); dirty = 1;
 *             doorbell; dirty = 0; unlock; page.work = 0.  Two clients and a forked child, two objects;
 *             with THREADS the first client has a second thread that works on another object.
 *   doorbell  the object is noted in page.bell, beside those that are there (how, says bell.pml); then
 *             the file is touched (utimensat: IN_ATTRIB), which a death does not do.  The server tries
 *             all that are noted, and leaves them there: nobody but its owner writes to a page.
 *   death     of any client before any step, KILLS times; all its threads at once.  Then the kernel,
 *             in ITS order (fs/file_table.c, __fput; seen in tests): first the notification
 *             (IN_CLOSE_WRITE), later the lock is dropped.  Between the two alive(N) still says yes.
 *   server    on IN_ATTRIB and IN_CLOSE_WRITE of N: if N is alive, tries what page.bell notes.  A close is
 *             always a death, as no member has a descriptor of its file: if N seems to be alive then,
 *             looks again a little later.  If dead:
 *             for each object in its page: own page.work, takes the lock over if N holds it, repairs,
 *             unlocks, tries what is parked there; handles page.bell; unlinks the file, last of all.
 *             Starts at any time: sets the watch, then scans the folder and tries everything.
 *             With KILL_SERVER it is killed too, before any step; the successor is a new member; no
 *             notification is kept while none runs.  SCAN: it also scans the folder now and then.
 *   fork      the child has no mapping of the parent's file (MADV_DONTFORK) and registers anew.
 *
 * Abstracted: the lock of an object is one step (lock.pml); dirty stands for what needs repair; to
 * try a parked request is one step (wait.pml).  A scan or second look that finds nothing is no step, and there is
 * always another.  What the dead held is named as what they worked on (claim.pml).  A client that finds the file of
 * the dead takes it away as the server does, and rings for what stood there.
 *
 * Properties: mutual exclusion among the living (assert in ENTER); and when nothing can move any more
 *   - no object is locked or dirty, page.work names nothing;
 *   - no file is left, of either name, but those of the living;
 *   - no rung object is left untried.
 * With -DNP and pan -l: no cycle.
 *
 * Mistakes that must fail:
 *   SAME_EVENT       (RINGS) the doorbell is an open and close for writing, as a death is, and who seems to
 *                    be alive has only rung: the death is missed in the kernel's gap (SCAN cures it)
 *   KILL_SERVER      without SCAN: notified before the successor's watch, lock dropped after its scan
 *   PAGE_LATE        page.work is stored when the lock is held
 *   CLEAR_EARLY      page.work is cleared before the unlock
 *   UNLINK_FIRST     (KILL_SERVER SCAN) the file is unlinked before the sweep is done
 *   RENAME_FIRST     (SCAN) the file gets its name before it is locked
 *   SWEEP_TEMP       (SCAN) what is found unlocked under a temporary name is swept as N
 *   THREADS ONE_SLOT two threads share one page.work
 *   BELL_OVERWRITES  (RINGS) page.bell holds the last object only
 *   CHILD_KEEPS_NUMBER  the child goes on as N (no MADV_WIPEONFORK)
 *   FORK_INSIDE      a fork between mmap and MADV_DONTFORK (or before the descriptor is closed): the
 *                    child keeps the parent's lock alive
 */
#ifndef KILLS
#define KILLS 1
#endif
#ifdef KILL_SERVER
#define SERVERS 2
#else
#define SERVERS 1
#endif

#define NP 3                    /* client, client, forked child */
#define FIRST_SERVER (2 * NP + 1)
#define NF (FIRST_SERVER + SERVERS)

#define NONE 0
#define TEMP 1
#define NAMED 2

byte name[NF];                  /* files, by member number; 0 is nobody */
bool locked[NF];
byte refs[NF];                  /* processes that have it mapped */
byte work[2 * NF];              /* page.work of f; NF + f: of its second thread */
byte bell[NF];                  /* page.bell: bit o is object o */
bool attrib[NF], closed[NF];    /* notifications not read yet */
bool again[NF];                 /* the server will look again */

byte lock[3];                   /* objects 1 and 2 */
bool dirty[3], owed[3];
byte inside[3];                 /* process + 1 in the critical section; server: NP + 1 */
byte num[NP];                   /* member number of each process */
bool dead[NP + 1];
byte kills, server_kills;
bool watching;

#define LIVES(f)   (name[f] == NAMED && locked[f])
#define ENTER(o, p) assert(inside[o] == 0 || dead[inside[o] - 1]); inside[o] = p + 1
#define LEAVE(o)   inside[o] = 0
#define TELL(ev, f) ev[f] = watching

/* One step of a client if the guard holds; or it is killed instead, with its other thread. */
#define WHEN(guard, step) \
	if \
	:: atomic { !dead[me] && (guard) -> step } \
	:: atomic { kills < KILLS && !dead[me] -> kills++; dead[me] = true; goto dying } \
	:: atomic { dead[me] -> goto gone } \
	fi
#define S(step) WHEN(true, step)

#ifdef ONE_SLOT
#define SET_WORK(o) work[n] = o
#else
#define SET_WORK(o) work[thread * NF + n] = o
#endif

#ifdef SAME_EVENT
#define RING closed
#else
#define RING attrib
#endif

inline operate(o)
{
#ifndef PAGE_LATE
	S(SET_WORK(o));
#endif
	WHEN(lock[o] == 0 || !LIVES(lock[o]), lock[o] = n; ENTER(o, me));
#ifdef PAGE_LATE
	S(SET_WORK(o));
#endif
	if
	:: dirty[o] -> S(dirty[o] = false)
	:: else
	fi;
	S(dirty[o] = true);
#ifdef RINGS
#ifdef BELL_OVERWRITES
	S(owed[o] = true; bell[n] = 1 << o);
#else
	S(owed[o] = true; bell[n] = bell[n] | 1 << o);
#endif
	S(TELL(RING, n));
#endif
	S(dirty[o] = false);
#ifdef CLEAR_EARLY
	S(SET_WORK(0));
#endif
	S(lock[o] = 0; LEAVE(o));
#ifndef CLEAR_EARLY
	S(SET_WORK(0))
#endif
}

proctype client(byte me; byte thread; byte first, second)
{
	byte n;

	if
	:: thread == 1 -> n = num[me]; goto ready
#ifdef CHILD_KEEPS_NUMBER
	:: thread == 0 && me == 2 -> n = num[0]; goto ready
	:: thread == 0 && me != 2
#else
	:: thread == 0
#endif
	fi;
	n = me + 1;
anew:	S(name[n] = TEMP);
#ifdef RENAME_FIRST
	S(name[n] = NAMED; num[me] = n);
	S(locked[n] = true; refs[n] = 1);
#else
	S(locked[n] = true; refs[n] = 1);
	S(	if
		:: name[n] == TEMP -> name[n] = NAMED; num[me] = n
		:: else ->      /* cleaned away */
			locked[n] = false; refs[n] = 0;
			if
			:: n <= NP -> n = n + NP; goto anew
			:: else -> goto gone    /* twice is enough for the model */
			fi
		fi);
#endif
#ifdef FORK
	if
	:: me == 0 -> S(
#ifdef FORK_INSIDE
			refs[n]++;
#endif
			run client(2, 0, 2, 0))
	:: else
	fi;
#endif
#ifdef THREADS
	if
	:: me == 0 -> S(run client(0, 1, 2, 0))
	:: else
	fi;
#endif
ready:	operate(first);
	if
	:: second -> operate(second)
	:: else
	fi;
end:	if                      /* lives on */
	:: atomic { kills < KILLS && !dead[me] -> kills++; dead[me] = true }
	:: atomic { dead[me] -> goto gone }
	fi;
dying:                                  /* the kernel, when the process is gone */
#ifdef FORK_INSIDE
	if
	:: me == 2 ->
		atomic {
			refs[num[0]]--;
			if
			:: refs[num[0]] == 0 -> TELL(closed, num[0])
			:: else -> goto own
			fi
		}
		locked[num[0]] = false
	:: else
	fi;
own:
#endif
#ifdef CHILD_KEEPS_NUMBER
	if
	:: me == 2 -> goto gone
	:: else
	fi;
#endif
	atomic {
		if
		:: locked[n] ->
			refs[n]--;
			if
			:: refs[n] == 0 -> TELL(closed, n)
			:: else -> goto gone
			fi
		:: else -> TELL(closed, n); goto gone
		fi
	}
	locked[n] = false;
gone:	skip
}

#ifdef KILL_SERVER
#define V(step) \
	if \
	:: step \
	:: atomic { server_kills < SERVERS - 1 -> server_kills++; goto killed } \
	fi
#else
#define V(step) step
#endif

inline try_object(o)
{
	V(owed[o] = false)
}

inline sweep_object(w)
{
	if
	:: work[w] ->
		V(atomic { o = work[w]; work[me] = o });
		V(atomic {
			if
			:: lock[o] == i -> lock[o] = me; ENTER(o, NP)
			:: else
			fi });
		if
		:: lock[o] == me ->
			V(dirty[o] = false);
			V(atomic { lock[o] = 0; LEAVE(o) })
		:: else
		fi;
		try_object(o);
		V(atomic { work[me] = 0; o = 0 })
	:: else
	fi
}

inline answer_bell()
{
	V(o = bell[i]);
	if
	:: o & 1 << 1 -> try_object(1)
	:: else
	fi;
	if
	:: o & 1 << 2 -> try_object(2)
	:: else
	fi;
	o = 0
}

#ifdef SCAN
#define LOOK(f) true
#else
#define LOOK(f) again[f]
#endif
#ifdef SWEEP_TEMP
#define STALE(f) (name[f] != NONE && !locked[f])
#define STALE_TEMP(f) false
#else
#define STALE(f) (name[f] == NAMED && !locked[f])
#define STALE_TEMP(f) (name[f] == TEMP && !locked[f])
#endif
#define EVENT(f) \
	:: atomic { attrib[f] -> attrib[f] = false; i = f; goto rung } \
	:: atomic { closed[f] -> closed[f] = false; i = f; goto told } \
	:: atomic { LOOK(f) && STALE(f) -> again[f] = false; i = f; goto sweep } \
	:: atomic { LOOK(f) && STALE_TEMP(f) -> again[f] = false; i = f; goto clean }

proctype server()
{
	byte me = FIRST_SERVER, i, o;
	bool scanning;

#ifndef LATE
	goto idle;
#endif
start:	atomic { name[me] = NAMED; locked[me] = true; watching = true; scanning = true; i = 0 }
	try_object(1);
	try_object(2);
scan:	if
	:: i < me - 1 ->
		i++;
		V(atomic {
			if
			:: STALE_TEMP(i) -> goto clean
			:: STALE(i) -> goto sweep
			:: else -> goto scan
			fi })
	:: else -> scanning = false
	fi;

idle:	i = 0;
end:	if
	EVENT(1)
	EVENT(2)
	EVENT(3)
	EVENT(4)
	EVENT(5)
	EVENT(6)
#ifdef KILL_SERVER
	:: atomic { server_kills < SERVERS - 1 -> server_kills++; goto killed }
#endif
	fi;

rung:	V(atomic {
		if
		:: name[i] == NONE -> goto idle
		:: STALE_TEMP(i) -> goto clean
		:: STALE(i) -> goto sweep
		:: else -> goto answer
		fi });
told:	V(atomic {
		if
		:: name[i] == NONE -> goto idle
		:: STALE_TEMP(i) -> goto clean
		:: STALE(i) -> goto sweep
		:: else ->
#ifndef SAME_EVENT
			again[i] = true
#endif
		fi });
answer:	answer_bell();
	goto idle;

clean:	/* unlink(temporary name): that name only, its owner may have locked and renamed it meanwhile */
	V(atomic {
		if
		:: name[i] == TEMP -> name[i] = NONE
		:: else
		fi;
		if
		:: scanning -> goto scan
		:: else -> goto idle
		fi });

sweep:
#ifdef UNLINK_FIRST
	V(name[i] = NONE);
#endif
	sweep_object(i);
	sweep_object(NF + i);
	answer_bell();
	V(atomic { name[i] = NONE; work[i] = 0; work[NF + i] = 0; bell[i] = 0; attrib[i] = false });
	if
	:: scanning -> goto scan
	:: else -> goto idle
	fi;

#ifdef KILL_SERVER
killed:	atomic {
		locked[me] = false; watching = false; o = 0;
		for (i : 1 .. NP * 2) { attrib[i] = false; closed[i] = false; again[i] = false };
		if
		:: inside[1] == NP + 1 -> inside[1] = 0
		:: else
		fi;
		if
		:: inside[2] == NP + 1 -> inside[2] = 0
		:: else
		fi;
		me++
	}
	goto start
#endif
}

#define LEFT(f) assert(name[f] == NONE || (name[f] == NAMED && locked[f] && \
	((f <= NP && !dead[f - 1]) || (f > NP && !dead[f - NP - 1])))); assert(!work[f] && !work[NF + f])

proctype monitor()
{
	atomic { timeout ->
		assert(!lock[1] && !lock[2] && !dirty[1] && !dirty[2]);
		LEFT(1); LEFT(2); LEFT(3); LEFT(4); LEFT(5); LEFT(6);
		assert(!owed[1] && !owed[2])
	}
}

init
{
	atomic {
#ifndef LATE
		name[FIRST_SERVER] = NAMED; locked[FIRST_SERVER] = true; watching = true;
#endif
		run server();
		run client(0, 0, 1, 2);
		run client(1, 0, 2, 0);
		run monitor()
	}
}
