/* SPDX-License-Identifier: MIT
 *
 * step.h - a client that is single-stepped by ptrace(2) and killed before an instruction of one's choice.
 *
 * It is stepped through once, and where it was is noted. To get to an instruction again it need not be stepped
 * from the start: a hardware breakpoint stops it there, or a little before. So each instruction of an
 * operation costs one client, not as many steps as there are before it.
 */
#ifndef STEP_H
#define STEP_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define STEP_CAN true
#else
#define STEP_CAN false
#endif

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
	uint32_t *seen; /* how often the same one came before */
};

/* Steps a client to the end of `act` and kills it. False: it could not be traced, or never came to the end. */
bool step_record(const struct step_client *c, struct step_path *path);
void step_forget(struct step_path *path);
/* Kills a client after so many of the instructions (all of them: it has returned). */
void step_kill_after(const struct step_client *c, const struct step_path *path, long steps);

/* Which ones to try: every `stride`-th from `start`, so that there are about `most`. 0: all. The start differs
 * from run to run. */
void step_plan(long count, long most, long *start, long *stride);

#endif
