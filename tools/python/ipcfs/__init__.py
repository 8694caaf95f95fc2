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
from multiprocessing import process  # noqa: F401

from . import context, reduction  # noqa: F401
from ._files import UntrustedError

# As in multiprocessing: the methods of the default context are the package's functions.
__all__ = [x for x in dir(context._default_context) if not x.startswith("_")]
globals().update((name, getattr(context._default_context, name)) for name in __all__)
__all__.append("UntrustedError")

SUBDEBUG = 5
SUBWARNING = 25

if "__main__" in sys.modules:
    sys.modules["__mp_main__"] = sys.modules["__main__"]
