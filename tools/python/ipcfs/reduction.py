# SPDX-License-Identifier: MIT
"""multiprocessing.reduction itself: nothing in it is different here."""

import sys
from multiprocessing import reduction

sys.modules[__name__] = reduction
