# SPDX-License-Identifier: MIT
"""multiprocessing.connection, whose Pipe() is a duplex message pipe of the mount: ``pipes/NAME``, ends a and b.

Each message is one of the pipe. What does not fit in one, or is empty, or begins like an announcement, is
announced by a message that tells its length, and follows in pieces. Listener, Client, wait() and the Connection
that is a socket are multiprocessing's own."""

from __future__ import annotations

import errno
import io
import os
import select
import struct
from multiprocessing import connection as _connection
from multiprocessing import reduction
from multiprocessing.connection import Client, Listener, wait
from typing import Any, Optional, Tuple

from . import _files

__all__ = ["Client", "Listener", "Pipe", "PipeConnection", "open_pipe", "wait"]

# Whoever reaches into multiprocessing.connection finds the rest of it here as well.
globals().update({k: v for k, v in vars(_connection).items() if k not in globals()})

MAGIC = b"\nipcfs>\n"
ANNOUNCEMENT = struct.Struct("<8sQ")
# Bytes of a read; primes, as only a message of just that length would be taken for the beginning of a longer one.
# Ours of that length are announced. (A buffer of 1 MiB costs more time than most messages take.)
READ_FIRST, READ_MORE = 65521, 1048573


class PipeConnection(_connection.Connection):
    """One end of a pipe."""

    def __init__(
        self,
        file: _files.Reference,
        end: str,
        readable: bool = True,
        writable: bool = True,
        handle: Optional[_files.Handle] = None,
    ) -> None:
        self._file = file
        self._end = end
        self._open: Optional[_files.Handle] = handle or file.open(end)
        super().__init__(self._open.fd, readable, writable)

    def _close(self) -> None:
        for handle in (self._open, self._file.life):
            if handle:
                handle.close()
        self._open = None

    def __del__(self) -> None:
        pass  # the handles close by themselves

    @property
    def name(self) -> str:
        """The name below ``pipes/``."""
        return self._file.name

    def recv(self) -> Any:
        """Receives an object. UntrustedError: it may come from another user."""
        self._check_closed()
        self._check_readable()
        data = self._recv_bytes()
        if not self._file.life:  # a private one nobody else can open
            _files.check_trusted(self._handle, self._file)
        return reduction.ForkingPickler.loads(data.getbuffer())  # type: ignore[union-attr]

    # ---- messages

    def _send_bytes(self, buf: Any) -> None:
        view = memoryview(buf)
        try:
            if 0 < len(view) < READ_FIRST and view[: len(MAGIC)] != MAGIC:
                os.write(self._handle, view)
                return
            piece = _files.WRITE_MAX
            if not self._file.life:  # others may have made it, of another capacity
                piece = min(piece, int(self._file.stat()["capacity"]))
            os.write(self._handle, ANNOUNCEMENT.pack(MAGIC, len(view)))
            for start in range(0, len(view), piece):
                os.write(self._handle, view[start : start + piece])
        except OSError as e:
            if e.errno == errno.EIDRM:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None
            raise

    def _recv_bytes(self, maxsize: Optional[int] = None) -> Optional[io.BytesIO]:
        data = self._read(READ_FIRST)
        if len(data) == ANNOUNCEMENT.size and data.startswith(MAGIC):
            return self._announced(ANNOUNCEMENT.unpack(data)[1], maxsize)
        buf = io.BytesIO()
        buf.write(data)
        asked = READ_FIRST
        while len(data) == asked:
            asked = READ_MORE
            data = self._read(asked)
            buf.write(data)
        return None if maxsize is not None and buf.tell() > maxsize else buf

    def _announced(self, size: int, maxsize: Optional[int]) -> Optional[io.BytesIO]:
        if maxsize is not None and size > maxsize:
            return None
        buf = io.BytesIO()
        while buf.tell() < size:
            left = min(size - buf.tell(), _files.WRITE_MAX)
            while left:
                try:
                    data = self._read(left)
                except EOFError:
                    raise OSError("got end of file during message") from None
                buf.write(data)
                left -= len(data)
        return buf

    def _read(self, size: int) -> bytes:
        """Reads a message, or what is left of one; EOFError: the other end is closed."""
        while True:
            try:
                data = os.read(self._handle, size)
            except OSError as e:
                if e.errno == errno.EIDRM:
                    raise EOFError from None
                raise
            if data:
                return data
            poll = select.poll()
            poll.register(self._handle, select.POLLIN)
            if any(event & select.POLLHUP for _, event in poll.poll(0)):
                raise EOFError

    def _poll(self, timeout: Optional[float]) -> bool:
        return bool(wait([self], timeout))

    # ---- passing it on

    def __reduce__(self) -> Tuple[Any, ...]:
        self._check_closed()
        file = self._file
        # An end must not look closed while it is on its way to another process, so a private one goes as
        # a descriptor, too. One with a name can be opened by that name at any time.
        end = reduction.DupFd(self._handle) if file.life else None
        life = reduction.DupFd(file.life.fd) if file.life else None
        return _rebuild, (file.name, self._end, self._readable, self._writable, end, life)


def _rebuild(name: str, end: str, readable: bool, writable: bool, fd: Any, life: Any) -> PipeConnection:
    file = _files.Reference("pipes", name)
    handle = _files.Handle(fd.detach()) if fd else None
    file.life = _files.Handle(life.detach()) if life else None
    return PipeConnection(file, end, readable, writable, handle)


def Pipe(duplex: bool = True, *, name: Optional[str] = None) -> Tuple[PipeConnection, PipeConnection]:
    """Returns both ends of a pipe; if it is not duplex, the first receives and the second sends."""
    file, _ = _files.create("pipes", "", name)
    ends = []
    for end in "ab":
        life = _files.Handle(os.dup(file.life.fd)) if file.life else None
        own = _files.Reference("pipes", file.name, life)
        ends.append(PipeConnection(own, end, duplex or end == "a", duplex or end == "b"))
    return ends[0], ends[1]


def open_pipe(name: str, end: str) -> PipeConnection:
    """Opens the end "a" or "b" of the pipe of that name, and makes the pipe if it is not there."""
    if end not in ("a", "b"):
        raise ValueError(f"a pipe has the ends 'a' and 'b', not {end!r}")
    file, _ = _files.create("pipes", "", name)
    return PipeConnection(file, end)
