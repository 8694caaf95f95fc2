#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 11-buffered.py - buffered output, looked at from a reader: one program writes the same words unbuffered, by lines, and
# fully buffered. On a queue each write(2) is a message, so the reader sees where the writer's buffer was emptied. What
# is left comes at close.
# It prints:
#   unbuffered: 'one ' 'two\n' 'three ' 'four\n' 'five'
#   by lines: 'one two\n' 'three four\n', and at close: 'five'
#   blocks of 8: 'one two\n' 'three fo', and at close: 'ur\nfive'
import os

QUEUE = os.path.join(os.environ.get("IPCFS_MOUNT", "/ipc"), "queues", f"example-{os.getpid()}")


def write(f, encode=str):
    for word in ("one ", "two\n", "three ", "four\n", "five"):
        f.write(encode(word))


def messages():
    fd = os.open(QUEUE, os.O_RDWR | os.O_NONBLOCK)
    found = []
    try:
        while True:
            found.append(repr(os.read(fd, 100).decode()))
    except BlockingIOError:  # none is left
        os.close(fd)
        return " ".join(found)


def main():
    with open(QUEUE, "wb", buffering=0) as f:
        write(f, str.encode)
        print("unbuffered:", messages())
    with open(QUEUE, "w", buffering=1) as f:
        write(f)
        print("by lines:", messages(), end="")
    print(", and at close:", messages())
    with open(f"{QUEUE},block=8", "wb", buffering=0) as f:  # the server gathers: blocks are full, however it is written
        write(f, str.encode)
        print("blocks of 8:", messages(), end="")
    print(", and at close:", messages())


if __name__ == "__main__":
    try:
        main()
    finally:
        os.remove(QUEUE)
