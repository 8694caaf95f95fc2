/* SPDX-License-Identifier: MIT
 *
 * empty.h - the floor: FUSE servers that answer everything from nothing. Each serves a folder with
 * three names for one file:
 *   q  every LOOKUP gives a new node id (what queues need, see docs/architecture.md), no timeouts
 *   v  a stable node id, no timeouts
 *   c  a stable node id, entry and attributes valid for a second
 * The attributes that a LOOKUP brings are valid until the kernel's clock has ticked, as those of ipcfs.
 */
#ifndef BENCH_EMPTY_H
#define BENCH_EMPTY_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum empty_api {
	EMPTY_RAW,     /* /dev/fuse read and written by hand */
	EMPTY_LIBFUSE, /* libfuse's low-level API with a loop of our own */
};
enum { EMPTY_BYTES = 64 }; /* of each read */

/* Mounts on dir, served by a child with one thread, which spins spin_us microseconds for the next
 * request before it sleeps (0: it sleeps in read). Returns the child, -1 where that cannot be.
 * The child ends itself and the mount on SIGTERM. */
pid_t empty_start(const char *dir, enum empty_api api, int spin_us);
void empty_stop(const char *dir, pid_t server);

/* ---- between empty.c and empty_libfuse.c ---- */
enum { EMPTY_ROOT = 1, EMPTY_STABLE = 2, EMPTY_CACHED = 3, EMPTY_FIRST_MINTED = 1000 };
#define EMPTY_FOREVER 86400
/* The node id for a name, 0 for no such name; *valid_s: how long entry and attributes hold. */
uint64_t empty_lookup(const char *name, unsigned *valid_s);
unsigned empty_valid_s(uint64_t id); /* attributes */
mode_t empty_mode(uint64_t id);
int64_t empty_now_us(void);
int empty_serve_libfuse(int fd, int spin_us);

#endif
