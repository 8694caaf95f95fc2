#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 03-queue.sh - producers and consumers over a queue: every item comes once, and each producer's in its order.
# It prints:
#   2 producers, 3 consumers: 100 items, each of them once
#   each consumer saw each producer's items in order
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
jobs=queues/example-$$ got=lists/example-$$
trap 'rm -f "$jobs" "$got"' EXIT
touch "$jobs" "$got"

for name in a b; do
	for n in {1..50}; do echo "$name $n" > "$jobs"; done &
	producers+=($!)
done
for consumer in 1 2 3; do
	while read -r name n < "$jobs" && [ "$name" != end ]; do echo "$consumer $name $n" >> "$got"; done &
done
wait "${producers[@]}"
for _ in 1 2 3; do echo end > "$jobs"; done
wait

[ "$(cut -d' ' -f2- "$got" | sort -k1,1 -k2n)" = "$(for name in a b; do seq -f "$name %g" 50; done)" ] || exit 1
echo "2 producers, 3 consumers: $(wc -l < "$got") items, each of them once"
awk '{ who = $1 " " $2; if ($3 <= last[who]) exit 1; last[who] = $3 }' "$got" || exit 1
echo "each consumer saw each producer's items in order"
