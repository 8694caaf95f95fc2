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
	"Mounts a store on the folder MOUNTPOINT and serves it, in the background: the command ends as\n"
	"soon as the mount can be used.\n\n"
	"  -f, --foreground  stay and serve; end by ipcfs umount, Ctrl-C or SIGTERM\n"
	"  -o OPTION...      options of the mount:\n";

static int help(void)
{
	printf("%s%s\n%s", usage, ipcfs_serve_options_help,
	       "After 'make install' also: mount -t fuse.ipcfs none /ipc; in /etc/fstab:\n"
	       "  none  /ipc  fuse.ipcfs  defaults  0  0\n"
	       "with the folder of a store instead of 'none' if it is to be another than the default.\n");
	return ARGS_OK;
}

/* Joins "a" and "b" to "a,b" in memory that lives as long as the process. */
static char *join(char *a, const char *b)
{
	size_t size = (a ? strlen(a) : 0) + strlen(b) + 2;
	char *both = malloc(size);

	if (!both)
		return NULL;
	snprintf(both, size, "%s%s%s", a && *a ? a : "", a && *a && *b ? "," : "", b);
	free(a);
	return both;
}

int cmd_mount(int argc, char **argv)
{
	static const struct option longs[] = {
		ARGS_HELP, {"foreground", no_argument, NULL, 'f'}, ARGS_END};
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
			options = join(options, optarg);
			break;
		default:
			return a.status == ARGS_OK ? help() : a.status;
		}
	if (optind == argc)
		return args_usage("which mount point?");
	if (optind + 1 < argc)
		return args_usage("one mount point, not also %s", argv[optind + 1]);
	status = ipcfs_serve(argv[optind], options, foreground);
	free(options);
	return status;
}

/* ---- as mount(8) calls it -------------------------------------------------------------------- */

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* Options that are for mount(8), systemd or the kernel's own flags, and mean nothing to a server. */
static bool is_generic(const char *option)
{
	static const char *const words[] = {
		"rw",	    "defaults",	  "auto",   "noauto",  "user",	  "nouser",	 "users",
		"owner",    "group",	  "_netdev", "nofail", "suid",	  "nosuid",	 "dev",
		"nodev",    "exec",	  "noexec", "async",   "sync",	  "dirsync",	 "atime",
		"noatime",  "diratime",	  "nodiratime", "relatime", "norelatime", "strictatime",
		"lazytime", "nolazytime", "loud",   "silent",  "nostrictatime",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(option, words[i]) == 0)
			return true;
	return begins(option, "x-") || begins(option, "X-") || begins(option, "comment=") ||
	       begins(option, "user=") || begins(option, "uhelper=") || begins(option, "helper=");
}

/* What of the options is for us; a quoted or escaped comma is none of ours and stays as it is. */
static char *filter(char *options)
{
	char *save, *option, *ours = join(NULL, "");

	for (option = strtok_r(options, ",", &save); option; option = strtok_r(NULL, ",", &save))
		if (ours && !is_generic(option))
			ours = join(ours, option);
	return ours;
}

static bool names_store(const char *options)
{
	return begins(options, "store=") || strstr(options, ",store=");
}

/* SOURCE: a store's folder, or a word that stands for the default. */
static char *add_source(char *options, const char *source)
{
	if (source[0] != '/' || names_store(options))
		return options;
	return join(join(options, "store="), source);
}

static int helper_serve(const char *source, const char *target, char *options)
{
	char *ours = filter(options);
	char *store;
	int status;

	if (!ours)
		return ARGS_FAILED;
	if (begins(ours, "remount") || strstr(ours, ",remount")) {
		free(ours);
		return args_fail(target, "a mount of ipcfs cannot be changed by remount");
	}
	if (source[0] == '/' && strchr(source, ',')) {
		free(ours);
		return args_fail(source, "a store's folder cannot have a comma in its name");
	}
	store = ours;
	if (source[0] == '/' && !names_store(ours)) {
		store = join(ours, "store=");
		if (store) {
			size_t size = strlen(store) + strlen(source) + 1;
			char *whole = malloc(size);

			if (whole)
				snprintf(whole, size, "%s%s", store, source);
			free(store);
			store = whole;
		}
	}
	status = store ? ipcfs_serve(target, store, false) : ARGS_FAILED;
	free(store);
	return status;
}
