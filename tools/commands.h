/* SPDX-License-Identifier: MIT
 *
 * commands.h - the commands: each takes its own part of the command line (argv[0] is its word) and
 * returns an exit status of args.h.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

int cmd_mount(int argc, char **argv);
int cmd_umount(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_put(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_with(int argc, char **argv);
int cmd_wait(int argc, char **argv);
int cmd_jobserver(int argc, char **argv);
int cmd_worker(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_submit(int argc, char **argv);
int cmd_result(int argc, char **argv);
int cmd_close(int argc, char **argv);
int cmd_join(int argc, char **argv);
int cmd_tour(int argc, char **argv);

/* What mount(8) calls: mount.fuse.ipcfs SOURCE TARGET [-sfnv] [-N NS] [-o OPTIONS] [-t TYPE].
 * Returns an exit status as mount(8) knows them: 0, 1 usage, 32 failed. */
int cmd_mount_helper(int argc, char **argv);

#endif
