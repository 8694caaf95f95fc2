/* SPDX-License-Identifier: MIT
 *
 * test_lock_death.c - contract, section 4: any death of the last process that has the handle releases the
 * lock, at once, and the next token says `abandoned`; a close by the living is clean. Files and the
 * library are one lock. What the end of a server means.
 */
#include "agent.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const char *make(const char *name)
{
	const char *l = t_path("locks/%s", name);

	t_is(t_touch(l), 0);
	setenv("L", l, 1);
	return l;
}

/* Nobody has it, or soon nobody does; and so the last holder left it. */
static void left(const char *l, bool abandoned)
{
	bool was = !abandoned;

	t_until(agent_try(l, &was) > 0);
	if (was != abandoned)
		t_fail("%s is %s", l, was ? "abandoned" : "not abandoned");
	t_check(agent_try(l, &was) > 0 && !was); /* which a clean unlock ends */
}

/* The shell has written a line: it has come so far. */
static void reached(int out)
{
	char c;

	t_is(t_get(out, &c, 1), 1);
}

/* ---- who was killed, who ended, who closed ----------------------------------------------------- */

static void a_killed_shell(void **state)
{
	(void)state;
	const char *l = make("shell");
	int out;
	pid_t pid = t_shell(&out, "exec 9<>$L; read -u9 token; echo x; kill -STOP $$");

	reached(out);
	struct agent a = agent_start(l, 0);
	agent_post(&a, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	t_kill(pid);
	t_check(agent_result(&a) > 0 && a.note->abandoned);
	t_is(agent_says(&a, "unlock"), 6);
	left(l, false);
	close(out);
}

static void a_killed_python(void **state)
{
	(void)state;
	const char *l = make("python");
	int out;
	pid_t pid = t_shell(&out, "exec python3 -c 'import os, signal\n"
				  "fd = os.open(os.environ[\"L\"], os.O_RDWR)\n"
				  "assert int(os.read(fd, 64)) > 0\n"
				  "os.write(1, b\"x\")\n"
				  "signal.pause()'");

	reached(out);
	t_is((long)agent_try(l, NULL), 0);
	t_kill(pid);
	left(l, true);
	close(out);
}

static void ends_of_a_holder(void **state)
{
	(void)state;
	static const struct {
		const char *commands;
		bool abandoned;
	} rows[] = {
		{"exec 9<>$L; read -u9 t; exec 9>&-", false},
		{"exec 9<>$L; read -u9 t; echo unlock >&9", false},
		{"{ read -u9 t; } 9<>$L", false},
		{"cat $L", false},
		{"exec 9<>$L; read -u9 t; exit 0", true},
		{"exec 9<>$L; read -u9 t; exit 3", true},
		{"(exec 9<>$L; read -u9 t; exit 0)", true},
		{"exec 9<>$L; read -u9 t; kill -TERM $$", true},
		{"exec 9<>$L; read -u9 t; exec 9>&-; kill -9 $$", false},
		{"python3 -c 'import os; f = os.open(os.environ[\"L\"], 2); os.read(f, 64)'", true},
		{"python3 -c 'f = open(\"'$L'\", \"rb\", 0); f.read(64); f.close()'", false},
		/* flock(2): an end by itself is as good as an unlock, as flock(1) does it */
		{"flock $L true", false},
		{"flock -o $L true", false},
		{"exec 9<>$L; flock 9; exit 0", false},
		{"(flock 9; exit 1) 9<>$L", false},
		{"exec 9<>$L; flock 9; kill -9 $$", true},
		{"exec 9<>$L; flock 9; read -u9 t; exit 0", false},
		/* shared holders change nothing */
		{"exec 9<>$L,shared; read -u9 t; kill -9 $$", false},
		{"exec 9<>$L; flock -s 9; kill -9 $$", false},
	};
	const char *l = make("ends");

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct t_run *r = t_run("%s", rows[i].commands);
		bool abandoned = !rows[i].abandoned;

		t_check(r->status != 127 && r->status >= 0);
		t_until(agent_try(l, &abandoned) > 0);
		if (abandoned != rows[i].abandoned)
			t_fail("%s: %s", rows[i].commands, abandoned ? "abandoned" : "clean");
		t_check(agent_try(l, &abandoned) > 0 && !abandoned);
	}
}

/* It stays said until somebody who has it exclusively is done with it. */
static void abandoned_stays_until_a_clean_unlock(void **state)
{
	(void)state;
	const char *l = make("stays");
	bool abandoned = false;

	for (int i = 0; i < 3; i++) {
		struct agent a = agent_start(l, 0);
		agent_takes(&a);
		t_check(a.note->abandoned == (i > 0));
		t_kill(a.pid);
		t_until(agent_is_free(l));
		t_until(t_stat_has(l, "abandoned 1"));
	}
	t_check(agent_try(t_format("%s,shared", l), &abandoned) > 0 && abandoned);
	t_check(agent_try(t_format("%s,shared", l), &abandoned) > 0 && abandoned);
	left(l, true);
	t_check(t_stat_has(l, "abandoned 0"));
}

/* ---- who else has the descriptor ----------------------------------------------------------------- */

/* A parent that acquires, a child that inherits. */
struct family {
	const char *path;
	_Atomic int ready, child_closes;
	_Atomic pid_t child;
};

static int be_child(struct family *f, int fd)
{
	setpgid(0, 0); /* not killed with its parent */
	prctl(PR_SET_PDEATHSIG, 0);
	f->child = getpid();
	f->ready = 1;
	while (!f->child_closes)
		usleep(200);
	close(fd);
	f->ready = 2;
	while (pause() < 0)
		;
	return 0;
}

static int be_parent(void *arg)
{
	struct family *f = arg;
	int fd = t_open(f->path, O_RDWR);
	char text[64];

	if (t_get(fd, text, sizeof(text)) <= 0)
		return 1;
	if (fork() == 0)
		return be_child(f, fd);
	for (;;)
		pause();
}

static void a_child_that_inherited_stays_holder(void **state)
{
	(void)state;
	const char *l = make("child");

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int closes = 0; closes < 2; closes++) {
		struct family *f = t_shared(sizeof(*f));
		f->path = l;
		pid_t parent = t_spawn(be_parent, f);
		t_until(f->ready == 1);
		struct agent a = agent_start(l, 0);
		agent_post(&a, AGENT_READ, 0);
		t_wait_stat(l, "waiters", 1);
		t_kill(parent);
		t_is(t_stat(l, "waiters"), 1); /* answered after the death was told */
		t_is((long)agent_try(l, NULL), 0);
		if (closes) {
			f->child_closes = 1;
			t_until(f->ready == 2);
		} else {
			kill(f->child, SIGKILL);
		}
		t_check(agent_result(&a) > 0);
		t_check(a.note->abandoned == !closes);
		t_is(agent_says(&a, "unlock"), 6);
		kill(f->child, SIGKILL);
		t_is(t_sys(waitpid(f->child, NULL, 0)), f->child);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* A descriptor that goes to another process through a socket takes the lock with it. */
static int send_it(void *arg)
{
	int *ends = arg, fd = t_open(t_path("locks/sent"), O_RDWR);
	char text[64], space[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec v = {text, 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = sizeof(space)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	if (t_get(fd, text, sizeof(text)) <= 0)
		return 1;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(ends[1], &m, 0) != 1;
}

static void a_descriptor_that_is_sent(void **state)
{
	(void)state;
	const char *l = make("sent");
	char text[64], space[CMSG_SPACE(sizeof(int))];
	struct iovec v = {text, sizeof(text)};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = sizeof(space)};
	int ends[2], fd;

	for (int received = 0; received < 2; received++) {
		t_is(t_sys(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends)), 0);
		t_is(t_wait(t_spawn(send_it, ends)),
		     0); /* who took it has ended, with it in the socket */
		t_is((long)agent_try(l, NULL), 0);
		if (received) {
			t_is(t_sys(recvmsg(ends[0], &m, MSG_CMSG_CLOEXEC)), 1);
			t_check(CMSG_FIRSTHDR(&m) != NULL);
			memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
			t_is((long)agent_try(l, NULL), 0);
			t_is(t_put(fd, "unlock"), 6); /* it is the handle's */
			close(fd);
		}
		close(ends[0]);
		close(ends[1]);
		left(l, !received);
	}
}

static void exec_closes_what_it_does_not_keep(void **state)
{
	(void)state;
	const char *l = make("exec");
	int out;
	pid_t pid = t_shell(&out, "exec python3 -c 'import os\n"
				  "fd = os.open(os.environ[\"L\"], os.O_RDWR)\n" /* O_CLOEXEC */
				  "os.read(fd, 64)\n"
				  "os.execlp(\"sh\", \"sh\", \"-c\", \"echo x; kill -STOP $$\")'");

	reached(out);
	left(l, false); /* closed by who lives on */
	t_kill(pid);
	close(out);
}

/* ---- beside the library ------------------------------------------------------------------------------ */

static void one_lock_for_files_and_library(void **state)
{
	(void)state;
	const char *l = make("one");
	struct agent f = agent_start(l, 0), b = agent_library("one"), c = agent_library("one");
	char line[128];

	unsigned long long token = agent_takes(&f);
	agent_post(&b, AGENT_ACQUIRE, 0);
	t_is(agent_says(&f, "unlock"), 6);
	t_is(agent_result(&b), 0);
	t_check(b.note->token == token + 1 && !b.note->abandoned);
	snprintf(line, sizeof(line), "holder %d %u ", b.pid, getuid());
	t_is(t_run("grep -q '^%s' %s,stat", line, l)->status, 0);
	agent_post(&f, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	t_is(agent_does(&b, AGENT_RELEASE, 0), 0);
	t_check(agent_result(&f) > 0 && f.note->token == token + 2);
	t_is(agent_says(&f, "unlock"), 6);
	/* shared, both at once; and a writer of either sort waits */
	t_is(agent_does(&b, AGENT_ACQUIRE, IPCFS_SHARED), 0);
	t_check(agent_try(t_format("%s,shared", l), NULL) > 0);
	t_is((long)agent_try(l, NULL), 0);
	agent_post(&c, AGENT_ACQUIRE, 0);
	agent_post(&f, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	t_is(agent_does(&b, AGENT_RELEASE, 0), 0);
	t_until(!agent_waits(&c) || !agent_waits(&f)); /* between the two no order is promised */
	bool library = !agent_waits(&c);
	t_check(library != !agent_waits(&f));
	if (library)
		t_is(agent_does(&c, AGENT_RELEASE, 0), 0);
	else
		t_is(agent_says(&f, "unlock"), 6);
	t_is(agent_result(&c) < 0 || agent_result(&f) < 0, 0);
}

/* Rounds in which a holder is killed: the longest part of them must end within this. Whoever sleeps a second at a time
 * fails nearly always; a machine that is slow now and then does not: it gets more goes. */
enum { ROUNDS = 20, PROMPT = 15, PROMPT_MS = 400, GOES = 10 };

static bool mostly_prompt(long (*round)(const char *l), const char *l)
{
	for (int go = 0; go < GOES; go++) {
		int prompt = 0;

		for (int i = 0; i < ROUNDS; i++)
			prompt += round(l) <= PROMPT_MS;
		if (prompt >= PROMPT)
			return true;
	}
	return false;
}

/* It sleeps in the library. */
static bool asleep(pid_t pid)
{
	char text[128];

	return t_cat(t_format("/proc/%d/syscall", pid), text, sizeof(text)) > 0 &&
	       strtol(text, NULL, 10) == SYS_futex;
}

/* Killed holder, sort of waiter: how long it took, ms. */
static long kill_for(struct agent *holder, struct agent *waiter, enum agent_deed deed)
{
	if (deed == AGENT_ACQUIRE)
		t_until(asleep(waiter->pid));
	int64_t killed = t_now_ms();
	t_kill(holder->pid);
	t_check(agent_result(waiter) >= 0 && waiter->note->abandoned);
	long took = (long)(waiter->note->done_ms - killed);
	if (deed == AGENT_ACQUIRE)
		t_is(agent_does(waiter, AGENT_RELEASE, 0), 0);
	else
		t_is(agent_says(waiter, "unlock"), 6);
	t_kill(waiter->pid);
	return took;
}

static long file_after_library(const char *l)
{
	struct agent holder = agent_library(strrchr(l, '/') + 1), waiter = agent_start(l, 0);

	t_is(agent_does(&holder, AGENT_ACQUIRE, 0), 0);
	agent_post(&waiter, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	return kill_for(&holder, &waiter, AGENT_READ);
}

static long file_after_file(const char *l)
{
	struct agent holder = agent_start(l, 0), waiter = agent_start(l, 0);

	agent_takes(&holder);
	agent_post(&waiter, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	return kill_for(&holder, &waiter, AGENT_READ);
}

static long library_after_file(const char *l)
{
	struct agent holder = agent_start(l, 0), waiter = agent_library(strrchr(l, '/') + 1);

	agent_takes(&holder);
	agent_post(&waiter, AGENT_ACQUIRE, 0);
	return kill_for(&holder, &waiter, AGENT_ACQUIRE);
}

static long library_after_library(const char *l)
{
	struct agent holder = agent_library(strrchr(l, '/') + 1),
		     waiter = agent_library(strrchr(l, '/') + 1);

	t_is(agent_does(&holder, AGENT_ACQUIRE, 0), 0);
	agent_post(&waiter, AGENT_ACQUIRE, 0);
	return kill_for(&holder, &waiter, AGENT_ACQUIRE);
}

/* An object that nobody has looked at through this mount. */
static long library_alone(const char *l)
{
	static int number;
	struct ipcfs_object *o;
	char name[32];

	(void)l;
	snprintf(name, sizeof(name), "alone%d", number++);
	t_is(ipcfs_open(t_lib(), IPCFS_LOCK, name, IPCFS_CREATE, 0600, NULL, &o), 0);
	ipcfs_close(o);
	struct agent holder = agent_library(name), waiter = agent_library(name);
	t_is(agent_does(&holder, AGENT_ACQUIRE, 0), 0);
	agent_post(&waiter, AGENT_ACQUIRE, 0);
	long took = kill_for(&holder, &waiter, AGENT_ACQUIRE);
	t_is(ipcfs_unlink(t_lib(), IPCFS_LOCK, name), 0);
	return took;
}

/* Who dies has nothing yet, but kept others from sharing what others have. */
static long library_behind_the_dead(const char *l)
{
	const char *name = strrchr(l, '/') + 1;
	struct agent holder = agent_library(name), writer = agent_library(name),
		     reader = agent_library(name);

	t_is(agent_does(&holder, AGENT_ACQUIRE, IPCFS_SHARED), 0);
	agent_post(&writer, AGENT_ACQUIRE, 0);
	t_until(asleep(writer.pid));
	agent_post(&reader, AGENT_ACQUIRE, IPCFS_SHARED);
	t_until(asleep(reader.pid));
	int64_t killed = t_now_ms();
	t_kill(writer.pid);
	t_check(agent_result(&reader) == 0 && !reader.note->abandoned);
	long took = (long)(reader.note->done_ms - killed);
	t_kill(reader.pid);
	t_kill(holder.pid);
	return took;
}

static void the_next_has_it_at_once(void **state)
{
	(void)state;
	t_limit(280);
	t_check(mostly_prompt(file_after_library, make("afterlib")));
	t_check(mostly_prompt(file_after_file, make("afterfile")));
	t_check(mostly_prompt(library_after_file, make("libafterfile")));
	t_check(mostly_prompt(library_after_library, make("libafterlib")));
	t_check(mostly_prompt(library_alone, NULL));
	t_check(mostly_prompt(library_behind_the_dead, make("behind")));
}

/* Objects that the server does not know are looked for in the store, semaphores first, which takes its time in a large one. Who dies in
 * the pause after that is not forgotten. */
static long two_alone(const char *l)
{
	long first = library_alone(l), second = library_alone(l);

	return first > second ? first : second;
}

static void the_next_has_it_at_once_in_a_large_store(void **state)
{
	(void)state;
	t_limit(280);
	t_is(mkdir(t_in_store("semaphores/large"), 0755), 0);
	for (int i = 0; i < 20000; i++)
		t_is(mknod(t_in_store("semaphores/large/%d", i), S_IFREG | 0600, 0), 0);
	t_check(mostly_prompt(two_alone, NULL));
	t_is(t_run("rm -r %s", t_in_store("semaphores/large"))->status, 0);
}

/* The dead shared it; who waits for it alone has it when the last of them has gone. */
static void the_dead_among_the_living(void **state)
{
	(void)state;
	const char *l = make("among"), *sh = t_format("%s,shared", l);
	struct agent a[6], writer = agent_start(l, 0);

	for (int i = 0; i < 6; i++) {
		a[i] = i % 2 ? agent_start(sh, 0) : agent_library("among");
		t_check(agent_does(&a[i], i % 2 ? AGENT_READ : AGENT_ACQUIRE, IPCFS_SHARED) >= 0);
	}
	agent_post(&writer, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	for (int i = 0; i < 6; i++) {
		t_check(agent_waits(&writer));
		t_kill(a[i].pid);
	}
	t_check(agent_result(&writer) > 0 && !writer.note->abandoned);
}

/* ---- they take turns ------------------------------------------------------------------------------------ */

static int by_file(void *arg)
{
	_Atomic int *count = arg;
	int fd = t_open(t_path("locks/turns"), O_RDWR);
	char text[64];

	while (t_get(fd, text, sizeof(text)) > 0 && t_put(fd, "unlock") == 6)
		(*count)++;
	return 1;
}

static int by_library(void *arg)
{
	_Atomic int *count = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *lock = t_attach_child(&store, IPCFS_LOCK, "turns");
	struct ipcfs_grant grant;

	while (lock && ipcfs_lock_acquire(lock, 0, IPCFS_FOREVER, &grant) == 0 &&
	       ipcfs_lock_release(lock, grant.token) == 0)
		(*count)++;
	return 1;
}

/* A program that takes it again and again is faster than any server, a server with many who wait goes from one
 * to the next without a pause: neither keeps the other out. */
static void files_and_library_take_turns(void **state)
{
	(void)state;
	make("turns");
	for (int files = 1; files < 5; files += 3) {
		struct counts {
			_Atomic int file, library;
		} *n = t_shared(sizeof(*n));
		pid_t pid[8];
		int kids = 0;

		for (int i = 0; i < files; i++)
			pid[kids++] = t_spawn(by_file, (void *)&n->file);
		for (int i = 0; i < 5 - files; i++)
			pid[kids++] = t_spawn(by_library, (void *)&n->library);
		t_until(n->file > 300 && n->library > 300);
		while (kids)
			t_kill(pid[--kids]);
	}
	t_until(agent_try(t_path("locks/turns"), NULL) > 0);
}

/* ---- the end of a server ---------------------------------------------------------------------------------- */

static void a_killed_server_lets_go_of_what_files_held(void **state)
{
	(void)state;
	const char *l = make("server"), *m = make("library");
	struct agent f = agent_start(l, 0), w = agent_start(l, 0), b = agent_library("library");
	bool abandoned = false;

	unsigned long long token = agent_takes(&f);
	agent_post(&w, AGENT_READ, 0);
	t_wait_stat(l, "waiters", 1);
	t_is(agent_does(&b, AGENT_ACQUIRE, 0), 0);
	t_restart();
	t_fails(agent_result(&w));
	t_fails(agent_says(&f, "unlock")); /* its handle went with the mount */
	t_check(agent_try(l, &abandoned) == (long long)token + 1 && abandoned);
	t_is((long)agent_try(m, NULL), 0); /* programs of the library hold on */
	t_is(agent_does(&b, AGENT_RELEASE, 0), 0);
	t_check(agent_try(m, &abandoned) > 0 && !abandoned);
}

static void a_library_waiter_outlives_the_server(void **state)
{
	(void)state;
	const char *l = make("outlive");

	for (int orderly = 0; orderly < 2; orderly++) {
		struct agent f = agent_start(l, 0), b = agent_library("outlive");
		bool free_again = false;

		agent_takes(&f);
		agent_post(&b, AGENT_ACQUIRE, 0);
		if (orderly)
			t_umount();
		else
			t_kill_server();
		t_is(agent_result(&b), 0); /* nobody serves: it finds out by itself */
		t_check(b.note->abandoned);
		t_kill(b.pid);
		t_kill(f.pid);
		t_mount(NULL);
		t_until(agent_try(l, &free_again) > 0);
		t_check(free_again);
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_killed_shell),
		T_TEST(a_killed_python),
		T_TEST(ends_of_a_holder),
		T_TEST(abandoned_stays_until_a_clean_unlock),
		T_TEST(a_child_that_inherited_stays_holder),
		T_TEST(a_descriptor_that_is_sent),
		T_TEST(exec_closes_what_it_does_not_keep),
		T_TEST(one_lock_for_files_and_library),
		T_TEST(the_next_has_it_at_once),
		T_TEST(the_next_has_it_at_once_in_a_large_store),
		T_TEST(the_dead_among_the_living),
		T_TEST(files_and_library_take_turns),
		T_TEST(a_killed_server_lets_go_of_what_files_held),
		T_TEST(a_library_waiter_outlives_the_server),
	};

	return T_RUN(tests, argc, argv);
}
