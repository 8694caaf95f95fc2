# SPDX-License-Identifier: MIT
"""multiprocessing.util itself: nothing in it is different here."""

import sys
from multiprocessing import util

sys.modules[__name__] = util
