#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 04-joinable.py - a JoinableQueue: consumers call task_done() after each get(), and the producer's join() returns only
# after the last of them.
# It prints:
#   join has returned: 20 of 20 tasks were done
#   one more: task_done() called too many times
from ipcfs import JoinableQueue, Process, Value


def consume(q, done):
    while (task := q.get()) is not None:
        with done.get_lock():
            done.value += 1
        q.task_done()
    q.task_done()


def main():
    q, done = JoinableQueue(), Value("i", 0)
    consumers = [Process(target=consume, args=(q, done)) for _ in range(3)]
    for p in consumers:
        p.start()
    for n in range(20):
        q.put(n)
    q.join()
    print(f"join has returned: {done.value} of 20 tasks were done")
    for _ in consumers:
        q.put(None)
    q.join()
    for p in consumers:
        p.join()
    try:
        q.task_done()
    except ValueError as e:
        print("one more:", e)


if __name__ == "__main__":
    main()
