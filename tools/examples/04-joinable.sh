#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 04-joinable.sh - a queue that can be joined: consumers declare each message done, and who reads the view join waits
# for the last of them.
# It prints:
#   join has returned: 20 of 20 tasks were done
#   one more: Value too large for defined data type
#   in words: called too many times
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
tasks=queues/example-$$ done=values/example-$$
trap 'rm -f "$tasks" "$done"' EXIT
touch "$tasks"
echo 0 > "$done"

for _ in 1 2 3; do
	while read -r _ < "$tasks"; do # until the queue is closed
		echo 'add 1' > "$done"
		echo 'done 1' > "$tasks,ctl"
	done 2> /dev/null &
done
for n in {1..20}; do echo "$n" > "$tasks"; done
read -r _ < "$tasks,join"
echo "join has returned: $(cat "$done") of 20 tasks were done"
echo close > "$tasks,ctl"
wait

why=$(bash -c "echo 'done 1' > $tasks,ctl" 2>&1) || echo "one more: ${why##*: }"
# The mount's file errors tells the last failures in words.
echo "in words: $(grep -F "$tasks:" errors | tail -n 1 | grep -o 'called too many times')"
