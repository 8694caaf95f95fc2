/* SPDX-License-Identifier: MIT
 *
 * test_signal.c - signals/PID: waiting for a process's end, sending it signals exactly as far as kill(2) would let the
 * opener, and looking at what it does with them.
 */
#include "t.h"

#include <fnmatch.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

static const char *of(pid_t pid)
{
	return t_path("signals/%d", (int)pid);
}

static const char *words(void)
{
	return t_run("tail -n 1 %s/errors", t_mnt)->out;
}

static int sleeps(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static pid_t sleeper(void)
{
	return t_spawn(sleeps, NULL);
}

static void nothing(int signal)
{
	(void)signal;
}

/* It runs no more, but is still waited for. */
static void end(pid_t pid)
{
	siginfo_t info;

	kill(pid, SIGKILL);
	t_is(t_sys(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT)), 0);
}

/* ---- its end --------------------------------------------------------------------------------------- */

static void its_end_is_waited_for(void **state)
{
	(void)state;
	pid_t pid = sleeper();
	struct t_io one = t_reader(of(pid), O_RDONLY), two = t_reader(of(pid), O_RDWR);
	int fd = t_open(of(pid), O_RDONLY);
	char buf[8];

	t_wait_stat(of(pid), "readers", 2);
	t_is(t_stat(of(pid), "ended"), 0);
	end(pid);
	t_io_got(&one, "gone\n");
	t_io_got(&two, "gone\n");
	t_gets(fd, "gone\n");
	t_is(t_get(fd, buf, sizeof(buf)), 0);
	t_gets(fd, "gone\n");
	t_is(t_get(fd, buf, sizeof(buf)), 0);
	t_shows(of(pid), "gone\n"); /* his number is still his own */
	t_is(t_stat(of(pid), "ended"), 1);
	t_is(t_wait(pid), 128 + SIGKILL);
	t_is(t_open(of(pid), O_RDONLY), -ESRCH);
	t_check(strstr(words(), t_format("there is no process %d", (int)pid)));
	t_is(t_exists(of(pid)), -ESRCH);
	t_is(t_get(fd, buf, 3), 3);
	t_gets(fd, "e\n");
	close(fd);
	t_is(t_number(t_run("ls -l /proc/%d/fd | grep -c pidfd; true", t_server())->out, ""),
	     -ENODATA);
}

static void many_processes_and_many_who_wait(void **state)
{
	(void)state;
	enum { PROCESSES = 50, READERS = 4 };
	struct t_io readers[PROCESSES][READERS];
	pid_t pids[PROCESSES];

	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = sleeper();
		for (int k = 0; k < READERS; k++)
			readers[i][k] = t_reader(of(pids[i]), O_RDONLY);
		t_wait_stat(of(pids[i]), "readers", READERS);
	}
	for (int i = PROCESSES - 1; i >= 0; i--) {
		t_is(t_status("parked"), (i + 1) * READERS);
		t_kill(pids[i]);
		for (int k = 0; k < READERS; k++)
			t_io_got(&readers[i][k], "gone\n");
	}
	t_until(t_number(t_run("echo n $(ls -l /proc/%d/fd | grep -c pidfd)", t_server())->out,
			 "n") == 0);
}

static void how_a_wait_ends(void **state)
{
	(void)state;
	pid_t pid = sleeper();
	int64_t ns = 20000000;
	char buf[8];

	t_is(t_get(t_open(of(pid), O_RDONLY | O_NONBLOCK), buf, 8), -EAGAIN);
	t_is(t_get(t_open(t_format("%s,timeout=0", of(pid)), O_RDONLY), buf, 8), -EAGAIN);
	t_is(t_get(t_open(t_format("%s,timeout=20ms", of(pid)), O_RDONLY), buf, 8), -ETIMEDOUT);
	int fd = t_open(of(pid), O_RDWR);
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	t_is(t_get(fd, buf, 8), -ETIMEDOUT);
	struct t_io io = t_reader(of(pid), O_RDONLY);
	t_wait_stat(of(pid), "readers", 1);
	t_kill(io.pid);
	t_wait_stat(of(pid), "readers", 0);
	t_runs(124, "timeout -s INT 0.2 cat %s", of(pid));
	io = t_reader(of(pid), O_RDONLY);
	t_wait_stat(of(pid), "readers", 1);
	t_umount();
	t_is(t_io_result(&io), -ESHUTDOWN);
	t_mount(NULL);
	io = t_reader(of(pid), O_RDONLY);
	t_wait_stat(of(pid), "readers", 1);
	t_kill(pid);
	t_io_got(&io, "gone\n");
}

static int interrupted_by_usr1(void *arg)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
	char buf[8];

	sigaction(SIGUSR1, &action, NULL);
	return (int)-t_get(t_open(arg, O_RDONLY), buf, sizeof(buf));
}

static void a_wait_is_interrupted_by_a_signal_through_it(void **state)
{
	(void)state;
	pid_t pid = sleeper(), waiter = t_spawn(interrupted_by_usr1, (void *)of(pid));

	t_wait_stat(of(pid), "readers", 1);
	t_is(t_echo(of(waiter), "USR1"), 0);
	t_is(t_wait(waiter), EINTR);
	t_is(t_stat(of(pid), "readers"), 0);
}

static void poll_and_epoll(void **state)
{
	(void)state;
	pid_t pid = sleeper();
	int fd = t_open(of(pid), O_RDWR), epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};

	t_is(t_poll(fd, POLLIN | POLLOUT, 0), POLLOUT);
	t_is(t_sys(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)), 0);
	t_is(epoll_wait(epoll, &event, 1, 0), 0);
	kill(pid, SIGKILL);
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_is(epoll_wait(epoll, &event, 1, T_LIMIT_MS), 1);
	t_gets(fd, "gone\n");
	t_is(t_poll(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
	close(fd);
	close(epoll);
}

static void notify_at_its_end(void **state)
{
	(void)state;
	const struct timespec limit = {.tv_sec = T_LIMIT_MS / 1000};
	pid_t pid = sleeper();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = t_open(t_format("%s,notify=USR2", of(pid)), O_RDONLY);
	t_check(fd >= 0);
	t_is(t_status("handles"), 2);
	t_check(sigtimedwait(&set, NULL, &(struct timespec){0}) < 0);
	kill(pid, SIGKILL);
	t_is(sigtimedwait(&set, NULL, &limit), SIGUSR2);
	t_status("pid");
	t_check(sigtimedwait(&set, NULL, &(struct timespec){0}) < 0);
	close(fd);
}

/* ---- a number that another process has now ------------------------------------------------------------- */

/* A child with that number; -errno. */
static pid_t spawn_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};
	long rc = syscall(SYS_clone3, &args, sizeof(args));

	if (rc == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sleeps(NULL);
	}
	return (pid_t)t_sys(rc);
}

static void a_number_is_used_again(void **state)
{
	(void)state;
	pid_t pid = sleeper(), second;
	int fd = t_open(of(pid), O_RDWR), own = open(t_format("/proc/self/fd/%d", fd), O_RDONLY);
	char buf[8];

	t_kill(pid);
	second = spawn_as(pid);
	if (second == -EPERM || second == -EINVAL) /* needs CAP_CHECKPOINT_RESTORE */
		skip();
	t_is(second, pid);
	t_is(t_put(fd, "KILL"), -ESRCH);
	t_check(strstr(words(), "is gone"));
	t_gets(fd, "gone\n");
	t_is(t_poll(fd, POLLIN, 0), POLLIN);
	t_is(t_open(t_format("/proc/self/fd/%d", fd), O_RDONLY), -ESRCH);
	t_gets(own, "gone\n");
	struct t_io io = t_reader(of(pid), O_RDONLY); /* the second */
	t_wait_stat(of(pid), "readers", 1);
	t_is(t_echo(of(pid), "TERM"), 0);
	t_io_got(&io, "gone\n");
	t_is(t_sys(waitpid(second, NULL, 0)), second);
	t_is(t_get(own, buf, 8), 0);
	close(own);
	close(fd);
}

/* ---- sending ------------------------------------------------------------------------------------------- */

static void names_and_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int signal;
	} sent[] = {{"TERM", SIGTERM}, {"SIGTERM", SIGTERM}, {"15\n", SIGTERM}, {" HUP ", SIGHUP},
		    {"KILL", SIGKILL}, {"RTMIN+1", 35},	     {"64", 64},	{"SIGIO", SIGIO}};
	static const char *const bad[] = {"", "FOO", "term", "0", "65", "-15", "TERM HUP", "15x"};
	pid_t pid;

	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		pid = sleeper();
		int fd = t_open(of(pid), O_WRONLY);
		t_is(t_put(fd, sent[i].text), (long)strlen(sent[i].text));
		t_is(t_wait(pid), 128 + sent[i].signal);
		close(fd);
	}
	pid = sleeper();
	int fd = t_open(of(pid), O_WRONLY);
	for (size_t i = 1; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t_is(t_put(fd, bad[i]), -EINVAL);
		t_check(strstr(words(), "is no signal"));
	}
	close(fd);
	t_is(kill(pid, 0), 0);
}

static long send_term(const char *path)
{
	return t_echo(path, "TERM");
}

static int sleep_as(void *arg)
{
	uid_t uid = *(const uid_t *)arg;

	return setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ? 97 : sleeps(NULL);
}

static pid_t sleeper_of(uid_t uid)
{
	pid_t pid = t_spawn(sleep_as, &uid);

	t_until(t_run("stat -c %%u /proc/%d", (int)pid)->out[0] == t_format("%u", uid)[0]);
	return pid;
}

static void whose_processes(void **state)
{
	(void)state;
	static const struct {
		uid_t sender, receiver;
		long result;
	} cases[] = {{T_NOBODY, T_NOBODY, 0},
		     {T_NOBODY, T_OTHER, -EPERM},
		     {T_OTHER, 0, -EPERM},
		     {0, T_OTHER, 0},
		     {0, 0, 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t pid = sleeper_of(cases[i].receiver);

		t_is(t_as(cases[i].sender, send_term, of(pid)), cases[i].result);
		if (cases[i].result == 0) {
			t_is(t_wait(pid), 128 + SIGTERM);
			continue;
		}
		t_check(strstr(words(),
			       t_format("you may not send a signal to process %d", (int)pid)));
		t_is(kill(pid, 0), 0);
		t_shows(t_format("%s,peek", of(pid)), t_run("cat %s,peek", of(pid))->out);
	}
}

static void root_without_the_capability(void **state)
{
	(void)state;
	pid_t pid = sleeper_of(T_OTHER), own = sleeper();
	const char *as = "setpriv --bounding-set=-kill --inh-caps=-kill sh -c";

	t_runs(1, "%s 'kill -0 %d'", as, (int)pid); /* it does what is meant */
	t_runs(1, "%s 'echo TERM > %s'", as, of(pid));
	t_check(strstr(words(), "EPERM"));
	t_is(kill(pid, 0), 0);
	t_runs(0, "%s 'echo TERM > %s'", as, of(own));
	t_is(t_wait(own), 128 + SIGTERM);
}

/* Who is root in a user namespace of his own has all capabilities, there. */
static void root_of_another_user_namespace(void **state)
{
	(void)state;
	pid_t pid = sleeper(), other = sleeper_of(T_OTHER), own = sleeper_of(T_NOBODY);
	const char *as = "setpriv --reuid=65534 --regid=65534 --clear-groups unshare -U -r sh -c";

	if (t_run("%s true", as)->status != 0)
		skip();
	t_runs(1, "%s 'echo TERM > %s'", as, of(pid));
	t_runs(1, "%s 'echo TERM > %s'", as, of(other));
	t_is(kill(pid, 0), 0);
	t_is(kill(other, 0), 0);
	t_runs(0, "%s 'echo TERM > %s'", as, of(own));
	t_is(t_wait(own), 128 + SIGTERM);
}

/* The descriptor is the opener's, whoever writes to it then. */
struct lent {
	const char *path;
	_Atomic int opened;
};

static int open_and_lend(void *arg)
{
	struct lent *lent = arg;
	uid_t uid = T_NOBODY;
	int fd = t_open(lent->path, O_WRONLY);

	lent->opened = 1;
	return fd < 0 ? 98 : dup2(fd, 9) != 9 ? 99 : sleep_as(&uid);
}

static int open_as_nobody(void *arg)
{
	if (setresgid(T_NOBODY, T_NOBODY, T_NOBODY) < 0 ||
	    setresuid(T_NOBODY, T_NOBODY, T_NOBODY) < 0)
		return 97;
	return open_and_lend(arg);
}

static int descriptor_of(pid_t pid, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), got;

	t_until((got = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0)) >= 0);
	close(pidfd);
	return got;
}

static void the_openers_ids_count(void **state)
{
	(void)state;
	struct lent *lent = t_shared(sizeof(*lent));
	pid_t receiver = sleeper(), lender;
	int fd;

	lent->path = of(receiver);
	lender = t_spawn(open_as_nobody, lent);
	fd = descriptor_of(lender, 9);
	t_is(t_put(fd, "TERM"), -EPERM); /* root writes to nobody's */
	t_kill(lender);
	t_is(t_put(fd, "TERM"), -EPERM);
	close(fd);
	t_is(kill(receiver, 0), 0);

	lender = t_spawn(open_and_lend, lent);
	fd = descriptor_of(lender, 9);
	t_kill(lender);
	t_is(t_put(fd, "TERM"), 4);
	t_is(t_wait(receiver), 128 + SIGTERM);
	close(fd);
}

/* Programs of all kinds, run by nobody: a write does what kill(2) does. The senders have sessions of their
 * own: that of the tests may have been begun outside of what can be seen here, as a container's, and then is 0. */
static void as_kill_judges(void **state)
{
	(void)state;
	static const struct {
		uid_t owner;
		mode_t mode;
	} programs[] = {{0, 0755}, {0, 04755}, {T_OTHER, 04755}, {0, 02755}, {T_NOBODY, 06755}};
	static const uid_t senders[] = {T_NOBODY, T_OTHER, 0};
	static const int signals[] = {SIGCONT, SIGURG};
	const char *script =
		"import os,sys\n"
		"u=int(sys.argv[1]); os.setresgid(u,u,u); os.setgroups([]); os.setresuid(u,u,u)\n"
		"def a(f):\n"
		"  try: f()\n"
		"  except OSError as e: return e.errno\n"
		"  return 0\n"
		"p=int(sys.argv[2])\n"
		"def w():\n"
		"  f=os.open(sys.argv[3],os.O_WRONLY)\n"
		"  os.write(f,sys.argv[4].encode())\n"
		"x,y=a(lambda: os.kill(p,int(sys.argv[4]))), a(w)\n"
		"print(x,y); sys.exit(x!=y)\n";

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		const char *program = t_format("%s/kill%zu", t_base, i);

		t_is(t_run("cp /usr/bin/sleep %s", program)->status, 0);
		t_is(t_sys(chown(program, programs[i].owner, programs[i].owner)), 0);
		t_is(t_sys(chmod(program, programs[i].mode)), 0);
		pid_t pid = t_shell(
			NULL, "exec setpriv --reuid=65534 --regid=65534 --clear-groups %s 1000",
			program);
		t_until(t_run("grep -q ^kill /proc/%d/comm", (int)pid)->status == 0);
		for (size_t k = 0; k < sizeof(senders) / sizeof(senders[0]); k++) {
			for (size_t n = 0; n < sizeof(signals) / sizeof(signals[0]); n++)
				t_runs(0, "setsid -w /usr/bin/python3 -c '%s' %u %d %s %d", script,
				       senders[k], (int)pid, of(pid), signals[n]);
		}
		t_kill(pid);
	}
	/* CONT reaches all of one's own session. */
	t_runs(0,
	       "setsid -w bash -c 'sleep 1000 & p=$!; /usr/bin/python3 -c \"$0\" %u $p $1/$p 18; "
	       "rc=$?; kill -9 $p; exit $rc' '%s' %s/signals | grep -qx '0 0'",
	       T_NOBODY, script, t_mnt);
	t_runs(1,
	       "setsid -w bash -c 'setsid sleep 1000 & p=$!; until [ \"$(ps -o sess= $p)\" -eq $p "
	       "]; do :; done; "
	       "setpriv --reuid=65534 --regid=65534 --clear-groups sh -c \"echo CONT > "
	       "%s/signals/$p\"; "
	       "rc=$?; kill -9 $p; exit $rc'",
	       t_mnt);
}

/* ---- looking ------------------------------------------------------------------------------------------- */

static int with_masks(void *arg)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGBUS, SIG_DFL);
	signal(SIGUSR1, nothing);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGRTMIN + 2);
	sigprocmask(SIG_SETMASK, &set, NULL);
	*(_Atomic int *)arg = 1;
	return sleeps(NULL);
}

static void masks(void **state)
{
	(void)state;
	_Atomic int *ready = t_shared(sizeof(*ready));
	char shown[400];
	pid_t pid = t_spawn(with_masks, (void *)ready);

	t_until(*ready);
	t_is(t_echo(of(pid), "TERM"), 0);
	t_is(t_echo(of(pid), "RTMIN+2"), 0);
	t_is(t_cat(t_format("%s,peek", of(pid)), shown, sizeof(shown)) > 0, 1);
	/* Those of the C library it may have from whoever ran the test. */
	t_is(fnmatch("blocked HUP TERM RTMIN+2\nignored PIPE*\ncaught USR1\npending TERM "
		     "RTMIN+2\n",
		     shown, 0),
	     0);
	int fd = t_open(t_format("%s,watch", of(pid)), O_RDONLY | O_NONBLOCK);
	char buf[100];
	t_is(t_poll(fd, POLLIN, 0), POLLIN);
	t_gets(fd, shown);
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	int peek = t_open(t_format("%s,peek", of(pid)), O_RDONLY);
	kill(pid, SIGKILL);
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_gets(fd, "gone\n");
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_wait(pid);
	t_is(t_get(peek, buf, sizeof(buf)), -ESRCH);
	close(fd);
	close(peek);
}

static void what_stat_says(void **state)
{
	(void)state;
	pid_t pid = sleeper_of(T_OTHER);
	struct stat st;

	t_check(t_stat_has(of(pid), "kind signals"));
	t_is(t_stat(of(pid), "pid"), pid);
	t_is(t_stat(of(pid), "uid"), T_OTHER);
	t_is(t_stat(of(pid), "threads"), 1);
	t_is(t_stat(of(pid), "alarms"), 0);
	t_check(t_stat_has(of(pid), "state S"));
	t_check(t_stat_has(of(pid), "name test_signal"));
	t_is(t_sys(stat(of(pid), &st)), 0);
	t_is(st.st_mode, S_IFREG | 0666);
	t_is(st.st_uid, T_OTHER);
}

/* ---- names --------------------------------------------------------------------------------------------- */

static void names_that_are_no_process(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int rc;
	} names[] = {{"0", -EINVAL},	    {"00001", -EINVAL},
		     {"1x", -EINVAL},	    {"4194305", -EINVAL},
		     {"99999999", -EINVAL}, {"4194304", -ESRCH},
		     {"1/x", -ENOTDIR},	    {"12345678901234567890", -EINVAL}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		print_message("    %s\n", names[i].name);
		t_is(t_open(t_path("signals/%s", names[i].name), O_RDWR), names[i].rc);
		t_is(t_open(t_path("signals/%s", names[i].name), O_RDWR | O_CREAT), names[i].rc);
	}
	t_is(t_sys(mkdir(t_path("signals/1a"), 0777)), -EINVAL);
	t_is(t_sys(mkdir(t_path("signals/team"), 0777)), 0);
	t_is(t_touch(t_path("signals/team/1")), -EINVAL);
	t_is(t_touch(t_path("signals/team/self")), 0);
	t_is(t_touch(t_path("signals/name")), 0);
	t_is(t_sys(rename(t_path("signals/name"), t_path("signals/1a"))), -EINVAL);
	t_is(t_sys(rename(t_path("signals/name"), of(getpid()))), -EEXIST);
	t_is(t_sys(rename(t_path("signals/name"), t_path("signals/4194304"))), -ESRCH);
	t_check(strstr(t_run("ls %s/signals | xargs", t_mnt)->out, "name team\n"));
}

static void it_stays_as_it_is(void **state)
{
	(void)state;
	pid_t pid = sleeper();

	t_is(t_sys(unlink(of(pid))), -EPERM);
	t_is(t_sys(rmdir(of(pid))), -ENOTDIR);
	t_is(t_sys(rename(of(pid), t_path("signals/x"))), -EPERM);
	t_is(t_sys(chmod(of(pid), 0600)), -EPERM);
	t_is(t_sys(chown(of(pid), T_OTHER, T_OTHER)), -EPERM);
	t_is(t_sys(utimes(of(pid), NULL)), -EPERM);
	t_is(t_sys(mkdir(of(pid), 0777)), -EEXIST);
	t_is(t_sys(link(of(pid), t_path("signals/l"))), -EPERM);
	t_is(t_open(t_format("%s,join", of(pid)), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,temp", of(pid)), O_RDWR | O_CREAT), -EEXIST);
	t_is(t_open(of(pid), O_RDWR | O_CREAT | O_EXCL), -EEXIST);
	t_is(t_open(t_format("%s,peek", of(pid)), O_RDWR), -EINVAL);
	t_is(kill(pid, 0), 0);
}

struct threads {
	pid_t tid;
};

static int two_threads(void *arg)
{
	static char stack[65536];
	struct threads *threads = arg;

	threads->tid = clone((int (*)(void *))sleeps, stack + sizeof(stack),
			     CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
			     NULL);
	return sleeps(NULL);
}

static void a_thread_is_no_process(void **state)
{
	(void)state;
	struct threads *threads = t_shared(sizeof(*threads));
	pid_t pid = t_spawn(two_threads, threads);

	t_until(threads->tid > 0);
	t_is(t_open(of(threads->tid), O_RDWR), -ESRCH);
	t_check(strstr(words(), t_format("is a thread of process %d", (int)pid)));
	t_is(t_stat(of(pid), "threads"), 2);
}

static void self(void **state)
{
	(void)state;
	t_runs(0, "[ $(bash -c 'exec 3<%s/signals/self,stat; grep -c \"pid $$\" <&3') = 1 ]",
	       t_mnt);
	t_runs(128 + SIGTERM, "echo TERM > %s/signals/self; sleep 1000", t_mnt);
	/* Who waits for his own end waits until he is killed. */
	t_runs(124, "timeout 0.2 cat %s/signals/self", t_mnt);
}

/* Numbers are the server's. */
static void another_pid_namespace(void **state)
{
	(void)state;
	const char *in = "unshare --pid --fork --mount-proc bash -c";

	t_runs(1, "%s 'echo TERM > %s/signals/1'", in, t_mnt);
	t_check(strstr(words(), "EOPNOTSUPP"));
	t_check(strstr(words(), "another pid namespace"));
	t_runs(1, "%s 'cat %s/signals/4194303'", in, t_mnt);
	t_check(strstr(words(), "EOPNOTSUPP"));
	t_runs(1, "%s 'cat %s/signals/%d,peek'", in, t_mnt, (int)getpid());
	t_runs(0, "%s 'trap \"exit 0\" USR1; echo USR1 > %s/signals/self; exit 3'", in, t_mnt);
	/* Channels are for all. */
	t_is(t_touch(t_path("signals/all")), 0);
	t_runs(0,
	       "%s 'trap \"exit 0\" USR1; exec 3< %s/signals/all,join; echo USR1 > %s/signals/all; "
	       "while :; do sleep 0.01; done'",
	       in, t_mnt, t_mnt);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(its_end_is_waited_for),
		T_TEST(many_processes_and_many_who_wait),
		T_TEST(how_a_wait_ends),
		T_TEST(a_wait_is_interrupted_by_a_signal_through_it),
		T_TEST(poll_and_epoll),
		T_TEST(notify_at_its_end),
		T_TEST(a_number_is_used_again),
		T_TEST(names_and_numbers),
		T_TEST(whose_processes),
		T_TEST(root_without_the_capability),
		T_TEST(root_of_another_user_namespace),
		T_TEST(the_openers_ids_count),
		T_TEST(as_kill_judges),
		T_TEST(masks),
		T_TEST(what_stat_says),
		T_TEST(names_that_are_no_process),
		T_TEST(it_stays_as_it_is),
		T_TEST(a_thread_is_no_process),
		T_TEST(self),
		T_TEST(another_pid_namespace),
	};
	return T_RUN(tests, argc, argv);
}
