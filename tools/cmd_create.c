/* SPDX-License-Identifier: MIT
 *
 * cmd_create.c - `ipcfs create`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"

static const char usage[] =
	"usage: ipcfs create [-x] [-m MODE] [--mount DIR] OBJECT[,PROPERTY=VALUE]...\n"
	"Makes objects, as touch would, but says exactly why where it cannot. One that is\n"
	"there already is fine if it has these properties. A name that ends in / makes a\n"
	"folder.\n"
	"\n"
	"  -x, --exclusive  fail if it is there already\n"
	"  -m, --mode MODE  in octal, not masked by the umask (else 0666, of a folder\n"
	"                   0777, less the umask)\n"
	"  --mount DIR      the mount to work in ($IPCFS_MOUNT, else /ipc)\n"
	"\n"
	"Properties: queues maxsize= capacity= attempts= dead=; mq maxmsg= msgsize=;\n"
	"semaphores value= max=; events set; barriers parties= (required); values and\n"
	"arrays type= len=; lists, dicts, pipes and topics capacity=. With temp an object\n"
	"would be gone as soon as this command ends.\n"
	"  ipcfs create queues/jobs,maxsize=100 semaphores/door,value=3\n"
	"  ipcfs create arrays/temps,type=d,len=24\n";

struct create {
	bool exclusive, has_mode;
	mode_t mode;
};

static int parse_mode(const char *text, mode_t *mode)
{
	char *end;
	unsigned long n = strtoul(text, &end, 8);

	if (text[0] < '0' || text[0] > '7' || *end || n > 01777)
		return args_usage("--mode: \"%s\" is no octal mode", text);
	*mode = (mode_t)n;
	return 0;
}

static bool is_temp(const char *name)
{
	const char *option = strrchr(name, '/');

	for (option = strchr(option ? option : name, ','); option; option = strchr(option, ','))
		if (strncmp(++option, "temp", 4) == 0 && (!option[4] || option[4] == ','))
			return true;
	return false;
}

static int make_folder(const struct object *o, const struct create *how)
{
	struct stat st;

	if (mkdir(o->path, how->has_mode ? how->mode : 0777) == 0)
		return ARGS_OK;
	if (errno == EEXIST && !how->exclusive && stat(o->path, &st) == 0 && S_ISDIR(st.st_mode))
		return ARGS_OK;
	return object_fail(o, errno);
}

static int make(const struct args *a, const char *name, const struct create *how)
{
	struct object o;
	int fd, r = object_find(a, name, &o);

	if (r)
		return r;
	if (name[strlen(name) - 1] == '/')
		return make_folder(&o, how);
	if (is_temp(name))
		return args_usage("%s: with `temp` it would be gone as soon as this command ends",
				  name);
	/* First without O_CREAT: that fails on others' files where fs.protected_regular is set. */
	fd = how->exclusive ? -1 : open(o.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (how->exclusive || (fd < 0 && errno == ENOENT))
		fd = open(o.path,
			  O_WRONLY | O_NONBLOCK | O_CREAT | O_CLOEXEC |
				  (how->exclusive ? O_EXCL : 0),
			  how->has_mode ? how->mode : 0666);
	if (fd < 0)
		return object_fail(&o, errno);
	if (close(fd) < 0)
		return object_fail(&o, errno);
	return ARGS_OK;
}

int cmd_create(int argc, char **argv)
{
	static const struct option longs[] = {{ARGS_HELP},
					      {ARGS_MOUNT},
					      {"exclusive", no_argument, NULL, 'x'},
					      {"mode", required_argument, NULL, 'm'},
					      {ARGS_END}};
	struct args a = {.help = usage, .shorts = ":xm:", .longs = longs};
	struct create how = {.mode = 0};
	int c, r, status = ARGS_OK;

	while ((c = args_next(&a, argc, argv)) != -1)
		switch (c) {
		case 'x':
			how.exclusive = true;
			break;
		case 'm':
			how.has_mode = true;
			if ((r = parse_mode(optarg, &how.mode)))
				return r;
			break;
		default:
			return a.status;
		}
	if (optind == argc)
		return args_usage("which object?");
	if (how.has_mode)
		umask(0);
	for (int i = optind; i < argc; i++)
		if ((r = make(&a, argv[i], &how)) != ARGS_OK)
			status = r;
	return status;
}
