# SPDX-License-Identifier: MIT
"""multiprocessing.heap itself: nothing in it is different here."""

import sys
from multiprocessing import heap

sys.modules[__name__] = heap
