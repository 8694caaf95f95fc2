/* SPDX-License-Identifier: MIT
 *
 * test_throughput.c - many messages between unrelated processes in different languages: each
 * arrives once and in order per producer, through files and the library mixed.
 */
#include "t.h"

#include <stdatomic.h>

enum { SIDES = 4, MESSAGE = 64, LONG_ENOUGH_MS = 240000 };

static int all(void)
{
	return t_count(20000, 100000);
}

/* ---- one to one --------------------------------------------------------------------- */

static const char python_writes[] = "import os, sys\n"
				    "fd = os.open(sys.argv[1], os.O_WRONLY)\n"
				    "for i in range(int(sys.argv[2])):\n"
				    "    m = b'%d python' % i\n"
				    "    assert os.write(fd, m) == len(m)\n";

static const char python_reads[] = "import os, sys\n"
				   "fd = os.open(sys.argv[1], os.O_RDWR)\n"
				   "for i in range(int(sys.argv[2])):\n"
				   "    m = os.read(fd, 100)\n"
				   "    if m != b'%d C' % i:\n"
				   "        sys.exit('%r instead of %d' % (m, i))\n";

/* A shell's `read` asks byte by byte; a line is a message with its newline. */
static const char shell_reads[] = "i=0\n"
				  "exec 3<>\"$1\"\n"
				  "while [ $i -lt $2 ]; do\n"
				  "	IFS= read -r m <&3 || exit 2\n"
				  "	[ \"$m\" = \"$i sh\" ] || { echo \"$m instead of $i\"; exit 1; }\n"
				  "	i=$((i + 1))\n"
				  "done\n";

static void python_writes_c_reads(void **state)
{
	(void)state;
	const char *q = t_path("queues/from_python");
	char buf[MESSAGE];

	t_limit(300);
	t_is(t_touch(q), 0);
	int fd = t_open(q, O_RDWR);
	pid_t writer = t_shell(NULL, "exec python3 -c \"%s\" '%s' %d", python_writes, q, 100000);
	for (int i = 0; i < 100000; i++) {
		long n = t_get(fd, buf, sizeof(buf) - 1);
		if (n < 0)
			t_fail("message %d: %s", i, t_result(n));
		buf[n] = 0;
		if (strcmp(buf, t_format("%d python", i)) != 0)
			t_fail("message %d is \"%s\"", i, buf);
	}
	t_is(t_wait(writer), 0);
	t_is(t_stat(q, "messages"), 0);
}

static int put_file(const char *q, int count, const char *word)
{
	int fd = t_open(q, O_WRONLY);
	char text[MESSAGE];

	for (int i = 0; i < count; i++) {
		int len = snprintf(text, sizeof(text), "%d %s", i, word);
		if (write(fd, text, (size_t)len) != len) {
			fprintf(stderr, "write %d: %s\n", i, strerror(errno));
			return 1;
		}
	}
	return 0;
}

static void c_writes_python_reads(void **state)
{
	(void)state;
	const char *q = t_path("queues/to_python");

	t_limit(300);
	t_is(t_touch(q), 0);
	pid_t reader = t_shell(NULL, "exec python3 -c \"%s\" '%s' %d", python_reads, q, 100000);
	t_is(put_file(q, 100000, "C"), 0);
	t_is(t_wait_for(reader, LONG_ENOUGH_MS), 0);
	t_is(t_stat(q, "messages"), 0);
}

static void c_library_writes_python_reads(void **state)
{
	(void)state;
	const char *q = t_path("queues/library_to_python");
	struct ipcfs_object *o = t_attach(IPCFS_QUEUE, "library_to_python", NULL);

	t_limit(300);
	pid_t reader = t_shell(NULL, "exec python3 -c \"%s\" '%s' %d", python_reads, q, 100000);
	for (int i = 0; i < 100000; i++) {
		char text[MESSAGE];
		int len = snprintf(text, sizeof(text), "%d C", i);
		t_is(ipcfs_queue_put(o, text, (size_t)len, ipcfs_after(30000000000)), 0);
	}
	t_is(t_wait_for(reader, LONG_ENOUGH_MS), 0);
	t_is(t_stat(q, "messages"), 0);
}

static void c_writes_a_shell_reads(void **state)
{
	(void)state;
	const char *q = t_path("queues/to_sh");
	const char *script = t_format("%s/reads.sh", t_base);
	int count = t_count(5000, 100000);

	t_limit(300);
	t_is(t_touch(q), 0);
	t_is(t_echo(script, shell_reads), 0);
	pid_t reader = t_shell(NULL, "exec dash '%s' '%s' %d", script, q, count);
	t_is(put_file(q, count, "sh\n"), 0);
	t_is(t_wait_for(reader, LONG_ENOUGH_MS), 0);
	t_is(t_stat(q, "messages"), 0);
}

/* ---- four to four ---------------------------------------------------------------------- */

/* A message is "PRODUCER NUMBER" and blanks, of a length that changes; "stop" ends a consumer. */
static struct side {
	const char *path;
	int index, count;
	_Atomic int taken;
	_Atomic int bad; /* 1 + number of the message that came out of order */
	int last[SIDES]; /* of each producer */
} * consumers[SIDES];

static _Atomic uint8_t *seen; /* how often, by producer and number */

static void producer_text(int producer, int i, char text[MESSAGE], int *len)
{
	*len = snprintf(text, MESSAGE, "%d %d %*s", producer, i, i % 31, "");
}

static int library_produces(void *arg)
{
	struct side *side = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, IPCFS_QUEUE, "many");

	if (!o)
		return 1;
	for (int i = 0; i < side->count; i++) {
		char text[MESSAGE];
		int len, rc;

		producer_text(side->index, i, text, &len);
		rc = ipcfs_queue_put(o, text, (size_t)len, IPCFS_FOREVER);
		if (rc < 0) {
			fprintf(stderr, "put %d: %s\n", i, strerror(-rc));
			return 2;
		}
	}
	ipcfs_close(o);
	return 0;
}

static int file_produces(void *arg)
{
	struct side *side = arg;
	int fd = t_open(side->path, O_WRONLY);

	for (int i = 0; i < side->count; i++) {
		char text[MESSAGE];
		int len;

		producer_text(side->index, i, text, &len);
		if (write(fd, text, (size_t)len) != len) {
			fprintf(stderr, "write %d: %s\n", i, strerror(errno));
			return 2;
		}
	}
	return 0;
}

/* False for "stop". */
static bool take(struct side *side, const char *text, int count)
{
	int producer, i;

	if (strcmp(text, "stop") == 0)
		return false;
	if (sscanf(text, "%d %d", &producer, &i) != 2 || producer < 0 || producer >= SIDES ||
	    i < 0 || i >= count) {
		fprintf(stderr, "a message nobody wrote: \"%s\"\n", text);
		side->bad = 1;
		return true;
	}
	if (i <= side->last[producer])
		side->bad = i + 1;
	side->last[producer] = i;
	seen[producer * count + i]++;
	side->taken++;
	return true;
}

static int library_consumes(void *arg)
{
	struct side *side = arg;
	struct ipcfs_store *store;
	struct ipcfs_object *o = t_attach_child(&store, IPCFS_QUEUE, "many");
	char text[MESSAGE];
	ssize_t n;

	if (!o)
		return 1;
	do {
		n = ipcfs_queue_get(o, text, sizeof(text) - 1, IPCFS_FOREVER);
		if (n < 0)
			return 2;
		text[n] = 0;
	} while (take(side, text, side->count));
	ipcfs_close(o);
	return 0;
}

static int file_consumes(void *arg)
{
	struct side *side = arg;
	int fd = t_open(side->path, O_RDWR);
	char text[MESSAGE];
	ssize_t n;

	do {
		n = read(fd, text, sizeof(text) - 1);
		if (n <= 0)
			return 2;
		text[n] = 0;
	} while (take(side, text, side->count));
	return 0;
}

static const char python_produces[] =
	"import os, sys\n"
	"fd = os.open(sys.argv[1], os.O_WRONLY)\n"
	"for i in range(int(sys.argv[3])):\n"
	"    m = b'%d %d ' % (int(sys.argv[2]), i) + b' ' * (i % 31)\n"
	"    assert os.write(fd, m) == len(m)\n";

static const char python_consumes[] = "import os, sys\n"
				      "fd = os.open(sys.argv[1], os.O_RDWR)\n"
				      "out = open(sys.argv[2], 'wb')\n"
				      "while True:\n"
				      "    m = os.read(fd, 100)\n"
				      "    if m == b'stop': break\n"
				      "    out.write(m + b'\\n')\n"
				      "out.close()\n";

static void write_script(const char *path, const char *text)
{
	t_is(t_echo(path, text), 0);
}

static void take_file(struct side *side, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[MESSAGE * 2];

	if (!f)
		t_fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		take(side, line, side->count);
	fclose(f);
}

/* queue_options: how full it may become. */
static void four_to_four(const char *queue_options, bool python)
{
	int each = all() / SIDES;
	const char *q = t_path("queues/many");
	const char *produce = t_format("%s/produce.py", t_base);
	const char *consume = t_format("%s/consume.py", t_base);
	const char *log = t_format("%s/consumed", t_base);
	pid_t producing[SIDES], consuming[SIDES];
	struct side *producers[SIDES];

	t_limit(300);
	(void)unlink(q);
	t_is(t_touch(t_format("%s%s", q, queue_options)), 0);
	write_script(produce, python_produces);
	write_script(consume, python_consumes);
	seen = t_shared((size_t)(SIDES * each));
	for (int i = 0; i < SIDES; i++) {
		consumers[i] = t_shared(sizeof(struct side));
		producers[i] = t_shared(sizeof(struct side));
		*consumers[i] = (struct side){.path = q, .index = i, .count = each};
		*producers[i] = (struct side){.path = q, .index = i, .count = each};
		for (int p = 0; p < SIDES; p++)
			consumers[i]->last[p] = -1;
	}
	for (int i = 0; i < SIDES; i++) {
		if (i == 3 && python)
			consuming[i] = t_shell(NULL, "exec python3 '%s' '%s' '%s'", consume, q, log);
		else
			consuming[i] =
				t_spawn(i < 2 ? library_consumes : file_consumes, consumers[i]);
	}
	for (int i = 0; i < SIDES; i++) {
		if (i == 3 && python)
			producing[i] = t_shell(NULL, "exec python3 '%s' '%s' %d %d", produce, q, i,
					       each);
		else
			producing[i] =
				t_spawn(i < 2 ? library_produces : file_produces, producers[i]);
	}
	for (int i = 0; i < SIDES; i++)
		t_is(t_wait_for(producing[i], LONG_ENOUGH_MS), 0);
	for (int i = 0; i < SIDES; i++)
		t_is(t_echo(q, "stop"), 0);
	for (int i = 0; i < SIDES; i++)
		t_is(t_wait_for(consuming[i], LONG_ENOUGH_MS), 0);
	if (python)
		take_file(consumers[3], log);

	int taken = 0;
	for (int i = 0; i < SIDES; i++) {
		if (consumers[i]->bad)
			t_fail("consumer %d: message %d out of order", i, consumers[i]->bad - 1);
		taken += consumers[i]->taken;
	}
	for (int i = 0; i < SIDES * each; i++)
		if (seen[i] != 1)
			t_fail("producer %d message %d arrived %d times", i / each, i % each,
			       seen[i]);
	t_is(taken, SIDES * each);
	t_is(t_stat(q, "messages"), 0);
	t_is(t_stat(q, "bytes"), 0);
	t_is(t_stat(q, "waiters"), 0);
}

static void four_to_four_half_through_files(void **state)
{
	(void)state;
	four_to_four("", false);
}

static void four_to_four_with_python(void **state)
{
	(void)state;
	four_to_four("", true);
}

static void four_to_four_through_a_narrow_queue(void **state)
{
	(void)state;
	four_to_four(",maxsize=3", true);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(python_writes_c_reads),
		T_TEST(c_writes_python_reads),
		T_TEST(c_library_writes_python_reads),
		T_TEST(c_writes_a_shell_reads),
		T_TEST(four_to_four_half_through_files),
		T_TEST(four_to_four_with_python),
		T_TEST(four_to_four_through_a_narrow_queue),
	};

	return T_RUN(tests, argc, argv);
}
