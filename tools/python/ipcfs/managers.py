# SPDX-License-Identifier: MIT
"""multiprocessing.managers, whose SyncManager needs no server process: what it makes is on the mount.

Its objects are there until shutdown(), or until the process that made the manager is gone. CPython's own server is
started only for Pool(), for what a program registers itself, for an initializer, and where a manager has an
address."""

from __future__ import annotations

import array
import functools
import os
import socket
import traceback
import weakref
from multiprocessing import managers as _managers
from multiprocessing import util
from multiprocessing.context import ProcessError
from multiprocessing.managers import BaseManager, BaseProxy, RemoteError, Token  # noqa: F401
from typing import Any, Callable, Dict, Iterable, List, Optional

from . import _containers, _files, _proxies, queues, sharedctypes
from .context import _default_context

__all__ = [*_managers.__all__]

# The proxies that are found here are CPython's: a program registers them for types of its own, which are served.
# Those that are returned here are subclasses of them.
globals().update({k: v for k, v in vars(_managers).items() if k not in globals()})


class _Kept:
    """What other processes may have the names of: it is there until its manager is shut down.

    A forked child, too, makes objects with its parent's manager, and they are to outlive it. The descriptors that
    keep them are sent to the parent, who need not look: on their way, in the socket, they do as well."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._proxies: Dict[int, _proxies.Proxy] = {}
        self._handles: List[_files.Handle] = []
        self._here, self._there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._here.setblocking(False)
        self._there.setblocking(False)

    def add(self, proxy: _proxies.Proxy) -> None:
        """Keeps what a proxy stands for."""
        if id(proxy) in self._proxies:
            return
        self._proxies[id(proxy)] = proxy
        if os.getpid() == self._pid:
            self._receive()
            return
        for file in proxy._references():
            if file.life:
                try:
                    socket.send_fds(self._there, [b"."], [file.life.fd])
                except OSError:  # too many are on their way: it goes with this process
                    pass

    def _receive(self) -> None:
        while True:
            try:
                _, fds, _, _ = socket.recv_fds(self._here, 1, 1, socket.MSG_CMSG_CLOEXEC)
            except OSError:
                return
            self._handles += map(_files.Handle, fds)

    def clear(self) -> None:
        """Keeps nothing any longer."""
        self._here.close()
        self._there.close()
        self._proxies.clear()
        self._handles.clear()


def _end(made: Any, kept: Any, servers: List[Any], state: Any) -> None:
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


def _as_remote(make: Callable[..., Any], /, *args: Any, **kwds: Any) -> Any:
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
        self._kept: Any = None
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
        self._kept = _Kept()
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

    @property
    def address(self) -> Any:
        """The address of CPython's server, which is started if it is not there."""
        if self._on_mount and self._state.value == _managers.State.STARTED and not self._servers:
            self._serve()
        return self._address

    def _create(self, typeid: str, /, *args: Any, **kwds: Any) -> Any:
        """Creates, on the server, a pool or what the program has registered itself."""
        if self._on_mount and not self._servers:
            self._check_started()
            self._serve()
        return super()._create(typeid, *args, **kwds)

    def _check_started(self) -> None:
        assert self._state.value == _managers.State.STARTED, "server not yet started"

    def _keep(self, proxy: _proxies.Proxy) -> None:
        """Another process may have the proxy's name from now on."""
        self._kept.add(proxy)

    def _number_of_objects(self) -> int:
        served = super()._number_of_objects() if self._servers or not self._on_mount else 0
        return len(self._proxies) + served

    def _debug_info(self) -> str:
        served = super()._debug_info() if self._servers or not self._on_mount else ""
        return "\n".join([*(f"  {proxy!r}" for proxy in self._proxies), served])

    # ---- what it makes

    @_made
    def list(self, sequence: Iterable[Any] = ()) -> _proxies.ListProxy:
        """A list."""
        proxy = _proxies.ListProxy(_containers.ListFile.create())
        proxy.extend(sequence)
        return proxy

    @_made
    def dict(self, /, *args: Any, **kwds: Any) -> _proxies.DictProxy:
        """A dict."""
        proxy = _proxies.DictProxy(_containers.DictFile.create())
        proxy.update(*args, **kwds)
        return proxy

    @_made
    def Namespace(self, /, **kwds: Any) -> _proxies.NamespaceProxy:
        """An object with attributes."""
        proxy = _proxies.NamespaceProxy(_containers.DictFile.create())
        for key, value in kwds.items():
            setattr(proxy, key, value)
        return proxy

    @_made
    def Value(self, typecode: Any, value: Any, lock: Any = True) -> _proxies.ValueProxy:
        """A single object."""
        file = _containers.DictFile.create()
        file.set("typecode", typecode)
        file.set("value", value)
        return _proxies.ValueProxy(file)

    @_made
    def Array(self, typecode: str, sequence: Iterable[Any], lock: Any = True) -> _proxies.ArrayProxy:
        """An array of numbers."""
        return _proxies.ArrayProxy((typecode, sharedctypes.RawArray(typecode, [*array.array(typecode, sequence)])))

    @_made
    def Lock(self) -> _proxies.AcquirerProxy:
        """A lock."""
        return _proxies.AcquirerProxy(self._ctx.Lock(), "Lock")

    @_made
    def RLock(self) -> _proxies.AcquirerProxy:
        """A recursive lock."""
        return _proxies.AcquirerProxy(self._ctx.RLock(), "RLock")

    @_made
    def Semaphore(self, value: int = 1) -> _proxies.AcquirerProxy:
        """A semaphore."""
        return _proxies.AcquirerProxy(self._ctx.Semaphore(_initial(value)), "Semaphore")

    @_made
    def BoundedSemaphore(self, value: int = 1) -> _proxies.AcquirerProxy:
        """A bounded semaphore."""
        return _proxies.AcquirerProxy(self._ctx.BoundedSemaphore(_initial(value)), "BoundedSemaphore")

    @_made
    def Condition(self, lock: Any = None) -> _proxies.ConditionProxy:
        """A condition."""
        return _proxies.ConditionProxy(self._ctx.Condition(getattr(lock, "_obj", lock)))

    @_made
    def Event(self) -> _proxies.EventProxy:
        """An event."""
        return _proxies.EventProxy(self._ctx.Event())

    @_made
    def Barrier(
        self, parties: int, action: Optional[Callable[[], Any]] = None, timeout: Optional[float] = None
    ) -> _proxies.BarrierProxy:
        """A barrier."""
        return _proxies.BarrierProxy(self._ctx.Barrier(parties, action, timeout))

    @_made
    def Queue(self, maxsize: int = 0) -> _proxies.QueueProxy:
        """A queue."""
        return _proxies.QueueProxy(queues.NamedQueue(maxsize))

    @_made
    def JoinableQueue(self, maxsize: int = 0) -> _proxies.QueueProxy:
        """A queue whose items are declared done, as those of Queue() are."""
        return _proxies.QueueProxy(queues.NamedQueue(maxsize), "JoinableQueue")


def _initial(value: int) -> int:
    if value < 0:
        raise ValueError("semaphore initial value must be >= 0")
    return value
