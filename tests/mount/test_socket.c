/* SPDX-License-Identifier: MIT
 *
 * test_socket.c - sockets/tcp:HOST:PORT: a connection at the first use of an open file, its bytes, its ends, its errors.
 */
#include "t.h"

#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "net.h"

static const char *words(void)
{
	return t_run("tail -n 1 %s/errors", t_mnt)->out;
}

/* ---- a connection -------------------------------------------------------------------------------------- */

static void bytes_both_ways(void **state)
{
	(void)state;
	uint16_t port;

	net_begin();
	int listener = net_listen(&port), fd = t_open(net_tcp(port), O_RDWR);
	t_check(fd >= 0);
	t_status("pid");
	t_is(net_accept_now(listener), -EAGAIN); /* an open alone is no use */
	t_is(t_put(fd, "hi"), 2);
	int peer = net_accept(listener);
	net_gets(peer, "hi");
	net_puts(peer, "there");
	t_gets(fd, "there");
	net_puts(peer, "abc");
	char one[2] = "";
	for (const char *want = "abc"; *want; want++) {
		t_is(t_get(fd, one, 1), 1);
		t_is(one[0], *want);
	}
	close(fd);
	net_ends(peer);
	close(peer);
	close(listener);
}

static void each_open_file_is_one(void **state)
{
	(void)state;
	uint16_t port;
	int fd[3], peer[3];

	net_begin();
	int listener = net_listen(&port);
	for (int i = 0; i < 3; i++) {
		fd[i] = t_open(net_tcp(port), O_RDWR);
		t_is(t_put(fd[i], t_format("%d", i)), 1);
		peer[i] = net_accept(listener);
	}
	t_is(t_stat(net_tcp(port), "open"), 3);
	t_is(t_run("wc -l < %s,peek", net_tcp(port))->out[0], '3');
	for (int i = 2; i >= 0; i--) {
		net_gets(peer[i], t_format("%d", i));
		net_puts(peer[i], t_format("for %d", i));
	}
	for (int i = 0; i < 3; i++)
		t_gets(fd[i], t_format("for %d", i));
	int copy = dup(fd[0]);
	close(fd[0]);
	net_puts(peer[0], "still");
	t_gets(copy, "still");
	close(copy);
	net_ends(peer[0]);
	t_until(t_stat(net_tcp(port), "open") == 2);
	for (int i = 0; i < 3; i++)
		close(peer[i]);
	close(fd[1]);
	close(fd[2]);
	close(listener);
}

static void the_first_use_may_be_a_read_or_a_poll(void **state)
{
	(void)state;
	uint16_t port;

	net_begin();
	int listener = net_listen(&port);
	struct t_io reader = t_reader(net_tcp(port), O_RDONLY);
	int peer = net_accept(listener);
	t_wait_stat(net_tcp(port), "readers", 1);
	net_puts(peer, "first");
	t_io_got(&reader, "first");
	close(peer);

	int fd = t_open(net_tcp(port), O_RDWR | O_NONBLOCK);
	t_is(t_poll(fd, POLLOUT, T_LIMIT_MS), POLLOUT);
	peer = net_accept(listener);
	t_is(t_poll(fd, POLLIN, 0), 0);
	net_puts(peer, "x");
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_gets(fd, "x");
	close(fd);
	close(peer);
	close(listener);
}

static void nobody_waits_with_nonblock(void **state)
{
	(void)state;
	uint16_t port;
	char buf[8];

	net_begin();
	int listener = net_listen(&port), fd = t_open(net_tcp(port), O_RDWR | O_NONBLOCK);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	int peer = net_accept(listener);
	t_until(t_stat(net_tcp(port), "open") == 1);
	t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
	t_is(t_put(fd, "out"), 3);
	net_gets(peer, "out");
	net_puts(peer, "in");
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_gets(fd, "in");
	close(fd);
	fd = t_open(t_format("%s,timeout=0", net_tcp(port)), O_RDWR);
	t_is(t_put(fd, "x"), -EAGAIN);
	close(fd);
	close(peer);
	close(listener);
}

/* ---- its ends ------------------------------------------------------------------------------------------ */

static void either_side_may_end_first(void **state)
{
	(void)state;
	uint16_t port;
	char buf[8];

	net_begin();
	int listener = net_listen(&port), fd = t_open(net_tcp(port), O_RDWR);
	t_is(t_sys(ioctl(fd, IPCFS_SHUTDOWN)), -ENOTCONN);
	t_is(t_put(fd, "a"), 1);
	int peer = net_accept(listener);
	net_puts(peer, "last");
	t_is(t_sys(shutdown(peer, SHUT_WR)), 0);
	t_gets(fd, "last");
	for (int i = 0; i < 3; i++)
		t_is(t_get(fd, buf, sizeof(buf)), 0);
	t_is(t_put(fd, "b"), 1); /* we still may */
	net_gets(peer, "ab");
	t_is(t_poll(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
	t_is(t_sys(ioctl(fd, IPCFS_SHUTDOWN)), 0);
	net_ends(peer);
	t_is(t_put(fd, "c"), -EPIPE);
	close(fd);
	close(peer);

	fd = t_open(net_tcp(port), O_RDWR);
	t_is(t_put(fd, "question"), 8);
	peer = net_accept(listener);
	t_is(t_sys(ioctl(fd, IPCFS_SHUTDOWN)), 0);
	net_gets(peer, "question");
	net_ends(peer);
	net_puts(peer, "answer");
	t_gets(fd, "answer");
	close(peer);
	t_is(t_get(fd, buf, sizeof(buf)), 0);
	close(fd);
	int other = t_open(t_path("status"), O_RDONLY);
	t_is(t_sys(ioctl(other, IPCFS_SHUTDOWN)), -ENOTTY);
	close(other);
	close(listener);
}

static void a_reset(void **state)
{
	(void)state;
	uint16_t port;
	char buf[8];

	net_begin();
	int listener = net_listen(&port), fd = t_open(net_tcp(port), O_RDWR);
	t_is(t_put(fd, "a"), 1);
	net_reset(net_accept(listener));
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLERR);
	t_is(t_get(fd, buf, sizeof(buf)), -ECONNRESET);
	t_check(strstr(words(), "ECONNRESET"));
	t_is(t_get(fd, buf, sizeof(buf)), 0);
	t_is(t_put(fd, "b"), -EPIPE);
	close(fd);

	struct t_io reader = t_reader(net_tcp(port), O_RDONLY);
	int peer = net_accept(listener);
	t_wait_stat(net_tcp(port), "readers", 1);
	net_reset(peer);
	t_is(t_io_result(&reader), -ECONNRESET);
	close(listener);
}

static void nobody_listens(void **state)
{
	(void)state;
	uint16_t port;
	char buf[8];

	net_begin();
	close(net_listen(&port));
	int fd = t_open(net_tcp(port), O_RDWR);
	t_is(t_put(fd, "x"), -ECONNREFUSED);
	t_is(t_get(fd, buf, sizeof(buf)), -ECONNREFUSED);
	t_is(t_put(fd, "x"), -ECONNREFUSED);
	t_check(t_poll(fd, POLLIN, 0) & POLLERR);
	close(fd);
	t_check(strstr(words(), t_format("ECONNREFUSED sockets/tcp:127.0.0.1:%u", port)));
	struct t_io reader = t_reader(net_tcp(port), O_RDONLY);
	t_is(t_io_result(&reader), -ECONNREFUSED);
	fd = t_open(net_tcp(port), O_RDWR | O_NONBLOCK);
	t_check(t_poll(fd, POLLOUT, T_LIMIT_MS) & POLLERR);
	t_is(t_put(fd, "x"), -ECONNREFUSED);
	close(fd);
	t_is(t_echo(net_tcp(port), "x"), -ECONNREFUSED);
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

/* One that has no room: the kernel does not answer who would connect. */
static int full_listener(uint16_t *port, int extra[8])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = net_listen(port);

	a.sin_port = htons(*port);
	t_is(t_sys(listen(fd, 0)), 0);
	for (int i = 0; i < 8; i++) {
		extra[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(extra[i], (struct sockaddr *)&a, sizeof(a)); /* goes on for ever */
	}
	return fd;
}

static void a_connect_that_takes_long(void **state)
{
	(void)state;
	uint16_t port;
	int extra[8];
	char buf[8];

	net_begin();
	int listener = full_listener(&port, extra);
	const char *path = net_tcp(port);
	struct t_io reader = t_reader(path, O_RDONLY), writer = t_writer(path, O_WRONLY, "w");
	t_wait_stat(path, "waiters", 2);
	t_is(t_stat(path, "connects"), 2);
	t_kill(reader.pid);
	t_wait_stat(path, "waiters", 1);
	kill(writer.pid, SIGKILL);
	t_wait_stat(path, "waiters", 0);
	t_until(t_stat(path, "connects") == 0);
	int fd = t_open(t_format("%s,timeout=30ms", path), O_RDWR);
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	t_is(t_put(fd, "x"), -ETIMEDOUT);
	t_is(t_poll(fd, POLLIN | POLLOUT, 0), 0);
	t_is(t_stat(path, "connects"), 1); /* goes on */
	/* Others notice nothing. */
	t_is(t_echo(t_path("queues/beside"), "x"), 0);
	t_shows(t_path("queues/beside"), "x");
	/* Now it is answered. */
	for (int i = 0; i < 8; i++)
		close(extra[i]);
	t_is(t_sys(listen(listener, 128)), 0);
	while (net_accept_now(listener) >= 0)
		;
	t_is(t_poll(fd, POLLOUT, T_LIMIT_MS) & POLLOUT, POLLOUT);
	t_is(t_put(fd, "y"), 1);
	close(fd);
	close(listener);
}

static int read_one(void *arg)
{
	char buf[8];

	return t_get(*(int *)arg, buf, sizeof(buf)) > 0;
}

static void who_waits_takes_nothing_if_he_ends(void **state)
{
	(void)state;
	uint16_t port;
	int64_t ns = 20000000;
	char buf[8];

	net_begin();
	int listener = net_listen(&port), fd = t_open(net_tcp(port), O_RDWR);
	t_is(t_put(fd, "a"), 1);
	int peer = net_accept(listener);
	net_gets(peer, "a");
	for (int i = 0; i < 3; i++) {
		/* A child reads from the same open file. */
		pid_t pid = t_spawn(read_one, &fd);
		t_wait_stat(net_tcp(port), "readers", 1);
		t_kill(pid);
		t_wait_stat(net_tcp(port), "readers", 0);
		net_puts(peer, "kept");
		t_gets(fd, "kept");
	}
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	t_is(t_get(fd, buf, sizeof(buf)), -ETIMEDOUT);
	net_puts(peer, "more");
	t_until(t_poll(fd, POLLIN, 0) == POLLIN);
	t_gets(fd, "more");
	close(fd);
	close(peer);
	close(listener);
}

static void on_usr1(int number)
{
	(void)number;
}

static int read_interrupted(void *arg)
{
	struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};
	char buf[8];

	sigaction(SIGUSR1, &action, NULL);
	return (int)-t_get(t_open(arg, O_RDONLY), buf, sizeof(buf));
}

static void a_signal_and_the_servers_end(void **state)
{
	(void)state;
	uint16_t port;

	net_begin();
	int listener = net_listen(&port);
	pid_t pid = t_spawn(read_interrupted, (void *)(uintptr_t)net_tcp(port));
	t_wait_stat(net_tcp(port), "readers", 1);
	kill(pid, SIGUSR1);
	t_is(t_wait(pid), EINTR);
	struct t_io reader = t_reader(net_tcp(port), O_RDONLY);
	int peer = net_accept(listener);
	close(peer);
	peer = net_accept(listener);
	t_wait_stat(net_tcp(port), "readers", 1);
	t_umount();
	t_is(t_io_result(&reader), -ESHUTDOWN);
	net_ends(peer);
	t_mount("tcp");
	int fd = t_open(net_tcp(port), O_RDWR);
	t_is(t_put(fd, "x"), 1);
	close(peer);
	peer = net_accept(listener);
	t_restart();
	t_is(t_put(fd, "x"), -ENOTCONN);
	net_gets(peer, "x");
	net_ends(peer);
	close(fd);
	close(peer);
	close(listener);
}

/* ---- much ---------------------------------------------------------------------------------------------- */

enum { MUCH = 6 << 20, FAR_TOO_MUCH = 64 << 20 };

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static unsigned char *much(void)
{
	unsigned char *bytes = malloc(MUCH);

	for (size_t i = 0; i < MUCH; i++)
		bytes[i] = byte_at(i);
	return bytes;
}

static bool read_much(int fd)
{
	static unsigned char buf[100000];
	size_t at = 0;

	while (at < MUCH) {
		long n = t_get(fd, buf, at % 3 ? sizeof(buf) : 777);

		if (n <= 0)
			return false;
		for (long i = 0; i < n; i++)
			if (buf[i] != byte_at(at + (size_t)i))
				return false;
		at += (size_t)n;
	}
	return true;
}

static int write_much(void *arg)
{
	unsigned char *bytes = much();
	long n = t_sys(write(*(int *)arg, bytes, MUCH));

	free(bytes);
	return n != MUCH;
}

/* One write(2), longer than the kernel passes on in one piece, and than what the connection holds. */
static void a_long_write_either_way(void **state)
{
	(void)state;
	uint16_t port;

	net_begin();
	int listener = net_listen(&port), fd = t_open(net_tcp(port), O_RDWR);
	t_is(t_put(fd, "a"), 1);
	int peer = net_accept(listener);
	net_gets(peer, "a");
	pid_t pid = t_spawn(write_much, &fd);
	t_wait_stat(net_tcp(port), "writers", 1);
	t_check(read_much(peer));
	t_is(t_wait(pid), 0);
	pid = t_spawn(write_much, &peer);
	t_check(read_much(fd));
	t_is(t_wait(pid), 0);
	close(fd);
	close(peer);
	close(listener);
}

static void a_write_that_is_done_in_part(void **state)
{
	(void)state;
	uint16_t port;
	int64_t ns = 50000000;
	unsigned char *bytes = calloc(1, FAR_TOO_MUCH);

	net_begin();
	int listener = net_listen(&port), fd = t_open(net_tcp(port), O_RDWR | O_NONBLOCK);
	t_is(t_poll(fd, POLLOUT, T_LIMIT_MS), POLLOUT);
	int peer = net_accept(listener);
	long n, sent = 0;
	for (int i = 0; i < 10000 && (n = t_sys(write(fd, bytes, 1 << 20))) > 0; i++)
		sent += n;
	t_is(n, -EAGAIN);
	t_check(sent > 1 << 20);
	t_is(t_poll(fd, POLLOUT, 0), 0);
	t_is(t_sys(fcntl(fd, F_SETFL, 0)), 0);
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	t_is(t_sys(write(fd, bytes, 1 << 20)), -ETIMEDOUT);
	long got = 0;
	static char buf[65536];
	while (got < sent)
		got += t_get(peer, buf, sizeof(buf));
	t_is(got, sent);
	t_is(t_poll(fd, POLLOUT, T_LIMIT_MS), POLLOUT);
	n = t_sys(write(fd, bytes, FAR_TOO_MUCH)); /* what fits, until the time is over */
	t_check(n > 0 && n < FAR_TOO_MUCH);
	free(bytes);
	close(fd);
	close(peer);
	close(listener);
}

/* ---- poll ---------------------------------------------------------------------------------------------- */

static void epoll_level_and_edge(void **state)
{
	(void)state;
	uint16_t port;
	char buf[8];

	net_begin();
	for (int edge = 0; edge < 2; edge++) {
		struct epoll_event event = {.events = EPOLLIN | (edge ? (unsigned)EPOLLET : 0)};
		int listener = net_listen(&port), fd = t_open(net_tcp(port), O_RDWR | O_NONBLOCK);
		int epoll = epoll_create1(EPOLL_CLOEXEC);

		t_is(t_sys(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)), 0);
		int peer = net_accept(listener); /* to poll is a use */
		for (int i = 0; i < 200; i++) {
			net_puts(peer, "ab");
			do
				t_is(epoll_wait(epoll, &event, 1, T_LIMIT_MS), 1);
			while (!(event.events & EPOLLIN) || t_get(fd, buf, 8) != 2);
			t_is(t_get(fd, buf, sizeof(buf)), -EAGAIN);
		}
		close(peer);
		do
			t_is(epoll_wait(epoll, &event, 1, T_LIMIT_MS), 1);
		while (!(event.events & EPOLLIN) || t_get(fd, buf, 8) != 0);
		close(epoll);
		close(fd);
		close(listener);
	}
}

static void notify(void **state)
{
	(void)state;
	const struct timespec limit = {.tv_sec = T_LIMIT_MS / 1000};
	uint16_t port;
	sigset_t set;

	net_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int listener = net_listen(&port);
	int fd = t_open(t_format("%s,notify=USR1", net_tcp(port)), O_RDWR);
	int peer = net_accept(listener);
	for (int i = 0; i < 3; i++) {
		net_puts(peer, "x");
		t_is(sigtimedwait(&set, NULL, &limit), SIGUSR1);
		t_gets(fd, "x");
	}
	close(peer);
	t_is(sigtimedwait(&set, NULL, &limit), SIGUSR1);
	close(fd);
	close(listener);
}

/* A server that is idle sleeps, though data waits that nobody reads. */
static void nobody_spins(void **state)
{
	(void)state;
	uint16_t port;
	struct pollfd p;

	net_begin();
	int listener = net_listen(&port), fd = t_open(net_tcp(port), O_RDWR);
	t_is(t_put(fd, "x"), 1);
	int peer = net_accept(listener);
	net_puts(peer, "unread");
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	t_is(poll(&p, 1, T_LIMIT_MS), 1);
	p.events = POLLPRI; /* never comes */
	t_is(poll(&p, 1, 300), 0);
	long before = t_number(
		t_run("awk '{print \"ticks \" $14 + $15}' /proc/%d/stat", t_server())->out,
		"ticks");
	t_is(poll(&p, 1, 2000), 0);
	long after = t_number(
		t_run("awk '{print \"ticks \" $14 + $15}' /proc/%d/stat", t_server())->out,
		"ticks");
	t_check(after - before < 50); /* of 200 */
	close(fd);
	close(peer);
	close(listener);
}

/* ---- hosts --------------------------------------------------------------------------------------------- */

static void a_connection_by_name_and_by_ipv6(void **state)
{
	(void)state;
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t len = sizeof(a);
	uint16_t port;

	net_begin();
	int listener = net_listen(&port);
	int fd = t_open(t_path("sockets/tcp:localhost:%u", port), O_RDWR);
	t_is(t_put(fd, "named"), 5);
	int peer = net_accept(listener);
	net_gets(peer, "named");
	close(fd);
	close(peer);
	close(listener);
	fd = t_open(t_path("sockets/tcp:no-such-host.invalid:80"), O_RDWR);
	t_is_either(t_put(fd, "x"), -ENXIO, -EHOSTUNREACH);
	close(fd);
	listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, 8) < 0) {
		close(listener);
		return; /* this machine has none */
	}
	t_is(t_sys(getsockname(listener, (struct sockaddr *)&a, &len)), 0);
	fd = t_open(t_path("sockets/tcp:[::1]:%u", ntohs(a.sin6_port)), O_RDWR);
	t_is(t_put(fd, "six"), 3);
	peer = net_accept(listener);
	net_gets(peer, "six");
	t_check(strstr(
		t_run("cat %s", t_path("sockets/tcp:[::1]:%u,peek", ntohs(a.sin6_port)))->out,
		"[::1]:"));
	close(fd);
	close(peer);
	close(listener);
}

static void names_that_are_no_address(void **state)
{
	(void)state;
	static const char *const bad[] = {"tcp:",
					  "tcp:host",
					  "tcp::80",
					  "tcp:host:",
					  "tcp:host:http",
					  "tcp:host:0",
					  "tcp:host:65536",
					  "tcp:host:-1",
					  "tcp:::1:80",
					  "tcp:[::1]",
					  "tcp:[::1:80",
					  "tcp:[]:80",
					  "tcp:[localhost]:80",
					  "tcp:[127.0.0.1]:80",
					  "tcp:host:80 ",
					  "tcp:a:1,raw",
					  "tcp:a:1,stream",
					  "tcp:a:1,n=2"};
	net_begin();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("    %s\n", bad[i]);
		t_is(t_open(t_path("sockets/%s", bad[i]), O_RDWR), -EINVAL);
		t_is(t_open(t_path("sockets/%s", bad[i]), O_RDWR | O_CREAT), -EINVAL);
	}
	t_is(t_sys(mkdir(t_path("sockets/team"), 0777)), 0);
	t_is(t_open(t_path("sockets/team/tcp:127.0.0.1:80"), O_RDWR), -EINVAL);
	t_is(t_touch(t_path("sockets/plain")), -EINVAL);
	t_check(strstr(words(), "a socket is made by bind(2)"));
	t_is(t_sys(mkfifo(t_path("sockets/fifo"), 0600)), -EPERM);
}

static void it_stays_as_it_is(void **state)
{
	(void)state;
	const char *path;
	struct stat st;

	net_begin();
	path = t_path("sockets/tcp:127.0.0.1:80");
	t_is(t_sys(stat(path, &st)), 0);
	t_is(st.st_mode, S_IFREG | 0666);
	t_is(t_sys(unlink(path)), -EPERM);
	t_is(t_sys(rename(path, t_path("sockets/x"))), -EPERM);
	t_is(t_sys(chmod(path, 0600)), -EPERM);
	t_is(t_sys(mkdir(path, 0777)), -EEXIST);
	t_is(t_open(t_format("%s,temp", path), O_RDWR | O_CREAT), -EEXIST);
	t_is(t_open(t_format("%s,ctl", path), O_RDONLY), -EINVAL);
	t_is(t_echo(t_format("%s,ctl", path), "close"), -EINVAL);
	t_shows(t_format("%s,peek", path), "");
	t_is(t_run("ls %s/sockets | grep -c tcp:", t_mnt)->out[0], '0');
}

/* ---- who may ------------------------------------------------------------------------------------------- */

static void only_where_it_is_on(void **state)
{
	(void)state;
	uint16_t port;

	net_begin();
	int listener = net_listen(&port);
	t_umount();
	t_mount(NULL);
	t_is(t_open(net_tcp(port), O_RDWR), -EOPNOTSUPP);
	t_check(strstr(words(), "the mount wants -o tcp"));
	t_is(t_touch(t_path("sockets/listen:127.0.0.1:0")), -EOPNOTSUPP);
	t_is(net_accept_now(listener), -EAGAIN);
	t_umount();
	t_mount("tcp");
	t_is(t_echo(net_tcp(port), "x"), 0);
	close(listener);
}

static void another_network_namespace(void **state)
{
	(void)state;
	uint16_t port;

	net_begin();
	int listener = net_listen(&port);
	t_runs(1, "unshare -n bash -c 'echo x > %s'", net_tcp(port));
	t_check(strstr(words(), "another network namespace"));
	t_runs(1, "unshare -n touch %s/sockets/listen:127.0.0.1:0", t_mnt);
	t_check(strstr(words(), "EOPNOTSUPP"));
	t_is(net_accept_now(listener), -EAGAIN);
	t_is(t_exists(t_path("sockets/listen:127.0.0.1:0")), -ENOENT);
	close(listener);
}

static long connect_many(const char *path)
{
	long rc = 0;

	for (int i = 0; i < 1024 && rc >= 0; i++)
		rc = t_put(t_open(path, O_WRONLY), "x");
	return rc < 0 ? rc : t_put(t_open(path, O_WRONLY), "x");
}

static long connect_one(const char *path)
{
	return t_put(t_open(path, O_WRONLY), "x");
}

static void connections_of_one_user(void **state)
{
	(void)state;
	uint16_t port;

	net_begin();
	int listener = net_listen(&port);
	t_is(t_sys(listen(listener, 4096)), 0);
	t_is(t_as(T_NOBODY, connect_many, net_tcp(port)), -EUSERS);
	t_check(strstr(words(), "1024 connections"));
	t_until(t_stat(net_tcp(port), "open") == 0); /* he has ended */
	t_is(t_as(T_NOBODY, connect_one, net_tcp(port)), 1);
	close(listener);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(bytes_both_ways),
		T_TEST(each_open_file_is_one),
		T_TEST(the_first_use_may_be_a_read_or_a_poll),
		T_TEST(nobody_waits_with_nonblock),
		T_TEST(either_side_may_end_first),
		T_TEST(a_reset),
		T_TEST(nobody_listens),
		T_TEST(a_connect_that_takes_long),
		T_TEST(who_waits_takes_nothing_if_he_ends),
		T_TEST(a_signal_and_the_servers_end),
		T_TEST(a_long_write_either_way),
		T_TEST(a_write_that_is_done_in_part),
		T_TEST(epoll_level_and_edge),
		T_TEST(notify),
		T_TEST(nobody_spins),
		T_TEST(a_connection_by_name_and_by_ipv6),
		T_TEST(names_that_are_no_address),
		T_TEST(it_stays_as_it_is),
		T_TEST(only_where_it_is_on),
		T_TEST(another_network_namespace),
		T_TEST(connections_of_one_user),
	};
	return T_RUN(tests, argc, argv);
}
