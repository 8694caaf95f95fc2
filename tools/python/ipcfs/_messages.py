# SPDX-License-Identifier: MIT
"""Messages over ``queues/NAME``: pickles and raw bytes, of any length.

What fits in one write(2) is one. A longer message is gathered through the view ``block``, becomes a message as
a whole, and ends with a trailer that tells its length: a writer who is killed meanwhile leaves a message without
one, which readers drop. Whoever reads does so through a handle of his process alone, since a handle has left
what was too long for a read, and is asked how much that is; within the process one thread at a time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pickletools
import select
import struct
import threading
import time
from typing import Any, Optional

from . import _files

__all__ = ["Reader", "Writer"]

READ_FIRST, READ_MORE = 1 << 16, 1 << 20  # bytes: a large buffer costs time for small messages
IPCFS_ITEM = 0x8018F503  # _IOR(0xF5, 3, struct ipcfs_item)
ITEM = struct.Struct("QQQ")  # number, attempt, unread
TRAILER = struct.Struct("<8sQ")
MAGIC = b"\nipcfs.\n"


def is_whole_pickle(data: bytes) -> bool:
    """Whether data is a whole pickle, by its own end; without executing anything of it."""
    if not data.endswith(b"."):
        return False
    try:
        last = None
        for _, _, last in pickletools.genops(data):  # noqa: B007
            pass
        return last == len(data) - 1
    except ValueError:
        return False


class Reader:
    """Takes messages from a queue."""

    def __init__(self, file: _files.Reference, raw: bool = False) -> None:
        self.file = file
        self.raw = raw
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()  # who reads
        self._opening = threading.Lock()
        self._handle: Optional[_files.Handle] = None
        self._waits: Optional[float] = None
        self.closed = False

    def __getstate__(self) -> Any:
        return (self.file, self.raw)

    def __setstate__(self, state: Any) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def close(self) -> None:
        """Closes its handle."""
        handle, self._handle = self._handle, None
        self.closed = True
        if handle:
            handle.close()

    def _own(self) -> _files.Handle:
        """This process's handle."""
        if self.closed:
            raise OSError("handle is closed")
        with self._opening:
            if self._handle is None:
                handle = self.file.open("stream", os.O_RDONLY)
                if not self.raw:
                    _files.check_trusted(handle.fd, self.file)
                self._handle = handle
                self._waits = None
            return self._handle

    def _after_fork(self) -> None:
        if self._pid != os.getpid():
            closed, handle = self.closed, self._handle
            self._start()
            self.closed = closed
            if handle:
                handle.close()

    def fileno(self) -> int:
        """A descriptor that poll(2) finds readable when there is a message."""
        self._after_fork()
        return self._own().fd

    def poll(self, timeout: Optional[float] = 0.0) -> bool:
        """Whether there is a message, or the end, within timeout seconds."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(None if timeout is None else max(0.0, timeout * 1000)))

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Optional[bytes]:
        """Takes the next message; None if there was none in that time. EOFError: there will be none."""
        self._after_fork()
        timeout = _files.limit(timeout)
        if not block:
            timeout = 0.0
        deadline = time.monotonic() + timeout if timeout is not None else None
        if not self._lock.acquire(timeout is None or timeout > 0, -1 if not timeout else timeout):
            return None
        try:
            while True:
                data = self._message(deadline)
                if data is None or self._is_whole(data):
                    return data
        except OSError as e:
            if e.errno in (errno.EIDRM, errno.ENODATA):
                raise EOFError from None
            raise
        finally:
            self._lock.release()

    def _is_whole(self, data: bytes) -> bool:
        """Whether a killed writer has not left it half."""
        if self.raw or len(data) < _files.WRITE_MAX:
            return True
        magic, length = TRAILER.unpack(data[-TRAILER.size :])
        return (magic == MAGIC and length == len(data)) or is_whole_pickle(data)

    def _message(self, deadline: Optional[float]) -> Optional[bytes]:
        """A message, or None."""
        handle = self._own()
        data = self._first(handle, deadline)
        if data is None or len(data) < READ_FIRST:
            return data
        try:
            return self._rest(handle, data)
        except BaseException:
            self._handle = None  # what is left of the message goes with the handle
            handle.close()
            raise

    def _first(self, handle: _files.Handle, deadline: Optional[float]) -> Optional[bytes]:
        while True:
            if deadline is None:
                if self._waits is not None:
                    _files.set_timeout(handle.fd, None)
                    self._waits = None
                data = os.read(handle.fd, READ_FIRST)
            else:
                self._waits = deadline
                found = _files.read_until(handle.fd, READ_FIRST, deadline)
                if found is None:
                    return None
                data = found
            if data:
                return data
            if self._is_over(handle):
                raise EOFError
            if self.raw:
                return data

    def _is_over(self, handle: _files.Handle) -> bool:
        """Whether an empty read was the end: the queue is closed and drained. Else it was an empty message."""
        poll = select.poll()
        poll.register(handle.fd, select.POLLIN)
        return any(event & select.POLLHUP for _, event in poll.poll(0))

    def _rest(self, handle: _files.Handle, data: bytes) -> bytes:
        """The whole message of which data is as much as the first read could have."""
        parts = [data]
        unread = ITEM.unpack(fcntl.ioctl(handle.fd, IPCFS_ITEM, bytes(ITEM.size)))[2]
        while unread > 0:
            parts.append(os.read(handle.fd, min(unread, READ_MORE)))
            if not parts[-1]:
                raise OSError("got end of file during message")
            unread -= len(parts[-1])
        return b"".join(parts)


class Writer:
    """Puts messages into a queue."""

    def __init__(self, file: _files.Reference, raw: bool = False) -> None:
        self.file = file
        self.raw = raw
        self._handle: Optional[_files.Handle] = file.life or file.open("", os.O_WRONLY)

    def __getstate__(self) -> Any:
        return (self.file, self.raw)

    def __setstate__(self, state: Any) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._handle is None

    def close(self) -> None:
        """Closes its handles."""
        for handle in (self._handle, vars(self).pop("_polling", None), self.file.life):
            if handle:
                handle.close()
        self._handle = self.file.life = None

    def fileno(self) -> int:
        """A descriptor that poll(2) finds writable when there is room."""
        if self._handle is None:
            raise OSError("handle is closed")
        return self._handle.fd

    def put(self, data: Any, block: bool = True, timeout: Optional[float] = None) -> bool:
        """Puts a message; False if there was no room in that time. BrokenPipeError: nobody will ever take it."""
        try:
            if len(data) > _files.WRITE_MAX:
                return self._put_long(data, block, timeout)
            if block and timeout is None:
                _files.write(self.fileno(), data)
                return True
            return self._put_until(data, block, timeout)
        except OSError as e:
            if e.errno == errno.EIDRM:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None
            raise

    def _put_until(self, data: Any, block: bool, timeout: Optional[float]) -> bool:
        deadline = time.monotonic() + (timeout or 0)
        polling = _files.once(self, "_polling", lambda: self.file.open("", os.O_WRONLY | os.O_NONBLOCK))
        try:
            _files.write(polling.fd, data)
            return True
        except BlockingIOError:
            pass
        timeout = _files.limit(timeout)
        if not block or timeout == 0:
            return False
        if timeout is None:
            return self.put(data)
        handle = self.file.open("", os.O_WRONLY)
        return _files.write_until(handle.fd, bytes(data), deadline)

    def _put_long(self, data: Any, block: bool, timeout: Optional[float]) -> bool:
        """Puts what is too long for one write; if others take the room that it has found, it waits for them."""
        size = len(data) + (0 if self.raw else TRAILER.size)
        timeout = _files.limit(timeout) if block else 0.0
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._has_room(size) and deadline is not None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.005)
        handle = self.file.open("block", os.O_WRONLY)
        view = memoryview(data)
        for start in range(0, len(view), _files.WRITE_MAX):
            os.write(handle.fd, view[start : start + _files.WRITE_MAX])
        if not self.raw:
            os.write(handle.fd, TRAILER.pack(MAGIC, size))
        while True:
            try:
                os.fsync(handle.fd)
                return True
            except OSError as e:
                if e.errno not in (errno.ETIMEDOUT, errno.EBUSY):
                    raise

    def _has_room(self, size: int) -> bool:
        """Whether a message of so many bytes could be put now; EMSGSIZE: never.

        What is gathered is put when its handle closes, so this must be known before."""
        stat = {key: int(value) for key, value in self.file.stat().items() if value.isdigit()}
        if size > stat["capacity"]:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        return stat["bytes"] + size <= stat["capacity"] and not 0 < stat["maxsize"] <= stat["messages"]
