/* SPDX-License-Identifier: MIT
 *
 * bench_lib.cpp - the library's calls in one process beside their like: Boost.Interprocess, POSIX message
 * queues, sem_t, an atomic add. Contenders take turns, round by round, in one run.
 */
#include "bench.h"
#include "core/ipcfs.h"

#include <atomic>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace bip = boost::interprocess;

enum { OPS = 10000, BYTES = 64, BATCH = 64 };
static char message[BYTES];
static int rounds;
static char dir[] = "/dev/shm/ipcfs-bench-XXXXXX";
static std::string name;

struct contender {
	const char *name;
	double target, later; /* of ours against it */
	std::function<void(int)> run;
};

/* Each in turn; the first is ours. */
static void compare(const char *what, const std::vector<contender> &all)
{
	std::vector<bench_series> times(all.size());

	for (auto &c : all)
		c.run(OPS / 10);
	for (int r = 0; r < rounds; r++)
		for (size_t k = 0; k < all.size(); k++) {
			size_t i = (k + (size_t)r) % all.size();
			double began = bench_now_ns();

			all[i].run(OPS);
			bench_add(&times[i], (bench_now_ns() - began) / OPS);
		}
	for (size_t i = 1; i < all.size(); i++)
		bench_cost(what, &times[0], all[i].name, &times[i], all[i].target, all[i].later);
}

static struct ipcfs_object *make(struct ipcfs_store *store, enum ipcfs_kind kind)
{
	struct ipcfs_properties p = {};
	struct ipcfs_object *o = NULL;

	if (kind == IPCFS_VALUE) {
		p.given = IPCFS_P_TYPE;
		p.type = 'q';
	}
	bench_must(ipcfs_open(store, kind, "bench", IPCFS_CREATE, 0600, &p, &o), "ipcfs_open");
	return o;
}

static mqd_t posix_queue()
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct mq_attr attr = {};
	mqd_t mq;

	setrlimit(RLIMIT_MSGQUEUE, &unlimited);
	attr.mq_maxmsg = 8;
	attr.mq_msgsize = BYTES;
	mq = mq_open(("/" + name).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	bench_must(mq, "mq_open");
	mq_unlink(("/" + name).c_str());
	return mq;
}

static void put_get(struct ipcfs_object *q, int n)
{
	for (int i = 0; i < n; i++) {
		bench_must(ipcfs_queue_put(q, message, BYTES, IPCFS_FOREVER), "put");
		bench_must(ipcfs_queue_get(q, message, BYTES, IPCFS_FOREVER), "get");
	}
}

static void boost_put_get(bip::message_queue &q, int n)
{
	bip::message_queue::size_type got;
	unsigned priority;

	for (int i = 0; i < n; i++) {
		q.send(message, BYTES, 0);
		q.receive(message, BYTES, got, priority);
	}
}

static void queues(struct ipcfs_store *store, const char *what)
{
	struct ipcfs_object *q = make(store, IPCFS_QUEUE);
	bip::message_queue boost(bip::open_or_create, name.c_str(), 1024, BYTES);
	mqd_t mq = posix_queue();

	compare(what,
		{
			{"ipcfs", 0, 0, [&](int n) { put_get(q, n); }},
			{"Boost message_queue", 4, 1.5, [&](int n) { boost_put_get(boost, n); }},
			{"POSIX mq", 0, 0.04,
			 [&](int n) {
				 for (int i = 0; i < n; i++) {
					 mq_send(mq, message, BYTES, 0);
					 mq_receive(mq, message, BYTES, NULL);
				 }
			 }},
		});
	mq_close(mq);
	ipcfs_close(q);
}

/* With many messages in between; and many under one lock. */
static void batches(struct ipcfs_store *store)
{
	struct ipcfs_object *q = make(store, IPCFS_QUEUE);
	bip::message_queue boost(bip::open_or_create, name.c_str(), 1024, BYTES);
	static char room[BATCH][BYTES];
	struct iovec v[BATCH];
	bip::message_queue::size_type got;
	unsigned priority;
	contender beside = {"Boost message_queue", 0, 1.5, [&](int n) {
				    for (int i = 0; i < n; i += BATCH) {
					    for (int k = 0; k < BATCH; k++)
						    boost.send(room[k], BYTES, 0);
					    for (int k = 0; k < BATCH; k++)
						    boost.receive(room[k], BYTES, got, priority);
				    }
			    }};

	for (int i = 0; i < BATCH; i++)
		v[i] = {room[i], BYTES};
	compare("64 puts, then 64 gets",
		{{"ipcfs", 0, 0,
		  [&](int n) {
			  for (int i = 0; i < n; i += BATCH) {
				  for (int k = 0; k < BATCH; k++)
					  ipcfs_queue_put(q, room[k], BYTES, 0);
				  for (int k = 0; k < BATCH; k++)
					  ipcfs_queue_get(q, room[k], BYTES, 0);
			  }
		  }},
		 beside});
	compare("put_many + get_many of 64",
		{{"ipcfs", 0, 0,
		  [&](int n) {
			  for (int i = 0; i < n; i += BATCH) {
				  bench_must(ipcfs_queue_put_many(q, v, BATCH, 0), "put_many");
				  bench_must(ipcfs_queue_get_many(q, v, BATCH, 0), "get_many");
			  }
		  }},
		 beside});
	ipcfs_close(q);
}

static void words(struct ipcfs_store *store)
{
	struct ipcfs_object *s = make(store, IPCFS_SEMAPHORE), *e = make(store, IPCFS_EVENT),
			    *v = make(store, IPCFS_VALUE);
	void *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sem_t *sem = (sem_t *)shared;
	std::atomic<int64_t> *number = new (sem + 1) std::atomic<int64_t>(0);
	union ipcfs_number one;
	contender beside = {"sem_post + sem_wait", 0, 1.5, [&](int n) {
				    for (int i = 0; i < n; i++) {
					    sem_post(sem);
					    sem_wait(sem);
				    }
			    }};

	one.i = 1;
	sem_init(sem, 1, 1);
	compare("semaphore release + acquire",
		{{"ipcfs", 0, 0,
		  [&](int n) {
			  for (int i = 0; i < n; i++) {
				  bench_must(ipcfs_semaphore_release(s, 1), "release");
				  bench_must(ipcfs_semaphore_acquire(s, 1, IPCFS_FOREVER),
					     "acquire");
			  }
		  }},
		 beside});
	compare("event set + clear", {{"ipcfs", 0, 0,
				       [&](int n) {
					       for (int i = 0; i < n; i++) {
						       bench_must(ipcfs_event_set(e), "set");
						       bench_must(ipcfs_event_clear(e), "clear");
					       }
				       }},
				      beside});
	compare("value add", {{"ipcfs", 0, 0,
			       [&](int n) {
				       for (int i = 0; i < n; i++)
					       bench_must(ipcfs_value_op(v, IPCFS_ADD, one, NULL),
							  "add");
			       }},
			      {"atomic add", 0, 1.5, [&](int n) {
				       for (int i = 0; i < n; i++)
					       number->fetch_add(1);
			       }}});
	ipcfs_close(s);
	ipcfs_close(e);
	ipcfs_close(v);
	munmap(shared, 4096);
}

static void *idle(void *arg)
{
	pause();
	return arg;
}

static void set_up()
{
	bench_must(mkdtemp(dir) ? 0 : -1, dir);
	name = std::string(strrchr(dir, '/') + 1) + "-boost"; /* also in /dev/shm */
}

static void clean()
{
	bip::message_queue::remove(name.c_str());
	if (system(("rm -rf --one-file-system " + std::string(dir)).c_str()) != 0)
		perror(dir);
}

static void work()
{
	struct ipcfs_store *store;
	pthread_t thread;

	bench_must(ipcfs_store_open(dir, &store), dir);
	queues(store, "put + get, 64 bytes");
	batches(store);
	words(store);
	/* glibc's locks and ours are cheaper while there is one thread. */
	bench_must(-pthread_create(&thread, NULL, idle, NULL), "pthread_create");
	queues(store, "put + get, a second thread exists");
}

int main(int argc, char **argv)
{
	rounds = bench_rounds(argc, argv, 101, 21);
	return bench_run(set_up, work, clean, 300);
}
