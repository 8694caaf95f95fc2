#!/bin/bash
# SPDX-License-Identifier: MIT
#
# with_mount.sh FILE [ARGUMENT...] - runs a test of this folder, a file of Python, with a mount of its own.
# PYTHON is the Python to run it with; else it is Debian's.
set -u
file=$1
shift
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/../shell/lib.sh"

python=${PYTHON:-/usr/bin/python3}
if [ ! -x "$python" ]; then
	skip "$(basename "$file" .py)" "there is no $python"
	finish
fi
export IPCFS_MOUNT=$M
"$python" -B "$file" "$@" </dev/null
case $? in
0 | 77) ;;
*) bad=$((bad + 1)) ;;
esac
finish
