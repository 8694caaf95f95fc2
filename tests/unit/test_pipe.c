/* SPDX-License-Identifier: MIT
 *
 * test_pipe.c - pipes: messages both ways, whole and in order; ends that nobody has open yet, or any more.
 */
#include "t_pipe.h"

#include "core/claim.h"
#include "core/sys.h"

/* ---- messages -------------------------------------------------------------------------------- */

static void both_ways_whole_and_in_order(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(put(p, A, "one"), 0);
	t_is(put(p, B, "uno"), 0);
	t_is(put(p, A, ""), 0);
	t_is(put(p, A, "three"), 0);
	t_is(put(p, B, "dos"), 0);
	t_gets(p, A, "uno");
	t_gets(p, B, "one");
	t_gets(p, B, "");
	t_gets(p, A, "dos");
	t_gets(p, B, "three");
	t_is(nothing(p, A), -EAGAIN);
	t_is(nothing(p, B), -EAGAIN);
}

static void each_way_has_its_own_room(void)
{
	struct ipcfs_object *p = open_pipe(10);

	t_is(put(p, A, "0123456789"), 0);
	t_is(put(p, A, "x"), -EAGAIN);
	t_is(put(p, B, "9876543210"), 0);
	t_is(put(p, B, "x"), -EAGAIN);
	t_is(put(p, A, "0123456789x"), -EMSGSIZE);
	t_gets(p, B, "0123456789");
	t_is(put(p, A, "x"), 0);
	t_is(put(p, B, "x"), -EAGAIN);
	t_gets(p, A, "9876543210");
	t_gets(p, B, "x");
	t_is(nothing(p, A), -EAGAIN);
}

static void rings_turn(void)
{
	struct ipcfs_object *p = open_pipe(1000);
	uint8_t message[300], buf[300];

	for (int round = 0; round < t_count(2000); round++) {
		size_t len[2] = {t_below(300), t_below(300)};

		for (int i = 0; i < 2; i++) {
			memset(message, round + i, len[i]);
			t_is(ipcfs_pipe_put(p, round % 2 ? B : A, message, len[i], 0), 0);
		}
		for (int i = 0; i < 2; i++) {
			t_is(ipcfs_pipe_get(p, round % 2 ? A : B, buf, sizeof(buf), 0), len[i]);
			memset(message, round + i, len[i]);
			t_check(memcmp(buf, message, len[i]) == 0);
		}
	}
}

static void too_long_for_the_buffer_stays(void)
{
	struct ipcfs_object *p = open_pipe(100);
	char buf[8];

	t_is(put(p, A, "12345"), 0);
	t_is(ipcfs_pipe_get(p, B, buf, 4, 0), -EMSGSIZE);
	t_gets(p, B, "12345");
}

static void poll_takes_nothing(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(ipcfs_pipe_poll(p, B, 0), -EAGAIN);
	t_is(ipcfs_pipe_poll(p, B, 1), -ETIMEDOUT);
	t_is(put(p, A, "one"), 0);
	t_is(ipcfs_pipe_poll(p, B, 0), 0);
	t_is(ipcfs_pipe_poll(p, B, IPCFS_FOREVER), 0);
	t_is(ipcfs_pipe_poll(p, A, 0), -EAGAIN);
	t_gets(p, B, "one");
	t_is(ipcfs_pipe_close(p, A), 0);
	t_is(ipcfs_pipe_poll(p, B, 0), 0);
	t_is(nothing(p, B), -ENODATA);
}

static void clear_is_of_one_way(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(put(p, A, "one"), 0);
	t_is(put(p, A, "two"), 0);
	t_is(put(p, B, "uno"), 0);
	t_is(ipcfs_pipe_clear(p, B), 2);
	t_is(ipcfs_pipe_clear(p, B), 0);
	t_is(nothing(p, B), -EAGAIN);
	t_gets(p, A, "uno");
	t_is(put(p, A, "again"), 0);
	t_gets(p, B, "again");
}

static void wrong_arguments(void)
{
	struct ipcfs_object *p = pipe_of(100);
	char buf[8];

	t_is(ipcfs_pipe_open(p, 0), -EINVAL);
	t_is(ipcfs_pipe_open(p, 3), -EINVAL);
	t_is(ipcfs_pipe_put(p, 3, "x", 1, 0), -EINVAL);
	t_is(ipcfs_pipe_get(p, 0, buf, 8, 0), -EINVAL);
	t_is(ipcfs_pipe_clear(p, 0), -EINVAL);
	t_is(ipcfs_pipe_close(p, A), -EPERM);
	t_is(put(p, A, "x"), -EPERM);
	t_is(nothing(p, A), -EPERM);
	t_is(ipcfs_pipe_poll(p, A, 0), -EPERM);
	t_is(ipcfs_pipe_open(p, B), 0);
	t_is(put(p, A, "x"), -EPERM);
	t_is(ipcfs_pipe_close(p, A), -EPERM);
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == P)
			continue;
		t_is(ipcfs_pipe_open(o, A), -EINVAL);
		t_is(ipcfs_pipe_close(o, A), -EINVAL);
		t_is(ipcfs_pipe_put(o, A, "x", 1, 0), -EINVAL);
		t_is(ipcfs_pipe_get(o, A, buf, 8, 0), -EINVAL);
		t_is(ipcfs_pipe_poll(o, A, 0), -EINVAL);
		t_is(ipcfs_pipe_clear(o, A), -EINVAL);
	}
}

/* ---- ends -------------------------------------------------------------------------------------- */

static void who_was_never_there_is_waited_for(void)
{
	struct ipcfs_object *p = pipe_of(4);

	t_state(p, "never", "never");
	t_is(ipcfs_pipe_open(p, A), 0);
	t_state(p, "open", "never");
	t_is(nothing(p, A), -EAGAIN);
	t_is(put(p, A, "full"), 0);
	t_is(put(p, A, "x"), -EAGAIN);
	t_is(ipcfs_pipe_open(p, B), 0);
	t_state(p, "open", "open");
	t_gets(p, B, "full");
}

static void the_end_comes_after_what_is_left(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(put(p, A, "one"), 0);
	t_is(put(p, A, "two"), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_state(p, "closed", "open");
	t_is(put(p, B, "x"), -EPIPE);
	t_gets(p, B, "one");
	t_gets(p, B, "two");
	t_is(nothing(p, B), -ENODATA);
	t_is(nothing(p, B), -ENODATA);
	t_is(ipcfs_pipe_close(p, B), 0);
}

static void a_closed_end_may_be_opened_again(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(put(p, B, "kept"), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_is(nothing(p, B), -ENODATA);
	t_is(ipcfs_pipe_open(p, A), 0);
	t_state(p, "open", "open");
	t_is(nothing(p, B), -EAGAIN);
	t_gets(p, A, "kept");
	t_is(put(p, B, "goes on"), 0);
	t_gets(p, A, "goes on");
}

static void it_begins_anew_when_nobody_is_there(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(put(p, A, "kept"), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_is(ipcfs_pipe_close(p, B), 0);
	t_state(p, "never", "never");
	t_is(ipcfs_pipe_open(p, B), 0);
	t_gets(p, B, "kept");
	t_is(nothing(p, B), -EAGAIN);
	t_is(put(p, B, "x"), 0);
}

static void opens_are_counted(void)
{
	struct ipcfs_object *p = open_pipe(100);

	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_state(p, "open", "open");
	t_is(put(p, B, "x"), 0);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_is(ipcfs_pipe_close(p, A), -EPERM);
	t_state(p, "closed", "open");
	t_is(put(p, B, "x"), -EPIPE);
}

static void as_many_as_there_is_room_for(void)
{
	struct ipcfs_object *p = pipe_of(100);

	for (int i = 0; i < 4096; i++)
		t_is(ipcfs_pipe_open(p, i % 2 ? A : B), 0);
	t_is(ipcfs_pipe_open(p, A), -EUSERS);
	t_is(ipcfs_pipe_close(p, B), 0);
	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(put(p, A, "x"), 0);
	t_gets(p, B, "x");
}

static int has_none(void *arg)
{
	struct ipcfs_object *p = arg;
	char buf[8];

	t_is(ipcfs_pipe_put(p, A, "x", 1, 0), -EPERM);
	t_is(ipcfs_pipe_get(p, B, buf, 8, 0), -EPERM);
	t_is(ipcfs_pipe_close(p, A), -EPERM);
	t_is(ipcfs_pipe_open(p, B), 0);
	t_is(ipcfs_pipe_put(p, B, "child", 5, 0), 0);
	return 0;
}

static void a_forked_child_has_none_open(void)
{
	struct ipcfs_object *p = pipe_of(100);

	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(t_wait(t_fork(has_none, p)), 0);
	t_gets(p, A, "child");
	t_is(nothing(p, A), -ENODATA);
}

static int add_end(void *arg, const struct ipcfs_holding *h)
{
	char *ends = arg;

	ends[strlen(ends)] = (char)('a' + (h->end - IPCFS_END_A));
	return h->pid == getpid() && h->uid == geteuid() ? 0 : 1;
}

static void holders_and_counts(void)
{
	struct ipcfs_object *p = open_pipe(100);
	struct ipcfs_stat st;
	char ends[8] = "";

	t_is(ipcfs_pipe_open(p, B), 0);
	t_is(ipcfs_holders(p, add_end, ends), 0);
	t_check(strcmp(ends, "abb") == 0);
	t_is(put(p, A, "one"), 0);
	t_is(put(p, A, "two"), 0);
	t_is(put(p, B, "uno dos"), 0);
	t_stat_of(p, &st);
	t_is(st.ends[0].messages, 1);
	t_is(st.ends[0].bytes, 7);
	t_is(st.ends[1].messages, 2);
	t_is(st.ends[1].bytes, 6);
	t_is(st.messages, 3);
	t_is(st.bytes, 13);
	t_is(st.properties.capacity, 100);
}

static void changes_are_counted(void)
{
	struct ipcfs_object *p = pipe_of(100);
	uint64_t changes = 0;

	t_is(ipcfs_wait_change(p, &changes, 0), -EAGAIN);
	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(ipcfs_wait_change(p, &changes, 0), 0);
	t_is(put(p, A, "x"), 0);
	t_is(ipcfs_wait_change(p, &changes, 0), 0);
	t_is(nothing(p, A), -EAGAIN);
	t_is(ipcfs_wait_change(p, &changes, 0), -EAGAIN);
	t_is(ipcfs_pipe_close(p, A), 0);
	t_is(ipcfs_wait_change(p, &changes, 0), 0);
}

/* ---- what is no segment ------------------------------------------------------------------------------ */

static int see_fifo(void *arg, const char *name, bool is_folder)
{
	*(int *)arg += strcmp(name, "fifo") == 0 && !is_folder;
	return 0;
}

static void a_fifo_is_the_kernels(void)
{
	struct ipcfs_object *o = NULL;
	int seen = 0;

	t_is(mkfifo(t_path("pipes/fifo"), 0600), 0);
	t_is(ipcfs_open(t.store, P, "fifo", 0, 0, NULL, &o), -EOPNOTSUPP);
	t_is(ipcfs_open(t.store, P, "fifo", IPCFS_CREATE, 0600, NULL, &o), -EOPNOTSUPP);
	t_is(ipcfs_open(t.store, P, "fifo", IPCFS_CREATE | IPCFS_EXCL, 0600, NULL, &o), -EEXIST);
	t_is(ipcfs_list(t.store, P, NULL, see_fifo, &seen), 0);
	t_is(seen, 1);
	t_is(ipcfs_unlink(t.store, P, "fifo"), 0);
	t_is(ipcfs_open(t.store, P, "fifo", 0, 0, NULL, &o), -ENOENT);
	t_is(mknod(t_path("pipes/socket"), S_IFSOCK | 0600, 0), 0);
	t_is(ipcfs_open(t.store, P, "socket", 0, 0, NULL, &o), -EUCLEAN);
	t_is(ipcfs_unlink(t.store, P, "socket"), 0);
	t_is(mkfifo(t_path("topics/fifo"), 0600), 0);
	t_is(ipcfs_open(t.store, IPCFS_TOPIC, "fifo", 0, 0, NULL, &o), -EUCLEAN);
}

static struct ipcfs_object *written;
static int looks;

/* While each owner's file is looked for, somebody changes the object again. */
static int change_it(const char *name)
{
	if (strcmp(name, "stat") == 0) {
		looks++;
		atomic_fetch_add(&written->control->changes, 1);
	}
	return 0;
}

/* Owners are looked for once, whatever is written meanwhile: there may be four thousand. */
static void counts_of_a_pipe_that_changes_all_the_time(void)
{
	enum { ENDS = 50 };
	struct ipcfs_object *o = written = t_messages(P, "p", 100);
	struct ipcfs_stat st;

	for (int i = 0; i < ENDS; i++)
		t_is(ipcfs_pipe_open(o, IPCFS_END_A), 0);
	for (unsigned i = 0; i < ENDS; i++) /* all of different owners, who are dead */
		STORE(claim_at(o, i)->member, 1 + i);
	looks = 0;
	ipcfs_sys_fault = change_it;
	t_is(ipcfs_stat(o, &st), 0);
	ipcfs_sys_fault = NULL;
	t_check(looks >= ENDS && looks <= 2 * ENDS);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(both_ways_whole_and_in_order),
		T_TEST(each_way_has_its_own_room),
		T_TEST(rings_turn),
		T_TEST(too_long_for_the_buffer_stays),
		T_TEST(poll_takes_nothing),
		T_TEST(clear_is_of_one_way),
		T_TEST(wrong_arguments),
		T_TEST(who_was_never_there_is_waited_for),
		T_TEST(the_end_comes_after_what_is_left),
		T_TEST(a_closed_end_may_be_opened_again),
		T_TEST(it_begins_anew_when_nobody_is_there),
		T_TEST(opens_are_counted),
		T_TEST(as_many_as_there_is_room_for),
		T_TEST(a_forked_child_has_none_open),
		T_TEST(holders_and_counts),
		T_TEST(changes_are_counted),
		T_TEST(a_fifo_is_the_kernels),
		T_TEST(counts_of_a_pipe_that_changes_all_the_time),
	};

	return T_RUN(tests);
}
