# SPDX-License-Identifier: MIT
"""multiprocessing.process itself: nothing in it is different here."""

import sys
from multiprocessing import process

sys.modules[__name__] = process
