/* SPDX-License-Identifier: MIT
 *
 * cmd_ls.c - `ipcfs ls`.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "commands.h"
#include "core/ipcfs.h"

static const char usage[] =
	"usage: ipcfs ls [-l] [--mount DIR] [KIND[/FOLDER]]...\n"
	"Lists the objects of a kind or folder, of all kinds if none is named, as\n"
	"KIND/NAME; a name that ends in / is a folder.\n"
	"\n"
	"  -l           also mode, owner, group, and what the view `stat` tells:\n"
	"               properties and counts\n"
	"  --mount DIR  the mount to look at ($IPCFS_MOUNT, else /ipc)\n";

struct names {
	char **list;
	size_t count, width;
};

static int add(struct names *names, const char *folder, const char *name)
{
	char **more = reallocarray(names->list, names->count + 1, sizeof(*more));
	char *path = NULL;

	if (!more)
		return -ENOMEM;
	names->list = more;
	if (asprintf(&path, "%s%s%s", folder, name ? "/" : "", name ? name : "") < 0)
		return -ENOMEM;
	names->list[names->count++] = path;
	if (strlen(path) > names->width)
		names->width = strlen(path);
	return 0;
}

/* The entries of a folder, or the object of that name. */
static int collect(const struct object *o, struct names *names)
{
	struct dirent *e;
	DIR *d = opendir(o->path);
	int r = 0;

	if (!d)
		return errno == ENOTDIR ? add(names, o->name, NULL) : -errno;
	while (r == 0 && (errno = 0, e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = add(names, o->name, e->d_name);
	if (r == 0)
		r = -errno;
	closedir(d);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- the long form ------------------------------------------------------------------ */

static void print_mode(mode_t mode)
{
	static const char letters[] = "rwxrwxrwx";
	char text[11] = "-";

	text[0] = S_ISDIR(mode) ? 'd' : '-';
	for (int i = 0; i < 9; i++)
		text[1 + i] = mode & (0400u >> i) ? letters[i] : '-';
	if (mode & S_ISVTX)
		text[9] = mode & S_IXOTH ? 't' : 'T';
	fputs(text, stdout);
}

static void print_owners(const struct stat *st)
{
	const struct passwd *user = getpwuid(st->st_uid);
	const struct group *group = getgrgid(st->st_gid);

	if (user)
		printf(" %-8s", user->pw_name);
	else
		printf(" %-8u", st->st_uid);
	if (group)
		printf(" %-8s", group->gr_name);
	else
		printf(" %-8u", st->st_gid);
}

/* The lines of the view `stat`, but for those that say nothing here: "maxsize=0 messages=3". */
static void print_view(const char *path)
{
	char file[PATH_MAX + 8], line[512];
	size_t key;
	FILE *f;

	snprintf(file, sizeof(file), "%s,stat", path);
	f = fopen(file, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		key = strcspn(line, " ");
		if (!line[key] || strncmp(line, "kind ", 5) == 0 || strncmp(line, "id ", 3) == 0 ||
		    strncmp(line, "holder ", 7) == 0 || strncmp(line, "lease ", 6) == 0 ||
		    strncmp(line, "member ", 7) == 0)
			continue;
		if (strcmp(line + key, " 0") == 0 &&
		    (strncmp(line, "waiters", key) == 0 || strncmp(line, "readers", key) == 0 ||
		     strncmp(line, "writers", key) == 0))
			continue;
		line[key] = '=';
		printf(" %s", line);
	}
	if (f)
		fclose(f);
}

static int print(const struct args *a, const char *name, bool long_form, size_t width)
{
	struct object o;
	struct stat st;
	bool folder;
	int r = object_find(a, name, &o);

	if (r)
		return r;
	/* Listed, and gone since. */
	if (lstat(o.path, &st) < 0)
		return errno == ENOENT ? ARGS_OK : object_fail(&o, errno);
	if (long_form) {
		print_mode(st.st_mode);
		print_owners(&st);
		putchar(' ');
	}
	folder = S_ISDIR(st.st_mode);
	printf("%s%s", name, folder ? "/" : "");
	if (long_form && (!folder || object_is_dict(&o))) {
		for (size_t len = strlen(name) + folder; len < width; len++)
			putchar(' ');
		print_view(o.path);
	}
	putchar('\n');
	return ARGS_OK;
}

/* ---- what to list ------------------------------------------------------------------- */

static int list(const struct args *a, const char *name, struct names *names)
{
	char bare[PATH_MAX];
	struct object o;
	int r;

	snprintf(bare, sizeof(bare), "%s", name);
	for (size_t len = strlen(bare); len > 1 && bare[len - 1] == '/'; len--)
		bare[len - 1] = '\0';
	r = object_find(a, bare, &o);
	if (r)
		return r;
	r = collect(&o, names);
	return r ? object_fail(&o, -r) : ARGS_OK;
}

static int run(const struct args *a, int count, char **folders, bool long_form)
{
	struct names names = {.list = NULL};
	int status = ARGS_OK, r;

	for (int i = 0; i < count; i++)
		if ((r = list(a, folders[i], &names)) != ARGS_OK)
			status = r;
	for (int i = 0; count == 0 && i < IPCFS_KIND_COUNT && status == ARGS_OK; i++)
		status = list(a, ipcfs_kind_name(i), &names);
	if (names.count)
		qsort(names.list, names.count, sizeof(*names.list), by_name);
	for (size_t i = 0; i < names.count; i++) {
		if ((r = print(a, names.list[i], long_form, names.width)) != ARGS_OK)
			status = r;
		free(names.list[i]);
	}
	free(names.list);
	return status;
}

int cmd_ls(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP}, {ARGS_MOUNT}, {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":l", .longs = longs, .folders = true};
	bool long_form = false;
	int c;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'l':
			long_form = true;
			break;
		default:
			return a.status;
		}
	return run(&a, argc - optind, argv + optind, long_form);
}
