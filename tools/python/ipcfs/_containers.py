# SPDX-License-Identifier: MIT
"""What a manager's list, dict and namespace are: pickles in ``lists/NAME`` and ``dicts/NAME``.

Every call is one operation of the mount, done wholly or not at all, and other processes see it as such. What
the mount has no operation for, such as sort(), reads all, and writes all if nothing has changed since; else it
begins anew.

An item of a list has no newline in it, so that many can be written as lines, in one step. A key of a dict that is
a str is the name of its file where that can be one; other keys are written after a '%' (see key_name)."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import numbers
import os
import pickle
import re
import time
from multiprocessing import context as _context
from typing import Any, Callable, Iterable, List, Optional, Tuple

from . import _files

__all__ = ["DictFile", "ListFile"]

_ForkingPickler = _context.reduction.ForkingPickler
NAME_MAX = 200


def read_all(fd: int) -> bytes:
    """Reads from offset 0 to the end of the file, which is where a read is short."""
    asked, offset, parts = 1 << 16, 0, []  # a large buffer takes more time than most reads
    while True:
        part = os.pread(fd, asked, offset)
        parts.append(part)
        if len(part) < asked:
            return b"".join(parts)
        offset += len(part)
        asked = 1 << 20


class Container:
    """A list or dict."""

    kind = ""

    def __init__(self, file: _files.Reference) -> None:
        self.file = file

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.file,)

    @classmethod
    def create(cls) -> Any:
        """A new private one."""
        return cls(_files.create(cls.kind, "")[0])

    def command(self, text: bytes) -> None:
        """Writes a command to its view ctl."""
        self.file.write("ctl", text)


# ---- lists

# As multiprocessing.reduction would be read through a file: 0x1b, newline and backslash are written so.
_ESCAPES = ((b"\x1b", b"\x1be"), (b"\n", b"\x1bn"), (b"\\", b"\x1bb"))
_PLAIN = {escaped[1:]: plain for plain, escaped in _ESCAPES}


def pack(obj: Any) -> bytes:
    """An item: the pickle of obj, without newlines and backslashes."""
    data = bytes(_ForkingPickler.dumps(obj))
    for plain, escaped in _ESCAPES:
        data = data.replace(plain, escaped)
    return data


def unpack(item: bytes) -> Any:
    """The object that is in an item."""
    if b"\x1b" in item:
        item = re.sub(b"\x1b(.)", lambda m: _PLAIN[m[1]], item, flags=re.DOTALL)
    return _ForkingPickler.loads(item)


class ListFile(Container):
    """A list, with the operations and errors of Python's."""

    kind = "lists"
    def append(self, obj: Any) -> None:
        """list.append"""
        handle = _files.once(self, "_append", lambda: self.file.open("insert", os.O_WRONLY))
        _files.write(handle.fd, pack(obj))

    def __len__(self) -> int:
        return int(self.file.stat()["items"])

    def _open(self, options: str, flags: int = os.O_RDONLY) -> _files.Handle:
        """Opens it to be unpickled. UntrustedError: others may write what is there under its name by now."""
        handle = self.file.open(options, flags)
        _files.check_trusted(handle.fd, self.file)
        return handle

    def get(self, index: int) -> Any:
        """list[index]"""
        handle = self._open(f"at={index}")
        try:
            return unpack(read_all(handle.fd))
        except OSError as e:
            raise _index_error(e, "list index out of range") from None

    def set(self, index: int, obj: Any) -> None:
        """list[index] = obj"""
        data = pack(obj)
        try:
            self.file.write(f"at={index}", data)
        except OSError as e:
            raise _index_error(e, "list assignment index out of range") from None

    def delete(self, index: int) -> None:
        """del list[index]"""
        try:
            self.command(b"del %d" % index)
        except OSError as e:
            raise _index_error(e, "list assignment index out of range") from None

    def pop(self, index: int = -1) -> Any:
        """list.pop"""
        handle = self._open(f"pop={index},timeout=0")
        try:
            return unpack(b"".join(iter(lambda: os.read(handle.fd, 1 << 16), b"")))
        except BlockingIOError:
            raise IndexError("pop from empty list") from None
        except OSError as e:
            raise _index_error(e, "pop index out of range") from None

    def insert(self, index: int, obj: Any) -> None:
        """list.insert"""
        data = pack(obj)
        try:
            self.file.write(f"insert={index}", data)
        except OSError as e:
            if e.errno != errno.ERANGE:
                raise
            self.file.write("insert" if index > 0 else "insert=0", data)  # as far that way as there are items

    def extend(self, objs: Iterable[Any]) -> None:
        """list.extend"""
        items = [pack(obj) for obj in objs]
        data = b"".join(item + b"\n" for item in items)
        if len(data) > _files.WRITE_MAX:
            self.change(lambda old: old + items)
        elif data:
            self.file.write("", data, os.O_WRONLY | os.O_APPEND)

    def clear(self) -> None:
        """list.clear"""
        self.command(b"clear")

    def items(self, fd: Optional[int] = None) -> List[bytes]:
        """All items, of one moment."""
        handle = self._open("") if fd is None else _files.Handle(os.dup(fd))
        return read_all(handle.fd).split(b"\n")[:-1]

    def objects(self) -> List[Any]:
        """The list."""
        return [unpack(item) for item in self.items()]

    def change(self, how: Callable[[List[bytes]], List[bytes]]) -> None:
        """Makes of all items what how() makes of them, in one step."""
        while True:
            before = self.file.stat()["changes"]
            handle = self._open("cas", os.O_RDWR)
            items = how(self.items(handle.fd))
            data = b"".join(item + b"\n" for item in items)
            try:
                if not data:
                    self._empty(handle)
                elif len(data) <= _files.WRITE_MAX:
                    os.lseek(handle.fd, 0, os.SEEK_SET)
                    os.write(handle.fd, data)
                else:
                    self._replace(data, before)
                return
            except OSError as e:
                if e.errno != errno.ECANCELED:
                    raise

    def _empty(self, handle: _files.Handle) -> None:
        """Leaves no item, if nothing has changed since the handle was read."""
        os.ftruncate(handle.fd, 0)

    def _replace(self, data: bytes, before: str) -> None:
        """The same for more than one write can be: prepared in another list, which is then moved onto this one.

        What another process changes in the moment between the two is lost."""
        file, _ = _files.create("lists", "")
        append = file.open("", os.O_WRONLY | os.O_APPEND)
        for start in range(0, len(data), _files.WRITE_MAX):
            os.write(append.fd, data[start : start + _files.WRITE_MAX])
        append.close()
        if self.file.stat()["changes"] != before:
            raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
        os.rename(file.path(), self.file.path())


def _index_error(e: OSError, words: str) -> Exception:
    return IndexError(words) if e.errno == errno.ERANGE else e


# ---- dicts


def _same(key: Any) -> Any:
    """What stands for all keys that are equal to key: a plain str or tuple, an int or a float for other numbers."""
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, numbers.Number):
        if isinstance(key, complex) and not key.imag:
            key = key.real
        for plain in (int, float):
            try:
                if plain(key) == key:  # type: ignore[call-overload]
                    return plain(key)  # type: ignore[call-overload]
            except (ArithmeticError, TypeError, ValueError):
                pass
        return key
    if isinstance(key, frozenset):
        return (frozenset, sorted(key_name(k) for k in key))
    return tuple(map(_same, key)) if isinstance(key, tuple) and type(key).__eq__ is tuple.__eq__ else key


def _can_be_name(key: str) -> bool:
    try:
        return 0 < len(key.encode()) <= NAME_MAX and not (
            key.startswith("%") or key in (".", "..") or re.search("[/,\0-\x1f\x7f]", key)
        )
    except UnicodeEncodeError:
        return False


def key_name(key: Any) -> str:
    """The name of a key's file: the same for keys that are equal.

    "%i42" is a whole number, "%p..." the key's pickle in base64, and "%h..." a hash, where that is too long or does
    not give the key back. Where such a name does not say it all the key follows the value in the file. TypeError:
    it is not hashable."""
    hash(key)
    same = _same(key)
    if type(same) is str and _can_be_name(same):
        return same
    if type(same) is int and abs(same) < 10**150:
        return f"%i{same}"
    data = _written(same)
    text = base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")
    if len(text) + 2 <= NAME_MAX and same == key:
        return "%p" + text
    return "%h" + hashlib.sha256(data).hexdigest()


def _written(key: Any) -> bytes:
    buf = io.BytesIO()
    pickler = pickle.Pickler(buf, 4)
    pickler.fast = True  # without a memo, so that what is equal is written the same
    pickler.dump(key)
    return buf.getvalue()


class DictFile(Container):
    """A dict, with the operations and errors of Python's."""

    kind = "dicts"

    def _open(self, name: str, flags: int) -> _files.Handle:
        """Opens the file of a key, or a view of it."""
        try:
            return _files.Handle(os.open(name, flags | os.O_CLOEXEC, 0o600, dir_fd=self._own()))
        except FileNotFoundError:
            raise KeyError(name) from None

    def _own(self) -> int:
        """Its folder. UntrustedError if others may write it, of which its keys' names are unpickled as well.

        Found once: who makes another of that name, when it is gone, gets nobody to unpickle that."""

        def make() -> _files.Handle:
            folder = _files.Handle.open(self.file.path(), os.O_PATH | os.O_DIRECTORY)
            _files.check_trusted(folder.fd, self.file)
            return folder

        return _files.once(self, "_folder", make).fd

    def _names(self) -> List[str]:
        """The names of its keys."""
        handle = _files.Handle(os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._own()))
        return os.listdir(handle.fd)

    def missing(self, key: Any) -> KeyError:
        """The error for a key that is not there; FileNotFoundError if the dict is not."""
        try:
            os.stat(self.file.path())
        except FileNotFoundError:
            raise _files.not_there(self.file.path()) from None
        return KeyError(key)

    def _load(self, name: str) -> Tuple[Any, Any]:
        """The value of a name, and its key."""
        handle = self._open(name, os.O_RDONLY)
        return self._unpack(read_all(handle.fd), name)

    def _unpack(self, data: bytes, name: str) -> Tuple[Any, Any]:
        buf = io.BytesIO(data)
        value = pickle.Unpickler(buf).load()
        if name.startswith("%i"):
            return value, int(name[2:])
        if name.startswith(("%p", "%h")) and buf.tell() < len(data):
            return value, pickle.Unpickler(buf).load()
        if name.startswith("%p"):
            return value, pickle.loads(base64.urlsafe_b64decode(name[2:] + "=" * (-(len(name) - 2) % 4)))
        return value, name

    def get(self, key: Any) -> Any:
        """dict[key]"""
        try:
            return self._load(key_name(key))[0]
        except KeyError:
            raise self.missing(key) from None

    def set(self, key: Any, value: Any, flags: int = os.O_TRUNC) -> None:
        """dict[key] = value"""
        name = key_name(key)
        data = bytes(_ForkingPickler.dumps(value))
        if name.startswith("%h") or (name.startswith("%p") and _written(_same(key)) != _written(key)):
            data += _ForkingPickler.dumps(key)
        try:
            handle = self._open(name, os.O_WRONLY | os.O_CREAT | flags)
        except KeyError:
            raise self.missing(key) from None
        for start in range(0, len(data), _files.WRITE_MAX):
            os.write(handle.fd, data[start : start + _files.WRITE_MAX])
        os.fsync(handle.fd)  # now it is there, whole; a close would have nobody to tell of an error

    def delete(self, key: Any) -> None:
        """del dict[key]"""
        try:
            os.unlink(key_name(key), dir_fd=self._own())
        except FileNotFoundError:
            raise self.missing(key) from None

    def _take(self, name: str) -> Tuple[Any, Any]:
        try:
            handle = self._open(name + ",pop", os.O_RDONLY)
            return self._unpack(b"".join(iter(lambda: os.read(handle.fd, 1 << 16), b"")), name)
        except OSError as e:  # gone between the two
            raise KeyError(name) if e.errno in (errno.EIDRM, errno.ENODATA) else e from None

    def pop(self, key: Any) -> Any:
        """dict.pop(key)"""
        try:
            return self._take(key_name(key))[0]
        except KeyError:
            raise self.missing(key) from None

    def popitem(self) -> Tuple[Any, Any]:
        """dict.popitem"""
        while True:
            names = self._names()
            if not names:
                raise KeyError("popitem(): dictionary is empty")
            try:
                value, key = self._take(names[-1])
                return key, value
            except KeyError:
                continue

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """dict.setdefault"""
        while True:
            try:
                return self.get(key)
            except KeyError:
                pass
            try:
                self.set(key, default, os.O_EXCL)
                return default
            except FileExistsError:
                time.sleep(0)  # somebody else is just making it

    def has(self, key: Any) -> bool:
        """key in dict"""
        try:
            os.stat(key_name(key), dir_fd=self._own())
            return True
        except FileNotFoundError:
            return False

    def __len__(self) -> int:
        return int(self.file.stat()["keys"])

    def keys(self) -> List[Any]:
        """All keys, in order of insertion."""
        found = []
        for name in self._names():
            if name.startswith(("%p", "%h")):
                try:
                    found.append(self._load(name)[1])
                except KeyError:
                    pass
            else:
                found.append(int(name[2:]) if name.startswith("%i") else name)
        return found

    def items(self) -> List[Tuple[Any, Any]]:
        """All keys and values, in order of insertion."""
        found = []
        for name in self._names():
            try:
                value, key = self._load(name)
                found.append((key, value))
            except KeyError:  # removed meanwhile
                pass
        return found

    def clear(self) -> None:
        """dict.clear"""
        self.command(b"clear")

    def remove(self) -> None:
        """Removes the dict, with what is in it."""
        self.clear()
        os.rmdir(self.file.path())
