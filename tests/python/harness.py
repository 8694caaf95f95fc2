# SPDX-License-Identifier: MIT
"""What the tests of this folder share. A test file ends with harness.main(), and each of its functions that is
decorated with @test is a test: "ok NAME", "not ok NAME (why)" or "skip NAME why". $IPCFS_MOUNT is the mount, which
with_mount.sh has made for the file alone, and the private objects that a test leaves in it are a failure."""

import faulthandler
import gc
import os
import pathlib
import sys
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "python"))
# For processes that are started anew.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tools" / "python"), str(ROOT / "tests" / "python")])

import ipcfs  # noqa: E402
from ipcfs import _files  # noqa: E402

M = pathlib.Path(os.environ.get("IPCFS_MOUNT", "/ipc"))
LONG = "LONG" in os.environ
METHODS = ("fork", "spawn", "forkserver")
LIMIT = 300  # seconds a test: machines are busy; far more than any needs
TESTS = []


class Skip(Exception):
    """Raised by a test that cannot be done here."""


def test(function):
    """Makes a function a test."""
    TESTS.append((function.__name__, function, ()))
    return function


def test_each_method(function):
    """Makes a function a test for each start method; it is given the context."""
    for method in METHODS:
        TESTS.append((f"{function.__name__} under {method}", function, (ipcfs.get_context(method),)))
    return function


def same(got, want):
    """Fails unless both are the same."""
    if got != want or type(got) is not type(want):
        raise AssertionError(f"got {got!r}, want {want!r}")


class raises:
    """Fails unless the body raises this class, with a message that begins so."""

    def __init__(self, cls, words=""):
        self.cls, self.words = cls, words

    def __enter__(self):
        return self

    def __exit__(self, cls, error, trace):
        if cls is None or not issubclass(cls, self.cls):
            raise AssertionError(f"want {self.cls.__name__}, got {error!r}") from error
        if self.words not in str(error):
            raise AssertionError(f"want {self.words!r}, got {error!r}") from error
        self.error = error
        return True


def until(condition, what):
    """Waits until condition() is true."""
    end = time.monotonic() + LIMIT / 2
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.01)


def waiters(kind, name):
    """How many requests wait for an object."""
    for line in (M / kind / f"{name},stat").read_text().splitlines():
        if line.startswith("waiters "):
            return int(line.split()[1])
    raise AssertionError(f"no waiters in {kind}/{name},stat")


def private_objects():
    """The private objects of all processes."""
    kinds = ("queues", "semaphores", "events", "barriers", "conditions", "values", "arrays", "lists", "dicts", "pipes")
    return [str(p.relative_to(M)) for kind in kinds if (M / kind).exists() for p in (M / kind).glob("py-*")]


def run(name, function, args):
    """Runs a test; whether it did not fail."""
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    try:
        function(*args)
        for process in ipcfs.active_children():
            process.join(LIMIT / 2)
            same((process.name, process.is_alive()), (process.name, False))
        _files._kept.clear()  # what was passed on stays until the process ends
        gc.collect()  # a pool is a circle of references
        until(lambda: not private_objects(), "nothing to be left behind")
        print("ok", name, flush=True)
    except Skip as e:
        print("skip", name, e, flush=True)
    except BaseException as e:
        traceback.print_exc()
        print(f"not ok {name} ({type(e).__name__}: {e})".splitlines()[0], flush=True)
        return False
    finally:
        faulthandler.cancel_dump_traceback_later()
    return True


def main():
    """Runs the tests whose names contain one of the arguments, or all."""
    bad = 0
    for name, function, args in TESTS:
        if not sys.argv[1:] or any(word in name for word in sys.argv[1:]):
            bad += not run(name, function, args)
    sys.stdout.flush()
    sys.exit(1 if bad else 0)
