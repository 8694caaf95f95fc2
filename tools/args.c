/* SPDX-License-Identifier: MIT
 *
 * args.c - see args.h.
 */
#include "args.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/ipcfs.h"
#include "mounts.h"

const char *args_command;

void args_keep_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

/* ---- messages ----------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static void say(const char *name, const char *fmt,
						      va_list args)
{
	fflush(stdout);
	fputs("ipcfs: ", stderr);
	if (args_command)
		fprintf(stderr, "%s: ", args_command);
	if (name)
		fprintf(stderr, "%s: ", name);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

int args_usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(NULL, fmt, args);
	va_end(args);
	fprintf(stderr, "Try 'ipcfs%s%s --help'.\n", args_command ? " " : "",
		args_command ? args_command : "");
	return ARGS_USAGE;
}

int args_fail(const char *name, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(name, fmt, args);
	va_end(args);
	return ARGS_FAILED;
}

/* ---- options ------------------------------------------------------------------------ */

int args_duration(const char *text, int64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		/* clang-format off */
		{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"", 1000000000},
		{"m", 60 * 1000000000ull}, {"h", 3600 * 1000000000ull},
		/* clang-format on */
	};
	const char *digits = "0123456789";
	size_t whole = strspn(text, digits), fraction = 0;
	const char *unit = text + whole;
	long double value;

	if (*unit == '.') {
		fraction = strspn(unit + 1, digits);
		unit += 1 + fraction;
	}
	if (!whole || (text[whole] == '.' && !fraction))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i].name) != 0)
			continue;
		value = strtold(text, NULL) * (long double)units[i].ns;
		if (value > (long double)(INT64_MAX / 2))
			return -ERANGE;
		*ns = (int64_t)value;
		*ns += (long double)*ns < value;
		return 0;
	}
	return -EINVAL;
}

int args_count(const char *option, const char *text, uint64_t max, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || *n == 0 || *n > max)
		return args_usage("%s: \"%s\" is no number from 1 to %llu", option, text,
				  (unsigned long long)max);
	return 0;
}

unsigned args_cpus(void)
{
	cpu_set_t set;
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}

static int bad_option(int c, char **argv)
{
	const char *word = argv[optind - 1];
	char letter[3] = {'-', (char)optopt, '\0'};

	if (optopt > 0 && optopt < ARGS_O_HELP && strncmp(word, "--", 2) != 0)
		word = letter;
	return args_usage(c == ':' ? "%s needs a value" : "no such option: %s", word);
}

int args_next(struct args *a, int argc, char **argv)
{
	int c;

	opterr = 0;
	for (;;) {
		c = getopt_long(argc, argv, a->shorts, a->longs, NULL);
		switch (c) {
		case ARGS_O_HELP:
			fputs(a->help, stdout);
			a->status = ARGS_OK;
			return 0;
		case ARGS_O_MOUNT:
			a->mount = optarg;
			break;
		case ARGS_O_TIMEOUT:
			a->limited = true;
			if (args_duration(optarg, &a->timeout_ns) == 0)
				break;
			a->status = args_usage("--timeout: \"%s\" is no duration (2, 0.5, 200ms)",
					       optarg);
			return 0;
		case ARGS_O_NONBLOCK:
			a->limited = true;
			a->timeout_ns = 0;
			break;
		case '?':
		case ':':
			a->status = bad_option(c, argv);
			return 0;
		default:
			return c;
		}
	}
}

/* ---- objects ------------------------------------------------------------------------ */

const char *args_mount(const struct args *a)
{
	const char *mount = a->mount ? a->mount : getenv("IPCFS_MOUNT");

	return mount && *mount ? mount : "/ipc";
}

/* Who has named no mount may have one elsewhere. */
static int no_mount(const struct args *a, const char *mount, const char *why)
{
	const char *named = getenv("IPCFS_MOUNT");

	if (a->mount || (named && *named))
		return args_fail(mount, "%s", why);
	return args_fail(mount, "%s; another mount is named by IPCFS_MOUNT or --mount", why);
}

static int check_kind(const char *name, bool folders)
{
	char kind[32], kinds[256] = "";
	size_t len = strcspn(name, "/");

	snprintf(kind, sizeof(kind), "%.*s", (int)len, name);
	if (len >= sizeof(kind) || ipcfs_kind_of(kind) < 0) {
		for (int i = 0; i < IPCFS_KIND_COUNT; i++)
			snprintf(kinds + strlen(kinds), sizeof(kinds) - strlen(kinds), "%s%s",
				 i ? ", " : "", ipcfs_kind_name(i));
		return args_usage("\"%s\" does not begin with a kind: %s", name, kinds);
	}
	if (!folders && (name[len] != '/' || !name[len + 1]))
		return args_usage("\"%s\" names no object: KIND/NAME is wanted", name);
	return 0;
}

/* The mount that an absolute path is below: that of its nearest folder that is there. */
static int mount_above(const char *path, struct mount *m)
{
	char folder[PATH_MAX];
	int r;

	snprintf(folder, sizeof(folder), "%s", path);
	do {
		dirname(folder);
		r = mounts_find(folder, m);
	} while (r == -ENOENT && strcmp(folder, "/") != 0);
	return r;
}

int object_find(const struct args *a, const char *name, struct object *o)
{
	const char *mount = args_mount(a);
	bool absolute = name[0] == '/';
	char why[PATH_MAX + 64];
	struct mount m;
	int r;

	if (!absolute && (r = check_kind(name, a->folders)))
		return r;
	o->name = name;
	r = snprintf(o->path, sizeof(o->path), "%s%s%s", absolute ? "" : mount, absolute ? "" : "/",
		     name);
	if (r >= (int)sizeof(o->path))
		return args_fail(name, "%s", strerror(ENAMETOOLONG));
	r = absolute ? mount_above(name, &m) : mounts_find(mount, &m);
	if (r < 0 && absolute)
		return args_fail(name, "%s", strerror(-r));
	if (r < 0)
		return no_mount(a, mount, strerror(-r));
	if (!mounts_is_ipcfs(&m) && absolute)
		return args_fail(name, "it lies in no mount of ipcfs");
	if (!mounts_is_ipcfs(&m)) {
		snprintf(why, sizeof(why), "ipcfs is not mounted there (ipcfs mount %s)", mount);
		return no_mount(a, mount, why);
	}
	snprintf(o->mount, sizeof(o->mount), "%s", m.point);
	return 0;
}

int object_below(const struct object *o, char below[PATH_MAX])
{
	char path[PATH_MAX], real[PATH_MAX];
	const char *slash = strrchr(o->path, '/');
	size_t len = strlen(o->mount);

	if (o->name[0] != '/' && !strstr(o->name, "//") && !strstr(o->name, "/.")) {
		snprintf(below, PATH_MAX, "%s", o->name);
		return 0;
	}
	snprintf(path, sizeof(path), "%s", o->path);
	if (!realpath(dirname(path), real))
		return -errno;
	below[0] = '\0';
	if (strncmp(real, o->mount, len) == 0 && real[len] == '/' &&
	    snprintf(below, PATH_MAX, "%s%s", real + len + 1, slash ? slash : "") >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

bool object_is_dict(const struct object *o)
{
	char below[PATH_MAX];

	return object_below(o, below) == 0 && strncmp(below, "dicts/", 6) == 0;
}

/* The words in a line of `errors`, "TIME PID ERROR PATH: WORDS", if it is of us and this error. */
static char *words_of(char *line, const struct object *o, int error)
{
	const char *root = o->path, *name = strerrorname_np(error);
	char *save, *pid, *errname, *rest;
	size_t len;

	if (!strtok_r(line, " ", &save) || !(pid = strtok_r(NULL, " ", &save)) ||
	    !(errname = strtok_r(NULL, " ", &save)) || !(rest = strtok_r(NULL, "", &save)))
		return NULL;
	if (strtol(pid, NULL, 10) != getpid() || !name || strcmp(errname, name) != 0)
		return NULL;
	if (strncmp(root, o->mount, strlen(o->mount)) == 0)
		root += strlen(o->mount);
	root += strspn(root, "/");
	len = strlen(root);
	if (strncmp(rest, root, len) == 0 && strncmp(rest + len, ": ", 2) == 0)
		return rest + len + 2;
	rest = strstr(rest, ": ");
	return rest ? rest + 2 : NULL;
}

/* The last failure of this process in the mount's log; what it says is the caller's to free. */
static char *words_for(const struct object *o, int error)
{
	char path[PATH_MAX + 8], *line = NULL, *words, *last = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/errors", o->mount);
	f = fopen(path, "re");
	if (!f)
		return NULL;
	while ((n = getline(&line, &size, f)) > 0) {
		line[n - (line[n - 1] == '\n')] = '\0';
		words = words_of(line, o, error);
		if (!words)
			continue;
		free(last);
		last = strdup(words);
	}
	free(line);
	fclose(f);
	return last;
}

/* Where not even the folder that the object is to be in is there: says which. NULL, or the caller's to free. */
static char *lacking_folder(const struct object *o)
{
	size_t len = strcspn(o->path + strlen(o->mount), ",") + strlen(o->mount);
	char *folder = strndup(o->path, len), *slash = folder ? strrchr(folder, '/') : NULL,
	     *words = NULL;
	struct stat st;

	if (slash) {
		*slash = '\0';
		if (stat(folder, &st) < 0 && errno == ENOENT &&
		    asprintf(&words, "there is no folder %s", folder) < 0)
			words = NULL;
	}
	free(folder);
	return words;
}

int object_fail(const struct object *o, int error)
{
	char *words = NULL;

	if (error == ENOTCONN || error == ECONNABORTED || error == ESHUTDOWN)
		return args_fail(o->name, "its server has ended (ipcfs umount %s)", o->mount);
	if (error == EAGAIN || error == ETIMEDOUT) {
		args_fail(o->name, "%s", error == EAGAIN ? "it would have to wait" : "timed out");
		return ARGS_WAIT;
	}
	words = words_for(o, error);
	if (!words && error == ENOENT)
		words = lacking_folder(o);
	if (words && strcmp(words, strerror(error)) != 0)
		args_fail(o->name, "%s: %s", strerror(error), words);
	else
		args_fail(o->name, "%s", strerror(error));
	free(words);
	return ARGS_FAILED;
}

/* ---- waiting ------------------------------------------------------------------------ */

int64_t args_deadline(const struct args *a)
{
	return a->limited ? ipcfs_after(a->timeout_ns) : -1;
}

int64_t args_left(const struct args *a, int64_t deadline_ns)
{
	struct timespec now;
	int64_t left;

	if (!a->limited)
		return -1;
	if (a->timeout_ns == 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	left = deadline_ns - (now.tv_sec * 1000000000LL + now.tv_nsec);
	return left > 0 ? left : 0; /* what is there is still given */
}

int args_limit(int fd, const struct args *a, int64_t deadline_ns)
{
	int64_t left = args_left(a, deadline_ns);

	if (!a->limited)
		return 0;
	return ioctl(fd, IPCFS_TIMEOUT, &left) == 0 ? 0 : -errno;
}

int args_limit_error(const struct args *a, int error)
{
	return error == EAGAIN && a->limited && a->timeout_ns > 0 ? ETIMEDOUT : error;
}
