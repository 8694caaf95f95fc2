#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 12-results.py - how results come back from children: through a queue, from a pool, through a shared list.
# It prints:
#   queue: [0, 1, 4]
#   map: [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
#   get: 49
#   get raises what the worker raised: division by zero
#   close refuses: Pool not running
#   join has waited for all: 3
#   list: [0, 1, 4]
from ipcfs import Manager, Pool, Process, Queue


def square(n):
    return n * n


def into_queue(q, n):
    q.put(square(n))


def into_list(items, n):
    items.append(square(n))


def main():
    q = Queue()
    children = [Process(target=into_queue, args=(q, n)) for n in range(3)]
    for p in children:
        p.start()
    print("queue:", sorted(q.get() for _ in children))
    for p in children:
        p.join()

    pool = Pool(5)
    print("map:", pool.map(square, range(10)))
    print("get:", pool.apply_async(square, (7,)).get())
    try:
        pool.apply_async(divmod, (1, 0)).get()
    except ZeroDivisionError as e:
        print("get raises what the worker raised:", str(e).replace("integer ", "").replace(" or modulo", ""))
    with Manager() as manager:
        items = manager.list()
        results = [pool.apply_async(into_list, (items, n)) for n in range(3)]
        pool.close()
        try:
            pool.apply_async(square, (1,))
        except ValueError as e:
            print("close refuses:", e)
        pool.join()
        print("join has waited for all:", sum(r.ready() for r in results))
        print("list:", sorted(items))


if __name__ == "__main__":
    main()
