/* SPDX-License-Identifier: MIT
 *
 * test_dead.c - dead letters: what becomes of messages that were given back too often.
 */
#include "t_core.h"

#include "t_lease.h"

static void after_its_attempts_a_message_moves(void)
{
	struct ipcfs_object *failed = queue_of("failed", 100),
			    *q = queue_with_dead("q", 3, "failed");

	put(q, "poison");
	put(q, "good");
	fail_once_more(q, "poison", 1);
	fail_once_more(q, "poison", 2);
	t_is(unfinished(q), 2);
	fail_once_more(q, "poison", 3);
	t_is(unfinished(q), 1); /* it counts as done here, and as put there */
	t_is(messages(q), 1);
	t_is(messages(failed), 1);
	t_is(unfinished(failed), 1);
	t_is(LOAD(failed->control->claims), 0); /* no mark of the move is left, neither there */
	t_is(LOAD(q->control->claims), 0);	/* nor here */
	t_is(ipcfs_queue_settle(q, leases(q, "good", 1)), 0);
	t_is(ipcfs_queue_join(q, 0), 0);
	leases(failed, "poison", 1);
	t_is(ipcfs_queue_get(q, buf, 10, 0), -EAGAIN);
}

static void several_move_in_their_order(void)
{
	struct ipcfs_object *failed = queue_of("failed", 100),
			    *q = queue_with_dead("q", 1, "failed");
	enum how how = IS_KILLED;
	pid_t child;

	leased_now = t_shared(sizeof(*leased_now));
	put(q, "a");
	put(q, "b");
	put(q, "c");
	child = t_fork(lease_and_end, &how);
	t_until(*leased_now);
	t_kill(child);
	gets(q, "c"); /* whoever looks moves them */
	t_until(ipcfs_queue_get(q, buf, 10, 0) == -EAGAIN && messages(failed) == 2);
	gets(failed, "a");
	gets(failed, "b");
	t_is(unfinished(q), 1);
}

/* A server asks when it hears of a death, though nobody reads. */
static void who_asks_whether_it_is_ready_moves_them(void)
{
	struct ipcfs_object *failed = queue_of("failed", 100),
			    *q = queue_with_dead("q", 1, "failed");
	enum how how = IS_KILLED;
	pid_t child;

	leased_now = t_shared(sizeof(*leased_now));
	put(q, "a");
	put(q, "b");
	child = t_fork(lease_and_end, &how);
	t_until(*leased_now);
	t_kill(child);
	t_is(ready(q) & 1u << IPCFS_C_READ, 0);
	t_is(messages(failed), 2);
	t_is(unfinished(q), 0);
}

static int take_the_lock_and_stop(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(store, IPCFS_QUEUE, arg, 0, 0, NULL, &o), 0);
	t_is(obj_lock(o, IPCFS_FOREVER, false), 0);
	raise(SIGSTOP);
	return 0;
}

/* It is neither here nor there for those who read, until it can go. */
static void while_the_other_queue_is_busy_it_waits(void)
{
	struct ipcfs_object *failed = queue_of("failed", 100),
			    *q = queue_with_dead("q", 1, "failed");
	struct ipcfs_lease lease;
	pid_t child;

	put(q, "a");
	child = t_fork(take_the_lock_and_stop, (void *)(uintptr_t) "failed");
	t_wait_stopped(child);
	fail_once_more(q, "a", 1);
	t_is(ready(q) & 1u << IPCFS_C_READ, 0);
	t_is(ipcfs_queue_lease(q, buf, 10, 0, &lease), -EAGAIN);
	t_is(ipcfs_queue_join(q, 0), -EAGAIN);
	t_is(messages(failed), 0);
	t_is(unfinished(q), 1);
	t_kill(child);
	t_is(ipcfs_queue_join(q, IPCFS_FOREVER), 0);
	gets(failed, "a");
}

/* What cannot go stays at the front, and tries again at its next failure. */
static void where_it_cannot_move_it_stays(void)
{
	struct ipcfs_object *q = queue_with_dead("q", 1, "failed"), *failed;

	put(q, "poison");
	put(q, "next");
	fail_once_more(q, "poison", 1); /* no such queue */
	fail_once_more(q, "poison", 2);
	queue_of("failed", 3); /* can never hold it */
	fail_once_more(q, "poison", 3);
	t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, "failed"), 0);
	failed = queue_of("failed", 10);
	put(failed, "0123456789"); /* full */
	fail_once_more(q, "poison", 4);
	t_is(ipcfs_queue_clear(failed), 1);
	t_is(ipcfs_queue_close(failed), 0); /* closed */
	fail_once_more(q, "poison", 5);
	t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, "failed"), 0);
	t_is(ipcfs_mkdir(t.store, IPCFS_QUEUE, "failed", 0700), 0); /* no queue */
	fail_once_more(q, "poison", 6);
	t_is(ipcfs_rmdir(t.store, IPCFS_QUEUE, "failed"), 0);
	t_is(unfinished(q), 2);
	t_is(messages(q), 2);
	failed = queue_of("failed", 10);
	fail_once_more(q, "poison", 7);
	gets(failed, "poison");
	gets(q, "next");
	t_is(unfinished(q), 1);
}

/* In the folder of the queue itself. */
static void it_moves_within_its_folder(void)
{
	struct ipcfs_object *q, *top, *failed;

	t_is(ipcfs_mkdir(t.store, IPCFS_QUEUE, "team", 0700), 0);
	top = queue_of("failed", 100);
	failed = queue_of("team/failed", 100);
	q = queue_with_dead("team/q", 1, "failed");
	put(q, "poison");
	fail_once_more(q, "poison", 1);
	t_is(messages(top), 0);
	gets(failed, "poison");
}

static void owner_of(const char *name, uid_t uid, mode_t mode)
{
	t_is(chown(t_path("queues/%s", name), uid, uid), 0);
	t_is(chmod(t_path("queues/%s", name), mode), 0);
}

/* Root's process does it, but as the queue's owner. */
static void the_owner_must_be_allowed_to_put_there(void)
{
	struct ipcfs_properties p = {
		.given = IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, .attempts = 1, .dead = "failed"};
	struct ipcfs_object *q = NULL, *failed;
	uint64_t attempt = 1;

	if (geteuid() != 0) {
		skip();
		return;
	}
	failed = queue_of("failed", 100);
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", IPCFS_CREATE, 0600, &p, &q), 0);
	ipcfs_close(q);
	owner_of("q", T_NOBODY, 0600); /* who owns it is noted at open */
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, NULL, &q), 0);
	put(q, "poison");
	owner_of("failed", 0, 0644);
	fail_once_more(q, "poison", attempt++);
	owner_of("failed", T_NOBODY, 0466); /* the owner's bits count for the owner */
	fail_once_more(q, "poison", attempt++);
	t_is(chown(t_path("queues/failed"), 0, T_NOBODY), 0);
	t_is(chmod(t_path("queues/failed"), 0646), 0); /* and the group's for the group */
	fail_once_more(q, "poison", attempt++);
	t_is(messages(failed), 0);
	owner_of("failed", 0, 0622);
	fail_once_more(q, "poison", attempt++);
	t_is(messages(failed), 1);
	ipcfs_close(q);
}

static void two_queues_are_each_others_dead_letters(void)
{
	struct ipcfs_object *a = queue_with_dead("a", 1, "b"), *b = queue_with_dead("b", 1, "a");

	put(a, "ping");
	for (int i = 0; i < 10; i++) {
		fail_once_more(a, "ping", 1);
		fail_once_more(b, "ping", 1);
	}
	gets(a, "ping");
	t_is(unfinished(b), 0);
}

static void dead_letter_properties(void)
{
	static const struct {
		const char *name;
		uint32_t given;
		uint64_t attempts;
		const char *dead;
		int want;
	} rows[] = {
		{"both", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "other", 0},
		{"attempts alone", IPCFS_P_ATTEMPTS, 5, "", 0},
		{"the most attempts", IPCFS_P_ATTEMPTS, IPCFS_ATTEMPTS_MAX, "", 0},
		{"past it", IPCFS_P_ATTEMPTS, IPCFS_ATTEMPTS_MAX + 1ull, "", -ERANGE},
		{"none", IPCFS_P_ATTEMPTS, 0, "", -ERANGE},
		{"dead alone", IPCFS_P_DEAD, 0, "other", -EINVAL},
		{"its own", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "q", -EINVAL},
		{"no name", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "", -EINVAL},
		{"a path", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "a/b", -EINVAL},
		{"a dot", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, ".b", -EINVAL},
		{"a comma", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "a,b", -EINVAL},
		{"a newline", IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, 5, "a\nb", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipcfs_properties p = {.given = rows[i].given, .attempts = rows[i].attempts};
		struct ipcfs_object *q = NULL;

		snprintf(p.dead, sizeof(p.dead), "%s", rows[i].dead);
		t_row(rows[i].name,
		      ipcfs_open(t.store, IPCFS_QUEUE, "q", IPCFS_CREATE, 0600, &p, &q),
		      rows[i].want);
		ipcfs_close(q);
		if (rows[i].want == 0)
			t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, "q"), 0);
	}
}

static void dead_letter_properties_are_compared(void)
{
	struct ipcfs_properties p = {.given = IPCFS_P_DEAD, .dead = "failed"};
	struct ipcfs_object *o = NULL, *q = queue_with_dead("q", 5, "failed"),
			    *plain = queue_of("plain", 10);
	struct ipcfs_stat st;

	t_check(plain);
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, &p, &o), 0);
	t_check(o == q);
	ipcfs_close(o);
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "plain", 0, 0, &p, &o), -EEXIST);
	snprintf(p.dead, sizeof(p.dead), "faile");
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, &p, &o), -EEXIST);
	memset(p.dead, 'x', sizeof(p.dead));
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, &p, &o), -ENAMETOOLONG);
	p = (struct ipcfs_properties){.given = IPCFS_P_ATTEMPTS, .attempts = 5};
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, &p, &o), 0);
	ipcfs_close(o);
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "plain", 0, 0, &p, &o), -EEXIST);
	p.attempts = 6;
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, "q", 0, 0, &p, &o), -EEXIST);
	t_stat_of(q, &st);
	t_is(st.properties.attempts, 5);
	t_is(strcmp(st.properties.dead, "failed"), 0);
	t_check(st.properties.given & IPCFS_P_DEAD && st.properties.given & IPCFS_P_ATTEMPTS);
	memset(p.dead, 0, sizeof(p.dead));
	memset(p.dead, 'x', IPCFS_NAME_MAX); /* the longest */
	p.given |= IPCFS_P_DEAD;
	t_object(IPCFS_QUEUE, "long", &p);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(after_its_attempts_a_message_moves),
		T_TEST(several_move_in_their_order),
		T_TEST(who_asks_whether_it_is_ready_moves_them),
		T_TEST(while_the_other_queue_is_busy_it_waits),
		T_TEST(where_it_cannot_move_it_stays),
		T_TEST(it_moves_within_its_folder),
		T_TEST(the_owner_must_be_allowed_to_put_there),
		T_TEST(two_queues_are_each_others_dead_letters),
		T_TEST(dead_letter_properties),
		T_TEST(dead_letter_properties_are_compared),
	};

	return T_RUN(tests);
}
