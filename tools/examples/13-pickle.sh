#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 13-pickle.sh - objects that other means cannot send: a lock, a queue and an event handed to workers, and a lock sent
# through a queue. An object is its name, so it goes wherever a word goes.
# It prints:
#   a lock, handed to four workers: 20 of 20 counted
#   a queue and an event, handed to a worker: it waited, then sent done
#   a lock, sent through a queue: it is the same lock
# shellcheck disable=SC2016 # the workers' shell expands it
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
name=example-$$
lock=locks/$name queue=queues/$name go=events/$name number=values/$name
trap 'rm -f "$lock" "$queue" "$go" "$number"' EXIT
touch "$lock" "$queue" "$go"
echo 0 > "$number"

for _ in 1 2 3 4; do
	bash -c '
		exec 3<> "$1"
		for _ in {1..5}; do
			read -ru3 _
			echo $(($(cat "$2") + 1)) > "$2" # two steps: without the lock some would be lost
			echo unlock >&3
		done' worker "$lock" "$number" &
done
wait
echo "a lock, handed to four workers: $(cat "$number") of 20 counted"

bash -c 'read -r _ < "$1"; echo done > "$2"' worker "$go" "$queue" &
[ -z "$(cat "$queue,peek")" ] || exit 1
echo 1 > "$go"
echo "a queue and an event, handed to a worker: it waited, then sent $(cat "$queue")"
wait

echo "$lock" > "$queue"
exec 3<> "$(cat "$queue")"
read -ru3 _
flock -n "$lock" true || echo 'a lock, sent through a queue: it is the same lock'
