#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Python on the files of a mount, which is the first argument: plain open, os, select, asyncio, mmap, numpy.

Prints "ok NAME", "not ok NAME (why)" or "skip NAME why" a test; each gets 20 seconds."""

import array
import asyncio
import contextlib
import errno
import fcntl
import mmap
import multiprocessing
import os
import pathlib
import select
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback

IPCFS_TIMEOUT = 0x4008F501
M = pathlib.Path(sys.argv[1])
TESTS = []


class Skip(Exception):
    """Raised by a test that cannot be done here."""


def test(function):
    """Makes a function a test; it is given the path of an object of its own name a kind."""
    TESTS.append(function)
    return function


def same(got, want):
    """Fails unless both are the same."""
    if got != want or type(got) is not type(want):
        raise AssertionError(f"got {got!r}, want {want!r}")


@contextlib.contextmanager
def raises(number):
    """Fails unless the body raises OSError with this errno."""
    try:
        yield
    except OSError as e:
        same(errno.errorcode.get(e.errno), errno.errorcode[number])
    else:
        raise AssertionError(f"no {errno.errorcode[number]}")


@contextlib.contextmanager
def opened(path, flags):
    """A descriptor for the body."""
    fd = os.open(path, flags)
    try:
        yield fd
    finally:
        os.close(fd)


def stat_of(path):
    """The lines of the view stat, a dict."""
    return dict(line.split(" ", 1) for line in pathlib.Path(f"{path},stat").read_text().splitlines())


def until_waiters(path, n):
    """Waits until so many wait."""
    for _ in range(6000):
        if stat_of(path)["waiters"] == str(n):
            return
        time.sleep(0.01)
    raise AssertionError(f"waiters {stat_of(path)['waiters']}, want {n}")


def queue(name, *messages):
    """A queue of that name with these messages."""
    path = M / "queues" / name
    path.touch()
    for m in messages:
        path.write_bytes(m)
    return path


# ---- open -------------------------------------------------------------------------------------


@test
def open_read():
    q = queue("open_read", b"one\n", b"two\n")
    with open(q, encoding="utf-8") as f:
        same(f.read(), "one\n")
    with open(q, encoding="utf-8") as f:
        same(f.readline(), "two\n")


@test
def open_lines_end():
    q = queue("open_lines_end", b"1\n2\n", b"other\n")
    with open(q, encoding="utf-8") as f:
        same(list(f), ["1\n", "2\n"])
    same(q.read_text(), "other\n")


@test
def open_write_is_one_message():
    q = queue("open_write")
    with open(q, "w", encoding="utf-8") as f:
        f.write("one\n")
        f.write("message\n")
        print("only", file=f)
    same(q.read_text(), "one\nmessage\nonly\n")
    same(stat_of(q)["messages"], "0")


@test
def open_flush_is_one_message():
    q = queue("open_flush")
    with open(q, "w", encoding="utf-8") as f:
        for word in "a", "b":
            f.write(word)
            f.flush()
    same(stat_of(q)["messages"], "2")
    same((q.read_text(), q.read_text()), ("a", "b"))


@test
def open_append():
    q = queue("open_append")
    with open(q, "a", encoding="utf-8") as f:
        f.write("x")
    same(q.read_bytes(), b"x")


@test
def open_exclusive():
    path = M / "queues" / "open_exclusive"
    with open(path, "x", encoding="utf-8"):
        pass
    with raises(errno.EEXIST), open(path, "x", encoding="utf-8"):
        pass


@test
def open_large_text():
    q = queue("open_large_text")
    text = "ä" * 300000
    q.write_text(text, encoding="utf-8")
    same(stat_of(q)["messages"], "1")
    same(q.read_text(encoding="utf-8"), text)


@test
def unbuffered():
    q = queue("unbuffered")
    with open(q, "wb", buffering=0) as w, open(q, "rb", buffering=0) as r:
        same(w.write(b"a\nb"), 3)
        same(w.write(b"c"), 1)
        same(r.read(100), b"a\nb")
        same(r.read(100), b"")
        same(r.read(100), b"c")
        same(r.read(100), b"")


@test
def unbuffered_both_ways():
    q = queue("unbuffered_both")
    with open(q, "r+b", buffering=0) as f:
        f.write(b"one")
        f.write(b"two")
        same(f.read(100), b"one")
        same(f.read(1), b"t")
        same(f.read(100), b"wo")


@test
def path_read_text():
    v = M / "values" / "path_read_text"
    v.write_text("42\n")
    same(v.read_text(), "42\n")
    same(int(v.read_text()), 42)
    v.write_text("+=8")
    same(v.read_bytes(), b"50\n")
    same((M / "values").joinpath("path_read_text,raw").read_bytes(), struct.pack("q", 50))
    same(v.stat().st_size, 0)
    same((M / "values" / "path_read_text,raw").stat().st_size, 8)


@test
def value_read_plus():
    v = M / "values" / "read_plus"
    v.write_text("1")
    with open(v, "r+b", buffering=0) as f:
        f.write(b"add 1")
        same(f.read(), b"2\n")
        f.write(b"add 1")
        same(f.read(), b"3\n")
        f.seek(0)
        v.write_text("9")
        same(f.read(), b"3\n" if f.tell() == 0 else b"9\n")


@test
def value_seek_takes_a_new_snapshot():
    v = M / "values" / "seek"
    v.write_text("1")
    with open(v, "rb", buffering=0) as f:
        same(f.read(100), b"1\n")
        v.write_text("2")
        same(f.read(100), b"")
        f.seek(0)
        same(f.read(100), b"2\n")


@test
def value_types():
    for code, text, raw in (
        ("?", "1\n", struct.pack("?", True)),
        ("b", "-5\n", struct.pack("b", -5)),
        ("B", "250\n", struct.pack("B", 250)),
        ("h", "-300\n", struct.pack("h", -300)),
        ("H", "60000\n", struct.pack("H", 60000)),
        ("i", "-70000\n", struct.pack("i", -70000)),
        ("I", "4000000000\n", struct.pack("I", 4000000000)),
        ("l", "-5000000000\n", struct.pack("l", -5000000000)),
        ("L", "18446744073709551615\n", struct.pack("L", 2**64 - 1)),
        ("q", "-9223372036854775808\n", struct.pack("q", -(2**63))),
        ("Q", "18446744073709551615\n", struct.pack("Q", 2**64 - 1)),
        ("f", "0.1\n", struct.pack("f", 0.1)),
        ("d", "0.1\n", struct.pack("d", 0.1)),
        ("c", "x\n", b"x"),
        ("u", "ä\n", "ä".encode("utf-32-le")),
    ):
        name = "type_" + code
        path = M / "values" / f"{name},type={code}"
        path.write_text(text, encoding="utf-8")
        same((code, path.read_text(encoding="utf-8")), (code, text))
        same((code, (M / "values" / f"{name},raw").read_bytes()), (code, raw))


@test
def floats_read_back_exactly():
    v = M / "values" / "floats,type=d"
    for x in (0.1, 1 / 3, 1e300, 5e-324, -0.0, 123456789.123456789, 1e22):
        v.write_text(repr(x))
        same(float(v.read_text()).hex(), x.hex())


@test
def array_text():
    a = M / "arrays" / "text,type=d,len=3"
    a.write_text("1.5 2.5 3.5")
    same([float(x) for x in a.read_text().split()], [1.5, 2.5, 3.5])
    (M / "arrays" / "text").write_text("1=7")
    same(float((M / "arrays" / "text,at=1").read_text()), 7.0)


@test
def array_raw():
    a = M / "arrays" / "raw,type=i,len=4"
    a.touch()
    raw = M / "arrays" / "raw,raw"
    raw.write_bytes(array.array("i", [1, 2, 3, 4]).tobytes())
    got = array.array("i")
    got.frombytes(raw.read_bytes())
    same(list(got), [1, 2, 3, 4])
    with open(raw, "r+b") as f:
        f.seek(8)
        f.write(struct.pack("i", -3))
        f.flush()
        f.seek(4)
        same(struct.unpack("2i", f.read(8)), (2, -3))
    with opened(raw, os.O_RDWR) as fd:
        same(os.pwrite(fd, struct.pack("i", 9), 12), 4)
        same(os.pread(fd, 4, 12), struct.pack("i", 9))
        same(os.lseek(fd, 0, os.SEEK_END), 16)


@test
def copy_by_shutil():
    # To objects, and from raw. Not from the rest by copyfile: sendfile(2) gives nothing of a file that
    # has st_size 0 (as in /proc), and a buffered reader hides a queue's end of file.
    v = M / "values" / "copied"
    v.write_text("7")
    with open(v, "rb") as f, open(M / "values" / "copy", "wb") as to:
        shutil.copyfileobj(f, to)
    same((M / "values" / "copy").read_text(), "7\n")
    (M / "values" / "copy").write_text("0")
    shutil.copyfile(M / "values" / "copied,raw", M / "values" / "copy,raw")
    same((M / "values" / "copy").read_text(), "7\n")
    q = queue("copied", b"message", b"another")
    with open(q, "rb", buffering=0) as f, open(M / "queues" / "copy", "wb") as to:
        shutil.copyfileobj(f, to)
    same((M / "queues" / "copy").read_bytes(), b"message")
    same(q.read_bytes(), b"another")


@test
def listing():
    (M / "queues" / "dir").mkdir()
    (M / "queues" / "dir" / "q").touch()
    same(os.listdir(M / "queues" / "dir"), ["q"])
    same([p.name for p in (M / "queues").glob("dir/*")], ["q"])
    same([e.is_file() for e in os.scandir(M / "queues" / "dir")], [True])
    os.rename(M / "queues" / "dir" / "q", M / "queues" / "dir" / "r")
    shutil.rmtree(M / "queues" / "dir")
    same((M / "queues" / "dir").exists(), False)


# ---- os ---------------------------------------------------------------------------------------


@test
def os_read_one_item_then_end_of_file():
    q = queue("os_read", b"a", b"b")
    with opened(q, os.O_RDONLY) as fd:
        same([os.read(fd, 10) for _ in range(4)], [b"a", b"", b"b", b""])


@test
def os_read_pieces():
    q = queue("os_pieces", b"abcde", b"f")
    with opened(q, os.O_RDWR) as fd:
        same([os.read(fd, 2) for _ in range(4)], [b"ab", b"cd", b"e", b"f"])


@test
def os_read_exact_buffer():
    q = queue("os_exact", b"abcd")
    with opened(q, os.O_RDONLY) as fd:
        same([os.read(fd, 4), os.read(fd, 4)], [b"abcd", b""])


@test
def os_nonblock_has_no_end_of_file():
    q = queue("os_nonblock", b"a", b"b")
    with opened(q, os.O_RDONLY | os.O_NONBLOCK) as fd:
        same([os.read(fd, 10) for _ in range(2)], [b"a", b"b"])
        with raises(errno.EAGAIN):
            os.read(fd, 10)


@test
def eagain():
    q = queue("eagain")
    s = M / "semaphores" / "eagain"
    e = M / "events" / "eagain"
    s.touch()
    e.touch()
    for path in (q, s, e):
        with opened(path, os.O_RDONLY | os.O_NONBLOCK) as fd:
            with raises(errno.EAGAIN):
                os.read(fd, 10)
        with opened(f"{path},timeout=0", os.O_RDONLY) as fd, raises(errno.EAGAIN):
            os.read(fd, 10)
        with opened(path, os.O_RDONLY) as fd:
            os.set_blocking(fd, False)
            with raises(errno.EAGAIN):
                os.read(fd, 10)
    full = M / "queues" / "eagain_full,maxsize=1"
    full.write_bytes(b"1")
    with opened(full, os.O_WRONLY | os.O_NONBLOCK) as fd, raises(errno.EAGAIN):
        os.write(fd, b"2")
    same(stat_of(M / "queues" / "eagain_full")["messages"], "1")
    with open(M / "queues" / "eagain", "rb", buffering=0, opener=lambda p, f: os.open(p, f | os.O_NONBLOCK)) as f:
        same(f.read(10), None)


@test
def semaphore_and_event():
    s = M / "semaphores" / "os,value=2,max=2"
    s.touch()
    with opened(M / "semaphores" / "os", os.O_RDWR) as fd:
        same([os.read(fd, 10), os.read(fd, 10)], [b"1\n", b"1\n"])
        os.write(fd, b"2")
        with raises(errno.EOVERFLOW):
            os.write(fd, b"1")
    with opened(M / "semaphores" / "os,n=2", os.O_RDONLY) as fd:
        same(os.read(fd, 10), b"2\n")
    e = M / "events" / "os"
    e.touch()
    with opened(e, os.O_RDWR) as fd:
        os.write(fd, b"1")
        same([os.read(fd, 10), os.read(fd, 10), os.read(fd, 10)], [b"1\n", b"", b"1\n"])


@test
def too_long():
    q = M / "queues" / "too_long,capacity=4M"
    q.touch()
    with opened(M / "queues" / "too_long", os.O_RDWR) as fd:
        same(os.write(fd, bytes(2**20 - 4096)), 2**20 - 4096)
        for size in (2**20 - 4095, 2**20, 2**20 + 1, 3 * 2**20):
            with raises(errno.EMSGSIZE):
                os.write(fd, bytes(size))
        same(stat_of(M / "queues" / "too_long")["messages"], "1")
        same(len(os.read(fd, 4 * 2**20)), 2**20 - 4096)
    with opened(M / "queues" / "small,capacity=10", os.O_RDWR | os.O_CREAT) as fd:
        with raises(errno.EMSGSIZE):
            os.write(fd, bytes(11))
        same(os.write(fd, bytes(10)), 10)


@test
def removed():
    q = queue("removed")
    with opened(q, os.O_RDWR) as fd:
        q.unlink()
        with raises(errno.EIDRM):
            os.read(fd, 1)
        with raises(errno.EIDRM):
            os.write(fd, b"x")


@test
def removed_wakes_the_waiter():
    q = queue("removed_wakes")
    got = []

    def wait():
        try:
            q.read_bytes()
        except OSError as e:
            got.append(e.errno)

    t = threading.Thread(target=wait, daemon=True)
    t.start()
    until_waiters(q, 1)
    q.unlink()
    t.join(60)
    same(got, [errno.EIDRM])


@test
def signal_handler_is_run_and_the_read_goes_on():
    q = queue("signalled")
    got = []
    old = signal.signal(signal.SIGUSR1, lambda *_: (got.append("handled"), q.write_bytes(b"message")))
    try:
        threading.Timer(0, lambda: (until_waiters(q, 1), os.kill(os.getpid(), signal.SIGUSR1))).start()
        same(q.read_bytes(), b"message")  # PEP 475
    finally:
        signal.signal(signal.SIGUSR1, old)
    same(got, ["handled"])


@test
def killed_waiter_takes_nothing():
    q = queue("killed")
    p = subprocess.Popen(["cat", q], stdout=subprocess.PIPE)
    until_waiters(q, 1)
    p.kill()
    same(p.communicate(timeout=60)[0], b"")
    until_waiters(q, 0)
    q.write_bytes(b"x")
    same(q.read_bytes(), b"x")


@test
def ioctl_timeout():
    q = queue("ioctl")
    with opened(q, os.O_RDWR) as fd:
        same(fcntl.ioctl(fd, IPCFS_TIMEOUT, struct.pack("q", 50_000_000)), struct.pack("q", 50_000_000))
        start = time.monotonic()
        with raises(errno.ETIMEDOUT):
            os.read(fd, 10)
        took = time.monotonic() - start
        if took < 0.05:
            raise AssertionError(f"took {took}")
        fcntl.ioctl(fd, IPCFS_TIMEOUT, struct.pack("q", 0))
        with raises(errno.EAGAIN):
            os.read(fd, 10)
        with raises(errno.EINVAL):
            fcntl.ioctl(fd, IPCFS_TIMEOUT, struct.pack("q", -2))
        fcntl.ioctl(fd, IPCFS_TIMEOUT, struct.pack("q", -1))
        threading.Timer(0, lambda: (until_waiters(q, 1), q.write_bytes(b"x"))).start()
        same(os.read(fd, 10), b"x")
        with raises(errno.ENOTTY):
            fcntl.ioctl(fd, 0x4008F57F, struct.pack("q", 0))


@test
def ioctl_timeout_of_a_writer():
    q = M / "queues" / "ioctl_writer"
    (M / "queues" / "ioctl_writer,maxsize=1").touch()
    with opened(q, os.O_WRONLY) as fd:
        os.write(fd, b"1")
        fcntl.ioctl(fd, IPCFS_TIMEOUT, struct.pack("q", 20_000_000))
        with raises(errno.ETIMEDOUT):
            os.write(fd, b"2")
    same(stat_of(q)["messages"], "1")


@test
def temp():
    path = M / "queues" / "temp,temp"
    with opened(path, os.O_RDWR | os.O_CREAT) as fd:
        os.write(fd, b"x")
        same((M / "queues" / "temp").read_bytes(), b"x")
    for _ in range(6000):
        if not (M / "queues" / "temp").exists():
            return
        time.sleep(0.01)
    raise AssertionError("it is still there")


@test
def cas():
    v = M / "values" / "cas"
    v.write_text("1")
    with opened(f"{v},cas", os.O_RDWR) as fd:
        with raises(errno.ECANCELED):
            os.write(fd, b"2")
        same(os.read(fd, 10), b"1\n")
        os.write(fd, b"2")
        os.write(fd, b"3")
        v.write_text("3")
        with raises(errno.ECANCELED):
            os.write(fd, b"4")
        same(os.pread(fd, 10, 0), b"3\n")
        os.write(fd, b"4")
    same(v.read_text(), "4\n")


# ---- select, poll, epoll, asyncio ---------------------------------------------------------------


@test
def select_select():
    q = queue("select")
    with opened(q, os.O_RDWR) as fd:
        same(select.select([fd], [fd], [], 0), ([], [fd], []))
        threading.Timer(0.05, lambda: q.write_bytes(b"x")).start()
        same(select.select([fd], [], [], 10)[0], [fd])
        os.read(fd, 10)
        same(select.select([fd], [], [], 0)[0], [])


@test
def select_full_queue():
    full = M / "queues" / "select_full"
    (M / "queues" / "select_full,maxsize=1").touch()
    with opened(full, os.O_RDWR) as fd:
        same(select.select([], [fd], [], 0)[1], [fd])
        os.write(fd, b"1")
        same(select.select([], [fd], [], 0)[1], [])
        threading.Timer(0.05, full.read_bytes).start()
        same(select.select([], [fd], [], 10)[1], [fd])


@test
def poll_all_kinds():
    q = queue("poll")
    s = M / "semaphores" / "poll"
    e = M / "events" / "poll"
    v = M / "values" / "poll"
    a = M / "arrays" / "poll"
    s.touch()
    e.touch()
    v.write_text("1")
    (M / "arrays" / "poll,type=i,len=2").touch()
    with contextlib.ExitStack() as stack:
        fds = {p: stack.enter_context(opened(p, os.O_RDWR)) for p in (q, s, e, v, a)}
        p = select.poll()
        for fd in fds.values():
            p.register(fd, select.POLLIN)
        same(sorted(p.poll(0)), sorted([(fds[v], select.POLLIN), (fds[a], select.POLLIN)]))
        for path in (v, a):
            p.unregister(fds[path])
        for path in (q, s, e):
            same(p.poll(0), [])
            threading.Timer(0.02, path.write_bytes, [b"1"]).start()
            same(p.poll(10000), [(fds[path], select.POLLIN)])
            p.unregister(fds[path])


@test
def poll_watch():
    v = M / "values" / "poll_watch"
    v.write_text("1")
    with opened(f"{v},watch", os.O_RDONLY) as fd:
        p = select.poll()
        p.register(fd, select.POLLIN)
        same(p.poll(0), [(fd, select.POLLIN)])
        same(os.read(fd, 100), b"1\n")
        same(p.poll(0), [])
        threading.Timer(0.02, v.write_text, ["2"]).start()
        same(p.poll(10000), [(fd, select.POLLIN)])
        same(os.read(fd, 100), b"2\n")


@test
def poll_removed():
    q = queue("poll_removed")
    with opened(q, os.O_RDONLY) as fd:
        p = select.poll()
        p.register(fd, select.POLLIN)
        same(p.poll(0), [])
        threading.Timer(0.02, q.unlink).start()
        events = p.poll(10000)
        same(len(events), 1)
        same(events[0][1] & select.POLLERR, select.POLLERR)


@test
def epoll_level():
    q = queue("epoll", b"1", b"2")
    with opened(q, os.O_RDWR) as fd, select.epoll() as ep:
        ep.register(fd, select.EPOLLIN)
        same(ep.poll(10), [(fd, select.EPOLLIN)])
        os.read(fd, 10)
        same(ep.poll(10), [(fd, select.EPOLLIN)])
        os.read(fd, 10)
        same(ep.poll(0), [])
        threading.Timer(0.02, q.write_bytes, [b"x"]).start()
        same(ep.poll(10), [(fd, select.EPOLLIN)])


@test
def epoll_edge():
    q = queue("epoll_edge")
    with opened(q, os.O_RDWR | os.O_NONBLOCK) as fd, select.epoll() as ep:
        ep.register(fd, select.EPOLLIN | select.EPOLLET)
        same(ep.poll(0), [])
        for i in range(100):
            threading.Thread(target=q.write_bytes, args=[b"%d" % i]).start()
            same(ep.poll(10), [(fd, select.EPOLLIN)])
            same(os.read(fd, 10), b"%d" % i)
            with raises(errno.EAGAIN):
                os.read(fd, 10)


@test
def selectors_many():
    paths = [queue(f"many{i}") for i in range(50)]
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as sel:
        for i, path in enumerate(paths):
            sel.register(stack.enter_context(opened(path, os.O_RDWR)), selectors.EVENT_READ, i)
        for i in (0, 25, 49):
            paths[i].write_bytes(b"x")
            same([k.data for k, _ in sel.select(10)], [i])
            paths[i].read_bytes()
        same(sel.select(0), [])


@test
def asyncio_add_reader():
    q = queue("asyncio")
    got = []

    async def main():
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        fd = os.open(q, os.O_RDONLY | os.O_NONBLOCK)

        def readable():
            got.append(os.read(fd, 100))
            if len(got) == 100:
                done.set_result(None)

        loop.add_reader(fd, readable)
        try:
            writer = threading.Thread(target=lambda: [q.write_bytes(b"%d" % i) for i in range(100)])
            writer.start()
            await asyncio.wait_for(done, 60)
            writer.join()
        finally:
            loop.remove_reader(fd)
            os.close(fd)

    asyncio.run(main())
    same(got, [b"%d" % i for i in range(100)])


@test
def asyncio_add_writer():
    q = M / "queues" / "asyncio_w"
    (M / "queues" / "asyncio_w,maxsize=2").touch()

    async def main():
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        left = list(range(20))
        fd = os.open(q, os.O_WRONLY | os.O_NONBLOCK)

        def writable():
            os.write(fd, b"%d" % left.pop(0))
            if not left:
                loop.remove_writer(fd)
                done.set_result(None)

        loop.add_writer(fd, writable)
        reader = loop.run_in_executor(None, lambda: [q.read_bytes() for _ in range(20)])
        await asyncio.wait_for(done, 60)
        same(await reader, [b"%d" % i for i in range(20)])
        os.close(fd)

    asyncio.run(main())


# ---- processes and threads ----------------------------------------------------------------------


@test
def threads_wait_on_many_queues():
    paths = [queue(f"thread{i}") for i in range(20)]
    got = []
    threads = [threading.Thread(target=lambda p=p: got.append(p.read_bytes()), daemon=True) for p in paths]
    for t in threads:
        t.start()
    for i, p in enumerate(paths):
        until_waiters(p, 1)
        p.write_bytes(b"%d" % i)
    for t in threads:
        t.join(60)
    same(sorted(got), sorted(b"%d" % i for i in range(20)))


def producer(path, who, n):
    """Puts n messages."""
    with open(path, "wb", buffering=0) as f:
        for i in range(n):
            f.write(b"%d %d" % (who, i))


@test
def processes_share_a_queue():
    q = M / "queues" / "processes"
    (M / "queues" / "processes,maxsize=16").touch()
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=producer, args=(q, who, 500)) for who in range(4)]
    for c in children:
        c.start()
    seen = {who: [] for who in range(4)}
    with open(f"{q},timeout=60", "r+b", buffering=0) as f:
        for _ in range(2000):
            who, i = f.read(100).split()
            seen[int(who)].append(int(i))
    for c in children:
        c.join(60)
    same(seen, {who: list(range(500)) for who in range(4)})


def adder(path, n):
    """Adds 1 so many times."""
    with open(path, "wb", buffering=0) as f:
        for _ in range(n):
            f.write(b"add 1")


@test
def processes_share_a_value():
    v = M / "values" / "processes"
    v.write_text("0")
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=adder, args=(v, 1000)) for _ in range(4)]
    for c in children:
        c.start()
    for c in children:
        c.join(60)
    same(v.read_text(), "4000\n")


# ---- memory -------------------------------------------------------------------------------------


@test
def mmap_of_an_array():
    (M / "arrays" / "mapped,type=i,len=4").write_text("1 2 3 4")
    with open(M / "shm" / "arrays" / "mapped", "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        same(m[:6], b"\x93NUMPY")
        same(struct.unpack_from("4i", m, 4096), (1, 2, 3, 4))
        struct.pack_into("i", m, 4100, -2)
        same((M / "arrays" / "mapped").read_text(), "1\n-2\n3\n4\n")
        (M / "arrays" / "mapped").write_text("3=40")
        with memoryview(m)[4096:4112].cast("i") as cells:
            same(cells.tolist(), [1, -2, 3, 40])


@test
def mmap_offset():
    (M / "arrays" / "offset,type=d,len=2").write_text("1.5 2.5")
    with opened(M / "shm" / "arrays" / "offset", os.O_RDWR) as fd:
        with mmap.mmap(fd, 16, offset=4096) as m:
            same(struct.unpack("2d", m[:]), (1.5, 2.5))
            m[:8] = struct.pack("d", 9)
    same((M / "arrays" / "offset,at=0").read_text().rstrip("\n") in ("9", "9.0"), True)


@test
def mmap_of_the_file_itself_is_refused():
    (M / "arrays" / "direct,type=i,len=4").touch()
    with opened(M / "arrays" / "direct,raw", os.O_RDWR) as fd, raises(errno.ENODEV):
        mmap.mmap(fd, 16)


def numpy():
    """The module, or the test is skipped."""
    try:
        import numpy as np  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise Skip("python3-numpy is not installed") from None
    return np


@test
def numpy_array():
    np = numpy()
    path = M / "arrays" / "temps"
    (M / "arrays" / "temps,type=d,len=5").write_text("1 2 3 4 5")
    a = np.load(M / "shm" / "arrays" / "temps", mmap_mode="r+")
    same((a.shape, a.dtype.str), ((5,), "<f8"))
    same(a.tolist(), [1.0, 2.0, 3.0, 4.0, 5.0])
    a *= 2
    same([float(x) for x in path.read_text().split()], [2.0, 4.0, 6.0, 8.0, 10.0])
    path.write_text("0=0.5")
    same(float(a[0]), 0.5)
    same(float(np.load(M / "shm" / "arrays" / "temps").sum()), 28.5)


@test
def numpy_value():
    np = numpy()
    v = M / "values" / "numpy"
    v.write_text("7")
    x = np.load(M / "shm" / "values" / "numpy", mmap_mode="r+")
    same((x.shape, x.dtype.str, int(x)), ((), "<i8", 7))
    x[...] = 8
    same(v.read_text(), "8\n")
    v.write_text("add 1")
    same(int(x), 9)


@test
def numpy_types():
    np = numpy()
    for code, dtype in zip("?bBhHiIlLqQfd", "|b1 |i1 |u1 <i2 <u2 <i4 <u4 <i8 <u8 <i8 <u8 <f4 <f8".split()):
        name = "np_" + code
        (M / "arrays" / f"{name},type={code},len=3").write_text("1 0 1")
        a = np.load(M / "shm" / "arrays" / name, mmap_mode="r")
        same((code, a.dtype.str, a.shape, [int(x) for x in a]), (code, dtype, (3,), [1, 0, 1]))
    for code in "cu":
        (M / "arrays" / f"np_{code},type={code},len=3").write_text("abc")
        a = np.load(M / "shm" / "arrays" / f"np_{code}", mmap_mode="r")
        same((code, a.shape), (code, (3,)))
    (M / "values" / "np_s,type=s,len=20").write_text("some words")
    same(bytes(np.load(M / "shm" / "values" / "np_s", mmap_mode="r")[()]), b"some words")


@test
def numpy_loadtxt_and_tofile():
    np = numpy()
    a = M / "arrays" / "loadtxt"
    (M / "arrays" / "loadtxt,type=d,len=3").write_text("1 2 3")
    same(np.loadtxt(a).tolist(), [1.0, 2.0, 3.0])
    np.savetxt(a, np.array([4, 5, 6.5]))
    same(np.loadtxt(a).tolist(), [4.0, 5.0, 6.5])
    same(np.frombuffer((M / "arrays" / "loadtxt,raw").read_bytes()).tolist(), [4.0, 5.0, 6.5])


@test
def numpy_through_a_queue():
    np = numpy()
    q = queue("numpy")
    q.write_bytes(np.arange(1000.0).tobytes())
    same(float(np.frombuffer(q.read_bytes()).sum()), 499500.0)


# ---------------------------------------------------------------------------------------------------


def timed_out(*_):
    """SIGALRM."""
    raise TimeoutError("it took 20 seconds")


def main():
    """Runs all; 1 if one failed."""
    bad = 0
    signal.signal(signal.SIGALRM, timed_out)
    for function in TESTS:
        name = "python_" + function.__name__
        signal.alarm(20)
        try:
            function()
        except Skip as why:
            print(f"skip {name} {why}", flush=True)
        except BaseException as e:  # pylint: disable=broad-except
            where = traceback.extract_tb(e.__traceback__)
            line = [f.lineno for f in where if f.filename == __file__ and f.name != "same"][-1]
            print(f"not ok {name} (line {line}: {type(e).__name__}: {e})", flush=True)
            bad = 1
        else:
            print(f"ok {name}", flush=True)
        finally:
            signal.alarm(0)
    sys.stdout.flush()
    os._exit(bad)  # threads of a failed test may still wait


if __name__ == "__main__":
    main()
