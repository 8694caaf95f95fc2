/* SPDX-License-Identifier: MIT
 *
 * serve.h - the server as one call: what tools/cmd_mount.c needs of fs/.
 */
#ifndef IPCFS_SERVE_H
#define IPCFS_SERVE_H

#include <stdbool.h>

/* Mounts a store on a mount point and serves it until it is unmounted or told to end by
 * SIGTERM, SIGINT or SIGHUP. `options` is the text after -o ("store=DIR,ro=..."), or NULL.
 * With `foreground` the caller's process serves; otherwise it forks, the child serves (its command line stays the
 * caller's), and the call returns when the mount answers. Prints its own errors in
 * words ("ipcfs: mount: ..."). Returns an exit status: 0, 1 failed, 2 usage. */
int ipcfs_serve(const char *mountpoint, const char *options, bool foreground);

/* The help text of the -o options, one a line. */
extern const char ipcfs_serve_options_help[];

#endif
