/* SPDX-License-Identifier: MIT
 *
 * test_parked.c - requests that wait: what answers at once beside them, who is served when; signals.
 */
#include "t.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* ---- while a writer waits on a full queue: fuse-facts.md, section 1 ---------------------------- */

/* A full queue with one writer parked. */
static const char *full(const char *name, struct t_io *writer)
{
	const char *q = t_path("queues/%s", name);

	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_is(t_echo(q, "first\n"), 0);
	*writer = t_writer(q, O_WRONLY, "second\n");
	t_wait_stat(q, "writers", 1);
	setenv("Q", q, 1);
	return q;
}

static void who_looks_is_answered_at_once(void **state)
{
	(void)state;
	struct t_io writer;
	const char *q = full("look", &writer);

	t_runs(0, "stat $Q");
	t_runs(0, "ls -l $Q && ls -l $M/queues && ls -la $M && ls -R $M/queues");
	t_runs(0, "grep -q '^waiters 1$' $Q,stat");
	t_runs(0, "[ $(cat $Q,peek) = first ]");
	t_runs(0, "test -e $Q && test -w $Q && test ! -s $Q");
	t_runs(0, "find $M/queues -name look | grep -q look");
	t_runs(0, "exec 3<$Q 4>>$Q 5<>$Q");
	t_runs(0, "df $M && cat $M/status $M/README $M/errors");
	t_check(t_poll(t_open(q, O_WRONLY), POLLOUT, 0) == 0);
	t_check(t_poll(t_open(q, O_RDONLY), POLLIN, 0) & POLLIN);
	t_is(t_stat(q, "waiters"), 1);
	t_is(writer.note->state, 1);
	t_shows(q, "first\n");
	t_is(t_io_result(&writer), 7);
}

static void who_changes_is_answered_at_once(void **state)
{
	(void)state;
	struct t_io writer;
	const char *q = full("change", &writer);

	t_runs(0, "chmod 660 $Q && [ $(stat -c %%a $Q) = 660 ]");
	t_runs(0, "touch $Q");
	t_runs(0, "touch -d @1000000000 $Q && [ $(stat -c %%Y $Q) = 1000000000 ]");
	t_runs(0, "chown 1:1 $Q && chown 0:0 $Q");
	t_runs(0, "mv $Q $Q.moved && mv $Q.moved $Q");
	t_runs(0, "! ln $Q $Q.link");
	t_runs(0, "mkdir $M/queues/folder && mv $Q $M/queues/folder/x && mv $M/queues/folder/x $Q");
	t_is(t_stat(q, "waiters"), 1);
	t_is(t_stat(q, "messages"), 1);
	t_runs(0, "truncate -s 0 $Q"); /* clears, so the writer goes on */
	t_is(t_io_result(&writer), 7);
	t_shows(q, "second\n");
}

static void rm_is_answered_at_once(void **state)
{
	(void)state;
	struct t_io writer;
	const char *q = full("rm", &writer);

	t_runs(0, "rm $Q");
	t_is(t_io_result(&writer), -EIDRM);
	t_is(t_exists(q), -ENOENT);
	t_runs(0, "ls $M/queues");
}

static void nonblocking_writers_are_answered_at_once(void **state)
{
	(void)state;
	struct t_io writer;
	const char *q = full("nonblock", &writer);
	static const int flags[] = {O_WRONLY, O_WRONLY | O_APPEND, O_WRONLY | O_TRUNC,
				    O_WRONLY | O_CREAT | O_TRUNC, O_RDWR};

	for (int i = 0; i < 5; i++) {
		struct t_io other = t_writer(q, flags[i] | O_NONBLOCK, "x");
		if (t_wait_for(other.pid, T_AT_ONCE_MS) != 0)
			t_fail("flags %#x: the O_NONBLOCK writer hangs", (unsigned)flags[i]);
		t_is(other.note->result, -EAGAIN);
	}
	t_runs(1, "dd if=/dev/zero of=$Q bs=3 count=1 oflag=nonblock conv=notrunc");
	t_is(t_stat(q, "waiters"), 1);
	t_shows(q, "first\n");
	t_is(t_io_result(&writer), 7);
}

static void other_writers_wait_too(void **state)
{
	(void)state;
	struct t_io writer;
	const char *q = full("others", &writer);

	struct t_io second = t_writer(q, O_WRONLY, "third\n");
	t_wait_stat(q, "writers", 2);
	pid_t append = t_shell(NULL, "exec printf 'fourth\\n' >> $Q");
	t_wait_stat(q, "writers", 3);
	pid_t echo = t_shell(NULL, "echo fifth > $Q");
	t_wait_stat(q, "writers", 4);
	t_runs(0, "ls -l $Q && chmod 600 $Q && touch $Q && stat $Q && [ $(cat $Q,peek) = first ]");
	t_is(t_stat(q, "messages"), 1);
	static const char *const want[] = {"first\n", "second\n", "third\n", "fourth\n", "fifth\n"};
	for (int i = 0; i < 5; i++)
		t_shows(q, want[i]);
	t_is(t_io_result(&writer), 7);
	t_is(t_io_result(&second), 6);
	t_is(t_wait(append), 0);
	t_is(t_wait(echo), 0);
}

static void waiting_writers_can_be_killed(void **state)
{
	(void)state;
	struct t_io writer;
	const char *q = full("killed", &writer);

	struct t_io second = t_writer(q, O_WRONLY, "third\n");
	t_wait_stat(q, "writers", 2);
	pid_t append = t_shell(NULL, "exec cat /etc/passwd >> $Q");
	t_wait_stat(q, "writers", 3);
	pid_t echo = t_shell(NULL, "echo fifth > $Q");
	t_wait_stat(q, "writers", 4);
	t_kill(append);
	t_wait_stat(q, "writers", 3);
	t_kill(second.pid);
	t_kill(echo);
	t_wait_stat(q, "writers", 1);
	t_kill(writer.pid);
	t_wait_stat(q, "waiters", 0);
	t_shows(q, "first\n");
	t_is(t_stat(q, "messages"), 0); /* they have left nothing */
	t_is(t_echo(q, "x"), 0);
	t_shows(q, "x");
}

/* All of it at once, for a while: nobody ends up in D, nothing is lost. */
static void all_at_once(void **state)
{
	(void)state;
	const char *q = t_path("queues/crowd");
	pid_t child[8];
	static const char *const loops[] = {
		"while :; do printf x > $Q; done",
		"while :; do printf x >> $Q; done",
		"while :; do printf x 1<>$Q; done",
		"while :; do chmod 640 $Q; touch $Q; done",
		"while :; do ls -l $Q; stat $Q; done >/dev/null",
		"while :; do mv $Q $Q.2 && mv $Q.2 $Q; done",
		"while :; do cat $Q,stat; done >/dev/null",
		"while :; do cat $Q; done >/dev/null",
	};

	setenv("Q", q, 1);
	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_is(t_sys(chmod(q, 0666)), 0);
	for (int i = 0; i < 8; i++)
		child[i] = t_shell(NULL, "exec 2>/dev/null; %s", loops[i]);
	for (int i = 0; i < t_count(20, 200); i++) {
		usleep(100000);
		t_runs(0, "ls $M/queues");
	}
	for (int i = 0; i < 8; i++)
		t_kill(child[i]); /* the test fails when one is not gone at once */
	t_runs(0, "ls -l $M/queues");
}

/* ---- reads that wait: a write on the same descriptor goes through ------------------------------ */

struct parked_read {
	int fd;
	long result;
	char data[256];
};

static void *read_on(void *arg)
{
	struct parked_read *p = arg;

	p->result = t_get(p->fd, p->data, sizeof(p->data) - 1);
	return NULL;
}

/* A thread reads from the handle; then this thread writes to it. */
static void write_beside_read(const char *object, const char *file, const char *text,
			      const char *want)
{
	struct parked_read p = {.fd = t_open(file, O_RDWR)};
	pthread_t thread;

	t_check(p.fd >= 0);
	pthread_create(&thread, NULL, read_on, &p);
	t_wait_stat(object, "waiters", 1);
	t_limit(T_HANG_S); /* a write in D is ended by the guard */
	long n = t_put(p.fd, text);
	if (n != (long)strlen(text))
		t_fail("%s: the write: %s", file, t_result(n));
	pthread_join(thread, NULL);
	t_limit(T_TEST_S);
	p.data[p.result > 0 ? p.result : 0] = 0;
	if (p.result != (long)strlen(want) || strcmp(p.data, want) != 0)
		t_fail("%s: the read: %s '%s'", file, t_result(p.result), p.data);
	close(p.fd);
}

static void a_write_goes_through_beside_a_read(void **state)
{
	(void)state;
	const char *q = t_path("queues/beside"), *s = t_path("semaphores/beside"),
		   *e = t_path("events/beside");

	t_is(t_touch(q), 0);
	write_beside_read(q, q, "hello", "hello");
	write_beside_read(q, t_format("%s,stream", q), "again", "again");
	write_beside_read(q, t_format("%s,timeout=30", q), "timed", "timed");
	t_is(t_touch(s), 0);
	write_beside_read(s, s, "1", "1\n");
	write_beside_read(s, t_format("%s,n=2", s), "2", "2\n");
	t_is(t_touch(e), 0);
	write_beside_read(e, e, "1", "1\n");
	t_is(t_touch(t_path("conditions/beside")), 0);
	write_beside_read(t_path("conditions/beside"), t_path("conditions/beside"), "1", "1\n");
}

/* The views whose reads wait, of every kind: the kernel must not hold the handle. */
static void a_write_beside_a_watching_read(void **state)
{
	(void)state;
	static const struct {
		const char *path, *text;
	} rows[] = {
		{"queues/w", "x"},
		{"semaphores/w", "1"},
		{"events/w", "1"},
		{"values/w,type=q", "5"},
		{"arrays/w,type=q,len=2", "5 6"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		t_is(t_touch(t_path("%s", rows[i].path)), 0);
		char name[64];
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(rows[i].path, ","), rows[i].path);
		const char *object = t_path("%s", name);
		struct parked_read p = {.fd = t_open(t_format("%s,watch", object), O_RDWR)};
		if (p.fd < 0) /* a view may refuse writing: then there is nothing to try */
			continue;
		pthread_t thread;
		char buf[64];
		if (i) /* an empty queue shows nothing, so already the first read waits */
			t_check(t_get(p.fd, buf, sizeof(buf)) > 0);
		pthread_create(&thread, NULL, read_on, &p);
		t_wait_stat(object, "waiters", 1);
		t_limit(T_HANG_S);
		(void)!write(p.fd, rows[i].text, strlen(rows[i].text)); /* returns */
		t_is(t_echo(object, rows[i].text), 0);
		pthread_join(thread, NULL);
		t_limit(T_TEST_S);
		t_check(p.result > 0);
		close(p.fd);
	}
}

/* Two writers and a reader on one open file description. */
static void one_description_for_many(void **state)
{
	(void)state;
	const char *q = t_path("queues/shared");

	setenv("Q", q, 1);
	t_is(t_touch(t_format("%s,maxsize=1", q)), 0);
	t_is(t_echo(q, "0"), 0);
	pid_t shell = t_shell(NULL, "exec 4>$Q; /bin/echo a >&4 & /bin/echo b >&4 & wait");
	t_until(t_stat(q, "writers") >= 1); /* the kernel may hold the second one back */
	t_runs(0, "ls -l $Q && chmod 600 $Q && touch $Q && stat $Q");
	t_shows(q, "0");
	char text[2][8];
	t_is(t_cat(q, text[0], 8), 2);
	t_is(t_cat(q, text[1], 8), 2);
	t_is(text[0][0] + text[1][0], 'a' + 'b');
	t_is(t_wait(shell), 0);
}

/* ---- signals ----------------------------------------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
}

struct interrupted {
	const char *path, *text;
	int flags;
	_Atomic int ready;
	long result;
};

static int wait_with_handler(void *arg)
{
	struct interrupted *in = arg;
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = in->flags};
	char buf[64];

	sigaction(SIGUSR1, &action, NULL);
	int fd = t_open(in->path, in->text ? O_WRONLY : O_RDONLY);
	in->ready = 1;
	in->result = in->text ? t_put(fd, in->text) : t_get(fd, buf, sizeof(buf));
	return 0;
}

static void interrupt(const char *object, const char *path, const char *text, int flags)
{
	struct interrupted *in = t_shared(sizeof(*in));

	*in = (struct interrupted){path, text, flags, 0, 0};
	pid_t child = t_spawn(wait_with_handler, in);
	t_wait_stat(object, "waiters", 1);
	kill(child, SIGUSR1);
	t_is(t_wait(child), 0);
	if (in->result != -EINTR)
		t_fail("%s: %s, not -EINTR", path, t_result(in->result));
	t_is(t_stat(object, "waiters"), 0);
}

/* FUSE cannot restart a call: SA_RESTART or not. */
static void a_handled_signal_is_eintr(void **state)
{
	(void)state;
	const char *q = t_path("queues/eintr"), *f = t_path("queues/eintrfull"),
		   *s = t_path("semaphores/eintr"), *e = t_path("events/eintr"),
		   *v = t_path("values/eintr");

	t_is(t_touch(q), 0);
	t_is(t_touch(t_format("%s,maxsize=1", f)), 0);
	t_is(t_echo(f, "x"), 0);
	t_is(t_touch(s), 0);
	t_is(t_touch(e), 0);
	t_is(t_touch(t_format("%s,type=q", v)), 0);
	for (int restart = 0; restart < 2; restart++) {
		int flags = restart ? SA_RESTART : 0;
		interrupt(q, q, NULL, flags);
		interrupt(q, t_format("%s,watch", q), NULL, flags);
		interrupt(q, t_format("%s,timeout=1m", q), NULL, flags);
		interrupt(q, t_format("%s,ack", q), NULL, flags);
		interrupt(f, t_format("%s,join", f), NULL, flags);
		interrupt(f, f, "y", flags);
		interrupt(s, s, NULL, flags);
		interrupt(s, t_format("%s,n=2", s), NULL, flags);
		interrupt(e, e, NULL, flags);
	}
	/* nothing was taken or given */
	t_is(t_echo(q, "kept"), 0);
	t_shows(q, "kept");
	t_is(t_stat(f, "messages"), 1);
	t_shows(f, "x");
	t_is(t_echo(s, "1"), 0);
	t_shows(t_format("%s,peek", s), "1\n");
}

/* Many signals, while messages come: each message is read by somebody, once. */
struct noisy {
	_Atomic int stop, eintr, got;
	char seen[20000];
};

static int read_under_signals(void *arg)
{
	struct noisy *n = arg;
	struct sigaction action = {.sa_handler = on_signal};
	char buf[16];

	sigaction(SIGUSR1, &action, NULL);
	int fd = t_open(t_path("queues/noisy"), O_RDWR);
	for (;;) {
		long len = t_get(fd, buf, sizeof(buf) - 1);
		if (len == -EINTR) {
			n->eintr++;
			continue;
		}
		if (len <= 0)
			return 1;
		buf[len] = 0;
		int number = atoi(buf);
		if (number < 0)
			return 0;
		if (n->seen[number]++)
			return 2;
		n->got++;
	}
}

static void messages_under_a_storm_of_signals(void **state)
{
	(void)state;
	const char *q = t_path("queues/noisy");
	struct noisy *n = t_shared(sizeof(*n));
	int count = t_count(3000, 20000);
	pid_t child[3];

	t_is(t_touch(t_format("%s,maxsize=4", q)), 0);
	for (int i = 0; i < 3; i++)
		child[i] = t_spawn(read_under_signals, n);
	t_wait_stat(q, "readers", 3);
	int fd = t_open(q, O_WRONLY);
	for (int i = 0; i < count; i++) {
		kill(child[i % 3], SIGUSR1);
		const char *text = t_format("%d", i);
		t_is(t_put(fd, text), (long)strlen(text));
	}
	t_until(n->got == count);
	for (int i = 0; i < 3; i++)
		t_is(t_put(fd, "-1"), 2);
	for (int i = 0; i < 3; i++)
		t_is(t_wait(child[i]), 0);
	for (int i = 0; i < count; i++)
		t_is(n->seen[i], 1);
}

static void programs_try_again_by_themselves(void **state)
{
	(void)state;
	const char *q = t_path("queues/stopped");
	int out;
	char buf[16];

	setenv("Q", q, 1);
	t_is(t_touch(q), 0);
	pid_t cat = t_shell(&out, "exec cat $Q");
	t_wait_stat(q, "waiters", 1);
	kill(cat, SIGSTOP);
	kill(cat, SIGCONT);
	t_wait_stat(q, "waiters", 1);
	t_is(t_echo(q, "later"), 0);
	t_is(t_get(out, buf, sizeof(buf)), 5);
	t_is(t_wait(cat), 0);
}

/* A stopped process that is in the line is served in its turn. */
static void a_stopped_reader_keeps_its_message(void **state)
{
	(void)state;
	const char *s = t_path("semaphores/stop");

	t_is(t_touch(s), 0);
	struct t_io reader = t_reader(s, O_RDONLY);
	t_wait_stat(s, "waiters", 1);
	kill(reader.pid, SIGSTOP);
	t_is(t_echo(s, "1"), 0);
	kill(reader.pid, SIGCONT);
	long got = t_io_result(&reader);
	if (got == -EINTR) /* the stop came first: it has taken nothing */
		t_shows(t_format("%s,peek", s), "1\n");
	else
		t_is(got, 2);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(who_looks_is_answered_at_once),
		T_TEST(who_changes_is_answered_at_once),
		T_TEST(rm_is_answered_at_once),
		T_TEST(nonblocking_writers_are_answered_at_once),
		T_TEST(other_writers_wait_too),
		T_TEST(waiting_writers_can_be_killed),
		T_TEST(all_at_once),
		T_TEST(a_write_goes_through_beside_a_read),
		T_TEST(a_write_beside_a_watching_read),
		T_TEST(one_description_for_many),
		T_TEST(a_handled_signal_is_eintr),
		T_TEST(messages_under_a_storm_of_signals),
		T_TEST(programs_try_again_by_themselves),
		T_TEST(a_stopped_reader_keeps_its_message),
	};

	return T_RUN(tests, argc, argv);
}
