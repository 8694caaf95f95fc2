# SPDX-License-Identifier: MIT
"""multiprocessing.managers, whose SyncManager needs no server process: what it makes is on the mount.

Its objects are there until shutdown(), or until the process that made the manager is gone. CPython's own server is
started only for Pool(), for what a program registers itself, for an initializer, and where a manager has an
address."""

from __future__ import annotations

import array
import functools
import os
import traceback
import weakref
from multiprocessing import managers as _managers
from multiprocessing import util
from multiprocessing.context import ProcessError
from multiprocessing.managers import BaseManager, BaseProxy, RemoteError, Token  # noqa: F401
from typing import Any, Callable, Iterable, List, Optional

from . import _containers, _files, queues, sharedctypes
from ._proxies import (
    AcquirerProxy,
    ArrayProxy,
    BarrierProxy,
    ConditionProxy,
    DictProxy,
    EventProxy,
    ListProxy,
    LockProxy,
    NamespaceProxy,
    Proxy,
    QueueProxy,
    ValueProxy,
)
from .context import _default_context

__all__ = [*_managers.__all__]

globals().update({k: v for k, v in vars(_managers).items() if k not in globals()})


def _end(made: Any, kept: List[Proxy], servers: List[Any], state: Any) -> None:
    """Removes all that a manager has made, though others may have it open, and ends its server if there is one."""
    for proxy in list(made):
        for file in proxy._references():
            _remove(file)
    kept.clear()
    for server in servers:
        server()
    state.value = _managers.State.SHUTDOWN


def _remove(file: _files.Reference) -> None:
    if not file.life:
        return
    try:
        if file.kind == "dicts":
            _containers.DictFile(file).remove()
        else:
            os.unlink(file.path())
    except OSError:  # it is gone already, or somebody fills it again: then it goes with its last handle
        pass
    file.life.close()
    file.life = None


def _made(make: Callable[..., Any]) -> Any:
    """A method that makes an object: CPython's where the manager is reached at an address."""

    @functools.wraps(make)
    def method(self: SyncManager, /, *args: Any, **kwds: Any) -> Any:
        if not self._on_mount:
            return getattr(_managers.SyncManager, make.__name__)(self, *args, **kwds)
        self._check_started()
        proxy = _as_remote(make, self, *args, **kwds)
        proxy._manager = self
        self._proxies.add(proxy)
        return proxy

    return method


def _as_remote(make: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
    """Calls make(). What is wrong with the arguments is told as CPython's server tells it."""
    try:
        return make(*args, **kwds)
    except OSError:
        raise
    except Exception as e:
        raise RemoteError(traceback.format_exc()) from e


class SyncManager(_managers.SyncManager):
    """Makes shared objects."""

    def __init__(self, address: Any = None, *args: Any, ctx: Any = None, **kwds: Any) -> None:
        super().__init__(address, *args, ctx=ctx or _default_context.get_context(), **kwds)
        self._on_mount = address is None
        self._process: Any = None
        self._proxies: Any = weakref.WeakSet()
        self._kept: List[Proxy] = []
        self._servers: List[Any] = []

    def start(self, initializer: Optional[Callable[..., Any]] = None, initargs: Iterable[Any] = ()) -> None:
        """Makes the manager usable. An initializer is called in a server process, which is then started."""
        if not self._on_mount:
            super().start(initializer, initargs)
            return
        if self._state.value != _managers.State.INITIAL:
            is_started = self._state.value == _managers.State.STARTED
            raise ProcessError("Already started server" if is_started else "Manager has shut down")
        if initializer is not None:
            self._serve(initializer, initargs)
        self._state.value = _managers.State.STARTED
        self.shutdown = util.Finalize(
            self, _end, args=(self._proxies, self._kept, self._servers, self._state), exitpriority=0
        )

    def _serve(self, initializer: Optional[Callable[..., Any]] = None, initargs: Iterable[Any] = ()) -> None:
        """Starts CPython's server, beside the mount."""
        shutdown = vars(self).get("shutdown")
        self._state.value = _managers.State.INITIAL
        super().start(initializer, initargs)
        self._servers.append(self.shutdown)
        if shutdown:
            self.shutdown = shutdown

    def _create(self, typeid: str, /, *args: Any, **kwds: Any) -> Any:
        """Creates, on the server, a pool or what the program has registered itself."""
        if self._on_mount and not self._servers:
            self._check_started()
            self._serve()
        return super()._create(typeid, *args, **kwds)

    def _check_started(self) -> None:
        assert self._state.value == _managers.State.STARTED, "server not yet started"

    def _keep(self, proxy: Proxy) -> None:
        """Another process may have the proxy's name from now on."""
        if proxy not in self._kept:
            self._kept.append(proxy)

    def _number_of_objects(self) -> int:
        served = super()._number_of_objects() if self._servers or not self._on_mount else 0
        return len(self._proxies) + served

    def _debug_info(self) -> str:
        served = super()._debug_info() if self._servers or not self._on_mount else ""
        return "\n".join([*(f"  {proxy!r}" for proxy in self._proxies), served])

    # ---- what it makes

    @_made
    def list(self, sequence: Iterable[Any] = ()) -> ListProxy:
        """A list."""
        proxy = ListProxy(_containers.ListFile.create())
        proxy.extend(sequence)
        return proxy

    @_made
    def dict(self, /, *args: Any, **kwds: Any) -> DictProxy:
        """A dict."""
        proxy = DictProxy(_containers.DictFile.create())
        proxy.update(*args, **kwds)
        return proxy

    @_made
    def Namespace(self, /, **kwds: Any) -> NamespaceProxy:
        """An object with attributes."""
        proxy = NamespaceProxy(_containers.DictFile.create())
        for key, value in kwds.items():
            setattr(proxy, key, value)
        return proxy

    @_made
    def Value(self, typecode: Any, value: Any, lock: Any = True) -> ValueProxy:
        """A single object."""
        file = _containers.DictFile.create()
        file.set("typecode", typecode)
        file.set("value", value)
        return ValueProxy(file)

    @_made
    def Array(self, typecode: str, sequence: Iterable[Any], lock: Any = True) -> ArrayProxy:
        """An array of numbers."""
        return ArrayProxy((typecode, sharedctypes.RawArray(typecode, [*array.array(typecode, sequence)])))

    @_made
    def Lock(self) -> LockProxy:
        """A lock."""
        return LockProxy(self._ctx.Lock())

    @_made
    def RLock(self) -> AcquirerProxy:
        """A recursive lock."""
        return AcquirerProxy(self._ctx.RLock())

    @_made
    def Semaphore(self, value: int = 1) -> AcquirerProxy:
        """A semaphore."""
        return AcquirerProxy(self._ctx.Semaphore(_initial(value)))

    @_made
    def BoundedSemaphore(self, value: int = 1) -> AcquirerProxy:
        """A bounded semaphore."""
        return AcquirerProxy(self._ctx.BoundedSemaphore(_initial(value)))

    @_made
    def Condition(self, lock: Any = None) -> ConditionProxy:
        """A condition."""
        return ConditionProxy(self._ctx.Condition(getattr(lock, "_obj", lock)))

    @_made
    def Event(self) -> EventProxy:
        """An event."""
        return EventProxy(self._ctx.Event())

    @_made
    def Barrier(
        self, parties: int, action: Optional[Callable[[], Any]] = None, timeout: Optional[float] = None
    ) -> BarrierProxy:
        """A barrier."""
        return BarrierProxy(self._ctx.Barrier(parties, action, timeout))

    @_made
    def Queue(self, maxsize: int = 0) -> QueueProxy:
        """A queue."""
        return QueueProxy(queues.NamedQueue(maxsize))

    @_made
    def JoinableQueue(self, maxsize: int = 0) -> QueueProxy:
        """A queue whose items are declared done, as those of Queue() are."""
        return QueueProxy(queues.NamedQueue(maxsize))


def _initial(value: int) -> int:
    if value < 0:
        raise ValueError("semaphore initial value must be >= 0")
    return value
