/* SPDX-License-Identifier: MIT
 *
 * cmd_stat.c - `ipcfs stat`: the view `stat` below what stat(2) says.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "args.h"
#include "commands.h"

static const char usage[] =
	"usage: ipcfs stat [--mount DIR] OBJECT...\n"
	"Shows what an object is, as lines `key value`: whose it is, its properties, its\n"
	"counts, who waits. Takes nothing from it.\n"
	"\n"
	"  --mount DIR  the mount to look at ($IPCFS_MOUNT, else /ipc)\n";

static void print_file(const char *name, const struct stat *st)
{
	const struct passwd *user = getpwuid(st->st_uid);
	const struct group *group = getgrgid(st->st_gid);
	char when[40];
	struct tm tm;

	printf("name %s\n", name);
	if (user)
		printf("owner %s\n", user->pw_name);
	else
		printf("owner %u\n", st->st_uid);
	if (group)
		printf("group %s\n", group->gr_name);
	else
		printf("group %u\n", st->st_gid);
	printf("mode %04o\n", st->st_mode & 07777);
	if (localtime_r(&st->st_mtime, &tm) && strftime(when, sizeof(when), "%FT%T%z", &tm))
		printf("modified %s\n", when);
}

static int show(const struct args *a, const char *name)
{
	char path[PATH_MAX + 8], line[512];
	struct object o;
	struct stat st;
	FILE *f;
	int r = object_find(a, name, &o);

	if (r)
		return r;
	if (lstat(o.path, &st) < 0)
		return object_fail(&o, errno);
	if (S_ISDIR(st.st_mode) && !object_is_dict(&o))
		return args_fail(name, "it is a folder");
	for (size_t len = strlen(o.path); o.path[len - 1] == '/'; len--)
		o.path[len - 1] = '\0';
	snprintf(path, sizeof(path), "%s,stat", o.path);
	f = fopen(path, "re");
	if (!f)
		return object_fail(&o, errno);
	print_file(name, &st);
	errno = 0;
	while (fgets(line, sizeof(line), f))
		fputs(line, stdout);
	r = ferror(f) ? object_fail(&o, errno) : ARGS_OK;
	fclose(f);
	return r;
}

int cmd_stat(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP}, {ARGS_MOUNT}, {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":", .longs = longs};
	int status = ARGS_OK, r;

	if (args_next(&a, argc, argv) != -1)
		return a.status;
	if (optind == argc)
		return args_usage("which object?");
	for (int i = optind; i < argc; i++) {
		if (i > optind)
			putchar('\n');
		if ((r = show(&a, argv[i])) != ARGS_OK)
			status = r;
	}
	return status;
}
