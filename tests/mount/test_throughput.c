/* SPDX-License-Identifier: MIT
 *
 * test_throughput.c - many messages between unrelated processes: each arrives once, in order per
 * producer. Python, C and the shell; files and the library.
 */
#include "t.h"

#include <stdatomic.h>

static int messages(void)
{
	return 100000; /* the number, also in the short form */
}

/* ---- two processes in different languages ------------------------------------------ */

static int write_numbers(void *arg)
{
	const char *path = arg;
	int fd = t_open(path, O_WRONLY), count = messages();

	for (int i = 0; fd >= 0 && i < count; i++) {
		char text[16];
		int n = sprintf(text, "%d\n", i);
		if (t_put(fd, text) != n)
			return 1;
	}
	return fd < 0;
}

static int read_numbers(void *arg)
{
	const char *path = arg;
	int fd = t_open(path, O_RDWR), count = messages();
	char text[32];

	for (int i = 0; fd >= 0 && i < count; i++) {
		long n = t_get(fd, text, sizeof(text) - 1);
		if (n <= 0)
			return 1;
		text[n] = 0;
		if (atoi(text) != i)
			return 2;
	}
	return fd < 0;
}

static const char python_reads[] = "import os, sys\n"
				   "fd = os.open(sys.argv[1], os.O_RDWR)\n"
				   "for i in range(int(sys.argv[2])):\n"
				   "    m = os.read(fd, 64)\n"
				   "    if m != b'%d\\n' % i:\n"
				   "        sys.exit('got %r, not %d' % (m, i))\n";

static const char python_writes[] = "import sys\n"
				    "with open(sys.argv[1], 'wb', buffering=0) as f:\n"
				    "    for i in range(int(sys.argv[2])):\n"
				    "        f.write(b'%d\\n' % i)\n";

static void c_to_python(void **state)
{
	(void)state;
	const char *q = t_path("queues/c2py");

	t_is(t_touch(t_format("%s,capacity=64k", q)), 0);
	pid_t reader = t_shell(NULL, "exec python3 -c \"%s\" %s %d", python_reads, q, messages());
	pid_t writer = t_spawn(write_numbers, (void *)(uintptr_t)q);
	t_is(t_wait_for(writer, 200000), 0);
	t_is(t_wait_for(reader, 200000), 0);
	t_is(t_stat(q, "messages"), 0);
}

static void python_to_c(void **state)
{
	(void)state;
	const char *q = t_path("queues/py2c");

	t_is(t_touch(t_format("%s,maxsize=1000", q)), 0);
	pid_t writer = t_shell(NULL, "exec python3 -c \"%s\" %s %d", python_writes, q, messages());
	pid_t reader = t_spawn(read_numbers, (void *)(uintptr_t)q);
	t_is(t_wait_for(writer, 200000), 0);
	t_is(t_wait_for(reader, 200000), 0);
	t_is(t_stat(q, "messages"), 0);
}

static void shell_to_python(void **state)
{
	(void)state;
	const char *q = t_path("queues/sh2py");
	int count = t_count(20000, 100000);

	t_is(t_touch(t_format("%s,capacity=64k", q)), 0);
	pid_t reader = t_shell(NULL, "exec python3 -c \"%s\" %s %d", python_reads, q, count);
	pid_t writer = t_shell(
		NULL, "exec 3>%s; for ((i = 0; i < %d; i++)); do echo $i >&3 || exit; done", q,
		count);
	t_is(t_wait_for(writer, 200000), 0);
	t_is(t_wait_for(reader, 200000), 0);
	t_is(t_stat(q, "messages"), 0);
}

/* Each message a new open: the loop that a person types. */
static void echo_and_cat(void **state)
{
	(void)state;
	const char *q = t_path("queues/echocat");
	int count = t_count(1000, 20000);

	t_limit(t_count(T_TEST_S, 900));
	t_is(t_touch(t_format("%s,maxsize=10", q)), 0);
	setenv("Q", q, 1);
	pid_t writer = t_shell(NULL, "for ((i = 0; i < %d; i++)); do echo $i > $Q || exit; done",
			       count);
	pid_t reader = t_shell(NULL,
			       "for ((i = 0; i < %d; i++)); do read -r n < $Q && [ $n = $i ] || "
			       "exit 1; done",
			       count);
	t_is(t_wait_for(writer, 600000), 0);
	t_is(t_wait_for(reader, 600000), 0);
}

/* ---- four producers and four consumers, half files, half the library --------------------- */

enum { PRODUCERS = 4, CONSUMERS = 4, MOST = 100000 };

struct flow {
	int each; /* messages of a producer */
	_Atomic int got, wrong;
	unsigned char seen[PRODUCERS][MOST];
	int id[CONSUMERS + PRODUCERS];
};

static struct flow *flow;

struct message {
	uint32_t producer, number; /* producer PRODUCERS: the end */
};

static int produce(void *arg)
{
	int me = *(int *)arg;
	struct ipcfs_store *store;
	bool by_library = me % 2;
	struct ipcfs_object *q = by_library ? t_attach_child(&store, IPCFS_QUEUE, "flow") : NULL;
	int fd = by_library ? -1 : t_open(t_path("queues/flow"), O_WRONLY);

	for (int i = 0; i < flow->each; i++) {
		struct message m = {(uint32_t)me, (uint32_t)i};
		long rc = by_library ? ipcfs_queue_put(q, &m, sizeof(m), IPCFS_FOREVER) :
				       t_again(t_sys(write(fd, &m, sizeof(m))));
		if (rc < 0)
			return (int)-rc;
	}
	return 0;
}

/* Counts the message; numbers of one producer must grow here. */
static void consume_one(const struct message *m, int64_t last[PRODUCERS])
{
	if (m->producer >= PRODUCERS || m->number >= (uint32_t)flow->each ||
	    (int64_t)m->number <= last[m->producer] ||
	    __atomic_exchange_n(&flow->seen[m->producer][m->number], 1, __ATOMIC_SEQ_CST))
		flow->wrong++;
	else
		last[m->producer] = m->number;
	flow->got++;
}

static int consume(void *arg)
{
	int me = *(int *)arg - PRODUCERS;
	struct ipcfs_store *store;
	bool by_library = me % 2;
	struct ipcfs_object *q = by_library ? t_attach_child(&store, IPCFS_QUEUE, "flow") : NULL;
	int fd = by_library ? -1 : t_open(t_path("queues/flow"), O_RDWR);
	int64_t last[PRODUCERS] = {-1, -1, -1, -1};
	struct message m;

	for (;;) {
		long n = by_library ? ipcfs_queue_get(q, &m, sizeof(m), IPCFS_FOREVER) :
				      t_get(fd, &m, sizeof(m));
		if (n != sizeof(m))
			return n < 0 ? (int)-n : 1;
		if (m.producer == PRODUCERS)
			return 0;
		consume_one(&m, last);
	}
}

static void run_flow(const char *properties)
{
	const char *q = t_path("queues/flow");
	pid_t child[PRODUCERS + CONSUMERS];
	struct message end = {PRODUCERS, 0};

	flow = t_shared(sizeof(*flow));
	flow->each = messages() / PRODUCERS;
	t_is(t_touch(t_format("%s%s", q, properties)), 0);
	for (int i = 0; i < PRODUCERS + CONSUMERS; i++) {
		flow->id[i] = i;
		child[i] = t_spawn(i < PRODUCERS ? produce : consume, &flow->id[i]);
	}
	for (int i = 0; i < PRODUCERS; i++)
		t_is(t_wait_for(child[i], 200000), 0);
	int fd = t_open(q, O_WRONLY);
	for (int i = 0; i < CONSUMERS; i++)
		t_is(t_again(t_sys(write(fd, &end, sizeof(end)))), sizeof(end));
	for (int i = PRODUCERS; i < PRODUCERS + CONSUMERS; i++)
		t_is(t_wait_for(child[i], 200000), 0);
	t_is(flow->wrong, 0);
	t_is(flow->got, PRODUCERS * flow->each);
	for (int p = 0; p < PRODUCERS; p++)
		for (int i = 0; i < flow->each; i++)
			if (!flow->seen[p][i])
				t_fail("message %d of producer %d is lost", i, p);
	t_is(t_stat(q, "messages"), 0);
	t_is(t_sys(unlink(q)), 0);
}

static void four_and_four(void **state)
{
	(void)state;
	run_flow("");
}

static void four_and_four_through_a_narrow_queue(void **state)
{
	(void)state;
	run_flow(",maxsize=3");
}

static void four_and_four_through_little_memory(void **state)
{
	(void)state;
	run_flow(",capacity=100");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(c_to_python),
		T_TEST(python_to_c),
		T_TEST(shell_to_python),
		T_TEST(echo_and_cat),
		T_TEST(four_and_four),
		T_TEST(four_and_four_through_a_narrow_queue),
		T_TEST(four_and_four_through_little_memory),
	};

	return T_RUN(tests, argc, argv);
}
