/* SPDX-License-Identifier: MIT
 *
 * loop.c - what the server waits for. One thread does all the work. As long as no deadline is set it sleeps in
 * read(2) on /dev/fuse: nothing is as fast, since the kernel then wakes it on its client's CPU (`make bench`
 * measures an empty server that sleeps so beside one that spins). A second thread, which touches
 * nothing else, waits for the doorbell, the clock and signals, and when one of them has something it pokes
 * the first with a signal, so that its read returns and libev serves it. With a deadline set, the first
 * thread sleeps in libev itself.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "../core/object.h"

enum { BATCH = 512 }; /* requests before anything else gets its turn */
#define POKE SIGURG

static ev_io fuse_io, watch_io, signal_io;
static int others_fd = -1; /* epoll: all but /dev/fuse */
static struct fuse_buf buffer;
static pthread_t worker, poker;
static _Atomic bool
	poked; /* something is to be served; set by the poker, taken back by the worker */
static _Atomic bool poker_ends;
static int wake_poker_fd = -1;
static sem_t served;
static bool sleeps_in_read;

/* 1: handled one, 0: there is none, negative: the mount is over. */
static int handle_one(void)
{
	int n = fuse_session_receive_buf(fs.session, &buffer);

	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n <= 0)
		return -1;
	fs.requests++;
	fs_reply_begin();
	if (!fs_fast(buffer.mem, buffer.size))
		fuse_session_process_buf(fs.session, &buffer);
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

void fs_loop_listen(ev_io *io, void (*call)(struct ev_loop *, ev_io *, int), int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	ev_io_init(io, call, fd, EV_READ);
	ev_io_start(fs.loop, io);
	epoll_ctl(others_fd, EPOLL_CTL_ADD, fd, &event);
}

/* ---- the poker ------------------------------------------------------------------------------------ */

/* A signal that comes just before the read begins is lost on it: so again, until it is noticed. */
static void poke(void)
{
	struct timespec until;

	STORE(poked, true);
	while (LOAD(poked) && !LOAD(poker_ends)) {
		pthread_kill(worker, POKE);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		sem_timedwait(&served, &until);
	}
}

static void *poker_main(void *arg)
{
	struct epoll_event event;

	(void)arg;
	while (!LOAD(poker_ends))
		if (epoll_wait(others_fd, &event, 1, -1) > 0 && !LOAD(poker_ends))
			poke();
	return NULL;
}

static void end_poker(void)
{
	uint64_t one = 1;

	STORE(poker_ends, true);
	STORE(poked, false);
	sem_post(&served);
	if (write(wake_poker_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(poker, NULL);
}

static void on_poke(int sig)
{
	(void)sig; /* has ended a read */
}

static void serve_others(void)
{
	ev_run(fs.loop, EVRUN_NOWAIT);
	STORE(poked, false);
	sem_post(&served);
}

/* ---- the worker -------------------------------------------------------------------------------------- */

static void sleep_in_read(bool in_read)
{
	int fd = fuse_session_fd(fs.session), flags = fcntl(fd, F_GETFL);

	if (in_read == sleeps_in_read)
		return;
	sleeps_in_read = in_read;
	fcntl(fd, F_SETFL, in_read ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
	if (in_read)
		ev_io_stop(fs.loop, &fuse_io);
	else
		ev_io_start(fs.loop, &fuse_io);
}

static void work(void)
{
	while (!fs.stopping) {
		if (LOAD(poked)) {
			serve_others();
		} else if (fs_park_timers()) {
			sleep_in_read(false);
			ev_run(fs.loop, EVRUN_ONCE);
		} else {
			sleep_in_read(true);
			if (handle_one() < 0)
				end();
		}
	}
}

/* Everybody who waits is answered before the mount goes; whoever asks meanwhile is too. */
static void shut_down(void)
{
	struct pollfd more = {.fd = fuse_session_fd(fs.session), .events = POLLIN};
	int n = 0;

	sleep_in_read(false);
	fs_park_stopping = true;
	fs_park_fail_all(-ESHUTDOWN);
	if (!fuse_session_exited(fs.session)) {
		umount2(fs.mountpoint, MNT_DETACH);
		while (n >= 0 && poll(&more, 1, 100) > 0)
			n = handle_one();
	}
}

void fs_loop_run(void)
{
	worker = pthread_self();
	ev_io_init(&fuse_io, on_fuse, fuse_session_fd(fs.session), EV_READ);
	sleeps_in_read = true;
	if (pthread_create(&poker, NULL, poker_main, NULL) != 0)
		return;
	work();
	end_poker();
	shut_down();
	free(buffer.mem);
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
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	fs_loop_listen(&signal_io, on_signal, fd);
	fs_loop_listen(&watch_io, on_watch, fs.store->watch_fd);
	wake_poker_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	event.data.fd = wake_poker_fd;
	if (wake_poker_fd < 0 || epoll_ctl(others_fd, EPOLL_CTL_ADD, wake_poker_fd, &event) < 0)
		return -errno;
	return fs_park_start();
}
