# SPDX-License-Identifier: MIT
from multiprocessing.managers import *
from multiprocessing import managers as _c
globals().update({k: v for k, v in vars(_c).items() if k not in globals()})
