#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 11-buffered.sh - buffered output, looked at from a reader: one program writes the same words unbuffered, by lines, and
# in blocks. On a queue each write is a message; through the views lines and block each line (without its newline), each
# full block is one. What is left comes at close.
# It prints:
#   unbuffered: [one ] [two ] [three ] [four ] [five]
#   by lines: [one two] [three four], and at close: [five]
#   blocks of 8: [one two ] [three fo], and at close: [ur five]
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
queue=queues/example-$$
trap 'rm -f "$queue"' EXIT
touch "$queue"

# It writes five times; a newline is shown as a blank.
program() { for word in 'one ' $'two\n' 'three ' $'four\n' five; do env printf %s "$word"; done; }
messages() # what a reader finds
{
	local message found=()
	while message=$(cat "$queue,timeout=0" && echo .); do
		message=${message%.}
		found+=("[${message//$'\n'/ }]")
	done 2> /dev/null
	printf '%s' "${found[*]}"
}

program > "$queue"
echo "unbuffered: $(messages)"
for view in lines block=8; do
	title='by lines'
	[ $view = lines ] || title='blocks of 8'
	exec 3> "$queue,$view"
	program >&3
	printf '%s: %s' "$title" "$(messages)"
	exec 3>&-
	echo ", and at close: $(messages)"
done
