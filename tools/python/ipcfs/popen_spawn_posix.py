# SPDX-License-Identifier: MIT
"""multiprocessing.popen_spawn_posix itself: nothing in it is different here."""

import sys
from multiprocessing import popen_spawn_posix

sys.modules[__name__] = popen_spawn_posix
