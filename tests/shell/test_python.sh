#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_python.sh - runs test_python.py, what Python does with the files, with Debian's python3 and numpy.
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"

if [ ! -x /usr/bin/python3 ]; then
	skip python 'there is no /usr/bin/python3'
	finish
fi
if ! timeout -k 1 240 /usr/bin/python3 -I -B "$HERE/test_python.py" "$M" </dev/null; then
	bad=$((bad + 1))
fi
finish
