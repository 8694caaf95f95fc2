#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 06-semaphore.sh - a semaphore: five processes, at most three inside. Through the view hold a place belongs to the open
# file that has acquired it, so that it is free again when its process is killed.
# It prints:
#   three are inside, free places: 0, waiting: 2
#   one of them is killed, and another comes in, free places: 0, waiting: 1
#   all have been inside, never more than three; free places: 3
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
name=example-$$
places=semaphores/$name inside=queues/$name go=events/$name
trap 'rm -f "$places" "$inside" "$go"' EXIT
touch "$places,value=3" "$inside" "$go"

# How many wait. Those who have asked for a place and those who are about to look the same: until there are $1.
waiting() { until grep -qx "waiters $1" "$places,stat"; do sleep 0.01; done; echo "$1"; }
free() { cat "$places,peek"; }

for _ in 1 2 3 4 5; do
	(
		exec 3< "$places,hold"
		read -ru3 _                 # acquire
		echo "$BASHPID" > "$inside"
		read -r _ < "$go"
		echo leaves > "$inside"
	) &                                # the end closes the file, and so releases
done
read -r first < "$inside"
read -r _ < "$inside"
read -r _ < "$inside"
echo "three are inside, free places: $(free), waiting: $(waiting 2)"

{ kill -9 "$first" && wait "$first"; } 2> /dev/null
read -r _ < "$inside"
echo "one of them is killed, and another comes in, free places: $(free), waiting: $(waiting 1)"

echo 1 > "$go"
now=3 most=3
for _ in 1 2 3 4 5; do # the three leave, the fifth comes and leaves
	read -r who < "$inside"
	if [ "$who" = leaves ]; then now=$((now - 1)); else now=$((now + 1)); fi
	[ "$now" -le "$most" ] || most=$now
done
wait
[ "$most" = 3 ] || exit 1
echo "all have been inside, never more than three; free places: $(free)"
