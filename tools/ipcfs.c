/* SPDX-License-Identifier: MIT
 *
 * ipcfs.c - the ipcfs command: a table of its words. Under the name mount.fuse.ipcfs it is the helper
 * that mount(8) calls for `mount -t fuse.ipcfs` and for fstab.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "core/ipcfs.h"

static const struct command {
	const char *word;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"mount", cmd_mount, "mount a store on a folder and serve it"},
	{"umount", cmd_umount, "unmount it"},
	{"ls", cmd_ls, "list objects"},
	{"stat", cmd_stat, "show what an object is, and who waits for it"},
	{"create", cmd_create, "make objects, or say exactly why it cannot be"},
	{"rm", cmd_rm, "remove objects"},
	{"put", cmd_put, "write to an object: a message, a value, a number of units"},
	{"get", cmd_get, "read from an object: take a message, show a value, wait"},
	{"with", cmd_with, "run a command while a lock, or units of a semaphore, are held"},
	{"wait", cmd_wait, "wait until any or all of many objects are ready"},
	{"jobserver", cmd_jobserver, "run a command with a job server of GNU make"},
	{"worker", cmd_worker, "run a command for each task of a queue"},
	{"map", cmd_map, "run a command for each line of input, results in its order"},
	{"submit", cmd_submit, "put tasks into a queue, and print their numbers"},
	{"result", cmd_result, "wait for a task's result: its output, errors and exit status"},
	{"close", cmd_close, "close a queue: no more tasks, its workers end after the last"},
	{"join", cmd_join, "wait until all tasks of a queue are done"},
	{"tour", cmd_tour, "a guided tour: texts counted by four workers"},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int help(void)
{
	printf("usage: ipcfs COMMAND [OPTION]... [OPERAND]...\n"
	       "Queues, locks, shared values, lists, dicts and other IPC objects as files, below "
	       "/ipc.\n\n");
	for (int i = 0; i < COMMANDS; i++)
		printf("  %-9s %s\n", commands[i].word, commands[i].help);
	printf("\n'ipcfs COMMAND --help' tells more of each; 'ipcfs --version' prints the "
	       "version.\n"
	       "An OBJECT is KIND/NAME[,OPTION]... below the mount ($IPCFS_MOUNT, else /ipc), such "
	       "as\n"
	       "queues/jobs, or an absolute path.\n"
	       "Exit status: 0 done, 1 failed, 2 wrong usage, 3 it would have to wait, or timed "
	       "out;\n"
	       "with, wait, jobserver and result have others, see their --help.\n");
	return ARGS_OK;
}

static int run(int argc, char **argv)
{
	const char *word = argv[1];

	if (!word)
		return args_usage("which command?");
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help"))
		return help();
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		printf("ipcfs %s\n", IPCFS_VERSION);
		return ARGS_OK;
	}
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].word, word) != 0)
			continue;
		args_command = word;
		return commands[i].run(argc - 1, argv + 1);
	}
	return args_usage("no such %s: %s", word[0] == '-' ? "option" : "command", word);
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	int status;

	args_keep_streams();
	name = name ? name + 1 : argc > 0 ? argv[0] : "";
	if (strcmp(name, "mount.fuse.ipcfs") == 0)
		return cmd_mount_helper(argc, argv);
	status = run(argc, argv);
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == ARGS_OK)
		return args_fail("standard output", "%s", strerror(errno));
	return status;
}
