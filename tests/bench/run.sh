#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh - `make bench`: each program compares ours with its like within one run; a row says what both cost, the
# ratio, and whether it is within its target. Arguments (--quick) go to every program.
set -u
cd "$(dirname "$0")/../.."
bench=${BUILD:-build/release}/tests/bench
[ -x "$bench/bench_lib" ] || bench=build/release/tests/bench
export IPCFS=${IPCFS:-$PWD/build/ipcfs}
status=0
printf '%-34s %12s  %-24s %12s  %5s\n' what ipcfs beside it ratio
"$bench/bench_lib" "$@" || status=1
if [ -e /dev/fuse ] && [ "$(id -u)" = 0 ]; then
	echo '-- files, client and servers on one CPU'
	"$bench/bench_fuse" "$@" || status=1
	echo '-- files, wherever the scheduler puts them'
	"$bench/bench_fuse" --unpinned "$@" || status=1
else
	echo '-- files: skipped, that needs root and /dev/fuse'
fi
exit $status
