/* SPDX-License-Identifier: MIT
 *
 * bench_procs.cpp - the library between processes: messages a second of one and of four producers and consumers
 * beside Boost.Interprocess, pipes and POSIX mq; ping-pong beside pipes; waking a sleeper beside a bare
 * futex. Contenders take turns, round by round, in one run.
 */
#include "bench.h"
#include "core/ipcfs.h"

#include <atomic>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/futex.h>
#include <memory>
#include <mqueue.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace bip = boost::interprocess;

enum { BYTES = 64, SLOTS = 1024, PONGS = 500, WARM = 20 };
static char dir[] = "/dev/shm/ipcfs-bench-XXXXXX";
static std::string prefix;
static struct ipcfs_store *store;
static bool quick;

/* ---- contenders: a queue of messages each, made before the fork ------------------------------ */

struct channel {
	virtual ~channel() = default;
	virtual void put(const char *m) = 0;
	virtual void get(char *m) = 0;
};

struct ipcfs_channel : channel {
	struct ipcfs_object *q = NULL;
	explicit ipcfs_channel(int number)
	{
		struct ipcfs_properties p = {};
		p.given = IPCFS_P_MAXSIZE;
		p.maxsize = SLOTS;
		std::string name = "q" + std::to_string(number);
		bench_must(ipcfs_open(store, IPCFS_QUEUE, name.c_str(), IPCFS_CREATE, 0600, &p, &q),
			   "ipcfs_open");
	}
	~ipcfs_channel() override
	{
		ipcfs_close(q);
	}
	void put(const char *m) override
	{
		bench_must(ipcfs_queue_put(q, m, BYTES, IPCFS_FOREVER), "put");
	}
	void get(char *m) override
	{
		bench_must(ipcfs_queue_get(q, m, BYTES, IPCFS_FOREVER), "get");
	}
};

struct boost_channel : channel {
	bip::message_queue q;
	explicit boost_channel(int number)
	    : q(bip::open_or_create, (prefix + std::to_string(number)).c_str(), SLOTS, BYTES)
	{
	}
	void put(const char *m) override
	{
		q.send(m, BYTES, 0);
	}
	void get(char *m) override
	{
		bip::message_queue::size_type got;
		unsigned priority;
		q.receive(m, BYTES, got, priority);
	}
};

struct pipe_channel : channel {
	int fd[2];
	explicit pipe_channel(int)
	{
		bench_must(pipe(fd), "pipe");
	}
	~pipe_channel() override
	{
		close(fd[0]);
		close(fd[1]);
	}
	void put(const char *m) override
	{
		bench_must(write(fd[1], m, BYTES), "write");
	}
	void get(char *m) override
	{
		bench_must(read(fd[0], m, BYTES), "read");
	}
};

struct mq_channel : channel {
	mqd_t mq;
	explicit mq_channel(int number)
	{
		struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
		struct mq_attr attr = {};
		std::string name = "/" + prefix + std::to_string(number);
		setrlimit(RLIMIT_MSGQUEUE, &unlimited);
		attr.mq_maxmsg = 10; /* what fs.mqueue.msg_max lets anybody have */
		attr.mq_msgsize = BYTES;
		mq = mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
		bench_must(mq, "mq_open");
		mq_unlink(name.c_str());
	}
	~mq_channel() override
	{
		mq_close(mq);
	}
	void put(const char *m) override
	{
		bench_must(mq_send(mq, m, BYTES, 0), "mq_send");
	}
	void get(char *m) override
	{
		bench_must(mq_receive(mq, m, BYTES, NULL), "mq_receive");
	}
};

enum { IPCFS, BOOST, PIPE, MQ, CHANNELS };
static const char *const channel_names[] = {"ipcfs", "Boost message_queue", "pipe", "POSIX mq"};

static std::unique_ptr<channel> make(int kind, int number)
{
	switch (kind) {
	case IPCFS:
		return std::make_unique<ipcfs_channel>(number);
	case BOOST:
		return std::make_unique<boost_channel>(number);
	case PIPE:
		return std::make_unique<pipe_channel>(number);
	default:
		return std::make_unique<mq_channel>(number);
	}
}

/* ---- what processes share --------------------------------------------------------------------- */

struct shared {
	std::atomic<uint32_t> ready, go;
	std::atomic<uint32_t> word;  /* the bare futex */
	std::atomic<uint32_t> woken; /* counts wake-ups */
	std::atomic<int64_t> woken_at_ns;
};
static struct shared *shared;

static long futex(std::atomic<uint32_t> *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static void await(std::atomic<uint32_t> *word, uint32_t value)
{
	for (uint32_t seen; (seen = word->load()) != value;)
		futex(word, FUTEX_WAIT, seen);
}

static void tell(std::atomic<uint32_t> *word, uint32_t value)
{
	word->store(value);
	futex(word, FUTEX_WAKE, INT_MAX);
}

template <typename F> static pid_t child(F run)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	bench_must(pid, "fork");
	if (pid == 0) {
		run();
		_exit(0);
	}
	return pid;
}

static void reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "bench: a child failed\n");
		exit(1);
	}
}

/* ---- messages a second -------------------------------------------------------------------------- */

static void worker(channel &c, bool producer, int messages)
{
	char m[BYTES] = {};

	shared->ready++;
	futex(&shared->ready, FUTEX_WAKE, INT_MAX);
	await(&shared->go, 1);
	for (int i = 0; i < messages; i++)
		producer ? c.put(m) : c.get(m);
}

/* Nanoseconds a message. A message each passes before the clock starts: who is new is registered then. */
static double stream(channel &c, int pairs, int messages)
{
	std::vector<pid_t> pids;
	double began;

	shared->ready = shared->go = 0;
	for (int i = 0; i < 2 * pairs; i++)
		pids.push_back(child([&] {
			char m[BYTES] = {};
			c.put(m);
			c.get(m);
			worker(c, i % 2 == 0, messages / pairs);
		}));
	for (uint32_t seen; (seen = shared->ready.load()) != (uint32_t)(2 * pairs);)
		futex(&shared->ready, FUTEX_WAIT, seen);
	began = bench_now_ns();
	tell(&shared->go, 1);
	for (pid_t p : pids)
		reap(p);
	return (bench_now_ns() - began) / messages;
}

static void streams(int pairs)
{
	static struct bench_series times[CHANNELS];
	static int number;
	const double later[CHANNELS] = {0, 1.0, 1.5, 3.0};
	char what[64];
	int rounds = quick ? 5 : 15;

	memset(times, 0, sizeof(times));
	for (int r = 0; r < rounds; r++)
		for (int kind = 0; kind < CHANNELS; kind++) {
			auto c = make(kind, 100 + number++ % 4);
			bench_add(&times[kind], stream(*c, pairs, quick ? 20000 : 100000));
		}
	snprintf(what, sizeof(what), "queue, %d producer%s, %d consumer%s", pairs,
		 pairs > 1 ? "s" : "", pairs, pairs > 1 ? "s" : "");
	for (int kind = 1; kind < CHANNELS; kind++)
		bench_rate(what, &times[IPCFS], channel_names[kind], &times[kind], 0, later[kind]);
}

/* ---- ping-pong ------------------------------------------------------------------------------------ */

static double ping_pong(channel &there, channel &back)
{
	char m[BYTES] = {};
	double began = 0;
	pid_t other = child([&] {
		for (int i = -WARM; i < PONGS; i++) {
			there.get(m);
			back.put(m);
		}
	});

	for (int i = -WARM; i < PONGS; i++) {
		if (i == 0)
			began = bench_now_ns();
		there.put(m);
		back.get(m);
	}
	began = (bench_now_ns() - began) / PONGS;
	reap(other);
	return began;
}

static void ping_pongs()
{
	static struct bench_series times[CHANNELS];
	const double later[CHANNELS] = {0, 0, 0.2, 0};

	for (int r = 0; r < (quick ? 11 : 41); r++)
		for (int kind = 0; kind < CHANNELS; kind++) {
			auto there = make(kind, 201), back = make(kind, 202);
			bench_add(&times[kind], ping_pong(*there, *back));
		}
	for (int kind = 1; kind < CHANNELS; kind++)
		bench_cost("queues: ping-pong, two processes", &times[IPCFS], channel_names[kind],
			   &times[kind], 0, later[kind]);
}

/* ---- waking a sleeper -------------------------------------------------------------------------------- */

/* Until the kernel says that the process sleeps. */
static void await_sleep(pid_t pid)
{
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (;;) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, line, sizeof(line) - 1);

		close(fd);
		line[n > 0 ? n : 0] = '\0';
		const char *after = strrchr(line, ')');
		if (after && after[2] == 'S')
			return;
		sched_yield();
	}
}

static void note_wake()
{
	shared->woken_at_ns = (int64_t)bench_now_ns();
	shared->woken++;
	futex(&shared->woken, FUTEX_WAKE, 1);
}

/* From before the call that wakes to the sleeper's first statement after its own. */
template <typename Wake> static double wake_once(pid_t sleeper, Wake wake)
{
	uint32_t before = shared->woken;
	double began;

	await_sleep(sleeper);
	began = bench_now_ns();
	wake();
	await(&shared->woken, before + 1);
	return (double)shared->woken_at_ns.load() - began;
}

static void wake_ups()
{
	static struct bench_series ours, theirs;
	int rounds = quick ? 100 : 500;
	struct ipcfs_object *s = NULL;

	bench_must(ipcfs_open(store, IPCFS_SEMAPHORE, "wake", IPCFS_CREATE, 0600, NULL, &s),
		   "ipcfs_open");
	pid_t a = child([&] {
		for (int i = 0; i < rounds; i++) {
			bench_must(ipcfs_semaphore_acquire(s, 1, IPCFS_FOREVER), "acquire");
			note_wake();
		}
	});
	pid_t b = child([&] {
		for (int i = 0; i < rounds; i++) {
			await(&shared->word, (uint32_t)i + 1);
			note_wake();
		}
	});
	for (int i = 0; i < rounds; i++) {
		bench_add(&ours, wake_once(a, [&] {
			bench_must(ipcfs_semaphore_release(s, 1), "release");
		}));
		bench_add(&theirs, wake_once(b, [&] { tell(&shared->word, (uint32_t)i + 1); }));
	}
	reap(a);
	reap(b);
	bench_cost("semaphore: a sleeper is woken", &ours, "bare futex", &theirs, 0, 1.2);
	ipcfs_close(s);
}

/* ------------------------------------------------------------------------------------------------------- */

static void set_up()
{
	bench_must(mkdtemp(dir) ? 0 : -1, dir);
	prefix = std::string(strrchr(dir, '/') + 1) + "-"; /* Boost's are in /dev/shm as well */
}

static void clean()
{
	if (system(("rm -rf --one-file-system " + std::string(dir) + " " + dir + "-*").c_str()) !=
	    0)
		perror(dir);
}

static void work()
{
	shared = new (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			   0)) struct shared();
	bench_must(ipcfs_store_open(dir, &store), dir);
	streams(1);
	streams(4);
	ping_pongs();
	wake_ups();
}

int main(int argc, char **argv)
{
	quick = bench_has(argc, argv, "--quick");
	return bench_run(set_up, work, clean, 600);
}
