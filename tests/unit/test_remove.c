/* SPDX-License-Identifier: MIT
 *
 * test_remove.c - creation and removal: complete or absent, by one alone, told to those who wait.
 */
#include "t_core.h"

#define Q IPCFS_QUEUE
#define S IPCFS_SEMAPHORE
#define E IPCFS_EVENT
#define V IPCFS_VALUE
#define A IPCFS_ARRAY

/* ---- removal ----------------------------------------------------------------------------------- */

static int use_lock(struct ipcfs_object *o)
{
	struct ipcfs_grant grant;
	int rc = ipcfs_lock_acquire(o, 0, 0, &grant);

	return rc < 0 ? rc : ipcfs_lock_release(o, grant.token);
}

/* A call of each kind on an object. */
static long use(struct ipcfs_object *o)
{
	uint64_t n;
	char buf[1000];

	switch (o->kind) {
	case IPCFS_QUEUE:
		return ipcfs_queue_put(o, "x", 1, 0);
	case IPCFS_SEMAPHORE:
		return ipcfs_semaphore_release(o, 1);
	case IPCFS_EVENT:
		return ipcfs_event_set(o);
	case IPCFS_VALUE:
		return ipcfs_value_set(o, "x", 1);
	case IPCFS_LOCK:
		return use_lock(o);
	case IPCFS_CONDITION:
		return ipcfs_condition_notify(o, 1);
	case IPCFS_BARRIER:
		return ipcfs_barrier_reset(o);
	case IPCFS_LIST:
		return ipcfs_list_append(o, "x", 1);
	case IPCFS_PIPE:
		return ipcfs_pipe_open(o, IPCFS_END_A);
	case IPCFS_TOPIC:
		return ipcfs_topic_publish(o, "x", 1);
	case IPCFS_SIGNAL:
		return ipcfs_channel_fire(o, SIGUSR1);
	case IPCFS_DICT:
		return ipcfs_dict_set(o, "key", "x", 1);
	default:
		return ipcfs_array_get(o, 0, 1, buf, sizeof(buf), &n) == 8 ? 0 : -EIDRM;
	}
}

static void later_calls_get_eidrm(void)
{
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "gone"), *new = NULL;
		struct ipcfs_stat st;
		uint64_t changes = 0;

		t_is(use(o), 0);
		t_is(ipcfs_unlink(t.store, kind, "gone"), 0);
		t_is(use(o), -EIDRM);
		t_is(ipcfs_stat(o, &st), -EIDRM);
		t_is(ipcfs_wait_change(o, &changes, 0), -EIDRM);
		t_is(ipcfs_open(t.store, kind, "gone", 0, 0, NULL, &new), -ENOENT);
		/* another one of that name has nothing to do with it */
		new = t_any(kind, "gone");
		t_check(new != o);
		t_is(use(new), 0);
		t_is(use(o), -EIDRM);
	}
	char buf[8];

	t_is(ipcfs_queue_get(t.objects[0], buf, 8, IPCFS_FOREVER), -EIDRM);
	t_is(ipcfs_queue_peek(t.objects[0], buf, 8), -EIDRM);
	t_is(ipcfs_queue_clear(t.objects[0]), -EIDRM);
}

struct waiter {
	int which;
	enum ipcfs_kind kind; /* which object it opens */
	_Atomic pid_t tid;
	_Atomic int result;
	struct ipcfs_object *o;
};

/* Ways to wait for something that never comes. */
static const struct {
	const char *name;
	enum ipcfs_kind kind;
} waits[] = {
	{.name = "get", .kind = Q},
	{.name = "put", .kind = Q},
	{.name = "acquire", .kind = S},
	{.name = "event", .kind = E},
	{.name = "change", .kind = V},
	{.name = "change", .kind = A},
	{.name = "put_many", .kind = Q},
	{.name = "get_many", .kind = Q},
	{.name = "condition", .kind = IPCFS_CONDITION},
	{.name = "barrier", .kind = IPCFS_BARRIER},
	{.name = "pop", .kind = IPCFS_LIST},
	{.name = "change", .kind = IPCFS_LIST},
	{.name = "read a pipe", .kind = IPCFS_PIPE},
	{.name = "write a pipe", .kind = IPCFS_PIPE},
	{.name = "topic", .kind = IPCFS_TOPIC},
	{.name = "signal", .kind = IPCFS_SIGNAL},
	{.name = "key", .kind = IPCFS_DICT},
};
enum { WAITS = sizeof(waits) / sizeof(waits[0]) };

static const char *wait_name(int which)
{
	static __thread char name[16];

	snprintf(name, sizeof(name), "w%d", which);
	return name;
}

static struct ipcfs_object *make_waited(int which)
{
	struct ipcfs_object *o;
	const char *name = wait_name(which);

	switch (waits[which].kind) {
	case IPCFS_QUEUE:
		o = t_queue(name, 1, 10);
		if (waits[which].name[0] == 'p')
			t_is(ipcfs_queue_put(o, "full", 4, 0), 0);
		return o;
	case IPCFS_VALUE:
	case IPCFS_ARRAY:
		return t_cells(waits[which].kind, name, 'i', waits[which].kind == A ? 4 : 0);
	case IPCFS_BARRIER:
		return t_barrier(name, 3); /* a thread and a child do not do */
	case IPCFS_PIPE:
		return t_messages(IPCFS_PIPE, name, 4);
	case IPCFS_DICT:
		o = t_object(IPCFS_DICT, name, NULL);
		t_is(ipcfs_dict_set(o, "key", "x", 1), 0);
		return o;
	default:
		return t_object(waits[which].kind, name, NULL);
	}
}

/* Nobody has opened the other end yet. */
static int wait_at_pipe(struct ipcfs_object *o, bool writes)
{
	char buf[16];

	t_is(ipcfs_pipe_open(o, IPCFS_END_A), 0);
	if (!writes)
		return (int)ipcfs_pipe_get(o, IPCFS_END_A, buf, sizeof(buf), IPCFS_FOREVER);
	ipcfs_pipe_put(o, IPCFS_END_A, "full", 4, 0);
	return ipcfs_pipe_put(o, IPCFS_END_A, "x", 1, IPCFS_FOREVER);
}

static int wait_for_topic(struct ipcfs_object *o)
{
	struct ipcfs_cursor cursor;
	char buf[16];

	t_is(ipcfs_topic_subscribe(o, &cursor), 0);
	return (int)ipcfs_topic_next(o, &cursor, buf, sizeof(buf), IPCFS_FOREVER);
}

static int wait_for_ever(struct ipcfs_object *o, const char *how)
{
	uint64_t changes = 0;
	char buf[16];
	struct iovec v = {.iov_base = buf, .iov_len = sizeof(buf)};
	struct ipcfs_stat st;

	if (strcmp(how, "get") == 0)
		return (int)ipcfs_queue_get(o, buf, sizeof(buf), IPCFS_FOREVER);
	if (strcmp(how, "put") == 0)
		return ipcfs_queue_put(o, "x", 1, IPCFS_FOREVER);
	if (strcmp(how, "key") == 0)
		return ipcfs_dict_get(o, "key", buf, sizeof(buf), &changes) < 0 ?
			       -EIDRM :
			       ipcfs_dict_wait(o, "key", &changes, IPCFS_FOREVER);
	if (strcmp(how, "put_many") == 0)
		return ipcfs_queue_put_many(o, &(struct iovec){.iov_base = "x", .iov_len = 1}, 1,
					    IPCFS_FOREVER);
	if (strcmp(how, "get_many") == 0)
		return ipcfs_queue_get_many(o, &v, 1, IPCFS_FOREVER);
	if (strcmp(how, "acquire") == 0)
		return ipcfs_semaphore_acquire(o, 1, IPCFS_FOREVER);
	if (strcmp(how, "event") == 0)
		return ipcfs_event_wait(o, IPCFS_FOREVER);
	if (strcmp(how, "condition") == 0)
		return ipcfs_condition_wait(o, 0, IPCFS_FOREVER);
	if (strcmp(how, "pop") == 0)
		return (int)ipcfs_list_pop(o, 0, buf, sizeof(buf), IPCFS_FOREVER);
	if (strcmp(how, "barrier") == 0)
		return ipcfs_barrier_wait(o, IPCFS_FOREVER);
	if (o->kind == IPCFS_PIPE)
		return wait_at_pipe(o, how[0] == 'w');
	if (strcmp(how, "topic") == 0)
		return wait_for_topic(o);
	if (strcmp(how, "signal") == 0)
		return ipcfs_channel_wait(o, &changes, IPCFS_FOREVER);
	ipcfs_stat(o, &st);
	changes = st.changes;
	return ipcfs_wait_change(o, &changes, IPCFS_FOREVER);
}

static void *waiting_thread(void *arg)
{
	struct waiter *w = arg;

	w->tid = (pid_t)syscall(SYS_gettid);
	w->result = wait_for_ever(w->o, waits[w->which].name);
	return NULL;
}

static int waiting_child(void *arg)
{
	struct waiter *w = arg;
	struct ipcfs_store *store = t_open_store();

	t_is(ipcfs_open(store, waits[w->which].kind, wait_name(w->which), 0, 0, NULL, &w->o), 0);
	waiting_thread(w);
	return 0;
}

static void waiters_in_threads_and_processes_get_eidrm(void)
{
	struct waiter *thread = t_shared(sizeof(struct waiter[2 * WAITS])), *child = thread + WAITS;
	pthread_t threads[WAITS];
	pid_t pids[WAITS];

	for (int i = 0; i < WAITS; i++) {
		thread[i].which = child[i].which = i;
		thread[i].o = make_waited(i);
		pids[i] = t_fork(waiting_child, &child[i]);
	}
	for (int i = 0; i < WAITS; i++)
		t_is(pthread_create(&threads[i], NULL, waiting_thread, &thread[i]), 0);
	for (int i = 0; i < 2 * WAITS; i++)
		t_until(thread[i].tid && t_asleep(thread[i].tid));
	for (int i = 0; i < WAITS; i++)
		t_is(ipcfs_unlink(t.store, waits[i].kind, wait_name(i)), 0);
	for (int i = 0; i < WAITS; i++) {
		pthread_join(threads[i], NULL);
		t_row(waits[i].name, thread[i].result, -EIDRM);
		t_is(t_wait(pids[i]), 0);
		t_row(waits[i].name, child[i].result, -EIDRM);
	}
	munmap(thread, sizeof(struct waiter[2 * WAITS]));
}

/* The label says so, and who attaches anew is refused; who is attached already never reads it. */
static void waiters_on_a_damaged_segment_get_eidrm(void)
{
	struct waiter *w = t_shared(sizeof(*w));
	struct ipcfs_store *other = t_open_store();
	struct ipcfs_object *o = NULL;
	int fd;
	pid_t pid;

	w->which = 0;
	t_is(ipcfs_open(t.store, Q, "w0", IPCFS_CREATE, 0600, NULL, &o), 0);
	fd = t_file(Q, "w0");
	pid = t_fork(waiting_child, w);
	t_until(w->tid && t_asleep(w->tid));
	ipcfs_close(o); /* so that removal has to attach */
	t_is(pwrite(fd, "DAMAGE", 6, 0), 6);
	close(fd);
	t_is(ipcfs_open(other, Q, "w0", 0, 0, NULL, &o), -EUCLEAN);
	t_is(ipcfs_unlink(other, Q, "w0"), 0);
	t_is(t_wait(pid), 0);
	t_check(w->result == -EIDRM || w->result == -EUCLEAN);
	ipcfs_store_close(other);
	munmap(w, sizeof(*w));
}

static void a_damaged_segment_can_be_removed(void)
{
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++)
		for (int attached = 0; attached < 2; attached++)
			for (int how = 0; how < 4; how++) {
				struct ipcfs_object *o = t_any(kind, "bad"), *new = NULL;
				int fd = t_file(kind, "bad");
				char rubbish[4096];

				memset(rubbish, 0xa5, sizeof(rubbish));
				if (!attached)
					ipcfs_close(t.objects[--t.object_count]);
				if (how == 0)
					t_is(pwrite(fd, rubbish, 4096, 0), 4096);
				else if (how == 1)
					t_is(ftruncate(fd, 0), 0);
				else if (how == 2)
					t_is(ftruncate(fd, 100), 0);
				else if (attached)
					atomic_fetch_or(&o->control->state, SEG_DAMAGED);
				close(fd);
				t_is(ipcfs_unlink(t.store, kind, "bad"), 0);
				t_is(ipcfs_open(t.store, kind, "bad", 0, 0, NULL, &new), -ENOENT);
				if (attached) {
					t_check(use(o) < 0);
					ipcfs_close(t.objects[--t.object_count]);
				}
			}
}

static void a_removal_begun_by_the_dead_is_finished(void)
{
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "half"), *new = NULL;

		atomic_fetch_or(&o->control->state, SEG_REMOVED);
		t_is(access(t_path("%s/half", ipcfs_kind_name(kind)), F_OK), 0);
		t_is(ipcfs_open(t.store, kind, "half", 0, 0, NULL, &new), -ENOENT);
		t_check(access(t_path("%s/half", ipcfs_kind_name(kind)), F_OK) < 0);
		o = t_any(kind, "half");
		atomic_fetch_or(&o->control->state, SEG_REMOVED);
		new = t_any(kind, "half"); /* creation makes a new one at once */
		t_check(new != o);
		t_is(use(new), 0);
		atomic_fetch_or(&new->control->state, SEG_REMOVED);
		t_is(ipcfs_unlink(t.store, kind, "half"), 0);
	}
}

static void what_is_no_segment_can_be_removed(void)
{
	struct ipcfs_object *o = NULL;

	t_is(mkfifo(t_path("events/fifo"), 0600), 0);
	t_is(mknod(t_path("events/socket"), S_IFSOCK | 0600, 0), 0);
	t_is(symlink("nowhere", t_path("events/link")), 0);
	close(open(t_path("events/empty"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	static const char *const all[] = {"fifo", "socket", "link", "empty"};
	for (int i = 0; i < 4; i++) {
		t_row(all[i], ipcfs_open(t.store, E, all[i], 0, 0, NULL, &o), -EUCLEAN);
		t_row(all[i], ipcfs_open(t.store, E, all[i], IPCFS_CREATE, 0600, NULL, &o),
		      -EUCLEAN);
		t_row(all[i], ipcfs_unlink(t.store, E, all[i]), 0);
		t_row(all[i], ipcfs_open(t.store, E, all[i], 0, 0, NULL, &o), -ENOENT);
	}
}

/* ---- creation is complete or absent -------------------------------------------------------------- */

/* Another process, which looks whenever it is asked to. */
static struct onlooker {
	enum ipcfs_kind kind;
	_Atomic int asked, answered, absent, whole;
} * onlooker;

static int look_on(void *arg)
{
	struct ipcfs_store *store = t_open_store();

	(void)arg;
	while (onlooker) {
		struct ipcfs_object *o = NULL;

		while (onlooker->asked == onlooker->answered)
			sched_yield();
		int rc = ipcfs_open(store, onlooker->kind, "slow", 0, 0, NULL, &o);
		if (rc == 0)
			t_is(use(o), 0);
		else
			t_is(rc, -ENOENT);
		ipcfs_close(o);
		onlooker->whole += rc == 0;
		onlooker->absent += rc != 0;
		onlooker->answered++;
	}
	return 0;
}

/* Before each system call of a creation: is the name there, and is it a whole object then? */
static int ask_onlooker(const char *name)
{
	(void)name;
	onlooker->asked++;
	t_until(onlooker->answered == onlooker->asked);
	return 0;
}

static int count_one(void *arg, const char *name, bool is_folder)
{
	(void)name;
	(void)is_folder;
	(*(int *)arg)++;
	return 0;
}

static void creation_is_complete_or_absent(void)
{
	onlooker = t_shared(sizeof(*onlooker));
	t_fork(look_on, NULL);
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_properties p = {.given = 0, .type = kind == V ? 's' : 'q', .len = 100};
		struct ipcfs_object *o = NULL;
		int names = 0;

		if (kind == V || kind == A)
			p.given = IPCFS_P_TYPE | IPCFS_P_LEN;
		if (kind == IPCFS_BARRIER)
			p = (struct ipcfs_properties){.given = IPCFS_P_PARTIES, .parties = 2};
		onlooker->kind = kind;
		onlooker->absent = onlooker->whole = 0;
		ipcfs_sys_fault = ask_onlooker;
		int rc = ipcfs_open(t.store, kind, "slow", IPCFS_CREATE, 0600, &p, &o);
		ipcfs_sys_fault = NULL;
		t_is(rc, 0);
		t_check(onlooker->absent > 3 && onlooker->whole > 0);
		t_is(use(o), 0);
		ipcfs_close(o);
		t_is(ipcfs_list(t.store, kind, NULL, count_one, &names), 0);
		t_is(names, 1); /* and nothing else was made */
	}
	t_kill_kids();
	munmap(onlooker, sizeof(*onlooker));
}

enum { CREATORS = 8 };

struct race {
	_Atomic int ready, go, made, exists, other;
	_Atomic int seen[CREATORS];
	int rounds;
};

static void create_all(struct ipcfs_store *store, struct race *race, int flags)
{
	char name[32];

	for (int i = 0; i < race->rounds; i++) {
		struct ipcfs_object *o = NULL;

		race->ready++;
		while (race->go <= i)
			sched_yield();
		snprintf(name, sizeof(name), "race%d", i);
		int rc = ipcfs_open(store, i % 2 ? S : Q, name, flags, 0600, NULL, &o);
		if (rc == 0)
			race->made++;
		else if (rc == -EEXIST)
			race->exists++;
		else
			race->other = rc;
		if (rc == 0 && i % 2)
			t_is(t_again(ipcfs_semaphore_release(o, 1)), 0);
		else if (rc == 0)
			t_is(ipcfs_queue_put(o, "x", 1, IPCFS_FOREVER), 0);
		ipcfs_close(o);
	}
}

static int creating_child(void *arg)
{
	create_all(t_open_store(), arg, IPCFS_CREATE | IPCFS_EXCL);
	return 0;
}

static int opening_child(void *arg)
{
	create_all(t_open_store(), arg, IPCFS_CREATE);
	return 0;
}

static void *creating_thread(void *arg)
{
	create_all(t.store, arg, IPCFS_CREATE | IPCFS_EXCL);
	return NULL;
}

static void start_rounds(struct race *race, int runners)
{
	for (int i = 0; i < race->rounds; i++) {
		t_until(race->ready == (i + 1) * runners);
		race->go = i + 1;
	}
}

static void eight_processes_create_one_name(void)
{
	struct race *race = t_shared(sizeof(*race));
	pid_t pids[CREATORS];

	race->rounds = t_count(200);
	for (int i = 0; i < CREATORS; i++)
		pids[i] = t_fork(creating_child, race);
	start_rounds(race, CREATORS);
	for (int i = 0; i < CREATORS; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(race->other, 0);
	t_is(race->made, race->rounds);
	t_is(race->exists, (CREATORS - 1) * race->rounds);
	munmap(race, sizeof(*race));
}

static void two_threads_create_one_name(void)
{
	struct race *race = t_shared(sizeof(*race));
	pthread_t threads[2];

	race->rounds = t_count(200);
	for (int i = 0; i < 2; i++)
		t_is(pthread_create(&threads[i], NULL, creating_thread, race), 0);
	start_rounds(race, 2);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	t_is(race->other, 0);
	t_is(race->made, race->rounds);
	t_is(race->exists, race->rounds);
	munmap(race, sizeof(*race));
}

/* Without EXCL all of them get it, and it is one object. */
static void eight_processes_open_or_create_one_name(void)
{
	struct race *race = t_shared(sizeof(*race));
	pid_t pids[CREATORS];
	char name[32];

	race->rounds = t_count(200);
	for (int i = 0; i < CREATORS; i++)
		pids[i] = t_fork(opening_child, race);
	start_rounds(race, CREATORS);
	for (int i = 0; i < CREATORS; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(race->other, 0);
	t_is(race->made, CREATORS * race->rounds);
	for (int i = 0; i < race->rounds; i++) {
		struct ipcfs_object *o = NULL;
		struct ipcfs_stat st;

		snprintf(name, sizeof(name), "race%d", i);
		t_is(ipcfs_open(t.store, i % 2 ? S : Q, name, 0, 0, NULL, &o), 0);
		t_stat_of(o, &st);
		t_is(i % 2 ? st.value : st.messages, CREATORS);
		ipcfs_close(o);
	}
	munmap(race, sizeof(*race));
}

/* One name is made and removed again and again: no other answers than the documented ones. */
struct churn {
	_Atomic int rounds, opened, absent, other;
};

static int churning_child(void *arg)
{
	struct churn *churn = arg;
	struct ipcfs_store *store = t_open_store();

	while (churn->rounds-- > 0) {
		struct ipcfs_object *o = NULL;
		int rc = ipcfs_open(store, E, "churn", IPCFS_CREATE, 0600, NULL, &o);

		if (rc == 0) {
			long used = t_again(ipcfs_event_set(o));

			if (used != 0 && used != -EIDRM)
				churn->other = (int)used;
			churn->opened++;
			ipcfs_close(o);
		} else {
			churn->other = rc;
		}
		rc = ipcfs_unlink(store, E, "churn");
		if (rc != 0 && rc != -ENOENT)
			churn->other = rc;
		churn->absent += rc == -ENOENT;
	}
	return 0;
}

static void made_and_removed_again_and_again(void)
{
	struct churn *churn = t_shared(sizeof(*churn));
	struct ipcfs_object *o = NULL;
	pid_t pids[4];

	churn->rounds = t_count(10000);
	for (int i = 0; i < 4; i++)
		pids[i] = t_fork(churning_child, churn);
	for (int i = 0; i < 4; i++)
		t_is(t_wait(pids[i]), 0);
	t_is(churn->other, 0);
	t_check(churn->opened > 0);
	t_is(ipcfs_open(t.store, E, "churn", 0, 0, NULL, &o), -ENOENT);
	munmap(churn, sizeof(*churn));
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(later_calls_get_eidrm),
		T_TEST(waiters_in_threads_and_processes_get_eidrm),
		T_TEST(waiters_on_a_damaged_segment_get_eidrm),
		T_TEST(a_damaged_segment_can_be_removed),
		T_TEST(a_removal_begun_by_the_dead_is_finished),
		T_TEST(what_is_no_segment_can_be_removed),
		T_TEST(creation_is_complete_or_absent),
		T_TEST(eight_processes_create_one_name),
		T_TEST(two_threads_create_one_name),
		T_TEST(eight_processes_open_or_create_one_name),
		T_TEST(made_and_removed_again_and_again),
	};

	return T_RUN(tests);
}
