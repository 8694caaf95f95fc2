#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 08-manager.py - a manager's list and numbers, and a pool: a worker changes them, and the parent looks on. And the
# pitfall: a variable of the class is not shared, each process has its own.
# It prints:
#   before: 0 0
#   while the worker still runs: 11 101
#   the list: ['', '', 12, 102]
#   the class's variable: 5 in the worker, still 0 in the parent
import time

from ipcfs import Manager, Pool


class Shop:
    sold = 0  # of this process alone


def work(items, first, second, seen):
    first.value = 11
    second.value = 101
    seen.wait()
    items.append(12)
    items.append(102)
    Shop.sold = 5
    return Shop.sold


def main():
    with Manager() as manager, Pool(2) as pool:
        items = manager.list(["", ""])
        first, second = manager.Value("i", 0), manager.Value("i", 0)
        seen = manager.Event()
        print("before:", first.value, second.value)
        result = pool.apply_async(work, (items, first, second, seen))
        while (first.value, second.value) != (11, 101):
            time.sleep(0.1)  # look again: once a second would do as well
        assert not result.ready()
        print("while the worker still runs:", first.value, second.value)
        seen.set()
        sold = result.get()
        print("the list:", list(items))
        print(f"the class's variable: {sold} in the worker, still {Shop.sold} in the parent")
        pool.close()
        pool.join()


if __name__ == "__main__":
    main()
