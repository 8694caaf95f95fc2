/* SPDX-License-Identifier: MIT
 *
 * test_listen.c - sockets/listen:HOST:PORT: a name that listens until it is removed, whose open files take the next
 * connections; and the sockets of bind(2), which are the kernel's.
 */
#include "t.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "net.h"

static const char *words(void)
{
	return t_run("tail -n 1 %s/errors", t_mnt)->out;
}

/* A new name, and its port, which the kernel chose. */
static const char *listening(uint16_t *port)
{
	const char *path = t_path("sockets/listen:127.0.0.1:0");
	const char *colon;

	net_begin();
	unlink(path);
	t_is(t_touch(path), 0);
	t_is(t_stat(path, "listens"), 1);
	colon = strstr(t_run("cat %s,stat", path)->out, "address 127.0.0.1:");
	t_check(colon);
	*port = (uint16_t)atoi(colon + strlen("address 127.0.0.1:"));
	t_check(*port);
	return path;
}

/* ---- the next connection ------------------------------------------------------------------------------- */

static void a_handle_takes_the_next_connection(void **state)
{
	(void)state;
	uint16_t port;
	const char *path = listening(&port);
	int first = net_connect(port), second = net_connect(port), fd = t_open(path, O_RDWR);
	char buf[8];

	t_is(t_stat(path, "open"), 0); /* an open is no use */
	net_puts(first, "one");
	net_puts(second, "two");
	t_gets(fd, "one");
	int other = t_open(path, O_RDWR);
	t_gets(other, "two");
	t_is(t_put(other, "for two"), 7);
	net_gets(second, "for two");
	t_is(t_put(fd, "for one"), 7);
	net_gets(first, "for one");
	close(first);
	t_is(t_get(fd, buf, sizeof(buf)), 0);
	t_is(t_get(fd, buf, sizeof(buf)), 0); /* it is that connection's, for good */
	close(fd);
	close(other);
	net_ends(second);
	close(second);
}

/* Whoever speaks first. */
static void the_first_use_may_be_a_write_or_a_poll(void **state)
{
	(void)state;
	uint16_t port;
	const char *path = listening(&port);
	struct t_io writer = t_writer(path, O_WRONLY, "welcome");

	t_wait_stat(path, "writers", 1);
	t_is(t_stat(path, "accepts"), 1);
	int client = net_connect(port);
	t_is(t_io_result(&writer), 7);
	net_gets(client, "welcome");
	net_ends(client);
	close(client);

	int fd = t_open(path, O_RDWR | O_NONBLOCK);
	t_is(t_poll(fd, POLLIN | POLLOUT, 0), 0);
	client = net_connect(port);
	t_is(t_poll(fd, POLLOUT, T_LIMIT_MS), POLLOUT);
	net_puts(client, "x");
	t_is(t_poll(fd, POLLIN, T_LIMIT_MS), POLLIN);
	t_gets(fd, "x");
	close(fd);
	close(client);
}

static void first_come_first_served(void **state)
{
	(void)state;
	enum { READERS = 5 };
	uint16_t port;
	const char *path = listening(&port);
	struct t_io readers[READERS];
	int clients[READERS];

	for (int i = 0; i < READERS; i++) {
		readers[i] = t_reader(path, O_RDONLY);
		t_wait_stat(path, "accepts", i + 1);
	}
	for (int i = 0; i < READERS; i++) {
		clients[i] = net_connect(port);
		t_wait_stat(path, "accepts", READERS - i - 1);
	}
	for (int i = READERS - 1; i >= 0; i--)
		net_puts(clients[i], t_format("for %d", i));
	for (int i = 0; i < READERS; i++) {
		t_io_got(&readers[i], t_format("for %d", i));
		net_ends(clients[i]);
		close(clients[i]);
	}
}

static void on_usr1(int number)
{
	(void)number;
}

static int read_interrupted(void *arg)
{
	struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};
	char buf[8];
	int fd = t_open(arg, O_RDONLY);

	sigaction(SIGUSR1, &action, NULL);
	if (t_get(fd, buf, sizeof(buf)) != -EINTR)
		return 1;
	for (;;)
		pause(); /* it is still open */
}

/* Whoever waits no longer takes no connection. */
static void who_gives_up_is_passed_over(void **state)
{
	(void)state;
	uint16_t port;
	const char *path = listening(&port);
	char buf[8];

	struct t_io killed = t_reader(path, O_RDONLY);
	t_wait_stat(path, "accepts", 1);
	t_kill(killed.pid);
	pid_t interrupted = t_spawn(read_interrupted, (void *)(uintptr_t)path);
	t_wait_stat(path, "readers", 1);
	kill(interrupted, SIGUSR1);
	t_wait_stat(path, "readers", 0);
	int late = t_open(t_format("%s,timeout=20ms", path), O_RDWR);
	t_is(t_get(late, buf, sizeof(buf)), -ETIMEDOUT);
	int never = t_open(path, O_RDWR | O_NONBLOCK);
	t_is(t_get(never, buf, sizeof(buf)), -EAGAIN);
	t_is(t_put(never, "x"), -EAGAIN);
	t_is(t_stat(path, "accepts"), 0);
	struct t_io waits = t_reader(path, O_RDONLY);
	t_wait_stat(path, "accepts", 1);
	int client = net_connect(port);
	net_puts(client, "here");
	t_io_got(&waits, "here");
	close(client);
	client = net_connect(port);
	net_puts(client, "again");
	t_until(t_get(never, buf, 5) == 5);
	close(client);
	close(late);
	close(never);
}

static void peers(void **state)
{
	(void)state;
	uint16_t port;
	const char *path = listening(&port);
	int watch = t_open(t_format("%s,watch", path), O_RDONLY | O_NONBLOCK);
	char buf[200];

	t_shows(t_format("%s,peek", path), "");
	t_is(t_get(watch, buf, sizeof(buf)), -EAGAIN);
	t_is(t_poll(watch, POLLIN, 0), 0);
	int client = net_connect(port), fd = t_open(path, O_RDWR);
	t_is(t_put(fd, "x"), 1);
	t_is(t_poll(watch, POLLIN, T_LIMIT_MS), POLLIN);
	t_check(t_get(watch, buf, sizeof(buf)) > 0);
	t_check(strncmp(buf, "127.0.0.1:", 10) == 0);
	t_check(strstr(buf, t_format(" %d 0\n", (int)getpid())));
	t_is(t_get(watch, buf, sizeof(buf)), -EAGAIN);
	t_is(t_stat(path, "open"), 1);
	close(fd);
	t_is(t_poll(watch, POLLIN, T_LIMIT_MS), POLLIN);
	t_is(t_get(watch, buf, sizeof(buf)), 0);
	close(watch);
	close(client);
}

/* Both ends through the mount. */
static void from_file_to_file(void **state)
{
	(void)state;
	uint16_t port;
	const char *path = listening(&port);
	int there = t_open(net_tcp(port), O_RDWR);

	t_is(t_put(there, "knock"), 5);
	int here = t_open(path, O_RDWR);
	t_gets(here, "knock");
	for (int i = 0; i < 200; i++) {
		t_is(t_put(here, "ping"), 4);
		t_gets(there, "ping");
		t_is(t_put(there, "pong"), 4);
		t_gets(here, "pong");
	}
	t_is(t_sys(ioctl(here, IPCFS_SHUTDOWN)), 0);
	char buf[8];
	t_is(t_get(there, buf, sizeof(buf)), 0);
	t_is(t_put(there, "rest"), 4);
	t_gets(here, "rest");
	close(there);
	close(here);
}

/* ---- its end ------------------------------------------------------------------------------------------- */

static void removal(void **state)
{
	(void)state;
	uint16_t port;
	const char *path = listening(&port);
	int client = net_connect(port), fd = t_open(path, O_RDWR), idle = t_open(path, O_RDWR);
	struct t_io reader;
	char buf[8];

	t_is(t_put(fd, "a"), 1);
	reader = t_reader(path, O_RDONLY);
	t_wait_stat(path, "accepts", 1);
	t_is(t_sys(unlink(path)), 0);
	t_is(t_io_result(&reader), -EIDRM);
	t_is(t_get(idle, buf, sizeof(buf)), -EIDRM);
	t_check(t_poll(idle, POLLIN, 0) & POLLERR);
	t_is(net_connect(port), -ECONNREFUSED);
	net_gets(client, "a");
	net_puts(client, "goes on");
	t_gets(fd, "goes on");
	t_is(t_put(fd, "too"), 3);
	net_gets(client, "too");
	t_is(t_exists(path), -ENOENT);
	t_is(t_open(path, O_RDWR), -ENOENT);
	close(idle);
	close(fd);
	net_ends(client);
	close(client);
}

static void the_server_ends_and_comes_back(void **state)
{
	(void)state;
	uint16_t port, other;
	const char *path = listening(&port), *fixed;
	struct t_io reader;
	int taken;

	/* A port that is free: the kernel has just given it. */
	close(net_listen(&other));
	fixed = t_path("sockets/listen:127.0.0.1:%u", other);
	t_is(t_touch(fixed), 0);
	t_is(t_sys(chmod(fixed, 0640)), 0);
	reader = t_reader(path, O_RDONLY);
	t_wait_stat(path, "accepts", 1);
	t_umount();
	t_is(t_io_result(&reader), -ESHUTDOWN);
	t_is(net_connect(other), -ECONNREFUSED);
	t_mount("tcp");
	int client = net_connect(other); /* it listens again */
	t_check(client >= 0);
	net_puts(client, "x");
	int fd = t_open(fixed, O_RDWR);
	t_gets(fd, "x");
	close(client);
	t_restart(); /* and after a kill */
	client = net_connect(other);
	t_check(client >= 0);
	close(client);
	close(fd);
	t_is(t_run("stat -c %%a %s", fixed)->out[0], '6');
	t_is(t_sys(unlink(path)), 0);

	/* The port is somebody else's just then: it is there as soon as it can be. */
	t_umount();
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(other),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;
	setsockopt(taken, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	t_is(t_sys(bind(taken, (struct sockaddr *)&a, sizeof(a))), 0);
	t_is(t_sys(listen(taken, 1)), 0);
	t_mount("tcp");
	t_is(t_stat(fixed, "listens"), 0);
	t_is(t_open(fixed, O_RDWR), -EADDRINUSE);
	close(taken);
	fd = t_open(fixed, O_RDWR);
	t_check(fd >= 0);
	t_is(t_stat(fixed, "listens"), 1);
	close(fd);
	t_is(t_sys(unlink(fixed)), 0);
}

static int make_and_stay(void *arg)
{
	if (t_open(arg, O_RDWR | O_CREAT) < 0)
		return 1;
	for (;;)
		pause();
}

static void temp(void **state)
{
	(void)state;
	const char *path = t_path("sockets/listen:127.0.0.1:0");

	net_begin();
	pid_t pid = t_spawn(make_and_stay, (void *)(uintptr_t)t_format("%s,temp", path));
	t_until(t_exists(path) == 0);
	t_check(t_stat_has(path, "temp 1"));
	t_kill(pid);
	t_until(t_exists(path) == -ENOENT);
}

/* ---- names, and who may -------------------------------------------------------------------------------- */

static void names_that_are_no_address(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"listen:",	 "listen:0",	   "listen:example.org:80", "listen::0",
		"listen:*:x",	 "listen:*:65536", "listen:1.2.3:0x",	    "listen:::0",
		"listen:[::1:0", "listen:*:0,n=1", "listen:*:0,raw"};
	uint16_t port;
	const char *path;

	net_begin();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("    %s\n", bad[i]);
		t_is(t_touch(t_path("sockets/%s", bad[i])), -EINVAL);
	}
	t_is(t_open(t_path("sockets/listen:127.0.0.1:0"), O_RDWR), -ENOENT);
	t_is(t_open(t_path("sockets/listen:127.0.0.1:0,peek"), O_RDONLY | O_CREAT), -ENOENT);
	path = listening(&port);
	t_is(t_open(path, O_RDWR | O_CREAT | O_EXCL), -EEXIST);
	t_is(t_sys(rename(path, t_path("sockets/x"))), -EPERM);
	t_check(strstr(words(), "an address keeps its name"));
	t_is(t_sys(rename(path, t_path("sockets/listen:127.0.0.1:1"))), -EPERM);
	t_is(t_sys(mkdir(t_path("sockets/listen:127.0.0.1:1"), 0755)), -EPERM);
	t_is(t_sys(mknod(t_path("sockets/listen:127.0.0.1:1"), S_IFSOCK | 0600, 0)), -EPERM);
	t_check(strstr(words(), "the name of an address"));
	t_is(t_sys(link(path, t_path("sockets/l"))), -EPERM);
	t_is(t_sys(truncate(path, 0)), 0);
	t_is(t_echo(t_format("%s,ctl", path), "close"), -EINVAL);
	t_is(t_touch(t_path("sockets/listen:127.0.0.1:%u", port)), -EADDRINUSE);
	t_is(t_exists(t_path("sockets/listen:127.0.0.1:%u", port)), -ENOENT);
	t_check(strstr(t_run("ls %s/sockets", t_mnt)->out, "listen:127.0.0.1:0\n"));
	t_is(t_sys(unlink(path)), 0);
	/* What lies in the store for nothing. */
	t_is(t_echo(t_in_store("sockets/stray"), "x"), 0);
	t_is(t_open(t_path("sockets/stray"), O_RDWR), -EUCLEAN);
	t_is(t_sys(unlink(t_path("sockets/stray"))), 0);
}

static void all_addresses(void **state)
{
	(void)state;
	static const char *const hosts[] = {"*", "0.0.0.0", "localhost"};

	net_begin();
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		const char *path = t_path("sockets/listen:%s:0", hosts[i]);
		int rc = (int)t_touch(path);

		if (rc == -EAFNOSUPPORT && i == 0)
			continue; /* no IPv6 here */
		t_is(rc, 0);
		const char *colon = strrchr(t_run("grep ^address '%s,stat'", path)->out, ':');
		int client = net_connect((uint16_t)atoi(colon + 1));
		t_check(client >= 0);
		net_puts(client, "x");
		int fd = t_open(path, O_RDWR);
		t_gets(fd, "x");
		close(fd);
		close(client);
		t_is(t_sys(unlink(path)), 0);
	}
}

static long touch_it(const char *path)
{
	return t_touch(path);
}

static long open_it(const char *path)
{
	int fd = t_open(path, O_RDWR);

	return fd < 0 ? fd : close(fd);
}

static long remove_it(const char *path)
{
	return t_sys(unlink(path));
}

static void who_may(void **state)
{
	(void)state;
	uint16_t port;
	const char *path = listening(&port), *his;
	struct stat st;

	t_is(t_sys(stat(path, &st)), 0);
	t_is(st.st_mode, S_IFREG | 0600); /* with umask 022: nobody else takes its connections */
	t_is(t_as(T_NOBODY, open_it, path), -EACCES);
	t_is(t_sys(chmod(path, 0666)), 0);
	t_is(t_as(T_NOBODY, open_it, path), 0);
	t_is(t_as(T_NOBODY, remove_it, path), -EPERM);
	t_is(t_sys(unlink(path)), 0);

	his = t_path("sockets/listen:localhost:0");
	t_is(t_as(T_NOBODY, touch_it, his), 0);
	t_is(t_sys(stat(his, &st)), 0);
	t_is(st.st_uid, T_NOBODY);
	t_is(t_as(T_OTHER, open_it, his), -EACCES);
	t_is(t_as(T_NOBODY, remove_it, his), 0);
	t_is(t_as(T_NOBODY, touch_it, t_path("sockets/listen:127.0.0.1:1023")), -EACCES);
	t_check(strstr(words(), "ports below 1024 are for root"));
	t_is_either(t_touch(t_path("sockets/listen:127.0.0.1:1023")), 0, -EADDRINUSE);
	unlink(t_path("sockets/listen:127.0.0.1:1023"));
}

/* ---- the kernel's: bind(2) and connect(2) -------------------------------------------------------------- */

static struct sockaddr_un address(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	/* The mount's path may be longer than an address. */
	t_is(t_sys(chdir(t_path("sockets"))), 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", name);
	return a;
}

static int bound(int type, const char *name)
{
	struct sockaddr_un a = address(name);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), rc;

	rc = (int)t_sys(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	t_is(t_sys(chdir("/")), 0);
	if (rc == 0 && type != SOCK_DGRAM)
		t_is(t_sys(listen(fd, 8)), 0);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

static int connected(int type, const char *name)
{
	struct sockaddr_un a = address(name);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), rc;

	rc = (int)t_sys(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	t_is(t_sys(chdir("/")), 0);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

static void bind_and_connect(void **state)
{
	(void)state;
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	char buf[16];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int fd = bound(types[i], "u"), client, peer;

		t_check(fd >= 0);
		t_is(bound(types[i], "u"), -EADDRINUSE);
		for (int k = 0; k < 3; k++) { /* by many, one after the other */
			client = connected(types[i], "u");
			t_check(client >= 0);
			net_puts(client, "hello");
			peer = types[i] == SOCK_DGRAM ? dup(fd) : accept(fd, NULL, NULL);
			t_is(t_get(peer, buf, sizeof(buf)), 5);
			close(peer);
			close(client);
		}
		t_is(t_sys(unlink(t_path("sockets/u"))), 0);
		t_is(connected(types[i], "u"), -ENOENT);
		close(fd);
	}
}

static void a_bound_socket_as_a_file(void **state)
{
	(void)state;
	int fd = bound(SOCK_STREAM, "file"), client;
	const char *path = t_path("sockets/file");
	struct stat st, again;

	t_check(fd >= 0);
	t_is(t_sys(stat(path, &st)), 0);
	t_is(st.st_mode, S_IFSOCK | 0755);
	t_check(strstr(t_run("ls -l %s", path)->out, "srwxr-xr-x"));
	t_is(t_open(path, O_RDWR), -ENXIO);
	t_check(t_stat_has(path, "kind sockets"));
	t_check(t_stat_has(path, "socket 1"));
	t_is(t_open(t_format("%s,peek", path), O_RDONLY), -EINVAL);
	t_is(t_sys(link(path, t_path("sockets/l"))), -EPERM);
	t_is(t_sys(chmod(path, 0700)), 0);
	t_is(t_sys(mkdir(t_path("sockets/sub"), 0777)), 0);
	/* Renamed, it is still the same. */
	t_is(t_sys(rename(path, t_path("sockets/sub/moved"))), 0);
	t_is(t_sys(stat(t_path("sockets/sub/moved"), &again)), 0);
	t_is(again.st_ino == st.st_ino, true);
	t_is(again.st_mode, S_IFSOCK | 0700);
	client = connected(SOCK_STREAM, "sub/moved");
	t_check(client >= 0);
	close(client);
	t_is(t_sys(rename(t_path("sockets/sub/moved"), t_path("sockets/listen:*:0"))),
	     t_exists(t_path("sockets/tcp:a:1")) == 0 ? -EPERM : -EOPNOTSUPP);
	t_is(t_sys(unlink(t_path("sockets/sub/moved"))), 0);
	close(fd);
	/* The programs that it serves do not have to know that it is gone. */
	t_is(bound(SOCK_STREAM, "again") >= 0, true);
}

static long connect_to(const char *name)
{
	int fd = connected(SOCK_STREAM, name);

	return fd < 0 ? fd : close(fd);
}

static void a_bound_sockets_mode(void **state)
{
	(void)state;
	int fd = bound(SOCK_STREAM, "mode");
	const char *path = t_path("sockets/mode");

	t_is(t_as(T_NOBODY, connect_to, "mode"), -EACCES);
	t_is(t_sys(chmod(path, 0777)), 0);
	t_is(t_as(T_NOBODY, connect_to, "mode"), 0);
	t_is(t_sys(chmod(path, 0700)), 0);
	t_is(t_sys(chown(path, T_NOBODY, T_NOBODY)), 0);
	t_is(t_as(T_NOBODY, connect_to, "mode"), 0);
	t_is(t_as(T_OTHER, connect_to, "mode"), -EACCES);
	t_is(t_as(T_OTHER, remove_it, path), -EPERM);
	close(fd);
	t_is(connect_to("mode"), -ECONNREFUSED);
	t_is(t_as(T_NOBODY, remove_it, path), 0);
}

/* Held connections are the kernel's, and outlive the server; the name does not. */
static void a_bound_socket_and_the_servers_end(void **state)
{
	(void)state;
	char buf[8];
	int fd = bound(SOCK_STREAM, "restart"), client = connected(SOCK_STREAM, "restart");
	int peer = accept(fd, NULL, NULL);

	t_check(client >= 0 && peer >= 0);
	t_restart();
	net_puts(client, "still");
	t_is(t_get(peer, buf, sizeof(buf)), 5);
	t_is(t_exists(t_path("sockets/restart")), -ENOENT);
	close(fd);
	fd = bound(SOCK_STREAM, "restart");
	t_check(fd >= 0);
	close(client);
	client = connected(SOCK_STREAM, "restart");
	t_check(client >= 0);
	close(client);
	close(peer);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_handle_takes_the_next_connection),
		T_TEST(the_first_use_may_be_a_write_or_a_poll),
		T_TEST(first_come_first_served),
		T_TEST(who_gives_up_is_passed_over),
		T_TEST(peers),
		T_TEST(from_file_to_file),
		T_TEST(removal),
		T_TEST(the_server_ends_and_comes_back),
		T_TEST(temp),
		T_TEST(names_that_are_no_address),
		T_TEST(all_addresses),
		T_TEST(who_may),
		T_TEST(bind_and_connect),
		T_TEST(a_bound_socket_as_a_file),
		T_TEST(a_bound_sockets_mode),
		T_TEST(a_bound_socket_and_the_servers_end),
	};
	return T_RUN(tests, argc, argv);
}
