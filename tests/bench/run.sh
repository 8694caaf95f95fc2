#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh [--quick] - `make bench`: each program compares ours with its like within one run; a row says what both
# cost, the ratio, the target that it must keep now and the one to be reached at last. A target that is
# missed is told, not an error: a machine may be busy. 1: something could not run.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=${BUILD:-build/release}
[ -d "$build/tests/bench" ] || build=build/release
export IPCFS=${IPCFS:-$PWD/build/ipcfs} LC_ALL=C.UTF-8
rows=$(mktemp) || exit 1
trap 'rm -f "$rows"' EXIT
status=0

section()
{
	local title=$1 program=$2
	shift 2

	printf -- '-- %s\n' "$title"
	"$build/tests/bench/$program" "$@" | tee -a "$rows"
	[ "${PIPESTATUS[0]}" = 0 ] || {
		echo "bench: $program failed" >&2
		status=1
	}
}

printf '%-42s | %11s | %-37s | %7s | %-12s | %-12s\n' what ipcfs beside ratio 'target, met?' 'later, met?'
section 'the library, one process' bench_lib "$@"
section 'the library, between processes' bench_procs "$@"
if [ -e /dev/fuse ] && [ "$(id -u)" = 0 ]; then
	section 'files; client and servers on one CPU' bench_fuse "$@"
	section 'files; wherever the scheduler puts them' bench_fuse --unpinned "$@"
	section 'many objects, many waiters' bench_scale "$@"
	section 'many keys' bench_keys "$@"
else
	echo '-- files: skipped, they need root and /dev/fuse'
fi
awk -F'|' '
	$5 ~ /yes|NO/ { now++; met += $5 ~ /yes/ }
	$6 ~ /yes|NO/ { later++; reached += $6 ~ /yes/ }
	END { printf "targets met: %d of %d; later ones: %d of %d\n", met, now, reached, later }' "$rows"
exit $status
