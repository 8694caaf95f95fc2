# SPDX-License-Identifier: MIT
"""multiprocessing.resource_sharer itself: nothing in it is different here."""

import sys
from multiprocessing import resource_sharer

sys.modules[__name__] = resource_sharer
