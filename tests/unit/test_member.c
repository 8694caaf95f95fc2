/* SPDX-License-Identifier: MIT
 *
 * test_member.c - who is alive: kill, exit, fork, exec, closefrom, threads.
 */
#include "t_core.h"

#include <sys/prctl.h>

#include "t_member.h"

/* ---- life and death ---------------------------------------------------------------------------- */

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

/* ---- fork -------------------------------------------------------------------------------------- */

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

/* ---- exec, closefrom --------------------------------------------------------------------------- */

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

/* ---- threads ----------------------------------------------------------------------------------- */

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
	};

	return T_RUN(tests);
}
