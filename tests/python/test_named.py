# SPDX-License-Identifier: MIT
"""Objects that have a name: other programs, in the shell here, take part in them. And what is never unpickled."""

import ctypes
import os
import pathlib
import pickle
import queue
import subprocess
import sys
import threading

from harness import M, Skip, main, private_objects, raises, same, test, until, waiters

import ipcfs
from ipcfs import _containers, _files, sharedctypes, synchronize
from ipcfs.connection import open_pipe


def sh(command):
    """What a command prints, in the mount."""
    return subprocess.run(
        ["bash", "-c", command], cwd=M, check=True, stdout=subprocess.PIPE, timeout=100
    ).stdout.decode()


def removes(*paths):
    """A test after which these objects are removed."""

    def wrap(function):
        def run():
            try:
                function()
            finally:
                for path in paths:
                    (M / path).unlink(missing_ok=True)

        run.__name__ = function.__name__
        return test(run)

    return wrap


@removes("semaphores/build")
def a_lock():
    lock = ipcfs.Lock(name="build")
    same((lock.name, sh("cat semaphores/build,peek")), ("build", "1\n"))
    with lock:
        same(sh("timeout 5 cat semaphores/build,timeout=0 2>/dev/null || echo held"), "held\n")
        same(ipcfs.RLock(name="build").acquire(False), False)
    sh("cat semaphores/build")
    same(lock.acquire(False), False)
    sh("echo 1 > semaphores/build")
    same(lock.acquire(timeout=100), True)
    lock.release()
    with raises(FileNotFoundError, "there is no folder of this name"):
        ipcfs.Lock(name="no-such-folder/lock")
    with raises(FileExistsError, "exists with other properties"):
        ipcfs.Semaphore(5, name="build")
    lock = None
    same(sh("cat semaphores/build,peek"), "1\n")  # it stays


@removes("semaphores/door")
def a_semaphore():
    sh("touch semaphores/door,value=3")
    s = ipcfs.Semaphore(3, name="door")
    s.acquire()
    same((s.get_value(), sh("cat semaphores/door,peek")), (2, "2\n"))
    same(repr(s), "<Semaphore(value=2)>")


@removes("events/go")
def an_event():
    e = ipcfs.Event(name="go")
    waiter = subprocess.Popen(["cat", M / "events" / "go"], stdout=subprocess.PIPE)
    until(lambda: waiters("events", "go") == 1, "cat")
    e.set()
    same(waiter.communicate()[0], b"1\n")
    sh("echo 0 > events/go")
    same(e.is_set(), False)
    sh("echo 1 > events/go")
    same((e.wait(), e.wait(5)), (True, True))


@removes("barriers/round")
def a_barrier():
    b = ipcfs.Barrier(3, name="round")
    shells = [subprocess.Popen(["cat", M / "barriers" / "round"], stdout=subprocess.PIPE) for _ in range(2)]
    until(lambda: b.n_waiting == 2, "two arrivals")
    same(b.wait(), 2)
    same(sorted(s.communicate()[0] for s in shells), [b"0\n", b"1\n"])


@removes("conditions/shop", "semaphores/shop", "values/goods")
def a_condition():
    c = ipcfs.Condition(name="shop")
    same(isinstance(c, synchronize.Condition), True)
    goods = ipcfs.Value("i", 0, lock=False, name="goods")
    with c:
        same(c.wait(0.01), False)
    script = (
        'read -r _ <semaphores/shop; echo "add 1" >values/goods; echo all >conditions/shop; echo 1 >semaphores/shop'
    )
    with c:
        shell = subprocess.Popen(["bash", "-c", script], cwd=M)
        same(c.wait_for(lambda: goods.value == 1, 100), True)
    same(shell.wait(), 0)
    waiter = 'exec 4<>conditions/shop; read -r _ <semaphores/shop; echo arm >&4; echo 1 >semaphores/shop; read -ru4 told; echo "$told"'
    for notify in (c.notify, c.notify_all):
        shell = subprocess.Popen(["bash", "-c", waiter], cwd=M, stdout=subprocess.PIPE)

        def armed():
            with c:
                return "armed 1\n" in (M / "conditions" / "shop,stat").read_text()

        until(armed, "bash")
        with c:
            notify()
        same(shell.communicate()[0], b"1\n")
    with raises(AssertionError, "lock is not owned"):
        c.notify()


@removes("queues/jobs")
def a_raw_queue():
    q = ipcfs.JoinableQueue(name="jobs", raw=True)
    sh("echo -n 'paint the door' > queues/jobs; echo -n 'feed the cat' > queues/jobs")
    same((q.get(), q.get(timeout=5), q.qsize(), q.empty()), (b"paint the door", b"feed the cat", 0, True))
    q.task_done()
    q.task_done()
    q.join()
    with raises(ValueError, "task_done() called too many times"):
        q.task_done()
    q.put(b"from Python")
    q.put(memoryview(b"again"))
    same(sh("cat queues/jobs; echo; cat queues/jobs"), "from Python\nagain")
    with raises(TypeError):
        q.put("text")
    with raises(ValueError, "an empty message cannot be put through a file"):
        q.put(b"")
    for n in (65535, 65536, _files.WRITE_MAX, _files.WRITE_MAX + 1, 1 << 20, (1 << 20) + 65536, 3_000_000):
        data = os.urandom(n)
        q.put(data)
        same(q.get() == data, True)
    q.close()


def c_library():
    lib = pathlib.Path(os.environ["IPCFS"]).parent / "libipcfs.so"
    if not lib.exists():
        raise Skip(f"there is no {lib}")
    return lib


UNLOADS = """
import ctypes, _ctypes, os, signal, sys
signal.signal(signal.SIGBUS, lambda *_: print("handled"))
lib, store, event = ctypes.CDLL(sys.argv[1]), ctypes.c_void_p(), ctypes.c_void_p()
assert lib.ipcfs_store_open(os.environ["S"].encode(), ctypes.byref(store)) == 0
assert lib.ipcfs_open(store, 2, b"unloaded", 1, 0o600, None, ctypes.byref(event)) == 0
lib.ipcfs_close(event)
lib.ipcfs_store_close(store)
_ctypes.dlclose(lib._handle)
os.kill(os.getpid(), signal.SIGBUS)
"""


@removes("events/unloaded")
def the_c_library_is_unloaded():
    """Its handler of SIGBUS is still there then, and passes others' on to the one before it."""
    command = [sys.executable, "-c", UNLOADS, str(c_library())]
    run = subprocess.run(command, stdout=subprocess.PIPE, timeout=100)
    same((run.returncode, run.stdout), (0, b"handled\n"))


def put_empty(name):
    """Puts an empty message, as the C library can."""
    lib, store, q = ctypes.CDLL(c_library()), ctypes.c_void_p(), ctypes.c_void_p()
    same(lib.ipcfs_store_open(os.environ["S"].encode(), ctypes.byref(store)), 0)
    same(lib.ipcfs_open(store, 0, name.encode(), 0, 0, None, ctypes.byref(q)), 0)
    same(lib.ipcfs_queue_put(q, b"", ctypes.c_size_t(0), ctypes.c_int64(-1)), 0)
    lib.ipcfs_close(q)
    lib.ipcfs_store_close(store)


@removes("queues/small")
def messages_that_do_not_fit():
    sh("touch queues/small,capacity=4M")
    for raw in (True, False):
        q = ipcfs.Queue(name="small", raw=raw)
        with raises(OSError, "Message too long"):
            q.put(bytes(5_000_000))
        same(q.qsize(), 0)  # and nothing of it is there
        q.put(bytes(3_000_000))
        for limit in ({"block": False}, {"timeout": 0.01}):
            with raises(queue.Full):
                q.put(bytes(3_000_000), **limit)
        same((q.qsize(), len(q.get())), (1, 3_000_000))
        q.put(bytes(3_000_000), timeout=100)
        same(len(q.get()), 3_000_000)
        q.close()


@removes("queues/empty")
def empty_messages():
    q = ipcfs.Queue(name="empty", raw=True)
    put_empty("empty")
    q.put(b"behind it")
    same((q.get(), q.get(timeout=5)), (b"", b"behind it"))
    put_empty("empty")
    same((q.empty(), q.get(timeout=5), q.empty()), (False, b"", True))


@removes("queues/simple")
def a_simple_queue():
    q = ipcfs.SimpleQueue(name="simple")
    q.put({"an": "item"})
    same((ipcfs.SimpleQueue(name="simple").get(), q.empty()), ({"an": "item"}, True))
    q.close()
    raw = ipcfs.SimpleQueue(raw=True)
    raw.put(b"bytes")
    same(raw.get(), b"bytes")
    raw.close()


@removes("queues/three")
def a_bounded_queue():
    q = ipcfs.Queue(3, name="three")
    for i in range(3):
        q.put(i)
    same((q.full(), q.qsize(), sh("grep messages queues/three,stat")), (True, 3, "messages 3\n"))
    with raises(queue.Full):
        q.put(4, timeout=0.01)
    same([ipcfs.Queue(name="three").get() for _ in range(3)], [0, 1, 2])
    sh("echo close > queues/three,ctl")
    with raises(BrokenPipeError):
        q.put(1)
    with raises(EOFError):
        q.get()
    q.close()
    with raises(ValueError, "is closed"):
        q.get()
    with raises(OSError, "handle is closed"):
        q.empty()
    with raises(TypeError, "'float' object cannot be interpreted as an integer"):
        ipcfs.Queue(1.5, name="three")


@removes("values/n", "arrays/a", "semaphores/n", "semaphores/a")
def values_and_arrays():
    n = ipcfs.Value("i", 40, name="n")
    sh("echo 'add 2' > values/n")
    same((n.value, ipcfs.Value("i", 0, name="n").value), (42, 42))
    a = ipcfs.Array("d", [1, 2, 3], name="a")
    sh("echo '1:3 += 10' > arrays/a")
    same((a[:], sh("cat arrays/a")), ([1.0, 12.0, 13.0], "1.0\n12.0\n13.0\n"))
    with raises(FileExistsError):
        ipcfs.Array("i", 3, name="a")


@removes("values/q", "arrays/q", "semaphores/q")
def long_numbers_of_the_shell():
    sh("echo 40 > values/q; echo 1 2 3 > arrays/q")  # of type q, which ctypes has under the name of l
    for code in "lq":
        v = ipcfs.Value(code, 0, name="q")
        v.value += 1
        a = ipcfs.Array(code, 3, name="q")
        a[1] += 10
    same(sh("cat values/q; xargs < arrays/q"), "42\n1 22 3\n")
    for wrong in ("L", "i"):
        with raises(FileExistsError):
            ipcfs.Value(wrong, 0, name="q")
    with raises(FileExistsError):
        ipcfs.Array("q", 4, name="q")


class Odd(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char * 5), ("p", ctypes.c_void_p), ("bits", ctypes.c_int, 3)]


@test
def types_of_all_sorts():
    for code in "cbBhHiIlLqQfd?u":
        first = {"c": b"x", "u": "ü", "?": True}.get(code, 7)
        v = ipcfs.Value(code, first)
        same(v.value, float(first) if code in "fd" else first)
        same(len(ipcfs.Array(code, 4)), 4)
    for type_ in (Odd, ctypes.c_longdouble, ctypes.c_void_p, Odd * 3, ctypes.c_int * 2 * 3):
        o = ipcfs.RawValue(type_)
        same(type(o), type_)
    odd = ipcfs.Value(Odd, b"abc", 5, 2)
    odd.bits = 3
    same((odd.text, odd.p, odd.bits), (b"abc", 5, 3))
    same(len(ipcfs.Array("i", 0)), 0)
    text = ipcfs.Array("c", 10)
    text.value = b"hello"
    same((text.value, text.raw, text[1:3]), (b"hello", b"hello\0\0\0\0\0", b"el"))
    same(sharedctypes.copy(odd.get_obj()).text, b"abc")


@removes("pipes/talk")
def a_pipe():
    a = open_pipe("talk", "a")
    shell = subprocess.Popen(["bash", "-c", 'exec 3<>pipes/talk,b; read -ru3 x; echo -n "got $x" >&3'], cwd=M)
    a.send_bytes(b"hello\n")
    same((a.poll(100), a.recv_bytes()), (True, b"got hello"))
    shell.wait()
    with raises(EOFError):
        a.recv()
    a.close()


@removes("pipes/narrow")
def a_pipe_that_holds_little():
    sh("touch pipes/narrow,capacity=64k")
    a, b = open_pipe("narrow", "a"), open_pipe("narrow", "b")
    data = os.urandom(300_000)
    t = threading.Thread(target=a.send_bytes, args=(data,))
    t.start()
    same(b.recv_bytes() == data, True)
    t.join()
    a.close()
    b.close()


@test
def names_that_are_none():
    for name in ("", ".x", "a,b", "../x", "a//b", "a\n", "/x"):
        with raises(ValueError, "not a name of an object"):
            ipcfs.Lock(name=name)
    with raises(TypeError):
        ipcfs.Lock(name=3)


# ---- what is unpickled


class Evil:
    def __reduce__(self):
        return os.abort, ()


def as_user(uid, function):
    """Runs function in a child that is another user; its exit status."""
    child = os.fork()
    if child == 0:
        try:
            os.setgid(uid)
            os.setuid(uid)
            function()
            os._exit(0)
        except PermissionError:
            os._exit(1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@removes("queues/mail")
def no_pickles_of_strangers():
    if os.geteuid():
        raise Skip("it needs root")
    data = pickle.dumps(Evil())

    def put():
        fd = os.open(M / "queues" / "mail", os.O_WRONLY)
        os.write(fd, data)

    q = ipcfs.Queue(name="mail")
    same(as_user(65534, put), 1)  # nobody may
    q.put("mine")
    same(q.get(), "mine")
    (M / "queues" / "mail").chmod(0o666)
    same(as_user(65534, put), 0)
    with raises(ipcfs.UntrustedError, "will not unpickle"):
        q.get()
    with raises(ipcfs.UntrustedError, "will not unpickle"):
        ipcfs.Queue(name="mail").get()
    same(as_user(65534, put), 0)
    same(ipcfs.Queue(name="mail", raw=True).get(), data)
    for mode, fine in ((0o600, True), (0o644, True), (0o660, False), (0o602, False)):
        (M / "queues" / "mail").chmod(mode)
        q.put("again")
        try:
            same((q.get(), fine), ("again", True))
        except ipcfs.UntrustedError:
            same(fine, False)


@removes("queues/theirs")
def no_pickles_from_a_strangers_queue():
    if os.geteuid():
        raise Skip("it needs root")

    def make():
        os.umask(0)
        fd = os.open(M / "queues" / "theirs", os.O_RDWR | os.O_CREAT, 0o600)
        os.write(fd, pickle.dumps(Evil()))

    same(as_user(65534, make), 0)
    with raises(ipcfs.UntrustedError, "user 65534"):
        ipcfs.Queue(name="theirs").get()


@removes()
def no_pickles_from_what_a_stranger_puts_in_its_place():
    """Whoever has a private object by its name alone does not take what somebody else makes of that name later."""
    if os.geteuid():
        raise Skip("it needs root")
    made = _containers.DictFile.create(), _containers.ListFile.create()
    (d, items), ((_, dict_name), (_, list_name)) = made, [(o.file.kind, o.file.name) for o in made]
    d.set("x", 1)
    items.append(1)
    others = [type(o)(o.file.name_alone()) for o in made]
    same((others[0].get("x"), others[1].get(0)), (1, 1))
    del made, d, items
    until(lambda: not private_objects(), "both to go")

    def replace():
        os.umask(0)
        os.mkdir(M / "dicts" / dict_name, 0o777)
        for name in ("x", _containers.key_name(Evil())):
            (M / "dicts" / dict_name / name).write_bytes(pickle.dumps(Evil()))
        (M / "lists" / list_name).write_bytes(_containers.pack(Evil()) + b"\n")

    try:
        same(as_user(65534, replace), 0)
        d, items = others
        for f in (lambda: d.get("x"), d.items, d.keys, lambda: d.pop("x"), d.popitem):
            with raises((KeyError, OSError)):
                f()
        for f in (lambda: items.get(0), items.pop, items.objects, lambda: items.change(list)):
            with raises(ipcfs.UntrustedError, "user 65534"):
                f()
        with raises(ipcfs.UntrustedError, "user 65534"):
            type(d)(d.file).keys()
    finally:
        _containers.DictFile(_files.Reference("dicts", dict_name)).remove()
        (M / "lists" / list_name).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
