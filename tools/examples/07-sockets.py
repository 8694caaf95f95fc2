#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 07-sockets.py - sockets: a stream between two processes over AF_UNIX, whose socket is a file below the mount, and over
# TCP, where both ends are files. A mount of root's needs the option tcp for the second.
# It prints:
#   over AF_UNIX: 100000 bytes, the same
#   over TCP: 100000 bytes, the same
import os
import socket

from ipcfs import Process

SOCKETS = os.path.join(os.environ.get("IPCFS_MOUNT", "/ipc"), "sockets")
DATA = bytes(range(250)) * 400


def send_unix(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(DATA)


def over_unix():
    path = f"{SOCKETS}/example-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        try:
            server.listen()
            p = Process(target=send_unix, args=(path,))
            p.start()
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as f:
                got = f.read()
            p.join()
        finally:
            os.remove(path)
    print(f"over AF_UNIX: {len(got)} bytes,", "the same" if got == DATA else "others")


def send_tcp(path):
    with open(path, "wb", buffering=0) as f:  # the first write connects
        f.write(DATA)


def over_tcp():
    path = f"{SOCKETS}/listen:127.0.0.1:0"  # port 0: one that is free
    open(path, "x").close()
    try:
        with open(path + ",stat") as f:
            address = next(line.split()[1] for line in f if line.startswith("address "))
        p = Process(target=send_tcp, args=(f"{SOCKETS}/tcp:{address}",))
        p.start()
        with open(path, "rb") as f:  # the first read takes the next connection
            got = f.read()
        p.join()
    finally:
        os.remove(path)
    print(f"over TCP: {len(got)} bytes,", "the same" if got == DATA else "others")


if __name__ == "__main__":
    over_unix()
    over_tcp()
