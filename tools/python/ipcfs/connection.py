# SPDX-License-Identifier: MIT
from multiprocessing.connection import *
from multiprocessing import connection as _c
globals().update({k: v for k, v in vars(_c).items() if k not in globals()})
def Pipe(duplex=True, *, name=None): return _c.Pipe(duplex)
