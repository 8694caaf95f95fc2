# SPDX-License-Identifier: MIT
"""multiprocessing.spawn itself: nothing in it is different here."""

import sys
from multiprocessing import spawn

sys.modules[__name__] = spawn
