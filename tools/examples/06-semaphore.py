#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 06-semaphore.py - a semaphore: five processes, at most three inside. With robust=True a place belongs to who has
# acquired it, so that it is free again when he is killed.
# It prints:
#   three are inside, free places: 0
#   one of them is killed, and another comes in, free places: 0
#   all have been inside, never more than three; free places: 3
import os
import signal

from ipcfs import Event, Process, Semaphore, SimpleQueue


def visit(places, inside, go):
    with places:
        inside.put(os.getpid())
        go.wait()
        inside.put(None)  # about to leave


def main():
    places, inside, go = Semaphore(3, robust=True), SimpleQueue(), Event()
    visitors = [Process(target=visit, args=(places, inside, go)) for _ in range(5)]
    for p in visitors:
        p.start()
    pids = [inside.get() for _ in range(3)]
    assert inside.empty()
    print("three are inside, free places:", places.get_value())

    os.kill(pids[0], signal.SIGKILL)
    pids.append(inside.get())
    print("one of them is killed, and another comes in, free places:", places.get_value())

    go.set()
    now = most = 3
    for _ in range(5):  # the three leave, the fifth comes and leaves
        if inside.get() is None:
            now -= 1
        else:
            now += 1
        most = max(most, now)
    for p in visitors:
        p.join()
    assert most == 3, most
    print("all have been inside, never more than three; free places:", places.get_value())


if __name__ == "__main__":
    main()
