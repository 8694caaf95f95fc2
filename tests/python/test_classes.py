# SPDX-License-Identifier: MIT
"""Each class under each start method, passed as an argument, through a queue, and to a pool; and its errors."""

import ctypes
import functools
import math
import os
import pickle
import queue
import random
import signal
import sys
import threading
import time

from harness import main, raises, same, test, test_each_method, until, waiters

import ipcfs
from ipcfs import _messages


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]


def use(o):
    """In another process: uses each object once."""
    with o["lock"], o["rlock"], o["rlock"]:
        o["value"].value += 1
        o["array"][0] += 1
        o["point"].x += 1
        o["text"].value = b"new"
        o["raw"].value = 2.5
    o["semaphore"].acquire()
    o["event"].set()
    o["queue"].put(o["inbox"].get())
    o["simple"].put(("simple", os.getpid()))
    o["joinable"].get()
    o["joinable"].task_done()
    o["connection"].send({"pid": os.getpid()})
    same(o["connection"].recv(), "to the child")
    with o["condition"]:
        o["condition"].notify()
    o["barrier"].wait()


def objects(ctx):
    """One object of each class."""
    here, there = ctx.Pipe()
    o = {
        "lock": ctx.Lock(),
        "rlock": ctx.RLock(),
        "semaphore": ctx.Semaphore(3),
        "event": ctx.Event(),
        "condition": ctx.Condition(),
        "barrier": ctx.Barrier(2),
        "queue": ctx.Queue(),
        "inbox": ctx.Queue(5),
        "simple": ctx.SimpleQueue(),
        "joinable": ctx.JoinableQueue(),
        "value": ctx.Value("i", 41),
        "array": ctx.Array("d", [0.5, 1]),
        "text": ctx.Array("c", b"old text"),
        "raw": ctx.RawValue("d", 1),
        "point": ctx.Value(Point, 1, 2.5),
        "connection": there,
    }
    return o, here


def check(o, here):
    """In this process: the other side of use()."""
    o["inbox"].put(["an", "item"])
    o["joinable"].put(1)
    here.send("to the child")
    with o["condition"]:
        while o["barrier"].n_waiting == 0:  # the notification may come before the wait
            o["condition"].wait(0.05)
    o["barrier"].wait()
    same(o["event"].wait(100), True)
    same(o["queue"].get(timeout=100), ["an", "item"])
    same(o["simple"].get()[0], "simple")
    o["joinable"].join()
    same(here.recv()["pid"] > 0, True)
    same(o["value"].value, 42)
    same(o["array"][:], [1.5, 1.0])
    same(o["text"].value, b"new")
    same(o["raw"].value, 2.5)
    same((o["point"].x, o["point"].y), (2, 2.5))
    same(o["semaphore"].get_value(), 2)


def close(o, here):
    """So that nothing is left when a test ends."""
    for name in ("queue", "inbox", "joinable"):
        o[name].close()
        o[name].join_thread()
    o["simple"].close()
    o["connection"].close()
    here.close()


@test_each_method
def as_arguments(ctx):
    o, here = objects(ctx)
    p = ctx.Process(target=use, args=(o,))
    p.start()
    check(o, here)
    p.join()
    same(p.exitcode, 0)
    close(o, here)


def use_from_queue(q):
    use(q.get())


@test_each_method
def through_a_queue(ctx):
    o, here = objects(ctx)
    q = ctx.Queue()
    p = ctx.Process(target=use_from_queue, args=(q,))
    p.start()
    q.put(o)
    check(o, here)
    p.join()
    same(p.exitcode, 0)
    close(o, here)
    q.close()
    q.join_thread()


@test_each_method
def to_a_pool(ctx):
    o, here = objects(ctx)
    with ctx.Pool(1) as pool:
        result = pool.apply_async(use, (o,))
        check(o, here)
        result.get(100)
        pool.close()
        pool.join()
    close(o, here)


def set_event(event, *_):
    event.set()
    return event.is_set()


@test
def what_its_maker_does_not_keep():
    with ipcfs.Pool(2) as pool:
        results = [pool.apply_async(set_event, (ipcfs.Event(), ipcfs.Lock())) for _ in range(20)]
        same([r.get(100) for r in results], [True] * 20)


@test
def from_one_start_method_to_another():
    lock = ipcfs.get_context("fork").Lock()
    for method in ("spawn", "forkserver", "fork"):
        p = ipcfs.get_context(method).Process(target=lock.acquire)
        p.start()
        p.join()
        same((p.exitcode, lock.acquire(False)), (0, False))
        lock.release()


@test
def pickled_plainly():
    for o in (ipcfs.Lock(), ipcfs.Event(), ipcfs.Semaphore(2), ipcfs.Value("i", 3), ipcfs.Condition()):
        other = pickle.loads(pickle.dumps(o))
        same(type(other), type(o))
    lock = ipcfs.Lock()
    other = pickle.loads(pickle.dumps(lock))
    lock.acquire()
    same(other.acquire(False), False)
    other.release()
    same(lock.acquire(False), True)


# ---- errors and corners


@test
def released_too_often():
    for lock in (ipcfs.Lock(), ipcfs.BoundedSemaphore(2), ipcfs.BoundedSemaphore(0), ipcfs.Lock(robust=True)):
        with raises(ValueError, "semaphore or lock released too many times"):
            lock.release()
        if not isinstance(lock, type(ipcfs.BoundedSemaphore(1))):
            lock.acquire()
            lock.release()
            with raises(ValueError, "semaphore or lock released too many times"):
                lock.release()
    ipcfs.Semaphore(2).release()  # has no bound


@test
def a_recursive_lock_is_its_threads():
    lock = ipcfs.RLock()
    with raises(AssertionError, "attempt to release recursive lock not owned by thread"):
        lock.release()
    errors = []

    def other():
        errors.append(lock.acquire(False))
        try:
            lock.release()
        except AssertionError as e:
            errors.append(str(e))

    with lock, lock:
        same(repr(lock), "<RLock(MainProcess, 2)>")
        t = threading.Thread(target=other)
        t.start()
        t.join()
    same(errors, [False, "attempt to release recursive lock not owned by thread"])
    same(repr(lock), "<RLock(None, 0)>")
    condition = ipcfs.Condition()
    with raises(AssertionError, "must acquire() condition before using wait()"):
        condition.wait()
    with raises(AssertionError, "lock is not owned"):
        condition.notify()


@test
def anyone_releases_a_lock():
    lock = ipcfs.Lock()
    lock.acquire()
    p = ipcfs.Process(target=lock.release)
    p.start()
    same(lock.acquire(timeout=100), True)
    p.join()
    same(p.exitcode, 0)


@test
def wrong_arguments():
    with raises(TypeError):
        ipcfs.Semaphore("1")
    with raises(OverflowError):
        ipcfs.Semaphore(1 << 40)
    with raises(OSError):
        ipcfs.Semaphore(-1)
    with raises(TypeError):
        ipcfs.Lock().acquire(True, "soon")
    same(ipcfs.Lock().acquire(True, -5), True)
    if sys.version_info < (3, 12):  # CPython takes anything from then on
        with raises(TypeError, "'str' object cannot be interpreted as an integer"):
            ipcfs.Lock().acquire("")
    taken = ipcfs.Lock()
    taken.acquire()
    with raises(TypeError, "must be real number, not str"):
        taken.acquire(True, "soon")
    for wait in (functools.partial(taken.acquire, True), ipcfs.Event().wait):
        with raises(OSError, "Invalid argument"):
            wait(math.nan)
    happened = ipcfs.Event()
    happened.set()
    same(happened.wait("whenever"), True)
    same(ipcfs.Semaphore(True).get_value(), 1)
    with raises(TypeError, "not supported between instances of 'NoneType' and 'int'"):
        ipcfs.Queue(None)
    for parties in (0, -1):
        with raises(ValueError, "parties must be >= 1"):
            ipcfs.Barrier(parties)
    for type_ in ("no code", None, 3):
        with raises(TypeError, "this type has no size"):
            ipcfs.Value(type_)
    with raises(ValueError, "cannot find context for 'thread'"):
        ipcfs.get_context("thread")
    with raises(AttributeError, "has no method 'acquire'"):
        ipcfs.Value("i", 0, lock=3)
    with raises(TypeError):
        ipcfs.Value("i", "text")
    with raises(IndexError):
        ipcfs.Array("i", 3)[3]


@test
def full_and_empty():
    for make in (ipcfs.Queue, ipcfs.JoinableQueue):
        q = make(2)
        with raises(queue.Empty):
            q.get_nowait()
        with raises(queue.Empty):
            q.get(timeout=0.05)
        q.put(1)
        q.put(2)
        same((q.full(), q.qsize()), (True, 2))
        with raises(queue.Full):
            q.put_nowait(3)
        with raises(queue.Full):
            q.put(3, timeout=0.05)
        same([q.get(), q.get()], [1, 2])
        q.close()
        with raises(ValueError, "is closed"):
            q.put(1)
        with raises(ValueError, "is closed"):
            q.get()
        q.join_thread()


@test
def a_task_done_too_often():
    q = ipcfs.JoinableQueue()
    with raises(ValueError, "task_done() called too many times"):
        q.task_done()
    q.close()


@test
def an_item_that_cannot_be_pickled():
    q = ipcfs.Queue()
    error, sys.stderr = sys.stderr, open(os.devnull, "w")
    try:
        q.put(lambda: None)  # the feeder thread prints a traceback
        q.put("after it")
        same(q.get(timeout=100), "after it")
    finally:
        sys.stderr.close()
        sys.stderr = error
    same(q.qsize(), 0)
    q.close()
    q.join_thread()
    s = ipcfs.SimpleQueue()
    with raises((AttributeError, pickle.PicklingError)):
        s.put(lambda: None)
    s.close()


@test
def long_messages():
    q, s = ipcfs.Queue(), ipcfs.SimpleQueue()
    a, b = ipcfs.Pipe()
    for n in (0, 1, 65490, 65521, 65536, 1 << 20, (1 << 20) + 65536, 5_000_001):
        data = os.urandom(1000) * (n // 1000) + b"." * (n % 1000)
        q.put(data)
        s.put(data)
        same(q.get() == data, True)
        same(s.get() == data, True)
        t = threading.Thread(target=a.send_bytes, args=(data,))
        t.start()
        same(b.recv_bytes() == data, True)
        t.join()
    for end in (a, b, s, q):
        end.close()
    q.join_thread()


@test
def messages_that_fill_reads():
    """Where a message ends is not guessed from reads that were not filled."""
    q, s = ipcfs.Queue(), ipcfs.SimpleQueue()
    for end in (_messages.READ_FIRST, _messages.READ_FIRST + _messages.READ_MORE):
        for n in range(end - 60, end + 3):  # among these one is just so long with all that is around it
            for each in (q, s):
                each.put(bytes(n))
                each.put("the next")
                same((len(each.get()), each.get()), (n, "the next"))
    for each in (q, s):
        each.close()
    q.join_thread()


@test
def a_queue_whose_reading_end_is_closed():
    q = ipcfs.Queue()
    q._reader.close()
    for f in (q.get, q.get_nowait, q.empty):
        with raises(OSError, "handle is closed"):
            f()
    q.close()


@test
def ends_of_a_pipe():
    r, w = ipcfs.Pipe(duplex=False)
    with raises(OSError, "connection is read-only"):
        r.send(1)
    with raises(OSError, "connection is write-only"):
        w.recv()
    same((r.poll(), r.poll(0.01)), (False, False))
    w.send_bytes(b"0123456789")
    w.send_bytes(b"")
    w.send_bytes(b"abc", 1, 1)
    same(r.poll(100), True)
    buf = bytearray(4)
    with raises(ipcfs.BufferTooShort) as e:
        r.recv_bytes_into(buf)
    same(e.error.args[0], b"0123456789")
    same(r.recv_bytes(), b"")
    same(r.recv_bytes_into(buf, 2), 1)
    same(bytes(buf), b"\0\0b\0")
    w.send([1])
    w.close()
    same(r.recv(), [1])
    with raises(EOFError):
        r.recv()
    with raises(OSError, "handle is closed"):
        w.send(1)
    r.close()
    a, b = ipcfs.Pipe()
    same(isinstance(a, ipcfs.connection.Connection), True)
    b.close()
    with raises(BrokenPipeError):
        a.send(1)
    a.close()


@test
def broken_barriers():
    b = ipcfs.Barrier(2, timeout=0.05)
    with raises(threading.BrokenBarrierError):
        b.wait()
    same((b.broken, b.n_waiting, b.parties), (True, 0, 2))
    b.reset()
    same(b.broken, False)
    with raises(threading.BrokenBarrierError):
        b.wait(0)
    b.reset()
    found = []

    def arrive(action=None):
        try:
            found.append(b.wait(100))
        except threading.BrokenBarrierError:
            found.append("broken")

    for end in (b.abort, b.reset):
        t = threading.Thread(target=arrive)
        t.start()
        until(lambda: b.n_waiting == 1, "an arrival")
        end()
        t.join()
        b.reset()
    same(found, ["broken", "broken"])
    b = ipcfs.Barrier(2, action=functools.partial(int, "no number"))
    t = threading.Thread(target=arrive)
    t.start()
    until(lambda: b.n_waiting == 1, "an arrival")
    with raises(ValueError, "no number"):
        b.wait()
    t.join()
    same(found[-1], "broken")


@test
def a_barrier_is_broken_once_by_a_timeout():
    b = ipcfs.Barrier(2)
    aborts = []
    b.abort = lambda: aborts.append(1)  # it would break what somebody else has reset meanwhile
    with raises(threading.BrokenBarrierError):
        b.wait(0.01)
    same((b.broken, aborts), (True, []))


@test
def an_action_lets_nobody_in():
    """More threads than parties: the second two wait for the end of the first two's action."""
    calls, found, threads = [], [], []

    def arrive():
        for _ in range(2):
            t = threading.Thread(target=lambda: found.append(b.wait(100)))
            threads.append(t)
            t.start()

    def action():
        calls.append("begins")
        if len(threads) == 2:
            arrive()
            until(lambda: waiters("semaphores", b._cond._lock.name) == 2, "two more")
        calls.append("ends")

    b = ipcfs.Barrier(2, action)
    arrive()
    until(lambda: len(found) == 4, "all to pass")
    for t in threads:
        t.join()
    same((calls, sorted(found)), (["begins", "ends"] * 2, [0, 0, 1, 1]))
    with ipcfs.Manager() as m:
        same(m.Barrier(1, print).wait(), 0)


@test
def set_and_clear_at_once_wakes():
    e = ipcfs.Event()
    woken = []
    t = threading.Thread(target=lambda: woken.append(e.wait(100)))
    t.start()
    until(lambda: waiters("events", e.name) == 1, "a waiter")
    e.set()
    e.clear()
    t.join()
    same((woken, e.is_set()), ([True], False))


@test
def no_mount():
    mount = os.environ["IPCFS_MOUNT"]
    try:
        os.environ["IPCFS_MOUNT"] = "/nowhere"
        for make in (ipcfs.Lock, ipcfs.Queue, ipcfs.Pipe):
            with raises(FileNotFoundError, "ipcfs is not mounted here"):
                make()
    finally:
        os.environ["IPCFS_MOUNT"] = mount


@test
def waiting_with_signals():
    old = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        lock = ipcfs.Lock()
        lock.acquire()
        began = time.monotonic()
        same(lock.acquire(timeout=0.3), False)
        same(time.monotonic() - began >= 0.3, True)
        q = ipcfs.Queue()
        with raises(queue.Empty):
            q.get(timeout=0.3)
        q.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


class Interrupted(TimeoutError):  # a subclass of OSError, as programs raise it
    pass


def interrupted(function, *args):
    """Calls a function while a signal's handler is about to raise; whether it has."""

    def interrupt(*_):
        if armed:
            raise Interrupted

    armed = False
    old = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, random.random() / 20_000 + 1e-6)
    try:
        armed = True
        function(*args)
        armed = False
        return False
    except Interrupted:
        armed = False
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@test
def a_handler_that_raises_takes_no_lock_along():
    caught = 0
    for lock in (ipcfs.Lock(), ipcfs.RLock(), ipcfs.Lock(robust=True)):
        for i in range(1500):
            caught += interrupted(lock.acquire, *((True, 5), ())[i % 2])
            if lock._semlock._count():  # it came, and the handler ran afterwards
                lock.release()
            same((lock._semlock._get_value(), lock._semlock._count()), (1, 0))
    same(caught > 0, True)


@test
def a_handler_that_raises_does_not_keep_a_lock():
    caught = 0
    for lock in (ipcfs.Lock(), ipcfs.RLock(), ipcfs.Lock(robust=True)):
        for _ in range(1500):
            lock.acquire()
            caught += interrupted(lock.release)
            if lock._semlock._count():  # the handler ran before
                lock.release()
            same((lock._semlock._get_value(), lock._semlock._count()), (1, 0))
    same(caught > 0, True)


if __name__ == "__main__":
    main()
