#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 01-signals.py - signals by process number: a handler that runs in the middle of a computation, an alarm for oneself, a
# pause until a signal comes, and the two ways in which sending fails. signals/PID is a process, signals/self oneself.
# It prints:
#   the handler runs
#   the computation has gone on to its end
#   the alarm has come
#   the pause is over
#   another user's process: Operation not permitted
#   a process that is gone: No such process
import os
import signal
import subprocess

from ipcfs import Event, Process

SIGNALS = os.path.join(os.environ.get("IPCFS_MOUNT", "/ipc"), "signals")


def send(pid, name, options=""):
    with open(f"{SIGNALS}/{pid}{options}", "w") as f:
        f.write(name)


def compute(ready):
    handled = []

    def handler(number, frame):
        handled.append(number)
        print("the handler runs", flush=True)

    signal.signal(signal.SIGUSR1, handler)
    ready.set()
    n = 0
    while not handled:  # asynchronous: nothing here asks for the signal
        n += 1
    print("the computation has gone on to its end", flush=True)


def alarm():
    # Blocked, then waited for: a pause(2) would miss a signal that comes just before it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    send("self", "ALRM", ",after=0.1")
    signal.sigwait({signal.SIGALRM})
    print("the alarm has come", flush=True)


def pause(ready):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    ready.set()
    signal.sigwait({signal.SIGUSR2})
    print("the pause is over", flush=True)


def try_to_send(pid, user=None):
    # Another program, so that it can be another user's.
    command = ["bash", "-c", f"echo TERM >{SIGNALS}/{pid}"]
    told = subprocess.run(command, user=user, stderr=subprocess.PIPE, text=True).stderr
    return told.strip().split(": ")[-1]


def main():
    ready = Event()
    p = Process(target=compute, args=(ready,))
    p.start()
    ready.wait()
    send(p.pid, "USR1")
    p.join()

    p = Process(target=alarm)
    p.start()
    p.join()

    ready.clear()
    p = Process(target=pause, args=(ready,))
    p.start()
    ready.wait()
    send(p.pid, "USR2")
    p.join()

    # Root may signal anybody, so there it is nobody (65534) who tries; else we try with the first process of all.
    root = os.getuid() == 0
    print("another user's process:", try_to_send(os.getpid() if root else 1, 65534 if root else None))
    try:
        send(p.pid, "TERM")
    except ProcessLookupError as e:
        print("a process that is gone:", e.strerror)


if __name__ == "__main__":
    main()
