/* SPDX-License-Identifier: MIT
 *
 * empty.h - the floor: a FUSE server that answers everything from nothing.
 */
#ifndef BENCH_EMPTY_H
#define BENCH_EMPTY_H

#include <sys/types.h>

/* Mounts on dir a file system with one file, `q`, served by a child; it spins spin_us microseconds for the next
 * request before it sleeps (0: it sleeps in read). Returns the child, -1 where that cannot be. */
pid_t empty_start(const char *dir, int spin_us);
void empty_stop(const char *dir, pid_t server);

#endif
