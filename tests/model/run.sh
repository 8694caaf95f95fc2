#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh - `make model`: checks each protocol model exhaustively with spin, and that each seeded mistake is found. Prints
# "ok NAME" or "not ok NAME (why)" for each, and a closing line.
set -u
LONG=${LONG:-0}
cd "$(dirname "$0")" || exit 1
command -v spin > /dev/null || { echo 'skip models: spin is not installed'; exit 77; }
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# pan holds|fails MODEL DEFINE...: what the checker says of the model with these definitions.
pan() {
	local model=$2 defines=() optimize=0
	[ "$LONG" = 0 ] || [ "$1" = fails ] || optimize=2
	shift 2
	for define in "$@"; do defines+=("-D$define"); done
	rm -rf "$work/run" && mkdir "$work/run" && cd "$work/run" || return 1
	spin "${defines[@]}" -a "$here/$model.pml" > spin.out 2>&1 || { cat spin.out; return 1; }
	# An optimizer takes longer with pan.c than all but the largest searches do.
	cc -O$optimize -w -DSAFETY -DCOLLAPSE -DMEMLIM=4000 -DVECTORSZ=2048 -o pan pan.c || return 1
	timeout 900 ./pan -m1000000
}

# check holds|fails MODEL DEFINE...
check() {
	local want=$1 name="${*:2}" out states errors
	out=$(pan "$@" 2>&1)
	errors=$(sed -n 's/.*errors: \([0-9]*\)$/\1/p' <<< "$out")
	states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' <<< "$out")
	if grep -q 'Search not completed' <<< "$out" && [ "${errors:-0}" = 0 ]; then errors=incomplete; fi
	if { [ "$want" = holds ] && [ "$errors" = 0 ]; } || { [ "$want" = fails ] && [ "${errors:-0}" -gt 0 ]; } 2> /dev/null; then
		echo "ok $name ($want, ${states:-?} states)"
		passed=$((passed + 1))
	else
		echo "not ok $name (should: $want, errors: ${errors:-none told})"
		failed=$((failed + 1))
	fi
}

check holds lock
check fails lock REUSE_NUMBER
check fails lock NO_REPAIR
check fails lock REPAIR_BACKWARD
check fails lock COMMIT_EARLY
check fails lock BLIND_TAKEOVER
check holds wait
check fails wait COMMIT_FIRST
check fails wait LOOK_WITHOUT_LOCK
check fails wait SERVER_LOOKS
check fails wait NO_SEQ
check fails wait LATE_SEQ
check holds sem
check fails sem COMMIT_FIRST
check holds lease
check fails lease NO_REDO
check fails lease REPAIR_DROPS
check fails lease OWNER_LATE
check fails lease BURY_LIVING
check fails lease NO_BURY
check fails lease ANY_READY
check holds dead
check fails dead NO_NOTE
check fails dead NOTE_LATE
check fails dead NOTE_EARLY
check fails dead NOTE_DROPPED_FIRST
check fails dead NUMBERLESS
check fails dead NO_INTENT
check fails dead LOOK_THERE
check holds member THREADS
check holds member RINGS FORK
check holds member KILL_SERVER SCAN
check fails member KILL_SERVER
check fails member KILL_SERVER SCAN UNLINK_FIRST
check fails member SCAN RENAME_FIRST
check fails member SCAN SWEEP_TEMP
check fails member PAGE_LATE
check fails member CLEAR_EARLY
check fails member THREADS ONE_SLOT
check fails member RINGS BELL_OVERWRITES
check fails member RINGS SAME_EVENT
check fails member FORK FORK_INSIDE
check fails member FORK CHILD_KEEPS_NUMBER
check holds bell
for mistake in ONE_MORE ONE_READ COUNT_LAST NO_EXCLUSION FEW TOUCH_FIRST; do
	check fails bell $mistake
done
if [ "$LONG" != 0 ]; then check holds condition KILLS=2; else check holds condition; fi
for mistake in COMMIT_FIRST LEAVE_DROPS PASS_IN_TWO NO_REDO TRUST_DEAD LATE_SEQ; do
	check fails condition $mistake
done
check holds claim
check holds claim CONVERT
for mistake in COMMIT_FIRST NO_REDO NO_UNSTAGE TRUST_DEAD CLEAN_DEATH DEAD_TURN KEEP_TURN QUIT_SILENT REFUSED_KEEPS \
	LATE_SEQ WAKE_READ NO_RING; do
	check fails claim $mistake
done
if [ "$LONG" != 0 ]; then
	check holds bell THREADS=3
	check holds member RINGS THREADS
	check holds claim KILLS=2
	check holds claim KILLS=1 GIVE_UPS=1 REQUESTS=2
	check holds claim CONVERT GIVE_UPS=0 REQUESTS=2
	check holds claim ROUNDS=2 GIVE_UPS=0
	check holds claim PROGRAMS=3 GIVE_UPS=0 KILLS=0
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
