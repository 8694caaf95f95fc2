# SPDX-License-Identifier: MIT
"""multiprocessing.shared_memory itself: nothing in it is different here."""

import sys
from multiprocessing import shared_memory

sys.modules[__name__] = shared_memory
