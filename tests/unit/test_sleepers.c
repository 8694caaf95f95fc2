/* SPDX-License-Identifier: MIT
 *
 * test_sleepers.c - what the threads of members sleep on.
 */
#include "t_core.h"

#include "t_member.h"

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
		T_TEST(sleepers_say_on_what),
		T_TEST(each_sleep_is_another),
		T_TEST(each_thread_says_it),
		T_TEST(pages_are_not_trusted),
	};

	return T_RUN(tests);
}
