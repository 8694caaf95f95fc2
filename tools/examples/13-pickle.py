#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 13-pickle.py - what multiprocessing refuses ("should only be shared between processes through inheritance"): a lock, a
# queue and an event handed to a pool, and a lock sent through a queue. Here they pickle as their names.
# It prints:
#   a lock, handed to a pool: 100 of 100 counted
#   a queue and an event, handed to a pool: the worker waited, then sent 'done'
#   a lock, sent through a queue: it is the same lock
import pickle

from ipcfs import Event, Lock, Manager, Pool, Process, Queue


def count(lock, number):
    for _ in range(25):
        with lock:
            number.value = number.value + 1  # two steps: without the lock some would be lost


def wait_and_send(go, q):
    go.wait()
    q.put("done")


def hold(q):
    q.get().acquire()  # of the lock that came through the queue


def main():
    lock, go, q = Lock(), Event(), Queue()
    with Pool(4) as pool, Manager() as manager:
        number = manager.Value("i", 0)
        pool.starmap(count, [(lock, number)] * 4, chunksize=1)
        print(f"a lock, handed to a pool: {number.value} of 100 counted")

        result = pool.apply_async(wait_and_send, (go, q))
        assert q.empty() and not result.ready()
        go.set()
        print(f"a queue and an event, handed to a pool: the worker waited, then sent {q.get()!r}")
        pool.close()
        pool.join()

    p = Process(target=hold, args=(q,))
    p.start()
    q.put(lock)
    p.join()
    assert pickle.loads(pickle.dumps(lock)).name == lock.name
    print("a lock, sent through a queue:", "it is the same lock" if not lock.acquire(block=False) else "another")


if __name__ == "__main__":
    main()
