/*
 * The doorbell: how a process notes in its page for which objects it rings, and how a server reads that.
 * (docs: architecture, "Members and the doorbell"; core/member.c, core/watch.c)  What comes of it: member.pml.
 *
 * Modelled, one step for each instruction or system call that others can see, of THREADS threads of one process that
 * ring as often as they like, SLOTS slots, and a server. One ring, any of them, is for the object that is watched:
 *   ring     the slots are free (one exchange): the count grows, its old value says which slot; the object is stored
 *            there; the slots are free again. Another thread is about it: the count grows by SLOTS. Then the file
 *            is touched
 *   server   when it was touched: reads the count, the slots, one by one, and the count again. If that has grown by
 *            SLOTS or more since what was read first the last time, it looks at all objects, else at those in the
 *            slots. It leaves them there
 *
 * The object's lock is held by who rings, and a server that comes too early waits for it; so any look counts that
 * comes after the ring has begun. Of the count the model keeps what is asked of it: the slot that comes next, and how
 * far it has grown since it was read, up to one more than there are slots.
 *
 * Property: when nothing can move any more, the watched object has been looked at, if it was rung for.
 *
 * Mistakes that must fail:
 *   ONE_MORE      all are looked at only if the count has grown by more than SLOTS
 *   ONE_READ      the count is not read again
 *   COUNT_LAST    what is read last counts the next time
 *   NO_EXCLUSION  threads store in the slots as they come
 *   FEW           who comes in between makes the count grow by one, as any other
 *   TOUCH_FIRST   the file is touched, then the object is stored
 */
#ifndef THREADS
#define THREADS 2
#endif
#define SLOTS 2
#define WATCHED 1
#define ANOTHER 2

byte next, slot[SLOTS];
byte since_last, since_first;	/* how far the count has grown since the reading that counts, and the one before */
bool busy, touched, rung, owed;

#define ADD(have, n) (have + n > SLOTS + 1 -> SLOTS + 1 : have + n)
#define GROW(n) next = (next + n) % SLOTS; since_last = ADD(since_last, n); \
	since_first = ADD(since_first, n)
#ifdef FEW
#define MORE 1
#else
#define MORE SLOTS
#endif

proctype ringer()
{
	byte at, object;
	bool mine;

	do
	:: break
	:: true ->
		if
		:: d_step { !rung -> rung = true; owed = true; object = WATCHED }
		:: object = ANOTHER
		fi;
#ifdef TOUCH_FIRST
		touched = true;
#endif
#ifdef NO_EXCLUSION
		mine = true;
#else
		d_step { mine = !busy; busy = true };
#endif
		if
		:: mine ->
			d_step { at = next; GROW(1) };
			slot[at] = object;
			busy = false
		:: else -> d_step { GROW(MORE) }
		fi;
#ifndef TOUCH_FIRST
		touched = true;
#endif
		d_step { at = 0; object = 0; mine = false }
	od
}

proctype server()
{
	byte grown;
	bool seen;

end:	do
	:: touched ->
		touched = false;
		d_step { grown = since_last; since_first = 0 };
		seen = slot[0] == WATCHED;
		seen = seen || slot[1] == WATCHED;
#ifndef ONE_READ
		d_step { grown = since_last;
#ifdef COUNT_LAST
			since_first = 0
#endif
			};
#endif
		d_step {
#ifdef ONE_MORE
			owed = owed && !seen && grown <= SLOTS;
#else
			owed = owed && !seen && grown < SLOTS;
#endif
			since_last = since_first; since_first = 0;
			grown = 0; seen = false
		}
	od
}

proctype monitor()
{
	d_step { timeout -> assert(!owed) }
}

init
{
	byte i;

	atomic {
		do
		:: i < THREADS -> run ringer(); i++
		:: else -> break
		od;
		run server();
		run monitor()
	}
}
