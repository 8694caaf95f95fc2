# SPDX-License-Identifier: MIT
"""The lowest layer: objects of the mount as open files.

A Reference says which object is meant, and is what every object of this package pickles as. A private
object has the property ``temp``: it is there as long as the handle that created it is open somewhere, in its
maker, in what the maker has forked, and in processes to which it was given when they were started.
Whoever gets it later, through a queue say, has its name alone; so the maker keeps what it has passed on
like that, even if it uses it no more itself: the last KEPT of them.

All waiting is done by the server: a read or write that would wait is parked there. A limit of time
belongs to an open file, so one that others share is never given one; who waits with a limit opens the
object for himself.
"""

from __future__ import annotations

import collections
import ctypes
import errno
import fcntl
import math
import os
import struct
import time
from typing import Any, Callable, Deque, List, Optional, Tuple

from multiprocessing import context, reduction

__all__ = ["Handle", "Reference", "UntrustedError", "attach", "create", "mount"]

IPCFS_TIMEOUT = 0x4008F501  # _IOW(0xF5, 1, int64_t): nanoseconds
FOREVER = 10.0**9  # seconds; a longer limit of time is none
WRITE_MAX = (1 << 20) - 4096  # bytes of one write through a file
KEPT = 256
PASSED_MAX = 200  # descriptors given to one new process; a fork server takes 256 at most

_kept: Deque[Handle] = collections.deque(maxlen=KEPT)
_libc = ctypes.CDLL(None, use_errno=True)


class UntrustedError(PermissionError):
    """What would be unpickled may have been written by another user."""


def mount() -> str:
    """The mount: $IPCFS_MOUNT, else /ipc."""
    return os.environ.get("IPCFS_MOUNT") or "/ipc"


def check_name(name: str) -> str:
    """Gives name back if it can be an object's: a comma in it, or a dot in front, would mean something else."""
    if not isinstance(name, str):
        raise TypeError(f"name must be str, not {type(name).__name__}")
    for part in name.split("/"):
        if not part or part.startswith(".") or "," in part or any(ord(c) < 32 or ord(c) == 127 for c in part):
            raise ValueError(f"not a name of an object: {name!r}")
    return name


def not_there(path: str) -> FileNotFoundError:
    """The error for a path that is not there: in clear words where no mount is."""
    if not os.path.exists(os.path.join(mount(), "status")):
        return FileNotFoundError(errno.ENOENT, "ipcfs is not mounted here (is IPCFS_MOUNT right?)", mount())
    folder = os.path.dirname(path)
    if not os.path.exists(folder):
        return FileNotFoundError(errno.ENOENT, "there is no folder of this name (mkdir makes one)", folder)
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


class Handle:
    """An open file, closed with its last reference."""

    __slots__ = ("fd", "__weakref__")

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def open(cls, path: str, flags: int, mode: int = 0o600) -> Handle:
        """Opens path."""
        try:
            return cls(os.open(path, flags | os.O_CLOEXEC, mode))
        except FileNotFoundError:
            raise not_there(path) from None
        except FileExistsError:
            if flags & os.O_EXCL:
                raise
            words = "the object exists with other properties (see its view stat)"
            raise FileExistsError(errno.EEXIST, words, path) from None

    def close(self, _close: Any = os.close) -> None:
        """Closes it; once more does nothing."""
        fd = getattr(self, "fd", -1)  # a signal's handler may have kept __init__ from setting it
        self.fd = -1
        if fd >= 0:
            _close(fd)

    __del__ = close


def once(obj: Any, name: str, make: Callable[[], Handle]) -> Handle:
    """The handle that obj keeps as its attribute name, made when it is first needed.

    Where threads make several at once, all get the first to be kept; none is closed while another uses it."""
    kept = vars(obj)
    return kept.get(name) or kept.setdefault(name, make())


class Reference:
    """Which object: its kind, its name, and the handle (or None) that keeps it there."""

    __slots__ = ("kind", "name", "life", "__weakref__")

    def __init__(self, kind: str, name: str, life: Optional[Handle] = None) -> None:
        self.kind = kind
        self.name = name
        self.life = life

    def __repr__(self) -> str:
        return f"{self.kind}/{self.name}"

    def path(self, options: str = "") -> str:
        """Its path, with options such as "peek"."""
        path = os.path.join(mount(), self.kind, self.name)
        return f"{path},{options}" if options else path

    def open(self, options: str = "", flags: int = os.O_RDWR) -> Handle:
        """Opens it anew."""
        return Handle.open(self.path(options), flags)

    def handle(self) -> Handle:
        """A handle for reading and writing: the one that keeps it there, or a new one."""
        return self.life or self.open()

    def write(self, options: str, data: Any, flags: int = os.O_WRONLY) -> None:
        """Opens it anew and writes once."""
        handle = self.open(options, flags)
        write(handle.fd, data)

    def name_alone(self) -> Reference:
        """The same object, not kept there."""
        return Reference(self.kind, self.name)

    def stat(self) -> dict[str, str]:
        """What the view ``stat`` shows; of keys that come several times, the last."""
        with open(self.path("stat"), encoding="utf-8", errors="surrogateescape") as f:
            return dict(line.rstrip("\n").partition(" ")[::2] for line in f)

    def __reduce__(self) -> Tuple[Any, ...]:
        popen = context.get_spawning_popen()
        if self.life and popen is not None and len(popen._fds) < PASSED_MAX:
            return _rebuild, (self.kind, self.name, reduction.DupFd(self.life.fd))
        if self.life and self.life not in _kept:
            _kept.append(self.life)
        return _rebuild, (self.kind, self.name, None)


def _rebuild(kind: str, name: str, passed: Any) -> Reference:
    return Reference(kind, name, Handle(passed.detach()) if passed else None)


def create(kind: str, properties: str, name: Optional[str] = None) -> Tuple[Reference, Handle]:
    """Makes a private object, or opens the one called name and makes it if it is not there.

    It can then be read and written by its owner alone. FileExistsError: it has other properties."""
    if name is not None:
        reference = Reference(kind, check_name(name))
        return reference, Handle.open(reference.path(properties), os.O_RDWR | os.O_CREAT)
    while True:
        reference = Reference(kind, f"py-{os.getpid()}-{os.urandom(8).hex()}")
        options = f"temp,{properties}" if properties else "temp"
        try:
            reference.life = Handle.open(reference.path(options), os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            continue
        return reference, reference.life


def create_or_open(kind: str, new: str, old: str, name: str) -> Tuple[Reference, bool]:
    """Makes the object called name with the properties new, or opens it with old; and whether it was made."""
    reference = attach(kind, name)
    try:
        Handle.open(reference.path(new), os.O_RDWR | os.O_CREAT | os.O_EXCL)
        return reference, True
    except FileExistsError:
        reference.open(old)
        return reference, False


def attach(kind: str, name: str) -> Reference:
    """The object of that kind and name, which somebody has made or will make."""
    return Reference(kind, check_name(name))


def check_trusted(fd: int, what: Any) -> None:
    """UntrustedError unless what was opened as fd belongs to us or root, and no other may write it.

    Membership of a group changes, so what a group may write counts as written by others."""
    st = os.fstat(fd)
    if st.st_uid not in (os.geteuid(), 0) or st.st_mode & 0o022:
        raise UntrustedError(
            errno.EPERM,
            f"will not unpickle what user {st.st_uid} or others may have written (mode {st.st_mode & 0o777:04o}; "
            "'chmod go-w' it, or use raw bytes)",
            str(what),
        )


# ---- waiting with a limit of time


def limit(timeout: Optional[float]) -> Optional[float]:
    """A limit of time as given by a caller: None for none, never negative; TypeError and OSError as CPython's."""
    if timeout is None:
        return None
    timeout = math.copysign(timeout, timeout)  # it as a float
    if math.isnan(timeout):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return max(timeout, 0.0) if timeout < FOREVER else None


def set_timeout(fd: int, timeout: Optional[float]) -> None:
    """Sets the longest wait of an open file: 0 not at all, None for ever."""
    nanoseconds = -1 if timeout is None else int(timeout * 1e9) if timeout > 0 else 0
    fcntl.ioctl(fd, IPCFS_TIMEOUT, struct.pack("q", nanoseconds))


def _again(fd: int, deadline: float) -> bool:
    """After a call of the C library failed: whether to do it again. Raises, or is False when time is up."""
    number = ctypes.get_errno()
    if number in (errno.ETIMEDOUT, errno.EAGAIN):
        return False
    if number not in (errno.EINTR, errno.EBUSY):
        raise OSError(number, os.strerror(number))
    # The handler has run by now. os.read would begin anew with the whole limit of time.
    set_timeout(fd, max(0.0, deadline - time.monotonic()))
    return True


def read_until(fd: int, size: int, deadline: float, into: Optional[bytearray] = None) -> Optional[bytes]:
    """Reads; None if that had to wait until the deadline. The open file must be the caller's alone.

    If into is given it is there that is read: its owner sees it, should a signal's handler raise just then."""
    buffer = (ctypes.c_char * size).from_buffer(into if into is not None else bytearray(size))
    set_timeout(fd, max(0.0, deadline - time.monotonic()))
    while True:
        n = _libc.read(fd, buffer, ctypes.c_size_t(size))
        if n >= 0:
            return buffer.raw[:n]
        if not _again(fd, deadline):
            return None


def write_until(fd: int, data: bytes, deadline: float) -> bool:
    """Writes; False if that had to wait until the deadline. The open file must be the caller's alone."""
    set_timeout(fd, max(0.0, deadline - time.monotonic()))
    while True:
        if _libc.write(fd, data, ctypes.c_size_t(len(data))) >= 0:
            return True
        if not _again(fd, deadline):
            return False


def write(fd: int, data: Any, done: Optional[List[int]] = None) -> None:
    """Writes what need not wait long, such as a release, which must not get lost.

    EBUSY: a program that uses the C library is stopped while it works on the object. Something is put into done
    in the same step: should a signal's handler raise, that tells whether it is written."""
    done = [] if done is None else done
    while True:
        try:
            done.extend(map(os.write, (fd,), (data,)))
            return
        except OSError as e:
            if e.errno != errno.EBUSY:
                raise
