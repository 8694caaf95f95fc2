/* SPDX-License-Identifier: MIT
 *
 * cmd_mount.c - `ipcfs mount`, and the same as mount(8) asks for it. The server itself is in fs/.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "fs/serve.h"

static const char usage[] =
	"usage: ipcfs mount [-f] [-o OPTION[,OPTION]...] MOUNTPOINT\n"
	"Mounts a store on the folder MOUNTPOINT and serves it in the background: the\n"
	"command ends as soon as the mount can be used.\n"
	"\n"
	"  -f, --foreground  stay and serve; end it by ipcfs umount, Ctrl-C or SIGTERM\n"
	"  -o OPTION...      options of the mount:\n";

static int help(void)
{
	printf("%s%s\n%s", usage, ipcfs_serve_options_help,
	       "After 'make install' also: mount -t fuse.ipcfs none /ipc; in /etc/fstab:\n"
	       "  none  /ipc  fuse.ipcfs  defaults  0  0\n"
	       "with the folder of a store instead of 'none' if it is to be another than the "
	       "default.\n");
	return ARGS_OK;
}

/* Appends ",name" and "value" to options (malloc'd, or NULL), which are freed. */
static char *append(char *options, const char *name, const char *value)
{
	bool some = options && *options;
	char *longer = NULL;

	if (asprintf(&longer, "%s%s%s%s", some ? options : "", some ? "," : "", name, value) < 0)
		exit(args_fail(NULL, "no memory"));
	free(options);
	return longer;
}

int cmd_mount(int argc, char **argv)
{
	static const struct option longs[] = {
		{ARGS_HELP}, {"foreground", no_argument, NULL, 'f'}, {ARGS_END}};
	struct args a = {.help = "", .shorts = ":fo:", .longs = longs};
	bool foreground = false;
	char *options = NULL;
	int c, status;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'f':
			foreground = true;
			break;
		case 'o':
			options = append(options, optarg, "");
			break;
		default:
			free(options);
			return a.status == ARGS_OK ? help() : a.status;
		}
	if (optind == argc)
		status = args_usage("which mount point?");
	else if (optind + 1 < argc)
		status = args_usage("one mount point, not also %s", argv[optind + 1]);
	else
		status = ipcfs_serve(argv[optind], options, foreground);
	free(options);
	return status;
}

/* ---- as mount(8) calls it ----------------------------------------------------------- */

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* Options that are for mount(8), systemd or the kernel, and mean nothing to a server. */
static bool is_generic(const char *option)
{
	static const char *const words[] = {
		"rw",	    "defaults",	     "auto",	    "noauto",	"user",	      "nouser",
		"users",    "owner",	     "group",	    "_netdev",	"nofail",     "suid",
		"nosuid",   "dev",	     "nodev",	    "exec",	"noexec",     "async",
		"sync",	    "dirsync",	     "atime",	    "noatime",	"diratime",   "nodiratime",
		"relatime", "norelatime",    "strictatime", "lazytime", "nolazytime", "loud",
		"silent",   "nostrictatime",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(option, words[i]) == 0)
			return true;
	return begins(option, "x-") || begins(option, "X-") || begins(option, "comment=") ||
	       begins(option, "user=") || begins(option, "uhelper=") || begins(option, "helper=");
}

/* Adds to `ours` those of the options that are for the server. */
static char *filter(char *ours, char *options)
{
	char *save, *option;

	for (option = strtok_r(options, ",", &save); option; option = strtok_r(NULL, ",", &save))
		if (!is_generic(option))
			ours = append(ours, option, "");
	return ours;
}

static bool has(const char *options, const char *name)
{
	for (; options; options = strchr(options, ','))
		if (begins(options += *options == ',', name))
			return true;
	return false;
}

/* SOURCE is a store's folder, or a word that stands for the default. The options are freed. */
static int helper_serve(const char *source, const char *target, char *options)
{
	int status;

	if (source[0] == '/' && !has(options, "store="))
		options = append(options, "store=", source);
	if (has(options, "remount"))
		status = args_fail(target, "a mount of ipcfs cannot be changed by remount");
	else if (strchr(source, ','))
		status = args_fail(source, "a store's folder cannot have a comma in its name");
	else
		status = ipcfs_serve(target, options, false);
	free(options);
	return status;
}

int cmd_mount_helper(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP}, {ARGS_END}};
	struct args a = {.help = "", .shorts = ":sfnvN:o:t:", .longs = longs};
	bool fake = false;
	char *options = NULL;
	int c, status;

	args_command = "mount";
	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'f':
			fake = true;
			break;
		case 'o':
			options = filter(options, optarg);
			break;
		case 0:
			free(options);
			return a.status == ARGS_OK ? help() : 1;
		default: /* sloppy, no mtab, verbose, name space, type: nothing to do */
			break;
		}
	if (argc - optind != 2 || fake) {
		free(options);
		if (argc - optind == 2)
			return 0;
		args_usage("mount(8) calls this as mount.fuse.ipcfs SOURCE TARGET [-o OPTIONS]");
		return 1;
	}
	status = helper_serve(argv[optind], argv[optind + 1], options);
	return status == ARGS_OK ? 0 : status == ARGS_USAGE ? 1 : 32;
}
