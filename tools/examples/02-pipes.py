#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 02-pipes.py - pipes: parent and child talk over the two ends of a Pipe(); two write into one end at once, and no
# message is torn, whatever its size; a named pipe (FIFO) between two programs that know nothing of each other.
# It prints:
#   the child has got 'hello'
#   the parent has got ['HELLO', 5]
#   and then the end of file
#   200 whole messages, 0 torn
#   the FIFO carried 1000 lines one way
import os
import subprocess

from ipcfs import Pipe, Process

PIPES = os.path.join(os.environ.get("IPCFS_MOUNT", "/ipc"), "pipes")


def child(end):
    word = end.recv()
    print(f"the child has got {word!r}", flush=True)
    end.send([word.upper(), len(word)])
    end.close()


def write(end, letter):
    for _ in range(100):
        end.send_bytes(letter * 20000)


def talk():
    ours, theirs = Pipe()
    p = Process(target=child, args=(theirs,))
    p.start()
    theirs.close()  # or there would be no end of file: we would have it open ourselves
    ours.send("hello")
    print("the parent has got", ours.recv())
    try:
        ours.recv()
    except EOFError:
        print("and then the end of file")
    p.join()


def two_writers():
    reader, writer = Pipe(duplex=False)
    writers = [Process(target=write, args=(writer, letter)) for letter in (b"x", b"y")]
    for p in writers:
        p.start()
    writer.close()
    whole = torn = 0
    try:
        while True:
            message = reader.recv_bytes()
            if message in (b"x" * 20000, b"y" * 20000):
                whole += 1
            else:
                torn += 1
    except EOFError:
        print(f"{whole} whole messages, {torn} torn")
    for p in writers:
        p.join()


def fifo():
    path = f"{PIPES}/example-{os.getpid()}"
    os.mkfifo(path)
    try:
        writer = subprocess.Popen(["sh", "-c", f"seq 1000 >{path}"])
        with open(path) as f:
            lines = f.read().split()
        writer.wait()
        assert lines == [str(n) for n in range(1, 1001)]
        print(f"the FIFO carried {len(lines)} lines one way")
    finally:
        os.remove(path)


if __name__ == "__main__":
    talk()
    two_writers()
    fifo()
