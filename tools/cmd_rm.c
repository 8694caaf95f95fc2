/* SPDX-License-Identifier: MIT
 *
 * cmd_rm.c - `ipcfs rm`.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"

static const char usage[] =
	"usage: ipcfs rm [-f] [--mount DIR] OBJECT...\n"
	"Removes objects; all who wait on them get EIDRM (\"Identifier removed\"). A name\n"
	"that ends in / is a folder, which must be empty.\n"
	"\n"
	"  -f, --force  those that are not there are fine\n"
	"  --mount DIR  the mount to work in ($IPCFS_MOUNT, else /ipc)\n";

static int take_away(const struct args *a, const char *name, bool force)
{
	struct object o;
	int r = object_find(a, name, &o);

	if (r)
		return r;
	if ((name[strlen(name) - 1] == '/' ? rmdir(o.path) : unlink(o.path)) == 0)
		return ARGS_OK;
	if (errno == ENOENT && force)
		return ARGS_OK;
	if (errno == EISDIR)
		return args_fail(name, "it is a folder: ipcfs rm %s/", name);
	return object_fail(&o, errno);
}

int cmd_rm(int argc, char **argv)
{
	static const struct option longs[] = {
		{ARGS_HELP}, {ARGS_MOUNT}, {"force", no_argument, NULL, 'f'}, {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":f", .longs = longs};
	int c, r, status = ARGS_OK;
	bool force = false;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'f':
			force = true;
			break;
		default:
			return a.status;
		}
	if (optind == argc && !force)
		return args_usage("which object?");
	for (int i = optind; i < argc; i++)
		if ((r = take_away(&a, argv[i], force)) != ARGS_OK)
			status = r;
	return status;
}
