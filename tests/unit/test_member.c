/* SPDX-License-Identifier: MIT
 *
 * test_member.c - who is alive: kill, exit, fork, exec, closefrom; the doorbell and the burial of
 * the dead, as a server sees them.
 */
#include "t_core.h"

#include <dirent.h>
#include <poll.h>
#include <sys/prctl.h>

#define Q IPCFS_QUEUE

/* What a child tells, and when it is told to go on. */
struct talk {
	_Atomic uint64_t number[4];
	_Atomic pid_t pid[4];
	_Atomic int step, result;
	int pipe[2]; /* closed writing end: go on, also after exec */
};

static struct talk *talk;

static void begin_talk(void)
{
	talk = t_shared(sizeof(*talk));
	t_is(pipe(talk->pipe), 0);
}

static void end_talk(void)
{
	close(talk->pipe[0]);
	if (talk->pipe[1] >= 0)
		close(talk->pipe[1]);
	munmap(talk, sizeof(*talk));
}

static bool alive(uint64_t number)
{
	return member_alive(t.store, number);
}

static int members(void)
{
	DIR *dir = opendir(t_path("members"));
	int n = 0;

	t_check(dir != NULL);
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		n += entry->d_type == DT_REG;
	closedir(dir);
	return n;
}

/* ---- life and death ------------------------------------------------------------------------------ */

static void nobody_is_a_member_before_his_first_call(void)
{
	t_is(members(), 0);
	struct ipcfs_object *o = t_object(IPCFS_EVENT, "e", NULL);
	t_is(ipcfs_event_is_set(o), 0); /* stat takes no lock */
	t_is(members(), 0);
	t_is(ipcfs_event_set(o), 0);
	t_is(members(), 1);
	int64_t number = member_self(t.store);
	t_check(number > 0);
	t_is(member_self(t.store), number);
	t_is(members(), 1);
	t_check(alive((uint64_t)number));
	struct ipcfs_store *other = t_open_store();
	t_check(member_self(other) != number);
	t_is(members(), 2);
	ipcfs_store_close(other);
	t_is(members(), 1);
}

static void unknown_numbers_are_dead(void)
{
	t_check(!alive(0));
	t_check(!alive(1));
	t_check(!alive(UINT64_MAX));
	t_check(!alive(UINT64_MAX >> 1));
}

static void leaving_ends_it(void)
{
	struct ipcfs_store *other = t_open_store();
	uint64_t number = (uint64_t)member_self(other);

	t_check(alive(number));
	ipcfs_store_close(other);
	t_check(!alive(number));
	t_is(members(), 0);
}

static int be_a_member(void *arg)
{
	struct ipcfs_store *store = t_open_store();

	(void)arg;
	talk->number[0] = (uint64_t)member_self(store);
	talk->step = 1;
	while (talk->step == 1)
		usleep(300);
	return 0;
}

static void a_killed_process_is_dead_at_once(void)
{
	begin_talk();
	for (int i = 0; i < 50; i++) {
		talk->step = 0;
		pid_t pid = t_fork(be_a_member, NULL);
		t_until(talk->step == 1);
		uint64_t number = talk->number[0];
		t_check(alive(number));
		t_kill(pid);
		t_check(!alive(number));
	}
	end_talk();
}

static void a_stopped_process_is_alive(void)
{
	begin_talk();
	pid_t pid = t_fork(be_a_member, NULL);
	t_until(talk->step == 1);
	kill(pid, SIGSTOP);
	t_wait_stopped(pid);
	t_check(alive(talk->number[0]));
	kill(pid, SIGCONT);
	talk->step = 2;
	t_is(t_wait(pid), 0);
	t_check(!alive(talk->number[0])); /* exit without ipcfs_store_close */
	end_talk();
}

/* ---- fork ---------------------------------------------------------------------------------------- */

static int fork_on(void *arg)
{
	struct ipcfs_object *o = arg;
	pid_t pid = 0;

	for (int n = 1; n < 4 && pid == 0; n++) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		t_is(LOAD(t.store->self->number), 0); /* wiped by the fork */
		t_is(ipcfs_event_set(o), 0);	      /* inherited handles are good */
		talk->number[n] = (uint64_t)member_self(t.store);
		talk->pid[n] = getpid();
		talk->step = n + 1;
		pid = n < 3 ? fork() : -1;
	}
	while (talk->step)
		usleep(1000);
	return 0;
}

static void each_child_gets_a_number_of_its_own(void)
{
	struct ipcfs_object *o = t_object(IPCFS_EVENT, "e", NULL);

	begin_talk();
	talk->number[0] = (uint64_t)member_self(t.store);
	talk->step = 1;
	pid_t pid = t_fork(fork_on, o);
	t_until(talk->step == 4);
	for (int i = 0; i < 4; i++) {
		t_check(alive(talk->number[i]));
		for (int k = 0; k < i; k++)
			t_check(talk->number[i] != talk->number[k]);
	}
	/* the death of one ends one membership; the child of the dead has its own */
	kill(talk->pid[3], SIGKILL);
	t_until(!alive(talk->number[3]));
	t_check(alive(talk->number[2]) && alive(talk->number[1]));
	t_kill(pid); /* and with it the others, by PR_SET_PDEATHSIG */
	t_until(!alive(talk->number[1]) && !alive(talk->number[2]));
	t_check(alive(talk->number[0]));
	t_is(ipcfs_event_set(o), 0);
	end_talk();
}

static int fork_and_die(void *arg)
{
	struct ipcfs_object *o = arg;

	t_is(ipcfs_event_set(o), 0);
	talk->number[0] = (uint64_t)member_self(t.store);
	pid_t pid = fork();
	if (pid == 0) {
		talk->pid[1] = getpid();
		char c;
		close(talk->pipe[1]);
		_exit(read(talk->pipe[0], &c, 1) == 0 ? 0 : 1); /* never calls anything */
	}
	while (!talk->pid[1])
		usleep(300);
	kill(getpid(), SIGKILL);
	return 1;
}

/* The child has the parent's memory and descriptors, but does not keep him alive. */
static void a_child_does_not_keep_its_parent_alive(void)
{
	struct ipcfs_object *o = t_object(IPCFS_EVENT, "e", NULL);

	begin_talk();
	pid_t pid = t_fork(fork_and_die, o);
	t_is(t_wait(pid), 128 + SIGKILL);
	t_is(kill(talk->pid[1], 0), 0);
	t_check(!alive(talk->number[0]));
	close(talk->pipe[1]);
	talk->pipe[1] = -1;
	end_talk();
}

/* ---- exec, closefrom ------------------------------------------------------------------------------ */

static int become_cat(void *arg)
{
	struct ipcfs_store *store = t_open_store();

	(void)arg;
	talk->number[0] = (uint64_t)member_self(store);
	talk->step = 1;
	while (talk->step == 1)
		usleep(300);
	dup2(talk->pipe[0], 0);
	close(talk->pipe[0]);
	close(talk->pipe[1]);
	execl("/bin/cat", "cat", (char *)NULL);
	return 96;
}

static void exec_ends_it(void)
{
	char exe[64], name[256] = "";

	begin_talk();
	pid_t pid = t_fork(become_cat, NULL);
	t_until(talk->step == 1);
	t_check(alive(talk->number[0]));
	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	talk->step = 2;
	do {
		ssize_t n = readlink(exe, name, sizeof(name) - 1);
		name[n > 0 ? n : 0] = '\0';
		usleep(300);
	} while (!strstr(name, "/cat") && !strstr(name, "/coreutils") && !strstr(name, "busybox"));
	/* The old program's memory goes a moment after the new one's name is there. */
	t_until(!alive(talk->number[0]));
	t_is(waitpid(pid, NULL, WNOHANG), 0);
	close(talk->pipe[1]);
	talk->pipe[1] = -1;
	t_is(t_wait(pid), 0);
	end_talk();
}

static int close_and_go_on(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *q = NULL;
	char buf[10];

	(void)arg;
	t_is(ipcfs_open(store, Q, "q", 0, 0, NULL, &q), 0);
	t_is(ipcfs_queue_put(q, "one", 3, 0), 0);
	closefrom(3);
	talk->number[0] = (uint64_t)member_self(store);
	t_is(ipcfs_queue_put(q, "two", 3, 0), 0);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 3);
	/* whatever now has the numbers that were closed is not ours */
	int fds[10];
	for (int i = 0; i < 10; i++)
		fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
	t_is(ipcfs_queue_put(q, "three", 5, 0), 0);
	for (int i = 0; i < 10; i++)
		t_is(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
	closefrom(3);
	talk->step = 1;
	while (talk->step == 1)
		usleep(300);
	t_is(ipcfs_queue_get(q, buf, 10, 0), 3);
	ipcfs_close(q);
	ipcfs_store_close(store);
	return 0;
}

static void closefrom_does_no_harm(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);

	for (int killed = 0; killed < 2; killed++) {
		ipcfs_queue_clear(q);
		begin_talk();
		pid_t pid = t_fork(close_and_go_on, NULL);
		t_until(talk->step == 1);
		t_check(alive(talk->number[0]));
		if (killed) {
			t_kill(pid);
		} else {
			talk->step = 2;
			t_is(t_wait(pid), 0);
		}
		t_check(!alive(talk->number[0]));
		end_talk();
	}
}

/* ---- threads ---------------------------------------------------------------------------------------- */

static _Atomic int first_in;

static void *first_call(void *arg)
{
	_Atomic uint64_t *number = arg;

	first_in++;
	while (first_in < 8)
		sched_yield();
	*number = (uint64_t)member_self(t.store);
	return NULL;
}

static void threads_that_call_first_together_are_one_member(void)
{
	for (int round = 0; round < t_count(50); round++) {
		pthread_t threads[8];
		_Atomic uint64_t numbers[8] = {0};
		struct ipcfs_store *was = t.store;

		t.store = t_open_store();
		first_in = 0;
		for (int i = 0; i < 8; i++)
			t_is(pthread_create(&threads[i], NULL, first_call, &numbers[i]), 0);
		for (int i = 0; i < 8; i++)
			pthread_join(threads[i], NULL);
		for (int i = 0; i < 8; i++)
			t_is(numbers[i], numbers[0]);
		t_is(members(), 1);
		ipcfs_store_close(t.store);
		t.store = was;
	}
}

static void *some_work(void *arg)
{
	for (int i = 0; i < 20; i++)
		t_is(ipcfs_event_set(arg), 0);
	return NULL;
}

/* There are fewer slots than that. */
static void more_threads_than_slots(void)
{
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL);
	pthread_t threads[MEMBER_SLOTS + 10];

	for (int i = 0; i < MEMBER_SLOTS + 10; i++)
		t_is(pthread_create(&threads[i], NULL, some_work, e), 0);
	for (int i = 0; i < MEMBER_SLOTS + 10; i++)
		pthread_join(threads[i], NULL);
	t_is(ipcfs_event_is_set(e), 1);
}

/* ---- the doorbell: what a server hears ----------------------------------------------------------------- */

static struct server {
	struct ipcfs_store *store;
	int fd;
	uint64_t ids[1000];
	unsigned count;
	bool all; /* any may have changed */
} server;

static void hear(void *arg, uint64_t id)
{
	t_check(arg == &server);
	if (id == 0)
		server.all = true;
	else if (server.count < 1000)
		server.ids[server.count++] = id;
}

static void start_server(void)
{
	memset(&server, 0, sizeof(server));
	server.store = t_open_store();
	server.fd = ipcfs_engine_shm.watch(server.store, hear, &server);
	t_check(server.fd >= 0);
}

static void stop_server(void)
{
	ipcfs_store_close(server.store);
}

/* Listens until that object was named, or any may have changed. */
static bool heard(uint64_t id)
{
	struct pollfd poll_fd = {.fd = server.fd, .events = POLLIN};

	if (poll(&poll_fd, 1, 0) > 0)
		ipcfs_engine_shm.dispatch(server.store);
	for (unsigned i = 0; i < server.count; i++)
		if (server.ids[i] == id)
			return true;
	return server.all;
}

static void forget(void)
{
	while (poll(&(struct pollfd){.fd = server.fd, .events = POLLIN}, 1, 0) > 0)
		ipcfs_engine_shm.dispatch(server.store);
	server.count = 0;
	server.all = false;
}

static struct ipcfs_object *servers_own(enum ipcfs_kind kind, const char *name)
{
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(server.store, kind, name, 0, 0, NULL, &o), 0);
	return o;
}

static int try_and_park(struct ipcfs_object *o, enum ipcfs_verb verb)
{
	char buf[100];
	struct ipcfs_op op = {.verb = verb,
			      .flags = IPCFS_OP_PARK | IPCFS_OP_TRYLOCK,
			      .in = "x",
			      .in_len = 1,
			      .out = buf,
			      .out_size = sizeof(buf),
			      .count = 1};
	struct ipcfs_stat st;

	t_stat_of(o, &st);
	op.changes = st.changes;
	return ipcfs_engine_shm.try(o, &op);
}

static void a_parked_server_is_rung(void)
{
	start_server();
	struct ipcfs_object *q = t_queue("q", 1, 10), *s = t_semaphore("s", 0, 1),
			    *e = t_object(IPCFS_EVENT, "e", NULL),
			    *v = t_cells(IPCFS_VALUE, "v", 'i', 0);
	struct ipcfs_object *mine[4] = {servers_own(Q, "q"), servers_own(IPCFS_SEMAPHORE, "s"),
					servers_own(IPCFS_EVENT, "e"),
					servers_own(IPCFS_VALUE, "v")};
	char buf[10];

	for (int round = 0; round < 3; round++) {
		t_is(try_and_park(mine[0], IPCFS_V_GET), -EAGAIN);
		t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
		t_until(heard(q->id));
		t_is(try_and_park(mine[0], IPCFS_V_PUT), -EAGAIN);
		forget();
		t_is(ipcfs_queue_get(q, buf, 10, 0), 1);
		t_until(heard(q->id));
		forget();
		t_is(try_and_park(mine[1], IPCFS_V_ACQUIRE), -EAGAIN);
		t_is(ipcfs_semaphore_release(s, 1), 0);
		t_until(heard(s->id));
		t_is(try_and_park(mine[1], IPCFS_V_ACQUIRE), 0);
		forget();
		t_is(try_and_park(mine[2], IPCFS_V_WAIT), -EAGAIN);
		t_is(ipcfs_event_set(e), 0);
		t_until(heard(e->id));
		forget();
		t_is(try_and_park(mine[2], IPCFS_V_CHANGED), -EAGAIN);
		t_is(ipcfs_event_clear(e), 0);
		t_until(heard(e->id));
		forget();
		t_is(try_and_park(mine[3], IPCFS_V_CHANGED), -EAGAIN);
		t_is(ipcfs_value_set(v, &round, 4), 0);
		t_until(heard(v->id));
		forget();
		/* nobody is parked: no bell, which costs system calls */
		uint64_t rings = LOAD(t.store->self->page->rings);
		t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
		t_is(ipcfs_queue_get(q, buf, 10, 0), 1);
		t_is(ipcfs_value_set(v, &round, 4), 0);
		t_is(LOAD(t.store->self->page->rings), rings);
	}
	for (int i = 0; i < 4; i++)
		ipcfs_close(mine[i]);
	stop_server();
}

static void a_server_that_asks_for_readiness_is_rung(void)
{
	start_server();
	struct ipcfs_object *q = t_queue("q", 0, 10000), *mine = servers_own(Q, "q");
	struct ipcfs_op op = {
		.verb = IPCFS_V_READY, .flags = IPCFS_OP_PARK, .count = 1u << IPCFS_C_READ};

	t_is(ipcfs_engine_shm.try(mine, &op), 0);
	t_is(op.count, 0);
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	t_until(heard(q->id));
	ipcfs_close(mine);
	stop_server();
}

static void a_removal_is_rung(void)
{
	start_server();
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL);
	uint64_t id = e->id;

	forget();
	t_is(ipcfs_unlink(t.store, IPCFS_EVENT, "e"), 0);
	t_until(heard(id));
	stop_server();
}

static void more_rings_than_slots(void)
{
	start_server();
	struct ipcfs_object *events[MEMBER_BELLS + 4];
	char name[16];

	t_check(member_self(t.store) > 0);
	for (int i = 0; i < MEMBER_BELLS + 4; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		events[i] = t_object(IPCFS_EVENT, name, NULL);
	}
	for (int n = MEMBER_BELLS; n <= MEMBER_BELLS + 4; n += 4) {
		forget();
		for (int i = 0; i < n; i++)
			member_ring(t.store, events[i]->id);
		for (int i = 0; i < n; i++)
			t_until(heard(events[i]->id));
	}
	stop_server();
}

static int ring_and_go(void *how)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(store, IPCFS_EVENT, "e", 0, 0, NULL, &o), 0);
	t_is(ipcfs_event_set(o), 0);
	if (how)
		kill(getpid(), SIGKILL);
	ipcfs_close(o);
	ipcfs_store_close(store);
	return 0;
}

/* The bell was rung, and the ringer is gone before the server looks. */
static void who_rang_and_went_is_heard(void)
{
	start_server();
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL),
			    *mine = servers_own(IPCFS_EVENT, "e");

	for (int killed = 0; killed < 2; killed++) {
		t_is(try_and_park(mine, IPCFS_V_WAIT), -EAGAIN);
		forget();
		t_is(t_wait(t_fork(ring_and_go, killed ? "killed" : NULL)),
		     killed ? 128 + SIGKILL : 0);
		t_until(heard(e->id));
		t_check(!server.all);
		t_is(members(), 1); /* the server's own; the ringer is buried */
		t_is(ipcfs_event_clear(mine), 0);
	}
	ipcfs_close(mine);
	stop_server();
}

static int die_with_the_lock(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(store, Q, arg, 0, 0, NULL, &o), 0);
	talk->number[0] = (uint64_t)member_self(store);
	t_is(obj_lock(o, 0, false), 0);
	kill(getpid(), SIGKILL);
	return 1;
}

static void a_death_names_what_the_dead_was_working_on(void)
{
	begin_talk();
	start_server();
	struct ipcfs_object *q = t_queue("q", 0, 100);

	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	int before = members();
	forget();
	t_is(t_wait(t_fork(die_with_the_lock, "q")), 128 + SIGKILL);
	t_until(heard(q->id));
	t_check(!server.all);
	t_check(!alive(talk->number[0]));
	t_is(members(), before); /* buried */
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	stop_server();
	end_talk();
}

/* Killed when the object is removed for all, and nobody has been told. */
static struct ipcfs_object *removed;

static int die_untold(const char *name)
{
	(void)name;
	if (LOAD(removed->control->state) & SEG_REMOVED)
		kill(getpid(), SIGKILL);
	return 0;
}

static int die_removing(void *arg)
{
	struct ipcfs_store *store = t_open_store();

	t_is(ipcfs_open(store, IPCFS_EVENT, arg, 0, 0, NULL, &removed), 0);
	ipcfs_sys_fault = die_untold;
	ipcfs_unlink(store, IPCFS_EVENT, arg);
	return 1;
}

static void the_death_of_a_remover_names_what_he_removed(void)
{
	start_server();
	struct ipcfs_object *e = t_object(IPCFS_EVENT, "e", NULL), *again = NULL;

	forget();
	t_is(t_wait(t_fork(die_removing, "e")), 128 + SIGKILL);
	t_until(heard(e->id));
	t_check(!server.all);
	t_is(ipcfs_event_set(e), -EIDRM);
	t_is(ipcfs_open(t.store, IPCFS_EVENT, "e", 0, 0, NULL, &again), -ENOENT);
	stop_server();
}

/* Who is done is no longer said to work. */
static void a_removal_leaves_no_note(void)
{
	t_object(IPCFS_EVENT, "e", NULL);
	t_is(ipcfs_unlink(t.store, IPCFS_EVENT, "e"), 0);
	for (int i = 0; i < MEMBER_SLOTS; i++)
		t_is(LOAD(t.store->self->page->work[i]), 0);
}

static int still_locked; /* so often the kernel says so of the dead */

static int late_unlock(const char *name)
{
	return !strcmp(name, "getlk") && still_locked > 0 && still_locked-- > 0;
}

/* The kernel tells that the file is closed before it gives up its lock. */
static void a_death_told_before_its_lock_is_gone(void)
{
	begin_talk();
	start_server();
	struct ipcfs_object *q = t_queue("q", 0, 100);

	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	int before = members();
	for (int looks = 1; looks <= 4; looks++) {
		forget();
		still_locked = looks;
		ipcfs_sys_fault = late_unlock;
		t_is(t_wait(t_fork(die_with_the_lock, "q")), 128 + SIGKILL);
		t_until(heard(q->id) && still_locked == 0 && members() == before);
		ipcfs_sys_fault = NULL;
		t_check(!server.all);
		t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	}
	stop_server();
	end_talk();
}

static int be_one_of_many(void *arg)
{
	struct ipcfs_store *store = t_open_store();

	(void)arg;
	if (member_self(store) < 0)
		return 1;
	talk->result++;
	for (;;)
		pause();
}

/* Also when many die at once: more than are noted. */
static void many_deaths_told_before_their_locks_are_gone(void)
{
	enum { MANY = 80 };
	pid_t pids[MANY];

	begin_talk();
	start_server();
	for (int i = 0; i < MANY; i++)
		pids[i] = t_fork(be_one_of_many, NULL);
	t_until(talk->result == MANY);
	t_is(members(), MANY);
	still_locked = MANY;
	ipcfs_sys_fault = late_unlock;
	for (int i = 0; i < MANY; i++)
		t_kill(pids[i]);
	t_until((forget(), members() == 0));
	t_is(still_locked, 0);
	ipcfs_sys_fault = NULL;
	stop_server();
	end_talk();
}

/* Who rings is not looked at again, and whose file somebody closes only a few times: nothing spins. */
static void the_living_are_left_alone(void)
{
	start_server();
	struct ipcfs_object *q = t_queue("q", 0, 100);
	struct pollfd poll_fd = {.fd = server.fd, .events = POLLIN};
	char path[MEMBER_PATH];
	int looks = 0;

	t_check(member_self(t.store) > 0);
	member_ring(t.store, q->id);
	forget();
	t_is(poll(&poll_fd, 1, 300), 0);
	member_path(path, (uint64_t)member_self(t.store));
	close(open(t_path("%s", path), O_WRONLY | O_CLOEXEC));
	while (poll(&poll_fd, 1, 1000) > 0) {
		ipcfs_engine_shm.dispatch(server.store);
		looks++;
	}
	t_check(looks > 1 && looks <= 5);
	t_check(alive((uint64_t)member_self(t.store)));
	stop_server();
}

static void a_server_that_starts_buries_the_dead(void)
{
	begin_talk();
	struct ipcfs_object *q = t_queue("q", 0, 100);

	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	for (int i = 0; i < 5; i++)
		t_is(t_wait(t_fork(die_with_the_lock, "q")), 128 + SIGKILL);
	close(open(t_path("members/rubbish"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	t_check(members() >= 3);
	start_server();
	t_is(members(), 1); /* the living stay */
	t_check(heard(q->id));
	t_check(alive((uint64_t)member_self(t.store)));
	stop_server();
	end_talk();
}

/* Another process is just becoming a member when a server starts, or it is another one's last moment. */
static struct ipcfs_store *sweeper;
static int sweep_at;

static int sweep_now(const char *name)
{
	int (*hook)(const char *) = ipcfs_sys_fault;

	(void)name;
	if (sweep_at-- == 0) {
		ipcfs_sys_fault = NULL;
		member_sweep(sweeper);
		ipcfs_sys_fault = hook;
	}
	return 0;
}

static void a_sweep_does_not_disturb_who_registers(void)
{
	sweeper = t_open_store();
	for (int i = 0; i < 12; i++) {
		struct ipcfs_store *other = t_open_store();

		sweep_at = i;
		ipcfs_sys_fault = sweep_now;
		int64_t number = member_self(other);
		ipcfs_sys_fault = NULL;
		if (number < 0)
			t_fail("swept before system call %d: %s", i + 1, t_result(number));
		t_check(alive((uint64_t)number));
		t_is(members(), 1);
		ipcfs_store_close(other);
	}
	ipcfs_store_close(sweeper);
}

static int come_and_go(void *arg)
{
	struct ipcfs_store *store = t_open_store();

	(void)arg;
	return member_self(store) > 0 ? 0 : 1;
}

/* Where no server runs, nobody buries the dead. Their files must not fill the store: by and by, at a newcomer's
 * chance, they are swept together. */
static void the_dead_do_not_pile_up_without_a_server(void)
{
	enum { MOST = 4000 };
	int before = members(), came = 0;

	for (; came < MOST && members() >= before + came / 2; came++)
		t_is(t_wait(t_fork(come_and_go, NULL)), 0);
	if (came == MOST)
		t_fail("%d processes came and went, %d files of them are left", came, members());
}

/* The name of the dead, made again by somebody else: he does not pass for them. */
static void nobody_takes_the_name_of_the_dead(void)
{
	struct ipcfs_store *other = t_open_store();
	uint64_t number = (uint64_t)member_self(other);
	const char *path = t_path("members/%016llx", (unsigned long long)number);
	int fd;

	ipcfs_store_close(other);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	t_is(sys_ofd_lock(fd), 0);
	t_check(!alive(number));
	close(fd);
	t_is(unlink(path), 0);
	t_is(symlink("/etc/passwd", path), 0); /* nor with what cannot be opened */
	t_check(!alive(number));
	t_is(unlink(path), 0);
	t_is(mkdir(path, 0), 0);
	t_check(!alive(number));
}

/* Files in members/ that nobody's library made: they name no living, and do no harm. */
static void rubbish_among_the_members(void)
{
	struct ipcfs_object *q = t_queue("q", 0, 100);

	start_server();
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	int fd = open(t_path("members/0000000000000007"), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	t_check(!alive(7));
	t_is(sys_ofd_lock(fd), 0);
	t_check(!alive(7)); /* a member's number is its file's */
	t_is(write(fd, "short", 5), 5);
	close(open(t_path("members/0000000000000007"), O_WRONLY | O_CLOEXEC));
	t_is(mkfifo(t_path("members/fifo"), 0644), 0);
	t_is(mkdir(t_path("members/folder"), 0755), 0);
	t_is(symlink("/etc/passwd", t_path("members/0000000000000009")), 0);
	t_check(!alive(9));
	forget();
	t_is(ipcfs_queue_put(q, "x", 1, 0), 0);
	close(fd);
	t_check(!alive(7));
	stop_server();
}

/* ---- what they sleep on ------------------------------------------------------------------------------- */

/* Of the process with that pid: what is told of it, if anything. */
struct asked {
	pid_t pid;
	bool found;
	struct ipcfs_process process;
};

static int look_for(void *arg, const struct ipcfs_process *process)
{
	struct asked *asked = arg;

	if (process->pid != asked->pid)
		return 0;
	t_check(!asked->found);
	asked->found = true;
	asked->process = *process;
	return 0;
}

static struct asked ask(pid_t pid)
{
	struct asked asked = {.pid = pid};

	t_is(ipcfs_engine_shm.processes(t.store, look_for, &asked), 0);
	return asked;
}

static bool sleeps_on(pid_t pid, const struct ipcfs_object *o, bool shared)
{
	struct asked asked = ask(pid);

	return asked.found && asked.process.waits_count == 1 &&
	       asked.process.waits[0].id == o->id && asked.process.waits[0].shared == shared;
}

static long acquire(struct ipcfs_object *o, long flags, int64_t deadline_ns)
{
	struct ipcfs_grant grant;

	return ipcfs_lock_acquire(o, (unsigned)flags, deadline_ns, &grant);
}

static long get_one(struct ipcfs_object *o, long arg, int64_t deadline_ns)
{
	char buf[8];

	(void)arg;
	return ipcfs_queue_get(o, buf, sizeof(buf), deadline_ns);
}

static void sleepers_say_on_what(void)
{
	struct ipcfs_object *lock = t_object(IPCFS_LOCK, "lock", NULL);
	struct ipcfs_object *q = t_queue("q", 0, 100);
	struct ipcfs_grant grant;

	t_is(ipcfs_lock_acquire(lock, 0, 0, &grant), 0);
	struct asked self = ask(getpid());
	t_check(self.found);
	t_is(self.process.waits_count, 0);
	t_is(self.process.uid, geteuid());
	t_is((int64_t)self.process.member, member_self(t.store));
	struct t_call *one = t_start_waiting((struct t_call){
		.kind = IPCFS_LOCK, .name = "lock", .function = acquire, .timeout_ns = -1});
	struct t_call *two = t_start_waiting((struct t_call){.kind = IPCFS_LOCK,
							     .name = "lock",
							     .function = acquire,
							     .arg = IPCFS_SHARED,
							     .timeout_ns = -1});
	struct t_call *three = t_start_waiting((struct t_call){
		.kind = IPCFS_QUEUE, .name = "q", .function = get_one, .timeout_ns = -1});
	t_until(sleeps_on(one->pid, lock, false));
	t_until(sleeps_on(two->pid, lock, true));
	t_until(sleeps_on(three->pid, q, false));
	t_is(t_again(ipcfs_queue_put(q, "x", 1, 0)), 0);
	t_ends_with(three, 1);
	t_check(!ask(three->pid).found);
	t_kill(one->pid); /* it says so still, but does not live */
	t_check(!ask(one->pid).found);
	t_until(sleeps_on(two->pid, lock, true));
}

/* Each sleep is another, also on the same object: who sees the same one twice knows that it has lasted. */
static void each_sleep_is_another(void)
{
	t_queue("q", 0, 100);
	struct t_call *call = t_start_waiting((struct t_call){
		.kind = IPCFS_QUEUE, .name = "q", .function = get_one, .timeout_ns = -1});
	struct asked asked;

	t_until((asked = ask(call->pid)).process.waits_count == 1);
	uint64_t sleep = asked.process.waits[0].sleep;
	/* It looks again each second. */
	t_until((asked = ask(call->pid)).process.waits_count == 1 &&
		asked.process.waits[0].sleep > sleep);
}

struct sleeper {
	struct ipcfs_object *q;
	pthread_t thread;
};

static void *get_in_thread(void *arg)
{
	const struct sleeper *s = arg;
	char buf[8];

	t_is(ipcfs_queue_get(s->q, buf, sizeof(buf), IPCFS_FOREVER), 1);
	return NULL;
}

static void each_thread_says_it(void)
{
	enum { MANY = 5 };
	struct sleeper sleepers[MANY];
	char name[8];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		sleepers[i].q = t_queue(name, 0, 100);
		t_is(pthread_create(&sleepers[i].thread, NULL, get_in_thread, &sleepers[i]), 0);
	}
	t_until(ask(getpid()).process.waits_count == MANY);
	struct asked asked;
	t_until((asked = ask(getpid())).process.waits_count == MANY);
	for (int i = 0; i < MANY; i++) {
		int found = 0;

		for (int k = 0; k < MANY; k++)
			found += asked.process.waits[k].id == sleepers[i].q->id;
		t_is(found, 1);
	}
	for (int i = 0; i < MANY; i++) {
		t_is(t_again(ipcfs_queue_put(sleepers[i].q, "x", 1, 0)), 0);
		pthread_join(sleepers[i].thread, NULL);
	}
	t_is(ask(getpid()).process.waits_count, 0);
}

/* A page that is no page, or another's words about himself. */
static void pages_are_not_trusted(void)
{
	struct member_page page = {.pid = getpid(), .uid = 12345};
	int fd = open(t_path("members/new"), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	struct stat st;

	t_is(fstat(fd, &st), 0);
	page.number = 7ull << 32 | (uint32_t)st.st_ino;
	const char *name = t_path("members/%016llx", (unsigned long long)page.number);
	t_is(rename(t_path("members/new"), name), 0);
	page.pid_space = sys_pid_space();
	t_check(page.pid_space != 0);
	t_is(sys_ofd_lock(fd), 0);
	t_check(!ask(getpid()).found); /* too short */
	t_is(pwrite(fd, &page, sizeof(page), 0), sizeof(page));
	t_is(ftruncate(fd, SEG_PAGE), 0);
	struct asked asked = ask(getpid());
	t_check(asked.found);
	t_is(asked.process.uid, geteuid()); /* whose file it is, the kernel says */
	page.pid_space++;
	t_is(pwrite(fd, &page, sizeof(page), 0), sizeof(page));
	t_check(!ask(getpid()).found); /* numbers of another namespace mean others */
	t_check(ask(0).found);
	close(fd);
	t_check(!ask(0).found);
	page.pid_space--; /* under another's number: its file it is not */
	fd = open(t_path("members/0000000000000007"), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	t_is(sys_ofd_lock(fd), 0);
	t_is(pwrite(fd, &page, sizeof(page), 0), sizeof(page));
	t_is(ftruncate(fd, SEG_PAGE), 0);
	t_check(!ask(getpid()).found);
	close(fd);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(nobody_is_a_member_before_his_first_call),
		T_TEST(unknown_numbers_are_dead),
		T_TEST(leaving_ends_it),
		T_TEST(a_killed_process_is_dead_at_once),
		T_TEST(a_stopped_process_is_alive),
		T_TEST(each_child_gets_a_number_of_its_own),
		T_TEST(a_child_does_not_keep_its_parent_alive),
		T_TEST(exec_ends_it),
		T_TEST(closefrom_does_no_harm),
		T_TEST(threads_that_call_first_together_are_one_member),
		T_TEST(more_threads_than_slots),
		T_TEST(a_parked_server_is_rung),
		T_TEST(a_server_that_asks_for_readiness_is_rung),
		T_TEST(a_removal_is_rung),
		T_TEST(more_rings_than_slots),
		T_TEST(who_rang_and_went_is_heard),
		T_TEST(a_death_names_what_the_dead_was_working_on),
		T_TEST(the_death_of_a_remover_names_what_he_removed),
		T_TEST(a_removal_leaves_no_note),
		T_TEST(a_death_told_before_its_lock_is_gone),
		T_TEST(many_deaths_told_before_their_locks_are_gone),
		T_TEST(the_living_are_left_alone),
		T_TEST(a_server_that_starts_buries_the_dead),
		T_TEST(a_sweep_does_not_disturb_who_registers),
		T_TEST(the_dead_do_not_pile_up_without_a_server),
		T_TEST(nobody_takes_the_name_of_the_dead),
		T_TEST(rubbish_among_the_members),
		T_TEST(sleepers_say_on_what),
		T_TEST(each_sleep_is_another),
		T_TEST(each_thread_says_it),
		T_TEST(pages_are_not_trusted),
	};

	return T_RUN(tests);
}
