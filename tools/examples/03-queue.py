#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 03-queue.py - producers and consumers over a Queue: every item comes once, and each producer's in its order.
# It prints:
#   2 producers, 3 consumers: 200 items, each of them once
#   each consumer saw each producer's items in order
from ipcfs import Process, Queue

ITEMS = 100


def produce(q, name):
    for n in range(ITEMS):
        q.put((name, n))


def consume(q, results):
    got = []
    while (item := q.get()) is not None:  # None: no more will come
        got.append(item)
    results.put(got)


def main():
    q, results = Queue(), Queue()
    producers = [Process(target=produce, args=(q, name)) for name in ("a", "b")]
    consumers = [Process(target=consume, args=(q, results)) for _ in range(3)]
    for p in producers + consumers:
        p.start()
    for p in producers:
        p.join()
    for _ in consumers:
        q.put(None)
    lists = [results.get() for _ in consumers]
    for p in consumers:
        p.join()

    items = sorted(item for got in lists for item in got)
    assert items == [(name, n) for name in ("a", "b") for n in range(ITEMS)], items
    print(f"{len(producers)} producers, {len(consumers)} consumers: {len(items)} items, each of them once")
    for got in lists:
        for name in ("a", "b"):
            numbers = [n for who, n in got if who == name]
            assert numbers == sorted(numbers), numbers
    print("each consumer saw each producer's items in order")


if __name__ == "__main__":
    main()
