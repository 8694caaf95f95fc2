/* SPDX-License-Identifier: MIT
 *
 * crash_lock.c - many processes contend for one lock, half of them through the library, half through files (of
 * these some by flock(2)), and a random one is killed every 20 ms and replaced. At no moment two may be
 * inside; tokens must grow; whoever comes in behind one who was killed inside must be told; everybody
 * must get on, and the run must end. LONG=1: ten times more. Needs root and /dev/fuse for the mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash.h"

enum {
	PROCESSES = 200,
#if defined(__SANITIZE_ADDRESS__)
	ACQUISITIONS = 2000, /* of all of them together */
#else
	ACQUISITIONS = 20000,
#endif
	KILL_EVERY_NS = 20000000,
	PATIENCE_MS = 100000,
};

enum way { LIBRARY, READ, FLOCK, WAYS };
static const char *const way_names[WAYS] = {"library", "read", "flock"};

/* Shared by all. `inside` is who is in the lock: his token. The plain counters are only changed in there. */
static struct board {
	_Atomic uint64_t inside;
	_Atomic int slot; /* his place among the processes, from 1 on */
	uint64_t last_token, first, second;
	_Atomic long done[WAYS], in_vain, told;
	_Atomic bool over;
	_Atomic int wrong; /* the first line that found something wrong */
} * board;

static char mnt[200], path[256];

static enum way way_of(int slot)
{
	return slot % 2 == 0 ? LIBRARY : slot % 4 == 1 ? READ : FLOCK;
}

#define must(condition)                                                                            \
	do {                                                                                       \
		int none_ = 0;                                                                     \
		if (!(condition) && !board->over)                                                  \
			atomic_compare_exchange_strong(&board->wrong, &none_, __LINE__);           \
	} while (0)

/* ---- one who contends ------------------------------------------------------------------------- */

/* Has the lock. If another is inside, one of the two finds out: we now, or he when he leaves. */
static void be_inside(int slot, uint64_t token, bool abandoned, unsigned *seed)
{
	uint64_t before = atomic_exchange(&board->inside, token);

	board->slot = slot + 1;
	must(before == 0 || abandoned); /* the one before us is dead, and we were told */
	must(token > board->last_token);
	must(abandoned || board->first == board->second);
	board->told += abandoned;
	board->last_token = token;
	board->first++;
	for (int n = rand_r(seed) % 3; n > 0; n--)
		sched_yield();
	board->second = board->first;
	board->slot = 0;
	before = token;
	must(atomic_compare_exchange_strong(&board->inside, &before, 0));
}

static void by_library(int slot, struct ipcfs_store *store, unsigned *seed)
{
	struct ipcfs_object *lock;
	struct ipcfs_grant grant;

	if (ipcfs_open(store, IPCFS_LOCK, "l", 0, 0, NULL, &lock) < 0)
		_exit(3);
	while (!board->over) {
		if (ipcfs_lock_acquire(lock, 0, IPCFS_FOREVER, &grant) != 0)
			_exit(4);
		be_inside(slot, grant.token, grant.abandoned, seed);
		board->done[LIBRARY]++;
		if (ipcfs_lock_release(lock, grant.token) != 0)
			_exit(5);
	}
}

/* The token that the handle has, or gets. */
static uint64_t read_token(int fd, bool *abandoned)
{
	char text[64];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		_exit(6);
	text[n] = '\0';
	*abandoned = strstr(text, " abandoned\n") != NULL;
	return strtoull(text, NULL, 10);
}

static void by_file(int slot, unsigned *seed)
{
	enum way way = way_of(slot);
	int fd = -1;

	while (!board->over) {
		bool abandoned, close_it = rand_r(seed) % 4 == 0;
		uint64_t token;

		if (fd < 0)
			fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || (way == FLOCK && flock(fd, LOCK_EX) < 0))
			_exit(7);
		token = read_token(fd, &abandoned);
		be_inside(slot, token, abandoned, seed);
		board->done[way]++;
		if (close_it && (close(fd) < 0 || (fd = -1) != -1))
			_exit(8);
		if (!close_it && way == FLOCK && flock(fd, LOCK_UN) < 0)
			_exit(9);
		if (!close_it && way == READ && write(fd, "unlock", 6) != 6)
			_exit(10);
	}
}

static pid_t start(int slot, struct ipcfs_store *store, unsigned seed)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(2);
	if (way_of(slot) == LIBRARY)
		by_library(slot, store, &seed);
	else
		by_file(slot, &seed);
	_exit(0);
}

/* ---- the mount -------------------------------------------------------------------------------------- */

/* Runs the command, which inherits nothing that somebody waits for the end of. */
static int run(char *const argv[])
{
	pid_t pid = argv[0] ? fork() : -1;
	int status = -1;

	if (pid == 0) {
		close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
		execv(argv[0], argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void take_down(void)
{
	char *const argv[] = {getenv("IPCFS"), "umount", "--force", mnt, NULL};

	if (run(argv) != 0)
		umount2(mnt, MNT_DETACH); /* the server ends with its mount */
	rmdir(mnt);
}

/* Takes the mount down when this program has ended, however it did. */
static void guard(void)
{
	int end[2];
	char byte;

	if (pipe2(end, O_CLOEXEC) < 0)
		exit(1);
	fflush(NULL);
	if (fork() == 0) {
		setsid(); /* whoever kills all of the group does not mean us */
		close(end[1]);
		while (read(end[0], &byte, 1) > 0)
			;
		take_down();
		_exit(0);
	}
	close(end[0]);
}

static const char *set_up(struct ipcfs_store *store)
{
	const char *tmp = getenv("TMPDIR");
	char option[300];
	char *const argv[] = {getenv("IPCFS"), "mount", "-o", option, mnt, NULL};

	snprintf(mnt, sizeof(mnt), "%.150s/crash-lock-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(mnt))
		return "no mount point";
	guard();
	snprintf(option, sizeof(option), "store=%.200s", ipcfs_store_dir(store));
	snprintf(path, sizeof(path), "%s/locks/l", mnt);
	return run(argv) == 0 ? NULL : "no mount";
}

/* ---- the run ----------------------------------------------------------------------------------------- */

static long done(void)
{
	return board->done[LIBRARY] + board->done[READ] + board->done[FLOCK];
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct {
	struct ipcfs_store *store;
	pid_t pids[PROCESSES];
	unsigned seed;
	long kills, wanted;
	long pause_ms; /* the longest in which nobody came in: told, since a slow machine may be why */
} contest;

static bool start_at(int slot)
{
	contest.pids[slot] = start(slot, contest.store, (unsigned)rand_r(&contest.seed));
	return contest.pids[slot] > 0;
}

/* Kills one, every other time him who is inside, and puts another in his place. NULL, or what was wrong. */
static const char *kill_one(void)
{
	int status, slot = -1;

	for (int i = 0; i < 100000 && slot < 0 && contest.kills % 2; i++)
		slot = board->slot - 1;
	if (slot < 0)
		slot = rand_r(&contest.seed) % PROCESSES;
	kill(contest.pids[slot], SIGKILL);
	if (waitpid(contest.pids[slot], &status, 0) < 0 || !WIFSIGNALED(status))
		return "one who contends has ended by himself";
	contest.kills++;
	return start_at(slot) ? NULL : "no process";
}

static const char *contend(void)
{
	struct timespec pause = {.tv_nsec = KILL_EVERY_NS};
	const char *why = NULL;
	long last = 0, since;

	for (int i = 0; i < PROCESSES; i++)
		if (!start_at(i))
			return "no process";
	since = now_ms();
	while (!why && (done() < contest.wanted || board->told == 0)) {
		nanosleep(&pause, NULL); /* the moment is the test */
		why = kill_one();
		if (board->wrong)
			why = "two were inside, a token did not grow, or a death was not told";
		if (now_ms() - since > contest.pause_ms)
			contest.pause_ms = now_ms() - since;
		if (done() != last)
			since = now_ms();
		last = done();
		if (contest.pause_ms > PATIENCE_MS)
			why = "nobody gets on";
	}
	return why;
}

/* Each of them has his turn once more, and ends. */
static const char *await_all(void)
{
	long end = now_ms() + PATIENCE_MS;
	const char *why = NULL;
	int status;

	board->over = true;
	for (int i = 0; i < PROCESSES && !why; i++) {
		while (waitpid(contest.pids[i], &status, WNOHANG) == 0 && now_ms() <= end)
			usleep(1000);
		if (now_ms() > end)
			why = "not all of them end";
		else if (status != 0)
			why = "one who contends has ended by himself";
		contest.pids[i] = why ? contest.pids[i] : 0;
	}
	for (int i = 0; i < PROCESSES; i++)
		if (contest.pids[i] > 0)
			kill(contest.pids[i], SIGKILL);
	return why;
}

/* Nobody has it, and nobody waits. */
static const char *look_at_the_end(struct ipcfs_object *lock)
{
	struct ipcfs_grant grant;
	char text[4096] = "", file[300];
	int fd;

	if (ipcfs_lock_acquire(lock, 0, 0, &grant) != 0 ||
	    ipcfs_lock_release(lock, grant.token) != 0)
		return "the lock is not free at the end";
	snprintf(file, sizeof(file), "%s,stat", path);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0 || !strstr(text, "\nwaiters 0\n"))
		return "somebody is parked at the end";
	close(fd);
	for (int way = 0; way < WAYS; way++)
		if (board->done[way] == 0)
			return "one way never came in";
	return NULL;
}

int main(void)
{
	struct ipcfs_object *lock;
	const char *why, *also;

	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) < 0 || !getenv("IPCFS")) {
		printf("skip crash_lock needs root, /dev/fuse and IPCFS\n");
		return 77;
	}
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (board == MAP_FAILED)
		return 1;
	contest.store = crash_store();
	contest.seed = (unsigned)getpid();
	contest.wanted = getenv("LONG") ? 10 * ACQUISITIONS : ACQUISITIONS;
	lock = crash_object(contest.store, IPCFS_LOCK, "l", NULL);
	why = set_up(contest.store);
	if (!why) {
		why = contend();
		also = await_all();
		why = why ? why : also;
		why = why ? why : look_at_the_end(lock);
	}
	printf("%s %ld, %s %ld, %s %ld; longest pause %ld ms; wrong at line %d\n", way_names[0],
	       board->done[0], way_names[1], board->done[1], way_names[2], board->done[2],
	       contest.pause_ms, board->wrong);
	crash_result(!why, "one_lock",
		     "%ld acquisitions of %d processes, %ld killed, %ld deaths inside told%s%s",
		     done(), PROCESSES, contest.kills, board->told, why ? ": " : "",
		     why ? why : "");
	return crash_end();
}
