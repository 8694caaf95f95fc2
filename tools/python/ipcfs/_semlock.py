# SPDX-License-Identifier: MIT
"""_multiprocessing.SemLock over ``semaphores/NAME``: what multiprocessing's locks and semaphores stand on."""

from __future__ import annotations

import errno
import operator
import os
import sys
import threading
import time
import weakref
from typing import Any, List, Optional, Tuple

from . import _files

__all__ = ["RECURSIVE_MUTEX", "SEMAPHORE", "SEM_VALUE_MAX", "HoldLock", "SemLock"]

RECURSIVE_MUTEX, SEMAPHORE = range(2)
SEM_VALUE_MAX = 0x7FFFFFFF


def _c_int(value: Any) -> int:
    """What CPython's code makes of an argument that is an int of C."""
    value = int(operator.index(value))  # not a bool
    if not -SEM_VALUE_MAX - 1 <= value <= SEM_VALUE_MAX:
        raise OverflowError("Python int too large to convert to C int")
    return value


class _Unit:
    """What acquire() reads, and through which handle: as soon as it is not empty there is a unit to give back."""

    __slots__ = ("text", "handle")

    def __init__(self) -> None:
        self.text = bytearray(32)
        self.handle: Any = None


class SemLock:
    """A semaphore, or a lock that its thread may acquire again.

    As in CPython a unit belongs to nobody, anyone may release, and nobody's death does."""

    SEM_VALUE_MAX = SEM_VALUE_MAX
    views = ""

    def __init__(self, kind: int, value: int, maxvalue: int, name: Optional[str] = None) -> None:
        value, maxvalue = _c_int(value), _c_int(maxvalue)
        if kind not in (RECURSIVE_MUTEX, SEMAPHORE):
            raise ValueError("unrecognized kind")
        if value < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        file, handle = _files.create("semaphores", f"value={value},max={max(maxvalue, 1)}", name)
        self._set_up(file, kind, maxvalue)
        if not self.views:
            self._handles["blocking"] = handle

    def _set_up(self, file: _files.Reference, kind: int, maxvalue: int) -> None:
        self._file = file
        self.kind = kind
        self.maxvalue = maxvalue
        # How often it is acquired here, and what the last acquisition has read: stored at once, so that a signal's
        # handler which raises finds it either counted or not.
        self._counted: Tuple[int, Any] = (0, None)
        self._owner: Optional[int] = None
        self._holding: List[_Unit] = []  # if it is a HoldLock: where each unit came from
        self._handles: dict[str, _files.Handle] = {}

    @classmethod
    def _rebuild(cls, file: _files.Reference, kind: int, maxvalue: int) -> SemLock:
        self = cls.__new__(cls)
        self._set_up(file, kind, maxvalue)
        return self

    def __reduce__(self) -> Tuple[Any, ...]:
        return self._rebuild, (self._file, self.kind, self.maxvalue)

    def _handle(self, which: str) -> _files.Handle:
        """One of this process's handles, opened when it is first needed."""
        handle = self._handles.get(which)
        if handle:
            return handle
        if which == "peek":
            handle = self._file.open("peek", os.O_RDONLY)
        elif which == "blocking":
            handle = self._file.open(self.views) if self.views else self._file.handle()
        else:
            handle = self._file.open(self.views, os.O_RDWR | os.O_NONBLOCK)
        return self._handles.setdefault(which, handle)

    @property
    def name(self) -> str:
        """The name of its file."""
        return self._file.name

    @property
    def handle(self) -> int:
        """A descriptor: poll(2) finds it readable when acquire() would not wait."""
        return self._handle("blocking").fd

    # ---- the lowest layer: one unit

    @staticmethod
    def _read(handle: _files.Handle, unit: _Unit) -> bool:
        unit.handle = handle
        os.readv(handle.fd, [unit.text])
        return True

    def _take(self, block: bool, timeout: Optional[float], unit: _Unit) -> bool:
        """Acquires a unit; False: not in that time."""
        if block and timeout is None:
            return self._read(self._handle("blocking"), unit)
        deadline = time.monotonic() + (timeout or 0)
        try:
            return self._read(self._handle("polling"), unit)
        except OSError as e:
            if e.errno not in (errno.EAGAIN, errno.EBUSY):
                raise
        if not block or not timeout:
            return False
        unit.handle = self._file.open(self.views)
        return _files.read_until(unit.handle.fd, 32, deadline, unit.text) is not None

    def _give(self, given: List[int]) -> None:
        """Releases a unit; given tells whether that is done, should a signal's handler raise.

        Who holds nothing may release all the same; of a HoldLock it is charged to the longest holder."""
        holding = self._holding[-1:]
        try:
            _files.write(holding[0].handle.fd if holding else self._handle("blocking").fd, b"1", given)
        finally:
            if given and holding:
                self._holding.remove(holding[0])

    # ---- CPython's semantics

    def acquire(self, block: bool = True, timeout: Optional[float] = None) -> bool:
        """Acquires; False if that was not possible, within timeout seconds if block is true."""
        if sys.version_info < (3, 12):
            block = _c_int(block) != 0
        timeout = _files.limit(timeout)
        if self.kind == RECURSIVE_MUTEX and self._is_mine():
            self._counted = (self._count() + 1, None)
            return True
        unit = _Unit()
        try:
            if not self._take(block, timeout, unit):
                return False
            self._owner = threading.get_ident()
            if self.views:
                self._holding.append(unit)
            self._counted = (self._counted[0] + 1, unit.text)
            return True
        except BaseException:  # of a signal's handler, perhaps
            if unit.text[0] and self._counted[1] is not unit.text:
                if unit in self._holding:
                    self._holding.remove(unit)
                _files.write(unit.handle.fd, b"1")
            raise

    def release(self) -> None:
        """Releases. ValueError: it is not acquired; AssertionError: not by this thread, and recursive."""
        if self.kind == RECURSIVE_MUTEX:
            if not self._is_mine():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._count() > 1:
                self._counted = (self._count() - 1, None)
                return
        count = self._counted[0] - 1
        given: List[int] = []
        try:
            self._counted = (count, None)  # first: who acquires it from now on counts for himself
            if self.maxvalue == 0:
                raise OSError(errno.EOVERFLOW, "no unit is ever free")
            self._give(given)
        except BaseException as e:
            number = getattr(e, "errno", None)
            if given:
                raise
            if number is None:  # of a signal's handler: what was begun is done
                self._counted = (count, None)
                self._give(given)
                raise
            self._counted = (count + 1, None)
            if number == errno.EOVERFLOW:
                raise ValueError("semaphore or lock released too many times") from None
            raise

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *args: Any) -> None:
        self.release()

    def _count(self) -> int:
        """How often this process has acquired it and not released."""
        return self._counted[0]

    def _is_mine(self) -> bool:
        """Whether this thread was the last of this process to acquire it, and it is not released."""
        return self._counted[0] > 0 and self._owner == threading.get_ident()

    def _get_value(self) -> int:
        return int(os.pread(self._handle("peek").fd, 32, 0))

    def _is_zero(self) -> bool:
        return self._get_value() == 0

    def _after_fork(self) -> None:
        self._counted = (0, None)


class HoldLock(SemLock):
    """The same over the view ``hold``: what a process has acquired comes back when it ends, killed or not.

    Units belong to the handle that acquired them, so each is released through that handle, and a forked
    child closes those that it inherits, at once: it would keep alive what its parent had acquired."""

    views = "hold"
    _all: weakref.WeakSet[HoldLock] = weakref.WeakSet()

    def _set_up(self, file: _files.Reference, kind: int, maxvalue: int) -> None:
        super()._set_up(file, kind, maxvalue)
        self._all.add(self)

    @classmethod
    def _forked(cls) -> None:
        for lock in list(cls._all):
            for handle in [*lock._handles.values(), *(unit.handle for unit in lock._holding)]:
                handle.close()
            lock._handles.clear()
            lock._holding.clear()
            lock._after_fork()


os.register_at_fork(after_in_child=HoldLock._forked)
