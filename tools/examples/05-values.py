#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 05-values.py - a shared Value and shared Arrays: what a child changes the parent sees at once; what is wrong is an
# error that changes nothing.
# It prints:
#   i 42
#   array [1, 20, 3, 4]
#   ten zeros, one of them set: [0, 0, 0, 0, 0, 0, 0, 0, 0, 9]
#   floats 0.5 1.25
#   bytes b'hello'
#   a float for an int: TypeError, it is still 42
#   past the end: IndexError
from ipcfs import Array, Process, Value


def child(number, array, zeros, floats, text):
    number.value = 42
    array[1] = 20
    zeros[9] = 9
    floats[1] = 1.25
    text.value = b"hello"


def main():
    number = Value("i")
    array = Array("i", [1, 2, 3, 4])
    zeros = Array("i", 10)
    floats = Array("f", [0.5, 0.75])
    text = Array("c", b"nothing")
    p = Process(target=child, args=(number, array, zeros, floats, text))
    p.start()
    p.join()

    print("i", number.value)
    print("array", [n for n in array])
    print("ten zeros, one of them set:", zeros[:])
    print("floats", *floats)
    print("bytes", text.value)
    try:
        number.value = 1.5
    except TypeError as e:
        print(f"a float for an int: {type(e).__name__}, it is still {number.value}")
    try:
        array[4] = 5
    except IndexError as e:
        print("past the end:", type(e).__name__)


if __name__ == "__main__":
    main()
