/* SPDX-License-Identifier: MIT
 *
 * test_lock_wait.c - contract, locks: shared holders; who waits is served in order; how a wait ends.
 */
#include "agent.h"
#include "hold.h"

#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>

#include "lock.h"

/* ---- waiting ----------------------------------------------------------------------------------- */

enum { CROWD = 50 };

static void fifty_waiters_in_order(void **state)
{
	(void)state;
	const char *l = make("fifty");
	struct agent first = agent_start(l, 0);
	static struct agent a[CROWD];
	unsigned long long token = agent_takes(&first);

	t_limit(120);
	for (int i = 0; i < CROWD; i++) {
		a[i] = agent_start(l, 0);
		agent_post(&a[i], AGENT_READ, 0);
		t_wait_stat(l, "readers", i + 1);
	}
	t_is(t_stat(l, "waiters"), CROWD);
	t_is(agent_says(&first, "unlock"), 6);
	for (int i = 0; i < CROWD; i++) {
		t_check(agent_result(&a[i]) > 0);
		t_check(a[i].note->token == ++token && !a[i].note->abandoned);
		t_is(t_stat(l, "waiters"), CROWD - 1 - i);
		for (int k = i + 1; k < CROWD; k++)
			t_check(agent_waits(&a[k]));
		if (i % 2)
			t_is(agent_says(&a[i], "unlock"), 6);
		else
			agent_closes(&a[i]);
	}
	t_check(agent_is_free(l));
}

static void nobody_overtakes_a_line(void **state)
{
	(void)state;
	const char *l = make("line");
	struct agent reader = agent_start(shared(l), 0), writer = agent_start(l, 0),
		     second = agent_start(shared(l), 0);

	agent_takes(&reader);
	agent_post(&writer, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	agent_post(&second, AGENT_READ, 0); /* would share, but the writer came before */
	t_wait_stat(l, "waiters", 2);
	t_is((long)agent_try(shared(l), NULL), 0);
	t_check(agent_waits(&second));
	t_is(agent_does(&reader, AGENT_READ, 0) > 0, 1); /* who has it needs no line */
	t_is(agent_says(&reader, "unlock"), 6);
	t_check(agent_result(&writer) > 0);
	t_check(agent_waits(&second));
	t_is(agent_says(&writer, "unlock"), 6);
	t_check(agent_result(&second) > 0);
	/* the first of the line goes away: the next is served */
	agent_post(&writer, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	struct agent third = agent_start(shared(l), 0);
	agent_post(&third, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 2);
	t_kill(writer.pid);
	t_check(agent_result(&third) > 0);
}

static void many_share_it(void **state)
{
	(void)state;
	const char *l = make("shared");
	struct agent a[5], writer = agent_start(l, 0);
	char text[1024];

	for (int i = 0; i < 5; i++) {
		a[i] = agent_start(shared(l), 0);
		agent_takes(&a[i]);
		t_check(!i || a[i].note->token == a[i - 1].note->token + 1);
	}
	t_is(t_run("[ $(grep -c '^holder ' %s,stat) = 5 ]", l)->status, 0);
	t_check(t_cat(t_format("%s,peek", l), text, sizeof(text)) > 0);
	t_is(t_run("[ $(grep -c ' shared$' %s,peek) = 5 ]", l)->status, 0);
	agent_post(&writer, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	for (int i = 0; i < 5; i++) {
		t_check(agent_waits(&writer));
		if (i % 2)
			t_kill(a[i].pid);
		else
			t_is(agent_says(&a[i], "unlock"), 6);
	}
	t_check(agent_result(&writer) > 0);
	t_check(!writer.note->abandoned); /* those who share change nothing */
	/* a writer in the way of readers, who all come in together */
	for (int i = 0; i < 5; i++) {
		a[i] = agent_start(shared(l), 0);
		agent_post(&a[i], AGENT_READ, 0);
		t_wait_stat(l, "waiters", i + 1);
	}
	t_is(agent_says(&writer, "unlock"), 6);
	for (int i = 0; i < 5; i++)
		t_check(agent_result(&a[i]) > 0);
}

static int share_again_and_again(void *arg)
{
	_Atomic int *rounds = arg;
	struct agent_note note = {.fd = t_open(t_path("locks/stream,shared"), O_RDWR)};
	char text[64];

	while (note.fd >= 0) {
		if (t_get(note.fd, text, sizeof(text)) <= 0)
			return 1;
		usleep(500); /* so that there is always one who has it */
		if (t_put(note.fd, "unlock") != 6)
			return 2;
		(*rounds)++;
	}
	return 3;
}

static int share_by_library(void *arg)
{
	_Atomic int *rounds = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *lock = t_attach_child(&store, IPCFS_LOCK, "stream");
	struct ipcfs_grant grant;

	while (lock) {
		if (ipcfs_lock_acquire(lock, IPCFS_SHARED, IPCFS_FOREVER, &grant) != 0)
			return 1;
		usleep(500);
		if (ipcfs_lock_release(lock, grant.token) != 0)
			return 2;
		(*rounds)++;
	}
	return 3;
}

/* Writers, of both sorts, among readers who leave no gap. */
static void no_writer_is_starved(void **state)
{
	(void)state;
	const char *l = make("stream");
	_Atomic int *rounds = t_shared(sizeof(*rounds));
	struct agent file = agent_start(l, 0), library = agent_library("stream");
	pid_t pid[8];

	for (int i = 0; i < 8; i++)
		pid[i] = t_spawn(i % 2 ? share_again_and_again : share_by_library, (void *)rounds);
	t_until(*rounds > 100);
	for (int i = 0; i < t_count(20, 200); i++) {
		agent_takes(&file);
		t_is(agent_says(&file, "unlock"), 6);
		t_is(agent_does(&library, AGENT_ACQUIRE, 0), 0);
		t_is(agent_does(&library, AGENT_RELEASE, 0), 0);
	}
	int before = *rounds;
	t_until(*rounds > before + 100); /* nor are the readers */
	for (int i = 0; i < 8; i++)
		t_kill(pid[i]);
}

static void two_handles_of_one_process(void **state)
{
	(void)state;
	const char *l = make("twice");
	char text[64];

	int fd = t_open(l, O_RDWR), other = t_open(t_format("%s,timeout=50ms", l), O_RDWR);
	int copy = dup(fd);
	t_check(t_get(fd, text, sizeof(text)) > 0);
	t_is(t_get(other, text, sizeof(text)),
	     -ETIMEDOUT); /* as with flock(2): it waits for itself */
	t_check(t_get(copy, text, sizeof(text)) > 0);
	close(fd);
	t_is(t_get(other, text, sizeof(text)), -ETIMEDOUT); /* the copy has it */
	close(copy);
	t_check(t_get(other, text, sizeof(text)) > 0);
	close(other);
}

struct parked_read {
	int fd;
	long result;
};

static void *read_on(void *arg)
{
	struct parked_read *p = arg;
	char text[64];

	p->result = t_get(p->fd, text, sizeof(text));
	return NULL;
}

/* A write on the descriptor whose read waits. */
static void a_write_goes_through_beside_a_read(void **state)
{
	(void)state;
	const char *l = make("beside");
	struct agent a = agent_start(l, 0);
	struct parked_read p = {.fd = t_open(l, O_RDWR)};
	pthread_t thread;

	agent_takes(&a);
	pthread_create(&thread, NULL, read_on, &p);
	t_wait_stat(l, "waiters", 1);
	t_is(t_put(p.fd, "unlock"), -EPERM);
	t_runs(0, "ls -l %s && chmod 660 %s && touch %s && stat %s", l, l, l, l);
	t_is(agent_says(&a, "unlock"), 6);
	pthread_join(thread, NULL);
	t_check(p.result > 0);
	t_is(t_put(p.fd, "unlock"), 6);
	close(p.fd);
}

/* While the inner lock is busy the holder's own requests wait for that alone, not behind those who wait for him. */
static void a_busy_lock_keeps_the_holder_out_of_the_line(void **state)
{
	(void)state;
	const char *l = make("busy");
	struct agent a = agent_start(l, 0), b = agent_start(l, 0);
	unsigned long long token = agent_takes(&a);

	agent_post(&b, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	pid_t pid = t_hold(IPCFS_LOCK, "busy");
	agent_post(&a, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 2);
	t_let_go(pid);
	t_check(agent_result(&a) > 0 && a.note->token == token);
	t_check(agent_waits(&b));
	pid = t_hold(IPCFS_LOCK, "busy");
	agent_post(&a, AGENT_FLOCK, LOCK_UN);
	t_wait_stat(l, "waiters", 2);
	t_let_go(pid);
	t_is(agent_result(&a), 0);
	t_check(agent_result(&b) > 0 && b.note->token == token + 1);
}

/* Nor is anything lost that closes meanwhile, or dies. */
static void a_close_while_the_inner_lock_is_busy(void **state)
{
	(void)state;
	const char *l = make("busyclose");
	struct agent a = agent_start(l, 0);

	agent_takes(&a);
	for (int dies = 0; dies < 2; dies++) {
		struct agent b = agent_start(l, 0);
		agent_post(&b, AGENT_READ, 0);
		t_wait_stat(l, "waiters", 1);
		pid_t pid = t_hold(IPCFS_LOCK, "busyclose");
		if (dies)
			t_kill(a.pid);
		else
			agent_closes(&a);
		t_is(t_stat(l, "waiters"), 1);
		t_let_go(pid);
		t_check(agent_result(&b) > 0 && b.note->abandoned == dies);
		a = b;
	}
}

/* ---- how a wait ends --------------------------------------------------------------------------- */

static void limits_of_time(void **state)
{
	(void)state;
	const char *l = make("time");
	struct agent a = agent_start(l, 0);
	char text[64];
	int64_t ns = 60000000;

	agent_takes(&a);
	int fd = t_open(t_format("%s,timeout=80ms", l), O_RDWR);
	int64_t start = t_now_ms();
	t_is(t_get(fd, text, sizeof(text)), -ETIMEDOUT);
	t_check(t_now_ms() - start >= 79);
	t_is(t_stat(l, "waiters"), 0);
	t_is(t_get(t_open(t_format("%s,timeout=0", l), O_RDONLY), text, sizeof(text)), -EAGAIN);
	t_is(t_get(t_open(t_format("%s,shared,timeout=0", l), O_RDONLY), text, sizeof(text)),
	     -EAGAIN);
	fd = t_open(l, O_RDWR);
	t_is(t_sys(ioctl(fd, IPCFS_TIMEOUT, &ns)), 0);
	t_is(t_get(fd, text, sizeof(text)), -ETIMEDOUT);
	t_is(t_sys(fcntl(fd, F_SETFL, O_NONBLOCK)), 0);
	t_is(t_get(fd, text, sizeof(text)), -EAGAIN);
	t_is(agent_says(&a, "unlock"), 6);
	t_check(t_get(fd, text, sizeof(text)) > 0);
}

static void a_signal_is_eintr(void **state)
{
	(void)state;
	const char *l = make("signal");
	struct agent a = agent_start(l, 0), b = agent_start(l, 0), c = agent_start(l, 0);
	unsigned long long token = agent_takes(&a);

	agent_post(&b, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	agent_post(&c, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 2);
	kill(b.pid, SIGUSR1);
	t_is(agent_result(&b), -EINTR);
	t_is(t_stat(l, "waiters"), 1);
	t_is(agent_says(&b, "unlock"), -EPERM);
	t_is(agent_says(&a, "unlock"), 6);
	t_check(agent_result(&c) > 0);
	t_check(c.note->token == token + 1); /* the other has taken nothing */
}

static void a_killed_waiter_has_taken_nothing(void **state)
{
	(void)state;
	const char *l = make("killed");
	struct agent a = agent_start(l, 0);
	unsigned long long token = agent_takes(&a);

	for (int i = 0; i < 5; i++) {
		struct agent b = agent_start(l, 0);
		agent_post(&b, AGENT_READ, 0);
		t_wait_stat(l, "waiters", 1);
		t_kill(b.pid);
		t_wait_stat(l, "waiters", 0);
	}
	t_is(agent_says(&a, "unlock"), 6);
	bool abandoned = true;
	t_check(agent_try(l, &abandoned) == (long long)token + 1);
	t_check(!abandoned);
}

static void rm_while_held_and_waited_for(void **state)
{
	(void)state;
	const char *l = make("rm");
	struct agent a = agent_start(l, 0), b = agent_start(l, 0), c = agent_start(shared(l), 0),
		     d = agent_library("rm");
	unsigned long long token = agent_takes(&a);

	agent_post(&b, AGENT_READ, 0);
	agent_post(&c, AGENT_FLOCK, LOCK_EX);
	t_wait_stat(l, "waiters", 2);
	agent_post(&d, AGENT_ACQUIRE, 0);
	t_is(t_sys(unlink(l)), 0);
	t_is(agent_result(&b), -EIDRM);
	t_is(agent_result(&c), -EIDRM);
	t_is(agent_result(&d), -EIDRM);
	t_is(agent_says(&a, "unlock"), -EIDRM);
	t_is(agent_does(&a, AGENT_READ, 0), -EIDRM);
	agent_closes(&a);
	t_is(t_touch(l), 0);
	bool abandoned = true;
	t_check(agent_try(l, &abandoned) > (long long)token);
	t_check(!abandoned);
}

static void rm_in_the_store(void **state)
{
	(void)state;
	const char *l = make("rawrm");
	struct agent a = agent_start(l, 0), b = agent_start(l, 0);

	agent_takes(&a);
	agent_post(&b, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	t_is(t_sys(unlink(t_in_store("locks/rawrm"))), 0);
	t_is(agent_result(&b), -EIDRM);
	t_is(agent_says(&a, "unlock"), -EIDRM);
}

static void mv_while_held_and_waited_for(void **state)
{
	(void)state;
	const char *l = make("mv"), *to = t_path("locks/moved");
	struct agent a = agent_start(l, 0), b = agent_start(l, 0);

	agent_takes(&a);
	agent_post(&b, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	t_is(t_sys(rename(l, make("inuse"))), -EEXIST);
	t_is(t_sys(rename(l, t_path("semaphores/mv"))), -EPERM);
	t_is(t_sys(rename(l, to)), 0);
	t_is(t_stat(to, "waiters"), 1);
	t_is((long)agent_try(to, NULL), 0);
	t_is(agent_says(&a, "unlock"), 6);
	t_check(agent_result(&b) > 0);
	t_is(t_sys(mkdir(t_path("locks/folder"), 0755)), 0);
	t_is(t_sys(rename(to, t_path("locks/folder/x"))), 0);
	t_is((long)agent_try(t_path("locks/folder/x"), NULL), 0);
	t_kill(b.pid);
	t_until(agent_is_free(t_path("locks/folder/x")));
}

/* Whoever holds the lock of a name has a larger token than whoever did before. */
static void tokens_grow_over_mv(void **state)
{
	(void)state;
	const char *l = make("name"), *aside = t_path("locks/aside");
	const char *folder = t_path("locks/site"), *old = t_path("locks/old"),
		   *in = t_path("locks/site/x");

	t_is(t_sys(rename(l, aside)), 0);
	make("name");
	long long token = agent_try(l, NULL);
	t_check(token > 0);
	t_is(t_sys(unlink(l)), 0);
	t_is(t_sys(rename(aside, l)), 0);
	t_check(agent_try(l, NULL) > token);
	for (int i = 0; i < 2; i++) {
		t_is(t_sys(mkdir(folder, 0755)), 0);
		t_is(t_touch(in), 0);
		token = agent_try(in, NULL);
		t_check(token > 0);
		t_is(t_sys(rename(folder, i ? aside : old)), 0);
	}
	t_is(t_sys(rename(old, folder)), 0);
	t_check(agent_try(in, NULL) > token);
}

static void temp(void **state)
{
	(void)state;
	const char *l = t_path("locks/temp");
	struct agent a = agent_start(t_format("%s,temp", l), 0), b = agent_start(l, 0);

	agent_takes(&a);
	agent_post(&b, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	t_kill(a.pid);
	t_is(agent_result(&b), -EIDRM);
	t_until(t_exists(l) == -ENOENT);
}

static void umount_force_is_eshutdown(void **state)
{
	(void)state;
	const char *l = make("force");
	struct agent a = agent_start(l, 0), b = agent_start(l, 0), c = agent_start(l, 0),
		     d = agent_start(shared(l), 0);
	unsigned long long token = agent_takes(&a);

	agent_post(&b, AGENT_READ, 0);
	agent_post(&c, AGENT_FLOCK, LOCK_EX);
	agent_post(&d, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 3);
	t_umount();
	t_is(agent_result(&b), -ESHUTDOWN);
	t_is(agent_result(&c), -ESHUTDOWN);
	t_is(agent_result(&d), -ESHUTDOWN);
	t_fails(agent_says(&a, "unlock")); /* its handle is of the mount that was */
	t_mount(NULL);
	bool abandoned = false;
	t_check(agent_try(l, &abandoned) == (long long)token + 1);
	t_check(abandoned); /* it never said that it was ready */
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(fifty_waiters_in_order),
		T_TEST(nobody_overtakes_a_line),
		T_TEST(many_share_it),
		T_TEST(no_writer_is_starved),
		T_TEST(two_handles_of_one_process),
		T_TEST(a_write_goes_through_beside_a_read),
		T_TEST(a_busy_lock_keeps_the_holder_out_of_the_line),
		T_TEST(a_close_while_the_inner_lock_is_busy),
		T_TEST(limits_of_time),
		T_TEST(a_signal_is_eintr),
		T_TEST(a_killed_waiter_has_taken_nothing),
		T_TEST(rm_while_held_and_waited_for),
		T_TEST(rm_in_the_store),
		T_TEST(mv_while_held_and_waited_for),
		T_TEST(tokens_grow_over_mv),
		T_TEST(temp),
		T_TEST(umount_force_is_eshutdown),
	};

	return T_RUN(tests, argc, argv);
}
