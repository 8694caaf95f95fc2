# SPDX-License-Identifier: MIT
"""Processes that are killed: nothing is left behind, nothing stays locked, no item is half there."""

import os
import pickle
import signal
import subprocess
import sys
import threading

from harness import M, main, private_objects, raises, same, test, test_each_method, until, waiters

import ipcfs

MAKER = """
import os, sys, ipcfs
objects = [ipcfs.Lock(), ipcfs.Condition(), ipcfs.Event(), ipcfs.Barrier(2), ipcfs.Queue(), ipcfs.SimpleQueue(),
           ipcfs.Value("i"), ipcfs.Array("i", 3), ipcfs.Pipe(), ipcfs.Manager().list([1]), ipcfs.Manager().dict(a=1)]
objects[4].put("never taken")
print("made", flush=True)
sys.stdin.read()
"""


@test
def a_killed_maker_leaves_nothing():
    maker = subprocess.Popen([sys.executable, "-c", MAKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    same(maker.stdout.readline(), b"made\n")
    same(len(private_objects()) >= 14, True)
    maker.kill()
    maker.communicate()
    until(lambda: not private_objects(), "the objects to go")


def hold(lock, ready):
    lock.acquire()
    ready.set()
    signal.pause()


@test_each_method
def a_killed_holder(ctx):
    for make in (ctx.Lock, ctx.RLock, lambda robust: ctx.Semaphore(1, robust=robust)):
        lock, ready = make(robust=True), ctx.Event()
        p = ctx.Process(target=hold, args=(lock, ready))
        p.start()
        ready.wait()
        same(lock.acquire(False), False)
        same(lock.acquire(timeout=0.01), False)
        p.kill()
        same(lock.acquire(timeout=100), True)
        lock.release()
        p.join()
    # One that is not robust stays locked, as CPython's.
    lock, ready = ctx.Lock(), ctx.Event()
    p = ctx.Process(target=hold, args=(lock, ready))
    p.start()
    ready.wait()
    p.kill()
    p.join()
    same(lock.acquire(timeout=0.05), False)


@test
def what_a_fork_inherits_is_not_held_by_it():
    lock = ipcfs.Lock(robust=True)
    r, w = os.pipe()
    holder = os.fork()
    if holder == 0:
        lock.acquire()
        child = os.fork()
        os.write(w, b"%d\n" % (child or os.getpid()))
        signal.pause()
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as f:
        children = {int(f.readline()), int(f.readline())}
        same(lock.acquire(False), False)
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        same(lock.acquire(timeout=100), True)  # though its child lives
        for child in children:
            os.kill(child, signal.SIGKILL)
        same(f.read(), "")


def take(q):
    q.get()


@test_each_method
def a_killed_reader_locks_nobody_out(ctx):
    for make in (ctx.Queue, ctx.SimpleQueue, ctx.JoinableQueue):
        q = make()
        name = q._reader._end.file.name
        p = ctx.Process(target=take, args=(q,))
        p.start()
        until(lambda: waiters("queues", name) == 1, "a reader")
        p.kill()
        p.join()
        q.put("for the next")
        same(q.get(), "for the next")
        q.close()
        getattr(q, "join_thread", q.close)()


def put_long(path):
    """Writes half of a long message, as its writer would, and waits to be killed."""
    from ipcfs import _files

    handle = os.open(path, os.O_WRONLY)
    os.write(handle, pickle.dumps(b"x" * 3_000_000)[: _files.WRITE_MAX])
    print("half", flush=True)
    signal.pause()


@test
def half_of_a_long_message_is_none():
    q = ipcfs.SimpleQueue()
    r, w = os.pipe()
    writer = os.fork()
    if writer == 0:
        os.dup2(w, 1)
        put_long(M / "queues" / f"{q._reader._end.file.name},block")
    os.read(r, 10)
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    os.close(r)
    os.close(w)
    q.put("whole")
    same(q.get(), "whole")
    q.close()


WITH_POOL = """
import os, signal, sys, ipcfs
def report(_):
    return os.getpid()
if __name__ == "__main__":
    ipcfs.set_start_method(sys.argv[1])
    with ipcfs.Pool(2) as pool:
        pids = {w.pid for w in pool._pool}
        pool.map(report, range(20))
        print(*pids, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@test_each_method
def workers_end_with_their_pool(ctx):
    script = M.parent / f"pool-{os.getpid()}.py"
    script.write_text(WITH_POOL)
    try:
        maker = subprocess.Popen([sys.executable, script, ctx.get_start_method()], stdout=subprocess.PIPE)
        pids = [int(pid) for pid in maker.stdout.readline().split()]
        maker.stdout.close()
        maker.wait()
        same(len(pids), 2)
        until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the workers to end")
        until(lambda: not private_objects(), "the objects to go")
    finally:
        script.unlink()


@test
def whoever_waits_for_what_goes_is_told():
    """Who waits for a private object that goes is told so."""
    maker = subprocess.Popen(
        [sys.executable, "-c", "import ipcfs, sys; e = ipcfs.Event(); print(e.name, flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    name = maker.stdout.readline().decode().strip()
    event = ipcfs.Event(name=name)
    found = []

    def wait():
        try:
            found.append(event.wait())
        except OSError as e:
            found.append(e.strerror)

    t = threading.Thread(target=wait)
    t.start()
    until(lambda: waiters("events", name) == 1, "a waiter")
    maker.kill()
    maker.communicate()
    t.join()
    same(found, ["Identifier removed"])


@test
def pipes_of_the_killed():
    a, b = ipcfs.Pipe()
    child = os.fork()
    if child == 0:
        a.close()
        b.send("last words")
        signal.pause()
    b.close()
    same(a.recv(), "last words")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with raises(EOFError):
        a.recv()
    with raises(BrokenPipeError):
        a.send(1)
    a.close()


if __name__ == "__main__":
    main()
