#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 10-lock.py - a lock: the first process acquires it and ends without releasing; the second waits until the parent
# releases it. And the pitfall: a Lock() made as a global is another one in each process that makes its own, so that it
# locks nobody out. A lock with a name cannot: the name is the lock.
# It prints:
#   the first has it, and ends
#   the parent releases
#   the second has it
#   the second releases
#   one more: semaphore or lock released too many times
#   made anew in two processes, under one name: one of them gets it
import os

from ipcfs import Lock, Process, Queue


def first(lock):
    lock.acquire()
    print("the first has it, and ends", flush=True)


def second(lock, waits):
    waits.put(lock.acquire(block=False))
    lock.acquire()
    print("the second has it", flush=True)
    print("the second releases", flush=True)
    lock.release()


def its_own(name, results):
    lock = Lock(name=name)  # as under spawn a global would be made, in each process
    results.put(lock.acquire(block=False))


def main():
    lock, results = Lock(), Queue()
    p = Process(target=first, args=(lock,))
    p.start()
    p.join()
    p = Process(target=second, args=(lock, results))
    p.start()
    assert results.get() is False
    print("the parent releases", flush=True)
    lock.release()
    p.join()
    try:
        lock.release()
    except ValueError as e:
        print("one more:", e)

    name = f"example-{os.getpid()}"
    both = [Process(target=its_own, args=(name, results)) for _ in range(2)]
    for p in both:
        p.start()
    got = sorted(results.get() for _ in both)
    for p in both:
        p.join()
    assert got == [False, True], got
    print("made anew in two processes, under one name: one of them gets it")
    os.remove(os.path.join(os.environ.get("IPCFS_MOUNT", "/ipc"), "semaphores", name))  # a name stays


if __name__ == "__main__":
    main()
