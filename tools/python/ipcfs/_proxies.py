# SPDX-License-Identifier: MIT
"""What a manager's objects are to a program: the proxies of multiprocessing.managers, without a server behind them.

Each stands for an object of the mount and is passed on as its name. Errors are those of the classes that
CPython's server would have: list, dict, array, queue, and threading's locks. Each class is also a subclass of
CPython's, which is the one to register for other types and to ask isinstance() of."""

from __future__ import annotations

import array
import operator
import threading
from multiprocessing import managers as _managers
from multiprocessing.managers import Namespace
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from . import _containers, _files

__all__ = [
    "AcquirerProxy",
    "ArrayProxy",
    "BarrierProxy",
    "ConditionProxy",
    "DictProxy",
    "EventProxy",
    "ListProxy",
    "NamespaceProxy",
    "Proxy",
    "QueueProxy",
    "ValueProxy",
]

_NONE = object()


class Proxy(_managers.BaseProxy):
    """Base of what a manager gives: an object that is passed on by its name.

    A new one stays as long as it is used in the process that made it; one that was sent away, through a queue or
    as an item of a list, until its manager is shut down."""

    _typeid = ""

    def __init__(self, obj: Any, typeid: str = "") -> None:
        self._obj = obj
        self._typeid = typeid or self._typeid
        self._manager: Any = None

    def __reduce__(self) -> Tuple[Any, ...]:
        if self._manager:
            self._manager._keep(self)
        return type(self), (self._obj, self._typeid)

    def _callmethod(self, methodname: str, args: Any = (), kwds: Any = {}) -> Any:  # noqa: B006
        """Calls a method of what it stands for."""
        for cls in type(self).__mro__:
            if cls.__module__ == __name__ and methodname in vars(cls):
                return vars(cls)[methodname](self, *args, **kwds)
        raise _managers.RemoteError(f"AttributeError: method {methodname!r} of {self._typeid!r} object is not exposed")

    def _getvalue(self) -> Any:
        """A copy of what it stands for."""
        raise NotImplementedError

    def _references(self) -> Iterator[_files.Reference]:
        """What is to be removed with it."""
        yield self._obj.file

    def __deepcopy__(self, memo: Any) -> Any:
        return self._getvalue()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object, typeid {self._typeid!r} at {id(self):#x}>"

    def __str__(self) -> str:
        return repr(self._getvalue())


class ListProxy(Proxy, _managers.ListProxy):
    """A list."""

    _typeid = "list"
    _obj: _containers.ListFile

    def _getvalue(self) -> List[Any]:
        return self._obj.objects()

    def _changed(self, how: Callable[[List[Any]], Any]) -> None:
        """Makes of the list what how() makes of it; how() may return another one."""

        def change(items: List[bytes]) -> List[bytes]:
            objects = [_containers.unpack(item) for item in items]
            other = how(objects)
            return [_containers.pack(obj) for obj in (objects if other is None else other)]

        self._obj.change(change)

    def append(self, obj: Any) -> None:
        """list.append"""
        self._obj.append(obj)

    def extend(self, objs: Iterable[Any]) -> None:
        """list.extend"""
        self._obj.extend(objs)

    def insert(self, index: int, obj: Any) -> None:
        """list.insert"""
        self._obj.insert(operator.index(index), obj)

    def pop(self, index: int = -1) -> Any:
        """list.pop"""
        return self._obj.pop(operator.index(index))

    def remove(self, obj: Any) -> None:
        """list.remove"""
        self._changed(lambda objects: objects.remove(obj))

    def clear(self) -> None:
        """list.clear"""
        self._obj.clear()

    def copy(self) -> List[Any]:
        """list.copy"""
        return self._getvalue()

    def reverse(self) -> None:
        """list.reverse"""
        self._obj.change(lambda items: items[::-1])

    def sort(self, *, key: Any = None, reverse: bool = False) -> None:
        """list.sort"""
        self._changed(lambda objects: objects.sort(key=key, reverse=reverse))

    def count(self, obj: Any) -> int:
        """list.count"""
        return self._getvalue().count(obj)

    def index(self, obj: Any, *bounds: int) -> int:
        """list.index"""
        return self._getvalue().index(obj, *bounds)

    def __len__(self) -> int:
        return len(self._obj)

    def __contains__(self, obj: Any) -> bool:
        return obj in self._getvalue()

    def __reversed__(self) -> Iterator[Any]:
        return reversed(self._getvalue())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [_containers.unpack(item) for item in self._obj.items()[index]]
        return self._obj.get(_index(index))

    def __setitem__(self, index: Any, obj: Any) -> None:
        if not isinstance(index, slice):
            self._obj.set(_index(index), obj)
            return
        objs: List[Any] = []
        objs[:] = obj  # TypeError as that of a list
        new = [_containers.pack(o) for o in objs]

        def change(items: List[bytes]) -> List[bytes]:
            items[index] = new
            return items

        self._obj.change(change)

    def __delitem__(self, index: Any) -> None:
        if not isinstance(index, slice):
            self._obj.delete(_index(index))
            return

        def change(items: List[bytes]) -> List[bytes]:
            del items[index]
            return items

        self._obj.change(change)

    def __add__(self, other: Any) -> List[Any]:
        return self._getvalue() + other

    def __mul__(self, n: int) -> List[Any]:
        return self._getvalue().__mul__(n)

    __rmul__ = __mul__

    def __iadd__(self, objs: Iterable[Any]) -> ListProxy:
        self.extend(objs)
        return self

    def __imul__(self, n: int) -> ListProxy:
        self._obj.change(lambda items: items.__mul__(n))
        return self


def _index(index: Any, words: str = "") -> int:
    try:
        return operator.index(index)
    except TypeError:
        words = words or f"list indices must be integers or slices, not {type(index).__name__}"
        raise TypeError(words) from None


class DictProxy(Proxy, _managers.DictProxy):  # type: ignore[misc]
    """A dict."""

    _typeid = "dict"
    _obj: _containers.DictFile

    def _getvalue(self) -> Dict[Any, Any]:
        return dict(self._obj.items())

    def copy(self) -> Dict[Any, Any]:
        """dict.copy"""
        return self._getvalue()

    def __getitem__(self, key: Any) -> Any:
        return self._obj.get(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._obj.set(key, value)

    def __delitem__(self, key: Any) -> None:
        self._obj.delete(key)

    def __contains__(self, key: Any) -> bool:
        return self._obj.has(key)

    def __len__(self) -> int:
        return len(self._obj)

    def __iter__(self) -> Iterator[Any]:
        return self._walk(self._obj.keys())

    def _walk(self, keys: List[Any]) -> Iterator[Any]:
        for i in range(len(keys) + 1):
            if len(self) != len(keys):
                raise RuntimeError("dictionary changed size during iteration")
            yield from keys[i : i + 1]

    def get(self, key: Any, default: Any = None) -> Any:
        """dict.get"""
        try:
            return self._obj.get(key)
        except KeyError:
            return default

    def pop(self, key: Any, default: Any = _NONE) -> Any:
        """dict.pop"""
        try:
            return self._obj.pop(key)
        except KeyError:
            if default is _NONE:
                raise
            return default

    def popitem(self) -> Tuple[Any, Any]:
        """dict.popitem"""
        return self._obj.popitem()

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """dict.setdefault"""
        return self._obj.setdefault(key, default)

    def update(self, /, *args: Any, **kwds: Any) -> None:
        """dict.update; key by key"""
        for key, value in dict(*args, **kwds).items():
            self._obj.set(key, value)

    def clear(self) -> None:
        """dict.clear"""
        self._obj.clear()

    def keys(self) -> List[Any]:
        """dict.keys, as a list"""
        return self._obj.keys()

    def values(self) -> List[Any]:
        """dict.values, as a list"""
        return [value for _, value in self._obj.items()]

    def items(self) -> List[Tuple[Any, Any]]:
        """dict.items, as a list"""
        return self._obj.items()


class NamespaceProxy(Proxy, _managers.NamespaceProxy):
    """An object with attributes; those that begin with an underscore are the proxy's own."""

    _typeid = "Namespace"
    _obj: _containers.DictFile

    def _getvalue(self) -> Namespace:
        return Namespace(**dict(self._obj.items()))

    def _lost(self, key: str) -> AttributeError:
        return AttributeError(f"'Namespace' object has no attribute {key!r}")

    def __getattr__(self, key: str) -> Any:
        if key[0] == "_":
            return object.__getattribute__(self, key)
        try:
            return self._obj.get(key)
        except KeyError:
            raise self._lost(key) from None

    def __setattr__(self, key: str, value: Any) -> None:
        if key[0] == "_":
            object.__setattr__(self, key, value)
        else:
            self._obj.set(key, value)

    def __delattr__(self, key: str) -> None:
        if key[0] == "_":
            object.__delattr__(self, key)
            return
        try:
            self._obj.delete(key)
        except KeyError:
            raise self._lost(key) from None


class ValueProxy(Proxy, _managers.ValueProxy):
    """One object, of any type."""

    _typeid = "Value"
    _obj: _containers.DictFile

    def get(self) -> Any:
        """The object."""
        return self._obj.get("value")

    def set(self, value: Any) -> None:
        """Sets it."""
        self._obj.set("value", value)

    value = property(get, set)

    def _getvalue(self) -> Any:
        return _managers.Value(self._obj.get("typecode"), self.get())  # type: ignore[attr-defined]


class ArrayProxy(Proxy, _managers.ArrayProxy):
    """An array of numbers, in the store's memory."""

    _typeid = "Array"

    def _references(self) -> Iterator[_files.Reference]:
        yield self._obj[1]._wrapper.file

    def _getvalue(self) -> Any:
        typecode, shared = self._obj
        return array.array(typecode, shared[:])

    def __len__(self) -> int:
        return len(self._obj[1])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._getvalue()[index]
        try:
            return self._obj[1][_index(index, "array indices must be integers")]
        except IndexError:
            raise IndexError("array index out of range") from None

    def __setitem__(self, index: Any, value: Any) -> None:
        typecode, shared = self._obj
        if not isinstance(index, slice):
            index = _index(index, "array indices must be integers")
            array.array(typecode, [value])  # TypeError or OverflowError as array.array has them
        elif not isinstance(value, array.array):
            raise TypeError(f'can only assign array (not "{type(value).__name__}") to array slice')
        try:
            shared[index] = value
        except IndexError:
            raise IndexError("array assignment index out of range") from None


class AcquirerProxy(Proxy, _managers.AcquirerProxy):
    """A lock or semaphore, with the errors of threading's."""

    def _references(self) -> Iterator[_files.Reference]:
        yield self._obj._semlock._file

    def acquire(self, blocking: bool = True, timeout: Optional[float] = None) -> bool:
        """Acquires it; False if that was not possible in that time. The arguments are threading's."""
        if timeout is not None:
            if "Semaphore" not in self._typeid:
                threading.Lock().acquire(blocking, timeout)  # ValueError and so on
                timeout = None if timeout == -1 else timeout
            elif not blocking:
                raise ValueError("can't specify timeout for non-blocking acquire")
        return self._obj.acquire(blocking, timeout)

    def release(self) -> None:
        """Releases it."""
        try:
            self._obj.release()
        except AssertionError:
            raise RuntimeError("cannot release un-acquired lock") from None
        except ValueError:
            if self._typeid == "Lock":
                raise RuntimeError("release unlocked lock") from None
            raise ValueError("Semaphore released too many times") from None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *args: Any) -> None:
        self.release()

    def __str__(self) -> str:
        return repr(self._obj)


def _of_condition(c: Any) -> Iterator[_files.Reference]:
    for lock in (c._lock, c._sleeping_count, c._woken_count, c._wait_semaphore):
        yield lock._semlock._file


class ConditionProxy(AcquirerProxy, _managers.ConditionProxy):
    """A condition, with the errors of threading's."""

    _typeid = "Condition"

    def _references(self) -> Iterator[_files.Reference]:
        yield from _of_condition(self._obj)

    def _owned(self, words: str) -> None:
        if not self._obj._lock._semlock._is_mine():
            raise RuntimeError(words)

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits for a notification; False when time was up."""
        self._owned("cannot wait on un-acquired lock")
        return self._obj.wait(timeout)

    def notify(self, n: int = 1) -> None:
        """Wakes n of those who wait."""
        self._owned("cannot notify on un-acquired lock")
        self._obj.notify(n)

    def notify_all(self) -> None:
        """Wakes all who wait."""
        self._owned("cannot notify on un-acquired lock")
        self._obj.notify_all()


class _ObjectProxy(Proxy):
    """Base of those whose methods are the object's own."""

    def _references(self) -> Iterator[_files.Reference]:
        yield self._obj._file

    def __str__(self) -> str:
        return repr(self._obj)

    def fileno(self) -> int:
        """A descriptor for poll(2)."""
        return self._obj.fileno()


class EventProxy(_ObjectProxy, _managers.EventProxy):
    """An event."""

    _typeid = "Event"

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._obj.is_set()

    def set(self) -> None:
        """Sets it."""
        self._obj.set()

    def clear(self) -> None:
        """Clears it."""
        self._obj.clear()

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until it is set; False when time was up."""
        return self._obj.wait(timeout)


class BarrierProxy(_ObjectProxy, _managers.BarrierProxy):
    """A barrier."""

    _typeid = "Barrier"

    def _references(self) -> Iterator[_files.Reference]:
        if not hasattr(self._obj, "_cond"):
            yield from super()._references()
            return
        yield from _of_condition(self._obj._cond)
        yield self._obj._wrapper.file

    def wait(self, timeout: Optional[float] = None) -> int:
        """Waits for the others; gives the index of this arrival."""
        return self._obj.wait(timeout)

    def abort(self) -> None:
        """Breaks it."""
        self._obj.abort()

    def reset(self) -> None:
        """Makes it whole and empty."""
        self._obj.reset()

    @property
    def parties(self) -> int:
        """How many it waits for."""
        return self._obj.parties

    @property
    def n_waiting(self) -> int:
        """How many wait."""
        return self._obj.n_waiting

    @property
    def broken(self) -> bool:
        """Whether it is broken."""
        return self._obj.broken


class QueueProxy(_ObjectProxy):
    """A queue.Queue: what was put is there at once."""

    _typeid = "Queue"

    def put(self, item: Any, block: bool = True, timeout: Optional[float] = None) -> None:
        """Puts an item; Full if there was no room in that time."""
        self._obj.put(item, block, _not_negative(block, timeout))

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Any:
        """Takes the next item; Empty if there was none in that time."""
        return self._obj.get(block, _not_negative(block, timeout))

    def put_nowait(self, item: Any) -> None:
        """put() without waiting."""
        self._obj.put(item, False)

    def get_nowait(self) -> Any:
        """get() without waiting."""
        return self._obj.get(False)

    def qsize(self) -> int:
        """How many items there are."""
        return self._obj.qsize()

    def empty(self) -> bool:
        """Whether there is no item."""
        return self._obj.empty()

    def full(self) -> bool:
        """Whether there is no room."""
        return self._obj.full()

    def task_done(self) -> None:
        """Declares an item done."""
        self._obj.task_done()

    def join(self) -> None:
        """Waits until all items are done."""
        self._obj.join()


def _not_negative(block: bool, timeout: Optional[float]) -> Optional[float]:
    if block and timeout is not None and timeout < 0:
        raise ValueError("'timeout' must be a non-negative number")
    return timeout
