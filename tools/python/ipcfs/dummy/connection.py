# SPDX-License-Identifier: MIT
"""multiprocessing.dummy.connection itself."""

import sys
from multiprocessing.dummy import connection

sys.modules[__name__] = connection
