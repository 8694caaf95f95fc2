/* SPDX-License-Identifier: MIT
 *
 * bench_lib.cpp - the library's calls beside their like: Boost.Interprocess, POSIX message queues, sem_t, an atomic
 * add. Rounds take turns in one run; ratios are of medians.
 */
#include <algorithm>
#include <atomic>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <mqueue.h>
#include <semaphore.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

#include "ipcfs.h"

namespace bip = boost::interprocess;
using std::vector;

static char message[64];
static int rounds = 41;
static const int OPS = 20000;

static double now_ns()
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double median(vector<double> v)
{
	std::sort(v.begin(), v.end());
	return v[v.size() / 2];
}

static void must(long r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror((int)-r));
	exit(1);
}

struct contender {
	const char *name;
	std::function<void(int)> run;
	vector<double> ns;
};

/* Each in turn, `rounds` times; the first is ours. */
static void compare(const char *what, vector<contender> all, const vector<double> &targets)
{
	for (int r = 0; r < rounds; r++)
		for (size_t i = 0; i < all.size(); i++) {
			contender &c = all[(i + (size_t)r) % all.size()];
			double began = now_ns();
			c.run(OPS);
			c.ns.push_back((now_ns() - began) / OPS);
		}
	double ours = median(all[0].ns);
	for (size_t i = 1; i < all.size(); i++) {
		double theirs = median(all[i].ns), ratio = ours / theirs, target = targets[i - 1];
		printf("%-34s %9.1f ns  %-24s %9.1f ns  %5.2f  %s %.2f\n", what, ours, all[i].name,
		       theirs, ratio, ratio <= target ? "ok, at most" : "MISSED:", target);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char dir[] = "/dev/shm/ipcfs-bench-XXXXXX";
	struct ipcfs_store *store;
	struct ipcfs_object *q, *s, *v;
	struct ipcfs_properties p = {};
	std::string name = "ipcfs-bench-" + std::to_string(getpid());
	if (argc > 1 && !strcmp(argv[1], "--quick"))
		rounds = 11;
	if (!mkdtemp(dir))
		return perror(dir), 1;
	must(ipcfs_store_open(dir, &store), dir);
	must(ipcfs_open(store, IPCFS_QUEUE, "q", IPCFS_CREATE, 0600, NULL, &q), "queue");
	must(ipcfs_open(store, IPCFS_SEMAPHORE, "s", IPCFS_CREATE, 0600, NULL, &s), "semaphore");
	p.given = IPCFS_P_TYPE;
	p.type = 'q';
	must(ipcfs_open(store, IPCFS_VALUE, "v", IPCFS_CREATE, 0600, &p, &v), "value");

	bip::message_queue::remove(name.c_str());
	{
		bip::message_queue boost_queue(bip::create_only, name.c_str(), 1024, 64);
		struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
		setrlimit(RLIMIT_MSGQUEUE, &unlimited);
		struct mq_attr attr = {};
		attr.mq_maxmsg = 8;
		attr.mq_msgsize = 64;
		mqd_t mq = mq_open(("/" + name).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
		mq_unlink(("/" + name).c_str());
		sem_t *sem = (sem_t *)mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		sem_init(sem, 1, 1);
		std::atomic<int64_t> *number = new (sem + 1) std::atomic<int64_t>(0);

		vector<contender> queues = {
			{"ipcfs",
			 [&](int n) {
				 for (int i = 0; i < n; i++) {
					 must(ipcfs_queue_put(q, message, 64, 0), "put");
					 must(ipcfs_queue_get(q, message, 64, 0), "get");
				 }
			 },
			 {}},
			{"Boost message_queue",
			 [&](int n) {
				 bip::message_queue::size_type got;
				 unsigned priority;
				 for (int i = 0; i < n; i++) {
					 boost_queue.send(message, 64, 0);
					 boost_queue.receive(message, 64, got, priority);
				 }
			 },
			 {}},
		};
		vector<double> targets = {4.0};
		if (mq != (mqd_t)-1) {
			queues.push_back({"POSIX mq",
					  [&](int n) {
						  for (int i = 0; i < n; i++) {
							  mq_send(mq, message, 64, 0);
							  mq_receive(mq, message, 64, NULL);
						  }
					  },
					  {}});
			targets.push_back(1.0);
		}
		compare("library put + get, 64 bytes", queues, targets);
		compare("library release + acquire",
			{{"ipcfs",
			  [&](int n) {
				  for (int i = 0; i < n; i++) {
					  must(ipcfs_semaphore_release(s, 1), "release");
					  must(ipcfs_semaphore_acquire(s, 1, 0), "acquire");
				  }
			  },
			  {}},
			 {"sem_post + sem_wait",
			  [&](int n) {
				  for (int i = 0; i < n; i++) {
					  sem_post(sem);
					  sem_wait(sem);
				  }
			  },
			  {}}},
			{10.0});
		compare("library value add",
			{{"ipcfs",
			  [&](int n) {
				  union ipcfs_number one;
				  one.i = 1;
				  for (int i = 0; i < n; i++)
					  must(ipcfs_value_op(v, IPCFS_ADD, one, NULL), "add");
			  },
			  {}},
			 {"atomic add",
			  [&](int n) {
				  for (int i = 0; i < n; i++)
					  number->fetch_add(1);
			  },
			  {}}},
			{20.0});
		bip::message_queue::remove(name.c_str());
	}
	ipcfs_close(q);
	ipcfs_close(s);
	ipcfs_close(v);
	ipcfs_store_close(store);
	return system(("rm -rf --one-file-system " + std::string(dir)).c_str());
}
