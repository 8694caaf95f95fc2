# SPDX-License-Identifier: MIT
"""multiprocessing.popen_fork itself: nothing in it is different here."""

import sys
from multiprocessing import popen_fork

sys.modules[__name__] = popen_fork
