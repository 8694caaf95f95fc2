# SPDX-License-Identifier: MIT
"""multiprocessing.context whose objects are on the mount.

Processes are CPython's own, and there is one start method in a program, whichever of the two packages set it."""

from __future__ import annotations

from multiprocessing import context as _context
from multiprocessing.context import (  # noqa: F401 - what users of multiprocessing.context find there
    AuthenticationError,
    BufferTooShort,
    ForkProcess,
    ForkServerProcess,
    Process,
    ProcessError,
    SpawnProcess,
    TimeoutError,
    assert_spawning,
    get_spawning_popen,
    reduction,
    set_spawning_popen,
)
from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional, Tuple

if TYPE_CHECKING:
    from . import connection, managers, pool, queues, synchronize

__all__ = ()

# Whoever reaches into multiprocessing.context finds the rest of it here as well.
globals().update({k: v for k, v in vars(_context).items() if k not in globals()})


class BaseContext(_context.BaseContext):
    """Makes objects of one start method.

    With a name an object is the one of that name, made if it is not there, and stays until it is removed;
    without one it is private, and goes with those who have it."""

    def Manager(self) -> managers.SyncManager:  # type: ignore[override]
        """Returns a manager, whose objects are on the mount: no process is started."""
        from .managers import SyncManager

        manager = SyncManager(ctx=self.get_context())
        manager.start()
        return manager

    def Pipe(
        self, duplex: bool = True, *, name: Optional[str] = None
    ) -> Tuple[connection.PipeConnection, connection.PipeConnection]:
        """Returns two connection objects, which are connected."""
        from .connection import Pipe

        return Pipe(duplex, name=name)

    def Lock(self, *, name: Optional[str] = None, robust: bool = False) -> synchronize.Lock:  # type: ignore[override]
        """Returns a lock; a robust one is released when its holder dies."""
        from .synchronize import Lock

        return Lock(ctx=self.get_context(), name=name, robust=robust)

    def RLock(self, *, name: Optional[str] = None, robust: bool = False) -> synchronize.RLock:  # type: ignore[override]
        """Returns a recursive lock."""
        from .synchronize import RLock

        return RLock(ctx=self.get_context(), name=name, robust=robust)

    def Condition(self, lock: Any = None, *, name: Optional[str] = None) -> synchronize.Condition:  # type: ignore[override]
        """Returns a condition."""
        from .synchronize import Condition, NamedCondition

        if name is not None:
            return NamedCondition(lock, ctx=self.get_context(), name=name)
        return Condition(lock, ctx=self.get_context())

    def Semaphore(  # type: ignore[override]
        self, value: int = 1, *, name: Optional[str] = None, robust: bool = False
    ) -> synchronize.Semaphore:
        """Returns a semaphore; units of a robust one come back when who has acquired them dies."""
        from .synchronize import Semaphore

        return Semaphore(value, ctx=self.get_context(), name=name, robust=robust)

    def BoundedSemaphore(  # type: ignore[override]
        self, value: int = 1, *, name: Optional[str] = None, robust: bool = False
    ) -> synchronize.BoundedSemaphore:
        """Returns a bounded semaphore."""
        from .synchronize import BoundedSemaphore

        return BoundedSemaphore(value, ctx=self.get_context(), name=name, robust=robust)

    def Event(self, *, name: Optional[str] = None) -> synchronize.Event:  # type: ignore[override]
        """Returns an event."""
        from .synchronize import Event

        return Event(ctx=self.get_context(), name=name)

    def Barrier(  # type: ignore[override]
        self,
        parties: int,
        action: Optional[Callable[[], Any]] = None,
        timeout: Optional[float] = None,
        *,
        name: Optional[str] = None,
    ) -> synchronize.Barrier:
        """Returns a barrier."""
        from .synchronize import ActionBarrier, Barrier

        if action is not None and name is None:
            return ActionBarrier(parties, action, timeout, ctx=self.get_context())
        return Barrier(parties, action, timeout, ctx=self.get_context(), name=name)

    def Queue(self, maxsize: int = 0, *, name: Optional[str] = None, raw: bool = False) -> queues.Queue:  # type: ignore[override]
        """Returns a queue of objects; a raw one is of bytes."""
        return self._queue("Queue", (maxsize,), name, raw)

    def JoinableQueue(  # type: ignore[override]
        self, maxsize: int = 0, *, name: Optional[str] = None, raw: bool = False
    ) -> queues.JoinableQueue:
        """Returns a queue whose items are declared done."""
        return self._queue("JoinableQueue", (maxsize,), name, raw)

    def SimpleQueue(self, *, name: Optional[str] = None, raw: bool = False) -> queues.SimpleQueue:  # type: ignore[override]
        """Returns a simple queue; one with a name, or a raw one, is the same as Queue() makes."""
        return self._queue("SimpleQueue", (), name, raw)

    def _queue(self, cls: str, size: Tuple[int, ...], name: Optional[str], raw: bool) -> Any:
        from . import queues

        if name is not None or raw:
            return queues.NamedQueue(*size, ctx=self.get_context(), name=name, raw=raw)
        return getattr(queues, cls)(*size, ctx=self.get_context())

    def Pool(  # type: ignore[override]
        self,
        processes: Optional[int] = None,
        initializer: Optional[Callable[..., Any]] = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: Optional[int] = None,
    ) -> pool.Pool:
        """Returns a pool of processes."""
        from .pool import Pool

        return Pool(processes, initializer, initargs, maxtasksperchild, context=self.get_context())

    def RawValue(self, typecode_or_type: Any, *args: Any, name: Optional[str] = None) -> Any:
        """Returns a shared object."""
        from .sharedctypes import RawValue

        return RawValue(typecode_or_type, *args, name=name)

    def RawArray(self, typecode_or_type: Any, size_or_initializer: Any, *, name: Optional[str] = None) -> Any:
        """Returns a shared array."""
        from .sharedctypes import RawArray

        return RawArray(typecode_or_type, size_or_initializer, name=name)

    def Value(self, typecode_or_type: Any, *args: Any, lock: Any = True, name: Optional[str] = None) -> Any:
        """Returns a synchronized shared object."""
        from .sharedctypes import Value

        return Value(typecode_or_type, *args, lock=lock, ctx=self.get_context(), name=name)

    def Array(
        self, typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True, name: Optional[str] = None
    ) -> Any:
        """Returns a synchronized shared array."""
        from .sharedctypes import Array

        return Array(typecode_or_type, size_or_initializer, lock=lock, ctx=self.get_context(), name=name)

    def get_context(self, method: Optional[str] = None) -> BaseContext:
        """Returns the context of a start method; this one's own without an argument."""
        if method is None:
            return self
        try:
            ctx = _concrete_contexts[method]
        except KeyError:
            raise ValueError(f"cannot find context for {method!r}") from None
        ctx._check_available()
        return ctx


class ForkContext(BaseContext, _context.ForkContext):
    """Start method fork."""


class SpawnContext(BaseContext, _context.SpawnContext):
    """Start method spawn."""


class ForkServerContext(BaseContext, _context.ForkServerContext):
    """Start method forkserver."""


_concrete_contexts = {"fork": ForkContext(), "spawn": SpawnContext(), "forkserver": ForkServerContext()}


class DefaultContext(BaseContext, _context.DefaultContext):
    """The context behind the package's own functions. Its start method is multiprocessing's."""

    def get_context(self, method: Optional[str] = None) -> BaseContext:
        """Returns the context of a start method; of the default one without an argument."""
        return super().get_context(method or _context._default_context.get_start_method())

    def set_start_method(self, method: Optional[str], force: bool = False) -> None:
        """Sets the start method. RuntimeError: it is set already."""
        _context._default_context.set_start_method(method, force)

    def get_start_method(self, allow_none: bool = False) -> Any:
        """Returns the start method."""
        return _context._default_context.get_start_method(allow_none)


_default_context = DefaultContext.__new__(DefaultContext)
