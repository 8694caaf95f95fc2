#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cpython.py [METHOD...] [-k PATTERN...] - CPython's own tests of multiprocessing, run on ipcfs.

In a copy of test/_test_multiprocessing.py of the Python that runs this, the word "multiprocessing" is replaced by
"ipcfs", which is what "changing only the import" means; then unittest runs it under each start method.
IPCFS_MOUNT says where the mount is, the package is the one in tools/python. Tells its results as tests/run.sh
wants them; 77: this Python has no test suite."""

import faulthandler
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import traceback
import unittest

PACKAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "tools" / "python"
METHODS = ("fork", "spawn", "forkserver")

# Tests that cannot apply, and why.
NOT_OURS = {
    "TestStartMethod.test_mixed_startmethod": "expects that objects of one start method are refused by another",
    "TestResourceTracker.test_resource_tracker": "semaphores here go with their maker, not by way of the tracker",
    "TestResourceTracker.test_resource_tracker_sigkill": "locks here need no resource tracker, so none is started anew",
}


def environment(folder):
    """Makes an environment as venv does, with the package in it: some tests start Python with -I. Gives its python."""
    site = folder / "lib" / ("python%d.%d" % sys.version_info[:2]) / "site-packages"
    site.mkdir(parents=True)
    (site / "ipcfs.pth").write_text(f"{PACKAGE}\n{folder}\n")
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    real = os.path.realpath(sys.executable)
    python.symlink_to(real)
    (folder / "pyvenv.cfg").write_text(f"home = {os.path.dirname(real)}\ninclude-system-site-packages = false\n")
    return python


def changed(text):
    """A test's text with only the import changed."""
    text = re.sub(r"\bmultiprocessing\b", "ipcfs", text)
    # What multiprocessing's own code says of itself, which is here, too.
    return text.replace("unclosed running ipcfs pool", "unclosed running multiprocessing pool")


def write_tests(folder):
    """Writes the changed copies; False if there is nothing to copy."""
    spec = importlib.util.find_spec("test")
    source = pathlib.Path(spec.origin).parent if spec and spec.origin else None
    if not source or not (source / "_test_multiprocessing.py").exists():
        return False
    (folder / "_ipcfs_test_multiprocessing.py").write_text(changed((source / "_test_multiprocessing.py").read_text()))
    for name in ("mp_fork_bomb.py", "mp_preload.py"):
        (folder / name).write_text(changed((source / name).read_text()))
    for method in METHODS:
        (folder / f"test_ipcfs_{method}.py").write_text(
            f"import _ipcfs_test_multiprocessing as t\nt.install_tests_in_module_dict(globals(), {method!r})\n"
        )
    return True


class Result(unittest.TestResult):
    """Tells each result as a line."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        faulthandler.dump_traceback_later(240, exit=True)

    def stopTest(self, test):
        faulthandler.cancel_dump_traceback_later()
        super().stopTest(test)

    def tell(self, word, test, why=""):
        """Prints the line."""
        name = test.id().partition(".")[2]
        took = time.monotonic() - self.began if hasattr(self, "began") else 0
        print(word, f"{METHOD}.{name}", why, f"({took:.1f} s)", flush=True)

    def addSuccess(self, test):
        self.tell("ok", test)

    def addSkip(self, test, reason):
        self.tell("skip", test, reason)

    def addExpectedFailure(self, test, err):
        self.tell("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell("not ok", test)
        print(self.failures[-1][1], flush=True)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.tell("not ok", subtest)
            print("".join(traceback.format_exception(*err)), flush=True)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.tell("not ok", test, "it was expected to fail")

    def addError(self, test, err):
        super().addError(test, err)
        self.tell("not ok", test)
        print(self.errors[-1][1], flush=True)


def every_test(suite):
    """The tests of a suite of suites."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from every_test(test)
        else:
            yield test


def run(method, patterns):
    """In the environment: runs the tests of a start method."""
    global METHOD
    METHOD = method
    module = importlib.import_module(f"test_ipcfs_{method}")
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{p}*" for p in patterns] or None
    suite = unittest.TestSuite()
    for test in every_test(loader.loadTestsFromModule(module)):
        name = test.id().partition(".")[2]
        if name in NOT_OURS:
            print("skip", f"{method}.{name}", NOT_OURS[name])
        else:
            suite.addTest(test)
    result = Result()
    suite.run(result)
    return 0 if result.wasSuccessful() else 1


def main():
    """Prepares and runs all."""
    args, patterns = sys.argv[1:], []
    while "-k" in args:
        i = args.index("-k")
        patterns.append(args[i + 1])
        del args[i : i + 2]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if not write_tests(folder):
            print(f"skip cpython {sys.executable} has no test suite (Debian: libpython3.11-testsuite)")
            return 77
        python = environment(folder)
        bad = 0
        for method in args or METHODS:
            code = subprocess.call([python, __file__, "--run", method, *patterns], cwd=folder)
            if code not in (0, 1):
                print(f"not ok {method} ran to its end (status {code})")
            bad |= code
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        METHOD = ""
        sys.exit(run(sys.argv[2], sys.argv[3:]))
    sys.exit(main())
