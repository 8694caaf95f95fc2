#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 12-results.sh - how results come back from children: through a queue, from a pool of workers, through a shared list.
# ipcfs map is Pool.map; worker, submit, result, close and join are Pool, apply_async, get, close and join.
# It prints:
#   queue: 0 1 4
#   map: 0 1 4 9 16 25 36 49 64 81
#   result: 49
#   result tells how the worker failed: division by 0, exit status 1
#   close refuses: Broken pipe
#   join has waited for all
#   list: 0 1 4
# shellcheck disable=SC2016 # the workers' shell expands it
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
name=example-$$
tasks=queues/$name items=lists/$name
trap 'rm -rf "$tasks" "$items" "dicts/$name-results"' EXIT

touch "$tasks" "$items"
for n in 0 1 2; do echo $((n * n)) > "$tasks" & done
echo queue: "$(for _ in 0 1 2; do cat "$tasks"; done | sort -n | xargs)"
wait
rm "$tasks"

echo map: "$(seq 0 9 | ipcfs map -j 5 -- bash -c 'echo $(({} * {}))' | xargs)"

ipcfs worker -j 5 "$tasks" -- bash -c '{}' &
first=$(ipcfs submit "$tasks" 'echo $((7 * 7))')
second=$(ipcfs submit "$tasks" 'echo $((1 / 0))')
echo "result: $(ipcfs result "$tasks" "$first")"
why=$(ipcfs result "$tasks" "$second" 2>&1) || status=$?
echo "result tells how the worker failed: $(grep -o 'division by 0' <<< "$why"), exit status $status"
for n in 0 1 2; do ipcfs submit "$tasks" "echo $((n * n)) >> $items"; done > /dev/null
ipcfs close "$tasks"
why=$(ipcfs submit "$tasks" true 2>&1) || echo "close refuses: $(grep -oi 'broken pipe' <<< "$why")"
ipcfs join "$tasks" && echo 'join has waited for all'
wait # closed and done: the workers have ended
echo list: "$(sort -n "$items" | xargs)"
