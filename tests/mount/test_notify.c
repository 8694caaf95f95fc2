/* SPDX-License-Identifier: MIT
 *
 * test_notify.c - the view `notify`: who opened a handle gets a signal whenever a read that would have waited no
 * longer would; where reads never wait, at each change. The test itself opens, with the signals blocked, so that it
 * can look whether one is pending.
 */
#include "t.h"

#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "hold.h"

static sigset_t signals;

static void block(void)
{
	static const int others[] = {SIGALRM, SIGCHLD, SIGTERM, SIGINT};

	sigfillset(&signals);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		sigdelset(&signals, others[i]);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* The signal that is pending, taken; 0: none. A request that was answered is followed by its signals before the next
 * request is: so after one of our own there is nothing more to come of what went before. */
static int told(void)
{
	const struct timespec none = {0};
	int sig;

	t_status("pid");
	sig = sigtimedwait(&signals, NULL, &none);
	return sig < 0 ? 0 : sig;
}

static bool no_more(void)
{
	return told() == 0;
}

/* Once, and once alone. */
static bool once(void)
{
	return told() == SIGUSR1 && no_more();
}

static int watch_it(const char *path, int flags)
{
	block();
	return t_open(t_format("%s,notify=USR1", path), flags);
}

/* ---- where reads wait --------------------------------------------------------------------------------- */

static void a_queue_that_has_something_again(void **state)
{
	(void)state;
	const char *q = t_path("queues/edge");

	t_is(t_echo(q, "there already"), 0);
	int fd = watch_it(q, O_RDONLY | O_NONBLOCK);
	t_check(fd >= 0);
	t_check(no_more());
	t_is(t_echo(q, "x"), 0); /* a read would not have waited before either */
	t_check(no_more());
	t_gets(fd, "there already");
	t_check(no_more());
	t_gets(fd, "x");
	t_check(no_more());
	for (int i = 0; i < 5; i++) {
		t_is(t_echo(q, "y"), 0);
		t_check(once());
		t_is(t_echo(q, "z"), 0);
		t_check(no_more());
		t_shows(q, "y"); /* by whomever */
		t_check(no_more());
		t_shows(q, "z");
		t_check(no_more());
	}
	close(fd);
	t_is(t_echo(q, "y"), 0);
	t_check(no_more());
}

/* What is unread of the handle's own item does not hide the next one's arrival. */
static void one_item_and_end_of_file(void **state)
{
	(void)state;
	const char *q = t_path("queues/one");
	char buf[8];

	t_is(t_touch(q), 0);
	int fd = watch_it(q, O_RDONLY);
	t_is(t_echo(q, "1"), 0);
	t_check(once());
	t_gets(fd, "1");
	t_is(t_echo(q, "2"), 0);
	t_check(once());
	t_is(t_get(fd, buf, sizeof(buf)), 0);
	t_gets(fd, "2");
	t_is(t_echo(q, "345"), 0);
	t_check(once());
	t_is(t_get(fd, buf, sizeof(buf)), 0);
	t_is(t_get(fd, buf, 1), 1);
	t_is(t_echo(q, "6"), 0);
	t_check(once());
	close(fd);
}

/* A get and a put that waited for it: the reader has not looked in between. */
static void a_full_queue_stays_readable(void **state)
{
	(void)state;
	const char *q = t_path("queues/full");

	t_is(t_echo(t_format("%s,maxsize=1", q), "1"), 0);
	int fd = watch_it(q, O_RDONLY | O_NONBLOCK);
	struct t_io writer = t_writer(q, O_WRONLY, "2");
	t_wait_stat(q, "writers", 1);
	t_gets(fd, "1");
	t_is(t_io_result(&writer), 1);
	t_check(no_more());
	t_gets(fd, "2");
	t_is(t_echo(q, "3"), 0);
	t_check(once());
	close(fd);
}

/* Who waits in a read is given the message: there is none for another. */
static void a_message_for_who_waits(void **state)
{
	(void)state;
	const char *q = t_path("queues/waits");

	t_is(t_touch(q), 0);
	int fd = watch_it(q, O_RDONLY | O_NONBLOCK);
	struct t_io reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "readers", 1);
	t_is(t_echo(q, "x"), 0);
	t_io_got(&reader, "x");
	t_check(no_more());
	t_is(t_echo(q, "y"), 0);
	t_check(once());
	close(fd);
}

static void events(void **state)
{
	(void)state;
	const char *e = t_path("events/e");

	t_is(t_touch(e), 0);
	int fd = watch_it(e, O_RDONLY);
	t_is(t_echo(e, "1"), 0);
	t_check(once());
	t_is(t_echo(e, "1"), 0);
	t_check(no_more());
	t_is(t_echo(e, "0"), 0);
	t_check(no_more());
	t_is(t_echo(e, "1"), 0);
	t_check(once());
	close(fd);
}

static void semaphores_by_the_units_wanted(void **state)
{
	(void)state;
	const char *s = t_path("semaphores/s");

	t_is(t_touch(s), 0);
	int one = watch_it(s, O_RDWR | O_NONBLOCK);
	int three = t_open(t_format("%s,n=3,notify=USR2", s), O_RDWR | O_NONBLOCK);
	t_check(one >= 0 && three >= 0);
	t_is(t_echo(s, "1"), 0);
	t_check(once());
	t_is(t_echo(s, "1"), 0);
	t_check(no_more());
	t_is(t_echo(s, "1"), 0);
	t_is(told(), SIGUSR2);
	t_gets(one, "1\n");
	t_check(no_more());
	t_is(t_put(three, "1"), 1); /* what one does oneself counts as well */
	t_is(told(), SIGUSR2);
	t_gets(three, "3\n");
	t_check(no_more());
	t_is(t_echo(s, "9"), 0);
	t_is(told(), SIGUSR1);
	t_is(told(), SIGUSR2);
	close(one);
	close(three);
}

static void locks(void **state)
{
	(void)state;
	const char *l = t_path("locks/l");

	t_is(t_touch(l), 0);
	int holder = t_open(l, O_RDWR);
	int sharer = t_open(t_format("%s,shared", l), O_RDWR);
	char buf[64];

	t_check(t_get(holder, buf, sizeof(buf)) > 0);
	int exclusive = watch_it(l, O_RDWR | O_NONBLOCK);
	int shared = t_open(t_format("%s,shared,notify=USR2", l), O_RDWR | O_NONBLOCK);
	t_check(no_more());
	t_is(t_put(holder, "unlock"), 6);
	t_is(told(), SIGUSR1);
	t_is(told(), SIGUSR2);
	t_check(t_get(holder, buf, sizeof(buf)) > 0);
	t_check(no_more());
	t_is(t_put(holder, "unlock"), 6);
	t_is(told(), SIGUSR1);
	t_is(told(), SIGUSR2);
	t_check(t_get(sharer, buf, sizeof(buf)) > 0); /* the other one may as well */
	t_check(no_more());
	close(sharer);
	t_check(once());
	t_check(t_get(exclusive, buf, sizeof(buf)) >
		0); /* it holds it: a read is its token again */
	t_check(no_more());
	close(exclusive);
	t_is(told(), SIGUSR2);
	close(holder);
	close(shared);
}

static void conditions_and_barriers(void **state)
{
	(void)state;
	const char *c = t_path("conditions/c"), *b = t_path("barriers/b");

	t_is(t_touch(c), 0);
	int fd = watch_it(c, O_RDWR);
	t_is(t_echo(c, "1"), 0); /* is lost: it is not armed */
	t_check(no_more());
	for (int i = 0; i < 3; i++) {
		t_is(t_put(fd, "arm"), 3);
		t_check(no_more());
		t_is(t_echo(c, "1"), 0);
		t_check(once());
		t_gets(fd, "1\n");
		t_check(no_more());
	}
	close(fd);

	t_is(t_touch(t_format("%s,parties=2", b)), 0);
	fd = watch_it(b, O_RDWR | O_NONBLOCK);
	struct t_io reader = t_reader(b, O_RDONLY);
	t_wait_stat(b, "arrived", 1);
	t_check(once()); /* a read would be the last */
	t_kill(reader.pid);
	t_wait_stat(b, "arrived", 0);
	t_check(no_more());
	reader = t_reader(b, O_RDONLY);
	t_wait_stat(b, "arrived", 1);
	t_check(once());
	t_gets(fd, "1\n");
	t_io_got(&reader, "0\n");
	t_check(no_more());
	t_is(t_echo(b, "abort"), 0);
	t_check(once()); /* a read fails at once */
	close(fd);
}

/* ---- at each change -------------------------------------------------------------------------------------- */

static void values_at_each_change(void **state)
{
	(void)state;
	const char *v = t_path("values/v");
	static const char *const writes[] = {"5", "5", "6", "add 1", "sub 1"};

	t_is(t_echo(v, "5"), 0);
	int fd = watch_it(v, O_RDWR);
	t_check(no_more());
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		t_is(t_echo(v, writes[i]), 0);
		t_check(once());
	}
	t_is(t_echo(v, "no number"), -EINVAL);
	t_check(no_more());
	t_shows(v, "6\n");
	t_check(no_more());
	t_is(t_put(fd, "7"), 1); /* its own */
	t_check(once());
	close(fd);
	t_is(t_echo(v, "8"), 0);
	t_check(no_more());
}

static void arrays_and_their_views(void **state)
{
	(void)state;
	static const char *const views[] = {"", ",at=1", ",raw", ",cas", ",peek"};
	const char *a = t_path("arrays/a");

	t_is(t_echo(t_format("%s,type=i,len=3", a), "1 2 3"), 0);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		int fd = watch_it(t_format("%s%s", a, views[i]), O_RDONLY);

		t_check(fd >= 0);
		t_is(t_echo(a, "0=9"), 0); /* of the array, whatever the handle shows */
		t_check(once());
		t_is(t_echo(a, "1:3=4 5"), 0);
		t_check(once());
		close(fd);
	}
}

static void a_name_gets_its_type(void **state)
{
	(void)state;
	const char *v = t_path("values/pending");

	t_is(t_touch(v), 0);
	int fd = watch_it(v, O_RDONLY);
	t_check(no_more());
	t_is(t_echo(v, "1.5"), 0);
	t_check(once());
	t_is(t_echo(v, "2.5"), 0);
	t_check(once());
	t_gets(fd, "2.5\n");
	close(fd);
}

/* What peek shows can be had at any time, so it is told of each change; of any kind. */
static void peek_of_a_queue(void **state)
{
	(void)state;
	const char *q = t_path("queues/peek");

	t_is(t_touch(q), 0);
	int fd = watch_it(t_format("%s,peek", q), O_RDONLY);
	t_is(t_echo(q, "1"), 0);
	t_check(once());
	t_is(t_echo(q, "2"), 0);
	t_check(once());
	t_shows(q, "1");
	t_check(once());
	close(fd);
}

/* A read of watch waits for a change: so it is one until it is read. */
static void watch(void **state)
{
	(void)state;
	const char *v = t_path("values/watch"), *q = t_path("queues/watch");

	t_is(t_echo(v, "1"), 0);
	int fd = watch_it(t_format("%s,watch", v), O_RDONLY);
	t_is(t_echo(v, "2"), 0); /* the first read would not have waited */
	t_check(no_more());
	t_gets(fd, "2\n");
	t_check(no_more());
	for (int i = 0; i < 3; i++) {
		t_is(t_echo(v, "3"), 0);
		t_check(once());
		t_is(t_echo(v, "4"), 0);
		t_check(no_more());
		t_gets(fd, "4\n");
		t_check(no_more());
	}
	close(fd);

	t_is(t_touch(q), 0);
	fd = watch_it(t_format("%s,watch", q), O_RDONLY); /* peek shows nothing: it waits */
	t_is(t_echo(q, "x"), 0);
	t_check(once());
	t_gets(fd, "x");
	close(fd);
}

/* ---- the library ---------------------------------------------------------------------------------------------- */

static void changes_by_the_library(void **state)
{
	(void)state;
	const char *q = t_path("queues/lib"), *v = t_path("values/lib");

	t_is(t_touch(q), 0);
	t_is(t_echo(v, "1"), 0);
	struct ipcfs_object *queue = t_attach(IPCFS_QUEUE, "lib", NULL);
	struct ipcfs_object *value = t_attach(IPCFS_VALUE, "lib", NULL);
	int fd = watch_it(q, O_RDONLY | O_NONBLOCK), other = watch_it(v, O_RDONLY);
	int64_t number = 2;

	for (int i = 0; i < 20; i++) {
		t_is(t_again(ipcfs_queue_put(queue, "m", 1, 0)), 0);
		t_until(told() == SIGUSR1);
		t_gets(fd, "m");
		t_check(no_more());
		t_is(t_again(ipcfs_value_set(value, &number, sizeof(number))), 0);
		t_until(told() == SIGUSR1);
		t_check(no_more());
	}
	close(fd);
	close(other);
}

static char mq_name[64];

static void unlink_mq(void)
{
	mq_unlink(mq_name);
}

/* The kernel does not say what was there in between, so each message may be told. */
static void messages_of_the_system(void **state)
{
	(void)state;
	char buf[64];

	snprintf(mq_name, sizeof(mq_name), "/ipcfs-notify-%d", (int)getpid());
	atexit(unlink_mq);
	const char *q = t_path("mq%s", mq_name);

	t_is(t_touch(t_format("%s,msgsize=64", q)), 0);
	mqd_t mq = mq_open(mq_name, O_RDWR | O_NONBLOCK);
	t_check(mq != (mqd_t)-1);
	int fd = watch_it(q, O_RDONLY | O_NONBLOCK);
	for (int i = 0; i < 20; i++) {
		t_is(i % 2 ? t_sys(mq_send(mq, "x", 1, 0)) : t_echo(q, "x"), 0);
		t_until(told() == SIGUSR1);
		t_is(i % 3 ? t_sys(mq_receive(mq, buf, sizeof(buf), NULL)) :
			     t_get(fd, buf, sizeof(buf)),
		     1);
	}
	mq_close(mq);
	close(fd);
	t_is(t_sys(mq_unlink(mq_name)), 0);
}

struct flow {
	long count;
	bool by_file;
};

static int produce(void *arg)
{
	const struct flow *flow = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *q = t_attach_child(&store, IPCFS_QUEUE, "flow");
	int fd = t_open(t_path("queues/flow"), O_WRONLY);
	unsigned seed = 3;

	for (long i = 0; q && i < flow->count; i++) {
		if (flow->by_file && i % 2 ? t_put(fd, "m") != 1 :
					     ipcfs_queue_put(q, "m", 1, IPCFS_FOREVER) != 0)
			return 1;
		for (int n = rand_r(&seed) % 8; n > 0; n--)
			sched_yield();
	}
	return !q;
}

/* Takes all there is, then sleeps until it is told: if it is ever not told of what came then, it sleeps for ever. */
static void flow_through(bool put_by_file, bool get_by_file)
{
	const char *q = t_path("queues/flow");
	struct flow *flow = t_shared(sizeof(*flow));
	struct timespec limit = {.tv_sec = T_LIMIT_MS / 1000};
	struct ipcfs_object *queue;
	char buf[8];

	t_is(t_touch(q), 0);
	queue = t_attach(IPCFS_QUEUE, "flow", NULL);
	*flow = (struct flow){t_count(3000, 100000), put_by_file};
	int fd = watch_it(q, O_RDONLY | O_NONBLOCK);
	pid_t child = t_spawn(produce, flow);
	for (long got = 0; got < flow->count;) {
		long n = get_by_file ? t_get(fd, buf, sizeof(buf)) :
				       ipcfs_queue_get(queue, buf, sizeof(buf), 0);
		if (n == 1)
			got++;
		else if (n == -EAGAIN && sigtimedwait(&signals, NULL, &limit) != SIGUSR1)
			t_fail("not told after %ld of %ld", got, flow->count);
		else
			t_check(n == -EAGAIN || n == -EBUSY);
	}
	t_is(t_wait(child), 0);
	close(fd);
	while (told())
		;
}

static void nothing_is_lost(void **state)
{
	(void)state;
	t_limit(t_count(240, 2000));
	flow_through(false, true);
	flow_through(false, false);
	flow_through(true, true);
	flow_through(true, false);
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void removal_is_told_once(void **state)
{
	(void)state;
	static const char *const names[] = {"queues/gone", "values/gone", "locks/gone",
					    "conditions/gone"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *path = t_path("%s", names[i]);
		char buf[8];

		t_is(t_touch(path), 0);
		if (i == 1)
			t_is(t_echo(path, "1"), 0);
		int holder = t_open(path, O_RDWR);
		if (i == 2)
			t_check(t_get(holder, buf, sizeof(buf)) > 0);
		int fd = watch_it(path, O_RDONLY);
		t_is(t_sys(unlink(path)), 0);
		t_check(once());
		close(holder);
		t_check(no_more());
		close(fd);
	}
}

static void the_end_of_the_server(void **state)
{
	(void)state;
	const char *q = t_path("queues/end");

	t_is(t_touch(q), 0);
	int fd = watch_it(q, O_RDONLY);
	t_check(fd >= 0);
	t_umount();
	t_mount(NULL);
	t_check(no_more());
	close(fd);
	fd = watch_it(q, O_RDONLY);
	t_is(t_echo(q, "x"), 0);
	t_check(once());
	close(fd);
}

/* ---- whose ---------------------------------------------------------------------------------------------------------- */

struct heir {
	int fd;
	_Atomic int step;
};

/* Ends with the signal that is pending for it, 0 if none is. */
static int inherit(void *arg)
{
	struct heir *heir = arg;
	sigset_t pending;

	heir->step = 1;
	while (heir->step == 1)
		usleep(300);
	sigpending(&pending);
	return sigismember(&pending, SIGUSR1);
}

/* Processes that the server has pinned. */
static long pinned(void)
{
	return atol(t_run("ls -l /proc/%d/fd | grep -c pidfd", t_server())->out);
}

static void heirs_are_told_nothing(void **state)
{
	(void)state;
	const char *q = t_path("queues/heir");
	struct heir *heir = t_shared(sizeof(*heir));

	t_is(t_touch(q), 0);
	heir->fd = watch_it(q, O_RDONLY | O_NONBLOCK);
	pid_t child = t_spawn(inherit, heir);
	t_until(heir->step == 1);
	t_is(t_echo(q, "x"), 0);
	t_check(once());
	t_gets(heir->fd, "x");
	close(heir->fd); /* the child has it still, so the handle is open */
	t_is(t_echo(q, "x"), 0);
	t_check(once());
	heir->step = 2;
	t_is(t_wait(child), 0);
	t_shows(q, "x");
	t_is(t_echo(q, "x"), 0);
	t_check(no_more());
}

/* Opens, gives it away, and is gone. */
static int open_for_another(void *arg)
{
	const int *channel = arg;
	char room[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	int fd = t_open(t_path("queues/orphan,notify=USR1"), O_RDONLY);

	*head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
				 .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return fd < 0 || sendmsg(*channel, &message, 0) != 1;
}

static void an_opener_that_is_gone(void **state)
{
	(void)state;
	char room[CMSG_SPACE(sizeof(int))] = {0}, byte;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	const char *q = t_path("queues/orphan");
	int channel[2], fd;

	block();
	t_is(t_touch(q), 0);
	t_is(t_sys(socketpair(AF_UNIX, SOCK_STREAM, 0, channel)), 0);
	t_is(t_wait(t_spawn(open_for_another, &channel[1])), 0);
	t_is(t_sys(recvmsg(channel[0], &message, MSG_CMSG_CLOEXEC)), 1);
	t_check(CMSG_FIRSTHDR(&message) != NULL);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	for (int i = 0; i < 3; i++) {
		t_is(t_echo(q, "x"), 0);
		t_check(no_more());
		t_gets(fd, "x");
		t_is(t_get(fd, &byte, 1), 0);
	}
	t_is(pinned(), 0); /* and it costs nothing any more */
	close(fd);
	close(channel[0]);
	close(channel[1]);
}

struct program {
	char path[200];
	const char *q;
	_Atomic int opened;
	uid_t uid;
};

/* Opens as the user, and executes the program, which the signal would end. */
static int open_and_execute(void *arg)
{
	struct program *program = arg;

	if (setresgid(program->uid, program->uid, program->uid) < 0 ||
	    setresuid(program->uid, program->uid, program->uid) < 0)
		return 97;
	/* What comes between the two is told when it is asked for. */
	block();
	int fd = t_open(program->q, O_RDONLY);
	program->opened = fd >= 0 && fcntl(fd, F_SETFD, 0) == 0 ? 1 : -1;
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	execl(program->path, "sleep", "1000", NULL);
	return 98;
}

/* How a process ends that has opened the queue and runs a copy of sleep(1) with that owner and mode: by the
 * queue's signal, or else by the one that is sent it then. */
static int end_of(uid_t owner, mode_t mode, uid_t runs)
{
	struct program *program = t_shared(sizeof(*program));
	static int number;
	char comm[64];

	snprintf(program->path, sizeof(program->path), "%s/sleep%d", t_base, number);
	t_is(t_run("cp /usr/bin/sleep %s", program->path)->status, 0);
	t_is(t_sys(chown(program->path, owner, owner)), 0);
	t_is(t_sys(chmod(program->path, mode)), 0);
	const char *q = t_path("queues/set-id%d", number++);
	t_is(t_touch(q), 0);
	t_is(t_sys(chmod(q, 0666)), 0);
	program->q = t_format("%s,notify=USR1", q);
	program->uid = runs;
	pid_t child = t_spawn(open_and_execute, program);
	t_until(program->opened);
	t_is(program->opened, 1);
	snprintf(comm, sizeof(comm), "grep -q '^sleep' /proc/%d/comm", child);
	t_until(t_run("%s", comm)->status == 0);
	t_is(t_echo(q, "x"), 0);
	t_status("pid");
	kill(child, SIGUSR2);
	return t_wait(child);
}

static void no_signal_to_a_set_id_program(void **state)
{
	(void)state;
	struct stat st;

	t_is(t_sys(stat("/usr/bin/sleep", &st)), 0);
	t_is(end_of(0, 0755, T_NOBODY), 128 + SIGUSR1);
	t_is(end_of(0, 04755, T_NOBODY), 128 + SIGUSR2);
	t_is(end_of(T_OTHER, 04755, T_NOBODY), 128 + SIGUSR2);
	t_is(end_of(0, 02755, T_NOBODY), 128 + SIGUSR2);
	t_is(end_of(T_NOBODY, 06755, T_NOBODY), 128 + SIGUSR1); /* is what he is anyway */
	t_is(end_of(T_OTHER, 04755, 0), 128 + SIGUSR1);		/* root may */
}

/* ---- options ----------------------------------------------------------------------------------------------------------- */

static void names_of_signals(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int signal;
	} good[] = {{"USR1", SIGUSR1}, {"SIGUSR1", SIGUSR1}, {"10", SIGUSR1}, {"URG", SIGURG},
		    {"SIGIO", SIGIO},  {"POLL", SIGPOLL},    {"1", SIGHUP},   {"64", 64},
		    {"RTMIN", 34},     {"RTMIN+3", 37},	     {"RTMAX", 64},   {"SIGRTMAX-2", 62}};
	static const char *const bad[] = {"",		"FOO",	   "usr1",    "SIG",	  "SIGFOO",
					  "0",		"65",	   "-1",      "1x",	  "10 ",
					  "RTMIN+",	"RTMIN-1", "RTMAX+1", "RTMIN+31", "USR",
					  "SIGSIGUSR1", "RTMIN+3x"};
	const char *q = t_path("queues/names");
	char buf[8];

	t_is(t_touch(q), 0);
	block();
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int fd = t_open(t_format("%s,notify=%s", q, good[i].name), O_RDWR);

		t_check(fd >= 0);
		t_is(t_put(fd, "x"), 1);
		t_is(told(), good[i].signal);
		t_is(t_get(fd, buf, sizeof(buf)), 1);
		close(fd);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_is(t_open(t_format("%s,notify=%s", q, bad[i]), O_RDONLY), -EINVAL);
}

static void what_it_goes_with(void **state)
{
	(void)state;
	const char *q = t_path("queues/with");

	t_is(t_touch(q), 0);
	t_is(t_open(t_format("%s,notify=USR1", q), O_WRONLY), -EINVAL);
	t_check(t_run("tail -n 1 %s/errors", t_mnt)->status == 0);
	t_check(strstr(t_run("tail -n 1 %s/errors", t_mnt)->out, "open it for reading"));
	t_is(t_open(t_format("%s,notify", q), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,notify=USR1,notify=USR2", q), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,stat,notify=USR1", q), O_RDONLY), -EINVAL);
	t_is(t_open(t_format("%s,ctl,notify=USR1", q), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,notify=USR1,temp", q), O_RDWR | O_CREAT), -EINVAL);
	t_is(t_open(t_path("queues/absent,notify=USR1"), O_RDWR | O_CREAT), -ENOENT);
	t_is(t_exists(t_path("queues/absent")), -ENOENT);
	int fd = t_open(t_format("%s,stream,timeout=10ms,notify=USR1", q), O_RDONLY);
	char buf[8];
	t_check(fd >= 0);
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	close(fd);
}

/* ---- many ----------------------------------------------------------------------------------------------------------------- */

static long open_notify(const char *path)
{
	int fd = t_open(path, O_RDONLY);

	return fd < 0 ? fd : 0;
}

struct crowd {
	const char *path;
	_Atomic long opened, refused;
};

static int stay_as_nobody(void *arg)
{
	struct crowd *crowd = arg;
	int rc;

	signal(SIGUSR1, SIG_IGN);
	if (setresgid(T_NOBODY, T_NOBODY, T_NOBODY) < 0 ||
	    setresuid(T_NOBODY, T_NOBODY, T_NOBODY) < 0)
		return 97;
	rc = t_open(crowd->path, O_RDONLY);
	if (rc < 0) {
		crowd->refused++;
		return rc == -EUSERS ? 0 : 1;
	}
	crowd->opened++;
	for (;;)
		pause();
}

/* Each process costs the server a descriptor: a user has 1024 of them, and the others notice nothing. */
static void processes_of_one_user(void **state)
{
	(void)state;
	enum { MOST = 1024 };
	struct crowd *crowd = t_shared(sizeof(*crowd));
	const char *q = t_path("queues/crowd");
	pid_t last = 0;

	t_is(t_touch(q), 0);
	t_is(t_sys(chmod(q, 0666)), 0);
	crowd->path = t_format("%s,notify=USR1", q);
	for (int i = 0; i < MOST; i++)
		last = t_spawn(stay_as_nobody, crowd);
	t_until(crowd->opened == MOST);
	t_is(t_wait(t_spawn(stay_as_nobody, crowd)), 0);
	t_is(crowd->refused, 1);
	t_is(t_as(T_OTHER, open_notify, crowd->path), 0);
	int fd = watch_it(q, O_RDONLY | O_NONBLOCK);
	t_is(t_echo(q, "x"), 0);
	t_check(once());
	close(fd);
	t_kill(last);
	t_spawn(stay_as_nobody, crowd);
	t_until(crowd->opened == MOST + 1);
	t_is(crowd->refused, 1);
}

/* Handles of one process share it. */
static void many_handles_of_one_process(void **state)
{
	(void)state;
	enum { MANY = 300 };
	const char *q = t_path("queues/handles");
	int fd[MANY];

	t_is(t_touch(q), 0);
	for (int i = 0; i < MANY; i++)
		fd[i] = watch_it(q, O_RDONLY | O_NONBLOCK);
	t_is(pinned(), 1);
	t_is(t_echo(q, "x"), 0);
	t_check(once());
	for (int i = 0; i < MANY; i++)
		close(fd[i]);
	t_until(pinned() == 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_queue_that_has_something_again),
		T_TEST(one_item_and_end_of_file),
		T_TEST(a_full_queue_stays_readable),
		T_TEST(a_message_for_who_waits),
		T_TEST(events),
		T_TEST(semaphores_by_the_units_wanted),
		T_TEST(locks),
		T_TEST(conditions_and_barriers),
		T_TEST(values_at_each_change),
		T_TEST(arrays_and_their_views),
		T_TEST(a_name_gets_its_type),
		T_TEST(peek_of_a_queue),
		T_TEST(watch),
		T_TEST(changes_by_the_library),
		T_TEST(messages_of_the_system),
		T_TEST(nothing_is_lost),
		T_TEST(removal_is_told_once),
		T_TEST(the_end_of_the_server),
		T_TEST(heirs_are_told_nothing),
		T_TEST(an_opener_that_is_gone),
		T_TEST(no_signal_to_a_set_id_program),
		T_TEST(names_of_signals),
		T_TEST(what_it_goes_with),
		T_TEST(processes_of_one_user),
		T_TEST(many_handles_of_one_process),
	};

	return T_RUN(tests, argc, argv);
}
