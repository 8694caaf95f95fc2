# SPDX-License-Identifier: MIT
"""What a manager makes: as Python's list, dict and so on, by several processes at once, without a server process."""

import array
import collections
import copy
import decimal
import fractions
import os
import pickle
import queue
import random
import signal
import sys
import threading

from harness import M, main, raises, same, test, test_each_method, until

import ipcfs
from ipcfs.managers import (
    AcquirerProxy,
    BaseManager,
    BaseProxy,
    DictProxy,
    EventProxy,
    ListProxy,
    RemoteError,
    SyncManager,
)

MANY = 10_000


def manager(ctx=ipcfs):
    """A manager."""
    return ctx.Manager()


@test
def no_server_process():
    with manager() as m:
        m.list([1]), m.dict(a=1), m.Namespace(), m.Value("i", 1), m.Array("i", [1]), m.Lock(), m.Queue(), m.Event()
        same(ipcfs.active_children(), [])


@test
def ten_thousand_items():
    with manager() as m:
        items, d = m.list(), m.dict()
        for i in range(MANY):
            items.append(i)
            d[i] = str(i)
        same((len(items), len(d)), (MANY, MANY))
        same(items[:] == list(range(MANY)), True)
        same(d.copy() == {i: str(i) for i in range(MANY)}, True)
        same((items[MANY - 1], items[-MANY], d[MANY // 2]), (MANY - 1, 0, str(MANY // 2)))
        items.reverse()
        items.sort(key=lambda i: i % 100)
        same(items[:3], [9900, 9800, 9700])
        want = sorted(range(MANY - 1, -1, -1), key=lambda i: i % 100)
        same([items.pop() for _ in range(100)], want[:-101:-1])
        d.clear()
        same(len(d), 0)


def operations(rng):
    """What is done alike to a list and to a manager's list."""
    i, j, x = rng.randrange(-12, 12), rng.randrange(-12, 12), rng.choice([1, "a", None, b"\n\\\x1b", (2, [3]), 1.5])
    return rng.choice(
        [
            lambda s: s.append(x),
            lambda s: s.insert(i, x),
            lambda s: s.pop(),
            lambda s: s.pop(i),
            lambda s: s.remove(x),
            lambda s: s.__setitem__(i, x),
            lambda s: s.__delitem__(i),
            lambda s: s.__setitem__(slice(i, j), [x, x]),
            lambda s: s.__delitem__(slice(i, j, 2)),
            lambda s: s.__getitem__(i),
            lambda s: s.__getitem__(slice(i, j)),
            lambda s: s.extend([x, 5]),
            lambda s: s.reverse(),
            lambda s: s.count(x),
            lambda s: s.index(x),
            lambda s: x in s,
            lambda s: len(s),
            lambda s: s.sort(),
            lambda s: s.sort(key=repr, reverse=True),
            lambda s: (s.__imul__(2), None)[1],
            lambda s: s + [x],
            lambda s: s * 2,
            lambda s: list(reversed(s)),
            lambda s: list(s),
            lambda s: s.__delitem__(slice(3, None)),
        ]
    )


def outcome(operation, s):
    """What an operation gives, or its error."""
    try:
        return operation(s)
    except Exception as e:
        return type(e), str(e)


@test
def lists_as_pythons():
    with manager() as m:
        rng = random.Random(5)
        for _ in range(8):
            ours, real = m.list([3, 1, 2]), [3, 1, 2]
            for _ in range(60):
                operation = operations(rng)
                same(outcome(operation, ours), outcome(operation, real))
                same(ours._getvalue(), real)
        same(str(ours), str(real))
        same(repr(ours).startswith("<ListProxy object, typeid 'list' at 0x"), True)
        same((type(copy.deepcopy(ours)), isinstance(ours, ListProxy)), (list, True))


Pair = collections.namedtuple("Pair", "x y")

KEYS = [
    "a",
    "b",
    "",
    "/",
    "a,b",
    ".",
    "..",
    "%i1",
    "ü",
    "\ud800",
    "x" * 300,
    1,
    1.0,
    True,
    0,
    -1,
    10**200,
    1.5,
    None,
    b"k",
    (1, 2),
]
KEYS += [
    (1.0, 2),
    frozenset(),
    frozenset([1, "a", (2,)]),
    frozenset(["a", 1.0, (2,)]),
    float("inf"),
    1j,
    1 + 0j,
    0.5,
    fractions.Fraction(1, 2),
    decimal.Decimal("0.5"),
    fractions.Fraction(1, 3),
    decimal.Decimal("0.1"),
    Pair(1, 2),
    (Pair(1, 2), 3),
    ((1, 2), 3),
    "1",
    "new\nline",
]


def dict_operations(rng):
    """What is done alike to a dict and to a manager's dict."""
    k, x = rng.choice(KEYS), rng.choice([1, "a", [2], b"\n" * 5])
    return rng.choice(
        [
            lambda d: d.__setitem__(k, x),
            lambda d: d.__setitem__(k, x),
            lambda d: d.__getitem__(k),
            lambda d: d.__delitem__(k),
            lambda d: d.get(k),
            lambda d: d.get(k, 7),
            lambda d: d.pop(k),
            lambda d: d.pop(k, 7),
            lambda d: d.setdefault(k, x),
            lambda d: k in d,
            lambda d: len(d),
            lambda d: list(d),
            lambda d: list(d.keys()),
            lambda d: list(d.values()),
            lambda d: list(d.items()),
            lambda d: d.copy(),
            lambda d: d.popitem(),
            lambda d: d.update({k: x}, z=1),
            lambda d: d.__setitem__([], 1),
            lambda d: d.__getitem__({}),
        ]
    )


@test
def dicts_as_pythons():
    with manager() as m:
        rng = random.Random(6)
        for _ in range(8):
            ours, real = m.dict(a=1), {"a": 1}
            for _ in range(80):
                operation = dict_operations(rng)
                got, want = outcome(operation, ours), outcome(operation, real)
                if got != want:  # keys that are equal are the same key, whichever of them is given back
                    raise AssertionError(f"got {got!r}, want {want!r}")
                same((ours._getvalue() == real, len(ours)), (True, len(real)))
        same(str(m.dict({"a": [1]})), "{'a': [1]}")
        d = m.dict({Pair(1, 2): 3, (1.0, "x"): 4})
        same(([type(key) for key in d.keys()], d[1, 2], d.popitem()), ([Pair, tuple], 3, ((1.0, "x"), 4)))
        same(d.items(), [(Pair(1, 2), 3)])
        same(type(d.popitem()[0]), Pair)
        it = iter(m.dict(a=1, b=2))
        same(next(it), "a")
        grown = m.dict(a=1)
        it = iter(grown)
        grown["b"] = 1
        with raises(RuntimeError, "dictionary changed size during iteration"):
            next(it)


def append(items, d, n, me):
    for i in range(n):
        items.append((me, i))
        d[me, i] = i
        d["last"] = me


@test_each_method
def several_processes(ctx):
    m = manager(ctx)
    items, d = m.list(), m.dict()
    processes = [ctx.Process(target=append, args=(items, d, 50, me)) for me in range(4)]
    for p in processes:
        p.start()
    for p in processes:
        p.join()
        same(p.exitcode, 0)
    got = items[:]
    same(sorted(got), [(me, i) for me in range(4) for i in range(50)])
    for me in range(4):
        same([i for who, i in got if who == me], list(range(50)))
    same(len(d), 201)
    m.shutdown()


def sort_and_append(items, n):
    for i in range(n):
        items.append(i)
        items.sort()


@test
def what_needs_two_steps_loses_nothing():
    with manager() as m:
        items = m.list()
        processes = [ipcfs.Process(target=sort_and_append, args=(items, 25)) for _ in range(4)]
        for p in processes:
            p.start()
        for p in processes:
            p.join()
        same(items[:], sorted(list(range(25)) * 4))


def append_one_by_one(items, n):
    for i in range(n):
        items.append(i)


@test
def what_is_removed_takes_nothing_else_along():
    with manager() as m:
        items = m.list()
        p = ipcfs.Process(target=append_one_by_one, args=(items, 300))
        p.start()
        for i in range(300):  # often the last one, which leaves an empty list

            def removed(i=i):
                try:
                    items.remove(i)
                    return True
                except ValueError:
                    return False

            until(removed, f"item {i}")
        p.join()
        same(items[:], [])


def append_for_ever(items, d):
    i = 0
    while True:
        items.append("x" * 1000 + str(i))
        d[i % 10] = "y" * 5000 + str(i)
        i += 1


@test
def killed_writers_leave_whole_items():
    with manager() as m:
        for _ in range(10):
            items, d = m.list(), m.dict()
            p = ipcfs.Process(target=append_for_ever, args=(items, d))
            p.start()
            until(lambda: len(items) > 5, "some items")
            p.kill()
            p.join()
            same(items[:], ["x" * 1000 + str(i) for i in range(len(items))])
            same(all(v == "y" * 5000 + v[5000:] and int(v[5000:]) % 10 == k for k, v in d.items()), True)


@test
def nested():
    with manager() as m:
        inner, outer = m.list([1]), m.list()
        outer.append(inner)
        outer.append(m.dict(a=inner))
        inner.append(2)
        same((outer[0][:], outer[1]["a"][:]), ([1, 2], [1, 2]))
        outer[1]["b"] = m.Queue()
        outer[1]["b"].put("through all of it")
        same(outer[1]["b"].get(), "through all of it")


@test
def large_lists():
    with manager() as m:
        items = m.list(["x" * 100 + str(i) for i in range(20_000)])  # over a write's largest
        same(len(items), 20_000)
        items.reverse()
        del items[10:]
        same(items[-1][100:], "19990")
        items[:] = ["y" * 1000] * 3000
        same((len(items), items[2999]), (3000, "y" * 1000))
        items.append("z" * 900_000)
        same(len(items.pop()), 900_000)
        with raises(OSError, ""):
            items.append("z" * 2_000_000)
        big = m.dict(a="z" * 5_000_000)
        same(len(big["a"]), 5_000_000)


@test
def the_other_types():
    with manager() as m:
        n = m.Namespace(a=1)
        n.b = [2]
        n._own = 3
        same((n.a, n.b, n._own, str(n)), (1, [2], 3, "Namespace(a=1, b=[2])"))
        del n.a
        for f in (lambda: n.a, lambda: delattr(n, "a")):
            with raises(AttributeError, "a"):
                f()
        v = m.Value("i", 11)
        v.value = 101
        same((v.get(), str(v)), (101, "Value('i', 101)"))
        a = m.Array("i", [1, 2, 3])
        a[0] = 7
        same((len(a), a[0], a[1:].tolist(), str(a)), (3, 7, [2, 3], "array('i', [7, 2, 3])"))
        with raises(IndexError):
            a[3]
        with raises(TypeError):
            a[0] = "x"
        with raises(RuntimeError, "release unlocked lock"):
            m.Lock().release()
        with raises(RuntimeError, "cannot release un-acquired lock"):
            m.RLock().release()
        with raises(ValueError, "Semaphore released too many times"):
            m.BoundedSemaphore(1).release()
        with raises(RuntimeError, "cannot wait on un-acquired lock"):
            m.Condition().wait()
        lock = m.Lock()
        with m.Condition(lock) as got:
            same((got, lock.acquire(False)), (True, False))
        q = m.Queue(1)
        q.put(1)
        with raises(queue.Full):
            q.put_nowait(2)
        same((q.get(), q.empty()), (1, True))
        with raises(queue.Empty):
            q.get_nowait()
        q.task_done()
        with raises(ValueError, "task_done() called too many times"):
            q.task_done()
        b = m.Barrier(1)
        same((b.wait(), b.parties, b.broken), (0, 1, False))


class Maths:
    def add(self, x, y):
        return x + y


class MathsManager(SyncManager):
    pass


MathsManager.register("Maths", Maths)


@test
def what_a_program_registers_is_served():
    manager().shutdown()
    with MathsManager() as m:
        items = m.list([1])
        same(ipcfs.active_children(), [])
        same(m.Maths().add(1, 2), 3)
        same(len(ipcfs.active_children()), 1)
        items.append(2)
        same(items[:], [1, 2])
    same(issubclass(SyncManager, BaseManager), True)


@test
def arguments_as_threadings():
    with manager() as m:
        for lock in (m.Lock(), m.RLock(), m.Condition()):
            with raises(ValueError, "can't specify a timeout for a non-blocking call"):
                lock.acquire(False, 1)
            with raises(ValueError, "timeout value must be"):
                lock.acquire(True, -5)
            with raises(TypeError):
                lock.acquire(True, "soon")
            same((lock.acquire(True, -1), lock.release()), (True, None))  # -1: without a limit
        with raises(ValueError, "can't specify timeout for non-blocking acquire"):
            m.Semaphore().acquire(False, 1)
        with raises(RuntimeError, "cannot wait on un-acquired lock"):
            m.Condition().wait_for(lambda: False, 1)
        same(m.dict(self=1, make=2).copy(), {"self": 1, "make": 2})
        d = m.dict()
        d.update(self=3)
        same(d["self"], 3)
        items, a = m.list([1, 2]), m.Array("i", [1, 2])
        for f in (lambda: items.pop("x"), lambda: items.insert("x", 1), lambda: items * "x"):
            with raises(TypeError, "'str' object cannot be interpreted as an integer"):
                f()
        with raises(TypeError, "can only assign an iterable" if sys.version_info < (3, 13) else ""):
            items[0:1] = 5
        with raises(TypeError, "array indices must be integers"):
            a["x"]
        with raises(TypeError, 'can only assign array (not "list") to array slice'):
            a[0:2] = [3, 4]
        a[0:2] = array.array("i", [3, 4])
        same(a[:].tolist(), [3, 4])


class ServedManager(BaseManager):
    pass


ServedManager.register("counts", collections.Counter, DictProxy)


@test
def proxies_are_cpythons_too():
    with manager() as m:
        items = m.list([1])
        proxies = {ListProxy: items, DictProxy: m.dict(), AcquirerProxy: m.Lock(), EventProxy: m.Event()}
        for cls, proxy in proxies.items():
            same((isinstance(proxy, cls), isinstance(proxy, BaseProxy)), (True, True))
        same((items._callmethod("append", (2,)), items._callmethod("__len__")), (None, 2))
        with raises(RemoteError, "not exposed"):
            items._callmethod("nothing")
        same(repr(m.RLock()).startswith("<AcquirerProxy object, typeid 'RLock' at 0x"), True)
    with ServedManager() as m:
        counts = m.counts("aab")
        counts["b"] += 5
        same((counts["a"], counts["b"]), (2, 6))


@test
def what_a_forked_child_makes_outlives_it():
    with manager(ipcfs.get_context("fork")) as m:
        outer, inner = m.dict(), m.list([1])

        def child():
            outer["its own"] = m.list([2])
            outer["queue"] = m.Queue()
            outer["inherited"] = inner
            outer["condition"] = m.Condition()

        p = ipcfs.get_context("fork").Process(target=child)
        p.start()
        p.join()
        same(p.exitcode, 0)
        del inner
        same((outer["its own"][:], outer["inherited"][:], outer["queue"].qsize()), ([2], [1], 0))
        with outer["condition"] as got:
            same(got, True)


@test
def a_manager_is_reached_at_its_address():
    with manager() as m:
        other = SyncManager(address=m.address, authkey=ipcfs.current_process().authkey)
        other.connect()
        same(other.list([5])[:], [5])
        same(len(ipcfs.active_children()), 1)


@test
def the_end_of_a_manager():
    m = manager()
    items, d = m.list([1]), m.dict(a=1)
    other = pickle.loads(pickle.dumps(items))
    m.shutdown()
    for f in (lambda: len(other), lambda: d["a"], lambda: other.append(1)):
        with raises(OSError):
            f()
    with raises(AssertionError, "server not yet started"):
        m.list()
    r, w = os.pipe()
    maker = os.fork()
    if maker == 0:
        items = ipcfs.Manager().list([1])
        os.write(w, b".")
        signal.pause()
    os.read(r, 1)
    os.kill(maker, signal.SIGKILL)
    os.waitpid(maker, 0)
    until(lambda: (os.listdir(M / "lists"), os.listdir(M / "dicts")) == ([], []), "the objects to go")


@test
def threads_of_one_process():
    with manager() as m:
        items = m.list()
        threads = [threading.Thread(target=append, args=(items, m.dict(), 20, me)) for me in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        same(len(items), 80)


if __name__ == "__main__":
    main()
