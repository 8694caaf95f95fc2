/* SPDX-License-Identifier: MIT
 *
 * barrier.h - what the tests of barriers share.
 */
#ifndef BARRIER_H
#define BARRIER_H

#include "t.h"

#include "hold.h"

#include <signal.h>

static inline const char *make(const char *name, int parties)
{
	const char *b = t_path("barriers/%s", name);

	t_is(t_touch(t_format("%s,parties=%d", b, parties)), 0);
	return b;
}

#define arrived(b, want) t_shows(t_format("%s,peek", b), want)

/* A reader that has arrived, as the n-th. */
static inline struct t_io party(const char *b, int n)
{
	struct t_io reader = t_reader(b, O_RDONLY);

	t_wait_stat(b, "arrived", n);
	return reader;
}

/* Arrives if that does not wait. */
static inline long try(const char *b)
{
	char buf[32];
	int fd = t_open(b, O_RDONLY | O_NONBLOCK);
	long n = fd < 0 ? fd : t_get(fd, buf, sizeof(buf) - 1);

	close(fd);
	return n < 0 ? n : strtol(buf, NULL, 10);
}

static inline void on_signal(int number)
{
	(void)number;
}

struct interrupted {
	const char *path;
	_Atomic bool done;
	long result;
};

static inline int read_once(void *arg)
{
	struct interrupted *in = arg;
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	char buf[8];
	int fd = t_open(in->path, O_RDWR);

	sigaction(SIGUSR1, &action, NULL);
	in->result = t_get(fd, buf, sizeof(buf));
	in->done = true;
	pause();
	return 0;
}

#endif
