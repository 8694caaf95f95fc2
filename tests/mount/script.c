/* SPDX-License-Identifier: MIT
 *
 * script.c - see script.h. The verbs:
 *   link symlink unlink fsync unknown (an ioctl) close
 *   rename:NAME (+ another of its kind, onto one that is there with ++)   truncate:BYTES
 *   limit:NS (IPCFS_TIMEOUT)   lock:ex|sh|un|nbex|nbsh (flock)
 *   peek:PATTERN shows:PATTERN stat:LINE (of the plain name)   there gone
 * and those of script_verbs.c.
 */
#include "script.h"

#include <fnmatch.h>
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ioctl.h>

#include "t.h"

const struct script_kind script_kinds[IPCFS_KIND_COUNT] = {
	[IPCFS_QUEUE] = {",maxsize=2", ",maxsize=3", ""},
	[IPCFS_SEMAPHORE] = {",max=5", ",max=6", "0\n"},
	[IPCFS_EVENT] = {"", ",set", "0\n"},
	[IPCFS_VALUE] = {",type=q", ",type=d", "0\n"},
	[IPCFS_ARRAY] = {",type=q,len=2", ",len=3", "0\n0\n"},
	[IPCFS_LOCK] = {"", ",temp", "free\n"},
	[IPCFS_CONDITION] = {"", ",temp", "0\n"},
	[IPCFS_BARRIER] = {",parties=2", ",parties=3", "0\n"},
	[IPCFS_LIST] = {",capacity=1k", ",capacity=2k", ""},
	[IPCFS_PIPE] = {",capacity=10", ",capacity=11", NULL},
	[IPCFS_TOPIC] = {",capacity=10", ",capacity=11", ""},
	[IPCFS_SIGNAL] = {"", ",temp", ""},
	[IPCFS_DICT] = {"", "", ""},
	[IPCFS_MQ] = {",maxmsg=2", ",maxmsg=1", "maxmsg 2\nmsgsize 8192\nmessages 0\n"},
};

static int last_name;
static int held[16]; /* opened by `before` */
static unsigned held_count;
static struct t_io waiter;

/* ---- the object ------------------------------------------------------------------------------ */

const char *script_name(enum ipcfs_kind kind)
{
	if (kind == IPCFS_MQ)
		return t_format("mq/ipcfs-%d-r%d", (int)getpid(), ++last_name);
	if (kind == IPCFS_DICT) { /* a key */
		mkdir(t_path("dicts/rows"), 0777);
		return t_format("dicts/rows/r%d", ++last_name);
	}
	return t_format("%s/r%d", ipcfs_kind_name(kind), ++last_name);
}

/* The next step, or NULL; *at moves behind it. */
static const char *next_step(const char **at, char step[static 400])
{
	size_t len = strcspn(*at, "|");

	if (!**at)
		return NULL;
	snprintf(step, 400, "%.*s", (int)len, *at);
	*at += len + ((*at)[len] == '|');
	return step;
}

long script_write(const char *path, const char *text)
{
	int fd = t_open(path, O_WRONLY);
	long n = fd < 0 ? fd : t_put(fd, text);

	close(fd);
	return n;
}

static int hold(const char *path)
{
	int fd = t_open(path, O_RDWR);

	if (fd < 0 || held_count == sizeof(held) / sizeof(*held))
		t_fail("%s: %s", path, t_result(fd));
	held[held_count++] = fd;
	return fd;
}

static void hold_and_read(const char *path)
{
	char text[100];

	if (t_get(hold(path), text, sizeof(text)) <= 0)
		t_fail("%s: nothing was read", path);
}

/* ">OPTIONS TEXT" */
static void write_with(const char *path, const char *step)
{
	const char *blank = strchr(step, ' ');

	path = t_format("%s%.*s", path, (int)(blank - step), step);
	t_is(script_write(path, blank + 1), (long)strlen(blank + 1));
}

int script_held(void)
{
	return held[0];
}

void script_drop(void)
{
	close(held[--held_count]);
}

void script_unlock(void)
{
	t_is(t_put(held[0], "unlock"), 6);
}

void script_reader(const char *path)
{
	waiter = t_reader(path, O_RDONLY);
}

const char *script_make(enum ipcfs_kind kind, const char *before)
{
	const char *path = t_path("%s", script_name(kind));
	char step[400] = "";

	if (*before == '+')
		next_step(&before, step);
	t_is(t_touch(t_format("%s%s", path, *step ? step + 1 : script_kinds[kind].properties)), 0);
	while (next_step(&before, step))
		switch (step[0]) {
		case '=':
			t_is(script_write(path, step + 1), (long)strlen(step + 1));
			break;
		case '<':
			hold_and_read(t_format("%s%s", path, step + 1));
			break;
		case '^':
			hold(t_format("%s%s", path, step + 1));
			break;
		case '>':
			write_with(path, step + 1);
			break;
		case '&':
			script_reader(path);
			t_wait_stat(path, "readers", 1);
			break;
		case '~':
			script_killed(t_format("%s%s", path, step + 1));
			break;
		default:
			t_fail("no such step before: %s", step);
		}
	return path;
}

void script_remove(const char *path)
{
	while (held_count)
		close(held[--held_count]);
	unlink(path);
	if (waiter.pid)
		t_io_result(&waiter);
	waiter.pid = 0;
}

int script_clean(void **state)
{
	int rc = t_end(state);

	held_count = 0;
	waiter.pid = 0;
	for (int i = 1; i <= last_name; i++) {
		char name[64];
		snprintf(name, sizeof(name), "/ipcfs-%d-r%d", (int)getpid(), i);
		mq_unlink(name);
	}
	return rc;
}

/* ---- what it is like, and what is said of a failure --------------------------------------------- */

/* `stat` and `peek`, or that it is not there. */
static const char *snapshot(const char *path)
{
	static char stat_text[T_TEXT], peek[T_TEXT];

	if (t_exists(path) < 0)
		return "absent";
	t_again(t_cat(t_format("%s,stat", path), stat_text, sizeof(stat_text)));
	peek[0] = '\0';
	if (!strstr(path, "/pipes/"))
		t_again(t_cat(t_format("%s,peek", path), peek, sizeof(peek)));
	return t_format("%s%s", stat_text, peek);
}

static const char *last_error(void)
{
	static char text[T_TEXT];
	long n = t_cat(t_path("errors"), text, sizeof(text));
	char *line;

	if (n <= 0)
		return "";
	text[n - 1] = '\0';
	line = strrchr(text, '\n');
	return t_format("%s", line ? line + 1 : text);
}

/* "!EINVAL" of -EINVAL, "" of what is no error. */
static const char *error_of(long result)
{
	const char *name = result < 0 ? strerrorname_np((int)-result) : NULL;

	return result < 0 ? t_format("!%s", name ? name : "?") : "";
}

/* ---- steps -------------------------------------------------------------------------------------- */

/* Tells of a failed row; the other rows go on. */
__attribute__((format(printf, 3, 4))) static void wrong(struct script_run *r, const char *step,
							const char *format, ...)
{
	const char *before = *r->row->before ? t_format(" (%s)", r->row->before) : "";
	char words[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	print_error("row %d, %s%s%s, step `%s`: %s\n", r->number, ipcfs_kind_name(r->kind), before,
		    r->row->options, step, words);
	r->failed = true;
}

static long do_lock(struct script_run *r, const char *how)
{
	int op = strstr(how, "ex") ? LOCK_EX : strstr(how, "sh") ? LOCK_SH : LOCK_UN;

	return t_sys(flock(r->fd, op | (strncmp(how, "nb", 2) == 0 ? LOCK_NB : 0)));
}

static long do_limit(struct script_run *r, const char *word)
{
	int64_t ns = strtoll(word, NULL, 10);

	return t_sys(ioctl(r->fd, IPCFS_TIMEOUT, &ns));
}

static long do_unknown(struct script_run *r, const char *word)
{
	char out[64];

	(void)word;
	return t_sys(ioctl(r->fd, _IOR(0xF5, 99, out), out));
}

static long do_rename(struct script_run *r, const char *word)
{
	const char *to = *word == '+' ? t_format("%s-to", r->plain) : t_path("%s", word);
	long rc;

	if (strcmp(word, "++") == 0)
		t_is(t_touch(t_format("%s%s", to, script_kinds[r->kind].properties)), 0);
	rc = t_sys(rename(r->path, to));
	if (rc < 0)
		unlink(to);
	else
		r->plain = to;
	return rc;
}

static long do_link(struct script_run *r, const char *word)
{
	(void)word;
	return t_sys(link(r->path, t_format("%s-l", r->plain)));
}

static long do_symlink(struct script_run *r, const char *word)
{
	(void)word;
	return t_sys(symlink("x", t_format("%s-l", r->plain)));
}

static long do_unlink(struct script_run *r, const char *word)
{
	(void)word;
	return t_sys(unlink(r->path));
}

static long do_truncate(struct script_run *r, const char *word)
{
	return t_sys(truncate(r->path, strtol(word, NULL, 10)));
}

static long do_fsync(struct script_run *r, const char *word)
{
	(void)word;
	return t_sys(fsync(r->fd));
}

static long do_close(struct script_run *r, const char *word)
{
	int fd = r->fd;

	(void)word;
	r->fd = -1;
	return t_sys(close(fd));
}

long script_seen(const char *pattern, const char *text, long result)
{
	if (result >= 0 && fnmatch(pattern, text, 0) == 0)
		return 0;
	print_error("wanted '%s', got %s '%s'\n", pattern, t_result(result), text);
	return -ENOMSG;
}

static long do_show(const char *path, const char *pattern)
{
	static char text[T_TEXT];
	long n = t_again(t_cat(path, text, sizeof(text)));

	return script_seen(pattern, n < 0 ? "" : text, n);
}

static long do_peek(struct script_run *r, const char *word)
{
	return do_show(t_format("%s,peek", r->plain), word);
}

static long do_shows(struct script_run *r, const char *word)
{
	return do_show(r->plain, word);
}

static long do_stat(struct script_run *r, const char *word)
{
	return t_stat_has(r->plain, word) ? 0 : script_seen(word, snapshot(r->plain), -ENOMSG);
}

static long do_there(struct script_run *r, const char *word)
{
	(void)word;
	return t_exists(r->plain);
}

static long do_gone(struct script_run *r, const char *word)
{
	(void)word;
	return t_exists(r->plain) == -ENOENT ? 0 : -EEXIST;
}

static const struct script_verb verbs[] = {
	{"lock", do_lock},     {"limit", do_limit},	  {"unknown", do_unknown},
	{"rename", do_rename}, {"link", do_link},	  {"symlink", do_symlink},
	{"unlink", do_unlink}, {"truncate", do_truncate}, {"fsync", do_fsync},
	{"close", do_close},   {"peek", do_peek},	  {"shows", do_shows},
	{"stat", do_stat},     {"there", do_there},	  {"gone", do_gone},
	{NULL, NULL},
};

static const struct script_verb *find_verb(const struct script_verb *v, const char *step,
					   size_t len)
{
	while (v->name && (strlen(v->name) != len || memcmp(v->name, step, len) != 0))
		v++;
	return v->name ? v : NULL;
}

/* "VERB:WORD" */
static long do_verb(struct script_run *r, const char *step)
{
	size_t len = strcspn(step, ":");
	const struct script_verb *v = find_verb(verbs, step, len);

	if (!v)
		v = find_verb(script_more_verbs, step, len);
	if (!v)
		t_fail("no such verb: %s", step);
	return v->run(r, step + len + (step[len] == ':'));
}

static long do_read(struct script_run *r, const char *want)
{
	char text[1024] = "";
	long n = t_get(r->fd, text, sizeof(text) - 1);

	return n < 0 ? n : script_seen(want, text, n);
}

static long full(long n, const char *text)
{
	return n < 0 || n == (long)strlen(text) ? n : -EIO;
}

static long do_step(struct script_run *r, const char *step)
{
	switch (step[0]) {
	case '>':
		return full(t_put(r->fd, step + 1), step + 1);
	case '<':
		return do_read(r, step + 1);
	case '=':
		return full(script_write(r->plain, step + 1), step + 1);
	case '@':
		return do_verb(r, step + 1);
	default:
		t_fail("no such step: %s", step);
	}
}

/* ---- rows --------------------------------------------------------------------------------------- */

/* A barrier that is given up is broken, who waited for a condition does no more: that is what it is for. */
static bool may_change(const struct script_run *r, const char *error)
{
	return (r->kind == IPCFS_BARRIER || r->kind == IPCFS_CONDITION) &&
	       strcmp(error, "!ETIMEDOUT") == 0;
}

/* To have to wait is no failure that is told of. */
static bool is_quiet(const char *error)
{
	return !strcmp(error, "!EAGAIN") || !strcmp(error, "!ETIMEDOUT");
}

/* The step has failed as it should: nothing has changed, and `errors` tells what it should. */
static void check_failure(struct script_run *r, const char *step, const char *error,
			  const char *before, const char *said)
{
	const char *now = last_error(), *after = snapshot(r->plain);

	if (strcmp(before, after) != 0 && !may_change(r, error))
		wrong(r, step, "it failed, and changed\n%s\nto\n%s", before, after);
	if (is_quiet(error) && strcmp(now, said) != 0)
		wrong(r, step, "`errors` tells of it: %s", now);
	if (!r->row->words)
		return;
	if (!strstr(now, t_format(" %s %s", error + 1, r->plain + strlen(t_mnt) + 1)) ||
	    !strstr(now, r->row->words))
		wrong(r, step, "`errors` says: %s\ninstead of %s: %s", now, error + 1,
		      r->row->words);
}

/* Runs one step; a result is no error, or the one that stands behind it. */
static void run_step(struct script_run *r, char *step)
{
	char copy[400], *error = strchr(step, '!');
	const char *said = error ? last_error() : NULL, *was = error ? snapshot(r->plain) : NULL;
	long result;

	snprintf(copy, sizeof(copy), "%s", step);
	if (error)
		copy[error - step] = '\0';
	result = do_step(r, copy);
	if (strcmp(error_of(result), error ? error : "") != 0)
		wrong(r, step, "%s", t_result(result));
	else if (error)
		check_failure(r, step, error, was, said);
}

/* `options` with % and # replaced. */
static const char *with_options(enum ipcfs_kind kind, const char *plain, const char *options)
{
	const struct script_kind *k = &script_kinds[kind];
	const char *head = *options == '%' ? k->properties : *options == '#' ? k->other : "";

	return t_format("%s%s%s", plain, head, options + (*options == '%' || *options == '#'));
}

static bool run_for(const struct script_row *row, int number, enum ipcfs_kind kind)
{
	struct script_run r = {.row = row, .kind = kind, .number = number};
	bool absent = row->flags & (O_CREAT | ABSENT);
	const char *at = row->steps, *was, *said;
	char step[400];

	script_begin();
	r.plain = absent ? t_path("%s", script_name(kind)) : script_make(kind, row->before);
	r.path = with_options(kind, r.plain, row->options);
	was = snapshot(r.plain);
	said = last_error();
	r.fd = t_open(r.path, row->flags & ~ABSENT);
	if (strcmp(error_of(r.fd), *at == '!' ? at : "") != 0)
		wrong(&r, "open", "%s", t_result(r.fd));
	if (r.fd < 0 && !r.failed)
		check_failure(&r, "open", at, was, said);
	while (*at != '!' && !r.failed && next_step(&at, step))
		run_step(&r, step);
	if (r.fd >= 0)
		close(r.fd);
	script_remove(r.plain);
	script_end();
	return !r.failed;
}

int script_run(const struct script_row *rows, size_t count)
{
	int failed = 0;

	for (size_t i = 0; i < count; i++)
		for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++)
			if (rows[i].kinds & 1u << kind)
				failed += !run_for(&rows[i], (int)i, (enum ipcfs_kind)kind);
	return failed;
}
