# SPDX-License-Identifier: MIT
"""multiprocessing.forkserver itself: nothing in it is different here."""

import sys
from multiprocessing import forkserver

sys.modules[__name__] = forkserver
