# SPDX-License-Identifier: MIT
"""Waiting through descriptors: asyncio, poll, multiprocessing.connection.wait."""

import asyncio
import os
import select
import threading

from harness import main, same, test, until

import ipcfs
from ipcfs.connection import wait


async def readable(o):
    """Waits until an object's descriptor is readable."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.add_reader(o.fileno(), lambda: future.done() or future.set_result(None))
    try:
        await asyncio.wait_for(future, 100)
    finally:
        loop.remove_reader(o.fileno())


def later(*functions):
    for f in functions:
        f()


def in_a_process(*functions):
    """Calls functions in another process."""
    p = ipcfs.get_context("spawn").Process(target=later, args=functions)
    p.start()
    return p


@test
def asyncio_waits_for_an_event_and_a_queue():
    event, q, simple = ipcfs.Event(), ipcfs.Queue(), ipcfs.SimpleQueue()

    async def all_of_them():
        waits = asyncio.gather(readable(event), readable(q), readable(simple))
        await asyncio.sleep(0)
        same([event.is_set(), q.empty(), simple.empty()], [False, True, True])
        p = in_a_process(event.set)
        q.put("an item")
        simple.put("another")
        await waits
        p.join()
        return q.get_nowait(), simple.get()

    same(asyncio.run(all_of_them()), ("an item", "another"))
    event.wait()
    event.clear()
    same(select.select([event], [], [], 0)[0], [])
    q.close()
    q.join_thread()
    simple.close()


@test
def asyncio_serves_many_items():
    q = ipcfs.Queue()

    async def consume():
        got = []
        while len(got) < 100:
            await readable(q)
            got.append(q.get())
        return got

    t = threading.Thread(target=lambda: [q.put(i) for i in range(100)])
    t.start()
    same(asyncio.run(consume()), list(range(100)))
    t.join()
    q.close()
    q.join_thread()


@test
def wait_for_any():
    a, b = ipcfs.Pipe()
    event, lock, q = ipcfs.Event(), ipcfs.Lock(), ipcfs.SimpleQueue()
    lock.acquire()
    objects = [a, event, lock, q]
    same(wait(objects, 0), [])
    for o, make_ready, undo in (
        (a, lambda: b.send(1), a.recv),
        (event, event.set, event.clear),
        (lock, lock.release, lock.acquire),
        (q, lambda: q.put(1), q.get),
    ):
        make_ready()
        same(wait(objects, 100), [o])
        undo()
    b.close()
    same(wait(objects, 100), [a])
    p = ipcfs.Process(target=os._exit, args=(0,))
    p.start()
    same(wait([p.sentinel, event], 100), [p.sentinel])
    p.join()
    a.close()
    q.close()


@test
def a_descriptor_tells_when_a_barrier_would_open():
    barrier = ipcfs.Barrier(2)
    same(wait([barrier], 0), [])
    t = threading.Thread(target=barrier.wait)
    t.start()
    until(lambda: wait([barrier], 1), "the other")
    barrier.wait()
    t.join()


if __name__ == "__main__":
    main()
