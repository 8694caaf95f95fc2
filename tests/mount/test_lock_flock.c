/* SPDX-License-Identifier: MIT
 *
 * test_lock_flock.c - contract, section 4: flock(2) on `locks/x` is that lock, and so flock(1) and Python's
 * fcntl.flock are; conversions as flock(2) has them; other kinds have no flock(2), and nothing has record locks.
 */
#include "agent.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>

static const char *make(const char *name)
{
	const char *l = t_path("locks/%s", name);

	t_is(t_touch(l), 0);
	setenv("L", l, 1);
	return l;
}

static long flock_of(int fd, int operation)
{
	return t_sys(flock(fd, operation));
}

/* An agent that has it by flock(2). */
static struct agent holder(const char *l, int operation)
{
	struct agent a = agent_start(l, 0);

	t_is(agent_does(&a, AGENT_FLOCK, operation), 0);
	return a;
}

/* One that waits, as the n-th. */
static struct agent waiter(const char *l, int operation, int n)
{
	struct agent a = agent_start(l, 0);

	agent_post(&a, AGENT_FLOCK, operation);
	t_wait_stat(l, "waiters", n);
	return a;
}

/* ---- one lock --------------------------------------------------------------------------------- */

static void flock_is_the_lock(void **state)
{
	(void)state;
	const char *l = make("one");
	char text[64];

	int fd = t_open(l, O_RDWR), other = t_open(l, O_RDONLY);
	t_is(flock_of(fd, LOCK_EX), 0);
	t_is((long)agent_try(l, NULL), 0);
	t_is(flock_of(other, LOCK_EX | LOCK_NB), -EAGAIN);
	t_is(flock_of(other, LOCK_SH | LOCK_NB), -EAGAIN);
	long token = t_stat(l, "token");
	t_is(t_run("grep -q '^holder %d %u [0-9]*$' %s,stat", getpid(), getuid(), l)->status, 0);
	t_check(t_get(fd, text, sizeof(text)) > 1);
	t_is(strtol(text, NULL, 10) == token, 1); /* it has a token, as any holder */
	t_is(flock_of(fd, LOCK_EX), 0);		  /* it has it already */
	t_is(t_stat(l, "token") == token, 1);
	t_is(flock_of(fd, LOCK_UN), 0);
	t_is(flock_of(fd, LOCK_UN), 0); /* nothing to give back is no error */
	t_check(agent_is_free(l));
	close(fd);
	close(other);
}

/* What one way has acquired the other gives back, but for somebody else's. */
static void either_way_gives_back(void **state)
{
	(void)state;
	const char *l = make("either");
	char text[64];

	int fd = t_open(l, O_RDWR), other = t_open(l, O_RDWR);
	t_check(t_get(fd, text, sizeof(text)) > 1);
	t_is(flock_of(other, LOCK_UN), 0);
	t_is(flock_of(other, LOCK_EX | LOCK_NB), -EAGAIN);
	t_is(flock_of(fd, LOCK_UN), 0);
	t_is(flock_of(other, LOCK_EX | LOCK_NB), 0);
	t_is(t_put(fd, "unlock"), -EPERM);
	t_is(t_put(other, "unlock"), 6);
	t_is(flock_of(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	t_check(agent_is_free(l));
	close(other);
}

static void many_share_it(void **state)
{
	(void)state;
	const char *l = make("share");
	struct agent a = holder(l, LOCK_SH), b = agent_start(t_format("%s,shared", l), 0),
		     c = holder(l, LOCK_SH);

	agent_takes(&b);
	t_is(t_run("[ $(grep -c ' shared$' %s,peek) = 3 ]", l)->status, 0);
	struct agent w = waiter(l, LOCK_EX, 1);
	t_is(agent_does(&a, AGENT_FLOCK, LOCK_UN), 0);
	t_is(agent_says(&b, "unlock"), 6);
	t_check(agent_waits(&w));
	agent_closes(&c);
	t_is(agent_result(&w), 0);
	t_is((long)agent_try(t_format("%s,shared", l), NULL), 0);
}

/* Every descriptor of the open file is the holder, as with flock(2). */
static void copies_of_a_descriptor(void **state)
{
	(void)state;
	const char *l = make("copies");

	int fd = t_open(l, O_RDWR), copy = dup(fd);
	t_is(flock_of(fd, LOCK_EX), 0);
	t_is(flock_of(copy, LOCK_EX | LOCK_NB), 0);
	close(fd);
	t_is((long)agent_try(l, NULL), 0);
	t_is(flock_of(copy, LOCK_UN), 0);
	t_check(agent_is_free(l));
	close(copy);
}

/* ---- waiting ------------------------------------------------------------------------------------- */

static void readers_and_flocks_stand_in_one_line(void **state)
{
	(void)state;
	const char *l = make("line");
	struct agent a = holder(l, LOCK_EX), w[10];

	for (int i = 0; i < 10; i++) {
		w[i] = agent_start(l, 0);
		agent_post(&w[i], i % 3 ? AGENT_FLOCK : AGENT_READ, LOCK_EX);
		t_wait_stat(l, "waiters", i + 1);
	}
	t_is(agent_does(&a, AGENT_FLOCK, LOCK_UN), 0);
	for (int i = 0; i < 10; i++) {
		t_check(agent_result(&w[i]) >= 0);
		t_is(t_stat(l, "waiters"), 9 - i);
		if (i % 2)
			t_is(agent_does(&w[i], AGENT_FLOCK, LOCK_UN), 0);
		else
			agent_closes(&w[i]);
	}
	t_check(agent_is_free(l));
}

/* flock(2) does not care for O_NONBLOCK; LOCK_NB alone says it. */
static void o_nonblock_is_not_lock_nb(void **state)
{
	(void)state;
	const char *l = make("nonblock");
	struct agent a = holder(l, LOCK_EX), b = agent_start(l, O_NONBLOCK);

	t_is(agent_does(&b, AGENT_FLOCK, LOCK_EX | LOCK_NB), -EAGAIN);
	agent_post(&b, AGENT_FLOCK, LOCK_EX);
	t_wait_stat(l, "waiters", 1);
	t_is(agent_does(&a, AGENT_FLOCK, LOCK_UN), 0);
	t_is(agent_result(&b), 0);
}

static void a_handle_with_a_timeout(void **state)
{
	(void)state;
	const char *l = make("timeout");
	struct agent a = holder(l, LOCK_EX);
	int64_t ns = 30000000;

	int fd = t_open(t_format("%s,timeout=60ms", l), O_RDWR);
	int64_t start = t_now_ms();
	t_is(flock_of(fd, LOCK_EX), -ETIMEDOUT);
	t_check(t_now_ms() - start >= 59);
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	t_is(flock_of(fd, LOCK_SH), -ETIMEDOUT);
	t_is(t_stat(l, "waiters"), 0);
	t_is(agent_does(&a, AGENT_FLOCK, LOCK_UN), 0);
	t_is(flock_of(fd, LOCK_SH), 0);
	close(fd);
}

static void a_signal_is_eintr(void **state)
{
	(void)state;
	const char *l = make("signal");
	struct agent a = holder(l, LOCK_EX), b = waiter(l, LOCK_EX, 1), c = waiter(l, LOCK_SH, 2);
	long token = t_stat(l, "token");

	kill(b.pid, SIGUSR1);
	t_is(agent_result(&b), -EINTR);
	t_is(t_stat(l, "waiters"), 1);
	t_is(agent_does(&a, AGENT_FLOCK, LOCK_UN), 0);
	t_is(agent_result(&c), 0);
	t_is(t_stat(l, "token") == token + 1, 1); /* the other has taken nothing */
}

struct restarted {
	const char *path;
	_Atomic int handled;
	_Atomic int result; /* 1 + that of flock(2) */
};
static struct restarted *restarted;

static void count_it(int sig)
{
	(void)sig;
	restarted->handled++;
}

static int flock_with_restart(void *arg)
{
	struct sigaction action = {.sa_handler = count_it, .sa_flags = SA_RESTART};
	struct restarted *r = arg;
	int fd = t_open(r->path, O_RDWR);

	sigaction(SIGUSR1, &action, NULL);
	r->result = 1 - flock_of(fd, LOCK_EX);
	return 0;
}

/* The kernel begins a flock(2) again, as it does not for read(2). */
static void with_restart_it_is_begun_again(void **state)
{
	(void)state;
	const char *l = make("restart");
	struct agent a = holder(l, LOCK_EX);
	pid_t pid;

	restarted = t_shared(sizeof(*restarted));
	restarted->path = l;
	pid = t_spawn(flock_with_restart, restarted);
	t_wait_stat(l, "waiters", 1);
	kill(pid, SIGUSR1);
	t_until(restarted->handled == 1);
	t_wait_stat(l, "waiters", 1);
	t_is(restarted->result, 0);
	t_is(agent_does(&a, AGENT_FLOCK, LOCK_UN), 0);
	t_is(t_wait(pid), 0);
	t_is(restarted->result, 1);
}

static void a_killed_waiter_has_taken_nothing(void **state)
{
	(void)state;
	const char *l = make("killed");
	struct agent a = holder(l, LOCK_EX);
	long token = t_stat(l, "token");

	for (int i = 0; i < 5; i++) {
		struct agent b = waiter(l, i % 2 ? LOCK_EX : LOCK_SH, 1);
		t_kill(b.pid);
		t_wait_stat(l, "waiters", 0);
	}
	t_is(agent_does(&a, AGENT_FLOCK, LOCK_UN), 0);
	bool abandoned = true;
	t_is(agent_try(l, &abandoned) == token + 1, 1);
	t_check(!abandoned);
}

/* ---- conversions ------------------------------------------------------------------------------------ */

static void exclusive_becomes_shared(void **state)
{
	(void)state;
	const char *l = make("down");
	struct agent a = holder(l, LOCK_EX), writer = waiter(l, LOCK_EX, 1);

	t_is(agent_does(&a, AGENT_FLOCK, LOCK_SH), 0); /* at no moment was it the writer's */
	t_check(agent_waits(&writer));
	t_is(t_run("grep -q ' shared$' %s,peek", l)->status, 0);
	struct agent b = waiter(l, LOCK_SH, 2); /* behind the writer */
	t_is(agent_does(&a, AGENT_FLOCK, LOCK_UN), 0);
	t_is(agent_result(&writer), 0);
	t_check(agent_waits(&b));
	t_is(agent_does(&writer, AGENT_FLOCK, LOCK_SH), 0);
	t_is(agent_result(&b), 0); /* which it lets in */
}

static void shared_becomes_exclusive(void **state)
{
	(void)state;
	const char *l = make("up");
	struct agent a = holder(l, LOCK_SH);

	t_is(agent_does(&a, AGENT_FLOCK, LOCK_EX | LOCK_NB), 0);
	t_is((long)agent_try(t_format("%s,shared", l), NULL), 0);
	t_is(agent_does(&a, AGENT_FLOCK, LOCK_SH), 0);
	struct agent b = holder(l, LOCK_SH);
	agent_post(&a, AGENT_FLOCK, LOCK_EX);
	t_wait_stat(l, "waiters", 1);
	t_is(t_run("[ $(grep -c ' shared$' %s,peek) = 1 ]", l)->status, 0); /* given back first */
	/* and so two who want it end, where none would if each kept what it shares */
	t_is(agent_does(&b, AGENT_FLOCK, LOCK_EX | LOCK_NB), -EAGAIN);
	t_is(agent_result(&a), 0);
	t_is(agent_does(&b, AGENT_FLOCK, LOCK_UN),
	     0); /* it has lost what it had, as flock(2) says */
	t_is(agent_does(&a, AGENT_FLOCK, LOCK_UN), 0);
	t_check(agent_is_free(l));
}

static void an_upgrade_stands_in_line(void **state)
{
	(void)state;
	const char *l = make("upline");
	struct agent a = holder(l, LOCK_SH), writer = waiter(l, LOCK_EX, 1);

	agent_post(&a, AGENT_FLOCK, LOCK_EX); /* gives it back: the one who waits has it */
	t_is(agent_result(&writer), 0);
	t_check(agent_waits(&a));
	t_is(agent_does(&writer, AGENT_FLOCK, LOCK_UN), 0);
	t_is(agent_result(&a), 0);
}

/* A read wants what its handle's view says; it changes nothing that flock has. */
static void a_read_converts_nothing(void **state)
{
	(void)state;
	const char *l = make("noconvert");
	char text[64];

	int fd = t_open(l, O_RDWR), sh = t_open(t_format("%s,shared", l), O_RDWR);
	t_is(flock_of(fd, LOCK_SH), 0);
	t_is(t_get(fd, text, sizeof(text)), -EDEADLK);
	t_runs(0, "grep -q 'EDEADLK locks/noconvert: this handle holds the lock shared' $M/errors");
	t_is(t_get(sh, text, sizeof(text)) > 0, 1);
	t_is(flock_of(fd, LOCK_UN), 0);
	t_is(flock_of(sh, LOCK_EX), 0); /* what flock says holds, not the view */
	t_is((long)agent_try(t_format("%s,shared", l), NULL), 0);
	t_is(t_get(sh, text, sizeof(text)), -EDEADLK);
	close(fd);
	close(sh);
	t_check(agent_is_free(l));
}

/* ---- what a person types ---------------------------------------------------------------------------- */

static void flock_of_util_linux(void **state)
{
	(void)state;
	const char *l = make("command");

	t_runs(0, "flock $L -c 'grep -q \"^holder \" $L,stat'");
	t_runs(7, "flock $L sh -c 'exit 7'");
	t_runs(0, "flock -s $L flock -s $L flock -n -s $L true");
	t_runs(1, "flock $L flock -n $L true");
	t_runs(9, "flock -s $L flock -n -E 9 -x $L true");
	t_runs(1, "flock $L flock -w 0.1 $L true");
	t_runs(0, "exec 9<>$L; flock 9; ! flock -n $L true && flock -u 9 && flock -n $L true");
	t_runs(0, "flock $L true && flock -n $L true");
	t_check(agent_is_free(l));
	t_check(t_stat_has(l, "abandoned 0"));
	/* 8 shells, one counter that is no atomic one */
	t_runs(0,
	       "n=%s; echo 0 >$n; for i in 1 2 3 4 5 6 7 8; do\n"
	       "for k in $(seq 25); do (flock 9; x=$(cat $n); echo $((x + 1)) >$n) 9<>$L; done &\n"
	       "done; wait; [ $(cat $n) = 200 ]",
	       t_format("%s/count", t_base));
}

static void flock_of_python(void **state)
{
	(void)state;
	make("python");

	t_runs(0, "python3 -c 'import fcntl, os, errno\n"
		  "a, b = open(os.environ[\"L\"]), open(os.environ[\"L\"], \"r+b\", 0)\n"
		  "fcntl.flock(a, fcntl.LOCK_EX)\n"
		  "try: fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB); raise SystemExit(1)\n"
		  "except BlockingIOError: pass\n"
		  "fcntl.flock(a, fcntl.LOCK_SH)\n"
		  "fcntl.flock(b, fcntl.LOCK_SH)\n"
		  "fcntl.flock(a, fcntl.LOCK_UN)\n"
		  "fcntl.flock(b, fcntl.LOCK_EX)\n"
		  "try: fcntl.lockf(b, fcntl.LOCK_EX); raise SystemExit(2)\n"
		  "except OSError as e: assert e.errno == errno.EOPNOTSUPP'");
}

/* ---- what is refused ------------------------------------------------------------------------------------ */

static void views_and_other_kinds_have_none(void **state)
{
	(void)state;
	static const char *const views[] = {"peek", "watch", "stat"};
	static const char *const others[] = {"queues/f",
					     "semaphores/f",
					     "events/f",
					     "conditions/f",
					     "values/f",
					     "arrays/f,type=q,len=3",
					     "barriers/f,parties=2"};
	const char *l = make("views");

	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		int fd = t_open(t_format("%s,%s", l, views[i]), O_RDONLY);
		t_is(flock_of(fd, LOCK_SH), -EOPNOTSUPP);
		close(fd);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		int fd = t_open(t_path("%s", others[i]), O_RDWR | O_CREAT);
		t_check(fd >= 0);
		t_is(flock_of(fd, LOCK_EX), -EOPNOTSUPP);
		t_is(flock_of(fd, LOCK_SH | LOCK_NB), -EOPNOTSUPP);
		t_is(flock_of(fd, LOCK_UN), -EOPNOTSUPP);
		close(fd);
	}
	int fd = t_open(t_path("status"), O_RDONLY);
	t_is(flock_of(fd, LOCK_EX), -EOPNOTSUPP);
	close(fd);
	t_runs(0, "grep -q 'EOPNOTSUPP queues/f: this file has no flock(2)$' $M/errors");
}

static void record_locks_are_refused(void **state)
{
	(void)state;
	static const char *const files[] = {"locks/record", "queues/record", "values/record"};
	static const int commands[] = {F_SETLK, F_SETLKW, F_GETLK, F_OFD_SETLK, F_OFD_SETLKW};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		int fd = t_open(t_path("%s", files[i]), O_RDWR | O_CREAT);
		for (size_t k = 0; k < sizeof(commands) / sizeof(*commands); k++) {
			struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
			t_is(t_sys(fcntl(fd, commands[k], &lock)), -EOPNOTSUPP);
		}
		close(fd);
	}
	t_check(agent_is_free(t_path("locks/record")));
	t_runs(0, "grep -q 'EOPNOTSUPP locks/record: there are no record locks$' $M/errors");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(flock_is_the_lock),
		T_TEST(either_way_gives_back),
		T_TEST(many_share_it),
		T_TEST(copies_of_a_descriptor),
		T_TEST(readers_and_flocks_stand_in_one_line),
		T_TEST(o_nonblock_is_not_lock_nb),
		T_TEST(a_handle_with_a_timeout),
		T_TEST(a_signal_is_eintr),
		T_TEST(with_restart_it_is_begun_again),
		T_TEST(a_killed_waiter_has_taken_nothing),
		T_TEST(exclusive_becomes_shared),
		T_TEST(shared_becomes_exclusive),
		T_TEST(an_upgrade_stands_in_line),
		T_TEST(a_read_converts_nothing),
		T_TEST(flock_of_util_linux),
		T_TEST(flock_of_python),
		T_TEST(views_and_other_kinds_have_none),
		T_TEST(record_locks_are_refused),
	};

	return T_RUN(tests, argc, argv);
}
