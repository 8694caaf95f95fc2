/* SPDX-License-Identifier: MIT
 *
 * crew.h - some workers side by side: started, replaced where one is killed, stopped. Whoever has them waits, for
 * signals among others, and says what is to happen; nothing here waits.
 */
#ifndef CREW_H
#define CREW_H

#include "work.h"

enum { CREW_MAX = 4096 };

struct crew {
	struct work *work;
	unsigned size;
	int signals; /* readable when crew_heed() has something to do */
	/* What became of it: */
	unsigned alive;
	bool stopping;
	bool failed;	/* a worker has, and has said why; the others are stopped */
	int stopped_by; /* the signal that was sent to us first; 0: none */
	/* Inner. */
	struct work_slot *slots; /* shared with the workers */
	_Atomic bool *told;
	uint64_t begun,
		begun_by_dead; /* tasks, when a worker was killed last; by those that were */
	unsigned futile;       /* workers in a row that were killed while no task was begun */
};

/* crew_start: starts `size` workers. From then on the signals that would end this process are read from c->signals,
 * and orphans of the commands become its children. 0, or an exit status after it has said why not. */
int crew_start(struct crew *c, struct work *work, unsigned size);
/* crew_heed: reads signals; a worker that was killed is replaced, one that failed ends all. A signal to end
 * stops all, the second one at once. */
void crew_heed(struct crew *c);
/* crew_stop: no new tasks; those that run are ended, and go back. Again: they are killed. */
void crew_stop(struct crew *c);
/* Waits until all have ended. */
void crew_join(struct crew *c);

#endif
