/* SPDX-License-Identifier: MIT
 *
 * map.h - the loop of `ipcfs map`: feeds a crew of workers, takes their results in the order of the input, prints them.
 */
#ifndef MAP_H
#define MAP_H

#include "crew.h"
#include "input.h"
#include "progress.h"

struct map {
	struct tasks tasks; /* private: a queue and a dict that go with us */
	struct work work;
	struct crew crew;
	struct input input;
	struct progress progress;
	int queue;	 /* to put tasks into */
	uint64_t window; /* so many tasks are under way at a time */
	/* Inner. */
	uint64_t put, done;   /* tasks; the next result to print is that of `done` */
	bool full;	      /* the queue has no room, until a result comes */
	int head;	      /* watches for that result, -1: not yet */
	struct result result; /* that is being printed: bytes is not NULL */
	size_t printed;	      /* of its bytes */
	uint64_t failed;
	bool deaf; /* nobody reads what we print */
};

/* map_run: until all results are printed, or it fails, or a signal stops it. 0, or an exit status after it has said why.
 * The crew has ended then. */
int map_run(struct map *m);

#endif
