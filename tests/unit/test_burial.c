/* SPDX-License-Identifier: MIT
 *
 * test_burial.c - what a server hears of the dead, and how it buries them.
 */
#include "t_core.h"

#include "t_member.h"

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

int main(void)
{
	static const struct t_case tests[] = {
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
	};

	return T_RUN(tests);
}
