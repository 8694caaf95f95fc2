/* SPDX-License-Identifier: MIT
 *
 * step.h - a client that is single-stepped by ptrace(2) and killed before an instruction of one's choice.
 *
 * It is stepped through once, and where it was is noted. To get to an instruction again it need not be stepped
 * from the start: a hardware breakpoint stops it there, or a little before. So each instruction of an
 * operation costs one client, not as many steps as there are before it. Where the machine has no breakpoints
 * for us, it is stepped all the way.
 */
#ifndef STEP_H
#define STEP_H

#include <stdbool.h>
#include <stdint.h>

/* What the client does: `before` untraced, `act` instruction by instruction. */
struct step_client {
	void (*before)(void *arg);
	void (*act)(void *arg);
	void *arg;
};

/* The way through `act`. */
struct step_path {
	long count;	/* instructions */
	uint64_t *at;	/* their addresses */
	uint32_t *seen; /* how often it had come to the same one before */
};

/* How a client ended. */
enum step_end {
	STEP_THERE,    /* killed before exactly that instruction */
	STEP_INSIDE,   /* killed before another: it took a different way this time */
	STEP_RETURNED, /* killed when it had returned from `act` */
	STEP_LOST,     /* it died by itself, or could not be traced: an error */
};

/* False: each client is stepped all the way. Found out by step_check, and may be set to false. */
extern bool step_breakpoints;

/* Tries it all on a client whose steps are known. NULL, or why there is no stepping here, in words. */
const char *step_check(void);
/* Steps a client to the end of `act` and kills it. False: lost, or it never came to the end; path->count tells
 * how far it got. The path is to be forgotten in any case. */
bool step_record(const struct step_client *c, struct step_path *path);
void step_forget(struct step_path *path);
/* Kills a client after so many of the instructions. From path->count on: when it has returned. */
enum step_end step_kill_after(const struct step_client *c, const struct step_path *path,
			      long steps);

/* Which instructions to try, and in the end path->count: all of them if most is 0, but rounds of a loop past the
 * 200th; else about `most`, at equal distances from a random one on, but rounds past the 8th. Gives how many;
 * *places is to be freed. */
long step_places(const struct step_path *path, long most, long **places);

#endif
