/* SPDX-License-Identifier: MIT
 *
 * loop.c - what the server waits for. One thread does all the work. As long as no deadline is set it sleeps in
 * read(2) on /dev/fuse: nothing is as fast, since the kernel then wakes it on its client's CPU (`make bench`
 * measures an empty server that sleeps so beside one that spins). A second thread, the poker, touches
 * nothing else, waits for the doorbell, the clock and signals, and when one of them has something it pokes
 * the first with a signal, so that its read returns and libev serves it. With a deadline set, the first
 * thread sleeps in libev itself.
 *
 * A signal that comes just before the read begins would be lost on it. So its handler makes /dev/fuse
 * O_NONBLOCK, and the worker, before it reads, first takes that back and then looks whether it was poked.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../core/object.h"

enum {
	BATCH = 512,	       /* requests before anything else gets its turn */
	SILENCE_MS = 100,      /* of a mount that is gone: nobody asks any more */
	LAST_ANSWERS_MS = 1000 /* at the most */
};
#define POKE SIGURG

static ev_io fuse_io, watch_io, mq_io, signal_io;
static int others_fd = -1; /* epoll: all but /dev/fuse */
/* The kernel copies a request page by page: a small one should lie in one. */
static char buffer[FS_MAX_IO + 4096] __attribute__((aligned(4096)));
static pthread_t worker, poker;
static _Atomic bool poked; /* something is to be served; the worker takes it back */
static _Atomic bool poker_ends;
static int wake_poker_fd = -1;
static sem_t served;
static volatile sig_atomic_t nonblocking; /* is /dev/fuse? */

/* The number of bytes; 0: the mount is over; -errno. syscall(2), as read(2) is a point where a thread can be
 * cancelled, which costs. */
static ssize_t receive(void)
{
	long n = syscall(SYS_read, fs.fuse_fd, buffer, sizeof(buffer));

	if (n >= 0)
		return n;
	if (errno == ENODEV)
		fuse_session_exit(fs.session);
	return errno == ENODEV ? 0 : errno == ENOENT ? -EAGAIN : -errno;
}

/* 1: handled one, 0: there is none, negative: the mount is over. */
static int handle_one(void)
{
	ssize_t n = receive();

	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n <= 0)
		return -1;
	fs.requests++;
	fs.caller = (pid_t)((const struct fuse_in_header *)(const void *)buffer)->pid;
	fs_reply_begin();
	if (fs_fast(buffer, (size_t)n)) {
		fs_park_settle();
		return 1;
	}
	fuse_session_process_buf(fs.session, &(struct fuse_buf){.mem = buffer, .size = (size_t)n});
	fs_park_settle();
	return fuse_session_exited(fs.session) ? -1 : 1;
}

static void end(void)
{
	fs.stopping = true;
	ev_break(fs.loop, EVBREAK_ALL);
}

static void on_fuse(struct ev_loop *loop, ev_io *io, int events)
{
	int n = 1;

	(void)loop;
	(void)io;
	(void)events;
	for (int done = 0; n > 0 && done < BATCH; done++)
		n = handle_one();
	if (n < 0)
		end();
}

static void on_mq(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)io;
	(void)events;
	ipcfs_engine_mq.dispatch(fs.store);
	fs_park_settle();
}

static void on_watch(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)io;
	(void)events;
	fs.engine->dispatch(fs.store);
	fs_died_settle();
	fs_park_settle();
}

static void on_signal(struct ev_loop *loop, ev_io *io, int events)
{
	struct signalfd_siginfo info;

	(void)loop;
	(void)events;
	if (read(io->fd, &info, sizeof(info)) > 0)
		end();
}

int fs_loop_listen(ev_io *io, void (*call)(struct ev_loop *, ev_io *, int), int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(others_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	ev_io_init(io, call, fd, EV_READ);
	ev_io_start(fs.loop, io);
	return 0;
}

void fs_loop_want(ev_io *io, int events)
{
	struct epoll_event event = {.events = (events & EV_READ ? EPOLLIN : 0u) |
					      (events & EV_WRITE ? EPOLLOUT : 0u),
				    .data.fd = io->fd};
	int had = ev_is_active(io) ? io->events & (EV_READ | EV_WRITE) : 0;

	if (events == had)
		return;
	epoll_ctl(others_fd,
		  !had	 ? EPOLL_CTL_ADD :
		  events ? EPOLL_CTL_MOD :
			   EPOLL_CTL_DEL,
		  io->fd, &event);
	ev_io_stop(fs.loop, io);
	ev_io_set(io, io->fd, events);
	if (events)
		ev_io_start(fs.loop, io);
}

void fs_loop_ignore(ev_io *io)
{
	ev_io_stop(fs.loop, io);
	epoll_ctl(others_fd, EPOLL_CTL_DEL, io->fd, NULL);
}

int fs_loop_clock(ev_io *io, void (*call)(struct ev_loop *, ev_io *, int))
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	return fd < 0 ? -errno : fs_loop_listen(io, call, fd);
}

void fs_loop_ring_at(const ev_io *io, int64_t ns)
{
	struct itimerspec at = {.it_value = {ns / 1000000000, ns % 1000000000}};

	timerfd_settime(io->fd, TFD_TIMER_ABSTIME, &at, NULL);
}

bool fs_loop_rang(const ev_io *io)
{
	uint64_t rings;

	return read(io->fd, &rings, sizeof(rings)) >= 0;
}

/* ---- the poker ------------------------------------------------------------------------------------ */

static void poke(void)
{
	STORE(poked, true);
	pthread_kill(worker, POKE);
	while (sem_wait(&served) < 0) /* what was told of is told of until it is served */
		;
}

/* A table of descriptors that two threads share makes every system call on one count its users. */
static void own_table(void)
{
	if (unshare(CLONE_FILES) < 0)
		return;
	if (others_fd > 0)
		close_range(0, (unsigned)others_fd - 1, 0);
	close_range((unsigned)others_fd + 1, ~0u, 0);
}

static void *poker_main(void *arg)
{
	struct epoll_event event;

	(void)arg;
	own_table();
	while (!LOAD(poker_ends))
		if (epoll_wait(others_fd, &event, 1, -1) > 0 && !LOAD(poker_ends))
			poke();
	return NULL;
}

static int start_poker(void)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&poker, NULL, poker_main, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void end_poker(void)
{
	uint64_t one = 1;

	STORE(poker_ends, true);
	sem_post(&served);
	if (write(wake_poker_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(poker, NULL);
}

/* ---- the worker -------------------------------------------------------------------------------------- */

static void set_nonblocking(bool on)
{
	nonblocking =
		on; /* first: a poke that comes between is not forgotten, but taken back again */
	fcntl(fs.fuse_fd, F_SETFL, O_RDWR | (on ? O_NONBLOCK : 0));
}

/* Ends the read that the worker is in, or is about to begin. */
static void on_poke(int sig)
{
	int saved = errno;

	(void)sig;
	set_nonblocking(true);
	errno = saved;
}

static void sleep_in_read(void)
{
	if (!nonblocking)
		return;
	ev_io_stop(fs.loop, &fuse_io);
	set_nonblocking(false);
}

static void sleep_in_libev(void)
{
	if (ev_is_active(&fuse_io))
		return;
	set_nonblocking(true);
	ev_io_start(fs.loop, &fuse_io);
}

static void serve_others(void)
{
	ev_run(fs.loop, EVRUN_NOWAIT);
	STORE(poked, false);
	sem_post(&served);
}

static void work(void)
{
	while (!fs.stopping) {
		bool timers = fs_park_timers();

		if (timers)
			sleep_in_libev();
		else
			sleep_in_read();
		if (LOAD(poked))
			serve_others();
		else if (timers)
			ev_run(fs.loop, EVRUN_ONCE);
		else if (handle_one() < 0)
			end();
	}
}

/* Everybody who waits is answered before the mount goes; so is who asks meanwhile, until nobody does, but
 * who has a file open may go on asking for ever. */
static void shut_down(void)
{
	struct pollfd more = {.fd = fs.fuse_fd, .events = POLLIN};
	int64_t until = fs_now_ns() + LAST_ANSWERS_MS * 1000000ll;
	int n = 0;

	set_nonblocking(true);
	fs_park_stopping = true;
	fs_park_fail_all(-ESHUTDOWN);
	fs_retry_all();
	if (!fuse_session_exited(fs.session)) {
		umount2(fs.mountpoint, MNT_DETACH);
		while (n >= 0 && fs_now_ns() < until && poll(&more, 1, SILENCE_MS) > 0)
			n = handle_one();
	}
}

void fs_loop_run(void)
{
	worker = pthread_self();
	ev_io_init(&fuse_io, on_fuse, fs.fuse_fd, EV_READ);
	if (start_poker() != 0)
		return;
	work();
	end_poker();
	shut_down();
}

int fs_loop_start(void)
{
	struct sigaction action = {.sa_handler = on_poke}; /* without SA_RESTART */
	struct epoll_event event = {.events = EPOLLIN};
	sigset_t set;
	int fd;

	fs.loop = ev_loop_new(EVFLAG_AUTO);
	others_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!fs.loop || others_fd < 0 || sem_init(&served, 0, 0) < 0)
		return -ENOMEM;
	sigaction(POKE, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_SETMASK, &set, NULL); /* whoever started us may have blocked the poke */
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	fs_loop_listen(&signal_io, on_signal, fd);
	fs_loop_listen(&watch_io, on_watch, fs.watch_fd);
	fs_loop_listen(&mq_io, on_mq, fs.mq_watch_fd);
	wake_poker_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	event.data.fd = wake_poker_fd;
	if (wake_poker_fd < 0 || epoll_ctl(others_fd, EPOLL_CTL_ADD, wake_poker_fd, &event) < 0)
		return -errno;
	return fs_park_start();
}
