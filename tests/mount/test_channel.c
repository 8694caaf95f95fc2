/* SPDX-License-Identifier: MIT
 *
 * test_channel.c - signals/NAME: who waits is told of each firing, who has joined is sent each, by whomever it is fired;
 * and alarms, which send and fire when their handles are long gone.
 */
#include "t.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "hold.h"

static const struct timespec at_once = {0}, limit = {.tv_sec = T_LIMIT_MS / 1000};

static const char *channel(const char *name)
{
	const char *path = t_path("signals/%s", name);

	t_is(t_touch(path), 0);
	return path;
}

static sigset_t signals;

static void block(void)
{
	sigfillset(&signals);
	sigdelset(&signals, SIGALRM);
	sigdelset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* The signal that is pending, taken; 0: none. A request that was answered is followed by its signals before the next
 * one is. */
static int told(void)
{
	int sig;

	t_status("pid");
	sig = sigtimedwait(&signals, NULL, &at_once);
	return sig < 0 ? 0 : sig;
}

static int joined(const char *path, const char *how)
{
	int fd;

	block();
	fd = t_open(t_format("%s,%s", path, how), O_RDONLY);
	t_check(fd >= 0);
	return fd;
}

/* ---- those who wait ------------------------------------------------------------------------------------ */

static void all_who_wait_are_told(void **state)
{
	(void)state;
	enum { READERS = 20 };
	const char *c = channel("all");
	struct ipcfs_object *o = t_attach(IPCFS_SIGNAL, "all", NULL);
	struct t_io readers[READERS];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < READERS; i++)
			readers[i] = t_reader(c, O_RDONLY);
		t_wait_stat(c, "readers", READERS);
		t_kill(readers[3].pid);
		if (round % 2)
			t_is(t_again(ipcfs_channel_fire(o, SIGHUP)), 0);
		else
			t_is(t_echo(c, "HUP"), 0);
		for (int i = 0; i < READERS; i++)
			if (i != 3)
				t_io_got(&readers[i], "HUP\n");
		t_is(t_stat(c, "fired"), round + 1);
	}
}

/* Each handle has a place of its own in the row: between two reads nothing is lost. */
static void nothing_is_lost_between_two_reads(void **state)
{
	(void)state;
	const char *c = channel("row");
	int one = t_open(c, O_RDWR | O_NONBLOCK), two, out = t_open(c, O_WRONLY);
	char buf[16];

	t_is(t_put(out, "USR1"), 4);
	two = t_open(c, O_RDWR | O_NONBLOCK);
	t_is(t_poll(one, POLLIN, 0), POLLIN);
	t_is(t_poll(two, POLLIN, 0), 0);
	t_is(t_put(out, "USR2"), 4);
	t_is(t_put(out, "TERM"), 4);
	t_gets(one, "USR1\n");
	t_gets(two, "USR2\n");
	t_gets(one, "USR2\n");
	t_gets(one, "TERM\n");
	t_is(t_poll(one, POLLIN | POLLOUT, 0), POLLOUT);
	t_is(t_get(one, buf, sizeof(buf)), -EAGAIN);
	t_gets(two, "TERM\n");
	close(one);
	close(two);
	close(out);
}

static void late_readers_are_told_of_each_signal_once(void **state)
{
	(void)state;
	const char *c = channel("late");
	struct ipcfs_object *o = t_attach(IPCFS_SIGNAL, "late", NULL);
	int fd = t_open(c, O_RDWR | O_NONBLOCK), told_of = 0;
	char buf[16];

	t_is(ipcfs_channel_fire(o, SIGTERM), 0);
	for (int i = 0; i < 5000; i++)
		t_is(t_again(ipcfs_channel_fire(o, i % 2 ? SIGUSR1 : SIGUSR2)), 0);
	t_gets(fd, "TERM\n");
	for (; t_get(fd, buf, sizeof(buf)) > 0; told_of++)
		t_check(!strncmp(buf, "USR", 3));
	t_is(told_of, 2047);
	close(fd);
}

static int wait_in_the_library(void *arg)
{
	uint64_t seen = 0;
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, IPCFS_SIGNAL, arg);

	return o ? ipcfs_channel_wait(o, &seen, IPCFS_FOREVER) : 99;
}

static void the_library_waits(void **state)
{
	(void)state;
	const char *c = channel("lib");
	pid_t pid = t_spawn(wait_in_the_library, "lib");

	t_is(t_echo(c, "RTMIN"), 0);
	t_is(t_wait(pid), 34);
}

static void notify(void **state)
{
	(void)state;
	const char *c = channel("notify");
	int fd = joined(c, "notify=USR1"), other = t_open(c, O_WRONLY);
	char buf[16];

	t_is(told(), 0);
	t_is(t_put(other, "TERM"), 4);
	t_is(told(), SIGUSR1);
	t_is(t_put(other, "TERM"), 4);
	t_is(told(), 0);
	t_gets(fd, "TERM\n");
	t_is(t_get(fd, buf, sizeof(buf)), 0);
	t_is(told(), SIGUSR1); /* the next is there already */
	t_gets(fd, "TERM\n");
	t_is(told(), 0);
	t_is(t_put(other, "HUP"), 3);
	t_is(told(), SIGUSR1);
	close(fd);
	close(other);
}

/* ---- members ------------------------------------------------------------------------------------------- */

static void members_are_sent_what_is_fired(void **state)
{
	(void)state;
	const char *c = channel("members");
	int fd = joined(c, "join"), other;

	t_is(t_stat(c, "members"), 1);
	t_check(t_stat_has(c, t_format("member %d 0", (int)getpid())));
	t_is(told(), 0);
	t_is(t_echo(c, "USR2"), 0);
	t_is(told(), SIGUSR2);
	t_is(told(), 0);
	t_is(t_echo(c, "TERM"), 0);
	t_is(told(), SIGTERM);
	other = joined(c, "join=RTMIN+4"); /* a second time, otherwise */
	t_is(t_echo(c, "HUP"), 0);
	t_is(told(), SIGHUP);
	t_is(told(), SIGRTMIN + 4);
	t_is(told(), 0);
	close(fd);
	t_is(t_stat(c, "members"), 1);
	t_is(t_echo(c, "HUP"), 0);
	t_is(told(), SIGRTMIN + 4);
	close(other);
	t_is(t_stat(c, "members"), 0);
	t_is(t_echo(c, "HUP"), 0);
	t_is(told(), 0);
}

static void a_member_waits_as_well(void **state)
{
	(void)state;
	const char *c = channel("both");
	int fd = joined(c, "join=USR1");

	t_is(t_echo(c, "TERM"), 0);
	t_is(t_echo(c, "HUP"), 0);
	t_gets(fd, "TERM\n");
	close(fd);
	fd = t_open(t_format("%s,join", c), O_RDWR | O_NONBLOCK); /* and fires */
	t_is(t_put(fd, "USR2"), 4);
	t_gets(fd, "USR2\n");
	while (told())
		;
	close(fd);
}

struct member {
	const char *path;
	_Atomic int ready;
	_Atomic int got[65];
};

/* Is a member and counts what it is sent. */
static int count_signals(void *arg)
{
	struct member *m = arg;
	int sig, fd;

	block();
	fd = t_open(t_format("%s,join", m->path), O_RDONLY);
	m->ready = fd >= 0 ? 1 : -1;
	while ((sig = sigtimedwait(&signals, NULL, &limit)) > 0)
		m->got[sig]++;
	return 1;
}

/* Real-time signals are queued: each that is sent is there. */
static void each_firing_reaches_each_member_once(void **state)
{
	(void)state;
	enum { MEMBERS = 5 };
	int count = t_count(1500, 2000);
	const char *c = channel("once");
	struct ipcfs_object *o = t_attach(IPCFS_SIGNAL, "once", NULL);
	struct member *m = t_shared(sizeof(*m) * MEMBERS);

	for (int i = 0; i < MEMBERS; i++) {
		m[i].path = c;
		t_spawn(count_signals, &m[i]);
		t_until(m[i].ready);
		t_is(m[i].ready, 1);
	}
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < count; i++)
			t_is(t_again(ipcfs_channel_fire(o, SIGRTMIN + i % 2)), 0);
		t_is(t_echo(c, "RTMIN+2"), 0);
		for (int i = 0; i < MEMBERS; i++) {
			t_until(m[i].got[SIGRTMIN + 2] == round);
			t_until(m[i].got[SIGRTMIN] + m[i].got[SIGRTMIN + 1] >= round * count);
		}
	}
	t_status("pid");
	for (int i = 0; i < MEMBERS; i++) {
		t_is(m[i].got[SIGRTMIN], 3 * ((count + 1) / 2));
		t_is(m[i].got[SIGRTMIN + 1], 3 * (count / 2));
		t_is(m[i].got[SIGRTMIN + 2], 3);
	}
}

/* Faster than the server can look: some are one, but no signal is missed. */
static void no_signal_is_missed_in_a_flood(void **state)
{
	(void)state;
	const char *c = channel("flood");
	struct ipcfs_object *o = t_attach(IPCFS_SIGNAL, "flood", NULL);
	struct member *m = t_shared(sizeof(*m));

	m->path = c;
	t_spawn(count_signals, m);
	t_until(m->ready == 1);
	for (int round = 1; round <= 5; round++) {
		t_is(t_again(ipcfs_channel_fire(o, SIGHUP)), 0);
		for (int i = 0; i < t_count(50000, 500000); i++)
			t_is(t_again(ipcfs_channel_fire(o, SIGUSR1)), 0);
		t_is(t_again(ipcfs_channel_fire(o, SIGUSR2)), 0);
		t_until(m->got[SIGHUP] == round && m->got[SIGUSR2] == round);
	}
	t_check(m->got[SIGUSR1] >= 1);
}

static void membership_ends_with_the_process(void **state)
{
	(void)state;
	const char *c = channel("ends");
	struct member *m = t_shared(sizeof(*m));

	m->path = c;
	pid_t pid = t_spawn(count_signals, m);
	t_until(m->ready);
	t_is(t_stat(c, "members"), 1);
	t_kill(pid);
	t_until(t_stat(c, "members") == 0);
	t_is(t_echo(c, "TERM"), 0);
	/* Whoever has inherited the descriptor is no member. */
	const char *heir = t_format("%s/heir", t_base);
	pid = t_shell(NULL,
		      "exec 3< %s,join; (echo $BASHPID >%s; exec sleep 1000) & exec sleep 1000", c,
		      heir);
	t_until(t_run("[ -s %s ]", heir)->status == 0);
	t_is(t_stat(c, "members"), 1);
	t_check(t_stat_has(c, t_format("member %d 0", (int)pid)));
	kill(pid, SIGKILL);
	t_until(t_stat(c, "members") == 0);
	t_is(t_echo(c, "KILL"), 0);
	t_is(t_stat(c, "fired"), 2);
	t_runs(0, "kill -9 $(cat %s)", heir);
}

static void a_removed_channel(void **state)
{
	(void)state;
	const char *c = channel("removed");
	int fd = joined(c, "join");
	struct t_io reader = t_reader(c, O_RDONLY);
	char buf[8];

	t_wait_stat(c, "readers", 1);
	t_is(t_sys(unlink(c)), 0);
	t_is(t_io_result(&reader), -EIDRM);
	t_is(t_get(fd, buf, sizeof(buf)), -EIDRM);
	t_is(t_poll(fd, POLLIN, 0) & POLLERR, POLLERR);
	channel("removed");
	t_is(t_echo(c, "USR1"), 0); /* another one */
	t_is(told(), 0);
	close(fd);
}

/* ---- whose --------------------------------------------------------------------------------------------- */

static long fire_usr1(const char *path)
{
	return t_echo(path, "USR1");
}

static long join_it(const char *path)
{
	int fd = t_open(t_format("%s,join", path), O_RDONLY);

	return fd < 0 ? fd : close(fd);
}

static int join_as_nobody(void *arg)
{
	if (setresgid(T_NOBODY, T_NOBODY, T_NOBODY) < 0 ||
	    setresuid(T_NOBODY, T_NOBODY, T_NOBODY) < 0)
		return 97;
	return count_signals(arg);
}

static void who_may_fire_and_join(void **state)
{
	(void)state;
	const char *c = channel("whose");
	struct member *m = t_shared(sizeof(*m));

	t_is(t_sys(chmod(c, 0644)), 0);
	t_is(t_as(T_NOBODY, fire_usr1, c), -EACCES);
	t_is(t_as(T_NOBODY, join_it, c), 0);
	t_is(t_sys(chmod(c, 0622)), 0);
	t_is(t_as(T_NOBODY, fire_usr1, c), 0);
	t_is(t_as(T_NOBODY, join_it, c), -EACCES);
	/* Who joins has asked for it: whoever may fire need not be allowed to send to him. */
	t_is(t_sys(chmod(c, 0666)), 0);
	int fd = joined(c, "join");
	t_is(t_as(T_OTHER, fire_usr1, c), 0);
	t_is(told(), SIGUSR1);
	close(fd);
	m->path = c;
	t_spawn(join_as_nobody, m);
	t_until(m->ready == 1);
	t_is(t_as(T_OTHER, fire_usr1, c), 0);
	t_until(m->got[SIGUSR1] == 1);
}

/* Runs a program as nobody that is a member, and may be one of set-id: how it ends. */
static int end_of(uid_t owner, mode_t mode)
{
	static int number;
	const char *program = t_format("%s/sleep%d", t_base, number++), *c = t_path("signals/set");

	t_is(t_run("cp /usr/bin/sleep %s", program)->status, 0);
	t_is(t_sys(chown(program, owner, owner)), 0);
	t_is(t_sys(chmod(program, mode)), 0);
	sigprocmask(SIG_UNBLOCK, &signals, NULL); /* of other tests */
	pid_t pid = t_shell(NULL,
			    "exec setpriv --reuid=65534 --regid=65534 --clear-groups bash -c "
			    "'trap \"\" USR1; exec 3< %s,join; trap - USR1; exec %s 1000'",
			    c, program);
	t_until(t_run("grep -q ^sleep /proc/%d/comm", (int)pid)->status == 0);
	t_is(t_echo(c, "USR1"), 0);
	t_status("pid");
	kill(pid, SIGUSR2);
	return t_wait(pid);
}

static void no_signal_to_a_set_id_program(void **state)
{
	(void)state;

	t_is(t_sys(chmod(channel("set"), 0666)), 0);
	t_is(end_of(0, 0755), 128 + SIGUSR1);
	t_is(end_of(0, 04755), 128 + SIGUSR2);
	t_is(end_of(T_OTHER, 02755), 128 + SIGUSR2);
}

/* ---- alarms -------------------------------------------------------------------------------------------- */

static void alarms_outlive_their_handles(void **state)
{
	(void)state;
	const char *self = t_path("signals/%d", (int)getpid()), *c = channel("alarm");
	struct t_io reader = t_reader(c, O_RDONLY);

	block();
	t_wait_stat(c, "readers", 1);
	t_is(t_echo(t_format("%s,after=30ms", c), "HUP"), 0);
	t_is(t_echo(t_format("%s,after=20ms", self), "USR2"), 0);
	t_is(t_echo(t_format("%s,after=10ms", self), "RTMIN"), 0);
	t_is(t_echo(t_format("%s,after=1h", self), "KILL"), 0);
	t_is(sigtimedwait(&signals, NULL, &limit), SIGRTMIN);
	t_is(sigtimedwait(&signals, NULL, &limit), SIGUSR2);
	t_io_got(&reader, "HUP\n");
	t_is(t_stat(self, "alarms"), 1);
	t_is(t_stat(c, "alarms"), 0);
	t_is(t_echo(t_format("%s,ctl", self), "cancel"), 0);
	t_is(t_stat(self, "alarms"), 0);
	t_is(t_echo(t_format("%s,after=0", self), "USR1"), 0);
	t_is(sigtimedwait(&signals, NULL, &limit), SIGUSR1);
}

/* Not before its time. */
static void alarms_wait(void **state)
{
	(void)state;
	const char *self = t_path("signals/self,after=200ms");
	int64_t begin = t_now_ms();

	block();
	t_is(t_echo(self, "USR1"), 0);
	t_is(sigtimedwait(&signals, NULL, &limit), SIGUSR1);
	t_check(t_now_ms() - begin >= 200);
}

static void many_alarms_in_any_order(void **state)
{
	(void)state;
	enum { MANY = 300 };
	const char *c = channel("many");
	int fd = t_open(c, O_RDONLY | O_NONBLOCK);
	unsigned seed = 7;

	for (int i = 0; i < MANY; i++)
		t_is(t_echo(t_format("%s,after=%dms", c, rand_r(&seed) % 50), "USR1"), 0);
	t_until(t_stat(c, "alarms") == 0);
	for (int i = 0; i < MANY; i++)
		t_gets(fd, "USR1\n");
	t_is(t_stat(c, "fired"), MANY);
	close(fd);
}

/* What they were for is gone. */
static void alarms_for_nothing(void **state)
{
	(void)state;
	const char *c = channel("nothing");
	pid_t pid = t_shell(NULL, "exec sleep 1000");
	const char *path = t_path("signals/%d", (int)pid);

	for (int i = 0; i < 10; i++) {
		t_is(t_echo(t_format("%s,after=1h", c), "USR1"), 0);
		t_is(t_echo(t_format("%s,after=1h", path), "USR1"), 0);
	}
	t_is(t_stat(path, "alarms"), 10);
	t_is(t_sys(unlink(c)), 0);
	t_kill(pid);
	channel("nothing");
	t_is(t_stat(c, "alarms"), 0);
	t_until(t_run("ls -l /proc/%d/fd | grep -q pidfd", t_server())->status != 0);
}

static long set_alarms(const char *path)
{
	int fd = t_open(path, O_WRONLY), n = 0;
	long rc;

	while ((rc = t_put(fd, "USR1")) == 4)
		n++;
	return n == 1024 ? rc : n;
}

static long cancel(const char *path)
{
	return t_echo(path, "cancel");
}

static void alarms_of_one_user(void **state)
{
	(void)state;
	const char *c = channel("limit");

	t_is(t_sys(chmod(c, 0666)), 0);
	t_is(t_echo(t_format("%s,after=1h", c), "USR1"), 0);
	t_is(t_as(T_NOBODY, set_alarms, t_format("%s,after=1h", c)), -EUSERS);
	t_check(strstr(t_run("tail -n1 %s/errors", t_mnt)->out, "1024 alarms"));
	t_is(t_stat(c, "alarms"), 1025);
	t_is(t_as(T_OTHER, cancel, t_format("%s,ctl", c)), 0);
	t_is(t_stat(c, "alarms"), 1025);
	t_is(t_as(T_NOBODY, cancel, t_format("%s,ctl", c)), 0);
	t_is(t_stat(c, "alarms"), 1); /* his own */
	t_is(t_as(T_NOBODY, set_alarms, t_format("%s,after=1h", c)), -EUSERS);
	t_is(t_echo(t_format("%s,ctl", c), "cancel"), 0);
	t_is(t_stat(c, "alarms"), 0); /* root's: all */
}

static long alarm_of(const char *path)
{
	return t_echo(path, "TERM");
}

static void who_may_have_an_alarm(void **state)
{
	(void)state;
	pid_t pid = t_shell(NULL, "exec sleep 1000");

	t_is(t_as(T_NOBODY, alarm_of, t_path("signals/%d,after=10ms", (int)pid)), -EPERM);
	t_is(t_stat(t_path("signals/%d", (int)pid), "alarms"), 0);
	t_kill(pid);
}

/* Its ids are others when it is due. */
static int becomes_another(void *arg)
{
	_Atomic int *step = arg;

	if (setresgid(T_NOBODY, T_NOBODY, T_NOBODY) < 0 || setresuid(T_NOBODY, T_NOBODY, 0) < 0)
		return 97;
	*step = 1;
	while (*step == 1)
		usleep(300);
	if (setresuid(0, 0, 0) < 0)
		return 98;
	*step = 3;
	for (;;)
		pause();
}

static void an_alarm_is_judged_when_it_is_due(void **state)
{
	(void)state;
	_Atomic int *step = t_shared(sizeof(*step));
	pid_t pid = t_spawn(becomes_another, (void *)step);

	t_until(*step == 1);
	t_is(t_as(T_NOBODY, alarm_of, t_path("signals/%d,after=300ms", (int)pid)), 0);
	*step = 2;
	t_until(*step == 3);
	t_until(t_stat(t_path("signals/%d", (int)pid), "alarms") == 0);
	t_is(t_sys(kill(pid, 0)), 0);
	t_check(strstr(t_run("tail -n1 %s/errors", t_mnt)->out,
		       "TERM was due, and could not be sent"));
	t_kill(pid);
}

/* A program has the channel's inner lock when it is due. */
static void an_alarm_meets_a_busy_lock(void **state)
{
	(void)state;
	const char *c = channel("busy");
	int fd = joined(c, "join");

	t_is(t_echo(t_format("%s,after=100ms", c), "USR1"), 0);
	pid_t pid = t_hold(IPCFS_SIGNAL, "busy");
	t_until(t_stat(c, "alarms") == 0);
	t_is(told(), 0);
	t_let_go(pid);
	t_until(told() == SIGUSR1);
	t_is(t_stat(c, "fired"), 1);
	close(fd);
}

/* Its segment says that it is removed, and only the alarm that is due finds it out: with it go all alarms of the channel. */
static void an_alarm_finds_its_channel_gone(void **state)
{
	enum { STATE_OF_CONTROL = 3584 + 72, REMOVED = 1 }; /* docs/formats.md */
	const uint32_t removed = REMOVED;
	const char *c = channel("found");
	int fd = t_open(t_format("%s,after=1ms", c), O_WRONLY);
	int file = t_open(t_in_store("signals/found"), O_RDWR);
	long rc;

	(void)state;
	t_is(t_stat(c, "fired"), 0); /* the server has it mapped */
	t_is(t_sys(pwrite(file, &removed, sizeof(removed), STATE_OF_CONTROL)), sizeof(removed));
	close(file);
	do
		rc = t_put(fd, "USR1");
	while (rc > 0);
	t_is(rc, -EIDRM);
	close(fd);
	t_is(t_sys(unlink(c)), 0);
}

static void alarms_end_with_the_server(void **state)
{
	(void)state;
	const char *c = channel("restart");

	t_is(t_echo(t_format("%s,after=1h", c), "USR1"), 0);
	t_is(t_echo(c, "TERM"), 0);
	t_restart();
	t_is(t_stat(c, "alarms"), 0);
	t_is(t_stat(c, "fired"), 1); /* the channel is as it was */
	t_shows(t_format("%s,peek", c), "TERM\n");
}

/* ---- names --------------------------------------------------------------------------------------------- */

static void folders_and_temp(void **state)
{
	(void)state;
	t_is(t_sys(mkdir(t_path("signals/team"), 0777)), 0);
	const char *c = channel("team/a");
	t_is(t_echo(c, "TERM"), 0);
	t_shows(t_format("%s,peek", c), "TERM\n");
	t_is(t_sys(rename(c, t_path("signals/b"))), 0);
	t_shows(t_path("signals/b,peek"), "TERM\n");
	int fd = t_open(t_path("signals/t,temp"), O_RDWR | O_CREAT);
	t_is(t_put(fd, "USR1"), 4);
	close(fd);
	t_is(t_exists(t_path("signals/t")), -ENOENT);
	t_is(t_echo(t_path("signals/made"), "HUP"), 0); /* makes it, and fires */
	t_is(t_stat(t_path("signals/made"), "fired"), 1);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(all_who_wait_are_told),
		T_TEST(nothing_is_lost_between_two_reads),
		T_TEST(late_readers_are_told_of_each_signal_once),
		T_TEST(the_library_waits),
		T_TEST(notify),
		T_TEST(members_are_sent_what_is_fired),
		T_TEST(a_member_waits_as_well),
		T_TEST(each_firing_reaches_each_member_once),
		T_TEST(no_signal_is_missed_in_a_flood),
		T_TEST(membership_ends_with_the_process),
		T_TEST(a_removed_channel),
		T_TEST(who_may_fire_and_join),
		T_TEST(no_signal_to_a_set_id_program),
		T_TEST(alarms_outlive_their_handles),
		T_TEST(alarms_wait),
		T_TEST(many_alarms_in_any_order),
		T_TEST(alarms_for_nothing),
		T_TEST(alarms_of_one_user),
		T_TEST(who_may_have_an_alarm),
		T_TEST(an_alarm_is_judged_when_it_is_due),
		T_TEST(an_alarm_meets_a_busy_lock),
		T_TEST(an_alarm_finds_its_channel_gone),
		T_TEST(alarms_end_with_the_server),
		T_TEST(folders_and_temp),
	};
	return T_RUN(tests, argc, argv);
}
