/* SPDX-License-Identifier: MIT
 *
 * test_damage.c - damaged segments, and what does not belong into the store: the server lives, and says so.
 */
#include "t.h"

enum { CONTROL_OF_SMALL = 3584 }; /* docs/formats.md: queues, semaphores, events, lists */

static const char *const kinds[] = {"queues", "semaphores", "events", "values", "arrays", "lists"};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static const char *make(int kind, const char *name)
{
	static const char *const options[] = {"",	 ",value=3",	  ",set",
					      ",type=q", ",type=q,len=8", ",capacity=1k"};
	const char *path = t_path("%s/%s", kinds[kind], name);

	t_is(t_touch(t_format("%s%s", path, options[kind])), 0);
	return path;
}

static const char *segment(int kind, const char *name)
{
	return t_in_store("%s/%s", kinds[kind], name);
}

static void still_lives(void)
{
	static int n;
	const char *q = t_path("queues/lives%d", n++);

	t_is(t_echo(q, "x"), 0);
	t_shows(q, "x");
	t_runs(0, "ls -lR $M > /dev/null");
}

static const char *const texts[] = {"x", "1", "1", "7", "1 2 3 4 5 6 7 8", "x\n"};

/* What can be done with a damaged object: it can be looked at and removed. */
static void is_damaged(int kind, const char *name)
{
	const char *path = t_path("%s/%s", kinds[kind], name);
	char buf[256];
	int fd = t_open(path, O_RDWR | O_NONBLOCK);
	long rc = fd < 0 ? fd : t_put(fd, texts[kind]);

	if (rc != -EUCLEAN)
		t_fail("%s/%s: a write: %s, not -EUCLEAN", kinds[kind], name, t_result(rc));
	if (fd >= 0)
		close(fd);
	fd = t_open(path, O_RDONLY | O_NONBLOCK);
	rc = fd < 0 ? fd : t_get(fd, buf, sizeof(buf));
	if (rc != -EUCLEAN)
		t_fail("%s/%s: a read: %s, not -EUCLEAN", kinds[kind], name, t_result(rc));
	if (fd >= 0)
		close(fd);
	fd = t_open(t_format("%s,peek", path), O_RDONLY | O_NONBLOCK);
	rc = fd < 0 ? fd : t_get(fd, buf, sizeof(buf));
	t_is(rc, -EUCLEAN);
	if (fd >= 0)
		close(fd);
	t_check(t_errors_say("EUCLEAN", t_format("%s/%s", kinds[kind], name)));
	t_is(t_exists(path), 0);
	t_runs(0, "ls -l $M/%s | grep -q %s", kinds[kind], name);
	t_is(t_sys(unlink(path)), 0);
	t_is(t_exists(path), -ENOENT);
	t_is(t_exists(segment(kind, name)), -ENOENT);
	make(kind, name); /* and made anew */
	t_is(t_echo(path, texts[kind]), 0);
	t_is(t_sys(unlink(path)), 0);
}

/* Writes over the file in the store. */
static void scribble(const char *file, long at, const void *bytes, size_t len)
{
	int fd = t_open(file, O_RDWR);

	t_check(fd >= 0);
	t_is(t_sys(pwrite(fd, bytes, len, at)), (long)len);
	close(fd);
}

/* It may be opened, but a read of it never works. */
static void is_no_object(const char *path)
{
	char buf[256];
	int fd = t_open(path, O_RDONLY | O_NONBLOCK);

	t_fails(fd < 0 ? fd : t_get(fd, buf, sizeof(buf)));
	if (fd >= 0)
		close(fd);
	t_fails(t_echo(path, "x"));
}

static long size_of(const char *file)
{
	struct stat st;

	t_is(t_sys(stat(file, &st)), 0);
	return st.st_size;
}

/* docs/formats.md: values and arrays have it at their end. */
static long control_of(int kind, const char *file)
{
	return kind == 3 || kind == 4 ? size_of(file) - 512 : CONTROL_OF_SMALL;
}

static uint64_t next_random(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static void random_file(const char *file, size_t len)
{
	unsigned char *bytes = malloc(len);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(next_random() >> 24);
	int fd = t_open(file, O_WRONLY | O_CREAT);
	t_check(fd >= 0);
	t_is(t_sys(write(fd, bytes, len)), (long)len);
	close(fd);
	free(bytes);
}

/* ---- damaged segments -------------------------------------------------------------------------- */

static void random_bytes(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		/* over one that nobody has opened since the server started */
		make(k, "random");
		t_restart();
		random_file(segment(k, "random"), (size_t)size_of(segment(k, "random")) & 0xffff);
		is_damaged(k, "random");
	}
	for (int k = 0; k < KINDS; k++) { /* a file of them, that never was a segment */
		random_file(segment(k, "junk"), 3 * 4096);
		is_damaged(k, "junk");
	}
	still_lives();
}

static void random_bytes_over_one_in_use(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		const char *path = make(k, "used");
		char buf[256];
		t_is(t_echo(path, texts[k]), 0);
		int fd = t_open(path, O_RDWR | O_NONBLOCK);
		const char *file = segment(k, "used");
		long control = control_of(k, file);
		int raw = t_open(file, O_RDWR);
		unsigned char bytes[512];
		for (int round = 0; round < t_count(200, 5000); round++) {
			for (int i = 0; i < 512; i++)
				bytes[i] = (unsigned char)(next_random() >> 30);
			/* from the lock word on, or anywhere */
			long at = 64 + (long)(next_random() % 100);
			size_t len = 1 + next_random() % (size_t)(512 - at);
			t_is(t_sys(pwrite(raw, bytes, len, control + at)), (long)len);
			t_limit(T_TEST_S);
			t_get(fd, buf, sizeof(buf)); /* any result, in time */
			t_put(fd, texts[k]);
			t_poll(fd, POLLIN | POLLOUT, 0);
			t_cat(t_format("%s,stat", path), buf, sizeof(buf));
			t_check(t_server() > 0);
		}
		close(fd);
		t_is_either(t_sys(unlink(path)), 0, -ENOENT); /* REMOVED is one of the bits */
		still_lives();
	}
}

static void cut_short(void **state)
{
	(void)state;
	static const long sizes[] = {0, 1, 100, 4095, 4096, 4097};

	for (int k = 0; k < KINDS; k++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			make(k, "cut");
			t_restart();
			if (sizes[i] >= size_of(segment(k, "cut"))) {
				t_is(t_sys(unlink(t_path("%s/cut", kinds[k]))), 0);
				continue;
			}
			t_is(t_sys(truncate(segment(k, "cut"), sizes[i])), 0);
			is_damaged(k, "cut");
		}
	}
	still_lives();
}

/* Of a message that is said to have more than a gibibyte not one byte is looked at. */
static void a_message_of_false_length(void **state)
{
	(void)state;
	static const uint64_t slot[] = {0, 3ull << 29},
			      one = 1; /* its place and length; how many there are */
	enum { INDEX = 4096, WORD = CONTROL_OF_SMALL + 104 };
	const char *q = t_path("queues/long");
	char buf[16];
	struct stat st;
	int fd;

	t_is(t_touch(t_format("%s,capacity=2G", q)), 0);
	scribble(segment(0, "long"), INDEX, slot, sizeof(slot));
	scribble(segment(0, "long"), WORD, &one, sizeof(one));
	fd = t_open(q, O_RDONLY);
	t_is(t_get(fd, buf, sizeof(buf)), -EFBIG);
	close(fd);
	t_is(t_sys(stat(segment(0, "long"), &st)), 0);
	t_check(st.st_blocks * 512 < 1 << 20);
	t_is(t_sys(unlink(q)), 0);
	still_lives();
}

/* The server has it mapped when its file becomes shorter: SIGBUS, if nobody took care. */
static void cut_short_while_in_use(void **state)
{
	(void)state;
	static const long sizes[] = {0, 4096};

	for (int k = 0; k < KINDS; k++) {
		for (int i = 0; i < 2; i++) {
			const char *path = make(k, "shrink");
			char buf[256];
			if (sizes[i] >= size_of(segment(k, "shrink"))) {
				t_is(t_sys(unlink(path)), 0);
				continue;
			}
			t_is(t_echo(path, texts[k]), 0);
			int fd = t_open(k == 1 ? t_format("%s,hold", path) : path,
					O_RDWR | O_NONBLOCK);
			t_is(t_sys(truncate(segment(k, "shrink"), sizes[i])), 0);
			long put = t_put(fd, texts[k]), got = t_get(fd, buf, sizeof(buf));
			/* The bytes of the messages are gone, or the room for who holds. */
			if (k < 2 && i == 1)
				t_check(put == -EUCLEAN || got == -EUCLEAN);
			else {
				t_is(put, -EUCLEAN);
				t_is(got, -EUCLEAN);
			}
			t_check(t_server() > 0);
			close(fd);
			is_damaged(k, "shrink");
		}
	}
	still_lives();
}

/* Its waiters do not wait for ever: an operation finds the damage, and they are told. */
static void cut_short_under_a_waiter(void **state)
{
	(void)state;
	const char *q = make(0, "waiter");

	struct t_io reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(t_sys(truncate(segment(0, "waiter"), 0)), 0);
	t_is(t_echo(q, "x"), -EUCLEAN);
	t_is(t_io_result(&reader), -EUCLEAN);
	t_is(t_sys(unlink(q)), 0);
	still_lives();
}

static void another_version(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		make(k, "version");
		t_restart();
		const char *file = segment(k, "version");
		long control = control_of(k, file);
		uint32_t version = 99;
		scribble(file, control + 8, &version, sizeof(version));
		is_damaged(k, "version");
	}
	still_lives();
}

static void another_kinds_segment(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		int other = (k + 1) % KINDS;
		make(other, "stranger");
		t_restart();
		t_is(t_sys(rename(segment(other, "stranger"), segment(k, "stranger"))), 0);
		is_damaged(k, "stranger");
	}
	still_lives();
}

/* The control block says another shape than the label; every word of it with odd values. */
static void every_word_of_the_control_block(void **state)
{
	(void)state;
	static const uint64_t odd[] = {0,
				       1,
				       0xffffffffffffffffull,
				       0x8000000000000000ull,
				       0x7fffffffffffffffull,
				       4096,
				       0xdeadbeefcafebabeull};

	for (int k = 0; k < KINDS; k++) {
		for (long at = 0; at < 168; at += 8) {
			for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
				const char *path = make(k, "word");
				const char *file = segment(k, "word");
				char buf[256];
				t_is(t_echo(path, texts[k]), 0);
				long control = control_of(k, file);
				scribble(file, control + at, &odd[i], sizeof(odd[i]));
				int fd = t_open(path, O_RDWR | O_NONBLOCK);
				if (fd >= 0) {
					t_get(fd, buf, sizeof(buf));
					t_put(fd, texts[k]);
					t_get(fd, buf, sizeof(buf));
					t_poll(fd, POLLIN | POLLOUT, 0);
					close(fd);
				}
				t_cat(t_format("%s,stat", path), buf, sizeof(buf));
				if (t_server() <= 0)
					t_fail("%s: %#lx at %ld killed the server", kinds[k],
					       (unsigned long)odd[i], at);
				long rc = t_sys(unlink(path)); /* REMOVED is one of the bits */
				if (rc != 0 && rc != -ENOENT)
					t_fail("%s: %#lx at %ld: rm: %s", kinds[k],
					       (unsigned long)odd[i], at, t_result(rc));
			}
		}
	}
	still_lives();
}

/* ---- what does not belong there ---------------------------------------------------------------- */

static void unknown_files_in_the_store(void **state)
{
	(void)state;
	int fd = t_open(t_in_store("queues/note.txt"), O_WRONLY | O_CREAT);

	t_is(t_put(fd, "buy milk\n"), 9);
	t_is(t_sys(symlink("/etc/passwd", t_in_store("queues/link"))), 0);
	t_is(t_sys(mkfifo(t_in_store("queues/fifo"), 0666)), 0);
	t_is(t_sys(mkdir(t_in_store("unknown"), 0755)), 0);
	t_is(t_sys(close(t_open(t_in_store("file"), O_WRONLY | O_CREAT))), 0);
	t_is(t_sys(close(t_open(t_in_store("queues/.hidden"), O_WRONLY | O_CREAT))), 0);
	t_is(t_sys(close(t_open(t_in_store("queues/with,comma"), O_WRONLY | O_CREAT))), 0);
	for (int again = 0; again < 2; again++) {
		t_is(t_echo(t_path("queues/note.txt"), "x"), -EUCLEAN);
		is_no_object(t_path("queues/link")); /* never followed */
		is_no_object(t_path("queues/fifo"));
		t_is(t_open(t_path("queues/with,comma"), O_RDONLY | O_NONBLOCK), -EINVAL);
		t_runs(1, "ls -A $M/queues | grep -E 'hidden|comma'"); /* they are no names */
		t_runs(0, "grep -q root /etc/passwd");
		still_lives();
		t_restart();
	}
	char text[64];
	t_is(t_cat(t_in_store("queues/note.txt"), text, sizeof(text)), 9); /* left alone */
	t_is(t_sys(unlink(t_path("queues/note.txt"))), 0);
	t_runs(0, "rm -rf $STORE/unknown $STORE/file $STORE/queues/link $STORE/queues/fifo "
		  "$STORE/queues/.hidden $STORE/queues/with,comma");
}

/* A raw rm in the store is seen. */
static void rm_behind_the_servers_back(void **state)
{
	(void)state;
	const char *q = make(0, "behind");

	struct t_io reader = t_reader(q, O_RDONLY);
	t_wait_stat(q, "waiters", 1);
	t_is(t_sys(unlink(segment(0, "behind"))), 0);
	t_is(t_io_result(&reader), -EIDRM);
	t_until(t_exists(q) == -ENOENT);
	make(0, "behind");
	t_is(t_stat(q, "messages"), 0);
}

static void a_store_that_is_none(void **state)
{
	(void)state;
	char words[T_TEXT], mnt[256];

	snprintf(mnt, sizeof(mnt), "%s/mnt2", t_base);
	t_check(t_try_mount(t_format("%s/absent/store", t_base), mnt, NULL, words) > 0);
	t_check(strlen(words) > 10);
	t_check(t_try_mount("/proc", mnt, NULL, words) > 0); /* not in a tmpfs */
	t_check(strlen(words) > 10);
	t_is(t_sys(mkdir(t_format("%s/foreign", t_base), 0755)), 0);
	t_is(t_sys(chown(t_format("%s/foreign", t_base), T_NOBODY, T_NOBODY)), 0);
	t_check(t_try_mount(t_format("%s/foreign", t_base), mnt, NULL, words) > 0); /* whose? */
	t_check(strlen(words) > 10);
	still_lives();
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(random_bytes),
		T_TEST(random_bytes_over_one_in_use),
		T_TEST(cut_short),
		T_TEST(a_message_of_false_length),
		T_TEST(cut_short_while_in_use),
		T_TEST(cut_short_under_a_waiter),
		T_TEST(another_version),
		T_TEST(another_kinds_segment),
		T_TEST(every_word_of_the_control_block),
		T_TEST(unknown_files_in_the_store),
		T_TEST(rm_behind_the_servers_back),
		T_TEST(a_store_that_is_none),
	};

	return T_RUN(tests, argc, argv);
}
