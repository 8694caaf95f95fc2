# SPDX-License-Identifier: MIT
"""multiprocessing over /ipc: the same names, arguments, exceptions and context managers.

Change ``import multiprocessing`` to ``import ipcfs`` and a program's locks, queues and shared values are files
below the mount ($IPCFS_MOUNT, else /ipc)::

    from ipcfs import Process, Queue

    def work(q):
        q.put("done")

    if __name__ == "__main__":
        q = Queue()
        Process(target=work, args=(q,)).start()
        print(q.get())

What is more than multiprocessing has: ``Lock(name="build")``, ``Queue(name="jobs", raw=True)`` and so on are the
objects of that name, which programs of any language share; all objects can be passed to any process or pool and
through queues; ``Lock(robust=True)`` is released when its holder is killed; ``fileno()`` can be waited for by poll(2)
and asyncio. See ipcfs-python(3)."""

from __future__ import annotations

import sys
from importlib import import_module as _import_module
from multiprocessing import process  # noqa: F401
from typing import Any as _Any

from . import context, reduction  # noqa: F401
from ._files import UntrustedError

# As in multiprocessing: the methods of the default context are the functions of the package.
_default = context._default_context
active_children = _default.active_children
allow_connection_pickling = _default.allow_connection_pickling
Array = _default.Array
AuthenticationError = _default.AuthenticationError
Barrier = _default.Barrier
BoundedSemaphore = _default.BoundedSemaphore
BufferTooShort = _default.BufferTooShort
Condition = _default.Condition
cpu_count = _default.cpu_count
current_process = _default.current_process
Event = _default.Event
freeze_support = _default.freeze_support
get_all_start_methods = _default.get_all_start_methods
get_context = _default.get_context
get_logger = _default.get_logger
get_start_method = _default.get_start_method
JoinableQueue = _default.JoinableQueue
Lock = _default.Lock
log_to_stderr = _default.log_to_stderr
Manager = _default.Manager
parent_process = _default.parent_process
Pipe = _default.Pipe
Pool = _default.Pool
Process = _default.Process
ProcessError = _default.ProcessError
Queue = _default.Queue
RawArray = _default.RawArray
RawValue = _default.RawValue
RLock = _default.RLock
Semaphore = _default.Semaphore
set_executable = _default.set_executable
set_forkserver_preload = _default.set_forkserver_preload
set_start_method = _default.set_start_method
SimpleQueue = _default.SimpleQueue
TimeoutError = _default.TimeoutError
Value = _default.Value
reducer = _default.reducer

__all__ = [name for name in dir(_default) if not name.startswith("_")]
__all__ += ["UntrustedError"]

SUBDEBUG = 5
SUBWARNING = 25


def __getattr__(name: str) -> _Any:
    """A submodule that nobody has imported: CPython's own code imports most of multiprocessing's as it goes along."""
    try:
        if not name.startswith("_"):
            return _import_module(f"{__name__}.{name}")
    except ImportError:
        pass
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if "__main__" in sys.modules:
    sys.modules["__mp_main__"] = sys.modules["__main__"]
