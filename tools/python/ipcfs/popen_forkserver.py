# SPDX-License-Identifier: MIT
"""multiprocessing.popen_forkserver itself: nothing in it is different here."""

import sys
from multiprocessing import popen_forkserver

sys.modules[__name__] = popen_forkserver
