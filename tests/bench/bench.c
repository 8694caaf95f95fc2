/* SPDX-License-Identifier: MIT
 *
 * bench.c - see bench.h.
 */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- series and rows ----------------------------------------------------------------- */

double bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

void bench_add(struct bench_series *s, double ns)
{
	if (s->n < BENCH_ROUNDS)
		s->v[s->n++] = ns;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(const struct bench_series *s)
{
	struct bench_series sorted = *s;

	if (s->n == 0)
		return 0;
	qsort(sorted.v, (size_t)sorted.n, sizeof(sorted.v[0]), by_size);
	return sorted.v[sorted.n / 2];
}

const struct bench_series *bench_best(const struct bench_series *s, int count, int *index)
{
	int best = 0;

	for (int i = 1; i < count; i++)
		if (s[i].n && bench_median(&s[i]) < bench_median(&s[best]))
			best = i;
	*index = best;
	return &s[best];
}

static double ratio(const struct bench_series *a, const struct bench_series *b)
{
	struct bench_series r = {0};

	for (int i = 0; i < a->n && i < b->n; i++)
		bench_add(&r, a->v[i] / b->v[i]);
	return bench_median(&r);
}

static const char *with_unit(char text[24], double ns)
{
	if (ns < 1e3)
		snprintf(text, 24, "%.1f ns", ns);
	else if (ns < 1e6)
		snprintf(text, 24, "%.2f us", ns / 1e3);
	else
		snprintf(text, 24, "%.2f ms", ns / 1e6);
	return text;
}

static const char *a_second(char text[24], double ns)
{
	snprintf(text, 24, "%.0f k/s", ns > 0 ? 1e6 / ns : 0);
	return text;
}

static void verdict(double r, bool least, double target, double later)
{
	const double limits[2] = {target, later};

	for (int i = 0; i < 2; i++) {
		bool met = least ? r >= limits[i] : r <= limits[i];

		if (limits[i] > 0)
			printf(" | %s %-5.2f %-3s", least ? ">=" : "<=", limits[i],
			       met ? "yes" : "NO");
		else
			printf(" | %-12s", "-");
	}
	printf("\n");
	fflush(stdout);
}

static void row(const char *what, const char *ours, const char *beside, const char *theirs,
		double r)
{
	printf("%-42s | %11s | %-25s %11s | %7.2f", what, ours, beside, theirs, r);
}

void bench_cost(const char *what, const struct bench_series *ours, const char *beside,
		const struct bench_series *theirs, double target, double later)
{
	char a[24], b[24];
	double r = ratio(ours, theirs);

	row(what, with_unit(a, bench_median(ours)), beside, with_unit(b, bench_median(theirs)), r);
	verdict(r, false, target, later);
}

void bench_rate(const char *what, const struct bench_series *ours, const char *beside,
		const struct bench_series *theirs, double target, double later)
{
	char a[24], b[24];
	double r = ratio(theirs, ours);

	row(what, a_second(a, bench_median(ours)), beside, a_second(b, bench_median(theirs)), r);
	verdict(r, true, target, later);
}

void bench_bytes(const char *what, double bytes, double limit, double later)
{
	char a[24], b[24];

	snprintf(a, sizeof(a), "%.0f bytes", bytes);
	snprintf(b, sizeof(b), "%.0f bytes", limit);
	row(what, a, "limit", b, bytes / limit);
	verdict(bytes / limit, false, 1, later / limit);
}

/* ---- the command line, failures ---------------------------------------------------------- */

bool bench_has(int argc, char **argv, const char *option)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], option))
			return true;
	return false;
}

int bench_rounds(int argc, char **argv, int full, int quick)
{
	return bench_has(argc, argv, "--quick") ? quick : full;
}

void bench_must(long rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(rc == -1 ? errno : (int)-rc));
	exit(1);
}

/* ---- a mounted ipcfs ----------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static int command(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	return system(line);
}

static const char *program(void)
{
	const char *p = getenv("IPCFS");

	return p ? p : "build/ipcfs";
}

void bench_mount(struct bench_ipcfs *m)
{
	strcpy(m->store, "/dev/shm/ipcfs-bench-XXXXXX");
	strcpy(m->dir, "/tmp/ipcfs-bench-XXXXXX");
	bench_must(mkdtemp(m->store) && mkdtemp(m->dir) ? 0 : -1, "mkdtemp");
	if (command("%s mount -o store=%s %s", program(), m->store, m->dir) == 0)
		return;
	fprintf(stderr, "bench: %s cannot mount\n", program());
	bench_unmount(m);
	exit(1);
}

void bench_unmount(struct bench_ipcfs *m)
{
	if (!m->dir[0])
		return;
	if (command("%s umount --force %s >/dev/null 2>&1", program(), m->dir) != 0)
		umount2(m->dir, MNT_DETACH);
	rmdir(m->dir);
	command("rm -rf --one-file-system %s", m->store);
	m->dir[0] = '\0';
}

/* The server keeps the command line that it was started with. */
static bool is_server(const char *pid, const struct bench_ipcfs *m)
{
	char path[300], line[1024] = {0};
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	for (size_t i = 0; i < n; i++)
		if (!line[i])
			line[i] = ' ';
	return strstr(line, " mount ") && strstr(line, m->dir);
}

static double resident(const char *pid)
{
	char path[300], line[256];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmRSS:", 6))
			kib = strtod(line + 6, NULL);
	if (f)
		fclose(f);
	return kib * 1024;
}

double bench_server_memory(const struct bench_ipcfs *m)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;
	double bytes = 0;

	/* cppcheck-suppress readdirCalled ; one thread */
	while (proc && bytes == 0 && (e = readdir(proc)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && is_server(e->d_name, m))
			bytes = resident(e->d_name);
	if (proc)
		closedir(proc);
	return bytes;
}

/* ---- a run -------------------------------------------------------------------------------- */

static volatile sig_atomic_t told_to_end;

static void on_signal(int sig)
{
	told_to_end = sig;
}

static pid_t start(void (*work)(void))
{
	pid_t parent = getpid(), child = fork();

	if (child != 0)
		return child;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	work();
	exit(0);
}

static void (*cleaner)(void);
static pid_t cleaning;

/* Children inherit this, and leave it alone. */
static void clean_up(void)
{
	if (getpid() == cleaning)
		cleaner();
}

int bench_run(void (*set_up)(void), void (*work)(void), void (*clean)(void), int limit_s)
{
	struct sigaction act = {.sa_handler = on_signal};
	int status = 0;
	pid_t child;

	cleaner = clean;
	cleaning = getpid();
	atexit(clean_up);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGALRM, &act, NULL);
	set_up();
	fflush(stdout);
	child = start(work);
	bench_must(child, "fork");
	setpgid(child, child);
	alarm((unsigned)limit_s);
	while (!told_to_end && waitpid(child, &status, 0) < 0)
		;
	if (told_to_end)
		fprintf(stderr, "bench: ended by signal %d\n", (int)told_to_end);
	kill(-child, SIGKILL);
	if (told_to_end)
		waitpid(child, &status, 0);
	return !told_to_end && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
