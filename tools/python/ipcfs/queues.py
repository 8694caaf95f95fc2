# SPDX-License-Identifier: MIT
"""multiprocessing.queues over ``queues/NAME``.

Queue, JoinableQueue and SimpleQueue are CPython's, with its feeder thread, over another pipe: one from which
many may read and to which many may write, without locks that a killed process would leave locked.

NamedQueue is what Queue(name=...) and JoinableQueue(name=...) give: programs that know nothing of a feeder
thread or of Python take part in it, so all there is of it is the queue itself. put() puts at once, maxsize is the
queue's own, and task_done() and join() are its views."""

from __future__ import annotations

import errno
import io
import operator
import os
import queue as _queue
from multiprocessing import connection as _connection
from multiprocessing import context as _context
from multiprocessing import queues as _queues
from multiprocessing import util
from typing import Any, Optional, Tuple

from . import _files, _messages
from ._semlock import SEM_VALUE_MAX

__all__ = ["Queue", "SimpleQueue", "JoinableQueue"]

# Whoever reaches into multiprocessing.queues finds the rest of it here as well.
globals().update({k: v for k, v in vars(_queues).items() if k not in globals()})

_ForkingPickler = _context.reduction.ForkingPickler

# What a private queue holds: at least the small messages that a pipe would, and also much longer ones.
PRIVATE = "maxsize=8192,capacity=1G"
# One with a name, if it is made here.
NAMED = "capacity=64M"


class _NoLock:
    """Stands for the locks around CPython's pipes: each message here is taken, and put, as one."""

    def acquire(self, block: bool = True, timeout: Optional[float] = None) -> bool:
        """Is always acquired."""
        return True

    def release(self) -> None:
        """Does nothing."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *args: Any) -> None:
        pass


class _End(_connection._ConnectionBase):  # type: ignore[name-defined]
    """One end of a queue, as a Connection of one direction."""

    def __init__(self, end: Any) -> None:
        self._end = end
        self._readable = isinstance(end, _messages.Reader)
        self._writable = not self._readable

    def __reduce__(self) -> Tuple[Any, ...]:
        self._check_closed()
        return type(self), (self._end,)

    @property
    def _handle(self) -> Optional[bool]:  # what the base class asks whether it is closed
        return None if self._end.closed else True

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._end.closed

    def __del__(self) -> None:
        pass  # the handles close by themselves

    def close(self) -> None:
        """Closes it."""
        self._end.close()

    def fileno(self) -> int:
        """A descriptor for poll(2)."""
        self._check_closed()
        return self._end.fileno()

    def _send_bytes(self, buf: Any) -> None:
        self._end.put(buf)

    def _recv_bytes(self, maxsize: Optional[int] = None) -> Optional[io.BytesIO]:
        data = self._end.get()
        if maxsize is not None and len(data) > maxsize:
            return None
        buf = io.BytesIO()
        buf.write(data)
        return buf

    def _poll(self, timeout: Optional[float]) -> bool:
        return self._end.poll(timeout)


def _ends() -> Tuple[_End, _End]:
    """Both ends of a new private queue. It is there as long as the writing end is open somewhere."""
    file, _ = _files.create("queues", PRIVATE)
    return _End(_messages.Reader(file.name_alone())), _End(_messages.Writer(file))


class Queue(_queues.Queue):
    """A queue of objects, with a buffer and a thread that feeds it from there."""

    _ignore_epipe: bool

    def __init__(self, maxsize: int = 0, *, ctx: Any) -> None:
        if maxsize <= 0:
            maxsize = SEM_VALUE_MAX
        self._start(False, maxsize, *_ends(), ctx.BoundedSemaphore(maxsize), os.getpid())

    def _start(self, ignore_epipe: bool, maxsize: int, reader: _End, writer: _End, sem: Any, opid: int) -> None:
        self._ignore_epipe = ignore_epipe
        self._maxsize = maxsize
        self._reader, self._writer = reader, writer
        self._rlock = self._wlock = _NoLock()
        self._sem = sem
        self._opid = opid
        self._reset()
        util.register_after_fork(self, _queues.Queue._after_fork)

    def __getstate__(self) -> Any:
        return (self._ignore_epipe, self._maxsize, self._reader, self._writer, self._sem, self._opid)

    def __setstate__(self, state: Any) -> None:
        self._start(*state)

    def fileno(self) -> int:
        """A descriptor that poll(2) finds readable when there is an item."""
        return self._reader.fileno()

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Any:
        """Takes the next item; Empty if there was none in that time."""
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")
        data = self._reader._end.get(block, timeout)
        if data is None:
            raise _queue.Empty
        self._sem.release()
        return _ForkingPickler.loads(data)


class JoinableQueue(Queue, _queues.JoinableQueue):
    """A Queue whose items are declared done."""

    def __init__(self, maxsize: int = 0, *, ctx: Any) -> None:
        Queue.__init__(self, maxsize, ctx=ctx)
        self._unfinished_tasks = ctx.Semaphore(0)
        self._cond = ctx.Condition()

    def __getstate__(self) -> Any:
        return (*Queue.__getstate__(self), self._cond, self._unfinished_tasks)

    def __setstate__(self, state: Any) -> None:
        Queue.__setstate__(self, state[:-2])
        self._cond, self._unfinished_tasks = state[-2:]


class SimpleQueue(_queues.SimpleQueue):
    """A queue without a limit of time, a size, or a thread."""

    def __init__(self, *, ctx: Any = None) -> None:
        self.__setstate__(_ends())

    def __getstate__(self) -> Any:
        return (self._reader, self._writer)

    def __setstate__(self, state: Any) -> None:
        self._reader, self._writer = state
        self._rlock = self._wlock = _NoLock()
        self._poll = self._reader.poll

    def fileno(self) -> int:
        """A descriptor that poll(2) finds readable when there is an item."""
        return self._reader.fileno()


class NamedQueue(JoinableQueue):
    """A queue that is nothing but ``queues/NAME``; of bytes if it is raw, else of pickled objects."""

    def __init__(self, maxsize: int = 0, *, ctx: Any = None, name: Optional[str] = None, raw: bool = False) -> None:
        size = f"maxsize={int(operator.index(maxsize))}," if maxsize > 0 else ""
        if name is None:
            file, _ = _files.create("queues", size + NAMED if size else PRIVATE)
        else:
            file, _ = _files.create_or_open("queues", size + NAMED, size.rstrip(","), name)
        self.__setstate__((file, raw, os.getpid()))

    def __getstate__(self) -> Any:
        return (self._file, self._raw, self._opid)

    def __setstate__(self, state: Any) -> None:
        self._file, self._raw, self._opid = state
        self._in = _messages.Writer(self._file, self._raw)
        self._out = _messages.Reader(self._file.name_alone(), self._raw)
        self._closed = False

    @property
    def name(self) -> str:
        """The name below ``queues/``."""
        return self._file.name

    def fileno(self) -> int:
        """A descriptor that poll(2) finds readable when there is an item."""
        return self._out.fileno()

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")

    def put(self, obj: Any, block: bool = True, timeout: Optional[float] = None) -> None:
        """Puts an item; Full if there was no room in that time."""
        self._check_open()
        data = memoryview(obj).cast("B") if self._raw else _ForkingPickler.dumps(obj)
        if not len(data):
            raise ValueError("an empty message cannot be put through a file")
        if not self._in.put(data, block, timeout):
            raise _queue.Full

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Any:
        """Takes the next item; Empty if there was none in that time, EOFError if there will be none."""
        self._check_open()
        data = self._out.get(block, timeout)
        if data is None:
            raise _queue.Empty
        if self._raw:
            return data
        # It may have been shared since the reader was opened.
        _files.check_trusted(self._out.fileno(), self._file)
        return _ForkingPickler.loads(data)

    def qsize(self) -> int:
        """How many items there are."""
        return int(self._file.stat()["messages"])

    def empty(self) -> bool:
        """Whether there is no item."""
        return not self._out.poll()

    def full(self) -> bool:
        """Whether there is no room."""
        stat = self._file.stat()
        return 0 < int(stat["maxsize"]) <= int(stat["messages"])

    def close(self) -> None:
        """Lets this object be used no more; the queue itself stays."""
        self._closed = True
        self._in.close()
        self._out.close()

    def join_thread(self) -> None:
        """Does nothing: there is no thread."""
        assert self._closed, f"Queue {self!r} not closed"

    def cancel_join_thread(self) -> None:
        """Does nothing: there is no thread."""

    def task_done(self) -> None:
        """Declares an item done that was taken. ValueError: more often than items were put."""
        try:
            self._file.write("ctl", b"done 1")
        except OSError as e:
            if e.errno != errno.EOVERFLOW:
                raise
            raise ValueError("task_done() called too many times") from None

    def join(self) -> None:
        """Waits until each item that was put is done."""
        handle = self._file.open("join", os.O_RDONLY)
        os.read(handle.fd, 32)
