# SPDX-License-Identifier: MIT
"""The package: installed by pip without a network, complete, and of the names that multiprocessing has."""

import importlib
import inspect
import multiprocessing
import os
import pathlib
import pkgutil
import subprocess
import sys
import tempfile

from harness import ROOT, Skip, main, same, test

import ipcfs

PACKAGE = ROOT / "tools" / "python"


@test
def pip_installs_it_offline():
    if subprocess.run(
        [sys.executable, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ).returncode:
        raise Skip("there is no pip")
    with tempfile.TemporaryDirectory() as folder:
        # An index that cannot be reached, rather than --no-index: nothing may be asked of it.
        env = {**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_CONFIG_FILE": os.devnull, "HOME": folder}
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--root-user-action=ignore",
            "--target",
            folder,
            PACKAGE,
        ]
        subprocess.run(command, env=env, check=True, timeout=200)
        script = "import ipcfs; print(ipcfs.__file__); l = ipcfs.Lock(); print(l)"
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": folder}, check=True, stdout=subprocess.PIPE)
        same(done.stdout.decode(), f"{folder}/ipcfs/__init__.py\n<Lock(owner=None)>\n")
        installed = {
            str(p.relative_to(folder)) for p in pathlib.Path(folder).glob("ipcfs/**/*") if p.suffix in (".py", ".typed")
        }
        same(
            installed,
            {str(p.relative_to(PACKAGE)) for p in PACKAGE.glob("ipcfs/**/*") if p.suffix in (".py", ".typed")},
        )


@test
def the_names_of_multiprocessing():
    same(sorted(set(multiprocessing.__all__) - set(ipcfs.__all__)), [])
    for name in multiprocessing.__all__:
        ours, theirs = getattr(ipcfs, name), getattr(multiprocessing, name)
        if inspect.ismethod(theirs):
            # The same parameters, in the same order; more of them only by keyword.
            want = list(inspect.signature(theirs).parameters.values())
            got = list(inspect.signature(ours).parameters.values())
            same([(p.name, p.kind) for p in got][: len(want)], [(p.name, p.kind) for p in want])
            same([p.default for p in got][: len(want)], [p.default for p in want])
            same(all(p.kind is p.KEYWORD_ONLY for p in got[len(want) :]), True)
    for module in pkgutil.iter_modules(multiprocessing.__path__):
        if module.name != "popen_spawn_win32":
            ours = importlib.import_module(f"ipcfs.{module.name}")
            theirs = importlib.import_module(f"multiprocessing.{module.name}")
            same((module.name, sorted(set(dir(theirs)) - set(dir(ours)))), (module.name, []))


@test
def modules_that_nobody_has_imported():
    script = "import ipcfs; print(ipcfs.queues.Empty.__name__, hasattr(ipcfs, 'nothing'), hasattr(ipcfs, '_nothing'))"
    done = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE)
    same(done.stdout, b"Empty False False\n")


@test
def everything_is_annotated_and_told():
    for module in pkgutil.iter_modules(ipcfs.__path__):
        if module.name == "popen_spawn_win32":
            continue
        module = importlib.import_module(f"ipcfs.{module.name}")
        if not module.__name__.startswith("ipcfs"):
            continue  # multiprocessing's own
        same(bool(module.__doc__), True)
        for cls in [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__]:
            for name, f in vars(cls).items():
                if inspect.isfunction(f) and not name.startswith("_"):
                    same((cls.__name__, name, bool(f.__doc__)), (cls.__name__, name, True))
                    same((cls.__name__, name, "return" in f.__annotations__), (cls.__name__, name, True))


if __name__ == "__main__":
    main()
