#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 08-manager.sh - a shared list and shared numbers: a worker changes them, and the parent looks on. And the pitfall: a
# variable of the shell is not shared, each process has its own.
# It prints:
#   before: 0 0
#   while the worker still runs: 11 101
#   the list, a line each:
#   ""
#   ""
#   "12"
#   "102"
#   the shell's variable: 5 in the worker, still 0 in the parent
# shellcheck disable=SC2030,SC2031 # that it is lost is what it shows
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
name=example-$$
items=lists/$name first=values/$name-1 second=values/$name-2 seen=events/$name sold=0
trap 'rm -f "$items" "$first" "$second" "$seen"' EXIT
printf '\n\n' > "$items" # two empty items
echo 0 > "$first"
echo 0 > "$second"
touch "$seen"
echo "before: $(cat "$first") $(cat "$second")"

(
	echo 11 > "$first"
	echo 101 > "$second"
	read -r _ < "$seen"
	echo 12 >> "$items"
	echo 102 >> "$items"
	sold=5
	exit $sold
) &
# Each change, as it comes; to look again once a second would do as well.
while read -r n && [ "$n" != 101 ]; do :; done < "$second,watch"
kill -0 "$!" && echo "while the worker still runs: $(cat "$first") $(cat "$second")"
echo 1 > "$seen"
wait "$!"
workers=$?
echo 'the list, a line each:'
sed 's/.*/"&"/' "$items"
echo "the shell's variable: $workers in the worker, still $sold in the parent"
