/* SPDX-License-Identifier: MIT
 *
 * rows.c - one object of each kind in C, by open, read and write alone: nothing is linked. (Programs that want
 * nanoseconds use libipcfs(3) on the very same objects.) `cc -o rows rows.c && ./rows`; $IPCFS_MOUNT is the mount.
 * It prints:
 *   queue: first
 *   semaphore: acquired 1, 1 left
 *   lock: held, another one: Resource temporarily unavailable
 *   event: 1
 *   condition: 1
 *   barrier: 0 and 1
 *   value: 42
 *   array: 1 12 13
 *   list: popped b, left a
 *   dict: red, keys: colour
 *   pipe: hello
 *   topic: news
 *   socket: hello
 *   signal: USR2 has come
 *   mq: high
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what all rows use ------------------------------------------------------------------------- */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The name of this program's object of a kind, with options: good until the second call after this one. */
static const char *object(const char *kind, const char *options)
{
	static char names[2][128];
	static int turn;
	char *name = names[turn ^= 1];

	snprintf(name, sizeof(names[0]), "%s/example-%d%s", kind, (int)getpid(), options);
	return name;
}

static int open_object(const char *kind, const char *options, int flags)
{
	int fd = open(object(kind, options), flags | O_CLOEXEC, 0666);

	if (fd < 0)
		die(object(kind, options));
	return fd;
}

static void make(const char *kind, const char *properties)
{
	close(open_object(kind, properties, O_RDWR | O_CREAT | O_EXCL));
}

/* One operation: all of the text, by one write(2). */
static void put(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		die(text);
}

/* What one read(2) gives, without a final newline; good until the next call. */
static const char *get(int fd)
{
	static char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return strerror(errno);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return text;
}

/* The same with an open file of their own. */
static void put_to(const char *kind, const char *options, const char *text)
{
	int fd = open_object(kind, options, O_WRONLY | O_APPEND);

	put(fd, text);
	close(fd);
}

static const char *get_from(const char *kind, const char *options)
{
	int fd = open_object(kind, options, O_RDONLY);
	const char *text = get(fd);

	close(fd);
	return text;
}

static void removed(const char *kind)
{
	if (remove(object(kind, "")) < 0)
		die(object(kind, ""));
}

/* ---- a function a row ---------------------------------------------------------------------------- */

static void queue(void)
{
	make("queues", ",maxsize=10");
	put_to("queues", "", "first");
	put_to("queues", "", "second");
	printf("queue: %s\n", get_from("queues", ""));
	removed("queues");
}

static void semaphore(void)
{
	make("semaphores", ",value=2");
	printf("semaphore: acquired %s, ", get_from("semaphores", ""));
	printf("%s left\n", get_from("semaphores", ",peek"));
	put_to("semaphores", "", "1"); /* release */
	removed("semaphores");
}

static void lock(void)
{
	int mine, other;

	make("locks", "");
	mine = open_object("locks", "", O_RDWR);
	other = open_object("locks", "", O_RDWR | O_NONBLOCK);
	get(mine); /* acquires, and gives the fencing token */
	printf("lock: held, another one: %s\n", get(other));
	put(mine, "unlock"); /* as the close would, and any death of its holder */
	close(mine);
	close(other);
	removed("locks");
}

static void event(void)
{
	make("events", "");
	put_to("events", "", "1");
	printf("event: %s\n", get_from("events", ""));
	removed("events");
}

static void condition(void)
{
	int fd;

	make("conditions", "");
	fd = open_object("conditions", "", O_RDWR);
	put(fd, "arm"); /* waits from now on, so that nothing is lost before the read */
	put_to("conditions", "", "all");
	printf("condition: %s\n", get(fd));
	close(fd);
	removed("conditions");
}

static void barrier(void)
{
	int status, mine, fd;
	pid_t child;

	make("barriers", ",parties=2");
	fd = open_object("barriers", "", O_RDONLY);
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0)
		_exit(atoi(get(fd))); /* waits for the other; its index: who came as which */
	mine = atoi(get_from("barriers", ""));
	waitpid(child, &status, 0);
	status = WEXITSTATUS(status);
	printf("barrier: %d and %d\n", mine < status ? mine : status,
	       mine < status ? status : mine);
	close(fd);
	removed("barriers");
}

static void value(void)
{
	make("values", ",type=q");
	put_to("values", "", "40");
	put_to("values", "", "add 2");
	printf("value: %s\n", get_from("values", ""));
	removed("values");
}

static void array(void)
{
	char text[64];

	make("arrays", ",type=i,len=3");
	put_to("arrays", "", "1 2 3");
	put_to("arrays", "", "1:3 += 10");
	snprintf(text, sizeof(text), "%s", get_from("arrays", ""));
	for (char *end = text; (end = strchr(end, '\n'));)
		*end = ' '; /* one element a line */
	printf("array: %s\n", text);
	removed("arrays");
}

static void list(void)
{
	make("lists", "");
	put_to("lists", "", "a\nb\n"); /* two items */
	printf("list: popped %s, ", get_from("lists", ",pop"));
	printf("left %s\n", get_from("lists", ""));
	removed("lists");
}

static void dict(void)
{
	const char *folder = object("dicts", "");
	const struct dirent *key;
	int fd;
	DIR *d;

	if (mkdir(folder, 0777) < 0)
		die(folder);
	fd = open_object("dicts", "/colour", O_WRONLY | O_CREAT);
	put(fd, "red");
	close(fd);
	printf("dict: %s, keys:", get_from("dicts", "/colour"));
	d = opendir(object("dicts", ""));
	while (d && (key = readdir(d)))
		if (key->d_name[0] != '.')
			printf(" %s", key->d_name);
	printf("\n");
	if (d)
		closedir(d);
	if (remove(object("dicts", "/colour")) < 0)
		die("colour");
	removed("dicts");
}

static void pipe_ends(void)
{
	int a, b;

	make("pipes", "");
	a = open_object("pipes", ",a", O_RDWR);
	b = open_object("pipes", ",b", O_RDWR);
	put(a, "hello");
	printf("pipe: %s\n", get(b));
	close(a);
	close(b);
	removed("pipes");
}

static void topic(void)
{
	int fd;

	make("topics", "");
	fd = open_object("topics", ",stream", O_RDONLY); /* hears all from now on */
	put_to("topics", "", "news");
	printf("topic: %s\n", get(fd));
	close(fd);
	removed("topics");
}

static void socket_file(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	int here;

	snprintf(name.sun_path, sizeof(name.sun_path), "%.100s", object("sockets", ""));
	if (bind(server, (const struct sockaddr *)&name, sizeof(name)) < 0 || listen(server, 1) < 0)
		die("bind");
	if (connect(client, (const struct sockaddr *)&name, sizeof(name)) < 0)
		die("connect");
	here = accept(server, NULL, NULL);
	put(client, "hello");
	printf("socket: %s\n", get(here));
	close(here);
	close(client);
	close(server);
	removed("sockets");
}

static volatile sig_atomic_t came;

static void handler(int number)
{
	came = number;
}

static void signal_to_self(void)
{
	struct sigaction on = {.sa_handler = handler};
	sigset_t blocked, before;
	int fd = open("signals/self", O_WRONLY | O_CLOEXEC);

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	sigaction(SIGUSR2, &on, NULL);
	if (fd < 0)
		die("signals/self");
	put(fd, "USR2");
	close(fd);
	while (!came)
		sigsuspend(&before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	printf("signal: USR2 has come\n");
}

static void mq(void)
{
	make("mq", ",maxmsg=4");
	put_to("mq", ",prio=1", "low"); /* mq_open(3) would find it, too */
	put_to("mq", ",prio=5", "high");
	printf("mq: %s\n", get_from("mq", ""));
	removed("mq");
}

int main(void)
{
	const char *mount = getenv("IPCFS_MOUNT");

	setvbuf(stdout, NULL, _IOLBF, 0); /* barrier() forks */
	if (chdir(mount ? mount : "/ipc") < 0)
		die(mount ? mount : "/ipc");
	queue();
	semaphore();
	lock();
	event();
	condition();
	barrier();
	value();
	array();
	list();
	dict();
	pipe_ends();
	topic();
	socket_file();
	signal_to_self();
	mq();
	return 0;
}
