# SPDX-License-Identifier: MIT
"""multiprocessing.sharedctypes over ``values/`` and ``arrays/``: ctypes objects in the store's memory.

A value or array of a type that the mount knows is one there, so any program reads it as text, or maps it, or
loads it with numpy. Others, such as structures, are an array of bytes of their size."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from multiprocessing import context as _context
from multiprocessing import sharedctypes as _sharedctypes
from typing import Any, Optional, Tuple

from . import _files

__all__ = ["RawValue", "RawArray", "Value", "Array", "copy", "synchronized"]

# Whoever reaches into multiprocessing.sharedctypes finds the rest of it here as well.
globals().update({k: v for k, v in vars(_sharedctypes).items() if k not in globals()})

_ForkingPickler = _context.reduction.ForkingPickler
_DATA = 4096  # where in its file an object's data begins
_TYPES = "?bBhHiIlLqQfdcu"
typecode_to_type = {**_sharedctypes.typecode_to_type, "?": ctypes.c_bool}


class Memory:
    """The memory of a value or array, mapped."""

    def __init__(self, file: _files.Reference, size: int) -> None:
        self.file = file
        self._size = size
        path = os.path.join(_files.mount(), "shm", file.kind, file.name)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            if os.path.isdir(os.path.join(_files.mount(), "shm")):
                raise
            raise OSError(
                errno.ENODEV,
                "Value and Array need the store's memory, and here the mount's link to it leads nowhere",
                os.path.join(_files.mount(), "shm"),
            ) from None
        try:
            self._map = mmap.mmap(fd, max(size, 1), offset=_DATA)
        finally:
            os.close(fd)

    def create_memoryview(self) -> memoryview:
        """The memory."""
        return memoryview(self._map)[: self._size]

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.file, self._size)


def _code(type_: Any) -> Optional[str]:
    """The mount's code of a ctypes type that it knows."""
    code = getattr(type_, "_type_", None) if issubclass(type_, ctypes._SimpleCData) else None
    return code if isinstance(code, str) and code in _TYPES else None


def _shape(type_: Any) -> Tuple[str, str]:
    """The kind and properties of the object that holds a type; TypeError if it is none."""
    size = ctypes.sizeof(type_)
    if _code(type_):
        return "values", f"type={_code(type_)}"
    if issubclass(type_, ctypes.Array) and _code(type_._type_):
        return "arrays", f"type={_code(type_._type_)},len={max(type_._length_, 1)}"
    return "arrays", f"type=B,len={max(size, 1)}"


def _meet(kind: str, properties: str, name: str) -> Tuple[Any, bool]:
    """Makes the object called name, or opens it. ctypes has one type for l and q, where they are the same: it may
    be of the other, as what the shell has made is."""
    others = {"type=l": "type=q", "type=L": "type=Q"} if ctypes.c_long is ctypes.c_longlong else {}
    try:
        return _files.create_or_open(kind, properties, properties, name)
    except FileExistsError:
        if properties[:6] not in others:
            raise
    return _files.create_or_open(kind, properties, others[properties[:6]] + properties[6:], name)


def _new(type_: Any, name: Optional[str] = None) -> Tuple[Any, bool]:
    """An object of that type, and whether it is new. Who meets another's has its contents."""
    kind, properties = _shape(type_)
    if name is None:
        file, new = _files.create(kind, properties)[0], True
    else:
        file, new = _meet(kind, properties, name)
    return rebuild_ctype(type_, Memory(file, ctypes.sizeof(type_)), None), new


def RawValue(typecode_or_type: Any, *args: Any, name: Optional[str] = None) -> Any:
    """A ctypes object in shared memory."""
    type_ = typecode_to_type.get(typecode_or_type, typecode_or_type)
    obj, new = _new(type_, name)
    if new:
        obj.__init__(*args)
    return obj


def RawArray(typecode_or_type: Any, size_or_initializer: Any, *, name: Optional[str] = None) -> Any:
    """A ctypes array in shared memory, of zeros or with the elements of a sequence."""
    type_ = typecode_to_type.get(typecode_or_type, typecode_or_type)
    if isinstance(size_or_initializer, int):
        return _new(type_ * size_or_initializer, name)[0]
    obj, new = _new(type_ * len(size_or_initializer), name)
    if new:
        obj.__init__(*size_or_initializer)
    return obj


def _locked(obj: Any, lock: Any, ctx: Any, name: Optional[str]) -> Any:
    """obj with the lock that was asked for: one of its own, of the same name, or the caller's, or none."""
    if lock is False:
        return obj
    ctx = _a_context(ctx)
    if lock in (True, None):
        lock = ctx.RLock(name=name)
    if not hasattr(lock, "acquire"):
        raise AttributeError("%r has no method 'acquire'" % lock)
    return synchronized(obj, lock, ctx=ctx)


def _a_context(ctx: Any) -> Any:
    if ctx is None:
        from .context import _default_context

        ctx = _default_context.get_context()
    return ctx


def Value(typecode_or_type: Any, *args: Any, lock: Any = True, ctx: Any = None, name: Optional[str] = None) -> Any:
    """A synchronization wrapper for a RawValue."""
    return _locked(RawValue(typecode_or_type, *args, name=name), lock, ctx, name)


def Array(
    typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True, ctx: Any = None, name: Optional[str] = None
) -> Any:
    """A synchronization wrapper for a RawArray."""
    return _locked(RawArray(typecode_or_type, size_or_initializer, name=name), lock, ctx, name)


def copy(obj: Any) -> Any:
    """A copy in shared memory of its own."""
    new_obj, _ = _new(type(obj))
    ctypes.pointer(new_obj)[0] = obj
    return new_obj


def synchronized(obj: Any, lock: Any = None, ctx: Any = None) -> Any:
    """A wrapper that locks around each access."""
    assert not isinstance(obj, _sharedctypes.SynchronizedBase), "object already synchronized"
    ctx = _a_context(ctx)
    if isinstance(obj, ctypes._SimpleCData):
        return Synchronized(obj, lock, ctx)
    if isinstance(obj, ctypes.Array):
        return (SynchronizedString if obj._type_ is ctypes.c_char else SynchronizedArray)(obj, lock, ctx)
    cls = type(obj)
    scls = class_cache.get(cls)
    if scls is None:
        fields = {field[0]: _sharedctypes.make_property(field[0]) for field in cls._fields_}
        scls = class_cache[cls] = type("Synchronized" + cls.__name__, (SynchronizedBase,), fields)
    return scls(obj, lock, ctx)


class_cache: Any = type(_sharedctypes.class_cache)()


class SynchronizedBase(_sharedctypes.SynchronizedBase):
    """Base of the wrappers. They pickle as the names of the object and of its lock."""

    def __init__(self, obj: Any, lock: Any = None, ctx: Any = None) -> None:
        super().__init__(obj, lock or _a_context(ctx).RLock(), ctx)

    def __reduce__(self) -> Tuple[Any, ...]:
        type_, memory, length = _parts(self._obj)
        return _rebuild_synchronized, (type_, memory, length, self._lock)


class Synchronized(SynchronizedBase, _sharedctypes.Synchronized):
    """A simple value; ``with v.get_lock(): v.value += 1``."""


class SynchronizedArray(SynchronizedBase, _sharedctypes.SynchronizedArray):
    """An array."""


class SynchronizedString(SynchronizedArray, _sharedctypes.SynchronizedString):
    """An array of characters."""


def _rebuild_synchronized(type_: Any, memory: Memory, length: Optional[int], lock: Any) -> Any:
    return synchronized(rebuild_ctype(type_, memory, length), lock)


def _parts(obj: Any) -> Tuple[Any, Any, Optional[int]]:
    if isinstance(obj, ctypes.Array):
        return obj._type_, obj._wrapper, obj._length_
    return type(obj), obj._wrapper, None


def reduce_ctype(obj: Any) -> Tuple[Any, ...]:
    """How multiprocessing pickles a ctypes object, once there was a shared one of its type.

    One that is not shared pickles by value; one of multiprocessing.sharedctypes as there."""
    memory = getattr(obj, "_wrapper", None)
    if isinstance(memory, Memory):
        return rebuild_ctype, _parts(obj)
    return obj.__reduce__() if memory is None else _sharedctypes.reduce_ctype(obj)


def rebuild_ctype(type_: Any, memory: Memory, length: Optional[int]) -> Any:
    """The ctypes object in that memory."""
    if length is not None:
        type_ = type_ * length
    _ForkingPickler.register(type_, reduce_ctype)
    obj = type_.from_buffer(memory.create_memoryview())
    obj._wrapper = memory
    return obj
