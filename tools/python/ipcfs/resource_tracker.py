# SPDX-License-Identifier: MIT
"""multiprocessing.resource_tracker itself: nothing in it is different here."""

import sys
from multiprocessing import resource_tracker

sys.modules[__name__] = resource_tracker
