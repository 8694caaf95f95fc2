/* SPDX-License-Identifier: MIT
 *
 * progress.h - how far many tasks are, on standard error: a bar on a terminal, else a line now and then.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	uint64_t done, failed;
	uint64_t total; /* 0: not known yet */
	/* Inner. */
	bool on, terminal, shown;
	bool beside; /* the cursor of the terminal is behind what a command has printed */
	int64_t start_ms, last_ms;
};

/* want: 1 yes, 0 no, -1: if standard error is a terminal. */
void progress_start(struct progress *p, int want);
/* Shows it if it is time to; `last`: for the last time. */
void progress_show(struct progress *p, bool last);
/* Milliseconds until it is time to; -1: never. */
int progress_due(const struct progress *p);
/* Takes the bar away, before anything else is printed. */
void progress_hide(struct progress *p);
/* That was printed to fd, `last` its last byte. A line that has no end is not drawn over: the bar waits for that. */
void progress_printed(struct progress *p, int fd, char last);

#endif
