/* SPDX-License-Identifier: MIT
 *
 * test_topic.c - topics: every subscriber sees every message in order; who is too slow learns how many he has lost.
 */
#include "t_core.h"

#define T IPCFS_TOPIC

static int publish(struct ipcfs_object *o, const char *text)
{
	return (int)t_again(ipcfs_topic_publish(o, text, strlen(text)));
}

#define t_sees(o, cursor, text) t_sees_(o, cursor, text, __FILE__, __LINE__)
static void t_sees_(struct ipcfs_object *o, struct ipcfs_cursor *cursor, const char *text,
		    const char *file, int line)
{
	char buf[64] = "";

	t_is_("next", text, t_again(ipcfs_topic_next(o, cursor, buf, sizeof(buf), 0)),
	      (long)strlen(text), file, line);
	if (memcmp(buf, text, strlen(text)) != 0)
		t_fail_(file, line, "\"%.20s\", not \"%s\"", buf, text);
}

static long nothing(struct ipcfs_object *o, struct ipcfs_cursor *cursor)
{
	char buf[8];

	return t_again(ipcfs_topic_next(o, cursor, buf, sizeof(buf), 0));
}

static void all_see_all_since_they_came(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 100);
	struct ipcfs_cursor early, late;

	t_is(ipcfs_topic_subscribe(o, &early), 0);
	t_is(nothing(o, &early), -EAGAIN);
	t_is(publish(o, "one"), 0);
	t_is(ipcfs_topic_subscribe(o, &late), 0);
	t_is(nothing(o, &late), -EAGAIN);
	t_is(publish(o, ""), 0);
	t_is(publish(o, "three"), 0);
	t_sees(o, &early, "one");
	t_sees(o, &late, "");
	t_sees(o, &early, "");
	t_sees(o, &early, "three");
	t_sees(o, &late, "three");
	t_is(nothing(o, &early), -EAGAIN);
	t_is(nothing(o, &late), -EAGAIN);
	t_is(publish(o, "four"), 0);
	t_sees(o, &late, "four");
	t_sees(o, &early, "four");
}

static void the_oldest_goes_and_the_slow_are_told(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 10);
	struct ipcfs_cursor slow, slower;

	t_is(ipcfs_topic_subscribe(o, &slow), 0);
	slower = slow;
	t_is(publish(o, "1234"), 0);
	t_is(publish(o, "5678"), 0);
	t_is(publish(o, "90"), 0); /* just fits */
	t_sees(o, &slow, "1234");
	t_is(publish(o, "abc"), 0); /* one is one too many */
	t_sees(o, &slow, "5678");
	t_is(publish(o, "0123456789"), 0); /* alone */
	t_is(nothing(o, &slow), -ENOBUFS);
	t_is(slow.lost, 2);
	t_is(nothing(o, &slower), -ENOBUFS);
	t_is(slower.lost, 4);
	t_sees(o, &slow, "0123456789");
	t_is(slow.lost, 0);
	t_is(nothing(o, &slow), -EAGAIN);
	t_sees(o, &slower, "0123456789");
	t_is(publish(o, "0123456789x"), -EMSGSIZE);
	t_is(nothing(o, &slow), -EAGAIN);
}

static void empty_messages_go_as_well(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 3);
	struct ipcfs_cursor cursor;
	struct ipcfs_stat st;

	t_is(ipcfs_topic_subscribe(o, &cursor), 0);
	for (int i = 0; i < 10; i++)
		t_is(publish(o, ""), 0);
	t_stat_of(o, &st);
	t_is(st.messages, 3);
	t_is(st.bytes, 0);
	t_is(st.value, 10);
	t_is(nothing(o, &cursor), -ENOBUFS);
	t_is(cursor.lost, 7);
	for (int i = 0; i < 3; i++)
		t_sees(o, &cursor, "");
	t_is(nothing(o, &cursor), -EAGAIN);
}

static void too_long_for_the_buffer_is_next_still(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 100);
	struct ipcfs_cursor cursor;
	char buf[8];

	t_is(ipcfs_topic_subscribe(o, &cursor), 0);
	t_is(publish(o, "12345"), 0);
	t_is(ipcfs_topic_next(o, &cursor, buf, 4, 0), -EMSGSIZE);
	t_is(cursor.length, 5);
	t_sees(o, &cursor, "12345");
}

static void peek_shows_the_newest(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 100);
	char buf[4];

	t_is(ipcfs_topic_peek(o, buf, sizeof(buf)), -ENODATA);
	t_is(publish(o, "one"), 0);
	t_is(publish(o, "other"), 0);
	t_is(ipcfs_topic_peek(o, buf, sizeof(buf)), 5);
	t_check(memcmp(buf, "othe", 4) == 0);
}

static void clear_drops_and_the_numbers_go_on(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 100);
	struct ipcfs_cursor early, late;
	char buf[8];

	t_is(ipcfs_topic_subscribe(o, &early), 0);
	t_is(ipcfs_topic_clear(o), 0);
	t_is(publish(o, "one"), 0);
	t_is(publish(o, "two"), 0);
	t_is(ipcfs_topic_subscribe(o, &late), 0);
	t_is(ipcfs_topic_clear(o), 2);
	t_is(ipcfs_topic_peek(o, buf, sizeof(buf)), -ENODATA);
	t_is(nothing(o, &late), -EAGAIN);
	t_is(nothing(o, &early), -ENOBUFS);
	t_is(early.lost, 2);
	t_is(nothing(o, &early), -EAGAIN);
	t_is(publish(o, "three"), 0);
	t_sees(o, &early, "three");
	t_sees(o, &late, "three");
}

/* Bytes and slots are used again and again, whatever the lengths. */
static void the_ring_turns(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 1000);
	struct ipcfs_cursor cursor, slow;
	uint8_t message[400], buf[400];
	int seen = 0, lost = 0;

	t_is(ipcfs_topic_subscribe(o, &cursor), 0);
	slow = cursor;
	for (int i = 0; i < t_count(5000); i++) {
		size_t len = t_below(3) ? t_below(20) : t_below(400);
		ssize_t n;

		memset(message, i, len);
		t_is(ipcfs_topic_publish(o, message, len), 0);
		t_is(ipcfs_topic_next(o, &cursor, buf, sizeof(buf), 0), len);
		t_check(memcmp(buf, message, len) == 0);
		t_is(ipcfs_topic_next(o, &cursor, buf, sizeof(buf), 0), -EAGAIN);
		if (t_below(10))
			continue;
		while ((n = ipcfs_topic_next(o, &slow, buf, sizeof(buf), 0)) != -EAGAIN) {
			if (n == -ENOBUFS) {
				lost += (int)slow.lost;
				continue;
			}
			for (ssize_t k = 0; k < n; k++)
				t_is(buf[k], (uint8_t)(seen + lost));
			seen++;
		}
		t_is(seen + lost, i + 1);
	}
	t_check(lost > 0 && seen > 0);
}

static void other_kinds_are_no_topics(void)
{
	struct ipcfs_cursor cursor = {0};
	char buf[8];

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == T)
			continue;
		t_is(ipcfs_topic_publish(o, "x", 1), -EINVAL);
		t_is(ipcfs_topic_subscribe(o, &cursor), -EINVAL);
		t_is(ipcfs_topic_next(o, &cursor, buf, 8, 0), -EINVAL);
		t_is(ipcfs_topic_peek(o, buf, 8), -EINVAL);
		t_is(ipcfs_topic_clear(o), -EINVAL);
	}
}

static void changes_are_counted(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 100);
	struct ipcfs_cursor cursor;
	uint64_t changes = 0;

	t_is(ipcfs_topic_subscribe(o, &cursor), 0);
	t_is(ipcfs_wait_change(o, &changes, 0), -EAGAIN);
	t_is(publish(o, "x"), 0);
	t_is(ipcfs_wait_change(o, &changes, 0), 0);
	t_sees(o, &cursor, "x"); /* changes nothing */
	t_is(ipcfs_wait_change(o, &changes, 0), -EAGAIN);
	t_is(ipcfs_topic_clear(o), 1);
	t_is(ipcfs_wait_change(o, &changes, 0), 0);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static long listens(struct ipcfs_object *o, long messages, int64_t deadline_ns)
{
	struct ipcfs_cursor cursor;
	char buf[64];
	ssize_t n = 0, total = 0;

	t_is(ipcfs_topic_subscribe(o, &cursor), 0);
	while (messages-- > 0 && n >= 0) {
		n = ipcfs_topic_next(o, &cursor, buf, sizeof(buf), deadline_ns);
		total += n;
	}
	return n < 0 ? n : total;
}

static struct t_call *listener(long messages, int64_t timeout_ns)
{
	return t_start_waiting((struct t_call){.kind = T,
					       .name = "t",
					       .function = listens,
					       .arg = messages,
					       .timeout_ns = timeout_ns});
}

static void all_who_wait_are_woken(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 1000);
	struct t_call *calls[5];

	for (int i = 0; i < 5; i++)
		calls[i] = listener(1 + i, -1);
	for (int i = 0; i < 5; i++)
		t_is(publish(o, "12345"), 0);
	for (int i = 0; i < 5; i++)
		t_ends_with(calls[i], 5 * (1 + i));
}

static void deadlines(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 1000);
	struct ipcfs_cursor cursor;
	int64_t before = sys_now_ns();
	char buf[8];

	t_is(ipcfs_topic_subscribe(o, &cursor), 0);
	t_is(ipcfs_topic_next(o, &cursor, buf, 8, 1), -ETIMEDOUT);
	t_is(ipcfs_topic_next(o, &cursor, buf, 8, ipcfs_after(20 * T_MS)), -ETIMEDOUT);
	t_check(sys_now_ns() - before >= 20 * T_MS);
	t_is(publish(o, "x"), 0);
	t_sees(o, &cursor, "x");
}

static void a_killed_listener_matters_to_nobody(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 1000);
	struct t_call *dead = listener(1, -1), *alive = listener(1, -1);

	t_kill(dead->pid);
	t_is(publish(o, "123"), 0);
	t_ends_with(alive, 3);
}

static int publishes(void *arg)
{
	struct ipcfs_store *store = t_open_store();
	struct ipcfs_object *o = NULL;
	uint32_t message[2] = {*(uint32_t *)arg};

	t_is(ipcfs_open(store, T, "t", 0, 0, NULL, &o), 0);
	for (; message[1] < 2000; message[1]++)
		t_is(ipcfs_topic_publish(o, message, sizeof(message)), 0);
	return 0;
}

/* Each in the order of its publisher; what is missing is told. */
static void two_publishers_at_once(void)
{
	struct ipcfs_object *o = t_messages(T, "t", 400);
	uint32_t which[2] = {0, 1}, next[2] = {0}, message[2] = {0};
	struct ipcfs_cursor cursor;
	uint64_t lost = 0, missing = 0;
	pid_t pids[2];

	t_is(ipcfs_topic_subscribe(o, &cursor), 0);
	for (int i = 0; i < 2; i++)
		pids[i] = t_fork(publishes, &which[i]);
	while (cursor.seen < 4000) {
		ssize_t n = ipcfs_topic_next(o, &cursor, message, sizeof(message),
					     ipcfs_after(T_LIMIT_MS * T_MS));

		if (n == -ENOBUFS) {
			lost += cursor.lost;
			continue;
		}
		t_is(n, sizeof(message));
		t_check(message[0] <= 1 && message[1] >= next[message[0]]);
		missing += message[1] - next[message[0]];
		next[message[0]] = message[1] + 1;
	}
	missing += 4000 - next[0] - next[1];
	t_is(missing, lost);
	for (int i = 0; i < 2; i++)
		t_is(t_wait(pids[i]), 0);
}

/* What one large message drops, of messages of all lengths, is as many as must go and no more. */
static void as_many_go_as_must(void)
{
	enum { CAPACITY = 300, ROUNDS = 3000 };
	struct ipcfs_object *o = t_messages(T, "t", CAPACITY);
	static uint64_t lengths[ROUNDS];
	static char bytes[CAPACITY];
	struct ipcfs_stat st;

	for (int n = 0; n < ROUNDS; n++) {
		uint64_t sum = 0, count = 0;

		lengths[n] = t_below(10) == 0 ? t_below(CAPACITY + 1) : t_below(4);
		t_is(ipcfs_topic_publish(o, bytes, lengths[n]), 0);
		while (count <= (uint64_t)n && count <= CAPACITY &&
		       sum + lengths[n - (int)count] <= CAPACITY)
			sum += lengths[n - (int)count++];
		t_stat_of(o, &st);
		t_is(st.bytes, (long)sum);
		t_is(st.messages, (long)count);
	}
}

/* Somebody has written that there are ten million messages. Nobody looks at each of them: that would take long, and make
 * memory of what is none. */
static void a_false_number_of_messages(void)
{
	enum { MANY = 10000000, SLOTS = 1 << 30, INDEX = 4096, WORD = 3584 + 104 };
	struct ipcfs_object *o = t_messages(T, "t", 1 << 30);
	/* The last one ends where the ring, of twice the capacity, does: an empty one fits. */
	const uint64_t last[] = {(2ull << 30) - 1, 1};
	const uint64_t word = (uint64_t)(SLOTS - MANY) << 32 | MANY;
	int fd = t_file(T, "t");
	struct stat st;

	t_is(pwrite(fd, last, sizeof(last), INDEX + 16l * (SLOTS - 1)), sizeof(last));
	t_is(pwrite(fd, &word, sizeof(word), WORD), sizeof(word));
	ipcfs_topic_publish(o, "", 0);
	t_is(fstat(fd, &st), 0);
	t_check(st.st_blocks * 512 < 1 << 20);
	close(fd);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(as_many_go_as_must),
		T_TEST(a_false_number_of_messages),
		T_TEST(all_see_all_since_they_came),
		T_TEST(the_oldest_goes_and_the_slow_are_told),
		T_TEST(empty_messages_go_as_well),
		T_TEST(too_long_for_the_buffer_is_next_still),
		T_TEST(peek_shows_the_newest),
		T_TEST(clear_drops_and_the_numbers_go_on),
		T_TEST(the_ring_turns),
		T_TEST(other_kinds_are_no_topics),
		T_TEST(changes_are_counted),
		T_TEST(all_who_wait_are_woken),
		T_TEST(deadlines),
		T_TEST(a_killed_listener_matters_to_nobody),
		T_TEST(two_publishers_at_once),
	};

	return T_RUN(tests);
}
