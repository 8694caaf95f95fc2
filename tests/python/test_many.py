# SPDX-License-Identifier: MIT
"""Many processes, which share one lock, one queue, one value; and pools."""

import os
import select
import sys
import threading
import time

from harness import LONG, main, raises, same, test, test_each_method, until

import ipcfs
from ipcfs import _containers

PROCESSES = 64
ROUNDS = 50 if LONG else 5


def count(lock, value, q, start):
    start.wait()
    for i in range(ROUNDS):
        with lock:
            value.value += 1
        q.put((os.getpid(), i))


@test
def sixty_four_processes_under_spawn():
    ctx = ipcfs.get_context("spawn")
    lock, value, q, start = ctx.Lock(), ctx.Value("q", 0, lock=False), ctx.Queue(), ctx.Event()
    processes = [ctx.Process(target=count, args=(lock, value, q, start)) for _ in range(PROCESSES)]
    for p in processes:
        p.start()
    start.set()
    seen = {}
    for _ in range(PROCESSES * ROUNDS):
        pid, i = q.get(timeout=200)
        same(seen.get(pid, -1), i - 1)  # in the order in which each put them
        seen[pid] = i
    for p in processes:
        p.join()
        same(p.exitcode, 0)
    same((value.value, len(seen)), (PROCESSES * ROUNDS, PROCESSES))
    q.close()
    q.join_thread()


def square(x):
    return x * x


def add(x, y):
    return x + y


def fail(x):
    raise ValueError(f"cannot do {x}")


def pid(_):
    return os.getpid()


def wait_for(event):
    event.wait()


@test_each_method
def a_pool(ctx):
    with ctx.Pool(4) as pool:
        same(pool.map(square, range(10)), [x * x for x in range(10)])
        same(list(pool.imap(square, range(100), 7)), [x * x for x in range(100)])
        same(sorted(pool.imap_unordered(square, range(100))), [x * x for x in range(100)])
        same(pool.starmap(add, [(1, 2), (3, 4)]), [3, 7])
        same(pool.apply(add, (1, 2)), 3)
        same(pool.map(square, []), [])
        called, failed = [], []
        pool.apply_async(add, (1, 2), callback=called.append).wait()
        result = pool.apply_async(fail, (3,), error_callback=failed.append)
        with raises(ValueError, "cannot do 3") as e:
            result.get(100)
        same("in fail" in str(e.error.__cause__), True)  # the worker's traceback
        until(lambda: called and failed, "the callbacks")
        same((called, str(failed[0])), ([3], "cannot do 3"))
        event = ctx.Event()
        slow = pool.apply_async(wait_for, (event,))
        with raises(ipcfs.TimeoutError):
            slow.get(0.01)
        event.set()
        slow.get(100)
        with raises(ValueError, "Pool is still running"):
            pool.join()
        pool.close()
        with raises(ValueError, "Pool not running"):
            pool.map(square, [1])
        pool.join()


@test
def workers_of_a_few_tasks():
    with ipcfs.Pool(2, maxtasksperchild=3) as pool:
        pids = pool.map(pid, range(30), chunksize=1)
        same(len(set(pids)) >= 10, True)
        pool.close()
        pool.join()


@test
def a_pool_is_terminated():
    pool = ipcfs.Pool(2)
    event = ipcfs.Event()
    result = pool.map_async(wait_for, [event] * 1000, chunksize=1)
    pool.terminate()
    pool.join()
    same((result.ready(), [w.exitcode is None for w in pool._pool]), (False, [False, False]))


@test
def executors_work_with_the_context():
    from concurrent.futures import ProcessPoolExecutor

    for method in ("fork", "spawn"):
        with ProcessPoolExecutor(2, mp_context=ipcfs.get_context(method)) as executor:
            same(list(executor.map(square, range(10))), [x * x for x in range(10)])


def inside(semaphore, now, most):
    for _ in range(ROUNDS):
        with semaphore:
            with now.get_lock():
                now.value += 1
                most.value = max(most.value, now.value)
            time.sleep(0.001)
            with now.get_lock():
                now.value -= 1


@test
def at_most_three_inside():
    semaphore, now, most = ipcfs.Semaphore(3), ipcfs.Value("i"), ipcfs.Value("i")
    processes = [ipcfs.Process(target=inside, args=(semaphore, now, most)) for _ in range(5)]
    for p in processes:
        p.start()
    for p in processes:
        p.join()
    same((now.value, 1 <= most.value <= 3, semaphore.get_value()), (0, True, 3))


def meet(barrier, q):
    for _ in range(ROUNDS):
        q.put(barrier.wait())


@test
def barriers_many_times():
    barrier, q = ipcfs.Barrier(7), ipcfs.SimpleQueue()
    processes = [ipcfs.Process(target=meet, args=(barrier, q)) for _ in range(7)]
    for p in processes:
        p.start()
    found = sorted(q.get() for _ in range(7 * ROUNDS))
    same(found, sorted(list(range(7)) * ROUNDS))
    for p in processes:
        p.join()
    q.close()


@test
def threads_and_processes_on_one_queue():
    q, out = ipcfs.Queue(3), ipcfs.Queue()

    def relay():
        for item in iter(q.get, None):
            out.put(item)

    workers = [ipcfs.Process(target=relay) for _ in range(3)] + [threading.Thread(target=relay) for _ in range(3)]
    for w in workers:
        w.start()
    for i in range(200):
        q.put(i)
    for _ in workers:
        q.put(None)
    same(sorted(out.get(timeout=200) for _ in range(200)), list(range(200)))
    for w in workers:
        w.join()
    for each in (q, out):
        each.close()
        each.join_thread()


def at_once(f):
    """Calls f in four threads at the same time; their errors."""
    errors, gate = [], threading.Barrier(4)

    def run():
        gate.wait()
        try:
            f()
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return errors


@test
def first_uses_by_several_threads_at_once():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(200):
            event, lock, q = ipcfs.Event(), ipcfs.Semaphore(9), ipcfs.Queue(raw=True)
            items, d = _containers.ListFile.create(), _containers.DictFile.create()
            for f in (
                event.is_set,
                lambda event=event: select.select([event], [], [], 0),
                lambda lock=lock: lock.acquire(False),
                lock.get_value,
                lambda q=q: q.put(b"x", False),
                lambda q=q: q.get(timeout=100),
                lambda items=items: items.append(1),
                lambda d=d: d.has("x"),
            ):
                same(at_once(f), [])
            same((len(items), lock.get_value()), (4, 5))
            q.close()
    finally:
        sys.setswitchinterval(interval)


if __name__ == "__main__":
    main()
