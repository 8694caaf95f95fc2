# SPDX-License-Identifier: MIT
"""multiprocessing.pool over queues of the mount. Tasks, workers and results are handled by CPython's own code."""

from __future__ import annotations

from multiprocessing import pool as _pool
from multiprocessing import util
from multiprocessing.pool import ThreadPool
from typing import Any, Callable, Iterable, Optional

__all__ = ["Pool", "ThreadPool"]

globals().update({k: v for k, v in vars(_pool).items() if k not in globals()})


class Pool(_pool.Pool):
    """A pool of processes."""

    def __init__(
        self,
        processes: Optional[int] = None,
        initializer: Optional[Callable[..., Any]] = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: Optional[int] = None,
        context: Any = None,
    ) -> None:
        if context is None:
            from .context import _default_context

            context = _default_context.get_context()
        super().__init__(processes, initializer, initargs, maxtasksperchild, context)

    @staticmethod
    def _help_stuff_finish(inqueue: Any, task_handler: Any, size: int) -> None:
        # As CPython's; but no lock keeps the workers from taking what poll() has seen.
        util.debug("removing tasks from inqueue until task handler finished")
        while task_handler.is_alive() and inqueue._reader._end.get(block=False) is not None:
            pass
