# SPDX-License-Identifier: MIT
"""multiprocessing.reduction; descriptors can be sent over a pipe of the mount, too, which is no socket."""

from __future__ import annotations

from multiprocessing import reduction as _reduction
from multiprocessing.reduction import DupFd, ForkingPickler, dump, recvfds, register, sendfds
from typing import Any

__all__ = ["send_handle", "recv_handle", "ForkingPickler", "register", "dump", "DupFd", "sendfds", "recvfds"]

globals().update({k: v for k, v in vars(_reduction).items() if k not in globals()})


def _is_pipe(conn: Any) -> bool:
    from .connection import PipeConnection

    return isinstance(conn, PipeConnection)


def send_handle(conn: Any, handle: int, destination_pid: int) -> None:
    """Sends a descriptor over a connection."""
    if _is_pipe(conn):
        conn.send(DupFd(handle))
    else:
        _reduction.send_handle(conn, handle, destination_pid)


def recv_handle(conn: Any) -> int:
    """Receives a descriptor over a connection. RuntimeError: what came is none."""
    if not _is_pipe(conn):
        return _reduction.recv_handle(conn)
    data = conn.recv_bytes()
    try:
        return ForkingPickler.loads(data).detach()
    except Exception:
        raise RuntimeError("Invalid data received") from None
