# SPDX-License-Identifier: MIT
"""multiprocessing.synchronize over the mount.

Locks, semaphores and Condition are CPython's classes over another SemLock. Event is ``events/NAME``, where
set() and then clear() lets nobody sleep on, and a barrier is ``barriers/NAME``, which a killed process
leaves; so programs of other languages can take part in both, and in a Condition that has a name."""

from __future__ import annotations

import ctypes
import errno
import os
import threading
import time
from multiprocessing import synchronize as _synchronize
from multiprocessing import util
from typing import Any, Callable, Optional, Tuple

from . import _files
from ._semlock import RECURSIVE_MUTEX, SEM_VALUE_MAX, SEMAPHORE, HoldLock
from ._semlock import SemLock as _SemLock

__all__ = ["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier"]

# Whoever reaches into multiprocessing.synchronize finds the rest of it here as well.
globals().update({k: v for k, v in vars(_synchronize).items() if k not in globals()})


class SemLock(_synchronize.SemLock):
    """Base class of locks and semaphores: a wrapper of _semlock.SemLock."""

    _semlock: Any

    def __init__(
        self, kind: int, value: int, maxvalue: int, *, ctx: Any = None, name: Optional[str] = None, robust: bool = False
    ) -> None:
        cls = HoldLock if robust else _SemLock
        self._semlock = cls(kind, value, maxvalue, name)
        self._ready()

    def _ready(self) -> None:
        self._is_fork_ctx = False
        self._make_methods()
        util.register_after_fork(self, SemLock._after_fork)

    def _after_fork(self) -> None:
        self._semlock._after_fork()

    def __getstate__(self) -> Any:
        return self._semlock

    def __setstate__(self, state: Any) -> None:
        self._semlock = state
        self._ready()

    @property
    def name(self) -> str:
        """The name below ``semaphores/``."""
        return self._semlock.name

    def fileno(self) -> int:
        """A descriptor that poll(2) finds readable when acquire() would not wait."""
        return self._semlock.handle


class Semaphore(SemLock, _synchronize.Semaphore):
    """A semaphore."""

    def __init__(self, value: int = 1, *, ctx: Any = None, name: Optional[str] = None, robust: bool = False) -> None:
        SemLock.__init__(self, SEMAPHORE, value, SEM_VALUE_MAX, ctx=ctx, name=name, robust=robust)


class BoundedSemaphore(Semaphore, _synchronize.BoundedSemaphore):
    """A semaphore that cannot be released above its first value."""

    def __init__(self, value: int = 1, *, ctx: Any = None, name: Optional[str] = None, robust: bool = False) -> None:
        SemLock.__init__(self, SEMAPHORE, value, value, ctx=ctx, name=name, robust=robust)

    __repr__ = _synchronize.BoundedSemaphore.__repr__


class Lock(SemLock, _synchronize.Lock):
    """A lock that any process or thread may release; robust: released when its holder dies."""

    def __init__(self, *, ctx: Any = None, name: Optional[str] = None, robust: bool = False) -> None:
        SemLock.__init__(self, SEMAPHORE, 1, 1, ctx=ctx, name=name, robust=robust)


class RLock(SemLock, _synchronize.RLock):
    """A lock that its thread may acquire again, and alone releases."""

    def __init__(self, *, ctx: Any = None, name: Optional[str] = None, robust: bool = False) -> None:
        SemLock.__init__(self, RECURSIVE_MUTEX, 1, 1, ctx=ctx, name=name, robust=robust)


class Condition(_synchronize.Condition):
    """A condition: CPython's, over a lock and three semaphores."""

    def __getstate__(self) -> Any:
        return (self._lock, self._sleeping_count, self._woken_count, self._wait_semaphore)


class NamedCondition(Condition):
    """A condition that programs of any language share: ``conditions/NAME`` and a lock.

    The lock is, where none is given, RLock(name=NAME): ``semaphores/NAME,value=1,max=1``."""

    def __init__(self, lock: Any = None, *, ctx: Any = None, name: str) -> None:
        file, _ = _files.create("conditions", "", name)
        self.__setstate__((lock or RLock(name=name), file))

    def __getstate__(self) -> Any:
        return (self._lock, self._file)

    def __setstate__(self, state: Any) -> None:
        self._lock, self._file = state
        self._make_methods()

    def __repr__(self) -> str:
        with open(self._file.path("peek"), encoding="ascii") as f:
            return f"<{type(self).__name__}({self._lock}, {f.read().strip()})>"

    @property
    def name(self) -> str:
        """The name below ``conditions/``."""
        return self._file.name

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Releases the lock, waits for a notification, acquires the lock again; False when time was up."""
        assert self._lock._semlock._is_mine(), "must acquire() condition before using wait()"
        timeout = _files.limit(timeout)
        deadline = time.monotonic() + (_files.FOREVER if timeout is None else timeout)
        # A handle of its own: it is armed before the lock is released, and as it closes it passes on
        # a notification that came as we stopped waiting.
        handle = self._file.open()
        _files.write(handle.fd, b"arm")
        count = self._lock._semlock._count()
        for _ in range(count):
            self._lock.release()
        try:
            return _files.read_until(handle.fd, 32, deadline) is not None
        finally:
            handle.close()
            for _ in range(count):
                self._lock.acquire()

    def _check_owned(self) -> None:
        assert self._lock._semlock._is_mine(), "lock is not owned"

    def notify(self, n: int = 1) -> None:
        """Wakes n of those who wait."""
        self._check_owned()
        if n > 0:
            self._file.write("", b"%d" % min(n, SEM_VALUE_MAX))

    def notify_all(self) -> None:
        """Wakes all who wait."""
        self._check_owned()
        self._file.write("", b"all")


class Event(_synchronize.Event):
    """An event: ``events/NAME``."""

    def __init__(self, *, ctx: Any = None, name: Optional[str] = None) -> None:
        self.__setstate__(_files.create("events", "", name)[0])

    def __getstate__(self) -> Any:
        return self._file

    def __setstate__(self, state: Any) -> None:
        self._file = state
        self._handle = state.handle()

    @property
    def name(self) -> str:
        """The name below ``events/``."""
        return self._file.name

    def fileno(self) -> int:
        """A descriptor that poll(2) finds readable while the event is set."""
        # One that is never read: an end of file that is due is readable as well.
        return _files.once(self, "_polled", lambda: self._file.open("", os.O_RDONLY)).fd

    def is_set(self) -> bool:
        """Whether it is set."""
        handle = _files.once(self, "_peek", lambda: self._file.open("peek", os.O_RDONLY))
        return int(os.pread(handle.fd, 32, 0)) != 0

    def set(self) -> None:
        """Sets it: who waits goes on, even if it is cleared at once."""
        _files.write(self._handle.fd, b"1")

    def clear(self) -> None:
        """Clears it."""
        _files.write(self._handle.fd, b"0")

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until it is set; False when time was up."""
        if timeout is not None:
            if self.is_set():
                return True
            timeout = _files.limit(timeout)
        if timeout is None:
            # Between two texts the handle has an end of file, which others who share it may have left.
            while not os.read(self._handle.fd, 32):
                pass
            return True
        if not timeout:
            return False
        handle = self._file.open("", os.O_RDONLY)
        return _files.read_until(handle.fd, 32, time.monotonic() + timeout) is not None


class Barrier(_synchronize.Barrier):
    """A barrier: ``barriers/NAME,parties=N``.

    Who dies while he waits has not arrived. Where there is an action, all pass the barrier twice, and the
    last to arrive does the action in between; so all parties must be of this class then."""

    def __init__(
        self,
        parties: int,
        action: Optional[Callable[[], Any]] = None,
        timeout: Optional[float] = None,
        *,
        ctx: Any = None,
        name: Optional[str] = None,
    ) -> None:
        if parties < 1:
            raise ValueError("parties must be >= 1")  # in CPython one is made through which nobody ever passes
        file, _ = _files.create("barriers", f"parties={int(parties)}", name)
        self.__setstate__((parties, action, timeout, file))

    def __getstate__(self) -> Any:
        return (self._parties, self._action, self._timeout, self._file)

    def __setstate__(self, state: Tuple[Any, ...]) -> None:
        self._parties, self._action, self._timeout, self._file = state
        self._handle = self._file.handle()

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} at {id(self):#x}: {self._told()}>"

    def _told(self) -> str:
        if self.broken:
            return "broken"
        return f"waiters={self.n_waiting}/{self.parties}"

    @property
    def name(self) -> str:
        """The name below ``barriers/``."""
        return self._file.name

    def fileno(self) -> int:
        """A descriptor that poll(2) finds readable when wait() would not wait."""
        return self._handle.fd

    def wait(self, timeout: Optional[float] = None) -> int:
        """Waits for the others; gives the index of this arrival. BrokenBarrierError: it is, or becomes, broken."""
        index = self._pass(self._timeout if timeout is None else timeout)
        if self._action:
            if index == self._parties - 1:
                try:
                    self._action()
                except BaseException:
                    self.abort()
                    raise
            self._pass(None)
        return index

    def _pass(self, timeout: Optional[float]) -> int:
        timeout = _files.limit(timeout)
        try:
            if timeout is None:
                return int(os.read(self._handle.fd, 32))
            handle = self._file.open()
            index = _files.read_until(handle.fd, 32, time.monotonic() + timeout)
        except OSError as e:
            if e.errno != errno.ECANCELED:
                raise
            raise threading.BrokenBarrierError from None
        if index is None:
            if ctypes.get_errno() == errno.EAGAIN:  # there was no time to wait; else the server has broken it
                self.abort()
            raise threading.BrokenBarrierError
        return int(index)

    def reset(self) -> None:
        """Makes it whole and empty; who waits gets BrokenBarrierError."""
        _files.write(self._handle.fd, b"reset")

    def abort(self) -> None:
        """Breaks it until reset()."""
        _files.write(self._handle.fd, b"abort")

    @property
    def n_waiting(self) -> int:
        """How many have arrived."""
        with open(self._file.path("peek"), encoding="ascii") as f:
            return int(f.read())

    @property
    def broken(self) -> bool:
        """Whether it is broken."""
        return self._file.stat()["broken"] != "0"


class ActionBarrier(_synchronize.Barrier):
    """A barrier with an action and without a name: CPython's, over a condition.

    It lets nobody in from the moment that all have come until all have left, the action included."""

    def __init__(self, parties: int, action: Any, timeout: Optional[float] = None, *, ctx: Any) -> None:
        from .sharedctypes import RawArray

        if parties < 1:
            raise ValueError("parties must be >= 1")
        # Its state and count: zeros.
        self.__setstate__((parties, action, timeout, ctx.Condition(), RawArray("i", 2)._wrapper))
